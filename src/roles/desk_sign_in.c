/* SPDX-License-Identifier: EUPL-1.2 */
/* The desk's requests to providers and directories, by the courier: see desk_sign_in.h. Must never log what goes or comes back. */
#include "roles/desk_priv.h"

#include <sodium.h>

bool desk_fetch(void *arg, const struct fetch *f, api_fetched *then, void *ctx)
{
    struct desk *d = arg;
    struct ipc *courier = role_peer(d->role, ROLE_COURIER, 0);
    struct buf b;
    if (courier == NULL || d->fetches.list.len >= DESK_FETCHES_MAX) {
        return false;
    }
    buf_init(&b, 2 * FETCH_FORM_MAX);
    fetch_encode(&b, f);
    bool sent = !b.failed && ipc_send(courier, MSG_SIGN_IN_FETCH, d->next_id + 1, buf_view(&b)) == 0;
    if (sent) {
        vec_push(&d->fetches.list, (struct desk_fetch){.id = ++d->next_id, .then = then, .ctx = ctx});
    }
    sodium_memzero(b.data, b.len); /* a code, and what proves that it is ours */
    buf_free(&b);
    return sent;
}

bool desk_directory(void *arg, const struct directory_ask *q, api_directory_said *said, void *ctx)
{
    struct desk *d = arg;
    struct ipc *courier = role_peer(d->role, ROLE_COURIER, 0);
    struct buf b;
    if (courier == NULL || d->fetches.list.len >= DESK_FETCHES_MAX) {
        return false;
    }
    buf_init(&b, 16 << 10);
    directory_ask_encode(&b, q);
    bool sent = !b.failed && ipc_send(courier, MSG_DIRECTORY_ASK, d->next_id + 1, buf_view(&b)) == 0;
    if (sent) {
        vec_push(&d->fetches.list, (struct desk_fetch){.id = ++d->next_id, .said = said, .ctx = ctx});
    }
    sodium_memzero(b.data, b.len); /* somebody's password */
    buf_free(&b);
    return sent;
}

/* Who waits for it; from a directory or from a provider. */
static bool take(struct desk *d, uint64_t id, bool directory, struct desk_fetch *out)
{
    for (size_t i = 0; i < d->fetches.list.len; i++) {
        if (d->fetches.list.data[i].id == id && directory == (d->fetches.list.data[i].said != NULL)) {
            *out = d->fetches.list.data[i];
            d->fetches.list.data[i] = *vec_last(&d->fetches.list);
            d->fetches.list.len--;
            return true;
        }
    }
    return false;
}

void desk_fetch_take(struct desk *d, const struct ipc_msg *msg)
{
    struct desk_fetch x;
    struct fetched f;
    struct cursor in = cursor_of(msg->body);
    fetched_decode(&in, &f);
    if (!cursor_done(&in)) {
        f = (struct fetched){.why = SPAN("the courier's answer is broken")};
    }
    if (take(d, msg->id, false, &x)) { /* else of a desk before this one, or of somebody who was told already */
        x.then(x.ctx, &f);
    }
}

void desk_directory_take(struct desk *d, const struct ipc_msg *msg)
{
    struct desk_fetch x;
    struct directory_answer f;
    struct arena a;
    struct cursor in = cursor_of(msg->body);
    arena_init(&a, 4096);
    directory_answer_decode(&in, &a, &f);
    if (!cursor_done(&in)) {
        f = (struct directory_answer){.said = DIRECTORY_DOWN, .why = SPAN("the courier's answer is broken")};
    }
    if (take(d, msg->id, true, &x)) {
        x.said(x.ctx, &f);
    }
    arena_fini(&a);
}

void desk_fetch_fail(struct desk *d)
{
    const struct fetched none = {.why = SPAN("the courier is not there")};
    const struct directory_answer nobody = {.said = DIRECTORY_DOWN, .why = SPAN("the courier is not there")};
    while (d->fetches.list.len > 0) {
        struct desk_fetch x = *vec_last(&d->fetches.list);
        d->fetches.list.len--;
        if (x.said != NULL) {
            x.said(x.ctx, &nobody);
        } else {
            x.then(x.ctx, &none);
        }
    }
}
