/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signal: what a node tells its community of its alerts, and nothing else. Rule, technique,
 * indicators, product, a quarter of an hour, a count; never the log, a person, a host, an address
 * of the house. Pure: which alerts become signals by the node's own policy, and the body of the
 * envelope (docs/FEDERATION.md §5) with a reader that trusts nothing.
 */
#ifndef DESK_FEDERATION_SIGNAL_H
#define DESK_FEDERATION_SIGNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "desk/federation/indicator.h"
#include "event/alert.h"
#include "wire/jcs.h"

enum {
    SIGNAL_BUCKET_S = 900,      /* times are told to a quarter of an hour */
    SIGNALS_PER_BODY = 64,      /* signals of one envelope: well below 1 MiB */
    SIGNAL_RULE_MAX = 128,      /* bytes of a rule id */
    SIGNAL_TITLE_MAX = 256,     /* bytes */
    SIGNAL_TECHNIQUES_MAX = 8,
    SIGNAL_INDICATORS_MAX = 16,
    SIGNAL_PRODUCT_MAX = 64,    /* bytes */
    SIGNAL_COUNT_MAX = 1000000, /* events of one bucket; more is told as this many */
};
/* 2000-01-01 and 2200-01-01 in buckets: other times are refused. */
#define SIGNAL_BUCKET_FIRST (INT64_C(946684800) / SIGNAL_BUCKET_S)
#define SIGNAL_BUCKET_LAST (INT64_C(7258118400) / SIGNAL_BUCKET_S)
#define SIGNAL_N_MAX ((INT64_C(1) << 53) - 1)

struct signal {
    int64_t number; /* the node's own, ≥ 1: the same number again replaces what was told before */
    struct span rule;      /* id */
    struct span rule_hash; /* 64 hex digits of the rule's text */
    struct span title;     /* of the rule */
    enum alert_level level;
    uint32_t ntechniques;
    struct span techniques[SIGNAL_TECHNIQUES_MAX]; /* "T1110", "T1110.003" */
    uint32_t nindicators;
    struct fed_indicator indicators[SIGNAL_INDICATORS_MAX];
    struct span product; /* of the log source, as Sigma calls it; may be empty */
    int64_t bucket;      /* quarters of an hour since 1970 */
    int64_t count;       /* alerts' events in it; 0 takes the signal back */
};

/* The bucket that a time lies in. */
int64_t signal_bucket(time_ns t);

/* ---- the body of an envelope ---- */

/* The body as a tree in the arena. 1 to SIGNALS_PER_BODY of them. */
struct jcs *signals_body(struct arena *arena, const struct signal *signals, size_t count);
/*
 * Reads a body; the array lies in the arena, texts in the body. ERR_INVALID names what is wrong:
 * unknown or missing keys, values out of range, an indicator that is none. Nothing of a broken body
 * is used.
 */
int signals_read(const struct jcs *body, struct arena *arena, struct signal **signals_out,
                 size_t *count_out, struct err *e) NODISCARD;

/* "T1110" or "T1110.003" out of a Sigma tag like "attack.t1110.003", into the arena; else false. */
bool signal_technique(struct span tag, struct arena *arena, struct span *out) NODISCARD;
bool signal_technique_valid(struct span s) NODISCARD;

/* ---- out of an alert ---- */

/* What is the city's own and therefore never told. */
struct signal_own {
    const struct span *networks; /* "192.0.2.0/24" */
    size_t nnetworks;
    const struct span *domains; /* and all below them */
    size_t ndomains;
};

/*
 * What of an alert may be told: everything but number and count. `tags` are the rule's, as a JSON
 * array of text. Spans borrow from `a` or lie in the arena.
 */
void signal_of_alert(const struct alert *a, struct span tags, const struct signal_own *own,
                     struct arena *arena, struct signal *out);

#endif
