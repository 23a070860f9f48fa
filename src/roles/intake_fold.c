/* SPDX-License-Identifier: EUPL-1.2 */
/* Folding: see intake_fold.h. Memory is bounded by FOLD_MAX alerts per minute and those whose
 * window is not yet kept. */
#include "roles/intake_fold.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct fold {
    struct fold *next;
    struct buf alert; /* encoded; decoded again to set count and time */
    uint32_t count, told;
    time_ns last_time;
    uint32_t arrival;
    bool sealed, placed;
    uint64_t window;
    uint32_t block, index; /* in that window */
    struct archive_address at;
};

/* One rule on one source in this minute. */
struct bucket {
    uint32_t alerts;
    struct fold *last;
};

struct folds {
    struct fold *open;    /* of this minute */
    struct fold *closing; /* of earlier ones: something about them is still to be told */
    struct map keys;      /* → struct fold */
    struct map buckets;   /* → struct bucket */
    struct arena arena;   /* keys and buckets of this minute */
    struct fold *fresh;   /* counted, waiting for folds_store */
    size_t waiting_bytes;
    struct buf scratch;
    struct arena decoded;
};

struct folds *folds_new(void)
{
    struct folds *f = mem_alloc(sizeof *f);
    arena_init(&f->arena, 0);
    arena_init(&f->decoded, 0);
    map_init(&f->keys);
    map_init(&f->buckets);
    buf_init(&f->scratch, ALERT_MAX_BYTES);
    return f;
}

static void free_list(struct fold *fold)
{
    while (fold != NULL) {
        struct fold *next = fold->next;
        buf_free(&fold->alert);
        mem_free(fold);
        fold = next;
    }
}

void folds_free(struct folds **f)
{
    if (*f != NULL) {
        free_list((*f)->open);
        free_list((*f)->closing);
        map_free(&(*f)->keys);
        map_free(&(*f)->buckets);
        arena_fini(&(*f)->arena);
        arena_fini(&(*f)->decoded);
        buf_free(&(*f)->scratch);
        mem_free(*f);
        *f = NULL;
    }
}

static struct bucket *bucket_of(struct folds *f, const struct fold_key *key)
{
    uint32_t pair[2] = {key->rule, key->source};
    struct span bytes = span_make((const char *)pair, sizeof pair);
    uint64_t found;
    if (map_get(&f->buckets, bytes, &found)) {
        return (struct bucket *)(uintptr_t)found;
    }
    struct bucket *b = arena_alloc(&f->arena, sizeof *b);
    map_put(&f->buckets, arena_copy(&f->arena, bytes), (uint64_t)(uintptr_t)b);
    return b;
}

static void count_in(struct fold *fold, time_ns time)
{
    fold->count += fold->count < UINT32_MAX;
    fold->last_time = time > fold->last_time ? time : fold->last_time;
}

bool folds_count(struct folds *f, const struct fold_key *key, time_ns time)
{
    CHECK(f->fresh == NULL);
    uint64_t found;
    buf_clear(&f->scratch);
    buf_u32(&f->scratch, key->rule);
    buf_u32(&f->scratch, key->source);
    buf_str(&f->scratch, span_sub(key->host, 0, ALERT_VALUE_MAX));
    buf_str(&f->scratch, span_sub(key->user, 0, ALERT_VALUE_MAX));
    if (map_get(&f->keys, buf_view(&f->scratch), &found)) {
        count_in((struct fold *)(uintptr_t)found, time);
        return false;
    }
    struct bucket *bucket = bucket_of(f, key);
    if (bucket->alerts >= FOLD_ALERTS_PER_RULE) {
        count_in(bucket->last, time);
        return false;
    }
    if (f->keys.len >= FOLD_MAX) {
        struct span bytes = arena_copy(&f->decoded, buf_view(&f->scratch));
        folds_rotate(f);
        bucket = bucket_of(f, key);
        buf_clear(&f->scratch);
        buf_span(&f->scratch, bytes);
        arena_reset(&f->decoded);
    }
    struct fold *fold = mem_alloc(sizeof *fold);
    fold->count = 1;
    fold->last_time = time;
    buf_init(&fold->alert, ALERT_MAX_BYTES);
    fold->next = f->open;
    f->open = fold;
    bucket->alerts++;
    bucket->last = fold;
    map_put(&f->keys, arena_copy(&f->arena, buf_view(&f->scratch)), (uint64_t)(uintptr_t)fold);
    f->fresh = fold;
    return true;
}

void folds_store(struct folds *f, const struct alert *a, uint32_t arrival)
{
    struct fold *fold = f->fresh;
    CHECK(fold != NULL);
    alert_encode(&fold->alert, a);
    if (fold->alert.failed) { /* too much to show: the alert matters, its fields do not */
        struct alert small = *a;
        small.nfields = 0;
        small.nwhy = small.nwhy > 4 ? 4 : small.nwhy;
        buf_clear(&fold->alert);
        alert_encode(&fold->alert, &small);
        CHECK(!fold->alert.failed);
    }
    fold->arrival = arrival;
    f->waiting_bytes += fold->alert.len;
    f->fresh = NULL;
}

size_t folds_waiting_bytes(const struct folds *f)
{
    return f->waiting_bytes;
}

static void emit_one(struct folds *f, struct fold *fold, folds_emit *emit, void *ctx)
{
    struct alert a;
    struct cursor c = cursor_of(buf_view(&fold->alert));
    arena_reset(&f->decoded);
    CHECK(alert_decode(&c, &f->decoded, &a, NULL) == 0);
    a.count = fold->count;
    a.last_time = fold->last_time;
    a.block = fold->block;
    a.index = fold->index;
    buf_clear(&f->scratch);
    alert_encode(&f->scratch, &a);
    CHECK(!f->scratch.failed);
    struct archive_alert_in in = {.placed = fold->placed,
                                  .at = fold->at,
                                  .block = fold->block,
                                  .index = fold->index,
                                  .body = buf_view(&f->scratch)};
    emit(ctx, &in);
    fold->told = fold->count;
}

static void seal_list(struct folds *f, struct fold *list, uint64_t id, folds_place *place,
                      folds_emit *emit, void *ctx)
{
    for (struct fold *fold = list; fold != NULL; fold = fold->next) {
        if (fold->sealed) {
            continue;
        }
        place(ctx, fold->arrival, &fold->block, &fold->index);
        fold->sealed = true;
        fold->window = id;
        emit_one(f, fold, emit, ctx);
    }
}

void folds_seal(struct folds *f, uint64_t id, folds_place *place, folds_emit *emit, void *ctx)
{
    CHECK(f->fresh == NULL);
    seal_list(f, f->open, id, place, emit, ctx);
    seal_list(f, f->closing, id, place, emit, ctx);
    f->waiting_bytes = 0;
    for (struct fold **at = &f->closing; *at != NULL;) {
        struct fold *fold = *at;
        if (fold->count > fold->told && fold->placed) {
            emit_one(f, fold, emit, ctx);
        }
        if (fold->count > fold->told) {
            at = &fold->next; /* its window is not yet kept: no address to tell it by */
            continue;
        }
        *at = fold->next;
        fold->next = NULL;
        free_list(fold);
    }
}

void folds_kept(struct folds *f, uint64_t id, int32_t day, uint32_t first_block)
{
    struct fold *lists[] = {f->open, f->closing};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct fold *fold = lists[i]; fold != NULL; fold = fold->next) {
            if (fold->sealed && !fold->placed && fold->window == id) {
                fold->placed = true;
                fold->at = (struct archive_address){day, first_block + fold->block, fold->index};
            }
        }
    }
}

void folds_rotate(struct folds *f)
{
    CHECK(f->fresh == NULL);
    while (f->open != NULL) {
        struct fold *fold = f->open;
        f->open = fold->next;
        if (fold->sealed && fold->count == fold->told) {
            fold->next = NULL;
            free_list(fold);
        } else {
            fold->next = f->closing;
            f->closing = fold;
        }
    }
    map_free(&f->keys);
    map_free(&f->buckets);
    map_init(&f->keys);
    map_init(&f->buckets);
    arena_reset(&f->arena);
}

bool folds_due(const struct folds *f)
{
    for (const struct fold *fold = f->closing; fold != NULL; fold = fold->next) {
        if (fold->placed && fold->count > fold->told) {
            return true;
        }
    }
    return false;
}
