/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno registers list|on|off`: which kinds of record are on. See registers_on.h. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/registers_on.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

enum { BODY_MAX = 16384, NAME_MAX_BYTES = 40 };

/* Asks; *out is the answer's document. Returns CLI_OK, or what went wrong was said. */
static int ask(struct arena *a, const char *data, const char *method, const char *path, struct span body, const struct jcs **out)
{
    struct err e = {0};
    struct control_answer answer = {0};
    struct jcs *root = NULL;
    if (control_ask(data, method, path, body, &answer, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = answer.status == 200 ? CLI_OK : control_refused(&answer);
    if (status == CLI_OK && jcs_read(a, arena_copy(a, buf_view(&answer.body)), JCS_DEPTH_MAX, &root, &e) < 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    buf_free(&answer.body);
    *out = root;
    return status;
}

static void print_safe(struct span text)
{
    struct buf b;
    buf_init(&b, BODY_MAX);
    cli_put_safe(&b, text);
    (void)printf("%.*s", SPAN_ARG(buf_view(&b)));
    buf_free(&b);
}

static struct span text_of(const struct jcs *v, const char *key)
{
    struct span s = SPAN("");
    return jcs_get_text(v, key, &s) ? s : SPAN("");
}

static int list(struct arena *a, const char *data)
{
    const struct jcs *root = NULL;
    int status = ask(a, data, "GET", "/api/v1/register-kinds", SPAN(""), &root);
    const struct jcs *items = status == CLI_OK ? jcs_get_array(root, "items") : NULL;
    for (const struct jcs *k = items == NULL ? NULL : items->first; k != NULL; k = k->next) {
        bool on = false;
        (void)!jcs_get_bool(k, "on", &on);
        (void)printf("%-20.*s %-4s", SPAN_ARG(text_of(k, "name")), on ? "on" : "off");
        print_safe(text_of(k, "about"));
        (void)printf("\n");
    }
    return status;
}

static int turn(struct arena *a, const char *data, const char *kind, const char *to, const char *why)
{
    const struct jcs *root = NULL;
    struct json_writer j;
    struct buf body;
    int status = CLI_UNREAD;
    buf_init(&body, BODY_MAX);
    json_writer_init(&j, &body);
    json_object(&j);
    json_key(&j, "to");
    json_text(&j, span_of(to));
    if (why != NULL) {
        json_key(&j, "why");
        json_text(&j, span_of(why));
    }
    json_end(&j);
    if (body.failed) {
        (void)fprintf(stderr, "sereno: that is too long\n");
    } else {
        status = ask(a, data, "PUT", arena_printf(a, "/api/v1/register-kinds/%s", kind), buf_view(&body), &root);
    }
    buf_free(&body);
    const struct jcs *done = status == CLI_OK ? jcs_get_array(root, "switched") : NULL;
    for (const struct jcs *k = done == NULL ? NULL : done->first; k != NULL; k = k->next) {
        (void)printf("%s: ", to);
        print_safe(k->text);
        (void)printf("\n");
    }
    return status;
}

static bool is_name(const char *s)
{
    return s[0] != 0 && strlen(s) <= NAME_MAX_BYTES && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

int registers_on(const struct command *self, const char *data, const char *what, const char *kind, const char *why)
{
    struct arena a;
    bool lists = strcmp(what, "list") == 0;
    if (lists ? kind != NULL || why != NULL : kind == NULL || !is_name(kind)) {
        return cli_usage(self, "list, on KIND or off KIND");
    }
    arena_init(&a, 0);
    int status = lists ? list(&a, data) : turn(&a, data, kind, what, why);
    arena_fini(&a);
    return status;
}
