/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /warnings: what the community warned of, what its dry run found here, and what people decide. Runs
 * in the desk; the keeper answers. A warning is the node's operator's, as rules that came with one.
 */
#include "api/api_priv.h"
#include "base/num.h"
#include "desk/federation/signal_row.h"
#include "desk/federation/watch.h"
#include "desk/readers/readers.h"
#include "records/fed_share.h"

enum { REASON_MAX = 4000 /* bytes */, LIST_LIMIT = 200 };

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void moment(struct json_writer *j, const char *key, time_ns t)
{
    json_key(j, key);
    json_time(j, t);
}

bool warning_shows(const struct policy_reader *reader, enum policy_action action, time_ns now)
{
    struct own_item own;
    item_of_warning(&own);
    return policy_own_allows(reader, &own.item, action, POLICY_MAY_WATCH, now);
}

/* ---- one as JSON ---- */

/* What checks_of (watch_warn.c) wrote; NULL when there was no dry run. */
static const struct jcs *checks_tree(const struct fed_warning_row *r, struct arena *arena)
{
    struct jcs *tree = NULL;
    return r->checks.len > 0 && jcs_read(arena, r->checks, 8, &tree, NULL) == 0 ? tree : NULL;
}

static void from_checks(struct json_writer *j, const struct jcs *checks, const char *key)
{
    int64_t n = 0;
    struct span s;
    json_key(j, key);
    if (jcs_get_int(checks, key, &n)) {
        json_i64(j, n);
    } else if (jcs_get_text(checks, key, &s)) {
        json_text(j, s);
    } else {
        json_null(j);
    }
}

static void dry_run_json(struct json_writer *j, const struct fed_warning_row *r,
                         const struct warning_hunts *hunts, const struct jcs *checks)
{
    bool done = span_eq(r->dry_run, SPAN("done"));
    json_key(j, "dry_run");
    json_object(j);
    json_member_text(j, "state", r->dry_run);
    json_key(j, "hunt");
    json_text_or_null(j, r->hunt);
    json_key(j, "progress");
    json_milli(j, done ? 1000 : span_eq(r->dry_run, SPAN("running")) || span_eq(r->dry_run, SPAN("waiting")) ? warning_hunts_milli(hunts, r->hunt) : 0);
    json_key(j, "matched");
    if (done) {
        json_i64(j, r->matched);
    } else {
        json_null(j);
    }
    static const char *const found[] = {"events", "from", "to", "not_covered"};
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        from_checks(j, done ? checks : NULL, found[i]);
    }
    json_end(j);
}

static void seen_json(struct json_writer *j, const struct fed_warning_row *r, struct arena *arena)
{
    json_key(j, "seen");
    json_object(j);
    json_member_text(j, "text",
         r->seen > 0 ? span_of(arena_printf(arena, "at least %lld members", (long long)r->seen))
                     : SPAN("at least one other member"));
    json_key(j, "count");
    if (r->seen > 0) {
        json_i64(j, r->seen);
    } else {
        json_null(j);
    }
    json_end(j);
}

/* The fields that a list has; the object is the caller's. */
static void warning_fields(struct json_writer *j, const struct fed_warning_row *r,
                           const struct warning_hunts *hunts, struct arena *arena)
{
    json_member_text(j, "id", r->id);
    number(j, "version", r->version);
    json_member_text(j, "title", r->title);
    json_member_text(j, "level", span_of(alert_level_name((enum alert_level)r->level)));
    json_key(j, "why");
    json_object(j);
    json_member_text(j, "kind", r->kind);
    json_member_text(j, "value", r->value);
    json_end(j);
    seen_json(j, r, arena);
    moment(j, "first", r->first * SIGNAL_BUCKET_S * TIME_SECOND);
    moment(j, "last", r->last * SIGNAL_BUCKET_S * TIME_SECOND);
    json_member_text(j, "circle", r->circle);
    json_member_text(j, "circle_name", r->circle_name);
    moment(j, "received", r->received);
    moment(j, "updated", r->updated);
    moment(j, "expires", r->expires);
    json_member_text(j, "state", r->state);
    json_key(j, "automatic");
    json_bool(j, r->automatic != 0);
    number(j, "taken_version", r->taken_version);
    dry_run_json(j, r, hunts, checks_tree(r, arena));
}

static void brief_json(struct json_writer *j, const struct fed_warning_row *r,
                       const struct warning_hunts *hunts, struct arena *arena)
{
    json_object(j);
    warning_fields(j, r, hunts, arena);
    number(j, "rules", r->rules);
    number(j, "indicators", r->indicators);
    json_end(j);
}

void warning_json(struct json_writer *j, const struct fed_warning_row *r, struct arena *arena)
{
    brief_json(j, r, NULL, arena);
}

/* ---- the list ---- */

bool warnings_document(struct json_writer *j, struct arena *arena,
                       const struct policy_reader *reader, const struct warning_hunts *hunts,
                       struct cursor *data, time_ns now)
{
    struct fed_sharing sharing;
    uint32_t n = cursor_u32(data);
    bool shown = warning_shows(reader, ACTION_LIST, now);
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_warning_row row;
        fed_warning_decode(data, &row);
        if (!data->failed && shown) {
            brief_json(j, &row, hunts, arena);
        }
    }
    json_end(j);
    json_end(j);
    fed_sharing_decode(data, arena, &sharing);
    return cursor_done(data);
}

static void broken(struct api_request *req, struct buf *b)
{
    buf_free(b);
    respond_failure(req, ERR_INVALID, SPAN("broken answer"));
}

static void list_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    if (!warnings_document(&j, &req->arena, &req->reader, warning_hunts_of(req), data, clock_now())) {
        broken(req, &b);
        return;
    }
    respond_json(req, 200, &b);
}

static void ask_list(struct api_request *req, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)INT64_MAX);
    buf_u32(&q, LIST_LIMIT);
    buf_u8(&q, 1);
    request_ask(req, &q, then);
    buf_free(&q);
}

static void hunts_known(struct api_request *req)
{
    ask_list(req, list_answered);
}

void show_warnings(struct api_request *req)
{
    warning_hunts_ask(req, hunts_known);
}

/* ---- one in full ---- */

/* "title: …" of a rule's text, for people; the rule itself is read by others. */
static struct span yaml_title(struct span yaml)
{
    struct span key = SPAN("title:");
    for (size_t i = 0; i + key.len <= yaml.len; i++) {
        if ((i == 0 || yaml.ptr[i - 1] == '\n') && span_starts(span_sub(yaml, i, yaml.len), key)) {
            struct span rest = span_sub(yaml, i + key.len, yaml.len);
            ptrdiff_t end = span_find(rest, '\n');
            return span_trim(end < 0 ? rest : span_sub(rest, 0, (size_t)end));
        }
    }
    return SPAN("");
}

/* What the dry run said of a rule; refused ones go by their file. */
static void check_json(struct json_writer *j, const struct jcs *checks, struct span id,
                       const char *file)
{
    const struct jcs *list = jcs_get_array(checks, "rules");
    const struct jcs *found = NULL;
    for (const struct jcs *v = list == NULL ? NULL : list->first; v != NULL; v = v->next) {
        struct span rule;
        if (jcs_get_text(v, "rule", &rule) &&
            (span_eq(rule, id) || span_ends(rule, span_of(file)))) {
            found = v;
        }
    }
    bool ok = false;
    struct span why = SPAN("");
    bool known = jcs_get_bool(found, "ok", &ok) && jcs_get_text(found, "reason", &why);
    json_key(j, "check");
    json_object(j);
    json_key(j, "ok");
    if (known) {
        json_bool(j, ok);
    } else {
        json_null(j);
    }
    json_key(j, "reason");
    json_text_or_null(j, why);
    json_end(j);
}

static void rules_json(struct json_writer *j, const struct warning *w, const struct fed_warning_row *r, const struct jcs *checks)
{
    json_key(j, "rules");
    json_array(j);
    for (uint32_t i = 0; i < w->nrules; i++) {
        char file[] = "/0.yml";
        uint32_t number = warning_file_of(w, i);
        file[1] = (char)(number == UINT32_MAX ? '-' : '0' + number); /* one that others join has no file by itself */
        json_object(j);
        json_member_text(j, "id", w->rules[i].id);
        json_member_text(j, "title", yaml_title(w->rules[i].yaml));
        json_member_text(j, "yaml", w->rules[i].yaml);
        json_member_text(j, "hash", w->rules[i].hash);
        json_key(j, "joins");
        json_array(j);
        for (uint32_t k = 0; k < w->rules[i].nneeds; k++) {
            json_text(j, w->rules[w->rules[i].needs[k]].id);
        }
        json_end(j);
        check_json(j, checks, w->rules[i].id, file);
        json_end(j);
    }
    json_end(j);
    json_key(j, "indicators");
    json_array(j);
    for (uint32_t i = 0; i < w->nindicators; i++) {
        json_object(j);
        json_member_text(j, "type", span_of(fed_indicator_type_name(w->indicators[i].type)));
        json_member_text(j, "value", w->indicators[i].value);
        moment(j, "valid_until", w->withdrawn ? TIME_NONE : r->expires); /* what was taken of it ends then */
        json_end(j);
    }
    json_end(j);
    json_key(j, "products");
    json_array(j);
    for (uint32_t i = 0; i < w->nproducts; i++) {
        json_text(j, w->products[i]);
    }
    json_end(j);
}

/* The way it came, nearest last: circles of other hubs, by their ids, for this node may be in none of them. */
static void derived_json(struct json_writer *j, const struct warning *w)
{
    json_key(j, "derived");
    json_array(j);
    for (uint32_t i = 0; i < w->nderived; i++) {
        json_object(j);
        json_member_text(j, "circle", w->derived[i].circle);
        json_member_text(j, "warning", w->derived[i].warning);
        number(j, "version", w->derived[i].version);
        json_end(j);
    }
    json_end(j);
}

static void history_json(struct json_writer *j, struct cursor *data)
{
    uint32_t n = cursor_u32(data);
    json_key(j, "history");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        time_ns at = (time_ns)cursor_u64(data);
        struct span who = cursor_str(data);
        struct span what = cursor_str(data);
        struct span why = cursor_str(data);
        if (!data->failed) {
            json_object(j);
            moment(j, "at", at);
            json_member_text(j, "who", who);
            json_member_text(j, "what", what);
            json_key(j, "reason");
            json_text_or_null(j, why);
            json_end(j);
        }
    }
    json_end(j);
}

bool warning_document(struct json_writer *j, struct arena *arena,
                      const struct policy_reader *reader, const struct warning_hunts *hunts,
                      struct cursor *data, time_ns now, bool *shown_out)
{
    struct fed_warning_row row;
    struct warning *w = arena_alloc(arena, sizeof *w);
    struct err e;
    fed_warning_decode(data, &row);
    *shown_out = warning_shows(reader, ACTION_READ, now);
    if (data->failed || warning_from_row(&row, arena, w, &e) < 0) {
        return false;
    }
    if (!*shown_out) {
        return true;
    }
    json_object(j);
    warning_fields(j, &row, hunts, arena);
    rules_json(j, w, &row, checks_tree(&row, arena));
    derived_json(j, w);
    history_json(j, data);
    json_end(j);
    return cursor_done(data);
}

static void get_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    bool shown = false;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    bool whole = warning_document(&j, &req->arena, &req->reader, warning_hunts_of(req), data, clock_now(), &shown);
    if (!whole) {
        broken(req, &b);
    } else if (!shown) {
        buf_free(&b);
        respond_failure(req, ERR_NOT_FOUND, SPAN("no such warning"));
    } else {
        respond_json(req, 200, &b);
    }
}

static void ask_warning(struct api_request *req, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_WARNING);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, then);
    buf_free(&q);
}

static void its_hunt_known(struct api_request *req)
{
    ask_warning(req, get_answered);
}

void warning_get(struct api_request *req)
{
    warning_hunts_ask(req, its_hunt_known);
}

/* ---- what people decide ---- */

static void changed(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct fed_warning_row row = {0};
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    fed_warning_decode(data, &row);
    request_json(req, &b, &j);
    if (!cursor_done(data)) {
        broken(req, &b);
        return;
    }
    warning_json(&j, &row, &req->arena);
    respond_json(req, 200, &b);
}

static void change(struct api_request *req, enum fed_warning_act act, struct span words)
{
    struct buf q;
    const struct fed_warning_change ch = {.id = req->param[0],
                                          .act = act,
                                          .who = req->user.name,
                                          .reason = request_field(req, "reason"),
                                          .text = words};
    buf_init(&q, FED_WARNING_FILES_MAX + ASK_MAX_BYTES);
    ask_begin(&q, ASK_WARNING_CHANGE);
    fed_warning_change_encode(&q, &ch);
    request_ask(req, &q, changed);
    buf_free(&q);
}

/* The warning's body, for those who may read it; else the request is answered. */
static struct warning *body_of(struct api_request *req, int rc, struct span why,
                               struct cursor *data)
{
    struct fed_warning_row row = {0};
    struct err e;
    struct warning *w = arena_alloc(&req->arena, sizeof *w);
    if (rc == 0 && !warning_shows(&req->reader, ACTION_READ, clock_now())) {
        rc = ERR_NOT_FOUND;
        why = SPAN("no such warning");
    }
    if (rc == 0) {
        fed_warning_decode(data, &row);
        rc = data->failed ? ERR_INVALID : warning_from_row(&row, &req->arena, w, &e);
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return NULL;
    }
    return w;
}

static void take_known(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct warning *w = body_of(req, rc, why, data);
    struct buf files;
    if (w == NULL) {
        return;
    }
    buf_init(&files, FED_WARNING_FILES_MAX);
    if (!warning_files(w, &files) || files.failed) {
        respond_error(req, 409, "nothing_to_take",
                      "This warning brings neither a rule nor an indicator that could be taken.",
                      NULL);
    } else {
        change(req, FED_WARNING_TAKE, arena_copy(&req->arena, buf_view(&files)));
    }
    buf_free(&files);
}

static bool reason_fits(struct api_request *req)
{
    if (request_field(req, "reason").len > REASON_MAX) {
        respond_error(req, 400, "bad_body", "A reason has at most 4000 bytes.", "reason");
        return false;
    }
    return true;
}

void warning_take(struct api_request *req)
{
    if (reason_fits(req)) {
        ask_warning(req, take_known);
    }
}

void warning_dismiss(struct api_request *req)
{
    if (!warning_shows(&req->reader, ACTION_READ, clock_now())) {
        respond_failure(req, ERR_NOT_FOUND, SPAN("no such warning"));
    } else if (reason_fits(req)) {
        change(req, FED_WARNING_DISMISS, SPAN(""));
    }
}

static void hunt_begun(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct span id = rc < 0 ? SPAN("") : cursor_str(data);
    if (rc < 0 || !cursor_done(data)) {
        respond_failure(req, rc < 0 ? rc : ERR_INVALID, why);
        return;
    }
    change(req, FED_WARNING_ASKED, arena_copy(&req->arena, id));
}

/* It brings nothing: what this house has against its technique is tried. */
static void own_rules_known(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct warning *w = req->work;
    int64_t days = request_number(req, "days", WATCH_DRY_RUN_DAYS);
    struct buf q;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    buf_init(&q, FED_WARNING_FILES_MAX + ASK_MAX_BYTES);
    if (watch_dry_run_own(w, data, days, clock_now(), &q) && !q.failed) {
        request_ask(req, &q, hunt_begun);
    } else {
        respond_error(req, 409, "nothing_to_look_for", "This warning brings neither a rule nor an indicator, and no rule of this node has its technique.", NULL);
    }
    buf_free(&q);
}

static void dry_run_known(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct warning *w = body_of(req, rc, why, data);
    int64_t days = request_number(req, "days", WATCH_DRY_RUN_DAYS);
    struct buf q;
    if (w == NULL) {
        return;
    }
    buf_init(&q, FED_WARNING_FILES_MAX + ASK_MAX_BYTES);
    if (watch_dry_run_ask(w, days, clock_now(), &q) && !q.failed) {
        request_ask(req, &q, hunt_begun);
    } else if (buf_clear(&q), watch_dry_run_rules(w, &q)) {
        req->work = w;
        request_ask(req, &q, own_rules_known);
    } else {
        respond_error(req, 409, "nothing_to_look_for",
                      "This warning brings neither a rule nor an indicator to look for.", NULL);
    }
    buf_free(&q);
}

void warning_dry_run(struct api_request *req)
{
    ask_warning(req, dry_run_known);
}
