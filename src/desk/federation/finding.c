/* SPDX-License-Identifier: EUPL-1.2 */
/* A hub's findings for the hubs above: see finding.h. */
#include "desk/federation/finding.h"

#include <string.h>

#include <sodium.h>

#include "base/check.h"
#include "desk/federation/envelope_policy.h"
#include "desk/federation/text.h"

enum { NUMBER_DIGITS = 12 /* hex, of the warning's id */ };
/* Numbers of alerts are microseconds since 1970, below this until the year 2112. */
#define NUMBER_FIRST (INT64_C(1) << 52)

int finding_draft(struct arena *a, const struct fed_membership *above, time_ns now, struct fed_draft *out, struct err *e)
{
    const struct fed_audience who = {.nodes = &above->hub.node, .nnodes = 1};
    struct jcs *audience = NULL;
    int rc = fed_audience_write(a, &who, &audience, e);
    *out = (struct fed_draft){.type = FED_TYPE_SIGNAL,
                              .circle = above->circle,
                              .audience = audience,
                              .tlp = SPAN("AMBER"),
                              .pap = SPAN("AMBER"),
                              .epoch = above->epoch,
                              .expires_s = now / TIME_SECOND + FINDING_LIFE_S};
    return rc;
}

bool finding_may_go(struct arena *a, const struct finding *f, const struct fed_membership *circle, const struct fed_membership *above,
                    struct span self, time_ns now)
{
    struct fed_draft draft;
    struct fed_item item;
    struct fed_peer hub;
    struct err e;
    if (f->passed_on || circle->nda || !span_eq(circle->hub.node, self) || span_eq(above->hub.node, self) ||
        finding_draft(a, above, now, &draft, &e) < 0) {
        return false;
    }
    fed_item_of_draft(a, &draft, self, above, &item);
    fed_peer_of(above, above->hub.node, READER_NODE, &hub);
    return policy_allows(&hub.reader, &item.item, ACTION_FORWARD, now);
}

static int64_t number_of(const struct finding *f, int64_t part)
{
    uint64_t bits = 0;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        char c = f->warning.ptr[i];
        bits = bits << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return NUMBER_FIRST + (int64_t)(bits * FINDING_PARTS) + part;
}

static struct span hash_of(struct span value, struct arena *a)
{
    unsigned char hash[32];
    char *text = arena_bytes(a, 2 * sizeof hash + 1);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)value.ptr, value.len, NULL, 0));
    hex_encode(hash, sizeof hash, text);
    return span_make(text, 2 * sizeof hash);
}

static bool add_indicator(struct signal *s, struct span value, struct arena *a)
{
    ptrdiff_t colon = span_find(value, ':');
    enum fed_indicator_type type = FED_INDICATOR_IP;
    s->nindicators = 1;
    return colon > 0 && fed_indicator_type_parse(span_sub(value, 0, (size_t)colon), &type) &&
           fed_indicator_read(type, span_sub(value, (size_t)colon + 1, value.len), a, &s->indicators[0]);
}

/* What it is about, into the n signals of it. */
static bool say_what(const struct finding *f, const char *arrow, struct arena *a, struct signal *out)
{
    struct span value = f->value;
    switch (f->kind) {
    case COMMUNITY_INDICATOR:
        return add_indicator(&out[0], value, a);
    case COMMUNITY_TECHNIQUE:
        out[0].techniques[out[0].ntechniques++] = value;
        return true;
    case COMMUNITY_RULE:
        out[0].rule = value;
        return true;
    case COMMUNITY_SEQUENCE:
        if (arrow == NULL) {
            return false;
        }
        out[0].rule = span_sub(value, 0, (size_t)(arrow - value.ptr));
        out[1].rule = span_sub(value, (size_t)(arrow - value.ptr) + 3, value.len);
        return true;
    default:
        return false;
    }
}

size_t finding_signals(const struct finding *f, struct arena *a, struct signal out[FINDING_PARTS])
{
    char *id = arena_bytes(a, ID_TEXT_LEN + 1);
    CHECK(f->warning.len == WARNING_ID_LEN);
    const char *arrow = f->value.len == 0 ? NULL : memmem(f->value.ptr, f->value.len, " > ", 3);
    size_t n = f->kind == COMMUNITY_SEQUENCE && arrow != NULL ? 2 : 1;
    if (f->last < SIGNAL_BUCKET_FIRST || f->last > SIGNAL_BUCKET_LAST) {
        return 0;
    }
    warning_rule_id(f->warning, id);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct signal){.number = number_of(f, (int64_t)i),
                                 .rule = span_of(id),
                                 .title = SPAN(""),
                                 .level = f->level,
                                 .product = SPAN(""),
                                 .bucket = f->last,
                                 .count = f->withdrawn ? 0 : f->seen > 0 ? f->seen : 1};
    }
    if (!say_what(f, arrow, a, out)) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].rule_hash = hash_of(out[i].rule, a); /* the text is the members'; this stands for it */
    }
    return n;
}
