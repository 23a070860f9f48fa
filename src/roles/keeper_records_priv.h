/* SPDX-License-Identifier: EUPL-1.2 */
/* State of the keeper's records half, shared by keeper_records*.c only. */
#ifndef ROLES_KEEPER_RECORDS_PRIV_H
#define ROLES_KEEPER_RECORDS_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "desk/identity/people_role.h"
#include "records/appointments.h"
#include "records/demo.h"
#include "records/fed_warnings.h"
#include "records/records.h"
#include "records/registers/record_room.h"
#include "records/registers/record_retention.h"
#include "roles/keeper_records.h"

enum {
    KEEPER_RECORDS_MAGIC = 0x6b726563,
    KEEPER_RATE_S = 60,  /* the last minute, by seconds */
    KEEPER_LIVE_S = 300, /* a source is live that brought something within five minutes */
    KEEPER_PULSE_S = 5,
    KEEPER_FLUSH_S =
        30, /* counters to disk at most this late; what a crash loses is recounted by nobody */
    KEEPER_SWEEP_S = 600,
    KEEPER_RULE_MAX = 16 << 20, /* bytes of one encoded rule, as the message table has it */
    KEEPER_RULES_BATCH =
        120 << 10, /* bytes of rules stored in one transaction: a commit costs milliseconds, windows wait meanwhile */
};

/* Counters of one source, with the last minute by seconds. */
/* Rule of the alerts that say a source is silent; no file of rules/ has it. */
#define KEEPER_SILENT_RULE "sereno-source-silent"

struct keeper_source {
    struct arena texts; /* of row */
    struct source_row row;
    bool dirty;
    uint32_t silent_after_s; /* 0: it may be silent */
    int64_t second[KEEPER_RATE_S];
    int64_t second_at[KEEPER_RATE_S]; /* which second each slot counts */
    double lag_ms[KEEPER_RATE_S];     /* sums over lag_events of the same second */
    int64_t lag_events[KEEPER_RATE_S];
};

struct keeper_records {
    uint32_t magic;
    struct db *db;
    struct keeper_records_hooks hooks;
    char *data_dir;
    struct ipc *desk;
    struct arena scratch; /* of one message */
    struct buf out;
    VEC(struct keeper_source *) sources;
    struct map by_name;
    int64_t unknown, matches_lost;
    struct buf rules;         /* encoded, not stored yet */
    uint64_t rules_told;      /* the compiler's number of the generation that comes in, 0 = none */
    int64_t rules_generation; /* ours for it */
    time_ns pulsed, flushed, swept;
    time_ns watching; /* since when silence is noticed: what came before may have come while no node ran */
    time_ns warned;      /* newest warning that the desk was told of; 0 = it was told of none yet */
    struct buf role_files;   /* the city's own files of people's roles, as ASK_ROLES answers */
    struct people_roles *roles;
    struct buf registers;    /* the city's own register files, as ASK_REGISTERS answers */
    struct registers *kinds; /* all kinds, read at start */
    struct record_room room; /* imports on their way */
    time_ns tidied;          /* when something of imports was last forgotten, or looked for */
    bool tidy;               /* more of them has to go */
    enum demo_stage demo;    /* of the invented city, and the name of its load */
    char demo_source[DEMO_SOURCE_MAX + 1];
    struct arena kept;       /* of one answer, where the scratch is used on the way */
    struct appointment_seat seats[POLICY_SEATS_MAX]; /* of the account that was asked for last, in scratch */
    uint32_t nseats;
    bool linked; /* the account is somebody's of whom there may be appointments */
    struct arena own_names;  /* of own_days */
    struct retention_days *own_days;
    uint32_t nown_days;
    struct buf reads;        /* encoded read_notes that wait to be written */
    uint32_t nreads;
    bool erasing;            /* a run of retention is on its way */
    time_ns erased_at;       /* when the last one began; 0 = none since the start */
    struct retention_run erase_run;
    time_ns clock_at;        /* when the clock was looked at last; 0 = anew */
    bool clock_fits, clock_told;
    int64_t taken_mark;  /* what was in force when its files were made */
};

/* keeper_costs.c */
int keeper_costs_take(struct keeper_records *kr, struct span body, struct err *e) NODISCARD;
int keeper_stop_take(struct keeper_records *kr, struct span body, struct err *e) NODISCARD;
/* Tells the intakes which rules are stopped. */
void keeper_tell_stops(struct keeper_records *kr);
int keeper_answer_costs(struct keeper_records *kr, struct cursor *c, struct err *e) NODISCARD;
int keeper_answer_resume(struct keeper_records *kr, struct cursor *c, struct err *e) NODISCARD;
int keeper_answer_metrics(struct keeper_records *kr, struct cursor *c, struct err *e) NODISCARD;

/* keeper_registers.c: what is left of imports goes, a little at a time. */
void keeper_registers_tick(struct keeper_records *kr, time_ns now);

/* keeper_today.c */
int keeper_answer_today(struct keeper_records *kr, struct cursor *c, struct err *e) NODISCARD;

/* keeper_sources.c */
void keeper_sources_load(struct keeper_records *kr, struct err *e);
void keeper_sources_flush(struct keeper_records *kr);
int keeper_answer_release(struct keeper_records *kr, struct cursor *c, struct err *e) NODISCARD;
/* Which sources are silent, or no more. */
void keeper_sources_watch(struct keeper_records *kr, time_ns now);
int64_t keeper_source_rate(const struct keeper_source *s, time_ns now);
void keeper_sources_free(struct keeper_records *kr);

/* keeper_answers.c */
void keeper_answer(struct keeper_records *kr, struct ipc *ch, const struct ipc_msg *msg);
void keeper_tell_tokens(struct keeper_records *kr);
int keeper_status(struct keeper_records *kr, time_ns now, struct keeper_status *out,
                  struct err *e) NODISCARD;
/* Tells the desk of a warning that is new or changed. */
void keeper_tell_warning(struct keeper_records *kr, const struct fed_warning_row *row);
/* Tells the desk of an alert. */
void keeper_tell_alert(struct keeper_records *kr, enum ask_event kind, const struct alert_row *row);

#endif
