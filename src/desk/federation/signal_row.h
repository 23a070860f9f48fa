/* SPDX-License-Identifier: EUPL-1.2 */
/* Signals and warnings between their body, their struct and their row. Pure. */
#ifndef DESK_FEDERATION_SIGNAL_ROW_H
#define DESK_FEDERATION_SIGNAL_ROW_H

#include "desk/federation/warning.h"
#include "records/fed_signals.h"
#include "records/fed_warnings.h"

/* Lists become texts in the arena; the rest is borrowed. */
void signal_to_row(const struct signal *s, struct arena *arena, struct fed_signal_row *out);
/* Borrowed from the row; what does not read is left out. */
void signal_from_row(const struct fed_signal_row *row, struct arena *arena, struct signal *out);
/* "ip 8.8.8.8\n…" as kept, into at most SIGNAL_INDICATORS_MAX. */
void signal_indicators_from(struct span text, struct arena *arena, struct signal *out);
/* Adds those that are not there yet, while there is room. */
void signal_indicators_join(struct signal *s, const struct fed_indicator *more, uint32_t count);

/* The row of a warning of this circle and issuer, its body as text in the arena. */
void warning_to_row(const struct warning *w, struct span circle, struct span issuer, time_ns now,
                    time_ns expires, struct arena *arena, struct fed_warning_row *out);
/* The body of a row. */
int warning_from_row(const struct fed_warning_row *row, struct arena *arena, struct warning *out,
                     struct err *e) NODISCARD;

/*
 * What the keeper needs of an envelope's body (fed_signal_apply, fed_warning_apply): read as hostile,
 * written anew. ERR_INVALID says why not; nothing of a broken body reaches the records. A warning's
 * id must be that of its circle, kind and value, so that none can stand in another's place. onward: as
 * fed_warning_row has it.
 */
int signal_digest(const struct jcs *body, struct arena *arena, struct buf *digest,
                  struct err *e) NODISCARD;
int warning_digest(const struct jcs *body, struct span circle, uint64_t epoch, struct span onward,
                   struct arena *arena, struct buf *digest, struct err *e) NODISCARD;

#endif
