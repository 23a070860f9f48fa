/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * API tokens of people: what is kept of them. Called by the keeper. A token never comes here: only its hash and its first
 * digits do. What its scopes mean is the desk's to say (desk/identity/user_token.h). Making and ending one is in the audit
 * trail, and so is its first use of a day and each request by it that would change something.
 */
#ifndef RECORDS_USER_TOKENS_H
#define RECORDS_USER_TOKENS_H

#include "base/buf.h"
#include "records/accounts.h"

enum {
    USER_TOKENS_MAX = 20,        /* of one person that are not over */
    USER_TOKEN_NAME_MAX = 80,    /* bytes */
    USER_TOKEN_SCOPES_MAX = 1024, /* bytes */
    USER_TOKEN_MARK_MAX = 32,    /* bytes of its begin */
    USER_TOKEN_DAYS_MAX = 366,   /* from the day it is made to its last one */
    USER_TOKEN_KEPT_DAYS = 30,   /* one that is over is still shown so long */
};

struct user_token {
    struct span id;
    struct span user_id;
    struct span hash;   /* ACCOUNT_HASH_BYTES; not told by lists */
    struct span mark;   /* its begin, to recognise it by */
    struct span name;
    struct span scopes; /* names with blanks between */
    time_ns created;
    time_ns expires;    /* good before then */
    time_ns ended;      /* TIME_NONE = not before its time */
    int64_t used_day;   /* day of its last use since 1970, 0 = never */
};

/* What a request by a token is, for the audit trail. */
struct user_token_use {
    struct span hash;
    struct span address;
    struct span change; /* method and path of one that would change something; empty = it only reads */
};

/* who: its person. ERR_LIMIT at USER_TOKENS_MAX, ERR_NOT_FOUND for a person that is disabled or not there. */
int user_token_create(struct db *db, const struct user_token *t, struct span who, struct err *e) NODISCARD;
/* Of one person of the organisation ("*" = any), newest first; at most 2 * USER_TOKENS_MAX. ERR_NOT_FOUND for a person who is not there. */
int user_token_list(struct db *db, struct span organisation, struct span user_id, struct arena *arena, struct user_token **out,
                    uint32_t *count_out, struct err *e) NODISCARD;
/* Ends one and tells its hash. ERR_NOT_FOUND, also for one of another person or organisation, and for one that has ended. */
int user_token_end(struct db *db, struct span organisation, struct span user_id, struct span id, struct span who, time_ns now,
                   unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e) NODISCARD;
/* All of one person; inside the caller's transaction. */
int user_token_end_all(struct db *db, struct span user_id, time_ns now, struct err *e) NODISCARD;
/*
 * Whose it is, and its scopes; notes its use. ERR_NOT_FOUND: nobody was ever given it. ERR_DENIED: it is over, or its person
 * is disabled.
 */
int user_token_find(struct db *db, const struct user_token_use *use, time_ns now, struct arena *arena, struct account *out,
                    struct span *scopes_out, struct err *e) NODISCARD;
/* Removes those that have been over for USER_TOKEN_KEPT_DAYS; called now and then. */
int user_token_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

void user_token_encode(struct buf *out, const struct user_token *t);
/* Spans point into the cursor's bytes. */
void user_token_decode(struct cursor *c, struct user_token *out);

#endif
