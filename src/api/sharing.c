/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /federation/sharing: which alerts this node tells, to whom, since when; and what it makes of
 * warnings. Runs in the desk; the keeper answers.
 */
#include "api/api_priv.h"
#include "base/id.h"
#include "desk/federation/indicator.h"
#include "desk/federation/watch.h"
#include "event/alert.h"
#include "records/fed_share.h"
#include "wire/jcs.h"

enum { CAP_MAX = 1000000 };

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

/* ---- showing ---- */

struct circle_name {
    struct span id, name, hub;
    bool own; /* its hub is this node: nothing leaves the house */
    bool nda;
};

/* Rows that stand last, always, and cannot be changed: what holds where no other fits. */
static const struct fed_share_row standing[] = {
    {.id = SPAN("default"), .moment = SPAN("after_acknowledgement"), .since = TIME_NONE},
    {.id = SPAN("findings"), .source = SPAN(WATCH_FINDINGS), .moment = SPAN("never"), .since = TIME_NONE},
};

static bool is_findings(const struct fed_share_row *r)
{
    return span_eq(r->source, SPAN(WATCH_FINDINGS));
}

/* A hub in a hub: it has a circle of its own whose findings may go, and is in one of another hub. */
static bool is_between(const struct circle_name *circles, uint32_t n)
{
    bool below = false;
    bool above = false;
    for (uint32_t i = 0; i < n; i++) {
        below = below || (circles[i].own && !circles[i].nda);
        above = above || !circles[i].own;
    }
    return below && above;
}

static void class_json(struct json_writer *j, const struct fed_share_row *r)
{
    json_key(j, "class");
    json_object(j);
    json_member_text_or_null(j, "level",
                 r->level > 0 ? span_of(alert_level_name((enum alert_level)r->level)) : SPAN(""));
    json_member_text_or_null(j, "product", r->product);
    json_member_text_or_null(j, "technique", r->technique);
    json_member_text_or_null(j, "source", r->source);
    json_end(j);
}

static void row_json(struct json_writer *j, const struct fed_share_row *r,
                     const struct circle_name *circles, uint32_t n)
{
    struct span name = SPAN("");
    for (uint32_t i = 0; i < n; i++) {
        name = span_eq(circles[i].id, r->circle) ? circles[i].name : name;
    }
    json_object(j);
    json_member_text(j, "id", r->id);
    json_member_text_or_null(j, "circle", r->circle);
    json_member_text_or_null(j, "circle_name", name);
    class_json(j, r);
    json_member_text(j, "when", r->moment);
    number(j, "minutes", r->minutes);
    json_key(j, "since");
    json_time(j, r->since);
    json_member_text_or_null(j, "by", r->changed_by);
    number(j, "sent", r->sent);
    json_end(j);
}

/* Signals go to the hub of a circle, and to nobody else. */
static void readers_json(struct json_writer *j, const struct circle_name *circles, uint32_t n)
{
    json_key(j, "readers");
    json_array(j);
    for (uint32_t i = 0; i < n; i++) {
        json_object(j);
        json_member_text(j, "circle", circles[i].id);
        json_member_text(j, "circle_name", circles[i].name);
        json_key(j, "organisations");
        json_array(j);
        json_text(j, circles[i].hub);
        json_end(j);
        json_key(j, "own");
        json_bool(j, circles[i].own);
        json_end(j);
    }
    json_end(j);
}

/* Whose findings the rows for them are about; null where there is no hub above, or nothing that could be told there. */
static void findings_json(struct json_writer *j, const struct circle_name *circles, uint32_t n)
{
    json_key(j, "findings");
    if (!is_between(circles, n)) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "circles");
    json_array(j);
    for (uint32_t i = 0; i < n; i++) {
        if (circles[i].own && !circles[i].nda) {
            json_object(j);
            json_member_text(j, "circle", circles[i].id);
            json_member_text(j, "circle_name", circles[i].name);
            json_end(j);
        }
    }
    json_end(j);
    json_end(j);
}

static void words_json(struct json_writer *j, const struct fed_sharing *s)
{
    json_member_text(j, "networks", s->networks);
    json_member_text(j, "domains", s->domains);
    json_key(j, "automatic");
    json_bool(j, s->automatic);
    number(j, "cap", s->cap);
    json_key(j, "agreed");
    json_bool(j, s->agreed);
}

/* "2026-11-26T20:00:00Z anna": when and by whom it was stopped; empty = it is not. */
static void stopped_json(struct json_writer *j, struct span stopped)
{
    ptrdiff_t blank = span_find(stopped, ' ');
    json_key(j, "stopped");
    json_bool(j, stopped.len > 0);
    json_member_text_or_null(j, "since", blank < 0 ? stopped : span_sub(stopped, 0, (size_t)blank));
}

static bool sharing_document(struct json_writer *j, struct arena *arena, struct cursor *data)
{
    struct fed_sharing s;
    fed_sharing_decode(data, arena, &s);
    struct span stopped = cursor_str(data);
    uint32_t n = cursor_u32(data);
    if (data->failed || n > FED_SHARE_MAX) {
        return false;
    }
    struct circle_name *circles = arena_calloc(arena, n + 1, sizeof *circles);
    for (uint32_t i = 0; i < n; i++) {
        circles[i].id = cursor_str(data);
        circles[i].name = cursor_str(data);
        circles[i].hub = cursor_str(data);
        circles[i].own = cursor_u8(data) != 0;
        circles[i].nda = cursor_u8(data) != 0;
    }
    json_object(j);
    stopped_json(j, stopped);
    json_key(j, "items");
    json_array(j);
    for (size_t i = 0; i < s.count; i++) {
        row_json(j, &s.rows[i], circles, n);
    }
    for (size_t i = 0; i < ARRAY_LEN(standing); i++) {
        if (!is_findings(&standing[i]) || is_between(circles, n)) {
            row_json(j, &standing[i], circles, n);
        }
    }
    json_end(j);
    readers_json(j, circles, n);
    findings_json(j, circles, n);
    words_json(j, &s);
    json_end(j);
    return cursor_done(data);
}

static void shown(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    respond_whole(req, sharing_document(&j, &req->arena, data), &b);
}

static void ask_sharing(struct api_request *req, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SHARING);
    request_ask(req, &q, then);
    buf_free(&q);
}

void sharing_get(struct api_request *req)
{
    ask_sharing(req, shown);
}

/* ---- changing ---- */

/* A word of a class; null and absence mean any. */
static bool word_of(const struct jcs *o, const char *key, struct span *out)
{
    const struct jcs *v = jcs_get(o, key);
    *out = SPAN("");
    if (v == NULL || v->kind == JCS_NULL) {
        return true;
    }
    *out = v->text;
    return v->kind == JCS_TEXT && v->text.len <= FED_SHARE_WORD_MAX;
}

static bool level_of(const struct jcs *class, int64_t *out)
{
    struct span word;
    enum alert_level level;
    *out = 0;
    if (!word_of(class, "level", &word)) {
        return false;
    }
    bool known = word.len == 0 || alert_level_parse(word, &level);
    *out = word.len > 0 && known ? (int64_t)level : 0;
    return known;
}

static const char *read_row(struct api_request *req, const struct jcs *o, struct fed_share_row *r)
{
    enum fed_moment m;
    const struct jcs *class = jcs_get_object(o, "class");
    *r = (struct fed_share_row){.minutes = 0};
    if (!jcs_get_text(o, "when", &r->moment) || !fed_moment_parse(r->moment, &m)) {
        return "when";
    }
    if (jcs_get(o, "minutes") != NULL && jcs_get(o, "minutes")->kind != JCS_NULL &&
        (!jcs_get_int(o, "minutes", &r->minutes) || r->minutes < 0 ||
         r->minutes > FED_SHARE_MINUTES_MAX)) {
        return "minutes";
    }
    if (!word_of(o, "circle", &r->circle) || !word_of(o, "id", &r->id)) {
        return "circle";
    }
    if (!level_of(class, &r->level) || !word_of(class, "product", &r->product) ||
        !word_of(class, "technique", &r->technique) || !word_of(class, "source", &r->source)) {
        return "class";
    }
    if (is_findings(r) && m == FED_AFTER_ACKNOWLEDGEMENT) {
        return "when"; /* nobody acknowledges a finding of a circle */
    }
    if (is_findings(r) && r->product.len > 0) {
        return "class"; /* none is told with it */
    }
    if (r->id.len == 0) {
        char id[ID_TEXT_LEN + 1];
        id_new(clock_now(), id);
        r->id = arena_copy(&req->arena, span_of(id));
    }
    return NULL;
}

static const char *read_rows(struct api_request *req, const struct jcs *list, struct fed_sharing *s)
{
    if (list == NULL || list->count > FED_SHARE_MAX) {
        return "items";
    }
    s->rows = arena_calloc(&req->arena, list->count + 1, sizeof *s->rows);
    s->count = 0;
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        struct fed_share_row r;
        const char *where = read_row(req, v, &r);
        if (where != NULL) {
            return where;
        }
        for (size_t i = 0; i < s->count; i++) {
            if (span_eq(s->rows[i].id, r.id)) {
                return "id";
            }
        }
        bool stands = false;
        for (size_t i = 0; i < ARRAY_LEN(standing); i++) {
            stands = stands || span_eq(r.id, standing[i].id);
        }
        if (!stands) { /* those are shown, and always the same */
            s->rows[s->count++] = r;
        }
    }
    return NULL;
}

static bool networks_fit(struct span list)
{
    while (list.len > 0) {
        ptrdiff_t comma = span_find(list, ',');
        struct span one = span_trim(comma < 0 ? list : span_sub(list, 0, (size_t)comma));
        list = comma < 0 ? SPAN("") : span_sub(list, (size_t)comma + 1, list.len);
        if (one.len > 0 && !fed_indicator_network_valid(one)) {
            return false;
        }
    }
    return true;
}

/* What the body names is changed, the rest stays. NULL, or the field that is wrong. */
static const char *read_change(struct api_request *req, const struct jcs *body,
                               struct fed_sharing *s)
{
    static const char *const names[] = {"items", "networks",  "domains", "automatic", "cap",
                                        "agreed", "stopped", "since",   "readers",   "findings",  NULL};
    if (!jcs_only(body, names)) {
        return "body";
    }
    const char *where = jcs_get(body, "items") == NULL
                            ? NULL
                            : read_rows(req, jcs_get_array(body, "items"), s);
    if (where != NULL) {
        return where;
    }
    if (jcs_get(body, "networks") != NULL &&
        (!jcs_get_text(body, "networks", &s->networks) || s->networks.len > FED_SHARE_LISTS_MAX ||
         !networks_fit(s->networks))) {
        return "networks";
    }
    if (jcs_get(body, "domains") != NULL && (!jcs_get_text(body, "domains", &s->domains) ||
                                             s->domains.len > FED_SHARE_LISTS_MAX)) {
        return "domains";
    }
    if (jcs_get(body, "automatic") != NULL && !jcs_get_bool(body, "automatic", &s->automatic)) {
        return "automatic";
    }
    if (jcs_get(body, "agreed") != NULL && !jcs_get_bool(body, "agreed", &s->agreed)) {
        return "agreed";
    }
    return jcs_get(body, "cap") != NULL &&
                   (!jcs_get_int(body, "cap", &s->cap) || s->cap < 0 || s->cap > CAP_MAX)
               ? "cap"
               : NULL;
}

static void put_done(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    ask_sharing(req, shown);
}

static void present_known(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct fed_sharing s;
    struct jcs *body = NULL;
    struct err e = {0};
    struct buf q;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    fed_sharing_decode(data, &req->arena, &s);
    const char *where = data->failed || jcs_read(&req->arena, buf_view(&req->body), 8, &body, &e) < 0
                            ? "body"
                            : read_change(req, body, &s);
    if (where != NULL) {
        respond_error(req, 400, "bad_body", "This value is not one that sharing knows.", where);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SHARING_PUT);
    fed_sharing_encode(&q, &s);
    buf_str(&q, req->user.name);
    if (q.failed) {
        respond_error(req, 413, "too_large", "These are more classes than can be kept.", "items");
    } else {
        request_ask(req, &q, put_done);
    }
    buf_free(&q);
}

void sharing_put(struct api_request *req)
{
    ask_sharing(req, present_known);
}
