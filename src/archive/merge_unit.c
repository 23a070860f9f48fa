/* SPDX-License-Identifier: EUPL-1.2 */
/* One unit of merging: records of many blocks, sorted by host, packed anew. See merge.h. Must leave alone every block whose
 * header does not follow from its records. */
#include <stdlib.h>
#include <string.h>

#include "archive/merge_priv.h"
#include "base/mem.h"

enum {
    PACK_RECORDS_MAX = 32768,        /* keeps columns under their limit, origins included */
    PACK_NAMES_MAX = 1024 * 1024,    /* bytes of host and sender names in one pack, likewise */
    PACKED_MAX = 2 * MERGE_UNIT_BYTES + (64 << 20),
};

struct entry {
    const struct archive_record *record;
    struct block_origin origin;
};

struct unit {
    struct merge *m;
    sqlite3 *db;
    struct block_packer *packer;
    enum archive_digest digest;
    struct arena scratch;
    VEC(struct entry) entries;
    VEC(const struct merge_member *) taken;
    VEC(const struct archive_record *) cut;
    VEC(struct block_origin) cut_origins;
    VEC(struct merge_row) rows;
    VEC(size_t) body_at;
    VEC(size_t) filter_end;
    struct buf bodies, filters;
    struct filter_builder *filter;
    uint64_t bytes_before;
};

static int compare_names(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int by_place(const void *x, const void *y)
{
    const struct entry *a = x;
    const struct entry *b = y;
    if (a->origin.block != b->origin.block) {
        return a->origin.block < b->origin.block ? -1 : 1;
    }
    return (a->origin.index > b->origin.index) - (a->origin.index < b->origin.index);
}

static int by_host(const void *x, const void *y)
{
    const struct entry *a = x;
    const struct entry *b = y;
    int c = compare_names(a->record->host, b->record->host);
    return c != 0 ? c : by_place(x, y);
}

/* Whether the stored header is what block_header_again makes of these records. */
static bool made_again(struct unit *u, const struct archive_header *stored, struct span bytes,
                       const struct block *b)
{
    struct archive_header again;
    struct buf out;
    struct err e = {0};
    const struct archive_record **list = mem_calloc(b->count, sizeof *list);
    for (size_t i = 0; i < b->count; i++) {
        list[i] = &b->records[i];
    }
    bool same = block_header_again(u->packer, list, b->count, stored->digest, &again, &e) == 0;
    again.day = stored->day;
    again.id = stored->id;
    memcpy(again.previous, stored->previous, sizeof again.previous);
    buf_init(&out, ARCHIVE_HEADER_MAX_BYTES);
    if (same) {
        archive_header_encode(&out, &again);
    }
    same = same && !out.failed && span_eq(buf_view(&out), bytes);
    buf_free(&out);
    mem_free(list);
    return same;
}

static int read_member(struct unit *u, sqlite3_stmt *s, const struct merge_member *member,
                       struct err *e)
{
    struct archive_header h;
    struct block b;
    struct err why = {0};
    MUST(sqlite3_bind_int64(s, 1, member->id));
    int rc = dayfile_row(u->db, s, e);
    if (rc <= 0) {
        (void)sqlite3_reset(s);
        return rc;
    }
    struct span bytes = arena_copy(&u->scratch, dayfile_column(s, 0));
    struct span body = arena_copy(&u->scratch, dayfile_column(s, 1));
    (void)sqlite3_reset(s);
    struct cursor c = cursor_of(bytes);
    if (archive_header_decode(&c, &h, &why) != 0 || h.kind != ARCHIVE_KIND_BLOCK ||
        h.day != u->m->day || h.id != member->id || h.count != member->count || h.digest != u->digest ||
        block_unpack(&h, body, &u->scratch, &b, &why) != 0 || !made_again(u, &h, bytes, &b)) {
        return 0; /* verify tells of it; what is damaged stays as it is */
    }
    for (size_t i = 0; i < b.count; i++) {
        vec_push(&u->entries, (struct entry){&b.records[i], {h.id, (uint32_t)i}});
    }
    vec_push(&u->taken, member);
    u->bytes_before += body.len;
    return 0;
}

static void end_pack(struct unit *u)
{
    struct merge_row row = {0};
    vec_push(&u->body_at, u->bodies.len);
    block_pack_merged(u->packer, u->cut.data, u->cut_origins.data, u->cut.len, u->digest,
                      &row.header, &u->bodies);
    CHECK(!u->bodies.failed);
    row.body.len = u->bodies.len - *vec_last(&u->body_at);
    filter_of_records(u->filter, u->cut.data, u->cut.len, &u->filters);
    vec_push(&u->filter_end, u->filters.len);
    vec_push(&u->rows, row);
    vec_clear(&u->cut);
    vec_clear(&u->cut_origins);
}

static void cut_packs(struct unit *u)
{
    size_t bytes = 0;
    size_t names = 0;
    for (size_t i = 0; i < u->entries.len; i++) {
        const struct archive_record *r = u->entries.data[i].record;
        const struct archive_record *before = u->cut.len == 0 ? NULL : *vec_last(&u->cut);
        size_t more = (before == NULL || !span_eq(before->host, r->host) ? r->host.len : 0) +
                      (before == NULL || !span_eq(before->sender, r->sender) ? r->sender.len : 0);
        if (u->cut.len > 0 && (u->cut.len == PACK_RECORDS_MAX || names + more > PACK_NAMES_MAX ||
                               bytes + r->original.len > ARCHIVE_BLOCK_MAX_BYTES)) {
            end_pack(u);
            bytes = 0;
            names = 0;
            more = r->host.len + r->sender.len;
        }
        bytes += r->original.len;
        names += more;
        vec_push(&u->cut, r);
        vec_push(&u->cut_origins, u->entries.data[i].origin);
    }
    if (u->cut.len > 0) {
        end_pack(u);
    }
}

/* The packs take the ids of the last blocks, so that a walk by ids still meets every record behind those before it. */
static void keep_unit(struct unit *u)
{
    struct merge *m = u->m;
    struct stretch_unit *unit = &m->stretch.units[m->stretch.nunits++];
    unit->npacks = u->rows.len;
    unit->packs = arena_calloc(&m->arena, u->rows.len, sizeof(uint32_t));
    for (size_t i = 0; i < u->rows.len; i++) {
        struct merge_row row = u->rows.data[i];
        row.body = arena_copy(&m->arena, span_make(u->bodies.data + u->body_at.data[i], row.body.len));
        row.header.organisation = arena_copy(&m->arena, row.header.organisation);
        row.header.source = arena_copy(&m->arena, row.header.source);
        row.header.class_name = arena_copy(&m->arena, row.header.class_name);
        row.header.day = m->day;
        row.header.id = u->taken.data[u->taken.len - u->rows.len + i]->id;
        unit->packs[i] = row.header.id;
        m->totals.bytes_after += row.body.len;
        vec_push(&m->rows, row);
        size_t from = i == 0 ? 0 : u->filter_end.data[i - 1];
        size_t bytes = u->filter_end.data[i] - from;
        merge_filter_keep(m, &row.header, span_make(bytes == 0 ? NULL : u->filters.data + from, bytes));
    }
    for (size_t i = 0; i < u->taken.len; i++) {
        const struct merge_member *t = u->taken.data[i];
        m->stretch.links[t->id - m->stretch.first] =
            (struct stretch_link){(uint32_t)m->stretch.nunits, t->count};
        vec_push(&m->gone, t->id);
        m->totals.records += t->count;
    }
    m->totals.blocks += u->taken.len;
    m->totals.packs += u->rows.len;
    m->totals.bytes_before += u->bytes_before;
}

int merge_unit_pack(struct merge *m, sqlite3 *db, const struct merge_unit *given,
                    struct block_packer *p, struct filter_builder *f, struct err *e)
{
    struct unit u = {.m = m, .db = db, .packer = p, .digest = given->digest, .filter = f};
    sqlite3_stmt *s = NULL;
    arena_init(&u.scratch, 1 << 20);
    buf_init(&u.bodies, PACKED_MAX);
    buf_init(&u.filters, PACKED_MAX);
    int rc = dayfile_prepare(db, "SELECT header, body FROM block WHERE id=?1 AND body IS NOT NULL", &s, e);
    for (size_t i = 0; rc == 0 && i < given->count; i++) {
        rc = read_member(&u, s, &given->members[i], e);
    }
    (void)sqlite3_finalize(s);
    if (rc == 0 && u.taken.len > 1) {
        qsort(u.entries.data, u.entries.len, sizeof u.entries.data[0],
              given->in_order ? by_place : by_host);
        cut_packs(&u);
        if (u.rows.len * 2 <= u.taken.len) {
            keep_unit(&u);
        }
    }
    arena_fini(&u.scratch);
    buf_free(&u.bodies);
    buf_free(&u.filters);
    vec_free(&u.filter_end);
    vec_free(&u.entries);
    vec_free(&u.taken);
    vec_free(&u.cut);
    vec_free(&u.cut_origins);
    vec_free(&u.rows);
    vec_free(&u.body_at);
    return rc;
}
