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
/* The same tar for whoever takes bytes: 0 or an error in e. packed: by zstd; else as it is. */
typedef int pack_give(void *ctx, struct span bytes, struct err *e);
struct pack *pack_new_to(pack_give *give, void *ctx, bool packed, struct err *e);
/* An entry whose content lies in memory. */
int pack_span(struct pack *p, const char *path, struct span content, struct err *e) NODISCARD;
/* The regular file fd, all it has at this moment, as `path`. ERR_IO; ERR_TRUNCATED: it became shorter. */
int pack_file(struct pack *p, const char *path, int fd, struct err *e) NODISCARD;
/* Writes the manifest and the end; the writer itself is ended by the caller. */
int pack_end(struct pack *p, struct err *e) NODISCARD;
uint64_t pack_files(const struct pack *p);
uint64_t pack_bytes(const struct pack *p); /* of content */
/* Lines of the manifest so far. */
struct span pack_manifest(const struct pack *p);
void pack_free(struct pack **p);

struct unpacked {
    uint64_t files, bytes;
};
/* More bytes of a pack, valid until the next call; none = its end. */
typedef int pack_more(void *from, struct span *out, struct err *e);
/* Who gets the files: begin, data as often as it takes, end; an error ends the walk. The manifest is not among them. */
struct pack_visitor {
    void *ctx;
    int (*begin)(void *ctx, const char *path, struct err *e);
    int (*data)(void *ctx, struct span bytes, struct err *e);
    int (*end)(void *ctx, struct err *e);
    void (*manifest)(void *ctx, struct span text); /* once, when everything fits; may be NULL */
};
/* A visitor that writes the files into a folder, mode 0600, in folders of 0700. into -1: nowhere. */
struct pack_folder {
    int into, fd;
    char path[PACK_PATH_MAX + 1];
};
void pack_folder_init(struct pack_folder *f, int into);
void pack_folder_fini(struct pack_folder *f);
int pack_folder_begin(void *folder, const char *path, struct err *e) NODISCARD;
int pack_folder_data(void *folder, struct span bytes, struct err *e) NODISCARD;
int pack_folder_end(void *folder, struct err *e) NODISCARD;
/*
 * Reads a whole pack, zstd or not, and compares each file with the manifest, which is last: what the visitor made must go if
 * this fails. Paths that lead out and entries that are no plain files are refused: whoever wrote it may be anybody.
 * ERR_INVALID names the file.
 */
int pack_walk(pack_more *more, void *from, const struct pack_visitor *visitor, struct unpacked *out, struct err *e) NODISCARD;
/* Into a folder, or with -1 nowhere. A path that comes twice is refused. */
int pack_into_folder(pack_more *more, void *from, int into, struct unpacked *out, struct err *e) NODISCARD;
/* The same of the inside of an encrypted file. */
int pack_read(struct crypt_reader *from, int into, struct unpacked *out, struct err *e) NODISCARD;

#endif
