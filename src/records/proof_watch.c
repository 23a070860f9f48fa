/* SPDX-License-Identifier: EUPL-1.2 */
/* Proofs kept with every change: see proof_watch.h. Runs wherever records are written. */
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include "records/proof_watch_priv.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { KEY_MAX = 1 << 20 };

#define LINK_COLUMNS "seq, hour, audit_seq, sums, audit_hash, previous, hash"

size_t proof_part(const struct proof_table *t)
{
    return t->how != PROOF_SUM ? 0 : strcmp(t->name, "record_key") == 0 ? 1 : 2;
}

/* ---- what changed ---- */

void proof_pending_put(struct proof_watch *w, const struct proof_table *t, struct span key, const struct proof_cell *cells, size_t n)
{
    unsigned char digest[PROOF_HASH_BYTES], marks[PROOF_MARK_BYTES * PROOF_CELLS_MAX];
    buf_u8(&w->pending, t->number);
    buf_u8(&w->pending, cells == NULL);
    buf_str(&w->pending, key);
    if (cells != NULL) {
        proof_digest(t->number, cells, n, digest);
        proof_marks(cells, n, marks);
        buf_put(&w->pending, digest, sizeof digest);
        buf_str(&w->pending, span_make((const char *)marks, PROOF_MARK_BYTES * n));
    }
    w->lost = w->lost || w->pending.failed;
    w->touched = true;
}

void proof_pending_spoil(struct proof_watch *w, const struct proof_table *t, struct span key, size_t n)
{
    static const unsigned char none[PROOF_HASH_BYTES], no_marks[PROOF_MARK_BYTES * PROOF_CELLS_MAX];
    buf_u8(&w->pending, t->number);
    buf_u8(&w->pending, 0);
    buf_str(&w->pending, key);
    buf_put(&w->pending, none, sizeof none);
    buf_str(&w->pending, span_make((const char *)no_marks, PROOF_MARK_BYTES * n));
    w->lost = w->lost || w->pending.failed;
    w->touched = true;
}

static size_t cells_now(struct proof_watch *w, const struct proof_layout *l, bool before, struct proof_cell cells[PROOF_CELLS_MAX], struct buf *key)
{
    size_t n = 0;
    buf_clear(key);
    for (size_t i = 0; i < l->ncolumns; i++) {
        sqlite3_value *v = NULL;
        if (l->column[i].loose) {
            continue;
        }
        int code = before ? sqlite3_preupdate_old(w->db, (int)i, &v) : sqlite3_preupdate_new(w->db, (int)i, &v);
        w->lost = w->lost || code != SQLITE_OK; /* no memory: the transaction must not be kept */
        cells[n] = code == SQLITE_OK ? proof_cell_of(v) : (struct proof_cell){.type = PROOF_NULL};
        if (l->column[i].key) {
            proof_key_put(key, &cells[n]);
        }
        n++;
    }
    w->lost = w->lost || key->failed;
    return n;
}

static bool same(const struct proof_cell *a, const struct proof_cell *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].type != b[i].type || a[i].number != b[i].number || !span_eq(a[i].bytes, b[i].bytes)) {
            return false;
        }
    }
    return true;
}

static void row_changed(struct proof_watch *w, const struct proof_table *t, int op)
{
    struct proof_cell was[PROOF_CELLS_MAX] = {{PROOF_NULL, 0, {NULL, 0}}}, is[PROOF_CELLS_MAX] = {{PROOF_NULL, 0, {NULL, 0}}};
    const struct proof_layout *l = &w->layout[t->number - 1];
    size_t n = op == SQLITE_INSERT ? 0 : cells_now(w, l, true, was, &w->key_before);
    n = op == SQLITE_DELETE ? n : cells_now(w, l, false, is, &w->key);
    if (op == SQLITE_UPDATE && same(was, is, n)) {
        return;
    }
    if (op == SQLITE_DELETE || (op == SQLITE_UPDATE && !span_eq(buf_view(&w->key), buf_view(&w->key_before)))) {
        proof_pending_put(w, t, buf_view(&w->key_before), NULL, 0);
    }
    if (op != SQLITE_DELETE) {
        proof_pending_put(w, t, buf_view(&w->key), is, n);
    }
}

static void sum_changed(struct proof_watch *w, const struct proof_table *t, int op)
{
    struct proof_cell cells[PROOF_CELLS_MAX];
    unsigned char digest[PROOF_HASH_BYTES];
    for (int before = 0; before < 2; before++) {
        if (op == (before ? SQLITE_INSERT : SQLITE_DELETE)) {
            continue;
        }
        size_t n = cells_now(w, &w->layout[t->number - 1], before, cells, &w->key);
        proof_digest(t->number, cells, n, digest);
        proof_sum_change(&w->change[proof_part(t)], digest, before);
    }
    w->touched = true;
}

static void on_change(void *ctx, sqlite3 *db, int op, const char *schema, const char *name, sqlite3_int64 before, sqlite3_int64 after)
{
    struct proof_watch *w = ctx;
    (void)before;
    (void)after;
    if (strcmp(schema, "main") != 0) {
        return;
    }
    if (w->last == 0 || strcmp(proof_tables[w->last - 1].name, name) != 0) {
        w->last = proof_table_number(name);
    }
    if (w->last == 0) {
        return;
    }
    const struct proof_table *t = &proof_tables[w->last - 1];
    if (t->how == PROOF_CHAIN) {
        w->touched = w->touched || strcmp(name, "audit") == 0;
    } else if (t->how == PROOF_ROWS || t->how == PROOF_SUM) {
        if ((size_t)sqlite3_preupdate_count(db) != w->layout[w->last - 1].ncolumns) {
            w->blind[w->last - 1] = true; /* in the midst of a migration: proof_watch_renew */
        } else if (t->how == PROOF_ROWS) {
            row_changed(w, t, op);
        } else {
            sum_changed(w, t, op);
        }
    }
}

/* ---- written ---- */

static void bind_bytes(sqlite3_stmt *s, int at, const void *p, size_t n)
{
    (void)sqlite3_bind_blob64(s, at, n == 0 ? "" : p, n, SQLITE_STATIC);
}

/* Runs a statement that gives no row. */
static int run(struct proof_watch *w, sqlite3_stmt *s, struct err *e)
{
    int code = sqlite3_step(s);
    int rc = code == SQLITE_DONE ? 0 : proof_sql_fail(w->db, e);
    (void)sqlite3_reset(s);
    return rc;
}

/* Takes the digest that a row had so far out of the sum. */
static int leave_sum(struct proof_watch *w, uint8_t table, struct span key, struct proof_sum *sum, struct err *e)
{
    (void)sqlite3_bind_int(w->get, 1, table);
    bind_bytes(w->get, 2, key.ptr, key.len);
    int code = sqlite3_step(w->get);
    int rc = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : proof_sql_fail(w->db, e);
    if (code == SQLITE_ROW && sqlite3_column_bytes(w->get, 0) == PROOF_HASH_BYTES) {
        proof_sum_change(sum, sqlite3_column_blob(w->get, 0), true);
    }
    (void)sqlite3_reset(w->get);
    return rc;
}

static int write_one(struct proof_watch *w, struct cursor *c, struct proof_sum *sum, struct err *e)
{
    uint8_t table = cursor_u8(c);
    bool gone = cursor_u8(c) != 0;
    struct span key = cursor_str(c), digest = SPAN(""), marks = SPAN("");
    if (!gone) {
        digest = cursor_take(c, PROOF_HASH_BYTES);
        marks = cursor_str(c);
        proof_sum_change(sum, (const unsigned char *)digest.ptr, false);
    }
    CHECK(!c->failed);
    /* Mostly a row is new: what is there already is asked for only then. */
    sqlite3_stmt *const turns[] = {gone ? NULL : w->add, gone ? w->drop : w->put};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(turns); i++) {
        sqlite3_stmt *s = turns[i];
        if (s == NULL) {
            continue;
        }
        rc = i > 0 ? leave_sum(w, table, key, sum, e) : 0;
        (void)sqlite3_bind_int(s, 1, table);
        bind_bytes(s, 2, key.ptr, key.len);
        if (!gone) {
            bind_bytes(s, 3, digest.ptr, digest.len);
            bind_bytes(s, 4, marks.ptr, marks.len);
        }
        rc = rc == 0 ? run(w, s, e) : rc;
        if (rc == 0 && i == 0 && sqlite3_changes(w->db) > 0) {
            break;
        }
    }
    return rc;
}

/* ---- the chain ---- */

void proof_link_hash(const struct proof_link *l, unsigned char out[PROOF_HASH_BYTES])
{
    unsigned char sums[PROOF_PARTS * PROOF_SUM_BYTES];
    struct buf b;
    buf_init(&b, sizeof *l + sizeof sums);
    for (size_t i = 0; i < PROOF_PARTS; i++) {
        proof_sum_write(&l->sums[i], sums + i * PROOF_SUM_BYTES);
    }
    buf_u64(&b, (uint64_t)l->seq);
    buf_u64(&b, (uint64_t)l->hour);
    buf_u64(&b, (uint64_t)l->audit_seq);
    buf_put(&b, sums, sizeof sums);
    buf_put(&b, l->audit_hash, sizeof l->audit_hash);
    buf_put(&b, l->previous, sizeof l->previous);
    CHECK(!b.failed);
    MUST(crypto_generichash(out, PROOF_HASH_BYTES, (const unsigned char *)b.data, b.len, NULL, 0));
    buf_free(&b);
}

static bool take(sqlite3_stmt *row, int i, unsigned char *out, size_t n)
{
    const void *p = sqlite3_column_blob(row, i);
    bool fits = p != NULL && (size_t)sqlite3_column_bytes(row, i) == n && sqlite3_column_type(row, i) == SQLITE_BLOB;
    if (fits) {
        memcpy(out, p, n);
    }
    return fits;
}

bool proof_link_read(sqlite3_stmt *row, struct proof_link *out)
{
    unsigned char sums[PROOF_PARTS * PROOF_SUM_BYTES];
    out->seq = sqlite3_column_int64(row, 0);
    out->hour = sqlite3_column_int64(row, 1);
    out->audit_seq = sqlite3_column_int64(row, 2);
    bool fits = take(row, 3, sums, sizeof sums) && take(row, 4, out->audit_hash, PROOF_HASH_BYTES) &&
                take(row, 5, out->previous, PROOF_HASH_BYTES) && take(row, 6, out->hash, PROOF_HASH_BYTES);
    for (size_t i = 0; fits && i < PROOF_PARTS; i++) {
        proof_sum_read(sums + i * PROOF_SUM_BYTES, &out->sums[i]);
    }
    return fits;
}

int proof_watch_link(struct proof_watch *w, struct proof_link *out, struct err *e)
{
    *out = (struct proof_link){.seq = 0};
    int code = sqlite3_step(w->link);
    int rc = code == SQLITE_DONE                             ? 0
             : code != SQLITE_ROW                            ? proof_sql_fail(w->db, e)
             : proof_link_read(w->link, out) && out->seq > 0 ? 0
                                                             : err_set(e, ERR_INVALID, "records: the newest link of proof_chain is damaged");
    (void)sqlite3_reset(w->link);
    return rc;
}

static int read_audit(struct proof_watch *w, struct proof_link *l, struct err *e)
{
    int code = sqlite3_step(w->head);
    int rc = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : proof_sql_fail(w->db, e);
    l->audit_seq = code == SQLITE_ROW ? sqlite3_column_int64(w->head, 0) : 0;
    if (code != SQLITE_ROW || !take(w->head, 1, l->audit_hash, PROOF_HASH_BYTES)) {
        memset(l->audit_hash, 0, sizeof l->audit_hash);
    }
    (void)sqlite3_reset(w->head);
    return rc;
}

static int write_link(struct proof_watch *w, struct proof_link *l, struct err *e)
{
    unsigned char sums[PROOF_PARTS * PROOF_SUM_BYTES];
    int64_t hour = clock_now() / (3600 * TIME_SECOND);
    bool follows = l->seq == 0 || l->hour != hour || w->end_link;
    if (follows) {
        memcpy(l->previous, l->hash, sizeof l->previous);
        l->seq++;
        l->hour = hour;
    }
    int rc = read_audit(w, l, e);
    for (size_t i = 0; i < PROOF_PARTS; i++) {
        proof_sum_write(&l->sums[i], sums + i * PROOF_SUM_BYTES);
    }
    proof_link_hash(l, l->hash);
    sqlite3_stmt *s = follows ? w->follow : w->change_link;
    const int64_t numbers[] = {l->seq, l->hour, l->audit_seq};
    for (int i = 0; i < 3; i++) {
        (void)sqlite3_bind_int64(s, i + 1, numbers[i]);
    }
    bind_bytes(s, 4, sums, sizeof sums);
    bind_bytes(s, 5, l->audit_hash, sizeof l->audit_hash);
    bind_bytes(s, 6, l->previous, sizeof l->previous);
    bind_bytes(s, 7, l->hash, sizeof l->hash);
    return rc == 0 ? run(w, s, e) : rc;
}

static void empty(struct proof_watch *w)
{
    if (w->pending.cap > PROOF_PENDING_SOON) {
        buf_free(&w->pending);
        buf_init(&w->pending, PROOF_PENDING_MAX);
    }
    buf_clear(&w->pending);
    memset(w->change, 0, sizeof w->change);
    w->touched = w->lost = false;
    proof_watch_mark(w);
}

int proof_watch_flush(struct proof_watch *w, struct err *e)
{
    struct proof_link l;
    if (w == NULL || !w->touched) {
        return 0;
    }
    if (w->lost) {
        return err_set(e, ERR_LIMIT, "records: a change touches more rows at once than there is room to prove");
    }
    int rc = proof_watch_link(w, &l, e);
    for (struct cursor c = cursor_of(buf_view(&w->pending)); rc == 0 && cursor_left(&c) > 0;) {
        rc = write_one(w, &c, &l.sums[0], e);
    }
    for (size_t part = 0; part < PROOF_PARTS; part++) {
        l.sums[part].rows += w->change[part].rows;
        for (size_t i = 0; i < PROOF_SUM_LANES; i++) {
            l.sums[part].lane[i] += w->change[part].lane[i];
        }
    }
    rc = rc == 0 ? write_link(w, &l, e) : rc;
    if (rc == 0) {
        w->end_link = false;
        empty(w);
    }
    return rc;
}

/* ---- begin and end ---- */

void proof_watch_end_link(struct proof_watch *w)
{
    if (w != NULL) {
        w->end_link = true;
    }
}

void proof_watch_forget(struct proof_watch *w)
{
    if (w != NULL) {
        empty(w);
        memset(w->blind, 0, sizeof w->blind);
    }
}

void proof_watch_mark(struct proof_watch *w)
{
    if (w != NULL) {
        w->mark.len = w->pending.len;
        w->mark.touched = w->touched;
        w->mark.lost = w->lost;
        memcpy(w->mark.change, w->change, sizeof w->change);
    }
}

void proof_watch_back(struct proof_watch *w)
{
    if (w != NULL) {
        w->pending.len = w->mark.len;
        w->pending.failed = false;
        w->touched = w->mark.touched;
        w->lost = w->mark.lost;
        memcpy(w->change, w->mark.change, sizeof w->change);
    }
}

bool proof_watch_is_full(const struct proof_watch *w)
{
    return w != NULL && w->pending.len >= PROOF_PENDING_SOON;
}

static int prepare_all(struct proof_watch *w, struct err *e)
{
    const struct {
        sqlite3_stmt **to;
        const char *sql;
    } all[] = {
        {&w->get, "SELECT digest FROM row_proof WHERE tab = ?1 AND row = ?2"},
        {&w->add, "INSERT INTO row_proof (tab, row, digest, marks) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"},
        {&w->put, "INSERT INTO row_proof (tab, row, digest, marks) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT (tab, row) DO UPDATE SET digest = excluded.digest, marks = excluded.marks"},
        {&w->drop, "DELETE FROM row_proof WHERE tab = ?1 AND row = ?2"},
        {&w->link, "SELECT " LINK_COLUMNS " FROM proof_chain ORDER BY seq DESC LIMIT 1"},
        {&w->follow, "INSERT INTO proof_chain (" LINK_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {&w->change_link, "UPDATE proof_chain SET hour = ?2, audit_seq = ?3, sums = ?4, audit_hash = ?5, previous = ?6, hash = ?7 WHERE seq = ?1"},
        {&w->head, "SELECT seq, hash FROM audit_head WHERE id = 1"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(all); i++) {
        rc = proof_prepare(w->db, all[i].sql, all[i].to, e);
    }
    return rc;
}

static bool is_there(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, "main", "proof_chain", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_table_column_metadata(db, "main", "row_proof", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

int proof_watch_start(sqlite3 *db, struct err *e, struct proof_watch **out)
{
    *out = NULL;
    if (!is_there(db)) {
        return 0;
    }
    struct proof_watch *w = mem_alloc(sizeof *w);
    *w = (struct proof_watch){.db = db, .layout = mem_calloc(PROOF_TABLE_COUNT, sizeof *w->layout)};
    buf_init(&w->pending, PROOF_PENDING_MAX);
    buf_init(&w->key, KEY_MAX);
    buf_init(&w->key_before, KEY_MAX);
    int rc = prepare_all(w, e);
    for (size_t i = 0; rc == 0 && i < PROOF_TABLE_COUNT; i++) {
        rc = proof_layout_read(db, &proof_tables[i], &w->layout[i], e);
    }
    if (rc != 0) {
        proof_watch_stop(&w);
        return rc;
    }
    (void)sqlite3_preupdate_hook(db, on_change, w);
    *out = w;
    return 0;
}

void proof_watch_stop(struct proof_watch **w)
{
    if (*w == NULL) {
        return;
    }
    sqlite3_stmt *const all[] = {(*w)->get, (*w)->add, (*w)->put, (*w)->drop, (*w)->link, (*w)->follow, (*w)->change_link, (*w)->head};
    (void)sqlite3_preupdate_hook((*w)->db, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        (void)sqlite3_finalize(all[i]);
    }
    buf_free(&(*w)->pending);
    buf_free(&(*w)->key);
    buf_free(&(*w)->key_before);
    mem_free((*w)->layout);
    mem_free(*w);
    *w = NULL;
}
