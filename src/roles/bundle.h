/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A bundle: the bytes of rule, source and placeholder files, read but not looked into. Whoever may open files (super,
 * or the command line before it forks) fills it; the sandboxed compiler parses it.
 */
#ifndef ROLES_BUNDLE_H
#define ROLES_BUNDLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"

enum bundle_kind {
    BUNDLE_RULE,
    BUNDLE_SOURCE,
    BUNDLE_PLACEHOLDER,
    BUNDLE_FOREIGN, /* rules that other nodes sent: see sigma_loader_foreign */
    BUNDLE_KINDS
};

enum {
    BUNDLE_FILES_MAX = 100000,               /* files of one bundle; SigmaHQ has about 4,000 */
    BUNDLE_BYTES_MAX = 256 * 1024 * 1024,    /* all files together */
    BUNDLE_FILE_MAX = 4 * 1024 * 1024,       /* one file; larger ones are named and left out */
    BUNDLE_DEPTH_MAX = 32,                   /* folders in folders */
};

struct bundle_file {
    enum bundle_kind kind;
    struct span name; /* as found: the given path, or path below the given folder */
    struct span bytes;
};

struct bundle_problem {
    struct span name;
    struct span text;
};

struct bundle {
    struct arena arena;
    VEC(struct bundle_file) files;
    VEC(struct bundle_problem) problems; /* files that could not be read */
    size_t bytes;
};

void bundle_init(struct bundle *b);
void bundle_fini(struct bundle *b);

/* Adds a file, or all *.yml and *.yaml (of sources also *.tsv, tables of frequencies) below a folder in name order (links to folders are not followed). What cannot
 * be read becomes a problem. ERR_NOT_FOUND when path does not exist, ERR_LIMIT when the bundle is full. */
int bundle_add(struct bundle *b, enum bundle_kind kind, const char *path, struct err *e) NODISCARD;

/* One byte stream for a memfd or message, and back (spans point into `bytes`). */
void bundle_encode(const struct bundle *b, struct buf *out);
int bundle_decode(struct bundle *b, struct span bytes, struct err *e) NODISCARD;

#endif
