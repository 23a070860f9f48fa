/* SPDX-License-Identifier: EUPL-1.2 */
/* Hunts as rows and messages: see hunts.h. Runs in the keeper; the codec in desk and command line too. */
#include "records/hunts.h"

#include <stdlib.h>
#include <string.h>

#include "records/ask.h"
#include "records/audit.h"
#include "records/places.h"

static const char *const status_names[] = {
#define X(name, text) text,
    HUNT_STATUS_TABLE(X)
#undef X
};

const char *hunt_status_name(enum hunt_status status)
{
    CHECK((unsigned)status < HUNT_STATUS_COUNT);
    return status_names[status];
}

/* In wire and column order. */
#define ROW_TEXTS(X) X(id) X(organisation) X(who) X(why) X(problem)
#define ROW_NUMBERS(X)                                                                             \
    X(status)                                                                                      \
    X(created) X(finished) X(blocks_total) X(blocks_done) X(events) X(matches) X(end_day)          \
        X(end_block) X(day) X(block) X(retained_from) X(retained_to)

void hunt_row_encode(struct buf *out, const struct hunt_row *row)
{
#define X(name) buf_str(out, row->name);
    ROW_TEXTS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    ROW_NUMBERS(X)
#undef X
}

void hunt_row_decode(struct cursor *c, struct hunt_row *out)
{
#define X(name) out->name = cursor_str(c);
    ROW_TEXTS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    ROW_NUMBERS(X)
#undef X
    if (out->status < 0 || out->status >= HUNT_STATUS_COUNT || out->id.len != ID_TEXT_LEN) {
        c->failed = true;
        out->status = 0;
    }
}

/* ---- questions ---- */

void hunt_ask_start(struct buf *out, struct span organisation, struct span who, struct span why,
                    struct span definition)
{
    ask_begin(out, ASK_HUNT_START);
    buf_str(out, organisation);
    buf_str(out, who);
    buf_str(out, why);
    buf_str(out, definition);
}

void hunt_ask_list(struct buf *out, const struct policy_places *places, uint32_t limit)
{
    ask_begin(out, ASK_HUNT_LIST);
    places_encode(out, places);
    buf_u32(out, limit);
}

void hunt_ask_get(struct buf *out, const struct policy_places *places, struct span id)
{
    ask_begin(out, ASK_HUNT_GET);
    places_encode(out, places);
    buf_str(out, id);
}

void hunt_ask_cancel(struct buf *out, const struct policy_places *places, struct span id, struct span who)
{
    ask_begin(out, ASK_HUNT_CANCEL);
    places_encode(out, places);
    buf_str(out, id);
    buf_str(out, who);
}

/* ---- the table ---- */

#define ROW_COLUMNS                                                                                \
    "id, organisation, who, why, problem, status, created, finished, blocks_total, blocks_done, "  \
    "events, matches, end_day, end_block, day, block, retained_from, retained_to"
enum { ROW_COLUMN_COUNT = 18 };

static void read_row(struct db_stmt *s, struct arena *arena, struct hunt_row *out)
{
    int i = 0;
#define X(name) out->name = arena_copy(arena, db_col_text(s, i++));
    ROW_TEXTS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    ROW_NUMBERS(X)
#undef X
    CHECK(i == ROW_COLUMN_COUNT);
}

static int note(struct db *db, const struct hunt_row *row, struct span who, const char *what,
                time_ns at, struct err *e)
{
    struct audit_entry entry = {
        .at = at,
        .organisation = row->organisation,
        .who = who,
        .what = span_of(what),
        .subject = row->id,
        .why = row->why,
        .after = row->problem,
    };
    return audit_append(db, &entry, e);
}

static int count_open(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM hunt WHERE status < 2", e, &s);
    rc = rc < 0 ? rc : db_step(s, e);
    if (rc > 0) {
        rc = db_col_i64(s, 0) < HUNTS_OPEN_MAX
                 ? 0
                 : err_set(e, ERR_LIMIT, "%d hunts wait or run; cancel one or wait",
                           HUNTS_OPEN_MAX);
        db_done(s);
    }
    return rc;
}

static int forget_oldest(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "DELETE FROM hunt WHERE status >= 2 AND id NOT IN "
                      "(SELECT id FROM hunt WHERE status >= 2 ORDER BY created DESC, id DESC "
                      "LIMIT $1)",
                      e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, HUNTS_KEPT_MAX);
        rc = db_run(s, e);
    }
    return rc;
}

/* Whom it looks for, as a search on a person. */
static int note_persons(struct db *db, const struct hunt_row *row, struct span persons, struct err *e)
{
    const struct audit_entry entry = {
        .at = row->created,
        .organisation = row->organisation,
        .who = row->who,
        .what = SPAN("persons.searched"),
        .subject = row->id,
        .why = row->why,
        .after = persons,
    };
    return persons.len == 0 ? 0 : audit_append(db, &entry, e);
}

static int insert(struct db *db, const struct hunt_row *row, struct span definition, struct span persons, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = count_open(db, e);
    rc = rc < 0 ? rc : forget_oldest(db, e);
    rc = rc < 0 ? rc
                : db_query(db,
                           "INSERT INTO hunt (" ROW_COLUMNS ", definition, tally, result) VALUES "
                           "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
                           "$16, $17, $18, $19, $20, $21)",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
    int n = 1;
#define X(name) db_bind_text(s, n++, row->name);
    ROW_TEXTS(X)
#undef X
#define X(name) db_bind_i64(s, n++, row->name);
    ROW_NUMBERS(X)
#undef X
    db_bind_bytes(s, n++, definition);
    db_bind_bytes(s, n++, SPAN(""));
    db_bind_bytes(s, n, SPAN(""));
    rc = db_run(s, e);
    rc = rc < 0 ? rc : note(db, row, row->who, "hunt.started", row->created, e);
    return rc < 0 ? rc : note_persons(db, row, persons, e);
}

int hunts_create(struct db *db, const struct hunt_row *row, struct span definition, struct span persons, struct err *e)
{
    CHECK(row->organisation.len > 0 && row->status == HUNT_STATUS_WAITING);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, insert(db, row, definition, persons, e), e);
}

static int read_list(struct db_stmt *s, size_t most, struct arena *arena,
                     struct hunt_row **rows_out, size_t *count_out, struct err *e)
{
    int rc = 0;
    struct hunt_row *rows = arena_calloc(arena, most, sizeof *rows);
    *rows_out = rows;
    *count_out = 0;
    while ((rc = db_step(s, e)) > 0) {
        if (*count_out == most) {
            db_done(s);
            return 0;
        }
        read_row(s, arena, &rows[(*count_out)++]);
    }
    return rc;
}

/* Of one organisation, or "*". */
static int list_one(struct db *db, struct span organisation, size_t limit, struct arena *arena, struct hunt_row **rows_out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " ROW_COLUMNS " FROM hunt WHERE ($1 = '*' OR organisation = $1) "
                      "ORDER BY created DESC, id DESC LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    db_bind_i64(s, 2, (int64_t)limit);
    return read_list(s, limit, arena, rows_out, count_out, e);
}

/* Newest first; ids are of one length. */
static int newer(const void *pa, const void *pb)
{
    const struct hunt_row *a = pa;
    const struct hunt_row *b = pb;
    if (a->created != b->created) {
        return a->created > b->created ? -1 : 1;
    }
    return a->id.len == 0 || a->id.len != b->id.len ? 0 : memcmp(b->id.ptr, a->id.ptr, a->id.len);
}

int hunts_list(struct db *db, const struct policy_places *places, size_t limit, struct arena *arena,
               struct hunt_row **rows_out, size_t *count_out, struct err *e)
{
    struct hunt_row *all = arena_calloc(arena, limit * places->count + 1, sizeof *all);
    size_t n = 0;
    int rc = 0;
    CHECK(places->count > 0 && limit <= HUNTS_PAGE_MAX);
    for (uint32_t i = 0; i < places->count && rc == 0; i++) {
        struct hunt_row *rows = NULL;
        size_t count = 0;
        rc = list_one(db, places->at[i], limit, arena, &rows, &count, e);
        for (size_t k = 0; k < count && rc == 0; k++) {
            all[n++] = rows[k];
        }
    }
    qsort(all, n, sizeof *all, newer);
    *rows_out = all;
    *count_out = rc == 0 ? (n < limit ? n : limit) : 0;
    return rc;
}

int hunts_open(struct db *db, struct arena *arena, struct hunt_row **rows_out, size_t *count_out,
               struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT " ROW_COLUMNS " FROM hunt WHERE status < 2 ORDER BY created, id",
                      e, &s);
    return rc < 0 ? rc : read_list(s, HUNTS_OPEN_MAX, arena, rows_out, count_out, e);
}

static int get_one(struct db *db, struct span organisation, struct span id, struct arena *arena,
                   struct hunt_row *row_out, struct span *definition_out, struct span *tally_out,
                   struct span *result_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " ROW_COLUMNS ", definition, tally, result FROM hunt WHERE id = $1 "
                      "AND ($2 = '*' OR organisation = $2)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such hunt");
    }
    if (rc > 0) {
        struct span *const blobs[] = {definition_out, tally_out, result_out};
        read_row(s, arena, row_out);
        for (int i = 0; i < (int)ARRAY_LEN(blobs); i++) {
            if (blobs[i] != NULL) {
                *blobs[i] = arena_copy(arena, db_col_bytes(s, ROW_COLUMN_COUNT + i));
            }
        }
        db_done(s);
        rc = 0;
    }
    return rc;
}

int hunts_get(struct db *db, const struct policy_places *places, struct span id, struct arena *arena,
              struct hunt_row *row_out, struct span *definition_out, struct span *tally_out,
              struct span *result_out, struct err *e)
{
    int rc = ERR_NOT_FOUND;
    CHECK(places->count > 0);
    for (uint32_t i = 0; i < places->count && rc == ERR_NOT_FOUND; i++) {
        rc = get_one(db, places->at[i], id, arena, row_out, definition_out, tally_out, result_out, e);
    }
    return rc;
}

static int update(struct db *db, const struct hunt_row *row, struct span tally, struct span result,
                  struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE hunt SET problem = $1, status = $2, finished = $3, blocks_total = $4,"
                      " blocks_done = $5, events = $6, matches = $7, end_day = $8, end_block = $9,"
                      " day = $10, block = $11, retained_from = $12, retained_to = $13,"
                      " tally = $14, result = $15 WHERE id = $16",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    const int64_t numbers[] = {row->status,    row->finished, row->blocks_total, row->blocks_done,
                               row->events,    row->matches,  row->end_day,      row->end_block,
                               row->day,       row->block,    row->retained_from,
                               row->retained_to};
    db_bind_text(s, 1, row->problem);
    for (int i = 0; i < (int)ARRAY_LEN(numbers); i++) {
        db_bind_i64(s, 2 + i, numbers[i]);
    }
    db_bind_bytes(s, 14, tally);
    db_bind_bytes(s, 15, result);
    db_bind_text(s, 16, row->id);
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) == 0 ? err_set(e, ERR_NOT_FOUND, "no such hunt") : rc;
}

int hunts_progress(struct db *db, const struct hunt_row *row, struct span tally,
                   struct span result, struct err *e)
{
    CHECK(row->status < HUNT_STATUS_DONE);
    return update(db, row, tally, result, e);
}

static int finish(struct db *db, const struct hunt_row *row, struct span result, struct span who,
                  struct err *e)
{
    const char *what = row->status == HUNT_STATUS_DONE        ? "hunt.done"
                       : row->status == HUNT_STATUS_CANCELLED ? "hunt.cancelled"
                                                              : "hunt.failed";
    int rc = update(db, row, SPAN(""), result, e);
    return rc < 0 ? rc : note(db, row, who, what, row->finished, e);
}

int hunts_finish(struct db *db, const struct hunt_row *row, struct span result, struct span who,
                 struct err *e)
{
    CHECK(row->status >= HUNT_STATUS_DONE && row->finished != TIME_NONE);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, finish(db, row, result, who, e), e);
}
