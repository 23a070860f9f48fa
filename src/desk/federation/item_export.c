/* SPDX-License-Identifier: EUPL-1.2 */
/* An item under the Chatham House Rule: see item_export.h. */
#include "desk/federation/item_export.h"

#include "base/vec.h"
#include "desk/federation/envelope.h"

/* "City of Ahus" is also Ahus: what stands behind one of these is a name of its own. */
static const struct span particles[] = {SPAN(" of "), SPAN(" de "), SPAN(" del "), SPAN(" di "), SPAN(" da "), SPAN(" do "), SPAN(" von "),
                                        SPAN(" van "), SPAN(" d'"), SPAN(" af "), SPAN(" von der ")};
enum { TAIL_LEAST = 3 /* bytes of a name behind a particle; shorter ones would take out half a text */ };

struct names {
    VEC(struct span) list;
};

static void add(struct names *n, struct span name)
{
    if (name.len > 0 && policy_chr_names(name, &name, 1)) { /* it has a letter or digit */
        vec_push(&n->list, name);
    }
}

static void add_organisation(struct names *n, struct span org)
{
    add(n, org);
    for (size_t i = 0; i < ARRAY_LEN(particles); i++) {
        const struct span p = particles[i];
        for (size_t at = 0; at + p.len + TAIL_LEAST <= org.len; at++) {
            if (span_eq_nocase(span_sub(org, at, p.len), p)) {
                add(n, span_sub(org, at + p.len, org.len));
            }
        }
    }
}

static void add_audience(struct names *n, struct arena *a, const struct fed_item_row *row)
{
    struct jcs *audience = NULL;
    struct fed_audience who;
    if (jcs_read(a, row->audience, FED_DEPTH_MAX, &audience, NULL) != 0) {
        return;
    }
    fed_audience_read(a, audience, &who);
    for (uint32_t i = 0; i < who.npersons; i++) {
        add(n, who.persons[i].name);
    }
    for (uint32_t i = 0; i < who.norgs; i++) {
        add_organisation(n, who.orgs[i]);
    }
}

static void gather(struct names *n, struct arena *a, const struct fed_export *x)
{
    add_organisation(n, x->row->author_org);
    add(n, x->row->author);
    add(n, x->row->person);
    add_audience(n, a, x->row);
    for (uint32_t i = 0; i < x->m->nmembers; i++) {
        add_organisation(n, x->m->members[i].org);
        add(n, x->m->members[i].node);
    }
    for (uint32_t i = 0; i < x->m->nofficers; i++) {
        add(n, x->m->officers[i].name);
    }
    for (uint32_t i = 0; i < x->nalso; i++) {
        add_organisation(n, x->also[i]);
    }
}

static struct span time_text(struct arena *a, int64_t t)
{
    char text[TIME_TEXT_MAX];
    return arena_copy(a, span_of(time_format(t, text)));
}

static struct span document(struct arena *a, const struct fed_item_row *row)
{
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "id", row->id);
    jcs_set_int(a, o, "version", row->version);
    jcs_set_text(a, o, "kind", row->kind);
    jcs_set_text(a, o, "title", row->title);
    jcs_set_text(a, o, "text", row->body);
    jcs_set(a, o, "of", row->of_item.len == 0 ? jcs_new_null(a) : jcs_new_text(a, row->of_item));
    jcs_set_text(a, o, "tlp", row->tlp);
    jcs_set_text(a, o, "pap", row->pap);
    jcs_set_bool(a, o, "chr", true); /* whoever gets it is bound by the rule as well */
    jcs_set_text(a, o, "created", time_text(a, row->created));
    jcs_set_text(a, o, "expires", time_text(a, row->expires));
    return jcs_text(a, o);
}

int fed_item_export(struct arena *a, const struct fed_export *x, struct buf *out, struct policy_chr_report *report, struct err *e)
{
    struct names n = {0};
    gather(&n, a, x);
    struct policy_chr rule = {.identities = n.list.data, .nidentities = (uint32_t)n.list.len};
    memcpy(rule.key, x->key, sizeof rule.key);
    int rc = policy_chr_export(document(a, x->row), &rule, a, out, report, e);
    vec_free(&n.list);
    return rc;
}
