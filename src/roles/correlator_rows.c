/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rows of the log into the correlator. With several intakes a match may be committed behind one that was received later,
 * so matches wait until no intake can hold an earlier one, and go on in the order of their events' times, those of equal
 * time as they were received: then it makes no difference how many intakes there are. Runs in the correlator role.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/correlator_priv.h"

/* What a rule named in a row is in the present set. */
struct row_rule {
    uint32_t number; /* UINT32_MAX: no correlation asks for it any more */
    uint32_t nvalues;
    const uint32_t *from; /* of each field that is asked for now: index in the row's fields, UINT32_MAX = absent */
};

/* A record's address in one number; blocks hold at most 65,536 records, and days fit until 2149. */
static uint64_t link_ref(int32_t day, uint32_t block, uint32_t index)
{
    return (uint64_t)(uint16_t)day << 48 | (uint64_t)block << 16 | (uint16_t)index;
}

static struct row_rule find_rule(struct link *l, const struct match_rule *rule)
{
    struct row_rule out = {.number = UINT32_MAX};
    const struct compiled *c = l->compiled;
    uint64_t number = 0;
    if (!map_get(&l->rule_numbers, rule->id, &number) || !correlations_uses(c->correlations, (uint32_t)number)) {
        return out;
    }
    const field_id *ids = correlations_fields(c->correlations, (uint32_t)number, &out.nvalues);
    uint32_t *from = arena_calloc(&l->scratch, out.nvalues, sizeof *from);
    for (uint32_t i = 0; i < out.nvalues; i++) {
        from[i] = UINT32_MAX;
        for (uint32_t f = 0; f < rule->nfields && from[i] == UINT32_MAX; f++) {
            from[i] = span_eq(rule->fields[f], c->catalog->fields[ids[i]]) ? f : UINT32_MAX;
        }
    }
    out.number = (uint32_t)number;
    out.from = from;
    return out;
}

static void hold_match(struct link *l, struct link_row *row, const struct row_rule *rule, const struct match_row *m)
{
    struct span *values = arena_calloc(&row->arena, rule->nvalues, sizeof *values);
    for (uint32_t i = 0; i < rule->nvalues; i++) {
        values[i] = rule->from[i] == UINT32_MAX ? span_make(NULL, 0) : m->values[rule->from[i]];
    }
    const struct link_input in = {
        .row = row,
        .rule = rule->number,
        .tags = m->tags,
        .seq = l->seq++,
        .ref = link_ref(row->head.place.day, row->head.first_block + m->block, m->index),
        .time = m->time,
        .received = m->received,
        .values = values,
        .origin = m->origin,
        .host = m->host,
        .user = m->user,
    };
    vec_push(&l->waiting, in);
    row->left++;
}

static int read_row(struct link *l, struct link_row *row, bool held_before, struct err *e)
{
    struct match_reader r;
    struct match_row m;
    int rc = match_reader_open(&r, row->head.body, &row->arena, e);
    if (rc != 0) {
        return rc;
    }
    struct row_rule *rules = arena_calloc(&l->scratch, r.nrules, sizeof *rules);
    for (uint32_t i = 0; i < r.nrules; i++) {
        rules[i] = find_rule(l, &r.rules[i]);
    }
    while ((rc = match_reader_next(&r, &m, e)) == 1) {
        m.received = correlate_time((uint64_t)m.received);
        if (held_before && m.received <= l->watermark) {
            continue; /* has gone on already */
        }
        l->stragglers += !held_before && l->several && m.received <= l->watermark ? 1 : 0;
        if (rules[m.rule_number].number == UINT32_MAX) {
            l->unknown_rule += held_before ? 0 : 1;
        } else {
            hold_match(l, row, &rules[m.rule_number], &m);
        }
    }
    return rc;
}

static void row_free(struct link *l, struct link_row *row)
{
    l->held_bytes -= row->head.body.len;
    arena_fini(&row->arena);
    mem_free(row);
}

static void hold(struct link *l, const struct archive_match *given, bool held_before)
{
    struct err e = {0};
    struct link_row *row = mem_alloc(sizeof *row);
    arena_init(&row->arena, 0);
    arena_reset(&l->scratch);
    row->head = *given;
    row->head.body = arena_copy(&row->arena, given->body);
    l->held_bytes += given->body.len;
    if (read_row(l, row, held_before, &e) != 0) { /* keeper has looked at it: the disk is at fault */
        log_error("matches.damaged", "day=%d row=%llu why=\"%s\"", given->place.day, (unsigned long long)given->place.row,
                  e.text);
    }
    if (row->left == 0) {
        row_free(l, row);
        return;
    }
    vec_push(&l->rows, row);
}

void link_hold_row(struct link *l, const struct archive_match *row)
{
    hold(l, row, true);
}

static int by_time(const void *a, const void *b)
{
    const struct link_input *x = a;
    const struct link_input *y = b;
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    if (x->received != y->received) {
        return x->received < y->received ? -1 : 1;
    }
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void feed(struct link *l, const struct link_input *in)
{
    const struct correlate_output *out = NULL;
    const struct correlate_input input = {
        .rule = in->rule, .time = in->time, .scope = in->origin->organisation, .values = in->values, .ref = in->ref};
    uint32_t n = correlator_feed(l->correlator, &input, &out);
    for (uint32_t i = 0; i < n; i++) {
        link_completed(l, in, &out[i]);
    }
}

/* Sends on what was received up to `upto`. */
static void release(struct link *l, time_ns upto)
{
    size_t kept = 0;
    VEC(struct link_input) going = {0};
    for (size_t i = 0; i < l->waiting.len; i++) {
        if (l->waiting.data[i].received <= upto) {
            vec_push(&going, l->waiting.data[i]);
        } else {
            l->waiting.data[kept++] = l->waiting.data[i];
        }
    }
    l->waiting.len = kept;
    if (going.len > 1) {
        qsort(going.data, going.len, sizeof *going.data, by_time);
    }
    for (size_t i = 0; i < going.len; i++) {
        feed(l, &going.data[i]);
        going.data[i].row->left--;
    }
    vec_free(&going);
    kept = 0;
    for (size_t i = 0; i < l->rows.len; i++) {
        if (l->rows.data[i]->left > 0) {
            l->rows.data[kept++] = l->rows.data[i];
        } else {
            row_free(l, l->rows.data[i]);
        }
    }
    l->rows.len = kept;
}

void link_take_row(struct link *l, const struct archive_match *row)
{
    const time_ns ms = 1000000;
    l->place = row->place;
    l->clock = row->received > l->clock ? row->received : l->clock;
    if (row->body.len > 0) {
        hold(l, row, false);
    }
    time_ns upto = (l->clock - LINK_SETTLE_MS * ms) / (LINK_SLOT_MS * ms) * (LINK_SLOT_MS * ms);
    if (!l->several || l->held_bytes > LINK_HELD_MAX) {
        upto = l->clock;
    }
    l->watermark = upto > l->watermark ? upto : l->watermark;
    /* With one intake all goes on at once; what claims to be received later than its own window too. */
    release(l, l->several ? l->watermark : INT64_MAX);
    link_folds_tick(l);
}

time_ns link_rows_due(const struct link *l)
{
    const time_ns ms = 1000000;
    time_ns first = INT64_MAX;
    for (size_t i = 0; i < l->waiting.len; i++) {
        first = l->waiting.data[i].received < first ? l->waiting.data[i].received : first;
    }
    return first == INT64_MAX ? 0 : first + (LINK_SETTLE_MS + LINK_SLOT_MS) * ms;
}

void link_rows_free(struct link *l)
{
    for (size_t i = 0; i < l->rows.len; i++) {
        row_free(l, l->rows.data[i]);
    }
    vec_free(&l->rows);
    vec_free(&l->waiting);
    CHECK(l->held_bytes == 0);
}
