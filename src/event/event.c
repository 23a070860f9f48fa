/* SPDX-License-Identifier: EUPL-1.2 */
/* The event record: lazy texts and field lookup. On the event path of intake, scan and hunt; allocates only by growing once. */
#include "event/event.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_read.h"

void event_init(struct event *ev, const struct catalog *catalog)
{
    memset(ev, 0, sizeof *ev);
    ev->magic = EVENT_MAGIC;
    ev->catalog = catalog;
    leaves_init(&ev->leaves, keytable_nodes(catalog->keys));
    arena_init(&ev->arena, 256 * 1024);
    event_clear(ev);
}

void event_fini(struct event *ev)
{
    CHECK_OBJ(ev, EVENT_MAGIC);
    leaves_fini(&ev->leaves);
    arena_fini(&ev->arena);
    mem_free(ev->texts);
    memset(ev, 0, sizeof *ev);
}

void event_clear(struct event *ev)
{
    CHECK_OBJ(ev, EVENT_MAGIC);
    leaves_clear(&ev->leaves);
    arena_reset(&ev->arena);
    ev->raw = span_make("", 0);
    ev->raw_text = (struct event_text){0};
    ev->keywords_raw = false;
    ev->class_id = CLASS_NONE;
    ev->view = NULL;
    ev->time = TIME_NONE;
    ev->received = TIME_NONE;
    ev->tags = 0;
}

void event_use_class(struct event *ev, class_id cls)
{
    CHECK(cls < ev->catalog->nclasses);
    ev->view = ev->catalog->classes[cls].view;
}

uint32_t event_first(const struct event *ev, field_id field)
{
    if (field == FIELD_NONE || ev->view == NULL) {
        return LEAF_NIL;
    }
    const struct view *v = ev->view;
    for (uint32_t i = v->start[field]; i < v->start[field + 1]; i++) {
        uint32_t leaf = leaves_first(&ev->leaves, v->nodes[i]);
        if (leaf != LEAF_NIL) {
            return leaf;
        }
    }
    return LEAF_NIL;
}

static struct event_text *event_text_at(struct event *ev, uint32_t leaf)
{
    CHECK(leaf < ev->leaves.len);
    if (ev->texts_cap < ev->leaves.cap) {
        ev->texts = mem_realloc(ev->texts, ev->leaves.cap * sizeof *ev->texts);
        memset(ev->texts + ev->texts_cap, 0,
               (ev->leaves.cap - ev->texts_cap) * sizeof *ev->texts);
        ev->texts_cap = ev->leaves.cap;
    }
    struct event_text *t = &ev->texts[leaf];
    if (t->stamp != ev->leaves.stamp) {
        *t = (struct event_text){.stamp = ev->leaves.stamp};
    }
    return t;
}

static struct span leaf_literal(const struct leaf *l)
{
    switch ((enum leaf_kind)l->kind) {
    case LEAF_TRUE:
        return SPAN("true");
    case LEAF_FALSE:
        return SPAN("false");
    case LEAF_NULL:
        return SPAN("");
    case LEAF_STRING:
    case LEAF_NUMBER:
        break;
    }
    return span_make(l->ptr, l->len);
}

/* The text of a leaf with escapes, made at most once. */
static struct span unescaped(struct event *ev, struct event_text *t, const struct leaf *l)
{
    if (t->plain == NULL) {
        char *out = arena_bytes(&ev->arena, l->len + EVENT_PAD);
        size_t n = json_unescape(span_make(l->ptr, l->len), out, NULL);
        memset(out + n, 0, EVENT_PAD);
        t->plain = out;
        t->plain_len = (uint32_t)n;
    }
    return span_make(t->plain, t->plain_len);
}

struct span event_plain(struct event *ev, uint32_t leaf)
{
    const struct leaf *l = &ev->leaves.data[leaf];
    if ((l->flags & LEAF_ESCAPED) == 0) {
        return leaf_literal(l);
    }
    return unescaped(ev, event_text_at(ev, leaf), l);
}

static void fold_into(struct event *ev, struct event_text *t, struct span plain)
{
    char *out = arena_bytes(&ev->arena, utf8_fold_room(plain.len) + EVENT_PAD);
    size_t n = utf8_fold(plain, out);
    memset(out + n, 0, EVENT_PAD);
    t->folded = out;
    t->folded_len = (uint32_t)n;
}

/* An escaped text that is all ASCII: most are. False: it is not, or has no escapes. */
static bool fold_escaped(struct event *ev, struct event_text *t, const struct leaf *l)
{
    size_t n;
    if ((l->flags & LEAF_ESCAPED) == 0 || t->plain != NULL) {
        return false;
    }
    char *out = arena_bytes(&ev->arena, l->len + EVENT_PAD);
    if (!json_unescape_folded(span_make(l->ptr, l->len), out, &n)) {
        return false;
    }
    memset(out + n, 0, EVENT_PAD);
    t->folded = out;
    t->folded_len = (uint32_t)n;
    return true;
}

struct span event_folded(struct event *ev, uint32_t leaf)
{
    struct event_text *t = event_text_at(ev, leaf);
    if (t->folded == NULL && !fold_escaped(ev, t, &ev->leaves.data[leaf])) {
        fold_into(ev, t, event_plain(ev, leaf));
    }
    return span_make(t->folded, t->folded_len);
}

struct span event_part_folded(struct event *ev, struct span part, bool escaped)
{
    const struct leaf l = {.ptr = part.ptr, .len = (uint32_t)part.len, .flags = escaped ? LEAF_ESCAPED : 0};
    struct event_text t = {0};
    if (!fold_escaped(ev, &t, &l)) {
        fold_into(ev, &t, escaped ? unescaped(ev, &t, &l) : part);
    }
    return span_make(t.folded, t.folded_len);
}

struct span event_raw_folded(struct event *ev)
{
    if (ev->raw_text.folded == NULL) {
        fold_into(ev, &ev->raw_text, ev->raw);
    }
    return span_make(ev->raw_text.folded, ev->raw_text.folded_len);
}

struct span event_entity(struct event *ev, enum entity entity)
{
    if (ev->view == NULL) {
        return SPAN("");
    }
    uint32_t leaf = event_first(ev, ev->view->entities[entity]);
    return leaf == LEAF_NIL ? SPAN("") : event_plain(ev, leaf);
}

const char *event_tag_name(uint32_t tag)
{
    static const char *const names[] = {
        "bad_utf8",  "lone_surrogate", "huge_number", "duplicate_key", "control_char",
        "too_many_fields", "not_parsed", "too_long",  "no_time",       "future_time",
        "year_guessed",    "bad_pri",    "too_deep",  "bom", "bad_escape"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (tag == 1u << i) {
            return names[i];
        }
    }
    return NULL;
}
