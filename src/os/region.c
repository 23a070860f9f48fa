/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared read-only memory at a fixed address: see region.h. */
#include "os/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Between the heap of a position-independent program (0x55…) and its libraries (0x7f…), nothing of ours or of the
 * kernel lies; the exact place is random, so that an address is no gift to an attacker. */
#define REGION_LOW UINT64_C(0x600000000000)
#define REGION_SLOTS 4096u /* of 4 GiB each: up to 0x700000000000 */

enum { REGION_TRIES = 16, REGION_SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int region_create_at(struct region *r, const char *name, void *address, struct err *e)
{
    memset(r, 0, sizeof *r);
    r->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (r->fd < 0 || ftruncate(r->fd, (off_t)REGION_BYTES) != 0) {
        int rc = err_set_errno(e, ERR_IO, errno, "memory for the compiled rules");
        region_close(r);
        return rc;
    }
    void *at = mmap(address, REGION_BYTES, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, r->fd, 0);
    if (at != address) {
        int rc = err_set_errno(e, ERR_LIMIT, errno, "no free address for the compiled rules");
        if (at != MAP_FAILED) {
            (void)munmap(at, REGION_BYTES);
        }
        region_close(r);
        return rc;
    }
    r->address = r->base = at;
    r->size = REGION_BYTES;
    return 0;
}

int region_create(struct region *r, const char *name, struct err *e)
{
    int rc = ERR_LIMIT;
    for (int i = 0; i < REGION_TRIES && rc == ERR_LIMIT; i++) {
        uint32_t slot = 0;
        if (getrandom(&slot, sizeof slot, 0) != (ssize_t)sizeof slot) {
            return err_set_errno(e, ERR_IO, errno, "random bytes");
        }
        uintptr_t at = REGION_LOW + (uint64_t)(slot % REGION_SLOTS) * REGION_BYTES;
        rc = region_create_at(r, name, (void *)at, e); // NOLINT(performance-no-int-to-ptr)
    }
    return rc;
}

int region_seal(struct region *r, size_t used_bytes, struct err *e)
{
    CHECK(r->base != NULL && used_bytes <= r->size);
    (void)munmap(r->base, r->size);
    r->base = NULL;
    if (used_bytes != 0) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t keep = (used_bytes + page - 1) / page * page;
        if (ftruncate(r->fd, (off_t)keep) != 0) {
            return err_set_errno(e, ERR_IO, errno, "trim the compiled rules");
        }
        r->size = keep;
    }
    return region_seal_stored(r->fd, e);
}

int region_create_stored(const char *name, int *fd_out, struct err *e)
{
    *fd_out = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *fd_out >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "memory for the compiled rules");
}

int region_seal_stored(int fd, struct err *e)
{
    if (fcntl(fd, F_ADD_SEALS, REGION_SEALS) != 0) {
        return err_set_errno(e, ERR_IO, errno, "seal the compiled rules");
    }
    return 0;
}

bool region_is_place(uint64_t address)
{
    return address >= REGION_LOW && (address - REGION_LOW) % REGION_BYTES == 0 &&
           (address - REGION_LOW) / REGION_BYTES < REGION_SLOTS;
}

static size_t region_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
}

const void *region_map(int fd, void *address, struct err *e)
{
    int seals = fcntl(fd, F_GET_SEALS);
    size_t size = region_size(fd);
    if (seals < 0 || (seals & REGION_SEALS) != REGION_SEALS || size == 0) {
        (void)err_set(e, ERR_DENIED, "the compiled rules are not sealed");
        return NULL;
    }
    void *at = mmap(address, size, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    if (at != address) {
        (void)err_set_errno(e, ERR_IO, errno, "the compiled rules' address is taken");
        if (at != MAP_FAILED) {
            (void)munmap(at, size);
        }
        return NULL;
    }
    return at;
}

void region_unmap(int fd, const void *address)
{
    (void)munmap((void *)(uintptr_t)address, region_size(fd)); // NOLINT(performance-no-int-to-ptr)
}

void region_close(struct region *r)
{
    if (r->base != NULL) {
        (void)munmap(r->base, r->size);
        r->base = NULL;
    }
    if (r->fd >= 0) {
        (void)close(r->fd);
        r->fd = -1;
    }
}
