/* SPDX-License-Identifier: EUPL-1.2 */
/* What a file is taken for by its first bytes, each from an exact-size buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/normalise/normalise.h"

struct guess_case {
    const char *head;
    enum source_format want;
};

static const struct guess_case guesses[] = {
    {"{\"a\":1}\n", FORMAT_JSON},
    {"  \n[\n {\"a\":1}", FORMAT_JSON},
    {"\xef\xbb\xbf{", FORMAT_JSON},
    {"[]", FORMAT_JSON},
    {"#separator \\x09\n#fields\tts\n", FORMAT_ZEEK},
    {"### made by a test\n#separator \\x09\n", FORMAT_ZEEK},
    {"type=SYSCALL msg=audit(1.2:3): a0=1\n", FORMAT_AUDITD},
    {"node=h type=SYSCALL msg=audit(1.2:3): a0=1\n", FORMAT_AUDITD},
    {"192.0.2.1 - - [22/Nov/2026:02:05:27 +0000] \"GET / HTTP/1.1\" 200 25\n", FORMAT_WEB},
    {"\n\nv.example:80 192.0.2.1 - - [22/Nov/2026:02:05:27 +0000] \"GET / HTTP/1.1\" 200 25\n",
     FORMAT_WEB},
    {"Nov 22 02:03:41 h sshd[1]: x\n", FORMAT_SYSLOG},
    {"2026-11-22T02:03:41.297677+00:00 h sshd[1]: x\n", FORMAT_SYSLOG},
    {"<34>1 2026-11-22T02:03:41Z h app 1 - - x\n", FORMAT_SYSLOG},
    {"[Sun Nov 22 02:03:41 2026] [error] x\n", FORMAT_TEXT},
    {"ElfFile", FORMAT_TEXT},
    {"hello\n", FORMAT_TEXT},
    {"", FORMAT_TEXT},
};

static void test_guess(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
        size_t n = strlen(guesses[i].head);
        char *copy = mem_alloc(n);
        memcpy(copy, guesses[i].head, n);
        if (normalise_guess_format(span_make(copy, n)) != guesses[i].want) {
            print_error("%s\n", guesses[i].head);
            fail();
        }
        mem_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_guess)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
