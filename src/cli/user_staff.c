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

/* What of it there is, a blank before each. */
static void put_words(struct buf *line, const char *before, struct span text)
{
    if (text.len > 0) {
        buf_cstr(line, before);
        cli_put_safe(line, text);
    }
}

static void print_line(struct buf *line)
{
    (void)printf("%.*s\n", SPAN_ARG(buf_view(line)));
    buf_free(line);
}

/* Of a directory's leavers role and reason; of a list what becomes of each account. */
static void print_changes(const struct jcs *report)
{
    const struct jcs *changes = jcs_get_array(report, "changes");
    for (const struct jcs *c = changes == NULL ? NULL : changes->first; c != NULL; c = c->next) {
        struct buf line;
        buf_init(&line, 64 << 10);
        cli_put_safe(&line, text_of(c, "what"));
        put_words(&line, " ", text_of(c, "name"));
        put_words(&line, " ", text_of(c, text_of(c, "why").len > 0 ? "was" : "role"));
        put_words(&line, ": ", text_of(c, "why"));
        put_words(&line, " one-time link, on the address of this node: ", text_of(c, "link"));
        print_line(&line);
    }
}

static void print_held(const struct jcs *change)
{
    const struct jcs *held = jcs_get_array(change, "appointments");
    for (const struct jcs *h = held == NULL ? NULL : held->first; h != NULL; h = h->next) {
        struct buf line;
        buf_init(&line, 64 << 10);
        put_words(&line, "  held ", text_of(h, "function"));
        put_words(&line, " of ", text_of(h, "unit"));
        put_words(&line, " in ", text_of(h, "organisation"));
        if (text_of(h, "deputy").len > 0) {
            put_words(&line, ": ", text_of(h, "deputy"));
            buf_cstr(&line, " stands in");
        } else {
            buf_cstr(&line, ": nobody stands in");
        }
        print_line(&line);
    }
}

static void print_names(struct buf *line, const char *before, const struct jcs *list, const char *key)
{
    for (const struct jcs *v = list == NULL ? NULL : list->first; v != NULL; v = v->next) {
        buf_cstr(line, v == list->first ? before : ", ");
        cli_put_safe(line, key == NULL ? v->text : text_of(v, key));
    }
}

/* What becomes of records of people: which fields, and those in which stands somebody else's word. */
static void print_people(const struct jcs *report)
{
    const struct jcs *changes = jcs_get_array(report, "person_changes");
    for (const struct jcs *c = changes == NULL ? NULL : changes->first; c != NULL; c = c->next) {
        struct buf line;
        buf_init(&line, 64 << 10);
        put_words(&line, "person ", text_of(c, "what"));
        put_words(&line, " ", text_of(c, "title"));
        print_names(&line, ": ", jcs_get_array(c, "fields"), "field");
        print_names(&line, "; kept as it is: ", jcs_get_array(c, "kept"), NULL);
        print_line(&line);
        print_held(c);
    }
}

static void print_totals(const struct jcs *report, bool done)
{
    const struct jcs *people = jcs_get_object(report, "persons");
    const char *end = done ? "done" : "nothing was changed";
    if (people != NULL) {
        (void)printf("people: %lld new, %lld changed, %lld left, %lld the same, %lld with faults\n", number_of(people, "new"), number_of(people, "changed"),
                     number_of(people, "left"), number_of(people, "same"), number_of(people, "faulty"));
    }
    if (jcs_get(report, "accounts") != NULL) {
        (void)printf("%lld accounts of the directory, %lld leave: %s\n", number_of(report, "accounts"), number_of(report, "leaves"), end);
    } else {
        (void)printf("%lld join, %lld get another role, %lld leave, %lld the same, %lld with faults: %s\n", number_of(report, "joins"),
                     number_of(report, "role"), number_of(report, "leaves"), number_of(report, "same"), number_of(report, "faulty"), end);
    }
}

/* What came of a list, or of a directory; file: of the list, for its faults. */
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
    print_people(report);
    print_totals(report, id.len > 0);
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
        status = a.status == 200 ? print_report(name, &a) : control_refused(&a);
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
