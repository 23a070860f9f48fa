/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Names become nodes of the key table. One field has one node, however a record writes it: as one
 * key ("a.b"), as nested objects, or as a child of an object whose children are fields (EventData).
 * So a rule's field costs one look-up for every writer of logs. Runs in the compiler role.
 */
#include "flow/normalise/compile_priv.h"

#include <stdlib.h>

/* "^name" → name; false when there is no mark. */
static bool is_top(struct span path, struct span *name_out)
{
    bool top = path.len > 1 && path.ptr[0] == '^';
    *name_out = top ? span_sub(path, 1, path.len) : path;
    return top;
}

struct span compile_entity_field(int entity)
{
    static const char *const names[ENTITY_COUNT] = {"@host", "@user",   "@src_ip", "@dst_ip",
                                                    "@hash", "@domain", "@process"};
    CHECK(entity >= 0 && entity < ENTITY_COUNT);
    return span_of(names[entity]);
}

/* ---- nodes ---- */

/* "Event.EventData.Image" is the field Image: what is left of a path below an object whose children
 * are fields. */
static struct span lift(const struct compiler *c, struct span path)
{
    for (size_t i = 0; i < c->children.len; i++) {
        const struct src_child *child = c->children.data[i];
        if (!child->after && span_starts(path, child->at) && path.len > child->at.len + 1 &&
            path.ptr[child->at.len] == '.') {
            return span_sub(path, child->at.len + 1, path.len);
        }
    }
    return path;
}

static key_node top_node(struct compiler *c, struct span name)
{
    return keytable_add(c->keys, KEY_ROOT, name);
}

static bool top_only(const struct compiler *c, struct span name)
{
    uint64_t unused = 0;
    return map_get(&c->top_only, name, &unused);
}

key_node compile_top_node(struct compiler *c, struct span name)
{
    return top_only(c, name) ? top_node(c, name) : KEY_NONE;
}

/* A first node for the name: the name as one key at the top, unless that is told apart from the
 * field. */
static key_node first_node(struct compiler *c, struct span name)
{
    return keytable_add(c->keys, top_only(c, name) ? c->hidden : KEY_ROOT, name);
}

/* Every way to cut the name at a dot leads to the same node. */
static void link_cuts(struct compiler *c, struct span name, key_node node)
{
    size_t dots = 0;
    for (size_t i = name.len; i > 0 && dots < NAME_DOTS_MAX && name.len <= NAME_CUT_MAX; i--) {
        if (name.ptr[i - 1] != '.' || i - 1 == 0 || i == name.len) {
            continue;
        }
        dots++;
        key_node parent = compile_node(c, span_sub(name, 0, i - 1));
        (void)keytable_link(c->keys, parent, span_sub(name, i, name.len), node);
    }
}

key_node compile_node(struct compiler *c, struct span path)
{
    struct span name;
    if (is_top(path, &name)) {
        return top_node(c, name);
    }
    name = lift(c, name);
    uint64_t known = 0;
    if (map_get(&c->nodes, name, &known)) {
        return (key_node)known;
    }
    struct span kept = arena_copy(&c->scratch, name);
    key_node node = first_node(c, kept);
    map_put(&c->nodes, kept, node);
    vec_push(&c->names, kept);
    link_cuts(c, kept, node);
    return node;
}

struct node_list compile_nodes(struct compiler *c, struct span_list paths)
{
    key_node *nodes = arena_calloc(c->region, (size_t)paths.len * 2 + 1, sizeof *nodes);
    uint32_t n = 0;
    for (uint32_t i = 0; i < paths.len; i++) {
        key_node top = compile_top_node(c, paths.items[i]);
        nodes[n++] = compile_node(c, paths.items[i]);
        if (top != KEY_NONE) {
            nodes[n++] = top;
        }
    }
    return (struct node_list){nodes, n};
}

struct span_list compile_copy_list(struct compiler *c, struct span_list list)
{
    struct span *items = arena_calloc(c->region, list.len + 1, sizeof *items);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i] = arena_copy(c->region, list.items[i]);
    }
    return (struct span_list){items, list.len};
}

/* ---- fields ---- */

struct names {
    struct map seen;
    VEC(struct span) list;
};

static void add_name(struct names *n, struct span name)
{
    bool fresh = false;
    (void)map_at(&n->seen, name, &fresh);
    if (fresh) {
        vec_push(&n->list, name);
    }
}

static void add_aliases(struct names *n, const struct src_alias *list, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        add_name(n, list[i].field);
    }
}

static void note_top(struct compiler *c, struct span_list paths)
{
    for (uint32_t i = 0; i < paths.len; i++) {
        struct span name;
        if (is_top(paths.items[i], &name)) {
            map_put(&c->top_only, name, 1);
        }
    }
}

static void note_top_aliases(struct compiler *c, const struct src_alias *list, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        note_top(c, list[i].paths);
    }
}

/* The names of a pattern that the loader has taken already. */
static void add_pattern_names(struct compiler *c, struct names *n, struct span pattern)
{
    struct dissect_pattern p = {0};
    MUST(dissect_parse(&c->scratch, pattern, &p, c->e));
    for (uint32_t k = 0; k < p.nsteps; k++) {
        bool literal = p.steps[k].kind == STEP_LITERAL || p.steps[k].kind == STEP_OPTION;
        if (!literal && p.steps[k].text.len > 0) {
            add_name(n, p.steps[k].text);
        }
    }
}

static void collect_source(struct compiler *c, struct names *n, const struct source *s)
{
    add_aliases(n, s->fields, s->nfields);
    note_top_aliases(c, s->fields, s->nfields);
    for (uint32_t i = 0; i < s->nviews; i++) {
        add_aliases(n, s->views[i].fields, s->views[i].nfields);
        note_top_aliases(c, s->views[i].fields, s->views[i].nfields);
    }
    for (uint32_t i = 0; i < s->nalso; i++) {
        add_aliases(n, s->also[i].instead, s->also[i].ninstead);
        note_top_aliases(c, s->also[i].instead, s->also[i].ninstead);
        for (uint32_t k = 0; k < s->also[i].nderive; k++) {
            add_name(n, s->also[i].derive[k].field);
            add_pattern_names(c, n, s->also[i].derive[k].from);
        }
    }
    for (int i = 0; i < ENTITY_COUNT; i++) {
        note_top(c, s->entities[i]);
    }
    note_top(c, s->times);
    for (uint32_t i = 0; i < s->nkeys; i++) {
        note_top(c, s->key_paths[i]);
    }
    for (uint32_t i = 0; i < s->nrecognise; i++) {
        for (uint32_t k = 0; k < s->recognise[i].nconds; k++) {
            note_top(c, (struct span_list){&s->recognise[i].conds[k].path, 1});
        }
    }
    if (s->split.len > 0) {
        add_name(n, s->split);
    }
    for (uint32_t i = 0; i < s->nchildren; i++) {
        vec_push(&c->children, &s->children[i]);
    }
}

/* Fields that patterns fill are there even when no rule asks: people want to see them. */
static void collect_patterns(struct compiler *c, struct names *n, const struct source *s)
{
    for (uint32_t i = 0; i < s->npatterns; i++) {
        add_pattern_names(c, n, s->patterns[i].text);
        add_aliases(n, s->patterns[i].set, s->patterns[i].nset);
    }
}

static int span_cmp(const void *pa, const void *pb)
{
    const struct span *a = pa;
    const struct span *b = pb;
    size_t n = a->len < b->len ? a->len : b->len;
    int d = n == 0 ? 0 : memcmp(a->ptr, b->ptr, n);
    return d != 0 ? d : (a->len > b->len) - (a->len < b->len);
}

static void pack_fields(struct compiler *c, struct names *n)
{
    c->nfields = (uint32_t)n->list.len;
    c->fields = arena_calloc(c->region, n->list.len + 1, sizeof *c->fields);
    for (size_t i = 0; i < n->list.len; i++) {
        c->fields[i] = arena_copy(c->region, n->list.data[i]);
    }
    qsort(c->fields, c->nfields, sizeof *c->fields, span_cmp);
    for (uint32_t i = 0; i < c->nfields; i++) {
        map_put(&c->field_ids, c->fields[i], i);
    }
}

static bool is_virtual(struct span name)
{
    return name.len > 0 && name.ptr[0] == '@' &&
           (span_eq(name, COMPILE_TIME_FIELD) || span_eq(name, compile_entity_field(0)) ||
            span_eq(name, compile_entity_field(1)) || span_eq(name, compile_entity_field(2)) ||
            span_eq(name, compile_entity_field(3)) || span_eq(name, compile_entity_field(4)) ||
            span_eq(name, compile_entity_field(5)) || span_eq(name, compile_entity_field(6)));
}

/* "userIdentity.arn" below "detail": userIdentity leads there too. */
static void link_heads(struct compiler *c, const struct src_child *child, key_node at,
                       struct span field)
{
    for (size_t i = 1; i < field.len && !child->deep && field.len <= NAME_CUT_MAX; i++) {
        if (field.ptr[i] == '.') {
            struct span head = span_sub(field, 0, i);
            (void)keytable_link(c->keys, at, head, compile_node(c, head));
        }
    }
}

/* Names that stand below an object whose children are fields are not themselves its children. */
static bool below_child(const struct compiler *c, struct span name)
{
    for (size_t i = 0; i < c->children.len; i++) {
        if (span_starts(name, c->children.data[i]->at)) {
            return true;
        }
    }
    return false;
}

/* Every name is also a child of the objects whose children are fields, and may be wrapped as
 * {"#text": …}. */
void compile_link_children(struct compiler *c)
{
    for (size_t i = 0; i < c->children.len; i++) {
        const struct src_child *child = c->children.data[i];
        if (child->after) {
            continue;
        }
        key_node at = compile_node(c, child->at);
        keytable_flag(c->keys, at,
                      (child->deep ? KEY_DEEP : 0u) |
                          (child->strip_blanks ? KEY_STRIP_BLANKS : 0u));
        for (size_t n = 0; n < c->names.len; n++) {
            struct span name = c->names.data[n];
            if (below_child(c, name)) {
                continue;
            }
            key_node node = compile_node(c, name);
            (void)keytable_link(c->keys, at, name, node);
            link_heads(c, child, at, name);
            if (child->text.len > 0) {
                (void)keytable_link(c->keys, node, child->text, node);
            }
        }
    }
}

int compile_fields(struct compiler *c, const struct span *rule_fields, uint32_t nrule_fields)
{
    static const char *const own[NORM_FIELD_COUNT] = {
#define X(name, text) text,
        NORM_FIELDS(X)
#undef X
    };
    struct names n = {0};
    map_init(&n.seen);
    for (uint32_t i = 0; i < nrule_fields; i++) {
        if (rule_fields[i].len > 0) {
            add_name(&n, rule_fields[i]);
        }
    }
    for (int i = 0; i < ENTITY_COUNT; i++) {
        add_name(&n, compile_entity_field(i));
    }
    add_name(&n, COMPILE_TIME_FIELD);
    for (size_t i = 0; i < NORM_FIELD_COUNT; i++) {
        add_name(&n, span_of(own[i]));
    }
    for (size_t i = 0; i < c->sources->list.len; i++) {
        collect_source(c, &n, c->sources->list.data[i]);
        collect_patterns(c, &n, c->sources->list.data[i]);
    }
    int rc = 0;
    if (n.list.len > COMPILE_FIELDS_MAX) {
        rc = err_set(c->e, ERR_LIMIT, "rules and sources name more than %d fields",
                     COMPILE_FIELDS_MAX);
    } else {
        pack_fields(c, &n);
        for (uint32_t i = 0; i < c->nfields; i++) {
            (void)(is_virtual(c->fields[i]) ? KEY_NONE : compile_node(c, c->fields[i]));
        }
        for (size_t i = 0; i < NORM_FIELD_COUNT; i++) {
            c->tables->fields[i] = compile_node(c, span_of(own[i]));
        }
    }
    map_free(&n.seen);
    vec_free(&n.list);
    return rc;
}

field_id compile_field_id(const struct compiler *c, struct span name)
{
    uint64_t id = 0;
    return map_get(&c->field_ids, name, &id) ? (field_id)id : FIELD_NONE;
}
