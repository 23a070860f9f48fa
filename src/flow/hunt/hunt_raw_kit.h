/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * For tests and the fuzz target: what the slow way finds in a record, the first look at raw bytes must let through, each
 * indicator by itself; and a record that shows the first value of a kind must be let through while that kind is unseen.
 */
#ifndef FLOW_HUNT_HUNT_RAW_KIT_H
#define FLOW_HUNT_HUNT_RAW_KIT_H

#include "flow/hunt/hunt_match.h"
#include "flow/hunt/hunt_raw.h"
#include "flow/normalise/norm_kit.h"
#include "flow/normalise/normalise.h"

struct raw_kit {
    const struct catalog *catalog;
    const struct indicator *list;
    uint32_t count;
    struct normaliser *normaliser;
    struct event event;
    struct stream stream;
    struct hunt_matcher **matchers; /* of one indicator each */
    struct hunt_raw **raws;         /* NULL: nothing can be ruled out */
    uint64_t hits, passed, stopped, sights;
};

static inline void raw_kit_init(struct raw_kit *k, const struct catalog *catalog, const struct indicator *list, uint32_t count)
{
    *k = (struct raw_kit){.catalog = catalog, .list = list, .count = count};
    k->normaliser = normaliser_new(catalog);
    event_init(&k->event, catalog);
    stream_init(&k->stream);
    k->stream.source = SPAN("");
    k->matchers = mem_calloc(count, sizeof(void *));
    k->raws = mem_calloc(count, sizeof(void *));
    for (uint32_t i = 0; i < count; i++) {
        k->matchers[i] = hunt_matcher_new(&list[i], 1);
        k->raws[i] = hunt_raw_new(&list[i], 1, catalog);
    }
}

static inline void raw_kit_fini(struct raw_kit *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        hunt_matcher_free(&k->matchers[i]);
        hunt_raw_free(&k->raws[i]);
    }
    mem_free(k->matchers);
    mem_free(k->raws);
    stream_fini(&k->stream);
    event_fini(&k->event);
    normaliser_free(&k->normaliser);
}

/* The records of one block, as the archive gives them: contiguous. Returns the index of a record where the two ways differ and
 * sets *which_out, or -1. */
static inline int64_t raw_kit_check(struct raw_kit *k, const struct block *b, uint32_t *which_out)
{
    for (uint32_t i = 0; i < k->count; i++) {
        enum indicator_type type = k->list[i].type;
        for (uint32_t n = 0; n < b->count; n++) {
            const struct archive_record *r = &b->records[n];
            const uint32_t *hits = NULL;
            struct err e = {0};
            enum source_format format = FORMAT_JSON;
            if (k->raws[i] == NULL || !normalise_flag_format(r->flags, &format) || format == FORMAT_EVTX) {
                continue;
            }
            k->stream.format = format;
            k->stream.received = r->received;
            if (normalise(k->normaliser, &k->stream, r->original, &k->event, &e) == NORMALISE_HEADER) {
                continue;
            }
            hunt_matcher_set_seen(k->matchers[i], type, 0);
            bool hit = hunt_matcher_run(k->matchers[i], &k->event, &hits) > 0;
            bool sight = hunt_matcher_seen(k->matchers[i], type) > 0;
            bool may = (hunt_raw_block(k->raws[i], b, 0)[n / 64] >> (n % 64) & 1) != 0;
            bool may_unseen = (hunt_raw_block(k->raws[i], b, 1u << type)[n / 64] >> (n % 64) & 1) != 0;
            k->hits += hit;
            k->sights += sight;
            k->passed += may;
            k->stopped += !may;
            if ((hit && !may) || (sight && type != INDICATOR_CIDR && !may_unseen)) {
                *which_out = i;
                return n;
            }
        }
    }
    return -1;
}

#endif
