/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows of intake: sealed, sent to keeper, kept in memory until keeper has them on disk, sent
 * again to a keeper that was restarted. Only then senders are told. Runs in intake.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/intake_priv.h"

/* What goes with the blocks of one window. */
struct parts {
    struct intake *in;
    struct arena arena;
    VEC(struct archive_alert_in) alerts;
    size_t alert_bytes;
    VEC(struct archive_position) positions;
    struct buf matches;
};

static void place(void *ctx, uint32_t arrival, uint32_t *block_out, uint32_t *index_out)
{
    struct parts *p = ctx;
    window_place(p->in->window, arrival, block_out, index_out);
}

static void emit(void *ctx, const struct archive_alert_in *in)
{
    struct parts *p = ctx;
    struct archive_alert_in copy = *in;
    copy.body = arena_copy(&p->arena, in->body);
    p->alert_bytes += copy.body.len;
    vec_push(&p->alerts, copy);
}

static void note_position(void *ctx, struct span name, struct span at)
{
    struct parts *p = ctx;
    struct archive_position position = {arena_copy(&p->arena, name), arena_copy(&p->arena, at)};
    vec_push(&p->positions, position);
}

static void queue(struct intake *in, const struct archive_window *w)
{
    struct intake_sent s = {.id = w->id};
    buf_init(&s.body, WINDOW_MESSAGE_MAX);
    window_encode(&s.body, w);
    CHECK(!s.body.failed); /* bounded by the window's own limits */
    in->unkept_bytes += s.body.len;
    intake_shares_take(in, &s);
    vec_push(&in->unkept, s);
}

void intake_seal(struct intake *in)
{
    if (window_count(in->window) == 0 && !folds_due(in->folds)) {
        return;
    }
    struct parts p = {.in = in};
    struct archive_window w = {
        .intake = in->start_id, .id = in->window_id, .received = clock_now()};
    arena_init(&p.arena, 0);
    window_seal(in->window, &w.blocks, &w.nblocks);
    folds_seal(in->folds, in->window_id, place, emit, &p);
    follow_positions(in->follow, note_position, &p);
    intake_drops_positions(in, note_position, &p);
    buf_init(&p.matches, MATCHES_MAX_BYTES);
    match_writer_seal(in->matches, place, &p, &p.matches);
    CHECK(!p.matches.failed); /* the writer keeps to the same limit */
    w.matches = buf_view(&p.matches);
    w.alerts = p.alerts.data;
    w.nalerts = p.alerts.len;
    w.positions = p.positions.data;
    w.npositions = p.positions.len;
    queue(in, &w);
    window_reset(in->window);
    in->window_id++;
    buf_free(&p.matches);
    vec_free(&p.alerts);
    vec_free(&p.positions);
    arena_fini(&p.arena);
    intake_send(in);
}

static void on_early(uv_timer_t *timer)
{
    struct intake *in = timer->data;
    /* With one on its way the next gathers meanwhile: as many windows as the disk takes, no more. */
    if (in->unkept.len == 0 && window_bytes(in->window) >= WINDOW_EARLY_BYTES && in->http != NULL && http_receiver_pressed(in->http)) {
        intake_seal(in);
    }
}

void intake_seal_early(struct intake *in)
{
    if (!in->stopping) { /* begun anew by each who comes */
        MUST(uv_timer_start(&in->early_timer, on_early, WINDOW_EARLY_MS, 0));
    }
}

uint64_t intake_window_of_last(void *ctx)
{
    struct intake *in = ctx;
    intake_seal_early(in);
    return window_count(in->window) > 0 ? in->window_id : in->window_id - 1;
}

bool intake_is_busy(void *ctx, uint32_t source)
{
    struct intake *in = ctx;
    bool busy = in->paused || in->stopping || intake_waits(in, source);
    in->sources.data[source]->waits += busy;
    return busy;
}

void intake_send(struct intake *in)
{
    struct ipc *keeper = role_peer(in->role, ROLE_KEEPER, 0);
    for (size_t i = 0; keeper != NULL && i < in->unkept.len; i++) {
        struct intake_sent *s = &in->unkept.data[i];
        if (s->sent) {
            continue;
        }
        if (ipc_send(keeper, MSG_WINDOW, s->id, buf_view(&s->body)) != 0) {
            break; /* its window is used up: on_peer_ready; or it is gone: the next one gets it all
                    */
        }
        s->sent = true;
    }
    if (in->unkept_bytes > INTAKE_UNKEPT_MAX && !in->paused) {
        intake_pause(in, true);
    }
}

void intake_resend(struct intake *in)
{
    for (size_t i = 0; i < in->unkept.len; i++) {
        in->unkept.data[i].sent = false;
    }
    intake_send(in);
}

void intake_kept(struct intake *in, const struct window_kept *k)
{
    if (k->intake != in->start_id) {
        return;
    }
    for (size_t i = 0; i < in->unkept.len; i++) {
        if (in->unkept.data[i].id == k->id) {
            in->unkept_bytes -= in->unkept.data[i].body.len;
            intake_shares_give_back(in, &in->unkept.data[i]);
            buf_free(&in->unkept.data[i].body);
            memmove(&in->unkept.data[i], &in->unkept.data[i + 1],
                    (in->unkept.len - i - 1) * sizeof in->unkept.data[0]);
            in->unkept.len--;
            break;
        }
    }
    folds_kept(in->folds, k->id, k->kept.day, k->kept.first_block);
    if (in->http != NULL) { /* all before the oldest that is not yet kept */
        http_receiver_kept(in->http,
                           in->unkept.len > 0 ? in->unkept.data[0].id - 1 : in->window_id - 1);
        if (http_receiver_waiting(in->http) > 0) {
            intake_seal_early(in);
        }
    }
    if (in->paused && in->unkept_bytes < INTAKE_UNKEPT_MAX / 2) {
        intake_pause(in, false);
    }
}
