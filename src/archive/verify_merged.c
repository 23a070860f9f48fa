/* SPDX-License-Identifier: EUPL-1.2 */
/* Links whose blocks were merged: their headers are made again from the records. Called by verify.c before each row. Reads
 * untrusted bytes. */
#include <stdlib.h>
#include <string.h>

#include "archive/priv.h"
#include "archive/verify_priv.h"

struct entry {
    const struct archive_record *record;
    struct block_origin origin;
};

struct unit_walk {
    struct walk *w;
    struct verify_merged *v;
    uint32_t number; /* of the unit, from 1 */
    struct arena scratch;
    VEC(struct entry) entries;
    struct archive_header names; /* of a pack that could be read */
    bool damaged, gone;
};

static int by_place(const void *x, const void *y)
{
    const struct entry *a = x;
    const struct entry *b = y;
    if (a->origin.block != b->origin.block) {
        return a->origin.block < b->origin.block ? -1 : 1;
    }
    return (a->origin.index > b->origin.index) - (a->origin.index < b->origin.index);
}

/* The pack's own header is in no chain: what it says for searching must follow from its records. */
static bool header_agrees(const struct archive_header *h, const struct block *b)
{
    time_ns low = INT64_MAX, high = INT64_MIN, from = INT64_MAX, to = INT64_MIN;
    for (size_t i = 0; i < b->count; i++) {
        const struct archive_record *r = &b->records[i];
        low = r->time < low ? r->time : low;
        high = r->time > high ? r->time : high;
        from = r->received < from ? r->received : from;
        to = r->received > to ? r->received : to;
    }
    static const unsigned char zero[ARCHIVE_HASH_BYTES];
    return h->time_min == low && h->time_max == high && h->received_min == from && h->received_max == to &&
           memcmp(h->previous, zero, sizeof zero) == 0;
}

static void bad_pack(struct unit_walk *u, uint32_t pack, const char *text)
{
    u->damaged = true;
    verify_bad_text(u->w, pack, text);
}

/* A link of purged records, as their stub says: the chain itself shows whether it is true. */
static int take_stub_link(void *ctx, const struct archive_header *h, struct err *e)
{
    struct unit_walk *u = ctx;
    struct verify_merged *v = u->v;
    bool good = h->id >= v->stretch.first && h->id <= v->stretch.last && h->day == u->w->day;
    const struct stretch_link *link = good ? &v->stretch.links[h->id - v->stretch.first] : NULL;
    if (!good || link->unit != u->number || link->count != h->count || v->links[h->id - v->stretch.first].count != 0) {
        return err_set(e, ERR_INVALID, "what stayed of purged blocks speaks of other links");
    }
    v->links[h->id - v->stretch.first] = *h;
    return 0;
}

/* Of a unit whose records are gone. */
static void read_stub(struct unit_walk *u, sqlite3 *db, uint32_t pack)
{
    struct err e = {0};
    u->gone = true;
    if (purge_stub_read(db, pack, &u->v->arena, take_stub_link, u, &e) != 0) {
        bad_pack(u, pack, e.text);
    }
}

static void read_pack(struct unit_walk *u, sqlite3_stmt *s, uint32_t pack)
{
    struct archive_header h;
    struct block b;
    struct err e = {0};
    MUST(sqlite3_bind_int64(s, 1, pack));
    int rc = dayfile_row(sqlite3_db_handle(s), s, &e);
    if (rc != 1) {
        bad_pack(u, pack, rc == 0 ? "a merged block is missing" : e.text);
        (void)sqlite3_reset(s);
        return;
    }
    unsigned char hash[ARCHIVE_HASH_BYTES];
    archive_hash(dayfile_column(s, 0), hash);
    struct cursor c = cursor_of(arena_copy(&u->scratch, dayfile_column(s, 0)));
    bool has_body = sqlite3_column_type(s, 1) != SQLITE_NULL;
    struct span body = arena_copy(&u->scratch, dayfile_column(s, 1));
    (void)sqlite3_reset(s);
    rc = archive_header_decode(&c, &h, &e);
    if (rc != 0 || !cursor_done(&c) || h.kind != ARCHIVE_KIND_PACK || h.id != pack || h.day != u->w->day) {
        bad_pack(u, pack, rc != 0 ? e.text : "is not the merged block that was written here");
        return;
    }
    if (!has_body) {
        bool first = pack == u->v->stretch.units[u->number - 1].packs[0];
        if (first) {
            read_stub(u, sqlite3_db_handle(s), pack);
        } else if (!u->gone) {
            bad_pack(u, pack, "a merged block has lost its records");
        }
        return;
    }
    rc = block_unpack(&h, body, &u->scratch, &b, &e);
    rc = rc == 0 ? block_check(&h, &b, &e) : rc;
    if (rc != 0 || !header_agrees(&h, &b)) {
        bad_pack(u, pack, rc != 0 ? e.text : "header of a merged block differs from its records");
        return;
    }
    if (u->entries.len > 0 && h.digest != u->names.digest) {
        bad_pack(u, pack, "merged blocks of one unit name different hashes");
        return;
    }
    verify_filter(u->w, sqlite3_db_handle(s), pack, hash, &b);
    u->names = h;
    for (size_t i = 0; i < b.count; i++) {
        vec_push(&u->entries, (struct entry){&b.records[i], b.origins[i]});
    }
}

/* Entries [from, to) say they were one block. */
static void make_again(struct unit_walk *u, size_t from, size_t to)
{
    struct verify_merged *v = u->v;
    struct archive_header h;
    struct err e = {0};
    uint32_t id = u->entries.data[from].origin.block;
    const struct archive_record **list = arena_calloc(&u->scratch, to - from, sizeof *list);
    bool good = id >= v->stretch.first && id <= v->stretch.last;
    const struct stretch_link *link = good ? &v->stretch.links[id - v->stretch.first] : NULL;
    good = good && link->unit == u->number && link->count == to - from;
    for (size_t i = from; good && i < to; i++) {
        good = u->entries.data[i].origin.index == i - from;
        list[i - from] = u->entries.data[i].record;
    }
    good = good && block_header_again(v->packer, list, to - from, u->names.digest, &h, &e) == 0;
    if (!good) {
        if (!u->damaged) {
            bad_pack(u, id, "records of a merged block are not all there, or there twice");
        }
        return;
    }
    struct archive_header *out = &v->links[id - v->stretch.first];
    *out = h;
    out->day = u->w->day;
    out->id = id;
    out->organisation = arena_copy(&v->arena, h.organisation);
    out->source = arena_copy(&v->arena, h.source);
    out->class_name = arena_copy(&v->arena, h.class_name);
}

static void walk_unit(struct unit_walk *u, sqlite3_stmt *s)
{
    const struct stretch_unit *unit = &u->v->stretch.units[u->number - 1];
    for (size_t i = 0; i < unit->npacks; i++) {
        read_pack(u, s, unit->packs[i]);
    }
    if (u->entries.len > 0) {
        qsort(u->entries.data, u->entries.len, sizeof u->entries.data[0], by_place);
    }
    for (size_t from = 0, to = 0; from < u->entries.len; from = to) {
        while (to < u->entries.len &&
               u->entries.data[to].origin.block == u->entries.data[from].origin.block) {
            to++;
        }
        make_again(u, from, to);
    }
}

/* Whether what the table says has an answer: every merged link was made again. */
static void check_whole(struct walk *w, struct verify_merged *v, const bool *damaged)
{
    for (uint32_t id = v->stretch.first; id <= v->stretch.last; id++) {
        uint32_t unit = v->stretch.links[id - v->stretch.first].unit;
        if (unit > 0 && v->links[id - v->stretch.first].count == 0 && !damaged[unit - 1]) {
            verify_bad_text(w, id, "its records are not where they were merged to");
        }
    }
}

static void load(struct walk *w, sqlite3 *db)
{
    struct verify_merged *v = &w->merged;
    struct err e = {0};
    sqlite3_stmt *s = NULL;
    size_t n = (size_t)v->stretch.last - v->stretch.first + 1;
    v->links = arena_calloc(&v->arena, n, sizeof *v->links);
    bool *damaged = arena_calloc(&v->arena, v->stretch.nunits + 1, sizeof *damaged);
    v->packer = v->packer == NULL ? block_packer_new(1) : v->packer;
    int rc = dayfile_prepare(db, "SELECT header, body FROM block WHERE id=?1", &s, &e);
    for (uint32_t i = 1; rc == 0 && i <= v->stretch.nunits; i++) {
        struct unit_walk u = {.w = w, .v = v, .number = i};
        arena_init(&u.scratch, 1 << 20);
        walk_unit(&u, s);
        damaged[i - 1] = u.damaged;
        vec_free(&u.entries);
        arena_fini(&u.scratch);
    }
    (void)sqlite3_finalize(s);
    if (rc != 0) {
        verify_bad(w, &e);
    }
    check_whole(w, v, damaged);
}

/* The stretch that w's next link lies in, or the next one behind it. */
static bool stretch_here(struct walk *w, sqlite3 *db)
{
    struct verify_merged *v = &w->merged;
    struct err e = {0};
    if (v->has && w->id < v->stretch.last) {
        return true;
    }
    if (v->none) {
        return false;
    }
    arena_reset(&v->arena);
    v->has = false;
    int rc = stretch_next(db, w->id + 1, &v->arena, &v->stretch, &e);
    if (rc < 0) {
        verify_bad_text(w, w->id + 1, e.text);
    }
    v->none = rc != 1;
    v->has = rc == 1;
    if (v->has) {
        load(w, db);
    }
    return v->has;
}

static void link_again(struct walk *w, struct archive_header *h)
{
    struct buf b;
    buf_init(&b, ARCHIVE_HEADER_MAX_BYTES);
    memcpy(h->previous, w->chain, sizeof h->previous);
    archive_header_encode(&b, h);
    archive_hash(buf_view(&b), w->chain);
    buf_free(&b);
    w->report->blocks++;
    w->report->records += h->count;
    w->report->bytes += h->originals_bytes;
}

void verify_merged_until(struct walk *w, sqlite3 *db, uint32_t id)
{
    struct verify_merged *v = &w->merged;
    while (w->id + 1 < id && stretch_here(w, db) && w->id + 1 >= v->stretch.first) {
        size_t at = w->id + 1 - v->stretch.first;
        if (v->stretch.links[at].unit == 0) {
            return; /* a row is missing: told at the next one */
        }
        w->id++;
        if (v->links[at].count == 0) {
            w->unknown = true; /* and so is every hash until a row says its previous one */
        } else if (!w->unknown) {
            link_again(w, &v->links[at]);
            verify_seals_at(w);
        }
    }
}

void verify_merged_pack(struct walk *w, sqlite3 *db, const struct archive_header *h)
{
    const struct verify_merged *v = &w->merged;
    bool known = stretch_here(w, db) && h->id >= v->stretch.first && h->id < v->stretch.last;
    uint32_t unit = known ? v->stretch.links[h->id - v->stretch.first].unit : 0;
    known = false;
    for (size_t i = 0; unit > 0 && i < v->stretch.units[unit - 1].npacks; i++) {
        known = known || v->stretch.units[unit - 1].packs[i] == h->id;
    }
    if (!known) {
        verify_bad_text(w, h->id, "a merged block that no table of merged blocks knows");
    }
}

void verify_merged_day(struct walk *w)
{
    arena_reset(&w->merged.arena);
    w->merged.has = w->merged.none = false;
    w->unknown = false;
}

void verify_merged_begin(struct walk *w)
{
    arena_init(&w->merged.arena, 1 << 20);
}

void verify_merged_end(struct walk *w)
{
    arena_fini(&w->merged.arena);
    block_packer_free(&w->merged.packer);
}
