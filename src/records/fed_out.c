/* SPDX-License-Identifier: EUPL-1.2 */
/* The outbox of federation: see fed_out.h. Runs in the keeper. */
#include "records/fed_out.h"

#include "base/vec.h"
#include "records/fed_envelope.h"

enum { ENVELOPE_MAX = 1 << 20, TYPE_MAX = 32, CIRCLE_MAX = 64 };

static bool part_fits(struct span s, size_t max)
{
    return s.len > 0 && s.len <= max;
}

static int check(const struct fed_out *out, struct err *e)
{
    bool fine = out->id.len == FED_ROW_ID_LEN && part_fits(out->envelope, ENVELOPE_MAX) &&
                part_fits(out->type, TYPE_MAX) && part_fits(out->reason, FED_TEXT_MAX) &&
                part_fits(out->audience, FED_TEXT_MAX) && out->circle.len <= CIRCLE_MAX &&
                out->npeers <= FED_OUT_PEERS_MAX && out->class < FED_OUT_CLASS_COUNT &&
                (out->npeers > 0 || out->circle.len > 0);
    for (size_t i = 0; fine && i < out->npeers; i++) {
        fine = out->peer[i].len == FED_ROW_NODE_LEN;
    }
    return fine ? 0
                : err_set(e, ERR_INVALID,
                          "what is to be sent lacks a part (id, type, receiver, reason, audience)");
}

/* ---- streams ---- */

int fed_out_state(struct db *db, struct span peer, struct fed_out_state *out, struct err *e)
{
    struct db_stmt *s = NULL;
    memset(out, 0, sizeof *out);
    int rc = db_query(db,
                      "SELECT epoch, seq, acked, waiting, bytes, dropped FROM fed_stream "
                      "WHERE peer = $1 AND way = 0",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc;
    }
    int64_t *const to[] = {&out->epoch, &out->seq,   &out->acked,
                           &out->waiting, &out->bytes, &out->dropped};
    for (int i = 0; i < (int)ARRAY_LEN(to); i++) {
        *to[i] = db_col_i64(s, i);
    }
    db_done(s);
    return 0;
}

static int put_state(struct db *db, struct span peer, const struct fed_out_state *st, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_stream (peer, way, epoch, seq, acked, id, waiting, bytes, "
                      "dropped, contact) VALUES ($1, 0, $2, $3, $4, '', $5, $6, $7, 0) "
                      "ON CONFLICT (peer, way) DO UPDATE SET epoch = excluded.epoch, "
                      "seq = excluded.seq, acked = excluded.acked, waiting = excluded.waiting, "
                      "bytes = excluded.bytes, dropped = excluded.dropped",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    const int64_t values[] = {st->epoch, st->seq, st->acked, st->waiting, st->bytes, st->dropped};
    for (int i = 0; i < (int)ARRAY_LEN(values); i++) {
        db_bind_i64(s, i + 2, values[i]);
    }
    return db_run(s, e);
}

/* One number out of one row; `or_else` when there is none. */
static int number_of(struct db *db, const char *sql, struct span peer, int64_t arg, int64_t or_else,
                     int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = or_else;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    if (arg >= 0) {
        db_bind_i64(s, 2, arg);
    }
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc;
    }
    *out = db_col_null(s, 0) ? or_else : db_col_i64(s, 0);
    db_done(s);
    return 0;
}

/* Bulk that waits longest goes, until there is room for `bytes` more. */
static int make_room(struct db *db, struct span peer, struct fed_out_state *st, int64_t bytes,
                     struct err *e)
{
    int rc = 0;
    while (rc == 0 &&
           (st->waiting >= FED_OUT_ROWS_MAX || st->bytes + bytes > FED_OUT_BYTES_MAX)) {
        int64_t place = 0, freed = 0;
        struct db_stmt *s = NULL;
        rc = number_of(db,
                       "SELECT place FROM fed_out WHERE peer = $1 AND seq = 0 AND class = $2 "
                       "ORDER BY place LIMIT 1",
                       peer, FED_OUT_BULK, -1, &place, e);
        if (rc < 0 || place < 0) {
            return rc;
        }
        rc = number_of(db, "SELECT bytes FROM fed_out WHERE peer = $1 AND place = $2", peer, place,
                       0, &freed, e);
        rc = rc < 0 ? rc : db_query(db, "DELETE FROM fed_out WHERE place = $1", e, &s);
        if (rc == 0) {
            db_bind_i64(s, 1, place);
            rc = db_run(s, e);
        }
        st->waiting--;
        st->bytes -= freed;
        st->dropped++;
    }
    return rc;
}

static int insert_row(struct db *db, const struct fed_out *out, struct span peer, time_ns now,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_out (place, peer, seq, acked, class, envelope, bytes, "
                      "reason, audience, queued) VALUES "
                      "((SELECT COALESCE(MAX(place), 0) + 1 FROM fed_out), $1, 0, 0, $2, $3, $4, "
                      "$5, $6, $7) ON CONFLICT (envelope, peer) DO NOTHING",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    db_bind_i64(s, 2, (int64_t)out->class);
    db_bind_text(s, 3, out->id);
    db_bind_i64(s, 4, (int64_t)out->envelope.len);
    db_bind_text(s, 5, out->reason);
    db_bind_text(s, 6, out->audience);
    db_bind_i64(s, 7, now);
    rc = db_run(s, e);
    return rc < 0 ? rc : db_changes(db) > 0;
}

static int put_for(struct db *db, const struct fed_out *out, struct span peer, time_ns now,
                   size_t *placed, struct err *e)
{
    struct fed_out_state st;
    int64_t bytes = (int64_t)out->envelope.len;
    int rc = fed_out_state(db, peer, &st, e);
    rc = rc < 0 ? rc : make_room(db, peer, &st, bytes, e);
    if (rc < 0) {
        return rc;
    }
    bool full = st.waiting >= FED_OUT_ROWS_MAX || st.bytes + bytes > FED_OUT_BYTES_MAX;
    if (full && out->class == FED_OUT_RESULT) {
        return err_set(e, ERR_LIMIT, "the outbox for %.*s is full (%lld envelopes wait)",
                       SPAN_ARG(peer), (long long)st.waiting);
    }
    if (full && out->class == FED_OUT_BULK) {
        st.dropped++;
        return put_state(db, peer, &st, e);
    }
    rc = insert_row(db, out, peer, now, e);
    if (rc <= 0) {
        return rc; /* it waits there already, or was sent */
    }
    (*placed)++;
    st.waiting++;
    st.bytes += bytes;
    return put_state(db, peer, &st, e);
}

/* The hub of a circle; empty when this node is it. */
static int hub_of(struct db *db, struct span circle, char hub_out[FED_ROW_NODE_LEN + 1], struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT hub, own FROM fed_circle WHERE id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no circle %.*s", SPAN_ARG(circle));
    }
    struct span hub = db_col_text(s, 0);
    bool own = db_col_i64(s, 1) != 0;
    hub_out[0] = '\0';
    rc = hub.len == FED_ROW_NODE_LEN ? 0 : err_set(e, ERR_INVALID, "a circle without a hub");
    if (rc == 0 && !own) {
        memcpy(hub_out, hub.ptr, FED_ROW_NODE_LEN);
        hub_out[FED_ROW_NODE_LEN] = '\0';
    }
    db_done(s);
    return rc;
}

int fed_out_put(struct db *db, const struct fed_out *out, time_ns now, size_t *placed_out,
                struct err *e)
{
    CHECK(db_in_transaction(db));
    *placed_out = 0;
    char hub[FED_ROW_NODE_LEN + 1] = "";
    int rc = check(out, e);
    if (rc == 0 && out->npeers == 0) {
        rc = hub_of(db, out->circle, hub, e);
    }
    const struct fed_envelope_row row = {.id = out->id,
                                         .type = out->type,
                                         .issuer = out->issuer,
                                         .circle = out->circle,
                                         .epoch = out->epoch,
                                         .created = out->created,
                                         .expires = out->expires,
                                         .received = now,
                                         .peer = SPAN(""),
                                         .state = SPAN("own"),
                                         .reason = out->reason,
                                         .body = out->envelope};
    rc = rc < 0 ? rc : fed_envelope_put(db, &row, NULL, e);
    struct span only = span_of(hub);
    const struct span *peers = out->npeers > 0 ? out->peer : &only;
    size_t n = out->npeers > 0 ? out->npeers : hub[0] != '\0';
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = put_for(db, out, peers[i], now, placed_out, e);
    }
    return rc;
}

void fed_out_encode(struct buf *b, const struct fed_out *out)
{
    buf_u32(b, (uint32_t)out->npeers);
    for (size_t i = 0; i < out->npeers; i++) {
        buf_str(b, out->peer[i]);
    }
    buf_u8(b, (uint8_t)out->class);
    const struct span texts[] = {out->circle, out->id,     out->type,    out->issuer,
                                 out->reason, out->audience, out->envelope};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(b, texts[i]);
    }
    buf_u64(b, (uint64_t)out->epoch);
    buf_u64(b, (uint64_t)out->created);
    buf_u64(b, (uint64_t)out->expires);
}

void fed_out_decode(struct cursor *c, struct arena *arena, struct fed_out *out)
{
    memset(out, 0, sizeof *out);
    uint32_t n = cursor_u32(c);
    if (n > FED_OUT_PEERS_MAX) {
        c->failed = true;
        return;
    }
    struct span *peers = arena_calloc(arena, n + 1, sizeof *peers);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        peers[i] = cursor_str(c);
    }
    out->peer = peers;
    out->npeers = n;
    uint8_t class = cursor_u8(c);
    if (class >= FED_OUT_CLASS_COUNT) {
        c->failed = true;
        class = 0;
    }
    out->class = (enum fed_out_class)class;
    struct span *const texts[] = {&out->circle, &out->id,       &out->type,    &out->issuer,
                                  &out->reason, &out->audience, &out->envelope};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
    out->epoch = (int64_t)cursor_u64(c);
    out->created = (time_ns)cursor_u64(c);
    out->expires = (time_ns)cursor_u64(c);
}

/* ---- taking out ---- */

static int run_for(struct db *db, const char *sql, struct span peer, int64_t a, int64_t b,
                   struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    if (a >= 0) {
        db_bind_i64(s, 2, a);
    }
    if (b >= 0) {
        db_bind_i64(s, 3, b);
    }
    return db_run(s, e);
}

/* Rows up to `after` that had no receipt: how many, and their bytes. Looks at those alone. */
static int count_open(struct db *db, struct span peer, const struct fed_out_state *st,
                      int64_t after, int64_t *n_out, int64_t *bytes_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM fed_out WHERE peer = $1 AND "
                      "seq <> 0 AND seq > $2 AND seq <= $3 AND acked = 0",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    db_bind_i64(s, 2, st->acked);
    db_bind_i64(s, 3, after);
    rc = db_step(s, e);
    if (rc > 0) {
        *n_out = db_col_i64(s, 0);
        *bytes_out = db_col_i64(s, 1);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int take_receipt(struct db *db, struct span peer, struct fed_out_state *st, int64_t after,
                        struct err *e)
{
    int64_t n = 0, bytes = 0;
    if (after <= st->acked) {
        return 0;
    }
    int rc = count_open(db, peer, st, after, &n, &bytes, e);
    rc = rc < 0 ? rc
                : run_for(db,
                          "UPDATE fed_out SET acked = 1 WHERE peer = $1 AND seq <> 0 AND seq > $2 AND "
                          "seq <= $3 AND acked = 0",
                          peer, st->acked, after, e);
    st->acked = after;
    st->waiting -= n;
    st->bytes -= bytes;
    return rc;
}

/* Numbers for rows that have none, while fewer than max_rows are on their way. */
static int give_numbers(struct db *db, struct span peer, struct fed_out_state *st, size_t max_rows,
                        struct arena *arena, struct err *e)
{
    size_t open = (size_t)(st->seq - st->acked);
    size_t n = 0, room = open < max_rows ? max_rows - open : 0;
    size_t held = 0;
    int64_t *places = NULL;
    struct db_stmt *s = NULL;
    int rc = room == 0 ? 0
                       : db_query(db,
                                  "SELECT place FROM fed_out WHERE peer = $1 AND seq = 0 "
                                  "ORDER BY class, place LIMIT $2",
                                  e, &s);
    if (rc < 0 || room == 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    db_bind_i64(s, 2, (int64_t)room);
    while ((rc = db_step(s, e)) > 0) {
        places = arena_more(arena, places, n, &held, sizeof *places);
        places[n++] = db_col_i64(s, 0);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = run_for(db, "UPDATE fed_out SET seq = $2 WHERE peer = $1 AND place = $3", peer,
                     ++st->seq, places[i], e);
    }
    if (rc == 0 && n > 0 && st->epoch == 0) {
        st->epoch = 1;
    }
    return rc;
}

static int read_rows(struct db *db, struct span peer, int64_t after, size_t max_rows,
                     struct arena *arena, struct fed_out_batch *out, struct err *e)
{
    struct db_stmt *s = NULL;
    size_t bytes = 0, room = 0;
    int rc = db_query(db,
                      "SELECT o.seq, o.class, o.envelope, v.type, v.circle, o.reason, o.audience, "
                      "v.body FROM fed_out o JOIN fed_envelope v ON v.id = o.envelope "
                      "WHERE o.peer = $1 AND o.seq <> 0 AND o.seq > $2 ORDER BY o.seq LIMIT $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    db_bind_i64(s, 2, after);
    db_bind_i64(s, 3, (int64_t)max_rows);
    while (out->count < max_rows && (rc = db_step(s, e)) > 0) {
        struct span body = db_col_bytes(s, 7);
        if (out->count > 0 && bytes + body.len > FED_OUT_BATCH_BYTES) {
            break;
        }
        out->rows = arena_more(arena, out->rows, out->count, &room, sizeof *out->rows);
        struct fed_out_row *r = &out->rows[out->count];
        bytes += body.len;
        r->seq = db_col_i64(s, 0);
        r->class = db_col_i64(s, 1);
        struct span *const to[] = {&r->id, &r->type, &r->circle, &r->reason, &r->audience};
        for (int i = 0; i < (int)ARRAY_LEN(to); i++) {
            *to[i] = arena_copy(arena, db_col_text(s, i + 2));
        }
        r->envelope = arena_copy(arena, body);
        out->count++;
    }
    db_done(s);
    return rc < 0 ? rc : 0;
}

/* Receipt and numbers of one peer. ERR_INVALID: nothing was changed. */
static int prepare(struct db *db, const struct fed_out_ask *ask, size_t max_rows,
                   struct arena *arena, struct fed_out_batch *out, struct err *e)
{
    struct fed_out_state *st = &out->state;
    int64_t fresh = 0;
    int rc = fed_out_state(db, ask->peer, st, e);
    rc = rc < 0 ? rc
                : number_of(db, "SELECT 1 FROM fed_out WHERE peer = $1 AND seq = 0 LIMIT 1",
                            ask->peer, -1, 0, &fresh, e);
    bool same = ask->epoch == st->epoch;
    if (rc < 0 || (fresh == 0 && !(same && ask->after > st->acked))) {
        return rc;
    }
    if (same && ask->after > st->seq) {
        return err_set(e, ERR_INVALID, "a receipt for number %lld, and %lld was the last sent",
                       (long long)ask->after, (long long)st->seq);
    }
    rc = take_receipt(db, ask->peer, st, same ? ask->after : 0, e);
    rc = rc < 0 ? rc : give_numbers(db, ask->peer, st, max_rows, arena, e);
    return rc < 0 ? rc : put_state(db, ask->peer, st, e);
}

static int batches_within(struct db *db, const struct fed_out_ask *asks, size_t count,
                          size_t max_rows, struct arena *arena, struct fed_out_batch *out,
                          struct err *e)
{
    size_t bytes = 0;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct fed_out_batch *b = &out[i];
        if (bytes >= FED_OUT_BATCHES_BYTES) {
            b->rc = ERR_BUSY;
            continue;
        }
        rc = prepare(db, &asks[i], max_rows, arena, b, e);
        if (rc == ERR_INVALID) { /* no reason for the others to wait */
            b->rc = rc;
            rc = 0;
            continue;
        }
        int64_t from = asks[i].epoch == b->state.epoch ? asks[i].after : 0;
        rc = rc < 0 ? rc : read_rows(db, asks[i].peer, from, max_rows, arena, b, e);
        for (size_t k = 0; k < b->count; k++) {
            bytes += b->rows[k].envelope.len;
        }
    }
    return rc;
}

/* A transaction that changed nothing costs no sync. */
int fed_out_batches(struct db *db, const struct fed_out_ask *asks, size_t count, size_t max_rows,
                    struct arena *arena, struct fed_out_batch *out, struct err *e)
{
    CHECK(max_rows > 0 && max_rows <= FED_OUT_BATCH_MAX && count <= FED_OUT_BATCHES_MAX);
    memset(out, 0, count * sizeof *out);
    int rc = db_begin(db, e);
    return rc < 0 ? rc
                  : db_end(db, batches_within(db, asks, count, max_rows, arena, out, e), e);
}

int fed_out_batch(struct db *db, struct span peer, int64_t epoch, int64_t after, size_t max_rows,
                  struct arena *arena, struct fed_out_batch *out, struct err *e)
{
    const struct fed_out_ask ask = {peer, epoch, after};
    int rc = fed_out_batches(db, &ask, 1, max_rows, arena, out, e);
    return rc < 0 ? rc : out->rc;
}

int fed_out_restart(struct db *db, struct span peer, int64_t epoch, struct err *e)
{
    struct fed_out_state st;
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = fed_out_state(db, peer, &st, e);
    if (rc == 0 && epoch <= st.epoch) {
        rc = err_set(e, ERR_INVALID, "epoch %lld is not newer than %lld", (long long)epoch,
                     (long long)st.epoch);
    }
    rc = rc < 0 ? rc
                : run_for(db,
                          "UPDATE fed_out SET seq = 0, acked = 0 WHERE peer = $1 AND seq <> 0",
                          peer, -1, -1, e);
    rc = rc < 0 ? rc
                : number_of(db, "SELECT COUNT(*) FROM fed_out WHERE peer = $1 AND seq = 0", peer, -1, 0,
                            &st.waiting, e);
    rc = rc < 0 ? rc
                : number_of(db, "SELECT SUM(bytes) FROM fed_out WHERE peer = $1 AND seq = 0", peer, -1, 0,
                            &st.bytes, e);
    st.epoch = epoch;
    st.seq = st.acked = 0;
    return db_end(db, rc < 0 ? rc : put_state(db, peer, &st, e), e);
}

int fed_out_id(struct db *db, struct span peer, int64_t seq, char id_out[FED_ROW_ID_LEN + 1],
               struct err *e)
{
    struct db_stmt *s = NULL;
    id_out[0] = '\0';
    int rc = db_query(db, "SELECT envelope FROM fed_out WHERE peer = $1 AND seq <> 0 AND seq = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, peer);
    db_bind_i64(s, 2, seq);
    rc = db_step(s, e);
    if (rc > 0) {
        struct span id = db_col_text(s, 0);
        if (id.len == FED_ROW_ID_LEN && seq > 0) {
            memcpy(id_out, id.ptr, id.len);
            id_out[FED_ROW_ID_LEN] = '\0';
        }
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

int fed_out_drop_peer(struct db *db, struct span peer, struct err *e)
{
    struct fed_out_state st;
    CHECK(db_in_transaction(db));
    int rc = fed_out_state(db, peer, &st, e);
    rc = rc < 0 ? rc
                : run_for(db, "DELETE FROM fed_out WHERE peer = $1 AND seq = 0", peer, -1, -1, e);
    rc = rc < 0 ? rc
                : run_for(db, "DELETE FROM fed_out WHERE peer = $1 AND seq <> 0", peer, -1, -1, e);
    st.waiting = st.bytes = 0;
    return rc < 0 ? rc : put_state(db, peer, &st, e);
}

/* Over what waits, and what was sent and has no receipt. */
#define OF_OPEN(what)                                                                              \
    "SELECT (SELECT " what " FROM fed_out WHERE peer = $1 AND seq = 0) + "                         \
    "(SELECT " what " FROM fed_out WHERE peer = $1 AND seq <> 0 AND acked = 0)"

/* Rows whose envelope expired leave the outbox; such as waited are no longer counted as waiting. */
static int sweep_peer(struct db *db, struct span peer, time_ns now, struct err *e)
{
    static const char expired[] =
        "DELETE FROM fed_out WHERE peer = $1 AND envelope IN "
        "(SELECT id FROM fed_envelope WHERE expires < $2) AND (seq = 0 OR acked = 1)";
    struct fed_out_state st;
    int rc = run_for(db, expired, peer, now, -1, e);
    rc = rc < 0 ? rc : fed_out_state(db, peer, &st, e);
    rc = rc < 0 ? rc
                : number_of(db, OF_OPEN("COUNT(*)"), peer, -1, 0, &st.waiting, e);
    rc = rc < 0 ? rc : number_of(db, OF_OPEN("COALESCE(SUM(bytes), 0)"), peer, -1, 0, &st.bytes, e);
    return rc < 0 ? rc : put_state(db, peer, &st, e);
}

static int sweep_within(struct db *db, time_ns now, struct err *e)
{
    struct arena arena;
    struct db_stmt *s = NULL;
    VEC(struct span) peers = {0};
    arena_init(&arena, 0);
    int rc = db_query(db, "SELECT peer FROM fed_stream WHERE way = 0 ORDER BY peer", e, &s);
    while (rc >= 0 && (rc = db_step(s, e)) > 0) {
        vec_push(&peers, arena_copy(&arena, db_col_text(s, 0)));
    }
    for (size_t i = 0; rc == 0 && i < peers.len; i++) {
        rc = sweep_peer(db, peers.data[i], now, e);
    }
    vec_free(&peers);
    arena_fini(&arena);
    return rc < 0 ? rc : fed_envelope_sweep(db, now, e);
}

int fed_out_sweep(struct db *db, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, sweep_within(db, now, e), e);
}
