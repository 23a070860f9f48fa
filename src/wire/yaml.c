/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The reader: libfyaml's events into our tree. A frame per open collection gathers its children on a stack shared by
 * all of them; closing it copies them to the arena. No recursion, so depth costs heap of known size.
 * Runs wherever files of ours or rule files are loaded (compiler, super, cli); it must never write anywhere.
 */
#include "wire/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"

enum { SMALL_MAP = 16 }; /* keys up to which comparing all pairs is cheaper than hashing */

struct frame {
    struct yaml_node *node;
    size_t first; /* of its children on the stack */
};

struct reader {
    struct arena *arena;
    struct span text;
    struct fy_parser *parser;
    struct fy_diag *diag;
    VEC(struct yaml_doc) docs;
    VEC(struct frame) frames;
    VEC(const struct yaml_node *) stack;
    const struct yaml_node *root;
    uint32_t nodes;
    struct yaml_doc doc; /* the open one */
    bool open;
    bool over; /* a limit of the whole file was met */
};

const char *yaml_kind_name(enum yaml_kind kind)
{
    switch (kind) {
    case YAML_SEQ:
        return "a list";
    case YAML_MAP:
        return "a map";
    case YAML_SCALAR:
    default:
        return "a single value";
    }
}

/* The first problem of a document is the one that is told. */
static void doc_refuse(struct reader *r, uint32_t line, const char *problem)
{
    if (r->doc.problem == NULL) {
        r->doc.problem = problem;
        r->doc.problem_line = line;
    }
}

static uint32_t event_line(struct fy_event *fye)
{
    const struct fy_mark *mark = fy_event_start_mark(fye);
    return mark == NULL ? 0 : (uint32_t)mark->line + 1;
}

static struct yaml_node *node_new(struct reader *r, struct fy_event *fye, enum yaml_kind kind)
{
    struct yaml_node *n = arena_alloc(r->arena, sizeof *n);
    const struct fy_mark *mark = fy_event_start_mark(fye);
    n->kind = kind;
    if (mark != NULL) {
        n->line = (uint32_t)mark->line + 1;
        n->column = (uint32_t)mark->column + 1;
    } else if (r->stack.len > 0) {
        n->line = vec_last(&r->stack)[0]->line; /* an empty value has no place of its own: its key's */
    }
    if (++r->nodes > YAML_NODES_MAX) {
        doc_refuse(r, n->line, "more than 200000 values in one file");
        r->over = true;
    }
    return n;
}

/* Properties of a node: anchors are refused, of the tags only !!str says something we read. */
static void node_properties(struct reader *r, struct fy_event *fye, struct yaml_node *n)
{
    struct fy_token *tag = fy_event_get_tag_token(fye);
    if (fy_event_get_anchor_token(fye) != NULL) {
        doc_refuse(r, n->line, "anchors (&name) are not read here: write the value out");
    }
    if (tag == NULL) {
        return;
    }
    size_t len = 0;
    const char *text = fy_token_get_text(tag, &len);
    struct span name = span_make(text, text == NULL ? 0 : len);
    if (n->kind == YAML_SCALAR && (span_eq(name, SPAN("tag:yaml.org,2002:str")) || span_eq(name, SPAN("!")))) {
        n->quoted = true;
        return;
    }
    doc_refuse(r, n->line, "tags other than !!str are not read here");
}

static void node_push(struct reader *r, const struct yaml_node *n)
{
    if (r->frames.len == 0) {
        r->root = n;
    } else {
        vec_push(&r->stack, n);
    }
}

/* Folds the line breaks at p: one becomes a blank, n become n-1 line feeds (YAML 1.2 §7.3.2). Returns where text goes on. */
static const char *fold_breaks(const char *p, const char *end, char *start, char **out)
{
    size_t breaks = 0;
    while (*out > start && ((*out)[-1] == ' ' || (*out)[-1] == '\t')) {
        (*out)--;
    }
    for (; p < end && strchr(" \t\r\n", *p) != NULL; p++) {
        breaks += *p == '\n';
    }
    if (breaks <= 1) {
        *(*out)++ = ' ';
    }
    for (size_t i = 1; i < breaks; i++) {
        *(*out)++ = '\n';
    }
    return p;
}

/*
 * A single-quoted scalar from its own bytes. libfyaml 0.7.12 (Debian 12) loses characters where two escaped quotes
 * stand side by side ('a''''b'), so those, and only those, are read here.
 */
static bool single_quoted(struct reader *r, struct fy_token *token, struct span *out)
{
    const struct fy_mark *from = fy_token_start_mark(token);
    const struct fy_mark *to = fy_token_end_mark(token);
    if (fy_scalar_token_get_style(token) != FYSS_SINGLE_QUOTED || from == NULL || to == NULL ||
        to->input_pos < from->input_pos || to->input_pos > r->text.len) {
        return false;
    }
    struct span raw = span_sub(r->text, from->input_pos, to->input_pos - from->input_pos);
    if (raw.len >= 2 && raw.ptr[0] == '\'' && from->input_pos + raw.len <= r->text.len &&
        raw.ptr[raw.len - 1] == '\'') {
        raw = span_sub(raw, 1, raw.len - 2);
    }
    if (memmem(raw.ptr, raw.len, "''''", 4) == NULL) {
        return false;
    }
    char *start = arena_bytes(r->arena, raw.len + 1);
    char *o = start;
    const char *end = raw.ptr + raw.len;
    for (const char *p = raw.ptr; p < end;) {
        if (*p == '\n' || *p == '\r') {
            p = fold_breaks(p, end, start, &o);
        } else {
            p += *p == '\'' && p + 1 < end && p[1] == '\'' ? 1 : 0;
            *o++ = *p++;
        }
    }
    *o = '\0';
    *out = span_make(start, (size_t)(o - start));
    return true;
}

static void on_scalar(struct reader *r, struct fy_event *fye)
{
    struct yaml_node *n = node_new(r, fye, YAML_SCALAR);
    struct fy_token *token = fye->scalar.value;
    size_t len = 0;
    const char *text = token == NULL ? NULL : fy_token_get_text(token, &len);
    if (token == NULL || !single_quoted(r, token, &n->text)) {
        n->text = text == NULL ? SPAN("") : arena_copy(r->arena, span_make(text, len));
    }
    n->quoted = token != NULL && fy_scalar_token_get_style(token) != FYSS_PLAIN;
    node_properties(r, fye, n);
    node_push(r, n);
}

static void on_open(struct reader *r, struct fy_event *fye, enum yaml_kind kind)
{
    struct yaml_node *n = node_new(r, fye, kind);
    node_properties(r, fye, n);
    if (r->frames.len >= YAML_DEPTH_MAX) {
        doc_refuse(r, n->line, "nested deeper than 64");
        r->over = true;
    }
    struct frame f = {n, r->stack.len};
    vec_push(&r->frames, f);
}

static const struct yaml_node *duplicate_hashed(const struct yaml_node *map)
{
    struct map seen;
    const struct yaml_node *found = NULL;
    map_init(&seen);
    for (uint32_t i = 0; i < map->len && found == NULL; i++) {
        bool fresh = false;
        (void)map_at(&seen, map->pairs[i].key->text, &fresh);
        found = fresh ? NULL : map->pairs[i].key;
    }
    map_free(&seen);
    return found;
}

static const struct yaml_node *duplicate_key(const struct yaml_node *map)
{
    if (map->len > SMALL_MAP) {
        return duplicate_hashed(map);
    }
    for (uint32_t i = 1; i < map->len; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (span_eq(map->pairs[i].key->text, map->pairs[j].key->text)) {
                return map->pairs[i].key;
            }
        }
    }
    return NULL;
}

static void close_map(struct reader *r, struct yaml_node *n, const struct yaml_node **kids,
                      size_t count)
{
    struct yaml_pair *pairs = arena_calloc(r->arena, count / 2 + 1, sizeof *pairs);
    for (size_t i = 0; i + 1 < count; i += 2) {
        pairs[i / 2] = (struct yaml_pair){kids[i], kids[i + 1]};
        if (kids[i]->kind != YAML_SCALAR) {
            doc_refuse(r, kids[i]->line, "a key must be a single value");
        }
    }
    n->pairs = pairs;
    n->len = (uint32_t)(count / 2);
    const struct yaml_node *twice = r->doc.problem == NULL ? duplicate_key(n) : NULL;
    if (twice != NULL) {
        doc_refuse(r, twice->line,
                   arena_printf(r->arena, "key '%.*s' stands twice in one map",
                                SPAN_ARG(span_sub(twice->text, 0, 200))));
    }
}

static void on_close(struct reader *r)
{
    if (r->frames.len == 0) {
        return;
    }
    struct frame f = *vec_last(&r->frames);
    size_t count = r->stack.len - f.first;
    const struct yaml_node **kids = count == 0 ? NULL : r->stack.data + f.first;
    r->frames.len--;
    if (f.node->kind == YAML_MAP) {
        close_map(r, f.node, kids, count);
    } else {
        const struct yaml_node **items = arena_calloc(r->arena, count + 1, sizeof *items);
        if (count > 0) {
            memcpy(items, kids, count * sizeof *items);
        }
        f.node->items = items;
        f.node->len = (uint32_t)count;
    }
    r->stack.len = f.first;
    node_push(r, f.node);
}

static void doc_open(struct reader *r, struct fy_event *fye)
{
    const struct fy_mark *mark = fy_event_start_mark(fye);
    size_t from = mark == NULL ? 0 : mark->input_pos;
    if (r->docs.len == 0) {
        from = 0; /* the comment above the first document belongs to it */
    }
    r->doc = (struct yaml_doc){.line = mark == NULL ? 1 : (uint32_t)mark->line + 1,
                               .text = span_sub(r->text, from, SIZE_MAX)};
    if (r->docs.len > 0) { /* the one before ends here */
        struct span *before = &vec_last(&r->docs)->text;
        *before = span_make(before->ptr, (size_t)(r->doc.text.ptr - before->ptr));
    }
    r->root = NULL;
    r->open = true;
    if (r->docs.len >= YAML_DOCS_MAX) {
        doc_refuse(r, r->doc.line, "more than 1000 documents in one file");
        r->over = true;
    }
}

static bool doc_is_empty(const struct reader *r)
{
    return r->doc.problem == NULL && (r->root == NULL || yaml_is_null(r->root));
}

static void doc_close(struct reader *r)
{
    if (!r->open) {
        return;
    }
    r->open = false;
    r->frames.len = 0;
    r->stack.len = 0;
    if (doc_is_empty(r)) {
        return;
    }
    r->doc.root = r->doc.problem == NULL ? r->root : NULL;
    vec_push(&r->docs, r->doc);
}

static void on_event(struct reader *r, struct fy_event *fye)
{
    switch (fye->type) {
    case FYET_DOCUMENT_START:
        doc_open(r, fye);
        break;
    case FYET_DOCUMENT_END:
        doc_close(r);
        break;
    case FYET_SCALAR:
        on_scalar(r, fye);
        break;
    case FYET_ALIAS:
        doc_refuse(r, event_line(fye), "aliases (*name) are not read here: write the value out");
        node_push(r, node_new(r, fye, YAML_SCALAR));
        break;
    case FYET_SEQUENCE_START:
        on_open(r, fye, YAML_SEQ);
        break;
    case FYET_MAPPING_START:
        on_open(r, fye, YAML_MAP);
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        on_close(r);
        break;
    default:
        break;
    }
}

/* libfyaml stopped: its first message becomes the problem of the open document, or of one that never opened. */
static void syntax_error(struct reader *r)
{
    void *at = NULL;
    const struct fy_diag_error *first = fy_diag_errors_iterate(r->diag, &at);
    const char *what = "not valid YAML";
    uint32_t line = 0;
    if (first != NULL && first->msg != NULL) {
        what = arena_printf(r->arena, "not valid YAML: %.*s",
                            SPAN_ARG(span_sub(span_trim(span_of(first->msg)), 0, 300)));
        line = first->line > 0 ? (uint32_t)first->line : 0;
    }
    if (!r->open) {
        r->doc = (struct yaml_doc){.line = line, .text = r->text};
        r->open = true;
    }
    doc_refuse(r, line, what);
    doc_close(r);
}

static int reader_run(struct reader *r)
{
    for (;;) {
        struct fy_event *fye = fy_parser_parse(r->parser);
        if (fye == NULL) {
            if (fy_parser_get_stream_error(r->parser)) {
                syntax_error(r);
            }
            return 0;
        }
        bool end = fye->type == FYET_STREAM_END;
        on_event(r, fye);
        fy_parser_event_free(r->parser, fye);
        if (end || r->over) {
            doc_close(r);
            return r->over ? ERR_LIMIT : 0;
        }
    }
}

static void silent(struct fy_diag *diag, void *user, const char *text, size_t len)
{
    (void)diag, (void)user, (void)text, (void)len;
}

static bool reader_open(struct reader *r)
{
    struct fy_diag_cfg diag_cfg = {0};
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = silent;
    diag_cfg.level = FYET_ERROR;
    r->diag = fy_diag_create(&diag_cfg);
    if (r->diag == NULL) {
        return false;
    }
    fy_diag_set_collect_errors(r->diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
                                        FYPCF_DEFAULT_VERSION_AUTO | FYPCF_DISABLE_MMAP_OPT,
                               .diag = r->diag};
    r->parser = fy_parser_create(&cfg);
    return r->parser != NULL && fy_parser_set_string(r->parser, r->text.ptr, r->text.len) == 0;
}

/* Bytes libfyaml would guess about are refused before it sees them. */
static int check_bytes(struct span text, struct err *e)
{
    if (text.len > YAML_FILE_MAX_BYTES) {
        return err_set(e, ERR_LIMIT, "%zu bytes, more than the %d of one file", text.len,
                       YAML_FILE_MAX_BYTES);
    }
    uint32_t line = 1;
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; p < end;) {
        size_t len = 1;
        if (*p == '\n') {
            line++;
        } else if (*p == '\0' || ((unsigned char)*p >= 0x80 && utf8_decode(p, end, &len) == UTF8_BAD)) {
            int code = err_set(e, ERR_INVALID, *p == '\0' ? "a zero byte" : "bytes that are no UTF-8");
            err_at(e, "", line);
            return code;
        }
        p += len;
    }
    return 0;
}

static int first_problem(const struct yaml_docs *docs, int code, struct err *e)
{
    for (uint32_t i = 0; i < docs->len; i++) {
        if (docs->docs[i].problem != NULL) {
            code = err_set(e, code != 0 ? code : ERR_INVALID, "%s", docs->docs[i].problem);
            err_at(e, "", docs->docs[i].problem_line);
            return code;
        }
    }
    return 0;
}

int yaml_read(struct arena *a, struct span text, struct yaml_docs *out, struct err *e)
{
    *out = (struct yaml_docs){0};
    if (span_starts(text, SPAN("\xef\xbb\xbf"))) {
        text = span_sub(text, 3, SIZE_MAX);
    }
    int code = check_bytes(text, e);
    if (code != 0 || text.len == 0) {
        return code;
    }
    struct reader r = {.arena = a, .text = text};
    if (!reader_open(&r)) {
        code = err_set(e, ERR_INVALID, "the YAML reader could not be started");
    } else {
        code = reader_run(&r);
        struct yaml_doc *docs = arena_calloc(a, r.docs.len + 1, sizeof *docs);
        if (r.docs.len > 0) {
            memcpy(docs, r.docs.data, r.docs.len * sizeof *docs);
        }
        *out = (struct yaml_docs){docs, (uint32_t)r.docs.len};
        code = first_problem(out, code, e);
    }
    fy_parser_destroy(r.parser);
    fy_diag_destroy(r.diag);
    vec_free(&r.docs);
    vec_free(&r.frames);
    vec_free(&r.stack);
    return code;
}
