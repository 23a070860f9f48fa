/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks of a request's header fields that the HTTP library leaves to us: what two programs could
 * read in two ways is refused (RFC 9112 §6.3, RFC 9110 §7.2), and so is a Host that a rebinding
 * attack would bring. Pure; called by the desk for each request before anything else looks at it.
 */
#ifndef API_HEAD_H
#define API_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    HEAD_FIELDS_MAX = 64,
    HEAD_HOSTS_MAX = 32, /* names of the node: of its certificate, of its config */
};

struct head_field {
    struct span name;
    struct span value;
};

struct head {
    struct head_field field[HEAD_FIELDS_MAX];
    size_t count;
    bool overflow; /* more than HEAD_FIELDS_MAX came */
};

/* What is true of this server. */
struct head_policy {
    bool tls;
    size_t nhosts;
    struct span hosts[HEAD_HOSTS_MAX]; /* names it answers to beside localhost and addresses */
};

/* A refusal, with status 0 when there is none. */
struct head_verdict {
    unsigned status;
    const char *code;
    const char *message;
};

/* Value of the first field of that name, without regard to case; empty when there is none. */
struct span head_get(const struct head *h, const char *name);

struct head_verdict head_check(const struct head *h, const struct head_policy *policy,
                               struct span version, bool changes_state, uint64_t body_max_bytes);

/* Value of a cookie (RFC 6265 §4.2.1); empty when it is not there, or there twice. */
struct span head_cookie(const struct head *h, struct span name);

#endif
