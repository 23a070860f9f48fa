/* SPDX-License-Identifier: EUPL-1.2 */
/* What retention will do, did, and could not: see retention_view.h. Runs in the keeper; must never write but for the last run. */
#include "records/registers/retention_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "records/registers/record_retention_priv.h"
#include "records/registers/record_seal.h"
#include "records/registers/register_due.h"
#include "records/settings.h"

#define LAST SPAN("records.retention_run") /* no name of a rule: those begin with "retention." */

const char *retention_which_name(enum retention_which which)
{
    static const char *const names[RETENTION_WHICH_COUNT] = {"due", "held", "erased", "passed_by"};
    CHECK((size_t)which < RETENTION_WHICH_COUNT);
    return names[which];
}

/* ---- the last run ---- */

/* "BEGUN ENDED ERASED PASSED_BY", a line of why, a line for each id. */
int retention_last_put(struct db *db, const struct retention_last *last, struct err *e)
{
    struct buf b;
    buf_init(&b, SETTING_MAX);
    buf_printf(&b, "%" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 "\n", last->begun, last->ended, last->erased, last->passed_by);
    for (const char *c = last->why; *c != '\0'; c++) {
        buf_u8(&b, (uint8_t)(*c == '\n' ? ' ' : *c));
    }
    for (uint32_t i = 0; i < last->npassed; i++) {
        buf_printf(&b, "\n%s", last->passed[i]);
    }
    int rc = b.failed ? err_set(e, ERR_LIMIT, "the last run of retention is too long to be kept") : settings_put(db, LAST, buf_view(&b), last->ended, e);
    buf_free(&b);
    return rc;
}

static bool next_part(struct span *rest, char end, struct span *out)
{
    ptrdiff_t at = span_find(*rest, end);
    size_t n = at < 0 ? rest->len : (size_t)at;
    *out = span_sub(*rest, 0, n);
    *rest = span_sub(*rest, at < 0 ? rest->len : n + 1, rest->len);
    return out->len > 0;
}

static bool read_last(struct span text, struct retention_last *out)
{
    struct span line, word;
    int64_t n[4] = {0};
    if (!next_part(&text, '\n', &line)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(n); i++) {
        if (!next_part(&line, ' ', &word) || !num_i64(word, &n[i]) || n[i] < 0) {
            return false;
        }
    }
    *out = (struct retention_last){.begun = n[0], .ended = n[1], .erased = (uint64_t)n[2], .passed_by = (uint64_t)n[3]};
    (void)next_part(&text, '\n', &word);
    (void)snprintf(out->why, sizeof out->why, "%.*s", SPAN_ARG(word));
    while (out->npassed < RETENTION_PASSED_MAX && next_part(&text, '\n', &word)) {
        (void)snprintf(out->passed[out->npassed++], sizeof out->passed[0], "%.*s", SPAN_ARG(word));
    }
    return true;
}

int retention_last_get(struct db *db, struct retention_last *out, struct err *e)
{
    char text[SETTING_MAX];
    struct span value = SPAN("");
    *out = (struct retention_last){.begun = TIME_NONE, .ended = TIME_NONE};
    int rc = settings_get(db, LAST, text, sizeof text, &value, e);
    if (rc == ERR_NOT_FOUND) {
        return 0;
    }
    return rc == 0 && !read_last(value, out) ? err_set(e, ERR_INVALID, "the last run of retention cannot be read") : rc;
}

/* ---- what is asked ---- */

/* One question on its way into a statement. */
struct asking {
    const struct retention_query *q;
    const struct register_kind *k;
    uint32_t days;
    int64_t notice, acts;       /* the first day on which the rule acts */
    struct retention_last last; /* of ERASED and PASSED_BY */
    struct arena *a;
};

int retention_since(struct db *db, const struct retention_rules *rules, const struct register_kind *k, int64_t *since_out, int64_t *acts_out, struct err *e)
{
    struct arena a;
    uint32_t days = retention_days_of(rules, k);
    *since_out = *acts_out = 0;
    if (days == 0) {
        return 0;
    }
    arena_init(&a, 0);
    int rc = retention_rule_since(db, k, days, &a, since_out, e);
    arena_fini(&a);
    *since_out = *since_out == RETENTION_RULE_UNKNOWN ? 0 : *since_out;
    *acts_out = *since_out == 0 ? 0 : *since_out + retention_notice(days);
    return rc;
}

/* False, with *rc_out 0: there is none, whatever stands in the records. */
static bool begin(struct db *db, const struct retention_rules *rules, const struct retention_query *q, struct arena *a, struct asking *out, int *rc_out, struct err *e)
{
    int64_t since = 0;
    *out = (struct asking){.q = q, .k = registers_any(rules->kinds, q->kind), .a = a};
    *rc_out = 0;
    if (out->k == NULL || record_scope_empty(&q->scope)) {
        return false;
    }
    out->days = retention_days_of(rules, out->k);
    out->notice = retention_notice(out->days);
    if (q->which == RETENTION_DUE || q->which == RETENTION_HELD) {
        *rc_out = out->days == 0 ? 0 : retention_since(db, rules, out->k, &since, &out->acts, e);
        return *rc_out == 0 && out->days > 0 && since > 0 && q->until >= out->acts;
    }
    *rc_out = retention_last_get(db, &out->last, e);
    return *rc_out == 0 && (q->which == RETENTION_ERASED ? out->last.erased > 0 : out->last.npassed > 0);
}

/* Of the keys k of the kind and the records r: those that go, or would, until the day. */
static void put_going(struct sql *s, const struct asking *w)
{
    time_ns unchanged_since = (w->q->until - w->notice + 1) * TIME_DAY;
    sql_value(s, REGISTER_KEY_KEPT);
    sql_put(s, " AND k.value > '' AND k.value <= ");
    sql_value(s, register_day_text(w->a, w->q->until - w->days));
    buf_printf(&s->text, " AND r.changed < %" PRId64 " AND %s (SELECT 1", unchanged_since, w->q->which == RETENTION_HELD ? "EXISTS" : "NOT EXISTS");
    retention_sql_hold(s, w->k->name);
    sql_put(s, ")");
}

/* Those that the last run erased and that nobody changed since. */
static void put_erased(struct sql *s, const struct asking *w)
{
    sql_value(s, REGISTER_KEY_CHANGED);
    sql_put(s, " AND k.value = ");
    sql_value(s, register_key_number(w->a, w->last.begun));
    sql_put(s, " AND EXISTS (SELECT 1 FROM audit t WHERE t.subject = ");
    sql_value(s, w->k->name);
    buf_printf(&s->text, " || '/' || r.id AND t.at = %" PRId64 " AND t.what = ", w->last.begun);
    sql_value(s, RECORD_ERASED);
    sql_put(s, ")");
}

static void put_passed(struct sql *s, const struct asking *w)
{
    sql_value(s, REGISTER_KEY_KEPT);
    for (uint32_t i = 0; i < w->last.npassed; i++) {
        sql_put(s, i == 0 ? " AND k.record_id IN (" : ", ");
        sql_value(s, span_of(w->last.passed[i]));
    }
    sql_put(s, ")");
}

/* "FROM … WHERE …": all but the order. */
static void put_all(struct sql *s, const struct asking *w)
{
    sql_put(s, " FROM record_key k CROSS JOIN record r WHERE k.kind = ");
    sql_value(s, w->k->name);
    sql_put(s, " AND k.field = ");
    if (w->q->which == RETENTION_ERASED) {
        put_erased(s, w);
    } else if (w->q->which == RETENTION_PASSED_BY) {
        put_passed(s, w);
    } else {
        put_going(s, w);
    }
    sql_put(s, " AND r.id = k.record_id AND ");
    sql_scope(s, &w->q->scope, "k");
}

/* Whose order tells days; the others go by their ids. */
static bool by_day(const struct asking *w)
{
    return w->q->which == RETENTION_DUE || w->q->which == RETENTION_HELD;
}

/* The first day on which it may go: counted, seen, and the rule acts. */
static int64_t day_of(const struct asking *w, struct span key, time_ns changed)
{
    time_ns from = 0;
    int64_t day = time_parse(key, 0, &from) ? time_day(from) + w->days : 0;
    int64_t seen = time_day(changed) + w->notice;
    day = day > seen ? day : seen;
    return day > w->acts ? day : w->acts;
}

static int count_them(struct db *db, const struct asking *w, struct retention_count *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT k.value, r.changed");
    put_all(&s, w);
    buf_printf(&s.text, " LIMIT %d", RECORD_COUNT_MAX + 1);
    int rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        int64_t day = day_of(w, db_col_text(st, 0), db_col_i64(st, 1));
        out->first = out->count == 0 || day < out->first ? day : out->first;
        out->count++;
        rc = 0;
    }
    sql_end(&s);
    out->more = out->count > RECORD_COUNT_MAX;
    out->count -= out->more;
    return rc;
}

int retention_count(struct db *db, const struct retention_rules *rules, const struct retention_query *q, struct retention_count *out, struct err *e)
{
    struct arena a;
    int rc = 0;
    *out = (struct retention_count){0};
    arena_init(&a, 0);
    struct asking *w = arena_alloc(&a, sizeof *w);
    if (begin(db, rules, q, &a, w, &rc, e)) {
        rc = count_them(db, w, out, e);
    }
    arena_fini(&a);
    return rc;
}

static void put_reason(struct sql *s, const struct asking *w, const char *column)
{
    buf_printf(&s->text, ", (SELECT h.%s", column);
    retention_sql_hold(s, w->k->name);
    sql_put(s, " ORDER BY h.created, h.id LIMIT 1)");
}

static void put_list(struct sql *s, const struct asking *w)
{
    const struct retention_query *q = w->q;
    sql_put(s, "SELECT " RECORD_COLUMNS ", k.value");
    if (q->which == RETENTION_HELD) {
        put_reason(s, w, "reason");
        put_reason(s, w, "created_by");
    }
    put_all(s, w);
    if (q->after_id.len > 0 && by_day(w)) {
        sql_put(s, " AND (k.value, k.record_id) > (");
        sql_value(s, q->after);
        sql_put(s, ", ");
        sql_value(s, q->after_id);
        sql_put(s, ")");
    } else if (q->after_id.len > 0) {
        sql_put(s, " AND k.record_id > ");
        sql_value(s, q->after_id);
    }
    buf_printf(&s->text, " ORDER BY %sk.record_id LIMIT %u", by_day(w) ? "k.value, " : "", q->limit + 1);
}

static void take(struct db_stmt *st, const struct asking *w, struct retention_row *out)
{
    sql_row(st, w->a, &out->row);
    out->key = by_day(w) ? arena_copy(w->a, db_col_text(st, RECORD_COLUMN_COUNT)) : SPAN("");
    out->day = by_day(w) ? day_of(w, out->key, out->row.changed) : 0;
    out->why = out->who = SPAN("");
    if (w->q->which == RETENTION_HELD) {
        out->why = arena_copy(w->a, db_col_text(st, RECORD_COLUMN_COUNT + 1));
        out->who = arena_copy(w->a, db_col_text(st, RECORD_COLUMN_COUNT + 2));
    }
}

int retention_list(struct db *db, const struct retention_rules *rules, const struct retention_query *q, struct arena *a, struct retention_row **out, uint32_t *count_out,
                   bool *more_out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    int rc = 0;
    struct asking *w = arena_alloc(a, sizeof *w);
    CHECK(q->limit > 0 && q->limit <= RETENTION_PAGE_MAX);
    *out = arena_calloc(a, q->limit + 1, sizeof **out);
    *count_out = 0;
    *more_out = false;
    if (!begin(db, rules, q, a, w, &rc, e)) {
        return rc;
    }
    sql_begin(&s);
    put_list(&s, w);
    rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        take(st, w, &(*out)[(*count_out)++]);
        rc = 0;
    }
    sql_end(&s);
    *more_out = *count_out > q->limit;
    *count_out -= *more_out;
    return rc;
}

/* ---- as messages ---- */

void retention_query_encode(struct buf *out, const struct retention_query *q)
{
    buf_str(out, q->kind);
    record_scope_encode(out, &q->scope);
    buf_u8(out, (uint8_t)q->which);
    buf_u64(out, (uint64_t)q->until);
    buf_u32(out, q->limit);
    buf_str(out, q->after);
    buf_str(out, q->after_id);
}

void retention_query_decode(struct cursor *c, struct retention_query *out)
{
    *out = (struct retention_query){.kind = cursor_str(c)};
    record_scope_decode(c, &out->scope);
    uint8_t which = cursor_u8(c);
    out->until = (int64_t)cursor_u64(c);
    out->limit = cursor_u32(c);
    out->after = cursor_str(c);
    out->after_id = cursor_str(c);
    c->failed = c->failed || out->kind.len > REGISTER_NAME_MAX || which >= RETENTION_WHICH_COUNT || out->until < 0 || out->until > INT32_MAX || out->limit == 0 ||
                out->limit > RETENTION_PAGE_MAX || out->after.len > DUE_DAY_TEXT || out->after_id.len > RECORD_ID_MAX;
    out->which = c->failed ? RETENTION_DUE : (enum retention_which)which;
}

void retention_count_encode(struct buf *out, const struct retention_count *n)
{
    buf_u64(out, (uint64_t)n->count);
    buf_u8(out, n->more);
    buf_u64(out, (uint64_t)n->first);
}

void retention_count_decode(struct cursor *c, struct retention_count *out)
{
    out->count = (int64_t)cursor_u64(c);
    uint8_t more = cursor_u8(c);
    out->first = (int64_t)cursor_u64(c);
    out->more = more == 1;
    c->failed = c->failed || more > 1 || out->count < 0 || out->count > RECORD_COUNT_MAX;
}

void retention_row_encode(struct buf *out, const struct retention_row *r)
{
    buf_str(out, r->key);
    buf_u64(out, (uint64_t)r->day);
    buf_str(out, r->why);
    buf_str(out, r->who);
    record_row_encode(out, &r->row);
}

void retention_row_decode(struct cursor *c, struct retention_row *out)
{
    out->key = cursor_str(c);
    out->day = (int64_t)cursor_u64(c);
    out->why = cursor_str(c);
    out->who = cursor_str(c);
    record_row_decode(c, &out->row);
    c->failed = c->failed || out->key.len > DUE_DAY_TEXT || out->day < 0 || out->day > INT32_MAX || out->why.len > RETENTION_WHY_MAX || out->who.len > RETENTION_WHY_MAX;
}

void retention_state_encode(struct buf *out, const struct retention_last *last, const struct trusted_time *t)
{
    buf_u64(out, (uint64_t)last->begun);
    buf_u64(out, (uint64_t)last->ended);
    buf_str(out, span_of(last->why));
    buf_u8(out, (uint8_t)t->state);
    buf_u64(out, (uint64_t)t->newest);
    buf_u64(out, (uint64_t)t->doubted);
}

void retention_state_decode(struct cursor *c, struct retention_last *last, struct trusted_time *t)
{
    *last = (struct retention_last){.begun = (time_ns)cursor_u64(c)};
    last->ended = (time_ns)cursor_u64(c);
    struct span why = cursor_str(c);
    uint8_t state = cursor_u8(c);
    t->newest = (time_ns)cursor_u64(c);
    t->doubted = (time_ns)cursor_u64(c);
    c->failed = c->failed || state > TIME_BEHIND || why.len >= sizeof last->why;
    t->state = c->failed ? TIME_AHEAD : (enum trusted_state)state;
    (void)snprintf(last->why, sizeof last->why, "%.*s", c->failed ? 0 : (int)why.len, why.ptr);
}
