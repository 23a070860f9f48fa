/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A role's part of the configuration as a message, and back. Super writes it, each role reads it once at start and at each
 * reload. What a role has no business with is left empty, so that losing the role does not lose it.
 */
#include "roles/config.h"
#include "roles/config_sign_in.h"

static void put_listen(struct buf *out, const struct config_listen *l)
{
    buf_str(out, l->listen); /* keys and certificates travel as fds, never their paths */
    buf_u8(out, l->tls ? 1 : 0);
}

static void put_source(struct buf *out, const struct config_source *s, enum role_id role)
{
    bool intake = role == ROLE_INTAKE;
    bool places = role != ROLE_HUNTER; /* which needs to know how a source is read, not where */
    buf_str(out, s->name);
    buf_u8(out, (uint8_t)s->kind);
    buf_str(out, places ? s->listen : SPAN(""));
    buf_str(out, places ? s->path : SPAN(""));
    buf_str(out, intake ? s->token_hash : SPAN(""));
    buf_str(out, s->source);
    buf_str(out, s->organisation);
    buf_u32(out, (uint32_t)s->zone_s);
    buf_u32(out, s->silent_after_s);
}

static void put_notify(struct buf *out, const struct config *c, enum role_id role)
{
    bool courier = role == ROLE_COURIER;
    bool desk =
        role == ROLE_DESK; /* decides what goes where: needs to know which targets there are */
    buf_str(out, courier || desk ? c->mail.server : SPAN(""));
    buf_str(out, courier ? c->mail.from : SPAN(""));
    buf_u32(out, courier ? c->mail.nto : 0);
    for (uint32_t i = 0; courier && i < c->mail.nto; i++) {
        buf_str(out, c->mail.to[i]);
    }
    buf_u32(out, c->mail.levels);
    buf_str(out, courier || desk ? c->webhook.url : SPAN(""));
    buf_u32(out, c->webhook.levels);
    buf_str(out, courier ? c->heartbeat_url : SPAN(""));
    buf_u32(out, c->heartbeat_every_s);
}

static void put_federation(struct buf *out, const struct config *c, enum role_id role)
{
    bool desk = role == ROLE_DESK, courier = role == ROLE_COURIER;
    put_listen(out, &c->hub.at);
    buf_str(out, desk ? c->hub.name : SPAN(""));
    buf_str(out, desk ? c->hub.url : SPAN(""));
    buf_str(out, courier ? c->federation.proxy : SPAN(""));
    buf_u32(out, courier ? c->federation.nallow : 0);
    for (uint32_t i = 0; courier && i < c->federation.nallow; i++) {
        buf_str(out, c->federation.allow[i]);
    }
}

void config_encode(const struct config *c, enum role_id role, struct buf *out)
{
    bool sources =
        role == ROLE_INTAKE || role == ROLE_KEEPER || role == ROLE_DESK || role == ROLE_HUNTER;
    buf_str(out, c->node_name);
    buf_str(out, c->organisation);
    buf_str(out, role == ROLE_KEEPER ? c->data_dir : SPAN(""));
    put_listen(out, &c->desk);
    put_listen(out, &c->ingest);
    buf_u32(out, sources ? c->nsources : 0);
    for (uint32_t i = 0; sources && i < c->nsources; i++) {
        put_source(out, &c->sources[i], role);
    }
    put_notify(out, c, role);
    buf_u32(out, c->retention_days);
    buf_u32(out, role == ROLE_KEEPER ? c->nretention : 0);
    for (uint32_t i = 0; role == ROLE_KEEPER && i < c->nretention; i++) {
        buf_str(out, c->retention[i].source);
        buf_u32(out, c->retention[i].days);
    }
    buf_u32(out, role == ROLE_KEEPER ? c->nretention_kinds : 0);
    for (uint32_t i = 0; role == ROLE_KEEPER && i < c->nretention_kinds; i++) {
        buf_str(out, c->retention_kinds[i].source);
        buf_u32(out, c->retention_kinds[i].days);
    }
    buf_str(out, role == ROLE_KEEPER ? c->copy.folder : SPAN(""));
    buf_str(out, role == ROLE_KEEPER ? c->copy.place.url : SPAN("")); /* the rest goes to the courier with each errand */
    buf_u8(out, c->copy.same_disk);
    buf_u32(out, c->copy.give_up_after_s);
    buf_u32(out, c->intakes);
    buf_u32(out, c->hunters);
    buf_str(out, role == ROLE_DESK ? c->metrics_hash : SPAN(""));
    put_federation(out, c, role);
    config_sign_in_put(out, c, role);
}

static struct span get_text(struct config *c, struct cursor *in)
{
    struct span s = cursor_str(in);
    if (s.len > CONFIG_TEXT_MAX) {
        in->failed = true;
        return span_make("", 0);
    }
    return arena_copy(&c->arena, s);
}

static void get_listen(struct config *c, struct cursor *in, struct config_listen *out)
{
    out->listen = get_text(c, in);
    uint8_t tls = cursor_u8(in);
    out->tls = tls == 1;
    in->failed = in->failed || tls > 1;
}

static void get_sources(struct config *c, struct cursor *in)
{
    uint32_t n = cursor_u32(in);
    if (n > CONFIG_SOURCES_MAX) {
        in->failed = true;
        return;
    }
    c->sources = arena_calloc(&c->arena, n, sizeof *c->sources);
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        struct config_source *s = &c->sources[i];
        s->name = get_text(c, in);
        uint8_t kind = cursor_u8(in);
        s->kind = (enum source_kind)kind;
        s->listen = get_text(c, in);
        s->path = get_text(c, in);
        s->token_hash = get_text(c, in);
        s->source = get_text(c, in);
        s->organisation = get_text(c, in);
        s->zone_s = (int32_t)cursor_u32(in);
        s->silent_after_s = cursor_u32(in);
        in->failed = in->failed || kind >= SOURCE_KIND_COUNT;
    }
    c->nsources = in->failed ? 0 : n;
}

static void get_notify(struct config *c, struct cursor *in)
{
    c->mail.server = get_text(c, in);
    c->mail.from = get_text(c, in);
    uint32_t n = cursor_u32(in);
    if (n > CONFIG_MAIL_TO_MAX) {
        in->failed = true;
        return;
    }
    c->mail.to = arena_calloc(&c->arena, n, sizeof *c->mail.to);
    for (uint32_t i = 0; i < n; i++) {
        c->mail.to[i] = get_text(c, in);
    }
    c->mail.nto = n;
    c->mail.levels = cursor_u32(in);
    c->webhook.url = get_text(c, in);
    c->webhook.levels = cursor_u32(in);
    c->heartbeat_url = get_text(c, in);
    c->heartbeat_every_s = cursor_u32(in);
}

static void get_federation(struct config *c, struct cursor *in)
{
    get_listen(c, in, &c->hub.at);
    c->hub.name = get_text(c, in);
    c->hub.url = get_text(c, in);
    c->federation.proxy = get_text(c, in);
    uint32_t n = cursor_u32(in);
    if (n > CONFIG_ALLOW_MAX) {
        in->failed = true;
        return;
    }
    c->federation.allow = arena_calloc(&c->arena, n, sizeof *c->federation.allow);
    for (uint32_t i = 0; i < n; i++) {
        c->federation.allow[i] = get_text(c, in);
    }
    c->federation.nallow = n;
}

static struct config_retention *get_days(struct config *c, struct cursor *in, uint32_t *count_out)
{
    uint32_t n = cursor_u32(in);
    *count_out = 0;
    if (in->failed || n > CONFIG_RETENTION_SOURCES_MAX) {
        in->failed = true;
        return NULL;
    }
    struct config_retention *list = arena_calloc(&c->arena, n, sizeof *list);
    *count_out = n;
    for (uint32_t i = 0; i < n; i++) {
        list[i].source = get_text(c, in);
        list[i].days = cursor_u32(in);
    }
    return list;
}

static void get_retention(struct config *c, struct cursor *in)
{
    c->retention_days = cursor_u32(in);
    c->retention = get_days(c, in, &c->nretention);
    c->retention_kinds = get_days(c, in, &c->nretention_kinds);
}

int config_decode(struct config *c, struct span body, struct err *e)
{
    struct cursor in = cursor_of(body);
    c->node_name = get_text(c, &in);
    c->organisation = get_text(c, &in);
    c->data_dir = get_text(c, &in);
    get_listen(c, &in, &c->desk);
    get_listen(c, &in, &c->ingest);
    get_sources(c, &in);
    if (!in.failed) {
        get_notify(c, &in);
    }
    get_retention(c, &in);
    c->copy.folder = get_text(c, &in);
    c->copy.place.url = get_text(c, &in);
    c->copy.same_disk = cursor_u8(&in) == 1;
    c->copy.give_up_after_s = cursor_u32(&in);
    c->intakes = cursor_u32(&in);
    c->hunters = cursor_u32(&in);
    in.failed = in.failed || c->hunters > CONFIG_HUNTERS_MAX;
    c->metrics_hash = get_text(c, &in);
    if (!in.failed) {
        get_federation(c, &in);
    }
    if (!in.failed) {
        config_sign_in_get(c, &in);
    }
    return cursor_done(&in) ? 0 : err_set(e, ERR_INVALID, "the config message is broken");
}
