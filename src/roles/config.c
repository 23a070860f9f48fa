/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a configuration is and when it makes sense: see config.h. Used by super (whole) and all roles (their part).
 * Reading the file is config_yaml.c, finding this machine's own logs config_default.c.
 */
#include "roles/config.h"

#include <sched.h>
#include <unistd.h>

#include "records/demo.h"
#include "base/utf8.h"
#include "event/alert.h"
#include "os/listen.h"
#include "os/net_range.h"

static const struct {
    const char *name;
    bool listens, followed;
} kinds[] = {
    [SOURCE_SYSLOG_UDP] = {"syslog-udp", true, false},
    [SOURCE_SYSLOG_TCP] = {"syslog-tcp", true, false},
    [SOURCE_HTTP] = {"http", false, false},
    [SOURCE_FILE] = {"file", false, true},
    [SOURCE_JOURNAL] = {"journal", false, false},
};

const char *source_kind_name(enum source_kind kind)
{
    CHECK((unsigned)kind < SOURCE_KIND_COUNT);
    return kinds[kind].name;
}

void config_init(struct config *c)
{
    memset(c, 0, sizeof *c);
    arena_init(&c->arena, 0);
    char host[CONFIG_NAME_MAX + 1] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        memcpy(host, "node", sizeof "node");
    }
    c->node_name = span_of(arena_strdup(&c->arena, host));
    c->organisation = SPAN("own");
    c->desk.listen = SPAN("127.0.0.1:8600");
    c->ingest.listen = SPAN("127.0.0.1:8601");
    c->mail.levels = c->webhook.levels = 1u << LEVEL_CRITICAL;
    c->heartbeat_every_s = 60;
    c->hunters = 1;
}

void config_source_init(struct config_source *s)
{
    *s = (struct config_source){.source = SPAN("auto")};
}

void config_fini(struct config *c)
{
    arena_fini(&c->arena);
}

struct span config_copy_place(const struct config *c)
{
    return c->copy.folder.len > 0 ? c->copy.folder : c->copy.place.url;
}

bool config_is_loopback(struct span listen)
{
    struct listen_address a;
    return listen_parse(listen, &a, NULL) == 0 && listen_is_loopback(&a);
}

static bool is_name(struct span s)
{
    if (s.len == 0 || s.len > CONFIG_NAME_MAX || !utf8_valid(s)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check_listen(struct config_listen *l, const char *what, bool tls_beyond, struct err *e)
{
    struct listen_address a;
    int rc = listen_parse(l->listen, &a, e);
    if (rc != 0) {
        return rc;
    }
    if ((l->tls_cert.len == 0) != (l->tls_key.len == 0)) {
        return err_set(e, ERR_INVALID, "%s: tls needs both cert and key", what);
    }
    if (tls_beyond && !listen_is_loopback(&a) && l->tls_cert.len == 0) {
        return err_set(
            e, ERR_INVALID,
            "%s: %.*s is reachable from other machines, and tokens must not travel in the "
            "clear: give it tls: {cert: …, key: …}, or listen on 127.0.0.1",
            what, SPAN_ARG(l->listen));
    }
    /* The desk makes its own certificate where none is named. */
    l->tls = l->tls_cert.len > 0 || !listen_is_loopback(&a);
    return 0;
}

/* No name, file or address twice: super holds each of them once, and a record has one source. */
static int check_single(const struct config *c, uint32_t i, struct err *e)
{
    const struct config_source *s = &c->sources[i];
    for (uint32_t k = 0; k < i; k++) {
        const struct config_source *t = &c->sources[k];
        if (span_eq(t->name, s->name)) {
            return err_set(e, ERR_INVALID, "two sources have the name \"%.*s\"", SPAN_ARG(s->name));
        }
        struct span what = kinds[s->kind].listens ? s->listen : s->path;
        if (t->kind == s->kind && what.len > 0 && span_eq(kinds[s->kind].listens ? t->listen : t->path, what)) {
            return err_set(e, ERR_INVALID, "sources \"%.*s\" and \"%.*s\" both read %.*s: leave one of them out",
                           SPAN_ARG(t->name), SPAN_ARG(s->name), SPAN_ARG(what));
        }
    }
    return 0;
}

static int check_source(const struct config *c, uint32_t i, struct err *e)
{
    const struct config_source *s = &c->sources[i];
    struct listen_address a;
    if (!is_name(s->name)) {
        return err_set(e, ERR_INVALID, "source %u: its name must have 1 to %d bytes of text", i + 1,
                       CONFIG_NAME_MAX);
    }
    int rc = check_single(c, i, e);
    if (rc != 0) {
        return rc;
    }
    if (kinds[s->kind].listens != (s->listen.len > 0)) {
        return err_set(e, ERR_INVALID, "source \"%.*s\": kind %s %s", SPAN_ARG(s->name),
                       kinds[s->kind].name,
                       kinds[s->kind].listens ? "needs listen: address:port" : "has no listen");
    }
    if (kinds[s->kind].followed != (s->path.len > 0)) {
        return err_set(e, ERR_INVALID, "source \"%.*s\": kind %s %s", SPAN_ARG(s->name),
                       kinds[s->kind].name, kinds[s->kind].followed ? "needs path" : "has no path");
    }
    if (!is_name(s->organisation)) {
        return err_set(e, ERR_INVALID, "source \"%.*s\": its organisation must have 1 to %d bytes",
                       SPAN_ARG(s->name), CONFIG_NAME_MAX);
    }
    return s->listen.len == 0 ? 0 : listen_parse(s->listen, &a, e);
}

static int check_notify(const struct config *c, struct err *e)
{
    bool mail = c->mail.server.len > 0;
    if (mail && (c->mail.from.len == 0 || c->mail.nto == 0)) {
        return err_set(e, ERR_INVALID, "notify: mail needs from and to");
    }
    if (mail && !span_starts(c->mail.server, SPAN("smtp://")) &&
        !span_starts(c->mail.server, SPAN("smtps://"))) {
        return err_set(e, ERR_INVALID,
                       "notify: mail: server must be smtp://host:port or smtps://host:port");
    }
    const struct span urls[] = {c->webhook.url, c->heartbeat_url};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        if (urls[i].len > 0 && !span_starts(urls[i], SPAN("https://")) &&
            !span_starts(urls[i], SPAN("http://"))) {
            return err_set(e, ERR_INVALID, "notify: \"%.*s\" is no http:// or https:// address",
                           SPAN_ARG(span_sub(urls[i], 0, 100)));
        }
    }
    return 0;
}

static int check_federation(struct config *c, struct err *e)
{
    struct net_range range;
    struct listen_address a;
    int rc = 0;
    for (uint32_t i = 0; i < c->federation.nallow && rc == 0; i++) {
        rc = net_range_parse(c->federation.allow[i], &range, e);
    }
    struct span proxy = c->federation.proxy;
    if (rc == 0 && proxy.len > 0 && !span_starts(proxy, SPAN("http://"))) {
        rc = err_set(e, ERR_INVALID, "federation: proxy must be http://host:port");
    }
    if (rc != 0 || c->hub.at.listen.len == 0) {
        return rc;
    }
    c->hub.at.tls = true;
    c->hub.name = c->hub.name.len == 0 ? c->node_name : c->hub.name;
    if (!is_name(c->hub.name)) {
        return err_set(e, ERR_INVALID, "hub: its name must have 1 to %d bytes of text",
                       CONFIG_NAME_MAX);
    }
    if (c->hub.url.len > 0 && !span_starts(c->hub.url, SPAN("https://"))) {
        return err_set(e, ERR_INVALID, "hub: url must be https://name:port");
    }
    return listen_parse(c->hub.at.listen, &a, e);
}

static uint32_t one_per_core(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > CONFIG_INTAKES_AUTO ? CONFIG_INTAKES_AUTO : (uint32_t)n;
}

int config_check(struct config *c, struct err *e)
{
    if (!is_name(c->node_name) || !is_name(c->organisation)) {
        return err_set(e, ERR_INVALID,
                       "node: name and organisation must have 1 to %d bytes of text",
                       CONFIG_NAME_MAX);
    }
    bool taken = demo_is(c->organisation);
    for (uint32_t i = 0; i < c->nsources; i++) {
        taken = taken || demo_is(c->sources[i].organisation);
    }
    if (taken) {
        return err_set(e, ERR_INVALID, "organisation: " DEMO_ORGANISATION " is the invented city of `sereno demo`, and nothing else");
    }
    int rc = check_listen(&c->desk, "desk", false, e);
    if (rc == 0) {
        rc = check_listen(&c->ingest, "ingest", true, e);
    }
    for (uint32_t i = 0; rc == 0 && i < c->nsources; i++) {
        rc = check_source(c, i, e);
    }
    rc = rc == 0 ? check_notify(c, e) : rc;
    c->intakes = c->intakes == 0 ? one_per_core() : c->intakes;
    return rc == 0 ? check_federation(c, e) : rc;
}
