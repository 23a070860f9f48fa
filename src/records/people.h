/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Accounts as those who manage people see them, and the one-time sign-in links with which somebody chooses his own password.
 * Called by the keeper. Every function that takes `organisation` sees only accounts of it ("*" = all): another's is
 * ERR_NOT_FOUND. Each change is in the audit trail. Secrets never come here: links are hashes, passwords Argon2id strings.
 */
#ifndef RECORDS_PEOPLE_H
#define RECORDS_PEOPLE_H

#include "base/buf.h"
#include "records/accounts.h"

enum {
    PEOPLE_PAGE_MAX = 200,
    PEOPLE_WORDS_MAX = 64,                /* bytes of a search for a name */
    SIGN_IN_LINK_VALID_S = 3 * 24 * 3600, /* a weekend between asking for an account and coming to work */
};

struct person {
    struct span id, name, role, organisation;
    time_ns created;
    time_ns disabled;  /* TIME_NONE = may sign in */
    time_ns last_seen; /* of his sessions that are there; TIME_NONE = none */
    time_ns link;      /* until when an unused link works; TIME_NONE = there is none */
    bool password;     /* he has chosen one */
    bool factor;       /* and has a second factor */
    struct span record; /* whose person record the account is (appointments.h); empty = nobody's */
};

struct people_query {
    struct span organisation;
    struct span words; /* part of a name; empty = all */
    struct span after; /* id of the last one of the page before; empty = from the first */
    struct span only;  /* id of the one that is asked for; empty = all */
    uint32_t limit;    /* 1 to PEOPLE_PAGE_MAX */
};

/* By name; *more_out: there are further ones. */
int people_list(struct db *db, const struct people_query *q, time_ns now, struct arena *arena, struct person **out,
                uint32_t *count_out, bool *more_out, struct err *e) NODISCARD;

enum person_change_kind { PERSON_ROLE, PERSON_DISABLE, PERSON_ENABLE, PERSON_CHANGE_COUNT };

struct person_change {
    enum person_change_kind kind;
    struct span organisation; /* of who asks */
    struct span id;
    struct span role; /* PERSON_ROLE: the new one, which the caller knows to exist */
    struct span who;
    struct span why; /* may be empty */
};

/*
 * Disabling ends all sessions, links and API tokens of the person in the same transaction. ERR_NOT_FOUND; ERR_EXISTS: it is so already;
 * ERR_DENIED: the last administrator of the whole node who can sign in stays one.
 */
int person_change(struct db *db, const struct person_change *change, time_ns now, struct err *e) NODISCARD;
/* The same inside the caller's transaction. */
int person_change_within(struct db *db, const struct person_change *change, time_ns now, struct err *e) NODISCARD;

/* 0 when somebody else is left who can sign in with a password and give roles on the whole node; else ERR_DENIED. */
int person_last_administrator(struct db *db, struct span id, struct err *e) NODISCARD;

/* A new link; the person's unused older ones end. Inside the caller's transaction. */
int sign_in_link_insert(struct db *db, struct span user_id, struct span hash, time_ns now, struct err *e) NODISCARD;
/* The same by itself, for somebody who is there. ERR_NOT_FOUND, also for a disabled person. */
int sign_in_link_create(struct db *db, struct span organisation, struct span id, struct span hash, struct span who,
                        time_ns now, struct err *e) NODISCARD;
/* Name and id of the person whose link may be used now; ERR_DENIED otherwise, whatever the reason. */
int sign_in_link_check(struct db *db, struct span hash, time_ns now, struct arena *arena, struct account *out,
                       struct err *e) NODISCARD;
/* Uses it up, sets the password and ends the person's sessions, in one transaction. ERR_DENIED as above. */
int sign_in_link_use(struct db *db, struct span hash, struct span password, time_ns now, char id_out[ID_TEXT_LEN + 1],
                     struct err *e) NODISCARD;
/* Removes links that are over; called now and then. */
int sign_in_link_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

void person_encode(struct buf *out, const struct person *p);
/* Spans point into the cursor's bytes. */
void person_decode(struct cursor *c, struct person *out);

#endif
