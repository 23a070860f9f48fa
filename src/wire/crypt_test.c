/* SPDX-License-Identifier: EUPL-1.2 */
/* Encrypted files: round trips of any size and cut, each changed, cut or added byte, keys and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>

#include "base/buf.h"
#include "wire/crypt.h"

static unsigned char public_key[CRYPT_KEY_BYTES], secret_key[CRYPT_KEY_BYTES];
static const unsigned char seed[CRYPT_KEY_BYTES] = {7};

static int write_file(struct span content, size_t piece, const unsigned char *signer)
{
    struct err e;
    int fd = memfd_create("crypt", MFD_CLOEXEC);
    struct crypt_writer *w = crypt_writer_new(fd, public_key);
    for (size_t at = 0; at < content.len; at += piece) {
        assert_int_equal(crypt_write(w, span_sub(content, at, piece), &e), 0);
    }
    assert_int_equal(crypt_writer_end(w, signer, &e), 0);
    assert_int_equal(crypt_written(w), lseek(fd, 0, SEEK_END));
    crypt_writer_free(&w);
    return fd;
}

/* 0 and the content, or why not. */
static int read_file(int fd, const unsigned char secret[CRYPT_KEY_BYTES], struct buf *out, struct err *e)
{
    struct crypt_reader *r = NULL;
    struct span s;
    int rc = crypt_reader_new(fd, secret, &r, e);
    buf_clear(out);
    while (rc == 0) {
        rc = crypt_read(r, &s, e);
        if (rc != 0 || s.len == 0) {
            break;
        }
        buf_span(out, s);
    }
    crypt_reader_free(&r);
    return rc;
}

static void fill(struct buf *b, size_t n)
{
    buf_clear(b);
    for (size_t i = 0; i < n; i++) {
        buf_u8(b, (uint8_t)(i * 7 + i / 251));
    }
}

/* The ends tell what the whole tells; each changed byte that matters there, and a size that cannot be, is seen. */
static void check_ends(int fd, const struct crypt_report *whole)
{
    unsigned char head[CRYPT_HEADER_BYTES], tail[CRYPT_TRAILER_BYTES];
    struct crypt_report got;
    struct err e;
    assert_int_equal(pread(fd, head, sizeof head, 0), sizeof head);
    assert_int_equal(pread(fd, tail, sizeof tail, (off_t)whole->bytes - CRYPT_TRAILER_BYTES), sizeof tail);
    assert_int_equal(crypt_check_ends(whole->bytes, head, tail, &got, &e), 0);
    assert_true(got.bytes == whole->bytes && got.is_signed == whole->is_signed);
    assert_memory_equal(got.to, whole->to, sizeof got.to);
    assert_memory_equal(got.signer, whole->signer, sizeof got.signer);
    assert_memory_equal(got.hash, whole->hash, sizeof got.hash);
    assert_int_equal(crypt_check_ends(CRYPT_HEADER_BYTES + CRYPT_TRAILER_BYTES, head, tail, &got, &e), ERR_TRUNCATED);
    for (size_t i = 0; whole->is_signed && i < sizeof tail; i += 7) {
        tail[i] ^= 1;
        assert_int_equal(crypt_check_ends(whole->bytes, head, tail, &got, &e), ERR_INVALID);
        tail[i] ^= 1;
    }
    head[3] ^= 1;
    assert_int_equal(crypt_check_ends(whole->bytes, head, tail, &got, &e), ERR_INVALID);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, CRYPT_CHUNK - 1, CRYPT_CHUNK, CRYPT_CHUNK + 1, 2 * CRYPT_CHUNK, 200000};
    struct buf in, out;
    struct err e;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        fill(&in, sizes[i]);
        for (size_t piece = 777; piece < 1 << 20; piece *= 300) {
            struct crypt_report report = {0};
            int fd = write_file(buf_view(&in), piece, i % 2 == 0 ? seed : NULL);
            assert_int_equal(read_file(fd, secret_key, &out, &e), 0);
            assert_int_equal(out.len, in.len);
            assert_true(in.len == 0 || memcmp(out.data, in.data, in.len) == 0);
            assert_int_equal(crypt_check(fd, &report, &e), 0);
            assert_int_equal(report.is_signed, i % 2 == 0);
            assert_memory_equal(report.to, public_key, CRYPT_KEY_BYTES);
            assert_int_equal(report.bytes, lseek(fd, 0, SEEK_END));
            check_ends(fd, &report);
            (void)close(fd);
        }
    }
    buf_free(&in);
    buf_free(&out);
}

static int count_up(void *ctx, uint64_t written, struct err *e)
{
    uint64_t *last = ctx;
    assert_true(written > *last);
    *last = written;
    return written > 2 * CRYPT_CHUNK ? err_set(e, ERR_IO, "enough") : 0;
}

/* Who watches sees it go on, ends a writer, and ends a check. */
static void test_watched(void **state)
{
    (void)state;
    struct buf in;
    struct err e;
    struct crypt_report report;
    atomic_bool stop = false;
    atomic_uint_fast64_t moved = 0;
    uint64_t last = 0;
    buf_init(&in, 1 << 20);
    fill(&in, 4 * CRYPT_CHUNK);
    int fd = write_file(buf_view(&in), in.len, seed);
    assert_int_equal(crypt_check_watched(fd, &stop, &moved, &report, &e), 0);
    assert_int_equal(moved, report.bytes - CRYPT_TRAILER_BYTES);
    stop = true;
    assert_int_equal(crypt_check_watched(fd, &stop, &moved, &report, &e), ERR_CLOSED);
    struct crypt_writer *w = crypt_writer_new(fd, public_key);
    crypt_writer_watch(w, count_up, &last);
    assert_int_equal(crypt_write(w, buf_view(&in), &e), ERR_IO);
    assert_string_equal(e.text, "enough");
    assert_true(last == crypt_written(w) && last > 2 * CRYPT_CHUNK);
    assert_int_equal(crypt_write(w, buf_view(&in), &e), ERR_IO);
    assert_int_equal(crypt_writer_end(w, seed, &e), ERR_IO);
    crypt_writer_free(&w);
    (void)close(fd);
    buf_free(&in);
}

/* Every byte of a small file, and some of each part of a large one: the check without a key and the reader see it. */
static void test_flipped(void **state)
{
    (void)state;
    struct buf in, out;
    struct err e;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (size_t size = 60; size < 1 << 20; size *= 3000) {
        fill(&in, size);
        int fd = write_file(buf_view(&in), size, seed);
        off_t end = lseek(fd, 0, SEEK_END);
        for (off_t at = 0; at < end; at += size < 100 ? 1 : 4999) {
            struct crypt_report report;
            unsigned char old, changed;
            assert_int_equal(pread(fd, &old, 1, at), 1);
            changed = (unsigned char)(old ^ 1 << (at % 8));
            assert_int_equal(pwrite(fd, &changed, 1, at), 1);
            int rc = crypt_check(fd, &report, &e);
            assert_true(rc == ERR_INVALID && e.text[0] != '\0');
            rc = read_file(fd, secret_key, &out, &e);
            assert_true(at >= end - CRYPT_TRAILER_BYTES ? rc == 0 : rc == ERR_INVALID || rc == ERR_DENIED);
            assert_int_equal(pwrite(fd, &old, 1, at), 1);
        }
        assert_int_equal(read_file(fd, secret_key, &out, &e), 0);
        (void)close(fd);
    }
    buf_free(&in);
    buf_free(&out);
}

static void test_cut_and_added(void **state)
{
    (void)state;
    struct buf in, out;
    struct err e;
    struct crypt_report report;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    fill(&in, 70000);
    int fd = write_file(buf_view(&in), 70000, seed);
    off_t end = lseek(fd, 0, SEEK_END);
    assert_int_equal(pwrite(fd, "x", 1, end), 1);
    assert_int_equal(crypt_check(fd, &report, &e), ERR_INVALID);
    assert_true(read_file(fd, secret_key, &out, &e) != 0);
    for (off_t cut = end - 1; cut > 0; cut -= cut > 70000 ? 1 : 997) {
        assert_int_equal(ftruncate(fd, cut), 0);
        int rc = crypt_check(fd, &report, &e);
        assert_true(rc == ERR_INVALID || rc == ERR_TRUNCATED);
        assert_true(read_file(fd, secret_key, &out, &e) != 0);
    }
    (void)close(fd);
    buf_free(&in);
    buf_free(&out);
}

static void test_other_key(void **state)
{
    (void)state;
    unsigned char other_public[CRYPT_KEY_BYTES], other_secret[CRYPT_KEY_BYTES];
    struct buf out;
    struct err e;
    buf_init(&out, 1 << 20);
    crypt_pair(other_public, other_secret);
    int fd = write_file(SPAN("a city's records"), 5, NULL);
    assert_int_equal(read_file(fd, other_secret, &out, &e), ERR_DENIED);
    /* Readdressed: it claims to be for the other key. */
    assert_int_equal(pwrite(fd, other_public, CRYPT_KEY_BYTES, 16), CRYPT_KEY_BYTES);
    assert_int_equal(read_file(fd, other_secret, &out, &e), ERR_INVALID);
    (void)close(fd);
    buf_free(&out);
}

static void test_no_room(void **state)
{
    (void)state;
    struct err e;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct crypt_writer *w = crypt_writer_new(full, public_key);
    assert_int_equal(crypt_write(w, SPAN("held"), &e), 0);
    assert_int_equal(crypt_writer_end(w, NULL, &e), ERR_IO);
    assert_int_equal(crypt_write(w, SPAN("more"), &e), ERR_IO);
    assert_int_equal(crypt_writer_end(w, NULL, &e), ERR_IO);
    crypt_writer_free(&w);
    (void)close(full);
}

static void test_key_text(void **state)
{
    (void)state;
    char text[CRYPT_TEXT_MAX], typed[2 * CRYPT_TEXT_MAX];
    unsigned char back[CRYPT_KEY_BYTES], again[CRYPT_KEY_BYTES];
    struct err e;
    crypt_text(secret_key, text);
    assert_int_equal(strlen(text), 14 * 5 - 1);
    assert_int_equal(crypt_text_read(span_of(text), back, &e), 0);
    assert_memory_equal(back, secret_key, sizeof back);
    crypt_public(back, again);
    assert_memory_equal(again, public_key, sizeof again);
    size_t n = 0;
    for (const char *c = text; *c != '\0'; c++) { /* as a tired person types it */
        typed[n++] = *c == '-' ? ' ' : (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    }
    assert_int_equal(crypt_text_read(span_make(typed, n), back, &e), 0);
    assert_memory_equal(back, secret_key, sizeof back);
    for (size_t i = 0; text[i] != '\0'; i++) { /* each single mistake is seen */
        char was = text[i];
        if (was != '-') {
            text[i] = was == 'A' ? 'B' : 'A';
            assert_int_equal(crypt_text_read(span_of(text), back, &e), ERR_INVALID);
            text[i] = was;
        }
    }
    static const char *const bad[] = {"", "AAAA", "1111-1111", "ABCD!"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(crypt_text_read(span_of(bad[i]), back, &e), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_watched),    cmocka_unit_test(test_flipped),
                                       cmocka_unit_test(test_cut_and_added), cmocka_unit_test(test_other_key),
                                       cmocka_unit_test(test_no_room),       cmocka_unit_test(test_key_text)};
    if (sodium_init() < 0) {
        return 1;
    }
    crypt_pair(public_key, secret_key);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
