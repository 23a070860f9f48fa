/* SPDX-License-Identifier: EUPL-1.2 */
/* What register files would change: see registers_diff.h. diff asks no node: it looks at the folder and at the records, and writes nothing. */
#include "cli/registers_diff.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/control.h"
#include "os/sandbox.h"
#include "records/migrate.h"
#include "records/registers/register_force.h"
#include "roles/city_files.h"
#include "roles/super.h"
#include "wire/json_write.h"

enum { OUT_MAX = 16 << 20, BODY_MAX = 16384 };

static void warn(const char *name, uint32_t line, const char *why)
{
    (void)fprintf(stderr, "%s:%u: %s\n", name, line, why);
}

/* The files under the names that they would have in the data folder. */
static int read_folder(const struct registers_look *look, const char *data, struct arena *a, struct register_file *out, size_t *count_out, struct err *e)
{
    const struct city_folder folder = {look->dir != NULL ? look->dir : data, look->dir != NULL ? "." : "registers", warn, REGISTER_FILES_MAX, REGISTER_FILE_MAX};
    struct city_file *found = arena_calloc(a, REGISTER_FILES_MAX, sizeof *found);
    const struct span prefix = SPAN("DATA/./");
    if (look->dir != NULL && access(look->dir, R_OK | X_OK) != 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", look->dir);
    }
    int rc = city_files_read(&folder, a, found, count_out, e);
    for (size_t i = 0; rc == 0 && i < *count_out; i++) {
        struct span name = found[i].name;
        name = span_starts(name, prefix) ? span_of(arena_printf(a, "DATA/registers/%.*s", SPAN_ARG(span_sub(name, prefix.len, name.len)))) : name;
        out[i] = (struct register_file){name, found[i].text};
    }
    return rc;
}

static int open_records(const char *data, struct arena *a, struct db **out, struct err *e)
{
    const char *path = arena_printf(a, "%s/records.db", data);
    size_t count = 0;
    int64_t version = 0;
    (void)migrate_list(&count);
    if (access(path, R_OK) != 0) { /* which opening would make */
        return err_set(e, ERR_NOT_FOUND, "%s: there are no records in it: name a node's data folder with --data", data);
    }
    int rc = db_open(path, e, out);
    rc = rc == 0 ? migrate_version(*out, e, &version) : rc;
    return rc == 0 && version != (int64_t)count ? err_set(e, ERR_UNSUPPORTED, "the records were written by another version of sereno: start the node with this one first") : rc;
}

/* ---- told ---- */

static bool differs(const struct register_stored *s)
{
    return s->there && (s->kept || (s->plan != NULL && s->plan->diff.count > 0));
}

static void say_one(const struct register_stored *s, struct buf *out)
{
    cli_put_safe(out, s->now_file.len > 0 ? s->now_file : s->file);
    buf_printf(out, ": kind %.*s: %s\n", SPAN_ARG(s->kind), s->taken ? "comes into force at the next start of the node" : "does not come into force");
    if (s->plan != NULL) {
        register_plan_say(s->plan, out);
    }
    if (s->kept) {
        buf_cstr(out, "  ");
        cli_put_safe(out, s->why_not);
        buf_cstr(out, "\n");
    }
}

/* How many files would not come into force. */
static size_t say(const struct register_choice *c, struct buf *out)
{
    size_t n = 0, refused = 0, told = 0, all = 0;
    for (size_t i = 0; i < c->nstored; i++) {
        if (differs(&c->stored[i])) {
            say_one(&c->stored[i], out);
            told++;
        }
        n += c->stored[i].kept;
    }
    const struct register_refusal *list = registers_refusals(c->kinds, &refused);
    for (size_t i = 0; i + n < refused; i++) { /* the last ones are those above */
        cli_put_safe(out, list[i].file);
        buf_printf(out, ":%u: ", list[i].line);
        cli_put_safe(out, list[i].why);
        buf_cstr(out, "\n");
    }
    const struct register_kind *k = registers_all(c->kinds, &all);
    for (size_t i = 0; i < all; i++) {
        bool stored = false;
        for (size_t s = 0; s < c->nstored && !stored; s++) {
            stored = span_eq(c->stored[s].kind, k[i].name) || register_was_called(&k[i].was, c->stored[s].kind);
        }
        if (!stored) {
            cli_put_safe(out, k[i].file);
            buf_printf(out, ": kind %.*s: is new\n", SPAN_ARG(k[i].name));
            told++;
        }
    }
    buf_cstr(out, told == 0 && refused == 0 ? "nothing differs from what is in force\n" : "");
    return refused;
}

static int tell(const struct registers_look *look, const struct register_choice *c)
{
    struct buf out, all;
    struct json_writer j;
    buf_init(&out, OUT_MAX);
    buf_init(&all, OUT_MAX);
    size_t refused = say(c, &all);
    if (look->json) {
        json_writer_init(&j, &out);
        register_choice_put(c, &j);
        buf_cstr(&out, "\n");
    }
    const struct buf *told = look->json ? &out : &all;
    bool whole = !told->failed && fwrite(told->data, 1, told->len, stdout) == told->len && fflush(stdout) == 0;
    buf_free(&out);
    buf_free(&all);
    return whole && refused == 0 ? CLI_OK : CLI_UNREAD;
}

int registers_diff(const struct registers_look *look)
{
    struct arena a;
    struct err e = {0};
    struct db *db = NULL;
    struct register_choice c = {0};
    size_t n = 0;
    const char *data = look->data == NULL ? super_default_data() : look->data;
    const struct sandbox_options cage = {.data_dir = data, .weaker = look->weaker};
    arena_init(&a, 0);
    struct register_file *files = arena_calloc(&a, REGISTER_FILES_MAX, sizeof *files);
    int rc = read_folder(look, data, &a, files, &n, &e);
    rc = rc == 0 ? cli_enter_data(&cage, &e) : rc;
    rc = rc == 0 ? open_records(data, &a, &db, &e) : rc;
    rc = rc == 0 ? register_choose(db, &a, files, n, &c, &e) : rc;
    if (rc != 0) {
        cli_print_err(&e);
    }
    int status = rc == 0 ? tell(look, &c) : CLI_UNREAD;
    register_choice_free(&c);
    db_close(&db);
    arena_fini(&a);
    return status;
}

/* ---- meant ---- */

static int say_meant(struct arena *a, const struct control_answer *got)
{
    struct jcs *root = NULL;
    struct err e = {0};
    if (jcs_read(a, buf_view(&got->body), JCS_DEPTH_MAX, &root, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    const struct jcs *kinds = jcs_get_array(root, "meant");
    for (const struct jcs *k = kinds == NULL ? NULL : kinds->first; k != NULL; k = k->next) {
        struct buf b;
        buf_init(&b, BODY_MAX);
        cli_put_safe(&b, k->text);
        (void)printf("%.*s: comes into force at the next start of the node\n", SPAN_ARG(buf_view(&b)));
        buf_free(&b);
    }
    if (kinds == NULL || kinds->count == 0) {
        (void)printf("no file waits for this\n");
    }
    return CLI_OK;
}

int registers_mean(const char *data, const char *why)
{
    struct arena a;
    struct err e = {0};
    struct control_answer got = {0};
    struct buf body;
    struct json_writer j;
    buf_init(&body, BODY_MAX);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "why");
    json_text(&j, span_of(why));
    json_end(&j);
    int rc = body.failed ? err_set(&e, ERR_LIMIT, "that is too long") : control_ask(data, "POST", "/api/v1/register-changes", buf_view(&body), &got, &e);
    arena_init(&a, 0);
    int status = CLI_UNREAD;
    if (rc < 0) {
        cli_print_err(&e);
    } else {
        status = got.status == 200 ? say_meant(&a, &got) : control_refused(&got);
        control_free(&got);
    }
    buf_free(&body);
    arena_fini(&a);
    return status;
}
