/* SPDX-License-Identifier: EUPL-1.2 */
/* Counters of the log sources, kept by the keeper: the live ones here, the lasting ones in records.
 */
#include "base/log.h"
#include "base/mem.h"
#include "records/alerts.h"
#include "records/audit.h"
#include "roles/config.h"
#include "roles/keeper_demo.h"
#include "roles/keeper_records_priv.h"

static struct keeper_source *source_add(struct keeper_records *kr, const struct source_row *row)
{
    struct keeper_source *s = mem_alloc(sizeof *s);
    arena_init(&s->texts, 512);
    s->row = *row;
    s->row.name = arena_copy(&s->texts, row->name);
    s->row.kind = arena_copy(&s->texts, row->kind);
    s->row.product = arena_copy(&s->texts, row->product);
    s->row.category = arena_copy(&s->texts, row->category);
    s->row.service = arena_copy(&s->texts, row->service);
    s->row.organisation = arena_copy(&s->texts, row->organisation);
    map_put(&kr->by_name, s->row.name, kr->sources.len);
    vec_push(&kr->sources, s);
    return s;
}

void keeper_sources_load(struct keeper_records *kr, struct err *e)
{
    struct source_row *rows = NULL;
    size_t n = 0;
    map_init(&kr->by_name);
    if (sources_list(kr->db, &kr->scratch, &rows, &n, e) < 0) {
        log_error("records.sources", "why=\"%s\"", e->text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        (void)source_add(kr, &rows[i]);
    }
    arena_reset(&kr->scratch);
}

void keeper_sources_free(struct keeper_records *kr)
{
    for (size_t i = 0; i < kr->sources.len; i++) {
        arena_fini(&kr->sources.data[i]->texts);
        mem_free(kr->sources.data[i]);
    }
    vec_free(&kr->sources);
    map_free(&kr->by_name);
}

/* What a source is may change with the config or as its events show it; its counters go on. */
static void take_identity(struct keeper_source *s, const struct source_row *delta)
{
    struct span *mine[] = {&s->row.kind, &s->row.product, &s->row.category, &s->row.service,
                           &s->row.organisation};
    const struct span theirs[] = {delta->kind, delta->product, delta->category, delta->service,
                                  delta->organisation};
    for (size_t i = 0; i < ARRAY_LEN(mine); i++) {
        if (theirs[i].len > 0 && !span_eq(*mine[i], theirs[i])) {
            *mine[i] = arena_copy(&s->texts, theirs[i]);
        }
    }
}

/* The last minute, second by second: how many came, and how late those were that state their time. */
static void count_minute(struct keeper_source *s, const struct source_row *delta, int64_t second)
{
    size_t slot = (size_t)(second % KEEPER_RATE_S);
    if (s->second_at[slot] != second) {
        s->second_at[slot] = second;
        s->second[slot] = s->lag_events[slot] = 0;
        s->lag_ms[slot] = 0;
    }
    s->second[slot] += delta->events;
    s->lag_events[slot] += delta->lag_events;
    s->lag_ms[slot] += (double)delta->lag_ms * (double)delta->lag_events;
    if (delta->lag_events == 0) {
        return; /* what was known of the minute before stands */
    }
    double sum = 0;
    s->row.lag_events = 0;
    for (size_t i = 0; i < KEEPER_RATE_S; i++) {
        if (second - s->second_at[i] < KEEPER_RATE_S) {
            s->row.lag_events += s->lag_events[i];
            sum += s->lag_ms[i];
        }
    }
    s->row.lag_ms = (int64_t)(sum / (double)s->row.lag_events);
}

void keeper_records_count(struct keeper_records *kr, const struct source_row *delta)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    uint64_t at = 0;
    struct keeper_source *s = NULL;
    if (keeper_demo_late(kr, delta->organisation, delta->name)) {
        return;
    }
    if (map_get(&kr->by_name, delta->name, &at)) {
        s = kr->sources.data[at];
        take_identity(s, delta);
    } else if (kr->sources.len < SOURCES_MAX) {
        struct source_row fresh = *delta;
        fresh.events = fresh.dropped = fresh.anomalies = fresh.lag_ms = fresh.lag_events = 0;
        memset(fresh.drops, 0, sizeof fresh.drops);
        fresh.last_event = fresh.dropped_at = TIME_NONE;
        s = source_add(kr, &fresh);
    } else {
        kr->unknown += delta->events;
        return;
    }
    s->row.events += delta->events;
    s->row.dropped += delta->dropped;
    s->row.anomalies += delta->anomalies;
    if (delta->last_event != TIME_NONE && delta->last_event > s->row.last_event) {
        s->row.last_event = delta->last_event;
    }
    for (int why = 0; why < DROP_COUNT; why++) {
        s->row.drops[why] += delta->drops[why];
    }
    s->row.dropped_at = delta->dropped_at > s->row.dropped_at ? delta->dropped_at : s->row.dropped_at;
    s->dirty = true;
    count_minute(s, delta, clock_now() / TIME_SECOND);
}

int keeper_records_held(struct keeper_records *kr, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint32_t n = cursor_u32(&c);
    for (size_t i = 0; i < kr->sources.len; i++) {
        kr->sources.data[i]->row.held = false;
    }
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        struct source_row row = {.name = cursor_str(&c), .organisation = SPAN("*"), .last_event = TIME_NONE, .dropped_at = TIME_NONE};
        uint64_t at = 0;
        struct keeper_source *s = NULL;
        if (c.failed) {
            break;
        }
        if (map_get(&kr->by_name, row.name, &at)) {
            s = kr->sources.data[at];
        } else if (kr->sources.len < SOURCES_MAX) { /* it never got as far as being counted */
            s = source_add(kr, &row);
        }
        if (s != NULL) {
            s->row.held = true;
        }
    }
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "the list of sources on hold is broken");
}

void keeper_records_config(struct keeper_records *kr, const struct config *config)
{
    kr->watching = clock_now();
    for (size_t i = 0; i < kr->sources.len; i++) {
        kr->sources.data[i]->silent_after_s = 0;
    }
    for (uint32_t i = 0; i < config->nsources; i++) {
        const struct config_source *c = &config->sources[i];
        struct source_row row = {.name = c->name,
                                 .kind = span_of(source_kind_name(c->kind)),
                                 .organisation = c->organisation.len > 0 ? c->organisation : config->organisation,
                                 .last_event = TIME_NONE,
                                 .dropped_at = TIME_NONE};
        uint64_t at = 0;
        struct keeper_source *s = NULL;
        if (map_get(&kr->by_name, c->name, &at)) {
            s = kr->sources.data[at];
        } else if (c->silent_after_s > 0 && kr->sources.len < SOURCES_MAX) {
            s = source_add(kr, &row);
        }
        if (s != NULL) {
            s->silent_after_s = c->silent_after_s;
        }
    }
}

/* It spoke again: the alert closes itself, and says who closed it and why. */
static void speak_again(struct keeper_records *kr, struct keeper_source *s, time_ns now)
{
    struct alert_row row;
    struct err e = {0};
    arena_reset(&kr->scratch);
    int rc = alerts_open_of(kr->db, SPAN(KEEPER_SILENT_RULE), s->row.organisation, s->row.name, &kr->scratch, &row, &e);
    if (rc == 0) {
        struct alert_change ch = {.id = row.id,
                                  .action = ALERT_DO_CLOSE,
                                  .revision = row.revision,
                                  .who = SPAN("sereno"),
                                  .reason = SPAN("true_positive"),
                                  .note = SPAN("The source sends again.")};
        ch.places = policy_whole_node; /* by itself: tools/check-padding */
        rc = alerts_change(kr->db, &ch, now, &kr->scratch, &row, &e);
        if (rc == 0) {
            keeper_tell_alert(kr, EVENT_CHANGE, &row);
        }
    }
    if (rc != 0 && rc != ERR_NOT_FOUND) {
        log_error("source.silent", "why=\"%s\"", e.text);
    }
}

static bool is_silent(const struct keeper_records *kr, const struct keeper_source *s, time_ns now)
{
    time_ns last = s->row.last_event > kr->watching ? s->row.last_event : kr->watching;
    return s->silent_after_s > 0 && now - last > (time_ns)s->silent_after_s * TIME_SECOND;
}

void keeper_sources_watch(struct keeper_records *kr, time_ns now)
{
    for (size_t i = 0; i < kr->sources.len; i++) {
        struct keeper_source *s = kr->sources.data[i];
        struct alert_row row;
        bool silent = is_silent(kr, s, now);
        if (silent == s->row.silent) {
            continue;
        }
        if (!silent) {
            s->row.silent = false;
            speak_again(kr, s, now);
            continue;
        }
        arena_reset(&kr->scratch);
        bool told = alerts_open_of(kr->db, SPAN(KEEPER_SILENT_RULE), s->row.organisation, s->row.name, &kr->scratch, &row, NULL) == 0;
        if (told || kr->hooks.source_silent == NULL || kr->hooks.source_silent(kr->hooks.arg, &s->row, s->silent_after_s, now) == 0) {
            s->row.silent = true;
        }
    }
}

/* Recorded first: who let it go on is known even if it ends intake at once. */
int keeper_answer_release(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span name = cursor_str(c);
    struct span who = cursor_str(c);
    uint64_t at = 0;
    int rc = cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
    if (rc == 0 && (!map_get(&kr->by_name, name, &at) || !kr->sources.data[at]->row.held)) {
        rc = err_set(e, ERR_NOT_FOUND, "no source of that name is on hold");
    }
    if (rc == 0) {
        const struct audit_entry entry = {
            .at = clock_now(), .organisation = SPAN("*"), .who = who, .what = SPAN("source.released"), .subject = name};
        rc = db_begin(kr->db, e);
        rc = rc == 0 ? db_end(kr->db, audit_append(kr->db, &entry, e), e) : rc;
    }
    if (rc == 0 && kr->hooks.release_source != NULL) {
        rc = kr->hooks.release_source(kr->hooks.arg, name) == 0 ? 0 : err_set(e, ERR_IO, "the supervisor cannot be told");
    }
    answer_begin(&kr->out, rc, e);
    return rc;
}

void keeper_records_count_lost(struct keeper_records *kr, int64_t matches)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    kr->matches_lost += matches;
}

void keeper_records_count_unknown(struct keeper_records *kr, int64_t events)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    kr->unknown += events;
}

/* Thousandths of an event per second over the last minute. */
int64_t keeper_source_rate(const struct keeper_source *s, time_ns now)
{
    int64_t second = now / TIME_SECOND;
    int64_t sum = 0;
    for (size_t i = 0; i < KEEPER_RATE_S; i++) {
        sum += second - s->second_at[i] < KEEPER_RATE_S ? s->second[i] : 0;
    }
    return sum * 1000 / KEEPER_RATE_S;
}

void keeper_sources_flush(struct keeper_records *kr)
{
    struct err e = {0};
    bool any = false;
    for (size_t i = 0; i < kr->sources.len; i++) {
        struct keeper_source *s = kr->sources.data[i];
        int64_t rate = keeper_source_rate(s, clock_now());
        s->dirty = s->dirty || rate != s->row.rate_milli;
        s->row.rate_milli = rate;
        any = any || s->dirty;
    }
    if (!any) {
        return;
    }
    int rc = db_begin(kr->db, &e);
    if (rc == 0) {
        for (size_t i = 0; i < kr->sources.len && rc == 0; i++) {
            rc =
                kr->sources.data[i]->dirty ? sources_put(kr->db, &kr->sources.data[i]->row, &e) : 0;
        }
        rc = db_end(kr->db, rc, &e);
    }
    for (size_t i = 0; i < kr->sources.len && rc == 0; i++) {
        kr->sources.data[i]->dirty = false;
    }
    if (rc < 0) {
        log_error("records.sources", "why=\"%s\"", e.text);
    }
}
