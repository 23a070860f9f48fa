/* SPDX-License-Identifier: EUPL-1.2 */
/* Newline framing: see lines.h. Runs in scan, intake and hunter; looks at each byte once, copies
 * none. */
#include "wire/lines.h"

void lines_init(struct lines *s, size_t max_bytes)
{
    *s = (struct lines){.max_bytes = max_bytes == 0 ? LINES_MAX_BYTES : max_bytes};
}

static void consume(struct lines *s, size_t n, size_t *used_out)
{
    s->offset += n;
    s->scanned = 0;
    *used_out += n;
}

/* Passes over the rest of a cut line; true when its end was in the window. */
static bool skip_rest(struct lines *s, struct span w, size_t *used_out)
{
    ptrdiff_t nl = span_find(w, '\n');
    s->skipping = nl < 0;
    consume(s, nl < 0 ? w.len : (size_t)nl + 1, used_out);
    return nl >= 0;
}

enum lines_result lines_next(struct lines *s, struct span window, bool final, size_t *used_out,
                             struct span *line_out, bool *cut_out)
{
    *used_out = 0;
    *cut_out = false;
    *line_out = span_make(window.ptr, 0);
    if (s->skipping && !skip_rest(s, window, used_out)) {
        return final ? LINES_END : LINES_MORE;
    }
    struct span w = span_sub(window, *used_out, window.len);
    /* A line of the full length may have CR and LF behind it: looking further would find only lines
     * to be cut. */
    struct span head = span_sub(w, 0, s->max_bytes + 2);
    ptrdiff_t found = span_find(span_sub(head, s->scanned, head.len), '\n');
    size_t len = found < 0 ? head.len : s->scanned + (size_t)found;
    size_t used = found < 0 ? len : len + 1;
    if (found < 0 && head.len < s->max_bytes + 2) {
        if (!final) {
            s->scanned = head.len;
            return LINES_MORE;
        }
        if (len == 0) {
            return LINES_END;
        }
    }
    if (found >= 0 && len > 0 && w.ptr[len - 1] == '\r') {
        len--;
    }
    *cut_out = len > s->max_bytes;
    if (*cut_out) {
        len = s->max_bytes;
        s->skipping = found < 0;
    }
    *line_out = span_make(w.ptr, len);
    consume(s, used, used_out);
    s->number++;
    return LINES_LINE;
}
