/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From what a person wrote to a row and an envelope that may leave: read, previewed, sealed, signed.
 * The preview that the author is shown and what is then sealed come from the same call. Pure but for
 * the kernel's randomness in the seal. Called by the interface.
 */
#ifndef DESK_FEDERATION_COMPOSE_H
#define DESK_FEDERATION_COMPOSE_H

#include "desk/federation/circles.h"
#include "desk/federation/item_policy.h"
#include "records/fed_item.h"
#include "records/fed_out.h"

enum { FED_ITEM_LIFE_S = 365 * 86400 /* when its author does not say */ };

/* Who writes. */
struct fed_author {
    const struct fed_keys *keys;
    const struct fed_membership *m; /* newest of the circle */
    bool own;                       /* this node is the circle's hub */
    struct span person;             /* account's name */
    struct span organisation;       /* of the account; "*" becomes the circle's at the keeper */
    time_ns now;
};

/* What goes to the keeper, and what the author is shown. Everything lives in the arena. */
struct fed_composed {
    struct fed_item_row row;
    struct fed_preview preview;
    struct span envelope;
    struct fed_out out;
    /* Of a new version: it lets somebody read or do what he could not; somebody cannot read it any more who could. */
    bool widens, narrows;
    const char *where; /* field that is wrong, when it is one */
};

/* Circle that a document names; false when it names none. */
bool fed_compose_circle(const struct jcs *document, struct span *out) NODISCARD;

/*
 * A new item, or with `before` (a row of this node's own) its next version: {kind, title, text, tlp,
 * pap, chr, circle, audience, of, expires}; a person of the audience may also be {name, organisation}. id: UUID of a new item. With `only_preview` nothing is
 * made. A version keeps kind and circle; it may be wider only where the document says {widen: true}, and never
 * wider for some and narrower for others at once. One that narrows is sent behind a tighter label (fed_compose_tighten)
 * to those who lose it. ERR_INVALID: a field, named in where; ERR_DENIED: nobody may read it, it widens, or the
 * membership is over (the preview is there all the same).
 */
int fed_compose_item(struct arena *a, const struct fed_author *author, const struct jcs *document, struct span id, const struct fed_item_row *before,
                     bool only_preview, struct fed_composed *out, struct err *e) NODISCARD;
/* A tighter label: {tlp, pap, chr, audience}. Goes to all who could read before. ERR_DENIED: it would
 * let somebody read who could not. */
int fed_compose_tighten(struct arena *a, const struct fed_author *author, const struct jcs *document, const struct fed_item_row *before,
                        struct fed_composed *out, struct err *e) NODISCARD;
/* The author takes it back. */
int fed_compose_retract(struct arena *a, const struct fed_author *author, struct span reason, const struct fed_item_row *before,
                        struct fed_composed *out, struct err *e) NODISCARD;

/* Marks of a row; audience NULL when it cannot be read. */
void fed_row_marks(struct arena *a, const struct fed_item_row *row, struct fed_marks *out);

#endif
