/* SPDX-License-Identifier: EUPL-1.2 */
/* Courier mode on the command line: a signed file out of a running node, and one into it. Decides nothing; the
 * node signs, and judges what comes. */
#include "cli/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "wire/jcs.h"

enum { FILE_MAX = 4 << 20 /* bytes: what the node takes in one request */ };

static int failed(const char *file, const char *what)
{
    (void)fprintf(stderr, "sereno: %s: %s: %s\n", file, what, strerror(errno));
    return CLI_UNREAD;
}

/* Only what belongs into an address: a node id, a receipt. */
static bool plain(const char *s)
{
    return s == NULL || (s[0] != '\0' && strspn(s, "0123456789abcdef.") == strlen(s));
}

static int write_new(const char *file, struct span text)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(file, "cannot be made");
    }
    size_t done = 0;
    while (done < text.len) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    bool good = done == text.len && fsync(fd) == 0;
    int status = good ? CLI_OK : failed(file, "cannot be written");
    (void)close(fd);
    return status;
}

int courier_export_file(const char *data_dir, const char *file, const char *to, const char *received)
{
    struct control_answer answer = {0};
    struct err e = {0};
    struct buf path;
    if (!plain(to) || !plain(received)) {
        (void)fprintf(stderr, "sereno: --to takes a node's id, --received epoch and number, as 1.17\n");
        return CLI_USAGE;
    }
    buf_init(&path, 1024);
    buf_cstr(&path, "/api/v1/federation/courier-file");
    buf_printf(&path, "%s%s%s%s%s", to == NULL && received == NULL ? "" : "?", to == NULL ? "" : "peer=", to == NULL ? "" : to,
               to == NULL || received == NULL ? "" : "&", received == NULL ? "" : "received=");
    buf_printf(&path, "%s", received == NULL ? "" : received);
    buf_u8(&path, 0);
    int rc = control_ask(data_dir, "GET", path.data, SPAN(""), &answer, &e);
    buf_free(&path);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = answer.status == 200 ? write_new(file, buf_view(&answer.body)) : control_refused(&answer);
    if (status == CLI_OK) {
        (void)printf("%zu bytes for the other side, signed by this node; RED and AMBER in it are sealed to their readers\n", answer.body.len);
    }
    buf_free(&answer.body);
    return status;
}

static int read_file(const char *file, struct buf *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return failed(file, "cannot be opened");
    }
    ssize_t n = 1;
    while (n != 0 && !out->failed) {
        char *room = buf_room(out, 64 << 10);
        n = room == NULL ? 0 : read(fd, room, 64 << 10);
        if (n < 0 && errno != EINTR) {
            (void)close(fd);
            return failed(file, "cannot be read");
        }
        buf_added(out, n < 0 ? 0 : (size_t)n);
    }
    (void)close(fd);
    if (out->failed) {
        (void)fprintf(stderr, "sereno: %s: larger than a courier file\n", file);
        return CLI_UNREAD;
    }
    return CLI_OK;
}

static void tell(struct span body)
{
    struct arena a;
    struct jcs *root = NULL;
    int64_t n[3] = {0};
    struct span from = SPAN("");
    struct span received = SPAN("");
    struct buf safe;
    arena_init(&a, 0);
    buf_init(&safe, 4096);
    if (jcs_read(&a, body, JCS_DEPTH_MAX, &root, NULL) == 0 && jcs_get_int(root, "envelopes", &n[0]) && jcs_get_int(root, "new", &n[1]) &&
        jcs_get_int(root, "refused", &n[2]) && jcs_get_text(root, "from", &from) && jcs_get_text(root, "received", &received)) {
        cli_put_safe(&safe, from);
        buf_cstr(&safe, "; tell them: --received ");
        cli_put_safe(&safe, received);
        (void)printf("%lld envelopes, %lld new, %lld refused, from %.*s\n", (long long)n[0], (long long)n[1], (long long)n[2], SPAN_ARG(buf_view(&safe)));
    }
    buf_free(&safe);
    arena_fini(&a);
}

int courier_import_file(const char *data_dir, const char *file)
{
    struct control_answer answer = {0};
    struct err e = {0};
    struct buf text;
    buf_init(&text, FILE_MAX + (64 << 10));
    int status = read_file(file, &text);
    if (status == CLI_OK && control_ask(data_dir, "POST", "/api/v1/federation/courier-file", buf_view(&text), &answer, &e) < 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    } else if (status == CLI_OK) {
        status = answer.status == 200 ? CLI_OK : control_refused(&answer);
        if (status == CLI_OK) {
            tell(buf_view(&answer.body));
        }
        buf_free(&answer.body);
    }
    buf_free(&text);
    return status;
}
