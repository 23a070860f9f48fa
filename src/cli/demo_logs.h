/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented logs as a file below the data of a node, which follows it while it is there (roles/super_demo.c). */
#ifndef CLI_DEMO_LOGS_H
#define CLI_DEMO_LOGS_H

#include "cli/demo_city.h"
#include "records/demo.h"

enum { DEMO_WAIT_S = 120 /* for the node to read it, or to leave it */ };

/* How many of its log records the node keeps. CLI_OK, or what went wrong was said. */
typedef int demo_events_fn(void *ctx, int64_t *out);
int demo_events(void *ctx, int64_t *out);

/* The name of the source of a load that begins now. */
void demo_logs_name(time_ns now, char out[DEMO_SOURCE_MAX + 1]);
/* Writes the file, and waits until the node keeps every line. CLI_OK, or what went wrong was said. data NULL: the default folder. */
int demo_logs_send(const char *data, const char *source, const struct demo_city *city, demo_events_fn *events, void *ctx);
/* Waits until the node has read what is there, and removes it. Nothing there is no error. */
int demo_logs_remove(const char *data, struct arena *a, demo_events_fn *events, void *ctx);
/* A tenth of a second. */
void demo_logs_pause(void);

#endif
