/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The whole program once more, on a disk that can fail and by a clock that can be set: SERENO_FAULTS names the file of a
 * struct fault_page. The linker hands sqlite3_initialize here, which the keeper calls and nobody else, and clock_now. Built
 * for tests, never installed.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "flow/normalise/normalise.h"
#include "fault_vfs.h"

int __real_sqlite3_initialize(void);
int __wrap_sqlite3_initialize(void);
time_ns __real_clock_now(void);
time_ns __wrap_clock_now(void);

static const volatile struct fault_page *page;

enum normalise_result __real_normalise(struct normaliser *n, struct stream *s, struct span bytes, struct event *ev, struct err *e);
enum normalise_result __wrap_normalise(struct normaliser *n, struct stream *s, struct span bytes, struct event *ev, struct err *e);

/* A record that no decoder survives: what a defect of ours would look like. */
enum normalise_result __wrap_normalise(struct normaliser *n, struct stream *s, struct span bytes, struct event *ev, struct err *e)
{
    static const char poison[] = "sereno-test-poison";
    if (page != NULL && memmem(bytes.ptr, bytes.len, poison, sizeof poison - 1) != NULL) {
        abort();
    }
    return __real_normalise(n, s, bytes, ev, e);
}

int __wrap_sqlite3_initialize(void)
{
    const char *path = getenv("SERENO_FAULTS");
    int rc = __real_sqlite3_initialize();
    if (rc == SQLITE_OK && path != NULL && fault_vfs_page() == NULL) {
        fault_vfs_install(path);
    }
    return rc;
}

time_ns __wrap_clock_now(void)
{
    return __real_clock_now() + (page == NULL ? 0 : page->clock_s * TIME_SECOND);
}

/* Before any sandbox. */
__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("SERENO_FAULTS");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
        page = at == MAP_FAILED ? NULL : at;
        (void)close(fd);
    }
}
