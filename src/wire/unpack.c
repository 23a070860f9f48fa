/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Streaming decompression: see unpack.h. Runs inside the sandbox of scan and hunt workers; it must
 * never open a file, seek, or hold more than one input buffer and the library's window.
 */
#include "wire/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define UNPACK_MAGIC 0x554e504bu

enum {
    IN_BYTES = 128 * 1024, /* what zstd likes to be fed */
    MAGIC_BYTES = 4,
    GZIP_WINDOW = 15 + 16, /* zlib's way to say: gzip, its largest window of 32 KiB */
};

struct unpack {
    uint32_t magic;
    int fd; /* -1: bytes only */
    bool eof;
    bool known;  /* kind was told from the first bytes */
    bool inside; /* in a gzip member or zstd frame */
    int failed;  /* ERR_* given before */
    enum unpack_kind kind;
    uint64_t taken; /* bytes that came into `in` and were used */
    struct span in; /* unread bytes of `buffer` or of the caller's bytes */
    char *buffer;
    z_stream zlib;
    ZSTD_DStream *zstd;
    struct err why;
};

static struct unpack *unpack_make(int fd, struct span bytes)
{
    struct unpack *u = mem_alloc(sizeof *u);
    u->magic = UNPACK_MAGIC;
    u->fd = fd;
    u->in = bytes;
    u->eof = fd < 0;
    u->buffer = fd < 0 ? NULL : mem_alloc(IN_BYTES);
    return u;
}

struct unpack *unpack_new(int fd)
{
    CHECK(fd >= 0);
    return unpack_make(fd, span_make(NULL, 0));
}

struct unpack *unpack_new_span(struct span bytes)
{
    return unpack_make(-1, bytes);
}

void unpack_free(struct unpack **u)
{
    if (*u == NULL) {
        return;
    }
    CHECK_OBJ(*u, UNPACK_MAGIC);
    if ((*u)->known && (*u)->kind == UNPACK_GZIP) {
        (void)inflateEnd(&(*u)->zlib);
    }
    (void)ZSTD_freeDStream((*u)->zstd);
    mem_free((*u)->buffer);
    mem_free(*u);
    *u = NULL;
}

enum unpack_kind unpack_kind(const struct unpack *u)
{
    return u->kind;
}

uint64_t unpack_offset(const struct unpack *u)
{
    return u->taken;
}

static void take(struct unpack *u, size_t n)
{
    u->in.ptr += n;
    u->in.len -= n;
    u->taken += n;
}

/* Remembers the failure: it is given again on each later call. */
static int fail(struct unpack *u, int code, const char *what)
{
    (void)err_set(&u->why, code, "%s at byte %llu", what, (unsigned long long)u->taken);
    u->why.offset = u->taken;
    u->why.has_offset = 1;
    return u->failed = code;
}

/* Adds what one read gives behind the unread bytes, of which there are fewer than MAGIC_BYTES. */
static int fill(struct unpack *u)
{
    if (u->in.len > 0) {
        memmove(u->buffer, u->in.ptr, u->in.len);
    }
    u->in.ptr = u->buffer;
    ssize_t n;
    do {
        n = read(u->fd, u->buffer + u->in.len, IN_BYTES - u->in.len);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return ERR_BUSY;
    }
    if (n < 0) {
        int errnum = errno;
        (void)fail(u, ERR_IO, "reading stopped");
        return err_set_errno(&u->why, ERR_IO, errnum, "reading at byte %llu",
                             (unsigned long long)u->taken);
    }
    u->eof = n == 0;
    u->in.len += (size_t)n;
    return 0;
}

/* At least `want` (≤ MAGIC_BYTES) unread bytes, fewer only at the end. */
static int have(struct unpack *u, size_t want)
{
    while (u->in.len < want && !u->eof) {
        int rc = fill(u);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static bool is_gzip(struct span s)
{
    return span_starts(s, SPAN("\x1f\x8b"));
}

/* RFC 8878 §3.1: a frame, or a skippable one (18 4D 2A 50 to 5F, little-endian). */
static bool is_zstd(struct span s)
{
    bool skippable = s.len >= 4 && ((unsigned char)s.ptr[0] & 0xf0) == 0x50 &&
                     memcmp(s.ptr + 1, "\x2a\x4d\x18", 3) == 0;
    return skippable || span_starts(s, SPAN("\x28\xb5\x2f\xfd"));
}

static int start(struct unpack *u)
{
    int rc = have(u, MAGIC_BYTES);
    if (rc != 0) {
        return rc;
    }
    if (is_gzip(u->in)) {
        CHECK(inflateInit2(&u->zlib, GZIP_WINDOW) == Z_OK);
        u->kind = UNPACK_GZIP;
        u->inside = true;
    } else if (is_zstd(u->in)) {
        u->zstd = ZSTD_createDStream();
        CHECK(u->zstd != NULL);
        CHECK(!ZSTD_isError(
            ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG_MAX)));
        u->kind = UNPACK_ZSTD;
    }
    u->known = true;
    return 0;
}

static int read_plain(struct unpack *u, char *out, size_t cap, size_t *len_out)
{
    int rc = have(u, 1);
    size_t n = u->in.len < cap ? u->in.len : cap;
    if (rc != 0 || n == 0) {
        return rc;
    }
    memcpy(out, u->in.ptr, n);
    take(u, n);
    *len_out = n;
    return 0;
}

/* Between members: another one, the zero bytes tapes and disks pad with, or the end. *end_out:
 * nothing more comes. */
static int next_member(struct unpack *u, bool *end_out)
{
    *end_out = false;
    for (;;) {
        int rc = have(u, 2);
        if (rc != 0) {
            return rc;
        }
        if (u->in.len == 0) {
            *end_out = true;
            return 0;
        }
        if (is_gzip(u->in)) {
            CHECK(inflateReset(&u->zlib) == Z_OK);
            u->inside = true;
            return 0;
        }
        if (u->in.ptr[0] != '\0') {
            return fail(u, ERR_INVALID, "gzip: something else behind the last member");
        }
        take(u, 1);
    }
}

static unsigned small(size_t n)
{
    return n > 1u << 30 ? 1u << 30 : (unsigned)n;
}

/* One call of zlib; what it gave before it met damage is given too, and the damage said after it. */
static int inflate_some(struct unpack *u, char *out, size_t cap, size_t *len_out)
{
    bool ended = u->in.len == 0;
    unsigned in = small(u->in.len);
    unsigned room = small(cap);
    /* zlib's input is not const by default, but it is only read. */
    u->zlib.next_in = (Bytef *)(uintptr_t)u->in.ptr;
    u->zlib.avail_in = in;
    u->zlib.next_out = (Bytef *)out;
    u->zlib.avail_out = room;
    int rc = inflate(&u->zlib, Z_NO_FLUSH);
    take(u, in - u->zlib.avail_in);
    *len_out = room - u->zlib.avail_out;
    CHECK(rc != Z_MEM_ERROR);
    if (rc == Z_STREAM_END) {
        u->inside = false;
        return 0;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        rc = fail(u, ERR_INVALID, "gzip: damaged data");
        return *len_out > 0 ? 0 : rc;
    }
    return ended && *len_out == 0 ? fail(u, ERR_TRUNCATED, "gzip: the file ends inside a member")
                                  : 0;
}

static int read_gzip(struct unpack *u, char *out, size_t cap, size_t *len_out)
{
    while (*len_out == 0) {
        bool end = false;
        /* At the end of the file zlib may still hold output: it is asked all the same. */
        int rc = u->inside ? have(u, 1) : next_member(u, &end);
        if (rc == 0 && !end) {
            rc = inflate_some(u, out, cap, len_out);
        }
        if (rc != 0 || end) {
            return rc;
        }
    }
    return 0;
}

static int read_zstd(struct unpack *u, char *out, size_t cap, size_t *len_out)
{
    /* A frame may still hold output when all input is taken: ask once more before calling it the
     * end. */
    bool asked = false;
    while (*len_out == 0) {
        int rc = have(u, 1);
        if (rc != 0) {
            return rc;
        }
        if (u->in.len == 0 && (!u->inside || asked)) {
            return u->inside ? fail(u, ERR_TRUNCATED, "zstd: the file ends inside a frame") : 0;
        }
        asked = u->in.len == 0;
        ZSTD_inBuffer in = {u->in.ptr == NULL ? "" : u->in.ptr, u->in.len, 0};
        ZSTD_outBuffer room = {out, cap, 0};
        size_t n = ZSTD_decompressStream(u->zstd, &room, &in);
        take(u, in.pos);
        if (ZSTD_isError(n)) {
            bool window = ZSTD_getErrorCode(n) == ZSTD_error_frameParameter_windowTooLarge;
            CHECK(ZSTD_getErrorCode(n) != ZSTD_error_memory_allocation);
            return window ? fail(u, ERR_LIMIT, "zstd: a window over 128 MiB")
                          : fail(u, ERR_INVALID, "zstd: damaged data");
        }
        u->inside = n != 0;
        *len_out = room.pos;
    }
    return 0;
}

int unpack_read(struct unpack *u, char *out, size_t cap, size_t *len_out, struct err *e)
{
    CHECK_OBJ(u, UNPACK_MAGIC);
    CHECK(cap > 0);
    *len_out = 0;
    int rc = u->failed;
    if (rc == 0 && !u->known) {
        rc = start(u);
    }
    if (rc == 0) {
        rc = u->kind == UNPACK_GZIP   ? read_gzip(u, out, cap, len_out)
             : u->kind == UNPACK_ZSTD ? read_zstd(u, out, cap, len_out)
                                      : read_plain(u, out, cap, len_out);
    }
    if (rc == ERR_BUSY) {
        return err_set(e, ERR_BUSY, "nothing to read yet");
    }
    if (rc != 0 && e != NULL) {
        *e = u->why;
    }
    return rc;
}
