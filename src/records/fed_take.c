/* SPDX-License-Identifier: EUPL-1.2 */
/* Taking envelopes in: see fed_take.h. Runs in the keeper. */
#include "records/fed_take.h"

#include "records/fed_book.h"
#include "records/fed_room.h"

#define TAKEN_SPANS(X)                                                                             \
    X(row.id) X(row.type) X(row.issuer) X(row.circle) X(row.peer) X(row.state) X(row.reason)       \
        X(row.body) X(digest) X(relay_reason) X(audience)
#define TAKEN_NUMBERS(X)                                                                           \
    X(stream_epoch) X(seq) X(row.epoch) X(row.created) X(row.expires) X(row.received)

void fed_taken_encode(struct buf *out, const struct fed_taken *t)
{
#define X(name) buf_str(out, t->name);
    TAKEN_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)t->name);
    TAKEN_NUMBERS(X)
#undef X
    buf_u8(out, (uint8_t)t->class);
    buf_u32(out, (uint32_t)t->npeers);
    for (size_t i = 0; i < t->npeers; i++) {
        buf_str(out, t->peer[i]);
    }
}

void fed_taken_decode(struct cursor *c, struct arena *arena, struct fed_taken *out)
{
    memset(out, 0, sizeof *out);
#define X(name) out->name = cursor_str(c);
    TAKEN_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    TAKEN_NUMBERS(X)
#undef X
    uint8_t class = cursor_u8(c);
    uint32_t n = cursor_u32(c);
    if (class >= FED_OUT_CLASS_COUNT || n > FED_OUT_PEERS_MAX) {
        c->failed = true;
        return;
    }
    out->class = (enum fed_out_class)class;
    struct span *peers = arena_calloc(arena, n + 1, sizeof *peers);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        peers[i] = cursor_str(c);
    }
    out->peer = peers;
    out->npeers = n;
}

static bool harmless(int rc)
{
    return rc == ERR_INVALID || rc == ERR_DENIED || rc == ERR_NOT_FOUND || rc == ERR_LIMIT;
}

static int apply(struct db *db, const struct fed_taken *t, fed_apply_of *apply_of, time_ns now,
                 struct arena *arena, struct fed_outcome *o, struct err *e)
{
    struct err why = {0};
    fed_apply *run = apply_of(t->row.type);
    struct cursor digest = cursor_of(t->digest);
    if (run == NULL) {
        return 0;
    }
    int rc = run(db, &t->row, &digest, now, &why);
    if (rc == 0) {
        return 0;
    }
    if (!harmless(rc)) {
        return err_set(e, rc, "%s: %s", arena_cstr(arena, t->row.type), why.text);
    }
    o->fresh = false;
    o->state = SPAN("refused");
    o->reason = span_of(arena_strdup(arena, why.text));
    return fed_envelope_set(db, t->row.id, o->state, o->reason, e);
}

static int relay(struct db *db, const struct fed_taken *t, time_ns now, struct err *e)
{
    size_t placed = 0;
    const struct fed_out out = {.circle = t->row.circle,
                                .peer = t->peer,
                                .npeers = t->npeers,
                                .class = t->class,
                                .id = t->row.id,
                                .type = t->row.type,
                                .issuer = t->row.issuer,
                                .epoch = t->row.epoch,
                                .created = t->row.created,
                                .expires = t->row.expires,
                                .envelope = t->row.body,
                                .reason = t->relay_reason,
                                .audience = t->audience};
    int rc = fed_out_put(db, &out, now, &placed, e);
    return rc == ERR_LIMIT ? 0 : rc; /* counted at the peer whose outbox is full */
}

/* What one peer has brought: read when its first envelope of the batch comes, written behind its last. */
struct purse {
    struct fed_room_row have;
    int64_t rows, bytes, refused; /* of this batch */
};

/* Of its kind so much is kept: see fed_room.def. */
static bool room_for(const struct purse *p, const struct fed_taken *t)
{
    static const char *const control[] = {"membership", "revoke", "key", "hello"};
    static const char *const corrections[] = {"tombstone", "relabel", "receipt"};
    int64_t rows = fed_room_rows(FED_ROOM_ENVELOPES);
    int64_t bytes = fed_room_bytes(FED_ROOM_ENVELOPES);
    for (size_t i = 0; i < ARRAY_LEN(control); i++) {
        if (span_eq(t->row.type, span_of(control[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(corrections); i++) {
        if (span_eq(t->row.type, span_of(corrections[i]))) {
            rows += rows / 4;
            bytes += bytes / 4;
            break;
        }
    }
    return t->row.peer.len == 0 || (p->have.rows + p->rows < rows &&
                                    p->have.bytes + p->bytes + (int64_t)t->row.body.len <= bytes);
}

static int purse_open(struct db *db, struct span peer, struct purse *p, struct err *e)
{
    const struct fed_room_of of = {FED_ROOM_ENVELOPES, SPAN(""), peer};
    *p = (struct purse){0};
    return peer.len == 0 ? 0 : fed_room_get(db, &of, &p->have, e);
}

static int purse_close(struct db *db, struct span peer, const struct purse *p, time_ns now, struct err *e)
{
    const struct fed_room_of of = {FED_ROOM_ENVELOPES, SPAN(""), peer};
    int rc = peer.len == 0 || p->rows == 0 ? 0 : fed_room_add(db, &of, p->rows, p->bytes, e);
    return rc < 0 ? rc : fed_room_note(db, &of, 0, p->refused, now, e);
}

static int refuse_for_room(struct db *db, const struct fed_taken *t, struct purse *p, struct fed_known *known, struct err *e)
{
    int rc = fed_envelope_known(db, t->row.id, known, e);
    if (rc == 0 && known->state.len == 0) {
        p->refused++;
        known->state = SPAN("refused");
        known->reason = SPAN("room: so much of this peer's is kept already; it was not kept");
    }
    return rc;
}

static int take_one(struct db *db, const struct fed_taken *t, fed_apply_of *apply_of, time_ns now,
                    struct arena *arena, struct purse *p, struct fed_outcome *o, struct err *e)
{
    struct fed_known known = {.arena = arena};
    bool room = room_for(p, t);
    int rc = room ? fed_envelope_put(db, &t->row, &known, e) : refuse_for_room(db, t, p, &known, e);
    if (rc < 0) {
        return rc;
    }
    o->fresh = known.state.len == 0;
    p->rows += o->fresh;
    p->bytes += o->fresh ? (int64_t)t->row.body.len : 0;
    /* One that was held is looked at again: what is decided now counts. */
    bool again = span_eq(known.state, SPAN("held")) && !span_eq(t->row.state, SPAN("held"));
    if (again) {
        o->fresh = true;
        rc = fed_envelope_set(db, t->row.id, t->row.state, t->row.reason, e);
        if (rc < 0) {
            return rc;
        }
    }
    o->state = o->fresh ? t->row.state : known.state;
    o->reason = o->fresh ? t->row.reason : known.reason;
    /* A label that waits: its item waits with it. */
    bool waits = span_eq(o->state, SPAN("held")) && span_eq(t->row.type, SPAN("relabel")) && t->digest.len > 0;
    if (o->fresh && (span_eq(o->state, SPAN("applied")) || waits)) {
        rc = apply(db, t, apply_of, now, arena, o, e);
    }
    bool refused = span_eq(o->state, SPAN("refused"));
    return rc == 0 && o->fresh && !refused && t->npeers > 0 ? relay(db, t, now, e) : rc;
}

int fed_take_within(struct db *db, const struct fed_taken *list, size_t count,
                    fed_apply_of *apply_of, time_ns now, struct arena *arena,
                    struct fed_outcome *out, struct err *e)
{
    int rc = 0;
    CHECK(count <= FED_TAKE_MAX && db_in_transaction(db));
    struct purse purse;
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct fed_taken *t = &list[i];
        bool first = i == 0 || !span_eq(list[i - 1].row.peer, t->row.peer);
        rc = first ? purse_open(db, t->row.peer, &purse, e) : 0;
        if (rc == 0 && t->row.id.len > 0) { /* one that could not even be read leaves its number only */
            rc = take_one(db, t, apply_of, now, arena, &purse, &out[i], e);
        }
        bool last = i + 1 == count || !span_eq(list[i + 1].row.peer, t->row.peer);
        if (rc == 0 && last) {
            rc = purse_close(db, t->row.peer, &purse, now, e);
        }
        if (rc == 0 && last && t->seq > 0) {
            rc = fed_stream_took(db, t->row.peer, t->stream_epoch, t->seq, t->row.id, now, e);
        }
    }
    return rc;
}

int fed_take(struct db *db, const struct fed_taken *list, size_t count, fed_apply_of *apply_of,
             time_ns now, struct arena *arena, struct fed_outcome *out, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc
                  : db_end(db, fed_take_within(db, list, count, apply_of, now, arena, out, e), e);
}
