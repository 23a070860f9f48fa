/* SPDX-License-Identifier: EUPL-1.2 */
/* Adapters of what travels in a circle: envelopes, items as people of a node and links of small members read them, previews. */
#include "api/items.h"
#include "desk/federation/courier_file.h"
#include "desk/federation/item_export.h"
#include "desk/federation/letter.h"
#include "desk/federation/text.h"
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

struct fed_marks thing_marks(struct path_case *c, const struct thing *t)
{
    bool mine = t->issuer == c->self;
    return (struct fed_marks){.author = span_of(c->world->nodes[t->issuer].node),
                              .author_person = mine ? span_of(names[0]) : SPAN(""), .mine = mine, .teaser = t->teaser,
                              .epoch = t->epoch, .tlp = span_of(tlps[t->tlp]), .pap = span_of(paps[t->pap]), .chr = t->chr,
                              .audience = audience_of(c, t), .expires_s = t->expires_s};
}

struct fed_marks case_marks(struct path_case *c, uint32_t i)
{
    struct drawn *d = &c->drawn[i];
    if (!d->has_marks) {
        d->marks = thing_marks(c, &c->things[i]);
        d->has_marks = true;
    }
    return d->marks;
}

static void shared_item(struct path_case *c, uint32_t i)
{
    struct fed_marks marks = case_marks(c, i);
    fed_item_of_marks(c->arena, &marks, c->m, &c->shared);
}

struct span case_self(const struct path_case *c)
{
    return span_of(c->world->nodes[c->self].node);
}

static void person_reader(struct path_case *c, uint32_t i)
{
    fed_person_of(c->m, case_self(c), c->person, c->roles, c->things[i].issuer == c->self, &c->peer);
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
    struct drawn *d = &c->drawn[i];
    struct fed_marks marks = case_marks(c, i);
    if (d->has_row) {
        return d->row;
    }
    d->has_row = true;
    return d->row = (struct fed_item_row){.id = SPAN("0197f3c0-0000-7000-8000-000000000001"), .circle = c->m->circle, .author = marks.author,
                                 .author_org = world_org(c->things[i].issuer), .person = marks.author_person, .kind = marks.teaser ? SPAN("teaser") : SPAN("story"),
                                 .title = span_of(c->things[i].title), .body = SPAN("words"), .derived = SPAN("[]"), .tlp = marks.tlp, .pap = marks.pap,
                                 .audience = jcs_text(c->arena, marks.audience), .state = SPAN("current"), .version = 1, .chr = marks.chr,
                                 .epoch = (int64_t)marks.epoch, .created = c->now, .expires = marks.expires_s * TIME_SECOND, .received = c->now,
                                 .mine = marks.mine, .organisation = SPAN("*")};
}

/* The interface's own decision and bytes. */
static void show_as(struct path_case *c, uint32_t mask, enum policy_action action, bool whole, struct buf *out)
{
    const struct items_person who = {.m = c->m, .node = case_self(c), .name = c->person, .roles = c->roles};
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
const struct path_adapter adapter_items = {ask_item, show_items_of, 0};

static void show_item_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_as(c, mask, ACTION_READ, true, out);
}
const struct path_adapter adapter_item = {ask_item, show_item_of, 0};

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
const struct path_adapter adapter_item_chr = {ask_item, show_item_chr, 0};

/* What its author writes, as the interface takes it. */
static const struct jcs *document_of(struct path_case *c, uint32_t i)
{
    const struct thing *t = &c->things[i];
    struct jcs *doc = jcs_new_object(c->arena);
    jcs_set_text(c->arena, doc, "kind", t->teaser ? SPAN("teaser") : SPAN("story"));
    jcs_set_text(c->arena, doc, "title", span_of(t->title));
    jcs_set_text(c->arena, doc, "text", SPAN("words"));
    jcs_set_text(c->arena, doc, "tlp", span_of(tlps[t->tlp]));
    jcs_set_text(c->arena, doc, "pap", span_of(paps[t->pap]));
    jcs_set_bool(c->arena, doc, "chr", t->chr);
    jcs_set_text(c->arena, doc, "circle", c->m->circle);
    jcs_set(c->arena, doc, "audience", jcs_copy(c->arena, case_marks(c, i).audience));
    jcs_set_text(c->arena, doc, "expires", fed_time(c->arena, t->expires_s));
    return doc;
}

static int compose_anew(struct path_case *c, uint32_t i, bool only_preview, struct fed_composed *out)
{
    struct err e = {0};
    const struct fed_author author = {.keys = &c->world->nodes[c->things[i].issuer], .m = c->m, .own = c->things[i].issuer == 0,
                                      .person = span_of(names[0]), .organisation = SPAN("*"), .now = c->now};
    return fed_compose_item(c->arena, &author, document_of(c, i), SPAN("0197f3c0-0000-7000-8000-000000000001"), NULL, only_preview, out, &e);
}

/* The interface's own call at its author's node: what he is shown, and what is then sealed. ERR_INVALID: refused as written. */
static int compose(struct path_case *c, uint32_t i, bool only_preview, struct fed_composed *out)
{
    struct drawn *d = &c->drawn[i];
    if (!only_preview) {
        return compose_anew(c, i, false, out);
    }
    if (!d->has_composed) {
        d->rc = compose_anew(c, i, true, &d->composed);
        d->has_composed = true;
    }
    *out = d->composed;
    return d->rc;
}

/* It is written under the membership of now, whatever the thing says. */
static void written_item(struct path_case *c, uint32_t i)
{
    struct fed_marks marks = case_marks(c, i);
    marks.epoch = c->m->epoch;
    fed_item_of_marks(c->arena, &marks, c->m, &c->shared);
}

/* Only an active member sends, what is not over, and a preview speaks of active members: others are nobody here. */
static bool can_be_sent(const struct path_case *c, uint32_t i)
{
    const struct fed_member *author = fed_membership_find(c->m, span_of(c->world->nodes[c->things[i].issuer].node));
    const struct fed_member *self = fed_membership_find(c->m, case_self(c));
    return author->state == FED_ACTIVE && self->state == FED_ACTIVE && c->things[i].expires_s > c->now / TIME_SECOND;
}

/* What the author is shown of the asker's organisation. */
static void ask_preview(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    written_item(c, i);
    fed_person_of(c->m, case_self(c), SPAN(""), POLICY_ROLE_READ_ONLY, false, &c->peer);
    c->peer.reader.kind = can_be_sent(c, i) ? READER_PERSON : READER_UNKNOWN;
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

/* Whether the bytes of the preview name an organisation as a reader. */
static bool preview_names(const struct fed_preview *p, struct span organisation)
{
    struct json_writer j;
    struct buf bytes;
    buf_init(&bytes, 1 << 16);
    json_writer_init(&j, &bytes);
    json_object(&j);
    items_preview_json(&j, p);
    json_end(&j);
    CHECK(json_writer_done(&j));
    const char *end = memmem(bytes.data, bytes.len, "],\"persons\"", 11);
    CHECK(end != NULL); /* persons come behind, and are not asked about here */
    struct span list = span_make(bytes.data, (size_t)(end - bytes.data));
    struct buf quoted;
    buf_init(&quoted, 512);
    buf_printf(&quoted, "\"%.*s\"", SPAN_ARG(organisation));
    bool named = memmem(list.ptr, list.len, quoted.data, quoted.len) != NULL;
    buf_free(&quoted);
    buf_free(&bytes);
    return named;
}

static void show_preview(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_composed composed;
        const struct policy_reader *reader;
        const struct policy_item *item;
        int rc = (mask >> i & 1) != 0 ? compose(c, i, true, &composed) : ERR_INVALID;
        if (rc < 0 && rc != ERR_DENIED) { /* denied: the lines are shown all the same */
            continue;
        }
        ask_preview(c, i, &reader, &item);
        bool own = c->things[i].issuer == c->self; /* no line of a preview, but he does read it */
        if (own ? policy_allows(reader, item, ACTION_READ, c->now) : preview_names(&composed.preview, world_org(c->self))) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_item_preview = {ask_preview, show_preview, 0};

/* To whose keys it is sealed, where it can be sent at all. */
static void ask_send(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    written_item(c, i);
    fed_peer_of(c->m, case_self(c), can_be_sent(c, i) ? READER_NODE : READER_UNKNOWN, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

/* Sealing is dear: of so many things one goes the whole way, which is hundreds of each kind over all cases. */
enum { WHOLE_WAY = 256 };
static bool goes_the_whole_way(const struct path_case *c, uint32_t i)
{
    uint32_t hash = 2166136261u; /* FNV-1a over the planted title, which is of the seed */
    for (size_t k = 0; k < TITLE_LEN; k++) {
        hash = (hash ^ (unsigned char)c->things[i].title[k]) * 16777619u;
    }
    return hash % WHOLE_WAY == 0;
}

static const unsigned char *signer_of(void *ctx, struct span from)
{
    const struct path_case *c = ctx;
    const struct fed_member *m = fed_membership_find(c->m, from);
    return m == NULL ? NULL : m->sign;
}

/* From its author's stick to the asker's node, as it is read there. */
static struct span carried(struct path_case *c, uint32_t i, struct span envelope)
{
    struct fed_courier_file read;
    struct span text;
    struct err e = {0};
    const struct fed_keys *author = &c->world->nodes[c->things[i].issuer];
    const struct fed_courier_file f = {.from = span_of(author->node), .to = case_self(c), .up = true, .epoch = 1, .from_seq = 1,
                                       .envelopes = &envelope, .count = 1};
    MUST(fed_courier_file_make(c->arena, &f, &author->sign, &text, &e));
    CHECK(fed_courier_file_read(c->arena, text, case_self(c), signer_of, c, &read, &e) == FED_TAKEN && read.count == 1);
    return read.envelopes[0];
}

/* What the asker's node makes of the envelope: its title, where its own keys open it. */
static bool opens(struct path_case *c, uint32_t i, struct span envelope)
{
    struct err e = {0};
    struct fed_envelope env;
    const struct jcs *body = NULL;
    struct span title = {0};
    const struct fed_check check = world_check(c->world, true);
    CHECK(fed_envelope_check(c->arena, envelope, &check, &env, &e) == FED_TAKEN);
    return fed_envelope_open(c->arena, &env, &c->world->nodes[c->self], &body) == FED_TAKEN && jcs_get_text(body, "title", &title) &&
           span_eq(title, span_of(c->things[i].title));
}

static void show_sent(struct path_case *c, uint32_t mask, bool by_stick, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_composed composed;
        const struct policy_reader *reader;
        const struct policy_item *item;
        bool own = c->things[i].issuer == c->self;
        bool whole = goes_the_whole_way(c, i) && !own;
        int rc = (mask >> i & 1) != 0 ? compose(c, i, !whole, &composed) : ERR_INVALID;
        bool gets = false;
        if (rc < 0 && !(own && rc == ERR_DENIED)) { /* denied: nobody but he could read it; he does */
            continue;
        }
        ask_send(c, i, &reader, &item);
        for (uint32_t k = 0; k < composed.preview.nreaders; k++) {
            gets = gets || span_eq(composed.preview.readers[k].node, case_self(c));
        }
        if (whole) {
            bool opened = opens(c, i, by_stick ? carried(c, i, composed.envelope) : composed.envelope);
            CHECK(opened == (gets || !composed.preview.seals)); /* what is not sealed goes to its readers by the links alone */
            gets = gets && opened;
        }
        if (own ? policy_allows(reader, item, ACTION_FORWARD, c->now) : gets) {
            buf_cstr(out, c->things[i].title);
        }
    }
}

static void show_send(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_sent(c, mask, false, out);
}
const struct path_adapter adapter_item_send = {ask_send, show_send, 0};

/* The same envelopes, as they lie in the outbox, on a stick. */
static void show_stick(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_sent(c, mask, true, out);
}
const struct path_adapter adapter_courier_file = {ask_send, show_stick, 0};

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
const struct path_adapter adapter_member_page = {ask_link, show_link, 0};

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
const struct path_adapter adapter_letter = {ask_link, show_letter, 0};

/* An envelope that arrives at the asking node: the label and audience as they travelled, read again (P6). */
static void ask_envelope(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    shared_item(c, i);
    fed_peer_of(c->m, case_self(c), c->self != 0 ? READER_NODE : READER_HUB, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void show_envelope(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct fed_marks marks = case_marks(c, i);
        struct fed_envelope env = {.type = FED_TYPE_ITEM, .issuer = marks.author, .circle = c->m->circle,
                                   .audience = marks.audience, .tlp = marks.tlp, .pap = marks.pap, .chr = marks.chr,
                                   .epoch = marks.epoch, .expires_s = marks.expires_s, .sealed = marks.audience};
        fed_audience_read(c->arena, env.audience, &env.who);
        struct fed_item item;
        struct fed_peer peer;
        fed_item_of_envelope(c->arena, &env, c->m, &item);
        fed_peer_of(c->m, case_self(c), c->self != 0 ? READER_NODE : READER_HUB, &peer);
        bool carried = c->self == 0 && !policy_allows(&peer.reader, &item.item, ACTION_FORWARD, c->now);
        if ((mask >> i & 1) != 0 && !carried && fed_policy_takes(c->arena, &env, c->m, case_self(c), c->now) == FED_TAKEN) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_envelope = {ask_envelope, show_envelope, 0};
