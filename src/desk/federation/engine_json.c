/* SPDX-License-Identifier: EUPL-1.2 */
/* What the interface shows of a federation (docs/FEDERATION.md §8), as JSON. See engine.h. */
#include <stdio.h>

#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"
#include "records/fed_room.h"
#include "wire/json_write.h"

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    if (t <= 0) {
        json_null(j);
    } else {
        json_text(j, span_of(time_format(t, text)));
    }
}

static void put_text(struct json_writer *j, const char *key, struct span s)
{
    json_key(j, key);
    json_text(j, s);
}

static void put_number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void put_text_or_null(struct json_writer *j, const char *key, struct span s)
{
    json_key(j, key);
    s.len > 0 ? json_text(j, s) : json_null(j);
}

static void put_classes(struct json_writer *j, uint32_t classes)
{
    static const char *const words[] = {"member", "nda", "sponsor", "csirt", "hub"};
    json_key(j, "classes");
    json_array(j);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if ((classes >> i & 1) != 0) {
            json_text(j, span_of(words[i]));
        }
    }
    json_end(j);
}

/* ---- links ---- */

static const char *link_word(const struct fed_link *l)
{
    return l->state == LINK_UP          ? "up"
           : l->state == LINK_ENROLLING ? "waiting"
           : l->state == LINK_REFUSED   ? "refused"
                                        : "down";
}

static const struct fed_stream_row *stream_of(const struct fed_stream_row *rows, uint32_t n,
                                              struct span peer, int64_t way)
{
    for (uint32_t i = 0; i < n; i++) {
        if (rows[i].way == way && span_eq(rows[i].peer, peer)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void put_link(struct json_writer *j, const struct fed_link *l,
                     const struct fed_stream_row *rows, uint32_t n)
{
    static const struct fed_stream_row none;
    const struct fed_stream_row *up = stream_of(rows, n, l->row.hub, 0);
    unsigned char sign[FED_KEY_BYTES], seal[FED_KEY_BYTES];
    char print[FED_FINGERPRINT_LEN + 1] = "";
    up = up == NULL ? &none : up;
    if (fed_base64_read(l->row.sign, sign, sizeof sign) &&
        fed_base64_read(l->row.seal, seal, sizeof seal)) {
        fed_fingerprint(sign, seal, print);
    }
    json_object(j);
    put_text(j, "hub", l->row.hub);
    put_text(j, "name", l->row.name);
    put_text(j, "url", l->row.url);
    put_text(j, "fingerprint", span_of(print));
    put_text(j, "state", span_of(link_word(l)));
    put_time(j, "since", l->since);
    put_time(j, "last_contact", l->row.contact);
    json_key(j, "up");
    json_object(j);
    put_number(j, "epoch", up->epoch);
    put_number(j, "seq", up->seq);
    put_number(j, "acked", up->acked);
    put_number(j, "waiting", up->waiting);
    put_number(j, "dropped", up->dropped);
    json_end(j);
    json_key(j, "down");
    json_object(j);
    put_number(j, "epoch", l->in_epoch);
    put_number(j, "seq", l->in_seq);
    json_end(j);
    put_time(j, "certificate_expires", l->expires);
    put_text(j, "version", span_of(l->hub_version));
    put_text_or_null(j, "error", span_of(l->problem));
    json_end(j);
}

/* ---- circles, members ---- */

static uint32_t count_active(const struct fed_membership *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->nmembers; i++) {
        n += m->members[i].state == FED_ACTIVE;
    }
    return n;
}

static void put_circle(struct json_writer *j, const struct circle *c)
{
    const struct fed_membership *m = &c->known[0]->m;
    const char *state = c->conflict                                ? "conflict"
                        : fed_membership_over(m, engine_now_s()) ? "expired"
                                                                   : "valid";
    json_object(j);
    put_text(j, "id", span_of(c->id));
    put_text(j, "name", m->name);
    put_text(j, "class", m->nda ? SPAN("nda") : SPAN("member"));
    put_text(j, "hub", m->hub.node);
    json_key(j, "own");
    json_bool(j, c->own);
    put_number(j, "epoch", (int64_t)m->epoch);
    put_time(j, "issued", m->issued_s * TIME_SECOND);
    put_time(j, "expires", m->expires_s * TIME_SECOND);
    put_number(j, "members", count_active(m));
    put_text(j, "state", span_of(state));
    json_end(j);
}

static const struct hub_peer *peer_of(const struct fed_engine *en, struct span node)
{
    uint64_t at = 0;
    return map_get(&en->peer_by_node, node, &at) ? (const struct hub_peer *)(uintptr_t)at : NULL;
}

static void put_health(struct json_writer *j, const struct hub_peer *p)
{
    int64_t lag = p == NULL || p->contact <= 0 ? -1 : (clock_now() - p->contact) / TIME_SECOND;
    const char *health = lag < 0                 ? "never"
                         : lag < ENGINE_LATE_S   ? "fine"
                         : lag < ENGINE_SILENT_S ? "late"
                                                 : "silent";
    put_text(j, "version", span_of(p == NULL ? "" : p->version));
    put_time(j, "last_contact", p == NULL ? 0 : p->contact);
    json_key(j, "lag_s");
    lag < 0 ? json_null(j) : json_i64(j, lag);
    put_text(j, "health", span_of(health));
}

static void put_member(struct json_writer *j, const struct fed_engine *en, const struct circle *c,
                       const struct fed_member *x, bool for_list)
{
    char print[FED_FINGERPRINT_LEN + 1];
    const struct hub_peer *p = peer_of(en, x->node);
    json_object(j);
    put_text(j, "node", x->node);
    put_text(j, "organisation", x->org);
    put_text(j, "circle", span_of(c->id));
    put_classes(j, x->classes);
    put_text(j, "state", span_of(engine_state_word(x->state)));
    if (for_list) {
        fed_fingerprint(x->sign, x->seal, print);
        put_number(j, "since_epoch", (int64_t)x->since);
        put_text(j, "fingerprint", span_of(print));
        put_time(j, "certificate_expires", p == NULL ? 0 : p->certificate_until);
    }
    put_health(j, p);
    json_end(j);
}

static void put_members(struct json_writer *j, const struct fed_engine *en, bool for_list)
{
    json_array(j);
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        for (uint32_t k = 0; c->own && c->count > 0 && k < c->known[0]->m.nmembers; k++) {
            put_member(j, en, c, &c->known[0]->m.members[k], for_list);
        }
    }
    json_end(j);
}

int fed_engine_members(struct fed_engine *en, struct buf *json, struct err *e)
{
    struct json_writer j;
    json_writer_init(&j, json);
    json_object(&j);
    json_key(&j, "items");
    put_members(&j, en, true);
    json_end(&j);
    return json_writer_done(&j) ? 0 : err_set(e, ERR_LIMIT, "too many members to show");
}

/* ---- all of it ---- */

/* "when who" as it was stored. */
static void put_stopped(struct json_writer *j, const struct fed_engine *en)
{
    struct span text = buf_view(&en->stopped);
    ptrdiff_t blank = span_find(text, ' ');
    size_t at = blank < 0 ? text.len : (size_t)blank;
    json_key(j, "stopped");
    json_bool(j, text.len > 0);
    put_text_or_null(j, "stopped_at", span_sub(text, 0, at));
    put_text_or_null(j, "stopped_by", span_sub(text, at + 1, text.len));
}

static void put_joins(struct json_writer *j, const struct fed_engine *en)
{
    json_key(j, "joins");
    json_array(j);
    for (size_t i = 0; i < en->joins.len; i++) {
        const struct join *x = en->joins.data[i];
        json_object(j);
        put_text(j, "id", span_of(x->id));
        put_text(j, "url", x->url);
        put_text(j, "state", span_of(x->state));
        put_text(j, "hub", span_of(x->hub));
        put_text(j, "hub_fingerprint", span_of(x->hub_fingerprint));
        put_text_or_null(j, "error", span_of(x->problem));
        json_end(j);
    }
    json_end(j);
}

static uint32_t read_streams(struct cursor *c, struct arena *a, struct fed_stream_row **out)
{
    uint32_t n = cursor_u32(c);
    n = n > FED_STREAMS_MAX ? 0 : n;
    *out = arena_calloc(a, n + 1, sizeof **out);
    uint32_t got = 0;
    while (got < n && !c->failed) {
        fed_stream_decode(c, &(*out)[got]);
        got += !c->failed;
    }
    return got;
}

/* A member as its circle calls it; else by its id. */
static struct span name_of(const struct fed_engine *en, struct span node)
{
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        const struct fed_member *m = c->count == 0 ? NULL : fed_membership_find(&c->known[0]->m, node);
        if (m != NULL) {
            return m->org;
        }
    }
    return node;
}

/* What went, or was refused, because there was no room for more. */
static void put_rooms(struct json_writer *j, const struct fed_engine *en, struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    json_key(j, "room");
    json_array(j);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct fed_room_row r;
        fed_room_decode(c, &r);
        if (c->failed) {
            break;
        }
        json_object(j);
        put_text(j, "what", span_of(fed_room_word((enum fed_room)r.room)));
        put_text_or_null(j, "circle", r.circle);
        put_text_or_null(j, "member", r.owner.len > 0 ? name_of(en, r.owner) : SPAN(""));
        put_number(j, "most", fed_room_rows((enum fed_room)r.room));
        put_number(j, "dropped", r.dropped);
        put_number(j, "refused", r.refused);
        put_time(j, "last", r.last);
        json_end(j);
    }
    json_end(j);
}

int fed_engine_status(struct fed_engine *en, struct cursor *streams, struct buf *json, struct err *e)
{
    struct arena a;
    struct json_writer j;
    struct fed_stream_row *rows = NULL;
    arena_init(&a, 0);
    uint32_t n = read_streams(streams, &a, &rows);
    json_writer_init(&j, json);
    json_object(&j);
    json_key(&j, "node");
    json_object(&j);
    put_text(&j, "id", span_of(en->keys.node));
    put_text(&j, "fingerprint", span_of(en->fingerprint));
    put_text(&j, "organisation", en->config.organisation);
    json_end(&j);
    json_key(&j, "hub");
    json_bool(&j, en->config.hub);
    put_text_or_null(&j, "hub_url", en->config.hub_url);
    put_stopped(&j, en);
    json_key(&j, "links");
    json_array(&j);
    for (size_t i = 0; i < en->links.len; i++) {
        put_link(&j, en->links.data[i], rows, n);
    }
    json_end(&j);
    put_joins(&j, en);
    json_key(&j, "circles");
    json_array(&j);
    for (size_t i = 0; i < en->circles.len; i++) {
        if (en->circles.data[i]->count > 0) {
            put_circle(&j, en->circles.data[i]);
        }
    }
    json_end(&j);
    json_key(&j, "members");
    put_members(&j, en, false);
    put_rooms(&j, en, streams);
    put_number(&j, "newer", (int64_t)cursor_u64(streams));
    put_number(&j, "taken", (int64_t)en->taken);
    put_number(&j, "refused", (int64_t)en->refused);
    put_number(&j, "alarms", (int64_t)en->alarms);
    json_end(&j);
    arena_fini(&a);
    return json_writer_done(&j) ? 0 : err_set(e, ERR_LIMIT, "too much to show");
}

/* ---- requests ---- */

static void put_approvals(struct json_writer *j, const struct fed_request_row *r)
{
    struct span left = r->decided_by;
    json_key(j, "approvals");
    json_array(j);
    while (left.len > 0) {
        ptrdiff_t comma = span_find(left, ',');
        struct span name = span_sub(left, 0, comma < 0 ? left.len : (size_t)comma);
        json_object(j);
        put_text(j, "who", span_trim(name));
        put_time(j, "at", r->decided);
        json_end(j);
        left = comma < 0 ? SPAN("") : span_sub(left, (size_t)comma + 1, left.len);
    }
    json_end(j);
}

static void put_request(struct json_writer *j, const struct fed_engine *en,
                        const struct fed_request_row *r)
{
    const struct fed_membership *m = fed_engine_circle(en, r->circle);
    unsigned char sign[FED_KEY_BYTES], seal[FED_KEY_BYTES];
    char print[FED_FINGERPRINT_LEN + 1] = "";
    bool enrols = r->csr.len > 0;
    if (enrols && fed_base64_read(r->sign, sign, sizeof sign) &&
        fed_base64_read(r->seal, seal, sizeof seal)) {
        fed_fingerprint(sign, seal, print);
    }
    bool stone = engine_stone_is(r);
    json_object(j);
    put_text(j, "id", r->id);
    put_text(j, "kind", enrols ? SPAN("member") : stone ? SPAN("tombstone") : m == NULL ? SPAN("circle") : SPAN("change"));
    put_text(j, "organisation", stone ? SPAN("") : r->org);
    put_text(j, "node", stone ? SPAN("") : r->node);
    put_text_or_null(j, "item", stone ? r->node : SPAN(""));
    put_text_or_null(j, "reason", stone ? r->org : SPAN(""));
    put_text(j, "circle", r->circle);
    put_text(j, "circle_class", m != NULL && !m->nda ? SPAN("member") : SPAN("nda"));
    put_text_or_null(j, "fingerprint", span_of(print));
    put_time(j, "asked", r->created);
    put_approvals(j, r);
    put_number(j, "needed", m == NULL ? FED_QUORUM_NDA : stone ? engine_stone_needs(m) : m->quorum);
    put_text(j, "state", r->state);
    json_end(j);
}

/* What officers took back, and how many members answered that it is gone. */
static void put_stones(struct json_writer *j, struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    json_key(j, "stones");
    json_array(j);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct span item = cursor_str(c);
        struct span circle = cursor_str(c);
        struct span reason = cursor_str(c);
        time_ns at = (time_ns)cursor_u64(c);
        int64_t sent = (int64_t)cursor_u64(c);
        int64_t removed = (int64_t)cursor_u64(c);
        if (!c->failed) {
            json_object(j);
            put_text(j, "item", item);
            put_text(j, "circle", circle);
            put_text_or_null(j, "reason", reason);
            put_time(j, "at", at);
            put_number(j, "sent", sent);
            put_number(j, "removed", removed);
            json_end(j);
        }
    }
    json_end(j);
}

int fed_engine_requests(struct fed_engine *en, struct cursor *answer, struct buf *json,
                        struct err *e)
{
    struct json_writer j;
    uint32_t n = cursor_u32(answer);
    json_writer_init(&j, json);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !answer->failed; i++) {
        struct fed_request_row r;
        fed_request_decode(answer, &r);
        if (!answer->failed) {
            put_request(&j, en, &r);
        }
    }
    json_end(&j);
    put_stones(&j, answer);
    json_end(&j);
    if (!cursor_done(answer)) {
        return err_set(e, ERR_INVALID, "the keeper's answer is broken");
    }
    return json_writer_done(&j) ? 0 : err_set(e, ERR_LIMIT, "too many requests to show");
}
