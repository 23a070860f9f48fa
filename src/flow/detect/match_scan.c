/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Finds the anchors of a plan in the current event and wakes their rules: hash tables for whole values and last path
 * parts, windows of four and five bytes for literals, keywords in one scan over all values joined. On the event path; allocates
 * nothing once warm. Waking too many rules costs time, waking too few would lose matches.
 */
#include "base/utf8.h"
#include "flow/detect/match_priv.h"

static void wake(struct matcher *m, struct plan_wake w)
{
    const uint32_t *r = m->plan->wakes + w.first;
    for (uint32_t i = 0; i < w.n; i++) {
        m->woken[r[i] / 64] |= UINT64_C(1) << (r[i] % 64);
    }
}

static void find(struct matcher *m, struct plan_wake w)
{
    if (w.n == 0) {
        return; /* a literal of another plan that shares the set */
    }
    if (m->nfound < MATCH_FOUND_MAX) {
        m->found[m->nfound] = w;
    }
    m->nfound++;
    wake(m, w);
}

uint32_t match_hash_find(const struct plan_hash *h, struct span text)
{
    if ((h->lengths & plan_length_bit(text.len)) == 0) {
        return PLAN_HASH_NONE;
    }
    uint32_t hash = plan_hash_text(text.ptr, text.len);
    for (uint32_t at = hash & h->mask; h->slots[at].text != 0; at = (at + 1) & h->mask) {
        if (h->slots[at].hash == hash && span_eq(h->texts[h->slots[at].text - 1], text)) {
            return h->slots[at].text - 1;
        }
    }
    return PLAN_HASH_NONE;
}

static void scan_hash(struct matcher *m, const struct plan_hash *h, const struct plan_wake *wakes, struct span text)
{
    uint32_t at = match_hash_find(h, text);
    if (at != PLAN_HASH_NONE) {
        find(m, wakes[at]);
    }
}

static bool literal_in(const struct plan_literal *l, struct span text)
{
    switch (l->op) {
    case OP_STARTS:
        return span_starts(text, l->text);
    case OP_ENDS:
        return span_ends(text, l->text);
    default:
        return l->text.len == 1 ? memchr(text.ptr, l->text.ptr[0], text.len) != NULL
                                : match_find_by(text, l->text, l->pair) != NULL;
    }
}

/* Whether the literal stands where its window, seen at `at`, says. */
static inline bool stands_at(const struct plan_set *s, const struct plan_gram_ref *r, struct span text, size_t at)
{
    uint32_t word;
    size_t from = at - r->offset;
    if (at < r->offset || r->len > text.len - from) {
        return false;
    }
    memcpy(&word, text.ptr + from + r->guard, sizeof word);
    if (word != r->word || (r->op == OP_STARTS && from != 0) || (r->op == OP_ENDS && from + r->len != text.len)) {
        return false;
    }
    return memcmp(text.ptr + from, s->literals[r->literal].text.ptr, r->len) == 0;
}

enum { SPOTS = 128 }; /* places looked at before those that stopped are followed up */

/* The table's slot of this window, or NULL: the bitmap stops for windows it does not hold, too. */
static const struct plan_gram_slot *slot_of(const struct plan_grams *t, uint32_t hash)
{
    for (uint32_t i = hash >> t->slot_shift; t->slots[i].n != 0; i = (i + 1) & t->mask) {
        if (t->slots[i].hash == hash) {
            return &t->slots[i];
        }
    }
    return NULL;
}

/* Follows up n places, all of them one step at a time: what a step reads lies far away, and comes for all at once. */
static void follow_up(struct matcher *m, const struct plan_group *g, const struct plan_grams *t, struct span text,
                      const uint32_t *spots, uint32_t n)
{
    const struct plan_gram_slot *slots[SPOTS] __attribute__((uninitialized)); /* the first n are set */
    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch(&t->slots[plan_gram_hash(text.ptr + spots[i], t->width) >> t->slot_shift]); // NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult): the first n are set
    }
    for (uint32_t i = 0; i < n; i++) {
        slots[i] = slot_of(t, plan_gram_hash(text.ptr + spots[i], t->width));
        if (slots[i] != NULL) {
            __builtin_prefetch(&t->refs[slots[i]->first]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_gram_slot *s = slots[i];
        for (uint32_t k = 0; s != NULL && k < s->n; k++) {
            const struct plan_gram_ref *r = &t->refs[s->first + k];
            if (stands_at(g->set, r, text, spots[i])) {
                find(m, g->set_wakes[r->literal]);
            }
        }
    }
}

/* 1 where the window may be one of the table's, else 0. */
static inline uint32_t may_hold(const uint64_t *bitmap, uint32_t shift, uint32_t hash)
{
    uint64_t word = bitmap[hash >> shift];
    return (uint32_t)(word >> plan_gram_bit(hash, 0) & word >> plan_gram_bit(hash, 1)) & 1;
}

static void look_at(struct matcher *m, const struct plan_group *g, const struct plan_grams *t, struct span text, size_t at)
{
    uint32_t spot = (uint32_t)at;
    if (may_hold(t->bitmap, t->shift, plan_gram_hash(text.ptr + at, t->width)) != 0) {
        follow_up(m, g, t, text, &spot, 1);
    }
}

/* Every step-th place of a text of a window's length and more. */
static void scan_grams(struct matcher *m, const struct plan_group *g, const struct plan_grams *t, struct span text)
{
    uint32_t spots[SPOTS] __attribute__((uninitialized)); /* the first n are set */
    const uint64_t *bitmap = t->bitmap;
    const uint32_t shift = t->shift, step = t->step, width = t->width;
    for (size_t at = 0; at + width <= text.len;) {
        uint32_t n = 0;
        size_t end = at + (size_t)SPOTS * step;
        end = end < text.len - width + 1 ? end : text.len - width + 1;
        for (; at < end; at += step) {
            spots[n] = (uint32_t)at;
            n += may_hold(bitmap, shift, plan_gram_hash(text.ptr + at, width)); /* no branch: nobody could foresee it */
        }
        follow_up(m, g, t, text, spots, n);
    }
}

/* The places of a block of 64 that begins at `from` that are multiples of step: 1 or 3. */
static uint64_t stepped(size_t from, uint32_t step)
{
    static const uint64_t every_third = UINT64_C(0x9249249249249249);
    return step == 1 ? UINT64_MAX : every_third << (3 - from % 3) % 3;
}

/* The same by masks first, 64 places at once; few of them are left for the bitmap. */
static void scan_masked(struct matcher *m, const struct plan_group *g, const struct plan_grams *t, struct span text)
{
    uint32_t spots[SPOTS] __attribute__((uninitialized)); /* the first n are set */
    struct match_places found __attribute__((uninitialized)); /* set where match_masks stops */
    size_t places = text.len < t->width ? 0 : text.len - t->width + 1, blocks = (places + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK;
    uint32_t n = 0;
    for (size_t block = 0; (block = match_masks(t->masks, text.ptr, block, blocks, &found)) < blocks; block++) {
        size_t from = block * MATCH_MASKS_BLOCK;
        uint64_t left = found.places & stepped(from, t->step);
        if (places - from < MATCH_MASKS_BLOCK) {
            left &= (UINT64_C(1) << (places - from)) - 1;
        }
        for (; left != 0; left &= left - 1) {
            size_t at = from + (unsigned)__builtin_ctzll(left);
            spots[n] = (uint32_t)at;
            n += may_hold(t->bitmap, t->shift, plan_gram_hash(text.ptr + at, t->width));
        }
        if (n > SPOTS - MATCH_MASKS_BLOCK) {
            follow_up(m, g, t, text, spots, n);
            n = 0;
        }
    }
    follow_up(m, g, t, text, spots, n);
}

static void scan_direct(struct matcher *m, const struct plan_group *g, struct span text, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (literal_in(&g->set->literals[i], text)) {
            find(m, g->set_wakes[i]);
        }
    }
}

/* The literals of these buckets are compared at one place. */
static void compare_shorts(struct matcher *m, const struct plan_group *g, struct span text, size_t window, unsigned buckets)
{
    const struct plan_shorts *t = g->set->shorts;
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned b = (unsigned)__builtin_ctz(buckets);
        for (uint32_t i = t->first[b]; i < t->first[b + 1]; i++) {
            struct span l = g->set->literals[i].text;
            size_t offset = t->offsets[i - t->first[0]];
            if (window >= offset && l.len <= text.len - (window - offset) &&
                memcmp(text.ptr + window - offset, l.ptr, l.len) == 0) {
                find(m, g->set_wakes[i]);
            }
        }
    }
}

static void scan_shorts(struct matcher *m, const struct plan_group *g, struct span text)
{
    struct match_places found;
    size_t blocks = (text.len + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK;
    for (size_t block = 0; (block = match_masks(&g->set->shorts->masks, text.ptr, block, blocks, &found)) < blocks; block++) {
        for (uint64_t places = found.places; places != 0; places &= places - 1) {
            unsigned k = (unsigned)__builtin_ctzll(places);
            if (block * MATCH_MASKS_BLOCK + k < text.len) {
                compare_shorts(m, g, text, block * MATCH_MASKS_BLOCK + k, found.buckets[k]);
            }
        }
    }
}

/* Characters outside ASCII that are looked for by themselves: by hash, where one may begin. */
static void scan_high(struct matcher *m, const struct plan_group *g, struct span text)
{
    const struct plan_hash *h = g->set->high;
    for (size_t at = 0; h != NULL && at + 2 <= text.len; at++) {
        if ((unsigned char)text.ptr[at] < 0x80) {
            continue;
        }
        for (size_t len = 2; len <= 3 && at + len <= text.len; len++) {
            uint32_t i = match_hash_find(h, span_make(text.ptr + at, len));
            if (i != PLAN_HASH_NONE) {
                find(m, g->set_wakes[g->set->high_first + i]);
            }
        }
    }
}

/* text: EVENT_PAD bytes behind it are readable. */
static void scan_literals(struct matcher *m, const struct plan_group *g, struct span text)
{
    const struct plan_set *s = g->set;
    scan_direct(m, g, text, 0, s->ndirect);
    if ((s->nhigh > 0 || s->high != NULL) && !utf8_is_ascii(text)) {
        scan_direct(m, g, text, s->ndirect, s->ndirect + s->nhigh);
        scan_high(m, g, text);
    }
    if (s->shorts != NULL) {
        scan_shorts(m, g, text);
    }
    if (text.len < PLAN_GRAM) {
        return;
    }
    if (s->starts.step != 0) {
        look_at(m, g, &s->starts, text, 0);
    }
    if (s->ends.step != 0) {
        look_at(m, g, &s->ends, text, text.len - PLAN_GRAM);
    }
    for (unsigned k = 0; k < ARRAY_LEN(s->inside); k++) {
        if (s->inside[k].step != 0) {
            (s->inside[k].masks != NULL ? scan_masked : scan_grams)(m, g, &s->inside[k], text);
        }
    }
}

static void scan_text(struct matcher *m, const struct plan_group *g, struct span text)
{
    if (g->exact != NULL) {
        scan_hash(m, g->exact, g->exact_wakes, text);
    }
    if (g->base != NULL) {
        size_t at = plan_base_start(text);
        if (at != SIZE_MAX) {
            scan_hash(m, g->base, g->base_wakes, span_make(text.ptr + at, text.len - at));
        }
    }
    if (g->set != NULL) {
        scan_literals(m, g, text);
    }
}

/* The question whether what is in this leaf is known; anything but a string or number is soon scanned. */
static void ask_ahead(struct matcher *m, const struct plan_group *g, uint32_t leaf, struct memo_key *key)
{
    const struct leaf *l = &m->ev->leaves.data[leaf];
    if (g->light || (l->kind != LEAF_STRING && l->kind != LEAF_NUMBER)) {
        *key = (struct memo_key){.wanted = false};
        return;
    }
    memo_key(m->memo, key, g->number, span_make(l->ptr, l->len), (l->flags & LEAF_ESCAPED) != 0);
}

/* No text looked for is as long as this one, seen before it is folded: folding ASCII leaves its length. */
static bool is_no_length(const struct plan_group *g, const struct leaf *l)
{
    return g->light && g->exact != NULL && g->base == NULL && g->set == NULL && (l->flags & LEAF_ESCAPED) == 0 &&
           (l->kind == LEAF_STRING || l->kind == LEAF_NUMBER) && (g->exact->lengths & plan_length_bit(l->len)) == 0 &&
           utf8_is_ascii(span_make(l->ptr, l->len));
}

enum {
    LINES_FROM = 256, /* bytes of a value that is looked at by lines */
    LINE_MIN = 96,    /* bytes that are worth a question to the memo: shorter lines go with the next */
    LINES_MAX = 64,   /* of a value; what is left is one */
};

/* End of the lines that begin at `from`; *next_out: where the next begins, or the value's end. */
static size_t lines_end(struct span v, bool escaped, size_t from, size_t *next_out)
{
    for (size_t at = from + LINE_MIN; at < v.len;) {
        struct span rest = span_sub(v, at, v.len);
        const char *p = escaped ? match_find(rest, SPAN("\\n")) : memchr(rest.ptr, '\n', rest.len);
        if (p == NULL) {
            break;
        }
        size_t end = (size_t)(p - v.ptr), slashes = 0;
        while (escaped && slashes < end && v.ptr[end - 1 - slashes] == '\\') {
            slashes++;
        }
        *next_out = at = end + (escaped ? 2 : 1);
        if (slashes % 2 == 0) { /* else it is an "n" behind an escaped backslash */
            return end;
        }
    }
    *next_out = v.len;
    return v.len;
}

/*
 * Values that never come again as a whole, like what a shell did last, mostly have lines that do. False: this one is to be
 * looked at as a whole.
 */
static bool scan_lines(struct matcher *m, const struct plan_group *g, const struct leaf *l)
{
    const bool escaped = (l->flags & LEAF_ESCAPED) != 0;
    const struct span v = span_make(l->ptr, l->len);
    size_t next = 0, end = 0;
    uint32_t lines = 0;
    if (g->lined && l->kind == LEAF_STRING && v.len >= LINES_FROM) {
        end = lines_end(v, escaped, 0, &next);
    }
    if (next == v.len || next == 0) {
        return false;
    }
    for (size_t from = 0; from < v.len; from = next, lines++) {
        const struct plan_wake *wakes;
        struct memo_key key;
        uint32_t n;
        if (from > 0) {
            end = lines < LINES_MAX ? lines_end(v, escaped, from, &next) : (next = v.len);
        }
        struct span line = span_sub(v, from, end - from);
        memo_key(m->memo, &key, m->rs->ngroups + g->number, line, escaped);
        if (from == 0 && !key.wanted) {
            return false;
        }
        if (memo_find(m->memo, &key, &wakes, &n)) {
            for (uint32_t i = 0; i < n; i++) {
                wake(m, wakes[i]);
            }
            continue;
        }
        m->nfound = 0;
        scan_literals(m, g, event_part_folded(m->ev, line, escaped));
        if (key.wanted && m->nfound <= MATCH_FOUND_MAX) {
            memo_put(m->memo, &key, m->found, m->nfound);
        }
    }
    return true;
}

/* One value, by what was found in it before if that is known: then it is neither unescaped nor folded. */
static void scan_value(struct matcher *m, const struct plan_group *g, uint32_t leaf, const struct memo_key *key)
{
    const struct plan_wake *wakes;
    uint32_t n;
    if (memo_find(m->memo, key, &wakes, &n)) {
        for (uint32_t i = 0; i < n; i++) {
            wake(m, wakes[i]);
        }
        return;
    }
    if (is_no_length(g, &m->ev->leaves.data[leaf]) || scan_lines(m, g, &m->ev->leaves.data[leaf])) {
        return;
    }
    m->nfound = 0;
    scan_text(m, g, event_folded(m->ev, leaf));
    if (key->wanted && m->nfound <= MATCH_FOUND_MAX) {
        memo_put(m->memo, key, m->found, m->nfound);
    }
}

/* A group whose field the event has. */
struct ahead {
    const struct plan_group *group;
    uint32_t leaf; /* the field's first */
    struct memo_key key;
};

static void scan_field(struct matcher *m, const struct ahead *a)
{
    const struct plan_group *g = a->group;
    bool value = false;
    for (uint32_t leaf = a->leaf; leaf != LEAF_NIL; leaf = event_next(m->ev, leaf)) {
        if (m->ev->leaves.data[leaf].kind == LEAF_NULL) {
            continue;
        }
        struct memo_key key = a->key;
        if (leaf != a->leaf) {
            ask_ahead(m, g, leaf, &key);
        }
        value = true;
        scan_value(m, g, leaf, &key);
    }
    if (value && g->present.n > 0) {
        wake(m, g->present);
    }
}

/* All values one after the other, a NUL between: a literal found across two values wakes a rule for nothing, no more. */
static struct span joined_values(struct matcher *m)
{
    struct event *ev = m->ev;
    buf_clear(&m->keywords);
    for (uint32_t i = 0; i < ev->leaves.len; i++) {
        if (ev->leaves.data[i].kind != LEAF_NULL) {
            buf_span(&m->keywords, event_folded(ev, i));
            buf_u8(&m->keywords, 0);
        }
    }
    memset(buf_room(&m->keywords, EVENT_PAD), 0, EVENT_PAD);
    CHECK(!m->keywords.failed);
    return buf_view(&m->keywords);
}

/* False when the record as it came shows that no value holds a keyword: then nothing is unescaped or folded. */
static bool record_may_hold(struct matcher *m, const struct plan_group *g)
{
    const struct event *ev = m->ev;
    const char *end = ev->raw.ptr + ev->raw.len;
    if (g->set->raw == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < ev->leaves.len && !ev->keywords_raw; i++) {
        const struct leaf *l = &ev->leaves.data[i];
        if (l->ptr < ev->raw.ptr || l->ptr + l->len > end) {
            return true; /* a value that is not part of the record: made from it */
        }
    }
    if (m->chain_raw != NULL) { /* one look for all classes; what it finds may be another's */
        m->none = !match_raw(m->chain_raw, ev->raw);
        m->chain_raw = NULL;
    }
    if (m->none) {
        return false;
    }
    if (m->looked != g->set->raw) { /* classes of a chain mostly look for the same keywords */
        m->looked_found = match_raw(g->set->raw, ev->raw);
        m->looked = g->set->raw;
    }
    return m->looked_found;
}

static void scan_keywords(struct matcher *m, const struct plan_group *g)
{
    if (!record_may_hold(m, g)) {
        return;
    }
    struct span text = m->ev->keywords_raw ? event_raw_folded(m->ev) : joined_values(m);
    scan_literals(m, g, text);
}

/* Fields in three steps, some at a time: what the memo keeps lies far away, and comes while others are prepared. */
static uint32_t scan_fields(struct matcher *m, const struct plan *plan, uint32_t from)
{
    struct ahead ahead[MATCH_AHEAD] __attribute__((uninitialized)); /* the first n are set */
    uint32_t n = 0;
    uint32_t i = from;
    for (; i < plan->ngroups && n < MATCH_AHEAD; i++) {
        const struct plan_group *g = &plan->groups[i];
        uint32_t leaf = g->field == FIELD_NONE ? LEAF_NIL : match_first(m, g->field);
        if (leaf != LEAF_NIL) {
            ahead[n].group = g;
            ahead[n].leaf = leaf;
            ask_ahead(m, g, leaf, &ahead[n].key);
            n++;
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        memo_fetch(m->memo, &ahead[k].key);
    }
    for (uint32_t k = 0; k < n; k++) {
        scan_field(m, &ahead[k]);
    }
    return i;
}

void match_scan(struct matcher *m, const struct plan *plan)
{
    m->plan = plan;
    memcpy(m->woken, plan->always, (size_t)plan->nwords * PLAN_MAPS * sizeof *m->woken);
    for (uint32_t i = 0; i < plan->ngroups;) {
        i = scan_fields(m, plan, i);
    }
    /* Keywords stand last: FIELD_NONE is the greatest number. */
    if (plan->ngroups > 0 && plan->groups[plan->ngroups - 1].field == FIELD_NONE) {
        scan_keywords(m, &plan->groups[plan->ngroups - 1]);
    }
}
