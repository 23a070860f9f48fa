/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The rules of warnings that were taken, as files below DATA/rules/federation: what the records say,
 * and nothing else. The keeper writes their bytes and looks into none of them; the sandboxed compiler
 * reads them, behind a fence (sigma_loader_foreign). A file is whole or not there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "records/fed_warnings.h"
#include "roles/keeper_records_priv.h"
#include "roles/keeper_signals.h"

struct taken_file {
    struct span folder; /* id of the warning */
    struct span name;
    struct span bytes;
};

struct sync {
    struct keeper_records *kr;
    const char *root;
    VEC(struct taken_file) files;
    bool changed;
    struct err *e;
};

/* "0.yml", "indicators.yml": made by our own desk, and still looked at. */
static bool name_ok(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '.' && i > 0))) {
            return false;
        }
    }
    return s.len > 4 && s.len < 40 && span_ends(s, SPAN(".yml"));
}

static bool folder_ok(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'f') || (s.ptr[i] >= '0' && s.ptr[i] <= '9'))) {
            return false;
        }
    }
    return s.len == FED_WARNING_ID_LEN;
}

/* A rule that this house has anyway: taken again it would only be refused for its id. */
static bool is_here(struct keeper_records *kr, struct span id)
{
    struct rule_row row;
    return rules_by_id(kr->db, id, &kr->scratch, &row, NULL) == 0 &&
           !span_starts(row.file, SPAN("federation/"));
}

static void gather(struct sync *s, const struct fed_warning_row *w)
{
    struct cursor c = cursor_of(w->body);
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        struct span name = cursor_str(&c);
        struct span id = cursor_str(&c);
        struct span bytes = cursor_str(&c);
        if (!c.failed && folder_ok(w->id) && name_ok(name) && !is_here(s->kr, id)) {
            vec_push(&s->files, (struct taken_file){w->id, name, bytes});
        }
    }
}

static bool same_file(const char *path, struct span bytes)
{
    char part[4096];
    ssize_t n = 0;
    size_t at = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool same = fd >= 0;
    while (same && (n = read(fd, part, sizeof part)) > 0) {
        same = at + (size_t)n <= bytes.len && memcmp(part, bytes.ptr + at, (size_t)n) == 0;
        at += (size_t)n;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return same && n == 0 && at == bytes.len;
}

static int make_folder(const char *path, struct err *e)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? 0
               : err_set_errno(e, ERR_IO, errno, "the folder %s", path);
}

static int write_whole(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0) {
            return -1;
        }
        bytes = span_sub(bytes, (size_t)n, bytes.len);
    }
    return fsync(fd);
}

static int write_file(struct sync *s, const struct taken_file *f)
{
    struct arena *a = &s->kr->scratch;
    const char *folder = arena_printf(a, "%s/%.*s", s->root, SPAN_ARG(f->folder));
    const char *path = arena_printf(a, "%s/%.*s", folder, SPAN_ARG(f->name));
    const char *fresh = arena_printf(a, "%s/new", folder);
    if (same_file(path, f->bytes)) {
        return 0;
    }
    int rc = make_folder(folder, s->e);
    if (rc < 0) {
        return rc;
    }
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_whole(fd, f->bytes) != 0 || rename(fresh, path) != 0) {
        rc = err_set_errno(s->e, ERR_IO, errno, "the rule file %s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    s->changed = s->changed || rc == 0;
    return rc;
}

static bool wanted(const struct sync *s, struct span folder, struct span name)
{
    for (size_t i = 0; i < s->files.len; i++) {
        const struct taken_file *f = &s->files.data[i];
        if (span_eq(f->folder, folder) && (name.len == 0 || span_eq(f->name, name))) {
            return true;
        }
    }
    return false;
}

/* Removes what no warning in force brought. */
static void clean_folder(struct sync *s, struct span folder)
{
    struct arena *a = &s->kr->scratch;
    const char *path = arena_printf(a, "%s/%.*s", s->root, SPAN_ARG(folder));
    DIR *d = opendir(path);
    if (d == NULL) {
        return;
    }
    for (const struct dirent *de; (de = readdir(d)) != NULL;) {
        struct span name = span_of(de->d_name);
        if (!span_starts(name, SPAN(".")) && !wanted(s, folder, name)) {
            s->changed = unlink(arena_printf(a, "%s/%s", path, de->d_name)) == 0 || s->changed;
        }
    }
    (void)closedir(d);
    if (!wanted(s, folder, SPAN(""))) {
        (void)rmdir(path);
    }
}

static void clean(struct sync *s)
{
    DIR *d = opendir(s->root);
    if (d == NULL) {
        return;
    }
    for (const struct dirent *de; (de = readdir(d)) != NULL;) {
        if (folder_ok(span_of(de->d_name))) {
            clean_folder(s, arena_copy(&s->kr->scratch, span_of(de->d_name)));
        }
    }
    (void)closedir(d);
}

int keeper_taken_sync(struct keeper_records *kr, bool *changed_out, struct err *e)
{
    struct fed_warning_row *rows = NULL;
    size_t n = 0;
    struct sync s = {.kr = kr, .e = e};
    const char *rules = arena_printf(&kr->scratch, "%s/rules", kr->data_dir);
    s.root = arena_printf(&kr->scratch, "%s/federation", rules);
    *changed_out = false;
    int rc = fed_warnings_taken(kr->db, &kr->scratch, &rows, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        gather(&s, &rows[i]);
    }
    if (rc == 0 && s.files.len > 0) {
        rc = make_folder(rules, e);
        rc = rc < 0 ? rc : make_folder(s.root, e);
    }
    for (size_t i = 0; i < s.files.len && rc == 0; i++) {
        rc = write_file(&s, &s.files.data[i]);
    }
    if (rc == 0) {
        clean(&s);
    }
    vec_free(&s.files);
    *changed_out = s.changed;
    return rc;
}
