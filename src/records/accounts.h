/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * People, their sessions, and the one-time set-up token that makes the first of them. Called by the
 * keeper. Secrets never come here: passwords arrive as Argon2id strings, cookies and tokens as
 * hashes.
 */
#ifndef RECORDS_ACCOUNTS_H
#define RECORDS_ACCOUNTS_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "records/db.h"

enum {
    ACCOUNT_HASH_BYTES = 32,    /* of a cookie or token */
    ACCOUNT_NAME_MAX = 64,      /* bytes */
    ACCOUNT_SESSION_ID_LEN = 32, /* hex digits */
    ACCOUNT_SESSIONS_MAX = 20,  /* per person; a new one ends the one unused for longest */
    SESSION_IDLE_S = 12 * 3600, /* a shift with its breaks */
    SESSION_MAX_S = 7 * 86400,  /* then the password again, whatever happened */
    SESSION_TOUCH_S = 60,       /* last_seen is written at most this often */
    SETUP_VALID_S = 24 * 3600,
};

struct account {
    struct span id;
    struct span name;
    struct span password; /* Argon2id string */
    struct span role;     /* name of a file of roles/ or DATA/roles */
    struct span organisation; /* "*" = the whole node */
    bool factor;              /* he has a second factor: a password alone opens nothing */
};

/* What a person may be called: 1 to ACCOUNT_NAME_MAX bytes of UTF-8, no control characters, no
 * blank at an end. */
bool account_name_valid(struct span name);

int account_admin_exists(struct db *db, struct err *e, bool *exists_out) NODISCARD;
/* By name without regard to case. ERR_NOT_FOUND, also for a disabled one. */
int account_by_name(struct db *db, struct span name, struct arena *arena, struct account *out,
                    struct err *e) NODISCARD;

/* Notes a new set-up token; older unused ones die. ERR_EXISTS once there is an administrator. */
int setup_create(struct db *db, struct span hash, time_ns now, struct err *e) NODISCARD;
/* 0 when the token may be used now; ERR_DENIED otherwise, whatever the reason. */
int setup_check(struct db *db, struct span hash, time_ns now, struct err *e) NODISCARD;
/*
 * Uses the token up and makes the first administrator, in one transaction. ERR_DENIED for a token
 * that is not good, ERR_INVALID for the name.
 */
int setup_use(struct db *db, struct span hash, struct span name, struct span password, time_ns now,
              char id_out[ID_TEXT_LEN + 1], struct err *e) NODISCARD;

/*
 * Another person; its id is made here. `who` makes it. Without a password yet: link_hash is of the
 * sign-in link that goes with it (records/people.h), else empty. ERR_INVALID for the name, ERR_EXISTS when
 * somebody is called so.
 */
int account_create(struct db *db, const struct account *account, struct span link_hash,
                   struct span who, time_ns now, char id_out[ID_TEXT_LEN + 1], struct err *e) NODISCARD;

/* Whether somebody, also a disabled one, is called so. */
int account_name_taken(struct db *db, struct span name, bool *taken_out, struct err *e) NODISCARD;
/* Inside the caller's transaction, which notes it: a row as it is; the name is valid. */
int account_put(struct db *db, const struct account *account, time_ns now, struct err *e) NODISCARD;
/* The same inside the caller's transaction. */
int account_create_within(struct db *db, const struct account *account, struct span link_hash, struct span who, time_ns now,
                          char id_out[ID_TEXT_LEN + 1], struct err *e) NODISCARD;

struct factor_proof;
/* proof: of the second factor, used up with it (records/factors.h); NULL = none. ERR_DENIED: one is missing, or it was used. */
int session_create(struct db *db, struct span user_id, struct span hash, struct span address, const struct factor_proof *proof,
                   time_ns now, struct err *e) NODISCARD;
/* Whose session it is; notes that it was used. ERR_DENIED when there is none, it is over, or the
 * person is disabled. */
int session_find(struct db *db, struct span hash, time_ns now, struct arena *arena,
                 struct account *out, struct err *e) NODISCARD;
/* Ends it; fine when there is none. */
int session_end(struct db *db, struct span hash, struct err *e) NODISCARD;
/* One session as its person sees it. */
struct session_row {
    char id[ACCOUNT_SESSION_ID_LEN + 1]; /* begin of the hash, hex: tells sessions apart, opens nothing */
    time_ns created, last_seen;
    struct span address;
};
/* Of one person, those that are not over, newest use first. Room for ACCOUNT_SESSIONS_MAX. */
int session_list(struct db *db, struct span user_id, time_ns now, struct arena *arena, struct session_row *out,
                 uint32_t *count_out, struct err *e) NODISCARD;
/* Ends one of a person's own by its id and tells its hash. ERR_NOT_FOUND, also for another's. */
int session_end_own(struct db *db, struct span user_id, struct span session_id, time_ns now,
                    unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e) NODISCARD;
/* A person's own new password; all his sessions but that of keep_hash end. ERR_NOT_FOUND. */
int account_password_set(struct db *db, struct span user_id, struct span keep_hash, struct span password, time_ns now,
                         struct err *e) NODISCARD;
/* Removes sessions that are over; called now and then. */
int session_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

#endif
