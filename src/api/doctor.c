/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /doctor: what `sereno doctor` says, for who reads numbers of the whole node. Runs in the desk, which can look at no disk: super has the doctor run, and
 * its report is what comes back. It is checked to be JSON and given on as it is.
 */
#include "api/api_priv.h"
#include "wire/jcs.h"

enum { DOCTOR_PAUSE_S = 5 /* between two looks */, DOCTOR_WAITS_S = 90 /* for one, longer than super lets it take */ };

/* The report as one value, or nothing where it is none. */
static bool is_json(struct span text)
{
    struct arena a;
    struct jcs *doc = NULL;
    arena_init(&a, 0);
    bool fits = jcs_read_decimals(&a, arena_copy(&a, text), JCS_DEPTH_MAX, &doc, NULL) == 0 && doc->kind == JCS_OBJECT;
    arena_fini(&a);
    return fits;
}

void api_set_doctor(struct api *api, time_ns at, struct span report, struct span why)
{
    CHECK_OBJ(api, API_MAGIC);
    bool fits = report.len > 0 && is_json(report);
    api->doctor_at = at;
    api->doctor_asked = TIME_NONE;
    why = fits || why.len > 0 ? why : SPAN("its report was broken");
    (void)snprintf(api->doctor_why, sizeof api->doctor_why, "%.*s", (int)(why.len < sizeof api->doctor_why ? why.len : sizeof api->doctor_why - 1), why.ptr);
    if (fits) {
        buf_clear(&api->doctor_report);
        buf_span(&api->doctor_report, report);
    }
}

static bool looks(const struct api *api, time_ns now)
{
    return api->doctor_asked != TIME_NONE && now - api->doctor_asked < DOCTOR_WAITS_S * TIME_SECOND;
}

static void answer(struct api_request *req, unsigned status)
{
    const struct api *api = req->api;
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "at"); /* when it looked last */
    json_time(&j, api->doctor_at);
    json_key(&j, "looking");
    json_bool(&j, looks(api, clock_now()));
    json_key(&j, "why"); /* the last look brought no report; the one before stays */
    json_text_or_null(&j, span_of(api->doctor_why));
    json_key(&j, "report");
    if (api->doctor_report.len > 0) {
        json_raw(&j, buf_view(&api->doctor_report));
    } else {
        json_null(&j);
    }
    json_end(&j);
    respond_json(req, status, &b);
}

static bool may_see(struct api_request *req)
{
    struct own_item own;
    item_of_node_numbers(&own);
    bool may = policy_allows(&req->reader, &own.item, ACTION_COUNT, clock_now());
    if (!may) {
        respond_error(req, 403, "forbidden", "This is for who reads numbers of the whole node.", NULL);
    }
    return may;
}

void doctor_get(struct api_request *req)
{
    if (may_see(req)) {
        answer(req, 200);
    }
}

void doctor_run(struct api_request *req)
{
    struct api *api = req->api;
    time_ns now = clock_now();
    if (!may_see(req)) {
        return;
    }
    bool fresh = api->doctor_at != TIME_NONE && now >= api->doctor_at && now - api->doctor_at < DOCTOR_PAUSE_S * TIME_SECOND;
    if (!looks(api, now) && !fresh) {
        if (api->config.examine == NULL || !api->config.examine(api->config.arg)) {
            respond_error(req, 503, "unavailable", "The doctor cannot be called just now; try again.", NULL);
            return;
        }
        api->doctor_asked = now;
    }
    answer(req, 202);
}
