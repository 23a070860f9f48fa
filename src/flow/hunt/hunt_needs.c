/* SPDX-License-Identifier: EUPL-1.2 */
/* From indicators to tokens: see hunt_needs.h. Each rule here rests on one of hunt_match.c, which says how a thing may be
 * written; a change there that takes more spellings needs one here. hunt_needs_test compares the two. */
#include "flow/hunt/hunt_needs.h"

#include <stdio.h>

#include "flow/hunt/hunt_texts.h"

enum {
    NEEDS_MAX = 16,     /* clauses kept of one indicator: a long URL has hundreds */
    GROUPS = 8,         /* of an IPv6 address */
    HEX_DIGITS_MAX = 4, /* of a group */
};

struct needs {
    const struct catalog *catalog;
    struct filter_clause list[NEEDS_MAX];
    size_t telling[NEEDS_MAX]; /* bytes of the token: long ones are rare */
    uint32_t count;
};

/* Keeps the list in order, the most telling first; the least telling falls off. */
static void add(struct needs *n, const struct filter_clause *c, size_t telling)
{
    uint32_t at = n->count < NEEDS_MAX ? n->count++ : NEEDS_MAX;
    if (at == NEEDS_MAX) {
        if (n->telling[NEEDS_MAX - 1] >= telling) {
            return;
        }
        at--;
    }
    for (; at > 0 && n->telling[at - 1] < telling; at--) {
        n->list[at] = n->list[at - 1];
        n->telling[at] = n->telling[at - 1];
    }
    n->list[at] = *c;
    n->telling[at] = telling;
}

/* A text that sources may have put together themselves (HKLM, for \REGISTRY\MACHINE) need not stand in any record. */
static void add_token(struct needs *n, uint64_t token, struct span text)
{
    const struct filter_clause c = {.choices = {token}, .count = 1};
    if (!hunt_text_may_be_made(n->catalog, text)) {
        add(n, &c, text.len);
    }
}

static bool in_run(char c)
{
    char low = (char)(c | 0x20);
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z' && (unsigned char)c < 0x80);
}

/* Every run of the text, and pairs. piece: it may be a piece of a longer text, so its first and last run may be pieces. */
static void add_text(struct needs *n, struct span text, bool piece)
{
    struct span before = {NULL, 0};
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && in_run(text.ptr[end])) {
            end++;
        }
        if (end == at) {
            at++;
            continue;
        }
        struct span run = span_sub(text, at, end - at);
        bool whole = !piece || (at > 0 && end < text.len);
        if (whole) {
            add_token(n, filter_token(run), run);
        }
        if (whole && before.ptr != NULL && before.ptr + before.len + 1 == run.ptr && run.ptr[-1] == '.') {
            add_token(n, filter_pair(before, run), span_make(before.ptr, before.len + 1 + run.len));
        }
        before = whole ? run : span_make(NULL, 0);
        at = end;
    }
}

/* ---- addresses ---- */

static struct span decimal(unsigned char v, char out[4])
{
    int len = snprintf(out, 4, "%u", v);
    return span_make(out, (size_t)len);
}

static uint64_t octet_pair(const unsigned char *addr)
{
    char a[4];
    char b[4];
    return filter_pair(decimal(addr[0], a), decimal(addr[1], b));
}

/* Dotted, or as an IPv4-mapped IPv6 address: that one has a group ffff, and the rest in hex or dotted. */
static void add_ipv4(struct needs *n, const unsigned char *addr, unsigned bits)
{
    const uint64_t mapped = filter_token(SPAN("ffff"));
    char text[4];
    if (bits >= 8 && bits < 16) {
        const struct filter_clause c = {{filter_token(decimal(addr[0], text)), mapped}, 2};
        add(n, &c, 1);
    }
    for (unsigned i = 0; i < 3 && bits >= 8 * (i + 2); i++) {
        const struct filter_clause c = {{octet_pair(addr + i), mapped}, 2};
        add(n, &c, 7 - i); /* the last numbers differ more than the first, but all are asked for */
    }
}

/* A group that is not zero is written in hex, with leading zeros or without; the last two may stand dotted. */
static void add_ipv6(struct needs *n, const unsigned char *addr, unsigned bits)
{
    for (unsigned g = 0; g < GROUPS && bits >= 16 * (g + 1); g++) {
        unsigned value = (unsigned)addr[2 * g] << 8 | addr[2 * g + 1];
        char text[8];
        struct filter_clause c = {.count = 0};
        if (value == 0) {
            continue;
        }
        int shortest = snprintf(text, sizeof text, "%x", value);
        for (int width = shortest; width <= HEX_DIGITS_MAX; width++) {
            int len = snprintf(text, sizeof text, "%0*x", width, value);
            c.choices[c.count++] = filter_token(span_make(text, (size_t)len));
        }
        if (g >= GROUPS - 2) {
            c.choices[c.count++] = octet_pair(addr + 2 * (size_t)g);
        }
        add(n, &c, (size_t)shortest);
    }
}

/* An address as a source may have put it together: it need not stand in any record as one. */
static bool address_may_be_made(const struct indicator *in, const struct catalog *catalog, struct arena *arena)
{
    struct hunt_texts texts;
    bool may = false;
    hunt_texts_of(in, arena, &texts);
    for (uint32_t i = 0; i < texts.count; i++) {
        may = may || hunt_text_may_be_made(catalog, texts.list[i]);
    }
    return may;
}

void hunt_needs_of(const struct indicator *in, const struct catalog *catalog, struct arena *arena, struct filter_thing *out)
{
    struct needs n = {.catalog = catalog};
    switch (in->type) {
    case INDICATOR_IPV4:
    case INDICATOR_IPV6:
    case INDICATOR_CIDR:
        if (address_may_be_made(in, catalog, arena)) {
            break;
        }
        if (in->addr_len == 4) {
            add_ipv4(&n, in->addr, in->type == INDICATOR_CIDR ? in->prefix : 32);
        } else {
            add_ipv6(&n, in->addr, in->type == INDICATOR_CIDR ? in->prefix : 128);
        }
        break;
    case INDICATOR_COMMAND:
        add_text(&n, in->value, true);
        break;
    case INDICATOR_DOMAIN:
    case INDICATOR_URL:
    case INDICATOR_MD5:
    case INDICATOR_SHA1:
    case INDICATOR_SHA256:
    case INDICATOR_EMAIL:
    case INDICATOR_FILE:
    case INDICATOR_PROCESS:
        add_text(&n, in->value, false);
        break;
    case INDICATOR_TYPE_COUNT:
        break;
    }
    struct filter_clause *list = arena_calloc(arena, n.count, sizeof *list);
    if (n.count > 0) {
        memcpy(list, n.list, n.count * sizeof *list);
    }
    *out = (struct filter_thing){list, n.count};
}
