/* SPDX-License-Identifier: EUPL-1.2 */
/* How a request is answered: JSON, pages, redirects, errors, each with the headers that keep
 * browsers strict. */
#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "base/log.h"
#include "records/demo.h"

static const char csp[] = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' "
                          "data:; object-src 'none'; "
                          "base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    CHECK(MHD_add_response_header(response, name, value) == MHD_YES);
}

void respond_common_headers(struct api_request *req, struct MHD_Response *response, bool cacheable)
{
    static const struct {
        const char *name, *value;
    } always[] = {
        {"Content-Security-Policy", csp},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        /* Not "no-referrer": browsers then post our own forms with "Origin: null", which is refused. */
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        add(response, always[i].name, always[i].value);
    }
    if (!cacheable) {
        add(response, "Cache-Control", "no-store");
    }
    if (req->api->demo) {
        add(response, "X-Sereno-Demo", DEMO_CITY);
    }
    if (req->api->policy.tls) {
        add(response, "Strict-Transport-Security", "max-age=31536000");
    }
}

static void answer(struct api_request *req, unsigned status, struct MHD_Response *response)
{
    CHECK_OBJ(req, REQUEST_MAGIC);
    CHECK(req->response == NULL && req->state < REQUEST_ANSWERED);
    req->status = status;
    req->response = response;
    req->state = REQUEST_ANSWERED;
    if (req->suspended) {
        req->suspended = false;
        MHD_resume_connection(req->connection);
        mhd_loop_kick(&req->api->http);
    }
}

void respond_made(struct api_request *req, unsigned status, struct MHD_Response *response)
{
    answer(req, status, response);
}

void respond_header(struct api_request *req, const char *name, const char *value)
{
    CHECK(req->response != NULL);
    add(req->response, name, value);
}

static struct MHD_Response *from_buf(struct buf *b)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(b->len, b->len == 0 ? "" : b->data, MHD_RESPMEM_MUST_COPY);
    CHECK(r != NULL);
    buf_free(b);
    return r;
}

static void answer_text(struct api_request *req, unsigned status, struct buf *body,
                        const char *type)
{
    struct MHD_Response *r = from_buf(body);
    respond_common_headers(req, r, false);
    add(r, "Content-Type", type);
    answer(req, status, r);
}

void request_json(struct api_request *req, struct buf *b, struct json_writer *j)
{
    (void)req;
    buf_init(b, REQUEST_RESPONSE_MAX);
    json_writer_init(j, b);
}

void respond_json(struct api_request *req, unsigned status, struct buf *body)
{
    if (body->failed) {
        buf_free(body);
        respond_error(req, 500, "too_large", "The answer would be too large. Ask for less.", NULL);
        return;
    }
    answer_text(req, status, body, "application/json");
}

void respond_whole(struct api_request *req, bool whole, struct buf *body)
{
    if (!whole) {
        buf_free(body);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    respond_json(req, 200, body);
}

/* The band that says what is invented, in the page's own language, first of all that is read. */
static void put_band(struct buf *html)
{
    static const char lang[] = "<html lang=\"", body[] = "<body>";
    struct span all = buf_view(html);
    const char *at = memmem(all.ptr, all.len, lang, sizeof lang - 1);
    const char *begin = memmem(all.ptr, all.len, body, sizeof body - 1);
    struct buf out;
    CHECK(at != NULL && begin != NULL); /* all pages are ours */
    struct span tag = span_sub(all, (size_t)(at - all.ptr) + sizeof lang - 1, all.len);
    const struct words *w = words_of(span_sub(tag, 0, (size_t)span_find(tag, '"')));
    size_t upto = (size_t)(begin - all.ptr) + sizeof body - 1;
    buf_init(&out, all.len + 4096);
    buf_span(&out, span_sub(all, 0, upto));
    buf_printf(&out, "\n<aside class=\"demo-band\" aria-label=\"DEMO\"><strong>DEMO</strong> %s</aside>",
               (w == NULL ? words_default() : w)->text[WORD_DEMO_BAND]);
    buf_span(&out, span_sub(all, upto, all.len));
    CHECK(!out.failed);
    buf_free(html);
    *html = out;
}

void respond_page(struct api_request *req, unsigned status, struct buf *html)
{
    CHECK(!html->failed);
    if (req->api->demo) {
        put_band(html);
    }
    answer_text(req, status, html, "text/html; charset=utf-8");
}

const struct words *request_words(const struct api_request *req)
{
    return words_accept(head_get(&req->head, "accept-language"));
}

void respond_language(struct api_request *req, const struct words *w)
{
    respond_header(req, "Content-Language", w->language);
    respond_header(req, "Vary", "Accept-Language");
}

void respond_nothing(struct api_request *req)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    CHECK(r != NULL);
    respond_common_headers(req, r, false);
    answer(req, 204, r);
}

void respond_done(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    respond_nothing(req);
}

void respond_rows(struct api_request *req, int rc, struct span text, struct cursor *data, api_row *row)
{
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        row(&j, data);
    }
    json_end(&j);
    json_end(&j);
    respond_whole(req, cursor_done(data), &b);
}

void respond_redirect(struct api_request *req, const char *where)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    CHECK(r != NULL);
    respond_common_headers(req, r, false);
    add(r, "Location", where);
    answer(req, 303, r);
}

void respond_error(struct api_request *req, unsigned status, const char *code, const char *message,
                   const char *where)
{
    struct buf b;
    if (!span_starts(req->uri.path, SPAN("/api/")) && req->uri.path.len > 0) {
        page_error(&b, request_words(req), status, message);
        respond_page(req, status, &b);
        respond_language(req, request_words(req));
        return;
    }
    struct json_writer j;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "error");
    json_object(&j);
    json_key(&j, "code");
    json_text(&j, span_of(code));
    json_key(&j, "message");
    json_text(&j, span_of(message));
    json_key(&j, "where");
    json_text_or_null(&j, span_of(where == NULL ? "" : where));
    json_end(&j);
    json_end(&j);
    respond_json(req, status, &b);
}

void respond_failure(struct api_request *req, int rc, struct span text)
{
    switch (rc) {
    case ERR_NOT_FOUND:
        respond_error(req, 404, "not_found", "There is no such thing here.", NULL);
        break;
    case ERR_BUSY:
    case ERR_CLOSED:
        respond_error(req, 503, "busy", "The node is busy or starting. Try again in a moment.",
                      NULL);
        respond_header(req, "Retry-After", "2");
        break;
    case ERR_LIMIT:
        respond_error(req, 409, "limit",
                      text.len > 0 ? arena_cstr(&req->arena, text) : "A limit is reached.", NULL);
        break;
    case ERR_EXISTS:
        respond_error(req, 409, "exists",
                      text.len > 0 ? arena_cstr(&req->arena, text) : "It exists already.", NULL);
        break;
    case ERR_DENIED:
        respond_error(req, 403, "denied",
                      text.len > 0 ? arena_cstr(&req->arena, text) : "This is not allowed.", NULL);
        break;
    default: {
        char shown[LOG_VALUE_MAX];
        log_error("desk.failed", "path=\"%s\" code=%d why=\"%s\"",
                  req->route == NULL ? "" : req->route->path, rc, log_value(text, shown));
        respond_error(req, 500, "failed", "The node could not do this. Its own log says why.",
                      NULL);
    }
    }
}

void respond_cookie(struct api_request *req, struct span value)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Strict%s%s",
                     SPAN_ARG(api_cookie_name(req->api)), SPAN_ARG(value),
                     req->api->policy.tls ? "; Secure" : "", value.len == 0 ? "; Max-Age=0" : "");
    CHECK(n > 0 && (size_t)n < sizeof text);
    respond_header(req, "Set-Cookie", text);
}

struct span request_query(const struct api_request *req, const char *name)
{
    return uri_get(&req->uri.query, name);
}

struct span request_field(const struct api_request *req, const char *name)
{
    return uri_get(&req->fields, name);
}
