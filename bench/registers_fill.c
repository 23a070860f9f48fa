/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fills the records of a stopped node by seed, for bench/registers.py: organisations, people, and records of other kinds that
 * name one another, made and stored by the functions that make and store those of a person (desk/govern, records/registers).
 * usage: registers_fill DATA SEED HOME RECORDS ORGANISATIONS PEOPLE
 * HOME: the organisation of which half of the records are; the other half is spread over all organisations.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/num.h"
#include "desk/govern/record.h"
#include "records/records.h"
#include "records/registers/record_store.h"

enum { BATCH = 2000, IDS_MAX = 300000 };

/* A made-up value: %s by words, %u by a number below `below`, or a day. */
struct part {
    const char *kind;
    const char *text;
    uint32_t share; /* of a hundred of all records that are neither organisation nor person */
};

static const struct part parts[] = {
    {"unit", "{\"name\":\"Unit %u\",\"type\":\"%s\"}", 3},
    {"supplier", "{\"name\":\"Supplier %u\",\"country\":\"ES\",\"control\":\"%s\",\"tier\":%u}", 5},
    {"system", "{\"name\":\"System %u\",\"domain\":\"%s\",\"zone\":\"zone %u\",\"availability\":\"%s\",\"suppliers\":[\"%l\"]}", 22},
    {"service", "{\"name\":\"Service %u\",\"priority\":%u,\"mode\":\"%s\",\"systems\":[\"%l\"]}", 10},
    {"finding",
     "{\"title\":\"Finding %u\",\"text\":\"What was seen there, where, and what it means to those who depend on it.\",\"origin\":\"%s\","
     "\"severity\":\"%s\",\"found\":\"%d\",\"due\":\"%d\",\"owner\":\"Person %u\",\"domain\":\"%s\",\"services\":[\"%l\"]}",
     45},
    {"risk", "{\"title\":\"Risk %u\",\"scenario\":\"What may happen to it.\",\"likelihood\":%u,\"impact\":%u,\"threat\":\"%s\"}", 15},
};

/* Words of the n-th %s of a kind. */
static const struct {
    const char *kind;
    const char *words[4][6];
} words[] = {
    {"organisation", {{"city", "department", "enterprise", "association"}, {"essential", "important", "neither", "unknown"}}},
    {"person", {{"own", "external"}}},
    {"unit", {{"area", "department", "office"}}},
    {"supplier", {{"EU", "EEA", "other", "unknown"}}},
    {"system", {{"IT", "OT", "IoT"}, {"low", "medium", "high"}}},
    {"service", {{"subscribe", "operate", "manage"}}},
    {"risk", {{"attack", "error", "failure", "disaster"}}},
    {"finding", {{"audit", "drift", "exercise", "incident"}, {"low", "medium", "high", "critical"}, {"IT", "OT", "IoT"}}},
};

struct fill {
    struct db *db;
    struct registers *kinds;
    struct policy_reader reader;
    struct arena arena;
    uint64_t rng;
    const char *home;
    uint32_t organisations, made;
    char (*ids)[ID_TEXT_LEN + 1]; /* of the kind made before this one */
    uint32_t nids;
    char (*next)[ID_TEXT_LEN + 1];
    uint32_t nnext;
    time_ns now;
};

static uint32_t below(struct fill *f, uint32_t n)
{
    uint64_t z = (f->rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const char *word_of(struct fill *f, const char *kind, uint32_t nth)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].kind, kind) == 0) {
            uint32_t n = 0;
            while (n < 6 && words[i].words[nth][n] != NULL) {
                n++;
            }
            CHECK(n > 0);
            return words[i].words[nth][below(f, n)];
        }
    }
    UNREACHABLE();
}

/* The text of a part with its places filled: the first %u is the record's number, later ones are small numbers. */
static const char *fields_of(struct fill *f, const char *kind, const char *text, uint32_t number)
{
    struct buf b;
    uint32_t nth = 0, numbers = 0;
    buf_init(&b, 4096);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '%') {
            buf_u8(&b, (uint8_t)*c);
            continue;
        }
        switch (*++c) {
        case 's':
            buf_cstr(&b, word_of(f, kind, nth++));
            break;
        case 'l':
            buf_cstr(&b, f->ids[below(f, f->nids)]);
            break;
        case 'd':
            buf_printf(&b, "20%02u-%02u-%02u", 25 + below(f, 3), 1 + below(f, 12), 1 + below(f, 28));
            break;
        default:
            buf_printf(&b, "%u", numbers++ == 0 ? number : 1 + below(f, 4));
        }
    }
    buf_u8(&b, 0);
    CHECK(!b.failed);
    const char *out = arena_cstr(&f->arena, span_of(b.data));
    buf_free(&b);
    return out;
}

/* A third of all have gone on from their first state, which a list shall find. */
static void move_on(struct fill *f, const struct register_kind *k, struct record_put *p)
{
    p->row.state = k->states[below(f, 3) == 0 ? below(f, k->nstates) : k->initial].id;
    for (uint32_t i = 0; i < p->nkeys; i++) {
        p->keys[i].value = span_eq(p->keys[i].field, REGISTER_KEY_STATE) ? p->row.state : p->keys[i].value;
    }
}

static int store(struct fill *f, const char *kind, const char *text, uint32_t number, struct err *e)
{
    const struct register_kind *k = registers_by_name(f->kinds, span_of(kind));
    struct record_worker w = {.kind = k, .reader = &f->reader, .name = SPAN("Fill"), .now = f->now, .kinds = f->kinds};
    struct record_faults faults;
    struct record_astray astray = {0};
    struct record_input in = {0};
    struct jcs *fields = NULL;
    struct record_put *p = arena_alloc(&f->arena, sizeof *p);
    CHECK(k != NULL);
    f->now += TIME_SECOND;
    int rc = jcs_read_decimals(&f->arena, span_of(fields_of(f, kind, text, number)), JCS_DEPTH_MAX, &fields, e);
    in.fields = fields;
    id_new(f->now, f->next[f->nnext]);
    const char *place = strcmp(kind, "person") == 0 || below(f, 2) == 0 ? f->home : arena_printf(&f->arena, "town %u", below(f, f->organisations));
    rc = rc == 0 ? record_make(&w, span_of(f->next[f->nnext]), span_of(place), &in, &f->arena, p, &faults) : rc;
    if (rc == 0 && faults.count > 0) {
        return err_set(e, ERR_INVALID, "%s %u: %.*s", kind, number, SPAN_ARG(faults.list[0].pointer));
    }
    if (rc == 0) {
        move_on(f, k, p);
        rc = record_put_all(f->db, p, &astray, &f->arena, e);
        f->nnext++;
        f->made++;
    }
    return rc;
}

static int fill_kind(struct fill *f, const char *kind, const char *text, uint32_t count, struct err *e)
{
    int rc = 0;
    f->nnext = 0;
    for (uint32_t i = 0; i < count && rc == 0; i += BATCH) {
        rc = db_begin(f->db, e);
        if (rc == 0) {
            for (uint32_t n = i; n < count && n < i + BATCH && rc == 0; n++) {
                rc = store(f, kind, text, n, e);
                arena_reset(&f->arena);
            }
            rc = db_end(f->db, rc, e);
        }
    }
    char (*ids)[ID_TEXT_LEN + 1] = f->ids;
    f->ids = f->next;
    f->nids = f->nnext;
    f->next = ids;
    return rc;
}

static int fill_all(struct fill *f, uint32_t records, uint32_t people, struct err *e)
{
    int rc = fill_kind(f, "organisation", "{\"name\":\"town %u\",\"type\":\"%s\",\"nis2_class\":\"%s\",\"country\":\"ES\"}", f->organisations, e);
    rc = rc == 0 ? fill_kind(f, "person", "{\"name\":\"Person %u\",\"mail\":\"p%u@town.example\",\"contract\":\"%s\"}", people, e) : rc;
    uint32_t rest = records - f->organisations - people;
    for (size_t i = 0; i < ARRAY_LEN(parts) && rc == 0; i++) {
        rc = fill_kind(f, parts[i].kind, parts[i].text, rest / 100 * parts[i].share, e);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int64_t n[4] = {0};
    static struct fill f;
    const int numbers[] = {2, 4, 5, 6};
    for (size_t i = 0; argc == 7 && i < ARRAY_LEN(numbers); i++) {
        if (!num_i64(span_of(argv[numbers[i]]), &n[i]) || n[i] < 0 || n[i] > IDS_MAX) {
            argc = 0;
        }
    }
    if (argc != 7 || n[2] == 0 || n[1] < n[2] + n[3]) {
        (void)fprintf(stderr, "usage: registers_fill DATA SEED HOME RECORDS ORGANISATIONS PEOPLE\n");
        return 2;
    }
    f = (struct fill){.rng = (uint64_t)n[0], .home = argv[3], .organisations = (uint32_t)n[2], .now = clock_now() - 400 * TIME_DAY};
    f.reader = (struct policy_reader){.kind = READER_PERSON, .person = SPAN("fill"), .organisation = SPAN("*"), .in_house = true, .whole_node = true,
                                      .roles = POLICY_ROLE_ADMINISTRATOR};
    f.kinds = registers_load(NULL, 0);
    arena_init(&f.arena, 256 << 10);
    struct arena ids;
    arena_init(&ids, 0);
    f.ids = arena_calloc(&ids, IDS_MAX, sizeof *f.ids);
    f.next = arena_calloc(&ids, IDS_MAX, sizeof *f.next);
    const char *path = arena_printf(&ids, "%s/records.db", argv[1]);
    int rc = records_open(path, clock_now(), &e, &f.db);
    rc = rc == 0 ? fill_all(&f, (uint32_t)n[1], (uint32_t)n[3], &e) : rc;
    if (rc != 0) {
        (void)fprintf(stderr, "registers_fill: %s\n", e.text);
    } else {
        (void)printf("%u\n", f.made);
    }
    db_close(&f.db);
    registers_free(&f.kinds);
    arena_fini(&ids);
    arena_fini(&f.arena);
    return rc == 0 ? 0 : 1;
}
