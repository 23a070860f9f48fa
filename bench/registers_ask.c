/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Asks lists of the records of a stopped node, every shape by seed: each kind that has records, no to three filters by any of what lists know of
 * it (a common value, a rare one, one that nothing has, a range), each sort both ways, a page at the begin, in the middle or at the end, for who
 * reads all, half, little, in several organisations, of few labels, or nothing. Tells by shape of the most steps of the engine (which no load of a machine
 * changes) and of CPU time when asked again, and the question that took most.
 * usage: registers_ask DATA HOME [QUESTIONS [SEED]]; HOME as registers_fill has it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "records/records.h"
#include "records/registers/record_row.h"

enum { FIELDS_MAX = 32, VALUES = 4, READERS = 6, WIDTHS = 4, ASKED_MAX = 1 << 16 };

/* What lists know of a kind, and values to ask for. */
struct known {
    struct span field, values[VALUES];
};

struct kind {
    struct span name;
    struct known fields[FIELDS_MAX];
    uint32_t n;
    int64_t records;
};

struct most {
    uint64_t steps;
    double *ms; /* of each question */
    uint64_t n;
    char asked[400];
};

static struct err e;
static uint64_t rng = 1;
static const char *const readers[READERS] = {"all", "half", "one town", "five towns", "open labels", "none"};

static uint32_t below(uint32_t n)
{
    CHECK(n > 0);
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static void must(int rc)
{
    if (rc < 0) {
        (void)fprintf(stderr, "registers_ask: %s\n", e.text);
        exit(1);
    }
}

/* The n-th text of a question of two values. */
static struct span text_at(struct db *db, struct arena *a, const char *sql, struct span kind, struct span field, uint32_t nth)
{
    struct db_stmt *s = NULL;
    struct span out = SPAN("");
    must(db_query(db, sql, &e, &s));
    db_bind_text(s, 1, kind);
    if (field.len > 0) {
        db_bind_text(s, 2, field);
    }
    int rc = db_step(s, &e);
    for (; rc > 0 && nth > 0; nth--) {
        rc = db_step(s, &e);
    }
    must(rc);
    if (rc > 0) {
        out = arena_copy(a, db_col_text(s, 0));
        db_done(s);
    }
    return out;
}

static void learn(struct db *db, struct arena *a, struct kind *k)
{
    struct span field = SPAN("");
    while (k->n < FIELDS_MAX) {
        const char *next = "SELECT field FROM record_key WHERE kind = $1 AND field > $2 ORDER BY field LIMIT 1";
        field = text_at(db, a, next, k->name, k->n == 0 ? SPAN(" ") : field, 0);
        if (field.len == 0) {
            break;
        }
        struct known *f = &k->fields[k->n++];
        const char *by_number = "SELECT value FROM record_key WHERE kind = $1 AND field = $2 GROUP BY value ORDER BY COUNT(*) DESC, value";
        const char *by_value = "SELECT value FROM record_key WHERE kind = $1 AND field = $2 ORDER BY value";
        *f = (struct known){field, {text_at(db, a, by_number, k->name, field, 0), text_at(db, a, by_number, k->name, field, 3),
                                    text_at(db, a, by_value, k->name, field, (uint32_t)k->records / 2), SPAN("nothing has this")}};
    }
}

static uint32_t learn_all(struct db *db, struct arena *a, struct kind *kinds)
{
    uint32_t n = 0;
    struct db_stmt *s = NULL;
    must(db_query(db, "SELECT kind, COUNT(*) FROM record GROUP BY kind ORDER BY kind", &e, &s));
    while (n < REGISTER_KINDS_MAX && db_step(s, &e) > 0) {
        kinds[n++] = (struct kind){.name = arena_copy(a, db_col_text(s, 0)), .records = db_col_i64(s, 1)};
    }
    for (uint32_t i = 0; i < n; i++) {
        learn(db, a, &kinds[i]);
    }
    return n;
}

static struct record_scope scope_of(uint32_t reader, const char *home)
{
    static const struct span towns[] = {SPAN("town 1"), SPAN("town 2"), SPAN("town 3"), SPAN("town 4"), SPAN("town 5")};
    struct record_scope s = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 4, .own_mine = 5, .other = 4, .other_mine = 5};
    if (reader == 4) {
        s.own = s.own_mine = s.other = s.other_mine = 2;
    } else if (reader == 5) { /* his own alone, and there are none */
        s.own = s.other = 0;
    } else if (reader > 0) {
        s.other = s.other_mine = 0;
        s.organisation = reader == 1 ? span_of(home) : towns[0];
    }
    for (uint32_t i = 1; reader == 3 && i < ARRAY_LEN(towns); i++) {
        s.places[s.nplaces++] = (struct record_place){towns[i], 4, 5};
    }
    return s;
}

/* A question as a person's address has it; where: 0 = from the begin, else somewhere behind. */
static void make(struct record_query *q, const struct kind *k, uint32_t width)
{
    q->sort = k->fields[below(k->n)].field;
    q->descending = below(2) != 0;
    q->limit = 50;
    while (q->nfilters < width) {
        const struct known *f = &k->fields[below(k->n)];
        bool range = below(3) == 0;
        q->filters[q->nfilters++] =
            (struct record_filter){.field = f->field, .value = f->values[range ? 2 : below(VALUES)], .how = range ? 1 + (enum record_compare)below(2) : RECORD_EQUAL};
    }
}

static void tell(const struct record_query *q, const char *reader, char *out, size_t size)
{
    int n = snprintf(out, size, "%.*s for %s, by %s%.*s%s", SPAN_ARG(q->kind), reader, q->descending ? "-" : "", SPAN_ARG(q->sort), q->after_id.len > 0 ? ", later page" : "");
    for (uint32_t i = 0; i < q->nfilters && n > 0 && (size_t)n < size; i++) {
        static const char *const how[] = {"=", ".from=", ".to="};
        n += snprintf(out + n, size - (size_t)n, ", %.*s%s%.*s", SPAN_ARG(q->filters[i].field), how[q->filters[i].how], SPAN_ARG(q->filters[i].value));
    }
}

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void ask(struct db *db, struct record_query *q, struct arena *a, struct most *m, const char *reader)
{
    struct record_page page;
    uint64_t steps = 0;
    double ms = 0;
    for (int round = 0; round < 2; round++) { /* as a node answers that has been up for a while */
        steps = db_effort(db);
        ms = cpu_ms();
        must(record_list(db, q, a, &page, &e));
        steps = db_effort(db) - steps;
        ms = cpu_ms() - ms;
    }
    m->ms[m->n++] = ms;
    if (steps > m->steps) {
        m->steps = steps;
        tell(q, reader, m->asked, sizeof m->asked);
    }
}

static void one(struct db *db, const struct kind *k, uint32_t width, uint32_t reader, const char *home, struct most *m)
{
    struct arena a;
    struct record_query q = {.scope = scope_of(reader, home), .kind = k->name};
    arena_init(&a, 1 << 20);
    make(&q, k, width);
    if (below(2) != 0) {
        uint32_t nth = below(2) == 0 ? (uint32_t)k->records / 2 : q.descending ? 20 : (uint32_t)k->records - 20;
        q.after = text_at(db, &a, "SELECT value FROM record_key WHERE kind = $1 AND field = $2 ORDER BY value", k->name, q.sort, nth);
        q.after_id = SPAN("0");
    }
    ask(db, &q, &a, m, readers[reader]);
    arena_fini(&a);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name, uint32_t width, struct most *m)
{
    if (m->n > 0) {
        qsort(m->ms, m->n, sizeof *m->ms, by_size);
        (void)printf("%u filters, %s: %llu asked, CPU ms p50 %.2f, p99 %.2f, most %.2f; most steps %llu: %s\n", width, name, (unsigned long long)m->n, m->ms[m->n / 2],
                     m->ms[m->n * 99 / 100], m->ms[m->n - 1], (unsigned long long)m->steps, m->asked);
    }
}

int main(int argc, char **argv)
{
    static struct kind kinds[REGISTER_KINDS_MAX];
    static struct most most[WIDTHS][READERS];
    struct db *db = NULL;
    struct arena a;
    int64_t questions = 4000;
    int64_t seed = 1;
    if (argc < 3 || argc > 5 || (argc > 3 && !num_i64(span_of(argv[3]), &questions)) || (argc > 4 && !num_i64(span_of(argv[4]), &seed))) {
        (void)fprintf(stderr, "usage: registers_ask DATA HOME [QUESTIONS [SEED]]\n");
        return 2;
    }
    arena_init(&a, 0);
    must(records_open(arena_printf(&a, "%s/records.db", argv[1]), clock_now(), &e, &db));
    uint32_t n = learn_all(db, &a, kinds);
    rng = (uint64_t)seed;
    questions = questions < ASKED_MAX ? questions : ASKED_MAX;
    for (uint32_t i = 0; i < WIDTHS * READERS; i++) {
        most[i / READERS][i % READERS].ms = arena_calloc(&a, (size_t)questions + 1, sizeof(double));
    }
    for (int64_t i = 0; i < questions && n > 0; i++) {
        uint32_t width = below(WIDTHS);
        uint32_t reader = below(READERS);
        one(db, &kinds[below(n)], width, reader, argv[2], &most[width][reader]);
    }
    for (uint32_t w = 0; w < WIDTHS; w++) {
        for (uint32_t r = 0; r < READERS; r++) {
            report(readers[r], w, &most[w][r]);
        }
    }
    db_close(&db);
    arena_fini(&a);
    return 0;
}
