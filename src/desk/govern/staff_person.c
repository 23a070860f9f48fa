/* SPDX-License-Identifier: EUPL-1.2 */
/* Person records that follow joiners and leavers: see staff_person.h. */
#include "desk/govern/staff_person.h"

#include <stddef.h>

static const struct said {
    const char *field, *column;
    size_t at; /* in struct staff_words */
    bool of_leavers;
} said[] = {
    {STAFF_NUMBER_FIELD, "number", offsetof(struct staff_words, number), false},
    {"name", "person", offsetof(struct staff_words, person), false},
    {"mail", "mail", offsetof(struct staff_words, mail), false},
    {"phone", "phone", offsetof(struct staff_words, phone), false},
    {"office", "office", offsetof(struct staff_words, office), false},
    {"leaves", "last_day", offsetof(struct staff_words, last_day), true},
};

static void fault(struct staff_person *out, const char *column, const char *what)
{
    out->outcome = IMPORT_FAULTY;
    out->column = column;
    out->fault = what;
}

static struct span text_of(const struct jcs *fields, const char *name)
{
    const struct jcs *v = fields == NULL ? NULL : jcs_get(fields, name);
    return v != NULL && v->kind == JCS_TEXT ? v->text : SPAN("");
}

static struct span word(const struct staff_subject *s, size_t i, bool is_new)
{
    const struct span *text = (const struct span *)(const void *)((const char *)&s->says + said[i].at);
    bool named = is_new && text->len == 0 && span_eq(span_of(said[i].field), SPAN("name"));
    return named ? s->name : s->left && !said[i].of_leavers ? SPAN("") : *text;
}

static struct jcs *document(struct arena *a, struct span text)
{
    struct jcs *doc = NULL;
    return text.len > 0 && jcs_read_decimals(a, text, JCS_DEPTH_MAX, &doc, NULL) == 0 && doc->kind == JCS_OBJECT ? doc : jcs_new_object(a);
}

/* What of the list goes into the record, and what lists have written there then. */
static void fill(const struct record_worker *w, const struct staff_subject *s, const struct staff_person_known *known, struct arena *a, struct import_row *r,
                 struct staff_person *out)
{
    const bool is_new = known->found == 0;
    const bool gone = !is_new && span_eq(known->row.state, SPAN("left")); /* what is empty there may have been erased when its time was over */
    const struct jcs *is = document(a, is_new ? SPAN("") : known->row.fields);
    const struct jcs *before = document(a, known->wrote);
    struct jcs *wrote = jcs_new_object(a);
    r->row.fields = jcs_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        int place = register_field_of(w->kind, span_of(said[i].field));
        struct span text = word(s, i, is_new);
        struct span there = text_of(is, said[i].field);
        bool own = there.len > 0 && span_eq(there, text_of(before, said[i].field));
        if (place >= 0 && text.len > 0 && !span_eq(text, there) && (own || (there.len == 0 && !gone))) {
            jcs_set(a, r->row.fields, said[i].field, jcs_new_text(a, text));
            jcs_set(a, wrote, said[i].field, jcs_new_text(a, text));
            r->row.named |= UINT64_C(1) << place;
        } else if (own) {
            jcs_set(a, wrote, said[i].field, jcs_new_text(a, there));
        } else if (place >= 0 && text.len > 0 && there.len > 0 && !span_eq(text, there)) {
            out->kept |= UINT64_C(1) << place;
        }
    }
    out->wrote = wrote->first == NULL ? SPAN("") : jcs_text(a, wrote);
}

/* The first of what the register does not take, as the list has it. */
static void tell_fault(const struct record_faults *f, struct arena *a, struct staff_person *out)
{
    struct span column = record_import_column(&f->list[0]);
    const char *name = "person";
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        name = span_eq(column, span_of(said[i].field)) ? said[i].column : name;
    }
    bool denied = f->list[0].reason == SCHEMA_DENIED || f->list[0].reason == SCHEMA_FIXED || f->list[0].reason == SCHEMA_NO_WAY;
    fault(out, name, denied ? "Your role may not change this person record so."
                            : arena_printf(a, "The register of people does not take this (%s).", schema_reason_word(f->list[0].reason)));
}

/* Whether there is something to decide, and nothing wrong with who he is. */
static bool is_clear(const struct staff_subject *s, const struct staff_person_known *known, struct arena *a, struct staff_person *out)
{
    struct span number = known->found == 1 ? text_of(document(a, known->row.fields), STAFF_NUMBER_FIELD) : SPAN("");
    if (known->found > 1) {
        fault(out, "number", known->linked ? "The account is another person's than the one who has this number." : "Several people have this number.");
    } else if (known->taken) {
        fault(out, "number", "The person who has this number has another account.");
    } else if (known->linked && known->found == 0) {
        return false; /* a record that he may not read */
    } else if (known->found == 1 && known->linked && s->says.number.len > 0 && number.len > 0 && !span_eq(number, s->says.number)) {
        fault(out, "number", "The person of this account has another number.");
    } else if (known->found == 1 && !s->left && span_eq(known->row.state, SPAN("left"))) {
        fault(out, "state", "The record of this person says that he left; a list brings nobody back.");
    } else {
        return known->found == 1 || (!s->left && s->says.number.len > 0);
    }
    return false;
}

void staff_person(const struct record_worker *w, const struct staff_subject *s, const struct staff_person_known *known, struct span id, struct span why,
                  struct arena *a, struct staff_person *out)
{
    struct import_row *r = arena_calloc(a, 1, sizeof *r);
    *out = (struct staff_person){.outcome = IMPORT_SAME};
    if (!is_clear(s, known, a, out)) {
        return;
    }
    fill(w, s, known, a, r, out);
    r->organisation = s->organisation;
    r->row.state = s->left ? SPAN("left") : SPAN("");
    record_import(w, (enum import_found)known->found, &known->row, id, s->why.len > 0 ? s->why : why, a, r);
    out->outcome = r->outcome;
    if (r->outcome == IMPORT_FAULTY) {
        tell_fault(&r->faults, a, out);
        return;
    }
    out->put = r->put;
    out->back = r->back;
    out->was = r->was;
    out->becomes = r->becomes;
    out->title = r->put.row.title;
    out->person = known->found == 1 ? known->row.id : id;
    out->moved = known->found == 1 && !span_eq(r->put.row.state, known->row.state);
    out->link = s->has_account && !known->linked && !s->left;
}
