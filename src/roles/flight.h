/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an intake is doing, for super to read after it crashed: a page of memory that both map, written by intake alone. It
 * says whose bytes were being handled. Nothing in it is believed beyond that: an intake that was taken over could put sources
 * on hold, and could as well not read them.
 */
#ifndef ROLES_FLIGHT_H
#define ROLES_FLIGHT_H

#include <stdint.h>

enum { FLIGHT_NAME_MAX = 512 };

struct flight {
    volatile uint32_t depth; /* 0: nobody's bytes */
    volatile uint32_t len;
    char name[FLIGHT_NAME_MAX];
};

#endif
