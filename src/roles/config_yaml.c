/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading sereno.yml: see config.h. Super calls it with the file's bytes; an unknown key, a wrong kind of value or a
 * missing one is an error that names the line. Must never open a file itself.
 */
#include <sodium.h>

#include "base/id.h"
#include "event/alert.h"
#include "roles/config.h"
#include "roles/config_sign_in.h"
#include "wire/yaml.h"

enum { TOKEN_MIN = 16, TOKEN_HASH_BYTES = 32, SILENT_AFTER_MAX_S = 366 * 86400 };

struct reading {
    struct config *c;
    struct arena *a;    /* the config's own */
    struct span folder; /* of the file: paths in it are relative to it */
    struct err *e;
};

static int wrong(struct reading *r, const struct yaml_node *at, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "%s", what);
    r->e->line = at->line;
    return ERR_INVALID;
}

/* Text of a key, copied; paths made absolute. */
static int text(struct reading *r, const struct yaml_node *map, const char *key, bool required,
                struct span *out)
{
    struct span s = *out;
    int rc = yaml_get_text(map, key, required, &s, r->e);
    if (rc == 0 && s.len > CONFIG_TEXT_MAX) {
        return wrong(r, yaml_get(map, key), "too long");
    }
    if (rc == 0 && memchr(s.ptr == NULL ? "" : s.ptr, '\0', s.len) != NULL) {
        return wrong(r, yaml_get(map, key), "holds a zero byte");
    }
    if (rc == 0 && yaml_get(map, key) != NULL) {
        *out = arena_copy(r->a, s);
    }
    return rc;
}

static struct span absolute(struct reading *r, struct span path)
{
    if (path.len == 0 || path.ptr[0] == '/' || r->folder.len == 0) {
        return path;
    }
    return span_of(arena_printf(r->a, "%.*s/%.*s", SPAN_ARG(r->folder), SPAN_ARG(path)));
}

static int path(struct reading *r, const struct yaml_node *map, const char *key, bool required,
                struct span *out)
{
    int rc = text(r, map, key, required, out);
    if (rc == 0 && yaml_get(map, key) != NULL) {
        *out = absolute(r, *out);
    }
    return rc;
}

/* The map under a key; *out stays NULL when there is none. */
static int submap(struct reading *r, const struct yaml_node *map, const char *key,
                  const char *const *keys, const struct yaml_node **out)
{
    *out = NULL;
    const struct yaml_node *n = yaml_get(map, key);
    if (n == NULL) {
        return 0;
    }
    int rc = yaml_expect(n, YAML_MAP, key, r->e);
    if (rc == 0) {
        rc = yaml_known_keys(n, keys, r->e);
    }
    *out = n;
    return rc;
}

static int read_listen(struct reading *r, const struct yaml_node *root, const char *key,
                       struct config_listen *out)
{
    static const char *const keys[] = {"listen", "tls", NULL};
    static const char *const tls_keys[] = {"cert", "key", NULL};
    const struct yaml_node *map = NULL, *tls = NULL;
    int rc = submap(r, root, key, keys, &map);
    if (rc != 0 || map == NULL) {
        return rc;
    }
    rc = text(r, map, "listen", false, &out->listen);
    if (rc == 0) {
        rc = submap(r, map, "tls", tls_keys, &tls);
    }
    if (rc == 0 && tls != NULL) {
        rc = path(r, tls, "cert", true, &out->tls_cert);
        rc = rc == 0 ? path(r, tls, "key", true, &out->tls_key) : rc;
    }
    return rc;
}

static int read_zone(struct reading *r, const struct yaml_node *map, int32_t *out)
{
    struct span s = SPAN(CONFIG_ZONE_DEFAULT);
    int rc = text(r, map, "zone", false, &s);
    if (rc != 0) {
        return rc;
    }
    if (span_eq(s, SPAN("local"))) {
        *out = config_local_zone();
        return 0;
    }
    if (span_eq(s, SPAN("UTC"))) {
        *out = 0;
        return 0;
    }
    bool shape = s.len == 6 && (s.ptr[0] == '+' || s.ptr[0] == '-') && s.ptr[3] == ':';
    static const size_t digits[] = {1, 2, 4, 5};
    for (size_t i = 0; shape && i < ARRAY_LEN(digits); i++) {
        shape = s.ptr[digits[i]] >= '0' && s.ptr[digits[i]] <= '9';
    }
    int hours = shape ? (s.ptr[1] - '0') * 10 + s.ptr[2] - '0' : 99;
    int minutes = shape ? (s.ptr[4] - '0') * 10 + s.ptr[5] - '0' : 99;
    if (hours > 14 || minutes > 59) {
        return wrong(r, yaml_get(map, "zone"), "zone must be local, UTC or like +02:00");
    }
    *out = (s.ptr[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return 0;
}

static int read_kind(struct reading *r, const struct yaml_node *map, enum source_kind *out)
{
    struct span s = SPAN("");
    int rc = text(r, map, "kind", true, &s);
    for (unsigned k = 0; rc == 0 && k < SOURCE_KIND_COUNT; k++) {
        if (span_eq(s, span_of(source_kind_name((enum source_kind)k)))) {
            *out = (enum source_kind)k;
            return 0;
        }
    }
    return rc != 0 ? rc
                   : wrong(r, yaml_get(map, "kind"),
                           "kind must be syslog-udp, syslog-tcp, http, file or journal");
}

static int read_token(struct reading *r, const struct yaml_node *map, struct span *hash_out)
{
    struct span token = SPAN("");
    int rc = text(r, map, "token", false, &token);
    if (rc != 0 || token.len == 0) {
        return rc;
    }
    if (token.len < TOKEN_MIN) {
        return wrong(r, yaml_get(map, "token"), "a token must have at least 16 bytes");
    }
    unsigned char hash[TOKEN_HASH_BYTES];
    char hex[2 * TOKEN_HASH_BYTES + 1];
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)token.ptr, token.len, NULL,
                            0));
    hex_encode(hash, sizeof hash, hex);
    *hash_out = arena_copy(r->a, span_make(hex, 2 * TOKEN_HASH_BYTES));
    return 0;
}

static int read_source(struct reading *r, const struct yaml_node *map, struct config_source *s)
{
    static const char *const keys[] = {"name",   "kind",         "listen", "path", "token",
                                       "source", "organisation", "zone",   "silent_after", NULL};
    int rc = yaml_expect(map, YAML_MAP, "a source", r->e);
    rc = rc == 0 ? yaml_known_keys(map, keys, r->e) : rc;
    config_source_init(s);
    int64_t silent = s->silent_after_s;
    s->organisation = r->c->organisation;
    rc = rc == 0 ? text(r, map, "name", true, &s->name) : rc;
    rc = rc == 0 ? read_kind(r, map, &s->kind) : rc;
    rc = rc == 0 ? text(r, map, "listen", false, &s->listen) : rc;
    rc = rc == 0 ? path(r, map, "path", false, &s->path) : rc;
    rc = rc == 0 ? text(r, map, "source", false, &s->source) : rc;
    rc = rc == 0 ? text(r, map, "organisation", false, &s->organisation) : rc;
    rc = rc == 0 ? read_zone(r, map, &s->zone_s) : rc;
    rc = rc == 0 ? yaml_get_int(map, "silent_after", false, 1, SILENT_AFTER_MAX_S, &silent, r->e) : rc;
    s->silent_after_s = (uint32_t)silent;
    rc = rc == 0 ? read_token(r, map, &s->token_hash) : rc;
    if (rc == 0 && s->token_hash.len > 0 && s->kind != SOURCE_HTTP) {
        return wrong(r, yaml_get(map, "token"), "only sources of kind http have a token");
    }
    return rc;
}

static int read_sources(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "sources");
    if (list == NULL) {
        return 0;
    }
    int rc = yaml_expect(list, YAML_SEQ, "sources", r->e);
    if (rc == 0 && list->len > CONFIG_SOURCES_MAX) {
        rc = wrong(r, list, "more sources than one node takes");
    }
    if (rc != 0) {
        return rc;
    }
    r->c->sources = arena_calloc(r->a, list->len, sizeof *r->c->sources);
    r->c->nsources = list->len;
    for (uint32_t i = 0; i < list->len && rc == 0; i++) {
        rc = read_source(r, list->items[i], &r->c->sources[i]);
    }
    return rc;
}

static int read_texts(struct reading *r, const struct yaml_node *map, const char *key, bool paths,
                      uint32_t most, struct span **out, uint32_t *count_out)
{
    const struct span *list = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, key, false, &list, &n, r->e);
    if (rc != 0 || n == 0) {
        return rc;
    }
    if (n > most) {
        return wrong(r, yaml_get(map, key), "too many entries");
    }
    *out = arena_calloc(r->a, n, sizeof **out);
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].len > CONFIG_TEXT_MAX || memchr(list[i].ptr, '\0', list[i].len) != NULL) {
            return wrong(r, yaml_get(map, key), "an entry is too long, or holds a zero byte");
        }
        struct span s = arena_copy(r->a, list[i]);
        (*out)[i] = paths ? absolute(r, s) : s;
    }
    *count_out = n;
    return 0;
}

static int read_levels(struct reading *r, const struct yaml_node *map, uint32_t *levels)
{
    struct span *words = NULL;
    uint32_t n = 0;
    int rc = read_texts(r, map, "levels", false, 5, &words, &n);
    if (rc != 0 || n == 0) {
        return rc;
    }
    *levels = 0;
    for (uint32_t i = 0; i < n; i++) {
        enum alert_level level = LEVEL_CRITICAL;
        if (!alert_level_parse(words[i], &level)) {
            return wrong(r, yaml_get(map, "levels"),
                         "levels are informational, low, medium, high, critical");
        }
        *levels |= 1u << level;
    }
    return 0;
}

static int read_mail(struct reading *r, const struct yaml_node *notify)
{
    static const char *const keys[] = {"server", "from", "to", "levels", NULL};
    const struct yaml_node *map = NULL;
    struct config *c = r->c;
    int rc = submap(r, notify, "mail", keys, &map);
    if (rc != 0 || map == NULL) {
        return rc;
    }
    rc = text(r, map, "server", true, &c->mail.server);
    rc = rc == 0 ? text(r, map, "from", true, &c->mail.from) : rc;
    rc = rc == 0 ? read_texts(r, map, "to", false, CONFIG_MAIL_TO_MAX, &c->mail.to, &c->mail.nto)
                 : rc;
    return rc == 0 ? read_levels(r, map, &c->mail.levels) : rc;
}

static int read_notify(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"mail", "webhook", "heartbeat", NULL};
    static const char *const webhook_keys[] = {"url", "levels", NULL};
    static const char *const heartbeat_keys[] = {"url", "every", NULL};
    const struct yaml_node *notify = NULL, *map = NULL;
    int rc = submap(r, root, "notify", keys, &notify);
    if (rc != 0 || notify == NULL) {
        return rc;
    }
    rc = read_mail(r, notify);
    rc = rc == 0 ? submap(r, notify, "webhook", webhook_keys, &map) : rc;
    if (rc == 0 && map != NULL) {
        rc = text(r, map, "url", true, &r->c->webhook.url);
        rc = rc == 0 ? read_levels(r, map, &r->c->webhook.levels) : rc;
    }
    rc = rc == 0 ? submap(r, notify, "heartbeat", heartbeat_keys, &map) : rc;
    if (rc == 0 && map != NULL) {
        int64_t every = r->c->heartbeat_every_s;
        rc = text(r, map, "url", true, &r->c->heartbeat_url);
        rc = rc == 0 ? yaml_get_int(map, "every", false, 1, 86400, &every, r->e) : rc;
        r->c->heartbeat_every_s = (uint32_t)every;
    }
    return rc;
}

/* [{name: firewalls, days: 30}]; what: "sources" or "registers" */
static int read_days(struct reading *r, const struct yaml_node *map, const char *what, struct config_retention **out, uint32_t *count_out)
{
    static const char *const keys[] = {"name", "days", NULL};
    const struct yaml_node *list = yaml_get(map, what);
    int64_t days = 0;
    int rc = list == NULL ? 0 : yaml_expect(list, YAML_SEQ, what, r->e);
    if (rc != 0 || list == NULL) {
        return rc;
    }
    if (list->len > CONFIG_RETENTION_SOURCES_MAX) {
        return wrong(r, list, "more than retention takes");
    }
    *out = arena_calloc(r->a, list->len, sizeof **out);
    *count_out = list->len;
    for (uint32_t i = 0; rc == 0 && i < list->len; i++) {
        const struct yaml_node *one = list->items[i];
        rc = yaml_expect(one, YAML_MAP, "one of retention", r->e);
        rc = rc == 0 ? yaml_known_keys(one, keys, r->e) : rc;
        rc = rc == 0 ? text(r, one, "name", true, &(*out)[i].source) : rc;
        rc = rc == 0 ? yaml_get_int(one, "days", true, 0, CONFIG_RETENTION_MAX, &days, r->e) : rc;
        (*out)[i].days = (uint32_t)days;
    }
    return rc;
}

/* retention: {days: 365, sources: [{name: firewalls, days: 30}], registers: [{name: person, days: 180}]} */
static int read_retention(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"days", "sources", "registers", NULL};
    const struct yaml_node *map = NULL;
    int64_t days = 0;
    int rc = submap(r, root, "retention", keys, &map);
    if (rc != 0 || map == NULL) {
        return rc;
    }
    bool alone = yaml_get(map, "sources") == NULL && yaml_get(map, "registers") == NULL;
    rc = yaml_get_int(map, "days", alone, 1, CONFIG_RETENTION_MAX, &days, r->e);
    r->c->retention_days = (uint32_t)days;
    rc = rc == 0 ? read_days(r, map, "sources", &r->c->retention, &r->c->nretention) : rc;
    return rc == 0 ? read_days(r, map, "registers", &r->c->retention_kinds, &r->c->nretention_kinds) : rc;
}

static int read_few(struct reading *r, const struct yaml_node *map, const char *key, uint32_t most, struct span *out, uint32_t *count_out)
{
    struct span *list = NULL;
    int rc = read_texts(r, map, key, false, most, &list, count_out);
    for (uint32_t i = 0; rc == 0 && i < *count_out; i++) {
        out[i] = list[i];
    }
    return rc;
}

/* A copy on the network: what only it has. */
static int read_copy_place(struct reading *r, const struct yaml_node *map)
{
    struct copy_place *p = &r->c->copy.place;
    int rc = text(r, map, "url", true, &p->url);
    rc = rc == 0 ? path(r, map, "key_file", true, &r->c->copy.key_file) : rc;
    rc = rc == 0 ? read_few(r, map, "host_key", COPY_PINS_MAX, p->pins, &p->npins) : rc;
    rc = rc == 0 ? read_few(r, map, "allow", COPY_ALLOW_MAX, p->allow, &p->nallow) : rc;
    int64_t lock_days = 0, piece_mib = 0;
    rc = rc == 0 ? text(r, map, "endpoint", false, &p->endpoint) : rc;
    rc = rc == 0 ? text(r, map, "region", false, &p->region) : rc;
    rc = rc == 0 ? yaml_get_int(map, "lock_days", false, 1, COPY_LOCK_DAYS_MAX, &lock_days, r->e) : rc;
    rc = rc == 0 ? yaml_get_int(map, "piece_mib", false, 1, COPY_PIECE_MIB_MAX, &piece_mib, r->e) : rc;
    p->lock_days = (uint32_t)lock_days;
    p->piece_mib = (uint32_t)piece_mib;
    rc = rc == 0 ? copy_place_check(p, r->e) : rc;
    if (rc == 0 && span_starts(p->endpoint, SPAN("http://")) && p->nallow == 0) {
        rc = err_set(r->e, ERR_INVALID, "an endpoint without TLS needs allow: the own network in which it lies");
    }
    if (rc != 0 && r->e->line == 0) {
        r->e->line = map->line;
    }
    return rc;
}

/* copy: {folder: /mnt/safe/sereno, same_disk: false, give_up_after: 300}, or
 * copy: {url: 'sftp://user@host/folder', host_key: SHA256:…, key_file: copy.key, allow: [10.0.0.0/8]}, or
 * copy: {url: 's3://bucket/prefix', endpoint: 'https://s3.example', region: eu-1, key_file: copy.key, lock_days: 400} */
static int read_copy(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"folder", "same_disk", "give_up_after", "url", "host_key", "key_file", "allow", "endpoint", "region", "lock_days", "piece_mib", NULL};
    static const char *const folder_keys[] = {"folder", "same_disk", "give_up_after", NULL};
    const struct yaml_node *map = NULL;
    struct span word = SPAN("false");
    int rc = submap(r, root, "copy", keys, &map);
    if (rc != 0 || map == NULL) {
        return rc;
    }
    int64_t give_up_after = CONFIG_COPY_GIVE_UP_S;
    bool remote = yaml_get(map, "url") != NULL;
    if (remote && (yaml_get(map, "folder") != NULL || yaml_get(map, "same_disk") != NULL || yaml_get(map, "give_up_after") != NULL)) {
        return wrong(r, map, "a copy lies in a folder or at a url, not both");
    }
    if (remote) {
        return read_copy_place(r, map);
    }
    rc = yaml_known_keys(map, folder_keys, r->e);
    rc = rc == 0 ? path(r, map, "folder", true, &r->c->copy.folder) : rc;
    rc = rc == 0 ? text(r, map, "same_disk", false, &word) : rc;
    rc = rc == 0 ? yaml_get_int(map, "give_up_after", false, CONFIG_COPY_GIVE_UP_MIN_S, CONFIG_COPY_GIVE_UP_MAX_S, &give_up_after, r->e) : rc;
    r->c->copy.give_up_after_s = (uint32_t)give_up_after;
    r->c->copy.same_disk = span_eq(word, SPAN("true"));
    return rc != 0 || r->c->copy.same_disk || span_eq(word, SPAN("false")) ? rc : wrong(r, map, "same_disk is true or false");
}

static int read_node(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"name", "organisation", NULL};
    const struct yaml_node *map = NULL;
    int rc = submap(r, root, "node", keys, &map);
    if (rc == 0 && map != NULL) {
        rc = text(r, map, "name", false, &r->c->node_name);
        rc = rc == 0 ? text(r, map, "organisation", false, &r->c->organisation) : rc;
    }
    rc = rc == 0 ? path(r, root, "data", false, &r->c->data_dir) : rc;
    rc = rc == 0 ? read_retention(r, root) : rc;
    rc = rc == 0 ? read_copy(r, root) : rc;
    int64_t hunters = r->c->hunters;
    rc = rc == 0 ? yaml_get_int(root, "hunters", false, 0, CONFIG_HUNTERS_MAX, &hunters, r->e) : rc;
    r->c->hunters = (uint32_t)hunters;
    return rc;
}

static int read_federation(struct reading *r, const struct yaml_node *root)
{
    static const char *const hub_keys[] = {"listen", "name", "url", NULL};
    static const char *const keys[] = {"proxy", "allow", NULL};
    const struct yaml_node *map = NULL;
    struct config *c = r->c;
    int rc = submap(r, root, "hub", hub_keys, &map);
    if (rc == 0 && map != NULL) {
        rc = text(r, map, "listen", true, &c->hub.at.listen);
        rc = rc == 0 ? text(r, map, "name", false, &c->hub.name) : rc;
        rc = rc == 0 ? text(r, map, "url", false, &c->hub.url) : rc;
    }
    rc = rc == 0 ? submap(r, root, "federation", keys, &map) : rc;
    if (rc != 0 || map == NULL) {
        return rc;
    }
    rc = text(r, map, "proxy", false, &c->federation.proxy);
    return rc == 0 ? read_texts(r, map, "allow", false, CONFIG_ALLOW_MAX, &c->federation.allow,
                                &c->federation.nallow)
                   : rc;
}

static int read_metrics(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"token", NULL};
    const struct yaml_node *map = NULL;
    int rc = submap(r, root, "metrics", keys, &map);
    return rc == 0 && map != NULL ? read_token(r, map, &r->c->metrics_hash) : rc;
}

/* A number, or auto. */
static int read_intakes(struct reading *r, const struct yaml_node *root)
{
    struct span word = SPAN("auto");
    int64_t n = 0;
    int rc = text(r, root, "intakes", false, &word);
    if (rc == 0 && !span_eq(word, SPAN("auto"))) {
        rc = yaml_get_int(root, "intakes", false, 1, CONFIG_INTAKES_MAX, &n, r->e);
    }
    r->c->intakes = (uint32_t)n;
    return rc;
}

static int read_root(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"node",  "data",   "desk",      "ingest", "sources",
                                       "rules", "notify", "retention", "hub",    "federation",
                                       "intakes", "hunters", "metrics",   "copy",   "sign_in", NULL};
    int rc = yaml_known_keys(root, keys, r->e);
    rc = rc == 0 ? read_node(r, root) : rc;
    rc = rc == 0 ? read_listen(r, root, "desk", &r->c->desk) : rc;
    rc = rc == 0 ? read_listen(r, root, "ingest", &r->c->ingest) : rc;
    rc = rc == 0 ? read_sources(r, root) : rc;
    rc = rc == 0 ? read_texts(r, root, "rules", true, CONFIG_RULES_MAX, &r->c->rules, &r->c->nrules)
                 : rc;
    rc = rc == 0 ? read_notify(r, root) : rc;
    rc = rc == 0 ? read_intakes(r, root) : rc;
    rc = rc == 0 ? read_metrics(r, root) : rc;
    rc = rc == 0 ? config_sign_in_read(r->c, root, r->folder, r->e) : rc;
    return rc == 0 ? read_federation(r, root) : rc;
}

int config_read(struct config *c, struct span file_name, struct span bytes, struct err *e)
{
    struct err local = {0};
    struct err *errors = e == NULL ? &local : e;
    const struct yaml_node *root = NULL;
    struct reading r = {c, &c->arena, {"", 0}, errors};
    c->file = arena_copy(&c->arena, file_name);
    for (size_t i = 0; i < c->file.len; i++) {
        if (c->file.ptr[i] == '/') {
            r.folder = span_sub(c->file, 0, i == 0 ? 1 : i);
        }
    }
    int rc = yaml_read_map(&c->arena, bytes, &root, errors);
    rc = rc == 0 ? read_root(&r, root) : rc;
    rc = rc == 0 ? config_check(c, errors) : rc;
    if (rc != 0) {
        err_at(errors, c->file.ptr, errors->line);
    }
    return rc;
}
