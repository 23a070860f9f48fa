/* SPDX-License-Identifier: EUPL-1.2 */
/* State of the desk role; desk*.c only. */
#ifndef ROLES_DESK_PRIV_H
#define ROLES_DESK_PRIV_H

#include <fcntl.h>
#include <stdio.h>

#include "api/api.h"
#include "base/vec.h"
#include "desk/identity/totp.h"
#include "desk/notify/notify.h"
#include "roles/desk_fed.h"
#include "roles/desk_sign_in.h"
#include "roles/node_status.h"
#include "roles/role.h"

enum {
    DESK_MAGIC = 0x6465736b,
    DESK_PENDING_MAX = 16384, /* questions that wait for the keeper: people's, and one for each member of a hub */
    DESK_NOTICES_MAX = 256,  /* notices that wait for the courier */
    DESK_NOTICE_MAX = 128 << 10,
    DESK_PEM_MAX = 256 << 10, /* bytes of a certificate with its chain */
    DESK_ADDRESS_MAX = 512,
};

struct pending {
    uint64_t id;
    api_answer *answer;
    void *ctx;
};

struct notice_out {
    uint64_t id;
    struct buf body;
};

/* The letter of reminders that the courier has: desk_reminders.c. */
struct desk_reminders {
    char id[40];
    uint64_t notice; /* 0 = none */
    bool asking;
    time_ns due;
};

struct desk {
    uint32_t magic;
    bool (*ask)(void *arg, struct span question, api_answer *answer, void *ctx); /* the keeper */
    uint64_t (*queue)(void *arg, struct buf *notice); /* for the courier */
    struct desk_reminders reminders;
    struct role *role;
    struct api *api;
    struct api *control; /* the same interface for the command line, on a socket of its own */
    struct arena texts;
    uint64_t next_id;
    VEC(struct pending) pending; /* from pending_head on; the keeper answers in their order */
    size_t pending_head;
    struct desk_fed *fed;
    VEC(struct notice_out) notices;
    struct desk_fetches fetches;
    int listen_fd, cert_fd, key_fd; /* -1 = not here; certificate and key are closed once read */
    int control_fd;
    struct buf cert, key;           /* PEM with a zero */
    unsigned char factor_key[TOTP_KEY_BYTES];
    bool factor_ready;
    bool made_cert;
    bool admin_known; /* the keeper said whether there is an administrator */
    bool loopback;
    char ingest[DESK_ADDRESS_MAX];
    char link[DESK_ADDRESS_MAX];
    struct notify notify;
    time_ns beaten;
    struct node_status node;
    bool node_known;
    time_ns node_started;
    const char *node_sandbox;
    struct buf node_metrics; /* the same for /metrics */
    struct buf node_roles; /* JSON */
};

/* desk_keys.c: reads certificate and key from their fds, which it closes; both empty: makes and stores its own. A bad pair ends
 * the role. */
void desk_take_keys(struct desk *d);
/* DATA/keys/factor.key: 64 hex digits; takes the fd. Without it nobody with a second factor can sign in, and the log says why. */
void desk_take_factor_key(struct desk *d, int fd);
/* desk_servers.c: the page and the command line have a server each. How the roles are, to both. */
void desk_tell_node(struct desk *d);
/* A kind of record goes on or off, in both; arg is the desk. */
void desk_switched(void *arg, struct span kind, bool on);
/* Asks super to have the doctor look; arg is the desk. False: it cannot be asked now. */
bool desk_examine(void *arg);
/* What the doctor said, to both. */
void desk_take_doctor(struct desk *d, struct span body);
/* As api_signed_out, on both. */
void desk_signed_out(void *arg, struct span person, struct span credential);

#endif
