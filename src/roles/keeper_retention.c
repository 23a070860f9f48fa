/* SPDX-License-Identifier: EUPL-1.2 */
/* Retention of records in the keeper: see keeper_retention.h. A step is one transaction of a few records; windows wait no longer than for any other. */
#include "roles/keeper_retention.h"

#include <inttypes.h>

#include "base/log.h"

void keeper_retention_rules(const struct keeper_records *kr, struct retention_rules *out)
{
    *out = (struct retention_rules){.kinds = kr->kinds, .own = kr->own_days, .nown = kr->nown_days};
}

/* The config goes when it is read anew, so its names are copied. */
static void take_days(struct keeper_records *kr, const struct config *config)
{
    arena_reset(&kr->own_names);
    kr->nown_days = config->nretention_kinds;
    kr->own_days = arena_calloc(&kr->own_names, kr->nown_days + 1, sizeof *kr->own_days);
    for (uint32_t i = 0; i < kr->nown_days; i++) {
        kr->own_days[i] = (struct retention_days){arena_copy(&kr->own_names, config->retention_kinds[i].source), config->retention_kinds[i].days};
    }
}

static void warn_unknown(const struct keeper_records *kr)
{
    for (uint32_t i = 0; i < kr->nown_days; i++) {
        const struct register_kind *k = registers_any(kr->kinds, kr->own_days[i].kind);
        if (k == NULL || k->retention.days == 0) {
            log_error("records.retention", "kind=\"%.*s\" why=\"no register has this name and personal fields that go\"", SPAN_ARG(kr->own_days[i].kind));
        }
    }
}

/* The log is cut also where nothing went: a run before may have ended between its last record and the cut, with the process or because
 * somebody read an older state for too long. */
static void run_over(struct keeper_records *kr)
{
    struct err e = {0};
    kr->erasing = false;
    log_info("records.retention", "erased=%" PRIu64, kr->erase_run.erased);
    if (db_wipe(kr->db, &e) != 0) {
        log_error("records.retention", "why=\"%s\"", e.text);
    }
}

void keeper_retention_tick(struct keeper_records *kr, const struct config *config, time_ns now)
{
    CHECK_OBJ(kr, KEEPER_RECORDS_MAGIC);
    struct retention_rules rules;
    struct err e = {0};
    bool more = false;
    int rc = 0;
    take_days(kr, config);
    keeper_retention_rules(kr, &rules);
    if (!kr->erasing) {
        if (now - kr->erased_at < KEEPER_RETENTION_EVERY_S * TIME_SECOND && now >= kr->erased_at) {
            return;
        }
        kr->erased_at = now;
        kr->erasing = true;
        kr->erase_run = (struct retention_run){0};
        warn_unknown(kr);
        rc = retention_note_rules(kr->db, &rules, now, &e);
    }
    rc = rc == 0 ? retention_step(kr->db, &rules, now, &kr->erase_run, &more, &e) : rc;
    if (rc != 0) {
        log_error("records.retention", "why=\"%s\"", e.text);
    }
    if (rc != 0 || !more) {
        run_over(kr);
    }
}
