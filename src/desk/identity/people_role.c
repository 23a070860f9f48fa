/* SPDX-License-Identifier: EUPL-1.2 */
/* Roles of people from their files: see people_role.h. */
#include "desk/identity/people_role.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "policy/policy.h"
#include "wire/yaml.h"

enum { PEOPLE_ROLES_MAGIC = 0x70726f6c };

struct people_roles {
    uint32_t magic;
    struct arena arena;
    struct people_role roles[PEOPLE_ROLES_MAX];
    size_t count;
    struct people_role_refusal refusals[PEOPLE_ROLE_FILES_MAX];
    size_t nrefusals;
};

_Static_assert(RIGHT_COUNT <= 64, "one bit each");

static const char *const right_names[RIGHT_COUNT] = {
    [RIGHT_ANYBODY] = "anybody",
    [RIGHT_SIGNED_IN] = "signed in",
    [RIGHT_KNOWN] = "known",
#define RIGHT(name, text, opens, may) [RIGHT_##name] = text,
#include "desk/identity/rights.def"
#undef RIGHT
};

const char *right_name(enum right right)
{
    CHECK(right < RIGHT_COUNT);
    return right_names[right];
}

uint32_t right_may(enum right right)
{
    static const uint32_t opened[RIGHT_COUNT] = {
#define RIGHT(name, text, opens, may) [RIGHT_##name] = (may),
#include "desk/identity/rights.def"
#undef RIGHT
    };
    CHECK(right < RIGHT_COUNT);
    return opened[right];
}

/* As registers and labels write them (records/registers/README.md). */
static const struct {
    const char *name;
    uint32_t role;
} acts[] = {
    {"administrator", POLICY_ROLE_ADMINISTRATOR}, {"analyst", POLICY_ROLE_ANALYST}, {"officer", POLICY_ROLE_OFFICER},
    {"reader", POLICY_ROLE_READ_ONLY},            {"auditor", POLICY_ROLE_AUDITOR},
};

static bool act_of(struct span name, uint32_t *bit_out)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        if (span_eq(name, span_of(acts[i].name))) {
            *bit_out = acts[i].role;
            return true;
        }
    }
    return false;
}

bool right_find(struct span name, enum right *out)
{
    for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) {
        if (span_eq(name, span_of(right_names[r]))) {
            *out = r;
            return true;
        }
    }
    return false;
}

static bool name_fits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (i > 0 && ((c >= '0' && c <= '9') || c == '_')))) {
            return false;
        }
    }
    return s.len > 0 && s.len <= PEOPLE_ROLE_NAME_MAX;
}

/* One line that a page can show. */
static bool text_fits(struct span s, size_t max)
{
    bool fits = s.len > 0 && s.len <= max && utf8_valid(s) && span_trim(s).len == s.len;
    for (size_t i = 0; fits && i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        fits = c >= 0x20 && c != 0x7f;
    }
    return fits;
}

static int wrong(const struct yaml_node *map, const char *key, const char *what, struct err *e)
{
    const struct yaml_node *n = yaml_get(map, key);
    (void)err_set(e, ERR_INVALID, "%s: %s", key, what);
    err_at(e, "", n == NULL ? map->line : n->line);
    return ERR_INVALID;
}

static int read_texts(const struct yaml_node *map, struct people_role *out, struct err *e)
{
    int rc = yaml_get_text(map, "name", true, &out->name, e);
    rc = rc == 0 ? yaml_get_text(map, "title", true, &out->title, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "help", true, &out->help, e) : rc;
    if (rc < 0) {
        return rc;
    }
    if (!name_fits(out->name)) {
        return wrong(map, "name", "1 to 32 small letters, digits and _, a letter first", e);
    }
    if (!text_fits(out->title, PEOPLE_ROLE_TITLE_MAX)) {
        return wrong(map, "title", "one line of 1 to 80 bytes", e);
    }
    return text_fits(out->help, PEOPLE_ROLE_HELP_MAX) ? 0 : wrong(map, "help", "one line of 1 to 400 bytes", e);
}

static int read_acts(struct arena *a, const struct yaml_node *map, struct people_role *out, struct err *e)
{
    const struct span *words = NULL;
    uint32_t n = 0;
    uint32_t bit = 0;
    int rc = yaml_get_texts(a, map, "acts_as", true, &words, &n, e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        if (!act_of(words[i], &bit)) {
            return wrong(map, "acts_as", "is a list of administrator, analyst, officer, reader, auditor", e);
        }
        out->acts_as |= bit;
    }
    return rc;
}

/* A list of rights; *n_out: how many words it has. */
static int read_rights(struct arena *a, const struct yaml_node *map, const char *key, bool needed, uint64_t *out, uint32_t *n_out, struct err *e)
{
    const struct span *words = NULL;
    enum right right = RIGHT_ANYBODY;
    int rc = yaml_get_texts(a, map, key, needed, &words, n_out, e);
    for (uint32_t i = 0; rc == 0 && i < *n_out; i++) {
        if (!right_find(words[i], &right)) {
            const char *what = arena_printf(a, "there is no right \"%.*s\" (docs/PEOPLE.md lists them)",
                                            SPAN_ARG(span_sub(words[i], 0, 40)));
            return wrong(map, key, what, e);
        }
        *out |= UINT64_C(1) << right;
    }
    return rc;
}

/* Neither of both is nothing: somebody who may no more than his appointments say. One of them alone would be a slip. */
static int read_all_rights(struct arena *a, const struct yaml_node *map, struct people_role *out, struct err *e)
{
    int rc = read_acts(a, map, out, e);
    uint32_t n = 0;
    rc = rc == 0 ? read_rights(a, map, "may", true, &out->rights, &n, e) : rc;
    if (rc == 0 && (out->acts_as == 0) != (out->rights == 0)) {
        return wrong(map, out->acts_as == 0 ? "acts_as" : "may", "is empty", e);
    }
    return rc;
}

/* Which of its rights appointments give. Not written: to open the registers, as before files could say so. */
static int read_gives(struct arena *a, const struct yaml_node *map, struct people_role *out, struct err *e)
{
    const char *key = "appointment_gives";
    uint32_t n = 0;
    int rc = read_rights(a, map, key, false, &out->by_appointment, &n, e);
    if (rc != 0) {
        return rc;
    }
    if (yaml_get(map, key) == NULL) {
        out->by_appointment = out->rights & (UINT64_C(1) << RIGHT_RECORDS_READ | UINT64_C(1) << RIGHT_RECORDS);
        return 0;
    }
    if (out->nfunctions == 0) {
        return wrong(map, key, "says nothing without functions", e);
    }
    for (enum right r = 0; r < RIGHT_COUNT; r++) {
        bool given = (out->by_appointment >> r & 1) != 0;
        if (given && (out->rights >> r & 1) == 0) {
            return wrong(map, key, arena_printf(a, "\"%s\" is not among what it may", right_name(r)), e);
        }
        if (given && right_may(r) == 0) {
            return wrong(map, key, arena_printf(a, "no appointment gives \"%s\"", right_name(r)), e);
        }
    }
    return 0;
}

/* Up to max words of a register. */
static int read_words(struct arena *a, const struct yaml_node *map, const char *key, uint32_t max, const struct span **out, uint32_t *n, struct err *e)
{
    const struct span *words = NULL;
    int rc = yaml_get_texts(a, map, key, false, &words, n, e);
    struct span *copies = arena_calloc(a, *n + 1, sizeof *copies);
    for (uint32_t i = 0; rc == 0 && i < *n; i++) {
        copies[i] = arena_copy(a, words[i]);
        rc = i == max || !name_fits(words[i]) ? wrong(map, key, arena_printf(a, "are up to %u words of its register", max), e) : 0;
    }
    *out = copies;
    return rc;
}

/* Where somebody must always hold it: in which places, and in which of them. */
static int read_held(struct arena *a, const struct yaml_node *map, struct people_role *out, struct err *e)
{
    static const char *const held[] = {[HELD_NOWHERE] = "nowhere", [HELD_IN_UNIT] = "unit", [HELD_IN_ORGANISATION] = "organisation"};
    struct span word = SPAN("");
    int rc = yaml_get_text(map, "held_in", false, &word, e);
    rc = rc == 0 ? read_words(a, map, "held_at", PEOPLE_ROLE_LEVELS_MAX, &out->levels, &out->nlevels, e) : rc;
    if (rc == 0 && out->nfunctions == 0 && word.len > 0) {
        return wrong(map, "held_in", "says nothing without functions", e);
    }
    size_t i = 0;
    while (word.len > 0 && i < ARRAY_LEN(held) && !span_eq(word, span_of(held[i]))) {
        i++;
    }
    if (rc == 0 && i == ARRAY_LEN(held)) {
        return wrong(map, "held_in", "is unit, organisation or nowhere", e);
    }
    out->held_in = (enum people_role_held)i;
    bool there = yaml_get(map, "held_at") != NULL;
    return rc == 0 && there && (i == HELD_NOWHERE || out->nlevels == 0) ? wrong(map, "held_at", i == HELD_NOWHERE ? "says nothing without held_in" : "is empty", e) : rc;
}

/* What appointments have to do with it. */
static int read_functions(struct arena *a, const struct yaml_node *map, struct people_role *out, struct err *e)
{
    int rc = read_words(a, map, "functions", PEOPLE_ROLE_FUNCTIONS_MAX, &out->functions, &out->nfunctions, e);
    rc = rc == 0 ? read_held(a, map, out, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "reaches_below", false, &out->reaches_below, e) : rc;
    return rc == 0 && out->nfunctions == 0 && out->reaches_below ? wrong(map, "reaches_below", "says nothing without functions", e) : rc;
}

/* Not written: not needed. */
static int read_factor(const struct yaml_node *map, struct people_role *out, struct err *e)
{
    struct span word = SPAN("");
    int rc = yaml_get_text(map, "second_factor", false, &word, e);
    if (rc == 0 && word.len > 0 && !span_eq(word, SPAN("required")) && !span_eq(word, SPAN("optional"))) {
        return wrong(map, "second_factor", "is required or optional", e);
    }
    out->second_factor = rc == 0 && span_eq(word, SPAN("required"));
    return rc;
}

/* What a city asks more of a role that another file makes; it can give nothing. */
static int read_tightening(const struct yaml_node *map, struct people_role *out, struct err *e)
{
    static const char *const known[] = {"tightens", "second_factor", NULL};
    int rc = yaml_known_keys(map, known, e);
    rc = rc == 0 ? yaml_get_text(map, "tightens", true, &out->name, e) : rc;
    rc = rc == 0 ? read_factor(map, out, e) : rc;
    return rc == 0 && !out->second_factor ? wrong(map, "second_factor", "is required, or this file does nothing", e) : rc;
}

int people_role_read(struct arena *a, const struct people_role_file *file, struct people_role *out, bool *tightens_out, struct err *e)
{
    static const char *const known[] = {"name", "title", "help", "acts_as", "may", "second_factor", "functions", "appointment_gives", "held_in", "held_at", "reaches_below", NULL};
    const struct yaml_node *map = NULL;
    *out = (struct people_role){.file = file->name};
    *tightens_out = false;
    if (file->text.len > PEOPLE_ROLE_FILE_MAX) {
        return err_set(e, ERR_LIMIT, "a role file has at most %d bytes", PEOPLE_ROLE_FILE_MAX);
    }
    int rc = yaml_read_map(a, file->text, &map, e);
    if (rc == 0 && yaml_get(map, "tightens") != NULL) {
        *tightens_out = true;
        return read_tightening(map, out, e);
    }
    rc = rc == 0 ? yaml_known_keys(map, known, e) : rc;
    rc = rc == 0 ? read_texts(map, out, e) : rc;
    rc = rc == 0 ? read_factor(map, out, e) : rc;
    rc = rc == 0 ? read_functions(a, map, out, e) : rc;
    rc = rc == 0 ? read_all_rights(a, map, out, e) : rc;
    return rc == 0 ? read_gives(a, map, out, e) : rc;
}

static void refuse(struct people_roles *r, struct span file, uint32_t line, const char *why)
{
    if (r->nrefusals < ARRAY_LEN(r->refusals)) {
        r->refusals[r->nrefusals++] =
            (struct people_role_refusal){arena_copy(&r->arena, file), line, arena_copy(&r->arena, span_of(why))};
    }
}

/* Count when there is none. */
static size_t index_of(const struct people_roles *r, struct span name)
{
    size_t i = 0;
    while (i < r->count && !span_eq(r->roles[i].name, name)) {
        i++;
    }
    return i;
}

static void take(struct people_roles *r, const struct people_role_file *f)
{
    struct err e = {0};
    struct people_role role;
    bool tightens = false;
    if (people_role_read(&r->arena, f, &role, &tightens, &e) != 0) {
        refuse(r, f->name, e.line, e.text);
    } else if (tightens) {
        size_t i = index_of(r, role.name);
        if (i == r->count) {
            refuse(r, f->name, 0, "there is no role of this name in a file before this one");
        } else {
            r->roles[i].second_factor = true;
        }
    } else if (r->count == PEOPLE_ROLES_MAX) {
        refuse(r, f->name, 0, "more than 64 roles");
    } else if (people_roles_find(r, role.name) != NULL) {
        refuse(r, f->name, 0, "another file has this name already");
    } else {
        role.name = arena_copy(&r->arena, role.name);
        role.title = arena_copy(&r->arena, role.title);
        role.help = arena_copy(&r->arena, role.help);
        role.file = arena_copy(&r->arena, role.file);
        r->roles[r->count++] = role;
    }
}

struct people_roles *people_roles_load(const struct people_role_file *own, size_t count)
{
    struct people_roles *r = mem_alloc(sizeof *r);
    r->magic = PEOPLE_ROLES_MAGIC;
    arena_init(&r->arena, 0);
    for (size_t i = 0; i < people_role_shipped_count; i++) {
        take(r, &people_role_shipped[i]);
    }
    CHECK(r->count == people_role_shipped_count); /* a test reads them all */
    for (size_t i = 0; i < count; i++) {
        take(r, &own[i]);
    }
    return r;
}

void people_roles_free(struct people_roles **roles)
{
    struct people_roles *r = *roles;
    *roles = NULL;
    if (r != NULL) {
        CHECK_OBJ(r, PEOPLE_ROLES_MAGIC);
        arena_fini(&r->arena);
        r->magic = 0;
        mem_free(r);
    }
}

const struct people_role *people_roles_all(const struct people_roles *roles, size_t *count_out)
{
    CHECK_OBJ(roles, PEOPLE_ROLES_MAGIC);
    *count_out = roles->count;
    return roles->roles;
}

const struct people_role_refusal *people_roles_refusals(const struct people_roles *roles, size_t *count_out)
{
    CHECK_OBJ(roles, PEOPLE_ROLES_MAGIC);
    *count_out = roles->nrefusals;
    return roles->refusals;
}

const struct people_role *people_roles_find(const struct people_roles *roles, struct span name)
{
    CHECK_OBJ(roles, PEOPLE_ROLES_MAGIC);
    size_t i = index_of(roles, name);
    return i == roles->count ? NULL : &roles->roles[i];
}

const struct people_role *people_roles_of_function(const struct people_roles *roles, struct span function)
{
    const struct people_role *found = NULL;
    CHECK_OBJ(roles, PEOPLE_ROLES_MAGIC);
    for (size_t i = 0; i < roles->count; i++) {
        for (uint32_t f = 0; f < roles->roles[i].nfunctions; f++) {
            found = span_eq(roles->roles[i].functions[f], function) ? &roles->roles[i] : found;
        }
    }
    return found;
}

bool people_role_may(const struct people_role *role, enum right right)
{
    CHECK(right < RIGHT_COUNT);
    if (right <= RIGHT_KNOWN) {
        return true;
    }
    return role != NULL && (role->rights >> right & 1) != 0;
}
