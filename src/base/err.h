/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a function says what went wrong: it returns 0 or a negative ERR_* and fills a struct err
 * with a sentence for people. errno never crosses a module border.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#include "base/check.h"

/* name, number, text */
#define ERR_TABLE(X)                                                                               \
    X(ERR_INVALID, -1, "not valid")                                                                \
    X(ERR_LIMIT, -2, "over a limit")                                                               \
    X(ERR_TRUNCATED, -3, "ends too early")                                                         \
    X(ERR_NOT_FOUND, -4, "not found")                                                              \
    X(ERR_IO, -5, "could not be read or written")                                                  \
    X(ERR_DENIED, -6, "not allowed")                                                               \
    X(ERR_EXISTS, -7, "exists already")                                                            \
    X(ERR_BUSY, -8, "busy")                                                                        \
    X(ERR_UNSUPPORTED, -9, "not supported here")                                                   \
    X(ERR_CLOSED, -10, "closed by the other side")

enum err_code {
#define X(name, number, text) name = number,
    ERR_TABLE(X)
#undef X
};

enum { ERR_WHERE_MAX = 512, ERR_TEXT_MAX = 768 };

/* Filled on failure only. `where` names the thing (file, key, address), line counts from 1 (0 = not known). */
struct err {
    int code;
    uint32_t line;
    uint64_t offset; /* byte offset in the thing, when has_offset */
    int has_offset;
    char where[ERR_WHERE_MAX];
    char text[ERR_TEXT_MAX];
};

/* Fills e (NULL is fine) and returns code, so that `return err_set(e, ERR_INVALID, "…")` reads well. Long text is cut. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set with the text of errno number errnum appended after a colon. */
int err_set_errno(struct err *e, int code, int errnum, const char *fmt, ...) PRINTF_LIKE(4, 5);

#ifdef __clang_analyzer__ /* it reads one file at a time, and would take it that the result may be 0 */
#define err_set(e, code, ...) ((void)err_set(e, code, __VA_ARGS__), (code))
#define err_set_errno(e, code, ...) ((void)err_set_errno(e, code, __VA_ARGS__), (code))
#endif

/* Names the thing that is wrong; line 0 = none. Keeps code and text. */
void err_at(struct err *e, const char *where, uint32_t line);

/* Short name of a code ("not found"). */
const char *err_name(int code);

#endif
