/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rule matches that correlations ask for, as intake sends them with their window, keeper stores them and the correlator
 * takes them in, perhaps after a restart and under another rule set: so rules and fields go by name. The readers (keeper,
 * correlator) trust nothing: intake parses hostile bytes.
 *
 *     u32 rules, each: str id (hash of the text when it has none), u16 fields, each str name
 *     u32 origins, each: str organisation, str source, str product, str category, str service
 *     u32 matches, each: u32 rule, u32 origin, u64 time, u64 received, u32 block, u32 index, u32 tags, str host, str user,
 *                        then of each field of the rule: u8 there, and if so str value
 */
#ifndef ROLES_MATCH_CODEC_H
#define ROLES_MATCH_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

enum {
    MATCHES_MAX_BYTES = 8 * 1024 * 1024, /* of one window; as the archive has it */
    MATCHES_SEAL_BYTES = 4 * 1024 * 1024, /* so many seal a window early */
    MATCH_RULES_MAX = 65536,
    MATCH_FIELDS_MAX = 1024, /* of one rule: those that all correlations on it ask for */
    MATCH_ORIGINS_MAX = 65536,
    MATCH_NAME_MAX = 1024,  /* bytes of an id, a field's name, a host … */
    MATCH_VALUE_MAX = 4096, /* bytes of one value; longer ones are cut and told apart by a hash */
};

/* ---- writing: intake ---- */

struct match_writer;
struct match_writer *match_writer_new(void);
void match_writer_free(struct match_writer **w);

struct match_origin {
    struct span organisation, source, product, category, service;
};

/* One match on record `arrival` of the open window. values are parallel to fields; ptr NULL = absent. */
struct match_in {
    struct span rule; /* id or hash */
    uint32_t rule_number; /* below rules_total of match_writer_begin: same number, same rule and fields */
    uint32_t nfields;
    const struct span *fields;
    const struct span *values;
    struct match_origin origin;
    uint32_t origin_number; /* likewise a small number that stands for the origin */
    time_ns time, received;
    uint32_t tags;
    struct span host, user;
    uint32_t arrival;
};
/* False: no room for it in one body (MATCHES_MAX_BYTES); nothing was added, the caller counts it. */
bool match_writer_add(struct match_writer *w, const struct match_in *m) NODISCARD;
/* Bytes that wait. */
size_t match_writer_bytes(const struct match_writer *w);

/* Where a record of the sealed window went. */
typedef void match_place(void *ctx, uint32_t arrival, uint32_t *block_out, uint32_t *index_out);
/* Appends all as one body and empties the writer. Nothing when it holds none. */
void match_writer_seal(struct match_writer *w, match_place *place, void *ctx, struct buf *out);

/* ---- reading: keeper, correlator ---- */

struct match_rule {
    struct span id;
    uint32_t nfields;
    const struct span *fields;
};

struct match_row {
    const struct match_rule *rule;
    uint32_t rule_number; /* index of rule in the body */
    const struct match_origin *origin;
    time_ns time, received;
    uint32_t block, index; /* in the window */
    uint32_t tags;
    struct span host, user;
    const struct span *values; /* parallel to rule->fields; ptr NULL = absent */
};

struct match_reader {
    struct cursor c;
    struct arena *scratch;
    uint32_t nrules, norigins;
    const struct match_rule *rules;
    const struct match_origin *origins;
    uint32_t left; /* matches not yet read */
    struct span *values; /* of the row read last */
};

/* Reads what comes before the matches. Arrays in scratch, spans into the body. */
int match_reader_open(struct match_reader *r, struct span body, struct arena *scratch, struct err *e) NODISCARD;
/* Next match: 1, or 0 at the end, or ERR_INVALID. row_out->values live until the next call. */
int match_reader_next(struct match_reader *r, struct match_row *row_out, struct err *e) NODISCARD;

#endif
