/* SPDX-License-Identifier: EUPL-1.2 */
/* Texts of the invented city: see demo_text.h. Called by demo_city.c and demo_logs.c alone. */
#include "cli/demo_text.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

enum { TEXT_MAX = 1 << 20 };

/* splitmix64: the same on every machine. */
uint64_t demo_text_next(struct demo_text *t, uint64_t below)
{
    t->seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = t->seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return below == 0 ? 0 : (z ^ (z >> 31)) % below;
}

/* ---- times ---- */

static struct time_parts parts_of(time_ns at)
{
    struct time_parts p;
    time_to_parts(at, &p);
    return p;
}

static void put_day(struct buf *b, time_ns at)
{
    struct time_parts p = parts_of(at);
    buf_printf(b, "%04d-%02d-%02d", p.year, p.month, p.day);
}

/* ISO 8601: the week is of the year that its Thursday lies in. */
static void put_week(struct buf *b, time_ns at)
{
    int64_t day = time_day(at);
    int64_t thursday = day - (day + 3) % 7 + 3; /* 1970-01-01 was one */
    struct time_parts p = parts_of(thursday * TIME_DAY);
    struct time_parts first = {.year = p.year, .month = 1, .day = 1};
    time_ns start = 0;
    CHECK(time_from_parts(&first, 0, &start));
    buf_printf(b, "%04d-W%02d", p.year, (int)((thursday - time_day(start)) / 7 + 1));
}

static void put_clf(struct buf *b, time_ns at)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct time_parts p = parts_of(at);
    buf_printf(b, "%02d/%s/%04d:%02d:%02d:%02d +0000", p.day, months[p.month - 1], p.year, p.hour, p.minute, p.second);
}

/* d, t, w and y with a number of days, weeks, years. */
static bool put_time(struct buf *b, const struct demo_text *t, struct span word)
{
    int64_t by = 0;
    bool plus = word.len > 2 && word.ptr[1] == '+';
    if (word.len < 3 || strchr("dtwy", word.ptr[0]) == NULL || !num_i64(span_sub(word, plus ? 2 : 1, word.len), &by)) {
        return false;
    }
    switch (word.ptr[0]) {
    case 'd':
        put_day(b, t->now + by * TIME_DAY);
        break;
    case 't':
        put_day(b, t->now + by * TIME_DAY);
        buf_cstr(b, "T08:00:00Z");
        break;
    case 'w':
        put_week(b, t->now + 7 * by * TIME_DAY);
        break;
    default:
        buf_printf(b, "%d", parts_of(t->now).year + (int)by);
        break;
    }
    return true;
}

/* ---- words in braces ---- */

static bool put_pick(struct buf *b, struct demo_text *t, struct span list)
{
    const struct jcs *all = jcs_get_array(t->lists, arena_cstr(t->a, list));
    if (all == NULL || all->count == 0) {
        return false;
    }
    const struct jcs *v = all->first;
    for (uint64_t i = demo_text_next(t, all->count); i > 0; i--) {
        v = v->next;
    }
    buf_span(b, v->text);
    return true;
}

static bool put_of_line(struct buf *b, struct demo_text *t, struct span word)
{
    char text[TIME_TEXT_MAX];
    if (t->stamp == TIME_NONE) {
        return false;
    }
    if (span_eq(word, SPAN("stamp"))) {
        buf_cstr(b, time_format(t->stamp, text));
    } else if (span_eq(word, SPAN("clf"))) {
        put_clf(b, t->stamp);
    } else if (span_eq(word, SPAN("port"))) {
        buf_printf(b, "%u", 32768 + (unsigned)demo_text_next(t, 28000));
    } else if (span_eq(word, SPAN("pid"))) {
        buf_printf(b, "%u", 600 + (unsigned)demo_text_next(t, 30000));
    } else if (span_eq(word, SPAN("size"))) {
        buf_printf(b, "%u", 200 + (unsigned)demo_text_next(t, 40000));
    } else {
        return false;
    }
    return true;
}

static bool put_word(struct buf *b, struct demo_text *t, struct span word)
{
    if (span_eq(word, SPAN("n"))) {
        buf_printf(b, "%lld", (long long)t->n);
        return true;
    }
    if (span_starts(word, SPAN("pick "))) {
        return put_pick(b, t, span_sub(word, 5, word.len));
    }
    return put_of_line(b, t, word) || put_time(b, t, word);
}

struct span demo_text_fill(struct demo_text *t, struct span text)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    while (text.len > 0) {
        ptrdiff_t open = span_find(text, '{');
        struct span rest = open < 0 ? SPAN("") : span_sub(text, (size_t)open + 1, text.len);
        ptrdiff_t close = span_find(rest, '}');
        buf_span(&b, span_sub(text, 0, open < 0 ? text.len : (size_t)open));
        if (open < 0) {
            break;
        }
        if (close >= 0 && put_word(&b, t, span_sub(rest, 0, (size_t)close))) {
            text = span_sub(rest, (size_t)close + 1, rest.len);
        } else { /* a brace as any other sign */
            buf_cstr(&b, "{");
            text = rest;
        }
    }
    CHECK(!b.failed); /* files of ours, which a test fills */
    struct span out = arena_copy(t->a, buf_view(&b));
    buf_free(&b);
    return out;
}

struct jcs *demo_text_value(struct demo_text *t, const struct jcs *v)
{
    struct jcs *out = NULL;
    switch (v->kind) {
    case JCS_TEXT: {
        struct span text = demo_text_fill(t, v->text);
        int64_t year = 0;
        return span_starts(v->text, SPAN("{y")) && num_i64(text, &year) ? jcs_new_int(t->a, year) : jcs_new_text(t->a, text);
    }
    case JCS_ARRAY:
        out = jcs_new_array(t->a);
        for (const struct jcs *m = v->first; m != NULL; m = m->next) {
            jcs_add(out, demo_text_value(t, m));
        }
        return out;
    case JCS_OBJECT:
        out = jcs_new_object(t->a);
        for (const struct jcs *m = v->first; m != NULL; m = m->next) {
            jcs_set(t->a, out, arena_cstr(t->a, m->key), demo_text_value(t, m));
        }
        return out;
    default:
        return jcs_copy(t->a, v);
    }
}
