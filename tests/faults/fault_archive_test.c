/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Day files on a disk that loses what was not synced: a writer is killed at its n-th file operation, for every n in turn;
 * syncs, writes and space fail. What it said is kept is there, byte for byte, and the chain is whole. SERENO_KILLS says how
 * many kills.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "archive/archive.h"
#include "archive/window.h"
#include "base/mem.h"
#include "base/test_folder.h"
#include "fault_vfs.h"

enum { DAY = 20779, RECORDS = 10, TOLD_MAX = 64, WINDOWS = 12, EXIT_SYNC = 7, EXIT_OPEN = 3 };

static char folder[64], page_path[80];
static struct fault_page zero_page = {.magic = FAULT_MAGIC, .seed = 1};
static uint64_t intake = 1; /* another for each writer */

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/faults-test-XXXXXX", test_folder_base());
    int rc = mkdtemp(folder) == NULL ? -1 : 0;
    (void)snprintf(page_path, sizeof page_path, "%s/page", folder);
    return rc;
}

static int remove_folder(void **state)
{
    (void)state;
    for (int32_t day = DAY; day < DAY + 4; day++) {
        static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
        struct time_parts p;
        time_to_parts((time_ns)day * TIME_DAY, &p);
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            char path[128];
            (void)snprintf(path, sizeof path, "%s/%04d-%02d-%02d.db%s", folder, p.year, p.month, p.day, tails[i]);
            (void)unlink(path);
        }
    }
    (void)unlink(page_path);
    return rmdir(folder);
}

static void put_page(const struct fault_page *page)
{
    int fd = open(page_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, page, sizeof *page) == (ssize_t)sizeof *page && close(fd) == 0);
}

static struct fault_page get_page(void)
{
    struct fault_page page = {0};
    int fd = open(page_path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, &page, sizeof page) == (ssize_t)sizeof page && close(fd) == 0);
    return page;
}

/* What a writer says is kept. */
struct told {
    uint64_t window;
    struct archive_address places[RECORDS];
};

static int text_of(char out[64], uint64_t writer, uint64_t window, int record)
{
    return snprintf(out, 64, "writer %llu window %llu record %d", (unsigned long long)writer, (unsigned long long)window, record);
}

static int write_window(struct archive *a, uint64_t id, int32_t day, struct told *told, struct err *e)
{
    struct window *w = window_new(1);
    struct archive_kept kept;
    char text[64];
    for (int i = 0; i < RECORDS; i++) {
        int n = text_of(text, intake, id, i);
        struct archive_record r = {.organisation = SPAN("town"),
                                   .source = SPAN("src"),
                                   .class_name = SPAN("cls"),
                                   .host = SPAN("host"),
                                   .sender = SPAN("me"),
                                   .time = (time_ns)day * TIME_DAY + i,
                                   .received = (time_ns)day * TIME_DAY + 77,
                                   .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    struct archive_window in = {.intake = intake, .id = id, .received = (time_ns)day * TIME_DAY + 77};
    window_seal(w, &in.blocks, &in.nblocks);
    int rc = archive_write(a, &in, &kept, e);
    told->window = id;
    for (uint32_t i = 0; rc == 0 && i < RECORDS; i++) {
        uint32_t block, index;
        window_place(w, i, &block, &index);
        told->places[i] = (struct archive_address){kept.day, kept.first_block + block, index};
    }
    window_free(&w);
    return rc;
}

/* As the keeper does: a failed sync ends the process. */
static void on_report(void *arg, int code, const char *text)
{
    (void)arg;
    (void)text;
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
        _exit(EXIT_SYNC);
    }
}

/* Child: writes windows over a change of day, tells each that is kept; one that is refused is tried again, as the keeper
 * does. Never returns. */
static _Noreturn void writer(int tell)
{
    struct archive *a = NULL;
    struct err e = {0};
    unsigned refused = 0;
    (void)sqlite3_shutdown(); /* the parent read with it */
    if (sqlite3_config(SQLITE_CONFIG_LOG, on_report, NULL) != SQLITE_OK) {
        _exit(6);
    }
    fault_vfs_install(page_path);
    if (archive_open(folder, &a, &e) != 0) {
        _exit(EXIT_OPEN);
    }
    for (uint64_t id = 1; id <= WINDOWS;) {
        struct told told;
        if (write_window(a, id, DAY + (id > WINDOWS / 2), &told, &e) != 0) {
            fault_vfs_page()->full = fault_vfs_page()->read_only = 0; /* somebody made room */
            if (++refused > 8) {
                _exit(4);
            }
            continue;
        }
        if (write(tell, &told, sizeof told) != (ssize_t)sizeof told) {
            _exit(5);
        }
        id++;
    }
    archive_close(&a);
    _exit(0);
}

static void complain(void *ctx, const struct err *e)
{
    (void)snprintf(ctx, 2048, "%s: %s", e->where, e->text);
}

static void check(const struct told *told, size_t n)
{
    struct archive_reader *r;
    struct archive_report report;
    struct arena scratch;
    struct err e = {0};
    char said[2048] = "", want[64];
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = complain};
    arena_init(&scratch, 0);
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < RECORDS; k++) {
            struct archive_record out;
            if (archive_fetch(r, told[i].places[k], &scratch, &out, &e) != 0) {
                fail_msg("said kept, but lost: window %llu: %s: %s", (unsigned long long)told[i].window, e.where, e.text);
            }
            int len = text_of(want, intake, told[i].window, k);
            assert_true(span_eq(out.original, span_make(want, (size_t)len)));
        }
    }
    assert_int_equal(archive_verify(r, NULL, &hooks, &report, &e), 0);
    if (report.bad != 0) {
        fail_msg("%s", said);
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
}

/* One writer on a disk as page says; returns its wait status, checks what it told. */
static int run_writer(const struct fault_page *page, size_t *told_out)
{
    static struct told told[TOLD_MAX];
    int pipes[2], status = 0;
    size_t n = 0;
    intake++;
    put_page(page);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(pipes[0]);
        writer(pipes[1]);
    }
    (void)close(pipes[1]);
    while (n < TOLD_MAX && read(pipes[0], &told[n], sizeof told[n]) == (ssize_t)sizeof told[n]) {
        n++;
    }
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    check(told, n);
    *told_out = n;
    return status;
}

static size_t kills(void)
{
    const char *wanted = getenv("SERENO_KILLS");
    return wanted == NULL ? 120 : strtoul(wanted, NULL, 10);
}

/* The n-th operation of a writer, for n = 1, 2, …: opening, tables, commits, the change of day, the checkpoint at its end. */
static void test_kill_at_every_operation(void **state)
{
    (void)state;
    size_t done = 0, told = 0, lost_bytes = 0;
    for (uint32_t at = 1; done < kills(); at++) {
        struct fault_page page = zero_page;
        page.kill_in = at;
        page.early_percent = (at % 3) * 30;
        page.seed = at;
        int status = run_writer(&page, &told);
        if (WIFEXITED(status)) { /* fewer operations than that: begin anew, in the files that are there now */
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(told, WINDOWS);
            assert_true(at > 50);
            at = 0;
            continue;
        }
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        lost_bytes += get_page().unsynced;
        done++;
    }
    assert_true(lost_bytes > 0); /* the disk did lose what was not synced */
    struct fault_page calm = zero_page;
    assert_int_equal(run_writer(&calm, &told), 0);
    assert_int_equal(told, WINDOWS);
}

/* A failed sync: nothing more is told, and what was told before is there. */
static void test_sync_fails(void **state)
{
    (void)state;
    size_t told = 0, ended = 0;
    for (uint32_t at = 1; at <= 40; at++) {
        struct fault_page page = zero_page;
        page.sync_error_in = at;
        int status = run_writer(&page, &told);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == EXIT_SYNC) {
            assert_int_equal(get_page().failed, 1);
            assert_true(told < WINDOWS || get_page().syncs >= at);
            ended++;
        } else {
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(get_page().failed, 0); /* there were not so many syncs */
        }
    }
    assert_true(ended > 10);
}

/* No space, a read-only disk, a write that fails: refused, and taken when there is room; nothing is there twice. */
static void test_refused_writes(void **state)
{
    (void)state;
    size_t told = 0;
    struct fault_page page = zero_page;
    assert_int_equal(run_writer(&page, &told), 0); /* the files are there */
    for (uint32_t at = 1; at <= 60; at++) {
        page = zero_page;
        page.write_error_in = at;
        int status = run_writer(&page, &told);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != EXIT_OPEN) {
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(told, WINDOWS);
        }
    }
    for (int kind = 0; kind < 2; kind++) {
        page = zero_page;
        *(kind == 0 ? &page.full : &page.read_only) = 1;
        int status = run_writer(&page, &told);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_OPEN);
        assert_true(get_page().failed > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill_at_every_operation, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sync_fails, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_writes, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
