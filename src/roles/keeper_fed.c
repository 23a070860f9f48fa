/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's answers about federation: memberships, links, streams, the outbox, enrolment, and
 * envelopes taken in. One function per question of records/ask.def 70-89, called by keeper_answers.c.
 * What an envelope's type does to the records stands with its owner (desk/federation/handlers.def).
 */
#include "base/log.h"
#include "records/fed_book.h"
#include "records/fed_change.h"
#include "records/fed_enrol.h"
#include "records/fed_item.h"
#include "records/fed_room.h"
#include "records/fed_take.h"
#include "records/settings.h"
#include "roles/keeper_fed.h"
#include "roles/keeper_records_priv.h"

#define FED_HANDLER(word, verify, apply, after) fed_apply apply;
#include "desk/federation/handlers.def"
#undef FED_HANDLER

static fed_apply *apply_of(struct span type)
{
    static const struct {
        const char *word;
        fed_apply *apply;
    } table[] = {
#define FED_HANDLER(word, verify, apply, after) {word, apply},
#include "desk/federation/handlers.def"
#undef FED_HANDLER
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (span_eq(type, span_of(table[i].word))) {
            return table[i].apply;
        }
    }
    return NULL;
}

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

/* ---- what the desk has to know to begin ---- */

static void write_stop(struct keeper_records *kr)
{
    char text[SETTING_MAX];
    struct span value = SPAN("");
    /* "1 <when> <who>" while nothing may leave. */
    if (settings_get(kr->db, SPAN("federation.stopped"), text, sizeof text, &value, NULL) < 0) {
        value = SPAN("");
    }
    buf_str(&kr->out, value);
}

static int state(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    write_stop(kr);
    rc = fed_circles_write(kr->db, &kr->out, e);
    rc = rc < 0 ? rc : fed_links_write(kr->db, &kr->out, e);
    rc = rc < 0 ? rc : fed_officers_write(kr->db, &kr->out, e);
    rc = rc < 0 ? rc : fed_streams_write(kr->db, &kr->out, e);
    if (rc < 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int stop(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span value = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc
                : settings_put(kr->db, SPAN("federation.stopped"), value, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* ---- envelopes ---- */

static int take(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    if (n == 0 || n > FED_TAKE_MAX) {
        c->failed = true;
        n = 0;
    }
    struct fed_taken *list = arena_calloc(&kr->scratch, n + 1, sizeof *list);
    struct fed_outcome *out = arena_calloc(&kr->scratch, n + 1, sizeof *out);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        fed_taken_decode(c, &kr->scratch, &list[i]);
    }
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_take(kr->db, list, n, apply_of, clock_now(), &kr->scratch, out, e);
    answer_begin(&kr->out, rc, e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        buf_u8(&kr->out, out[i].fresh);
        buf_str(&kr->out, out[i].state);
        buf_str(&kr->out, out[i].reason);
    }
    return rc;
}

static void write_out_state(struct keeper_records *kr, const struct fed_out_state *st)
{
    const int64_t numbers[] = {st->epoch, st->seq, st->acked, st->waiting, st->bytes, st->dropped};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        buf_u64(&kr->out, (uint64_t)numbers[i]);
    }
}

static void write_batch(struct keeper_records *kr, const struct fed_out_batch *b)
{
    write_out_state(kr, &b->state);
    buf_u32(&kr->out, (uint32_t)b->count);
    for (size_t i = 0; i < b->count; i++) {
        const struct fed_out_row *r = &b->rows[i];
        const struct span texts[] = {r->id,     r->type,     r->circle,
                                     r->reason, r->audience, r->envelope};
        buf_u64(&kr->out, (uint64_t)r->seq);
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            buf_str(&kr->out, texts[k]);
        }
    }
}

static struct fed_out_ask read_out_ask(struct cursor *c)
{
    struct fed_out_ask ask;
    ask.peer = cursor_str(c);
    ask.epoch = (int64_t)cursor_u64(c);
    ask.after = (int64_t)cursor_u64(c);
    return ask;
}

static int check_limit(struct cursor *c, uint32_t max, struct err *e)
{
    return max == 0 || max > FED_OUT_BATCH_MAX ? err_set(e, ERR_INVALID, "the limit is wrong")
                                               : whole(c, e);
}

static int batch(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_out_batch b = {0};
    const struct fed_out_ask ask = read_out_ask(c);
    uint32_t max = cursor_u32(c);
    int rc = check_limit(c, max, e);
    rc = rc < 0 ? rc
                : fed_out_batch(kr->db, ask.peer, ask.epoch, ask.after, max, &kr->scratch, &b, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        write_batch(kr, &b);
    }
    return rc;
}

static int batches(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_out_ask asks[FED_OUT_BATCHES_MAX];
    uint32_t max = cursor_u32(c);
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && i < FED_OUT_BATCHES_MAX; i++) {
        asks[i] = read_out_ask(c);
    }
    struct fed_out_batch *list = arena_calloc(&kr->scratch, FED_OUT_BATCHES_MAX, sizeof *list);
    int rc = n > FED_OUT_BATCHES_MAX ? err_set(e, ERR_INVALID, "the question is broken")
                                     : check_limit(c, max, e);
    rc = rc < 0 ? rc : fed_out_batches(kr->db, asks, n, max, &kr->scratch, list, e);
    answer_begin(&kr->out, rc, e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        buf_u32(&kr->out, (uint32_t)-list[i].rc);
        write_batch(kr, &list[i]);
    }
    return rc;
}

static int send_within(struct keeper_records *kr, const struct fed_out *list, uint32_t n,
                       uint64_t *placed_out, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        size_t placed = 0;
        rc = fed_out_put(kr->db, &list[i], clock_now(), &placed, e);
        *placed_out += placed;
    }
    return rc;
}

static int send_out(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint64_t placed = 0;
    uint32_t n = cursor_u32(c);
    if (n == 0 || n > FED_TAKE_MAX) {
        c->failed = true;
        n = 0;
    }
    struct fed_out *list = arena_calloc(&kr->scratch, n + 1, sizeof *list);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        fed_out_decode(c, &kr->scratch, &list[i]);
    }
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, send_within(kr, list, n, &placed, e), e);
    answer_begin(&kr->out, rc, e);
    buf_u64(&kr->out, placed);
    return rc;
}

static int restart(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span peer = cursor_str(c);
    int64_t epoch = (int64_t)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_out_restart(kr->db, peer, epoch, e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int stream_id(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    char id[FED_ROW_ID_LEN + 1] = "";
    struct span peer = cursor_str(c);
    int64_t seq = (int64_t)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_out_id(kr->db, peer, seq, id, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_of(id));
    }
    return rc;
}

/* ---- members ---- */

static int change(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_change ch;
    fed_change_decode(c, &kr->scratch, &ch);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_change_apply(kr->db, &ch, apply_of, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int code(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_code_row r = {0};
    r.hash = cursor_str(c);
    r.circle = cursor_str(c);
    r.org = cursor_str(c);
    r.created_by = cursor_str(c);
    r.created = clock_now();
    r.expires = r.created + FED_CODE_VALID_S * TIME_SECOND;
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_code_put(kr->db, &r, e), e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)r.expires);
    }
    return rc;
}

static int ask_to_join(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_request_row r;
    struct span hash = cursor_str(c);
    fed_request_decode(c, &r);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_request_create(kr->db, hash, &r, clock_now(), e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int request(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_request_row r;
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_request_get(kr->db, id, &kr->scratch, &r, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        fed_request_encode(&kr->out, &r);
    }
    return rc;
}

static int requests(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    rc = rc < 0 ? rc : fed_requests_write(kr->db, &kr->out, e);
    return rc < 0 ? rc : fed_stones_write(kr->db, &kr->out, e);
}

static int officer(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_officer_row o;
    fed_officer_decode(c, &o);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_officer_put(kr->db, &o, clock_now(), e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int put_link(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_link_row r;
    fed_link_decode(c, &r);
    struct span who = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_link_put(kr->db, &r, who, clock_now(), e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int streams(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    rc = rc < 0 ? rc : fed_streams_write(kr->db, &kr->out, e);
    rc = rc < 0 ? rc : fed_rooms_write(kr->db, &kr->out, e);
    return rc < 0 ? rc : fed_envelope_newer(kr->db, &kr->out, e);
}

static int held(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    time_ns received = (time_ns)cursor_u64(c);
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    return rc < 0 ? rc : fed_envelope_held(kr->db, received, id, &kr->out, e);
}

keeper_answer_fn *keeper_fed_answer(uint16_t ask)
{
    static const struct {
        uint16_t ask;
        keeper_answer_fn *answer;
    } table[] = {
        {ASK_FED_STATE, state},       {ASK_FED_TAKE, take},         {ASK_FED_BATCH, batch},
        {ASK_FED_SEND, send_out},         {ASK_FED_RESTART, restart},   {ASK_FED_CHANGE, change},
        {ASK_FED_CODE, code},         {ASK_FED_ASK_TO_JOIN, ask_to_join},
        {ASK_FED_REQUEST, request},   {ASK_FED_REQUESTS, requests}, {ASK_FED_OFFICER, officer},
        {ASK_FED_LINK, put_link},         {ASK_FED_STOP, stop},         {ASK_FED_STREAM_ID, stream_id},
        {ASK_FED_STREAMS, streams},   {ASK_FED_HELD, held},         {ASK_FED_BATCHES, batches},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}

void keeper_fed_sweep(struct keeper_records *kr, time_ns now)
{
    struct err e = {0};
    if (fed_out_sweep(kr->db, now, &e) < 0) {
        char shown[LOG_VALUE_MAX];
        log_error("records.federation", "why=\"%s\"", log_value(span_of(e.text), shown));
    }
}
