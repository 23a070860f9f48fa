/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A wall clock that can be set, for the program as it is installed: loaded before it (LD_PRELOAD). SERENO_CLOCK names a file of one
 * native int64, seconds by which the wall clock of every process that has it is off; whoever writes there sets it, at once. So
 * bench/hour.py lets days go by within an hour, and retention has something to do. Never installed.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int clock_call(clockid_t id, struct timespec *out);

static const volatile int64_t *off;
static clock_call *real;

static void find_real(void)
{
    void *at = dlsym(RTLD_NEXT, "clock_gettime");
    if (at == NULL) {
        abort();
    }
    memcpy(&real, &at, sizeof real); /* C has no cast from one to the other */
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (real == NULL) {
        find_real();
    }
    int rc = real(id, out);
    if (rc == 0 && id == CLOCK_REALTIME && off != NULL) {
        out->tv_sec += *off;
    }
    return rc;
}

/* Before any sandbox. */
__attribute__((constructor)) static void map_clock(void)
{
    const char *path = getenv("SERENO_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) {
        off = at;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    find_real();
}
