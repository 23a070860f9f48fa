/* SPDX-License-Identifier: EUPL-1.2 */
/* The shared corpus for tests that use it where it is there: its manifest, and its files unpacked.
 * Tests only. */
#ifndef WIRE_TEST_CORPUS_H
#define WIRE_TEST_CORPUS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

enum {
    CORPUS_SKIPPED = 77,      /* exit status that tells the test runner so */
    CORPUS_FILE_MAX = 1 << 30 /* bytes of one unpacked file */
};

struct data_set {
    struct span path; /* below the folder */
    struct span format;
    uint64_t events; /* UINT64_MAX: the manifest says none that can be read */
};

struct corpus {
    const char *folder;
    struct arena names;
    VEC(struct data_set) sets;
};

/* Reads FOLDER/manifest.json. 0, CORPUS_SKIPPED (said on stdout) when there is none, 1 when it is
 * broken. */
int corpus_open(struct corpus *c, const char *folder);
void corpus_close(struct corpus *c);
/* One file, unpacked, into out (emptied first). */
int corpus_load(const struct corpus *c, const struct data_set *set, struct buf *out);

#endif
