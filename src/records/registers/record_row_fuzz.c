/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a question or an answer about records: within its bounds and written again as it was, or refused. */
#include <stdint.h>

#include "records/due.h"
#include "records/registers/record_history.h"
#include "records/registers/record_import.h"
#include "records/reminders.h"
#include "records/today.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void counts_of_today(struct cursor *c, struct buf *b, struct span whole)
{
    struct today_alerts alerts;
    struct today_due due;
    struct today_count count;
    today_alerts_decode(c, &alerts);
    today_due_decode(c, &due);
    today_count_decode(c, &count);
    if (cursor_done(c)) {
        CHECK(due.from.len <= TODAY_DAY_MAX && due.to.len <= TODAY_DAY_MAX && count.count <= TODAY_COUNT_MAX);
        today_alerts_encode(b, &alerts);
        today_due_encode(b, &due);
        today_count_encode(b, &count);
        CHECK(span_eq(buf_view(b), whole));
    }
}

static void what_is_due(struct cursor *c, struct buf *b, struct span whole)
{
    struct due_query q;
    struct due_row row;
    struct reminder_letter letter;
    struct arena a;
    arena_init(&a, 0);
    due_query_decode(c, &q);
    due_row_decode(c, &row);
    reminder_letter_decode(c, &a, &letter);
    if (cursor_done(c)) {
        CHECK(q.limit >= 1 && q.limit <= DUE_PAGE_MAX && q.nkinds <= REGISTER_KINDS_MAX);
        due_query_encode(b, &q);
        due_row_encode(b, &row);
        reminder_letter_encode(b, &letter);
        CHECK(span_eq(buf_view(b), whole));
    }
    arena_fini(&a);
}

static void change_of_record(struct cursor *c, struct buf *b, struct span whole)
{
    struct record_past past;
    record_past_decode(c, &past);
    if (cursor_done(c)) {
        CHECK(past.number >= 1 && past.after.fields.len <= REGISTER_DOCUMENT_MAX);
        record_past_encode(b, &past);
        CHECK(span_eq(buf_view(b), whole));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size);
    struct buf b;
    struct record_put put;
    struct record_query query;
    if (size < 1) {
        return 0;
    }
    rest = span_sub(rest, 1, rest.len);
    struct cursor c = cursor_of(rest);
    buf_init(&b, 1 << 20);
    if ((data[0] & 15) == 13) {
        counts_of_today(&c, &b, rest);
    } else if ((data[0] & 15) == 12) {
        what_is_due(&c, &b, rest);
    } else if ((data[0] & 15) == 11) {
        change_of_record(&c, &b, rest);
    } else if ((data[0] & 7) == 4) {
        struct record_import_row import;
        struct record_import_item item;
        record_import_row_decode(&c, &import);
        record_import_item_decode(&c, &item);
        if (cursor_done(&c)) {
            CHECK(import.why.len <= RECORD_WHY_MAX && item.put.nlinks <= REGISTER_LINKS_MAX);
            CHECK(item.back.row.id.len == 0 || item.back.row.version == item.put.row.version + 1);
        }
    } else if ((data[0] & 3) == 2) {
        struct record_link link;
        struct record_step step;
        struct record_sight sight;
        record_sight_decode(&c, &sight);
        record_link_decode(&c, &link);
        record_step_decode(&c, &step);
        if (cursor_done(&c)) {
            CHECK(sight.nkinds <= REGISTER_KINDS_MAX && sight.nways <= REGISTER_REFS_MAX);
            record_sight_encode(&b, &sight);
            record_link_encode(&b, &link);
            record_step_encode(&b, &step);
            CHECK(span_eq(buf_view(&b), rest));
        }
    } else if ((data[0] & 1) == 0) {
        record_put_decode(&c, &put);
        if (cursor_done(&c)) {
            CHECK(put.nkeys <= REGISTER_KEYS_MAX && put.nlinks <= REGISTER_LINKS_MAX && put.row.tlp > TLP_UNKNOWN && put.row.tlp < TLP_COUNT && put.row.version >= 1);
            CHECK(put.row.fields.len <= REGISTER_DOCUMENT_MAX);
            record_put_encode(&b, &put);
            CHECK(span_eq(buf_view(&b), rest));
        }
    } else {
        record_query_decode(&c, &query);
        if (cursor_done(&c)) {
            CHECK(query.nfilters <= RECORD_FILTERS_MAX && query.limit >= 1 && query.limit <= RECORD_PAGE_MAX);
            record_query_encode(&b, &query);
            CHECK(span_eq(buf_view(&b), rest));
        }
    }
    buf_free(&b);
    return 0;
}
