/* SPDX-License-Identifier: EUPL-1.2 */
/* See keeper_silence.h. Runs in keeper. */
#include "roles/keeper_silence.h"

#include <sodium.h>
#include <stdio.h>

#include "archive/window.h"
#include "base/log.h"
#include "event/alert.h"
#include "flow/normalise/normalise.h"
#include "roles/keeper_records_priv.h"
#include "wire/json_write.h"

enum { SILENCE_EVENT_MAX = 16384, SILENCE_ZSTD_LEVEL = 2 };

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    if (t == TIME_NONE) {
        json_null(j);
    } else {
        json_text(j, span_of(time_format(t, text)));
    }
}

static void put_event(struct buf *b, const struct source_row *row, uint32_t after_s, time_ns now)
{
    struct json_writer j;
    json_writer_init(&j, b);
    json_object(&j);
    json_key(&j, "sereno");
    json_text(&j, SPAN("sources"));
    json_key(&j, "event");
    json_text(&j, SPAN("silent"));
    json_key(&j, "source");
    json_text(&j, row->name);
    json_key(&j, "kind");
    json_text(&j, row->kind);
    json_key(&j, "silent_after");
    json_u64(&j, after_s);
    put_time(&j, "from", row->last_event);
    put_time(&j, "to", now);
    json_key(&j, "message");
    json_text(&j, SPAN("the source sent no event for longer than it may be silent"));
    json_end(&j);
    if (!json_writer_done(&j)) {
        b->failed = true;
    }
}

/* A name of its own for each window: what makes it the only one of that name. */
static void name_window(struct archive_window *w)
{
    randombytes_buf(&w->intake, sizeof w->intake);
    w->id = 1;
}

static int keep(struct keeper_archive *k, const struct archive_record *record, struct span alert, struct err *e)
{
    struct window *window = window_new(SILENCE_ZSTD_LEVEL);
    uint32_t arrival = window_add(window, record);
    struct archive_alert_in in = {.body = alert};
    struct archive_window w = {.received = record->received, .alerts = &in, .nalerts = 1};
    name_window(&w);
    window_seal(window, &w.blocks, &w.nblocks);
    window_place(window, arrival, &in.block, &in.index);
    int rc = keeper_archive_own(k, &w, e);
    window_free(&window);
    return rc;
}

int keeper_silence_tell(struct keeper_archive *k, const struct source_row *row, uint32_t after_s, time_ns now)
{
    static const char no_rule[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char summary[128];
    char shown[LOG_VALUE_MAX];
    struct err e = {0};
    struct buf event, body;
    buf_init(&event, SILENCE_EVENT_MAX);
    buf_init(&body, ALERT_MAX_BYTES);
    put_event(&event, row, after_s, now);
    int n = snprintf(summary, sizeof summary, "no event for more than %u s", after_s);
    const struct alert a = {.rule_id = SPAN(KEEPER_SILENT_RULE),
                            .rule_hash = span_of(no_rule),
                            .title = SPAN("A source is silent"),
                            .level = LEVEL_MEDIUM,
                            .time = now,
                            .received = now,
                            .last_time = now,
                            .count = 1,
                            .organisation = row->organisation,
                            .source = row->name,
                            .product = SPAN("sereno"),
                            .service = SPAN("sources"),
                            .summary = span_make(summary, n < 0 ? 0 : (size_t)n)};
    alert_encode(&body, &a);
    const struct archive_record record = {.organisation = row->organisation,
                                          .source = SPAN("sereno"),
                                          .class_name = SPAN("sereno/sources"),
                                          .time = now,
                                          .received = now,
                                          .flags = normalise_flag(FORMAT_JSON),
                                          .original = buf_view(&event)};
    int rc = event.failed || body.failed ? err_set(&e, ERR_LIMIT, "its name is too long") : keep(k, &record, buf_view(&body), &e);
    log_warn("source.silent", "source=\"%s\" after_s=%u told=%d", log_value(row->name, shown), after_s, rc == 0);
    buf_free(&event);
    buf_free(&body);
    return rc;
}
