/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Personal fields that somebody had shown to him: for which kind of record or which one, by session or API token, until when.
 * In the desk's memory only, bounded: a restart masks all again. Pure: the caller brings the clock. Called by api/, which has the
 * reason recorded before anything is added here.
 */
#ifndef DESK_IDENTITY_SHOWN_H
#define DESK_IDENTITY_SHOWN_H

#include "base/arena.h"
#include "base/clock.h"
#include "desk/identity/secret.h"
#include "policy/policy.h"

enum {
    SHOWN_MINUTES = 15,    /* so long fields stay shown */
    SHOWN_REASON_MIN = 10, /* characters of a reason */
    SHOWN_REASON_MAX = 500, /* bytes */
    SHOWN_EACH_MAX = 32,   /* of one session or token at once; the one that ends first makes room */
    SHOWN_ALL_MAX = 4096,  /* of a node, likewise */
    SHOWN_NAME_MAX = 40,   /* bytes of a kind's name and of a record's id */
};

struct shown;

/* What a session or token had shown, and until when each. */
struct shown_part {
    struct policy_shown what;
    time_ns until;
};

struct shown *shown_new(void);
void shown_free(struct shown **s);
/* credential: SECRET_HASH_BYTES, the hash of cookie or token. Again the same goes on until the later time. Longer names: passed over. */
void shown_add(struct shown *s, const unsigned char *credential, const struct policy_shown *what, time_ns until, time_ns now);
/* As shown_add, with the reason that was given; it goes with the entry. */
void shown_add_why(struct shown *s, const unsigned char *credential, const struct policy_shown *what, struct span why, time_ns until, time_ns now);
/* The reason why a record is shown now, by its own name or since its kind is; empty: there is none. Borrowed until the next shown_add. */
struct span shown_why(const struct shown *s, const unsigned char *credential, struct span kind, struct span record, time_ns now);
/* What is shown now, at most SHOWN_EACH_MAX; texts and list live in a. Returns how many. */
uint32_t shown_of(const struct shown *s, const unsigned char *credential, time_ns now, struct arena *a, struct shown_part **out);
/* Whether just this stands now. */
bool shown_has(const struct shown *s, const unsigned char *credential, const struct policy_shown *what, time_ns now);
/* What stands for a search that was recorded: "?" is no kind, and the record is the hash of what was looked for, in buf of 33 bytes. */
struct policy_shown shown_search(struct span where, struct span terms, char *buf);
/* Masks all again. */
void shown_end(struct shown *s, const unsigned char *credential);
/* A reason as it must be: one line of SHOWN_REASON_MIN characters to SHOWN_REASON_MAX bytes of UTF-8 that says something. */
bool shown_reason_fits(struct span reason);

#endif
