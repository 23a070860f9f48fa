/* SPDX-License-Identifier: EUPL-1.2 */
/* Several markings as one, and whether a change of a marking could show more than before. See
 * policy.h. */
#include "policy/policy_priv.h"

enum tlp policy_effective_tlp(const struct policy_item *item)
{
    enum tlp t = item->nmarkings == 0 ? TLP_UNKNOWN : TLP_CLEAR;
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        t = tlp_stricter(item->markings[i].tlp, t);
    }
    return t;
}

enum pap policy_effective_pap(const struct policy_item *item)
{
    enum pap p = item->nmarkings == 0 ? PAP_UNKNOWN : PAP_CLEAR;
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        p = pap_stricter(item->markings[i].pap, p);
    }
    return p;
}

bool policy_effective_chr(const struct policy_item *item)
{
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        if (item->markings[i].chr) {
            return true;
        }
    }
    return item->nmarkings == 0;
}

/* ---- lists ---- */

static bool has(const struct span *list, uint32_t n, struct span id)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(list[i], id)) {
            return true;
        }
    }
    return false;
}

static bool has_person(const struct policy_person *list, uint32_t n, const struct policy_person *p)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(list[i].id, p->id) && span_eq(list[i].organisation, p->organisation)) {
            return true;
        }
    }
    return false;
}

/* The same circle at the same epoch: two epochs are two audiences of which neither holds the other.
 * With `listed`, only where it is listed too. */
static bool has_circle(const struct policy_circle *list, uint32_t n, const struct policy_circle *c,
                       bool listed)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(list[i].id, c->id) && list[i].epoch == c->epoch &&
            (list[i].listed || !listed)) {
            return true;
        }
    }
    return false;
}

static const struct span *common(struct policy_room *room, const struct span *a, uint32_t na,
                                 const struct span *b, uint32_t nb, uint32_t *n_out)
{
    const struct span *start = room->spans;
    *n_out = 0;
    for (uint32_t i = 0; i < na && room->nspans > 0; i++) {
        if (has(b, nb, a[i])) {
            *room->spans++ = a[i];
            room->nspans--;
            (*n_out)++;
        }
    }
    return start;
}

static const struct policy_circle *common_circles(struct policy_room *room,
                                                  const struct policy_circle *a, uint32_t na,
                                                  const struct policy_circle *b, uint32_t nb,
                                                  uint32_t *n_out)
{
    const struct policy_circle *start = room->circles;
    *n_out = 0;
    for (uint32_t i = 0; i < na && room->ncircles > 0; i++) {
        if (has_circle(b, nb, &a[i], false)) {
            *room->circles = a[i];
            room->circles->listed = a[i].listed && has_circle(b, nb, &a[i], true);
            room->circles++;
            room->ncircles--;
            (*n_out)++;
        }
    }
    return start;
}

static const struct policy_person *common_persons(struct policy_room *room,
                                                  const struct policy_audience *a,
                                                  const struct policy_audience *b, uint32_t *n_out)
{
    const struct policy_person *start = room->persons;
    *n_out = 0;
    for (uint32_t i = 0; i < a->npersons && room->npersons > 0; i++) {
        if (has_person(b->persons, b->npersons, &a->persons[i])) {
            *room->persons++ = a->persons[i];
            room->npersons--;
            (*n_out)++;
        }
    }
    return start;
}

/* Both lists of exclusions; without room for all of them nothing is known about the audience any
 * more. */
static const struct span *joined(struct policy_room *room, const struct policy_audience *a,
                                 const struct policy_audience *b, struct policy_audience *out)
{
    const struct span *start = room->spans;
    const struct policy_audience *both[] = {a, b};
    out->nexcluded = 0;
    for (size_t k = 0; k < ARRAY_LEN(both); k++) {
        for (uint32_t i = 0; i < both[k]->nexcluded; i++) {
            if (has(start, out->nexcluded, both[k]->excluded[i])) {
                continue;
            }
            if (room->nspans == 0) {
                out->unknown = true;
                return start;
            }
            *room->spans++ = both[k]->excluded[i];
            room->nspans--;
            out->nexcluded++;
        }
    }
    return start;
}

void policy_combine(const struct policy_marking *a, const struct policy_marking *b,
                    struct policy_room *room, struct policy_marking *out)
{
    const struct policy_audience *x = &a->audience;
    const struct policy_audience *y = &b->audience;
    struct policy_audience c = {
        .nda = x->nda || y->nda,
        .csirt = x->csirt && y->csirt,
        .hub = x->hub && y->hub,
        .house = x->house && y->house,
        .public_ = x->public_ && y->public_,
        /* What one of them does not understand must not fall out of the sum. */
        .unknown =
            policy_audience_sane(x) != REASON_ALLOWED || policy_audience_sane(y) != REASON_ALLOWED,
    };
    c.excluded = joined(room, x, y, &c); /* first: it must not lack room */
    c.circles = common_circles(room, x->circles, x->ncircles, y->circles, y->ncircles, &c.ncircles);
    c.groups = common_circles(room, x->groups, x->ngroups, y->groups, y->ngroups, &c.ngroups);
    c.organisations = common(room, x->organisations, x->norganisations, y->organisations,
                             y->norganisations, &c.norganisations);
    c.sponsors = common(room, x->sponsors, x->nsponsors, y->sponsors, y->nsponsors, &c.nsponsors);
    c.persons = common_persons(room, x, y, &c.npersons);
    *out = (struct policy_marking){
        .tlp = tlp_stricter(a->tlp, b->tlp),
        .pap = pap_stricter(a->pap, b->pap),
        .chr = a->chr || b->chr,
        .place = a->place,
        .expires = a->expires == 0 || (b->expires != 0 && b->expires < a->expires) ? b->expires
                                                                                   : a->expires,
        .audience = c,
    };
}

/* ---- changes ---- */

static bool all_in(const struct span *few, uint32_t nfew, const struct span *many, uint32_t nmany)
{
    for (uint32_t i = 0; i < nfew; i++) {
        if (!has(many, nmany, few[i])) {
            return false;
        }
    }
    return true;
}

static bool circles_in(const struct policy_circle *few, uint32_t nfew,
                       const struct policy_circle *many, uint32_t nmany)
{
    for (uint32_t i = 0; i < nfew; i++) {
        if (!has_circle(many, nmany, &few[i], few[i].listed)) {
            return false;
        }
    }
    return true;
}

static bool audience_widens(const struct policy_audience *b, const struct policy_audience *a)
{
    for (uint32_t i = 0; i < a->npersons; i++) {
        if (!has_person(b->persons, b->npersons, &a->persons[i])) {
            return true;
        }
    }
    bool flags = (b->nda && !a->nda) || (!b->csirt && a->csirt) || (!b->hub && a->hub) ||
                 (!b->house && a->house) || (!b->public_ && a->public_) ||
                 (b->unknown && !a->unknown);
    bool healed =
        policy_audience_sane(b) != REASON_ALLOWED && policy_audience_sane(a) == REASON_ALLOWED;
    return flags || healed || !circles_in(a->circles, a->ncircles, b->circles, b->ncircles) ||
           !circles_in(a->groups, a->ngroups, b->groups, b->ngroups) ||
           !all_in(a->organisations, a->norganisations, b->organisations, b->norganisations) ||
           !all_in(a->sponsors, a->nsponsors, b->sponsors, b->nsponsors) ||
           !all_in(b->excluded, b->nexcluded, a->excluded, a->nexcluded);
}

bool policy_widens(const struct policy_marking *before, const struct policy_marking *after)
{
    bool longer = before->expires != 0 && (after->expires == 0 || after->expires > before->expires);
    return tlp_rank(after->tlp) < tlp_rank(before->tlp) ||
           pap_rank(after->pap) < pap_rank(before->pap) || (before->chr && !after->chr) || longer ||
           audience_widens(&before->audience, &after->audience);
}

struct policy_decision policy_may_change_label(const struct policy_marking *before,
                                               const struct policy_marking *after,
                                               enum label_changer changer,
                                               bool author_signature_valid)
{
    if (tlp_rank(after->tlp) > tlp_rank(TLP_RED)) {
        return policy_denied(REASON_LABEL_UNKNOWN);
    }
    if (changer != CHANGER_AUTHOR && changer != CHANGER_SOURCE) {
        return policy_denied(REASON_NOT_AUTHOR);
    }
    if (policy_widens(before, after) && (changer != CHANGER_AUTHOR || !author_signature_valid)) {
        return policy_denied(REASON_AUTHOR_KEY_NEEDED);
    }
    return (struct policy_decision){.allowed = true};
}
