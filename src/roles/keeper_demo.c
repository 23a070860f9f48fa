/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The invented city in the keeper: see keeper_demo.h. A purge is tables first, in one transaction, then the archive, with proof; cut off
 * between the two, the next one goes on there.
 */
#include "roles/keeper_demo.h"

#include <stdio.h>

#include "base/log.h"
#include "records/demo.h"
#include "roles/keeper_privacy.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int read_stage(struct keeper_records *kr, struct demo *d, struct err *e)
{
    int rc = demo_get(kr->db, &kr->scratch, d, e);
    if (rc == 0) {
        kr->demo = d->stage;
        (void)snprintf(kr->demo_source, sizeof kr->demo_source, "%.*s", SPAN_ARG(d->source));
    }
    return rc;
}

int keeper_demo_open(struct keeper_records *kr, struct err *e)
{
    struct demo d;
    return read_stage(kr, &d, e);
}

bool keeper_demo_late(const struct keeper_records *kr, struct span organisation, struct span source)
{
    bool there = (kr->demo == DEMO_LOADING || kr->demo == DEMO_LOADED) && span_starts(source, span_of(kr->demo_source));
    return demo_is(organisation) && !there;
}

static int tell(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct demo d;
    uint64_t events = 0;
    int rc = whole(c, e);
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    if (rc == 0 && d.stage != DEMO_NONE) {
        rc = kr->hooks.source_events == NULL ? 0 : kr->hooks.source_events(kr->hooks.arg, d.source, &events, e);
    }
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, (uint8_t)d.stage);
        buf_str(&kr->out, d.source);
        buf_u64(&kr->out, (uint64_t)d.at);
        buf_u64(&kr->out, events);
    }
    return rc;
}

static int begin(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct demo d;
    struct span who = cursor_str(c);
    struct span source = cursor_str(c);
    struct span kinds = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? demo_begin(kr->db, who, source, kinds, clock_now(), e) : rc;
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int loaded(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct demo d;
    struct span who = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? demo_loaded(kr->db, who, clock_now(), e) : rc;
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* Counters are on the disk before those of the city go, and read anew after. */
static int purge_tables(struct keeper_records *kr, struct span who, struct span *kinds_out, struct err *e)
{
    keeper_sources_flush(kr);
    keeper_reads_flush(kr);
    int rc = demo_purge(kr->db, who, clock_now(), &kr->scratch, kinds_out, e);
    if (rc == 0) {
        *kinds_out = arena_copy(&kr->kept, *kinds_out);
        keeper_sources_free(kr);
        keeper_sources_load(kr, e);
    }
    return rc;
}

static int purge(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct demo d = {0};
    struct span kinds = SPAN("");
    uint64_t records = 0;
    struct span who = cursor_str(c);
    arena_reset(&kr->kept);
    int rc = whole(c, e);
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    struct span source = arena_copy(&kr->kept, d.source); /* the scratch is given back on the way */
    who = arena_copy(&kr->kept, who);
    bool there = rc == 0 && d.stage != DEMO_NONE;
    rc = there && kr->hooks.source_followed != NULL && kr->hooks.source_followed(kr->hooks.arg, source)
             ? err_set(e, ERR_BUSY, "its logs are still read")
             : rc;
    rc = rc == 0 && there ? purge_tables(kr, who, &kinds, e) : rc;
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    if (rc == 0 && there && kr->hooks.source_purge != NULL) {
        rc = kr->hooks.source_purge(kr->hooks.arg, source, clock_now(), &records, e);
    }
    rc = rc == 0 && there ? demo_gone(kr->db, who, records, clock_now(), e) : rc;
    rc = rc == 0 ? read_stage(kr, &d, e) : rc;
    if (rc == 0 && there) {
        log_info("demo.purged", "records=%llu", (unsigned long long)records);
    }
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, kinds);
        buf_u64(&kr->out, records);
    }
    return rc;
}

keeper_answer_fn *keeper_demo_answer(uint16_t ask)
{
    return ask == ASK_DEMO ? tell : ask == ASK_DEMO_BEGIN ? begin : ask == ASK_DEMO_LOADED ? loaded : ask == ASK_DEMO_PURGE ? purge : NULL;
}
