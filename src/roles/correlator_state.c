/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a restart of the correlator needs, as bytes: the place in the log, windows, open folds, rows of which some matches
 * still wait. Runs in the correlator role. The reader trusts nothing: the bytes went over the disk.
 */
#include <string.h>

#include "base/mem.h"
#include "roles/correlator_priv.h"

enum { LINK_VERSION = 1 };

/* The numbers, in the order in which they are stored. */
#define LINK_NUMBERS(X) X(clock) X(watermark) X(updated) X(seq) X(alerts) X(unknown_rule) X(stragglers)

void link_save(const struct link *l, struct buf *out)
{
    correlate_place_encode(out, l->place);
    buf_u8(out, LINK_VERSION);
#define X(name) buf_u64(out, (uint64_t)l->name);
    LINK_NUMBERS(X)
#undef X
    buf_u32(out, (uint32_t)l->rows.len);
    for (size_t i = 0; i < l->rows.len; i++) {
        const struct archive_match *m = &l->rows.data[i]->head;
        correlate_place_encode(out, m->place);
        buf_u32(out, m->first_block);
        buf_u64(out, (uint64_t)m->received);
        buf_str(out, m->body);
    }
    link_folds_save(l, out);
    correlator_save(l->correlator, out);
}

static int load_rows(struct link *l, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = c->failed ? err_set(e, ERR_INVALID, "the stored windows end early") : 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct archive_match m = {0};
        rc = correlate_place_decode(c, &m.place, e);
        m.first_block = cursor_u32(c);
        m.received = correlate_time(cursor_u64(c));
        m.body = cursor_str(c);
        if (rc == 0 && !c->failed) {
            link_hold_row(l, &m);
        } else {
            rc = err_set(e, ERR_INVALID, "the stored windows end early");
        }
    }
    return rc;
}

static int load_all(struct link *l, struct cursor *c, struct err *e)
{
    if (cursor_u8(c) != LINK_VERSION) {
        return err_set(e, ERR_INVALID, "the stored windows are of another version");
    }
#define X(name) l->name = (__typeof__(l->name))cursor_u64(c);
    LINK_NUMBERS(X)
#undef X
    time_ns *const times[] = {&l->clock, &l->watermark, &l->updated};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = correlate_time((uint64_t)*times[i]);
    }
    int rc = load_rows(l, c, e);
    rc = rc == 0 ? link_folds_load(l, c, e) : rc;
    if (rc != 0 || c->failed) {
        return rc != 0 ? rc : err_set(e, ERR_INVALID, "the stored windows end early");
    }
    correlator_free(&l->correlator);
    return correlator_load(l->compiled->correlations, CORRELATE_STATE_MAX_BYTES, CORRELATE_LATENESS_S * TIME_SECOND,
                           cursor_take(c, cursor_left(c)), &l->correlator, e);
}

void link_clear(struct link *l)
{
    link_rows_free(l);
    link_folds_free(l);
    correlator_free(&l->correlator);
    l->correlator = correlator_new(l->compiled->correlations, CORRELATE_STATE_MAX_BYTES, CORRELATE_LATENESS_S * TIME_SECOND);
#define X(name) l->name = 0;
    LINK_NUMBERS(X)
#undef X
    l->place = (struct archive_match_place){0};
    buf_clear(&l->out);
    l->nout = 0;
}

int link_load(struct link *l, struct span bytes, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    struct archive_match_place place = {0};
    link_clear(l);
    int rc = bytes.len == 0 ? 0 : correlate_place_decode(&c, &place, e);
    if (rc == 0 && bytes.len > 0) {
        rc = load_all(l, &c, e);
    }
    if (rc != 0) {
        link_clear(l);
    }
    l->place = place;
    return rc;
}
