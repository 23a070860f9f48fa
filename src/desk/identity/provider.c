/* SPDX-License-Identifier: EUPL-1.2 */
/* Addresses of providers: see provider.h. Pure. */
#include "desk/identity/provider.h"

bool provider_name_valid(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-') {
            return false;
        }
    }
    return name.len > 0 && name.len <= PROVIDER_NAME_MAX;
}

/* Host and port: up to the first of "/?" behind https://. */
static struct span authority(struct span url)
{
    if (!span_starts(url, SPAN("https://"))) {
        return SPAN("");
    }
    struct span rest = span_sub(url, 8, url.len);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?') {
        n++;
    }
    return span_sub(rest, 0, n);
}

struct span provider_host(struct span url)
{
    struct span a = authority(url);
    if (span_find(a, '@') >= 0) {
        return SPAN("");
    }
    if (a.len > 0 && a.ptr[0] == '[') {
        ptrdiff_t end = span_find(a, ']');
        return end < 0 ? SPAN("") : span_sub(a, 0, (size_t)end + 1);
    }
    ptrdiff_t colon = span_find(a, ':');
    return span_sub(a, 0, colon < 0 ? a.len : (size_t)colon);
}

bool provider_url_valid(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>') {
            return false;
        }
    }
    return url.len <= PROVIDER_URL_MAX && provider_host(url).len > 0;
}

bool provider_url_allowed(const struct provider *p, struct span url)
{
    if (!provider_url_valid(url)) {
        return false;
    }
    struct span host = provider_host(url);
    bool allowed = span_eq_nocase(host, provider_host(p->issuer));
    for (uint32_t i = 0; i < p->hosts.n && !allowed; i++) {
        allowed = span_eq_nocase(host, p->hosts.text[i]);
    }
    return allowed;
}
