/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An attacker inside a circle of 20 tries to work out from everything the hub publishes who saw
 * something. He is one member or two who tell each other all; they know the rule, who holds which
 * product, when the hub counts, that at most one member's signal comes or is taken back between two
 * counts, and can send signals themselves. They keep every world that fits all publications so far,
 * over three keys that overlap: an indicator over all members, the rule for one product that part
 * of them hold, and the rule for another that all the rest hold. That is differencing at its
 * strongest: a member is named when he saw it in every world. With exact counts the same attacker
 * does name members, so the harness can fail. SERENO_CASES says how many circles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/test_cases.h"
#include "policy/publish.h"

enum { CIRCLE = 20, TICKS = 60, KEYS = 3, CASES_DEFAULT = 2000, NAIVE_CASES = 200 };

static uint64_t rng, seed;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* Members fall into two kinds: who holds the product and who does not; of each, attackers and
 * others. */
struct circle {
    struct policy_publish_rule rule;
    uint32_t holders;
    uint32_t size[2]; /* others: holders, the rest */
    uint32_t attackers[2];
    uint32_t own_saw[2]; /* attackers that signalled */
    uint32_t saw[2];     /* others that did: what the attackers are after */
    struct policy_published told[KEYS];
    bool possible[CIRCLE + 1]
                 [CIRCLE + 1]; /* worlds that fit: how many others of each kind saw it */
};

/* What members get to see. */
struct seen {
    bool warn, product;
    uint32_t count;
};

static struct seen publish(const struct circle *c, int key, uint32_t a, uint32_t b,
                           struct policy_published *state, bool naive)
{
    uint32_t with_product = a + c->own_saw[0];
    uint32_t without = b + c->own_saw[1];
    struct policy_publish_group parts[2] = {
        {c->holders, policy_publish_most(&c->rule, c->holders, &c->told[1])},
        {CIRCLE - c->holders, policy_publish_most(&c->rule, CIRCLE - c->holders, &c->told[2])},
    };
    struct policy_publish_question q = {
        .members = CIRCLE,
        .saw = key == 0   ? with_product + without
               : key == 1 ? with_product
                          : without,
        .holders = key == 2                       ? CIRCLE - c->holders
                   : key == 1 || with_product > 0 ? c->holders
                                                  : 0,
        .bound = key != 0,
        .groups = parts,
        .ngroups = key == 0 ? 2 : 0,
    };
    if (naive) {
        return (struct seen){.warn = q.saw >= 2, .count = q.saw >= 2 ? q.saw : 0};
    }
    struct policy_publication p = policy_publish_count(&c->rule, &q, state);
    return (struct seen){p.warn, p.show_product, p.show_count ? p.count : 0};
}

static void make_circle(struct circle *c)
{
    *c =
        (struct circle){.rule = {below(2) == 0 ? 0 : below(5), below(2) == 0 ? 0 : below(9), false},
                        .holders = below(CIRCLE + 1)};
    uint32_t rest = CIRCLE - c->holders;
    for (uint32_t n = 1 + below(2); n > 0; n--) {
        uint32_t kind = below(CIRCLE) < c->holders ? 0 : 1;
        uint32_t *of = &c->attackers[kind];
        *of += *of < (kind == 0 ? c->holders : rest) ? 1 : 0;
    }
    c->size[0] = c->holders - c->attackers[0];
    c->size[1] = rest - c->attackers[1];
    c->possible[0][0] = true;
}

/* One signal comes or is taken back; growth is more likely, so that every number is reached. */
static void move(uint32_t *n, uint32_t most)
{
    if (below(4) == 0) {
        *n -= *n > 0 ? 1 : 0;
    } else {
        *n += *n < most ? 1 : 0;
    }
}

static bool within_one_move(const struct circle *c, uint32_t a, uint32_t b)
{
    static const int steps[][2] = {{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int pa = (int)a + steps[i][0];
        int pb = (int)b + steps[i][1];
        if (pa >= 0 && pb >= 0 && pa <= (int)c->size[0] && pb <= (int)c->size[1] &&
            c->possible[pa][pb]) {
            return true;
        }
    }
    return false;
}

/* Keeps the worlds that would have published just this. */
static void learn(struct circle *c, const struct policy_published before[KEYS],
                  const struct seen got[KEYS], bool naive)
{
    bool next[CIRCLE + 1][CIRCLE + 1] = {{false}};
    for (uint32_t a = 0; a <= c->size[0]; a++) {
        for (uint32_t b = 0; b <= c->size[1]; b++) {
            bool fits = within_one_move(c, a, b);
            for (int k = 0; k < KEYS && fits; k++) {
                struct policy_published state = before[k];
                struct seen would = publish(c, k, a, b, &state, naive);
                fits = would.warn == got[k].warn && would.count == got[k].count &&
                       would.product == got[k].product;
            }
            next[a][b] = fits;
        }
    }
    CHECK(next[c->saw[0]][c->saw[1]]); /* the truth fits what was published */
    memcpy(c->possible, next, sizeof next);
}

/* A kind of which every world says that all of it saw it. */
static bool names_somebody(const struct circle *c)
{
    uint32_t least[2] = {CIRCLE, CIRCLE};
    for (uint32_t a = 0; a <= c->size[0]; a++) {
        for (uint32_t b = 0; b <= c->size[1]; b++) {
            least[0] = c->possible[a][b] && a < least[0] ? a : least[0];
            least[1] = c->possible[a][b] && b < least[1] ? b : least[1];
        }
    }
    return (c->size[0] > 0 && least[0] == c->size[0]) || (c->size[1] > 0 && least[1] == c->size[1]);
}

static bool attack(bool naive, uint32_t *warned)
{
    struct circle c;
    make_circle(&c);
    for (int t = 0; t < TICKS; t++) {
        struct policy_published before[KEYS];
        struct seen got[KEYS];
        uint32_t kind = below(2);
        if (below(6) == 0) {
            move(&c.own_saw[kind], c.attackers[kind]);
        } else {
            move(&c.saw[kind], c.size[kind]);
        }
        memcpy(before, c.told, sizeof before);
        for (int k = KEYS - 1; k >= 0; k--) { /* the parts first */
            got[k] = publish(&c, k, c.saw[0], c.saw[1], &c.told[k], naive);
            *warned += got[k].warn ? 1 : 0;
        }
        learn(&c, before, got, naive);
        if (names_somebody(&c)) {
            if (!naive) {
                (void)fprintf(stderr,
                              "holders %u (others %u, saw %u), rest others %u, saw %u; attackers "
                              "%u+%u, saw %u+%u\n",
                              c.holders, c.size[0], c.saw[0], c.size[1], c.saw[1], c.attackers[0],
                              c.attackers[1], c.own_saw[0], c.own_saw[1]);
                for (int k = 0; k < KEYS; k++) {
                    (void)fprintf(stderr, "  tick %d key %d: warn %d count %u product %d\n", t, k,
                                  got[k].warn, got[k].count, got[k].product);
                }
            }
            return true;
        }
    }
    return false;
}

int main(void)
{
    uint64_t cases = test_cases(CASES_DEFAULT);
    uint32_t warned = 0;
    uint32_t named = 0;
    for (seed = 1; seed <= cases; seed++) {
        rng = seed;
        if (attack(false, &warned)) {
            (void)fprintf(stderr, "a member was named, seed %llu\n", (unsigned long long)seed);
            return 1;
        }
    }
    uint32_t all = warned;
    for (seed = 1; seed <= NAIVE_CASES; seed++) {
        rng = seed;
        named += attack(true, &warned) ? 1 : 0;
    }
    (void)printf(
        "%llu circles, %u warnings, nobody named; exact counts name somebody in %u of %d\n",
        (unsigned long long)cases, all, named, NAIVE_CASES);
    return named > NAIVE_CASES / 4 && all > 0 ? 0 : 1;
}
