/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of the envelope share. */
#ifndef DESK_FEDERATION_ENVELOPE_PRIV_H
#define DESK_FEDERATION_ENVELOPE_PRIV_H

#include <sodium.h>

#include "desk/federation/envelope.h"

#define FED_ENVELOPE_PREFIX "sereno-envelope-1\n"
#define FED_SEAL_ALG "x25519-xchacha20"

enum {
    CONTENT_KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    CONTENT_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    CONTENT_TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEALED_KEY_BYTES = CONTENT_KEY_BYTES + crypto_box_SEALBYTES,
};

/* Members that stand outside: of what is hashed and signed, and of what the seal binds to. */
extern const char *const fed_outside_form[]; /* id, sig */
extern const char *const fed_outside_head[]; /* id, sig, sealed */

bool fed_tlp_known(struct span s);
bool fed_pap_known(struct span s);

#endif
