/* SPDX-License-Identifier: EUPL-1.2 */
/* Folding: every match is a stored alert or a number in one, whatever the order of sealing, keeping
 * and minutes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "roles/intake_fold.h"

enum { TOLD_MAX = 20000 };

/* What a keeper would know: count by address. */
struct told {
    struct archive_address at;
    uint32_t count;
    time_ns last_time;
};

static struct told told[TOLD_MAX];
static size_t ntold;
static uint64_t window_now;

static void place(void *ctx, uint32_t arrival, uint32_t *block_out, uint32_t *index_out)
{
    (void)ctx;
    *block_out = arrival / 10;
    *index_out = arrival % 10;
}

/* The test's keeper gives window w the blocks from 1000 w on. */
static void emit(void *ctx, const struct archive_alert_in *in)
{
    struct arena scratch;
    struct alert a;
    struct cursor c = cursor_of(in->body);
    struct archive_address at =
        in->placed
            ? in->at
            : (struct archive_address){1, (uint32_t)(window_now * 1000) + in->block, in->index};
    (void)ctx;
    arena_init(&scratch, 0);
    assert_int_equal(alert_decode(&c, &scratch, &a, NULL), 0);
    size_t i = 0;
    while (i < ntold && memcmp(&told[i].at, &at, sizeof at) != 0) {
        i++;
    }
    assert_true(in->placed == (i < ntold)); /* placed: one that is known; else a new one */
    assert_true(a.count > told[i].count);
    told[i] = (struct told){at, a.count, a.last_time};
    ntold += i == ntold;
    arena_fini(&scratch);
}

static void match(struct folds *f, uint32_t rule, const char *host, uint32_t arrival, time_ns time)
{
    struct fold_key key = {.rule = rule, .source = 1, .host = span_of(host)};
    struct alert a = {.rule_id = SPAN("r"),
                      .organisation = SPAN("o"),
                      .count = 1,
                      .time = time,
                      .last_time = time};
    if (folds_count(f, &key, time)) {
        folds_store(f, &a, arrival);
    }
}

static void seal(struct folds *f)
{
    folds_seal(f, ++window_now, place, emit, NULL);
}

static void keep(struct folds *f, uint64_t id)
{
    folds_kept(f, id, 1, (uint32_t)(id * 1000));
}

static uint64_t sum(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ntold; i++) {
        n += told[i].count;
    }
    return n;
}

static int reset(void **state)
{
    (void)state;
    ntold = 0;
    window_now = 0;
    memset(told, 0, sizeof told);
    return 0;
}

static void test_within_and_after_window(void **state)
{
    (void)state;
    struct folds *f = folds_new();
    match(f, 1, "a", 3, 10);
    match(f, 1, "a", 4, 12);
    match(f, 1, "b", 15, 11);
    assert_true(folds_waiting_bytes(f) > 0);
    seal(f);
    assert_int_equal(folds_waiting_bytes(f), 0);
    assert_int_equal(ntold, 2);
    assert_int_equal(sum(), 3);
    match(f, 1, "a", 0, 20); /* a later window, the same minute */
    match(f, 1, "a", 1, 19);
    seal(f);
    assert_int_equal(sum(), 3); /* told when the minute is over … */
    folds_rotate(f);
    assert_false(folds_due(f)); /* … and the first window is kept */
    keep(f, 1);
    assert_true(folds_due(f));
    seal(f);
    assert_false(folds_due(f));
    assert_int_equal(sum(), 5);
    assert_int_equal(ntold, 2);
    assert_int_equal(told[0].count + told[1].count, 5);
    assert_true(told[0].last_time == 20 || told[1].last_time == 20);
    match(f, 1, "a", 5, 30); /* a new minute, a new alert */
    seal(f);
    assert_int_equal(ntold, 3);
    folds_free(&f);
}

static void test_cap_per_rule(void **state)
{
    (void)state;
    struct folds *f = folds_new();
    for (uint32_t i = 0; i < 1000; i++) {
        char host[16];
        (void)snprintf(host, sizeof host, "h%u", i);
        match(f, 7, host, i, i);
    }
    match(f, 8, "other", 1000, 1);
    seal(f);
    assert_int_equal(ntold, FOLD_ALERTS_PER_RULE + 1);
    assert_int_equal(sum(), 1001);
    folds_free(&f);
}

static void test_rotate_before_seal(void **state)
{
    (void)state;
    struct folds *f = folds_new();
    match(f, 1, "a", 0, 1);
    folds_rotate(f);
    match(f, 1, "a", 1, 2);
    seal(f);
    assert_int_equal(ntold, 2);
    assert_int_equal(sum(), 2);
    folds_free(&f);
}

/* Many rules, hosts, windows and minutes in random order: nothing is lost, nothing told twice. */
static void test_nothing_is_lost(void **state)
{
    (void)state;
    struct folds *f = folds_new();
    uint64_t random_state = 88172645463325252u;
    uint64_t kept = 0;
    uint64_t matches = 0;
    uint32_t arrival = 0;
    for (int i = 0; i < 15000; i++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        char host[16];
        (void)snprintf(host, sizeof host, "h%u", (unsigned)(random_state >> 40) % 7);
        if (random_state % 100 < 97) {
            match(f, (uint32_t)(random_state >> 20) % 90, host, arrival++, i);
            matches++;
        } else if (random_state % 100 == 97) {
            seal(f);
            arrival = 0;
        } else if (random_state % 100 == 98 && kept < window_now) {
            keep(f, ++kept);
        } else if (random_state % 1000 < 200) {
            folds_rotate(f);
        }
    }
    seal(f);
    while (kept < window_now) {
        keep(f, ++kept);
    }
    folds_rotate(f);
    seal(f);
    assert_false(folds_due(f));
    assert_int_equal(sum(), matches);
    folds_free(&f);
}

static void test_many_folds(void **state)
{
    (void)state;
    struct folds *f = folds_new();
    for (uint32_t i = 0; i < FOLD_MAX + 10; i++) {
        match(f, i, "h", i, i);
    }
    seal(f);
    assert_int_equal(sum(), FOLD_MAX + 10);
    assert_int_equal(ntold, FOLD_MAX + 10);
    folds_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_within_and_after_window, reset),
        cmocka_unit_test_setup(test_cap_per_rule, reset),
        cmocka_unit_test_setup(test_rotate_before_seal, reset),
        cmocka_unit_test_setup(test_nothing_is_lost, reset),
        cmocka_unit_test_setup(test_many_folds, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
