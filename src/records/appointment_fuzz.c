/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as what is said of appointments: seats, a question about gaps, its answer, places. Within its bounds and written again as it was, or refused. */
#include <stdint.h>

#include "records/appointment_gaps.h"
#include "records/appointments.h"
#include "records/places.h"
#include "records/staff_persons.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool seats(struct cursor *c, struct buf *b)
{
    struct appointment_seat s;
    do {
        appointment_seat_decode(c, &s);
        if (!c->failed) {
            CHECK(s.organisation.len > 0 && s.organisation.len <= APPOINTMENT_PLACE_MAX && s.begins < s.ends);
            appointment_seat_encode(b, &s);
        }
    } while (!c->failed && cursor_left(c) > 0);
    return cursor_done(c);
}

static bool question(struct cursor *c, struct buf *b)
{
    struct gap_query q;
    gap_query_decode(c, &q);
    if (!cursor_done(c)) {
        return false;
    }
    CHECK(q.nfunctions <= GAP_FUNCTIONS_MAX && q.from >= 0 && q.from < q.to && q.to - q.from <= GAP_DAYS_MAX * (time_ns)TIME_DAY);
    gap_query_encode(b, &q);
    return true;
}

static bool gaps(struct cursor *c, struct buf *b)
{
    struct gap g;
    do {
        gap_decode(c, &g);
        if (!c->failed) {
            CHECK(g.from < g.to);
            gap_encode(b, &g);
        }
    } while (!c->failed && cursor_left(c) > 0);
    return cursor_done(c);
}

static bool places(struct cursor *c, struct buf *b)
{
    struct policy_places p;
    places_decode(c, &p);
    if (!cursor_done(c)) {
        return false;
    }
    CHECK(p.count > 0 && p.count <= POLICY_PLACES_MAX && (p.count == 1 || !policy_places_have(&p, SPAN("*"))));
    places_encode(b, &p);
    return true;
}

static bool persons(struct cursor *c, struct buf *b)
{
    static struct staff_person_put p;
    staff_person_put_decode(c, &p);
    if (!cursor_done(c)) {
        return false;
    }
    CHECK(p.person.len > 0 && p.wrote.len <= STAFF_WROTE_MAX && (!p.link || p.account.len > 0 || p.change != STAFF_NO_CHANGE));
    CHECK(!p.stored || span_eq(p.item.put.row.id, p.person));
    staff_person_put_encode(b, &p);
    return !p.stored; /* of an item's own bytes record_row_fuzz.c tells */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const readers[])(struct cursor *c, struct buf *b) = {seats, question, gaps, places, persons};
    struct buf b;
    if (size < 1) {
        return 0;
    }
    struct span rest = span_make((const char *)data + 1, size - 1);
    struct cursor c = cursor_of(rest);
    buf_init(&b, size);
    if (readers[data[0] % ARRAY_LEN(readers)](&c, &b)) {
        CHECK(span_eq(buf_view(&b), rest));
    }
    buf_free(&b);
    return 0;
}
