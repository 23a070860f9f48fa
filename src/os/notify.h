/* SPDX-License-Identifier: EUPL-1.2 */
/* Telling a service manager how we are (the sd_notify protocol, without its library). Called by super. */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Sends "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1" or "STATUS=…" lines to $NOTIFY_SOCKET. False when there is
 * no such socket, or it did not take the text; nothing to do about it.
 */
bool notify_send(const char *text);

/* Microseconds within which a WATCHDOG=1 is expected ($WATCHDOG_USEC meant for this process), or 0. */
uint64_t notify_watchdog_us(void);

#endif
