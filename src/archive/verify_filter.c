/* SPDX-License-Identifier: EUPL-1.2 */
/* Token filters follow from the records beside them: made again here and compared, byte for byte. Called by verify.c and
 * verify_merged.c. Reads untrusted bytes. */
#include "archive/filter.h"
#include "archive/verify_priv.h"

static struct span stored_filter(sqlite3 *db, uint32_t id, sqlite3_stmt **s, struct err *e)
{
    int rc = dayfile_prepare(db, "SELECT bytes FROM filter WHERE block=?1", s, e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(*s, 1, id));
        rc = dayfile_row(db, *s, e);
    }
    return rc == 1 ? dayfile_column(*s, 0) : span_make(NULL, 0);
}

void verify_filter(struct walk *w, sqlite3 *db, uint32_t id, const unsigned char header_hash[ARCHIVE_HASH_BYTES],
                   const struct block *b)
{
    sqlite3_stmt *s = NULL;
    struct buf again;
    struct err e = {0};
    if (!dayfile_has_filters(db)) {
        return;
    }
    struct span stored = stored_filter(db, id, &s, &e);
    if (e.code != 0) {
        verify_bad_text(w, id, e.text);
    } else if (stored.ptr != NULL) {
        w->filter = w->filter == NULL ? filter_builder_new() : w->filter;
        for (size_t i = 0; i < b->count; i++) {
            filter_add(w->filter, b->records[i].original);
        }
        buf_init(&again, FILTER_MAX_BYTES + FILTER_CHECK_BYTES);
        bool some = filter_finish(w->filter, &again);
        struct arena scratch;
        arena_init(&scratch, 0);
        struct span filter = arena_copy(&scratch, buf_view(&again));
        buf_clear(&again);
        filter_stored(&again, filter, header_hash);
        if (!some || !span_eq(buf_view(&again), stored)) {
            verify_bad_text(w, id, "its token filter is not the one that its records give");
        }
        arena_fini(&scratch);
        buf_free(&again);
    }
    (void)sqlite3_finalize(s);
}

int verify_filters_whole(struct walk *w, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (!dayfile_has_filters(db)) {
        return 0;
    }
    int rc = dayfile_prepare(
        db, "SELECT block FROM filter WHERE block NOT IN (SELECT id FROM block WHERE body IS NOT NULL)", &s, e);
    while (rc == 0 && (rc = dayfile_row(db, s, e)) == 1) {
        verify_bad_text(w, (uint32_t)sqlite3_column_int64(s, 0), "a token filter without records");
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}
