/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Searches on persons. In the list of alerts one asks for a reason, given beforehand and recorded, and stands for 15 minutes for just
 * these words; in a register one is recorded (who may filter by a name has it by right, or gave his reason when he had the kind shown).
 * Runs in the desk.
 */
#include "api/person_search.h"
#include "api/reads.h"

#include <string.h>

#include "base/utf8.h"
#include "flow/hunt/person.h"
#include "records/privacy.h"

enum { WORD_MIN = 3 /* bytes; shorter ones stand in every second name */ };

static const struct span of_alerts = SPAN("alerts");

/* ---- which search is on a person ---- */

static bool holds(struct arena *a, struct span text, struct span folded_word)
{
    char *folded = arena_bytes(a, utf8_fold_room(text.len));
    size_t len = utf8_fold(text, folded);
    return memmem(folded, len, folded_word.ptr, folded_word.len) != NULL;
}

/* A word finds the alert by its user, and by nothing else that says what it is about. */
static bool finds_user(struct arena *a, struct span word, const struct alert_row *row)
{
    const struct span others[] = {row->title, row->host, row->source, row->rule_id};
    if (word.len < WORD_MIN || !person_name_fits(row->user) || !holds(a, row->user, word)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (holds(a, others[i], word)) {
            return false;
        }
    }
    return true;
}

bool person_search_of_alert(struct arena *a, struct span query, const struct alert_row *row)
{
    char *folded = arena_bytes(a, utf8_fold_room(query.len));
    struct span rest = span_make(folded, utf8_fold(query, folded));
    while (rest.len > 0) {
        ptrdiff_t blank = span_find(rest, ' ');
        size_t n = blank < 0 ? rest.len : (size_t)blank;
        if (finds_user(a, span_sub(rest, 0, n), row)) {
            return true;
        }
        rest = span_sub(rest, n + (blank >= 0), rest.len);
    }
    return false;
}

/* ---- alerts ---- */

static bool stands(const struct api_request *req, struct span where, struct span terms)
{
    char hash[33];
    struct policy_shown what = shown_search(where, terms, hash);
    return shown_has(req->api->shown, req->credential, &what, clock_now());
}

bool person_search_refused(struct api_request *req, struct span query, const struct alert_row *rows, uint32_t count)
{
    bool person = person_mail_fits(query);
    for (uint32_t i = 0; i < count && !person; i++) {
        person = person_search_of_alert(&req->arena, query, &rows[i]);
    }
    if (!person || stands(req, of_alerts, query)) {
        return false;
    }
    respond_error(req, 403, "reason_needed", "This looks for a person. Give a reason first; it is recorded.", "q");
    return true;
}

struct searching {
    struct span where, terms;
    time_ns until;
    api_handler *then; /* NULL: answers */
    void *work;
};

static void note(struct api_request *req, struct searching *s, struct span why, api_then *then)
{
    struct buf q;
    s->until = clock_now() + (time_ns)SHOWN_MINUTES * 60 * TIME_SECOND;
    req->work = s;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PERSONS_SEARCHED);
    persons_search_encode(&q, &(struct persons_search){s->where, s->terms, req->user.organisation, req->user.name, why});
    request_ask(req, &q, then);
    buf_free(&q);
}

static void remember(struct api_request *req, const struct searching *s)
{
    char hash[33];
    struct policy_shown what = shown_search(s->where, s->terms, hash);
    shown_add(req->api->shown, req->credential, &what, s->until, clock_now());
}

static void noted(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct searching *s = req->work;
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    remember(req, s);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "terms");
    json_text(&j, s->terms);
    json_key(&j, "until");
    json_time(&j, s->until);
    json_end(&j);
    respond_json(req, 200, &b);
}

void privacy_search(struct api_request *req)
{
    struct searching *s = arena_calloc(&req->arena, 1, sizeof *s);
    struct span why = span_trim(request_field(req, "why"));
    *s = (struct searching){.where = of_alerts, .terms = request_field(req, "terms")};
    if (s->terms.len == 0 || s->terms.len > PERSONS_TERMS_MAX) {
        respond_error(req, 400, "bad_body", "Say what is looked for, in 1 to 500 bytes.", "terms");
        return;
    }
    if (!shown_reason_fits(why)) {
        respond_bad_reason(req);
        return;
    }
    note(req, s, why, noted);
}

/* ---- registers ---- */

/* Filters of the request by fields that say something of a person, as they were asked for; empty: there is none. */
static struct span personal_terms(struct api_request *req, const struct register_kind *k)
{
    static const struct span endings[] = {SPAN(".from"), SPAN(".to")};
    struct buf b;
    buf_init(&b, PERSONS_TERMS_MAX);
    for (size_t i = 0; i < req->uri.query.count; i++) {
        const struct uri_pair *p = &req->uri.query.pair[i];
        struct span field = p->name;
        for (size_t n = 0; n < ARRAY_LEN(endings); n++) {
            field = span_ends(p->name, endings[n]) ? span_sub(p->name, 0, p->name.len - endings[n].len) : field;
        }
        int place = register_field_of(k, field);
        if (place >= 0 && (k->rights.personal >> place & 1) != 0) {
            const char *one = arena_printf(&req->arena, "%s%.*s=%.*s", b.len > 0 ? " " : "", SPAN_ARG(p->name), SPAN_ARG(p->value));
            struct span text = span_of(one);
            buf_span(&b, span_sub(text, 0, PERSONS_TERMS_MAX - b.len));
        }
    }
    struct span terms = arena_copy(&req->arena, buf_view(&b));
    buf_free(&b);
    return terms;
}

static void goes_on(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct searching *s = req->work;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    remember(req, s);
    req->work = s->work;
    s->then(req);
}

void person_search_in_register(struct api_request *req, const struct register_kind *k, api_handler *then)
{
    struct span terms = personal_terms(req, k);
    if (terms.len == 0 || stands(req, k->plural, terms)) {
        then(req);
        return;
    }
    struct searching *s = arena_calloc(&req->arena, 1, sizeof *s);
    *s = (struct searching){.where = k->plural, .terms = terms, .then = then, .work = req->work};
    note(req, s, SPAN(""), goes_on);
}

/* ---- who looked ---- */

static void look_json(struct api_request *req, struct json_writer *j, struct cursor *data)
{
    (void)req;
    struct persons_look l;
    persons_look_decode(data, &l);
    if (data->failed) {
        return;
    }
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"organisation", l.organisation}, {"who", l.who}, {"what", l.what}, {"subject", l.subject}, {"why", l.why}, {"detail", l.detail}};
    json_object(j);
    json_key(j, "place");
    json_i64(j, l.seq);
    json_key(j, "at");
    json_time(j, l.at);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    json_end(j);
}

static void looks_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    looks_respond(req, rc, text, data, look_json, 0);
}

void privacy_searches(struct api_request *req)
{
    struct policy_places places;
    int64_t before = 0;
    struct buf q;
    if (!looks_places(req, &places) || !looks_cursor(req, &before)) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PERSONS_LOG);
    places_encode(&q, &places);
    buf_u64(&q, (uint64_t)before);
    buf_u32(&q, PERSONS_LOG_MAX);
    request_ask(req, &q, looks_came);
    buf_free(&q);
}
