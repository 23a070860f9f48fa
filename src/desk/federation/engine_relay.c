/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * To whom a hub passes an envelope on: the members whom the policy lets have it (policy_decide, action
 * RELAY). Signals stay at the hub; control messages go to every member, whatever the policy says of
 * content. What is sealed passes unread. See engine.h.
 */
#include "desk/federation/engine_priv.h"
#include "desk/federation/envelope_policy.h"

static bool entitled(const struct fed_membership *m, const struct fed_item *item, struct span node)
{
    struct fed_peer peer;
    fed_peer_of(m, node, READER_NODE, &peer);
    return policy_allows(&peer.reader, &item->item, ACTION_RELAY, clock_now());
}

void engine_relay(struct fed_engine *en, struct arena *a, const struct fed_envelope *env,
                  struct fed_taken *out)
{
    const struct fed_membership *m = fed_engine_circle(en, env->circle);
    bool control = fed_type_is_control(env->type);
    struct fed_item item;
    if (m == NULL || env->type == FED_TYPE_SIGNAL) {
        return;
    }
    fed_item_of_envelope(a, env, m, &item);
    struct span *to = arena_calloc(a, m->nmembers + 1, sizeof *to);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *r = &m->members[i];
        bool other = !span_eq(r->node, env->issuer) && !span_eq(r->node, span_of(en->keys.node));
        if (r->state == FED_ACTIVE && other && (control || entitled(m, &item, r->node))) {
            to[out->npeers++] = arena_copy(a, r->node);
        }
    }
    out->peer = to;
    out->class = control ? FED_OUT_CONTROL : FED_OUT_RESULT;
    out->relay_reason = control ? SPAN("control message") : SPAN("relay: policy.allowed");
    out->audience = span_of(arena_printf(a, "%zu members of %.*s", out->npeers, SPAN_ARG(m->circle)));
}
