/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items: what people write for one another (story, teaser, notice), and what may happen to one later:
 * a new version or a tighter label by its author, a tombstone by its author or by two officers, and
 * the receipts for these (docs/FEDERATION.md §5). An item belongs to the node that issued its first
 * version: nobody else's envelope changes it. Pure. Called by the desk; its rules also by the keeper,
 * inside the transaction that changes the row.
 */
#ifndef DESK_FEDERATION_ITEM_H
#define DESK_FEDERATION_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/federation/envelope.h"
#include "desk/federation/refusal.h"
#include "wire/jcs.h"

/* Body of type "item". `of`: the item that a teaser is of. */
struct fed_item_body {
    struct span id; /* UUID */
    int64_t version; /* from 1 */
    struct span kind; /* "story", "teaser", "notice" */
    struct span title;
    struct span text;
    struct span of; /* id, or empty */
    const struct span *derived; /* ids that it says it derives from */
    uint32_t nderived;
};

/* Body of type "relabel": the whole new marking. It is a version of the item of its own. */
struct fed_relabel {
    struct span id;
    int64_t version;
    struct span tlp;
    struct span pap;
    bool chr;
    const struct jcs *audience;
    struct fed_audience who;
};

/* Body of type "tombstone". Without signatures it is the author's; with them two officers'. */
struct fed_tombstone {
    struct span id;
    struct span reason;
    const struct jcs *sigs; /* NULL: by the author */
    struct span form;       /* what officers sign */
};

/* Body of type "receipt": what a node did about a tombstone or relabel. */
struct fed_receipt {
    struct span id;
    struct span envelope; /* id of what it answers */
    struct span done;     /* "removed", "tightened", "none": it had nothing */
};

bool fed_item_kind_valid(struct span kind);

/* Bodies: read (FED_TAKEN, FED_BODY, or FED_NEWER of what a later version says; a label's id and version are known then, e saying what is wrong; texts are borrowed from the tree) … */
enum fed_refusal fed_item_read(struct arena *a, const struct jcs *body, struct fed_item_body *out, struct err *e) NODISCARD;
enum fed_refusal fed_relabel_read(struct arena *a, const struct jcs *body, struct fed_relabel *out, struct err *e) NODISCARD;
enum fed_refusal fed_tombstone_read(struct arena *a, const struct jcs *body, struct fed_tombstone *out, struct err *e) NODISCARD;
enum fed_refusal fed_receipt_read(const struct jcs *body, struct fed_receipt *out, struct err *e) NODISCARD;
/* … and write. What could not be read back is ERR_INVALID. */
int fed_item_write(struct arena *a, const struct fed_item_body *item, struct jcs **out, struct err *e) NODISCARD;
int fed_relabel_write(struct arena *a, const struct fed_relabel *r, struct jcs **out, struct err *e) NODISCARD;
int fed_tombstone_write(struct arena *a, const struct fed_tombstone *t, struct jcs **out, struct err *e) NODISCARD;
int fed_receipt_write(struct arena *a, const struct fed_receipt *r, struct jcs **out, struct err *e) NODISCARD;

/* A tombstone's body with one more officer's signature. */
struct jcs *fed_tombstone_sign(struct arena *a, const struct fed_tombstone *t, const struct fed_sign_key *officer);
/* How many of the circle's officers have signed it, rightly, each once. */
uint32_t fed_tombstone_officers(const struct fed_tombstone *t, const struct fed_membership *m);
/* Whether the author (same node), or enough officers of this membership (two at least), stand behind it. */
bool fed_tombstone_holds(const struct fed_tombstone *t, struct span issuer, struct span author, const struct fed_membership *m);

/* What is known of an item when something about it comes. */
struct fed_item_known {
    bool here;         /* there is a row */
    bool retracted;    /* its content is gone for good */
    bool bare;         /* content never came: only a tombstone or a label did, ahead of it */
    int64_t version;
    struct span author; /* node; empty = officers' tombstone of an item that never came */
};

enum fed_item_step {
    FED_ITEM_PUT,        /* new, or a newer version: content and label are taken */
    FED_ITEM_FILL,       /* content only: the label that is known is newer */
    FED_ITEM_LABEL,      /* label only */
    FED_ITEM_REMOVE,     /* content goes, id and time stay */
    FED_ITEM_NOTHING,
};

/* What follows, and why: *why is FED_TAKEN for a step, else the reason of NOTHING. An older version, a
 * replay after a tombstone and another's hand change nothing. by_officers: fed_tombstone_holds without
 * the author. */
enum fed_item_step fed_item_next(const struct fed_item_known *known, struct span issuer, int64_t version, enum fed_refusal *why);
enum fed_item_step fed_relabel_next(const struct fed_item_known *known, struct span issuer, int64_t version, bool widens, enum fed_refusal *why);
enum fed_item_step fed_tombstone_next(const struct fed_item_known *known, struct span issuer, bool by_officers, enum fed_refusal *why);

#endif
