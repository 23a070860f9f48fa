/* SPDX-License-Identifier: EUPL-1.2 */
/* Decides and words notices: see notify.h. Must never put a byte of a log record into a message. */
#include "desk/notify/notify.h"

#include <inttypes.h>

#include "desk/readers/readers.h"
#include "wire/json_write.h"

/* Each way has its row in policy/paths.def, and each row its way. */
#define ROW_OF_NOTICE(name) +(NOTICE_##name >= 0)
enum {
    NOTICE_ROWS = 0
#include "policy/paths.def"
};
_Static_assert(NOTICE_ROWS == (int)NOTICE_WAY_COUNT, "a way lacks its row in policy/paths.def");

void notify_init(struct notify *n, uint32_t mail_levels, uint32_t webhook_levels, struct span node,
                 struct span link, time_ns now)
{
    memset(n, 0, sizeof *n);
    n->target[NOTICE_MAIL].levels = mail_levels;
    n->target[NOTICE_WEBHOOK].levels = webhook_levels;
    n->node = node;
    n->link = link;
    for (size_t i = 0; i < NOTICE_WAY_COUNT; i++) {
        n->target[i].tokens = NOTIFY_BURST * 1000;
        n->target[i].refilled = now;
    }
}

static void refill(struct notify_target *t, time_ns now)
{
    if (now < t->refilled) { /* the clock was set back */
        t->refilled = now;
    }
    int64_t passed_ms = (now - t->refilled) / 1000000;
    int64_t earned =
        passed_ms > 3600 * 1000 ? NOTIFY_BURST * 1000 : passed_ms * NOTIFY_PER_HOUR / 3600;
    if (earned > 0) {
        t->tokens =
            t->tokens + earned > NOTIFY_BURST * 1000 ? NOTIFY_BURST * 1000 : t->tokens + earned;
        t->refilled = now;
    }
}

bool notify_may(enum notice_way way, const struct alert_row *row, time_ns now)
{
    struct policy_reader reader;
    struct own_item own;
    item_of_alert(row, &own);
    switch (way) {
    case NOTICE_MAIL:
        reader_of_mailbox(&reader);
        return policy_allows(&reader, &own.item, ACTION_MAIL, now);
    case NOTICE_WEBHOOK:
        reader_of_webhook(&reader);
        return policy_allows(&reader, &own.item, ACTION_WEBHOOK, now);
    default: /* a heartbeat tells of no alert */
        return false;
    }
}

bool notify_decide(struct notify *n, enum notice_way way, const struct alert_row *row, time_ns now,
                   int64_t *held_back_out)
{
    CHECK(way < NOTICE_WAY_COUNT && row->level >= 0 && row->level <= LEVEL_CRITICAL);
    struct notify_target *t = &n->target[way];
    *held_back_out = 0;
    if ((t->levels >> row->level & 1) == 0 || !notify_may(way, row, now)) {
        return false;
    }
    refill(t, now);
    if (t->tokens < 1000) {
        t->held_back++;
        return false;
    }
    t->tokens -= 1000;
    *held_back_out = t->held_back;
    t->held_back = 0;
    return true;
}

/* One line without control characters: a title becomes a mail header, where a line break would be a
 * second header. */
static void one_line(struct buf *b, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        buf_u8(b, c < 0x20 || c == 0x7f ? ' ' : c);
    }
}

static void line(struct buf *b, const char *name, struct span value)
{
    if (value.len > 0) {
        buf_printf(b, "%-9s ", name);
        one_line(b, value);
        buf_cstr(b, "\n");
    }
}

static void mail_text(const struct notify *n, const struct alert_row *row, int64_t held_back,
                      struct buf *b)
{
    char when[TIME_TEXT_MAX];
    line(b, "Level:", span_of(alert_level_name((enum alert_level)row->level)));
    line(b, "Rule:", row->title);
    line(b, "Host:", row->host);
    line(b, "Source:", row->source);
    line(b, "Time:", span_of(time_format(row->time, when)));
    line(b, "Node:", n->node);
    buf_cstr(b, "\n");
    one_line(b, n->link);
    buf_cstr(b, "/alerts/");
    one_line(b, row->id);
    buf_cstr(b, "\n");
    if (held_back > 0) {
        buf_printf(b,
                   "\n%" PRId64 " more alerts of these levels were not mailed, to keep mail "
                   "readable. They are in the queue.\n",
                   held_back);
    }
}

static void pair(struct json_writer *j, const char *key, struct span value)
{
    json_key(j, key);
    if (value.len > 0) {
        json_text(j, value);
    } else {
        json_null(j);
    }
}

static void webhook_text(const struct notify *n, const struct alert_row *row, int64_t held_back,
                         struct buf *b)
{
    char when[TIME_TEXT_MAX];
    struct json_writer j;
    struct buf url;
    buf_init(&url, 4096);
    buf_span(&url, n->link);
    buf_cstr(&url, "/alerts/");
    buf_span(&url, row->id);
    json_writer_init(&j, b);
    json_object(&j);
    pair(&j, "kind", SPAN("alert"));
    pair(&j, "node", n->node);
    pair(&j, "id", row->id);
    pair(&j, "rule", row->rule_id);
    pair(&j, "title", row->title);
    pair(&j, "level", span_of(alert_level_name((enum alert_level)row->level)));
    pair(&j, "time", span_of(time_format(row->time, when)));
    pair(&j, "host", row->host);
    pair(&j, "source", row->source);
    pair(&j, "organisation", row->organisation);
    json_key(&j, "events");
    json_i64(&j, row->count);
    json_key(&j, "not_told");
    json_i64(&j, held_back);
    pair(&j, "url", buf_view(&url));
    json_end(&j);
    buf_free(&url);
}

static void put_text(struct buf *out, struct buf *text)
{
    out->failed = out->failed || text->failed;
    buf_str(out, buf_view(text));
    buf_free(text);
}

void notify_alert(const struct notify *n, enum notice_way way, const struct alert_row *row,
                  int64_t held_back, struct buf *out)
{
    struct buf subject;
    struct buf text;
    buf_init(&subject, 1024);
    buf_init(&text, NOTIFY_TEXT_MAX);
    buf_printf(&subject, "[Sereno] %s: ", alert_level_name((enum alert_level)row->level));
    one_line(&subject, span_sub(row->title, 0, 150));
    if (row->host.len > 0) {
        buf_cstr(&subject, " on ");
        one_line(&subject, span_sub(row->host, 0, 100));
    }
    if (way == NOTICE_MAIL) {
        mail_text(n, row, held_back, &text);
    } else {
        webhook_text(n, row, held_back, &text);
    }
    buf_clear(out);
    buf_u8(out, (uint8_t)way);
    put_text(out, &subject);
    put_text(out, &text);
}

void notify_heartbeat(const struct notify *n, const struct keeper_status *status, time_ns now,
                      struct buf *out)
{
    char when[TIME_TEXT_MAX];
    struct json_writer j;
    struct buf text;
    buf_init(&text, NOTIFY_TEXT_MAX);
    json_writer_init(&j, &text);
    json_object(&j);
    pair(&j, "kind", SPAN("heartbeat"));
    pair(&j, "node", n->node);
    pair(&j, "version", SPAN(SERENO_VERSION));
    pair(&j, "time", span_of(time_format(now, when)));
    pair(&j, "last_event",
         status->last_event == TIME_NONE ? SPAN("")
                                         : span_of(time_format(status->last_event, when)));
    json_key(&j, "sources");
    json_i64(&j, status->sources_total);
    json_key(&j, "sources_live");
    json_i64(&j, status->sources_live);
    json_end(&j);
    buf_clear(out);
    buf_u8(out, NOTICE_HEARTBEAT);
    buf_str(out, SPAN("heartbeat"));
    put_text(out, &text);
}

void notify_letter(const struct notify_letter *l, struct buf *out)
{
    struct buf subject;
    struct buf text;
    buf_init(&subject, 1024);
    buf_init(&text, NOTIFY_TEXT_MAX);
    buf_printf(&subject, "[TLP:%.*s] ", SPAN_ARG(l->tlp));
    one_line(&subject, span_sub(l->title, 0, 300));
    const struct words_value values[] = {{"author", l->author}, {"circle", l->circle}};
    buf_printf(&text, "TLP:%.*s", SPAN_ARG(l->tlp));
    if (l->chr) {
        buf_cstr(&text, ", ");
        words_write(&text, l->words, WORD_LETTER_CHR, NULL, 0, one_line);
    }
    buf_cstr(&text, "\n\n");
    one_line(&text, l->title);
    buf_cstr(&text, "\n\n");
    buf_span(&text, l->text);
    buf_cstr(&text, "\n\n-- \n");
    words_write(&text, l->words, l->author.len > 0 ? WORD_LETTER_FROM : WORD_LETTER_FROM_UNTOLD, values, ARRAY_LEN(values), one_line);
    buf_printf(&text, " TLP:%.*s\n", SPAN_ARG(l->tlp));
    buf_clear(out);
    buf_u8(out, NOTICE_LETTER);
    put_text(out, &subject);
    put_text(out, &text);
    buf_str(out, l->to);
    buf_str(out, l->key);
}

static void remind_line(struct buf *b, const struct reminder_count *r)
{
    one_line(b, r->kind);
    if (r->step == DUE_STEP_PAST) {
        buf_printf(b, ": %" PRId64 " past their day", r->count);
    } else if (r->step == 0) {
        buf_printf(b, ": %" PRId64 " due today", r->count);
    } else {
        buf_printf(b, ": %" PRId64 " due within %" PRId64 " day%s", r->count, r->step, r->step == 1 ? "" : "s");
    }
    buf_cstr(b, "\n");
}

void notify_reminder(const struct notify *n, const struct reminder_letter *l, struct buf *out)
{
    struct buf subject;
    struct buf text;
    char key[NOTICE_KEY_MAX + 1];
    size_t len = 0;
    int64_t all = 0;
    buf_init(&subject, 1024);
    buf_init(&text, NOTIFY_TEXT_MAX);
    for (size_t i = 0; i < l->id.len && len < NOTICE_KEY_MAX; i++) { /* letters and digits of the id */
        key[len] = l->id.ptr[i];
        len += l->id.ptr[i] != '-';
    }
    for (uint32_t i = 0; i < l->ncounts; i++) {
        all += l->counts[i].count;
        remind_line(&text, &l->counts[i]);
    }
    buf_printf(&subject, "[Sereno] What is due: %" PRId64 " record%s", all, all == 1 ? "" : "s");
    buf_cstr(&text, "\n");
    line(&text, "Node:", n->node);
    buf_cstr(&text, "\n");
    one_line(&text, n->link);
    buf_cstr(&text, "/registers\n");
    buf_clear(out);
    buf_u8(out, NOTICE_REMINDER);
    put_text(out, &subject);
    put_text(out, &text);
    buf_str(out, span_make(key, len));
}

static bool key_fine(struct span key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = ascii_lower(key.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return key.len <= NOTICE_KEY_MAX;
}

void notice_decode(struct cursor *c, struct notice *out)
{
    uint8_t way = cursor_u8(c);
    out->subject = cursor_str(c);
    out->text = cursor_str(c);
    out->to = way == NOTICE_LETTER ? cursor_str(c) : SPAN("");
    out->key = way == NOTICE_LETTER || way == NOTICE_REMINDER ? cursor_str(c) : SPAN("");
    out->way = way < NOTICE_WAY_COUNT ? (enum notice_way)way : NOTICE_MAIL;
    bool breaks =
        memchr(out->subject.ptr == NULL ? "" : out->subject.ptr, '\n', out->subject.len) != NULL;
    if (way >= NOTICE_WAY_COUNT || breaks || !key_fine(out->key) || out->text.len > NOTIFY_TEXT_MAX) {
        c->failed = true;
    }
}
