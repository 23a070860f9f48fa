/* SPDX-License-Identifier: EUPL-1.2 */
/* One delivery by libcurl: a mail over SMTP, or a JSON document over HTTP. Blocking; courier.c runs
 * it on a worker thread. */
#ifndef ROLES_COURIER_POST_H
#define ROLES_COURIER_POST_H

#include "base/arena.h"
#include "desk/notify/notify.h"
#include "roles/config.h"

enum {
    POST_CONNECT_MS = 10 * 1000,
    POST_WHOLE_MS = 30 * 1000,
    POST_WHY_MAX = 512,
};

/* Everything a worker needs, copied from config and notice. */
struct post {
    struct arena texts;
    enum notice_way way;
    const char *url;  /* NULL = the config names no such target */
    const char *from; /* mail, the next two too */
    const char **to;
    uint32_t nto;
    struct span body; /* mail: headers and text; else JSON */
    struct span key;  /* of a letter */
};

struct post_result {
    bool delivered;
    bool for_good; /* trying again would not help */
    char why[POST_WHY_MAX];
};

/* Before the sandbox: the libraries read their tables. */
int post_preload(struct err *e) NODISCARD;
void post_init(struct post *p, const struct config *config, const struct notice *n);
void post_free(struct post *p);
bool post_has_target(const struct post *p);
const char *post_way_name(const struct post *p);
/* Sends; returns when it is through or failed. Any thread, one at a time per post. */
void post_send(struct post *p, struct post_result *out);
/* Makes all sends under way, and later ones, fail at once. Any thread. */
void post_stop(void);

#endif
