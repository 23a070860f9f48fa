/* SPDX-License-Identifier: EUPL-1.2 */
/* See plan_kit.h. Linked into test programs only. */
#include "flow/detect/plan_kit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_read.h"

static int name_cmp(const void *x, const void *y)
{
    const struct span *a = x;
    const struct span *b = y;
    size_t n = a->len < b->len ? a->len : b->len;
    int c = memcmp(a->ptr, b->ptr, n);
    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

/* Paths of field f in class c: its own name, or those after "Field=". */
static uint32_t field_paths(struct keytable_builder *b, struct span name, const struct kit_class *c,
                            key_node *out, uint32_t room)
{
    if (c->hidden != NULL && span_eq(name, span_of(c->hidden))) {
        return 0;
    }
    struct span r = span_of(c->renamed);
    if (r.len <= name.len || !span_starts(r, name) || r.ptr[name.len] != '=') {
        out[0] = keytable_add(b, KEY_ROOT, name);
        return 1;
    }
    r = span_sub(r, name.len + 1, r.len);
    uint32_t n = 0;
    while (r.len > 0) {
        ptrdiff_t comma = span_find(r, ',');
        size_t len = comma < 0 ? r.len : (size_t)comma;
        CHECK(n < room);
        out[n++] = keytable_add(b, KEY_ROOT, span_sub(r, 0, len));
        r = span_sub(r, len + 1, r.len);
    }
    return n;
}

static struct view *make_view(struct kit *k, struct keytable_builder *b, const struct kit_class *c)
{
    struct view *v = arena_alloc(&k->arena, sizeof *v);
    uint32_t n = k->catalog.nfields;
    uint32_t *start = arena_calloc(&k->arena, n + 1, sizeof *start);
    key_node *nodes = arena_calloc(&k->arena, n * 4 + 4, sizeof *nodes);
    for (uint32_t f = 0; f < n; f++) {
        start[f + 1] = start[f] + field_paths(b, k->catalog.fields[f], c, nodes + start[f], 4);
    }
    v->start = start;
    v->nodes = nodes;
    for (unsigned i = 0; i < ENTITY_COUNT; i++) {
        v->entities[i] = FIELD_NONE;
    }
    for (unsigned i = 0; i < ARRAY_LEN(v->times); i++) {
        v->times[i] = FIELD_NONE;
    }
    return v;
}

static class_id class_by_name(const struct kit_class *classes, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n && name != NULL; i++) {
        if (strcmp(classes[i].name, name) == 0) {
            return i;
        }
    }
    return CLASS_NONE;
}

static void make_fields(struct kit *k, const char *const *fields)
{
    uint32_t n = 0;
    while (fields[n] != NULL) {
        n++;
    }
    struct span *names = arena_calloc(&k->arena, n + 1, sizeof *names);
    for (uint32_t i = 0; i < n; i++) {
        names[i] = span_of(fields[i]);
    }
    qsort(names, n, sizeof *names, name_cmp);
    k->catalog.fields = names;
    k->catalog.nfields = n;
}

void kit_init(struct kit *k, const char *const *fields, const struct kit_class *classes,
              uint32_t nclasses)
{
    memset(k, 0, sizeof *k);
    arena_init(&k->arena, 0);
    make_fields(k, fields);
    struct keytable_builder *b = keytable_builder_new();
    CHECK(nclasses <= KIT_CLASSES_MAX);
    struct event_class *out = arena_calloc(&k->arena, nclasses, sizeof *out);
    for (uint32_t i = 0; i < nclasses; i++) {
        struct logsource *s = arena_calloc(&k->arena, classes[i].nsources, sizeof *s);
        memcpy(s, classes[i].sources, classes[i].nsources * sizeof *s);
        out[i] = (struct event_class){
            .name = span_of(classes[i].name),
            .view = make_view(k, b, &classes[i]),
            .sources = s,
            .nsources = classes[i].nsources,
            .split = classes[i].split == NULL ? FIELD_NONE
                                              : catalog_field(&k->catalog, span_of(classes[i].split)),
            .also = class_by_name(classes, nclasses, classes[i].also),
        };
    }
    k->catalog.classes = out;
    k->catalog.nclasses = nclasses;
    k->catalog.keys = keytable_pack(b, &k->arena);
    keytable_builder_free(&b);
    k->set = mem_alloc(sizeof *k->set);
    arena_init(&k->set->arena, 0);
    event_init(&k->ev, &k->catalog);
}

void kit_fini(struct kit *k)
{
    matcher_free(&k->m);
    event_fini(&k->ev);
    arena_fini(&k->set->arena);
    vec_free(&k->set->rules);
    mem_free(k->set);
    arena_fini(&k->arena);
    if (k->region_bytes != NULL) {
        MUST(munmap(k->region_bytes, KIT_REGION_BYTES));
    }
}

struct sigma_rule *kit_rule(struct kit *k, const char *id, struct logsource source,
                            const struct sigma_node *root)
{
    struct sigma_rule *r = arena_alloc(&k->arena, sizeof *r);
    r->id = span_of(arena_strdup(&k->arena, id));
    r->title = r->id;
    r->logsource = source;
    r->root = root;
    vec_push(&k->set->rules, r);
    return r;
}

const struct sigma_node *kit_join(struct kit *k, enum sigma_node_kind kind,
                                  const struct sigma_node *const *kids, uint32_t n)
{
    struct sigma_node *out = arena_alloc(&k->arena, sizeof *out);
    out->kind = kind;
    out->nkids = n;
    out->kids = arena_calloc(&k->arena, n, sizeof *out->kids);
    for (uint32_t i = 0; i < n; i++) {
        out->kids[i] = kids[i];
    }
    return out;
}

const struct sigma_node *kit_and(struct kit *k, const struct sigma_node *a,
                                 const struct sigma_node *b)
{
    return kit_join(k, NODE_AND, (const struct sigma_node *const[]){a, b}, 2);
}

const struct sigma_node *kit_or(struct kit *k, const struct sigma_node *a, const struct sigma_node *b)
{
    return kit_join(k, NODE_OR, (const struct sigma_node *const[]){a, b}, 2);
}

const struct sigma_node *kit_not(struct kit *k, const struct sigma_node *a)
{
    return kit_join(k, NODE_NOT, &a, 1);
}

const struct sigma_node *kit_named(struct kit *k, const char *selection, const struct sigma_node *a)
{
    struct sigma_node *out = arena_alloc(&k->arena, sizeof *out);
    *out = *a;
    out->selection = span_of(selection);
    return out;
}

struct sigma_pred *kit_pred(struct kit *k, enum sigma_pred_kind kind, const char *field,
                            const struct sigma_node **node_out)
{
    struct sigma_pred *p = arena_alloc(&k->arena, sizeof *p);
    struct sigma_node *n = arena_alloc(&k->arena, sizeof *n);
    p->kind = kind;
    p->field = span_of(field);
    n->kind = NODE_PRED;
    n->pred = p;
    *node_out = n;
    return p;
}

const struct sigma_node *kit_string_span(struct kit *k, const char *field, struct span pattern,
                                         bool cased)
{
    const struct sigma_node *node;
    struct sigma_pred *p = kit_pred(k, PRED_STRING, field, &node);
    struct sigma_part *parts = arena_calloc(&k->arena, pattern.len + 1, sizeof *parts);
    char *text = arena_bytes(&k->arena, pattern.len + 1);
    p->cased = cased;
    p->parts = parts;
    p->written = arena_copy(&k->arena, pattern);
    size_t len = 0;
    for (size_t i = 0; i <= pattern.len; i++) {
        bool wild = i < pattern.len && (pattern.ptr[i] == '*' || pattern.ptr[i] == '?');
        if (len > 0 && (wild || i == pattern.len)) {
            char *out = arena_bytes(&k->arena, utf8_fold_room(len));
            size_t n = cased ? len : utf8_fold(span_make(text, len), out);
            if (cased) {
                memcpy(out, text, len);
            }
            parts[p->nparts++] = (struct sigma_part){PART_LITERAL, span_make(out, n)};
            len = 0;
        }
        if (wild) {
            parts[p->nparts++].kind = pattern.ptr[i] == '*' ? PART_ANY : PART_ONE;
        } else if (i < pattern.len) {
            i += pattern.ptr[i] == '\\' && i + 1 < pattern.len ? 1 : 0;
            text[len++] = pattern.ptr[i];
        }
    }
    return node;
}

const struct sigma_node *kit_string(struct kit *k, const char *field, const char *pattern)
{
    return kit_string_span(k, field, span_of(pattern), false);
}

const struct sigma_node *kit_regex(struct kit *k, const char *field, const char *pattern,
                                   unsigned flags)
{
    const struct sigma_node *node;
    struct sigma_pred *p = kit_pred(k, PRED_REGEX, field, &node);
    p->regex = span_of(arena_strdup(&k->arena, pattern));
    p->written = p->regex;
    p->regex_flags = flags;
    return node;
}

const struct sigma_node *kit_cidr(struct kit *k, const char *field, const char *net)
{
    const struct sigma_node *node;
    struct sigma_pred *p = kit_pred(k, PRED_CIDR, field, &node);
    char *addr = mem_strdup(net);
    char *slash = strchr(addr, '/');
    CHECK(slash != NULL);
    *slash = '\0';
    bool v6 = strchr(addr, ':') != NULL;
    CHECK(inet_pton(v6 ? AF_INET6 : AF_INET, addr, p->addr) == 1);
    p->addr_len = v6 ? 16 : 4;
    p->prefix = (uint8_t)strtoul(slash + 1, NULL, 10);
    p->written = span_of(arena_strdup(&k->arena, net));
    mem_free(addr);
    return node;
}

void kit_compile(struct kit *k, const struct ruleset_options *options)
{
    struct err e = {0};
    if (k->region_bytes == NULL) {
        k->region_bytes = mmap(NULL, KIT_REGION_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(k->region_bytes != MAP_FAILED);
    }
    matcher_free(&k->m);
    arena_init_region(&k->region, k->region_bytes, KIT_REGION_BYTES);
    MUST(ruleset_compile(k->set, &k->catalog, &k->region, options, &k->rs, &e));
    k->m = matcher_new(k->rs, &k->catalog, &e);
    CHECK(k->m != NULL);
}

struct event *kit_event(struct kit *k, struct span json, class_id cls)
{
    struct err e = {0};
    event_clear(&k->ev);
    MUST(json_read(&k->ev.leaves, k->catalog.keys, KEY_ROOT, json, &e));
    k->ev.raw = json;
    k->ev.class_id = cls;
    event_use_class(&k->ev, cls);
    return &k->ev;
}

bool kit_matches(struct kit *k, struct event *ev, uint32_t rule)
{
    const struct match *found;
    uint32_t n = matcher_run(k->m, ev, &found);
    for (uint32_t i = 0; i < n; i++) {
        if (found[i].rule == rule) {
            return true;
        }
    }
    return false;
}

bool kit_reference(struct kit *k, struct event *ev, uint32_t rule)
{
    const struct sigma_rule *r = k->set->rules.data[rule];
    /* The first class of the chain that the rule applies to is the one it is tried on. */
    for (class_id c = ev->class_id; c != CLASS_NONE; c = k->catalog.classes[c].also) {
        const struct event_class *ec = &k->catalog.classes[c];
        for (uint32_t i = 0; i < ec->nsources; i++) {
            if (logsource_applies(&r->logsource, &ec->sources[i])) {
                bool ok = reference_match(r, &k->catalog, ev, c);
                event_use_class(ev, ev->class_id);
                return ok;
            }
        }
    }
    return false;
}
