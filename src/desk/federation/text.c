/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys, ids and times as text: see text.h. */
#include "desk/federation/text.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "desk/federation/limits.h"

/* libsodium 1.0.18 reads some bytes beyond ASCII as if they were '_': one key must have one text. */
static bool all_base64(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

bool fed_base64_read_some(struct span text, void *out, size_t max, size_t *len_out)
{
    size_t len = 0;
    const char *end = NULL;
    if (!all_base64(text) || sodium_base642bin(out, max, text.ptr, text.len, NULL, &len, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text.ptr + text.len) {
        return false;
    }
    *len_out = len;
    return true;
}

bool fed_base64_read(struct span text, void *out, size_t len)
{
    size_t got = 0;
    return fed_base64_read_some(text, out, len, &got) && got == len;
}

struct span fed_base64(struct arena *a, const void *bytes, size_t len)
{
    size_t room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *out = arena_bytes(a, room);
    (void)sodium_bin2base64(out, room, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return span_make(out, room - 1);
}

static bool lower_hex(struct span s, size_t len)
{
    if (s.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool fed_node_valid(struct span s)
{
    return lower_hex(s, FED_NODE_LEN);
}

bool fed_id_valid(struct span s)
{
    return lower_hex(s, FED_ID_LEN);
}

bool fed_circle_valid(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-')) {
            return false;
        }
    }
    return s.len > 0 && s.len <= FED_CIRCLE_MAX;
}

bool fed_name_valid(struct span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return s.len > 0 && s.len <= max && utf8_valid(s);
}

bool fed_time_read(struct span s, int64_t *out)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    time_ns t = 0;
    if (s.len != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (shape[i] == 'd' ? !digit : s.ptr[i] != shape[i]) {
            return false;
        }
    }
    /* A leap second would be a second text of the minute that follows. */
    if (span_eq(span_sub(s, 17, 2), SPAN("60")) || !time_parse(s, 0, &t) || t < 0) {
        return false;
    }
    *out = t / TIME_SECOND;
    return true;
}

struct span fed_time(struct arena *a, int64_t seconds)
{
    struct time_parts p;
    CHECK(seconds >= 0 && seconds < INT64_MAX / TIME_SECOND);
    time_to_parts(seconds * TIME_SECOND, &p);
    return span_of(arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", p.year, p.month, p.day, p.hour,
                                p.minute, p.second));
}
