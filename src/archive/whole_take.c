/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A day coming in: see whole.h. Lines are hostile: tables and columns are those of a new day file and no others, and a block is
 * taken only where its records make the header that its link has.
 */
#include "archive/whole.h"

#include <string.h>

#include "archive/priv.h"
#include "archive/whole_priv.h"
#include "base/mem.h"

enum { INSERTS_MAX = 16 /* tables of a day file */ };

struct archive_whole {
    char *folder;
    sqlite3 *db; /* NULL between days */
    int32_t day;
    int32_t last_day;
    size_t tables;
    struct {
        struct rows_table shape;
        sqlite3_stmt *insert;
    } table[INSERTS_MAX];
    sqlite3_stmt *find, *fill, *expect;
    struct block_packer *packer;
    struct arena line;  /* of one line */
    struct arena block; /* of the block that is put together */
    uint32_t at;        /* its number; 0: none */
    struct archive_header header;
    struct whole_block made;
    struct buf body;
    struct archive_whole_totals totals;
};

int whole_block_add(struct whole_block *b, const struct archive_header *h, const struct archive_whole_record *r, struct arena *a,
                    struct err *e)
{
    const struct archive_record *x = &r->record;
    if (b->count >= h->count || x->original.len > h->originals_bytes - b->bytes || !span_eq(x->organisation, h->organisation) ||
        !span_eq(x->source, h->source) || !span_eq(x->class_name, h->class_name)) {
        return err_set(e, ERR_INVALID, "a record is not of block %u", (unsigned)h->id);
    }
    if (b->records == NULL) {
        b->records = arena_calloc(a, h->count, sizeof(void *));
        b->origins = arena_calloc(a, h->count, sizeof *b->origins);
    }
    struct archive_record *copy = arena_alloc(a, sizeof *copy);
    *copy = *x;
    b->records[b->count] = copy;
    b->origins[b->count++] = (struct block_origin){r->at.block, r->at.index};
    b->bytes += x->original.len;
    return 0;
}

static bool same_header(const struct archive_header *a, const struct archive_header *b)
{
    return a->kind == b->kind && a->count == b->count && a->time_min == b->time_min && a->time_max == b->time_max &&
           a->received_min == b->received_min && a->received_max == b->received_max && a->meta_bytes == b->meta_bytes &&
           a->originals_bytes == b->originals_bytes && span_eq(a->organisation, b->organisation) &&
           span_eq(a->source, b->source) && span_eq(a->class_name, b->class_name) &&
           memcmp(a->originals_hash, b->originals_hash, ARCHIVE_HASH_BYTES) == 0 &&
           memcmp(a->meta_hash, b->meta_hash, ARCHIVE_HASH_BYTES) == 0;
}

int whole_block_fits(struct whole_block *b, const struct archive_header *h, struct block_packer *p, struct err *e)
{
    struct archive_header again = {0};
    const struct block_origin *origins = h->kind == ARCHIVE_KIND_PACK ? b->origins : NULL;
    if (b->count != h->count || b->bytes != h->originals_bytes) {
        return err_set(e, ERR_INVALID, "block %u lacks records", (unsigned)h->id);
    }
    int rc = block_content_again(p, b->records, origins, b->count, h->digest, &again, e);
    return rc != 0 || same_header(&again, h)
               ? rc
               : err_set(e, ERR_INVALID, "the records of block %u do not make the link that the chain has", (unsigned)h->id);
}

struct archive_whole *archive_whole_new(const char *folder)
{
    struct archive_whole *w = mem_alloc(sizeof *w);
    memset(w, 0, sizeof *w);
    w->folder = mem_strdup(folder);
    w->last_day = INT32_MIN;
    w->packer = block_packer_new(BLOCK_LEVEL_DEFAULT);
    arena_init(&w->line, 1 << 20);
    arena_init(&w->block, 1 << 20);
    buf_init(&w->body, ARCHIVE_BODY_MAX_BYTES);
    return w;
}

static void close_day(struct archive_whole *w)
{
    for (size_t i = 0; i < w->tables; i++) {
        (void)sqlite3_finalize(w->table[i].insert);
        w->table[i].insert = NULL;
    }
    w->tables = 0;
    sqlite3_stmt **more[] = {&w->find, &w->fill, &w->expect};
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        (void)sqlite3_finalize(*more[i]);
        *more[i] = NULL;
    }
    if (w->db != NULL) {
        dayfile_rollback(w->db);
        dayfile_close(&w->db);
    }
    w->at = 0;
}

void archive_whole_free(struct archive_whole **w)
{
    if (*w != NULL) {
        close_day(*w);
        block_packer_free(&(*w)->packer);
        arena_fini(&(*w)->line);
        arena_fini(&(*w)->block);
        buf_free(&(*w)->body);
        mem_free((*w)->folder);
        mem_free(*w);
        *w = NULL;
    }
}

static int shapes(struct archive_whole *w, struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    int rc = rows_tables(w->db, &w->line, &names, &n, e);
    CHECK(rc != 0 || n <= INSERTS_MAX);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct rows_table *t = &w->table[w->tables].shape;
        rc = rows_shape(w->db, names[i], t, e);
        w->table[w->tables++].insert = NULL;
        if (rc == 0 && strcmp(t->name, "block") == 0) {
            t->count--; /* the body comes with the records */
        }
    }
    return rc;
}

/* The first line of a day says what it is; the file must be new. */
static int begin_day(struct archive_whole *w, int32_t day, struct span line, struct err *e)
{
    char path[DB_PATH_MAX];
    struct jcs *about = NULL;
    bool fresh = false;
    int64_t number = 0, format = 0;
    int rc = jcs_read(&w->line, line, 1, &about, e);
    if (rc == 0 && (!jcs_get_int(about, "day", &number) || number != day || !jcs_get_int(about, "format", &format) || format < 1 ||
                    format > ARCHIVE_FORMAT || day <= w->last_day)) {
        return err_set(e, ERR_INVALID, "is no day that can come here, or of a format that this program does not know");
    }
    rc = rc == 0 ? dayfile_path(w->folder, day, path, e) : rc;
    rc = rc == 0 ? dayfile_open_writer(path, &w->db, &fresh, e) : rc;
    if (rc == 0 && !fresh) {
        rc = err_set(e, ERR_EXISTS, "this day is there already");
    }
    rc = rc == 0 ? dayfile_exec(w->db, "BEGIN IMMEDIATE", e) : rc;
    rc = rc == 0 ? dayfile_create(w->db, day, e) : rc;
    rc = rc == 0 ? dayfile_exec(w->db, "DELETE FROM meta", e) : rc;
    /* Bodies are packed anew, as this program does; what a file of format 1 is without stays so (verify_more.c). */
    rc = rc == 0 ? dayfile_set_format(w->db, format > 1 ? ARCHIVE_FORMAT : 1, e) : rc;
    rc = rc == 0 ? shapes(w, e) : rc;
    rc = rc == 0 ? dayfile_prepare(w->db, "SELECT header FROM block WHERE id = ?1 AND length(body) = 0", &w->find, e) : rc;
    rc = rc == 0 ? dayfile_prepare(w->db, "UPDATE block SET body = ?2 WHERE id = ?1 AND length(body) = 0", &w->fill, e) : rc;
    rc = rc == 0 ? dayfile_prepare(w->db, "UPDATE block SET body = x'' WHERE id = ?1", &w->expect, e) : rc;
    w->day = day;
    return rc;
}

static int take_row(struct archive_whole *w, struct span name, struct span line, struct err *e)
{
    struct jcs *row = NULL;
    bool has = false, block = span_eq(name, SPAN("block"));
    int64_t id = 0;
    size_t i = 0;
    while (i < w->tables && !span_eq(span_of(w->table[i].shape.name), name)) {
        i++;
    }
    if (i == w->tables) {
        return err_set(e, ERR_INVALID, "no table of a day file");
    }
    int rc = line.len < ROWS_LINE_MAX ? jcs_read_decimals(&w->line, line, JCS_DEPTH_MAX, &row, e) : err_set(e, ERR_LIMIT, "a line is too long");
    rc = rc == 0 ? rows_take_object(w->db, &w->table[i].shape, &w->table[i].insert, row, true, block, &w->line, e) : rc;
    if (rc == 0 && block && !(jcs_get_bool(row, WHOLE_HAS_BODY, &has) && jcs_get_int(row, "id", &id))) {
        rc = err_set(e, ERR_INVALID, "a link does not say whether a block lies behind it");
    }
    if (rc == 0 && has) {
        MUST(sqlite3_bind_int64(w->expect, 1, id));
        rc = dayfile_run(w->db, w->expect, e);
    }
    return rc;
}

static int fill(struct archive_whole *w, uint32_t id, struct span body, struct err *e)
{
    MUST(sqlite3_bind_int64(w->fill, 1, id));
    dayfile_bind_blob(w->fill, 2, body);
    int rc = dayfile_run(w->db, w->fill, e);
    return rc == 0 && sqlite3_changes(w->db) != 1 ? err_set(e, ERR_INVALID, "no link waits for block %u", (unsigned)id) : rc;
}

static int end_block(struct archive_whole *w, struct err *e)
{
    struct archive_header ignored;
    if (w->at == 0) {
        return 0;
    }
    int rc = whole_block_fits(&w->made, &w->header, w->packer, e);
    if (rc == 0) {
        buf_clear(&w->body);
        if (w->header.kind == ARCHIVE_KIND_PACK) {
            block_pack_merged(w->packer, w->made.records, w->made.origins, w->made.count, w->header.digest, &ignored, &w->body);
        } else {
            block_pack(w->packer, w->made.records, w->made.count, &ignored, &w->body);
        }
        CHECK(!w->body.failed);
        rc = fill(w, w->at, buf_view(&w->body), e);
    }
    w->at = 0;
    return rc;
}

static int begin_block(struct archive_whole *w, uint32_t id, struct err *e)
{
    arena_reset(&w->block);
    w->made = (struct whole_block){0};
    MUST(sqlite3_bind_int64(w->find, 1, id));
    int rc = dayfile_row(w->db, w->find, e);
    if (rc == 1) {
        struct cursor c = cursor_of(arena_copy(&w->block, dayfile_column(w->find, 0)));
        rc = archive_header_decode(&c, &w->header, e);
    } else if (rc == 0) {
        rc = err_set(e, ERR_INVALID, "no link waits for block %u", (unsigned)id);
    }
    (void)sqlite3_reset(w->find);
    if (rc == 0 && ((w->header.kind != ARCHIVE_KIND_BLOCK && w->header.kind != ARCHIVE_KIND_PACK) || w->header.count == 0 ||
                    w->header.count > ARCHIVE_BLOCK_RECORDS_MAX || w->header.originals_bytes > ARCHIVE_BLOCK_MAX_BYTES)) {
        rc = err_set(e, ERR_INVALID, "block %u is none that holds records", (unsigned)id);
    }
    w->at = rc == 0 ? id : 0;
    return rc;
}

static int take_record(struct archive_whole *w, struct span line, struct err *e)
{
    struct archive_whole_record r;
    struct jcs *only = NULL;
    int64_t where = 0;
    int rc = jcs_read(&w->line, line, 1, &only, e);
    if (rc == 0 && (!jcs_get_int(only, "lies_in", &where) || where < 0 || where > UINT32_MAX)) {
        rc = err_set(e, ERR_INVALID, "a record does not say which block it lies in");
    }
    if (rc != 0 || where == 0) {
        return rc; /* for people to read; its block comes as bytes */
    }
    if (w->at != (uint32_t)where) {
        rc = end_block(w, e);
        rc = rc == 0 ? begin_block(w, (uint32_t)where, e) : rc;
    }
    rc = rc == 0 ? archive_whole_read(line, &w->block, &r, e) : rc;
    if (rc == 0 && r.at.day != w->day) {
        rc = err_set(e, ERR_INVALID, "a record of another day");
    }
    rc = rc == 0 ? whole_block_add(&w->made, &w->header, &r, &w->block, e) : rc;
    w->totals.records += rc == 0;
    w->totals.bytes += rc == 0 ? r.record.original.len : 0;
    return rc == 0 && w->made.count == w->header.count ? end_block(w, e) : rc;
}

static int take_rest(struct archive_whole *w, struct span line, struct err *e)
{
    struct jcs *v = NULL;
    struct span coded, body;
    int64_t id = 0;
    int rc = jcs_read(&w->line, line, 1, &v, e);
    if (rc == 0 && !(jcs_get_int(v, "block", &id) && id > 0 && id <= UINT32_MAX && jcs_get_text(v, "body", &coded) &&
                     rows_bytes(coded, &w->line, &body) && body.len > 0 && body.len <= ARCHIVE_BODY_MAX_BYTES)) {
        rc = err_set(e, ERR_INVALID, "is no block as bytes");
    }
    return rc == 0 ? fill(w, (uint32_t)id, body, e) : rc;
}

int archive_whole_end(struct archive_whole *w, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (w->db == NULL) {
        return 0;
    }
    int rc = end_block(w, e);
    rc = rc == 0 ? dayfile_prepare(w->db, "SELECT id FROM block WHERE length(body) = 0 LIMIT 1", &s, e) : rc;
    if (rc == 0 && (rc = dayfile_row(w->db, s, e)) == 1) {
        rc = err_set(e, ERR_INVALID, "the records of block %lld are missing", (long long)sqlite3_column_int64(s, 0));
    }
    (void)sqlite3_finalize(s);
    rc = rc == 0 ? dayfile_exec(w->db, "COMMIT", e) : rc;
    w->last_day = w->day;
    close_day(w);
    return rc;
}

int archive_whole_line(struct archive_whole *w, int32_t day, struct span part, struct span name, struct span line, struct err *e)
{
    arena_reset(&w->line);
    bool about = span_eq(part, SPAN("chain")) && span_eq(name, SPAN("about"));
    if (about) {
        int rc = archive_whole_end(w, e);
        return rc == 0 ? begin_day(w, day, line, e) : rc;
    }
    if (w->db == NULL || w->day != day) {
        return err_set(e, ERR_INVALID, "comes before what its day is");
    }
    if (span_eq(part, SPAN("chain"))) {
        return take_row(w, name, line, e);
    }
    if (span_eq(part, SPAN("records"))) {
        return take_record(w, line, e);
    }
    return span_eq(part, SPAN("rest")) ? take_rest(w, line, e) : err_set(e, ERR_INVALID, "no part of a day");
}

void archive_whole_totals_of(const struct archive_whole *w, struct archive_whole_totals *out)
{
    *out = w->totals;
}
