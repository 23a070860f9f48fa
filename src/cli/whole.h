/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Everything of a node in open form: `sereno export --all` writes it, `sereno import` makes a data folder of it. What stands in
 * it: docs/EXPORT.md. Between the two halves goes a tar (wire/pack.h); as a folder it is the same files, unpacked by a process
 * that can reach that folder alone.
 */
#ifndef CLI_WHOLE_H
#define CLI_WHOLE_H

#include "base/err.h"
#include "cli/cli.h"
#include "wire/pack.h"

#define WHOLE_HEAD "EXPORT.json"
#define WHOLE_COUNTS "COUNTS.ndjson"
#define WHOLE_FORMAT "sereno-export"

enum {
    WHOLE_FORMAT_VERSION = 1,
    WHOLE_PART_BYTES = 32 << 20, /* a file of lines is ended when it is that long, so that no more of it is held in memory */
    WHOLE_HEAD_MAX = 1 << 20,
    WHOLE_ANSWER_MAX = 256 * 1024,
    WHOLE_STEM_MAX = 400, /* bytes of a path before ".0001.ndjson" */
};

/* Folders of the data folder that hold what a city wrote itself. */
extern const char *const whole_folders[];
extern const size_t whole_folder_count;

struct whole_export {
    const char *data_dir, *target, *config;
    bool secrets, weaker, terminal;
};
int whole_export_run(const struct whole_export *x);

/* For pack_walk: the bytes of an fd. */
struct whole_pipe {
    int fd;
    char *piece; /* room for WHOLE_PIECE */
};
enum { WHOLE_PIECE = 256 * 1024 };
int whole_pipe_more(void *from, struct span *out, struct err *e);
/* For pack_new_to: ctx is an int, the fd. */
int whole_pipe_give(void *ctx, struct span bytes, struct err *e);

#endif
