/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Log source tables become classes: each combination of key values that some row names is looked up
 * in one step while events pass, and all combinations with the same log sources share a class. Runs
 * in the compiler role.
 */
#include "base/buf.h"
#include "flow/normalise/compile_priv.h"

enum { CLASS_SOURCES_MAX = 64 }; /* log sources of one class */

struct logsources {
    struct logsource list[CLASS_SOURCES_MAX];
    uint32_t len;
};

const struct source *compile_source(const struct compiler *c, struct span name)
{
    for (size_t i = 0; i < c->sources->list.len; i++) {
        if (span_eq(c->sources->list.data[i]->name, name)) {
            return c->sources->list.data[i];
        }
    }
    return NULL;
}

/* ---- classes ---- */

class_id compile_class(struct compiler *c, struct span name, uint32_t view,
                       const struct logsource *sources, uint32_t nsources, field_id split,
                       class_id also, const struct norm_derive *derive, uint32_t nderive)
{
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    buf_u32(&key, view);
    buf_u32(&key, split);
    buf_u32(&key, also);
    buf_u32(&key, nderive);
    for (uint32_t i = 0; i < nsources; i++) {
        buf_str(&key, sources[i].product);
        buf_str(&key, sources[i].category);
        buf_str(&key, sources[i].service);
    }
    bool fresh = false;
    uint64_t *at = map_at(&c->class_ids, arena_copy(&c->scratch, buf_view(&key)), &fresh);
    buf_free(&key);
    if (!fresh) {
        return (class_id)*at;
    }
    CHECK(c->classes.len < COMPILE_CLASSES_MAX);
    *at = c->classes.len;
    struct logsource *copy = arena_calloc(c->region, nsources + 1, sizeof *copy);
    for (uint32_t i = 0; i < nsources; i++) {
        copy[i] = (struct logsource){arena_copy(c->region, sources[i].product),
                                     arena_copy(c->region, sources[i].category),
                                     arena_copy(c->region, sources[i].service)};
    }
    struct class_build b = {.c = {.name = arena_copy(c->region, name),
                                  .sources = copy,
                                  .nsources = nsources,
                                  .split = split,
                                  .also = also},
                            .view = view,
                            .derive = derive,
                            .nderive = nderive};
    vec_push(&c->classes, b);
    return (class_id)(c->classes.len - 1);
}

/* ---- rows ---- */

struct table_rows {
    const struct src_row *rows;
    uint32_t nrows;
    const struct source *owner; /* whose switches and alsos the rows mean */
};

static bool row_on(const struct table_rows *t, const struct src_row *r, bool strict)
{
    bool on = r->switch_ < 0 || t->owner->switches[r->switch_].on;
    return on && (!strict || r->declared);
}

static bool key_fits(struct span_list list, struct span value)
{
    if (list.len == 0) {
        return true;
    }
    for (uint32_t i = 0; value.ptr != NULL && i < list.len; i++) {
        if (span_eq_nocase(list.items[i], value)) {
            return true;
        }
    }
    return false;
}

static bool row_fits(const struct src_row *r, const struct span keys[SOURCE_KEYS_MAX])
{
    bool fits = true;
    for (int k = 0; k < SOURCE_KEYS_MAX; k++) {
        fits = fits && key_fits(r->keys[k], keys[k]);
    }
    return fits;
}

static void add_words(struct span_list words, struct span out[CLASS_SOURCES_MAX], uint32_t *n)
{
    for (uint32_t i = 0; i < words.len; i++) {
        bool have = false;
        for (uint32_t k = 0; k < *n; k++) {
            have = have || span_eq_nocase(out[k], words.items[i]);
        }
        if (!have && *n < CLASS_SOURCES_MAX) {
            out[(*n)++] = words.items[i];
        }
    }
}

struct row_words {
    struct span products[CLASS_SOURCES_MAX], categories[CLASS_SOURCES_MAX],
        services[CLASS_SOURCES_MAX];
    uint32_t nproducts, ncategories, nservices;
    int32_t also;
};

/* A log source has no word of its own for a part that nothing states: one empty word stands for it.
 */
static void at_least_one(struct span out[CLASS_SOURCES_MAX], uint32_t *n, struct span base)
{
    if (*n == 0) {
        out[(*n)++] = base;
    }
}

static void gather(const struct source *s, const struct table_rows *t,
                   const struct span keys[SOURCE_KEYS_MAX], bool strict, struct row_words *w)
{
    w->also = -1;
    for (uint32_t i = 0; i < t->nrows; i++) {
        const struct src_row *r = &t->rows[i];
        if (!row_on(t, r, strict) || !row_fits(r, keys)) {
            continue;
        }
        if (r->also >= 0) {
            w->also = r->also;
            continue;
        }
        add_words(r->products, w->products, &w->nproducts);
        add_words(r->categories, w->categories, &w->ncategories);
        add_words(r->services, w->services, &w->nservices);
    }
    at_least_one(w->products, &w->nproducts, s->logsource.product);
    at_least_one(w->categories, &w->ncategories, s->logsource.category);
    at_least_one(w->services, &w->nservices, s->logsource.service);
}

static void cross(const struct row_words *w, struct logsources *out)
{
    for (uint32_t p = 0; p < w->nproducts; p++) {
        for (uint32_t k = 0; k < w->ncategories; k++) {
            for (uint32_t v = 0; v < w->nservices && out->len < CLASS_SOURCES_MAX; v++) {
                out->list[out->len++] =
                    (struct logsource){w->products[p], w->categories[k], w->services[v]};
            }
        }
    }
}

/* "windows/process_creation": source, then what tells the class best. */
static struct span class_name(struct compiler *c, const struct source *s, const struct logsource *l)
{
    struct span word = l->category.len > 0 ? l->category : l->service;
    if (word.len == 0) {
        return s->name;
    }
    return span_of(arena_printf(&c->scratch, "%.*s/%.*s", SPAN_ARG(s->name), SPAN_ARG(word)));
}

static int also_class(struct compiler *c, const struct source *s, const struct source *owner,
                      int32_t index, field_id split, class_id *out)
{
    *out = CLASS_NONE;
    if (index < 0) {
        return 0;
    }
    const struct src_also *also = &owner->also[index];
    const struct norm_derive *derive = NULL;
    uint32_t nderive = 0;
    struct span_list categories = {&also->logsources[0].category, 1};
    int rc = compile_derive(c, also, &derive, &nderive);
    if (rc == 0) {
        struct span name = span_of(
            arena_printf(&c->scratch, "%.*s/%.*s", SPAN_ARG(s->name), SPAN_ARG(also->name)));
        *out = compile_class(c, name, compile_view(c, s, categories, also), also->logsources,
                             also->nlogsources, split, CLASS_NONE, derive, nderive);
    }
    return rc;
}

static int class_for(struct compiler *c, const struct source *s, const struct table_rows *t,
                     const struct span keys[SOURCE_KEYS_MAX], bool strict, class_id *out)
{
    struct row_words *w = arena_alloc(&c->scratch, sizeof *w);
    struct logsources *l = arena_alloc(&c->scratch, sizeof *l);
    gather(s, t, keys, strict, w);
    cross(w, l);
    field_id split = s->split.len == 0 ? FIELD_NONE : compile_field_id(c, s->split);
    class_id also = CLASS_NONE;
    int rc = also_class(c, s, t->owner, w->also, split, &also);
    if (rc == 0) {
        struct span_list categories = {w->categories, w->ncategories};
        *out = compile_class(c, class_name(c, s, &l->list[0]), compile_view(c, s, categories, NULL),
                             l->list, l->len, split, also, NULL, 0);
    }
    return rc;
}

/* ---- tables ---- */

struct table_build {
    VEC(struct norm_slot) rows;
    struct map seen;
};

static int add_combination(struct compiler *c, const struct source *s, const struct table_rows *t,
                           struct table_build *b, const struct span keys[SOURCE_KEYS_MAX],
                           bool strict)
{
    struct buf key;
    buf_init(&key, 1 << 20);
    for (int k = 0; k < SOURCE_KEYS_MAX; k++) {
        buf_u8(&key, keys[k].ptr != NULL);
        buf_str(&key, keys[k]);
    }
    bool fresh = false;
    char *kept = arena_bytes(&c->scratch, key.len);
    for (size_t i = 0; i < key.len; i++) {
        kept[i] = ascii_lower(key.data[i]);
    }
    (void)map_at(&b->seen, span_make(kept, key.len), &fresh);
    buf_free(&key);
    if (!fresh) {
        return 0;
    }
    struct norm_slot slot = {{keys[0], keys[1]}, CLASS_NONE};
    int rc = class_for(c, s, t, keys, strict, &slot.class_id);
    vec_push(&b->rows, slot);
    return rc;
}

static int add_row(struct compiler *c, const struct source *s, const struct table_rows *t,
                   struct table_build *b, const struct src_row *r, const struct src_row *second,
                   bool strict)
{
    static const struct span any = {NULL, 0};
    uint32_t na = r->keys[0].len == 0 ? 1 : r->keys[0].len;
    uint32_t nb = second->keys[1].len == 0 ? 1 : second->keys[1].len;
    int rc = 0;
    for (uint32_t i = 0; i < na && rc == 0; i++) {
        for (uint32_t k = 0; k < nb && rc == 0; k++) {
            struct span keys[SOURCE_KEYS_MAX] = {
                r->keys[0].len == 0 ? any : r->keys[0].items[i],
                second->keys[1].len == 0 ? any : second->keys[1].items[k]};
            rc = add_combination(c, s, t, b, keys, strict);
        }
    }
    return rc;
}

/* Rows that name only the second key also hold beside each first key. */
static int add_rows(struct compiler *c, const struct source *s, const struct table_rows *t,
                    struct table_build *b, bool strict)
{
    int rc = 0;
    for (uint32_t i = 0; i < t->nrows && rc == 0; i++) {
        const struct src_row *r = &t->rows[i];
        if (!row_on(t, r, strict)) {
            continue;
        }
        rc = add_row(c, s, t, b, r, r, strict);
        for (uint32_t k = 0; k < t->nrows && rc == 0 && r->keys[0].len == 0 && r->keys[1].len > 0;
             k++) {
            if (row_on(t, &t->rows[k], strict)) {
                rc = add_row(c, s, t, b, &t->rows[k], r, strict);
            }
        }
    }
    return rc;
}

static void pack_table(struct compiler *c, const struct table_build *b, struct norm_table *out)
{
    uint32_t nslots = 8;
    while (nslots < b->rows.len * 2) {
        nslots *= 2;
    }
    struct norm_slot *slots = arena_calloc(c->region, nslots, sizeof *slots);
    for (uint32_t i = 0; i < nslots; i++) {
        slots[i].class_id = CLASS_NONE;
    }
    for (size_t i = 0; i < b->rows.len; i++) {
        struct norm_slot slot = b->rows.data[i];
        uint32_t at = norm_hash(slot.keys[0], slot.keys[1]) & (nslots - 1);
        while (slots[at].class_id != CLASS_NONE) {
            at = (at + 1) & (nslots - 1);
        }
        for (int k = 0; k < SOURCE_KEYS_MAX; k++) {
            bool any = slot.keys[k].ptr == NULL;
            slots[at].keys[k] = any ? slot.keys[k] : arena_copy(c->region, slot.keys[k]);
        }
        slots[at].class_id = slot.class_id;
    }
    out->slots = slots;
    out->mask = nslots - 1;
}

static int compile_one(struct compiler *c, const struct source *s, bool strict,
                       struct norm_table *out)
{
    static const struct span none[SOURCE_KEYS_MAX];
    const struct source *owner = s->rows_like.len == 0 ? s : compile_source(c, s->rows_like);
    if (owner == NULL) {
        return err_set(c->e, ERR_INVALID, "%.*s: 'like' names '%.*s', which is not loaded",
                       SPAN_ARG(s->file), SPAN_ARG(s->rows_like));
    }
    struct table_rows t = {owner->rows, owner->nrows, owner};
    struct table_build b = {0};
    map_init(&b.seen);
    int rc = class_for(c, s, &t, none, strict, &out->other);
    rc = rc == 0 ? add_rows(c, s, &t, &b, strict) : rc;
    pack_table(c, &b, out);
    map_free(&b.seen);
    vec_free(&b.rows);
    return rc;
}

int compile_table(struct compiler *c, const struct source *s, struct norm_source *out)
{
    int rc = compile_one(c, s, false, &out->full);
    return rc == 0 ? compile_one(c, s, true, &out->strict) : rc;
}

/* ---- declared ---- */

/* Nothing is stated; or, where one source reads the format, nothing but its product. */
static bool by_content(const struct declared_source *d, const struct source *own)
{
    const struct logsource *l = &d->logsource;
    bool product = l->product.len == 0 || (d->format != FORMAT_JSON && own != NULL &&
                                           span_eq_nocase(l->product, own->logsource.product));
    return product && l->category.len == 0 && l->service.len == 0;
}

/* Only where the stated log source leaves it open what wrote the file can its content matter. */
static bool content_may_matter(const struct source *s, const struct logsource *l)
{
    bool declared = false;
    for (uint32_t i = 0; i < s->nrecognise; i++) {
        declared = declared || s->recognise[i].declared;
    }
    return declared && (l->product.len == 0 || span_eq_nocase(l->product, s->logsource.product));
}

static void declare_one(struct compiler *c, const struct declared_source *d,
                        struct norm_declared *out)
{
    static const struct span_list none = {NULL, 0};
    uint32_t n = (uint32_t)c->sources->list.len;
    class_id *by_source = arena_calloc(c->region, n + 1, sizeof *by_source);
    struct span name = span_of(
        arena_printf(&c->scratch, "%.*s%s%.*s%s%.*s", SPAN_ARG(d->logsource.product),
                     d->logsource.category.len > 0 ? "/" : "", SPAN_ARG(d->logsource.category),
                     d->logsource.service.len > 0 ? "/" : "", SPAN_ARG(d->logsource.service)));
    name = name.len == 0 ? SPAN("declared") : name;
    out->format = d->format;
    const struct source *own = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct source *s = c->sources->list.data[i];
        by_source[i] = CLASS_NONE;
        bool fits = s->format == d->format && (s->format != FORMAT_JSON || s->nrecognise == 0);
        own = own == NULL && fits ? s : own;
        if ((d->format == FORMAT_JSON || d->format == FORMAT_EVTX) &&
            content_may_matter(s, &d->logsource)) {
            field_id split = s->split.len == 0 ? FIELD_NONE : compile_field_id(c, s->split);
            by_source[i] = compile_class(c, name, compile_view(c, s, none, NULL), &d->logsource, 1,
                                         split, CLASS_NONE, NULL, 0);
        }
    }
    out->by_content = by_content(d, own);
    out->by_source = by_source;
    out->plain = compile_class(c, name, compile_view(c, own, none, NULL), &d->logsource, 1,
                               FIELD_NONE, CLASS_NONE, NULL, 0);
}

int compile_declared(struct compiler *c)
{
    struct norm_declared *list = arena_calloc(c->region, c->ndeclared + 1, sizeof *list);
    for (uint32_t i = 0; i < c->ndeclared; i++) {
        if (c->declared[i].format >= FORMAT_COUNT) {
            return err_set(c->e, ERR_INVALID, "a declared source has an unknown format");
        }
        declare_one(c, &c->declared[i], &list[i]);
    }
    c->tables->declared = list;
    c->tables->ndeclared = c->ndeclared;
    return 0;
}
