/* SPDX-License-Identifier: EUPL-1.2 */
/* Circles in memory: the newest memberships of each, and who may speak. See engine.h. */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

struct circle *engine_circle(const struct fed_engine *en, struct span id)
{
    for (size_t i = 0; i < en->circles.len; i++) {
        if (span_eq(span_of(en->circles.data[i]->id), id)) {
            return en->circles.data[i];
        }
    }
    return NULL;
}

static void kept_free(struct kept *k)
{
    arena_fini(&k->arena);
    mem_free(k);
}

void engine_circle_free(struct circle **out)
{
    struct circle *c = *out;
    *out = NULL;
    for (size_t i = 0; i < c->count; i++) {
        kept_free(c->known[i]);
    }
    mem_free(c);
}

void engine_circle_add(struct fed_engine *en, struct span id, bool own, struct span text)
{
    struct err e = {0};
    struct kept *k = mem_alloc(sizeof *k);
    arena_init(&k->arena, 0);
    enum fed_refusal r = fed_membership_read(&k->arena, arena_copy(&k->arena, text), &k->m, &e);
    if (r != FED_TAKEN || id.len > FED_CIRCLE_MAX) {
        log_error("federation.membership", "word=%s why=\"%s\"", fed_refusal_word(r), e.text);
        kept_free(k);
        return;
    }
    struct circle *c = engine_circle(en, id);
    if (c == NULL) {
        c = mem_alloc(sizeof *c);
        memcpy(c->id, id.ptr, id.len);
        c->own = own;
        vec_push(&en->circles, c);
    }
    if (c->count > 0 && c->known[0]->m.epoch >= k->m.epoch) {
        kept_free(k);
        return;
    }
    if (c->count == ENGINE_KNOWN_MAX) {
        kept_free(c->known[--c->count]);
    }
    memmove(&c->known[1], &c->known[0], c->count * sizeof c->known[0]);
    c->known[0] = k;
    c->count++;
}

const struct fed_membership *fed_engine_circle(const struct fed_engine *en, struct span id)
{
    const struct circle *c = engine_circle(en, id);
    return c == NULL || c->count == 0 ? NULL : &c->known[0]->m;
}

void fed_engine_each_circle(const struct fed_engine *en, void *ctx,
                            void (*visit)(void *ctx, const struct fed_membership *m, bool own))
{
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        if (c->count > 0) {
            visit(ctx, &c->known[0]->m, c->own);
        }
    }
}

const char *engine_state_word(enum fed_state state)
{
    static const char *const words[] = {"none", "active", "suspended", "removed"};
    return words[state];
}

void engine_classes(uint32_t classes, struct buf *out)
{
    static const char *const words[] = {"member", "nda", "sponsor", "csirt", "hub"};
    size_t at = out->len;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if ((classes >> i & 1) != 0) {
            buf_printf(out, "%s%s", out->len > at ? " " : "", words[i]);
        }
    }
}

void engine_membership_row(struct fed_engine *en, struct arena *a, const struct fed_membership *m,
                           struct span text, bool own, struct fed_membership_row *out)
{
    struct fed_member_row *rows = arena_calloc(a, m->nmembers + 1, sizeof *rows);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *x = &m->members[i];
        struct buf classes;
        buf_init(&classes, 256);
        engine_classes(x->classes, &classes);
        rows[i] = (struct fed_member_row){x->node,
                                          x->org,
                                          fed_base64(a, x->sign, FED_KEY_BYTES),
                                          fed_base64(a, x->seal, FED_KEY_BYTES),
                                          arena_copy(a, buf_view(&classes)),
                                          span_of(engine_state_word(x->state)),
                                          (int64_t)x->since};
        buf_free(&classes);
    }
    *out = (struct fed_membership_row){.circle = m->circle,
                                       .organisation = en->config.organisation,
                                       .hub = m->hub.node,
                                       .name = m->name,
                                       .class = m->nda ? SPAN("nda") : SPAN("member"),
                                       .own = own,
                                       .epoch = (int64_t)m->epoch,
                                       .issued = m->issued_s * TIME_SECOND,
                                       .expires = m->expires_s * TIME_SECOND,
                                       .body = text,
                                       .members = rows,
                                       .nmembers = m->nmembers};
}

enum fed_refusal engine_member_state(const struct fed_engine *en, struct span node)
{
    enum fed_refusal worst = FED_ISSUER;
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        const struct fed_member *x =
            c->own && c->count > 0 ? fed_membership_find(&c->known[0]->m, node) : NULL;
        if (x != NULL && x->state == FED_ACTIVE) {
            return FED_TAKEN;
        }
        if (x != NULL && worst != FED_SUSPENDED_ISSUER) {
            worst = x->state == FED_SUSPENDED ? FED_SUSPENDED_ISSUER : FED_REMOVED;
        }
    }
    return worst;
}

/* ---- the envelope type "membership" ---- */

enum fed_refusal fed_member_verify(struct fed_engine *en, const struct fed_envelope *env,
                                   const struct jcs *body, struct arena *a, struct buf *digest,
                                   struct err *e)
{
    struct fed_membership m;
    struct fed_membership_row row;
    struct span text = jcs_text(a, body);
    enum fed_refusal r = fed_membership_read(a, text, &m, e);
    if (r != FED_TAKEN) {
        return r;
    }
    struct circle *c = engine_circle(en, m.circle);
    if (c == NULL || c->own || c->count == 0 || !span_eq(m.circle, env->circle)) {
        return FED_CIRCLE;
    }
    struct fed_pin pin = fed_membership_pin(&c->known[0]->m);
    r = fed_membership_judge(&c->known[0]->m, &pin, &m, engine_now_s());
    if (r == FED_TWO_TRUTHS) {
        c->conflict = true;
    }
    if (r != FED_TAKEN) {
        return r;
    }
    engine_membership_row(en, a, &m, text, false, &row);
    fed_membership_encode(digest, &row);
    return FED_TAKEN;
}

void fed_member_after(struct fed_engine *en, const struct fed_taken *t)
{
    struct arena a;
    struct fed_membership_row row;
    struct cursor c = cursor_of(t->digest);
    arena_init(&a, 0);
    fed_membership_decode(&c, &a, &row);
    if (cursor_done(&c)) {
        engine_circle_add(en, row.circle, false, row.body);
        log_info("federation.epoch", "circle=%.*s epoch=%lld members=%u", SPAN_ARG(row.circle),
                 (long long)row.epoch, row.nmembers);
    }
    arena_fini(&a);
}
