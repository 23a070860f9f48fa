/* SPDX-License-Identifier: EUPL-1.2 */
/* What rules cost, and which are stopped: from the intakes to the records, and back to all intakes. Runs in keeper. */
#include "base/id.h"
#include "base/log.h"
#include "records/fed_counts.h"
#include "records/rule_cost.h"
#include "roles/keeper_records_priv.h"

enum { METRICS_RULES = 20 /* the dearest ones, and those that are stopped */ };

int keeper_costs_take(struct keeper_records *kr, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint32_t n = cursor_u32(&c);
    arena_reset(&kr->scratch);
    if (c.failed || n > RULE_COSTS_MAX || n > cursor_left(&c) / RULE_COST_HASH_BYTES) {
        return err_set(e, ERR_INVALID, "costs of rules: their number is out of range");
    }
    struct rule_cost_delta *d = arena_calloc(&kr->scratch, n, sizeof *d);
    for (uint32_t i = 0; i < n; i++) {
        rule_cost_decode(&c, &d[i]);
    }
    return cursor_done(&c) ? rule_costs_add(kr->db, d, n, clock_now(), e)
                           : err_set(e, ERR_INVALID, "costs of rules: end early or late");
}

int keeper_stop_take(struct keeper_records *kr, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    struct span hash = cursor_take(&c, RULE_COST_HASH_BYTES);
    struct span reason = cursor_str(&c);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "a stopped rule is described wrongly");
    }
    int rc = rule_cost_stop(kr->db, (const unsigned char *)hash.ptr, reason, clock_now(), e);
    keeper_tell_stops(kr);
    return rc == ERR_EXISTS ? 0 : rc; /* another intake was as quick */
}

void keeper_tell_stops(struct keeper_records *kr)
{
    struct err e = {0};
    struct rule_cost_row *rows = NULL;
    size_t n = 0;
    struct buf b;
    if (kr->hooks.stops_changed == NULL) {
        return;
    }
    buf_init(&b, 64 << 10);
    if (rule_costs_list(kr->db, COST_BY_NS, true, RULE_COST_LIST_MAX, &kr->scratch, &rows, &n, &e) != 0) {
        log_error("records.rules", "why=\"%s\"", e.text);
        n = 0;
    }
    buf_u32(&b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        unsigned char hash[RULE_COST_HASH_BYTES] = {0};
        (void)!hex_decode(rows[i].hash, hash, sizeof hash);
        buf_put(&b, hash, sizeof hash);
    }
    kr->hooks.stops_changed(kr->hooks.arg, buf_view(&b));
    buf_free(&b);
}

/* ---- answers ---- */

static void put_rows(struct buf *out, const struct rule_cost_row *rows, size_t n)
{
    buf_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        rule_cost_row_encode(out, &rows[i]);
    }
}

int keeper_answer_costs(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct rule_cost_row *rows = NULL;
    size_t n = 0;
    enum rule_cost_order by = COST_BY_NS;
    struct span word = cursor_str(c);
    uint32_t limit = cursor_u32(c);
    int rc = !cursor_done(c) || !rule_cost_order_parse(word, &by) || limit == 0 || limit > RULE_COST_LIST_MAX
                 ? err_set(e, ERR_INVALID, "the question is broken")
                 : rule_costs_list(kr->db, by, false, limit, &kr->scratch, &rows, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        put_rows(&kr->out, rows, n);
    }
    return rc;
}

int keeper_answer_resume(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    int rc = cursor_done(c) ? rule_cost_resume(kr->db, id, who, clock_now(), e)
                            : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        keeper_tell_stops(kr);
    }
    return rc;
}

/* Everything that /metrics shows of the keeper's knowledge, in one answer. */
int keeper_answer_metrics(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct keeper_status s;
    struct rule_cost_row *dear = NULL;
    struct rule_cost_row *stopped = NULL;
    size_t ndear = 0;
    size_t nstopped = 0;
    int rc = cursor_done(c) ? keeper_status(kr, clock_now(), &s, e) : err_set(e, ERR_INVALID, "the question is broken");
    rc = rc < 0 ? rc : rule_costs_list(kr->db, COST_BY_NS, false, METRICS_RULES, &kr->scratch, &dear, &ndear, e);
    rc = rc < 0 ? rc : rule_costs_list(kr->db, COST_BY_NS, true, METRICS_RULES, &kr->scratch, &stopped, &nstopped, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    time_ns now = clock_now();
    keeper_status_encode(&kr->out, &s);
    buf_u64(&kr->out, (uint64_t)kr->unknown);
    buf_u32(&kr->out, (uint32_t)kr->sources.len);
    for (size_t i = 0; i < kr->sources.len; i++) {
        struct source_row row = kr->sources.data[i]->row;
        row.rate_milli = keeper_source_rate(kr->sources.data[i], now);
        source_encode(&kr->out, &row);
    }
    put_rows(&kr->out, dear, ndear);
    put_rows(&kr->out, stopped, nstopped);
    return fed_counts_write(kr->db, &kr->out, e);
}
