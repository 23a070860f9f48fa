/* SPDX-License-Identifier: EUPL-1.2 */
/* The keeper speaks for itself: an event of source "sereno" that says a source is silent, with its alert, in one window. */
#ifndef ROLES_KEEPER_SILENCE_H
#define ROLES_KEEPER_SILENCE_H

#include "records/sources.h"
#include "roles/keeper_archive.h"

/* after_s: how long it may be silent. ERR_IO: the disk does not take it now, nothing was told. */
int keeper_silence_tell(struct keeper_archive *k, const struct source_row *row, uint32_t after_s, time_ns now) NODISCARD;

#endif
