/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Web access logs in the common and combined formats, with or without a leading vhost:port. A line
 * that does not fit stays a line: it is tagged, keywords still see it. On the event path.
 */
#include "flow/normalise/normalise_priv.h"

struct web_line {
    struct span vhost, client, user, time, request, status, bytes, referer, agent;
};

static struct span take_word(struct span *rest)
{
    ptrdiff_t end = span_find(*rest, ' ');
    struct span word = end < 0 ? *rest : span_sub(*rest, 0, (size_t)end);
    *rest = span_sub(*rest, end < 0 ? rest->len : (size_t)end + 1, rest->len);
    return word;
}

/* Text in quotes at the start of rest, up to the next quote that no backslash hides. False when
 * there is none. */
static bool take_quoted(struct span *rest, struct span *out)
{
    if (rest->len < 2 || rest->ptr[0] != '"') {
        return false;
    }
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] == '\\') {
            i++;
        } else if (rest->ptr[i] == '"') {
            *out = span_sub(*rest, 1, i - 1);
            *rest = span_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    return false;
}

static void skip_blank(struct span *rest)
{
    if (rest->len > 0 && rest->ptr[0] == ' ') {
        *rest = span_sub(*rest, 1, rest->len);
    }
}

/* Everything before the time: [vhost:port] client ident user. */
static bool take_head(struct span head, struct web_line *w)
{
    struct span words[4];
    size_t n = 0;
    while (head.len > 0) {
        if (n == ARRAY_LEN(words)) {
            return false;
        }
        words[n] = take_word(&head);
        if (words[n++].len == 0) {
            return false;
        }
    }
    if (n < 3 || (n == 4 && span_find(words[0], ':') < 0)) {
        return false;
    }
    w->vhost = n == 4 ? words[0] : SPAN("");
    w->client = words[n - 3];
    w->user = words[n - 1];
    return true;
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_dash(struct span s)
{
    return span_eq(s, SPAN("-"));
}

static bool web_parse(struct span line, struct web_line *w)
{
    memset(w, 0, sizeof *w);
    line = span_trim(line);
    ptrdiff_t open = span_find(line, '[');
    if (open < 1 || line.ptr[open - 1] != ' ' ||
        !take_head(span_sub(line, 0, (size_t)open - 1), w)) {
        return false;
    }
    struct span rest = span_sub(line, (size_t)open + 1, line.len);
    ptrdiff_t close = span_find(rest, ']');
    if (close < 0) {
        return false;
    }
    w->time = span_sub(rest, 0, (size_t)close);
    rest = span_sub(rest, (size_t)close + 1, rest.len);
    skip_blank(&rest);
    if (!take_quoted(&rest, &w->request)) {
        return false;
    }
    skip_blank(&rest);
    w->status = take_word(&rest);
    w->bytes = take_word(&rest);
    if (!(all_digits(w->status) || is_dash(w->status)) ||
        !(all_digits(w->bytes) || is_dash(w->bytes))) {
        return false;
    }
    if (take_quoted(&rest, &w->referer)) {
        skip_blank(&rest);
        (void)take_quoted(&rest, &w->agent);
    }
    return true;
}

static void add_web(struct job *j, enum norm_field field, struct span value)
{
    if (value.len > 0 && !is_dash(value)) {
        norm_add_own(j, field, value);
    }
}

/* "GET /path?query HTTP/1.1"; a request that is no such thing gives no parts. */
static void add_request(struct job *j, struct span request)
{
    struct span rest = request;
    struct span method = take_word(&rest);
    if (rest.len == 0) {
        return;
    }
    struct span version = SPAN("");
    for (size_t i = rest.len; i > 0; i--) {
        if (rest.ptr[i - 1] == ' ') {
            struct span last = span_sub(rest, i, rest.len);
            if (span_starts(last, SPAN("HTTP/"))) {
                version = last;
                rest = span_sub(rest, 0, i - 1);
            }
            break;
        }
    }
    add_web(j, NORM_CS_METHOD, method);
    add_web(j, NORM_CS_URI, rest);
    add_web(j, NORM_CS_VERSION, version);
    ptrdiff_t mark = span_find(rest, '?');
    add_web(j, NORM_CS_URI_STEM, mark < 0 ? rest : span_sub(rest, 0, (size_t)mark));
    if (mark >= 0) {
        norm_add_own(j, NORM_CS_URI_QUERY, span_sub(rest, (size_t)mark + 1, rest.len));
    }
}

bool norm_web_pairs(struct job *j, struct span line)
{
    struct web_line w;
    if (!web_parse(line, &w)) {
        return false;
    }
    add_web(j, NORM_C_IP, w.client);
    add_web(j, NORM_CS_USERNAME, w.user);
    add_request(j, w.request);
    add_web(j, NORM_SC_STATUS, w.status);
    add_web(j, NORM_SC_BYTES, w.bytes);
    add_web(j, NORM_CS_REFERER, w.referer);
    add_web(j, NORM_CS_USER_AGENT, w.agent);
    if (j->declared == NULL && w.vhost.len > 0) {
        ptrdiff_t colon = span_find(w.vhost, ':');
        add_web(j, NORM_CS_HOST, span_sub(w.vhost, 0, colon < 0 ? w.vhost.len : (size_t)colon));
    }
    time_ns t = TIME_NONE;
    if (norm_time_web(w.time, j->st->zone_s, &t)) {
        j->ev->time = t;
        j->ev->tags &= ~(uint32_t)TAG_YEAR_GUESSED; /* the line itself names the year */
    }
    return true;
}

enum normalise_result norm_web(struct job *j)
{
    static const struct span any = {NULL, 0};
    j->ev->keywords_raw = true;
    if (!norm_web_pairs(j, j->ev->raw)) {
        j->ev->tags |= TAG_NOT_PARSED;
    }
    norm_set_class(j, norm_format_class(j, FORMAT_WEB, any, any));
    return NORMALISE_EVENT;
}
