/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Intake: receives, normalises, detects, sorts, compresses; the process that hostile bytes meet. It
 * can open no file and no socket: all it has was handed over by super, all it makes goes to keeper.
 * This file is its start, its messages, its clock and its end; intake_priv.h shows the way of a
 * record.
 */
#include <malloc.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/intake_priv.h"

enum {
    SECOND_MS = 1000,
    INTAKE_ZSTD_LEVEL = 1,
    HEAP_ONE_MAX = 8 << 20, /* bytes of what is taken from the heap; more is mapped alone, and given back */
    HEAP_SPARE = 32 << 20,  /* free bytes at the heap's end that are kept */
};

/*
 * Bodies and windows of megabytes come and go all the time: their memory is kept for the next ones. Given back to the kernel each time,
 * it would have to be cleared and mapped again, page by page.
 */
static void keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, HEAP_ONE_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
}

static int preload(struct role *r, struct err *e)
{
    (void)r;
    keep_memory();
    return sodium_init() >= 0 ? 0 : err_set(e, ERR_IO, "libsodium could not start");
}

static struct intake *state_of(struct role *r)
{
    struct intake *in = role_state(r);
    if (in == NULL) {
        in = mem_alloc(sizeof *in);
        in->role = r;
        in->window_id = 1;
        in->compiled_fd = -1;
        in->sink = (struct receive_sink){in, intake_take, intake_dropped, intake_waits, intake_handles};
        in->follow = follow_new(&in->sink);
        in->folds = folds_new();
        in->window = window_new(INTAKE_ZSTD_LEVEL);
        window_lanes(in->window);
        in->matches = match_writer_new();
        map_init(&in->origins);
        buf_init(&in->stops, 64 << 10);
        buf_init(&in->held, 4 << 20);
        arena_init(&in->origin_keys, 0);
        arena_init(&in->scratch, 0);
        arena_init(&in->told_arena, 0);
        randombytes_buf(&in->start_id, sizeof in->start_id);
        uv_timer_t *timers[] = {&in->window_timer, &in->early_timer, &in->follow_timer, &in->second_timer};
        for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
            MUST(uv_timer_init(role_loop(r), timers[i]));
            timers[i]->data = in;
        }
        MUST(uv_idle_init(role_loop(r), &in->follow_more));
        in->follow_more.data = in;
        role_set_state(r, in);
    }
    return in;
}

/* The end is near when all that was taken in is kept. */
static void try_stop(struct intake *in)
{
    if (in->stopping && !in->stopped && in->unkept.len == 0) {
        in->stopped = true;
        intake_costs_end(in);
        intake_learn_end(in);
        intake_pulse(in);
        role_stopped(in->role);
    }
}

static void on_window_due(uv_timer_t *timer)
{
    struct intake *in = timer->data;
    intake_seal(in);
}

void intake_arm(struct intake *in)
{
    time_ns due = window_due(in->window);
    if (due != TIME_NONE && uv_is_active((const uv_handle_t *)&in->window_timer) == 0) {
        time_ns left = due - clock_mono();
        MUST(uv_timer_start(&in->window_timer, on_window_due,
                            left <= 0 ? 0 : (uint64_t)(left / 1000000), 0));
    }
}

static void on_second(uv_timer_t *timer)
{
    struct intake *in = timer->data;
    if (++in->seconds % FOLD_SECONDS == 0) {
        folds_rotate(in->folds);
    }
    if (folds_due(in->folds)) {
        intake_seal(in);
    }
    intake_drops_tell(in);
    intake_pulse(in);
    intake_costs_tick(in);
    intake_learn_tick(in);
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    struct intake *in = state_of(r);
    (void)e;
    intake_sources_from_config(in, config);
    MUST(uv_timer_start(&in->second_timer, on_second, SECOND_MS, SECOND_MS));
    return 0;
}

static void on_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    (void)instance;
    (void)ch;
    if (peer == ROLE_KEEPER) {
        intake_resend(state_of(r)); /* a keeper that was restarted: what it did not say is kept */
    }
}

static void on_peer_ready(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    (void)instance;
    (void)ch;
    if (peer == ROLE_KEEPER) {
        intake_send(state_of(r));
    }
}

static void on_fd(struct role *r, struct role_fd *f)
{
    intake_fd(state_of(r), f);
}

static int take_rules(struct intake *in, struct ipc *super, struct ipc_msg *msg, struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint64_t address = cursor_u64(&c);
    (void)cursor_u64(&c); /* its size: the seals say it too */
    uint64_t generation = cursor_u64(&c);
    int fd = ipc_msg_take_fd(msg, 0);
    if (!cursor_done(&c) || fd < 0) {
        return err_set(e, ERR_INVALID, "MSG_RULES is wrong");
    }
    int rc = intake_use_rules(in, fd, address, generation, e);
    if (rc != 0) {
        return rc;
    }
    struct buf b;
    buf_init(&b, 8);
    buf_u64(&b, generation);
    if (ipc_send(super, MSG_RULES_IN_USE, 0, buf_view(&b)) != 0) {
        log_warn("rules.in_use", "why=\"super was not told\"");
    }
    buf_free(&b);
    intake_fds_go(in);
    return 0;
}

static int take_positions(struct intake *in, struct span body, struct err *e)
{
    struct archive_position *list;
    struct arena scratch;
    size_t n = 0;
    if (in->have_positions) {
        return 0; /* from a restarted keeper: ours are newer */
    }
    struct span journal = SPAN(""); /* from now on */
    arena_init(&scratch, 0);
    int rc = positions_decode(body, &scratch, &list, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct intake_position p = {0};
        if (span_eq(list[i].name, SPAN("journal"))) {
            journal = list[i].value;
        } else if (intake_drops_position(in, &list[i])) {
            continue;
        } else if (follow_position_decode(list[i].value, &p.at)) {
            p.name = mem_alloc(list[i].name.len + 1);
            memcpy(p.name, list[i].name.ptr, list[i].name.len);
            vec_push(&in->positions, p);
        }
    }
    if (rc == 0 && role_instance(in->role) == 0 && /* the journal is the first one's */
        ipc_send(role_super(in->role), MSG_JOURNAL_FROM, 0,
                            span_sub(journal, 0, JOURNAL_CURSOR_MAX)) != 0) {
        log_warn("journal.from", "why=\"super was not told\"");
    }
    arena_fini(&scratch);
    in->have_positions = rc == 0;
    intake_fds_go(in);
    return rc;
}

static int take_tokens(struct intake *in, struct span body, struct err *e)
{
    struct intake_token *list;
    size_t n = 0;
    arena_reset(&in->told_arena);
    vec_clear(&in->told_tokens);
    struct span copy = arena_copy(&in->told_arena, body);
    int rc = intake_tokens_decode(copy, &in->told_arena, &list, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        vec_push(&in->told_tokens, list[i]);
    }
    in->have_tokens = true;
    if (role_config(in->role) != NULL) {
        intake_sources_from_tokens(in, role_config(in->role));
    }
    return rc;
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    struct intake *in = state_of(r);
    struct window_kept kept;
    struct err e = {0};
    int rc = 0;
    (void)peer;
    (void)instance;
    switch (msg->type) {
    case MSG_RULES:
        rc = take_rules(in, ch, msg, &e);
        break;
    case MSG_POSITIONS:
        rc = take_positions(in, msg->body, &e);
        break;
    case MSG_TOKENS:
        rc = take_tokens(in, msg->body, &e);
        break;
    case MSG_RULES_STOPPED:
        rc = intake_stops_take(in, msg->body, &e);
        break;
    case MSG_FLIGHT:
        intake_flight_take(in, ipc_msg_take_fd(msg, 0));
        break;
    case MSG_SOURCES_HELD:
        rc = intake_held_take(in, msg->body, &e);
        break;
    case MSG_FD_CLOSE:
        intake_fd_close(in, msg->body);
        break;
    case MSG_WINDOW_KEPT:
        rc = window_kept_decode(msg->body, &kept, &e);
        if (rc == 0) {
            intake_kept(in, &kept);
            try_stop(in);
        }
        break;
    default:
        log_debug("message.ignored", "type=%u", msg->type);
        break;
    }
    if (rc != 0) {
        role_fail(r, "reading a message", &e);
    }
}

static void on_reload(struct role *r, const struct config *config)
{
    intake_sources_from_config(state_of(r), config);
}

static void on_stop(struct role *r)
{
    struct intake *in = state_of(r);
    in->stopping = true;
    intake_receive_end(in);
    folds_rotate(in->folds);
    intake_seal(in);
    MUST(uv_timer_stop(&in->window_timer));
    MUST(uv_timer_stop(&in->early_timer));
    try_stop(in);
}

const struct role_ops role_ops_intake = {
    .role = ROLE_INTAKE,
    .profile = SANDBOX_INTAKE,
    .preload = preload,
    .start = start,
    .on_peer = on_peer,
    .on_peer_ready = on_peer_ready,
    .on_fd = on_fd,
    .on_message = on_message,
    .on_reload = on_reload,
    .on_stop = on_stop,
};
