/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A second copy against the records: see verify_copy.h. Caged children alone read the records, go to the server and look at what it
 * answers; each tells lines of a fixed form, which are taken apart here with limits.
 */
#include "cli/verify_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/id.h"
#include "base/num.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/restore_fetch.h"
#include "os/sandbox.h"
#include "records/copies.h"
#include "roles/copy_remote.h"
#include "roles/keeper_seal.h"
#include "roles/recovery.h"
#include "wire/crypt.h"
#include "wire/json_write.h"

enum {
    ANSWER_MAX = 32 << 20, /* bytes of a child's: a line of 100 for each day of 500 years */
    HASH_HEX = 2 * CRYPT_HASH_BYTES,
    KEY_HEX = 2 * CRYPT_KEY_BYTES,
    KEY_FILE_MAX = 128,
    FAULTS_SHOWN_MAX = 1000,
};

/* A day as the records know it. */
struct known_day {
    struct restore_day day;
    uint64_t bytes;
    char hash[HASH_HEX + 1];
};

struct verify_copy {
    const struct verify_copy_options *o;
    bool remote;
    struct restore_fetch fetch;
    struct restore_days days;
    VEC(struct known_day) known;
    char signer[KEY_HEX + 1], to[KEY_HEX + 1]; /* empty = not known */
    uint64_t bytes, missing, unknown, faults;
    struct buf list; /* faults as JSON array items */
    struct json_writer items;
};

static void fault(struct verify_copy *v, const char *date, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void fault(struct verify_copy *v, const char *date, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    struct buf safe;
    va_list ap;
    if (++v->faults > FAULTS_SHOWN_MAX) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&safe, 4 * ERR_TEXT_MAX + COPY_NAME_MAX);
    buf_printf(&safe, COPY_NAME_START "%s" COPY_NAME_END ": ", date);
    cli_put_safe(&safe, span_of(text)); /* some of it may be a server's words */
    if (v->o->json) {
        json_text(&v->items, buf_view(&safe));
    } else {
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&safe)));
    }
    buf_free(&safe);
}

/* The next word of a line; words end at a blank, lines at \n. */
static struct span word(struct span *rest, char end)
{
    ptrdiff_t at = span_find(*rest, end);
    size_t n = at < 0 ? rest->len : (size_t)at;
    struct span w = span_sub(*rest, 0, n);
    *rest = span_sub(*rest, n + 1, rest->len);
    return w;
}

static bool take_text(struct span from, char *out, size_t size)
{
    bool fits = from.len < size;
    (void)snprintf(out, size, "%.*s", SPAN_ARG(fits ? from : SPAN("")));
    return fits;
}

/* ---- the records ---- */

/* Whose key seals and copies are signed with. */
static void put_signer(struct buf *out, const char *data_dir)
{
    char path[PATH_MAX], text[KEY_FILE_MAX], hex[KEY_HEX + 1];
    unsigned char key[SEAL_KEY_BYTES];
    struct err e = {0};
    (void)snprintf(path, sizeof path, "%s/keys/seal.key", data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text, 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n > 0 && keeper_seal_public(span_make(text, (size_t)n), key, &e) == 0) {
        hex_encode(key, sizeof key, hex);
        buf_cstr(out, hex);
    }
    sodium_memzero(text, sizeof text);
    buf_cstr(out, " ");
    if (recovery_public(data_dir, key, &e) == 0) {
        hex_encode(key, sizeof key, hex);
        buf_cstr(out, hex);
    }
    buf_cstr(out, "\n");
}

/* "SIGNER RECOVERY-KEY", then "DATE BYTES HASH" for each day. */
static int tell_records(const struct verify_copy_options *o, struct buf *out, struct err *e)
{
    char path[PATH_MAX], date[11];
    struct db *db = NULL;
    struct arena scratch;
    struct copy_day *rows = NULL;
    size_t n = 0;
    arena_init(&scratch, 0);
    (void)snprintf(path, sizeof path, "%s/records.db", o->data_dir);
    int rc = access(path, F_OK) == 0 ? db_open(path, e, &db) : err_set(e, ERR_NOT_FOUND, "%s is missing", path);
    rc = rc == 0 ? copies_rows(db, span_of(o->target), &scratch, &rows, &n, e) : rc;
    put_signer(out, o->data_dir);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        copy_date(rows[i].day, date);
        buf_printf(out, "%s %" PRId64 " %.*s\n", date, rows[i].bytes, SPAN_ARG(rows[i].hash));
    }
    db_close(&db);
    arena_fini(&scratch);
    return rc == 0 && out->failed ? err_set(e, ERR_LIMIT, "more days than there can be") : rc;
}

static void records_child(void *arg, int out)
{
    const struct verify_copy *v = arg;
    struct err e = {0};
    struct buf answer;
    const struct sandbox_options cage = {.data_dir = v->o->data_dir, .weaker = v->o->weaker};
    buf_init(&answer, ANSWER_MAX);
    int rc = cli_enter_data(&cage, &e);
    rc = rc == 0 ? tell_records(v->o, &answer, &e) : rc;
    cli_child_write(out, rc == 0 ? buf_view(&answer) : span_of(e.text));
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

static int read_known(struct verify_copy *v, struct err *e)
{
    struct buf answer;
    int status = CLI_UNREAD;
    buf_init(&answer, ANSWER_MAX);
    int rc = cli_child(records_child, v, "reading the records", &answer, &status, e);
    struct span rest = buf_view(&answer);
    if (rc == 0 && status != CLI_OK) {
        rc = err_set(e, ERR_IO, "%.*s", SPAN_ARG(span_sub(rest, 0, ERR_TEXT_MAX / 2)));
    }
    struct span head = word(&rest, '\n');
    bool fits = take_text(word(&head, ' '), v->signer, sizeof v->signer) && take_text(head, v->to, sizeof v->to);
    while (rc == 0 && fits && rest.len > 0) {
        struct span line = word(&rest, '\n');
        struct known_day k = {.bytes = 0};
        fits = take_text(word(&line, ' '), k.day.date, sizeof k.day.date) && num_u64(word(&line, ' '), &k.bytes) && take_text(line, k.hash, sizeof k.hash);
        vec_push(&v->known, k);
    }
    buf_free(&answer);
    return rc == 0 && !fits ? err_set(e, ERR_INVALID, "the records' answer cannot be read") : rc;
}

/* ---- what lies there ---- */

struct look {
    const struct verify_copy *v;
    const struct restore_day *day;
    int fd; /* what was opened or fetched; -1: the ends are asked of the server */
};

static int ends_of_file(int fd, struct remote_ends *out, struct err *e)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) {
        return err_set_errno(e, ERR_IO, errno, "its size");
    }
    out->size = (uint64_t)size;
    if (out->size < CRYPT_HEADER_BYTES + CRYPT_TRAILER_BYTES) {
        return 0;
    }
    bool read = pread(fd, out->head, sizeof out->head, 0) == sizeof out->head && pread(fd, out->tail, sizeof out->tail, size - CRYPT_TRAILER_BYTES) == sizeof out->tail;
    return read ? 0 : err_set_errno(e, ERR_IO, errno, "reading it");
}

/* "BYTES SIGNER RECOVERY-KEY HASH", the keys' and the hash's hex. */
static void look_child(void *arg, int out)
{
    const struct look *x = arg;
    struct err e = {0};
    struct crypt_report report = {0};
    struct remote_ends ends = {.size = 0};
    char name[COPY_NAME_MAX], signer[KEY_HEX + 1], to[KEY_HEX + 1], hash[HASH_HEX + 1];
    struct buf answer;
    const struct sandbox_options cage = {.weaker = x->v->o->weaker};
    const struct remote_job job = {.place = &x->v->fetch.place, .name = name, .fd = -1, .key_fd = x->v->fetch.key_fd, .anywhere = true};
    (void)snprintf(name, sizeof name, COPY_NAME_START "%s" COPY_NAME_END, x->day->date);
    buf_init(&answer, ANSWER_MAX);
    int rc = x->fd < 0 ? remote_preload(&e) : 0;
    rc = rc == 0 ? sandbox_enter_with(x->fd < 0 ? SANDBOX_COURIER : SANDBOX_SCAN_WORKER, &cage, &e) : rc;
    if (rc == 0 && x->fd >= 0 && x->v->o->full) {
        rc = crypt_check(x->fd, &report, &e);
    } else if (rc == 0) {
        rc = x->fd < 0 ? remote_ends(&job, &ends, &e) : ends_of_file(x->fd, &ends, &e);
        rc = rc == 0 ? crypt_check_ends(ends.size, ends.head, ends.tail, &report, &e) : rc;
    }
    hex_encode(report.signer, sizeof report.signer, signer);
    hex_encode(report.to, sizeof report.to, to);
    hex_encode(report.hash, sizeof report.hash, hash);
    buf_printf(&answer, "%" PRIu64 " %s %s %s", report.bytes, report.is_signed ? signer : "", to, hash);
    cli_child_write(out, rc == 0 ? buf_view(&answer) : rc == ERR_NOT_FOUND ? SPAN("it lies there no more") : span_of(e.text));
    _exit(rc == 0 ? CLI_OK : CLI_UNREAD);
}

/* The file's fd; -1: not needed, or e says why there is none. */
static int open_day(struct verify_copy *v, size_t i, struct err *e)
{
    char path[PATH_MAX];
    if (!v->remote) {
        restore_days_path(&v->days, i, path);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd >= 0 ? fd : err_set_errno(e, ERR_IO, errno, "it cannot be opened");
    }
    if (!v->o->full) {
        return -1;
    }
    const char *folder = getenv("TMPDIR");
    int fd = open(folder == NULL ? "/var/tmp" : folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "no room for it in %s", folder == NULL ? "/var/tmp" : folder);
    }
    if (restore_fetch_day(&v->fetch, &v->days.all.data[i], fd, e) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static const struct known_day *find_known(const struct verify_copy *v, const char *date)
{
    size_t low = 0, high = v->known.len; /* ascending, as the records told them */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(v->known.data[mid].day.date, date);
        if (order == 0) {
            return &v->known.data[mid];
        }
        low = order < 0 ? mid + 1 : low;
        high = order < 0 ? high : mid;
    }
    return NULL;
}

static void compare(struct verify_copy *v, const char *date, struct span said)
{
    const struct known_day *k = find_known(v, date);
    uint64_t bytes = 0;
    bool sized = num_u64(word(&said, ' '), &bytes);
    struct span signer = word(&said, ' '), to = word(&said, ' '), hash = said;
    v->bytes += bytes;
    if (!sized || hash.len != HASH_HEX || to.len != KEY_HEX) {
        fault(v, date, "what was found out about it cannot be read");
    } else if (signer.len == 0) {
        fault(v, date, "it is not signed");
    } else if (v->signer[0] != '\0' && !span_eq(signer, span_of(v->signer))) {
        fault(v, date, "foreign: it is signed by another key, %.*s", SPAN_ARG(signer));
    } else if (v->to[0] != '\0' && !span_eq(to, span_of(v->to))) {
        fault(v, date, "foreign: it is for another recovery key");
    } else if (k != NULL && bytes != k->bytes) {
        fault(v, date, "too %s: %" PRIu64 " bytes lie there, %" PRIu64 " were brought", bytes < k->bytes ? "short" : "long", bytes, k->bytes);
    } else if (k != NULL && !span_eq(hash, span_of(k->hash))) {
        fault(v, date, "another file than the one that was brought: its hash differs");
    } else if (k == NULL && v->known.len > 0) {
        v->unknown++;
        fault(v, date, "the records know nothing of it");
    }
}

static void look_at_day(struct verify_copy *v, size_t i)
{
    const char *date = v->days.all.data[i].date;
    struct err e = {0};
    struct buf answer;
    int status = CLI_UNREAD;
    struct look x = {.v = v, .day = &v->days.all.data[i]};
    x.fd = open_day(v, i, &e);
    if (e.code != 0) {
        fault(v, date, "%s", e.text);
        return;
    }
    buf_init(&answer, ANSWER_MAX);
    int rc = cli_child(look_child, &x, "looking at it", &answer, &status, &e);
    if (rc != 0) {
        fault(v, date, "%s", e.text);
    } else if (status != CLI_OK) {
        fault(v, date, "%.*s", SPAN_ARG(span_sub(buf_view(&answer), 0, ERR_TEXT_MAX / 2)));
    } else {
        compare(v, date, buf_view(&answer));
    }
    buf_free(&answer);
    if (x.fd >= 0) {
        (void)close(x.fd);
    }
}

static bool is_there(const struct verify_copy *v, const char *date)
{
    for (size_t i = 0; i < v->days.all.len; i++) {
        if (strcmp(v->days.all.data[i].date, date) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- all of it ---- */

static int list_days(struct verify_copy *v, struct err *e)
{
    const struct restore_fetch_options f = {
        .url = v->o->target, .host_keys = v->o->host_key, .endpoint = v->o->endpoint, .region = v->o->region, .key_file = v->o->copy_key};
    v->remote = restore_fetch_is_url(v->o->target);
    v->fetch.weaker = v->o->weaker;
    int rc = v->remote ? restore_fetch_open(&v->fetch, &f, e) : 0;
    if (rc == 0) {
        rc = v->remote ? restore_fetch_list(&v->fetch, &v->days, e) : restore_days_list(v->o->target, &v->days, e);
    }
    return rc == ERR_NOT_FOUND && v->known.len > 0 ? 0 : rc; /* then all are missing, and each is named */
}

static void print(struct verify_copy *v)
{
    if (v->o->json) {
        struct buf b;
        struct json_writer j;
        const struct {
            const char *key;
            uint64_t value;
        } numbers[] = {{"days", v->days.all.len}, {"bytes", v->bytes}, {"known", v->known.len}, {"missing", v->missing}, {"unknown", v->unknown}, {"faults", v->faults}};
        buf_init(&b, ANSWER_MAX);
        json_writer_init(&j, &b);
        json_object(&j);
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
            json_key(&j, numbers[i].key);
            json_u64(&j, numbers[i].value);
        }
        json_key(&j, "full");
        json_bool(&j, v->o->full);
        json_end(&v->items);
        json_key(&j, "list");
        json_raw(&j, buf_view(&v->list));
        json_end(&j);
        (void)printf("%.*s\n", SPAN_ARG(buf_view(&b)));
        buf_free(&b);
        return;
    }
    if (v->faults > FAULTS_SHOWN_MAX) {
        (void)printf("and %" PRIu64 " more\n", v->faults - FAULTS_SHOWN_MAX);
    }
    (void)printf("%zu days, %" PRIu64 " bytes lie there; %s\n", v->days.all.len, v->bytes,
                 v->o->full ? "every byte was read" : "each file's size, head and end were read, not what lies between: --full reads all");
    (void)printf(v->known.len > 0 ? "%zu days were compared with what the records say was brought\n"
                                  : "no records know of copies at this place: sizes and hashes were compared with nothing, and what is missing is not known\n",
                 v->known.len);
    (void)printf(v->faults == 0 ? "Everything fits.\n" : "%" PRIu64 " %s.\n", v->faults, v->faults == 1 ? "fault" : "faults");
}

int verify_copy(const struct verify_copy_options *o)
{
    struct verify_copy v = {.o = o, .fetch = {.key_fd = -1}};
    struct err e = {0};
    buf_init(&v.list, ANSWER_MAX);
    json_writer_init(&v.items, &v.list);
    json_array(&v.items);
    int rc = o->data_dir == NULL ? 0 : read_known(&v, &e);
    if (rc == 0 && o->key != NULL && !take_text(span_of(o->key), v.signer, sizeof v.signer)) {
        rc = err_set(&e, ERR_INVALID, "--key takes the public key: 64 hex digits");
    }
    rc = rc == 0 ? list_days(&v, &e) : rc;
    for (size_t i = 0; rc == 0 && i < v.known.len; i++) {
        if (!is_there(&v, v.known.data[i].day.date)) {
            v.missing++;
            fault(&v, v.known.data[i].day.date, "is missing there");
        }
    }
    for (size_t i = 0; rc == 0 && i < v.days.all.len; i++) {
        look_at_day(&v, i);
    }
    if (rc == 0) {
        print(&v);
    } else {
        cli_print_err(&e);
    }
    restore_fetch_close(&v.fetch);
    restore_days_free(&v.days);
    vec_free(&v.known);
    buf_free(&v.list);
    return rc == 0 && v.faults == 0 ? CLI_OK : CLI_UNREAD;
}
