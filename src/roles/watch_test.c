/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tests of signals and warnings from the alert of one city to the rule of another, over the real
 * records and answers of the keeper (watch_world.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "roles/watch_world.h"

#define RULE_A "aaaaaaaa-0000-4000-8000-000000000000"
#define RULE_B "bbbbbbbb-0000-4000-8000-000000000000"
#define IP "185.220.101.4"

static struct arena arena;
static struct world *w;
static char id[ALERT_ID_LEN + 1];

static void begin(size_t members)
{
    arena_init(&arena, 0);
    w = world_new(members);
}

static void end(void)
{
    world_free(&w);
    arena_fini(&arena);
}

static const struct world_said *said(const char *kind)
{
    for (size_t i = w->nsaid; i > 0; i--) {
        if (strcmp(w->said[i - 1].kind, kind) == 0) {
            return &w->said[i - 1];
        }
    }
    return NULL;
}

/* The default: nothing goes before somebody has looked. */
static void told_after_acknowledgement(void **state)
{
    (void)state;
    begin(3);
    world_alert(w, 1, RULE_A, IP, LEVEL_HIGH, id);
    world_run(w, 10);
    assert_int_equal(w->signal_envelopes, 0);
    world_change(w, 1, id, ALERT_DO_ACKNOWLEDGE, "");
    world_run(w, 3);
    assert_int_equal(w->signal_envelopes, 1);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(*) FROM fed_signal"), 1);
    assert_null(memmem(w->last_signals.data, w->last_signals.len, "planted", 7));
    assert_non_null(memmem(w->last_signals.data, w->last_signals.len, IP, strlen(IP)));
    end();
}

static void told_by_the_citys_policy(void **state)
{
    (void)state;
    begin(3);
    world_sharing(w, 1, "at_once", 0, false, 0);
    world_sharing(w, 2, "after_minutes", 5, false, 0);
    world_sharing(w, 3, "never", 0, false, 0);
    for (size_t i = 1; i <= 3; i++) {
        world_alert(w, i, RULE_A, NULL, LEVEL_HIGH, id);
        world_run(w, 1);
    }
    world_change(w, 3, id, ALERT_DO_ACKNOWLEDGE, "");
    world_run(w, 2);
    assert_int_equal(w->signal_envelopes, 1);
    world_run(w, 290);
    assert_int_equal(w->signal_envelopes, 1);
    world_run(w, 10);
    assert_int_equal(w->signal_envelopes, 2);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(DISTINCT node) FROM fed_signal"), 2);
    end();
}

static void nothing_leaves_a_stopped_node(void **state)
{
    (void)state;
    begin(3);
    world_sharing(w, 1, "at_once", 0, false, 0);
    w->node[1]->stopped = true;
    world_alert(w, 1, RULE_A, IP, LEVEL_HIGH, id);
    world_run(w, 60);
    assert_int_equal(w->signal_envelopes, 0);
    w->node[1]->stopped = false;
    world_run(w, 3);
    assert_int_equal(w->signal_envelopes, 1);
    end();
}

/* So many have it that a rule for it names nobody. */
static void all_have_linux(void)
{
    for (size_t i = 1; i < w->count; i++) {
        world_sharing(w, i, "at_once", 0, false, 0);
        world_alert(w, i, "cccccccc-0000-4000-8000-000000000000", NULL, LEVEL_LOW, id);
    }
    world_run(w, 3);
    assert_int_equal(w->nsaid, 0);
}

static void attack_two(void)
{
    for (size_t i = 1; i <= 2; i++) {
        world_sharing(w, i, "at_once", 0, false, 0);
        world_alert(w, i, RULE_A, IP, LEVEL_HIGH, id);
        world_run(w, 2);
    }
}

static void two_cities_make_a_warning(void **state)
{
    (void)state;
    struct fed_warning_row row;
    begin(8);
    world_sharing(w, 1, "at_once", 0, false, 0);
    world_sharing(w, 2, "at_once", 0, false, 0);
    world_alert(w, 1, RULE_A, IP, LEVEL_HIGH, id);
    world_run(w, 60);
    assert_int_equal(w->nsaid, 0);
    world_alert(w, 2, RULE_B, IP, LEVEL_HIGH, id);
    world_run(w, 2); /* within two looks of the hub */
    assert_int_equal(w->nsaid, 1);
    const struct world_said *s = said("indicator");
    assert_non_null(s);
    assert_int_equal(s->seen, 0); /* at least one other member */
    for (size_t i = 0; i < w->count; i++) {
        assert_true(world_warning(w, i, "indicator", "ip:" IP, &arena, &row));
    }
    /* Each tries it on its archive. */
    world_run(w, 20);
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_true(span_eq(row.dry_run, SPAN("done")));
    assert_true(span_eq(row.state, SPAN("checked")));
    assert_int_equal(w->node[3]->hunts, 1);
    assert_int_equal(watch_level(w->node[3]->watch)->level, LEVEL_WATCHFUL);
    end();
}

static void nothing_is_counted_twice_after_a_restart(void **state)
{
    (void)state;
    begin(8);
    all_have_linux();
    attack_two();
    size_t before = w->nsaid;
    assert_int_equal(before, 2); /* rule and indicator */
    for (int i = 0; i < 3; i++) {
        world_restart(w, 0);
        world_restart(w, 1);
        world_run(w, 10);
    }
    assert_int_equal(w->nsaid, before);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(*) FROM fed_signal"), 8 + 2);
    /* And it goes on where it stood: the third and fourth are no news, the fifth shows a number. */
    for (size_t i = 3; i <= 5; i++) {
        assert_int_equal(w->nsaid, before);
        world_alert(w, i, RULE_A, IP, LEVEL_HIGH, id);
        world_run(w, 3);
        world_restart(w, 0);
    }
    world_run(w, 3);
    /* Of eight, five is so many that the other three could be named: no number yet. */
    assert_int_equal(w->nsaid, before);
    end();
}

/* As many of its own as a hub may know of: in force, or all over but for one that is not. */
static void fill_hub(time_ns expires)
{
    char sql[700];
    struct err e = {0};
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT OR REPLACE INTO fed_warning SELECT "
                   "printf('%%032d', i), 'c', '%s', i, 'indicator', 'ip:9.9.9.' || i, 'T', 3, 0, 0, 0, '{\"first\":\"2026-11-22T01:00Z\",\"indicators\":[],"
                   "\"last\":\"2026-11-22T01:00Z\",\"level\":\"high\",\"products\":[],\"rules\":[],\"seen\":\"at least one other member\",\"title\":\"T\","
                   "\"version\":' || i || ',\"warning\":\"' || printf('%%032d', i) || '\",\"why\":{\"kind\":\"indicator\",\"value\":\"ip:9.9.9.' || i || '\"},"
                   "\"withdrawn\":false}', 0, 1, i, %lld, '1', 0, 0, '' FROM n",
                   WATCH_WARNINGS_MAX, w->node[0]->id, (long long)expires);
    if (db_exec(w->node[0]->kr.db, sql, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

static void a_hub_knows_so_many_warnings(void **state)
{
    (void)state;
    begin(8);
    fill_hub(w->now + TIME_DAY);
    world_restart(w, 0);
    world_run(w, 20);
    attack_two();
    assert_int_equal(w->nsaid, 0); /* all are in force: it is left out */
    /* Over their date they make room, and what is told now is newer than all that was. */
    fill_hub(w->now + 60 * TIME_SECOND);
    world_restart(w, 0);
    world_run(w, 80);
    assert_int_equal(w->nsaid, 0);
    world_sharing(w, 3, "at_once", 0, false, 0);
    world_alert(w, 3, RULE_A, IP, LEVEL_HIGH, id); /* its next member */
    world_run(w, 3);
    assert_non_null(said("indicator"));
    assert_int_equal(said("indicator")->version, WATCH_WARNINGS_MAX + 1);
    end();
}

static void what_is_forgotten_is_told_as_newer(void **state)
{
    (void)state;
    struct err e = {0};
    begin(8);
    MUST(db_exec(w->node[0]->kr.db, "INSERT INTO setting VALUES ('federation.warning.forgotten', '41', 1)", &e));
    world_restart(w, 0);
    world_run(w, 2);
    attack_two();
    assert_int_equal(said("indicator")->version, 42);
    end();
}

static void a_false_positive_is_taken_back(void **state)
{
    (void)state;
    struct fed_warning_row row;
    begin(8);
    attack_two();
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_int_equal(row.withdrawn, 0);
    world_change(w, 2, id, ALERT_DO_CLOSE, "false_positive");
    world_run(w, 20);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(*) FROM fed_signal WHERE count = 0"), 1);
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_int_equal(row.withdrawn, 1);
    assert_true(span_eq(row.state, SPAN("withdrawn")));
    /* And a third city makes it a warning again. */
    world_sharing(w, 5, "at_once", 0, false, 0);
    world_alert(w, 5, RULE_A, IP, LEVEL_HIGH, id);
    world_run(w, 5);
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_int_equal(row.withdrawn, 0);
    assert_int_equal(row.version, 3);
    end();
}

static bool rule_file(size_t node, const struct fed_warning_row *row)
{
    return access(arena_printf(&arena, "%s/rules/federation/%.*s/indicators.yml",
                               w->node[node]->folder, SPAN_ARG(row->id)),
                  R_OK) == 0;
}

static void taken_by_itself_under_its_cap(void **state)
{
    (void)state;
    struct fed_warning_row row;
    begin(8);
    world_sharing(w, 3, "", 0, true, 10);
    world_sharing(w, 4, "", 0, true, 10);
    w->node[3]->matched = 10;
    w->node[4]->matched = 11; /* would have fired too often */
    attack_two();
    world_run(w, 30);
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_true(span_eq(row.state, SPAN("taken")));
    assert_int_equal(row.automatic, 1);
    assert_int_equal(row.matched, 10);
    assert_true(rule_file(3, &row));
    assert_true(w->node[3]->rules_changed > 0);
    assert_true(world_warning(w, 4, "indicator", "ip:" IP, &arena, &row));
    assert_true(span_eq(row.state, SPAN("checked")));
    assert_false(rule_file(4, &row));
    assert_true(world_warning(w, 5, "indicator", "ip:" IP, &arena, &row)); /* by hand there */
    assert_true(span_eq(row.state, SPAN("checked")));
    /* The hub takes it back: the rule goes. */
    world_change(w, 2, id, ALERT_DO_CLOSE, "false_positive");
    world_run(w, 20);
    unsigned changed = w->node[3]->rules_changed;
    keeper_signals_tick(&w->node[3]->kr);
    assert_int_equal(w->node[3]->rules_changed, changed + 1);
    assert_true(world_warning(w, 3, "indicator", "ip:" IP, &arena, &row));
    assert_false(rule_file(3, &row));
    end();
}

/* Ten members and more: the fifth shows a number, and a restart in between changes nothing. */
static void the_fifth_shows_a_number(void **state)
{
    (void)state;
    begin(12);
    all_have_linux();
    for (size_t i = 1; i <= 5; i++) {
        world_alert(w, i, RULE_A, IP, LEVEL_HIGH, id);
        world_run(w, 3);
        assert_int_equal(w->nsaid, i < 2 ? 0 : i < 5 ? 2 : 4); /* of the address, and of the rule */
        world_restart(w, 0);
    }
    assert_int_equal(said("indicator")->seen, 5);
    assert_int_equal(said("indicator")->version, 2);
    end();
}

/* Three cities: a warning would name them; unless they agreed to that. */
static void a_small_circle_is_silent_until_it_agreed(void **state)
{
    (void)state;
    begin(3);
    attack_two();
    assert_int_equal(w->nsaid, 0);
    struct err e;
    const struct fed_sharing s = {.agreed = true};
    assert_int_equal(fed_sharing_put(w->node[0]->kr.db, &s, SPAN("anna"), w->now, &e), 0);
    world_run(w, 3); /* what both saw before is told now */
    assert_int_equal(w->nsaid, 2); /* the address, and the rule */
    assert_int_equal(said("rule")->seen, 0);
    end();
}

static void sequences_warn_too(void **state)
{
    (void)state;
    begin(8);
    all_have_linux();
    for (size_t i = 1; i <= 2; i++) {
        world_alert(w, i, RULE_A, NULL, LEVEL_LOW, id);
        world_run(w, 2);
        world_alert(w, i, RULE_B, NULL, LEVEL_LOW, id);
        world_run(w, 2);
    }
    const struct world_said *s = said("sequence");
    assert_non_null(s);
    assert_string_equal(s->value, RULE_A " > " RULE_B);
    /* Of what was warned of by itself, no sequence is told. */
    size_t before = w->nsaid;
    for (size_t i = 3; i <= 4; i++) {
        world_alert(w, i, RULE_A, NULL, LEVEL_HIGH, id);
        world_run(w, 2);
        world_alert(w, i, "dddddddd-0000-4000-8000-000000000000", NULL, LEVEL_HIGH, id);
        world_run(w, 2);
    }
    assert_true(w->nsaid > before);
    for (size_t i = before; i < w->nsaid; i++) {
        assert_string_not_equal(w->said[i].kind, "sequence");
    }
    end();
}

/* A hub in a hub: what is warned of above is told below, once, with its changes and its end. */
static void what_comes_from_above_is_passed_on(void **state)
{
    (void)state;
    struct fed_warning_row row = {0};
    begin(3);
    world_from_above(w, "region", "", IP, 1, false, "GREEN");
    world_run(w, 5);
    assert_int_equal(w->nsaid, 1);
    assert_int_equal(w->said[0].seen, 0);
    for (size_t i = 0; i < w->count; i++) {
        assert_true(world_warning(w, i, "indicator", "ip:" IP, &arena, &row));
    }
    assert_true(row.body.ptr != NULL && memmem(row.body.ptr, row.body.len, "\"circle\":\"region\"", 17) != NULL);
    world_restart(w, 0);
    world_run(w, 10);
    assert_int_equal(w->nsaid, 1); /* it knows what it told */
    world_from_above(w, "region", "", IP, 2, false, "GREEN");
    world_run(w, 5);
    assert_int_equal(w->nsaid, 2);
    assert_int_equal(w->said[1].version, 2);
    world_restart(w, 0);
    world_from_above(w, "region", "", IP, 3, true, "GREEN");
    world_run(w, 10);
    assert_int_equal(w->nsaid, 3);
    assert_true(w->said[2].withdrawn);
    world_from_above(w, "region", "", IP, 4, false, "GREEN"); /* and again */
    world_run(w, 5);
    assert_int_equal(w->nsaid, 4);
    assert_false(w->said[3].withdrawn);
    end();
}

/* Not: what the policy keeps, and what came through this circle already. */
static void what_is_not_passed_on(void **state)
{
    (void)state;
    begin(3);
    world_from_above(w, "region", "", IP, 1, false, "");
    world_from_above(w, "region", "c", "185.220.101.5", 1, false, "GREEN");
    world_from_above(w, "region", "a b c", "185.220.101.6", 1, false, "GREEN");
    world_from_above(w, "region", "a b d", "185.220.101.7", 1, false, "GREEN");
    world_run(w, 20);
    assert_int_equal(w->nsaid, 1);
    assert_string_equal(w->said[0].value, "ip:185.220.101.7");
    world_restart(w, 0);
    world_run(w, 20);
    assert_int_equal(w->nsaid, 1);
    end();
}

/* Two circles above say the same; and the own members see it too: it ends with the last who says so. */
static void the_last_who_says_so(void **state)
{
    (void)state;
    begin(8);
    world_from_above(w, "region", "", IP, 1, false, "GREEN");
    world_run(w, 5);
    world_from_above(w, "nation", "", IP, 1, false, "GREEN");
    world_run(w, 5);
    assert_int_equal(w->nsaid, 1);
    world_from_above(w, "region", "", IP, 2, true, "GREEN");
    world_run(w, 10);
    assert_int_equal(w->nsaid, 3); /* taken back, and told again because of the other */
    assert_false(w->said[2].withdrawn);
    attack_two();
    world_run(w, 5);
    const struct world_said *s = said("indicator");
    assert_int_equal(s->version, 4); /* the own finding takes its place */
    size_t n = w->nsaid;
    world_from_above(w, "nation", "", IP, 2, true, "GREEN");
    world_run(w, 10);
    assert_int_equal(w->nsaid, n);
    assert_false(said("indicator")->withdrawn);
    end();
}

static bool above_holds(const char *text)
{
    return memmem(w->last_above.data, w->last_above.len, text, strlen(text)) != NULL;
}

/* A hub tells the hub above what its members saw: when its own policy names that, and no name with it. */
static void findings_go_up(void **state)
{
    (void)state;
    char number[64];
    begin(8);
    w->has_above = true;
    all_have_linux();
    world_findings(w, "", 0, 0); /* at once, whatever it is: of its own alerts */
    attack_two();
    world_run(w, 30);
    assert_int_equal(w->nsaid, 2); /* rule and indicator */
    assert_int_equal(w->above_envelopes, 0);
    world_findings(w, "never", 0, 0);
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 0);
    world_findings(w, "at_once", 0, LEVEL_CRITICAL); /* of a higher level than these */
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 0);
    world_findings(w, "at_once", 0, 0);
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 1);
    assert_true(above_holds("\"value\":\"" IP "\""));
    assert_true(above_holds("\"rule\":\"" RULE_A "\""));
    assert_true(above_holds("\"count\":1")); /* at least one other member: below the threshold to show */
    assert_false(above_holds("\"count\":2"));
    for (size_t i = 0; i < w->count; i++) { /* nobody's name, nobody's number */
        char org[32];
        (void)snprintf(org, sizeof org, "org-%zu", i);
        assert_false(above_holds(org) || above_holds(w->node[i]->id));
    }
    assert_false(above_holds("linux"));
    /* the row that let it go says how much it told; and a restart tells it once more, under the same numbers, and counts nothing twice */
    assert_int_equal(world_number(w, 0, "SELECT sent FROM fed_share_policy WHERE id = 'f'"), 2);
    const char *at = memmem(w->last_above.data, w->last_above.len, "\"n\":", 4);
    assert_non_null(at);
    (void)snprintf(number, sizeof number, "%.20s", at);
    world_restart(w, 0);
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 2);
    assert_true(above_holds(number));
    assert_int_equal(world_number(w, 0, "SELECT sent FROM fed_share_policy WHERE id = 'f'"), 2);
    /* and what was taken back is taken back there */
    world_change(w, 2, id, ALERT_DO_CLOSE, "false_positive");
    world_run(w, 60);
    assert_true(said("indicator")->withdrawn);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(*) FROM fed_warning WHERE withdrawn > 0"), 2);
    assert_true(w->above_envelopes > 2);
    assert_true(above_holds("\"count\":0"));
    assert_int_equal(world_number(w, 0, "SELECT sent FROM fed_share_policy WHERE id = 'f'"), 2);
    assert_int_equal(world_number(w, 0, "SELECT COUNT(*) FROM fed_finding_told WHERE circle = 'above' AND version = 2"), 2);
    end();
}

static void what_does_not_go_up(void **state)
{
    (void)state;
    begin(8);
    w->has_above = true;
    world_findings(w, "at_once", 0, 0);
    world_from_above(w, "above", "", IP, 1, false, "GREEN"); /* what came from there */
    world_run(w, 30);
    assert_int_equal(w->nsaid, 1);
    assert_int_equal(w->above_envelopes, 0);
    end();
    begin(8);
    w->has_above = true;
    world_findings(w, "at_once", 0, 0);
    w->node[0]->stopped = true; /* nothing leaves */
    all_have_linux();
    attack_two();
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 0);
    w->membership.nda = true; /* an NDA circle's */
    w->node[0]->stopped = false;
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 0);
    w->membership.nda = false;
    w->above_members[1].state = FED_SUSPENDED; /* it would read it, and is out: the policy says no */
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 0);
    w->above_members[1].state = FED_ACTIVE;
    world_run(w, 30);
    assert_int_equal(w->above_envelopes, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_after_acknowledgement),
        cmocka_unit_test(what_comes_from_above_is_passed_on),
        cmocka_unit_test(what_is_not_passed_on),
        cmocka_unit_test(the_last_who_says_so),
        cmocka_unit_test(findings_go_up),
        cmocka_unit_test(what_does_not_go_up),
        cmocka_unit_test(told_by_the_citys_policy),
        cmocka_unit_test(nothing_leaves_a_stopped_node),
        cmocka_unit_test(two_cities_make_a_warning),
        cmocka_unit_test(nothing_is_counted_twice_after_a_restart),
        cmocka_unit_test(a_false_positive_is_taken_back),
        cmocka_unit_test(a_hub_knows_so_many_warnings),
        cmocka_unit_test(what_is_forgotten_is_told_as_newer),
        cmocka_unit_test(taken_by_itself_under_its_cap),
        cmocka_unit_test(the_fifth_shows_a_number),
        cmocka_unit_test(a_small_circle_is_silent_until_it_agreed),
        cmocka_unit_test(sequences_warn_too),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
