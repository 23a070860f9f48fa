/* SPDX-License-Identifier: EUPL-1.2 */
/* The body of a warning envelope: see warning.h. Reads what a hub wrote, which may be hostile. */
#include "desk/federation/warning_priv.h"

#include <sodium.h>

#include "base/id.h"
#include "desk/federation/signal_priv.h"
#include "desk/federation/text.h"

void warning_make_id(struct span circle, enum community_kind kind, struct span value,
                     char out[WARNING_ID_LEN + 1])
{
    crypto_generichash_state st;
    unsigned char hash[WARNING_ID_LEN / 2];
    const struct span parts[] = {SPAN("sereno-warning-1\n"), circle, SPAN("\n"),
                                 span_of(community_kind_name(kind)), SPAN("\n"), value};
    MUST(crypto_generichash_init(&st, NULL, 0, sizeof hash));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        MUST(crypto_generichash_update(&st, (const unsigned char *)parts[i].ptr, parts[i].len));
    }
    MUST(crypto_generichash_final(&st, hash, sizeof hash));
    hex_encode(hash, sizeof hash, out);
}

/* ---- writing ---- */

static struct jcs *derived_tree(struct arena *arena, const struct warning *w)
{
    struct jcs *list = jcs_new_array(arena);
    for (uint32_t i = 0; i < w->nderived; i++) {
        struct jcs *one = jcs_new_object(arena);
        jcs_set_text(arena, one, "circle", w->derived[i].circle);
        jcs_set_text(arena, one, "warning", w->derived[i].warning);
        jcs_set_int(arena, one, "version", w->derived[i].version);
        jcs_add(list, one);
    }
    return list;
}

struct jcs *warning_body(struct arena *arena, const struct warning *w)
{
    struct jcs *o = jcs_new_object(arena);
    struct jcs *why = jcs_new_object(arena);
    struct jcs *products = jcs_new_array(arena);
    jcs_set_text(arena, why, "kind", span_of(community_kind_name(w->kind)));
    jcs_set_text(arena, why, "value", w->value);
    for (uint32_t i = 0; i < w->nproducts; i++) {
        jcs_add(products, jcs_new_text(arena, w->products[i]));
    }
    jcs_set_text(arena, o, "warning", w->id);
    jcs_set_int(arena, o, "version", w->version);
    jcs_set(arena, o, "why", why);
    jcs_set_text(arena, o, "title", w->title);
    jcs_set_text(arena, o, "level", span_of(alert_level_name(w->level)));
    if (w->seen > 0) {
        jcs_set_int(arena, o, "seen", w->seen);
    } else {
        jcs_set_text(arena, o, "seen", SPAN("at least one other member"));
    }
    jcs_set_text(arena, o, "first", signal_bucket_text(arena, w->first));
    jcs_set_text(arena, o, "last", signal_bucket_text(arena, w->last));
    jcs_set_bool(arena, o, "withdrawn", w->withdrawn);
    jcs_set(arena, o, "rules", warning_rules_tree(arena, w));
    jcs_set(arena, o, "indicators", fed_indicators_tree(arena, w->indicators, w->nindicators));
    jcs_set(arena, o, "products", products);
    if (w->nderived > 0) {
        jcs_set(arena, o, "derived", derived_tree(arena, w));
    }
    return o;
}

/* ---- reading ---- */

static bool id_ok(struct span s, size_t len)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) {
            return false;
        }
    }
    return s.len == len;
}

static int read_products(const struct jcs *list, struct warning *w, struct err *e)
{
    if (list == NULL || list->count > WARNING_PRODUCTS_MAX) {
        return err_set(e, ERR_INVALID, "products: no list of at most %d", WARNING_PRODUCTS_MAX);
    }
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        if (v->kind != JCS_TEXT || v->text.len == 0 ||
            !signal_word_valid(v->text, SIGNAL_PRODUCT_MAX)) {
            return err_set(e, ERR_INVALID, "products: no word");
        }
        w->products[w->nproducts++] = v->text;
    }
    return 0;
}

/* An object with a member that no warning of this version has is a later one's; what is no object is broken. */
static int not_known(const struct jcs *v, const char *what, struct err *e)
{
    return v != NULL && v->kind == JCS_OBJECT ? err_set(e, ERR_UNSUPPORTED, "%s: it holds what this version does not know", what)
                                              : err_set(e, ERR_INVALID, "%s: no object", what);
}

/* Absent in what is the hub's own. */
static int read_derived(const struct jcs *body, struct warning *w, struct err *e)
{
    static const char *const names[] = {"circle", "warning", "version", NULL};
    const struct jcs *list = jcs_get_array(body, "derived");
    if (jcs_get(body, "derived") == NULL) {
        return 0;
    }
    if (list == NULL || list->count == 0 || list->count > WARNING_DERIVED_MAX) {
        return err_set(e, ERR_INVALID, "derived: no list of 1 to %d", WARNING_DERIVED_MAX);
    }
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        struct warning_source *s = &w->derived[w->nderived++];
        if (!jcs_only(v, names)) {
            return not_known(v, "derived", e);
        }
        if (!jcs_get_text(v, "circle", &s->circle) ||
            !fed_circle_valid(s->circle) || !jcs_get_text(v, "warning", &s->warning) ||
            !id_ok(s->warning, WARNING_ID_LEN) || !jcs_get_int(v, "version", &s->version) ||
            s->version < 1 || s->version > WARNING_VERSION_MAX) {
            return err_set(e, ERR_INVALID, "derived: number %u is none", w->nderived);
        }
    }
    return 0;
}

/* A count, or the one sentence that stands for "too few to say". */
static bool read_seen(const struct jcs *o, int64_t *out)
{
    struct span text;
    *out = 0;
    if (jcs_get_int(o, "seen", out)) {
        return *out >= 1 && *out <= COMMUNITY_MEMBERS_MAX;
    }
    return jcs_get_text(o, "seen", &text) && span_eq(text, SPAN("at least one other member"));
}

static int read_why(const struct jcs *why, struct warning *w, struct err *e)
{
    static const char *const names[] = {"kind", "value", NULL};
    struct span kind;
    if (!jcs_only(why, names)) {
        return not_known(why, "why", e);
    }
    if (jcs_get_text(why, "kind", &kind) && signal_word_valid(kind, WARNING_KIND_MAX) && !community_kind_parse(kind, &w->kind)) {
        return err_set(e, ERR_UNSUPPORTED, "why: of a kind that this version does not know");
    }
    if (!jcs_get_text(why, "kind", &kind) || !community_kind_parse(kind, &w->kind) || w->kind == COMMUNITY_PRODUCT ||
        !jcs_get_text(why, "value", &w->value) || w->value.len == 0 ||
        !signal_text_valid(w->value, WARNING_VALUE_MAX)) {
        return err_set(e, ERR_INVALID, "why: no kind and value");
    }
    return 0;
}

static int read_head(const struct jcs *o, struct warning *w, struct err *e)
{
    static const char *const names[] = {"warning",   "version", "why",        "title",    "level",
                                        "seen",      "first",   "last",       "withdrawn", "rules",
                                        "indicators", "products", "derived", NULL};
    struct span level;
    struct span first;
    struct span last;
    if (!jcs_only(o, names)) {
        return not_known(o, "warning", e);
    }
    if (!jcs_get_text(o, "warning", &w->id) || !id_ok(w->id, WARNING_ID_LEN)) {
        return err_set(e, ERR_INVALID, "warning: no id");
    }
    if (!jcs_get_int(o, "version", &w->version) || w->version < 1 ||
        w->version > WARNING_VERSION_MAX) {
        return err_set(e, ERR_INVALID, "version: not 1 to %d", WARNING_VERSION_MAX);
    }
    if (!jcs_get_text(o, "title", &w->title) || w->title.len == 0 ||
        !signal_text_valid(w->title, WARNING_TITLE_MAX)) {
        return err_set(e, ERR_INVALID, "title: no text of 1 to %d bytes", WARNING_TITLE_MAX);
    }
    if (!jcs_get_text(o, "level", &level) || !alert_level_parse(level, &w->level)) {
        return err_set(e, ERR_INVALID, "level: no level");
    }
    if (!read_seen(o, &w->seen)) {
        return err_set(e, ERR_INVALID, "seen: neither a count nor the words for it");
    }
    if (!jcs_get_text(o, "first", &first) || !signal_bucket_read(first, &w->first) ||
        !jcs_get_text(o, "last", &last) || !signal_bucket_read(last, &w->last) ||
        w->first > w->last) {
        return err_set(e, ERR_INVALID, "first, last: no quarters of an hour in order");
    }
    return jcs_get_bool(o, "withdrawn", &w->withdrawn)
               ? 0
               : err_set(e, ERR_INVALID, "withdrawn: neither true nor false");
}

int warning_read(const struct jcs *body, struct arena *arena, struct warning *w, struct err *e)
{
    *w = (struct warning){0};
    int rc = read_head(body, w, e);
    rc = rc < 0 ? rc : read_why(jcs_get_object(body, "why"), w, e);
    rc = rc < 0 ? rc : warning_rules_read(jcs_get_array(body, "rules"), w, e);
    rc = rc < 0 ? rc : read_products(jcs_get_array(body, "products"), w, e);
    rc = rc < 0 ? rc : read_derived(body, w, e);
    return rc < 0 ? rc
                  : fed_indicators_read(jcs_get_array(body, "indicators"), arena,
                                        WARNING_INDICATORS_MAX, w->indicators, &w->nindicators, e);
}

/* ---- passing on ---- */

bool warning_onward(struct warning *w, struct span from, struct span to, struct arena *arena)
{
    static const char before[] = "Passed on by the hub: ";
    char *id = arena_bytes(arena, WARNING_ID_LEN + 1);
    struct span title = w->title;
    bool fits = w->nderived < WARNING_DERIVED_MAX && !span_eq(from, to);
    for (uint32_t i = 0; i < w->nderived && fits; i++) {
        fits = !span_eq(w->derived[i].circle, to) && !span_eq(w->derived[i].circle, from);
    }
    if (!fits) {
        return false;
    }
    w->derived[w->nderived++] = (struct warning_source){arena_copy(arena, from), w->id, w->version};
    warning_make_id(to, w->kind, w->value, id);
    w->id = span_make(id, WARNING_ID_LEN);
    if (title.len + sizeof before <= WARNING_TITLE_MAX && w->nderived == 1) {
        w->title = span_of(arena_printf(arena, "%s%.*s", before, SPAN_ARG(title)));
    }
    w->seen = 0;
    w->nproducts = 0;
    return true;
}
