/* SPDX-License-Identifier: EUPL-1.2 */
/* Write-ahead logs of SQLite looked at from outside: see sqlite_wal.h. */
#include "os/sqlite_wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/span.h"

enum {
    HEADER_BYTES = 32,
    FRAME_BYTES = 24,      /* header of a frame */
    INDEX_BYTES = 48,      /* of the shared memory file: one of the two copies of its header, behind which stands how much was written back */
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    COPY_BYTES = 1 << 20,
    WAL_VERSION = 3007000,
};

static const uint32_t magic_little = 0x377f0682; /* sums are made of words of this byte order; magic + 1: of the other */

struct sums {
    uint32_t a, b;
};

/* What the shared memory file says; there only when it is whole, and of the log with these salts. */
struct index {
    bool there;
    uint32_t frames; /* that readers may see: their transactions were synced before */
    uint32_t rest;   /* of these, not yet written back into the database */
    unsigned char bytes[INDEX_BYTES];
};

struct wal {
    int fd;
    uint64_t size; /* bytes */
    bool big;      /* byte order of the sums */
    uint32_t page;
    unsigned char header[HEADER_BYTES];
    struct sums first;
    struct index index;
    unsigned char *frame; /* FRAME_BYTES and a page */
};

static uint32_t get_be(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t get_le(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Words as this machine has them: so the shared memory file is written. */
static uint32_t get_own(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool own_is_big(void)
{
    static const unsigned char one[4] = {0, 0, 0, 1};
    return get_own(one) == 1;
}

/* len: a multiple of 8. */
static struct sums add_up(struct sums s, const unsigned char *p, size_t len, bool big)
{
    for (size_t i = 0; i < len; i += 8) {
        s.a += (big ? get_be(p + i) : get_le(p + i)) + s.b;
        s.b += (big ? get_be(p + i + 4) : get_le(p + i + 4)) + s.a;
    }
    return s;
}

static bool sums_are(struct sums s, const unsigned char *p)
{
    return s.a == get_be(p) && s.b == get_be(p + 4);
}

/* Up to len bytes; how many there were, or -1. */
static ssize_t read_at(int fd, unsigned char *to, size_t len, uint64_t at)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, to + got, len - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* ---- header and shared memory ---- */

static bool header_fits(struct wal *w)
{
    const unsigned char *h = w->header;
    uint32_t magic = get_be(h);
    w->big = magic == magic_little + 1;
    w->page = get_be(h + 8);
    w->first = add_up((struct sums){0, 0}, h, 24, w->big);
    bool known = (magic == magic_little || w->big) && get_be(h + 4) == WAL_VERSION;
    return known && w->page >= PAGE_MIN && w->page <= PAGE_MAX && (w->page & (w->page - 1)) == 0 && sums_are(w->first, h + 24);
}

/* A copy of the index as the engine reads it: two alike, and their own sum fits (struct WalIndexHdr of wal.c). */
static void read_index(const char *path, struct index *out)
{
    unsigned char both[2 * INDEX_BYTES + 4];
    char shm[SQLITE_WAL_PATH_MAX];
    *out = (struct index){.there = false};
    int n = snprintf(shm, sizeof shm, "%s-shm", path);
    int fd = n < 0 || n >= (int)sizeof shm ? -1 : open(shm, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    ssize_t got = read_at(fd, both, sizeof both, 0);
    (void)close(fd);
    if (got != (ssize_t)sizeof both || memcmp(both, both + INDEX_BYTES, INDEX_BYTES) != 0 || get_own(both) != WAL_VERSION || both[12] != 1) {
        return;
    }
    struct sums s = add_up((struct sums){0, 0}, both, 40, own_is_big());
    out->there = s.a == get_own(both + 40) && s.b == get_own(both + 44);
    out->frames = get_own(both + 16);
    uint32_t back = get_own(both + sizeof both - 4);
    out->rest = back < out->frames ? out->frames - back : 0;
    memcpy(out->bytes, both, INDEX_BYTES);
}

static bool index_is_of(const struct index *x, const unsigned char header[HEADER_BYTES])
{
    return x->there && memcmp(x->bytes + 32, header + 16, 8) == 0;
}

/* ---- frames ---- */

/* Whether frame n (from 0) is one of this log and goes on from *s, which becomes its own sums. ERR_IO. */
static int frame_fits(struct wal *w, uint64_t n, struct sums *s, bool *fits, struct err *e)
{
    size_t len = FRAME_BYTES + (size_t)w->page;
    ssize_t got = read_at(w->fd, w->frame, len, HEADER_BYTES + n * len);
    if (got < 0) {
        return err_set_errno(e, ERR_IO, errno, "the log cannot be read");
    }
    if (got < (ssize_t)len) {
        memset(w->frame + got, 0, len - (size_t)got); /* it became shorter meanwhile */
    }
    const unsigned char *f = w->frame;
    struct sums made = add_up(add_up(*s, f, 8, w->big), f + FRAME_BYTES, w->page, w->big);
    *fits = get_be(f) != 0 && memcmp(f + 8, w->header + 16, 8) == 0 && sums_are(made, f + 16);
    *s = (struct sums){get_be(f + 16), get_be(f + 20)}; /* what the next one goes on from, even where this one was changed */
    return 0;
}

/* The frame that was read is one of this log and says that it ends a transaction, whether its sums fit or not. */
static bool says_end(const struct wal *w)
{
    return memcmp(w->frame + 8, w->header + 16, 8) == 0 && get_be(w->frame + 4) != 0;
}

/*
 * Behind frame `bad`, which does not fit: are there whole transactions that were committed after the one it is of? All of a transaction is synced
 * before the next begins, so only its own frames can be missing after a power cut.
 */
static int later_commits(struct wal *w, uint64_t bad, uint64_t frames, uint64_t *out, struct err *e)
{
    bool fits = false, own = says_end(w); /* the end of its own transaction was met */
    struct sums s = {get_be(w->frame + 16), get_be(w->frame + 20)};
    int rc = 0;
    *out = 0;
    for (uint64_t n = bad + 1; rc == 0 && n < frames; n++) {
        rc = frame_fits(w, n, &s, &fits, e);
        bool end = rc == 0 && says_end(w);
        *out += end && fits && own;
        own = own || end;
    }
    return rc;
}

static int look_at_frames(struct wal *w, struct err *e)
{
    uint64_t frames = (w->size - HEADER_BYTES) / (FRAME_BYTES + (uint64_t)w->page), n = 0, later = 0;
    bool live = index_is_of(&w->index, w->header), fits = true;
    struct sums s = w->first;
    int rc = 0;
    if (live && w->index.frames > frames) {
        return err_set(e, ERR_INVALID, "its log of the last changes was cut: %" PRIu64 " frames of %" PRIu32, frames, w->index.frames);
    }
    frames = live ? w->index.frames : frames; /* what comes behind is being written, or was never finished */
    while (rc == 0 && n < frames) {
        rc = frame_fits(w, n, &s, &fits, e);
        if (rc != 0 || !fits) {
            break;
        }
        n++;
    }
    if (rc != 0 || fits) {
        return rc;
    }
    rc = live ? 0 : later_commits(w, n, frames, &later, e);
    if (rc == 0 && (live || later > 0)) {
        rc = err_set(e, ERR_INVALID, "its log of the last changes was changed at frame %" PRIu64 " of %" PRIu64 ": what came after it cannot be taken", n + 1,
                     frames);
    }
    return rc;
}

/* Nothing of the log is there. */
static int say_gone(const struct index *x, struct err *e)
{
    bool lost = x->there && x->rest > 0;
    return lost ? err_set(e, ERR_INVALID, "its log of the last changes is gone, with %" PRIu32 " frames that the database does not have", x->rest) : 0;
}

static int look_inside(struct wal *w, struct err *e)
{
    struct stat st;
    if (fstat(w->fd, &st) != 0) {
        return err_set_errno(e, ERR_IO, errno, "the log cannot be read");
    }
    w->size = (uint64_t)st.st_size;
    if (w->size <= HEADER_BYTES) {
        return say_gone(&w->index, e);
    }
    if (read_at(w->fd, w->header, HEADER_BYTES, 0) != HEADER_BYTES) {
        return err_set(e, ERR_IO, "the log cannot be read");
    }
    if (!header_fits(w)) {
        bool none = w->index.there && w->index.frames == 0; /* it begins anew: nothing in it counts any more */
        return none ? 0 : err_set(e, ERR_INVALID, "its log of the last changes was changed at its head: nothing in it can be taken");
    }
    w->frame = mem_alloc(FRAME_BYTES + (size_t)w->page);
    return look_at_frames(w, e);
}

static int look(const char *path, const char *name, struct err *e)
{
    struct wal w = {.fd = -1};
    read_index(path, &w.index);
    w.fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (w.fd < 0) {
        return errno == ENOENT ? say_gone(&w.index, e) : err_set_errno(e, ERR_IO, errno, "%s", name);
    }
    int rc = look_inside(&w, e);
    mem_free(w.frame);
    (void)close(w.fd);
    return rc;
}

int sqlite_wal_check(const char *path, struct err *e)
{
    char name[SQLITE_WAL_PATH_MAX];
    int n = snprintf(name, sizeof name, "%s-wal", path);
    if (n < 0 || n >= (int)sizeof name) {
        return err_set(e, ERR_LIMIT, "the path is too long");
    }
    int rc = ERR_INVALID;
    for (int tries = 0; rc == ERR_INVALID && tries < SQLITE_WAL_TRIES; tries++) { /* somebody may write while we read */
        rc = look(path, name, e);
    }
    return rc;
}

/* ---- folders ---- */

static int write_all(int fd, const unsigned char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int copy_fd(int from, int to, struct err *e)
{
    unsigned char *part = mem_alloc(COPY_BYTES);
    uint64_t at = 0;
    ssize_t n = 0;
    int rc = 0;
    while (rc == 0 && (n = read_at(from, part, COPY_BYTES, at)) > 0) {
        rc = write_all(to, part, (size_t)n);
        at += (uint64_t)n;
    }
    rc = rc == 0 && n == 0 ? fsync(to) : -1;
    rc = rc == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "the damaged log cannot be kept");
    mem_free(part);
    return rc;
}

/* Once: what is there is the older and fuller one. */
static int keep(int folder, const char *name, struct err *e)
{
    char from[NAME_MAX + 1], to[NAME_MAX + 1];
    int n = snprintf(from, sizeof from, "%s-wal", name);
    int m = snprintf(to, sizeof to, "%s-wal" SQLITE_WAL_KEPT, name);
    if (n < 0 || m < 0 || m >= (int)sizeof to) {
        return err_set(e, ERR_LIMIT, "the name is too long");
    }
    int out = openat(folder, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0) {
        return errno == EEXIST ? 0 : err_set_errno(e, ERR_IO, errno, "the damaged log cannot be kept");
    }
    int in = openat(folder, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool gone = in < 0 && errno == ENOENT; /* an empty one stands for it */
    int rc = gone ? fsync(out) : in < 0 ? err_set_errno(e, ERR_IO, errno, "the damaged log cannot be kept") : copy_fd(in, out, e);
    if (rc == 0 && fsync(folder) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "the damaged log cannot be kept");
    }
    if (rc != 0) {
        (void)unlinkat(folder, to, 0);
    }
    if (in >= 0) {
        (void)close(in);
    }
    (void)close(out);
    return rc;
}

struct guard {
    const char *folder;
    int fd;
    bool known;
    sqlite_wal_fn *complain;
    void *ctx;
};

static int guard_one(const struct guard *g, const char *name, struct err *e)
{
    char path[SQLITE_WAL_PATH_MAX], kept[NAME_MAX + 1];
    struct err why = {0};
    int n = snprintf(path, sizeof path, "%s/%s", g->folder, name);
    int m = snprintf(kept, sizeof kept, "%s-wal" SQLITE_WAL_KEPT, name);
    if (n < 0 || n >= (int)sizeof path || m < 0 || m >= (int)sizeof kept) {
        return err_set(e, ERR_LIMIT, "the path is too long");
    }
    int rc = sqlite_wal_check(path, &why);
    if (rc == ERR_INVALID) {
        rc = keep(g->fd, name, e);
        err_at(&why, name, 0);
        g->complain(g->ctx, &why);
    } else if (rc != 0) {
        (void)err_set(e, rc, "%s: %s", name, why.text);
    } else if (g->known && faccessat(g->fd, kept, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        (void)err_set(&why, ERR_INVALID, "its log of the last changes was damaged, and what came after is missing: %s is that log", kept);
        err_at(&why, name, 0);
        g->complain(g->ctx, &why);
    }
    return rc;
}

int sqlite_wal_guard(const char *folder, bool known, sqlite_wal_fn *complain, void *ctx, struct err *e)
{
    DIR *d = opendir(folder);
    int rc = 0;
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    const struct guard g = {.folder = folder, .fd = dirfd(d), .known = known, .complain = complain, .ctx = ctx};
    for (struct dirent *one = readdir(d); rc == 0 && one != NULL; one = readdir(d)) {
        if (span_ends(span_of(one->d_name), SPAN(".db"))) {
            rc = guard_one(&g, one->d_name, e);
        }
    }
    (void)closedir(d);
    return rc;
}
