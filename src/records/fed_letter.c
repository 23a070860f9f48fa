/* SPDX-License-Identifier: EUPL-1.2 */
/* Letters to small members: see fed_letter.h. Runs in the keeper. */
#include "records/fed_letter.h"

#include "records/fed_room.h"

/* state: "waiting", "sent", "failed" (given up), "dropped" (it was not to go, or not any more) */
const char fed_letter_sql[] =
    "CREATE TABLE fed_letter ("
    " item TEXT NOT NULL, version BIGINT NOT NULL, link TEXT NOT NULL, state TEXT NOT NULL,"
    " tries BIGINT NOT NULL, next_try BIGINT NOT NULL, created BIGINT NOT NULL, ended BIGINT NOT NULL,"
    " why TEXT NOT NULL, PRIMARY KEY (item, version, link));"
    "CREATE INDEX fed_letter_due ON fed_letter (state, next_try);";

/* One statement with texts in front and numbers behind, as it is written. */
static int run(struct db *db, const char *sql, const struct span *texts, int ntexts, const int64_t *numbers, int nnumbers, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < ntexts; i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    for (int i = 0; i < nnumbers; i++) {
        db_bind_i64(s, ntexts + i + 1, numbers[i]);
    }
    return db_run(s, e);
}

/* First column of the first row. */
static int number_of(struct db *db, const char *sql, const struct span *texts, int ntexts, int64_t number, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < ntexts; i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    if (ntexts > 0) {
        db_bind_i64(s, ntexts + 1, number);
    }
    rc = db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

#define TO_WHOM                                                                                                      \
    "FROM fed_link_page WHERE circle = $1 AND mail <> '' AND revoked = 0 AND expires > $2 AND EXISTS "               \
    "(SELECT 1 FROM fed_circle WHERE id = $1 AND own = 1)"

/* One for each link, as far as there is room; what is left out is counted. */
static int queue_all(struct db *db, struct span circle, struct span item, int64_t version, time_ns now, struct err *e)
{
    const struct fed_room_of of = {FED_ROOM_LETTERS, circle, SPAN("")};
    const struct span texts[] = {circle, item};
    int64_t waiting = 0, wanted = 0;
    int rc = number_of(db, "SELECT COUNT(*) FROM fed_letter WHERE state = 'waiting'", NULL, 0, 0, &waiting, e);
    rc = rc < 0 ? rc : number_of(db, "SELECT COUNT(*) " TO_WHOM, texts, 1, now, &wanted, e);
    int64_t room = fed_room_rows(FED_ROOM_LETTERS) - waiting;
    room = room < 0 ? 0 : room;
    const int64_t numbers[] = {version, now, room};
    rc = rc < 0 ? rc
                : run(db,
                      "INSERT INTO fed_letter (item, version, link, state, tries, next_try, created, ended, why) "
                      "SELECT $2, $3, id, 'waiting', 0, $4, $4, 0, '' FROM fed_link_page WHERE circle = $1 AND mail <> '' AND "
                      "revoked = 0 AND expires > $4 AND EXISTS (SELECT 1 FROM fed_circle WHERE id = $1 AND own = 1) "
                      "ORDER BY id LIMIT $5 ON CONFLICT (item, version, link) DO NOTHING",
                      texts, 2, numbers, 3, e);
    return rc < 0 ? rc : fed_room_note(db, &of, wanted > room ? wanted - room : 0, 0, now, e);
}

int fed_letter_queue(struct db *db, struct span circle, struct span item, int64_t version, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    const struct span texts[] = {item};
    const int64_t numbers[] = {version, now};
    int rc = run(db,
                 "UPDATE fed_letter SET state = 'dropped', why = 'there is a newer version', ended = $3 WHERE item = $1 AND "
                 "state = 'waiting' AND version < $2",
                 texts, 1, numbers, 2, e);
    return rc < 0 ? rc : queue_all(db, circle, item, version, now, e);
}

static int end_pointless(struct db *db, time_ns now, struct err *e)
{
    static const char *const rules[] = {
        "UPDATE fed_letter SET state = 'dropped', why = 'the link has ended', ended = $1 WHERE state = 'waiting' AND NOT EXISTS "
        "(SELECT 1 FROM fed_link_page p WHERE p.id = fed_letter.link AND p.revoked = 0 AND p.expires > $1)",
        "UPDATE fed_letter SET state = 'dropped', why = 'the item is gone', ended = $1 WHERE state = 'waiting' AND NOT EXISTS "
        "(SELECT 1 FROM fed_item i WHERE i.id = fed_letter.item AND i.bare = 0 AND i.state IN ('current', 'tightened') "
        "AND i.expires > $1)",
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(rules) && rc == 0; i++) {
        rc = run(db, rules[i], NULL, 0, &now, 1, e);
    }
    return rc;
}

static int read_due(struct db *db, time_ns now, struct arena *arena, struct fed_letter_due *out, size_t *n, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT item, link, version, tries FROM fed_letter WHERE state = 'waiting' AND next_try <= $1 "
                      "ORDER BY next_try, item, link LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_i64(s, 2, FED_LETTERS_AT_ONCE);
    while ((rc = db_step(s, e)) > 0) {
        out[(*n)++].letter = (struct fed_letter){.item = arena_copy(arena, db_col_text(s, 0)),
                                                 .link = arena_copy(arena, db_col_text(s, 1)),
                                                 .version = db_col_i64(s, 2),
                                                 .tries = db_col_i64(s, 3)};
    }
    return rc;
}

static int gather(struct db *db, time_ns now, struct arena *arena, struct fed_letter_due *out, size_t *n, struct err *e)
{
    int rc = end_pointless(db, now, e);
    rc = rc < 0 ? rc : read_due(db, now, arena, out, n, e);
    for (size_t i = 0; i < *n && rc == 0; i++) {
        rc = fed_item_get(db, out[i].letter.item, arena, &out[i].item, e);
        rc = rc < 0 ? rc : fed_link_page_get(db, out[i].letter.link, arena, &out[i].page, e);
    }
    return rc;
}

int fed_letters_due(struct db *db, time_ns now, struct arena *arena, struct fed_letter_due **out, size_t *count_out, struct err *e)
{
    *out = arena_calloc(arena, FED_LETTERS_AT_ONCE, sizeof **out);
    *count_out = 0;
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, gather(db, now, arena, *out, count_out, e), e);
}

static int64_t pause_s(int64_t tries)
{
    int64_t s = FED_LETTER_PAUSE_S;
    for (int64_t i = 1; i < tries && s < FED_LETTER_PAUSE_MAX_S; i++) {
        s *= 2;
    }
    return s > FED_LETTER_PAUSE_MAX_S ? FED_LETTER_PAUSE_MAX_S : s;
}

int fed_letter_set(struct db *db, const struct fed_letter *letter, enum fed_letter_end end, struct span why, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db) && end < FED_LETTER_ENDS);
    int64_t tries = letter->tries + 1;
    bool again = end == FED_LETTER_AGAIN && tries < FED_LETTER_TRIES_MAX;
    const char *state = end == FED_LETTER_SENT ? "sent" : end == FED_LETTER_DROPPED ? "dropped" : again ? "waiting" : "failed";
    const struct span texts[] = {letter->item, letter->link, span_of(state), span_sub(why, 0, FED_LETTER_WHY_MAX)};
    const int64_t numbers[] = {letter->version, tries, again ? now + pause_s(tries) * TIME_SECOND : 0, again ? 0 : now};
    return run(db,
               "UPDATE fed_letter SET state = $3, why = $4, tries = $6, next_try = $7, ended = $8 WHERE item = $1 AND link = $2 "
               "AND version = $5 AND state = 'waiting'",
               texts, 4, numbers, 4, e);
}

int fed_letter_sweep(struct db *db, time_ns now, struct err *e)
{
    int64_t before = now - FED_LETTER_KEPT_DAYS * TIME_DAY;
    return run(db, "DELETE FROM fed_letter WHERE state <> 'waiting' AND ended < $1", NULL, 0, &before, 1, e);
}

int fed_letters_write(struct db *db, struct span item, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT p.organisation, p.person, l.state, l.why, l.version, l.tries, l.created, l.ended, p.last_used FROM fed_letter l "
                      "JOIN fed_link_page p ON p.id = l.link WHERE l.item = $1 ORDER BY l.version DESC, p.organisation, p.person, p.id LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, item);
    db_bind_i64(s, 2, FED_LETTERS_SHOWN_MAX);
    while ((rc = db_step(s, e)) > 0) {
        for (int i = 0; i < 4; i++) {
            buf_str(out, db_col_text(s, i));
        }
        for (int i = 4; i < 9; i++) {
            buf_u64(out, (uint64_t)db_col_i64(s, i));
        }
        n++;
    }
    if (!out->failed) {
        memcpy(out->data + at, &n, sizeof n);
    }
    return rc;
}

void fed_letter_row_decode(struct cursor *c, struct fed_letter_row *out)
{
    struct span *const texts[] = {&out->organisation, &out->person, &out->state, &out->why};
    int64_t *const numbers[] = {&out->version, &out->tries, &out->created, &out->ended, &out->used};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        *numbers[i] = (int64_t)cursor_u64(c);
    }
}
