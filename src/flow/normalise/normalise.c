/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a record to an event: see normalise.h. Chooses the decoder, then what all formats share:
 * class, derived values, time, tags. Runs in every sandboxed worker on hostile bytes; nothing a
 * record holds may end the worker or be lost.
 */
#include "flow/normalise/normalise.h"

#include "base/utf8.h"
#include "flow/normalise/normalise_priv.h"

struct normaliser *normaliser_new(const struct catalog *catalog)
{
    struct normaliser *n = mem_alloc(sizeof *n);
    n->magic = NORMALISER_MAGIC;
    n->catalog = catalog;
    n->tables = catalog->recognise;
    CHECK_OBJ(n->tables, TABLES_MAGIC);
    return n;
}

void normaliser_free(struct normaliser **n)
{
    if (*n == NULL) {
        return;
    }
    CHECK_OBJ(*n, NORMALISER_MAGIC);
    vec_free(&(*n)->names);
    (*n)->magic = 0;
    mem_free(*n);
    *n = NULL;
}

void stream_init(struct stream *st)
{
    memset(st, 0, sizeof *st);
    st->declared = -1;
    st->received = TIME_NONE;
}

void stream_fini(struct stream *st)
{
    if (st->zeek != NULL) {
        zeek_free(&st->zeek->log);
        mem_free(st->zeek);
    }
    memset(st, 0, sizeof *st);
    st->declared = -1;
}

/* ---- values ---- */

void norm_add(struct job *j, struct span name, key_node node, struct span value)
{
    struct leaves *l = &j->ev->leaves;
    uint32_t before = l->len;
    leaves_add(l, node, LEAF_STRING, 0, 1, value.ptr, value.len);
    if (l->len == before) {
        return; /* over the limit: tagged there */
    }
    vec_reserve(&j->n->names, (size_t)l->len);
    j->n->names.len = l->len;
    j->n->names.data[before] = name;
}

void norm_add_own(struct job *j, enum norm_field field, struct span value)
{
    static const char *const names[NORM_FIELD_COUNT] = {
#define X(name, text) text,
        NORM_FIELDS(X)
#undef X
    };
    norm_add(j, span_of(names[field]), j->n->tables->fields[field], value);
}

bool norm_dissect(struct job *j, const struct norm_source *s, struct span program,
                  struct span message)
{
    struct dissect_value values[DISSECT_VALUES_MAX];
    int n = s == NULL ? -1 : dissect_line(s->patterns, program, span_trim(message), values);
    for (int i = 0; i < n; i++) {
        norm_add(j, values[i].name, values[i].node, values[i].value);
    }
    return n >= 0;
}

/* ---- class ---- */

class_id norm_look_up(const struct norm_table *t, struct span a, struct span b)
{
    static const struct span any = {NULL, 0};
    const struct span tries[3][TABLE_KEYS_MAX] = {{a, b}, {a, any}, {any, b}};
    for (int i = 0; i < 3; i++) {
        const struct span *k = tries[i];
        if (k[0].ptr == NULL && k[1].ptr == NULL) {
            continue;
        }
        uint32_t at = norm_hash(k[0], k[1]) & t->mask;
        for (; t->slots[at].class_id != CLASS_NONE; at = (at + 1) & t->mask) {
            const struct norm_slot *s = &t->slots[at];
            if ((s->keys[0].ptr == NULL) == (k[0].ptr == NULL) &&
                (s->keys[1].ptr == NULL) == (k[1].ptr == NULL) &&
                span_eq_nocase(s->keys[0], k[0]) && span_eq_nocase(s->keys[1], k[1])) {
                return s->class_id;
            }
        }
    }
    return t->other;
}

static uint64_t edge_word(struct span s)
{
    uint64_t w = 0;
    size_t n = s.len < sizeof w ? s.len : sizeof w;
    if (n > 0) {
        memcpy(&w, s.ptr + s.len - n, n);
    }
    return w ^ (uint64_t)s.len << 56;
}

static bool is_cached(const struct class_cached *c, const struct norm_table *t, struct span a, struct span b)
{
    return c->table == t && c->lens[0] == a.len && c->lens[1] == b.len && c->absent[0] == (a.ptr == NULL) &&
           c->absent[1] == (b.ptr == NULL) && (a.len == 0 || memcmp(c->keys, a.ptr, a.len) == 0) &&
           (b.len == 0 || memcmp(c->keys + a.len, b.ptr, b.len) == 0);
}

class_id norm_class_of(const struct job *j, const struct norm_source *s, struct span a,
                       struct span b)
{
    const struct norm_table *t = j->declared != NULL ? &s->strict : &s->full;
    if (a.len > CLASS_CACHE_KEY_MAX || b.len > CLASS_CACHE_KEY_MAX - a.len) {
        return norm_look_up(t, a, b);
    }
    uint64_t h = (edge_word(a) * UINT64_C(0x9E3779B97F4A7C15)) ^ (edge_word(b) * UINT64_C(0xD6E8FEB86659FD93));
    struct class_cached *c = &j->n->cache[(h ^ h >> 32) % CLASS_CACHE];
    if (!is_cached(c, t, a, b)) {
        c->table = t;
        c->class_id = norm_look_up(t, a, b);
        c->lens[0] = (uint8_t)a.len;
        c->lens[1] = (uint8_t)b.len;
        c->absent[0] = a.ptr == NULL;
        c->absent[1] = b.ptr == NULL;
        if (a.len > 0) {
            memcpy(c->keys, a.ptr, a.len);
        }
        if (b.len > 0) {
            memcpy(c->keys + a.len, b.ptr, b.len);
        }
    }
    return c->class_id;
}

const struct norm_source *norm_source_of(const struct job *j, enum source_format format)
{
    const struct norm_tables *t = j->n->tables;
    for (uint32_t i = 0; j->declared == NULL && j->st->source.len > 0 && i < t->nsources; i++) {
        if (span_eq(t->sources[i].name, j->st->source)) {
            return &t->sources[i];
        }
    }
    return t->by_format[format] < 0 ? NULL : &t->sources[t->by_format[format]];
}

class_id norm_format_class(const struct job *j, enum source_format format, struct span a,
                           struct span b)
{
    if (j->declared != NULL && !j->declared->by_content) {
        return j->declared->plain;
    }
    const struct norm_source *s = norm_source_of(j, format);
    return s == NULL ? j->n->tables->generic : norm_class_of(j, s, a, b);
}

/* ---- derived values ---- */

static struct span replaced(const struct norm_derive *d, struct span value, struct span *rest_out)
{
    *rest_out = span_make(value.ptr, 0);
    for (uint32_t i = 0; i < d->nreplace; i++) {
        const struct norm_replace *r = &d->replace[i];
        if (r->prefix && value.len >= r->from.len &&
            span_eq_nocase(span_sub(value, 0, r->from.len), r->from)) {
            *rest_out = span_sub(value, r->from.len, value.len);
            return r->to;
        }
        if (!r->prefix && span_eq_nocase(value, r->from)) {
            return r->to;
        }
    }
    return value;
}

static void derive(struct job *j, const struct norm_derive *d)
{
    struct span parts[DISSECT_STEPS_MAX];
    size_t total = 0;
    for (uint32_t i = 0; i < d->nparts; i++) {
        parts[i] = d->parts[i].text;
        if (d->parts[i].field != FIELD_NONE) {
            uint32_t leaf = event_first(j->ev, d->parts[i].field);
            if (leaf == LEAF_NIL) {
                return; /* a part is missing: so is the field */
            }
            parts[i] = event_plain(j->ev, leaf);
        }
        total += parts[i].len;
    }
    char *joined = arena_bytes(&j->ev->arena, total + 1);
    size_t at = 0;
    for (uint32_t i = 0; i < d->nparts; i++) {
        /* cppcheck-suppress uninitvar ; the loop above filled as many */
        if (parts[i].len > 0) {
            memcpy(joined + at, parts[i].ptr, parts[i].len);
        }
        at += parts[i].len;
    }
    struct span rest;
    struct span head = replaced(d, span_make(joined, total), &rest);
    char *out = arena_bytes(&j->ev->arena, head.len + rest.len + 1);
    if (head.len > 0) {
        memcpy(out, head.ptr, head.len);
    }
    if (rest.len > 0) {
        memcpy(out + head.len, rest.ptr, rest.len);
    }
    leaves_add(&j->ev->leaves, d->node, LEAF_STRING, 0, 0, out, head.len + rest.len);
}

void norm_set_class(struct job *j, class_id cls)
{
    const struct catalog *cat = j->n->catalog;
    j->ev->class_id = cls;
    for (class_id c = cls; c != CLASS_NONE; c = cat->classes[c].also) {
        const struct norm_class *extra = &j->n->tables->classes[c];
        if (extra->nderive > 0) {
            event_use_class(j->ev, c);
            for (uint32_t i = 0; i < extra->nderive; i++) {
                derive(j, &extra->derive[i]);
            }
        }
    }
    event_use_class(j->ev, cls);
}

/* ---- the record ---- */

static enum normalise_result decode(struct job *j, enum source_format format)
{
    switch (format) {
    case FORMAT_JSON:
    case FORMAT_ZEEKJSON:
    case FORMAT_JOURNALD:
        return norm_json(j);
    case FORMAT_TEXT:
        return norm_text(j);
    case FORMAT_WEB:
        return norm_web(j);
    case FORMAT_AUDITD:
        return norm_auditd(j);
    case FORMAT_ZEEK:
        return norm_zeek(j);
    case FORMAT_SYSLOG:
        return norm_syslog(j);
    case FORMAT_EVTX:
        return norm_evtx(j);
    case FORMAT_COUNT:
        break;
    }
    UNREACHABLE();
}

/* Byte order mark off, over-long records cut: both told in tags. */
static struct span trim_record(struct event *ev, struct span record)
{
    if (span_starts(record, SPAN("\xef\xbb\xbf"))) {
        ev->tags |= TAG_BOM;
        record = span_sub(record, 3, record.len);
    }
    if (record.len > EVENT_MAX_BYTES) {
        ev->tags |= TAG_TOO_LONG;
        record = span_sub(record, 0, EVENT_MAX_BYTES);
    }
    return record;
}

/* The record stays as a line that keywords can find, in the class its stream has. */
static void keep_as_line(struct job *j)
{
    struct event *ev = j->ev;
    uint32_t tags = ev->leaves.tags;
    leaves_clear(&ev->leaves);
    ev->keywords_raw = true;
    ev->tags |= TAG_NOT_PARSED | tags;
    class_id cls = j->n->tables->generic;
    norm_set_class(j, j->declared != NULL ? j->declared->plain : cls);
}

enum normalise_result normalise(struct normaliser *n, struct stream *st, struct span record,
                                struct event *ev, struct err *e)
{
    CHECK_OBJ(n, NORMALISER_MAGIC);
    CHECK_OBJ(ev, EVENT_MAGIC);
    CHECK(ev->catalog == n->catalog);
    struct err local = {0};
    struct job j = {n, st, NULL, ev, e == NULL ? &local : e, TIME_NONE};
    enum source_format format = st->format;
    if (st->declared >= 0) {
        CHECK((uint32_t)st->declared < n->tables->ndeclared);
        j.declared = &n->tables->declared[st->declared];
        format = j.declared->format;
    }
    event_clear(ev);
    n->names.len = 0;
    n->named_from = 0;
    ev->received = st->received;
    ev->raw = trim_record(ev, record);
    enum normalise_result result = decode(&j, format);
    if (result == NORMALISE_HEADER) {
        return result;
    }
    if (result == NORMALISE_BAD) {
        keep_as_line(&j);
    }
    n->last = ev;
    n->last_evtx = format == FORMAT_EVTX ? st->evtx : NULL;
    n->last_stamp = ev->leaves.stamp;
    norm_find_time(&j);
    if (ev->keywords_raw && !utf8_is_ascii(ev->raw) && !utf8_valid(ev->raw)) {
        ev->tags |= TAG_BAD_UTF8;
    }
    ev->tags |= ev->leaves.tags;
    return result;
}
