/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * EVTX files: header, chunks, and the records of a chunk. Damage is told and passed over; a record
 * is looked for behind it. Runs in scan's workers on hostile bytes.
 */
#include "wire/evtx.h"

#include <zlib.h>

#include "base/mem.h"
#include "wire/evtx_priv.h"

enum {
    HEADER_CHECKED = 120, /* bytes in front of flags and checksum */
    CHUNK_TABLES = 128,   /* offsets of strings and templates begin here */
    RECORD_HEADER_BYTES = 24,
    MAJOR_VERSION = 3,
    NO_CHECKSUMS = 4, /* of the flags of file and chunk: their checksums were never computed */
    FILETIME_PER_SECOND = 10000000,
};

#define FILE_MAGIC SPAN("ElfFile\0")
#define CHUNK_MAGIC SPAN("ElfChnk\0")
#define RECORD_MAGIC SPAN("**\0\0")
#define FILETIME_1970 INT64_C(116444736000000000)

struct evtx *evtx_new(void)
{
    struct evtx *x = mem_alloc(sizeof *x);
    x->magic = EVTX_MAGIC;
    arena_init(&x->arena, 256 * 1024);
    x->text = mem_realloc(NULL, EVTX_TEXT_MAX + 16); /* a mebibyte is not cleared per file */
    x->stamp = 1;
    return x;
}

void evtx_free(struct evtx **x)
{
    if (*x == NULL) {
        return;
    }
    CHECK_OBJ(*x, EVTX_MAGIC);
    arena_fini(&(*x)->arena);
    mem_free((*x)->text);
    vec_free(&(*x)->values);
    vec_free(&(*x)->names);
    vec_free(&(*x)->ops);
    vec_free(&(*x)->pieces);
    vec_free(&(*x)->attributes_open);
    (*x)->magic = 0;
    mem_free(*x);
    *x = NULL;
}

/* ---- numbers at a place that is known to be there ---- */

static uint32_t u32_at(struct span s, size_t at)
{
    uint32_t v;
    CHECK(s.len >= 4 && at <= s.len - 4);
    memcpy(&v, s.ptr + at, sizeof v);
    return v;
}

static uint16_t u16_at(struct span s, size_t at)
{
    uint16_t v;
    CHECK(s.len >= 2 && at <= s.len - 2);
    memcpy(&v, s.ptr + at, sizeof v);
    return v;
}

static uint64_t u64_at(struct span s, size_t at)
{
    uint64_t v;
    CHECK(s.len >= 8 && at <= s.len - 8);
    memcpy(&v, s.ptr + at, sizeof v);
    return v;
}

static uint32_t checksum(uint32_t before, struct span s)
{
    return (uint32_t)crc32(before, (const Bytef *)s.ptr, (uInt)s.len);
}

static bool all_zero(struct span s)
{
    return s.len == 0 || (s.ptr[0] == 0 && memcmp(s.ptr, s.ptr + 1, s.len - 1) == 0);
}

/* ---- file ---- */

bool evtx_is_file(struct span head)
{
    return span_starts(head, FILE_MAGIC);
}

int evtx_file_header(struct span header, struct err *e)
{
    if (!evtx_is_file(header)) {
        return err_set(e, ERR_INVALID, "EVTX: the file does not begin with a file header");
    }
    if (header.len < EVTX_HEADER_BYTES) {
        return err_set(e, ERR_TRUNCATED, "EVTX: the file ends within its header");
    }
    bool checked = (u32_at(header, 120) & NO_CHECKSUMS) == 0;
    if (checked && u32_at(header, 124) != checksum(0, span_sub(header, 0, HEADER_CHECKED))) {
        return err_set(e, ERR_INVALID, "EVTX: the checksum of the file header is wrong");
    }
    if (u16_at(header, 38) != MAJOR_VERSION || u16_at(header, 40) != EVTX_HEADER_BYTES) {
        return err_set(e, ERR_UNSUPPORTED, "EVTX: version %u.%u with a header of %u bytes",
                       u16_at(header, 38), u16_at(header, 36), u16_at(header, 40));
    }
    return 0;
}

/* ---- chunk ---- */

/* Checks the chunk's header and where its records end. */
static int check_chunk(struct evtx *x, bool verify, struct err *e)
{
    struct span c = x->chunk;
    uint32_t sum = checksum(0, span_sub(c, 0, HEADER_CHECKED));
    uint32_t free_from = u32_at(c, 48);
    sum = checksum(sum, span_sub(c, CHUNK_TABLES, EVTX_CHUNK_HEADER_BYTES - CHUNK_TABLES));
    bool checked = (u32_at(c, 120) & NO_CHECKSUMS) == 0;
    if ((checked && u32_at(c, 124) != sum) || free_from < EVTX_CHUNK_HEADER_BYTES ||
        free_from > EVTX_CHUNK_BYTES) {
        x->open_end = true;
        return err_set(e, ERR_INVALID, "EVTX: the chunk's header is damaged");
    }
    x->end = free_from < c.len ? free_from : (uint32_t)c.len;
    if (c.len < EVTX_CHUNK_BYTES) {
        return err_set(e, ERR_TRUNCATED, "EVTX: the file ends within the chunk");
    }
    struct span records = span_sub(c, EVTX_CHUNK_HEADER_BYTES, free_from - EVTX_CHUNK_HEADER_BYTES);
    if (checked && verify && u32_at(c, 52) != checksum(0, records)) {
        return err_set(e, ERR_INVALID, "EVTX: the checksum of the chunk's records is wrong");
    }
    return 0;
}

static void chunk_reset(struct evtx *x, struct span chunk)
{
    x->chunk = chunk;
    x->next = EVTX_CHUNK_HEADER_BYTES;
    x->end = (uint32_t)chunk.len;
    x->open_end = false;
    x->steps = EVTX_CHUNK_STEPS_MAX;
    x->chunk_text = EVTX_CHUNK_TEXT_MAX;
    x->cached = 0;
    if (++x->stamp == 0) { /* wrapped: no old entry may look new */
        memset(x->cache, 0, sizeof x->cache);
        x->stamp = 1;
    }
    arena_reset(&x->arena);
}

enum evtx_chunk_state evtx_chunk(struct evtx *x, struct span chunk, bool verify, struct err *e)
{
    CHECK_OBJ(x, EVTX_MAGIC);
    CHECK(chunk.len <= EVTX_CHUNK_BYTES);
    chunk_reset(x, chunk);
    x->next = x->end; /* until there is a chunk */
    if (all_zero(chunk)) {
        return EVTX_CHUNK_EMPTY;
    }
    if (!span_starts(chunk, CHUNK_MAGIC)) {
        (void)err_set(e, ERR_INVALID, "EVTX: no chunk begins here, 64 KiB are passed over");
        return EVTX_CHUNK_LOST;
    }
    if (chunk.len < EVTX_CHUNK_HEADER_BYTES) {
        (void)err_set(e, ERR_TRUNCATED, "EVTX: the file ends within the header of a chunk");
        return EVTX_CHUNK_LOST;
    }
    x->next = EVTX_CHUNK_HEADER_BYTES;
    return check_chunk(x, verify, e) == 0 ? EVTX_CHUNK_GOOD : EVTX_CHUNK_DAMAGED;
}

/* ---- records ---- */

/* Size of the record at `at`, or 0 when none is there. sure: its second size must agree, too. */
static uint32_t record_size(const struct evtx *x, uint32_t at, bool sure)
{
    if (at > x->end || x->end - at < EVTX_RECORD_MIN ||
        !span_starts(span_sub(x->chunk, at, 4), RECORD_MAGIC)) {
        return 0;
    }
    uint32_t size = u32_at(x->chunk, at + 4);
    if (size < EVTX_RECORD_MIN || size > x->end - at) {
        return 0;
    }
    bool twice = u32_at(x->chunk, at + size - 4) == size;
    return twice || !sure ? size : 0;
}

/* Where the next record that is surely one begins, or `to`. */
static uint32_t record_search(const struct evtx *x, uint32_t from, uint32_t to)
{
    while (from < to) {
        const char *at = memmem(x->chunk.ptr + from, to - from, "**\0\0", 4);
        if (at == NULL) {
            break;
        }
        from = (uint32_t)(at - x->chunk.ptr);
        if (record_size(x, from, true) > 0) {
            return from;
        }
        from++;
    }
    return to;
}

/* A record whose second size is damaged is taken by its first, unless that would swallow another
 * record. */
static uint32_t record_here(const struct evtx *x)
{
    uint32_t size = record_size(x, x->next, true);
    if (size == 0 && !x->open_end) {
        size = record_size(x, x->next, false);
        size = record_search(x, x->next + 1, x->next + size) == x->next + size ? size : 0;
    }
    return size;
}

enum evtx_next evtx_record_next(struct evtx *x, struct span *record_out, struct err *e)
{
    CHECK_OBJ(x, EVTX_MAGIC);
    *record_out = span_make("", 0);
    if (x->next >= x->end) {
        return EVTX_RECORDS_END;
    }
    uint32_t size = record_here(x);
    if (size > 0) {
        *record_out = span_sub(x->chunk, x->next, size);
        x->next += size;
        return EVTX_RECORD;
    }
    uint32_t to = record_search(x, x->next + 1, x->end);
    struct span bad = span_sub(x->chunk, x->next, to - x->next);
    x->next = to;
    if (to == x->end && (x->open_end || all_zero(bad))) {
        return EVTX_RECORDS_END; /* what lies behind the last record was never part of the log */
    }
    *record_out = bad;
    (void)err_set(e, ERR_INVALID, "EVTX: %zu bytes that are no record are passed over", bad.len);
    return EVTX_RECORD_BAD;
}

time_ns evtx_written(struct span record)
{
    int64_t t = record.len < RECORD_HEADER_BYTES ? 0 : (int64_t)u64_at(record, 16);
    bool fits = t > FILETIME_1970 && t - FILETIME_1970 < INT64_MAX / 100;
    return fits ? (t - FILETIME_1970) * 100 : TIME_NONE;
}

/* ---- values ---- */

int evtx_fail(struct evtx *x, int code, size_t at, const char *what)
{
    err_set(x->e, code, "EVTX: %s at byte %zu of the chunk", what, at);
    return code;
}

int evtx_step(struct evtx *x, size_t at)
{
    if (x->steps == 0 || x->arena.used_bytes > EVTX_CHUNK_MEMORY_MAX) {
        return evtx_fail(x, ERR_LIMIT, at,
                         "the records of this chunk need more work than any real one");
    }
    x->steps--;
    return 0;
}

struct span evtx_name(const struct evtx *x, uint32_t i)
{
    CHECK_OBJ(x, EVTX_MAGIC);
    return i < x->names.len ? x->names.data[i] : span_make(NULL, 0);
}

/* Programs know the nodes of one key table. */
static void use_keys(struct evtx *x, const struct keytable *t)
{
    if (x->keys != t) {
        x->keys = t;
        memset(x->cache, 0, sizeof x->cache);
        x->cached = 0;
    }
    unsigned flags = t == NULL ? 0 : keytable_flags(t, KEY_ROOT);
    x->root = (struct evtx_place){t == NULL ? KEY_NONE : KEY_ROOT, KEY_NONE,
                                  (flags & KEY_STRIP_BLANKS) != 0, SPAN("")};
}

int evtx_read(struct evtx *x, const struct keytable *t, struct span record, struct leaves *l,
              struct span *text_out, struct err *e)
{
    CHECK_OBJ(x, EVTX_MAGIC);
    CHECK(record.ptr >= x->chunk.ptr && record.len >= EVTX_RECORD_MIN &&
          record.ptr + record.len <= x->chunk.ptr + x->chunk.len);
    uint32_t at = (uint32_t)(record.ptr - x->chunk.ptr);
    struct err local = {0};
    x->e = e == NULL ? &local : e;
    x->l = l;
    x->text_len = 0;
    vec_clear(&x->values);
    vec_clear(&x->names);
    leaves_clear(l);
    use_keys(x, t);
    int rc = evtx_fragment(x, at + RECORD_HEADER_BYTES, at + (uint32_t)record.len - 4, &x->root, 0);
    if (rc == 0 && l->len == 0) {
        rc = evtx_fail(x, ERR_INVALID, at, "a record without any value");
    }
    x->chunk_text -= x->text_len < x->chunk_text ? (uint32_t)x->text_len : x->chunk_text;
    *text_out = span_make(x->text, x->text_len);
    x->l = NULL;
    x->e = NULL;
    return rc;
}
