/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's half that has to do with correlations: hands the log of matches to the correlator in the order of commit,
 * stores its windows and the alerts that it makes. keeper.c owns the process and calls these.
 */
#ifndef ROLES_KEEPER_CORRELATE_H
#define ROLES_KEEPER_CORRELATE_H

#include "archive/archive.h"
#include "os/ipc.h"
#include "roles/correlate_wire.h"
#include "roles/keeper_records.h"

struct keeper_correlate;

/* Borrows archive and records until closed; opens a reader of its own in DATA/archive. */
int keeper_correlate_open(const char *data_dir, struct archive *archive, struct keeper_records *records,
                          struct keeper_correlate **out, struct err *e) NODISCARD;
void keeper_correlate_close(struct keeper_correlate **k);

/* The correlator came or, with NULL, went. */
void keeper_correlate_peer(struct keeper_correlate *k, struct ipc *ch);
/* MSG_CORRELATE_*, MSG_CORRELATED; ERR_INVALID: the correlator is broken or taken over. */
int keeper_correlate_message(struct keeper_correlate *k, const struct ipc_msg *msg, struct err *e) NODISCARD;
/* There may be new rows, or room for them: after a window with matches, when the channel is ready again. */
void keeper_correlate_go(struct keeper_correlate *k);
/* Once a second: ticks, what could not be written. */
void keeper_correlate_tick(struct keeper_correlate *k, time_ns now);

/* Counters as the correlator told them last. */
const struct correlate_pulse *keeper_correlate_pulse(const struct keeper_correlate *k);

#endif
