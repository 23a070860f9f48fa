/* SPDX-License-Identifier: EUPL-1.2 */
/* Circles, members, links, streams: see fed_book.h. Runs in the keeper. */
#include "records/fed_book.h"

#include "records/audit.h"
#include "wire/jcs.h"

/* ---- memberships ---- */

static int bind_run(struct db *db, const char *sql, const struct span *texts, size_t ntexts,
                    const int64_t *numbers, size_t nnumbers, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < ntexts; i++) {
        db_bind_text(s, (int)i + 1, texts[i]);
    }
    for (size_t i = 0; i < nnumbers; i++) {
        db_bind_i64(s, (int)(ntexts + i) + 1, numbers[i]);
    }
    return db_run(s, e);
}

static int known_epoch(struct db *db, struct span circle, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = 0;
    int rc = db_query(db, "SELECT epoch FROM fed_circle WHERE id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

static int put_circle(struct db *db, const struct fed_membership_row *m, time_ns now, struct err *e)
{
    const struct span texts[] = {m->circle, m->organisation, m->hub, m->name, m->class};
    const int64_t numbers[] = {m->own, m->epoch, m->expires, now};
    return bind_run(db,
                    "INSERT INTO fed_circle (id, organisation, hub, name, class, own, epoch, "
                    "expires, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                    "ON CONFLICT (id) DO UPDATE SET hub = excluded.hub, name = excluded.name, "
                    "class = excluded.class, epoch = excluded.epoch, expires = excluded.expires",
                    texts, ARRAY_LEN(texts), numbers, ARRAY_LEN(numbers), e);
}

static int put_body(struct db *db, const struct fed_membership_row *m, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_membership (circle, epoch, body, received) VALUES "
                      "($1, $2, $3, $4)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, m->circle);
    db_bind_i64(s, 2, m->epoch);
    db_bind_bytes(s, 3, m->body);
    db_bind_i64(s, 4, now);
    rc = db_run(s, e);
    const int64_t oldest = m->epoch - FED_EPOCHS_KEPT;
    return rc < 0 ? rc
                  : bind_run(db, "DELETE FROM fed_membership WHERE circle = $1 AND epoch <= $2",
                             &m->circle, 1, &oldest, 1, e);
}

static int put_members(struct db *db, const struct fed_membership_row *m, struct err *e)
{
    int rc = bind_run(db, "DELETE FROM fed_member WHERE circle = $1", &m->circle, 1, NULL, 0, e);
    for (uint32_t i = 0; i < m->nmembers && rc == 0; i++) {
        const struct fed_member_row *r = &m->members[i];
        const struct span texts[] = {m->circle, r->node,    r->org,  r->sign,
                                     r->seal,   r->classes, r->state};
        rc = bind_run(db,
                      "INSERT INTO fed_member (circle, node, org, sign, seal, classes, state, "
                      "since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      texts, ARRAY_LEN(texts), &r->since, 1, e);
    }
    return rc;
}

int fed_membership_put(struct db *db, const struct fed_membership_row *m, time_ns now,
                       struct err *e)
{
    CHECK(db_in_transaction(db));
    int64_t known = 0;
    int rc = known_epoch(db, m->circle, &known, e);
    if (rc < 0 || m->epoch == known) {
        return rc;
    }
    if (m->epoch < known) {
        return err_set(e, ERR_INVALID, "epoch %lld of circle %.*s, and %lld is known",
                       (long long)m->epoch, SPAN_ARG(m->circle), (long long)known);
    }
    rc = put_circle(db, m, now, e);
    rc = rc < 0 ? rc : put_body(db, m, now, e);
    return rc < 0 ? rc : put_members(db, m, e);
}

void fed_membership_encode(struct buf *out, const struct fed_membership_row *m)
{
    const struct span texts[] = {m->circle, m->organisation, m->hub, m->name, m->class, m->body};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u8(out, m->own);
    buf_u64(out, (uint64_t)m->epoch);
    buf_u64(out, (uint64_t)m->issued);
    buf_u64(out, (uint64_t)m->expires);
    buf_u32(out, m->nmembers);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member_row *r = &m->members[i];
        const struct span parts[] = {r->node, r->org, r->sign, r->seal, r->classes, r->state};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            buf_str(out, parts[k]);
        }
        buf_u64(out, (uint64_t)r->since);
    }
}

void fed_membership_decode(struct cursor *c, struct arena *arena, struct fed_membership_row *out)
{
    enum { MEMBERS_MAX = 4096 };
    memset(out, 0, sizeof *out);
    struct span *const texts[] = {&out->circle, &out->organisation, &out->hub,
                                  &out->name,   &out->class,        &out->body};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
    out->own = cursor_u8(c) != 0;
    out->epoch = (int64_t)cursor_u64(c);
    out->issued = (int64_t)cursor_u64(c);
    out->expires = (int64_t)cursor_u64(c);
    uint32_t n = cursor_u32(c);
    if (n > MEMBERS_MAX || out->epoch < 0 || out->epoch > JCS_INT_MAX) {
        c->failed = true;
        return;
    }
    struct fed_member_row *rows = arena_calloc(arena, n + 1, sizeof *rows);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct span *const parts[] = {&rows[i].node, &rows[i].org,     &rows[i].sign,
                                      &rows[i].seal, &rows[i].classes, &rows[i].state};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            *parts[k] = cursor_str(c);
        }
        rows[i].since = (int64_t)cursor_u64(c);
    }
    out->members = rows;
    out->nmembers = c->failed ? 0 : n;
}

int fed_member_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                     time_ns now, struct err *e)
{
    struct arena arena;
    struct fed_membership_row m;
    (void)row;
    arena_init(&arena, 0);
    fed_membership_decode(digest, &arena, &m);
    int rc = cursor_done(digest) ? fed_membership_put(db, &m, now, e)
                                 : err_set(e, ERR_INVALID, "the membership is broken");
    arena_fini(&arena);
    return rc;
}

/* The newest bodies of one circle. */
static int write_bodies(struct db *db, struct span circle, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT body FROM fed_membership WHERE circle = $1 ORDER BY epoch DESC "
                      "LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    db_bind_i64(s, 2, FED_EPOCHS_LOADED);
    while ((rc = db_step(s, e)) > 0) {
        struct span body = db_col_bytes(s, 0);
        if (n > 0 && out->len + body.len > out->max / 2) {
            break; /* the newest of each circle must fit */
        }
        buf_str(out, body);
        n++;
    }
    if (rc > 0) {
        db_done(s);
    }
    if (!out->failed) {
        for (unsigned i = 0; i < 4; i++) {
            out->data[at + i] = (char)(n >> 8 * i & 0xff);
        }
    }
    return rc < 0 ? rc : 0;
}

int fed_circles_write(struct db *db, struct buf *out, struct err *e)
{
    struct arena arena;
    struct db_stmt *s = NULL;
    arena_init(&arena, 0);
    struct span *ids = arena_calloc(&arena, FED_CIRCLES_MAX, sizeof *ids);
    struct span *orgs = arena_calloc(&arena, FED_CIRCLES_MAX, sizeof *orgs);
    bool *own = arena_calloc(&arena, FED_CIRCLES_MAX, sizeof *own);
    uint32_t n = 0;
    int rc = db_query(db, "SELECT id, organisation, own FROM fed_circle ORDER BY id", e, &s);
    while (rc >= 0 && n < FED_CIRCLES_MAX && (rc = db_step(s, e)) > 0) {
        ids[n] = arena_copy(&arena, db_col_text(s, 0));
        orgs[n] = arena_copy(&arena, db_col_text(s, 1));
        own[n++] = db_col_i64(s, 2) != 0;
    }
    if (rc > 0) {
        db_done(s);
        rc = 0;
    }
    buf_u32(out, n);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        buf_str(out, ids[i]);
        buf_u8(out, own[i]);
        buf_str(out, orgs[i]);
        rc = write_bodies(db, ids[i], out, e);
    }
    arena_fini(&arena);
    return rc;
}

/* ---- links ---- */

int fed_link_put(struct db *db, const struct fed_link_row *link, struct span who, time_ns now,
                 struct err *e)
{
    CHECK(db_in_transaction(db));
    const struct span texts[] = {
#define X(name) link->name,
        FED_LINK_SPANS(X)
#undef X
    };
    const int64_t numbers[] = {link->created, link->contact};
    int rc = bind_run(db,
                      "INSERT INTO fed_link (hub, organisation, url, name, state, sign, seal, "
                      "pin, request, certificate, problem, created, contact) VALUES "
                      "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
                      "ON CONFLICT (hub) DO UPDATE SET url = excluded.url, name = excluded.name, "
                      "state = excluded.state, sign = excluded.sign, seal = excluded.seal, "
                      "pin = excluded.pin, request = excluded.request, "
                      "certificate = excluded.certificate, problem = excluded.problem, "
                      "contact = excluded.contact",
                      texts, ARRAY_LEN(texts), numbers, ARRAY_LEN(numbers), e);
    if (rc < 0 || who.len == 0) {
        return rc;
    }
    const struct audit_entry entry = {.at = now,
                                      .organisation = link->organisation,
                                      .who = who,
                                      .what = SPAN("federation.link"),
                                      .subject = link->hub,
                                      .why = link->url,
                                      .after = link->state};
    return audit_append(db, &entry, e);
}

void fed_link_encode(struct buf *out, const struct fed_link_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_LINK_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_LINK_NUMBERS(X)
#undef X
}

void fed_link_decode(struct cursor *c, struct fed_link_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_LINK_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_LINK_NUMBERS(X)
#undef X
}

/* A list: u32 count in front, then what `row` writes of each row. */
typedef void row_fn(struct db_stmt *s, struct buf *out);

static int write_list(struct db *db, const char *sql, row_fn *row, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db, sql, e, &s);
    while (rc >= 0 && (rc = db_step(s, e)) > 0) {
        row(s, out);
        n++;
    }
    for (unsigned i = 0; i < 4 && !out->failed; i++) {
        out->data[at + i] = (char)(n >> 8 * i & 0xff);
    }
    return rc;
}

static void write_link(struct db_stmt *s, struct buf *out)
{
    struct fed_link_row r;
    int i = 0;
#define X(name) r.name = db_col_text(s, i++);
    FED_LINK_SPANS(X)
#undef X
#define X(name) r.name = db_col_i64(s, i++);
    FED_LINK_NUMBERS(X)
#undef X
    fed_link_encode(out, &r);
}

int fed_links_write(struct db *db, struct buf *out, struct err *e)
{
    return write_list(db,
                      "SELECT hub, organisation, url, name, state, sign, seal, pin, request, "
                      "certificate, problem, created, contact FROM fed_link ORDER BY created",
                      write_link, out, e);
}

/* ---- streams ---- */

void fed_stream_encode(struct buf *out, const struct fed_stream_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_STREAM_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_STREAM_NUMBERS(X)
#undef X
}

void fed_stream_decode(struct cursor *c, struct fed_stream_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_STREAM_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_STREAM_NUMBERS(X)
#undef X
}

static void write_stream(struct db_stmt *s, struct buf *out)
{
    struct fed_stream_row r;
    int i = 0;
#define X(name) r.name = db_col_text(s, i++);
    FED_STREAM_SPANS(X)
#undef X
#define X(name) r.name = db_col_i64(s, i++);
    FED_STREAM_NUMBERS(X)
#undef X
    fed_stream_encode(out, &r);
}

int fed_streams_write(struct db *db, struct buf *out, struct err *e)
{
    return write_list(db,
                      "SELECT peer, id, way, epoch, seq, acked, waiting, bytes, dropped, contact "
                      "FROM fed_stream ORDER BY peer, way",
                      write_stream, out, e);
}

int fed_stream_took(struct db *db, struct span peer, int64_t epoch, int64_t seq, struct span id,
                    time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    const struct span texts[] = {peer, id};
    const int64_t numbers[] = {epoch, seq, now};
    return bind_run(db,
                    "INSERT INTO fed_stream (peer, way, id, epoch, seq, acked, waiting, bytes, "
                    "dropped, contact) VALUES ($1, 1, $2, $3, $4, 0, 0, 0, 0, $5) "
                    "ON CONFLICT (peer, way) DO UPDATE SET epoch = excluded.epoch, "
                    "seq = excluded.seq, id = excluded.id, contact = excluded.contact",
                    texts, ARRAY_LEN(texts), numbers, ARRAY_LEN(numbers), e);
}
