/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The texts of the rules that a finding is about, as the hub's own keeper has them, into the warning of it. A correlation goes
 * with all that it joins or not at all. Pure. Runs in the hub's desk.
 */
#include "desk/federation/signal_priv.h"
#include "desk/federation/watch_priv.h"

struct watch_rule watch_rule_next(struct cursor *data)
{
    struct watch_rule k = {.id = cursor_str(data), .title = cursor_str(data), .yaml = cursor_str(data)};
    k.asked = cursor_u8(data) != 0;
    k.joins = cursor_str(data);
    return k;
}

/* False: there is no room for it, or it cannot be told. */
static bool add_rule(struct warning *w, const struct watch_rule *k, struct arena *arena)
{
    if (k->yaml.len == 0 || k->yaml.len > WARNING_YAML_MAX || w->nrules == WARNING_RULES_MAX ||
        !signal_word_valid(k->id, SIGNAL_RULE_MAX)) {
        return false;
    }
    w->rules[w->nrules++] =
        (struct warning_rule){.id = arena_copy(arena, k->id), .yaml = arena_copy(arena, k->yaml)};
    return true;
}

/* What a correlation joins, by place. False: one of them is not among the rules of this warning. */
static bool add_needs(struct warning *w, uint32_t rule, struct span joins)
{
    struct warning_rule *r = &w->rules[rule];
    while (joins.len > 0) {
        ptrdiff_t end = span_find(joins, '\n');
        struct span id = end < 0 ? joins : span_sub(joins, 0, (size_t)end);
        uint32_t at = 0;
        while (at < w->nrules && !span_eq(w->rules[at].id, id)) {
            at++;
        }
        if (at == w->nrules || r->nneeds == WARNING_NEEDS_MAX) {
            return false;
        }
        r->needs[r->nneeds++] = (uint8_t)at;
        joins = end < 0 ? SPAN("") : span_sub(joins, (size_t)end + 1, joins.len);
    }
    return true;
}

/* A correlation means nothing without all that it joins: then none of its rules is told, its name is. */
static void plain_rules_only(struct warning *w, struct cursor data, uint32_t n, struct arena *arena)
{
    w->nrules = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct watch_rule k = watch_rule_next(&data);
        if (k.asked && k.joins.len == 0 && w->nrules < WARNING_FILES_MAX) {
            (void)add_rule(w, &k, arena);
        }
    }
}

void watch_rules_take(struct warning *w, struct cursor data, uint32_t n, struct arena *arena)
{
    struct cursor all = data;
    struct cursor again = data;
    struct err e = {0};
    bool whole = true;
    for (uint32_t i = 0; i < n; i++) {
        struct watch_rule k = watch_rule_next(&all);
        whole = !all.failed && add_rule(w, &k, arena) && whole;
    }
    for (uint32_t i = 0; i < n && whole; i++) {
        whole = add_needs(w, i, watch_rule_next(&again).joins);
    }
    if (all.failed) {
        w->nrules = 0;
    } else if (!whole || warning_rules_check(w, &e) < 0) {
        plain_rules_only(w, data, n, arena);
    }
}
