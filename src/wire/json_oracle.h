/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What simdjson makes of a document, in plain C types: the oracle of json_oracle_test.c and the
 * yardstick of bench/json_walk.c. Linked by those two alone, never by the program.
 */
#ifndef WIRE_JSON_ORACLE_H
#define WIRE_JSON_ORACLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One leaf: dotted name; kind as enum leaf_kind; text of a string unescaped; number as a double. */
typedef void json_oracle_visit(void *ctx, const char *name, size_t name_len, int kind,
                               const char *text, size_t text_len, double number);

/* Parses and visits all leaves in order. NULL, or simdjson's reason for refusing the document
 * (nothing was visited). */
const char *json_oracle_leaves(const char *text, size_t len, json_oracle_visit *visit, void *ctx);

/* Bytes that may have to be readable behind a text given to json_oracle_walk. */
size_t json_oracle_padding(void);
/* Kernel that json_oracle_walk was compiled for, and the one that indexes: "icelake, index by icelake". */
const char *json_oracle_kernel(void);

/* On-demand walk over all keys and values as raw tokens, nothing unescaped; a sum so that the work
 * is not left out. */
size_t json_oracle_walk(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
