/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the compiler tells about a rule set: how many rules there are, and which were refused and why. Written by the
 * compiler; read by super, which logs it, and by the keeper, which stores it for the desk. One rule at a time goes to the
 * keeper with MSG_RULE: u64 generation, then rule_encode of records/rules.h.
 */
#ifndef ROLES_RULES_WIRE_H
#define ROLES_RULES_WIRE_H

#include "base/buf.h"
#include "base/err.h"

enum {
    RULES_DONE_BYTES_MAX = 4 << 20, /* the body of MSG_RULES_DONE */
    RULES_REFUSED_TEXT_MAX = 2000,  /* bytes of one reason or file name told */
};

struct rules_done {
    uint64_t generation;
    bool usable; /* false: nothing could be compiled, the old set stays */
    uint32_t rules, correlations, filters;
    uint32_t unreachable; /* rules whose log source no source of ours feeds */
    uint32_t refused;     /* all, also those the message had no room for */
    uint32_t warnings;
    uint32_t listed; /* refusals that follow in the message */
};

struct rules_refusal {
    struct span file;
    uint32_t line; /* 0 = not known */
    struct span reason;
};

/* The head; `listed` refusals must follow. */
void rules_done_encode(struct buf *out, const struct rules_done *d);
void rules_refusal_encode(struct buf *out, const struct rules_refusal *r);
/* Reads the head; then rules_refusal_decode `listed` times, then cursor_done. c->failed on anything out of range. */
void rules_done_decode(struct cursor *c, struct rules_done *out);
void rules_refusal_decode(struct cursor *c, struct rules_refusal *out);

/*
 * All that a compiler tells of a rule set, in one piece, so that it can be told again without compiling: rules_told_rule for
 * each rule (bytes of rule_encode), then rules_told_done once (bytes of rules_done_encode and the refusals). Neither holds the
 * generation, which is another one each time: MSG_RULE and MSG_RULES_DONE put it in front.
 */
enum { RULES_TOLD_BYTES_MAX = 256 << 20 };
void rules_told_rule(struct buf *out, struct span rule);
void rules_told_done(struct buf *out, struct span done);

struct rules_told {
    struct cursor rest;
    struct span rule; /* the one at hand, where rules_told_more */
    struct span done; /* without its first eight bytes, the generation */
    bool more;
};
/* Checks all lengths. ERR_INVALID. Points into bytes. */
int rules_told_open(struct rules_told *t, struct span bytes, struct err *e) NODISCARD;
static inline bool rules_told_more(const struct rules_told *t)
{
    return t->more;
}
void rules_told_next(struct rules_told *t);

#endif
