/* SPDX-License-Identifier: EUPL-1.2 */
/* The content of a whole export, file by file, in the caged child that reads a data folder: see whole.h. */
#ifndef CLI_WHOLE_OUT_H
#define CLI_WHOLE_OUT_H

#include "base/clock.h"
#include "cli/whole.h"
#include "wire/rows.h"

struct whole_out {
    const struct whole_export *x;
    struct pack *pack;
    char stem[WHOLE_STEM_MAX]; /* of the file of lines that is being filled; empty: none */
    unsigned part;
    struct buf lines, counts;
    uint64_t count, rows;
    char day[16];
    time_ns told;
};

void whole_out_init(struct whole_out *o, const struct whole_export *x);
void whole_out_fini(struct whole_out *o);
/* Head and all tables of the records, as they stand at one moment. */
int whole_out_records(struct whole_out *o, struct err *e) NODISCARD;
/* A city's own files, sereno.yml from that fd (-1: none), and keys where secrets are asked for. */
int whole_out_files(struct whole_out *o, int config, struct err *e) NODISCARD;
/* One file of the data folder as it is; optional: it may not be there. */
int whole_out_file(struct whole_out *o, const char *path, const char *as, bool optional, struct err *e) NODISCARD;
/* The day that whole_out_archive (an archive_whole_give) gets lines of from now on. */
void whole_out_day(struct whole_out *o, int32_t day);
int whole_out_archive(void *ctx, const char *part, struct span name, struct span line, struct err *e);
/* Ends the file of lines. */
int whole_out_flush(struct whole_out *o, struct err *e) NODISCARD;
/* Counts and the manifest. */
int whole_out_end(struct whole_out *o, struct err *e) NODISCARD;

#endif
