/* SPDX-License-Identifier: EUPL-1.2 */
/* Codec of rule matches: see match_codec.h. No I/O. */
#include "roles/match_codec.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/vec.h"

enum { HASH_BYTES = 16, KEPT_BYTES = MATCH_VALUE_MAX - 2 * HASH_BYTES - 2 };

struct waiting {
    uint32_t rule, origin, arrival;
    time_ns time, received;
    uint32_t at, len; /* of the rest in `bytes` */
};

/* A number of the caller → the place in this window's list, from 1. */
struct numbering {
    uint32_t *slot;
    uint32_t cap;
    VEC(uint32_t) used;
};

struct match_writer {
    struct numbering rules, origins;
    struct buf rule_bytes, origin_bytes; /* as they will stand in the body */
    struct buf bytes;                    /* tags, host, user, values of each match */
    VEC(struct waiting) all;
};

struct match_writer *match_writer_new(void)
{
    struct match_writer *w = mem_alloc(sizeof *w);
    struct buf *bufs[] = {&w->rule_bytes, &w->origin_bytes, &w->bytes};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
        buf_init(bufs[i], (size_t)4 * MATCHES_MAX_BYTES); /* far beyond what seals a window */
    }
    return w;
}

void match_writer_free(struct match_writer **writer)
{
    struct match_writer *w = *writer;
    if (w == NULL) {
        return;
    }
    struct numbering *numberings[] = {&w->rules, &w->origins};
    for (size_t i = 0; i < ARRAY_LEN(numberings); i++) {
        mem_free(numberings[i]->slot);
        vec_free(&numberings[i]->used);
    }
    buf_free(&w->rule_bytes);
    buf_free(&w->origin_bytes);
    buf_free(&w->bytes);
    vec_free(&w->all);
    mem_free(w);
    *writer = NULL;
}

/* Place of a number in this window's list; *new_out when it was not there yet. */
static uint32_t number_of(struct numbering *n, uint32_t number, bool *new_out)
{
    if (number >= n->cap) {
        uint32_t cap = number < 64 ? 64 : number * 2;
        n->slot = mem_realloc(n->slot, cap * sizeof *n->slot);
        memset(n->slot + n->cap, 0, (cap - n->cap) * sizeof *n->slot);
        n->cap = cap;
    }
    *new_out = n->slot[number] == 0;
    if (*new_out) {
        vec_push(&n->used, number);
        n->slot[number] = (uint32_t)n->used.len;
    }
    return n->slot[number] - 1;
}

static void numbering_clear(struct numbering *n)
{
    for (size_t i = 0; i < n->used.len; i++) {
        n->slot[n->used.data[i]] = 0;
    }
    vec_clear(&n->used);
}

static struct span cut(struct span s)
{
    return span_sub(s, 0, MATCH_NAME_MAX);
}

static void put_value(struct buf *out, struct span v)
{
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    buf_u8(out, v.ptr != NULL ? 1 : 0);
    if (v.ptr == NULL) {
        return;
    }
    if (v.len <= MATCH_VALUE_MAX) {
        buf_str(out, v);
        return;
    }
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)v.ptr, v.len, NULL, 0));
    hex_encode(hash, sizeof hash, hex);
    buf_u32(out, MATCH_VALUE_MAX);
    buf_put(out, v.ptr, KEPT_BYTES);
    buf_cstr(out, "..");
    buf_cstr(out, hex);
}

enum { FIXED_BYTES = 32 /* of a match, before what lies in `bytes` */, NAMES_BYTES = 10 * (MATCH_NAME_MAX + 4) };

size_t match_writer_bytes(const struct match_writer *w)
{
    return w->bytes.len + w->rule_bytes.len + w->origin_bytes.len + w->all.len * FIXED_BYTES;
}

/* What a match can add to the body at most. */
static size_t need_of(const struct match_in *m)
{
    size_t need = FIXED_BYTES + NAMES_BYTES;
    for (uint32_t i = 0; i < m->nfields; i++) {
        need += cut(m->fields[i]).len + (m->values[i].len < MATCH_VALUE_MAX ? m->values[i].len : MATCH_VALUE_MAX) + 9;
    }
    return need;
}

bool match_writer_add(struct match_writer *w, const struct match_in *m)
{
    bool fresh = false;
    CHECK(m->nfields <= MATCH_FIELDS_MAX);
    if (match_writer_bytes(w) + need_of(m) > MATCHES_MAX_BYTES) {
        return false;
    }
    struct waiting one = {.arrival = m->arrival, .time = m->time, .received = m->received};
    one.rule = number_of(&w->rules, m->rule_number, &fresh);
    if (fresh) {
        buf_str(&w->rule_bytes, cut(m->rule));
        buf_u16(&w->rule_bytes, (uint16_t)m->nfields);
        for (uint32_t i = 0; i < m->nfields; i++) {
            buf_str(&w->rule_bytes, cut(m->fields[i]));
        }
    }
    one.origin = number_of(&w->origins, m->origin_number, &fresh);
    if (fresh) {
        const struct span parts[] = {m->origin.organisation, m->origin.source, m->origin.product, m->origin.category,
                                     m->origin.service};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            buf_str(&w->origin_bytes, cut(parts[i]));
        }
    }
    one.at = (uint32_t)w->bytes.len;
    buf_u32(&w->bytes, m->tags);
    buf_str(&w->bytes, cut(m->host));
    buf_str(&w->bytes, cut(m->user));
    for (uint32_t i = 0; i < m->nfields; i++) {
        put_value(&w->bytes, m->values[i]);
    }
    one.len = (uint32_t)w->bytes.len - one.at;
    vec_push(&w->all, one);
    return true;
}

void match_writer_seal(struct match_writer *w, match_place *place, void *ctx, struct buf *out)
{
    if (w->all.len == 0) {
        return;
    }
    CHECK(!w->bytes.failed && !w->rule_bytes.failed && !w->origin_bytes.failed); /* sealed long before */
    buf_u32(out, (uint32_t)w->rules.used.len);
    buf_span(out, buf_view(&w->rule_bytes));
    buf_u32(out, (uint32_t)w->origins.used.len);
    buf_span(out, buf_view(&w->origin_bytes));
    buf_u32(out, (uint32_t)w->all.len);
    for (size_t i = 0; i < w->all.len; i++) {
        const struct waiting *m = &w->all.data[i];
        uint32_t block = 0;
        uint32_t index = 0;
        place(ctx, m->arrival, &block, &index);
        buf_u32(out, m->rule);
        buf_u32(out, m->origin);
        buf_u64(out, (uint64_t)m->time);
        buf_u64(out, (uint64_t)m->received);
        buf_u32(out, block);
        buf_u32(out, index);
        buf_put(out, w->bytes.data + m->at, m->len);
    }
    numbering_clear(&w->rules);
    numbering_clear(&w->origins);
    buf_clear(&w->rule_bytes);
    buf_clear(&w->origin_bytes);
    buf_clear(&w->bytes);
    vec_clear(&w->all);
}

/* ---- reading ---- */

static int broken(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "matches: %s", what);
}

static struct span name(struct cursor *c)
{
    struct span s = cursor_str(c);
    c->failed = c->failed || s.len > MATCH_NAME_MAX;
    return s;
}

static int read_rules(struct match_reader *r, struct err *e)
{
    uint32_t n = cursor_u32(&r->c);
    if (r->c.failed || n > MATCH_RULES_MAX || n > cursor_left(&r->c) / 6) {
        return broken(e, "number of rules is out of range");
    }
    struct match_rule *rules = arena_calloc(r->scratch, n, sizeof *rules);
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        rules[i].id = name(&r->c);
        rules[i].nfields = cursor_u16(&r->c);
        if (r->c.failed || rules[i].nfields > MATCH_FIELDS_MAX || rules[i].nfields > cursor_left(&r->c) / 4) {
            return broken(e, "a rule is out of range");
        }
        struct span *fields = arena_calloc(r->scratch, rules[i].nfields, sizeof *fields);
        for (uint32_t f = 0; f < rules[i].nfields; f++) {
            fields[f] = name(&r->c);
        }
        rules[i].fields = fields;
        most = rules[i].nfields > most ? rules[i].nfields : most;
    }
    r->nrules = n;
    r->rules = rules;
    r->values = arena_calloc(r->scratch, most, sizeof *r->values);
    return 0;
}

static int read_origins(struct match_reader *r, struct err *e)
{
    uint32_t n = cursor_u32(&r->c);
    if (r->c.failed || n > MATCH_ORIGINS_MAX || n > cursor_left(&r->c) / 20) {
        return broken(e, "number of origins is out of range");
    }
    struct match_origin *origins = arena_calloc(r->scratch, n, sizeof *origins);
    for (uint32_t i = 0; i < n; i++) {
        struct span *parts[] = {&origins[i].organisation, &origins[i].source, &origins[i].product, &origins[i].category,
                                &origins[i].service};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            *parts[k] = name(&r->c);
        }
    }
    r->norigins = n;
    r->origins = origins;
    return 0;
}

int match_reader_open(struct match_reader *r, struct span body, struct arena *scratch, struct err *e)
{
    *r = (struct match_reader){.c = cursor_of(body), .scratch = scratch};
    int rc = read_rules(r, e);
    rc = rc == 0 ? read_origins(r, e) : rc;
    r->left = rc == 0 ? cursor_u32(&r->c) : 0;
    return rc != 0 ? rc : r->c.failed ? broken(e, "ends early") : 0;
}

int match_reader_next(struct match_reader *r, struct match_row *row, struct err *e)
{
    if (r->left == 0) {
        return cursor_done(&r->c) ? 0 : broken(e, "bytes behind the last one");
    }
    r->left--;
    uint32_t rule = cursor_u32(&r->c);
    uint32_t origin = cursor_u32(&r->c);
    if (r->c.failed || rule >= r->nrules || origin >= r->norigins) {
        return broken(e, "of a rule or origin that was not named");
    }
    *row = (struct match_row){.rule = &r->rules[rule], .rule_number = rule, .origin = &r->origins[origin]};
    row->time = (time_ns)cursor_u64(&r->c);
    row->received = (time_ns)cursor_u64(&r->c);
    row->block = cursor_u32(&r->c);
    row->index = cursor_u32(&r->c);
    row->tags = cursor_u32(&r->c);
    row->host = name(&r->c);
    row->user = name(&r->c);
    for (uint32_t i = 0; i < row->rule->nfields; i++) {
        uint8_t there = cursor_u8(&r->c);
        r->values[i] = there == 1 ? cursor_str(&r->c) : span_make(NULL, 0);
        r->c.failed = r->c.failed || there > 1 || r->values[i].len > MATCH_VALUE_MAX;
    }
    row->values = r->values;
    return r->c.failed ? broken(e, "ends early, or a value is out of range") : 1;
}
