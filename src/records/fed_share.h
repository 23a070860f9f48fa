/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The node's own policy of sharing: which alerts become signals of which circle, and when. A row
 * names a class of alerts; the first row that fits an alert decides. Without a row an alert is told
 * after somebody acknowledged it. Kept by the keeper, asked by the desk; the decision is pure.
 */
#ifndef RECORDS_FED_SHARE_H
#define RECORDS_FED_SHARE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_SHARE_MAX = 256,            /* rows */
    FED_SHARE_WORD_MAX = 200,       /* bytes of a circle, product, technique or source */
    FED_SHARE_MINUTES_MAX = 43200,  /* a month */
    FED_SHARE_LISTS_MAX = 4000,     /* bytes of own networks, or domains */
};

/* From the most careful to the least. name in the API */
#define FED_MOMENTS(X)                                                                             \
    X(FED_NEVER, "never")                                                                          \
    X(FED_AFTER_ACKNOWLEDGEMENT, "after_acknowledgement")                                          \
    X(FED_AFTER_MINUTES, "after_minutes") X(FED_AT_ONCE, "at_once")

enum fed_moment {
#define X(name, word) name,
    FED_MOMENTS(X)
#undef X
        FED_MOMENT_COUNT
};
const char *fed_moment_name(enum fed_moment m);
bool fed_moment_parse(struct span s, enum fed_moment *out) NODISCARD;

#define FED_SHARE_SPANS(X) X(id) X(circle) X(product) X(technique) X(source) X(moment) X(changed_by)
#define FED_SHARE_NUMBERS(X) X(level) X(minutes) X(since) X(sent)

struct fed_share_row {
#define X(name) struct span name; /* empty circle, product, technique, source: any */
    FED_SHARE_SPANS(X)
#undef X
#define X(name) int64_t name; /* level: this and higher ones; 0 = any */
    FED_SHARE_NUMBERS(X)
#undef X
};

struct fed_sharing {
    struct fed_share_row *rows;
    size_t count;
    struct span networks, domains; /* the city's own, parted by commas */
    bool automatic;                /* warnings are taken by themselves after their dry run */
    int64_t cap;                   /* of alerts that a dry run may find for that */
    bool agreed;                   /* on a hub: policy_publish_rule */
    int64_t forgotten;             /* highest version of a warning that went: fed_warnings_sweep. Not put */
};

void fed_sharing_encode(struct buf *out, const struct fed_sharing *s);
/* c->failed on anything out of range. */
void fed_sharing_decode(struct cursor *c, struct arena *arena, struct fed_sharing *out);

int fed_sharing_get(struct db *db, struct arena *arena, struct fed_sharing *out,
                    struct err *e) NODISCARD;
/* All rows and words anew, with an audit row, in one transaction. Rows that stay keep since and sent. */
int fed_sharing_put(struct db *db, const struct fed_sharing *s, struct span who, time_ns now,
                    struct err *e) NODISCARD;
/* Writes u32 n, n of str circle, str its name, str the organisation of its hub, u8 whether that is this node, u8 NDA. */
int fed_share_circles(struct db *db, struct buf *out, struct err *e) NODISCARD;
/* Signals went out by this row. Inside a transaction; an unknown id is fine. */
int fed_share_count(struct db *db, struct span id, int64_t signals, struct err *e) NODISCARD;

/* A hub tells the hub of a circle above of its own warning, in that version, by a row of the policy. */
struct fed_finding_told {
    struct span circle, warning, share;
    int64_t version;
};
/* Remembers it while the warning is kept, and counts it to its row the first time. Inside a transaction. */
int fed_finding_told_put(struct db *db, const struct fed_finding_told *t, time_ns now, struct err *e) NODISCARD;

/* What of an alert the policy asks. */
struct fed_share_facts {
    struct span circle, product, source;
    int64_t level;
    const struct span *techniques; /* "T1110.003" is also T1110 */
    size_t ntechniques;
};
struct fed_share_verdict {
    enum fed_moment moment;
    int64_t minutes;
    struct span row; /* id of the row that decided; empty = the default */
};
struct fed_share_verdict fed_share_decide(const struct fed_sharing *s,
                                          const struct fed_share_facts *f);

#endif
