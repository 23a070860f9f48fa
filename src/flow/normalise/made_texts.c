/* SPDX-License-Identifier: EUPL-1.2 */
/* What sources add to values: see made_texts.h. A decoder that puts a text of its own into a value must be told here. */
#include "flow/normalise/made_texts.h"

#include "flow/normalise/tables.h"
#include "wire/syslog.h"

enum { SYSLOG_CODES = 32 }; /* facilities and severities, RFC 5424 §6.2.1: fewer */

static void of_derived(const struct norm_derive *d, normalise_made *visit, void *ctx)
{
    for (uint32_t i = 0; i < d->nparts; i++) {
        if (d->parts[i].field == FIELD_NONE) {
            visit(ctx, d->parts[i].text, d->nparts > 1);
        } else if (i > 0 && d->parts[i - 1].field != FIELD_NONE) {
            visit(ctx, SPAN(""), true);
        }
    }
    for (uint32_t i = 0; i < d->nreplace; i++) {
        visit(ctx, d->replace[i].to, d->replace[i].prefix && d->replace[i].to.len > 0);
    }
}

static void of_pattern(const struct dissect_pattern *p, normalise_made *visit, void *ctx)
{
    for (uint32_t i = 0; i < p->nsteps; i++) {
        for (uint32_t k = 0; k < p->steps[i].nchoices; k++) {
            visit(ctx, p->steps[i].choices[k].value, false);
        }
    }
    for (uint32_t i = 0; i < p->nfixed; i++) {
        visit(ctx, p->fixed[i].value, false);
    }
}

void normalise_made_texts(const struct catalog *catalog, normalise_made *visit, void *ctx)
{
    const struct norm_tables *t = catalog->recognise;
    CHECK_OBJ(t, TABLES_MAGIC);
    for (class_id c = 0; c < catalog->nclasses; c++) {
        for (uint32_t i = 0; i < t->classes[c].nderive; i++) {
            of_derived(&t->classes[c].derive[i], visit, ctx);
        }
    }
    for (uint32_t i = 0; i < t->nsources; i++) {
        const struct dissect *d = t->sources[i].patterns;
        for (uint32_t k = 0; d != NULL && k < d->npatterns; k++) {
            of_pattern(&d->patterns[k], visit, ctx);
        }
    }
    for (int code = 0; code < SYSLOG_CODES; code++) {
        const char *facility = syslog_facility_name(code);
        const char *severity = syslog_severity_name(code);
        visit(ctx, facility == NULL ? SPAN("") : span_of(facility), false);
        visit(ctx, severity == NULL ? SPAN("") : span_of(severity), false);
    }
}
