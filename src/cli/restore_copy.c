/* SPDX-License-Identifier: EUPL-1.2 */
/* Days of a second copy by their names: see restore_copy.h. */
#include "cli/restore_copy.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/seal.h"
#include "roles/copy_file.h"

static const char seals_end[] = ".jsonl";

/* The date in "STARTyyyy-mm-ddEND". */
static bool date_of(const char *name, const char *start, const char *end, struct restore_day *out)
{
    static const char form[] = "dddd-dd-dd";
    size_t before = strlen(start), n = sizeof form - 1;
    if (strlen(name) != before + n + strlen(end) || strncmp(name, start, before) != 0 || strcmp(name + before + n, end) != 0) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = name[before + i];
        if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i]) {
            return false;
        }
    }
    memcpy(out->date, name + before, n);
    out->date[n] = '\0';
    return true;
}

static int by_date(const void *a, const void *b)
{
    return strcmp(((const struct restore_day *)a)->date, ((const struct restore_day *)b)->date);
}

void restore_days_add(struct restore_days *d, struct span name)
{
    char text[COPY_NAME_MAX];
    struct restore_day day;
    (void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(name));
    if (date_of(text, COPY_NAME_START, COPY_NAME_END, &day)) {
        vec_push(&d->all, day);
    }
}

void restore_days_sort(struct restore_days *d)
{
    if (d->all.len > 1) {
        qsort(d->all.data, d->all.len, sizeof *d->all.data, by_date);
    }
}

static int list(const char *folder, const char *start, const char *end, struct restore_days *out, struct err *e)
{
    struct restore_day day;
    DIR *d = opendir(folder);
    if (d == NULL) {
        return err_set_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", folder);
    }
    for (struct dirent *one = readdir(d); one != NULL; one = readdir(d)) {
        if (date_of(one->d_name, start, end, &day)) {
            vec_push(&out->all, day);
        }
    }
    (void)closedir(d);
    restore_days_sort(out);
    return 0;
}

int restore_days_list(const char *folder, struct restore_days *out, struct err *e)
{
    out->folder = folder;
    int rc = list(folder, COPY_NAME_START, COPY_NAME_END, out, e);
    return rc == 0 && out->all.len == 0 ? err_set(e, ERR_NOT_FOUND, "%s: no day was copied there", folder) : rc;
}

void restore_days_path(const struct restore_days *d, size_t i, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/" COPY_NAME_START "%s" COPY_NAME_END, d->folder, d->all.data[i].date);
}

bool restore_days_has(const char *data_dir, struct restore_day day)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/archive/%s.db", data_dir, day.date);
    return access(path, F_OK) == 0;
}

int restore_days_seals(const char *data_dir, struct err *e)
{
    char folder[PATH_MAX - 32], from[PATH_MAX], to[PATH_MAX];
    struct restore_days seals = {0};
    (void)snprintf(folder, sizeof folder, "%s/seals", data_dir);
    (void)snprintf(to, sizeof to, "%s/archive/" SEAL_FILE_NAME, data_dir);
    int rc = list(folder, "", seals_end, &seals, e);
    rc = rc == ERR_NOT_FOUND ? 0 : rc; /* all days came with the backup */
    for (size_t i = seals.all.len; rc == 0 && i-- > 0;) {
        (void)snprintf(from, sizeof from, "%s/%s%s", folder, seals.all.data[i].date, seals_end);
        bool taken = access(to, F_OK) != 0; /* the newest one: each holds all lines of those before */
        if (taken ? rename(from, to) != 0 : unlink(from) != 0) {
            rc = err_set_errno(e, ERR_IO, errno, "%s", from);
        }
    }
    vec_free(&seals.all);
    if (rc == 0 && rmdir(folder) != 0 && errno != ENOENT) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    return rc;
}

void restore_days_free(struct restore_days *d)
{
    vec_free(&d->all);
}
