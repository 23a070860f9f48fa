/* SPDX-License-Identifier: EUPL-1.2 */
/* A buffer with several owners: see shared.h. Runs in intake, on its one thread. */
#include "base/shared.h"

#include "base/mem.h"

#define SHARED_MAGIC 0x53484152u

struct shared *shared_new(size_t max_bytes)
{
    struct shared *s = mem_alloc(sizeof *s);
    s->magic = SHARED_MAGIC;
    s->owners = 1;
    buf_init(&s->bytes, max_bytes);
    return s;
}

struct shared *shared_hold(struct shared *s)
{
    CHECK_OBJ(s, SHARED_MAGIC);
    CHECK(s->owners < UINT32_MAX);
    s->owners++;
    return s;
}

void shared_drop(struct shared **given)
{
    struct shared *s = *given;
    *given = NULL;
    if (s == NULL) {
        return;
    }
    CHECK_OBJ(s, SHARED_MAGIC);
    if (--s->owners == 0) {
        s->magic = 0;
        buf_free(&s->bytes);
        mem_free(s);
    }
}
