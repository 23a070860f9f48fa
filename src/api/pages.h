/* SPDX-License-Identifier: EUPL-1.2 */
/* What the server must know of the pages with forms: a request whose password is being hashed may
 * be let go. */
#ifndef API_PAGES_H
#define API_PAGES_H

#include "api/request.h"

/* The server ends: the worker thread finishes by itself and finds nobody waiting. */
void pages_abandon(struct api_request *req);

#endif
