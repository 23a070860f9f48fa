/* SPDX-License-Identifier: EUPL-1.2 */
/* The audience of an envelope as JSON and as lists: see envelope.h. What is not understood opens nothing. */
#include "desk/federation/envelope.h"
#include "desk/federation/text.h"

static bool read_names(struct arena *a, const struct jcs *list, bool nodes, const struct span **out,
                       uint32_t *count_out)
{
    if (list->kind != JCS_ARRAY || list->count == 0 || list->count > FED_LIST_MAX) {
        return false; /* an empty list must never come to mean everybody */
    }
    struct span *names = arena_calloc(a, list->count, sizeof *names);
    uint32_t n = 0;
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        if (v->kind != JCS_TEXT ||
            !(nodes ? fed_node_valid(v->text) : fed_name_valid(v->text, FED_NAME_MAX))) {
            return false;
        }
        names[n++] = v->text;
    }
    *out = names;
    *count_out = n;
    return true;
}

static bool read_persons(struct arena *a, const struct jcs *list, struct fed_audience *out)
{
    static const char *const names[] = {"node", "name", NULL};
    if (list->kind != JCS_ARRAY || list->count == 0 || list->count > FED_LIST_MAX) {
        return false;
    }
    struct fed_person *persons = arena_calloc(a, list->count, sizeof *persons);
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        struct fed_person *p = &persons[out->npersons];
        if (!jcs_only(v, names) || !jcs_get_text(v, "node", &p->node) || !fed_node_valid(p->node) ||
            !jcs_get_text(v, "name", &p->name) || !fed_name_valid(p->name, FED_NAME_MAX)) {
            return false;
        }
        out->npersons++;
    }
    out->persons = persons;
    return true;
}

static bool read_flag(const struct jcs *v, bool *out)
{
    *out = v->kind == JCS_BOOL && v->truth;
    return v->kind == JCS_BOOL;
}

static bool read_part(struct arena *a, const struct jcs *v, struct fed_audience *out)
{
    static const struct {
        struct span key;
        size_t at;
    } flags[] = {{SPAN("all"), offsetof(struct fed_audience, all)},
                 {SPAN("nda"), offsetof(struct fed_audience, nda)},
                 {SPAN("sponsors"), offsetof(struct fed_audience, sponsors)},
                 {SPAN("csirt"), offsetof(struct fed_audience, csirt)},
                 {SPAN("public"), offsetof(struct fed_audience, public_)}};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (span_eq(v->key, flags[i].key)) {
            return read_flag(v, (bool *)((char *)out + flags[i].at));
        }
    }
    if (span_eq(v->key, SPAN("orgs"))) {
        return read_names(a, v, false, &out->orgs, &out->norgs);
    }
    if (span_eq(v->key, SPAN("nodes"))) {
        return read_names(a, v, true, &out->nodes, &out->nnodes);
    }
    return span_eq(v->key, SPAN("persons")) && read_persons(a, v, out);
}

static bool names_somebody(const struct fed_audience *who)
{
    return who->all || who->nda || who->norgs > 0 || who->nnodes > 0 || who->npersons > 0;
}

void fed_audience_read(struct arena *a, const struct jcs *v, struct fed_audience *out)
{
    bool good = v != NULL && v->kind == JCS_OBJECT;
    *out = (struct fed_audience){0};
    for (const struct jcs *m = good ? v->first : NULL; m != NULL && good; m = m->next) {
        good = read_part(a, m, out);
    }
    if (!good || !names_somebody(out)) {
        *out = (struct fed_audience){.unknown = true};
    }
}

int fed_audience_write(struct arena *a, const struct fed_audience *who, struct jcs **out,
                       struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct fed_audience back;
    const struct {
        const char *key;
        bool set;
    } flags[] = {{"all", who->all},
                 {"nda", who->nda},
                 {"sponsors", who->sponsors},
                 {"csirt", who->csirt},
                 {"public", who->public_}};
    const struct {
        const char *key;
        const struct span *names;
        uint32_t count;
    } lists[] = {{"orgs", who->orgs, who->norgs}, {"nodes", who->nodes, who->nnodes}};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (flags[i].set) {
            jcs_set_bool(a, o, flags[i].key, true);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct jcs *list = jcs_new_array(a);
        for (uint32_t n = 0; n < lists[i].count; n++) {
            jcs_add(list, jcs_new_text(a, lists[i].names[n]));
        }
        if (lists[i].count > 0) {
            jcs_set(a, o, lists[i].key, list);
        }
    }
    struct jcs *persons = jcs_new_array(a);
    for (uint32_t i = 0; i < who->npersons; i++) {
        struct jcs *p = jcs_new_object(a);
        jcs_set_text(a, p, "node", who->persons[i].node);
        jcs_set_text(a, p, "name", who->persons[i].name);
        jcs_add(persons, p);
    }
    if (who->npersons > 0) {
        jcs_set(a, o, "persons", persons);
    }
    fed_audience_read(a, o, &back);
    if (who->unknown || back.unknown) {
        return err_set(e, ERR_INVALID, "an audience must name somebody, by names that can be names");
    }
    *out = o;
    return 0;
}
