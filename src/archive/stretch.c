/* SPDX-License-Identifier: EUPL-1.2 */
/* Which merged block holds what: see stretch.h. Bytes on disk are not trusted. */
#include "archive/stretch.h"

#include "archive/packed.h"
#include "archive/varint.h"

enum { STRETCH_LEVEL = 9 /* small and rare: time does not matter */ };

void stretch_encode(const struct stretch *s, struct buf *out)
{
    struct buf b;
    buf_init(&b, STRETCH_TEXT_MAX);
    put_varint(&b, s->nunits);
    for (size_t i = 0; i < s->nunits; i++) {
        uint32_t before = s->first;
        put_varint(&b, s->units[i].npacks);
        for (size_t k = 0; k < s->units[i].npacks; k++) {
            put_varint(&b, s->units[i].packs[k] - before);
            before = s->units[i].packs[k];
        }
    }
    for (uint32_t i = 0; i <= s->last - s->first; i++) {
        put_varint(&b, s->links[i].unit);
        if (s->links[i].unit > 0) {
            put_varint(&b, s->links[i].count);
        }
    }
    CHECK(!b.failed);
    ZSTD_CCtx *zstd = packed_context(STRETCH_LEVEL);
    packed_put(zstd, buf_view(&b), out);
    (void)ZSTD_freeCCtx(zstd);
    buf_free(&b);
}

static int take_units(struct cursor *c, struct stretch *s, size_t nlinks, struct arena *arena,
                      struct err *e)
{
    uint64_t n = take_varint(c);
    size_t all = 0;
    if (c->failed || n > nlinks) {
        return err_set(e, ERR_INVALID, "table of merged blocks: its units are out of range");
    }
    s->units = arena_calloc(arena, (size_t)n, sizeof *s->units);
    s->nunits = (size_t)n;
    for (size_t i = 0; i < s->nunits; i++) {
        uint64_t packs = take_varint(c);
        uint64_t at = s->first;
        if (c->failed || packs == 0 || packs > nlinks - all) {
            return err_set(e, ERR_INVALID, "table of merged blocks: its packs are out of range");
        }
        all += (size_t)packs;
        s->units[i].npacks = (size_t)packs;
        s->units[i].packs = arena_calloc(arena, (size_t)packs, sizeof(uint32_t));
        for (size_t k = 0; k < packs; k++) {
            uint64_t step = take_varint(c);
            at += step > nlinks ? nlinks : step;
            if ((k > 0 && step == 0) || at > s->last) {
                return err_set(e, ERR_INVALID, "table of merged blocks: a pack is out of range");
            }
            s->units[i].packs[k] = (uint32_t)at;
        }
    }
    return 0;
}

int stretch_decode(uint32_t first, uint32_t last, struct span packed, struct arena *arena,
                   struct stretch *out, struct err *e)
{
    struct span text = {0};
    struct stretch s = {.first = first, .last = last};
    if (first == 0 || last < first || last - first >= STRETCH_LINKS_MAX) {
        return err_set(e, ERR_INVALID, "table of merged blocks: its links are out of range");
    }
    size_t n = (size_t)last - first + 1;
    int rc = packed_take(packed, STRETCH_TEXT_MAX, arena, &text, e);
    struct cursor c = cursor_of(text);
    rc = rc == 0 ? take_units(&c, &s, n, arena, e) : rc;
    if (rc != 0) {
        return rc;
    }
    s.links = arena_calloc(arena, n, sizeof *s.links);
    for (size_t i = 0; i < n; i++) {
        uint64_t unit = take_varint(&c);
        uint64_t count = unit > 0 ? take_varint(&c) : 0;
        if (unit > s.nunits || count > ARCHIVE_BLOCK_RECORDS_MAX) {
            return err_set(e, ERR_INVALID, "table of merged blocks: a link is out of range");
        }
        s.links[i] = (struct stretch_link){(uint32_t)unit, (uint32_t)count};
    }
    if (!cursor_done(&c) || s.links[n - 1].unit != 0) {
        return err_set(e, ERR_INVALID, "table of merged blocks ends early or late");
    }
    *out = s;
    return 0;
}

static bool has_table(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, NULL, "stretch", "first", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static int take_row(sqlite3 *db, const char *sql, uint32_t link, struct arena *arena,
                    struct stretch *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (!has_table(db)) {
        return 0; /* a file from before blocks were merged */
    }
    int rc = dayfile_prepare(db, sql, &s, e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, link));
        rc = dayfile_row(db, s, e);
    }
    if (rc == 1) {
        int64_t first = sqlite3_column_int64(s, 0);
        int64_t last = sqlite3_column_int64(s, 1);
        rc = first < 0 || last < 0 || first > UINT32_MAX || last > UINT32_MAX
                 ? err_set(e, ERR_INVALID, "table of merged blocks: its links are out of range")
                 : stretch_decode((uint32_t)first, (uint32_t)last, dayfile_column(s, 2), arena, out, e);
        rc = rc == 0 ? 1 : rc;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int stretch_find(sqlite3 *db, uint32_t link, struct arena *arena, struct stretch *out,
                 struct err *e)
{
    int rc = take_row(db, "SELECT first, last, links FROM stretch WHERE first<=?1 ORDER BY first DESC LIMIT 1",
                      link, arena, out, e);
    return rc == 1 ? out->last >= link : rc;
}

int stretch_next(sqlite3 *db, uint32_t link, struct arena *arena, struct stretch *out,
                 struct err *e)
{
    return take_row(db, "SELECT first, last, links FROM stretch WHERE last>=?1 ORDER BY first LIMIT 1", link,
                    arena, out, e);
}

int stretch_end(sqlite3 *db, uint32_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    *out = 0;
    if (!has_table(db)) {
        return 0;
    }
    int rc = dayfile_prepare(db, "SELECT coalesce(max(last),0) FROM stretch", &s, e);
    rc = rc == 0 ? dayfile_row(db, s, e) : rc;
    if (rc == 1) {
        *out = (uint32_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}
