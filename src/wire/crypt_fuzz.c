/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as an encrypted file; and any content written, changed at one place, read again. */
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "wire/crypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char secret[CRYPT_KEY_BYTES] = {1, 2, 3};

static int read_all(int fd, uint64_t *len_out)
{
    struct crypt_reader *r = NULL;
    struct span s;
    struct err e;
    int rc = crypt_reader_new(fd, secret, &r, &e);
    *len_out = 0;
    do {
        rc = rc == 0 ? crypt_read(r, &s, &e) : rc;
        CHECK(rc == 0 || e.code == rc);
        *len_out += rc == 0 ? s.len : 0;
    } while (rc == 0 && s.len > 0);
    crypt_reader_free(&r);
    return rc;
}

static void written(const uint8_t *data, size_t size, size_t place)
{
    struct crypt_report report;
    struct err e;
    unsigned char to[CRYPT_KEY_BYTES], byte;
    uint64_t len = 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    crypt_public(secret, to);
    struct crypt_writer *w = crypt_writer_new(fd, to);
    CHECK(crypt_write(w, span_make((const char *)data, size), &e) == 0);
    CHECK(crypt_writer_end(w, secret, &e) == 0);
    off_t at = (off_t)(place % crypt_written(w));
    crypt_writer_free(&w);
    CHECK(crypt_check(fd, &report, &e) == 0 && report.is_signed);
    CHECK(read_all(fd, &len) == 0 && len == size);
    CHECK(pread(fd, &byte, 1, at) == 1);
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    CHECK(crypt_check(fd, &report, &e) != 0);
    CHECK((uint64_t)at + CRYPT_TRAILER_BYTES >= report.bytes || read_all(fd, &len) != 0);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crypt_report report;
    struct err e;
    uint64_t len = 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(sodium_init() >= 0 && fd >= 0);
    CHECK(write(fd, data, size) == (ssize_t)size);
    int rc = crypt_check(fd, &report, &e);
    CHECK(rc == 0 || e.code == rc);
    if (size >= CRYPT_HEADER_BYTES + CRYPT_TRAILER_BYTES) {
        struct crypt_report ends;
        int said = crypt_check_ends(size, data, data + size - CRYPT_TRAILER_BYTES, &ends, &e);
        CHECK(rc != 0 || (said == 0 && ends.bytes == report.bytes && ends.is_signed == report.is_signed && memcmp(ends.hash, report.hash, sizeof ends.hash) == 0));
    }
    (void)read_all(fd, &len);
    (void)close(fd);
    if (size > 2) {
        written(data + 2, size - 2, (size_t)data[0] << 8 | data[1]);
    }
    return 0;
}
