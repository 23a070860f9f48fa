/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which alert is told to whom, and in which words. Decided in the desk; the courier only carries. A
 * message holds the rule's title, level, host, source, time and a link: never a piece of the log
 * itself, which stays in the house. Pure: the caller brings clock and rows.
 */
#ifndef DESK_NOTIFY_NOTIFY_H
#define DESK_NOTIFY_NOTIFY_H

#include "base/buf.h"
#include "base/clock.h"
#include "desk/words/words.h"
#include "records/alert_row.h"
#include "records/ask.h"
#include "records/reminders.h"

/* LETTER: an item to one small member without a node, at the address of his personal link. REMINDER: numbers of records on which
 * something is due, to the addresses of the config. */
enum notice_way { NOTICE_MAIL, NOTICE_WEBHOOK, NOTICE_HEARTBEAT, NOTICE_LETTER, NOTICE_REMINDER, NOTICE_WAY_COUNT };

enum {
    NOTIFY_PER_HOUR = 30, /* messages of one way; a flood of alerts is one thing to look at, not a
                             thousand mails */
    NOTIFY_BURST = 10,
    NOTIFY_TEXT_MAX = 64 << 10,
    NOTICE_KEY_MAX = 64, /* bytes of a letter's key */
};

struct notify_target {
    uint32_t levels; /* bits 1 << enum alert_level; 0 = this way is not used */
    int64_t tokens;  /* thousandths of a message */
    time_ns refilled;
    int64_t held_back; /* alerts not told since the last message */
};

struct notify {
    struct notify_target target[NOTICE_WAY_COUNT];
    struct span node; /* borrowed, as is the next */
    struct span link; /* "https://desk.example:8600", without a slash at its end */
};

void notify_init(struct notify *n, uint32_t mail_levels, uint32_t webhook_levels, struct span node,
                 struct span link, time_ns now);

/* The policy's word on this alert for the reader at the end of this way; asked by notify_decide. */
bool notify_may(enum notice_way way, const struct alert_row *row, time_ns now);

/* Whether this alert goes this way now, by level, policy and flood limit. *held_back_out: alerts
 * that were not told before it. Counts what it denies. */
bool notify_decide(struct notify *n, enum notice_way way, const struct alert_row *row, time_ns now,
                   int64_t *held_back_out);

/* A notice as it travels to the courier: u8 way, str subject, str text (mail: plain text; else
 * JSON). */
void notify_alert(const struct notify *n, enum notice_way way, const struct alert_row *row,
                  int64_t held_back, struct buf *out);
void notify_heartbeat(const struct notify *n, const struct keeper_status *status, time_ns now,
                      struct buf *out);

/* An item as it goes by mail; who may get it was decided before. */
struct notify_letter {
    struct span to;     /* address */
    struct span key;    /* the same whenever the same letter is tried: the courier sends it once */
    struct span tlp;    /* stands in the subject and at both ends of the text (FIRST TLP 2.0) */
    struct span circle; /* its name */
    struct span author; /* empty: not told */
    struct span title, text;
    bool chr;
    const struct words *words; /* language */
};
void notify_letter(const struct notify_letter *l, struct buf *out);

/* What is due, as numbers by kind and step. In English: notices speak languages that a person has read through, and the addresses of
 * the config have none of their own. */
void notify_reminder(const struct notify *n, const struct reminder_letter *l, struct buf *out);

struct notice {
    enum notice_way way;
    struct span subject;
    struct span text;
    struct span to;  /* LETTER: its one address */
    struct span key; /* LETTER, REMINDER: what it is known by; letters and digits */
};
/* c->failed on anything out of range. */
void notice_decode(struct cursor *c, struct notice *out);

#endif
