/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The correlator: takes rule matches in the order in which keeper committed them, keeps the windows of all correlations,
 * and tells keeper what completes. It can open no file and no socket; what it keeps over a restart keeper stores for it.
 * This file is its start, its messages, its clock and its end; correlator_priv.h shows the way of a match.
 */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/region.h"
#include "roles/correlator_priv.h"

enum { SECOND_MS = 1000, QUEUE_CALM_BYTES = 16 << 20 /* windows are stored again once the last ones are on their way */ };

static int preload(struct role *r, struct err *e)
{
    (void)r;
    return sodium_init() >= 0 ? 0 : err_set(e, ERR_IO, "libsodium could not start");
}

static struct link *state_of(struct role *r)
{
    struct link *l = role_state(r);
    if (l == NULL) {
        l = mem_alloc(sizeof *l);
        l->role = r;
        l->compiled_fd = -1;
        map_init(&l->rule_numbers);
        map_init(&l->folds);
        arena_init(&l->scratch, 0);
        buf_init(&l->out, 16 << 20);
        buf_init(&l->stored, CORRELATE_SAVED_MAX);
        buf_init(&l->stops, 64 << 10);
        role_set_state(r, l);
    }
    return l;
}

static struct ipc *keeper_of(const struct link *l)
{
    return role_peer(l->role, ROLE_KEEPER, 0);
}

/* ---- to keeper ---- */

void link_flush(struct link *l)
{
    struct ipc *keeper = keeper_of(l);
    struct buf head;
    buf_init(&head, 64);
    correlated_begin(&head, l->session, l->want_tick, l->nout);
    const struct span parts[] = {buf_view(&head), buf_view(&l->out)};
    CHECK(!l->out.failed);
    if (keeper == NULL || ipc_send_parts(keeper, MSG_CORRELATED, 0, parts, ARRAY_LEN(parts)) != 0) {
        l->in_session = false; /* a new one begins with what keeper has stored: nothing is lost */
        l->out_of_step = true;
    }
    l->told_tick = l->want_tick;
    l->nout = 0;
    buf_clear(&l->out);
    buf_free(&head);
}

static void store(struct link *l)
{
    struct ipc *keeper = keeper_of(l);
    struct buf all;
    struct buf b;
    if (!l->in_session || keeper == NULL || ipc_queued_bytes(keeper) > QUEUE_CALM_BYTES) {
        return;
    }
    buf_init(&all, CORRELATE_SAVED_MAX);
    buf_init(&b, CORRELATE_PART_BYTES + 64);
    link_save(l, &all);
    struct span left = buf_view(&all);
    bool sent = !all.failed;
    for (bool last = false; sent && !last;) {
        last = left.len <= CORRELATE_PART_BYTES;
        const struct correlate_part part = {l->session, last, span_sub(left, 0, CORRELATE_PART_BYTES)};
        buf_clear(&b);
        correlate_part_encode(&b, &part);
        sent = ipc_send(keeper, MSG_CORRELATE_STATE, 0, buf_view(&b)) == 0;
        left = span_sub(left, CORRELATE_PART_BYTES, left.len);
    }
    if (!sent) {
        log_error("windows.store", "bytes=%zu why=\"too large, or keeper is gone\"", all.len);
    }
    l->stored_bytes = all.len;
    l->since_bytes = 0;
    l->stored_clock = l->clock;
    buf_free(&b);
    buf_free(&all);
}

static void pulse(struct link *l)
{
    struct ipc *keeper = keeper_of(l);
    struct correlator_stats s;
    struct buf b;
    if (keeper == NULL || l->correlator == NULL) {
        return;
    }
    correlator_stats(l->correlator, &s);
    const struct correlate_pulse p = {
        .matches = s.inputs,
        .completed = s.outputs,
        .alerts = l->alerts,
        .evicted = s.evicted,
        .late = s.late,
        .out_of_reach = s.not_tried,
        .without_group = s.no_group,
        .dropped = s.dropped,
        .forgotten = s.forgotten,
        .unknown_rule = l->unknown_rule,
        .stragglers = l->stragglers,
        .groups = s.groups,
        .state_bytes = s.state_bytes,
        .state_max_bytes = CORRELATE_STATE_MAX_BYTES,
    };
    if (memcmp(&p, &l->pulsed, sizeof p) == 0) {
        return;
    }
    buf_init(&b, 4096);
    correlate_pulse_encode(&b, &p);
    if (ipc_send(keeper, MSG_CORRELATE_PULSE, 0, buf_view(&b)) == 0) {
        l->pulsed = p;
    }
    buf_free(&b);
}

/* Ready for the log: rules are here, and somebody to ask. */
static void ask_for_log(struct link *l)
{
    struct ipc *keeper = keeper_of(l);
    l->in_session = l->out_of_step = false;
    buf_clear(&l->stored);
    if (l->compiled != NULL && keeper != NULL && ipc_send(keeper, MSG_CORRELATE_READY, 0, SPAN("")) != 0) {
        log_warn("matches.ask", "why=\"keeper is gone\"");
    }
}

static void on_second(uv_timer_t *timer)
{
    struct link *l = timer->data;
    pulse(l);
    link_costs_tick(l);
    if (l->out_of_step) {
        ask_for_log(l);
    }
}

/* ---- from keeper ---- */

static int take_state(struct link *l, struct span body, struct err *e)
{
    struct correlate_part p;
    struct err why = {0};
    int rc = correlate_part_decode(body, &p, e);
    if (rc != 0 || l->compiled == NULL) {
        return rc;
    }
    if (p.session != l->session) {
        l->session = p.session;
        l->in_session = false;
        buf_clear(&l->stored);
    }
    buf_span(&l->stored, p.bytes);
    if (!p.last) {
        return 0;
    }
    link_costs_end(l);
    if (l->stored.failed || link_load(l, buf_view(&l->stored), &why) != 0) {
        log_error("windows.damaged", "bytes=%zu why=\"%s\"", l->stored.len, why.text);
    }
    link_costs_begin(l); /* another correlator, which has counted nothing yet */
    log_info("windows.loaded", "bytes=%zu day=%d row=%llu", l->stored.len, l->place.day, (unsigned long long)l->place.row);
    l->stored_bytes = l->stored.len;
    l->since_bytes = 0;
    l->stored_clock = l->clock;
    buf_free(&l->stored);
    buf_init(&l->stored, CORRELATE_SAVED_MAX);
    l->in_session = true;
    return 0;
}

static bool store_is_due(const struct link *l)
{
    size_t most = l->stored_bytes > LINK_STORE_BYTES ? l->stored_bytes : LINK_STORE_BYTES;
    return l->since_bytes > most || (l->since_bytes > 0 && l->clock - l->stored_clock > LINK_STORE_S * TIME_SECOND);
}

static int take_row(struct link *l, struct span body, struct err *e)
{
    struct archive_match row;
    uint32_t session = 0;
    int rc = correlate_row_decode(body, &session, &row, e);
    if (rc != 0 || !l->in_session || session != l->session) {
        return rc;
    }
    link_take_row(l, &row);
    time_ns rows = link_rows_due(l);
    time_ns folds = link_folds_due(l);
    l->want_tick = rows == 0 || (folds != 0 && folds < rows) ? folds : rows;
    if (l->nout > 0 || l->want_tick != l->told_tick) {
        link_flush(l);
    }
    l->since_bytes += row.body.len + sizeof row; /* a tick is something to store too */
    if (store_is_due(l)) {
        store(l);
    }
    return 0;
}

/* ---- rules ---- */

static void number_rules(struct link *l)
{
    const struct ruleset *rules = l->compiled->ruleset;
    uint32_t n = ruleset_nrules(rules) + ruleset_ncorrelations(rules);
    map_free(&l->rule_numbers);
    map_init(&l->rule_numbers);
    for (uint32_t i = 0; i < n; i++) {
        const struct ruleset_rule *r = ruleset_rule(rules, i);
        map_put(&l->rule_numbers, r->id.len > 0 ? r->id : r->hash, i);
    }
}

/* Rows of which matches wait are read again: rules have other numbers now. */
static void hold_again(struct link *l)
{
    VEC(struct link_row *) old = {0};
    for (size_t i = 0; i < l->rows.len; i++) {
        vec_push(&old, l->rows.data[i]);
    }
    vec_clear(&l->rows);
    vec_clear(&l->waiting);
    for (size_t i = 0; i < old.len; i++) {
        link_hold_row(l, &old.data[i]->head);
        l->held_bytes -= old.data[i]->head.body.len;
        arena_fini(&old.data[i]->arena);
        mem_free(old.data[i]);
    }
    vec_free(&old);
}

static void switch_rules(struct link *l, const struct compiled *next, int fd)
{
    const struct compiled *old = l->compiled;
    if (old != NULL) {
        link_costs_end(l);
    }
    int old_fd = l->compiled_fd;
    l->compiled = next;
    l->compiled_fd = fd;
    number_rules(l);
    if (old == NULL) {
        l->correlator =
            correlator_new(next->correlations, CORRELATE_STATE_MAX_BYTES, CORRELATE_LATENESS_S * TIME_SECOND);
        link_costs_begin(l);
        ask_for_log(l);
        return;
    }
    l->correlator = correlator_move(&l->correlator, next->correlations);
    link_costs_begin(l);
    link_folds_move(l, old->ruleset);
    hold_again(l);
    region_unmap(old_fd, old);
    (void)close(old_fd);
    if (l->in_session) {
        link_flush(l);
        store(l); /* a crash from here on begins with the windows as they are now */
    }
}

static int take_rules(struct link *l, struct ipc *super, struct ipc_msg *msg, struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint64_t address = cursor_u64(&c);
    (void)cursor_u64(&c); /* its size: the seals say it too */
    uint64_t generation = cursor_u64(&c);
    int fd = ipc_msg_take_fd(msg, 0);
    if (!cursor_done(&c) || fd < 0) {
        return err_set(e, ERR_INVALID, "MSG_RULES is wrong");
    }
    const struct compiled *next = region_map(fd, (void *)(uintptr_t)address, e);
    if (next == NULL || next->magic != COMPILED_MAGIC) {
        (void)close(fd);
        return next == NULL ? ERR_INVALID : err_set(e, ERR_INVALID, "what the compiler made is not a rule set");
    }
    l->generation = generation;
    switch_rules(l, next, fd);
    log_info("rules.in_use", "generation=%llu rules=%u correlations=%u", (unsigned long long)generation,
             ruleset_nrules(next->ruleset), ruleset_ncorrelations(next->ruleset));
    struct buf b;
    buf_init(&b, 8);
    buf_u64(&b, generation);
    if (ipc_send(super, MSG_RULES_IN_USE, 0, buf_view(&b)) != 0) {
        log_warn("rules.in_use", "why=\"super was not told\"");
    }
    buf_free(&b);
    return 0;
}

/* ---- life ---- */

static int start(struct role *r, const struct config *config, struct err *e)
{
    struct link *l = state_of(r);
    (void)e;
    l->several = config->intakes > 1;
    MUST(uv_timer_init(role_loop(r), &l->timer));
    l->timer.data = l;
    MUST(uv_timer_start(&l->timer, on_second, SECOND_MS, SECOND_MS));
    return 0;
}

static void on_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    (void)instance;
    (void)ch;
    if (peer == ROLE_KEEPER) {
        memset(&state_of(r)->pulsed, 0, sizeof state_of(r)->pulsed); /* a new one knows no counters */
        ask_for_log(state_of(r));
    }
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    (void)instance;
    if (peer == ROLE_KEEPER) {
        state_of(r)->in_session = false;
    }
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch, struct ipc_msg *msg)
{
    struct link *l = state_of(r);
    struct err e = {0};
    int rc = 0;
    (void)peer;
    (void)instance;
    switch (msg->type) {
    case MSG_RULES:
        rc = take_rules(l, ch, msg, &e);
        break;
    case MSG_RULES_STOPPED:
        rc = link_stops_take(l, msg->body, &e);
        break;
    case MSG_CORRELATE_STATE:
        rc = take_state(l, msg->body, &e);
        break;
    case MSG_CORRELATE_ROW:
        rc = take_row(l, msg->body, &e);
        break;
    default:
        log_debug("message.ignored", "type=%u", msg->type);
        break;
    }
    if (rc != 0) {
        role_fail(r, "reading a message", &e);
    }
}

static void on_stop(struct role *r)
{
    struct link *l = state_of(r);
    struct ipc *keeper = keeper_of(l);
    enum { LAST_FLUSH_MS = 5000 };
    MUST(uv_timer_stop(&l->timer));
    pulse(l);
    link_costs_end(l);
    if (l->since_bytes > 0) {
        store(l);
    }
    if (keeper != NULL && ipc_flush(keeper, LAST_FLUSH_MS) != 0) {
        log_warn("windows.store", "why=\"keeper is slow: the log behind the last stored windows is read again\"");
    }
    role_stopped(r);
}

const struct role_ops role_ops_correlator = {
    .role = ROLE_CORRELATOR,
    .profile = SANDBOX_CORRELATOR,
    .preload = preload,
    .start = start,
    .on_peer = on_peer,
    .on_peer_lost = on_peer_lost,
    .on_message = on_message,
    .on_stop = on_stop,
};
