/* SPDX-License-Identifier: EUPL-1.2 */
/* Command lines, good and bad, through one table of options. What cli.c prints is noted instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

static char said[200];

int cli_usage(const struct command *self, const char *fmt, ...)
{
    (void)self;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(said, sizeof said, fmt, ap);
    va_end(ap);
    return CLI_USAGE;
}

int cli_help(const struct command *self)
{
    (void)self;
    (void)snprintf(said, sizeof said, "help");
    return CLI_OK;
}

static const struct {
    const char *argv[7];
    int status;
    const char *data; /* or NULL */
    bool json;
    const char *words[2];
    const char *said;
} cases[] = {
    {{"c"}, CLI_DONE_NOT, NULL, false, {NULL}, ""},
    {{"c", "--data", "d"}, CLI_DONE_NOT, "d", false, {NULL}, ""},
    {{"c", "--data=d"}, CLI_DONE_NOT, "d", false, {NULL}, ""},
    {{"c", "--data="}, CLI_DONE_NOT, "", false, {NULL}, ""},
    {{"c", "--data=a=b"}, CLI_DONE_NOT, "a=b", false, {NULL}, ""},
    {{"c", "--data", "--json"}, CLI_DONE_NOT, "--json", false, {NULL}, ""},
    {{"c", "--data", "a", "--data", "b"}, CLI_DONE_NOT, "b", false, {NULL}, ""},
    {{"c", "x", "--json", "y"}, CLI_DONE_NOT, NULL, true, {"x", "y"}, ""},
    {{"c", "-"}, CLI_DONE_NOT, NULL, false, {"-"}, ""},
    {{"c", "--", "--json", "-x"}, CLI_DONE_NOT, NULL, false, {"--json", "-x"}, ""},
    {{"c", ""}, CLI_DONE_NOT, NULL, false, {""}, ""},
    {{"c", "x", "--help", "--no"}, CLI_OK, NULL, false, {"x"}, "help"},
    {{"c", "-h"}, CLI_OK, NULL, false, {NULL}, "help"},
    {{"c", "--data"}, CLI_USAGE, NULL, false, {NULL}, "--data needs a value behind it"},
    {{"c", "--json=1"}, CLI_USAGE, NULL, true, {NULL}, "--json takes no value"},
    {{"c", "--dat", "d"}, CLI_USAGE, NULL, false, {NULL}, "unknown option \"--dat\""},
    {{"c", "--datax=d"}, CLI_USAGE, NULL, false, {NULL}, "unknown option \"--datax=d\""},
    {{"c", "x", "y", "z"}, CLI_USAGE, NULL, false, {"x", "y"}, "\"z\" is one word too many"},
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct command self = {.name = "c"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char copy[7][16], *argv[8] = {NULL};
        const char *data = NULL, *words[2];
        bool json = false;
        int argc = 0;
        for (; argc < 7 && cases[i].argv[argc] != NULL; argc++) {
            argv[argc] = memcpy(copy[argc], cases[i].argv[argc], strlen(cases[i].argv[argc]) + 1);
        }
        const struct cli_option table[] = {{"--data", &data, NULL}, {"--json", NULL, &json}};
        said[0] = '\0';
        int status = cli_options(&self, argc, argv, table, ARRAY_LEN(table), words, 2);
        assert_int_equal(status, cases[i].status);
        assert_true(same(data, cases[i].data));
        assert_int_equal(json, cases[i].json);
        assert_true(same(words[0], cases[i].words[0]) && same(words[1], cases[i].words[1]));
        assert_string_equal(said, cases[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
