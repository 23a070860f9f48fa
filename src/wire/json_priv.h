/* SPDX-License-Identifier: EUPL-1.2 */
/* Between json_read.c (the walk) and json_text.c (unescaping, names for people). Private to
 * wire/json_*. */
#ifndef WIRE_JSON_PRIV_H
#define WIRE_JSON_PRIV_H

#include "wire/json_read.h"

/* The dotted name of where json_walk is; text has room for all keys of the record and a dot each.
 */
struct json_names {
    char *text;
    size_t len;
    json_visit *visit;
    void *ctx;
};

/* Puts a key behind the current name. */
void json_names_push(struct json_names *n, struct span key, bool escaped);
void json_names_visit(const struct json_names *n, const struct leaf *leaf);

#endif
