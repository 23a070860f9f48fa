/* SPDX-License-Identifier: EUPL-1.2 */
/* Adapters of what travels in a circle: envelopes, items as people of a node and links of small members read them, previews. */
#include "api/items.h"
#include "desk/federation/item_export.h"
#include "desk/federation/letter.h"
#include "tests/policy/paths.h"

static const char *const tlps[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", "PURPLE"};
static const char *const paps[] = {"CLEAR", "GREEN", "AMBER", "RED"};
static const char *const names[] = {"ana", "bo"};

/* The audience of a thing as it travels. */
static const struct jcs *audience_of(struct path_case *c, const struct thing *t)
{
    struct span orgs[WORLD_NODES];
    struct fed_person persons[WORLD_NODES];
    struct fed_audience who = {.all = t->all, .nda = t->nda, .sponsors = t->sponsors, .csirt = t->csirt,
                               .public_ = t->public_, .orgs = orgs, .persons = persons};
    struct jcs *out = NULL;
    struct err e;
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        if ((t->orgs >> i & 1) != 0) {
            orgs[who.norgs++] = world_org(i);
        }
        if ((t->persons >> i & 1) != 0) {
            persons[who.npersons++] = (struct fed_person){span_of(c->world->nodes[i].node), span_of(names[i % 2])};
        }
    }
    if (fed_audience_write(c->arena, &who, &out, &e) != 0) { /* names nobody: no envelope can be made of it */
        out = jcs_new_object(c->arena);
        jcs_set_bool(c->arena, out, "nobody", true);
    }
    if (t->unknown) {
        jcs_set_bool(c->arena, out, "friends", true);
    }
    return out;
}

static struct fed_marks marks_of(struct path_case *c, uint32_t i)
{
    const struct thing *t = &c->things[i];
    bool mine = t->issuer == c->self;
    return (struct fed_marks){.author = span_of(c->world->nodes[t->issuer].node),
                              .author_person = mine ? span_of(names[0]) : SPAN(""), .mine = mine, .teaser = t->teaser,
                              .epoch = t->epoch, .tlp = span_of(tlps[t->tlp]), .pap = span_of(paps[t->pap]), .chr = t->chr,
                              .audience = audience_of(c, t), .expires_s = t->expires_s};
}

static void shared_item(struct path_case *c, uint32_t i)
{
    struct fed_marks marks = marks_of(c, i);
    fed_item_of_marks(c->arena, &marks, c->m, &c->shared);
}

static struct span self_node(const struct path_case *c)
{
    return span_of(c->world->nodes[c->self].node);
}

static void person_reader(struct path_case *c, uint32_t i)
{
    fed_person_of(c->m, self_node(c), c->person, c->roles, c->things[i].issuer == c->self, &c->peer);
}

static void ask_item(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    person_reader(c, i);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static struct fed_item_row row_of(struct path_case *c, uint32_t i)
{
    struct fed_marks marks = marks_of(c, i);
    return (struct fed_item_row){.id = SPAN("0197f3c0-0000-7000-8000-000000000001"), .circle = c->m->circle, .author = marks.author,
                                 .author_org = world_org(c->things[i].issuer), .person = marks.author_person, .kind = marks.teaser ? SPAN("teaser") : SPAN("story"),
                                 .title = span_of(c->things[i].title), .body = SPAN("words"), .derived = SPAN("[]"), .tlp = marks.tlp, .pap = marks.pap,
                                 .audience = jcs_text(c->arena, marks.audience), .state = SPAN("current"), .version = 1, .chr = marks.chr,
                                 .epoch = (int64_t)marks.epoch, .created = c->now, .expires = marks.expires_s * TIME_SECOND, .received = c->now,
                                 .mine = marks.mine, .organisation = SPAN("*")};
}

/* The interface's own decision and bytes. */
static void show_as(struct path_case *c, uint32_t mask, enum policy_action action, bool whole, struct buf *out)
{
    const struct items_person who = {.m = c->m, .node = self_node(c), .name = c->person, .roles = c->roles};
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct fed_item_row row = row_of(c, i);
        struct json_writer j;
        if ((mask >> i & 1) == 0 || !items_decide(c->arena, &who, &row, action, c->now).allowed) {
            continue;
        }
        json_writer_init(&j, out);
        json_object(&j);
        items_row_json(&j, c->m, &row, 0, 0);
        if (whole) {
            items_text_json(&j, &row);
        }
        json_end(&j);
    }
}

static void show_items_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_as(c, mask, ACTION_SEARCH, false, out);
}
const struct path_adapter adapter_items = {ask_item, show_items_of};

static void show_item_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_as(c, mask, ACTION_READ, true, out);
}
const struct path_adapter adapter_item = {ask_item, show_item_of};

/* Given on without its sources, as the route writes it. */
static void show_item_chr(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct policy_reader *reader;
        const struct policy_item *item;
        struct policy_chr_report report;
        struct buf document;
        struct json_writer j;
        ask_item(c, i, &reader, &item);
        if ((mask >> i & 1) == 0 || !policy_decide(reader, item, ACTION_EXPORT, c->now).allowed) {
            continue;
        }
        const struct fed_item_row row = row_of(c, i);
        const struct fed_export x = {.row = &row, .m = c->m, .key = {1}};
        buf_init(&document, 1 << 16);
        MUST(fed_item_export(c->arena, &x, &document, &report, NULL));
        json_writer_init(&j, out);
        items_export_json(&j, buf_view(&document), &report);
        buf_free(&document);
    }
}
const struct path_adapter adapter_item_chr = {ask_item, show_item_chr};

/* Only an active member sends, and a preview speaks of active members: others are nobody here. */
static bool can_be_sent(const struct path_case *c, uint32_t i)
{
    const struct fed_member *author = fed_membership_find(c->m, span_of(c->world->nodes[c->things[i].issuer].node));
    const struct fed_member *self = fed_membership_find(c->m, self_node(c));
    return author->state == FED_ACTIVE && self->state == FED_ACTIVE;
}

/* What the author is shown of the asker's organisation. */
static void ask_preview(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    fed_person_of(c->m, self_node(c), SPAN(""), POLICY_ROLE_READ_ONLY, false, &c->peer);
    c->peer.reader.kind = can_be_sent(c, i) ? READER_PERSON : READER_UNKNOWN;
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void preview_of(struct path_case *c, uint32_t i, struct fed_preview *p)
{
    struct fed_audience who = {0};
    struct fed_marks marks = marks_of(c, i);
    fed_audience_read(c->arena, marks.audience, &who);
    fed_item_of_marks(c->arena, &marks, c->m, &c->shared);
    *p = (struct fed_preview){0};
    (void)!fed_item_preview(c->arena, &c->shared, &who, c->m, c->now, p, NULL);
}

static void show_preview(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_preview p;
        preview_of(c, i, &p);
        bool own = c->things[i].issuer == c->self; /* no line of a preview, but he does read it */
        const struct policy_reader *reader;
        const struct policy_item *item;
        ask_preview(c, i, &reader, &item);
        bool reads = own && policy_allows(reader, item, ACTION_READ, c->now);
        for (uint32_t k = 0; k < p.count; k++) {
            reads = reads || (p.lines[k].reads && p.lines[k].person.len == 0 && span_eq(p.lines[k].member->node, self_node(c)));
        }
        if ((mask >> i & 1) != 0 && reads) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_item_preview = {ask_preview, show_preview};

/* To whose keys it is sealed, where it can be sent at all. */
static void ask_send(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    fed_peer_of(c->m, self_node(c), can_be_sent(c, i) ? READER_NODE : READER_UNKNOWN, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void show_send(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_preview p;
        preview_of(c, i, &p);
        const struct policy_reader *reader;
        const struct policy_item *item;
        ask_send(c, i, &reader, &item);
        bool opens = c->things[i].issuer == c->self && policy_allows(reader, item, ACTION_FORWARD, c->now);
        for (uint32_t k = 0; k < p.nreaders; k++) {
            opens = opens || (c->things[i].issuer != c->self && span_eq(p.readers[k].node, self_node(c)));
        }
        if ((mask >> i & 1) != 0 && opens) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_item_send = {ask_send, show_send};
/* The same envelopes, as they lie in the outbox, on a stick. */
const struct path_adapter adapter_courier_file = {ask_send, show_send};

/* The page behind a small member's link. */
static void ask_link(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    fed_link_reader(c->m, SPAN("Smallville"), c->person, c->link_nda, c->now + 1, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void show_link(struct path_case *c, uint32_t mask, struct buf *out)
{
    const struct fed_link_page page = {.circle = c->m->circle, .organisation = SPAN("Smallville"), .person = c->person, .nda = c->link_nda, .expires = c->now + 1};
    struct page_item items[THINGS];
    struct page_items p = {.node = SPAN("n"), .circle = c->m->name, .person = c->person, .organisation = page.organisation, .expires = page.expires,
                           .words = words_default(), .items = items};
    struct buf html;
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct fed_item_row row = row_of(c, i);
        if ((mask >> i & 1) != 0 && items_link_decide(c->arena, c->m, &page, &row, c->now).allowed) {
            items[p.nitems++] = items_link_item(&row);
        }
    }
    page_items(&html, &p);
    buf_span(out, buf_view(&html));
    buf_free(&html);
}
const struct path_adapter adapter_member_page = {ask_link, show_link};

/* The letter that tells of it: as it goes to the courier. */
static void show_letter(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct fed_letter_due l = {
            .letter = {.item = SPAN("i"), .link = SPAN("l"), .version = 1},
            .item = row_of(c, i),
            .page = {.circle = c->m->circle, .organisation = SPAN("Smallville"), .person = c->person, .mail = SPAN("a@b"), .nda = c->link_nda, .expires = c->now + 1}};
        struct buf notice;
        if ((mask >> i & 1) == 0 || !fed_letter_may(c->arena, &l, c->m, c->now).allowed) {
            continue;
        }
        buf_init(&notice, 1 << 18);
        fed_letter_notice(&l, c->m, &notice);
        buf_span(out, buf_view(&notice));
        buf_free(&notice);
    }
}
const struct path_adapter adapter_letter = {ask_link, show_letter};

/* An envelope that arrives at the asking node: the label and audience as they travelled, read again (P6). */
static void ask_envelope(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    fed_peer_of(c->m, self_node(c), c->self != 0 ? READER_NODE : READER_HUB, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void show_envelope(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_marks marks = marks_of(c, i);
        struct fed_envelope env = {.type = FED_TYPE_ITEM, .issuer = marks.author, .circle = c->m->circle,
                                   .audience = marks.audience, .tlp = marks.tlp, .pap = marks.pap, .chr = marks.chr,
                                   .epoch = marks.epoch, .expires_s = marks.expires_s, .sealed = marks.audience};
        fed_audience_read(c->arena, env.audience, &env.who);
        struct fed_item item;
        struct fed_peer peer;
        fed_item_of_envelope(c->arena, &env, c->m, &item);
        fed_peer_of(c->m, self_node(c), c->self != 0 ? READER_NODE : READER_HUB, &peer);
        bool carried = c->self == 0 && !policy_allows(&peer.reader, &item.item, ACTION_FORWARD, c->now);
        if ((mask >> i & 1) != 0 && !carried && fed_policy_takes(c->arena, &env, c->m, self_node(c), c->now) == FED_TAKEN) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_envelope = {ask_envelope, show_envelope};
