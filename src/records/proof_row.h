/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Of one row: its digest, two bytes of each cell so that a changed one can be named, its key as bytes, and the sum of many digests.
 * Pure; knows neither the engine nor what the tables are (proof.h).
 */
#ifndef RECORDS_PROOF_ROW_H
#define RECORDS_PROOF_ROW_H

#include "base/buf.h"

enum {
    PROOF_HASH_BYTES = 32,
    PROOF_MARK_BYTES = 2,  /* of one cell: names the field, the digest is what proves */
    PROOF_CELLS_MAX = 64,  /* columns of a table */
    PROOF_SUM_LANES = PROOF_HASH_BYTES / 8,
    PROOF_SUM_BYTES = 8 + 8 * PROOF_SUM_LANES,
};

enum proof_type { PROOF_NULL, PROOF_NUMBER, PROOF_REAL, PROOF_TEXT, PROOF_BYTES, PROOF_TYPE_COUNT };

struct proof_cell {
    enum proof_type type;
    int64_t number;    /* of a number; the bits of a real one */
    struct span bytes; /* of text and bytes, borrowed */
};

/* How many rows, and their digests added up: the same for the same rows in whatever order they came, went and came again. */
struct proof_sum {
    uint64_t rows;
    uint64_t lane[PROOF_SUM_LANES];
};

/* BLAKE2b over the number of the table and each cell with its type and length: no two rows hash the same bytes. */
void proof_digest(uint8_t table, const struct proof_cell *cells, size_t n, unsigned char out[PROOF_HASH_BYTES]);
/* PROOF_MARK_BYTES of each cell, in turn. */
void proof_marks(const struct proof_cell *cells, size_t n, unsigned char *out);

/* Adds the row with this digest, or (away) takes it out again. */
void proof_sum_change(struct proof_sum *sum, const unsigned char digest[PROOF_HASH_BYTES], bool away);
void proof_sum_write(const struct proof_sum *sum, unsigned char out[PROOF_SUM_BYTES]);
void proof_sum_read(const unsigned char in[PROOF_SUM_BYTES], struct proof_sum *out);

/* Appends one cell of a key; the cells of a key follow each other, and no two keys of a table are the same bytes. */
void proof_key_put(struct buf *key, const struct proof_cell *cell);
/* Takes the next cell of a key; its bytes go to *room, which the caller has emptied. False: it is not a key. */
bool proof_key_get(struct cursor *key, struct buf *room, struct proof_cell *out) NODISCARD;
/* A key for people: its cells with a slash between them. */
void proof_key_print(struct span key, struct buf *out);

#endif
