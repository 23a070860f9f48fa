/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Briefs that were issued: each a document of figures, words and the records that each figure counted, signed with the node's key
 * (Ed25519, RFC 8032) and never changed again. One can be withdrawn with a reason; it stays. Numbered from 1 in each organisation.
 * What is signed is brief_message(): every column of the row but those of a withdrawal, which the trail has. Called by the keeper and by
 * `sereno verify`; the codecs and the hash of a record also by the desk.
 */
#ifndef RECORDS_BRIEFS_H
#define RECORDS_BRIEFS_H

#include "records/registers/record_row.h"
#include "records/today.h"

enum {
    BRIEF_DOCUMENT_MAX = 2 << 20, /* bytes: eight figures of TODAY_COUNT_MAX records each, and two tables */
    BRIEF_WHY_MAX = 1000,         /* bytes of a reason */
    BRIEF_NAME_MAX = 256,         /* bytes of an organisation or of a person's name */
    BRIEF_DAY_TEXT = 10,
    BRIEF_LISTED_MAX = 500,
    BRIEF_ISSUED_MAX = 10000, /* of one organisation: a brief a week for 190 years */
    BRIEF_KEY_BYTES = 32,
    BRIEF_SIG_BYTES = 64,
    BRIEF_HASH_BYTES = 32,
};

struct brief_issued {
    struct span id, organisation; /* "*": of an account of the whole node */
    int64_t number;
    time_ns issued;
    struct span who, who_id;        /* account: its name then, and its id */
    struct span first_day, last_day; /* of the period, as 2026-11-22 */
    enum tlp tlp;
    struct span document;       /* canonical JSON; empty in lists */
    struct span key, signature; /* hex */
    time_ns withdrawn;          /* TIME_NONE = it stands */
    struct span withdrawn_by, withdrawn_why;
};

/* Signs a message: ERR_* where the node has no key now. */
typedef int brief_sign(void *arg, struct span message, unsigned char sig[BRIEF_SIG_BYTES], unsigned char key[BRIEF_KEY_BYTES], struct err *e);

/* Gives it the next number of its organisation, signs and stores it, in one transaction; key and signature then live in a. ERR_LIMIT at
 * BRIEF_ISSUED_MAX, ERR_INVALID: parts out of their bounds. */
int brief_issue(struct db *db, struct brief_issued *b, brief_sign *sign, void *arg, struct arena *a, struct err *e) NODISCARD;
/* Newest first, without documents; of `organisation` ("*" = any). At most BRIEF_LISTED_MAX. */
int briefs_list(struct db *db, struct span organisation, struct arena *a, struct brief_issued **out, uint32_t *count_out, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: not there, or not of `organisation` ("*" = any). */
int brief_get_issued(struct db *db, struct span organisation, struct span id, struct arena *a, struct brief_issued *out, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: none that stands. */
int brief_withdraw(struct db *db, struct span organisation, struct span id, struct span who, struct span why, time_ns now, struct err *e) NODISCARD;

/* The bytes that are signed, in a buf that it initialises; the caller frees it. */
void brief_message(const struct brief_issued *b, struct buf *out);
/* Whether the signature is of these bytes by the key that the row names. */
bool brief_signature_fits(const struct brief_issued *b);
/* Each row: its signature, the key (NULL: is not compared), and that no number is missing. complain is called with each fault. */
int briefs_verify(struct db *db, const unsigned char *key, void *ctx, void (*complain)(void *ctx, const struct err *e), int64_t *count_out, struct err *e) NODISCARD;

/* SHA-256 of what a record says: "id\nkind\nversion\nstate\nlabel\nfields", fields as canonical JSON (RFC 8785). */
void brief_record_hash(const struct record_row *r, unsigned char out[BRIEF_HASH_BYTES]);

/* A record that a figure counted. */
struct brief_counted {
    struct span id, title;
    int64_t version;
    unsigned char hash[BRIEF_HASH_BYTES];
};
/* Exactly what today_due_count counts, but for RED: the records, at most TODAY_COUNT_MAX by id; *more_out: not all of them. */
int brief_counted(struct db *db, const struct today_due *q, struct arena *a, struct brief_counted **out, uint32_t *count_out, bool *more_out, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void brief_issued_encode(struct buf *out, const struct brief_issued *b);
void brief_issued_decode(struct cursor *c, struct brief_issued *out);
void brief_counted_encode(struct buf *out, const struct brief_counted *r);
void brief_counted_decode(struct cursor *c, struct brief_counted *out);

extern const char brief_sql[]; /* its table, for migrations.c */

#endif
