/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the node counts, for machines: /metrics in the text format that Prometheus reads, and what rules cost as JSON. Both
 * are numbers over all organisations. /metrics asks for the token of the config (`metrics: {token: …}`) and is closed without
 * one; the others for a reader who may see such numbers. Runs in the desk.
 */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/num.h"
#include "base/utf8.h"
#include "records/fed_counts.h"
#include "records/rule_cost.h"
#include "wire/json_write.h"

enum { METRICS_MAX_BYTES = 8 << 20 };

/* ---- text of /metrics ---- */

static void head(struct buf *b, const char *name, const char *kind, const char *help)
{
    buf_printf(b, "# HELP sereno_%s %s\n# TYPE sereno_%s %s\n", name, help, name, kind);
}

/* A label value: backslash, quote and newline escaped; what is no UTF-8 becomes U+FFFD. */
static void label(struct buf *b, const char *name, struct span v)
{
    buf_printf(b, "%s=\"", name);
    const char *p = v.ptr;
    const char *end = v.len == 0 ? p : p + v.len;
    while (p < end) {
        size_t n = 1;
        int32_t cp = utf8_decode(p, end, &n);
        if (cp < 0) {
            buf_cstr(b, "\xef\xbf\xbd");
        } else if (cp == '\\' || cp == '"') {
            buf_printf(b, "\\%c", (char)cp);
        } else if (cp == '\n') {
            buf_cstr(b, "\\n");
        } else {
            buf_put(b, p, n);
        }
        p += n;
    }
    buf_cstr(b, "\"");
}

static void single(struct buf *b, const char *name, const char *kind, const char *help, int64_t v)
{
    head(b, name, kind, help);
    buf_printf(b, "sereno_%s %" PRId64 "\n", name, v);
}

static void put_status(struct buf *b, const struct keeper_status *s)
{
    single(b, "events_total", "counter", "Records taken in, all sources.", s->events);
    single(b, "alerts", "gauge", "Alerts stored.", s->alerts);
    single(b, "alerts_open", "gauge", "Alerts not closed.", s->open);
    single(b, "rules_loaded", "gauge", "Rules loaded.", s->rules_loaded);
    single(b, "rules_refused", "gauge", "Rules that could not be loaded.", s->rules_refused);
    single(b, "archive_bytes", "gauge", "Size of the archive on disk.", s->archive_bytes);
    single(b, "archive_events", "gauge", "Records in the archive.", s->archive_events);
    single(b, "matches_lost_total", "counter", "Matches that correlations never saw: one window had no room.", s->matches_lost);
    single(b, "copy_wanted", "gauge", "1: the config names a place for a second copy of the archive.", s->copy_wanted);
    single(b, "copy_days", "gauge", "Days of the archive that lie in the second copy.", s->copy_days);
    single(b, "copy_bytes", "gauge", "Size of the second copy.", s->copy_bytes);
    single(b, "copy_waiting_days", "gauge", "Days that are sealed and not in the second copy yet.", s->copy_waiting);
    single(b, "copy_failing", "gauge", "1: the last try to copy a day failed.", s->copy_failed_at != TIME_NONE);
    if (s->copy_at != TIME_NONE) {
        single(b, "copy_last_seconds", "gauge", "When the last day was copied.", s->copy_at / TIME_SECOND);
    }
    head(b, "correlations", "untyped", "What correlations did and hold; see GET /api/v1/status.");
#define X(name) buf_printf(b, "sereno_correlations{what=\"" #name "\"} %" PRId64 "\n", s->correlate_##name);
    CORRELATE_COUNTERS(X)
#undef X
}

/* Name and labels, up to the value; the caller goes on behind the last label. */
static void source_label(struct buf *b, const char *metric, const struct source_row *row)
{
    buf_printf(b, "sereno_%s{", metric);
    label(b, "source", row->name);
    buf_cstr(b, ",");
    label(b, "organisation", row->organisation);
}

/* What is not known has no line. */
static void put_number(struct buf *b, const struct source_number *n, const struct source_row *rows, uint32_t count)
{
    static const int64_t parts[] = {[SOURCE_NUMBER_COUNT] = 1, [SOURCE_NUMBER_MILLI] = 1000, [SOURCE_NUMBER_MS] = 1000,
                                    [SOURCE_NUMBER_TIME] = TIME_SECOND, [SOURCE_NUMBER_FLAG] = 1};
    head(b, n->metric, n->type, n->help);
    for (uint32_t i = 0; i < count; i++) {
        int64_t v = 0;
        if (!source_number_get(&rows[i], n, &v)) {
            continue;
        }
        source_label(b, n->metric, &rows[i]);
        if (parts[n->kind] == 1) {
            buf_printf(b, "} %" PRId64 "\n", v);
        } else {
            buf_printf(b, "} %.3f\n", (double)v / (double)parts[n->kind]);
        }
    }
}

static void put_sources(struct buf *b, const struct source_row *rows, uint32_t n, int64_t unknown)
{
    for (size_t m = 0; m < source_number_count; m++) {
        put_number(b, &source_numbers[m], rows, n);
    }
    head(b, "source_drops_total", "counter", "Records of a source that could not be taken in, by cause.");
    for (uint32_t i = 0; i < n; i++) {
        for (int why = 0; why < DROP_COUNT; why++) {
            source_label(b, "source_drops_total", &rows[i]);
            buf_printf(b, ",cause=\"%s\"} %" PRId64 "\n", drop_word((enum drop_cause)why), rows[i].drops[why]);
        }
    }
    single(b, "unknown_events_total", "counter", "Records of senders that no source names.", unknown);
}

static void put_rules(struct buf *b, const char *name, const char *kind, const char *help,
                      const struct rule_cost_row *rows, uint32_t n, size_t at)
{
    head(b, name, kind, help);
    for (uint32_t i = 0; i < n; i++) {
        int64_t v = 1;
        if (at != 0) {
            memcpy(&v, (const char *)&rows[i] + at, sizeof v);
        }
        buf_printf(b, "sereno_%s{", name);
        label(b, "rule", rows[i].id.len > 0 ? rows[i].id : rows[i].hash);
        buf_cstr(b, ",");
        label(b, "title", rows[i].title);
        buf_printf(b, "} %" PRId64 "\n", v);
    }
}

/* A number of each kind of room. */
struct room_metric {
    const char *name, *kind, *help;
    size_t at;       /* in struct fed_room_sum */
    bool as_it_comes; /* only of kinds whose rows are counted so */
};

static void put_rooms(struct buf *b, const struct fed_counts *c)
{
    static const struct room_metric metrics[] = {
        {"federation_room_rows", "gauge", "What members brought and is kept, all together.", offsetof(struct fed_room_sum, rows), true},
        {"federation_room_bytes", "gauge", "The same in bytes.", offsetof(struct fed_room_sum, bytes), true},
        {"federation_room_dropped_total", "counter", "What went for want of room.", offsetof(struct fed_room_sum, dropped), false},
        {"federation_room_refused_total", "counter", "What was refused for want of room.", offsetof(struct fed_room_sum, refused), false},
        {"federation_room_short", "gauge", "Members or circles of whom anything went or was refused so far.", offsetof(struct fed_room_sum, owners), false},
    };
    for (size_t m = 0; m < ARRAY_LEN(metrics); m++) {
        head(b, metrics[m].name, metrics[m].kind, metrics[m].help);
        for (int r = 0; r < FED_ROOM_COUNT; r++) {
            int64_t v = 0;
            memcpy(&v, (const char *)&c->rooms[r] + metrics[m].at, sizeof v);
            if (!metrics[m].as_it_comes || fed_room_is_counted((enum fed_room)r)) {
                buf_printf(b, "sereno_%s{what=\"%s\"} %" PRId64 "\n", metrics[m].name, fed_room_word((enum fed_room)r), v);
            }
        }
    }
    head(b, "federation_room_most", "gauge", "So many rows of one member, circle or node are kept at most.");
    for (int r = 0; r < FED_ROOM_COUNT; r++) {
        buf_printf(b, "sereno_federation_room_most{what=\"%s\"} %" PRId64 "\n", fed_room_word((enum fed_room)r), fed_room_rows((enum fed_room)r));
    }
}

/* Never of one member or circle: who may read /metrics is not who may read about them. */
static void put_federation(struct buf *b, const struct fed_counts *c)
{
    size_t n = 0;
    const struct fed_count_line *lines = fed_count_lines(&n);
    put_rooms(b, c);
    for (size_t i = 0; i < n; i++) {
        if (lines[i].help[0] != '\0') {
            buf_printf(b, "# HELP sereno_federation_%s %s At most %d are counted.\n# TYPE sereno_federation_%s gauge\n", lines[i].metric,
                       lines[i].help, FED_COUNT_MOST, lines[i].metric);
        }
        buf_printf(b, "sereno_federation_%s{%s=\"%s\"} %" PRId64 "\n", lines[i].metric, lines[i].label, lines[i].value, c->counts[i]);
    }
}

static struct rule_cost_row *take_rules(struct api_request *req, struct cursor *data, uint32_t *n_out)
{
    uint32_t n = cursor_u32(data);
    if (n > RULE_COST_LIST_MAX) {
        data->failed = true;
        n = 0;
    }
    struct rule_cost_row *rows = arena_calloc(&req->arena, n, sizeof *rows);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        rule_cost_row_decode(data, &rows[i]);
    }
    *n_out = data->failed ? 0 : n;
    return rows;
}

static void metrics_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct keeper_status s;
    struct buf b;
    uint32_t ndear = 0;
    uint32_t nstopped = 0;
    keeper_status_decode(data, &s);
    int64_t unknown = (int64_t)cursor_u64(data);
    uint32_t n = cursor_u32(data);
    n = n > SOURCES_MAX ? 0 : n;
    struct source_row *sources = arena_calloc(&req->arena, n, sizeof *sources);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        source_decode(data, &sources[i]);
    }
    const struct rule_cost_row *dear = take_rules(req, data, &ndear);
    const struct rule_cost_row *stopped = take_rules(req, data, &nstopped);
    struct fed_counts federation;
    fed_counts_decode(data, &federation);
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("the answer is broken"));
        return;
    }
    buf_init(&b, METRICS_MAX_BYTES);
    put_status(&b, &s);
    put_sources(&b, sources, n, unknown);
    put_rules(&b, "rule_ns_total", "counter", "Time spent on evaluating a rule (sampled), of the dearest rules.", dear, ndear,
              offsetof(struct rule_cost_row, ns));
    put_rules(&b, "rule_candidates_total", "counter", "Events on which a rule was evaluated, of the dearest rules.", dear,
              ndear, offsetof(struct rule_cost_row, candidates));
    put_rules(&b, "rule_hits_total", "counter", "Events that matched a rule, of the dearest rules.", dear, ndear,
              offsetof(struct rule_cost_row, hits));
    put_rules(&b, "rule_state_bytes", "gauge", "What the windows of a correlation hold, of the dearest rules.", dear, ndear,
              offsetof(struct rule_cost_row, state_bytes));
    put_rules(&b, "rule_windows", "gauge", "Windows of a correlation, of the dearest rules.", dear, ndear,
              offsetof(struct rule_cost_row, windows));
    put_rules(&b, "rule_evicted_total", "counter", "Events that a correlation gave up for want of room, of the dearest rules.",
              dear, ndear, offsetof(struct rule_cost_row, evicted));
    put_rules(&b, "rule_stopped", "gauge", "Rules that are evaluated no more because they used more than their share.", stopped,
              nstopped, 0);
    put_federation(&b, &federation);
    buf_span(&b, buf_view(&req->api->roles_metrics));
    if (b.failed) {
        buf_free(&b);
        respond_failure(req, ERR_LIMIT, SPAN("too many sources for one page"));
        return;
    }
    struct MHD_Response *r = MHD_create_response_from_buffer(b.len, b.data, MHD_RESPMEM_MUST_COPY);
    CHECK(r != NULL);
    (void)MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    respond_made(req, 200, r);
    buf_free(&b);
}

static bool token_fits(const struct api_request *req)
{
    unsigned char hash[crypto_generichash_BYTES];
    char hex[2 * sizeof hash + 1];
    struct span given = head_get(&req->head, "authorization");
    struct span want = span_of(req->api->metrics_hash);
    if (want.len != sizeof hex - 1 || !span_starts(given, SPAN("Bearer "))) {
        return false;
    }
    given = span_sub(given, strlen("Bearer "), given.len);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)given.ptr, given.len, NULL, 0));
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return secret_equal(span_make(hex, sizeof hex - 1), want);
}

void metrics_get(struct api_request *req)
{
    struct buf q;
    if (!token_fits(req)) {
        respond_error(req, 401, "no_token",
                      "Send the token that sereno.yml names under metrics: as Authorization: Bearer.", NULL);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_METRICS);
    request_ask(req, &q, metrics_answered);
    buf_free(&q);
}

void api_set_metrics(struct api *api, struct span token_hash)
{
    CHECK_OBJ(api, API_MAGIC);
    struct span s = span_sub(token_hash, 0, sizeof api->metrics_hash - 1);
    memset(api->metrics_hash, 0, sizeof api->metrics_hash);
    if (s.len > 0) {
        memcpy(api->metrics_hash, s.ptr, s.len);
    }
}

void api_roles_metrics(struct buf *b, const struct api_role *roles, size_t count)
{
    head(b, "role_restarts_total", "counter", "Times a process of the node was started again.");
    for (size_t i = 0; i < count; i++) {
        buf_cstr(b, "sereno_role_restarts_total{");
        label(b, "role", roles[i].name);
        buf_printf(b, ",process=\"%zu\"} %u\n", i, roles[i].restarts);
    }
}

/* ---- what rules cost ---- */

static void number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void cost_json(struct json_writer *j, const struct rule_cost_row *r)
{
    json_object(j);
    json_member_text(j, "id", r->id);
    json_member_text(j, "hash", r->hash);
    json_member_text(j, "title", r->title);
    json_member_text(j, "file", r->file);
    json_member_text(j, "level", span_of(alert_level_name((enum alert_level)r->level)));
    json_key(j, "since");
    json_time(j, r->since);
    number(j, "events", r->events);
    number(j, "candidates", r->candidates);
    number(j, "hits", r->hits);
    number(j, "ns", r->ns);
    number(j, "evicted", r->evicted);
    number(j, "windows", r->windows);
    number(j, "state_bytes", r->state_bytes);
    json_key(j, "stopped");
    json_time(j, r->stopped == 0 ? TIME_NONE : r->stopped);
    json_key(j, "reason");
    json_text_or_null(j, r->reason);
    json_end(j);
}

static void costs_answered(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct json_writer j;
    struct buf b;
    uint32_t n = 0;
    const struct rule_cost_row *rows = take_rules(req, data, &n);
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("the answer is broken"));
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n; i++) {
        cost_json(&j, &rows[i]);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

bool request_may_see_numbers(struct api_request *req)
{
    struct own_item own;
    item_of_node_numbers(&own);
    if (policy_own_allows(&req->reader, &own.item, ACTION_COUNT, POLICY_MAY_WATCH, clock_now())) {
        return true;
    }
    respond_error(req, 403, "not_permitted", "These are numbers over all organisations of the node.", NULL);
    return false;
}

void rule_costs_get(struct api_request *req)
{
    struct span order = request_query(req, "sort");
    struct buf q;
    if (!request_may_see_numbers(req)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RULE_COSTS);
    buf_str(&q, order.len == 0 ? SPAN("ns") : order);
    buf_u32(&q, (uint32_t)request_number(req, "limit", 100));
    request_ask(req, &q, costs_answered);
    buf_free(&q);
}

void rule_resume(struct api_request *req)
{
    struct buf q;
    if (!request_may_see_numbers(req)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RULE_RESUME);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}
