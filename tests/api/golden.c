/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/api/golden.h"

#include <stdio.h>

enum { GOLDEN_MAX = 256 << 10 /* bytes of the text */ };

/* First line in which the two differ, from 1; 0 = none. */
static unsigned difference(struct span a, struct span b)
{
    unsigned line = 1;
    size_t i = 0;
    for (; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++) {
        line += a.ptr[i] == '\n';
    }
    return i == a.len && i == b.len ? 0 : line;
}

static struct span read_file(const char *path)
{
    static char text[GOLDEN_MAX];
    FILE *f = fopen(path, "re");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof text, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    return span_make(text, n);
}

int golden_main(int argc, char **argv, void (*print)(struct buf *b), const char *what)
{
    struct buf b;
    unsigned at = 0;
    buf_init(&b, GOLDEN_MAX);
    print(&b);
    CHECK(!b.failed);
    if (argc < 2) {
        (void)fwrite(b.data, 1, b.len, stdout);
    } else {
        at = difference(buf_view(&b), read_file(argv[1]));
    }
    if (at > 0) {
        (void)fprintf(stderr, "%s:%u: %s is another than there. Look whether that is meant, then run\n%s > %s\n", argv[1], at, what, argv[0], argv[1]);
    }
    buf_free(&b);
    return at > 0;
}
