/* SPDX-License-Identifier: EUPL-1.2 */
/* The folder of a second copy, for `sereno restore --copy`: which days lie there, and their seals. Names only; contents are the caged child's. */
#ifndef CLI_RESTORE_COPY_H
#define CLI_RESTORE_COPY_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"

/* "2026-11-26" */
struct restore_day {
    char date[11];
};

struct restore_days {
    const char *folder;
    VEC(struct restore_day) all; /* ascending */
};

/* One more, if the file's name is one of a copy. */
void restore_days_add(struct restore_days *d, struct span name);
/* Ascending. */
void restore_days_sort(struct restore_days *d);
/* ERR_NOT_FOUND: none lie there. Files of other names are let be. */
int restore_days_list(const char *folder, struct restore_days *out, struct err *e) NODISCARD;
void restore_days_path(const struct restore_days *d, size_t i, char out[PATH_MAX]);
/* Whether the data folder has that day already. */
bool restore_days_has(const char *data_dir, struct restore_day day);
/* Makes the seals of the newest day those of the archive, unless the backup brought some. */
int restore_days_seals(const char *data_dir, struct err *e) NODISCARD;
void restore_days_free(struct restore_days *d);

#endif
