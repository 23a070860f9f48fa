/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Long values are looked at line by line where that can miss nothing (match_scan.c, scan_lines): whatever the lines, however
 * they are written in JSON and whether they were seen before, the same rules match as by the plain evaluator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "flow/detect/plan.h"
#include "flow/detect/plan_kit.h"

static const char *const fields[] = {"f", "g", "h", NULL};
static const struct kit_class one_class[] = {{.name = "any", .sources = {{.product = {"p", 1}}}, .nsources = 1}};

/* As rules look for them: stars are wildcards, a backslash is written twice. */
static const char *const wanted[] = {
    "*needle one*", "*K-kuck*",       "*c:\\\\name*", "*\\\\\\\\new*", "*n\\\\n*",  "*\xc3\x9cxung nr*", "*ab*",
    "*xyzzy plugh*", "*first second*", "*tab\tinside*", "*end of it*",  "*q\"uote*",
};
/* What lines are made of; what is wanted is among it, whole, in pieces and nearly. */
static const char *const words[] = {
    "needle one", "needle", "one", "k-kuck", "K-KUCK", "c:\\name", "c:\\", "name", "\\\\new", "\\", "n\\n", "\\n", "new",
    "\xc3\xbcxung nr", "\xc3\x9cxung", "ab", "a", "b", "xyzzy plugh", "xyzzy", "first second", "first", "second",
    "tab\tinside", "end of it", "q\"uote", "\xe2\x84\xaa-kuck", "\xff", "host application = powershell.exe -enc jabzad0a",
    "sequence number = 12", "................................................", "", " ",
};

static uint64_t seed = 88172645463325252u;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % n);
}

static void put_escaped(struct buf *out, const char *text, bool raw_lines)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '\n':
            buf_cstr(out, raw_lines ? "\n" : below(40) == 0 ? "\\u000a" : "\\n");
            break;
        case '\r':
            buf_cstr(out, "\\r");
            break;
        case '\t':
            buf_cstr(out, "\\t");
            break;
        case '"':
        case '\\':
            buf_u8(out, '\\');
            buf_u8(out, (uint8_t)*text);
            break;
        default:
            buf_u8(out, (uint8_t)*text);
        }
    }
}

/* {"f": text} with a text of up to `lines` lines. */
static void make_record(struct buf *out, const char *field, uint32_t lines, bool raw_lines)
{
    buf_clear(out);
    buf_printf(out, "{\"%s\":\"", field);
    for (uint32_t i = below(lines) + 1; i > 0; i--) {
        for (uint32_t k = below(9); k > 0; k--) {
            put_escaped(out, words[below(ARRAY_LEN(words))], raw_lines);
            put_escaped(out, below(3) == 0 ? "" : " ", raw_lines);
        }
        put_escaped(out, raw_lines || below(2) == 0 ? "\n" : "\r\n", raw_lines);
    }
    buf_cstr(out, "\"}");
}

static const struct plan_group *group_of(const struct kit *k, uint32_t i)
{
    const struct plan *plan = k->rs->chains[0].stages[0].whole;
    assert_true(i < plan->ngroups);
    return &plan->groups[i];
}

static void lines_are_looked_at_one_by_one(void **state)
{
    (void)state;
    static const struct logsource everywhere = {.product = {"", 0}};
    struct kit k;
    struct buf record;
    uint32_t nrules = 0;
    uint32_t found = 0;
    kit_init(&k, fields, one_class, 1);
    for (uint32_t f = 0; f < 2; f++) {
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++, nrules++) {
            (void)kit_rule(&k, "r", everywhere, kit_string(&k, fields[f], wanted[i]));
        }
    }
    /* Over a line's end, or at the value's: then whole values are looked at. */
    (void)kit_rule(&k, "over", everywhere, kit_string(&k, "g", "*second\nfirst*"));
    (void)kit_rule(&k, "starts", everywhere, kit_string(&k, "h", "needle one*"));
    (void)kit_rule(&k, "more", everywhere, kit_string(&k, "h", "*needle two*"));
    nrules += 3;
    kit_compile(&k, NULL);
    assert_true(group_of(&k, 0)->lined);
    assert_false(group_of(&k, 1)->lined);
    assert_false(group_of(&k, 2)->lined);
    buf_init(&record, 1 << 20);
    for (uint32_t round = 0; round < 3000; round++) {
        make_record(&record, fields[below(8) == 0 ? 1 + below(2) : 0], round % 5 == 0 ? 120 : 12, round % 3 == 0);
        for (int again = 0; again < 2; again++) { /* the memo knows it then */
            struct event *ev = kit_event(&k, buf_view(&record), 0);
            const struct match *matches;
            uint32_t n = matcher_run(k.m, ev, &matches);
            uint32_t at = 0;
            for (uint32_t r = 0; r < nrules; r++) {
                bool fast = at < n && matches[at].rule == r;
                at += fast;
                if (fast != kit_reference(&k, ev, r)) {
                    fail_msg("round %u: rule %u: matcher %d: %.*s", round, r, fast, (int)record.len, record.data);
                }
            }
            assert_int_equal(at, n);
            found += n;
        }
    }
    assert_in_range(found, 5000, 3000 * 2 * nrules / 2);
    buf_free(&record);
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_looked_at_one_by_one),
    };
    return cmocka_run_group_tests_name("match lines", tests, NULL, NULL);
}
