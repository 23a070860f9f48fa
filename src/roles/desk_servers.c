/* SPDX-License-Identifier: EUPL-1.2 */
/* What both servers of the desk, the page's and the command line's, are told. See desk_priv.h. */
#include "roles/desk_priv.h"

#include "roles/doctor_told.h"

/* Those that are there, into out[2]. Returns how many. */
static size_t servers(const struct desk *d, struct api **out)
{
    size_t n = 0;
    if (d->api != NULL) {
        out[n++] = d->api;
    }
    if (d->control != NULL) {
        out[n++] = d->control;
    }
    return n;
}

void desk_tell_node(struct desk *d)
{
    struct api *all[2];
    size_t n = d->node_known ? servers(d, all) : 0;
    for (size_t i = 0; i < n; i++) {
        api_set_node(all[i], d->node_started, d->node_sandbox, buf_view(&d->node_roles), buf_view(&d->node_metrics));
    }
}

void desk_switched(void *arg, struct span kind, bool on)
{
    const struct desk *d = arg;
    struct api *all[2];
    size_t n = servers(d, all);
    for (size_t i = 0; i < n; i++) {
        api_register_switched(all[i], kind, on);
    }
}

void desk_signed_out(void *arg, struct span person, struct span credential)
{
    const struct desk *d = arg;
    struct api *all[2];
    size_t n = servers(d, all);
    for (size_t i = 0; i < n; i++) {
        api_signed_out(all[i], person, credential);
    }
}

bool desk_examine(void *arg)
{
    const struct desk *d = arg;
    return ipc_send(role_super(d->role), MSG_DOCTOR_ASK, 0, SPAN("")) == 0;
}

void desk_take_doctor(struct desk *d, struct span body)
{
    struct cursor c = cursor_of(body);
    struct doctor_told told;
    struct api *all[2];
    doctor_told_decode(&c, &told);
    size_t n = cursor_done(&c) ? servers(d, all) : 0;
    for (size_t i = 0; i < n; i++) {
        api_set_doctor(all[i], told.at, told.report, told.why);
    }
}
