/* SPDX-License-Identifier: EUPL-1.2 */
/* What verify looks at beside the links themselves: the alerts they speak of, and the sealed heads. Called by verify.c. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/priv.h"
#include "archive/verify_priv.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- alerts ---- */

void verify_alerts(struct walk *w, sqlite3 *db, const struct archive_header *h, struct arena *scratch)
{
    struct err e = {0};
    sqlite3_stmt *s = NULL;
    uint64_t first = 0;
    uint32_t rows = 0;
    unsigned char hash[ARCHIVE_HASH_BYTES];
    crypto_generichash_state state;
    (void)scratch;
    if (!num_u64(h->class_name, &first) || first > INT64_MAX) {
        verify_bad_text(w, h->id, "names no first row of its alerts");
        return;
    }
    int rc = dayfile_prepare(
        db, "SELECT day, block, record, body FROM alert WHERE id>=?1 AND id<?1+?2 ORDER BY id", &s, &e);
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, (int64_t)first));
        MUST(sqlite3_bind_int64(s, 2, h->count));
    }
    archive_alerts_hash_begin(&state);
    while (rc == 0 && (rc = dayfile_row(db, s, &e)) == 1) {
        const struct archive_address at = {(int32_t)sqlite3_column_int64(s, 0),
                                           (uint32_t)sqlite3_column_int64(s, 1),
                                           (uint32_t)sqlite3_column_int64(s, 2)};
        archive_alerts_hash_add(&state, at, dayfile_column(s, 3));
        rows++;
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    archive_alerts_hash_end(&state, hash);
    w->alerts += h->count;
    w->report->alerts += rows;
    if (rc != 0) {
        verify_bad(w, &e);
    } else if (rows != h->count || memcmp(hash, h->originals_hash, sizeof hash) != 0) {
        verify_bad_text(w, h->id, "an alert of this window was changed or taken away");
    }
}

static int number(sqlite3 *db, const char *sql, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, sql, &s, e);
    if (rc == 0) {
        rc = dayfile_row(db, s, e);
        *out = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
        rc = rc < 0 ? rc : 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int verify_alerts_whole(struct walk *w, sqlite3 *db, struct err *e)
{
    int64_t format = 0;
    int64_t rows = 0;
    int rc = number(db, "PRAGMA user_version", &format, e);
    rc = rc == 0 ? number(db, "SELECT count(*) FROM alert", &rows, e) : rc;
    if (rc == 0 && format >= 2 && (uint64_t)rows != w->alerts) {
        verify_bad_text(w, 0, "it holds alerts that the chain does not speak of");
    }
    return rc;
}

/* ---- seals ---- */

static void bad_seal(struct walk *w, size_t line, const char *text)
{
    struct err e = {0};
    (void)err_set(&e, ERR_INVALID, "%s", text);
    err_at(&e, "archive/" SEAL_FILE_NAME, (uint32_t)line);
    verify_bad(w, &e);
}

static bool before(const struct archive_head *a, const struct archive_head *b)
{
    return a->day < b->day || (a->day == b->day && a->link < b->link);
}

static void take_seal(struct walk *w, struct span text, size_t line, const unsigned char *previous)
{
    struct sealed x = {0};
    struct err e = {0};
    if (seal_read(text, &x.seal, &e) != 0) {
        bad_seal(w, line, e.text);
        return;
    }
    if (memcmp(x.seal.previous, previous, ARCHIVE_HASH_BYTES) != 0) {
        bad_seal(w, line, "does not follow the line before: a seal was changed or taken away");
    }
    if (w->seals.len > 0 && before(&x.seal.head, &vec_last(&w->seals)->seal.head)) {
        bad_seal(w, line, "seals an older link than the line before");
        return;
    }
    if (w->witness != NULL && w->witness->has_key &&
        memcmp(x.seal.key, w->witness->key, sizeof x.seal.key) != 0) {
        bad_seal(w, line, "was sealed with another key than this node's");
    }
    vec_push(&w->seals, x);
}

/* Whole lines only: what a crash cut short was never told to anybody. One line may be newer than what the records know: the node ended between the two,
 * and tells it at its next start (keeper_seal.c). */
static void read_lines(struct walk *w, struct span text)
{
    unsigned char previous[ARCHIVE_HASH_BYTES] = {0}, earlier[ARCHIVE_HASH_BYTES] = {0};
    size_t line = 1;
    const char *end;
    while (text.len > 0 && (end = memchr(text.ptr, '\n', text.len)) != NULL) {
        struct span one = span_make(text.ptr, (size_t)(end - text.ptr));
        take_seal(w, one, line++, previous);
        memcpy(earlier, previous, sizeof earlier);
        archive_hash(one, previous);
        text = span_sub(text, one.len + 1, text.len - one.len - 1);
    }
    if (w->witness != NULL && w->witness->has_seal &&
        memcmp(previous, w->witness->seal, sizeof previous) != 0 && memcmp(earlier, w->witness->seal, sizeof earlier) != 0) {
        bad_seal(w, line, "does not end with the seal that the records know of");
    }
}

void verify_seals_load(struct walk *w)
{
    char path[DB_PATH_MAX];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/" SEAL_FILE_NAME, archive_reader_folder(w->reader));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > SEAL_FILE_MAX) {
        if (fd >= 0) {
            bad_seal(w, 0, "is too large to be one");
            (void)close(fd);
        } else if (w->witness != NULL && w->witness->has_seal) {
            bad_seal(w, 0, "is missing, though heads were sealed");
        }
        return;
    }
    char *text = mem_alloc((size_t)st.st_size + 1);
    ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
    (void)close(fd);
    if (n < 0) {
        bad_seal(w, 0, "cannot be read");
    } else {
        read_lines(w, span_make(text, (size_t)n));
    }
    mem_free(text);
}

void verify_seals_at(struct walk *w)
{
    const struct archive_head here = {.day = w->day, .link = w->id};
    const struct archive_witness *k = w->witness;
    while (w->next_seal < w->seals.len && before(&w->seals.data[w->next_seal].seal.head, &here)) {
        w->next_seal++;
    }
    for (size_t i = w->next_seal; i < w->seals.len && !before(&here, &w->seals.data[i].seal.head); i++) {
        w->seals.data[i].found = true;
        if (memcmp(w->seals.data[i].seal.head.hash, w->chain, sizeof w->chain) != 0) {
            verify_bad_text(w, w->id, "is not the link that was sealed");
        }
    }
    if (k != NULL && k->has_newest && k->newest_day == w->day && k->newest_link == w->id) {
        w->newest_found = true;
        if (memcmp(k->newest_hash, w->chain, sizeof w->chain) != 0) {
            verify_bad_text(w, w->id, "is not the link that the records know of");
        }
    }
}

void verify_note_day(struct walk *w, struct span text)
{
    time_ns day;
    const struct span key = SPAN("deleted ");
    if (span_starts(text, key) && time_parse(span_sub(text, key.len, 10), 0, &day)) {
        vec_push(&w->gone_days, (int32_t)time_day(day));
    }
}

static bool was_let_go(const struct walk *w, int32_t day, const int32_t *days, size_t ndays)
{
    for (size_t i = 0; i < ndays; i++) {
        if (days[i] == day) {
            return false;
        }
    }
    if (ndays > 0 && day < days[0] && w->begins_later) {
        return true; /* the note of it went with its own day, which another note says */
    }
    for (size_t i = 0; i < w->gone_days.len; i++) {
        if (w->gone_days.data[i] == day) {
            return true;
        }
    }
    return false;
}

void verify_seals_end(struct walk *w, const int32_t *days, size_t ndays)
{
    const struct archive_witness *k = w->witness;
    for (size_t i = 0; i < w->seals.len; i++) {
        const struct sealed *x = &w->seals.data[i];
        /* Link 0: the day's file was there and empty; its start is checked with the day before. */
        if (!x->found && x->seal.head.link > 0 && !was_let_go(w, x->seal.head.day, days, ndays)) {
            bad_seal(w, i + 1, "the link that it sealed is not in the archive any more");
            continue;
        }
        w->report->seals++;
        w->report->sealed_at = x->seal.sealed;
    }
    if (k != NULL && k->has_newest && k->newest_link > 0 && !w->newest_found &&
        !was_let_go(w, k->newest_day, days, ndays)) {
        verify_bad_text(w, k->newest_link, "the records know of a link that is not in the archive any more");
    }
}
