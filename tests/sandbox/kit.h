/* SPDX-License-Identifier: EUPL-1.2 */
/* What the two sandbox tests share: one child process per case, and a data folder for the keeper's profile. */
#ifndef TESTS_SANDBOX_KIT_H
#define TESTS_SANDBOX_KIT_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/sandbox.h"

#define BIT(p) (1u << SANDBOX_##p)
enum { ALL = (1 << SANDBOX_PROFILE_COUNT) - 1, MESON_SKIP = 77 };

/* What a child does; its return value is the child's exit status. */
typedef int action(void);

extern char kit_data[4096]; /* absolute path of the data folder */

/* Runs `before` (may be NULL), enters the profile and runs the action, all in a child; returns its wait status. */
int kit_run(enum sandbox_profile p, action *before, action *run);
/* 0, or the errno of a call that returned rc. */
int kit_errno(long rc);
/* True, with a message, where the tests cannot run: a sanitizer build, a kernel without Landlock. */
bool kit_skips(void);
/* cmocka's group set-up and tear-down. */
int kit_make_data(void **state);
int kit_drop_data(void **state);

/* In an action: leaves it with 1, saying where, unless cond holds. */
#define NEED(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #cond, strerror(errno));         \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

#endif
