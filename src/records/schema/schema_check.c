/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks a value against a schema: see schema.h. Every path ends: a step counter and a depth stop what is too much, and
 * what was stopped is refused, whatever the schema says (a `not` around it too).
 */
#include "base/utf8.h"
#include "records/schema/schema_priv.h"

struct run {
    struct arena *a;
    struct schema_result *out;
    uint32_t steps; /* left */
    unsigned depth;
    unsigned quiet; /* > 0: within an alternative; its faults are not told */
    bool over;
};

/* One value with the schema that is applied to it; seen: its members that were evaluated, NULL for what is no object. */
struct visit {
    const struct schema *s;
    const struct jcs *v;
    const struct schema_place *at;
    bool *seen;
    bool good;
};

static void fault(struct run *r, struct visit *x, enum schema_reason reason, struct span limit)
{
    x->good = false;
    if (r->quiet > 0) {
        return;
    }
    r->out->count++;
    if (r->out->kept >= SCHEMA_FAULTS_MAX) {
        return;
    }
    struct buf b;
    buf_init(&b, SCHEMA_POINTER_MAX);
    schema_pointer(&b, x->at);
    struct schema_fault *f = &r->out->list[r->out->kept++];
    f->pointer = arena_copy(r->a, buf_view(&b));
    f->reason = reason;
    f->limit = arena_copy(r->a, limit);
    buf_free(&b);
}

static void fault_number(struct run *r, struct visit *x, enum schema_reason reason, int64_t limit)
{
    fault(r, x, reason, r->quiet > 0 ? SPAN("") : span_of(arena_printf(r->a, "%lld", (long long)limit)));
}

static void fault_value(struct run *r, struct visit *x, enum schema_reason reason, const struct jcs *limit)
{
    fault(r, x, reason, r->quiet > 0 ? SPAN("") : jcs_text(r->a, limit));
}

static bool apply(struct run *r, const struct schema *s, const struct jcs *v, const struct schema_place *at, bool *seen);

/* Applies without telling; an alternative. */
static bool fits(struct run *r, const struct schema *s, const struct visit *x, bool *seen)
{
    r->quiet++;
    bool good = apply(r, s, x->v, x->at, seen);
    r->quiet--;
    return good;
}

static uint32_t type_of(const struct jcs *v)
{
    switch (v->kind) {
    case JCS_NULL:
        return TYPE_NULL;
    case JCS_BOOL:
        return TYPE_BOOLEAN;
    case JCS_INT:
        return TYPE_INTEGER | TYPE_NUMBER;
    case JCS_DECIMAL:
        return TYPE_NUMBER;
    case JCS_TEXT:
        return TYPE_STRING;
    case JCS_ARRAY:
        return TYPE_ARRAY;
    case JCS_OBJECT:
        break;
    }
    return TYPE_OBJECT;
}

static struct span type_names(struct run *r, uint32_t types)
{
    static const char *const names[] = {"null", "boolean", "object", "array", "number", "string", "integer"};
    struct buf b;
    buf_init(&b, 128);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((types >> i & 1) != 0) {
            buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", names[i]);
        }
    }
    struct span s = arena_copy(r->a, buf_view(&b));
    buf_free(&b);
    return s;
}

static bool equal(struct run *r, const struct jcs *a, const struct jcs *b)
{
    bool same = schema_equal(a, b, &r->steps);
    r->over = r->over || r->steps == 0;
    return same;
}

static void check_any(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    if (s->types != 0 && (s->types & type_of(x->v)) == 0) {
        fault(r, x, SCHEMA_TYPE, r->quiet > 0 ? SPAN("") : type_names(r, s->types));
    }
    if (s->constant != NULL && !equal(r, s->constant, x->v)) {
        fault_value(r, x, SCHEMA_CONST, s->constant);
    }
    if (s->nvalues > 0) {
        bool found = false;
        for (uint32_t i = 0; i < s->nvalues && !found; i++) {
            found = equal(r, s->values[i], x->v);
        }
        if (!found) {
            fault(r, x, SCHEMA_ENUM, SPAN(""));
        }
    }
}

static void check_number(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    if (s->multiple != NULL && !schema_is_multiple(x->v, s->multiple)) {
        fault_value(r, x, SCHEMA_MULTIPLE, s->multiple);
    }
    if (s->minimum != NULL && schema_compare_numbers(x->v, s->minimum) < 0) {
        fault_value(r, x, SCHEMA_MINIMUM, s->minimum);
    }
    if (s->maximum != NULL && schema_compare_numbers(x->v, s->maximum) > 0) {
        fault_value(r, x, SCHEMA_MAXIMUM, s->maximum);
    }
    if (s->above != NULL && schema_compare_numbers(x->v, s->above) <= 0) {
        fault_value(r, x, SCHEMA_ABOVE, s->above);
    }
    if (s->below != NULL && schema_compare_numbers(x->v, s->below) >= 0) {
        fault_value(r, x, SCHEMA_BELOW, s->below);
    }
}

/* Characters, not bytes. */
static int64_t length_of(struct span s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return n;
}

static void check_text(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    bool over = false;
    int64_t n = s->min_length >= 0 || s->max_length >= 0 ? length_of(x->v->text) : 0;
    if (s->min_length >= 0 && n < s->min_length) {
        fault_number(r, x, SCHEMA_SHORT, s->min_length);
    }
    if (s->max_length >= 0 && n > s->max_length) {
        fault_number(r, x, SCHEMA_LONG, s->max_length);
    }
    if (s->pattern != NULL && !schema_pattern_found(s->pattern, x->v->text, &over)) {
        fault(r, x, SCHEMA_PATTERN, s->pattern_text);
    }
    r->over = r->over || over;
    if (s->format != NULL && !s->format->fits(x->v->text)) {
        fault(r, x, SCHEMA_FORMAT, span_of(s->format->name));
    }
}

static void check_unique(struct run *r, struct visit *x)
{
    for (const struct jcs *a = x->v->first; a != NULL && !r->over; a = a->next) {
        for (const struct jcs *b = a->next; b != NULL && !r->over; b = b->next) {
            if (equal(r, a, b)) {
                fault_value(r, x, SCHEMA_TWICE, a);
                return;
            }
        }
    }
}

static void check_array(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    if (s->min_items >= 0 && x->v->count < s->min_items) {
        fault_number(r, x, SCHEMA_FEW_ITEMS, s->min_items);
    }
    if (s->max_items >= 0 && x->v->count > s->max_items) {
        fault_number(r, x, SCHEMA_MANY_ITEMS, s->max_items);
    }
    uint32_t i = 0;
    for (const struct jcs *item = x->v->first; item != NULL && !r->over; item = item->next, i++) {
        const struct schema *of = i < s->prefix.len ? s->prefix.items[i] : s->items;
        const struct schema_place here = {x->at, {NULL, 0}, i};
        if (of != NULL && !apply(r, of, item, &here, NULL)) {
            x->good = false;
        }
    }
    if (s->unique) {
        check_unique(r, x);
    }
}

static void check_required(struct run *r, struct visit *x, const struct schema_names *names, enum schema_reason reason)
{
    for (uint32_t i = 0; i < names->len; i++) {
        const struct jcs *m = x->v->first;
        while (m != NULL && !span_eq(m->key, names->items[i])) {
            m = m->next;
        }
        if (m == NULL) {
            fault(r, x, reason, names->items[i]);
        }
    }
}

static const struct schema *member_schema(const struct schema *s, struct span key)
{
    for (uint32_t i = 0; i < s->nmembers; i++) {
        if (span_eq(s->members[i].key, key)) {
            return s->members[i].schema;
        }
    }
    return NULL;
}

static bool has_member(const struct jcs *v, struct span key)
{
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        if (span_eq(m->key, key)) {
            return true;
        }
    }
    return false;
}

static void check_name(struct run *r, struct visit *x, const struct jcs *member)
{
    struct jcs name = {.kind = JCS_TEXT, .text = member->key};
    const struct visit of = {x->s->names, &name, x->at, NULL, true};
    if (!fits(r, x->s->names, &of, NULL)) {
        fault(r, x, SCHEMA_NAME, member->key);
    }
}

static void check_member(struct run *r, struct visit *x, const struct jcs *m, bool *seen)
{
    const struct schema *of = member_schema(x->s, m->key);
    const struct schema_place here = {x->at, m->key.ptr == NULL ? SPAN("") : m->key, 0};
    of = of == NULL ? x->s->additional : of;
    if (of == NULL) {
        return;
    }
    *seen = true;
    if (of->always == SCHEMA_NEVER_FITS && of == x->s->additional) {
        struct visit member = {of, m, &here, NULL, true};
        fault(r, &member, SCHEMA_UNKNOWN, m->key);
        x->good = false;
    } else if (!apply(r, of, m, &here, NULL)) {
        x->good = false;
    }
}

static void check_object(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    if (s->min_members >= 0 && x->v->count < s->min_members) {
        fault_number(r, x, SCHEMA_FEW_MEMBERS, s->min_members);
    }
    if (s->max_members >= 0 && x->v->count > s->max_members) {
        fault_number(r, x, SCHEMA_MANY_MEMBERS, s->max_members);
    }
    check_required(r, x, &s->required, SCHEMA_MISSING);
    for (uint32_t i = 0; i < s->ndependent; i++) {
        if (has_member(x->v, s->dependent[i].key)) {
            check_required(r, x, &s->dependent[i].names, SCHEMA_MISSING_WITH);
        }
    }
    uint32_t i = 0;
    for (const struct jcs *m = x->v->first; m != NULL && !r->over; m = m->next, i++) {
        if (s->names != NULL) {
            check_name(r, x, m);
        }
        check_member(r, x, m, &x->seen[i]);
    }
}

static void merge(const struct visit *x, const bool *seen)
{
    for (uint32_t i = 0; x->seen != NULL && i < x->v->count; i++) {
        x->seen[i] = x->seen[i] || seen[i];
    }
}

static bool *new_seen(struct run *r, const struct jcs *v)
{
    return v->kind == JCS_OBJECT ? arena_calloc(r->a, v->count, sizeof(bool)) : NULL;
}

/* What it evaluated counts where it fits. */
static bool applied(struct run *r, struct visit *x, const struct schema *s, bool quiet)
{
    bool *seen = new_seen(r, x->v);
    bool good = quiet ? fits(r, s, x, seen) : apply(r, s, x->v, x->at, seen);
    if (good) {
        merge(x, seen);
    }
    return good;
}

/* "This or that must be there", and nothing else. */
static bool asks_for_members(const struct schema_list *any)
{
    bool only = any->len > 0;
    for (uint32_t i = 0; i < any->len && only; i++) {
        const struct schema *s = any->items[i];
        only = s->required.len > 0 && s->nmembers == 0 && s->all.len == 0 && s->any.len == 0 && s->one.len == 0 && s->not == NULL && s->when == NULL && s->reference == NULL;
    }
    return only;
}

static void check_combined(struct run *r, struct visit *x)
{
    const struct schema *s = x->s;
    uint32_t any = 0;
    uint32_t one = 0;
    for (uint32_t i = 0; i < s->all.len; i++) {
        x->good = applied(r, x, s->all.items[i], false) && x->good;
    }
    for (uint32_t i = 0; i < s->any.len; i++) {
        any += applied(r, x, s->any.items[i], true) ? 1 : 0; /* all of them: each may evaluate members */
    }
    for (uint32_t i = 0; i < s->one.len; i++) {
        one += applied(r, x, s->one.items[i], true) ? 1 : 0;
    }
    if (any == 0 && asks_for_members(&s->any)) {
        x->good = applied(r, x, s->any.items[0], false) && x->good; /* who is told the first one knows what to do */
    } else if ((s->any.len > 0 && any == 0) || (s->one.len > 0 && one == 0)) {
        fault(r, x, SCHEMA_NONE_FITS, SPAN(""));
    }
    if (one > 1) {
        fault(r, x, SCHEMA_SEVERAL_FIT, SPAN(""));
    }
    if (s->not != NULL && fits(r, s->not, x, new_seen(r, x->v))) {
        fault(r, x, SCHEMA_FITS, SPAN(""));
    }
    if (s->when != NULL) {
        const struct schema *next = applied(r, x, s->when, true) ? s->then : s->otherwise;
        x->good = (next == NULL || applied(r, x, next, false)) && x->good;
    }
    if (s->reference != NULL) {
        x->good = applied(r, x, s->reference, false) && x->good;
    }
}

static void check_unevaluated(struct run *r, struct visit *x)
{
    uint32_t i = 0;
    for (const struct jcs *m = x->v->first; m != NULL && !r->over; m = m->next, i++) {
        const struct schema_place here = {x->at, m->key.ptr == NULL ? SPAN("") : m->key, 0};
        if (x->seen[i]) {
            continue;
        }
        x->seen[i] = true;
        struct visit member = {x->s->unevaluated, m, &here, NULL, true};
        if (x->s->unevaluated->always == SCHEMA_NEVER_FITS) {
            fault(r, &member, SCHEMA_UNKNOWN, m->key);
            x->good = false;
        } else if (!apply(r, x->s->unevaluated, m, &here, NULL)) {
            x->good = false;
        }
    }
}

static bool apply(struct run *r, const struct schema *s, const struct jcs *v, const struct schema_place *at, bool *seen)
{
    struct visit x = {s, v, at, seen != NULL ? seen : new_seen(r, v), true};
    if (r->steps == 0 || r->depth >= SCHEMA_DEPTH_MAX) {
        r->over = true;
        return false;
    }
    if (s->always != SCHEMA_ASKS) {
        if (s->always == SCHEMA_NEVER_FITS) {
            fault(r, &x, SCHEMA_NEVER, SPAN(""));
        }
        return x.good;
    }
    /* Members cost too: an object is walked for each schema that is applied to it. */
    uint32_t cost = 1 + v->count;
    r->steps = r->steps > cost ? r->steps - cost : 0;
    r->depth++;
    check_any(r, &x);
    if (schema_is_number(v)) {
        check_number(r, &x);
    } else if (v->kind == JCS_TEXT) {
        check_text(r, &x);
    } else if (v->kind == JCS_ARRAY) {
        check_array(r, &x);
    } else if (v->kind == JCS_OBJECT) {
        check_object(r, &x);
    }
    check_combined(r, &x);
    if (s->unevaluated != NULL && x.seen != NULL && v->kind == JCS_OBJECT) {
        check_unevaluated(r, &x);
    }
    r->depth--;
    return x.good && !r->over;
}

void schema_check(const struct schema_file *file, const struct jcs *value, struct arena *a, struct schema_result *out)
{
    CHECK_OBJ(file, SCHEMA_MAGIC);
    *out = (struct schema_result){.list = arena_calloc(a, SCHEMA_FAULTS_MAX, sizeof *out->list)};
    struct run r = {.a = a, .out = out, .steps = SCHEMA_STEPS_MAX};
    out->valid = apply(&r, file->root, value, NULL, NULL);
    if (r.over) {
        struct visit x = {file->root, value, NULL, NULL, true};
        out->valid = false;
        out->kept -= out->kept == SCHEMA_FAULTS_MAX ? 1 : 0; /* this one is always told */
        fault(&r, &x, SCHEMA_TOO_MUCH, SPAN(""));
    }
    CHECK(out->valid == (out->count == 0));
}

const char *schema_reason_word(enum schema_reason reason)
{
    static const char *const words[] = {
#define REASON(name, word) word,
#include "records/schema/reasons.def"
#undef REASON
    };
    CHECK((unsigned)reason < SCHEMA_REASON_COUNT);
    return words[reason];
}
