/* SPDX-License-Identifier: EUPL-1.2 */
/* Hunts and who hunts them: see keeper_hunts.h. This file keeps the list; keeper_hunts_feed.c serves the hunters. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/keeper_hunts_priv.h"

static struct span keep(struct arena *a, struct span s)
{
    return arena_copy(a, s);
}

static void job_free(struct hunt_job *job)
{
    hunt_reader_free(&job->reader);
    buf_free(&job->tally);
    buf_free(&job->result);
    buf_free(&job->needs);
    arena_fini(&job->texts);
    mem_free(job);
}

struct hunt_job *hunt_job_new(struct keeper_hunts *k, const struct hunt_row *row,
                              struct span definition, struct span tally, struct span result,
                              struct err *e)
{
    struct hunt_job *job = mem_alloc(sizeof *job);
    job->k = k;
    arena_init(&job->texts, 0);
    buf_init(&job->tally, HUNTS_TALLY_MAX);
    buf_init(&job->result, HUNTS_RESULT_MAX);
    buf_init(&job->needs, FILTER_QUERY_MAX_BYTES);
    buf_span(&job->tally, tally);
    buf_span(&job->result, result);
    job->row = *row;
    job->row.id = keep(&job->texts, row->id);
    job->row.organisation = keep(&job->texts, row->organisation);
    job->row.who = keep(&job->texts, row->who);
    job->row.why = keep(&job->texts, row->why);
    job->row.problem = SPAN("");
    job->definition = keep(&job->texts, definition);
    if (hunt_decode(job->definition, &job->texts, &job->hunt, e) != 0) {
        job_free(job);
        return NULL;
    }
    vec_push(&k->jobs, job);
    return job;
}

static void tell(struct hunt_job *job)
{
    struct ipc *desk = role_peer(job->k->role, ROLE_DESK, 0);
    struct hunt_row now = job->row;
    struct buf b;
    if (job->blocks_now > now.blocks_done) {
        now.blocks_done = job->blocks_now;
        now.events = job->events_now;
        now.matches = job->matches_now;
    }
    buf_init(&b, 64 << 10);
    buf_u8(&b, EVENT_HUNT);
    hunt_row_encode(&b, &now);
    if (desk != NULL && !b.failed) {
        (void)!ipc_send(desk, MSG_DESK_EVENT, 0, buf_view(&b)); /* a desk that comes back asks */
    }
    buf_free(&b);
}

void hunt_save(struct hunt_job *job, bool now)
{
    struct err e = {0};
    time_ns at = clock_mono();
    if (!now && at - job->saved_at < (time_ns)HUNT_SAVE_MS * 1000000) {
        return;
    }
    job->saved_at = at;
    tell(job);
    if (job->unsaved || now) {
        int rc = hunts_progress(job->k->db, &job->row, buf_view(&job->tally),
                                buf_view(&job->result), &e);
        job->unsaved = rc != 0;
        if (rc != 0) {
            log_error("hunt.save", "why=\"%s\"", e.text);
        }
    }
}

static void drop(struct hunt_job *job)
{
    struct keeper_hunts *k = job->k;
    for (size_t i = 0; i < k->jobs.len; i++) {
        if (k->jobs.data[i] == job) {
            memmove(&k->jobs.data[i], &k->jobs.data[i + 1],
                    (k->jobs.len - i - 1) * sizeof(struct hunt_job *));
            k->jobs.len--;
            break;
        }
    }
    job_free(job);
}

void hunt_end(struct hunt_job *job, enum hunt_status status, struct span problem, struct span who)
{
    struct err e = {0};
    struct keeper_hunts *k = job->k;
    hunt_leave_hunter(job);
    job->row.status = status;
    job->row.finished = clock_now();
    job->row.problem = keep(&job->texts, span_sub(problem, 0, HUNTS_WHY_MAX));
    if (hunts_finish(k->db, &job->row, buf_view(&job->result), who, &e) != 0) {
        log_error("hunt.finish", "why=\"%s\"", e.text); /* it is still open on disk: hunted again at the next start */
    }
    log_info("hunt.ended", "id=%.*s status=%s blocks=%lld events=%lld matches=%lld",
             SPAN_ARG(job->row.id), hunt_status_name(status), (long long)job->row.blocks_done,
             (long long)job->row.events, (long long)job->row.matches);
    job->blocks_now = 0;
    tell(job);
    drop(job);
    hunts_assign(k);
}

void hunts_assign(struct keeper_hunts *k)
{
    for (size_t s = 0; s < k->slots.len; s++) {
        struct hunt_slot *slot = &k->slots.data[s];
        for (size_t i = 0; slot->ch != NULL && slot->job == NULL && i < k->jobs.len; i++) {
            struct hunt_job *job = k->jobs.data[i];
            if (job->step == HUNT_IDLE) {
                slot->job = job;
                job->hunter = (uint32_t)s;
                hunt_begin(job);
            }
        }
    }
}

/* ---- the life ---- */

static void load_one(struct keeper_hunts *k, const struct hunt_row *row)
{
    struct hunt_row got;
    struct span definition;
    struct span tally;
    struct span result;
    struct err e = {0};
    int rc = hunts_get(k->db, &policy_whole_node, row->id, &k->scratch, &got, &definition, &tally, &result,
                       &e);
    struct hunt_job *job =
        rc == 0 ? hunt_job_new(k, &got, definition, tally, result, &e) : NULL;
    if (job == NULL) {
        log_error("hunt.load", "id=%.*s why=\"%s\"", SPAN_ARG(row->id), e.text);
    }
}

int keeper_hunts_open(struct role *r, const char *data_dir, struct db *db,
                      struct keeper_hunts **out, struct err *e)
{
    struct hunt_row *rows = NULL;
    size_t n = 0;
    struct keeper_hunts *k = mem_alloc(sizeof *k);
    k->role = r;
    k->db = db;
    k->last_run = (uint64_t)clock_now();
    arena_init(&k->scratch, 0);
    buf_init(&k->out, ASK_ANSWER_MAX_BYTES);
    *out = k;
    int len = snprintf(k->archive, sizeof k->archive, "%s/archive", data_dir);
    int rc = len < (int)sizeof k->archive ? hunts_open(db, &k->scratch, &rows, &n, e)
                                          : err_set(e, ERR_LIMIT, "data directory: path too long");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        load_one(k, &rows[i]);
    }
    return rc;
}

void keeper_hunts_close(struct keeper_hunts **given)
{
    struct keeper_hunts *k = *given;
    *given = NULL;
    if (k == NULL) {
        return;
    }
    while (k->jobs.len > 0) {
        struct hunt_job *job = k->jobs.data[k->jobs.len - 1];
        if (job->unsaved) {
            hunt_save(job, true);
        }
        k->jobs.len--;
        job_free(job);
    }
    vec_free(&k->jobs);
    vec_free(&k->slots);
    arena_fini(&k->scratch);
    buf_free(&k->out);
    mem_free(k);
}

/* Also one that waits and has begun before: its place is a block. */
bool keeper_hunts_busy(const struct keeper_hunts *k)
{
    for (size_t i = 0; i < k->jobs.len; i++) {
        const struct hunt_job *job = k->jobs.data[i];
        if (job->step != HUNT_IDLE || job->row.status == HUNT_STATUS_RUNNING) {
            return true;
        }
    }
    return false;
}

/* Its hunt waits for the next; one that no hunter survives is ended. */
static void hunter_lost(struct keeper_hunts *k, struct hunt_slot *slot)
{
    struct hunt_job *job = slot->job;
    slot->ch = NULL;
    if (job == NULL) {
        return;
    }
    hunt_leave_hunter(job);
    job->deaths++;
    log_warn("hunt.hunter_lost", "id=%.*s day=%lld block=%lld deaths=%u", SPAN_ARG(job->row.id),
             (long long)job->row.day, (long long)job->row.block, job->deaths);
    if (job->deaths >= HUNT_DEATHS_MAX) {
        const char *why = arena_printf(&job->texts,
                                       "%u hunters in a row died behind day %lld, block %lld",
                                       job->deaths, (long long)job->row.day,
                                       (long long)job->row.block);
        hunt_end(job, HUNT_STATUS_FAILED, span_of(why), SPAN("sereno"));
    } else {
        hunts_assign(k);
    }
}

void keeper_hunts_hunter(struct keeper_hunts *k, uint32_t instance, struct ipc *ch)
{
    size_t i = 0;
    while (i < k->slots.len && k->slots.data[i].instance != instance) {
        i++;
    }
    if (i == k->slots.len) {
        vec_push(&k->slots, (struct hunt_slot){.instance = instance});
    }
    if (k->slots.data[i].ch != NULL) {
        hunter_lost(k, &k->slots.data[i]);
    }
    k->slots.data[i].ch = ch;
    hunts_assign(k);
}

void keeper_hunts_ready(struct keeper_hunts *k, uint32_t instance)
{
    for (size_t i = 0; i < k->slots.len; i++) {
        if (k->slots.data[i].instance == instance && k->slots.data[i].job != NULL) {
            hunt_feed(k->slots.data[i].job);
            return;
        }
    }
}

static int from_hunter(struct keeper_hunts *k, uint32_t instance, struct ipc_msg *msg,
                       struct err *e)
{
    for (size_t i = 0; i < k->slots.len; i++) {
        if (k->slots.data[i].instance == instance) {
            int rc = hunt_from_hunter(k, &k->slots.data[i], msg, e);
            return rc < 0 ? rc : 1;
        }
    }
    return 1;
}

int keeper_hunts_message(struct keeper_hunts *k, enum role_id peer, uint32_t instance,
                         struct ipc *ch, struct ipc_msg *msg, struct err *e)
{
    if (peer == ROLE_HUNTER) {
        return from_hunter(k, instance, msg, e);
    }
    if (msg->type == MSG_HUNT_REFUSED) {
        hunt_refused(k, msg->body);
        return 1;
    }
    if (msg->type == MSG_DESK_ASK || msg->type == MSG_FED_ASK) { /* the second for long questions */
        struct cursor c = cursor_of(msg->body);
        uint16_t ask = cursor_u16(&c);
        if (ask >= ASK_HUNT_START && ask <= ASK_HUNT_CANCEL) {
            hunts_answer(k, ask, &c, ch, msg->id);
            return 1;
        }
    }
    return 0;
}
