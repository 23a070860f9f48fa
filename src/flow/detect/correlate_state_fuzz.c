/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target of stored windows: the bytes are the state of a correlator with one correlation of each kind. */
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NCORRELATIONS = 5, NREFS = 3, NKEYS = 6, BOUND = 1 << 20 };

/* Identities are a letter each: a fuzzer finds those. */
static const struct correlations *rules_of(struct arena *a)
{
    static const struct corr_key keys[NREFS * NKEYS];
    static const struct span names[] = {SPAN("u"), SPAN("v")};
    static const struct sigma_bound bounds[] = {{CMP_GTE, 2}};
    static const enum sigma_correlation_type types[NCORRELATIONS] = {CORR_EVENT_COUNT, CORR_VALUE_COUNT, CORR_VALUE_MEDIAN,
                                                                     CORR_TEMPORAL, CORR_TEMPORAL_ORDERED};
    struct corr_rule *rules = arena_calloc(a, NCORRELATIONS, sizeof *rules);
    struct correlations *c = arena_alloc(a, sizeof *c);
    for (uint32_t i = 0; i < NCORRELATIONS; i++) {
        rules[i] = (struct corr_rule){.type = types[i],
                                      .span_ns = 60 * TIME_SECOND,
                                      .nrefs = NREFS,
                                      .ngroup = i % 3,
                                      .nvalues = types[i] == CORR_VALUE_COUNT || types[i] == CORR_VALUE_MEDIAN ? 1 : 0,
                                      .keys = keys,
                                      .names = names,
                                      .bounds = bounds,
                                      .nbounds = 1,
                                      .percentile = -1,
                                      .masks = types[i] == CORR_TEMPORAL_ORDERED};
        memset(rules[i].identity, 'a' + (int)i, sizeof rules[i].identity);
    }
    *c = (struct correlations){.n = NCORRELATIONS, .corrs = rules};
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct correlator *k = NULL;
    struct correlator *again = NULL;
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, CORRELATE_SAVED_MAX);
    const struct correlations *c = rules_of(&a);
    if (correlator_load(c, BOUND, 0, span_make((const char *)data, size), &k, NULL) == 0) {
        struct correlator_stats stats;
        correlator_save(k, &b); /* what was read can be written, and read again */
        CHECK(correlator_load(c, BOUND, 0, buf_view(&b), &again, NULL) == 0);
        correlator_stats(again, &stats);
        CHECK(stats.state_bytes <= BOUND);
        again = correlator_move(&again, c);
    }
    correlator_free(&k);
    correlator_free(&again);
    buf_free(&b);
    arena_fini(&a);
    return 0;
}
