/* SPDX-License-Identifier: EUPL-1.2 */
/* The line of a sealed head, written and read: see seal.h. Reads bytes that are not trusted. */
#include "archive/seal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"

static const char seal_context[] = "sereno-seal-1\n";

struct seal_key {
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    unsigned char open[SEAL_KEY_BYTES];
};

struct seal_key *seal_key_new(const unsigned char seed[SEAL_SEED_BYTES])
{
    struct seal_key *k = mem_alloc(sizeof *k);
    MUST(crypto_sign_seed_keypair(k->open, k->secret, seed));
    return k;
}

void seal_key_free(struct seal_key **k)
{
    if (*k != NULL) {
        sodium_memzero(*k, sizeof **k);
        mem_free(*k);
        *k = NULL;
    }
}

void seal_key_public(const struct seal_key *k, unsigned char out[SEAL_KEY_BYTES])
{
    memcpy(out, k->open, SEAL_KEY_BYTES);
}

void seal_key_sign(const struct seal_key *k, struct span message, unsigned char sig_out[SEAL_SIG_BYTES])
{
    MUST(crypto_sign_detached(sig_out, NULL, (const unsigned char *)message.ptr, message.len, k->secret));
}

static void put_hex(struct buf *out, const char *name, const unsigned char *bytes, size_t n)
{
    char hex[2 * SEAL_SIG_BYTES + 1];
    hex_encode(bytes, n, hex);
    buf_printf(out, ",\"%s\":\"%s\"", name, hex);
}

/* The line up to its signature. */
static void put_signed_part(struct buf *out, const struct seal *s)
{
    char day[TIME_TEXT_MAX];
    char at[TIME_TEXT_MAX];
    buf_printf(out, "{\"v\":1,\"day\":\"%.10s\",\"link\":%" PRIu32,
               time_format((time_ns)s->head.day * TIME_DAY, day), s->head.link);
    put_hex(out, "head", s->head.hash, sizeof s->head.hash);
    buf_printf(out, ",\"sealed\":\"%s\"", time_format(s->sealed, at));
    put_hex(out, "previous", s->previous, sizeof s->previous);
    put_hex(out, "key", s->key, sizeof s->key);
}

/* What is signed: the context, then the line as far as it goes. */
static void to_sign(struct buf *out, struct span part)
{
    buf_init(out, SEAL_LINE_MAX + sizeof seal_context);
    buf_put(out, seal_context, sizeof seal_context - 1);
    buf_span(out, part);
    CHECK(!out->failed);
}

void seal_line(const struct seal_key *k, const struct seal *given, struct buf *out)
{
    struct seal s = *given;
    struct buf part;
    struct buf message;
    unsigned char sig[SEAL_SIG_BYTES];
    memcpy(s.key, k->open, sizeof s.key);
    buf_init(&part, SEAL_LINE_MAX);
    put_signed_part(&part, &s);
    to_sign(&message, buf_view(&part));
    MUST(crypto_sign_detached(sig, NULL, (const unsigned char *)message.data, message.len,
                              k->secret));
    buf_span(out, buf_view(&part));
    put_hex(out, "sig", sig, sizeof sig);
    buf_cstr(out, "}");
    buf_free(&part);
    buf_free(&message);
}

/* ---- reading ---- */

static bool expect(struct span *at, const char *text)
{
    struct span t = span_of(text);
    if (!span_starts(*at, t)) {
        return false;
    }
    *at = span_sub(*at, t.len, at->len - t.len);
    return true;
}

/* Up to the next `end`, which stays. */
static struct span until(struct span *at, char end)
{
    const char *p = at->len == 0 ? NULL : memchr(at->ptr, end, at->len);
    size_t n = p == NULL ? 0 : (size_t)(p - at->ptr);
    struct span got = span_sub(*at, 0, n);
    *at = span_sub(*at, n, at->len - n);
    return got;
}

static bool take_hex(struct span *at, const char *name, unsigned char *out, size_t n)
{
    char head[24];
    (void)snprintf(head, sizeof head, ",\"%s\":\"", name);
    return expect(at, head) && hex_decode(until(at, '"'), out, n) && expect(at, "\"");
}

static bool take_line(struct span line, struct seal *s, unsigned char sig[SEAL_SIG_BYTES])
{
    struct span at = line;
    time_ns day = 0;
    uint64_t link = 0;
    bool good = expect(&at, "{\"v\":1,\"day\":\"") && time_parse(until(&at, '"'), 0, &day) &&
                expect(&at, "\",\"link\":") && num_u64(until(&at, ','), &link) &&
                link <= UINT32_MAX && take_hex(&at, "head", s->head.hash, sizeof s->head.hash) &&
                expect(&at, ",\"sealed\":\"") && time_parse(until(&at, '"'), 0, &s->sealed) &&
                expect(&at, "\"") && take_hex(&at, "previous", s->previous, sizeof s->previous) &&
                take_hex(&at, "key", s->key, sizeof s->key) &&
                take_hex(&at, "sig", sig, SEAL_SIG_BYTES) && expect(&at, "}") && at.len == 0;
    s->head.day = (int32_t)time_day(day);
    s->head.link = (uint32_t)link;
    return good;
}

int seal_read(struct span line, struct seal *out, struct err *e)
{
    unsigned char sig[SEAL_SIG_BYTES];
    struct buf part;
    struct buf message;
    memset(out, 0, sizeof *out);
    if (line.len > SEAL_LINE_MAX || !take_line(line, out, sig)) {
        return err_set(e, ERR_INVALID, "is not a seal");
    }
    buf_init(&part, SEAL_LINE_MAX);
    put_signed_part(&part, out);
    /* One way to write it: what was read must be what we would have written. */
    size_t signed_len = part.len;
    put_hex(&part, "sig", sig, sizeof sig);
    buf_cstr(&part, "}");
    bool same = !part.failed && span_eq(line, buf_view(&part));
    to_sign(&message, same ? span_sub(line, 0, signed_len) : SPAN(""));
    bool good = same && crypto_sign_verify_detached(sig, (const unsigned char *)message.data,
                                                    message.len, out->key) == 0;
    buf_free(&part);
    buf_free(&message);
    return good ? 0 : err_set(e, ERR_INVALID, "its signature does not fit: the seal was changed");
}
