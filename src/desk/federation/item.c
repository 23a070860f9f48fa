/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies of items and what may follow on what: see item.h. */
#include "desk/federation/item.h"

#include "base/id.h"
#include "base/utf8.h"
#include "desk/federation/text.h"

#define TOMBSTONE_PREFIX "sereno-tombstone-1\n"

static const char *const kinds[] = {"story", "teaser", "notice", NULL};
static const char *const dones[] = {"removed", "tightened", "none", NULL};

static bool one_of(struct span s, const char *const words[])
{
    while (*words != NULL && !span_eq(s, span_of(*words))) {
        words++;
    }
    return *words != NULL;
}

bool fed_item_kind_valid(struct span kind)
{
    return one_of(kind, kinds);
}

static enum fed_refusal bad(struct err *e, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s", what);
    return FED_BODY;
}

/* Text of several lines: UTF-8 without control characters but newline and tab. */
static bool text_valid(struct span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return s.len <= max && utf8_valid(s);
}

static bool get_item_id(const struct jcs *o, const char *name, struct span *out)
{
    return jcs_get_text(o, name, out) && id_valid(*out);
}

static bool get_version(const struct jcs *o, int64_t *out)
{
    return jcs_get_int(o, "version", out) && *out >= 1;
}

static bool read_derived(struct arena *a, const struct jcs *list, struct fed_item_body *out)
{
    if (list == NULL || list->count > FED_DERIVED_MAX) {
        return false;
    }
    struct span *ids = arena_calloc(a, list->count, sizeof *ids);
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        if (v->kind != JCS_TEXT || !id_valid(v->text)) {
            return false;
        }
        ids[out->nderived++] = v->text;
    }
    out->derived = ids;
    return true;
}

enum fed_refusal fed_item_read(struct arena *a, const struct jcs *body, struct fed_item_body *out, struct err *e)
{
    static const char *const names[] = {"item", "version", "kind", "title", "text", "of", "derived", NULL};
    const struct jcs *of = jcs_get(body, "of");
    *out = (struct fed_item_body){0};
    if (!get_item_id(body, "item", &out->id) || !get_version(body, &out->version) || !jcs_get_text(body, "kind", &out->kind)) {
        return bad(e, "an item needs its id, version and kind");
    }
    if (!jcs_only(body, names) || !fed_item_kind_valid(out->kind)) { /* a later version's */
        (void)err_set(e, ERR_UNSUPPORTED, "an item is a story, a teaser or a notice, and holds nothing that is not known");
        return FED_NEWER;
    }
    if (!jcs_get_text(body, "title", &out->title) || !fed_name_valid(out->title, FED_ITEM_TITLE_MAX)) {
        return bad(e, "an item needs a title of one line");
    }
    if (!jcs_get_text(body, "text", &out->text) || !text_valid(out->text, FED_ITEM_TEXT_MAX)) {
        return bad(e, "an item's text is missing, too long, or no text");
    }
    if (of == NULL || (of->kind != JCS_NULL && !get_item_id(body, "of", &out->of))) {
        return bad(e, "what the item is of is no item");
    }
    if (span_eq(out->of, out->id) || !read_derived(a, jcs_get_array(body, "derived"), out)) {
        return bad(e, "what the item derives from are no items");
    }
    return FED_TAKEN;
}

int fed_item_write(struct arena *a, const struct fed_item_body *item, struct jcs **out, struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct jcs *derived = jcs_new_array(a);
    struct fed_item_body back;
    for (uint32_t i = 0; i < item->nderived; i++) {
        jcs_add(derived, jcs_new_text(a, item->derived[i]));
    }
    jcs_set_text(a, o, "item", item->id);
    jcs_set_int(a, o, "version", item->version);
    jcs_set_text(a, o, "kind", item->kind);
    jcs_set_text(a, o, "title", item->title);
    jcs_set_text(a, o, "text", item->text);
    jcs_set(a, o, "of", item->of.len == 0 ? jcs_new_null(a) : jcs_new_text(a, item->of));
    jcs_set(a, o, "derived", derived);
    *out = o;
    return fed_item_read(a, o, &back, e) == FED_TAKEN ? 0 : ERR_INVALID;
}

enum fed_refusal fed_relabel_read(struct arena *a, const struct jcs *body, struct fed_relabel *out, struct err *e)
{
    static const char *const names[] = {"item", "version", "tlp", "pap", "chr", "audience", NULL};
    static const char *const tlps[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", NULL};
    static const char *const paps[] = {"CLEAR", "GREEN", "AMBER", "RED", NULL};
    *out = (struct fed_relabel){.audience = jcs_get_object(body, "audience")};
    if (!get_item_id(body, "item", &out->id) || !get_version(body, &out->version)) {
        return bad(e, "a label needs its item's id and version");
    }
    if (!jcs_get_text(body, "tlp", &out->tlp) || !jcs_get_text(body, "pap", &out->pap) || !jcs_get_bool(body, "chr", &out->chr) ||
        out->audience == NULL) {
        return bad(e, "a label is tlp, pap, chr and an audience");
    }
    fed_audience_read(a, out->audience, &out->who);
    if (!jcs_only(body, names) || !one_of(out->tlp, tlps) || !one_of(out->pap, paps) || out->who.unknown) { /* a later version's */
        (void)err_set(e, ERR_UNSUPPORTED, "a label or audience that is not known");
        return FED_NEWER;
    }
    return FED_TAKEN;
}

int fed_relabel_write(struct arena *a, const struct fed_relabel *r, struct jcs **out, struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct fed_relabel back;
    jcs_set_text(a, o, "item", r->id);
    jcs_set_int(a, o, "version", r->version);
    jcs_set_text(a, o, "tlp", r->tlp);
    jcs_set_text(a, o, "pap", r->pap);
    jcs_set_bool(a, o, "chr", r->chr);
    jcs_set(a, o, "audience", r->audience == NULL ? jcs_new_null(a) : jcs_copy(a, r->audience));
    *out = o;
    return fed_relabel_read(a, o, &back, e) == FED_TAKEN ? 0 : ERR_INVALID;
}

static struct jcs *tombstone_form(struct arena *a, struct span id, struct span reason)
{
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "id", id);
    jcs_set_text(a, o, "reason", reason);
    return o;
}

enum fed_refusal fed_tombstone_read(struct arena *a, const struct jcs *body, struct fed_tombstone *out, struct err *e)
{
    static const char *const names[] = {"id", "reason", "sigs", NULL};
    *out = (struct fed_tombstone){.sigs = jcs_get_array(body, "sigs")};
    if (!jcs_only(body, names) || !get_item_id(body, "id", &out->id) || !jcs_get_text(body, "reason", &out->reason) ||
        !text_valid(out->reason, FED_REASON_MAX) || (out->sigs == NULL && jcs_get(body, "sigs") != NULL) ||
        (out->sigs != NULL && (out->sigs->count == 0 || out->sigs->count > FED_OFFICERS_MAX))) {
        return bad(e, "a tombstone names its item and the reason");
    }
    out->form = jcs_text(a, tombstone_form(a, out->id, out->reason));
    return FED_TAKEN;
}

int fed_tombstone_write(struct arena *a, const struct fed_tombstone *t, struct jcs **out, struct err *e)
{
    struct fed_tombstone back;
    *out = tombstone_form(a, t->id, t->reason);
    if (t->sigs != NULL) {
        jcs_set(a, *out, "sigs", jcs_copy(a, t->sigs));
    }
    return fed_tombstone_read(a, *out, &back, e) == FED_TAKEN ? 0 : ERR_INVALID;
}

struct jcs *fed_tombstone_sign(struct arena *a, const struct fed_tombstone *t, const struct fed_sign_key *officer)
{
    unsigned char sig[FED_SIG_BYTES];
    struct jcs *o = tombstone_form(a, t->id, t->reason);
    struct jcs *sigs = t->sigs == NULL ? jcs_new_array(a) : jcs_copy(a, t->sigs);
    struct jcs *mine = jcs_new_object(a);
    fed_sign(officer, TOMBSTONE_PREFIX, jcs_text(a, o), sig);
    jcs_set_text(a, mine, "key", fed_base64(a, officer->public_key, FED_KEY_BYTES));
    jcs_set_text(a, mine, "sig", fed_base64(a, sig, sizeof sig));
    jcs_add(sigs, mine);
    jcs_set(a, o, "sigs", sigs);
    return o;
}

static bool signed_by(const struct fed_tombstone *t, const unsigned char key[FED_KEY_BYTES])
{
    for (const struct jcs *s = t->sigs == NULL ? NULL : t->sigs->first; s != NULL; s = s->next) {
        unsigned char by[FED_KEY_BYTES];
        unsigned char sig[FED_SIG_BYTES];
        struct span by_text = {0};
        struct span sig_text = {0};
        if (jcs_get_text(s, "key", &by_text) && fed_base64_read(by_text, by, sizeof by) &&
            fed_key_equal(by, key) && jcs_get_text(s, "sig", &sig_text) &&
            fed_base64_read(sig_text, sig, sizeof sig) && fed_verify(key, TOMBSTONE_PREFIX, t->form, sig)) {
            return true;
        }
    }
    return false;
}

uint32_t fed_tombstone_officers(const struct fed_tombstone *t, const struct fed_membership *m)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < m->nofficers; i++) {
        have += signed_by(t, m->officers[i].key) ? 1 : 0;
    }
    return have;
}

bool fed_tombstone_holds(const struct fed_tombstone *t, struct span issuer, struct span author, const struct fed_membership *m)
{
    uint32_t need = m->quorum > FED_TOMBSTONE_OFFICERS ? m->quorum : FED_TOMBSTONE_OFFICERS;
    return (author.len > 0 && span_eq(issuer, author)) || fed_tombstone_officers(t, m) >= need;
}

enum fed_refusal fed_receipt_read(const struct jcs *body, struct fed_receipt *out, struct err *e)
{
    static const char *const names[] = {"item", "envelope", "done", NULL};
    *out = (struct fed_receipt){0};
    if (!jcs_only(body, names) || !get_item_id(body, "item", &out->id) || !jcs_get_text(body, "envelope", &out->envelope) ||
        !fed_id_valid(out->envelope) || !jcs_get_text(body, "done", &out->done) || !one_of(out->done, dones)) {
        return bad(e, "a receipt says what was done about which envelope");
    }
    return FED_TAKEN;
}

int fed_receipt_write(struct arena *a, const struct fed_receipt *r, struct jcs **out, struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct fed_receipt back;
    jcs_set_text(a, o, "item", r->id);
    jcs_set_text(a, o, "envelope", r->envelope);
    jcs_set_text(a, o, "done", r->done);
    *out = o;
    return fed_receipt_read(o, &back, e) == FED_TAKEN ? 0 : ERR_INVALID;
}

/* A tombstone or label by somebody else, ahead of an item that is not his, must not stand in its way. */
static bool counts(const struct fed_item_known *known, struct span issuer)
{
    return known->here && (!known->bare || known->author.len == 0 || span_eq(known->author, issuer));
}

/* What stands against any change, whatever it is. */
static enum fed_refusal stands_against(const struct fed_item_known *known, struct span issuer)
{
    if (known->retracted) {
        return FED_RETRACTED;
    }
    return span_eq(known->author, issuer) ? FED_TAKEN : FED_AUTHOR;
}

enum fed_item_step fed_item_next(const struct fed_item_known *known, struct span issuer, int64_t version, enum fed_refusal *why)
{
    bool here = counts(known, issuer);
    *why = here ? stands_against(known, issuer) : FED_TAKEN;
    if (*why != FED_TAKEN) {
        return FED_ITEM_NOTHING;
    }
    if (here && version <= known->version) {
        *why = known->bare ? FED_TAKEN : FED_OLDER;
        return known->bare ? FED_ITEM_FILL : FED_ITEM_NOTHING;
    }
    return FED_ITEM_PUT;
}

enum fed_item_step fed_relabel_next(const struct fed_item_known *known, struct span issuer, int64_t version, bool widens, enum fed_refusal *why)
{
    bool here = counts(known, issuer);
    *why = here ? stands_against(known, issuer) : known->here ? FED_UNKNOWN_ITEM : FED_TAKEN;
    if (*why == FED_TAKEN && here) {
        *why = version <= known->version ? FED_OLDER : widens ? FED_WIDENS : FED_TAKEN;
    }
    return *why == FED_TAKEN ? FED_ITEM_LABEL : FED_ITEM_NOTHING;
}

enum fed_item_step fed_tombstone_next(const struct fed_item_known *known, struct span issuer, bool by_officers, enum fed_refusal *why)
{
    bool here = counts(known, issuer) || (known->here && by_officers);
    *why = here ? stands_against(known, issuer) : known->here ? FED_UNKNOWN_ITEM : FED_TAKEN;
    if (*why == FED_AUTHOR && by_officers) {
        *why = FED_TAKEN;
    }
    return *why == FED_TAKEN ? FED_ITEM_REMOVE : FED_ITEM_NOTHING;
}
