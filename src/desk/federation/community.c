/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The community's eye: see community.h.
 *
 * A key is a thing (kind and value, as a keyed hash); a sighting is one member at one key, with the
 * newest bucket in which it was told. A key counts its sightings, so the number of distinct members
 * is there at once. Each sighting stands in three lists: its key's chain of the hash table, the
 * wheel of the bucket in which it falls out of its window, and its member's own, newest first, from
 * whose end it is displaced when the member has used up its share. All indexes, no pointers.
 */
#include "desk/federation/community.h"

#include <sodium.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

enum {
    COMMUNITY_MAGIC = 0x636f6d31,
    NONE = 0, /* index 0 of keys and sightings is never used */
    HASH_BYTES = 16,
    BUCKETS_PER_HOUR = 3600 / SIGNAL_BUCKET_S,
    BUCKETS_PER_DAY = 24 * BUCKETS_PER_HOUR,
    WHEEL = 30 * BUCKETS_PER_DAY + 2, /* the longest window, now, and one ahead */
};

/* What each kind is made of: how long it is remembered, and from which level on it counts. Rules that fire in every
 * city every day would otherwise warn of nothing. */
static const struct kind_rule {
    const char *name;
    int64_t window; /* buckets */
    enum alert_level level;
} kinds[COMMUNITY_KINDS] = {
    [COMMUNITY_INDICATOR] = {"indicator", 7 * BUCKETS_PER_DAY, LEVEL_LOW},
    [COMMUNITY_RULE] = {"rule", BUCKETS_PER_DAY, LEVEL_MEDIUM},
    [COMMUNITY_TECHNIQUE] = {"technique", 6 * BUCKETS_PER_HOUR, LEVEL_HIGH},
    [COMMUNITY_SEQUENCE] = {"sequence", BUCKETS_PER_DAY, LEVEL_LOW},
    [COMMUNITY_PRODUCT] = {"product", 30 * BUCKETS_PER_DAY, LEVEL_INFORMATIONAL},
};

struct key {
    unsigned char hash[HASH_BYTES];
    uint32_t next;      /* in its chain of the table */
    uint32_t sightings; /* members that saw it */
    uint32_t first_sighting;
    uint8_t kind, level;
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
    uint32_t newest, oldest; /* of its sightings */
    uint32_t held;
    uint32_t at; /* next place in recent */
    struct recent recent[COMMUNITY_RECENT];
};

struct community {
    uint32_t magic;
    uint32_t things_max;
    unsigned char seed[32];
    struct arena texts; /* ids of members */
    struct map by_member;
    VEC(struct member) members;
    VEC(struct key) keys;
    VEC(struct sighting) sightings;
    uint32_t free_keys, free_sightings; /* chained by next / pair_next */
    uint32_t live_keys, live_sightings;
    uint32_t *key_table, *pair_table; /* heads of chains */
    uint32_t table_mask;
    uint32_t wheel[WHEEL];
    int64_t now; /* buckets that fell out lie before it; 0 = nothing taken yet */
    uint64_t displaced;
};

const char *community_kind_name(enum community_kind kind)
{
    CHECK((size_t)kind < ARRAY_LEN(kinds));
    return kinds[kind].name;
}

bool community_kind_parse(struct span s, enum community_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (span_eq(s, span_of(kinds[i].name))) {
            *out = (enum community_kind)i;
            return true;
        }
    }
    return false;
}

int64_t community_window(enum community_kind kind)
{
    CHECK((size_t)kind < ARRAY_LEN(kinds));
    return kinds[kind].window;
}

int64_t community_window_max(void)
{
    int64_t max = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        max = kinds[i].window > max ? kinds[i].window : max;
    }
    return max;
}

struct community *community_new(const struct community_options *o)
{
    CHECK(o->things_max >= COMMUNITY_SHARE_MIN && o->things_max < UINT32_MAX / 4);
    struct community *c = mem_alloc(sizeof *c);
    CHECK(community_window_max() + 2 <= WHEEL);
    c->magic = COMMUNITY_MAGIC;
    c->things_max = o->things_max;
    memcpy(c->seed, o->seed, sizeof c->seed);
    arena_init(&c->texts, 0);
    map_init(&c->by_member);
    uint32_t size = 64;
    while (size < o->things_max) {
        size *= 2;
    }
    c->table_mask = size - 1;
    c->key_table = mem_calloc(size, sizeof *c->key_table);
    c->pair_table = mem_calloc(size, sizeof *c->pair_table);
    vec_push(&c->keys, (struct key){0});
    vec_push(&c->sightings, (struct sighting){0});
    return c;
}

void community_free(struct community **out)
{
    struct community *c = *out;
    *out = NULL;
    if (c == NULL) {
        return;
    }
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    vec_free(&c->members);
    vec_free(&c->keys);
    vec_free(&c->sightings);
    mem_free(c->key_table);
    mem_free(c->pair_table);
    map_free(&c->by_member);
    arena_fini(&c->texts);
    c->magic = 0;
    mem_free(c);
}

/* ---- keys ---- */

static void hash_of(const struct community *c, enum community_kind kind, struct span value,
                    unsigned char out[HASH_BYTES])
{
    crypto_generichash_state st;
    unsigned char k = (unsigned char)kind;
    MUST(crypto_generichash_init(&st, c->seed, sizeof c->seed, HASH_BYTES));
    MUST(crypto_generichash_update(&st, &k, 1));
    MUST(crypto_generichash_update(&st, (const unsigned char *)value.ptr, value.len));
    MUST(crypto_generichash_final(&st, out, HASH_BYTES));
}

static uint32_t key_slot(const struct community *c, const unsigned char hash[HASH_BYTES])
{
    uint32_t h;
    memcpy(&h, hash, sizeof h);
    return h & c->table_mask;
}

static uint32_t key_find(const struct community *c, const unsigned char hash[HASH_BYTES])
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

static void key_drop(struct community *c, uint32_t k)
{
    struct key *key = &c->keys.data[k];
    CHECK(key->sightings == 0);
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

static uint32_t pair_find(const struct community *c, uint32_t key, uint32_t member)
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
    int64_t falls = s->last + kinds[c->keys.data[s->key].kind].window + 1;
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
}

static void sighting_drop(struct community *c, uint32_t i)
{
    wheel_remove(c, i);
    member_remove(c, i);
    struct sighting *s = &c->sightings.data[i];
    uint32_t k = s->key;
    struct key *key = &c->keys.data[k];
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

/* What one member may be remembered by, so that a flood of one pushes out nobody else's. */
static uint32_t share_of(const struct community *c)
{
    uint32_t n = (uint32_t)c->members.len < 16 ? 16 : (uint32_t)c->members.len;
    uint32_t share = c->things_max / n;
    return share < COMMUNITY_SHARE_MIN   ? COMMUNITY_SHARE_MIN
           : share > COMMUNITY_SHARE_MAX ? COMMUNITY_SHARE_MAX
                                         : share;
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

/* Drops what fell out of its window by `now`: work for each sighting once. */
static void advance(struct community *c, int64_t now)
{
    int64_t from = c->now == 0 ? now : c->now;
    from = now - from > WHEEL ? now - WHEEL : from;
    for (int64_t b = from + 1; b <= now; b++) {
        uint32_t *slot = &c->wheel[b % WHEEL];
        while (*slot != NONE) {
            sighting_drop(c, *slot);
        }
    }
    c->now = now > c->now ? now : c->now;
}

/* ---- taking signals ---- */

/* Oldest and newest of what is remembered of a key; a look at a bounded number of its sightings. */
static void span_of_key(const struct community *c, uint32_t k, struct community_finding *f)
{
    enum { LOOK_MAX = 256 };
    uint32_t i = c->keys.data[k].first_sighting;
    for (unsigned n = 0; i != NONE && n < LOOK_MAX; n++, i = c->sightings.data[i].key_next) {
        const struct sighting *s = &c->sightings.data[i];
        f->first = s->first < f->first ? s->first : f->first;
        f->last = s->last > f->last ? s->last : f->last;
    }
}

/* One member saw one thing in one bucket. False when that is out of its window, or below its level. */
static bool see(struct community *c, uint32_t member, enum community_kind kind, struct span value,
                const struct signal *s, int64_t now, struct community_finding *f)
{
    unsigned char hash[HASH_BYTES];
    int64_t bucket = s->bucket > now ? now : s->bucket;
    if (bucket < now - kinds[kind].window || s->level < kinds[kind].level) {
        return false;
    }
    hash_of(c, kind, value, hash);
    uint32_t k = key_find(c, hash);
    uint32_t before = k == NONE ? 0 : c->keys.data[k].sightings;
    uint32_t i = k == NONE ? NONE : pair_find(c, k, member);
    if (i == NONE) {
        while (c->members.data[member].held >= share_of(c)) {
            sighting_drop(c, c->members.data[member].oldest);
            c->displaced++;
        }
        k = key_find(c, hash); /* it may have gone with what was displaced */
        k = k == NONE ? key_make(c, hash, kind) : k;
        i = sighting_make(c, k, member);
        c->sightings.data[i].first = c->sightings.data[i].last = bucket;
        key_list_add(c, i);
    } else {
        wheel_remove(c, i);
        member_remove(c, i);
        struct sighting *old = &c->sightings.data[i];
        old->first = bucket < old->first ? bucket : old->first;
        old->last = bucket > old->last ? bucket : old->last;
    }
    wheel_add(c, i);
    member_add(c, i);
    struct key *key = &c->keys.data[k];
    key->level = (uint8_t)s->level > key->level ? (uint8_t)s->level : key->level;
    *f = (struct community_finding){.kind = kind,
                                    .value = value,
                                    .members = key->sightings,
                                    .before = before,
                                    .first = bucket,
                                    .last = bucket,
                                    .level = (enum alert_level)key->level};
    span_of_key(c, k, f);
    return true;
}

/* Index of a member, made when it is new; NONE_MEMBER when there are too many. */
#define NONE_MEMBER UINT32_MAX
static uint32_t member_at(struct community *c, struct span id)
{
    uint64_t at = 0;
    if (map_get(&c->by_member, id, &at)) {
        return (uint32_t)at;
    }
    if (c->members.len >= COMMUNITY_MEMBERS_MAX) {
        return NONE_MEMBER;
    }
    struct span copy = arena_copy(&c->texts, id);
    map_put(&c->by_member, copy, c->members.len);
    vec_push(&c->members, (struct member){.id = copy});
    return (uint32_t)c->members.len - 1;
}

/* Whether a came before b in one member: by bucket, then as the member numbered them. */
static bool earlier(int64_t a_bucket, int64_t a_number, int64_t b_bucket, int64_t b_number)
{
    return a_bucket < b_bucket || (a_bucket == b_bucket && a_number < b_number);
}

static size_t see_sequences(struct community *c, uint32_t member, const struct signal *s,
                            int64_t now, struct arena *arena, struct community_finding *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < COMMUNITY_RECENT; i++) {
        const struct recent r = c->members.data[member].recent[i];
        struct span other = span_make(r.rule, r.len);
        int64_t apart = s->bucket - r.bucket;
        if (r.len == 0 || span_eq(other, s->rule) || apart > COMMUNITY_STEP_MAX ||
            apart < -COMMUNITY_STEP_MAX || r.level < kinds[COMMUNITY_SEQUENCE].level) {
            continue;
        }
        bool first = earlier(r.bucket, r.number, s->bucket, s->number);
        const char *value =
            first ? arena_printf(arena, "%.*s > %.*s", SPAN_ARG(other), SPAN_ARG(s->rule))
                  : arena_printf(arena, "%.*s > %.*s", SPAN_ARG(s->rule), SPAN_ARG(other));
        n += see(c, member, COMMUNITY_SEQUENCE, span_of(value), s, now, &out[n]);
    }
    return n;
}

/* The latest signal of each rule; the oldest makes room. */
static void remember_rule(struct community *c, uint32_t member, const struct signal *s)
{
    struct member *m = &c->members.data[member];
    unsigned at = COMMUNITY_RECENT;
    for (unsigned i = 0; i < COMMUNITY_RECENT && at == COMMUNITY_RECENT; i++) {
        if (span_eq(span_make(m->recent[i].rule, m->recent[i].len), s->rule)) {
            at = i;
        }
    }
    if (at == COMMUNITY_RECENT) {
        at = m->at++ % COMMUNITY_RECENT;
    } else if (!earlier(m->recent[at].bucket, m->recent[at].number, s->bucket, s->number)) {
        return;
    }
    m->recent[at] = (struct recent){.bucket = s->bucket,
                                    .number = s->number,
                                    .level = (uint8_t)s->level,
                                    .len = (uint8_t)s->rule.len};
    memcpy(m->recent[at].rule, s->rule.ptr, s->rule.len);
}

size_t community_take(struct community *c, struct span id, const struct signal *s, int64_t now,
                      struct arena *arena, struct community_finding *findings)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    size_t n = 0;
    struct community_finding product;
    if (s->count == 0 || s->rule.len == 0 || s->rule.len > SIGNAL_RULE_MAX) {
        return 0;
    }
    now = now < c->now ? c->now : now; /* a clock that was set back undoes nothing */
    advance(c, now);
    uint32_t member = member_at(c, id);
    if (member == NONE_MEMBER) {
        return 0;
    }
    for (uint32_t i = 0; i < s->nindicators; i++) {
        const struct fed_indicator *in = &s->indicators[i];
        const char *value = arena_printf(arena, "%s:%.*s", fed_indicator_type_name(in->type),
                                         SPAN_ARG(in->value));
        n += see(c, member, COMMUNITY_INDICATOR, span_of(value), s, now, &findings[n]);
    }
    for (uint32_t i = 0; i < s->ntechniques; i++) {
        n += see(c, member, COMMUNITY_TECHNIQUE, s->techniques[i], s, now, &findings[n]);
    }
    n += see(c, member, COMMUNITY_RULE, s->rule, s, now, &findings[n]);
    if (s->level >= kinds[COMMUNITY_SEQUENCE].level) {
        n += see_sequences(c, member, s, now, arena, findings + n);
    }
    if (s->product.len > 0) {
        (void)see(c, member, COMMUNITY_PRODUCT, s->product, s, now, &product);
    }
    remember_rule(c, member, s);
    CHECK(n <= COMMUNITY_FINDINGS_MAX);
    return n;
}

void community_forget(struct community *c, struct span id)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    uint64_t at = 0;
    if (!map_get(&c->by_member, id, &at)) {
        return;
    }
    while (c->members.data[at].oldest != NONE) {
        sighting_drop(c, c->members.data[at].oldest);
    }
    CHECK(c->members.data[at].held == 0);
    c->members.data[at] = (struct member){.id = c->members.data[at].id};
}

uint32_t community_members(struct community *c, enum community_kind kind, struct span value,
                           int64_t now)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    unsigned char hash[HASH_BYTES];
    advance(c, now < c->now ? c->now : now);
    hash_of(c, kind, value, hash);
    uint32_t k = key_find(c, hash);
    return k == NONE ? 0 : c->keys.data[k].sightings;
}

uint32_t community_cohort(struct community *c, enum community_kind kind, struct span value,
                          int64_t now, community_counts *counts, void *ctx)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    unsigned char hash[HASH_BYTES];
    uint32_t n = 0;
    advance(c, now < c->now ? c->now : now);
    hash_of(c, kind, value, hash);
    uint32_t k = key_find(c, hash);
    uint32_t i = k == NONE ? NONE : c->keys.data[k].first_sighting;
    for (; i != NONE; i = c->sightings.data[i].key_next) {
        n += counts(ctx, c->members.data[c->sightings.data[i].member].id);
    }
    return n;
}

void community_stats(const struct community *c, struct community_stats *out)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    *out = (struct community_stats){
        .members = (uint32_t)c->members.len,
        .things = c->live_sightings,
        .keys = c->live_keys,
        .displaced = c->displaced,
        .bytes = sizeof *c + c->members.cap * sizeof *c->members.data +
                 c->keys.cap * sizeof *c->keys.data +
                 c->sightings.cap * sizeof *c->sightings.data +
                 2 * ((size_t)c->table_mask + 1) * sizeof *c->key_table,
    };
}
