/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * For tests of the planner and the matcher: rules built by hand, a small catalog, events from JSON text. Test programs
 * only; nothing here knows how matching works.
 */
#ifndef FLOW_DETECT_PLAN_KIT_H
#define FLOW_DETECT_PLAN_KIT_H

#include "event/event.h"
#include "flow/detect/ruleset.h"
#include "flow/detect/sigma.h"

enum { KIT_REGION_BYTES = 256 * 1024 * 1024, KIT_CLASSES_MAX = 256 };

struct kit_class {
    const char *name;
    struct logsource sources[3];
    uint32_t nsources;
    const char *split;   /* field or NULL */
    const char *also;    /* name of a later class or NULL */
    const char *hidden;  /* a field that no path of this class's view fills, or NULL */
    const char *renamed; /* "Field=path,path": paths of a field, in order of preference, or NULL */
};

struct kit {
    struct arena arena;      /* catalog, rules */
    struct catalog catalog;
    struct sigma_set *set;
    void *region_bytes;
    struct arena region;
    const struct ruleset *rs;
    struct matcher *m;
    struct event ev;
};

/* fields: names ended by NULL, in any order. */
void kit_init(struct kit *k, const char *const *fields, const struct kit_class *classes, uint32_t nclasses);
void kit_fini(struct kit *k);

/* Rule with this log source; number in matches = order of adding. */
struct sigma_rule *kit_rule(struct kit *k, const char *id, struct logsource source, const struct sigma_node *root);
const struct sigma_node *kit_join(struct kit *k, enum sigma_node_kind kind, const struct sigma_node *const *kids, uint32_t n);
const struct sigma_node *kit_and(struct kit *k, const struct sigma_node *a, const struct sigma_node *b);
const struct sigma_node *kit_or(struct kit *k, const struct sigma_node *a, const struct sigma_node *b);
const struct sigma_node *kit_not(struct kit *k, const struct sigma_node *a);
const struct sigma_node *kit_named(struct kit *k, const char *selection, const struct sigma_node *a);
/* Leaf whose pred is filled by the caller. */
struct sigma_pred *kit_pred(struct kit *k, enum sigma_pred_kind kind, const char *field, const struct sigma_node **node_out);
/* String: pattern with * and ?, "\" escapes the next byte; folded unless cased. */
const struct sigma_node *kit_string(struct kit *k, const char *field, const char *pattern);
const struct sigma_node *kit_string_span(struct kit *k, const char *field, struct span pattern, bool cased);
const struct sigma_node *kit_regex(struct kit *k, const char *field, const char *pattern, unsigned flags);
const struct sigma_node *kit_cidr(struct kit *k, const char *field, const char *net);

/* Compiles the rules added so far and makes a matcher. */
void kit_compile(struct kit *k, const struct ruleset_options *options);
/* The event of this JSON text, in class `cls`; the text must stay. */
struct event *kit_event(struct kit *k, struct span json, class_id cls);
/* Whether rule `rule` is among the matches of the matcher; the whole chain. */
bool kit_matches(struct kit *k, struct event *ev, uint32_t rule);
/* The same by the plain evaluator over the chain of the event's class. */
bool kit_reference(struct kit *k, struct event *ev, uint32_t rule);

#endif
