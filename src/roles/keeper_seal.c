/* SPDX-License-Identifier: EUPL-1.2 */
/* Sealing in the keeper: see keeper_seal.h. */
#include "roles/keeper_seal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/num.h"
#include "records/settings.h"

enum {
    KEY_TEXT_MAX = 128,
    HEAD_TEXT_MAX = 2 * ARCHIVE_HASH_BYTES + 40,
};

/* Names of settings: the newest link ("day link hash") and the hash of the last seal's line. */
static const char setting_head[] = "archive.head";
static const char setting_seal[] = "archive.seal";

static int seed_of(struct span text, unsigned char seed[SEAL_SEED_BYTES], struct err *e)
{
    return hex_decode(span_trim(text), seed, SEAL_SEED_BYTES)
               ? 0
               : err_set(e, ERR_INVALID, "the seal key is not %d hex digits", 2 * SEAL_SEED_BYTES);
}

void keeper_seal_key(struct keeper_seal *s, int fd)
{
    char text[KEY_TEXT_MAX];
    unsigned char seed[SEAL_SEED_BYTES];
    struct err e = {0};
    ssize_t n = pread(fd, text, sizeof text, 0);
    int rc = n < 0 ? err_set(&e, ERR_IO, "the seal key cannot be read")
                   : seed_of(span_make(text, (size_t)n), seed, &e);
    (void)close(fd);
    if (rc == 0) {
        seal_key_free(&s->key);
        s->key = seal_key_new(seed);
    } else {
        log_error("seal.key", "why=\"%s\"", e.text);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(seed, sizeof seed);
}

int keeper_seal_public(struct span text, unsigned char out[SEAL_KEY_BYTES], struct err *e)
{
    unsigned char seed[SEAL_SEED_BYTES];
    int rc = seed_of(text, seed, e);
    if (rc == 0) {
        struct seal_key *k = seal_key_new(seed);
        seal_key_public(k, out);
        seal_key_free(&k);
    }
    sodium_memzero(seed, sizeof seed);
    return rc;
}

void keeper_seal_fini(struct keeper_seal *s)
{
    seal_key_free(&s->key);
}

/* ---- what the records know ---- */

static void tell_head(struct keeper_seal *s, struct archive *a, struct keeper_records *kr, time_ns now)
{
    struct archive_head h;
    struct err e = {0};
    char text[HEAD_TEXT_MAX];
    char hex[2 * ARCHIVE_HASH_BYTES + 1];
    if (!archive_newest(a, &h) || (h.day == s->told.day && h.link == s->told.link)) {
        return;
    }
    hex_encode(h.hash, sizeof h.hash, hex);
    int n = snprintf(text, sizeof text, "%d %u %s", h.day, h.link, hex);
    if (keeper_records_set(kr, span_of(setting_head), span_make(text, (size_t)n), now, &e) == 0) {
        s->told = h;
        if (log_lasting_over(&s->untold)) {
            log_info("seal.head", "day=%d link=%u", h.day, h.link);
        }
    } else if (log_lasting_failed(&s->untold, clock_mono())) {
        log_error("seal.head", "why=\"%s\"", e.text);
    }
}

static bool next_word(struct span *at, struct span *out)
{
    const char *p = at->len == 0 ? NULL : memchr(at->ptr, ' ', at->len);
    size_t n = p == NULL ? at->len : (size_t)(p - at->ptr);
    *out = span_sub(*at, 0, n);
    *at = span_sub(*at, n + (p != NULL), at->len);
    return n > 0;
}

static bool read_head(struct span text, struct archive_witness *out)
{
    struct span day, link, hash;
    int64_t d = 0;
    uint64_t l = 0;
    if (!next_word(&text, &day) || !next_word(&text, &link) || !next_word(&text, &hash) ||
        !num_i64(day, &d) || d < INT32_MIN || d > INT32_MAX || !num_u64(link, &l) || l > UINT32_MAX) {
        return false;
    }
    out->newest_day = (int32_t)d;
    out->newest_link = (uint32_t)l;
    return hex_decode(hash, out->newest_hash, sizeof out->newest_hash);
}

int keeper_seal_witness(struct db *db, struct archive_witness *out, struct err *e)
{
    char text[HEAD_TEXT_MAX];
    struct span value;
    struct err missing = {0};
    int rc = settings_get(db, span_of(setting_head), text, sizeof text, &value, &missing);
    if (rc == 0 && !read_head(value, out)) {
        return err_set(e, ERR_INVALID, "what they say of the archive's end cannot be read");
    }
    out->has_newest = rc == 0;
    if (rc == 0 || rc == ERR_NOT_FOUND) {
        rc = settings_get(db, span_of(setting_seal), text, sizeof text, &value, &missing);
    }
    if (rc == 0 && !hex_decode(value, out->seal, sizeof out->seal)) {
        return err_set(e, ERR_INVALID, "what they say of the last seal cannot be read");
    }
    out->has_seal = rc == 0;
    return rc == 0 || rc == ERR_NOT_FOUND ? 0 : err_set(e, rc, "%s", missing.text);
}

/* ---- sealing ---- */

/*
 * A node that ended between a seal's line and the records tells them now. Only of a line of this node's key that stands right behind the one they know
 * of: where a line was taken away they go on knowing it.
 */
static void catch_up(struct keeper_records *kr, const struct seal_key *key, const struct seal *last, const unsigned char line[ARCHIVE_HASH_BYTES], time_ns now)
{
    char text[HEAD_TEXT_MAX], hex[2 * ARCHIVE_HASH_BYTES + 1];
    unsigned char known[ARCHIVE_HASH_BYTES] = {0}, own[SEAL_KEY_BYTES];
    struct span value;
    struct err e = {0};
    seal_key_public(key, own);
    int rc = settings_get(keeper_records_db(kr), span_of(setting_seal), text, sizeof text, &value, &e);
    rc = rc == 0 && !hex_decode(value, known, sizeof known) ? ERR_INVALID : rc == ERR_NOT_FOUND ? 0 : rc; /* none known: what is before the first line */
    bool behind = memcmp(known, last->previous, sizeof known) == 0 && memcmp(own, last->key, sizeof own) == 0;
    if (rc == 0 && memcmp(known, line, sizeof known) == 0) {
        return;
    }
    if (rc == 0 && !behind) {
        rc = err_set(&e, ERR_INVALID, "the records know of another seal than the last line of " SEAL_FILE_NAME ": sereno verify says more");
    } else if (rc == 0) {
        hex_encode(line, ARCHIVE_HASH_BYTES, hex);
        rc = keeper_records_set(kr, span_of(setting_seal), span_of(hex), now, &e);
        log_info("archive.sealed", "day=%d link=%u note=\"the records are told now\"", last->head.day, last->head.link);
    }
    if (rc != 0) {
        log_error("seal.failed", "where=\"%s\" why=\"%s\"", e.where, e.text);
    }
}

static void look_once(struct keeper_seal *s, const char *folder, struct keeper_records *kr, time_ns now)
{
    struct seal last;
    unsigned char line[ARCHIVE_HASH_BYTES];
    bool any = archive_last_line(folder, &last, line);
    s->sealed = any ? last.sealed : TIME_NONE;
    s->looked = true;
    if (any) {
        catch_up(kr, s->key, &last, line, now);
    }
}

static bool is_due(const struct keeper_seal *s, time_ns now)
{
    return s->sealed == TIME_NONE || time_day(s->sealed) != time_day(now);
}

static void seal_now(struct keeper_seal *s, struct archive *a, struct keeper_records *kr, time_ns now)
{
    struct err e = {0};
    char hex[2 * ARCHIVE_HASH_BYTES + 1];
    unsigned char line[ARCHIVE_HASH_BYTES];
    struct archive_head h;
    if (!archive_newest(a, &h)) {
        return;
    }
    int rc = archive_seal(a, s->key, now, line, &e);
    if (rc == 0) {
        hex_encode(line, sizeof line, hex);
        rc = keeper_records_set(kr, span_of(setting_seal), span_of(hex), now, &e);
    }
    if (rc == 0) {
        s->sealed = now;
        (void)log_lasting_over(&s->unsealed);
        log_info("archive.sealed", "day=%d link=%u", h.day, h.link);
    } else if (log_lasting_failed(&s->unsealed, clock_mono())) {
        log_error("seal.failed", "where=\"%s\" why=\"%s\"", e.where, e.text);
    }
}

void keeper_seal_tick(struct keeper_seal *s, struct archive *a, const char *folder,
                      struct keeper_records *kr, time_ns now, bool let_go)
{
    if (kr == NULL) {
        return;
    }
    tell_head(s, a, kr, now);
    if (s->key != NULL && !s->looked) {
        look_once(s, folder, kr, now);
    }
    if (s->key != NULL && (let_go || is_due(s, now))) {
        seal_now(s, a, kr, now);
    }
}
