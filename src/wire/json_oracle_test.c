/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Our reader against simdjson on every JSON file of the shared corpus: the same leaves (name, kind,
 * value) in the same order, and as many records as the manifest says. Skipped, saying so, where the
 * corpus is not there. usage: json_oracle_test FOLDER   (holds manifest.json)
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "wire/json_oracle.h"
#include "wire/json_read.h"
#include "wire/test_corpus.h"

enum { COMPLAINTS_MAX = 20 };

struct text_leaf {
    size_t name;
    size_t name_len;
    size_t text;
    size_t text_len;
    double number;
    int kind;
};

/* Leaves of one record with their texts in one buffer. */
struct leaf_list {
    struct buf bytes;
    VEC(struct text_leaf) list;
};

static void put(struct leaf_list *l, struct span name, int kind, struct span text, double number)
{
    struct text_leaf t = {l->bytes.len, name.len, l->bytes.len + name.len, text.len, number, kind};
    buf_span(&l->bytes, name);
    buf_span(&l->bytes, text);
    vec_push(&l->list, t);
}

static void from_oracle(void *ctx, const char *name, size_t name_len, int kind, const char *text,
                        size_t text_len, double number)
{
    put(ctx, span_make(name, name_len), kind, span_make(text, text_len), number);
}

static void from_ours(void *ctx, struct span name, const struct leaf *leaf)
{
    struct leaf_list *l = ctx;
    double number = 0;
    struct span text = span_make(leaf->ptr, leaf->kind == LEAF_STRING ? leaf->len : 0);
    char *plain = NULL;
    if (leaf->kind == LEAF_NUMBER && !num_double(span_make(leaf->ptr, leaf->len), &number)) {
        number = -0.12345; /* what we take for a number is none: differs from any oracle */
    }
    if ((leaf->flags & LEAF_ESCAPED) != 0) {
        plain = mem_alloc(leaf->len);
        text = span_make(plain, json_unescape(text, plain, NULL));
    }
    put(l, name, leaf->kind, text, number);
    mem_free(plain);
}

static bool same(const struct leaf_list *a, const struct leaf_list *b)
{
    bool equal = a->list.len == b->list.len && span_eq(buf_view(&a->bytes), buf_view(&b->bytes));
    for (size_t i = 0; equal && i < a->list.len; i++) {
        const struct text_leaf *x = &a->list.data[i];
        const struct text_leaf *y = &b->list.data[i];
        equal = x->name == y->name && x->name_len == y->name_len && x->text == y->text &&
                x->text_len == y->text_len && x->kind == y->kind &&
                !(x->number < y->number || x->number > y->number);
    }
    return equal;
}

struct check {
    struct leaf_list ours;
    struct leaf_list theirs;
    struct arena scratch;
    struct leaves leaves;
    uint64_t records;
    uint64_t bad;
    uint64_t leaf_count;
    uint64_t refused; /* by simdjson, kept and tagged by us */
    unsigned complaints;
};

static void complain(struct check *c, struct span file, const char *what, struct span record)
{
    if (c->complaints++ < COMPLAINTS_MAX) {
        (void)printf("%.*s: %s: %.*s\n", SPAN_ARG(file), what, SPAN_ARG(span_sub(record, 0, 300)));
    }
}

static void clear(struct leaf_list *l)
{
    buf_clear(&l->bytes);
    vec_clear(&l->list);
}

static void check_record(struct check *c, struct span file, struct span record)
{
    clear(&c->ours);
    clear(&c->theirs);
    int read = json_read(&c->leaves, NULL, KEY_ROOT, record, NULL);
    int walked = json_walk(record, &c->scratch, from_ours, &c->ours, NULL);
    const char *why = json_oracle_leaves(record.ptr, record.len, from_oracle, &c->theirs);
    arena_reset(&c->scratch);
    if (read != walked || (read == 0 && c->ours.list.len != c->leaves.len)) {
        complain(c, file, "json_read and json_walk differ", record);
    } else if (why == NULL && (read != 0 || !same(&c->ours, &c->theirs))) {
        complain(c, file, "differs from simdjson", record);
    } else if (why != NULL && read == 0 && c->leaves.tags == 0) {
        complain(c, file, why, record);
    }
    c->refused += why != NULL && read == 0;
    c->leaf_count += c->leaves.len;
}

static void check_file(struct check *c, const struct data_set *set, struct span bytes)
{
    struct json_split s;
    struct span record;
    struct err e;
    uint64_t records = 0;
    size_t used;
    json_split_init(&s, true);
    for (;;) {
        enum json_split_result r = json_split_next(&s, bytes, true, &used, &record, &e);
        if (r != JSON_SPLIT_RECORD && r != JSON_SPLIT_BAD) {
            break;
        }
        if (r == JSON_SPLIT_BAD) {
            c->bad++;
        } else {
            check_record(c, set->path, record);
        }
        records++;
        bytes = span_sub(bytes, used, bytes.len);
    }
    if (records != set->events) {
        char text[80];
        (void)snprintf(text, sizeof text, "%llu records, the manifest says %llu",
                       (unsigned long long)records, (unsigned long long)set->events);
        complain(c, set->path, text, SPAN(""));
    }
    c->records += records;
}

static bool is_json(struct span format)
{
    return span_eq(format, SPAN("json")) || span_eq(format, SPAN("zeekjson"));
}

static int check_all(const struct corpus *corpus)
{
    struct check c;
    struct buf bytes;
    size_t files = 0;
    memset(&c, 0, sizeof c);
    arena_init(&c.scratch, 1 << 20);
    leaves_init(&c.leaves, 0);
    buf_init(&c.ours.bytes, CORPUS_FILE_MAX);
    buf_init(&c.theirs.bytes, CORPUS_FILE_MAX);
    buf_init(&bytes, CORPUS_FILE_MAX);
    for (size_t i = 0; i < corpus->sets.len; i++) {
        const struct data_set *set = &corpus->sets.data[i];
        if (!is_json(set->format)) {
            continue;
        }
        if (corpus_load(corpus, set, &bytes) != 0) {
            complain(&c, set->path, "cannot be read", SPAN(""));
            continue;
        }
        check_file(&c, set, buf_view(&bytes));
        files++;
    }
    (void)printf(
        "%zu files, %llu records, %llu leaves; %llu records simdjson refuses kept and tagged, "
        "%llu bad; %u differences\n",
        files, (unsigned long long)c.records, (unsigned long long)c.leaf_count,
        (unsigned long long)c.refused, (unsigned long long)c.bad, c.complaints);
    buf_free(&bytes);
    buf_free(&c.ours.bytes);
    buf_free(&c.theirs.bytes);
    vec_free(&c.ours.list);
    vec_free(&c.theirs.list);
    leaves_fini(&c.leaves);
    arena_fini(&c.scratch);
    return c.complaints != 0 || files == 0;
}

int main(int argc, char **argv)
{
    struct corpus corpus;
    if (argc != 2) {
        return 2;
    }
    int rc = corpus_open(&corpus, argv[1]);
    if (rc == 0) {
        rc = check_all(&corpus);
    }
    corpus_close(&corpus);
    return rc;
}
