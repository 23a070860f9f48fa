/* SPDX-License-Identifier: EUPL-1.2 */
/* Proofs that something was let go: their text, their signature, their place in the chain. Reads untrusted bytes when
 * verifying. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/purge_priv.h"
#include "base/id.h"

static const char context[] = "sereno-purge-1\n";

void archive_signer(struct archive *a, const struct seal_key *key)
{
    a->signer = key;
}

/* ---- what went ---- */

void purge_sum_begin(struct purge_sum *s, int32_t day, struct span organisation, struct span source)
{
    *s = (struct purge_sum){
        .day = day, .organisation = organisation, .source = source, .from = INT64_MAX, .to = INT64_MIN};
    MUST(crypto_generichash_init(&s->digest, NULL, 0, ARCHIVE_HASH_BYTES));
}

void purge_sum_add(struct purge_sum *s, uint32_t id, const unsigned char hash[ARCHIVE_HASH_BYTES],
                   const struct archive_header *h)
{
    unsigned char number[4];
    for (unsigned k = 0; k < sizeof number; k++) {
        number[k] = (unsigned char)(id >> (8 * k));
    }
    MUST(crypto_generichash_update(&s->digest, number, sizeof number));
    MUST(crypto_generichash_update(&s->digest, hash, ARCHIVE_HASH_BYTES));
    s->rows++;
    s->records += h->count;
    s->bytes += h->originals_bytes;
    s->from = h->received_min < s->from ? h->received_min : s->from;
    s->to = h->received_max > s->to ? h->received_max : s->to;
}

void purge_sum_text(const struct purge_sum *s, struct buf *out)
{
    char day[TIME_TEXT_MAX], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    char hex[2 * ARCHIVE_HASH_BYTES + 1];
    unsigned char hash[ARCHIVE_HASH_BYTES];
    crypto_generichash_state end = s->digest;
    MUST(crypto_generichash_final(&end, hash, sizeof hash));
    hex_encode(hash, sizeof hash, hex);
    buf_printf(out, "purged %.10s rows=%" PRIu64 " records=%" PRIu64 " bytes=%" PRIu64 " received=%s/%s digest=%s",
               time_format((time_ns)s->day * TIME_DAY, day), s->rows, s->records, s->bytes,
               time_format(s->from, from), time_format(s->to, to), hex);
    buf_printf(out, " organisation=\"%.*s\" source=\"%.*s\"", SPAN_ARG(s->organisation), SPAN_ARG(s->source));
}

/* ---- in the chain ---- */

static bool has_note(struct archive *a, struct span about, int *rc, struct err *e)
{
    sqlite3_stmt *s = NULL;
    *rc = dayfile_prepare(a->db, "SELECT 1 FROM block WHERE kind=1 AND substr(class,1,length(?1))=?1", &s, e);
    if (*rc == 0) {
        dayfile_bind_text(s, 1, about);
        *rc = dayfile_row(a->db, s, e);
    }
    (void)sqlite3_finalize(s);
    bool has = *rc == 1;
    *rc = *rc < 0 ? *rc : 0;
    return has;
}

static void put_hex(struct buf *out, const char *name, const unsigned char *bytes, size_t n)
{
    char hex[2 * SEAL_SIG_BYTES + 1];
    hex_encode(bytes, n, hex);
    buf_printf(out, " %s=%s", name, hex);
}

/* " at= head= key= sig=" */
static void put_tail(struct archive *a, struct buf *text, time_ns now)
{
    char at[TIME_TEXT_MAX];
    unsigned char key[SEAL_KEY_BYTES];
    unsigned char sig[SEAL_SIG_BYTES];
    struct buf message;
    buf_printf(text, " at=%s", time_format(now, at));
    put_hex(text, "head", a->chain, sizeof a->chain);
    if (a->signer == NULL) {
        return;
    }
    seal_key_public(a->signer, key);
    put_hex(text, "key", key, sizeof key);
    buf_init(&message, ARCHIVE_NOTE_MAX + sizeof context);
    buf_cstr(&message, context);
    buf_span(&message, buf_view(text));
    seal_key_sign(a->signer, buf_view(&message), sig);
    buf_free(&message);
    put_hex(text, "sig", sig, sizeof sig);
}

int purge_note_put(struct archive *a, struct span about, struct span given, time_ns now, struct err *e)
{
    unsigned char chain[ARCHIVE_HASH_BYTES];
    uint32_t id = a->next_id;
    struct buf text;
    int rc = 0;
    if (has_note(a, about, &rc, e) || rc != 0) {
        return rc; /* a crash between note and deletion must not leave two */
    }
    buf_init(&text, ARCHIVE_NOTE_MAX);
    buf_span(&text, given);
    put_tail(a, &text, now);
    struct archive_header h = {.kind = ARCHIVE_KIND_NOTE,
                               .class_name = buf_view(&text),
                               .time_min = now,
                               .time_max = now,
                               .received_min = now,
                               .received_max = now};
    memcpy(chain, a->chain, sizeof chain);
    rc = text.failed ? err_set(e, ERR_LIMIT, "a note over its limit") : dayfile_exec(a->db, "BEGIN IMMEDIATE", e);
    if (rc == 0) {
        rc = archive_put_link(a, &h, span_make(NULL, 0), e);
        rc = rc == 0 ? dayfile_exec(a->db, "COMMIT", e) : rc;
    }
    if (rc != 0) {
        dayfile_rollback(a->db);
        memcpy(a->chain, chain, sizeof chain);
        a->next_id = id;
    }
    buf_free(&text);
    return rc;
}

enum purge_note_state purge_note_check(struct span text, unsigned char key_out[SEAL_KEY_BYTES])
{
    static const char sig_name[] = " sig=", key_name[] = " key=";
    enum {
        SIG_TAIL = sizeof sig_name - 1 + 2 * SEAL_SIG_BYTES,
        KEY_TAIL = sizeof key_name - 1 + 2 * SEAL_KEY_BYTES,
    };
    unsigned char sig[SEAL_SIG_BYTES];
    struct buf message;
    if (text.len < SIG_TAIL + KEY_TAIL ||
        !span_starts(span_sub(text, text.len - SIG_TAIL, SIG_TAIL), span_of(sig_name))) {
        return NOTE_UNSIGNED;
    }
    struct span part = span_sub(text, 0, text.len - SIG_TAIL);
    struct span key = span_sub(part, part.len - KEY_TAIL, KEY_TAIL);
    if (!span_starts(key, span_of(key_name)) ||
        !hex_decode(span_sub(key, sizeof key_name - 1, key.len), key_out, SEAL_KEY_BYTES) ||
        !hex_decode(span_sub(text, part.len + sizeof sig_name - 1, 2 * SEAL_SIG_BYTES), sig, sizeof sig)) {
        return NOTE_FORGED;
    }
    buf_init(&message, ARCHIVE_NOTE_MAX + sizeof context);
    buf_cstr(&message, context);
    buf_span(&message, part);
    bool fits = !message.failed && crypto_sign_verify_detached(sig, (const unsigned char *)message.data, message.len,
                                                               key_out) == 0;
    buf_free(&message);
    return fits ? NOTE_SIGNED : NOTE_FORGED;
}
