/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /registers: kinds of record and their records. Runs in the desk; the keeper stores. The kinds come from the files in the
 * program and from the city's own, which the keeper hands over once.
 */
#include "api/person_search.h"
#include "api/reads.h"
#include "records/registers/profile.h"

#include "base/id.h"
#include "base/num.h"

/* ---- the kinds ---- */

/* Files that lie there and are not in force. */
static bool take_kept(struct cursor *c, struct registers *r)
{
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct span file = cursor_str(c);
        struct span why = cursor_str(c);
        if (r != NULL && !c->failed) {
            registers_refuse(r, file, 0, why);
        }
    }
    return !c->failed;
}

static void kinds_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct register_file files[REGISTER_FILES_MAX];
    api_handler *then = *(api_handler **)req->work;
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    rc = rc == 0 && n > REGISTER_FILES_MAX ? ERR_INVALID : rc;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        files[i].name = cursor_str(data);
        files[i].text = cursor_str(data);
    }
    struct cursor kept = *data;
    rc = rc == 0 && !take_kept(data, NULL) ? ERR_INVALID : rc;
    struct cursor switches = *data;
    rc = rc == 0 && (!register_switches_take(data, NULL) || !cursor_done(data)) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if (req->api->registers == NULL) { /* two may have asked */
        req->api->registers = registers_load(files, n);
        CHECK(take_kept(&kept, req->api->registers));
        CHECK(register_switches_take(&switches, req->api->registers));
    }
    then(req);
}

void with_registers(struct api_request *req, api_handler *then)
{
    if (req->api->registers != NULL) {
        then(req);
        return;
    }
    struct buf q;
    api_handler **work = arena_alloc(&req->arena, sizeof *work);
    *work = then;
    req->work = work;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_REGISTERS);
    request_ask(req, &q, kinds_came);
    buf_free(&q);
}

/* Names of the fields whose bit is set, by their place in the file. */
static void fields_member(struct json_writer *j, const char *key, const struct register_kind *k, uint64_t bits)
{
    json_key(j, key);
    json_array(j);
    for (uint32_t f = 0; f < k->nfields; f++) {
        if ((bits >> f & 1) != 0) {
            json_text(j, k->fields[f].name);
        }
    }
    json_end(j);
}

/* What the reader may do with a record of his own making, so that a page offers nothing in vain. Each try is decided anew. */
static void rights_members(struct json_writer *j, const struct api_request *req, const struct register_kind *k)
{
    static const struct {
        const char *name;
        enum record_op op;
    } ops[] = {{"create", RECORD_CREATE}, {"change", RECORD_CHANGE}, {"move", RECORD_MOVE}};
    const time_ns now = clock_now();
    json_key(j, "may");
    json_array(j);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (policy_record_home(&req->reader, &k->rights, k->tlp_default, ops[i].op, now).len > 0) {
            json_text(j, span_of(ops[i].name));
        }
    }
    json_end(j);
    fields_member(j, "hidden", k, policy_record_hidden_by_role(&req->reader, &k->rights));
    fields_member(j, "fixed", k, policy_record_fixed(&req->reader, &k->rights));
    fields_member(j, "masked", k, policy_record_masked(&req->reader, &k->rights, NULL, SPAN(""), now) & ~policy_record_hidden_by_role(&req->reader, &k->rights));
    json_key(j, "ways"); /* his transitions, by place in the file */
    json_array(j);
    for (uint32_t t = 0; t < k->ntransitions; t++) {
        if ((k->transitions[t].roles & policy_record_any_roles(&req->reader, now)) != 0) {
            json_u64(j, t);
        }
    }
    json_end(j);
}

/* Mapping profiles by which tables of others become records of the kind. */
static void profiles_member(struct json_writer *j, const struct api_request *req, const struct register_kind *k)
{
    size_t n = 0;
    const struct profile *p = registers_profiles(req->api->registers, &n);
    json_key(j, "profiles");
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        if (span_eq(p[i].kind, k->name)) {
            json_object(j);
            json_member_text(j, "name", p[i].name);
            json_member_text(j, "title", p[i].title);
            json_end(j);
        }
    }
    json_end(j);
}

static void kind_json(struct json_writer *j, const struct api_request *req, const struct register_kind *k)
{
    json_object(j);
    json_member_text(j, "name", k->name);
    json_member_text(j, "plural", k->plural);
    json_member_text(j, "title", k->heading);
    json_member_text(j, "file", k->file);
    fields_member(j, "order", k, UINT64_MAX); /* members of JSON have none */
    rights_members(j, req, k);
    profiles_member(j, req, k);
    json_key(j, "schema");
    json_raw(j, k->document);
    json_end(j);
}

static void kinds_ready(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    size_t n = 0;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    const struct register_kind *k = registers_kinds(req->api->registers, &n);
    for (size_t i = 0; i < n; i++) {
        struct record_scope scope;
        policy_record_scope(&req->reader, &k[i].rights, clock_now(), &scope);
        if (record_scope_empty(&scope)) {
            continue;
        }
        kind_json(&j, req, &k[i]);
    }
    json_end(&j);
    json_key(&j, "refused");
    json_array(&j);
    const struct register_refusal *r = registers_refusals(req->api->registers, &n);
    for (size_t i = 0; i < n; i++) {
        json_object(&j);
        json_member_text(&j, "file", r[i].file);
        json_key(&j, "line");
        json_u64(&j, r[i].line);
        json_member_text(&j, "why", r[i].why);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void show_registers(struct api_request *req)
{
    with_registers(req, kinds_ready);
}

/* ---- of any request about records ---- */

struct record_work *record_work_of(struct api_request *req)
{
    struct record_scope scope;
    const struct register_kind *k = registers_by_plural(req->api->registers, req->param[0]);
    if (k != NULL) {
        policy_record_scope(&req->reader, &k->rights, clock_now(), &scope);
    }
    if (k == NULL || record_scope_empty(&scope)) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return NULL;
    }
    struct record_work *w = arena_alloc(&req->arena, sizeof *w);
    w->who = (struct record_worker){.kind = k, .reader = &req->reader, .name = req->user.name, .now = clock_now(), .kinds = req->api->registers,
                                    .reads = reads_of(req)};
    req->work = w;
    return w;
}

void respond_masked(struct api_request *req, const char *where)
{
    respond_error(req, 403, "masked", "What this register says of persons is masked for you. Have it shown first, with a reason.", where);
}

static void record_goes(struct api_request *req)
{
    struct record_work *w = req->work;
    respond_json(req, w->create ? 201 : 200, &w->body);
    respond_header(req, "ETag", w->etag);
}

static void respond_record(struct api_request *req, const char *way, const struct record_row *row)
{
    struct record_work *w = req->work;
    struct json_writer j;
    request_json(req, &w->body, &j);
    if (!record_show(&w->who, row, &req->arena, &j)) {
        buf_free(&w->body);
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    w->etag = arena_printf(&req->arena, "\"%lld\"", (long long)row->version);
    reads_note(req, w->create ? NULL : w->who.reads, way, &w->body, record_goes); /* who makes one knows what he wrote */
}

/* ---- lists ---- */

bool records_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data)
{
    int64_t count = (int64_t)cursor_u64(data);
    bool uncounted = cursor_u8(data) != 0;
    bool more = cursor_u8(data) != 0;
    struct span last = cursor_str(data);
    struct span last_id = SPAN("");
    uint32_t n = cursor_u32(data);
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct record_row row;
        record_row_decode(data, &row);
        if (!data->failed && record_show(w, &row, arena, j)) {
            last_id = row.id;
        }
    }
    json_end(j);
    json_key(j, "count");
    json_i64(j, count);
    json_key(j, "uncounted");
    json_bool(j, uncounted);
    json_key(j, "next");
    if (more && last_id.len > 0) {
        json_text(j, record_cursor_text(arena, last_id, last));
    } else {
        json_null(j);
    }
    json_end(j);
    return cursor_done(data);
}

static void list_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct record_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    bool whole = records_document(&j, &w->who, &req->arena, data);
    reads_respond(req, w->who.reads, w->query.nfilters > 0 ? "search" : "list", whole, &b);
}

static void list_ask(struct api_request *req)
{
    const struct record_work *w = req->work;
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORDS);
    record_query_encode(&q, &w->query);
    request_ask(req, &q, list_answered);
    buf_free(&q);
}

static void list_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w != NULL && record_query_read(req, w)) {
        person_search_in_register(req, w->who.kind, list_ask);
    }
}

void show_records(struct api_request *req)
{
    with_registers(req, list_ready);
}

/* ---- one ---- */

void record_ask(struct api_request *req, bool named, api_then *then)
{
    struct record_work *w = req->work;
    struct record_scope scope;
    struct buf q;
    policy_record_scope(w->who.reader, &w->who.kind->rights, w->who.now, &scope);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORD);
    record_sight_of(w->who.kinds, w->who.reader, w->who.now, &w->sight);
    if (named) {
        record_sight_narrow(w->who.kinds, w->who.kind->name, &w->sight);
    } else {
        w->sight.nways = 0;
    }
    record_scope_encode(&q, &scope);
    record_sight_encode(&q, &w->sight);
    buf_str(&q, w->who.kind->name);
    buf_str(&q, req->param[1]);
    request_ask(req, &q, then);
    buf_free(&q);
}

int record_take(struct record_work *w, int rc, struct cursor *data, struct record_row *out)
{
    if (rc == 0) {
        record_row_decode(data, out);
        for (uint32_t i = 0; i < w->sight.nways; i++) {
            w->named[i] = (struct record_named){w->sight.ways[i], (int64_t)cursor_u64(data), false};
            w->named[i].uncounted = cursor_u8(data) != 0;
        }
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    return rc;
}

static void record_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct record_row row = {0};
    rc = record_take(req->work, rc, data, &row);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    respond_record(req, "record", &row);
}

static void get_ready(struct api_request *req)
{
    if (record_work_of(req) != NULL) {
        record_ask(req, false, record_answered);
    }
}

void record_get_one(struct api_request *req)
{
    with_registers(req, get_ready);
}

/* ---- writing ---- */

static void put_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct record_work *w = req->work;
    struct record_astray astray = {0};
    if (rc == ERR_EXISTS) {
        respond_error(req, 412, "changed", "Somebody changed it meanwhile. Read it again.", "if-match");
        return;
    }
    astray.count = rc == 0 ? cursor_u32(data) : 0;
    rc = rc == 0 && astray.count > w->put.nlinks ? ERR_INVALID : rc;
    for (uint32_t i = 0; rc == 0 && i < astray.count; i++) {
        astray.place[i] = cursor_u32(data);
        rc = astray.place[i] < w->put.nlinks ? 0 : ERR_INVALID;
    }
    if (rc == 0) {
        record_breach_decode(data, &astray.breach);
    }
    w->put.row.links = rc == 0 ? cursor_str(data) : SPAN("");
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (astray.count > 0 || astray.breach.there) {
        record_astray_faults(&w->who, &w->put, &astray, &req->arena, &w->faults);
        respond_record_faults(req, &w->faults);
    } else {
        respond_record(req, "change", &w->put.row);
    }
}

/* What was decided goes to the keeper, or why not to whom asked. */
static void store(struct api_request *req, int rc)
{
    struct record_work *w = req->work;
    struct buf q;
    if (rc == 0 && w->faults.count > 0) {
        respond_record_faults(req, &w->faults);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, SPAN("The register's file gives your role no right to do this."));
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORD_PUT);
    record_put_encode(&q, &w->put);
    CHECK(!q.failed); /* every part of it is bounded far below */
    request_ask(req, &q, put_answered);
    buf_free(&q);
}

static bool read_input(struct api_request *req, struct record_work *w)
{
    struct err e = {0};
    if (record_input_read(buf_view(&req->body), w->create, &req->arena, &w->in, &e) == 0) {
        return true;
    }
    respond_error(req, 400, "bad_body", e.text, NULL);
    return false;
}

static void create_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w == NULL) {
        return;
    }
    w->create = true;
    if (!read_input(req, w)) {
        return;
    }
    char *id = arena_alloc(&req->arena, ID_TEXT_LEN + 1);
    struct span home = policy_record_home(&req->reader, &w->who.kind->rights, w->who.kind->tlp_default, RECORD_CREATE, w->who.now);
    struct span organisation = w->in.organisation.len > 0 ? w->in.organisation : home.len > 0 ? home : req->user.organisation;
    id_new(w->who.now, id);
    store(req, record_make(&w->who, span_of(id), organisation, &w->in, &req->arena, &w->put, &w->faults));
}

void record_create(struct api_request *req)
{
    with_registers(req, create_ready);
}

/* If-Match: "version", exactly one (RFC 9110 §13.1.1); false: the request is answered. */
static bool read_match(struct api_request *req, struct record_work *w)
{
    struct span tag = span_trim(head_get(&req->head, "if-match"));
    if (tag.len == 0) {
        respond_error(req, 428, "if_match_needed", "Send If-Match with the ETag of what you read, so that nobody's change is lost.",
                      "if-match");
        return false;
    }
    if (tag.len < 3 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"' || !num_u64(span_sub(tag, 1, tag.len - 2), &w->version)) {
        respond_error(req, 412, "changed", "That is no ETag of this record.", "if-match");
        return false;
    }
    return true;
}

static void change_current(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct record_work *w = req->work;
    struct record_row row = {0};
    rc = record_take(w, rc, data, &row);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    if ((uint64_t)row.version != w->version) {
        respond_error(req, 412, "changed", "Somebody changed it meanwhile. Read it again.", "if-match");
        return;
    }
    struct span *parts[] = {&row.id, &row.kind, &row.organisation, &row.author, &row.author_name, &row.state, &row.title, &row.fields, &row.links};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        *parts[i] = arena_copy(&req->arena, *parts[i]); /* the answer goes away before the next one comes */
    }
    store(req, w->move ? record_move(&w->who, &row, request_field(req, "to"), request_field(req, "why"), &req->arena, &w->put, &w->faults)
                       : record_change(&w->who, &row, &w->in, &req->arena, &w->put, &w->faults));
}

static void change_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w != NULL && read_match(req, w) && read_input(req, w)) {
        record_ask(req, false, change_current);
    }
}

void record_update(struct api_request *req)
{
    with_registers(req, change_ready);
}

static void move_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w == NULL || !read_match(req, w)) {
        return;
    }
    w->move = true;
    if (request_field(req, "why").len > RECORD_WHY_MAX) {
        respond_error(req, 400, "bad_body", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    record_ask(req, false, change_current);
}

void record_transition(struct api_request *req)
{
    with_registers(req, move_ready);
}
