/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys with which what leaves the machine is encrypted and signed. Read by `sereno backup` and by the keeper, both in the data folder. */
#ifndef ROLES_RECOVERY_H
#define ROLES_RECOVERY_H

#include <stdbool.h>

#include "base/err.h"

enum { RECOVERY_KEY_BYTES = 32 };

#define RECOVERY_PUBLIC_NAME "keys/recovery.pub"

/* The public recovery key. ERR_NOT_FOUND: none was made yet; ERR_INVALID. */
int recovery_public(const char *data_dir, unsigned char out[RECOVERY_KEY_BYTES], struct err *e) NODISCARD;
/* The seed that signs: of the key with which the archive's seals are signed; the caller wipes it. False: there is none. */
bool recovery_signer(const char *data_dir, unsigned char seed[RECOVERY_KEY_BYTES]) NODISCARD;

#endif
