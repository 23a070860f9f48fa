/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Programs and substitutions to leaves: the part that costs per record. A template instance names
 * its template (compiled at most once per chunk and place) and brings its values; a value may be
 * binary XML itself.
 */
#include "wire/evtx_priv.h"

enum {
    TOKEN_MORE = 0x40,
    TOKEN_END = 0x00,
    TOKEN_OPEN = 0x01,
    TOKEN_INSTANCE = 0x0c,
    TOKEN_FRAGMENT = 0x0f,
    TEMPLATE_HEADER_BYTES = 24, /* next template, GUID, size */
    VALUE_ENTRY_BYTES = 4,
};

static int run(struct evtx *x, const struct evtx_program *p, size_t first, size_t count,
               unsigned depth);

/* ---- text and leaves ---- */

/* Room for n more bytes of text, or NULL (the record or its chunk has too much). */
static char *room(struct evtx *x, size_t at, size_t n)
{
    size_t most = x->chunk_text < EVTX_TEXT_MAX ? x->chunk_text : EVTX_TEXT_MAX;
    if (n + 1 > most || x->text_len > most - n - 1) {
        x->l->tags |= TAG_TOO_LONG;
        (void)evtx_fail(x, ERR_LIMIT, at,
                        "a record's values are longer than 1 MiB, or a chunk's than 8 MiB");
        return NULL;
    }
    return x->text + x->text_len;
}

static void add_leaf(struct evtx *x, const struct evtx_target *t, uint8_t kind, const char *ptr,
                     size_t len)
{
    struct leaves *l = x->l;
    uint32_t before = l->len;
    leaves_add(l, t->node, kind, 0, 1, ptr, len);
    if (t->also != KEY_NONE) {
        leaves_add(l, t->also, kind, 0, 1, ptr, len);
    }
    vec_reserve(&x->names, (size_t)l->len);
    for (uint32_t i = before; i < l->len; i++) {
        x->names.data[i] = i == before ? t->name : span_make(NULL, 0);
    }
    x->names.len = l->len;
}

/* The text that was added from `from` on is one value. */
static void end_value(struct evtx *x, const struct evtx_target *t, uint8_t kind, size_t from)
{
    add_leaf(x, t, kind, x->text + from, x->text_len - from);
    x->text[x->text_len++] = '\n'; /* room() kept a byte for it */
}

static const struct evtx_target *target_of(const struct evtx *x, const struct evtx_op *op)
{
    return (op->flags & EVTX_OP_NAMED) != 0 ? &x->named : &op->target;
}

/* An element or attribute without a value. */
static int no_value(struct evtx *x, const struct evtx_op *op)
{
    if (room(x, 0, 0) == NULL) {
        return x->e->code;
    }
    if ((op->flags & EVTX_OP_DATA) != 0) {
        end_value(x, target_of(x, op), LEAF_STRING, x->text_len);
    } else if ((op->flags & EVTX_OP_ATTRIBUTE) == 0 &&
               !((op->flags & EVTX_OP_TAGGED) != 0 && x->attributes)) {
        end_value(x, target_of(x, op), LEAF_NULL, x->text_len);
    }
    return 0;
}

/* ---- values ---- */

/* A value as text behind what is there. */
static int append(struct evtx *x, size_t at, uint8_t type, struct span value, uint8_t *kind_out)
{
    char *out = room(x, at, evtx_text_room(type, value.len));
    if (out == NULL) {
        return x->e->code;
    }
    x->text_len += evtx_text(type, value, out, kind_out, &x->l->tags);
    return 0;
}

/* Next item of an array: of fixed size, or a string to its zero. */
static struct span next_item(struct span *rest, size_t size)
{
    size_t n = size;
    if (size == 0) {
        n = 0;
        while (n + 1 < rest->len && (rest->ptr[n] != 0 || rest->ptr[n + 1] != 0)) {
            n += 2;
        }
    }
    struct span item = span_sub(*rest, 0, n);
    *rest = span_sub(*rest, n + (size == 0 ? 2 : 0), rest->len);
    return item;
}

/* Each item of an array is a value of its own; inside a longer text they stand side by side. */
static int run_array(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v,
                     bool joined)
{
    uint8_t type = (uint8_t)(v->type & ~EVTX_ARRAY);
    size_t size = evtx_item_size(type);
    struct span value = span_sub(x->chunk, v->at, v->size);
    int rc = 0;
    for (bool first = true; rc == 0 && value.len > 0; first = false) {
        uint8_t kind = LEAF_STRING;
        size_t from = x->text_len;
        struct span item = next_item(&value, size);
        rc = evtx_step(x, v->at);
        if (rc == 0 && joined && !first) {
            rc = append(x, v->at, EVTX_ANSI, SPAN(" "), &kind);
        }
        rc = rc == 0 ? append(x, v->at, type, item, &kind) : rc;
        if (rc == 0 && !joined) {
            end_value(x, target_of(x, op), kind, from);
        }
    }
    return rc;
}

static bool is_array(const struct evtx_value *v)
{
    uint8_t type = (uint8_t)(v->type & ~EVTX_ARRAY);
    size_t item = evtx_item_size(type);
    bool strings = item == 0 && (type == EVTX_STRING || type == EVTX_XML);
    return (v->type & EVTX_ARRAY) != 0 && (strings || (item > 0 && v->size % item == 0));
}

/* One substitution. joined: it is part of a longer text. */
static int run_value(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v,
                     bool joined, unsigned depth)
{
    struct span value = span_sub(x->chunk, v->at, v->size);
    bool none =
        v->type == EVTX_NULL || (v->size == 0 && v->type != EVTX_STRING && v->type != EVTX_ANSI);
    if (v->type == EVTX_BINXML) {
        return evtx_fragment(x, v->at, v->at + v->size, op->place, depth + 1);
    }
    if (none) {
        return joined ? 0 : no_value(x, op);
    }
    if (is_array(v)) {
        return run_array(x, op, v, joined);
    }
    uint8_t kind = LEAF_STRING;
    size_t from = x->text_len;
    int rc = append(x, v->at, v->type, value, &kind);
    if (rc == 0 && !joined) {
        end_value(x, target_of(x, op), kind, from);
    }
    return rc;
}

/* <Data Name="%1">: the key is known only now. */
static int run_name(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v)
{
    uint8_t kind = LEAF_STRING;
    size_t from = x->text_len;
    int rc = append(x, v->at, v->type, span_sub(x->chunk, v->at, v->size), &kind);
    if (rc == 0) {
        struct span key = span_sub(span_make(x->text + from, x->text_len - from), 0, EVTX_NAME_MAX);
        x->named = key.len == 0 ? op->target : evtx_child(x, op->place, key);
        x->text_len = from;
    }
    return rc;
}

/* ---- programs ---- */

/* A text made of several steps, while it is being made. */
struct joining {
    bool open;   /* a step said that more follows */
    bool any;    /* something was added since `from` */
    bool xml;    /* a step was XML */
    size_t from; /* where it begins */
};

/* A step of a text: constant or substitution. */
static int run_part(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v,
                    bool joined, unsigned depth)
{
    if (op->kind == EVTX_OP_VALUE) {
        return run_value(x, op, v, joined, depth);
    }
    char *out = room(x, 0, op->text.len);
    if (out == NULL) {
        return x->e->code;
    }
    size_t from = x->text_len;
    if (op->text.len > 0) {
        memcpy(out, op->text.ptr, op->text.len);
    }
    x->text_len += op->text.len;
    if (!joined) {
        end_value(x, target_of(x, op), LEAF_STRING, from);
    }
    return 0;
}

/* One step of several. XML between them is no text: it ends what stands before it. */
static int run_joined(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v,
                      struct joining *j, unsigned depth)
{
    bool xml = op->kind == EVTX_OP_VALUE && v->type == EVTX_BINXML;
    bool more = (op->flags & EVTX_OP_MORE) != 0;
    if (!j->open || xml) {
        if (j->open && j->any) {
            end_value(x, target_of(x, op), LEAF_STRING, j->from);
        }
        *j = (struct joining){.from = x->text_len, .xml = xml || (j->open && j->xml)};
    }
    int rc = run_part(x, op, v, true, depth);
    if (rc != 0) {
        return rc;
    }
    j->open = more;
    j->any = j->any || (!xml && v->type != EVTX_NULL) || op->kind == EVTX_OP_TEXT;
    j->from = xml ? x->text_len : j->from;
    if (!more && j->any) {
        end_value(x, target_of(x, op), LEAF_STRING, j->from);
    }
    return more || j->any || j->xml ? 0 : no_value(x, op);
}

/* A step that is no part of a text. */
static int run_mark(struct evtx *x, const struct evtx_op *op, const struct evtx_value *v)
{
    int rc = op->kind == EVTX_OP_NAME    ? run_name(x, op, v)
             : op->kind == EVTX_OP_EMPTY ? no_value(x, op)
                                         : 0;
    x->attributes = false;
    return rc;
}

static int run(struct evtx *x, const struct evtx_program *p, size_t first, size_t count,
               unsigned depth)
{
    static const struct evtx_value missing = {0, 0, EVTX_NULL};
    struct joining j = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < p->nops; i++) {
        const struct evtx_op *op = &p->ops[i];
        /* A copy: the list may move while a value that is XML is read. */
        struct evtx_value v = op->value < count ? x->values.data[first + op->value] : missing;
        uint32_t before = x->l->len;
        rc = evtx_step(x, v.at);
        if (rc != 0) {
            break;
        }
        if (op->kind != EVTX_OP_TEXT && op->kind != EVTX_OP_VALUE) {
            rc = run_mark(x, op, &v);
            continue;
        }
        bool several = j.open || (op->flags & EVTX_OP_MORE) != 0;
        rc = several ? run_joined(x, op, &v, &j, depth) : run_part(x, op, &v, false, depth);
        x->attributes =
            (op->flags & EVTX_OP_ATTRIBUTE) != 0 && (x->attributes || x->l->len > before);
    }
    return rc;
}

/* ---- templates ---- */

static struct evtx_cached *cache_at(struct evtx *x, uint32_t at, const struct evtx_place *place)
{
    uint32_t h = (at ^ (uint32_t)((uintptr_t)place >> 4)) * 0x9e3779b1u;
    for (uint32_t i = h >> 24;; i = (i + 1) % EVTX_CACHE_SLOTS) {
        struct evtx_cached *c = &x->cache[i % EVTX_CACHE_SLOTS];
        if (c->stamp != x->stamp || (c->at == at && c->place == place)) {
            return c;
        }
    }
}

/* The program of the template at `at`. */
static int template_program(struct evtx *x, uint32_t at, const struct evtx_place *place,
                            struct evtx_program *out)
{
    struct evtx_cached *c = cache_at(x, at, place);
    if (c->stamp == x->stamp) {
        *out = c->program;
        return 0;
    }
    struct cursor head = cursor_of(span_sub(x->chunk, at, x->chunk.len));
    (void)cursor_take(&head, TEMPLATE_HEADER_BYTES - 4);
    uint32_t size = cursor_u32(&head);
    struct cursor body = cursor_of(cursor_take(&head, size));
    if (head.failed) {
        return evtx_fail(x, ERR_TRUNCATED, at, "a template reaches beyond the chunk");
    }
    int rc = evtx_compile(x, &body, place, false, true, out);
    if (rc == 0 && x->cached < EVTX_CACHE_SLOTS / 4 * 3) {
        *c = (struct evtx_cached){x->stamp, at, place, *out};
        x->cached++;
    }
    return rc;
}

/* Types and sizes of an instance's values, then the values; pushed on x->values. */
static int take_values(struct evtx *x, struct cursor *c, size_t *count_out)
{
    uint32_t at = evtx_at(x, c);
    uint32_t n = cursor_u32(c);
    if (n > EVTX_VALUES_MAX) {
        return evtx_fail(x, ERR_LIMIT, at, "a template instance with more than 4096 values");
    }
    struct span table = cursor_take(c, (size_t)n * VALUE_ENTRY_BYTES);
    if (c->failed) {
        return evtx_fail(x, ERR_TRUNCATED, at, "the values of a template instance end too early");
    }
    uint32_t from = evtx_at(x, c);
    size_t total = 0;
    size_t first = x->values.len;
    vec_reserve(&x->values, first + n);
    for (uint32_t i = 0; i < n; i++) {
        struct evtx_value *v = &x->values.data[first + i];
        memcpy(&v->size, table.ptr + (size_t)i * VALUE_ENTRY_BYTES, sizeof v->size);
        v->type = (uint8_t)table.ptr[(size_t)i * VALUE_ENTRY_BYTES + 2];
        v->at = from + (uint32_t)total;
        total += v->size;
    }
    (void)cursor_take(c, total);
    if (c->failed) {
        return evtx_fail(x, ERR_TRUNCATED, at, "the values of a template instance end too early");
    }
    x->values.len = first + n;
    *count_out = n;
    return 0;
}

/* Behind the token of a template instance. Its definition may stand right here, or anywhere in the
 * chunk. */
static int instance(struct evtx *x, struct cursor *c, const struct evtx_place *place,
                    unsigned depth)
{
    struct evtx_program program = {NULL, 0};
    uint32_t at = evtx_at(x, c);
    (void)cursor_u8(c);  /* always 1 */
    (void)cursor_u32(c); /* number of the template, the begin of its GUID */
    uint32_t definition = cursor_u32(c);
    if (c->failed || definition > x->chunk.len - TEMPLATE_HEADER_BYTES) {
        return evtx_fail(x, ERR_INVALID, at, "a template outside the chunk");
    }
    if (definition == evtx_at(x, c)) {
        (void)cursor_take(c, TEMPLATE_HEADER_BYTES - 4);
        (void)cursor_take(c, cursor_u32(c));
        if (c->failed) {
            return evtx_fail(x, ERR_TRUNCATED, at, "a template reaches beyond its record");
        }
    }
    size_t count = 0;
    size_t first = x->values.len;
    int rc = template_program(x, definition, place, &program);
    rc = rc == 0 ? take_values(x, c, &count) : rc;
    rc = rc == 0 ? run(x, &program, first, count, depth) : rc;
    x->values.len = first;
    return rc;
}

int evtx_fragment(struct evtx *x, uint32_t from, uint32_t to, const struct evtx_place *place,
                  unsigned depth)
{
    struct cursor c = cursor_of(span_sub(x->chunk, from, to - from));
    if (depth > EVTX_NESTED_MAX) {
        x->l->tags |= TAG_TOO_DEEP;
        return evtx_fail(x, ERR_LIMIT, from, "more than 8 fragments inside each other");
    }
    while (cursor_left(&c) > 0) {
        int rc = evtx_step(x, evtx_at(x, &c));
        uint8_t token = (uint8_t)(*c.ptr & ~TOKEN_MORE);
        if (rc == 0 && token == TOKEN_FRAGMENT) {
            (void)cursor_take(&c, 4);
        } else if (rc == 0 && token == TOKEN_INSTANCE) {
            (void)cursor_u8(&c);
            rc = instance(x, &c, place, depth);
        } else if (rc == 0 && token == TOKEN_OPEN) {
            struct evtx_program program;
            rc = evtx_compile(x, &c, place, true, false, &program);
            rc = rc == 0 ? run(x, &program, 0, 0, depth) : rc;
        } else if (rc == 0 && token == TOKEN_END) {
            return 0;
        } else if (rc == 0) {
            rc = evtx_fail(x, ERR_INVALID, evtx_at(x, &c), "no fragment of binary XML begins");
        }
        if (rc != 0) {
            return rc;
        }
    }
    return c.failed ? evtx_fail(x, ERR_TRUNCATED, to, "binary XML ends too early") : 0;
}
