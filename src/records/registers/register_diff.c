/* SPDX-License-Identifier: EUPL-1.2 */
/* Two files of one kind, compared: see register_diff.h. */
#include "records/registers/register_diff.h"

const char *register_change_word(enum register_change_what what)
{
    static const char *const words[] = {
#define CHANGE(name, word) [CHANGE_##name] = (word),
#include "records/registers/changes.def"
#undef CHANGE
    };
    CHECK((unsigned)what < ARRAY_LEN(words));
    return words[what];
}

static void add(struct register_diff *d, enum register_change_what what, struct span name, struct span was, struct span how)
{
    CHECK(d->count < REGISTER_CHANGES_MAX);
    d->list[d->count++] = (struct register_change){what, name, was, how};
}

int register_diff_state(const struct register_diff *d, struct span id)
{
    return register_state_ever(d->after, id);
}

bool register_diff_renames(const struct register_diff *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->list[i].what == CHANGE_FIELD_RENAMED || d->list[i].what == CHANGE_STATE_RENAMED || d->list[i].what == CHANGE_KIND_RENAMED) {
            return true;
        }
    }
    return false;
}

/* ---- documents ---- */

static const struct jcs *document(struct arena *a, const struct register_kind *k)
{
    struct jcs *doc = NULL;
    MUST(jcs_read_decimals(a, k->document, JCS_DEPTH_MAX, &doc, NULL)); /* the kind's reader wrote it */
    return doc;
}

static bool same(struct arena *a, const struct jcs *x, const struct jcs *y)
{
    return x == NULL || y == NULL ? x == y : span_eq(jcs_text(a, x), jcs_text(a, y));
}

/* Keywords of two maps that differ, but for `but`. */
static struct span differing(struct arena *a, const struct jcs *x, const struct jcs *y, const char *but)
{
    const char *list = "";
    for (int side = 0; side < 2; side++) {
        const struct jcs *from = side == 0 ? x : y;
        for (const struct jcs *m = from == NULL ? NULL : from->first; m != NULL; m = m->next) {
            const char *key = arena_cstr(a, m->key);
            bool again = side == 1 && jcs_get(x, key) != NULL;
            if (!again && !span_eq(m->key, span_of(but)) && !same(a, jcs_get(x, key), jcs_get(y, key))) {
                list = arena_printf(a, "%s%s%s", list, list[0] == '\0' ? "" : " ", key);
            }
        }
    }
    return span_of(list);
}

/* ---- fields ---- */

/* Place in `before` of the field that one of today was, or -1. */
static int field_before(const struct register_diff *d, const struct register_field *f)
{
    int at = register_field_of(d->before, f->name);
    for (uint32_t i = 0; at < 0 && i < f->was.count; i++) {
        at = register_field_of(d->before, f->was.names[i]);
    }
    return at;
}

int register_diff_field(const struct register_diff *d, struct span name)
{
    int was = register_field_of(d->before, name);
    int at = was < 0 ? register_field_of(d->after, name) : register_field_ever(d->after, name);
    return at >= 0 && was >= 0 && field_before(d, &d->after->fields[at]) != was ? -1 : at; /* of two names that it had one field goes along */
}

static void compare_field(struct arena *a, struct register_diff *d, const struct jcs *before, const struct jcs *after, const struct register_field *f)
{
    int at = field_before(d, f);
    if (at < 0) {
        add(d, CHANGE_FIELD_ADDED, f->name, SPAN(""), SPAN(""));
        return;
    }
    const struct register_field *old = &d->before->fields[at];
    struct span how = differing(a, jcs_get(before, arena_cstr(a, old->name)), jcs_get(after, arena_cstr(a, f->name)), "x-was");
    if (!span_eq(old->name, f->name)) {
        add(d, CHANGE_FIELD_RENAMED, f->name, old->name, SPAN(""));
    }
    if (old->required != f->required) {
        how = span_of(arena_printf(a, "%.*s%srequired", SPAN_ARG(how), how.len > 0 ? " " : ""));
    }
    if (how.len > 0) {
        add(d, CHANGE_FIELD_CHANGED, f->name, SPAN(""), how);
    }
}

static void compare_fields(struct arena *a, struct register_diff *d, const struct jcs *before, const struct jcs *after)
{
    struct jcs *defaults = jcs_new_object(a);
    const struct jcs *old = jcs_get_object(before, "properties");
    const struct jcs *today = jcs_get_object(after, "properties");
    for (uint32_t i = 0; i < d->after->nfields; i++) {
        const struct register_field *f = &d->after->fields[i];
        const char *name = arena_cstr(a, f->name);
        const struct jcs *value = jcs_get(jcs_get(today, name), "default");
        compare_field(a, d, old, today, f);
        if (f->required && value != NULL) {
            jcs_set(a, defaults, name, jcs_copy(a, value));
        }
    }
    for (uint32_t i = 0; i < d->before->nfields; i++) {
        if (register_diff_field(d, d->before->fields[i].name) < 0) {
            add(d, CHANGE_FIELD_GONE, d->before->fields[i].name, SPAN(""), SPAN(""));
        }
    }
    d->defaults = defaults;
}

/* ---- states, and the rest of the file ---- */

static void compare_states(struct register_diff *d)
{
    for (uint32_t i = 0; i < d->after->nstates; i++) {
        const struct register_state *s = &d->after->states[i];
        bool there = register_state_of(d->before, s->id) >= 0;
        for (uint32_t n = 0; n < s->was.count; n++) { /* several may have become one */
            if (register_state_of(d->before, s->was.names[n]) >= 0) {
                add(d, CHANGE_STATE_RENAMED, s->id, s->was.names[n], SPAN(""));
                there = true;
            }
        }
        if (!there) {
            add(d, CHANGE_STATE_ADDED, s->id, SPAN(""), SPAN(""));
        }
    }
    for (uint32_t i = 0; i < d->before->nstates; i++) {
        if (register_state_ever(d->after, d->before->states[i].id) < 0) {
            add(d, CHANGE_STATE_GONE, d->before->states[i].id, SPAN(""), SPAN(""));
        }
    }
}

static void compare_rest(struct arena *a, struct register_diff *d, const struct jcs *before, const struct jcs *after)
{
    static const char *const told[] = {"properties", "required"};
    for (int side = 0; side < 2; side++) {
        const struct jcs *from = side == 0 ? before : after;
        for (const struct jcs *m = from->first; m != NULL; m = m->next) {
            const char *key = arena_cstr(a, m->key);
            bool passed = side == 1 && jcs_get(before, key) != NULL;
            for (size_t i = 0; i < ARRAY_LEN(told); i++) {
                passed = passed || span_eq(m->key, span_of(told[i]));
            }
            if (!passed && d->count < REGISTER_CHANGES_MAX && !same(a, jcs_get(before, key), jcs_get(after, key))) {
                add(d, CHANGE_REST_CHANGED, m->key, SPAN(""), SPAN(""));
            }
        }
    }
}

void register_diff(struct arena *a, const struct register_kind *before, const struct register_kind *after, struct register_diff *out)
{
    *out = (struct register_diff){.before = before, .after = after, .defaults = jcs_new_object(a)};
    if (before == NULL || after == NULL) {
        add(out, before == NULL ? CHANGE_KIND_ADDED : CHANGE_KIND_GONE, before == NULL ? after->name : before->name, SPAN(""), SPAN(""));
        return;
    }
    const struct jcs *old = document(a, before);
    const struct jcs *today = document(a, after);
    if (!span_eq(before->name, after->name)) {
        add(out, CHANGE_KIND_RENAMED, after->name, before->name, SPAN(""));
    }
    compare_fields(a, out, old, today);
    compare_states(out);
    compare_rest(a, out, old, today);
}

/* ---- a record ---- */

struct jcs *register_diff_carry(struct arena *a, const struct register_diff *d, const struct jcs *fields, bool *renamed_out)
{
    struct jcs *out = jcs_new_object(a);
    *renamed_out = false;
    for (int pass = 0; pass <= 1; pass++) { /* what is renamed comes first: in place of what an earlier file left under that name */
        for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
            int at = register_field_of(d->before, m->key) < 0 ? -1 : register_diff_field(d, m->key);
            struct span name = at < 0 ? m->key : d->after->fields[at].name;
            bool is_renamed = !span_eq(name, m->key);
            if (is_renamed == (pass == 0) && jcs_get(out, arena_cstr(a, name)) == NULL) {
                jcs_set(a, out, arena_cstr(a, name), jcs_copy(a, m));
                *renamed_out = *renamed_out || is_renamed;
            }
        }
    }
    return out;
}

struct jcs *register_diff_fill(struct arena *a, const struct register_diff *d, const struct jcs *fields, bool *filled_out)
{
    struct jcs *out = jcs_copy(a, fields);
    *filled_out = false;
    for (const struct jcs *m = d->defaults->first; m != NULL; m = m->next) {
        const char *name = arena_cstr(a, m->key);
        if (jcs_get(fields, name) == NULL) {
            jcs_set(a, out, name, jcs_copy(a, m));
            *filled_out = true;
        }
    }
    return out;
}

struct jcs *register_diff_known(struct arena *a, const struct register_kind *k, const struct jcs *fields)
{
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int at = register_field_of(k, m->key);
        if (at >= 0 && k->fields[at].computed == NULL) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    return out;
}
