/* SPDX-License-Identifier: EUPL-1.2 */
/* x-due of a kind: the reader, and the days of a record. See register_due.h. */
#include "records/registers/register_due.h"

#include "base/num.h"
#include "records/registers/register_priv.h"

struct reading {
    struct arena *a;
    const struct yaml_node *root;
    struct register_kind *k;
    struct err *e;
};

/* ---- the reader ---- */

static int wrong(struct reading *r, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "/x-due%s: %s", place, what);
    err_at(r->e, "", n->line);
    return ERR_INVALID;
}

static bool word_is(const struct yaml_node *map, const char *key, const char *word)
{
    const struct yaml_node *n = map == NULL || map->kind != YAML_MAP ? NULL : yaml_get(map, key);
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(word));
}

static const struct yaml_node *schema_of(const struct reading *r, int place)
{
    return yaml_get(yaml_get(r->root, "properties"), arena_cstr(r->a, r->k->fields[place].name));
}

/* A field that holds a day or a time, by its place; out -1 where none is named. */
static int read_dated(struct reading *r, const struct yaml_node *map, const char *key, int *out)
{
    struct span name = SPAN("");
    int rc = yaml_get_text(map, key, false, &name, r->e);
    *out = -1;
    if (rc != 0 || name.len == 0) {
        return rc;
    }
    int place = register_field_of(r->k, name);
    const struct yaml_node *schema = place < 0 ? NULL : schema_of(r, place);
    if (!word_is(schema, "format", "date") && !word_is(schema, "format", "date-time")) {
        return wrong(r, map, arena_printf(r->a, "/%s", key), "must name a field with format: date or date-time");
    }
    *out = place;
    return 0;
}

static int read_count(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    const struct yaml_node *every = yaml_get(map, "every");
    const struct yaml_node *n = every == NULL ? yaml_get(map, "before") : every;
    const char *key = every == NULL ? "before" : "every";
    int64_t count = 0;
    struct err none = {0};
    d->count_field = -1;
    d->counted = d->from >= 0;
    d->before = every == NULL;
    if (d->counted != (n != NULL) || (every != NULL && yaml_get(map, "before") != NULL)) {
        return wrong(r, map, "/from", "stands together with every or before, and with one of them");
    }
    if (!d->counted || yaml_get_int(map, key, true, 1, d->before ? REGISTER_BEFORE_MAX : REGISTER_EVERY_MAX, &count, &none) == 0) {
        d->count = (uint32_t)count;
        return 0;
    }
    int place = n->kind == YAML_SCALAR ? register_field_of(r->k, n->text) : -1;
    d->count_field = place;
    return place >= 0 && word_is(schema_of(r, place), "type", "integer")
               ? 0
               : wrong(r, n, d->before ? "/before" : "/every", "must be a number (1 to 120 months, 1 to 3660 days before), or name a field of type: integer");
}

static int read_name(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    int rc = yaml_get_text(map, "name", d->counted, &d->name, r->e);
    if (rc != 0) {
        return rc;
    }
    if (!d->counted) {
        if (d->name.len > 0 || d->field < 0 || r->k->fields[d->field].index == INDEX_NONE) {
            return wrong(r, map, "/field", "must name a field with x-index, and has no name of its own; a day that is counted has from, every or before, and a name");
        }
        d->name = r->k->fields[d->field].name;
    } else if (!register_name_fits(d->name) || register_name_taken(d->name) || register_field_of(r->k, d->name) >= 0) {
        return wrong(r, map, "/name", "is of small letters, digits and _, and not as a field's or a list's own words are");
    }
    return register_due_of(r->k, d->name) == NULL ? 0 : wrong(r, map, "", "this day stands twice");
}

static int read_about(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    struct span text = SPAN("");
    int rc = yaml_get_text(map, "as", true, &text, r->e);
    for (int i = 0; rc == 0 && i < REGISTER_ABOUT_COUNT; i++) {
        if (span_eq(text, span_of(register_about_name((enum register_about)i)))) {
            d->about = (enum register_about)i;
            return 0;
        }
    }
    return rc == 0 ? wrong(r, map, "/as", "is work, ends or look") : rc;
}

static int read_states(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    const struct span *list = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, "states", false, &list, &n, r->e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        int place = register_state_of(r->k, list[i]);
        rc = place < 0 ? wrong(r, map, "/states", "there is no such state") : 0;
        d->states |= place < 0 ? 0 : 1u << place;
    }
    for (uint32_t i = 0; i < r->k->nstates && n == 0; i++) {
        d->states |= r->k->states[i].final ? 0 : 1u << i;
    }
    return rc;
}

static int read_remind(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    const struct yaml_node *list = yaml_get(map, "remind");
    if (list == NULL || list->kind != YAML_SEQ || list->len == 0 || list->len > REGISTER_REMIND_MAX) {
        return wrong(r, list == NULL ? map : list, "/remind", "must be a list of 1 to 6 numbers of days");
    }
    for (uint32_t i = 0; i < list->len; i++) {
        const struct yaml_node *n = list->items[i];
        int64_t days = -1;
        bool fits = n->kind == YAML_SCALAR && num_i64(n->text, &days) && days >= 0 && days <= REGISTER_REMIND_DAYS;
        if (!fits || (i > 0 && days >= d->remind[i - 1])) {
            return wrong(r, n, "/remind", "are days before it, 0 to 365, the most first");
        }
        d->remind[i] = (uint16_t)days;
    }
    d->nremind = list->len;
    return 0;
}

static int read_one(struct reading *r, const struct yaml_node *map, struct register_due *d)
{
    static const char *const keys[] = {"field", "name", "from", "every", "before", "as", "states", "remind", NULL};
    int rc = yaml_expect(map, YAML_MAP, "x-due", r->e);
    rc = rc == 0 ? yaml_known_keys(map, keys, r->e) : rc;
    rc = rc == 0 ? read_dated(r, map, "field", &d->field) : rc;
    rc = rc == 0 ? read_dated(r, map, "from", &d->from) : rc;
    rc = rc == 0 ? read_count(r, map, d) : rc;
    rc = rc == 0 ? read_name(r, map, d) : rc;
    rc = rc == 0 ? read_about(r, map, d) : rc;
    rc = rc == 0 ? read_states(r, map, d) : rc;
    rc = rc == 0 ? read_remind(r, map, d) : rc;
    d->moment = rc == 0 && !d->counted && word_is(schema_of(r, d->field), "format", "date-time");
    return rc;
}

int register_read_due(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    struct reading r = {a, root, k, e};
    const struct yaml_node *list = yaml_get(root, "x-due");
    if (list == NULL) {
        return 0;
    }
    if (list->kind != YAML_SEQ || list->len == 0 || list->len > REGISTER_DUE_MAX) {
        return wrong(&r, list, "", "must be a list of 1 to 4 days");
    }
    int rc = 0;
    for (uint32_t i = 0; i < list->len && rc == 0; i++) {
        rc = read_one(&r, list->items[i], &k->due[i]);
        k->ndue = rc == 0 ? i + 1 : k->ndue;
    }
    return rc;
}

/* ---- the days of a record ---- */

const char *register_about_name(enum register_about about)
{
    static const char *const names[REGISTER_ABOUT_COUNT] = {"work", "ends", "look"};
    CHECK(about < REGISTER_ABOUT_COUNT);
    return names[about];
}

const struct register_due *register_due_of(const struct register_kind *k, struct span name)
{
    for (uint32_t i = 0; i < k->ndue; i++) {
        if (span_eq(k->due[i].name, name)) {
            return &k->due[i];
        }
    }
    return NULL;
}

uint64_t register_due_fields(const struct register_due *d)
{
    const int places[] = {d->field, d->from, d->count_field};
    uint64_t bits = 0;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        bits |= places[i] < 0 ? 0 : UINT64_C(1) << places[i];
    }
    return bits;
}

static const struct jcs *value_of(const struct register_kind *k, const struct jcs *fields, int place)
{
    const struct jcs *v = place < 0 ? NULL : fields->first;
    while (v != NULL && !span_eq(v->key, k->fields[place].name)) {
        v = v->next;
    }
    return v;
}

/* The day of a text that holds a day or a time. */
static bool day_of(const struct jcs *v, struct time_parts *out)
{
    time_ns t = 0;
    if (v == NULL || v->kind != JCS_TEXT || !time_parse(v->text, 0, &t)) {
        return false;
    }
    time_to_parts(t, out);
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Sorts days. */
static int day_number(const struct time_parts *p)
{
    return (p->year * 12 + p->month) * 31 + p->day;
}

/* So many months on; of the 31st, the last day of a shorter month. */
static void add_months(struct time_parts *p, int64_t months)
{
    int month = p->month - 1 + (int)months;
    p->year += month / 12;
    p->month = month % 12 + 1;
    p->day = p->day > month_days(p->year, p->month) ? month_days(p->year, p->month) : p->day;
}

bool register_due_day(const struct register_due *d, const struct register_kind *k, const struct jcs *fields, int64_t *day_out)
{
    struct time_parts p = {0};
    struct time_parts from = {0};
    time_ns t = 0;
    int64_t back = 0;
    bool has = day_of(value_of(k, fields, d->field), &p);
    bool has_from = day_of(value_of(k, fields, d->from), &from);
    if (!has || (d->counted && !d->before && has_from && day_number(&p) <= day_number(&from))) { /* a day that was kept, since it was done again */
        const struct jcs *told = value_of(k, fields, d->count_field);
        int64_t count = d->count_field < 0 ? (int64_t)d->count : told != NULL && told->kind == JCS_INT ? told->number : -1;
        bool fits = d->counted && count >= 0 && count <= (d->before ? REGISTER_BEFORE_MAX : REGISTER_EVERY_MAX);
        if (!fits || !has_from) {
            return false;
        }
        p = from;
        if (d->before) {
            back = count;
        } else {
            add_months(&p, count);
        }
    }
    const struct time_parts whole = {.year = p.year, .month = p.month, .day = p.day};
    if (!time_from_parts(&whole, 0, &t)) {
        return false;
    }
    *day_out = time_day(t) - back;
    return true;
}

const struct register_due *register_due_first(const struct register_kind *k, const struct jcs *fields, struct span state, uint64_t hidden, int64_t *day_out)
{
    const struct register_due *first = NULL;
    int place = register_state_of(k, state);
    for (uint32_t i = 0; i < k->ndue && place >= 0; i++) {
        const struct register_due *d = &k->due[i];
        int64_t day = 0;
        if ((d->states >> place & 1) != 0 && (register_due_fields(d) & hidden) == 0 && register_due_day(d, k, fields, &day) &&
            (first == NULL || day < *day_out)) {
            first = d;
            *day_out = day;
        }
    }
    return first;
}

int register_due_step(const struct register_due *d, int64_t day, int64_t today)
{
    int step = DUE_STEP_NONE;
    if (today > day) {
        return DUE_STEP_PAST;
    }
    for (uint32_t i = 0; i < d->nremind; i++) {
        step = day - today <= d->remind[i] ? d->remind[i] : step;
    }
    return step;
}

struct span register_day_text(struct arena *a, int64_t day)
{
    char text[TIME_TEXT_MAX];
    return arena_copy(a, span_make(time_format(day * TIME_DAY, text), DUE_DAY_TEXT));
}

size_t register_due_keys(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span state, struct record_key *out)
{
    size_t n = 0;
    int64_t day = 0;
    for (uint32_t i = 0; i < k->ndue; i++) {
        if (k->due[i].counted) {
            bool has = register_due_day(&k->due[i], k, fields, &day);
            out[n++] = (struct record_key){k->due[i].name, has ? register_day_text(a, day) : SPAN("")};
        }
    }
    if (k->ndue > 0) {
        bool has = register_due_first(k, fields, state, 0, &day) != NULL;
        out[n++] = (struct record_key){REGISTER_KEY_DUE, has ? register_day_text(a, day) : SPAN("")};
    }
    return n;
}
