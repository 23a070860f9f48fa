/* SPDX-License-Identifier: EUPL-1.2 */
/* The courier carries one encrypted file of the second copy at a time, on a thread of the pool; it knows the file and the key that
 * opens the door as fds, which super handed to it. */
#ifndef ROLES_COURIER_COPY_H
#define ROLES_COURIER_COPY_H

#include "roles/role.h"

struct copy_carrier;

struct copy_carrier *copy_carrier_new(struct role *r) __attribute__((returns_nonnull));
/* MSG_COPY_CARRY. */
void copy_carrier_take(struct copy_carrier *c, struct ipc_msg *msg);
/* What is on its way ends within a second; done is called then, or at once. The carrier is gone after it. */
void copy_carrier_stop(struct copy_carrier *c, void (*done)(struct role *r));

#endif
