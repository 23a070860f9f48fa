/* SPDX-License-Identifier: EUPL-1.2 */
/* Tables that commands send to the node: see table_file.h. */
#include "cli/table_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

void table_file_escaped(struct buf *b, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; text != NULL && *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL) {
            buf_u8(b, (uint8_t)*text);
        } else {
            buf_printf(b, "%%%02X", (unsigned char)*text);
        }
    }
}

void table_file_query(struct buf *b, const char *name, const char *value)
{
    if (value != NULL) {
        buf_printf(b, "&%s=", name);
        table_file_escaped(b, value);
    }
}

int table_file_read(const char *name, struct buf *out)
{
    FILE *from = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    buf_init(out, TABLE_FILE_MAX);
    if (from == NULL) {
        (void)fprintf(stderr, "sereno: %s: %s\n", name, strerror(errno));
        return CLI_UNREAD;
    }
    char part[65536];
    size_t n = 0;
    while ((n = fread(part, 1, sizeof part, from)) > 0 && !out->failed) {
        buf_put(out, part, n);
    }
    bool fine = ferror(from) == 0 && !out->failed;
    if (!fine) {
        (void)fprintf(stderr, "sereno: %s: %s\n", name, out->failed ? "has more than 8 MiB: cut it into several" : "could not be read");
    }
    if (from != stdin) {
        (void)fclose(from);
    }
    return fine ? CLI_DONE_NOT : CLI_UNREAD;
}
