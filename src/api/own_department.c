/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /me: whose records the asker keeps or reads, and what he is appointed for, for the page "My department". Runs in the desk; the keeper reads the
 * appointments. What those records are the page asks for by their lists, in his own scope.
 */
#include "api/registers.h"
#include "records/own_appointments.h"

static void organisation_json(struct json_writer *j, struct span organisation, const char *by, bool below)
{
    json_object(j);
    json_member_text(j, "organisation", organisation);
    json_member_text(j, "by", span_of(by));
    json_key(j, "below");
    json_bool(j, below);
    json_end(j);
}

/* Whether one of these has the organisation. */
static bool among(const struct span *all, uint32_t n, struct span organisation)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(all[i], organisation)) {
            return true;
        }
    }
    return false;
}

/* Where appointments put him, then that of his account, then departments below, each once. */
static void organisations_json(struct json_writer *j, const struct api_request *req, time_ns now)
{
    struct span told[POLICY_SEATS_MAX + 1];
    uint32_t n = 0;
    json_key(j, "organisations");
    json_array(j);
    for (int below = 0; below < 2; below++) {
        for (uint32_t i = 0; i < req->nseats; i++) {
            const struct appointment_seat *s = &req->seats[i];
            bool opens = (readers_seat_rights(s, 1, req->api->roles, req->user.factor, now) >> RIGHT_RECORDS_READ & 1) != 0;
            struct policy_seat seat;
            opens = opens && readers_seats(s, 1, req->api->roles, req->user.factor, req->scopes, &seat) == 1;
            if (s->below == (below == 1) && opens && !among(told, n, s->organisation)) {
                organisation_json(j, s->organisation, "appointment", below == 1);
                told[n++] = s->organisation;
            }
        }
        if (below == 0 && people_role_may(req->role, RIGHT_RECORDS_READ) && !among(told, n, req->user.organisation)) {
            organisation_json(j, req->user.organisation, "account", false);
            told[n++] = req->user.organisation;
        }
    }
    json_end(j);
}

/* What its function opens where it is for, as its role's file says; who is appointed as deputy acts as the security officer. */
static void rights_member(struct json_writer *j, const struct api_request *req, struct span function)
{
    struct span acts = span_eq(function, SPAN("deputy")) ? SPAN("security_officer") : function;
    const struct people_role *role = people_roles_of_function(req->api->roles, acts);
    json_key(j, "rights");
    json_array(j);
    for (enum right r = RIGHT_KNOWN + 1; role != NULL && r < RIGHT_COUNT; r++) {
        if ((role->by_appointment >> r & 1) != 0) {
            json_text(j, span_of(right_name(r)));
        }
    }
    json_end(j);
}

/* Whether he may open its record: an act of the town is not of the department that it is for. */
static bool readable(const struct api_request *req, const struct own_appointment *x, time_ns now)
{
    const struct register_kind *k = registers_by_name(req->api->registers, SPAN("appointment"));
    const struct policy_record r = {x->organisation, x->author, x->tlp};
    return k != NULL && policy_record_allows(&req->reader, &k->rights, &r, RECORD_READ, now);
}

static void appointment_json(struct json_writer *j, const struct api_request *req, const struct own_appointment *x, time_ns now)
{
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", x->id},     {"organisation", x->organisation}, {"function", x->function}, {"role", x->role}, {"act", x->act},
                 {"unit", x->unit}, {"person", x->person},             {"deputy", x->deputy}};
    bool acts = false;
    for (uint32_t i = 0; i < req->nseats; i++) {
        acts = acts || span_eq(req->seats[i].record, x->id);
    }
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_member_text(j, texts[i].key, texts[i].value);
    }
    json_key(j, "as_deputy");
    json_bool(j, x->as_deputy);
    json_key(j, "holds"); /* now */
    json_bool(j, x->begins <= now && now < x->ends);
    json_key(j, "acts"); /* and it opens something to him now */
    json_bool(j, acts);
    json_key(j, "begins");
    json_time(j, x->begins);
    json_key(j, "ends");
    json_time(j, x->ends == INT64_MAX ? TIME_NONE : x->ends);
    rights_member(j, req, x->function);
    json_key(j, "readable");
    json_bool(j, readable(req, x, now));
    json_end(j);
}

static void appointments_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct own_appointments *own = arena_calloc(&req->arena, 1, sizeof *own);
    time_ns now = clock_now();
    struct json_writer j;
    struct buf b;
    if (rc == 0) {
        own_appointments_decode(data, own);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "at");
    json_time(&j, now);
    json_member_text(&j, "person", own->person);
    json_member_text(&j, "name", own->name);
    organisations_json(&j, req, now);
    json_key(&j, "appointments");
    json_array(&j);
    for (uint32_t i = 0; i < own->count; i++) {
        appointment_json(&j, req, &own->all[i], now);
    }
    json_end(&j);
    json_key(&j, "more");
    json_bool(&j, own->more);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void own_ready(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_OWN_APPOINTMENTS);
    buf_str(&q, req->user.id);
    request_ask(req, &q, appointments_came);
    buf_free(&q);
}

void own_department(struct api_request *req)
{
    with_registers(req, own_ready);
}
