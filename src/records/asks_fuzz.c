/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any bytes as a part of a question or an answer between desk and keeper: refused, or the same when it is written and read again.
 * The first byte chooses the part: each has as many inputs as any other. Rows are only added at the end, or the corpus loses its meaning.
 */
#include <stdint.h>
#include <string.h>

#include "records/appointment_gaps.h"
#include "records/appointments.h"
#include "records/ask.h"
#include "records/briefs.h"
#include "records/copies.h"
#include "records/due.h"
#include "records/factors.h"
#include "records/fed_change.h"
#include "records/fed_counts.h"
#include "records/fed_letter.h"
#include "records/fed_room.h"
#include "records/fed_share.h"
#include "records/fed_signals.h"
#include "records/fed_warnings.h"
#include "records/holds.h"
#include "records/own_appointments.h"
#include "records/people.h"
#include "records/places.h"
#include "records/privacy.h"
#include "records/reads.h"
#include "records/registers/record_history.h"
#include "records/registers/record_import.h"
#include "records/reminders.h"
#include "records/rule_cost.h"
#include "records/staff_imports.h"
#include "records/staff_persons.h"
#include "records/today.h"
#include "records/user_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* name_decode(cursor, out), and name_encode */
#define BOTH(X)                                                                                                                                      \
    X(account, account) X(token, ingest_token) X(step, alert_step) X(refusal, rule_refusal) X(record, ask_record) X(keeper_status, keeper_status)    \
    X(alert_row, alert_row) X(alert_filter, alert_filter) X(alert_counts, alert_counts) X(alert_change, alert_change)                                \
    X(appointment_seat, appointment_seat) X(gap_query, gap_query) X(gap, gap) X(own_appointments, own_appointments) X(places, policy_places)         \
    X(brief_counted, brief_counted) X(brief_issued, brief_issued) X(copy_report, copy_report) X(due_query, due_query) X(due_row, due_row)            \
    X(factor_proof, factor_proof) X(fed_item, fed_item_row) X(fed_link, fed_link_row) X(fed_link_page, fed_link_page)                                \
    X(fed_officer, fed_officer_row) X(fed_request, fed_request_row) X(fed_signal, fed_signal_row) X(fed_stream, fed_stream_row)                      \
    X(fed_tell, fed_tell) X(fed_warning, fed_warning_row) X(fed_warning_change, fed_warning_change) X(hold, hold) X(hunt_row, hunt_row)              \
    X(person, person) X(persons_look, persons_look) X(persons_search, persons_search) X(persons_show, persons_show) X(read_note, read_note)          \
    X(record_breach, record_breach) X(record_import_item, record_import_item) X(record_import_row, record_import_row) X(record_link, record_link)    \
    X(record_part, record_put) X(record_past, record_past) X(record_put, record_put) X(record_query, record_query) X(record_row, record_row)         \
    X(record_scope, record_scope) X(record_sight, record_sight) X(record_step, record_step) X(rule, rule_row) X(rule_cost, rule_cost_delta)          \
    X(rule_cost_row, rule_cost_row) X(source, source_row) X(staff_change, staff_change) X(staff_import, staff_import)                                \
    X(staff_person_put, staff_person_put) X(today_alerts, today_alerts) X(today_count, today_count) X(today_due, today_due) X(user_token, user_token)
/* name_decode(cursor, arena, out), and name_encode */
#define BOTH_LISTS(X)                                                                                                                                \
    X(fed_change, fed_change) X(fed_membership, fed_membership_row) X(fed_out, fed_out) X(fed_pending, fed_pending) X(fed_sharing, fed_sharing)      \
    X(fed_taken, fed_taken) X(reminder_letter, reminder_letter)
/* name_decode(cursor, out): the keeper writes these column by column */
#define READ_ONLY(X) X(fed_counts, fed_counts) X(fed_letter_row, fed_letter_row) X(fed_room, fed_room_row)

/* What a reader leaves unset must not be written: a byte of 0xaa is no truth value, and no number that would fit. */
enum { UNSET = 0xaa, ROOM = 1 << 20 };

#define READ_WHOLE(name, type)                                                                                                                       \
    static void read_##name(struct cursor *c, struct arena *a, struct buf *b)                                                                        \
    {                                                                                                                                                \
        struct type out;                                                                                                                             \
        (void)a;                                                                                                                                     \
        memset(&out, UNSET, sizeof out);                                                                                                             \
        name##_decode(c, &out);                                                                                                                      \
        if (cursor_done(c)) {                                                                                                                        \
            name##_encode(b, &out);                                                                                                                  \
        }                                                                                                                                            \
    }
#define READ_LISTS(name, type)                                                                                                                       \
    static void read_##name(struct cursor *c, struct arena *a, struct buf *b)                                                                        \
    {                                                                                                                                                \
        struct type out;                                                                                                                             \
        memset(&out, UNSET, sizeof out);                                                                                                             \
        name##_decode(c, a, &out);                                                                                                                   \
        if (cursor_done(c)) {                                                                                                                        \
            name##_encode(b, &out);                                                                                                                  \
        }                                                                                                                                            \
    }
#define READ_ALONE(name, type)                                                                                                                       \
    static void read_##name(struct cursor *c, struct arena *a, struct buf *b)                                                                        \
    {                                                                                                                                                \
        struct type out;                                                                                                                             \
        (void)a;                                                                                                                                     \
        (void)b;                                                                                                                                     \
        name##_decode(c, &out);                                                                                                                      \
    }
BOTH(READ_WHOLE)
BOTH_LISTS(READ_LISTS)
READ_ONLY(READ_ALONE)

static void (*const readers[])(struct cursor *c, struct arena *a, struct buf *b) = {
#define X(name, type) read_##name,
    BOTH(X) BOTH_LISTS(X) READ_ONLY(X)
#undef X
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, twice;
    struct arena a;
    if (size < 1 || data[0] >= ARRAY_LEN(readers)) {
        return 0;
    }
    struct cursor c = cursor_of(span_make((const char *)data + 1, size - 1));
    buf_init(&once, ROOM);
    buf_init(&twice, ROOM);
    arena_init(&a, 0);
    readers[data[0]](&c, &a, &once);
    if (cursor_done(&c) && !once.failed && once.len > 0) {
        c = cursor_of(buf_view(&once));
        readers[data[0]](&c, &a, &twice);
        CHECK(cursor_done(&c) && span_eq(buf_view(&once), buf_view(&twice)));
    }
    arena_fini(&a);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
