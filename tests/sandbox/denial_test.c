/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every denial of the table, tried: for each profile each call that the table names, with arguments that no row lets
 * through, and each call of this machine that the table does not name. A child enters the profile and makes the one call:
 * it must be killed by SIGSYS, or get the error that the table says. What the table allows is sandbox_test's and
 * needs_test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "kit.h"
#include "os/sandbox_priv.h"

enum { CALLS_MAX = 462 /* of this architecture, Linux 6.x */, ALARM_S = 5, KILLED = -1, ARGUMENTS = 6 };

/* Values for the one argument that a row looks at: none, one that no row names, all bits, executable memory. */
static const uint64_t candidates[] = {0, 0x7ffffff1, UINT64_MAX, PROT_EXEC};

static long call_number;
static uint64_t call_arguments[ARGUMENTS];

static bool row_matches(const struct sandbox_right *r, const uint64_t arguments[ARGUMENTS])
{
    uint64_t a = arguments[r->argument];
    switch (r->test) {
    case RIGHT_ALWAYS:
        return true;
    case RIGHT_IF_EQUAL:
        return a == r->value;
    case RIGHT_IF_NOT:
        return a != r->value;
    case RIGHT_IF_CLEAR:
        return (a & r->value) == 0;
    case RIGHT_IF_SET:
        return (a & r->value) == r->value;
    case RIGHT_IF_SELF_PID:
        return a == (uint64_t)getpid();
    }
    return false;
}

/* What must become of a call: KILLED, 0 (allowed), or an errno. */
static int expected(unsigned profile, long number, const uint64_t arguments[ARGUMENTS])
{
    static const int errors[] = {[RIGHT_ALLOW] = 0, [RIGHT_EACCES] = EACCES, [RIGHT_ENOSYS] = ENOSYS, [RIGHT_ENOTTY] = ENOTTY};
    int answer = KILLED;
    for (size_t i = 0; i < sandbox_right_count; i++) {
        const struct sandbox_right *r = &sandbox_rights[i];
        if (r->syscall == number && (r->profiles & (1u << profile)) != 0 && row_matches(r, arguments)) {
            if (r->verdict == RIGHT_ALLOW) {
                return 0;
            }
            answer = errors[r->verdict];
        }
    }
    return answer;
}

static int make_call(void)
{
    (void)alarm(ALARM_S); /* set before: if the call were let through and waited, the test would too */
    return 0;
}

static int try_call(void)
{
    long rc = syscall(call_number, call_arguments[0], call_arguments[1], call_arguments[2], call_arguments[3], call_arguments[4],
                      call_arguments[5]);
    return rc == -1 ? errno : 0;
}

static void check(unsigned profile, long number, const uint64_t arguments[ARGUMENTS])
{
    int want = expected(profile, number, arguments);
    if (want == 0) {
        return;
    }
    call_number = number;
    memcpy(call_arguments, arguments, sizeof call_arguments);
    int status = kit_run((enum sandbox_profile)profile, make_call, try_call);
    bool good = want == KILLED ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
                               : WIFEXITED(status) && WEXITSTATUS(status) == want;
    if (!good) {
        fail_msg("call %ld (%#llx, %#llx, %#llx) in %s: status %#x, not %s", number, (unsigned long long)arguments[0],
                 (unsigned long long)arguments[1], (unsigned long long)arguments[2],
                 sandbox_profile_name((enum sandbox_profile)profile), (unsigned)status,
                 want == KILLED ? "killed" : strerror(want));
    }
}

static bool is_named(long number)
{
    for (size_t i = 0; i < sandbox_right_count; i++) {
        if (sandbox_rights[i].syscall == number) {
            return true;
        }
    }
    return false;
}

/* Each row, in each profile that it does not let through, and with arguments that it does not. */
static void test_named(void **state)
{
    (void)state;
    for (unsigned p = 0; p < SANDBOX_PROFILE_COUNT; p++) {
        for (size_t i = 0; i < sandbox_right_count; i++) {
            const struct sandbox_right *r = &sandbox_rights[i];
            if (r->syscall < 0) {
                continue; /* not on this architecture */
            }
            size_t n = r->test == RIGHT_ALWAYS ? 1 : ARRAY_LEN(candidates);
            for (size_t c = 0; c < n; c++) {
                uint64_t arguments[ARGUMENTS] = {0};
                arguments[r->argument] = candidates[c];
                check(p, r->syscall, arguments);
            }
        }
    }
}

/* Each call that no row names: nobody may. */
static void test_unnamed(void **state)
{
    (void)state;
    const uint64_t arguments[ARGUMENTS] = {0};
    for (unsigned p = 0; p < SANDBOX_PROFILE_COUNT; p++) {
        for (long number = 0; number < CALLS_MAX; number++) {
            bool gap = number > 334 && number < 424; /* x86-64 and its sisters leave these numbers free */
            if (!is_named(number) && !gap) {
                check(p, number, arguments);
            }
        }
    }
}

int main(void)
{
    if (kit_skips()) {
        return MESON_SKIP;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named), cmocka_unit_test(test_unnamed)};
    return cmocka_run_group_tests(tests, kit_make_data, kit_drop_data);
}
