/* SPDX-License-Identifier: EUPL-1.2 */
/* What stays of merged blocks when their records go: the headers of the links they were, without the hash of the link
 * before. Written by purge.c, read by verify_merged.c; reads untrusted bytes. */
#include <stdlib.h>
#include <string.h>

#include "archive/block.h"
#include "archive/packed.h"
#include "archive/purge_priv.h"
#include "base/mem.h"
#include "base/vec.h"

enum { STUB_LEVEL = 9 };

struct entry {
    const struct archive_record *record;
    struct block_origin origin;
};

struct maker {
    struct arena arena;
    VEC(struct entry) entries;
    struct archive_header pack; /* the last that was taken */
    struct block_packer *packer;
    struct buf text;
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

static int take_pack(struct maker *m, sqlite3 *db, sqlite3_stmt *s, uint32_t id, struct err *e)
{
    struct block b = {0};
    MUST(sqlite3_bind_int64(s, 1, id));
    int rc = dayfile_row(db, s, e);
    rc = rc == 0 ? err_set(e, ERR_INVALID, "a merged block is missing") : rc;
    if (rc == 1) {
        struct cursor c = cursor_of(arena_copy(&m->arena, dayfile_column(s, 0)));
        enum archive_digest before = m->pack.digest;
        rc = archive_header_decode(&c, &m->pack, e);
        rc = rc == 0 && m->entries.len > 0 && m->pack.digest != before
                 ? err_set(e, ERR_INVALID, "merged blocks of one unit name different hashes")
                 : rc;
        rc = rc == 0 && m->pack.kind != ARCHIVE_KIND_PACK ? err_set(e, ERR_INVALID, "is no merged block") : rc;
        rc = rc == 0 ? block_unpack(&m->pack, arena_copy(&m->arena, dayfile_column(s, 1)), &m->arena, &b, e) : rc;
        rc = rc == 0 ? block_check(&m->pack, &b, e) : rc;
    }
    (void)sqlite3_reset(s);
    for (size_t i = 0; rc == 0 && i < b.count; i++) {
        vec_push(&m->entries, (struct entry){&b.records[i], b.origins[i]});
    }
    return rc;
}

static int put_header(struct maker *m, size_t from, size_t to, struct err *e)
{
    struct archive_header h;
    struct buf bytes;
    const struct archive_record **list = arena_calloc(&m->arena, to - from, sizeof *list);
    for (size_t i = from; i < to; i++) {
        if (m->entries.data[i].origin.index != i - from) {
            return err_set(e, ERR_INVALID, "records of a merged block are missing");
        }
        list[i - from] = m->entries.data[i].record;
    }
    int rc = block_header_again(m->packer, list, to - from, m->pack.digest, &h, e);
    if (rc == 0) {
        h.day = m->pack.day;
        h.id = m->entries.data[from].origin.block;
        buf_init(&bytes, ARCHIVE_HEADER_MAX_BYTES);
        archive_header_encode(&bytes, &h);
        buf_str(&m->text, buf_view(&bytes));
        buf_free(&bytes);
    }
    return rc;
}

int purge_stub_make(sqlite3 *db, const struct stretch_unit *unit, struct buf *out, struct err *e)
{
    struct maker m = {.packer = block_packer_new(1)};
    sqlite3_stmt *s = NULL;
    arena_init(&m.arena, 1 << 20);
    buf_init(&m.text, PURGE_STUB_MAX);
    int rc = dayfile_prepare(db, "SELECT header, body FROM block WHERE id=?1 AND body IS NOT NULL", &s, e);
    for (size_t i = 0; rc == 0 && i < unit->npacks; i++) {
        rc = take_pack(&m, db, s, unit->packs[i], e);
    }
    (void)sqlite3_finalize(s);
    if (m.entries.len > 0) {
        qsort(m.entries.data, m.entries.len, sizeof m.entries.data[0], by_place);
    }
    for (size_t from = 0, to = 0; rc == 0 && from < m.entries.len; from = to) {
        while (to < m.entries.len && m.entries.data[to].origin.block == m.entries.data[from].origin.block) {
            to++;
        }
        rc = put_header(&m, from, to, e);
    }
    rc = rc == 0 && m.text.failed ? err_set(e, ERR_LIMIT, "too many links in one merged block") : rc;
    if (rc == 0) {
        ZSTD_CCtx *zstd = packed_context(STUB_LEVEL);
        packed_put(zstd, buf_view(&m.text), out);
        (void)ZSTD_freeCCtx(zstd);
    }
    buf_free(&m.text);
    block_packer_free(&m.packer);
    vec_free(&m.entries);
    arena_fini(&m.arena);
    return rc;
}

int purge_stub_read(sqlite3 *db, uint32_t pack, struct arena *arena, purge_stub_link *visit, void *ctx,
                    struct err *e)
{
    static const unsigned char zero[ARCHIVE_HASH_BYTES];
    sqlite3_stmt *s = NULL;
    struct span text = {0};
    if (sqlite3_table_column_metadata(db, NULL, "stub", "pack", NULL, NULL, NULL, NULL, NULL) != SQLITE_OK) {
        return err_set(e, ERR_INVALID, "a merged block has lost its records");
    }
    int rc = dayfile_prepare(db, "SELECT links FROM stub WHERE pack=?1", &s, e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, pack));
        rc = dayfile_row(db, s, e);
        rc = rc == 0 ? err_set(e, ERR_INVALID, "a merged block has lost its records") : rc;
    }
    rc = rc == 1 ? packed_take(arena_copy(arena, dayfile_column(s, 0)), PURGE_STUB_MAX, arena, &text, e) : rc;
    (void)sqlite3_finalize(s);
    struct cursor c = cursor_of(text);
    while (rc == 0 && cursor_left(&c) > 0) {
        struct archive_header h;
        struct cursor one = cursor_of(cursor_str(&c));
        rc = archive_header_decode(&one, &h, e);
        if (rc == 0 && (!cursor_done(&one) || h.kind != ARCHIVE_KIND_BLOCK ||
                        memcmp(h.previous, zero, sizeof zero) != 0)) {
            rc = err_set(e, ERR_INVALID, "what stayed of purged blocks is damaged");
        }
        rc = rc == 0 ? visit(ctx, &h, e) : rc;
    }
    return rc != 0 ? rc : c.failed ? err_set(e, ERR_INVALID, "what stayed of purged blocks ends early") : 0;
}
