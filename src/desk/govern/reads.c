/* SPDX-License-Identifier: EUPL-1.2 */
/* Which sensitive records one request shows: see reads.h. */
#include "desk/govern/reads.h"

#include <string.h>

static bool fits(struct span s, size_t most)
{
    return s.len > 0 && s.len <= most;
}

static void put(char *to, struct span s)
{
    memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
}

/* Its own group, or a new one; when there are too many, the last one stands for all others of its kind. */
static struct record_read *group_of(struct record_reads *r, const struct record_row *row)
{
    for (uint32_t i = 0; i < r->n; i++) {
        if (span_eq(span_of(r->of[i]->kind), row->kind) && span_eq(span_of(r->of[i]->organisation), row->organisation)) {
            return r->of[i];
        }
    }
    if (r->n == READS_GROUPS_MAX) {
        return r->of[READS_GROUPS_MAX - 1];
    }
    struct record_read *g = arena_calloc(r->a, 1, sizeof *g);
    put(g->kind, row->kind);
    put(g->organisation, r->n == READS_GROUPS_MAX - 1 ? SPAN("*") : row->organisation);
    r->of[r->n++] = g;
    return g;
}

void record_reads_add(struct record_reads *r, const struct record_row *row, bool persons)
{
    bool red = row->tlp == TLP_RED;
    if (r == NULL || (!persons && !red) || !fits(row->kind, REGISTER_NAME_MAX) || !fits(row->organisation, RECORD_ORGANISATION_MAX) || !fits(row->id, READS_ID_MAX)) {
        return;
    }
    struct record_read *g = group_of(r, row);
    g->persons = g->persons || persons;
    g->red = g->red || red;
    if (span_eq(span_of(g->last), row->id)) {
        return; /* once more in the same answer: a version of it */
    }
    put(g->last, row->id);
    if (g->count < READS_IDS_MAX) {
        put(g->ids[g->count], row->id);
    }
    g->count++;
}

void record_reads_note(const struct record_read *r, struct span who, struct span way, struct span why, time_ns now, struct arena *a, struct read_note *out)
{
    const char *ids = "";
    for (uint32_t i = 0; i < r->count && i < READS_IDS_MAX; i++) {
        ids = arena_printf(a, "%s%s%s", ids, i > 0 ? " " : "", r->ids[i]);
    }
    *out = (struct read_note){.at = now, .organisation = span_of(r->organisation), .who = who, .kind = span_of(r->kind), .way = way, .why = why,
                              .ids = span_of(ids), .count = r->count, .persons = r->persons, .red = r->red};
}
