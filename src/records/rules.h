/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The texts of rules that are or were loaded, so that an alert can always show what it was judged
 * by, and the rules that were refused. Each load is a generation: what the last one did not bring
 * is kept for old alerts but no longer listed. Called by the keeper; the codec also by the
 * compiler, which sends rules as they load.
 */
#ifndef RECORDS_RULES_H
#define RECORDS_RULES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    RULES_TAGGED_MAX = 64, /* rules of one technique */
    RULE_TEXT_MAX = 1 << 20, /* bytes of one rule file: the largest public one has 60 KB */
    RULE_HASH_LEN = 64,      /* hex digits */
    RULE_PAGE_MAX = 500,
    RULE_REFUSED_MAX = 1000, /* told of one load; the rest is counted */
};

/* Lists are JSON arrays of strings, written by whoever read the rule; joins, of a correlation: the ids of the
 * rules and correlations that it refers to, a line each. */
#define RULE_SPANS(X)                                                                              \
    X(hash)                                                                                        \
    X(rule_id) X(title) X(author) X(file) X(description) X(license) X(condition) X(references)     \
        X(tags) X(falsepositives) X(joins) X(text)

struct rule_row {
#define X(name) struct span name;
    RULE_SPANS(X)
#undef X
    int64_t level;  /* enum alert_level */
    int64_t alerts; /* made so far */
    int64_t events; /* that they stand for */
};

struct rule_refusal {
    struct span file;
    int64_t line; /* 0 = not known */
    struct span reason;
};

void rule_encode(struct buf *out, const struct rule_row *rule);
/* Spans point into the message; c->failed on a bad level, hash or an over-long text. */
void rule_decode(struct cursor *c, struct rule_row *out);

/* Number of the generation being listed; 0 before the first load. */
int rules_generation(struct db *db, struct err *e, int64_t *generation_out) NODISCARD;
/* Stores a rule for a generation, idempotently by hash. */
int rules_put(struct db *db, const struct rule_row *rule, int64_t generation,
              struct err *e) NODISCARD;
int rules_put_refusal(struct db *db, const struct rule_refusal *r, int64_t generation,
                      struct err *e) NODISCARD;
/* From now on `generation` is the one listed; refusals of older ones go. */
int rules_switch(struct db *db, int64_t generation, time_ns now, struct err *e) NODISCARD;

/* ERR_NOT_FOUND. */
int rules_get(struct db *db, struct span hash, struct arena *arena, struct rule_row *out,
              struct err *e) NODISCARD;
/* Rules of this house (none that came by federation) that are loaded now and carry a tag that begins so, in
 * any case; those of the highest level first, RULES_TAGGED_MAX at most. */
int rules_tagged(struct db *db, struct span tag, struct arena *arena, struct rule_row **rows_out,
                 size_t *count_out, struct err *e) NODISCARD;
/* Of the rules that are loaded now. ERR_NOT_FOUND. */
int rules_by_id(struct db *db, struct span id, struct arena *arena, struct rule_row *out,
                struct err *e) NODISCARD;
/* Adds an alert to the rule's numbers; fine when the rule is not known. */
int rules_count_alert(struct db *db, struct span hash, int64_t events, struct err *e) NODISCARD;

struct rule_page {
    struct rule_row *rows; /* by title, without their texts */
    size_t count;
    bool more;
    int64_t total; /* of the generation, whatever was searched */
};

/* Loaded rules whose title, id or file holds `words` (empty = all), after (after_title,
 * after_hash). */
int rules_list(struct db *db, struct span words, struct span after_title, struct span after_hash,
               size_t limit, struct arena *arena, struct rule_page *out, struct err *e) NODISCARD;
int rules_refused(struct db *db, struct arena *arena, struct rule_refusal **list_out,
                  size_t *count_out, struct err *e) NODISCARD;

#endif
