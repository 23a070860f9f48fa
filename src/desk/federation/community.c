/* SPDX-License-Identifier: EUPL-1.2 */
/* The community's eye: see community.h; what it remembers, and how, community_priv.h. */
#include "desk/federation/community_priv.h"

/* What each kind is made of: how long it is remembered, and from which level on it counts. Rules that fire in every
 * city every day would otherwise warn of nothing. */
const struct community_rule community_rules[COMMUNITY_KINDS] = {
    [COMMUNITY_INDICATOR] = {"indicator", 7 * BUCKETS_PER_DAY, LEVEL_LOW},
    [COMMUNITY_RULE] = {"rule", BUCKETS_PER_DAY, LEVEL_MEDIUM},
    [COMMUNITY_TECHNIQUE] = {"technique", 6 * BUCKETS_PER_HOUR, LEVEL_HIGH},
    [COMMUNITY_SEQUENCE] = {"sequence", BUCKETS_PER_DAY, LEVEL_LOW},
    [COMMUNITY_PRODUCT] = {"product", 30 * BUCKETS_PER_DAY, LEVEL_INFORMATIONAL},
};

const char *community_kind_name(enum community_kind kind)
{
    CHECK((size_t)kind < ARRAY_LEN(community_rules));
    return community_rules[kind].name;
}

bool community_kind_parse(struct span s, enum community_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(community_rules); i++) {
        if (span_eq(s, span_of(community_rules[i].name))) {
            *out = (enum community_kind)i;
            return true;
        }
    }
    return false;
}

int64_t community_window(enum community_kind kind)
{
    CHECK((size_t)kind < ARRAY_LEN(community_rules));
    return community_rules[kind].window;
}

int64_t community_window_max(void)
{
    int64_t max = 0;
    for (size_t i = 0; i < ARRAY_LEN(community_rules); i++) {
        max = community_rules[i].window > max ? community_rules[i].window : max;
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
    for (unsigned k = 0; k < COMMUNITY_KINDS; k++) { /* the same text of two kinds is two keys */
        unsigned char kind = (unsigned char)k;
        MUST(crypto_generichash(c->seed[k], sizeof c->seed[k], &kind, 1, o->seed, sizeof o->seed));
    }
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
    vec_push(&c->tallies, (struct tally){0});
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
    vec_free(&c->tallies);
    mem_free(c->key_table);
    mem_free(c->pair_table);
    map_free(&c->by_member);
    arena_fini(&c->texts);
    c->magic = 0;
    mem_free(c);
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

/* Drops what fell out of its window by `now`: work for each sighting once. */
static void advance(struct community *c, int64_t now)
{
    int64_t from = c->now == 0 ? now : c->now;
    from = now - from > WHEEL ? now - WHEEL : from;
    for (int64_t b = from + 1; b <= now; b++) {
        uint32_t *slot = &c->wheel[b % WHEEL];
        while (*slot != NONE) {
            keep_drop(c, *slot);
        }
    }
    c->now = now > c->now ? now : c->now;
}

/* ---- taking signals ---- */

/* One member saw one thing in one bucket. False when that is out of its window, or below its level. */
static bool see(struct community *c, uint32_t member, enum community_kind kind, struct span value,
                const struct signal *s, int64_t now, struct community_finding *f)
{
    unsigned char hash[HASH_BYTES];
    int64_t bucket = s->bucket > now ? now : s->bucket;
    if (bucket < now - community_rules[kind].window || s->level < community_rules[kind].level) {
        return false;
    }
    keep_hash(c, kind, value, hash);
    uint32_t k = keep_find(c, hash);
    uint32_t before = k == NONE ? 0 : c->keys.data[k].sightings;
    uint32_t i = k == NONE ? NONE : keep_sighting(c, k, member);
    if (i != NONE) {
        keep_see_again(c, i, bucket);
    } else {
        while (c->members.data[member].held >= share_of(c)) {
            keep_drop(c, c->members.data[member].oldest);
            c->displaced++;
        }
        k = keep_key(c, hash, kind); /* it may have gone with what was displaced */
        keep_see(c, k, member, bucket);
    }
    struct key *key = &c->keys.data[k];
    key->level = (uint8_t)s->level > key->level ? (uint8_t)s->level : key->level;
    *f = (struct community_finding){.kind = kind,
                                    .value = value,
                                    .members = key->sightings,
                                    .before = before,
                                    .level = (enum alert_level)key->level};
    return true;
}

static uint64_t since_of(const struct community *c, struct span id)
{
    return c->since == NULL ? COMMUNITY_NEVER : c->since(c->since_ctx, id);
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
    vec_push(&c->members, (struct member){.id = copy, .since = since_of(c, copy)});
    return (uint32_t)c->members.len - 1;
}

/* Whether a came before b in one member: by bucket, then as the member numbered them. */
static bool earlier(int64_t a_bucket, int64_t a_number, int64_t b_bucket, int64_t b_number)
{
    return a_bucket < b_bucket || (a_bucket == b_bucket && a_number < b_number);
}

static struct span joined(struct arena *arena, struct span a, struct span between, struct span b)
{
    size_t len = a.len + between.len + b.len;
    char *text = arena_bytes(arena, len);
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, between.ptr, between.len);
    memcpy(text + a.len + between.len, b.ptr, b.len);
    return span_make(text, len);
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
            apart < -COMMUNITY_STEP_MAX || r.level < community_rules[COMMUNITY_SEQUENCE].level) {
            continue;
        }
        bool first = earlier(r.bucket, r.number, s->bucket, s->number);
        struct span value = joined(arena, first ? other : s->rule, SPAN(" > "), first ? s->rule : other);
        n += see(c, member, COMMUNITY_SEQUENCE, value, s, now, &out[n]);
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
        struct span value =
            joined(arena, span_of(fed_indicator_type_name(in->type)), SPAN(":"), in->value);
        n += see(c, member, COMMUNITY_INDICATOR, value, s, now, &findings[n]);
    }
    for (uint32_t i = 0; i < s->ntechniques; i++) {
        n += see(c, member, COMMUNITY_TECHNIQUE, s->techniques[i], s, now, &findings[n]);
    }
    n += see(c, member, COMMUNITY_RULE, s->rule, s, now, &findings[n]);
    if (s->level >= community_rules[COMMUNITY_SEQUENCE].level) {
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
        keep_drop(c, c->members.data[at].oldest);
    }
    CHECK(c->members.data[at].held == 0);
    c->members.data[at] =
        (struct member){.id = c->members.data[at].id, .since = c->members.data[at].since};
}

/* ---- asking ---- */

static uint32_t key_at(struct community *c, enum community_kind kind, struct span value, int64_t now)
{
    unsigned char hash[HASH_BYTES];
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    advance(c, now < c->now ? c->now : now);
    keep_hash(c, kind, value, hash);
    return keep_find(c, hash);
}

uint32_t community_members(struct community *c, enum community_kind kind, struct span value,
                           int64_t now)
{
    uint32_t k = key_at(c, kind, value, now);
    return k == NONE ? 0 : c->keys.data[k].sightings;
}

bool community_span(struct community *c, enum community_kind kind, struct span value, int64_t now,
                    int64_t *first_out, int64_t *last_out)
{
    uint32_t k = key_at(c, kind, value, now);
    *first_out = INT64_MAX;
    *last_out = INT64_MIN;
    for (uint32_t i = k == NONE ? NONE : c->keys.data[k].first_sighting; i != NONE;
         i = c->sightings.data[i].key_next) {
        const struct sighting *s = &c->sightings.data[i];
        *first_out = s->first < *first_out ? s->first : *first_out;
        *last_out = s->last > *last_out ? s->last : *last_out;
    }
    return k != NONE;
}

/* ---- over fixed sets of members ---- */

void community_cohorts(struct community *c, community_since *since, void *ctx)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    c->since = since;
    c->since_ctx = ctx;
    for (size_t i = 0; i < c->members.len; i++) {
        c->members.data[i].since = since_of(c, c->members.data[i].id);
    }
    keep_tallies_drop(c);
}

uint32_t community_cohort(struct community *c, enum community_kind kind, struct span value,
                          int64_t now, uint64_t epoch)
{
    uint32_t k = key_at(c, kind, value, now);
    return k == NONE ? 0 : keep_tally(c, k, epoch);
}

void community_stats(const struct community *c, struct community_stats *out)
{
    CHECK_OBJ(c, COMMUNITY_MAGIC);
    *out = (struct community_stats){
        .members = (uint32_t)c->members.len,
        .things = c->live_sightings,
        .keys = c->live_keys,
        .displaced = c->displaced,
        .recounted = c->recounted,
        .bytes = sizeof *c + c->members.cap * sizeof *c->members.data +
                 c->keys.cap * sizeof *c->keys.data +
                 c->sightings.cap * sizeof *c->sightings.data +
                 c->tallies.cap * sizeof *c->tallies.data +
                 2 * ((size_t)c->table_mask + 1) * sizeof *c->key_table,
    };
}
