/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to mapping*.c: cells as others write them, as ours. What cannot be told is given back as it is. */
#ifndef DESK_GOVERN_MAPPING_PRIV_H
#define DESK_GOVERN_MAPPING_PRIV_H

#include "desk/govern/mapping.h"

/* A day as YYYY-MM-DD: in that order, or as the number that spreadsheets keep. */
struct span mapping_day(struct arena *a, struct span cell, enum profile_dates order);
/* Digits with a point, without signs between thousands. comma: that is the decimal sign. */
struct span mapping_number(struct arena *a, struct span cell, bool comma);
struct span mapping_formula(struct arena *a, struct span cell);
/* Entries parted by a sign, as a list of texts. */
struct span mapping_list(struct arena *a, struct span cell, char sign);

#endif
