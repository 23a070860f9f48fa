/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno hunt` on a node that runs: over its control socket, until the hunt ends. Ctrl-C cancels it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/num.h"
#include "cli/control.h"
#include "cli/hunt.h"
#include "wire/json_read.h"

enum { LOOK_EVERY_MS = 200 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
    (void)signum;
    interrupted = 1;
}

/* What is needed of an answer while it runs. */
struct state {
    char id[ID_TEXT_LEN + 1];
    char status[16];
    int64_t done, total, events, matches;
};

static void set_number(const struct leaf *l, int64_t *out)
{
    if (l->kind != LEAF_NUMBER || !num_i64(span_make(l->ptr, l->len), out)) {
        *out = 0;
    }
}

static void set_text(const struct leaf *l, char *out, size_t size)
{
    bool fits = l->kind == LEAF_STRING && l->len < size;
    memcpy(out, fits ? l->ptr : "", fits ? l->len : 0);
    out[fits ? l->len : 0] = '\0';
}

static void visit(void *ctx, struct span name, const struct leaf *leaf)
{
    struct state *s = ctx;
    if (span_eq(name, SPAN("id"))) {
        set_text(leaf, s->id, sizeof s->id);
    } else if (span_eq(name, SPAN("status"))) {
        set_text(leaf, s->status, sizeof s->status);
    } else if (span_eq(name, SPAN("blocks_done"))) {
        set_number(leaf, &s->done);
    } else if (span_eq(name, SPAN("blocks_total"))) {
        set_number(leaf, &s->total);
    } else if (span_eq(name, SPAN("events"))) {
        set_number(leaf, &s->events);
    } else if (span_eq(name, SPAN("matches"))) {
        set_number(leaf, &s->matches);
    }
}

static int read_state(struct span json, struct state *s, struct err *e)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    int rc = json_walk(json, &scratch, visit, s, e);
    arena_fini(&scratch);
    return rc == 0 && !id_valid(span_of(s->id)) ? err_set(e, ERR_INVALID, "the node's answer is broken") : rc;
}

/* Asks; a status other than `want` is told in the node's own words, with e left empty. */
static int ask(struct hunt_command *c, const char *method, const char *path, struct span body,
               unsigned want, struct buf *answer, struct err *e)
{
    struct control_answer a = {0};
    int rc = control_ask(c->data_dir, method, path, body, &a, e);
    if (rc < 0) {
        return rc;
    }
    if (a.status != want) {
        hunt_end_progress();
        (void)control_refused(&a);
        rc = ERR_DENIED;
    } else if (answer != NULL) {
        buf_clear(answer);
        buf_span(answer, buf_view(&a.body));
    }
    buf_free(&a.body);
    return rc;
}

static int begin(struct hunt_command *c, struct buf *document, struct state *s, struct err *e)
{
    struct json_writer j;
    struct buf body;
    buf_init(&body, HUNT_JSON_MAX);
    json_writer_init(&j, &body);
    hunt_to_json(&j, &c->hunt, c->why);
    int rc = body.failed ? err_set(e, ERR_LIMIT, "that is too much for one hunt")
                         : ask(c, "POST", "/api/v1/hunts", buf_view(&body), 201, document, e);
    buf_free(&body);
    return rc == 0 ? read_state(buf_view(document), s, e) : rc;
}

static void cancel(struct hunt_command *c, const struct state *s)
{
    char path[128];
    struct err e = {0};
    (void)snprintf(path, sizeof path, "/api/v1/hunts/%s/cancel", s->id);
    (void)!ask(c, "POST", path, SPAN(""), 204, NULL, &e);
}

int hunt_ask_node(struct hunt_command *c, struct buf *document, struct err *e)
{
    struct state s = {0};
    char path[128];
    const struct sigaction action = {.sa_handler = on_interrupt};
    int rc = begin(c, document, &s, e);
    (void)snprintf(path, sizeof path, "/api/v1/hunts/%s", s.id);
    (void)sigaction(SIGINT, &action, NULL);
    while (rc == 0) {
        rc = ask(c, "GET", path, SPAN(""), 200, document, e);
        rc = rc == 0 ? read_state(buf_view(document), &s, e) : rc;
        bool waits = strcmp(s.status, "waiting") == 0;
        if (rc != 0 || (!waits && strcmp(s.status, "running") != 0)) {
            break;
        }
        hunt_show_progress(c, waits ? -1 : s.done, s.total, s.events, s.matches);
        if (interrupted) {
            cancel(c, &s);
            interrupted = 0;
        }
        const struct timespec wait = {0, LOOK_EVERY_MS * 1000000L};
        (void)nanosleep(&wait, NULL);
    }
    return rc;
}
