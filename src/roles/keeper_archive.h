/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's half that has to do with the archive: takes windows, makes them durable, tells
 * intake, hands their alerts to the records, reads originals for the desk, lets old days go.
 * keeper.c owns the process and calls these.
 */
#ifndef ROLES_KEEPER_ARCHIVE_H
#define ROLES_KEEPER_ARCHIVE_H

#include <uv.h>

#include "os/ipc.h"
#include "roles/config.h"
#include "roles/keeper_records.h"

struct keeper_archive;

/* Opens DATA/archive. */
int keeper_archive_open(const char *data_dir, struct keeper_archive **out, struct err *e) NODISCARD;
/* The writer, for those who write beside windows; borrowed until closed. */
struct archive *keeper_archive_writer(struct keeper_archive *k);
/* A window of the keeper's own: written, its alerts handed on. ERR_IO, ERR_LIMIT: the disk; nothing of it is kept. */
int keeper_archive_own(struct keeper_archive *k, const struct archive_window *w, struct err *e) NODISCARD;
void keeper_archive_close(struct keeper_archive **k);
/* Where alerts go from now on; first those that a crash left uncopied. */
void keeper_archive_records(struct keeper_archive *k, struct keeper_records *kr);

/* An intake came (gets its positions) or, with ch NULL, went. */
void keeper_archive_intake(struct keeper_archive *k, uint32_t instance, struct ipc *ch);
/* MSG_WINDOW. ERR_INVALID: the intake is broken or taken over, nothing was written. A disk that
 * fails is tried again. */
int keeper_archive_window(struct keeper_archive *k, uint32_t instance, struct ipc *ch,
                          struct ipc_msg *msg, struct err *e) NODISCARD;
/* DATA/keys/seal.key; takes the fd. */
void keeper_archive_seal_key(struct keeper_archive *k, int fd);
/* Signs bytes that begin with a context of their own (archive/seal.h). ERR_BUSY: the key is not here yet. */
int keeper_archive_sign(const struct keeper_archive *k, struct span message, unsigned char sig[64], unsigned char key[32], struct err *e) NODISCARD;
/* How many invented records of a load (records/demo.h) are or were in the archive. */
int keeper_archive_events(struct keeper_archive *k, struct span source, uint64_t *events_out, struct err *e) NODISCARD;
/* All originals of such a load go now, with proof; legal holds stand. ERR_BUSY: windows wait for the disk; a hold keeps some: ERR_EXISTS. */
int keeper_archive_purge_source(struct keeper_archive *k, struct span source, time_ns now, uint64_t *records_out, struct err *e) NODISCARD;
/* Once a second: windows and alerts that could not be written, retention (NULL: not now), seals. */
void keeper_archive_tick(struct keeper_archive *k, time_ns now, const struct config *retention);

/* Merging of small blocks beside the loop; call once a second. hunting: blocks must stay where they are now. */
void keeper_archive_merge(struct keeper_archive *k, uv_loop_t *loop, bool hunting);

/* Changes whenever blocks were merged, and with each start: addresses in hand may be found in another order since. */
uint64_t keeper_archive_merges(const struct keeper_archive *k);

/* Hooks of keeper_records; arg is the struct keeper_archive. */
int keeper_archive_read(void *arg, const struct alert_place *place, size_t max_bytes,
                        struct arena *arena, struct span *text_out, bool *truncated_out,
                        struct err *e);
void keeper_archive_size(void *arg, int64_t *bytes_out, int64_t *events_out,
                         int64_t *oldest_day_out);

#endif
