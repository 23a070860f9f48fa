/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sources of intake: which name, organisation and kind of log a listener, file or token stands
 * for, and their counters. A source keeps its number for the life of the process: windows and folds
 * refer to it.
 */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "records/sources.h"
#include "roles/intake_priv.h"

static char *text_of(struct span s)
{
    char *to = mem_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to;
}

static enum source_format format_of(const char *kind)
{
    return strncmp(kind, "syslog", 6) == 0 ? FORMAT_SYSLOG : FORMAT_JSON;
}

/* What a source is, as config or token say it. */
struct description {
    struct span name, organisation, as;
    const char *kind;
    int32_t zone_s;
};

/* Finds or makes the source; a changed one keeps its number. */
static uint32_t source_number(struct intake *in, const struct description *d)
{
    struct span as = span_eq(d->as, SPAN("auto")) ? SPAN("") : d->as;
    size_t i = 0;
    while (i < in->sources.len &&
           !(span_eq(span_of(in->sources.data[i]->name), d->name) &&
             strcmp(in->sources.data[i]->kind, d->kind) == 0 &&
             span_eq(span_of(in->sources.data[i]->organisation), d->organisation))) {
        i++;
    }
    if (i == in->sources.len) {
        struct intake_source *s = mem_alloc(sizeof *s);
        s->name = text_of(d->name);
        s->organisation = text_of(d->organisation);
        s->kind = text_of(span_of(d->kind));
        s->as = text_of(SPAN(""));
        s->last_event = TIME_NONE;
        stream_init(&s->stream);
        s->stream.declared = -1;
        vec_push(&in->sources, s);
        intake_held_apply(in, (uint32_t)i);
    }
    struct intake_source *s = in->sources.data[i];
    if (!span_eq(span_of(s->as), as) || s->stream.source.ptr == NULL) {
        mem_free(s->as);
        s->as = text_of(as);
        s->stream.source = span_of(s->as);
        s->stream.format = format_of(d->kind);
        s->guess = strcmp(d->kind, "file") == 0;
    }
    s->zone_s = d->zone_s;
    s->stream.zone_s = d->zone_s;
    return (uint32_t)i;
}

static void use_config_token(struct intake *in, const struct config_source *c, uint32_t number)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    if (c->token_hash.len > 0 && hex_decode(c->token_hash, hash, sizeof hash)) {
        tokens_add(&in->tokens, hash, number);
    } else if (c->token_hash.len > 0) {
        log_error("token.damaged", "source=%u", number);
    }
}

void intake_sources_from_config(struct intake *in, const struct config *config)
{
    vec_clear(&in->by_config);
    for (uint32_t i = 0; i < config->nsources; i++) {
        const struct config_source *c = &config->sources[i];
        struct description d = {.name = c->name,
                                .organisation = c->organisation.len > 0 ? c->organisation
                                                                        : config->organisation,
                                .as = c->source,
                                .kind = source_kind_name(c->kind),
                                .zone_s = c->zone_s};
        vec_push(&in->by_config, source_number(in, &d));
    }
    intake_sources_from_tokens(in, config);
}

void intake_sources_from_tokens(struct intake *in, const struct config *config)
{
    tokens_clear(&in->tokens);
    for (uint32_t i = 0; i < config->nsources; i++) {
        if (config->sources[i].kind == SOURCE_HTTP) {
            use_config_token(in, &config->sources[i], in->by_config.data[i]);
        }
    }
    for (size_t i = 0; i < in->told_tokens.len && in->sources.len < INTAKE_SOURCES_MAX; i++) {
        const struct intake_token *t = &in->told_tokens.data[i];
        struct description d = {.name = t->name,
                                .organisation = t->organisation.len > 0 ? t->organisation
                                                                        : config->organisation,
                                .as = t->kind,
                                .kind = "http"};
        tokens_add(&in->tokens, t->hash, source_number(in, &d));
    }
}

/* What the node itself has to say about an organisation's sources. */
uint32_t intake_own_source(struct intake *in, struct span organisation)
{
    const struct description d = {.name = SPAN("sereno"), .organisation = organisation, .as = SPAN("sereno"), .kind = "node"};
    return source_number(in, &d);
}

static void put_row(struct buf *b, struct intake_source *s)
{
    struct source_row row = {
        .name = span_of(s->name),
        .kind = span_of(s->kind),
        .product = s->logsource.product,
        .category = s->logsource.category,
        .service = s->logsource.service,
        .organisation = span_of(s->organisation),
        .events = (int64_t)s->events,
        .dropped = (int64_t)s->dropped,
        .anomalies = (int64_t)s->anomalies,
        .last_event = s->last_event,
        .dropped_at = s->dropped > 0 ? clock_now() : TIME_NONE,
        .lag_ms = s->lag_events > 0 ? (int64_t)(s->lag_ms / (double)s->lag_events) : 0,
        .lag_events = (int64_t)s->lag_events,
    };
    for (int why = 0; why < DROP_COUNT; why++) {
        row.drops[why] = (int64_t)s->dropped_by[why];
    }
    source_encode(b, &row);
}

void intake_pulse(struct intake *in)
{
    struct ipc *keeper = role_peer(in->role, ROLE_KEEPER, 0);
    struct buf b;
    uint32_t n = 0;
    for (size_t i = 0; i < in->sources.len; i++) {
        n += in->sources.data[i]->events + in->sources.data[i]->dropped > 0;
    }
    if (keeper == NULL || (n == 0 && in->unknown == 0 && in->matches_lost == 0)) {
        return;
    }
    buf_init(&b, 8 << 20);
    buf_u64(&b, in->unknown);
    buf_u64(&b, in->matches_lost);
    buf_u32(&b, n);
    for (size_t i = 0; i < in->sources.len; i++) {
        if (in->sources.data[i]->events + in->sources.data[i]->dropped > 0) {
            put_row(&b, in->sources.data[i]);
        }
    }
    if (!b.failed && ipc_send(keeper, MSG_PULSE, 0, buf_view(&b)) == 0) {
        in->unknown = in->matches_lost = 0;
        for (size_t i = 0; i < in->sources.len; i++) {
            struct intake_source *s = in->sources.data[i];
            s->events = s->dropped = s->anomalies = s->lag_events = 0;
            s->lag_ms = 0;
            memset(s->dropped_by, 0, sizeof s->dropped_by);
        }
    }
    buf_free(&b);
}
