/* SPDX-License-Identifier: EUPL-1.2 */
/* Envelopes: see fed_envelope.h. Runs in the keeper. */
#include "records/fed_envelope.h"

#include "records/fed_room.h"

/* Clocks of nodes differ: an id is known for a day longer than its envelope lives. */
#define KEEP_AFTER TIME_DAY
/* What was taken back is known by its id for longer, in case clocks are wrong by far. */
#define KEEP_GONE (400 * TIME_DAY)

int fed_envelope_known(struct db *db, struct span id, struct fed_known *known, struct err *e)
{
    struct db_stmt *s = NULL;
    known->state = known->reason = SPAN("");
    int rc = db_query(db, "SELECT state, reason FROM fed_envelope WHERE id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc > 0) {
        known->state = arena_copy(known->arena, db_col_text(s, 0));
        known->reason = arena_copy(known->arena, db_col_text(s, 1));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

int fed_envelope_put(struct db *db, const struct fed_envelope_row *row, struct fed_known *known,
                     struct err *e)
{
    CHECK(db_in_transaction(db) && row->id.len > 0);
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_envelope (id, type, issuer, circle, epoch, created, "
                      "expires, received, peer, state, reason, body) VALUES ($1, $2, $3, $4, $5, "
                      "$6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, row->id);
    db_bind_text(s, 2, row->type);
    db_bind_text(s, 3, row->issuer);
    db_bind_text(s, 4, row->circle);
    db_bind_i64(s, 5, row->epoch);
    db_bind_i64(s, 6, row->created);
    db_bind_i64(s, 7, row->expires);
    db_bind_i64(s, 8, row->received);
    db_bind_text(s, 9, row->peer);
    db_bind_text(s, 10, row->state);
    db_bind_text(s, 11, row->reason);
    db_bind_bytes(s, 12, row->body);
    rc = db_run(s, e);
    if (rc < 0 || known == NULL) {
        return rc;
    }
    known->state = known->reason = SPAN("");
    return db_changes(db) > 0 ? 0 : fed_envelope_known(db, row->id, known, e);
}

int fed_envelope_get(struct db *db, struct span id, struct arena *arena,
                     struct fed_envelope_row *out, struct err *e)
{
    struct db_stmt *s = NULL;
    memset(out, 0, sizeof *out);
    int rc = db_query(db,
                      "SELECT id, type, issuer, circle, peer, state, reason, epoch, created, "
                      "expires, received, body FROM fed_envelope WHERE id = $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such envelope");
    }
    struct span *const texts[] = {&out->id,   &out->type,  &out->issuer, &out->circle,
                                  &out->peer, &out->state, &out->reason};
    for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(arena, db_col_text(s, i));
    }
    out->epoch = db_col_i64(s, 7);
    out->created = db_col_i64(s, 8);
    out->expires = db_col_i64(s, 9);
    out->received = db_col_i64(s, 10);
    out->body = arena_copy(arena, db_col_bytes(s, 11));
    db_done(s);
    return 0;
}

/* The content goes: its peer has so much more room. */
static int give_back(struct db *db, struct span id, struct err *e)
{
    struct db_stmt *s = NULL;
    char peer[64];
    int rc = db_query(db, "SELECT peer, LENGTH(body) FROM fed_envelope WHERE id = $1 AND peer <> '' AND body IS NOT NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc;
    }
    struct span name = span_sub(db_col_text(s, 0), 0, sizeof peer);
    int64_t bytes = db_col_i64(s, 1);
    memcpy(peer, name.ptr, name.len);
    const struct fed_room_of of = {FED_ROOM_ENVELOPES, SPAN(""), span_make(peer, name.len)};
    db_done(s);
    return fed_room_add(db, &of, 0, -bytes, e);
}

int fed_envelope_set(struct db *db, struct span id, struct span state, struct span reason,
                     struct err *e)
{
    CHECK(db_in_transaction(db));
    bool gone = span_eq(state, SPAN("gone"));
    struct db_stmt *s = NULL;
    int rc = gone ? give_back(db, id, e) : 0;
    rc = rc < 0 ? rc
                : db_query(db,
                      gone ? "UPDATE fed_envelope SET state = $1, reason = $2, body = NULL "
                             "WHERE id = $3"
                           : "UPDATE fed_envelope SET state = $1, reason = $2 WHERE id = $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, state);
    db_bind_text(s, 2, reason);
    db_bind_text(s, 3, id);
    return db_run(s, e);
}

int fed_envelope_held(struct db *db, time_ns received, struct span id, struct buf *out,
                      struct err *e)
{
    enum { MOST = 100, MOST_BYTES = 4 << 20 };
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len, bytes = 0;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT received, id, peer, body FROM fed_envelope WHERE state = 'held' AND "
                      "(received > $1 OR (received = $1 AND id > $2)) ORDER BY received, id LIMIT $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, received);
    db_bind_text(s, 2, id);
    db_bind_i64(s, 3, MOST);
    while (bytes < MOST_BYTES && (rc = db_step(s, e)) > 0) {
        struct span body = db_col_bytes(s, 3);
        buf_u64(out, (uint64_t)db_col_i64(s, 0));
        buf_str(out, db_col_text(s, 1));
        buf_str(out, db_col_text(s, 2));
        buf_str(out, body);
        bytes += body.len;
        n++;
    }
    db_done(s);
    for (unsigned i = 0; i < 4 && !out->failed; i++) {
        out->data[at + i] = (char)(n >> 8 * i & 0xff);
    }
    return rc < 0 ? rc : 0;
}

int fed_envelope_newer(struct db *db, struct buf *out, struct err *e)
{
    enum { LOOKED_AT = 10000 };
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COUNT(*) FROM (SELECT reason FROM fed_envelope WHERE state = 'held' ORDER BY received LIMIT $1) AS h "
                      "WHERE reason LIKE 'newer%'",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, LOOKED_AT);
    rc = db_step(s, e);
    buf_u64(out, rc > 0 ? (uint64_t)db_col_i64(s, 0) : 0);
    db_done(s);
    return rc < 0 ? rc : 0;
}

/* $1: they expired before, $2: those that are gone; what still waits for somebody stays. */
#define OVER "fed_envelope.expires < $1 AND (state <> 'gone' OR expires < $2) AND NOT EXISTS (SELECT 1 FROM fed_out WHERE fed_out.envelope = fed_envelope.id)"

int fed_envelope_sweep(struct db *db, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    static const char *const steps[] = {
        ("UPDATE fed_room SET rows = fed_room.rows - g.n, bytes = fed_room.bytes - g.b FROM "
         "(SELECT peer, COUNT(*) AS n, COALESCE(SUM(LENGTH(body)), 0) AS b FROM fed_envelope WHERE peer <> '' AND " OVER
         " GROUP BY peer) AS g WHERE fed_room.room = 0 AND fed_room.circle = '' AND fed_room.owner = g.peer"),
        "DELETE FROM fed_envelope WHERE " OVER,
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, steps[i], e, &s);
        if (rc == 0) {
            db_bind_i64(s, 1, now - KEEP_AFTER);
            db_bind_i64(s, 2, now - KEEP_GONE);
            rc = db_run(s, e);
        }
    }
    return rc;
}
