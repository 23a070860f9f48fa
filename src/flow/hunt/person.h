/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether what is looked for names a person: a user of an event, a mail address. Such a search asks for a reason and is recorded as
 * one on a person. It goes by the shape of a term alone, so that the answer tells nothing of what is there. Pure; called by the desk
 * before it asks, and by the keeper, which records it.
 */
#ifndef FLOW_HUNT_PERSON_H
#define FLOW_HUNT_PERSON_H

#include "flow/hunt/hunt.h"

/* A name that somebody could have: has a letter, is no account that belongs to a system (root, SYSTEM, DESK7$). * and ? are passed over. */
bool person_name_fits(struct span name);
/* A word of it is name@house.example. */
bool person_mail_fits(struct span text);
/* A value that is looked for in a field; field empty = in any. */
bool person_term(struct span field, struct span value);
/* Its search names a user or an address, or one of its indicators is an address. Rules do not count: they say what an attack looks like. */
bool hunt_names_person(const struct hunt *h);

#endif
