/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in the keeper: see keeper_registers.h. It stores what the desk decided; what a kind is, it knows for its keys alone. */
#include "roles/keeper_registers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "roles/keeper_records_priv.h"

static void warn_file(const char *name, uint32_t line, struct span why)
{
    char a[LOG_VALUE_MAX], b[LOG_VALUE_MAX];
    log_error("records.register", "file=\"%s\" line=%u why=\"%s\"", log_value(span_of(name), a), line, log_value(why, b));
}

/* A regular file of at most REGISTER_FILE_MAX bytes, one more where it is longer: the reader of kinds refuses it then. */
static bool read_file(int folder, const char *name, struct arena *a, struct span *out)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    bool fine = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    char *text = arena_bytes(a, REGISTER_FILE_MAX + 1);
    size_t len = 0;
    ssize_t n = 1;
    while (fine && len <= REGISTER_FILE_MAX && n > 0) {
        n = read(fd, text + len, REGISTER_FILE_MAX + 1 - len);
        fine = n >= 0;
        len += n > 0 ? (size_t)n : 0;
    }
    if (!fine) {
        warn_file(name, 0, SPAN("cannot be read as a file"));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    *out = span_make(text, len);
    return fine;
}

static int by_name(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return strcmp(x->ptr, y->ptr); /* arena_copy ends them */
}

/* Names of *.yml, *.yaml and *.json, sorted; returns how many of at most REGISTER_FILES_MAX. */
static size_t list_names(DIR *d, struct arena *a, struct span *out)
{
    size_t n = 0;
    for (const struct dirent *de; (de = readdir(d)) != NULL;) {
        struct span name = span_of(de->d_name);
        bool fits = span_ends(name, SPAN(".yml")) || span_ends(name, SPAN(".yaml")) || span_ends(name, SPAN(".json"));
        if (!fits || span_starts(name, SPAN("."))) {
            continue;
        }
        if (n == REGISTER_FILES_MAX) {
            warn_file(de->d_name, 0, SPAN("more than 64 files: it is not read"));
            continue;
        }
        out[n++] = arena_copy(a, name);
    }
    qsort(out, n, sizeof *out, by_name);
    return n;
}

/* A city's own files; a folder that is not there holds none. */
static int read_folder(struct keeper_records *kr, struct arena *a, struct register_file *out, size_t *count_out, struct err *e)
{
    struct span names[REGISTER_FILES_MAX];
    const char *path = arena_printf(a, "%s/registers", kr->data_dir);
    *count_out = 0;
    DIR *d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    size_t n = list_names(d, a, names);
    for (size_t i = 0; i < n; i++) {
        struct register_file *f = &out[*count_out];
        if (read_file(dirfd(d), names[i].ptr, a, &f->text)) {
            f->name = span_of(arena_printf(a, "DATA/registers/%s", names[i].ptr));
            (*count_out)++;
        }
    }
    (void)closedir(d);
    return 0;
}

int keeper_registers_open(struct keeper_records *kr, time_ns now, struct err *e)
{
    struct arena a;
    struct register_file files[REGISTER_FILES_MAX];
    size_t n = 0;
    size_t refused = 0;
    arena_init(&a, 0);
    int rc = read_folder(kr, &a, files, &n, e);
    buf_clear(&kr->registers);
    buf_u32(&kr->registers, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_str(&kr->registers, files[i].name);
        buf_str(&kr->registers, files[i].text);
    }
    CHECK(!kr->registers.failed);
    if (rc == 0) {
        struct registers *kinds = registers_load(files, n);
        const struct register_refusal *refusal = registers_refusals(kinds, &refused);
        for (size_t i = 0; i < refused; i++) {
            warn_file(arena_cstr(&a, refusal[i].file), refusal[i].line, refusal[i].why);
        }
        rc = record_keys_renew(kr->db, kinds, now, e);
        registers_free(&kinds);
    }
    arena_fini(&a);
    return rc;
}

/* ---- answers ---- */

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int list_files(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_span(&kr->out, buf_view(&kr->registers));
    }
    return rc;
}

static int list_records(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_query q;
    struct record_page page = {0};
    record_query_decode(c, &q);
    int rc = whole(c, e);
    rc = rc == 0 ? record_list(kr->db, &q, &kr->scratch, &page, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)page.count);
        buf_u8(&kr->out, page.uncounted);
        buf_u8(&kr->out, page.more);
        buf_str(&kr->out, page.last);
        buf_u32(&kr->out, page.nrows);
        for (uint32_t i = 0; i < page.nrows; i++) {
            record_row_encode(&kr->out, &page.rows[i]);
        }
    }
    return rc;
}

static int get_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_row row;
    record_scope_decode(c, &scope);
    struct span kind = cursor_str(c);
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? record_get(kr->db, &scope, kind, id, &kr->scratch, &row, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        record_row_encode(&kr->out, &row);
    }
    return rc;
}

static int put_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_put p;
    record_put_decode(c, &p);
    int rc = whole(c, e);
    rc = rc == 0 ? record_put(kr->db, &p, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_answer_fn *keeper_register_answer(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_REGISTERS:
        return list_files;
    case ASK_RECORDS:
        return list_records;
    case ASK_RECORD:
        return get_record;
    case ASK_RECORD_PUT:
        return put_record;
    default:
        return NULL;
    }
}
