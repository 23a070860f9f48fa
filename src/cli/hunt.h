/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of `sereno hunt` share. */
#ifndef CLI_HUNT_H
#define CLI_HUNT_H

#include "base/buf.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "flow/hunt/hunt.h"

struct hunt_command {
    const struct command *self;
    const char *data_dir; /* NULL = the default place */
    bool json, quiet;
    struct span why;
    struct arena arena;
    struct hunt hunt;
    VEC(struct hunt_rule) rules;
};

/* How far it is, on stderr when a person looks and it takes a while; done < 0 = it waits. */
void hunt_show_progress(const struct hunt_command *c, int64_t done, int64_t total, int64_t events,
                        int64_t matches);
void hunt_end_progress(void);

/* On the node that holds the data. The answer is the document of GET /api/v1/hunts/{id}. */
int hunt_ask_node(struct hunt_command *c, struct buf *document, struct err *e) NODISCARD;

/* Without a node, in caged children; data_dir absolute. The document has the same shape. ERR_*. */
int hunt_here(struct hunt_command *c, const char *data_dir, struct buf *document,
              struct err *e) NODISCARD;

/* For people, on stdout. Returns the exit status: 1 when a rule was refused, a block could not be read or it did not
 * come to its end. */
int hunt_print(const struct hunt_command *c, struct span document);

#endif
