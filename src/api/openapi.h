/* SPDX-License-Identifier: EUPL-1.2 */
/* How operations answer, in the OpenAPI document; openapi.c only. Pure. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/request.h"
#include "wire/json_write.h"

/* The schema of every error, as JSON text. */
extern const char openapi_error_schema[];

/* "responses" of an operation: its good answers, and every status with which it may refuse. No "default": what is not named is a fault of the node. */
void openapi_answers(struct json_writer *j, const struct route *r);
/* "responses" among the document's components, to which those of the operations point. */
void openapi_refusals(struct json_writer *j);

#endif
