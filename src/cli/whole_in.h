/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A whole export becoming a data folder, in the caged child of `sereno import`: a visitor of its files (wire/pack.h). Every
 * byte is hostile: what a path may be, and what may stand in a file, is said here and nowhere else.
 */
#ifndef CLI_WHOLE_IN_H
#define CLI_WHOLE_IN_H

#include "archive/whole.h"
#include "cli/whole.h"
#include "wire/rows.h"

/* What the head of an export says. */
struct whole_head {
    int64_t records_version;
    bool secrets;
};
/* ERR_INVALID, ERR_UNSUPPORTED (made by a newer program). known: steps of the records that this program has. */
int whole_head_read(struct span text, int64_t known, struct whole_head *out, struct err *e) NODISCARD;

enum whole_kind { WHOLE_NONE, WHOLE_IS_HEAD, WHOLE_IS_COUNTS, WHOLE_IS_ROWS, WHOLE_IS_DAY, WHOLE_IS_FILE };
/* What a path of an export is. */
struct whole_path {
    enum whole_kind kind;
    struct span table; /* of rows; of a day: the name in its part */
    struct span part;
    int32_t day;
    char place[PACK_PATH_MAX + 1]; /* of a file: where it goes below the data folder */
};
/* False: no path of an export. Spans point into path. */
bool whole_path_read(const char *path, bool secrets, struct whole_path *out) NODISCARD;

struct whole_in;
/* folder: the new data folder, open as into, in which nothing is yet. */
struct whole_in *whole_in_new(const char *folder, int into, bool terminal);
void whole_in_free(struct whole_in **w);
void whole_in_visitor(struct whole_in *w, struct pack_visitor *out);
/* Everything came, and its manifest fits: the records are brought to this program's form. */
int whole_in_end(struct whole_in *w, struct err *e) NODISCARD;
void whole_in_tell(const struct whole_in *w, struct buf *answer);

#endif
