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
#include "wire/s3_list.h"

enum { LIST_MAX = 16 << 20 /* bytes: 500 years of days */, PAGES_MAX = 100000 /* of 1,000 names */, LAST_NAME_MAX = 256 };

bool restore_fetch_is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

static struct span said(const char *text)
{
    return span_of(text == NULL ? "" : text);
}

int restore_fetch_open(struct restore_fetch *f, const struct restore_fetch_options *o, struct err *e)
{
    struct span rest = said(o->host_keys);
    f->place = (struct copy_place){.url = span_of(o->url), .endpoint = said(o->endpoint), .region = said(o->region)};
    while (rest.len > 0 && f->place.npins < COPY_PINS_MAX) {
        ptrdiff_t comma = span_find(rest, ',');
        size_t n = comma < 0 ? rest.len : (size_t)comma;
        f->place.pins[f->place.npins++] = span_trim(span_sub(rest, 0, n));
        rest = span_sub(rest, n + 1, rest.len);
    }
    int rc = copy_place_check(&f->place, e);
    if (rc == 0 && o->key_file == NULL) {
        rc = err_set(e, ERR_INVALID, "a copy at a URL needs --copy-key F: the key that opens the door there");
    }
    if (rc != 0) {
        return rc;
    }
    f->key_fd = open(o->key_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return f->key_fd >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", o->key_file);
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
    const char *after; /* list: a page of the names behind this one */
    struct span page;  /* names: what came of list, as an S3 server wrote it */
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
        rc = x->day == NULL ? remote_list(&job, x->after, &answer, &e) : remote_fetch(&job, &e);
    }
    if (rc != 0) {
        buf_clear(&answer);
        buf_cstr(&answer, rc == ERR_NOT_FOUND ? "it lies there no more" : e.text);
    }
    cli_child_write(out, buf_view(&answer));
    buf_free(&answer);
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

/* Somebody else's XML: "+" or "-" (there is more, or not), then the last name of all and the names of days, a line each. */
static void names_child(void *arg, int out)
{
    const struct errand *x = arg;
    struct err e = {0};
    struct buf answer, days;
    const struct sandbox_options cage = {.weaker = x->f->weaker};
    struct span rest = x->page, key, last = SPAN("");
    buf_init(&answer, LIST_MAX);
    buf_init(&days, LIST_MAX);
    int rc = sandbox_enter_with(SANDBOX_SCAN_WORKER, &cage, &e);
    while (rc == 0 && s3_list_next(&rest, &key)) {
        for (last = key; span_find(last, '/') >= 0;) {
            last = span_sub(last, (size_t)span_find(last, '/') + 1, last.len);
        }
        buf_printf(&days, "%.*s\n", SPAN_ARG(last));
    }
    buf_printf(&answer, "%s%.*s\n%.*s", s3_list_more(x->page) ? "+" : "-", SPAN_ARG(last), SPAN_ARG(buf_view(&days)));
    cli_child_write(out, rc == 0 && !answer.failed ? buf_view(&answer) : span_of(e.text));
    _exit(rc == 0 && !answer.failed && !days.failed ? CLI_OK : CLI_UNREAD);
}

static int run(void (*work)(void *arg, int out), struct errand *x, struct buf *answer, struct err *e)
{
    int status = CLI_UNREAD;
    buf_init(answer, LIST_MAX);
    int rc = cli_child(work, x, "the way to the copy", answer, &status, e);
    if (rc == 0 && status != CLI_OK) {
        struct buf safe;
        buf_init(&safe, ERR_TEXT_MAX * 4);
        cli_put_safe(&safe, span_sub(buf_view(answer), 0, ERR_TEXT_MAX)); /* some of it may be the server's words */
        rc = err_set(e, ERR_IO, "%.*s: %.*s", SPAN_ARG(x->f->place.url), SPAN_ARG(buf_view(&safe)));
        buf_free(&safe);
    }
    return rc;
}

static void add_names(struct restore_days *out, struct span rest)
{
    while (rest.len > 0) {
        ptrdiff_t end = span_find(rest, '\n');
        size_t n = end < 0 ? rest.len : (size_t)end;
        restore_days_add(out, span_sub(rest, 0, n));
        rest = span_sub(rest, n + 1, rest.len);
    }
}

/* One page into out; after becomes its last name when there are more. */
static int list_page(const struct restore_fetch *f, struct restore_days *out, char after[LAST_NAME_MAX], bool *more, struct err *e)
{
    struct errand x = {.f = f, .fd = -1, .after = after};
    struct buf page, names;
    int rc = run(child, &x, &page, e);
    *more = false;
    if (rc != 0 || !span_starts(f->place.url, SPAN("s3://"))) {
        add_names(out, rc == 0 ? buf_view(&page) : SPAN(""));
        buf_free(&page);
        return rc;
    }
    x.page = buf_view(&page);
    rc = run(names_child, &x, &names, e);
    struct span said_names = buf_view(&names);
    ptrdiff_t line = rc == 0 ? span_find(said_names, '\n') : -1;
    if (line >= 1) {
        struct span last = span_sub(said_names, 1, (size_t)line - 1);
        char before[LAST_NAME_MAX];
        *more = said_names.ptr[0] == '+' && last.len > 0;
        (void)snprintf(before, sizeof before, "%s", after);
        (void)snprintf(after, LAST_NAME_MAX, "%.*s", SPAN_ARG(last));
        if (*more && (last.len >= LAST_NAME_MAX || strcmp(after, before) <= 0)) {
            rc = err_set(e, ERR_INVALID, "%.*s: the list of names there cannot be followed", SPAN_ARG(f->place.url));
        }
        add_names(out, span_sub(said_names, (size_t)line + 1, said_names.len));
    }
    buf_free(&page);
    buf_free(&names);
    return rc;
}

int restore_fetch_list(const struct restore_fetch *f, struct restore_days *out, struct err *e)
{
    char after[LAST_NAME_MAX] = "";
    bool more = true;
    int rc = 0;
    for (unsigned pages = 0; rc == 0 && more; pages++) {
        rc = pages < PAGES_MAX ? list_page(f, out, after, &more, e) : err_set(e, ERR_LIMIT, "more names there than can be looked at");
    }
    restore_days_sort(out);
    return rc == 0 && out->all.len == 0 ? err_set(e, ERR_NOT_FOUND, "%.*s: no day was copied there", SPAN_ARG(f->place.url)) : rc;
}

int restore_fetch_day(const struct restore_fetch *f, const struct restore_day *day, int fd, struct err *e)
{
    struct errand x = {.f = f, .day = day, .fd = fd, .after = ""};
    struct buf answer;
    int rc = run(child, &x, &answer, e);
    buf_free(&answer);
    return rc;
}
