/* SPDX-License-Identifier: EUPL-1.2 */
/* Signals and warnings as rows: see signal_row.h. */
#include "desk/federation/signal_row.h"

#include "desk/federation/signal_priv.h"

static struct span kept(struct arena *arena, struct buf *b)
{
    CHECK(!b->failed);
    struct span text = arena_copy(arena, buf_view(b));
    buf_free(b);
    return text;
}

void signal_to_row(const struct signal *s, struct arena *arena, struct fed_signal_row *out)
{
    struct buf b;
    *out = (struct fed_signal_row){
        .rule = s->rule,
        .rule_hash = s->rule_hash,
        .title = s->title,
        .product = s->product,
        .number = s->number,
        .level = (int64_t)s->level,
        .bucket = s->bucket,
        .count = s->count,
    };
    buf_init(&b, FED_SIGNAL_TEXT_MAX);
    for (uint32_t i = 0; i < s->ntechniques; i++) {
        buf_printf(&b, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(s->techniques[i]));
    }
    out->techniques = kept(arena, &b);
    buf_init(&b, FED_SIGNAL_TEXT_MAX);
    for (uint32_t i = 0; i < s->nindicators; i++) {
        buf_printf(&b, "%s %.*s\n", fed_indicator_type_name(s->indicators[i].type),
                   SPAN_ARG(s->indicators[i].value));
    }
    out->indicators = kept(arena, &b);
}

/* Takes what stands before the first `c` off the front. */
static struct span cut(struct span *rest, char c)
{
    ptrdiff_t at = span_find(*rest, c);
    struct span one = at < 0 ? *rest : span_sub(*rest, 0, (size_t)at);
    *rest = at < 0 ? SPAN("") : span_sub(*rest, (size_t)at + 1, rest->len);
    return one;
}

void signal_indicators_from(struct span text, struct arena *arena, struct signal *out)
{
    while (text.len > 0 && out->nindicators < SIGNAL_INDICATORS_MAX) {
        struct span line = cut(&text, '\n');
        struct span type = cut(&line, ' ');
        enum fed_indicator_type t;
        if (fed_indicator_type_parse(type, &t) &&
            fed_indicator_read(t, line, arena, &out->indicators[out->nindicators])) {
            out->nindicators++;
        }
    }
}

void signal_indicators_join(struct signal *s, const struct fed_indicator *more, uint32_t count)
{
    for (uint32_t i = 0; i < count && s->nindicators < SIGNAL_INDICATORS_MAX; i++) {
        bool there = false;
        for (uint32_t k = 0; k < s->nindicators; k++) {
            there = there || (s->indicators[k].type == more[i].type &&
                              span_eq(s->indicators[k].value, more[i].value));
        }
        if (!there) {
            s->indicators[s->nindicators++] = more[i];
        }
    }
}

void signal_from_row(const struct fed_signal_row *row, struct arena *arena, struct signal *out)
{
    struct span words = row->techniques;
    *out = (struct signal){
        .number = row->number,
        .rule = row->rule,
        .rule_hash = row->rule_hash,
        .title = row->title,
        .level = (enum alert_level)row->level,
        .product = row->product,
        .bucket = row->bucket,
        .count = row->count,
    };
    while (words.len > 0 && out->ntechniques < SIGNAL_TECHNIQUES_MAX) {
        struct span one = cut(&words, ' ');
        if (signal_technique_valid(one)) {
            out->techniques[out->ntechniques++] = one;
        }
    }
    signal_indicators_from(row->indicators, arena, out);
}

void warning_to_row(const struct warning *w, struct span circle, struct span issuer, time_ns now,
                    time_ns expires, struct arena *arena, struct fed_warning_row *out)
{
    *out = (struct fed_warning_row){
        .id = w->id,
        .circle = circle,
        .issuer = issuer,
        .kind = span_of(community_kind_name(w->kind)),
        .value = w->value,
        .title = w->title,
        .body = jcs_text(arena, warning_body(arena, w)),
        .state = SPAN("new"),
        .dry_run = SPAN("none"),
        .version = w->version,
        .level = (int64_t)w->level,
        .seen = w->seen,
        .first = w->first,
        .last = w->last,
        .withdrawn = w->withdrawn,
        .rules = warning_nfiles(w),
        .indicators = w->nindicators,
        .received = now,
        .updated = now,
        .expires = expires,
    };
}

int warning_from_row(const struct fed_warning_row *row, struct arena *arena, struct warning *out,
                     struct err *e)
{
    struct jcs *tree = NULL;
    int rc = jcs_read(arena, row->body, 16, &tree, e);
    return rc < 0 ? rc : warning_read(tree, arena, out, e);
}

int signal_digest(const struct jcs *body, struct arena *arena, struct buf *digest, struct err *e)
{
    struct signal *list = NULL;
    size_t n = 0;
    int rc = signals_read(body, arena, &list, &n, e);
    if (rc < 0) {
        return rc;
    }
    buf_u32(digest, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        struct fed_signal_row row;
        signal_to_row(&list[i], arena, &row);
        fed_signal_encode(digest, &row);
    }
    return digest->failed ? err_set(e, ERR_LIMIT, "the signals are too long") : 0;
}

int warning_digest(const struct jcs *body, struct span circle, uint64_t epoch, struct span onward,
                   struct arena *arena, struct buf *digest, struct err *e)
{
    char id[WARNING_ID_LEN + 1];
    struct fed_warning_row row;
    struct warning *w = arena_alloc(arena, sizeof *w);
    int rc = warning_read(body, arena, w, e);
    if (rc < 0) {
        return rc;
    }
    warning_make_id(circle, w->kind, w->value, id);
    if (!span_eq(w->id, span_of(id))) {
        return err_set(e, ERR_INVALID, "warning: the id is not that of what it is about");
    }
    warning_to_row(w, circle, SPAN(""), 0, 0, arena, &row);
    row.published = span_of(arena_printf(arena, "%llu", (unsigned long long)epoch));
    row.onward = onward;
    fed_warning_encode(digest, &row);
    return digest->failed ? err_set(e, ERR_LIMIT, "the warning is too long") : 0;
}
