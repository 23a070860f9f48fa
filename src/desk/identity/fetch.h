/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the desk has the courier fetch from a provider that signs people in, and what came back, unread (MSG_SIGN_IN_FETCH,
 * MSG_SIGN_IN_FETCHED). The courier knows the provider by its name and goes only where the config lets it; a client's secret is
 * added there and never known to the desk. Pure codecs; the reader trusts nothing.
 */
#ifndef DESK_IDENTITY_FETCH_H
#define DESK_IDENTITY_FETCH_H

#include "base/buf.h"
#include "desk/identity/provider.h"

enum {
    FETCH_FORM_MAX = 16 << 10,    /* bytes of a form */
    FETCH_ANSWER_MAX = 512 << 10, /* bytes that come back; more ends it */
    FETCH_WHY_MAX = 512,
};

/* How the client shows who it is (OpenID Connect Core §9). */
enum fetch_client { FETCH_NO_SECRET, FETCH_SECRET_BASIC, FETCH_SECRET_FORM, FETCH_CLIENT_COUNT };

struct fetch {
    struct span provider; /* by name */
    struct span url;
    struct span form; /* empty: GET; else POST of application/x-www-form-urlencoded */
    enum fetch_client client;
};

struct fetched {
    uint32_t status; /* of HTTP; 0 = there was no answer, `why` says why */
    struct span why;
    struct span body;
};

void fetch_encode(struct buf *out, const struct fetch *f);
void fetch_decode(struct cursor *in, struct fetch *out);
void fetched_encode(struct buf *out, const struct fetched *f);
void fetched_decode(struct cursor *in, struct fetched *out);

#endif
