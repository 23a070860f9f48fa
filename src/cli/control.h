/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Asks the running node over the control socket in its data folder: the same interface as the page's
 * (api/routes.def), as an administrator, for whoever may open the socket. Used by the commands that
 * change or ask a node.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    CONTROL_ANSWER_MAX = 24 << 20, /* bytes */
    CONTROL_WAIT_S = 120,          /* for an answer; none of the node's takes longer */
};

struct control_answer {
    unsigned status;
    struct buf body; /* free with buf_free, or both with control_free */
    struct buf head; /* of control_send only */
};

/* data_dir NULL = the default place. body empty = none. ERR_CLOSED: no node runs there; ERR_IO. */
int control_ask(const char *data_dir, const char *method, const char *path, struct span body,
                struct control_answer *out, struct err *e) NODISCARD;

/* As control_ask with a body of another type than JSON, and the head of the answer for whoever looks for one of its fields. */
int control_send(const char *data_dir, const char *method, const char *path, const char *type, struct span body, struct control_answer *out,
                 struct err *e) NODISCARD;
/* A field of the answer's head, by its name in any case; empty = it is not there. */
struct span control_field(const struct control_answer *a, struct span name);
void control_free(struct control_answer *a);

/* "message" of an error answer, made safe for a terminal, on stderr. Returns CLI_UNREAD. */
int control_refused(const struct control_answer *a);

#endif
