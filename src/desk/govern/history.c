/* SPDX-License-Identifier: EUPL-1.2 */
/* Changes of a record as a reader may see them: see history.h. */
#include "desk/govern/history.h"

#include "desk/govern/record_priv.h"

static struct span text_of(const struct jcs *v, struct arena *a)
{
    return v == NULL ? SPAN("") : jcs_text(a, v);
}

static bool differs(const struct jcs *before, const struct jcs *after, const char *name, struct arena *a)
{
    return !span_eq(text_of(jcs_get(before, name), a), text_of(jcs_get(after, name), a));
}

/* {"before": …, "after": …}; what was not there is null, as in no record. */
static void pair(struct json_writer *j, struct span before, struct span after)
{
    json_key(j, "before");
    json_raw(j, before.len > 0 ? before : SPAN("null"));
    json_key(j, "after");
    json_raw(j, after.len > 0 ? after : SPAN("null"));
}

static void show_fields(const struct record_worker *w, const struct jcs *before, const struct jcs *after, struct arena *a, struct json_writer *j)
{
    json_key(j, "fields");
    json_array(j);
    for (uint32_t i = 0; i < w->kind->nfields; i++) {
        const char *name = arena_cstr(a, w->kind->fields[i].name);
        if (differs(before, after, name, a)) {
            json_object(j);
            json_member_text(j, "field", w->kind->fields[i].name);
            pair(j, text_of(jcs_get(before, name), a), text_of(jcs_get(after, name), a));
            json_end(j);
        }
    }
    json_end(j);
}

/* A word that is not a field; null where it did not change. */
static void show_word(struct json_writer *j, const char *key, bool had, struct span before, struct span after)
{
    json_key(j, key);
    if (had && span_eq(before, after)) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "before");
    if (had) {
        json_text(j, before);
    } else {
        json_null(j);
    }
    json_member_text(j, "after", after);
    json_end(j);
}

/* Whether a field changed that he does not see, or a record that he may not read was named or no longer named. */
static bool is_unseen(const struct record_past *p, const struct jcs *before, const struct jcs *after, struct arena *a)
{
    struct jcs *was = NULL;
    struct jcs *is = NULL;
    if ((p->had && jcs_read_decimals(a, p->before.fields, JCS_DEPTH_MAX, &was, NULL) != 0) ||
        jcs_read_decimals(a, p->after.fields, JCS_DEPTH_MAX, &is, NULL) != 0) {
        return true;
    }
    const struct jcs *const sides[] = {was, is};
    const struct jcs *const shown[] = {before, after};
    for (size_t s = 0; s < ARRAY_LEN(sides); s++) {
        for (const struct jcs *m = sides[s] == NULL ? NULL : sides[s]->first; m != NULL; m = m->next) {
            const char *name = arena_cstr(a, m->key);
            bool whole = span_eq(text_of(m, a), text_of(jcs_get(shown[s], name), a));
            if (!whole && differs(was, is, name, a)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_there(struct span links, const struct record_link *l)
{
    struct cursor c = cursor_of(links);
    while (!c.failed && cursor_left(&c) > 0) {
        struct record_link other;
        record_link_decode(&c, &other);
        if (!c.failed && span_eq(other.field, l->field) && span_eq(other.id, l->id)) {
            return true;
        }
    }
    return false;
}

/* Names of the records in the fields above. */
static void show_links(const struct record_worker *w, const struct record_past *p, struct json_writer *j)
{
    uint64_t hidden = policy_record_hidden(w->reader, &w->kind->rights, w->now);
    const struct span sides[] = {p->had ? p->before.links : SPAN(""), p->after.links};
    json_key(j, "links");
    json_array(j);
    for (size_t s = 0; s < ARRAY_LEN(sides); s++) {
        struct cursor c = cursor_of(sides[s]);
        while (!c.failed && cursor_left(&c) > 0) {
            struct record_link l;
            record_link_decode(&c, &l);
            int place = c.failed ? -1 : register_field_of(w->kind, l.field);
            if (place < 0 || (hidden >> place & 1) != 0 || (s == 1 && is_there(sides[0], &l))) {
                continue;
            }
            const struct register_kind *k = w->kinds == NULL ? NULL : registers_by_name(w->kinds, l.kind);
            json_object(j);
            json_member_text(j, "field", l.field);
            json_member_text(j, "kind", l.kind);
            json_member_text(j, "plural", k == NULL ? l.kind : k->plural);
            json_member_text(j, "id", l.id);
            bool masked = false;
            json_member_text(j, "title", record_link_title(w, &p->after, &l, &masked));
            json_key(j, "masked");
            json_bool(j, masked);
            json_member_text(j, "state", l.state);
            json_end(j);
        }
    }
    json_end(j);
}

static struct span verb(struct span what)
{
    const struct span prefix = SPAN("record.");
    return span_starts(what, prefix) ? span_sub(what, prefix.len, what.len) : what;
}

bool record_past_show(const struct record_worker *w, const struct record_past *p, struct arena *a, struct json_writer *j)
{
    char at[TIME_TEXT_MAX];
    struct jcs *before = p->had ? record_fields_shown(w, &p->before, a) : NULL;
    struct jcs *after = record_fields_shown(w, &p->after, a);
    if (after == NULL || (p->had && before == NULL)) {
        return false;
    }
    json_object(j);
    json_key(j, "number");
    json_i64(j, p->number);
    json_member_text(j, "at", span_of(time_format(p->at, at)));
    json_member_text(j, "who", p->who);
    json_member_text(j, "what", verb(p->what));
    json_member_text(j, "why", is_unseen(p, before, after, a) ? SPAN("") : p->why);
    show_word(j, "state", p->had, p->before.state, p->after.state);
    show_word(j, "tlp", p->had, span_of(tlp_name(p->before.tlp)), span_of(tlp_name(p->after.tlp)));
    show_fields(w, before, after, a, j);
    show_links(w, p, j);
    json_key(j, "erased");
    json_bool(j, p->erased);
    json_end(j);
    return true;
}
