/* SPDX-License-Identifier: EUPL-1.2 */
/* Days on which something is due, as a reader sees them: see due.h. */
#include "desk/govern/due.h"

bool due_shown(const struct policy_reader *reader, const struct register_kind *k, time_ns now)
{
    uint64_t hidden = policy_record_hidden(reader, &k->rights, now);
    uint64_t made_of = 0;
    for (uint32_t i = 0; i < k->ndue; i++) {
        made_of |= register_due_fields(&k->due[i]);
    }
    return k->ndue > 0 && (made_of & hidden) == 0;
}

static void text(struct json_writer *j, const char *key, struct span v)
{
    json_key(j, key);
    json_text(j, v);
}

static void text_or_null(struct json_writer *j, const char *key, struct span v)
{
    json_key(j, key);
    if (v.len > 0) {
        json_text(j, v);
    } else {
        json_null(j);
    }
}

void due_member(const struct record_worker *w, struct span state, const struct jcs *fields, struct arena *a, struct json_writer *j)
{
    int64_t day = 0;
    int64_t today = time_day(w->now);
    if (w->kind->ndue == 0) {
        return;
    }
    const struct register_due *d = register_due_first(w->kind, fields, state, policy_record_hidden(w->reader, &w->kind->rights, w->now), &day);
    json_key(j, "due");
    if (d == NULL) {
        json_null(j);
        return;
    }
    int step = register_due_step(d, day, today);
    json_object(j);
    text(j, "name", d->name);
    text(j, "as", span_of(register_about_name(d->about)));
    text(j, "day", register_day_text(a, day));
    json_key(j, "in"); /* days; below 0: it is past */
    json_i64(j, day - today);
    json_key(j, "remind"); /* a step of its reminders is reached, or it is past */
    json_bool(j, step != DUE_STEP_NONE);
    json_end(j);
}

void due_kinds(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct due_query *out)
{
    size_t n = 0;
    const struct register_kind *k = registers_kinds(kinds, &n);
    out->nkinds = 0;
    for (size_t i = 0; i < n; i++) {
        if (due_shown(reader, &k[i], now)) {
            struct due_kind *x = &out->kinds[out->nkinds];
            policy_record_scope(reader, &k[i].rights, now, &x->scope);
            x->kind = k[i].name;
            out->nkinds += !record_scope_empty(&x->scope);
        }
    }
}

/* Whose it is: who made it, or whose name stands as its owner. */
static bool is_his(const struct record_worker *w, const struct record_row *row, struct span owner)
{
    return span_eq(row->author, w->reader->person) || (owner.len > 0 && span_eq(owner, w->name));
}

/* False: not for him, and nothing was written. */
static bool one(struct json_writer *j, const struct record_worker *w, const struct record_row *row, struct arena *a)
{
    struct span owner = SPAN("");
    struct record_worker silent = *w; /* of its fields the title alone goes out */
    silent.reads = NULL;
    const struct jcs *fields = record_fields_shown(&silent, row, a);
    if (fields == NULL) {
        return false;
    }
    record_reads_add(w->reads, row, (w->kind->rights.personal >> w->kind->title & 1) != 0 && register_title(w->kind, fields).len > 0);
    owner = jcs_get_text(fields, "owner", &owner) ? owner : SPAN("");
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", row->id},       {"kind", row->kind}, {"plural", w->kind->plural}, {"title", register_title(w->kind, fields)},
                 {"state", row->state}, {"organisation", row->organisation}, {"tlp", span_of(tlp_name(row->tlp))}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        text(j, texts[i].key, texts[i].value);
    }
    json_key(j, "masked"); /* its title says who somebody is */
    json_bool(j, (record_masked(w, row) >> w->kind->title & 1) != 0);
    text_or_null(j, "owner", owner);
    json_key(j, "mine");
    json_bool(j, is_his(w, row, owner));
    due_member(w, row->state, fields, a, j);
    json_end(j);
    return true;
}

bool due_document(struct json_writer *j, struct record_worker *w, struct span to, struct arena *a, struct cursor *data)
{
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    const char *next = NULL;
    json_object(j);
    text(j, "to", to);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct due_row r;
        due_row_decode(data, &r);
        w->kind = data->failed ? NULL : registers_by_name(w->kinds, r.row.kind);
        if (w->kind != NULL && one(j, w, &r.row, a)) {
            next = arena_printf(a, "%.*s.%.*s", SPAN_ARG(r.day), SPAN_ARG(r.row.id));
        }
    }
    json_end(j);
    text_or_null(j, "next", more && next != NULL ? span_of(next) : SPAN(""));
    json_end(j);
    return cursor_done(data);
}
