/* SPDX-License-Identifier: EUPL-1.2 */
/* Searches on persons: which ones are, what is asked for, what is recorded. Files of api/ only. */
#ifndef API_PERSON_SEARCH_H
#define API_PERSON_SEARCH_H

#include "api/registers.h"

/* Whether words of the list of alerts find this one by its user, and by nothing else that says what it is about. Texts live in a. */
bool person_search_of_alert(struct arena *a, struct span query, const struct alert_row *row);
/* What was found looks for a person and no reason stands for these words: then the request is answered with 403 reason_needed. */
bool person_search_refused(struct api_request *req, struct span query, const struct alert_row *rows, uint32_t count);
/* Goes on once a filter of the request by a personal field is recorded; at once when there is none, or it was recorded lately. */
void person_search_in_register(struct api_request *req, const struct register_kind *k, api_handler *then);

#endif
