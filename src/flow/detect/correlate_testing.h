/* SPDX-License-Identifier: EUPL-1.2 */
/* For the tests of the correlator only: four rules, four fields, streams of made events. */
#ifndef FLOW_DETECT_CORRELATE_TESTING_H
#define FLOW_DETECT_CORRELATE_TESTING_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "flow/detect/correlate.h"
#include "flow/detect/sigma_testing.h"

enum { NRULES = 4, NFIELDS = 4, NEVENTS = 400 };
enum { F_A, F_N, F_T, F_U };
static const struct span field_names[NFIELDS] = {SPAN("A"), SPAN("N"), SPAN("T"), SPAN("U")};
static const struct catalog catalog = {.fields = field_names, .nfields = NFIELDS};

#define R(n) "title: R" n "\nid: id" n "\nname: r" n "\nlogsource: {product: p}\ndetection: {s: {A: 1}, condition: s}\n---\n"
#define RULES R("0") R("1") R("2") R("3")
#define C(name, body) "title: C\nname: " name "\nid: id_" name "\ncorrelation: {" body "}\n---\n"

struct sample {
    uint32_t rule;
    time_ns time;
    uint64_t ref;
    const char *fields[NFIELDS]; /* NULL = absent */
};

struct rig {
    struct sigma_set *set;
    struct arena region;
    const struct correlations *c;
    struct correlator *k;
};

static inline void rig_open(struct rig *r, const char *correlations, size_t bytes, int64_t lateness)
{
    struct arena a;
    arena_init(&a, 0);
    arena_init(&r->region, 0);
    r->set = test_load(arena_printf(&a, "%s%s", RULES, correlations));
    if (r->set->refused.len > 0) {
        fail_msg("%.*s", SPAN_ARG(r->set->refused.data[0].reason));
    }
    r->c = correlations_compile(r->set, &catalog, &r->region);
    r->k = correlator_new(r->c, bytes, lateness);
    arena_fini(&a);
}

static inline void rig_close(struct rig *r)
{
    correlator_free(&r->k);
    sigma_set_free(&r->set);
    arena_fini(&r->region);
}

static inline uint32_t feed(struct rig *r, const struct sample *ev, const struct correlate_output **out)
{
    struct span values[NFIELDS];
    uint32_t n = 0;
    const field_id *ids = correlations_fields(r->c, ev->rule, &n);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = span_of(ev->fields[ids[i]]);
    }
    struct correlate_input in = {.rule = ev->rule, .time = ev->time, .values = values, .ref = ev->ref};
    return correlator_feed(r->k, &in, out);
}

/* The correlator goes through its stored form, as over a restart. */
static inline void rig_restart(struct rig *r, size_t bytes, int64_t lateness)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, CORRELATE_SAVED_MAX);
    correlator_save(r->k, &b);
    assert_false(b.failed);
    correlator_free(&r->k);
    if (correlator_load(r->c, bytes, lateness, buf_view(&b), &r->k, &e) != 0) {
        fail_msg("%s", e.text);
    }
    buf_free(&b);
}

static inline int by_number(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint32_t seed_state;

static inline uint32_t rnd(uint32_t below)
{
    seed_state = seed_state * 1664525u + 1013904223u;
    return (seed_state >> 8) % below;
}

static inline void make_event(struct sample *ev, uint64_t i, time_ns *now)
{
    static const char *const users[] = {"anna", "bob", NULL};
    static const char *const numbers[] = {"1", "2", "3.5", "-4", "10", "0.1", "x", NULL};
    static const char *const targets[] = {"t1", "t2", "t3"};
    *now += (time_ns)rnd(4) * TIME_SECOND;
    *ev = (struct sample){rnd(NRULES), *now, i, {NULL, numbers[rnd(8)], targets[rnd(3)], users[rnd(3)]}};
    ev->fields[F_A] = rnd(5) == 0 ? NULL : users[rnd(2)];
}

#endif
