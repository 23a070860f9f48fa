/* SPDX-License-Identifier: EUPL-1.2 */
/* The inside of rules_cache*.c and their test. */
#ifndef ROLES_RULES_CACHE_PRIV_H
#define ROLES_RULES_CACHE_PRIV_H

#include "roles/rules_cache.h"

#define CACHE_SUFFIX ".rules"
#define CACHE_UNFINISHED "unfinished"

enum { CACHE_NAME_MAX = 64 };

/* The file of an entry. */
void cache_name(const unsigned char key[CACHE_KEY_BYTES], char out[CACHE_NAME_MAX]);

/* Removes entries, longest unused first, until `fresh` with its bytes fits beside the rest; and all that is no entry. */
void cache_sweep(int dir, const char *fresh, uint64_t bytes);

#endif
