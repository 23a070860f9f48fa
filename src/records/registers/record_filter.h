/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Filters of a list as conditions of statements: shared by record_fits.c and record_list.c; runs in the keeper. Filters by one field are one group, each that
 * names a record is one of its own; a group is known by the place of its first filter.
 */
#ifndef RECORDS_REGISTERS_RECORD_FILTER_H
#define RECORDS_REGISTERS_RECORD_FILTER_H

#include "records/registers/record_ask.h"

/* The group of the i-th filter. */
uint32_t filter_first(const struct record_query *q, uint32_t i);
bool filter_is_link(const struct record_query *q, uint32_t group);
/* It asks the keys by which the list sorts. */
bool filter_is_sort(const struct record_query *q, uint32_t group);
bool filter_is_one_value(const struct record_query *q, uint32_t group);
const char *filter_table(const struct record_query *q, uint32_t group);

/* The keys of a field, called by `name`. home: where a reader reads some organisations alone, of those. */
void filter_put_keys(struct sql *s, const struct record_query *q, const char *name, struct span field, bool home);
/*
 * All that fit a group: one stretch of an index, or one for each organisation of a reader who reads those alone. in_order: in that of ids, which it
 * is not in over several organisations.
 */
void filter_put_stretch(struct sql *s, const struct record_query *q, uint32_t group, const char *name, bool in_order);
/* That one record, whose id is `id`, or NULL and given later (record_ask_id), fits a group. */
void filter_put_one(struct sql *s, const struct record_query *q, uint32_t group, const char *name, const char *id);
/* FROM and WHERE of what fits all groups and is in sight, r, along the first of them; each with its sort key, k. No groups: all in sight, along the sort key. */
void filter_put_joined(struct sql *s, const struct record_query *q, const uint32_t *groups, uint32_t count);
/* FROM and WHERE of the keys by which the list sorts, k, as far as filters by the same field leave them, behind the page before. */
void filter_put_walk(struct sql *s, const struct record_query *q);

#endif
