/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's answers to the desk: one function per question of records/ask.def. Each reads its
 * part of the question, does one thing with records, and writes the answer. A question that cannot
 * be read is the desk's fault and ends its channel.
 */
#include "base/log.h"
#include "records/places.h"
#include "records/factors.h"
#include "roles/keeper_briefs.h"
#include "roles/keeper_factors.h"
#include "roles/keeper_staff.h"
#include "roles/keeper_demo.h"
#include "roles/keeper_user_tokens.h"
#include "roles/keeper_appointments.h"
#include "roles/keeper_fed.h"
#include "roles/keeper_holds.h"
#include "roles/keeper_items.h"
#include "records/rule_cost.h"
#include "roles/keeper_people.h"
#include "roles/keeper_privacy.h"
#include "roles/keeper_retention.h"
#include "roles/keeper_records_priv.h"
#include "roles/keeper_registers.h"
#include "roles/keeper_signals.h"

typedef keeper_answer_fn answer_fn;

/* True when the question was read whole; else the answer is ERR_INVALID. */
static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int admin_exists(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    bool exists = false;
    int rc = whole(c, e);
    rc = rc < 0 ? rc : account_admin_exists(kr->db, e, &exists);
    answer_begin(&kr->out, rc, e);
    buf_u8(&kr->out, exists);
    buf_u8(&kr->out, kr->demo != DEMO_NONE);
    return rc;
}

static int find_session(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct account a = {0};
    struct span hash = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : session_find(kr->db, hash, clock_now(), &kr->scratch, &a, e);
    rc = rc < 0 ? rc : keeper_seats_read(kr, a.id, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        account_encode(&kr->out, &a);
        keeper_seats_encode(kr);
    }
    return rc;
}

static int by_name(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct account a = {0};
    struct span name = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : account_by_name(kr->db, name, &kr->scratch, &a, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        account_encode(&kr->out, &a);
        buf_str(&kr->out, a.password);
    }
    return rc;
}

/* Hashes have one length; another is a broken question. */
static struct span hash_of(struct cursor *c)
{
    struct span hash = cursor_str(c);
    if (hash.len != ACCOUNT_HASH_BYTES) {
        c->failed = true;
    }
    return hash;
}

static int make_session(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span user = cursor_str(c);
    struct span hash = hash_of(c);
    struct span address = cursor_str(c);
    struct factor_proof proof;
    factor_proof_decode(c, &proof);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : session_create(kr->db, user, hash, address, &proof, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int end_session(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span hash = hash_of(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : session_end(kr->db, hash, e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int check_setup(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span hash = hash_of(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : setup_check(kr->db, hash, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int use_setup(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    char id[ID_TEXT_LEN + 1] = {0};
    struct span hash = hash_of(c);
    struct span name = cursor_str(c);
    struct span password = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : setup_use(kr->db, hash, name, password, clock_now(), id, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_of(id));
    }
    return rc;
}

static int list_alerts(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct alert_filter f;
    struct alert_page page = {0};
    struct alert_counts n = {0};
    alert_filter_decode(c, &f);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : alerts_list(kr->db, &f, &kr->scratch, &page, e);
    rc = rc < 0 ? rc : alerts_count(kr->db, &f.places, clock_now(), &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    alert_counts_encode(&kr->out, &n);
    buf_u8(&kr->out, page.more);
    buf_u64(&kr->out, (uint64_t)page.last_received);
    buf_str(&kr->out, page.last_id);
    buf_u32(&kr->out, (uint32_t)page.count);
    for (size_t i = 0; i < page.count; i++) {
        alert_row_encode(&kr->out, &page.rows[i]);
    }
    return 0;
}

/* The original record; a damaged or purged one is told in words and is no reason not to show the
 * alert. */
static void put_record(struct keeper_records *kr, const struct alert_row *row)
{
    struct err e = {0};
    struct ask_record rec = {0};
    struct alert_place place = {row->block_day, row->block_id, row->block_index, {"", 0}};
    int rc = kr->hooks.read_record(kr->hooks.arg, &place, ASK_RECORD_MAX, &kr->scratch, &rec.text,
                                   &rec.truncated, &e);
    rec.found = rc == 0;
    if (rc < 0) {
        rec.text = span_of(e.text);
        rec.truncated = false;
    }
    record_encode(&kr->out, &rec);
}

static int get_alert(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct alert_row row;
    struct span detail;
    struct rule_row rule;
    struct alert_step *steps = NULL;
    size_t n = 0;
    struct policy_places places;
    places_decode(c, &places);
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : alerts_find(kr->db, &places, id, &kr->scratch, &row, &detail, e);
    rc = rc < 0 ? rc : alerts_history(kr->db, row.id, &kr->scratch, &steps, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    bool known = rules_get(kr->db, row.rule_hash, &kr->scratch, &rule, NULL) == 0;
    alert_row_encode(&kr->out, &row);
    buf_str(&kr->out, detail);
    buf_u8(&kr->out, known);
    if (known) {
        rule_encode(&kr->out, &rule);
    }
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        step_encode(&kr->out, &steps[i]);
    }
    put_record(kr, &row);
    return 0;
}

static int change_alert(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct alert_change ch;
    struct alert_row row = {0};
    alert_change_decode(c, &ch);
    int rc = whole(c, e);
    if (rc == 0 && ch.action == ALERT_DO_CLOSE && !alert_close_reason_valid(ch.reason)) {
        rc = err_set(e, ERR_INVALID, "no reason to close is called so");
    }
    rc = rc < 0 ? rc : alerts_change(kr->db, &ch, clock_now(), &kr->scratch, &row, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0 || ((rc == ERR_BUSY || rc == ERR_DENIED) && row.id.len > 0)) {
        alert_row_encode(&kr->out, &row);
    }
    if (rc == 0) {
        keeper_tell_alert(kr, EVENT_CHANGE, &row);
    }
    return rc;
}

static int list_sources(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct policy_places places;
    places_decode(c, &places);
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    time_ns now = clock_now();
    uint32_t n = 0;
    for (size_t i = 0; i < kr->sources.len; i++) {
        n += policy_places_have(&places, kr->sources.data[i]->row.organisation);
    }
    buf_u64(&kr->out, (uint64_t)(policy_places_whole(&places) ? kr->unknown : 0));
    buf_u32(&kr->out, n);
    for (size_t i = 0; i < kr->sources.len; i++) {
        struct keeper_source *s = kr->sources.data[i];
        if (policy_places_have(&places, s->row.organisation)) {
            struct source_row row = s->row;
            row.rate_milli = keeper_source_rate(s, now);
            source_encode(&kr->out, &row);
        }
    }
    return 0;
}

static int list_tokens(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct ingest_token *tokens = NULL;
    size_t n = 0;
    struct span organisation = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc < 0 ? rc : tokens_list(kr->db, organisation, &kr->scratch, &tokens, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        tokens[i].hash = SPAN(""); /* of no use to the desk */
        token_encode(&kr->out, &tokens[i]);
    }
    return 0;
}

static int make_token(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct ingest_token t;
    token_decode(c, &t);
    struct span who = cursor_str(c);
    int rc = t.hash.len == ACCOUNT_HASH_BYTES ? whole(c, e) : err_set(e, ERR_INVALID, "no hash");
    rc = rc < 0 ? rc : tokens_create(kr->db, &t, who, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        keeper_tell_tokens(kr);
    }
    return rc;
}

static int end_token(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc < 0 ? rc : tokens_revoke(kr->db, organisation, id, who, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        keeper_tell_tokens(kr);
    }
    return rc;
}

int keeper_status(struct keeper_records *kr, time_ns now, struct keeper_status *out, struct err *e)
{
    struct alert_counts n;
    struct rule_page page;
    struct rule_refusal *refused = NULL;
    size_t refused_count = 0;
    memset(out, 0, sizeof *out);
    out->last_event = TIME_NONE;
    out->archive_oldest_day = -1;
    int rc = alerts_count(kr->db, &policy_whole_node, now, &n, e);
    rc = rc < 0 ? rc : rules_list(kr->db, SPAN(""), SPAN(""), SPAN(""), 1, &kr->scratch, &page, e);
    rc = rc < 0 ? rc : rules_refused(kr->db, &kr->scratch, &refused, &refused_count, e);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < kr->sources.len; i++) {
        const struct keeper_source *s = kr->sources.data[i];
        out->events += s->row.events;
        out->rate_milli += keeper_source_rate(s, now);
        out->last_event = s->row.last_event > out->last_event ? s->row.last_event : out->last_event;
        out->sources_live +=
            s->row.last_event != TIME_NONE && now - s->row.last_event < KEEPER_LIVE_S * TIME_SECOND;
    }
    out->sources_total = (int64_t)kr->sources.len;
    out->open = n.by_status[ALERT_NEW] + n.by_status[ALERT_ACKNOWLEDGED];
    out->alerts = out->open + n.by_status[ALERT_CLOSED];
    out->rules_loaded = page.total;
    out->rules_refused = (int64_t)refused_count;
    out->matches_lost = kr->matches_lost;
    if (kr->hooks.correlate_pulse != NULL) {
        const struct correlate_pulse *p = kr->hooks.correlate_pulse(kr->hooks.arg);
#define X(name) out->correlate_##name = (int64_t)p->name;
        CORRELATE_COUNTERS(X)
#undef X
    }
    if (kr->hooks.copy_state != NULL) {
        kr->hooks.copy_state(kr->hooks.arg, out);
    }
    if (kr->hooks.archive_size != NULL) {
        kr->hooks.archive_size(kr->hooks.arg, &out->archive_bytes, &out->archive_events,
                               &out->archive_oldest_day);
    }
    return 0;
}

static int tell_copy(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct copy_report r = {.oldest = INT32_MIN, .state = {.newest = INT32_MIN, .at = TIME_NONE, .failed_at = TIME_NONE}};
    int rc = whole(c, e);
    rc = rc == 0 && kr->hooks.copy_report != NULL ? kr->hooks.copy_report(kr->hooks.arg, &r, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        copy_report_encode(&kr->out, &r);
    }
    return rc;
}

static int tell_status(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct keeper_status s;
    int rc = whole(c, e);
    rc = rc < 0 ? rc : keeper_status(kr, clock_now(), &s, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        keeper_status_encode(&kr->out, &s);
    }
    return rc;
}

static int list_rules(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct rule_page page = {0};
    struct rule_refusal *refused = NULL;
    size_t refused_count = 0;
    struct rule_cost_row *stopped = NULL;
    size_t stopped_count = 0;
    struct span words = cursor_str(c);
    struct span title = cursor_str(c);
    struct span hash = cursor_str(c);
    uint32_t limit = cursor_u32(c);
    int rc = limit == 0 || limit > RULE_PAGE_MAX ? err_set(e, ERR_INVALID, "the limit is wrong")
                                                 : whole(c, e);
    rc = rc < 0 ? rc : rules_list(kr->db, words, title, hash, limit, &kr->scratch, &page, e);
    rc = rc < 0 ? rc : rules_refused(kr->db, &kr->scratch, &refused, &refused_count, e);
    rc = rc < 0 ? rc
                : rule_costs_list(kr->db, COST_BY_NS, true, RULE_COST_LIST_MAX, &kr->scratch, &stopped,
                                  &stopped_count, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    buf_u8(&kr->out, page.more);
    buf_u64(&kr->out, (uint64_t)page.total);
    buf_u32(&kr->out, (uint32_t)page.count);
    for (size_t i = 0; i < page.count; i++) {
        rule_encode(&kr->out, &page.rows[i]);
    }
    buf_u32(&kr->out, (uint32_t)(refused_count + stopped_count));
    for (size_t i = 0; i < refused_count; i++) {
        refusal_encode(&kr->out, &refused[i]);
    }
    for (size_t i = 0; i < stopped_count; i++) { /* loaded, yet it judges nothing any more */
        const struct rule_refusal r = {
            stopped[i].file, 0,
            span_of(arena_printf(&kr->scratch, "stopped: %.*s", SPAN_ARG(stopped[i].reason)))};
        refusal_encode(&kr->out, &r);
    }
    return 0;
}

static answer_fn *answer_of(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_ADMIN_EXISTS:
        return admin_exists;
    case ASK_SESSION_FIND:
        return find_session;
    case ASK_ACCOUNT_BY_NAME:
        return by_name;
    case ASK_SESSION_CREATE:
        return make_session;
    case ASK_SESSION_END:
        return end_session;
    case ASK_SETUP_CHECK:
        return check_setup;
    case ASK_SETUP_USE:
        return use_setup;
    case ASK_ALERTS:
        return list_alerts;
    case ASK_ALERT:
        return get_alert;
    case ASK_ALERT_CHANGE:
        return change_alert;
    case ASK_SOURCES:
        return list_sources;
    case ASK_TOKENS:
        return list_tokens;
    case ASK_TOKEN_CREATE:
        return make_token;
    case ASK_TOKEN_REVOKE:
        return end_token;
    case ASK_STATUS:
        return tell_status;
    case ASK_COPY:
        return tell_copy;
    case ASK_TODAY:
        return keeper_answer_today;
    case ASK_RULES:
        return list_rules;
    case ASK_RULE_COSTS:
        return keeper_answer_costs;
    case ASK_RULE_RESUME:
        return keeper_answer_resume;
    case ASK_SOURCE_RELEASE:
        return keeper_answer_release;
    case ASK_METRICS:
        return keeper_answer_metrics;
    default:
        return keeper_fed_answer(ask) != NULL ? keeper_fed_answer(ask) : keeper_signals_answer(ask);
    }
}

/* A failure of the database is the node's trouble: logged here, with its words; the desk tells
 * people to look. */
static void log_failure(uint16_t ask, int rc, const struct err *e)
{
    if (rc == ERR_IO || rc == ERR_INVALID) {
        char shown[LOG_VALUE_MAX];
        log_error("records.failed", "ask=%s why=\"%s\"", ask_name(ask),
                  log_value(span_of(e->text), shown));
    }
}

void keeper_answer(struct keeper_records *kr, struct ipc *ch, const struct ipc_msg *msg)
{
    struct err e = {0};
    struct cursor c = cursor_of(msg->body);
    uint16_t ask = cursor_u16(&c);
    answer_fn *answer = answer_of(ask);
    answer = answer == NULL ? keeper_item_answer(ask) : answer;
    answer = answer == NULL ? keeper_hold_answer(ask) : answer;
    answer = answer == NULL ? keeper_brief_answer(ask) : answer;
    answer = answer == NULL ? keeper_register_answer(ask) : answer;
    answer = answer == NULL ? keeper_privacy_answer(ask) : answer;
    answer = answer == NULL ? keeper_retention_answer(ask) : answer;
    answer = answer == NULL ? keeper_people_answer(ask) : answer;
    answer = answer == NULL ? keeper_factor_answer(ask) : answer;
    answer = answer == NULL ? keeper_user_token_answer(ask) : answer;
    answer = answer == NULL ? keeper_appointment_answer(ask) : answer;
    answer = answer == NULL ? keeper_staff_answer(ask) : answer;
    answer = answer == NULL ? keeper_demo_answer(ask) : answer;
    arena_reset(&kr->scratch);
    int rc = ERR_UNSUPPORTED;
    if (answer == NULL) {
        answer_begin(&kr->out, err_set(&e, rc, "no such question"), &e);
    } else {
        rc = answer(kr, &c, &e);
    }
    log_failure(ask, rc, &e);
    if (kr->out.failed) {
        answer_begin(&kr->out,
                     err_set(&e, ERR_LIMIT, "the answer would be too large; ask for less"), &e);
    }
    /* A desk that is gone needs no answer; its successor asks again. */
    (void)!ipc_send(ch, MSG_DESK_ANSWER, msg->id, buf_view(&kr->out));
}

void keeper_tell_tokens(struct keeper_records *kr)
{
    struct err e = {0};
    struct ingest_token *tokens = NULL;
    size_t n = 0;
    if (kr->hooks.tokens_changed == NULL) {
        return;
    }
    if (tokens_list(kr->db, SPAN("*"), &kr->scratch, &tokens, &n, &e) < 0) {
        log_error("records.tokens", "why=\"%s\"", e.text);
        return;
    }
    kr->hooks.tokens_changed(kr->hooks.arg, tokens, n);
}
