/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of routes, and how a request finds its row: see routes.def. Pure. */
#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/num.h"

/*
 * A route without a row in policy/paths.def does not compile ("PATH_OF_ROUTE_x undeclared"), nor
 * does a row without its route: what policy says about an address is decided when the address is
 * made.
 */
enum path_row {
#define PATH(class, name, action, adapter) PATH_OF_##class##_##name,
#define PLAIN(class, name, why) PATH_OF_##class##_##name,
#include "policy/paths.def"
    PATH_ROWS
};
enum {
#define ROUTE(method, path, right, handler, body, body_fields, query_fields, summary)         \
    +(PATH_OF_ROUTE_##handler >= 0)
    ROUTES_WITH_ROWS = 0
#include "api/routes.def"
#undef ROUTE
    ,
#define ROW_OF_ROUTE(handler) +(sizeof(&handler) > 0)
    ROWS_WITH_ROUTES = 0
#include "policy/paths.def"
};
_Static_assert(ROUTES_WITH_ROWS >= ROWS_WITH_ROUTES, "one row per handler");

/* GET … as text of the table. */
static const struct route table[] = {
#define ROUTE(method, path, right, handler, body, body_fields, query_fields, summary)         \
    {#method,      path,   RIGHT_##right, handler, BODY_##body, body_fields,             \
     query_fields, summary},
#include "api/routes.def"
#undef ROUTE
};

const struct route *route_table(size_t *count_out)
{
    *count_out = ARRAY_LEN(table);
    return table;
}

/* Takes the segment up to the next slash off the front. */
static struct span take_segment(struct span *path)
{
    *path = span_sub(*path, 1, path->len);
    ptrdiff_t slash = span_find(*path, '/');
    struct span segment = span_sub(*path, 0, slash < 0 ? path->len : (size_t)slash);
    *path = span_sub(*path, segment.len, path->len);
    return segment;
}

static bool path_fits(const char *pattern, struct span path, struct span params[REQUEST_PARAMS_MAX])
{
    struct span want = span_of(pattern);
    size_t n = 0;
    while (want.len > 0 && path.len > 0) {
        struct span w = take_segment(&want);
        struct span p = take_segment(&path);
        if (w.len > 0 && w.ptr[0] == '{') {
            CHECK(n < REQUEST_PARAMS_MAX);
            if (p.len == 0) {
                return false;
            }
            params[n++] = p;
        } else if (!span_eq(w, p)) {
            return false;
        }
    }
    return want.len == 0 && path.len == 0;
}

/* The path of the table that fits with the fewest parameters: a word of an address is never taken for an id. NULL = none. */
static const char *most_literal(struct span path)
{
    const char *best = NULL;
    size_t fewest = SIZE_MAX;
    struct span params[REQUEST_PARAMS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        size_t braces = 0;
        for (const char *c = table[i].path; *c != '\0'; c++) {
            braces += *c == '{';
        }
        if (braces < fewest && path_fits(table[i].path, path, params)) {
            best = table[i].path;
            fewest = braces;
        }
    }
    return best;
}

const struct route *route_find(struct span method, struct span path,
                               struct span params[REQUEST_PARAMS_MAX], char allowed_out[ROUTE_ALLOWED_MAX])
{
    const char *at = most_literal(path);
    size_t n = 0;
    allowed_out[0] = '\0';
    for (size_t i = 0; at != NULL && i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].path, at) != 0) {
            continue;
        }
        if (span_eq(method, span_of(table[i].method))) {
            CHECK(path_fits(at, path, params));
            return &table[i];
        }
        n += (size_t)snprintf(allowed_out + n, ROUTE_ALLOWED_MAX - n, "%s%s", n == 0 ? "" : ", ", table[i].method);
        CHECK(n < ROUTE_ALLOWED_MAX);
    }
    return NULL;
}

/* Next "name:type[!]" of a table text; false at its end. */
static bool next_spec(struct span *spec, struct span *name, struct span *type, bool *needed)
{
    *spec = span_trim(*spec);
    if (spec->len == 0) {
        return false;
    }
    ptrdiff_t blank = span_find(*spec, ' ');
    struct span one = span_sub(*spec, 0, blank < 0 ? spec->len : (size_t)blank);
    *spec = span_sub(*spec, one.len, spec->len);
    ptrdiff_t colon = span_find(one, ':');
    CHECK(colon > 0);
    *name = span_sub(one, 0, (size_t)colon);
    *type = span_sub(one, (size_t)colon + 1, one.len);
    *needed = span_ends(*type, SPAN("!"));
    if (*needed) {
        type->len--;
    }
    return true;
}

bool route_takes(const struct route *r, struct span query_name)
{
    struct span spec = span_of(r->query_fields);
    struct span name, type;
    bool needed = false;
    while (next_spec(&spec, &name, &type, &needed)) {
        if (span_eq(name, query_name)) {
            return true;
        }
    }
    return false;
}

bool route_is_int(struct span type, int64_t *least_out, int64_t *most_out)
{
    ptrdiff_t dots = span_find(type, '.');
    *least_out = INT64_MIN;
    *most_out = INT64_MAX;
    return span_eq(type, SPAN("int")) || (dots > 0 && num_i64(span_sub(type, 0, (size_t)dots), least_out) && num_i64(span_sub(type, (size_t)dots + 2, type.len), most_out));
}

int64_t request_number(const struct api_request *req, const char *name, int64_t otherwise)
{
    int64_t n = otherwise;
    struct span text = request_query(req, name);
    (void)!num_i64(text.len > 0 ? text : request_field(req, name), &n);
    return n;
}

static bool value_fits(struct span type, const struct uri_pair *p)
{
    int64_t number = 0, least = 0, most = 0;
    bool is_int = route_is_int(type, &least, &most);
    if (p->kind != PAIR_WORDS && p->kind != (is_int ? PAIR_NUMBER : PAIR_STRING)) {
        return false;
    }
    if (span_eq(type, SPAN("text"))) {
        return true;
    }
    if (is_int) {
        return num_i64(p->value, &number) && number >= least && number <= most;
    }
    while (type.len > 0) {
        ptrdiff_t bar = span_find(type, '|');
        struct span word = span_sub(type, 0, bar < 0 ? type.len : (size_t)bar);
        type = bar < 0 ? SPAN("") : span_sub(type, (size_t)bar + 1, type.len);
        if (span_eq(word, p->value)) {
            return true;
        }
    }
    return false;
}

/* Index of a name in the pairs, or -1. */
static int pair_index(const struct uri_pairs *pairs, struct span name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (span_eq(pairs->pair[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

int fields_check(const char *spec, const struct uri_pairs *pairs, const char **where_out,
                 struct err *e)
{
    _Static_assert(URI_PAIRS_MAX <= 64, "one bit each");
    uint64_t known = 0;
    struct span rest = span_of(spec);
    struct span name;
    struct span type;
    bool needed = false;
    *where_out = NULL;
    bool any = false;
    while (next_spec(&rest, &name, &type, &needed)) {
        if (span_eq(name, SPAN("*"))) { /* its handler looks at the others */
            any = true;
            continue;
        }
        *where_out = name.ptr;
        int at = pair_index(pairs, name);
        if (at < 0 && needed) {
            return err_set(e, ERR_INVALID, "'%.*s' is missing.", SPAN_ARG(name));
        }
        if (at >= 0 && !value_fits(type, &pairs->pair[at])) {
            return err_set(e, ERR_INVALID, "'%.*s' must be %s%.*s.", SPAN_ARG(name),
                           span_find(type, '|') >= 0 ? "one of " : span_find(type, '.') >= 0 ? "a whole number: " : "of the type ", SPAN_ARG(type));
        }
        known |= at >= 0 ? UINT64_C(1) << at : 0;
    }
    *where_out = NULL;
    for (size_t i = 0; i < pairs->count && !any; i++) {
        if ((known >> i & 1) == 0) {
            return err_set(e, ERR_INVALID, "There is no field '%.*s' here.",
                           SPAN_ARG(span_sub(pairs->pair[i].name, 0, 64)));
        }
    }
    return 0;
}
