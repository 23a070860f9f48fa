/* SPDX-License-Identifier: EUPL-1.2 */
/* `seals.jsonl`: one line more when the chain has a newer end. Runs in keeper. Must never change a
 * line that is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/priv.h"
#include "archive/seal.h"

bool archive_newest(const struct archive *a, struct archive_head *out)
{
    if (a->db == NULL) {
        return false;
    }
    *out = (struct archive_head){.day = a->day, .link = a->next_id - 1};
    memcpy(out->hash, a->chain, sizeof out->hash);
    return true;
}

/* The end of the file: its last whole line, and where the next one begins. A line that a crash cut
 * short is not one. */
struct tail {
    char text[2 * SEAL_LINE_MAX];
    struct span last;
    off_t end;
};

static int read_tail(int fd, struct tail *t, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(e, ERR_IO, errno, SEAL_FILE_NAME);
    }
    off_t from = st.st_size > (off_t)sizeof t->text ? st.st_size - (off_t)sizeof t->text : 0;
    ssize_t n = pread(fd, t->text, sizeof t->text, from);
    if (n < 0) {
        return err_set_errno(e, ERR_IO, errno, SEAL_FILE_NAME);
    }
    size_t end = (size_t)n;
    while (end > 0 && t->text[end - 1] != '\n') {
        end--;
    }
    size_t start = end > 0 ? end - 1 : 0;
    while (start > 0 && t->text[start - 1] != '\n') {
        start--;
    }
    t->end = from + (off_t)end;
    t->last = end > 0 ? span_make(t->text + start, end - 1 - start) : SPAN("");
    return 0;
}

static int open_seals(const char *folder, int flags, struct err *e)
{
    char path[DB_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" SEAL_FILE_NAME, folder);
    if (n < 0 || n >= (int)sizeof path) {
        return err_set(e, ERR_LIMIT, "archive folder: path too long");
    }
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 ? fd : err_set_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
}

bool archive_last_line(const char *folder, struct seal *out, unsigned char line_hash_out[ARCHIVE_HASH_BYTES])
{
    struct err e = {0};
    struct tail t;
    int fd = open_seals(folder, O_RDONLY, &e);
    if (fd < 0) {
        return false;
    }
    bool read = read_tail(fd, &t, &e) == 0 && t.last.len > 0 && seal_read(t.last, out, &e) == 0;
    if (read) {
        archive_hash(t.last, line_hash_out);
    }
    (void)close(fd);
    return read;
}

bool archive_last_seal(const char *folder, struct seal *out)
{
    unsigned char hash[ARCHIVE_HASH_BYTES];
    return archive_last_line(folder, out, hash);
}

time_ns archive_sealed_at(const char *folder)
{
    struct seal s;
    return archive_last_seal(folder, &s) ? s.sealed : TIME_NONE;
}

static int append(int fd, off_t at, const struct buf *line, struct err *e)
{
    if (ftruncate(fd, at) == 0 && pwrite(fd, line->data, line->len, at) == (ssize_t)line->len &&
        fdatasync(fd) == 0) {
        return 0;
    }
    int rc = err_set_errno(e, ERR_IO, errno, SEAL_FILE_NAME " cannot be written");
    (void)!ftruncate(fd, at); /* a line that may be on no disk is not there: the next try writes it anew */
    return rc;
}

int archive_seal(struct archive *a, const struct seal_key *k, time_ns now,
                 unsigned char line_hash_out[ARCHIVE_HASH_BYTES], struct err *e)
{
    struct tail t;
    struct seal s = {.sealed = now};
    struct seal last = {0};
    struct err why = {0};
    memset(line_hash_out, 0, ARCHIVE_HASH_BYTES);
    if (!archive_newest(a, &s.head)) {
        return 0;
    }
    int fd = open_seals(a->folder, O_RDWR | O_CREAT, e);
    if (fd < 0) {
        return fd;
    }
    int rc = read_tail(fd, &t, e);
    if (rc == 0 && t.last.len > 0) {
        archive_hash(t.last, line_hash_out);
    }
    bool known = rc == 0 && t.last.len > 0 && seal_read(t.last, &last, &why) == 0 &&
                 memcmp(last.head.hash, s.head.hash, sizeof s.head.hash) == 0;
    if (rc == 0 && !known) {
        struct buf line;
        buf_init(&line, SEAL_LINE_MAX);
        memcpy(s.previous, line_hash_out, sizeof s.previous);
        seal_line(k, &s, &line);
        CHECK(!line.failed);
        archive_hash(buf_view(&line), line_hash_out);
        buf_cstr(&line, "\n");
        rc = append(fd, t.end, &line, e);
        buf_free(&line);
    }
    (void)close(fd);
    return rc;
}
