/* SPDX-License-Identifier: EUPL-1.2 */
/* What record_store.c and record_links.c share. */
#ifndef RECORDS_REGISTERS_RECORD_STORE_H
#define RECORDS_REGISTERS_RECORD_STORE_H

#include "records/registers/record_sql.h"

/* As record_put, inside the caller's transaction. */
int record_put_all(struct db *db, const struct record_put *p, struct record_astray *astray, struct arena *a, struct err *e) NODISCARD;
/* The row alone; hidden: what is added to the rank of its label (record_stage.h). ERR_EXISTS: it was changed meanwhile, or is there. */
int record_row_write(struct db *db, const struct record_row *r, uint32_t hidden, struct err *e) NODISCARD;
/* Its line in the audit trail; before: NULL of a new one. */
int record_note(struct db *db, const struct record_put *p, const struct record_row *before, struct arena *a, struct err *e) NODISCARD;
/* The same, by the file of its kind instead of p->sealed_by. */
int record_note_as(struct db *db, const struct register_kind *k, const struct record_put *p, const struct record_row *before, struct arena *a, struct err *e)
    NODISCARD;
/* What lists know of a row. */
int record_keys_put(struct db *db, const struct record_row *r, const struct record_key *keys, size_t count, struct err *e) NODISCARD;
/* A record as the audit trail keeps it where nothing is left out (record_seal.h). */
struct span record_as_text(struct arena *a, const struct record_row *r);
/* Whether what a record names is there for who writes it; ERR_INVALID with out->count > 0 otherwise. */
int record_links_check(struct db *db, const struct record_sight *sight, const struct record_to *links, uint32_t count, struct record_astray *out,
                       struct err *e) NODISCARD;
/* The links of a row, in place of those it had; one that leads nowhere is left out. Inside a transaction. */
int record_links_put(struct db *db, const struct record_row *r, const struct record_to *links, size_t count, struct err *e) NODISCARD;

#endif
