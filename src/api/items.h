/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by items.c, items_send.c and link_pages.c only. */
#ifndef API_ITEMS_H
#define API_ITEMS_H

#include "api/api_priv.h"
#include "api/page.h"
#include "desk/federation/compose.h"
#include "policy/chr.h"

/* Newest membership of a circle of this node, or NULL. */
const struct fed_membership *items_circle(const struct api *api, struct span circle, bool *own_out);
/* An account of this node before items of a circle. */
struct items_person {
    const struct fed_membership *m; /* newest of the circle; NULL: this node is in none of that name */
    struct span node;               /* this node's id */
    struct span name;
    uint32_t roles;
};
/* The policy's word on one row for one person of this node. */
struct policy_decision items_decide(struct arena *a, const struct items_person *who, const struct fed_item_row *row, enum policy_action action,
                                    time_ns now);
/* Members of an object that is open: what lists have of an item … */
void items_row_json(struct json_writer *j, const struct fed_membership *m, const struct fed_item_row *row, int64_t received, int64_t removed);
/* … and its text. */
void items_text_json(struct json_writer *j, const struct fed_item_row *row);
/* Whether a personal link shows an item of its circle. */
struct policy_decision items_link_decide(struct arena *a, const struct fed_membership *m, const struct fed_link_page *page, const struct fed_item_row *row,
                                         time_ns now);
/* What its page has of it; borrowed. */
struct page_item items_link_item(const struct fed_item_row *row);
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
