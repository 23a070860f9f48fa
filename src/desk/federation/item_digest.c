/* SPDX-License-Identifier: EUPL-1.2 */
/* From opened envelopes to rows: see item_digest.h. */
#include "desk/federation/item_digest.h"

#include "desk/federation/item.h"
#include "records/fed_item.h"

static struct span org_of(const struct fed_membership *m, struct span node)
{
    const struct fed_member *member = fed_membership_find(m, node);
    return member == NULL ? SPAN("") : member->org;
}

static struct span derived_json(struct arena *a, const struct fed_item_body *item)
{
    struct jcs *list = jcs_new_array(a);
    for (uint32_t i = 0; i < item->nderived; i++) {
        jcs_add(list, jcs_new_text(a, item->derived[i]));
    }
    return jcs_text(a, list);
}

static enum fed_refusal digest_item(const struct fed_envelope *env, const struct jcs *body, const struct fed_membership *m, struct arena *a,
                                    struct buf *digest, struct err *e)
{
    struct fed_item_body item;
    enum fed_refusal r = fed_item_read(a, body, &item, e);
    if (r == FED_TAKEN) {
        const struct fed_item_row row = {.id = item.id, .author_org = org_of(m, env->issuer), .kind = item.kind, .title = item.title,
                                         .body = item.text, .of_item = item.of, .derived = derived_json(a, &item), .tlp = env->tlp,
                                         .pap = env->pap, .chr = env->chr, .audience = jcs_text(a, env->audience), .version = item.version};
        fed_item_encode(digest, &row);
    }
    return r;
}

static enum fed_refusal digest_relabel(const struct fed_envelope *env, const struct jcs *body, const struct fed_membership *m, struct arena *a,
                                       struct buf *digest, struct err *e)
{
    struct fed_relabel r;
    enum fed_refusal rc = fed_relabel_read(a, body, &r, e);
    if (rc == FED_TAKEN || rc == FED_NEWER) { /* held: the item waits with it, see fed_relabel_apply */
        const struct fed_item_row row = {.id = r.id, .author_org = org_of(m, env->issuer), .tlp = r.tlp, .pap = r.pap, .chr = r.chr,
                                         .audience = jcs_text(a, r.audience), .version = r.version};
        fed_item_encode(digest, &row);
    }
    return rc;
}

static enum fed_refusal digest_tombstone(const struct jcs *body, const struct fed_membership *m, struct arena *a, struct buf *digest, struct err *e)
{
    struct fed_tombstone t;
    enum fed_refusal r = fed_tombstone_read(a, body, &t, e);
    if (r == FED_TAKEN) {
        buf_str(digest, t.id);
        buf_str(digest, t.reason);
        buf_u8(digest, fed_tombstone_holds(&t, SPAN(""), SPAN(""), m));
    }
    return r;
}

static enum fed_refusal digest_receipt(const struct jcs *body, struct buf *digest, struct err *e)
{
    struct fed_receipt r;
    enum fed_refusal rc = fed_receipt_read(body, &r, e);
    if (rc == FED_TAKEN) {
        buf_str(digest, r.id);
        buf_str(digest, r.envelope);
        buf_str(digest, r.done);
    }
    return rc;
}

enum fed_refusal fed_item_digest(const struct fed_envelope *env, const struct jcs *body, const struct fed_membership *m, struct arena *a,
                                 struct buf *digest, struct err *e)
{
    switch (env->type) {
    case FED_TYPE_ITEM:
        return digest_item(env, body, m, a, digest, e);
    case FED_TYPE_RELABEL:
        return digest_relabel(env, body, m, a, digest, e);
    case FED_TYPE_TOMBSTONE:
        return digest_tombstone(body, m, a, digest, e);
    case FED_TYPE_RECEIPT:
        return digest_receipt(body, digest, e);
    default:
        return FED_TYPE;
    }
}
