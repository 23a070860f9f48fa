/* SPDX-License-Identifier: EUPL-1.2 */
/* Names in a page of a bucket: see s3_list.h. Tags are searched for, not parsed: a key's text cannot hold a '<' unescaped. */
#include "wire/s3_list.h"

#include <string.h>

/* What stands between the next start tag and the next '<', if that begins the end tag. *rest goes behind the start tag. */
static bool between(struct span *rest, struct span start, struct span end, struct span *out)
{
    const char *at = rest->len == 0 ? NULL : memmem(rest->ptr, rest->len, start.ptr, start.len);
    if (at == NULL) {
        *rest = span_make("", 0);
        return false;
    }
    *rest = span_sub(*rest, (size_t)(at - rest->ptr) + start.len, rest->len);
    ptrdiff_t open = span_find(*rest, '<');
    *out = span_sub(*rest, 0, open < 0 ? 0 : (size_t)open);
    return open >= 0 && span_starts(span_sub(*rest, (size_t)open, rest->len), end);
}

bool s3_list_next(struct span *rest, struct span *key_out)
{
    while (rest->len > 0) {
        if (between(rest, SPAN("<Key>"), SPAN("</Key>"), key_out) && key_out->len > 0 && key_out->len <= S3_NAME_MAX) {
            return true;
        }
    }
    return false;
}

bool s3_list_more(struct span page)
{
    struct span text;
    return between(&page, SPAN("<IsTruncated>"), SPAN("</IsTruncated>"), &text) && span_eq(text, SPAN("true"));
}
