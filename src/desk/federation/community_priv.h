/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the community's eye remembers, shared by community*.c only.
 *
 * A key is a thing (kind and value, as a keyed hash); a sighting is one member at one key, with the
 * newest bucket in which it was told. A key counts its sightings, so the number of distinct members
 * is there at once. Each sighting stands in three lists: its key's chain of the hash table, the
 * wheel of the bucket in which it falls out of its window, and its member's own, newest first, from
 * whose end it is displaced when the member has used up its share. All indexes, no pointers.
 *
 * A tally is the number of a key's sightings whose members counted in one epoch. It is made when that is
 * first asked for, and goes up and down with the sightings from then on.
 */
#ifndef DESK_FEDERATION_COMMUNITY_PRIV_H
#define DESK_FEDERATION_COMMUNITY_PRIV_H

#include <sodium.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/federation/community.h"

_Static_assert(crypto_shorthash_siphashx24_BYTES == 16, "a key is named by 128 bits");

enum {
    COMMUNITY_MAGIC = 0x636f6d31,
    NONE = 0, /* index 0 of keys and sightings is never used */
    HASH_BYTES = 16,
    BUCKETS_PER_HOUR = 3600 / SIGNAL_BUCKET_S,
    BUCKETS_PER_DAY = 24 * BUCKETS_PER_HOUR,
    WHEEL = 30 * BUCKETS_PER_DAY + 2, /* the longest window, now, and one ahead */
};

/* What each kind is made of: how long it is remembered, and from which level on it counts. */
struct community_rule {
    const char *name;
    int64_t window; /* buckets */
    enum alert_level level;
};
extern const struct community_rule community_rules[COMMUNITY_KINDS];

struct key {
    unsigned char hash[HASH_BYTES];
    uint32_t next;      /* in its chain of the table */
    uint32_t sightings; /* members that saw it */
    uint32_t first_sighting;
    uint32_t tallies; /* of the cohorts asked for, newest first */
    uint8_t kind, level;
};

struct tally {
    uint64_t epoch;
    uint32_t count;
    uint32_t next; /* of the same key, or in the chain of free ones */
};

struct sighting {
    uint32_t key, member;
    uint32_t key_next, key_prev;       /* of the same key */
    uint32_t wheel_next, wheel_prev;   /* that fall out in the same bucket */
    uint32_t newer, older;             /* of the same member */
    int64_t first, last;               /* buckets */
    uint32_t pair_next;                /* in its chain of the pair table */
};

struct recent {
    int64_t bucket;
    int64_t number;
    uint8_t level;
    uint8_t len; /* 0 = empty */
    char rule[SIGNAL_RULE_MAX];
};

struct member {
    struct span id;
    uint64_t since; /* epoch from which on it counts, or COMMUNITY_NEVER */
    uint32_t newest, oldest; /* of its sightings */
    uint32_t held;
    uint32_t at; /* next place in recent */
    struct recent recent[COMMUNITY_RECENT];
};

struct community {
    uint32_t magic;
    uint32_t things_max;
    unsigned char seed[COMMUNITY_KINDS][crypto_shorthash_siphashx24_KEYBYTES];
    struct arena texts; /* ids of members */
    community_since *since;
    void *since_ctx;
    struct map by_member;
    VEC(struct member) members;
    VEC(struct key) keys;
    VEC(struct sighting) sightings;
    VEC(struct tally) tallies;
    uint32_t free_keys, free_sightings, free_tallies; /* chained by next / pair_next / next */
    uint32_t live_keys, live_sightings;
    uint32_t *key_table, *pair_table; /* heads of chains */
    uint32_t table_mask;
    uint32_t wheel[WHEEL];
    int64_t now; /* buckets that fell out lie before it; 0 = nothing taken yet */
    uint64_t displaced, recounted;
};

/* ---- community_keep.c ---- */

void keep_hash(const struct community *c, enum community_kind kind, struct span value,
               unsigned char out[HASH_BYTES]);
/* NONE when it is not there. */
uint32_t keep_find(const struct community *c, const unsigned char hash[HASH_BYTES]);
/* The key of a hash, made where it is not there. */
uint32_t keep_key(struct community *c, const unsigned char hash[HASH_BYTES], enum community_kind kind);
/* The sighting of a member at a key, or NONE. */
uint32_t keep_sighting(const struct community *c, uint32_t key, uint32_t member);
/* Makes one, first and last in that bucket. */
void keep_see(struct community *c, uint32_t key, uint32_t member, int64_t bucket);
/* It was seen again. */
void keep_see_again(struct community *c, uint32_t i, int64_t bucket);
/* With the last sighting of a key the key goes too. */
void keep_drop(struct community *c, uint32_t i);
/* How many of a key's sightings are of members that counted in an epoch. */
uint32_t keep_tally(struct community *c, uint32_t key, uint64_t epoch);
void keep_tallies_drop(struct community *c);

#endif
