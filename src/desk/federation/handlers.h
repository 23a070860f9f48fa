/* SPDX-License-Identifier: EUPL-1.2 */
/* What handlers.def names: the two functions of a type that run in the desk. */
#ifndef DESK_FEDERATION_HANDLERS_H
#define DESK_FEDERATION_HANDLERS_H

#include "base/buf.h"
#include "desk/federation/engine.h"
#include "desk/federation/envelope.h"
#include "records/fed_take.h"

/*
 * The envelope passed all checks of its own, `body` is opened. FED_TAKEN, with all that the records
 * need in `digest` (a coding of its own; nothing else reaches them); BODY, AUTHOR, POLICY or another
 * refusal, with e saying why. Must change nothing.
 */
typedef enum fed_refusal fed_judge_body(struct fed_engine *en, const struct fed_envelope *env,
                                    const struct jcs *body, struct arena *a, struct buf *digest,
                                    struct err *e);

/* It is kept and applied, for the first time. `t` dies with the call. */
typedef void fed_after(struct fed_engine *en, const struct fed_taken *t);

#define FED_HANDLER(word, verify, apply, after) fed_judge_body verify; fed_after after;
#include "desk/federation/handlers.def"
#undef FED_HANDLER

#endif
