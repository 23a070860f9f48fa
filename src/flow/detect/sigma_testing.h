/* SPDX-License-Identifier: EUPL-1.2 */
/* For the tests of the loader only: loading texts, and trees as one line of text. */
#ifndef FLOW_DETECT_SIGMA_TESTING_H
#define FLOW_DETECT_SIGMA_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/detect/sigma.h"

/* Loads one file's text, from an exact-size heap buffer. */
static inline void test_add(struct sigma_loader *l, const char *file, const char *text)
{
    size_t n = strlen(text);
    char *copy = mem_alloc(n);
    if (n > 0) {
        memcpy(copy, text, n);
    }
    sigma_loader_file(l, span_of(file), span_make(copy, n));
    mem_free(copy);
}

static inline struct sigma_set *test_load(const char *text)
{
    struct sigma_loader *l = sigma_loader_new();
    test_add(l, "f.yml", text);
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    return set;
}

static inline void dump_pred(struct buf *b, const struct sigma_pred *p)
{
    static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">="};
    static const char *const parts[] = {"minute", "hour", "day", "week", "month", "year"};
    static const char *const modes[] = {"", "^", "$", "~"};
    if (p->kind == PRED_TIMEPART) {
        buf_printf(b, "%s ", parts[p->timepart]);
    }
    buf_span(b, p->field);
    switch (p->kind) {
    case PRED_STRING:
        buf_cstr(b, p->cased ? "=cased:" : "=");
        for (uint32_t i = 0; i < p->nparts; i++) {
            buf_span(b, p->parts[i].kind == PART_ANY   ? SPAN("*")
                        : p->parts[i].kind == PART_ONE ? SPAN("?")
                                                       : p->parts[i].text);
        }
        break;
    case PRED_REGEX:
        buf_printf(b, "/%.*s/%s%s%s", SPAN_ARG(p->regex), (p->regex_flags & REGEX_I) ? "i" : "",
                   (p->regex_flags & REGEX_M) ? "m" : "", (p->regex_flags & REGEX_S) ? "s" : "");
        break;
    case PRED_CIDR:
        buf_cstr(b, "@");
        for (unsigned i = 0; i < p->addr_len; i++) {
            buf_printf(b, "%02x", p->addr[i]);
        }
        buf_printf(b, "/%u", p->prefix);
        break;
    case PRED_COMPARE:
    case PRED_TIMEPART:
        buf_printf(b, "%s%g", ops[p->cmp], p->number);
        break;
    case PRED_NULL:
        buf_cstr(b, " null");
        break;
    case PRED_EXISTS:
        buf_cstr(b, p->want ? " exists" : " absent");
        break;
    case PRED_FIELDREF:
        buf_printf(b, "->%s%.*s", modes[p->mode], SPAN_ARG(p->other));
        break;
    }
}

static inline void dump_node(struct buf *b, const struct sigma_node *n)
{
    if (n->kind == NODE_PRED) {
        dump_pred(b, n->pred);
    } else if (n->kind == NODE_NOT) {
        buf_cstr(b, "!");
        dump_node(b, n->kids[0]);
    } else {
        for (uint32_t i = 0; i < n->nkids; i++) {
            buf_cstr(b, i == 0 ? "(" : n->kind == NODE_AND ? " & " : " | ");
            dump_node(b, n->kids[i]);
        }
        buf_cstr(b, ")");
    }
}

static inline struct span dump_rule(struct buf *b, const struct sigma_rule *r)
{
    buf_clear(b);
    dump_node(b, r->root);
    return buf_view(b);
}

static inline bool says(struct span text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

#endif
