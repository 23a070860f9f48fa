/* SPDX-License-Identifier: EUPL-1.2 */
/* Kept rule sets: what was put comes out, whatever was changed, cut or made by others does not, and there are never too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/region.h"
#include "roles/rules_cache_priv.h"
#include "roles/rules_wire.h"

#define PLACE UINT64_C(0x600000000000)

enum { REGION = 3 * 4096, TOLD = 777 };

static char folder[PATH_MAX];

static const char *path_of(const char *name)
{
    static char path[PATH_MAX + 256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int filled(size_t n, char seed)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) {
        char c = (char)(seed + (char)(i % 61));
        assert_int_equal(write(fd, &c, 1), 1);
    }
    return fd;
}

static void assert_filled(int fd, size_t n, char seed)
{
    struct stat st;
    char c;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pread(fd, &c, 1, (off_t)i), 1);
        assert_int_equal(c, (char)(seed + (char)(i % 61)));
    }
}

static struct rules_cache opened(const char *stamp)
{
    struct rules_cache c;
    struct err e = {0};
    assert_int_equal(rules_cache_open(&c, folder, "/proc/self/exe", span_of(stamp), &e), 0);
    return c;
}

static void put(struct rules_cache *c, const char *rules, char seed)
{
    unsigned char key[CACHE_KEY_BYTES];
    struct err e = {0};
    struct rules_kept kept = {PLACE, REGION, TOLD, filled(REGION, seed), filled(TOLD, (char)(seed + 1))};
    rules_cache_key(c, span_of(rules), key);
    assert_int_equal(rules_cache_put(c, key, &kept, &e), 0);
    rules_kept_close(&kept);
}

/* What comes of asking for the rules; closes what comes out. */
static int get(struct rules_cache *c, const char *rules, char seed, struct err *e)
{
    unsigned char key[CACHE_KEY_BYTES];
    struct rules_kept kept;
    memset(e, 0, sizeof *e);
    rules_cache_key(c, span_of(rules), key);
    int rc = rules_cache_get(c, key, &kept, e);
    if (rc == 0) {
        assert_int_equal(kept.address, PLACE);
        assert_filled(kept.region_fd, REGION, seed);
        assert_filled(kept.told_fd, TOLD, (char)(seed + 1));
        assert_int_equal(write(kept.region_fd, "x", 1), -1); /* sealed */
        assert_int_equal(write(kept.told_fd, "x", 1), -1);
    } else {
        assert_int_equal(kept.region_fd, -1);
        assert_int_equal(kept.told_fd, -1);
    }
    rules_kept_close(&kept);
    return rc;
}

static const char *entry_path(const struct rules_cache *c, const char *rules)
{
    unsigned char key[CACHE_KEY_BYTES];
    char name[CACHE_NAME_MAX], below[128];
    rules_cache_key(c, span_of(rules), key);
    cache_name(key, name);
    (void)snprintf(below, sizeof below, "cache/%s", name);
    return path_of(below);
}

static size_t entries(void)
{
    size_t n = 0;
    DIR *d = opendir(path_of("cache"));
    assert_non_null(d);
    for (const struct dirent *i = readdir(d); i != NULL; i = readdir(d)) {
        n += i->d_name[0] != '.';
    }
    (void)closedir(d);
    return n;
}

static void test_what_was_put_comes_out(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    assert_int_equal(get(&c, "rules", 'a', &e), ERR_NOT_FOUND);
    put(&c, "rules", 'a');
    put(&c, "other", 'k');
    assert_int_equal(get(&c, "rules", 'a', &e), 0);
    assert_int_equal(get(&c, "other", 'k', &e), 0);
    put(&c, "rules", 'b'); /* again: the newer one counts */
    rules_cache_close(&c);
    c = opened(""); /* the secret is the same after a restart */
    assert_int_equal(get(&c, "rules", 'b', &e), 0);
    assert_int_equal(get(&c, "rule", 'b', &e), ERR_NOT_FOUND);
    rules_cache_close(&c);
}

static void test_another_program_finds_nothing(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("pcre2 10.42");
    put(&c, "rules", 'a');
    struct rules_cache newer = opened("pcre2 10.43");
    assert_int_equal(get(&newer, "rules", 'a', &e), ERR_NOT_FOUND);
    rules_cache_close(&newer);
    assert_int_equal(rules_cache_open(&newer, folder, "/bin/sh", SPAN("pcre2 10.42"), &e), 0);
    assert_int_equal(get(&newer, "rules", 'a', &e), ERR_NOT_FOUND);
    rules_cache_close(&newer);
    assert_int_equal(get(&c, "rules", 'a', &e), 0);
    rules_cache_close(&c);
}

/* Each byte of the head and of the hash, and some of the rest. */
static void test_no_byte_may_change(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    size_t all = CACHE_HEAD_BYTES + CACHE_MAC_BYTES + REGION + TOLD;
    for (size_t at = 0; at < all; at += at < CACHE_HEAD_BYTES + CACHE_MAC_BYTES ? 1 : 997) {
        put(&c, "rules", 'a');
        int fd = open(entry_path(&c, "rules"), O_RDWR | O_CLOEXEC);
        char byte;
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte = (char)(byte ^ 0x20);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        (void)close(fd);
        assert_int_equal(get(&c, "rules", 'a', &e), ERR_INVALID);
        assert_true(e.text[0] != '\0');
        assert_int_equal(get(&c, "rules", 'a', &e), ERR_NOT_FOUND); /* it was removed */
    }
    rules_cache_close(&c);
}

static void test_no_length_may_change(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    size_t all = CACHE_HEAD_BYTES + CACHE_MAC_BYTES + REGION + TOLD;
    const size_t lengths[] = {0, 1, CACHE_HEAD_BYTES - 1, CACHE_HEAD_BYTES, CACHE_HEAD_BYTES + CACHE_MAC_BYTES,
                              all - TOLD, all - 1, all + 1, all + 4096};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        put(&c, "rules", 'a');
        assert_int_equal(truncate(entry_path(&c, "rules"), (off_t)lengths[i]), 0);
        assert_int_equal(get(&c, "rules", 'a', &e), ERR_INVALID);
    }
    rules_cache_close(&c);
}

static void test_an_entry_under_another_name(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    char from[PATH_MAX + 256];
    put(&c, "rules", 'a');
    (void)snprintf(from, sizeof from, "%s", entry_path(&c, "rules"));
    assert_int_equal(rename(from, entry_path(&c, "other")), 0);
    assert_int_equal(get(&c, "other", 'a', &e), ERR_INVALID);
    assert_int_equal(symlink("/dev/zero", entry_path(&c, "other")), 0);
    assert_int_equal(get(&c, "other", 'a', &e), ERR_INVALID);
    assert_int_equal(mkfifo(entry_path(&c, "other"), 0600), 0); /* nobody writes into it: must not wait */
    assert_int_equal(get(&c, "other", 'a', &e), ERR_INVALID);
    rules_cache_close(&c);
}

static void test_another_secret(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    put(&c, "rules", 'a');
    rules_cache_close(&c);
    assert_int_equal(truncate(path_of("keys/rules-cache.key"), 5), 0); /* a crash cut it: made anew */
    c = opened("");
    assert_int_equal(get(&c, "rules", 'a', &e), ERR_INVALID);
    put(&c, "rules", 'b');
    rules_cache_close(&c);
    c = opened("");
    assert_int_equal(get(&c, "rules", 'b', &e), 0);
    rules_cache_close(&c);
}

static void test_never_too_many(void **state)
{
    (void)state;
    struct err e;
    struct rules_cache c = opened("");
    const char *const names[] = {"1", "2", "3", "4", "5", "6"};
    int odd = open(path_of("cache/odd"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(odd >= 0);
    (void)close(odd);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        put(&c, names[i], 'a');
        /* Which was used last must not hang on the clock's grain. */
        const struct timespec t[2] = {{1000 + (time_t)i, 0}, {1000 + (time_t)i, 0}};
        assert_int_equal(utimensat(AT_FDCWD, entry_path(&c, names[i]), t, 0), 0);
        assert_true(entries() <= CACHE_ENTRIES_MAX);
        if (i == 3) {
            assert_int_equal(get(&c, "1", 'a', &e), 0); /* used now: stays */
        }
    }
    assert_int_equal(entries(), CACHE_ENTRIES_MAX);
    assert_int_equal(get(&c, "1", 'a', &e), 0);
    assert_int_equal(get(&c, "2", 'a', &e), ERR_NOT_FOUND);
    assert_int_equal(get(&c, "3", 'a', &e), ERR_NOT_FOUND);
    assert_int_equal(get(&c, "6", 'a', &e), 0);
    /* By bytes: sparse files that look large. */
    assert_int_equal(truncate(entry_path(&c, "5"), CACHE_BYTES_MAX), 0);
    put(&c, "7", 'a');
    assert_int_equal(get(&c, "5", 'a', &e), ERR_NOT_FOUND);
    assert_int_equal(get(&c, "6", 'a', &e), 0);
    rules_cache_close(&c);
}

static void test_what_cannot_be_kept(void **state)
{
    (void)state;
    struct rules_cache c = opened("");
    unsigned char key[CACHE_KEY_BYTES];
    struct rules_kept good = {PLACE, REGION, TOLD, filled(REGION, 'a'), filled(TOLD, 'b')};
    const struct rules_kept bad[] = {
        {PLACE + 4096, REGION, TOLD, good.region_fd, good.told_fd}, /* no place for a region */
        {PLACE, 0, TOLD, good.region_fd, good.told_fd},
        {PLACE, CACHE_BYTES_MAX, 1, good.region_fd, good.told_fd},
        {PLACE, REGION, TOLD + 1, good.region_fd, good.told_fd}, /* the compiler said more than there is */
        {PLACE, REGION + 1, TOLD, good.region_fd, good.told_fd},
    };
    rules_cache_key(&c, SPAN("rules"), key);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        assert_true(rules_cache_put(&c, key, &bad[i], &e) < 0);
        assert_true(e.text[0] != '\0');
        assert_int_equal(entries(), 0);
    }
    rules_kept_close(&good);
    rules_cache_close(&c);
}

static void test_words(void **state)
{
    (void)state;
    struct buf b;
    struct rules_told t;
    struct err e = {0};
    buf_init(&b, 4096);
    rules_told_rule(&b, SPAN("one"));
    rules_told_rule(&b, SPAN(""));
    rules_told_done(&b, SPAN("12345678done"));
    assert_int_equal(rules_told_open(&t, buf_view(&b), &e), 0);
    assert_true(rules_told_more(&t) && span_eq(t.rule, SPAN("one")));
    rules_told_next(&t);
    assert_true(rules_told_more(&t) && t.rule.len == 0);
    rules_told_next(&t);
    assert_false(rules_told_more(&t));
    assert_true(span_eq(t.done, SPAN("done")));
    for (size_t n = 0; n < b.len; n++) { /* in memory of just that size */
        char *cut = mem_alloc(n + 1);
        memcpy(cut, b.data, n);
        assert_int_equal(rules_told_open(&t, span_make(cut, n), &e), ERR_INVALID);
        mem_free(cut);
    }
    buf_u8(&b, 0);
    assert_int_equal(rules_told_open(&t, buf_view(&b), &e), ERR_INVALID);
    buf_free(&b);
}

static int before(void **state)
{
    (void)state;
    char made[] = "rules-cache-XXXXXX";
    if (mkdtemp(made) == NULL || realpath(made, folder) == NULL) {
        return -1;
    }
    return mkdir(path_of("keys"), 0700);
}

static int after(void **state)
{
    (void)state;
    DIR *d = opendir(path_of("cache"));
    for (const struct dirent *i = d == NULL ? NULL : readdir(d); i != NULL; i = readdir(d)) {
        (void)unlinkat(dirfd(d), i->d_name, 0);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    (void)rmdir(path_of("cache"));
    (void)unlink(path_of("keys/rules-cache.key"));
    (void)rmdir(path_of("keys"));
    return rmdir(folder);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, before, after)
    const struct CMUnitTest tests[] = {
        T(test_what_was_put_comes_out), T(test_another_program_finds_nothing), T(test_no_byte_may_change),
        T(test_no_length_may_change),   T(test_an_entry_under_another_name),   T(test_another_secret),
        T(test_never_too_many),         T(test_what_cannot_be_kept),           T(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
