/* SPDX-License-Identifier: EUPL-1.2 */
/* What envelopes about items do to the records: see keeper_items.h. */
#include "desk/federation/item.h"
#include "desk/federation/item_policy.h"
#include "records/fed_item.h"
#include "records/fed_letter.h"
#include "records/fed_room.h"
#include "roles/keeper_items.h"

/* The row, and what the rules want to know of it. */
struct known {
    struct fed_item_row row;
    struct fed_item_known k;
};

static int look(struct db *db, struct span id, struct arena *arena, struct known *out, struct err *e)
{
    *out = (struct known){0};
    int rc = fed_item_get(db, id, arena, &out->row, e);
    if (rc == ERR_NOT_FOUND) {
        return 0;
    }
    out->k = (struct fed_item_known){.here = rc == 0,
                                     .retracted = span_eq(out->row.state, SPAN("retracted")),
                                     .bare = out->row.bare != 0,
                                     .version = out->row.version,
                                     .author = out->row.author};
    return rc;
}

/* One text out of the records; empty when there is none. */
static int one_text(struct db *db, const char *sql, struct span key, struct arena *arena, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = SPAN("");
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, key);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(arena, db_col_bytes(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

static int organisation_of(struct db *db, struct span circle, struct arena *arena, struct span *out, struct err *e)
{
    int rc = one_text(db, "SELECT organisation FROM fed_circle WHERE id = $1", circle, arena, out, e);
    if (rc == 0 && out->len == 0) {
        *out = SPAN("*"); /* only the node's operator sees what belongs to nobody here */
    }
    return rc;
}

static int refused(enum fed_refusal why, struct err *e)
{
    bool nothing = fed_refusal_act(why) == FED_ACT_NOTHING;
    return nothing ? 0 : err_set(e, why == FED_AUTHOR ? ERR_DENIED : ERR_INVALID, "%s: %s", fed_refusal_word(why), fed_refusal_text(why));
}

static int note(struct db *db, struct span item, struct span who, const char *what, struct span why, time_ns now, struct err *e)
{
    const struct fed_item_note n = {.item = item, .kind = SPAN("change"), .who = who, .what = span_of(what), .why = why, .at = now};
    return fed_item_note_put(db, &n, e);
}

static int count_of(struct db *db, struct span author, struct span circle, int64_t bare, int64_t *rows_out, int64_t *bytes_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM fed_item WHERE author = $1 AND circle = $2 AND bare = $3 AND mine = 0",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, author);
    db_bind_text(s, 2, circle);
    db_bind_i64(s, 3, bare);
    rc = db_step(s, e);
    if (rc > 0) {
        *rows_out = db_col_i64(s, 0);
        *bytes_out = db_col_i64(s, 1);
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* Another item of this author's, with so many bytes, in place of so many: ERR_LIMIT when there is no room. A retracted one
 * has no content and takes its row only. */
static int room_for_item(struct db *db, const struct fed_envelope_row *row, bool newer, int64_t bytes, int64_t before, time_ns now, struct err *e)
{
    const struct fed_room_of of = {FED_ROOM_ITEMS, row->circle, row->issuer};
    int64_t have = 0, used = 0;
    int rc = newer && bytes <= before ? 0 : count_of(db, row->issuer, row->circle, 0, &have, &used, e);
    if (rc < 0 || (have < fed_room_rows(FED_ROOM_ITEMS) + newer && used - before + bytes <= fed_room_bytes(FED_ROOM_ITEMS))) {
        return rc;
    }
    rc = fed_room_note(db, &of, 0, 1, now, e);
    return rc < 0 ? rc : err_set(e, ERR_LIMIT, "room: so many items of this member's are kept already");
}

/* Ids without content: the oldest go. */
static int room_for_stone(struct db *db, struct span author, struct span circle, time_ns now, struct err *e)
{
    const struct fed_room_of of = {FED_ROOM_STONES, circle, author};
    const int64_t most = fed_room_rows(FED_ROOM_STONES);
    int64_t have = 0, used = 0;
    struct db_stmt *s = NULL;
    int rc = count_of(db, author, circle, 1, &have, &used, e);
    if (rc < 0 || have < most) {
        return rc;
    }
    int64_t drop = have - most + most / 16;
    rc = db_query(db,
                  "DELETE FROM fed_item WHERE id IN (SELECT id FROM fed_item WHERE author = $1 AND circle = $2 AND bare = 1 AND mine = 0 "
                  "ORDER BY received, id LIMIT $3)",
                  e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, author);
    db_bind_text(s, 2, circle);
    db_bind_i64(s, 3, drop);
    rc = db_run(s, e);
    return rc < 0 ? rc : fed_room_note(db, &of, drop, 0, now, e);
}

static int put_content(struct db *db, const struct fed_envelope_row *row, struct fed_item_row *in, const struct known *k,
                       enum fed_item_step step, struct arena *arena, time_ns now, struct err *e)
{
    bool newer = k->k.here && !k->k.bare && span_eq(k->row.author, row->issuer);
    in->author = row->issuer;
    in->circle = row->circle;
    in->epoch = row->epoch;
    in->envelope = row->id;
    in->created = row->created;
    in->expires = row->expires;
    in->received = newer ? k->row.received : now;
    in->state = SPAN("current");
    in->reason = SPAN("");
    in->bare = 0;
    if (step == FED_ITEM_FILL && span_eq(k->row.state, SPAN("quarantined"))) { /* a label that is not known did, and holds it back */
        in->state = k->row.state;
    } else if (step == FED_ITEM_FILL) { /* a label came ahead of it, and stands */
        in->version = k->row.version;
        in->tlp = k->row.tlp;
        in->pap = k->row.pap;
        in->chr = k->row.chr;
        in->audience = k->row.audience;
        in->state = SPAN("tightened");
    }
    int rc = room_for_item(db, row, newer, (int64_t)in->body.len, newer ? (int64_t)k->row.body.len : 0, now, e);
    rc = rc < 0 ? rc : organisation_of(db, row->circle, arena, &in->organisation, e);
    rc = rc < 0 ? rc : fed_item_put(db, in, e);
    rc = rc < 0 ? rc : fed_letter_queue(db, in->circle, in->id, in->version, now, e);
    return rc < 0 ? rc : note(db, in->id, row->issuer, newer ? "version" : "received", SPAN(""), now, e);
}

int fed_item_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e)
{
    struct arena arena;
    struct fed_item_row in = {0};
    struct known k;
    enum fed_refusal why = FED_TAKEN;
    fed_item_decode(digest, &in);
    if (!cursor_done(digest)) {
        return err_set(e, ERR_INVALID, "the item is broken");
    }
    arena_init(&arena, 0);
    int rc = look(db, in.id, &arena, &k, e);
    if (k.k.bare && k.row.author.len == 0 && !span_eq(k.row.circle, row->circle)) {
        k = (struct known){0}; /* officers take back what is of their own circle, not another's that is yet to come */
    }
    if (rc == 0) {
        enum fed_item_step step = fed_item_next(&k.k, row->issuer, in.version, &why);
        rc = step == FED_ITEM_NOTHING ? refused(why, e) : put_content(db, row, &in, &k, step, &arena, now, e);
    }
    arena_fini(&arena);
    return rc;
}

static void marks_of(struct arena *arena, const struct fed_item_row *row, struct fed_marks *out)
{
    struct jcs *audience = NULL;
    if (jcs_read(arena, row->audience, FED_DEPTH_MAX, &audience, NULL) != 0) {
        audience = NULL;
    }
    *out = (struct fed_marks){.author = row->author,
                              .author_person = row->person,
                              .mine = row->mine != 0,
                              .epoch = (uint64_t)row->epoch,
                              .tlp = row->tlp,
                              .pap = row->pap,
                              .chr = row->chr != 0,
                              .audience = audience,
                              .expires_s = row->expires / TIME_SECOND};
}

/* Under the newest membership of the circle that is kept; without one it counts as widening. */
static int widens(struct db *db, struct arena *arena, const struct fed_item_row *before, const struct fed_item_row *after, bool *out, struct err *e)
{
    struct fed_membership m;
    struct fed_marks x, y;
    struct span text = {0};
    *out = true;
    int rc = one_text(db, "SELECT body FROM fed_membership WHERE circle = $1 ORDER BY epoch DESC LIMIT 1", before->circle, arena, &text, e);
    if (rc < 0 || fed_membership_read(arena, text, &m, NULL) != FED_TAKEN) {
        return rc;
    }
    marks_of(arena, before, &x);
    marks_of(arena, after, &y);
    y.expires_s = x.expires_s;
    *out = x.audience == NULL || y.audience == NULL || fed_marks_widen(arena, &x, &y, &m);
    return 0;
}

static int put_label(struct db *db, const struct fed_envelope_row *row, const struct fed_item_row *in, const struct known *k,
                     struct arena *arena, time_ns now, struct err *e)
{
    bool here = k->k.here && span_eq(k->row.author, row->issuer);
    struct fed_item_row next = here ? k->row : (struct fed_item_row){.id = in->id, .author = row->issuer, .circle = row->circle,
                                                                     .author_org = in->author_org, .derived = SPAN("[]"), .bare = 1,
                                                                     .created = row->created, .received = now};
    next.version = in->version;
    next.tlp = in->tlp;
    next.pap = in->pap;
    next.chr = in->chr;
    next.audience = in->audience;
    next.epoch = row->epoch;
    next.expires = row->expires > next.expires && !here ? row->expires : next.expires;
    next.state = SPAN("tightened");
    int rc = here ? 0 : room_for_stone(db, row->issuer, row->circle, now, e);
    rc = rc < 0 || here ? rc : organisation_of(db, row->circle, arena, &next.organisation, e);
    rc = rc < 0 ? rc : fed_item_put(db, &next, e);
    return rc < 0 ? rc : note(db, in->id, row->issuer, "tightened", next.tlp, now, e);
}

/* A label that this version does not know: nobody reads the item until one that is known comes, or an upgrade understands this one. */
static int put_aside(struct db *db, const struct fed_envelope_row *row, const struct fed_item_row *in, const struct known *k,
                     struct arena *arena, time_ns now, struct err *e)
{
    bool here = k->k.here && span_eq(k->row.author, row->issuer);
    struct fed_item_row next = here ? k->row : (struct fed_item_row){.id = in->id, .author = row->issuer, .circle = row->circle,
                                                                     .author_org = in->author_org, .derived = SPAN("[]"), .audience = SPAN("{}"),
                                                                     .bare = 1, .version = in->version - 1, .epoch = row->epoch,
                                                                     .created = row->created, .expires = row->expires, .received = now};
    next.state = SPAN("quarantined");
    int rc = here ? 0 : room_for_stone(db, row->issuer, row->circle, now, e);
    rc = rc < 0 || here ? rc : organisation_of(db, row->circle, arena, &next.organisation, e);
    rc = rc < 0 ? rc : fed_item_put(db, &next, e);
    return rc < 0 ? rc : note(db, in->id, row->issuer, "quarantined", SPAN(""), now, e);
}

int fed_relabel_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e)
{
    struct arena arena;
    struct fed_item_row in = {0};
    struct known k;
    enum fed_refusal why = FED_TAKEN;
    bool wider = false;
    fed_item_decode(digest, &in);
    if (!cursor_done(digest)) {
        return err_set(e, ERR_INVALID, "the label is broken");
    }
    arena_init(&arena, 0);
    int rc = look(db, in.id, &arena, &k, e);
    bool held = span_eq(row->state, SPAN("held"));
    if (rc == 0 && !held && k.k.here && span_eq(k.row.author, row->issuer)) {
        in.author = row->issuer;
        in.circle = row->circle;
        in.epoch = row->epoch;
        rc = widens(db, &arena, &k.row, &in, &wider, e);
    }
    if (rc == 0) {
        enum fed_item_step step = fed_relabel_next(&k.k, row->issuer, in.version, wider, &why);
        rc = step == FED_ITEM_NOTHING ? refused(why, e)
             : held                   ? put_aside(db, row, &in, &k, &arena, now, e)
                                      : put_label(db, row, &in, &k, &arena, now, e);
    }
    arena_fini(&arena);
    return rc;
}

static int put_stone(struct db *db, const struct fed_envelope_row *row, struct span id, struct span reason, bool by_officers,
                     const struct known *k, struct arena *arena, time_ns now, struct err *e)
{
    bool here = k->k.here && (by_officers || span_eq(k->row.author, row->issuer));
    int rc = 0;
    if (here) {
        rc = fed_item_empty(db, id, reason, e);
        rc = rc < 0 || k->row.envelope.len == 0 ? rc : fed_envelope_set(db, k->row.envelope, SPAN("gone"), SPAN("retracted"), e);
        rc = rc == ERR_NOT_FOUND ? 0 : rc; /* the envelope expired and went before */
    } else {
        /* It may come yet, or come again: then it is known to be gone. */
        struct fed_item_row stone = {.id = id, .author = by_officers ? SPAN("") : row->issuer, .circle = row->circle, .derived = SPAN("[]"),
                                     .audience = SPAN("{}"), .state = SPAN("retracted"), .reason = reason, .bare = 1,
                                     .created = row->created, .expires = row->expires, .received = now};
        rc = room_for_stone(db, stone.author, row->circle, now, e);
        rc = rc < 0 ? rc : organisation_of(db, row->circle, arena, &stone.organisation, e);
        rc = rc < 0 ? rc : fed_item_put(db, &stone, e);
    }
    const struct fed_item_note stone = {.item = id, .kind = SPAN("stone"), .who = row->issuer, .what = row->id, .why = reason, .at = now};
    if (rc == 0 && by_officers && row->peer.len == 0) { /* made here: members will answer */
        rc = fed_item_note_put(db, &stone, e);
    }
    return rc < 0 ? rc : note(db, id, row->issuer, "retracted", reason, now, e);
}

int fed_tombstone_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e)
{
    struct arena arena;
    struct known k;
    enum fed_refusal why = FED_TAKEN;
    struct span id = cursor_str(digest);
    struct span reason = cursor_str(digest);
    bool by_officers = cursor_u8(digest) != 0;
    if (!cursor_done(digest)) {
        return err_set(e, ERR_INVALID, "the tombstone is broken");
    }
    arena_init(&arena, 0);
    int rc = look(db, id, &arena, &k, e);
    by_officers = by_officers && (!k.k.here || span_eq(k.row.circle, row->circle)); /* of their own circle only */
    if (rc == 0) {
        enum fed_item_step step = fed_tombstone_next(&k.k, row->issuer, by_officers, &why);
        rc = step == FED_ITEM_NOTHING ? refused(why, e) : put_stone(db, row, id, reason, by_officers, &k, &arena, now, e);
    }
    arena_fini(&arena);
    return rc;
}

int fed_receipt_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e)
{
    struct arena arena;
    struct known k;
    struct fed_item_note n = {.kind = SPAN("receipt"), .who = row->issuer, .at = now};
    n.item = cursor_str(digest);
    n.why = cursor_str(digest);
    n.what = cursor_str(digest);
    if (!cursor_done(digest)) {
        return err_set(e, ERR_INVALID, "the receipt is broken");
    }
    arena_init(&arena, 0);
    bool asked = false;
    int rc = look(db, n.item, &arena, &k, e);
    rc = rc < 0 ? rc : fed_stone_is(db, n.item, n.why, &asked, e);
    /* Of somebody else's item it is no business of ours, unless our officers took it back. */
    if (rc == 0 && (k.row.mine != 0 || asked)) {
        rc = fed_item_note_put(db, &n, e);
    }
    arena_fini(&arena);
    return rc;
}
