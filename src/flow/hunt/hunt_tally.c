/* SPDX-License-Identifier: EUPL-1.2 */
/* A run's counts as bytes, so that another run can go on: see hunt_run.h. The reader trusts nothing. */
#include "flow/hunt/hunt_run_priv.h"

enum { TALLY_FORMAT = 2, DAY_MAX = 106000 };

/* Numbers of classes, fields and items mean the same only with the same rules and sources. */
static void put_shape(const struct hunt_run *run, struct buf *out)
{
    const struct catalog *c = run->parts.catalog;
    struct buf names;
    unsigned char hash[ARCHIVE_HASH_BYTES];
    buf_init(&names, SIZE_MAX / 4);
    for (class_id i = 0; i < c->nclasses; i++) {
        buf_str(&names, c->classes[i].name);
    }
    for (field_id i = 0; i < c->nfields; i++) {
        buf_str(&names, c->fields[i]);
    }
    for (uint32_t i = 0; i < run->parts.plan->nrules; i++) {
        buf_str(&names, run->parts.plan->rules[i].id);
    }
    for (uint32_t i = 0; i < run->parts.plan->nbases; i++) {
        buf_str(&names, run->parts.plan->bases[i].id);
    }
    for (uint32_t i = 0; i < run->parts.hunt->nindicators; i++) {
        buf_str(&names, run->parts.hunt->indicators[i].value);
    }
    archive_hash(buf_view(&names), hash);
    buf_free(&names);
    buf_u16(out, TALLY_FORMAT);
    buf_put(out, hash, sizeof hash);
}

static void put_item(const struct hunt_tally *t, uint32_t number, struct buf *out)
{
    buf_u32(out, number);
    buf_u64(out, t->count);
    buf_u64(out, (uint64_t)t->first);
    buf_u64(out, (uint64_t)t->last);
    buf_u32(out, (uint32_t)t->refs.len);
    for (size_t i = 0; i < t->refs.len; i++) {
        const struct hunt_ref *r = &t->refs.data[i];
        buf_u32(out, (uint32_t)r->day);
        buf_u32(out, r->block);
        buf_u32(out, r->index);
        buf_u64(out, (uint64_t)r->time);
        buf_str(out, r->organisation);
        buf_str(out, r->source);
        buf_str(out, r->host);
    }
}

static void put_class(const struct hunt_seen *s, class_id number, struct buf *out)
{
    buf_u32(out, number);
    buf_u64(out, s->events);
    buf_u32(out, (uint32_t)s->present.len);
    for (size_t i = 0; i < s->present.len; i++) {
        buf_u32(out, s->present.data[i]);
    }
}

#define COUNTERS(X) X(blocks) X(events) X(unreadable) X(damaged) X(purged) X(matches)

void hunt_run_tally(const struct hunt_run *run, struct buf *out)
{
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    uint32_t n = 0;
    put_shape(run, out);
#define X(name) buf_u64(out, run->name);
    COUNTERS(X)
#undef X
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        buf_u64(out, hunt_matcher_seen(run->indicators, (enum indicator_type)t));
    }
    for (class_id c = 0; c < run->parts.catalog->nclasses; c++) {
        n += run->classes[c].prepared;
    }
    buf_u32(out, n);
    for (class_id c = 0; c < run->parts.catalog->nclasses; c++) {
        if (run->classes[c].prepared) {
            put_class(&run->classes[c], c, out);
        }
    }
    n = 0;
    for (uint32_t i = 0; i < run->nitems; i++) {
        n += run->items[i].count > 0;
    }
    buf_u32(out, n);
    for (uint32_t i = 0; i < run->nitems; i++) {
        if (run->items[i].count > 0) {
            put_item(&run->items[i], i, out);
        }
    }
    if (run->join != NULL) {
        hunt_join_save(run->join, out);
    }
}

static struct span keep(void *ctx, struct span text)
{
    return hunt_run_text(ctx, text);
}

static bool same_shape(const struct hunt_run *run, struct cursor *c)
{
    struct buf mine;
    buf_init(&mine, 1024);
    put_shape(run, &mine);
    bool same = span_eq(cursor_take(c, mine.len), buf_view(&mine));
    buf_free(&mine);
    return same;
}

static void get_refs(struct hunt_run *run, struct hunt_tally *t, struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct hunt_ref r = {0};
        r.day = (int32_t)cursor_u32(c);
        r.block = cursor_u32(c);
        r.index = cursor_u32(c);
        r.time = (time_ns)cursor_u64(c);
        r.organisation = hunt_run_text(run, cursor_str(c));
        r.source = hunt_run_text(run, cursor_str(c));
        r.host = hunt_run_text(run, cursor_str(c));
        if (i >= HUNT_REFS_MAX || run->refs >= HUNT_REFS_ALL_MAX || r.day < -DAY_MAX ||
            r.day > DAY_MAX) {
            c->failed = true;
            return;
        }
        run->refs++;
        vec_push(&t->refs, r);
    }
}

static void get_items(struct hunt_run *run, struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        uint32_t number = cursor_u32(c);
        if (number >= run->nitems || run->items[number].count != 0) {
            c->failed = true;
            return;
        }
        struct hunt_tally *t = &run->items[number];
        t->count = cursor_u64(c);
        t->first = (time_ns)cursor_u64(c);
        t->last = (time_ns)cursor_u64(c);
        get_refs(run, t, c);
    }
}

/* Field numbers that are not asked for are not taken: pending holds what may be. */
static void get_class(struct hunt_run *run, struct cursor *c)
{
    class_id number = cursor_u32(c);
    uint64_t events = cursor_u64(c);
    uint32_t n = cursor_u32(c);
    if (number >= run->parts.catalog->nclasses || run->classes[number].prepared) {
        c->failed = true;
        return;
    }
    struct hunt_seen *s = &run->classes[number];
    hunt_run_prepare(run, number);
    s->events = events;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        field_id f = cursor_u32(c);
        size_t k = 0;
        while (k < s->pending.len && s->pending.data[k] != f) {
            k++;
        }
        if (k == s->pending.len) {
            c->failed = true;
            return;
        }
        vec_push(&s->present, f);
        s->pending.data[k] = *vec_last(&s->pending);
        s->pending.len--;
    }
}

int hunt_run_restore(struct hunt_run *run, struct span tally, struct err *e)
{
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    CHECK(run->blocks == 0 && run->events == 0);
    struct cursor c = cursor_of(tally);
    if (!same_shape(run, &c)) {
        return err_set(e, ERR_INVALID, "rules or sources are not those it began with");
    }
#define X(name) run->name = cursor_u64(&c);
    COUNTERS(X)
#undef X
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        hunt_matcher_set_seen(run->indicators, (enum indicator_type)t, cursor_u64(&c));
    }
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        get_class(run, &c);
    }
    get_items(run, &c);
    if (run->join != NULL && !c.failed &&
        !hunt_join_restore(run->join, &c, ruleset_nrules(run->parts.ruleset), keep)) {
        c.failed = true;
    }
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "the tally is broken");
}
