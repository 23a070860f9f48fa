/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From completed correlations to alerts: completions of one group in the same minute of event time are one alert with a
 * count, and a correlation gives at most so many alerts per organisation and minute; what comes beyond is counted in the
 * last of them. Minutes are those of the events' clock, not counted from the first completion, so that completions fold
 * alike in whatever order they come: from one intake or several, now or in a replay. Runs in the correlator role.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "roles/correlator_priv.h"

enum { FOLD_KEY_MAX = 16 * 1024, FOLD_FIELDS_MAX = 64 };

/* ---- the list and the map ---- */

static void list_remove(struct link *l, struct link_fold *f)
{
    *(f->older == NULL ? &l->oldest : &f->older->newer) = f->newer;
    *(f->newer == NULL ? &l->newest : &f->newer->older) = f->older;
    f->older = f->newer = NULL;
}

static void list_append(struct link *l, struct link_fold *f)
{
    f->older = l->newest;
    *(l->newest == NULL ? &l->oldest : &l->newest->newer) = f;
    l->newest = f;
}

/* The minute of event time a completion belongs to, counted from 1970. */
static time_ns minute_of(time_ns time)
{
    const time_ns length = LINK_FOLD_S * TIME_SECOND;
    return time < 0 ? (time + 1) / length - 1 : time / length;
}

static void put_key(struct buf *out, uint32_t correlation, time_ns minute, struct span scope, struct span group)
{
    buf_u32(out, correlation);
    buf_u64(out, (uint64_t)minute);
    buf_str(out, scope);
    buf_str(out, group);
}

/* A fold of its own with the key's parts in it, in list and map. */
static struct link_fold *fold_add(struct link *l, struct span key)
{
    struct link_fold *f = mem_alloc(sizeof *f + key.len);
    char *copy = (char *)(f + 1);
    memcpy(copy, key.ptr, key.len);
    f->key = span_make(copy, key.len);
    struct cursor c = cursor_of(f->key);
    f->correlation = cursor_u32(&c);
    (void)cursor_u64(&c); /* its minute */
    f->scope = cursor_str(&c);
    f->group = cursor_str(&c);
    buf_init(&f->alert, ALERT_MAX_BYTES);
    list_append(l, f);
    map_put(&l->folds, f->key, (uint64_t)(uintptr_t)f);
    l->nfolds++;
    return f;
}

static void fold_free(struct link *l, struct link_fold *f)
{
    list_remove(l, f);
    l->nfolds--;
    buf_free(&f->alert);
    mem_free(f);
}

/* The map borrows keys of folds: after some of these went it is made again. */
static void map_again(struct link *l)
{
    map_free(&l->folds);
    map_init(&l->folds);
    for (struct link_fold *f = l->oldest; f != NULL; f = f->newer) {
        map_put(&l->folds, f->key, (uint64_t)(uintptr_t)f);
    }
}

/* ---- telling ---- */

static void tell(struct link *l, struct link_fold *f)
{
    struct alert a;
    struct buf body;
    struct cursor c = cursor_of(buf_view(&f->alert));
    struct arena arena;
    arena_init(&arena, 0);
    buf_init(&body, ALERT_MAX_BYTES);
    CHECK(alert_decode(&c, &arena, &a, NULL) == 0);
    a.count = f->count;
    a.time = f->first;
    a.last_time = f->last;
    alert_encode(&body, &a);
    CHECK(!body.failed);
    const struct correlate_alert out = {f->at, f->group, buf_view(&body)};
    correlated_alert_encode(&l->out, &out);
    l->nout++;
    l->alerts += f->told == 0 ? 1 : 0;
    f->told = f->count;
    buf_free(&body);
    arena_fini(&arena);
    if (l->nout >= CORRELATE_ALERTS_MAX / 2 || l->out.len > CORRELATE_PART_BYTES) {
        link_flush(l);
    }
}

static void count_in(struct link *l, struct link_fold *f, time_ns time)
{
    f->count += f->count < UINT32_MAX ? 1 : 0;
    if (time < f->first && minute_of(time) == minute_of(f->first)) { /* else it is one of those beyond the limit */
        f->first = time;
    }
    f->last = time > f->last ? time : f->last;
    f->touched = l->clock;
    if (f != l->newest) {
        list_remove(l, f);
        list_append(l, f);
    }
}

/*
 * How a new fold of this group stands to the limit, which is one of groups: minutes of an old log pass in a moment, and its
 * groups shall not become one alert for that. *again: a fold of the group was opened not long ago. Returns the fold that
 * takes what is beyond the limit, or NULL below it.
 */
static struct link_fold *over_limit(const struct link *l, uint32_t correlation, struct span scope, struct span group, bool *again)
{
    struct link_fold *last = NULL;
    uint32_t n = 0;
    *again = false;
    for (struct link_fold *f = l->newest; f != NULL; f = f->older) {
        if (f->correlation != correlation || f->opened <= l->clock - LINK_FOLD_S * TIME_SECOND || !span_eq(f->scope, scope)) {
            continue;
        }
        if (span_eq(f->group, group)) {
            *again = true;
            return NULL;
        }
        last = last == NULL ? f : last;
        n += f->again ? 0 : 1;
    }
    return n >= LINK_FOLD_ALERTS ? last : NULL;
}

/* ---- the alert ---- */

static uint32_t put_fields(struct link *l, const struct link_input *in, struct alert_field *fields)
{
    uint32_t n = 0;
    uint32_t used = 0;
    const field_id *ids = correlations_fields(l->compiled->correlations, in->rule, &n);
    for (uint32_t i = 0; i < n && used < FOLD_FIELDS_MAX; i++) {
        if (in->values[i].ptr != NULL) {
            fields[used++] = (struct alert_field){l->compiled->catalog->fields[ids[i]], in->values[i]};
        }
    }
    return used;
}

static struct archive_address address_of(uint64_t ref)
{
    return (struct archive_address){(int32_t)(ref >> 48), (uint32_t)(ref >> 16), (uint32_t)(ref & UINT16_MAX)};
}

static void encode(struct link *l, struct link_fold *f, const struct link_input *in, const struct correlate_output *o)
{
    const struct ruleset *rules = l->compiled->ruleset;
    const struct ruleset_rule *rule = ruleset_rule(rules, ruleset_nrules(rules) + o->correlation);
    struct alert_field fields[FOLD_FIELDS_MAX];
    char reached[64];
    bool mine = o->ref == in->ref; /* else a late event completed an earlier one, whose values are gone */
    (void)snprintf(reached, sizeof reached, "%g (%u events told)", o->value, o->nrefs);
    const struct alert_why why = {.selection = SPAN("correlation"),
                                  .field = span_sub(o->group, 0, ALERT_VALUE_MAX),
                                  .operator_ = SPAN("reached"),
                                  .value = span_of(reached)};
    const struct alert a = {
        .rule_id = rule->id,
        .rule_hash = rule->hash,
        .title = rule->title,
        .level = rule->level,
        .time = o->time,
        .received = in->received,
        .last_time = o->time,
        .count = 1,
        .organisation = in->origin->organisation,
        .source = in->origin->source,
        .product = in->origin->product,
        .category = in->origin->category,
        .service = in->origin->service,
        .host = mine ? in->host : SPAN(""),
        .user = mine ? in->user : SPAN(""),
        .summary = o->group.len > 0 ? o->group : rule->title,
        .block = f->at.block,
        .index = f->at.index,
        .tags = mine ? in->tags : 0,
        .nwhy = 1,
        .why = &why,
        .nfields = (uint16_t)(mine ? put_fields(l, in, fields) : 0),
        .fields = fields,
    };
    alert_encode(&f->alert, &a);
    CHECK(!f->alert.failed); /* 64 fields of at most 8 KiB and a handful of texts */
}

void link_completed(struct link *l, const struct link_input *in, const struct correlate_output *o)
{
    const struct ruleset *rules = l->compiled->ruleset;
    uint64_t found = 0;
    if (ruleset_rule(rules, ruleset_nrules(rules) + o->correlation)->quiet) {
        return;
    }
    struct buf key;
    buf_init(&key, FOLD_KEY_MAX);
    put_key(&key, o->correlation, minute_of(o->time), o->scope, o->group);
    CHECK(!key.failed);
    struct link_fold *f = map_get(&l->folds, buf_view(&key), &found) ? (struct link_fold *)(uintptr_t)found : NULL;
    bool again = false;
    f = f == NULL ? over_limit(l, o->correlation, o->scope, o->group, &again) : f;
    if (f != NULL) {
        count_in(l, f, o->time);
        buf_free(&key);
        return;
    }
    if (l->nfolds >= LINK_FOLDS_MAX) {
        if (l->oldest->count > l->oldest->told) {
            tell(l, l->oldest);
        }
        fold_free(l, l->oldest);
        map_again(l);
    }
    f = fold_add(l, buf_view(&key));
    f->first = f->last = o->time;
    f->opened = f->touched = l->clock;
    f->again = again;
    f->count = 1;
    f->at = address_of(o->ref);
    encode(l, f, in, o);
    tell(l, f);
    buf_free(&key);
}

/* ---- time ---- */

void link_folds_tick(struct link *l)
{
    if (l->clock - l->updated < LINK_UPDATE_S * TIME_SECOND) {
        return;
    }
    bool gone = false;
    l->updated = l->clock;
    for (struct link_fold *f = l->oldest; f != NULL;) {
        struct link_fold *next = f->newer;
        if (f->count > f->told) {
            tell(l, f);
        }
        if (f->touched < l->clock - LINK_FOLD_S * TIME_SECOND) {
            fold_free(l, f);
            gone = true;
        }
        f = next;
    }
    if (gone) {
        map_again(l);
    }
}

time_ns link_folds_due(const struct link *l)
{
    for (const struct link_fold *f = l->oldest; f != NULL; f = f->newer) {
        if (f->count > f->told) {
            return l->updated + LINK_UPDATE_S * TIME_SECOND;
        }
    }
    return 0;
}

/* ---- stored ---- */

static struct span name_of(const struct ruleset *rules, uint32_t correlation)
{
    const struct ruleset_rule *r = ruleset_rule(rules, ruleset_nrules(rules) + correlation);
    return r->id.len > 0 ? r->id : r->hash;
}

/* Number of the correlation that is called so, UINT32_MAX = none. */
static uint32_t number_of(const struct link *l, struct span name)
{
    uint64_t number = 0;
    uint32_t nrules = ruleset_nrules(l->compiled->ruleset);
    return map_get(&l->rule_numbers, name, &number) && number >= nrules ? (uint32_t)number - nrules : UINT32_MAX;
}

void link_folds_save(const struct link *l, struct buf *out)
{
    buf_u32(out, (uint32_t)l->nfolds);
    for (const struct link_fold *f = l->oldest; f != NULL; f = f->newer) {
        buf_str(out, name_of(l->compiled->ruleset, f->correlation));
        buf_str(out, f->scope);
        buf_str(out, f->group);
        const time_ns times[] = {f->first, f->last, f->opened, f->touched};
        for (size_t i = 0; i < ARRAY_LEN(times); i++) {
            buf_u64(out, (uint64_t)times[i]);
        }
        buf_u32(out, f->count);
        buf_u32(out, f->told);
        buf_u32(out, (uint32_t)f->at.day);
        buf_u32(out, f->at.block);
        buf_u32(out, f->at.index);
        buf_str(out, buf_view(&f->alert));
    }
}

static int load_one(struct link *l, struct cursor *c, struct err *e)
{
    struct link_fold f = {0};
    struct alert a;
    struct arena arena;
    struct buf key;
    struct span name = cursor_str(c);
    struct span scope = cursor_str(c);
    struct span group = cursor_str(c);
    time_ns *times[] = {&f.first, &f.last, &f.opened, &f.touched};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = (time_ns)cursor_u64(c);
    }
    f.count = cursor_u32(c);
    f.told = cursor_u32(c);
    f.at.day = (int32_t)cursor_u32(c);
    f.at.block = cursor_u32(c);
    f.at.index = cursor_u32(c);
    struct span body = cursor_str(c);
    arena_init(&arena, 0);
    struct cursor in = cursor_of(body);
    int rc = c->failed || scope.len + group.len > FOLD_KEY_MAX / 2 || f.told == 0 || f.count < f.told ||
                     alert_decode(&in, &arena, &a, NULL) != 0 || l->nfolds >= LINK_FOLDS_MAX
                 ? err_set(e, ERR_INVALID, "the stored windows hold a damaged alert")
                 : 0;
    arena_fini(&arena);
    uint32_t number = rc == 0 ? number_of(l, name) : UINT32_MAX;
    if (number == UINT32_MAX) {
        return rc; /* of a correlation that is gone: it was told */
    }
    buf_init(&key, FOLD_KEY_MAX);
    put_key(&key, number, minute_of(f.first), scope, group);
    (void)over_limit(l, number, scope, group, &f.again);
    struct link_fold *to = fold_add(l, buf_view(&key));
    to->again = f.again;
    to->first = f.first;
    to->last = f.last;
    to->opened = f.opened;
    to->touched = f.touched;
    to->count = f.count;
    to->told = f.told;
    to->at = f.at;
    buf_span(&to->alert, body);
    buf_free(&key);
    return 0;
}

int link_folds_load(struct link *l, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = load_one(l, c, e);
    }
    return rc;
}

void link_folds_move(struct link *l, const struct ruleset *old)
{
    struct buf key;
    buf_init(&key, FOLD_KEY_MAX);
    struct link_fold *list = l->oldest;
    struct link_fold *end = l->newest;
    map_free(&l->folds);
    map_init(&l->folds);
    while (list != NULL) {
        struct link_fold *next = list == end ? NULL : list->newer;
        uint32_t number = number_of(l, name_of(old, list->correlation));
        if (list->count > list->told) {
            tell(l, list);
        }
        if (number != UINT32_MAX) {
            buf_clear(&key);
            put_key(&key, number, minute_of(list->first), list->scope, list->group);
            struct link_fold *to = fold_add(l, buf_view(&key));
            to->again = list->again;
            to->first = list->first;
            to->last = list->last;
            to->opened = list->opened;
            to->touched = list->touched;
            to->count = list->count;
            to->told = list->told;
            to->at = list->at;
            buf_span(&to->alert, buf_view(&list->alert));
        }
        fold_free(l, list);
        list = next;
    }
    buf_free(&key);
    map_again(l);
}

void link_folds_free(struct link *l)
{
    while (l->oldest != NULL) {
        fold_free(l, l->oldest);
    }
    map_free(&l->folds);
    map_init(&l->folds);
}
