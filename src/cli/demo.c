/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno demo`: an invented city comes to the running node, and goes. Records go the way of any import, logs the way of any followed file;
 * what is invented carries an organisation of its own (records/demo.h), and the node removes by that alone. Each step can be cut off: purge
 * ends what is there.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/demo_city.h"
#include "cli/demo_logs.h"
#include "cli/options.h"
#include "records/demo.h"

#define WHY "demo load"

enum { BODY_MAX = 8 << 20, TRIES = 100 /* a tenth of a second each */ };

struct demo_command {
    struct arena arena;
    const char *data;
    struct demo_city city;
    const struct jcs *kinds; /* of the node: items with name, plural, on */
    bool met;                /* it answered once: that it does not for a moment, while it takes a source in or out, is no reason to end */
};

/* ---- asking ---- */

/* CLI_OK with the answer's document (NULL: it has none), or what went wrong was said. status_out NULL: only 2xx is fine. */
static int ask(struct demo_command *d, const char *method, const char *path, const char *type, struct span body, const struct jcs **out,
               unsigned *status_out)
{
    struct control_answer a = {0};
    struct jcs *root = NULL;
    struct err e = {0};
    int status = CLI_OK;
    for (unsigned tries = d->met ? 0 : TRIES - 1; control_send(d->data, method, path, type, body, &a, &e) != 0; tries++) {
        if (tries + 1 >= TRIES) {
            cli_print_err(&e);
            return CLI_UNREAD;
        }
        demo_logs_pause();
    }
    d->met = true;
    bool fine = a.status >= 200 && a.status < 300;
    if (!fine && (status_out == NULL || a.status != *status_out)) {
        status = control_refused(&a);
    } else if (a.body.len > 0 && jcs_read_decimals(&d->arena, arena_copy(&d->arena, buf_view(&a.body)), JCS_DEPTH_MAX, &root, &e) != 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    if (status_out != NULL) {
        *status_out = a.status;
    }
    if (out != NULL) {
        *out = root;
    }
    control_free(&a);
    return status;
}

/* members: name, value, … NULL. */
static int tell(struct demo_command *d, const char *method, const char *path, const char *const members[], unsigned *status_out)
{
    struct jcs *o = jcs_new_object(&d->arena);
    for (size_t i = 0; members[i] != NULL; i += 2) {
        jcs_set_text(&d->arena, o, members[i], span_of(members[i + 1]));
    }
    return ask(d, method, path, "application/json", jcs_text(&d->arena, o), NULL, status_out);
}

static struct span text_of(const struct jcs *o, const char *key)
{
    struct span v = SPAN("");
    return jcs_get_text(o, key, &v) ? v : SPAN("");
}

/* How far it is on the node. */
static int stage_of(struct demo_command *d, struct span *out, int64_t *events_out)
{
    const struct jcs *o = NULL;
    unsigned got = 503;
    int status = ask(d, "GET", "/api/v1/demo", "", SPAN(""), &o, &got);
    for (unsigned tries = 0; status == CLI_OK && got == 503 && tries < TRIES; tries++) {
        demo_logs_pause();
        got = 503;
        status = ask(d, "GET", "/api/v1/demo", "", SPAN(""), &o, &got);
    }
    *out = status == CLI_OK ? text_of(o, "stage") : SPAN("");
    if (events_out != NULL && !jcs_get_int(o, "events", events_out)) {
        *events_out = 0;
    }
    return status;
}

int demo_events(void *ctx, int64_t *out)
{
    struct span stage;
    return stage_of(ctx, &stage, out);
}

/* ---- purge ---- */

static int purge(struct demo_command *d)
{
    struct span stage;
    int status = stage_of(d, &stage, NULL);
    if (status != CLI_OK) {
        return status;
    }
    status = demo_logs_remove(d->data, &d->arena, demo_events, d);
    if (status == CLI_OK && span_eq(stage, SPAN("none"))) {
        (void)printf("There is no invented city on this node.\n");
        return status;
    }
    for (unsigned tries = 0, got = 503; status == CLI_OK && got == 503; tries++) {
        got = tries < DEMO_WAIT_S * 10 ? 503 : 0; /* its logs are read until the node took the file out */
        status = tell(d, "POST", "/api/v1/demo", (const char *const[]){"to", "none", NULL}, &got);
        if (status == CLI_OK && got == 503) {
            demo_logs_pause();
        }
    }
    if (status == CLI_OK) {
        (void)printf("The invented city is gone. The audit trail keeps that it was here.\n");
    }
    return status;
}

/* ---- load: records ---- */

static const struct jcs *kind_of(const struct demo_command *d, struct span name)
{
    const struct jcs *k = jcs_get_array(d->kinds, "items");
    k = k == NULL ? NULL : k->first;
    while (k != NULL && !span_eq(text_of(k, "name"), name)) {
        k = k->next;
    }
    return k;
}

/* The kinds of the city that are off, blanks between; on_them: switched on. */
static int kinds_off(struct demo_command *d, bool on_them, struct span *out)
{
    struct buf b;
    int status = CLI_OK;
    buf_init(&b, DEMO_KINDS_MAX);
    const struct jcs *all = jcs_get_array(d->kinds, "items");
    for (const struct jcs *k = all == NULL ? NULL : all->first; k != NULL && status == CLI_OK; k = k->next) {
        bool on = true;
        bool wanted = false;
        for (size_t i = 0; i < d->city.nrecords && !wanted; i++) {
            wanted = span_eq(d->city.records[i].kind, text_of(k, "name"));
        }
        if (!wanted || !jcs_get_bool(k, "on", &on) || on) {
            continue;
        }
        buf_printf(&b, "%s%.*s", b.len > 0 ? " " : "", SPAN_ARG(text_of(k, "name")));
        if (on_them) {
            status = tell(d, "PUT", arena_printf(&d->arena, "/api/v1/register-kinds/%.*s", SPAN_ARG(text_of(k, "name"))),
                          (const char *const[]){"to", "on", "why", WHY, NULL}, NULL);
        }
    }
    if (out != NULL) {
        *out = arena_copy(&d->arena, buf_view(&b));
    }
    buf_free(&b);
    return status;
}

static void put_row(struct demo_command *d, const struct demo_record *r, bool later, const struct jcs *fields, struct buf *out)
{
    struct jcs *row = jcs_new_object(&d->arena);
    jcs_set(&d->arena, row, "fields", jcs_copy(&d->arena, fields));
    if (later) {
        jcs_set_text(&d->arena, row, "id", r->id);
    }
    if (!later && r->state.len > 0) {
        jcs_set_text(&d->arena, row, "state", r->state);
    }
    if (!later && r->label.len > 0) {
        jcs_set_text(&d->arena, row, "tlp", r->label);
    }
    jcs_write(out, row);
    buf_cstr(out, "\n");
}

/* Those of a kind that are not there yet and whose names are all known, a line each; later: what is given once all are there. */
static size_t gather(struct demo_command *d, struct span kind, bool later, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < d->city.nrecords; i++) {
        const struct demo_record *r = &d->city.records[i];
        bool due = span_eq(r->kind, kind) && (r->id.len > 0) == later && (!later || r->later != NULL);
        const struct jcs *fields = due ? demo_city_fields(&d->city, r, later, &d->arena) : NULL;
        if (fields != NULL) {
            put_row(d, r, later, fields, out);
            n++;
        }
    }
    return n;
}

/* What the node calls the records of a kind: its export, line by line. */
static int learn_ids(struct demo_command *d, struct span kind, struct span plural)
{
    struct control_answer a = {0};
    struct err e = {0};
    const char *path = arena_printf(&d->arena, "/api/v1/registers/%.*s/export?format=json", SPAN_ARG(plural));
    if (control_send(d->data, "GET", path, "", SPAN(""), &a, &e) != 0 || a.status != 200) {
        int status = a.status == 0 ? CLI_UNREAD : control_refused(&a);
        if (a.status == 0) {
            cli_print_err(&e);
        }
        control_free(&a);
        return status;
    }
    struct span rest = arena_copy(&d->arena, buf_view(&a.body));
    control_free(&a);
    while (rest.len > 0) {
        ptrdiff_t end = span_find(rest, '\n');
        struct span line = span_sub(rest, 0, end < 0 ? rest.len : (size_t)end);
        struct jcs *o = NULL;
        rest = span_sub(rest, end < 0 ? rest.len : (size_t)end + 1, rest.len);
        if (line.len == 0 || jcs_read_decimals(&d->arena, line, JCS_DEPTH_MAX, &o, &e) != 0) {
            continue;
        }
        const struct demo_record shown = {.fields = jcs_get_object(o, "fields")};
        for (size_t i = 0; i < d->city.nrecords; i++) {
            struct demo_record *r = &d->city.records[i];
            if (span_eq(r->kind, kind) && span_eq(demo_city_title(r), demo_city_title(&shown))) {
                r->id = text_of(o, "id");
            }
        }
    }
    return CLI_OK;
}

static int import_kind(struct demo_command *d, const struct jcs *kind, bool later, size_t *made)
{
    struct span name = text_of(kind, "name"), plural = text_of(kind, "plural");
    struct buf body;
    buf_init(&body, BODY_MAX);
    size_t n = gather(d, name, later, &body);
    *made += n;
    int status = CLI_OK;
    if (n > 0) {
        const char *unmask = "/api/v1/privacy/unmask";
        status = tell(d, "POST", unmask, (const char *const[]){"kind", arena_cstr(&d->arena, name), "why", "invented people of the demo load", NULL}, NULL);
    }
    if (n > 0 && status == CLI_OK) {
        const char *path = arena_printf(&d->arena, "/api/v1/registers/%.*s/import?apply=true&why=demo%%20load&organisation=%s", SPAN_ARG(plural),
                                        "Valdesol%20%28DEMO%29");
        const struct jcs *report = NULL;
        unsigned got = 422;
        status = ask(d, "POST", path, "application/x-ndjson", buf_view(&body), &report, &got);
        if (status == CLI_OK && got == 422) {
            (void)fprintf(stderr, "sereno: %.*s: %.*s\n", SPAN_ARG(name), SPAN_ARG(jcs_text(&d->arena, report)));
            status = CLI_UNREAD;
        }
        status = status == CLI_OK && !later ? learn_ids(d, name, plural) : status;
    }
    buf_free(&body);
    return status;
}

static int each_kind(struct demo_command *d, bool later, size_t *made)
{
    int status = CLI_OK;
    const struct jcs *k = jcs_get_array(d->kinds, "items");
    for (k = k == NULL ? NULL : k->first; k != NULL && status == CLI_OK; k = k->next) {
        status = import_kind(d, k, later, made);
    }
    return status;
}

/* One that cannot be brought: the files are wrong, or the city changed its kinds. */
static int name_stuck(const struct demo_command *d)
{
    const struct demo_record *r = d->city.records;
    while (r->id.len > 0) {
        r++;
    }
    (void)fprintf(stderr, "sereno: %.*s %.*s: %s\n", SPAN_ARG(r->kind), SPAN_ARG(r->key),
                  kind_of(d, r->kind) == NULL ? "this node has no such kind" : "names what is not there");
    return CLI_UNREAD;
}

/* Kind by kind, again and again, since records name one another across kinds. */
static int load_records(struct demo_command *d)
{
    size_t all = 0, before = 0;
    int status = CLI_OK;
    while (all < d->city.nrecords && all + 1 != before && status == CLI_OK) {
        before = all + 1;
        status = each_kind(d, false, &all);
    }
    if (status == CLI_OK && all < d->city.nrecords) {
        return name_stuck(d);
    }
    return status == CLI_OK ? each_kind(d, true, &all) : status;
}

/* ---- load: what people did about the alerts ---- */

static int triage_one(struct demo_command *d, const struct jcs *alert, const struct jcs *how)
{
    struct jcs *body = jcs_new_object(&d->arena);
    int64_t revision = 0;
    if (!jcs_get_int(alert, "revision", &revision)) {
        return CLI_OK;
    }
    jcs_set_int(&d->arena, body, "revision", revision);
    static const char *const members[] = {"reason", "note"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (text_of(how, members[i]).len > 0) {
            jcs_set_text(&d->arena, body, members[i], text_of(how, members[i]));
        }
    }
    const char *path = arena_printf(&d->arena, "/api/v1/alerts/%.*s/%.*s", SPAN_ARG(text_of(alert, "id")), SPAN_ARG(text_of(how, "do")));
    unsigned busy = 409; /* an analyst was faster */
    return ask(d, "POST", path, "application/json", jcs_text(&d->arena, body), NULL, &busy);
}

static bool fits(struct span title, struct span word)
{
    return word.len > 0 && memmem(title.ptr, title.len, word.ptr, word.len) != NULL;
}

/* What is done about the alerts that one word names; *left_out: how many of them are not there yet. */
static int triage_word(struct demo_command *d, const struct jcs *items, const struct jcs *how, int64_t *left_out)
{
    int64_t take = 0;
    int64_t there = 0;
    int status = CLI_OK;
    (void)!jcs_get_int(how, "take", &take);
    for (const struct jcs *a = items == NULL ? NULL : items->first; a != NULL && there < take && status == CLI_OK; a = a->next) {
        if (span_eq(text_of(a, "organisation"), SPAN(DEMO_ORGANISATION)) && fits(text_of(jcs_get_object(a, "rule"), "title"), text_of(how, "title"))) {
            status = span_eq(text_of(a, "status"), SPAN("new")) ? triage_one(d, a, how) : CLI_OK;
            there++;
        }
    }
    *left_out += take - there;
    return status;
}

/* Alerts of correlations come a moment after the logs; those that never do, since this node has other rules, are not waited for long. */
static int triage(struct demo_command *d)
{
    int64_t left = 1;
    int status = CLI_OK;
    for (unsigned tries = 0; left > 0 && tries < TRIES && status == CLI_OK; tries++) {
        const struct jcs *page = NULL;
        if (tries > 0) {
            demo_logs_pause();
        }
        left = 0;
        status = ask(d, "GET", "/api/v1/alerts?status=all&limit=200", "", SPAN(""), &page, NULL);
        const struct jcs *items = status == CLI_OK ? jcs_get_array(page, "items") : NULL;
        for (const struct jcs *how = d->city.triage == NULL ? NULL : d->city.triage->first; how != NULL && status == CLI_OK; how = how->next) {
            status = triage_word(d, items, how, &left);
        }
    }
    return status;
}

/* ---- load ---- */

static int begin(struct demo_command *d, const char *source)
{
    struct span off = SPAN("");
    int status = ask(d, "GET", "/api/v1/register-kinds", "", SPAN(""), &d->kinds, NULL);
    status = status == CLI_OK ? kinds_off(d, false, &off) : status;
    status = status == CLI_OK ? tell(d, "POST", "/api/v1/demo",
                                     (const char *const[]){"to", "loading", "source", source, "kinds", arena_cstr(&d->arena, off), NULL}, NULL)
                              : status;
    return status == CLI_OK ? kinds_off(d, true, NULL) : status;
}

static int load(struct demo_command *d)
{
    struct span stage;
    struct err e = {0};
    char source[DEMO_SOURCE_MAX + 1];
    time_ns now = clock_now();
    int status = stage_of(d, &stage, NULL);
    if (status == CLI_OK && span_eq(stage, SPAN("loaded"))) {
        (void)printf("The invented city is on this node already. `sereno demo purge` takes it out.\n");
        return CLI_OK;
    }
    if (status == CLI_OK && !span_eq(stage, SPAN("none"))) { /* of a load that was cut off */
        status = purge(d);
    }
    if (status == CLI_OK && demo_city_read(&d->arena, now, &d->city, &e) != 0) {
        cli_print_err(&e);
        status = CLI_UNREAD;
    }
    demo_logs_name(now, source);
    status = status == CLI_OK ? begin(d, source) : status;
    status = status == CLI_OK ? load_records(d) : status;
    status = status == CLI_OK ? demo_logs_send(d->data, source, &d->city, demo_events, d) : status;
    status = status == CLI_OK ? triage(d) : status;
    status = status == CLI_OK ? tell(d, "POST", "/api/v1/demo", (const char *const[]){"to", "loaded", NULL}, NULL) : status;
    if (status == CLI_OK) {
        (void)printf("The invented city of " DEMO_CITY " is here: %zu records, %zu lines of logs. Every page says so until `sereno demo purge`.\n",
                     d->city.nrecords, d->city.nlines);
    }
    return status;
}

static int run_demo(int argc, char **argv, const struct command *self)
{
    struct demo_command d = {0};
    const char *words[1];
    const struct cli_option table[] = {{"--data", &d.data, NULL}};
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), words, ARRAY_LEN(words));
    if (status != CLI_DONE_NOT) {
        return status;
    }
    bool loads = words[0] != NULL && strcmp(words[0], "load") == 0;
    if (!loads && (words[0] == NULL || strcmp(words[0], "purge") != 0)) {
        return cli_usage(self, "load or purge");
    }
    arena_init(&d.arena, 1 << 20);
    status = loads ? load(&d) : purge(&d);
    arena_fini(&d.arena);
    return status;
}

const struct command cmd_demo = {
    .name = "demo",
    .summary = "try Sereno with an invented city, and take it out again",
    .help = "usage: sereno demo load [--data DIR]\n"
            "       sereno demo purge [--data DIR]\n"
            "\n"
            "load brings the invented city of Valdesol to the node that runs with the data in DIR: organisations, people, services,\n"
            "suppliers, risks, findings and all other kinds of record, and logs of three days, which are read, detected and kept\n"
            "as any others. While it is there every page, answer and table says DEMO. A node that has records of its own refuses;\n"
            "start another one for it. Nothing of it is mailed or told to a community.\n"
            "\n"
            "purge takes all of it out again, out of the archive too, with signed proof. The audit trail keeps that it was here.\n"
            "Both can be cut off at any time: purge ends what is there, load begins anew.\n"
            "\n"
            "Exit status: 0 done, 1 refused or no node runs, 2 wrong use.\n"
            "\n"
            "example: sereno serve --data /tmp/try & sereno demo load --data /tmp/try\n",
    .run = run_demo,
};
