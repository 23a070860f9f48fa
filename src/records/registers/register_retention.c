/* SPDX-License-Identifier: EUPL-1.2 */
/* x-retention of a kind: the reader, and what becomes of a record's fields. See register_retention.h. */
#include "records/registers/register_retention.h"

#include "records/registers/register_due.h"
#include "records/registers/register_priv.h"

struct reading {
    struct arena *a;
    const struct yaml_node *map, *fields;
    struct register_kind *k;
    struct err *e;
};

static int wrong(struct reading *r, const char *place, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "/x-retention%s: %s", place, what);
    err_at(r->e, "", r->map->line);
    return ERR_INVALID;
}

static const struct yaml_node *schema_of(const struct reading *r, uint32_t place)
{
    return yaml_get(r->fields, arena_cstr(r->a, r->k->fields[place].name));
}

static bool word_is(const struct yaml_node *map, const char *key, const char *word)
{
    const struct yaml_node *n = map == NULL || map->kind != YAML_MAP ? NULL : yaml_get(map, key);
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(word));
}

static int read_states(struct reading *r)
{
    const struct span *list = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, r->map, "states", false, &list, &n, r->e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        int place = register_state_of(r->k, list[i]);
        rc = place < 0 ? wrong(r, "/states", "there is no such state") : 0;
        r->k->retention.states |= place < 0 ? 0 : 1u << place;
    }
    for (uint32_t i = 0; i < r->k->nstates && n == 0; i++) {
        r->k->retention.states |= r->k->states[i].final ? 1u << i : 0;
    }
    return rc == 0 && r->k->retention.states == 0 ? wrong(r, "/states", "must be told: no state of this kind is final") : rc;
}

static int read_from(struct reading *r)
{
    struct span name = SPAN("");
    int rc = yaml_get_text(r->map, "from", false, &name, r->e);
    r->k->retention.from = -1;
    if (rc != 0 || name.len == 0) {
        return rc;
    }
    int place = register_field_of(r->k, name);
    const struct yaml_node *schema = place < 0 ? NULL : schema_of(r, (uint32_t)place);
    r->k->retention.from = place;
    return word_is(schema, "format", "date") || word_is(schema, "format", "date-time") ? 0 : wrong(r, "/from", "must name a field with format: date or date-time");
}

/* Whether the stand-in fits, where a field may not be empty. */
static bool takes_stand_in(const struct yaml_node *schema)
{
    static const char *const bounds[] = {"enum", "const", "format", "pattern", NULL};
    int64_t most = RETENTION_STAND_IN, least = 0;
    struct err none = {0};
    for (size_t i = 0; bounds[i] != NULL; i++) {
        if (yaml_get(schema, bounds[i]) != NULL) {
            return false;
        }
    }
    return word_is(schema, "type", "string") && yaml_get_int(schema, "maxLength", false, RETENTION_STAND_IN, INT32_MAX, &most, &none) == 0 &&
           yaml_get_int(schema, "minLength", false, 0, RETENTION_STAND_IN, &least, &none) == 0;
}

static int read_erases(struct reading *r)
{
    const struct span *list = NULL;
    uint32_t n = 0;
    struct register_kind *k = r->k;
    int rc = yaml_get_texts(r->a, r->map, "also", false, &list, &n, r->e);
    k->retention.erases = k->rights.personal;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        int place = register_field_of(k, list[i]);
        bool fits = place >= 0 && k->fields[place].ref.len == 0 && k->fields[place].computed == NULL;
        rc = fits ? 0 : wrong(r, "/also", "must name fields that somebody writes, and that name no record");
        k->retention.erases |= fits ? UINT64_C(1) << place : 0;
    }
    for (uint32_t i = 0; i < k->nfields && rc == 0; i++) {
        bool goes = (k->retention.erases >> i & 1) != 0;
        if (goes && (k->fields[i].required || i == k->title) && !takes_stand_in(schema_of(r, i))) {
            rc = wrong(r, "", "a required field that goes must be a text that can be \"#\" and 12 letters instead: no format, pattern or enum, maxLength 13 or more");
        }
    }
    return rc == 0 && k->retention.days > 0 && k->retention.erases == 0 ? wrong(r, "/days", "nothing of this kind is personal (x-pii) or named in also") : rc;
}

int register_read_retention(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    static const char *const keys[] = {"states", "from", "days", "also", "why", NULL};
    struct reading r = {a, yaml_get(root, "x-retention"), yaml_get(root, "properties"), k, e};
    int64_t days = 0;
    k->retention.from = -1;
    if (r.map == NULL) {
        return 0;
    }
    int rc = yaml_expect(r.map, YAML_MAP, "x-retention", e);
    rc = rc == 0 ? yaml_known_keys(r.map, keys, e) : rc;
    rc = rc == 0 ? yaml_get_int(r.map, "days", true, 0, REGISTER_KEEP_MAX, &days, e) : rc;
    rc = rc == 0 ? yaml_get_text(r.map, "why", true, &k->retention.why, e) : rc;
    k->retention.days = rc == 0 ? (uint32_t)days : 0;
    rc = rc == 0 && days > 0 ? read_states(&r) : rc;
    rc = rc == 0 ? read_from(&r) : rc;
    return rc == 0 ? read_erases(&r) : rc;
}

/* ---- a record ---- */

static bool goes(const struct register_kind *k, const struct jcs *member, int *place_out)
{
    *place_out = register_field_of(k, member->key);
    return *place_out >= 0 && (k->retention.erases >> *place_out & 1) != 0;
}

static bool is_stand_in(const struct jcs *v)
{
    bool fits = v->kind == JCS_TEXT && v->text.len == RETENTION_STAND_IN && v->text.ptr[0] == '#';
    for (size_t i = 1; fits && i < v->text.len; i++) {
        char c = v->text.ptr[i];
        fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return fits;
}

bool register_erasable(const struct register_kind *k, const struct jcs *fields)
{
    int place = 0;
    bool any = false;
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        any = any || (goes(k, m, &place) && !is_stand_in(m));
    }
    return any;
}

struct span register_retention_key(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span state, time_ns changed)
{
    int state_at = register_state_of(k, state);
    time_ns from = changed;
    if (state_at < 0 || (k->retention.states >> state_at & 1) == 0) {
        return SPAN("");
    }
    const struct jcs *day = k->retention.from < 0 ? NULL : jcs_get(fields, arena_cstr(a, k->fields[k->retention.from].name));
    if (day != NULL && (day->kind != JCS_TEXT || !time_parse(day->text, 0, &from))) {
        from = changed;
    }
    return register_day_text(a, time_day(from));
}

struct jcs *register_erased(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span id)
{
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int place = 0;
        if (!goes(k, m, &place)) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        } else if (k->fields[place].required || (uint32_t)place == k->title) {
            struct span end = id.len < RETENTION_STAND_IN - 1 ? id : span_sub(id, id.len - (RETENTION_STAND_IN - 1), id.len);
            jcs_set_text(a, out, arena_cstr(a, m->key), span_of(arena_printf(a, "#%.*s", SPAN_ARG(end))));
        }
    }
    return out;
}
