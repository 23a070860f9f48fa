/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a node becomes a member, at the hub (docs/FEDERATION.md §4): one-time codes (their hashes),
 * requests that wait for approval, officers with their sealed keys. Called by the keeper; rows also
 * travel to the desk.
 */
#ifndef RECORDS_FED_ENROL_H
#define RECORDS_FED_ENROL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_CODE_VALID_S = 72 * 3600,
    FED_REQUESTS_OPEN_MAX = 4096, /* that wait for approval */
    FED_REQUESTS_LISTED = 1000,
};

struct fed_code_row {
    struct span hash, circle, org, created_by; /* hash: BLAKE2b-256 of the code */
    time_ns created, expires;
};

/* Notes a code, and in the audit trail who gave it out. Inside a transaction. */
int fed_code_put(struct db *db, const struct fed_code_row *code, struct err *e) NODISCARD;

/* state: "waiting", "approved", "refused". candidate: the membership with the signatures so far. */
#define FED_REQUEST_SPANS(X)                                                                       \
    X(id) X(circle) X(org) X(node) X(sign) X(seal) X(csr) X(state) X(decided_by) X(candidate)      \
        X(certificate)
#define FED_REQUEST_NUMBERS(X) X(created) X(decided)
struct fed_request_row {
#define X(name) struct span name;
    FED_REQUEST_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_REQUEST_NUMBERS(X)
#undef X
};

/*
 * Uses the code up and makes the request, inside a transaction; organisation and circle come from
 * the code. ERR_DENIED for a code that is not good, whatever the reason, or another organisation's;
 * ERR_LIMIT when too many wait.
 */
int fed_request_create(struct db *db, struct span code_hash, const struct fed_request_row *r,
                       time_ns now, struct err *e) NODISCARD;
/* One that an officer makes himself, without a code; inside a transaction. */
int fed_request_add(struct db *db, const struct fed_request_row *r, time_ns now,
                    struct err *e) NODISCARD;
/* ERR_NOT_FOUND. Texts are the arena's. */
int fed_request_get(struct db *db, struct span id, struct arena *arena, struct fed_request_row *out,
                    struct err *e) NODISCARD;
/* New state of one that waits, inside a transaction. ERR_BUSY when it does not wait any more. */
int fed_request_set(struct db *db, const struct fed_request_row *r, struct span who, time_ns now,
                    struct err *e) NODISCARD;
/* u32 n, n requests: those that wait first, then the newest. */
int fed_requests_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
void fed_request_encode(struct buf *out, const struct fed_request_row *row);
void fed_request_decode(struct cursor *c, struct fed_request_row *out);

struct fed_officer_row {
    struct span user_id, name, key, sealed;
};
/* Once per account; a second key is ERR_EXISTS. Inside a transaction. */
int fed_officer_put(struct db *db, const struct fed_officer_row *o, time_ns now,
                    struct err *e) NODISCARD;
/* u32 n, n of (user_id, name, key, sealed). */
int fed_officers_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
void fed_officer_encode(struct buf *out, const struct fed_officer_row *o);
void fed_officer_decode(struct cursor *c, struct fed_officer_row *out);

#endif
