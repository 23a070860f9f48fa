/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading and asking tables of frequencies: see rates.h. Compiler role, on files that people or other nodes may have written. */
#include "flow/detect/rates.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"

struct rates_field {
    uint64_t events, floor;
    struct map values, bases, grams; /* text → hits */
};

struct rates {
    struct arena arena;
    struct map fields; /* class, 0x1f, field → struct rates_field * */
};

struct rates *rates_new(void)
{
    struct rates *r = mem_alloc(sizeof *r);
    arena_init(&r->arena, 0);
    map_init(&r->fields);
    return r;
}

void rates_free(struct rates **rates)
{
    struct rates *r = *rates;
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->fields.cap; i++) {
        if (r->fields.slots[i].hash != 0) {
            struct rates_field *f = (struct rates_field *)(uintptr_t)r->fields.slots[i].value;
            map_free(&f->values);
            map_free(&f->bases);
            map_free(&f->grams);
        }
    }
    map_free(&r->fields);
    arena_fini(&r->arena);
    mem_free(r);
    *rates = NULL;
}

static struct span pair(struct arena *a, struct span class_name, struct span field)
{
    return span_of(arena_printf(a, "%.*s\x1f%.*s", SPAN_ARG(class_name), SPAN_ARG(field)));
}

/* ---- reading ---- */

struct line {
    struct span parts[5];
    unsigned n;
};

static struct line split(struct span text)
{
    struct line l = {.n = 0};
    while (l.n < ARRAY_LEN(l.parts)) {
        ptrdiff_t tab = span_find(text, '\t');
        l.parts[l.n++] = tab < 0 ? text : span_sub(text, 0, (size_t)tab);
        if (tab < 0) {
            return l;
        }
        text = span_sub(text, (size_t)tab + 1, text.len);
    }
    l.n++; /* more columns than any line has */
    return l;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH becomes a byte; false on anything else behind a backslash, and on a text over the limit. */
static bool unescape(struct arena *a, struct span s, struct span *out)
{
    char *to = arena_bytes(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++, n++) {
        if (s.ptr[i] != '\\') {
            to[n] = s.ptr[i];
            continue;
        }
        if (i + 3 >= s.len || s.ptr[i + 1] != 'x' || hex_digit(s.ptr[i + 2]) < 0 || hex_digit(s.ptr[i + 3]) < 0) {
            return false;
        }
        to[n] = (char)(hex_digit(s.ptr[i + 2]) * 16 + hex_digit(s.ptr[i + 3]));
        i += 3;
    }
    *out = span_make(to, n);
    return n <= RATES_TEXT_MAX;
}

static bool number(struct span s, uint64_t *out)
{
    return num_u64(s, out) && *out <= RATES_EVENTS_MAX;
}

static int read_field(struct rates *r, const struct line *l, struct rates_field **out, struct err *e)
{
    uint64_t events = 0, floor = 0;
    bool fresh = false;
    if (l->n != 5 || l->parts[1].len == 0 || l->parts[2].len == 0 || !number(l->parts[3], &events) ||
        !number(l->parts[4], &floor) || floor > events) {
        return err_set(e, ERR_INVALID, "expected F, class, field, events, floor");
    }
    uint64_t *at = map_at(&r->fields, pair(&r->arena, l->parts[1], l->parts[2]), &fresh);
    if (fresh) {
        struct rates_field *f = arena_alloc(&r->arena, sizeof *f);
        map_init(&f->values);
        map_init(&f->bases);
        map_init(&f->grams);
        *at = (uint64_t)(uintptr_t)f;
        if (r->fields.len > RATES_FIELDS_MAX) {
            return err_set(e, ERR_LIMIT, "more than %d fields", RATES_FIELDS_MAX);
        }
    }
    *out = (struct rates_field *)(uintptr_t)*at;
    (*out)->events += events;
    (*out)->floor += floor;
    return 0;
}

static int read_text(struct rates *r, const struct line *l, struct rates_field *f, struct err *e)
{
    uint64_t hits = 0;
    struct span text;
    char kind = l->parts[0].ptr[0];
    if (f == NULL) {
        return err_set(e, ERR_INVALID, "a text before the field it is of");
    }
    if (l->n != 3 || !number(l->parts[1], &hits) || hits > f->events) {
        return err_set(e, ERR_INVALID, "expected %c, hits (no more than events), text", kind);
    }
    if (!unescape(&r->arena, l->parts[2], &text) || (kind == 'G' && text.len != RATES_GRAM)) {
        return err_set(e, ERR_INVALID, "the text is too long, too short or wrongly escaped");
    }
    *map_at(kind == 'V' ? &f->values : kind == 'B' ? &f->bases : &f->grams, text, NULL) += hits;
    return 0;
}

static int read_line(struct rates *r, struct span text, struct rates_field **f, struct err *e)
{
    struct line l = split(text);
    struct span kind = l.parts[0];
    if (kind.len != 1 || strchr("FVBG", kind.ptr[0]) == NULL) {
        return err_set(e, ERR_INVALID, "expected F, V, B or G");
    }
    return kind.ptr[0] == 'F' ? read_field(r, &l, f, e) : read_text(r, &l, *f, e);
}

int rates_add(struct rates *r, struct span file, struct span bytes, struct err *e)
{
    struct rates_field *f = NULL;
    uint32_t line = 0;
    bool headed = false;
    int rc = 0;
    while (bytes.len > 0 && rc == 0) {
        ptrdiff_t nl = span_find(bytes, '\n');
        struct span text = nl < 0 ? bytes : span_sub(bytes, 0, (size_t)nl);
        bytes = nl < 0 ? span_make(bytes.ptr, 0) : span_sub(bytes, (size_t)nl + 1, bytes.len);
        if (++line > RATES_LINES_MAX) {
            rc = err_set(e, ERR_LIMIT, "more than %d lines", RATES_LINES_MAX);
        } else if (text.len == 0 || text.ptr[0] == '#') {
            continue;
        } else if (!headed) {
            headed = true;
            rc = span_eq(text, SPAN("sereno-frequencies 1"))
                     ? 0
                     : err_set(e, ERR_INVALID, "expected \"sereno-frequencies 1\"");
        } else {
            rc = read_line(r, text, &f, e);
        }
    }
    if (rc == 0 && !headed) {
        rc = err_set(e, ERR_INVALID, "expected \"sereno-frequencies 1\"");
    }
    if (rc != 0 && e != NULL) {
        e->line = line == 0 ? 1 : line;
        (void)file; /* whoever called names it */
    }
    return rc;
}

/* ---- asking ---- */

const struct rates_field *rates_find(const struct rates *r, struct span class_name, struct span field)
{
    struct arena scratch;
    uint64_t at = 0;
    arena_init(&scratch, 0);
    bool found = map_get(&r->fields, pair(&scratch, class_name, field), &at);
    arena_fini(&scratch);
    const struct rates_field *f = found ? (const struct rates_field *)(uintptr_t)at : NULL;
    return f != NULL && f->events >= RATES_EVENTS_MIN ? f : NULL;
}

/* Of what is not listed nobody knows more than that it is met less often than what is. */
static double hits_of(const struct rates_field *f, const struct map *m, struct span text, double guess)
{
    uint64_t hits = 0;
    if (map_get(m, text, &hits)) {
        return (double)hits;
    }
    double likely = guess * (double)f->events;
    return likely < (double)f->floor ? likely : (double)f->floor;
}

static double rarest_gram(const struct rates_field *f, struct span text, double guess)
{
    double least = (double)f->events;
    for (size_t i = 0; i + RATES_GRAM <= text.len; i++) {
        double hits = hits_of(f, &f->grams, span_sub(text, i, RATES_GRAM), guess);
        least = hits < least ? hits : least;
    }
    return least;
}

double rates_estimate(const struct rates_field *f, enum rate_kind kind, struct span folded, double guess)
{
    double hits;
    if (kind == RATE_VALUE && folded.len <= RATES_TEXT_MAX && f->values.len > 0) {
        hits = hits_of(f, &f->values, folded, guess);
    } else if (kind == RATE_BASE && folded.len <= RATES_TEXT_MAX && f->bases.len > 0) {
        hits = hits_of(f, &f->bases, folded, guess);
    } else if (folded.len < RATES_GRAM) {
        return guess;
    } else {
        hits = rarest_gram(f, folded, guess);
        /* Tied to an end there are fewer places where it may stand. */
        hits = kind == RATE_CONTAINS ? hits : hits / 2;
    }
    return (hits + guess * RATES_TRUST) / ((double)f->events + RATES_TRUST);
}

static void each_gram_of(const struct rates_field *f, rates_gram_visit *visit, void *ctx)
{
    for (size_t i = 0; i < f->grams.cap && f->events >= RATES_EVENTS_MIN; i++) {
        const struct map_slot *s = &f->grams.slots[i];
        if (s->hash != 0) {
            visit(ctx, s->key, (double)s->value / ((double)f->events + RATES_TRUST));
        }
    }
}

void rates_each_gram(const struct rates *r, rates_gram_visit *visit, void *ctx)
{
    for (size_t i = 0; i < r->fields.cap; i++) {
        if (r->fields.slots[i].hash != 0) {
            each_gram_of((const struct rates_field *)(uintptr_t)r->fields.slots[i].value, visit, ctx);
        }
    }
}
