/* SPDX-License-Identifier: EUPL-1.2 */
/* The inside of the supervisor, shared by super*.c only. One thread, one loop; everything lives until the process ends. */
#ifndef ROLES_SUPER_PRIV_H
#define ROLES_SUPER_PRIV_H

#include <sys/types.h>
#include <uv.h>

#include "base/clock.h"
#include "base/vec.h"
#include "roles/copy_file.h"
#include "roles/role.h"
#include "roles/rules_cache.h"
#include "roles/super.h"

enum {
    SUPER_TICK_MS = 500,
    SUPER_BACKOFF_MAX_S =
        60, /* between two starts of a role that keeps dying; begins at 1 and doubles */
    SUPER_STEADY_S = 60,   /* a role that lived this long starts at 1 again */
    SUPER_PING_S = 5,      /* the watchdog asks each role this often */
    SUPER_PONG_MAX_S = 30, /* a role that has not answered for so long is aborted */
    SUPER_START_MAX_S =
        120, /* a role must be ready within; the keeper may have to recover a database */
    SUPER_STOP_MAX_S = 20, /* a role has this long to finish what was taken in */
    SUPER_ABORT_TO_KILL_S = 5,
    SUPER_KILLS_MAX = 3,          /* at the node's end: what is still there then waits in the kernel */
    SUPER_JOURNAL_RETRY_S = 5,    /* also: a journalctl that ends sooner did not like its cursor */
    SUPER_BUNDLE_MAX = 300 << 20, /* bytes of an encoded bundle: BUNDLE_BYTES_MAX and the names */
    SUPER_NOTES_MAX = 64 << 10,   /* bytes of notes that wait for the end of the start */
    SUPER_NOTES_WAIT_S = 20,      /* they wait no longer than this */
    SUPER_CONFIG_MAX = 16 << 20,  /* bytes of one role's config message */
};

/* Name of the control socket in the data folder: commands of whoever owns the data. */
#define SUPER_CONTROL_NAME "control"

enum child_state {
    CHILD_DOWN,     /* not running; `due` says when to start it */
    CHILD_STARTING, /* spawned, not ready */
    CHILD_READY,
    CHILD_STOPPING, /* told to stop; killed at `due` */
    CHILD_DYING,    /* got SIGABRT, or closed its channel; killed at `due` */
    CHILD_GONE,     /* will not be started again */
};

/* Every instance of a role gets it: listening sockets of TCP, of which each connection goes to one of them. */
#define HOLDING_ALL UINT32_MAX

struct super;
struct carry;
struct copy_job;
struct flight;
struct holds;

struct child {
    struct super *super;
    enum role_id role;
    uint32_t instance;
    enum child_state state;
    pid_t pid; /* 0 = none */
    struct ipc *ch;
    time_ns due;       /* monotonic */
    time_ns ready_at;  /* monotonic */
    time_ns pinged_at; /* monotonic, of the last ping */
    time_ns ponged_at; /* monotonic */
    unsigned failures; /* in a row */
    unsigned kills;    /* of this process */
    uint32_t restarts;
    bool has_rules; /* the present rule set was handed to it */
    const struct flight *flight; /* what this intake is doing; NULL: another role, or unknown */
};

/* Something open that belongs to a role: a listening socket that super keeps, or a followed file. */
struct holding {
    enum fd_kind kind;
    enum role_id owner;
    uint32_t instance; /* of the owner, or HOLDING_ALL */
    uint32_t source;
    uint32_t next_source; /* while a new config is being taken in */
    char *name;           /* path or address as configured */
    int fd;               /* sockets: kept open over restarts of the owner; files: -1 */
    dev_t device;         /* files: what was handed over last; 0 = nothing yet */
    ino_t inode;
    off_t begin;          /* files: its size then, or 0 when it appeared under our eyes */
    bool missing_told;
};

/* VEC(struct holding *) with a name, since it travels between functions. */
struct holdings {
    struct holding **data;
    size_t len;
    size_t cap;
};

struct journal {
    bool wanted;        /* some source is a journal */
    pid_t pid;          /* 0 = not running */
    time_ns due;        /* monotonic: start then; TIME_NONE = not planned */
    char cursor[513];   /* start after this entry; empty = from now on */
    char tried[513];    /* the cursor it runs from now; empty = none */
    char refused[513];  /* the last cursor that journalctl did not take */
    time_ns started_at; /* monotonic */
};

struct rules_state {
    uint64_t generation; /* of the set in use; 0 = none yet */
    uint64_t building;   /* generation being compiled; 0 = none */
    bool again;          /* asked for while building */
    bool has_foreign;     /* what is being compiled holds rules that other nodes sent */
    bool without_foreign; /* such rules killed a compiler: left out until others are taken */
    uint64_t address, bytes;
    int fd;             /* sealed region in use, -1 = none */
    struct rules_cache cache;
    bool cached;        /* the cache is open */
    unsigned char key[CACHE_KEY_BYTES];      /* of what is being built, where cached */
    unsigned char used_key[CACHE_KEY_BYTES]; /* of the set in use … */
    bool used_known;                         /* … where that is known */
    bool telling;       /* nothing is compiled: a kept set is told to the keeper */
    bool retell;        /* the keeper may have missed what was told: again, even of the set in use */
    time_ns learnt_at;  /* monotonic: when what intakes learnt was looked at */
    bool distrust;      /* telling a kept set failed: the next one is compiled */
    time_ns started_at; /* monotonic, of the build */
    time_ns retry_at;   /* monotonic, 0 = none */
};

/* A hunt's rules on their way to a hunter. */
struct hunt_build {
    uint64_t run;      /* the keeper's number for this try */
    uint32_t instance; /* of the hunter */
    struct buf rules;  /* as MSG_HUNT_RULES has them: u32 n, n (str name, str text) */
};

struct hunt_builds {
    struct child *compiler; /* instance 1 of that role */
    bool made;              /* it sent its rule set */
    VEC(struct hunt_build) queue; /* the first is being compiled */
};

/* `sereno doctor` at work for the desk. */
struct doctor_run {
    pid_t pid;       /* 0: none */
    int out_fd;      /* memory that it writes its report to */
    time_ns started; /* monotonic */
};

struct super {
    struct super_options options;
    struct config *config;
    char *data_dir;
    int lock_fd;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t signals[4];
    VEC(struct child *) children;
    struct child *compiler;
    struct holdings holdings;
    struct journal journal;
    struct doctor_run doctor;
    struct rules_state rules;
    struct hunt_builds hunts;
    time_ns started;      /* wall clock */
    time_ns started_mono;
    uint64_t watchdog_us; /* of the service manager */
    time_ns watchdog_at;  /* monotonic, last told */
    bool was_up;          /* all roles were ready once */
    struct buf notes;     /* what roles want the operator to read; waits until all are ready */
    bool stopping;
    bool interrupted_twice;
    struct holds *holds;
    struct copy_job *copying; /* NULL: none runs */
    unsigned copy_closing;    /* fds that are being closed on the pool */
    struct carry *carrying;   /* NULL: the courier carries nothing */
    int status;
};

/* super_child.c */
struct child *child_new(struct super *s, enum role_id role, uint32_t instance);
int child_spawn(struct child *c, struct err *e) NODISCARD;
/* Hands over what it needs to begin: peers that run, its config, its fds. */
void child_begin(struct child *c);
/* Connects it with every running role that it talks to. */
void child_connect(struct child *c);
void child_stop(struct child *c);
void child_kill(struct child *c, const char *why);
/* waitpid said so. */
void child_exited(struct child *c, int status);
/* Watchdog, restarts, deadlines. */
void child_tick(struct child *c, time_ns now);
bool child_runs(const struct child *c);
int child_send(struct child *c, uint16_t type, struct span body, const int *fd) NODISCARD;
struct child *super_child(struct super *s, enum role_id role, uint32_t instance);

/* super_fds.c */
/* Opens what the config names and is not open yet, closes what it no longer names. */
int fds_open(struct super *s, const struct config *config, struct err *e) NODISCARD;
/* Hands all of the role's fds to it. */
void fds_hand(struct super *s, struct child *c);
/* Looks for rotated files. */
void fds_tick(struct super *s);
void fds_close_all(struct super *s);

/* super_journal.c */
void journal_want(struct super *s, bool wanted);
/* Starts, or starts again, after the entry of this cursor. */
void journal_from(struct super *s, struct span cursor);
void journal_stop(struct super *s);
void journal_tick(struct super *s, time_ns now);
void journal_exited(struct super *s, int status);

/* super_doctor.c */
/* Starts it, unless it runs; what it says goes to the desk. */
void doctor_start(struct super *s);
/* Whether it has ended. */
void doctor_reap(struct super *s);
void doctor_tick(struct super *s, time_ns now);

/* super_rules.c */
/* Reads the rule files and has them compiled; the present set stays in use meanwhile. */
void rules_build(struct super *s);
void rules_hand(struct super *s, struct child *c);
void rules_on_message(struct super *s, struct ipc_msg *msg);
void rules_compiler_exited(struct super *s, int status);
void rules_tick(struct super *s, time_ns now);

struct bundle;
/* Shipped and own source files. */
void rules_add_sources(struct super *s, struct bundle *b);
/* The bundle as a sealed memfd: too large for a message, and nobody can change it while it is read. */
int rules_to_memfd(struct span bytes, int *fd_out, struct err *e) NODISCARD;

/* super_kept.c */
/* Opens the cache of compiled rules; without one every start compiles, and says why. */
void kept_open(struct super *s);
/* Looks for what would be made of this bundle. True: the rule set in use is that already, or it was taken out and is in use now, and
 * told_fd_out (-1 = nothing to tell) with its bytes are to be told. */
bool kept_use(struct super *s, struct span bundle, int *told_fd_out, uint64_t *bytes_out);
/* MSG_RULES_KEEP. */
void kept_take(struct super *s, struct ipc_msg *msg);

/* A region to be used from now on; takes the fd. False: its address is that of the set in use. */
bool rules_switch_to(struct super *s, uint64_t address, uint64_t bytes, uint64_t generation, int fd);

/* super_learnt.c */
/* MSG_LEARNT: what an intake learnt, kept as it came. */
void learnt_take(struct super *s, const struct child *c, struct span body);
/* Whether some intake knows much more than the rules in use were planned by; if so that is what the next ones are planned by. */
bool learnt_adopt(struct super *s);

/* super_hunts.c */
/* MSG_HUNT_RULES. */
void hunts_build(struct super *s, struct span body);
/* What the compiler of hunts says. */
void hunts_on_message(struct super *s, struct ipc_msg *msg);
void hunts_compiler_exited(struct super *s, int status);

/* super_copy.c */
/* MSG_COPY_OPEN, MSG_COPY_CLOSE: done on a thread of its own, since the place may be a disk elsewhere that does not answer. */
void copy_on_message(struct super *s, struct ipc_msg *msg);
/* Closes it on the pool. */
void copy_close_fd(struct super *s, int fd);
/* A thread of the pool may be waiting for a disk elsewhere. */
bool copy_is_busy(const struct super *s);
/* The answer to it; fd -1 = none. */
void copy_tell(struct super *s, uint16_t asked, int32_t day, enum copy_found found, const char *why, int fd);

/* super_carry.c */
/* The same for a place on the network, where the courier goes. */
void carry_on_message(struct super *s, uint16_t asked, int32_t day, bool whole);
/* MSG_COPY_CARRIED, MSG_COPY_MOVED. */
void carry_on_courier(struct super *s, struct ipc_msg *msg);
/* The courier is gone, and with it what it carried. */
void carry_lost(struct super *s);
/* What waits to be carried is removed, with its folder, when the config names no place on the network any more. */
void carry_tidy(struct super *s);

/* super_hold.c */
void holds_load(struct super *s);

/* super_demo.c: the file of invented logs below the data becomes a source of c; whether what lies there is another than what is followed. */
void demo_add(const struct super *s, struct config *c);
bool demo_changed(const struct super *s);
/* Which sources are on hold, to intakes and keeper; only: to this one. */
void holds_tell(struct super *s, struct child *only);
void holds_give_page(struct child *c);
/* An intake ended: over whose bytes? */
void holds_after(struct child *c, int status);
/* MSG_SOURCE_RELEASE. */
void holds_release(struct super *s, struct span name);

/* super_data.c */
/* Makes the data directory and takes its lock. ERR_BUSY: another node has it. */
int data_open(struct super *s, struct err *e) NODISCARD;

/* super.c */
void super_all_ready(struct super *s);
void super_tell_status(struct super *s);
void super_stop(struct super *s, int status);
void super_stop_next(struct super *s);
void super_on_message(struct child *c, struct ipc_msg *msg);

#endif
