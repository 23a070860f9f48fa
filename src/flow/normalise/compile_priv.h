/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The compiler of sources, in four parts that run in this order: compile_keys.c (names and paths
 * become key-table nodes), compile_views.c (fields become lists of nodes), compile_classes.c (log
 * source tables become classes), compile.c (all of it into the region). Compiler role only.
 */
#ifndef FLOW_NORMALISE_COMPILE_PRIV_H
#define FLOW_NORMALISE_COMPILE_PRIV_H

#include "base/map.h"
#include "flow/normalise/sources_priv.h"

enum {
    COMPILE_FIELDS_MAX = 1 << 16,  /* distinct field names of rules and sources */
    COMPILE_CLASSES_MAX = 1 << 14, /* the planner works per class */
    NAME_DOTS_MAX = 16,            /* ways to cut a dotted name, from its end */
    NAME_CUT_MAX = 512,            /* bytes; a longer name is looked up as one key only */
};

struct class_build {
    struct event_class c;
    uint32_t view;
    const struct norm_derive *derive;
    uint32_t nderive;
};

struct view_build {
    struct span name;
    const struct source *source; /* NULL: fields by their own names only */
    const struct src_also *also;
    uint32_t extras; /* bit i: source->views[i] holds */
    uint32_t number;
};

struct compiler {
    const struct sources *sources;
    const struct declared_source *declared;
    uint32_t ndeclared;
    struct arena *region;
    struct arena scratch;
    struct keytable_builder *keys;
    struct map nodes;       /* name → node */
    VEC(struct span) names; /* of nodes, in the order they were made */
    struct map top_only;    /* names that also have a node for "at the top of the record only" */
    key_node hidden;        /* parent of nodes that no record reaches by that way */
    VEC(const struct src_child *) children;
    struct span *fields; /* sorted */
    uint32_t nfields;
    struct map field_ids;
    VEC(struct view_build) views;
    struct view *packed_views;
    VEC(struct class_build) classes;
    struct map class_ids; /* serialised class → number */
    struct norm_tables *tables;
    struct err *e;
};

/* ---- compile_keys.c ---- */
/* Collects all field names, sorts them, and makes their nodes and the ways to them. */
int compile_fields(struct compiler *c, const struct span *rule_fields, uint32_t nrule_fields);
/* Node of a path or field name; "^name" is the name at the top of the record only. */
key_node compile_node(struct compiler *c, struct span path);
/* Node for top-of-record values of a name, or KEY_NONE when no source tells them apart. */
key_node compile_top_node(struct compiler *c, struct span name);
/* Once all names are known: the ways to them from objects whose children are fields. */
void compile_link_children(struct compiler *c);
field_id compile_field_id(const struct compiler *c, struct span name);
/* Names of virtual fields that no record can hold itself: "@host" …, "@time". */
struct span compile_entity_field(int entity);
#define COMPILE_TIME_FIELD SPAN("@time")

/* ---- compile_views.c ---- */
/* Number of the view for a source (NULL: none), its views that hold for these categories, and an
 * also (or NULL). */
uint32_t compile_view(struct compiler *c, const struct source *source, struct span_list categories,
                      const struct src_also *also);
/* Writes all views asked for into the region. */
void compile_pack_views(struct compiler *c);
/* Derived values of an also. */
int compile_derive(struct compiler *c, const struct src_also *also, const struct norm_derive **out,
                   uint32_t *count_out);
/* The hidden node of a derived field. */
key_node compile_derived_node(struct compiler *c, const struct src_also *also, struct span field);

/* ---- compile_classes.c ---- */
class_id compile_class(struct compiler *c, struct span name, uint32_t view,
                       const struct logsource *sources, uint32_t nsources, field_id split,
                       class_id also, const struct norm_derive *derive, uint32_t nderive);
/* Both tables of a source. */
int compile_table(struct compiler *c, const struct source *s, struct norm_source *out);
int compile_declared(struct compiler *c);
/* Sources by name, for `like`; NULL when there is none. */
const struct source *compile_source(const struct compiler *c, struct span name);

struct span_list compile_copy_list(struct compiler *c, struct span_list list);
/* All nodes of the paths: a name that some source tells apart at the top of the record has two. */
struct node_list compile_nodes(struct compiler *c, struct span_list paths);

#endif
