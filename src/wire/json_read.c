/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Second pass of the JSON reader: walks the structure from string to string along the index
 * (json_index.h) and drops values into leaves. See json_read.h. Runs in intake, hunter, scan and
 * wherever a JSON body is read. It must never read outside the text, allocate per value, or trust a
 * length.
 */
#include "wire/json_read.h"

#include <endian.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_priv.h"
#include "wire/keytable_priv.h"

/* Keeps at least ENTRIES_AHEAD entries in front; behind the last real one stand places at the end
 * of the text. */
static __attribute__((noinline)) void refill(struct reader *r)
{
    uint32_t left = r->count - r->at;
    memmove(r->entries, r->entries + r->at, left * sizeof *r->entries);
    r->at = 0;
    while (left < ENTRIES_AHEAD && r->index.next < r->len) {
        left += json_index_more(&r->index, r->entries + left);
    }
    r->count = left;
    while (r->index.next == r->len && left < r->count + ENTRIES_AHEAD) {
        r->entries[left++] = (uint32_t)r->len;
    }
    r->count = left;
}

HOT void entries_ahead(struct reader *r)
{
    if (UNLIKELY(r->at + ENTRIES_AHEAD > r->count)) {
        refill(r);
    }
}

HOT bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Next byte that is no blank, or 0 at the end (a NUL byte in the text is no JSON either). */
HOT char peek(struct reader *r)
{
    while (r->pos < r->len) {
        char c = r->text[r->pos];
        if (LIKELY(!is_blank(c))) {
            return c;
        }
        r->pos++;
    }
    return 0;
}

/* Takes the string whose opening quote is at pos. */
HOT int take_string(struct reader *r, struct string *out)
{
    const uint32_t *entry = r->entries + r->at;
    if (UNLIKELY(entry[0] != r->pos)) {
        return json_expected(r, "a string expected");
    }
    size_t close = entry[1] & ~JSON_INDEX_ESCAPED;
    if (UNLIKELY(close >= r->len)) {
        return json_fail(r, ERR_TRUNCATED, r->pos, "a string without end begins");
    }
    r->at += 2;
    out->escaped = (entry[1] & JSON_INDEX_ESCAPED) != 0;
    out->ptr = r->text + r->pos + 1;
    out->len = close - r->pos - 1;
    r->pos = close + 1;
    return 0;
}

static COLD void add_also(struct reader *r, key_node also, uint8_t kind, struct string s)
{
    leaves_add(r->l, also, kind, s.escaped ? LEAF_ESCAPED : 0, r->top.object, s.ptr, s.len);
}

HOT void add_leaf(struct reader *r, struct place place, uint8_t kind, struct string s, bool walk)
{
    uint8_t flags = s.escaped ? LEAF_ESCAPED : 0;
    if (walk) {
        struct leaf leaf = {s.ptr, (uint32_t)s.len, KEY_NONE, LEAF_NIL, kind, flags, r->top.object};
        json_names_visit(r->names, &leaf);
        return;
    }
    leaves_add(r->l, place.node, kind, flags, r->top.object, s.ptr, s.len);
    if (UNLIKELY(place.also != KEY_NONE)) {
        add_also(r, place.also, kind, s);
    }
}

HOT key_node child_under(const struct keytable *t, key_node parent, struct key_words w,
                         const char *p, size_t len)
{
    return keytable_probe(t, key_hash_under(t->seed, parent), parent, w, p, len);
}

/* Child of the current object; under a KEY_DEEP node each key also counts as its child. */
HOT key_node child_of(const struct reader *r, struct key_words w, const char *p, size_t len)
{
    key_node node = KEY_NONE;
    if (r->top.place.node != KEY_NONE) {
        node = child_under(r->t, r->top.place.node, w, p, len);
    }
    if (UNLIKELY(node == KEY_NONE && r->top.place.deep != KEY_NONE)) {
        node = child_under(r->t, r->top.place.deep, w, p, len);
    }
    return node;
}

/* Keys with escapes or blanks: another spelling of a key must not hide a field. */
static COLD void child_spelled(struct reader *r, struct string key, struct place *place)
{
    char plain[KEY_TEXT_MAX];
    size_t n = key.len;
    if (n > KEY_TEXT_MAX) {
        return;
    }
    if (key.escaped) {
        n = json_unescape(span_make(key.ptr, key.len), plain, NULL);
    } else {
        memcpy(plain, key.ptr, n);
    }
    place->node = child_of(r, key_words_of(plain, n), plain, n);
    key_node at = r->top.place.node;
    if (at == KEY_NONE || (keytable_flags(r->t, at) & KEY_STRIP_BLANKS) == 0) {
        return;
    }
    size_t bare = 0;
    for (size_t i = 0; i < n; i++) {
        if (plain[i] != ' ') {
            plain[bare++] = plain[i];
        }
    }
    if (bare == n) {
        return;
    }
    key_node stripped = child_of(r, key_words_of(plain, bare), plain, bare);
    *(place->node == KEY_NONE ? &place->node : &place->also) = stripped;
}

HOT struct place place_of(struct reader *r, struct string key)
{
    struct place place = {KEY_NONE, KEY_NONE, r->top.place.deep};
    if (r->top.place.node == KEY_NONE && place.deep == KEY_NONE) {
        return place;
    }
    bool odd = key.escaped || (r->top.strip && memchr(key.ptr, ' ', key.len) != NULL);
    if (UNLIKELY(odd)) {
        child_spelled(r, key, &place);
    } else {
        size_t left = (size_t)(r->text + r->len - key.ptr);
        struct key_words w =
            LIKELY(left >= 8) ? key_words_wide(key.ptr, key.len) : key_words_of(key.ptr, key.len);
        place.node = child_of(r, w, key.ptr, key.len);
    }
    if (place.node != KEY_NONE) {
        const struct leaf_slot *s = &r->l->slots[place.node];
        if (UNLIKELY(s->stamp == r->l->stamp && r->l->data[s->ends >> 16].object == r->top.object)) {
            r->index.tags |= TAG_DUPLICATE_KEY;
        }
    }
    return place;
}

/* At a key: takes it and the colon, says where its value hangs. */
HOT int take_key(struct reader *r, struct place *place_out, bool walk)
{
    struct string key;
    entries_ahead(r);
    int rc = take_string(r, &key);
    if (UNLIKELY(rc != 0)) {
        return rc;
    }
    if (UNLIKELY(peek(r) != ':')) {
        return json_expected(r, "a colon expected");
    }
    r->pos++;
    if (walk) {
        r->names->len = r->top.name_len;
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): take_string filled it when it returned 0 */
        json_names_push(r->names, span_make(key.ptr, key.len), key.escaped);
        *place_out = (struct place){KEY_NONE, KEY_NONE, KEY_NONE};
    } else {
        *place_out = place_of(r, key);
    }
    return 0;
}

/* Takes the bracket of a container that hangs at place. */
static __attribute__((noinline)) int open_container(struct reader *r, struct place place,
                                                    bool array)
{
    if (r->depth == JSON_DEPTH_MAX) {
        r->index.tags |= TAG_TOO_DEEP;
        return json_fail(r, ERR_LIMIT, r->pos, "more than 128 levels of nesting");
    }
    r->frames[r->depth++] = r->top;
    r->pos++;
    unsigned flags = place.node == KEY_NONE ? 0 : keytable_flags(r->t, place.node);
    r->top.place = place;
    r->top.array = array;
    r->top.strip = false;
    r->top.name_len = r->names == NULL ? 0 : (uint32_t)r->names->len;
    if (!array) {
        r->top.place.also = KEY_NONE;
        r->top.place.deep = (flags & KEY_DEEP) != 0 ? place.node : place.deep;
        r->top.strip = (flags & KEY_STRIP_BLANKS) != 0;
        r->top.object = ++r->objects;
    }
    return 0;
}

/* Takes the value that hangs at place; *opened_out: it is a container, and only its bracket was
 * taken. */
HOT int take_value(struct reader *r, struct place place, bool *opened_out, bool walk)
{
    struct string value;
    uint8_t kind = LEAF_STRING;
    int rc;
    char c = peek(r);
    *opened_out = false;
    if (LIKELY(c == '"')) {
        entries_ahead(r);
        rc = take_string(r, &value);
    } else if (c == '{' || c == '[') {
        *opened_out = true;
        return open_container(r, place, c == '[');
    } else if (UNLIKELY(r->pos >= r->len)) {
        return json_expected(r, "a value expected");
    } else {
        rc = json_take_plain(r, c, &kind, &value);
    }
    if (LIKELY(rc == 0)) {
        add_leaf(r, place, kind, value, walk);
    }
    return rc;
}

/* In an array or object, before a value: where it hangs. */
HOT int next_place(struct reader *r, struct place *place_out, bool walk)
{
    if (r->top.array) {
        *place_out = r->top.place;
        if (walk) {
            r->names->len = r->top.name_len;
        }
        return 0;
    }
    (void)peek(r);
    return take_key(r, place_out, walk);
}

/* Behind a value: closes what ends here. *more_out: a comma was taken and another value follows. */
HOT int take_ends(struct reader *r, bool *more_out)
{
    *more_out = false;
    while (r->depth > 0) {
        char c = peek(r);
        if (LIKELY(c == ',')) {
            r->pos++;
            *more_out = true;
            return 0;
        }
        if (UNLIKELY(c != (r->top.array ? ']' : '}'))) {
            return json_expected(r, "a comma or the end of the list or object expected");
        }
        r->pos++;
        r->top = r->frames[--r->depth];
    }
    return 0;
}

/* Eight bytes of the text from `at` on, the first lowest; zero where the text has ended. It has eight. */
HOT uint64_t word_at(const char *text, size_t len, size_t at)
{
    uint64_t w;
    if (LIKELY(at + 8 <= len)) {
        memcpy(&w, text + at, 8);
        return le64toh(w);
    }
    memcpy(&w, text + len - 8, 8);
    return at >= len ? 0 : le64toh(w) >> 8 * (at + 8 - len);
}

/* How many of the eight bytes are digits before the first that is none. */
HOT size_t leading_digits(uint64_t w)
{
    const uint64_t each = 0x0101010101010101u;
    uint64_t x = w ^ each * '0';
    uint64_t other = (((x & each * 0x7f) + each * (0x80 - 10)) | x) & each * 0x80;
    return other == 0 ? 8 : (size_t)__builtin_ctzll(other) / 8;
}

/* End of a number of digits alone, not too many, or 0. */
HOT size_t short_number(const char *text, size_t len, size_t from)
{
    uint64_t w = word_at(text, len, from);
    size_t digits = leading_digits(w);
    for (size_t more = digits; UNLIKELY(more == 8) && digits < NUMBER_SHORT; digits += more) {
        more = leading_digits(word_at(text, len, from + digits));
    }
    bool good = digits - 1 < NUMBER_SHORT - 1 && ((char)w != '0' || digits == 1);
    return good ? from + digits : 0;
}

/* End of the short number, true, false or null at `at`, or 0 when it is anything else. */
HOT size_t short_plain(const char *text, size_t len, size_t at, uint8_t *kind_out)
{
    *kind_out = LEAF_NUMBER;
    if ((unsigned char)(text[at] - '0') <= 9) {
        return short_number(text, len, at);
    }
    if (text[at] == '-') {
        return short_number(text, len, at + 1);
    }
    uint64_t w = word_at(text, len, at);
    switch ((uint32_t)w) {
    case WORD4('t', 'r', 'u', 'e'):
        *kind_out = LEAF_TRUE;
        return at + 4;
    case WORD4('n', 'u', 'l', 'l'):
        *kind_out = LEAF_NULL;
        return at + 4;
    case WORD4('f', 'a', 'l', 's'):
        *kind_out = LEAF_FALSE;
        return (char)(w >> 32) == 'e' ? at + 5 : 0;
    default:
        return 0;
    }
}

/* Where the short way through an object stands: what it changes in reader and leaves, kept in registers. */
struct run {
    const uint32_t *entry;
    const uint32_t *last; /* the last that has all entries of a member */
    uint32_t leaf;
    uint32_t full;
    struct leaf *leaves;
};

HOT struct run run_begin(const struct reader *r)
{
    return (struct run){r->entries + r->at, r->entries + r->count - ENTRIES_AHEAD, r->l->len, r->l->cap, r->l->data};
}

HOT void run_end(const uint32_t *entry, uint32_t leaf, struct reader *r)
{
    r->at = (uint32_t)(entry - r->entries);
    r->l->len = leaf;
}

/* Out of entries or of room: makes more; false when there are as many leaves as may be. */
static __attribute__((noinline)) bool run_renew(const uint32_t *entry, uint32_t leaf, struct reader *r)
{
    run_end(entry, leaf, r);
    entries_ahead(r);
    bool room = r->l->len < r->l->cap || r->l->cap < LEAVES_MAX;
    if (r->l->len == r->l->cap && room) {
        leaves_grow(r->l);
    }
    return room;
}

/* A value of the short way: its bytes, and what stands behind it. */
struct short_value {
    size_t from;
    size_t to;
    size_t next;
    uint32_t quotes; /* index entries it takes */
    uint8_t kind;
    uint8_t flags;
    char after; /* the byte at next */
};

/* The value behind the key that ends at key_end; false when it is anything else, or no comma or brace stands behind. */
HOT bool take_short(const char *text, size_t len, const uint32_t *entry, size_t key_end,
                    struct short_value *out)
{
    out->from = key_end + 2;
    if (UNLIKELY(entry[2] != out->from)) {
        out->from += text[out->from] == ' ';
    }
    if (LIKELY(entry[2] == out->from)) {
        out->from++;
        out->to = entry[3] & ~JSON_INDEX_ESCAPED;
        out->next = out->to + 1;
        out->quotes = 2;
        out->kind = LEAF_STRING;
        out->flags = (uint8_t)(entry[3] >> 31) * LEAF_ESCAPED;
    } else {
        out->to = short_plain(text, len, out->from, &out->kind);
        out->next = out->to;
        out->quotes = 0;
        out->flags = 0;
        if (UNLIKELY(out->to == 0)) {
            return false;
        }
    }
    if (UNLIKELY(out->next >= len)) {
        return false;
    }
    out->after = text[out->next];
    return LIKELY(out->after == ',') || LIKELY(out->after == '}');
}

/*
 * The short way through an object as machines write it: "key":"string", "key":number or one of the words, one comma,
 * at most one blank behind colon and comma. Stops at the first member that is anything else, with pos at its key
 * (false), or behind a value that no comma follows (true). What it takes, the long way would have taken alike.
 */
HOT bool take_members(struct reader *r)
{
    const char *text = r->text;
    const size_t len = r->len;
    const key_node parent = r->top.place.node;
    const uint64_t under = parent == KEY_NONE ? 0 : key_hash_under(r->t->seed, parent);
    const uint16_t object = r->top.object;
    size_t pos = r->pos;
    bool behind = false;
    struct leaf_slot *slots = r->l->slots;
    const uint32_t stamp = r->l->stamp;
    entries_ahead(r); /* else the entries seen may be those of the record before */
    struct run c = run_begin(r);
    if (r->top.strip || r->top.place.deep != KEY_NONE || len < MEMBER_MIN || c.entry[0] != pos) {
        return false;
    }
    const size_t key_limit = len - MEMBER_MIN;
    while (!behind) {
        if (UNLIKELY(c.entry > c.last || c.leaf == c.full)) {
            bool room = run_renew(c.entry, c.leaf, r);
            c = run_begin(r);
            if (!room) {
                break;
            }
        }
        size_t key_end = c.entry[1]; /* far outside when the key is escaped */
        if (UNLIKELY(key_end > key_limit) || UNLIKELY(text[key_end + 1] != ':')) {
            break;
        }
        const char *key = text + pos + 1;
        size_t key_len = key_end - pos - 1;
        key_node node = KEY_NONE;
        if (LIKELY(parent != KEY_NONE)) {
            node = keytable_probe(r->t, under, parent, key_words_wide(key, key_len), key, key_len);
        }
        struct short_value v __attribute__((uninitialized)); /* take_short sets what is read */
        if (UNLIKELY(!take_short(text, len, c.entry, key_end, &v))) {
            break;
        }
        c.leaves[c.leaf] = (struct leaf){text + v.from, (uint32_t)(v.to - v.from), node,
                                         LEAF_NIL,      v.kind, v.flags, object};
        uint32_t before = leaf_link(slots, stamp, c.leaves, node, c.leaf);
        if (UNLIKELY(before != LEAF_NIL) && c.leaves[before].object == object) {
            r->index.tags |= TAG_DUPLICATE_KEY;
        }
        c.leaf++;
        c.entry += 2 + v.quotes;
        pos = v.next;
        behind = v.after != ',';
        if (LIKELY(!behind) && UNLIKELY(c.entry[0] != ++pos)) {
            pos += pos < len && text[pos] == ' ';
            if (c.entry[0] != pos) {
                break;
            }
        }
    }
    run_end(c.entry, c.leaf, r);
    r->pos = pos;
    return behind;
}

/* Reads the whole text: one value. */
HOT int read_value(struct reader *r, struct place place, bool walk)
{
    for (bool more = true; more;) {
        bool opened;
        int rc = take_value(r, place, &opened, walk);
        if (UNLIKELY(rc != 0)) {
            return rc;
        }
        /* An empty container is a value that has ended; any other begins with a value as if behind
         * a comma. */
        more = opened && peek(r) != (r->top.array ? ']' : '}');
        if (!more) {
            rc = take_ends(r, &more);
        }
        while (rc == 0 && more && !walk && !r->top.array && take_members(r)) {
            rc = take_ends(r, &more);
        }
        if (LIKELY(rc == 0 && more)) {
            rc = next_place(r, &place, walk);
        }
        if (UNLIKELY(rc != 0)) {
            return rc;
        }
    }
    if (UNLIKELY(peek(r) != 0 || r->pos < r->len)) {
        return json_fail(r, ERR_INVALID, r->pos, "something else behind the value");
    }
    return 0;
}

static void reader_init(struct reader *r, struct json_scratch *scratch, struct span text,
                        struct err *e)
{
    r->text = text.ptr;
    r->len = text.len;
    r->pos = 0;
    r->entries = scratch->entries;
    r->at = 0;
    r->count = 0;
    r->depth = 0;
    r->top = (struct frame){.place = {KEY_NONE, KEY_NONE, KEY_NONE}};
    r->objects = 0;
    r->frames = scratch->frames;
    r->e = e;
    json_index_init(&r->index, text.ptr, text.len);
    if (span_starts(text, SPAN("\xef\xbb\xbf"))) {
        r->pos = 3;
        r->index.tags = TAG_BOM;
    }
}

/* Says of each string whether its own bytes are UTF-8: only records with bad ones pay for it. */
static COLD void mark_bad_utf8(struct leaves *l)
{
    for (uint32_t i = 0; i < l->len; i++) {
        struct leaf *leaf = &l->data[i];
        if (leaf->kind == LEAF_STRING && !utf8_valid(span_make(leaf->ptr, leaf->len))) {
            leaf->flags |= LEAF_BAD_UTF8;
        }
    }
}

int json_read(struct leaves *l, const struct keytable *t, key_node at, struct span text,
              struct err *e)
{
    struct reader r __attribute__((uninitialized)); /* reader_init sets what is read */
    leaves_clear(l);
    CHECK(t == NULL || t->nodes <= l->nslots);
    if (l->scratch == NULL) {
        l->scratch = mem_alloc(sizeof(struct json_scratch));
    }
    r.l = l;
    r.t = t;
    r.names = NULL;
    reader_init(&r, l->scratch, text, e);
    if (text.len > JSON_RECORD_MAX) {
        l->tags |= TAG_TOO_LONG;
        return json_fail(&r, ERR_LIMIT, JSON_RECORD_MAX, "a record longer than 1 MiB, cut");
    }
    key_node node = t == NULL ? KEY_NONE : at;
    int rc = read_value(&r, (struct place){node, KEY_NONE, KEY_NONE}, false);
    l->tags |= json_index_tags(&r.index);
    if (UNLIKELY((l->tags & TAG_BAD_UTF8) != 0)) {
        mark_bad_utf8(l);
    }
    return rc;
}

int json_walk(struct span text, struct arena *scratch, json_visit *visit, void *ctx, struct err *e)
{
    struct reader r;
    if (text.len > JSON_WALK_MAX) {
        return err_set(e, ERR_LIMIT, "JSON: a text longer than 1 GiB");
    }
    /* A name is made of keys of the text and a dot for each level: it cannot grow beyond this. */
    struct json_names names = {arena_bytes(scratch, text.len + JSON_DEPTH_MAX), 0, visit, ctx};
    r.l = NULL;
    r.t = NULL;
    r.names = &names;
    reader_init(&r, arena_alloc(scratch, sizeof(struct json_scratch)), text, e);
    return read_value(&r, (struct place){KEY_NONE, KEY_NONE, KEY_NONE}, true);
}
