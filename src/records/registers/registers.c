/* SPDX-License-Identifier: EUPL-1.2 */
/* All kinds of a node, and the keys by which lists know their records. See register.h. */
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "records/registers/profile.h"
#include "records/registers/register_due.h"
#include "records/registers/register_retention.h"
#include "records/registers/register_priv.h"

enum { REGISTERS_MAGIC = 0x72656773 };

struct registers {
    uint32_t magic;
    struct arena arena;
    struct register_kind kinds[REGISTER_KINDS_MAX];
    size_t nkinds;
    struct register_kind shown[REGISTER_KINDS_MAX]; /* copies of those that are on */
    size_t nshown;
    struct register_refusal refusals[REGISTER_FILES_MAX + REGISTER_KINDS_MAX];
    size_t nrefusals;
    struct profile profiles[PROFILES_MAX];
    size_t nprofiles;
};

static void refuse(struct registers *r, struct span file, uint32_t line, const char *why)
{
    if (r->nrefusals < ARRAY_LEN(r->refusals)) {
        r->refusals[r->nrefusals++] =
            (struct register_refusal){arena_copy(&r->arena, file), line, arena_copy(&r->arena, span_of(why))};
    }
}

void registers_refuse(struct registers *r, struct span file, uint32_t line, struct span why)
{
    struct arena a;
    CHECK_OBJ(r, REGISTERS_MAGIC);
    arena_init(&a, 0);
    refuse(r, file, line, arena_cstr(&a, why));
    arena_fini(&a);
}

static bool has_plural(const struct registers *r, struct span plural)
{
    for (size_t i = 0; i < r->nkinds; i++) {
        if (span_eq(r->kinds[i].plural, plural)) {
            return true;
        }
    }
    return false;
}

static void take(struct registers *r, const struct register_file *f)
{
    struct err e = {0};
    struct register_kind k;
    if (register_kind_read(&r->arena, f, &k, &e) != 0) {
        refuse(r, f->name, e.line, e.text);
        return;
    }
    if (r->nkinds == REGISTER_KINDS_MAX || registers_any(r, k.name) != NULL || has_plural(r, k.plural)) {
        refuse(r, f->name, 0, r->nkinds == REGISTER_KINDS_MAX ? "more than 96 kinds" : "/x-table: name or plural is taken by another file");
        register_kind_free(&k);
        return;
    }
    k.on = !span_starts(f->name, REGISTER_MORE);
    r->kinds[r->nkinds++] = k;
}

/* Kinds whose references lead nowhere go, and then those that referred to them, until all that are left fit. */
static void check_refs(struct registers *r)
{
    for (size_t i = 0; i < r->nkinds;) {
        const char *why = register_refs_wrong(&r->arena, r, &r->kinds[i]);
        why = why == NULL ? register_sums_wrong(&r->arena, r, &r->kinds[i]) : why;
        why = why == NULL ? register_looks_wrong(&r->arena, r, &r->kinds[i]) : why;
        why = why == NULL ? register_was_wrong(&r->arena, r, &r->kinds[i]) : why;
        if (why == NULL) {
            i++;
            continue;
        }
        refuse(r, r->kinds[i].file, 0, why);
        register_kind_free(&r->kinds[i]);
        memmove(&r->kinds[i], &r->kinds[i + 1], (r->nkinds - i - 1) * sizeof r->kinds[0]);
        r->nkinds--;
        i = 0;
    }
}

static void show(struct registers *r)
{
    r->nshown = 0;
    for (size_t i = 0; i < r->nkinds; i++) {
        if (r->kinds[i].on) {
            r->shown[r->nshown++] = r->kinds[i];
        }
    }
}

static bool fills(const struct register_kind *k, struct span field)
{
    return field.len == 0 || register_field_ever(k, field) >= 0 || span_eq(field, SPAN("id")) || span_eq(field, SPAN("state")) ||
           span_eq(field, SPAN("tlp")) || span_eq(field, SPAN("organisation"));
}

/* The first field of a profile that its kind does not have; empty: it has them all. */
static struct span astray(const struct register_kind *k, const struct profile *p)
{
    for (uint32_t i = 0; i < p->ncolumns + p->nconstants; i++) {
        struct span field = i < p->ncolumns ? p->columns[i].field : p->constants[i - p->ncolumns].field;
        if (!fills(k, field)) {
            return field;
        }
    }
    return SPAN("");
}

/* The field as the kind calls it today. */
static void call_anew(const struct register_kind *k, struct span *field)
{
    int at = register_field_ever(k, *field);
    *field = at < 0 ? *field : k->fields[at].name;
}

static void take_profile(struct registers *r, const struct register_file *f)
{
    struct err e = {0};
    struct profile p;
    if (profile_read(&r->arena, f, &p, &e) != 0) {
        refuse(r, f->name, e.line, e.text);
        return;
    }
    const struct register_kind *k = registers_any(r, p.kind);
    struct span wrong = k == NULL ? SPAN("") : astray(k, &p);
    bool again = false;
    for (size_t i = 0; i < r->nprofiles; i++) {
        again = again || span_eq(r->profiles[i].name, p.name);
    }
    if (k == NULL || again || r->nprofiles == PROFILES_MAX) {
        refuse(r, f->name, 0, k == NULL ? "kind: there is no such register" : again ? "profile: this name is taken by another file" : "more than 64 profiles");
    } else if (wrong.len > 0) {
        refuse(r, f->name, 0, arena_printf(&r->arena, "columns: the register has no field %.*s", SPAN_ARG(wrong)));
    } else {
        for (uint32_t i = 0; i < p.ncolumns + p.nconstants; i++) {
            call_anew(k, i < p.ncolumns ? &p.columns[i].field : &p.constants[i - p.ncolumns].field);
        }
        r->profiles[r->nprofiles++] = p;
    }
}

const struct profile *registers_profiles(const struct registers *r, size_t *count_out)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    *count_out = r->nprofiles;
    return r->profiles;
}

const struct profile *registers_profile(const struct registers *r, const struct register_kind *k, struct span name)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    for (size_t i = 0; i < r->nprofiles; i++) {
        if (span_eq(r->profiles[i].name, name) && span_eq(r->profiles[i].kind, k->name)) {
            return &r->profiles[i];
        }
    }
    return NULL;
}

struct registers *registers_load(const struct register_file *own, size_t count)
{
    struct registers *r = mem_alloc(sizeof *r);
    r->magic = REGISTERS_MAGIC;
    arena_init(&r->arena, 0);
    for (size_t i = 0; i < register_shipped_count; i++) {
        take(r, &register_shipped[i]);
    }
    CHECK(r->nkinds == register_shipped_count); /* a test reads them all */
    for (size_t i = 0; i < count; i++) {
        if (!profile_is(own[i].text)) {
            take(r, &own[i]);
        }
    }
    check_refs(r);
    CHECK(r->nkinds >= register_shipped_count);
    for (size_t i = 0; i < profile_shipped_count; i++) {
        take_profile(r, &profile_shipped[i]);
    }
    CHECK(r->nprofiles == profile_shipped_count);
    for (size_t i = 0; i < count; i++) { /* kinds may come from a later file than their profiles */
        if (profile_is(own[i].text)) {
            take_profile(r, &own[i]);
        }
    }
    show(r);
    return r;
}

void registers_free(struct registers **list)
{
    struct registers *r = *list;
    *list = NULL;
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, REGISTERS_MAGIC);
    for (size_t i = 0; i < r->nkinds; i++) {
        register_kind_free(&r->kinds[i]);
    }
    arena_fini(&r->arena);
    r->magic = 0;
    mem_free(r);
}

const struct register_kind *registers_kinds(const struct registers *r, size_t *count_out)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    *count_out = r->nshown;
    return r->shown;
}

const struct register_kind *registers_all(const struct registers *r, size_t *count_out)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    *count_out = r->nkinds;
    return r->kinds;
}

const struct register_refusal *registers_refusals(const struct registers *r, size_t *count_out)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    *count_out = r->nrefusals;
    return r->refusals;
}

const struct register_kind *registers_by_plural(const struct registers *r, struct span plural)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    for (size_t i = 0; i < r->nkinds; i++) {
        if (r->kinds[i].on && span_eq(r->kinds[i].plural, plural)) {
            return &r->kinds[i];
        }
    }
    return NULL;
}

const struct register_kind *registers_by_name(const struct registers *r, struct span name)
{
    const struct register_kind *k = registers_any(r, name);
    return k != NULL && k->on ? k : NULL;
}

const struct register_kind *registers_any(const struct registers *r, struct span name)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    for (size_t i = 0; i < r->nkinds; i++) {
        if (span_eq(r->kinds[i].name, name)) {
            return &r->kinds[i];
        }
    }
    return NULL;
}

void registers_switch(struct registers *r, struct span name, bool on)
{
    CHECK_OBJ(r, REGISTERS_MAGIC);
    for (size_t i = 0; i < r->nkinds; i++) {
        r->kinds[i].on = span_eq(r->kinds[i].name, name) ? on : r->kinds[i].on;
    }
    show(r);
}

size_t registers_needs(const struct registers *r, const struct register_kind *k, const struct register_kind **out)
{
    size_t n = 1;
    out[0] = k;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t f = 0; f < out[i]->nfields; f++) {
            const struct register_field *field = &out[i]->fields[f];
            const struct register_kind *other = field->required && field->ref.len > 0 ? registers_any(r, field->ref) : NULL;
            bool is_there = other == NULL;
            for (size_t j = 0; j < n && !is_there; j++) {
                is_there = out[j] == other;
            }
            if (!is_there) {
                out[n++] = other;
            }
        }
    }
    return n;
}

int register_field_of(const struct register_kind *k, struct span name)
{
    for (uint32_t i = 0; i < k->nfields; i++) {
        if (span_eq(k->fields[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

int register_state_of(const struct register_kind *k, struct span id)
{
    for (uint32_t i = 0; i < k->nstates; i++) {
        if (span_eq(k->states[i].id, id)) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- keys ---- */

enum register_key_type register_key_type(const struct register_kind *k, struct span name)
{
    int place = register_field_of(k, name);
    if (place >= 0 && k->fields[place].ref.len > 0) {
        return KEY_LINK;
    }
    if (place >= 0) {
        static const enum register_key_type types[] = {[INDEX_NONE] = KEY_NO, [INDEX_TEXT] = KEY_TEXT, [INDEX_INTEGER] = KEY_INTEGER, [INDEX_DECIMAL] = KEY_DECIMAL};
        return types[k->fields[place].index];
    }
    if (k->ndue > 0 && (span_eq(name, REGISTER_KEY_DUE) || register_due_of(k, name) != NULL)) {
        return KEY_TEXT;
    }
    if (span_eq(name, REGISTER_KEY_STATE) || span_eq(name, REGISTER_KEY_ORGANISATION)) {
        return KEY_TEXT;
    }
    if (span_eq(name, REGISTER_KEY_CREATED) || span_eq(name, REGISTER_KEY_CHANGED)) {
        return KEY_TIME;
    }
    return span_eq(name, REGISTER_KEY_TLP) ? KEY_TLP : KEY_NO;
}

struct span register_key_number(struct arena *a, int64_t n)
{
    return span_of(arena_printf(a, "%020llu", (unsigned long long)((uint64_t)n ^ (UINT64_C(1) << 63))));
}

/* "-12.5" in parts of one; at most 12 digits and 6 behind the point. */
static bool decimal(struct span s, int64_t *out)
{
    bool minus = s.len > 0 && s.ptr[0] == '-';
    s = span_sub(s, minus, s.len);
    ptrdiff_t point = span_find(s, '.');
    struct span part = point < 0 ? SPAN("0") : span_sub(s, (size_t)point + 1, s.len);
    int64_t whole = 0, behind = 0;
    struct span front = span_sub(s, 0, point < 0 ? s.len : (size_t)point);
    bool digits = front.len > 0 && front.len <= 12 && part.len > 0 && part.len <= 6 && front.ptr[0] != '-' && front.ptr[0] != '+' && part.ptr[0] != '-' && part.ptr[0] != '+';
    if (!digits || !num_i64(front, &whole) || !num_i64(part, &behind)) {
        return false;
    }
    for (size_t i = part.len; i < 6; i++) {
        behind *= 10;
    }
    *out = (minus ? -1 : 1) * (whole * EXPR_SCALE + behind);
    return true;
}

bool register_key_parse(struct arena *a, enum register_key_type type, struct span text, struct span *out)
{
    int64_t n = 0;
    time_ns t = 0;
    switch (type) {
    case KEY_TEXT:
        *out = text;
        return text.len > 0 && text.len <= (size_t)4 * REGISTER_TEXT_MAX;
    case KEY_INTEGER:
        *out = SPAN("");
        if (!num_i64(text, &n)) {
            return false;
        }
        break;
    case KEY_DECIMAL:
        *out = SPAN("");
        if (!decimal(text, &n)) {
            return false;
        }
        break;
    case KEY_TIME:
        *out = SPAN("");
        if (!time_parse(text, 0, &t)) {
            return false;
        }
        n = t;
        break;
    case KEY_TLP:
        *out = SPAN("");
        for (int l = TLP_CLEAR; l <= TLP_RED; l++) {
            n = span_eq(text, span_of(tlp_name((enum tlp)l))) ? tlp_rank((enum tlp)l) : n;
        }
        if (n == 0) {
            return false;
        }
        break;
    case KEY_LINK:
        *out = text;
        return id_valid(text);
    case KEY_NO:
    default:
        *out = SPAN("");
        return false;
    }
    *out = register_key_number(a, n);
    return true;
}

static struct span field_key(struct arena *a, const struct register_field *f, const struct jcs *fields)
{
    if (f->index == INDEX_DECIMAL) {
        struct expr_value n;
        expr_value(f->computed, fields, &n);
        return n.kind == EXPR_NUMBER ? register_key_number(a, n.number) : SPAN("");
    }
    const struct jcs *v = f->computed != NULL ? register_computed(a, f, fields) : jcs_get(fields, arena_cstr(a, f->name));
    if (v == NULL) {
        return SPAN("");
    }
    return v->kind == JCS_TEXT ? v->text : v->kind == JCS_INT ? register_key_number(a, v->number) : SPAN("");
}

size_t register_keys(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span organisation,
                     struct span state, enum tlp tlp, time_ns created, time_ns changed, struct record_key *out)
{
    const struct record_key always[] = {
        {REGISTER_KEY_STATE, state},
        {REGISTER_KEY_ORGANISATION, organisation},
        {REGISTER_KEY_TLP, register_key_number(a, tlp_rank(tlp))},
        {REGISTER_KEY_CREATED, register_key_number(a, created)},
        {REGISTER_KEY_CHANGED, register_key_number(a, changed)},
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        out[n++] = always[i];
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        if (k->fields[i].index != INDEX_NONE) {
            CHECK(n < REGISTER_KEYS_MAX);
            out[n++] = (struct record_key){k->fields[i].name, field_key(a, &k->fields[i], fields)};
        }
    }
    n += register_due_keys(a, k, fields, state, out + n);
    if (k->retention.days > 0) {
        out[n++] = (struct record_key){REGISTER_KEY_KEPT, register_retention_key(a, k, fields, state, changed)};
    }
    return n;
}

struct span register_title(const struct register_kind *k, const struct jcs *fields)
{
    const struct jcs *v = fields == NULL ? NULL : fields->first;
    while (v != NULL && !span_eq(v->key, k->fields[k->title].name)) {
        v = v->next;
    }
    return v != NULL && v->kind == JCS_TEXT ? v->text : SPAN("");
}

static void add_link(const struct register_field *f, const struct jcs *v, uint32_t place, struct register_link *out, size_t *n)
{
    if (v->kind == JCS_TEXT && id_valid(v->text)) {
        if (*n < REGISTER_LINKS_MAX) {
            out[*n] = (struct register_link){f, v->text, place};
        }
        (*n)++;
    }
}

size_t register_links(const struct register_kind *k, const struct jcs *fields, struct register_link *out)
{
    size_t n = 0;
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int at = register_field_of(k, m->key);
        if (at < 0 || k->fields[at].ref.len == 0) {
            continue;
        }
        const struct register_field *f = &k->fields[at];
        if (!f->many) {
            add_link(f, m, 0, out, &n);
        }
        uint32_t place = 0;
        for (const struct jcs *v = f->many && m->kind == JCS_ARRAY ? m->first : NULL; v != NULL; v = v->next) {
            add_link(f, v, place++, out, &n);
        }
    }
    return n;
}

struct span register_keys_signature(struct arena *a, const struct register_kind *k)
{
    const char *text = "2";
    for (uint32_t i = 0; i < k->nfields; i++) {
        if (k->fields[i].ref.len > 0) {
            text = arena_printf(a, "%s %.*s>%.*s", text, SPAN_ARG(k->fields[i].name), SPAN_ARG(k->fields[i].ref));
        }
        if (k->fields[i].index != INDEX_NONE) {
            text = arena_printf(a, "%s %.*s:%d", text, SPAN_ARG(k->fields[i].name), (int)k->fields[i].index);
        }
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        if (k->fields[i].computed != NULL && k->fields[i].index != INDEX_NONE) {
            text = arena_printf(a, "%s %.*s=%.*s", text, SPAN_ARG(k->fields[i].name), SPAN_ARG(k->fields[i].source));
        }
    }
    for (uint32_t i = 0; i < k->ndue; i++) {
        const struct register_due *d = &k->due[i];
        text = arena_printf(a, "%s %.*s@%d,%d,%d,%d,%u,%x", text, SPAN_ARG(d->name), d->field, d->from, d->count_field, d->before, d->count, d->states);
    }
    if (k->retention.days > 0) {
        text = arena_printf(a, "%s kept@%d,%x,%llx", text, k->retention.from, k->retention.states, (unsigned long long)k->retention.erases);
    }
    return span_of(text);
}
