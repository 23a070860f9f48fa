/* SPDX-License-Identifier: EUPL-1.2 */
/* Days on which something is due, as a reader sees them: see due.h. */
#include "desk/govern/due.h"

#include "desk/govern/record_priv.h"

bool due_shown(const struct policy_reader *reader, const struct register_kind *k, time_ns now)
{
    uint64_t hidden = policy_record_hidden(reader, &k->rights, now);
    uint64_t made_of = 0;
    for (uint32_t i = 0; i < k->ndue; i++) {
        made_of |= register_due_fields(&k->due[i]);
    }
    return k->ndue > 0 && (made_of & hidden) == 0;
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
    json_member_text(j, "name", d->name);
    json_member_text(j, "as", span_of(register_about_name(d->about)));
    json_member_text(j, "day", register_day_text(a, day));
    json_key(j, "in"); /* days; below 0: it is past */
    json_i64(j, day - today);
    json_key(j, "remind"); /* a step of its reminders is reached, or it is past */
    json_bool(j, step != DUE_STEP_NONE);
    json_end(j);
}

static struct span field_name(const struct register_kind *k, int place, uint64_t hidden)
{
    return place < 0 || (hidden >> place & 1) != 0 ? SPAN("") : k->fields[place].name;
}

/* Of the ways to other records those to owners alone. */
static void keep_owners(const struct due_query *q, struct record_sight *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->nways; i++) {
        bool leads = false;
        for (uint32_t n = 0; n < q->nkinds && !leads; n++) {
            leads = span_eq(q->kinds[n].kind, s->ways[i].kind) && span_eq(q->kinds[n].link, s->ways[i].field);
        }
        s->ways[kept] = s->ways[i];
        kept += leads;
    }
    s->nways = kept;
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
            uint64_t hidden = policy_record_hidden(reader, &k[i].rights, now);
            x->kind = k[i].name;
            x->link = field_name(&k[i], k[i].owner_link, hidden);
            x->link_kind = x->link.len > 0 ? k[i].fields[k[i].owner_link].ref : SPAN("");
            x->text = field_name(&k[i], k[i].owner_text, hidden);
            out->nkinds += !record_scope_empty(&x->scope);
        }
    }
    record_sight_of(kinds, reader, now, &out->sight);
    keep_owners(out, &out->sight);
}

/* Whose it is, in words: what the record that its link leads to is called, else what its text says. Empty also where that is masked or not his to read. */
static struct span owner_of(const struct record_worker *w, const struct record_row *row, const struct jcs *fields, struct arena *a)
{
    const struct register_kind *k = w->kind;
    struct cursor c = cursor_of(row->links);
    struct span text = SPAN("");
    while (k->owner_link >= 0 && !c.failed && cursor_left(&c) > 0) {
        struct record_link l;
        bool masked = false;
        record_link_decode(&c, &l);
        if (!c.failed && span_eq(l.field, k->fields[k->owner_link].name)) {
            return record_link_title(w, row, &l, &masked);
        }
    }
    return k->owner_text >= 0 && jcs_get_text(fields, arena_cstr(a, k->fields[k->owner_text].name), &text) ? text : SPAN("");
}

/* False: not for him, and nothing was written. */
static bool one(struct json_writer *j, const struct record_worker *w, const struct due_row *due, struct arena *a)
{
    const struct record_row *row = &due->row;
    const struct jcs *fields = record_line_begin(w, row, a, j);
    if (fields == NULL) {
        return false;
    }
    json_member_text_or_null(j, "owner", owner_of(w, row, fields, a));
    json_key(j, "mine");
    json_bool(j, due->mine);
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
    json_member_text(j, "to", to);
    json_key(j, "items");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct due_row r;
        due_row_decode(data, &r);
        w->kind = data->failed ? NULL : registers_by_name(w->kinds, r.row.kind);
        if (w->kind != NULL && one(j, w, &r, a)) {
            next = arena_printf(a, "%.*s.%.*s", SPAN_ARG(r.day), SPAN_ARG(r.row.id));
        }
    }
    json_end(j);
    json_member_text_or_null(j, "next", more && next != NULL ? span_of(next) : SPAN(""));
    json_end(j);
    return cursor_done(data);
}
