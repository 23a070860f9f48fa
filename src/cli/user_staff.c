/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lists of the personnel office over the control socket: see user_staff.h. Nothing of a list is parsed here; faults are told as
 * FILE:ROW: column: why.
 */
#include "cli/user_staff.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"
#include "cli/control.h"
#include "cli/options.h"
#include "cli/table_file.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

bool user_staff_knows(const char *word)
{
    return strcmp(word, "import") == 0 || strcmp(word, "sync") == 0 || strcmp(word, "imports") == 0 || strcmp(word, "undo") == 0;
}

/* CLI_DONE_NOT and an answer, or what went wrong was said. */
static int ask(const struct user_staff *u, const char *method, const char *path, const char *type, struct span body, struct control_answer *a)
{
    struct err e = {0};
    if (control_send(u->data_dir, method, path, type, body, a, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    return CLI_DONE_NOT;
}

static struct span text_of(const struct jcs *v, const char *key)
{
    struct span s = SPAN("");
    return jcs_get_text(v, key, &s) ? s : SPAN("");
}

static long long number_of(const struct jcs *v, const char *key)
{
    int64_t n = 0;
    return jcs_get_int(v, key, &n) ? n : 0;
}

static void print_faults(const char *file, const struct jcs *report)
{
    const struct jcs *faults = jcs_get_array(report, "faults");
    for (const struct jcs *f = faults == NULL ? NULL : faults->first; f != NULL; f = f->next) {
        (void)fprintf(stderr, "%s:%lld: %.*s: %.*s\n", file, number_of(f, "row"), SPAN_ARG(text_of(f, "column")), SPAN_ARG(text_of(f, "message")));
    }
}

static void print_changes(const struct jcs *report)
{
    const struct jcs *changes = jcs_get_array(report, "changes");
    for (const struct jcs *c = changes == NULL ? NULL : changes->first; c != NULL; c = c->next) {
        struct buf line;
        buf_init(&line, 64 << 10);
        cli_put_safe(&line, text_of(c, "what"));
        buf_u8(&line, ' ');
        cli_put_safe(&line, text_of(c, "name"));
        buf_u8(&line, ' ');
        cli_put_safe(&line, text_of(c, "role"));
        if (text_of(c, "link").len > 0) {
            buf_cstr(&line, " one-time link, on the address of this node: ");
            cli_put_safe(&line, text_of(c, "link"));
        }
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&line)));
        buf_free(&line);
    }
}

static int print_report(const char *file, const struct control_answer *a)
{
    struct arena arena;
    struct jcs *report = NULL;
    struct err e = {0};
    arena_init(&arena, 0);
    if (jcs_read(&arena, buf_view(&a->body), JCS_DEPTH_MAX, &report, &e) < 0) {
        cli_print_err(&e);
        arena_fini(&arena);
        return CLI_UNREAD;
    }
    struct span id = text_of(report, "import");
    print_faults(file, report);
    print_changes(report);
    (void)printf("%lld join, %lld get another role, %lld leave, %lld the same, %lld with faults: %s\n", number_of(report, "joins"),
                 number_of(report, "role"), number_of(report, "leaves"), number_of(report, "same"), number_of(report, "faulty"),
                 id.len > 0 ? "done" : "nothing was changed");
    if (id.len > 0) {
        (void)printf("to take it back: sereno user undo %.*s\n", SPAN_ARG(id));
    }
    int status = number_of(report, "faulty") > 0 ? CLI_UNREAD : CLI_OK;
    arena_fini(&arena);
    return status;
}

static int import(const struct user_staff *u, const char *file)
{
    struct control_answer a = {0};
    struct buf path, list;
    int status = table_file_read(file, &list);
    if (status == CLI_DONE_NOT) {
        buf_init(&path, 8192);
        buf_printf(&path, "/api/v1/staff-imports?apply=%s", u->apply ? "true" : "false");
        table_file_query(&path, "why", u->why);
        buf_u8(&path, 0);
        if (path.failed) {
            (void)fprintf(stderr, "sereno: the reason is too long\n");
            status = CLI_UNREAD;
        } else {
            status = ask(u, "POST", path.data, "text/csv", buf_view(&list), &a);
        }
        buf_free(&path);
    }
    if (status == CLI_DONE_NOT) {
        status = a.status == 200 || a.status == 422 ? print_report(file, &a) : control_refused(&a);
        control_free(&a);
    }
    buf_free(&list);
    return status;
}

/* Who of a directory's accounts is gone or disabled there. */
static int print_leavers(const struct control_answer *a)
{
    struct arena arena;
    struct jcs *report = NULL;
    struct err e = {0};
    arena_init(&arena, 0);
    if (jcs_read(&arena, buf_view(&a->body), JCS_DEPTH_MAX, &report, &e) < 0) {
        cli_print_err(&e);
        arena_fini(&arena);
        return CLI_UNREAD;
    }
    struct span id = text_of(report, "import");
    const struct jcs *changes = jcs_get_array(report, "changes");
    for (const struct jcs *c = changes == NULL ? NULL : changes->first; c != NULL; c = c->next) {
        struct buf line;
        buf_init(&line, 64 << 10);
        buf_cstr(&line, "leaves ");
        cli_put_safe(&line, text_of(c, "name"));
        buf_u8(&line, ' ');
        cli_put_safe(&line, text_of(c, "was"));
        buf_cstr(&line, ": ");
        cli_put_safe(&line, text_of(c, "why"));
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&line)));
        buf_free(&line);
    }
    (void)printf("%lld accounts of the directory, %lld leave: %s\n", number_of(report, "accounts"), number_of(report, "leaves"),
                 id.len > 0 ? "done" : "nothing was changed");
    if (id.len > 0) {
        (void)printf("to take it back: sereno user undo %.*s\n", SPAN_ARG(id));
    }
    arena_fini(&arena);
    return CLI_OK;
}

static int sync_directory(const struct user_staff *u, const char *name)
{
    struct control_answer a = {0};
    struct json_writer j;
    struct buf path, body;
    buf_init(&path, 256);
    buf_init(&body, 4096);
    buf_printf(&path, "/api/v1/directory-syncs?apply=%s&beyond=%s", u->apply ? "true" : "false", u->beyond ? "true" : "false");
    buf_u8(&path, 0);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "directory");
    json_text(&j, span_of(name));
    json_end(&j);
    CHECK(!path.failed);
    int status = body.failed ? CLI_UNREAD : ask(u, "POST", path.data, "application/json", buf_view(&body), &a);
    if (status == CLI_DONE_NOT) {
        status = a.status == 200 ? print_leavers(&a) : control_refused(&a);
        control_free(&a);
    }
    buf_free(&path);
    buf_free(&body);
    return status;
}

static int imports(const struct user_staff *u)
{
    struct control_answer a = {0};
    int status = ask(u, "GET", "/api/v1/staff-imports", "", SPAN(""), &a);
    if (status == CLI_DONE_NOT) {
        status = a.status == 200 ? CLI_OK : control_refused(&a);
        if (status == CLI_OK) {
            (void)printf("%.*s\n", SPAN_ARG(buf_view(&a.body)));
        }
        control_free(&a);
    }
    return status;
}

static int undo(const struct user_staff *u, const char *id)
{
    struct control_answer a = {0};
    char path[64 + ID_TEXT_LEN];
    (void)snprintf(path, sizeof path, "/api/v1/staff-imports/%s/undo", id);
    int status = ask(u, "POST", path, "", SPAN(""), &a);
    if (status == CLI_DONE_NOT) {
        status = a.status == 204 ? CLI_OK : control_refused(&a);
        control_free(&a);
    }
    return status;
}

int user_staff(const struct command *self, const struct user_staff *u, const char *const words[4])
{
    bool is_import = strcmp(words[0], "import") == 0;
    bool is_list = strcmp(words[0], "imports") == 0;
    bool is_sync = strcmp(words[0], "sync") == 0;
    if (is_list ? words[1] != NULL : words[1] == NULL || words[2] != NULL) {
        return cli_usage(self, is_list ? "imports takes no name" : "import needs a file, sync a directory, undo the id of an import");
    }
    if ((!is_import && u->why != NULL) || (!is_import && !is_sync && u->apply) || (!is_sync && u->beyond)) {
        return cli_usage(self, "%s takes no such option", words[0]);
    }
    if (is_import) {
        return import(u, words[1]);
    }
    if (is_sync) {
        return sync_directory(u, words[1]);
    }
    if (!is_list && !id_valid(span_of(words[1]))) {
        return cli_usage(self, "\"%s\" is no id of an import; imports tells them", words[1]);
    }
    return is_list ? imports(u) : undo(u, words[1]);
}
