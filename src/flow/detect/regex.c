/* SPDX-License-Identifier: EUPL-1.2 */
/* PCRE2 behind limits: see regex.h. Runs in compiler, intake, hunter and scan workers; never uses the JIT (the sandbox forbids
 * writable code) and never lets a pattern raise its own limits. */
#include "flow/detect/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/detect/sigma.h"

#define REGEX_MAGIC 0x52454758u

struct regex {
    uint32_t magic;
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

static uint32_t pcre_options(unsigned flags)
{
    /* Logs hold bytes that are no UTF-8: MATCH_INVALID_UTF searches around them instead of giving up. */
    uint32_t o = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    o |= (flags & REGEX_I) != 0 ? PCRE2_CASELESS : 0;
    o |= (flags & REGEX_M) != 0 ? PCRE2_MULTILINE : 0;
    o |= (flags & REGEX_S) != 0 ? PCRE2_DOTALL : 0;
    return o;
}

static pcre2_code *compile(struct span pattern, unsigned flags, struct err *e)
{
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    CHECK(ctx != NULL);
    MUST(pcre2_set_newline(ctx, PCRE2_NEWLINE_LF));
    MUST(pcre2_set_bsr(ctx, PCRE2_BSR_ANYCRLF));
    MUST(pcre2_set_parens_nest_limit(ctx, REGEX_NEST_MAX));
    MUST(pcre2_set_max_pattern_length(ctx, SIGMA_REGEX_MAX_BYTES));
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)(pattern.len == 0 ? "" : pattern.ptr), pattern.len,
                                   pcre_options(flags), &code, &at, ctx);
    pcre2_compile_context_free(ctx);
    if (re == NULL) {
        PCRE2_UCHAR text[256];
        if (pcre2_get_error_message(code, text, sizeof text) < 0) {
            text[0] = '\0';
        }
        (void)err_set(e, ERR_INVALID, "regular expression, at byte %zu: %s", (size_t)at,
                      (const char *)text);
    }
    return re;
}

struct regex *regex_new(struct span pattern, unsigned flags, struct err *e)
{
    pcre2_code *code = compile(pattern, flags, e);
    if (code == NULL) {
        return NULL;
    }
    struct regex *r = mem_alloc(sizeof *r);
    r->magic = REGEX_MAGIC;
    r->code = code;
    r->data = pcre2_match_data_create(1, NULL);
    r->limits = pcre2_match_context_create(NULL);
    CHECK(r->data != NULL && r->limits != NULL);
    MUST(pcre2_set_depth_limit(r->limits, REGEX_DEPTH_LIMIT));
    MUST(pcre2_set_heap_limit(r->limits, REGEX_HEAP_LIMIT_KIB));
    return r;
}

void regex_free(struct regex **r)
{
    if (*r == NULL) {
        return;
    }
    CHECK_OBJ(*r, REGEX_MAGIC);
    pcre2_match_context_free((*r)->limits);
    pcre2_match_data_free((*r)->data);
    pcre2_code_free((*r)->code);
    (*r)->magic = 0;
    mem_free(*r);
    *r = NULL;
}

static uint32_t steps_per_start(size_t len)
{
    size_t steps = REGEX_STEPS_MAX / (len + 1);
    return steps > REGEX_START_STEPS_MAX   ? REGEX_START_STEPS_MAX
           : steps < REGEX_START_STEPS_MIN ? REGEX_START_STEPS_MIN
                                           : (uint32_t)steps;
}

enum regex_result regex_search(struct regex *r, struct span text, size_t *start_out, size_t *end_out)
{
    CHECK_OBJ(r, REGEX_MAGIC);
    bool cut = text.len > REGEX_TEXT_MAX_BYTES;
    text = span_sub(text, 0, REGEX_TEXT_MAX_BYTES);
    MUST(pcre2_set_match_limit(r->limits, steps_per_start(text.len)));
    int n = pcre2_match(r->code, (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr), text.len, 0, 0,
                        r->data, r->limits);
    if (n == PCRE2_ERROR_NOMATCH) {
        return cut ? REGEX_LIMIT : REGEX_NO;
    }
    if (n < 0) {
        return REGEX_LIMIT;
    }
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->data);
    if (start_out != NULL) {
        *start_out = v[0];
    }
    if (end_out != NULL) {
        /* \K in a lookahead can put the start behind the end. */
        *end_out = v[1] < v[0] ? v[0] : v[1];
    }
    return REGEX_YES;
}
