/* SPDX-License-Identifier: EUPL-1.2 */
/* The list of data sets that `scan --manifest` takes: which file, which format, which log source. */
#ifndef CLI_MANIFEST_H
#define CLI_MANIFEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "flow/normalise/sources.h"

enum { MANIFEST_MAX_BYTES = 64 * 1024 * 1024, MANIFEST_ENTRIES_MAX = 1000000 };

struct manifest_entry {
    const char *dataset;  /* as written: printed as FILE */
    const char *path;     /* relative to the manifest's folder */
    struct span format;   /* as written */
    int32_t declared;     /* index into declared, or -1: a format that is not read (named, exit 1) */
};

struct manifest {
    struct arena arena;
    VEC(struct manifest_entry) entries;
    VEC(struct declared_source) declared; /* distinct (format, log source) */
};

/* Reads a JSON list of {dataset, format, product, category, service}; other keys are passed over. */
int manifest_read(struct manifest *m, const char *path, struct err *e) NODISCARD;
void manifest_free(struct manifest *m);
/* Entry whose dataset is `name` (leading "./" ignored on both sides), or NULL. */
const struct manifest_entry *manifest_find(const struct manifest *m, const char *name);

#endif
