/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tests of imports as a property over every shipped register: 10,000 hostile tables (SERENO_CASES, SERENO_SEED). Each row comes
 * to something that its schema takes, or to faults that name field and reason; what goes out comes in as the same.
 */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "desk/govern/import.h"

#define NOW (INT64_C(1796040000) * TIME_SECOND)
static const char some_id[] = "01890a5d-ac96-774b-bcce-b302099a8057";

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const char *const words[] = {
    "=1+1", "+34", "-1", "@x", "'", "'=", "\"\"", "\"", "\"\"\"", ",", ";", "\t", "\n", "\r\n", "|", "\\", "\\|", "[", "[]", "[1,\"a\"]", "{", "{}", "{\"a\":1}",
    "true", "FALSE", "1", "5", "2,5", "2.5", "1e2", "9999999999999999999", "-0", "null", "2026-11-01", "2026-02-30", "2026-11-01T10:00:00Z", "high", "audit",
    "open", "closed", "RED", "CLEAR", "AMBER+STRICT", "town", "elsewhere", "ES", "a@b.example", "01890a5d-ac96-774b-bcce-b302099a8057", "\xc3\xa9\xe2\x82\xac",
    "\xff", "\x01", "\x7f", "a", "", "https://x.example", "id", "title", "name", "fields", "\xef\xbb\xbf", "sep=;\n", "<script>", "%s%n",
};

static void put_words(struct buf *b, uint32_t most)
{
    for (uint32_t n = below(most) + 1; n > 0; n--) {
        buf_cstr(b, words[below((uint32_t)ARRAY_LEN(words))]);
    }
}

/* A table that begins as one should: names that are there, mostly. */
static void hostile_csv(struct buf *b, const struct register_kind *k)
{
    char separator = ",;\t"[below(3)];
    uint32_t columns = below(k->nfields + 4) + 1;
    static const char *const always[] = {"id", "state", "tlp", "organisation"};
    for (uint32_t c = 0; c < columns; c++) {
        buf_put(b, &separator, c > 0);
        uint32_t pick = below(20);
        if (pick == 0) {
            put_words(b, 2);
        } else if (c < ARRAY_LEN(always) && pick < 14) {
            buf_cstr(b, always[c]);
        } else {
            buf_span(b, k->fields[c % k->nfields].name);
        }
    }
    buf_cstr(b, "\r\n");
    for (uint32_t r = below(5) + 1; r > 0; r--) {
        for (uint32_t c = below(3) == 0 ? below(columns + 2) : columns; c > 0; c--) {
            struct buf cell;
            buf_init(&cell, 1 << 12);
            put_words(&cell, 3);
            if (below(8) == 0) {
                buf_span(b, buf_view(&cell));
            } else {
                csv_put(b, below(3) > 0 ? SPAN("") : buf_view(&cell), separator);
            }
            buf_put(b, &separator, c > 1);
            buf_free(&cell);
        }
        buf_cstr(b, "\n");
    }
}

static void hostile_json(struct buf *b, const struct register_kind *k)
{
    for (uint32_t r = below(4) + 1; r > 0; r--) {
        buf_cstr(b, below(10) == 0 ? "[" : "{\"fields\":{");
        for (uint32_t c = below(k->nfields); c > 0; c--) {
            static const char *const values[] = {"1", "-5", "2.5", "true", "null", "[]", "[\"a\",\"a\"]", "{}", "\"high\"", "\"=1\"", "\"\"", "\"2026-11-01\"", "[[[[1]]]]",
                                                 "\"\\u0000\"", "\"\\ud800\"", "1e999", "{\"kind\":1}", "\"\xff\"", "9007199254740993"};
            buf_printf(b, "\"%.*s\":%s%s", SPAN_ARG(below(15) == 0 ? SPAN("colour") : k->fields[below(k->nfields)].name),
                       values[below((uint32_t)ARRAY_LEN(values))], c > 1 ? "," : "");
        }
        buf_cstr(b, below(12) == 0 ? "}" : "}}");
        buf_cstr(b, "\n");
    }
}

struct fixture {
    struct arena a;
    struct registers *kinds;
    struct policy_reader reader;
    struct import_row *row;
    struct record_put *put;
    struct record_faults faults;
    uint64_t seen[IMPORT_OUTCOMES], refused;
};

static struct fixture f;

static int begin(void **state)
{
    (void)state;
    arena_init(&f.a, 0);
    f.kinds = registers_load(NULL, 0);
    f.reader = (struct policy_reader){.kind = READER_PERSON, .person = SPAN("p1"), .organisation = SPAN("town"), .in_house = true, .whole_node = true,
                                      .roles = POLICY_ROLE_ADMINISTRATOR};
    f.row = mem_alloc(sizeof *f.row);
    f.put = mem_alloc(sizeof *f.put);
    return 0;
}

static int end(void **state)
{
    (void)state;
    registers_free(&f.kinds);
    arena_fini(&f.a);
    mem_free(f.row);
    mem_free(f.put);
    return 0;
}

/* What was decided holds: nothing is stored that the schema or the policy does not take, and a refusal says where and why. */
static void check_row(const struct record_worker *w, struct import_row *r, struct arena *a)
{
    f.seen[r->outcome]++;
    if (r->outcome == IMPORT_FAULTY) {
        assert_true(r->faults.count > 0);
        for (uint32_t i = 0; i < r->faults.count && i < SCHEMA_FAULTS_MAX; i++) {
            const struct schema_fault *fault = &r->faults.list[i];
            assert_true(fault->pointer.len == 0 || fault->pointer.ptr[0] == '/');
            assert_true((unsigned)fault->reason < SCHEMA_REASON_COUNT);
            assert_true(record_import_column(fault).len <= 512);
        }
        return;
    }
    struct jcs *fields = NULL;
    struct schema_result result;
    struct policy_record p;
    assert_int_equal(r->faults.count, 0);
    assert_int_equal(jcs_read_decimals(a, r->put.row.fields, JCS_DEPTH_MAX, &fields, NULL), 0);
    assert_true(jcs_is_canonical(fields, r->put.row.fields));
    schema_check(w->kind->schema, fields, a, &result);
    assert_true(result.valid);
    assert_true(utf8_valid(r->put.row.fields));
    assert_true(r->put.row.fields.len <= REGISTER_DOCUMENT_MAX && r->put.nlinks <= REGISTER_LINKS_MAX);
    struct record_key keys[REGISTER_KEYS_MAX];
    size_t nkeys = register_keys(a, w->kind, fields, r->put.row.organisation, r->put.row.state, r->put.row.tlp, r->put.row.created, r->put.row.changed, keys);
    assert_int_equal(nkeys, r->put.nkeys); /* also where it went into another state: the day on which something is due follows it */
    for (size_t i = 0; i < nkeys; i++) {
        assert_true(span_eq(keys[i].field, r->put.keys[i].field) && span_eq(keys[i].value, r->put.keys[i].value));
    }
    assert_true(register_state_of(w->kind, r->put.row.state) >= 0);
    assert_true(tlp_rank(r->put.row.tlp) <= tlp_rank(w->kind->tlp_max));
    record_for_policy(&r->put.row, &p);
    assert_true(policy_record_allows(w->reader, &w->kind->rights, &p, RECORD_READ, NOW));
}

/* A new record goes out as both forms and comes in as the same. */
static void check_round_trip(const struct record_worker *w, const struct record_row *row, struct arena *a)
{
    for (int format = SHEET_CSV; format <= SHEET_JSON; format++) {
        for (size_t s = 0; s < 2; s++) {
            struct buf out;
            struct sheet sheet;
            struct import_row *r = arena_alloc(a, sizeof *r);
            uint32_t rows = 0;
            struct err e = {0};
            buf_init(&out, 1 << 20);
            sheet_begin(&out, w, (enum sheet_format)format, ",;"[s]);
            if (sheet_put(&out, w, row, a, (enum sheet_format)format, ",;"[s])) {
                assert_int_equal(sheet_open(&sheet, w->kind, 0, (enum sheet_format)format, buf_view(&out), a, &rows, &e), 0);
                assert_int_equal(rows, 1);
                assert_true(sheet_next(&sheet, a, &r->row, &r->faults));
                record_import_key(w, SPAN("town"), a, r);
                record_import(w, IMPORT_FOUND_ONE, row, SPAN(""), SPAN(""), a, r);
                if (r->outcome != IMPORT_SAME) {
                    fail_msg("%.*s", SPAN_ARG(buf_view(&out)));
                }
            }
            buf_free(&out);
        }
    }
}

static void one_table(const struct record_worker *w, enum sheet_format format, struct span text, struct arena *a)
{
    struct sheet sheet;
    struct err e = {0};
    uint32_t rows = 0, n = 0;
    if (sheet_open(&sheet, w->kind, 0, format, text, a, &rows, &e) != 0) {
        assert_true(e.text[0] != '\0');
        f.refused++;
        return;
    }
    while (sheet_next(&sheet, a, &f.row->row, &f.row->faults)) {
        struct record_row current = {.id = span_of(some_id), .kind = w->kind->name, .organisation = SPAN("town"), .author = SPAN("p1"), .author_name = SPAN("Anna"),
                                     .state = w->kind->states[w->kind->initial].id, .fields = SPAN("{}"), .tlp = w->kind->tlp_default, .version = 3};
        f.row->was = f.row->becomes = NULL;
        record_import_key(w, SPAN("town"), a, f.row);
        enum import_found found = (enum import_found)below(IMPORT_FOUND_KINDS);
        record_import(w, found, &current, span_of(some_id), below(2) == 0 ? SPAN("") : SPAN("so it was said"), a, f.row);
        check_row(w, f.row, a);
        if (f.row->outcome == IMPORT_NEW) {
            check_round_trip(w, &f.row->put.row, a);
        }
        n++;
    }
    assert_int_equal(n, rows);
}

static void hostile(void **state)
{
    (void)state;
    const char *cases = getenv("SERENO_CASES"), *seed = getenv("SERENO_SEED");
    uint64_t total = cases == NULL ? 10000 : strtoull(cases, NULL, 10);
    size_t nkinds = 0;
    const struct register_kind *kinds = registers_kinds(f.kinds, &nkinds);
    struct buf text;
    buf_init(&text, 1 << 20);
    rng = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    for (uint64_t i = 0; i < total; i++) {
        const struct record_worker w = {&kinds[below((uint32_t)nkinds)], &f.reader, SPAN("Anna"), NOW, f.kinds, NULL, NULL};
        enum sheet_format format = below(3) == 0 ? SHEET_JSON : SHEET_CSV;
        buf_clear(&text);
        (format == SHEET_CSV ? hostile_csv : hostile_json)(&text, w.kind);
        one_table(&w, format, buf_view(&text), &f.a);
        arena_reset(&f.a);
    }
    buf_free(&text);
    for (size_t i = 0; i < IMPORT_OUTCOMES; i++) { /* the generator reaches all there is */
        assert_true(total < 10000 || i == IMPORT_SAME || f.seen[i] > 0);
    }
    assert_true(f.refused > 0);
    (void)printf("%llu tables: %llu refused, rows: %llu new, %llu changed, %llu the same, %llu faulty\n", (unsigned long long)total,
                 (unsigned long long)f.refused, (unsigned long long)f.seen[IMPORT_NEW], (unsigned long long)f.seen[IMPORT_CHANGED],
                 (unsigned long long)f.seen[IMPORT_SAME], (unsigned long long)f.seen[IMPORT_FAULTY]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
