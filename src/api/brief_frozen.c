/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The document of an issued brief (canonical JSON, RFC 8785) and a brief made of it again: what it said then, of that what the reader may
 * see now. Pure. Words come from the document too, so that a later program says what was said; none of them is markup.
 */
#include "api/brief.h"

#include "base/id.h"
#include "policy/own.h"
#include "wire/jcs.h"

enum { DOCUMENT_DEPTH = 6, DOCUMENT_VERSION = 1 };

static const char *const word_keys[] = {
#define WORD(name, key) key,
#include "desk/words/words.def"
#undef WORD
};
static const char *const table_names[BRIEF_TABLE_COUNT] = {[BRIEF_ASKED] = "asked", [BRIEF_DECIDED] = "decided"};

const char *brief_word_key(enum word w)
{
    return word_keys[w];
}

/* ---- made ---- */

static struct jcs *records_of(struct arena *a, const struct brief_register *r)
{
    struct jcs *list = jcs_new_array(a);
    for (uint32_t i = 0; i < r->n; i++) {
        char hex[2 * BRIEF_HASH_BYTES + 1];
        hex_encode(r->records[i].hash, sizeof r->records[i].hash, hex);
        struct jcs *one = jcs_new_array(a);
        jcs_add(one, jcs_new_text(a, r->records[i].id));
        jcs_add(one, jcs_new_int(a, r->records[i].version));
        jcs_add(one, jcs_new_text(a, span_of(hex)));
        jcs_add(list, one);
    }
    return list;
}

static struct jcs *figure_of(struct arena *a, const struct brief_paper *p, uint32_t i)
{
    const struct brief_figure *f = &p->b.figures[i];
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "key", span_of(word_keys[f->word]));
    jcs_set_text(a, o, "kind", f->due.kind);
    jcs_set_text(a, o, "state", f->due.state);
    jcs_set_text(a, o, "field", f->due.field);
    jcs_set_text(a, o, "from", f->due.from);
    jcs_set_text(a, o, "to", f->due.to);
    jcs_set_int(a, o, "count", f->count.count);
    jcs_set_bool(a, o, "more", f->count.more);
    jcs_set(a, o, "records", records_of(a, &p->counted[i]));
    return o;
}

static struct jcs *row_of(struct arena *a, const struct brief_row *r)
{
    char hex[2 * BRIEF_HASH_BYTES + 1];
    struct jcs *o = jcs_new_object(a);
    struct jcs *cells = jcs_new_array(a);
    hex_encode(r->hash, sizeof r->hash, hex);
    for (size_t i = 0; i < ARRAY_LEN(r->cells); i++) {
        jcs_add(cells, jcs_new_text(a, r->cells[i]));
    }
    jcs_set_text(a, o, "id", r->id);
    jcs_set_int(a, o, "version", r->version);
    jcs_set_text(a, o, "hash", span_of(hex));
    jcs_set_text(a, o, "tlp", span_of(tlp_name(r->tlp)));
    jcs_set_text(a, o, "title", r->title);
    jcs_set(a, o, "cells", cells);
    jcs_set_text(a, o, "decision", r->decision == WORD_COUNT ? SPAN("") : span_of(word_keys[r->decision]));
    return o;
}

static bool is_said(const char *key)
{
    return span_starts(span_of(key), SPAN("brief."));
}

struct span brief_freeze(const struct brief_paper *p, struct arena *a)
{
    char at[TIME_TEXT_MAX];
    struct jcs *o = jcs_new_object(a);
    struct jcs *figures = jcs_new_array(a), *tables = jcs_new_object(a), *said = jcs_new_object(a);
    for (uint32_t i = 0; i < p->b.nfigures; i++) {
        jcs_add(figures, figure_of(a, p, i));
    }
    for (int t = 0; t < BRIEF_TABLE_COUNT; t++) {
        struct jcs *rows = jcs_new_array(a);
        for (uint32_t i = 0; p->b.shown[t] && i < p->b.nrows[t]; i++) {
            jcs_add(rows, row_of(a, &p->b.rows[t][i]));
        }
        if (p->b.shown[t]) {
            jcs_set(a, tables, table_names[t], rows);
        }
    }
    for (int w = 0; w < WORD_COUNT; w++) {
        if (is_said(word_keys[w])) {
            jcs_set_text(a, said, word_keys[w], span_of(p->b.words->text[w]));
        }
    }
    jcs_set_text(a, o, "format", SPAN("sereno-brief"));
    jcs_set_int(a, o, "format_version", DOCUMENT_VERSION);
    jcs_set_text(a, o, "node", p->b.node);
    jcs_set_text(a, o, "at", span_of(time_format(p->b.at, at)));
    jcs_set_text(a, o, "language", span_of(p->b.words->language));
    jcs_set_text(a, o, "text", p->text);
    jcs_set(a, o, "figures", figures);
    jcs_set(a, o, "tables", tables);
    jcs_set(a, o, "words", said);
    struct span text = jcs_text(a, o);
    return text.len <= BRIEF_DOCUMENT_MAX ? text : SPAN("");
}

/* ---- read again ---- */

/* A sentence as page and words_write take it: no markup, braces in pairs. */
static bool is_sentence(struct span s)
{
    bool open = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '<' || c == '>' || c == '&' || c == '\0' || (c == '{' && open) || (c == '}' && !open)) {
            return false;
        }
        open = c == '{' ? true : c == '}' ? false : open;
    }
    return !open;
}

static enum word word_of(struct span key)
{
    for (int w = 0; w < WORD_COUNT; w++) {
        if (is_said(word_keys[w]) && span_eq(key, span_of(word_keys[w]))) {
            return (enum word)w;
        }
    }
    return WORD_COUNT;
}

/* The words of the document; those that it does not have are of the language today. */
static const struct words *words_then(const struct jcs *doc, struct arena *a)
{
    struct span language = SPAN("");
    struct words *w = arena_alloc(a, sizeof *w);
    const struct jcs *said = jcs_get_object(doc, "words");
    if (!jcs_get_text(doc, "language", &language) || words_of(language) == NULL) {
        return NULL;
    }
    *w = *words_of(language);
    for (const struct jcs *v = said == NULL ? NULL : said->first; v != NULL; v = v->next) {
        enum word at = word_of(v->key);
        if (at != WORD_COUNT && v->kind == JCS_TEXT && is_sentence(v->text)) {
            w->text[at] = arena_cstr(a, v->text);
        }
    }
    return w;
}

static bool take_records(const struct jcs *figure, struct arena *a, struct brief_register *out)
{
    const struct jcs *list = jcs_get_array(figure, "records");
    bool more = false;
    if (list == NULL || list->count > TODAY_COUNT_MAX || !jcs_get_bool(figure, "more", &more)) {
        return false;
    }
    *out = (struct brief_register){.more = more, .records = arena_calloc(a, list->count, sizeof *out->records)};
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        struct brief_counted *r = &out->records[out->n++];
        const struct jcs *id = v->kind == JCS_ARRAY && v->count == 3 ? v->first : NULL;
        if (id == NULL || id->kind != JCS_TEXT || !id_valid(id->text) || id->next->kind != JCS_INT || id->next->next->kind != JCS_TEXT ||
            !hex_decode(id->next->next->text, r->hash, sizeof r->hash)) {
            return false;
        }
        r->id = id->text;
        r->version = id->next->number;
    }
    return true;
}

struct thawing {
    const struct registers *kinds;
    const struct policy_reader *reader;
    time_ns now;
    struct arena *a;
    struct brief_paper *p;
};

/* The reader opens records of the kind, under this label, of the organisation whose brief it is. */
static const struct register_kind *kind_open(const struct thawing *t, struct span name, enum tlp tlp)
{
    const struct register_kind *k = registers_any(t->kinds, name);
    const struct policy_record r = {.organisation = t->p->issued.organisation, .author = SPAN(""), .tlp = tlp};
    return k != NULL && policy_record_allows(t->reader, &k->rights, &r, RECORD_READ, t->now) ? k : NULL;
}

static bool take_figure(const struct thawing *t, const struct jcs *v, uint32_t place)
{
    struct brief *b = &t->p->b;
    struct brief_figure f = {.place = place};
    struct span key = SPAN("");
    int64_t count = 0;
    struct brief_register counted = {.n = 0};
    bool whole = jcs_get_text(v, "key", &key) && jcs_get_text(v, "kind", &f.due.kind) && jcs_get_text(v, "state", &f.due.state) &&
                 jcs_get_text(v, "field", &f.due.field) && jcs_get_text(v, "from", &f.due.from) && jcs_get_text(v, "to", &f.due.to) &&
                 jcs_get_int(v, "count", &count) && take_records(v, t->a, &counted) && word_of(key) != WORD_COUNT;
    if (!whole) {
        return false;
    }
    if (kind_open(t, f.due.kind, TLP_AMBER_STRICT) == NULL) {
        t->p->hidden++;
        return true;
    }
    f.word = word_of(key);
    f.count = (struct today_count){count, counted.more};
    f.href = span_of(arena_printf(t->a, "/briefs/%.*s/figures/%u", SPAN_ARG(t->p->issued.id), place));
    t->p->counted[b->nfigures] = counted;
    b->figures[b->nfigures++] = f;
    return true;
}

static bool take_row(enum brief_table table, const struct jcs *v, struct brief_row *out)
{
    struct span tlp = SPAN(""), hash = SPAN(""), decision = SPAN("");
    const struct jcs *cells = jcs_get_array(v, "cells");
    *out = (struct brief_row){.kind = brief_table_kind(table)};
    bool whole = jcs_get_text(v, "id", &out->id) && id_valid(out->id) && jcs_get_text(v, "title", &out->title) && jcs_get_text(v, "tlp", &tlp) &&
                 jcs_get_text(v, "hash", &hash) && hex_decode(hash, out->hash, sizeof out->hash) && jcs_get_int(v, "version", &out->version) &&
                 jcs_get_text(v, "decision", &decision) && cells != NULL && cells->count == ARRAY_LEN(out->cells);
    if (!whole) {
        return false;
    }
    uint32_t i = 0;
    for (const struct jcs *c = cells->first; c != NULL; c = c->next) {
        out->cells[i++] = c->kind == JCS_TEXT ? c->text : SPAN("");
    }
    out->decision = word_of(decision);
    for (int l = TLP_CLEAR; l < TLP_COUNT; l++) {
        out->tlp = span_eq(tlp, span_of(tlp_name((enum tlp)l))) ? (enum tlp)l : out->tlp;
    }
    return true;
}

static bool take_table(const struct thawing *t, enum brief_table table, const struct jcs *rows)
{
    struct brief *b = &t->p->b;
    bool open = kind_open(t, brief_table_kind(table), TLP_AMBER_STRICT) != NULL;
    t->p->hidden += !open;
    b->shown[table] = open;
    for (const struct jcs *v = rows->first; v != NULL && open; v = v->next) {
        struct brief_row *out = &b->rows[table][b->nrows[table]];
        if (b->nrows[table] == BRIEF_ROWS_MAX || !take_row(table, v, out)) {
            return false;
        }
        const struct register_kind *k = kind_open(t, out->kind, out->tlp);
        if (k != NULL) {
            out->href = span_of(arena_printf(t->a, "/registers/%.*s/%.*s", SPAN_ARG(k->plural), SPAN_ARG(out->id)));
            brief_row_hide(k, table, policy_record_hidden(t->reader, &k->rights, t->now), out);
            b->nrows[table]++;
        }
    }
    return true;
}

bool brief_thaw(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct brief_paper *p)
{
    struct jcs *doc = NULL;
    struct err e = {0};
    struct span at = SPAN("");
    uint32_t place = 0;
    const struct thawing t = {kinds, reader, now, a, p};
    if (!brief_shown(reader, &p->issued, now) || jcs_read(a, p->issued.document, DOCUMENT_DEPTH, &doc, &e) != 0) {
        return false;
    }
    const struct jcs *figures = jcs_get_array(doc, "figures");
    const struct jcs *tables = jcs_get_object(doc, "tables");
    p->b.words = words_then(doc, a);
    bool whole = p->b.words != NULL && figures != NULL && tables != NULL && jcs_get_text(doc, "at", &at) && time_parse(at, 0, &p->b.at) &&
                 jcs_get_text(doc, "node", &p->b.node) && jcs_get_text(doc, "text", &p->text);
    for (const struct jcs *v = whole ? figures->first : NULL; v != NULL && whole; v = v->next) {
        whole = place < BRIEF_FIGURES_MAX && take_figure(&t, v, place);
        place++;
    }
    for (int i = 0; i < BRIEF_TABLE_COUNT && whole; i++) {
        const struct jcs *rows = jcs_get_array(tables, table_names[i]);
        whole = rows == NULL || take_table(&t, (enum brief_table)i, rows);
    }
    return whole;
}

bool brief_shown(const struct policy_reader *reader, const struct brief_issued *b, time_ns now)
{
    const struct policy_record r = {.organisation = b->organisation, .author = b->who_id, .tlp = b->tlp};
    struct policy_item item;
    struct policy_marking marking;
    policy_record_item(&r, &item, &marking);
    return policy_own_allows(reader, &item, ACTION_READ, POLICY_MAY_RECORDS, now);
}

/* ---- then and now ---- */

static int order(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int by = memcmp(a.ptr, b.ptr, n);
    return by != 0 ? by : (a.len > b.len) - (a.len < b.len);
}

/* Both are sorted by id. */
void brief_compare(struct brief_figure_now *f, struct arena *a)
{
    const struct brief_register *then = &f->paper->counted[f->figure];
    uint32_t i = 0, j = 0;
    f->rows = arena_calloc(a, (size_t)then->n + f->now.n, sizeof *f->rows);
    while (i < then->n || j < f->now.n) {
        const struct brief_counted *x = i < then->n ? &then->records[i] : NULL;
        const struct brief_counted *y = j < f->now.n ? &f->now.records[j] : NULL;
        int by = x == NULL ? 1 : y == NULL ? -1 : order(x->id, y->id);
        struct brief_compared *r = &f->rows[f->n++];
        if (x != NULL && by <= 0) {
            *r = (struct brief_compared){.id = x->id, .stands = BRIEF_GONE, .then = x->version};
            i++;
        }
        if (y != NULL && by >= 0) {
            bool same = x != NULL && by == 0 && memcmp(x->hash, y->hash, sizeof x->hash) == 0;
            *r = (struct brief_compared){.id = y->id, .title = y->title, .stands = by > 0 ? BRIEF_NEW : same ? BRIEF_SAME : BRIEF_CHANGED, .then = r->then, .now = y->version};
            j++;
        }
    }
}
