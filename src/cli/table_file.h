/* SPDX-License-Identifier: EUPL-1.2 */
/* Tables that commands send to the node: read whole from a file, never parsed here. */
#ifndef CLI_TABLE_FILE_H
#define CLI_TABLE_FILE_H

#include "base/buf.h"

enum { TABLE_FILE_MAX = 8 << 20 /* bytes of one file, as the node takes them (api/request.h) */ };

/* name "-" = standard input. CLI_DONE_NOT, or what went wrong was said. Free out in both cases. */
int table_file_read(const char *name, struct buf *out);
/* Appends &name=value with all that an address does not take escaped; value NULL: nothing. */
void table_file_query(struct buf *b, const char *name, const char *value);
void table_file_escaped(struct buf *b, const char *text);

#endif
