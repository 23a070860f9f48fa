/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Compiled rule sets kept on disk, so that a node that starts again with the same rules need not compile them: the region
 * as it was sealed, and what the compiler told of it. Runs in super, the one role that has the secret under which entries
 * are kept; super looks into neither part.
 *
 * An entry is trusted because super itself wrote it: its name is a hash of everything the compiler read and of everything
 * else that decides what it makes of it (program, libraries, processor), and a keyed hash covers every byte. What is cut,
 * changed, of another program or another machine is refused and removed; the rules are then compiled as if it were not there.
 * docs/decisions/016-compiled-rules-on-disk.md says why the compiler must not hold the secret.
 */
#ifndef ROLES_RULES_CACHE_H
#define ROLES_RULES_CACHE_H

#include "base/buf.h"
#include "base/err.h"

enum {
    CACHE_KEY_BYTES = 32,
    CACHE_MAC_BYTES = 32,
    CACHE_VERSION = 1,                          /* of the head of an entry */
    CACHE_HEAD_BYTES = 8 + 4 + 4 + CACHE_KEY_BYTES + 3 * 8,
    CACHE_ENTRIES_MAX = 4,                      /* the rule sets used last */
    CACHE_BYTES_MAX = 512 * 1024 * 1024,        /* of all entries; and of one */
};

/* The head of an entry; the keyed hash follows it, then the region, then what was told. */
struct cache_head {
    unsigned char key[CACHE_KEY_BYTES];
    uint64_t address;      /* where the region must be mapped */
    uint64_t region_bytes;
    uint64_t told_bytes;
};
void cache_head_encode(struct buf *out, const struct cache_head *h);
/* ERR_INVALID: no head of ours, or one that cannot be true. */
int cache_head_decode(struct span bytes, struct cache_head *out, struct err *e) NODISCARD;

struct rules_cache {
    int dir;                                /* DATA/cache, -1 = closed */
    unsigned char secret[CACHE_KEY_BYTES];  /* DATA/keys/rules-cache.key */
    unsigned char program[CACHE_KEY_BYTES]; /* hash of what compiles, see rules_cache_open */
};

/*
 * Opens DATA/cache and the secret; makes what is not there. program: path of the program that compiles; stamp: whatever else
 * decides what is made of the same files (versions of libraries, features of the processor).
 */
int rules_cache_open(struct rules_cache *c, const char *data_dir, const char *program, struct span stamp,
                     struct err *e) NODISCARD;
void rules_cache_close(struct rules_cache *c);

/* The name under which the rule set made of this bundle is kept. */
void rules_cache_key(const struct rules_cache *c, struct span bundle, unsigned char key_out[CACHE_KEY_BYTES]);

/* A rule set taken out: both are sealed memory, owned by whoever asked. */
struct rules_kept {
    uint64_t address, region_bytes, told_bytes;
    int region_fd, told_fd;
};
/* Closes both; -1 afterwards. */
void rules_kept_close(struct rules_kept *k);
/* ERR_NOT_FOUND: it is not there; ERR_INVALID: it is, and may not be used (it is removed); ERR_IO. */
int rules_cache_get(struct rules_cache *c, const unsigned char key[CACHE_KEY_BYTES], struct rules_kept *out,
                    struct err *e) NODISCARD;

/* Keeps a rule set and removes what then is too much, longest unused first. The fds stay the caller's. */
int rules_cache_put(struct rules_cache *c, const unsigned char key[CACHE_KEY_BYTES], const struct rules_kept *kept,
                    struct err *e) NODISCARD;

#endif
