/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by items.c, items_send.c and link_pages.c only. */
#ifndef API_ITEMS_H
#define API_ITEMS_H

#include "api/api_priv.h"
#include "desk/federation/compose.h"
#include "policy/chr.h"

/* Newest membership of a circle of this node, or NULL. */
const struct fed_membership *items_circle(const struct api *api, struct span circle, bool *own_out);
/* Members "organisations" and "persons" of an object that is open. */
void items_preview_json(struct json_writer *j, const struct fed_preview *p);
/* Asks the keeper for the item that the path names. */
void items_ask_item(struct api_request *req, api_then *then);

/* The item of the keeper's answer, where the policy lets the asker do this with it; answers itself else: one that he may
 * not read is not there, one that may not go this way is refused with the reason. */
bool items_take_readable(struct api_request *req, int rc, struct span text, struct cursor *data, enum policy_action action,
                         struct fed_item_row *row) NODISCARD;
/* {document, report}: what is left of an item, and what was done to it. */
void items_export_json(struct json_writer *j, struct span document, const struct policy_chr_report *r);

#endif
