/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * db.h on SQLite: one file, WAL, every commit on disk before it returns. Runs in the keeper (and in
 * command line tools that work on a data directory no node holds). Must never open anything but the
 * path it was given, load an extension, or trust what a schema that others could have written says.
 */
#include "records/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/sqlite_why.h"
#include "records/db_clean.h"
#include "records/db_writeback.h"
#include "records/proof_verify_priv.h"

enum {
    DB_MAGIC = 0x64623031,
    STMT_MAGIC = 0x73746d74,
    PLACES_MAX = 255, /* values of one statement whose place is remembered */
};

/* "SRNr" in the header of the file, so that file(1) and we ourselves know what it is. */
#define DB_APPLICATION_ID 0x53524e72

struct db_stmt {
    uint32_t magic;
    struct db *db;
    char *sql;
    sqlite3_stmt *raw;
    bool bind_failed, writes;
    uint64_t used; /* tick of last use, the oldest makes room */
    uint8_t place[PLACES_MAX]; /* of $n, looked up once; 0 = not yet */
};

struct db {
    uint32_t magic;
    sqlite3 *raw;
    bool in_transaction;
    size_t count;
    uint64_t tick;
    int64_t changes; /* of the last statement that wrote */
    uint64_t effort; /* of statements that are no longer kept */
    struct db_stmt *cache[DB_STMT_CACHE_MAX];
    struct db_writeback *writeback;
    struct proof_watch *proofs; /* NULL: the file has none yet */
};

static int db_fail(struct db *db, struct err *e, const char *what)
{
    int code = sqlite3_errcode(db->raw) & 0xff;
    int ours = code == SQLITE_BUSY || code == SQLITE_LOCKED ? ERR_BUSY
               : code == SQLITE_CONSTRAINT                  ? ERR_EXISTS
               : code == SQLITE_TOOBIG                      ? ERR_LIMIT
               : code == SQLITE_ERROR                       ? ERR_INVALID
                                                            : ERR_IO;
    char why[SQLITE_WHY_MAX];
    return err_set(e, ours, "records: %s: %s", what, sqlite_why(db->raw, why));
}

static int exec_raw(struct db *db, const char *sql, struct err *e)
{
    return sqlite3_exec(db->raw, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, e, "statement");
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    /* A transaction even for one statement: what it changes and the proof of it go together. No PRAGMA works within one. */
    bool alone = !db->in_transaction && db->proofs != NULL && strncmp(sql, "PRAGMA", 6) != 0;
    int rc = alone ? db_begin(db, e) : 0;
    if (rc == 0) {
        proof_watch_mark(db->proofs);
        rc = exec_raw(db, sql, e);
        db->changes = sqlite3_changes64(db->raw);
        if (rc < 0) {
            proof_watch_back(db->proofs);
        }
        rc = alone ? db_end(db, rc, e) : rc;
    }
    return rc;
}

/* Made by us first so that its mode, and with it that of WAL and shared memory file, is 0600
 * whatever the umask is. */
static int make_private_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "cannot open %s", path);
    }
    (void)close(fd);
    return 0;
}

static int switch_to(struct db *db, int what, int on, struct err *e)
{
    int now = -1;
    if (sqlite3_db_config(db->raw, what, on, &now) != SQLITE_OK || now != on) {
        return db_fail(db, e, "this SQLite lacks a safety switch");
    }
    return 0;
}

static int harden(struct db *db, struct err *e)
{
    static const struct {
        int what, on;
    } switches[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},    {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1}, {SQLITE_DBCONFIG_ENABLE_VIEW, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        int rc = switch_to(db, switches[i].what, switches[i].on, e);
        if (rc < 0) {
            return rc;
        }
    }
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_LENGTH, DB_VALUE_MAX);
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_SQL_LENGTH, DB_SQL_MAX);
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_busy_timeout(db->raw, DB_BUSY_WAIT_MS);
    return 0;
}

/* One value of a PRAGMA; -1 when it cannot be read. */
static int64_t pragma_number(struct db *db, const char *sql)
{
    sqlite3_stmt *raw = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(db->raw, sql, -1, &raw, NULL) == SQLITE_OK &&
        sqlite3_step(raw) == SQLITE_ROW) {
        v = sqlite3_column_int64(raw, 0);
    }
    (void)sqlite3_finalize(raw);
    return v;
}

static int check_owner(struct db *db, const char *path, struct err *e)
{
    int64_t id = pragma_number(db, "PRAGMA application_id");
    int64_t tables = pragma_number(db, "SELECT count(*) FROM sqlite_schema");
    if (id < 0 || tables < 0) {
        return db_fail(db, e, path);
    }
    if (id != DB_APPLICATION_ID && (id != 0 || tables != 0)) {
        return err_set(e, ERR_INVALID, "%s is a database of another program", path);
    }
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d", DB_APPLICATION_ID);
    return id == DB_APPLICATION_ID ? 0 : exec_raw(db, sql, e);
}

static int set_durable(struct db *db, bool in_memory, struct err *e)
{
    /* The cache grows only with what is used: 32 MiB hold the inner pages of a hub with thousands of
     * members, which were read again and again from 2 MiB; 96 MiB the keys of 75,000 records of a kind. The log is written back every 4,096 pages
     * (16 MiB): a page that many commits change goes into the database once. In the keeper a thread
     * does that (db_write_back_aside). */
    int rc =
        exec_raw(db,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 16777216;"
                "PRAGMA cache_size = -98304; PRAGMA wal_autocheckpoint = 4096;",
                e);
    if (rc < 0) {
        return rc;
    }
    int wal = 0;
    sqlite3_stmt *raw = NULL;
    if (sqlite3_prepare_v2(db->raw, "PRAGMA journal_mode", -1, &raw, NULL) == SQLITE_OK &&
        sqlite3_step(raw) == SQLITE_ROW) {
        wal = strcmp((const char *)sqlite3_column_text(raw, 0), "wal") == 0;
    }
    (void)sqlite3_finalize(raw);
    if (!in_memory && (!wal || pragma_number(db, "PRAGMA synchronous") != 2)) {
        return err_set(e, ERR_UNSUPPORTED,
                       "records: the file system does not support write-ahead logging");
    }
    return 0;
}

int db_open(const char *path, struct err *e, struct db **db_out)
{
    *db_out = NULL;
    bool in_memory = strcmp(path, ":memory:") == 0;
    const char *vfs = NULL;
    int rc = in_memory ? 0 : make_private_file(path, e);
    rc = rc == 0 && !in_memory ? db_clean_vfs(&vfs, e) : rc;
    if (rc < 0) {
        return rc;
    }
    struct db *db = mem_alloc(sizeof *db);
    db->magic = DB_MAGIC;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
                SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db->raw, flags, vfs) != SQLITE_OK) {
        char why[SQLITE_WHY_MAX];
        rc = err_set(e, ERR_IO, "cannot open %s: %s", path, sqlite_why(db->raw, why));
    }
    if (rc == 0) {
        rc = harden(db, e);
    }
    if (rc == 0) {
        rc = check_owner(db, path, e);
    }
    if (rc == 0) {
        rc = set_durable(db, in_memory, e);
    }
    if (rc == 0) {
        rc = proof_watch_start(db->raw, e, &db->proofs);
    }
    if (rc < 0) {
        db_close(&db);
    }
    *db_out = db;
    return rc;
}

int db_write_back_aside(struct db *db, const char *path, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(db->writeback == NULL);
    return db_writeback_start(db->raw, path, e, &db->writeback);
}

int db_wipe(struct db *db, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(!db->in_transaction);
    if (db->writeback != NULL) {
        db_writeback_cut(db->writeback);
        return 0;
    }
    return sqlite3_wal_checkpoint_v2(db->raw, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, e, "the log cannot be cut");
}

static uint64_t effort_of(const struct db_stmt *s)
{
    return (uint64_t)(unsigned)sqlite3_stmt_status(s->raw, SQLITE_STMTSTATUS_VM_STEP, 0);
}

static void stmt_free(struct db_stmt *s)
{
    s->db->effort += effort_of(s);
    (void)sqlite3_finalize(s->raw);
    mem_free(s->sql);
    s->magic = 0;
    mem_free(s);
}

void db_close(struct db **db)
{
    if (*db == NULL) {
        return;
    }
    CHECK_OBJ(*db, DB_MAGIC);
    db_writeback_stop(&(*db)->writeback);
    proof_watch_stop(&(*db)->proofs);
    for (size_t i = 0; i < (*db)->count; i++) {
        stmt_free((*db)->cache[i]);
    }
    CHECK(sqlite3_close((*db)->raw) == SQLITE_OK);
    (*db)->magic = 0;
    mem_free(*db);
    *db = NULL;
}

int db_begin(struct db *db, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(!db->in_transaction);
    /* IMMEDIATE: the write lock is taken here, never half-way through. */
    int rc = exec_raw(db, "BEGIN IMMEDIATE", e);
    db->in_transaction = rc == 0;
    return rc;
}

int db_commit(struct db *db, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(db->in_transaction);
    int rc = proof_watch_flush(db->proofs, e);
    rc = rc == 0 ? exec_raw(db, "COMMIT", e) : rc;
    if (rc < 0) {
        db_rollback(db);
    }
    db->in_transaction = false;
    return rc;
}

void db_rollback(struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    /* SQLite may have rolled back by itself (disk full); then there is nothing left to do. */
    if (sqlite3_get_autocommit(db->raw) == 0) {
        (void)sqlite3_exec(db->raw, "ROLLBACK", NULL, NULL, NULL);
    }
    proof_watch_forget(db->proofs);
    db->in_transaction = false;
}

bool db_read_begin(struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    return sqlite3_get_autocommit(db->raw) != 0 && sqlite3_exec(db->raw, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
}

void db_read_end(struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(!db->in_transaction);
    (void)sqlite3_exec(db->raw, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
}

bool db_in_transaction(const struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    return db->in_transaction;
}

int db_end(struct db *db, int rc, struct err *e)
{
    if (rc < 0) {
        db_rollback(db);
        return rc;
    }
    return db_commit(db, e);
}

static struct db_stmt *stmt_find(struct db *db, const char *sql)
{
    for (size_t i = 0; i < db->count; i++) {
        if (strcmp(db->cache[i]->sql, sql) == 0) {
            return db->cache[i];
        }
    }
    return NULL;
}

/* The place for a new statement: a free one, or that of the statement unused for longest. */
static size_t stmt_place(struct db *db)
{
    if (db->count < DB_STMT_CACHE_MAX) {
        return db->count++;
    }
    size_t oldest = DB_STMT_CACHE_MAX;
    for (size_t i = 0; i < db->count; i++) {
        bool idle = sqlite3_stmt_busy(db->cache[i]->raw) == 0;
        if (idle && (oldest == DB_STMT_CACHE_MAX || db->cache[i]->used < db->cache[oldest]->used)) {
            oldest = i;
        }
    }
    CHECK(oldest < DB_STMT_CACHE_MAX); /* 128 statements open at once would be a leak of ours */
    stmt_free(db->cache[oldest]);
    return oldest;
}

int db_query(struct db *db, const char *sql, struct err *e, struct db_stmt **stmt_out)
{
    CHECK_OBJ(db, DB_MAGIC);
    *stmt_out = NULL;
    struct db_stmt *s = stmt_find(db, sql);
    if (s == NULL) {
        sqlite3_stmt *raw = NULL;
        const char *rest = NULL;
        if (sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, &rest) !=
            SQLITE_OK) {
            return db_fail(db, e, "prepare");
        }
        CHECK(raw != NULL && *rest == '\0'); /* one statement per text */
        s = mem_alloc(sizeof *s);
        s->magic = STMT_MAGIC;
        s->db = db;
        s->sql = mem_strdup(sql);
        s->raw = raw;
        s->writes = sqlite3_stmt_readonly(raw) == 0 && sqlite3_column_count(raw) == 0; /* a PRAGMA that asks is neither */
        db->cache[stmt_place(db)] = s;
    } else {
        (void)sqlite3_reset(s->raw);
        (void)sqlite3_clear_bindings(s->raw);
    }
    s->bind_failed = false;
    s->used = ++db->tick;
    *stmt_out = s;
    return 0;
}

uint64_t db_effort(const struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    uint64_t steps = db->effort;
    for (size_t i = 0; i < db->count; i++) {
        steps += effort_of(db->cache[i]);
    }
    return steps;
}

/* $n is a name to SQLite: its place is looked up (once), not assumed. */
static int place_of(struct db_stmt *s, int n)
{
    CHECK_OBJ(s, STMT_MAGIC);
    char name[16];
    if (n < PLACES_MAX && s->place[n] != 0) {
        return s->place[n];
    }
    (void)snprintf(name, sizeof name, "$%d", n);
    int at = sqlite3_bind_parameter_index(s->raw, name);
    CHECK(n > 0 && at > 0); /* our SQL names a value that it does not use */
    if (n < PLACES_MAX && at <= UINT8_MAX) {
        s->place[n] = (uint8_t)at;
    }
    return at;
}

static void bound(struct db_stmt *s, int rc)
{
    if (rc != SQLITE_OK) {
        s->bind_failed = true; /* too big: told by the next step */
    }
}

void db_bind_i64(struct db_stmt *s, int n, int64_t v)
{
    bound(s, sqlite3_bind_int64(s->raw, place_of(s, n), v));
}

void db_bind_text(struct db_stmt *s, int n, struct span v)
{
    bound(s, sqlite3_bind_text64(s->raw, place_of(s, n), v.len == 0 ? "" : v.ptr, v.len,
                                 SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_text_or_null(struct db_stmt *s, int n, struct span v)
{
    if (v.len == 0) {
        db_bind_null(s, n);
    } else {
        db_bind_text(s, n, v);
    }
}

void db_bind_bytes(struct db_stmt *s, int n, struct span v)
{
    bound(s, sqlite3_bind_blob64(s->raw, place_of(s, n), v.len == 0 ? "" : v.ptr, v.len,
                                 SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *s, int n)
{
    bound(s, sqlite3_bind_null(s->raw, place_of(s, n)));
}

void db_done(struct db_stmt *s)
{
    CHECK_OBJ(s, STMT_MAGIC);
    (void)sqlite3_reset(s->raw);
    (void)sqlite3_clear_bindings(s->raw); /* the borrowed values end here */
}

/* A statement that writes, alone: its own transaction, so that the proofs of what it changes go with it. */
static int step_alone(struct db_stmt *s, struct err *e)
{
    int rc = db_begin(s->db, e);
    if (rc < 0) {
        db_done(s);
        return rc;
    }
    rc = db_step(s, e);
    CHECK(rc <= 0); /* none of ours gives back rows */
    int64_t changes = db_changes(s->db);
    rc = db_end(s->db, rc, e);
    s->db->changes = changes;
    return rc;
}

int db_step(struct db_stmt *s, struct err *e)
{
    CHECK_OBJ(s, STMT_MAGIC);
    struct proof_watch *proofs = s->db->proofs;
    if (s->bind_failed) {
        db_done(s);
        return err_set(e, ERR_LIMIT, "records: a value is larger than %d bytes", DB_VALUE_MAX);
    }
    if (proofs != NULL && s->writes) {
        if (!s->db->in_transaction) {
            return step_alone(s, e);
        }
        proof_watch_mark(proofs);
    }
    int rc = sqlite3_step(s->raw);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    int out = rc == SQLITE_DONE ? 0 : db_fail(s->db, e, "statement");
    db_done(s);
    if (proofs != NULL && s->writes) {
        s->db->changes = sqlite3_changes64(s->db->raw);
        if (out < 0) {
            proof_watch_back(proofs);
        } else if (proof_watch_is_full(proofs)) {
            out = proof_watch_flush(proofs, e);
        }
    }
    return out;
}

int db_run(struct db_stmt *s, struct err *e)
{
    int rc = db_step(s, e);
    if (rc > 0) {
        db_done(s);
        rc = 0;
    }
    return rc;
}

int64_t db_changes(const struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    return db->proofs != NULL ? db->changes : sqlite3_changes64(db->raw); /* those of proofs do not count */
}

bool db_col_null(struct db_stmt *s, int i)
{
    return sqlite3_column_type(s->raw, i) == SQLITE_NULL;
}

int64_t db_col_i64(struct db_stmt *s, int i)
{
    return sqlite3_column_int64(s->raw, i);
}

struct span db_col_text(struct db_stmt *s, int i)
{
    const char *p = (const char *)sqlite3_column_text(s->raw, i);
    return p == NULL ? SPAN("") : span_make(p, (size_t)sqlite3_column_bytes(s->raw, i));
}

struct span db_col_bytes(struct db_stmt *s, int i)
{
    const char *p = sqlite3_column_blob(s->raw, i);
    return p == NULL ? SPAN("") : span_make(p, (size_t)sqlite3_column_bytes(s->raw, i));
}

int proof_renew(struct db *db, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    CHECK(db->in_transaction);
    int rc = proof_watch_renew(db->raw, &db->proofs, e);
    if (rc < 0) {
        proof_watch_stop(&db->proofs); /* the tables that it knows go with the transaction */
    }
    return rc;
}

int proof_anew(struct db *db, struct err *e)
{
    int rc = db_begin(db, e);
    rc = rc == 0 && db->proofs != NULL ? proof_watch_anew(db->proofs, e) : rc;
    return db->in_transaction ? db_end(db, rc, e) : rc;
}

void proof_end_link(struct db *db)
{
    CHECK_OBJ(db, DB_MAGIC);
    proof_watch_end_link(db->proofs);
}

int proof_verify(struct db *db, const struct proof_hooks *hooks, struct proof_report *out, struct err *e)
{
    CHECK_OBJ(db, DB_MAGIC);
    return proof_verify_raw(db->raw, hooks, out, e);
}
