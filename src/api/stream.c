/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Server-sent events (WHATWG HTML §9.2): new alerts, changes, and a pulse each five seconds, to
 * every open page; to a page whose reader may not know the numbers of the pulse, only that the node is there. A page that was away a moment names the last event it saw and gets what it
 * missed; one that was away too long gets 204, on which browsers stop and the page reads its list
 * afresh. Runs in the desk. Must never let a slow reader hold memory without bound.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "api/archive_export.h"
#include "base/log.h"
#include "records/fed_warnings.h"
#include "base/mem.h"
#include "base/num.h"

enum {
    STREAM_MAGIC = 0x73736531,
    STREAM_BUFFER_MAX =
        256 << 10,       /* bytes waiting for one reader; a slower one is cut off and comes back */
    STREAM_LIFE_S = 900, /* then the browser connects again, which looks at its session again */
    STREAM_LINKED_LIFE_S = 60, /* of whom appointments may give more at any minute, or less */
    EVENT_TEXT_MAX = 512 << 10,
    RUN_LEN = 8,
};

struct event {
    uint64_t seq;
    struct span organisation; /* in text, its first bytes */
    struct buf text;          /* organisation, then the event as it goes out */
    size_t skip;              /* length of the organisation */
};

struct ring {
    char run[RUN_LEN + 1]; /* of this process: ids of another run say nothing */
    uint64_t next;         /* sequence number of the next event, from 1 */
    struct event event[API_EVENTS_KEPT];
};

struct stream {
    uint32_t magic;
    struct api *api;
    struct MHD_Connection *connection;
    struct stream *next, **link;
    struct buf out;
    size_t sent;
    bool suspended;
    bool ended;
    time_ns opened;
    unsigned char session_hash[SECRET_HASH_BYTES];
    bool linked;
    struct policy_reader reader; /* its texts, one after the other, in `texts` */
    struct policy_seat *seats;
    char *texts;
};

/* Each kind of event has its row in policy/paths.def, and each row its kind. */
#define ROW_OF_EVENT(name) +(EVENT_##name >= 0)
enum {
    EVENT_ROWS = 0
#include "policy/paths.def"
};
_Static_assert(EVENT_ROWS == (int)EVENT_KIND_COUNT,
               "a kind of event lacks its row in policy/paths.def");

void streams_init(struct api *api)
{
    char secret[SECRET_TEXT_LEN + 1];
    secret_new(secret);
    api->ring = mem_alloc(sizeof *api->ring);
    api->ring->next = 1;
    memcpy(api->ring->run, secret, RUN_LEN);
}

void streams_fini(struct api *api)
{
    CHECK(api->streams == NULL);
    for (size_t i = 0; i < API_EVENTS_KEPT; i++) {
        buf_free(&api->ring->event[i].text);
    }
    mem_free(api->ring);
    api->ring = NULL;
}

static void wake(struct stream *s)
{
    if (s->suspended) {
        s->suspended = false;
        MHD_resume_connection(s->connection);
        mhd_loop_kick(&s->api->http);
    }
}

static void push(struct stream *s, struct span text)
{
    if (s->ended) {
        return;
    }
    buf_span(&s->out, text);
    s->ended = s->out.failed;
    wake(s);
}

static ssize_t on_read(void *cls, uint64_t pos, char *to, size_t max)
{
    struct stream *s = cls;
    CHECK_OBJ(s, STREAM_MAGIC);
    (void)pos;
    size_t left = s->out.failed ? 0 : s->out.len - s->sent;
    if (left == 0 && s->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (left == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    size_t n = left < max ? left : max;
    memcpy(to, s->out.data + s->sent, n);
    s->sent += n;
    if (s->sent == s->out.len) {
        buf_clear(&s->out);
        s->sent = 0;
    }
    return (ssize_t)n;
}

static void on_free(void *cls)
{
    struct stream *s = cls;
    CHECK_OBJ(s, STREAM_MAGIC);
    *s->link = s->next;
    if (s->next != NULL) {
        s->next->link = s->link;
    }
    s->api->nstreams--;
    buf_free(&s->out);
    mem_free(s->seats);
    mem_free(s->texts);
    s->magic = 0;
    mem_free(s);
}

void streams_end_person(struct api *api, struct span id)
{
    exports_end(api, NULL, id);
    for (struct stream *s = api->streams; s != NULL; s = s->next) {
        if (span_eq(s->reader.person, id)) {
            s->ended = true;
            wake(s);
        }
    }
}

void streams_end(struct api *api, const unsigned char *session_hash)
{
    exports_end(api, session_hash, SPAN(""));
    for (struct stream *s = api->streams; s != NULL; s = s->next) {
        if (session_hash == NULL ||
            memcmp(s->session_hash, session_hash, sizeof s->session_hash) == 0) {
            s->ended = true;
            wake(s);
        }
    }
}

void api_signed_out(struct api *api, struct span person, struct span credential)
{
    CHECK_OBJ(api, API_MAGIC);
    if (person.len > 0) {
        streams_end_person(api, person);
    } else {
        CHECK(credential.len == SECRET_HASH_BYTES);
        streams_end(api, (const unsigned char *)credential.ptr);
    }
}

void request_signed_out(struct api_request *req, struct span person, struct span credential)
{
    const struct api_config *c = &req->api->config;
    if (c->signed_out != NULL) {
        c->signed_out(c->arg, person, credential);
    } else {
        api_signed_out(req->api, person, credential);
    }
}

bool stream_shows(const struct policy_reader *reader, struct span organisation, time_ns now)
{
    struct own_item own;
    if (organisation.len == 0) {
        item_of_node_numbers(&own);
    } else {
        item_of_alert(&(struct alert_row){.organisation = organisation}, &own);
    }
    return policy_own_allows(reader, &own.item, ACTION_STREAM, POLICY_MAY_WATCH, now);
}

static bool may_see(const struct stream *s, struct span organisation)
{
    return stream_shows(&s->reader, organisation, clock_now());
}

static struct span event_view(const struct event *ev)
{
    return span_sub(buf_view(&ev->text), ev->skip, ev->text.len);
}

/* Writes "id, event, data" of one event; `json` holds no line break, since the writer escapes them.
 */
static void event_text(struct buf *out, const char *id, const char *name, struct span json)
{
    if (id[0] != '\0') {
        buf_printf(out, "id: %s\n", id);
    }
    buf_printf(out, "event: %s\ndata: ", name);
    buf_span(out, json);
    buf_cstr(out, "\n\n");
}

/* Keeps an event of an organisation for latecomers and sends it to whoever may see it. */
static void publish(struct api *api, const char *name, struct span organisation, struct span json)
{
    struct ring *r = api->ring;
    struct event *ev = &r->event[r->next % API_EVENTS_KEPT];
    char id[RUN_LEN + 24];
    (void)snprintf(id, sizeof id, "%s-%" PRIu64, r->run, r->next);
    buf_free(&ev->text);
    buf_init(&ev->text, EVENT_TEXT_MAX);
    buf_span(&ev->text, organisation);
    ev->skip = organisation.len;
    event_text(&ev->text, id, name, json);
    if (ev->text.failed) {
        log_warn("desk.event", "name=%s dropped=\"too large\"", name);
        return;
    }
    ev->seq = r->next++;
    for (struct stream *s = api->streams; s != NULL; s = s->next) {
        if (may_see(s, organisation)) {
            push(s, event_view(ev));
        }
    }
}

struct span stream_pulse_for(const struct policy_reader *reader, struct span text, time_ns now)
{
    return stream_shows(reader, SPAN(""), now) ? text : SPAN(""); /* numbers of the whole node */
}

static void push_pulse(struct stream *s, struct span text)
{
    struct span mine = stream_pulse_for(&s->reader, text, clock_now());
    push(s, mine.len > 0 ? mine : SPAN("event: here\ndata: {}\n\n"));
}

void stream_pulse_text(struct buf *out, const struct keeper_status *st)
{
    struct json_writer j;
    struct buf json;
    buf_init(&json, 4096);
    json_writer_init(&j, &json);
    json_object(&j);
    json_key(&j, "last_event");
    json_time(&j, st->last_event);
    json_key(&j, "sources");
    json_object(&j);
    json_key(&j, "total");
    json_i64(&j, st->sources_total);
    json_key(&j, "live");
    json_i64(&j, st->sources_live);
    json_end(&j);
    json_key(&j, "rate");
    json_milli(&j, st->rate_milli);
    json_key(&j, "open");
    json_i64(&j, st->open);
    json_end(&j);
    event_text(out, "", "pulse", buf_view(&json));
    buf_free(&json);
}

static void pulse(struct api *api, const struct keeper_status *st)
{
    buf_clear(&api->pulse);
    stream_pulse_text(&api->pulse, st);
    for (struct stream *s = api->streams; s != NULL; s = s->next) {
        s->ended = s->ended || clock_mono() - s->opened > (s->linked ? STREAM_LINKED_LIFE_S : STREAM_LIFE_S) * TIME_SECOND;
        if (s->ended) {
            wake(s);
        } else {
            push_pulse(s, buf_view(&api->pulse));
        }
    }
}

/* A warning, without its rules: who is told reads it in full. */
static bool tell_warning(struct api *api, struct cursor *c)
{
    struct fed_warning_row row;
    struct json_writer j;
    struct arena arena;
    struct buf json;
    fed_warning_decode(c, &row);
    if (!cursor_done(c)) {
        return false;
    }
    arena_init(&arena, 0);
    buf_init(&json, EVENT_TEXT_MAX);
    json_writer_init(&j, &json);
    warning_json(&j, &row, &arena);
    publish(api, "warning", SPAN(""), buf_view(&json));
    buf_free(&json);
    arena_fini(&arena);
    return true;
}

int api_event(struct api *api, struct span body, struct err *e)
{
    CHECK_OBJ(api, API_MAGIC);
    struct cursor c = cursor_of(body);
    uint8_t kind = cursor_u8(&c);
    if (kind == EVENT_PULSE) {
        struct keeper_status st;
        keeper_status_decode(&c, &st);
        if (cursor_done(&c)) {
            pulse(api, &st);
            return 0;
        }
    } else if (kind == EVENT_ALERT || kind == EVENT_CHANGE) {
        struct alert_row row;
        alert_row_decode(&c, &row);
        if (cursor_done(&c)) {
            struct json_writer j;
            struct buf json;
            buf_init(&json, EVENT_TEXT_MAX);
            json_writer_init(&j, &json);
            alert_json(&j, &row);
            publish(api, kind == EVENT_ALERT ? "alert" : "change", row.organisation,
                    buf_view(&json));
            buf_free(&json);
            return 0;
        }
    }
    if (kind == EVENT_WARNING && tell_warning(api, &c)) {
        return 0;
    }
    if (kind == EVENT_HUNT) {
        struct hunt_row row;
        hunt_row_decode(&c, &row);
        if (cursor_done(&c)) {
            struct json_writer j;
            struct buf json;
            buf_init(&json, EVENT_TEXT_MAX);
            json_writer_init(&j, &json);
            hunt_row_json(&j, &row);
            publish(api, "hunt", row.organisation, buf_view(&json));
            buf_free(&json);
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "a broken event came from the keeper");
}

/* First sequence number that a page still has to see; 0 when what it missed is gone. */
static uint64_t resume_at(const struct ring *r, struct span last_id)
{
    uint64_t seen = 0;
    if (last_id.len == 0) {
        return r->next;
    }
    if (!span_eq(span_sub(last_id, 0, RUN_LEN), span_of(r->run)) ||
        !num_u64(span_sub(last_id, RUN_LEN + 1, 20), &seen) || seen >= r->next) {
        return 0;
    }
    return r->next - seen - 1 < API_EVENTS_KEPT ? seen + 1 : 0;
}

/* A text among the stream's own. */
static struct span keep_text(char **at, struct span text)
{
    struct span kept = span_make(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return kept;
}

/* The request's texts die with it; the stream lives on. What he had shown is of no use to it. */
static void keep_reader(struct stream *s, const struct policy_reader *r)
{
    size_t len = r->person.len + r->organisation.len;
    for (uint32_t i = 0; i < r->nseats; i++) {
        len += r->seats[i].organisation.len;
    }
    s->texts = mem_alloc(len + 1);
    s->seats = mem_alloc((r->nseats + 1) * sizeof *s->seats);
    char *at = s->texts;
    s->reader = (struct policy_reader){.kind = r->kind, .whole_node = r->whole_node, .in_house = r->in_house, .roles = r->roles, .may = r->may,
                                       .seats = s->seats, .nseats = r->nseats};
    s->reader.person = keep_text(&at, r->person);
    s->reader.organisation = keep_text(&at, r->organisation);
    for (uint32_t i = 0; i < r->nseats; i++) {
        s->seats[i] = r->seats[i];
        s->seats[i].organisation = keep_text(&at, r->seats[i].organisation);
    }
}

static struct stream *stream_new(struct api_request *req)
{
    struct api *api = req->api;
    struct stream *s = mem_alloc(sizeof *s);
    s->magic = STREAM_MAGIC;
    s->api = api;
    s->connection = req->connection;
    s->opened = clock_mono();
    buf_init(&s->out, STREAM_BUFFER_MAX);
    memcpy(s->session_hash, req->credential, sizeof s->session_hash);
    keep_reader(s, &req->reader);
    s->linked = req->linked;
    s->next = api->streams;
    s->link = &api->streams;
    if (s->next != NULL) {
        s->next->link = &s->next;
    }
    api->streams = s;
    api->nstreams++;
    return s;
}

void stream_open(struct api_request *req)
{
    struct api *api = req->api;
    struct ring *r = api->ring;
    uint64_t from = resume_at(r, head_get(&req->head, "last-event-id"));
    if (from == 0) {
        respond_nothing(req);
        return;
    }
    if (api->nstreams >= API_STREAMS_MAX) {
        respond_error(req, 503, "too_many",
                      "Too many pages listen. Close some, or try again in a minute.", NULL);
        return;
    }
    struct stream *s = stream_new(req);
    buf_cstr(&s->out, "retry: 2000\n\n");
    for (uint64_t seq = from; seq < r->next; seq++) {
        const struct event *ev = &r->event[seq % API_EVENTS_KEPT];
        if (ev->seq == seq && may_see(s, span_sub(buf_view(&ev->text), 0, ev->skip))) {
            push(s, event_view(ev));
        }
    }
    push_pulse(s, buf_view(&api->pulse));
    struct MHD_Response *m =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, on_read, s, on_free);
    CHECK(m != NULL);
    respond_common_headers(req, m, false);
    CHECK(MHD_add_response_header(m, "Content-Type", "text/event-stream") == MHD_YES);
    CHECK(MHD_add_response_header(m, "X-Accel-Buffering", "no") ==
          MHD_YES); /* a proxy must not collect */
    respond_made(req, 200, m);
}
