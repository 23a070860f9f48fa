/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The only door to the heap outside arenas. Memory is zeroed; running out of it ends the role
 * (its supervisor starts it again), so no caller handles NULL.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Zeroed bytes, never NULL; size 0 gives a pointer that may be freed but not read. */
void *mem_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));

/* Zeroed array of count items; an overflowing product ends the role. */
void *mem_calloc(size_t count, size_t size_bytes) __attribute__((malloc, returns_nonnull));

/* Grows or shrinks; bytes beyond the old size are NOT zeroed. */
void *mem_realloc(void *p, size_t size_bytes) __attribute__((returns_nonnull));

/* Frees; NULL is fine. */
void mem_free(void *p);

/* Heap copy of a C string. */
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));

#endif
