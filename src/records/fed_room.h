/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Room for what others can make grow: how much of each kind is kept of one owner (fed_room.def), how
 * much there is, and what went or was refused for want of it. Runs in the keeper, inside the
 * transaction of what grows; rows also travel to the desk, which shows them.
 */
#ifndef RECORDS_FED_ROOM_H
#define RECORDS_FED_ROOM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum fed_room {
#define ROOM(name, word, rows, bytes, whose) FED_ROOM_##name,
#include "records/fed_room.def"
#undef ROOM
    FED_ROOM_COUNT
};

enum { FED_ROOMS_SHOWN_MAX = 200 }; /* owners that lack room, newest first */

const char *fed_room_word(enum fed_room r);
int64_t fed_room_rows(enum fed_room r);
int64_t fed_room_bytes(enum fed_room r); /* 0 = rows alone count */

/* Whose: a node's id, or "" where the circle itself, or this node, is the owner. */
struct fed_room_of {
    enum fed_room room;
    struct span circle, owner;
};

/* What is counted of one owner. Where nothing was counted all is 0. rows and bytes: only of kinds that
 * are counted as they come (envelopes, signals). */
struct fed_room_row {
    int64_t room;
    struct span circle, owner;
    int64_t rows, bytes, dropped, refused, last;
};
int fed_room_get(struct db *db, const struct fed_room_of *of, struct fed_room_row *out, struct err *e) NODISCARD;
/* More, or (negative) fewer: inside a transaction. */
int fed_room_add(struct db *db, const struct fed_room_of *of, int64_t rows, int64_t bytes, struct err *e) NODISCARD;
/* So many it are, exactly. */
int fed_room_set(struct db *db, const struct fed_room_of *of, int64_t rows, int64_t bytes, struct err *e) NODISCARD;
/* So many went, or were refused, now. Nothing when both are 0. */
int fed_room_note(struct db *db, const struct fed_room_of *of, int64_t dropped, int64_t refused, time_ns now,
                  struct err *e) NODISCARD;

/* Writes u32 n, n fed_room_row: those of which anything went or was refused, newest first. */
int fed_rooms_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
/* Spans point into the cursor. Sets c->failed. */
void fed_room_decode(struct cursor *c, struct fed_room_row *out);

extern const char fed_room_sql[];

#endif
