/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The small language of x-computed: what a field is worked out from. Of other fields of the same record, without loops, names of its
 * own, time or chance: the same fields give the same value, now and in ten years.
 *
 *   numbers 4 0.5   texts 'high'   true false none   names of fields, and of members: scores.points
 *   + - * /   = != < <= > >=   in ['a', 'b']   and or not   ( )
 *   min(a, b, …) max(…) sum(…) count(…)   exists(a)   if(condition, a, b)
 *
 * A name of a list stands for all its values in min, max, sum, count, exists and in; alone it is none. A list of objects in an expression that
 * stands in one of these functions is gone through part by part: count(scores.points > 3) counts the
 * parts for which it is true. Of conditions count and exists know those that are true. What is missing is none: a sum or
 * product with it is none, a comparison with it is false; min, max, sum and count pass over it. Numbers have six digits behind the
 * point, and one that does not fit is none. Not more than EXPR_* of anything. Pure; called by desk and keeper.
 */
#ifndef RECORDS_REGISTERS_REGISTER_EXPR_H
#define RECORDS_REGISTERS_REGISTER_EXPR_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/jcs.h"

enum {
    EXPR_BYTES_MAX = 1000,   /* of its text */
    EXPR_NODES_MAX = 128,
    EXPR_DEPTH_MAX = 16,     /* of what stands in one another */
    EXPR_PATH_MAX = 3,       /* names of one path */
    EXPR_VALUES_MAX = 1000,  /* that a list gives to one function */
    EXPR_STEPS_MAX = 200000, /* parts that are worked out, those of each part of a list too; then none */
    EXPR_SCALE = 1000000,    /* a number is so many parts of one */
};

struct expr;

enum expr_kind { EXPR_NONE, EXPR_NUMBER, EXPR_TEXT, EXPR_TRUTH };
struct expr_value {
    enum expr_kind kind;
    int64_t number; /* in parts of one: EXPR_SCALE */
    struct span text;
    bool truth;
};

/* Lives in a; text is copied. ERR_INVALID with what is wrong and where, from 1. */
int expr_read(struct arena *a, struct span text, const struct expr **out, struct err *e) NODISCARD;
/* The paths that it names, in their order; the first name of the i-th is a field. */
uint32_t expr_paths(const struct expr *x);
/* How many names it has; into names, which has room for EXPR_PATH_MAX. */
uint32_t expr_path(const struct expr *x, uint32_t i, struct span *names);
/* fields: an object. Texts of the value are those of x or fields. */
void expr_value(const struct expr *x, const struct jcs *fields, struct expr_value *out);
/* As a value of JSON for a field of this type ("integer", "number", "string", "boolean"); integers are rounded, half away from 0. NULL: none. */
struct jcs *expr_as(struct arena *a, const struct expr_value *v, struct span type);

#endif
