/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper: the only role that writes. Archive (keeper_archive.c) and records (keeper_records.c)
 * share its one thread; this file starts them, hands messages to the one they are for, and ends
 * them. No network here.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "os/sqlite_wal.h"
#include "records/demo.h"
#include "archive/seal.h"
#include "roles/keeper_archive.h"
#include "roles/keeper_copy.h"
#include "roles/keeper_correlate.h"
#include "roles/keeper_disk.h"
#include "roles/keeper_export.h"
#include "roles/keeper_hunts.h"
#include "roles/keeper_silence.h"
#include "roles/role.h"
#include "roles/window_codec.h"

enum { TICK_MS = 1000, PULSE_SOURCES_MAX = 8192, TOKENS_BYTES_MAX = 8 << 20 };

struct intake_peer {
    uint32_t instance;
    struct ipc *ch;
};

struct keeper {
    struct role *role;
    struct keeper_archive *archive;
    struct keeper_records *records;
    struct keeper_correlate *correlate;
    struct keeper_hunts *hunts;
    struct keeper_copy *copy;
    struct keeper_export *exports;
    VEC(struct intake_peer) intakes;
    struct buf tokens; /* MSG_TOKENS as last told */
    uv_timer_t timer;
};

static int preload(struct role *r, struct err *e)
{
    (void)r;
    int rc = keeper_disk_watch(e);
    if (rc != 0) {
        return rc;
    }
    /* Two readers for hunts beside the one thread that writes, and one that the place of the second copy may hold up. */
    if (sodium_init() < 0 || sqlite3_initialize() != SQLITE_OK ||
        setenv("UV_THREADPOOL_SIZE", "3", 1) != 0) {
        return err_set(e, ERR_IO, "libraries could not start");
    }
    return 0;
}

static void send_tokens(struct keeper *k, struct ipc *ch)
{
    if (ipc_send(ch, MSG_TOKENS, 0, buf_view(&k->tokens)) != 0) {
        log_warn("tokens.send", "why=\"intake is gone\"");
    }
}

/* Hook: the tokens that senders may use from now on. */
static void on_tokens(void *arg, const struct ingest_token *tokens, size_t count)
{
    struct keeper *k = arg;
    struct intake_token *list = mem_calloc(count, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < count && n < TOKEN_COUNT_MAX; i++) {
        if (tokens[i].hash.len != TOKEN_HASH_BYTES) {
            log_error("token.damaged", "row=%zu", i);
            continue;
        }
        memcpy(list[n].hash, tokens[i].hash.ptr, TOKEN_HASH_BYTES);
        /* A token's own name is for those who manage tokens; what its events are shows in each of them. */
        list[n].name = tokens[i].source;
        list[n].kind = SPAN("auto");
        list[n].organisation = tokens[i].organisation;
        n++;
    }
    buf_clear(&k->tokens);
    intake_tokens_encode(&k->tokens, list, n);
    if (k->tokens.failed) {
        log_error("tokens.limit", "count=%zu", n);
        buf_clear(&k->tokens);
        intake_tokens_encode(&k->tokens, list, 0);
    }
    mem_free(list);
    for (size_t i = 0; i < k->intakes.len; i++) {
        if (k->intakes.data[i].ch != NULL) {
            send_tokens(k, k->intakes.data[i].ch);
        }
    }
}

/* Hook: rules that are stopped or run again. */
static void on_stops(void *arg, struct span body)
{
    struct keeper *k = arg;
    for (size_t i = 0; i < k->intakes.len; i++) {
        if (k->intakes.data[i].ch != NULL && ipc_send(k->intakes.data[i].ch, MSG_RULES_STOPPED, 0, body) != 0) {
            log_warn("rules.stopped", "why=\"intake is gone\"");
        }
    }
    struct ipc *correlator = role_peer(k->role, ROLE_CORRELATOR, 0);
    if (correlator != NULL && ipc_send(correlator, MSG_RULES_STOPPED, 0, body) != 0) {
        log_warn("rules.stopped", "why=\"correlator is gone\"");
    }
}

/* Hooks: the archive answers. */
static int read_record(void *arg, const struct alert_place *place, size_t max_bytes,
                       struct arena *arena, struct span *text_out, bool *truncated_out,
                       struct err *e)
{
    struct keeper *k = arg;
    return keeper_archive_read(k->archive, place, max_bytes, arena, text_out, truncated_out, e);
}

static void archive_size(void *arg, int64_t *bytes_out, int64_t *events_out,
                         int64_t *oldest_day_out)
{
    struct keeper *k = arg;
    keeper_archive_size(k->archive, bytes_out, events_out, oldest_day_out);
}

static const struct correlate_pulse *correlate_pulse(void *arg)
{
    static const struct correlate_pulse none;
    const struct keeper *k = arg;
    return k->correlate == NULL ? &none : keeper_correlate_pulse(k->correlate);
}

/* Hook: rules of warnings were taken or ended. */
static void on_rules(void *arg)
{
    struct keeper *k = arg;
    if (ipc_send(role_super(k->role), MSG_RULES_AGAIN, 0, SPAN("")) != 0) {
        log_warn("rules.again", "why=\"super was not told\"");
    }
}

/* Hook: somebody lets a source go on. */
static int release_source(void *arg, struct span name)
{
    struct keeper *k = arg;
    struct buf b;
    buf_init(&b, 4096);
    buf_str(&b, name);
    int rc = b.failed ? ERR_LIMIT : ipc_send(role_super(k->role), MSG_SOURCE_RELEASE, 0, buf_view(&b));
    buf_free(&b);
    return rc;
}

/* Hook: a source is silent. */
static int source_silent(void *arg, const struct source_row *row, uint32_t after_s, time_ns now)
{
    struct keeper *k = arg;
    return keeper_silence_tell(k->archive, row, after_s, now);
}

/* Hooks: the source of invented logs. */
static int source_events(void *arg, struct span name, uint64_t *events_out, struct err *e)
{
    struct keeper *k = arg;
    return keeper_archive_events(k->archive, name, events_out, e);
}

static bool source_followed(void *arg, struct span name)
{
    const struct keeper *k = arg;
    const struct config *c = role_config(k->role);
    bool found = false;
    (void)name;
    for (uint32_t i = 0; i < c->nsources && !found; i++) {
        found = demo_is(c->sources[i].organisation);
    }
    return found;
}

static int source_purge(void *arg, struct span name, time_ns now, uint64_t *records_out, struct err *e)
{
    struct keeper *k = arg;
    return keeper_archive_purge_source(k->archive, name, now, records_out, e);
}

/* Hook: an issued brief. */
static int sign(void *arg, struct span message, unsigned char sig[SEAL_SIG_BYTES], unsigned char key[SEAL_KEY_BYTES], struct err *e)
{
    struct keeper *k = arg;
    return keeper_archive_sign(k->archive, message, sig, key, e);
}

/* Hook: how the second copy is. */
static void copy_state(void *arg, struct keeper_status *out)
{
    struct keeper *k = arg;
    keeper_copy_status(k->copy, out);
}

static int copy_report(void *arg, struct copy_report *out, struct err *e)
{
    struct keeper *k = arg;
    return keeper_copy_report(k->copy, out, e);
}

static void on_tick(uv_timer_t *timer)
{
    struct keeper *k = timer->data;
    time_ns now = clock_now();
    keeper_archive_tick(k->archive, now, role_config(k->role));
    keeper_archive_merge(k->archive, role_loop(k->role), keeper_hunts_busy(k->hunts) || keeper_export_busy(k->exports));
    keeper_copy_tick(k->copy, role_config(k->role), now, archive_open_day(keeper_archive_writer(k->archive)));
    keeper_correlate_tick(k->correlate, now);
    keeper_records_tick(k->records, now);
    keeper_retention_tick(k->records, role_config(k->role), now);
}

static void tell_setup_link(struct keeper *k, const struct config *config)
{
    char token[KEEPER_TOKEN_TEXT];
    struct err e = {0};
    int rc = keeper_records_setup_link(k->records, token, &e);
    if (rc == 0) {
        role_note(k->role, "Set up Sereno: %s://%.*s/setup?token=%s",
                  config->desk.tls ? "https" : "http", SPAN_ARG(config->desk.listen), token);
    } else if (rc != ERR_EXISTS) {
        log_error("setup.link", "why=\"%s\"", e.text);
    }
}

/* Peers may have come before the archive was open. */
static void greet_intake(struct keeper *k, const struct intake_peer *p)
{
    send_tokens(k, p->ch);
    keeper_records_tell_stops(k->records); /* all of them: harmless */
    keeper_archive_intake(k->archive, p->instance, p->ch);
}

static struct keeper *state_of(struct role *r)
{
    struct keeper *k = role_state(r);
    if (k == NULL) {
        k = mem_alloc(sizeof *k);
        k->role = r;
        buf_init(&k->tokens, TOKENS_BYTES_MAX);
        intake_tokens_encode(&k->tokens, NULL, 0);
        role_set_state(r, k);
    }
    return k;
}

static void log_damage(void *ctx, const struct err *e)
{
    (void)ctx;
    log_error("disk.log_damaged", "database=\"%s\" why=\"%s\" kept=\"%s-wal" SQLITE_WAL_KEPT "\"", e->where, e->text, e->where);
}

/* A byte of what was acknowledged last was changed while the node was down: the engine would drop it, and all after it, without a word. */
static int settle(const char *data, struct err *e)
{
    char archive[SQLITE_WAL_PATH_MAX];
    int n = snprintf(archive, sizeof archive, "%s/archive", data);
    if (n < 0 || n >= (int)sizeof archive) {
        return err_set(e, ERR_LIMIT, "the path of the data directory is too long");
    }
    int rc = keeper_disk_settle(data, e);
    rc = rc == 0 ? sqlite_wal_guard(data, false, log_damage, NULL, e) : rc;
    return rc == 0 ? sqlite_wal_guard(archive, false, log_damage, NULL, e) : rc;
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    struct keeper *k = state_of(r);
    const char *data = role_data_dir(r);
    if (data == NULL) {
        return err_set(e, ERR_INVALID, "no data directory");
    }
    int rc = settle(data, e);
    rc = rc == 0 ? keeper_archive_open(data, &k->archive, e) : rc;
    if (rc != 0) {
        return rc;
    }
    const struct keeper_records_hooks hooks = {.arg = k,
                                               .read_record = read_record,
                                               .archive_size = archive_size,
                                               .copy_state = copy_state,
                                               .copy_report = copy_report,
                                               .correlate_pulse = correlate_pulse,
                                               .stops_changed = on_stops,
                                               .tokens_changed = on_tokens,
                                               .rules_changed = on_rules,
                                               .release_source = release_source,
                                               .source_silent = source_silent,
                                               .source_events = source_events,
                                               .source_followed = source_followed,
                                               .source_purge = source_purge,
                                               .sign = sign};
    rc = keeper_records_open(data, &hooks, e, &k->records);
    if (rc != 0) {
        return rc;
    }
    keeper_records_config(k->records, config);
    k->exports = keeper_export_open(role_loop(r), data, keeper_records_db(k->records));
    k->copy = keeper_copy_open(r, data, keeper_records_db(k->records), config);
    rc = keeper_hunts_open(r, data, keeper_records_db(k->records), &k->hunts, e);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = 0; i < config->hunters; i++) {
        struct ipc *hunter = role_peer(r, ROLE_HUNTER, i);
        if (hunter != NULL) {
            keeper_hunts_hunter(k->hunts, i, hunter);
        }
    }
    keeper_archive_records(k->archive, k->records);
    rc = keeper_correlate_open(data, keeper_archive_writer(k->archive), k->records, &k->correlate, e);
    if (rc != 0) {
        return rc;
    }
    keeper_correlate_peer(k->correlate, role_peer(r, ROLE_CORRELATOR, 0));
    keeper_records_tell_stops(k->records);
    keeper_records_desk(k->records, role_peer(r, ROLE_DESK, 0));
    for (size_t i = 0; i < k->intakes.len; i++) {
        if (k->intakes.data[i].ch != NULL) {
            greet_intake(k, &k->intakes.data[i]);
        }
    }
    MUST(uv_timer_init(role_loop(r), &k->timer));
    k->timer.data = k;
    MUST(uv_timer_start(&k->timer, on_tick, TICK_MS, TICK_MS));
    tell_setup_link(k, config);
    return 0;
}

static void on_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    struct keeper *k = state_of(r);
    struct intake_peer p = {instance, ch};
    if (peer == ROLE_DESK && k->records != NULL) {
        keeper_records_desk(k->records, ch);
    }
    if (peer == ROLE_CORRELATOR && k->correlate != NULL) {
        keeper_correlate_peer(k->correlate, ch);
        keeper_records_tell_stops(k->records);
    }
    if (peer == ROLE_HUNTER && k->hunts != NULL) {
        keeper_hunts_hunter(k->hunts, instance, ch);
    }
    if (peer != ROLE_INTAKE) {
        return;
    }
    size_t i = 0;
    while (i < k->intakes.len && k->intakes.data[i].instance != instance) {
        i++;
    }
    if (i == k->intakes.len) {
        vec_push(&k->intakes, p);
    }
    k->intakes.data[i] = p;
    if (k->archive != NULL && k->records != NULL) {
        greet_intake(k, &p);
    }
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    struct keeper *k = state_of(r);
    if (peer == ROLE_DESK && k->records != NULL) {
        keeper_records_desk(k->records, NULL);
        keeper_export_desk_lost(k->exports);
    }
    if (peer == ROLE_CORRELATOR && k->correlate != NULL) {
        keeper_correlate_peer(k->correlate, NULL);
    }
    if (peer == ROLE_HUNTER && k->hunts != NULL) {
        keeper_hunts_hunter(k->hunts, instance, NULL);
    }
    for (size_t i = 0; peer == ROLE_INTAKE && i < k->intakes.len; i++) {
        if (k->intakes.data[i].instance == instance) {
            k->intakes.data[i].ch = NULL;
        }
    }
    if (peer == ROLE_INTAKE && k->archive != NULL) {
        keeper_archive_intake(k->archive, instance, NULL);
    }
}

/* A peer that sends what cannot be is broken or taken over: super ends it and starts another. */
static void blame(struct keeper *k, enum role_id peer, uint32_t instance, const struct err *e)
{
    struct buf b;
    log_error("peer.bad", "peer=%s instance=%u why=\"%s\"", role_name(peer), instance, e->text);
    buf_init(&b, 2048);
    buf_u32(&b, (uint32_t)peer);
    buf_u32(&b, instance);
    buf_str(&b, span_of(e->text));
    if (ipc_send(role_super(k->role), MSG_BAD_PEER, 0, buf_view(&b)) != 0) {
        log_warn("peer.bad", "why=\"super was not told\"");
    }
    buf_free(&b);
}

static int take_pulse(struct keeper *k, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint64_t unknown = cursor_u64(&c);
    uint64_t matches_lost = cursor_u64(&c);
    uint32_t n = cursor_u32(&c);
    if (matches_lost > INT32_MAX) {
        return err_set(e, ERR_INVALID, "pulse is out of range");
    }
    keeper_records_count_lost(k->records, (int64_t)matches_lost);
    if (c.failed || n > PULSE_SOURCES_MAX || unknown > INT64_MAX) {
        return err_set(e, ERR_INVALID, "pulse is out of range");
    }
    if (unknown > 0) {
        keeper_records_count_unknown(k->records, (int64_t)unknown);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct source_row row = {0};
        source_decode(&c, &row);
        if (c.failed || !source_delta_fits(&row)) {
            return err_set(e, ERR_INVALID, "pulse: source %u is out of range", i);
        }
        keeper_records_count(k->records, &row);
    }
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "pulse ends early or late");
}

/* A question that comes before the database is open: it is to be asked again, and its asker is told. */
static void early(struct ipc *ch, const struct ipc_msg *msg)
{
    struct buf b;
    struct err e = {0};
    if (msg->type != MSG_DESK_ASK && msg->type != MSG_FED_ASK) {
        log_error("message.early", "type=%u", msg->type);
        return;
    }
    buf_init(&b, 1024);
    answer_begin(&b, err_set(&e, ERR_BUSY, "the keeper is starting"), &e);
    (void)!ipc_send(ch, MSG_DESK_ANSWER, msg->id, buf_view(&b));
    buf_free(&b);
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    struct keeper *k = state_of(r);
    struct err e = {0};
    int rc = 0;
    if (k->records == NULL || k->hunts == NULL) { /* super starts us first, and a desk may still be faster */
        early(ch, msg);
        return;
    }
    if (msg->type == MSG_WINDOW) {
        rc = keeper_archive_window(k->archive, instance, ch, msg, &e);
        keeper_correlate_go(k->correlate);
    } else if (peer == ROLE_CORRELATOR && msg->type != MSG_RULE_COSTS && msg->type != MSG_RULE_STOP) {
        rc = keeper_correlate_message(k->correlate, msg, &e);
    } else if (msg->type == MSG_SOURCES_HELD) {
        rc = keeper_records_held(k->records, msg->body, &e);
    } else if (msg->type == MSG_COPY_FILE || msg->type == MSG_COPY_CLOSED || msg->type == MSG_COPY_GOING) {
        keeper_copy_message(k->copy, msg);
    } else if (msg->type == MSG_PULSE) {
        rc = take_pulse(k, msg->body, &e);
    } else if (!keeper_export_message(k->exports, ch, msg, keeper_archive_merges(k->archive))) {
        rc = keeper_hunts_message(k->hunts, peer, instance, ch, msg, &e);
        if (rc == 0 && !keeper_records_message(k->records, peer, ch, msg)) {
            log_debug("message.ignored", "type=%u", msg->type);
        }
        rc = rc < 0 ? rc : 0;
    }
    if (rc != 0) {
        blame(k, peer, instance, &e);
    }
}

static void on_peer_ready(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    struct keeper *k = state_of(r);
    (void)ch;
    if (peer == ROLE_CORRELATOR && k->correlate != NULL) {
        keeper_correlate_go(k->correlate);
    }
    if (peer == ROLE_HUNTER && k->hunts != NULL) {
        keeper_hunts_ready(k->hunts, instance);
    }
}

static void on_fd(struct role *r, struct role_fd *f)
{
    struct keeper *k = state_of(r);
    if (f->kind == FD_FED_KEY && k->archive != NULL) {
        keeper_archive_seal_key(k->archive, f->fd);
    } else {
        (void)close(f->fd);
    }
}

static void on_reload(struct role *r, const struct config *config)
{
    struct keeper *k = state_of(r);
    if (k->records != NULL) {
        keeper_records_config(k->records, config);
    }
}

static void on_stop(struct role *r)
{
    struct keeper *k = state_of(r);
    if (k->archive != NULL) {
        MUST(uv_timer_stop(&k->timer));
        keeper_archive_tick(k->archive, clock_now(),
                            NULL); /* a last try for what was stuck; nobody was told it is kept */
        keeper_correlate_close(&k->correlate);
        keeper_hunts_close(&k->hunts);
        keeper_export_close(&k->exports);
    keeper_copy_close(&k->copy);
        keeper_records_close(&k->records);
        keeper_archive_close(&k->archive);
    }
    role_stopped(r);
}

const struct role_ops role_ops_keeper = {
    .role = ROLE_KEEPER,
    .profile = SANDBOX_KEEPER,
    .preload = preload,
    .start = start,
    .on_peer = on_peer,
    .on_peer_lost = on_peer_lost,
    .on_fd = on_fd,
    .on_message = on_message,
    .on_peer_ready = on_peer_ready,
    .on_reload = on_reload,
    .on_stop = on_stop,
};
