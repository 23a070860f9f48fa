/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The providers of this node as the desk knows them by now: discovery document and keys, fetched by the courier when somebody wants to
 * sign in. One that does not answer costs a sign-in with it and nothing else. Shared by the files of api/ only.
 */
#ifndef API_PROVIDERS_H
#define API_PROVIDERS_H

#include "api/request.h"
#include "desk/identity/oidc.h"
#include "records/sign_in.h"

enum {
    PROVIDER_FRESH_S = 15,      /* that it answered: who comes meanwhile is sent there unasked */
    PROVIDER_OLD_S = 86400,     /* documents older than that are asked for again whatever happens */
    PROVIDER_RETRY_S = 3,       /* after one that did not answer: what many ask together is one request */
    PROVIDER_WAITERS_MAX = 64,  /* people before one provider that has not answered yet */
    PASSAGES_USED_MAX = 1024,   /* sign-ins that came back, until each is too old anyway */
};

struct providers;
struct provider_state;

struct providers *providers_new(void) __attribute__((returns_nonnull));
void providers_free(struct providers **p);
/* Never NULL; lives until api_set_sign_in. */
const struct sign_in *providers_config(const struct providers *p);

/* NULL: none such. */
struct provider_state *provider_state_find(struct providers *p, struct span name);
const struct provider *provider_of(const struct provider_state *s);
const struct oidc_discovery *provider_discovery(const struct provider_state *s);
const struct oidc_keys *provider_keys(const struct provider_state *s);

/* How new what is known must be: it answered a moment ago, since somebody is about to be sent there; of today, for one who comes
 * back; asked for now, since a key is missing. */
enum provider_need { PROVIDER_ALIVE, PROVIDER_KNOWN, PROVIDER_ANEW };

/* Called with what is known of the provider; there false: it does not answer. */
typedef void provider_then(struct api_request *req, struct provider_state *s, bool there);
void provider_ready(struct api_request *req, struct provider_state *s, enum provider_need need, provider_then *then);

/* Notes that a passage came back. False: it did before, or there are too many. */
bool passage_use(struct providers *p, struct span state, time_ns until, time_ns now);

/* provider_login.c: after a session began: the page that leads on. */
void provider_landing(struct api_request *req);

/* Somebody whom a provider or directory knows. */
struct sign_in_person {
    struct span provider, issuer, subject, name;
    const struct provider_role *role; /* NULL: no group of his has one */
    struct span barred;               /* why it lets him in nowhere; empty = it does */
};
/* provider_login.c: asks the keeper whose account it is; a row with a role that no file has is as none. `then` reads the answer with
 * sign_in_answer. The roles are known (request_with_roles). */
void sign_in_ask(struct api_request *req, const struct sign_in_person *p, api_then *then);
/* 0, with the account (id empty: none) in the arena and his open pages ended where he changed; else an ERR_* for respond_failure. */
int sign_in_answer(struct api_request *req, int rc, struct cursor *data, struct account *out, enum sign_in_outcome *outcome_out);

#endif
