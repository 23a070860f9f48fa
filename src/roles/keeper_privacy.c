/* SPDX-License-Identifier: EUPL-1.2 */
/* Looks at persons, in the keeper: see keeper_privacy.h. Runs on the keeper's one thread. */
#include "roles/keeper_privacy.h"

#include <inttypes.h>

#include "base/log.h"
#include "records/privacy.h"
#include "records/reads.h"
#include "records/registers/record_row.h"
#include "roles/keeper_records_priv.h"

static int show_persons(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct persons_show s;
    record_scope_decode(c, &scope);
    persons_show_decode(c, &s);
    int rc = cursor_done(c) ? persons_show_note(kr->db, &scope, &s, clock_now(), &kr->scratch, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int note_search(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct persons_search s;
    persons_search_decode(c, &s);
    int rc = cursor_done(c) ? persons_search_note(kr->db, &s, clock_now(), e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list_looks(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct persons_look *looks = NULL;
    uint32_t n = 0;
    int64_t next = 0;
    struct policy_places places;
    places_decode(c, &places);
    int64_t before = (int64_t)cursor_u64(c);
    uint32_t limit = cursor_u32(c);
    bool fits = cursor_done(c) && before >= 0 && limit > 0 && limit <= PERSONS_LOG_MAX;
    int rc = fits ? persons_log(kr->db, &places, before, limit, &kr->scratch, &looks, &n, &next, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)next);
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        persons_look_encode(&kr->out, &looks[i]);
    }
    return rc;
}

/* ---- reads of sensitive records ---- */

/* They wait in memory until the next tick: a commit for each page that somebody opens would cost more than the page. */
static int note_reads(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    size_t before = kr->reads.len;
    struct read_note note;
    for (uint32_t i = 0; i < n && !c->failed && i < READS_GROUPS_MAX; i++) {
        read_note_decode(c, &note);
        if (!c->failed) {
            read_note_encode(&kr->reads, &note);
        }
    }
    bool good = cursor_done(c) && n > 0 && n <= READS_GROUPS_MAX;
    int rc = !good ? err_set(e, ERR_INVALID, "the question is broken") : kr->reads.failed ? err_set(e, ERR_BUSY, "what was read cannot be recorded") : 0;
    if (rc == 0) {
        kr->nreads += n;
    } else {
        kr->reads.len = before;
        kr->reads.failed = false;
    }
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int write_reads(struct keeper_records *kr, struct err *e)
{
    struct cursor c = cursor_of(buf_view(&kr->reads));
    int rc = db_begin(kr->db, e);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < kr->nreads && rc == 0; i++) {
        struct read_note note;
        read_note_decode(&c, &note);
        CHECK(!c.failed); /* we wrote it */
        rc = reads_put(kr->db, &note, e);
    }
    return db_end(kr->db, rc, e);
}

void keeper_reads_flush(struct keeper_records *kr)
{
    struct err e = {0};
    if (kr->nreads == 0) {
        return;
    }
    if (write_reads(kr, &e) != 0) { /* they wait; when there are too many, nothing sensitive is shown */
        log_error("records.reads", "waiting=%" PRIu32 " why=\"%s\"", kr->nreads, e.text);
        return;
    }
    kr->nreads = 0;
    buf_clear(&kr->reads);
}

static int list_reads(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct policy_places places;
    struct read_note *notes = NULL;
    uint32_t n = 0;
    int64_t next = 0;
    places_decode(c, &places);
    int64_t before = (int64_t)cursor_u64(c);
    uint32_t limit = cursor_u32(c);
    bool fits = cursor_done(c) && before >= 0 && limit > 0 && limit <= READS_PAGE_MAX;
    keeper_reads_flush(kr);
    int rc = fits ? reads_page(kr->db, &places, before, limit, &kr->scratch, &notes, &n, &next, e) : err_set(e, ERR_INVALID, "the question is broken");
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)next);
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        read_note_encode(&kr->out, &notes[i]);
    }
    return rc;
}

keeper_answer_fn *keeper_privacy_answer(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_PERSONS_SHOW:
        return show_persons;
    case ASK_PERSONS_SEARCHED:
        return note_search;
    case ASK_PERSONS_LOG:
        return list_looks;
    case ASK_READS_NOTE:
        return note_reads;
    case ASK_READS:
        return list_reads;
    default:
        return NULL;
    }
}
