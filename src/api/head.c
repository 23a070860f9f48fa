/* SPDX-License-Identifier: EUPL-1.2 */
/* Header checks: see head.h. */
#include "api/head.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/check.h"
#include "base/num.h"

static const struct head_verdict fine = {0, NULL, NULL};

static struct head_verdict refuse(unsigned status, const char *code, const char *message)
{
    return (struct head_verdict){status, code, message};
}

struct span head_get(const struct head *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++) {
        if (span_eq_nocase(h->field[i].name, span_of(name))) {
            return h->field[i].value;
        }
    }
    return SPAN("");
}

static size_t count_of(const struct head *h, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++) {
        n += span_eq_nocase(h->field[i].name, span_of(name));
    }
    return n;
}

/* Fields that mean something to us may come once. */
static bool has_duplicates(const struct head *h)
{
    static const char *const once[] = {
        "host",          "content-length", "transfer-encoding", "content-type",
        "cookie",        "origin",         "x-sereno-csrf",     "sec-fetch-site",
        "last-event-id", "if-none-match",  "accept-encoding",   "expect",
        "authorization", "if-match",
    };
    for (size_t i = 0; i < ARRAY_LEN(once); i++) {
        if (count_of(h, once[i]) > 1) {
            return true;
        }
    }
    return false;
}

static bool has_odd_bytes(const struct head *h)
{
    for (size_t i = 0; i < h->count; i++) {
        struct span v = h->field[i].value;
        for (size_t k = 0; k < v.len; k++) {
            unsigned char c = (unsigned char)v.ptr[k];
            if ((c < 0x20 && c != '\t') || c == 0x7f) {
                return true;
            }
        }
    }
    return false;
}

/* "name", "name:port", "1.2.3.4:port", "[::1]:port" without its port; false when it is none of
 * these. */
static bool split_port(struct span host, struct span *name_out)
{
    uint64_t port = 0;
    size_t end;
    if (host.len > 0 && host.ptr[0] == '[') {
        ptrdiff_t close = span_find(host, ']');
        if (close < 0) {
            return false;
        }
        end = (size_t)close + 1;
    } else {
        ptrdiff_t colon = span_find(host, ':');
        end = colon < 0 ? host.len : (size_t)colon;
    }
    *name_out = span_sub(host, 0, end);
    if (end == host.len) {
        return end > 0;
    }
    return end > 0 && host.ptr[end] == ':' && num_u64(span_sub(host, end + 1, 6), &port) &&
           port > 0 && port < 65536 && host.len - end - 1 < 6;
}

/* An address cannot be rebound: only names can be made to point elsewhere. */
static bool is_address(struct span name)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;
    struct in_addr four;
    bool bracketed = name.len > 2 && name.ptr[0] == '[';
    struct span inner = bracketed ? span_sub(name, 1, name.len - 2) : name;
    if (inner.len == 0 || inner.len >= sizeof text) {
        return false;
    }
    memcpy(text, inner.ptr, inner.len);
    text[inner.len] = '\0';
    return bracketed ? inet_pton(AF_INET6, text, &six) == 1 : inet_pton(AF_INET, text, &four) == 1;
}

static bool host_is_ours(struct span host, const struct head_policy *policy)
{
    struct span name;
    if (!split_port(host, &name)) {
        return false;
    }
    if (is_address(name) || span_eq_nocase(name, SPAN("localhost"))) {
        return true;
    }
    for (size_t i = 0; i < policy->nhosts; i++) {
        if (span_eq_nocase(name, policy->hosts[i])) {
            return true;
        }
    }
    return false;
}

/* A page elsewhere must not act for whoever reads it, cookie or not (Fetch Standard; also covers
 * the log-in form). */
static bool from_elsewhere(const struct head *h, const struct head_policy *policy)
{
    struct span site = head_get(h, "sec-fetch-site");
    if (site.len > 0 && !span_eq(site, SPAN("same-origin")) && !span_eq(site, SPAN("none"))) {
        return true;
    }
    struct span origin = head_get(h, "origin");
    if (origin.len == 0) {
        return count_of(h, "origin") > 0;
    }
    struct span scheme = policy->tls ? SPAN("https://") : SPAN("http://");
    return !span_starts(origin, scheme) ||
           !span_eq_nocase(span_sub(origin, scheme.len, origin.len), head_get(h, "host"));
}

static struct head_verdict check_body(const struct head *h, uint64_t body_max_bytes)
{
    uint64_t length = 0;
    struct span text = head_get(h, "content-length");
    if (count_of(h, "transfer-encoding") > 0) {
        return refuse(411, "length_required",
                      "Send a Content-Length; chunked bodies are not taken here.");
    }
    if (count_of(h, "content-length") > 0 && !num_u64(text, &length)) {
        return refuse(400, "bad_header", "Content-Length is not a number.");
    }
    if (length > body_max_bytes) {
        return refuse(413, "too_large", "The body is larger than this resource takes.");
    }
    if (count_of(h, "content-encoding") > 0) {
        return refuse(415, "bad_encoding", "Send the body without Content-Encoding.");
    }
    return fine;
}

struct head_verdict head_check(const struct head *h, const struct head_policy *policy,
                               struct span version, bool changes_state, uint64_t body_max_bytes)
{
    if (!span_eq(version, SPAN("HTTP/1.1"))) {
        return refuse(505, "bad_version", "Speak HTTP/1.1.");
    }
    if (h->overflow) {
        return refuse(431, "too_many_headers", "The request has too many header fields.");
    }
    if (has_duplicates(h)) {
        return refuse(400, "duplicate_header", "A header field that may come once came twice.");
    }
    if (has_odd_bytes(h)) {
        return refuse(400, "bad_header", "A header field holds a control character.");
    }
    if (count_of(h, "host") == 0) {
        return refuse(400, "no_host", "The Host header field is missing.");
    }
    if (!host_is_ours(head_get(h, "host"), policy)) {
        return refuse(421, "wrong_host",
                      "This node does not go by that name. Use its address, localhost, or a name "
                      "of its certificate.");
    }
    if (changes_state && from_elsewhere(h, policy)) {
        return refuse(403, "other_origin", "A page of another site may not do this.");
    }
    return check_body(h, body_max_bytes);
}

struct span head_cookie(const struct head *h, struct span name)
{
    struct span rest = head_get(h, "cookie");
    struct span found = SPAN("");
    size_t times = 0;
    while (rest.len > 0) {
        ptrdiff_t semicolon = span_find(rest, ';');
        struct span part =
            span_trim(span_sub(rest, 0, semicolon < 0 ? rest.len : (size_t)semicolon));
        rest = semicolon < 0 ? SPAN("") : span_sub(rest, (size_t)semicolon + 1, rest.len);
        ptrdiff_t equals = span_find(part, '=');
        if (equals > 0 && span_eq(span_sub(part, 0, (size_t)equals), name)) {
            found = span_sub(part, (size_t)equals + 1, part.len);
            times++;
        }
    }
    return times == 1 ? found : SPAN("");
}
