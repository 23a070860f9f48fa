/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Log of matches to the correlator, windows and alerts back: see keeper_correlate.h. Runs in keeper, on its one thread.
 * Must never hand on a row that is not on disk, nor drop rows before the windows that hold them are.
 */
#include "roles/keeper_correlate.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "event/alert.h"

enum {
    ROWS_BATCH = 64,
    ROWS_BATCH_BYTES = 8 << 20,
    AGAIN_S = 5, /* a session that ended because the disk failed begins anew after so long */
};

struct keeper_correlate {
    struct archive *archive;
    struct archive_reader *reader; /* its own: rows come from the newest day, the desk looks anywhere */
    struct keeper_records *records;
    struct ipc *ch; /* NULL: no correlator */
    struct arena scratch;
    uint32_t session;
    bool open;       /* a session: rows may be sent */
    time_ns again_at; /* monotonic; 0 = not planned */
    struct archive_match_place sent;
    time_ns sent_received; /* newest time of receipt that was sent */
    time_ns want_tick;
    struct buf windows; /* parts as they come */
    struct correlate_pulse pulse;
};

int keeper_correlate_open(const char *data_dir, struct archive *archive, struct keeper_records *records,
                          struct keeper_correlate **out, struct err *e)
{
    char folder[4096];
    struct keeper_correlate *k = mem_alloc(sizeof *k);
    k->archive = archive;
    k->records = records;
    arena_init(&k->scratch, 0);
    buf_init(&k->windows, CORRELATE_SAVED_MAX);
    int n = snprintf(folder, sizeof folder, "%s/archive", data_dir);
    int rc = n < (int)sizeof folder ? archive_reader_open(folder, &k->reader, e)
                                    : err_set(e, ERR_LIMIT, "data directory: path too long");
    if (rc != 0) {
        keeper_correlate_close(&k);
    }
    *out = k;
    return rc;
}

void keeper_correlate_close(struct keeper_correlate **given)
{
    struct keeper_correlate *k = *given;
    if (k != NULL) {
        archive_reader_close(&k->reader);
        arena_fini(&k->scratch);
        buf_free(&k->windows);
        mem_free(k);
        *given = NULL;
    }
}

void keeper_correlate_peer(struct keeper_correlate *k, struct ipc *ch)
{
    k->ch = ch;
    k->open = false;
    k->again_at = 0;
    k->want_tick = 0;
    buf_clear(&k->windows);
}

/* What the correlator is told from here on counts for nothing until it has begun anew. */
static void interrupt(struct keeper_correlate *k, const char *doing, const struct err *e)
{
    log_error("correlate.interrupted", "doing=\"%s\" where=\"%s\" why=\"%s\"", doing, e->where, e->text);
    k->open = false;
    k->again_at = clock_mono() + AGAIN_S * TIME_SECOND;
    buf_clear(&k->windows);
}

/* ---- the session ---- */

static int send_windows(struct keeper_correlate *k, struct span bytes)
{
    struct buf b;
    int rc = 0;
    buf_init(&b, CORRELATE_PART_BYTES + 64);
    for (bool last = false; rc == 0 && !last;) {
        last = bytes.len <= CORRELATE_PART_BYTES;
        const struct correlate_part part = {k->session, last, span_sub(bytes, 0, CORRELATE_PART_BYTES)};
        buf_clear(&b);
        correlate_part_encode(&b, &part);
        rc = ipc_send(k->ch, MSG_CORRELATE_STATE, 0, buf_view(&b));
        bytes = span_sub(bytes, CORRELATE_PART_BYTES, bytes.len);
    }
    buf_free(&b);
    return rc;
}

/* Without stored windows the log begins where it begins. */
static int first_place(struct keeper_correlate *k, struct err *e)
{
    int32_t *days = NULL;
    size_t n = 0;
    arena_reset(&k->scratch);
    int rc = archive_days(k->reader, &k->scratch, &days, &n, e);
    k->sent = (struct archive_match_place){n == 0 ? 0 : days[0], 0};
    return rc;
}

static void begin(struct keeper_correlate *k)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, CORRELATE_SAVED_MAX);
    k->session++;
    k->again_at = k->want_tick = k->sent_received = 0;
    k->open = false;
    buf_clear(&k->windows);
    int rc = keeper_records_windows_get(k->records, &b, &e);
    struct cursor c = cursor_of(buf_view(&b));
    if (rc == 0 && b.len > 0) {
        rc = correlate_place_decode(&c, &k->sent, &e);
    }
    if (rc == 0 && (b.len == 0 || k->sent.row == 0)) {
        rc = first_place(k, &e);
    }
    rc = rc == 0 ? send_windows(k, buf_view(&b)) : rc;
    buf_free(&b);
    if (rc != 0) {
        interrupt(k, "beginning", &e);
        return;
    }
    k->open = true;
    keeper_correlate_go(k);
}

/* ---- rows ---- */

static int send_rows(struct keeper_correlate *k, const struct archive_match *rows, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct buf b;
        buf_init(&b, rows[i].body.len + 64);
        correlate_row_encode(&b, k->session, &rows[i]);
        CHECK(!b.failed);
        rc = ipc_send(k->ch, MSG_CORRELATE_ROW, 0, buf_view(&b));
        if (rc == 0) {
            k->sent = rows[i].place;
            k->sent_received = rows[i].received > k->sent_received ? rows[i].received : k->sent_received;
        }
        buf_free(&b);
    }
    return rc;
}

/* The next day's file that there is, when this one is at its end: 1 = gone there, 0 = there is none. */
static int next_day(struct keeper_correlate *k, struct err *e)
{
    int32_t *days = NULL;
    size_t n = 0;
    int rc = archive_days(k->reader, &k->scratch, &days, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (days[i] > k->sent.day) {
            k->sent = (struct archive_match_place){days[i], 0};
            return 1;
        }
    }
    return rc;
}

void keeper_correlate_go(struct keeper_correlate *k)
{
    struct err e = {0};
    int rc = 1;
    while (rc == 1 && k->open && k->ch != NULL && ipc_ready(k->ch)) {
        struct archive_match *rows = NULL;
        size_t n = 0;
        arena_reset(&k->scratch);
        rc = archive_matches(k->reader, k->sent.day, k->sent.row, ROWS_BATCH, ROWS_BATCH_BYTES, &k->scratch, &rows, &n, &e);
        if (rc == ERR_NOT_FOUND) { /* that day's file is gone, or there is none yet */
            rc = 0;
        }
        if (rc == 0 && n > 0) {
            rc = send_rows(k, rows, n);
            rc = rc == 0 ? 1 : rc;
        } else if (rc == 0) {
            rc = next_day(k, &e);
        }
    }
    if (rc < 0 && rc != ERR_BUSY && rc != ERR_CLOSED) {
        interrupt(k, "reading the log", &e);
    }
}

void keeper_correlate_tick(struct keeper_correlate *k, time_ns now)
{
    struct archive_match_place place;
    struct err e = {0};
    if (k->again_at != 0 && k->ch != NULL && clock_mono() >= k->again_at) {
        begin(k);
    }
    if (!k->open || k->ch == NULL) {
        return;
    }
    keeper_correlate_go(k);
    if (k->want_tick != 0 && now >= k->want_tick && k->sent_received < k->want_tick) {
        if (archive_tick(k->archive, now, &place, &e) != 0) {
            interrupt(k, "writing a tick", &e);
            return;
        }
        keeper_correlate_go(k);
    }
}

/* ---- what the correlator says ---- */

/* An alert must be readable and belong to the organisation of the record it points to. */
static int check_alert(struct keeper_correlate *k, const struct correlate_alert *in, struct alert *out, struct err *e)
{
    struct cursor c = cursor_of(in->body);
    struct span owner = SPAN("");
    uint32_t count = 0;
    int rc = alert_decode(&c, &k->scratch, out, e);
    if (rc != 0 || !cursor_done(&c)) {
        return rc != 0 ? rc : err_set(e, ERR_INVALID, "bytes behind an alert");
    }
    rc = archive_block_owner(k->reader, in->at.day, in->at.block, &k->scratch, &owner, &count, e);
    if (rc == ERR_NOT_FOUND) {
        return 0; /* deleted since: the alert is still true */
    }
    return rc != 0 ? rc
           : span_eq(owner, out->organisation) && in->at.index < count
               ? 0
               : err_set(e, ERR_INVALID, "an alert of another organisation than its record");
}

static int take_alerts(struct keeper_correlate *k, const struct correlated *said, struct err *e)
{
    struct alert *alerts = arena_calloc(&k->scratch, said->count, sizeof *alerts);
    struct keeper_alert *list = arena_calloc(&k->scratch, said->count, sizeof *list);
    for (uint32_t i = 0; i < said->count; i++) {
        const struct correlate_alert *in = &said->alerts[i];
        int rc = check_alert(k, in, &alerts[i], e);
        if (rc != 0) {
            return rc;
        }
        list[i] = (struct keeper_alert){
            &alerts[i], in->body, {in->at.day, in->at.block, in->at.index, in->group}};
    }
    return said->count == 0 ? 0 : keeper_records_alerts(k->records, list, said->count, e);
}

static int take_correlated(struct keeper_correlate *k, struct span body, struct err *e)
{
    struct correlated said;
    arena_reset(&k->scratch);
    int rc = correlated_decode(body, &k->scratch, &said, e);
    if (rc != 0 || !k->open || said.session != k->session) {
        return rc;
    }
    k->want_tick = said.want_tick;
    rc = take_alerts(k, &said, e);
    if (rc != 0 && rc != ERR_INVALID) {
        interrupt(k, "writing alerts", e);
        rc = 0;
    }
    return rc;
}

static int take_windows(struct keeper_correlate *k, struct span body, struct err *e)
{
    struct correlate_part p;
    struct archive_match_place place = {0};
    int rc = correlate_part_decode(body, &p, e);
    if (rc != 0 || !k->open || p.session != k->session) {
        return rc;
    }
    buf_span(&k->windows, p.bytes);
    if (k->windows.failed) {
        return err_set(e, ERR_INVALID, "windows of more than %d bytes", (int)CORRELATE_SAVED_MAX);
    }
    if (!p.last) {
        return 0;
    }
    struct cursor c = cursor_of(buf_view(&k->windows));
    rc = correlate_place_decode(&c, &place, e);
    if (rc != 0) {
        return rc;
    }
    if (keeper_records_windows_put(k->records, buf_view(&k->windows), e) != 0) {
        interrupt(k, "storing windows", e);
        return 0;
    }
    archive_matches_done(k->archive, place);
    buf_free(&k->windows);
    buf_init(&k->windows, CORRELATE_SAVED_MAX);
    return 0;
}

int keeper_correlate_message(struct keeper_correlate *k, const struct ipc_msg *msg, struct err *e)
{
    switch (msg->type) {
    case MSG_CORRELATE_READY:
        if (k->ch != NULL) {
            begin(k);
        }
        return 0;
    case MSG_CORRELATE_STATE:
        return take_windows(k, msg->body, e);
    case MSG_CORRELATED:
        return take_correlated(k, msg->body, e);
    case MSG_CORRELATE_PULSE:
        return correlate_pulse_decode(msg->body, &k->pulse, e);
    default:
        return err_set(e, ERR_INVALID, "no message of a correlator");
    }
}

const struct correlate_pulse *keeper_correlate_pulse(const struct keeper_correlate *k)
{
    return &k->pulse;
}
