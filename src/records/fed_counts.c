/* SPDX-License-Identifier: EUPL-1.2 */
/* The federation in numbers: see fed_counts.h. Runs in the keeper; what it looks at is bounded, since it is asked for again and again. */
#include "records/fed_counts.h"

static const struct fed_count_line lines[] = {
#define FED_COUNT(metric, label, value, help, rows) {metric, label, value, help},
#include "records/fed_counts.def"
#undef FED_COUNT
};

static const char *const queries[] = {
#define FED_COUNT(metric, label, value, help, rows) "SELECT COUNT(*) FROM (" rows " LIMIT $1) few",
#include "records/fed_counts.def"
#undef FED_COUNT
};

const struct fed_count_line *fed_count_lines(size_t *count_out)
{
    *count_out = ARRAY_LEN(lines);
    return lines;
}

bool fed_room_is_counted(enum fed_room r)
{
    return r == FED_ROOM_ENVELOPES || r == FED_ROOM_SIGNALS;
}

/* Numbers of a sum in the order of the query and of the message. */
enum { SUM_NUMBERS = 5 };
static void numbers_of(struct fed_room_sum *sum, int64_t *out[SUM_NUMBERS])
{
    int64_t *const all[SUM_NUMBERS] = {&sum->rows, &sum->bytes, &sum->dropped, &sum->refused, &sum->owners};
    memcpy(out, all, sizeof all);
}

static int sum_rooms(struct db *db, struct fed_counts *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT room, SUM(rows), SUM(bytes), SUM(dropped), SUM(refused), SUM(CASE WHEN last > 0 THEN 1 ELSE 0 END) "
                      "FROM fed_room GROUP BY room",
                      e, &s);
    while (rc >= 0 && (rc = db_step(s, e)) > 0) {
        int64_t room = db_col_i64(s, 0);
        int64_t *numbers[SUM_NUMBERS];
        if (room < 0 || room >= FED_ROOM_COUNT) {
            continue; /* of a newer program */
        }
        numbers_of(&out->rooms[room], numbers);
        for (int i = 0; i < SUM_NUMBERS; i++) {
            *numbers[i] = db_col_i64(s, i + 1);
        }
    }
    return rc;
}

static int count_rows(struct db *db, const char *sql, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, FED_COUNT_MOST);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

int fed_counts_write(struct db *db, struct buf *out, struct err *e)
{
    struct fed_counts c = {0};
    int rc = sum_rooms(db, &c, e);
    for (size_t i = 0; i < ARRAY_LEN(queries) && rc == 0; i++) {
        rc = count_rows(db, queries[i], &c.counts[i], e);
    }
    for (int r = 0; r < FED_ROOM_COUNT && rc == 0; r++) {
        int64_t *numbers[SUM_NUMBERS];
        numbers_of(&c.rooms[r], numbers);
        for (int i = 0; i < SUM_NUMBERS; i++) {
            buf_u64(out, (uint64_t)*numbers[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(queries) && rc == 0; i++) {
        buf_u64(out, (uint64_t)c.counts[i]);
    }
    return rc;
}

void fed_counts_decode(struct cursor *c, struct fed_counts *out)
{
    for (int r = 0; r < FED_ROOM_COUNT; r++) {
        int64_t *numbers[SUM_NUMBERS];
        numbers_of(&out->rooms[r], numbers);
        for (int i = 0; i < SUM_NUMBERS; i++) {
            *numbers[i] = (int64_t)cursor_u64(c);
        }
    }
    for (size_t i = 0; i < FED_COUNTS; i++) {
        out->counts[i] = (int64_t)cursor_u64(c);
    }
}
