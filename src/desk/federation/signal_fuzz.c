/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the body of a signal envelope: refused, or the same again when written and read. */
#include <stdint.h>

#include "base/mem.h"
#include "desk/federation/signal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jcs *tree = NULL;
    struct signal *signals = NULL;
    struct signal *again = NULL;
    size_t n = 0;
    size_t n2 = 0;
    struct err e;
    arena_init(&a, 0);
    if (jcs_read(&a, span_make((const char *)data, size), 16, &tree, &e) == 0 &&
        signals_read(tree, &a, &signals, &n, &e) == 0) {
        CHECK(n > 0 && n <= SIGNALS_PER_BODY);
        struct jcs *body = signals_body(&a, signals, n);
        CHECK(signals_read(body, &a, &again, &n2, &e) == 0 && n2 == n);
        CHECK(span_eq(jcs_text(&a, body), jcs_text(&a, signals_body(&a, again, n2))));
        for (size_t i = 0; i < n; i++) {
            for (uint32_t k = 0; k < signals[i].nindicators; k++) {
                CHECK(signals[i].indicators[k].type != FED_INDICATOR_IP ||
                      fed_indicator_ip_public(signals[i].indicators[k].value));
            }
        }
    }
    arena_fini(&a);
    return 0;
}
