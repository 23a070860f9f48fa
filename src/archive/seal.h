/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads: once a day the newest link of the archive's chain is signed (Ed25519, RFC 8032) and
 * put as one line into `seals.jsonl` beside the day files. Each line carries the hash of the line
 * before, so that none can be taken out of the middle. With the line and the public key anybody can
 * show later that everything up to that link was there then and is unchanged.
 *
 * A line: {"v":1,"day":"2026-11-26","link":12,"head":HEX,"sealed":TIME,"previous":HEX,"key":HEX,"sig":HEX},
 * always written so, byte for byte; sig is over "sereno-seal-1\n" and the line up to ,"sig".
 *
 * Written by keeper (the private key comes from super), read by `sereno verify`.
 */
#ifndef ARCHIVE_SEAL_H
#define ARCHIVE_SEAL_H

#include "archive/archive.h"

enum {
    SEAL_SEED_BYTES = 32,
    SEAL_KEY_BYTES = 32,  /* public */
    SEAL_SIG_BYTES = 64,
    SEAL_LINE_MAX = 640,  /* bytes of one line; ours have 482 to 490 */
    SEAL_FILE_MAX = 64 << 20, /* bytes: 350 years of days, and a seal per retention run */
};

#define SEAL_FILE_NAME "seals.jsonl"

/* The newest link of the chain. */
struct archive_head {
    int32_t day;
    uint32_t link; /* 0: the file of that day has none yet */
    unsigned char hash[ARCHIVE_HASH_BYTES];
};

struct seal {
    struct archive_head head;
    time_ns sealed;
    unsigned char previous[ARCHIVE_HASH_BYTES]; /* hash of the line before; zero for the first */
    unsigned char key[SEAL_KEY_BYTES];
};

struct seal_key; /* private; wiped when freed */
/* From SEAL_SEED_BYTES random bytes. */
struct seal_key *seal_key_new(const unsigned char seed[SEAL_SEED_BYTES])
    __attribute__((returns_nonnull));
void seal_key_free(struct seal_key **k);
void seal_key_public(const struct seal_key *k, unsigned char out[SEAL_KEY_BYTES]);

/* Signs bytes that begin with a context of their own; seals have theirs. */
void seal_key_sign(const struct seal_key *k, struct span message, unsigned char sig_out[SEAL_SIG_BYTES]);

/* Appends the signed line, without line break, to out. */
void seal_line(const struct seal_key *k, const struct seal *s, struct buf *out);
/* Reads one line and checks its signature against the key it names; whether that key is ours is for
 * the caller to say. ERR_INVALID says what is wrong. */
int seal_read(struct span line, struct seal *out, struct err *e) NODISCARD;

/* The newest link of the writer's chain; false while there is none. */
bool archive_newest(const struct archive *a, struct archive_head *out);
/*
 * Signs the newest link and puts the line on disk. Nothing is written when the last line says the
 * same already. line_hash_out: hash of the file's last line (zero: no line), for keeping elsewhere.
 */
int archive_seal(struct archive *a, const struct seal_key *k, time_ns now,
                 unsigned char line_hash_out[ARCHIVE_HASH_BYTES], struct err *e) NODISCARD;
/* What the last line says; false: no line, or none that can be read. */
bool archive_last_seal(const char *folder, struct seal *out);
/* The same, and the hash of the line as archive_seal tells it. */
bool archive_last_line(const char *folder, struct seal *out, unsigned char line_hash_out[ARCHIVE_HASH_BYTES]);
/* Whether that seal names all links of the day's file, which gets no more, or a link behind them. */
int archive_is_sealed(struct archive_reader *r, int32_t day, const struct seal *last, bool *out, struct err *e) NODISCARD;
/* When the last line was sealed; TIME_NONE: as above. */
time_ns archive_sealed_at(const char *folder);

#endif
