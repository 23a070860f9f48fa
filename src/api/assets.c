/* SPDX-License-Identifier: EUPL-1.2 */
/* Serves the embedded page: compressed once at build time, cached by name or ETag. Runs in the
 * desk; reads no file. */
#include "api/assets.h"

#include "api/api_priv.h"

static const struct asset *find(struct span path)
{
    for (size_t i = 0; i < asset_count; i++) {
        if (span_eq(path, span_of(assets[i].path))) {
            return &assets[i];
        }
    }
    return NULL;
}

/* "gzip" named in Accept-Encoding and not refused with q=0. */
static bool takes_gzip(const struct head *h)
{
    struct span list = head_get(h, "accept-encoding");
    while (list.len > 0) {
        ptrdiff_t comma = span_find(list, ',');
        struct span one = span_trim(span_sub(list, 0, comma < 0 ? list.len : (size_t)comma));
        list = comma < 0 ? SPAN("") : span_sub(list, (size_t)comma + 1, list.len);
        ptrdiff_t semicolon = span_find(one, ';');
        struct span name = span_trim(span_sub(one, 0, semicolon < 0 ? one.len : (size_t)semicolon));
        struct span q =
            semicolon < 0 ? SPAN("") : span_trim(span_sub(one, (size_t)semicolon + 1, one.len));
        if (span_eq_nocase(name, SPAN("gzip"))) {
            return !span_eq(q, SPAN("q=0")) && !span_starts(q, SPAN("q=0.0"));
        }
    }
    return false;
}

static void serve(struct api_request *req, const struct asset *a)
{
    bool same = span_eq(head_get(&req->head, "if-none-match"), span_of(a->etag));
    bool gzip = takes_gzip(&req->head);
    const unsigned char *bytes = gzip ? a->gzip : a->plain;
    size_t len = same ? 0 : gzip ? a->gzip_bytes : a->plain_bytes;
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    CHECK(r != NULL);
    respond_common_headers(req, r, true);
    respond_made(req, same ? 304 : 200, r);
    respond_header(req, "ETag", a->etag);
    respond_header(req, "Vary", "Accept-Encoding");
    respond_header(req, "Cache-Control",
                   a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (!same) {
        respond_header(req, "Content-Type", a->type);
        if (gzip) {
            respond_header(req, "Content-Encoding", "gzip");
        }
    }
}

bool assets_respond(struct api_request *req, struct span path)
{
    const struct asset *a = find(path);
    if (a == NULL && span_starts(path, SPAN("/assets/"))) {
        return false;
    }
    if (a == NULL && asset_count == 0) {
        respond_error(req, 200, "no_page",
                      "This program was built without its page (-Dui=false). The interface under "
                      "/api/v1 works.",
                      NULL);
        return true;
    }
    a = a == NULL ? find(SPAN("/index.html"))
                  : a; /* the page has addresses of its own: /alerts/… */
    CHECK(a != NULL);
    serve(req, a);
    return true;
}
