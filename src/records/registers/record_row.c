/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as messages: see record_row.h. The reader trusts nothing. */
#include "records/registers/record_row.h"

#include <stdio.h>

enum { RECORD_LINKS_BYTES = REGISTER_LINKS_MAX * (RECORD_TITLE_MAX + RECORD_ID_MAX + 3 * REGISTER_NAME_MAX + 24 + 4 * REGISTER_LOOKS_MAX) + REGISTER_LOOKED_MAX };

static struct span bounded(struct cursor *c, size_t max)
{
    struct span s = cursor_str(c);
    c->failed = c->failed || s.len > max;
    return s;
}

/* A number that is less than limit, 0 where it is not: it counts and indexes what follows. */
static uint8_t below(struct cursor *c, uint8_t limit)
{
    uint8_t v = cursor_u8(c);
    c->failed = c->failed || v >= limit;
    return c->failed ? 0 : v;
}

/* A number of parts, 0 where it is out of bounds. */
static uint32_t count_of(struct cursor *c, uint32_t max)
{
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > max;
    return c->failed ? 0 : n;
}

void record_scope_encode(struct buf *out, const struct record_scope *s)
{
    buf_str(out, s->organisation);
    buf_str(out, s->person);
    buf_u8(out, s->own);
    buf_u8(out, s->own_mine);
    buf_u8(out, s->other);
    buf_u8(out, s->other_mine);
    buf_u32(out, s->nplaces);
    for (uint32_t i = 0; i < s->nplaces; i++) {
        buf_str(out, s->places[i].organisation);
        buf_u8(out, s->places[i].all);
        buf_u8(out, s->places[i].mine);
    }
}

void record_scope_decode(struct cursor *c, struct record_scope *out)
{
    out->organisation = bounded(c, RECORD_ORGANISATION_MAX);
    out->person = bounded(c, RECORD_ID_MAX);
    uint8_t *ranks[] = {&out->own, &out->own_mine, &out->other, &out->other_mine};
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
        *ranks[i] = below(c, TLP_COUNT);
    }
    out->nplaces = count_of(c, POLICY_SEATS_MAX);
    for (uint32_t i = 0; i < out->nplaces; i++) {
        out->places[i].organisation = bounded(c, RECORD_ORGANISATION_MAX);
        out->places[i].all = below(c, TLP_COUNT);
        out->places[i].mine = below(c, TLP_COUNT);
    }
}

void record_row_encode(struct buf *out, const struct record_row *r)
{
    const struct span texts[] = {r->id, r->kind, r->organisation, r->author, r->author_name, r->state, r->title, r->fields, r->links};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u8(out, (uint8_t)r->tlp);
    buf_u64(out, (uint64_t)r->created);
    buf_u64(out, (uint64_t)r->changed);
    buf_u64(out, (uint64_t)r->version);
}

void record_row_decode(struct cursor *c, struct record_row *out)
{
    out->id = bounded(c, RECORD_ID_MAX);
    out->kind = bounded(c, REGISTER_NAME_MAX);
    out->organisation = bounded(c, RECORD_ORGANISATION_MAX);
    out->author = bounded(c, RECORD_ID_MAX);
    out->author_name = bounded(c, RECORD_ORGANISATION_MAX);
    out->state = bounded(c, REGISTER_NAME_MAX);
    out->title = bounded(c, RECORD_TITLE_MAX);
    out->fields = bounded(c, REGISTER_DOCUMENT_MAX);
    out->links = bounded(c, RECORD_LINKS_BYTES);
    out->tlp = (enum tlp)below(c, TLP_COUNT);
    out->created = (time_ns)cursor_u64(c);
    out->changed = (time_ns)cursor_u64(c);
    out->version = (int64_t)cursor_u64(c);
    c->failed = c->failed || out->version < 0 || out->version > RECORD_VERSION_MAX;
}

void record_sight_encode(struct buf *out, const struct record_sight *s)
{
    record_scope_encode(out, &s->scope);
    buf_u32(out, s->nkinds);
    for (uint32_t i = 0; i < s->nkinds; i++) {
        buf_str(out, s->kinds[i]);
    }
    buf_u32(out, s->nways);
    for (uint32_t i = 0; i < s->nways; i++) {
        buf_str(out, s->ways[i].kind);
        buf_str(out, s->ways[i].field);
    }
}

void record_sight_decode(struct cursor *c, struct record_sight *out)
{
    out->files = NULL;
    record_scope_decode(c, &out->scope);
    out->nkinds = count_of(c, REGISTER_KINDS_MAX);
    for (uint32_t i = 0; i < out->nkinds; i++) {
        out->kinds[i] = bounded(c, REGISTER_NAME_MAX);
    }
    out->nways = count_of(c, REGISTER_REFS_MAX);
    for (uint32_t i = 0; i < out->nways; i++) {
        out->ways[i].kind = bounded(c, REGISTER_NAME_MAX);
        out->ways[i].field = bounded(c, REGISTER_NAME_MAX);
    }
}

void record_link_encode(struct buf *out, const struct record_link *l)
{
    const struct span texts[] = {l->field, l->kind, l->id, l->title, l->state};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u8(out, (uint8_t)l->nlooked);
    for (uint32_t i = 0; i < l->nlooked; i++) {
        buf_str(out, l->looked[i]);
    }
}

void record_link_decode(struct cursor *c, struct record_link *out)
{
    out->field = bounded(c, REGISTER_NAME_MAX);
    out->kind = bounded(c, REGISTER_NAME_MAX);
    out->id = bounded(c, RECORD_ID_MAX);
    out->title = bounded(c, RECORD_TITLE_MAX);
    out->state = bounded(c, REGISTER_NAME_MAX);
    out->nlooked = below(c, REGISTER_LOOKS_MAX + 1);
    for (uint32_t i = 0; i < out->nlooked; i++) {
        out->looked[i] = bounded(c, (size_t)4 * REGISTER_TEXT_MAX);
    }
}

void record_step_encode(struct buf *out, const struct record_step *s)
{
    const struct span texts[] = {s->id, s->kind, s->title, s->state, s->next, s->field};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u32(out, s->depth);
}

void record_step_decode(struct cursor *c, struct record_step *out)
{
    out->id = bounded(c, RECORD_ID_MAX);
    out->kind = bounded(c, REGISTER_NAME_MAX);
    out->title = bounded(c, RECORD_TITLE_MAX);
    out->state = bounded(c, REGISTER_NAME_MAX);
    out->next = bounded(c, RECORD_ID_MAX);
    out->field = bounded(c, REGISTER_NAME_MAX);
    out->depth = cursor_u32(c);
}

static void keys_encode(struct buf *out, const struct record_put *p)
{
    buf_u32(out, p->nkeys);
    for (uint32_t i = 0; i < p->nkeys; i++) {
        buf_str(out, p->keys[i].field);
        buf_str(out, p->keys[i].value);
    }
}

static void keys_decode(struct cursor *c, struct record_put *out)
{
    out->nkeys = count_of(c, REGISTER_KEYS_MAX);
    for (uint32_t i = 0; i < out->nkeys; i++) {
        out->keys[i].field = bounded(c, REGISTER_NAME_MAX);
        out->keys[i].value = bounded(c, (size_t)4 * REGISTER_TEXT_MAX);
    }
}

static void links_encode(struct buf *out, const struct record_put *p)
{
    buf_u32(out, p->nlinks);
    for (uint32_t i = 0; i < p->nlinks; i++) {
        buf_str(out, p->links[i].field);
        buf_str(out, p->links[i].kind);
        buf_str(out, p->links[i].id);
        buf_u8(out, p->links[i].kept);
    }
}

static void links_decode(struct cursor *c, struct record_put *out)
{
    out->nlinks = count_of(c, REGISTER_LINKS_MAX);
    for (uint32_t i = 0; i < out->nlinks; i++) {
        out->links[i].field = bounded(c, REGISTER_NAME_MAX);
        out->links[i].kind = bounded(c, REGISTER_NAME_MAX);
        out->links[i].id = bounded(c, RECORD_ID_MAX);
        out->links[i].kept = below(c, 2) != 0;
    }
}

void record_put_encode(struct buf *out, const struct record_put *p)
{
    record_row_encode(out, &p->row);
    record_scope_encode(out, &p->scope);
    buf_str(out, p->who);
    buf_str(out, p->why);
    buf_str(out, p->what);
    keys_encode(out, p);
    record_sight_encode(out, &p->sight);
    links_encode(out, p);
}

void record_put_decode(struct cursor *c, struct record_put *out)
{
    record_row_decode(c, &out->row);
    record_scope_decode(c, &out->scope);
    out->who = bounded(c, RECORD_ORGANISATION_MAX);
    out->why = bounded(c, RECORD_WHY_MAX);
    out->what = bounded(c, REGISTER_NAME_MAX);
    c->failed = c->failed || out->row.tlp == TLP_UNKNOWN || out->row.version < 1;
    keys_decode(c, out);
    record_sight_decode(c, &out->sight);
    links_decode(c, out);
    out->kinds = NULL;
    out->sealed_by = NULL;
}

void record_part_encode(struct buf *out, const struct record_put *p)
{
    record_row_encode(out, &p->row);
    buf_str(out, p->what);
    keys_encode(out, p);
    links_encode(out, p);
}

void record_part_decode(struct cursor *c, struct record_put *out)
{
    record_row_decode(c, &out->row);
    out->what = bounded(c, REGISTER_NAME_MAX);
    c->failed = c->failed || out->row.tlp == TLP_UNKNOWN || out->row.version < 1;
    keys_decode(c, out);
    links_decode(c, out);
    out->scope = (struct record_scope){0};
    out->who = SPAN("");
    out->why = SPAN("");
    out->sight.nkinds = 0;
    out->sight.nways = 0;
    out->sight.files = NULL;
    out->kinds = NULL;
    out->sealed_by = NULL;
}

void record_breach_encode(struct buf *out, const struct record_breach *b)
{
    buf_u8(out, b->there);
    if (b->there) {
        buf_u8(out, (uint8_t)b->how);
        buf_str(out, span_of(b->name));
        buf_str(out, span_of(b->field));
        buf_str(out, span_of(b->id));
        buf_str(out, span_of(b->text));
    }
}

void record_breach_decode(struct cursor *c, struct record_breach *out)
{
    *out = (struct record_breach){.there = below(c, 2) != 0};
    const struct {
        char *text;
        size_t room;
    } parts[] = {{out->name, sizeof out->name}, {out->field, sizeof out->field}, {out->id, sizeof out->id}, {out->text, sizeof out->text}};
    if (!out->there) {
        return;
    }
    out->how = (enum record_breach_how)below(c, BREACH_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct span s = bounded(c, parts[i].room - 1);
        (void)snprintf(parts[i].text, parts[i].room, "%.*s", SPAN_ARG(s));
    }
}

void record_query_encode(struct buf *out, const struct record_query *q)
{
    record_scope_encode(out, &q->scope);
    buf_str(out, q->kind);
    buf_str(out, q->sort);
    buf_u8(out, q->descending);
    buf_u32(out, q->limit);
    buf_str(out, q->after);
    buf_str(out, q->after_id);
    record_sight_encode(out, &q->sight);
    buf_u32(out, q->nfilters);
    for (uint32_t i = 0; i < q->nfilters; i++) {
        buf_str(out, q->filters[i].field);
        buf_str(out, q->filters[i].value);
        buf_u8(out, (uint8_t)q->filters[i].how);
        buf_str(out, q->filters[i].target);
    }
}

void record_query_decode(struct cursor *c, struct record_query *out)
{
    record_scope_decode(c, &out->scope);
    out->kind = bounded(c, REGISTER_NAME_MAX);
    out->sort = bounded(c, REGISTER_NAME_MAX);
    out->descending = below(c, 2) != 0;
    out->limit = cursor_u32(c);
    out->after = bounded(c, (size_t)4 * REGISTER_TEXT_MAX);
    out->after_id = bounded(c, RECORD_ID_MAX);
    c->failed = c->failed || out->limit < 1 || out->limit > RECORD_PAGE_MAX;
    record_sight_decode(c, &out->sight);
    out->nfilters = count_of(c, RECORD_FILTERS_MAX);
    for (uint32_t i = 0; i < out->nfilters; i++) {
        out->filters[i].field = bounded(c, REGISTER_NAME_MAX);
        out->filters[i].value = bounded(c, (size_t)4 * REGISTER_TEXT_MAX);
        out->filters[i].how = (enum record_compare)below(c, RECORD_TO + 1);
        out->filters[i].target = bounded(c, REGISTER_NAME_MAX);
    }
}
