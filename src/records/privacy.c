/* SPDX-License-Identifier: EUPL-1.2 */
/* What the records keep of looks at persons: see privacy.h. Runs in the keeper. */
#include "records/privacy.h"

#include "records/audit.h"
#include "records/registers/record_store.h"

void persons_show_encode(struct buf *out, const struct persons_show *s)
{
    buf_str(out, s->kind);
    buf_str(out, s->record);
    buf_str(out, s->organisation);
    buf_str(out, s->who);
    buf_str(out, s->why);
    buf_u64(out, (uint64_t)s->until);
}

void persons_show_decode(struct cursor *c, struct persons_show *out)
{
    out->kind = cursor_str(c);
    out->record = cursor_str(c);
    out->organisation = cursor_str(c);
    out->who = cursor_str(c);
    out->why = cursor_str(c);
    out->until = (time_ns)cursor_u64(c);
}

int persons_show_note(struct db *db, const struct record_scope *scope, const struct persons_show *s, time_ns now, struct arena *a, struct err *e)
{
    struct record_row row;
    char until[TIME_TEXT_MAX];
    if (s->why.len == 0 || s->why.len > PERSONS_WHY_MAX || s->kind.len == 0 || s->kind.len > PERSONS_NAME_MAX || s->until <= now) {
        return err_set(e, ERR_INVALID, "who has persons shown gives a reason");
    }
    int rc = s->record.len == 0 ? 0 : record_get(db, scope, s->kind, s->record, a, &row, e);
    rc = rc == 0 ? db_begin(db, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *after = arena_printf(a, "%.*s until %s", SPAN_ARG(s->kind), time_format(s->until, until));
    const struct audit_entry entry = {
        .at = now,
        .organisation = s->organisation,
        .who = s->who,
        .what = SPAN("persons.shown"),
        .subject = s->record.len > 0 ? s->record : s->kind,
        .why = s->why,
        .after = span_of(after),
    };
    return db_end(db, audit_append(db, &entry, e), e);
}
