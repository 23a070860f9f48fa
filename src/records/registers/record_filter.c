/* SPDX-License-Identifier: EUPL-1.2 */
/* Filters of a list as conditions: see record_filter.h. Runs in the keeper. */
#include "records/registers/record_filter.h"

#include <stdio.h>

/* From the lowest to the highest value that a group asks for; filled: and that has one. */
struct bounds {
    struct span low, high;
    bool has_low, has_high, filled;
};

bool filter_is_link(const struct record_query *q, uint32_t i)
{
    return q->filters[i].target.len > 0;
}

uint32_t filter_first(const struct record_query *q, uint32_t i)
{
    uint32_t first = filter_is_link(q, i) ? i : 0;
    while (first < i && (filter_is_link(q, first) || !span_eq(q->filters[first].field, q->filters[i].field))) {
        first++;
    }
    return first;
}

const char *filter_table(const struct record_query *q, uint32_t first)
{
    return filter_is_link(q, first) ? "record_link" : "record_key";
}

bool filter_is_sort(const struct record_query *q, uint32_t first)
{
    return !filter_is_link(q, first) && span_eq(q->filters[first].field, q->sort);
}

static void bounds_of(const struct record_query *q, uint32_t first, struct bounds *out)
{
    *out = (struct bounds){0};
    for (uint32_t i = first; i < q->nfilters; i++) {
        const struct record_filter *f = &q->filters[i];
        if (filter_first(q, i) != first) {
            continue;
        }
        if (f->how != RECORD_TO && (!out->has_low || record_order(f->value, out->low) > 0)) {
            out->low = f->value;
            out->has_low = true;
        }
        if (f->how != RECORD_FROM && (!out->has_high || record_order(f->value, out->high) < 0)) {
            out->high = f->value;
            out->has_high = true;
        }
        out->filled = out->filled || f->how == RECORD_TO;
    }
}

bool filter_is_one_value(const struct record_query *q, uint32_t first)
{
    struct bounds b;
    bounds_of(q, first, &b);
    return filter_is_link(q, first) || (b.has_low && b.has_high && record_order(b.low, b.high) == 0);
}

static void put_bound(struct sql *s, const char *name, const char *how, struct span value)
{
    buf_printf(&s->text, " AND %s.value%s", name, how);
    sql_value(s, value);
}

/* What the filters of a group ask of its table, called by `name`. */
static void put_values(struct sql *s, const struct record_query *q, uint32_t first, const char *name)
{
    struct bounds b;
    bounds_of(q, first, &b);
    if (filter_is_one_value(q, first)) {
        put_bound(s, name, " = ", q->filters[first].target.len > 0 ? q->filters[first].value : b.low);
    } else if (b.has_low) {
        put_bound(s, name, " >= ", b.low);
    }
    if (b.has_high && !filter_is_one_value(q, first)) {
        put_bound(s, name, " <= ", b.high);
    }
    if (b.filled && (!b.has_low || b.low.len == 0)) {
        buf_printf(&s->text, " AND %s.value > ''", name);
    }
    if (filter_is_link(q, first)) { /* of a record that he may not read nothing tells what names it */
        sql_put(s, " AND EXISTS (SELECT 1 FROM record r WHERE r.id = ");
        sql_value(s, q->filters[first].value);
        sql_put(s, " AND r.kind = ");
        sql_value(s, q->filters[first].target);
        sql_put(s, " AND ");
        sql_sight(s, &q->sight);
        sql_put(s, ")");
    }
}

void filter_put_keys(struct sql *s, const struct record_query *q, const char *name, struct span field, bool home)
{
    buf_printf(&s->text, "%s.kind = ", name);
    sql_value(s, q->kind);
    buf_printf(&s->text, " AND %s.field = ", name);
    sql_value(s, field);
    if (home && !sql_scope_others(&q->scope)) {
        sql_put(s, " AND ");
        sql_home(s, &q->scope, name);
    }
}

void filter_put_stretch(struct sql *s, const struct record_query *q, uint32_t first, const char *name, bool in_order)
{
    filter_put_keys(s, q, name, q->filters[first].field, !in_order || (q->scope.nplaces == 0 && !filter_is_link(q, first)));
    put_values(s, q, first, name);
}

/* With one value the kind is told as well: then what has it is looked through in order, neighbours beside one another. With a range that would be all of it, each time. */
void filter_put_one(struct sql *s, const struct record_query *q, uint32_t first, const char *name, const char *id)
{
    buf_printf(&s->text, "%s.record_id = %s", name, id == NULL ? "" : id);
    if (id == NULL) {
        sql_value(s, record_ask_id());
    }
    buf_printf(&s->text, " AND %s.field = ", name);
    sql_value(s, q->filters[first].field);
    if (filter_is_one_value(q, first)) {
        buf_printf(&s->text, " AND %s.kind = ", name);
        sql_value(s, q->kind);
    }
    put_values(s, q, first, name);
}

static const char *name_of(const struct record_query *q, uint32_t first, char out[8])
{
    (void)snprintf(out, 8, filter_is_sort(q, first) ? "k" : "f%u", first);
    return out;
}

/* CROSS JOIN says SQLite in which order to go. */
void filter_put_joined(struct sql *s, const struct record_query *q, const uint32_t *groups, uint32_t count)
{
    char text[8] = "k", other[8], id[24];
    const char *base = count == 0 ? text : name_of(q, groups[0], text);
    bool has_key = count == 0;
    (void)snprintf(id, sizeof id, "%s.record_id", base);
    buf_printf(&s->text, " FROM %s %s", count == 0 ? "record_key" : filter_table(q, groups[0]), base);
    for (uint32_t g = 0; g < count; g++) {
        has_key = has_key || filter_is_sort(q, groups[g]);
        if (g > 0) {
            buf_printf(&s->text, " CROSS JOIN %s %s", filter_table(q, groups[g]), name_of(q, groups[g], other));
        }
    }
    sql_put(s, has_key ? " CROSS JOIN record r WHERE " : " CROSS JOIN record_key k CROSS JOIN record r WHERE ");
    if (count == 0) {
        filter_put_keys(s, q, base, q->sort, true);
    } else {
        filter_put_stretch(s, q, groups[0], base, false);
    }
    for (uint32_t g = 1; g < count; g++) {
        sql_put(s, " AND ");
        filter_put_one(s, q, groups[g], name_of(q, groups[g], other), id);
    }
    if (!has_key) {
        buf_printf(&s->text, " AND k.record_id = %s AND k.field = ", id);
        sql_value(s, q->sort);
    }
    buf_printf(&s->text, " AND r.id = %s AND ", id);
    sql_scope(s, &q->scope, NULL);
}

/* Only one begin, so that the engine goes to it: that of the page, or of what filters leave where that is behind it. */
void filter_put_walk(struct sql *s, const struct record_query *q)
{
    struct bounds b = {0};
    for (uint32_t i = 0; i < q->nfilters; i++) {
        if (filter_first(q, i) == i && filter_is_sort(q, i)) {
            bounds_of(q, i, &b);
        }
    }
    sql_put(s, " FROM record_key k WHERE ");
    filter_put_keys(s, q, "k", q->sort, true);
    bool after = q->after_id.len > 0 && (q->descending ? !b.has_high || record_order(q->after, b.high) <= 0 : !b.has_low || record_order(q->after, b.low) >= 0);
    if (b.has_low && (q->descending || !after)) {
        put_bound(s, "k", " >= ", b.low);
    }
    if (b.filled && (!b.has_low || b.low.len == 0) && (q->descending || !after || q->after.len == 0)) {
        sql_put(s, " AND k.value > ''");
    }
    if (b.has_high && (!q->descending || !after)) {
        put_bound(s, "k", " <= ", b.high);
    }
    if (after) {
        sql_put(s, q->descending ? " AND (k.value, k.record_id) < (" : " AND (k.value, k.record_id) > (");
        sql_value(s, q->after);
        sql_put(s, ", ");
        sql_value(s, q->after_id);
        sql_put(s, ")");
    }
}
