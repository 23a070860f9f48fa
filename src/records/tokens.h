/* SPDX-License-Identifier: EUPL-1.2 */
/* Tokens with which log senders show who they are; only their hashes are kept. Called by the
 * keeper. */
#ifndef RECORDS_TOKENS_H
#define RECORDS_TOKENS_H

#include "base/arena.h"
#include "base/clock.h"
#include "records/db.h"

enum { TOKENS_MAX = 4096 /* per node: as many as organisations */ };

struct ingest_token {
    struct span id;
    struct span hash; /* BLAKE2b-256 */
    struct span name;
    struct span source;
    struct span organisation;
    time_ns created;
    time_ns last_used; /* TIME_NONE = never */
};

/* ERR_LIMIT at TOKENS_MAX; ERR_EXISTS for a hash or id that is there. */
int tokens_create(struct db *db, const struct ingest_token *t, struct span who,
                  struct err *e) NODISCARD;
/* Those not revoked, oldest first. `organisation` "*" = the whole node. */
int tokens_list(struct db *db, struct span organisation, struct arena *arena,
                struct ingest_token **tokens_out, size_t *count_out, struct err *e) NODISCARD;
/* ERR_NOT_FOUND. */
int tokens_revoke(struct db *db, struct span organisation, struct span id, struct span who,
                  time_ns now, struct err *e) NODISCARD;
int tokens_used(struct db *db, struct span hash, time_ns at, struct err *e) NODISCARD;

#endif
