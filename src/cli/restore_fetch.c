/* SPDX-License-Identifier: EUPL-1.2 */
/* Fetching days for `sereno restore`: see restore_fetch.h. */
#include "cli/restore_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "os/sandbox.h"
#include "roles/copy_remote.h"

enum { LIST_MAX = 16 << 20 /* bytes: 500 years of days */ };

bool restore_fetch_is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

int restore_fetch_open(struct restore_fetch *f, const char *url, const char *host_keys, const char *key_file, struct err *e)
{
    struct span rest = span_of(host_keys == NULL ? "" : host_keys);
    f->place = (struct copy_place){.url = span_of(url)};
    while (rest.len > 0 && f->place.npins < COPY_PINS_MAX) {
        ptrdiff_t comma = span_find(rest, ',');
        size_t n = comma < 0 ? rest.len : (size_t)comma;
        f->place.pins[f->place.npins++] = span_trim(span_sub(rest, 0, n));
        rest = span_sub(rest, n + 1, rest.len);
    }
    int rc = copy_place_check(&f->place, e);
    if (rc == 0 && key_file == NULL) {
        rc = err_set(e, ERR_INVALID, "a copy at a URL needs --copy-key F: the key that opens the door there");
    }
    if (rc != 0) {
        return rc;
    }
    f->key_fd = open(key_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return f->key_fd >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", key_file);
}

void restore_fetch_close(struct restore_fetch *f)
{
    if (f->key_fd >= 0) {
        (void)close(f->key_fd);
        f->key_fd = -1;
    }
}

struct errand {
    const struct restore_fetch *f;
    const struct restore_day *day; /* NULL: list */
    int fd;
};

static void child(void *arg, int out)
{
    const struct errand *x = arg;
    struct err e = {0};
    struct buf answer;
    char name[COPY_NAME_MAX];
    const struct sandbox_options cage = {.weaker = x->f->weaker};
    struct remote_job job = {.place = &x->f->place, .name = name, .fd = x->fd, .key_fd = x->f->key_fd, .max_bytes = UINT64_MAX, .anywhere = true};
    (void)snprintf(name, sizeof name, COPY_NAME_START "%s" COPY_NAME_END, x->day == NULL ? "" : x->day->date);
    buf_init(&answer, LIST_MAX);
    int rc = remote_preload(&e);
    rc = rc == 0 ? sandbox_enter_with(SANDBOX_COURIER, &cage, &e) : rc;
    if (rc == 0) {
        rc = x->day == NULL ? remote_list(&job, &answer, &e) : remote_fetch(&job, &e);
    }
    if (rc != 0) {
        buf_clear(&answer);
        buf_cstr(&answer, rc == ERR_NOT_FOUND ? "it lies there no more" : e.text);
    }
    cli_child_write(out, buf_view(&answer));
    buf_free(&answer);
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

static int run(struct errand *x, struct buf *answer, struct err *e)
{
    int status = CLI_UNREAD;
    buf_init(answer, LIST_MAX);
    int rc = cli_child(child, x, "the way to the copy", answer, &status, e);
    if (rc == 0 && status != CLI_OK) {
        struct buf safe;
        buf_init(&safe, ERR_TEXT_MAX * 4);
        cli_put_safe(&safe, span_sub(buf_view(answer), 0, ERR_TEXT_MAX)); /* some of it may be the server's words */
        rc = err_set(e, ERR_IO, "%.*s: %.*s", SPAN_ARG(x->f->place.url), SPAN_ARG(buf_view(&safe)));
        buf_free(&safe);
    }
    return rc;
}

int restore_fetch_list(const struct restore_fetch *f, struct restore_days *out, struct err *e)
{
    struct errand x = {.f = f, .fd = -1};
    struct buf answer;
    int rc = run(&x, &answer, e);
    struct span rest = buf_view(&answer);
    while (rc == 0 && rest.len > 0) {
        ptrdiff_t end = span_find(rest, '\n');
        size_t n = end < 0 ? rest.len : (size_t)end;
        restore_days_add(out, span_sub(rest, 0, n));
        rest = span_sub(rest, n + 1, rest.len);
    }
    buf_free(&answer);
    restore_days_sort(out);
    return rc == 0 && out->all.len == 0 ? err_set(e, ERR_NOT_FOUND, "%.*s: no day was copied there", SPAN_ARG(f->place.url)) : rc;
}

int restore_fetch_day(const struct restore_fetch *f, const struct restore_day *day, int fd, struct err *e)
{
    struct errand x = {.f = f, .day = day, .fd = fd};
    struct buf answer;
    int rc = run(&x, &answer, e);
    buf_free(&answer);
    return rc;
}
