/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retention: how long originals are kept, per source. A day whose sources have all had their time goes as a file; of a day
 * that others still need, the originals of a source go while the links of the chain stay (of merged blocks as a stub of
 * their headers). Each leaves a signed note in the chain that is written now: what went, of when, under which rule, and the
 * chain's newest link before it; the seal that follows signs the link after it. `sereno verify` asks for such a note wherever
 * originals are missing.
 *
 * A legal hold stops both for what it names.
 */
#ifndef ARCHIVE_PURGE_H
#define ARCHIVE_PURGE_H

#include "archive/seal.h"

enum { PURGE_HOLDS_MAX = 1000, PURGE_SOURCES_MAX = 4096 /* with an own retention */ };

struct purge_source {
    struct span name;  /* of a source in the config */
    uint32_t days;     /* of receipt, 0 = for ever */
    bool at_once;      /* invented data: all of it goes now, out of the day that is written too. No more may come from it. */
};

struct purge_hold {
    struct span organisation; /* empty = all */
    struct span source;       /* empty = all */
    int32_t first_day, last_day;
};

struct purge_policy {
    uint32_t days;                       /* of sources without an own number, and of all else in a day; 0 = for ever */
    const struct purge_source *sources;
    size_t nsources;
    const struct purge_hold *holds;
    size_t nholds;
    time_ns slice; /* a call ends soon after so long, with more = true; 0 = when all is done */
};

struct purge_totals {
    uint64_t days;            /* files that went */
    uint64_t sources;         /* sources of days of which the originals went */
    uint64_t records, bytes;  /* of those */
    uint64_t held;            /* days and sources that a hold kept */
    bool more;                /* call again: it was out of time */
};

/* Notes are signed with this key from now on; borrowed, NULL: they are not signed, and no source is purged alone. */
void archive_signer(struct archive *a, const struct seal_key *key);

/*
 * Lets go what has had its time on the UTC day of `now`. Durable step by step: after a crash the next call goes on. A day
 * that cannot be read hinders no other: the first such error is given when all is done.
 */
int archive_purge(struct archive *a, const struct purge_policy *p, time_ns now,
                  struct purge_totals *out, struct err *e) NODISCARD;

#endif
