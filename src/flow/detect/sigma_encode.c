/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Encodings that modifiers ask for: UTF-16 and base64 (RFC 4648 §4), all on bytes. Called by sigma_values.c in the
 * compiler role; pure.
 */
#include "base/utf8.h"
#include "flow/detect/sigma_priv.h"

static size_t put_unit(char *out, uint32_t unit, bool big)
{
    out[0] = (char)(big ? unit >> 8 : unit & 0xff);
    out[1] = (char)(big ? unit & 0xff : unit >> 8);
    return 2;
}

struct span encode_utf16(struct arena *a, struct span text, enum utf16_kind kind)
{
    char *out = arena_bytes(a, 2 + text.len * 2); /* no character grows by more than the double */
    size_t n = 0;
    bool big = kind == UTF16_BE;
    if (kind == UTF16_BOM) {
        n += put_unit(out, 0xfeff, false);
    }
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; p < end;) {
        size_t len = 1;
        int32_t got = utf8_decode(p, end, &len);
        uint32_t cp = got == UTF8_BAD ? 0xfffd : (uint32_t)got;
        if (cp >= 0x10000) {
            n += put_unit(out + n, 0xd800 + ((cp - 0x10000) >> 10), big);
            cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
        }
        n += put_unit(out + n, cp, big);
        p += len;
    }
    return span_make(out, n);
}

struct span encode_base64(struct arena *a, struct span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_bytes(a, (bytes.len + 2) / 3 * 4);
    size_t n = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t v = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        v |= left > 1 ? (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t)(unsigned char)bytes.ptr[i + 2] : 0;
        out[n++] = digits[v >> 18];
        out[n++] = digits[(v >> 12) & 63];
        out[n++] = left > 1 ? digits[(v >> 6) & 63] : '=';
        out[n++] = left > 2 ? digits[v & 63] : '=';
    }
    return span_make(out, n);
}

struct span encode_base64_offset(struct arena *a, struct span bytes, unsigned shift)
{
    static const size_t head[] = {0, 2, 3}; /* characters that the bytes before have a part in */
    static const size_t tail[] = {0, 3, 2}; /* characters that the bytes behind have a part in, or padding */
    CHECK(shift < 3);
    char *shifted = arena_bytes(a, bytes.len + shift);
    memset(shifted, ' ', shift);
    if (bytes.len > 0) {
        memcpy(shifted + shift, bytes.ptr, bytes.len);
    }
    struct span all = encode_base64(a, span_make(shifted, bytes.len + shift));
    size_t cut = head[shift] + tail[(bytes.len + shift) % 3];
    return cut >= all.len ? SPAN("") : span_make(all.ptr + head[shift], all.len - cut);
}
