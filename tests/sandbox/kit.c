/* SPDX-License-Identifier: EUPL-1.2 */
/* Children in their cages: see kit.h. */
#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char data_name[] = "sandbox-data-XXXXXX"; /* below the working directory of the test */
char kit_data[4096];

int kit_errno(long rc)
{
    return rc < 0 ? errno : 0;
}

static const struct sandbox_options *options_for(enum sandbox_profile p)
{
    static const struct sandbox_options none = {0};
    static struct sandbox_options data;
    data.data_dir = kit_data;
    return p == SANDBOX_KEEPER ? &data : &none;
}

int kit_run(enum sandbox_profile p, action *before, action *run)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDIN_FILENO);
        struct err e;
        if ((before != NULL && before() != 0) || sandbox_enter_with(p, options_for(p), &e) != 0) {
            _exit(255);
        }
        _exit(run());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

bool kit_skips(void)
{
    if (!sandbox_is_built()) {
        (void)printf("sandbox: a sanitizer build runs without the sandbox; skipped\n");
        return true;
    }
    if (sandbox_landlock_abi() == 0) {
        (void)printf("sandbox: this kernel has no Landlock; skipped\n");
        return true;
    }
    return false;
}

int kit_make_data(void **state)
{
    (void)state;
    if (mkdtemp(data_name) == NULL || realpath(data_name, kit_data) == NULL) {
        return -1;
    }
    return 0;
}

int kit_drop_data(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "t.db", "t.db-wal", "t.db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[5000];
        (void)snprintf(path, sizeof path, "%s/%s", kit_data, names[i]);
        (void)unlink(path);
    }
    return rmdir(kit_data);
}
