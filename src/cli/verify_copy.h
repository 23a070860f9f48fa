/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno verify --copy`: whether a second copy has what the node's records say was brought there, without fetching it. */
#ifndef CLI_VERIFY_COPY_H
#define CLI_VERIFY_COPY_H

#include <stdbool.h>

struct verify_copy_options {
    const char *target;   /* a folder or a URL */
    const char *data_dir; /* whose records are compared; NULL: nobody's */
    const char *key;      /* --key: who must have signed; NULL: the node's own key */
    const char *copy_key, *host_key, *endpoint, *region; /* of a URL, as `sereno restore` has them */
    bool full;            /* read every byte */
    bool json, weaker;
};

/* Exit status: CLI_OK, or CLI_UNREAD when something does not fit or cannot be read. */
int verify_copy(const struct verify_copy_options *o);

#endif
