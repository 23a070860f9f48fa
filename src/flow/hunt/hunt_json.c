/* SPDX-License-Identifier: EUPL-1.2 */
/* The JSON form of a hunt: see hunt.h. Runs in the desk on what people and programs send. */
#include <stdio.h>

#include "base/vec.h"
#include "flow/hunt/hunt.h"
#include "wire/json_read.h"

/* What one object of a list says; number: of the object, as the reader counts. */
struct part {
    uint16_t object;
    struct span name, text;               /* rules */
    struct span type, value, id, until;   /* indicators */
};

struct reading {
    struct arena *arena;
    struct hunt *out;
    struct span *why;
    VEC(struct part) rules;
    VEC(struct part) indicators;
    unsigned seen; /* bit per plain key: twice is once too often */
    int rc;
    struct err *e;
};

static struct span text_of(struct reading *r, const struct leaf *l)
{
    struct span raw = span_make(l->ptr, l->len);
    if ((l->flags & LEAF_ESCAPED) == 0) {
        return arena_copy(r->arena, raw);
    }
    char *out = arena_bytes(r->arena, raw.len + 1);
    return span_make(out, json_unescape(raw, out, NULL));
}

static void wrong(struct reading *r, int code, const char *why, struct span name)
{
    if (r->rc == 0) {
        r->rc = err_set(r->e, code, "%s: %.*s", why, SPAN_ARG(span_sub(name, 0, 64)));
    }
}

static void set_time(struct reading *r, struct span name, struct span value, time_ns *out)
{
    if (!time_parse(value, 0, out)) {
        wrong(r, ERR_INVALID, "no time", name);
    }
}

static bool plain_key(struct reading *r, struct span name, struct span value)
{
    static const char *const keys[] = {"from", "to", "organisation", "source", "search", "why"};
    size_t i = 0;
    while (i < ARRAY_LEN(keys) && !span_eq(name, span_of(keys[i]))) {
        i++;
    }
    if (i == ARRAY_LEN(keys) || (i == 5 && r->why == NULL)) {
        return false;
    }
    if ((r->seen & 1u << i) != 0) {
        wrong(r, ERR_INVALID, "stands twice", name);
    }
    r->seen |= 1u << i;
    struct span *texts[] = {NULL, NULL, &r->out->organisation, &r->out->source, &r->out->search,
                            r->why};
    if (texts[i] != NULL) {
        *texts[i] = value;
    } else {
        set_time(r, name, value, i == 0 ? &r->out->from : &r->out->to);
    }
    return true;
}

/* Sets one key of the object that the leaf sits in; a new object begins a new part. */
#define PART_OF(list, leaf)                                                                        \
    do {                                                                                           \
        if ((list)->len == 0 || vec_last(list)->object != (leaf)->object) {                        \
            vec_push(list, (struct part){.object = (leaf)->object});                               \
        }                                                                                          \
    } while (0)

static void set_part(struct reading *r, struct span name, struct span *to, struct span value)
{
    if (to == NULL) {
        wrong(r, ERR_INVALID, "no such key", name);
    } else if (to->ptr != NULL) {
        wrong(r, ERR_INVALID, "stands twice", name);
    } else {
        *to = value;
    }
}

static void visit(void *ctx, struct span name, const struct leaf *leaf)
{
    struct reading *r = ctx;
    if (r->rc != 0) {
        return;
    }
    if (leaf->kind != LEAF_STRING) {
        wrong(r, ERR_INVALID, "must be text", name);
        return;
    }
    struct span value = text_of(r, leaf);
    if (span_starts(name, SPAN("rules."))) {
        struct span key = span_sub(name, 6, name.len);
        PART_OF(&r->rules, leaf);
        struct part *p = vec_last(&r->rules);
        set_part(r, name,
                 span_eq(key, SPAN("name"))   ? &p->name
                 : span_eq(key, SPAN("text")) ? &p->text
                                              : NULL,
                 value);
    } else if (span_starts(name, SPAN("indicators."))) {
        struct span key = span_sub(name, 11, name.len);
        PART_OF(&r->indicators, leaf);
        struct part *p = vec_last(&r->indicators);
        set_part(r, name,
                 span_eq(key, SPAN("type"))          ? &p->type
                 : span_eq(key, SPAN("value"))       ? &p->value
                 : span_eq(key, SPAN("id"))          ? &p->id
                 : span_eq(key, SPAN("valid_until")) ? &p->until
                                                     : NULL,
                 value);
    } else if (!plain_key(r, name, value)) {
        wrong(r, ERR_INVALID, "no such key", name);
    }
    if (r->rules.len > HUNT_RULES_MAX || r->indicators.len > HUNT_INDICATORS_MAX) {
        wrong(r, ERR_LIMIT, "too many", name);
    }
}

static void make_rules(struct reading *r)
{
    struct hunt_rule *list = arena_calloc(r->arena, r->rules.len, sizeof *list);
    for (size_t i = 0; i < r->rules.len; i++) {
        struct part *p = &r->rules.data[i];
        list[i].name = p->name.len > 0
                           ? p->name
                           : span_of(arena_printf(r->arena, "rule %zu", i + 1));
        list[i].text = p->text;
    }
    r->out->rules = list;
    r->out->nrules = (uint32_t)r->rules.len;
}

static void make_indicators(struct reading *r)
{
    struct indicator *list = arena_calloc(r->arena, r->indicators.len, sizeof *list);
    for (size_t i = 0; i < r->indicators.len && r->rc == 0; i++) {
        struct part *p = &r->indicators.data[i];
        r->rc = indicator_make(p->type, p->value, r->arena, &list[i], r->e);
        if (r->rc == 0 && p->id.len > INDICATOR_ID_MAX) {
            wrong(r, ERR_LIMIT, "too long", SPAN("indicators.id"));
        }
        list[i].id = p->id;
        if (r->rc == 0 && p->until.len > 0) {
            set_time(r, SPAN("indicators.valid_until"), p->until, &list[i].valid_until);
        }
    }
    r->out->indicators = list;
    r->out->nindicators = (uint32_t)r->indicators.len;
}

int hunt_from_json(struct span json, struct arena *arena, struct hunt *out, struct span *why_out,
                   struct err *e)
{
    struct arena names;
    struct reading r = {.arena = arena, .out = out, .why = why_out, .e = e};
    hunt_init(out);
    if (json.len > HUNT_JSON_MAX) {
        return err_set(e, ERR_LIMIT, "a hunt has at most %d bytes", HUNT_JSON_MAX);
    }
    if (span_trim(json).len == 0 || span_trim(json).ptr[0] != '{') {
        return err_set(e, ERR_INVALID, "a hunt is a JSON object");
    }
    arena_init(&names, 0);
    int rc = json_walk(json, &names, visit, &r, e);
    r.rc = rc != 0 ? rc : r.rc;
    if (r.rc == 0) {
        make_rules(&r);
        make_indicators(&r);
    }
    vec_free(&r.rules);
    vec_free(&r.indicators);
    arena_fini(&names);
    return r.rc == 0 ? hunt_check(out, e) : r.rc;
}

/* ---- writing ---- */

static void put_text(struct json_writer *j, const char *key, struct span s)
{
    if (s.len > 0) {
        json_key(j, key);
        json_text(j, s);
    }
}

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    put_text(j, key, t == TIME_NONE ? SPAN("") : span_of(time_format(t, text)));
}

static void put_indicator(struct json_writer *j, const struct indicator *in)
{
    char below[INDICATOR_VALUE_MAX + 3];
    struct span value = in->value;
    if (in->subdomains) {
        int n = snprintf(below, sizeof below, "*.%.*s", SPAN_ARG(in->value));
        value = span_make(below, (size_t)n);
    }
    json_object(j);
    put_text(j, "type", span_of(indicator_type_name(in->type)));
    put_text(j, "value", value);
    put_text(j, "id", in->id);
    put_time(j, "valid_until", in->valid_until);
    json_end(j);
}

void hunt_to_json(struct json_writer *j, const struct hunt *h, struct span why)
{
    json_object(j);
    put_text(j, "why", why);
    put_time(j, "from", h->from);
    put_time(j, "to", h->to);
    put_text(j, "organisation", h->organisation);
    put_text(j, "source", h->source);
    put_text(j, "search", h->search);
    if (h->nrules > 0) {
        json_key(j, "rules");
        json_array(j);
        for (uint32_t i = 0; i < h->nrules; i++) {
            json_object(j);
            put_text(j, "name", h->rules[i].name);
            put_text(j, "text", h->rules[i].text);
            json_end(j);
        }
        json_end(j);
    }
    if (h->nindicators > 0) {
        json_key(j, "indicators");
        json_array(j);
        for (uint32_t i = 0; i < h->nindicators; i++) {
            put_indicator(j, &h->indicators[i]);
        }
        json_end(j);
    }
    json_end(j);
}
