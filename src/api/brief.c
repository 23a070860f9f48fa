/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /brief: the brief for the council, without script, for screen and paper. Runs in the desk: asks the keeper for the counts, then for the records of
 * each table; what of them the reader sees is asked of policy/record.h. brief_page.c writes it.
 */
#include "api/brief.h"

#include "api/reads.h"
#include "records/upkeep.h"

static void next_table(struct api_request *req);

bool brief_rows_take(struct brief *b, enum brief_table t, const struct record_worker *w, struct arena *a, struct cursor *data)
{
    (void)cursor_u64(data);
    (void)cursor_u8(data);
    (void)cursor_u8(data);
    (void)cursor_str(data);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct record_row row;
        struct brief_row *out = &b->rows[t][b->nrows[t]];
        record_row_decode(data, &row);
        if (data->failed || b->nrows[t] == BRIEF_ROWS_MAX || !brief_row(w, t, &row, a, out)) {
            continue;
        }
        struct span *texts[] = {&out->title, &out->href, &out->cells[0], &out->cells[1], &out->cells[2], &out->id, &out->kind};
        for (size_t x = 0; x < ARRAY_LEN(texts); x++) {
            *texts[x] = arena_copy(a, *texts[x]); /* the answer goes away before the page is written */
        }
        b->nrows[t]++;
    }
    return cursor_done(data);
}

static void rows_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct brief_work *w = req->work;
    const struct record_worker who = {.reads = w->reads, .kind = registers_any(req->api->registers, w->query.kind), .reader = &req->reader, .name = req->user.name,
                                      .now = w->b.at, .kinds = req->api->registers};
    if (rc == 0 && !brief_rows_take(&w->b, w->table, &who, &req->arena, data)) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    w->b.shown[w->table] = true;
    w->table++;
    next_table(req);
}

static void next_table(struct api_request *req)
{
    struct brief_work *w = req->work;
    struct buf q;
    while (w->table < BRIEF_TABLE_COUNT && !brief_query(req->api->registers, &req->reader, w->b.at, w->table, &w->query)) {
        w->table++;
    }
    if (w->table == BRIEF_TABLE_COUNT) {
        reads_note(req, w->reads, "brief", NULL, w->done);
        return;
    }
    if (w->issuing) {
        w->query.scope.nplaces = 0;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_RECORDS);
    record_sight_of(req->api->registers, &req->reader, w->b.at, &w->query.sight);
    record_query_encode(&q, &w->query);
    request_ask(req, &q, rows_came);
    buf_free(&q);
}

static void counts_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct brief_work *w = req->work;
    for (uint32_t i = 0; rc == 0 && i < w->b.nfigures; i++) {
        today_count_decode(data, &w->b.figures[i].count);
    }
    for (uint32_t i = 0; rc == 0 && i < 2u * UPKEEP_KIND_COUNT; i++) {
        (void)cursor_u64(data); /* of the node's own safety: not for the council */
    }
    if (rc == 0) { /* and of retention: a brief says nothing of it */
        (void)cursor_u8(data);
        (void)cursor_u64(data);
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    next_table(req);
}

bool brief_register_take(struct cursor *data, struct arena *a, struct brief_register *out)
{
    out->more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    data->failed = data->failed || n > TODAY_COUNT_MAX;
    out->records = data->failed ? NULL : arena_calloc(a, n, sizeof *out->records);
    for (out->n = 0; out->n < n && !data->failed; out->n++) {
        struct brief_counted *r = &out->records[out->n];
        brief_counted_decode(data, r);
        r->id = arena_copy(a, r->id);
        r->title = arena_copy(a, r->title);
    }
    return !data->failed;
}

static void registers_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct brief_work *w = req->work;
    for (uint32_t i = 0; rc == 0 && i < w->b.nfigures && brief_register_take(data, &req->arena, &w->counted[i]); i++) {
        w->b.figures[i].count = (struct today_count){w->counted[i].n, w->counted[i].more};
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    next_table(req);
}

void brief_begin(struct api_request *req, struct brief_work *w, struct span language)
{
    struct buf q;
    req->work = w;
    w->reads = reads_of(req);
    w->b.at = clock_now();
    w->b.node = req->api->config.node_name;
    w->b.words = words_notice(language.len > 0 ? language : span_of(request_words(req)->language));
    w->b.nfigures = brief_figures(req->api->registers, &req->reader, w->b.at, &req->arena, w->b.figures);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, w->issuing ? ASK_BRIEF_COUNTED : ASK_TODAY);
    if (!w->issuing) {
        buf_u32(&q, 0); /* alerts: none */
    }
    buf_u32(&q, w->b.nfigures);
    for (uint32_t i = 0; i < w->b.nfigures; i++) {
        today_due_encode(&q, &w->b.figures[i].due);
    }
    request_ask(req, &q, w->issuing ? registers_came : counts_came);
    buf_free(&q);
}

static void brief_done(struct api_request *req)
{
    const struct brief_work *w = req->work;
    struct buf page;
    brief_page(&page, &w->b);
    respond_page(req, 200, &page);
    respond_language(req, w->b.words);
}

static void brief_ready(struct api_request *req)
{
    struct brief_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    w->done = brief_done;
    brief_begin(req, w, request_query(req, "language"));
}

void brief_get(struct api_request *req)
{
    with_registers(req, brief_ready);
}
