/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as head, path and line of a whole export. A record that is read is written, and read again as the same. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cli/whole_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void a_path(struct span s)
{
    char path[PACK_PATH_MAX + 1];
    struct whole_path is;
    (void)snprintf(path, sizeof path, "%.*s", SPAN_ARG(s));
    if (pack_path_is_plain(path) && whole_path_read(path, s.len % 2 == 0, &is)) {
        CHECK(is.kind != WHOLE_NONE);
        CHECK(is.kind != WHOLE_IS_FILE || pack_path_is_plain(is.place));
        CHECK(is.kind != WHOLE_IS_ROWS || (is.table.len > 0 && is.table.len < ROWS_NAME_MAX));
    }
}

static void a_record(struct span s)
{
    struct archive_whole_record r, again;
    struct arena a;
    struct buf out;
    struct err e = {0};
    arena_init(&a, 4096);
    buf_init(&out, 1 << 20);
    if (archive_whole_read(s, &a, &r, &e) == 0) {
        archive_whole_put(&r, &a, &out);
        CHECK(!out.failed && archive_whole_read(span_sub(buf_view(&out), 0, out.len - 1), &a, &again, &e) == 0);
        CHECK(again.where == r.where && again.at.day == r.at.day && again.at.block == r.at.block && again.at.index == r.at.index);
        CHECK(span_eq(again.record.original, r.record.original) && span_eq(again.record.host, r.record.host));
        CHECK(again.record.time == r.record.time && again.record.received == r.record.received);
    } else {
        CHECK(e.text[0] != '\0');
    }
    buf_free(&out);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct whole_head head;
    struct err e = {0};
    if (size > 65536 || sodium_init() < 0) {
        return 0;
    }
    struct span s = span_make((const char *)data, size);
    if (whole_head_read(s, 27, &head, &e) == 0) {
        CHECK(head.records_version >= 1 && head.records_version <= 27);
    }
    a_path(s);
    a_record(s);
    return 0;
}
