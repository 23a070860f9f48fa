/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One request as handlers see it, and how they answer. Shared by the files of api/ only. A handler
 * ends in exactly one of the respond_* functions, at once or after answers of the keeper; until
 * then the connection is suspended.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <microhttpd.h>

#include "api/api.h"
#include "api/head.h"
#include "api/uri.h"
#include "base/arena.h"
#include "base/buf.h"
#include "desk/identity/people_role.h"
#include "desk/identity/secret.h"
#include "desk/readers/readers.h"
#include "desk/words/words.h"
#include "wire/json_write.h"

enum {
    REQUEST_MAGIC = 0x72657131,
    REQUEST_BODY_MAX = 32 << 10,     /* bytes: a note of 4,000 characters, escaped */
    REQUEST_DOCUMENT_MAX = 4 << 20,  /* bytes of a body that its handler reads itself: rules and indicators */
    REQUEST_TABLE_MAX = 8 << 20,     /* bytes of a table of records: 30,000 people with all their columns */
    REQUEST_RESPONSE_MAX = 24 << 20, /* bytes of one JSON document */
    REQUEST_PARAMS_MAX = 2,          /* braces of one path */
};

/* DOCUMENT: JSON that is more than names and values; TABLE: CSV, or JSON line by line. The handler reads req->body. */
enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_DOCUMENT, BODY_TABLE };

struct api_request;
typedef void api_handler(struct api_request *req);

struct route {
    const char *method;
    const char *path;
    enum right right;
    api_handler *handler;
    enum body_kind body;
    const char *body_fields;
    const char *query_fields;
    const char *summary;
};

enum request_state {
    REQUEST_HEAD,     /* before the first look at it */
    REQUEST_BODY,     /* body comes in */
    REQUEST_WORKING,  /* with its handler; suspended after the first wait */
    REQUEST_ANSWERED, /* response is there, not yet handed to the library */
    REQUEST_SENDING,
};

/* Called with the keeper's answer while the request waits. */
typedef void api_then(struct api_request *req, int rc, struct span text, struct cursor *data);

struct api_request {
    uint32_t magic;
    enum request_state state;
    struct api *api;
    struct MHD_Connection *connection;
    struct api_request *next, **link; /* all requests of the server */
    struct arena arena;
    struct span raw_uri;
    struct uri uri;
    struct head head;
    const struct route *route;
    struct span param[REQUEST_PARAMS_MAX];
    bool is_head; /* method HEAD of a GET route */
    bool is_document; /* counted in api->documents */
    struct buf body;
    struct uri_pairs fields;     /* of the body, by name, whatever its kind */
    struct span address;         /* of the peer, as text */
    struct account user;         /* id empty = nobody */
    const struct people_role *role; /* his; NULL = in none that is known */
    struct appointment_seat seats[POLICY_SEATS_MAX]; /* his appointments at this request */
    uint32_t nseats;
    bool linked; /* his account is that of a person who may be appointed at any minute */
    struct policy_seat policy_seats[POLICY_SEATS_MAX]; /* the same as policy sees them */
    uint64_t seat_rights;                              /* rights of routes that they give, a bit each */
    struct policy_reader reader; /* the same as policy sees it; set before the handler runs */
    struct span cookie;          /* of the session; empty when a token was shown */
    struct span token;           /* an API token; empty = none */
    bool by_token;               /* an API token was shown */
    uint64_t scopes;             /* its rights, a bit each; all without one */
    unsigned char credential[SECRET_HASH_BYTES]; /* hash of cookie or token */
    struct span landing;         /* where a sign-in by a provider goes in the end; empty: as the request says */
    unsigned status;
    struct MHD_Response *response;
    bool suspended;
    bool unread; /* answered before its body was read */
    api_then *then;
    void *work; /* of the handler, in the arena */
    void *noting; /* what goes on once reads are noted (api/reads.c), beside work: forget still finds its own */
    api_handler *forget; /* frees what of it is not in the arena, when the request ends; NULL = nothing */
    struct api_work *aside; /* what runs on the worker thread for it */
};

/* Answers. Each may be called once per request. */
void respond_json(struct api_request *req, unsigned status, struct buf *body);
/* 200 with a document that was made of an answer of the keeper; 500 where that was not whole. Takes the buffer either way. */
void respond_whole(struct api_request *req, bool whole, struct buf *body);
/* {"error":{"code","message","where"}} for the API, a page for people elsewhere. where may be NULL.
 */
void respond_error(struct api_request *req, unsigned status, const char *code, const char *message,
                   const char *where);
/* For an ERR_* of the keeper: what a person can do about it. */
void respond_failure(struct api_request *req, int rc, struct span text);
/* 400: what is asked is about a person, and "why" says too little. */
void respond_bad_reason(struct api_request *req);
void respond_page(struct api_request *req, unsigned status, struct buf *html);
/* The language that the browser asks for (Accept-Language); English where it names none of ours. */
const struct words *request_words(const struct api_request *req);
/* Headers of an answer in that language; after respond_page. */
void respond_language(struct api_request *req, const struct words *w);
void respond_redirect(struct api_request *req, const char *where);
/* 204. */
void respond_nothing(struct api_request *req);
/* An api_then for what was to be done and gives nothing back: 204, or what a failure says. */
void respond_done(struct api_request *req, int rc, struct span text, struct cursor *data);
/* Writes one row of a keeper's answer as a JSON value; a broken row leaves data failed. */
typedef void api_row(struct json_writer *j, struct cursor *data);
/* For an api_then: {"items":[...]} of an answer that is a count (u32) and so many rows, or what a failure says. */
void respond_rows(struct api_request *req, int rc, struct span text, struct cursor *data, api_row *row);
/* A response made by the caller; common headers are added. */
void respond_made(struct api_request *req, unsigned status, struct MHD_Response *response);
/* Adds a header to a response that was given already. */
void respond_header(struct api_request *req, const char *name, const char *value);

/* Starts a JSON document in a buffer of its own. */
void request_json(struct api_request *req, struct buf *b, struct json_writer *j);

/* Sends a question to the keeper; `then` gets the answer. With the keeper away the request is
 * answered with 503. */
void request_ask(struct api_request *req, struct buf *question, api_then *then);

/*
 * Work that would hold up the loop, such as a password: `run` gets arg on the worker thread, then
 * `then` gets it back with the request waiting. `drop` frees arg, in the end or when the request is
 * gone meanwhile; arg must hold everything `run` needs. Answers 503 itself when too much waits.
 */
typedef void api_run(void *arg);
typedef void api_done(struct api_request *req, void *arg);
typedef void api_drop(void *arg);
void request_work(struct api_request *req, void *arg, api_run *run, api_done *then,
                  api_drop *drop);
/* No room for work now: request_work would answer so. */
bool request_work_full(const struct api_request *req);
/* The request ends before its work. */
void request_work_abandon(struct api_request *req);

/* Value of a query or body field; numbers were checked against the route's table. */
struct span request_query(const struct api_request *req, const char *name);
struct span request_field(const struct api_request *req, const char *name);
/* Whether who asks has this right too, beside the route's own: his role, and the scopes of a token that he shows. */
bool request_may(const struct api_request *req, enum right right);

/* Ends open streams of a person or of one credential on all servers: see api_signed_out. */
void request_signed_out(struct api_request *req, struct span person, struct span credential);

/* Session cookie: sets it (empty text ends it). Call after the respond_*. */
void respond_cookie(struct api_request *req, struct span value);

#endif
