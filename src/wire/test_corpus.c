/* SPDX-License-Identifier: EUPL-1.2 */
/* The shared corpus: see test_corpus.h. Tests only. */
#include "wire/test_corpus.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "wire/json_read.h"
#include "wire/unpack.h"

enum { PIECE = 1 << 20 };

static int load(const char *path, struct buf *out)
{
    struct err e;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    buf_clear(out);
    struct unpack *u = unpack_new(fd);
    int rc;
    do {
        rc = unpack_read(u, buf_room(out, PIECE), PIECE, &n, &e);
        buf_added(out, n);
    } while (rc == 0 && n > 0);
    unpack_free(&u);
    (void)close(fd);
    return rc;
}

/* The manifest is a list of flat objects, each beginning with its data set's path. */
static void add_set(void *ctx, struct span name, const struct leaf *leaf)
{
    struct corpus *c = ctx;
    struct span value = span_make(leaf->ptr, leaf->len);
    if (span_eq(name, SPAN("dataset"))) {
        vec_push(&c->sets, (struct data_set){arena_copy(&c->names, value), SPAN(""), UINT64_MAX});
    } else if (c->sets.len > 0 && span_eq(name, SPAN("format"))) {
        vec_last(&c->sets)->format = arena_copy(&c->names, value);
    } else if (c->sets.len > 0 && span_eq(name, SPAN("events"))) {
        if (!num_u64(value, &vec_last(&c->sets)->events)) {
            vec_last(&c->sets)->events = UINT64_MAX;
        }
    }
}

int corpus_open(struct corpus *c, const char *folder)
{
    char path[4096];
    struct buf manifest;
    struct arena scratch;
    struct err e;
    memset(c, 0, sizeof *c);
    c->folder = folder;
    arena_init(&c->names, 0);
    buf_init(&manifest, CORPUS_FILE_MAX);
    (void)snprintf(path, sizeof path, "%s/manifest.json", folder);
    if (load(path, &manifest) != 0) {
        (void)printf("skipped: no corpus at %s\n", folder);
        buf_free(&manifest);
        return CORPUS_SKIPPED;
    }
    arena_init(&scratch, 0);
    int rc = json_walk(buf_view(&manifest), &scratch, add_set, c, &e);
    if (rc != 0) {
        (void)printf("%s: %s\n", path, e.text);
    }
    arena_fini(&scratch);
    buf_free(&manifest);
    return rc == 0 ? 0 : 1;
}

void corpus_close(struct corpus *c)
{
    arena_fini(&c->names);
    vec_free(&c->sets);
}

int corpus_load(const struct corpus *c, const struct data_set *set, struct buf *out)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%.*s", c->folder, SPAN_ARG(set->path));
    return load(path, out);
}
