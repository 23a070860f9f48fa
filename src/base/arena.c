/* SPDX-License-Identifier: EUPL-1.2 */
/* Region allocator: see arena.h. Called everywhere; runs in every role; never returns NULL. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
enum { ARENA_GAP = 16 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { ARENA_GAP = 0 };
#endif

enum { ARENA_BLOCK_DEFAULT = 64 * 1024 };

struct arena_block {
    struct arena_block *prev;
    size_t size; /* payload bytes */
    _Alignas(64) char data[];
};

void arena_init(struct arena *a, size_t block_bytes)
{
    memset(a, 0, sizeof *a);
    a->magic = ARENA_MAGIC;
    a->block_bytes = block_bytes == 0 ? ARENA_BLOCK_DEFAULT : block_bytes;
}

void arena_init_region(struct arena *a, void *base, size_t size_bytes)
{
    arena_init(a, 0);
    a->region = true;
    a->base = base;
    a->next = base;
    a->end = a->base + size_bytes;
}

static void arena_grow(struct arena *a, size_t need)
{
    CHECK(!a->region);
    size_t size = need > a->block_bytes ? need : a->block_bytes;
    /* The header is 64-byte aligned inside: ask for room to align by hand. */
    struct arena_block *b = mem_alloc(sizeof *b + size + 64);
    b->prev = a->blocks;
    b->size = size;
    a->blocks = b;
    a->next = b->data;
    a->end = b->data + size;
    POISON(a->next, size);
}

static char *arena_take(struct arena *a, size_t size, size_t align)
{
    CHECK_OBJ(a, ARENA_MAGIC);
    CHECK(align != 0 && (align & (align - 1)) == 0 && align <= 4096);
    CHECK(size < SIZE_MAX / 2);
    uintptr_t at = ((uintptr_t)a->next + align - 1) & ~(uintptr_t)(align - 1);
    if (a->next == NULL || at + size + ARENA_GAP > (uintptr_t)a->end) {
        arena_grow(a, size + align + ARENA_GAP);
        at = ((uintptr_t)a->next + align - 1) & ~(uintptr_t)(align - 1);
    }
    a->next = (char *)at + size + ARENA_GAP;
    a->used_bytes += size;
    UNPOISON((char *)at, size);
    return (char *)at;
}

void *arena_alloc_aligned(struct arena *a, size_t size_bytes, size_t align)
{
    char *p = arena_take(a, size_bytes, align);
    memset(p, 0, size_bytes);
    return p;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    return arena_alloc_aligned(a, size_bytes, 16);
}

void *arena_calloc(struct arena *a, size_t count, size_t size_bytes)
{
    CHECK(size_bytes == 0 || count <= SIZE_MAX / 2 / size_bytes);
    return arena_alloc(a, count * size_bytes);
}

void *arena_more(struct arena *a, void *array, size_t count, size_t *room, size_t size_bytes)
{
    CHECK(count <= *room);
    if (count < *room) {
        return array;
    }
    *room = *room == 0 ? 8 : 2 * *room;
    void *more = arena_calloc(a, *room, size_bytes);
    if (count > 0) {
        memcpy(more, array, count * size_bytes);
    }
    return more;
}

char *arena_bytes(struct arena *a, size_t size_bytes)
{
    return arena_take(a, size_bytes, 1);
}

struct span arena_copy(struct arena *a, struct span s)
{
    char *p = arena_take(a, s.len + 1, 1);
    if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    p[s.len] = '\0';
    return span_make(p, s.len);
}

const char *arena_strdup(struct arena *a, const char *s)
{
    return arena_copy(a, span_of(s)).ptr;
}

const char *arena_cstr(struct arena *a, struct span s)
{
    return arena_copy(a, s).ptr;
}

const char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *p = arena_take(a, (size_t)n + 1, 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void arena_reset(struct arena *a)
{
    CHECK_OBJ(a, ARENA_MAGIC);
    a->used_bytes = 0;
    if (a->region) {
        a->next = a->base;
        return;
    }
    while (a->blocks != NULL && a->blocks->prev != NULL) {
        struct arena_block *b = a->blocks;
        a->blocks = b->prev;
        UNPOISON(b->data, b->size);
        mem_free(b);
    }
    if (a->blocks != NULL) {
        a->next = a->blocks->data;
        a->end = a->next + a->blocks->size;
        POISON(a->next, a->blocks->size);
    }
}

void arena_fini(struct arena *a)
{
    CHECK_OBJ(a, ARENA_MAGIC);
    while (a->blocks != NULL) {
        struct arena_block *b = a->blocks;
        a->blocks = b->prev;
        UNPOISON(b->data, b->size);
        mem_free(b);
    }
    memset(a, 0, sizeof *a);
}
