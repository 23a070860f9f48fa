/* SPDX-License-Identifier: EUPL-1.2 */
/* Which kept rule sets go when there are too many: see rules_cache.h. Runs in super. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "roles/rules_cache_priv.h"

enum { SWEEP_FILES_MAX = 1000 }; /* looked at in one go; more were put there by somebody else */

struct entry {
    char name[256];
    struct timespec used;
    uint64_t bytes;
};

static int newest_first(const void *x, const void *y)
{
    const struct timespec *a = &((const struct entry *)x)->used;
    const struct timespec *b = &((const struct entry *)y)->used;
    if (a->tv_sec != b->tv_sec) {
        return a->tv_sec < b->tv_sec ? 1 : -1;
    }
    return (a->tv_nsec < b->tv_nsec) - (a->tv_nsec > b->tv_nsec);
}

/* An entry to be weighed; anything else goes at once, and so does what the fresh one replaces. */
static bool look(int dir, const char *name, const char *fresh, struct entry *out)
{
    struct stat st;
    struct span s = span_of(name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    if (!S_ISREG(st.st_mode) || !span_ends(s, SPAN(CACHE_SUFFIX)) || strcmp(name, fresh) == 0) {
        (void)unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        return false;
    }
    CHECK(s.len < sizeof out->name);
    memcpy(out->name, s.ptr, s.len + 1);
    out->used = st.st_mtim;
    out->bytes = (uint64_t)st.st_size;
    return true;
}

void cache_sweep(int dir, const char *fresh, uint64_t bytes)
{
    VEC(struct entry) found = {0};
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *item;
    while (d != NULL && found.len < SWEEP_FILES_MAX && (item = readdir(d)) != NULL) {
        struct entry entry;
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0 &&
            look(dir, item->d_name, fresh, &entry)) {
            vec_push(&found, entry);
        }
    }
    if (found.len > 0) {
        qsort(found.data, found.len, sizeof found.data[0], newest_first);
    }
    size_t kept = 1; /* the fresh one */
    for (size_t i = 0; i < found.len; i++) {
        if (kept >= CACHE_ENTRIES_MAX || found.data[i].bytes > CACHE_BYTES_MAX || bytes > CACHE_BYTES_MAX - found.data[i].bytes) {
            (void)unlinkat(dir, found.data[i].name, 0);
        } else {
            bytes += found.data[i].bytes;
            kept++;
        }
    }
    vec_free(&found);
    if (d != NULL) {
        (void)closedir(d);
    }
}
