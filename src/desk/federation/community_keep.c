/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys, sightings and tallies of the community's eye: see community_priv.h. Constant work for each change; indexes
 * only, no pointers. */
#include "desk/federation/community_priv.h"

/* ---- keys ---- */

void keep_hash(const struct community *c, enum community_kind kind, struct span value,
                    unsigned char out[HASH_BYTES])
{
    MUST(crypto_shorthash_siphashx24(out, (const unsigned char *)value.ptr, value.len,
                                     c->seed[kind]));
}

static uint32_t key_slot(const struct community *c, const unsigned char hash[HASH_BYTES])
{
    uint32_t h;
    memcpy(&h, hash, sizeof h);
    return h & c->table_mask;
}

uint32_t keep_find(const struct community *c, const unsigned char hash[HASH_BYTES])
{
    uint32_t k = c->key_table[key_slot(c, hash)];
    while (k != NONE && memcmp(c->keys.data[k].hash, hash, HASH_BYTES) != 0) {
        k = c->keys.data[k].next;
    }
    return k;
}

static uint32_t key_make(struct community *c, const unsigned char hash[HASH_BYTES],
                         enum community_kind kind)
{
    uint32_t k = c->free_keys;
    if (k != NONE) {
        c->free_keys = c->keys.data[k].next;
    } else {
        k = (uint32_t)c->keys.len;
        vec_push(&c->keys, (struct key){0});
    }
    struct key *key = &c->keys.data[k];
    uint32_t slot = key_slot(c, hash);
    *key = (struct key){.next = c->key_table[slot], .kind = (uint8_t)kind};
    memcpy(key->hash, hash, HASH_BYTES);
    c->key_table[slot] = k;
    c->live_keys++;
    return k;
}

/* ---- tallies ---- */

static bool counted(const struct community *c, uint32_t member, uint64_t epoch)
{
    uint64_t since = c->members.data[member].since;
    return since != COMMUNITY_NEVER && (epoch == 0 || since <= epoch);
}

static void tallies_move(struct community *c, const struct key *key, uint32_t member, bool up)
{
    for (uint32_t t = key->tallies; t != NONE; t = c->tallies.data[t].next) {
        if (counted(c, member, c->tallies.data[t].epoch)) {
            c->tallies.data[t].count += up ? 1 : UINT32_MAX;
        }
    }
}

static void tallies_drop(struct community *c, uint32_t *at)
{
    while (*at != NONE) {
        uint32_t t = *at;
        *at = c->tallies.data[t].next;
        c->tallies.data[t] = (struct tally){.next = c->free_tallies};
        c->free_tallies = t;
    }
}

/* Counts once, and remembers it as the key's newest; the one not asked for longest makes room. */
static uint32_t tally_make(struct community *c, uint32_t k, uint64_t epoch)
{
    uint32_t t = c->free_tallies;
    if (t != NONE) {
        c->free_tallies = c->tallies.data[t].next;
    } else {
        t = (uint32_t)c->tallies.len;
        vec_push(&c->tallies, (struct tally){0});
    }
    struct key *key = &c->keys.data[k];
    c->tallies.data[t] = (struct tally){.epoch = epoch, .next = key->tallies};
    key->tallies = t;
    for (uint32_t i = key->first_sighting; i != NONE; i = c->sightings.data[i].key_next) {
        c->tallies.data[t].count += counted(c, c->sightings.data[i].member, epoch);
    }
    c->recounted++;
    uint32_t last = t;
    for (unsigned n = 1; n < COMMUNITY_TALLIES_MAX && last != NONE; n++) {
        last = c->tallies.data[last].next;
    }
    if (last != NONE) {
        tallies_drop(c, &c->tallies.data[last].next);
    }
    return t;
}

/* The tally of an epoch, moved to the front; NONE when there is none. */
static uint32_t tally_find(struct community *c, struct key *key, uint64_t epoch)
{
    uint32_t *at = &key->tallies;
    while (*at != NONE && c->tallies.data[*at].epoch != epoch) {
        at = &c->tallies.data[*at].next;
    }
    uint32_t t = *at;
    if (t != NONE && t != key->tallies) {
        *at = c->tallies.data[t].next;
        c->tallies.data[t].next = key->tallies;
        key->tallies = t;
    }
    return t;
}

static void key_drop(struct community *c, uint32_t k)
{
    struct key *key = &c->keys.data[k];
    CHECK(key->sightings == 0);
    tallies_drop(c, &key->tallies);
    uint32_t *at = &c->key_table[key_slot(c, key->hash)];
    while (*at != k) {
        CHECK(*at != NONE);
        at = &c->keys.data[*at].next;
    }
    *at = key->next;
    *key = (struct key){.next = c->free_keys};
    c->free_keys = k;
    c->live_keys--;
}

/* ---- sightings ---- */

static uint32_t pair_slot(const struct community *c, uint32_t key, uint32_t member)
{
    uint64_t x = ((uint64_t)key << 32 | member) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(x >> 32) & c->table_mask;
}

uint32_t keep_sighting(const struct community *c, uint32_t key, uint32_t member)
{
    uint32_t i = c->pair_table[pair_slot(c, key, member)];
    while (i != NONE &&
           (c->sightings.data[i].key != key || c->sightings.data[i].member != member)) {
        i = c->sightings.data[i].pair_next;
    }
    return i;
}

static uint32_t *wheel_slot(struct community *c, const struct sighting *s)
{
    int64_t falls = s->last + community_rules[c->keys.data[s->key].kind].window + 1;
    return &c->wheel[falls % WHEEL];
}

static void wheel_add(struct community *c, uint32_t i)
{
    struct sighting *s = &c->sightings.data[i];
    uint32_t *slot = wheel_slot(c, s);
    s->wheel_next = *slot;
    s->wheel_prev = NONE;
    if (*slot != NONE) {
        c->sightings.data[*slot].wheel_prev = i;
    }
    *slot = i;
}

static void wheel_remove(struct community *c, uint32_t i)
{
    struct sighting *s = &c->sightings.data[i];
    if (s->wheel_prev != NONE) {
        c->sightings.data[s->wheel_prev].wheel_next = s->wheel_next;
    } else {
        uint32_t *slot = wheel_slot(c, s);
        CHECK(*slot == i);
        *slot = s->wheel_next;
    }
    if (s->wheel_next != NONE) {
        c->sightings.data[s->wheel_next].wheel_prev = s->wheel_prev;
    }
}

static void member_add(struct community *c, uint32_t i)
{
    struct sighting *s = &c->sightings.data[i];
    struct member *m = &c->members.data[s->member];
    s->newer = NONE;
    s->older = m->newest;
    if (m->newest != NONE) {
        c->sightings.data[m->newest].newer = i;
    } else {
        m->oldest = i;
    }
    m->newest = i;
}

static void member_remove(struct community *c, uint32_t i)
{
    struct sighting *s = &c->sightings.data[i];
    struct member *m = &c->members.data[s->member];
    *(s->newer == NONE ? &m->newest : &c->sightings.data[s->newer].older) = s->older;
    *(s->older == NONE ? &m->oldest : &c->sightings.data[s->older].newer) = s->newer;
}

static void key_list_add(struct community *c, uint32_t i)
{
    struct sighting *s = &c->sightings.data[i];
    struct key *key = &c->keys.data[s->key];
    s->key_prev = NONE;
    s->key_next = key->first_sighting;
    if (key->first_sighting != NONE) {
        c->sightings.data[key->first_sighting].key_prev = i;
    }
    key->first_sighting = i;
    key->sightings++;
    tallies_move(c, key, s->member, true);
}

void keep_drop(struct community *c, uint32_t i)
{
    wheel_remove(c, i);
    member_remove(c, i);
    struct sighting *s = &c->sightings.data[i];
    uint32_t k = s->key;
    struct key *key = &c->keys.data[k];
    tallies_move(c, key, s->member, false);
    *(s->key_prev == NONE ? &key->first_sighting : &c->sightings.data[s->key_prev].key_next) =
        s->key_next;
    if (s->key_next != NONE) {
        c->sightings.data[s->key_next].key_prev = s->key_prev;
    }
    uint32_t *at = &c->pair_table[pair_slot(c, k, s->member)];
    while (*at != i) {
        CHECK(*at != NONE);
        at = &c->sightings.data[*at].pair_next;
    }
    *at = s->pair_next;
    c->members.data[s->member].held--;
    *s = (struct sighting){.pair_next = c->free_sightings};
    c->free_sightings = i;
    c->live_sightings--;
    if (--key->sightings == 0) {
        key_drop(c, k);
    }
}

static uint32_t sighting_make(struct community *c, uint32_t key, uint32_t member)
{
    uint32_t i = c->free_sightings;
    if (i != NONE) {
        c->free_sightings = c->sightings.data[i].pair_next;
    } else {
        i = (uint32_t)c->sightings.len;
        vec_push(&c->sightings, (struct sighting){0});
    }
    uint32_t slot = pair_slot(c, key, member);
    c->sightings.data[i] =
        (struct sighting){.key = key, .member = member, .pair_next = c->pair_table[slot]};
    c->pair_table[slot] = i;
    c->members.data[member].held++;
    c->live_sightings++;
    return i;
}

uint32_t keep_key(struct community *c, const unsigned char hash[HASH_BYTES], enum community_kind kind)
{
    uint32_t k = keep_find(c, hash);
    return k == NONE ? key_make(c, hash, kind) : k;
}

void keep_see(struct community *c, uint32_t key, uint32_t member, int64_t bucket)
{
    uint32_t i = sighting_make(c, key, member);
    c->sightings.data[i].first = c->sightings.data[i].last = bucket;
    key_list_add(c, i);
    wheel_add(c, i);
    member_add(c, i);
}

void keep_see_again(struct community *c, uint32_t i, int64_t bucket)
{
    struct sighting *s = &c->sightings.data[i];
    member_remove(c, i);
    if (bucket > s->last) { /* else it falls out when it would have */
        wheel_remove(c, i);
        s->last = bucket;
        wheel_add(c, i);
    }
    s->first = bucket < s->first ? bucket : s->first;
    member_add(c, i);
}

uint32_t keep_tally(struct community *c, uint32_t key, uint64_t epoch)
{
    uint32_t t = tally_find(c, &c->keys.data[key], epoch);
    t = t == NONE ? tally_make(c, key, epoch) : t;
    return c->tallies.data[t].count;
}

void keep_tallies_drop(struct community *c)
{
    for (size_t k = 1; k < c->keys.len; k++) { /* of those that are free the chain is empty */
        tallies_drop(c, &c->keys.data[k].tallies);
    }
}
