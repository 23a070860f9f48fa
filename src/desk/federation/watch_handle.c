/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What envelopes of signals and warnings do when they come (handlers.def): their bodies are read as
 * hostile here; the records get what was understood, written anew. The watch finds them there.
 */
#include "desk/federation/envelope_policy.h"
#include "desk/federation/handlers.h"
#include "desk/federation/signal_row.h"

/* Signals are for the hub of their circle alone. */
enum fed_refusal fed_signal_verify(struct fed_engine *en, const struct fed_envelope *env,
                                   const struct jcs *body, struct arena *a, struct buf *digest,
                                   struct err *e)
{
    const struct fed_membership *m = fed_engine_circle(en, env->circle);
    if (m == NULL || !span_eq(m->hub.node, span_of(fed_engine_keys(en)->node))) {
        (void)err_set(e, ERR_DENIED, "signals are for the hub of the circle");
        return FED_POLICY;
    }
    return signal_digest(body, a, digest, e) < 0 ? FED_BODY : FED_TAKEN;
}

enum fed_refusal fed_warning_verify(struct fed_engine *en, const struct fed_envelope *env,
                                    const struct jcs *body, struct arena *a, struct buf *digest,
                                    struct err *e)
{
    const struct fed_membership *m = fed_engine_circle(en, env->circle);
    struct span self = span_of(fed_engine_keys(en)->node);
    enum pap pap = PAP_UNKNOWN;
    if (m != NULL && fed_engine_is_hub(en) && !span_eq(m->hub.node, self)) {
        pap = fed_policy_onward(a, env, m, self, clock_now());
    }
    struct span onward = pap == PAP_UNKNOWN ? SPAN("") : span_of(pap_name(pap));
    int rc = warning_digest(body, env->circle, env->epoch, onward, a, digest, e);
    return rc == ERR_UNSUPPORTED ? FED_NEWER : rc < 0 ? FED_BODY : FED_TAKEN;
}

/* Nothing at once: the watch looks four times a second. */
void fed_watch_after(struct fed_engine *en, const struct fed_taken *t)
{
    (void)en;
    (void)t;
}
