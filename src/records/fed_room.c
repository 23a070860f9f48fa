/* SPDX-License-Identifier: EUPL-1.2 */
/* Room for what others can make grow: see fed_room.h. Runs in the keeper. */
#include "records/fed_room.h"

#include "base/check.h"

/* What is there already is counted; the index is for items of one author. */
const char fed_room_sql[] =
    "CREATE TABLE fed_room ("
    " room BIGINT NOT NULL, circle TEXT NOT NULL, owner TEXT NOT NULL, rows BIGINT NOT NULL,"
    " bytes BIGINT NOT NULL, dropped BIGINT NOT NULL, refused BIGINT NOT NULL, last BIGINT NOT NULL,"
    " PRIMARY KEY (room, circle, owner));"
    "CREATE INDEX fed_room_last ON fed_room (last);"
    "INSERT INTO fed_room SELECT 0, '', peer, COUNT(*), COALESCE(SUM(LENGTH(body)), 0), 0, 0, 0 FROM fed_envelope "
    "WHERE peer <> '' GROUP BY peer;"
    "INSERT INTO fed_room SELECT 1, circle, node, COUNT(*), 0, 0, 0, 0 FROM fed_signal GROUP BY circle, node;"
    "CREATE INDEX fed_item_author ON fed_item (author, circle, bare);"
    "CREATE INDEX fed_warning_circle ON fed_warning (circle, updated);";

static const struct {
    const char *word;
    int64_t rows, bytes;
} rooms[] = {
#define ROOM(name, word, rows, bytes, whose) {word, rows, bytes},
#include "records/fed_room.def"
#undef ROOM
};
_Static_assert((int)FED_ROOM_ENVELOPES == 0 && (int)FED_ROOM_SIGNALS == 1, "the migration counts by these numbers");

const char *fed_room_word(enum fed_room r)
{
    CHECK((size_t)r < ARRAY_LEN(rooms));
    return rooms[r].word;
}

int64_t fed_room_rows(enum fed_room r)
{
    CHECK((size_t)r < ARRAY_LEN(rooms));
    return rooms[r].rows;
}

int64_t fed_room_bytes(enum fed_room r)
{
    CHECK((size_t)r < ARRAY_LEN(rooms));
    return rooms[r].bytes;
}

static void bind_owner(struct db_stmt *s, const struct fed_room_of *of)
{
    db_bind_i64(s, 1, of->room);
    db_bind_text(s, 2, of->circle);
    db_bind_text(s, 3, of->owner);
}

static int run(struct db *db, const char *sql, const struct fed_room_of *of, const int64_t *numbers, int n, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(db_in_transaction(db) && of->room < FED_ROOM_COUNT);
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    bind_owner(s, of);
    for (int i = 0; i < n; i++) {
        db_bind_i64(s, 4 + i, numbers[i]);
    }
    return db_run(s, e);
}

int fed_room_get(struct db *db, const struct fed_room_of *of, struct fed_room_row *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = (struct fed_room_row){.room = of->room, .circle = of->circle, .owner = of->owner};
    int rc = db_query(db, "SELECT rows, bytes, dropped, refused, last FROM fed_room WHERE room = $1 AND circle = $2 AND owner = $3", e, &s);
    if (rc < 0) {
        return rc;
    }
    bind_owner(s, of);
    rc = db_step(s, e);
    if (rc > 0) {
        int64_t *const into[] = {&out->rows, &out->bytes, &out->dropped, &out->refused, &out->last};
        for (int i = 0; i < (int)ARRAY_LEN(into); i++) {
            *into[i] = db_col_i64(s, i);
        }
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

int fed_room_add(struct db *db, const struct fed_room_of *of, int64_t rows, int64_t bytes, struct err *e)
{
    const int64_t numbers[] = {rows, bytes};
    return run(db,
               "INSERT INTO fed_room (room, circle, owner, rows, bytes, dropped, refused, last) VALUES ($1, $2, $3, $4, $5, 0, 0, 0) "
               "ON CONFLICT (room, circle, owner) DO UPDATE SET rows = fed_room.rows + $4, bytes = fed_room.bytes + $5",
               of, numbers, 2, e);
}

int fed_room_set(struct db *db, const struct fed_room_of *of, int64_t rows, int64_t bytes, struct err *e)
{
    const int64_t numbers[] = {rows, bytes};
    return run(db, "UPDATE fed_room SET rows = $4, bytes = $5 WHERE room = $1 AND circle = $2 AND owner = $3", of, numbers, 2, e);
}

int fed_room_note(struct db *db, const struct fed_room_of *of, int64_t dropped, int64_t refused, time_ns now, struct err *e)
{
    const int64_t numbers[] = {dropped, refused, now};
    return dropped + refused == 0
               ? 0
               : run(db,
                     "INSERT INTO fed_room (room, circle, owner, rows, bytes, dropped, refused, last) VALUES ($1, $2, $3, 0, 0, $4, $5, $6) "
                     "ON CONFLICT (room, circle, owner) DO UPDATE SET dropped = fed_room.dropped + $4, "
                     "refused = fed_room.refused + $5, last = $6",
                     of, numbers, 3, e);
}

int fed_rooms_write(struct db *db, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT room, circle, owner, rows, bytes, dropped, refused, last FROM fed_room WHERE last > 0 "
                      "ORDER BY last DESC, room, circle, owner LIMIT $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, FED_ROOMS_SHOWN_MAX);
    while ((rc = db_step(s, e)) > 0) {
        buf_u64(out, (uint64_t)db_col_i64(s, 0));
        buf_str(out, db_col_text(s, 1));
        buf_str(out, db_col_text(s, 2));
        for (int i = 3; i < 8; i++) {
            buf_u64(out, (uint64_t)db_col_i64(s, i));
        }
        n++;
    }
    if (!out->failed) {
        memcpy(out->data + at, &n, sizeof n);
    }
    return rc;
}

void fed_room_decode(struct cursor *c, struct fed_room_row *out)
{
    out->room = (int64_t)cursor_u64(c);
    out->circle = cursor_str(c);
    out->owner = cursor_str(c);
    int64_t *const into[] = {&out->rows, &out->bytes, &out->dropped, &out->refused, &out->last};
    for (size_t i = 0; i < ARRAY_LEN(into); i++) {
        *into[i] = (int64_t)cursor_u64(c);
    }
    c->failed = c->failed || out->room < 0 || out->room >= FED_ROOM_COUNT;
}
