/* SPDX-License-Identifier: EUPL-1.2 */
/* What people type as a code, what lies in the records as a box, and a proof on its way to the keeper: any bytes. */
#include <stdint.h>
#include <string.h>

#include <sodium.h>

#include "desk/identity/totp.h"
#include "records/factors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char user[] = "0193c0de-0000-7000-8000-000000000001";

/* Six digits are found in what fits, and nothing but digits and blanks. */
static void try_code(struct span typed)
{
    const time_ns now = INT64_C(1111111111) * TIME_SECOND;
    int64_t step = -1;
    size_t digits = 0;
    if (!totp_fits(SPAN("12345678901234567890"), typed, now, -1, &step)) {
        return;
    }
    for (size_t i = 0; i < typed.len; i++) {
        bool digit = typed.ptr[i] >= '0' && typed.ptr[i] <= '9';
        CHECK(digit || typed.ptr[i] == ' ');
        digits += digit;
    }
    CHECK(digits == TOTP_DIGITS && step >= totp_step(now) - TOTP_SLACK_STEPS && step <= totp_step(now) + TOTP_SLACK_STEPS);
    CHECK(!totp_fits(SPAN("12345678901234567890"), typed, now, step + TOTP_SLACK_STEPS + 1, &step));
}

/* The same hash however it is spaced. */
static void try_recovery(struct span typed)
{
    unsigned char a[RECOVERY_HASH_BYTES], b[RECOVERY_HASH_BYTES];
    struct buf spaced;
    if (!recovery_hash(span_of(user), typed, a)) {
        return;
    }
    buf_init(&spaced, 2 * typed.len + 2);
    for (size_t i = 0; i < typed.len; i++) {
        buf_put(&spaced, &typed.ptr[i], 1);
        buf_cstr(&spaced, " ");
    }
    CHECK(recovery_hash(span_of(user), buf_view(&spaced), b) && memcmp(a, b, sizeof a) == 0);
    buf_free(&spaced);
}

static void try_proof(struct span bytes)
{
    struct factor_proof p;
    struct buf again;
    struct cursor c = cursor_of(bytes);
    factor_proof_decode(&c, &p);
    if (!cursor_done(&c)) {
        return;
    }
    CHECK(p.kind < FACTOR_KIND_COUNT && (p.kind == FACTOR_RECOVERY) == (p.hash.len == ACCOUNT_HASH_BYTES));
    buf_init(&again, bytes.len + 16);
    factor_proof_encode(&again, &p);
    CHECK(p.kind == FACTOR_NONE || span_eq(buf_view(&again), bytes));
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char key[TOTP_KEY_BYTES] = {1};
    unsigned char secret[TOTP_SECRET_BYTES];
    struct span s = span_make((const char *)data, size);
    struct err e = {0};
    CHECK(sodium_init() >= 0);
    try_code(s);
    try_recovery(s);
    try_proof(s);
    CHECK(totp_box_open(key, span_of(user), s, secret, &e) == ERR_INVALID && e.text[0] != '\0');
    return 0;
}
