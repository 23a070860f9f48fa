/* SPDX-License-Identifier: EUPL-1.2 */
/* What the desk asks of hunts: one function per question of records/ask.def. Runs in keeper. */
#include "base/log.h"
#include "flow/hunt/person.h"
#include "records/places.h"
#include "roles/keeper_hunts_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

enum { PERSONS_TOLD_MAX = 500 /* bytes of a search in the trail */ };

/* What of a hunt names a person; empty: nothing does. */
static struct span persons_of(struct keeper_hunts *k, const struct hunt *h)
{
    uint32_t addresses = 0;
    for (uint32_t i = 0; i < h->nindicators; i++) {
        addresses += h->indicators[i].type == INDICATOR_EMAIL;
    }
    if (!hunt_names_person(h)) {
        return SPAN("");
    }
    struct span search = span_sub(h->search, 0, PERSONS_TOLD_MAX);
    return span_of(addresses == 0 ? arena_cstr(&k->scratch, search)
                                  : arena_printf(&k->scratch, "%u addresses %.*s", addresses, SPAN_ARG(search)));
}

/* The hunt is narrowed to what the asker may see; *to is what is kept. */
static int narrow(struct keeper_hunts *k, struct span org, struct span definition, struct buf *to, struct span *persons_out,
                  struct err *e)
{
    struct hunt h;
    int rc = hunt_decode(definition, &k->scratch, &h, e);
    if (rc == 0 && !span_eq(org, SPAN("*"))) {
        if (h.organisation.len > 0 && !span_eq(h.organisation, org)) {
            return err_set(e, ERR_DENIED, "a hunt in another organisation");
        }
        h.organisation = org;
    }
    if (rc == 0) {
        *persons_out = persons_of(k, &h);
        hunt_encode(to, &h);
        rc = to->failed ? err_set(e, ERR_LIMIT, "the hunt is too large") : 0;
    }
    return rc;
}

static int make(struct keeper_hunts *k, const struct hunt_row *row, struct span definition, struct span persons,
                struct err *e)
{
    int rc = hunts_create(k->db, row, definition, persons, e);
    if (rc == 0 && hunt_job_new(k, row, definition, SPAN(""), SPAN(""), e) == NULL) {
        rc = ERR_INVALID;
    }
    return rc;
}

static int start(struct keeper_hunts *k, struct cursor *c, struct err *e)
{
    char id[ID_TEXT_LEN + 1];
    struct buf definition;
    struct span org = cursor_str(c);
    struct hunt_row row = {.organisation = org, .who = cursor_str(c), .why = cursor_str(c)};
    struct span given = cursor_str(c);
    int rc = whole(c, e);
    if (rc == 0 && (org.len == 0 || row.who.len == 0 || row.who.len > HUNTS_WHO_MAX ||
                    span_trim(row.why).len == 0 || row.why.len > HUNTS_WHY_MAX)) {
        rc = err_set(e, ERR_INVALID, "a hunt has a name and a reason of 1 to %d bytes",
                     HUNTS_WHY_MAX);
    }
    buf_init(&definition, HUNTS_DEFINITION_MAX);
    struct span persons = SPAN("");
    rc = rc == 0 ? narrow(k, org, given, &definition, &persons, e) : rc;
    if (rc == 0) {
        row.created = clock_now();
        row.finished = row.retained_from = row.retained_to = TIME_NONE;
        id_new(row.created, id);
        row.id = span_of(id);
        rc = make(k, &row, buf_view(&definition), persons, e);
    }
    buf_free(&definition);
    answer_begin(&k->out, rc, e);
    if (rc == 0) {
        buf_str(&k->out, row.id);
    }
    return rc;
}

static int list(struct keeper_hunts *k, struct cursor *c, struct err *e)
{
    struct hunt_row *rows = NULL;
    size_t n = 0;
    struct policy_places places;
    places_decode(c, &places);
    uint32_t limit = cursor_u32(c);
    int rc = whole(c, e);
    if (rc == 0 && (limit == 0 || limit > HUNTS_PAGE_MAX)) {
        rc = err_set(e, ERR_INVALID, "the limit is wrong");
    }
    rc = rc == 0 ? hunts_list(k->db, &places, limit, &k->scratch, &rows, &n, e) : rc;
    answer_begin(&k->out, rc, e);
    if (rc == 0) {
        buf_u32(&k->out, (uint32_t)n);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        hunt_row_encode(&k->out, &rows[i]);
    }
    return rc;
}

static struct hunt_job *job_of(struct keeper_hunts *k, const struct policy_places *places, struct span id)
{
    for (size_t i = 0; i < k->jobs.len; i++) {
        struct hunt_job *job = k->jobs.data[i];
        if (policy_places_have(places, job->row.organisation) && span_eq(job->row.id, id)) {
            return job;
        }
    }
    return NULL;
}

static int get(struct keeper_hunts *k, struct cursor *c, struct err *e)
{
    struct hunt_row row = {0};
    struct span definition = SPAN("");
    struct span result = SPAN("");
    struct policy_places places;
    places_decode(c, &places);
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? hunts_get(k->db, &places, id, &k->scratch, &row, &definition, NULL, &result, e) : rc;
    answer_begin(&k->out, rc, e);
    if (rc != 0) {
        return rc;
    }
    struct hunt_job *job = job_of(k, &places, id);
    if (job != NULL && job->blocks_now > row.blocks_done) { /* newer than the disk */
        row.blocks_done = job->blocks_now;
        row.events = job->events_now;
        row.matches = job->matches_now;
    }
    hunt_row_encode(&k->out, &row);
    buf_str(&k->out, definition);
    buf_str(&k->out, result);
    return 0;
}

static int cancel(struct keeper_hunts *k, struct cursor *c, struct err *e)
{
    struct hunt_row row;
    struct policy_places places;
    places_decode(c, &places);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    int rc = who.len == 0 ? err_set(e, ERR_INVALID, "no name") : whole(c, e);
    struct hunt_job *job = rc == 0 ? job_of(k, &places, id) : NULL;
    if (rc == 0 && job == NULL) {
        rc = hunts_get(k->db, &places, id, &k->scratch, &row, NULL, NULL, NULL, e);
        rc = rc == 0 ? err_set(e, ERR_BUSY, "the hunt has ended") : rc;
    }
    if (rc == 0) {
        hunt_end(job, HUNT_STATUS_CANCELLED, SPAN(""), who);
    }
    answer_begin(&k->out, rc, e);
    return rc;
}

void hunts_answer(struct keeper_hunts *k, uint16_t ask, struct cursor *c, struct ipc *ch,
                  uint64_t id)
{
    typedef int answer_fn(struct keeper_hunts *, struct cursor *, struct err *);
    static answer_fn *const answers[] = {[ASK_HUNT_START - ASK_HUNT_START] = start,
                                         [ASK_HUNT_LIST - ASK_HUNT_START] = list,
                                         [ASK_HUNT_GET - ASK_HUNT_START] = get,
                                         [ASK_HUNT_CANCEL - ASK_HUNT_START] = cancel};
    struct err e = {0};
    CHECK(ask >= ASK_HUNT_START && ask - ASK_HUNT_START < (int)ARRAY_LEN(answers));
    arena_reset(&k->scratch);
    int rc = answers[ask - ASK_HUNT_START](k, c, &e);
    if (rc == ERR_IO) {
        char shown[LOG_VALUE_MAX];
        log_error("records.failed", "ask=%s why=\"%s\"", ask_name(ask),
                  log_value(span_of(e.text), shown));
    }
    if (k->out.failed) {
        answer_begin(&k->out,
                     err_set(&e, ERR_LIMIT, "the answer would be too large; ask for less"), &e);
    }
    (void)!ipc_send(ch, MSG_DESK_ANSWER, id, buf_view(&k->out)); /* a desk that is gone needs none */
    hunts_assign(k); /* a new one begins only after its asker knows its id */
}
