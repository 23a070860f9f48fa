/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An attacker within a circle of twenty: three members who work together, report what they like,
 * close it again, and read every word that the hub says to all, with its time. They may learn how
 * many saw something, never who. Two things show that:
 *
 *   whoever the others are   the same events, with the seventeen others in another order, make the
 *                            hub say the same, word for word and second for second. What does not
 *                            change when members change places names none of them.
 *   not all of them          a number is a multiple of the threshold, and leaves at least as many
 *                            who could be those who did not see it; so no number means "everybody".
 *
 * The events are random and include what attackers are after: things that few saw, and one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/test_cases.h"
#include "roles/watch_world.h"

enum { MEMBERS = 20, ATTACKERS = 3, EVENTS = 60, SHOW = 5 };

enum deed { DEED_ALERT, DEED_TAKE_BACK, DEED_WAIT, DEED_RESTART };

struct deed_of {
    enum deed what;
    unsigned member; /* 1 to MEMBERS */
    unsigned rule, ip;
    enum alert_level level;
};

static uint64_t seed;
static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

static void make_script(struct deed_of script[EVENTS])
{
    for (unsigned i = 0; i < EVENTS; i++) {
        uint32_t dice = below(20);
        /* Attackers act as often as all others together, and on what others saw. */
        unsigned member = below(2) == 0 ? 1 + below(ATTACKERS)
                                        : 1 + ATTACKERS + below(MEMBERS - ATTACKERS);
        script[i] = (struct deed_of){
            .what = dice == 0   ? DEED_RESTART
                    : dice <= 2 ? DEED_WAIT
                    : dice <= 4 ? DEED_TAKE_BACK
                                : DEED_ALERT,
            .member = member,
            .rule = below(2),
            .ip = below(3),
            .level = (enum alert_level)(LEVEL_LOW + below(4)),
        };
    }
}

static void play(const struct deed_of *d, unsigned member, struct world *w,
                 char last[MEMBERS + 1][ALERT_ID_LEN + 1])
{
    static const char *const rules[] = {"aaaaaaaa-0000-4000-8000-000000000000",
                                        "bbbbbbbb-0000-4000-8000-000000000000"};
    char ip[32];
    (void)snprintf(ip, sizeof ip, "185.220.101.%u", 1 + d->ip);
    switch (d->what) {
    case DEED_ALERT:
        world_alert(w, member, rules[d->rule], ip, d->level, last[member]);
        break;
    case DEED_TAKE_BACK:
        if (last[member][0] != '\0') {
            world_change(w, member, last[member], ALERT_DO_CLOSE, "false_positive");
            last[member][0] = '\0';
        }
        break;
    case DEED_WAIT:
        w->now += 3600 * TIME_SECOND;
        break;
    default:
        world_restart(w, 0);
        break;
    }
    world_run(w, 2);
    if (d->what == DEED_TAKE_BACK) {
        world_run(w, 2 * WATCH_FORGET_S);
    }
}

/* `place` says which member plays whom. */
static struct world *run(const struct deed_of script[EVENTS], const unsigned place[MEMBERS + 1])
{
    char last[MEMBERS + 1][ALERT_ID_LEN + 1] = {{0}};
    struct world *w = world_new(MEMBERS);
    for (unsigned i = 1; i <= MEMBERS; i++) {
        world_sharing(w, i, "at_once", 0, false, 0);
    }
    world_run(w, 2);
    for (unsigned i = 0; i < EVENTS; i++) {
        play(&script[i], place[script[i].member], w, last);
    }
    return w;
}

static void shuffle(unsigned place[MEMBERS + 1])
{
    for (unsigned i = 0; i <= MEMBERS; i++) {
        place[i] = i;
    }
    for (unsigned i = MEMBERS; i > ATTACKERS + 1; i--) {
        unsigned k = ATTACKERS + 1 + below(i - ATTACKERS);
        unsigned was = place[i];
        place[i] = place[k];
        place[k] = was;
    }
}

static bool same(const struct world_said *a, const struct world_said *b)
{
    return strcmp(a->id, b->id) == 0 && a->version == b->version && a->seen == b->seen &&
           a->withdrawn == b->withdrawn && a->at == b->at && strcmp(a->value, b->value) == 0;
}

static void look_at_numbers(const struct world *w)
{
    for (size_t i = 0; i < w->nsaid; i++) {
        const struct world_said *s = &w->said[i];
        assert_true(s->seen % SHOW == 0);
        assert_true(s->seen <= MEMBERS - SHOW);
        for (size_t k = 0; k < i; k++) { /* versions of one key differ by nothing, or by a step */
            const struct world_said *b = &w->said[k];
            int64_t step = s->seen > b->seen ? s->seen - b->seen : b->seen - s->seen;
            assert_true(strcmp(s->id, b->id) != 0 || step == 0 || step >= SHOW);
        }
    }
}

static void no_member_is_named(void **state)
{
    (void)state;
    uint64_t cases = test_cases(6000) / 4000 + 5; /* each is a small world of thousands of signals */
    size_t said = 0;
    size_t numbers = 0;
    size_t withdrawn = 0;
    cases = cases > 200 ? 200 : cases;
    seed = 0x2545f4914f6cdd1du;
    for (uint64_t i = 0; i < cases; i++) {
        struct deed_of script[EVENTS];
        unsigned plain[MEMBERS + 1];
        unsigned mixed[MEMBERS + 1];
        make_script(script);
        shuffle(mixed);
        for (unsigned k = 0; k <= MEMBERS; k++) {
            plain[k] = k;
        }
        struct world *a = run(script, plain);
        struct world *b = run(script, mixed);
        look_at_numbers(a);
        if (a->nsaid != b->nsaid) {
            fail_msg("case %llu: %zu warnings, then %zu", (unsigned long long)i, a->nsaid, b->nsaid);
        }
        for (size_t k = 0; k < a->nsaid; k++) {
            if (!same(&a->said[k], &b->said[k])) {
                fail_msg("case %llu: warning %zu says %s %s %lld, then %s %s %lld",
                         (unsigned long long)i, k, a->said[k].kind, a->said[k].value,
                         (long long)a->said[k].seen, b->said[k].kind, b->said[k].value,
                         (long long)b->said[k].seen);
            }
            numbers += a->said[k].seen > 0;
            withdrawn += a->said[k].withdrawn;
        }
        said += a->nsaid;
        world_free(&a);
        world_free(&b);
    }
    printf("%llu worlds, %zu warnings, %zu with a number, %zu withdrawn\n",
           (unsigned long long)cases, said, numbers, withdrawn);
    /* Or there would have been nothing to read. */
    assert_true(said > 10 * cases && numbers > 0 && withdrawn > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_member_is_named)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
