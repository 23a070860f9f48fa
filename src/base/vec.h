/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Typed growing array: `VEC(struct x) xs = {0}; vec_push(&xs, x); xs.data[i]; vec_free(&xs);`
 * Heap memory; elements move when it grows, so keep indexes, not pointers.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t len;                                                                                \
        size_t cap;                                                                                \
    }

static inline size_t vec_next_cap(size_t cap, size_t need, size_t item)
{
    size_t next = cap == 0 ? 8 : cap * 2;
    if (next < need) {
        next = need;
    }
    CHECK(next <= ((size_t)-1) / 2 / item);
    return next;
}

#define vec_reserve(v, need)                                                                       \
    do {                                                                                           \
        size_t vec_need_ = (need);                                                                 \
        if ((v)->cap < vec_need_) {                                                                \
            (v)->cap = vec_next_cap((v)->cap, vec_need_, sizeof *(v)->data);                       \
            (v)->data = mem_realloc((v)->data, (v)->cap * sizeof *(v)->data);                      \
        }                                                                                          \
    } while (0)

#define vec_push(v, ...)                                                                           \
    do {                                                                                           \
        vec_reserve(v, (v)->len + 1);                                                              \
        (v)->data[(v)->len++] = (__VA_ARGS__);                                                     \
    } while (0)

#define vec_last(v) (&(v)->data[(v)->len - 1])
#define vec_clear(v) ((void)((v)->len = 0))
#define vec_free(v)                                                                                \
    do {                                                                                           \
        mem_free((v)->data);                                                                       \
        (v)->data = NULL;                                                                          \
        (v)->len = (v)->cap = 0;                                                                   \
    } while (0)

#endif
