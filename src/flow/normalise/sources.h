/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * the files of sources/: how to recognise a kind of log, its log source, where its time is, which
 * of its paths fill which fields, and for text how to dissect it. Loaded in the compiler role;
 * compiled with the rules' fields into the catalog.
 */
#ifndef FLOW_NORMALISE_SOURCES_H
#define FLOW_NORMALISE_SOURCES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "event/catalog.h"

struct sources;
struct sources *sources_new(void);
void sources_free(struct sources **s);
/* One file's bytes. ERR_INVALID names file, line and what is wrong; the other files stay usable. */
int sources_add(struct sources *s, struct span file_name, struct span bytes,
                struct err *e) NODISCARD;
/* Turns a named switch of a source on or off ("windows.audit-4657"); ERR_NOT_FOUND lists what there
 * is. */
int sources_switch(struct sources *s, struct span name, bool on, struct err *e) NODISCARD;

/*
 * Compiles everything into region. rule_fields: names from sigma_set_fields. declared: log sources
 * that files or listeners state from outside (manifest entries, config), each with its format; the
 * class of declared[i] is catalog_declared_class(catalog, i).
 */
enum source_format {
    FORMAT_JSON,
    FORMAT_TEXT,
    FORMAT_WEB,
    FORMAT_AUDITD,
    FORMAT_ZEEK,
    FORMAT_ZEEKJSON,
    FORMAT_SYSLOG,
    FORMAT_JOURNALD,
    FORMAT_EVTX, /* read as the JSON that it is exported to: by the sources of that */
    FORMAT_COUNT
};
struct declared_source {
    enum source_format format;
    struct logsource logsource; /* all empty: by content where the format allows it */
};
int sources_compile(const struct sources *s, const struct span *rule_fields, uint32_t nrule_fields,
                    const struct declared_source *declared, uint32_t ndeclared,
                    struct arena *region, const struct catalog **out, struct err *e) NODISCARD;

/* Names of the loaded sources, for config checks and pages. */
uint32_t sources_count(const struct sources *s);
struct span sources_name(const struct sources *s, uint32_t i);

/* "json" → FORMAT_JSON …; false for an unknown word. */
bool source_format_parse(struct span s, enum source_format *out);

#endif
