/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys: see keys.h. Must never log or keep a secret. */
#include "desk/federation/keys.h"

#include <sodium.h>

#include "base/id.h"
#include "desk/federation/text.h"
#include "wire/jcs.h"

_Static_assert(crypto_sign_SEEDBYTES == FED_SEED_BYTES, "seed");
_Static_assert(crypto_box_SEEDBYTES == FED_SEED_BYTES, "seed");
_Static_assert(crypto_sign_SECRETKEYBYTES == FED_SECRET_BYTES, "secret key");
_Static_assert(crypto_pwhash_SALTBYTES == FED_SALT_BYTES, "salt");
enum { NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES };
_Static_assert(FED_OFFICER_RANDOM_BYTES == FED_SEED_BYTES + FED_SALT_BYTES + NONCE_BYTES, "nonce");

void fed_node_id(const unsigned char random[FED_NODE_RANDOM_BYTES], char out[FED_NODE_LEN + 1])
{
    hex_encode(random, FED_NODE_RANDOM_BYTES, out);
}

void fed_sign_key_make(struct fed_sign_key *k, const unsigned char seed[FED_SEED_BYTES])
{
    MUST(crypto_sign_seed_keypair(k->public_key, k->secret, seed));
}

void fed_sign_key_wipe(struct fed_sign_key *k)
{
    sodium_memzero(k, sizeof *k);
}

void fed_keys_make(struct fed_keys *k, struct span node, const unsigned char sign_seed[FED_SEED_BYTES],
                   const unsigned char seal_seed[FED_SEED_BYTES])
{
    CHECK(fed_node_valid(node));
    memcpy(k->node, node.ptr, FED_NODE_LEN);
    k->node[FED_NODE_LEN] = '\0';
    fed_sign_key_make(&k->sign, sign_seed);
    MUST(crypto_box_seed_keypair(k->seal_public, k->seal_secret, seal_seed));
}

void fed_keys_wipe(struct fed_keys *k)
{
    sodium_memzero(k, sizeof *k);
}

void fed_sign(const struct fed_sign_key *k, const char *prefix, struct span text,
              unsigned char out[FED_SIG_BYTES])
{
    struct buf b;
    buf_init(&b, strlen(prefix) + text.len);
    buf_cstr(&b, prefix);
    buf_span(&b, text);
    CHECK(!b.failed);
    MUST(crypto_sign_detached(out, NULL, (const unsigned char *)b.data, b.len, k->secret));
    buf_free(&b);
}

bool fed_verify(const unsigned char public_key[FED_KEY_BYTES], const char *prefix, struct span text,
                const unsigned char sig[FED_SIG_BYTES])
{
    struct buf b;
    buf_init(&b, strlen(prefix) + text.len);
    buf_cstr(&b, prefix);
    buf_span(&b, text);
    CHECK(!b.failed);
    bool good =
        crypto_sign_verify_detached(sig, (const unsigned char *)b.data, b.len, public_key) == 0;
    buf_free(&b);
    return good;
}

bool fed_key_equal(const unsigned char a[FED_KEY_BYTES], const unsigned char b[FED_KEY_BYTES])
{
    return sodium_memcmp(a, b, FED_KEY_BYTES) == 0;
}

void fed_fingerprint(const unsigned char sign[FED_KEY_BYTES], const unsigned char seal[FED_KEY_BYTES],
                     char out[FED_FINGERPRINT_LEN + 1])
{
    unsigned char both[2 * FED_KEY_BYTES];
    unsigned char hash[32];
    memcpy(both, sign, FED_KEY_BYTES);
    memcpy(both + FED_KEY_BYTES, seal, FED_KEY_BYTES);
    MUST(crypto_generichash(hash, sizeof hash, both, sizeof both, NULL, 0));
    CHECK(sizeof hash >= FED_FINGERPRINT_BYTES &&
          BASE32_TEXT_MAX(FED_FINGERPRINT_BYTES) == FED_FINGERPRINT_LEN + 1);
    base32_encode(hash, FED_FINGERPRINT_BYTES, out);
}

bool fed_fingerprint_is(const char fingerprint[FED_FINGERPRINT_LEN + 1], struct span typed)
{
    unsigned char ours[FED_FINGERPRINT_BYTES];
    unsigned char theirs[FED_FINGERPRINT_BYTES];
    return base32_decode(span_of(fingerprint), ours, sizeof ours) &&
           base32_decode(typed, theirs, sizeof theirs) &&
           sodium_memcmp(ours, theirs, sizeof ours) == 0;
}

/* The key that a password gives. */
static int password_key(struct span password, const unsigned char *salt, uint64_t ops, size_t memory,
                        unsigned char out[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], struct err *e)
{
    if (crypto_pwhash(out, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, password.ptr, password.len,
                      salt, ops, memory, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return err_set(e, ERR_LIMIT, "there is not enough memory to open a key by its password");
    }
    return 0;
}

int fed_officer_make(struct arena *a, struct span password,
                     const unsigned char random[FED_OFFICER_RANDOM_BYTES], struct span *sealed_out,
                     unsigned char public_out[FED_KEY_BYTES], struct err *e)
{
    const unsigned char *salt = random + FED_SEED_BYTES;
    const unsigned char *nonce = salt + FED_SALT_BYTES;
    unsigned char key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    unsigned char box[FED_SEED_BYTES + TAG_BYTES];
    struct fed_sign_key pair;
    int rc = password_key(password, salt, FED_OFFICER_OPS, FED_OFFICER_MEMORY_BYTES, key, e);
    if (rc != 0) {
        return rc;
    }
    fed_sign_key_make(&pair, random);
    memcpy(public_out, pair.public_key, FED_KEY_BYTES);
    MUST(crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, random, FED_SEED_BYTES, public_out,
                                                    FED_KEY_BYTES, NULL, nonce, key));
    sodium_memzero(key, sizeof key);
    fed_sign_key_wipe(&pair);
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "alg", SPAN("argon2id-xchacha20"));
    jcs_set_int(a, o, "ops", FED_OFFICER_OPS);
    jcs_set_int(a, o, "memory", FED_OFFICER_MEMORY_BYTES);
    jcs_set_text(a, o, "salt", fed_base64(a, salt, FED_SALT_BYTES));
    jcs_set_text(a, o, "nonce", fed_base64(a, nonce, NONCE_BYTES));
    jcs_set_text(a, o, "key", fed_base64(a, public_out, FED_KEY_BYTES));
    jcs_set_text(a, o, "box", fed_base64(a, box, sizeof box));
    *sealed_out = jcs_text(a, o);
    return 0;
}

struct officer_box {
    int64_t ops, memory;
    unsigned char salt[FED_SALT_BYTES];
    unsigned char nonce[NONCE_BYTES];
    unsigned char public_key[FED_KEY_BYTES];
    unsigned char box[FED_SEED_BYTES + TAG_BYTES];
};

static bool get_bytes(const struct jcs *o, const char *name, void *out, size_t len)
{
    struct span text = {0};
    return jcs_get_text(o, name, &text) && fed_base64_read(text, out, len);
}

static bool officer_box_read(const struct jcs *o, struct officer_box *b)
{
    struct span alg = {0};
    return jcs_get_text(o, "alg", &alg) && span_eq(alg, SPAN("argon2id-xchacha20")) &&
           jcs_get_int(o, "ops", &b->ops) && b->ops >= 1 && b->ops <= 16 &&
           jcs_get_int(o, "memory", &b->memory) && b->memory >= 1 << 20 &&
           b->memory <= 1 << 28 && get_bytes(o, "salt", b->salt, sizeof b->salt) &&
           get_bytes(o, "nonce", b->nonce, sizeof b->nonce) &&
           get_bytes(o, "key", b->public_key, sizeof b->public_key) &&
           get_bytes(o, "box", b->box, sizeof b->box);
}

int fed_officer_open(struct arena *a, struct span sealed, struct span password,
                     struct fed_sign_key *out, struct err *e)
{
    struct jcs *o = NULL;
    struct officer_box b;
    unsigned char key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    unsigned char seed[FED_SEED_BYTES];
    int rc = jcs_read(a, sealed, 2, &o, e);
    if (rc != 0 || !officer_box_read(o, &b)) {
        return err_set(e, ERR_INVALID, "this is no officer's key");
    }
    rc = password_key(password, b.salt, (uint64_t)b.ops, (size_t)b.memory, key, e);
    if (rc != 0) {
        return rc;
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(seed, NULL, NULL, b.box, sizeof b.box,
                                                   b.public_key, FED_KEY_BYTES, b.nonce, key) != 0) {
        rc = err_set(e, ERR_DENIED, "the password does not open this key");
    } else {
        fed_sign_key_make(out, seed);
        rc = fed_key_equal(out->public_key, b.public_key)
                 ? 0
                 : err_set(e, ERR_DENIED, "the key inside is another's");
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(seed, sizeof seed);
    return rc;
}
