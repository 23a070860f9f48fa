/* SPDX-License-Identifier: EUPL-1.2 */
/* For the tests and fuzz targets of this folder: the shipped source files, compiled. Never part of
 * the program. */
#ifndef FLOW_NORMALISE_NORM_KIT_H
#define FLOW_NORMALISE_NORM_KIT_H

#include "flow/normalise/normalise.h"

struct norm_kit {
    struct arena region;
    struct sources *sources;
    const struct catalog *catalog;
    struct normaliser *normaliser;
    struct event event;
    struct stream stream;
};

/* Loads every file of folder; ends the process with a message when one does not load. */
void norm_kit_load(struct norm_kit *k, const char *folder);
/* Compiles; the kit must be loaded (or its sources filled by hand). */
void norm_kit_compile(struct norm_kit *k, const struct span *fields, uint32_t nfields,
                      const struct declared_source *declared, uint32_t ndeclared);
void norm_kit_free(struct norm_kit *k);

/* Feeds one record from an exact-size heap copy; the copy lives until the next call or
 * norm_kit_free. */
enum normalise_result norm_kit_feed(struct norm_kit *k, struct span record, struct err *e);

/* First value of a field through the event's class, or of class `cls` of its chain; NULL when
 * absent. In a static buffer. */
const char *norm_kit_value(struct norm_kit *k, const char *field);
uint32_t norm_kit_values(struct norm_kit *k, const char *field);
const char *norm_kit_class(const struct norm_kit *k);
/* Uses the first class of the chain with that name; false when there is none. */
bool norm_kit_use(struct norm_kit *k, const char *class_name);
/* Has the class a log source with these three? "" is "none stated". */
bool norm_kit_has(const struct norm_kit *k, const char *product, const char *category,
                  const char *service);

/* Whole file in a, or an empty span. */
struct span norm_kit_file(struct arena *a, const char *path);

#endif
