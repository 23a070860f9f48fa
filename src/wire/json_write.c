/* SPDX-License-Identifier: EUPL-1.2 */
/* Strict JSON writer: see json_write.h. */
#include "wire/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/utf8.h"

void json_writer_init(struct json_writer *j, struct buf *out)
{
    *j = (struct json_writer){.out = out};
}

static void before_value(struct json_writer *j)
{
    CHECK(j->depth == 0 || j->is_array[j->depth - 1] || j->after_key);
    if (j->need_comma && !j->after_key) {
        buf_u8(j->out, ',');
    }
    j->need_comma = true;
    j->after_key = false;
}

static void open_nest(struct json_writer *j, char c, bool array)
{
    before_value(j);
    CHECK(j->depth < JSON_WRITE_DEPTH_MAX);
    j->is_array[j->depth++] = array;
    j->need_comma = false;
    buf_u8(j->out, (uint8_t)c);
}

void json_object(struct json_writer *j)
{
    open_nest(j, '{', false);
}

void json_array(struct json_writer *j)
{
    open_nest(j, '[', true);
}

void json_end(struct json_writer *j)
{
    CHECK(j->depth > 0 && !j->after_key);
    j->depth--;
    buf_u8(j->out, j->is_array[j->depth] ? ']' : '}');
    j->need_comma = true;
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *at = c == 0 ? NULL : strchr(plain, c);
    if (at != NULL) {
        buf_u8(out, '\\');
        buf_u8(out, (uint8_t)names[at - plain]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

static void put_string(struct buf *out, struct span s)
{
    const char *p = s.len == 0 ? "" : s.ptr; /* an empty text may have no pointer at all */
    const char *end = p + s.len;
    const char *run = p;
    buf_u8(out, '"');
    while (p < end) {
        size_t n;
        int32_t cp = utf8_decode(p, end, &n);
        bool plain = cp >= 0x20 && cp != '"' && cp != '\\' && cp != 0x7f;
        if (!plain) {
            buf_put(out, run, (size_t)(p - run));
            if (cp == UTF8_BAD) {
                buf_put(out, "\xef\xbf\xbd", 3);
            } else {
                put_escape(out, (unsigned char)cp);
            }
            run = p + n;
        }
        p += n;
    }
    buf_put(out, run, (size_t)(p - run));
    buf_u8(out, '"');
}

void json_key_text(struct json_writer *j, struct span key)
{
    CHECK(j->depth > 0 && !j->is_array[j->depth - 1] && !j->after_key);
    if (j->need_comma) {
        buf_u8(j->out, ',');
    }
    put_string(j->out, key);
    buf_u8(j->out, ':');
    j->after_key = true;
}

void json_key(struct json_writer *j, const char *key)
{
    json_key_text(j, span_of(key));
}

void json_text(struct json_writer *j, struct span s)
{
    before_value(j);
    put_string(j->out, s);
}

void json_u64(struct json_writer *j, uint64_t v)
{
    before_value(j);
    buf_printf(j->out, "%llu", (unsigned long long)v);
}

void json_i64(struct json_writer *j, int64_t v)
{
    before_value(j);
    buf_printf(j->out, "%lld", (long long)v);
}

void json_double(struct json_writer *j, double v)
{
    char text[40];
    before_value(j);
    if (!isfinite(v)) {
        buf_cstr(j->out, "null");
        return;
    }
    (void)snprintf(text, sizeof text, "%.15g", v);
    if (strtod(text, NULL) != v) {
        (void)snprintf(text, sizeof text, "%.17g", v);
    }
    buf_cstr(j->out, text);
}

void json_bool(struct json_writer *j, bool v)
{
    before_value(j);
    buf_cstr(j->out, v ? "true" : "false");
}

void json_null(struct json_writer *j)
{
    before_value(j);
    buf_cstr(j->out, "null");
}

void json_member_text(struct json_writer *j, const char *key, struct span s)
{
    json_key(j, key);
    json_text(j, s);
}

void json_member_text_or_null(struct json_writer *j, const char *key, struct span s)
{
    json_key(j, key);
    if (s.len > 0) {
        json_text(j, s);
    } else {
        json_null(j);
    }
}

void json_raw(struct json_writer *j, struct span json)
{
    before_value(j);
    buf_span(j->out, json);
}

bool json_writer_done(const struct json_writer *j)
{
    return j->depth == 0 && !j->after_key && !j->out->failed;
}
