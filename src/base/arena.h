/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Region allocator: many small zeroed allocations, freed at once.
 *
 * Two kinds. A heap arena grows by blocks and is reset per batch, request or event. A region arena
 * fills one given stretch of memory and never moves: the compiled rule set is built in one that is
 * mapped at a fixed address, so that plain pointers stay true in every process that maps it.
 * Under AddressSanitizer every allocation is fenced by poisoned bytes, else arenas would blind it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

#define ARENA_MAGIC 0x41524e41u

struct arena_block;

struct arena {
    uint32_t magic;
    bool region;        /* one fixed stretch, no growth */
    size_t block_bytes; /* size of a new block, heap arenas */
    struct arena_block *blocks;
    char *next; /* bump pointer in the current block or region */
    char *end;
    char *base;        /* region start */
    size_t used_bytes; /* sum handed out since the last reset */
};

/* Heap arena; block_bytes 0 = 64 KiB. */
void arena_init(struct arena *a, size_t block_bytes);

/* Region arena over [base, base+size); the caller keeps the memory. Running out ends the process. */
void arena_init_region(struct arena *a, void *base, size_t size_bytes);

/* Zeroed bytes, aligned for any type. Lives until reset or fini. Not marked `malloc`: a region is read by others, so
 * the compiler must not drop stores to memory that nobody in this process reads again. */
void *arena_alloc(struct arena *a, size_t size_bytes) __attribute__((returns_nonnull));

/* As arena_alloc with an alignment (power of two, ≤ 4096). */
void *arena_alloc_aligned(struct arena *a, size_t size_bytes, size_t align)
    __attribute__((returns_nonnull));

/* Zeroed array; an overflowing product ends the process. */
void *arena_calloc(struct arena *a, size_t count, size_t size_bytes)
    __attribute__((returns_nonnull));

/* An array that grows: where `count` of `*room` places are used, one of twice the room (8 at first) with the
 * same content; else `array` itself. For lists whose length shows only when they are read. */
void *arena_more(struct arena *a, void *array, size_t count, size_t *room, size_t size_bytes)
    __attribute__((returns_nonnull));

/* Bytes NOT zeroed, byte aligned: for text on the event path. */
char *arena_bytes(struct arena *a, size_t size_bytes) __attribute__((returns_nonnull));

/* Copy with a terminating zero that is not counted in len. */
struct span arena_copy(struct arena *a, struct span s);
const char *arena_strdup(struct arena *a, const char *s);
const char *arena_cstr(struct arena *a, struct span s);
const char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Forgets all allocations; keeps one block so that a steady user never touches the heap. */
void arena_reset(struct arena *a);

/* Frees all blocks (heap) or forgets the region. */
void arena_fini(struct arena *a);

#endif
