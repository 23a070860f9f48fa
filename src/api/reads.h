/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads of sensitive records: noted with the keeper before the answer goes out. Files of api/ only. */
#ifndef API_READS_H
#define API_READS_H

#include "api/registers.h"
#include "desk/govern/reads.h"

/* Where what a request shows is collected. */
struct record_reads *reads_of(struct api_request *req);

/* Goes on with `then` once the keeper has what was collected; at once when that is nothing. What cannot be recorded is not shown: then the request is answered,
 * and the body (NULL = none) freed. way: as in struct read_note, a literal. */
void reads_note(struct api_request *req, const struct record_reads *r, const char *way, struct buf *body, api_handler *then);

/* Answers 200 with the body once what was collected is noted; whole false: the keeper's answer was broken. */
void reads_respond(struct api_request *req, const struct record_reads *r, const char *way, bool whole, struct buf *body);

/* Whose reads and looks he may see; false: nobody's, and the request is answered. The place of the query, likewise; 0 = from the newest on. */
bool looks_places(struct api_request *req, struct policy_places *out);
bool looks_cursor(struct api_request *req, int64_t *before_out);
/* Writes the next row of the keeper's answer as an object; nothing where data->failed after it. */
typedef void looks_item(struct api_request *req, struct json_writer *j, struct cursor *data);
/* Answers with a page of them. kept_days: how long a row stays, 0 = for ever. */
void looks_respond(struct api_request *req, int rc, struct span text, struct cursor *data, looks_item *item, uint64_t kept_days);

#endif
