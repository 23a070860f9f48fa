/* SPDX-License-Identifier: EUPL-1.2 */
/* The answer of a hunt for people: the document of the interface, line by line. Text in it comes from logs: made safe. */
#include <stdio.h>
#include <string.h>

#include "cli/hunt.h"
#include "wire/json_read.h"

enum { VALUE_MAX = 400 };

#define VALUES(X)                                                                                  \
    X(kind) X(id) X(name) X(state) X(reason) X(count) X(first) X(last)
#define PLACES(X) X(day) X(block) X(index) X(time) X(source) X(host)
#define COVERAGE(X)                                                                                \
    X(events) X(blocks) X(unreadable) X(damaged_blocks) X(purged_blocks) X(retained_from)          \
        X(retained_to)

struct text {
    char s[VALUE_MAX];
};

struct page {
    struct buf out;
    bool begun; /* an item is being read */
    bool told;  /* its head line is printed */
    unsigned refused, sources;
    struct text status, problem;
    struct {
#define X(name) struct text name;
        VALUES(X)
#undef X
    } item;
    struct {
#define X(name) struct text name;
        PLACES(X)
#undef X
    } place;
    struct {
#define X(name) struct text name;
        COVERAGE(X)
#undef X
    } coverage;
};

static void set(struct text *t, const struct leaf *l)
{
    struct buf safe;
    char plain[VALUE_MAX];
    size_t n = l->kind == LEAF_NULL ? 0 : l->len < VALUE_MAX ? l->len : VALUE_MAX - 1;
    struct span raw = span_make(l->ptr, n);
    if ((l->flags & LEAF_ESCAPED) != 0) {
        n = json_unescape(raw, plain, NULL);
        raw = span_make(plain, n);
    }
    buf_init(&safe, 4 * VALUE_MAX);
    cli_put_safe(&safe, raw);
    (void)snprintf(t->s, sizeof t->s, "%.*s", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
}

static void tell_item(struct page *p)
{
    if (!p->begun || p->told) {
        return;
    }
    p->told = true;
    bool matched = strcmp(p->item.state.s, "matched") == 0;
    p->refused += strcmp(p->item.state.s, "rule-unsupported") == 0 && p->item.id.s[0] == '\0';
    buf_printf(&p->out, "%-16s ", p->item.state.s);
    if (matched) {
        buf_printf(&p->out, "%s  (%s event%s, %s to %s)\n", p->item.name.s, p->item.count.s,
                   strcmp(p->item.count.s, "1") == 0 ? "" : "s", p->item.first.s, p->item.last.s);
    } else {
        buf_printf(&p->out, "%s%s%s\n", p->item.name.s, p->item.reason.s[0] != '\0' ? ": " : "",
                   p->item.reason.s);
    }
}

static void tell_place(struct page *p)
{
    tell_item(p);
    buf_printf(&p->out, "    %-26s %s %s  (day %s, block %s, record %s)\n", p->place.time.s,
               p->place.source.s, p->place.host.s, p->place.day.s, p->place.block.s,
               p->place.index.s);
}

static bool take(struct page *p, struct span name, const struct leaf *l)
{
#define X(field)                                                                                   \
    if (span_eq(name, SPAN("result.items." #field))) {                                             \
        set(&p->item.field, l);                                                                    \
        return true;                                                                               \
    }
    VALUES(X)
#undef X
#define X(field)                                                                                   \
    if (span_eq(name, SPAN("result.items.records." #field))) {                                     \
        set(&p->place.field, l);                                                                   \
        return true;                                                                               \
    }
    PLACES(X)
#undef X
#define X(field)                                                                                   \
    if (span_eq(name, SPAN("result.coverage." #field))) {                                          \
        set(&p->coverage.field, l);                                                                \
        return true;                                                                               \
    }
    COVERAGE(X)
#undef X
    return false;
}

/* The writer's order is fixed: "kind" begins an item, "host" ends a record. */
static void visit(void *ctx, struct span name, const struct leaf *leaf)
{
    struct page *p = ctx;
    if (span_eq(name, SPAN("result.items.kind"))) {
        tell_item(p);
        p->begun = true;
        p->told = false;
    }
    if (span_eq(name, SPAN("status"))) {
        set(&p->status, leaf);
    } else if (span_eq(name, SPAN("problem"))) {
        set(&p->problem, leaf);
    } else if (span_eq(name, SPAN("result.coverage.log_sources.name"))) {
        p->sources++;
    } else if (take(p, name, leaf) && span_eq(name, SPAN("result.items.records.host"))) {
        tell_place(p);
    }
}

static void tell_coverage(struct page *p)
{
    buf_printf(&p->out, "\n%s events of %u kind%s looked at, in %s blocks", p->coverage.events.s,
               p->sources, p->sources == 1 ? "" : "s", p->coverage.blocks.s);
    if (p->coverage.retained_from.s[0] != '\0') {
        buf_printf(&p->out, "; kept is what came from %s to %s", p->coverage.retained_from.s,
                   p->coverage.retained_to.s);
    }
    buf_cstr(&p->out, "\n");
    static const char *const words[] = {"events could only be read as lines",
                                        "blocks are damaged", "blocks were purged"};
    const char *const counts[] = {p->coverage.unreadable.s, p->coverage.damaged_blocks.s,
                                  p->coverage.purged_blocks.s};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(counts[i], "0") != 0 && counts[i][0] != '\0') {
            buf_printf(&p->out, "%s %s\n", counts[i], words[i]);
        }
    }
}

int hunt_print(const struct hunt_command *c, struct span document)
{
    struct page p = {0};
    struct arena scratch;
    struct err e = {0};
    arena_init(&scratch, 0);
    buf_init(&p.out, 64 << 20);
    int rc = json_walk(document, &scratch, visit, &p, &e);
    if (rc == 0) {
        tell_item(&p);
        tell_coverage(&p);
    }
    bool ended = strcmp(p.status.s, "done") == 0;
    struct span text = c->json ? document : buf_view(&p.out);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    if (c->json) {
        (void)fputc('\n', stdout);
    }
    if (rc != 0) {
        cli_print_err(&e);
    } else if (!ended) {
        (void)fprintf(stderr, "sereno: the hunt %s%s%s\n", p.status.s,
                      p.problem.s[0] != '\0' ? ": " : "", p.problem.s);
    }
    bool damaged = strcmp(p.coverage.damaged_blocks.s, "0") != 0;
    buf_free(&p.out);
    arena_fini(&scratch);
    return rc == 0 && ended && !damaged && p.refused == 0 ? CLI_OK : CLI_UNREAD;
}
