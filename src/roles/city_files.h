/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A city's own files of one kind: *.yml, *.yaml and *.json of a folder below DATA, by name. Read by the keeper at start. Follows
 * no link, opens nothing but regular files, and one that cannot be read is logged and takes no other with it.
 */
#ifndef ROLES_CITY_FILES_H
#define ROLES_CITY_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct city_file {
    struct span name; /* DATA/folder/name, for messages */
    struct span text;
};

struct city_folder {
    const char *data_dir;
    const char *name;  /* below it */
    void (*warn)(const char *name, uint32_t line, const char *why); /* writes the log line about a file; both are escaped */
    size_t files_max;  /* more are not read, and logged */
    size_t bytes_max;  /* of one file; a longer one comes with one byte more, so that its reader refuses it */
};

/* All in a; room for files_max in out. A folder that is not there holds none. ERR_IO. */
int city_files_read(const struct city_folder *folder, struct arena *a, struct city_file *out, size_t *count_out,
                    struct err *e) NODISCARD;
/* Why a file is not used, as a log line; line 0 = the whole file. */
void city_file_warn(const struct city_folder *folder, struct span name, uint32_t line, struct span why);

#endif
