/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The fence around rules that another node sent: see sigma_loader_foreign. A correlation among them may join only what
 * came in its own file, named there by id or by name. Where an id in that file is one of this house already, or of another
 * warning, its rule is loaded beside that one as a silent stand-in with an id of its own, and only if such a correlation
 * joins it: so the correlation means what was sent, and ours mean what they meant. Called once by sigma_loader_finish in
 * the compiler role.
 */
#include <sodium.h>

#include "base/id.h"
#include "base/mem.h"
#include "flow/detect/sigma_priv.h"

enum { TWICE = 0 }; /* in the map of names: it stands for two */

struct fence {
    struct sigma_set *set;
    struct arena keys;
    struct map ids;   /* file and id, as written and as it goes by now → struct sigma_rule * */
    struct map names; /* file and name → the same, or TWICE */
    correlation_list *all;
};

static struct span key_of(struct fence *f, struct span file, struct span word)
{
    return span_of(arena_printf(&f->keys, "%.*s\x1f%.*s", SPAN_ARG(file), SPAN_ARG(word)));
}

static void add_id(struct fence *f, struct sigma_rule *r, struct span id)
{
    if (id.len > 0) {
        map_put(&f->ids, key_of(f, r->file, id), (uint64_t)(uintptr_t)r);
    }
}

static void add(struct fence *f, struct sigma_rule *r)
{
    bool fresh = false;
    if (!r->foreign) {
        return;
    }
    add_id(f, r, r->id);
    add_id(f, r, r->written);
    if (r->name.len > 0) {
        uint64_t *at = map_at(&f->names, key_of(f, r->file, r->name), &fresh);
        *at = fresh ? (uint64_t)(uintptr_t)r : TWICE;
    }
}

/* What a correlation's reference means within its own file; NULL: nothing there. */
static struct sigma_rule *find(struct fence *f, struct span file, struct span ref)
{
    uint64_t at = 0;
    struct span key = key_of(f, file, ref);
    if (!map_get(&f->ids, key, &at) && !map_get(&f->names, key, &at)) {
        return NULL;
    }
    return (struct sigma_rule *)(uintptr_t)at; /* NOLINT(performance-no-int-to-ptr): the map holds numbers */
}

static void refuse(struct fence *f, const struct sigma_rule *r, const char *reason)
{
    vec_push(&f->set->refused,
             (struct sigma_refused){r->file, r->line, arena_copy(&f->set->arena, span_of(reason))});
}

/* From names and ids as written to ids as they go by here, which no rule of this house has. False: it reaches out. */
static bool bind(struct fence *f, struct sigma_correlation *c)
{
    struct span *refs = arena_calloc(&f->set->arena, (size_t)c->nrefs + 1, sizeof *refs);
    struct sigma_alias *aliases = arena_calloc(&f->set->arena, (size_t)c->naliases + 1, sizeof *aliases);
    for (uint32_t k = 0; k < c->nrefs; k++) {
        const struct sigma_rule *r = find(f, c->meta.file, c->refs[k]);
        if (r == NULL) {
            return false;
        }
        refs[k] = r->id;
    }
    for (uint32_t i = 0; i < c->naliases; i++) {
        const struct sigma_rule *r = find(f, c->meta.file, c->aliases[i].rule);
        aliases[i] = c->aliases[i];
        aliases[i].rule = r == NULL ? aliases[i].rule : r->id; /* one of none is refused when all is resolved */
    }
    c->refs = refs;
    c->aliases = aliases;
    return true;
}

static void bind_all(struct fence *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->all->len; i++) {
        struct sigma_correlation *c = f->all->data[i];
        if (!c->meta.foreign || bind(f, c)) {
            f->all->data[kept++] = c;
        } else {
            refuse(f, &c->meta, "a correlation that comes from another node may only name, by id or by name, rules of its own file");
        }
    }
    f->all->len = kept;
}

static void mark_joined(struct fence *f)
{
    for (size_t i = 0; i < f->all->len; i++) {
        const struct sigma_correlation *c = f->all->data[i];
        for (uint32_t k = 0; k < c->nrefs && c->meta.foreign; k++) {
            find(f, c->meta.file, c->refs[k])->joined = true;
        }
    }
}

static void clear_joined(struct fence *f)
{
    for (size_t i = 0; i < f->set->rules.len; i++) {
        f->set->rules.data[i]->joined = false;
    }
    for (size_t i = 0; i < f->all->len; i++) {
        f->all->data[i]->meta.joined = false;
    }
}

static bool idle(struct fence *f, const struct sigma_rule *r)
{
    if (!r->stand_in || r->joined) {
        return false;
    }
    refuse(f, r, arena_printf(&f->keys, "id %.*s is taken", SPAN_ARG(span_sub(r->written, 0, 200))));
    return true;
}

/* Stand-ins that nothing joins are what they were: rules whose id is another's. */
static void drop_idle(struct fence *f)
{
    bool again = true;
    size_t kept = 0;
    for (uint32_t round = 0; again && round <= SIGMA_CHAIN_MAX; round++) {
        again = false;
        clear_joined(f);
        mark_joined(f);
        kept = 0;
        for (size_t i = 0; i < f->all->len; i++) {
            if (idle(f, &f->all->data[i]->meta)) {
                again = true;
            } else {
                f->all->data[kept++] = f->all->data[i];
            }
        }
        f->all->len = kept;
    }
    kept = 0;
    for (size_t i = 0; i < f->set->rules.len; i++) {
        if (!idle(f, f->set->rules.data[i])) {
            f->set->rules.data[kept++] = f->set->rules.data[i];
        }
    }
    f->set->rules.len = kept;
}

void sigma_foreign_rename(struct arena *arena, struct sigma_rule *r)
{
    crypto_generichash_state st;
    unsigned char hash[32];
    r->written = r->id;
    r->stand_in = true;
    r->id = span_of(arena_printf(arena, "%.*s:%.*s", SPAN_ARG(r->file), SPAN_ARG(r->id)));
    /* Its text is that of another: what is counted and kept of the two is told apart. */
    MUST(crypto_generichash_init(&st, NULL, 0, sizeof hash));
    MUST(crypto_generichash_update(&st, (const unsigned char *)r->id.ptr, r->id.len));
    MUST(crypto_generichash_update(&st, (const unsigned char *)r->text.ptr, r->text.len));
    MUST(crypto_generichash_final(&st, hash, sizeof hash));
    hex_encode(hash, sizeof hash, r->hash);
}

void sigma_foreign_fence(struct sigma_set *set, correlation_list *all)
{
    struct fence f = {.set = set, .all = all};
    arena_init(&f.keys, 0);
    map_init(&f.ids);
    map_init(&f.names);
    for (size_t i = 0; i < set->rules.len; i++) {
        add(&f, set->rules.data[i]);
    }
    for (size_t i = 0; i < all->len; i++) {
        add(&f, &all->data[i]->meta);
    }
    bind_all(&f);
    drop_idle(&f);
    map_free(&f.ids);
    map_free(&f.names);
    arena_fini(&f.keys);
}

void sigma_foreign_silence(struct sigma_set *set)
{
    for (size_t i = 0; i < set->rules.len; i++) {
        set->rules.data[i]->quiet = set->rules.data[i]->quiet || set->rules.data[i]->stand_in;
    }
    for (size_t i = 0; i < set->correlations.len; i++) {
        struct sigma_rule *r = &set->correlations.data[i]->meta;
        r->quiet = r->quiet || r->stand_in;
    }
}
