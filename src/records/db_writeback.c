/* SPDX-License-Identifier: EUPL-1.2 */
/* See db_writeback.h. The thread touches its own connection and, under the lock, what is shared; nothing else. A
 * sync that fails in it ends the keeper by the same way as one in a commit (roles/keeper_disk.h). */
#include "records/db_writeback.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/sqlite_why.h"
#include "records/db_clean.h"

enum { CUT_WAIT_MS = 50, CUT_TRIES = 1200 /* a minute */ };
enum { WRITEBACK_MAGIC = 0x77626b31, AUTO_PAGES = 4096 /* when the engine does it alone */ };

struct db_writeback {
    uint32_t magic;
    sqlite3 *writer;
    sqlite3 *own; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* Under the lock. */
    bool wanted, ending, cut;
    bool nearly; /* the last round left few enough pages for the writer */
    int pages;   /* in the log after the last commit */
    int next;    /* pages from which on the thread is wanted again */
    struct db_writeback_stats stats;
};

/* Pages that are in the log only, after it; negative: it could not be done. */
static int one_round(struct db_writeback *w)
{
    int in_log = 0;
    int copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(w->own, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    (void)pthread_mutex_lock(&w->lock);
    w->stats.rounds++;
    int left = w->pages > copied ? w->pages - copied : 0;
    (void)pthread_mutex_unlock(&w->lock);
    return rc == SQLITE_OK && copied >= 0 ? left : -1;
}

/* Nobody writes while the rest is copied, which is little after a round. Another writer, or a reader of an older state: later. */
static void cut(struct db_writeback *w)
{
    int rc = SQLITE_BUSY;
    bool ending = false;
    for (int i = 0; i < CUT_TRIES && rc != SQLITE_OK && !ending; i++) {
        (void)one_round(w);
        rc = sqlite3_wal_checkpoint_v2(w->own, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (rc != SQLITE_OK) {
            (void)sqlite3_sleep(CUT_WAIT_MS);
        }
        (void)pthread_mutex_lock(&w->lock);
        ending = w->ending; /* the writer, closing, writes all of it back and removes it */
        (void)pthread_mutex_unlock(&w->lock);
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stats.cut += rc == SQLITE_OK;
    (void)pthread_mutex_unlock(&w->lock);
}

static void *run(void *arg)
{
    struct db_writeback *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->ending) {
        if (w->cut) {
            w->cut = false;
            (void)pthread_mutex_unlock(&w->lock);
            cut(w);
            (void)pthread_mutex_lock(&w->lock);
            continue;
        }
        if (!w->wanted) {
            (void)pthread_cond_wait(&w->wake, &w->lock);
            continue;
        }
        int left = INT32_MAX;
        for (int i = 0; i < DB_WRITEBACK_ROUNDS && left > DB_WRITEBACK_REST && left >= 0 && !w->ending; i++) {
            (void)pthread_mutex_unlock(&w->lock);
            left = one_round(w);
            (void)pthread_mutex_lock(&w->lock);
        }
        w->wanted = false;
        w->nearly = left >= 0 && left <= DB_WRITEBACK_REST;
        /* A reader of an old state, or a disk that is slower than the writer: again when as much more has come. */
        w->next = w->pages + DB_WRITEBACK_AT;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* The writer copies what is left; with its next transaction the log begins anew. */
static void finish(struct db_writeback *w)
{
    int in_log = 0;
    int copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(w->writer, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    (void)pthread_mutex_lock(&w->lock);
    w->nearly = false;
    w->stats.finished += rc == SQLITE_OK && copied == in_log;
    (void)pthread_mutex_unlock(&w->lock);
}

/* After each commit, with the pages that the log has now. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct db_writeback *w = arg;
    CHECK_OBJ(w, WRITEBACK_MAGIC);
    CHECK(db == w->writer);
    (void)name;
    (void)pthread_mutex_lock(&w->lock);
    if (pages < w->pages) { /* it began anew */
        w->next = DB_WRITEBACK_AT;
        w->nearly = false;
    }
    w->pages = pages;
    w->stats.pages_most = (uint64_t)pages > w->stats.pages_most ? (uint64_t)pages : w->stats.pages_most;
    bool last = !w->wanted && (w->nearly || pages >= DB_WRITEBACK_MAX);
    if (!last && !w->wanted && pages >= w->next) {
        w->wanted = true;
        (void)pthread_cond_signal(&w->wake);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (last) {
        finish(w);
    }
    return SQLITE_OK;
}

static int start_thread(struct db_writeback *w)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* signals are the loop's */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return -1;
    }
    int rc = pthread_create(&w->thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* The question opens the log: a connection that never read has none to write back. */
static const char own_sql[] = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 16;"
                              "SELECT count(*) FROM sqlite_schema;";
/* The file of the log keeps its length when it begins anew: growing it again costs more than 64 MiB are worth. */
static const char writer_sql[] = "PRAGMA journal_size_limit = 67108864;";

int db_writeback_start(sqlite3 *writer, const char *path, struct err *e, struct db_writeback **out)
{
    char why[SQLITE_WHY_MAX];
    *out = NULL;
    struct db_writeback *w = mem_alloc(sizeof *w);
    *w = (struct db_writeback){.magic = WRITEBACK_MAGIC, .writer = writer, .next = DB_WRITEBACK_AT};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE;
    const char *vfs = NULL;
    int rc = db_clean_vfs(&vfs, e);
    if (rc == 0 && (sqlite3_open_v2(path, &w->own, flags, vfs) != SQLITE_OK ||
        sqlite3_exec(w->own, own_sql, NULL, NULL, NULL) != SQLITE_OK)) {
        rc = err_set(e, ERR_IO, "cannot open %s a second time: %s", path, sqlite_why(w->own, why));
    }
    MUST(pthread_mutex_init(&w->lock, NULL));
    MUST(pthread_cond_init(&w->wake, NULL));
    if (rc == 0 && sqlite3_exec(writer, writer_sql, NULL, NULL, NULL) != SQLITE_OK) {
        rc = err_set(e, ERR_IO, "%s: %s", path, sqlite_why(writer, why));
    }
    if (rc == 0 && start_thread(w) != 0) {
        rc = err_set(e, ERR_IO, "no thread for writing back the log");
    }
    if (rc < 0) {
        (void)sqlite3_close(w->own);
        mem_free(w);
        return rc;
    }
    (void)sqlite3_wal_hook(writer, on_commit, w);
    *out = w;
    return 0;
}

void db_writeback_stop(struct db_writeback **out)
{
    struct db_writeback *w = *out;
    *out = NULL;
    if (w == NULL) {
        return;
    }
    CHECK_OBJ(w, WRITEBACK_MAGIC);
    (void)sqlite3_wal_autocheckpoint(w->writer, AUTO_PAGES); /* in the hook's place */
    (void)pthread_mutex_lock(&w->lock);
    w->ending = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    MUST(pthread_join(w->thread, NULL));
    CHECK(sqlite3_close(w->own) == SQLITE_OK);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    w->magic = 0;
    mem_free(w);
}

void db_writeback_cut(struct db_writeback *w)
{
    CHECK_OBJ(w, WRITEBACK_MAGIC);
    (void)pthread_mutex_lock(&w->lock);
    w->cut = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
}

struct db_writeback_stats db_writeback_stats(struct db_writeback *w)
{
    CHECK_OBJ(w, WRITEBACK_MAGIC);
    (void)pthread_mutex_lock(&w->lock);
    struct db_writeback_stats s = w->stats;
    (void)pthread_mutex_unlock(&w->lock);
    return s;
}
