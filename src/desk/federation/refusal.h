/* SPDX-License-Identifier: EUPL-1.2 */
/* The one list of reasons for which something from another node is not applied: refusal.def. */
#ifndef DESK_FEDERATION_REFUSAL_H
#define DESK_FEDERATION_REFUSAL_H

#include "base/span.h"

enum fed_refusal {
#define REFUSAL(name, word, act, text) FED_##name,
#include "desk/federation/refusal.def"
#undef REFUSAL
    FED_REFUSAL_COUNT,
};

enum fed_act { FED_ACT_TAKE, FED_ACT_REFUSE, FED_ACT_HOLD, FED_ACT_QUARANTINE, FED_ACT_STORE, FED_ACT_NOTHING, FED_ACT_ALARM };

/* What is done with it. */
enum fed_act fed_refusal_act(enum fed_refusal r);
/* The word that travels in an answer and stands in the records ("signature"). Static. */
const char *fed_refusal_word(enum fed_refusal r);
/* A sentence for a person, without capital and full stop. Static. */
const char *fed_refusal_text(enum fed_refusal r);
/* By its word; FED_REFUSAL_COUNT when there is none such. */
enum fed_refusal fed_refusal_of(struct span word);

#endif
