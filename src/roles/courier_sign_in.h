/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The courier's errands to providers that sign people in: one HTTPS request each, to a host that the config names for that provider,
 * with the certificate verified against the system's authorities or the one of ca_file; no redirects, bounded answers that are handed on
 * unread. The client's secret is known here only. Used by courier.c.
 */
#ifndef ROLES_COURIER_SIGN_IN_H
#define ROLES_COURIER_SIGN_IN_H

#include <uv.h>

#include "roles/config.h"

enum {
    SIGN_IN_CONNECT_MS = 5 * 1000,
    SIGN_IN_WHOLE_MS = 10 * 1000, /* somebody waits before a page */
    SIGN_IN_UNDER_WAY_MAX = 64,
};

struct sign_in_errands;

struct sign_in_host {
    void *arg;
    /* An answer: the encoded body of MSG_SIGN_IN_FETCHED. */
    void (*fetched)(void *arg, uint64_t id, struct span body);
};

struct sign_in_errands *sign_in_errands_new(uv_loop_t *loop, const struct sign_in_host *host) __attribute__((returns_nonnull));
/* Ends what is under way without an answer. */
void sign_in_errands_free(struct sign_in_errands **s);
/* config lives until the next call. */
void sign_in_errands_configure(struct sign_in_errands *s, const struct config *config);
/* A file of a provider, by its path: the client's secret, or the authority that its certificate is of. Takes fd. */
void sign_in_errands_file(struct sign_in_errands *s, struct span path, int fd);
/* What is in such a file, in the arena; empty: it is not here, or too large. secret: a password, without blanks and line ends around it; the
 * caller wipes it. */
struct span sign_in_errands_read(const struct sign_in_errands *s, struct span path, struct arena *a, bool secret);
/* A body of MSG_SIGN_IN_FETCH. */
void sign_in_errands_take(struct sign_in_errands *s, uint64_t id, struct span body);

#endif
