/* SPDX-License-Identifier: EUPL-1.2 */
/* Heap access that cannot return NULL. Used by every folder through vec, buf, map and arena. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void *mem_alloc(size_t size_bytes)
{
    void *p = calloc(1, size_bytes == 0 ? 1 : size_bytes);
    CHECK(p != NULL);
    return p;
}

void *mem_calloc(size_t count, size_t size_bytes)
{
    CHECK(size_bytes == 0 || count <= SIZE_MAX / size_bytes);
    return mem_alloc(count * size_bytes);
}

void *mem_realloc(void *p, size_t size_bytes)
{
    void *q = realloc(p, size_bytes == 0 ? 1 : size_bytes);
    CHECK(q != NULL);
    return q;
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = mem_alloc(n);
    memcpy(p, s, n);
    return p;
}
