/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Second factors of accounts: the sealed secret of an authenticator, which step of it was used last, and the hashes of recovery
 * codes. Called by the keeper. Secrets never come here in clear: the desk seals and opens them (desk/identity/totp.h). Each
 * change is in the audit trail. A code that was used is used up in the same transaction that it opens something.
 */
#ifndef RECORDS_FACTORS_H
#define RECORDS_FACTORS_H

#include "base/buf.h"
#include "records/accounts.h"

enum {
    FACTOR_BOX_MAX = 128,      /* bytes of a sealed secret */
    FACTOR_CODES = 10,         /* recovery codes that are given out together */
    FACTOR_FAILURES_MAX = 100, /* wrong codes in a row; then only a recovery code counts (NIST SP 800-63B-4 §3.2.2) */
};

/* FACTOR_PROVIDER: who signed him in asked for one, of a kind that the config counts; good for a session and nothing else. */
enum factor_kind { FACTOR_NONE, FACTOR_TOTP, FACTOR_RECOVERY, FACTOR_PROVIDER, FACTOR_KIND_COUNT };

/* What the desk found right: the step of a code, or the hash of a recovery code, whose use is noted here. */
struct factor_proof {
    enum factor_kind kind;
    int64_t step;        /* FACTOR_TOTP */
    struct span hash;    /* FACTOR_RECOVERY: ACCOUNT_HASH_BYTES */
};

struct factor {
    struct span box;
    time_ns confirmed; /* TIME_NONE = enrolment is not finished: it guards nothing yet */
    int64_t last_step;
    uint32_t failures; /* wrong codes since the last right one */
    uint32_t codes;    /* recovery codes that are left */
};

/* ERR_NOT_FOUND: none, not even one that is not confirmed; also for a disabled person. */
int factor_get(struct db *db, struct span user_id, struct arena *arena, struct factor *out, struct err *e) NODISCARD;
/* Begins enrolment; an earlier one that was not confirmed is forgotten. ERR_EXISTS: there is a confirmed one. ERR_NOT_FOUND. */
int factor_begin(struct db *db, struct span user_id, struct span box, time_ns now, struct err *e) NODISCARD;
/*
 * Ends enrolment with the step of a right code of the secret `box`; hashes are FACTOR_CODES of recovery codes, one after the
 * other. All sessions but that of keep_hash end: they began without a second factor. ERR_NOT_FOUND: nothing to confirm, or it
 * was begun anew meanwhile.
 */
int factor_confirm(struct db *db, struct span user_id, struct span box, int64_t step, struct span hashes, struct span keep_hash,
                   time_ns now, struct err *e) NODISCARD;
/*
 * Inside the caller's transaction: uses a proof up. 0 without a proof only when the account has no confirmed factor. ERR_DENIED:
 * none was given, this one was used before, or too many were wrong.
 */
int factor_prove(struct db *db, struct span user_id, const struct factor_proof *proof, time_ns now, struct err *e) NODISCARD;
/* Notes a wrong code. */
int factor_failed(struct db *db, struct span user_id, struct err *e) NODISCARD;
/* New recovery codes; the older ones die. ERR_DENIED as factor_prove, ERR_NOT_FOUND without a confirmed factor. */
int factor_codes_set(struct db *db, struct span user_id, const struct factor_proof *proof, struct span hashes, time_ns now,
                     struct err *e) NODISCARD;
/* By its person. ERR_DENIED, ERR_NOT_FOUND as above. */
int factor_remove(struct db *db, struct span user_id, const struct factor_proof *proof, time_ns now, struct err *e) NODISCARD;
/* By an administrator, for somebody who lost it; his sessions end. ERR_NOT_FOUND: no such person in `organisation`, or without
 * a factor. */
int factor_reset(struct db *db, struct span organisation, struct span user_id, struct span who, struct span why, time_ns now,
                 struct err *e) NODISCARD;

void factor_proof_encode(struct buf *out, const struct factor_proof *p);
void factor_proof_decode(struct cursor *c, struct factor_proof *out);

#endif
