/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's sealing of the archive: once a UTC day, and after days were let go, the newest link is signed
 * (archive/seal.h); each second that brought links, the records are told which the newest is. `sereno verify` compares.
 * Runs in keeper, on its one thread.
 */
#ifndef ROLES_KEEPER_SEAL_H
#define ROLES_KEEPER_SEAL_H

#include "archive/seal.h"
#include "base/log.h"
#include "records/db.h"
#include "roles/keeper_records.h"

struct keeper_seal {
    struct seal_key *key;   /* NULL until super handed it over */
    struct archive_head told; /* what the records know */
    time_ns sealed;
    struct log_lasting untold, unsealed; /* the newest link to the records; the day */
    bool looked; /* at when the last seal was made, and whether the records know of it */
};

/* DATA/keys/seal.key as super opened it: 64 hex digits. Takes the fd. A key that cannot be read is named in the log, and
 * nothing is sealed until the next start. */
void keeper_seal_key(struct keeper_seal *s, int fd);
/* Call about once a second. let_go: days were deleted just now, their notes are sealed at once. */
void keeper_seal_tick(struct keeper_seal *s, struct archive *a, const char *folder,
                      struct keeper_records *kr, time_ns now, bool let_go);
void keeper_seal_fini(struct keeper_seal *s);

/* What the records know of the archive's end, for verify; fields that are not known stay false. ERR_IO, ERR_INVALID. */
int keeper_seal_witness(struct db *db, struct archive_witness *out, struct err *e) NODISCARD;
/* The public key of a key file's text (64 hex digits). ERR_INVALID. */
int keeper_seal_public(struct span text, unsigned char out[SEAL_KEY_BYTES], struct err *e) NODISCARD;

#endif
