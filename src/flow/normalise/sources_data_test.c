/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The shipped source files against events of our own: tests/data/sources/NAME/ holds events and
 * what must become of them (see the README there). Every source file must have such a folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/vec.h"
#include "flow/normalise/norm_kit.h"

enum { LINES_MAX = 400 };

struct want {
    struct span words[LINES_MAX]; /* lines of `expected` */
    uint32_t n;
};

static struct span take_line(struct span *rest)
{
    ptrdiff_t nl = span_find(*rest, '\n');
    struct span line = nl < 0 ? *rest : span_sub(*rest, 0, (size_t)nl);
    *rest = span_sub(*rest, nl < 0 ? rest->len : (size_t)nl + 1, rest->len);
    return line;
}

static struct span take_word(struct span *rest)
{
    ptrdiff_t blank = span_find(*rest, ' ');
    struct span word = blank < 0 ? *rest : span_sub(*rest, 0, (size_t)blank);
    *rest = span_sub(*rest, blank < 0 ? rest->len : (size_t)blank + 1, rest->len);
    return word;
}

static void read_expected(struct arena *a, const char *folder, struct want *w)
{
    struct span text = norm_kit_file(a, arena_printf(a, "%s/expected", folder));
    w->n = 0;
    while (text.len > 0) {
        struct span line = take_line(&text);
        if (line.len > 0 && line.ptr[0] != '#') {
            assert_true(w->n < LINES_MAX);
            w->words[w->n++] = line;
        }
    }
}

/* Fields that `expected` names stand for those of rules. */
static void compile_for(struct norm_kit *k, struct arena *a, const struct want *w)
{
    struct span *fields = arena_calloc(a, LINES_MAX, sizeof *fields);
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        struct span rest = w->words[i];
        struct span word = take_word(&rest);
        if (span_eq(word, SPAN("field")) || span_eq(word, SPAN("absent"))) {
            fields[n++] = take_word(&rest);
        }
    }
    norm_kit_load(k, SOURCES_DIR);
    norm_kit_compile(k, fields, n, NULL, 0);
}

static int complain(const char *folder, struct span line, const char *got)
{
    print_error("%s: %.*s\n  got: %s\n", folder, SPAN_ARG(line), got == NULL ? "(absent)" : got);
    return 1;
}

static struct span word_or_none(struct span *rest)
{
    struct span w = take_word(rest);
    return span_eq(w, SPAN("-")) ? SPAN("") : w;
}

static int check_source(struct norm_kit *k, struct arena *a, const char *folder, struct span line,
                        struct span rest)
{
    const char *product = arena_cstr(a, word_or_none(&rest));
    const char *category = arena_cstr(a, word_or_none(&rest));
    const char *service = arena_cstr(a, word_or_none(&rest));
    return norm_kit_has(k, product, category, service) ? 0
                                                       : complain(folder, line, norm_kit_class(k));
}

static int check_entity(struct norm_kit *k, struct arena *a, const char *folder, struct span line,
                        struct span rest)
{
    static const char *const names[ENTITY_COUNT] = {"host", "user",   "src_ip", "dst_ip",
                                                    "hash", "domain", "process"};
    struct span name = take_word(&rest);
    for (int i = 0; i < ENTITY_COUNT; i++) {
        if (span_eq(name, span_of(names[i]))) {
            struct span got = event_entity(&k->event, (enum entity)i);
            return span_eq(got, rest) ? 0 : complain(folder, line, arena_cstr(a, got));
        }
    }
    return complain(folder, line, "no such entity");
}

static int check_line(struct norm_kit *k, struct arena *a, const char *folder, struct span line)
{
    struct span rest = line;
    struct span word = take_word(&rest);
    if (span_eq(word, SPAN("source"))) {
        return check_source(k, a, folder, line, rest);
    }
    if (span_eq(word, SPAN("entity"))) {
        return check_entity(k, a, folder, line, rest);
    }
    if (span_eq(word, SPAN("also"))) {
        return norm_kit_use(k, arena_cstr(a, rest)) ? 0 : complain(folder, line, norm_kit_class(k));
    }
    const char *got = norm_kit_value(k, arena_cstr(a, take_word(&rest)));
    if (span_eq(word, SPAN("absent"))) {
        return got == NULL ? 0 : complain(folder, line, got);
    }
    if (!span_eq(word, SPAN("field"))) {
        return complain(folder, line, "no such check");
    }
    return got != NULL && span_eq(span_of(got), rest) ? 0 : complain(folder, line, got);
}

/* "event CLASS TIME" */
static int check_event(struct norm_kit *k, const char *folder, struct span line)
{
    char time[TIME_TEXT_MAX];
    struct span rest = line;
    (void)take_word(&rest);
    struct span cls = take_word(&rest);
    (void)time_format(k->event.time, time);
    bool none = (k->event.tags & (TAG_NO_TIME | TAG_FUTURE_TIME)) != 0;
    if (!span_eq(cls, span_of(norm_kit_class(k)))) {
        return complain(folder, line, norm_kit_class(k));
    }
    return span_eq(rest, none ? SPAN("-") : span_of(time)) ? 0 : complain(folder, line, time);
}

static bool next_event(struct norm_kit *k, struct span *records)
{
    while (records->len > 0) {
        struct span line = take_line(records);
        struct err e = {0};
        if (line.len > 0 && norm_kit_feed(k, line, &e) != NORMALISE_HEADER) {
            return true;
        }
    }
    return false;
}

static int run_folder(const char *folder)
{
    struct arena a;
    struct norm_kit k;
    struct want w;
    int bad = 0;
    uint32_t fields = 0;
    arena_init(&a, 0);
    read_expected(&a, folder, &w);
    struct span records = norm_kit_file(&a, arena_printf(&a, "%s/events", folder));
    if (w.n == 0 || records.len == 0) {
        print_error("%s: no events or no expected\n", folder);
        return 1;
    }
    compile_for(&k, &a, &w);
    k.stream.format = normalise_guess_format(records);
    assert_true(time_parse(SPAN("2026-11-22T12:00:00Z"), 0, &k.stream.received));
    for (uint32_t i = 0; i < w.n; i++) {
        if (span_starts(w.words[i], SPAN("event "))) {
            bad += next_event(&k, &records) ? check_event(&k, folder, w.words[i])
                                            : complain(folder, w.words[i], "no more events");
        } else {
            bad += check_line(&k, &a, folder, w.words[i]);
            fields++;
        }
    }
    if (next_event(&k, &records)) {
        bad += complain(folder, SPAN("end"), "more events");
    }
    bad += fields > 0 ? 0 : complain(folder, SPAN("no checks"), "");
    norm_kit_free(&k);
    arena_fini(&a);
    return bad;
}

static void test_all(void **state)
{
    (void)state;
    struct norm_kit k;
    struct arena names;
    VEC(const char *) folders = {0};
    int bad = 0;
    arena_init(&names, 0);
    norm_kit_load(&k, SOURCES_DIR);
    for (uint32_t i = 0; i < sources_count(k.sources); i++) {
        struct span name = sources_name(k.sources, i);
        vec_push(&folders, arena_printf(&names, "%s/%.*s", SOURCES_DATA, SPAN_ARG(name)));
    }
    norm_kit_free(&k);
    assert_true(folders.len > 20);
    for (size_t i = 0; i < folders.len; i++) {
        bad += run_folder(folders.data[i]);
    }
    vec_free(&folders);
    arena_fini(&names);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
