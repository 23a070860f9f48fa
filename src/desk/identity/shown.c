/* SPDX-License-Identifier: EUPL-1.2 */
/* Personal fields that somebody had shown to him: see shown.h. */
#include "desk/identity/shown.h"

#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/id.h"
#include "base/utf8.h"

enum { SHOWN_MAGIC = 0x73686f77 };

struct entry {
    unsigned char credential[SECRET_HASH_BYTES];
    char kind[SHOWN_NAME_MAX + 1];
    char record[SHOWN_NAME_MAX + 1];
    char why[SHOWN_REASON_MAX + 1];
    time_ns until; /* 0 = free */
};

struct shown {
    uint32_t magic;
    uint32_t used; /* no entry at or behind this place was ever taken */
    struct entry all[SHOWN_ALL_MAX];
};

struct shown *shown_new(void)
{
    struct shown *s = mem_alloc(sizeof *s);
    s->magic = SHOWN_MAGIC;
    return s;
}

void shown_free(struct shown **s)
{
    CHECK(*s == NULL || (*s)->magic == SHOWN_MAGIC);
    mem_free(*s);
    *s = NULL;
}

static bool is_of(const struct entry *e, const unsigned char *credential)
{
    return memcmp(e->credential, credential, sizeof e->credential) == 0;
}

static void put_name(char *to, struct span name)
{
    memcpy(to, name.ptr == NULL ? "" : name.ptr, name.len);
    to[name.len] = 0;
}

/* Where it goes: its own entry, a free one, or the one that ends first of his when he has too many, else of all. */
static struct entry *place_for(struct shown *s, const unsigned char *credential, const struct policy_shown *what, time_ns now)
{
    struct entry *free_one = NULL, *first = NULL, *first_of_his = NULL;
    uint32_t his = 0;
    for (uint32_t i = 0; i < s->used; i++) {
        struct entry *e = &s->all[i];
        if (e->until <= now) {
            free_one = free_one == NULL ? e : free_one;
            continue;
        }
        first = first == NULL || e->until < first->until ? e : first;
        if (!is_of(e, credential)) {
            continue;
        }
        if (span_eq(span_of(e->kind), what->kind) && span_eq(span_of(e->record), what->record)) {
            return e;
        }
        his++;
        first_of_his = first_of_his == NULL || e->until < first_of_his->until ? e : first_of_his;
    }
    if (his >= SHOWN_EACH_MAX) {
        return first_of_his;
    }
    if (free_one == NULL && s->used < SHOWN_ALL_MAX) {
        free_one = &s->all[s->used++];
    }
    return free_one != NULL ? free_one : first;
}

void shown_add(struct shown *s, const unsigned char *credential, const struct policy_shown *what, time_ns until, time_ns now)
{
    shown_add_why(s, credential, what, SPAN(""), until, now);
}

void shown_add_why(struct shown *s, const unsigned char *credential, const struct policy_shown *what, struct span why, time_ns until, time_ns now)
{
    CHECK(s->magic == SHOWN_MAGIC && why.len <= SHOWN_REASON_MAX);
    if (what->kind.len == 0 || what->kind.len > SHOWN_NAME_MAX || what->record.len > SHOWN_NAME_MAX || until <= now) {
        return;
    }
    struct entry *e = place_for(s, credential, what, now);
    bool goes_on = e->until > now && is_of(e, credential) && span_eq(span_of(e->kind), what->kind) && span_eq(span_of(e->record), what->record);
    memcpy(e->credential, credential, sizeof e->credential);
    put_name(e->kind, what->kind);
    put_name(e->record, what->record);
    put_name(e->why, why);
    e->until = goes_on && e->until > until ? e->until : until;
}

struct span shown_why(const struct shown *s, const unsigned char *credential, struct span kind, struct span record, time_ns now)
{
    struct span why = SPAN("");
    CHECK(s->magic == SHOWN_MAGIC);
    for (uint32_t i = 0; i < s->used; i++) {
        const struct entry *e = &s->all[i];
        if (e->until <= now || !is_of(e, credential) || !span_eq(span_of(e->kind), kind)) {
            continue;
        }
        if (span_eq(span_of(e->record), record)) {
            return span_of(e->why);
        }
        why = e->record[0] == 0 ? span_of(e->why) : why;
    }
    return why;
}

uint32_t shown_of(const struct shown *s, const unsigned char *credential, time_ns now, struct arena *a, struct shown_part **out)
{
    uint32_t n = 0;
    CHECK(s->magic == SHOWN_MAGIC);
    *out = NULL;
    for (uint32_t i = 0; i < s->used && n < SHOWN_EACH_MAX; i++) {
        const struct entry *e = &s->all[i];
        if (e->until <= now || !is_of(e, credential)) {
            continue;
        }
        *out = *out == NULL ? arena_calloc(a, SHOWN_EACH_MAX, sizeof **out) : *out;
        (*out)[n++] = (struct shown_part){{arena_copy(a, span_of(e->kind)), arena_copy(a, span_of(e->record))}, e->until};
    }
    return n;
}

bool shown_has(const struct shown *s, const unsigned char *credential, const struct policy_shown *what, time_ns now)
{
    CHECK(s->magic == SHOWN_MAGIC);
    for (uint32_t i = 0; i < s->used; i++) {
        const struct entry *e = &s->all[i];
        if (e->until > now && is_of(e, credential) && span_eq(span_of(e->kind), what->kind) && span_eq(span_of(e->record), what->record)) {
            return true;
        }
    }
    return false;
}

struct policy_shown shown_search(struct span where, struct span terms, char *buf)
{
    enum { HASH_BYTES = 16 };
    unsigned char hash[HASH_BYTES];
    struct buf b;
    buf_init(&b, where.len + terms.len + 16);
    buf_str(&b, where);
    buf_str(&b, terms);
    CHECK(!b.failed);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)b.data, b.len, NULL, 0));
    buf_free(&b);
    hex_encode((const char *)hash, sizeof hash, buf);
    buf[2 * HASH_BYTES] = 0;
    return (struct policy_shown){SPAN("?"), span_make(buf, (size_t)2 * HASH_BYTES)};
}

void shown_end(struct shown *s, const unsigned char *credential)
{
    CHECK(s->magic == SHOWN_MAGIC);
    for (uint32_t i = 0; i < s->used; i++) {
        if (is_of(&s->all[i], credential)) {
            memset(&s->all[i], 0, sizeof s->all[i]);
        }
    }
}

bool shown_reason_fits(struct span reason)
{
    uint32_t characters = 0, kinds = 0;
    uint32_t seen[4] = {0};
    if (reason.len > SHOWN_REASON_MAX || !utf8_valid(reason)) {
        return false;
    }
    for (size_t i = 0, len = 0; i < reason.len; i += len) {
        uint32_t cp = (uint32_t)utf8_decode(reason.ptr + i, reason.ptr + reason.len, &len);
        if (cp < 0x20 || cp == 0x7f) {
            return false;
        }
        characters++;
        bool is_new = cp != ' ';
        for (uint32_t k = 0; k < kinds && is_new; k++) {
            is_new = seen[k] != cp;
        }
        if (is_new && kinds < 4) {
            seen[kinds++] = cp;
        }
    }
    return characters >= SHOWN_REASON_MIN && kinds == 4; /* "aaaaaaaaaa" says nothing */
}
