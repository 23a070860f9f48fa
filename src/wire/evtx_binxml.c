/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Binary XML ([MS-EVEN6] 2.2.12) to programs: a template's tokens are read once and become a flat
 * list of steps, each of which knows where in the key table its value goes. Open elements are kept
 * on a stack of fixed height.
 */
#include "wire/evtx_priv.h"

enum {
    TOKEN_MORE = 0x40,
    TOKEN_END = 0x00,
    TOKEN_OPEN = 0x01,
    TOKEN_CLOSE_START = 0x02,
    TOKEN_CLOSE_EMPTY = 0x03,
    TOKEN_CLOSE = 0x04,
    TOKEN_TEXT = 0x05,
    TOKEN_ATTRIBUTE = 0x06,
    TOKEN_CDATA = 0x07,
    TOKEN_CHAR = 0x08,
    TOKEN_ENTITY = 0x09,
    TOKEN_PI_TARGET = 0x0a,
    TOKEN_PI_DATA = 0x0b,
    TOKEN_VALUE = 0x0d,
    TOKEN_OPTIONAL = 0x0e,
    TOKEN_FRAGMENT = 0x0f,
};

/* An open element. */
struct frame {
    struct span name;
    const struct evtx_place *parent;
    const struct evtx_place *place; /* of its children, once its tag is closed */
    struct evtx_target target;
    uint32_t first_piece; /* of the text since the last tag */
    uint32_t first_attribute;
    bool in_tag;     /* attributes may follow */
    bool attributes; /* it has some that are values */
    bool children;
    bool data;  /* <Data Name="…"> */
    bool named; /* its key is a substitution */
};

struct compiler {
    struct evtx *x;
    struct cursor *c;
    uint32_t depth;
    bool dependency;
    struct frame frames[EVTX_DEPTH_MAX];
};

static int fail(struct compiler *k, int code, const char *what)
{
    return evtx_fail(k->x, code, evtx_at(k->x, k->c), what);
}

static int cut(struct compiler *k)
{
    return fail(k, ERR_TRUNCATED, "binary XML ends too early");
}

/* ---- names ---- */

static struct span to_utf8(struct evtx *x, struct span units)
{
    char *out = arena_bytes(&x->arena, units.len / 2 * 3 + 16);
    return span_make(out, evtx_utf16(units, out, &x->l->tags));
}

/* A name by its offset; behind it where it stands here for the first time. */
static int take_name(struct compiler *k, struct span *out)
{
    struct evtx *x = k->x;
    uint32_t offset = cursor_u32(k->c);
    if (k->c->failed || offset > x->chunk.len) {
        return fail(k, ERR_INVALID, "a name outside the chunk");
    }
    struct cursor there = cursor_of(span_sub(x->chunk, offset, x->chunk.len));
    bool here = there.ptr == k->c->ptr;
    (void)cursor_u32(&there); /* next name with the same hash */
    (void)cursor_u16(&there); /* hash */
    uint16_t units = cursor_u16(&there);
    struct span name = cursor_take(&there, (size_t)units * 2);
    (void)cursor_u16(&there); /* zero */
    if (there.failed) {
        return cut(k);
    }
    if (units > EVTX_NAME_MAX) {
        return fail(k, ERR_LIMIT, "a name of more than 512 characters");
    }
    if (here) {
        (void)cursor_take(k->c, (size_t)(there.ptr - k->c->ptr));
        if (k->c->failed) {
            return cut(k);
        }
    }
    *out = to_utf8(x, name);
    return 0;
}

static struct span joined(struct evtx *x, struct span path, struct span between, struct span key)
{
    struct span parts[] = {path, path.len > 0 ? between : span_sub(between, 1, between.len), key};
    size_t room = parts[0].len + parts[1].len + parts[2].len;
    room = room < EVTX_PATH_MAX ? room : EVTX_PATH_MAX;
    char *out = arena_bytes(&x->arena, room + 1);
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct span p = span_sub(parts[i], 0, room - n);
        if (p.len > 0) {
            memcpy(out + n, p.ptr, p.len);
        }
        n += p.len;
    }
    return span_make(out, n);
}

static key_node node_of(const struct evtx *x, const struct evtx_place *p, struct span key)
{
    if (x->keys == NULL) {
        return KEY_NONE;
    }
    key_node node = keytable_find(x->keys, p->node, key);
    return node == KEY_NONE ? keytable_find(x->keys, p->deep, key) : node;
}

/* Nodes of a key as the JSON reader finds them: as it is, and without its blanks where those do not
 * count. */
static void find_nodes(struct evtx *x, const struct evtx_place *p, struct span key,
                       struct evtx_target *out)
{
    out->node = node_of(x, p, key);
    out->also = KEY_NONE;
    if (!p->strip || span_find(key, ' ') < 0) {
        return;
    }
    char *bare = arena_bytes(&x->arena, key.len);
    size_t n = 0;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] != ' ') {
            bare[n++] = key.ptr[i];
        }
    }
    key_node node = node_of(x, p, span_make(bare, n));
    *(out->node == KEY_NONE ? &out->node : &out->also) = node;
}

struct evtx_target evtx_child(struct evtx *x, const struct evtx_place *p, struct span key)
{
    struct evtx_target t;
    find_nodes(x, p, key, &t);
    t.name = joined(x, p->path, SPAN("."), key);
    return t;
}

static const struct evtx_place *place_of(struct evtx *x, const struct evtx_place *parent,
                                         const struct evtx_target *t)
{
    struct evtx_place *p = arena_alloc(&x->arena, sizeof *p);
    unsigned flags = t->node == KEY_NONE ? 0 : keytable_flags(x->keys, t->node);
    *p = (struct evtx_place){t->node, (flags & KEY_DEEP) != 0 ? t->node : parent->deep,
                             (flags & KEY_STRIP_BLANKS) != 0, t->name};
    return p;
}

/* Where an attribute goes: {"#attributes": {name: value}} in the element's object. */
static struct evtx_target attribute_target(struct evtx *x, const struct evtx_place *p,
                                           struct span name)
{
    struct evtx_target list = {0};
    struct evtx_target t;
    find_nodes(x, p, SPAN("#attributes"), &list);
    const struct evtx_place *inside = place_of(x, p, &list);
    find_nodes(x, inside, name, &t);
    t.name = joined(x, p->path, SPAN(".#attributes."), name);
    return t;
}

/* ---- steps ---- */

static struct frame *top(struct compiler *k)
{
    CHECK(k->depth > 0);
    return &k->frames[k->depth - 1];
}

static void add_op(struct compiler *k, const struct evtx_op *op)
{
    vec_push(&k->x->ops, *op);
}

/* The pieces of one text become steps; all but the last say that more follows. */
static void add_pieces(struct compiler *k, uint32_t first, uint32_t count,
                       const struct evtx_target *t, const struct evtx_place *place, uint8_t flags)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct evtx_piece *p = &k->x->pieces.data[first + i];
        struct evtx_op op = {.kind = p->value ? EVTX_OP_VALUE : EVTX_OP_TEXT,
                             .value = p->number,
                             .target = *t,
                             .place = place,
                             .text = p->text};
        op.flags = (uint8_t)(flags | (i + 1 < count ? EVTX_OP_MORE : 0));
        add_op(k, &op);
    }
}

static uint8_t content_flags(const struct frame *f)
{
    return (uint8_t)((f->data ? EVTX_OP_DATA : 0) | (f->named ? EVTX_OP_NAMED : 0) |
                     (f->attributes ? EVTX_OP_TAGGED : 0));
}

/* Text between two tags of an element. */
static void flush_text(struct compiler *k)
{
    struct frame *f = top(k);
    uint32_t n = (uint32_t)k->x->pieces.len - f->first_piece;
    add_pieces(k, f->first_piece, n, &f->target, f->place, content_flags(f));
    k->x->pieces.len = f->first_piece;
}

/* The attribute that names a <Data>, or NULL. */
static const struct evtx_attribute *name_attribute(struct compiler *k, const struct frame *f)
{
    struct evtx *x = k->x;
    for (size_t i = f->first_attribute;
         span_eq(f->name, SPAN("Data")) && i < x->attributes_open.len; i++) {
        const struct evtx_attribute *a = &x->attributes_open.data[i];
        if (span_eq(a->name, SPAN("Name")) && a->count == 1) {
            return a;
        }
    }
    return NULL;
}

/* All attributes are known: what the element is called, where its values go, and the steps of its
 * attributes. */
static void close_tag(struct compiler *k)
{
    struct evtx *x = k->x;
    struct frame *f = top(k);
    const struct evtx_attribute *name = name_attribute(k, f);
    const struct evtx_piece *piece = name == NULL ? NULL : &x->pieces.data[name->first];
    size_t values = x->attributes_open.len - f->first_attribute - (name != NULL);
    f->in_tag = false;
    f->data = name != NULL;
    f->named = piece != NULL && piece->value;
    f->target = evtx_child(x, f->parent, piece != NULL && !piece->value ? piece->text : f->name);
    f->place = place_of(x, f->parent, &f->target);
    f->attributes = values > 0;
    if (f->named) {
        struct evtx_op op = {
            .kind = EVTX_OP_NAME, .value = piece->number, .target = f->target, .place = f->parent};
        add_op(k, &op);
    }
    if (f->attributes) {
        struct evtx_op op = {.kind = EVTX_OP_BEGIN};
        add_op(k, &op);
    }
    for (size_t i = f->first_attribute; i < x->attributes_open.len; i++) {
        const struct evtx_attribute *a = &x->attributes_open.data[i];
        if (a != name) {
            struct evtx_target t = attribute_target(x, f->place, a->name);
            add_pieces(k, a->first, a->count, &t, f->place, EVTX_OP_ATTRIBUTE);
        }
    }
    x->attributes_open.len = f->first_attribute;
    x->pieces.len = f->first_piece;
}

/* ---- tokens ---- */

/*
 * Elements of templates have a dependency number; those that stand in a value or a record without a
 * template mostly have none. What is written does not say which it is: without the number, size and
 * name must fit.
 */
static bool fits_without_dependency(const struct compiler *k)
{
    struct cursor c = *k->c;
    size_t size = cursor_u32(&c);
    uint32_t name = cursor_u32(&c);
    return !c.failed && size <= cursor_left(k->c) && name < k->x->chunk.len && name > 0;
}

static int open_element(struct compiler *k, const struct evtx_place *root, bool attributes)
{
    struct evtx *x = k->x;
    const struct evtx_place *parent = root;
    if (k->depth == EVTX_DEPTH_MAX) {
        x->l->tags |= TAG_TOO_DEEP;
        return fail(k, ERR_LIMIT, "more than 64 levels of elements");
    }
    if (k->depth > 0) {
        if (top(k)->in_tag) {
            return fail(k, ERR_INVALID, "an element inside a tag");
        }
        flush_text(k);
        top(k)->children = true;
        parent = top(k)->place;
    }
    if (k->dependency || !fits_without_dependency(k)) {
        (void)cursor_u16(k->c);
    }
    (void)cursor_u32(k->c); /* size of the element */
    struct frame *f = &k->frames[k->depth++];
    *f = (struct frame){.parent = parent,
                        .in_tag = true,
                        .first_piece = (uint32_t)x->pieces.len,
                        .first_attribute = (uint32_t)x->attributes_open.len};
    int rc = take_name(k, &f->name);
    if (rc == 0 && attributes) {
        (void)cursor_u32(k->c); /* size of the attributes */
    }
    return rc == 0 && k->c->failed ? cut(k) : rc;
}

static int open_attribute(struct compiler *k)
{
    struct evtx *x = k->x;
    struct evtx_attribute a = {.first = (uint32_t)x->pieces.len};
    struct frame *f = top(k);
    if (!f->in_tag) {
        return fail(k, ERR_INVALID, "an attribute outside a tag");
    }
    if (x->attributes_open.len - f->first_attribute >= EVTX_ATTRIBUTES_MAX) {
        return fail(k, ERR_LIMIT, "an element with more than 256 attributes");
    }
    int rc = take_name(k, &a.name);
    if (rc == 0) {
        vec_push(&x->attributes_open, a);
    }
    return rc;
}

static int add_piece(struct compiler *k, const struct evtx_piece *p)
{
    struct evtx *x = k->x;
    struct frame *f = top(k);
    if (f->in_tag && x->attributes_open.len == f->first_attribute) {
        return fail(k, ERR_INVALID, "a value inside a tag");
    }
    vec_push(&x->pieces, *p);
    if (f->in_tag) {
        vec_last(&x->attributes_open)->count++;
    }
    return 0;
}

static int take_text(struct compiler *k, bool typed)
{
    uint8_t type = typed ? cursor_u8(k->c) : EVTX_STRING;
    uint16_t units = cursor_u16(k->c);
    struct span text = cursor_take(k->c, (size_t)units * 2);
    if (k->c->failed) {
        return cut(k);
    }
    if (type != EVTX_STRING) {
        return fail(k, ERR_INVALID, "a constant that is no string");
    }
    struct evtx_piece p = {.text = to_utf8(k->x, text)};
    return add_piece(k, &p);
}

static int take_char(struct compiler *k)
{
    struct span unit = cursor_take(k->c, 2);
    if (k->c->failed) {
        return cut(k);
    }
    struct evtx_piece p = {.text = to_utf8(k->x, unit)};
    return add_piece(k, &p);
}

static int take_entity(struct compiler *k)
{
    static const struct {
        struct span name, text;
    } known[] = {{{"amp", 3}, {"&", 1}},
                 {{"lt", 2}, {"<", 1}},
                 {{"gt", 2}, {">", 1}},
                 {{"quot", 4}, {"\"", 1}},
                 {{"apos", 4}, {"'", 1}}};
    struct evtx_piece p = {0};
    int rc = take_name(k, &p.text);
    for (size_t i = 0; i < ARRAY_LEN(known) && rc == 0; i++) {
        if (span_eq(p.text, known[i].name)) {
            p.text = known[i].text;
            break;
        }
    }
    return rc == 0 ? add_piece(k, &p) : rc;
}

static int take_value(struct compiler *k)
{
    struct evtx_piece p = {.value = true, .number = cursor_u16(k->c)};
    (void)cursor_u8(k->c); /* its type by the template: the instance's counts */
    return k->c->failed ? cut(k) : add_piece(k, &p);
}

/* Processing instructions say nothing that a rule could ask. */
static int pass_instruction(struct compiler *k, bool target)
{
    struct span name;
    if (target) {
        return take_name(k, &name);
    }
    (void)cursor_take(k->c, (size_t)cursor_u16(k->c) * 2);
    return k->c->failed ? cut(k) : 0;
}

static int close_element(struct compiler *k, bool empty)
{
    struct frame *f = top(k);
    if (f->in_tag != empty) {
        return fail(k, ERR_INVALID, "an end tag out of place");
    }
    if (empty) {
        close_tag(k);
    }
    bool text = k->x->pieces.len > f->first_piece;
    flush_text(k);
    if (!text && !f->children) {
        struct evtx_op op = {.kind = EVTX_OP_EMPTY,
                             .flags = content_flags(f),
                             .target = f->target,
                             .place = f->place};
        add_op(k, &op);
    }
    k->depth--;
    return 0;
}

/* A token inside an element. */
static int take_token(struct compiler *k, uint8_t token, const struct evtx_place *root)
{
    switch (token & ~TOKEN_MORE) {
    case TOKEN_OPEN:
        return open_element(k, root, (token & TOKEN_MORE) != 0);
    case TOKEN_ATTRIBUTE:
        return open_attribute(k);
    case TOKEN_CLOSE_START:
        if (!top(k)->in_tag) {
            return fail(k, ERR_INVALID, "the end of a tag out of place");
        }
        close_tag(k);
        return 0;
    case TOKEN_CLOSE_EMPTY:
        return close_element(k, true);
    case TOKEN_CLOSE:
        return close_element(k, false);
    case TOKEN_TEXT:
        return take_text(k, true);
    case TOKEN_CDATA:
        return take_text(k, false);
    case TOKEN_CHAR:
        return take_char(k);
    case TOKEN_ENTITY:
        return take_entity(k);
    case TOKEN_PI_TARGET:
    case TOKEN_PI_DATA:
        return pass_instruction(k, (token & ~TOKEN_MORE) == TOKEN_PI_TARGET);
    case TOKEN_VALUE:
    case TOKEN_OPTIONAL:
        return take_value(k);
    default:
        return fail(k, ERR_INVALID, "an unknown token of binary XML");
    }
}

/* A token between elements: only a fragment header, a processing instruction or an element may
 * stand there. */
static int take_outer(struct compiler *k, uint8_t token, const struct evtx_place *root)
{
    switch (token & ~TOKEN_MORE) {
    case TOKEN_FRAGMENT:
        (void)cursor_take(k->c, 3);
        return k->c->failed ? cut(k) : 0;
    case TOKEN_PI_TARGET:
    case TOKEN_PI_DATA:
        return pass_instruction(k, (token & ~TOKEN_MORE) == TOKEN_PI_TARGET);
    case TOKEN_OPEN:
        return open_element(k, root, (token & TOKEN_MORE) != 0);
    default:
        return fail(k, ERR_INVALID, "no element begins");
    }
}

static int compile_tokens(struct compiler *k, const struct evtx_place *root, bool one)
{
    for (;;) {
        int rc = evtx_step(k->x, evtx_at(k->x, k->c));
        if (rc != 0) {
            return rc;
        }
        if (cursor_left(k->c) == 0) {
            return k->depth == 0 && !one ? 0 : cut(k);
        }
        uint8_t token = cursor_u8(k->c);
        uint8_t kind = (uint8_t)(token & ~TOKEN_MORE);
        if (kind == TOKEN_END && k->depth == 0) {
            return 0;
        }
        rc = k->depth == 0 ? take_outer(k, token, root) : take_token(k, token, root);
        if (rc != 0) {
            return rc;
        }
        if (one && k->depth == 0 && (kind == TOKEN_CLOSE || kind == TOKEN_CLOSE_EMPTY)) {
            return 0;
        }
    }
}

int evtx_compile(struct evtx *x, struct cursor *c, const struct evtx_place *place, bool one,
                 bool dependency, struct evtx_program *out)
{
    struct compiler k;
    k.x = x;
    k.c = c;
    k.depth = 0;
    k.dependency = dependency;
    vec_clear(&x->ops);
    vec_clear(&x->pieces);
    vec_clear(&x->attributes_open);
    int rc = compile_tokens(&k, place, one);
    if (rc != 0) {
        return rc;
    }
    struct evtx_op *ops = arena_calloc(&x->arena, x->ops.len + 1, sizeof *ops);
    if (x->ops.len > 0) {
        memcpy(ops, x->ops.data, x->ops.len * sizeof *ops);
    }
    *out = (struct evtx_program){ops, (uint32_t)x->ops.len};
    return 0;
}
