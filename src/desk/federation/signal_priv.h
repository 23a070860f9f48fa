/* SPDX-License-Identifier: EUPL-1.2 */
/* What the bodies of signals and warnings have in common; signal*.c and warning*.c only. */
#ifndef DESK_FEDERATION_SIGNAL_PRIV_H
#define DESK_FEDERATION_SIGNAL_PRIV_H

#include "desk/federation/signal.h"

/* Printable ASCII without blanks, at most max bytes; may be empty. */
bool signal_word_valid(struct span s, size_t max);
/* 64 lower-case hex digits. */
bool signal_hash_valid(struct span s);
/* UTF-8 without control characters, at most max bytes. */
bool signal_text_valid(struct span s, size_t max);

/* "2026-11-26T20:15Z" and back; only whole quarters of an hour in this and the next century. */
struct span signal_bucket_text(struct arena *arena, int64_t bucket);
bool signal_bucket_read(struct span s, int64_t *out) NODISCARD;

struct jcs *fed_indicators_tree(struct arena *arena, const struct fed_indicator *list,
                                size_t count);
/* Into out (room for max). ERR_INVALID names what is wrong; also when a value is not in its one form. */
int fed_indicators_read(const struct jcs *list, struct arena *arena, size_t max,
                        struct fed_indicator *out, uint32_t *count_out, struct err *e) NODISCARD;

#endif
