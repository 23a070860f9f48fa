/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /archive/export: the records of a window, byte for byte, as they lie in the archive: what `sereno export` writes. The keeper is asked
 * page by page, and for the next one only when the last has gone out: whoever reads slowly holds one page, and nobody waits for him.
 * What was left out (damaged, let go by retention) stands in the trailer, since it is known at the end. Runs in the desk.
 */
#include "api/archive_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/export_page.h"
#include "base/mem.h"

enum {
    EXPORT_MAGIC = 0x65787031,
    EXPORTS_MAX = 4,         /* at a time: each holds a page */
    EXPORT_REASON_MAX = 1000, /* bytes */
    EXPORT_NAME_MAX = 256,
};

struct archive_export {
    uint32_t magic;
    struct api *api;
    struct MHD_Connection *connection; /* NULL: no answer was begun */
    struct MHD_Response *response;
    struct archive_export *next, **link;
    unsigned char session_hash[SECRET_HASH_BYTES];
    char *person;       /* id */
    struct buf question; /* up to what differs from page to page */
    uint64_t merges;
    struct export_place place;
    struct export_counts counts;
    struct buf out;
    size_t sent;
    bool more, asked, suspended, failed;
    bool gone; /* nobody reads any more; freed when the keeper has answered */
};

static void export_free(struct archive_export *x)
{
    CHECK_OBJ(x, EXPORT_MAGIC);
    if (x->link != NULL) {
        *x->link = x->next;
        if (x->next != NULL) {
            x->next->link = x->link;
        }
        x->api->nexports--;
    }
    buf_free(&x->question);
    buf_free(&x->out);
    mem_free(x->person);
    x->magic = 0;
    mem_free(x);
}

/* The server goes, or the reader: an answer that is on its way finds nobody. */
static void leave(struct archive_export *x)
{
    if (x->asked) {
        x->gone = true;
        if (x->link != NULL) {
            *x->link = x->next;
            if (x->next != NULL) {
                x->next->link = x->link;
            }
            x->link = NULL;
            x->api->nexports--;
        }
    } else {
        export_free(x);
    }
}

static void wake(struct archive_export *x)
{
    if (x->suspended) {
        x->suspended = false;
        MHD_resume_connection(x->connection);
        mhd_loop_kick(&x->api->http);
    }
}

void exports_end(struct api *api, const unsigned char *session_hash, struct span person)
{
    for (struct archive_export *x = api->exports; x != NULL; x = x->next) {
        bool all = session_hash == NULL && person.len == 0;
        if (all || (session_hash != NULL && memcmp(x->session_hash, session_hash, sizeof x->session_hash) == 0) ||
            (person.len > 0 && span_eq(span_of(x->person), person))) {
            x->failed = true;
            wake(x);
        }
    }
}

/* ---- pages ---- */

/* False: it is broken. */
static bool take_page(struct archive_export *x, struct cursor *data)
{
    x->merges = cursor_u64(data);
    x->more = cursor_u8(data) == 1;
    export_place_decode(data, &x->place);
    x->counts.records += cursor_u64(data);
    x->counts.damaged += cursor_u64(data);
    x->counts.purged += cursor_u64(data);
    struct span text = cursor_str(data);
    if (!cursor_done(data)) {
        return false;
    }
    buf_clear(&x->out);
    x->sent = 0;
    buf_span(&x->out, text);
    return !x->out.failed;
}

static void next_page(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct archive_export *x = ctx;
    CHECK_OBJ(x, EXPORT_MAGIC);
    (void)text;
    x->asked = false;
    if (x->gone) {
        export_free(x);
        return;
    }
    x->failed = x->failed || rc < 0 || !take_page(x, data);
    wake(x);
}

static void put_question(const struct archive_export *x, bool first, struct buf *q)
{
    buf_init(q, ASK_MAX_BYTES);
    buf_span(q, buf_view(&x->question));
    buf_u8(q, first);
    buf_u64(q, x->merges);
    export_place_encode(q, &x->place);
}

static void ask_next(struct archive_export *x)
{
    struct buf q;
    put_question(x, false, &q);
    x->asked = true;
    if (q.failed || !x->api->config.ask(x->api->config.arg, buf_view(&q), next_page, x)) {
        x->asked = false;
        x->failed = true;
    }
    buf_free(&q);
}

/* ---- the answer ---- */

static void tell_counts(struct archive_export *x)
{
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {{"X-Sereno-Records", x->counts.records}, {"X-Sereno-Damaged-Blocks", x->counts.damaged}, {"X-Sereno-Purged-Blocks", x->counts.purged}};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, lines[i].value);
        CHECK(MHD_add_response_footer(x->response, lines[i].name, text) == MHD_YES);
    }
}

static ssize_t on_read(void *cls, uint64_t pos, char *to, size_t max)
{
    struct archive_export *x = cls;
    CHECK_OBJ(x, EXPORT_MAGIC);
    (void)pos;
    if (!x->failed && x->sent == x->out.len && x->more && !x->asked) {
        ask_next(x);
    }
    if (x->failed) {
        return MHD_CONTENT_READER_END_WITH_ERROR; /* the last chunk is missing: who reads sees that it is not whole */
    }
    if (x->asked) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
        return 0;
    }
    if (x->sent == x->out.len) {
        tell_counts(x);
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t n = x->out.len - x->sent < max ? x->out.len - x->sent : max;
    memcpy(to, x->out.data + x->sent, n);
    x->sent += n;
    return (ssize_t)n;
}

static void on_free(void *cls)
{
    leave(cls);
}

static void forget(struct api_request *req)
{
    struct archive_export *x = req->work;
    if (x->connection == NULL) { /* the answer never began */
        x->asked = false;        /* its first page is the request's */
        leave(x);
    }
}

static void first_page(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct archive_export *x = req->work;
    bool whole = rc >= 0 && take_page(x, data);
    if (!whole) {
        respond_failure(req, rc < 0 ? rc : ERR_INVALID, rc < 0 ? text : SPAN("The answer is broken."));
        return;
    }
    bool json = !span_eq(request_query(req, "format"), SPAN("text"));
    x->connection = req->connection;
    x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64 << 10, on_read, x, on_free);
    CHECK(x->response != NULL);
    respond_common_headers(req, x->response, false);
    respond_made(req, 200, x->response);
    respond_header(req, "Content-Type", json ? "application/x-ndjson" : "text/plain; charset=utf-8");
    respond_header(req, "Content-Disposition", json ? "attachment; filename=\"archive.ndjson\"" : "attachment; filename=\"archive.txt\"");
    respond_header(req, "Trailer", "X-Sereno-Records, X-Sereno-Damaged-Blocks, X-Sereno-Purged-Blocks");
}

/* ---- the question ---- */

bool archive_export_scope(const struct policy_reader *reader, struct span asked, time_ns now, struct span *out)
{
    struct span scope = reader_scope(reader, ACTION_READ, now);
    bool whole_node = span_eq(scope, SPAN("*"));
    *out = whole_node ? asked : scope;
    return scope.len > 0 && (whole_node || asked.len == 0 || span_eq(asked, scope));
}

/* False: it is no time, and the request is answered. */
static bool time_of(struct api_request *req, const char *field, time_ns *out)
{
    struct span text = request_query(req, field);
    *out = TIME_NONE;
    if (text.len > 0 && !time_parse(text, 0, out)) {
        respond_error(req, 400, "bad_query", "A time is written like 2026-11-22 or 2026-11-22T01:02:03Z.", field);
        return false;
    }
    return true;
}

static struct archive_export *export_new(struct api_request *req, const struct export_window *w, struct span why)
{
    struct api *api = req->api;
    struct archive_export *x = mem_alloc(sizeof *x);
    x->magic = EXPORT_MAGIC;
    x->api = api;
    x->person = mem_alloc(req->user.id.len + 1);
    if (req->user.id.len > 0) {
        memcpy(x->person, req->user.id.ptr, req->user.id.len);
    }
    memcpy(x->session_hash, req->credential, sizeof x->session_hash);
    buf_init(&x->out, EXPORT_PAGE_MAX);
    buf_init(&x->question, ASK_MAX_BYTES);
    ask_begin(&x->question, ASK_ARCHIVE_PAGE);
    buf_str(&x->question, req->user.organisation);
    buf_str(&x->question, req->user.name);
    buf_str(&x->question, why);
    export_window_encode(&x->question, w);
    export_place_first(&x->place);
    x->next = api->exports;
    x->link = &api->exports;
    if (x->next != NULL) {
        x->next->link = &x->next;
    }
    api->exports = x;
    api->nexports++;
    return x;
}

void archive_export(struct api_request *req)
{
    struct span why = span_trim(request_query(req, "why"));
    struct span asked = span_trim(request_query(req, "organisation"));
    struct export_window w = {.source = span_trim(request_query(req, "source")),
                              .format = span_eq(request_query(req, "format"), SPAN("text")) ? EXPORT_TEXT : EXPORT_NDJSON};
    if (!time_of(req, "from", &w.from) || !time_of(req, "to", &w.to)) {
        return;
    }
    if (why.len == 0 || why.len > EXPORT_REASON_MAX || asked.len > EXPORT_NAME_MAX || w.source.len > EXPORT_NAME_MAX) {
        respond_error(req, 400, "bad_query", "Taking records out needs a reason, of 1,000 characters at most.", "why");
        return;
    }
    if (!archive_export_scope(&req->reader, asked, clock_now(), &w.organisation)) {
        respond_error(req, 403, "not_permitted", "Only what was received for one's own organisation can be taken out.", "organisation");
        return;
    }
    if (req->api->nexports >= EXPORTS_MAX) {
        respond_error(req, 503, "too_many", "Too many exports at a time. Wait for one to end.", NULL);
        return;
    }
    if (req->is_head) {
        respond_nothing(req);
        return;
    }
    struct archive_export *x = export_new(req, &w, why);
    struct buf q;
    req->work = x;
    req->forget = forget;
    put_question(x, true, &q);
    request_ask(req, &q, first_page);
    buf_free(&q);
}
