/* SPDX-License-Identifier: EUPL-1.2 */
/* What has had its time is let go, with proof: see purge.h. Runs in keeper. Must never remove an original before its note is
 * durable. */
#include <stdio.h>
#include <string.h>

#include "archive/purge_priv.h"
#include "base/mem.h"
#include "base/vec.h"

/* Name in a closed day's meta: whose originals it holds, so that it need not be read whole to find out. */
#define HOLDERS "holders"
/* … and of which source the proof is written, while its originals go. */
#define PURGING "purging"

enum { HOLDERS_MAX = 8 << 20, REASON_MAX = 96 };

struct holder {
    struct span organisation, source;
};

struct day {
    struct archive *a;
    const struct purge_policy *p;
    time_ns now;
    struct purge_totals *totals;
    time_ns began; /* this call, monotonic */
    int32_t day;
    bool written; /* windows still go into it: who holds something may change, and its file stays */
    bool older_stays; /* its file stays too then: it may hold the proof of what is gone there */
    sqlite3 *db;
    struct arena arena;
    VEC(struct holder) holders;
};

/* ---- who ---- */

static struct purge_source rule_of(const struct purge_policy *p, struct span source)
{
    for (size_t i = 0; i < p->nsources; i++) {
        if (span_eq(p->sources[i].name, source)) {
            return p->sources[i];
        }
    }
    return (struct purge_source){.days = p->days};
}

static bool over(const struct day *d, uint32_t days)
{
    return days > 0 && d->day < (int32_t)(time_day(d->now) - days);
}

/* Whether the originals of a source have had their time. Of a day that is written only what is to go at once. */
static bool source_over(const struct day *d, struct span source)
{
    struct purge_source rule = rule_of(d->p, source);
    return rule.at_once || (!d->written && over(d, rule.days));
}

static bool held(const struct day *d, const struct holder *h)
{
    for (size_t i = 0; i < d->p->nholds; i++) {
        const struct purge_hold *k = &d->p->holds[i];
        if (d->day >= k->first_day && d->day <= k->last_day &&
            (k->organisation.len == 0 || span_eq(k->organisation, h->organisation)) &&
            (k->source.len == 0 || span_eq(k->source, h->source))) {
            return true;
        }
    }
    return false;
}

/* Whether anything of so old a day can be over. */
static bool may_be_over(const struct day *d)
{
    bool some = over(d, d->p->days);
    for (size_t i = 0; i < d->p->nsources && !some; i++) {
        some = d->p->sources[i].at_once || over(d, d->p->sources[i].days);
    }
    return some;
}

static int put_holders(struct day *d, struct err *e)
{
    sqlite3_stmt *s = NULL;
    struct buf b;
    buf_init(&b, HOLDERS_MAX);
    for (size_t i = 0; i < d->holders.len; i++) {
        buf_str(&b, d->holders.data[i].organisation);
        buf_str(&b, d->holders.data[i].source);
    }
    int rc = b.failed ? 0 : dayfile_prepare(d->db, "INSERT OR REPLACE INTO meta VALUES('" HOLDERS "', ?1)", &s, e);
    if (rc == 0 && s != NULL) {
        dayfile_bind_blob(s, 1, buf_view(&b));
        rc = dayfile_run(d->db, s, e);
    }
    (void)sqlite3_finalize(s);
    buf_free(&b);
    return rc;
}

static int find_holders(struct day *d, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(d->db,
                             "SELECT DISTINCT organisation, source FROM block"
                             " WHERE kind IN (0,3) AND body IS NOT NULL ORDER BY 1, 2",
                             &s, e);
    while (rc == 0 && (rc = dayfile_row(d->db, s, e)) == 1) {
        vec_push(&d->holders, (struct holder){arena_copy(&d->arena, dayfile_column(s, 0)),
                                              arena_copy(&d->arena, dayfile_column(s, 1))});
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    return rc == 0 && !d->written ? put_holders(d, e) : rc;
}

static int load_holders(struct day *d, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (d->written) {
        return find_holders(d, e);
    }
    int rc = dayfile_prepare(d->db, "SELECT value FROM meta WHERE key='" HOLDERS "'", &s, e);
    rc = rc == 0 ? dayfile_row(d->db, s, e) : rc;
    struct cursor c = cursor_of(rc == 1 ? arena_copy(&d->arena, dayfile_column(s, 0)) : SPAN(""));
    (void)sqlite3_finalize(s);
    if (rc <= 0) {
        return rc < 0 ? rc : find_holders(d, e);
    }
    while (cursor_left(&c) > 0) {
        struct span organisation = cursor_str(&c);
        vec_push(&d->holders, (struct holder){organisation, cursor_str(&c)});
    }
    if (c.failed) {
        vec_clear(&d->holders);
        return find_holders(d, e);
    }
    return 0;
}

/* ---- one source of one day ---- */

static int sum_up(struct day *d, const struct holder *h, struct purge_sum *sum, struct err *e)
{
    sqlite3_stmt *s = NULL;
    purge_sum_begin(sum, d->day, h->organisation, h->source);
    int rc = dayfile_prepare(d->db,
                             "SELECT id, header FROM block WHERE kind IN (0,3) AND organisation=?1 AND source=?2"
                             " ORDER BY id",
                             &s, e);
    if (rc == 0) {
        dayfile_bind_text(s, 1, h->organisation);
        dayfile_bind_text(s, 2, h->source);
    }
    while (rc == 0 && (rc = dayfile_row(d->db, s, e)) == 1) {
        struct archive_header header;
        unsigned char hash[ARCHIVE_HASH_BYTES];
        struct cursor c = cursor_of(dayfile_column(s, 1));
        archive_hash(dayfile_column(s, 1), hash);
        rc = archive_header_decode(&c, &header, e);
        if (rc == 0) {
            purge_sum_add(sum, (uint32_t)sqlite3_column_int64(s, 0), hash, &header);
        }
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static int note(struct day *d, const struct purge_sum *sum, struct purge_source rule, struct err *e)
{
    struct buf text;
    buf_init(&text, ARCHIVE_NOTE_MAX);
    purge_sum_text(sum, &text);
    size_t about = text.len;
    if (rule.at_once) {
        buf_cstr(&text, " rule=\"invented data, purged\"");
    } else {
        buf_printf(&text, " rule=\"retention of %u days\"", rule.days);
    }
    int rc = text.failed ? err_set(e, ERR_LIMIT, "a note over its limit")
                         : purge_note_put(d->a, span_sub(buf_view(&text), 0, about), buf_view(&text), d->now, e);
    buf_free(&text);
    return rc;
}

static int begin(struct day *d, struct err *e)
{
    char sql[64];
    int rc = dayfile_exec(d->db, "BEGIN IMMEDIATE", e);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", (int)ARCHIVE_FORMAT);
    return rc == 0 ? dayfile_exec(d->db, sql, e) : rc; /* an older program does not know what a stub is */
}

static int commit(struct day *d, int rc, struct err *e)
{
    rc = rc == 0 ? dayfile_exec(d->db, "COMMIT", e) : rc;
    if (rc != 0) {
        dayfile_rollback(d->db);
    }
    return rc;
}

static bool out_of_time(struct day *d)
{
    d->totals->more = d->totals->more || (d->p->slice > 0 && clock_mono() - d->began > d->p->slice);
    return d->totals->more;
}

/* What stays of a unit goes to disk with what goes, in one transaction. */
static int purge_unit(struct day *d, const struct stretch_unit *unit, struct err *e)
{
    sqlite3_stmt *put = NULL;
    sqlite3_stmt *empty = NULL;
    sqlite3_stmt *filter = NULL;
    struct buf stub;
    buf_init(&stub, PURGE_STUB_MAX + (1 << 20));
    int rc = purge_stub_make(d->db, unit, &stub, e);
    rc = rc == 0 ? begin(d, e) : rc;
    if (rc == 0) {
        rc = dayfile_prepare(d->db, "INSERT OR REPLACE INTO stub VALUES(?1,?2)", &put, e);
        rc = rc == 0 ? dayfile_prepare(d->db, "UPDATE block SET body=NULL WHERE id=?1 AND kind=3", &empty, e) : rc;
        rc = rc == 0 ? dayfile_prepare(d->db, "DELETE FROM filter WHERE block=?1", &filter, e) : rc;
        if (rc == 0) {
            MUST(sqlite3_bind_int64(put, 1, unit->packs[0]));
            dayfile_bind_blob(put, 2, buf_view(&stub));
            rc = dayfile_run(d->db, put, e);
        }
        for (size_t i = 0; rc == 0 && i < unit->npacks; i++) {
            MUST(sqlite3_bind_int64(empty, 1, unit->packs[i]));
            rc = dayfile_run(d->db, empty, e);
            if (rc == 0) { /* its words go with the records */
                MUST(sqlite3_bind_int64(filter, 1, unit->packs[i]));
                rc = dayfile_run(d->db, filter, e);
            }
        }
        (void)sqlite3_finalize(filter);
        (void)sqlite3_finalize(put);
        (void)sqlite3_finalize(empty);
        rc = commit(d, rc, e);
    }
    buf_free(&stub);
    return rc;
}

/* Id of the source's next pack behind `after` that still has its records; 0 when none has. */
static int next_pack(struct day *d, const struct holder *h, uint32_t after, uint32_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(d->db,
                             "SELECT id FROM block WHERE id>?3 AND kind=3 AND organisation=?1 AND source=?2"
                             " AND body IS NOT NULL ORDER BY id LIMIT 1",
                             &s, e);
    if (rc == 0) {
        dayfile_bind_text(s, 1, h->organisation);
        dayfile_bind_text(s, 2, h->source);
        MUST(sqlite3_bind_int64(s, 3, after));
        rc = dayfile_row(d->db, s, e);
        *out = rc == 1 ? (uint32_t)sqlite3_column_int64(s, 0) : 0;
    }
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

static int purge_packs(struct day *d, const struct holder *h, struct err *e)
{
    struct arena arena;
    uint32_t pack = 0;
    arena_init(&arena, 0);
    int rc = next_pack(d, h, 0, &pack, e);
    for (bool first = true; rc == 0 && pack != 0 && (first || !out_of_time(d)); first = false) {
        struct stretch st;
        arena_reset(&arena);
        rc = stretch_find(d->db, pack, &arena, &st, e);
        uint32_t unit = rc == 1 ? st.links[pack - st.first].unit : 0;
        rc = rc < 0      ? rc
             : unit == 0 ? err_set(e, ERR_INVALID, "a merged block that no table of merged blocks knows")
                         : purge_unit(d, &st.units[unit - 1], e);
        rc = rc == 0 ? next_pack(d, h, pack, &pack, e) : rc;
    }
    arena_fini(&arena);
    return rc;
}

static int purge_rows(struct day *d, const struct holder *h, struct err *e)
{
#define NEXT_ROWS                                                                                                      \
    "(SELECT id FROM block WHERE kind=0 AND organisation=?1 AND source=?2 AND body IS NOT NULL ORDER BY id LIMIT 256)"
    sqlite3_stmt *s = NULL;
    sqlite3_stmt *filters = NULL;
    int changed = 1;
    int rc = dayfile_prepare(d->db, "UPDATE block SET body=NULL WHERE id IN " NEXT_ROWS, &s, e);
    rc = rc == 0 ? dayfile_prepare(d->db, "DELETE FROM filter WHERE block IN " NEXT_ROWS, &filters, e) : rc;
#undef NEXT_ROWS
    while (rc == 0 && changed > 0 && !d->totals->more) {
        rc = begin(d, e);
        if (rc == 0) {
            dayfile_bind_text(filters, 1, h->organisation);
            dayfile_bind_text(filters, 2, h->source);
            rc = dayfile_run(d->db, filters, e);
        }
        if (rc == 0) {
            dayfile_bind_text(s, 1, h->organisation);
            dayfile_bind_text(s, 2, h->source);
            rc = dayfile_run(d->db, s, e);
            changed = rc == 0 ? sqlite3_changes(d->db) : 0;
            rc = commit(d, rc, e);
        }
        changed = changed > 0 && out_of_time(d) ? 0 : changed;
    }
    (void)sqlite3_finalize(filters);
    (void)sqlite3_finalize(s);
    return rc;
}

/* Whether this source's proof was written by an earlier call. */
static int was_begun(struct day *d, const struct holder *h, struct buf *key, bool *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    buf_str(key, h->organisation);
    buf_str(key, h->source);
    int rc = dayfile_prepare(d->db, "SELECT value FROM meta WHERE key='" PURGING "'", &s, e);
    rc = rc == 0 ? dayfile_row(d->db, s, e) : rc;
    *out = rc == 1 && span_eq(dayfile_column(s, 0), buf_view(key));
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

int purge_under_way(sqlite3 *db, bool *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, "SELECT 1 FROM meta WHERE key='" PURGING "'", &s, e);
    rc = rc == 0 ? dayfile_row(db, s, e) : rc;
    *out = rc == 1;
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

static int prove(struct day *d, const struct holder *h, const struct buf *key, struct err *e)
{
    struct purge_sum sum;
    sqlite3_stmt *s = NULL;
    int rc = sum_up(d, h, &sum, e);
    rc = rc == 0 ? note(d, &sum, rule_of(d->p, h->source), e) : rc;
    rc = rc == 0 ? dayfile_prepare(d->db, "INSERT OR REPLACE INTO meta VALUES('" PURGING "', ?1)", &s, e) : rc;
    if (rc == 0) {
        dayfile_bind_blob(s, 1, buf_view(key));
        rc = dayfile_run(d->db, s, e);
    }
    (void)sqlite3_finalize(s);
    if (rc == 0) {
        d->totals->sources++;
        d->totals->records += sum.records;
        d->totals->bytes += sum.bytes;
    }
    return rc;
}

static int purge_source(struct day *d, const struct holder *h, struct err *e)
{
    struct buf key;
    bool begun = false;
    buf_init(&key, 2 * ARCHIVE_NAME_MAX + 16);
    int rc = was_begun(d, h, &key, &begun, e);
    rc = rc == 0 && !begun ? prove(d, h, &key, e) : rc;
    buf_free(&key);
    rc = rc == 0 ? purge_packs(d, h, e) : rc;
    rc = rc == 0 ? purge_rows(d, h, e) : rc;
    return rc == 0 && !d->totals->more
               ? dayfile_exec(d->db, "DELETE FROM meta WHERE key IN ('" HOLDERS "','" PURGING "')", e)
               : rc;
}

/* ---- one day ---- */

static int purge_open_day(struct day *d, bool *drop_out, struct err *e)
{
    bool keeps = d->older_stays || d->written || !over(d, d->p->days); /* alerts and what belongs to no source */
    int rc = load_holders(d, e);
    uint64_t gone = 0;
    for (size_t i = 0; i < d->holders.len; i++) {
        bool time = source_over(d, d->holders.data[i].source);
        bool hold = held(d, &d->holders.data[i]);
        d->totals->held += time && hold;
        keeps = keeps || !time || hold;
    }
    *drop_out = rc == 0 && !keeps;
    for (size_t i = 0; rc == 0 && keeps && !d->totals->more && d->a->signer != NULL && i < d->holders.len; i++) {
        const struct holder *h = &d->holders.data[i];
        if (source_over(d, h->source) && !held(d, h) && (gone == 0 || !out_of_time(d))) {
            rc = purge_source(d, h, e);
            gone++;
        }
    }
    return rc == 0 && gone > 0 && !d->totals->more ? dayfile_exec(d->db, "PRAGMA incremental_vacuum(4096)", e) : rc;
}

/* stays_out: the file is there still. */
static int purge_day(struct day *d, bool *stays_out, struct err *e)
{
    char path[DB_PATH_MAX];
    char reason[REASON_MAX];
    bool fresh = false;
    bool drop = false;
    int rc = dayfile_path(d->a->folder, d->day, path, e);
    rc = rc == 0 ? dayfile_open_writer(path, &d->db, &fresh, e) : rc;
    rc = rc == 0 && !fresh ? purge_open_day(d, &drop, e) : rc;
    dayfile_close(&d->db);
    if (rc == 0 && fresh) { /* of a crash: it holds nothing, proves nothing and must hold up nothing */
        rc = retention_delete_day(path, e);
    } else if (rc == 0 && drop) {
        (void)snprintf(reason, sizeof reason, "retention of %u days", d->p->days);
        rc = retention_drop_day(d->a, d->day, span_of(reason), d->now, e);
        d->totals->days += rc == 0;
    }
    *stays_out = rc != 0 || !(fresh || drop);
    return rc;
}

static bool at_once(const struct purge_policy *p)
{
    bool some = false;
    for (size_t i = 0; i < p->nsources && !some; i++) {
        some = p->sources[i].at_once;
    }
    return some;
}

int archive_purge(struct archive *a, const struct purge_policy *p, time_ns now,
                  struct purge_totals *out, struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t n = 0;
    int first = 0;
    bool ready = false;
    bool stays = false;
    *out = (struct purge_totals){0};
    arena_init(&scratch, 0);
    int rc = archive_list_days(a->folder, &scratch, &days, &n, e);
    time_ns began = clock_mono();
    for (size_t i = 0; rc == 0 && i < n && !out->more; i++) {
        struct day d = {.a = a, .p = p, .now = now, .totals = out, .began = began, .day = days[i], .older_stays = stays};
        struct err why = {0};
        if (!may_be_over(&d)) {
            break; /* nor is a later day */
        }
        rc = ready ? 0 : archive_use_day(a, (int32_t)time_day(now), e); /* where the notes go */
        ready = true;
        d.written = days[i] == a->day;
        if (rc != 0 || days[i] > a->day || (d.written && !at_once(p))) {
            break;
        }
        arena_init(&d.arena, 0);
        bool this_stays = true;
        int failed = purge_day(&d, &this_stays, &why);
        stays = stays || this_stays;
        arena_fini(&d.arena);
        vec_free(&d.holders);
        if (failed != 0 && first == 0) {
            first = failed;
            *e = why;
        }
    }
    arena_fini(&scratch);
    return rc != 0 ? rc : first;
}
