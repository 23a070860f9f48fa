/* SPDX-License-Identifier: EUPL-1.2 */
/* A second copy on another machine, for `sereno restore`: caged children list what lies there and fetch one day after another. */
#ifndef CLI_RESTORE_FETCH_H
#define CLI_RESTORE_FETCH_H

#include "cli/restore_copy.h"
#include "roles/copy_place.h"

struct restore_fetch {
    struct copy_place place;
    int key_fd; /* -1: not open */
    bool weaker;
};

/* Whether it is a URL and not a folder. */
bool restore_fetch_is_url(const char *text);
/* What the command line says of a URL. host_keys: pins, with commas between them. NULL: not said. */
struct restore_fetch_options {
    const char *url, *host_keys, *endpoint, *region, *key_file;
};
/* The texts live as long as f is used. */
int restore_fetch_open(struct restore_fetch *f, const struct restore_fetch_options *o, struct err *e) NODISCARD;
/* The days there, ascending. */
int restore_fetch_list(const struct restore_fetch *f, struct restore_days *out, struct err *e) NODISCARD;
/* One of them into the empty file fd. */
int restore_fetch_day(const struct restore_fetch *f, const struct restore_day *day, int fd, struct err *e) NODISCARD;
void restore_fetch_close(struct restore_fetch *f);

#endif
