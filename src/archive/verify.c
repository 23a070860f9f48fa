/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Verifying: walks the chain from the oldest day to the newest, unpacks every body, recomputes
 * every hash. Called by `sereno verify` and by tests. Finds changed, missing and reordered blocks;
 * a cut-off end is found by sealed heads.
 */
#include <stdio.h>
#include <string.h>

#include "archive/block.h"
#include "archive/db.h"
#include "archive/priv.h"
#include "archive/filter.h"
#include "archive/verify_priv.h"
#include "base/id.h"
#include "base/vec.h"

void verify_bad(struct walk *w, const struct err *e)
{
    w->report->bad++;
    if (w->hooks->complain != NULL) {
        w->hooks->complain(w->hooks->ctx, e);
    }
}

void verify_bad_text(struct walk *w, uint32_t block, const char *text)
{
    struct err e = {0};
    char when[TIME_TEXT_MAX];
    char where[ERR_WHERE_MAX];
    (void)err_set(&e, ERR_INVALID, "%s", text);
    (void)snprintf(where, sizeof where, "archive day %.10s block %u",
                   time_format((time_ns)w->day * TIME_DAY, when), block);
    err_at(&e, where, 0);
    verify_bad(w, &e);
}

/* "deleted … last=HEX …": remembers where a deleted day's chain ended. */
static void note_gone(struct walk *w, struct span text)
{
    static const char key[] = " last=";
    unsigned char hash[ARCHIVE_HASH_BYTES];
    const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, key, sizeof key - 1);
    if (at == NULL) {
        return;
    }
    struct span hex =
        span_sub(text, (size_t)(at - text.ptr) + sizeof key - 1, 2 * ARCHIVE_HASH_BYTES);
    if (hex_decode(hex, hash, sizeof hash)) {
        for (size_t i = 0; i < sizeof hash; i++) {
            vec_push(&w->gone, hash[i]);
        }
    }
}

static bool is_gone(const struct walk *w, const unsigned char hash[ARCHIVE_HASH_BYTES])
{
    for (size_t i = 0; i + ARCHIVE_HASH_BYTES <= w->gone.len; i += ARCHIVE_HASH_BYTES) {
        if (memcmp(w->gone.data + i, hash, ARCHIVE_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void check_body(struct walk *w, sqlite3 *db, const struct archive_header *h,
                       const unsigned char hash[ARCHIVE_HASH_BYTES], struct span body, struct arena *scratch)
{
    struct block b;
    struct err e = {0};
    int rc = block_unpack(h, body, scratch, &b, &e);
    if (rc == 0) {
        rc = block_check(h, &b, &e);
    }
    if (rc != 0) {
        verify_bad_text(w, h->id, e.text);
    } else {
        verify_filter(w, db, h->id, hash, &b);
    }
    w->report->records += h->count;
    w->report->bytes += h->originals_bytes;
}

/* Columns beside the header are for searching; they must say the same. */
static bool columns_agree(sqlite3_stmt *s, const struct archive_header *h)
{
    return sqlite3_column_int64(s, 4) == (int64_t)h->kind &&
           sqlite3_column_int64(s, 5) == h->count && sqlite3_column_int64(s, 6) == h->time_min &&
           sqlite3_column_int64(s, 7) == h->time_max &&
           sqlite3_column_int64(s, 11) == h->received_min &&
           sqlite3_column_int64(s, 12) == h->received_max &&
           sqlite3_column_int64(s, 13) == h->originals_bytes &&
           span_eq(dayfile_column(s, 8), h->organisation) &&
           span_eq(dayfile_column(s, 9), h->source) &&
           span_eq(dayfile_column(s, 10), h->class_name);
}

/* A merged block's row is no link. */
static void check_pack(struct walk *w, sqlite3_stmt *s, const struct archive_header *h,
                       const unsigned char hash[ARCHIVE_HASH_BYTES])
{
    struct span stored = dayfile_column(s, 2);
    if (stored.len != ARCHIVE_HASH_BYTES || memcmp(stored.ptr, hash, ARCHIVE_HASH_BYTES) != 0) {
        verify_bad_text(w, h->id, "header was changed: its hash is not the stored one");
    } else if (!columns_agree(s, h)) {
        verify_bad_text(w, h->id, "searchable columns differ from the header");
    }
    verify_merged_pack(w, sqlite3_db_handle(s), h);
    verify_gone_row(w, h->id, hash, h, sqlite3_column_type(s, 3) == SQLITE_NULL);
}

static void check_link(struct walk *w, sqlite3_stmt *s, struct arena *scratch)
{
    struct archive_header h;
    struct err e = {0};
    uint32_t id = (uint32_t)sqlite3_column_int64(s, 0);
    struct span bytes = arena_copy(scratch, dayfile_column(s, 1));
    struct span stored = dayfile_column(s, 2);
    unsigned char hash[ARCHIVE_HASH_BYTES];
    archive_hash(bytes, hash);
    verify_merged_until(w, sqlite3_db_handle(s), id);
    struct cursor c = cursor_of(bytes);
    if (archive_header_decode(&c, &h, &e) != 0 || !cursor_done(&c)) {
        verify_bad_text(w, id, e.code != 0 ? e.text : "header has bytes behind its end");
        memcpy(w->chain, hash, sizeof hash);
        return;
    }
    if (h.kind == ARCHIVE_KIND_PACK) {
        check_pack(w, s, &h, hash);
        return;
    }
    if (w->unknown) { /* a damaged merged block was told of; from here on the chain is known again */
        memcpy(w->chain, h.previous, sizeof w->chain);
        w->unknown = false;
    }
    if (stored.len != sizeof hash || memcmp(stored.ptr, hash, sizeof hash) != 0) {
        verify_bad_text(w, id, "header was changed: its hash is not the stored one");
    } else if (memcmp(h.previous, w->chain, sizeof hash) != 0) {
        verify_bad_text(w, id, "chain is broken before this link");
    } else if (h.id != id || h.day != w->day || id != w->id + 1) {
        verify_bad_text(w, id, "link is not in its place");
    } else if (!columns_agree(s, &h)) {
        verify_bad_text(w, id, "searchable columns differ from the header");
    }
    memcpy(w->chain, hash, sizeof hash);
    w->id = id;
    verify_seals_at(w);
    if (h.kind == ARCHIVE_KIND_NOTE) {
        verify_note(w, &h);
        return;
    }
    if (h.kind == ARCHIVE_KIND_ALERTS) {
        verify_alerts(w, sqlite3_db_handle(s), &h, scratch);
        return;
    }
    w->report->blocks++;
    bool gone = sqlite3_column_type(s, 3) == SQLITE_NULL;
    verify_gone_row(w, id, hash, &h, gone);
    if (!gone) {
        check_body(w, sqlite3_db_handle(s), &h, hash, arena_copy(scratch, dayfile_column(s, 3)), scratch);
    }
}

/* A day goes on where the day before ended, or where a note says a deleted day ended; the first
 * starts from zero. */
static void check_start(struct walk *w, struct span start)
{
    static const unsigned char zero[ARCHIVE_HASH_BYTES];
    if (start.len != ARCHIVE_HASH_BYTES) {
        verify_bad_text(w, 0, "start of the day's chain is missing");
        return;
    }
    unsigned char hash[ARCHIVE_HASH_BYTES];
    memcpy(hash, start.ptr, sizeof hash);
    const unsigned char *want = w->started ? w->chain : zero;
    w->begins_later = w->begins_later || (!w->started && is_gone(w, hash));
    if (memcmp(hash, want, sizeof hash) != 0 && !is_gone(w, hash)) {
        verify_bad_text(w, 0, "does not continue the day before, and no note says that one was deleted");
    }
    memcpy(w->chain, hash, sizeof hash);
    w->started = true;
    w->id = 0;
}

typedef void visit_row(struct walk *w, sqlite3_stmt *s, struct arena *scratch);

static int each_row(struct walk *w, sqlite3 *db, const char *sql, visit_row *visit, struct err *e)
{
    struct arena scratch;
    sqlite3_stmt *s = NULL;
    arena_init(&scratch, 0);
    int rc = dayfile_prepare(db, sql, &s, e);
    while (rc == 0 && (rc = dayfile_row(db, s, e)) == 1) {
        visit(w, s, &scratch);
        arena_reset(&scratch);
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    arena_fini(&scratch);
    return rc;
}

static void visit_note(struct walk *w, sqlite3_stmt *s, struct arena *scratch)
{
    (void)scratch;
    note_gone(w, dayfile_column(s, 0));
    verify_note_day(w, dayfile_column(s, 0));
    verify_gone_note(w, dayfile_column(s, 0));
}

static void visit_start(struct walk *w, sqlite3_stmt *s, struct arena *scratch)
{
    (void)scratch;
    check_start(w, dayfile_column(s, 0));
}

static int walk_day(struct walk *w, bool notes_only, struct err *e)
{
    sqlite3 *db = NULL;
    int rc = archive_reader_day(w->reader, w->day, &db, e);
    if (rc != 0) {
        return rc;
    }
    if (notes_only) {
        return each_row(w, db, "SELECT class FROM block WHERE kind=1", visit_note, e);
    }
    w->report->days++;
    w->alerts = 0;
    verify_merged_day(w);
    rc = each_row(w, db, "SELECT (SELECT value FROM meta WHERE key='chain')", visit_start, e);
    if (rc == 0) {
        rc = each_row(w, db,
                      "SELECT id, header, hash, body, kind, count, time_min, time_max,"
                      " organisation, source, class, received_min, received_max, bytes"
                      " FROM block ORDER BY id",
                      check_link, e);
    }
    rc = rc == 0 ? verify_filters_whole(w, db, e) : rc;
    return rc != 0 ? rc : verify_alerts_whole(w, db, e);
}

int archive_verify(struct archive_reader *r, const struct archive_witness *witness,
                   const struct archive_verify_hooks *hooks, struct archive_report *report_out,
                   struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t ndays = 0;
    struct walk w = {.reader = r, .witness = witness, .hooks = hooks, .report = report_out};
    memset(report_out, 0, sizeof *report_out);
    report_out->sealed_at = TIME_NONE;
    arena_init(&scratch, 0);
    verify_merged_begin(&w);
    arena_init(&w.purged.arena, 0);
    archive_reader_steady(r, true); /* merging and purging beside us change nothing half-way */
    int rc = archive_days(r, &scratch, &days, &ndays, e);
    if (rc == 0) {
        verify_seals_load(&w);
    }
    for (int pass = 0; rc == 0 && pass < 2;
         pass++) { /* notes first: they lie behind the days they speak of */
        for (size_t i = 0; i < ndays; i++) {
            struct err day_error = {0};
            int32_t before = w.day;
            w.day = days[i];
            if (pass == 1 && hooks->step != NULL) {
                hooks->step(hooks->ctx, i, ndays);
            }
            int day_rc = walk_day(&w, pass == 0, &day_error);
            if (day_rc == ERR_NOT_FOUND) {
                w.day = before; /* empty: what should be there is missed by the chain */
            } else if (day_rc != 0 && pass == 1) {
                verify_bad(&w, &day_error); /* a day that cannot be read does not hide the others */
            }
        }
    }
    if (rc == 0) {
        verify_seals_end(&w, days, ndays);
        verify_gone_end(&w);
    }
    report_out->newest_day = w.day;
    report_out->newest_link = w.id;
    archive_reader_steady(r, false);
    verify_merged_end(&w);
    filter_builder_free(&w.filter);
    vec_free(&w.purged.sums);
    vec_free(&w.purged.notes);
    arena_fini(&w.purged.arena);
    vec_free(&w.gone);
    vec_free(&w.gone_days);
    vec_free(&w.seals);
    arena_fini(&scratch);
    return rc;
}
