/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading for hunts beside the loop: see hunt_reader.h. Between two steps nothing here belongs to the pool's thread. */
#include "roles/hunt_reader.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { HUNT_READER_MAGIC = 0x68726472 };

struct hunt_reader {
    uint32_t magic;
    uv_work_t work;
    uv_loop_t *loop;
    char *folder;
    hunt_read_done *done;
    void *ctx;
    bool busy, orphan, counts;
    /* the step's own */
    struct archive_reader *archive;
    struct archive_walk walk;
    struct archive_walk_totals totals;
    struct arena scratch;
    VEC(struct hunt_read_block) blocks;
    struct hunt_skips skips;
    struct arena query_arena;
    struct filter_query query; /* taken up by the walk with the next step */
    bool has_query;
    bool at_end;
    uint64_t damaged;
    int rc;
    struct err e;
};

struct hunt_reader *hunt_reader_new(uv_loop_t *loop, const char *folder,
                                    const struct archive_walk *walk, hunt_read_done *done, void *ctx)
{
    struct hunt_reader *r = mem_alloc(sizeof *r);
    r->magic = HUNT_READER_MAGIC;
    r->loop = loop;
    r->folder = mem_strdup(folder);
    r->walk = *walk;
    r->done = done;
    r->ctx = ctx;
    r->work.data = r;
    arena_init(&r->scratch, 1 << 20);
    arena_init(&r->query_arena, 0);
    hunt_skips_init(&r->skips);
    return r;
}

static void release(struct hunt_reader *r)
{
    CHECK_OBJ(r, HUNT_READER_MAGIC);
    archive_reader_close(&r->archive);
    arena_fini(&r->scratch);
    arena_fini(&r->query_arena);
    hunt_skips_free(&r->skips);
    vec_free(&r->blocks);
    mem_free(r->folder);
    r->magic = 0;
    mem_free(r);
}

void hunt_reader_free(struct hunt_reader **given)
{
    struct hunt_reader *r = *given;
    *given = NULL;
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, HUNT_READER_MAGIC);
    if (r->busy) {
        r->orphan = true;
    } else {
        release(r);
    }
}

/* ---- on the pool ---- */

static void on_skipped(void *ctx, const struct archive_header *h)
{
    struct hunt_reader *r = ctx;
    hunt_skips_add(&r->skips, h);
}

static struct span skips_so_far(struct hunt_reader *r)
{
    struct buf b;
    buf_init(&b, HUNT_SKIPS_MAX_BYTES);
    hunt_skips_take(&r->skips, &b);
    CHECK(!b.failed);
    struct span out = arena_copy(&r->scratch, buf_view(&b));
    buf_free(&b);
    return out;
}

static int take_block(struct hunt_reader *r, const struct archive_header *h, struct span body)
{
    struct buf b;
    buf_init(&b, ARCHIVE_HEADER_MAX_BYTES);
    archive_header_encode(&b, h);
    if (b.failed || body.len > ARCHIVE_BODY_MAX_BYTES) {
        buf_free(&b);
        return err_set(&r->e, ERR_INVALID, "a block is larger than blocks are");
    }
    struct hunt_read_block out = {.header = arena_copy(&r->scratch, buf_view(&b)),
                                  .body = body,
                                  .day = r->walk.day,
                                  .block = r->walk.block,
                                  .context = !archive_walk_fits(&r->walk, h),
                                  .skips = skips_so_far(r)};
    buf_free(&b);
    vec_push(&r->blocks, out);
    return 0;
}

static void read_step(struct hunt_reader *r)
{
    size_t bytes = 0;
    unsigned damaged = 0;
    while (r->rc == 0 && r->blocks.len < HUNT_READ_BLOCKS && bytes < HUNT_READ_BYTES) {
        struct archive_header h;
        struct span body;
        struct err e = {0};
        int rc = archive_walk_next(r->archive, &r->walk, &r->scratch, &h, &body, &e);
        if (rc == 0) {
            r->at_end = true;
            return;
        }
        if (rc == ARCHIVE_WALK_PAUSED) {
            return;
        }
        rc = rc > 0 ? take_block(r, &h, body) : rc;
        if (rc == ERR_INVALID && ++damaged < HUNT_READ_DAMAGED_MAX) {
            r->damaged++;
            log_error("hunt.block", "day=%d block=%u why=\"%s\"", r->walk.day, r->walk.block, e.text);
        } else if (rc != 0) {
            r->rc = rc;
            r->e = e;
        }
        bytes += body.len;
    }
}

static void on_pool(uv_work_t *work)
{
    struct hunt_reader *r = work->data;
    r->rc = r->archive == NULL ? archive_reader_open(r->folder, &r->archive, &r->e) : 0;
    if (r->rc == 0 && r->counts) {
        r->rc = archive_walk_count(r->archive, &r->walk, &r->totals, &r->e);
    } else if (r->rc == 0) {
        read_step(r);
    }
}

/* ---- on the loop ---- */

static void on_done(uv_work_t *work, int status)
{
    struct hunt_reader *r = work->data;
    CHECK_OBJ(r, HUNT_READER_MAGIC);
    (void)status; /* nobody cancels it */
    r->busy = false;
    if (r->orphan) {
        release(r);
    } else {
        r->done(r->ctx, r, r->rc, &r->e);
    }
}

static void begin(struct hunt_reader *r, bool counts)
{
    CHECK_OBJ(r, HUNT_READER_MAGIC);
    CHECK(!r->busy);
    r->busy = true;
    r->counts = counts;
    if (r->has_query) {
        r->walk.query = &r->query;
        r->walk.skipped = on_skipped;
        r->walk.ctx = r;
        r->walk.pause_after = HUNT_READ_SKIP;
    }
    r->rc = 0;
    r->e = (struct err){0};
    vec_clear(&r->blocks);
    arena_reset(&r->scratch);
    MUST(uv_queue_work(r->loop, &r->work, on_pool, on_done));
}

void hunt_reader_count(struct hunt_reader *r)
{
    begin(r, true);
}

void hunt_reader_next(struct hunt_reader *r)
{
    begin(r, false);
}

int hunt_reader_look_for(struct hunt_reader *r, struct span query, struct err *e)
{
    CHECK_OBJ(r, HUNT_READER_MAGIC);
    struct filter_query q;
    if (r->has_query) {
        return err_set(e, ERR_INVALID, "what is looked for was told before"); /* the pool may be using it */
    }
    int rc = filter_query_decode(query, &r->query_arena, &q, e);
    if (rc == 0) {
        r->query = q;
        r->has_query = true;
    }
    return rc;
}

void hunt_reader_take_skips(struct hunt_reader *r, struct buf *out)
{
    CHECK(!r->busy);
    hunt_skips_take(&r->skips, out);
}

bool hunt_reader_busy(const struct hunt_reader *r)
{
    return r->busy;
}

const struct archive_walk_totals *hunt_reader_totals(const struct hunt_reader *r)
{
    return &r->totals;
}

const struct hunt_read_block *hunt_reader_blocks(const struct hunt_reader *r, size_t *count_out)
{
    CHECK(!r->busy);
    *count_out = r->blocks.len;
    return r->blocks.data;
}

uint64_t hunt_reader_damaged(const struct hunt_reader *r)
{
    CHECK(!r->busy);
    return r->damaged;
}

bool hunt_reader_at_end(const struct hunt_reader *r)
{
    return r->at_end;
}
