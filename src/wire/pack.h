/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The inside of a backup: an ordinary tar (POSIX pax) packed with zstd, through libarchive, so that whoever has the
 * recovery key needs no Sereno to get at the files. Its last entry, MANIFEST.sha256, lists the others as sha256sum does.
 * Who calls: `sereno backup` and `sereno restore` in their caged children, and the keeper for copies of days (a thread of its own).
 */
#ifndef WIRE_PACK_H
#define WIRE_PACK_H

#include <stdatomic.h>

#include "base/buf.h"
#include "wire/crypt.h"

enum {
    PACK_PATH_MAX = 512,     /* bytes of a path inside */
    PACK_FILES_MAX = 200000, /* files of one backup: 500 years of days */
    PACK_MANIFEST_MAX = 128 << 20,
};

#define PACK_MANIFEST "MANIFEST.sha256"

/* A relative path without empty, "." or ".." parts, control characters and backslashes. */
bool pack_path_is_plain(const char *path);

struct pack;
/* stop: set by another thread, pack_file ends with ERR_CLOSED soon; NULL: nobody stops it. */
struct pack *pack_new(struct crypt_writer *to, const atomic_bool *stop, struct err *e);
/* The regular file fd, all it has at this moment, as `path`. ERR_IO; ERR_TRUNCATED: it became shorter. */
int pack_file(struct pack *p, const char *path, int fd, struct err *e) NODISCARD;
/* Writes the manifest and the end; the writer itself is ended by the caller. */
int pack_end(struct pack *p, struct err *e) NODISCARD;
uint64_t pack_files(const struct pack *p);
uint64_t pack_bytes(const struct pack *p); /* of content */
void pack_free(struct pack **p);

struct unpacked {
    uint64_t files, bytes;
};
/*
 * Reads the whole inside and compares each file with the manifest. into: the folder that gets the files (mode 0600, in
 * folders of 0700), or -1 to write none. Paths that lead out, that come twice or are no plain files are refused: the
 * one who wrote the backup needed only the public key. ERR_INVALID names the entry.
 */
int pack_read(struct crypt_reader *from, int into, struct unpacked *out, struct err *e) NODISCARD;

#endif
