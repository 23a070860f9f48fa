/* SPDX-License-Identifier: EUPL-1.2 */
/* /alerts: the queue, one alert in full, and what people do with it. Runs in the desk; the keeper
 * answers. */
#include <inttypes.h>
#include <stdio.h>

#include "api/person_search.h"
#include "base/num.h"
#include "base/utf8.h"
#include "event/event.h"
#include "records/places.h"

enum { LIMIT_DEFAULT = 100 };

static size_t characters(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

static void not_shown(struct api_request *req)
{
    respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
}

/* "open" and the names of statuses; empty = open, as the queue shows it. */
static uint32_t statuses_of(struct span word)
{
    enum alert_status one;
    if (word.len == 0 || span_eq(word, SPAN("open"))) {
        return 1u << ALERT_NEW | 1u << ALERT_ACKNOWLEDGED;
    }
    return alert_status_parse(word, &one) ? 1u << one : 0;
}

/* "critical,high"; false for an unknown word. */
static bool levels_of(struct span list, uint32_t *out)
{
    *out = 0;
    while (list.len > 0) {
        enum alert_level level;
        ptrdiff_t comma = span_find(list, ',');
        struct span word = span_sub(list, 0, comma < 0 ? list.len : (size_t)comma);
        list = comma < 0 ? SPAN("") : span_sub(list, (size_t)comma + 1, list.len);
        if (!alert_level_parse(word, &level)) {
            return false;
        }
        *out |= 1u << level;
    }
    return true;
}

/* "<received>.<id>", where the page before ended. */
static bool cursor_fits(struct span text, struct alert_filter *f)
{
    f->before_received = INT64_MAX;
    if (text.len == 0) {
        return true;
    }
    ptrdiff_t dot = span_find(text, '.');
    f->before_id = span_sub(text, (size_t)(dot + 1), text.len);
    return dot > 0 && num_i64(span_sub(text, 0, (size_t)dot), &f->before_received) &&
           f->before_id.len <= ALERT_ID_LEN;
}

static bool filter_of(struct api_request *req, struct alert_filter *f, const char **where)
{
    *f = (struct alert_filter){
        .statuses = statuses_of(request_query(req, "status")),
        .rule_id = request_query(req, "rule"),
        .host = request_query(req, "host"),
        .words = request_query(req, "q"),
    };
    policy_own_places(&req->reader, ITEM_ALERT, ACTION_LIST, POLICY_MAY_WATCH, clock_now(), &f->places);
    *where = "level";
    if (!levels_of(request_query(req, "level"), &f->levels)) {
        return false;
    }
    *where = "cursor";
    if (!cursor_fits(request_query(req, "cursor"), f)) {
        return false;
    }
    *where = "until";
    time_ns until = 0;
    struct span until_text = request_query(req, "until");
    if (until_text.len > 0 && !time_parse(until_text, 0, &until)) {
        return false;
    }
    if (until_text.len > 0 && until < f->before_received) { /* a place further on is before it anyway */
        f->before_received = until;
        f->before_id = SPAN("");
    }
    *where = "q";
    if (f->words.len > ALERT_QUERY_MAX) {
        return false;
    }
    f->limit = (uint32_t)request_number(req, "limit", LIMIT_DEFAULT);
    return true;
}

static void counts_json(struct json_writer *j, const struct alert_counts *n)
{
    json_key(j, "counts");
    json_object(j);
    json_key(j, "open");
    json_i64(j, n->by_status[ALERT_NEW] + n->by_status[ALERT_ACKNOWLEDGED]);
    json_key(j, "new");
    json_i64(j, n->by_status[ALERT_NEW]);
    json_key(j, "acknowledged");
    json_i64(j, n->by_status[ALERT_ACKNOWLEDGED]);
    json_key(j, "closed_today");
    json_i64(j, n->closed_today);
    json_key(j, "oldest_open");
    json_time(j, n->oldest_open);
    json_end(j);
}

static bool row_shown(const struct policy_reader *reader, const struct alert_row *row,
                      enum policy_action action, uint32_t may, time_ns now)
{
    struct own_item own;
    item_of_alert(row, &own);
    return policy_own_allows(reader, &own.item, action, may, now);
}

bool alerts_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                     struct cursor *data, time_ns now)
{
    struct alert_counts n;
    alert_counts_decode(data, &n);
    bool more = cursor_u8(data) != 0;
    int64_t last_received = (int64_t)cursor_u64(data);
    struct span last_id = cursor_str(data);
    uint32_t count = cursor_u32(data);
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < count && !data->failed; i++) {
        struct alert_row row;
        alert_row_decode(data, &row);
        if (!data->failed && row_shown(reader, &row, ACTION_LIST, POLICY_MAY_WATCH, now)) {
            alert_json(j, &row);
        }
    }
    json_end(j);
    json_key(j, "next");
    if (more) {
        json_text(
            j, span_of(arena_printf(arena, "%" PRId64 ".%.*s", last_received, SPAN_ARG(last_id))));
    } else {
        json_null(j);
    }
    counts_json(j, &n);
    json_end(j);
    return cursor_done(data);
}

/* The rows of the answer, read over a copy of its cursor, so that they can be looked at before any of them is shown. */
static uint32_t rows_of(struct api_request *req, const struct cursor *data, struct alert_row **out)
{
    struct cursor c = *data;
    struct alert_counts n;
    alert_counts_decode(&c, &n);
    (void)cursor_u8(&c);
    (void)cursor_u64(&c);
    (void)cursor_str(&c);
    uint32_t count = cursor_u32(&c);
    if (c.failed || count > ALERT_PAGE_MAX) {
        return 0; /* alerts_document says that it is broken */
    }
    *out = arena_calloc(&req->arena, count, sizeof **out);
    for (uint32_t i = 0; i < count; i++) {
        alert_row_decode(&c, &(*out)[i]);
    }
    return c.failed ? 0 : count;
}

static void list_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span query = request_query(req, "q");
    struct alert_row *rows = NULL;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    uint32_t count = query.len > 0 ? rows_of(req, data, &rows) : 0;
    if (person_search_refused(req, query, rows, count)) {
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    respond_whole(req, alerts_document(&j, &req->arena, &req->reader, data, clock_now()), &b);
}

void show_alerts(struct api_request *req)
{
    struct alert_filter f;
    const char *where = NULL;
    if (!filter_of(req, &f, &where)) {
        respond_error(req, 400, "bad_query", "This value is not one the list knows.", where);
        return;
    }
    if (f.places.count == 0) {
        not_shown(req);
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ALERTS);
    alert_filter_encode(&q, &f);
    request_ask(req, &q, list_answered);
    buf_free(&q);
}

/* ---- one alert ---- */

static void why_json(struct json_writer *j, const struct alert *a)
{
    json_key(j, "why");
    json_array(j);
    for (uint16_t i = 0; i < a->nwhy; i++) {
        const struct alert_why *w = &a->why[i];
        json_object(j);
        json_key(j, "selection");
        json_text(j, w->selection);
        json_key(j, "field");
        json_text_or_null(j, w->field);
        json_key(j, "operator");
        json_text(j, w->operator_);
        json_key(j, "wanted");
        json_text(j, w->wanted);
        json_key(j, "value");
        json_text(j, w->value);
        json_key(j, "marks");
        json_array(j);
        for (uint16_t k = 0; k < w->nmarks; k++) {
            json_array(j);
            json_u64(j, utf16_units(w->value, w->marks[k][0]));
            json_u64(j, utf16_units(w->value, w->marks[k][1]));
            json_end(j);
        }
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

static void fields_json(struct json_writer *j, const struct alert *a)
{
    json_key(j, "fields");
    json_array(j);
    for (uint16_t i = 0; i < a->nfields; i++) {
        json_object(j);
        json_key(j, "name");
        json_text(j, a->fields[i].name);
        json_key(j, "value");
        json_text(j, a->fields[i].value);
        json_end(j);
    }
    json_end(j);
}

/* A list that the compiler wrote as JSON; what does not look like one is shown as none. */
static void list_json(struct json_writer *j, const char *key, struct span list)
{
    json_key(j, key);
    if (list.len >= 2 && list.ptr[0] == '[' && list.ptr[list.len - 1] == ']') {
        json_raw(j, list);
    } else {
        json_array(j);
        json_end(j);
    }
}

static void rule_json(struct json_writer *j, const struct alert_row *row, const struct rule_row *r)
{
    const struct {
        const char *key;
        struct span value;
    } texts[] = {
        {"description", r->description},
        {"author", r->author},
        {"license", r->license},
    };
    json_key(j, "rule_detail");
    json_object(j);
    json_key(j, "id");
    json_text(j, row->rule_id);
    json_key(j, "title");
    json_text(j, row->title);
    json_key(j, "level");
    json_text(j, span_of(alert_level_name((enum alert_level)row->level)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text_or_null(j, texts[i].value);
    }
    list_json(j, "references", r->references);
    list_json(j, "tags", r->tags);
    list_json(j, "falsepositives", r->falsepositives);
    json_key(j, "condition");
    json_text(j, r->condition);
    json_key(j, "text");
    json_text(j, r->text);
    json_key(j, "file");
    json_text(j, r->file);
    json_end(j);
}

static void record_json(struct json_writer *j, const struct alert_row *row, const struct alert *a,
                        const struct ask_record *rec)
{
    char day[TIME_TEXT_MAX];
    char block[TIME_TEXT_MAX + 24];
    (void)time_format(row->block_day * TIME_DAY, day);
    (void)snprintf(block, sizeof block, "%.10s/%" PRId64, day, row->block_id);
    json_key(j, "record");
    json_object(j);
    json_key(j, "text");
    json_text(j, rec->text);
    json_key(j, "kept");
    json_bool(j, rec->found);
    json_key(j, "truncated");
    json_bool(j, rec->truncated);
    json_key(j, "block");
    json_text(j, span_of(block));
    json_key(j, "index");
    json_i64(j, row->block_index);
    json_key(j, "tags");
    json_array(j);
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = (a->tags >> bit & 1) != 0 ? event_tag_name(1u << bit) : NULL;
        if (name != NULL) {
            json_text(j, span_of(name));
        }
    }
    json_end(j);
    json_end(j);
}

static void history_json(struct json_writer *j, struct cursor *data)
{
    json_key(j, "history");
    json_array(j);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct alert_step s;
        step_decode(data, &s);
        json_object(j);
        json_key(j, "time");
        json_time(j, s.at);
        json_key(j, "who");
        json_text(j, s.who);
        json_key(j, "what");
        json_text(j, s.what);
        json_key(j, "reason");
        json_text_or_null(j, s.reason);
        json_key(j, "note");
        json_text_or_null(j, s.note);
        json_end(j);
    }
    json_end(j);
}

bool alert_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                    struct cursor *data, time_ns now, bool *shown_out)
{
    struct alert_row row;
    struct alert a;
    struct rule_row rule = {0};
    struct ask_record rec;
    struct own_item own;
    struct err e;
    alert_row_decode(data, &row);
    struct cursor detail = cursor_of(cursor_str(data));
    if (data->failed || alert_decode(&detail, arena, &a, &e) < 0) {
        return false;
    }
    *shown_out = row_shown(reader, &row, ACTION_READ, POLICY_MAY_WATCH, now);
    if (!*shown_out) {
        return true;
    }
    if (cursor_u8(data) != 0) {
        rule_decode(data, &rule);
    }
    item_of_rule(&rule, &own);
    if (!policy_own_allows(reader, &own.item, ACTION_READ, POLICY_MAY_WATCH, now)) {
        rule = (struct rule_row){0}; /* its name is the alert's, its text is not */
    }
    json_object(j);
    alert_json_fields(j, &row);
    why_json(j, &a);
    rule_json(j, &row, &rule);
    fields_json(j, &a);
    history_json(j, data);
    record_decode(data, &rec);
    record_json(j, &row, &a, &rec);
    json_end(j);
    return cursor_done(data);
}

static void get_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    bool shown = false;
    request_json(req, &b, &j);
    bool whole = alert_document(&j, &req->arena, &req->reader, data, clock_now(), &shown);
    if (whole && !shown) { /* as if it were not there: that it exists is told to nobody either */
        buf_free(&b);
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    respond_whole(req, whole, &b);
}

/* Asks for one of those that he may do this with; with none he is told that he may not. */
static void ask_one(struct api_request *req, uint32_t may, api_then *then)
{
    struct policy_places places;
    struct buf q;
    policy_own_places(&req->reader, ITEM_ALERT, ACTION_READ, may, clock_now(), &places);
    if (places.count == 0) {
        not_shown(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ALERT);
    places_encode(&q, &places);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, then);
    buf_free(&q);
}

void alert_get(struct api_request *req)
{
    ask_one(req, POLICY_MAY_WATCH, get_answered);
}

/* ---- changes ---- */

static void conflict(struct api_request *req, int rc, struct span text, const struct alert_row *row)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "error");
    json_object(&j);
    json_key(&j, "code");
    json_text(&j, rc == ERR_BUSY ? SPAN("stale") : SPAN("not_possible"));
    json_key(&j, "message");
    json_text(&j, text);
    json_key(&j, "where");
    json_null(&j);
    json_end(&j);
    json_key(&j, "alert");
    alert_json(&j, row);
    json_end(&j);
    respond_json(req, 409, &b);
}

/* None that he may work on has this id. One that he only reads is there for him all the same, and so is that he may no more. */
static void read_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc == 0) {
        not_shown(req);
    } else {
        respond_failure(req, rc, text);
    }
}

static void change_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct alert_row row;
    bool has_row = rc == 0 || rc == ERR_BUSY || rc == ERR_DENIED;
    if (has_row) {
        alert_row_decode(data, &row);
        has_row = cursor_done(data);
        rc = rc == 0 && !has_row ? ERR_INVALID : rc;
        if (has_row && !row_shown(&req->reader, &row, ACTION_READ, POLICY_MAY_WORK, clock_now())) {
            has_row = false;
            rc = ERR_NOT_FOUND;
        }
    }
    if (rc == 0) {
        struct json_writer j;
        struct buf b;
        request_json(req, &b, &j);
        alert_json(&j, &row);
        respond_json(req, 200, &b);
    } else if (has_row) {
        conflict(req, rc, text, &row);
    } else if (rc == ERR_NOT_FOUND && req->nseats > 0) {
        ask_one(req, POLICY_MAY_WATCH, read_answered);
    } else {
        respond_failure(req, rc, text);
    }
}

static void change(struct api_request *req, enum alert_action action)
{
    struct alert_change ch = {
        .id = req->param[0],
        .action = action,
        .who = req->user.name,
        .reason = request_field(req, "reason"),
        .note = request_field(req, "note"),
    };
    CHECK(num_i64(request_field(req, "revision"), &ch.revision)); /* the route's table checked it */
    if (characters(ch.note) > ALERT_NOTE_MAX) {
        respond_error(req, 400, "bad_body", "A note has at most 4000 characters.", "note");
        return;
    }
    policy_own_places(&req->reader, ITEM_ALERT, ACTION_READ, POLICY_MAY_WORK, clock_now(), &ch.places);
    if (ch.places.count == 0) {
        not_shown(req);
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ALERT_CHANGE);
    alert_change_encode(&q, &ch);
    request_ask(req, &q, change_answered);
    buf_free(&q);
}

void alert_acknowledge(struct api_request *req)
{
    change(req, ALERT_DO_ACKNOWLEDGE);
}

void alert_close(struct api_request *req)
{
    change(req, ALERT_DO_CLOSE);
}

void alert_reopen(struct api_request *req)
{
    change(req, ALERT_DO_REOPEN);
}
