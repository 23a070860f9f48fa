/* SPDX-License-Identifier: EUPL-1.2 */
/* What register_expr.c and register_expr_value.c share. */
#ifndef RECORDS_REGISTERS_REGISTER_EXPR_PRIV_H
#define RECORDS_REGISTERS_REGISTER_EXPR_PRIV_H

#include "records/registers/register_expr.h"

enum { EXPR_ARGUMENTS_MAX = 16 };

enum expr_op {
    OP_NONE, OP_NUMBER, OP_TEXT, OP_TRUTH, OP_PATH,
    OP_NEGATE, OP_NOT, OP_PLUS, OP_MINUS, OP_TIMES, OP_DIVIDE,
    OP_EQUAL, OP_DIFFER, OP_LESS, OP_LESS_EQUAL, OP_MORE, OP_MORE_EQUAL, OP_IN, OP_AND, OP_OR,
    OP_MIN, OP_MAX, OP_SUM, OP_COUNT, OP_EXISTS, OP_IF,
    OP_NEXT, /* one of a list: left; the rest of it: right, 0 = no more */
};

struct expr_node {
    enum expr_op op;
    uint32_t left, right;
    int64_t number;
    uint32_t npath;
    struct span path[EXPR_PATH_MAX]; /* of a text, the first */
};

struct expr {
    uint32_t top, nnodes;
    struct expr_node nodes[EXPR_NODES_MAX];
};

#endif
