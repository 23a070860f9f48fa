/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Once a day, and not with the first look after a start, super adopts what intakes learnt, where it rests on much more than
 * the rules in use were planned by, and has the rules planned anew (super_learnt.c, rules_tick). The clock is the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "roles/super_priv.h"

static char folder[] = "super-learnt-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_learnt(const char *name, unsigned events)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_true(fprintf(f, "# events %u\n", events) > 0);
    assert_int_equal(fclose(f), 0);
}

static bool is_there(const char *name)
{
    struct stat st;
    return stat(in_folder(name), &st) == 0;
}

/* Whether rules are to be compiled once more: a compiler that seems to be at work keeps super from starting one. */
static bool planned_anew(struct super *s, time_ns now)
{
    s->rules.again = false;
    rules_tick(s, now);
    return s->rules.again;
}

static void once_a_day_by_what_was_learnt(void **state)
{
    (void)state;
    const time_ns start = 5 * TIME_DAY; /* the machine runs for longer than the node does */
    struct config config = {.intakes = 2};
    struct super *s = mem_calloc(1, sizeof *s);
    s->config = &config;
    s->data_dir = folder;
    s->rules.building = 1;
    s->rules.fd = 0;
    put_learnt("learnt/intake-1.new", 12000);
    assert_false(planned_anew(s, start)); /* a start is to be quick */
    assert_false(planned_anew(s, start + TIME_DAY - 1));
    assert_true(is_there("learnt/intake-1.new"));
    assert_true(planned_anew(s, start + TIME_DAY));
    assert_true(is_there("learnt/intake-1.tsv") && !is_there("learnt/intake-1.new"));

    put_learnt("learnt/intake-1.new", 23999); /* not twice as many */
    put_learnt("learnt/intake-0.new", 9999);  /* too few */
    assert_false(planned_anew(s, start + 2 * TIME_DAY));
    put_learnt("learnt/intake-1.new", 24000);
    assert_false(planned_anew(s, start + 3 * TIME_DAY - 1)); /* looked at a day ago, not since */
    s->rules.fd = -1;
    assert_false(planned_anew(s, start + 4 * TIME_DAY)); /* no rules yet */
    s->rules.fd = 0;
    s->stopping = true;
    assert_false(planned_anew(s, start + 4 * TIME_DAY));
    s->stopping = false;
    assert_true(planned_anew(s, start + 4 * TIME_DAY));
    assert_true(is_there("learnt/intake-0.new") && !is_there("learnt/intake-0.tsv"));
    mem_free(s);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || mkdir(in_folder("learnt"), 0700) != 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const all[] = {"learnt/intake-0.new", "learnt/intake-1.new", "learnt/intake-1.tsv"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        (void)unlink(in_folder(all[i]));
    }
    return rmdir(in_folder("learnt")) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_a_day_by_what_was_learnt),
    };
    return cmocka_run_group_tests_name("super learnt", tests, make_folder, remove_folder);
}
