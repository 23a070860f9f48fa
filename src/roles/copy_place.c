/* SPDX-License-Identifier: EUPL-1.2 */
/* URLs and pins of a second copy: see copy_place.h. */
#include "roles/copy_place.h"

#include <sodium.h>
#include <string.h>

#include "base/num.h"
#include "os/net_range.h"

static const char pin_start[] = "SHA256:";

static bool all_of(struct span s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(more, c) == NULL)) {
            return false;
        }
    }
    return s.len > 0;
}

/* "host", "host:22", "[fd00::1]:22". */
static bool read_host(struct span s, struct copy_url *out)
{
    uint64_t port = out->port;
    ptrdiff_t end = s.len > 0 && s.ptr[0] == '[' ? span_find(s, ']') : -1;
    struct span rest;
    if (end > 0) {
        out->host = span_sub(s, 1, (size_t)end - 1);
        rest = span_sub(s, (size_t)end + 1, s.len);
    } else {
        ptrdiff_t colon = span_find(s, ':');
        out->host = span_sub(s, 0, colon < 0 ? s.len : (size_t)colon);
        rest = span_sub(s, out->host.len, s.len);
    }
    if (rest.len > 0 && (rest.ptr[0] != ':' || !num_u64(span_sub(rest, 1, rest.len), &port) || port == 0 || port > UINT16_MAX)) {
        return false;
    }
    out->port = (uint16_t)port;
    return all_of(out->host, end > 0 ? ":." : ".-_");
}

/* No part of it is empty, "." or "..". */
static bool path_is_plain(struct span path)
{
    while (path.len > 0) {
        struct span rest = span_sub(path, 1, path.len);
        ptrdiff_t slash = span_find(rest, '/');
        struct span part = span_sub(rest, 0, slash < 0 ? rest.len : (size_t)slash);
        if (path.ptr[0] != '/' || !all_of(part, "-_.~+=@ ") || span_eq(part, SPAN(".")) || span_eq(part, SPAN(".."))) {
            return false;
        }
        path = span_sub(rest, part.len, rest.len);
    }
    return true;
}

/* What stands before the first slash; the rest is the path, without a slash at its end. */
static struct span split_path(struct span rest, struct copy_url *out)
{
    ptrdiff_t slash = span_find(rest, '/');
    struct span where = span_sub(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    out->path = span_sub(rest, where.len, rest.len);
    if (out->path.len > 0 && out->path.ptr[out->path.len - 1] == '/') {
        out->path.len--;
    }
    return where;
}

/* Bucket names by Amazon's rules; the prefix of characters that stand in a URL as they are. */
static int parse_s3(struct span rest, struct copy_url *out, struct err *e)
{
    out->way = COPY_S3;
    out->host = split_path(rest, out);
    bool plain = path_is_plain(out->path);
    for (size_t i = 0; plain && i < out->path.len; i++) {
        plain = strchr("~+=@ ", out->path.ptr[i]) == NULL;
    }
    if (!plain || out->host.len < 3 || out->host.len > 63 || !all_of(out->host, ".-_")) {
        return err_set(e, ERR_INVALID, "s3:// names no bucket, or a prefix that is not plain: s3://bucket/prefix");
    }
    return 0;
}

int copy_url_parse(struct span text, struct copy_url *out, struct err *e)
{
    const struct span sftp = SPAN("sftp://"), s3 = SPAN("s3://");
    *out = (struct copy_url){.way = COPY_SFTP, .port = 22};
    if (text.len <= COPY_URL_MAX && span_starts(text, s3)) {
        return parse_s3(span_sub(text, s3.len, text.len), out, e);
    }
    if (text.len > COPY_URL_MAX || !span_starts(text, sftp)) {
        return err_set(e, ERR_INVALID, "a copy goes to sftp://user@host/folder or s3://bucket/prefix");
    }
    struct span where = split_path(span_sub(text, sftp.len, text.len), out);
    ptrdiff_t at = span_find(where, '@');
    out->user = span_sub(where, 0, at < 0 ? 0 : (size_t)at);
    if (at < 0 || !all_of(out->user, "-_.")) {
        return err_set(e, ERR_INVALID, "sftp:// needs a user before the host, without a password: sftp://user@host/folder");
    }
    if (!read_host(span_sub(where, (size_t)at + 1, where.len), out)) {
        return err_set(e, ERR_INVALID, "sftp:// names no host that can be read: sftp://user@host:22/folder");
    }
    return path_is_plain(out->path) ? 0 : err_set(e, ERR_INVALID, "the folder behind sftp:// has a part that is empty, . or .., or a character that is not plain");
}

int copy_pin_parse(struct span text, unsigned char out[COPY_PIN_BYTES], struct err *e)
{
    size_t n = 0;
    bool fine = span_starts(text, span_of(pin_start));
    struct span code = span_sub(text, sizeof pin_start - 1, text.len);
    fine = fine && sodium_base642bin(out, COPY_PIN_BYTES, code.ptr, code.len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
    return fine && n == COPY_PIN_BYTES ? 0 : err_set(e, ERR_INVALID, "a host key is pinned as `ssh-keygen -l` prints it: SHA256: and 43 characters");
}

static int check_s3(const struct copy_place *p, struct err *e)
{
    struct copy_url at = {.port = 443};
    struct span host = p->endpoint;
    size_t scheme = span_starts(host, SPAN("https://")) ? 8 : span_starts(host, SPAN("http://")) ? 7 : 0;
    if (scheme == 0 || host.len > COPY_URL_MAX || !read_host(span_sub(host, scheme, host.len), &at)) {
        return err_set(e, ERR_INVALID, "s3:// needs an endpoint: https://host or https://host:port, without a path");
    }
    if (p->region.len > 0 && (p->region.len > 64 || !all_of(p->region, "-_"))) {
        return err_set(e, ERR_INVALID, "the region is a word like eu-central-1");
    }
    if (p->lock_days > COPY_LOCK_DAYS_MAX || p->piece_mib > COPY_PIECE_MIB_MAX) {
        return err_set(e, ERR_INVALID, "lock_days is at most %d, piece_mib at most %d", COPY_LOCK_DAYS_MAX, COPY_PIECE_MIB_MAX);
    }
    return p->npins == 0 ? 0 : err_set(e, ERR_INVALID, "host_key is for sftp://: an endpoint is known by its certificate");
}

static int check_sftp(const struct copy_place *p, struct err *e)
{
    unsigned char pin[COPY_PIN_BYTES];
    if (p->endpoint.len + p->region.len > 0 || p->lock_days + p->piece_mib > 0) {
        return err_set(e, ERR_INVALID, "endpoint, region, lock_days and piece_mib are for s3://");
    }
    int rc = p->npins > 0 ? 0 : err_set(e, ERR_INVALID, "sftp:// needs host_key: what `ssh-keygen -l -f` prints of the server's public key (SHA256:…)");
    for (uint32_t i = 0; rc == 0 && i < p->npins; i++) {
        rc = copy_pin_parse(p->pins[i], pin, e);
    }
    return rc;
}

int copy_place_check(const struct copy_place *p, struct err *e)
{
    struct copy_url url;
    struct net_range range;
    int rc = copy_url_parse(p->url, &url, e);
    if (rc == 0) {
        rc = url.way == COPY_S3 ? check_s3(p, e) : check_sftp(p, e);
    }
    for (uint32_t i = 0; rc == 0 && i < p->nallow; i++) {
        rc = net_range_parse(p->allow[i], &range, e);
    }
    return rc;
}

/* ---- to the courier ---- */

static void put_list(struct buf *out, const struct span *list, uint32_t n)
{
    buf_u32(out, n);
    for (uint32_t i = 0; i < n; i++) {
        buf_str(out, list[i]);
    }
}

static uint32_t get_list(struct cursor *c, struct span *list, uint32_t most)
{
    uint32_t n = cursor_u32(c);
    if (n > most) {
        c->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        list[i] = cursor_str(c);
    }
    return n;
}

void copy_place_encode(struct buf *out, const struct copy_place *p)
{
    buf_str(out, p->url);
    put_list(out, p->pins, p->npins);
    put_list(out, p->allow, p->nallow);
    buf_str(out, p->endpoint);
    buf_str(out, p->region);
    buf_u32(out, p->lock_days);
    buf_u32(out, p->piece_mib);
}

void copy_place_decode(struct cursor *c, struct copy_place *out)
{
    *out = (struct copy_place){.url = cursor_str(c)};
    out->npins = get_list(c, out->pins, COPY_PINS_MAX);
    out->nallow = get_list(c, out->allow, COPY_ALLOW_MAX);
    out->endpoint = cursor_str(c);
    out->region = cursor_str(c);
    out->lock_days = cursor_u32(c);
    out->piece_mib = cursor_u32(c);
}
