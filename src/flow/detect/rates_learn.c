/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Learning frequencies from events: see rates.h. Runs on hostile values in scan workers and intakes, so everything is bounded:
 * what does not fit is not counted, and tables of a fixed size hold what came first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "flow/detect/rates.h"

enum { CHAIN_MAX = 16 };

/* Texts of one kind → number of the event that met it last << 32 | events that met it. */
struct tally {
    struct map map;
};

struct learnt {
    struct tally kinds[3]; /* V, B, G */
};

struct learnt_class {
    uint32_t events;
    struct learnt **fields; /* by field, NULL until met */
};

struct learner {
    const struct catalog *catalog;
    struct arena arena;
    struct learnt_class *classes;
    uint32_t nfields; /* (class, field) pairs in use */
    size_t bytes, texts_left;
    uint64_t events;
};

struct learner *learner_new(const struct catalog *catalog, size_t texts_max)
{
    struct learner *l = mem_alloc(sizeof *l);
    l->catalog = catalog;
    l->texts_left = texts_max;
    arena_init(&l->arena, 0);
    l->classes = mem_calloc(catalog->nclasses + (size_t)1, sizeof *l->classes);
    return l;
}

void learner_free(struct learner **learner)
{
    struct learner *l = *learner;
    if (l == NULL) {
        return;
    }
    for (uint32_t c = 0; c < l->catalog->nclasses; c++) {
        for (uint32_t f = 0; l->classes[c].fields != NULL && f < l->catalog->nfields; f++) {
            struct learnt *at = l->classes[c].fields[f];
            for (size_t k = 0; at != NULL && k < ARRAY_LEN(at->kinds); k++) {
                map_free(&at->kinds[k].map);
            }
        }
        mem_free(l->classes[c].fields);
    }
    mem_free(l->classes);
    arena_fini(&l->arena);
    mem_free(l);
    *learner = NULL;
}

uint64_t learner_events(const struct learner *l)
{
    return l->events;
}

static void count(struct learner *l, struct tally *t, struct span text, uint32_t event)
{
    uint64_t known = 0;
    if (!map_get(&t->map, text, &known)) {
        if (t->map.len >= LEARN_TEXTS_MAX || l->texts_left == 0 || l->bytes + text.len > LEARN_BYTES_MAX) {
            return;
        }
        l->bytes += text.len;
        l->texts_left--;
        text = arena_copy(&l->arena, text);
    } else if (known >> 32 == event) {
        return; /* once per event */
    }
    *map_at(&t->map, text, NULL) = (uint64_t)event << 32 | ((known & UINT32_MAX) + 1);
}

static void learn_value(struct learner *l, struct learnt *at, struct span v, uint32_t event)
{
    if (v.len <= RATES_TEXT_MAX) {
        count(l, &at->kinds[0], v, event);
    }
    for (size_t i = v.len; i > 0 && v.len - i < RATES_TEXT_MAX; i--) {
        if (v.ptr[i - 1] == '\\' || v.ptr[i - 1] == '/') {
            count(l, &at->kinds[1], span_sub(v, i - 1, v.len), event);
            break;
        }
    }
    v = span_sub(v, 0, RATES_VALUE_BYTES);
    for (size_t i = 0; i + RATES_GRAM <= v.len; i++) {
        count(l, &at->kinds[2], span_sub(v, i, RATES_GRAM), event);
    }
}

static struct learnt *learnt_of(struct learner *l, struct learnt_class *c, field_id f)
{
    if (c->fields == NULL) {
        c->fields = mem_calloc(l->catalog->nfields + (size_t)1, sizeof(struct learnt *));
    }
    if (c->fields[f] == NULL && l->nfields < LEARN_FIELDS_MAX) {
        l->nfields++;
        c->fields[f] = arena_alloc(&l->arena, sizeof *c->fields[f]);
        for (size_t k = 0; k < ARRAY_LEN(c->fields[f]->kinds); k++) {
            map_init(&c->fields[f]->kinds[k].map);
        }
    }
    return c->fields[f];
}

static void learn_class(struct learner *l, struct event *ev, class_id cls)
{
    struct learnt_class *c = &l->classes[cls];
    if (c->events == RATES_EVENTS_MAX) {
        return;
    }
    c->events++;
    event_use_class(ev, cls);
    for (field_id f = 0; f < l->catalog->nfields; f++) {
        if (ev->view->start[f] == ev->view->start[f + 1]) {
            continue;
        }
        for (uint32_t leaf = event_first(ev, f); leaf != LEAF_NIL; leaf = event_next(ev, leaf)) {
            struct learnt *at = ev->leaves.data[leaf].kind == LEAF_NULL ? NULL : learnt_of(l, c, f);
            if (at != NULL) {
                learn_value(l, at, event_folded(ev, leaf), c->events);
            }
        }
    }
}

void learner_event(struct learner *l, struct event *ev)
{
    unsigned depth = 0;
    l->events++;
    for (class_id c = ev->class_id; c < l->catalog->nclasses && depth < CHAIN_MAX; c = l->catalog->classes[c].also) {
        learn_class(l, ev, c);
        depth++;
    }
}

/* ---- writing ---- */

struct listed {
    struct span text;
    uint32_t hits;
};

static int by_text(const void *x, const void *y)
{
    const struct listed *a = x;
    const struct listed *b = y;
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int c = n == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, n);
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static void put_text(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '\\') {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_u8(out, c);
        }
    }
}

static void put_kind(const struct tally *t, char kind, uint32_t floor, struct buf *out)
{
    VEC(struct listed) list = {0};
    for (size_t i = 0; i < t->map.cap; i++) {
        const struct map_slot *s = &t->map.slots[i];
        if (s->hash != 0 && (uint32_t)s->value >= floor) {
            vec_push(&list, (struct listed){s->key, (uint32_t)s->value});
        }
    }
    if (list.len > 1) {
        qsort(list.data, list.len, sizeof list.data[0], by_text);
    }
    for (size_t i = 0; i < list.len; i++) {
        buf_printf(out, "%c\t%u\t", kind, list.data[i].hits);
        put_text(out, list.data[i].text);
        buf_cstr(out, "\n");
    }
    vec_free(&list);
}

static void put_field(const struct learner *l, class_id cls, field_id f, const struct learn_options *o, struct buf *out)
{
    const struct learnt_class *c = &l->classes[cls];
    uint32_t floor = (uint32_t)((uint64_t)c->events * o->permille / 1000) + 1;
    floor = floor < o->floor ? o->floor : floor;
    buf_printf(out, "F\t%.*s\t%.*s\t%u\t%u\n", SPAN_ARG(l->catalog->classes[cls].name),
               SPAN_ARG(l->catalog->fields[f]), c->events, floor);
    if (o->values) {
        put_kind(&c->fields[f]->kinds[0], 'V', floor, out);
        put_kind(&c->fields[f]->kinds[1], 'B', floor, out);
    }
    put_kind(&c->fields[f]->kinds[2], 'G', floor, out);
}

static bool is_plain(struct span name)
{
    return name.len > 0 && memchr(name.ptr, '\t', name.len) == NULL && memchr(name.ptr, '\n', name.len) == NULL;
}

void learner_write(const struct learner *l, const struct learn_options *o, struct buf *out)
{
    buf_cstr(out, "sereno-frequencies 1\n");
    for (class_id c = 0; c < l->catalog->nclasses; c++) {
        if (l->classes[c].events < RATES_EVENTS_MIN || l->classes[c].fields == NULL || !is_plain(l->catalog->classes[c].name)) {
            continue;
        }
        for (field_id f = 0; f < l->catalog->nfields; f++) {
            size_t before = out->len;
            if (l->classes[c].fields[f] == NULL || !is_plain(l->catalog->fields[f])) {
                continue;
            }
            put_field(l, c, f, o, out);
            if (out->failed || out->len > LEARN_WRITTEN_MAX) { /* this one and what follows stay unknown */
                out->failed = false;
                out->len = before;
                return;
            }
        }
    }
}
