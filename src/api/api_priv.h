/* SPDX-License-Identifier: EUPL-1.2 */
/* The server's own state, shared by the files of api/ only. */
#ifndef API_API_PRIV_H
#define API_API_PRIV_H

#include "api/api.h"
#include "os/mhd_loop.h"
#include "api/request.h"
#include "desk/identity/people_role.h"
#include "desk/identity/shown.h"
#include "desk/identity/throttle.h"
#include "desk/identity/totp.h"
#include "records/hunts.h"
#include "records/registers/register.h"

enum {
    API_MAGIC = 0x61706931,
    API_CONNECTIONS_MAX = 512,         /* people and streams of a city, with room */
    API_CONNECTIONS_PER_ADDRESS = 128, /* a reverse proxy is one address */
    API_IDLE_S = 30,                   /* without a byte */
    API_HEADER_BYTES =
        32 << 10, /* memory of one connection: all header fields, one buffer of the response */
    API_STREAMS_MAX = 256,
    API_DOCUMENTS_MAX = 8,             /* large bodies at a time: they are read before it is known who sends them */
    API_HASHES_MAX = 16,    /* log-ins whose password is being hashed or waits for it */
    API_EVENTS_KEPT = 1024, /* for Last-Event-ID */
};

struct stream;
struct ring;
struct providers;

struct api {
    uint32_t magic;
    uv_loop_t *loop;
    struct api_config config;
    struct arena texts; /* copies of the config's texts */
    struct mhd_loop http;
    bool admin_exists;
    bool demo; /* the invented city is on the node */
    struct head_policy policy;
    char fingerprint[32 * 3];
    struct api_request *requests;
    struct throttle *throttle;
    struct throttle *token_throttle; /* of API tokens that nobody was given, apart from passwords */
    struct shown *shown; /* personal fields that somebody had shown */
    char form_key[SECRET_TEXT_LEN + 1]; /* of this run: forms of an earlier one are asked again */
    unsigned hashing;
    unsigned documents;
    const struct fed_circles *circles; /* NULL = none */
    struct registers *registers;       /* NULL = the keeper was not asked yet */
    struct people_roles *roles;        /* likewise */
    struct stream *streams;
    unsigned nstreams;
    struct archive_export *exports;
    unsigned nexports;
    struct ring *ring;
    struct providers *providers; /* who signs people in; never NULL */
    unsigned char factor_key[TOTP_KEY_BYTES]; /* of the secrets of second factors */
    bool factor_ready;
    struct buf pulse; /* latest pulse as JSON, empty = none yet */
    time_ns started;
    char sandbox[16];
    struct buf doctor_report; /* JSON; empty: it has not looked yet */
    time_ns doctor_at, doctor_asked; /* TIME_NONE: never; nobody waits for it */
    char doctor_why[256];
    struct buf roles_json;
    struct buf roles_metrics;
    char metrics_hash[65]; /* hex; empty = /metrics is closed */
};

/* server.c */
/* Runs the server soon: something may go on. */
/* Name of the session cookie: with __Host- under TLS, so that no other host or path can set it. */
struct span api_cookie_name(const struct api *api);

/* routes.c */
const struct route *route_table(size_t *count_out);
enum { ROUTE_ALLOWED_MAX = 32 }; /* bytes of all methods of one path */
/* Route of a request, with its parameters; NULL and the path's methods as in Allow ("GET, POST"; RFC 9110 section 10.2.1) when only
 * other methods fit, empty when no path does. */
const struct route *route_find(struct span method, struct span path,
                               struct span params[REQUEST_PARAMS_MAX], char allowed_out[ROUTE_ALLOWED_MAX]);
/* Whether a query field stands in the route's own row, by name. */
bool route_takes(const struct route *r, struct span query_name);
/* Whether a type of the table is of whole numbers, and which: "int", or "1..200". */
bool route_is_int(struct span type, int64_t *least_out, int64_t *most_out);
/* A number of the query, or of a JSON body, that the route's row holds within its bounds; otherwise when it is not there. */
int64_t request_number(const struct api_request *req, const char *name, int64_t otherwise);
/* Checks names and values against a table text like "name:type! …"; values of a JSON body also by their JSON type. */
int fields_check(const char *spec, const struct uri_pairs *pairs, const char **where_out,
                 struct err *e) NODISCARD;

/* fields.c */
/* Reads a JSON object of plain values into pairs; nested ones, and a name that comes twice, are
 * refused. */
int fields_from_json(struct span text, struct arena *arena, struct uri_pairs *out,
                     struct err *e) NODISCARD;

/* dispatch.c: goes on once the roles of people are known; else answers itself. */
void request_with_roles(struct api_request *req, api_handler *then);

/* dispatch.c: from a whole request to its handler. */
void request_dispatch(struct api_request *req);

/* respond.c */
void respond_common_headers(struct api_request *req, struct MHD_Response *response, bool cacheable);

/* stream.c */
void streams_init(struct api *api);
/* Ends all, or those of one session (hash of its cookie); exports too. */
void streams_end(struct api *api, const unsigned char *session_hash);
/* All of one person. */
void streams_end_person(struct api *api, struct span id);
void streams_fini(struct api *api);

/* assets.c: the page and its files. True when `path` is one (or when `page` asks for the page
 * itself). */
bool assets_respond(struct api_request *req, struct span path);

/* hunts.c: a hunt's row as an object. */
void hunt_row_json(struct json_writer *j, const struct hunt_row *row);

/* alert_json.c */
void alert_json(struct json_writer *j, const struct alert_row *row);
void alert_json_fields(struct json_writer *j, const struct alert_row *row);
void json_time(struct json_writer *j, time_ns t);
void json_text_or_null(struct json_writer *j, struct span s);
void json_milli(struct json_writer *j, int64_t milli);
/* UTF-16 code units that the first `bytes` bytes of s become in JSON (bad bytes count as one U+FFFD
 * each). */
size_t utf16_units(struct span s, size_t bytes);

/* alerts.c, node.c: documents from the keeper's answers, each part only when policy shows it to
 * this reader. False: the answer is broken. */
bool alerts_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                     struct cursor *data, time_ns now);
/* *shown_out false: not for this reader, nothing was written. */
bool alert_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                    struct cursor *data, time_ns now, bool *shown_out);
bool sources_document(struct json_writer *j, const struct policy_reader *reader,
                      struct cursor *data, time_ns now);
bool rules_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                    struct cursor *data, time_ns now);
/* Numbers over all organisations: for those who may see such numbers. False: answered with 403. */
bool request_may_see_numbers(struct api_request *req);
void status_document(struct json_writer *j, const struct api *api,
                     const struct policy_reader *reader, const struct keeper_status *s,
                     time_ns now);
/* hunts.c, likewise. */
bool hunts_document(struct json_writer *j, const struct policy_reader *reader, struct cursor *data,
                    time_ns now);
bool hunt_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader,
                   struct cursor *data, time_ns now, bool *shown_out);
/* warnings.c */
struct level_report;
struct fed_warning_row;
/* How far hunts are, in thousandths. */
struct warning_hunts {
    uint32_t count;
    struct {
        struct span id;
        int64_t milli;
    } one[HUNTS_PAGE_MAX];
};
/* Asks the keeper, then goes on; warning_hunts_of is its answer. */
void warning_hunts_ask(struct api_request *req, void (*then)(struct api_request *req));
const struct warning_hunts *warning_hunts_of(const struct api_request *req);
/* 0 for one that is not known. */
int64_t warning_hunts_milli(const struct warning_hunts *h, struct span hunt);
/* hunts: of their dry runs; NULL = not known. */
bool warnings_document(struct json_writer *j, struct arena *arena,
                       const struct policy_reader *reader, const struct warning_hunts *hunts,
                       struct cursor *data, time_ns now);
bool warning_document(struct json_writer *j, struct arena *arena,
                      const struct policy_reader *reader, const struct warning_hunts *hunts,
                      struct cursor *data, time_ns now, bool *shown_out);
bool warning_shows(const struct policy_reader *reader, enum policy_action action, time_ns now);
void warning_json(struct json_writer *j, const struct fed_warning_row *r, struct arena *arena);
void community_level_json(struct json_writer *j, const struct level_report *r);
/* stream.c: whether an event about a thing of this organisation goes to a listening reader; empty =
 * of the whole node. */
bool stream_shows(const struct policy_reader *reader, struct span organisation, time_ns now);
/* The pulse as an event; and what of it a reader gets: all or nothing. */
void stream_pulse_text(struct buf *out, const struct keeper_status *st);
struct span stream_pulse_for(const struct policy_reader *reader, struct span text, time_ns now);
/* The answer to ASK_WARNINGS as how far the community is on its guard, of what the reader may count. */
bool community_level_document(struct json_writer *j, struct arena *arena, const struct policy_reader *reader, struct cursor *data, time_ns now);

/* dispatch.c: his role needs a second factor and he has none: he may nothing but see to it. */
bool factor_needed(const struct account *user, const struct people_role *role);

/* users.c: what the asker may, as members of an object; NULL = nothing; of a token no more than its scopes. */
void session_role_json(struct json_writer *j, const struct api_request *req);

/* One handler per route. */
#define ROUTE(method, path, right, handler, body, body_fields, query_fields, summary)         \
    void handler(struct api_request *req);
#include "api/routes.def"
#undef ROUTE

#endif
