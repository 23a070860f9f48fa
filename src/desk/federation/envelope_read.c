/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading, checking and opening envelopes: see envelope.h. Bytes here come from other machines. */
#include "base/id.h"
#include "desk/federation/envelope_priv.h"
#include "desk/federation/text.h"

const char *const fed_outside_form[] = {"id", "sig", NULL};
const char *const fed_outside_head[] = {"id", "sig", "sealed", NULL};

static const struct {
    const char *word;
    bool control, hub_only;
} types[FED_TYPE_COUNT] = {
    {"", false, false},
#define TYPE(name, word, control, hub_only) {word, control, hub_only},
#include "desk/federation/types.def"
#undef TYPE
};

enum fed_type fed_type_of(struct span word)
{
    for (size_t t = FED_TYPE_OTHER + 1; t < FED_TYPE_COUNT; t++) {
        if (span_eq(word, span_of(types[t].word))) {
            return (enum fed_type)t;
        }
    }
    return FED_TYPE_OTHER;
}

const char *fed_type_word(enum fed_type t)
{
    CHECK(t < FED_TYPE_COUNT);
    return types[t].word;
}

bool fed_type_is_control(enum fed_type t)
{
    CHECK(t < FED_TYPE_COUNT);
    return types[t].control;
}

bool fed_type_hub_only(enum fed_type t)
{
    CHECK(t < FED_TYPE_COUNT);
    return types[t].hub_only;
}

static bool one_of(struct span s, const char *const words[])
{
    while (*words != NULL && !span_eq(s, span_of(*words))) {
        words++;
    }
    return *words != NULL;
}

bool fed_tlp_known(struct span s)
{
    static const char *const words[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", NULL};
    return one_of(s, words);
}

bool fed_pap_known(struct span s)
{
    static const char *const words[] = {"CLEAR", "GREEN", "AMBER", "RED", NULL};
    return one_of(s, words);
}

static bool read_times(const struct jcs *root, struct fed_envelope *out)
{
    struct span created = {0};
    struct span expires = {0};
    return jcs_get_text(root, "created", &created) && fed_time_read(created, &out->created_s) &&
           jcs_get_text(root, "expires", &expires) && fed_time_read(expires, &out->expires_s) &&
           out->expires_s > out->created_s &&
           out->expires_s - out->created_s <= FED_EXPIRES_MAX_S;
}

/* `to` is sorted by node: nobody stands there twice. */
static bool sealed_good(const struct jcs *sealed)
{
    static const char *const names[] = {"alg", "to", "nonce", "box", NULL};
    static const char *const to_names[] = {"node", "key", NULL};
    unsigned char bytes[SEALED_KEY_BYTES];
    struct span text = {0};
    struct span last = {0};
    const struct jcs *to = jcs_get_array(sealed, "to");
    if (!jcs_only(sealed, names) || to == NULL || to->count == 0 || to->count > FED_READERS_MAX ||
        !jcs_get_text(sealed, "alg", &text) || !span_eq(text, SPAN(FED_SEAL_ALG)) ||
        !jcs_get_text(sealed, "nonce", &text) ||
        !fed_base64_read(text, bytes, CONTENT_NONCE_BYTES) || !jcs_get_text(sealed, "box", &text)) {
        return false;
    }
    for (const struct jcs *o = to->first; o != NULL; o = o->next) {
        struct span node = {0};
        if (!jcs_only(o, to_names) || !jcs_get_text(o, "node", &node) || !fed_node_valid(node) ||
            (last.len > 0 && memcmp(last.ptr, node.ptr, FED_NODE_LEN) >= 0) ||
            !jcs_get_text(o, "key", &text) || !fed_base64_read(text, bytes, sizeof bytes)) {
            return false;
        }
        last = node;
    }
    return true;
}

static bool read_content(const struct jcs *root, struct fed_envelope *out)
{
    out->body = jcs_get_object(root, "body");
    out->sealed = jcs_get_object(root, "sealed");
    if (out->body != NULL) {
        return jcs_get(root, "sealed") == NULL;
    }
    return out->sealed != NULL && jcs_get(root, "body") == NULL && sealed_good(out->sealed);
}

static bool read_fields(struct arena *a, const struct jcs *root, struct fed_envelope *out)
{
    static const char *const names[] = {"v",       "type",  "id",   "issuer", "circle", "audience", "tlp", "pap", "chr",
                                        "created", "expires", "epoch", "body",   "sealed", "sig",      NULL};
    struct span id = {0};
    struct span sig = {0};
    int64_t epoch = 0;
    out->audience = jcs_get_object(root, "audience");
    if (!jcs_only(root, names) || out->audience == NULL ||
        !jcs_get_text(root, "type", &out->type_word) || out->type_word.len == 0 ||
        out->type_word.len > FED_TYPE_MAX || !jcs_get_text(root, "id", &id) || !fed_id_valid(id) ||
        !jcs_get_text(root, "issuer", &out->issuer) || !fed_node_valid(out->issuer) ||
        !jcs_get_text(root, "circle", &out->circle) ||
        (out->circle.len > 0 && !fed_circle_valid(out->circle)) ||
        !jcs_get_text(root, "tlp", &out->tlp) || !jcs_get_text(root, "pap", &out->pap) ||
        !jcs_get_bool(root, "chr", &out->chr) || !jcs_get_int(root, "epoch", &epoch) || epoch < 0 ||
        (out->circle.len == 0) != (epoch == 0) || !jcs_get_text(root, "sig", &sig) ||
        !fed_base64_read(sig, out->sig, sizeof out->sig) || !read_times(root, out) ||
        !read_content(root, out)) {
        return false;
    }
    memcpy(out->id, id.ptr, FED_ID_LEN);
    out->epoch = (uint64_t)epoch;
    out->type = fed_type_of(out->type_word);
    out->label_unknown = !fed_tlp_known(out->tlp) || !fed_pap_known(out->pap);
    out->red = span_eq(out->tlp, SPAN("RED"));
    fed_audience_read(a, out->audience, &out->who);
    return true;
}

/* Whether the id is the hash of everything but id and signature. */
static bool id_holds(struct arena *a, const struct fed_envelope *env, struct span *form_out)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[FED_ID_LEN + 1];
    *form_out = jcs_text_without(a, env->root, fed_outside_form);
    MUST(crypto_hash_sha256(hash, (const unsigned char *)form_out->ptr, form_out->len));
    hex_encode(hash, sizeof hash, hex);
    return sodium_memcmp(hex, env->id, FED_ID_LEN) == 0;
}

static enum fed_refusal read_whole(struct arena *a, struct span text, struct fed_envelope *out,
                                   struct span *form_out, struct err *e)
{
    struct jcs *root = NULL;
    int64_t version = 0;
    *out = (struct fed_envelope){.text = text};
    if (text.len > FED_ENVELOPE_MAX) {
        (void)err_set(e, ERR_LIMIT, "an envelope of %zu bytes", text.len);
        return FED_OVERSIZED;
    }
    if (jcs_read(a, text, FED_DEPTH_MAX, &root, e) != 0) {
        return FED_SYNTAX;
    }
    out->root = root;
    if (!jcs_is_canonical(root, text)) {
        return FED_NOT_CANONICAL;
    }
    if (!jcs_get_int(root, "v", &version)) {
        return FED_SHAPE;
    }
    if (version != 1) {
        return FED_VERSION;
    }
    if (!read_fields(a, root, out)) {
        return FED_SHAPE;
    }
    return id_holds(a, out, form_out) ? FED_TAKEN : FED_ID;
}

static enum fed_refusal refused(enum fed_refusal r, struct err *e)
{
    if (r != FED_TAKEN && r != FED_OVERSIZED && r != FED_SYNTAX) {
        (void)err_set(e, ERR_INVALID, "%s", fed_refusal_text(r));
    }
    return r;
}

enum fed_refusal fed_envelope_read(struct arena *a, struct span text, struct fed_envelope *out,
                                   struct err *e)
{
    struct span form = {0};
    return refused(read_whole(a, text, out, &form, e), e);
}

/* Is its issuer a member, at its epoch and (where it comes from the issuer itself) now? */
static enum fed_refusal check_issuer(const struct fed_check *c, const struct fed_envelope *env,
                                     const struct fed_issuer *issuer)
{
    enum fed_state state = issuer->then;
    if (env->circle.len > 0) {
        if (env->epoch > issuer->epoch_known || !issuer->epoch_kept) {
            return FED_EPOCH;
        }
        /* Who is out now may not speak, nor an old key; what was said before, a hub may still bring late. */
        bool late = (issuer->now != FED_ACTIVE || issuer->key_changed) &&
                    (c->at_hub || env->epoch >= issuer->since ||
                     (issuer->since_s != 0 && env->created_s >= issuer->since_s));
        if (late && issuer->now == FED_ACTIVE) {
            return FED_SIGNATURE;
        }
        state = late ? issuer->now : issuer->then;
    }
    if (state == FED_STATE_NONE) {
        return FED_ISSUER;
    }
    if (state != FED_ACTIVE) {
        return state == FED_SUSPENDED ? FED_SUSPENDED_ISSUER : FED_REMOVED;
    }
    return fed_type_hub_only(env->type) && !issuer->is_hub ? FED_AUTHOR : FED_TAKEN;
}

static enum fed_refusal check_times(const struct fed_check *c, const struct fed_envelope *env,
                                    const struct fed_issuer *issuer)
{
    if (issuer->over && !fed_type_is_control(env->type)) {
        return FED_MEMBERSHIP_EXPIRED;
    }
    if (env->expires_s <= c->now_s) {
        return FED_EXPIRED;
    }
    return env->created_s > c->now_s + FED_CLOCK_AHEAD_S ? FED_AHEAD : FED_TAKEN;
}

static enum fed_refusal check_content(const struct fed_check *c, const struct fed_envelope *env,
                                      const struct fed_issuer *issuer)
{
    bool control = fed_type_is_control(env->type);
    if (env->label_unknown) {
        return FED_LABEL;
    }
    if (env->who.unknown) {
        return FED_AUDIENCE;
    }
    if (!control && (env->red || issuer->nda) && env->sealed == NULL) {
        return FED_UNSEALED;
    }
    /* What people of the hub's own organisation wrote is sealed to its author, too. */
    if (env->red && issuer->hub.len > 0 && !span_eq(env->issuer, issuer->hub) && fed_envelope_sealed_to(env, issuer->hub)) {
        return FED_HUB_READS;
    }
    /* Control messages are never filtered by sharing policy. */
    enum fed_refusal r = control || c->policy == NULL ? FED_TAKEN : c->policy(c->ctx, env, issuer);
    return r == FED_TAKEN && env->type == FED_TYPE_OTHER ? FED_TYPE : r;
}

enum fed_refusal fed_envelope_check(struct arena *a, struct span text, const struct fed_check *c,
                                    struct fed_envelope *out, struct err *e)
{
    struct fed_issuer issuer = {0};
    struct span form = {0};
    enum fed_refusal r = read_whole(a, text, out, &form, e);
    if (r != FED_TAKEN) {
        return refused(r, e);
    }
    r = c->issuer(c->ctx, out, &issuer);
    if (r == FED_TAKEN && !fed_verify(issuer.sign, FED_ENVELOPE_PREFIX, form, out->sig)) {
        r = FED_SIGNATURE;
    }
    r = r == FED_TAKEN ? check_issuer(c, out, &issuer) : r;
    r = r == FED_TAKEN ? check_times(c, out, &issuer) : r;
    if (r == FED_TAKEN && c->seen != NULL && c->seen(c->ctx, out)) {
        r = FED_SEEN;
    }
    r = r == FED_TAKEN ? check_content(c, out, &issuer) : r;
    return refused(r, e);
}
