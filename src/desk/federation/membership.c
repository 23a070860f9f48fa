/* SPDX-License-Identifier: EUPL-1.2 */
/* Making, signing and believing membership files: see membership.h. */
#include "desk/federation/membership.h"

#include <stdlib.h>
#include <sodium.h>

#include "desk/federation/membership_priv.h"
#include "desk/federation/text.h"

static void set_key(struct arena *a, struct jcs *o, const char *name, const unsigned char *key)
{
    jcs_set_text(a, o, name, fed_base64(a, key, FED_KEY_BYTES));
}

static int compare_members(const void *a, const void *b)
{
    const struct fed_member *const *x = a;
    const struct fed_member *const *y = b;
    return memcmp((*x)->node.ptr, (*y)->node.ptr, FED_NODE_LEN);
}

static struct jcs *member_value(struct arena *a, const struct fed_member *member)
{
    struct jcs *o = jcs_new_object(a);
    struct jcs *classes = jcs_new_array(a);
    jcs_set_text(a, o, "node", member->node);
    jcs_set_text(a, o, "org", member->org);
    set_key(a, o, "sign", member->sign);
    set_key(a, o, "seal", member->seal);
    jcs_set_int(a, o, "since", (int64_t)member->since);
    for (const struct fed_word *w = fed_class_words; w->word != NULL; w++) {
        if ((member->classes & w->bit) != 0) {
            jcs_add(classes, jcs_new_text(a, span_of(w->word)));
        }
    }
    jcs_set(a, o, "classes", classes);
    for (const struct fed_word *w = fed_state_words; w->word != NULL; w++) {
        if (member->state == (enum fed_state)w->bit) {
            jcs_set_text(a, o, "state", span_of(w->word));
        }
    }
    return o;
}

static struct jcs *members_value(struct arena *a, const struct fed_membership *m)
{
    struct jcs *list = jcs_new_array(a);
    const struct fed_member **sorted = arena_calloc(a, m->nmembers, sizeof *sorted);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        CHECK(fed_node_valid(m->members[i].node));
        sorted[i] = &m->members[i];
    }
    qsort(sorted, m->nmembers, sizeof *sorted, compare_members);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        jcs_add(list, member_value(a, sorted[i]));
    }
    return list;
}

int fed_membership_draft(struct arena *a, const struct fed_membership *m, struct span *text_out,
                         struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct jcs *hub = jcs_new_object(a);
    struct jcs *officers = jcs_new_array(a);
    struct fed_membership back;
    if (m->nmembers > FED_MEMBERS_MAX || m->epoch > JCS_INT_MAX || m->issued_s < 0 ||
        m->expires_s <= m->issued_s) {
        return err_set(e, ERR_INVALID, "a membership file cannot say this");
    }
    jcs_set_int(a, o, "v", 1);
    jcs_set_text(a, o, "circle", m->circle);
    jcs_set_text(a, o, "name", m->name);
    jcs_set_text(a, o, "class", m->nda ? SPAN("nda") : SPAN("member"));
    jcs_set_int(a, o, "quorum", m->quorum);
    jcs_set_int(a, o, "warn", m->warn);
    jcs_set_int(a, o, "show", m->show);
    jcs_set_int(a, o, "epoch", (int64_t)m->epoch);
    jcs_set_text(a, o, "issued", fed_time(a, m->issued_s));
    jcs_set_text(a, o, "expires", fed_time(a, m->expires_s));
    jcs_set_text(a, hub, "node", m->hub.node);
    set_key(a, hub, "sign", m->hub.sign);
    set_key(a, hub, "seal", m->hub.seal);
    jcs_set(a, o, "hub", hub);
    for (uint32_t i = 0; i < m->nofficers; i++) {
        struct jcs *officer = jcs_new_object(a);
        jcs_set_text(a, officer, "name", m->officers[i].name);
        set_key(a, officer, "key", m->officers[i].key);
        jcs_add(officers, officer);
    }
    jcs_set(a, o, "officers", officers);
    jcs_set(a, o, "members", members_value(a, m));
    *text_out = jcs_text(a, o);
    /* What others would refuse is not written: the reader is the only judge of shape. */
    return fed_membership_read(a, *text_out, &back, e) == FED_TAKEN ? 0 : ERR_INVALID;
}

int fed_membership_sign(struct arena *a, struct span text, const struct fed_sign_key *key,
                        struct span *text_out, struct err *e)
{
    static const char *const unsigned_names[] = {"sigs", NULL};
    struct fed_membership m;
    struct jcs *o = NULL;
    unsigned char sig[FED_SIG_BYTES];
    struct span name = fed_base64(a, key->public_key, FED_KEY_BYTES);
    if (fed_membership_read(a, text, &m, e) != FED_TAKEN) {
        return ERR_INVALID;
    }
    MUST(jcs_read(a, jcs_text_without(a, m.root, unsigned_names), FED_DEPTH_MAX, &o, e));
    struct jcs *sigs = jcs_new_array(a);
    const struct jcs *old = jcs_get_array(m.root, "sigs");
    for (const struct jcs *s = old == NULL ? NULL : old->first; s != NULL; s = s->next) {
        struct span by = {0};
        if (jcs_get_text(s, "key", &by) && !span_eq(by, name)) {
            jcs_add(sigs, jcs_copy(a, s));
        }
    }
    if (sigs->count >= FED_SIGS_MAX) {
        return err_set(e, ERR_LIMIT, "too many have signed already");
    }
    fed_sign(key, FED_MEMBERSHIP_PREFIX, m.form, sig);
    struct jcs *mine = jcs_new_object(a);
    jcs_set_text(a, mine, "key", name);
    jcs_set_text(a, mine, "sig", fed_base64(a, sig, sizeof sig));
    jcs_add(sigs, mine);
    jcs_set(a, o, "sigs", sigs);
    *text_out = jcs_text(a, o);
    return 0;
}

bool fed_membership_signed_by(const struct fed_membership *m, const unsigned char key[FED_KEY_BYTES])
{
    const struct jcs *sigs = jcs_get_array(m->root, "sigs");
    for (const struct jcs *s = sigs == NULL ? NULL : sigs->first; s != NULL; s = s->next) {
        unsigned char by[FED_KEY_BYTES];
        unsigned char sig[FED_SIG_BYTES];
        struct span text = {0};
        struct span by_text = {0};
        if (jcs_get_text(s, "key", &by_text) && fed_base64_read(by_text, by, sizeof by) &&
            fed_key_equal(by, key) && jcs_get_text(s, "sig", &text) &&
            fed_base64_read(text, sig, sizeof sig) &&
            fed_verify(key, FED_MEMBERSHIP_PREFIX, m->form, sig)) {
            return true;
        }
    }
    return false;
}

struct fed_pin fed_membership_pin(const struct fed_membership *known)
{
    struct fed_pin pin = {.officers = known->officers, .nofficers = known->nofficers, .quorum = known->quorum};
    memcpy(pin.hub_sign, known->hub.sign, FED_KEY_BYTES);
    return pin;
}

/* The officers that were known before answer for what comes after. */
static bool quorum_reached(const struct fed_pin *pin, const struct fed_membership *next)
{
    uint32_t need = pin->quorum > next->quorum ? pin->quorum : next->quorum;
    uint32_t have = 0;
    for (uint32_t i = 0; i < pin->nofficers; i++) {
        have += fed_membership_signed_by(next, pin->officers[i].key) ? 1 : 0;
    }
    return need > 0 && have >= need;
}

/* A member's `since` may move only with what it tells of, and only into an epoch of this file's own. */
static bool since_holds(const struct fed_membership *known, const struct fed_membership *next)
{
    for (uint32_t i = 0; i < next->nmembers; i++) {
        const struct fed_member *now = &next->members[i];
        const struct fed_member *was = fed_membership_find(known, now->node);
        bool same = was != NULL && was->state == now->state && was->classes == now->classes &&
                    fed_key_equal(was->sign, now->sign) && fed_key_equal(was->seal, now->seal);
        if (now->since <= known->epoch && !(same && now->since == was->since)) {
            return false;
        }
    }
    return true;
}

enum fed_refusal fed_membership_judge(const struct fed_membership *known, const struct fed_pin *pin,
                                      const struct fed_membership *next, int64_t now_s)
{
    if (known != NULL && !span_eq(known->circle, next->circle)) {
        return FED_CIRCLE;
    }
    /* Who the hub is comes first: a stranger's file is no alarm about epochs. */
    if (!fed_membership_signed_by(next, pin->hub_sign) ||
        !fed_membership_signed_by(next, next->hub.sign)) {
        return FED_HUB_KEY;
    }
    if (!quorum_reached(pin, next)) {
        return FED_QUORUM;
    }
    if (known != NULL && next->epoch < known->epoch) {
        return FED_EPOCH_LOWER;
    }
    if (known != NULL && next->epoch == known->epoch) {
        return sodium_memcmp(known->hash, next->hash, sizeof next->hash) == 0 ? FED_SEEN
                                                                              : FED_TWO_TRUTHS;
    }
    if (known != NULL && (!span_eq(known->hub.node, next->hub.node) || known->nda != next->nda ||
                          !since_holds(known, next))) {
        return FED_SHAPE;
    }
    if (next->issued_s > now_s + FED_CLOCK_AHEAD_S) {
        return FED_AHEAD;
    }
    return fed_membership_over(next, now_s) ? FED_MEMBERSHIP_EXPIRED : FED_TAKEN;
}

const struct fed_member *fed_membership_find(const struct fed_membership *m, struct span node)
{
    uint32_t low = 0;
    uint32_t high = m->nmembers;
    if (node.len != FED_NODE_LEN) {
        return NULL;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(m->members[middle].node.ptr, node.ptr, FED_NODE_LEN);
        if (order == 0) {
            return &m->members[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

bool fed_membership_over(const struct fed_membership *m, int64_t now_s)
{
    return now_s >= m->expires_s;
}
