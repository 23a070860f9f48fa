/* SPDX-License-Identifier: EUPL-1.2 */
/* usage: old_archive FOLDER FIRST_DAY DAYS WINDOWS: an archive of so many days (since 1970) with so many times 200 records each, as a
 * node would have kept them. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "archive/block.h"

enum { RECORDS = 200, WINDOWS_MAX = 400 /* one intake numbers them; a day has as many seconds */ };

static int write_window(struct archive *a, int32_t day, int32_t number, struct err *e)
{
    struct archive_record records[RECORDS];
    const struct archive_record *list[RECORDS];
    char texts[RECORDS][96];
    struct archive_block_in block = {0};
    struct archive_kept kept;
    struct buf body;
    struct block_packer *p = block_packer_new(1);
    buf_init(&body, 1 << 20);
    for (int i = 0; i < RECORDS; i++) {
        time_ns at = (time_ns)day * TIME_DAY + (number * RECORDS + i) * TIME_SECOND;
        /* A number that does not pack well: a copy must be larger than a small disk. */
        int n = snprintf(texts[i], sizeof texts[i], "line %d.%d of day %d: %lx%lx%lx%lx", number, i, day, random(), random(), random(), random());
        records[i] = (struct archive_record){.organisation = SPAN("town"), .source = SPAN("old"), .time = at, .received = at,
                                             .original = span_make(texts[i], (size_t)n)};
        list[i] = &records[i];
    }
    block_pack(p, list, RECORDS, &block.header, &body);
    block.body = buf_view(&body);
    const struct archive_window w = {.intake = 1, .id = (uint64_t)day * WINDOWS_MAX + (uint64_t)number, .received = (time_ns)day * TIME_DAY, .blocks = &block, .nblocks = 1};
    int rc = archive_write(a, &w, &kept, e);
    block_packer_free(&p);
    buf_free(&body);
    return rc;
}

int main(int argc, char **argv)
{
    struct archive *a = NULL;
    struct err e = {0};
    if (argc != 5) {
        return 2;
    }
    int32_t first = (int32_t)strtol(argv[2], NULL, 10), days = (int32_t)strtol(argv[3], NULL, 10), windows = (int32_t)strtol(argv[4], NULL, 10);
    if (windows < 1 || windows > WINDOWS_MAX) {
        return 2;
    }
    int rc = archive_open(argv[1], &a, &e);
    for (int32_t i = 0; rc == 0 && i < days * windows; i++) {
        rc = write_window(a, first + i / windows, i % windows, &e);
    }
    archive_close(&a);
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", e.text);
    }
    return rc == 0 ? 0 : 1;
}
