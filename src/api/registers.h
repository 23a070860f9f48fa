/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in the interface; the files of api/ and the tests of the policy only. */
#ifndef API_REGISTERS_H
#define API_REGISTERS_H

#include "api/api_priv.h"
#include "desk/govern/record.h"
#include "desk/words/words.h"

/* Goes on once the kinds are known: at once, or when the keeper has told them. */
void with_registers(struct api_request *req, api_handler *then);
/* A list from the keeper's answer to ASK_RECORDS, each record only when policy shows it. False: the answer is broken. */
bool records_document(struct json_writer *j, const struct record_worker *w, struct arena *arena, struct cursor *data);

#endif
