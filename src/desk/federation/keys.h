/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys of the federation: a node's pair to sign with (Ed25519) and to be sealed to (X25519), its
 * fingerprint, and officers' keys, which lie sealed by their owners' passwords. All by libsodium.
 * Pure: randomness is given, files are somebody else's. Secrets are wiped by fed_keys_wipe; nothing
 * here logs one.
 */
#ifndef DESK_FEDERATION_KEYS_H
#define DESK_FEDERATION_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/federation/limits.h"

enum {
    FED_SEED_BYTES = 32,       /* of which a pair is made */
    FED_NODE_RANDOM_BYTES = 16,
    FED_SALT_BYTES = 16,       /* Argon2id */
    FED_OFFICER_RANDOM_BYTES = FED_SEED_BYTES + FED_SALT_BYTES + 24, /* seed, salt, nonce */
    FED_OFFICER_OPS = 3,       /* Argon2id: a key is opened rarely, so it may cost more than a log-in */
    FED_OFFICER_MEMORY_BYTES = 64 << 20,
};

/* A signing pair. */
struct fed_sign_key {
    unsigned char public_key[FED_KEY_BYTES];
    unsigned char secret[FED_SECRET_BYTES];
};

/* All that a node holds to speak and to be spoken to. */
struct fed_keys {
    char node[FED_NODE_LEN + 1]; /* its id */
    struct fed_sign_key sign;
    unsigned char seal_public[FED_KEY_BYTES];
    unsigned char seal_secret[FED_KEY_BYTES];
};

/* Node id of 16 random bytes: hex with a zero. */
void fed_node_id(const unsigned char random[FED_NODE_RANDOM_BYTES], char out[FED_NODE_LEN + 1]);
/* The same pairs always come of the same seeds. node: an id (fed_node_valid). */
void fed_keys_make(struct fed_keys *k, struct span node, const unsigned char sign_seed[FED_SEED_BYTES],
                   const unsigned char seal_seed[FED_SEED_BYTES]);
void fed_keys_wipe(struct fed_keys *k);

void fed_sign_key_make(struct fed_sign_key *k, const unsigned char seed[FED_SEED_BYTES]);
void fed_sign_key_wipe(struct fed_sign_key *k);

/* Signs prefix, then text: prefix ("sereno-envelope-1\n") keeps signatures of one kind of document
 * from being taken for another's. */
void fed_sign(const struct fed_sign_key *k, const char *prefix, struct span text,
              unsigned char out[FED_SIG_BYTES]);
/* Whether that is the signature of the holder of public_key over prefix and text. */
bool fed_verify(const unsigned char public_key[FED_KEY_BYTES], const char *prefix, struct span text,
                const unsigned char sig[FED_SIG_BYTES]) __attribute__((warn_unused_result));
/* Constant time. */
bool fed_key_equal(const unsigned char a[FED_KEY_BYTES], const unsigned char b[FED_KEY_BYTES]);

/* "ABCD-EFGH-…": first 20 bytes of BLAKE2b-256(signing key, sealing key) in base32 (RFC 4648 §6),
 * groups of four; what two people read to each other. */
void fed_fingerprint(const unsigned char sign[FED_KEY_BYTES], const unsigned char seal[FED_KEY_BYTES],
                     char out[FED_FINGERPRINT_LEN + 1]);
/* Whether typed (blanks, dashes, lower case as they come) says this fingerprint. Constant time. */
bool fed_fingerprint_is(const char fingerprint[FED_FINGERPRINT_LEN + 1], struct span typed);

/*
 * An officer's signing key, sealed by his password: JCS text for the records, and his public key.
 * random: from the kernel. Takes a tenth of a second and 64 MiB: worker threads only. ERR_LIMIT when
 * the memory is not there.
 */
int fed_officer_make(struct arena *a, struct span password,
                     const unsigned char random[FED_OFFICER_RANDOM_BYTES], struct span *sealed_out,
                     unsigned char public_out[FED_KEY_BYTES], struct err *e) NODISCARD;
/* Opens it. ERR_DENIED: not the password (or another's key); ERR_INVALID: no such text; ERR_LIMIT. */
int fed_officer_open(struct arena *a, struct span sealed, struct span password,
                     struct fed_sign_key *out, struct err *e) NODISCARD;

#endif
