/* SPDX-License-Identifier: EUPL-1.2 */
/* The keeper's records half: see keeper_records.h. One thread; every call returns when the disk has
 * it. */
#include "roles/keeper_records.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/identity/secret.h"
#include "records/correlation.h"
#include "records/people.h"
#include "records/reads.h"
#include "records/user_tokens.h"
#include "records/settings.h"
#include "roles/keeper_demo.h"
#include "roles/keeper_fed.h"
#include "roles/keeper_items.h"
#include "roles/keeper_people.h"
#include "roles/keeper_privacy.h"
#include "records/rule_cost.h"
#include "roles/keeper_records_priv.h"
#include "roles/keeper_registers.h"
#include "roles/keeper_signals.h"
#include "roles/keeper_upgrade.h"
#include "roles/rules_wire.h"

int keeper_records_open(const char *data_dir, const struct keeper_records_hooks *hooks,
                        struct err *e, struct keeper_records **out)
{
    _Static_assert(KEEPER_TOKEN_TEXT == SECRET_TEXT_LEN + 1, "a token is a secret");
    char path[4096];
    *out = NULL;
    CHECK(hooks->read_record != NULL);
    int n = snprintf(path, sizeof path, "%s/records.db", data_dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(e, ERR_LIMIT, "the path of the data directory is too long");
    }
    struct keeper_records *kr = mem_alloc(sizeof *kr);
    kr->magic = KEEPER_RECORDS_MAGIC;
    kr->hooks = *hooks;
    kr->data_dir = mem_strdup(data_dir);
    arena_init(&kr->scratch, 256 << 10);
    arena_init(&kr->kept, 4096);
    arena_init(&kr->own_names, 0);
    buf_init(&kr->reads, READS_WAIT_MAX);
    buf_init(&kr->out, ASK_ANSWER_MAX_BYTES);
    buf_init(&kr->rules, KEEPER_RULES_BATCH + KEEPER_RULE_MAX);
    buf_init(&kr->registers, REGISTER_FILES_MAX * (REGISTER_FILE_MAX + 4096));
    buf_init(&kr->role_files, PEOPLE_ROLE_FILES_MAX * (PEOPLE_ROLE_FILE_MAX + 4096));
    int rc = records_open(path, clock_now(), e, &kr->db);
    rc = rc < 0 ? rc : db_write_back_aside(kr->db, path, e);
    rc = rc == 0 ? keeper_upgrade_note(kr->db, clock_now(), e) : rc;
    rc = rc == 0 ? keeper_registers_open(kr, clock_now(), e) : rc;
    rc = rc == 0 ? keeper_people_open(kr, e) : rc;
    rc = rc == 0 ? keeper_demo_open(kr, e) : rc;
    if (rc < 0) {
        keeper_records_close(&kr);
        return rc;
    }
    keeper_sources_load(kr, e);
    keeper_tell_tokens(kr);
    keeper_signals_sweep(kr, clock_now());
    keeper_signals_tick(kr); /* what is there already is no news */
    *out = kr;
    return 0;
}

void keeper_records_close(struct keeper_records **out)
{
    struct keeper_records *kr = *out;
    *out = NULL;
    if (kr == NULL) {
        return;
    }
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    if (kr->db != NULL) {
        keeper_sources_flush(kr);
        keeper_reads_flush(kr);
    }
    keeper_sources_free(kr);
    db_close(&kr->db);
    buf_free(&kr->out);
    buf_free(&kr->rules);
    buf_free(&kr->registers);
    registers_free(&kr->kinds);
    buf_free(&kr->role_files);
    people_roles_free(&kr->roles);
    mem_free(kr->data_dir);
    arena_fini(&kr->scratch);
    arena_fini(&kr->kept);
    arena_fini(&kr->own_names);
    buf_free(&kr->reads);
    kr->magic = 0;
    mem_free(kr);
}

int keeper_records_setup_link(struct keeper_records *kr, char token[KEEPER_TOKEN_TEXT],
                              struct err *e)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    unsigned char hash[SECRET_HASH_BYTES];
    secret_new(token);
    secret_hash(span_of(token), hash);
    return setup_create(kr->db, span_make((const char *)hash, sizeof hash), clock_now(), e);
}

struct db *keeper_records_db(struct keeper_records *kr)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    return kr->db;
}

void keeper_records_tell_stops(struct keeper_records *kr)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    keeper_tell_stops(kr);
}

void keeper_records_desk(struct keeper_records *kr, struct ipc *desk)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    kr->desk = desk;
    kr->pulsed = 0; /* the new one is told at once */
}

static void tell(struct keeper_records *kr, struct buf *body)
{
    if (kr->desk != NULL && !body->failed) {
        (void)!ipc_send(kr->desk, MSG_DESK_EVENT, 0, buf_view(body));
    }
}

void keeper_tell_alert(struct keeper_records *kr, enum ask_event kind, const struct alert_row *row)
{
    struct buf b;
    buf_init(&b, 256 << 10);
    buf_u8(&b, (uint8_t)kind);
    alert_row_encode(&b, row);
    tell(kr, &b);
    buf_free(&b);
}

void keeper_tell_warning(struct keeper_records *kr, const struct fed_warning_row *row)
{
    struct fed_warning_row brief = *row;
    struct buf b;
    brief.body = SPAN("");
    buf_init(&b, 256 << 10);
    buf_u8(&b, EVENT_WARNING);
    fed_warning_encode(&b, &brief);
    tell(kr, &b);
    buf_free(&b);
}

/* ---- alerts ---- */

static int insert_all(struct keeper_records *kr, const struct keeper_alert *alerts, size_t count,
                      char (*ids)[ALERT_ID_LEN + 1], bool *is_new, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (keeper_demo_late(kr, alerts[i].a->organisation, alerts[i].a->source)) {
            continue;
        }
        int rc = alerts_insert(kr->db, alerts[i].a, alerts[i].detail, &alerts[i].place, ids[i],
                               &is_new[i], e);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int keeper_records_alerts(struct keeper_records *kr, const struct keeper_alert *alerts,
                          size_t count, struct err *e)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    if (count == 0) {
        return 0;
    }
    arena_reset(&kr->scratch);
    char(*ids)[ALERT_ID_LEN + 1] = arena_calloc(&kr->scratch, count, sizeof *ids);
    bool *is_new = arena_calloc(&kr->scratch, count, sizeof *is_new);
    int rc = db_begin(kr->db, e);
    if (rc < 0) {
        return rc;
    }
    rc = db_end(kr->db, insert_all(kr, alerts, count, ids, is_new, e), e);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct alert_row row;
        if (is_new[i] &&
            alerts_get(kr->db, SPAN("*"), span_of(ids[i]), &kr->scratch, &row, NULL, NULL) == 0) {
            keeper_tell_alert(kr, EVENT_ALERT, &row);
        }
    }
    return rc;
}

int keeper_records_windows_put(struct keeper_records *kr, struct span bytes, struct err *e)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    return correlation_state_put(kr->db, bytes, e);
}

int keeper_records_windows_get(struct keeper_records *kr, struct buf *out, struct err *e)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    return correlation_state_get(kr->db, out, e);
}

/* ---- rules ---- */

/* Stores the rules gathered so far. */
static int rules_store(struct keeper_records *kr, struct err *e)
{
    struct cursor c = cursor_of(buf_view(&kr->rules));
    int rc = kr->rules.len == 0 ? 1 : db_begin(kr->db, e);
    if (rc != 0) {
        return rc > 0 ? 0 : rc;
    }
    while (cursor_left(&c) > 0 && rc == 0) {
        struct rule_row rule;
        rule_decode(&c, &rule);
        rc = c.failed ? err_set(e, ERR_INVALID, "a rule of the compiler is broken")
                      : rules_put(kr->db, &rule, kr->rules_generation, e);
    }
    buf_clear(&kr->rules);
    return db_end(kr->db, rc, e);
}

/* The compiler counts its runs from one at each start of the node; ours go on. */
static int rules_begin(struct keeper_records *kr, uint64_t told, struct err *e)
{
    if (told == kr->rules_told && kr->rules_generation != 0) {
        return 0;
    }
    int64_t current = 0;
    int rc = rules_generation(kr->db, e, &current);
    buf_clear(&kr->rules);
    kr->rules_told = told;
    kr->rules_generation = current + 1;
    return rc;
}

static int take_rule(struct keeper_records *kr, struct span body, struct err *e)
{
    struct rule_row rule;
    struct cursor c = cursor_of(body);
    uint64_t told = cursor_u64(&c);
    struct span encoded = span_make(c.ptr, cursor_left(&c));
    rule_decode(&c, &rule);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "a rule of the compiler is broken");
    }
    int rc = rules_begin(kr, told, e);
    if (rc == 0) {
        buf_span(&kr->rules, encoded);
        CHECK(!kr->rules.failed);
        rc = kr->rules.len >= KEEPER_RULES_BATCH ? rules_store(kr, e) : 0;
    }
    return rc;
}

static int take_refusals(struct keeper_records *kr, struct cursor *c, const struct rules_done *done,
                         struct err *e)
{
    for (uint32_t i = 0; i < done->listed; i++) {
        struct rules_refusal r;
        rules_refusal_decode(c, &r);
        if (c->failed) {
            return err_set(e, ERR_INVALID, "the compiler's summary is broken");
        }
        struct rule_refusal row = {r.file, r.line, r.reason};
        int rc =
            i < RULE_REFUSED_MAX ? rules_put_refusal(kr->db, &row, kr->rules_generation, e) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the compiler's summary is broken");
}

static int take_done(struct keeper_records *kr, struct span body, struct err *e)
{
    struct rules_done done;
    struct cursor c = cursor_of(body);
    rules_done_decode(&c, &done);
    if (c.failed) {
        return err_set(e, ERR_INVALID, "the compiler's summary is broken");
    }
    if (!done.usable) {
        buf_clear(&kr->rules);
        kr->rules_generation = 0;
        return 0; /* the old set stays in use, and listed */
    }
    int rc = rules_begin(kr, done.generation, e);
    rc = rc < 0 ? rc : rules_store(kr, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    if (rc < 0) {
        return rc;
    }
    rc = take_refusals(kr, &c, &done, e);
    rc = rc < 0 ? rc : rules_switch(kr->db, kr->rules_generation, clock_now(), e);
    rc = rc < 0 ? rc : rule_costs_prune(kr->db, e);
    rc = db_end(kr->db, rc, e);
    kr->rules_generation = 0;
    return rc;
}

bool keeper_records_message(struct keeper_records *kr, enum role_id peer, struct ipc *ch,
                            struct ipc_msg *msg)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    struct err e = {0};
    int rc = 0;
    switch (msg->type) {
    case MSG_DESK_ASK:
    case MSG_FED_ASK:
        keeper_answer(kr, ch, msg);
        return true;
    case MSG_RULE:
        rc = take_rule(kr, msg->body, &e);
        break;
    case MSG_RULES_DONE:
        rc = take_done(kr, msg->body, &e);
        keeper_tell_stops(kr);
        break;
    case MSG_RULE_COSTS:
        rc = keeper_costs_take(kr, msg->body, &e);
        break;
    case MSG_RULE_STOP:
        rc = keeper_stop_take(kr, msg->body, &e);
        break;
    default:
        return false;
    }
    if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_error("records.rules", "from=%s why=\"%s\"", role_name(peer),
                  log_value(span_of(e.text), shown));
    }
    return true;
}

/* ---- time ---- */

static void pulse(struct keeper_records *kr, time_ns now)
{
    struct keeper_status s;
    struct err e = {0};
    struct buf b;
    arena_reset(&kr->scratch);
    if (keeper_status(kr, now, &s, &e) < 0) {
        log_error("records.status", "why=\"%s\"", e.text);
        return;
    }
    buf_init(&b, 4096);
    buf_u8(&b, EVENT_PULSE);
    keeper_status_encode(&b, &s);
    tell(kr, &b);
    buf_free(&b);
}

int keeper_records_set(struct keeper_records *kr, struct span name, struct span value, time_ns now,
                       struct err *e)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    return settings_put(kr->db, name, value, now, e);
}

void keeper_records_tick(struct keeper_records *kr, time_ns now)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    struct err e = {0};
    if (kr->desk != NULL && now - kr->pulsed >= KEEPER_PULSE_S * TIME_SECOND) {
        kr->pulsed = now;
        pulse(kr, now);
    }
    keeper_sources_watch(kr, now);
    keeper_signals_tick(kr);
    keeper_registers_tick(kr, now);
    keeper_reads_flush(kr);
    if (now - kr->flushed >= KEEPER_FLUSH_S * TIME_SECOND) {
        kr->flushed = now;
        keeper_sources_flush(kr);
    }
    if (now - kr->swept >= KEEPER_SWEEP_S * TIME_SECOND) {
        kr->swept = now;
        if (session_sweep(kr->db, now, &e) < 0 || reads_sweep(kr->db, now, &e) < 0 || sign_in_link_sweep(kr->db, now, &e) < 0 || user_token_sweep(kr->db, now, &e) < 0) {
            log_error("records.sweep", "why=\"%s\"", e.text);
        }
        keeper_signals_sweep(kr, now);
        keeper_fed_sweep(kr, now);
        keeper_items_sweep(kr, now);
    }
}
