/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of names in a bucket's page: good, cut at each byte, hostile. */
#include "wire/s3_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"

static const struct {
    const char *page, *names; /* joined by blanks */
    bool more;
} cases[] = {
    {"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><IsTruncated>false</IsTruncated>"
     "<Contents><Key>p/sereno-2026-11-26.copy</Key><Size>7</Size></Contents><Contents><Key>x</Key></Contents></ListBucketResult>",
     "p/sereno-2026-11-26.copy x", false},
    {"<IsTruncated>true</IsTruncated><Contents>\n <Key>a&amp;b</Key>\n</Contents>", "a&amp;b", true},
    {"<IsTruncated>TRUE</IsTruncated>", "", false},
    {"<IsTruncated>true<x></IsTruncated>", "", false},
    {"<Key></Key><Key>a</Key>", "a", false},
    {"<Key>a<Key>b</Key>", "b", false},
    {"<Key>a</Kex><Key>b</Key>", "b", false},
    {"<Key>a", "", false},
    {"<Key>", "", false},
    {"", "", false},
    {"<key>a</key><Key >b</Key>", "", false},
};

/* At the end of memory of its own, so that a byte read too far is seen. */
static void read_names(const char *page, size_t len, char *out, size_t size)
{
    char *exact = mem_alloc(len + 1);
    memcpy(exact + 1, page, len);
    struct span rest = span_make(exact + 1, len), key;
    size_t n = 0;
    out[0] = '\0';
    while (s3_list_next(&rest, &key)) {
        n += (size_t)snprintf(out + n, size - n, "%s%.*s", n > 0 ? " " : "", SPAN_ARG(key));
        assert_true(n < size);
    }
    (void)s3_list_more(span_make(exact + 1, len));
    mem_free(exact);
}

static void pages(void **state)
{
    (void)state;
    char got[4096];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_names(cases[i].page, strlen(cases[i].page), got, sizeof got);
        assert_string_equal(got, cases[i].names);
        assert_int_equal(s3_list_more(span_of(cases[i].page)), cases[i].more);
        for (size_t cut = 0; cut < strlen(cases[i].page); cut++) {
            read_names(cases[i].page, cut, got, sizeof got);
            assert_memory_equal(got, cases[i].names, strlen(got)); /* what is read of a part is read of the whole */
        }
    }
}

static void long_names(void **state)
{
    (void)state;
    enum { LONG = S3_NAME_MAX + 1 };
    char page[LONG + 32], got[LONG + 32];
    for (size_t n = S3_NAME_MAX; n <= LONG; n++) {
        (void)snprintf(page, sizeof page, "<Key>%0*d</Key>", (int)n, 0);
        read_names(page, strlen(page), got, sizeof got);
        assert_int_equal(strlen(got), n <= S3_NAME_MAX ? n : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(long_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
