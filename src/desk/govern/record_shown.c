/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as a reader sees them: without what is hidden from him, masked or not his to read. See record.h. */
#include "desk/govern/due.h"
#include "desk/govern/record_priv.h"

uint64_t record_masked(const struct record_worker *w, const struct record_row *row)
{
    struct policy_record r;
    record_for_policy(row, &r);
    return policy_record_masked(w->reader, &w->kind->rights, &r, row->id, w->now) & ~record_closed(w, row, NULL);
}

uint64_t record_kind_masked(const struct record_worker *w)
{
    return policy_record_masked(w->reader, &w->kind->rights, NULL, SPAN(""), w->now);
}

bool record_title_masked(const struct record_worker *w, struct span kind, struct span id)
{
    const struct register_kind *k = w->kinds == NULL ? NULL : registers_any(w->kinds, kind);
    return k == NULL || (policy_record_masked(w->reader, &k->rights, NULL, id, w->now) >> k->title & 1) != 0;
}

static struct jcs *shown(const struct record_worker *w, const struct record_row *row, bool looking, struct arena *a)
{
    uint64_t unseen = record_closed(w, row, NULL) | record_masked(w, row);
    struct jcs *fields = NULL;
    struct jcs *out = jcs_new_object(a);
    bool persons = false;
    if (!span_eq(row->kind, w->kind->name) || !record_may(w, row, RECORD_READ)) {
        return NULL;
    }
    if (jcs_read_decimals(a, row->fields, JCS_DEPTH_MAX, &fields, NULL) == 0) {
        fields = record_fields_told(w->kind, row, fields, a);
        fields = looking ? record_computed(w, row, fields, a) : register_computed_all(a, w->kind, fields);
        for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
            int place = register_field_of(w->kind, m->key);
            /* A field that the file no longer has belongs to no right: it stays unseen. */
            if (place >= 0 && (unseen >> place & 1) == 0) {
                jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
                persons = persons || (w->kind->rights.personal >> place & 1) != 0;
            }
        }
    }
    record_reads_add(w->reads, row, persons);
    return out;
}

struct jcs *record_fields_shown(const struct record_worker *w, const struct record_row *row, struct arena *a)
{
    return shown(w, row, false, a);
}

struct jcs *record_fields_now(const struct record_worker *w, const struct record_row *row, struct arena *a)
{
    return shown(w, row, true, a);
}

struct span record_link_title(const struct record_worker *w, const struct record_row *row, const struct record_link *l, bool *masked_out)
{
    struct policy_record r;
    record_for_policy(row, &r);
    *masked_out = record_title_masked(w, l->kind, l->id) && !policy_record_sees_persons(w->reader, &w->kind->rights, &r, row->id, w->now);
    return *masked_out ? SPAN("") : l->title;
}

/* The records that it names, by fields that the reader sees. */
static void show_links(const struct record_worker *w, const struct record_row *row, struct json_writer *j)
{
    uint64_t hidden = record_closed(w, row, NULL);
    struct cursor c = cursor_of(row->links);
    json_key(j, "links");
    json_array(j);
    while (!c.failed && cursor_left(&c) > 0) {
        struct record_link l;
        record_link_decode(&c, &l);
        int place = c.failed ? -1 : register_field_of(w->kind, l.field);
        if (place < 0 || (hidden >> place & 1) != 0) {
            continue;
        }
        bool masked = false;
        struct span title = record_link_title(w, row, &l, &masked);
        const struct register_kind *k = w->kinds == NULL ? NULL : registers_by_name(w->kinds, l.kind);
        const struct {
            const char *key;
            struct span value;
        } texts[] = {{"field", l.field}, {"kind", l.kind}, {"plural", k == NULL ? l.kind : k->plural}, {"id", l.id}, {"title", title}, {"state", l.state}};
        json_object(j);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            json_key(j, texts[i].key);
            json_text(j, texts[i].value);
        }
        json_key(j, "masked");
        json_bool(j, masked);
        json_end(j);
    }
    json_end(j);
}

/* Names of masked fields that have a value. */
static void show_masked(const struct record_worker *w, const struct record_row *row, struct arena *a, struct json_writer *j)
{
    uint64_t masked = record_masked(w, row);
    struct jcs *fields = NULL;
    json_key(j, "masked");
    json_array(j);
    if (masked != 0 && jcs_read_decimals(a, row->fields, JCS_DEPTH_MAX, &fields, NULL) == 0) {
        for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
            int place = register_field_of(w->kind, m->key);
            if (place >= 0 && (masked >> place & 1) != 0) {
                json_text(j, m->key);
            }
        }
    }
    json_end(j);
}

/* States into which the reader may take it; guards are told when he tries. */
static void show_moves(const struct record_worker *w, const struct record_row *row, struct json_writer *j)
{
    json_key(j, "moves");
    json_array(j);
    for (uint32_t i = 0; i < w->kind->nstates && record_may(w, row, RECORD_MOVE); i++) {
        if (record_way(w, row, w->kind->states[i].id) != NULL) {
            json_text(j, w->kind->states[i].id);
        }
    }
    json_end(j);
}

bool record_show(const struct record_worker *w, const struct record_row *row, struct arena *a, struct json_writer *j)
{
    char created[TIME_TEXT_MAX], changed[TIME_TEXT_MAX];
    const struct jcs *fields = record_fields_now(w, row, a);
    if (fields == NULL) {
        return false;
    }
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", row->id},
                 {"kind", row->kind},
                 {"organisation", row->organisation},
                 {"author", row->author_name},
                 {"state", row->state},
                 {"tlp", span_of(tlp_name(row->tlp))},
                 {"created", span_of(time_format(row->created, created))},
                 {"changed", span_of(time_format(row->changed, changed))}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    json_key(j, "version");
    json_i64(j, row->version);
    show_moves(w, row, j);
    json_key(j, "fields");
    json_raw(j, jcs_text(a, fields));
    due_member(w, row->state, fields, a, j);
    show_masked(w, row, a, j);
    show_links(w, row, j);
    json_end(j);
    return true;
}

const struct jcs *record_line_begin(const struct record_worker *w, const struct record_row *row, struct arena *a, struct json_writer *j)
{
    struct record_worker silent = *w;
    silent.reads = NULL;
    const struct jcs *fields = record_fields_shown(&silent, row, a);
    if (fields == NULL) {
        return NULL;
    }
    record_reads_add(w->reads, row, (w->kind->rights.personal >> w->kind->title & 1) != 0 && register_title(w->kind, fields).len > 0);
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"id", row->id},       {"kind", row->kind}, {"plural", w->kind->plural}, {"title", register_title(w->kind, fields)},
                 {"state", row->state}, {"organisation", row->organisation}, {"tlp", span_of(tlp_name(row->tlp))}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    json_key(j, "masked"); /* its title says who somebody is */
    json_bool(j, (record_masked(w, row) >> w->kind->title & 1) != 0);
    return fields;
}
