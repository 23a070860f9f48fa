/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target: a line of seals.jsonl. First byte '+': the rest is the line up to its signature, signed here with a key of
 * our own, so that the fuzzer gets behind the signature; a seal that is then read must be written again as the same bytes.
 */
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "archive/seal.h"
#include "base/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char seed[SEAL_SEED_BYTES] = "a seed that everybody may know..";

static void read_line(struct span line)
{
    struct seal s;
    struct err e;
    if (seal_read(line, &s, &e) != 0) {
        return;
    }
    struct seal_key *k = seal_key_new(seed);
    unsigned char key[SEAL_KEY_BYTES];
    seal_key_public(k, key);
    if (memcmp(key, s.key, sizeof key) == 0) {
        struct buf again;
        buf_init(&again, SEAL_LINE_MAX);
        seal_line(k, &s, &again);
        CHECK(span_eq(buf_view(&again), line));
        buf_free(&again);
    }
    seal_key_free(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char context[] = "sereno-seal-1\n";
    if (size == 0 || data[0] != '+' || size > SEAL_LINE_MAX) {
        read_line(span_make((const char *)data, size));
        return 0;
    }
    unsigned char open[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    unsigned char sig[SEAL_SIG_BYTES];
    char hex[2 * SEAL_SIG_BYTES + 1];
    struct buf message;
    struct buf line;
    MUST(crypto_sign_seed_keypair(open, secret, seed));
    buf_init(&message, 2048);
    buf_put(&message, context, sizeof context - 1);
    buf_put(&message, data + 1, size - 1);
    MUST(crypto_sign_detached(sig, NULL, (const unsigned char *)message.data, message.len, secret));
    hex_encode(sig, sizeof sig, hex);
    buf_init(&line, 2048);
    buf_put(&line, data + 1, size - 1);
    buf_printf(&line, ",\"sig\":\"%s\"}", hex);
    read_line(buf_view(&line));
    buf_free(&message);
    buf_free(&line);
    return 0;
}
