/* SPDX-License-Identifier: EUPL-1.2 */
/* The throttle of log-ins: see throttle.h. Runs in the desk. */
#include "desk/identity/throttle.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { THROTTLE_MAGIC = 0x74687274, WAYS = 8 /* slots that one key may lie in */ };

enum kind { KIND_PAIR, KIND_ADDRESS, KIND_ACCOUNT, KIND_COUNT };

struct slot {
    uint64_t key; /* keyed hash, 0 = free */
    uint32_t failures;
    uint32_t flying; /* tries of which it is not known yet */
    time_ns last, tried;
};

struct throttle {
    uint32_t magic;
    unsigned char seed[crypto_shorthash_KEYBYTES];
    struct slot slots[THROTTLE_SLOTS];
};

static const struct {
    uint32_t free;
    int64_t wait_max_s;
} limits[KIND_COUNT] = {
    {THROTTLE_FREE_PAIR, THROTTLE_WAIT_MAX_S},
    {THROTTLE_FREE_ADDRESS, THROTTLE_WAIT_MAX_S},
    {THROTTLE_FREE_ACCOUNT, THROTTLE_ACCOUNT_WAIT_MAX_S},
};

struct throttle *throttle_new(void)
{
    struct throttle *t = mem_alloc(sizeof *t);
    t->magic = THROTTLE_MAGIC;
    randombytes_buf(t->seed, sizeof t->seed);
    return t;
}

void throttle_free(struct throttle **t)
{
    mem_free(*t);
    *t = NULL;
}

static uint64_t key_of(const struct throttle *t, enum kind kind, struct span account,
                       struct span address)
{
    struct buf b;
    uint64_t key = 0;
    buf_init(&b, utf8_fold_room(account.len) + address.len + 64);
    buf_u8(&b, (uint8_t)kind);
    buf_str(&b, kind == KIND_ACCOUNT ? SPAN("") : address);
    if (kind != KIND_ADDRESS) {
        char *room = buf_room(&b, utf8_fold_room(account.len));
        CHECK(room != NULL);
        buf_added(&b, utf8_fold(account, room));
    }
    CHECK(!b.failed);
    MUST(crypto_shorthash((unsigned char *)&key, (const unsigned char *)b.data, b.len, t->seed));
    buf_free(&b);
    return key == 0 ? 1 : key;
}

/* The slot of a key, or NULL. */
static const struct slot *find(const struct throttle *t, uint64_t key)
{
    for (size_t i = 0; i < WAYS; i++) {
        const struct slot *s = &t->slots[(key + i) % THROTTLE_SLOTS];
        if (s->key == key) {
            return s;
        }
    }
    return NULL;
}

static time_ns used(const struct slot *s)
{
    return s->last > s->tried ? s->last : s->tried;
}

/* As find, making one over the stalest of its places. */
static struct slot *take(struct throttle *t, uint64_t key)
{
    struct slot *stalest = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct slot *s = &t->slots[(key + i) % THROTTLE_SLOTS];
        if (s->key == key) {
            return s;
        }
        if (stalest == NULL || (stalest->key != 0 && (s->key == 0 || used(s) < used(stalest)))) {
            stalest = s;
        }
    }
    *stalest = (struct slot){.key = key};
    return stalest;
}

static bool is_over(const struct slot *s, time_ns now)
{
    return now - s->last > THROTTLE_FORGET_S * TIME_SECOND;
}

static uint32_t flying(const struct slot *s, time_ns now)
{
    return s == NULL || now - s->tried > THROTTLE_FLIGHT_S * TIME_SECOND ? 0 : s->flying;
}

static int64_t wait_of(const struct slot *s, enum kind kind, time_ns now)
{
    if (s == NULL || s->failures < limits[kind].free || is_over(s, now)) {
        return 0;
    }
    uint32_t doublings = s->failures - limits[kind].free;
    int64_t wait_s = doublings >= 20 ? limits[kind].wait_max_s : INT64_C(1) << doublings;
    if (wait_s > limits[kind].wait_max_s) {
        wait_s = limits[kind].wait_max_s;
    }
    time_ns left = s->last + wait_s * TIME_SECOND - now;
    return left <= 0 ? 0 : (left + TIME_SECOND - 1) / TIME_SECOND;
}

int64_t throttle_wait_s(const struct throttle *t, struct span account, struct span address,
                        time_ns now)
{
    CHECK_OBJ(t, THROTTLE_MAGIC);
    int64_t longest = 0;
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        int64_t wait_s = wait_of(find(t, key_of(t, kind, account, address)), kind, now);
        longest = wait_s > longest ? wait_s : longest;
    }
    return longest;
}

/* Seconds until one of the tries under way is known; 0: there is room for another. */
static int64_t room_of(const struct slot *s, enum kind kind, time_ns now)
{
    uint32_t failures = s == NULL || is_over(s, now) ? 0 : s->failures, tries = flying(s, now);
    return tries > 0 && (uint64_t)failures + tries >= limits[kind].free ? 1 : 0;
}

int64_t throttle_try(struct throttle *t, struct span account, struct span address, time_ns now)
{
    int64_t wait_s = throttle_wait_s(t, account, address, now);
    for (enum kind kind = 0; wait_s == 0 && kind < KIND_COUNT; kind++) {
        wait_s = room_of(find(t, key_of(t, kind, account, address)), kind, now);
    }
    for (enum kind kind = 0; wait_s == 0 && kind < KIND_COUNT; kind++) {
        struct slot *s = take(t, key_of(t, kind, account, address));
        s->flying = flying(s, now) + 1;
        s->tried = now;
    }
    return wait_s;
}

static void landed(struct slot *s)
{
    s->flying -= s->flying > 0;
}

void throttle_void(struct throttle *t, struct span account, struct span address)
{
    CHECK_OBJ(t, THROTTLE_MAGIC);
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        landed(take(t, key_of(t, kind, account, address)));
    }
}

void throttle_failed(struct throttle *t, struct span account, struct span address, time_ns now)
{
    CHECK_OBJ(t, THROTTLE_MAGIC);
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        struct slot *s = take(t, key_of(t, kind, account, address));
        if (is_over(s, now)) {
            s->failures = 0;
        }
        s->failures += s->failures < UINT32_MAX;
        s->last = now;
        landed(s);
    }
}

void throttle_passed(struct throttle *t, struct span account, struct span address)
{
    throttle_void(t, account, address);
    take(t, key_of(t, KIND_PAIR, account, address))->failures = 0;
}
