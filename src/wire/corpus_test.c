/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lines and Zeek logs of the shared corpus: as many events as its manifest says, every data line as
 * wide as its header, every value written back gives the line again. Skipped, saying so, where the
 * corpus is not there. usage: corpus_test FOLDER   (holds manifest.json)
 */
#include <stdio.h>

#include "wire/lines.h"
#include "wire/test_corpus.h"
#include "wire/zeek.h"

struct count {
    size_t files;
    uint64_t events;
    uint64_t values;
    unsigned wrong;
};

static void complain(struct count *c, struct span path, const char *what, struct span line)
{
    c->wrong++;
    (void)printf("%.*s: %s: %.*s\n", SPAN_ARG(path), what, SPAN_ARG(span_sub(line, 0, 200)));
}

/* Cuts a data line and puts it together again. */
static void check_zeek_line(struct count *c, const struct zeek *z, struct span path,
                            struct span line, struct buf *again)
{
    struct zeek_cursor cursor = zeek_begin(line);
    struct zeek_value v;
    buf_clear(again);
    while (zeek_next(z, &cursor, &v)) {
        buf_cstr(again, v.column == 0 ? "" : "\t");
        buf_span(again, v.kind == ZEEK_UNSET   ? SPAN("-")
                        : v.kind == ZEEK_EMPTY ? SPAN("(empty)")
                                               : v.text);
        c->values++;
    }
    if (!zeek_fits(z, line) || !span_eq(buf_view(again), line)) {
        complain(c, path, "a line that does not fit its header", line);
    }
}

static void check_file(struct count *c, const struct data_set *set, struct span bytes)
{
    struct zeek *z = span_eq(set->format, SPAN("zeek")) ? zeek_new() : NULL;
    struct lines s;
    struct span line;
    struct buf again;
    struct err e;
    uint64_t events = 0;
    size_t used;
    bool cut;
    lines_init(&s, 0);
    buf_init(&again, LINES_MAX_BYTES);
    while (lines_next(&s, bytes, true, &used, &line, &cut) == LINES_LINE) {
        bytes = span_sub(bytes, used, bytes.len);
        if (cut) {
            complain(c, set->path, "a line over the limit", line);
        }
        if (z != NULL && zeek_is_header(line)) {
            if (zeek_header(z, line, &e) != 0) {
                complain(c, set->path, e.text, line);
            }
            continue;
        }
        if (span_trim(line).len == 0) {
            continue;
        }
        events++;
        if (z != NULL) {
            check_zeek_line(c, z, set->path, line, &again);
        }
    }
    if (events != set->events) {
        complain(c, set->path, "not as many events as the manifest says", SPAN(""));
    }
    c->events += events;
    c->files++;
    buf_free(&again);
    zeek_free(&z);
}

static bool has_lines(struct span format)
{
    return span_eq(format, SPAN("zeek")) || span_eq(format, SPAN("text")) ||
           span_eq(format, SPAN("web")) || span_eq(format, SPAN("auditd"));
}

int main(int argc, char **argv)
{
    struct corpus corpus;
    struct count c = {0};
    struct buf bytes;
    if (argc != 2) {
        return 2;
    }
    int rc = corpus_open(&corpus, argv[1]);
    buf_init(&bytes, CORPUS_FILE_MAX);
    for (size_t i = 0; rc == 0 && i < corpus.sets.len; i++) {
        const struct data_set *set = &corpus.sets.data[i];
        if (!has_lines(set->format)) {
            continue;
        }
        if (corpus_load(&corpus, set, &bytes) != 0) {
            complain(&c, set->path, "cannot be read", SPAN(""));
            continue;
        }
        check_file(&c, set, buf_view(&bytes));
    }
    if (rc == 0) {
        (void)printf("%zu files, %llu events, %llu Zeek values, %u wrong\n", c.files,
                     (unsigned long long)c.events, (unsigned long long)c.values, c.wrong);
        rc = c.wrong != 0 || c.files == 0;
    }
    buf_free(&bytes);
    corpus_close(&corpus);
    return rc;
}
