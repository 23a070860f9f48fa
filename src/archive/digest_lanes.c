/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SHA-256 of many pieces side by side, by libipsec-mb: see digest.h. Runs in intake, in its cage: it takes memory when it is made
 * and then nothing. Must give what one after another gives; that is tried before it is used.
 */
#include "archive/digest.h"
#include "base/mem.h"

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <string.h>

enum { PIECES_MIN = 8 /* fewer: one after another is as quick */ };

struct digest_lanes {
    IMB_MGR *manager;
};

/* Counts what is done, from one that was given back on. */
static size_t take_done(struct digest_lanes *l, const IMB_JOB *job)
{
    size_t n = 0;
    for (; job != NULL; job = IMB_GET_COMPLETED_JOB(l->manager)) {
        CHECK(job->status == IMB_STATUS_COMPLETED);
        n++;
    }
    return n;
}

static void side_by_side(struct digest_lanes *l, struct span originals, unsigned char (*hashes)[ARCHIVE_HASH_BYTES])
{
    size_t given = 0;
    size_t done = 0;
    const IMB_JOB *late;
    for (size_t at = 0; at < originals.len; at += DIGEST_PIECE_BYTES) {
        struct span piece = span_sub(originals, at, DIGEST_PIECE_BYTES);
        IMB_JOB *job = IMB_GET_NEXT_JOB(l->manager);
        memset(job, 0, sizeof *job);
        job->cipher_mode = IMB_CIPHER_NULL;
        job->cipher_direction = IMB_DIR_ENCRYPT;
        job->chain_order = IMB_ORDER_HASH_CIPHER;
        job->hash_alg = IMB_AUTH_SHA_256;
        job->src = (const uint8_t *)piece.ptr;
        job->msg_len_to_hash_in_bytes = piece.len;
        job->auth_tag_output = hashes[given++];
        job->auth_tag_output_len_in_bytes = ARCHIVE_HASH_BYTES;
        done += take_done(l, IMB_SUBMIT_JOB(l->manager));
    }
    while ((late = IMB_FLUSH_JOB(l->manager)) != NULL) {
        CHECK(late->status == IMB_STATUS_COMPLETED);
        done++;
    }
    CHECK(done == given);
}

/* The same block in both ways. */
static bool agrees(struct digest_lanes *l)
{
    enum { PIECES = 37, TAIL = 1001 };
    unsigned char with[ARCHIVE_HASH_BYTES];
    unsigned char without[ARCHIVE_HASH_BYTES];
    size_t n = (size_t)PIECES * DIGEST_PIECE_BYTES + TAIL;
    char *bytes = mem_alloc(n);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
    }
    const struct archive_record r = {.original = span_make(bytes, n)};
    const struct archive_record *const list[] = {&r};
    digest_originals(ARCHIVE_DIGEST_SHA256, r.original, list, 1, NULL, without);
    digest_originals(ARCHIVE_DIGEST_SHA256, r.original, list, 1, l, with);
    mem_free(bytes);
    return memcmp(with, without, sizeof with) == 0;
}

struct digest_lanes *digest_lanes_new(void)
{
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (manager == NULL) {
        return NULL;
    }
    init_mb_mgr_auto(manager, NULL);
    struct digest_lanes *l = mem_alloc(sizeof *l);
    l->manager = manager;
    if (imb_get_errno(manager) != 0 || !agrees(l)) {
        digest_lanes_free(&l);
    }
    return l;
}

void digest_lanes_free(struct digest_lanes **l)
{
    if (*l != NULL) {
        free_mb_mgr((*l)->manager);
        mem_free(*l);
        *l = NULL;
    }
}

bool digest_lanes_pieces(struct digest_lanes *l, struct span originals, unsigned char (*hashes)[ARCHIVE_HASH_BYTES])
{
    if (originals.len < (size_t)PIECES_MIN * DIGEST_PIECE_BYTES) {
        return false;
    }
    side_by_side(l, originals, hashes);
    return true;
}

#else

struct digest_lanes *digest_lanes_new(void)
{
    return NULL;
}

void digest_lanes_free(struct digest_lanes **l)
{
    *l = NULL;
}

bool digest_lanes_pieces(struct digest_lanes *l, struct span originals, unsigned char (*hashes)[ARCHIVE_HASH_BYTES])
{
    (void)l;
    (void)originals;
    (void)hashes;
    return false;
}

#endif
