/* SPDX-License-Identifier: EUPL-1.2 */
/* Providers and what is known of them: see providers.h. Runs in the desk. Must never trust a document that oidc.h did not check. */
#include "api/providers.h"

#include <string.h>

#include "api/api_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"

/* Documents of one provider, as they are or as they come in. */
struct documents {
    struct arena texts;
    struct oidc_discovery discovery;
    struct oidc_keys keys;
};

struct waiter {
    struct api_request *req;
    provider_then *then;
};

struct provider_state {
    struct api *api; /* of who asked last: it is one */
    const struct provider *config;
    struct documents *known, *coming; /* NULL = none */
    time_ns fetched, failed;          /* monotonic; 0 = never */
    VEC(struct waiter) waiters;
};

struct passage_used {
    unsigned char hash[SECRET_HASH_BYTES];
    time_ns until;
};

struct providers {
    struct arena texts;
    struct sign_in config;
    struct provider_state state[PROVIDERS_MAX];
    struct passage_used used[PASSAGES_USED_MAX];
};

struct providers *providers_new(void)
{
    struct providers *p = mem_alloc(sizeof *p);
    arena_init(&p->texts, 0);
    return p;
}

static void documents_free(struct documents **d)
{
    if (*d != NULL) {
        arena_fini(&(*d)->texts);
        mem_free(*d);
        *d = NULL;
    }
}

static void forget(struct providers *p)
{
    for (size_t i = 0; i < PROVIDERS_MAX; i++) {
        CHECK(p->state[i].waiters.len == 0); /* their fetch came to something before */
        documents_free(&p->state[i].known);
        documents_free(&p->state[i].coming);
        vec_free(&p->state[i].waiters);
        p->state[i] = (struct provider_state){0};
    }
    arena_fini(&p->texts);
    p->config = (struct sign_in){0};
}

void providers_free(struct providers **out)
{
    struct providers *p = *out;
    *out = NULL;
    forget(p);
    mem_free(p);
}

static void copy_list(struct arena *a, struct provider_list *l)
{
    struct span *texts = arena_calloc(a, l->n, sizeof *texts);
    for (uint32_t i = 0; i < l->n; i++) {
        texts[i] = arena_copy(a, l->text[i]);
    }
    l->text = texts;
}

static void copy_provider(struct arena *a, struct provider *p)
{
    struct span *const texts[] = {&p->name, &p->title, &p->issuer, &p->client_id, &p->secret_file,
                                  &p->ca_file, &p->proxy, &p->scope, &p->name_claim, &p->groups_claim};
    struct provider_role *roles = arena_calloc(a, p->nroles, sizeof *roles);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(a, *texts[i]);
    }
    copy_list(a, &p->hosts);
    copy_list(a, &p->allow);
    copy_list(a, &p->amr);
    copy_list(a, &p->acr);
    for (uint32_t i = 0; i < p->nroles; i++) {
        roles[i] = (struct provider_role){arena_copy(a, p->roles[i].group), arena_copy(a, p->roles[i].role), arena_copy(a, p->roles[i].organisation)};
    }
    p->roles = roles;
}

static void copy_directories(struct arena *a, struct sign_in *config, const struct sign_in *from)
{
    config->directories = arena_calloc(a, from->ndirectories, sizeof *config->directories);
    for (uint32_t i = 0; i < from->ndirectories; i++) {
        config->directories[i] = from->directories[i];
        directory_copy(a, &config->directories[i]);
    }
}

void api_set_sign_in(struct api *api, const struct sign_in *sign_in)
{
    CHECK_OBJ(api, API_MAGIC);
    struct providers *p = api->providers;
    CHECK(sign_in->n <= PROVIDERS_MAX);
    forget(p);
    arena_init(&p->texts, 0);
    p->config = *sign_in;
    p->config.url = arena_copy(&p->texts, sign_in->url);
    copy_directories(&p->texts, &p->config, sign_in);
    p->config.providers = arena_calloc(&p->texts, sign_in->n, sizeof *p->config.providers);
    for (uint32_t i = 0; i < sign_in->n; i++) {
        p->config.providers[i] = sign_in->providers[i];
        copy_provider(&p->texts, &p->config.providers[i]);
        p->state[i].config = &p->config.providers[i];
    }
}

const struct sign_in *providers_config(const struct providers *p)
{
    return &p->config;
}

struct provider_state *provider_state_find(struct providers *p, struct span name)
{
    const struct provider *found = provider_find(&p->config, name);
    return found == NULL ? NULL : &p->state[found - p->config.providers];
}

const struct provider *provider_of(const struct provider_state *s)
{
    return s->config;
}

const struct oidc_discovery *provider_discovery(const struct provider_state *s)
{
    CHECK(s->known != NULL);
    return &s->known->discovery;
}

const struct oidc_keys *provider_keys(const struct provider_state *s)
{
    CHECK(s->known != NULL);
    return &s->known->keys;
}

/* ---- documents ---- */

/* Who waited goes on. */
static void done(struct provider_state *s, bool there)
{
    struct waiter waiters[PROVIDER_WAITERS_MAX];
    size_t n = s->waiters.len;
    memcpy(waiters, n == 0 ? waiters : s->waiters.data, n * sizeof *waiters);
    vec_clear(&s->waiters);
    for (size_t i = 0; i < n; i++) {
        waiters[i].then(waiters[i].req, s, there);
    }
}

static void failed(struct provider_state *s, const char *what, uint32_t status, struct span why)
{
    char shown[LOG_VALUE_MAX];
    log_warn("login.provider", "provider=%.*s what=%s status=%u why=\"%s\"", SPAN_ARG(s->config->name), what, status, log_value(why, shown));
    documents_free(&s->coming);
    s->failed = clock_mono();
    done(s, false);
}

static bool fetch(struct provider_state *s, struct span url, api_fetched *then)
{
    const struct api_config *c = &s->api->config;
    return c->fetch != NULL && c->fetch(c->arg, &(struct fetch){.provider = s->config->name, .url = url}, then, s);
}

static void keys_came(void *ctx, const struct fetched *f)
{
    struct provider_state *s = ctx;
    struct err e = {0};
    CHECK(s->coming != NULL);
    if (f->status != 200) {
        failed(s, "keys", f->status, f->why);
    } else if (oidc_keys_read(&s->coming->texts, f->body, &s->coming->keys, &e) < 0) {
        failed(s, "keys", f->status, span_of(e.text));
    } else {
        documents_free(&s->known);
        s->known = s->coming;
        s->coming = NULL;
        s->fetched = clock_mono();
        s->failed = 0;
        done(s, true);
    }
}

static void discovery_came(void *ctx, const struct fetched *f)
{
    struct provider_state *s = ctx;
    struct err e = {0};
    CHECK(s->coming != NULL);
    if (f->status != 200) {
        failed(s, "discovery", f->status, f->why);
    } else if (oidc_discovery_read(&s->coming->texts, f->body, s->config, &s->coming->discovery, &e) < 0) {
        failed(s, "discovery", f->status, span_of(e.text));
    } else if (!fetch(s, s->coming->discovery.jwks_uri, keys_came)) {
        failed(s, "keys", 0, SPAN("the courier is not there"));
    }
}

/* Discovery §4: a slash at the issuer's end is not doubled. */
static void begin(struct provider_state *s)
{
    struct span issuer = s->config->issuer;
    s->coming = mem_alloc(sizeof *s->coming);
    arena_init(&s->coming->texts, 0);
    issuer.len -= span_ends(issuer, SPAN("/"));
    const char *url = arena_printf(&s->coming->texts, "%.*s/.well-known/openid-configuration", SPAN_ARG(issuer));
    if (!fetch(s, span_of(url), discovery_came)) {
        failed(s, "discovery", 0, SPAN("the courier is not there"));
    }
}

void provider_ready(struct api_request *req, struct provider_state *s, enum provider_need need, provider_then *then)
{
    static const time_ns ages[] = {[PROVIDER_ALIVE] = PROVIDER_FRESH_S * TIME_SECOND, [PROVIDER_KNOWN] = PROVIDER_OLD_S * TIME_SECOND, [PROVIDER_ANEW] = 0};
    time_ns now = clock_mono();
    bool fresh = s->known != NULL && now - s->fetched < ages[need];
    bool just_failed = s->failed != 0 && now - s->failed < PROVIDER_RETRY_S * TIME_SECOND;
    s->api = req->api;
    if (fresh) {
        then(req, s, true);
    } else if (just_failed || s->waiters.len >= PROVIDER_WAITERS_MAX) {
        then(req, s, false);
    } else {
        vec_push(&s->waiters, (struct waiter){req, then});
        if (s->coming == NULL) {
            begin(s);
        }
    }
}

bool passage_use(struct providers *p, struct span state, time_ns until, time_ns now)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct passage_used *room = NULL;
    secret_hash(state, hash);
    for (size_t i = 0; i < PASSAGES_USED_MAX; i++) {
        struct passage_used *u = &p->used[i];
        if (u->until > now && memcmp(u->hash, hash, sizeof hash) == 0) {
            return false;
        }
        room = u->until <= now ? u : room;
    }
    if (room != NULL) {
        memcpy(room->hash, hash, sizeof hash);
        room->until = until;
    }
    return room != NULL;
}
