/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Pages and counts of alerts: see alerts.h. Runs in the keeper. The SQL of a page is put together
 * from fixed pieces; what people typed is only ever a bound value, and search words are compared
 * here, so that case folds the same everywhere.
 */
#include <stdlib.h>

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

/* ---- pages ---- */

/*
 * A page is read along one index that fits what was asked, newest first, and whatever that index
 * does not choose is compared here, row by row, for at most ALERT_SCAN_MAX rows. So no question can
 * make the keeper walk ten million alerts. Without host, rule or organisation the queue is read as
 * one stream per status (and level, if levels were asked for), each along its own stretch of an
 * index, and merged.
 */
struct key {
    int64_t received;
    struct span id;
};

struct found {
    struct alert_row *rows;
    size_t count;
    size_t cap;
    bool cut; /* a stream ended at its bound: nothing older than `floor` is complete */
    struct key floor;
    int64_t scan_max; /* rows that all streams together may look at */
};

/* Newer first; the id decides between receipts of the same moment. */
static int key_compare(int64_t received_a, struct span a, int64_t received_b, struct span b)
{
    if (received_a != received_b) {
        return received_a > received_b ? -1 : 1;
    }
    size_t n = a.len < b.len ? a.len : b.len;
    int by_bytes = n == 0 ? 0 : memcmp(b.ptr, a.ptr, n);
    return by_bytes != 0 ? by_bytes : (a.len < b.len) - (a.len > b.len);
}

static int row_compare(const void *pa, const void *pb)
{
    const struct alert_row *a = pa;
    const struct alert_row *b = pb;
    return key_compare(a->received, a->id, b->received, b->id);
}

/* Which column the walk goes along; the values are bound as $3 and $4. */
enum walk { WALK_ALL, WALK_STATUS, WALK_LEVEL, WALK_HOST, WALK_RULE, WALK_ORGANISATION };

#define WALK_HEAD "SELECT " ALERT_COLUMNS " FROM alert WHERE "
#define WALK_TAIL                                                                                  \
    "received <= $1 AND (received < $1 OR id < $2) ORDER BY received DESC, id DESC LIMIT $5"

static const char *const walk_sql[] = {
    [WALK_ALL] = WALK_HEAD WALK_TAIL,
    [WALK_STATUS] = WALK_HEAD "status = $3 AND " WALK_TAIL,
    [WALK_LEVEL] = WALK_HEAD "status = $3 AND level = $4 AND " WALK_TAIL,
    [WALK_HOST] = WALK_HEAD "host = $3 AND " WALK_TAIL,
    [WALK_RULE] = WALK_HEAD "rule_id = $3 AND " WALK_TAIL,
    [WALK_ORGANISATION] = WALK_HEAD "organisation = $3 AND " WALK_TAIL,
};

static bool row_fits(const struct alert_row *row, const struct alert_filter *f,
                     const struct words *w, struct arena *scratch)
{
    return (f->statuses == 0 || (f->statuses >> row->status & 1) != 0) &&
           (f->levels == 0 || (f->levels >> row->level & 1) != 0) &&
           (f->rule_id.len == 0 || span_eq(f->rule_id, row->rule_id)) &&
           (f->host.len == 0 || span_eq(f->host, row->host)) &&
           policy_places_have(&f->places, row->organisation) &&
           (w->count == 0 || row_has_words(row, w, scratch));
}

/* Takes rows that fit until one more than a page is there, or `bound` rows were looked at. */
static int walk_fill(struct db_stmt *s, const struct alert_filter *f, const struct words *w,
                     int64_t bound, struct arena *arena, struct found *out, struct err *e)
{
    struct arena scratch;
    struct alert_row row = {0};
    char last_id[ALERT_ID_LEN] = {0};
    size_t taken = 0;
    int64_t seen = 0;
    int rc = 0;
    arena_init(&scratch, 0);
    while (taken <= f->limit && (rc = db_step(s, e)) > 0) {
        alert_row_read(s, NULL, &row);
        arena_reset(&scratch);
        seen++;
        memcpy(last_id, row.id.ptr, row.id.len < sizeof last_id ? row.id.len : sizeof last_id);
        if (row_fits(&row, f, w, &scratch)) {
            CHECK(out->count < out->cap);
            alert_row_read(s, arena, &out->rows[out->count++]);
            taken++;
        }
    }
    if (rc > 0) {
        db_done(s);
    }
    struct span id = span_make(last_id, sizeof last_id);
    if (seen == bound && taken <= f->limit &&
        (!out->cut || key_compare(row.received, id, out->floor.received, out->floor.id) < 0)) {
        out->cut = true;
        out->floor = (struct key){row.received, arena_copy(arena, id)};
    }
    arena_fini(&scratch);
    return rc < 0 ? rc : 0;
}

struct walk_value {
    struct span text;      /* of host, rule or organisation */
    int64_t status, level; /* of the other walks */
    int64_t bound;
};

static int walk_one(struct db *db, enum walk walk, const struct walk_value *v,
                    const struct alert_filter *f, const struct words *w, struct arena *arena,
                    struct found *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, walk_sql[walk], e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, f->before_received);
    db_bind_text(s, 2, f->before_id);
    if (walk == WALK_STATUS || walk == WALK_LEVEL) {
        db_bind_i64(s, 3, v->status);
    } else if (walk != WALK_ALL) {
        db_bind_text(s, 3, v->text);
    }
    if (walk == WALK_LEVEL) {
        db_bind_i64(s, 4, v->level);
    }
    db_bind_i64(s, 5, v->bound);
    return walk_fill(s, f, w, v->bound, arena, out, e);
}

/* Read along the organisations, one stream for each. */
static bool by_place(const struct alert_filter *f)
{
    return f->host.len == 0 && f->rule_id.len == 0 && !policy_places_whole(&f->places);
}

/* How many streams are read. */
static int streams_of(const struct alert_filter *f)
{
    if (by_place(f)) {
        return (int)f->places.count;
    }
    uint32_t statuses = f->statuses & ((1u << ALERT_STATUS_COUNT) - 1);
    uint32_t levels = f->levels & ((1u << (LEVEL_CRITICAL + 1)) - 1);
    int n = (f->statuses == 0 ? ALERT_STATUS_COUNT : __builtin_popcount(statuses)) *
            (f->levels == 0 ? 1 : __builtin_popcount(levels));
    return n > 0 ? n : 1;
}

/* One stream per status, and per level when levels were asked for. */
static int walk_queue(struct db *db, const struct alert_filter *f, const struct words *w,
                      struct arena *arena, struct found *out, struct err *e)
{
    int rc = 0;
    struct walk_value v = {.bound = out->scan_max / streams_of(f) + 1};
    for (v.status = 0; v.status < ALERT_STATUS_COUNT && rc == 0; v.status++) {
        if (f->statuses != 0 && (f->statuses >> v.status & 1) == 0) {
            continue;
        }
        if (f->levels == 0) {
            rc = walk_one(db, WALK_STATUS, &v, f, w, arena, out, e);
            continue;
        }
        for (v.level = 0; v.level <= LEVEL_CRITICAL && rc == 0; v.level++) {
            rc = (f->levels >> v.level & 1) == 0
                     ? 0
                     : walk_one(db, WALK_LEVEL, &v, f, w, arena, out, e);
        }
    }
    return rc;
}

static int walk_all(struct db *db, const struct alert_filter *f, const struct words *w,
                    struct arena *arena, struct found *out, struct err *e)
{
    struct walk_value v = {.bound = out->scan_max};
    if (f->host.len > 0) {
        v.text = f->host;
        return walk_one(db, WALK_HOST, &v, f, w, arena, out, e);
    }
    if (f->rule_id.len > 0) {
        v.text = f->rule_id;
        return walk_one(db, WALK_RULE, &v, f, w, arena, out, e);
    }
    if (by_place(f)) {
        int rc = 0;
        v.bound = f->places.count == 1 ? out->scan_max : out->scan_max / f->places.count + 1;
        for (uint32_t i = 0; i < f->places.count && rc == 0; i++) {
            v.text = f->places.at[i];
            rc = walk_one(db, WALK_ORGANISATION, &v, f, w, arena, out, e);
        }
        return rc;
    }
    if (f->statuses == 0 && f->levels == 0) {
        return walk_one(db, WALK_ALL, &v, f, w, arena, out, e);
    }
    return walk_queue(db, f, w, arena, out, e);
}

/* Newest first, a page of them; where it ends is where the next one begins. */
static void page_cut(struct found *found, uint32_t limit, struct alert_page *out)
{
    size_t n = found->count;
    qsort(found->rows, n, sizeof *found->rows, row_compare);
    while (found->cut && n > 0 &&
           key_compare(found->rows[n - 1].received, found->rows[n - 1].id, found->floor.received,
                       found->floor.id) > 0) {
        n--; /* older than where a stream was cut: the next page has it, in its place */
    }
    out->rows = found->rows;
    out->count = n < limit ? n : limit;
    out->more = found->cut || n > limit;
    if (n > limit || (n > 0 && !found->cut)) {
        out->last_received = out->rows[out->count - 1].received;
        out->last_id = out->rows[out->count - 1].id;
    } else if (found->cut) {
        out->last_received = found->floor.received;
        out->last_id = found->floor.id;
    }
}

int alerts_list_bounded(struct db *db, const struct alert_filter *f, int64_t scan_max,
                        struct arena *arena, struct alert_page *out, struct err *e)
{
    CHECK(f->places.count > 0 && scan_max > 0);
    CHECK(f->limit > 0 && f->limit <= ALERT_PAGE_MAX && f->words.len <= ALERT_QUERY_MAX);
    struct words w;
    struct found found = {.cap = ((size_t)f->limit + 1) * (size_t)streams_of(f),
                          .scan_max = scan_max};
    *out = (struct alert_page){0};
    words_split(f->words, &w);
    found.rows = arena_calloc(arena, found.cap, sizeof *found.rows);
    int rc = walk_all(db, f, &w, arena, &found, e);
    if (rc == 0) {
        page_cut(&found, f->limit, out);
    }
    return rc;
}

int alerts_list(struct db *db, const struct alert_filter *f, struct arena *arena,
                struct alert_page *out, struct err *e)
{
    return alerts_list_bounded(db, f, ALERT_SCAN_MAX, arena, out, e);
}

/* ---- counts ---- */

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

/* Of one organisation, or "*". */
static int count_one(struct db *db, struct span organisation, time_ns now, struct alert_counts *out,
                     struct err *e)
{
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

int alerts_count(struct db *db, const struct policy_places *places, time_ns now, struct alert_counts *out,
                 struct err *e)
{
    int rc = 0;
    CHECK(places->count > 0);
    *out = (struct alert_counts){.oldest_open = TIME_NONE};
    for (uint32_t i = 0; i < places->count && rc == 0; i++) { /* none is there twice */
        struct alert_counts n = {0};
        rc = count_one(db, places->at[i], now, &n, e);
        for (int k = 0; k < ALERT_STATUS_COUNT; k++) {
            out->by_status[k] += n.by_status[k];
        }
        out->closed_today += n.closed_today;
        if (rc == 0 && n.oldest_open != TIME_NONE && (out->oldest_open == TIME_NONE || n.oldest_open < out->oldest_open)) {
            out->oldest_open = n.oldest_open;
        }
    }
    return rc;
}
