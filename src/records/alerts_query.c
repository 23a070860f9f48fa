/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Pages and counts of alerts: see alerts.h. Runs in the keeper. The SQL of a page is put together
 * from fixed pieces; what people typed is only ever a bound value, and search words are compared
 * here, so that case folds the same everywhere.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "records/alerts.h"
#include "records/alerts_priv.h"

enum { WORDS_MAX = 16, FOLDED_MAX = 2 * ALERT_QUERY_MAX };

struct words {
    struct span word[WORDS_MAX]; /* folded */
    size_t count;
    char text[FOLDED_MAX];
};

/* Words beyond the sixteenth are not looked at; a search of that many is a sentence that matches
 * nothing anyway. */
static void words_split(struct span query, struct words *w)
{
    w->count = 0;
    CHECK(utf8_fold_room(query.len) <= sizeof w->text);
    struct span rest = span_make(w->text, utf8_fold(query, w->text));
    while (w->count < WORDS_MAX) {
        rest = span_trim(rest);
        size_t n = 0;
        while (n < rest.len && strchr(" \t\r\n", rest.ptr[n]) == NULL) {
            n++;
        }
        if (n == 0) {
            return;
        }
        w->word[w->count++] = span_sub(rest, 0, n);
        rest = span_sub(rest, n, rest.len);
    }
}

static bool row_has_words(const struct alert_row *row, const struct words *w, struct arena *scratch)
{
    const struct span parts[] = {row->title, row->summary, row->host,
                                 row->user,  row->source,  row->rule_id};
    bool found[WORDS_MAX] = {false};
    size_t left = w->count;
    for (size_t i = 0; i < ARRAY_LEN(parts) && left > 0; i++) {
        char *folded = arena_bytes(scratch, utf8_fold_room(parts[i].len));
        size_t len = utf8_fold(parts[i], folded);
        for (size_t k = 0; k < w->count; k++) {
            if (!found[k] && memmem(folded, len, w->word[k].ptr, w->word[k].len) != NULL) {
                found[k] = true;
                left--;
            }
        }
    }
    return left == 0;
}

/* " AND column IN (…)" of the bits set: digits of our own, no text from outside. */
static void sql_bits(struct buf *sql, const char *column, uint32_t bits, unsigned count)
{
    if (bits == 0) {
        return;
    }
    buf_printf(sql, " AND %s IN (-1", column);
    for (unsigned i = 0; i < count; i++) {
        if ((bits >> i & 1) != 0) {
            buf_printf(sql, ", %u", i);
        }
    }
    buf_cstr(sql, ")");
}

static void list_sql(struct buf *sql, const struct alert_filter *f)
{
    buf_cstr(sql, "SELECT " ALERT_COLUMNS
                  " FROM alert WHERE (received < $1 OR (received = $1 AND id < $2))"
                  " AND received <= $1");
    if (!span_eq(f->organisation, SPAN("*"))) {
        buf_cstr(sql, " AND organisation = $3");
    }
    sql_bits(sql, "status", f->statuses, ALERT_STATUS_COUNT);
    sql_bits(sql, "level", f->levels, LEVEL_CRITICAL + 1);
    if (f->rule_id.len > 0) {
        buf_cstr(sql, " AND rule_id = $4");
    }
    if (f->host.len > 0) {
        buf_cstr(sql, " AND host = $5");
    }
    buf_cstr(sql, " ORDER BY received DESC, id DESC LIMIT $6");
    buf_u8(sql, 0);
}

static int list_query(struct db *db, const struct alert_filter *f, struct db_stmt **s,
                      struct err *e)
{
    struct buf sql;
    buf_init(&sql, DB_SQL_MAX);
    list_sql(&sql, f);
    CHECK(!sql.failed);
    int rc = db_query(db, sql.data, e, s);
    buf_free(&sql);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(*s, 1, f->before_received);
    db_bind_text(*s, 2, f->before_id);
    if (!span_eq(f->organisation, SPAN("*"))) {
        db_bind_text(*s, 3, f->organisation);
    }
    if (f->rule_id.len > 0) {
        db_bind_text(*s, 4, f->rule_id);
    }
    if (f->host.len > 0) {
        db_bind_text(*s, 5, f->host);
    }
    db_bind_i64(*s, 6, f->words.len > 0 ? ALERT_SCAN_MAX : (int64_t)f->limit + 1);
    return 0;
}

/* Walks the rows; ends when the page is full and one more was seen, or when the rows end. */
static int list_fill(struct db_stmt *s, const struct alert_filter *f, const struct words *w,
                     struct arena *arena, struct alert_page *out, struct err *e)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    int64_t seen = 0;
    int rc = 0;
    char last_id[ALERT_ID_LEN];
    size_t last_len = 0;
    while (!out->more && (rc = db_step(s, e)) > 0) {
        struct alert_row row;
        alert_row_read(s, NULL, &row);
        arena_reset(&scratch);
        seen++;
        bool fits = w->count == 0 || row_has_words(&row, w, &scratch);
        if (fits && out->count == f->limit) {
            out->more = true;
            db_done(s);
            break;
        }
        if (fits) {
            alert_row_read(s, arena, &out->rows[out->count++]);
        }
        out->last_received = row.received;
        last_len = row.id.len < sizeof last_id ? row.id.len : sizeof last_id;
        memcpy(last_id, row.id.ptr, last_len);
    }
    out->last_id = arena_copy(arena, span_make(last_id, last_len));
    out->more = out->more || (f->words.len > 0 && seen == ALERT_SCAN_MAX);
    arena_fini(&scratch);
    return rc < 0 ? rc : 0;
}

int alerts_list(struct db *db, const struct alert_filter *f, struct arena *arena,
                struct alert_page *out, struct err *e)
{
    CHECK(f->organisation.len > 0);
    CHECK(f->limit > 0 && f->limit <= ALERT_PAGE_MAX && f->words.len <= ALERT_QUERY_MAX);
    *out = (struct alert_page){.rows = arena_calloc(arena, f->limit, sizeof *out->rows)};
    struct words w;
    words_split(f->words, &w);
    struct db_stmt *s = NULL;
    int rc = list_query(db, f, &s, e);
    return rc < 0 ? rc : list_fill(s, f, &w, arena, out, e);
}

/* One number for ($1 = organisation, $2 = argument); TIME_NONE when the result is NULL. */
static int one_number(struct db *db, const char *sql, struct span organisation, int64_t arg,
                      int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    db_bind_i64(s, 2, arg);
    rc = db_step(s, e);
    *out = TIME_NONE;
    if (rc > 0) {
        *out = db_col_null(s, 0) ? TIME_NONE : db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int alerts_count(struct db *db, struct span organisation, time_ns now, struct alert_counts *out,
                 struct err *e)
{
    CHECK(organisation.len > 0);
    int rc = 0;
    for (int i = 0; i < ALERT_STATUS_COUNT && rc == 0; i++) {
        rc = one_number(db,
                        "SELECT COALESCE(SUM(alerts), 0) FROM alert_count "
                        "WHERE ($1 = '*' OR organisation = $1) AND status = $2",
                        organisation, i, &out->by_status[i], e);
    }
    if (rc == 0) {
        rc = one_number(
            db, "SELECT COUNT(*) FROM alert WHERE ($1 = '*' OR organisation = $1) AND closed >= $2",
            organisation, time_day(now) * TIME_DAY, &out->closed_today, e);
    }
    /* Two look-ups that the index on status answers at once, rather than one that walks everything
     * open. */
    int64_t oldest[2] = {TIME_NONE, TIME_NONE};
    for (int i = 0; i < 2 && rc == 0; i++) {
        rc = one_number(
            db,
            "SELECT received FROM alert WHERE ($1 = '*' OR organisation = $1) AND status = $2 "
            "ORDER BY received LIMIT 1",
            organisation, i, &oldest[i], e);
    }
    bool first = oldest[1] == TIME_NONE || (oldest[0] != TIME_NONE && oldest[0] < oldest[1]);
    out->oldest_open = first ? oldest[0] : oldest[1];
    return rc;
}
