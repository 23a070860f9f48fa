/* SPDX-License-Identifier: EUPL-1.2 */
/* Who will be able to read an item, for its author to see before it goes: the decision itself,
 * asked for everybody. */
#include "policy/policy_priv.h"

uint32_t policy_audience(const struct policy_item *item, const struct policy_candidate *candidates,
                         uint32_t n, time_ns now, bool *yes_out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        yes_out[i] = policy_allows(&candidates[i].reader, item, ACTION_READ, now);
        count += yes_out[i] ? 1 : 0;
    }
    return count;
}
