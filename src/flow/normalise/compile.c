/* SPDX-License-Identifier: EUPL-1.2 */
/* sources_compile: see sources.h. Puts catalog and tables into the region, in the order of
 * compile_priv.h. */
#include "flow/normalise/compile_priv.h"
#include "flow/normalise/normalise.h"

/* ---- patterns ---- */

static void pack_steps(struct compiler *c, const struct dissect_pattern *from,
                       struct dissect_pattern *out)
{
    struct dissect_step *steps = arena_calloc(c->region, from->nsteps + 1, sizeof *steps);
    for (uint32_t i = 0; i < from->nsteps; i++) {
        const struct dissect_step *s = &from->steps[i];
        steps[i] = *s;
        steps[i].text = arena_copy(c->region, s->text);
        bool named = s->kind != STEP_LITERAL && s->kind != STEP_OPTION && s->text.len > 0;
        steps[i].node = named ? compile_node(c, s->text) : KEY_NONE;
        struct dissect_choice *choices = arena_calloc(c->region, s->nchoices + 1, sizeof *choices);
        for (uint32_t k = 0; k < s->nchoices; k++) {
            choices[k] = (struct dissect_choice){arena_copy(c->region, s->choices[k].word),
                                                 arena_copy(c->region, s->choices[k].value)};
        }
        steps[i].choices = choices;
    }
    out->steps = steps;
    out->nsteps = from->nsteps;
}

static void pack_pattern(struct compiler *c, const struct src_pattern *from,
                         struct dissect_pattern *out)
{
    struct dissect_pattern parsed = {0};
    MUST(dissect_parse(&c->scratch, from->text, &parsed, c->e));
    pack_steps(c, &parsed, out);
    struct span_list programs = compile_copy_list(c, from->programs);
    out->programs = programs.items;
    out->nprograms = programs.len;
    struct dissect_fixed *fixed = arena_calloc(c->region, from->nset + 1, sizeof *fixed);
    for (uint32_t i = 0; i < from->nset; i++) {
        fixed[i] = (struct dissect_fixed){arena_copy(c->region, from->set[i].field),
                                          compile_node(c, from->set[i].field),
                                          arena_copy(c->region, from->set[i].paths.items[0])};
    }
    out->fixed = fixed;
    out->nfixed = from->nset;
}

static int pack_patterns(struct compiler *c, const struct source *s, struct norm_source *out)
{
    const struct source *owner =
        s->patterns_like.len == 0 ? s : compile_source(c, s->patterns_like);
    if (owner == NULL) {
        return err_set(c->e, ERR_INVALID, "%.*s: 'like' names '%.*s', which is not loaded",
                       SPAN_ARG(s->file), SPAN_ARG(s->patterns_like));
    }
    struct dissect_pattern *list = arena_calloc(c->region, owner->npatterns + 1, sizeof *list);
    for (uint32_t i = 0; i < owner->npatterns; i++) {
        pack_pattern(c, &owner->patterns[i], &list[i]);
    }
    struct dissect *d = arena_alloc(c->region, sizeof *d);
    *d = (struct dissect){list, owner->npatterns};
    out->patterns = d;
    return 0;
}

/* ---- sources ---- */

static void pack_recognise(struct compiler *c, const struct source *s, struct norm_source *out)
{
    struct norm_recognise *list = arena_calloc(c->region, s->nrecognise + 1, sizeof *list);
    for (uint32_t i = 0; i < s->nrecognise; i++) {
        const struct src_recognise *from = &s->recognise[i];
        struct norm_cond *conds = arena_calloc(c->region, from->nconds + 1, sizeof *conds);
        for (uint32_t k = 0; k < from->nconds; k++) {
            struct span_list values = compile_copy_list(c, from->conds[k].values);
            struct span_list path = {&from->conds[k].path, 1};
            conds[k] = (struct norm_cond){from->conds[k].op, compile_nodes(c, path), values.items,
                                          values.len};
        }
        list[i] = (struct norm_recognise){conds, from->nconds, from->declared};
    }
    out->recognise = list;
    out->nrecognise = s->nrecognise;
}

static int pack_source(struct compiler *c, const struct source *s, struct norm_source *out)
{
    out->name = arena_copy(c->region, s->name);
    out->format = s->format;
    pack_recognise(c, s, out);
    out->nkeys = s->nkeys;
    for (uint32_t i = 0; i < s->nkeys; i++) {
        out->keys[i] = compile_nodes(c, s->key_paths[i]);
    }
    out->message = compile_nodes(c, (struct span_list){&s->message, s->message.len > 0});
    out->program = compile_nodes(c, (struct span_list){&s->program, s->program.len > 0});
    if (s->hex_switch < 0 || s->switches[s->hex_switch].on) {
        struct span_list hex = compile_copy_list(c, s->hex);
        out->hex = hex.items;
        out->nhex = hex.len;
    }
    int rc = pack_patterns(c, s, out);
    return rc == 0 ? compile_table(c, s, out) : rc;
}

static int pack_sources(struct compiler *c)
{
    struct norm_tables *t = c->tables;
    uint32_t n = (uint32_t)c->sources->list.len;
    struct norm_source *list = arena_calloc(c->region, n + 1, sizeof *list);
    int rc = 0;
    for (int f = 0; f < FORMAT_COUNT; f++) {
        t->by_format[f] = -1;
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct source *s = c->sources->list.data[i];
        rc = pack_source(c, s, &list[i]);
        bool fallback = s->format != FORMAT_JSON || s->nrecognise == 0;
        if (fallback && t->by_format[s->format] < 0) {
            t->by_format[s->format] = (int32_t)i;
        }
    }
    t->sources = list;
    t->nsources = n;
    return rc;
}

static void pack_lifted(struct compiler *c)
{
    struct span *lifted = arena_calloc(c->region, c->children.len + 1, sizeof *lifted);
    for (size_t i = 0; i < c->children.len; i++) {
        if (!c->children.data[i]->after) {
            lifted[c->tables->nlifted++] = arena_copy(c->region, c->children.data[i]->at);
        }
    }
    c->tables->lifted = lifted;
}

/* ---- the catalog ---- */

static void pack_classes(struct compiler *c, struct catalog *cat)
{
    struct event_class *list = arena_calloc(c->region, c->classes.len + 1, sizeof *list);
    struct norm_class *extra = arena_calloc(c->region, c->classes.len + 1, sizeof *extra);
    for (size_t i = 0; i < c->classes.len; i++) {
        const struct class_build *b = &c->classes.data[i];
        list[i] = b->c;
        list[i].view = &c->packed_views[b->view];
        extra[i] = (struct norm_class){b->derive, b->nderive};
    }
    cat->classes = list;
    cat->nclasses = (uint32_t)c->classes.len;
    c->tables->classes = extra;
}

static int compile_all(struct compiler *c, const struct span *rule_fields, uint32_t nrule_fields,
                       const struct catalog **out)
{
    static const struct span_list none = {NULL, 0};
    static const struct logsource nothing;
    struct catalog *cat = arena_alloc(c->region, sizeof *cat);
    int rc = compile_fields(c, rule_fields, nrule_fields);
    rc = rc == 0 ? pack_sources(c) : rc;
    rc = rc == 0 ? compile_declared(c) : rc;
    if (rc != 0) {
        return rc;
    }
    c->tables->generic = compile_class(c, SPAN("unknown"), compile_view(c, NULL, none, NULL),
                                       &nothing, 1, FIELD_NONE, CLASS_NONE, NULL, 0);
    compile_pack_views(c);
    compile_link_children(c);
    pack_classes(c, cat);
    pack_lifted(c);
    cat->fields = c->fields;
    cat->nfields = c->nfields;
    cat->views = c->packed_views;
    cat->nviews = (uint32_t)c->views.len;
    cat->keys = keytable_pack(c->keys, c->region);
    cat->recognise = c->tables;
    *out = cat;
    return 0;
}

int sources_compile(const struct sources *s, const struct span *rule_fields, uint32_t nrule_fields,
                    const struct declared_source *declared, uint32_t ndeclared,
                    struct arena *region, const struct catalog **out, struct err *e)
{
    CHECK_OBJ(s, SOURCES_MAGIC);
    struct err local = {0};
    struct compiler c = {.sources = s,
                         .declared = declared,
                         .ndeclared = ndeclared,
                         .region = region,
                         .e = e == NULL ? &local : e};
    arena_init(&c.scratch, 0);
    map_init(&c.nodes);
    map_init(&c.top_only);
    map_init(&c.field_ids);
    map_init(&c.class_ids);
    c.keys = keytable_builder_new();
    c.hidden = keytable_add(c.keys, KEY_ROOT, span_make("\0hidden", 7));
    c.tables = arena_alloc(region, sizeof *c.tables);
    c.tables->magic = TABLES_MAGIC;
    int rc = compile_all(&c, rule_fields, nrule_fields, out);
    keytable_builder_free(&c.keys);
    map_free(&c.nodes);
    map_free(&c.top_only);
    map_free(&c.field_ids);
    map_free(&c.class_ids);
    vec_free(&c.names);
    vec_free(&c.children);
    vec_free(&c.views);
    vec_free(&c.classes);
    arena_fini(&c.scratch);
    return rc;
}

class_id catalog_declared_class(const struct catalog *c, uint32_t declared)
{
    const struct norm_tables *t = c->recognise;
    CHECK_OBJ(t, TABLES_MAGIC);
    CHECK(declared < t->ndeclared);
    return t->declared[declared].plain;
}
