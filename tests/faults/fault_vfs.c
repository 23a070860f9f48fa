/* SPDX-License-Identifier: EUPL-1.2 */
/* See fault_vfs.h. All connections of the process see the same not yet synced bytes, from any thread. */
#include "fault_vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"

enum { PAGE = 4096, NAME_MAX_BYTES = 1024 };

struct page {
    bool dirty; /* differs from the disk; false: a failed sync lost it, though the machine still shows it */
    unsigned char bytes[PAGE];
};

/* One file as the machine shows it: the disk under the pages that are not there yet. */
struct disk {
    char *name;
    ino_t inode;
    unsigned opens;
    sqlite3_int64 size;    /* as the machine shows it */
    sqlite3_int64 on_disk; /* what of the file below is still meant: the rest was cut off, not yet synced */
    struct page **pages;   /* by number, NULL = as on disk */
    size_t count;
};

struct fault_file {
    sqlite3_file base;
    struct disk *disk; /* NULL: a temporary file, which nobody expects back */
    sqlite3_file *real;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static VEC(struct disk *) disks;
static struct fault_page *control;
static sqlite3_vfs *below;
static uint32_t random_state = 1;

struct fault_page *fault_vfs_page(void)
{
    return control;
}

static bool fires(uint32_t *countdown)
{
    if (*countdown == 0) {
        return false;
    }
    --*countdown;
    return *countdown == 0;
}

/* Every step at which a machine can lose its power. */
static void operation(void)
{
    control->operations++;
    if (fires(&control->kill_in)) {
        (void)raise(SIGKILL);
    }
}

static bool early(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % 100 < control->early_percent;
}

static int failed(int code, const char *what)
{
    control->failed++;
    sqlite3_log(code, "fault: %s", what); /* as SQLite's own VFS does for a sync */
    return code;
}

/* ---- pages ---- */

static struct page *page_of(struct fault_file *f, size_t number)
{
    struct disk *d = f->disk;
    if (number >= d->count) {
        size_t n = number + 64;
        d->pages = mem_realloc(d->pages, n * sizeof *d->pages);
        memset(d->pages + d->count, 0, (n - d->count) * sizeof *d->pages);
        d->count = n;
    }
    if (d->pages[number] == NULL) {
        struct page *p = mem_alloc(sizeof *p);
        sqlite3_int64 at = (sqlite3_int64)number * PAGE;
        sqlite3_int64 there = d->on_disk - at;
        memset(p->bytes, 0, PAGE);
        if (there > 0) { /* a short read leaves zeros */
            (void)f->real->pMethods->xRead(f->real, p->bytes, there > PAGE ? PAGE : (int)there, at);
        }
        p->dirty = false;
        d->pages[number] = p;
    }
    return d->pages[number];
}

static void page_touch(struct page *p)
{
    control->unsynced += p->dirty ? 0 : PAGE;
    p->dirty = true;
}

static void page_drop(struct disk *d, size_t number)
{
    struct page *p = d->pages[number];
    if (p != NULL) {
        control->unsynced -= p->dirty ? PAGE : 0;
        mem_free(p);
        d->pages[number] = NULL;
    }
}

/* ---- the methods of a file ---- */

static int f_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    struct disk *d = f->disk;
    if (d == NULL) {
        return f->real->pMethods->xRead(f->real, to, n, at);
    }
    MUST(pthread_mutex_lock(&lock));
    int have = at >= d->size ? 0 : d->size - at < n ? (int)(d->size - at) : n;
    memset(to, 0, (size_t)n);
    int meant = at >= d->on_disk ? 0 : d->on_disk - at < have ? (int)(d->on_disk - at) : have;
    int rc = meant <= 0 ? SQLITE_OK : f->real->pMethods->xRead(f->real, to, meant, at);
    rc = rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
    for (sqlite3_int64 p = at / PAGE; rc == SQLITE_OK && p * PAGE < at + have && p < (sqlite3_int64)d->count; p++) {
        if (d->pages[p] != NULL) {
            sqlite3_int64 from = p * PAGE < at ? at : p * PAGE;
            sqlite3_int64 end = (p + 1) * PAGE < at + have ? (p + 1) * PAGE : at + have;
            memcpy((char *)to + (from - at), d->pages[p]->bytes + (from - p * PAGE), (size_t)(end - from));
        }
    }
    MUST(pthread_mutex_unlock(&lock));
    return rc != SQLITE_OK ? rc : have < n ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int write_verdict(void)
{
    operation();
    if (control->full != 0) {
        return failed(SQLITE_FULL, "no space");
    }
    if (control->read_only != 0) {
        return failed(SQLITE_IOERR_WRITE, "read-only");
    }
    return fires(&control->write_error_in) ? failed(SQLITE_IOERR_WRITE, "write") : SQLITE_OK;
}

static int f_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    struct disk *d = f->disk;
    if (d == NULL) {
        return f->real->pMethods->xWrite(f->real, from, n, at);
    }
    MUST(pthread_mutex_lock(&lock));
    int rc = write_verdict();
    const char *p = from;
    for (sqlite3_int64 left = n, to = at; rc == SQLITE_OK && left > 0;) {
        sqlite3_int64 in = to % PAGE;
        sqlite3_int64 part = left < PAGE - in ? left : PAGE - in;
        struct page *page = page_of(f, (size_t)(to / PAGE));
        memcpy(page->bytes + in, p, (size_t)part);
        page_touch(page);
        p += part;
        to += part;
        left -= part;
    }
    if (rc == SQLITE_OK) {
        d->size = at + n > d->size ? at + n : d->size;
        if (early()) {
            (void)f->real->pMethods->xWrite(f->real, from, n, at);
        }
    }
    MUST(pthread_mutex_unlock(&lock));
    return rc;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct fault_file *f = (struct fault_file *)file;
    struct disk *d = f->disk;
    if (d == NULL) {
        return f->real->pMethods->xTruncate(f->real, size);
    }
    MUST(pthread_mutex_lock(&lock));
    int rc = write_verdict();
    if (rc == SQLITE_OK) {
        for (size_t i = (size_t)((size + PAGE - 1) / PAGE); i < d->count; i++) {
            page_drop(d, i);
        }
        if (size % PAGE != 0 && size < d->size) {
            struct page *p = page_of(f, (size_t)(size / PAGE));
            memset(p->bytes + size % PAGE, 0, (size_t)(PAGE - size % PAGE));
            page_touch(p);
        }
        d->size = size;
        d->on_disk = d->on_disk > size ? size : d->on_disk;
    }
    MUST(pthread_mutex_unlock(&lock));
    return rc;
}

/* Writes what waits, page by page: a kill between two of them leaves some there and some not. */
static int flush(struct fault_file *f)
{
    struct disk *d = f->disk;
    const struct sqlite3_io_methods *m = f->real->pMethods;
    sqlite3_int64 below_size = 0;
    int rc = m->xFileSize(f->real, &below_size);
    if (rc == SQLITE_OK && below_size > d->on_disk) {
        rc = m->xTruncate(f->real, d->on_disk);
    }
    for (size_t i = 0; rc == SQLITE_OK && i < d->count; i++) {
        struct page *p = d->pages[i];
        if (p != NULL && p->dirty) {
            sqlite3_int64 at = (sqlite3_int64)i * PAGE;
            operation();
            rc = m->xWrite(f->real, p->bytes, d->size - at < PAGE ? (int)(d->size - at) : PAGE, at);
            if (rc == SQLITE_OK) {
                page_drop(d, i);
            }
        }
    }
    d->on_disk = rc == SQLITE_OK ? d->size : d->on_disk;
    return rc;
}

static int f_sync(sqlite3_file *file, int flags)
{
    struct fault_file *f = (struct fault_file *)file;
    struct disk *d = f->disk;
    if (d == NULL) {
        return f->real->pMethods->xSync(f->real, flags);
    }
    MUST(pthread_mutex_lock(&lock));
    operation();
    control->syncs++;
    int rc = SQLITE_OK;
    if (fires(&control->sync_error_in)) {
        /* The kernel tells it once, and takes the pages for clean from then on: a second sync would say all is well. */
        for (size_t i = 0; i < d->count; i++) {
            if (d->pages[i] != NULL && d->pages[i]->dirty) {
                d->pages[i]->dirty = false;
                control->unsynced -= PAGE;
            }
        }
        rc = failed(SQLITE_IOERR_FSYNC, "sync");
    } else {
        rc = flush(f);
    }
    MUST(pthread_mutex_unlock(&lock));
    return rc;
}

static int f_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct fault_file *f = (struct fault_file *)file;
    if (f->disk == NULL) {
        return f->real->pMethods->xFileSize(f->real, out);
    }
    MUST(pthread_mutex_lock(&lock));
    *out = f->disk->size;
    MUST(pthread_mutex_unlock(&lock));
    return SQLITE_OK;
}

static int f_close(sqlite3_file *file)
{
    struct fault_file *f = (struct fault_file *)file;
    int rc = f->real->pMethods->xClose(f->real);
    if (f->disk != NULL) { /* what it did not sync stays in memory, for the next who opens it */
        MUST(pthread_mutex_lock(&lock));
        f->disk->opens--;
        MUST(pthread_mutex_unlock(&lock));
    }
    return rc;
}

#define REAL(file) (((struct fault_file *)(file))->real)

static int f_lock(sqlite3_file *file, int level)
{
    return REAL(file)->pMethods->xLock(REAL(file), level);
}
static int f_unlock(sqlite3_file *file, int level)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), level);
}
static int f_reserved(sqlite3_file *file, int *out)
{
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out);
}
static int f_control(sqlite3_file *file, int op, void *arg)
{
    /* These would change the size of the file below. */
    return op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE
               ? SQLITE_NOTFOUND
               : REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}
static int f_sector(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}
static int f_traits(sqlite3_file *file)
{
    return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}
static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, out);
}
static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, n, flags);
}
static void f_shm_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}
static int f_shm_unmap(sqlite3_file *file, int remove)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), remove);
}

/* Version 2: no memory mapping of the file, which would look past the pages that wait. */
static const struct sqlite3_io_methods methods = {
    2,         f_close,  f_read,    f_write,  f_truncate, f_sync,     f_size,        f_lock,      f_unlock, f_reserved,
    f_control, f_sector, f_traits, f_shm_map, f_shm_lock, f_shm_barrier, f_shm_unmap, NULL,     NULL};

/* ---- the VFS ---- */

static void disk_forget(size_t at)
{
    struct disk *d = disks.data[at];
    for (size_t i = 0; i < d->count; i++) {
        page_drop(d, i);
    }
    mem_free(d->pages);
    mem_free(d->name);
    mem_free(d);
    disks.data[at] = disks.data[--disks.len];
}

static struct disk *disk_of(struct fault_file *f, const char *name)
{
    struct stat st = {0};
    (void)stat(name, &st);
    for (size_t i = 0; i < disks.len; i++) {
        struct disk *d = disks.data[i];
        if (strcmp(d->name, name) == 0 && d->inode == st.st_ino) {
            d->opens++;
            return d;
        }
        if (strcmp(d->name, name) == 0 && d->opens == 0) { /* another file of that name */
            disk_forget(i);
            break;
        }
    }
    struct disk *d = mem_alloc(sizeof *d);
    d->name = mem_strdup(name);
    d->inode = st.st_ino;
    d->opens = 1;
    MUST(f->real->pMethods->xFileSize(f->real, &d->on_disk));
    d->size = d->on_disk;
    vec_push(&disks, d);
    return d;
}

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    struct fault_file *f = (struct fault_file *)file;
    (void)vfs;
    f->real = (sqlite3_file *)(f + 1);
    f->base.pMethods = NULL;
    f->disk = NULL;
    int rc = below->xOpen(below, name, f->real, flags, flags_out);
    if (rc != SQLITE_OK) {
        return rc;
    }
    f->base.pMethods = &methods;
    if (name != NULL) {
        MUST(pthread_mutex_lock(&lock));
        f->disk = disk_of(f, name);
        MUST(pthread_mutex_unlock(&lock));
    }
    return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    MUST(pthread_mutex_lock(&lock));
    operation();
    for (size_t i = 0; i < disks.len; i++) {
        if (strcmp(disks.data[i]->name, name) == 0 && disks.data[i]->opens == 0) {
            disk_forget(i);
            break;
        }
    }
    int rc = below->xDelete(below, name, sync_folder);
    MUST(pthread_mutex_unlock(&lock));
    return rc;
}

void fault_vfs_install(const char *path)
{
    static sqlite3_vfs vfs;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(control != MAP_FAILED && control->magic == FAULT_MAGIC);
    MUST(close(fd));
    control->lost += control->unsynced; /* of the process before this one */
    control->unsynced = 0;
    random_state = control->seed + (uint32_t)getpid();
    below = sqlite3_vfs_find(NULL);
    CHECK(below != NULL);
    vfs = *below;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + below->szOsFile;
    vfs.xOpen = v_open;
    vfs.xDelete = v_delete;
    MUST(sqlite3_vfs_register(&vfs, 1));
}
