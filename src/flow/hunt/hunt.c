/* SPDX-License-Identifier: EUPL-1.2 */
/* The hunt's definition: checks, bytes, lists of indicators. See hunt.h. */
#include "flow/hunt/hunt.h"

#include "base/vec.h"

enum { HUNT_FORMAT = 1 };

void hunt_init(struct hunt *h)
{
    memset(h, 0, sizeof *h);
    h->from = h->to = TIME_NONE;
}

int hunt_check(const struct hunt *h, struct err *e)
{
    struct arena scratch;
    struct span rule;
    if (h->nrules == 0 && h->nindicators == 0 && h->search.len == 0) {
        return err_set(e, ERR_INVALID, "a hunt needs rules, indicators or a search");
    }
    if (h->nrules > HUNT_RULES_MAX || h->nindicators > HUNT_INDICATORS_MAX) {
        return err_set(e, ERR_LIMIT, "a hunt has at most %d rules and %d indicators", HUNT_RULES_MAX,
                       HUNT_INDICATORS_MAX);
    }
    if (h->organisation.len > HUNT_NAME_MAX || h->source.len > HUNT_NAME_MAX) {
        return err_set(e, ERR_LIMIT, "organisation and source have at most %d bytes", HUNT_NAME_MAX);
    }
    if (h->from != TIME_NONE && h->to != TIME_NONE && h->from >= h->to) {
        return err_set(e, ERR_INVALID, "the stretch of time ends before it begins");
    }
    for (uint32_t i = 0; i < h->nrules; i++) {
        if (h->rules[i].name.len > HUNT_NAME_MAX || h->rules[i].text.len == 0) {
            return err_set(e, ERR_INVALID, "rule %u has no text, or too long a name", i + 1);
        }
    }
    arena_init(&scratch, 0);
    int rc = h->search.len == 0 ? 0 : hunt_search_rule(h->search, &scratch, &rule, e);
    arena_fini(&scratch);
    return rc;
}

void hunt_encode(struct buf *out, const struct hunt *h)
{
    buf_u16(out, HUNT_FORMAT);
    buf_u64(out, (uint64_t)h->from);
    buf_u64(out, (uint64_t)h->to);
    buf_str(out, h->organisation);
    buf_str(out, h->source);
    buf_str(out, h->search);
    buf_u32(out, h->nrules);
    for (uint32_t i = 0; i < h->nrules; i++) {
        buf_str(out, h->rules[i].name);
        buf_str(out, h->rules[i].text);
    }
    buf_u32(out, h->nindicators);
    for (uint32_t i = 0; i < h->nindicators; i++) {
        indicator_encode(out, &h->indicators[i]);
    }
}

static void decode_rules(struct cursor *c, struct arena *arena, struct hunt *out)
{
    uint32_t n = cursor_u32(c);
    if (c->failed || n > HUNT_RULES_MAX) {
        c->failed = true;
        return;
    }
    struct hunt_rule *rules = arena_calloc(arena, n, sizeof *rules);
    for (uint32_t i = 0; i < n; i++) {
        rules[i].name = cursor_str(c);
        rules[i].text = cursor_str(c);
    }
    out->rules = rules;
    out->nrules = n;
}

static int decode_indicators(struct cursor *c, struct arena *arena, struct hunt *out, struct err *e)
{
    uint32_t n = cursor_u32(c);
    if (c->failed || n > HUNT_INDICATORS_MAX) {
        c->failed = true;
        return 0; /* told by the caller */
    }
    struct indicator *list = arena_calloc(arena, n, sizeof *list);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = indicator_decode(c, arena, &list[i], e);
    }
    out->indicators = list;
    out->nindicators = n;
    return rc;
}

int hunt_decode(struct span bytes, struct arena *arena, struct hunt *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    hunt_init(out);
    uint16_t format = cursor_u16(&c);
    out->from = (time_ns)cursor_u64(&c);
    out->to = (time_ns)cursor_u64(&c);
    out->organisation = cursor_str(&c);
    out->source = cursor_str(&c);
    out->search = cursor_str(&c);
    if (c.failed || format != HUNT_FORMAT || bytes.len > HUNT_ENCODED_MAX) {
        return err_set(e, ERR_INVALID, "the hunt is broken");
    }
    decode_rules(&c, arena, out);
    int rc = decode_indicators(&c, arena, out, e);
    if (rc == 0 && !cursor_done(&c)) {
        rc = err_set(e, ERR_INVALID, "the hunt is broken");
    }
    return rc == 0 ? hunt_check(out, e) : rc;
}

int hunt_add_indicators(struct hunt *h, struct span lines, struct arena *arena, struct err *e)
{
    VEC(struct indicator) list = {0};
    int rc = 0;
    for (uint32_t i = 0; i < h->nindicators; i++) {
        vec_push(&list, h->indicators[i]);
    }
    for (uint32_t line = 1; lines.len > 0 && rc == 0; line++) {
        ptrdiff_t nl = span_find(lines, '\n');
        struct span one = span_trim(nl < 0 ? lines : span_sub(lines, 0, (size_t)nl));
        lines = nl < 0 ? SPAN("") : span_sub(lines, (size_t)nl + 1, lines.len);
        struct indicator in;
        if (one.len == 0 || one.ptr[0] == '#') {
            continue;
        }
        rc = list.len >= HUNT_INDICATORS_MAX
                 ? err_set(e, ERR_LIMIT, "more than %d indicators", HUNT_INDICATORS_MAX)
                 : indicator_line(one, arena, &in, e);
        if (rc != 0 && e != NULL) {
            e->line = line;
        } else if (rc == 0) {
            vec_push(&list, in);
        }
    }
    if (rc == 0) {
        struct indicator *copy = arena_calloc(arena, list.len, sizeof *copy);
        if (list.len > 0) {
            memcpy(copy, list.data, list.len * sizeof *copy);
        }
        h->indicators = copy;
        h->nindicators = (uint32_t)list.len;
    }
    vec_free(&list);
    return rc;
}
