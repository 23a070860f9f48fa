/* SPDX-License-Identifier: EUPL-1.2 */
/* Which files come into force: see register_force.h. Must never write. */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "records/registers/profile.h"
#include "records/registers/register_force.h"
#include "records/registers/register_force_priv.h"

enum { STORED_MAX = 4 * REGISTER_KINDS_MAX /* kinds that were ever in force and are looked at */ };

struct span register_digest(struct arena *a, struct span text)
{
    unsigned char hash[32];
    char *hex = arena_bytes(a, 2 * sizeof hash + 1);
    if (text.len == 0) {
        return SPAN("gone");
    }
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text.ptr, text.len, NULL, 0));
    (void)sodium_bin2hex(hex, 2 * sizeof hash + 1, hash, sizeof hash);
    return span_make(hex, 2 * sizeof hash);
}

static int read_stored(struct db *db, struct arena *a, struct register_choice *c, struct err *e)
{
    struct db_stmt *s = NULL;
    c->stored = arena_calloc(a, STORED_MAX, sizeof *c->stored);
    int rc = db_query(db, "SELECT kind, file, text, gone, meant, who, why FROM register_file ORDER BY gone, kind LIMIT 384", e, &s);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        rc = 0;
        CHECK(c->nstored < STORED_MAX);
        struct register_stored *r = &c->stored[c->nstored++];
        const struct {
            int column;
            struct span *to;
        } texts[] = {{0, &r->kind}, {1, &r->file}, {2, &r->text}, {4, &r->meant}, {5, &r->who}, {6, &r->why}};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            *texts[i].to = arena_copy(a, db_col_text(s, texts[i].column));
        }
        r->gone = db_col_i64(s, 3) != 0;
    }
    return rc;
}

/* ---- what lies there ---- */

/* Whether another one that is stored comes before this one as what the kind was: two do not become one. */
static bool is_claimed(const struct register_choice *c, const struct register_stored *s, const struct register_kind *k)
{
    for (size_t i = 0; i < c->nstored; i++) {
        const struct register_stored *other = &c->stored[i];
        if (other != s && (span_eq(other->kind, k->name) || (other < s && register_was_called(&k->was, other->kind)))) {
            return true;
        }
    }
    return false;
}

/* The kind of today that is this one, under its name or one that says it was. */
static const struct register_kind *today(const struct register_choice *c, const struct register_stored *s)
{
    size_t n = 0;
    const struct register_kind *all = registers_all(c->kinds, &n);
    const struct register_kind *k = registers_any(c->kinds, s->kind);
    for (size_t i = 0; k == NULL && i < n; i++) {
        k = register_was_called(&all[i].was, s->kind) && !is_claimed(c, s, &all[i]) ? &all[i] : NULL;
    }
    return k;
}

bool register_is_shipped(struct span file)
{
    return span_starts(file, SPAN("registers/"));
}

static struct register_file *file_named(const struct register_choice *c, struct span name)
{
    for (size_t i = 0; i < c->nfiles; i++) {
        if (span_eq(c->files[i].name, name)) {
            return &c->files[i];
        }
    }
    return NULL;
}

static struct span text_of(const struct register_choice *c, struct span name)
{
    const struct register_file *own = register_is_shipped(name) ? NULL : file_named(c, name);
    for (size_t i = 0; own == NULL && i < register_shipped_count; i++) {
        own = span_eq(register_shipped[i].name, name) ? &register_shipped[i] : NULL;
    }
    return own == NULL ? SPAN("") : own->text;
}

/* Why a file was refused, or NULL; where it holds another kind now, it was not. */
static const struct register_refusal *refusal_of(const struct register_choice *c, struct span name)
{
    size_t n = 0;
    const struct register_refusal *list = registers_refusals(c->kinds, &n);
    for (size_t i = 0; i < n; i++) {
        if (span_eq(list[i].file, name)) {
            return &list[i];
        }
    }
    return NULL;
}

/* ---- one of them ---- */

static bool read_kind(struct arena *a, struct span file, struct span text, struct register_kind *out)
{
    const struct register_file f = {file, text};
    return out->schema != NULL || register_kind_read(a, &f, out, NULL) == 0;
}

/* Once for each text: what is asked of the records changes by other files only where one of them takes its place. */
static int plan(struct db *db, struct arena *a, struct register_stored *s, struct err *e)
{
    if ((s->plan != NULL && span_eq(s->planned, s->now)) || !read_kind(a, s->file, s->text, &s->before)) {
        return 0;
    }
    bool none = s->now.len == 0;
    s->planned = s->now;
    register_kind_free(&s->after);
    s->after = (struct register_kind){0};
    if (!none && !read_kind(a, s->now_file, s->now, &s->after)) {
        return err_set(e, ERR_INVALID, "%.*s cannot be read", SPAN_ARG(s->now_file)); /* it was read a moment ago */
    }
    s->plan = arena_calloc(a, 1, sizeof *s->plan);
    return register_plan(db, a, &s->before, none ? NULL : &s->after, s->plan, e);
}

static struct span say_why(struct arena *a, const struct register_stored *s)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < s->plan->nmisfits; i++) {
        n = s->plan->misfits[i].count > n ? s->plan->misfits[i].count : n;
    }
    const char *what = s->now.len == 0 ? "its file is gone" : "not all records fit it";
    if (register_plan_stuck(s->plan)) {
        return span_of(arena_printf(a, "%s (%" PRId64 " or more, some in a state that goes or too large): the former file stays in force until this one gives them a place "
                                       "(`sereno registers diff`)", what, n));
    }
    return span_of(arena_printf(a, "%s (%" PRId64 " or more): the former file stays in force until `sereno registers apply` says that it is meant (`sereno registers diff` tells which)",
                                what, n));
}

/* The text in force again, in place of what lies there. */
static bool keep(struct arena *a, struct register_choice *c, struct register_stored *s, struct span why)
{
    struct register_file *f = s->now_file.len > 0 ? file_named(c, s->now_file) : NULL;
    s->kept = true;
    s->taken = false;
    s->why_not = arena_copy(a, why);
    if (f != NULL) {
        f->text = s->text;
    } else if (c->nfiles < REGISTER_FILES_MAX) {
        c->files[c->nfiles++] = (struct register_file){span_of(arena_printf(a, "%.*s (as it was)", SPAN_ARG(s->file))), s->text};
    }
    return true;
}

/* *swapped_out: another file is to be looked at in its place. */
static int review(struct db *db, struct arena *a, struct register_choice *c, struct register_stored *s, bool *swapped_out, struct err *e)
{
    const struct register_kind *k = today(c, s);
    bool shipped = register_is_shipped(s->file) || (k != NULL && register_is_shipped(k->file));
    if (s->kept || (k == NULL && (s->gone || shipped))) {
        return 0;
    }
    const struct register_refusal *refused = k == NULL ? refusal_of(c, s->file) : NULL;
    if (refused != NULL) {
        s->there = true;
        s->now_file = s->file;
        s->now = text_of(c, s->file);
        *swapped_out = keep(a, c, s, refused->why);
        return 0;
    }
    struct span now = k == NULL ? SPAN("") : text_of(c, k->file);
    s->there = !span_eq(now, s->text) || s->gone;
    s->now_file = k == NULL ? SPAN("") : arena_copy(a, k->file); /* these kinds may go in the next round */
    s->now = now;
    int rc = s->there ? plan(db, a, s, e) : 0;
    s->taken = s->there;
    bool loses = rc == 0 && s->there && s->plan != NULL && register_plan_loses(s->plan);
    s->is_meant = s->meant.len > 0 && span_eq(s->meant, register_digest(a, now));
    if (loses && !shipped && (register_plan_stuck(s->plan) || !s->is_meant)) {
        *swapped_out = keep(a, c, s, say_why(a, s));
    }
    return rc;
}

int register_choose(struct db *db, struct arena *a, const struct register_file *own, size_t count, struct register_choice *out, struct err *e)
{
    bool swapped = true;
    *out = (struct register_choice){0};
    CHECK(count <= REGISTER_FILES_MAX);
    out->files = arena_calloc(a, REGISTER_FILES_MAX, sizeof *out->files);
    for (size_t i = 0; i < count; i++) {
        out->files[out->nfiles++] = (struct register_file){arena_copy(a, own[i].name), arena_copy(a, own[i].text)};
    }
    int rc = read_stored(db, a, out, e);
    while (rc == 0 && swapped) { /* each round keeps at least one more, once each */
        registers_free(&out->kinds);
        out->kinds = registers_load(out->files, out->nfiles);
        swapped = false;
        for (size_t i = 0; i < out->nstored && rc == 0; i++) {
            rc = review(db, a, out, &out->stored[i], &swapped, e);
        }
    }
    for (size_t i = 0; i < out->nstored && rc == 0; i++) {
        const struct register_stored *s = &out->stored[i];
        if (s->kept) {
            registers_refuse(out->kinds, s->now_file.len > 0 ? s->now_file : s->file, 0, s->why_not);
        }
    }
    return rc;
}

void register_choice_free(struct register_choice *c)
{
    for (size_t i = 0; i < c->nstored; i++) {
        register_kind_free(&c->stored[i].before);
        register_kind_free(&c->stored[i].after);
    }
    registers_free(&c->kinds);
    c->nstored = 0;
}

void register_choice_put(const struct register_choice *c, struct json_writer *j)
{
    json_object(j);
    json_key(j, "items");
    json_array(j);
    for (size_t i = 0; i < c->nstored; i++) {
        const struct register_stored *s = &c->stored[i];
        if (!s->there || (s->plan == NULL && !s->kept) || (s->plan != NULL && s->plan->diff.count == 0)) {
            continue;
        }
        json_object(j);
        json_key(j, "kind");
        json_text(j, s->kind);
        json_key(j, "file");
        json_text(j, s->now_file.len > 0 ? s->now_file : s->file);
        json_key(j, "taken");
        json_bool(j, s->taken);
        json_key(j, "meant");
        json_bool(j, s->is_meant);
        json_key(j, "why");
        if (s->kept) {
            json_text(j, s->why_not);
        } else {
            json_null(j);
        }
        if (s->plan != NULL) {
            register_plan_put(s->plan, j);
        }
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
