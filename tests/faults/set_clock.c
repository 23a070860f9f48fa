/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A wall clock that can be set, for the program as it is installed: loaded before it (LD_PRELOAD). SERENO_CLOCK names a file of one or
 * two native int64: the seconds by which the wall clock of every process that has it is off; whoever writes there sets it, at once. So
 * bench/hour.py lets days go by within an hour, and retention has something to do. And, where it is not 0, the second since 1970 at
 * which it stands still: so tests/node/test_whole.py asks two nodes at the same moment. Never installed.
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

struct set_clock {
    int64_t off_s;
    int64_t held_s;
};

static const volatile struct set_clock *set;
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
    if (rc == 0 && id == CLOCK_REALTIME && set != NULL) {
        int64_t held = set->held_s;
        out->tv_sec = held != 0 ? held : out->tv_sec + set->off_s;
        out->tv_nsec = held != 0 ? 0 : out->tv_nsec;
    }
    return rc;
}

/* Before any sandbox. */
__attribute__((constructor)) static void map_clock(void)
{
    const char *path = getenv("SERENO_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *set, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) {
        set = at; /* what the file is too short for reads as 0 */
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    find_real();
}
