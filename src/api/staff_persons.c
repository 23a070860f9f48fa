/* SPDX-License-Identifier: EUPL-1.2 */
/* Person records that follow lists and directories: see staff_persons.h. Runs in the desk. */
#include "api/staff_persons.h"

#include "api/registers.h"
#include "base/id.h"
#include "records/own_appointments.h"

enum {
    BATCH_BYTES = 256 << 10, /* a question of STAFF_PERSONS_BATCH people, with three scopes */
    TOLD_BYTES = 4 << 20,    /* of what is told of STAFF_CHANGES_MAX records: each field before and after */
};

/* One of them on the way. */
struct subject {
    struct staff_subject is;
    struct staff_row *row;
    uint32_t line, change;
};

struct staff_persons {
    bool may; /* who imports may read and write them */
    struct record_worker who;
    struct record_scope scope, appointments;
    struct record_sight sight;
    struct subject *all;
    uint32_t most, count, asked, told;
    struct arena batch;
    struct buf changes, sent; /* what is told of those that change, and what the keeper gets */
    struct json_writer j;     /* of changes */
    uint32_t nchanges;
    uint64_t made, changed, left, linked, same, faulty;
    struct span why;
    api_handler *then;
};

void staff_persons_ready(struct api_request *req, api_handler *then)
{
    with_registers(req, then);
}

void staff_persons_scope(const struct api_request *req, struct record_scope *out)
{
    const struct register_kind *k = registers_by_name(req->api->registers, STAFF_PERSON_KIND);
    *out = (struct record_scope){.organisation = req->user.organisation, .person = req->user.id};
    if (k != NULL) {
        policy_record_scope(&req->reader, &k->rights, clock_now(), out);
    }
}

struct staff_persons *staff_persons_new(struct api_request *req, uint32_t most, struct span why)
{
    struct staff_persons *p = arena_calloc(&req->arena, 1, sizeof *p);
    const struct register_kind *k = registers_by_name(req->api->registers, STAFF_PERSON_KIND);
    const struct register_kind *held = registers_by_name(req->api->registers, SPAN("appointment"));
    p->why = why.len > 0 ? why : SPAN("a list of the personnel office");
    p->most = most;
    p->all = arena_calloc(&req->arena, most + 1, sizeof *p->all);
    p->who = (struct record_worker){.kind = k, .reader = &req->reader, .name = req->user.name, .now = clock_now(), .kinds = req->api->registers};
    if (k == NULL) {
        return p;
    }
    staff_persons_scope(req, &p->scope);
    p->appointments = (struct record_scope){.organisation = req->user.organisation, .person = req->user.id};
    if (held != NULL) {
        policy_record_scope(&req->reader, &held->rights, p->who.now, &p->appointments);
    }
    record_sight_of(p->who.kinds, p->who.reader, p->who.now, &p->sight);
    p->who.sight = &p->sight;
    bool changes = policy_record_home(&req->reader, &k->rights, k->tlp_default, RECORD_CHANGE, p->who.now).len > 0;
    p->may = changes && !record_scope_empty(&p->scope) && record_kind_masked(&p->who) == 0;
    return p;
}

void staff_persons_add(struct staff_persons *p, const struct staff_subject *s, struct staff_row *row, uint32_t line, uint32_t change)
{
    CHECK(p->count < p->most);
    if (p->may && (s->account.len > 0 || s->says.number.len > 0)) {
        p->all[p->count++] = (struct subject){*s, row, line, change};
    }
}

uint32_t staff_persons_changes(const struct staff_persons *p)
{
    return p->changes.failed || p->sent.failed ? STAFF_CHANGES_MAX + 1 : p->nchanges;
}

/* ---- told ---- */

static void number(struct json_writer *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_u64(j, value);
}

static void value(struct json_writer *j, const char *key, const struct jcs *v, struct arena *a)
{
    json_key(j, key);
    if (v == NULL) {
        json_null(j);
    } else {
        json_raw(j, jcs_text(a, v));
    }
}

/* Each field that becomes another; a list empties none. */
static void fields_json(struct json_writer *j, const struct staff_person *is, struct arena *a)
{
    json_key(j, "fields");
    json_array(j);
    for (const struct jcs *v = is->becomes == NULL ? NULL : is->becomes->first; v != NULL; v = v->next) {
        const struct jcs *was = is->was == NULL ? NULL : jcs_get(is->was, arena_cstr(a, v->key));
        if (was == NULL || !span_eq(jcs_text(a, was), jcs_text(a, v))) {
            json_object(j);
            json_member_text(j, "field", v->key);
            value(j, "before", was, a);
            value(j, "after", v, a);
            json_end(j);
        }
    }
    json_end(j);
}

static void kept_json(struct json_writer *j, const struct register_kind *k, uint64_t kept)
{
    json_key(j, "kept");
    json_array(j);
    for (uint32_t i = 0; i < k->nfields; i++) {
        if ((kept >> i & 1) != 0) {
            json_text(j, k->fields[i].name);
        }
    }
    json_end(j);
}

/* What nobody holds any more, and who stands in. */
static void held_json(struct json_writer *j, const struct own_appointments *held)
{
    json_key(j, "appointments");
    json_array(j);
    for (uint32_t i = 0; held != NULL && i < held->count; i++) {
        const struct own_appointment *x = &held->all[i];
        json_object(j);
        json_member_text(j, "id", x->id);
        json_member_text(j, "organisation", x->organisation);
        json_member_text(j, "function", x->function);
        json_member_text(j, "unit", x->unit);
        json_key(j, "ends");
        json_time(j, x->ends == INT64_MAX ? TIME_NONE : x->ends);
        json_key(j, "deputy");
        json_text_or_null(j, x->deputy);
        json_end(j);
    }
    json_end(j);
}

static struct span what_of(const struct staff_person *is)
{
    return is->outcome == IMPORT_NEW ? SPAN("new") : is->moved ? SPAN("left") : is->outcome == IMPORT_CHANGED ? SPAN("changed") : SPAN("linked");
}

static void tell(struct staff_persons *p, const struct subject *s, const struct staff_person *is, const struct own_appointments *held)
{
    struct json_writer *j = &p->j;
    json_object(j);
    number(j, "row", s->line);
    json_member_text(j, "what", what_of(is));
    json_member_text(j, "id", is->person);
    json_member_text(j, "title", is->title);
    json_key(j, "linked");
    json_bool(j, is->link);
    fields_json(j, is, &p->batch);
    kept_json(j, p->who.kind, is->kept);
    held_json(j, is->moved ? held : NULL);
    json_end(j);
}

static void put_aside(struct staff_persons *p, const struct subject *s, const struct staff_person *is)
{
    struct staff_person_put *put = arena_alloc(&p->batch, sizeof *put);
    *put = (struct staff_person_put){.change = s->change, .account = s->is.account, .person = is->person, .link = is->link, .wrote = is->wrote,
                                     .why = s->is.why.len > 0 ? s->is.why : p->why, .stored = is->outcome != IMPORT_SAME};
    put->item = (struct record_import_item){is->put, is->back};
    staff_person_put_encode(&p->sent, put);
}

/* ---- asked and decided ---- */

static void next_batch(struct api_request *req);

static struct staff_persons *persons_of(const struct api_request *req)
{
    return ((struct staff_work *)req->work)->persons;
}

static void keep(struct api_request *req, struct staff_persons *p, const struct subject *s, const struct staff_person *is,
                 const struct own_appointments *held)
{
    if (is->outcome == IMPORT_FAULTY) {
        p->faulty++;
        if (s->row != NULL) {
            staff_row_fault(s->row, is->column, arena_cstr(&req->arena, span_of(is->fault)));
        }
        return;
    }
    p->made += is->outcome == IMPORT_NEW;
    p->left += is->moved;
    p->changed += is->outcome == IMPORT_CHANGED && !is->moved;
    p->linked += is->link;
    p->same += is->outcome == IMPORT_SAME && is->person.len > 0;
    if ((is->outcome != IMPORT_SAME || is->link) && ++p->nchanges <= STAFF_CHANGES_MAX) {
        tell(p, s, is, held);
        put_aside(p, s, is);
    }
}

static bool take(struct api_request *req, struct staff_persons *p, const struct subject *s, struct cursor *data)
{
    struct staff_person *is = arena_alloc(&p->batch, sizeof *is);
    struct staff_person_known known = {.found = cursor_u32(data)};
    struct own_appointments *held = NULL;
    char id[ID_TEXT_LEN + 1];
    known.linked = cursor_u8(data) != 0;
    known.taken = cursor_u8(data) != 0;
    if (known.found == 1) {
        record_row_decode(data, &known.row);
        known.wrote = cursor_str(data);
        if (s->is.left) {
            held = arena_calloc(&p->batch, 1, sizeof *held);
            own_appointments_decode(data, held);
        }
    }
    if (data->failed || known.found > 2) {
        return false;
    }
    id_new(p->who.now, id);
    staff_person(&p->who, &s->is, &known, span_of(id), p->why, &p->batch, is);
    keep(req, p, s, is, held);
    return true;
}

static void found(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct staff_persons *p = persons_of(req);
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    bool good = true;
    for (; p->told < p->asked && good; p->told++) {
        good = take(req, p, &p->all[p->told], data);
    }
    if (!good || !cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    next_batch(req);
}

static void next_batch(struct api_request *req)
{
    struct staff_persons *p = persons_of(req);
    uint32_t n = p->count - p->asked < STAFF_PERSONS_BATCH ? p->count - p->asked : STAFF_PERSONS_BATCH;
    struct buf q;
    arena_reset(&p->batch);
    if (n == 0 || p->nchanges > STAFF_CHANGES_MAX) {
        json_end(&p->j);
        p->then(req);
        return;
    }
    buf_init(&q, BATCH_BYTES);
    ask_begin(&q, ASK_STAFF_PERSONS);
    record_scope_encode(&q, &p->scope);
    record_scope_encode(&q, &p->appointments);
    record_sight_encode(&q, &p->sight);
    buf_u32(&q, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct staff_subject *s = &p->all[p->asked++].is;
        buf_str(&q, s->account);
        buf_str(&q, s->organisation);
        buf_str(&q, s->says.number);
        buf_u8(&q, s->left);
    }
    CHECK(!q.failed);
    request_ask(req, &q, found);
    buf_free(&q);
}

static void forget(struct api_request *req)
{
    struct staff_persons *p = persons_of(req);
    arena_fini(&p->batch);
    buf_free(&p->changes);
    buf_free(&p->sent);
}

void staff_persons_ask(struct api_request *req, api_handler *then)
{
    struct staff_persons *p = persons_of(req);
    p->then = then;
    arena_init(&p->batch, 256 << 10);
    buf_init(&p->changes, TOLD_BYTES);
    buf_init(&p->sent, STAFF_PERSONS_MAX_BYTES);
    json_writer_init(&p->j, &p->changes);
    json_array(&p->j);
    req->forget = forget;
    next_batch(req);
}

/* ---- the whole ---- */

void staff_persons_json(struct json_writer *j, const struct staff_persons *p)
{
    json_key(j, "persons");
    if (!p->may) {
        json_null(j);
    } else {
        json_object(j);
        number(j, "new", p->made);
        number(j, "changed", p->changed);
        number(j, "left", p->left);
        number(j, "linked", p->linked);
        number(j, "same", p->same);
        number(j, "faulty", p->faulty);
        json_end(j);
    }
    json_key(j, "person_changes");
    json_raw(j, buf_view(&p->changes));
}

void staff_persons_encode(struct buf *out, const struct staff_persons *p)
{
    buf_u32(out, p->nchanges);
    if (p->nchanges > 0) {
        record_scope_encode(out, &p->scope);
        record_sight_encode(out, &p->sight);
        buf_span(out, buf_view(&p->sent));
    }
    CHECK(!out->failed); /* STAFF_ASK_MAX_BYTES */
}
