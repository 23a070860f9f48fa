/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One hunt with one hunter: its rules are compiled, the archive is counted, blocks go out a few at a time, counts come
 * back. The steps stand in enum hunt_step. Runs in keeper; what a hunter says is not trusted beyond its own hunt.
 */
#include <string.h>

#include "base/log.h"
#include "roles/keeper_hunts_priv.h"

static struct hunt_slot *slot_of(const struct hunt_job *job)
{
    return &job->k->slots.data[job->hunter];
}

static void fail(struct hunt_job *job, struct span why)
{
    hunt_end(job, HUNT_STATUS_FAILED, why, SPAN("sereno"));
}

/* ---- the start ---- */

/* The rule texts go by way of super to a compiler of their own, which makes the hunter's rule set. */
static bool send_rules(struct hunt_job *job)
{
    const struct hunt *h = &job->hunt;
    struct span search;
    struct err e = {0};
    struct buf b;
    arena_reset(&job->k->scratch);
    buf_init(&b, HUNTS_DEFINITION_MAX + (1 << 20));
    bool searches = h->search.len > 0 &&
                    hunt_search_rule(h->search, &job->k->scratch, &search, &e) == 0;
    buf_u64(&b, job->run);
    buf_u32(&b, slot_of(job)->instance);
    buf_u32(&b, h->nrules + (searches ? 1 : 0));
    for (uint32_t i = 0; i < h->nrules; i++) {
        /* A name of its own: two rules may be called alike, and none is called as the search is. */
        buf_str(&b, span_of(arena_printf(&job->k->scratch, "%u/%.*s", i + 1,
                                         SPAN_ARG(h->rules[i].name))));
        buf_str(&b, h->rules[i].text);
    }
    if (searches) {
        buf_str(&b, SPAN(HUNT_SEARCH_NAME));
        buf_str(&b, search);
    }
    bool sent = !b.failed &&
                ipc_send(role_super(job->k->role), MSG_HUNT_RULES, 0, buf_view(&b)) == 0;
    buf_free(&b);
    return sent;
}

static void send_job(struct hunt_job *job)
{
    struct buf b;
    buf_init(&b, HUNTS_DEFINITION_MAX + HUNTS_TALLY_MAX + 4096);
    buf_u64(&b, job->run);
    buf_u64(&b, (uint64_t)job->row.retained_from);
    buf_u64(&b, (uint64_t)job->row.retained_to);
    buf_str(&b, job->definition);
    buf_str(&b, buf_view(&job->tally));
    job->step = HUNT_PREPARING;
    if (b.failed || ipc_send(slot_of(job)->ch, MSG_HUNT_JOB, 0, buf_view(&b)) != 0) {
        log_warn("hunt.job", "why=\"the hunter is gone\""); /* which is told to us next */
    }
    buf_free(&b);
}

static void on_read(void *ctx, struct hunt_reader *r, int rc, const struct err *e);

/* explain: only what stands before its block and explains what comes behind. */
static void new_reader(struct hunt_job *job, bool explain)
{
    struct archive_walk w;
    archive_walk_init(&w);
    w.organisation = job->hunt.organisation;
    w.source = job->hunt.source;
    w.context = true;
    if (explain) {
        w.from = INT64_MAX; /* nothing fits: headers only */
        w.end_day = (int32_t)job->row.day;
        w.end_block = (uint32_t)job->row.block;
    } else {
        w.from = job->hunt.from;
        w.to = job->hunt.to;
        w.end_day = job->row.status == HUNT_STATUS_RUNNING ? (int32_t)job->row.end_day : INT32_MAX;
        w.end_block =
            job->row.status == HUNT_STATUS_RUNNING ? (uint32_t)job->row.end_block : UINT32_MAX;
        if (job->row.block > 0) {
            w.day = (int32_t)job->row.day;
            w.block = (uint32_t)job->row.block;
        }
    }
    hunt_reader_free(&job->reader);
    job->next_block = 0;
    job->reader = hunt_reader_new(role_loop(job->k->role), job->k->archive, &w, on_read, job);
    if (!explain && job->needs.len > 0) {
        MUST(hunt_reader_look_for(job->reader, buf_view(&job->needs), NULL)); /* was read before */
    }
}

void hunt_begin(struct hunt_job *job)
{
    job->run = ++job->k->last_run;
    job->outstanding = 0;
    job->blocks_now = 0;
    buf_clear(&job->needs);
    if (!send_rules(job)) {
        fail(job, SPAN("its rules could not be handed over"));
        return;
    }
    log_info("hunt.begins", "id=%.*s hunter=%u day=%lld block=%lld", SPAN_ARG(job->row.id),
             slot_of(job)->instance, (long long)job->row.day, (long long)job->row.block);
    if (job->row.status == HUNT_STATUS_RUNNING) {
        send_job(job);
        return;
    }
    job->step = HUNT_COUNTING;
    new_reader(job, false);
    hunt_reader_count(job->reader);
}

void hunt_leave_hunter(struct hunt_job *job)
{
    struct buf b;
    hunt_reader_free(&job->reader);
    if (job->step == HUNT_IDLE) {
        return;
    }
    struct hunt_slot *slot = slot_of(job);
    CHECK(slot->job == job);
    slot->job = NULL;
    job->step = HUNT_IDLE;
    if (slot->ch != NULL) {
        buf_init(&b, 64);
        buf_u64(&b, job->run);
        (void)!ipc_send(slot->ch, MSG_HUNT_DROP, 0, buf_view(&b));
        buf_free(&b);
    }
    job->run = 0;
}

void hunt_refused(struct keeper_hunts *k, struct span body)
{
    struct cursor c = cursor_of(body);
    uint64_t run = cursor_u64(&c);
    struct span why = cursor_str(&c);
    for (size_t i = 0; cursor_done(&c) && i < k->jobs.len; i++) {
        if (k->jobs.data[i]->run == run && run != 0) {
            fail(k->jobs.data[i], why);
            return;
        }
    }
}

/* ---- blocks ---- */

static void counted(struct hunt_job *job)
{
    const struct archive_walk_totals *t = hunt_reader_totals(job->reader);
    job->row.status = HUNT_STATUS_RUNNING;
    job->row.blocks_total = (int64_t)t->blocks;
    job->row.end_day = t->end_day;
    job->row.end_block = t->end_block;
    job->row.retained_from = t->retained_from;
    job->row.retained_to = t->retained_to;
    hunt_save(job, true);
    send_job(job);
}

static void on_read(void *ctx, struct hunt_reader *r, int rc, const struct err *e)
{
    struct hunt_job *job = ctx;
    CHECK(job->reader == r);
    if (rc != 0) {
        fail(job, span_of(e->text));
    } else if (job->step == HUNT_COUNTING) {
        counted(job);
    } else {
        job->next_block = 0;
        hunt_feed(job);
    }
}

/* 0, or ERR_BUSY: the hunter's window is used up. */
static int send_block(struct hunt_job *job, const struct hunt_read_block *block)
{
    struct buf head;
    buf_init(&head, ARCHIVE_HEADER_MAX_BYTES + HUNT_SKIPS_MAX_BYTES + 64);
    buf_u64(&head, job->run);
    buf_u32(&head, (uint32_t)block->day);
    buf_u32(&head, block->block);
    buf_u8(&head, block->context);
    buf_u8(&head, block->body.ptr == NULL);
    buf_str(&head, block->skips);
    buf_str(&head, block->header);
    const struct span parts[2] = {buf_view(&head), block->body};
    int rc = ipc_send_parts(slot_of(job)->ch, MSG_HUNT_BLOCK, 0, parts,
                            block->body.ptr == NULL ? 1 : 2);
    buf_free(&head);
    return rc;
}

static void read_all(struct hunt_job *job)
{
    struct buf b;
    struct buf skips;
    if (job->step == HUNT_EXPLAINING) {
        job->step = HUNT_READING;
        new_reader(job, false);
        hunt_reader_next(job->reader);
        return;
    }
    if (job->outstanding > 0) {
        return;
    }
    job->step = HUNT_ENDING;
    buf_init(&skips, HUNT_SKIPS_MAX_BYTES);
    buf_init(&b, HUNT_SKIPS_MAX_BYTES + 64);
    hunt_reader_take_skips(job->reader, &skips);
    buf_u64(&b, job->run);
    buf_u64(&b, hunt_reader_damaged(job->reader));
    buf_str(&b, buf_view(&skips));
    buf_free(&skips);
    (void)!ipc_send(slot_of(job)->ch, MSG_HUNT_END, 0, buf_view(&b));
    buf_free(&b);
}

void hunt_feed(struct hunt_job *job)
{
    size_t n = 0;
    bool works = job->step == HUNT_EXPLAINING || job->step == HUNT_READING;
    if (!works || slot_of(job)->ch == NULL || hunt_reader_busy(job->reader)) {
        return;
    }
    const struct hunt_read_block *blocks = hunt_reader_blocks(job->reader, &n);
    while (job->next_block < n && job->outstanding < HUNT_AHEAD) {
        int rc = send_block(job, &blocks[job->next_block]);
        if (rc == ERR_LIMIT) {
            log_error("hunt.block", "day=%d block=%u why=\"too large\"",
                      blocks[job->next_block].day, blocks[job->next_block].block);
        } else if (rc != 0) {
            return; /* busy: keeper_hunts_ready; closed: its end is on the way to us */
        } else {
            job->outstanding++;
        }
        job->next_block++;
    }
    if (job->next_block < n) {
        return;
    }
    if (hunt_reader_at_end(job->reader)) {
        read_all(job);
    } else {
        hunt_reader_next(job->reader);
    }
}

/* ---- what the hunter says ---- */

static int take_ready(struct hunt_job *job, struct cursor *c, struct err *e)
{
    bool afresh = cursor_u8(c) != 0;
    struct span problem = cursor_str(c);
    if (!cursor_done(c) || job->step != HUNT_PREPARING) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_READY is wrong");
    }
    if (problem.len > 0) {
        fail(job, problem);
        return 0;
    }
    if (afresh) {
        buf_clear(&job->tally);
        buf_clear(&job->result);
        job->row.day = job->row.block = 0;
        job->row.blocks_done = job->row.events = job->row.matches = 0;
        job->unsaved = true;
    }
    job->step = job->row.block > 0 ? HUNT_EXPLAINING : HUNT_READING;
    new_reader(job, job->step == HUNT_EXPLAINING);
    hunt_reader_next(job->reader);
    return 0;
}

/* Once per try; the reader takes it up with its next step. */
static int take_needs(struct hunt_job *job, struct cursor *c, struct err *e)
{
    struct span query = cursor_str(c);
    bool reads = job->step == HUNT_READING;
    bool starts = job->step == HUNT_PREPARING || job->step == HUNT_EXPLAINING;
    if (!cursor_done(c) || query.len > FILTER_QUERY_MAX_BYTES || job->needs.len > 0 || (!reads && !starts)) {
        return reads || starts ? err_set(e, ERR_INVALID, "MSG_HUNT_NEEDS is wrong") : 0;
    }
    struct arena scratch;
    struct filter_query q;
    arena_init(&scratch, 0);
    int rc = filter_query_decode(query, &scratch, &q, e);
    arena_fini(&scratch);
    rc = rc == 0 && reads ? hunt_reader_look_for(job->reader, query, e) : rc;
    if (rc == 0) {
        buf_span(&job->needs, query);
    }
    return rc;
}

static int take_progress(struct hunt_job *job, struct cursor *c, struct err *e)
{
    int32_t day = (int32_t)cursor_u32(c);
    uint32_t block = cursor_u32(c);
    uint64_t blocks = cursor_u64(c);
    uint64_t events = cursor_u64(c);
    uint64_t matches = cursor_u64(c);
    uint8_t whole = cursor_u8(c);
    struct span tally = cursor_str(c);
    struct span result = cursor_str(c);
    bool counts = job->step == HUNT_READING;
    if (!cursor_done(c) || whole > 1 || job->outstanding == 0 || block == 0 ||
        blocks > INT64_MAX || events > INT64_MAX || matches > INT64_MAX) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_PROGRESS is wrong");
    }
    job->outstanding--;
    job->blocks_now = (int64_t)blocks;
    job->events_now = (int64_t)events;
    job->matches_now = (int64_t)matches;
    bool onward = day > job->row.day || (day == job->row.day && block > job->row.block);
    if (whole == 1 && counts && onward) { /* what only explained, before its block, moves no place */
        job->row.day = day;
        job->row.block = block;
        job->row.blocks_done = job->blocks_now;
        job->row.events = job->events_now;
        job->row.matches = job->matches_now;
        buf_clear(&job->tally);
        buf_clear(&job->result);
        buf_span(&job->tally, tally);
        buf_span(&job->result, result);
        job->unsaved = true;
        job->deaths = 0;
    }
    hunt_save(job, false);
    hunt_feed(job);
    return 0;
}

static int take_result(struct hunt_job *job, struct cursor *c, struct err *e)
{
    uint64_t blocks = cursor_u64(c);
    uint64_t events = cursor_u64(c);
    uint64_t matches = cursor_u64(c);
    uint8_t too_large = cursor_u8(c);
    struct span result = cursor_str(c);
    if (!cursor_done(c) || too_large > 1 || job->step != HUNT_ENDING || blocks > INT64_MAX ||
        events > INT64_MAX || matches > INT64_MAX) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_RESULT is wrong");
    }
    job->row.blocks_done = (int64_t)blocks;
    job->row.events = (int64_t)events;
    job->row.matches = (int64_t)matches;
    if (too_large == 1) {
        fail(job, SPAN("the result is too large: ask for fewer rules and indicators at a time"));
        return 0;
    }
    buf_clear(&job->result);
    buf_span(&job->result, result);
    hunt_end(job, HUNT_STATUS_DONE, SPAN(""), SPAN("sereno"));
    return 0;
}

int hunt_from_hunter(struct keeper_hunts *k, struct hunt_slot *slot, struct ipc_msg *msg,
                     struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint64_t run = cursor_u64(&c);
    struct hunt_job *job = slot->job;
    (void)k;
    if (job == NULL || run != job->run) {
        return 0; /* of a hunt that was cancelled meanwhile */
    }
    switch (msg->type) {
    case MSG_HUNT_READY:
        return take_ready(job, &c, e);
    case MSG_HUNT_NEEDS:
        return take_needs(job, &c, e);
    case MSG_HUNT_PROGRESS:
        return take_progress(job, &c, e);
    case MSG_HUNT_RESULT:
        return take_result(job, &c, e);
    default:
        return 0;
    }
}
