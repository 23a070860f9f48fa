/* SPDX-License-Identifier: EUPL-1.2 */
/* /tokens: with which log senders show who they are. A token is shown once and known afterwards by
 * its hash only. */
#include "api/api_priv.h"
#include "base/id.h"

enum { TOKEN_NAME_MAX = 200 /* bytes */ };

static void token_row(struct json_writer *j, struct cursor *data)
{
    struct ingest_token t;
    token_decode(data, &t);
    json_object(j);
    json_key(j, "id");
    json_text(j, t.id);
    json_key(j, "name");
    json_text(j, t.name);
    json_key(j, "source");
    json_text(j, t.source);
    json_key(j, "created");
    json_time(j, t.created);
    json_key(j, "last_used");
    json_time(j, t.last_used);
    json_end(j);
}

static void list_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    respond_rows(req, rc, text, data, token_row);
}

void show_tokens(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_TOKENS);
    buf_str(&q, req->user.organisation);
    request_ask(req, &q, list_answered);
    buf_free(&q);
}

struct fresh {
    char id[ID_TEXT_LEN + 1];
    char token[SECRET_TEXT_LEN + 1];
};

static void create_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    const struct fresh *f = req->work;
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, span_of(f->id));
    json_key(&j, "token");
    json_text(&j, span_of(f->token));
    json_end(&j);
    respond_json(req, 201, &b);
}

void token_create(struct api_request *req)
{
    struct span name = span_trim(request_field(req, "name"));
    struct span source = span_trim(request_field(req, "source"));
    if (name.len == 0 || name.len > TOKEN_NAME_MAX || source.len == 0 ||
        source.len > TOKEN_NAME_MAX) {
        respond_error(req, 400, "bad_body", "Name and source have 1 to 200 bytes.",
                      name.len == 0 ? "name" : "source");
        return;
    }
    unsigned char hash[SECRET_HASH_BYTES];
    struct fresh *f = arena_alloc(&req->arena, sizeof *f);
    req->work = f;
    time_ns now = clock_now();
    id_new(now, f->id);
    secret_new(f->token);
    secret_hash(span_of(f->token), hash);
    bool whole_node = span_eq(req->user.organisation, SPAN("*"));
    struct ingest_token t = {
        .id = span_of(f->id),
        .hash = span_make((const char *)hash, sizeof hash),
        .name = name,
        .source = source,
        .organisation = whole_node ? req->api->config.organisation : req->user.organisation,
        .created = now,
        .last_used = TIME_NONE,
    };
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_TOKEN_CREATE);
    token_encode(&q, &t);
    buf_str(&q, req->user.name);
    request_ask(req, &q, create_answered);
    buf_free(&q);
}

void token_revoke(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_TOKEN_REVOKE);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    request_ask(req, &q, respond_done);
    buf_free(&q);
}
