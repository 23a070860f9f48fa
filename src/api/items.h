/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by items.c, items_send.c and link_pages.c only. */
#ifndef API_ITEMS_H
#define API_ITEMS_H

#include "api/api_priv.h"
#include "desk/federation/compose.h"

/* Newest membership of a circle of this node, or NULL. */
const struct fed_membership *items_circle(const struct api *api, struct span circle, bool *own_out);
/* Members "organisations" and "persons" of an object that is open. */
void items_preview_json(struct json_writer *j, const struct fed_preview *p);
/* Asks the keeper for the item that the path names. */
void items_ask_item(struct api_request *req, api_then *then);

#endif
