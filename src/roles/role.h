/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What every role does the same way: start, sandbox, hand-shake with super, peers, watchdog, end.
 *
 *     int keeper_main(...) { static const struct role_ops ops = {...}; return role_run(&ops, &args); }
 *
 * Order of events in a role:
 *   1. preload()                  still outside the sandbox: libraries read their tables, nothing else
 *   2. the sandbox closes
 *   3. on_peer() for each peer    channels to the other roles, as super hands them over
 *   4. start(config)              the role's part of the config; MSG_READY goes to super when it returns 0; what peers sent
 *                                 before that waits
 *   5. on_fd()                    listening sockets, followed files, keys; intake gets MSG_RULES first, and no fd before it
 *   6. on_message(), on_peer(), on_peer_lost(), on_reload() as they come; a peer that died comes back as a new on_peer()
 *   7. on_stop()                  finish what was taken in, then role_stopped(); super stops intake, keeper, desk in this order
 *
 * Runs in: every role but super. One thread; a role's own threads may start from start() on and never touch a channel.
 */
#ifndef ROLES_ROLE_H
#define ROLES_ROLE_H

#include <uv.h>

#include "base/buf.h"
#include "os/ipc.h"
#include "os/sandbox.h"
#include "roles/config.h"
#include "roles/messages.h"

/* What super hands over with MSG_FD. */
enum fd_kind {
    FD_LISTEN_DESK,       /* listening TCP socket of the desk */
    FD_LISTEN_INGEST,     /* listening TCP socket of POST /ingest */
    FD_LISTEN_SYSLOG_TCP, /* listening TCP socket; `source` says which */
    FD_SYSLOG_UDP,        /* bound UDP socket, SO_RXQ_OVFL set */
    FD_FILE,     /* followed file, read-only; comes again with another inode after rotation */
    FD_JOURNAL,  /* pipe with `journalctl -f -o json` lines */
    FD_TLS_CERT, /* certificate chain, PEM; empty and writable = make one and write it */
    FD_TLS_KEY,  /* its private key, PEM; likewise */
    FD_LISTEN_HUB,     /* listening TCP socket for members of the hub */
    FD_LISTEN_CONTROL, /* listening Unix socket below DATA: commands of who owns the data */
    FD_FED_KEY,        /* a key of DATA/keys; `name` is the file's own; empty and writable = make it */
    FD_SIGN_IN_FILE,   /* a provider's client secret or authority; `name` is its path */
    FD_KIND_COUNT
};

enum { FD_NO_SOURCE = UINT32_MAX, FD_NAME_MAX = 4096 };

/*
 * One handed-over fd. The callee of on_fd owns `fd`; `name` lives until on_fd returns. After a reload all come again:
 * one that is known by kind and name only gets its new `source`; MSG_FD_CLOSE tells those that are no more.
 */
struct role_fd {
    enum fd_kind kind;
    uint32_t source;  /* index in config->sources, or FD_NO_SOURCE */
    struct span name; /* path of a file, address of a socket */
    uint64_t device;  /* FD_FILE: identity of the file, for its position */
    uint64_t inode;
    uint64_t size; /* bytes in it when it was opened */
    bool
        from_start; /* FD_FILE without a stored position: true = read it all (rotated in), false = begin at `begin` */
    uint64_t begin; /* FD_FILE: its end when the node first saw it; an intake that died before its first window begins there */
    int fd;
};

void role_fd_encode(struct buf *out, const struct role_fd *f);
/* Reads what role_fd_encode wrote; does not touch f->fd. */
int role_fd_decode(struct span body, struct role_fd *f, struct err *e) NODISCARD;

struct role; /* the running role */

struct role_ops {
    enum role_id role;
    enum sandbox_profile profile;
    /* All may be NULL but start. A failure in preload or start ends the role; super starts it again, later and later. */
    int (*preload)(struct role *r, struct err *e);
    int (*start)(struct role *r, const struct config *config, struct err *e);
    void (*on_peer)(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch);
    /* The channel is dead when this is called; drop every pointer to it. */
    void (*on_peer_lost)(struct role *r, enum role_id peer, uint32_t instance);
    void (*on_fd)(struct role *r, struct role_fd *f);
    /* The config no longer names it (or names another in its place): read what is there to its end, then close.
     * NULL: the message comes to on_message. */
    void (*on_fd_close)(struct role *r, enum fd_kind kind, struct span name);
    /* Messages of peers, and those of super that are not handled here. */
    void (*on_message)(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg);
    /* The peer's window is open again after an ERR_BUSY. */
    void (*on_peer_ready)(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch);
    /* A changed config (SIGHUP); the one given before stays valid until this returns. */
    void (*on_reload)(struct role *r, const struct config *config);
    /* NULL = stop at once. */
    void (*on_stop)(struct role *r);
};

/* What super put on the command line: `--role=NAME --fd=N [--instance=I] [--data=DIR] [--weaker-sandbox]`. */
struct role_args {
    enum role_id role;
    uint32_t instance;
    int super_fd;
    const char *data_dir; /* keeper only */
    bool weaker;
    bool quiet_log; /* own log from warnings on only: a person looks at it */
};

/* Runs the role until it stops. Returns the exit status of the process. */
int role_run(const struct role_ops *ops, const struct role_args *args);

/*
 * For main(): when argv[1] is "--role=…", runs that role out of the table and returns its exit status; else returns -1.
 */
int role_main(int argc, char **argv, const struct role_ops *const *table, size_t count);

/* The roles of the product, for role_main; in main.c, since tests have tables of their own. */
extern const struct role_ops *const role_table[];
extern const size_t role_table_count;

uv_loop_t *role_loop(struct role *r);
/* The role's own state, a pointer that start() sets. */
void role_set_state(struct role *r, void *state);
void *role_state(struct role *r);
uint32_t role_instance(const struct role *r);
const char *role_data_dir(const struct role *r); /* keeper's; NULL elsewhere */
const struct config *role_config(const struct role *r);

/* Channel to a peer, NULL while there is none. */
struct ipc *role_peer(struct role *r, enum role_id peer, uint32_t instance);
struct ipc *role_super(struct role *r);

/* A line for the operator's terminal, printed once by super (the set-up link, the fingerprint of a new certificate). */
void role_note(struct role *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Everything is where it belongs: tells super and ends the loop; nothing of the role is called after it. Call from on_stop or later. */
void role_stopped(struct role *r);

/* Logs the error and ends the process with status 1 at once; super starts the role again. */
_Noreturn void role_fail(struct role *r, const char *doing, const struct err *e);

/* One per role, in its own file. */
extern const struct role_ops role_ops_compiler, role_ops_intake, role_ops_correlator, role_ops_keeper, role_ops_desk,
    role_ops_courier, role_ops_hunter;

#endif
