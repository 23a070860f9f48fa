/* SPDX-License-Identifier: EUPL-1.2 */
/* Decompression of what the libraries themselves pack: several members, every cut, damage, a window
 * too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/unpack.h"

enum { OUT_MAX = 64 << 20 };

static void put_gzip(struct buf *out, struct span s)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, s.len);
    z.next_in = (Bytef *)(uintptr_t)s.ptr;
    z.avail_in = (unsigned)s.len;
    z.next_out = (Bytef *)buf_room(out, room);
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_added(out, room - z.avail_out);
    assert_int_equal(deflateEnd(&z), Z_OK);
}

static void put_zstd(struct buf *out, struct span s, int window_log)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(s.len);
    if (window_log > 0) {
        /* A stream of unknown length keeps the window it is told. */
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_enableLongDistanceMatching, 0)));
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log)));
    }
    ZSTD_inBuffer in = {s.ptr, s.len, 0};
    ZSTD_outBuffer to = {buf_room(out, room + 64), room + 64, 0};
    ZSTD_inBuffer none = {"", 0, 0};
    assert_false(ZSTD_isError(ZSTD_compressStream2(c, &to, &in, ZSTD_e_continue)));
    assert_int_equal(in.pos, in.size);
    assert_int_equal(ZSTD_compressStream2(c, &to, &none, ZSTD_e_end), 0);
    buf_added(out, to.pos);
    (void)ZSTD_freeCCtx(c);
}

/* Unpacks all into out in pieces of `piece`; the result of the last read. */
static int drain(struct unpack *u, size_t piece, struct buf *out, struct err *e)
{
    buf_clear(out);
    char *room = mem_alloc(piece);
    int rc;
    size_t n;
    do {
        rc = unpack_read(u, room, piece, &n, e);
        assert_true(n <= piece);
        assert_true(rc == 0 || n == 0);
        buf_put(out, room, n);
    } while (rc == 0 && n > 0);
    if (rc != 0) {
        struct err again;
        assert_int_equal(unpack_read(u, room, piece, &n, &again), rc);
        assert_string_equal(again.text, e->text);
    }
    mem_free(room);
    return rc;
}

static int drain_span(struct span packed, size_t piece, struct buf *out, struct err *e)
{
    char *copy = mem_alloc(packed.len);
    if (packed.len > 0) {
        memcpy(copy, packed.ptr, packed.len);
    }
    struct unpack *u = unpack_new_span(span_make(copy, packed.len));
    int rc = drain(u, piece, out, e);
    assert_true(unpack_offset(u) <= packed.len);
    unpack_free(&u);
    assert_null(u);
    mem_free(copy);
    return rc;
}

static void sample(struct buf *b, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        buf_printf(b, "%zu a line of a log, number %zu\n", i * 7919 % 1000, i);
    }
}

struct bufs {
    struct buf plain;
    struct buf packed;
    struct buf out;
};

static void bufs_init(struct bufs *b)
{
    buf_init(&b->plain, OUT_MAX);
    buf_init(&b->packed, OUT_MAX);
    buf_init(&b->out, OUT_MAX);
}

static void bufs_fini(struct bufs *b)
{
    buf_free(&b->plain);
    buf_free(&b->packed);
    buf_free(&b->out);
}

/* Packs `plain` as kind in two parts of any size, an empty one between. */
static void pack_parts(struct bufs *b, enum unpack_kind kind)
{
    size_t half = b->plain.len / 3;
    struct span first = span_sub(buf_view(&b->plain), 0, half);
    struct span second = span_sub(buf_view(&b->plain), half, b->plain.len);
    buf_clear(&b->packed);
    if (kind == UNPACK_GZIP) {
        put_gzip(&b->packed, first);
        put_gzip(&b->packed, SPAN(""));
        put_gzip(&b->packed, second);
    } else if (kind == UNPACK_ZSTD) {
        put_zstd(&b->packed, first, 0);
        put_zstd(&b->packed, SPAN(""), 0);
        buf_put(&b->packed, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* a frame to be skipped */
        put_zstd(&b->packed, second, 0);
    } else {
        buf_span(&b->packed, buf_view(&b->plain));
    }
}

static void test_kinds(void **state)
{
    (void)state;
    struct bufs b;
    struct err e;
    bufs_init(&b);
    static const size_t lines[] = {0, 1, 3, 20000};
    for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
        buf_clear(&b.plain);
        sample(&b.plain, lines[k]);
        for (int kind = UNPACK_PLAIN; kind <= UNPACK_ZSTD; kind++) {
            pack_parts(&b, (enum unpack_kind)kind);
            for (size_t piece = 1; piece <= 1 << 20; piece *= 31) {
                if (piece == 1 && lines[k] > 1000) {
                    continue;
                }
                assert_int_equal(drain_span(buf_view(&b.packed), piece, &b.out, &e), 0);
                assert_int_equal(b.out.len, b.plain.len);
                assert_true(b.out.len == 0 || memcmp(b.out.data, b.plain.data, b.out.len) == 0);
            }
        }
    }
    bufs_fini(&b);
}

/* Cut anywhere: an error that says so, or (between members) a clean end; what came before is right.
 */
static void test_cuts(void **state)
{
    (void)state;
    struct bufs b;
    struct err e;
    bufs_init(&b);
    sample(&b.plain, 10);
    for (int kind = UNPACK_GZIP; kind <= UNPACK_ZSTD; kind++) {
        pack_parts(&b, (enum unpack_kind)kind);
        size_t clean = 0;
        for (size_t cut = 5; cut < b.packed.len; cut++) {
            int rc = drain_span(span_make(b.packed.data, cut), 64, &b.out, &e);
            assert_true(rc == ERR_TRUNCATED || rc == 0 ||
                        (kind == UNPACK_GZIP && rc == ERR_INVALID));
            assert_true(rc == 0 || e.has_offset);
            clean += rc == 0;
            assert_true(b.out.len <= b.plain.len);
            assert_memory_equal(b.out.data, b.plain.data, b.out.len);
            if (kind == UNPACK_GZIP) { /* all that can be told is given, whatever is asked for */
                size_t told = b.out.len;
                assert_int_equal(drain_span(span_make(b.packed.data, cut), 1, &b.out, &e), rc);
                assert_int_equal(b.out.len, told);
            }
        }
        assert_in_range(clean, 2, 3);
    }
    bufs_fini(&b);
}

static void test_damage(void **state)
{
    (void)state;
    struct bufs b;
    struct err e;
    bufs_init(&b);
    sample(&b.plain, 200);
    pack_parts(&b, UNPACK_GZIP);
    b.packed.data[b.packed.len - 6] ^= 1; /* checksum of the last member */
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), ERR_INVALID);
    assert_int_equal(b.out.len, b.plain.len);
    b.packed.data[b.packed.len - 6] ^= 1;
    buf_put(&b.packed, "\0\0\0\0", 4);
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), 0);
    buf_put(&b.packed, "junk", 4);
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), ERR_INVALID);
    assert_int_equal(e.offset, b.packed.len - 4);

    pack_parts(&b, UNPACK_ZSTD);
    buf_put(&b.packed, "junk", 4);
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), ERR_INVALID);
    assert_int_equal(b.out.len, b.plain.len);

    buf_clear(&b.packed);
    put_zstd(&b.packed, buf_view(&b.plain), UNPACK_WINDOW_LOG_MAX);
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), 0);
    buf_clear(&b.packed);
    put_zstd(&b.packed, buf_view(&b.plain), UNPACK_WINDOW_LOG_MAX + 1);
    assert_int_equal(drain_span(buf_view(&b.packed), 100, &b.out, &e), ERR_LIMIT);
    bufs_fini(&b);
}

/* From a pipe in small writes: nothing yet is no error and no end. */
static void test_descriptor(void **state)
{
    (void)state;
    struct bufs b;
    struct err e;
    int fds[2];
    char room[256];
    size_t n = 0;
    bufs_init(&b);
    sample(&b.plain, 50);
    for (int kind = UNPACK_PLAIN; kind <= UNPACK_ZSTD; kind++) {
        pack_parts(&b, (enum unpack_kind)kind);
        assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
        struct unpack *u = unpack_new(fds[0]);
        buf_clear(&b.out);
        for (size_t at = 0; at < b.packed.len; at += 3) {
            size_t len = b.packed.len - at < 3 ? b.packed.len - at : 3;
            int rc;
            assert_int_equal(write(fds[1], b.packed.data + at, len), len);
            while ((rc = unpack_read(u, room, sizeof room, &n, &e)) == 0) {
                assert_true(n > 0);
                buf_put(&b.out, room, n);
            }
            assert_int_equal(rc, ERR_BUSY);
        }
        assert_int_equal(close(fds[1]), 0);
        assert_int_equal(unpack_read(u, room, sizeof room, &n, &e), 0);
        assert_int_equal(n, 0);
        assert_int_equal(unpack_kind(u), kind);
        assert_int_equal(unpack_offset(u), b.packed.len);
        assert_int_equal(b.out.len, b.plain.len);
        assert_memory_equal(b.out.data, b.plain.data, b.out.len);
        unpack_free(&u);
        assert_int_equal(close(fds[0]), 0);
    }
    int folder = open("/", O_RDONLY | O_CLOEXEC);
    struct unpack *u = unpack_new(folder);
    assert_int_equal(unpack_read(u, room, sizeof room, &n, &e), ERR_IO);
    unpack_free(&u);
    assert_int_equal(close(folder), 0);
    bufs_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_descriptor),
    };
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
