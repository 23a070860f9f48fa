/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whom a hub counts (policy/publish.h): organisations with an active member that is no mere sponsor or hub, each
 * once, since the epoch in which the first of them came. Read once for each membership, so that a count over the
 * members of an epoch looks at none of them. See watch_priv.h.
 */
#include <stdlib.h>

#include "desk/federation/watch_priv.h"

void cohort_init(struct cohort *c)
{
    *c = (struct cohort){0};
    arena_init(&c->texts, 0);
    map_init(&c->since);
}

void cohort_free(struct cohort *c)
{
    map_free(&c->since);
    vec_free(&c->joined);
    arena_fini(&c->texts);
}

static int by_epoch(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

bool cohort_read(struct cohort *c, const struct fed_membership *m)
{
    if (c->epoch == m->epoch) {
        return false;
    }
    cohort_free(c);
    cohort_init(c);
    c->epoch = m->epoch;
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *x = &m->members[i];
        bool fresh = false;
        if (x->state != FED_ACTIVE || (x->classes & (FED_MEMBER | FED_NDA)) == 0) {
            continue;
        }
        uint64_t *at = map_at(&c->since, arena_copy(&c->texts, x->org), &fresh);
        *at = fresh || x->since < *at ? x->since : *at;
    }
    for (size_t i = 0; i < c->since.cap; i++) {
        if (c->since.slots[i].hash != 0) {
            vec_push(&c->joined, c->since.slots[i].value);
        }
    }
    if (c->joined.len > 0) {
        qsort(c->joined.data, c->joined.len, sizeof *c->joined.data, by_epoch);
    }
    return true;
}

uint64_t cohort_since(void *ctx, struct span organisation)
{
    const struct cohort *c = ctx;
    uint64_t since = COMMUNITY_NEVER;
    return map_get(&c->since, organisation, &since) ? since : COMMUNITY_NEVER;
}

uint32_t cohort_size(const struct cohort *c, uint64_t epoch)
{
    size_t from = 0, to = c->joined.len;
    while (epoch != 0 && from < to) { /* the first that came later */
        size_t middle = from + (to - from) / 2;
        if (c->joined.data[middle] <= epoch) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return (uint32_t)to;
}
