/* SPDX-License-Identifier: EUPL-1.2 */
/* The answer of a hunt as bytes and as JSON: see hunt_result.h. */
#include "flow/hunt/hunt_result.h"

enum { RESULT_FORMAT = 1, DAY_MAX = 106000 /* days from 1970 that nanoseconds can tell */ };

static const char *const state_names[] = {
#define X(name, text) text,
    HUNT_STATES(X)
#undef X
};

const char *hunt_state_name(enum hunt_state state)
{
    CHECK((unsigned)state < HUNT_STATE_COUNT);
    return state_names[state];
}

/* ---- bytes ---- */

static void put_item(struct buf *out, const struct hunt_item *it)
{
    buf_u8(out, (uint8_t)it->kind);
    buf_u8(out, (uint8_t)it->state);
    buf_str(out, it->id);
    buf_str(out, it->name);
    buf_str(out, it->reason);
    buf_u64(out, it->count);
    buf_u64(out, (uint64_t)it->first);
    buf_u64(out, (uint64_t)it->last);
    buf_u32(out, it->nrefs);
    for (uint32_t i = 0; i < it->nrefs; i++) {
        const struct hunt_ref *r = &it->refs[i];
        buf_u32(out, (uint32_t)r->day);
        buf_u32(out, r->block);
        buf_u32(out, r->index);
        buf_u64(out, (uint64_t)r->time);
        buf_str(out, r->organisation);
        buf_str(out, r->source);
        buf_str(out, r->host);
    }
}

/* In wire order, for both directions. */
#define COVERAGE_NUMBERS(X)                                                                        \
    X(from, time_ns)                                                                               \
    X(to, time_ns) X(retained_from, time_ns) X(retained_to, time_ns) X(blocks, uint64_t)           \
        X(events, uint64_t) X(unreadable, uint64_t) X(damaged, uint64_t) X(purged, uint64_t)

void hunt_result_encode(struct buf *out, const struct hunt_result *r)
{
    buf_u16(out, RESULT_FORMAT);
#define X(name, type) buf_u64(out, (uint64_t)r->coverage.name);
    COVERAGE_NUMBERS(X)
#undef X
    buf_u32(out, r->coverage.nclasses);
    for (uint32_t i = 0; i < r->coverage.nclasses; i++) {
        const struct hunt_class *c = &r->coverage.classes[i];
        buf_str(out, c->name);
        buf_str(out, c->product);
        buf_str(out, c->category);
        buf_str(out, c->service);
        buf_u64(out, c->events);
    }
    buf_u64(out, r->matches);
    buf_u32(out, r->nitems);
    for (uint32_t i = 0; i < r->nitems; i++) {
        put_item(out, &r->items[i]);
    }
}

static void get_classes(struct cursor *c, struct arena *arena, struct hunt_coverage *out)
{
    uint32_t n = cursor_u32(c);
    if (c->failed || n > HUNT_CLASSES_MAX) {
        c->failed = true;
        return;
    }
    struct hunt_class *list = arena_calloc(arena, n, sizeof *list);
    for (uint32_t i = 0; i < n; i++) {
        list[i].name = cursor_str(c);
        list[i].product = cursor_str(c);
        list[i].category = cursor_str(c);
        list[i].service = cursor_str(c);
        list[i].events = cursor_u64(c);
    }
    out->classes = list;
    out->nclasses = n;
}

static void get_refs(struct cursor *c, struct arena *arena, struct hunt_item *out)
{
    uint32_t n = cursor_u32(c);
    if (c->failed || n > HUNT_REFS_MAX) {
        c->failed = true;
        return;
    }
    struct hunt_ref *refs = arena_calloc(arena, n, sizeof *refs);
    for (uint32_t i = 0; i < n; i++) {
        refs[i].day = (int32_t)cursor_u32(c);
        refs[i].block = cursor_u32(c);
        refs[i].index = cursor_u32(c);
        refs[i].time = (time_ns)cursor_u64(c);
        refs[i].organisation = cursor_str(c);
        refs[i].source = cursor_str(c);
        refs[i].host = cursor_str(c);
        c->failed = c->failed || refs[i].day < -DAY_MAX || refs[i].day > DAY_MAX;
    }
    out->refs = refs;
    out->nrefs = n;
}

static void get_item(struct cursor *c, struct arena *arena, struct hunt_item *out)
{
    uint8_t kind = cursor_u8(c);
    uint8_t state = cursor_u8(c);
    out->kind = (enum hunt_kind)kind;
    out->state = (enum hunt_state)state;
    out->id = cursor_str(c);
    out->name = cursor_str(c);
    out->reason = cursor_str(c);
    out->count = cursor_u64(c);
    out->first = (time_ns)cursor_u64(c);
    out->last = (time_ns)cursor_u64(c);
    get_refs(c, arena, out);
    if (kind >= HUNT_KIND_COUNT || state >= HUNT_STATE_COUNT) {
        c->failed = true;
    }
}

int hunt_result_decode(struct span bytes, struct arena *arena, struct hunt_result *out,
                       struct err *e)
{
    struct cursor c = cursor_of(bytes);
    memset(out, 0, sizeof *out);
    c.failed = cursor_u16(&c) != RESULT_FORMAT || c.failed;
#define X(name, type) out->coverage.name = (type)cursor_u64(&c);
    COVERAGE_NUMBERS(X)
#undef X
    get_classes(&c, arena, &out->coverage);
    out->matches = cursor_u64(&c);
    uint32_t n = cursor_u32(&c);
    /* An item has 43 bytes at least: a number beyond that is a lie that must not cost memory. */
    if (c.failed || n > HUNT_ITEMS_MAX || n > cursor_left(&c) / 42) {
        return err_set(e, ERR_INVALID, "the result of the hunt is broken");
    }
    struct hunt_item *items = arena_calloc(arena, n, sizeof *items);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        get_item(&c, arena, &items[i]);
    }
    out->items = items;
    out->nitems = n;
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "the result of the hunt is broken");
}

/* ---- JSON ---- */

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    if (t == TIME_NONE) {
        json_null(j);
    } else {
        json_text(j, span_of(time_format(t, text)));
    }
}

static void put_day(struct json_writer *j, const char *key, int64_t day)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    json_text(j, span_sub(span_of(time_format(day * TIME_DAY, text)), 0, 10));
}

static void put_text(struct json_writer *j, const char *key, struct span s)
{
    json_key(j, key);
    json_text(j, s);
}

static void put_number(struct json_writer *j, const char *key, uint64_t v)
{
    json_key(j, key);
    json_u64(j, v);
}

static void coverage_json(struct json_writer *j, const struct hunt_coverage *c)
{
    json_object(j);
    put_time(j, "from", c->from);
    put_time(j, "to", c->to);
    put_time(j, "retained_from", c->retained_from);
    put_time(j, "retained_to", c->retained_to);
    put_number(j, "blocks", c->blocks);
    put_number(j, "events", c->events);
    put_number(j, "unreadable", c->unreadable);
    put_number(j, "damaged_blocks", c->damaged);
    put_number(j, "purged_blocks", c->purged);
    json_key(j, "log_sources");
    json_array(j);
    for (uint32_t i = 0; i < c->nclasses; i++) {
        json_object(j);
        put_text(j, "name", c->classes[i].name);
        put_text(j, "product", c->classes[i].product);
        put_text(j, "category", c->classes[i].category);
        put_text(j, "service", c->classes[i].service);
        put_number(j, "events", c->classes[i].events);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

static void item_json(struct json_writer *j, const struct hunt_item *it)
{
    static const char *const kinds[] = {"rule", "indicator", "search"};
    json_object(j);
    put_text(j, "kind", span_of(kinds[it->kind]));
    put_text(j, "id", it->id);
    put_text(j, "name", it->name);
    put_text(j, "state", span_of(hunt_state_name(it->state)));
    put_text(j, "reason", it->reason);
    put_number(j, "count", it->count);
    put_time(j, "first", it->first);
    put_time(j, "last", it->last);
    json_key(j, "records");
    json_array(j);
    for (uint32_t i = 0; i < it->nrefs; i++) {
        const struct hunt_ref *r = &it->refs[i];
        json_object(j);
        put_day(j, "day", r->day);
        put_number(j, "block", r->block);
        put_number(j, "index", r->index);
        put_time(j, "time", r->time);
        put_text(j, "organisation", r->organisation);
        put_text(j, "source", r->source);
        put_text(j, "host", r->host);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

void hunt_result_json(struct json_writer *j, const struct hunt_result *r)
{
    json_key(j, "coverage");
    coverage_json(j, &r->coverage);
    put_number(j, "matches", r->matches);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < r->nitems; i++) {
        item_json(j, &r->items[i]);
    }
    json_end(j);
}
