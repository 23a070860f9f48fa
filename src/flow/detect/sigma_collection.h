/* SPDX-License-Identifier: EUPL-1.2 */
/* Collections of the old form: documents with "action: global, reset, repeat" that lend their keys to others. */
#ifndef FLOW_DETECT_SIGMA_COLLECTION_H
#define FLOW_DETECT_SIGMA_COLLECTION_H

#include "wire/yaml.h"

enum { COLLECTION_KEYS_MAX = 1000 }; /* keys of a map that is merged: bounds the quadratic walk */

/* State over the documents of one file; zero to begin with. */
struct collection {
    const struct yaml_node *global;
    const struct yaml_node *previous;
};

/*
 * Takes the next document; *out is the rule it makes, or NULL when it makes none (global, reset); *merged_out whether keys of
 * other documents went into it. Returns NULL, or what is wrong with it. Maps made live in a.
 */
const char *collection_next(struct collection *c, struct arena *a, const struct yaml_node *doc,
                            const struct yaml_node **out, bool *merged_out);

#endif
