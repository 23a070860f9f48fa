/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /staff-imports: lists of the personnel office, looked at and done. The list is read and decided here (desk/identity/staff_list.h), the
 * keeper finds the accounts, some names at a time, then the records of these people (staff_persons.h), and makes all changes at once. Runs in the desk.
 */
#include <inttypes.h>

#include "api/staff_persons.h"
#include "base/id.h"
#include "base/utf8.h"

enum {
    STAFF_FAULTS_TOLD = 100,
    STAFF_WHY_MAX = 1000, /* bytes */
};

/* An import on its way, in the arena. */
struct importing {
    struct staff_work work;
    struct staff_importer by;
    struct staff_list list;
    uint32_t asked, told; /* rows whose names were asked for, and answered */
    struct staff_change *changes; /* STAFF_CHANGES_MAX + 1 */
    uint32_t *line;               /* of each */
    char (*secret)[SECRET_TEXT_LEN + 1]; /* of each joiner's link */
    uint32_t nchanges;
    uint64_t total[STAFF_CHANGE_COUNT], same, faulty;
    char id[ID_TEXT_LEN + 1];
};

static void number(struct json_writer *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_u64(j, value);
}

static void faults_json(struct json_writer *j, const struct staff_list *l)
{
    uint32_t n = 0;
    json_key(j, "faults");
    json_array(j);
    for (uint32_t i = 0; i < l->count && n < STAFF_FAULTS_TOLD; i++) {
        if (l->rows[i].fault != NULL) {
            json_object(j);
            number(j, "row", l->rows[i].line);
            json_member_text(j, "column", span_of(l->rows[i].column));
            json_member_text(j, "message", span_of(l->rows[i].fault));
            json_end(j);
            n++;
        }
    }
    json_end(j);
}

/* done: with ids, and links of joiners. */
static void changes_json(struct json_writer *j, struct api_request *req, const struct importing *m, bool done)
{
    static const char *const what[STAFF_CHANGE_COUNT] = {[STAFF_JOINS] = "joins", [STAFF_ROLE] = "role", [STAFF_LEAVES] = "leaves"};
    json_key(j, "changes");
    json_array(j);
    for (uint32_t i = 0; i < m->nchanges; i++) {
        const struct staff_change *c = &m->changes[i];
        json_object(j);
        number(j, "row", m->line[i]);
        json_member_text(j, "what", span_of(what[c->kind]));
        json_member_text(j, "name", c->name);
        json_member_text(j, "organisation", c->organisation);
        json_key(j, "role");
        json_text_or_null(j, c->role);
        json_key(j, "was");
        json_text_or_null(j, c->was);
        if (done) {
            json_member_text(j, "id", c->id);
            json_key(j, "link");
            json_text_or_null(j, c->kind == STAFF_JOINS ? span_of(arena_printf(&req->arena, "/welcome?token=%s", m->secret[i])) : SPAN(""));
        }
        json_end(j);
    }
    json_end(j);
}

static void report(struct api_request *req, bool done)
{
    const struct importing *m = req->work;
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "import");
    json_text_or_null(&j, done ? span_of(m->id) : SPAN(""));
    number(&j, "rows", m->list.count);
    number(&j, "joins", m->total[STAFF_JOINS]);
    number(&j, "role", m->total[STAFF_ROLE]);
    number(&j, "leaves", m->total[STAFF_LEAVES]);
    number(&j, "same", m->same);
    number(&j, "faulty", m->faulty);
    faults_json(&j, &m->list);
    changes_json(&j, req, m, done);
    staff_persons_json(&j, m->work.persons);
    json_end(&j);
    bool wanted = span_eq(request_query(req, "apply"), SPAN("true"));
    respond_json(req, wanted && !done && m->faulty > 0 ? 422 : 200, &b);
}

/* ---- done ---- */

static void refused(struct api_request *req, int rc, struct span text)
{
    if (rc == ERR_DENIED) {
        respond_error(req, 409, "last_administrator", arena_cstr(&req->arena, text), NULL);
    } else {
        respond_failure(req, rc, text);
    }
}

static void applied(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    if (rc < 0) {
        refused(req, rc, text);
        return;
    }
    for (uint32_t i = 0; i < m->nchanges; i++) {
        m->changes[i].id = arena_copy(&req->arena, cursor_str(data));
    }
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    for (uint32_t i = 0; i < m->nchanges; i++) {
        if (m->changes[i].kind != STAFF_JOINS) {
            request_signed_out(req, m->changes[i].id, SPAN(""));
        }
    }
    report(req, true);
}

static void make_links(struct importing *m, struct arena *a)
{
    for (uint32_t i = 0; i < m->nchanges; i++) {
        if (m->changes[i].kind == STAFF_JOINS) {
            char *hash = arena_bytes(a, SECRET_HASH_BYTES);
            secret_new(m->secret[i]);
            secret_hash(span_of(m->secret[i]), (unsigned char *)hash);
            m->changes[i].link_hash = span_make(hash, SECRET_HASH_BYTES);
        }
    }
}

static void apply(struct api_request *req)
{
    struct importing *m = req->work;
    struct buf q;
    make_links(m, &req->arena);
    id_new(clock_now(), m->id);
    const struct staff_import i = {.id = span_of(m->id), .organisation = req->user.organisation, .who = req->user.name,
                                   .why = request_query(req, "why"), .at = clock_now(), .undone = TIME_NONE};
    buf_init(&q, STAFF_ASK_MAX_BYTES);
    ask_begin(&q, ASK_STAFF_APPLY);
    staff_import_encode(&q, &i);
    buf_u32(&q, m->nchanges);
    for (uint32_t k = 0; k < m->nchanges; k++) {
        staff_change_encode(&q, &m->changes[k]);
    }
    staff_persons_encode(&q, m->work.persons);
    request_ask(req, &q, applied);
    buf_free(&q);
}

/* ---- decided ---- */

static void decided(struct api_request *req)
{
    struct importing *m = req->work;
    uint32_t people = staff_persons_changes(m->work.persons);
    for (uint32_t i = 0; i < m->list.count; i++) {
        m->faulty += m->list.rows[i].fault != NULL;
    }
    if (m->nchanges > STAFF_CHANGES_MAX || people > STAFF_CHANGES_MAX) {
        respond_error(req, 400, "too_many", "A list changes at most 200 accounts and 200 records of people at once. Cut it into several.", NULL);
    } else if (span_eq(request_query(req, "apply"), SPAN("true")) && m->faulty == 0 && m->nchanges + people > 0) {
        apply(req);
    } else {
        report(req, false);
    }
}

static void ask_more(struct api_request *req);

/* The person's record follows. change: place of what makes his account. */
static void follow(struct api_request *req, struct importing *m, struct staff_row *row, const struct person *found, uint32_t change)
{
    struct staff_subject s = {.name = row->name, .says = row->says, .left = row->left, .has_account = found != NULL || change != STAFF_NO_CHANGE};
    if (row->fault == NULL) {
        s.organisation = arena_copy(&req->arena, found != NULL ? found->organisation : staff_row_home(&m->by, row));
        s.account = found == NULL ? SPAN("") : arena_copy(&req->arena, found->id);
        staff_persons_add(m->work.persons, &s, row, row->line, change);
    }
}

static void decide_row(struct api_request *req, struct importing *m, struct staff_row *row, struct cursor *data)
{
    struct person p = {0};
    struct staff_change c = {0};
    bool found = cursor_u8(data) != 0;
    if (found) {
        p.id = cursor_str(data);
        p.role = cursor_str(data);
        p.organisation = cursor_str(data);
        p.disabled = cursor_u8(data) != 0 ? 0 : TIME_NONE;
        p.name = row->name;
    }
    if (data->failed) {
        return;
    }
    if (!staff_row_change(&m->by, row, found ? &p : NULL, &c)) {
        m->same += row->fault == NULL;
        follow(req, m, row, found ? &p : NULL, STAFF_NO_CHANGE);
        return;
    }
    m->total[c.kind]++;
    follow(req, m, row, found ? &p : NULL, c.kind == STAFF_JOINS ? m->nchanges : STAFF_NO_CHANGE);
    if (m->nchanges <= STAFF_CHANGES_MAX) { /* one too many says that there are */
        c.id = arena_copy(&req->arena, c.id);
        c.was = arena_copy(&req->arena, c.was);
        c.organisation = arena_copy(&req->arena, c.organisation);
        m->line[m->nchanges] = row->line;
        m->changes[m->nchanges++] = c;
    }
}

static void found_some(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    for (; m->told < m->asked && !data->failed; m->told++) {
        if (m->list.rows[m->told].fault == NULL) {
            decide_row(req, m, &m->list.rows[m->told], data);
        }
    }
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    ask_more(req);
}

/* Asks for the next names; with none left it goes on. */
static void ask_more(struct api_request *req)
{
    struct importing *m = req->work;
    struct buf names;
    struct buf q;
    uint32_t n = 0;
    buf_init(&names, ASK_MAX_BYTES / 2); /* STAFF_LOOK_MAX names fit */
    for (; m->asked < m->list.count && n < STAFF_LOOK_MAX; m->asked++) {
        if (m->list.rows[m->asked].fault == NULL) {
            buf_str(&names, m->list.rows[m->asked].name);
            n++;
        }
    }
    CHECK(!names.failed);
    if (n == 0) {
        buf_free(&names);
        staff_persons_ask(req, decided);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_STAFF_FIND);
    buf_str(&q, req->user.organisation);
    buf_u32(&q, n);
    buf_span(&q, buf_view(&names));
    buf_free(&names);
    request_ask(req, &q, found_some);
    buf_free(&q);
}

static void import_ready(struct api_request *req)
{
    struct err e = {0};
    struct importing *m = arena_calloc(&req->arena, 1, sizeof *m);
    struct span why = request_query(req, "why");
    struct span type = head_get(&req->head, "content-type");
    if (!span_starts(type, SPAN("text/csv"))) {
        respond_error(req, 415, "bad_type", "Send the list as text/csv.", NULL);
        return;
    }
    if (why.len > STAFF_WHY_MAX || !utf8_valid(why)) {
        respond_error(req, 400, "bad_query", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    m->by = (struct staff_importer){req->api->roles, req->user.organisation, req->user.id};
    m->changes = arena_calloc(&req->arena, STAFF_CHANGES_MAX + 1, sizeof *m->changes);
    m->line = arena_calloc(&req->arena, STAFF_CHANGES_MAX + 1, sizeof *m->line);
    m->secret = arena_calloc(&req->arena, STAFF_CHANGES_MAX + 1, sizeof *m->secret);
    if (staff_list_read(&req->arena, buf_view(&req->body), &m->by, &m->list, &e) < 0) {
        respond_error(req, 400, "bad_table", arena_printf(&req->arena, "Line %u: %s", e.line, e.text), NULL);
        return;
    }
    m->work.persons = staff_persons_new(req, m->list.count, why);
    req->work = m;
    ask_more(req);
}

void staff_import_post(struct api_request *req)
{
    staff_persons_ready(req, import_ready);
}

/* ---- lists, undo ---- */

static void import_json(struct json_writer *j, struct cursor *data)
{
    struct staff_import i;
    staff_import_decode(data, &i);
    json_object(j);
    json_member_text(j, "id", i.id);
    json_member_text(j, "organisation", i.organisation);
    json_member_text(j, "who", i.who);
    json_member_text(j, "why", i.why);
    json_key(j, "at");
    json_time(j, i.at);
    json_key(j, "undone");
    json_time(j, i.undone);
    number(j, "changes", i.changes);
    number(j, "persons", i.people);
    json_end(j);
}

static void imports_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    respond_rows(req, rc, text, data, import_json);
}

void show_staff_imports(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_STAFF_IMPORTS);
    buf_str(&q, req->user.organisation);
    request_ask(req, &q, imports_answered);
    buf_free(&q);
}

static void undone(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc < 0) {
        refused(req, rc, text);
        return;
    }
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct span id = cursor_str(data);
        if (id.len > 0) {
            request_signed_out(req, id, SPAN(""));
        }
    }
    respond_done(req, cursor_done(data) ? 0 : ERR_INVALID, SPAN("broken answer"), data);
}

static void undo_ready(struct api_request *req)
{
    struct record_scope scope;
    struct buf q;
    staff_persons_scope(req, &scope);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_STAFF_UNDO);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    record_scope_encode(&q, &scope);
    request_ask(req, &q, undone);
    buf_free(&q);
}

void staff_undo(struct api_request *req)
{
    staff_persons_ready(req, undo_ready);
}
