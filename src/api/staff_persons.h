/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Person records that follow a list of the personnel office, or a directory's leavers: asked for some at a time, decided by
 * desk/govern/staff_person.h, told, and sent with the changes of accounts. Of api/staff.c and api/directory_sync.c. Runs in the desk.
 */
#ifndef API_STAFF_PERSONS_H
#define API_STAFF_PERSONS_H

#include "api/api_priv.h"
#include "desk/govern/staff_person.h"

enum {
    STAFF_PERSONS_MAX_BYTES = 3 << 20, /* what is sent of records: 200 of a usual length; longer ones are more than one list */
    STAFF_ASK_MAX_BYTES = 4 << 20,     /* with the changes of accounts */
};

struct staff_persons;

/* What begins req->work of a request that uses them. */
struct staff_work {
    struct staff_persons *persons;
};

/* Goes on once the kinds are known. */
void staff_persons_ready(struct api_request *req, api_handler *then);
/*
 * For up to `most` people, and why (kept; empty: "a list of the personnel office"). Nothing will come of it where who imports may not read and
 * change all of what people's records say, or the register is off.
 */
struct staff_persons *staff_persons_new(struct api_request *req, uint32_t most, struct span why);
/* One more. row: of his in a list, where faults are told; NULL: there is none. change: place of the change that makes his account. */
void staff_persons_add(struct staff_persons *p, const struct staff_subject *s, struct staff_row *row, uint32_t line, uint32_t change);
/* Asks and decides all of them, then goes on; answers the request itself when it cannot. */
void staff_persons_ask(struct api_request *req, api_handler *then);
/* How many are changed or linked; above STAFF_CHANGES_MAX is too much. */
uint32_t staff_persons_changes(const struct staff_persons *p);
/* The members "persons" and "person_changes" of a report. */
void staff_persons_json(struct json_writer *j, const struct staff_persons *p);
/* The end of ASK_STAFF_APPLY. */
void staff_persons_encode(struct buf *out, const struct staff_persons *p);
/* The scope of people, of who takes a list back. */
void staff_persons_scope(const struct api_request *req, struct record_scope *out);

#endif
