/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /registers/{kind}/export: records as a table to take along, in the order in which they were made unless asked otherwise. One
 * answer holds a part of bounded size and says where the next one begins, so that any number of records goes out without
 * being held in memory. Runs in the desk; the keeper is asked page by page, and policy about every record.
 */
#include "api/person_search.h"
#include "api/reads.h"
#include "desk/govern/mapping.h"
#include "desk/govern/sheet.h"

enum {
    EXPORT_RECORDS_MAX = 2000,  /* of one answer */
    EXPORT_BYTES_MAX = 8 << 20, /* no page is asked for beyond; one page more fits into REQUEST_RESPONSE_MAX */
};

struct exporting {
    struct arena page; /* of one page of the keeper */
    struct buf out;
    enum sheet_format format;
    char separator;
    uint32_t count;
    struct record_work *w;
    struct span next; /* cursor of the rest */
    const struct profile *profile; /* whose columns and words the table gets; NULL: ours */
};

static void forget(struct api_request *req)
{
    struct exporting *x = req->work;
    arena_fini(&x->page);
    buf_free(&x->out);
}

static void ask_page(struct api_request *req);

static void respond_table(struct api_request *req)
{
    struct exporting *x = req->work;
    struct span table = buf_view(&x->out);
    struct err e = {0};
    if (x->profile != NULL && mapping_out(x->profile, x->w->who.kind, table, x->separator, &req->arena, &table, &e) != 0) {
        respond_error(req, 500, "too_large", e.text, NULL);
        return;
    }
    const struct register_kind *k = x->w->who.kind;
    const char *name = arena_printf(&req->arena, "attachment; filename=\"%.*s.%s\"", SPAN_ARG(k->plural), x->format == SHEET_CSV ? "csv" : "jsonl");
    char *body = x->out.data;
    if (x->profile != NULL) {
        body = arena_bytes(&req->arena, table.len + 1);
        memcpy(body, table.ptr, table.len);
    }
    struct MHD_Response *r = MHD_create_response_from_buffer(table.len, table.len == 0 ? "" : body, MHD_RESPMEM_MUST_COPY);
    CHECK(r != NULL);
    respond_common_headers(req, r, false);
    respond_made(req, 200, r);
    respond_header(req, "Content-Type", x->format == SHEET_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson");
    respond_header(req, "Content-Disposition", name);
    if (x->next.len > 0) {
        respond_header(req, "X-Sereno-Next", arena_cstr(&req->arena, x->next));
    }
}

/* The rows of one page, and the cursor behind them when there are more. */
static int take_page(struct exporting *x, struct cursor *data, struct span *next)
{
    (void)cursor_u64(data); /* count */
    (void)cursor_u8(data);
    bool more = cursor_u8(data) != 0;
    struct span last = cursor_str(data);
    uint32_t n = cursor_u32(data);
    struct span last_id = SPAN("");
    arena_reset(&x->page);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct record_row row;
        record_row_decode(data, &row);
        if (!data->failed) {
            (void)sheet_put(&x->out, &x->w->who, &row, &x->page, x->format, x->separator);
            last_id = row.id;
        }
    }
    x->count += n;
    *next = more && last_id.len > 0 ? record_cursor_text(&x->page, last_id, last) : SPAN("");
    x->w->query.after = arena_copy(&x->page, last);
    x->w->query.after_id = arena_copy(&x->page, last_id);
    return cursor_done(data) ? 0 : ERR_INVALID;
}

static void page_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct exporting *x = req->work;
    struct span next = SPAN("");
    rc = rc == 0 ? take_page(x, data, &next) : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (x->out.failed) {
        respond_error(req, 500, "too_large", "The answer would be too large.", NULL);
    } else if (next.len > 0 && x->count < EXPORT_RECORDS_MAX && x->out.len < EXPORT_BYTES_MAX) {
        ask_page(req);
    } else {
        x->next = arena_copy(&req->arena, next);
        reads_note(req, x->w->who.reads, "export", NULL, respond_table);
    }
}

static void ask_page(struct api_request *req)
{
    struct exporting *x = req->work;
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORDS);
    record_query_encode(&q, &x->w->query);
    request_ask(req, &q, page_came);
    buf_free(&q);
}

static void export_begin(struct api_request *req)
{
    struct record_work *w = req->work;
    struct exporting *x = arena_alloc(&req->arena, sizeof *x);
    *x = (struct exporting){.w = w, .format = span_eq(request_query(req, "format"), SPAN("json")) ? SHEET_JSON : SHEET_CSV,
                            .separator = span_eq(request_query(req, "separator"), SPAN("semicolon")) ? ';' : ','};
    struct span named = request_query(req, "profile");
    x->profile = named.len == 0 ? NULL : registers_profile(w->who.kinds, w->who.kind, named);
    if (named.len > 0 && (x->profile == NULL || x->format != SHEET_CSV || w->query.after_id.len > 0)) {
        respond_error(req, 400, "bad_query", "There is no profile of that name for this register, or it is asked for of JSON or of a later part.", "profile");
        return;
    }
    if (request_query(req, "sort").len == 0) {
        w->query.sort = REGISTER_KEY_CREATED;
        w->query.descending = false;
    }
    w->query.limit = RECORD_PAGE_MAX;
    arena_init(&x->page, 256 << 10);
    buf_init(&x->out, REQUEST_RESPONSE_MAX);
    req->work = x;
    req->forget = forget;
    if (w->query.after_id.len == 0) {
        sheet_begin(&x->out, &w->who, x->format, x->separator);
    }
    ask_page(req);
}

static void export_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w != NULL && record_query_read(req, w)) {
        person_search_in_register(req, w->who.kind, export_begin);
    }
}

void record_export(struct api_request *req)
{
    with_registers(req, export_ready);
}
