/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as the body of an envelope about an item: bounded, and what is read can be written and says the same;
 * as a document of the composer: never made into an envelope that its own checks refuse. */
#include <stdint.h>

#include "base/clock.h"
#include "desk/federation/compose.h"
#include "desk/federation/item.h"
#include "desk/federation/test_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bodies(struct arena *a, const struct jcs *body, const struct world *w)
{
    struct err e = {0};
    struct jcs *again = NULL;
    struct fed_item_body item;
    struct fed_relabel relabel;
    struct fed_tombstone stone;
    struct fed_receipt receipt;
    if (fed_item_read(a, body, &item, &e) == FED_TAKEN) {
        MUST(fed_item_write(a, &item, &again, &e));
        CHECK(span_eq(jcs_text(a, again), jcs_text(a, body)));
    }
    if (fed_relabel_read(a, body, &relabel, &e) == FED_TAKEN) {
        MUST(fed_relabel_write(a, &relabel, &again, &e));
        CHECK(span_eq(jcs_text(a, again), jcs_text(a, body)));
    }
    if (fed_tombstone_read(a, body, &stone, &e) == FED_TAKEN) {
        MUST(fed_tombstone_write(a, &stone, &again, &e));
        CHECK(span_eq(jcs_text(a, again), jcs_text(a, body)));
        CHECK(fed_tombstone_officers(&stone, world_newest(w)) <= WORLD_OFFICERS);
    }
    if (fed_receipt_read(body, &receipt, &e) == FED_TAKEN) {
        MUST(fed_receipt_write(a, &receipt, &again, &e));
        CHECK(span_eq(jcs_text(a, again), jcs_text(a, body)));
    }
}

static void composed(struct world *w, struct arena *a, const struct jcs *document)
{
    struct err e = {0};
    struct fed_composed out;
    struct fed_envelope env;
    const struct fed_author author = {.keys = &w->nodes[1], .m = world_newest(w), .person = SPAN("ann"), .organisation = SPAN("*"),
                                      .now = (time_ns)w->now_s * TIME_SECOND};
    struct fed_check c = world_check(w, true);
    if (fed_compose_item(a, &author, document, SPAN("0197f3c0-0000-7000-8000-00000000000a"), NULL, false, &out, &e) == 0) {
        CHECK(fed_envelope_check(a, out.envelope, &c, &env, &e) == FED_TAKEN);
        CHECK(!env.red || !fed_envelope_sealed_to(&env, span_of(w->nodes[0].node)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    static struct arena a;
    struct jcs *v = NULL;
    if (a.magic == 0) {
        world_init(&w, false);
        arena_init(&a, 0);
    }
    if (jcs_read(&a, span_make((const char *)data, size), FED_DEPTH_MAX, &v, NULL) == 0) {
        bodies(&a, v, &w);
        composed(&w, &a, v);
    }
    arena_reset(&a);
    return 0;
}
