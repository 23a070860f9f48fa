/* SPDX-License-Identifier: EUPL-1.2 */
/* x-constraints of a kind: what must hold over several of its records at once. What each says, and what refuses one. See register.h. */
#include "records/registers/register_priv.h"

struct reading {
    struct arena *a;
    struct register_kind *k;
    struct err *e;
    const char *place;
};

static int wrong(struct reading *r, const struct yaml_node *n, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "%s: %s", r->place, what);
    err_at(r->e, "", n->line);
    return ERR_INVALID;
}

/* A field of the kind, by the name that stands at `key`. */
static int read_one(struct reading *r, const struct yaml_node *map, const char *key, uint32_t *out)
{
    struct span name = SPAN("");
    int rc = yaml_get_text(map, key, true, &name, r->e);
    int place = rc == 0 ? register_field_of(r->k, name) : -1;
    *out = place < 0 ? 0 : (uint32_t)place;
    return rc == 0 && place < 0 ? wrong(r, map, "names a field that is not there") : rc;
}

/* Fields whose values lists know: by them records are told to be alike. */
static int read_alike(struct reading *r, const struct yaml_node *map, struct register_constraint *c)
{
    const struct span *names = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, "fields", true, &names, &n, r->e);
    if (rc == 0 && (n == 0 || n > REGISTER_ALIKE_MAX)) {
        return wrong(r, map, "fields are 1 to 4");
    }
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        int place = register_field_of(r->k, names[i]);
        const struct register_field *f = place < 0 ? NULL : &r->k->fields[place];
        if (f == NULL || f->many || (f->index == INDEX_NONE && f->ref.len == 0)) {
            return wrong(r, map, "fields are such that lists know (x-index), or that name one record (x-ref)");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (c->alike[j] == (uint32_t)place) {
                return wrong(r, map, "fields stand once");
            }
        }
        c->alike[c->nalike++] = (uint32_t)place;
    }
    return rc;
}

/* states: those in which it holds; nothing said = in all. */
static int read_states(struct reading *r, const struct yaml_node *map, struct register_constraint *c)
{
    const struct span *names = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, "states", false, &names, &n, r->e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        int place = register_state_of(r->k, names[i]);
        rc = place < 0 ? wrong(r, map, "states names a state that is not there") : 0;
        c->states |= rc == 0 ? 1u << place : 0;
    }
    c->states = n == 0 ? (1u << r->k->nstates) - 1 : c->states;
    return rc;
}

/* when: one field, and the words for which it holds. */
static int read_when(struct reading *r, const struct yaml_node *map, struct register_constraint *c)
{
    const struct yaml_node *when = yaml_get(map, "when");
    if (when == NULL) {
        return 0;
    }
    if (when->kind != YAML_MAP || when->len != 1) {
        return wrong(r, when, "when is one field with a list of words");
    }
    struct span name = when->pairs[0].key->text;
    int place = register_field_of(r->k, name);
    if (place < 0 || r->k->fields[place].index != INDEX_TEXT) {
        return wrong(r, when, "when names a field with x-index that is a text");
    }
    c->when = (uint32_t)place;
    int rc = yaml_get_texts(r->a, when, arena_cstr(r->a, name), true, &c->words, &c->nwords, r->e);
    return rc == 0 && (c->nwords == 0 || c->nwords > REGISTER_WORDS_MAX) ? wrong(r, when, "when has 1 to 16 words") : rc;
}

static bool word_is(const struct yaml_node *map, const char *key, const char *word)
{
    const struct yaml_node *n = yaml_get(map, key);
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(word));
}

/* Begin and end: times of the same sort, which lists know. */
static int read_times(struct reading *r, const struct yaml_node *root, const struct yaml_node *map, struct register_constraint *c)
{
    const char *formats[2] = {NULL, NULL};
    uint32_t *places[2] = {&c->from, &c->to};
    int rc = read_one(r, map, "from", &c->from);
    rc = rc == 0 ? read_one(r, map, "to", &c->to) : rc;
    for (int i = 0; i < 2 && rc == 0; i++) {
        const struct register_field *f = &r->k->fields[*places[i]];
        const struct yaml_node *schema = yaml_get(yaml_get(root, "properties"), arena_cstr(r->a, f->name));
        formats[i] = word_is(schema, "format", "date") ? "date" : word_is(schema, "format", "date-time") ? "date-time" : NULL;
        rc = formats[i] == NULL || f->index != INDEX_TEXT ? wrong(r, map, "from and to have format: date or date-time, and x-index") : 0;
    }
    c->days = rc == 0 && formats[0][4] == '\0';
    bool same = rc == 0 && (formats[0][4] == '\0') == (formats[1][4] == '\0');
    return rc == 0 && (!same || c->from == c->to) ? wrong(r, map, "from and to are two fields of the same format") : rc;
}

static int read_sum(struct reading *r, const struct yaml_node *map, struct register_constraint *c)
{
    int rc = read_one(r, map, "sum", &c->sum);
    rc = rc == 0 ? read_one(r, map, "within", &c->within) : rc;
    rc = rc == 0 ? yaml_get_text(map, "most", true, &c->most, r->e) : rc;
    if (rc == 0 && r->k->fields[c->sum].cell != CELL_NUMBER) {
        return wrong(r, map, "sum must be a number");
    }
    const struct register_field *f = &r->k->fields[c->within];
    return rc == 0 && (f->ref.len == 0 || f->many) ? wrong(r, map, "within must name one record (x-ref)") : rc;
}

/* The field by which they stand below one another. */
static int read_tree(struct reading *r, const struct yaml_node *map, struct register_constraint *c)
{
    int rc = read_one(r, map, "by", &c->by);
    rc = rc == 0 ? yaml_get_int(map, "levels", true, 2, REGISTER_LEVELS_MAX, &c->levels, r->e) : rc;
    const struct register_field *f = &r->k->fields[c->by];
    return rc == 0 && (f->many || !span_eq(f->ref, r->k->name)) ? wrong(r, map, "by must name one record of the same kind (x-ref)") : rc;
}

static int read_how(struct reading *r, const struct yaml_node *root, const struct yaml_pair *p, struct register_constraint *c)
{
    static const char *const words[] = {[CONSTRAINT_UNIQUE] = "unique_when", [CONSTRAINT_APART] = "no_overlap", [CONSTRAINT_SUM] = "sum_le",
                                        [CONSTRAINT_TREE] = "tree"};
    static const char *const keys[][8] = {[CONSTRAINT_UNIQUE] = {"fields", "states", "when", NULL},
                                          [CONSTRAINT_APART] = {"fields", "from", "to", "states", "when", NULL},
                                          [CONSTRAINT_SUM] = {"sum", "within", "most", "states", "when", NULL},
                                          [CONSTRAINT_TREE] = {"by", "levels", NULL}};
    const struct yaml_node *map = p->value;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!span_eq(p->key->text, span_of(words[i]))) {
            continue;
        }
        c->how = (enum register_how)i;
        int rc = yaml_expect(map, YAML_MAP, words[i], r->e);
        rc = rc == 0 ? yaml_known_keys(map, keys[i], r->e) : rc;
        rc = rc == 0 && c->how == CONSTRAINT_TREE ? read_tree(r, map, c) : rc;
        rc = rc == 0 && (c->how == CONSTRAINT_UNIQUE || c->how == CONSTRAINT_APART) ? read_alike(r, map, c) : rc;
        rc = rc == 0 && c->how == CONSTRAINT_APART ? read_times(r, root, map, c) : rc;
        rc = rc == 0 && c->how == CONSTRAINT_SUM ? read_sum(r, map, c) : rc;
        rc = rc == 0 ? read_states(r, map, c) : rc;
        return rc == 0 ? read_when(r, map, c) : rc;
    }
    return wrong(r, p->key, "is unique_when, no_overlap, sum_le or tree");
}

/* A sum in all states is changed by its two fields alone: who may write neither runs into nothing. */
static bool cannot_reach(const struct register_kind *k, const struct register_constraint *c, const struct record_role *role)
{
    uint64_t both = UINT64_C(1) << c->sum | UINT64_C(1) << c->within;
    bool always = c->states == (1u << k->nstates) - 1 && c->nwords == 0;
    return c->how == CONSTRAINT_SUM && always && ((role->hidden | role->fixed) & both) == both;
}

uint64_t register_constraint_fields(const struct register_constraint *c)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < c->nalike; i++) {
        bits |= UINT64_C(1) << c->alike[i];
    }
    bits |= c->nwords > 0 ? UINT64_C(1) << c->when : 0;
    bits |= c->how == CONSTRAINT_APART ? UINT64_C(1) << c->from | UINT64_C(1) << c->to : 0;
    bits |= c->how == CONSTRAINT_SUM ? UINT64_C(1) << c->sum | UINT64_C(1) << c->within : 0;
    bits |= c->how == CONSTRAINT_TREE ? UINT64_C(1) << c->by : 0;
    return bits;
}

static int check_rights(struct reading *r, const struct yaml_node *map, const struct register_constraint *c)
{
    if (c->how != CONSTRAINT_TREE && tlp_rank(r->k->tlp_max) > tlp_rank(TLP_AMBER_STRICT)) {
        return wrong(r, map, "needs x-tlp with max: AMBER+STRICT or looser: else one is refused for a record that he may not see");
    }
    for (uint32_t i = 0; i < r->k->rights.nroles; i++) {
        const struct record_role *role = &r->k->rights.role[i];
        if ((role->ops & ~(uint32_t)RECORD_READ) != 0 && (role->hidden & register_constraint_fields(c)) != 0 && !cannot_reach(r->k, c, role)) {
            return wrong(r, map, "speaks of a field that is hidden from a role that may write");
        }
    }
    return 0;
}

int register_read_constraints(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    struct reading r = {a, k, e, "/x-constraints"};
    const struct yaml_node *map = yaml_get(root, "x-constraints");
    if (map == NULL) {
        return 0;
    }
    if (map->kind != YAML_MAP || map->len == 0 || map->len > REGISTER_CONSTRAINTS_MAX) {
        return wrong(&r, map, "must be a map of 1 to 8 names");
    }
    k->constraints = arena_calloc(a, map->len, sizeof *k->constraints);
    for (uint32_t i = 0; i < map->len; i++) {
        struct register_constraint *c = &k->constraints[k->nconstraints++];
        const struct yaml_node *value = map->pairs[i].value;
        c->name = map->pairs[i].key->text;
        r.place = arena_printf(a, "/x-constraints/%.*s", SPAN_ARG(span_sub(c->name, 0, 80)));
        if (!register_name_fits(c->name)) {
            return wrong(&r, map->pairs[i].key, "is named by small letters, digits and _, at most 40");
        }
        if (value->kind != YAML_MAP || value->len != 1) {
            return wrong(&r, value, "is unique_when, no_overlap, sum_le or tree");
        }
        int rc = read_how(&r, root, &value->pairs[0], c);
        rc = rc == 0 ? check_rights(&r, value, c) : rc;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- over several kinds ---- */

/* Whether each role that may write this kind may read that field of the other: what it is refused for it can look up. c: NULL = of all. */
static bool roles_read(const struct register_kind *k, const struct register_constraint *c, const struct register_kind *other, uint32_t field)
{
    for (uint32_t i = 0; i < k->rights.nroles; i++) {
        const struct record_role *role = &k->rights.role[i];
        bool reads = (role->ops & ~(uint32_t)RECORD_READ) == 0 || (c != NULL && cannot_reach(k, c, role));
        for (uint32_t j = 0; j < other->rights.nroles; j++) {
            const struct record_role *there = &other->rights.role[j];
            reads = reads || (there->role == role->role && (there->hidden >> field & 1) == 0);
        }
        if (!reads) {
            return false;
        }
    }
    return true;
}

const char *register_sums_wrong(struct arena *a, const struct registers *all, const struct register_kind *k)
{
    for (uint32_t i = 0; i < k->nconstraints; i++) {
        const struct register_constraint *c = &k->constraints[i];
        if (c->how != CONSTRAINT_SUM) {
            continue;
        }
        const struct register_kind *other = registers_any(all, k->fields[c->within].ref);
        int most = other == NULL ? -1 : register_field_of(other, c->most);
        const char *why = most < 0 || other->fields[most].cell != CELL_NUMBER       ? "most must be a number of the record that within names"
                          : tlp_rank(other->tlp_max) > tlp_rank(TLP_AMBER_STRICT)   ? "the kind that within names needs max: AMBER+STRICT or looser"
                          : !roles_read(k, c, other, (uint32_t)most) || !roles_read(other, NULL, k, c->sum)
                              ? "a role that may write one of both kinds does not see the number of the other"
                              : NULL;
        if (why != NULL) {
            return arena_printf(a, "/x-constraints/%.*s: %s", SPAN_ARG(c->name), why);
        }
    }
    return NULL;
}
