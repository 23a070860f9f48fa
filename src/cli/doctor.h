/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno doctor`: what is looked at (doctor_machine.c before the cage, doctor_data.c in it), and what is said of it
 * (doctor_judge.c: pure, so that each verdict has a test). doctor.c is the command.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/vec.h"
#include "event/drops.h"
#include "records/copies.h"
#include "records/registers/retention_view.h"
#include "records/upkeep.h"
#include "roles/config.h"

enum {
    DOCTOR_TEXT_MAX = 640,         /* bytes of one sentence */
    DOCTOR_NAME_MAX = 512,         /* of a source's name, made safe for a terminal */
    DOCTOR_SOURCE_LINES_MAX = 100, /* sources with something to say; the rest are counted */
};

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD }; /* also the command's exit status */

struct doctor_line {
    const char *check; /* "disk": a literal */
    enum doctor_state state;
    char says[DOCTOR_TEXT_MAX];
    char advice[DOCTOR_TEXT_MAX]; /* what to do; empty when ok */
};

struct doctor_report {
    VEC(struct doctor_line) lines;
};

struct doctor_source {
    char name[DOCTOR_NAME_MAX];
    int64_t events, dropped, anomalies;
    time_ns last_event; /* of receipt; TIME_NONE = none yet */
    time_ns dropped_at; /* TIME_NONE = none was lost */
    int64_t drops[DROP_COUNT], rate_milli, lag_ms;
    bool has_lag;
    uint32_t silent_after_s;
    bool held;
};

struct doctor_facts {
    time_ns now;

    /* the node */
    bool running, has_config; /* without a config nobody knows what was asked for */
    pid_t pid;
    int landlock; /* version, 0 = none */
    bool caged;   /* false: a build without sandbox */
    bool knows_logs; /* descriptions of log sources are there: shipped, or below DATA/sources */

    /* disk */
    uint64_t disk_free, disk_size; /* bytes, for who runs the node */
    bool disk_read_only;
    uint64_t kept_bytes;
    uint64_t rate;         /* bytes of archive a day; 0 = not known yet */
    int64_t kept_days;     /* from the oldest day file to today, both counted */
    uint32_t keep_days;    /* longest retention of the config; 0 = for ever */

    /* clock */
    bool clock_known, clock_synchronised;
    int64_t clock_error_us;
    time_ns newest_received; /* of the archive's end; TIME_NONE = empty */

    /* chain; a reason that is not empty: it could not be looked at */
    char records_why[DOCTOR_TEXT_MAX], archive_why[DOCTOR_TEXT_MAX];
    bool has_end, knows_end; /* of the archive; what the records know of it */
    int32_t end_day, known_day;
    uint32_t end_link, known_link;
    bool end_differs; /* same place, another hash */
    time_ns sealed_at;
    struct upkeep verified, backed_up;
    bool has_recovery_key;

    /* retention */
    struct trusted_time trusted;
    struct retention_last let_go; /* of records; begun TIME_NONE: never */

    /* the second copy */
    char copy_place[UPKEEP_PLACE_MAX + 1]; /* of the config; empty = none */
    bool copy_is_remote;                   /* a URL: courier carries it */
    struct copy_state copied;              /* there; without a config: anywhere */
    VEC(int32_t) copied_days;              /* ascending */
    int64_t copy_waiting;                  /* days that are over and not there */
    int32_t copy_oldest;                   /* the oldest of them */

    /* sources */
    VEC(struct doctor_source) sources;

    /* limits */
    uint32_t udp_sources;
    int64_t udp_asked, udp_most; /* bytes of socket buffer: asked for; what the system gives */
    bool udp_forced;             /* the node may go beyond it (CAP_NET_ADMIN) */
    int64_t files_open, files_most; /* of the fullest process, or (not running) 0 and what this user may have; -1 = cannot tell */
    char files_role[24];
    int64_t memory_free, memory_size, memory_used; /* bytes; used: all processes of the node, 0 = cannot tell */
};

void doctor_facts_free(struct doctor_facts *f);
/* Machine and config: reads /proc, the lock, the config. config_path NULL: that of the running node. ERR_INVALID: the config. */
int doctor_machine(struct doctor_facts *f, const char *data_dir, const char *config_path, struct config *config,
                   struct err *e) NODISCARD;
/* Records and archive below data_dir; in the cage. What cannot be read stands in *_why. */
void doctor_data(struct doctor_facts *f, const char *data_dir, const struct config *config);
/* One line or more for each check, in a fixed order. */
void doctor_judge(const struct doctor_facts *f, struct doctor_report *out);
enum doctor_state doctor_worst(const struct doctor_report *r);
const char *doctor_state_name(enum doctor_state state);

#endif
