/* SPDX-License-Identifier: EUPL-1.2 */
/* The policy of sharing: see fed_share.h. */
#include "records/fed_share.h"

#include <stdio.h>

#include "base/num.h"
#include "event/alert.h"
#include "records/audit.h"
#include "records/settings.h"

enum { CAP_DEFAULT = 100 };

static const char *const moments[] = {
#define X(name, word) word,
    FED_MOMENTS(X)
#undef X
};

const char *fed_moment_name(enum fed_moment m)
{
    CHECK((size_t)m < ARRAY_LEN(moments));
    return moments[m];
}

bool fed_moment_parse(struct span s, enum fed_moment *out)
{
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        if (span_eq(s, span_of(moments[i]))) {
            *out = (enum fed_moment)i;
            return true;
        }
    }
    return false;
}

/* ---- codec ---- */

static void row_decode(struct cursor *c, struct fed_share_row *out)
{
    enum fed_moment m;
#define X(name) out->name = cursor_str(c);
    FED_SHARE_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_SHARE_NUMBERS(X)
#undef X
    const struct span words[] = {out->id, out->circle, out->product, out->technique, out->source};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        c->failed = c->failed || words[i].len > FED_SHARE_WORD_MAX;
    }
    if (out->id.len == 0 || out->level < 0 || out->level > LEVEL_CRITICAL || out->minutes < 0 ||
        out->minutes > FED_SHARE_MINUTES_MAX || !fed_moment_parse(out->moment, &m)) {
        c->failed = true;
    }
}

void fed_sharing_encode(struct buf *out, const struct fed_sharing *s)
{
    buf_u32(out, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        const struct fed_share_row *row = &s->rows[i];
#define X(name) buf_str(out, row->name);
        FED_SHARE_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
        FED_SHARE_NUMBERS(X)
#undef X
    }
    buf_str(out, s->networks);
    buf_str(out, s->domains);
    buf_u8(out, s->automatic);
    buf_u64(out, (uint64_t)s->cap);
    buf_u8(out, s->agreed);
    buf_u64(out, (uint64_t)s->forgotten);
}

void fed_sharing_decode(struct cursor *c, struct arena *arena, struct fed_sharing *out)
{
    *out = (struct fed_sharing){.count = cursor_u32(c)};
    if (out->count > FED_SHARE_MAX) {
        c->failed = true;
        out->count = 0;
    }
    out->rows = arena_calloc(arena, out->count + 1, sizeof *out->rows);
    for (size_t i = 0; i < out->count; i++) {
        row_decode(c, &out->rows[i]);
    }
    out->networks = cursor_str(c);
    out->domains = cursor_str(c);
    out->automatic = cursor_u8(c) != 0;
    out->cap = (int64_t)cursor_u64(c);
    out->agreed = cursor_u8(c) != 0;
    out->forgotten = (int64_t)cursor_u64(c);
    if (out->networks.len > FED_SHARE_LISTS_MAX || out->domains.len > FED_SHARE_LISTS_MAX ||
        out->cap < 0 || out->forgotten < 0) {
        c->failed = true;
    }
}

/* ---- rows ---- */

static int get_word(struct db *db, struct span name, struct arena *arena, struct span *out,
                    struct err *e)
{
    char text[SETTING_MAX];
    int rc = settings_get(db, name, text, sizeof text, out, e);
    *out = rc == 0 ? arena_copy(arena, *out) : SPAN("");
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int get_words(struct db *db, struct arena *arena, struct fed_sharing *out, struct err *e)
{
    struct span automatic;
    struct span agreed;
    struct span cap;
    struct span forgotten;
    int rc = get_word(db, SPAN("federation.networks"), arena, &out->networks, e);
    rc = rc < 0 ? rc : get_word(db, SPAN("federation.domains"), arena, &out->domains, e);
    rc = rc < 0 ? rc : get_word(db, SPAN("federation.automatic"), arena, &automatic, e);
    rc = rc < 0 ? rc : get_word(db, SPAN("federation.cap"), arena, &cap, e);
    rc = rc < 0 ? rc : get_word(db, SPAN("federation.agreed"), arena, &agreed, e);
    rc = rc < 0 ? rc : get_word(db, SPAN("federation.warning.forgotten"), arena, &forgotten, e);
    if (rc == 0) {
        out->agreed = span_eq(agreed, SPAN("1"));
        out->automatic = span_eq(automatic, SPAN("1"));
        out->cap = CAP_DEFAULT;
        (void)!num_i64(cap, &out->cap);
        (void)!num_i64(forgotten, &out->forgotten);
    }
    return rc;
}

int fed_sharing_get(struct db *db, struct arena *arena, struct fed_sharing *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = (struct fed_sharing){.rows = arena_calloc(arena, FED_SHARE_MAX, sizeof *out->rows)};
    int rc = db_query(db,
                      "SELECT id, circle, product, technique, source, moment, changed_by, level, "
                      "minutes, since, sent FROM fed_share_policy ORDER BY place, id",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    while ((rc = db_step(s, e)) > 0) {
        struct fed_share_row *row = &out->rows[out->count];
        int i = 0;
        if (out->count == FED_SHARE_MAX) {
            db_done(s);
            return err_set(e, ERR_LIMIT, "more than %d classes of sharing", FED_SHARE_MAX);
        }
#define X(name) row->name = arena_copy(arena, db_col_text(s, i++));
        FED_SHARE_SPANS(X)
#undef X
#define X(name) row->name = db_col_i64(s, i++);
        FED_SHARE_NUMBERS(X)
#undef X
        out->count++;
    }
    return rc < 0 ? rc : get_words(db, arena, out, e);
}

static bool same_class(const struct fed_share_row *a, const struct fed_share_row *b)
{
    return span_eq(a->id, b->id) && span_eq(a->circle, b->circle) &&
           span_eq(a->product, b->product) && span_eq(a->technique, b->technique) &&
           span_eq(a->source, b->source) && span_eq(a->moment, b->moment) &&
           a->level == b->level && a->minutes == b->minutes;
}

static int insert(struct db *db, const struct fed_share_row *row, size_t place, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_share_policy (id, circle, product, technique, source, "
                      "moment, changed_by, level, minutes, since, sent, place) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                      e, &s);
    int i = 1;
    if (rc < 0) {
        return rc;
    }
#define X(name) db_bind_text(s, i++, row->name);
    FED_SHARE_SPANS(X)
#undef X
#define X(name) db_bind_i64(s, i++, row->name);
    FED_SHARE_NUMBERS(X)
#undef X
    db_bind_i64(s, i, (int64_t)place);
    return db_run(s, e);
}

/* Short words for the audit trail: how many classes, and the strictest is no class at all. */
static struct span describe(struct arena *arena, const struct fed_sharing *s)
{
    struct buf b;
    buf_init(&b, AUDIT_TEXT_MAX / 2);
    buf_printf(&b, "%s, cap %lld%s;",
               s->automatic ? "warnings taken automatically" : "warnings by hand",
               (long long)s->cap, s->agreed ? ", members agreed that they may be guessed" : "");
    for (size_t i = 0; i < s->count; i++) {
        const struct fed_share_row *r = &s->rows[i];
        buf_printf(&b, " [%.*s/%s/%.*s/%.*s/%.*s: %.*s %lld]", SPAN_ARG(r->circle),
                   alert_level_name((enum alert_level)r->level), SPAN_ARG(r->product),
                   SPAN_ARG(r->technique), SPAN_ARG(r->source), SPAN_ARG(r->moment),
                   (long long)r->minutes);
    }
    struct span text = arena_copy(arena, buf_view(&b));
    buf_free(&b);
    return text;
}

static int put_all(struct db *db, const struct fed_sharing *s, const struct fed_sharing *before,
                   struct span who, time_ns now, struct arena *arena, struct err *e)
{
    char cap[32];
    int rc = db_exec(db, "DELETE FROM fed_share_policy", e);
    for (size_t i = 0; i < s->count && rc == 0; i++) {
        struct fed_share_row row = s->rows[i];
        row.since = now;
        row.sent = 0;
        row.changed_by = who;
        for (size_t k = 0; k < before->count; k++) {
            row = same_class(&row, &before->rows[k]) ? before->rows[k] : row;
        }
        rc = insert(db, &row, i, e);
    }
    (void)snprintf(cap, sizeof cap, "%lld", (long long)s->cap);
    const struct {
        const char *name;
        struct span value;
    } words[] = {
        {"federation.networks", s->networks},
        {"federation.domains", s->domains},
        {"federation.automatic", s->automatic ? SPAN("1") : SPAN("0")},
        {"federation.cap", span_of(cap)},
        {"federation.agreed", s->agreed ? SPAN("1") : SPAN("0")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words) && rc == 0; i++) {
        rc = settings_put(db, span_of(words[i].name), words[i].value, now, e);
    }
    struct audit_entry entry = {.at = now,
                                .organisation = SPAN("*"),
                                .who = who,
                                .what = SPAN("federation.sharing"),
                                .subject = SPAN("sharing"),
                                .before = describe(arena, before),
                                .after = describe(arena, s)};
    return rc < 0 ? rc : audit_append(db, &entry, e);
}

int fed_sharing_put(struct db *db, const struct fed_sharing *s, struct span who, time_ns now,
                    struct err *e)
{
    struct arena arena;
    struct fed_sharing before;
    arena_init(&arena, 0);
    int rc = fed_sharing_get(db, &arena, &before, e);
    rc = rc < 0 ? rc : db_begin(db, e);
    rc = rc < 0 ? rc : db_end(db, put_all(db, s, &before, who, now, &arena, e), e);
    arena_fini(&arena);
    return rc;
}

int fed_share_circles(struct db *db, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    size_t at = out->len;
    uint32_t n = 0;
    int rc = db_query(db,
                      "SELECT c.id, c.name, COALESCE(m.org, c.hub), c.own, CASE WHEN c.class = 'nda' THEN 1 ELSE 0 END FROM fed_circle c LEFT JOIN "
                      "fed_member m ON m.circle = c.id AND m.node = c.hub ORDER BY c.id",
                      e, &s);
    buf_u32(out, 0);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        for (int i = 0; i < 3; i++) {
            buf_str(out, db_col_text(s, i));
        }
        buf_u8(out, db_col_i64(s, 3) != 0);
        buf_u8(out, db_col_i64(s, 4) != 0);
        n += 1;
        rc = 0;
    }
    if (!out->failed) {
        memcpy(out->data + at, &n, sizeof n);
    }
    return rc;
}

int fed_share_count(struct db *db, struct span id, int64_t signals, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE fed_share_policy SET sent = sent + $1 WHERE id = $2", e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, signals);
        db_bind_text(s, 2, id);
        rc = db_run(s, e);
    }
    return rc;
}

static int finding_is_known(struct db *db, const struct fed_finding_told *t, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM fed_finding_told WHERE circle = $1 AND warning = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, t->circle);
    db_bind_text(s, 2, t->warning);
    rc = db_step(s, e);
    db_done(s);
    return rc;
}

int fed_finding_told_put(struct db *db, const struct fed_finding_told *t, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(db_in_transaction(db));
    int known = finding_is_known(db, t, e);
    int rc = known < 0 ? known
                       : db_query(db,
                                  "INSERT INTO fed_finding_told (circle, warning, version, at) VALUES ($1, $2, $3, $4) "
                                  "ON CONFLICT (circle, warning) DO UPDATE SET version = excluded.version, at = excluded.at",
                                  e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, t->circle);
    db_bind_text(s, 2, t->warning);
    db_bind_i64(s, 3, t->version);
    db_bind_i64(s, 4, now);
    rc = db_run(s, e);
    return rc < 0 || known > 0 || t->share.len == 0 ? rc : fed_share_count(db, t->share, 1, e);
}

/* ---- the decision ---- */

static bool fits_technique(struct span wanted, const struct fed_share_facts *f)
{
    for (size_t i = 0; i < f->ntechniques; i++) {
        struct span t = f->techniques[i];
        if (span_eq_nocase(t, wanted) ||
            (t.len > wanted.len && t.ptr[wanted.len] == '.' &&
             span_eq_nocase(span_sub(t, 0, wanted.len), wanted))) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct fed_share_row *r, const struct fed_share_facts *f)
{
    return f->level >= r->level && (r->circle.len == 0 || span_eq(r->circle, f->circle)) &&
           (r->product.len == 0 || span_eq_nocase(r->product, f->product)) &&
           (r->source.len == 0 || span_eq(r->source, f->source)) &&
           (r->technique.len == 0 || fits_technique(r->technique, f));
}

struct fed_share_verdict fed_share_decide(const struct fed_sharing *s,
                                          const struct fed_share_facts *f)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct fed_share_row *r = &s->rows[i];
        enum fed_moment m = FED_NEVER;
        if (fits(r, f)) {
            (void)!fed_moment_parse(r->moment, &m); /* a word that is not known means never */
            return (struct fed_share_verdict){m, r->minutes, r->id};
        }
    }
    return (struct fed_share_verdict){.moment = FED_AFTER_ACKNOWLEDGEMENT};
}
