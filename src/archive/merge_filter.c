/* SPDX-License-Identifier: EUPL-1.2 */
/* Token filters that merging makes, of packs and of blocks that are too large to be merged. See merge.h. */
#include "archive/merge_priv.h"
#include "base/mem.h"

void merge_filter_keep(struct merge *m, const struct archive_header *h, struct span filter)
{
    unsigned char hash[ARCHIVE_HASH_BYTES];
    struct buf header;
    struct buf stored;
    if (filter.len == 0) {
        return;
    }
    buf_init(&header, ARCHIVE_HEADER_MAX_BYTES);
    buf_init(&stored, FILTER_CHECK_BYTES + FILTER_MAX_BYTES);
    archive_header_encode(&header, h);
    archive_hash(buf_view(&header), hash);
    filter_stored(&stored, filter, hash);
    CHECK(!header.failed && !stored.failed); /* both were read or made within these limits */
    vec_push(&m->filters, (struct merge_filter){h->id, arena_copy(&m->arena, buf_view(&stored))});
    m->totals.filters++;
    m->totals.filter_bytes += stored.len;
    buf_free(&header);
    buf_free(&stored);
}

/* Of a row's header and body; damaged: none, the block is read and verify tells of it. */
static void filter_row(struct merge *m, uint32_t id, struct span header, struct span body, struct filter_builder *f,
                       struct arena *scratch)
{
    struct archive_header h;
    struct block b;
    struct buf out;
    struct err why = {0};
    struct cursor c = cursor_of(header);
    if (archive_header_decode(&c, &h, &why) != 0 || !cursor_done(&c) || h.kind != ARCHIVE_KIND_BLOCK || h.id != id ||
        h.day != m->day || block_unpack(&h, body, scratch, &b, &why) != 0) {
        return;
    }
    const struct archive_record **list = mem_calloc(b.count, sizeof *list);
    for (size_t i = 0; i < b.count; i++) {
        list[i] = &b.records[i];
    }
    buf_init(&out, FILTER_MAX_BYTES);
    filter_of_records(f, list, b.count, &out);
    merge_filter_keep(m, &h, buf_view(&out));
    buf_free(&out);
    mem_free(list);
}

int merge_filter_block(struct merge *m, sqlite3 *db, uint32_t id, struct filter_builder *f, struct err *e)
{
    sqlite3_stmt *s = NULL;
    struct arena scratch;
    arena_init(&scratch, 1 << 20);
    int rc = dayfile_prepare(db, "SELECT header, body FROM block WHERE id=?1 AND body IS NOT NULL", &s, e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, id));
        rc = dayfile_row(db, s, e);
    }
    if (rc == 1) {
        struct span header = arena_copy(&scratch, dayfile_column(s, 0));
        filter_row(m, id, header, arena_copy(&scratch, dayfile_column(s, 1)), f, &scratch);
    }
    (void)sqlite3_finalize(s);
    arena_fini(&scratch);
    return rc < 0 ? rc : 0;
}

int merge_filters_put(const struct merge *m, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db,
                             "INSERT OR REPLACE INTO filter SELECT ?1, ?2"
                             " WHERE EXISTS(SELECT 1 FROM block WHERE id=?1 AND body IS NOT NULL)",
                             &s, e);
    for (size_t i = 0; rc == 0 && i < m->filters.len; i++) {
        MUST(sqlite3_bind_int64(s, 1, m->filters.data[i].id));
        dayfile_bind_blob(s, 2, m->filters.data[i].bytes);
        rc = dayfile_run(db, s, e);
    }
    (void)sqlite3_finalize(s);
    return rc;
}
