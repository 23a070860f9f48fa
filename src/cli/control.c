/* SPDX-License-Identifier: EUPL-1.2 */
/* The running node, asked over its control socket: see control.h. Speaks as much HTTP/1.1 as the node's own server
 * answers: one request, one answer, then the connection ends. */
#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/cli.h"
#include "roles/super.h"
#include "wire/json_read.h"

static int dial(const char *data_dir, int *fd_out, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = CONTROL_WAIT_S};
    const char *place = data_dir == NULL ? super_default_data() : data_dir;
    if (place == NULL) {
        return err_set(e, ERR_INVALID, "no home folder for the data: name one with --data");
    }
    int folder = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/control", folder);
    bool fine = folder >= 0 && fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    int why = errno;
    if (folder >= 0) {
        (void)close(folder);
    }
    if (!fine) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return why == ENOENT || why == ECONNREFUSED
                   ? err_set(e, ERR_CLOSED, "no node runs with the data in %s: start it with `sereno serve`, or name its folder with --data", place)
                   : err_set_errno(e, ERR_IO, why, "the node in %s cannot be asked", place);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    *fd_out = fd;
    return 0;
}

static int send_all(int fd, struct span s, struct err *e)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set_errno(e, ERR_IO, errno, "the node does not listen");
        }
        s = span_sub(s, (size_t)n, s.len);
    }
    return 0;
}

static int receive_all(int fd, struct buf *in, struct err *e)
{
    for (;;) {
        char *to = buf_room(in, 16384);
        if (to == NULL) {
            return err_set(e, ERR_LIMIT, "the node's answer is too large");
        }
        ssize_t n = recv(fd, to, 16384, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set_errno(e, ERR_IO, errno, "the node does not answer");
        }
        if (n == 0) {
            return 0;
        }
        buf_added(in, (size_t)n);
    }
}

/* Status and body out of a whole answer. */
static int take_answer(struct buf *in, struct control_answer *out, struct err *e)
{
    struct span all = buf_view(in);
    uint64_t status = 0;
    const char *end = all.len == 0 ? NULL : memmem(all.ptr, all.len, "\r\n\r\n", 4);
    bool fine = end != NULL && all.len > 12 && span_starts(all, SPAN("HTTP/1.1 ")) &&
                num_u64(span_sub(all, 9, 3), &status);
    if (!fine) {
        return err_set(e, ERR_IO, "the node's answer makes no sense");
    }
    out->status = (unsigned)status;
    buf_put(&out->head, all.ptr, (size_t)(end - all.ptr) + 2);
    buf_drop(in, (size_t)(end - all.ptr) + 4);
    return 0;
}

int control_send(const char *data_dir, const char *method, const char *path, const char *type, struct span body, struct control_answer *out,
                 struct err *e)
{
    int fd = -1;
    struct buf request;
    buf_init(&request, (1 << 20) + body.len);
    buf_init(&out->body, CONTROL_ANSWER_MAX);
    buf_init(&out->head, CONTROL_ANSWER_MAX);
    out->status = 0;
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, path);
    if (body.len > 0) {
        buf_printf(&request, "Content-Type: %s\r\n", type);
    }
    if (body.len > 0 || method[0] != 'G') {
        buf_printf(&request, "Content-Length: %zu\r\n", body.len);
    }
    buf_cstr(&request, "\r\n");
    buf_span(&request, body);
    int rc = request.failed ? err_set(e, ERR_LIMIT, "too much to ask") : dial(data_dir, &fd, e);
    rc = rc < 0 ? rc : send_all(fd, buf_view(&request), e);
    rc = rc < 0 ? rc : receive_all(fd, &out->body, e);
    rc = rc < 0 ? rc : take_answer(&out->body, out, e);
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_free(&request);
    if (rc < 0) {
        control_free(out);
    }
    return rc;
}

void control_free(struct control_answer *a)
{
    buf_free(&a->body);
    buf_free(&a->head);
}

struct span control_field(const struct control_answer *a, struct span name)
{
    struct span rest = buf_view(&a->head);
    while (rest.len > 0) {
        ptrdiff_t n = span_find(rest, '\n');
        struct span line = span_trim(span_sub(rest, 0, n < 0 ? rest.len : (size_t)n));
        ptrdiff_t colon = span_find(line, ':');
        rest = span_sub(rest, n < 0 ? rest.len : (size_t)n + 1, rest.len);
        if (colon > 0 && span_eq_nocase(span_sub(line, 0, (size_t)colon), name)) {
            return span_trim(span_sub(line, (size_t)colon + 1, line.len));
        }
    }
    return SPAN("");
}

int control_ask(const char *data_dir, const char *method, const char *path, struct span body, struct control_answer *out, struct err *e)
{
    int rc = control_send(data_dir, method, path, "application/json", body, out, e);
    if (rc == 0) {
        buf_free(&out->head);
    }
    return rc;
}

struct found {
    struct buf *text;
};

static void visit(void *ctx, struct span name, const struct leaf *leaf)
{
    struct found *f = ctx;
    if (span_eq(name, SPAN("error.message")) && leaf->kind == LEAF_STRING && f->text->len == 0) {
        char *to = buf_room(f->text, leaf->len);
        if (to != NULL) {
            buf_added(f->text, json_unescape(span_make(leaf->ptr, leaf->len), to, NULL));
        }
    }
}

int control_refused(const struct control_answer *a)
{
    struct arena scratch;
    struct buf text, safe;
    struct found f = {&text};
    arena_init(&scratch, 0);
    buf_init(&text, 4096);
    buf_init(&safe, 65536);
    if (json_walk(buf_view(&a->body), &scratch, visit, &f, NULL) < 0 || text.len == 0) {
        buf_cstr(&text, "the node refused, and did not say why");
    }
    cli_put_safe(&safe, buf_view(&text));
    (void)fprintf(stderr, "sereno: %.*s\n", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
    buf_free(&text);
    arena_fini(&scratch);
    return CLI_UNREAD;
}
