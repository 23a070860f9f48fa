/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in the interface; the files of api/ and the tests of the policy only. */
#ifndef API_REGISTERS_H
#define API_REGISTERS_H

#include "api/api_priv.h"
#include "desk/govern/history.h"
#include "desk/govern/record.h"
#include "desk/words/words.h"

/* What a request for a record knows while it waits. */
struct record_work {
    struct record_worker who;
    bool create, move;
    uint64_t version; /* of if-match */
    struct record_input in;
    struct record_put put;
    struct record_faults faults;
    struct record_query query;
    struct buf body; /* of the answer, and its ETag, while its reads are noted */
    const char *etag;
    struct record_sight sight; /* of a question about one record: the ways that lead to it */
    struct record_named named[REGISTER_REFS_MAX];
};

/* The kind of the address, with who asks; NULL: there is none for him, and the request is answered. */
struct record_work *record_work_of(struct api_request *req);

/* w->query from the request's; names in the route's own row are no filters. False: the request is answered. */
bool record_query_read(struct api_request *req, struct record_work *w);
/* Where a list goes on, as read in "cursor". */
struct span record_cursor_text(struct arena *a, struct span id, struct span key);
/* 403: what is asked would tell of personal fields that are masked for the reader. */
void respond_masked(struct api_request *req, const char *where);
/* 422 with each fault; and the members of one, of an object that the caller begins and ends. */
void respond_record_faults(struct api_request *req, const struct record_faults *f);
void record_fault_json(struct json_writer *j, const struct api_request *req, const struct schema_fault *f);

/* Asks the keeper for the record of the address; named: and how many name it, by each way that the reader sees. */
void record_ask(struct api_request *req, bool named, api_then *then);
/* The record that the keeper answered with, w->named, and nothing behind it. */
int record_take(struct record_work *w, int rc, struct cursor *data, struct record_row *out) NODISCARD;

/* Goes on once the kinds are known: at once, or when the keeper has told them. */
void with_registers(struct api_request *req, api_handler *then);
/* u32 n, n of str kind, u8 on, as the keeper tells what was switched; r NULL: only reads over it. False: it is broken. */
bool register_switches_take(struct cursor *c, struct registers *r);
/* A list from the keeper's answer to ASK_RECORDS, each record only when policy shows it. False: the answer is broken. */
bool records_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data);
/* How many records name one, by way: w->sight and w->named. */
void record_named_document(struct json_writer *j, const struct record_work *w);
/* A chain from the keeper's answer to ASK_RECORD_CHAIN; items only of the kind `only`, empty = all. False: the answer is broken. */
bool record_chain_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data, bool up,
                           struct span only);
/* A history from the keeper's answer to ASK_RECORD_HISTORY, of each change what policy shows. False: the answer is broken. */
bool record_history_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data);
/* Has the keeper forget a slice of an import that was not stored, or was taken back. */
void record_import_drop(struct api_request *req, struct span import, api_then *then);
/* From its answer, whether there is more to forget; what it cannot forget now goes at its next start. */
bool record_import_drops_more(int rc, struct cursor *data);

#endif
