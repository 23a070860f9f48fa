/* SPDX-License-Identifier: EUPL-1.2 */
/* Cost of rules: see rule_cost.h. Runs in the keeper. */
#include "records/rule_cost.h"

#include "base/id.h"
#include "event/alert.h"
#include "records/audit.h"
#include "records/rules.h"

/* More than any counter of events reaches in a million years, and sums of two still fit. */
#define COST_MAX (UINT64_C(1) << 62)

#define COST_NUMBERS(X) X(events) X(candidates) X(hits) X(ns) X(evicted) X(windows) X(state_bytes)

void rule_cost_encode(struct buf *out, const struct rule_cost_delta *d)
{
    buf_put(out, d->hash, sizeof d->hash);
#define X(name) buf_u64(out, d->name);
    COST_NUMBERS(X)
#undef X
}

void rule_cost_decode(struct cursor *c, struct rule_cost_delta *out)
{
    struct span hash = cursor_take(c, sizeof out->hash);
    memset(out, 0, sizeof *out);
    if (hash.len == sizeof out->hash) {
        memcpy(out->hash, hash.ptr, sizeof out->hash);
    }
#define X(name)                                                                                    \
    out->name = cursor_u64(c);                                                                     \
    c->failed = c->failed || out->name > COST_MAX;
    COST_NUMBERS(X)
#undef X
}

static struct span hex_of(const unsigned char hash[RULE_COST_HASH_BYTES], char text[RULE_HASH_LEN + 1])
{
    hex_encode(hash, RULE_COST_HASH_BYTES, text);
    return span_make(text, RULE_HASH_LEN);
}

static int add_one(struct db *db, const struct rule_cost_delta *d, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    char hex[RULE_HASH_LEN + 1];
    /* Numbers that would not fit any more stay where they are: sums of a lifetime never get there. */
    int rc = db_query(db,
                      "INSERT INTO rule_cost (hash, since, events, candidates, hits, ns, evicted, windows, "
                      "state_bytes, stopped, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '') ON CONFLICT (hash) DO UPDATE SET "
                      "events = rule_cost.events + excluded.events, "
                      "candidates = rule_cost.candidates + excluded.candidates, "
                      "hits = rule_cost.hits + excluded.hits, ns = rule_cost.ns + excluded.ns, "
                      "evicted = rule_cost.evicted + excluded.evicted, windows = excluded.windows, "
                      "state_bytes = excluded.state_bytes",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, hex_of(d->hash, hex));
    db_bind_i64(s, 2, now);
    db_bind_i64(s, 3, (int64_t)d->events);
    db_bind_i64(s, 4, (int64_t)d->candidates);
    db_bind_i64(s, 5, (int64_t)d->hits);
    db_bind_i64(s, 6, (int64_t)d->ns);
    db_bind_i64(s, 7, (int64_t)d->evicted);
    db_bind_i64(s, 8, (int64_t)d->windows);
    db_bind_i64(s, 9, (int64_t)d->state_bytes);
    return db_run(s, e);
}

int rule_costs_add(struct db *db, const struct rule_cost_delta *d, size_t count, time_ns now, struct err *e)
{
    int rc = count == 0 ? 1 : db_begin(db, e);
    if (rc != 0) {
        return rc > 0 ? 0 : rc;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = add_one(db, &d[i], now, e);
    }
    return db_end(db, rc, e);
}

/* Sets or clears the mark on the rule with this hash, or (resuming) this id. 0: no such row. */
static int mark(struct db *db, struct span hash, time_ns stopped, struct span reason, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      stopped != 0
                          ? "UPDATE rule_cost SET stopped = $1, reason = $2 WHERE hash = $3 AND stopped = 0"
                          : "UPDATE rule_cost SET stopped = $1, reason = $2 WHERE stopped <> 0 AND (hash = $3 "
                            "OR hash IN (SELECT hash FROM rule_text WHERE rule_id = $3))",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, stopped);
    db_bind_text(s, 2, reason);
    db_bind_text(s, 3, hash);
    rc = db_run(s, e);
    return rc < 0 ? rc : db_changes(db) > 0 ? 1 : 0;
}

static int note(struct db *db, struct span who, const char *what, struct span subject, struct span why, time_ns now,
                struct err *e)
{
    struct audit_entry entry = {
        .at = now, .organisation = SPAN("*"), .who = who, .what = span_of(what), .subject = subject, .why = why};
    return audit_append(db, &entry, e);
}

static int stop(struct db *db, const unsigned char hash[RULE_COST_HASH_BYTES], struct span reason, time_ns now,
                struct err *e)
{
    char hex[RULE_HASH_LEN + 1];
    struct rule_cost_delta none = {0};
    memcpy(none.hash, hash, sizeof none.hash);
    int rc = add_one(db, &none, now, e);
    rc = rc < 0 ? rc : mark(db, hex_of(hash, hex), now, span_sub(reason, 0, RULE_STOP_REASON_MAX), e);
    if (rc == 0) {
        return err_set(e, ERR_EXISTS, "the rule is stopped already");
    }
    return rc < 0 ? rc : note(db, SPAN("sereno"), "rule.stopped", span_make(hex, RULE_HASH_LEN), reason, now, e);
}

int rule_cost_stop(struct db *db, const unsigned char hash[RULE_COST_HASH_BYTES], struct span reason, time_ns now,
                   struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, stop(db, hash, reason, now, e), e);
}

static int resume(struct db *db, struct span id, struct span who, time_ns now, struct err *e)
{
    int rc = mark(db, id, 0, SPAN(""), e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no rule with this id is stopped");
    }
    return rc < 0 ? rc : note(db, who, "rule.resumed", id, SPAN(""), now, e);
}

int rule_cost_resume(struct db *db, struct span id, struct span who, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, resume(db, id, who, now, e), e);
}

int rule_costs_prune(struct db *db, struct err *e)
{
    int64_t generation = 0;
    struct db_stmt *s = NULL;
    int rc = rules_generation(db, e, &generation);
    rc = rc < 0 ? rc
                : db_query(db,
                           "DELETE FROM rule_cost WHERE hash NOT IN "
                           "(SELECT hash FROM rule_text WHERE generation = $1)",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    return db_run(s, e);
}

/* ---- listing ---- */

#define COST_LIST(order)                                                                           \
    "SELECT c.hash, r.rule_id, r.title, r.file, c.reason, r.level, c.since, c.stopped, c.events, " \
    "c.candidates, c.hits, c.ns, c.evicted, c.windows, c.state_bytes FROM rule_cost c JOIN rule_text r ON r.hash = c.hash "             \
    "WHERE r.generation = $1 AND (c.stopped <> 0 OR $2 = 0) ORDER BY " order                       \
    " DESC, c.hash LIMIT $3"

static const struct {
    struct span word;
    const char *sql;
} orders[COST_ORDER_COUNT] = {
    [COST_BY_NS] = {SPAN("ns"), COST_LIST("c.ns")},
    [COST_BY_CANDIDATES] = {SPAN("candidates"), COST_LIST("c.candidates")},
    [COST_BY_HITS] = {SPAN("hits"), COST_LIST("c.hits")},
    [COST_BY_EVENTS] = {SPAN("events"), COST_LIST("c.events")},
};

bool rule_cost_order_parse(struct span word, enum rule_cost_order *out)
{
    for (unsigned i = 0; i < COST_ORDER_COUNT; i++) {
        if (span_eq(orders[i].word, word)) {
            *out = (enum rule_cost_order)i;
            return true;
        }
    }
    return false;
}

#define ROW_SPANS(X) X(hash) X(id) X(title) X(file) X(reason)
#define ROW_NUMBERS(X) X(level) X(since) X(stopped) X(events) X(candidates) X(hits) X(ns) X(evicted) X(windows) X(state_bytes)

int rule_costs_list(struct db *db, enum rule_cost_order by, bool stopped_only, size_t limit, struct arena *arena,
                    struct rule_cost_row **out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t generation = 0;
    CHECK(by < COST_ORDER_COUNT && limit <= RULE_COST_LIST_MAX);
    *out = arena_calloc(arena, limit, sizeof **out);
    *count_out = 0;
    int rc = rules_generation(db, e, &generation);
    rc = rc < 0 ? rc : db_query(db, orders[by].sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    db_bind_i64(s, 2, stopped_only ? 1 : 0);
    db_bind_i64(s, 3, (int64_t)limit);
    while ((rc = db_step(s, e)) == 1) {
        struct rule_cost_row *r = &(*out)[(*count_out)++];
        int i = 0;
#define X(name) r->name = arena_copy(arena, db_col_text(s, i++));
        ROW_SPANS(X)
#undef X
#define X(name) r->name = db_col_i64(s, i++);
        ROW_NUMBERS(X)
#undef X
    }
    return rc;
}

void rule_cost_row_encode(struct buf *out, const struct rule_cost_row *r)
{
#define X(name) buf_str(out, r->name);
    ROW_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)r->name);
    ROW_NUMBERS(X)
#undef X
}

void rule_cost_row_decode(struct cursor *c, struct rule_cost_row *out)
{
#define X(name) out->name = cursor_str(c);
    ROW_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    ROW_NUMBERS(X)
#undef X
    if (out->level < 0 || out->level > LEVEL_CRITICAL) {
        c->failed = true;
        out->level = 0;
    }
}
