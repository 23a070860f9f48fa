/* SPDX-License-Identifier: EUPL-1.2 */
/* Costs of rules told to the keeper, and rules that cost too much: see rule_share.h. Runs in intake and correlator. */
#include "roles/rule_share.h"

#include <stdio.h>

#include "base/id.h"
#include "base/log.h"
#include "roles/messages.h"

enum { COSTS_BYTES_MAX = 8 << 20 };

bool rule_over_share(const struct rule_use *use)
{
    return use->elapsed > 0 && use->candidates > 0 && use->ns / use->candidates > RULE_SLOW_NS &&
           use->ns > (uint64_t)use->cpu / 100 * RULE_SHARE_PERCENT &&
           use->ns > (uint64_t)use->elapsed / 100 * RULE_CORE_PERCENT;
}

void rule_share_reason(const struct rule_use *use, const char *role, char out[RULE_STOP_REASON_MAX])
{
    (void)snprintf(out, RULE_STOP_REASON_MAX,
                   "it alone used %u %% of the time of %s for %u s, %llu microseconds for each of %llu events;"
                   " a rule may use %u %%",
                   (unsigned)(use->ns / ((uint64_t)use->cpu / 100 + 1)), role, (unsigned)(use->elapsed / TIME_SECOND),
                   (unsigned long long)(use->ns / (use->candidates == 0 ? 1 : use->candidates) / 1000),
                   (unsigned long long)use->candidates, (unsigned)RULE_SHARE_PERCENT);
}

bool rule_hash(const struct ruleset_rule *rule, unsigned char hash[RULE_COST_HASH_BYTES])
{
    return hex_decode(rule->hash, hash, RULE_COST_HASH_BYTES);
}

void rule_tell_stop(struct ipc *keeper, const struct ruleset_rule *rule, const char *reason)
{
    unsigned char hash[RULE_COST_HASH_BYTES];
    struct buf b;
    char shown[LOG_VALUE_MAX];
    log_error("rule.stopped", "id=\"%s\" why=\"%s\"", log_value(rule->id, shown), reason);
    if (keeper == NULL || !rule_hash(rule, hash)) {
        return;
    }
    buf_init(&b, 1024);
    buf_put(&b, hash, sizeof hash);
    buf_str(&b, span_of(reason));
    if (ipc_send(keeper, MSG_RULE_STOP, 0, buf_view(&b)) != 0) {
        log_warn("rule.stopped", "why=\"keeper was not told\"");
    }
    buf_free(&b);
}

int rule_stops_take(struct buf *stops, struct span body, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint32_t n = cursor_u32(&c);
    if (c.failed || n > RULE_COST_LIST_MAX || n * RULE_COST_HASH_BYTES != cursor_left(&c)) {
        return err_set(e, ERR_INVALID, "list of stopped rules is out of range");
    }
    buf_clear(stops);
    buf_span(stops, span_make(c.ptr, cursor_left(&c)));
    return 0;
}

bool rule_stops_have(const struct buf *stops, const struct ruleset_rule *rule)
{
    unsigned char hash[RULE_COST_HASH_BYTES];
    if (stops->len == 0 || !rule_hash(rule, hash)) {
        return false;
    }
    for (size_t i = 0; i < stops->len; i += RULE_COST_HASH_BYTES) {
        if (memcmp(stops->data + i, hash, sizeof hash) == 0) {
            return true;
        }
    }
    return false;
}

void rule_costs_put(struct buf *rows, const struct ruleset_rule *rule, struct rule_cost_delta *d, uint32_t *n)
{
    if (d->events > 0 && *n < RULE_COSTS_MAX && rule_hash(rule, d->hash)) {
        rule_cost_encode(rows, d);
        (*n)++;
    }
}

bool rule_costs_send(struct ipc *keeper, const struct buf *rows, uint32_t n)
{
    struct buf b;
    buf_init(&b, COSTS_BYTES_MAX);
    buf_u32(&b, n);
    buf_span(&b, buf_view(rows));
    bool sent = keeper != NULL && n > 0 && !b.failed && ipc_send(keeper, MSG_RULE_COSTS, 0, buf_view(&b)) == 0;
    buf_free(&b);
    return sent;
}
