/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of membership share. */
#ifndef DESK_FEDERATION_MEMBERSHIP_PRIV_H
#define DESK_FEDERATION_MEMBERSHIP_PRIV_H

#include "desk/federation/membership.h"

#define FED_MEMBERSHIP_PREFIX "sereno-membership-1\n"

struct fed_word {
    const char *word;
    uint32_t bit;
};

/* NULL-ended. */
extern const struct fed_word fed_class_words[];
extern const struct fed_word fed_state_words[];

#endif
