/* SPDX-License-Identifier: EUPL-1.2 */
/* Patterns by PCRE2, interpreted, with limits: the expression is a city's, the text anybody's. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "records/schema/schema_priv.h"

enum { NEST_MAX = 50, MATCH_STEPS_MAX = 200 * 1000, DEPTH_MAX = 1000, HEAP_MAX_KIB = 1024 };

struct schema_pattern {
    pcre2_code *code;
};

int schema_pattern_new(struct span text, struct schema_pattern **out, struct err *e)
{
    int why = 0;
    PCRE2_SIZE at = 0;
    pcre2_compile_context *limits = pcre2_compile_context_create(NULL);
    CHECK(limits != NULL);
    MUST(pcre2_set_parens_nest_limit(limits, NEST_MAX));
    MUST(pcre2_set_max_pattern_length(limits, SCHEMA_PATTERN_MAX));
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(text.len == 0 ? "" : text.ptr), text.len,
                                     PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &why, &at, limits);
    pcre2_compile_context_free(limits);
    if (code == NULL) {
        PCRE2_UCHAR said[256] = "";
        (void)pcre2_get_error_message(why, said, sizeof said);
        return err_set(e, ERR_INVALID, "the pattern is wrong at byte %zu: %s", (size_t)at, (const char *)said);
    }
    *out = mem_alloc(sizeof **out);
    (*out)->code = code;
    return 0;
}

void schema_pattern_free(struct schema_pattern **p)
{
    if (*p != NULL) {
        pcre2_code_free((*p)->code);
        mem_free(*p);
        *p = NULL;
    }
}

bool schema_pattern_found(const struct schema_pattern *p, struct span text, bool *over_out)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    CHECK(data != NULL && limits != NULL);
    MUST(pcre2_set_match_limit(limits, MATCH_STEPS_MAX));
    MUST(pcre2_set_depth_limit(limits, DEPTH_MAX));
    MUST(pcre2_set_heap_limit(limits, HEAP_MAX_KIB));
    int n = pcre2_match(p->code, (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr), text.len, 0, 0, data, limits);
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    *over_out = n < 0 && n != PCRE2_ERROR_NOMATCH;
    return n >= 0;
}
