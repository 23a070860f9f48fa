/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies of the messages between intake and keeper: a window (blocks, alerts, positions), its
 * receipt, the tokens and positions that intake needs. Written by one, read by the other, which
 * trusts nothing: intake parses hostile bytes.
 */
#ifndef ROLES_WINDOW_CODEC_H
#define ROLES_WINDOW_CODEC_H

#include "archive/archive.h"
#include "flow/receive/tokens.h"

enum {
    WINDOW_MESSAGE_MAX =
        56 * 1024 * 1024,      /* one window at its very worst, below the channel's own limit */
    WINDOW_ALERTS_MAX = 20000, /* alerts in one window, before folding by minute takes over */
    WINDOW_ALERT_BYTES_MAX = 16 * 1024 * 1024,
    WINDOW_POSITIONS_MAX = 4096,
};

/* MSG_WINDOW. */
void window_encode(struct buf *out, const struct archive_window *w);
/* Arrays in scratch, spans into the message. */
int window_decode(struct span body, struct arena *scratch, struct archive_window *out,
                  struct err *e) NODISCARD;

/* MSG_WINDOW_KEPT: u64 intake, u64 id, i32 day, u32 first block. */
struct window_kept {
    uint64_t intake;
    uint64_t id;
    struct archive_kept kept;
};
void window_kept_encode(struct buf *out, const struct window_kept *k);
int window_kept_decode(struct span body, struct window_kept *out, struct err *e) NODISCARD;

/* MSG_POSITIONS. */
void positions_encode(struct buf *out, const struct archive_position *p, size_t count);
int positions_decode(struct span body, struct arena *scratch, struct archive_position **out,
                     size_t *count_out, struct err *e) NODISCARD;

/* MSG_TOKENS. */
struct intake_token {
    unsigned char hash[TOKEN_HASH_BYTES];
    struct span name; /* of the source it stands for */
    struct span kind; /* a file of sources/, or "auto" */
    struct span organisation;
};
void intake_tokens_encode(struct buf *out, const struct intake_token *t, size_t count);
int intake_tokens_decode(struct span body, struct arena *scratch, struct intake_token **out,
                         size_t *count_out, struct err *e) NODISCARD;

#endif
