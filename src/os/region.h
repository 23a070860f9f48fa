/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A region: memory that one process fills and others map read-only at the same address, so that plain pointers inside
 * it stay true everywhere. Backed by a memfd; sealed when it is full (nobody can write, shrink or grow it any more),
 * so that a reader can neither be surprised by a change nor killed by a truncation.
 * Used for the compiled rules: compiler fills, intake, correlator, hunter and the workers of scan read.
 */
#ifndef OS_REGION_H
#define OS_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Reserved bytes; only touched pages cost memory. All rules of SigmaHQ with their databases need well under a tenth. */
#define REGION_BYTES ((size_t)4 << 30)

struct region {
    int fd;        /* memfd */
    void *address; /* where it must be mapped */
    void *base;    /* where it is mapped writable now, equal to address; NULL once sealed */
    size_t size;
};

/* New region mapped writable at an address of the kernel's choosing from a range that stays free in our processes.
 * `name` shows in /proc. ERR_IO, ERR_LIMIT when no address is free. */
int region_create(struct region *r, const char *name, struct err *e) NODISCARD;

/* As region_create at a given address (a reload uses another one than the set still in use). */
int region_create_at(struct region *r, const char *name, void *address, struct err *e) NODISCARD;

/* Unmaps the writable view, gives back what lies behind used_bytes (0: keep all) and seals. Nobody else may have it
 * mapped writable. */
int region_seal(struct region *r, size_t used_bytes, struct err *e) NODISCARD;

/* Maps a sealed region read-only at `address`; checks the seals first. Returns address or NULL. */
const void *region_map(int fd, void *address, struct err *e) NODISCARD;

/* Undoes region_map. */
void region_unmap(int fd, const void *address);

/*
 * For a region whose bytes were stored: memory to be filled with write(2), then sealed; region_map takes it as any other.
 * Only who made the bytes himself, or checked a code over them, may do so: readers follow the pointers inside.
 */
int region_create_stored(const char *name, int *fd_out, struct err *e) NODISCARD;
int region_seal_stored(int fd, struct err *e) NODISCARD;

/* Whether region_create could have chosen it. */
bool region_is_place(uint64_t address);

/* Closes and unmaps what is left. */
void region_close(struct region *r);

#endif
