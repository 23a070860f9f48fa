/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /privacy/retention: what records will soon say no more of persons, and the records behind each figure; /privacy/clock: the word of a person that
 * the clock is right. Runs in the desk; the keeper counts, in the reader's scope of each kind.
 */
#include "api/reads.h"
#include "base/id.h"
#include "desk/govern/retention.h"

enum { LIST_LIMIT = 50, CURSOR_DAY = 10 /* bytes of "2026-12-01" */ };

struct retention_work {
    struct record_worker who;
    struct retention_told told;
    struct retention_kind kinds[REGISTER_KINDS_MAX];
    struct retention_query query;
};

static bool is_whole_node(const struct api_request *req)
{
    return span_eq(req->user.organisation, SPAN("*"));
}

static struct retention_work *work_of(struct api_request *req)
{
    struct retention_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    req->work = w;
    w->who = (struct record_worker){.reader = &req->reader, .name = req->user.name, .now = clock_now(), .kinds = req->api->registers, .reads = reads_of(req)};
    w->told = (struct retention_told){.who = &w->who, .kinds = w->kinds, .whole_node = is_whole_node(req)};
    w->told.may_confirm = w->told.whole_node && request_may(req, RIGHT_REGISTERS);
    w->told.days = request_number(req, "days", RETENTION_SOON_DAYS);
    w->query = (struct retention_query){.until = time_day(w->who.now) + w->told.days, .limit = 1};
    return w;
}

/* ---- figures ---- */

static void figures_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct retention_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    respond_whole(req, retention_document(&j, &w->told, &req->arena, data), &b);
}

static void figures_ready(struct api_request *req)
{
    size_t n = 0;
    struct buf q;
    struct retention_work *w = work_of(req);
    const struct register_kind *all = registers_kinds(req->api->registers, &n);
    for (size_t i = 0; i < n; i++) {
        w->told.nkinds += retention_kind_of(&req->reader, &all[i], w->who.now, &w->kinds[w->told.nkinds]);
    }
    buf_init(&q, RETENTION_ASK_MAX_BYTES);
    ask_begin(&q, ASK_RETENTION);
    buf_u32(&q, w->told.nkinds);
    for (uint32_t i = 0; i < w->told.nkinds; i++) {
        w->query.kind = w->kinds[i].kind->name;
        w->query.scope = w->kinds[i].scope;
        retention_query_encode(&q, &w->query);
    }
    request_ask(req, &q, figures_came);
    buf_free(&q);
}

void retention_get(struct api_request *req)
{
    with_registers(req, figures_ready);
}

/* ---- records ---- */

static void list_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct retention_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    bool whole = retention_list_document(&j, &w->who, w->query.which, &req->arena, data);
    reads_respond(req, w->who.reads, "retention", whole, &b);
}

static bool which_of(struct api_request *req, enum retention_which *out)
{
    struct span asked = request_query(req, "which");
    *out = RETENTION_DUE;
    for (int i = 0; i < RETENTION_WHICH_COUNT; i++) {
        if (span_eq(asked, span_of(retention_which_name((enum retention_which)i)))) {
            *out = (enum retention_which)i;
            return true;
        }
    }
    if (asked.len > 0) {
        respond_error(req, 400, "bad_query", "This is due, held, erased or passed_by.", "which");
    }
    return asked.len == 0;
}

/* "DAY.ID", or ".ID" where the order is none of days. */
static bool place_of(struct api_request *req, struct retention_query *q)
{
    struct span cursor = request_query(req, "cursor");
    ptrdiff_t dot = span_find(cursor, '.');
    if (cursor.len == 0) {
        return true;
    }
    q->after = span_sub(cursor, 0, dot < 0 ? 0 : (size_t)dot);
    q->after_id = span_sub(cursor, (size_t)(dot + 1), cursor.len);
    if (dot < 0 || (q->after.len != 0 && q->after.len != CURSOR_DAY) || !id_valid(q->after_id)) {
        respond_error(req, 400, "bad_query", "This is no place in a list.", "cursor");
        return false;
    }
    return true;
}

static void list_ready(struct api_request *req)
{
    struct buf q;
    struct retention_work *w = work_of(req);
    const struct register_kind *k = registers_by_plural(req->api->registers, req->param[0]);
    if (!which_of(req, &w->query.which) || !place_of(req, &w->query)) {
        return;
    }
    if (k == NULL || !retention_kind_of(&req->reader, k, w->who.now, &w->kinds[0])) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    if (!retention_may_list(&w->kinds[0], w->query.which)) {
        respond_masked(req, "which");
        return;
    }
    w->who.kind = k;
    w->query.kind = k->name;
    w->query.scope = w->kinds[0].scope;
    w->query.limit = (uint32_t)request_number(req, "limit", LIST_LIMIT);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RETENTION_LIST);
    retention_query_encode(&q, &w->query);
    request_ask(req, &q, list_came);
    buf_free(&q);
}

void retention_list_get(struct api_request *req)
{
    with_registers(req, list_ready);
}

/* ---- the clock ---- */

void clock_confirm(struct api_request *req)
{
    struct span why = span_trim(request_field(req, "why"));
    struct buf q;
    if (!is_whole_node(req)) {
        respond_error(req, 403, "not_permitted", "Whether the clock is right is for the whole node to say.", NULL);
        return;
    }
    if (!shown_reason_fits(why) || why.len > TRUSTED_TIME_WHY_MAX) {
        respond_bad_reason(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_CLOCK_CONFIRM);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}
