/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /items: what members write for one another. Lists, search and single items show a reader what the
 * policy lets him read and nothing of the rest; sending shows its readers first. Reading another's
 * RED or AMBER is recorded, and the answer says so. Runs in the desk; the keeper keeps.
 */
#include "api/items.h"

#include <stdio.h>

#include "base/id.h"
#include "base/num.h"
#include "desk/federation/compose.h"
#include "records/fed_letter.h"

enum { ITEMS_DEFAULT = 50, ITEMS_SCAN = FED_ITEMS_PAGE_MAX, ITEMS_ROUNDS_MAX = 50 };

const struct fed_membership *items_circle(const struct api *api, struct span circle, bool *own_out)
{
    const struct fed_circles *c = api->circles;
    return c == NULL ? NULL : c->circle(c->arg, circle, own_out);
}

struct policy_decision items_decide(struct arena *a, const struct items_person *who, const struct fed_item_row *row, enum policy_action action,
                                    time_ns now)
{
    struct policy_decision no = {.reason = REASON_PEER_UNKNOWN};
    struct fed_marks marks;
    struct fed_item item;
    struct fed_peer peer;
    if (who->m == NULL || span_eq(row->state, SPAN("quarantined"))) {
        return no;
    }
    fed_row_marks(a, row, &marks);
    marks.retracted = false; /* that it is gone may be told to whom could read it: there is no content any more */
    if (marks.audience == NULL) {
        return no;
    }
    fed_item_of_marks(a, &marks, who->m, &item);
    fed_person_of(who->m, who->node, who->name, who->roles, marks.mine, &peer);
    return policy_decide(&peer.reader, &item.item, action, now);
}

static struct policy_decision decide(struct api_request *req, const struct fed_item_row *row, enum policy_action action)
{
    const struct items_person who = {.m = items_circle(req->api, row->circle, NULL), .node = span_of(req->api->circles->keys(req->api->circles->arg)->node),
                                     .name = req->user.name, .roles = req->reader.roles};
    return items_decide(&req->arena, &who, row, action, clock_now());
}

void items_row_json(struct json_writer *j, const struct fed_membership *m, const struct fed_item_row *row, int64_t received, int64_t removed)
{
    json_member_text(j, "id", row->id);
    json_key(j, "version");
    json_i64(j, row->version);
    json_member_text(j, "kind", row->kind);
    json_member_text(j, "title", row->title);
    json_member_text(j, "tlp", row->tlp);
    json_member_text(j, "pap", row->pap);
    json_key(j, "chr");
    json_bool(j, row->chr != 0);
    json_member_text(j, "circle", row->circle);
    json_member_text(j, "circle_name", m == NULL ? row->circle : m->name);
    json_key(j, "author"); /* under the Chatham House Rule it is not told on who said it */
    json_text_or_null(j, row->chr != 0 && row->mine == 0 ? SPAN("") : row->author_org);
    json_key(j, "mine");
    json_bool(j, row->mine != 0);
    json_key(j, "created");
    json_time(j, row->created);
    json_key(j, "expires");
    json_time(j, row->expires);
    json_member_text(j, "state", row->state);
    json_key(j, "receipts");
    if (row->mine == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "sent");
    json_i64(j, row->sent);
    json_key(j, "received");
    json_i64(j, received);
    json_key(j, "removed");
    json_i64(j, removed);
    json_end(j);
}

void items_text_json(struct json_writer *j, const struct fed_item_row *row)
{
    json_member_text(j, "text", row->body);
    json_key(j, "of");
    json_text_or_null(j, row->of_item);
    json_key(j, "reason");
    json_text_or_null(j, row->reason);
}

/* ---- list and search ---- */

struct listing {
    struct buf b;
    struct json_writer j;
    struct fed_item_query q;
    uint32_t want, shown, rounds;
    int64_t last_received;
    struct span last_id;
};

static void ask_rows(struct api_request *req);

static void end_list(struct api_request *req, bool more)
{
    struct listing *l = req->work;
    json_end(&l->j);
    json_key(&l->j, "more");
    json_bool(&l->j, more);
    json_key(&l->j, "cursor");
    json_text_or_null(&l->j, !more ? SPAN("") : span_of(arena_printf(&req->arena, "%lld.%.*s", (long long)l->last_received, SPAN_ARG(l->last_id))));
    json_end(&l->j);
    respond_json(req, 200, &l->b);
}

static void rows_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct listing *l = req->work;
    bool more = rc == 0 && cursor_u8(data) != 0;
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_item_row row;
        fed_item_decode(data, &row);
        int64_t received = (int64_t)cursor_u64(data);
        int64_t removed = (int64_t)cursor_u64(data);
        if (data->failed || !decide(req, &row, l->q.words.len > 0 ? ACTION_SEARCH : ACTION_LIST).allowed) {
            l->q.before = row.received;
            l->q.before_id = arena_copy(&req->arena, row.id);
            continue; /* neither its title nor that it exists */
        }
        if (l->shown == l->want) { /* one more that he may see: the list goes on */
            end_list(req, true);
            return;
        }
        json_object(&l->j);
        items_row_json(&l->j, items_circle(req->api, row.circle, NULL), &row, received, removed);
        json_end(&l->j);
        l->shown++;
        l->last_received = l->q.before = row.received;
        l->last_id = l->q.before_id = arena_copy(&req->arena, row.id);
    }
    if (rc < 0 || !cursor_done(data)) {
        buf_free(&l->b);
        respond_failure(req, rc < 0 ? rc : ERR_INVALID, text);
    } else if (more && ++l->rounds < ITEMS_ROUNDS_MAX) {
        ask_rows(req);
    } else {
        end_list(req, false);
    }
}

static void ask_rows(struct api_request *req)
{
    const struct listing *l = req->work;
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ITEM_LIST);
    buf_str(&q, l->q.organisation);
    buf_str(&q, l->q.words);
    buf_str(&q, l->q.circle);
    buf_u64(&q, (uint64_t)l->q.before);
    buf_str(&q, l->q.before_id);
    buf_u32(&q, l->q.limit);
    request_ask(req, &q, rows_came);
    buf_free(&q);
}

/* "<received>.<id>", where the page before ended. */
static bool cursor_fits(struct span text, struct fed_item_query *q)
{
    ptrdiff_t dot = span_find(text, '.');
    if (text.len == 0) {
        return true;
    }
    q->before_id = span_sub(text, (size_t)(dot + 1), text.len);
    return dot > 0 && num_i64(span_sub(text, 0, (size_t)dot), &q->before) && id_valid(q->before_id);
}

void show_items(struct api_request *req)
{
    struct listing *l = arena_alloc(&req->arena, sizeof *l);
    req->work = l;
    l->q.organisation = reader_scope(&req->reader, ACTION_LIST, clock_now());
    l->q.words = request_query(req, "q");
    l->q.limit = ITEMS_SCAN;
    if (!cursor_fits(request_query(req, "cursor"), &l->q)) {
        respond_error(req, 400, "bad_query", "The cursor is not one of this list.", "cursor");
        return;
    }
    if (l->q.words.len > ALERT_QUERY_MAX) {
        respond_error(req, 400, "bad_query", "The words are at most 1000 bytes.", "q");
        return;
    }
    if (l->q.organisation.len == 0) {
        respond_error(req, 403, "not_permitted", "Your role does not allow this.", NULL);
        return;
    }
    l->want = (uint32_t)request_number(req, "limit", ITEMS_DEFAULT);
    request_json(req, &l->b, &l->j);
    json_object(&l->j);
    json_key(&l->j, "items");
    json_array(&l->j);
    ask_rows(req);
}

/* ---- one item ---- */

static void notes(struct json_writer *j, const char *key, struct cursor *data, const char *what_key, bool show)
{
    uint32_t n = cursor_u32(data);
    json_key(j, key);
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct span who = cursor_str(data);
        struct span what = cursor_str(data);
        struct span why = cursor_str(data);
        time_ns at = (time_ns)cursor_u64(data);
        if (!show) {
            continue;
        }
        json_object(j);
        json_member_text(j, "who", who);
        json_member_text(j, what_key, what);
        json_key(j, "reason");
        json_text_or_null(j, why);
        json_key(j, "at");
        json_time(j, at);
        json_end(j);
    }
    json_end(j);
}

/* {organisations:[…], persons:[…]} as the author's preview has it. */
static void audience_members(struct api_request *req, struct json_writer *j, const struct fed_item_row *row)
{
    const struct fed_membership *m = items_circle(req->api, row->circle, NULL);
    struct fed_preview p = {0};
    struct fed_marks marks;
    struct fed_audience who;
    struct fed_item item;
    fed_row_marks(&req->arena, row, &marks);
    marks.retracted = false;
    if (m != NULL && marks.audience != NULL) {
        fed_audience_read(&req->arena, marks.audience, &who);
        fed_item_of_marks(&req->arena, &marks, m, &item);
        (void)!fed_item_preview(&req->arena, &item, &who, m, clock_now(), &p, NULL);
    }
    items_preview_json(j, &p);
}

void items_preview_json(struct json_writer *j, const struct fed_preview *p)
{
    json_key(j, "organisations");
    json_array(j);
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->lines[i].reads && p->lines[i].person.len == 0) {
            json_text(j, p->lines[i].member->org);
        }
    }
    json_end(j);
    json_key(j, "persons");
    json_array(j);
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->lines[i].reads && p->lines[i].person.len > 0) {
            json_object(j);
            json_member_text(j, "name", p->lines[i].person);
            json_member_text(j, "organisation", p->lines[i].member->org);
            json_member_text(j, "node", p->lines[i].member->node);
            json_end(j);
        }
    }
    json_end(j);
}

struct reading {
    struct buf b;
};

static void read_noted(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct reading *r = req->work;
    (void)data;
    if (rc < 0) { /* what cannot be recorded is not shown */
        buf_free(&r->b);
        respond_failure(req, rc, text);
        return;
    }
    respond_json(req, 200, &r->b);
}

static void note_read(struct api_request *req, const struct fed_item_row *row)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ITEM_READ);
    buf_str(&q, row->id);
    buf_u64(&q, (uint64_t)row->version);
    buf_str(&q, req->user.name);
    buf_str(&q, SPAN("page"));
    request_ask(req, &q, read_noted);
    buf_free(&q);
}

static bool of_my_organisation(const struct api_request *req, const struct fed_item_row *row)
{
    struct span scope = reader_scope(&req->reader, ACTION_READ, clock_now());
    return span_eq(scope, SPAN("*")) || (scope.len > 0 && span_eq(scope, row->organisation));
}

/* What became of the letters to small members: people of this node's own books, so the node's operator sees them. */
static void letters(struct json_writer *j, struct cursor *data, bool show)
{
    static const char *const states[][2] = {{"waiting", "queued"}, {"sent", "sent"}, {"dropped", "refused"}, {"failed", "given_up"}};
    uint32_t n = cursor_u32(data);
    json_key(j, "letters");
    json_array(j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_letter_row l;
        const char *state = "queued";
        fed_letter_row_decode(data, &l);
        if (!show || data->failed) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(states); k++) {
            state = span_eq(l.state, span_of(states[k][0])) ? states[k][1] : state;
        }
        json_object(j);
        json_member_text(j, "organisation", l.organisation);
        json_member_text(j, "person", l.person);
        json_key(j, "version");
        json_i64(j, l.version);
        json_member_text(j, "state", span_of(state));
        json_key(j, "reason");
        json_text_or_null(j, l.why);
        json_key(j, "tries");
        json_i64(j, l.tries);
        json_key(j, "at");
        json_time(j, l.ended > 0 ? l.ended : l.created);
        json_key(j, "seen"); /* the page was opened after the letter went */
        json_time(j, l.used > l.ended && l.ended > 0 && span_eq(l.state, SPAN("sent")) ? l.used : TIME_NONE);
        json_end(j);
    }
    json_end(j);
}

static void item_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct reading *r = req->work;
    struct fed_item_row row = {0};
    struct json_writer j;
    if (rc == 0) {
        fed_item_decode(data, &row);
    }
    int64_t received = rc == 0 ? (int64_t)cursor_u64(data) : 0;
    int64_t removed = rc == 0 ? (int64_t)cursor_u64(data) : 0;
    struct policy_decision d = rc == 0 && !data->failed ? decide(req, &row, ACTION_READ) : (struct policy_decision){0};
    if (rc == ERR_NOT_FOUND || (rc == 0 && (!d.allowed || !of_my_organisation(req, &row)))) {
        respond_error(req, 404, "not_found", "There is no such item.", NULL);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &r->b, &j);
    json_object(&j);
    items_row_json(&j, items_circle(req->api, row.circle, NULL), &row, received, removed);
    items_text_json(&j, &row);
    json_key(&j, "read_recorded");
    json_bool(&j, d.log_read);
    json_key(&j, "audience");
    json_object(&j);
    audience_members(req, &j, &row);
    json_end(&j);
    json_key(&j, "addressed"); /* as its author wrote it, for a new version */
    if (row.mine != 0 && row.audience.len > 0) {
        json_raw(&j, row.audience);
    } else {
        json_null(&j);
    }
    notes(&j, "reads", data, "version", row.mine != 0 || req->reader.whole_node);
    notes(&j, "history", data, "what", true);
    notes(&j, "receipts_by_node", data, "done", row.mine != 0);
    letters(&j, data, row.mine != 0 || req->reader.whole_node);
    json_end(&j);
    if (!cursor_done(data)) {
        buf_free(&r->b);
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
    } else if (d.log_read) {
        note_read(req, &row);
    } else {
        respond_json(req, 200, &r->b);
    }
}

static void ask_item(struct api_request *req, api_then *then)
{
    struct buf q;
    if (!id_valid(req->param[0])) {
        respond_error(req, 404, "not_found", "There is no such item.", NULL);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ITEM_GET);
    buf_str(&q, req->param[0]);
    request_ask(req, &q, then);
    buf_free(&q);
}

void item_get(struct api_request *req)
{
    req->work = arena_alloc(&req->arena, sizeof(struct reading));
    ask_item(req, item_came);
}

bool items_take_readable(struct api_request *req, int rc, struct span text, struct cursor *data, enum policy_action action,
                         struct fed_item_row *row)
{
    struct fed_item_row got = {0};
    if (rc == 0) {
        fed_item_decode(data, &got);
    }
    bool reads = rc == 0 && !data->failed && decide(req, &got, ACTION_READ).allowed && of_my_organisation(req, &got);
    if (rc == ERR_NOT_FOUND || (rc == 0 && !reads)) {
        respond_error(req, 404, "not_found", "There is no such item.", NULL);
        return false;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return false;
    }
    struct policy_decision d = decide(req, &got, action);
    if (!d.allowed || span_eq(got.state, SPAN("retracted"))) {
        respond_error(req, 403, policy_reason_key(d.allowed ? REASON_RETRACTED : d.reason), "The policy does not let this item go this way.", NULL);
        return false;
    }
#define X(name) row->name = arena_copy(&req->arena, got.name);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) row->name = got.name;
    FED_ITEM_NUMBERS(X)
#undef X
    return true;
}

void items_ask_item(struct api_request *req, api_then *then)
{
    ask_item(req, then);
}
