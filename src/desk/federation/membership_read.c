/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading a membership file: shape and limits. Whether it is believed is membership.c's business. */
#include <sodium.h>

#include "desk/federation/membership_priv.h"
#include "desk/federation/text.h"

const struct fed_word fed_class_words[] = {{"member", FED_MEMBER},   {"nda", FED_NDA}, {"sponsor", FED_SPONSOR},
                                           {"csirt", FED_CSIRT}, {"hub", FED_HUB}, {NULL, 0}};
const struct fed_word fed_state_words[] = {
    {"active", FED_ACTIVE}, {"suspended", FED_SUSPENDED}, {"removed", FED_GONE}, {NULL, 0}};

static uint32_t word_of(const struct fed_word *words, struct span text)
{
    while (words->word != NULL && !span_eq(text, span_of(words->word))) {
        words++;
    }
    return words->bit;
}

static bool get_key(const struct jcs *o, const char *name, unsigned char out[FED_KEY_BYTES])
{
    struct span text = {0};
    return jcs_get_text(o, name, &text) && fed_base64_read(text, out, FED_KEY_BYTES);
}

static bool get_name(const struct jcs *o, const char *name, struct span *out)
{
    return jcs_get_text(o, name, out) && fed_name_valid(*out, FED_NAME_MAX);
}

static bool get_node(const struct jcs *o, const char *name, struct span *out)
{
    return jcs_get_text(o, name, out) && fed_node_valid(*out);
}

static bool get_time(const struct jcs *o, const char *name, int64_t *out)
{
    struct span text = {0};
    return jcs_get_text(o, name, &text) && fed_time_read(text, out);
}

static bool get_count(const struct jcs *o, const char *name, int64_t least, int64_t most,
                      uint64_t *out)
{
    int64_t v = 0;
    if (!jcs_get_int(o, name, &v) || v < least || v > most) {
        return false;
    }
    *out = (uint64_t)v;
    return true;
}

/* Small counts of the head. */
static bool get_small(const struct jcs *o, const char *name, int64_t least, int64_t most,
                      uint32_t *out)
{
    uint64_t v = 0;
    if (!get_count(o, name, least, most, &v)) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool read_head(const struct jcs *o, struct fed_membership *m)
{
    static const char *const names[] = {"v",     "circle", "name",    "class", "quorum",   "warn",    "show",
                                        "epoch", "issued", "expires", "hub",   "officers", "members", "sigs", NULL};
    static const char *const hub_names[] = {"node", "sign", "seal", NULL};
    struct span word = {0};
    const struct jcs *hub = jcs_get_object(o, "hub");
    if (!jcs_only(o, names) || !jcs_only(hub, hub_names) || !jcs_get_text(o, "class", &word)) {
        return false;
    }
    m->nda = span_eq(word, SPAN("nda"));
    return (m->nda || span_eq(word, SPAN("member"))) && jcs_get_text(o, "circle", &m->circle) &&
           fed_circle_valid(m->circle) && get_name(o, "name", &m->name) &&
           get_small(o, "quorum", m->nda ? FED_QUORUM_NDA : 1, FED_OFFICERS_MAX, &m->quorum) &&
           get_small(o, "warn", 2, FED_MEMBERS_MAX, &m->warn) &&
           get_small(o, "show", 2, FED_MEMBERS_MAX, &m->show) &&
           get_count(o, "epoch", 1, JCS_INT_MAX, &m->epoch) &&
           get_time(o, "issued", &m->issued_s) && get_time(o, "expires", &m->expires_s) &&
           m->expires_s > m->issued_s && get_node(hub, "node", &m->hub.node) &&
           get_key(hub, "sign", m->hub.sign) && get_key(hub, "seal", m->hub.seal);
}

static bool read_officers(struct arena *a, const struct jcs *list, struct fed_membership *m)
{
    static const char *const names[] = {"name", "key", NULL};
    if (list == NULL || list->count < m->quorum || list->count > FED_OFFICERS_MAX) {
        return false;
    }
    m->officers = arena_calloc(a, list->count, sizeof *m->officers);
    for (const struct jcs *o = list->first; o != NULL; o = o->next) {
        struct fed_officer *officer = &m->officers[m->nofficers];
        if (!jcs_only(o, names) || !get_name(o, "name", &officer->name) ||
            !get_key(o, "key", officer->key)) {
            return false;
        }
        for (uint32_t i = 0; i < m->nofficers; i++) {
            if (fed_key_equal(m->officers[i].key, officer->key)) {
                return false; /* one person signs once */
            }
        }
        m->nofficers++;
    }
    return true;
}

static bool read_classes(const struct jcs *list, uint32_t *out)
{
    if (list == NULL || list->count == 0) {
        return false;
    }
    for (const struct jcs *c = list->first; c != NULL; c = c->next) {
        uint32_t bit = c->kind == JCS_TEXT ? word_of(fed_class_words, c->text) : 0;
        if (bit == 0 || *out >= bit) { /* in the order of the table, each once */
            return false;
        }
        *out |= bit;
    }
    return true;
}

/* Sorted by node, so that one member cannot stand twice. */
static bool read_members(struct arena *a, const struct jcs *list, struct fed_membership *m)
{
    static const char *const names[] = {"node", "org", "sign", "seal", "classes", "state", "since", NULL};
    if (list == NULL || list->count > FED_MEMBERS_MAX) {
        return false;
    }
    m->members = arena_calloc(a, list->count, sizeof *m->members);
    for (const struct jcs *o = list->first; o != NULL; o = o->next) {
        struct fed_member *member = &m->members[m->nmembers];
        struct span state = {0};
        if (!jcs_only(o, names) || !get_node(o, "node", &member->node) ||
            !get_name(o, "org", &member->org) || !get_key(o, "sign", member->sign) ||
            !get_key(o, "seal", member->seal) ||
            !read_classes(jcs_get_array(o, "classes"), &member->classes) ||
            !jcs_get_text(o, "state", &state) ||
            !get_count(o, "since", 1, (int64_t)m->epoch, &member->since)) {
            return false;
        }
        member->state = (enum fed_state)word_of(fed_state_words, state);
        if (member->state == FED_STATE_NONE ||
            (m->nmembers > 0 && memcmp(member[-1].node.ptr, member->node.ptr, FED_NODE_LEN) >= 0)) {
            return false;
        }
        m->nmembers++;
    }
    return true;
}

static bool read_sigs(const struct jcs *list, struct fed_membership *m)
{
    static const char *const names[] = {"key", "sig", NULL};
    unsigned char bytes[FED_SIG_BYTES];
    if (list == NULL) {
        return jcs_get(m->root, "sigs") == NULL;
    }
    m->nsigs = list->count;
    for (const struct jcs *o = list->first; o != NULL; o = o->next) {
        struct span sig = {0};
        if (!jcs_only(o, names) || !get_key(o, "key", bytes) || !jcs_get_text(o, "sig", &sig) ||
            !fed_base64_read(sig, bytes, sizeof bytes)) {
            return false;
        }
    }
    return list->count <= FED_SIGS_MAX;
}

enum fed_refusal fed_membership_read(struct arena *a, struct span text, struct fed_membership *out,
                                     struct err *e)
{
    static const char *const unsigned_names[] = {"sigs", NULL};
    struct jcs *root = NULL;
    int64_t version = 0;
    *out = (struct fed_membership){0};
    if (text.len > FED_MEMBERSHIP_MAX) {
        (void)err_set(e, ERR_LIMIT, "a membership file of %zu bytes", text.len);
        return FED_OVERSIZED;
    }
    if (jcs_read(a, text, FED_DEPTH_MAX, &root, e) != 0) {
        return FED_SYNTAX;
    }
    if (!jcs_is_canonical(root, text)) {
        (void)err_set(e, ERR_INVALID, "not in canonical form");
        return FED_NOT_CANONICAL;
    }
    if (!jcs_get_int(root, "v", &version) || version != 1) {
        (void)err_set(e, ERR_UNSUPPORTED, "a membership file of another version");
        return FED_VERSION;
    }
    out->root = root;
    const char *part = !read_head(root, out)                                            ? "head"
                       : !read_officers(a, jcs_get_array(root, "officers"), out)        ? "officers"
                       : !read_members(a, jcs_get_array(root, "members"), out)          ? "members"
                       : !read_sigs(jcs_get_array(root, "sigs"), out)                   ? "signatures"
                                                                                        : NULL;
    if (part != NULL) {
        (void)err_set(e, ERR_INVALID, "the %s of a membership file", part);
        return FED_SHAPE;
    }
    out->form = jcs_text_without(a, root, unsigned_names);
    MUST(crypto_hash_sha256(out->hash, (const unsigned char *)out->form.ptr, out->form.len));
    return FED_TAKEN;
}
