/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows become durable here: see keeper_archive.h. Runs in keeper, on its one thread.
 * Must never send MSG_WINDOW_KEPT before archive_write has returned 0 for that window.
 */
#include "roles/keeper_archive.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "archive/purge.h"
#include "archive/walk.h"
#include "base/log.h"
#include "records/demo.h"
#include "base/mem.h"
#include "base/vec.h"
#include "roles/keeper_holds.h"
#include "roles/keeper_merge.h"
#include "roles/keeper_seal.h"
#include "roles/match_codec.h"
#include "roles/window_codec.h"

enum {
    REPLAY_BATCH = 200, /* alerts copied to the records in one transaction */
    RETENTION_EVERY_S = 600,
    RETENTION_SLICE_MS = 200, /* of one tick: windows wait as long at most */
    SIZE_EVERY_S = 10, /* how old the told size of the archive may be */
};

/* A window that could not be written yet; its bytes stay on the channel's window, so that intake
 * slows down. */
struct stuck {
    uint32_t instance;
    struct ipc *ch; /* NULL: that intake is gone */
    size_t held;
    struct buf body;
};

struct keeper_archive {
    char folder[4096];
    struct archive *archive;
    struct archive_reader *reader;
    struct keeper_records *records;
    VEC(struct stuck) stuck;
    struct arena scratch;
    struct keeper_seal seal;
    struct keeper_merge *merge;
    uint64_t start; /* random */
    bool behind; /* some alerts are in the archive and not in the records */
    time_ns retained_at, size_at;
    struct log_lasting stuck_told, unended;
    struct archive_totals totals;
};

int keeper_archive_open(const char *data_dir, struct keeper_archive **out, struct err *e)
{
    struct keeper_archive *k = mem_alloc(sizeof *k);
    int n = snprintf(k->folder, sizeof k->folder, "%s/archive", data_dir);
    int rc = n < (int)sizeof k->folder ? archive_open(k->folder, &k->archive, e)
                                       : err_set(e, ERR_LIMIT, "data directory: path too long");
    if (rc == 0) {
        rc = archive_reader_open(k->folder, &k->reader, e);
    }
    arena_init(&k->scratch, 0);
    randombytes_buf(&k->start, sizeof k->start);
    if (rc == 0) {
        rc = archive_totals(k->reader, &k->totals, e);
    }
    if (rc != 0) {
        keeper_archive_close(&k);
        return rc;
    }
    *out = k;
    return 0;
}

struct archive *keeper_archive_writer(struct keeper_archive *k)
{
    return k->archive;
}

void keeper_archive_close(struct keeper_archive **given)
{
    struct keeper_archive *k = *given;
    if (k == NULL) {
        return;
    }
    for (size_t i = 0; i < k->stuck.len; i++) {
        buf_free(&k->stuck.data[i].body);
    }
    vec_free(&k->stuck);
    keeper_merge_close(&k->merge);
    archive_reader_close(&k->reader);
    archive_close(&k->archive);
    keeper_seal_fini(&k->seal);
    arena_fini(&k->scratch);
    mem_free(k);
    *given = NULL;
}

/* ---- alerts to the records ---- */

static int copy_alerts(struct keeper_archive *k, const struct archive_alert *in, size_t n,
                       struct err *e)
{
    struct alert *alerts = arena_calloc(&k->scratch, n, sizeof *alerts);
    struct keeper_alert *list = arena_calloc(&k->scratch, n, sizeof *list);
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        struct cursor c = cursor_of(in[i].body);
        struct err why = {0};
        if (alert_decode(&c, &k->scratch, &alerts[good], &why) != 0) {
            log_error("alert.damaged", "day=%d row=%llu why=\"%s\"", in[i].address.day,
                      (unsigned long long)in[i].row, why.text);
            continue;
        }
        list[good] =
            (struct keeper_alert){&alerts[good],
                                  in[i].body,
                                  {in[i].address.day, in[i].address.block, in[i].address.index, {"", 0}}};
        good++;
    }
    return good == 0 ? 0 : keeper_records_alerts(k->records, list, good, e);
}

/* Copies what one day's file holds beyond the row that is known to be copied. */
static int replay_day(struct keeper_archive *k, int32_t day, struct err *e)
{
    uint64_t row = 0;
    int rc = archive_copied_row(k->reader, day, &row, e);
    for (size_t n = REPLAY_BATCH; rc == 0 && n == REPLAY_BATCH;) {
        struct archive_alert *alerts;
        arena_reset(&k->scratch);
        rc = archive_alerts(k->reader, day, row, REPLAY_BATCH, &k->scratch, &alerts, &n, e);
        if (rc == 0 && n > 0) {
            row = alerts[n - 1].row;
            rc = copy_alerts(k, alerts, n, e);
        }
        if (rc == 0 && n > 0) {
            archive_copied(k->archive, day, row);
        }
    }
    return rc;
}

/* The two newest days: an alert waits for its copy no longer than a restart. */
static void replay(struct keeper_archive *k)
{
    struct err e = {0};
    struct arena days_arena;
    int32_t *days = NULL;
    size_t n = 0;
    arena_init(&days_arena, 0);
    int rc = archive_days(k->reader, &days_arena, &days, &n, &e);
    for (size_t i = n > 2 ? n - 2 : 0; rc == 0 && i < n; i++) {
        rc = replay_day(k, days[i], &e);
    }
    arena_fini(&days_arena);
    k->behind = rc != 0;
    if (rc != 0) {
        log_error("alerts.behind", "where=\"%s\" why=\"%s\"", e.where, e.text);
    }
}

void keeper_archive_records(struct keeper_archive *k, struct keeper_records *kr)
{
    k->records = kr;
    replay(k);
}

/* ---- windows ---- */

void keeper_archive_intake(struct keeper_archive *k, uint32_t instance, struct ipc *ch)
{
    struct archive_position *positions;
    struct err e = {0};
    struct buf b;
    size_t n;
    if (ch == NULL) {
        for (size_t i = 0; i < k->stuck.len; i++) {
            k->stuck.data[i].ch =
                k->stuck.data[i].instance == instance ? NULL : k->stuck.data[i].ch;
        }
        return;
    }
    arena_reset(&k->scratch);
    buf_init(&b, 34 << 20);
    int rc = archive_positions(k->archive, &k->scratch, &positions, &n, &e);
    if (rc == 0) {
        positions_encode(&b, positions, n > WINDOW_POSITIONS_MAX ? WINDOW_POSITIONS_MAX : n);
        rc = ipc_send(ch, MSG_POSITIONS, 0, buf_view(&b));
    }
    if (rc != 0) {
        log_error("positions.unknown", "why=\"%s\"", e.text);
    }
    buf_free(&b);
}

/* Alerts must be readable and belong to the organisation of the block they point into. */
static int check_alerts(struct keeper_archive *k, const struct archive_window *w, struct err *e)
{
    for (size_t i = 0; i < w->nalerts; i++) {
        struct alert a;
        struct cursor c = cursor_of(w->alerts[i].body);
        int rc = alert_decode(&c, &k->scratch, &a, e);
        if (rc != 0 || !cursor_done(&c)) {
            return rc != 0 ? rc : err_set(e, ERR_INVALID, "bytes behind an alert");
        }
        const struct archive_alert_in *in = &w->alerts[i];
        if (!in->placed && (in->block >= w->nblocks ||
                            !span_eq(a.organisation, w->blocks[in->block].header.organisation))) {
            return err_set(e, ERR_INVALID, "an alert of another organisation than its record");
        }
    }
    return 0;
}

/* Matches must be readable and say of their records what the blocks say: correlations never mix organisations. */
static int check_matches(struct keeper_archive *k, const struct archive_window *w, struct err *e)
{
    struct match_reader r;
    struct match_row m;
    int rc = w->matches.len == 0 ? 0 : match_reader_open(&r, w->matches, &k->scratch, e);
    if (rc != 0 || w->matches.len == 0) {
        return rc;
    }
    while ((rc = match_reader_next(&r, &m, e)) == 1) {
        if (m.block >= w->nblocks || m.index >= w->blocks[m.block].header.count ||
            !span_eq(m.origin->organisation, w->blocks[m.block].header.organisation)) {
            return err_set(e, ERR_INVALID, "a match of another organisation than its record");
        }
    }
    return rc;
}

static void hand_alerts_on(struct keeper_archive *k, const struct archive_window *w,
                           const struct archive_kept *kept)
{
    struct err e = {0};
    if (w->nalerts == 0 || kept->repeated || k->behind) {
        return; /* repeated: copied then, or replay does it; behind: in order, by replay */
    }
    struct archive_alert *list = arena_calloc(&k->scratch, w->nalerts, sizeof *list);
    for (size_t i = 0; i < w->nalerts; i++) {
        const struct archive_alert_in *in = &w->alerts[i];
        struct archive_address here = {kept->day, kept->first_block + in->block, in->index};
        list[i] = (struct archive_alert){0, in->placed ? in->at : here, in->body};
    }
    if (copy_alerts(k, list, w->nalerts, &e) == 0) {
        archive_copied(k->archive, kept->day, archive_last_alert(k->archive));
    } else {
        log_error("alerts.behind", "where=\"%s\" why=\"%s\"", e.where, e.text);
        k->behind = true;
    }
}

static void send_receipt(struct ipc *ch, const struct archive_window *w,
                         const struct archive_kept *kept)
{
    struct window_kept receipt = {w->intake, w->id, *kept};
    struct buf b;
    if (ch == NULL) {
        return;
    }
    buf_init(&b, 64);
    window_kept_encode(&b, &receipt);
    if (ipc_send(ch, MSG_WINDOW_KEPT, w->id, buf_view(&b)) != 0) {
        log_warn("window.receipt", "id=%llu why=\"intake is gone\"", (unsigned long long)w->id);
    }
    buf_free(&b);
}

/* Everything one window needs; ERR_INVALID is the intake's fault, anything else the disk's. */
static int write_window(struct keeper_archive *k, struct ipc *ch, struct span body, struct err *e)
{
    struct archive_window w;
    struct archive_kept kept;
    arena_reset(&k->scratch);
    int rc = window_decode(body, &k->scratch, &w, e);
    if (rc == 0) {
        rc = check_alerts(k, &w, e);
        rc = rc == 0 ? check_matches(k, &w, e) : rc;
    }
    if (rc != 0) {
        return ERR_INVALID;
    }
    rc = archive_write(k->archive, &w, &kept, e);
    if (rc != 0) {
        return rc;
    }
    send_receipt(ch, &w, &kept);
    for (size_t i = 0; i < w.nblocks && !kept.repeated; i++) {
        k->totals.events += w.blocks[i].header.count;
    }
    hand_alerts_on(k, &w, &kept);
    return 0;
}

int keeper_archive_own(struct keeper_archive *k, const struct archive_window *w, struct err *e)
{
    struct archive_kept kept;
    arena_reset(&k->scratch);
    int rc = k->stuck.len > 0 ? err_set(e, ERR_IO, "windows wait for the disk") : archive_write(k->archive, w, &kept, e);
    if (rc == 0) {
        k->totals.events += w->blocks[0].header.count;
        hand_alerts_on(k, w, &kept);
    }
    return rc;
}

static void note_failure(struct keeper_archive *k, const struct err *e)
{
    if (log_lasting_failed(&k->stuck_told, clock_mono())) {
        log_error("archive.stuck", "windows=%zu where=\"%s\" why=\"%s\"", k->stuck.len, e->where,
                  e->text);
    }
}

int keeper_archive_window(struct keeper_archive *k, uint32_t instance, struct ipc *ch,
                          struct ipc_msg *msg, struct err *e)
{
    int rc = k->stuck.len > 0 ? ERR_IO : write_window(k, ch, msg->body, e);
    if (rc == 0 || rc == ERR_INVALID) {
        return rc;
    }
    if (k->stuck.len == 0) {
        note_failure(k, e);
    }
    struct stuck s = {.instance = instance, .ch = ch, .held = ipc_hold(ch)};
    buf_init(&s.body, WINDOW_MESSAGE_MAX);
    buf_span(&s.body, msg->body);
    CHECK(!s.body.failed);
    vec_push(&k->stuck, s);
    return 0;
}

static void write_stuck(struct keeper_archive *k)
{
    while (k->stuck.len > 0) {
        struct stuck *s = &k->stuck.data[0];
        struct err e = {0};
        int rc = write_window(k, s->ch, buf_view(&s->body), &e);
        if (rc != 0 && rc != ERR_INVALID) {
            note_failure(k, &e);
            return;
        }
        if (rc == ERR_INVALID) {
            log_error("window.invalid", "instance=%u why=\"%s\"", s->instance, e.text);
        }
        if (s->ch != NULL) {
            ipc_release(s->ch, s->held);
        }
        buf_free(&s->body);
        memmove(&k->stuck.data[0], &k->stuck.data[1], (k->stuck.len - 1) * sizeof k->stuck.data[0]);
        k->stuck.len--;
    }
    if (log_lasting_over(&k->stuck_told)) {
        log_info("archive.unstuck", "windows=0");
    }
}

/* What stands in the config, and the holds that stand, as the archive takes it. */
static int policy_of(struct keeper_archive *k, const struct config *c, struct purge_policy *out, struct err *e)
{
    struct purge_hold *holds = NULL;
    size_t nholds = 0;
    int rc = k->records == NULL ? err_set(e, ERR_BUSY, "legal holds are not known yet")
                                : keeper_holds_standing(k->records, &k->scratch, &holds, &nholds, e);
    struct purge_source *sources = arena_calloc(&k->scratch, c->nretention, sizeof *sources);
    for (uint32_t i = 0; i < c->nretention; i++) {
        sources[i] = (struct purge_source){.name = c->retention[i].source, .days = c->retention[i].days};
    }
    *out = (struct purge_policy){.days = c->retention_days,
                                 .sources = sources,
                                 .nsources = c->nretention,
                                 .holds = holds,
                                 .nholds = nholds,
                                 .slice = (time_ns)RETENTION_SLICE_MS * 1000000};
    return rc;
}

/* True when something was let go. */
static bool retain(struct keeper_archive *k, time_ns now, const struct config *c)
{
    struct err e = {0};
    struct purge_totals t = {0};
    archive_reader_close(&k->reader); /* it may hold a day that goes */
    arena_reset(&k->scratch);
    archive_signer(k->archive, k->seal.key);
    struct purge_policy p;
    int rc = policy_of(k, c, &p, &e);
    rc = rc == 0 ? archive_purge(k->archive, &p, now, &t, &e) : rc;
    if (rc != 0) {
        log_error("retention.failed", "where=\"%s\" why=\"%s\"", e.where, e.text);
    }
    if (t.days > 0 || t.sources > 0) {
        log_info("retention.done", "days=%llu sources=%llu records=%llu held=%llu", (unsigned long long)t.days,
                 (unsigned long long)t.sources, (unsigned long long)t.records, (unsigned long long)t.held);
        k->size_at = 0;
    }
    if (t.more) {
        k->retained_at = 0; /* the next second goes on */
    }
    if (archive_reader_open(k->folder, &k->reader, &e) != 0) {
        CHECK(k->reader != NULL); /* the folder was there a moment ago */
    }
    return t.days > 0 || t.sources > 0;
}

int keeper_archive_events(struct keeper_archive *k, struct span source, uint64_t *events_out, struct err *e)
{
    static const char *const parts[] = DEMO_PARTS;
    struct archive_walk w;
    int rc = 0;
    *events_out = 0;
    archive_walk_init(&w);
    for (size_t i = 0; i < DEMO_NPARTS && rc == 0; i++) {
        char name[2 * DEMO_SOURCE_MAX];
        struct archive_walk_totals t = {0};
        (void)snprintf(name, sizeof name, "%.*s-%s", SPAN_ARG(span_sub(source, 0, DEMO_SOURCE_MAX)), parts[i]);
        w.source = span_of(name);
        rc = archive_walk_count(k->reader, &w, &t, e);
        *events_out += t.events;
    }
    return rc;
}

int keeper_archive_purge_source(struct keeper_archive *k, struct span source, time_ns now, uint64_t *records_out, struct err *e)
{
    static const char *const parts[] = DEMO_PARTS;
    struct purge_source gone[DEMO_NPARTS];
    struct purge_policy p = {.sources = gone, .nsources = DEMO_NPARTS};
    struct purge_hold *holds = NULL;
    struct purge_totals t = {0};
    *records_out = 0;
    if (k->stuck.len > 0 || k->seal.key == NULL) {
        return err_set(e, ERR_BUSY, "windows wait for the disk");
    }
    archive_reader_close(&k->reader); /* it may hold a day that changes */
    arena_reset(&k->scratch);
    for (size_t i = 0; i < DEMO_NPARTS; i++) {
        const char *name = arena_printf(&k->scratch, "%.*s-%s", SPAN_ARG(source), parts[i]);
        gone[i] = (struct purge_source){.name = span_of(name), .at_once = true};
    }
    archive_signer(k->archive, k->seal.key);
    int rc = keeper_holds_standing(k->records, &k->scratch, &holds, &p.nholds, e);
    p.holds = holds;
    rc = rc == 0 ? archive_purge(k->archive, &p, now, &t, e) : rc;
    *records_out = t.records;
    k->size_at = 0;
    if (archive_reader_open(k->folder, &k->reader, NULL) != 0) {
        CHECK(k->reader != NULL); /* the folder was there a moment ago */
    }
    keeper_seal_tick(&k->seal, k->archive, k->folder, k->records, now, t.sources > 0);
    return rc == 0 && t.held > 0 ? err_set(e, ERR_EXISTS, "A legal hold keeps the logs of the invented city. Lift it first; then purge it.") : rc;
}

void keeper_archive_seal_key(struct keeper_archive *k, int fd)
{
    keeper_seal_key(&k->seal, fd);
}

int keeper_archive_sign(const struct keeper_archive *k, struct span message, unsigned char sig[SEAL_SIG_BYTES], unsigned char key[SEAL_KEY_BYTES], struct err *e)
{
    if (k->seal.key == NULL) {
        return err_set(e, ERR_BUSY, "the node's key to sign with is not here");
    }
    seal_key_sign(k->seal.key, message, sig);
    seal_key_public(k->seal.key, key);
    return 0;
}

/* What is over gets no more, so that a copy of it stays whole; after the seal, so that the seal names a link of the day itself. */
static void end_days(struct keeper_archive *k, time_ns now)
{
    struct err e = {0};
    if (k->stuck.len > 0) {
        return; /* the disk has other worries */
    }
    if (archive_end_days(k->archive, (int32_t)time_day(now), &e) == 0) {
        (void)log_lasting_over(&k->unended);
    } else if (log_lasting_failed(&k->unended, clock_mono())) {
        log_error("archive.day", "where=\"%s\" why=\"%s\"", e.where, e.text);
    }
}

void keeper_archive_tick(struct keeper_archive *k, time_ns now, const struct config *retention)
{
    bool let_go = false;
    write_stuck(k);
    if (k->behind && k->records != NULL) {
        replay(k);
    }
    bool asked = retention != NULL && (retention->retention_days > 0 || retention->nretention > 0);
    bool due = k->retained_at == 0 || now < k->retained_at || now - k->retained_at > RETENTION_EVERY_S * TIME_SECOND;
    if (asked && k->stuck.len == 0 && due && k->records != NULL && keeper_clock_fits(k->records, now)) {
        k->retained_at = now;
        let_go = retain(k, now, retention);
    }
    keeper_seal_tick(&k->seal, k->archive, k->folder, k->records, now, let_go);
    end_days(k, now);
}

void keeper_archive_merge(struct keeper_archive *k, uv_loop_t *loop, bool hunting)
{
    if (k->merge == NULL) {
        k->merge = keeper_merge_open(loop, k->folder);
    }
    if (k->stuck.len == 0) { /* else the disk has other worries */
        keeper_merge_tick(k->merge, k->archive, hunting);
    }
}

uint64_t keeper_archive_merges(const struct keeper_archive *k)
{
    return k->start + (k->merge == NULL ? 0 : keeper_merge_count(k->merge));
}

/* ---- hooks of the records ---- */

int keeper_archive_read(void *arg, const struct alert_place *place, size_t max_bytes,
                        struct arena *arena, struct span *text_out, bool *truncated_out,
                        struct err *e)
{
    struct keeper_archive *k = arg;
    struct archive_record r;
    if (place->day < INT32_MIN || place->day > INT32_MAX || place->block < 0 ||
        place->block > UINT32_MAX || place->index < 0 || place->index > UINT32_MAX) {
        return err_set(e, ERR_NOT_FOUND, "no such place in the archive");
    }
    struct archive_address at = {(int32_t)place->day, (uint32_t)place->block,
                                 (uint32_t)place->index};
    arena_reset(&k->scratch);
    int rc = archive_fetch(k->reader, at, &k->scratch, &r, e);
    if (rc == 0) {
        *truncated_out = r.original.len > max_bytes;
        *text_out = arena_copy(arena, span_sub(r.original, 0, max_bytes));
    }
    return rc;
}

void keeper_archive_size(void *arg, int64_t *bytes_out, int64_t *events_out,
                         int64_t *oldest_day_out)
{
    struct keeper_archive *k = arg;
    time_ns now = clock_mono();
    if (k->size_at == 0 || now - k->size_at > SIZE_EVERY_S * TIME_SECOND) {
        struct archive_totals totals;
        k->size_at = now;
        if (archive_totals(k->reader, &totals, NULL) == 0) {
            k->totals = totals;
        }
    }
    *bytes_out = (int64_t)k->totals.bytes_on_disk;
    *events_out = (int64_t)k->totals.events;
    *oldest_day_out = k->totals.oldest_day;
}
