/* SPDX-License-Identifier: EUPL-1.2 */
/* Counts of skipped blocks: see hunt_skips.h. */
#include "flow/hunt/hunt_skips.h"

#include "base/mem.h"

enum { ROOM = HUNT_SKIPS_CLASSES_MAX + 1 };

void hunt_skips_init(struct hunt_skips *s)
{
    *s = (struct hunt_skips){.list = mem_calloc(ROOM, sizeof *s->list)};
    arena_init(&s->names, 0);
}

void hunt_skips_free(struct hunt_skips *s)
{
    if (s->list != NULL) {
        mem_free(s->list);
        s->list = NULL;
        arena_fini(&s->names);
    }
}

void hunt_skips_add(struct hunt_skips *s, const struct archive_header *h)
{
    uint32_t i = 0;
    while (i < s->count && !span_eq(s->list[i].class_name, h->class_name)) {
        i++;
    }
    if (i == s->count && s->count < HUNT_SKIPS_CLASSES_MAX) {
        s->list[s->count++] = (struct hunt_skip){.class_name = arena_copy(&s->names, h->class_name)};
    } else if (i == s->count) {
        i = HUNT_SKIPS_CLASSES_MAX; /* its name stays empty */
    }
    s->list[i].blocks++;
    s->list[i].events += h->count;
}

static void put(struct buf *out, const struct hunt_skip *k)
{
    buf_str(out, k->class_name);
    buf_u64(out, k->blocks);
    buf_u64(out, k->events);
}

void hunt_skips_take(struct hunt_skips *s, struct buf *out)
{
    bool rest = s->list[HUNT_SKIPS_CLASSES_MAX].blocks > 0;
    buf_u32(out, s->count + rest);
    for (uint32_t i = 0; i < s->count; i++) {
        put(out, &s->list[i]);
    }
    if (rest) {
        put(out, &s->list[HUNT_SKIPS_CLASSES_MAX]);
    }
    memset(s->list, 0, ROOM * sizeof *s->list);
    s->count = 0;
    arena_reset(&s->names);
}

int hunt_skips_decode(struct span bytes, struct hunt_skip *list, uint32_t *count_out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    uint32_t n = cursor_u32(&c);
    *count_out = 0;
    if (c.failed || n > ROOM) {
        return err_set(e, ERR_INVALID, "counts of skipped blocks are out of range");
    }
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        list[i].class_name = cursor_str(&c);
        list[i].blocks = cursor_u64(&c);
        list[i].events = cursor_u64(&c);
        c.failed = c.failed || list[i].class_name.len > ARCHIVE_NAME_MAX || list[i].blocks > UINT32_MAX ||
                   list[i].events > (uint64_t)UINT32_MAX * ARCHIVE_BLOCK_RECORDS_MAX;
    }
    *count_out = n;
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "counts of skipped blocks are broken");
}
