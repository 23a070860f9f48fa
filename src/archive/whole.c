/* SPDX-License-Identifier: EUPL-1.2 */
/* A day going out whole: see whole.h. What lies on disk may be damaged; a block that is goes out as the bytes it is. */
#include "archive/whole.h"

#include <string.h>

#include "archive/priv.h"
#include "archive/whole_priv.h"
#include "base/mem.h"

struct going {
    sqlite3 *db;
    int32_t day;
    archive_whole_give *give;
    void *ctx;
    struct archive_whole_totals *totals;
    struct block_packer *packer;
    struct buf out;
    struct arena a;
};

static int give(struct going *g, const char *part, struct span name, struct err *e)
{
    int rc = g->out.failed ? err_set(e, ERR_LIMIT, "a line of %s is too long", part)
                           : g->give(g->ctx, part, name, buf_view(&g->out), e);
    buf_clear(&g->out);
    return rc;
}

static int give_about(struct going *g, struct err *e)
{
    int format = dayfile_format(g->db);
    buf_printf(&g->out, "{\"day\":%d,\"format\":%d}\n", (int)g->day, format);
    return format < 1 ? err_set(e, ERR_IO, "its format cannot be read") : give(g, "chain", SPAN("about"), e);
}

/* A row as rows.h writes it; of a block without its body, but with the word whether there is one. */
static int put_row(struct going *g, const struct rows_table *t, sqlite3_stmt *s, bool blocks, struct err *e)
{
    struct json_writer j;
    if (!blocks) {
        return rows_line(t, s, true, &g->a, &g->out, e);
    }
    json_writer_init(&j, &g->out);
    json_object(&j);
    rows_members(t, s, true, "body", &g->a, &j);
    json_key(&j, WHOLE_HAS_BODY);
    json_bool(&j, sqlite3_column_type(s, (int)t->count - 1) != SQLITE_NULL);
    json_end(&j);
    buf_u8(&g->out, '\n');
    return 0;
}

static int give_table(struct going *g, const char *name, struct err *e)
{
    struct rows_table t;
    sqlite3_stmt *s = NULL;
    bool blocks = strcmp(name, "block") == 0;
    int rc = rows_shape(g->db, name, &t, e);
    CHECK(rc != 0 || !blocks || strcmp(t.columns[t.count - 1].name, "body") == 0);
    rc = rc == 0 ? rows_select(g->db, &t, &s, e) : rc;
    while (rc == 0 && (rc = rows_next(g->db, s, e)) > 0) {
        arena_reset(&g->a);
        rc = put_row(g, &t, s, blocks, e);
        rc = rc == 0 ? give(g, "chain", span_of(name), e) : rc;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static int give_tables(struct going *g, struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    struct arena keep;
    arena_init(&keep, 1 << 14);
    int rc = rows_tables(g->db, &keep, &names, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = give_table(g, names[i], e);
    }
    arena_fini(&keep);
    return rc;
}

/* The lines of a block, in g->out. where: its number, or 0 when they are only for reading. */
static void put_records(struct going *g, uint32_t id, uint32_t where, const struct block *b)
{
    buf_clear(&g->out);
    for (size_t i = 0; i < b->count; i++) {
        bool moved = b->origins != NULL;
        const struct archive_whole_record r = {
            .where = where,
            .at = {g->day, moved ? b->origins[i].block : id, moved ? b->origins[i].index : (uint32_t)i},
            .record = b->records[i],
        };
        archive_whole_put(&r, &g->a, &g->out);
    }
}

/* Whether the lines in g->out, read as whoever imports will, make the same block. */
static bool comes_back(struct going *g, const struct archive_header *h, size_t count)
{
    struct whole_block made = {0};
    struct span rest = buf_view(&g->out);
    struct err ignored = {0};
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t end = span_find(rest, '\n');
        struct archive_whole_record r;
        if (end < 0 || archive_whole_read(span_sub(rest, 0, (size_t)end), &g->a, &r, &ignored) != 0 ||
            whole_block_add(&made, h, &r, &g->a, &ignored) != 0) {
            return false;
        }
        rest = span_sub(rest, (size_t)end + 1, rest.len);
    }
    return whole_block_fits(&made, h, g->packer, &ignored) == 0;
}

/* Bytes of a block that its records do not make again. */
static int give_rest(struct going *g, uint32_t id, struct span body, struct err *e)
{
    struct json_writer j;
    buf_clear(&g->out);
    json_writer_init(&j, &g->out);
    json_object(&j);
    json_key(&j, "block");
    json_u64(&j, id);
    json_key(&j, "body");
    rows_put_bytes(&j, body, &g->a);
    json_end(&j);
    buf_u8(&g->out, '\n');
    return give(g, "rest", SPAN("body"), e);
}

/* What a block is: records come out of it, and out of those the block again. */
enum readable { READABLE, OPAQUE, DAMAGED };

static enum readable look(struct going *g, const struct archive_header *h, struct span body)
{
    struct block b;
    struct err ignored = {0};
    if ((h->kind != ARCHIVE_KIND_BLOCK && h->kind != ARCHIVE_KIND_PACK) ||
        block_unpack(h, body, &g->a, &b, &ignored) != 0 || block_check(h, &b, &ignored) != 0) {
        buf_clear(&g->out);
        return DAMAGED;
    }
    put_records(g, h->id, h->id, &b);
    if (!g->out.failed && comes_back(g, h, b.count)) {
        return READABLE;
    }
    put_records(g, h->id, 0, &b);
    return OPAQUE;
}

static int read_header(sqlite3_stmt *s, struct archive_header *h, struct span *body_out)
{
    struct cursor c = cursor_of(dayfile_column(s, 0));
    struct err ignored = {0};
    *body_out = dayfile_column(s, 1);
    return archive_header_decode(&c, h, &ignored);
}

/* The records of one source, in the order in which its blocks lie. */
static int give_source(struct going *g, struct span source, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(g->db, "SELECT header, body, id FROM block WHERE source = ?1 AND body IS NOT NULL ORDER BY id", &s, e);
    if (rc == 0) {
        dayfile_bind_text(s, 1, source);
    }
    while (rc == 0 && (rc = dayfile_row(g->db, s, e)) > 0) {
        struct archive_header h;
        struct span body;
        arena_reset(&g->a);
        enum readable is = read_header(s, &h, &body) == 0 ? look(g, &h, body) : DAMAGED;
        g->totals->blocks++;
        g->totals->damaged += is == DAMAGED;
        g->totals->opaque += is == OPAQUE;
        g->totals->records += is == DAMAGED ? 0 : h.count;
        g->totals->bytes += is == DAMAGED ? 0 : h.originals_bytes;
        rc = g->out.len > 0 ? give(g, "records", source, e) : 0;
    }
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

static int give_records(struct going *g, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(g->db, "SELECT DISTINCT source FROM block WHERE body IS NOT NULL ORDER BY source", &s, e);
    while (rc == 0 && (rc = dayfile_row(g->db, s, e)) > 0) {
        rc = give_source(g, dayfile_column(s, 0), e);
    }
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

/* A second look at the blocks of a day that has any such; seldom one. */
static int give_bodies(struct going *g, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(g->db, "SELECT header, body, id FROM block WHERE body IS NOT NULL ORDER BY id", &s, e);
    while (rc == 0 && (rc = dayfile_row(g->db, s, e)) > 0) {
        struct archive_header h;
        struct span body;
        arena_reset(&g->a);
        enum readable is = read_header(s, &h, &body) == 0 ? look(g, &h, body) : DAMAGED;
        rc = is == READABLE ? 0 : give_rest(g, (uint32_t)sqlite3_column_int64(s, 2), dayfile_column(s, 1), e);
        buf_clear(&g->out);
    }
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

int archive_whole_day(struct archive_reader *r, int32_t day, archive_whole_give *to, void *ctx,
                      struct archive_whole_totals *totals, struct err *e)
{
    struct going g = {.day = day, .give = to, .ctx = ctx, .totals = totals};
    uint64_t odd = totals->damaged + totals->opaque;
    int rc = archive_reader_day(r, day, &g.db, e);
    if (rc != 0) {
        return rc;
    }
    g.packer = block_packer_new(BLOCK_LEVEL_DEFAULT);
    buf_init(&g.out, WHOLE_BLOCK_LINES_MAX);
    arena_init(&g.a, 1 << 20);
    rc = give_about(&g, e);
    rc = rc == 0 ? give_tables(&g, e) : rc;
    rc = rc == 0 ? give_records(&g, e) : rc;
    rc = rc == 0 && totals->damaged + totals->opaque > odd ? give_bodies(&g, e) : rc;
    arena_fini(&g.a);
    buf_free(&g.out);
    block_packer_free(&g.packer);
    return rc;
}
