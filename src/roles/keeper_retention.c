/* SPDX-License-Identifier: EUPL-1.2 */
/* Retention of records in the keeper: see keeper_retention.h. A step is one transaction of a few records; windows wait no longer than for any other. */
#include "roles/keeper_retention.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "records/registers/retention_view.h"

void keeper_retention_rules(const struct keeper_records *kr, struct retention_rules *out)
{
    *out = (struct retention_rules){.kinds = kr->kinds, .own = kr->own_days, .nown = kr->nown_days};
}

/* The config goes when it is read anew, so its names are copied. */
static void take_days(struct keeper_records *kr, const struct config *config)
{
    arena_reset(&kr->own_names);
    kr->nown_days = config->nretention_kinds;
    kr->own_days = arena_calloc(&kr->own_names, kr->nown_days + 1, sizeof *kr->own_days);
    for (uint32_t i = 0; i < kr->nown_days; i++) {
        kr->own_days[i] = (struct retention_days){arena_copy(&kr->own_names, config->retention_kinds[i].source), config->retention_kinds[i].days};
    }
}

static void warn_unknown(const struct keeper_records *kr)
{
    for (uint32_t i = 0; i < kr->nown_days; i++) {
        const struct register_kind *k = registers_any(kr->kinds, kr->own_days[i].kind);
        if (k == NULL || k->retention.days == 0) {
            log_error("records.retention", "kind=\"%.*s\" why=\"no register has this name and personal fields that go\"", SPAN_ARG(kr->own_days[i].kind));
        }
    }
}

/* ---- the clock ---- */

enum { CLOCK_EVERY_S = 600 };

bool keeper_clock_fits(struct keeper_records *kr, time_ns now)
{
    struct trusted_time t;
    struct err e = {0};
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    if (kr->clock_at != 0 && now >= kr->clock_at && now - kr->clock_at < CLOCK_EVERY_S * TIME_SECOND) {
        return kr->clock_fits;
    }
    kr->clock_at = now;
    int rc = trusted_time_pass(kr->db, now, &t, &e);
    bool fits = rc == 0 && t.state == TIME_FITS;
    if (rc != 0) {
        log_error("retention.clock", "why=\"%s\"", e.text);
    } else if (!fits && (kr->clock_fits || !kr->clock_told)) {
        char newest[TIME_TEXT_MAX];
        log_error("retention.clock", "state=%s newest=%s why=\"nothing goes until the clock is near it again, or somebody says that it is right\"",
                  trusted_state_name(t.state), time_format(t.newest, newest));
        kr->clock_told = true;
    }
    kr->clock_fits = fits;
    return fits;
}

/* ---- a run ---- */

/* The log is cut also where nothing went: a run before may have ended between its last record and the cut, with the process or because
 * somebody read an older state for too long. */
static void run_over(struct keeper_records *kr, time_ns now, const struct err *why)
{
    struct err e = {0};
    const struct retention_run *run = &kr->erase_run;
    struct retention_last last = {.begun = kr->erased_at, .ended = now > kr->erased_at ? now : kr->erased_at, .erased = run->erased, .passed_by = run->passed_by, .npassed = run->npassed};
    (void)snprintf(last.why, sizeof last.why, "%s", why == NULL ? "" : why->text);
    memcpy(last.passed, run->passed, sizeof last.passed);
    kr->erasing = false;
    log_info("records.retention", "erased=%" PRIu64 " passed_by=%" PRIu64, run->erased, run->passed_by);
    if (retention_last_put(kr->db, &last, &e) != 0 || db_wipe(kr->db, &e) != 0) {
        log_error("records.retention", "why=\"%s\"", e.text);
    }
}

static int begin_run(struct keeper_records *kr, const struct retention_rules *rules, time_ns now, struct err *e)
{
    kr->erased_at = now;
    kr->erasing = true;
    kr->erase_run = (struct retention_run){0};
    warn_unknown(kr);
    return retention_note_rules(kr->db, rules, now, e);
}

/* All steps of a run are of the moment at which it began: a clock that jumps meanwhile makes nothing due. */
void keeper_retention_tick(struct keeper_records *kr, const struct config *config, time_ns now)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    struct retention_rules rules;
    struct err e = {0};
    bool more = false;
    bool due = !kr->erasing && (kr->erased_at == 0 || now - kr->erased_at >= KEEPER_RETENTION_EVERY_S * TIME_SECOND || now < kr->erased_at);
    take_days(kr, config);
    keeper_retention_rules(kr, &rules);
    if (!keeper_clock_fits(kr, now) || (!kr->erasing && !due)) {
        return;
    }
    int rc = due ? begin_run(kr, &rules, now, &e) : 0;
    rc = rc == 0 ? retention_step(kr->db, &rules, kr->erased_at, &kr->erase_run, &more, &e) : rc;
    if (rc != 0) {
        log_error("records.retention", "why=\"%s\"", e.text);
    }
    if (rc != 0 || !more) {
        run_over(kr, now, rc != 0 ? &e : NULL);
    }
}

/* ---- the desk asks ---- */

static int broken(struct err *e)
{
    return err_set(e, ERR_INVALID, "the question is broken");
}

/* A kind: days, since when, from when on it acts; then its counts. */
static int put_kind(struct keeper_records *kr, const struct retention_rules *rules, struct retention_query *q, struct err *e)
{
    int64_t since = 0, acts = 0;
    const struct register_kind *k = registers_any(kr->kinds, q->kind);
    int rc = k == NULL ? err_set(e, ERR_NOT_FOUND, "there is no such register") : retention_since(kr->db, rules, k, &since, &acts, e);
    if (rc == 0) {
        buf_u32(&kr->out, retention_days_of(rules, k));
        buf_u64(&kr->out, (uint64_t)since);
        buf_u64(&kr->out, (uint64_t)acts);
    }
    for (int which = 0; which < RETENTION_WHICH_COUNT && rc == 0; which++) {
        struct retention_count n;
        q->which = (enum retention_which)which;
        rc = retention_count(kr->db, rules, q, &n, e);
        retention_count_encode(&kr->out, &n);
    }
    return rc;
}

static int overview(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct retention_rules rules;
    struct retention_last last;
    struct trusted_time clock;
    uint32_t n = cursor_u32(c);
    bool good = !c->failed && n <= REGISTER_KINDS_MAX;
    keeper_retention_rules(kr, &rules);
    int rc = good ? retention_last_get(kr->db, &last, e) : broken(e);
    rc = rc == 0 ? trusted_time_get(kr->db, clock_now(), &clock, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        retention_state_encode(&kr->out, &last, &clock);
    }
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct retention_query q;
        retention_query_decode(c, &q);
        rc = c->failed ? broken(e) : put_kind(kr, &rules, &q, e);
    }
    rc = rc == 0 && !cursor_done(c) ? broken(e) : rc;
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int list(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct retention_rules rules;
    struct retention_query q;
    struct retention_row *rows = NULL;
    uint32_t n = 0;
    bool more = false;
    retention_query_decode(c, &q);
    keeper_retention_rules(kr, &rules);
    int rc = cursor_done(c) ? retention_list(kr->db, &rules, &q, &kr->scratch, &rows, &n, &more, e) : broken(e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, more);
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        retention_row_encode(&kr->out, &rows[i]);
    }
    return rc;
}

static int confirm_clock(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span who = cursor_str(c);
    struct span why = cursor_str(c);
    int rc = cursor_done(c) && who.len > 0 ? trusted_time_confirm(kr->db, who, why, clock_now(), e) : broken(e);
    if (rc == 0) {
        kr->clock_at = kr->erased_at = 0; /* the next tick goes on */
    }
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_answer_fn *keeper_retention_answer(uint16_t ask)
{
    return ask == ASK_RETENTION ? overview : ask == ASK_RETENTION_LIST ? list : ask == ASK_CLOCK_CONFIRM ? confirm_clock : NULL;
}
