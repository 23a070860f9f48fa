/* SPDX-License-Identifier: EUPL-1.2 */
/* Sentences in several languages: see words.h. */
#include "desk/words/words.h"

#include "base/span.h"

const struct words *words_of(struct span tag)
{
    ptrdiff_t dash = span_find(tag, '-');
    struct span primary = dash < 0 ? tag : span_sub(tag, 0, (size_t)dash);
    for (size_t i = 0; i < words_languages; i++) {
        if (span_eq_nocase(primary, span_of(words_table[i].language))) {
            return &words_table[i];
        }
    }
    return NULL;
}

const struct words *words_default(void)
{
    return words_of(SPAN("en"));
}

const struct words *words_notice(struct span tag)
{
    const struct words *w = words_of(tag);
    return w != NULL && w->reviewed ? w : words_default();
}

/* "0", "0.5", "1.000": thousandths; -1 for anything else. */
static int quality(struct span s)
{
    int q = 0;
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.')) {
        return -1;
    }
    for (size_t i = 2, unit = 100; i < s.len; i++, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return -1;
        }
        q += (s.ptr[i] - '0') * (int)unit;
    }
    q += s.ptr[0] == '1' ? 1000 : 0;
    return q > 1000 ? -1 : q;
}

/* "es-MX;q=0.8": its tag, and how much it is wanted; -1 when it cannot be read. */
static int range(struct span s, struct span *tag)
{
    ptrdiff_t semi = span_find(s, ';');
    *tag = span_trim(semi < 0 ? s : span_sub(s, 0, (size_t)semi));
    if (semi < 0) {
        return 1000;
    }
    struct span rest = span_trim(span_sub(s, (size_t)semi + 1, s.len));
    return rest.len > 2 && ascii_lower(rest.ptr[0]) == 'q' && rest.ptr[1] == '=' ? quality(span_sub(rest, 2, rest.len)) : -1;
}

const struct words *words_accept(struct span header)
{
    const struct words *best = words_default();
    int most = 0;
    for (unsigned i = 0; header.len > 0 && i < WORDS_ACCEPT_MAX; i++) {
        ptrdiff_t comma = span_find(header, ',');
        struct span tag;
        int q = range(comma < 0 ? header : span_sub(header, 0, (size_t)comma), &tag);
        const struct words *w = words_of(tag);
        if (w != NULL && q > most) { /* of two that are wanted alike, the first */
            best = w;
            most = q;
        }
        header = comma < 0 ? SPAN("") : span_sub(header, (size_t)comma + 1, header.len);
    }
    return best;
}

void words_write(struct buf *b, const struct words *w, enum word word, const struct words_value *values, size_t n,
                 void (*put)(struct buf *b, struct span value))
{
    struct span left = span_of(w->text[word]);
    ptrdiff_t open = 0;
    while ((open = span_find(left, '{')) >= 0) {
        buf_span(b, span_sub(left, 0, (size_t)open));
        left = span_sub(left, (size_t)open + 1, left.len);
        ptrdiff_t close = span_find(left, '}');
        CHECK(close >= 0); /* tools/embed-words saw to it */
        for (size_t i = 0; i < n; i++) {
            if (span_eq(span_sub(left, 0, (size_t)close), span_of(values[i].name))) {
                put(b, values[i].value);
            }
        }
        left = span_sub(left, (size_t)close + 1, left.len);
    }
    buf_span(b, left);
}

/* "Wait {n} seconds." and "Wait 30 seconds.": n is "30". A sentence without a value fits itself alone. */
static bool fits(struct span pattern, struct span said, struct span *n)
{
    const struct span hole = SPAN("{n}");
    ptrdiff_t at = span_find(pattern, '{');
    *n = SPAN("");
    if (at < 0) {
        return span_eq(pattern, said);
    }
    struct span before = span_sub(pattern, 0, (size_t)at);
    struct span rest = span_sub(pattern, (size_t)at, pattern.len);
    struct span after = span_sub(rest, hole.len, rest.len);
    if (!span_starts(rest, hole) || !span_starts(said, before) || !span_ends(said, after) || said.len <= before.len + after.len) {
        return false;
    }
    *n = span_sub(said, before.len, said.len - before.len - after.len);
    for (size_t i = 0; i < n->len; i++) {
        if (n->ptr[i] < '0' || n->ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

bool words_said(struct buf *b, const struct words *w, struct span english, void (*put)(struct buf *b, struct span value))
{
    struct span n;
    for (unsigned i = 0; i < WORD_COUNT; i++) {
        if (fits(span_of(words_default()->text[i]), english, &n)) {
            words_write(b, w, (enum word)i, &(struct words_value){"n", n}, 1, put);
            return true;
        }
    }
    return false;
}

enum word words_of_fault(enum schema_reason reason)
{
    static const enum word words[] = {
#define REASON(name, word) [SCHEMA_##name] = WORD_FAULT_##name,
#include "records/schema/reasons.def"
#undef REASON
    };
    CHECK((unsigned)reason < SCHEMA_REASON_COUNT);
    return words[reason];
}
