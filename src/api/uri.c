/* SPDX-License-Identifier: EUPL-1.2 */
/* Request targets and forms: see uri.h. Must never guess what a sender may have meant. */
#include "api/uri.h"

#include "base/id.h"
#include "base/utf8.h"

/* Bytes that RFC 3986 lets stand unencoded in a path or query, but for '%'. */
static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/?", c) != NULL);
}

enum decode { DECODE_PATH, DECODE_QUERY, DECODE_FORM };

static bool text_fine(struct span s, enum decode how)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool line_break = c == '\n' || c == '\r' || c == '\t';
        if (c == 0x7f || (c < 0x20 && !(how == DECODE_FORM && line_break))) {
            return false;
        }
    }
    return utf8_valid(s);
}

static int decode(struct span in, enum decode how, struct arena *arena, struct span *out,
                  struct err *e)
{
    char *text = arena_bytes(arena, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            if (!hex_decode(span_sub(in, i + 1, 2), &text[n], 1)) {
                return err_set(e, ERR_INVALID, "A '%%' is not followed by two hex digits.");
            }
            n++;
            i += 2;
        } else if (c == '+' && how != DECODE_PATH) {
            text[n++] = ' ';
        } else if (is_plain(c)) {
            text[n++] = c;
        } else {
            return err_set(e, ERR_INVALID, "A character of the address must be percent-encoded.");
        }
    }
    *out = span_make(text, n);
    return text_fine(*out, how)
               ? 0
               : err_set(e, ERR_INVALID, "The address holds a character that is not text.");
}

static int parse_pairs(struct span in, enum decode how, struct arena *arena, struct uri_pairs *out,
                       struct err *e)
{
    out->count = 0;
    while (in.len > 0) {
        ptrdiff_t amp = span_find(in, '&');
        struct span part = span_sub(in, 0, amp < 0 ? in.len : (size_t)amp);
        in = span_sub(in, part.len + 1, in.len);
        if (part.len == 0) {
            continue;
        }
        if (out->count == URI_PAIRS_MAX) {
            return err_set(e, ERR_LIMIT, "More than %d parameters.", URI_PAIRS_MAX);
        }
        ptrdiff_t equals = span_find(part, '=');
        struct uri_pair pair = {.kind = PAIR_WORDS};
        int rc = decode(span_sub(part, 0, equals < 0 ? part.len : (size_t)equals), how, arena,
                        &pair.name, e);
        if (rc == 0) {
            rc = decode(equals < 0 ? SPAN("") : span_sub(part, (size_t)equals + 1, part.len), how,
                        arena, &pair.value, e);
        }
        if (rc != 0) {
            return rc;
        }
        for (size_t i = 0; i < out->count; i++) {
            if (span_eq(out->pair[i].name, pair.name)) {
                return err_set(e, ERR_INVALID, "A parameter stands there twice.");
            }
        }
        out->pair[out->count++] = pair;
    }
    return 0;
}

/* Segments that file systems and proxies read in different ways have no business here. */
static bool segments_fine(struct span path)
{
    while (path.len > 0) {
        path = span_sub(path, 1, path.len); /* the slash */
        ptrdiff_t slash = span_find(path, '/');
        struct span segment = span_sub(path, 0, slash < 0 ? path.len : (size_t)slash);
        path = span_sub(path, segment.len, path.len);
        if ((segment.len == 0 && path.len > 0) || span_eq(segment, SPAN(".")) ||
            span_eq(segment, SPAN(".."))) {
            return false;
        }
    }
    return true;
}

int uri_parse(struct span raw, struct arena *arena, struct uri *out, struct err *e)
{
    memset(out, 0, sizeof *out);
    if (raw.len > URI_MAX) {
        return err_set(e, ERR_LIMIT, "The address is longer than %d bytes.", URI_MAX);
    }
    if (raw.len == 0 || raw.ptr[0] != '/') {
        return err_set(e, ERR_INVALID, "The address must begin with '/'.");
    }
    ptrdiff_t mark = span_find(raw, '?');
    struct span path = span_sub(raw, 0, mark < 0 ? raw.len : (size_t)mark);
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (path.ptr[i] == '%' && path.ptr[i + 1] == '2' && ascii_lower(path.ptr[i + 2]) == 'f') {
            return err_set(e, ERR_INVALID, "An encoded slash is not taken.");
        }
    }
    int rc = decode(path, DECODE_PATH, arena, &out->path, e);
    if (rc == 0 && !segments_fine(out->path)) {
        rc = err_set(e, ERR_INVALID, "The address has an empty, '.' or '..' part.");
    }
    if (rc == 0 && mark >= 0) {
        rc = parse_pairs(span_sub(raw, (size_t)mark + 1, raw.len), DECODE_QUERY, arena, &out->query,
                         e);
    }
    return rc;
}

int uri_parse_form(struct span body, struct arena *arena, struct uri_pairs *out, struct err *e)
{
    return parse_pairs(body, DECODE_FORM, arena, out, e);
}

struct span uri_get(const struct uri_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (span_eq(pairs->pair[i].name, span_of(name))) {
            return pairs->pair[i].value;
        }
    }
    return SPAN("");
}
