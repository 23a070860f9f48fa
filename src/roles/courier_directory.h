/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The courier's errands to directories (LDAP): each on a worker thread, to the one host that the config names. Passwords of people pass
 * through here and are wiped; that of the service account is known here only. Used by courier.c.
 */
#ifndef ROLES_COURIER_DIRECTORY_H
#define ROLES_COURIER_DIRECTORY_H

#include <uv.h>

#include "roles/courier_sign_in.h"

enum { DIRECTORY_UNDER_WAY_MAX = 16 };

struct directory_errands;

struct directory_host {
    void *arg;
    /* An answer: the encoded body of MSG_DIRECTORY_ANSWER. */
    void (*answered)(void *arg, uint64_t id, struct span body);
    /* After directory_errands_stop: nothing is under way any more, and the errands are freed. */
    void (*stopped)(void *arg);
};

/* files: where the service account's password and the authority come from; lives longer. */
struct directory_errands *directory_errands_new(uv_loop_t *loop, const struct directory_host *host, const struct sign_in_errands *files)
    __attribute__((returns_nonnull));
/* Ends all soon, without an answer; then `stopped` is called, at once when nothing is under way. files must live until then no more. */
void directory_errands_stop(struct directory_errands *d);
/* config lives until the next call. */
void directory_errands_configure(struct directory_errands *d, const struct config *config);
/* A body of MSG_DIRECTORY_ASK; wiped by the caller. */
void directory_errands_take(struct directory_errands *d, uint64_t id, struct span body);

#endif
