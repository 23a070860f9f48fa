/* SPDX-License-Identifier: EUPL-1.2 */
/* What somebody is appointed for: see own_appointments.h. Runs in the keeper. */
#include "records/own_appointments.h"

#include "wire/jcs.h"

enum { LOOKED_AT_MAX = 200 /* appointments of one person, ended ones too */ };

struct own_links {
    struct span unit, person, deputy; /* ids */
};

static struct span text_of(const struct jcs *fields, const char *name)
{
    const struct jcs *v = fields == NULL ? NULL : jcs_get(fields, name);
    return v != NULL && v->kind == JCS_TEXT ? v->text : SPAN("");
}

static time_ns time_of(const struct jcs *fields, const char *name, time_ns otherwise)
{
    time_ns t = 0;
    return time_parse(text_of(fields, name), 0, &t) ? t : otherwise;
}

/* One row of one column and one text to bind; empty where there is none. */
static int read_text(struct db *db, const char *sql, struct span bound, struct arena *a, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = bound.len == 0 ? 0 : db_query(db, sql, e, &s);
    *out = SPAN("");
    if (rc != 0 || bound.len == 0) {
        return rc;
    }
    db_bind_text(s, 1, bound);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

static int title_of(struct db *db, struct arena *a, struct span *id, struct err *e)
{
    return read_text(db, "SELECT title FROM record WHERE id = $1 AND tlp < 100", *id, a, id, e);
}

/* Columns id, organisation, fields, field of the link, author, rank of the label. False: it is over, or its begin cannot be read. */
static bool read_one(struct db_stmt *s, time_ns now, struct arena *a, struct own_appointment *out)
{
    struct jcs *fields = NULL;
    if (jcs_read_decimals(a, arena_copy(a, db_col_text(s, 2)), JCS_DEPTH_MAX, &fields, NULL) != 0) {
        return false;
    }
    *out = (struct own_appointment){.id = arena_copy(a, db_col_text(s, 0)), .organisation = arena_copy(a, db_col_text(s, 1))};
    out->function = text_of(fields, "function");
    out->role = text_of(fields, "role");
    out->act = text_of(fields, "act");
    out->unit = text_of(fields, "unit");
    out->person = text_of(fields, "person");
    out->deputy = text_of(fields, "deputy");
    out->as_deputy = span_eq(db_col_text(s, 3), SPAN("deputy"));
    out->author = arena_copy(a, db_col_text(s, 4));
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) { /* else unknown, which nobody may read */
        out->tlp = tlp_rank((enum tlp)t) == (uint64_t)db_col_i64(s, 5) ? (enum tlp)t : out->tlp;
    }
    out->begins = time_of(fields, "begins", INT64_MAX);
    out->ends = text_of(fields, "ends").len == 0 ? INT64_MAX : time_of(fields, "ends", INT64_MIN);
    return out->begins != INT64_MAX && out->ends > now;
}

/* Keeps them by their begin. */
static void keep(struct own_appointments *out, const struct own_appointment *one)
{
    uint32_t at = out->count;
    if (out->count == OWN_APPOINTMENTS_MAX) {
        out->more = true;
        return;
    }
    for (; at > 0 && out->all[at - 1].begins > one->begins; at--) {
        out->all[at] = out->all[at - 1];
    }
    out->all[at] = *one;
    out->count++;
}

static int read_all(struct db *db, time_ns now, struct arena *a, struct own_appointments *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t looked = 0;
    int rc = db_query(db,
                      "SELECT r.id, r.organisation, r.fields, l.field, r.author, r.tlp FROM record_link l CROSS JOIN record r WHERE l.value = $1 AND l.kind = 'appointment' "
                      "AND l.field IN ('person', 'deputy') AND r.id = l.record_id AND r.state = 'signed' AND r.tlp < 100 ORDER BY r.id DESC LIMIT $2",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, out->person);
    db_bind_i64(s, 2, LOOKED_AT_MAX + 1);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct own_appointment one;
        rc = 0;
        out->more = out->more || ++looked > LOOKED_AT_MAX;
        if (looked <= LOOKED_AT_MAX && read_one(s, now, a, &one)) {
            keep(out, &one);
        }
    }
    return rc;
}

int own_appointments(struct db *db, struct span user_id, time_ns now, struct arena *a, struct own_appointments *out, struct err *e)
{
    *out = (struct own_appointments){0};
    int rc = read_text(db,
                       "SELECT p.person FROM account_person p WHERE p.user_id = $1 AND NOT EXISTS (SELECT 1 FROM setting WHERE name = "
                       "'register.on.appointment' AND value = 'off')",
                       user_id, a, &out->person, e);
    if (rc != 0 || out->person.len == 0) {
        return rc;
    }
    struct span name = out->person;
    rc = title_of(db, a, &name, e);
    rc = rc == 0 ? own_appointments_of(db, out->person, now, a, out, e) : rc;
    out->name = name;
    return rc;
}

int own_appointments_of(struct db *db, struct span person, time_ns now, struct arena *a, struct own_appointments *out, struct err *e)
{
    *out = (struct own_appointments){.person = person};
    int rc = read_all(db, now, a, out, e);
    for (uint32_t i = 0; i < out->count && rc == 0; i++) {
        struct span *ids[] = {&out->all[i].unit, &out->all[i].person, &out->all[i].deputy};
        for (size_t x = 0; x < ARRAY_LEN(ids) && rc == 0; x++) {
            rc = title_of(db, a, ids[x], e);
        }
    }
    return rc;
}

/* ---- as a message ---- */

void own_appointments_encode(struct buf *out, const struct own_appointments *o)
{
    buf_str(out, o->person);
    buf_str(out, o->name);
    buf_u8(out, o->more);
    buf_u32(out, o->count);
    for (uint32_t i = 0; i < o->count; i++) {
        const struct own_appointment *x = &o->all[i];
        const struct span texts[] = {x->id, x->organisation, x->function, x->role, x->act, x->unit, x->person, x->deputy, x->author};
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            buf_str(out, texts[t]);
        }
        buf_u8(out, (uint8_t)x->tlp);
        buf_u8(out, x->as_deputy);
        buf_u64(out, (uint64_t)x->begins);
        buf_u64(out, (uint64_t)x->ends);
    }
}

void own_appointments_decode(struct cursor *c, struct own_appointments *out)
{
    *out = (struct own_appointments){.person = cursor_str(c)};
    out->name = cursor_str(c);
    out->more = cursor_u8(c) != 0;
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > OWN_APPOINTMENTS_MAX;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct own_appointment *x = &out->all[i];
        struct span *texts[] = {&x->id, &x->organisation, &x->function, &x->role, &x->act, &x->unit, &x->person, &x->deputy, &x->author};
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            *texts[t] = cursor_str(c);
        }
        uint8_t tlp = cursor_u8(c);
        x->tlp = tlp < TLP_COUNT ? (enum tlp)tlp : TLP_UNKNOWN;
        x->as_deputy = cursor_u8(c) != 0;
        x->begins = (time_ns)cursor_u64(c);
        x->ends = (time_ns)cursor_u64(c);
        out->count = i + 1;
    }
}
