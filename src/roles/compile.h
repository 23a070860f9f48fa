/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The compiler's work: a bundle of rule and source files becomes everything the event path needs, in one region that
 * is mapped at the same address wherever it is used. Runs in the sandboxed compiler role, and in the sandboxed
 * compile step of scan, bench and rules.
 */
#ifndef ROLES_COMPILE_H
#define ROLES_COMPILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "event/catalog.h"
#include "flow/detect/correlate.h"
#include "flow/detect/ruleset.h"
#include "flow/hunt/hunt_plan.h"
#include "flow/normalise/sources.h"
#include "roles/bundle.h"

#define COMPILED_MAGIC 0x434f4d50u

/* First object in the region: readers start here. */
struct compiled {
    uint32_t magic;
    uint32_t ndeclared;
    const struct catalog *catalog;
    const struct ruleset *ruleset;
    const struct correlations *correlations;
    const struct hunt_plan *hunt; /* of a hunt's rules; else NULL */
    size_t used_bytes;
};

struct compile_options {
    const struct declared_source *declared;
    uint32_t ndeclared;
    bool reference;              /* no plan: see ruleset_options */
    const struct span *switches; /* "name=on" or "name=off" of sources */
    uint32_t nswitches;
    bool hunt;                   /* for a hunter: its plan beside the rules, a search applies everywhere */
    uint64_t double_seed;        /* not 0: every rule twice, see sigma_double */
    bool rules_only;             /* load rules, compile nothing (rules check without sources) */
};

/* What people are told. Lives in the set's arena until compile_report_free. */
struct compile_report {
    struct sigma_set *set; /* rules, correlations, refused, warnings */
    uint32_t unreachable;
    size_t region_bytes;
};

/*
 * Rules that cannot be loaded are in report->set->refused; a source file that cannot be loaded is there too. ERR_* only
 * when nothing can be used at all.
 */
int compile_bundle(const struct bundle *bundle, const struct compile_options *options,
                   struct arena *region, const struct compiled **out,
                   struct compile_report *report, struct err *e) NODISCARD;
void compile_report_free(struct compile_report *report);

/*
 * What decides the result beside the files and this program: versions of the libraries that read rules, and the processor. Text,
 * for the key of a compiled set that is kept; lives until exit.
 */
const char *compile_stamp(void);

#endif
