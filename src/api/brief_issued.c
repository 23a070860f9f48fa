/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /briefs and /api/v1/briefs: briefs issued, listed, read, withdrawn, and a figure then and now; as pages without script and as JSON by the
 * same handlers. Runs in the desk: the keeper stores and signs, brief_frozen.c says what of one the reader sees.
 */
#include <inttypes.h>

#include "api/brief.h"

#include "api/registers.h"
#include "base/id.h"
#include "base/num.h"
#include "records/demo.h"

enum { TEXT_MAX = 4000 /* bytes of the words of who issues */, QUESTION_MAX = BRIEF_DOCUMENT_MAX + (64 << 10) };

static bool is_page(const struct api_request *req)
{
    return !span_starts(req->uri.path, SPAN("/api/"));
}

static struct brief_chrome chrome_of(struct api_request *req)
{
    char csrf[SECRET_TEXT_LEN + 1] = "";
    if (req->cookie.len > 0) {
        secret_csrf(req->cookie, csrf);
    }
    return (struct brief_chrome){.words = request_words(req), .csrf = arena_copy(&req->arena, span_of(csrf)), .may_issue = request_may(req, RIGHT_BRIEFS)};
}

static void respond_as_page(struct api_request *req, struct buf *page, const struct words *w)
{
    respond_page(req, 200, page);
    respond_language(req, w);
}

/* ---- members that every answer has ---- */

static void put_issued(struct json_writer *j, const struct brief_issued *b)
{
    const struct {
        const char *key;
        struct span text;
    } texts[] = {{"id", b->id}, {"organisation", b->organisation}, {"who", b->who}, {"from", b->first_day}, {"to", b->last_day},
                 {"tlp", span_of(tlp_name(b->tlp))}, {"key", b->key}, {"signature", b->signature}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].text);
    }
    json_key(j, "number");
    json_i64(j, b->number);
    json_key(j, "issued");
    json_time(j, b->issued);
    json_key(j, "withdrawn");
    json_time(j, b->withdrawn);
    json_key(j, "withdrawn_by");
    json_text_or_null(j, b->withdrawn_by);
    json_key(j, "withdrawn_why");
    json_text_or_null(j, b->withdrawn_why);
}

/* ---- the list ---- */

static void list_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct brief_chrome c = chrome_of(req);
    struct json_writer j;
    struct buf b;
    uint32_t n = rc < 0 ? 0 : cursor_u32(data), shown = 0;
    struct brief_issued *list = arena_calloc(&req->arena, BRIEF_LISTED_MAX, sizeof *list);
    for (uint32_t i = 0; rc == 0 && i < n && i < BRIEF_LISTED_MAX && !data->failed; i++) {
        brief_issued_decode(data, &list[shown]);
        shown += !data->failed && brief_shown(&req->reader, &list[shown], clock_now());
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    if (is_page(req)) {
        brief_list_page(&b, &c, req->api->config.node_name, list, shown, clock_now());
        respond_as_page(req, &b, c.words);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < shown; i++) {
        json_object(&j);
        put_issued(&j, &list[i]);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

void show_briefs(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_BRIEFS);
    buf_str(&q, req->user.organisation);
    request_ask(req, &q, list_came);
    buf_free(&q);
}

/* ---- one ---- */

static void put_figures(struct json_writer *j, const struct brief_paper *p)
{
    json_key(j, "figures");
    json_array(j);
    for (uint32_t i = 0; i < p->b.nfigures; i++) {
        const struct brief_figure *f = &p->b.figures[i];
        json_object(j);
        json_key(j, "place");
        json_u64(j, f->place);
        json_key(j, "text");
        json_text(j, span_of(p->b.words->text[f->word]));
        json_key(j, "count");
        json_i64(j, f->count.count);
        json_key(j, "more");
        json_bool(j, f->count.more);
        json_end(j);
    }
    json_end(j);
}

/* The document goes out whole, as it was signed, or not at all. */
static void respond_paper(struct api_request *req, const struct brief_paper *p)
{
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    put_issued(&j, &p->issued);
    json_key(&j, "language");
    json_text(&j, span_of(p->b.words->language));
    json_key(&j, "node");
    json_text(&j, p->b.node);
    json_key(&j, "text");
    json_text(&j, p->text);
    put_figures(&j, p);
    json_key(&j, "hidden");
    json_u64(&j, p->hidden);
    json_key(&j, "document");
    json_text_or_null(&j, p->hidden == 0 ? p->issued.document : SPAN(""));
    json_end(&j);
    respond_json(req, 200, &b);
}

struct reading {
    struct brief_paper paper;
    struct brief_figure_now figure;
    api_handler *then;
};

static void paper_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct reading *r = req->work;
    struct brief_issued *b = &r->paper.issued;
    if (rc == 0) {
        brief_issued_decode(data, b);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    if (rc == ERR_NOT_FOUND || (rc == 0 && !brief_shown(&req->reader, b, clock_now()))) {
        respond_error(req, 404, "not_found", "There is no such brief.", NULL);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    struct span *const texts[] = {&b->id, &b->organisation, &b->who, &b->who_id, &b->first_day, &b->last_day, &b->document, &b->key, &b->signature, &b->withdrawn_by, &b->withdrawn_why};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(&req->arena, *texts[i]); /* the answer goes away */
    }
    if (!brief_thaw(req->api->registers, &req->reader, clock_now(), &req->arena, &r->paper)) {
        respond_error(req, 500, "broken", "The document of this brief cannot be read. sereno verify says more.", NULL);
        return;
    }
    r->then(req);
}

/* Once the kinds are known, since waiting for them uses req->work. */
static void read_paper(struct api_request *req, api_handler *then)
{
    struct reading *r = arena_calloc(&req->arena, 1, sizeof *r);
    struct buf q;
    r->then = then;
    req->work = r;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_BRIEF_ISSUED);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, paper_came);
    buf_free(&q);
}

static void show_paper(struct api_request *req)
{
    const struct reading *r = req->work;
    const struct brief_chrome c = chrome_of(req);
    struct buf page;
    if (!is_page(req)) {
        respond_paper(req, &r->paper);
        return;
    }
    brief_paper_page(&page, &r->paper, &c);
    respond_as_page(req, &page, r->paper.b.words);
}

static void paper_ready(struct api_request *req)
{
    read_paper(req, show_paper);
}

void brief_issued_get(struct api_request *req)
{
    with_registers(req, paper_ready);
}

/* ---- a figure, then and now ---- */

static void respond_figure(struct api_request *req, const struct brief_figure_now *f)
{
    static const char *const names[BRIEF_STANDS_COUNT] = {"same", "changed", "gone", "new"};
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "then");
    json_i64(&j, f->paper->b.figures[f->figure].count.count);
    json_key(&j, "now"); /* null: it cannot be asked today */
    if (f->asked) {
        json_u64(&j, f->now.n);
    } else {
        json_null(&j);
    }
    json_key(&j, "more");
    json_bool(&j, f->now.more || f->paper->counted[f->figure].more);
    json_key(&j, "records");
    json_array(&j);
    for (uint32_t i = 0; i < f->n; i++) {
        json_object(&j);
        json_key(&j, "id");
        json_text(&j, f->rows[i].id);
        json_key(&j, "stands");
        json_text_or_null(&j, f->asked ? span_of(names[f->rows[i].stands]) : SPAN(""));
        json_key(&j, "version_then");
        json_i64(&j, f->rows[i].then);
        json_key(&j, "version_now");
        json_i64(&j, f->rows[i].now);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void show_figure(struct api_request *req)
{
    struct reading *r = req->work;
    const struct brief_chrome c = chrome_of(req);
    struct brief_figure_now *f = &r->figure;
    struct buf page;
    const struct register_kind *k = registers_any(req->api->registers, r->paper.b.figures[f->figure].due.kind);
    f->plural = k->plural; /* brief_thaw asked for it */
    if ((policy_record_hidden(&req->reader, &k->rights, clock_now()) >> k->title & 1) != 0) {
        for (uint32_t i = 0; i < f->now.n; i++) {
            f->now.records[i].title = SPAN("");
        }
    }
    brief_compare(f, &req->arena);
    if (!is_page(req)) {
        respond_figure(req, f);
        return;
    }
    brief_figure_page(&page, f, &c);
    respond_as_page(req, &page, c.words);
}

static void now_came(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    struct reading *r = req->work;
    if (rc == 0 && (!brief_register_take(data, &req->arena, &r->figure.now) || !cursor_done(data))) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    r->figure.asked = true;
    show_figure(req);
}

/* Asks the same of today, by the days of today: what was late then is asked for what is late now. */
static void figure_then(struct api_request *req)
{
    struct reading *r = req->work;
    struct brief_figure *today = arena_calloc(&req->arena, BRIEF_FIGURES_MAX, sizeof *today);
    uint64_t place = 0;
    const struct brief_figure *then = NULL, *same = NULL;
    bool number = num_u64(req->param[1], &place);
    for (uint32_t i = 0; i < r->paper.b.nfigures && number; i++) {
        if (r->paper.b.figures[i].place == place) {
            then = &r->paper.b.figures[i];
            r->figure = (struct brief_figure_now){.paper = &r->paper, .figure = i};
        }
    }
    if (then == NULL) {
        respond_error(req, 404, "not_found", "There is no such figure.", NULL);
        return;
    }
    uint32_t n = brief_figures(req->api->registers, &req->reader, clock_now(), &req->arena, today);
    for (uint32_t i = 0; i < n; i++) {
        same = today[i].word == then->word && span_eq(today[i].due.kind, then->due.kind) ? &today[i] : same;
    }
    if (same == NULL) {
        show_figure(req);
        return;
    }
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_BRIEF_COUNTED);
    buf_u32(&q, 1);
    today_due_encode(&q, &same->due);
    request_ask(req, &q, now_came);
    buf_free(&q);
}

static void figure_ready(struct api_request *req)
{
    read_paper(req, figure_then);
}

void brief_figure_get(struct api_request *req)
{
    with_registers(req, figure_ready);
}

/* ---- issued ---- */

struct issuing {
    char id[ID_TEXT_LEN + 1];
    struct span first_day, last_day, text;
};

static void issued(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    const struct brief_work *w = req->work;
    const struct issuing *i = w->more;
    int64_t number = rc == 0 ? (int64_t)cursor_u64(data) : 0;
    struct json_writer j;
    struct buf b;
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, why);
        return;
    }
    if (is_page(req)) {
        respond_redirect(req, arena_printf(&req->arena, "/briefs/%s", i->id));
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, span_of(i->id));
    json_key(&j, "number");
    json_i64(&j, number);
    json_end(&j);
    respond_json(req, 201, &b);
}

/* What says something of a person is not frozen: it goes when its time is over, and a brief never does. */
static void leave_persons_out(const struct registers *kinds, struct brief *b)
{
    for (int t = 0; t < BRIEF_TABLE_COUNT; t++) {
        const struct register_kind *k = registers_any(kinds, brief_table_kind((enum brief_table)t));
        for (uint32_t i = 0; k != NULL && i < b->nrows[t]; i++) {
            brief_row_hide(k, (enum brief_table)t, k->rights.personal, &b->rows[t][i]);
        }
    }
}

static void issue(struct api_request *req)
{
    struct brief_work *w = req->work;
    const struct issuing *i = w->more;
    struct brief_paper *p = arena_calloc(&req->arena, 1, sizeof *p);
    struct buf q;
    leave_persons_out(req->api->registers, &w->b);
    p->b = w->b;
    p->text = i->text;
    memcpy(p->counted, w->counted, sizeof p->counted);
    p->issued = (struct brief_issued){.id = span_of(i->id), .organisation = req->user.organisation, .issued = w->b.at, .who = req->user.name, .who_id = req->user.id,
                                      .first_day = i->first_day, .last_day = i->last_day, .tlp = brief_label(&w->b), .withdrawn = TIME_NONE};
    p->issued.document = brief_freeze(p, &req->arena);
    if (p->issued.document.len == 0) {
        respond_error(req, 400, "too_long", "The brief is too long to be issued.", "text");
        return;
    }
    buf_init(&q, QUESTION_MAX);
    ask_begin(&q, ASK_BRIEF_ISSUE);
    brief_issued_encode(&q, &p->issued);
    request_ask(req, &q, issued);
    buf_free(&q);
}

static bool is_day(struct span s)
{
    time_ns t;
    return s.len == BRIEF_DAY_TEXT && time_parse(s, 0, &t);
}

static void issue_ready(struct api_request *req)
{
    struct brief_work *w = arena_calloc(&req->arena, 1, sizeof *w);
    struct issuing *i = arena_calloc(&req->arena, 1, sizeof *i);
    i->first_day = request_field(req, "from");
    i->last_day = request_field(req, "to");
    i->text = span_trim(request_field(req, "text"));
    id_new(clock_now(), i->id);
    w->issuing = true;
    w->done = issue;
    w->more = i;
    brief_begin(req, w, request_field(req, "language"));
}

void brief_issue_post(struct api_request *req)
{
    struct span from = request_field(req, "from"), to = request_field(req, "to");
    bool invented = span_eq(req->user.organisation, SPAN("*")) || demo_is(req->user.organisation);
    if (req->api->demo && invented) {
        respond_error(req, 409, "demo", "The invented city is on this node, and a brief is for good. Purge it first; then issue one.", NULL);
    } else if (!is_day(from) || !is_day(to) || memcmp(from.ptr, to.ptr, BRIEF_DAY_TEXT) > 0) {
        respond_error(req, 400, "bad_body", "The period of a brief is two days like 2026-11-22, the first one first.", "from");
    } else if (span_trim(request_field(req, "text")).len > TEXT_MAX) {
        respond_error(req, 400, "bad_body", "The words of a brief are at most 4000 bytes.", "text");
    } else {
        with_registers(req, issue_ready);
    }
}

/* ---- withdrawn ---- */

static void withdrawn(struct api_request *req, int rc, struct span why, struct cursor *data)
{
    if (rc == ERR_NOT_FOUND) {
        respond_error(req, 404, "not_found", "No such brief stands.", NULL);
    } else if (rc == 0 && is_page(req)) {
        respond_redirect(req, arena_printf(&req->arena, "/briefs/%.*s", SPAN_ARG(req->param[0])));
    } else {
        respond_done(req, rc, why, data);
    }
}

void brief_withdraw_post(struct api_request *req)
{
    struct span why = span_trim(request_field(req, "why"));
    struct buf q;
    if (why.len == 0 || why.len > BRIEF_WHY_MAX) {
        respond_error(req, 400, "bad_body", "Withdrawing a brief needs a reason.", "why");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_BRIEF_WITHDRAW);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, withdrawn);
    buf_free(&q);
}
