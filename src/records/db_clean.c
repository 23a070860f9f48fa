/* SPDX-License-Identifier: EUPL-1.2 */
/* A VFS that leaves no copies of deleted cells: see db_clean.h. */
#include "records/db_clean.h"

#include <sqlite3.h>
#include <string.h>

#include "base/check.h"

enum {
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    FILE_HEADER = 100, /* bytes of page 1 in front of its b-tree */
    /* Pages that are not of a b-tree begin with the number of another page: below 2^25 its first byte is no kind of b-tree. Half of that, since the file may grow
     * by what is in the log. */
    PAGES_MAX = 1 << 24,
};

static unsigned u16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

bool db_clean_page(unsigned char *page, size_t size, bool first)
{
    size_t head = first ? FILE_HEADER : 0;
    unsigned char kind = page[head];
    bool inner = kind == 2 || kind == 5;
    if (!inner && kind != 10 && kind != 13) {
        return false;
    }
    size_t cells = u16(page + head + 3);
    size_t content = u16(page + head + 5);
    size_t end = head + (inner ? 12 : 8) + 2 * cells;
    content = content == 0 ? PAGE_MAX : content;
    if (content > size || content < end) {
        return false;
    }
    for (size_t i = 0; i < cells; i++) {
        size_t at = u16(page + end - 2 * cells + 2 * i);
        if (at < content || at >= size) {
            return false;
        }
    }
    memset(page + end, 0, content - end);
    return true;
}

/* ---- one file ---- */

struct clean_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this one, in the same memory */
    unsigned char *page; /* PAGE_MAX bytes */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct clean_file *)(void *)f)->real;
}

static int do_close(sqlite3_file *f)
{
    struct clean_file *c = (struct clean_file *)(void *)f;
    sqlite3_free(c->page);
    c->page = NULL;
    return c->real->pMethods->xClose(c->real);
}

static int do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    struct clean_file *c = (struct clean_file *)(void *)f;
    sqlite3_int64 size = 0;
    bool whole = n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0 && at % n == 0;
    if (whole && c->real->pMethods->xFileSize(c->real, &size) == SQLITE_OK && size / n < PAGES_MAX && at / n < PAGES_MAX) {
        memcpy(c->page, from, (size_t)n);
        from = db_clean_page(c->page, (size_t)n, at == 0) ? c->page : from;
    }
    return c->real->pMethods->xWrite(c->real, from, n, at);
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static int do_lock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int do_unlock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int do_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int do_control(sqlite3_file *f, int what, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), what, arg);
}

static int do_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int do_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int do_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), region, size, extend, out);
}

static int do_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void do_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int do_shm_unmap(sqlite3_file *f, int also_delete)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), also_delete);
}

/* Version 2: pages are not mapped, they all come by do_write. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_reserved,
    .xFileControl = do_control,
    .xSectorSize = do_sector,
    .xDeviceCharacteristics = do_traits,
    .xShmMap = do_shm_map,
    .xShmLock = do_shm_lock,
    .xShmBarrier = do_shm_barrier,
    .xShmUnmap = do_shm_unmap,
};

/* ---- the VFS ---- */

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *flags_out)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct clean_file *c = (struct clean_file *)(void *)f;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
        return real->xOpen(real, name, f, flags, flags_out); /* there is room for it: szOsFile */
    }
    f->pMethods = NULL;
    c->real = (sqlite3_file *)(void *)(c + 1);
    c->real->pMethods = NULL;
    c->page = sqlite3_malloc(PAGE_MAX);
    if (c->page == NULL) {
        return SQLITE_NOMEM;
    }
    int rc = real->xOpen(real, name, c->real, flags, flags_out);
    if (c->real->pMethods == NULL || c->real->pMethods->iVersion < 2) {
        if (c->real->pMethods != NULL) {
            (void)c->real->pMethods->xClose(c->real);
        }
        sqlite3_free(c->page);
        c->page = NULL;
        return rc == SQLITE_OK ? SQLITE_CANTOPEN : rc;
    }
    f->pMethods = &methods; /* also where rc is an error: the engine closes it then */
    return rc;
}

int db_clean_vfs(const char **name_out, struct err *e)
{
    static sqlite3_vfs own;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    *name_out = "sereno";
    if (real == NULL) {
        return err_set(e, ERR_IO, "this SQLite has no files");
    }
    if (own.pAppData == real && sqlite3_vfs_find("sereno") == &own) {
        return 0; /* a program that puts another one first (tests of broken disks do) is followed */
    }
    own = *real; /* all else goes to the engine's own functions, which look at no more than what stands here */
    own.pNext = NULL;
    own.zName = "sereno";
    own.pAppData = real;
    own.szOsFile = real->szOsFile + (int)sizeof(struct clean_file);
    own.xOpen = do_open;
    return sqlite3_vfs_register(&own, 0) == SQLITE_OK ? 0 : err_set(e, ERR_IO, "this SQLite takes no VFS");
}
