/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /register-kinds: which kinds of record are on. Runs in the desk; the keeper keeps what was switched, with its line in the audit
 * trail. A kind is told only to whom its file lets read records of it, whether it is on or off.
 */
#include "api/registers.h"

bool register_switches_take(struct cursor *c, struct registers *r)
{
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct span kind = cursor_str(c);
        bool on = cursor_u8(c) != 0;
        if (r != NULL && !c->failed) {
            registers_switch(r, kind, on);
        }
    }
    return !c->failed;
}

static bool is_told(const struct api_request *req, const struct register_kind *k)
{
    struct record_scope scope;
    policy_record_scope(&req->reader, &k->rights, clock_now(), &scope);
    return !record_scope_empty(&scope);
}

/* ---- the list ---- */

/* Kinds that would go on with it. */
static void needs_member(struct json_writer *j, const struct registers *all, const struct register_kind *k)
{
    const struct register_kind *needs[REGISTER_KINDS_MAX];
    size_t n = registers_needs(all, k, needs);
    json_key(j, "needs");
    json_array(j);
    for (size_t i = 1; i < n; i++) {
        if (!needs[i]->on) {
            json_text(j, needs[i]->name);
        }
    }
    json_end(j);
}

/* Whether other is on and cannot be without k. */
static bool is_needed_by(const struct registers *all, const struct register_kind *k, const struct register_kind *other)
{
    const struct register_kind *needs[REGISTER_KINDS_MAX];
    size_t n = other->on && other != k ? registers_needs(all, other, needs) : 0;
    for (size_t i = 1; i < n; i++) {
        if (needs[i] == k) {
            return true;
        }
    }
    return false;
}

/* Kinds that are on and cannot be without it. Returns how many, those that the reader may not know too. */
static size_t needed_member(struct json_writer *j, const struct api_request *req, const struct register_kind *k)
{
    size_t n = 0;
    size_t needed = 0;
    const struct register_kind *all = registers_all(req->api->registers, &n);
    json_key(j, "needed_by");
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        bool is_needed = is_needed_by(req->api->registers, k, &all[i]);
        needed += is_needed;
        if (is_needed && is_told(req, &all[i])) {
            json_text(j, all[i].name);
        }
    }
    json_end(j);
    return needed;
}

static void kind_row(struct json_writer *j, const struct api_request *req, const struct register_kind *k)
{
    json_object(j);
    json_member_text(j, "name", k->name);
    json_member_text(j, "plural", k->plural);
    json_member_text(j, "title", k->heading);
    json_member_text(j, "about", k->about);
    json_member_text(j, "file", k->file);
    json_key(j, "on");
    json_bool(j, k->on);
    needs_member(j, req->api->registers, k);
    (void)needed_member(j, req, k);
    json_end(j);
}

static void list_ready(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    size_t n = 0;
    const struct register_kind *k = registers_all(req->api->registers, &n);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (size_t i = 0; i < n; i++) {
        if (is_told(req, &k[i])) {
            kind_row(&j, req, &k[i]);
        }
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void show_register_kinds(struct api_request *req)
{
    with_registers(req, list_ready);
}

/* ---- switching ---- */

struct switch_work {
    bool on;
    size_t count;
    const struct register_kind *kinds[REGISTER_KINDS_MAX];
};

void api_register_switched(struct api *api, struct span kind, bool on)
{
    if (api->registers != NULL) { /* else the keeper tells it with the rest */
        registers_switch(api->registers, kind, on);
    }
}

/* The end of what was asked for kinds: {"key": [their names]}, or why not; data has been read to its end. */
static void respond_kinds(struct api_request *req, int rc, struct span text, const struct cursor *data, const char *key, const struct span *names, size_t n)
{
    struct json_writer j;
    struct buf b;
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, key);
    json_array(&j);
    for (size_t i = 0; i < n; i++) {
        json_text(&j, names[i]);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void switched(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct switch_work *w = req->work;
    struct span names[REGISTER_KINDS_MAX];
    for (size_t i = 0; i < w->count; i++) {
        names[i] = w->kinds[i]->name;
        if (rc == 0 && cursor_done(data) && req->api->config.switched != NULL) {
            req->api->config.switched(req->api->config.arg, names[i], w->on);
        } else if (rc == 0 && cursor_done(data)) {
            api_register_switched(req->api, names[i], w->on);
        }
    }
    respond_kinds(req, rc, text, data, "switched", names, w->count);
}

/* What is to be switched for this one to be as is wanted; false: it cannot be, and the request is answered. */
static bool choose(struct api_request *req, const struct register_kind *k, struct switch_work *w)
{
    const struct register_kind *needs[REGISTER_KINDS_MAX];
    size_t n = 0;
    bool secret = false;
    const struct register_kind *all = registers_all(req->api->registers, &n);
    for (size_t i = 0; i < n && !w->on; i++) {
        if (is_needed_by(req->api->registers, k, &all[i])) {
            const char *which = is_told(req, &all[i]) ? arena_cstr(&req->arena, all[i].name) : NULL;
            const char *says = arena_printf(&req->arena, "Records of %s, which is on, must name one of these. Switch that off first.",
                                            which == NULL ? "another kind" : which);
            respond_error(req, 409, "needed", says, which);
            return false;
        }
    }
    n = w->on ? registers_needs(req->api->registers, k, needs) : 1;
    needs[0] = k;
    for (size_t i = 0; i < n; i++) {
        if (needs[i]->on != w->on) {
            w->kinds[w->count++] = needs[i];
            secret = secret || !is_told(req, needs[i]);
        }
    }
    if (secret) {
        respond_error(req, 409, "needed", "Its records name one of a kind that your role may not read.", NULL);
    }
    return !secret;
}

/* By name or plural. */
static const struct register_kind *find(const struct registers *r, struct span text)
{
    size_t n = 0;
    const struct register_kind *all = registers_all(r, &n);
    for (size_t i = 0; i < n; i++) {
        if (span_eq(all[i].name, text) || span_eq(all[i].plural, text)) {
            return &all[i];
        }
    }
    return NULL;
}

static void switch_ready(struct api_request *req)
{
    const struct register_kind *k = find(req->api->registers, req->param[0]);
    struct switch_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    struct span why = span_trim(request_field(req, "why"));
    w->on = span_eq(request_field(req, "to"), SPAN("on"));
    req->work = w;
    if (k == NULL || !is_told(req, k)) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    if (!span_eq(req->user.organisation, SPAN("*"))) {
        respond_error(req, 403, "not_permitted", "Which kinds are on is for the whole node to say.", NULL);
        return;
    }
    if (why.len > RECORD_WHY_MAX) {
        respond_error(req, 400, "bad_body", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    if (!choose(req, k, w)) {
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_REGISTER_SWITCH);
    buf_u8(&q, w->on);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    buf_u32(&q, (uint32_t)w->count);
    for (size_t i = 0; i < w->count; i++) {
        buf_str(&q, w->kinds[i]->name);
    }
    if (w->count > 0) {
        request_ask(req, &q, switched);
    } else { /* it is as wanted */
        struct cursor nothing = cursor_of(SPAN(""));
        switched(req, 0, SPAN(""), &nothing);
    }
    buf_free(&q);
}

void register_kind_switch(struct api_request *req)
{
    with_registers(req, switch_ready);
}

/* ---- files that are not in force ---- */

static bool is_whole_node(struct api_request *req)
{
    bool whole = span_eq(req->user.organisation, SPAN("*"));
    if (!whole) {
        respond_error(req, 403, "not_permitted", "Which files are in force is for the whole node to say.", NULL);
    }
    return whole;
}

static void changes_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    struct span list = rc == 0 ? cursor_str(data) : SPAN("");
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_raw(&j, list);
    respond_json(req, 200, &b);
}

void show_register_changes(struct api_request *req)
{
    struct buf q;
    if (!is_whole_node(req)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_REGISTER_CHANGES);
    request_ask(req, &q, changes_came);
    buf_free(&q);
}

static void meant(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span kinds[REGISTER_KINDS_MAX];
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    rc = rc == 0 && n > REGISTER_KINDS_MAX ? ERR_INVALID : rc;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        kinds[i] = cursor_str(data);
    }
    respond_kinds(req, rc, text, data, "meant", kinds, n);
}

void register_changes_mean(struct api_request *req)
{
    struct buf q;
    struct span why = span_trim(request_field(req, "why"));
    if (!is_whole_node(req)) {
        return;
    }
    if (why.len == 0 || why.len > RECORD_WHY_MAX) {
        respond_error(req, 400, "bad_body", "A reason is needed, of at most 1,000 bytes.", "why");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_REGISTER_MEAN);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, meant);
    buf_free(&q);
}
