/* SPDX-License-Identifier: EUPL-1.2 */
/* The keeper's answers about items and personal links: see keeper_items.h. */
#include "roles/keeper_items.h"

#include "base/log.h"
#include "records/audit.h"
#include "records/fed_item.h"
#include "records/fed_letter.h"
#include "records/fed_out.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int write_row(struct keeper_records *kr, const struct fed_item_row *row, struct err *e)
{
    int64_t received = 0;
    int64_t removed = 0;
    int rc = fed_item_receipts(kr->db, row->id, &received, &removed, e);
    fed_item_encode(&kr->out, row);
    buf_u64(&kr->out, (uint64_t)received);
    buf_u64(&kr->out, (uint64_t)removed);
    return rc;
}

static int list_items(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_item_query q = {0};
    struct fed_item_row *rows = NULL;
    size_t n = 0;
    bool more = false;
    q.organisation = cursor_str(c);
    q.words = cursor_str(c);
    q.circle = cursor_str(c);
    q.before = (int64_t)cursor_u64(c);
    q.before_id = cursor_str(c);
    q.limit = cursor_u32(c);
    int rc = q.limit == 0 || q.limit > FED_ITEMS_PAGE_MAX || q.organisation.len == 0
                 ? err_set(e, ERR_INVALID, "the question is wrong")
                 : whole(c, e);
    rc = rc < 0 ? rc : fed_item_list(kr->db, &q, &kr->scratch, &rows, &n, &more, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    buf_u8(&kr->out, more);
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = write_row(kr, &rows[i], e);
    }
    if (rc < 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int write_notes(struct keeper_records *kr, struct span item, struct span kind, struct err *e)
{
    struct fed_item_note *notes = NULL;
    size_t n = 0;
    int rc = fed_item_notes(kr->db, item, kind, &kr->scratch, &notes, &n, e);
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_str(&kr->out, notes[i].who);
        buf_str(&kr->out, notes[i].what);
        buf_str(&kr->out, notes[i].why);
        buf_u64(&kr->out, (uint64_t)notes[i].at);
    }
    return rc;
}

static int get_item(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_item_row row;
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_item_get(kr->db, id, &kr->scratch, &row, e);
    if (rc == 0 && row.bare != 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no such item");
    }
    answer_begin(&kr->out, rc, e);
    rc = rc < 0 ? rc : write_row(kr, &row, e);
    rc = rc < 0 ? rc : write_notes(kr, id, SPAN("read"), e);
    rc = rc < 0 ? rc : write_notes(kr, id, SPAN("change"), e);
    rc = rc < 0 ? rc : write_notes(kr, id, SPAN("receipt"), e);
    rc = rc < 0 ? rc : fed_letters_write(kr->db, id, &kr->out, e);
    if (rc < 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

struct change {
    uint8_t what;
    struct fed_item_row row;
    struct span who, why;
    struct fed_out out;
    size_t placed;
};

/* What the author may do to the row as it is now: somebody may have been quicker. */
static int may_change(struct keeper_records *kr, const struct change *ch, struct err *e)
{
    struct fed_item_row now;
    int rc = fed_item_get(kr->db, ch->row.id, &kr->scratch, &now, e);
    if (rc == ERR_NOT_FOUND && ch->what == FED_ITEM_CHANGE_PUT) {
        return ch->row.version == 1 ? 0 : err_set(e, ERR_BUSY, "the item is not here any more");
    }
    if (rc < 0) {
        return rc;
    }
    if (now.mine == 0) {
        return err_set(e, ERR_DENIED, "the item is another's");
    }
    bool retracted = span_eq(now.state, SPAN("retracted"));
    bool newer = ch->what == FED_ITEM_CHANGE_RETRACT || ch->row.version == now.version + 1;
    return retracted || !newer ? err_set(e, ERR_BUSY, "the item was changed meanwhile") : 0;
}

static int change_row(struct keeper_records *kr, const struct change *ch, struct err *e)
{
    return ch->what == FED_ITEM_CHANGE_RETRACT ? fed_item_empty(kr->db, ch->row.id, ch->why, e) : fed_item_put(kr->db, &ch->row, e);
}

static int write_change(struct keeper_records *kr, struct change *ch, time_ns now, struct err *e)
{
    static const char *const words[FED_ITEM_CHANGE_COUNT] = {"item.sent", "item.tightened", "item.retracted"};
    bool newer = ch->what == FED_ITEM_CHANGE_PUT && ch->row.version > 1;
    struct fed_item_note note = {.item = ch->row.id, .kind = SPAN("change"), .who = ch->who, .why = ch->why, .at = now};
    struct audit_entry entry = {.at = now, .organisation = ch->row.organisation, .who = ch->who, .subject = ch->row.id,
                                .what = span_of(newer ? "item.version" : words[ch->what]), .why = ch->why, .after = ch->out.audience};
    note.what = span_sub(entry.what, 5, entry.what.len);
    int rc = may_change(kr, ch, e);
    rc = rc < 0 ? rc : change_row(kr, ch, e);
    rc = rc < 0 || ch->what != FED_ITEM_CHANGE_PUT ? rc : fed_letter_queue(kr->db, ch->row.circle, ch->row.id, ch->row.version, now, e);
    rc = rc < 0 ? rc : fed_out_put(kr->db, &ch->out, now, &ch->placed, e);
    rc = rc < 0 ? rc : fed_item_note_put(kr->db, &note, e);
    return rc < 0 ? rc : audit_append(kr->db, &entry, e);
}

/* The row, its envelope in the outbox, the history and the audit trail: one transaction. */
static int send_item(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct change ch = {.what = cursor_u8(c)};
    fed_item_decode(c, &ch.row);
    ch.who = cursor_str(c);
    ch.why = cursor_str(c);
    fed_out_decode(c, &kr->scratch, &ch.out);
    int rc = ch.what >= FED_ITEM_CHANGE_COUNT ? err_set(e, ERR_INVALID, "no such change") : whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, write_change(kr, &ch, clock_now(), e), e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, ch.placed);
    }
    return rc;
}

static int note_read(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    char version[24];
    struct fed_item_note n = {.kind = SPAN("read"), .at = clock_now()};
    n.item = cursor_str(c);
    (void)snprintf(version, sizeof version, "%llu", (unsigned long long)cursor_u64(c));
    n.what = span_of(version);
    n.who = cursor_str(c);
    n.why = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_item_note_put(kr->db, &n, e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list_pages(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_link_page *pages = NULL;
    size_t n = 0;
    struct span organisation = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc < 0 ? rc : fed_link_page_list(kr->db, organisation, &kr->scratch, &pages, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, (uint32_t)n);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        pages[i].hash = SPAN(""); /* nobody needs it outside */
        fed_link_page_encode(&kr->out, &pages[i]);
    }
    return rc;
}

static int make_page(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_link_page page;
    fed_link_page_decode(c, &page);
    int rc = page.account.len == 0 || page.hash.len != ACCOUNT_HASH_BYTES ? err_set(e, ERR_INVALID, "the link is broken") : whole(c, e);
    rc = rc < 0 ? rc : fed_link_page_create(kr->db, &page, e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int end_page(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc < 0 ? rc : fed_link_page_revoke(kr->db, organisation, id, who, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int find_page(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_link_page page;
    struct span hash = cursor_str(c);
    int rc = hash.len != ACCOUNT_HASH_BYTES ? err_set(e, ERR_INVALID, "the hash is broken") : whole(c, e);
    rc = rc < 0 ? rc : fed_link_page_find(kr->db, hash, clock_now(), &kr->scratch, &page, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        page.hash = SPAN("");
        fed_link_page_encode(&kr->out, &page);
    }
    return rc;
}

static int letters_due(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_letter_due *list = NULL;
    size_t n = 0;
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_letters_due(kr->db, clock_now(), &kr->scratch, &list, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, (uint32_t)n);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        list[i].page.hash = SPAN(""); /* nobody needs it outside */
        buf_str(&kr->out, list[i].letter.item);
        buf_str(&kr->out, list[i].letter.link);
        buf_u64(&kr->out, (uint64_t)list[i].letter.version);
        buf_u64(&kr->out, (uint64_t)list[i].letter.tries);
        fed_item_encode(&kr->out, &list[i].item);
        fed_link_page_encode(&kr->out, &list[i].page);
    }
    return rc;
}

static int set_letters(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0 && !c->failed; i++) {
        struct fed_letter l = {0};
        l.item = cursor_str(c);
        l.link = cursor_str(c);
        l.version = (int64_t)cursor_u64(c);
        l.tries = (int64_t)cursor_u64(c);
        uint8_t how = cursor_u8(c);
        struct span why = cursor_str(c);
        if (c->failed || how >= FED_LETTER_ENDS) {
            return err_set(e, ERR_INVALID, "the question is broken");
        }
        rc = fed_letter_set(kr->db, &l, (enum fed_letter_end)how, why, clock_now(), e);
    }
    return rc < 0 ? rc : whole(c, e);
}

static int letters_ended(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, set_letters(kr, c, e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_item_answer_fn *keeper_item_answer(uint16_t ask)
{
    static const struct {
        uint16_t ask;
        keeper_item_answer_fn *answer;
    } table[] = {
        {ASK_ITEM_LIST, list_items},        {ASK_ITEM_GET, get_item},
        {ASK_ITEM_SEND, send_item},         {ASK_ITEM_READ, note_read},
        {ASK_LINK_PAGES, list_pages},       {ASK_LINK_PAGE_CREATE, make_page},
        {ASK_LETTERS, letters_due},         {ASK_LETTERS_ENDED, letters_ended},
        {ASK_LINK_PAGE_REVOKE, end_page},   {ASK_LINK_PAGE_FIND, find_page},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}

void keeper_items_sweep(struct keeper_records *kr, time_ns now)
{
    struct err e = {0};
    char shown[LOG_VALUE_MAX];
    int rc = fed_item_sweep(kr->db, now, &e);
    rc = rc < 0 ? rc : fed_letter_sweep(kr->db, now, &e);
    if (rc < 0) {
        log_error("records.federation", "why=\"%s\"", log_value(span_of(e.text), shown));
    }
}
