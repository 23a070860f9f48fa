/* SPDX-License-Identifier: EUPL-1.2 */
/* Kinds that were switched on or off: rows of `setting`, "register.on.NAME". See register_switch.h. Runs in the keeper. */
#include "records/registers/register_switch.h"

#include <stdio.h>

#include "records/audit.h"
#include "records/registers/register_priv.h"
#include "records/settings.h"

#define PREFIX "register.on."

static int room(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t n = 0;
    int rc = db_query(db, "SELECT COUNT(*) FROM setting WHERE name LIKE '" PREFIX "%'", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        n = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc == 0 && n >= REGISTER_SWITCHES_MAX - REGISTER_KINDS_MAX ? err_set(e, ERR_LIMIT, "too many kinds were switched") : rc;
}

static int put_one(struct db *db, const struct register_switching *s, struct span kind, struct err *e)
{
    char name[sizeof PREFIX + REGISTER_NAME_MAX];
    (void)snprintf(name, sizeof name, PREFIX "%.*s", SPAN_ARG(kind));
    const struct audit_entry entry = {
        .at = s->at,
        .organisation = s->organisation,
        .who = s->who,
        .what = s->on ? SPAN("register.on") : SPAN("register.off"),
        .subject = kind,
        .why = s->why,
        .before = s->on ? SPAN("off") : SPAN("on"),
        .after = s->on ? SPAN("on") : SPAN("off"),
    };
    int rc = settings_put(db, span_of(name), entry.after, s->at, e);
    return rc == 0 ? audit_append(db, &entry, e) : rc;
}

static int put_all(struct db *db, const struct register_switching *s, struct err *e)
{
    int rc = room(db, e);
    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        rc = put_one(db, s, s->kinds[i], e);
    }
    return rc;
}

int register_switch_put(struct db *db, const struct register_switching *s, struct err *e)
{
    bool fits = s->count > 0 && s->count <= REGISTER_KINDS_MAX;
    for (uint32_t i = 0; fits && i < s->count; i++) {
        fits = register_name_fits(s->kinds[i]);
    }
    if (!fits) {
        return err_set(e, ERR_INVALID, "these are no names of kinds");
    }
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, put_all(db, s, e), e);
}

int register_switches_read(struct db *db, struct arena *a, struct register_switch *out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    size_t n = 0;
    int rc = db_query(db, "SELECT name, value FROM setting WHERE name LIKE '" PREFIX "%' ORDER BY name", e, &s);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct span name = db_col_text(s, 0);
        if (n < REGISTER_SWITCHES_MAX) {
            out[n].kind = arena_copy(a, span_sub(name, sizeof PREFIX - 1, name.len));
            out[n++].on = span_eq(db_col_text(s, 1), SPAN("on"));
        }
        rc = 0;
    }
    *count_out = n;
    return rc;
}
