/* SPDX-License-Identifier: EUPL-1.2 */
/* The set of loaded sources: see sources.h. Compiler role only; one file that cannot be read leaves
 * the others usable. */
#include "flow/normalise/sources.h"

#include <stdio.h>

#include "flow/normalise/sources_priv.h"

struct sources *sources_new(void)
{
    struct sources *s = mem_alloc(sizeof *s);
    s->magic = SOURCES_MAGIC;
    arena_init(&s->arena, 0);
    return s;
}

void sources_free(struct sources **s)
{
    if (*s == NULL) {
        return;
    }
    CHECK_OBJ(*s, SOURCES_MAGIC);
    arena_fini(&(*s)->arena);
    vec_free(&(*s)->list);
    (*s)->magic = 0;
    mem_free(*s);
    *s = NULL;
}

static int name_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static bool comes_before(const struct source *a, const struct source *b)
{
    return a->rank != b->rank ? a->rank < b->rank : name_cmp(a->name, b->name) < 0;
}

/* Keeps the list in the order in which sources are asked, whatever order the files came in. */
static void insert(struct sources *s, struct source *fresh)
{
    vec_push(&s->list, fresh);
    for (size_t i = s->list.len - 1; i > 0 && comes_before(fresh, s->list.data[i - 1]); i--) {
        s->list.data[i] = s->list.data[i - 1];
        s->list.data[i - 1] = fresh;
    }
}

static int check_fits(const struct sources *s, const struct source *fresh, struct err *e)
{
    if (s->list.len >= SOURCES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d source files", SOURCES_MAX);
    }
    for (size_t i = 0; i < s->list.len; i++) {
        const struct source *other = s->list.data[i];
        if (span_eq(other->name, fresh->name)) {
            return err_set(e, ERR_INVALID, "the name '%.*s' is taken by %.*s",
                           SPAN_ARG(fresh->name), SPAN_ARG(span_sub(other->file, 0, 200)));
        }
    }
    return 0;
}

int sources_add(struct sources *s, struct span file_name, struct span bytes, struct err *e)
{
    CHECK_OBJ(s, SOURCES_MAGIC);
    struct err local = {0};
    e = e == NULL ? &local : e;
    struct source *fresh = arena_alloc(&s->arena, sizeof *fresh);
    int rc = source_load(&s->arena, file_name, bytes, fresh, e);
    rc = rc == 0 ? check_fits(s, fresh, e) : rc;
    if (rc != 0) {
        err_at(e, arena_cstr(&s->arena, file_name), e->line);
        return rc;
    }
    insert(s, fresh);
    return 0;
}

static int no_such_switch(const struct sources *s, struct span name, struct err *e)
{
    char list[ERR_TEXT_MAX / 2];
    size_t at = 0;
    list[0] = '\0';
    for (size_t i = 0; i < s->list.len; i++) {
        const struct source *src = s->list.data[i];
        for (uint32_t k = 0; k < src->nswitches && at < sizeof list; k++) {
            int n = snprintf(list + at, sizeof list - at, "%s%.*s.%.*s", at == 0 ? "" : ", ",
                             SPAN_ARG(src->name), SPAN_ARG(src->switches[k].name));
            at += n > 0 ? (size_t)n : 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "no switch '%.*s'; there are: %s",
                   SPAN_ARG(span_sub(name, 0, SOURCE_NAME_MAX * 2)), at == 0 ? "none" : list);
}

int sources_switch(struct sources *s, struct span name, bool on, struct err *e)
{
    CHECK_OBJ(s, SOURCES_MAGIC);
    ptrdiff_t dot = span_find(name, '.');
    if (dot < 0) {
        return no_such_switch(s, name, e);
    }
    struct span file = span_sub(name, 0, (size_t)dot);
    struct span word = span_sub(name, (size_t)dot + 1, name.len);
    for (size_t i = 0; i < s->list.len; i++) {
        struct source *src = s->list.data[i];
        for (uint32_t k = 0; k < src->nswitches; k++) {
            if (span_eq(src->name, file) && span_eq(src->switches[k].name, word)) {
                src->switches[k].on = on;
                return 0;
            }
        }
    }
    return no_such_switch(s, name, e);
}

uint32_t sources_count(const struct sources *s)
{
    CHECK_OBJ(s, SOURCES_MAGIC);
    return (uint32_t)s->list.len;
}

struct span sources_name(const struct sources *s, uint32_t i)
{
    CHECK_OBJ(s, SOURCES_MAGIC);
    CHECK(i < s->list.len);
    return s->list.data[i]->name;
}

bool source_format_parse(struct span s, enum source_format *out)
{
    static const char *const names[FORMAT_COUNT] = {"json", "text",     "web",    "auditd",
                                                    "zeek", "zeekjson", "syslog", "journald",
                                                    "evtx"};
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (span_eq(s, span_of(names[i]))) {
            *out = (enum source_format)i;
            return true;
        }
    }
    return false;
}
