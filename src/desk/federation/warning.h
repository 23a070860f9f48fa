/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The warning: what a hub tells all members when several of them saw the same. Why, how many as far
 * as that may be said, and what a node needs to look for it: rules and indicators. Pure: the body
 * of the envelope (docs/FEDERATION.md §5) with a reader that trusts nothing, since a hub can be
 * hostile; the rules that look for indicators; and how far the community is on its guard.
 */
#ifndef DESK_FEDERATION_WARNING_H
#define DESK_FEDERATION_WARNING_H

#include "base/id.h"
#include "desk/federation/community.h"

enum {
    WARNING_ID_LEN = 32,           /* hex digits: hash of circle, kind and value */
    WARNING_TITLE_MAX = 512,       /* bytes */
    WARNING_KIND_MAX = 32,         /* bytes of the word of a kind */
    WARNING_FILES_MAX = 4,         /* rules that stand by themselves; a sequence has two */
    WARNING_RULES_MAX = 36,        /* with those that correlations among them join */
    WARNING_NEEDS_MAX = 32,        /* rules that one correlation joins */
    WARNING_CHAIN_MAX = 10,        /* correlations of correlations, as the engine has it */
    WARNING_FILES_BYTES = 768 << 10, /* of all rule files made of one warning: a rule may go into several */
    WARNING_YAML_MAX = 128 << 10,  /* bytes of one rule; the largest public one has 60 KB */
    WARNING_INDICATORS_MAX = 64,
    WARNING_VALUE_MAX = 600,       /* bytes: a type and an indicator, or two rules */
    WARNING_PRODUCTS_MAX = 16,
    WARNING_VERSION_MAX = 1000000,
    WARNING_DERIVED_MAX = 8,       /* circles that one came through, one above the other */
};

struct warning_rule {
    struct span id;
    struct span yaml;
    struct span hash; /* BLAKE2b-256 of yaml, 64 hex digits */
    uint32_t nneeds;  /* a correlation: what it joins, by place among the rules of this warning */
    uint8_t needs[WARNING_NEEDS_MAX];
};

/* A warning of another circle that this one passes on. */
struct warning_source {
    struct span circle;
    struct span warning; /* its id there */
    int64_t version;
};

struct warning {
    struct span id;      /* the same for all versions */
    int64_t version;     /* from 1; a higher one replaces */
    enum community_kind kind; /* not COMMUNITY_PRODUCT */
    struct span value;   /* as community_finding has it */
    struct span title;
    enum alert_level level;
    int64_t seen;        /* members that saw it; 0 = "at least one other member" */
    int64_t first, last; /* buckets */
    bool withdrawn;      /* the hub takes it back: rules and indicators of it end */
    uint32_t nrules;
    struct warning_rule rules[WARNING_RULES_MAX];
    uint32_t nindicators;
    struct fed_indicator indicators[WARNING_INDICATORS_MAX];
    uint32_t nproducts;
    struct span products[WARNING_PRODUCTS_MAX];
    uint32_t nderived; /* 0: the hub's own finding */
    struct warning_source derived[WARNING_DERIVED_MAX]; /* the way it came; the last is the nearest */
};

/* Id of the warning for a finding in a circle: always the same. */
void warning_make_id(struct span circle, enum community_kind kind, struct span value,
                     char out[WARNING_ID_LEN + 1]);

struct jcs *warning_body(struct arena *arena, const struct warning *w);
/* ERR_INVALID names what is wrong; nothing of a broken body is used. */
int warning_read(const struct jcs *body, struct arena *arena, struct warning *out,
                 struct err *e) NODISCARD;

/*
 * Whether its rules hold together: whatever one joins is there, once, in no circle and no long chain, and not more of
 * it than may be taken. Says so without looking into their texts; the compiler does that, behind its fence. ERR_INVALID.
 */
int warning_rules_check(const struct warning *w, struct err *e) NODISCARD;
/* How many stand by themselves: a rule that a correlation joins comes with that one, silently. */
uint32_t warning_nfiles(const struct warning *w);
/* Number of the file that a rule is in by itself; UINT32_MAX: others bring it. */
uint32_t warning_file_of(const struct warning *w, uint32_t rule);

/*
 * Makes of a warning of the circle `from` what a hub tells its own circle `to`: its id there, no count
 * and no products (they are of other members), and one step more on its way. False: it came through
 * `to` already, or through so many that it ends here; then *w is not to be used. Texts in arena.
 */
bool warning_onward(struct warning *w, struct span from, struct span to, struct arena *arena);

/* ---- what a node makes of it ---- */

/*
 * A Sigma rule that fires where one of the indicators stands in a field or a line, for all log
 * sources; its id is made of the warning's. Appends YAML. For the same engine as every other rule.
 */
void warning_indicator_rule(struct buf *out, const struct warning *w);
/* Its id: a UUID of version 8 (RFC 9562 §5.8) of the bits of the warning's. */
void warning_rule_id(struct span id, char out[ID_TEXT_LEN + 1]);

/* Its rules as files (a correlation in one file with all that it joins), and the one for its indicators, as
 * FED_WARNING_TAKE wants them: u32 n, n of str name, str rule id, str YAML. False when it holds none. */
bool warning_files(const struct warning *w, struct buf *out);

/* ---- how far the community is on its guard ---- */

enum community_level { LEVEL_CALM, LEVEL_WATCHFUL, LEVEL_RAISED, LEVEL_ALARMED };
const char *community_level_name(enum community_level level); /* calm watchful raised high */

/* A warning in force, as far as the level asks. All of this was published. */
struct level_warning {
    enum community_kind kind;
    enum alert_level level;
    int64_t seen; /* as published */
    time_ns issued;
};
enum { LEVEL_REASONS_MAX = 8 };
struct level_reason {
    char text[160];
    int64_t count; /* 0 = none to show */
};
struct level_report {
    enum community_level level;
    time_ns since; /* of the newest warning that made it so; TIME_NONE when calm */
    uint32_t nreasons;
    struct level_reason reasons[LEVEL_REASONS_MAX];
};
/* Of the warnings of the last day at `now`; older ones do not count. */
void community_level_of(const struct level_warning *list, size_t count, time_ns now,
                        struct level_report *out);

#endif
