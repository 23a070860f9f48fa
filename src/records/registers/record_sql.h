/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Statements about records as they grow, shared by record_store.c, record_links.c and record_chain.c: what a reader may read is
 * written into every one of them here and nowhere else.
 */
#ifndef RECORDS_REGISTERS_RECORD_SQL_H
#define RECORDS_REGISTERS_RECORD_SQL_H

#include "records/registers/record_row.h"

enum { SQL_BINDS_MAX = 2 * REGISTER_KINDS_MAX + REGISTER_REFS_MAX + 2 * POLICY_SEATS_MAX + 64 };

/* Its text, and its values in the order of their first use, as db.h asks. */
struct sql {
    struct buf text;
    struct span texts[SQL_BINDS_MAX];
    int count;
};

void sql_begin(struct sql *s);
void sql_end(struct sql *s);
void sql_put(struct sql *s, const char *text);
/* "$n" of a text; the same one at the same place in memory has its number again. */
void sql_value(struct sql *s, struct span value);
/*
 * What the reader may read, as a condition on the row r. keys: name of the keys along which a list goes, or NULL; they have the
 * organisation of their record, and naming it there lets an index be used.
 */
void sql_scope(struct sql *s, const struct record_scope *scope, const char *keys);
/* Records of other organisations than his own and those where he is appointed may be in it. */
bool sql_scope_others(const struct record_scope *scope);
/* "column.organisation is one of his": for the keys of records of a scope in which there are no others. */
void sql_home(struct sql *s, const struct record_scope *scope, const char *column);
/* As sql_scope, over all kinds that he may read: nothing where there are none. */
void sql_sight(struct sql *s, const struct record_sight *sight);
/* Names of links l are among those that he sees. */
void sql_ways(struct sql *s, const struct record_sight *sight);
/* Ready to be stepped. */
int sql_prepare(struct db *db, struct sql *s, struct err *e, struct db_stmt **out) NODISCARD;

#define RECORD_COLUMNS                                                                                                          \
    "r.id, r.kind, r.organisation, r.author, r.author_name, r.state, r.title, r.fields, r.tlp, r.created, r.changed, r.version"
enum { RECORD_COLUMN_COUNT = 12 };
/* A row of these columns; texts go into a. */
void sql_row(struct db_stmt *s, struct arena *a, struct record_row *out);

#endif
