/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hunter: looks for something in the archive. It gets the rules of one hunt as a sealed region (compiler, by way of
 * super) and packed blocks (keeper), and tells what it counted, so that another hunter can go on should this one die.
 * Blocks hold what anybody sent, so it can open nothing and connect to nothing; it runs at low priority, behind the watch.
 */
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "archive/filter.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/hunt/hunt_run.h"
#include "os/region.h"
#include "records/hunts.h"
#include "roles/compile.h"
#include "roles/role.h"

enum {
    HUNTER_NICE = 10,     /* a tenth of what a busy intake gets; lower, and the watchdog could miss it */
    HUNTER_TALLY_MS = 500, /* what is counted is told this often: so much is done again after a death */
    HUNTER_TALLY_BYTES_MS = 1024, /* and no more of it than so many bytes a millisecond: windows may hold much */
};

struct hunter {
    struct role *role;
    /* what is looked for */
    uint64_t job; /* 0 = nothing */
    struct arena texts;
    struct hunt hunt;
    struct span tally;
    time_ns retained_from, retained_to;
    /* by which rules */
    const struct compiled *compiled;
    int compiled_fd;
    uint64_t generation;
    struct hunt_run *run; /* once both are here */
    time_ns told;         /* monotonic, when the tally was */
    size_t told_bytes;    /* how large it was */
};

static int preload(struct role *r, struct err *e)
{
    (void)r;
    if (sodium_init() < 0) {
        return err_set(e, ERR_IO, "libsodium could not start");
    }
    if (setpriority(PRIO_PROCESS, 0, HUNTER_NICE) != 0) {
        return err_set(e, ERR_IO, "the priority could not be lowered");
    }
    return 0;
}

static struct hunter *state_of(struct role *r)
{
    struct hunter *h = role_state(r);
    if (h == NULL) {
        h = mem_alloc(sizeof *h);
        h->role = r;
        h->compiled_fd = -1;
        arena_init(&h->texts, 0);
        role_set_state(r, h);
    }
    return h;
}

static void forget_rules(struct hunter *h)
{
    hunt_run_free(&h->run);
    if (h->compiled != NULL) {
        region_unmap(h->compiled_fd, h->compiled);
        (void)close(h->compiled_fd);
        h->compiled = NULL;
        h->compiled_fd = -1;
        h->generation = 0;
    }
}

static void forget_job(struct hunter *h)
{
    hunt_run_free(&h->run);
    h->job = 0;
    arena_reset(&h->texts);
    h->hunt = (struct hunt){0};
    h->tally = SPAN("");
}

static void tell(struct hunter *h, uint16_t type, const struct buf *b)
{
    struct ipc *keeper = role_peer(h->role, ROLE_KEEPER, 0);
    if (keeper != NULL && ipc_send(keeper, type, 0, buf_view(b)) != 0) {
        log_warn("hunt.send", "why=\"the keeper is gone\""); /* its successor asks again */
    }
}

static void tell_ready(struct hunter *h, uint64_t job, bool afresh, const char *problem)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_u64(&b, job);
    buf_u8(&b, afresh);
    buf_str(&b, span_of(problem));
    tell(h, MSG_HUNT_READY, &b);
    buf_free(&b);
}

/* Once it is known: which blocks need not be read. */
static void tell_needs(struct hunter *h)
{
    struct buf needs;
    buf_init(&needs, FILTER_QUERY_MAX_BYTES);
    if (hunt_run_needs(h->run, &needs)) {
        struct buf b;
        buf_init(&b, FILTER_QUERY_MAX_BYTES + 16);
        buf_u64(&b, h->job);
        buf_str(&b, buf_view(&needs));
        tell(h, MSG_HUNT_NEEDS, &b);
        buf_free(&b);
    }
    buf_free(&needs);
}

/* ---- the start ---- */

static enum source_format format_of(enum source_kind kind)
{
    return kind == SOURCE_SYSLOG_TCP || kind == SOURCE_SYSLOG_UDP ? FORMAT_SYSLOG : FORMAT_JSON;
}

static void tell_sources(struct hunter *h)
{
    const struct config *c = role_config(h->role);
    for (uint32_t i = 0; i < c->nsources; i++) {
        if (c->sources[i].kind != SOURCE_FILE || c->sources[i].source.len > 0) {
            hunt_run_source(h->run, c->sources[i].name, format_of(c->sources[i].kind),
                            c->sources[i].source);
        }
    }
}

static int make_run(struct hunter *h, struct err *e)
{
    const struct hunt_run_parts parts = {&h->hunt, h->compiled->catalog, h->compiled->ruleset,
                                         h->compiled->hunt};
    int rc = hunt_run_new(&parts, &h->run, e);
    if (rc == 0) {
        tell_sources(h);
        hunt_run_retained(h->run, h->retained_from, h->retained_to);
    }
    return rc;
}

/* Once job and rules are here, in whatever order they came. */
static void begin(struct hunter *h)
{
    struct err e = {0};
    bool afresh = false;
    if (h->job == 0 || h->generation != h->job || h->run != NULL) {
        return;
    }
    int rc = make_run(h, &e);
    if (rc == 0 && h->tally.len > 0 && hunt_run_restore(h->run, h->tally, &e) != 0) {
        log_warn("hunt.afresh", "why=\"%s\"", e.text);
        afresh = true;
        hunt_run_free(&h->run);
        rc = make_run(h, &e);
    }
    h->told = clock_mono();
    tell_ready(h, h->job, afresh, rc == 0 ? "" : e.text);
    if (rc != 0) {
        forget_job(h);
    } else {
        tell_needs(h);
    }
}

static void take_job(struct hunter *h, struct span body)
{
    struct err e = {0};
    forget_job(h);
    struct cursor c = cursor_of(arena_copy(&h->texts, body));
    uint64_t job = cursor_u64(&c);
    h->retained_from = (time_ns)cursor_u64(&c);
    h->retained_to = (time_ns)cursor_u64(&c);
    struct span definition = cursor_str(&c);
    h->tally = cursor_str(&c);
    int rc = cursor_done(&c) ? hunt_decode(definition, &h->texts, &h->hunt, &e)
                             : err_set(&e, ERR_INVALID, "the hunt is broken");
    if (rc != 0) {
        tell_ready(h, job, false, e.text);
        forget_job(h);
        return;
    }
    h->job = job;
    begin(h);
}

static int take_rules(struct hunter *h, struct ipc_msg *msg, struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint64_t address = cursor_u64(&c);
    (void)cursor_u64(&c); /* its size: the seals say it too */
    uint64_t generation = cursor_u64(&c);
    int fd = ipc_msg_take_fd(msg, 0);
    if (!cursor_done(&c) || fd < 0) {
        return err_set(e, ERR_INVALID, "MSG_RULES is wrong");
    }
    forget_rules(h);
    const struct compiled *next = region_map(fd, (void *)(uintptr_t)address, e);
    if (next == NULL || next->magic != COMPILED_MAGIC || next->hunt == NULL) {
        (void)close(fd);
        return next == NULL ? ERR_INVALID
                            : err_set(e, ERR_INVALID, "what the compiler made is not of a hunt");
    }
    h->compiled = next;
    h->compiled_fd = fd;
    h->generation = generation;
    begin(h);
    return 0;
}

/* ---- the work ---- */

static void tell_progress(struct hunter *h, int32_t day, uint32_t block)
{
    struct hunt_run_progress p;
    struct buf b;
    struct buf tally;
    struct buf result;
    time_ns now = clock_mono();
    bool whole = now - h->told >= ((time_ns)HUNTER_TALLY_MS + (time_ns)(h->told_bytes / HUNTER_TALLY_BYTES_MS)) * 1000000;
    buf_init(&b, HUNTS_TALLY_MAX + HUNTS_RESULT_MAX + 4096);
    buf_init(&tally, HUNTS_TALLY_MAX);
    buf_init(&result, HUNTS_RESULT_MAX);
    hunt_run_progress(h->run, &p);
    if (whole) {
        h->told = now;
        hunt_run_tally(h->run, &tally);
        hunt_run_result(h->run, false, &result);
        h->told_bytes = tally.len;
        whole = !tally.failed && !result.failed; /* too much to keep: a death costs it all, no more */
    }
    buf_u64(&b, h->job);
    buf_u32(&b, (uint32_t)day);
    buf_u32(&b, block);
    buf_u64(&b, p.blocks);
    buf_u64(&b, p.events);
    buf_u64(&b, p.matches);
    buf_u8(&b, whole);
    buf_str(&b, whole ? buf_view(&tally) : SPAN(""));
    buf_str(&b, whole ? buf_view(&result) : SPAN(""));
    tell(h, MSG_HUNT_PROGRESS, &b);
    buf_free(&b);
    buf_free(&tally);
    buf_free(&result);
}

static int take_block(struct hunter *h, struct span body, struct err *e)
{
    struct archive_header header;
    struct cursor c = cursor_of(body);
    uint64_t job = cursor_u64(&c);
    int32_t day = (int32_t)cursor_u32(&c);
    uint32_t block = cursor_u32(&c);
    uint8_t context = cursor_u8(&c);
    uint8_t purged = cursor_u8(&c);
    struct span skips = cursor_str(&c);
    struct span head = cursor_str(&c);
    struct span packed = cursor_take(&c, cursor_left(&c));
    if (c.failed || context > 1 || purged > 1) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_BLOCK is wrong");
    }
    if (job != h->job || h->run == NULL) {
        return 0; /* of a hunt that was cancelled meanwhile */
    }
    c = cursor_of(head);
    int rc = archive_header_decode(&c, &header, e);
    rc = rc == 0 ? hunt_run_skipped(h->run, skips, e) : rc;
    if (rc != 0) {
        return rc;
    }
    hunt_run_block(h->run, &header, purged ? span_make(NULL, 0) : packed,
                   context ? HUNT_BLOCK_CONTEXT : HUNT_BLOCK_COUNT);
    tell_progress(h, day, block);
    tell_needs(h);
    return 0;
}

static int take_end(struct hunter *h, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint64_t job = cursor_u64(&c);
    uint64_t damaged = cursor_u64(&c);
    struct span skips = cursor_str(&c);
    struct hunt_run_progress p;
    struct buf b;
    struct buf result;
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_END is wrong");
    }
    if (job != h->job || h->run == NULL) {
        return 0;
    }
    int rc = hunt_run_skipped(h->run, skips, e);
    if (rc != 0) {
        return rc;
    }
    hunt_run_damaged(h->run, damaged);
    hunt_run_progress(h->run, &p);
    buf_init(&result, HUNTS_RESULT_MAX);
    buf_init(&b, HUNTS_RESULT_MAX + 4096);
    hunt_run_result(h->run, true, &result);
    buf_u64(&b, job);
    buf_u64(&b, p.blocks);
    buf_u64(&b, p.events);
    buf_u64(&b, p.matches);
    buf_u8(&b, result.failed);
    buf_str(&b, result.failed ? SPAN("") : buf_view(&result));
    tell(h, MSG_HUNT_RESULT, &b);
    buf_free(&b);
    buf_free(&result);
    forget_job(h);
    forget_rules(h);
    return 0;
}

static int take_drop(struct hunter *h, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint64_t job = cursor_u64(&c);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "MSG_HUNT_DROP is wrong");
    }
    if (job == h->job) {
        forget_job(h);
        forget_rules(h);
    }
    return 0;
}

/* ---- the role ---- */

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    (void)peer, (void)instance, (void)ch;
    struct hunter *h = state_of(r);
    struct err e = {0};
    int rc = 0;
    switch (msg->type) {
    case MSG_RULES:
        rc = take_rules(h, msg, &e);
        break;
    case MSG_HUNT_JOB:
        take_job(h, msg->body);
        break;
    case MSG_HUNT_BLOCK:
        rc = take_block(h, msg->body, &e);
        break;
    case MSG_HUNT_END:
        rc = take_end(h, msg->body, &e);
        break;
    case MSG_HUNT_DROP:
        rc = take_drop(h, msg->body, &e);
        break;
    default:
        log_debug("message.ignored", "type=%u", msg->type);
        break;
    }
    if (rc != 0) {
        role_fail(r, "reading a message", &e);
    }
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    (void)config, (void)e;
    (void)state_of(r);
    return 0;
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    (void)instance;
    if (peer == ROLE_KEEPER) {
        forget_job(state_of(r)); /* the next keeper knows how far it was told */
    }
}

const struct role_ops role_ops_hunter = {
    .role = ROLE_HUNTER,
    .profile = SANDBOX_HUNTER,
    .preload = preload,
    .start = start,
    .on_message = on_message,
    .on_peer_lost = on_peer_lost,
};
