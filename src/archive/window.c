/* SPDX-License-Identifier: EUPL-1.2 */
/* Window builder: see window.h. Runs in intake. Arrival order is kept in each block's columns, so
 * sorting loses nothing. */
#include "archive/window.h"

#include <string.h>

#include "archive/block.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

enum {
    KNOWN_SLOTS = 256,                /* power of two: hosts that come again soon */
    NAMES_MAX = 5 * ARCHIVE_NAME_MAX, /* bytes of names that one record can bring */
    NAMES_ROOM = 1024 * 1024, /* bytes, beside a window's originals; more of them take a further block */
    BLOCK_NAMES_MAX =
        1024 *
        1024, /* bytes of host and sender names in one block: keeps columns under their limit */
};

struct place {
    uint32_t block;
    uint32_t index;
};

struct sort_key {
    uint32_t group, host, arrival;
};

struct window {
    struct block_packer *packer;
    struct arena bytes; /* originals and names */
    struct map groups;  /* (organisation, source, class) → number */
    struct map names;   /* hosts and senders → number; the number of a host orders it */
    VEC(struct span) name_list;
    VEC(struct archive_record) records; /* by arrival */
    VEC(struct sort_key) keys;          /* by arrival; once sealed, as the blocks have them */
    VEC(struct sort_key) spare;
    VEC(uint32_t) counts;
    uint32_t known[KNOWN_SLOTS]; /* number + 1 of a name, at a place that its bytes give; 0: none */
    VEC(struct place) places;           /* by arrival, once sealed */
    VEC(const struct archive_record *) cut;
    VEC(struct archive_block_in) blocks;
    VEC(size_t) body_at;
    struct buf bodies;
    VEC(struct shared *) held; /* what originals lie in that were not copied */
    size_t held_bytes;
    size_t used_bytes; /* originals and names */
    uint64_t last_group;
    time_ns due;
    int64_t day;
    bool sealed;
};

struct window *window_new(int zstd_level)
{
    struct window *w = mem_alloc(sizeof *w);
    w->packer = block_packer_new(zstd_level);
    /* One block that a whole window fits into: its pages are touched as they are used, and then stay from window to window. */
    arena_init(&w->bytes, WINDOW_MAX_BYTES + NAMES_ROOM);
    map_init(&w->groups);
    map_init(&w->names);
    /* Every block at its worst: originals, columns and zstd's own bytes. */
    buf_init(&w->bodies, (size_t)WINDOW_MAX_BYTES * 8);
    w->due = TIME_NONE;
    return w;
}

void window_digest(struct window *w, enum archive_digest digest)
{
    block_packer_digest(w->packer, digest);
}

void window_lanes(struct window *w)
{
    block_packer_lanes(w->packer);
}

static void let_go(struct window *w)
{
    for (size_t i = 0; i < w->held.len; i++) {
        shared_drop(&w->held.data[i]);
    }
    vec_clear(&w->held);
    w->held_bytes = 0;
}

void window_free(struct window **w)
{
    if (*w == NULL) {
        return;
    }
    block_packer_free(&(*w)->packer);
    arena_fini(&(*w)->bytes);
    map_free(&(*w)->groups);
    map_free(&(*w)->names);
    vec_free(&(*w)->name_list);
    vec_free(&(*w)->records);
    vec_free(&(*w)->keys);
    vec_free(&(*w)->spare);
    vec_free(&(*w)->counts);
    vec_free(&(*w)->places);
    vec_free(&(*w)->cut);
    vec_free(&(*w)->blocks);
    vec_free(&(*w)->body_at);
    let_go(*w);
    vec_free(&(*w)->held);
    buf_free(&(*w)->bodies);
    mem_free(*w);
    *w = NULL;
}

void window_reset(struct window *w)
{
    arena_reset(&w->bytes);
    map_free(&w->groups);
    map_free(&w->names);
    map_init(&w->groups);
    map_init(&w->names);
    vec_clear(&w->name_list);
    vec_clear(&w->records);
    vec_clear(&w->keys);
    memset(w->known, 0, sizeof w->known);
    vec_clear(&w->places);
    vec_clear(&w->blocks);
    vec_clear(&w->body_at);
    buf_clear(&w->bodies);
    let_go(w);
    w->used_bytes = 0;
    w->due = TIME_NONE;
    w->sealed = false;
}

size_t window_count(const struct window *w)
{
    return w->records.len;
}

size_t window_bytes(const struct window *w)
{
    return w->used_bytes;
}

time_ns window_due(const struct window *w)
{
    return w->due;
}

bool window_fits(const struct window *w, const struct archive_record *r)
{
    CHECK(r->original.len <= ARCHIVE_RECORD_MAX_BYTES);
    return !w->sealed && w->records.len < WINDOW_MAX_RECORDS &&
           r->original.len + NAMES_MAX <= WINDOW_MAX_BYTES - w->used_bytes &&
           w->groups.len < WINDOW_MAX_GROUPS &&
           (w->records.len == 0 || time_day(r->received) == w->day);
}

static struct span cut_name(struct span s)
{
    return span_sub(s, 0, ARCHIVE_NAME_MAX);
}

/* Where a name is looked for first: any place will do, for names are compared. */
static uint32_t *known_at(struct window *w, struct span name)
{
    uint64_t ends[2] = {0, 0};
    size_t n = name.len < sizeof ends[0] ? name.len : sizeof ends[0];
    if (n > 0) {
        memcpy(&ends[0], name.ptr, n);
        memcpy(&ends[1], name.ptr + name.len - n, n);
    }
    uint64_t mixed = (ends[0] ^ (ends[1] << 1) ^ name.len) * UINT64_C(0x9e3779b97f4a7c15);
    return &w->known[(mixed >> 32) & (KNOWN_SLOTS - 1)];
}

/* The same name is stored once; returns its number. */
static uint32_t intern(struct window *w, struct span *name)
{
    uint64_t number = 0;
    *name = cut_name(*name);
    uint32_t *known = known_at(w, *name);
    if (*known > 0 && span_eq(w->name_list.data[*known - 1], *name)) {
        *name = w->name_list.data[*known - 1];
        return *known - 1;
    }
    if (!map_get(&w->names, *name, &number)) {
        *name = arena_copy(&w->bytes, *name);
        number = w->name_list.len;
        w->used_bytes += name->len;
        vec_push(&w->name_list, *name);
        map_put(&w->names, *name, number);
    } else {
        *name = w->name_list.data[number];
    }
    *known = (uint32_t)number + 1;
    return (uint32_t)number;
}

static bool same_group(const struct archive_record *a, const struct archive_record *b)
{
    return span_eq(a->organisation, b->organisation) && span_eq(a->source, b->source) &&
           span_eq(a->class_name, b->class_name);
}

/* Number of the record's group; its three names are made the group's own copies. */
static uint64_t group_of(struct window *w, struct archive_record *r)
{
    const struct archive_record *before = w->records.len == 0 ? NULL : vec_last(&w->records);
    r->organisation = cut_name(r->organisation);
    r->source = cut_name(r->source);
    r->class_name = cut_name(r->class_name);
    if (before != NULL && same_group(before, r)) {
        r->organisation = before->organisation;
        r->source = before->source;
        r->class_name = before->class_name;
        return w->last_group;
    }
    (void)intern(w, &r->organisation);
    (void)intern(w, &r->source);
    (void)intern(w, &r->class_name);
    const char *pointers[3] = {r->organisation.ptr, r->source.ptr, r->class_name.ptr};
    struct span key = span_make((const char *)pointers, sizeof pointers);
    if (!map_get(&w->groups, key, &w->last_group)) {
        w->last_group = w->groups.len;
        map_put(&w->groups, arena_copy(&w->bytes, key), w->last_group);
    }
    return w->last_group;
}

/* Whether what lies in there need not be copied: the window holds it, or does from now on. */
static bool holds(struct window *w, struct shared *s)
{
    if (s == NULL || s->bytes.len < WINDOW_HELD_MIN) {
        return false;
    }
    if (w->held.len > 0 && *vec_last(&w->held) == s) { /* records of one body come one after another */
        return true;
    }
    if (s->bytes.len > WINDOW_HELD_MAX - w->held_bytes) {
        return false;
    }
    vec_push(&w->held, shared_hold(s));
    w->held_bytes += s->bytes.len;
    return true;
}

static struct span copied(struct window *w, struct span original)
{
    char *copy = arena_bytes(&w->bytes, original.len);
    if (original.len > 0) {
        memcpy(copy, original.ptr, original.len);
    }
    return span_make(copy, original.len);
}

uint32_t window_add(struct window *w, const struct archive_record *r)
{
    return window_add_held(w, r, NULL);
}

uint32_t window_add_held(struct window *w, const struct archive_record *given, struct shared *held)
{
    CHECK(window_fits(w, given));
    struct archive_record r = *given;
    uint32_t arrival = (uint32_t)w->records.len;
    if (arrival == 0) {
        w->due = clock_mono() + (time_ns)WINDOW_MAX_MS * 1000000;
        w->day = time_day(r.received);
    }
    uint64_t group = group_of(w, &r);
    uint32_t host = intern(w, &r.host);
    (void)intern(w, &r.sender);
    if (!holds(w, held)) {
        r.original = copied(w, r.original);
    }
    r.arrival = arrival;
    vec_push(&w->records, r);
    vec_push(&w->keys, (struct sort_key){(uint32_t)group, host, arrival});
    w->used_bytes += r.original.len;
    return arrival;
}

/* Goes by counting; keys of one number stay in the order they have. by: offset of a number below `numbers` in a key. */
static void sort_by(struct window *w, size_t by, size_t numbers)
{
    size_t n = w->keys.len;
    vec_reserve(&w->spare, n);
    vec_reserve(&w->counts, numbers + 1);
    uint32_t *from = w->counts.data;
    memset(from, 0, (numbers + 1) * sizeof *from);
    for (size_t i = 0; i < n; i++) {
        uint32_t number;
        memcpy(&number, (const char *)&w->keys.data[i] + by, sizeof number);
        from[number + 1]++;
    }
    for (size_t i = 1; i <= numbers; i++) {
        from[i] += from[i - 1];
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t number;
        memcpy(&number, (const char *)&w->keys.data[i] + by, sizeof number);
        w->spare.data[from[number]++] = w->keys.data[i];
    }
    struct sort_key *sorted = w->spare.data;
    size_t cap = w->spare.cap;
    w->spare.data = w->keys.data;
    w->spare.cap = w->keys.cap;
    w->keys.data = sorted;
    w->keys.cap = cap;
}

static void end_block(struct window *w)
{
    struct archive_block_in b = {0};
    vec_push(&w->body_at, w->bodies.len);
    block_pack(w->packer, w->cut.data, w->cut.len, &b.header, &w->bodies);
    b.body.len = w->bodies.len - *vec_last(&w->body_at);
    for (size_t i = 0; i < w->cut.len; i++) {
        w->places.data[w->cut.data[i]->arrival] =
            (struct place){(uint32_t)w->blocks.len, (uint32_t)i};
    }
    vec_push(&w->blocks, b);
    vec_clear(&w->cut);
}

void window_seal(struct window *w, const struct archive_block_in **blocks_out, size_t *count_out)
{
    CHECK(!w->sealed);
    w->sealed = true;
    if (w->keys.len > 0) { /* the last sorting counts first; arrival is the order they come in */
        sort_by(w, offsetof(struct sort_key, host), w->name_list.len);
        sort_by(w, offsetof(struct sort_key, group), w->groups.len);
    }
    vec_reserve(&w->places, w->records.len);
    w->places.len = w->records.len;
    size_t bytes = 0;
    size_t names = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < w->keys.len; i++) {
        const struct archive_record *r = &w->records.data[w->keys.data[i].arrival];
        uint32_t g = w->keys.data[i].group;
        bool full = w->cut.len == ARCHIVE_BLOCK_RECORDS_MAX ||
                    bytes + r->original.len > ARCHIVE_BLOCK_MAX_BYTES ||
                    names + r->host.len + r->sender.len > BLOCK_NAMES_MAX;
        if (w->cut.len > 0 && (full || g != group)) {
            end_block(w);
            bytes = names = 0;
        }
        const struct archive_record *before = w->cut.len == 0 ? NULL : *vec_last(&w->cut);
        group = g;
        bytes += r->original.len;
        names += before == NULL || before->host.ptr != r->host.ptr ? r->host.len : 0;
        names += before == NULL || before->sender.ptr != r->sender.ptr ? r->sender.len : 0;
        vec_push(&w->cut, r);
    }
    if (w->cut.len > 0) {
        end_block(w);
    }
    for (size_t i = 0; i < w->blocks.len; i++) {
        w->blocks.data[i].body.ptr = w->bodies.data + w->body_at.data[i];
    }
    *blocks_out = w->blocks.data;
    *count_out = w->blocks.len;
}

void window_place(const struct window *w, uint32_t arrival, uint32_t *block_out,
                  uint32_t *index_out)
{
    CHECK(w->sealed && arrival < w->places.len);
    *block_out = w->places.data[arrival].block;
    *index_out = w->places.data[arrival].index;
}
