/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What holds where sereno.yml says nothing, as a list that can be kept and compared: so an upgrade tells which defaults
 * it changes. The keeper keeps the list of the program that ran last, `sereno upgrade --check` compares it with its own.
 */
#ifndef ROLES_DEFAULTS_H
#define ROLES_DEFAULTS_H

#include "roles/config.h"

enum { DEFAULTS_MAX = 4096 /* bytes of the list: what a setting holds */ };

/* The list of this program: lines "key=value", sorted by key, keys with dots as in sereno.yml; "sources.x" is the key x
 * of each source. */
void defaults_put(struct buf *out);

/* `before` empty: a key that is new; `now` empty: one that is gone. */
typedef void (*defaults_changed_fn)(void *ctx, struct span key, struct span before, struct span now);

/* Calls fn for each line in which two lists differ, in the order of keys; returns how many. Lines without "=" count as
 * keys without a value. */
size_t defaults_compare(struct span before, struct span now, defaults_changed_fn fn, void *ctx);

/* Whether sereno.yml (its bytes) states the key itself, so that no default of it holds; for a key of sources: whether
 * all of them state it. A file that cannot be read states nothing. */
bool defaults_stated(struct span yaml, struct span key);

/* Forgets in c every default that the list names (zero bytes in its place): a test then finds what it does not name. */
void defaults_wipe(struct config *c);

#endif
