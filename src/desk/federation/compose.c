/* SPDX-License-Identifier: EUPL-1.2 */
/* What a person writes becomes an envelope: see compose.h. */
#include "desk/federation/compose.h"

#include "base/id.h"
#include "desk/federation/item.h"
#include "desk/federation/text.h"

bool fed_compose_circle(const struct jcs *document, struct span *out)
{
    return jcs_get_text(document, "circle", out);
}

void fed_row_marks(struct arena *a, const struct fed_item_row *row, struct fed_marks *out)
{
    struct jcs *audience = NULL;
    if (jcs_read(a, row->audience, FED_DEPTH_MAX, &audience, NULL) != 0) {
        audience = NULL;
    }
    *out = (struct fed_marks){.author = row->author,
                              .author_person = row->person,
                              .mine = row->mine != 0,
                              .teaser = span_eq(row->kind, SPAN("teaser")),
                              .retracted = span_eq(row->state, SPAN("retracted")),
                              .epoch = (uint64_t)row->epoch,
                              .tlp = row->tlp,
                              .pap = row->pap,
                              .chr = row->chr != 0,
                              .audience = audience,
                              .expires_s = row->expires / TIME_SECOND};
}

static int wrong(struct fed_composed *out, const char *where, struct err *e, const char *what)
{
    out->where = where;
    return err_set(e, ERR_INVALID, "%s", what);
}

/* The node of an organisation that has one in this circle; empty when none or several have that name. */
static struct span node_of(const struct fed_membership *m, struct span organisation)
{
    struct span node = SPAN("");
    for (uint32_t i = 0; i < m->nmembers; i++) {
        if (span_eq(m->members[i].org, organisation) && m->members[i].state == FED_ACTIVE) {
            if (node.len > 0) {
                return SPAN("");
            }
            node = m->members[i].node;
        }
    }
    return node;
}

/* People write "name @ organisation": {"name","organisation"} becomes {"name","node"}. NULL: no such member. */
static struct jcs *person_by_node(struct arena *a, const struct fed_membership *m, const struct jcs *person)
{
    static const char *const names[] = {"name", "organisation", NULL};
    struct span name = {0};
    struct span organisation = {0};
    if (!jcs_get_text(person, "organisation", &organisation)) {
        return jcs_copy(a, person); /* as the envelope has it, or wrong: the reader says so */
    }
    struct span node = node_of(m, organisation);
    if (!jcs_only(person, names) || !jcs_get_text(person, "name", &name) || node.len == 0) {
        return NULL;
    }
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "name", name);
    jcs_set_text(a, o, "node", node);
    return o;
}

static const struct jcs *resolve(struct arena *a, const struct fed_membership *m, const struct jcs *audience)
{
    const struct jcs *persons = jcs_get_array(audience, "persons");
    if (persons == NULL) {
        return audience;
    }
    struct jcs *out = jcs_new_object(a);
    struct jcs *list = jcs_new_array(a);
    for (const struct jcs *p = persons->first; p != NULL; p = p->next) {
        struct jcs *one = person_by_node(a, m, p);
        if (one == NULL) {
            return NULL;
        }
        jcs_add(list, one);
    }
    for (const struct jcs *v = audience->first; v != NULL; v = v->next) {
        jcs_set(a, out, v->key.ptr, v == persons ? list : jcs_copy(a, v));
    }
    return out;
}

/* tlp, pap, chr, audience of a document into the row. */
static int read_label(struct arena *a, const struct fed_membership *m, const struct jcs *doc, struct fed_composed *out, struct err *e)
{
    struct fed_audience who;
    struct span text = {0};
    bool chr = false;
    if (!jcs_get_text(doc, "tlp", &text)) {
        return wrong(out, "tlp", e, "An item needs a label: CLEAR, GREEN, AMBER, AMBER+STRICT or RED.");
    }
    struct label tlp = policy_label_parse(text);
    if (tlp.what != LABEL_TLP || tlp.unknown || tlp.tlp == TLP_UNKNOWN) {
        return wrong(out, "tlp", e, "This is no label of TLP 2.0.");
    }
    out->row.tlp = span_of(tlp_name(tlp.tlp));
    if (!jcs_get_text(doc, "pap", &out->row.pap)) {
        return wrong(out, "pap", e, "An item says what may be done with it: CLEAR, GREEN, AMBER or RED.");
    }
    if (jcs_get(doc, "chr") != NULL && !jcs_get_bool(doc, "chr", &chr)) {
        return wrong(out, "chr", e, "The Chatham House Rule applies or not: true or false.");
    }
    out->row.chr = chr;
    const struct jcs *audience = jcs_get_object(doc, "audience");
    if (audience != NULL && (audience = resolve(a, m, audience)) == NULL) {
        return wrong(out, "audience", e, "A person is named by name and organisation, and the circle has one active member of that name.");
    }
    fed_audience_read(a, audience, &who);
    if (who.unknown) {
        return wrong(out, "audience", e, "The audience names nobody, or somebody in a way that is not known.");
    }
    out->row.audience = jcs_text(a, audience);
    return 0;
}

static bool optional_text(const struct jcs *doc, const char *name, struct span *out)
{
    const struct jcs *v = jcs_get(doc, name);
    *out = SPAN("");
    return v == NULL || v->kind == JCS_NULL || jcs_get_text(doc, name, out);
}

/* What a version has in common with the one before. */
static int read_version(const struct jcs *doc, const struct fed_item_row *before, struct fed_composed *out, struct err *e)
{
    struct span circle = {0};
    if (!span_eq(out->row.kind, before->kind)) {
        return wrong(out, "kind", e, "A new version stays what the item was.");
    }
    if (!fed_compose_circle(doc, &circle) || !span_eq(circle, before->circle)) {
        return wrong(out, "circle", e, "A new version goes to the circle of the item.");
    }
    const struct jcs *widen = jcs_get(doc, "widen");
    bool agreed = false;
    return widen == NULL || jcs_get_bool(doc, "widen", &agreed) ? 0 : wrong(out, "widen", e, "That it widens is meant or not: true or false.");
}

static int read_item(struct arena *a, const struct fed_author *author, const struct jcs *doc, const struct fed_item_row *before,
                     struct fed_composed *out, struct err *e)
{
    /* the last but one only of a new version */
    static const char *const names[] = {"kind", "title", "text", "tlp", "pap", "chr", "circle", "audience", "of", "expires", "widen", NULL};
    struct span expires = {0};
    int64_t at = author->now / TIME_SECOND + FED_ITEM_LIFE_S;
    if (!jcs_only(doc, names) || (before == NULL && jcs_get(doc, "widen") != NULL)) {
        return wrong(out, NULL, e, "The document holds a field that is not known.");
    }
    if (!jcs_get_text(doc, "kind", &out->row.kind) || !fed_item_kind_valid(out->row.kind)) {
        return wrong(out, "kind", e, "An item is a story, a teaser or a notice.");
    }
    if (!jcs_get_text(doc, "title", &out->row.title) || !fed_name_valid(out->row.title, FED_ITEM_TITLE_MAX)) {
        return wrong(out, "title", e, "A title is one line of at most 300 bytes.");
    }
    if (!jcs_get_text(doc, "text", &out->row.body)) {
        return wrong(out, "text", e, "The text is missing.");
    }
    if (!optional_text(doc, "of", &out->row.of_item) || (out->row.of_item.len > 0 && !id_valid(out->row.of_item))) {
        return wrong(out, "of", e, "What a teaser is of is named by its id.");
    }
    if (!optional_text(doc, "expires", &expires) || (expires.len > 0 && !fed_time_read(expires, &at)) ||
        at <= author->now / TIME_SECOND || at - author->now / TIME_SECOND > FED_EXPIRES_MAX_S) {
        return wrong(out, "expires", e, "The end is a time to come, as 2026-12-31T00:00:00Z.");
    }
    out->row.expires = at * TIME_SECOND;
    int rc = before == NULL ? 0 : read_version(doc, before, out, e);
    return rc < 0 ? rc : read_label(a, author->m, doc, out, e);
}

/* Who reads it, before anything is made. */
static int preview(struct arena *a, const struct fed_author *author, const struct fed_item_row *row, struct fed_preview *out, struct err *e)
{
    struct fed_marks marks;
    struct fed_audience who;
    struct fed_item *item = arena_alloc(a, sizeof *item);
    fed_row_marks(a, row, &marks);
    fed_audience_read(a, marks.audience, &who);
    fed_item_of_marks(a, &marks, author->m, item);
    int rc = fed_item_preview(a, item, &who, author->m, author->now, out, e);
    out->seals = out->seals || author->m->nda;
    if (rc == 0 && fed_membership_over(author->m, author->now / TIME_SECOND)) {
        rc = err_set(e, ERR_DENIED, "the circle's membership file is over its date: nothing is sent until there is a new one");
    }
    return rc;
}

static struct span in_words(struct arena *a, const struct fed_preview *p, const struct fed_membership *m)
{
    struct span name = span_sub(m->name, 0, 200);
    return span_of(arena_printf(a, "%u organisations and %u persons of %.*s", p->organisations, p->persons, SPAN_ARG(name)));
}

/* Seals, signs, and makes what the outbox takes. The label and audience are the row's. */
static int make(struct arena *a, const struct fed_author *author, const struct fed_item_row *labels, enum fed_type type, const struct jcs *body,
                const char *verb, struct fed_composed *out, struct err *e)
{
    struct fed_marks marks;
    const struct fed_preview *p = &out->preview;
    char *id = arena_alloc(a, FED_ID_LEN + 1);
    fed_row_marks(a, labels, &marks);
    const struct fed_draft d = {.type = type, .circle = author->m->circle, .audience = marks.audience, .tlp = marks.tlp, .pap = marks.pap,
                                .chr = marks.chr, .created_s = author->now / TIME_SECOND, .expires_s = marks.expires_s,
                                .epoch = author->m->epoch, .body = body};
    int rc = fed_envelope_make(a, &d, author->keys, p->readers, p->seals ? p->nreaders : 0, &out->envelope, id, e);
    if (rc < 0) {
        return rc;
    }
    struct span *peers = arena_calloc(a, p->nreaders, sizeof *peers);
    size_t npeers = 0;
    for (uint32_t i = 0; author->own && i < p->nreaders; i++) {
        if (!span_eq(p->readers[i].node, span_of(author->keys->node))) {
            peers[npeers++] = p->readers[i].node;
        }
    }
    out->out = (struct fed_out){.circle = author->m->circle, .peer = npeers > 0 ? peers : NULL, .npeers = npeers, .class = FED_OUT_RESULT,
                                .id = span_make(id, FED_ID_LEN), .type = span_of(fed_type_word(type)), .issuer = span_of(author->keys->node),
                                .epoch = (int64_t)author->m->epoch, .created = d.created_s * TIME_SECOND, .expires = d.expires_s * TIME_SECOND,
                                .envelope = out->envelope, .audience = in_words(a, p, author->m),
                                .reason = span_of(arena_printf(a, "policy %s: %.*s, %s by its author", policy_reason_name(REASON_ALLOWED),
                                                               SPAN_ARG(marks.tlp), verb))};
    return 0;
}

static void fill_row(const struct fed_author *author, struct span id, const struct fed_item_row *before, struct fed_item_row *row)
{
    const struct fed_member *self = fed_membership_find(author->m, span_of(author->keys->node));
    row->id = id;
    row->organisation = before != NULL ? before->organisation : author->organisation;
    row->circle = author->m->circle;
    row->author = span_of(author->keys->node);
    row->author_org = self == NULL ? SPAN("") : self->org;
    row->person = before != NULL ? before->person : author->person;
    row->derived = row->derived.len == 0 ? SPAN("[]") : row->derived;
    row->epoch = (int64_t)author->m->epoch;
    row->version = before == NULL ? 1 : before->version + 1;
    row->created = author->now;
    row->received = before != NULL ? before->received : author->now;
    row->state = SPAN("current");
    row->mine = 1;
}

/* Whether a line of the preview still reads: by itself, or as one of its organisation. */
static bool still_reads(const struct fed_preview_line *was, const struct fed_preview *is)
{
    for (uint32_t i = 0; i < is->count; i++) {
        const struct fed_preview_line *l = &is->lines[i];
        if (l->reads && l->member == was->member && (l->person.len == 0 || span_eq(l->person, was->person))) {
            return true;
        }
    }
    return false;
}

/* Who gains and who loses by the version, and whether its author means it. */
static int judge_version(struct arena *a, const struct fed_author *author, const struct jcs *document, const struct fed_item_row *before,
                         struct fed_composed *out, struct err *e)
{
    struct fed_marks was, is;
    struct fed_preview old = {0};
    bool agreed = false;
    fed_row_marks(a, before, &was);
    fed_row_marks(a, &out->row, &is);
    out->widens = fed_marks_widen(a, &was, &is, author->m);
    (void)!preview(a, author, before, &old, NULL);
    for (uint32_t i = 0; i < old.count && !out->narrows; i++) {
        out->narrows = old.lines[i].reads && !still_reads(&old.lines[i], &out->preview);
    }
    if (out->widens && out->narrows) {
        return err_set(e, ERR_DENIED, "this lets some read who could not and shuts out others: tighten it first, then send a new version");
    }
    if (out->widens && !(jcs_get_bool(document, "widen", &agreed) && agreed)) {
        return err_set(e, ERR_DENIED, "this lets people read who could not before: say that you mean it");
    }
    return 0;
}

int fed_compose_item(struct arena *a, const struct fed_author *author, const struct jcs *document, struct span id, const struct fed_item_row *before,
                     bool only_preview, struct fed_composed *out, struct err *e)
{
    struct jcs *body = NULL;
    *out = (struct fed_composed){0};
    int rc = read_item(a, author, document, before, out, e);
    if (rc < 0) {
        return rc;
    }
    fill_row(author, before == NULL ? id : before->id, before, &out->row);
    rc = preview(a, author, &out->row, &out->preview, e);
    rc = rc < 0 || before == NULL ? rc : judge_version(a, author, document, before, out, e);
    if (rc < 0 || only_preview) {
        return rc;
    }
    const struct fed_item_body item = {.id = out->row.id, .version = out->row.version, .kind = out->row.kind, .title = out->row.title,
                                       .text = out->row.body, .of = out->row.of_item};
    if (fed_item_write(a, &item, &body, e) < 0) {
        return wrong(out, "text", e, "The text holds characters that are no text, or is too long.");
    }
    rc = make(a, author, &out->row, FED_TYPE_ITEM, body, "sent", out, e);
    out->row.envelope = out->out.id;
    out->row.sent = out->preview.nreaders == 0 ? 0 : (int64_t)out->preview.nreaders - 1;
    return rc;
}

int fed_compose_tighten(struct arena *a, const struct fed_author *author, const struct jcs *document, const struct fed_item_row *before,
                        struct fed_composed *out, struct err *e)
{
    static const char *const names[] = {"tlp", "pap", "chr", "audience", NULL};
    struct jcs *body = NULL;
    struct fed_marks was, is;
    *out = (struct fed_composed){.row = *before};
    if (!jcs_only(document, names)) {
        return wrong(out, NULL, e, "A label is tlp, pap, chr and audience.");
    }
    int rc = read_label(a, author->m, document, out, e);
    if (rc < 0) {
        return rc;
    }
    out->row.epoch = (int64_t)author->m->epoch;
    out->row.version = before->version + 1;
    out->row.state = SPAN("tightened");
    fed_row_marks(a, before, &was);
    fed_row_marks(a, &out->row, &is);
    if (fed_marks_widen(a, &was, &is, author->m)) {
        return err_set(e, ERR_DENIED, "this label would let people read who could not before: only a new version may, where you say so");
    }
    /* It goes to all who could read so far: those who lose it must hear of it. */
    rc = preview(a, author, before, &out->preview, e);
    const struct fed_relabel r = {.id = before->id, .version = out->row.version, .tlp = is.tlp, .pap = is.pap, .chr = is.chr, .audience = is.audience};
    rc = rc < 0 ? rc : fed_relabel_write(a, &r, &body, e);
    return rc < 0 ? rc : make(a, author, before, FED_TYPE_RELABEL, body, "tightened", out, e);
}

int fed_compose_retract(struct arena *a, const struct fed_author *author, struct span reason, const struct fed_item_row *before,
                        struct fed_composed *out, struct err *e)
{
    struct jcs *body = NULL;
    *out = (struct fed_composed){.row = *before};
    out->row.state = SPAN("retracted");
    const struct fed_tombstone t = {.id = before->id, .reason = reason};
    if (fed_tombstone_write(a, &t, &body, e) < 0) {
        return wrong(out, "reason", e, "A reason is text of at most 1000 bytes.");
    }
    int rc = preview(a, author, before, &out->preview, e);
    return rc < 0 ? rc : make(a, author, before, FED_TYPE_TOMBSTONE, body, "retracted", out, e);
}
