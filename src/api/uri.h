/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reads a request target and an HTML form strictly (RFC 3986, URL Standard §5.1): one way to write
 * each thing, so that what is checked is what is used. Pure; the desk calls it with bytes from the
 * network.
 */
#ifndef API_URI_H
#define API_URI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    URI_MAX = 4096,     /* bytes of a request target: the longest search of ours is far below */
    URI_PAIRS_MAX = 64, /* parameters of a query or form: all filters of the largest kind at once */
};

/* As what a value was written: a query or form knows words only, JSON has types. */
enum uri_pair_kind { PAIR_WORDS, PAIR_STRING, PAIR_NUMBER, PAIR_BOOL };

struct uri_pair {
    struct span name;
    struct span value;
    enum uri_pair_kind kind;
};

struct uri_pairs {
    struct uri_pair pair[URI_PAIRS_MAX];
    size_t count;
};

struct uri {
    struct span path; /* decoded, begins with '/', no empty, "." or ".." segment inside */
    struct uri_pairs query;
};

/* ERR_INVALID with a sentence; ERR_LIMIT. Decoded text lives in arena and is valid UTF-8 without
 * control characters. */
int uri_parse(struct span raw, struct arena *arena, struct uri *out, struct err *e) NODISCARD;

/* application/x-www-form-urlencoded. A name that comes twice is refused. Line breaks are allowed in
 * values. */
int uri_parse_form(struct span body, struct arena *arena, struct uri_pairs *out,
                   struct err *e) NODISCARD;

/* Value of a name, empty when it is not there. */
struct span uri_get(const struct uri_pairs *pairs, const char *name);

#endif
