/* SPDX-License-Identifier: EUPL-1.2 */
/* Records that name others, as a reader sees and changes them: what he may not read does not stand there. See record.h. */
#include "desk/govern/record_priv.h"

/* ---- what he sees ---- */

static uint8_t less(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* One scope for all kinds: what is open in each of them. Both are of one reader: the same places in the same order. */
static void narrow(struct record_scope *s, const struct record_scope *other)
{
    s->own = less(s->own, other->own);
    s->own_mine = less(s->own_mine, other->own_mine);
    s->other = less(s->other, other->other);
    s->other_mine = less(s->other_mine, other->other_mine);
    CHECK(s->nplaces == other->nplaces);
    for (uint32_t i = 0; i < s->nplaces; i++) {
        s->places[i].all = less(s->places[i].all, other->places[i].all);
        s->places[i].mine = less(s->places[i].mine, other->places[i].mine);
    }
}

void record_sight_of(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct record_sight *out)
{
    size_t n = 0;
    const struct register_kind *list = kinds == NULL ? NULL : registers_kinds(kinds, &n);
    *out = (struct record_sight){0};
    for (size_t i = 0; i < n; i++) {
        struct record_scope scope;
        uint64_t hidden = policy_record_hidden(reader, &list[i].rights, now);
        policy_record_scope(reader, &list[i].rights, now, &scope);
        if (record_scope_empty(&scope)) {
            continue;
        }
        if (out->nkinds == 0) {
            out->scope = scope;
        }
        narrow(&out->scope, &scope);
        out->kinds[out->nkinds++] = list[i].name;
        for (uint32_t f = 0; f < list[i].nfields; f++) {
            if (list[i].fields[f].ref.len > 0 && (hidden >> f & 1) == 0) {
                CHECK(out->nways < REGISTER_REFS_MAX);
                out->ways[out->nways++] = (struct record_way){list[i].name, list[i].fields[f].name};
            }
        }
    }
}

const struct register_field *record_way_field(const struct registers *kinds, const struct record_way *way)
{
    const struct register_kind *k = registers_any(kinds, way->kind); /* it may have gone off since it was asked */
    int place = k == NULL ? -1 : register_field_of(k, way->field);
    return place < 0 ? NULL : &k->fields[place];
}

void record_sight_narrow(const struct registers *kinds, struct span target, struct record_sight *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->nways; i++) {
        const struct register_field *f = record_way_field(kinds, &s->ways[i]);
        if (f != NULL && (target.len > 0 ? span_eq(f->ref, target) : f->stands_on)) {
            s->ways[kept++] = s->ways[i];
        }
    }
    s->nways = kept;
}

/* Whether the record that a field names is among those that the keeper told. */
static bool is_told(const struct record_row *row, struct span field, struct span id)
{
    struct cursor c = cursor_of(row->links);
    while (!c.failed && cursor_left(&c) > 0) {
        struct record_link l;
        record_link_decode(&c, &l);
        if (!c.failed && span_eq(l.field, field) && span_eq(l.id, id)) {
            return true;
        }
    }
    return false;
}

/* The value of a field without the records that the reader may not read; NULL: nothing is left. */
static struct jcs *told_part(const struct record_row *row, const struct register_field *f, const struct jcs *v, struct arena *a)
{
    if (!f->many || v->kind != JCS_ARRAY) {
        return v->kind == JCS_TEXT && is_told(row, f->name, v->text) ? jcs_copy(a, v) : NULL;
    }
    struct jcs *out = jcs_new_array(a);
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        if (m->kind == JCS_TEXT && is_told(row, f->name, m->text)) {
            jcs_add(out, jcs_copy(a, m));
        }
    }
    return out->count > 0 || v->count == 0 ? out : NULL;
}

struct jcs *record_fields_told(const struct register_kind *k, const struct record_row *row, const struct jcs *fields, struct arena *a)
{
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int place = register_field_of(k, m->key);
        bool names = place >= 0 && k->fields[place].ref.len > 0;
        struct jcs *v = names ? told_part(row, &k->fields[place], m, a) : jcs_copy(a, m);
        if (v != NULL) {
            jcs_set(a, out, arena_cstr(a, m->key), v);
        }
    }
    return out;
}

/* ---- what he changes ---- */

static bool holds(const struct jcs *v, struct span id)
{
    if (v == NULL || v->kind == JCS_TEXT) {
        return v != NULL && span_eq(v->text, id);
    }
    for (const struct jcs *m = v->kind == JCS_ARRAY ? v->first : NULL; m != NULL; m = m->next) {
        if (m->kind == JCS_TEXT && span_eq(m->text, id)) {
            return true;
        }
    }
    return false;
}

/* A member of `out` as it becomes: appended to where it is a list, else only where nothing was sent. */
static void keep_one(const struct register_field *f, const struct jcs *v, struct arena *a, struct jcs *out)
{
    const char *name = arena_cstr(a, f->name);
    struct jcs *there = NULL;
    for (struct jcs *m = out->first; m != NULL; m = m->next) {
        there = span_eq(m->key, f->name) ? m : there;
    }
    if (there == NULL && f->many) {
        there = jcs_new_array(a);
        jcs_set(a, out, name, there);
    }
    if (there == NULL) {
        jcs_set(a, out, name, jcs_copy(a, v));
    } else if (f->many && there->kind == JCS_ARRAY && !holds(there, v->text)) {
        jcs_add(there, jcs_copy(a, v));
    }
}

void record_links_keep(const struct register_kind *k, const struct record_row *current, const struct jcs *before, struct arena *a,
                       struct jcs *out)
{
    struct register_link links[REGISTER_LINKS_MAX];
    size_t n = register_links(k, before, links);
    for (size_t i = 0; i < n && i < REGISTER_LINKS_MAX; i++) {
        if (!is_told(current, links[i].field->name, links[i].target)) {
            const struct jcs text = {.kind = JCS_TEXT, .text = links[i].target};
            keep_one(links[i].field, &text, a, out);
        }
    }
}

bool record_links_make(const struct register_kind *k, const struct jcs *fields, const struct jcs *before, const struct jcs *sent,
                       struct arena *a, struct record_put *out)
{
    struct register_link links[REGISTER_LINKS_MAX];
    size_t n = register_links(k, fields, links);
    for (size_t i = 0; i < n && i < REGISTER_LINKS_MAX; i++) {
        const char *name = arena_cstr(a, links[i].field->name);
        bool stood = before != NULL && holds(jcs_get(before, name), links[i].target);
        bool is_sent = sent != NULL && holds(jcs_get(sent, name), links[i].target);
        out->links[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, stood && !is_sent};
    }
    out->nlinks = (uint32_t)(n < REGISTER_LINKS_MAX ? n : REGISTER_LINKS_MAX);
    return n <= REGISTER_LINKS_MAX;
}

void record_astray_faults(const struct record_worker *w, const struct record_put *put, const struct record_astray *astray, struct arena *a,
                          struct record_faults *f)
{
    static const enum schema_reason reasons[BREACH_COUNT] = {
        [BREACH_BESIDE] = SCHEMA_COLLIDES, [BREACH_SUM] = SCHEMA_SUM, [BREACH_LOOP] = SCHEMA_LOOP, [BREACH_DEEP] = SCHEMA_DEEP};
    struct jcs *fields = NULL;
    struct register_link links[REGISTER_LINKS_MAX];
    MUST(jcs_read_decimals(a, put->row.fields, JCS_DEPTH_MAX, &fields, NULL));
    size_t n = register_links(w->kind, fields, links);
    for (uint32_t i = 0; i < astray->count; i++) {
        CHECK(astray->place[i] < n && n <= REGISTER_LINKS_MAX);
        const struct register_link *l = &links[astray->place[i]];
        const char *at = l->field->many ? arena_printf(a, "/fields/%.*s/%u", SPAN_ARG(l->field->name), l->place)
                                        : arena_printf(a, "/fields/%.*s", SPAN_ARG(l->field->name));
        record_fault(f, span_of(at), SCHEMA_NO_RECORD, SPAN(""));
    }
    if (astray->breach.there) {
        const struct record_breach *b = &astray->breach;
        bool named = b->how == BREACH_BESIDE || b->how == BREACH_LOOP; /* the text is the title of another record */
        bool masked = named && (record_kind_masked(w) >> w->kind->title & 1) != 0;
        record_fault(f, span_of(arena_printf(a, "/fields/%s", b->field)), reasons[b->how], masked ? SPAN("…") : arena_copy(a, span_of(b->text)));
    }
}
