/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /today: what waits for whom asks, in figures, each with the filter of the list that it opens. Runs in the desk; the keeper
 * counts. What is counted is in the reader's scope, made by the same functions as that of the lists; sources and warnings come
 * row by row and are asked about one by one.
 */
#include "api/registers.h"
#include "desk/govern/today.h"
#include "records/copies.h"
#include "records/fed_share.h"
#include "records/fed_warnings.h"
#include "records/registers/register_due.h"
#include "records/places.h"
#include "records/trusted_time.h"
#include "records/upkeep.h"

enum { AGES = 3, ALERT_FIGURES = LEVEL_CRITICAL + 1 + AGES, WARNINGS_MAX = 200 /* as their list has */ };

/* How long an alert may wait before the page says so. */
static const int64_t ages[AGES] = {TIME_DAY, 3 * TIME_DAY, 7 * TIME_DAY};

/* What is known so far, while the keeper is asked for the next part. */
struct today_work {
    struct json_writer j;
    struct buf b;
    time_ns now;
    struct policy_places places; /* of whose alerts and sources */
    struct today_alerts alerts[ALERT_FIGURES];
    uint32_t nfigures;
    struct today_figure figures[TODAY_DUE_MAX];
};

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void count_members(struct json_writer *j, const struct today_count *n)
{
    number(j, "count", n->count);
    json_key(j, "more");
    json_bool(j, n->more);
}

static void today_forget(struct api_request *req)
{
    buf_free(&((struct today_work *)req->work)->b);
}

static void fail(struct api_request *req, int rc, struct span why)
{
    req->forget = NULL;
    today_forget(req);
    respond_failure(req, rc, rc == ERR_INVALID && why.len == 0 ? SPAN("broken answer") : why);
}

static void finish(struct api_request *req)
{
    struct today_work *w = req->work;
    json_end(&w->j);
    req->forget = NULL;
    respond_json(req, 200, &w->b);
}

/* ---- the copy, last ---- */

static void copy_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct today_work *w = req->work;
    struct copy_report r = {0};
    if (rc == 0) {
        copy_report_decode(data, &r);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0) {
        fail(req, rc, why);
        return;
    }
    json_key(&w->j, "copy");
    json_object(&w->j);
    json_member_text(&w->j, "state", span_of(copy_health_name(copies_health(&r, w->now))));
    json_key(&w->j, "at");
    json_time(&w->j, r.state.at);
    number(&w->j, "waiting", r.waiting);
    json_end(&w->j);
    finish(req);
}

static void ask_copy(struct api_request *req)
{
    struct today_work *w = req->work;
    struct own_item numbers;
    struct buf q;
    item_of_node_numbers(&numbers);
    if (!policy_own_allows(&req->reader, &numbers.item, ACTION_COUNT, POLICY_MAY_WATCH, w->now)) {
        finish(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_COPY);
    request_ask(req, &q, copy_came);
    buf_free(&q);
}

/* ---- warnings ---- */

static void warnings_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct today_work *w = req->work;
    struct fed_sharing sharing;
    int64_t fresh = 0;
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_warning_row row;
        fed_warning_decode(data, &row);
        fresh += !data->failed && (span_eq(row.state, SPAN("new")) || span_eq(row.state, SPAN("checked")));
    }
    if (rc == 0) {
        fed_sharing_decode(data, &req->arena, &sharing);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0) {
        fail(req, rc, why);
        return;
    }
    json_key(&w->j, "warnings");
    json_object(&w->j);
    number(&w->j, "all", n);
    number(&w->j, "waiting", fresh);
    json_end(&w->j);
    ask_copy(req);
}

static void ask_warnings(struct api_request *req)
{
    struct buf q;
    if (!warning_shows(&req->reader, ACTION_LIST, ((struct today_work *)req->work)->now)) {
        ask_copy(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)INT64_MAX);
    buf_u32(&q, WARNINGS_MAX);
    buf_u8(&q, 1);
    request_ask(req, &q, warnings_came);
    buf_free(&q);
}

/* ---- sources ---- */

static void sources_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct today_work *w = req->work;
    static const char *const names[] = {"all", "silent", "behind", "held"};
    int64_t counts[ARRAY_LEN(names)] = {0};
    if (rc < 0) {
        fail(req, rc, why);
        return;
    }
    (void)cursor_u64(data); /* what came from nobody known: the page of sources has it */
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct source_row s;
        struct own_item own;
        source_decode(data, &s);
        item_of_source(&s, &own);
        if (!data->failed && policy_own_allows(&req->reader, &own.item, ACTION_LIST, POLICY_MAY_WATCH, w->now)) {
            counts[0]++;
            counts[1] += s.silent;
            counts[2] += s.lag_events > 0 && s.lag_ms > TODAY_LAG_MS;
            counts[3] += s.held;
        }
    }
    if (!cursor_done(data)) {
        fail(req, ERR_INVALID, SPAN(""));
        return;
    }
    json_key(&w->j, "sources");
    json_object(&w->j);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        number(&w->j, names[i], counts[i]);
    }
    json_end(&w->j);
    ask_warnings(req);
}

static void ask_sources(struct api_request *req)
{
    const struct today_work *w = req->work;
    struct buf q;
    if (w->places.count == 0) {
        ask_warnings(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SOURCES);
    places_encode(&q, &w->places);
    request_ask(req, &q, sources_came);
    buf_free(&q);
}

/* ---- alerts, and records that have a day ---- */

static void alerts_json(struct today_work *w, struct cursor *data)
{
    struct json_writer *j = &w->j;
    json_key(j, "alerts");
    json_array(j);
    for (size_t i = 0; i < ALERT_FIGURES; i++) {
        const struct today_alerts *q = &w->alerts[i];
        struct today_count n;
        today_count_decode(data, &n);
        json_object(j);
        json_key(j, "level");
        json_text_or_null(j, q->level < 0 ? SPAN("") : span_of(alert_level_name((enum alert_level)q->level)));
        json_key(j, "until");
        json_time(j, q->until == INT64_MAX ? TIME_NONE : q->until);
        count_members(j, &n);
        json_end(j);
    }
    json_end(j);
}

/* Those that count something; how many were looked for is told, so that a page can say that nothing is due. */
static void due_json(struct today_work *w, struct cursor *data)
{
    struct json_writer *j = &w->j;
    number(j, "looked_for", w->nfigures);
    json_key(j, "due");
    json_array(j);
    for (uint32_t i = 0; i < w->nfigures; i++) {
        const struct today_figure *f = &w->figures[i];
        struct today_count n;
        today_count_decode(data, &n);
        if (n.count == 0 && !n.more) {
            continue;
        }
        const struct {
            const char *key;
            struct span value;
        } texts[] = {{"group", span_of(register_about_name(f->about))}, {"kind", f->kind->name}, {"plural", f->kind->plural}, {"title", f->kind->heading}, {"state", f->due.state},
                     {"field", f->due.field}, {"to", f->due.to}};
        json_object(j);
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            json_member_text(j, texts[t].key, texts[t].value);
        }
        json_key(j, "from");
        json_text_or_null(j, f->due.from);
        json_key(j, "past");
        json_bool(j, f->past);
        count_members(j, &n);
        json_end(j);
    }
    json_end(j);
}

static void upkeep_json(struct today_work *w, struct cursor *data, bool shown)
{
    static const char *const names[UPKEEP_KIND_COUNT] = {[UPKEEP_BACKUP] = "backup", [UPKEEP_VERIFY] = "verified"};
    for (int kind = 0; kind < UPKEEP_KIND_COUNT; kind++) {
        time_ns at = (time_ns)cursor_u64(data);
        int64_t faults = (int64_t)cursor_u64(data);
        if (shown) {
            json_key(&w->j, names[kind]);
            json_object(&w->j);
            json_key(&w->j, "at");
            json_time(&w->j, at);
            number(&w->j, "faults", faults);
            json_end(&w->j);
        }
    }
}

static void retention_json(struct today_work *w, struct cursor *data, bool shown)
{
    uint8_t state = cursor_u8(data);
    uint64_t passed_by = cursor_u64(data);
    data->failed = data->failed || state > TIME_BEHIND;
    if (shown && !data->failed) {
        json_key(&w->j, "retention");
        json_object(&w->j);
        json_member_text(&w->j, "clock", span_of(trusted_state_name((enum trusted_state)state)));
        number(&w->j, "passed_by", (int64_t)passed_by);
        json_end(&w->j);
    }
}

static void counts_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct today_work *w = req->work;
    struct own_item numbers;
    char at[TIME_TEXT_MAX];
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &w->b, &w->j);
    req->forget = today_forget;
    json_object(&w->j);
    json_member_text(&w->j, "at", span_of(time_format(w->now, at)));
    if (w->places.count > 0) {
        alerts_json(w, data);
    }
    due_json(w, data);
    item_of_node_numbers(&numbers);
    bool of_node = policy_own_allows(&req->reader, &numbers.item, ACTION_COUNT, POLICY_MAY_WATCH, w->now);
    upkeep_json(w, data, of_node);
    retention_json(w, data, of_node);
    if (!cursor_done(data)) {
        fail(req, ERR_INVALID, SPAN(""));
        return;
    }
    ask_sources(req);
}

static void ask_counts(struct api_request *req)
{
    struct today_work *w = req->work;
    struct buf q;
    for (int l = 0; l < ALERT_FIGURES; l++) {
        bool by_level = l <= LEVEL_CRITICAL;
        w->alerts[l] = (struct today_alerts){by_level ? l : -1, by_level ? INT64_MAX : w->now / TIME_SECOND * TIME_SECOND - ages[l - LEVEL_CRITICAL - 1]}; /* as it is written */
    }
    buf_init(&q, TODAY_ASK_MAX_BYTES);
    ask_begin(&q, ASK_TODAY);
    buf_u32(&q, w->places.count > 0 ? ALERT_FIGURES : 0);
    if (w->places.count > 0) {
        places_encode(&q, &w->places);
    }
    for (size_t i = 0; w->places.count > 0 && i < ALERT_FIGURES; i++) {
        today_alerts_encode(&q, &w->alerts[i]);
    }
    buf_u32(&q, w->nfigures);
    for (uint32_t i = 0; i < w->nfigures; i++) {
        today_due_encode(&q, &w->figures[i].due);
    }
    CHECK(!q.failed); /* TODAY_DUE_MAX figures of bounded texts fit */
    request_ask(req, &q, counts_came);
    buf_free(&q);
}

static void kinds_known(struct api_request *req)
{
    struct today_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    req->work = w;
    w->now = clock_now();
    policy_own_places(&req->reader, ITEM_ALERT, ACTION_LIST, POLICY_MAY_WATCH, w->now, &w->places);
    if (request_may(req, RIGHT_RECORDS_READ)) {
        w->nfigures = today_figures(req->api->registers, &req->reader, w->now, &req->arena, w->figures);
    }
    ask_counts(req);
}

void today_get(struct api_request *req)
{
    with_registers(req, kinds_known);
}
