/* SPDX-License-Identifier: EUPL-1.2 */
/* Choosing what is merged, and writing it: see merge.h. Prepare runs on a thread beside keeper's, commit on keeper's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "archive/merge_priv.h"
#include "archive/purge_priv.h"
#include "base/map.h"
#include "base/mem.h"

enum { RUN_SHIFT = 2 };

struct group {
    VEC(struct merge_member) members;
    bool in_order;
    enum archive_digest digest;
};

struct choice {
    struct merge *m;
    const struct merge_options *options;
    struct arena names;
    struct map groups;   /* (organisation, source, class, run) -> number */
    struct map sources;  /* (organisation, source) -> run << RUN_SHIFT | its digest << 1 | whether it is one of records that explain */
    VEC(struct group) list;
    VEC(uint32_t) large; /* blocks that stay as they are and are to have a filter */
    uint64_t small_bytes;
    uint32_t last; /* link, so far */
};

/* ---- choosing ---- */

static void add_name(struct buf *b, sqlite3_stmt *s, int column)
{
    buf_str(b, dayfile_column(s, column));
}

static bool block_explains(struct choice *ch, sqlite3_stmt *s)
{
    struct archive_header h;
    struct block b;
    struct err e = {0};
    struct arena scratch;
    bool explains = false;
    if (ch->options->explains == NULL || sqlite3_column_type(s, 7) == SQLITE_NULL) {
        return false;
    }
    arena_init(&scratch, 0);
    struct cursor c = cursor_of(arena_copy(&scratch, dayfile_column(s, 6)));
    if (archive_header_decode(&c, &h, &e) == 0 &&
        block_unpack(&h, arena_copy(&scratch, dayfile_column(s, 7)), &scratch, &b, &e) == 0) {
        for (size_t i = 0; i < b.count && !explains; i++) {
            explains = ch->options->explains(&b.records[i]);
        }
    }
    arena_fini(&scratch);
    return explains;
}

/* Of a block whose header cannot be read any one will do: packing lets it be. */
static enum archive_digest digest_of(sqlite3_stmt *s)
{
    struct archive_header h;
    struct cursor c = cursor_of(dayfile_column(s, 6));
    return archive_header_decode(&c, &h, NULL) == 0 ? h.digest : ARCHIVE_DIGEST_BLAKE2B;
}

/*
 * Blocks of records that explain and the others of their source take turns, and so do those of one hash of originals and of
 * the other; each turn is a run, and no unit spans two.
 */
static uint64_t run_of(struct choice *ch, sqlite3_stmt *s, bool explains, bool small)
{
    uint64_t kind = (uint64_t)digest_of(s) << 1 | explains;
    char bytes[2 * ARCHIVE_NAME_MAX + 16];
    struct buf key;
    bool fresh = false;
    buf_init(&key, sizeof bytes);
    add_name(&key, s, 2);
    add_name(&key, s, 3);
    uint64_t *run = map_at(&ch->sources, arena_copy(&ch->names, buf_view(&key)), &fresh);
    if ((*run & (((uint64_t)1 << RUN_SHIFT) - 1)) != kind || (explains && !small)) {
        *run = ((*run >> RUN_SHIFT) + 1) << RUN_SHIFT | kind;
    }
    buf_free(&key);
    return *run;
}

static struct group *group_of(struct choice *ch, sqlite3_stmt *s, uint64_t run)
{
    struct buf key;
    bool fresh = false;
    buf_init(&key, ARCHIVE_HEADER_MAX_BYTES);
    add_name(&key, s, 2);
    add_name(&key, s, 3);
    add_name(&key, s, 4);
    buf_u64(&key, run);
    uint64_t number = 0;
    if (!map_get(&ch->groups, buf_view(&key), &number)) {
        number = ch->list.len;
        *map_at(&ch->groups, arena_copy(&ch->names, buf_view(&key)), &fresh) = number;
        vec_push(&ch->list, (struct group){.in_order = (run & 1) != 0,
                                            .digest = (enum archive_digest)(run >> 1 & 1)});
    }
    buf_free(&key);
    return &ch->list.data[number];
}

/* A hunt passes over blocks of known class only, and merging lets large ones be. */
static bool is_large(sqlite3_stmt *s)
{
    return dayfile_column(s, 4).len > 0 && sqlite3_column_int64(s, 5) >= MERGE_SMALL_BYTES &&
           sqlite3_column_int64(s, 9) == 1;
}

static void take_link(struct choice *ch, sqlite3_stmt *s)
{
    struct merge_member m = {.id = (uint32_t)sqlite3_column_int64(s, 0),
                             .count = (uint32_t)sqlite3_column_int64(s, 8)};
    int64_t bytes = sqlite3_column_int64(s, 5);
    ch->last = m.id;
    if (sqlite3_column_int64(s, 1) != ARCHIVE_KIND_BLOCK) {
        return;
    }
    bool small = bytes >= 0 && bytes < MERGE_SMALL_BYTES && sqlite3_column_int64(s, 9) == 1;
    bool explains = dayfile_column(s, 4).len == 0 && block_explains(ch, s);
    uint64_t run = run_of(ch, s, explains, small);
    if (is_large(s)) {
        vec_push(&ch->large, m.id);
    }
    if (small) {
        m.bytes = (uint32_t)bytes;
        ch->small_bytes += m.bytes;
        vec_push(&group_of(ch, s, run)->members, m);
    }
}

static uint32_t limit_of(uint32_t asked, uint32_t most)
{
    return asked > 0 && asked < most ? asked : most;
}

/* Links from m->stretch.first on, until there is enough. 1: a stretch; 0: wait. */
static int choose(struct choice *ch, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    uint32_t first = ch->m->stretch.first;
    uint32_t next = first;
    uint32_t links_max = limit_of(ch->options->links_max, STRETCH_LINKS_MAX);
    uint32_t filters_max = limit_of(ch->options->filters_max, MERGE_FILTERS_MAX);
    int rc = dayfile_prepare(db,
                             "SELECT id, kind, organisation, source, class, bytes, header,"
                             " CASE WHEN class='' THEN body END, count, body IS NOT NULL"
                             " FROM block WHERE id>=?1 ORDER BY id",
                             &s, e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, first));
    }
    bool enough = false;
    while (rc == 0 && !enough && (rc = dayfile_row(db, s, e)) == 1) {
        if (sqlite3_column_int64(s, 0) != next) {
            rc = 0; /* a link is missing: nothing here is touched any more, verify tells of it */
            ch->last = 0;
            break;
        }
        take_link(ch, s);
        next++;
        enough = ch->small_bytes >= ch->options->wait_bytes || next - first >= links_max || ch->large.len >= filters_max;
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    return rc != 0 ? rc : ch->last != 0 && (enough || ch->options->closed);
}

/* ---- packing ---- */

static bool stopped(const struct merge_options *o)
{
    return o->stop != NULL && atomic_load(o->stop);
}

/* Leaves the processor to others for a while. */
static void rest(const struct merge_options *o, time_ns took)
{
    enum { SLICE_MS = 50 };
    const struct timespec slice = {0, SLICE_MS * 1000000L};
    for (time_ns left = took * (time_ns)o->rest; left > 0 && !stopped(o); left -= slice.tv_nsec) {
        const struct timespec tail = {0, (long)(left % slice.tv_nsec)};
        (void)nanosleep(left >= slice.tv_nsec ? &slice : &tail, NULL);
    }
}

static int pack_group(struct choice *ch, sqlite3 *db, const struct group *g,
                      struct block_packer *p, struct filter_builder *f, struct err *e)
{
    size_t n = g->members.len;
    int rc = 0;
    if (n > 0 && g->members.data[n - 1].id == ch->last) {
        n--; /* the last link's row stands: what comes behind holds on to it */
    }
    for (size_t from = 0; rc == 0 && from < n && !stopped(ch->options);) {
        size_t to = from;
        uint64_t bytes = 0;
        uint64_t records = 0;
        while (to < n && (to == from || (bytes + g->members.data[to].bytes <= MERGE_UNIT_BYTES &&
                                         records + g->members.data[to].count <= MERGE_UNIT_RECORDS))) {
            bytes += g->members.data[to].bytes;
            records += g->members.data[to].count;
            to++;
        }
        const struct merge_unit u = {&g->members.data[from], to - from, g->in_order, g->digest};
        time_ns began = clock_mono();
        rc = u.count > 1 ? merge_unit_pack(ch->m, db, &u, p, f, e) : 0;
        rest(ch->options, clock_mono() - began);
        from = to;
    }
    return rc;
}

/* 1; 0: it was stopped. */
static int pack_all(struct choice *ch, sqlite3 *db, struct err *e)
{
    struct merge *m = ch->m;
    size_t n = (size_t)ch->last - m->stretch.first + 1;
    int rc = 0;
    m->stretch.last = ch->last;
    m->stretch.links = arena_calloc(&m->arena, n, sizeof *m->stretch.links);
    m->stretch.units = arena_calloc(&m->arena, n, sizeof *m->stretch.units);
    struct block_packer *p = block_packer_new(ch->options->level);
    struct filter_builder *f = filter_builder_new();
    for (size_t i = 0; rc == 0 && i < ch->list.len; i++) {
        rc = pack_group(ch, db, &ch->list.data[i], p, f, e);
    }
    for (size_t i = 0; rc == 0 && i < ch->large.len && !stopped(ch->options); i++) {
        time_ns began = clock_mono();
        rc = merge_filter_block(m, db, ch->large.data[i], f, e);
        rest(ch->options, clock_mono() - began);
    }
    filter_builder_free(&f);
    block_packer_free(&p);
    return rc != 0 ? rc : !stopped(ch->options);
}

/* A file of format 1 is let be: its alerts stand beside the chain, and its number says so. */
static int format_of(sqlite3 *db, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, "PRAGMA user_version", &s, e);
    rc = rc == 0 ? dayfile_row(db, s, e) : rc;
    *out = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

int archive_merge_prepare(struct archive_reader *r, int32_t day, const struct merge_options *o,
                          struct merge **out, struct err *e)
{
    sqlite3 *db = NULL;
    struct merge *m = mem_alloc(sizeof *m);
    struct choice ch = {.m = m, .options = o};
    uint32_t end = 0;
    int64_t format = 0;
    bool purging = false;
    m->day = day;
    arena_init(&m->arena, 1 << 20);
    arena_init(&ch.names, 0);
    map_init(&ch.groups);
    map_init(&ch.sources);
    int rc = archive_reader_day(r, day, &db, e);
    rc = rc == 0 ? format_of(db, &format, e) : rc;
    rc = rc == 0 ? stretch_end(db, &end, e) : rc;
    rc = rc == 0 ? purge_under_way(db, &purging, e) : rc;
    if (rc == 0 && format >= 2 && !purging) {
        m->stretch.first = end + 1;
        rc = choose(&ch, db, e);
    }
    if (rc == 1) {
        rc = pack_all(&ch, db, e);
    }
    for (size_t i = 0; i < ch.list.len; i++) {
        vec_free(&ch.list.data[i].members);
    }
    vec_free(&ch.list);
    vec_free(&ch.large);
    map_free(&ch.groups);
    map_free(&ch.sources);
    arena_fini(&ch.names);
    if (rc == 1) {
        *out = m;
    } else {
        archive_merge_free(&m);
    }
    return rc;
}

void archive_merge_totals(const struct merge *m, struct merge_totals *out)
{
    *out = m->totals;
}

void archive_merge_free(struct merge **given)
{
    struct merge *m = *given;
    if (m != NULL) {
        arena_fini(&m->arena);
        vec_free(&m->gone);
        vec_free(&m->rows);
        vec_free(&m->filters);
        mem_free(m);
        *given = NULL;
    }
}

/* ---- writing ---- */

static int drop_rows(const struct merge *m, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, "DELETE FROM block WHERE id=?1 AND kind=0 AND body IS NOT NULL", &s, e);
    for (size_t i = 0; rc == 0 && i < m->gone.len; i++) {
        MUST(sqlite3_bind_int64(s, 1, m->gone.data[i]));
        rc = dayfile_run(db, s, e);
        if (rc == 0 && sqlite3_changes(db) != 1) {
            rc = err_set(e, ERR_BUSY, "a block changed while it was merged");
        }
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static int put_packs(const struct merge *m, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, DAYFILE_PUT_BLOCK, &s, e);
    for (size_t i = 0; rc == 0 && i < m->rows.len; i++) {
        unsigned char hash[ARCHIVE_HASH_BYTES];
        struct buf header;
        buf_init(&header, ARCHIVE_HEADER_MAX_BYTES);
        archive_header_encode(&header, &m->rows.data[i].header);
        archive_hash(buf_view(&header), hash);
        rc = header.failed ? err_set(e, ERR_LIMIT, "header over its limit")
                           : dayfile_put_block(db, s, &m->rows.data[i].header, buf_view(&header), hash,
                                               m->rows.data[i].body, e);
        buf_free(&header);
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static int put_stretch(const struct merge *m, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    struct buf links;
    uint32_t end = 0;
    buf_init(&links, STRETCH_TEXT_MAX + (1 << 20));
    stretch_encode(&m->stretch, &links);
    int rc = stretch_end(db, &end, e);
    if (rc == 0 && end + 1 != m->stretch.first) {
        rc = err_set(e, ERR_BUSY, "another stretch was merged meanwhile");
    }
    rc = rc == 0 ? dayfile_prepare(db, "INSERT INTO stretch VALUES(?1,?2,?3)", &s, e) : rc;
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, m->stretch.first));
        MUST(sqlite3_bind_int64(s, 2, m->stretch.last));
        dayfile_bind_blob(s, 3, buf_view(&links));
        rc = dayfile_run(db, s, e);
    }
    (void)sqlite3_finalize(s);
    buf_free(&links);
    return rc;
}

static int write_all(const struct merge *m, sqlite3 *db, struct err *e)
{
    char sql[64];
    bool purging = false;
    int rc = dayfile_exec(db, "BEGIN IMMEDIATE", e);
    if (rc != 0) {
        return rc;
    }
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", (int)ARCHIVE_FORMAT);
    rc = dayfile_exec(db, sql, e); /* an older program must not take a pack for a gap */
    rc = rc == 0 ? purge_under_way(db, &purging, e) : rc;
    if (rc == 0 && purging) {
        rc = err_set(e, ERR_BUSY, "retention lets go of some of the day");
    }
    rc = rc == 0 ? put_stretch(m, db, e) : rc;
    rc = rc == 0 ? drop_rows(m, db, e) : rc;
    rc = rc == 0 ? put_packs(m, db, e) : rc;
    rc = rc == 0 ? merge_filters_put(m, db, e) : rc;
    rc = rc == 0 ? dayfile_exec(db, "COMMIT", e) : rc;
    if (rc != 0) {
        dayfile_rollback(db);
    }
    return rc;
}

int archive_merge_commit(struct archive *a, const struct merge *m, struct err *e)
{
    if (a->db != NULL && a->day == m->day) {
        return write_all(m, a->db, e);
    }
    char path[DB_PATH_MAX];
    sqlite3 *db = NULL;
    bool fresh = false;
    int rc = dayfile_path(a->folder, m->day, path, e);
    if (rc == 0 && access(path, F_OK) != 0) { /* opening it would make it anew, empty */
        return err_set(e, ERR_BUSY, "the file went meanwhile");
    }
    rc = rc == 0 ? dayfile_open_writer(path, &db, &fresh, e) : rc;
    if (rc == 0 && fresh) {
        rc = err_set(e, ERR_BUSY, "nothing is in the file");
    }
    rc = rc == 0 ? write_all(m, db, e) : rc;
    /* What became free goes back to the disk; files of before format 3 keep it for themselves. */
    rc = rc == 0 ? dayfile_exec(db, "PRAGMA incremental_vacuum", e) : rc;
    dayfile_close(&db);
    return rc;
}
