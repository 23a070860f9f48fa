/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented city as its files have it: see demo_city.h. Called by demo.c; reads nothing but what is in the program. */
#include "cli/demo_city.h"

#include <stdio.h>
#include <stdlib.h>

#include "records/demo.h"
#include "records/schema/schema.h"
#include "wire/yaml.h"

struct reading {
    struct arena *a;
    struct demo_text text;
    struct demo_city *city;
    const struct demo_file *file;
};

static int wrong(const struct reading *r, struct span what, struct err *e)
{
    return err_set(e, ERR_INVALID, "%.*s: %.*s cannot be used", SPAN_ARG(r->file->name), SPAN_ARG(what));
}

static struct span text_of(const struct jcs *o, const char *key)
{
    struct span v = SPAN("");
    return jcs_get_text(o, key, &v) ? v : SPAN("");
}

static int64_t number_of(const struct jcs *o, const char *key, int64_t otherwise)
{
    int64_t v = otherwise;
    return jcs_get_int(o, key, &v) ? v : otherwise;
}

/* ---- records ---- */

static int add_record(struct reading *r, const struct jcs *o, struct err *e)
{
    static const char *const members[] = {"is", "key", "state", "label", "times", "fields", "later", NULL};
    int64_t times = number_of(o, "times", 1);
    const struct jcs *fields = jcs_get_object(o, "fields");
    struct span key = text_of(o, "key");
    if (!jcs_only(o, members) || fields == NULL || key.len == 0 || text_of(o, "is").len == 0 || times < 1 ||
        r->city->nrecords + (size_t)times > DEMO_RECORDS_MAX) {
        return wrong(r, key, e);
    }
    for (r->text.n = 1; r->text.n <= times; r->text.n++) {
        r->city->records[r->city->nrecords++] = (struct demo_record){.kind = text_of(o, "is"),
                                                                     .key = demo_text_fill(&r->text, key),
                                                                     .state = text_of(o, "state"),
                                                                     .label = text_of(o, "label"),
                                                                     .fields = demo_text_value(&r->text, fields),
                                                                     .later = jcs_get_object(o, "later")};
    }
    return 0;
}

/* ---- logs ---- */

static bool is_part(struct span name)
{
    static const char *const parts[] = DEMO_PARTS;
    bool found = false;
    for (size_t i = 0; i < DEMO_NPARTS && !found; i++) {
        found = span_eq(span_of(parts[i]), name);
    }
    return found;
}

static int add_scene(struct reading *r, const struct jcs *o, struct err *e)
{
    static const char *const members[] = {"from", "count", "every", "seconds", "file", "line", NULL};
    int64_t count = number_of(o, "count", 0);
    int64_t step_s = number_of(o, "seconds", 60 * number_of(o, "every", 0));
    struct span line = text_of(o, "line"), part = text_of(o, "file");
    time_ns at = r->text.now + number_of(o, "from", 0) * 60 * TIME_SECOND;
    if (!jcs_only(o, members) || count < 1 || step_s < 1 || line.len == 0 || !is_part(part) || r->city->nlines + (size_t)count > DEMO_LINES_MAX) {
        return wrong(r, line, e);
    }
    for (r->text.n = 1; r->text.n <= count; r->text.n++) {
        struct demo_line *l = &r->city->lines[r->city->nlines];
        r->text.stamp = at;
        *l = (struct demo_line){.at = at, .place = (uint32_t)r->city->nlines++, .part = part, .text = demo_text_fill(&r->text, line)};
        at += step_s * TIME_SECOND + (time_ns)demo_text_next(&r->text, (uint64_t)step_s * 100) * 1000000;
    }
    r->text.stamp = TIME_NONE;
    return 0;
}

static int by_time(const void *x, const void *y)
{
    const struct demo_line *a = x, *b = y;
    return a->at != b->at ? (a->at < b->at ? -1 : 1) : a->place < b->place ? -1 : a->place > b->place;
}

/* ---- files ---- */

static int each(struct reading *r, const struct jcs *list, int (*add)(struct reading *, const struct jcs *, struct err *), struct err *e)
{
    int rc = 0;
    for (const struct jcs *o = list == NULL ? NULL : list->first; o != NULL && rc == 0; o = o->next) {
        rc = add(r, o, e);
    }
    return rc;
}

static int read_file(struct reading *r, struct err *e)
{
    static const char *const members[] = {"seed", "lists", "records", "scenes", "triage", NULL};
    const struct yaml_node *root = NULL;
    struct jcs *file = NULL;
    int rc = yaml_read_map(r->a, r->file->text, &root, e);
    rc = rc == 0 ? schema_value(r->a, root, 0, &file, e) : rc;
    if (rc != 0) {
        (void)snprintf(e->where, sizeof e->where, "%.*s", SPAN_ARG(r->file->name));
        return rc;
    }
    if (!jcs_only(file, members)) {
        return wrong(r, SPAN("a member"), e);
    }
    r->text.seed = (uint64_t)number_of(file, "seed", (int64_t)r->text.seed); /* city.yml is the first by name */
    r->text.lists = jcs_get_object(file, "lists");
    rc = each(r, jcs_get_array(file, "records"), add_record, e);
    rc = rc == 0 ? each(r, jcs_get_array(file, "scenes"), add_scene, e) : rc;
    r->city->triage = jcs_get_array(file, "triage") != NULL ? jcs_get_array(file, "triage") : r->city->triage;
    return rc;
}

int demo_city_read(struct arena *a, time_ns now, struct demo_city *out, struct err *e)
{
    struct reading r = {.a = a, .text = {.a = a, .now = now, .stamp = TIME_NONE}, .city = out};
    int rc = 0;
    *out = (struct demo_city){.records = arena_calloc(a, DEMO_RECORDS_MAX, sizeof *out->records),
                              .lines = arena_calloc(a, DEMO_LINES_MAX, sizeof *out->lines)};
    for (size_t i = 0; i < demo_shipped_count && rc == 0; i++) {
        r.file = &demo_shipped[i];
        rc = read_file(&r, e);
    }
    qsort(out->lines, out->nlines, sizeof *out->lines, by_time);
    return rc;
}

/* ---- names of others ---- */

static const struct demo_record *named(const struct demo_city *c, struct span key)
{
    const struct demo_record *found = NULL;
    for (size_t i = 0; i < c->nrecords && found == NULL; i++) {
        found = span_eq(c->records[i].key, key) ? &c->records[i] : NULL;
    }
    return found;
}

/* NULL: a record that is named has no id. */
static struct jcs *with_ids(const struct demo_city *c, const struct jcs *v, struct arena *a)
{
    if (v->kind == JCS_TEXT && span_starts(v->text, SPAN("@"))) {
        const struct demo_record *r = named(c, span_sub(v->text, 1, v->text.len));
        return r == NULL || r->id.len == 0 ? NULL : jcs_new_text(a, r->id);
    }
    struct jcs *out = v->kind == JCS_ARRAY ? jcs_new_array(a) : v->kind == JCS_OBJECT ? jcs_new_object(a) : jcs_copy(a, v);
    bool holds = v->kind == JCS_ARRAY || v->kind == JCS_OBJECT;
    for (const struct jcs *m = holds ? v->first : NULL; m != NULL && out != NULL; m = m->next) {
        struct jcs *part = with_ids(c, m, a);
        if (part == NULL) {
            out = NULL;
        } else if (v->kind == JCS_ARRAY) {
            jcs_add(out, part);
        } else {
            jcs_set(a, out, arena_cstr(a, m->key), part);
        }
    }
    return out;
}

const struct jcs *demo_city_fields(const struct demo_city *c, const struct demo_record *r, bool later, struct arena *a)
{
    struct jcs *all = with_ids(c, r->fields, a);
    struct jcs *more = later && r->later != NULL ? with_ids(c, r->later, a) : NULL;
    for (const struct jcs *m = more == NULL || all == NULL ? NULL : more->first; m != NULL; m = m->next) {
        jcs_set(a, all, arena_cstr(a, m->key), jcs_copy(a, m));
    }
    return later && more == NULL ? NULL : all;
}

struct span demo_city_title(const struct demo_record *r)
{
    struct span v = text_of(r->fields, "title");
    return v.len > 0 ? v : text_of(r->fields, "name");
}
