/* SPDX-License-Identifier: EUPL-1.2 */
/* What the doctor asks records and archive: in the cage, it can reach the data folder alone. Reads ends and counters, never blocks. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/seal.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "records/sources.h"
#include "roles/keeper_seal.h"

enum {
    RATE_DAYS = 8,             /* whole days of which the rate is the mean */
    RATE_MIN_S = 600,          /* a first day younger than this says nothing */
    HELD_FILE_MAX = 4 << 20,   /* bytes of DATA/held */
    DATA_PATH_MAX = PATH_MAX + 64,
};

static void why(char out[DOCTOR_TEXT_MAX], const struct err *e)
{
    struct buf safe;
    buf_init(&safe, 8192);
    cli_put_safe(&safe, span_of(e->text));
    (void)snprintf(out, DOCTOR_TEXT_MAX, "%.*s", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
}

/* ---- archive ---- */

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A day's file with its log. */
static uint64_t day_bytes(const char *folder, int32_t day)
{
    char path[DATA_PATH_MAX + 32];
    char date[TIME_TEXT_MAX];
    (void)time_format((time_ns)day * TIME_DAY, date);
    (void)snprintf(path, sizeof path, "%s/%.10s.db", folder, date);
    uint64_t bytes = size_of(path);
    (void)snprintf(path, sizeof path, "%s/%.10s.db-wal", folder, date);
    return bytes + size_of(path);
}

/* Of the last whole days; of a node's first day, of what there is of it. */
static void look_at_rate(struct doctor_facts *f, const char *folder, const int32_t *days, size_t n)
{
    int32_t today = (int32_t)time_day(f->now);
    int32_t first = today;
    uint64_t whole = 0, newest = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = day_bytes(folder, days[i]);
        f->kept_bytes += bytes;
        if (days[i] < today && days[i] >= today - RATE_DAYS) {
            first = days[i] < first ? days[i] : first;
            whole += bytes;
        }
        newest = days[i] == today ? bytes : newest;
    }
    f->kept_days = n > 0 && days[0] <= today ? today - days[0] + 1 : 0;
    time_ns begun = f->now - (time_ns)today * TIME_DAY;
    if (first < today) {
        f->rate = whole / (uint64_t)(today - first);
    } else if (newest > 0 && begun > RATE_MIN_S * TIME_SECOND) {
        f->rate = (uint64_t)((double)newest * ((double)TIME_DAY / (double)begun));
    }
}

/* Whether the link that the records know as the newest is there as they know it. */
static void compare_ends(struct doctor_facts *f, const struct archive_witness *w, const struct archive_end *end)
{
    f->knows_end = w->has_newest;
    f->known_day = w->newest_day;
    f->known_link = w->newest_link;
    f->end_differs = w->has_newest && f->has_end && end->day == w->newest_day && end->link == w->newest_link &&
                     memcmp(end->hash, w->newest_hash, sizeof end->hash) != 0;
}

/* Days that are over and do not lie in the second copy. The newest stays open as long as it holds nothing. */
static void look_at_copy(struct doctor_facts *f, const int32_t *days, size_t n, int32_t end_day)
{
    size_t at = 0;
    n -= n > 0 && days[n - 1] > end_day;
    for (size_t i = 0; f->copy_place[0] != '\0' && i < n; i++) {
        while (at < f->copied_days.len && f->copied_days.data[at] < days[i]) {
            at++;
        }
        bool there = at < f->copied_days.len && f->copied_days.data[at] == days[i];
        if (!there && days[i] < time_day(f->now)) {
            f->copy_oldest = f->copy_waiting == 0 ? days[i] : f->copy_oldest;
            f->copy_waiting++;
        }
    }
}

static void look_at_archive(struct doctor_facts *f, const char *data_dir, const struct archive_witness *w)
{
    char folder[DATA_PATH_MAX];
    struct archive_reader *r = NULL;
    struct archive_end end = {.received = TIME_NONE};
    struct arena scratch;
    struct err e = {0};
    int32_t *days = NULL;
    size_t n = 0;
    arena_init(&scratch, 0);
    (void)snprintf(folder, sizeof folder, "%s/archive", data_dir);
    int rc = archive_reader_open(folder, &r, &e);
    rc = rc == 0 ? archive_days(r, &scratch, &days, &n, &e) : rc;
    if (rc == 0) {
        look_at_rate(f, folder, days, n);
        rc = archive_reader_end(r, &end, &e);
        look_at_copy(f, days, n, rc == 0 ? end.day : INT32_MAX);
    }
    f->newest_received = TIME_NONE;
    if (rc == 0) {
        f->has_end = true;
        f->end_day = end.day;
        f->end_link = end.link;
        f->newest_received = end.received;
    } else if (rc != ERR_NOT_FOUND) {
        why(f->archive_why, &e);
    }
    compare_ends(f, w, &end);
    f->sealed_at = archive_sealed_at(folder);
    archive_reader_close(&r);
    arena_fini(&scratch);
}

/* ---- records ---- */

static void take_source(struct doctor_facts *f, const struct source_row *row)
{
    struct doctor_source s = {
        .events = row->events, .dropped = row->dropped, .anomalies = row->anomalies, .last_event = row->last_event,
        .dropped_at = row->dropped_at, .rate_milli = row->rate_milli, .lag_ms = row->lag_ms, .has_lag = row->lag_events > 0};
    memcpy(s.drops, row->drops, sizeof s.drops);
    struct buf safe;
    buf_init(&safe, 8192);
    cli_put_safe(&safe, row->name);
    (void)snprintf(s.name, sizeof s.name, "%.*s", SPAN_ARG(buf_view(&safe)));
    buf_free(&safe);
    vec_push(&f->sources, s);
}

static struct doctor_source *find_source(struct doctor_facts *f, const struct source_row *row)
{
    struct doctor_source *found = NULL;
    struct buf safe;
    buf_init(&safe, 8192);
    cli_put_safe(&safe, row->name);
    struct span name = span_sub(buf_view(&safe), 0, DOCTOR_NAME_MAX - 1);
    for (size_t i = 0; i < f->sources.len && found == NULL; i++) {
        found = span_eq(span_of(f->sources.data[i].name), name) ? &f->sources.data[i] : NULL;
    }
    if (found == NULL) {
        take_source(f, row);
        found = vec_last(&f->sources);
    }
    buf_free(&safe);
    return found;
}

static void look_at_held(struct doctor_facts *f, const char *data_dir)
{
    char path[DATA_PATH_MAX];
    struct buf b;
    ssize_t n = 0;
    (void)snprintf(path, sizeof path, "%s/held", data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    buf_init(&b, HELD_FILE_MAX);
    char *to;
    while ((to = buf_room(&b, 4096)) != NULL && (n = read(fd, to, 4096)) > 0) {
        buf_added(&b, (size_t)n);
    }
    (void)close(fd);
    struct span rest = buf_view(&b);
    while (rest.len > 0) {
        ptrdiff_t at = span_find(rest, '\n');
        struct span line = span_sub(rest, 0, at < 0 ? rest.len : (size_t)at);
        rest = span_sub(rest, line.len + 1, rest.len);
        if (line.len > 0) {
            find_source(f, &(struct source_row){.name = line, .last_event = TIME_NONE, .dropped_at = TIME_NONE})->held = true;
        }
    }
    buf_free(&b);
}

static int read_copies(struct doctor_facts *f, struct db *db, struct arena *scratch, struct err *e)
{
    int32_t *days = NULL;
    size_t n = 0;
    int rc = copies_state(db, span_of(f->copy_place), &f->copied, e);
    rc = rc == 0 ? copies_days(db, span_of(f->copy_place), scratch, &days, &n, e) : rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        vec_push(&f->copied_days, days[i]);
    }
    return rc;
}

static int read_records(struct doctor_facts *f, struct db *db, struct archive_witness *w, struct err *e)
{
    struct source_row *rows = NULL;
    struct arena scratch;
    size_t n = 0;
    arena_init(&scratch, 0);
    int rc = sources_list(db, &scratch, &rows, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        take_source(f, &rows[i]);
    }
    rc = rc == 0 ? read_copies(f, db, &scratch, e) : rc;
    arena_fini(&scratch);
    rc = rc == 0 ? upkeep_get(db, UPKEEP_BACKUP, &f->backed_up, e) : rc;
    rc = rc == 0 ? upkeep_get(db, UPKEEP_VERIFY, &f->verified, e) : rc;
    rc = rc == 0 ? trusted_time_get(db, f->now, &f->trusted, e) : rc;
    rc = rc == 0 ? retention_last_get(db, &f->let_go, e) : rc;
    return rc == 0 ? keeper_seal_witness(db, w, e) : rc;
}

static void look_at_records(struct doctor_facts *f, const char *data_dir, struct archive_witness *w)
{
    char path[DATA_PATH_MAX];
    struct db *db = NULL;
    struct err e = {0};
    f->backed_up.at = f->verified.at = f->copied.at = f->copied.failed_at = TIME_NONE;
    (void)snprintf(path, sizeof path, "%s/records.db", data_dir);
    int rc = access(path, F_OK) == 0 ? db_open(path, &e, &db) : err_set(&e, ERR_NOT_FOUND, "records.db is missing");
    rc = rc == 0 ? read_records(f, db, w, &e) : rc;
    if (rc != 0) {
        why(f->records_why, &e);
    }
    db_close(&db);
}

void doctor_data(struct doctor_facts *f, const char *data_dir, const struct config *config)
{
    char path[DATA_PATH_MAX];
    struct archive_witness w = {0};
    (void)snprintf(path, sizeof path, "%s/keys/recovery.pub", data_dir);
    f->has_recovery_key = access(path, F_OK) == 0;
    struct span place = f->has_config ? config_copy_place(config) : SPAN("");
    (void)snprintf(f->copy_place, sizeof f->copy_place, "%.*s", (int)place.len, place.len == 0 ? "" : place.ptr);
    f->copy_is_remote = place.len > 0 && place.ptr[0] != '/';
    look_at_records(f, data_dir, &w); /* before the archive, which only grows */
    look_at_archive(f, data_dir, &w);
    look_at_held(f, data_dir);
    for (uint32_t i = 0; f->records_why[0] == '\0' && f->has_config && i < config->nsources; i++) {
        if (config->sources[i].silent_after_s > 0) {
            const struct source_row row = {.name = config->sources[i].name, .last_event = TIME_NONE, .dropped_at = TIME_NONE};
            find_source(f, &row)->silent_after_s = config->sources[i].silent_after_s;
        }
    }
}
