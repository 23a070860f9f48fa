/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno verify`: reads a node's archive and audit trail whole and says what does not fit. Needs no running node and
 * disturbs none. Caged before the first byte is read: it can reach the data folder and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/id.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/verify_copy.h"
#include "os/sandbox.h"
#include "os/sqlite_wal.h"
#include "records/audit.h"
#include "records/briefs.h"
#include "records/db.h"
#include "records/proof.h"
#include "records/registers/record_seal.h"
#include "records/upkeep.h"
#include "roles/keeper_seal.h"
#include "roles/super.h"
#include "wire/crypt.h"
#include "wire/json_write.h"

enum { VERIFY_SHOWN_MAX = 1000 /* faults printed; the rest are counted */, KEY_FILE_MAX = 128 };

struct verify {
    const char *data_dir;
    const char *backup; /* of --backup, or NULL */
    const char *key; /* of --key, or NULL */
    const char *noted; /* of --link, or NULL */
    unsigned char link[PROOF_HASH_BYTES]; /* that */
    bool json, terminal, weaker;
    struct verify_copy_options copy; /* target NULL: it is not asked for */
    uint64_t faults;
    struct archive_witness witness;
    struct archive_report report;
    int64_t audit_rows;
    int64_t sealed, erased; /* marks of personal values in the trail: with them, without */
    int64_t briefs; /* issued */
    struct proof_report proofs;
    bool stepped;
    struct buf list; /* faults as JSON array items */
    struct json_writer items;
};

static void fault(void *ctx, const struct err *e)
{
    struct verify *v = ctx;
    struct buf safe;
    if (++v->faults > VERIFY_SHOWN_MAX) {
        return;
    }
    buf_init(&safe, 4096);
    cli_put_safe(&safe, span_of(e->where));
    if (e->line > 0) {
        buf_printf(&safe, ":%u", e->line);
    }
    buf_cstr(&safe, safe.len > 0 ? ": " : "");
    cli_put_safe(&safe, span_of(e->text));
    if (v->json) {
        json_text(&v->items, buf_view(&safe));
    } else {
        (void)printf("%s%.*s\n", v->stepped ? "\r\x1b[K" : "", SPAN_ARG(buf_view(&safe)));
        v->stepped = false;
    }
    buf_free(&safe);
}

static void step(void *ctx, size_t day, size_t days)
{
    struct verify *v = ctx;
    if (v->terminal) {
        (void)fprintf(stderr, "\rday file %zu of %zu, %" PRIu64 " records\x1b[K", day + 1, days,
                      v->report.records);
        v->stepped = true;
    }
}

/* The node's own public key, where whoever asks may read it; an auditor brings it with --key. */
static int find_key(struct verify *v, struct err *e)
{
    char path[PATH_MAX];
    char text[KEY_FILE_MAX];
    if (v->key != NULL) {
        v->witness.has_key = true;
        return hex_decode(span_of(v->key), v->witness.key, sizeof v->witness.key)
                   ? 0
                   : err_set(e, ERR_INVALID, "--key takes the public key: 64 hex digits");
    }
    (void)snprintf(path, sizeof path, "%s/keys/seal.key", v->data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    (void)close(fd);
    v->witness.has_key =
        n > 0 && keeper_seal_public(span_make(text, (size_t)n), v->witness.key, e) == 0;
    sodium_memzero(text, sizeof text);
    return 0;
}

static void step_rows(void *ctx, const char *table, uint64_t rows)
{
    struct verify *v = ctx;
    if (v->terminal) {
        (void)fprintf(stderr, "\rrecords: %s, %" PRIu64 " rows\x1b[K", table, rows);
        v->stepped = true;
    }
}

/* Each row against its proof, and the tables themselves. */
static void check_rows(struct verify *v, struct db *db)
{
    struct err e = {0};
    const struct proof_hooks hooks = {.ctx = v, .complain = fault, .step = step_rows, .noted = v->noted == NULL ? NULL : v->link};
    int rc = proof_verify_schema(db, &hooks, &e);
    rc = rc == 0 ? proof_verify(db, &hooks, &v->proofs, &e) : rc;
    rc = rc == 0 ? briefs_verify(db, v->witness.has_key ? v->witness.key : NULL, v, fault, &v->briefs, &e) : rc;
    if (rc != 0) {
        err_at(&e, "records.db", 0);
        fault(v, &e);
    }
}

static void check_records(struct verify *v)
{
    char path[PATH_MAX];
    struct db *db = NULL;
    struct err e = {0};
    (void)snprintf(path, sizeof path, "%s/records.db", v->data_dir);
    if (access(path, F_OK) != 0) {
        (void)err_set(&e, ERR_NOT_FOUND, "is missing: what the archive must end with is not known");
        err_at(&e, "records.db", 0);
        fault(v, &e);
        return;
    }
    int rc = db_open(path, &e, &db);
    if (rc == 0) {
        rc = audit_verify(db, &e, &v->audit_rows);
        rc = rc == 0 ? record_seal_verify(db, &v->sealed, &v->erased, &e) : rc;
    }
    if (rc != 0) {
        err_at(&e, "records.db", 0);
        fault(v, &e);
    }
    if (db != NULL) {
        check_rows(v, db);
    }
    struct err why = {0};
    if (db != NULL && keeper_seal_witness(db, &v->witness, &why) != 0) {
        err_at(&why, "records.db", 0);
        fault(v, &why);
    }
    db_close(&db);
}

/* Before the first database is opened: the engine drops what does not fit of a log, and then the log. */
static int check_logs(struct verify *v, struct err *e)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/archive", v->data_dir);
    int rc = sqlite_wal_guard(v->data_dir, true, fault, v, e);
    return rc == 0 ? sqlite_wal_guard(path, true, fault, v, e) : rc;
}

static int check_archive(struct verify *v, struct err *e)
{
    char path[PATH_MAX];
    struct archive_reader *r = NULL;
    const struct archive_verify_hooks hooks = {.ctx = v, .complain = fault, .step = step};
    (void)snprintf(path, sizeof path, "%s/archive", v->data_dir);
    int rc = archive_reader_open(path, &r, e);
    if (rc == 0) {
        rc = archive_verify(r, &v->witness, &hooks, &v->report, e);
    }
    archive_reader_close(&r);
    return rc;
}

/* The records are told, where they can be written: `sereno doctor` asks them. From then on the link that is printed stays in the chain. */
static void note_done(struct verify *v)
{
    char path[PATH_MAX];
    struct db *db = NULL;
    struct err e = {0};
    const struct upkeep done = {
        .at = clock_now(), .items = v->report.records, .bytes = v->report.bytes, .faults = v->faults};
    (void)snprintf(path, sizeof path, "%s/records.db", v->data_dir);
    int rc = access(path, W_OK) == 0 ? db_open(path, &e, &db) : 0;
    if (rc == 0 && db != NULL) {
        proof_end_link(db);
        rc = upkeep_put(db, UPKEEP_VERIFY, &done, &e);
        v->proofs.has_link = rc == 0 && v->proofs.there && proof_kept_link(db, v->proofs.link, &e) == 0;
    }
    if (rc != 0) {
        struct buf safe; /* the words of a damaged file may be in it */
        buf_init(&safe, 4 * ERR_TEXT_MAX);
        cli_put_safe(&safe, span_of(e.text));
        (void)fprintf(stderr, "sereno: the records cannot be told of it: %.*s\n", SPAN_ARG(buf_view(&safe)));
        buf_free(&safe);
    }
    db_close(&db);
}

static void print_proofs(const struct verify *v)
{
    char hex[2 * PROOF_HASH_BYTES + 1];
    if (!v->proofs.there) {
        (void)printf("the rows of records.db have no proofs yet: a node of this version makes them when it starts\n");
        return;
    }
    hex_encode(v->proofs.link, sizeof v->proofs.link, hex);
    (void)printf("%" PRIu64 " rows of records.db and %" PRIu64 " of their keys; %" PRId64 " links of their chain, to note: %s\n", v->proofs.rows,
                 v->proofs.summed, v->proofs.links, v->proofs.has_link ? hex : "none yet");
}

static void print_text(struct verify *v)
{
    char at[TIME_TEXT_MAX];
    const struct archive_report *r = &v->report;
    if (v->faults > VERIFY_SHOWN_MAX) {
        (void)printf("and %" PRIu64 " more\n", v->faults - VERIFY_SHOWN_MAX);
    }
    (void)printf("%s%" PRIu64 " records and %" PRIu64 " alerts in %" PRIu64 " blocks of %" PRIu64
                 " days, %" PRIu64 " bytes; %" PRId64 " entries of the audit trail, %" PRId64 " marks of personal values, %" PRId64 " of values that were erased\n",
                 v->stepped ? "\r\x1b[K" : "", r->records, r->alerts, r->blocks, r->days, r->bytes,
                 v->audit_rows, v->sealed + v->erased, v->erased);
    print_proofs(v);
    if (v->briefs > 0) {
        (void)printf("%" PRId64 " issued briefs, each with its signature\n", v->briefs);
    }
    if (r->seals > 0) {
        char hex[2 * SEAL_KEY_BYTES + 1];
        hex_encode(v->witness.key, sizeof v->witness.key, hex);
        (void)printf("%" PRIu64 " seals, the newest of %s, %s%s\n", r->seals,
                     time_format(r->sealed_at, at),
                     v->witness.has_key ? "by the key " : "by a key that was not compared: give --key",
                     v->witness.has_key ? hex : "");
    } else {
        (void)printf("nothing was sealed yet\n");
    }
    if (v->faults == 0) {
        (void)printf("Everything fits.\n");
    } else {
        (void)printf("%" PRIu64 " %s.\n", v->faults, v->faults == 1 ? "fault" : "faults");
    }
}

static void put_key(struct verify *v, struct json_writer *j)
{
    char hex[2 * SEAL_KEY_BYTES + 1];
    hex_encode(v->witness.key, sizeof v->witness.key, hex);
    json_key(j, "seal_key");
    if (v->witness.has_key) {
        json_text(j, span_of(hex));
    } else {
        json_null(j);
    }
}

/* The newest link over the rows that stays, to be noted elsewhere. */
static void put_link(struct verify *v, struct json_writer *j)
{
    char hex[2 * PROOF_HASH_BYTES + 1];
    hex_encode(v->proofs.link, sizeof v->proofs.link, hex);
    json_key(j, "link");
    if (v->proofs.has_link) {
        json_text(j, span_of(hex));
    } else {
        json_null(j);
    }
}

static void print_json(struct verify *v)
{
    char at[TIME_TEXT_MAX];
    struct buf b;
    struct json_writer j;
    const struct archive_report *r = &v->report;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"days", r->days},     {"blocks", r->blocks}, {"records", r->records}, {"bytes", r->bytes},
                   {"alerts", r->alerts}, {"notes", r->notes},   {"purged", r->purged}, {"proofs", r->proofs},   {"seals", r->seals},
                   {"audit", (uint64_t)v->audit_rows}, {"briefs", (uint64_t)v->briefs}, {"rows", v->proofs.rows}, {"keys", v->proofs.summed}, {"links", (uint64_t)v->proofs.links}, {"marks", (uint64_t)(v->sealed + v->erased)}, {"erased", (uint64_t)v->erased}, {"faults", v->faults}};
    buf_init(&b, 16 << 20);
    json_writer_init(&j, &b);
    json_object(&j);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(&j, numbers[i].name);
        json_u64(&j, numbers[i].value);
    }
    json_key(&j, "sealed");
    if (r->sealed_at == TIME_NONE) {
        json_null(&j);
    } else {
        json_text(&j, span_of(time_format(r->sealed_at, at)));
    }
    put_key(v, &j);
    put_link(v, &j);
    json_end(&v->items);
    json_key(&j, "list");
    json_raw(&j, buf_view(&v->list));
    json_end(&j);
    (void)printf("%.*s\n", SPAN_ARG(buf_view(&b)));
    buf_free(&b);
}

static int verify(struct verify *v)
{
    struct err e = {0};
    struct stat st;
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/archive", v->data_dir);
    if (n < 0 || n >= PATH_MAX - 32 || stat(path, &st) != 0) {
        (void)err_set(&e, ERR_NOT_FOUND, "there is no archive in it: name a node's data folder with --data");
        err_at(&e, v->data_dir, 0);
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    const struct sandbox_options cage = {.data_dir = v->data_dir, .weaker = v->weaker};
    int rc = sandbox_enter_with(SANDBOX_KEEPER, &cage, &e);
    rc = rc == 0 ? find_key(v, &e) : rc;
    if (rc == 0) {
        buf_init(&v->list, 8 << 20);
        json_writer_init(&v->items, &v->list);
        json_array(&v->items);
        rc = check_logs(v, &e);
    }
    if (rc == 0) {
        check_records(v);
        rc = check_archive(v, &e);
    }
    if (rc != 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    note_done(v);
    if (v->json) {
        print_json(v);
    } else {
        print_text(v);
    }
    buf_free(&v->list);
    return v->faults == 0 ? CLI_OK : CLI_UNREAD;
}

/* Whether a backup is whole, and whose: what anybody can tell who cannot read it. */
static int verify_backup(const struct verify *v)
{
    struct err e = {0};
    struct crypt_report report = {0};
    char signer[2 * CRYPT_KEY_BYTES + 1], to[2 * CRYPT_KEY_BYTES + 1];
    const struct sandbox_options cage = {.weaker = v->weaker};
    int fd = open(v->backup, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? err_set_errno(&e, ERR_IO, errno, "%s", v->backup)
                    : sandbox_enter_with(SANDBOX_SCAN_WORKER, &cage, &e);
    if (rc == 0) {
        rc = crypt_check(fd, &report, &e);
        err_at(&e, v->backup, 0);
    }
    hex_encode(report.signer, sizeof report.signer, signer);
    hex_encode(report.to, sizeof report.to, to);
    if (rc == 0 && v->key != NULL && (!report.is_signed || strcmp(v->key, signer) != 0)) {
        rc = err_set(&e, ERR_DENIED, "not signed by that key");
        err_at(&e, v->backup, 0);
    }
    if (rc != 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    if (v->json) {
        const char *quote = report.is_signed ? "\"" : "";
        (void)printf("{\"bytes\":%" PRIu64 ",\"signer\":%s%s%s,\"recovery_key\":\"%s\"}\n", report.bytes, quote,
                     report.is_signed ? signer : "null", quote, to);
    } else {
        (void)printf("%" PRIu64 " bytes, whole, %s%s, for the recovery key whose public half is %s\n", report.bytes,
                     report.is_signed ? "signed by the key " : "not signed", report.is_signed ? signer : "", to);
    }
    return CLI_OK;
}

static int run_verify(int argc, char **argv, const struct command *self)
{
    struct verify v = {.terminal = isatty(STDERR_FILENO) == 1};
    const struct cli_option table[] = {
        {"--data", &v.data_dir, NULL},
        {"--key", &v.key, NULL},
        {"--link", &v.noted, NULL},
        {"--backup", &v.backup, NULL},
        {"--copy", &v.copy.target, NULL},
        {"--copy-key", &v.copy.copy_key, NULL},
        {"--host-key", &v.copy.host_key, NULL},
        {"--endpoint", &v.copy.endpoint, NULL},
        {"--region", &v.copy.region, NULL},
        {"--full", NULL, &v.copy.full},
        {"--json", NULL, &v.json},
        {"--weaker-sandbox", NULL, &v.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), NULL, 0);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (sodium_init() < 0) {
        (void)fprintf(stderr, "sereno: the crypto library does not start\n");
        return CLI_UNREAD;
    }
    if (v.backup != NULL) {
        return verify_backup(&v);
    }
    if (v.copy.target != NULL) { /* without --data nobody's records are compared: an auditor may have none */
        v.copy.data_dir = v.data_dir;
        v.copy.key = v.key;
        v.copy.json = v.json;
        v.copy.weaker = v.weaker;
        return verify_copy(&v.copy);
    }
    if (v.noted != NULL && !hex_decode(span_of(v.noted), v.link, sizeof v.link)) {
        return cli_usage(self, "--link takes a link as it was printed: 64 hex digits");
    }
    v.data_dir = v.data_dir == NULL ? super_default_data() : v.data_dir;
    return verify(&v);
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "read archive, audit trail and records whole and say what was changed",
    .help = "usage: sereno verify [--data DIR] [--key HEX] [--link HEX] [--json]\n"
            "       sereno verify --backup FILE [--key HEX] [--json]\n"
            "       sereno verify --copy DIR|URL [--data DIR] [--full] [--key HEX] [--json]\n"
            "\n"
            "Walks the chain of the archive from its first day to its last, unpacks every block, recomputes every\n"
            "hash, finds every sealed head again, and compares the end with what the records know of it; then the\n"
            "chain of the audit trail, and every row of the records against the proof that was written with it: what was\n"
            "changed is named with its field. Each fault is one line. A running node is not disturbed.\n"
            "\n"
            "  --data DIR         the node's data folder; default as for `sereno serve`\n"
            "  --key HEX          the public key that seals must carry, as noted elsewhere; without it the key in\n"
            "                     DIR/keys is taken, which proves less to a stranger\n"
            "  --link HEX         a link of the records' chain as it was printed before and noted elsewhere: it must still be\n"
            "                     there. So records that were put back to an older state, or made anew, are found\n"
            "  --backup FILE      instead: is this backup whole, and who signed it; needs no recovery key\n"
            "  --copy DIR|URL     instead: does a second copy of the archive hold what the records of --data say was brought there?\n"
            "                     Names what is missing, too short, foreign or not signed by the node's key, by each file's\n"
            "                     size, head and end; needs no recovery key. A URL takes --copy-key, --host-key, --endpoint and\n"
            "                     --region, as `sereno restore` does. Without --data the files are compared with nothing\n"
            "  --full             of a copy: read every byte, so that a changed one in the middle is found too\n"
            "  --json             one JSON object\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock\n"
            "\n"
            "Exit status: 0 everything fits, 1 something does not or cannot be read, 2 wrong use.\n"
            "\n"
            "example: sereno verify --data /var/lib/sereno\n",
    .run = run_verify,
};
