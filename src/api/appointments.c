/* SPDX-License-Identifier: EUPL-1.2 */
/* /appointments/gaps: functions that roles/ says must be held, and when nobody holds them. Runs in the desk; the keeper looks. */
#include "api/registers.h"
#include "base/num.h"
#include "records/appointment_gaps.h"

enum { GAP_DAYS_DEFAULT = 90 };

struct gap_work {
    struct gap_query query;
};

/* The scope in one kind of a reader to whom these of its fields are open, and neither hidden nor masked, titled: what a record is called too; none
 * where it is not there for him. */
static bool scope_of(const struct api_request *req, const char *kind, bool titled, const char *const *fields, time_ns now, struct record_scope *out)
{
    const struct register_kind *k = registers_by_name(req->api->registers, span_of(kind));
    uint64_t hidden = k == NULL ? 0 : policy_record_hidden(&req->reader, &k->rights, now);
    if (k == NULL || (titled && (hidden >> k->title & 1) != 0)) {
        return false;
    }
    for (; *fields != NULL; fields++) {
        int place = register_field_of(k, span_of(*fields));
        if (place < 0 || (hidden >> place & 1) != 0) {
            return false;
        }
    }
    policy_record_scope(&req->reader, &k->rights, now, out);
    return !record_scope_empty(out);
}

_Static_assert((int)GAP_LEVELS_MAX >= (int)PEOPLE_ROLE_LEVELS_MAX, "what a file of a role says fits into a question");
/* From the files of roles: what a role that appointments give must be held in. */
static void take_functions(const struct api_request *req, struct gap_query *q)
{
    size_t n = 0;
    const struct people_role *roles = people_roles_all(req->api->roles, &n);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t f = 0; f < roles[i].nfunctions && q->nfunctions < GAP_FUNCTIONS_MAX; f++) {
            bool gives = people_roles_of_function(req->api->roles, roles[i].functions[f]) == &roles[i];
            if (gives && roles[i].held_in != HELD_NOWHERE) {
                struct gap_function *to = &q->functions[q->nfunctions++];
                *to = (struct gap_function){.word = roles[i].functions[f], .in_unit = roles[i].held_in == HELD_IN_UNIT, .nlevels = roles[i].nlevels};
                memcpy(to->levels, roles[i].levels, roles[i].nlevels * sizeof *to->levels);
            }
        }
    }
}

static void gap_json(struct json_writer *j, const struct gap *g)
{
    json_object(j);
    json_member_text(j, "organisation", g->organisation);
    json_member_text(j, "unit", g->unit);
    json_member_text(j, "title", g->title);
    json_member_text(j, "function", g->function);
    json_member_text(j, "why", span_of(gap_why_name(g->why)));
    json_key(j, "from");
    json_time(j, g->from);
    json_key(j, "to");
    json_time(j, g->to);
    json_end(j);
}

static void gaps_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct gap_work *w = req->work;
    struct json_writer j;
    struct buf b;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "from");
    json_time(&j, w->query.from);
    json_key(&j, "to");
    json_time(&j, w->query.to);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct gap g;
        gap_decode(data, &g);
        gap_json(&j, &g);
    }
    json_end(&j);
    json_key(&j, "more");
    json_bool(&j, more);
    json_end(&j);
    respond_whole(req, cursor_done(data), &b);
}

static void gaps_ready(struct api_request *req)
{
    static const char *const of_units[] = {"name", "type", NULL};
    static const char *const of_organisations[] = {"code", "type", NULL};
    static const char *const of_appointments[] = {"unit", "function", "begins", "ends", NULL};
    struct gap_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    struct buf q;
    int64_t days = request_number(req, "days", GAP_DAYS_DEFAULT);
    time_ns now = clock_now();
    req->work = w;
    w->query.from = now / (60 * TIME_SECOND) * (60 * TIME_SECOND); /* appointments begin and end with a minute */
    w->query.to = w->query.from + days * (time_ns)TIME_DAY;
    if (scope_of(req, "unit", true, of_units, now, &w->query.units) && scope_of(req, "appointment", false, of_appointments, now, &w->query.appointments)) {
        take_functions(req, &w->query);
        if (!scope_of(req, "organisation", false, of_organisations, now, &w->query.organisations)) {
            w->query.organisations = (struct record_scope){.organisation = req->user.organisation}; /* he reads none of them */
        }
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_APPOINTMENT_GAPS);
    gap_query_encode(&q, &w->query);
    request_ask(req, &q, gaps_answered);
    buf_free(&q);
}

void appointment_gaps_get(struct api_request *req)
{
    with_registers(req, gaps_ready);
}
