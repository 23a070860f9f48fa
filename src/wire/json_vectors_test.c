/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The files of tests/vectors/json: y_ is read without a tag, n_ is refused, i_ as the table of
 * their README.md decides. Every file needs a decision, every decision a file. usage:
 * json_vectors_test FOLDER
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/json_index.h"
#include "wire/json_read.h"

enum { FILE_MAX = 1 << 20, LEAST_FILES = 100 };

static const struct {
    const char *word;
    uint32_t tag;
} words[] = {
    {"bom", TAG_BOM},
    {"bad_utf8", TAG_BAD_UTF8},
    {"lone_surrogate", TAG_LONE_SURROGATE},
    {"bad_escape", TAG_BAD_ESCAPE},
    {"control_char", TAG_CONTROL_CHAR},
    {"huge_number", TAG_HUGE_NUMBER},
    {"too_deep", TAG_TOO_DEEP},
};

static int load(const char *folder, const char *name, struct buf *out)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    buf_clear(out);
    ssize_t n;
    do {
        n = read(fd, buf_room(out, 65536), 65536);
        buf_added(out, n > 0 ? (size_t)n : 0);
    } while (n > 0);
    (void)close(fd);
    return n == 0 ? 0 : -1;
}

/* The second cell of the row of `name`, or an empty span. */
static struct span decision(struct span readme, struct span name)
{
    while (readme.len > 0) {
        ptrdiff_t nl = span_find(readme, '\n');
        struct span row = span_sub(readme, 0, nl < 0 ? readme.len : (size_t)nl);
        readme = span_sub(readme, row.len + 1, readme.len);
        if (!span_starts(row, SPAN("| "))) {
            continue;
        }
        row = span_sub(row, 2, row.len);
        if (span_starts(row, name) && span_starts(span_sub(row, name.len, row.len), SPAN(" | "))) {
            row = span_sub(row, name.len + 3, row.len);
            ptrdiff_t end = span_find(row, '|');
            return span_trim(span_sub(row, 0, end < 0 ? 0 : (size_t)end));
        }
    }
    return SPAN("");
}

/* What must come out: accepted or not, and the tags. False when the decision cannot be understood.
 */
static bool expected(struct span readme, struct span name, bool *accept, uint32_t *tags)
{
    *tags = 0;
    *accept = name.ptr[0] == 'y';
    if (name.ptr[0] != 'i') {
        return true;
    }
    struct span text = decision(readme, name);
    *accept = span_starts(text, SPAN("kept"));
    if (!*accept && !span_starts(text, SPAN("refused"))) {
        return false;
    }
    ptrdiff_t colon = span_find(text, ':');
    if (colon < 0) {
        return true;
    }
    text = span_trim(span_sub(text, (size_t)colon + 1, text.len));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        *tags |= span_eq(text, span_of(words[i].word)) ? words[i].tag : 0;
    }
    return *tags != 0;
}

static int check(struct span readme, struct span name, struct span bytes)
{
    struct leaves l;
    struct err e = {0};
    bool accept;
    uint32_t tags;
    if (!expected(readme, name, &accept, &tags)) {
        (void)printf("%.*s: README.md decides nothing\n", SPAN_ARG(name));
        return 1;
    }
    char *exact = mem_alloc(bytes.len);
    memcpy(exact, bytes.ptr, bytes.len);
    leaves_init(&l, 0);
    int rc = json_read(&l, NULL, KEY_ROOT, span_make(exact, bytes.len), &e);
    /* What a refused file was tagged with on the way is no promise, except where the table says so.
     */
    bool right = (rc == 0) == accept && (accept ? l.tags == tags : (l.tags & tags) == tags);
    right = right && (rc == 0 || (e.has_offset && e.offset <= bytes.len));
    if (!right) {
        (void)printf("%.*s: %s tags %x, not %s tags %x; %s\n", SPAN_ARG(name),
                     rc == 0 ? "kept" : "refused", l.tags, accept ? "kept" : "refused", tags,
                     e.text);
    }
    leaves_fini(&l);
    mem_free(exact);
    return right ? 0 : 1;
}

static int check_folder(const char *folder, struct span readme, unsigned *count)
{
    struct buf bytes;
    int bad = 0;
    DIR *d = opendir(folder);
    if (d == NULL) {
        perror(folder);
        return 1;
    }
    buf_init(&bytes, FILE_MAX);
    for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
        struct span name = span_of(f->d_name);
        if (!span_ends(name, SPAN(".json"))) {
            continue;
        }
        if (load(folder, f->d_name, &bytes) != 0) {
            (void)printf("%s cannot be read\n", f->d_name);
            bad++;
            continue;
        }
        bad += check(readme, span_sub(name, 0, name.len - 5), buf_view(&bytes));
        ++*count;
    }
    (void)closedir(d);
    buf_free(&bytes);
    return bad;
}

/* Rows of the table without a file would be promises nobody checks. */
static unsigned rows(struct span readme)
{
    unsigned n = 0;
    for (size_t i = 0; i + 4 < readme.len; i++) {
        n += memcmp(readme.ptr + i, "\n| i_", 5) == 0;
    }
    return n;
}

static unsigned files_of_kind(const char *folder, char kind)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *f = d == NULL ? NULL : readdir(d); f != NULL; f = readdir(d)) {
        n += f->d_name[0] == kind && f->d_name[1] == '_';
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct buf readme;
    unsigned count = 0;
    if (argc != 2) {
        return 2;
    }
    buf_init(&readme, FILE_MAX);
    if (load(argv[1], "README.md", &readme) != 0) {
        (void)printf("no README.md in %s\n", argv[1]);
        return 1;
    }
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    int bad = 0;
    for (uint32_t k = 0; k < n; k++) {
        json_kernel_use(&kernels[k]);
        count = 0;
        bad += check_folder(argv[1], buf_view(&readme), &count);
    }
    if (rows(buf_view(&readme)) != files_of_kind(argv[1], 'i')) {
        (void)printf("the table and the i_ files do not match\n");
        bad++;
    }
    (void)printf("%u files, %u kernels, %d wrong\n", count, n, bad);
    buf_free(&readme);
    return bad != 0 || count < LEAST_FILES;
}
