/* SPDX-License-Identifier: EUPL-1.2 */
/* Items as letters: see letter.h. */
#include "desk/federation/letter.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "desk/federation/compose.h"
#include "desk/notify/notify.h"

struct policy_decision fed_letter_may(struct arena *a, const struct fed_letter_due *l, const struct fed_membership *m, time_ns now)
{
    struct policy_decision no = {.reason = REASON_AUDIENCE_UNKNOWN};
    struct fed_marks marks;
    struct fed_item item;
    struct fed_peer peer;
    if (span_eq(l->item.state, SPAN("quarantined")) || !span_eq(l->page.circle, l->item.circle) || !span_eq(m->circle, l->item.circle)) {
        return no;
    }
    fed_row_marks(a, &l->item, &marks);
    if (marks.audience == NULL) {
        return no;
    }
    fed_item_of_marks(a, &marks, m, &item);
    fed_link_reader(m, l->page.organisation, l->page.person, l->page.nda != 0, l->page.expires, &peer);
    return policy_decide(&peer.reader, &item.item, ACTION_MAIL, now);
}

void fed_letter_key(const struct fed_letter *l, char out[FED_LETTER_KEY_LEN + 1])
{
    unsigned char hash[FED_LETTER_KEY_LEN / 2];
    crypto_generichash_state h;
    char version[32];
    (void)snprintf(version, sizeof version, "/%" PRId64 "/", l->version);
    MUST(crypto_generichash_init(&h, NULL, 0, sizeof hash));
    MUST(crypto_generichash_update(&h, (const unsigned char *)l->item.ptr, l->item.len));
    MUST(crypto_generichash_update(&h, (const unsigned char *)version, strlen(version)));
    MUST(crypto_generichash_update(&h, (const unsigned char *)l->link.ptr, l->link.len));
    MUST(crypto_generichash_final(&h, hash, sizeof hash));
    hex_encode(hash, sizeof hash, out);
}

void fed_letter_notice(const struct fed_letter_due *l, const struct fed_membership *m, struct buf *out)
{
    char key[FED_LETTER_KEY_LEN + 1];
    const struct fed_item_row *row = &l->item;
    fed_letter_key(&l->letter, key);
    const struct notify_letter letter = {.to = l->page.mail, .key = span_of(key), .tlp = row->tlp, .circle = m->name, .title = row->title,
                                         .text = row->body, .author = row->chr != 0 ? SPAN("") : row->author_org, .chr = row->chr != 0,
                                         .words = words_notice(l->page.language)};
    notify_letter(&letter, out);
}
