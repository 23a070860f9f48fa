/* SPDX-License-Identifier: EUPL-1.2 */
/* Reminders by mail: see desk_reminders.h. */
#include "roles/desk_reminders.h"

#include <stdio.h>

#include "base/log.h"
#include "records/reminders.h"

enum { REMIND_EVERY_S = 300 /* between two looks */ };

static void warn(struct span why)
{
    char shown[LOG_VALUE_MAX];
    log_warn("notify.reminder", "why=\"%s\"", log_value(why, shown));
}

static void told(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct desk *d = ctx;
    (void)data;
    d->reminders.asking = false;
    d->reminders.due = rc < 0 ? d->reminders.due : 0; /* there may be more; what the keeper did not learn is the same letter again */
    if (rc < 0) {
        warn(text);
    }
}

bool desk_reminders_result(struct desk *d, uint64_t notice, bool delivered, struct span why)
{
    struct desk_reminders *r = &d->reminders;
    struct buf q;
    if (r->notice == 0 || notice != r->notice) {
        return false;
    }
    r->notice = 0;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_REMINDED);
    buf_str(&q, span_of(r->id));
    buf_u8(&q, delivered);
    buf_str(&q, span_sub(why, 0, why.len < REMINDER_WHY_MAX ? why.len : REMINDER_WHY_MAX));
    r->asking = d->ask(d, buf_view(&q), told, d);
    buf_free(&q);
    return true;
}

static void came(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct desk *d = ctx;
    struct arena a;
    struct reminder_letter l;
    struct buf b;
    d->reminders.asking = false;
    if (rc < 0) { /* asked again */
        warn(text);
        return;
    }
    arena_init(&a, 4096);
    reminder_letter_decode(data, &a, &l);
    if (cursor_done(data) && l.id.len > 0 && l.id.len < sizeof d->reminders.id) {
        (void)snprintf(d->reminders.id, sizeof d->reminders.id, "%.*s", SPAN_ARG(l.id));
        buf_init(&b, DESK_NOTICE_MAX);
        notify_reminder(&d->notify, &l, &b);
        d->reminders.notice = d->queue(d, &b);
    }
    arena_fini(&a);
}

void desk_reminders_tick(struct desk *d, time_ns now)
{
    struct desk_reminders *r = &d->reminders;
    const struct config *c = role_config(d->role);
    struct buf q;
    if (c->mail.server.len == 0 || r->asking || r->notice != 0 || now < r->due) {
        return;
    }
    r->due = now + REMIND_EVERY_S * TIME_SECOND;
    buf_init(&q, 64);
    ask_begin(&q, ASK_REMINDERS);
    r->asking = d->ask(d, buf_view(&q), came, d);
    buf_free(&q);
}
