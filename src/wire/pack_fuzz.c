/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a pack: walked to its end or refused with a reason; no path that leads out reaches the visitor. */
#include <stdint.h>
#include <string.h>

#include "wire/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
    struct span rest;
    bool open;
};

static int more(void *from, struct span *out, struct err *e)
{
    struct feed *f = from;
    (void)e;
    *out = span_sub(f->rest, 0, 512);
    f->rest = span_sub(f->rest, out->len, f->rest.len);
    return 0;
}

static int begin(void *ctx, const char *path, struct err *e)
{
    struct feed *f = ctx;
    (void)e;
    CHECK(!f->open && pack_path_is_plain(path) && strcmp(path, PACK_MANIFEST) != 0);
    f->open = true;
    return 0;
}

static int bytes(void *ctx, struct span s, struct err *e)
{
    struct feed *f = ctx;
    (void)e;
    CHECK(f->open && (s.len == 0 || s.ptr != NULL));
    return 0;
}

static int end(void *ctx, struct err *e)
{
    struct feed *f = ctx;
    (void)e;
    f->open = false;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {.rest = span_make((const char *)data, size)};
    const struct pack_visitor visitor = {.ctx = &f, .begin = begin, .data = bytes, .end = end};
    struct unpacked sum;
    struct err e = {0};
    int rc = pack_walk(more, &f, &visitor, &sum, &e);
    CHECK(rc == 0 || e.text[0] != '\0');
    return 0;
}
