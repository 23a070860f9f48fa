/* SPDX-License-Identifier: EUPL-1.2 */
/* Opening sealed bodies, and what a circle's memberships say of an issuer: see envelope.h. */
#include "desk/federation/envelope_priv.h"
#include "desk/federation/text.h"

static const struct jcs *to_node(const struct fed_envelope *env, struct span node)
{
    const struct jcs *to = jcs_get_array(env->sealed, "to");
    for (const struct jcs *o = to == NULL ? NULL : to->first; o != NULL; o = o->next) {
        struct span name = {0};
        if (jcs_get_text(o, "node", &name) && span_eq(name, node)) {
            return o;
        }
    }
    return NULL;
}

bool fed_envelope_sealed_to(const struct fed_envelope *env, struct span node)
{
    return to_node(env, node) != NULL;
}

/* The text in the box, under the content key; false when it does not open. */
static bool open_box(struct arena *a, const struct fed_envelope *env,
                     const unsigned char key[CONTENT_KEY_BYTES], struct span *plain_out)
{
    unsigned char nonce[CONTENT_NONCE_BYTES];
    struct span text = {0};
    struct span head = jcs_text_without(a, env->root, fed_outside_head);
    size_t len = 0;
    if (!jcs_get_text(env->sealed, "nonce", &text) ||
        !fed_base64_read(text, nonce, sizeof nonce) || !jcs_get_text(env->sealed, "box", &text)) {
        return false;
    }
    unsigned char *box = (unsigned char *)arena_bytes(a, text.len + 1);
    if (!fed_base64_read_some(text, box, text.len, &len) || len < CONTENT_TAG_BYTES) {
        return false;
    }
    unsigned char *plain = (unsigned char *)arena_bytes(a, len);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, box, len,
                                                   (const unsigned char *)head.ptr, head.len, nonce,
                                                   key) != 0) {
        return false;
    }
    *plain_out = span_make((const char *)plain, len - CONTENT_TAG_BYTES);
    return true;
}

enum fed_refusal fed_envelope_open(struct arena *a, const struct fed_envelope *env,
                                   const struct fed_keys *keys, const struct jcs **body_out)
{
    unsigned char sealed[SEALED_KEY_BYTES];
    unsigned char key[CONTENT_KEY_BYTES];
    struct span text = {0};
    struct span plain = {0};
    struct jcs *body = NULL;
    CHECK(keys != NULL);
    if (env->body != NULL) {
        *body_out = env->body;
        return FED_TAKEN;
    }
    const struct jcs *mine = to_node(env, span_of(keys->node));
    if (mine == NULL) {
        return FED_NOT_READER;
    }
    if (!jcs_get_text(mine, "key", &text) || !fed_base64_read(text, sealed, sizeof sealed) ||
        crypto_box_seal_open(key, sealed, sizeof sealed, keys->seal_public, keys->seal_secret) !=
            0) {
        return FED_BOX;
    }
    bool opened = open_box(a, env, key, &plain);
    sodium_memzero(key, sizeof key);
    if (!opened) {
        return FED_BOX;
    }
    if (jcs_read(a, plain, FED_DEPTH_MAX, &body, NULL) != 0 || body->kind != JCS_OBJECT ||
        !jcs_is_canonical(body, plain)) {
        return FED_BODY;
    }
    *body_out = body;
    return FED_TAKEN;
}

enum fed_refusal fed_issuer_find(const struct fed_membership *const *known, size_t count,
                                 const struct fed_envelope *env, int64_t now_s,
                                 struct fed_issuer *out)
{
    const struct fed_membership *newest = NULL;
    const struct fed_membership *then = NULL;
    const struct fed_member *last = NULL; /* newest entry of the issuer, for its key */
    uint64_t last_epoch = 0;
    *out = (struct fed_issuer){0};
    for (size_t i = 0; i < count; i++) {
        if (!span_eq(known[i]->circle, env->circle)) {
            continue;
        }
        newest = newest == NULL || known[i]->epoch > newest->epoch ? known[i] : newest;
        then = known[i]->epoch == env->epoch ? known[i] : then;
        const struct fed_member *m = fed_membership_find(known[i], env->issuer);
        if (m != NULL && known[i]->epoch > last_epoch) {
            last = m;
            last_epoch = known[i]->epoch;
        }
    }
    if (newest == NULL) {
        return FED_CIRCLE;
    }
    if (last == NULL) {
        return FED_ISSUER;
    }
    const struct fed_member *was = then == NULL ? NULL : fed_membership_find(then, env->issuer);
    const struct fed_member *is = fed_membership_find(newest, env->issuer);
    memcpy(out->sign, (was != NULL ? was : last)->sign, FED_KEY_BYTES);
    out->then = was == NULL ? FED_STATE_NONE : was->state;
    out->now = is == NULL ? FED_GONE : is->state; /* no longer named = no longer in */
    out->key_changed = is != NULL && was != NULL && !fed_key_equal(is->sign, was->sign);
    out->since = is == NULL ? newest->epoch : is->since;
    out->epoch_known = newest->epoch;
    out->epoch_kept = then != NULL;
    out->nda = newest->nda || (then != NULL && then->nda);
    out->over = fed_membership_over(newest, now_s);
    out->hub = newest->hub.node;
    out->is_hub = span_eq(newest->hub.node, env->issuer);
    for (size_t i = 0; i < count; i++) {
        if (span_eq(known[i]->circle, env->circle) && known[i]->epoch == out->since) {
            out->since_s = known[i]->issued_s;
        }
    }
    return FED_TAKEN;
}
