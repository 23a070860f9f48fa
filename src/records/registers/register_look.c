/* SPDX-License-Identifier: EUPL-1.2 */
/* What computed fields look at in records of other kinds: whether it is there, and how it is kept. See register.h. */
#include "base/num.h"
#include "records/registers/register_priv.h"

/* ---- the files ---- */

enum { LOOK_WAY_MAX = REGISTER_KINDS_MAX }; /* steps of a way that is told */

/* The field behind an i-th path of f that leads to another kind, or NULL; *to: the other kind. */
static const struct register_field *behind(const struct registers *all, const struct register_kind *k, const struct register_field *f, uint32_t i,
                                           const struct register_kind **to)
{
    struct span names[EXPR_PATH_MAX];
    uint32_t n = expr_path(f->computed, i, names);
    int at = register_field_of(k, names[0]);
    *to = at < 0 || k->fields[at].ref.len == 0 ? NULL : registers_any(all, k->fields[at].ref);
    int field = *to == NULL || n != 2 ? -1 : register_field_of(*to, names[1]);
    return field < 0 ? NULL : &(*to)->fields[field];
}

/* What f looks at that looks at others itself, and so on: as far as the way goes, or until it comes back to where it was. */
static const char *way_of(struct arena *a, const struct registers *all, const struct register_kind *k, const struct register_field *f)
{
    const struct register_field *first = f;
    const char *text = arena_printf(a, "%.*s.%.*s", SPAN_ARG(k->name), SPAN_ARG(f->name));
    for (uint32_t step = 0; step < LOOK_WAY_MAX; step++) {
        const struct register_kind *to = NULL;
        const struct register_field *next = NULL;
        for (uint32_t p = 0; p < expr_paths(f->computed) && (next == NULL || next->through == 0); p++) {
            next = behind(all, k, f, p, &to);
        }
        if (next == NULL || next->through == 0) {
            break;
        }
        text = arena_printf(a, "%s -> %.*s.%.*s", text, SPAN_ARG(to->name), SPAN_ARG(next->name));
        if (next == first) {
            break;
        }
        k = to;
        f = next;
    }
    return text;
}

/* One look; why it cannot be, or NULL. */
static const char *look(struct arena *a, const struct registers *all, struct register_kind *k, const struct register_field *f, uint32_t path)
{
    struct span names[EXPR_PATH_MAX];
    const struct register_kind *to = NULL;
    const struct register_field *other = behind(all, k, f, path, &to);
    uint32_t n = expr_path(f->computed, path, names);
    if (to == NULL || n != 2) {
        return NULL; /* a field of its own */
    }
    bool state = span_eq(names[1], REGISTER_KEY_STATE);
    if (other != NULL && other->through != 0) {
        return arena_printf(a, "looks at what looks at other records itself: %s", way_of(a, all, k, f));
    }
    if (!state && (other == NULL || other->index == INDEX_NONE || other->pii != PII_NONE)) {
        return arena_printf(a, "%.*s.%.*s is no field of %.*s with x-index, nor its state, or says something of a person", SPAN_ARG(names[0]), SPAN_ARG(names[1]),
                            SPAN_ARG(to->name));
    }
    const struct register_look l = {(uint32_t)register_field_of(k, names[0]), arena_copy(a, names[1]), state ? INDEX_TEXT : other->index};
    for (uint32_t i = 0; i < k->nlooks; i++) {
        if (k->looks[i].ref == l.ref && span_eq(k->looks[i].name, l.name)) {
            return NULL;
        }
    }
    if (k->nlooks == REGISTER_LOOKS_MAX) {
        return "one kind looks at up to 8 values of other records";
    }
    k->looks[k->nlooks++] = l;
    return NULL;
}

const char *register_looks_wrong(struct arena *a, const struct registers *all, struct register_kind *k)
{
    k->nlooks = 0;
    for (uint32_t i = 0; i < k->nfields; i++) {
        const struct register_field *f = &k->fields[i];
        for (uint32_t p = 0; f->through != 0 && p < expr_paths(f->computed); p++) {
            const char *why = look(a, all, k, f, p);
            if (why != NULL) {
                return arena_printf(a, "/properties/%.*s/x-computed: %s", SPAN_ARG(f->name), why);
            }
        }
    }
    return NULL;
}

/* ---- what was looked at ---- */

struct jcs *register_key_value(struct arena *a, enum register_index index, struct span key)
{
    uint64_t n = 0;
    if (key.len == 0 || index == INDEX_NONE) {
        return NULL;
    }
    if (index == INDEX_TEXT) {
        return jcs_new_text(a, arena_copy(a, key));
    }
    if (!num_u64(key, &n)) {
        return NULL;
    }
    int64_t number = (int64_t)(n ^ (UINT64_C(1) << 63));
    const struct expr_value v = {.kind = EXPR_NUMBER, .number = number};
    if (index == INDEX_DECIMAL) {
        return expr_as(a, &v, SPAN("number"));
    }
    return number > JCS_INT_MAX || number < -JCS_INT_MAX ? NULL : jcs_new_int(a, number);
}
