/* SPDX-License-Identifier: EUPL-1.2 */
/* Lookups in the catalog: see catalog.h. */
#include "event/catalog.h"

static int span_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

field_id catalog_field(const struct catalog *c, struct span name)
{
    uint32_t lo = 0;
    uint32_t hi = c->nfields;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        int d = span_cmp(c->fields[mid], name);
        if (d == 0) {
            return mid;
        }
        if (d < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return FIELD_NONE;
}

static bool attribute_applies(struct span rule, struct span event)
{
    return rule.len == 0 || span_eq_nocase(rule, event);
}

bool logsource_applies(const struct logsource *rule, const struct logsource *event)
{
    return attribute_applies(rule->product, event->product) &&
           attribute_applies(rule->category, event->category) &&
           attribute_applies(rule->service, event->service);
}
