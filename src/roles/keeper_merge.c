/* SPDX-License-Identifier: EUPL-1.2 */
/* Merging beside the loop: see keeper_merge.h. Between two steps nothing here belongs to the pool's thread. */
#include "roles/keeper_merge.h"

#include <string.h>

#include "archive/stretch.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/normalise/normalise.h"

enum {
    MERGE_EVERY_S = 30,  /* how often it is looked whether enough has come */
    MERGE_REST = 3,      /* a quarter of one core at most */
};

struct keeper_merge {
    uv_work_t work;
    uv_loop_t *loop;
    char *folder;
    bool busy, orphan;
    atomic_bool stop;
    struct merge *ready; /* packed, waits to be written */
    time_ns looked;
    uint64_t merged;
    unsigned halvings; /* of a stretch's limits; the pool reads it while the loop waits for it */
    struct log_lasting failing;
    /* the step's own */
    struct archive_reader *reader;
    int32_t done; /* days up to this one are merged */
    int rc;
    struct err e;
};

/* Headers of text logs, which later lines need; other formats have none. */
static bool explains(const struct archive_record *r)
{
    enum source_format format = FORMAT_ZEEK;
    return !normalise_flag_format(r->flags, &format) || format == FORMAT_ZEEK;
}

struct keeper_merge *keeper_merge_open(uv_loop_t *loop, const char *folder)
{
    struct keeper_merge *k = mem_alloc(sizeof *k);
    k->loop = loop;
    k->folder = mem_strdup(folder);
    k->work.data = k;
    k->done = INT32_MIN;
    k->halvings = MERGE_HALVINGS_FIRST;
    return k;
}

unsigned keeper_merge_halvings(unsigned now, time_ns held)
{
    const time_ns hold = (time_ns)MERGE_HOLD_MS * 1000000;
    if (held > hold) {
        return now < MERGE_HALVINGS_MAX ? now + 1 : MERGE_HALVINGS_MAX;
    }
    return held < hold / 4 && now > 0 ? now - 1 : now; /* twice of it is half of what may be */
}

uint64_t keeper_merge_count(const struct keeper_merge *k)
{
    return k->merged;
}

static void release(struct keeper_merge *k)
{
    archive_merge_free(&k->ready);
    archive_reader_close(&k->reader);
    mem_free(k->folder);
    mem_free(k);
}

void keeper_merge_close(struct keeper_merge **given)
{
    struct keeper_merge *k = *given;
    *given = NULL;
    if (k == NULL) {
        return;
    }
    atomic_store(&k->stop, true);
    if (k->busy) {
        k->orphan = true;
    } else {
        release(k);
    }
}

/* ---- on the pool ---- */

static int look(struct keeper_merge *k)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t n = 0;
    arena_init(&scratch, 0);
    int rc = k->reader == NULL ? archive_reader_open(k->folder, &k->reader, &k->e) : 0;
    rc = rc == 0 ? archive_days(k->reader, &scratch, &days, &n, &k->e) : rc;
    for (size_t i = 0; rc == 0 && i < n && !atomic_load(&k->stop); i++) {
        const struct merge_options o = {.level = MERGE_LEVEL,
                                        .wait_bytes = MERGE_STRETCH_BYTES >> k->halvings,
                                        .links_max = STRETCH_LINKS_MAX >> k->halvings,
                                        .filters_max = MERGE_FILTERS_MAX >> k->halvings,
                                        .closed = i + 1 < n,
                                        .explains = explains,
                                        .rest = MERGE_REST,
                                        .stop = &k->stop};
        if (days[i] <= k->done) {
            continue;
        }
        rc = archive_merge_prepare(k->reader, days[i], &o, &k->ready, &k->e);
        if (rc == 0 && o.closed) {
            k->done = days[i];
        } else if (rc < 0 && o.closed) { /* a damaged day holds up no other; verify tells of it */
            log_error("archive.unmerged", "day=%d where=\"%s\" why=\"%s\"", days[i], k->e.where, k->e.text);
            k->done = days[i];
            rc = 0;
        }
    }
    archive_reader_close(&k->reader); /* it must not hold a day that retention lets go */
    arena_fini(&scratch);
    return rc;
}

static void on_pool(uv_work_t *work)
{
    struct keeper_merge *k = work->data;
    k->rc = look(k);
}

/* ---- on the loop ---- */

static void fail(struct keeper_merge *k)
{
    if (log_lasting_failed(&k->failing, clock_mono())) {
        log_error("archive.unmerged", "where=\"%s\" why=\"%s\"", k->e.where, k->e.text);
    }
}

static void on_done(uv_work_t *work, int status)
{
    struct keeper_merge *k = work->data;
    (void)status; /* nobody cancels it */
    k->busy = false;
    if (k->orphan) {
        release(k);
    } else if (k->rc < 0) {
        fail(k);
    }
}

static void write_ready(struct keeper_merge *k, struct archive *a)
{
    struct merge_totals t;
    k->e = (struct err){0};
    archive_merge_totals(k->ready, &t);
    time_ns began = clock_mono();
    int rc = archive_merge_commit(a, k->ready, &k->e);
    time_ns held = clock_mono() - began;
    archive_merge_free(&k->ready);
    if (rc != 0 && rc != ERR_BUSY) {
        fail(k);
        return;
    }
    if (rc == 0) {
        (void)log_lasting_over(&k->failing);
        k->halvings = keeper_merge_halvings(k->halvings, held);
        k->merged++;
    }
    if (rc == 0 && t.blocks + t.filters > 0) {
        log_info("archive.merged", "blocks=%llu into=%llu bytes=%llu into_bytes=%llu filters=%llu filter_bytes=%llu held_ms=%lld",
                 (unsigned long long)t.blocks, (unsigned long long)t.packs,
                 (unsigned long long)t.bytes_before, (unsigned long long)t.bytes_after,
                 (unsigned long long)t.filters, (unsigned long long)t.filter_bytes, (long long)(held / 1000000));
    }
    k->looked = 0; /* there may be more */
}

void keeper_merge_tick(struct keeper_merge *k, struct archive *a, bool hunting)
{
    time_ns now = clock_mono();
    if (k->busy) {
        return;
    }
    if (k->ready != NULL) {
        if (!hunting) {
            write_ready(k, a);
        }
        return;
    }
    if (!hunting && (k->looked == 0 || now - k->looked > MERGE_EVERY_S * TIME_SECOND)) {
        k->looked = now;
        k->e = (struct err){0};
        k->busy = true;
        MUST(uv_queue_work(k->loop, &k->work, on_pool, on_done));
    }
}
