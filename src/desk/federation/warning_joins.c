/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The rules of a warning and what joins what among them: see warning.h. A hub that may be hostile wrote it. What a
 * correlation joins is stated beside its text ("needs"), so that a circle, a gap or a flood is found when it comes, where
 * nobody reads YAML; that the text says the same is found by the compiler in its sandbox.
 */
#include <sodium.h>

#include "base/id.h"
#include "desk/federation/signal_priv.h"
#include "desk/federation/text.h"
#include "desk/federation/warning_priv.h"

_Static_assert(WARNING_RULES_MAX <= 64, "sets of rules are bits of one word");

static void hash_text(struct span text, char out[65])
{
    unsigned char hash[32];
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text.ptr, text.len, NULL, 0));
    hex_encode(hash, sizeof hash, out);
}

/* ---- which rules ---- */

static uint64_t bit(uint32_t i)
{
    return UINT64_C(1) << i;
}

static uint64_t needs_of(const struct warning *w, uint32_t rule)
{
    uint64_t set = 0;
    for (uint32_t k = 0; k < w->rules[rule].nneeds; k++) {
        set |= bit(w->rules[rule].needs[k]);
    }
    return set;
}

/* All that others join. */
static uint64_t joined(const struct warning *w)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < w->nrules; i++) {
        set |= needs_of(w, i);
    }
    return set;
}

/* A rule and all below it; a circle ends it too. */
static uint64_t with_all_below(const struct warning *w, uint32_t rule)
{
    uint64_t set = bit(rule);
    for (uint64_t before = 0; before != set;) {
        before = set;
        for (uint32_t i = 0; i < w->nrules; i++) {
            set |= (before & bit(i)) != 0 ? needs_of(w, i) : 0;
        }
    }
    return set;
}

uint32_t warning_nfiles(const struct warning *w)
{
    uint64_t others = joined(w);
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->nrules; i++) {
        n += (others & bit(i)) == 0;
    }
    return n;
}

uint32_t warning_file_of(const struct warning *w, uint32_t rule)
{
    uint64_t others = joined(w);
    uint32_t n = 0;
    for (uint32_t i = 0; i < rule; i++) {
        n += (others & bit(i)) == 0;
    }
    return (others & bit(rule)) == 0 ? n : UINT32_MAX;
}

static void put_document(struct buf *out, struct span yaml, bool more)
{
    buf_span(out, yaml);
    if (more) {
        buf_cstr(out, span_ends(yaml, SPAN("\n")) ? "---\n" : "\n---\n");
    }
}

void warning_put_file(const struct warning *w, uint32_t rule, struct buf *out)
{
    uint64_t set = with_all_below(w, rule) & ~bit(rule);
    for (uint32_t i = 0; i < w->nrules; i++) {
        if ((set & bit(i)) != 0) {
            put_document(out, w->rules[i].yaml, true);
        }
    }
    put_document(out, w->rules[rule].yaml, false);
}

/* ---- whether they hold together ---- */

/* How far below each the longest chain goes; 0: in a circle. */
static uint32_t longest_chain(const struct warning *w, bool *circle_out)
{
    uint32_t depth[WARNING_RULES_MAX] = {0};
    uint32_t most = 0;
    for (uint32_t round = 0; round < w->nrules; round++) {
        for (uint32_t i = 0; i < w->nrules; i++) {
            uint32_t below = 0;
            bool known = depth[i] == 0;
            for (uint32_t k = 0; k < w->rules[i].nneeds && known; k++) {
                uint32_t d = depth[w->rules[i].needs[k]];
                known = d > 0;
                below = d > below ? d : below;
            }
            depth[i] = known ? below + 1 : depth[i];
        }
    }
    *circle_out = false;
    for (uint32_t i = 0; i < w->nrules; i++) {
        *circle_out = *circle_out || depth[i] == 0;
        most = depth[i] > most ? depth[i] : most;
    }
    return most;
}

static size_t bytes_of_files(const struct warning *w)
{
    size_t all = 0;
    for (uint32_t i = 0; i < w->nrules; i++) {
        uint64_t set = warning_file_of(w, i) == UINT32_MAX ? 0 : with_all_below(w, i);
        for (uint32_t k = 0; k < w->nrules; k++) {
            all += (set & bit(k)) != 0 ? w->rules[k].yaml.len : 0;
        }
    }
    return all;
}

int warning_rules_check(const struct warning *w, struct err *e)
{
    bool circle = false;
    CHECK(w->nrules <= WARNING_RULES_MAX);
    uint32_t chain = longest_chain(w, &circle);
    if (circle) {
        return err_set(e, ERR_INVALID, "rules: some join each other in a circle");
    }
    if (chain > WARNING_CHAIN_MAX + 1) { /* a plain rule at the end of it */
        return err_set(e, ERR_INVALID, "rules: a chain of more than %d correlations", WARNING_CHAIN_MAX);
    }
    for (uint32_t i = 0; i < w->nrules && joined(w) != 0; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (span_eq(w->rules[i].id, w->rules[k].id)) {
                return err_set(e, ERR_INVALID, "rules: number %u has the id of number %u", i + 1, k + 1);
            }
        }
    }
    if (warning_nfiles(w) > WARNING_FILES_MAX) {
        return err_set(e, ERR_INVALID, "rules: more than %d that none joins", WARNING_FILES_MAX);
    }
    return bytes_of_files(w) <= WARNING_FILES_BYTES
               ? 0
               : err_set(e, ERR_INVALID, "rules: more than %d bytes with what they join", WARNING_FILES_BYTES);
}

/* ---- the body ---- */

struct jcs *warning_rules_tree(struct arena *arena, const struct warning *w)
{
    struct jcs *list = jcs_new_array(arena);
    for (uint32_t i = 0; i < w->nrules; i++) {
        const struct warning_rule *r = &w->rules[i];
        struct jcs *one = jcs_new_object(arena);
        struct jcs *needs = jcs_new_array(arena);
        char hash[65];
        hash_text(r->yaml, hash);
        jcs_set_text(arena, one, "id", r->id);
        jcs_set_text(arena, one, "yaml", r->yaml);
        jcs_set_text(arena, one, "hash", span_of(hash));
        for (uint32_t k = 0; k < r->nneeds; k++) {
            jcs_add(needs, jcs_new_text(arena, w->rules[r->needs[k]].id));
        }
        if (r->nneeds > 0) {
            jcs_set(arena, one, "needs", needs);
        }
        jcs_add(list, one);
    }
    return list;
}

static int read_rule(const struct jcs *v, struct warning *w, struct err *e)
{
    static const char *const names[] = {"id", "yaml", "hash", "needs", NULL};
    struct warning_rule *r = &w->rules[w->nrules++];
    char hash[65];
    if (v->kind == JCS_OBJECT && !jcs_only(v, names)) {
        return err_set(e, ERR_UNSUPPORTED, "rules: number %u holds what this version does not know", w->nrules);
    }
    if (!jcs_get_text(v, "id", &r->id) || r->id.len == 0 ||
        !signal_word_valid(r->id, SIGNAL_RULE_MAX) || !jcs_get_text(v, "yaml", &r->yaml) || r->yaml.len == 0 ||
        r->yaml.len > WARNING_YAML_MAX || !jcs_get_text(v, "hash", &r->hash)) {
        return err_set(e, ERR_INVALID, "rules: number %u is none", w->nrules);
    }
    hash_text(r->yaml, hash);
    return span_eq(r->hash, span_of(hash))
               ? 0
               : err_set(e, ERR_INVALID, "rules: the hash of number %u is not that of its text", w->nrules);
}

/* The first of this id. */
static uint32_t place_of(const struct warning *w, struct span id)
{
    for (uint32_t i = 0; i < w->nrules; i++) {
        if (span_eq(w->rules[i].id, id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static int read_needs(const struct jcs *v, uint32_t number, struct warning *w, struct err *e)
{
    const struct jcs *list = jcs_get_array(v, "needs");
    struct warning_rule *r = &w->rules[number];
    if (jcs_get(v, "needs") == NULL) {
        return 0;
    }
    if (list == NULL || list->count == 0 || list->count > WARNING_NEEDS_MAX) {
        return err_set(e, ERR_INVALID, "rules: number %u joins no list of 1 to %d", number + 1, WARNING_NEEDS_MAX);
    }
    for (const struct jcs *one = list->first; one != NULL; one = one->next) {
        uint32_t at = one->kind == JCS_TEXT ? place_of(w, one->text) : UINT32_MAX;
        if (at == UINT32_MAX) {
            return err_set(e, ERR_INVALID, "rules: number %u joins one that did not come", number + 1);
        }
        if ((needs_of(w, number) & bit(at)) != 0) {
            return err_set(e, ERR_INVALID, "rules: number %u joins one twice", number + 1);
        }
        r->needs[r->nneeds++] = (uint8_t)at;
    }
    return 0;
}

int warning_rules_read(const struct jcs *list, struct warning *w, struct err *e)
{
    uint32_t number = 0;
    if (list == NULL || list->count > WARNING_RULES_MAX) {
        return err_set(e, ERR_INVALID, "rules: no list of at most %d", WARNING_RULES_MAX);
    }
    int rc = 0;
    for (const struct jcs *v = list->first; v != NULL && rc == 0; v = v->next) {
        rc = read_rule(v, w, e);
    }
    for (const struct jcs *v = list->first; v != NULL && rc == 0; v = v->next) {
        rc = read_needs(v, number++, w, e);
    }
    return rc < 0 ? rc : warning_rules_check(w, e);
}
