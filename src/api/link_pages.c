/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small members without a node: a personal link, made and revoked by an administrator of the hub, and
 * the read-only page behind it, without script. The token is shown once and known afterwards by its
 * hash. A token that is wrong, revoked or over, and a page of which the policy shows nothing, say the
 * same as any address that there is none. Runs in the desk.
 */
#include "api/items.h"
#include "api/page.h"
#include "base/id.h"
#include "base/num.h"
#include "desk/federation/text.h"

enum { PAGE_ITEMS_MAX = 100, LINK_DAYS_DEFAULT = 90, MAIL_MAX = 254 /* bytes: RFC 5321 */ };

/* ---- for administrators ---- */

static void link_page_row(struct json_writer *j, struct cursor *data)
{
    struct fed_link_page p;
    fed_link_page_decode(data, &p);
    const struct {
        const char *key;
        struct span text;
    } texts[] = {{"id", p.id}, {"circle", p.circle}, {"organisation", p.organisation}, {"person", p.person}, {"mail", p.mail}, {"created_by", p.created_by}};
    json_object(j);
    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        json_key(j, texts[k].key);
        json_text(j, texts[k].text);
    }
    json_key(j, "language"); /* null: as the browser asks */
    json_text_or_null(j, p.language);
    json_key(j, "created");
    json_time(j, p.created);
    json_key(j, "expires");
    json_time(j, p.expires);
    json_key(j, "last_used");
    json_time(j, p.last_used == 0 ? TIME_NONE : p.last_used);
    json_end(j);
}

static void list_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    respond_rows(req, rc, text, data, link_page_row);
}

void show_link_pages(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_LINK_PAGES);
    buf_str(&q, req->user.organisation);
    request_ask(req, &q, list_answered);
    buf_free(&q);
}

struct fresh {
    char id[ID_TEXT_LEN + 1];
    char token[SECRET_TEXT_LEN + 1];
    time_ns expires;
};

static void created(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct fresh *f = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, span_of(f->id));
    json_key(&j, "path"); /* shown this once */
    json_text(&j, span_of(arena_printf(&req->arena, "/m/%s", f->token)));
    json_key(&j, "expires");
    json_time(&j, f->expires);
    json_end(&j);
    respond_json(req, 201, &b);
}

/* An organisation that has a node reads there; a link by its name would be a second door. */
static const char *wrong_field(struct api_request *req, const struct fed_membership *m)
{
    struct span organisation = request_field(req, "organisation");
    struct span mail = request_field(req, "mail");
    for (uint32_t i = 0; i < m->nmembers; i++) {
        if (span_eq(m->members[i].org, organisation)) {
            return "organisation";
        }
    }
    /* Organisations are node ids for the policy: a name must never be one. */
    if (!fed_name_valid(organisation, FED_NAME_MAX) || fed_node_valid(organisation)) {
        return "organisation";
    }
    if (!fed_name_valid(request_field(req, "person"), FED_NAME_MAX)) {
        return "person";
    }
    if (mail.len > 0 && (!fed_name_valid(mail, MAIL_MAX) || span_find(mail, '@') <= 0)) {
        return "mail";
    }
    return request_field(req, "language").len > 0 && words_of(request_field(req, "language")) == NULL ? "language" : NULL;
}

void link_page_create(struct api_request *req)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct fresh *f = arena_alloc(&req->arena, sizeof *f);
    bool own = false;
    int64_t days = request_number(req, "days", LINK_DAYS_DEFAULT);
    struct buf q;
    const struct fed_membership *m = items_circle(req->api, request_field(req, "circle"), &own);
    time_ns now = clock_now();
    req->work = f;
    if (m == NULL || !own) {
        respond_error(req, 409, "no_circle", "This node is the hub of no circle of that name.", "circle");
        return;
    }
    const char *wrong = wrong_field(req, m);
    if (wrong != NULL) {
        respond_error(req, 400, "bad_body", "A link is for a person of an organisation without a node.", wrong);
        return;
    }
    id_new(now, f->id);
    secret_new(f->token);
    secret_hash(span_of(f->token), hash);
    f->expires = now + days * TIME_DAY;
    const struct fed_link_page page = {.id = span_of(f->id), .hash = span_make((const char *)hash, sizeof hash), .account = req->user.organisation,
                                       .circle = m->circle, .organisation = request_field(req, "organisation"), .person = request_field(req, "person"),
                                       .mail = request_field(req, "mail"), .language = request_field(req, "language"), .created_by = req->user.name, .created = now, .expires = f->expires};
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_LINK_PAGE_CREATE);
    fed_link_page_encode(&q, &page);
    request_ask(req, &q, created);
    buf_free(&q);
}

void link_page_revoke(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_LINK_PAGE_REVOKE);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}

/* ---- the page ---- */

static void reads_so(struct api_request *req, const struct words *w)
{
    respond_header(req, "X-Robots-Tag", "noindex");
    respond_language(req, w);
}

/* The same bytes whether the link never was, is over or was taken back: in the language of the browser, since that of the
 * link would tell them apart. */
static void nothing_here(struct api_request *req)
{
    const struct words *w = request_words(req);
    struct buf b;
    page_ended(&b, w);
    respond_page(req, 404, &b);
    reads_so(req, w);
}

struct reading {
    struct fed_link_page page;
    struct page_items p;
};

/* The one decision; a link shows what its reader may read of the circle it is for. */
struct policy_decision items_link_decide(struct arena *a, const struct fed_membership *m, const struct fed_link_page *page, const struct fed_item_row *row,
                                         time_ns now)
{
    struct policy_decision no = {.reason = REASON_PEER_UNKNOWN};
    struct fed_marks marks;
    struct fed_item item;
    struct fed_peer peer;
    if (m == NULL || !span_eq(row->circle, page->circle) || !(span_eq(row->state, SPAN("current")) || span_eq(row->state, SPAN("tightened")))) {
        return no;
    }
    fed_row_marks(a, row, &marks);
    if (marks.audience == NULL) {
        return no;
    }
    fed_item_of_marks(a, &marks, m, &item);
    fed_link_reader(m, page->organisation, page->person, page->nda != 0, page->expires, &peer);
    return policy_decide(&peer.reader, &item.item, ACTION_READ, now);
}

struct page_item items_link_item(const struct fed_item_row *row)
{
    return (struct page_item){.title = row->title,
                              .text = row->body,
                              .tlp = row->tlp,
                              .author = row->chr != 0 ? SPAN("") : row->author_org,
                              .created = row->created,
                              .chr = row->chr != 0};
}

static void show(struct api_request *req)
{
    struct reading *r = req->work;
    struct buf b;
    page_items(&b, &r->p);
    respond_page(req, 200, &b);
    reads_so(req, r->p.words);
}

static void items_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct reading *r = req->work;
    (void)text;
    (void)!(rc == 0 && cursor_u8(data) != 0);
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    r->p.items = arena_calloc(&req->arena, PAGE_ITEMS_MAX, sizeof *r->p.items);
    for (uint32_t i = 0; i < n && !data->failed && r->p.nitems < PAGE_ITEMS_MAX; i++) {
        struct fed_item_row row;
        fed_item_decode(data, &row);
        (void)cursor_u64(data);
        (void)cursor_u64(data);
        if (data->failed || !items_link_decide(&req->arena, items_circle(req->api, row.circle, NULL), &r->page, &row, clock_now()).allowed) {
            continue;
        }
#define X(name) row.name = arena_copy(&req->arena, row.name);
        FED_ITEM_SPANS(X)
#undef X
        r->p.items[r->p.nitems++] = items_link_item(&row);
    }
    if (rc < 0) {
        nothing_here(req);
        return;
    }
    show(req);
}

static void page_found(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct reading *r = req->work;
    struct fed_link_page page = {0};
    struct buf q;
    (void)text;
    if (rc == 0) {
        fed_link_page_decode(data, &page);
        rc = cursor_done(data) ? 0 : ERR_INVALID;
    }
    const struct fed_membership *m = rc == 0 ? items_circle(req->api, page.circle, NULL) : NULL;
    if (m == NULL) {
        nothing_here(req);
        return;
    }
    r->page = page;
    r->page.circle = arena_copy(&req->arena, page.circle);
    r->page.organisation = arena_copy(&req->arena, page.organisation);
    r->page.person = arena_copy(&req->arena, page.person);
    r->p = (struct page_items){.node = req->api->config.node_name, .circle = arena_copy(&req->arena, m->name), .person = r->page.person,
                               .organisation = r->page.organisation, .expires = page.expires, .words = words_of(page.language)};
    if (r->p.words == NULL) { /* of the person's link; else as the browser asks */
        r->p.words = request_words(req);
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ITEM_LIST);
    buf_str(&q, SPAN("*"));
    buf_str(&q, SPAN(""));
    buf_str(&q, r->page.circle);
    buf_u64(&q, 0);
    buf_str(&q, SPAN(""));
    buf_u32(&q, FED_ITEMS_PAGE_MAX);
    request_ask(req, &q, items_came);
    buf_free(&q);
}

void member_page(struct api_request *req)
{
    unsigned char hash[SECRET_HASH_BYTES];
    struct buf q;
    if (!secret_valid(req->param[0]) || req->api->circles == NULL) {
        nothing_here(req);
        return;
    }
    req->work = arena_alloc(&req->arena, sizeof(struct reading));
    secret_hash(req->param[0], hash);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_LINK_PAGE_FIND);
    buf_str(&q, span_make((const char *)hash, sizeof hash));
    request_ask(req, &q, page_found);
    buf_free(&q);
}
