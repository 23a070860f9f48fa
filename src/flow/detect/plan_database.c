/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Literal databases: one Vectorscan automaton per distinct set of literals, placed in the region so that every process
 * scans the same bytes. The only file that compiles one. Compiler role.
 */
#include <hs/hs.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/detect/plan_build.h"

enum {
    DATABASE_ALIGN = 64,                      /* hs_deserialize_database_at asks for 8; a cache line serves scanning */
    DATABASE_KEY_MAX_BYTES = 64 * 1024 * 1024 /* serialised literals of one field: above all rule files together */
};

static struct span literals_key(struct plan_build *b, const struct plan_literal *l, uint32_t n)
{
    struct buf k;
    buf_init(&k, DATABASE_KEY_MAX_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        buf_u8(&k, l[i].op);
        buf_str(&k, l[i].text);
    }
    CHECK(!k.failed);
    struct span key = arena_copy(&b->temp, buf_view(&k));
    buf_free(&k);
    return key;
}

static unsigned literal_flags(enum plan_op op)
{
    switch (op) {
    case OP_CONTAINS:
        return HS_FLAG_SINGLEMATCH;
    case OP_ANY: /* any case, in text that is not folded */
        return HS_FLAG_SINGLEMATCH | HS_FLAG_CASELESS;
    default:
        return 0; /* a single match would hide the one that stands at the right place */
    }
}

static hs_database_t *compile(struct plan_build *b, const struct plan_literal *l, uint32_t n,
                              struct err *e)
{
    const char **texts = arena_calloc(&b->temp, n, sizeof *texts);
    size_t *lens = arena_calloc(&b->temp, n, sizeof *lens);
    unsigned *flags = arena_calloc(&b->temp, n, sizeof *flags);
    unsigned *ids = arena_calloc(&b->temp, n, sizeof *ids);
    for (uint32_t i = 0; i < n; i++) {
        texts[i] = l[i].text.ptr;
        lens[i] = l[i].text.len;
        flags[i] = literal_flags((enum plan_op)l[i].op);
        ids[i] = i;
    }
    hs_database_t *db = NULL;
    hs_compile_error_t *ce = NULL;
    if (hs_compile_lit_multi(texts, flags, ids, lens, n, HS_MODE_BLOCK, NULL, &db, &ce) !=
        HS_SUCCESS) {
        (void)err_set(e, ERR_LIMIT, "literals of a field could not be compiled: %s",
                      ce == NULL ? "no reason given" : ce->message);
        (void)hs_free_compile_error(ce);
        return NULL;
    }
    return db;
}

static const void *place(struct plan_build *b, hs_database_t *db)
{
    char *bytes = NULL;
    size_t len = 0;
    size_t size = 0;
    MUST(hs_serialize_database(db, &bytes, &len));
    MUST(hs_serialized_database_size(bytes, len, &size));
    void *at = arena_alloc_aligned(b->region, size, DATABASE_ALIGN);
    MUST(hs_deserialize_database_at(bytes, len, at));
    mem_free(bytes);
    MUST(hs_free_database(db));
    return at;
}

int plan_database(struct plan_build *b, const struct plan_literal *literals, uint32_t n,
                  const void **out, struct err *e)
{
    struct span key = literals_key(b, literals, n);
    uint64_t at;
    if (map_get(&b->databases, key, &at)) {
        *out = (const void *)(uintptr_t)at;
        return 0;
    }
    /* What the library allocates for us is freed by us: one allocator on both sides. */
    MUST(hs_set_allocator(mem_alloc, mem_free));
    hs_database_t *db = compile(b, literals, n, e);
    if (db == NULL) {
        return ERR_LIMIT;
    }
    *out = place(b, db);
    map_put(&b->databases, key, (uint64_t)(uintptr_t)*out);
    vec_push(&b->database_list, *out);
    return 0;
}

int plan_raw_database(struct plan_build *b, const struct plan_raw_literal *literals, uint32_t n,
                      const void **out, struct err *e)
{
    struct plan_literal *plain = arena_calloc(&b->temp, n, sizeof *plain);
    for (uint32_t i = 0; i < n; i++) {
        plain[i].text = literals[i].text;
        plain[i].op = literals[i].escape ? OP_EXACT : literals[i].exact ? OP_CONTAINS : OP_ANY;
    }
    return plan_database(b, plain, n, out, e);
}
