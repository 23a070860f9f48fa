/* SPDX-License-Identifier: EUPL-1.2 */
/* Making, sealing and signing envelopes: see envelope.h. The content key never leaves this file. */
#include "base/id.h"
#include "desk/federation/envelope_priv.h"
#include "desk/federation/text.h"

/* One reader's way to the content key. */
static struct jcs *key_for(struct arena *a, const struct fed_reader *reader,
                           const unsigned char content_key[CONTENT_KEY_BYTES])
{
    unsigned char sealed[SEALED_KEY_BYTES];
    struct jcs *o = jcs_new_object(a);
    if (crypto_box_seal(sealed, content_key, CONTENT_KEY_BYTES, reader->seal) != 0) {
        return NULL; /* a public key of low order */
    }
    jcs_set_text(a, o, "node", reader->node);
    jcs_set_text(a, o, "key", fed_base64(a, sealed, sizeof sealed));
    return o;
}

static int add_readers(struct arena *a, const struct fed_reader *readers, uint32_t nreaders,
                       const unsigned char content_key[CONTENT_KEY_BYTES], struct jcs *to,
                       struct err *e)
{
    for (uint32_t i = 0; i < nreaders; i++) {
        if (i > 0 && memcmp(readers[i - 1].node.ptr, readers[i].node.ptr, FED_NODE_LEN) >= 0) {
            return err_set(e, ERR_INVALID, "readers must be sorted, each node once");
        }
        struct jcs *one = key_for(a, &readers[i], content_key);
        if (one == NULL) {
            return err_set(e, ERR_INVALID, "a reader's sealing key is none");
        }
        jcs_add(to, one);
    }
    return 0;
}

/* Adds `sealed` to an object that holds the rest of the head already. */
static int seal(struct arena *a, struct jcs *o, const struct jcs *body,
                const struct fed_reader *readers, uint32_t nreaders, struct err *e)
{
    unsigned char key[CONTENT_KEY_BYTES];
    unsigned char nonce[CONTENT_NONCE_BYTES];
    struct span head = jcs_text_without(a, o, fed_outside_head);
    struct span plain = jcs_text(a, body);
    unsigned char *box = (unsigned char *)arena_bytes(a, plain.len + CONTENT_TAG_BYTES);
    struct jcs *sealed = jcs_new_object(a);
    struct jcs *to = jcs_new_array(a);
    randombytes_buf(key, sizeof key);
    randombytes_buf(nonce, sizeof nonce);
    int rc = add_readers(a, readers, nreaders, key, to, e);
    if (rc == 0) {
        MUST(crypto_aead_xchacha20poly1305_ietf_encrypt(
            box, NULL, (const unsigned char *)plain.ptr, plain.len, (const unsigned char *)head.ptr,
            head.len, NULL, nonce, key));
        jcs_set_text(a, sealed, "alg", SPAN(FED_SEAL_ALG));
        jcs_set_text(a, sealed, "nonce", fed_base64(a, nonce, sizeof nonce));
        jcs_set_text(a, sealed, "box", fed_base64(a, box, plain.len + CONTENT_TAG_BYTES));
        jcs_set(a, sealed, "to", to);
        jcs_set(a, o, "sealed", sealed);
    }
    sodium_memzero(key, sizeof key);
    return rc;
}

static int check_draft(const struct fed_draft *d, uint32_t nreaders, struct err *e)
{
    if (d->type == FED_TYPE_OTHER || d->type >= FED_TYPE_COUNT || d->body == NULL ||
        d->body->kind != JCS_OBJECT || d->audience == NULL) {
        return err_set(e, ERR_INVALID, "an envelope needs a type, an audience and a body");
    }
    if (d->circle.len == 0 ? d->epoch != 0 : !fed_circle_valid(d->circle) || d->epoch == 0) {
        return err_set(e, ERR_INVALID, "an envelope of a circle needs its epoch");
    }
    if (!fed_tlp_known(d->tlp) || !fed_pap_known(d->pap)) {
        return err_set(e, ERR_INVALID, "an envelope needs labels of TLP 2.0 and PAP");
    }
    if (d->created_s < 0 || d->expires_s <= d->created_s ||
        d->expires_s - d->created_s > FED_EXPIRES_MAX_S || d->epoch > JCS_INT_MAX) {
        return err_set(e, ERR_INVALID, "an envelope must expire, and after it was made");
    }
    if (span_eq(d->tlp, SPAN("RED")) && nreaders == 0) {
        return err_set(e, ERR_INVALID, "RED travels only sealed to its readers");
    }
    return nreaders <= FED_READERS_MAX ? 0 : err_set(e, ERR_LIMIT, "too many readers");
}

int fed_envelope_make(struct arena *a, const struct fed_draft *d, const struct fed_keys *keys,
                      const struct fed_reader *readers, uint32_t nreaders, struct span *text_out,
                      char id_out[FED_ID_LEN + 1], struct err *e)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    unsigned char sig[FED_SIG_BYTES];
    int rc = check_draft(d, nreaders, e);
    if (rc != 0) {
        return rc;
    }
    struct jcs *o = jcs_new_object(a);
    jcs_set_int(a, o, "v", 1);
    jcs_set_text(a, o, "type", span_of(fed_type_word(d->type)));
    jcs_set_text(a, o, "issuer", span_of(keys->node));
    jcs_set_text(a, o, "circle", d->circle);
    jcs_set(a, o, "audience", jcs_copy(a, d->audience));
    jcs_set_text(a, o, "tlp", d->tlp);
    jcs_set_text(a, o, "pap", d->pap);
    jcs_set_bool(a, o, "chr", d->chr);
    jcs_set_text(a, o, "created", fed_time(a, d->created_s));
    jcs_set_text(a, o, "expires", fed_time(a, d->expires_s));
    jcs_set_int(a, o, "epoch", (int64_t)d->epoch);
    if (nreaders > 0) {
        rc = seal(a, o, d->body, readers, nreaders, e);
    } else {
        jcs_set(a, o, "body", jcs_copy(a, d->body));
    }
    if (rc != 0) {
        return rc;
    }
    struct span form = jcs_text(a, o);
    MUST(crypto_hash_sha256(hash, (const unsigned char *)form.ptr, form.len));
    hex_encode(hash, sizeof hash, id_out);
    fed_sign(&keys->sign, FED_ENVELOPE_PREFIX, form, sig);
    jcs_set_text(a, o, "id", span_of(id_out));
    jcs_set_text(a, o, "sig", fed_base64(a, sig, sizeof sig));
    *text_out = jcs_text(a, o);
    return text_out->len <= FED_ENVELOPE_MAX
               ? 0
               : err_set(e, ERR_LIMIT, "too much for one envelope (%d bytes)", FED_ENVELOPE_MAX);
}

static bool named(const struct span *list, uint32_t count, struct span name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span_eq(list[i], name)) {
            return true;
        }
    }
    return false;
}

static bool person_at(const struct fed_audience *who, struct span node)
{
    for (uint32_t i = 0; i < who->npersons; i++) {
        if (span_eq(who->persons[i].node, node)) {
            return true;
        }
    }
    return false;
}

/* Whether the audience names this member; which label opens what is the policy's business. */
static bool is_meant(const struct fed_audience *who, const struct fed_member *m, bool red)
{
    bool member = (m->classes & (FED_MEMBER | FED_NDA)) != 0;
    bool lists = who->norgs > 0 || who->nnodes > 0 || who->npersons > 0;
    if (person_at(who, m->node)) {
        return red || !who->nda || (m->classes & FED_NDA) != 0;
    }
    if (red) {
        return false; /* only named persons' nodes may open RED */
    }
    if (who->nda && (m->classes & FED_NDA) == 0) {
        return false;
    }
    if (named(who->orgs, who->norgs, m->org) || named(who->nodes, who->nnodes, m->node)) {
        return true;
    }
    return ((who->all || (who->nda && !lists)) && member) ||
           (who->sponsors && (m->classes & FED_SPONSOR) != 0) ||
           (who->csirt && (m->classes & FED_CSIRT) != 0);
}

int fed_envelope_readers(struct arena *a, const struct fed_membership *m,
                         const struct fed_audience *who, bool red, struct span author,
                         struct fed_reader **out, uint32_t *count_out, struct err *e)
{
    struct fed_reader *readers = arena_calloc(a, m->nmembers, sizeof *readers);
    const struct fed_member *self = fed_membership_find(m, author);
    uint32_t n = 0;
    uint32_t others = 0;
    if (self == NULL || self->state != FED_ACTIVE) {
        return err_set(e, ERR_DENIED, "the author is no active member of the circle");
    }
    if (who->unknown) {
        return err_set(e, ERR_DENIED, "an audience that this node does not know");
    }
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *member = &m->members[i];
        bool hub = span_eq(member->node, m->hub.node);
        bool meant = is_meant(who, member, red);
        if (member->state != FED_ACTIVE || (!meant && member != self)) {
            continue;
        }
        if (red && hub && (meant || member == self)) {
            return err_set(e, ERR_DENIED, "RED is never sealed to the hub that carries it");
        }
        readers[n].node = member->node;
        memcpy(readers[n++].seal, member->seal, FED_KEY_BYTES);
        others += member != self ? 1 : 0;
    }
    if (others == 0) {
        return err_set(e, ERR_DENIED, "nobody but its author could read this");
    }
    *out = readers;
    *count_out = n;
    return 0;
}
