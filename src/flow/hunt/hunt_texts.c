/* SPDX-License-Identifier: EUPL-1.2 */
/* From indicators to bytes: see hunt_texts.h. Each rule here rests on one of hunt_match.c, which says how a thing may be
 * written; a change there that takes more spellings needs one here. hunt_raw_test compares the two. */
#include "flow/hunt/hunt_texts.h"

#include <stdio.h>

#include "flow/hunt/needles.h"
#include "flow/normalise/made_texts.h"

enum {
    GROUPS = 8,         /* of an IPv6 address */
    HEX_DIGITS_MAX = 4, /* of a group */
    TELLING = 5,        /* bytes: the last part of a path tells more than a longer one before it */
};

static void add(struct hunt_texts *t, struct span text)
{
    CHECK(t->count < HUNT_TEXTS_MAX);
    t->list[t->count++] = span_sub(text, 0, NEEDLE_TEXT_MAX);
}

static bool is_plain(char c, const char *marks)
{
    char low = ascii_lower(c);
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || (c != '\0' && strchr(marks, c) != NULL);
}

/* The most telling piece of letters, digits and marks; of a path its last piece, if that is long enough. */
static void add_piece(struct hunt_texts *t, struct span text, const char *marks, bool last)
{
    struct span best = SPAN("");
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && is_plain(text.ptr[i], marks)) {
            continue;
        }
        if (i - from > best.len || (last && i - from >= TELLING)) {
            best = span_sub(text, from, i - from);
        }
        from = i + 1;
    }
    if (best.len >= HUNT_TEXT_MIN) {
        add(t, best);
    }
}

/* ---- addresses ---- */

static unsigned group_of(const unsigned char *addr, unsigned g)
{
    return (unsigned)addr[2 * g] << 8 | addr[2 * g + 1];
}

static unsigned digits_of(unsigned value)
{
    return value >= 0x1000 ? 4 : value >= 0x100 ? 3 : value >= 0x10 ? 2 : 1;
}

/* head, then the group in hex with as many leading zeros as it may have, then tail. */
static void add_widths(struct hunt_texts *t, struct arena *arena, const char *head, unsigned value, const char *tail)
{
    for (unsigned width = digits_of(value); width <= HEX_DIGITS_MAX; width++) {
        add(t, span_of(arena_printf(arena, "%s%0*x%s", head, (int)width, value, tail)));
    }
}

/* As an IPv4-mapped IPv6 address in hex; dotted, that one holds the dotted text. */
static void add_mapped(struct hunt_texts *t, struct arena *arena, const unsigned char *addr, unsigned bits)
{
    if (bits >= 16 && (addr[0] | addr[1]) != 0) {
        add_widths(t, arena, "ffff:", group_of(addr, 0), ":");
    } else if (bits >= 8 && addr[0] != 0) { /* the group's upper half: two digits, or one and perhaps a zero before it */
        add(t, span_of(arena_printf(arena, "ffff:%x", addr[0])));
        if (addr[0] < 0x10) {
            add(t, span_of(arena_printf(arena, "ffff:0%x", addr[0])));
        }
    } else {
        add(t, SPAN("ffff:"));
    }
}

static void add_ipv4(struct hunt_texts *t, struct arena *arena, const unsigned char *addr, unsigned bits)
{
    if (bits < 8) {
        return;
    }
    const char *text = "";
    for (unsigned i = 0; i < bits / 8; i++) { /* with the dot behind the last whole number */
        text = arena_printf(arena, i < 3 ? "%s%u." : "%s%u", text, addr[i]);
    }
    if (strlen(text) >= HUNT_TEXT_MIN) {
        add(t, span_of(text));
        add_mapped(t, arena, addr, bits);
    }
}

/* Two groups side by side that are not zero have just a colon between them; the last two may stand dotted. */
static void add_ipv6(struct hunt_texts *t, struct arena *arena, const unsigned char *addr, unsigned bits)
{
    unsigned whole = bits / 16;
    int best = -1;
    bool alone = true;
    for (unsigned g = 0; g < whole; g++) {
        unsigned value = group_of(addr, g);
        bool pair = g + 1 < whole && g + 1 != GROUPS - 2 && value != 0 && group_of(addr, g + 1) != 0;
        if (value != 0 && (best < 0 || (pair && alone) ||
                           (pair == !alone && digits_of(value) > digits_of(group_of(addr, (unsigned)best))))) {
            best = (int)g;
            alone = !pair;
        }
    }
    if (best < 0) {
        return;
    }
    char head[8];
    unsigned at = (unsigned)best;
    (void)snprintf(head, sizeof head, "%x%s", group_of(addr, at), alone ? "" : ":");
    if (alone && digits_of(group_of(addr, at)) < HUNT_TEXT_MIN) {
        return;
    }
    if (alone) {
        add(t, arena_copy(arena, span_of(head)));
    } else {
        add_widths(t, arena, head, group_of(addr, at + 1), "");
    }
    if (at >= GROUPS - 2) {
        add(t, span_of(arena_printf(arena, "%u.%u", addr[2 * at], addr[2 * at + 1])));
    }
}

/* ---- all kinds ---- */

void hunt_texts_of(const struct indicator *in, struct arena *arena, struct hunt_texts *out)
{
    *out = (struct hunt_texts){.count = 0};
    switch (in->type) {
    case INDICATOR_IPV4:
    case INDICATOR_IPV6:
    case INDICATOR_CIDR:
        if (in->addr_len == 4) {
            add_ipv4(out, arena, in->addr, in->type == INDICATOR_CIDR ? in->prefix : 32);
        } else {
            add_ipv6(out, arena, in->addr, in->type == INDICATOR_CIDR ? in->prefix : 128);
        }
        break;
    case INDICATOR_URL:
        add_piece(out, in->value, ".-_", false); /* a colon may be that of a port which went */
        break;
    case INDICATOR_FILE:
    case INDICATOR_PROCESS:
        add_piece(out, in->value, ".-_@", true);
        break;
    case INDICATOR_DOMAIN:
    case INDICATOR_MD5:
    case INDICATOR_SHA1:
    case INDICATOR_SHA256:
    case INDICATOR_EMAIL:
    case INDICATOR_COMMAND:
        add_piece(out, in->value, ".-_@", false);
        break;
    case INDICATOR_TYPE_COUNT:
        break;
    }
    for (uint32_t i = 0; i < out->count; i++) { /* the paths of URLs have case */
        char *text = arena_bytes(arena, out->list[i].len + 1);
        for (size_t k = 0; k < out->list[i].len; k++) {
            text[k] = ascii_lower(out->list[i].ptr[k]);
        }
        out->list[i].ptr = text;
    }
}

/* ---- texts that no record has ---- */

struct made {
    struct span text;
    bool may;
};

static bool holds(struct span s, struct span what)
{
    for (size_t i = 0; i + what.len <= s.len; i++) {
        if (span_eq_nocase(span_sub(s, i, what.len), what)) {
            return true;
        }
    }
    return false;
}

static void on_made(void *ctx, struct span text, bool joined)
{
    struct made *m = ctx;
    struct span t = m->text;
    m->may = m->may || holds(text, t) || (joined && holds(t, text));
    for (size_t n = 1; joined && n < t.len && n < text.len; n++) {
        m->may = m->may || span_eq_nocase(span_sub(t, 0, n), span_sub(text, text.len - n, n)) ||
                 span_eq_nocase(span_sub(t, t.len - n, n), span_sub(text, 0, n));
    }
}

bool hunt_text_may_be_made(const struct catalog *catalog, struct span text)
{
    struct made m = {text, false};
    normalise_made_texts(catalog, on_made, &m);
    return m.may;
}
