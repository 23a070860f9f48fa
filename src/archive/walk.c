/* SPDX-License-Identifier: EUPL-1.2 */
/* Blocks for hunts, one after another: see walk.h. Bytes on disk are not trusted. */
#include "archive/walk.h"

#include "archive/priv.h"

void archive_walk_init(struct archive_walk *w)
{
    memset(w, 0, sizeof *w);
    w->from = w->to = TIME_NONE;
    w->day = INT32_MIN;
    w->end_day = INT32_MAX;
    w->end_block = UINT32_MAX;
}

static bool whose(const struct archive_walk *w, const struct archive_header *h)
{
    return (h->kind == ARCHIVE_KIND_BLOCK || h->kind == ARCHIVE_KIND_PACK) &&
           (w->organisation.len == 0 || span_eq(w->organisation, h->organisation)) &&
           (w->source.len == 0 || span_eq(w->source, h->source));
}

bool archive_walk_fits(const struct archive_walk *w, const struct archive_header *h)
{
    return whose(w, h) && (w->from == TIME_NONE || h->time_max >= w->from) &&
           (w->to == TIME_NONE || h->time_min < w->to);
}

static bool behind_end(const struct archive_walk *w, int32_t day, int64_t block)
{
    return day > w->end_day || (day == w->end_day && block > w->end_block);
}

struct day_walk {
    sqlite3 *db;
    sqlite3_stmt *rows;
    sqlite3_stmt *body;
    bool filters; /* rows have the filter's bytes and the header's hash as columns 2 and 3 */
};

static int day_begin(struct archive_reader *r, int32_t day, uint32_t after, bool filters,
                     struct day_walk *d, struct err *e)
{
    *d = (struct day_walk){0};
    int rc = archive_reader_day(r, day, &d->db, e);
    d->filters = rc == 0 && filters && dayfile_has_filters(d->db);
    rc = rc == 0 ? dayfile_prepare(d->db,
                                   d->filters ? "SELECT b.id, b.header, f.bytes, b.hash FROM block b"
                                                " LEFT JOIN filter f ON f.block=b.id WHERE b.id>?1 ORDER BY b.id"
                                              : "SELECT id, header FROM block WHERE id>?1 ORDER BY id",
                                   &d->rows, e)
                 : rc;
    rc = rc == 0 ? dayfile_prepare(d->db, "SELECT body FROM block WHERE id=?1", &d->body, e) : rc;
    if (rc == 0) {
        MUST(sqlite3_bind_int64(d->rows, 1, after));
    }
    return rc;
}

static void day_end(struct day_walk *d)
{
    (void)sqlite3_finalize(d->rows);
    (void)sqlite3_finalize(d->body);
}

/* Whether nothing of what is looked for can be in it, and all that counts of it is how many events it holds. */
static bool may_skip(const struct day_walk *d, const struct archive_walk *w, const struct archive_header *h)
{
    struct filter f;
    bool inside = (w->from == TIME_NONE || h->time_min >= w->from) && (w->to == TIME_NONE || h->time_max < w->to);
    if (w->query == NULL || !d->filters || !inside || h->class_name.len == 0 ||
        sqlite3_column_type(d->rows, 2) == SQLITE_NULL) {
        return false;
    }
    struct span hash = dayfile_column(d->rows, 3);
    return hash.len == ARCHIVE_HASH_BYTES &&
           filter_decode_stored(dayfile_column(d->rows, 2), (const unsigned char *)hash.ptr, &f, NULL) == 0 &&
           !filter_query_may_hold(w->query, &f);
}

/* In the same snapshot as the row. ptr NULL: purged. */
static int take_body(struct day_walk *d, int64_t id, struct arena *scratch, struct span *out, struct err *e)
{
    MUST(sqlite3_bind_int64(d->body, 1, id));
    int rc = dayfile_row(d->db, d->body, e);
    *out = rc != 1 || sqlite3_column_type(d->body, 0) == SQLITE_NULL ? span_make(NULL, 0)
                                                                     : arena_copy(scratch, dayfile_column(d->body, 0));
    (void)sqlite3_reset(d->body);
    return rc < 0 ? rc : 0;
}

/* The day's next block that fits: 1, or 0 when there is none; ARCHIVE_WALK_PAUSED. */
static int day_next(struct day_walk *d, struct archive_walk *w, int32_t day, struct arena *scratch,
                    uint32_t *skipped, struct archive_header *header_out, struct span *body_out, struct err *e)
{
    int rc = 0;
    while ((rc = dayfile_row(d->db, d->rows, e)) > 0) {
        int64_t id = sqlite3_column_int64(d->rows, 0);
        if (id < 0 || id > UINT32_MAX || behind_end(w, day, id)) {
            return 0;
        }
        struct cursor c = cursor_of(dayfile_column(d->rows, 1));
        w->day = day;
        w->block = (uint32_t)id;
        rc = archive_header_decode(&c, header_out, e);
        if (rc != 0) {
            return rc;
        }
        bool fits = archive_walk_fits(w, header_out) ||
                    (w->context && whose(w, header_out) && header_out->class_name.len == 0);
        if (!fits) {
            continue;
        }
        if (may_skip(d, w, header_out)) {
            w->skipped(w->ctx, header_out);
            if (++*skipped == w->pause_after) {
                return ARCHIVE_WALK_PAUSED;
            }
            continue;
        }
        c = cursor_of(arena_copy(scratch, dayfile_column(d->rows, 1)));
        MUST(archive_header_decode(&c, header_out, e)); /* the same bytes, which now stay */
        rc = take_body(d, id, scratch, body_out, e);
        return rc == 0 ? 1 : rc;
    }
    return rc;
}

int archive_walk_next(struct archive_reader *r, struct archive_walk *w, struct arena *scratch,
                      struct archive_header *header_out, struct span *body_out, struct err *e)
{
    struct arena list;
    int32_t *days = NULL;
    size_t n = 0;
    uint32_t skipped = 0;
    arena_init(&list, 0);
    CHECK(w->query == NULL || w->skipped != NULL);
    int rc = archive_days(r, &list, &days, &n, e);
    for (size_t i = 0; rc == 0 && i < n && days[i] <= w->end_day; i++) {
        struct day_walk d;
        if (days[i] < w->day) {
            continue;
        }
        uint32_t after = days[i] == w->day ? w->block : 0;
        rc = day_begin(r, days[i], after, w->query != NULL, &d, e);
        rc = rc == 0 ? day_next(&d, w, days[i], scratch, &skipped, header_out, body_out, e) : rc;
        day_end(&d);
        if (rc == ERR_NOT_FOUND) {
            rc = 0; /* it went */
        }
        if (rc == 0) {
            w->day = days[i];
            w->block = UINT32_MAX;
        }
    }
    arena_fini(&list);
    return rc;
}

static void count_block(const struct archive_walk *w, const struct archive_header *h,
                        struct archive_walk_totals *out)
{
    if (h->kind != ARCHIVE_KIND_BLOCK && h->kind != ARCHIVE_KIND_PACK) {
        return;
    }
    bool first = out->retained_from == TIME_NONE;
    out->retained_from =
        first || h->received_min < out->retained_from ? h->received_min : out->retained_from;
    out->retained_to =
        first || h->received_max > out->retained_to ? h->received_max : out->retained_to;
    if (archive_walk_fits(w, h)) {
        out->blocks++;
        out->events += h->count;
    }
}

static int count_day(struct archive_reader *r, const struct archive_walk *w, int32_t day,
                     struct archive_walk_totals *out, struct err *e)
{
    struct day_walk d;
    int rc = day_begin(r, day, 0, false, &d, e);
    while (rc == 0 && (rc = dayfile_row(d.db, d.rows, e)) > 0) {
        struct archive_header h;
        struct cursor c = cursor_of(dayfile_column(d.rows, 1));
        out->end_day = day;
        out->end_block = (uint32_t)sqlite3_column_int64(d.rows, 0);
        rc = 0;
        if (archive_header_decode(&c, &h, NULL) == 0) { /* a broken one is told by the walk */
            count_block(w, &h, out);
        }
    }
    day_end(&d);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int archive_walk_count(struct archive_reader *r, const struct archive_walk *w,
                       struct archive_walk_totals *out, struct err *e)
{
    struct arena list;
    int32_t *days = NULL;
    size_t n = 0;
    arena_init(&list, 0);
    memset(out, 0, sizeof *out);
    out->retained_from = out->retained_to = TIME_NONE;
    int rc = archive_days(r, &list, &days, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = count_day(r, w, days[i], out, e);
    }
    arena_fini(&list);
    return rc;
}
