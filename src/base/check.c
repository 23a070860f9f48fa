/* SPDX-License-Identifier: EUPL-1.2 */
/* The one place where a broken invariant ends the process. Every role links it. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *cond)
{
    (void)fprintf(stderr, "sereno: check failed at %s:%d: %s\n", file, line, cond);
    abort();
}
