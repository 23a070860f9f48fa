/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads: a line is written one way and read back; a flipped bit anywhere in it is refused. An archive with seals:
 * what was changed, cut off, reordered or taken away after a seal is found, and after the last seal up to the link that the
 * records know of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "archive/seal.h"
#include "archive/window.h"
#include "base/mem.h"

enum { DAY = 20779, DAYS = 3, WINDOWS_A_DAY = 3 }; /* 2026-11-22 … */

static char folder[128];
static const unsigned char seed[SEAL_SEED_BYTES] = "thirty-two bytes of test seed...";

static const char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *day_file(int32_t day)
{
    char name[TIME_TEXT_MAX];
    char file[32];
    (void)snprintf(file, sizeof file, "%.10s.db", time_format((time_ns)day * TIME_DAY, name));
    return path_of(file);
}

static void sql(int32_t day, const char *text)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(day_file(day), &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", text, why);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_one(struct archive *a, uint64_t id, int32_t day)
{
    struct window *w = window_new(1);
    struct archive_window in = {.intake = 1, .id = id, .received = (time_ns)day * TIME_DAY + (time_ns)id};
    struct archive_kept kept;
    struct err e = {0};
    char text[32];
    uint32_t block, index;
    for (int i = 0; i < 4; i++) {
        int n = snprintf(text, sizeof text, "window %llu record %d", (unsigned long long)id, i);
        const struct archive_record r = {.organisation = SPAN("town"),
                                         .source = SPAN("src"),
                                         .class_name = SPAN("cls"),
                                         .time = in.received,
                                         .received = in.received,
                                         .original = span_make(text, (size_t)n)};
        (void)window_add(w, &r);
    }
    window_seal(w, &in.blocks, &in.nblocks);
    window_place(w, 2, &block, &index);
    const struct archive_alert_in alerts[] = {{.block = block, .index = index, .body = SPAN("first alert")},
                                              {.block = block, .index = 0, .body = SPAN("second alert")}};
    in.alerts = alerts;
    in.nalerts = ARRAY_LEN(alerts);
    assert_int_equal(archive_write(a, &in, &kept, &e), 0);
    window_free(&w);
}

/* Whether the last seal names all links of that day. */
static bool is_sealed(int32_t day)
{
    struct archive_reader *r = NULL;
    struct seal last;
    struct err e = {0};
    bool sealed = false;
    assert_true(archive_last_seal(folder, &last));
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_is_sealed(r, day, &last, &sealed, &e), 0);
    archive_reader_close(&r);
    return sealed;
}

/* Three days of three windows; each day's end is sealed but the last one's. */
static struct archive_witness make_archive(void)
{
    struct archive *a;
    struct err e = {0};
    struct archive_head newest;
    struct archive_witness k = {.has_newest = true, .has_seal = true, .has_key = true};
    struct seal_key *key = seal_key_new(seed);
    (void)snprintf(folder, sizeof folder, "/tmp/sereno-seal-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(archive_seal(a, key, 1, k.seal, &e), 0); /* nothing there: nothing sealed */
    assert_int_equal(archive_sealed_at(folder), TIME_NONE);
    for (int d = 0; d < DAYS; d++) {
        for (int i = 0; i < WINDOWS_A_DAY; i++) {
            write_one(a, (uint64_t)d * 10 + (uint64_t)i + 1, DAY + d);
        }
        if (d < DAYS - 1) {
            const time_ns at = (time_ns)(DAY + d + 1) * TIME_DAY;
            assert_int_equal(archive_seal(a, key, at, k.seal, &e), 0);
            assert_int_equal(archive_seal(a, key, at + TIME_SECOND, k.seal, &e), 0); /* said already */
            assert_int_equal(archive_sealed_at(folder), at);
        }
        assert_int_equal(is_sealed(DAY + d), d < DAYS - 1);
        assert_true(d == 0 || is_sealed(DAY + d - 1));
    }
    assert_true(archive_newest(a, &newest));
    k.newest_day = newest.day;
    k.newest_link = newest.link;
    memcpy(k.newest_hash, newest.hash, sizeof k.newest_hash);
    seal_key_public(key, k.key);
    archive_close(&a);
    seal_key_free(&key);
    return k;
}

static void remove_archive(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (int32_t day = DAY; day < DAY + DAYS + 9; day++) {
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            char path[300];
            (void)snprintf(path, sizeof path, "%s%s", day_file(day), tails[i]);
            (void)unlink(path);
        }
    }
    (void)unlink(path_of(SEAL_FILE_NAME));
    assert_int_equal(rmdir(folder), 0);
}

static void note(void *ctx, const struct err *e)
{
    char *said = ctx;
    (void)snprintf(said + strlen(said), 4000 - strlen(said), "%s: %s\n", e->where, e->text);
}

static struct archive_report verify(const struct archive_witness *k, char said[4000])
{
    struct archive_reader *r;
    struct archive_report report;
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = note};
    struct err e = {0};
    said[0] = '\0';
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    assert_int_equal(archive_verify(r, k, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report;
}

static void test_line(void **state)
{
    (void)state;
    struct seal_key *key = seal_key_new(seed);
    struct seal s = {.head = {DAY, 41, "hash of the newest link........"},
                     .sealed = (time_ns)DAY * TIME_DAY + 5 * TIME_SECOND};
    struct seal back;
    struct err e = {0};
    struct buf line;
    buf_init(&line, SEAL_LINE_MAX);
    seal_line(key, &s, &line);
    assert_false(line.failed);
    assert_int_equal(seal_read(buf_view(&line), &back, &e), 0);
    assert_int_equal(back.head.day, DAY);
    assert_int_equal(back.head.link, 41);
    assert_memory_equal(back.head.hash, s.head.hash, sizeof s.head.hash);
    assert_int_equal(back.sealed, s.sealed);
    seal_key_public(key, s.key);
    assert_memory_equal(back.key, s.key, sizeof s.key);
    for (size_t i = 0; i < line.len; i++) { /* exact-size copies, so that ASan sees one byte too far */
        for (int bit = 0; bit < 8; bit++) {
            char *copy = mem_alloc(line.len);
            memcpy(copy, line.data, line.len);
            copy[i] = (char)(copy[i] ^ (1 << bit));
            assert_int_not_equal(seal_read(span_make(copy, line.len), &back, &e), 0);
            mem_free(copy);
        }
        assert_int_not_equal(seal_read(span_make(line.data, i), &back, &e), 0);
    }
    buf_cstr(&line, " ");
    assert_int_not_equal(seal_read(buf_view(&line), &back, &e), 0);
    buf_free(&line);
    seal_key_free(&key);
}

static void test_whole(void **state)
{
    (void)state;
    char said[4000];
    const struct archive_witness k = make_archive();
    struct archive_report r = verify(&k, said);
    assert_string_equal(said, "");
    assert_int_equal(r.bad, 0);
    assert_int_equal(r.seals, DAYS - 1);
    assert_int_equal(r.alerts, 2 * DAYS * WINDOWS_A_DAY);
    assert_int_equal(r.newest_day, DAY + DAYS - 1);
    assert_int_equal(verify(NULL, said).bad, 0);
    remove_archive();
}

/* What an intruder may do to the files, and whether the chain alone would have shown it. */
static const struct attack {
    const char *name;
    int32_t day;
    const char *sql;
    const char *says;
} attacks[] = {
    {"a byte of an alert", DAY, "UPDATE alert SET body=CAST('First alert' AS BLOB) WHERE id=1", "an alert of this window"},
    {"an alert's place", DAY + 1, "UPDATE alert SET record=record+1 WHERE id=2", "an alert of this window"},
    {"an alert taken away", DAY, "DELETE FROM alert WHERE id=3", "an alert of this window"},
    {"an alert put in", DAY, "INSERT INTO alert(day,block,record,body) VALUES(1,1,1,CAST('x' AS BLOB))", "does not speak of"},
    {"the end of the newest day", DAY + 2, "DELETE FROM block WHERE id>4; DELETE FROM alert WHERE id>4", "the records know of a link"},
    {"the end of a sealed day and all days after", DAY + 1, "DELETE FROM block WHERE id>4; DELETE FROM alert WHERE id>4", "the link that it sealed"},
    {"a header", DAY, "UPDATE block SET header=CAST(replace(CAST(header AS TEXT),'town','toun') AS BLOB) WHERE id=1", "block 1"},
};

static void test_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        char said[4000];
        const struct archive_witness k = make_archive();
        sql(attacks[i].day, attacks[i].sql);
        if (strstr(attacks[i].name, "all days after") != NULL) {
            (void)unlink(day_file(DAY + 2));
        }
        struct archive_report r = verify(&k, said);
        if (r.bad == 0 || strstr(said, attacks[i].says) == NULL) {
            fail_msg("%s: %d found: %s", attacks[i].name, (int)r.bad, said);
        }
        remove_archive();
    }
}

/* The whole archive made anew by somebody who has not the key: everything fits but the seals. */
static void test_forged_anew(void **state)
{
    (void)state;
    char said[4000];
    const struct archive_witness k = make_archive();
    char seals[4096];
    FILE *f = fopen(path_of(SEAL_FILE_NAME), "rb");
    assert_non_null(f);
    size_t n = fread(seals, 1, sizeof seals, f);
    (void)fclose(f);
    for (int32_t day = DAY; day < DAY + DAYS; day++) {
        (void)unlink(day_file(day));
    }
    struct archive *a;
    struct err e = {0};
    assert_int_equal(archive_open(folder, &a, &e), 0);
    for (int i = 0; i < DAYS * WINDOWS_A_DAY; i++) {
        write_one(a, 100 + (uint64_t)i, DAY + i / WINDOWS_A_DAY); /* the same shape, other records */
    }
    archive_close(&a);
    assert_true(verify(&k, said).bad >= 2);
    assert_non_null(strstr(said, "is not the link that was sealed"));
    assert_non_null(strstr(said, "is not the link that the records know of"));
    (void)unlink(path_of(SEAL_FILE_NAME));
    assert_true(verify(&k, said).bad >= 1);
    assert_non_null(strstr(said, "is missing, though heads were sealed"));
    f = fopen(path_of(SEAL_FILE_NAME), "wb");
    assert_non_null(f);
    const char *second = memchr(seals, '\n', n);
    assert_non_null(second);
    assert_int_equal(fwrite(second + 1, 1, n - (size_t)(second + 1 - seals), f), n - (size_t)(second + 1 - seals));
    (void)fclose(f);
    assert_true(verify(&k, said).bad >= 1);
    assert_non_null(strstr(said, "does not follow the line before"));
    remove_archive();
}

/* Ended between a seal's line and the records: one line may be newer than what they know, never two, and never older. */
static void test_one_line_newer(void **state)
{
    (void)state;
    static const char *const wanted[] = {"", "", "does not end with the seal that the records know of"};
    char said[4000];
    struct archive_witness k = make_archive(), newer;
    struct archive *a;
    struct err e = {0};
    struct seal last;
    unsigned char line[ARCHIVE_HASH_BYTES];
    struct seal_key *key = seal_key_new(seed);
    for (int lines = 0; lines < 3; lines++) {
        newer = k;
        if (lines > 0) {
            assert_int_equal(archive_open(folder, &a, &e), 0);
            write_one(a, 200 + (uint64_t)lines, DAY + DAYS - 1);
            assert_int_equal(archive_seal(a, key, (time_ns)(DAY + DAYS + lines) * TIME_DAY, newer.seal, &e), 0);
            archive_close(&a);
        }
        k.has_newest = false;
        (void)verify(&k, said);
        assert_true(wanted[lines][0] == '\0' ? said[0] == '\0' : strstr(said, wanted[lines]) != NULL);
    }
    assert_true(archive_last_line(folder, &last, line));
    assert_memory_equal(line, newer.seal, sizeof line);
    FILE *f = fopen(path_of(SEAL_FILE_NAME), "rb");
    char seals[8192];
    assert_non_null(f);
    size_t n = fread(seals, 1, sizeof seals, f);
    (void)fclose(f);
    memcpy(k.seal, newer.seal, sizeof k.seal);
    (void)verify(&k, said);
    assert_string_equal(said, "");
    for (n--; seals[n - 1] != '\n'; n--) { /* the last line is taken away */
    }
    assert_int_equal(truncate(path_of(SEAL_FILE_NAME), (off_t)n), 0);
    (void)verify(&k, said);
    assert_non_null(strstr(said, wanted[2]));
    seal_key_free(&key);
    remove_archive();
}

/* Retention after a seal: the note says that the day was let go; without the note it is missed. */
static void test_retention(void **state)
{
    (void)state;
    char said[4000];
    size_t gone = 0;
    struct archive_witness k = make_archive();
    struct archive *a;
    struct err e = {0};
    struct archive_head newest;
    struct seal_key *key = seal_key_new(seed);
    assert_int_equal(archive_open(folder, &a, &e), 0);
    assert_int_equal(archive_retain(a, DAY + 1, SPAN("retention"), (time_ns)(DAY + 2) * TIME_DAY, &gone, &e), 0);
    assert_int_equal(gone, 1);
    assert_int_equal(archive_seal(a, key, (time_ns)(DAY + 3) * TIME_DAY, k.seal, &e), 0);
    assert_true(archive_newest(a, &newest));
    k.newest_link = newest.link;
    memcpy(k.newest_hash, newest.hash, sizeof k.newest_hash);
    archive_close(&a);
    seal_key_free(&key);
    struct archive_report r = verify(&k, said);
    assert_string_equal(said, "");
    assert_int_equal(r.seals, DAYS);
    sql(DAY + 2, "UPDATE block SET class='deleted 1999-01-01' WHERE kind=1");
    assert_true(verify(&k, said).bad > 0);
    remove_archive();
}

int main(void)
{
    MUST(sodium_init() < 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),    cmocka_unit_test(test_whole),     cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_forged_anew), cmocka_unit_test(test_one_line_newer), cmocka_unit_test(test_retention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
