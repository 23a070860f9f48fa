/* SPDX-License-Identifier: EUPL-1.2 */
/* Regions: pointers made by one process are true in another, and a sealed region cannot be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "os/region.h"

struct node {
    struct node *next;
    const char *text;
};

static void fill(struct region *r)
{
    struct arena a;
    arena_init_region(&a, r->base, r->size);
    struct node *n = arena_alloc(&a, sizeof *n);
    n->next = arena_alloc(&a, sizeof *n);
    n->next->text = arena_strdup(&a, "watch");
}

static void test_share(void **state)
{
    (void)state;
    struct region r;
    struct err e = {0};
    int status = 0;
    assert_int_equal(region_create(&r, "test", &e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        fill(&r);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_null(region_map(r.fd, r.address, &e)); /* not sealed yet */
    assert_int_equal(e.code, ERR_DENIED);
    assert_int_equal(region_seal(&r, 8192, &e), 0);
    pid = fork();
    if (pid == 0) {
        const struct node *n = region_map(r.fd, r.address, &e);
        _exit(n != NULL && strcmp(n->next->text, "watch") == 0 ? 7 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(ftruncate(r.fd, 0), -1);
    assert_int_equal(write(r.fd, "x", 1), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0), MAP_FAILED);
    const void *at = region_map(r.fd, r.address, &e);
    assert_non_null(at);
    assert_null(region_map(r.fd, r.address, &e)); /* the address is taken */
    region_unmap(r.fd, at);
    region_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
