/* SPDX-License-Identifier: EUPL-1.2 */
/* Mails to small members: see desk_letters.h. Who gets one, the policy says for each link (action MAIL): what is
 * sealed, and RED, never goes this way. */
#include "roles/desk_letters.h"

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/compose.h"
#include "desk/notify/notify.h"
#include "records/ask.h"

enum { LETTER_MAX = 128 << 10 /* bytes of one notice */ };

/* One item on its way to the letters made of it. */
struct letters {
    const struct desk_letters_host *host;
    const struct fed_circles *circles;
    struct arena a;
    struct fed_item_row row;
};

static void done(struct letters *l)
{
    arena_fini(&l->a);
    mem_free(l);
}

static bool may_have(struct letters *l, const struct fed_membership *m, const struct fed_link_page *page)
{
    struct fed_marks marks;
    struct fed_item item;
    struct fed_peer peer;
    if (page->mail.len == 0 || !span_eq(page->circle, l->row.circle)) {
        return false;
    }
    fed_row_marks(&l->a, &l->row, &marks);
    if (marks.audience == NULL || marks.retracted) {
        return false;
    }
    fed_item_of_marks(&l->a, &marks, m, &item);
    fed_link_reader(m, page->organisation, page->person, page->nda != 0, page->expires, &peer);
    struct policy_decision d = policy_decide(&peer.reader, &item.item, ACTION_MAIL, clock_now());
    return d.allowed && !d.log_read; /* a reading that must be recorded cannot be, by mail */
}

static void write_letter(struct letters *l, const struct fed_membership *m, const struct fed_link_page *page)
{
    struct buf b;
    const struct notify_letter letter = {.to = page->mail, .tlp = l->row.tlp, .circle = m->name, .title = l->row.title, .text = l->row.body,
                                         .author = l->row.chr != 0 ? SPAN("") : l->row.author_org, .chr = l->row.chr != 0};
    buf_init(&b, LETTER_MAX);
    notify_letter(&letter, &b);
    l->host->queue(l->host->arg, &b);
}

static void pages_came(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct letters *l = ctx;
    const struct fed_membership *m = l->circles->circle(l->circles->arg, l->row.circle, NULL);
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    (void)text;
    for (uint32_t i = 0; m != NULL && i < n && !data->failed; i++) {
        struct fed_link_page page;
        fed_link_page_decode(data, &page);
        if (!data->failed && may_have(l, m, &page)) {
            write_letter(l, m, &page);
        }
    }
    done(l);
}

static void lost(struct letters *l, const char *why)
{
    log_warn("notify.lost", "item=%.*s why=\"%s\"", SPAN_ARG(l->row.id), why);
    done(l);
}

static void item_came(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct letters *l = ctx;
    struct fed_item_row got = {0};
    struct buf q;
    (void)text;
    if (rc < 0) {
        lost(l, "the keeper could not say");
        return;
    }
    fed_item_decode(data, &got);
#define X(name) l->row.name = arena_copy(&l->a, got.name);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) l->row.name = got.name;
    FED_ITEM_NUMBERS(X)
#undef X
    buf_init(&q, 256);
    ask_begin(&q, ASK_LINK_PAGES);
    buf_str(&q, SPAN("*"));
    if (data->failed || !l->host->ask(l->host->arg, buf_view(&q), pages_came, l)) {
        lost(l, "the keeper is away");
    }
    buf_free(&q);
}

void desk_letters_item(const struct desk_letters_host *host, const struct fed_circles *circles, struct span circle, struct span id)
{
    struct buf q;
    bool own = false;
    if (id.len == 0 || circles->circle(circles->arg, circle, &own) == NULL || !own) {
        return;
    }
    struct letters *l = mem_alloc(sizeof *l);
    l->host = host;
    l->circles = circles;
    arena_init(&l->a, 4096);
    l->row.id = arena_copy(&l->a, id);
    buf_init(&q, 256);
    ask_begin(&q, ASK_ITEM_GET);
    buf_str(&q, id);
    if (!host->ask(host->arg, buf_view(&q), item_came, l)) {
        lost(l, "the keeper is away");
    }
    buf_free(&q);
}
