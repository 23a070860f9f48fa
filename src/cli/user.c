/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno user`: people of the running node and their roles, over its control socket. A password comes from the terminal, without
 * echo, or as one line of standard input; never from the command line, where others could read it.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/id.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "cli/prompt.h"
#include "cli/user_staff.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

/* One run of the command. */
struct user_command {
    struct arena arena;
    const char *data_dir;
    const char *name; /* whom it is about; NULL for list */
    const char *role; /* NULL = not said */
    bool link;
    struct user_staff staff; /* of import and undo */
};

/* A member of a body; value NULL: it is left out. */
struct member {
    const char *key, *value;
};

/* Asks; *out_ is the answer's document, NULL when it has none. Returns CLI_OK, or what went wrong was said. */
static int ask(struct user_command *u, const char *method, const char *path, const struct member *members, size_t count,
               const struct jcs **out_)
{
    struct err e = {0};
    struct control_answer a = {0};
    struct json_writer j;
    struct buf body;
    struct jcs *root = NULL;
    buf_init(&body, 64 << 10);
    if (members != NULL) {
        json_writer_init(&j, &body);
        json_object(&j);
        for (size_t i = 0; i < count; i++) {
            if (members[i].value != NULL) {
                json_key(&j, members[i].key);
                json_text(&j, span_of(members[i].value));
            }
        }
        json_end(&j);
    }
    int rc = control_ask(u->data_dir, method, path, buf_view(&body), &a, &e);
    if (body.len > 0) {
        sodium_memzero(body.data, body.len); /* a password may be in it */
    }
    buf_free(&body);
    if (rc < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = a.status >= 200 && a.status < 300 ? CLI_OK : control_refused(&a);
    if (status == CLI_OK && a.body.len > 0 &&
        jcs_read(&u->arena, arena_copy(&u->arena, buf_view(&a.body)), JCS_DEPTH_MAX, &root, &e) < 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    buf_free(&a.body);
    *out_ = root;
    return status;
}

static struct span text_of(const struct jcs *v, const char *key)
{
    struct span s = SPAN("");
    return jcs_get_text(v, key, &s) ? s : SPAN("");
}

/* The page of people after the one with this id. */
static int ask_people(struct user_command *u, struct span after, const struct jcs **out_)
{
    const char *path = arena_printf(&u->arena, "/api/v1/users?limit=200&cursor=%.*s", SPAN_ARG(after));
    return ask(u, "GET", path, NULL, 0, out_);
}

/* Text of the node for a terminal, in the arena. */
static const char *shown(struct user_command *u, struct span s)
{
    struct buf b;
    buf_init(&b, 4096);
    cli_put_safe(&b, s);
    struct span text = arena_copy(&u->arena, buf_view(&b));
    buf_free(&b);
    return text.ptr;
}

static void print_person(struct user_command *u, const struct jcs *p)
{
    bool password = false;
    struct span off = SPAN("");
    (void)!jcs_get_bool(p, "password", &password);
    (void)!jcs_get_text(p, "disabled", &off);
    (void)printf("%-24s %-16s %-16s %s\n", shown(u, text_of(p, "name")), shown(u, text_of(p, "role")),
                 shown(u, text_of(p, "organisation")),
                 off.len > 0 ? "disabled" : password ? "" : "has not chosen a password yet");
}

static int list(struct user_command *u)
{
    const struct jcs *page = NULL;
    struct span after = SPAN("");
    (void)printf("%-24s %-16s %-16s\n", "name", "role", "organisation");
    do {
        int status = ask_people(u, after, &page);
        if (status != CLI_OK) {
            return status;
        }
        const struct jcs *items = jcs_get_array(page, "items");
        for (const struct jcs *p = items == NULL ? NULL : items->first; p != NULL; p = p->next) {
            print_person(u, p);
        }
        after = text_of(page, "next");
    } while (after.len > 0);
    return CLI_OK;
}

/* Id of the person with exactly this name; empty and told when there is none. */
static int find(struct user_command *u, struct span *id_out)
{
    const struct jcs *page = NULL;
    struct span after = SPAN("");
    *id_out = SPAN("");
    do {
        int status = ask_people(u, after, &page);
        if (status != CLI_OK) {
            return status;
        }
        const struct jcs *items = jcs_get_array(page, "items");
        for (const struct jcs *p = items == NULL ? NULL : items->first; p != NULL; p = p->next) {
            if (span_eq(text_of(p, "name"), span_of(u->name))) {
                *id_out = text_of(p, "id");
                return CLI_OK;
            }
        }
        after = text_of(page, "next");
    } while (after.len > 0);
    (void)fprintf(stderr, "sereno: nobody is called %s\n", shown(u, span_of(u->name)));
    return CLI_UNREAD;
}

static void print_link(const struct jcs *answer)
{
    (void)printf("One-time link, good for three days, on the address of this node: %.*s\n", SPAN_ARG(text_of(answer, "link")));
}

static int add(struct user_command *u, const struct command *self)
{
    char password[PROMPT_LINE_MAX] = "", again[PROMPT_LINE_MAX] = "";
    const char *role = u->role == NULL ? "administrator" : u->role;
    const struct jcs *answer = NULL;
    bool terminal = isatty(STDIN_FILENO) == 1;
    bool same = u->link || (prompt_secret("Password: ", password) &&
                            (!terminal || (prompt_secret("Again: ", again) && strcmp(password, again) == 0)));
    const struct member members[] = {{"name", u->name}, {"role", role}, {"password", u->link ? NULL : password}};
    int status = same ? ask(u, "POST", "/api/v1/users", members, ARRAY_LEN(members), &answer)
                      : cli_usage(self, "no password, or not the same twice");
    sodium_memzero(password, sizeof password);
    sodium_memzero(again, sizeof again);
    if (status == CLI_OK && u->link) {
        print_link(answer);
    } else if (status == CLI_OK) {
        (void)printf("%s may log in now. Role: %s.\n", u->name, role);
    }
    return status;
}

/* What changes somebody who is there: the last part of the address, and what is said afterwards. */
static const struct change {
    const char *word;
    const char *path;
    const char *done; /* NULL: the link is printed */
} changes[] = {
    {"role", "/role", "has another role now"},
    {"disable", "/disable", "cannot log in any more, and is logged out everywhere"},
    {"enable", "/enable", "may log in again"},
    {"link", "/link", NULL},
    {"reset-factor", "/second-factor/reset", "has no second factor any more, and is logged out everywhere"},
};

static int change(struct user_command *u, const struct change *c)
{
    struct span id = SPAN("");
    const struct jcs *answer = NULL;
    int status = find(u, &id);
    if (status != CLI_OK) {
        return status;
    }
    const struct member role = {"role", u->role};
    const char *path = arena_printf(&u->arena, "/api/v1/users/%.*s%s", SPAN_ARG(id), c->path);
    status = ask(u, "POST", path, c->done == NULL ? NULL : &role, 1, &answer);
    if (status == CLI_OK && c->done == NULL) {
        print_link(answer);
    } else if (status == CLI_OK) {
        (void)printf("%s %s.\n", u->name, c->done);
    }
    return status;
}

/* ---- API tokens ---- */

static void print_token(struct user_command *u, const struct jcs *t)
{
    struct span used = text_of(t, "last_used");
    (void)printf("%s  %-16s %-6s %-11s %-11s %-24s", shown(u, text_of(t, "id")), shown(u, text_of(t, "begins")), shown(u, text_of(t, "state")),
                 shown(u, text_of(t, "last_day")), used.len > 0 ? shown(u, used) : "never", shown(u, text_of(t, "name")));
    const struct jcs *scopes = jcs_get_array(t, "scopes");
    for (const struct jcs *s = scopes == NULL ? NULL : scopes->first; s != NULL; s = s->next) {
        (void)printf(" %s", shown(u, s->text));
    }
    (void)printf("\n");
}

/* token list NAME, token end NAME ID */
static int token(struct user_command *u, const struct command *self, const char *const words[4])
{
    struct span id = SPAN("");
    const struct jcs *answer = NULL;
    const char *word = words[1] == NULL ? "" : words[1];
    bool is_end = strcmp(word, "end") == 0;
    if ((!is_end && strcmp(word, "list") != 0) || words[2] == NULL || (words[3] != NULL) != is_end) {
        return cli_usage(self, "token list needs a name, token end a name and the id of a token");
    }
    u->name = words[2];
    int status = find(u, &id);
    if (status != CLI_OK) {
        return status;
    }
    const char *path = arena_printf(&u->arena, "/api/v1/users/%.*s/tokens", SPAN_ARG(id));
    if (is_end) {
        if (!id_valid(span_of(words[3]))) {
            return cli_usage(self, "\"%s\" is no id of a token; token list tells them", words[3]);
        }
        status = ask(u, "DELETE", arena_printf(&u->arena, "%s/%s", path, words[3]), NULL, 0, &answer);
        if (status == CLI_OK) {
            (void)printf("This token opens nothing any more.\n");
        }
        return status;
    }
    status = ask(u, "GET", path, NULL, 0, &answer);
    if (status == CLI_OK) {
        (void)printf("%-36s  %-16s %-6s %-11s %-11s %-24s %s\n", "id", "begins", "state", "last day", "last used", "name", "scopes");
        const struct jcs *items = jcs_get_array(answer, "items");
        for (const struct jcs *t = items == NULL ? NULL : items->first; t != NULL; t = t->next) {
            print_token(u, t);
        }
    }
    return status;
}

static int run_words(struct user_command *u, const struct command *self, const char *const words[4])
{
    const struct change *c = NULL;
    const char *word = words[0] == NULL ? "" : words[0];
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        c = strcmp(word, changes[i].word) == 0 ? &changes[i] : c;
    }
    bool is_list = strcmp(word, "list") == 0;
    bool is_add = strcmp(word, "add") == 0;
    bool is_role = c == &changes[0];
    if (u->role == NULL && !u->link && user_staff_knows(word)) {
        return user_staff(self, &u->staff, words);
    }
    if (u->staff.apply || u->staff.beyond || u->staff.why != NULL) {
        return cli_usage(self, "%s takes no such option", word);
    }
    if (strcmp(word, "token") == 0 && u->role == NULL && !u->link) {
        return token(u, self, words);
    }
    if (c == NULL && !is_list && !is_add) {
        return cli_usage(self, "no command \"%s\"", word);
    }
    if (is_list ? words[1] != NULL : words[1] == NULL) {
        return cli_usage(self, is_list ? "list takes no name" : "%s needs a name", word);
    }
    if ((words[2] != NULL) != is_role || words[3] != NULL || (u->role != NULL && !is_add) || (u->link && !is_add)) {
        return cli_usage(self, is_role ? "role needs a name and a role" : "%s takes no such word or option", word);
    }
    u->name = words[1];
    u->role = is_role ? words[2] : u->role;
    return is_list ? list(u) : is_add ? add(u, self) : change(u, c);
}

static int run_user(int argc, char **argv, const struct command *self)
{
    struct user_command u = {0};
    const char *words[4] = {NULL};
    const struct cli_option table[] = {{"--data", &u.data_dir, NULL}, {"--role", &u.role, NULL}, {"--link", NULL, &u.link},
                                       {"--apply", NULL, &u.staff.apply}, {"--beyond", NULL, &u.staff.beyond}, {"--why", &u.staff.why, NULL}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    u.staff.data_dir = u.data_dir;
    arena_init(&u.arena, 0);
    status = run_words(&u, self, words);
    arena_fini(&u.arena);
    return status;
}

const struct command cmd_user = {
    .name = "user",
    .summary = "people and their roles",
    .help = "usage: sereno user list [--data DIR]\n"
            "       sereno user add NAME [--role ROLE] [--link] [--data DIR]\n"
            "       sereno user role NAME ROLE [--data DIR]\n"
            "       sereno user disable|enable|link|reset-factor NAME [--data DIR]\n"
            "       sereno user import FILE [--apply] [--why TEXT] [--data DIR]\n"
            "       sereno user sync DIRECTORY [--apply] [--beyond] [--data DIR]\n"
            "       sereno user imports [--data DIR]\n"
            "       sereno user undo IMPORT [--data DIR]\n"
            "       sereno user token list NAME [--data DIR]\n"
            "       sereno user token end NAME ID [--data DIR]\n"
            "\n"
            "People of the node that runs with the data in DIR. add asks for a password twice; without a\n"
            "terminal it reads it as one line of standard input. disable ends all sessions at once. The\n"
            "last administrator can be neither disabled nor given another role. reset-factor is for who lost his\n"
            "authenticator and his recovery codes: the password alone opens until he enrols another one.\n"
            "token list shows somebody's API tokens by their first letters, token end ends one at once; people make\n"
            "their own on the page of their account.\n"
            "import reads a list of the personnel office, CSV with the columns name, state (active or left), role and\n"
            "organisation, and tells who joins, gets another role or leaves; with --apply it does all of that or nothing, and\n"
            "prints a one-time link for each who joins. The same list again changes nothing; undo takes one back.\n"
            "sync asks a directory (LDAP, of sign_in in sereno.yml) how its accounts are: who is gone or disabled there is disabled here,\n"
            "with the reason. An answer that is not whole changes nothing; more than a fifth of them leave only with --beyond.\n"
            "\n"
            "  --role ROLE  what this person may do: a file of roles/ or DATA/roles; default administrator\n"
            "  --link       no password: prints a one-time link with which the person chooses one, as\n"
            "               `sereno user link NAME` does for somebody who is there\n"
            "  --data DIR   the node's data folder; default as for `sereno serve`\n"
            "\n"
            "example: sereno user add anna --role analyst --link\n",
    .run = run_user,
};
