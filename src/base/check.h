/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Assertions that stay on in production, and object magic.
 * CHECK is for our own invariants only: never for bytes from outside, which are data to be tagged or refused.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* Writes file, line and the broken condition to stderr and aborts: a role that is wrong about itself must not go on. */
_Noreturn void check_failed(const char *file, int line, const char *cond);

#ifdef __cppcheck__ /* it follows what an if rules out, not what a conditional expression does */
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            check_failed(__FILE__, __LINE__, #cond);                                               \
        }                                                                                          \
    } while (0)
#else
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
#endif
#define UNREACHABLE() check_failed(__FILE__, __LINE__, "unreachable")

/* For calls that cannot fail unless we made a mistake (returns 0 on success). */
#define MUST(call) ((call) == 0 ? (void)0 : check_failed(__FILE__, __LINE__, #call))

/* Objects carry `uint32_t magic` first; CHECK_OBJ at public entries finds stale and foreign pointers. */
#define CHECK_OBJ(p, m) CHECK((p) != NULL && (p)->magic == (m))

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
