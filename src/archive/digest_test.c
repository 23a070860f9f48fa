/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The two hashes of originals: each is what another program makes of the same bytes; a day file from before goes on with the
 * new one and says so; a day that holds both, in turns, is merged, verified, let go of in part, taken out whole and brought back;
 * a header that claims the other hash is found.
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
#include <sqlite3.h>

#include "archive/digest.h"
#include "archive/merge.h"
#include "archive/purge.h"
#include "archive/whole.h"
#include "archive/window.h"
#include "base/mem.h"
#include "base/vec.h"

enum { DAY = 20779 /* 2026-11-22 */, TURN = 15 /* windows */, TURNS = 4, RECORDS = 3 };

#define OLD_BLOCKS "SELECT count(*) FROM block WHERE kind=0 AND substr(header,1,2)=x'0200'"
#define NEW_BLOCKS "SELECT count(*) FROM block WHERE kind=0 AND substr(header,1,2)=x'0300'"

static char folder[64], other[80];
static struct archive *archive;
static struct seal_key *key;
static struct err e;

struct kept {
    struct archive_address at;
    char text[64];
};
static VEC(struct kept) all;

static int64_t sql(const char *text)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *s;
    (void)snprintf(path, sizeof path, "%s/2026-11-22.db", folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    int rc = sqlite3_step(s);
    int64_t n = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void write_one(int32_t day, uint64_t id, enum archive_digest digest)
{
    static const char *const sources[RECORDS] = {"long", "short", "short"};
    struct window *w = window_new(1);
    struct archive_kept kept;
    size_t from = all.len;
    window_digest(w, digest);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct kept k = {0};
        int n = snprintf(k.text, sizeof k.text, "window %llu record %u, said in a few more words", (unsigned long long)id, i);
        struct archive_record r = {.organisation = SPAN("town"),
                                   .source = span_of(sources[i]),
                                   .class_name = SPAN("c"),
                                   .host = SPAN("h"),
                                   .time = (time_ns)day * TIME_DAY + (time_ns)(id * 10 + i),
                                   .received = (time_ns)day * TIME_DAY + (time_ns)(id * 10),
                                   .original = span_make(k.text, (size_t)n)};
        (void)window_add(w, &r);
        vec_push(&all, k);
    }
    struct archive_window in = {.intake = 1, .id = id, .received = (time_ns)day * TIME_DAY};
    window_seal(w, &in.blocks, &in.nblocks);
    assert_int_equal(archive_write(archive, &in, &kept, &e), 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t block, index;
        window_place(w, i, &block, &index);
        all.data[from + i].at = (struct archive_address){kept.day, kept.first_block + block, index};
    }
    window_free(&w);
}

/* A file of the format before, which then goes on, both hashes in turns. */
static int make(void **state)
{
    (void)state;
    static const unsigned char seed[SEAL_SEED_BYTES] = {5};
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/digest-test-XXXXXX", base == NULL || strlen(base) > 30 ? "/tmp" : base);
    vec_clear(&all);
    if (mkdtemp(folder) == NULL || archive_open(folder, &archive, &e) != 0) {
        return -1;
    }
    (void)snprintf(other, sizeof other, "%s/other", folder);
    key = seal_key_new(seed);
    archive_signer(archive, key);
    for (uint64_t id = 0; id < (uint64_t)TURN * TURNS; id++) {
        if (id < TURN) {
            write_one(DAY, id, ARCHIVE_DIGEST_BLAKE2B);
            (void)sql("PRAGMA user_version=4");
        } else {
            write_one(DAY, id, id / TURN % 2 == 1 ? ARCHIVE_DIGEST_SHA256 : ARCHIVE_DIGEST_BLAKE2B);
        }
    }
    return 0;
}

static void remove_day(const char *where)
{
    static const char *const tails[] = {".db", ".db-wal", ".db-shm"};
    char path[128];
    for (int day = 1; day < 31; day++) {
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
            (void)snprintf(path, sizeof path, "%s/2026-%02d-%02d%s", where, day < 10 ? 12 : 11, day, tails[i]);
            (void)unlink(path);
        }
    }
    (void)snprintf(path, sizeof path, "%s/seals.jsonl", where);
    (void)unlink(path);
    (void)rmdir(where);
}

static int clean(void **state)
{
    (void)state;
    archive_close(&archive);
    seal_key_free(&key);
    remove_day(other);
    remove_day(folder);
    return access(folder, F_OK) == 0 ? -1 : 0;
}

static void keep_fault(void *ctx, const struct err *why)
{
    (void)snprintf(ctx, 1024, "%.300s: %.700s", why->where, why->text);
}

static struct archive_report verify(const char *where, char said[1024])
{
    struct archive_reader *r;
    struct archive_report report;
    const struct archive_verify_hooks hooks = {.ctx = said, .complain = keep_fault};
    said[0] = '\0';
    assert_int_equal(archive_reader_open(where, &r, &e), 0);
    assert_int_equal(archive_verify(r, NULL, &hooks, &report, &e), 0);
    archive_reader_close(&r);
    return report;
}

static void check_fetch(const char *where)
{
    struct archive_reader *r;
    struct arena scratch;
    arena_init(&scratch, 0);
    assert_int_equal(archive_reader_open(where, &r, &e), 0);
    for (size_t i = 0; i < all.len; i++) {
        struct archive_record out;
        arena_reset(&scratch);
        assert_int_equal(archive_fetch(r, all.data[i].at, &scratch, &out, &e), 0);
        assert_true(span_eq(out.original, span_of(all.data[i].text)));
    }
    archive_reader_close(&r);
    arena_fini(&scratch);
}

static void merge_all(void)
{
    struct archive_reader *r;
    struct merge *m;
    const struct merge_options o = {.level = 3, .wait_bytes = UINT64_MAX, .closed = true};
    assert_int_equal(archive_reader_open(folder, &r, &e), 0);
    while (archive_merge_prepare(r, DAY, &o, &m, &e) == 1) {
        assert_int_equal(archive_merge_commit(archive, m, &e), 0);
        archive_merge_free(&m);
    }
    archive_reader_close(&r);
}

/* ---- cases ---- */

static void vectors(struct digest_lanes *lanes)
{
    /* Python's hashlib over the same: bytes (i*7 + i/251) mod 256, as two records, the first a third of them. */
    static const struct {
        size_t bytes;
        const char *blake2b, *sha256;
    } known[] = {
        {0, "81e47a19e6b29b0a65b9591762ce5143ed30d0261e5d24a3201752506b20f15c",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {1, "e7c512bc88722d77d1d79be8b8b6305dcf0f61be0d969d9f3e0a3107ac8c8f0b",
         "1406e05881e299367766d313e26c05564ec91bf721d31726bd6e46e60689539a"},
        {4096, "09a4cef42fdcf7dec5e4852a0cb6eec3922d7f58bc54259979d86d32a3abe0ba",
         "9274db2b1fd61096daf6ed6ac7c124275371ceabda9592886c974fa76a993c95"},
        {4097, "c8fbf6c7eef7601a3e633120d7325d736e26dbed6208b725664c4cd77c74291d",
         "e2c8a1fdd14721196d4c4050de51057bf92c03bfcc7aa6e17a1371e9ec242e1e"},
        {32768, "291ae77f004ba9cf0ac73a109f378e645121424b706fc2b2ff8a0e9e345bd405",
         "df88cb5aabdd09cccde6f6d38be0903188879168fc0de8264bccd6c09780d696"},
        {100000, "b9ce049d5f2d51495c9e7cd27955e366ebe01c104b60e4438740a1902226e25e",
         "62c721bdad3301b8cccc2c9bf4ae72f3a08650589aea2189a6c94de932cc65b2"},
        {1048576, "9bab0764e2bf476e29e9b28d2d637cac6bc8801975e5a0ddd4735a8ff5b3ba82",
         "4c0c84d29fbe16168f27f39737c65af86b59e30091afe0582b59de0b00ca6e8f"},
    };
    for (size_t k = 0; k < ARRAY_LEN(known); k++) {
        size_t n = known[k].bytes;
        char *bytes = mem_alloc(n);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (char)(i * 7 + i / 251);
        }
        const struct archive_record first = {.original = span_make(bytes, n / 3)};
        const struct archive_record second = {.original = span_make(bytes + n / 3, n - n / 3)};
        const struct archive_record *const records[] = {&first, &second};
        for (unsigned how = 0; how < ARCHIVE_DIGEST_COUNT; how++) {
            unsigned char hash[ARCHIVE_HASH_BYTES];
            char hex[2 * ARCHIVE_HASH_BYTES + 1];
            digest_originals((enum archive_digest)how, span_make(bytes, n), records, 2, lanes, hash);
            for (size_t i = 0; i < sizeof hash; i++) {
                (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
            }
            assert_string_equal(hex, how == ARCHIVE_DIGEST_SHA256 ? known[k].sha256 : known[k].blake2b);
        }
        mem_free(bytes);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors(NULL);
}

/* The same, and blocks of every size around whole pieces, from memory of exactly that size. */
static void test_side_by_side(void **state)
{
    (void)state;
    struct digest_lanes *lanes = digest_lanes_new();
    if (lanes == NULL) {
        skip(); /* not on this processor, or built without the library */
    }
    vectors(lanes);
    for (size_t pieces = 1; pieces < 70; pieces++) {
        for (size_t odd = 0; odd < 3; odd++) {
            unsigned char one[ARCHIVE_HASH_BYTES], side[ARCHIVE_HASH_BYTES];
            size_t n = pieces * DIGEST_PIECE_BYTES + odd - 1;
            char *bytes = mem_alloc(n);
            memset(bytes, (int)(pieces + odd), n);
            const struct archive_record r = {.original = span_make(bytes, n)};
            const struct archive_record *const list[] = {&r};
            digest_originals(ARCHIVE_DIGEST_SHA256, r.original, list, 1, NULL, one);
            digest_originals(ARCHIVE_DIGEST_SHA256, r.original, list, 1, lanes, side);
            assert_memory_equal(one, side, sizeof one);
            mem_free(bytes);
        }
    }
    digest_lanes_free(&lanes);
}

static void test_headers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, ARCHIVE_HEADER_MAX_BYTES);
    for (unsigned kind = 0; kind < ARCHIVE_KIND_COUNT; kind++) {
        for (unsigned how = 0; how < ARCHIVE_DIGEST_COUNT; how++) {
            bool has = kind == ARCHIVE_KIND_BLOCK || kind == ARCHIVE_KIND_PACK;
            struct archive_header h = {.kind = (enum archive_kind)kind, .digest = (enum archive_digest)how,
                                       .count = kind == ARCHIVE_KIND_NOTE ? 0 : 1};
            struct archive_header got;
            buf_clear(&b);
            archive_header_encode(&b, &h);
            struct cursor c = cursor_of(buf_view(&b));
            assert_int_equal(archive_header_decode(&c, &got, &e), has || how == 0 ? 0 : ERR_INVALID);
            assert_true((!has && how > 0) || got.digest == h.digest);
        }
    }
    buf_free(&b);
}

static void test_both_in_one_day(void **state)
{
    (void)state;
    char said[1024];
    assert_int_equal(sql("PRAGMA user_version"), ARCHIVE_FORMAT);
    int64_t was_old = sql(OLD_BLOCKS), was_new = sql(NEW_BLOCKS);
    assert_true(was_old == (int64_t)TURN * 2 * TURNS / 2 && was_new == was_old);
    struct archive_report before = verify(folder, said);
    assert_string_equal(said, "");
    assert_int_equal(before.records, all.len);
    merge_all();
    assert_true(sql(OLD_BLOCKS) + sql(NEW_BLOCKS) < 4);
    assert_int_equal(sql("SELECT count(*) FROM block WHERE kind=3 AND substr(header,1,2)=x'0200'"), TURNS / 2 * 2);
    assert_int_equal(sql("SELECT count(*) FROM block WHERE kind=3 AND substr(header,1,2)=x'0300'"), TURNS / 2 * 2);
    struct archive_report after = verify(folder, said);
    assert_string_equal(said, "");
    assert_true(after.records == before.records && after.blocks == before.blocks && after.newest_link == before.newest_link);
    check_fetch(folder);
}

/* One link of the chain, then a merged block, each in both directions. */
static void test_other_hash_claimed(void **state)
{
    (void)state;
    char said[1024], claim[160];
    for (int kind = 0; kind <= 3; kind += 3) {
        if (kind == 3) {
            merge_all();
        }
        for (int format = 2; format <= 3; format++) {
            int64_t id = 0;
            (void)snprintf(claim, sizeof claim, "SELECT min(id) FROM block WHERE kind=%d AND substr(header,1,2)=x'0%d00'", kind, format);
            id = sql(claim);
            assert_true(id > 0);
            for (int back = 0; back < 2; back++) {
                (void)snprintf(claim, sizeof claim, "UPDATE block SET header=CAST(x'0%d00'||substr(header,3) AS BLOB) WHERE id=%lld",
                               back == 0 ? 5 - format : format, (long long)id);
                (void)sql(claim);
                (void)verify(folder, said);
                assert_int_equal(said[0] == '\0', back == 1);
            }
        }
    }
}

static void test_some_goes(void **state)
{
    (void)state;
    char said[1024];
    static const struct purge_source own[] = {{SPAN("short"), 10, false}};
    const struct purge_policy p = {.sources = own, .nsources = 1};
    struct purge_totals t;
    merge_all();
    assert_int_equal(archive_purge(archive, &p, (time_ns)(DAY + 11) * TIME_DAY, &t, &e), 0);
    assert_true(t.sources == 1 && t.records == (uint64_t)TURN * TURNS * 2);
    struct archive_report report = verify(folder, said);
    assert_string_equal(said, "");
    assert_true(report.purged > 0 && report.proofs == 1);
}

/* Lines of a part as they go out, taken in at once by another archive. */
static int take_in(void *ctx, const char *part, struct span name, struct span lines, struct err *why)
{
    int rc = 0;
    while (rc == 0 && lines.len > 0) {
        ptrdiff_t end = span_find(lines, '\n');
        assert_true(end >= 0);
        rc = archive_whole_line(ctx, DAY, span_of(part), name, span_sub(lines, 0, (size_t)end), why);
        lines = span_sub(lines, (size_t)end + 1, lines.len);
    }
    return rc;
}

static void test_out_and_back(void **state)
{
    (void)state;
    char said[1024];
    for (int merged = 0; merged < 2; merged++) {
        struct archive *made = NULL;
        struct archive_reader *r;
        struct archive_whole_totals t = {0};
        if (merged == 1) {
            merge_all();
        }
        assert_int_equal(archive_open(other, &made, &e), 0);
        archive_close(&made);
        struct archive_whole *w = archive_whole_new(other);
        assert_int_equal(archive_reader_open(folder, &r, &e), 0);
        assert_int_equal(archive_whole_day(r, DAY, take_in, w, &t, &e), 0);
        assert_int_equal(archive_whole_end(w, &e), 0);
        assert_true(t.damaged == 0 && t.opaque == 0 && t.records == all.len);
        archive_reader_close(&r);
        archive_whole_free(&w);
        struct archive_report report = verify(other, said);
        assert_string_equal(said, "");
        assert_int_equal(report.records, all.len);
        check_fetch(other);
        remove_day(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_headers),
        cmocka_unit_test_setup_teardown(test_both_in_one_day, make, clean),
        cmocka_unit_test_setup_teardown(test_other_hash_claimed, make, clean),
        cmocka_unit_test_setup_teardown(test_some_goes, make, clean),
        cmocka_unit_test_setup_teardown(test_out_and_back, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
