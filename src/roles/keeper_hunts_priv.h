/* SPDX-License-Identifier: EUPL-1.2 */
/* State of the keeper's hunts, shared by keeper_hunts*.c only. */
#ifndef ROLES_KEEPER_HUNTS_PRIV_H
#define ROLES_KEEPER_HUNTS_PRIV_H

#include "base/vec.h"
#include "flow/hunt/hunt.h"
#include "records/ask.h"
#include "records/hunts.h"
#include "roles/hunt_reader.h"
#include "roles/keeper_hunts.h"

enum {
    HUNT_AHEAD = 4,      /* blocks that a hunter has and has not told of: enough that it never waits */
    HUNT_DEATHS_MAX = 3, /* hunters that died at the same block: the fourth would, too */
    HUNT_SAVE_MS = 1000, /* progress to disk and desk at most this often */
};

/* Which step a hunt is at; it is with a hunter from HUNT_COUNTING on. */
enum hunt_step {
    HUNT_IDLE,      /* waits for a hunter */
    HUNT_COUNTING,  /* the archive's headers are read: how much there is */
    HUNT_PREPARING, /* the hunter loads rules and what was counted before */
    HUNT_EXPLAINING, /* goes on: headers of text logs before its block are given again */
    HUNT_READING,
    HUNT_ENDING,    /* all blocks were told of; the result is on its way */
};

/* A hunt that is not ended. Its row is as it was last counted as a whole; texts live in `texts`. */
struct hunt_job {
    struct keeper_hunts *k;
    struct arena texts;
    struct hunt_row row;
    struct span definition;
    struct hunt hunt;     /* of the definition */
    struct buf tally, result;
    struct buf needs;     /* of this try's hunter: which blocks it need not see; empty = all */
    bool unsaved;         /* row, tally and result are newer than the disk */
    time_ns saved_at;     /* monotonic */
    enum hunt_step step;
    uint64_t run;         /* number of this try; 0 = none */
    uint32_t hunter;      /* index of its slot, when with a hunter */
    struct hunt_reader *reader;
    size_t next_block;    /* of the reader's, not sent yet */
    unsigned outstanding; /* sent, not told of */
    unsigned deaths;      /* in a row, without progress */
    int64_t blocks_now, events_now, matches_now; /* told since, without a tally */
};

struct hunt_slot {
    uint32_t instance;
    struct ipc *ch; /* NULL = away */
    struct hunt_job *job;
};

struct keeper_hunts {
    struct role *role;
    struct db *db;
    char archive[4096];
    VEC(struct hunt_job *) jobs; /* oldest first */
    VEC(struct hunt_slot) slots;
    uint64_t last_run; /* numbers of tries; from the clock, so that none of an earlier keeper comes again */
    struct arena scratch;
    struct buf out;
};

/* keeper_hunts.c */
struct hunt_job *hunt_job_new(struct keeper_hunts *k, const struct hunt_row *row,
                              struct span definition, struct span tally, struct span result,
                              struct err *e);
/* Ends a hunt for good and forgets the job. who: of the audit row. */
void hunt_end(struct hunt_job *job, enum hunt_status status, struct span problem, struct span who);
void hunt_save(struct hunt_job *job, bool now);
/* Gives waiting hunts to free hunters. */
void hunts_assign(struct keeper_hunts *k);

/* keeper_hunts_feed.c */
void hunt_begin(struct hunt_job *job);
void hunt_leave_hunter(struct hunt_job *job);
void hunt_feed(struct hunt_job *job);
int hunt_from_hunter(struct keeper_hunts *k, struct hunt_slot *slot, struct ipc_msg *msg,
                     struct err *e) NODISCARD;
void hunt_refused(struct keeper_hunts *k, struct span body);

/* keeper_hunts_ask.c */
void hunts_answer(struct keeper_hunts *k, uint16_t ask, struct cursor *c, struct ipc *ch,
                  uint64_t id);

#endif
