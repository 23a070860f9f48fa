/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Views: for one way of writing logs, which nodes fill which field. A field's own node comes first,
 * then what the source says, in its order. Runs in the compiler role.
 */
#include "flow/normalise/compile_priv.h"

enum { PATHS_MAX = 64 }; /* places one field is looked for */

struct paths {
    key_node nodes[PATHS_MAX];
    uint32_t len;
};

static void add_node(struct paths *p, key_node node)
{
    for (uint32_t i = 0; i < p->len; i++) {
        if (p->nodes[i] == node) {
            return;
        }
    }
    if (node != KEY_NONE && p->len < PATHS_MAX) {
        p->nodes[p->len++] = node;
    }
}

static void add_list(struct compiler *c, struct paths *p, struct span_list paths)
{
    for (uint32_t i = 0; i < paths.len; i++) {
        add_node(p, compile_node(c, paths.items[i]));
        add_node(p, compile_top_node(c, paths.items[i]));
    }
}

static const struct src_alias *find_alias(const struct src_alias *list, uint32_t n,
                                          struct span field)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(list[i].field, field)) {
            return &list[i];
        }
    }
    return NULL;
}

static bool listed(struct span_list list, struct span word)
{
    for (uint32_t i = 0; i < list.len; i++) {
        if (span_eq(list.items[i], word)) {
            return true;
        }
    }
    return false;
}

static key_node joined_node(struct compiler *c, const struct src_child *child, struct span head,
                            struct span tail)
{
    const char *path =
        tail.len == 0 ? arena_printf(&c->scratch, "%.*s.%.*s", SPAN_ARG(child->at), SPAN_ARG(head))
                      : arena_printf(&c->scratch, "%.*s.%.*s.%.*s.%.*s", SPAN_ARG(child->at),
                                     SPAN_ARG(head), SPAN_ARG(child->attributes), SPAN_ARG(tail));
    return compile_node(c, span_of(path));
}

/* A child of an `after` object: the value itself, {"#text": value}, or for A_B an attribute B of A.
 */
static void add_after(struct compiler *c, struct paths *p, const struct src_child *child,
                      struct span field)
{
    if (!child->after || !listed(child->names, field)) {
        return;
    }
    key_node node = joined_node(c, child, field, SPAN(""));
    if (child->text.len > 0) {
        (void)keytable_link(c->keys, node, child->text, node);
    }
    add_node(p, node);
    for (size_t i = 1; child->attributes.len > 0 && i + 1 < field.len; i++) {
        if (field.ptr[i] == '_') {
            add_node(
                p, joined_node(c, child, span_sub(field, 0, i), span_sub(field, i + 1, field.len)));
        }
    }
}

/* A rule may write a name without its blanks, and another with them. */
static void add_with_blanks(struct compiler *c, struct paths *p, struct span field)
{
    for (uint32_t f = 0; f < c->nfields; f++) {
        struct span other = c->fields[f];
        size_t i = 0;
        size_t k = 0;
        while (k < other.len &&
               (other.ptr[k] == ' ' || (i < field.len && other.ptr[k] == field.ptr[i]))) {
            i += other.ptr[k] != ' ';
            k++;
        }
        if (k == other.len && i == field.len && other.len > field.len) {
            add_node(p, compile_node(c, other));
        }
    }
}

static void add_source_paths(struct compiler *c, struct paths *p, const struct view_build *v,
                             struct span field)
{
    const struct source *s = v->source;
    for (uint32_t i = 0; i < s->nchildren; i++) {
        add_after(c, p, &s->children[i], field);
        if (s->children[i].strip_blanks) {
            add_with_blanks(c, p, field);
        }
    }
    for (uint32_t i = 0; i < s->nviews; i++) {
        const struct src_alias *a =
            (v->extras >> i & 1) == 0 ? NULL
                                      : find_alias(s->views[i].fields, s->views[i].nfields, field);
        if (a != NULL) {
            add_list(c, p, a->paths);
        }
    }
    const struct src_alias *a = find_alias(s->fields, s->nfields, field);
    if (a != NULL) {
        add_list(c, p, a->paths);
    }
}

key_node compile_derived_node(struct compiler *c, const struct src_also *also, struct span field)
{
    const char *name =
        arena_printf(&c->scratch, "=%.*s.%.*s", SPAN_ARG(also->name), SPAN_ARG(field));
    return keytable_add(c->keys, c->hidden, span_of(name));
}

/* True when the also says where the field comes from, and that it comes from nowhere else. */
static bool add_instead(struct compiler *c, struct paths *p, const struct src_also *also,
                        struct span field)
{
    for (uint32_t i = 0; i < also->nderive; i++) {
        if (span_eq(also->derive[i].field, field)) {
            add_node(p, compile_derived_node(c, also, field));
            return true;
        }
    }
    const struct src_alias *a = find_alias(also->instead, also->ninstead, field);
    if (a != NULL) {
        add_list(c, p, a->paths);
    }
    return a != NULL;
}

static void field_paths(struct compiler *c, struct paths *p, const struct view_build *v,
                        struct span field)
{
    if (v->also != NULL && add_instead(c, p, v->also, field)) {
        return;
    }
    add_node(p, compile_node(c, field));
    add_node(p, compile_top_node(c, field));
    if (v->source != NULL) {
        add_source_paths(c, p, v, field);
    }
}

/* What stands for an entity or the time: each name as the field it is, with all its paths. */
static void virtual_paths(struct compiler *c, struct paths *p, const struct view_build *v,
                          struct span_list names)
{
    for (uint32_t i = 0; i < names.len; i++) {
        bool field = compile_field_id(c, names.items[i]) != FIELD_NONE;
        if (field) {
            field_paths(c, p, v, names.items[i]);
        } else {
            add_list(c, p, (struct span_list){&names.items[i], 1});
        }
    }
}

static void virtual_field(struct compiler *c, struct paths *p, const struct view_build *v,
                          struct span field)
{
    if (v->source == NULL) {
        return;
    }
    for (int i = 0; i < ENTITY_COUNT; i++) {
        if (span_eq(field, compile_entity_field(i))) {
            virtual_paths(c, p, v, v->source->entities[i]);
        }
    }
    if (span_eq(field, COMPILE_TIME_FIELD)) {
        virtual_paths(c, p, v, v->source->times);
    }
}

static bool virtual_name(struct span field)
{
    for (int i = 0; i < ENTITY_COUNT; i++) {
        if (span_eq(field, compile_entity_field(i))) {
            return true;
        }
    }
    return span_eq(field, COMPILE_TIME_FIELD);
}

uint32_t compile_view(struct compiler *c, const struct source *source, struct span_list categories,
                      const struct src_also *also)
{
    struct view_build v = {.source = source, .also = also, .name = SPAN("plain")};
    for (uint32_t i = 0; source != NULL && i < source->nviews; i++) {
        for (uint32_t k = 0; k < categories.len; k++) {
            if (listed(source->views[i].categories, categories.items[k])) {
                v.extras |= UINT32_C(1) << i;
            }
        }
    }
    for (size_t i = 0; i < c->views.len; i++) {
        const struct view_build *have = &c->views.data[i];
        if (have->source == source && have->also == also && have->extras == v.extras) {
            return (uint32_t)i;
        }
    }
    if (source != NULL) {
        v.name = also == NULL ? source->name
                              : span_of(arena_printf(&c->scratch, "%.*s/%.*s",
                                                     SPAN_ARG(source->name), SPAN_ARG(also->name)));
    }
    vec_push(&c->views, v);
    return (uint32_t)(c->views.len - 1);
}

static void pack_view(struct compiler *c, const struct view_build *v, struct view *out)
{
    VEC(key_node) nodes = {0};
    uint32_t *start = arena_calloc(c->region, c->nfields + 1, sizeof *start);
    for (uint32_t f = 0; f < c->nfields; f++) {
        struct paths p = {.len = 0};
        start[f] = (uint32_t)nodes.len;
        if (virtual_name(c->fields[f])) {
            virtual_field(c, &p, v, c->fields[f]);
        } else {
            field_paths(c, &p, v, c->fields[f]);
        }
        for (uint32_t i = 0; i < p.len; i++) {
            vec_push(&nodes, p.nodes[i]);
        }
    }
    start[c->nfields] = (uint32_t)nodes.len;
    key_node *copy = arena_calloc(c->region, nodes.len + 1, sizeof *copy);
    if (nodes.len > 0) {
        memcpy(copy, nodes.data, nodes.len * sizeof *copy);
    }
    out->name = arena_copy(c->region, v->name);
    out->start = start;
    out->nodes = copy;
    for (int i = 0; i < ENTITY_COUNT; i++) {
        field_id id = compile_field_id(c, compile_entity_field(i));
        bool told = id != FIELD_NONE && start[id] < start[id + 1];
        out->entities[i] = told ? id : FIELD_NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(out->times); i++) {
        out->times[i] = FIELD_NONE;
    }
    field_id time = compile_field_id(c, COMPILE_TIME_FIELD);
    out->times[0] = start[time] < start[time + 1] ? time : FIELD_NONE;
    vec_free(&nodes);
}

void compile_pack_views(struct compiler *c)
{
    c->packed_views = arena_calloc(c->region, c->views.len + 1, sizeof *c->packed_views);
    for (size_t i = 0; i < c->views.len; i++) {
        pack_view(c, &c->views.data[i], &c->packed_views[i]);
    }
}

/* ---- derived values ---- */

static int derive_one(struct compiler *c, const struct src_also *also, const struct src_derive *d,
                      struct norm_derive *out)
{
    struct dissect_pattern p = {0};
    int rc = dissect_parse(&c->scratch, d->from, &p, c->e);
    struct norm_part *parts = arena_calloc(c->region, p.nsteps + 1, sizeof *parts);
    for (uint32_t i = 0; rc == 0 && i < p.nsteps; i++) {
        const struct dissect_step *s = &p.steps[i];
        parts[i].text = arena_copy(c->region, s->text);
        parts[i].field = s->kind == STEP_LITERAL ? FIELD_NONE : compile_field_id(c, s->text);
        if (s->kind != STEP_LITERAL && parts[i].field == FIELD_NONE) {
            /* Nobody asks for that field, so it has no number: its value is looked up by no rule
             * either. */
            rc = err_set(c->e, ERR_INVALID, "'%.*s' is derived from '%.*s', which is no field",
                         SPAN_ARG(d->field), SPAN_ARG(s->text));
        }
    }
    struct norm_replace *replace = arena_calloc(c->region, d->replace.len / 2 + 1, sizeof *replace);
    for (uint32_t i = 0; i + 1 < d->replace.len; i += 2) {
        struct span from = d->replace.items[i];
        bool prefix = span_ends(from, SPAN("*"));
        replace[i / 2] = (struct norm_replace){
            arena_copy(c->region, prefix ? span_sub(from, 0, from.len - 1) : from),
            arena_copy(c->region, d->replace.items[i + 1]), prefix};
    }
    *out = (struct norm_derive){compile_derived_node(c, also, d->field), parts, p.nsteps, replace,
                                d->replace.len / 2};
    return rc;
}

int compile_derive(struct compiler *c, const struct src_also *also, const struct norm_derive **out,
                   uint32_t *count_out)
{
    struct norm_derive *list = arena_calloc(c->region, also->nderive + 1, sizeof *list);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < also->nderive; i++) {
        rc = derive_one(c, also, &also->derive[i], &list[i]);
    }
    *out = list;
    *count_out = also->nderive;
    return rc;
}
