/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * JSON records: read along the key table, then told apart by what they hold. The order of the
 * source files decides when several would fit. On the event path of every worker.
 */
#include "flow/normalise/normalise_priv.h"
#include "wire/json_read.h"

static bool contains_nocase(struct span s, struct span what)
{
    for (size_t i = 0; i + what.len <= s.len; i++) {
        if (span_eq_nocase(span_sub(s, i, what.len), what)) {
            return true;
        }
    }
    return false;
}

static bool value_fits(const struct norm_cond *c, struct span value)
{
    for (uint32_t i = 0; i < c->nvalues; i++) {
        struct span want = c->values[i];
        bool fits = false;
        switch (c->op) {
        case COND_PRESENT:
        case COND_ABSENT:
            break;
        case COND_EQUAL:
            fits = span_eq_nocase(value, want);
            break;
        case COND_PREFIX:
            fits = value.len >= want.len && span_eq_nocase(span_sub(value, 0, want.len), want);
            break;
        case COND_CONTAINS:
            fits = contains_nocase(value, want);
            break;
        }
        if (fits) {
            return true;
        }
    }
    return false;
}

static bool cond_holds(struct event *ev, const struct norm_cond *c)
{
    bool present = false;
    for (uint32_t i = 0; i < c->nodes.len; i++) {
        uint32_t leaf = leaves_first(&ev->leaves, c->nodes.nodes[i]);
        present = present || leaf != LEAF_NIL;
        bool compare = c->op != COND_PRESENT && c->op != COND_ABSENT;
        for (; compare && leaf != LEAF_NIL; leaf = event_next(ev, leaf)) {
            if (value_fits(c, event_plain(ev, leaf))) {
                return true;
            }
        }
    }
    return (c->op == COND_PRESENT && present) || (c->op == COND_ABSENT && !present);
}

static bool recognised(struct event *ev, const struct norm_source *s, bool declared)
{
    for (uint32_t i = 0; i < s->nrecognise; i++) {
        const struct norm_recognise *r = &s->recognise[i];
        if (declared && !r->declared) {
            continue;
        }
        bool holds = true;
        for (uint32_t k = 0; holds && k < r->nconds; k++) {
            holds = cond_holds(ev, &r->conds[k]);
        }
        if (holds) {
            return true;
        }
    }
    return false;
}

static struct span first_text(struct event *ev, struct node_list nodes)
{
    for (uint32_t i = 0; i < nodes.len; i++) {
        uint32_t leaf = leaves_first(&ev->leaves, nodes.nodes[i]);
        if (leaf != LEAF_NIL && ev->leaves.data[leaf].kind != LEAF_NULL) {
            return event_plain(ev, leaf);
        }
    }
    return span_make(NULL, 0);
}

static bool reads_json(enum source_format f)
{
    return f == FORMAT_JSON || f == FORMAT_ZEEKJSON || f == FORMAT_JOURNALD;
}

/* The source a record is of: forced, stated by its format, or by content; NULL when nothing fits.
 */
static const struct norm_source *source_of(const struct job *j, enum source_format format)
{
    const struct norm_tables *t = j->n->tables;
    bool forced = j->declared == NULL && j->st->source.len > 0;
    if (forced || format != FORMAT_JSON) {
        return norm_source_of(j, format);
    }
    for (uint32_t i = 0; i < t->nsources; i++) {
        const struct norm_source *s = &t->sources[i];
        if (reads_json(s->format) && recognised(j->ev, s, j->declared != NULL)) {
            return s;
        }
    }
    return j->declared != NULL ? NULL : norm_source_of(j, format);
}

static class_id class_of(const struct job *j, const struct norm_source *s,
                         const struct span keys[TABLE_KEYS_MAX])
{
    const struct norm_tables *t = j->n->tables;
    const struct norm_declared *d = j->declared;
    if (d != NULL && !d->by_content) {
        class_id own = s == NULL ? CLASS_NONE : d->by_source[s - t->sources];
        return own != CLASS_NONE ? own : d->plain;
    }
    if (s == NULL) {
        return d != NULL ? d->plain : t->generic;
    }
    return norm_class_of(j, s, keys[0], keys[1]);
}

/* The message is the text of a program that the record names, or a whole syslog line, which tells
 * the keys too. */
static void dissect_message(struct job *j, const struct norm_source *s,
                            struct span keys[TABLE_KEYS_MAX])
{
    struct span message = first_text(j->ev, s->message);
    message = message.ptr == NULL ? SPAN("") : message;
    if (s->program.len > 0) {
        (void)norm_dissect(j, s, first_text(j->ev, s->program), message);
    } else {
        norm_syslog_line(j, s, message, &keys[0], &keys[1]);
    }
}

enum normalise_result norm_json(struct job *j)
{
    struct event *ev = j->ev;
    enum source_format format = j->declared != NULL ? j->declared->format : j->st->format;
    if ((ev->tags & TAG_TOO_LONG) != 0) {
        (void)err_set(j->e, ERR_LIMIT, "a record of more than %d bytes", EVENT_MAX_BYTES);
        return NORMALISE_BAD;
    }
    if (json_read(&ev->leaves, j->n->catalog->keys, KEY_ROOT, ev->raw, j->e) != 0) {
        return NORMALISE_BAD;
    }
    norm_by_content(j, format);
    return NORMALISE_EVENT;
}

void norm_by_content(struct job *j, enum source_format format)
{
    struct event *ev = j->ev;
    const struct norm_source *s = source_of(j, format);
    struct span keys[TABLE_KEYS_MAX] = {{NULL, 0}, {NULL, 0}};
    for (uint32_t i = 0; s != NULL && i < s->nkeys; i++) {
        keys[i] = first_text(ev, s->keys[i]);
    }
    /* A manifest entry in plain "json" is the whole truth: its messages are not taken apart. */
    bool open = j->declared == NULL || format == FORMAT_JOURNALD;
    if (open && s != NULL && s->message.len > 0) {
        j->n->named_from = ev->leaves.len;
        dissect_message(j, s, keys);
    }
    norm_set_class(j, class_of(j, s, keys));
}
