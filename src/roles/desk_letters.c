/* SPDX-License-Identifier: EUPL-1.2 */
/* Mails to small members: see desk_letters.h. Whether one may go the policy says at the moment it goes. */
#include "roles/desk_letters.h"

#include <stdio.h>

#include "base/log.h"
#include "desk/federation/letter.h"
#include "desk/notify/notify.h"
#include "records/ask.h"

enum {
    LETTER_MAX = 300 << 10,       /* bytes of one notice */
    LETTERS_OUT_MAX = 64,         /* with the courier, or ended and not told */
    LETTERS_EVERY_S = 15,         /* between two looks, when nothing woke */
};

void desk_letters_wake(struct desk_letters *l)
{
    l->due = 0;
}

static bool is(const struct desk_letter *x, const struct fed_letter *y)
{
    return x->version == y->version && span_eq(span_of(x->item), y->item) && span_eq(span_of(x->link), y->link);
}

static bool known(const struct desk_letters *l, const struct fed_letter *x)
{
    for (size_t i = 0; i < l->list.len; i++) {
        if (is(&l->list.data[i], x)) {
            return true;
        }
    }
    return false;
}

static void ended(struct desk_letter *x, enum fed_letter_end end, struct span why)
{
    x->notice = 0;
    x->end = end;
    (void)snprintf(x->why, sizeof x->why, "%.*s", SPAN_ARG(span_sub(why, 0, FED_LETTER_WHY_MAX)));
}

static void one(struct desk_letters *l, struct arena *a, const struct fed_letter_due *due)
{
    struct desk_letter x = {.version = due->letter.version, .tries = due->letter.tries};
    const struct fed_membership *m = l->circles->circle(l->circles->arg, due->item.circle, NULL);
    struct buf b;
    if (known(l, &due->letter) || l->list.len >= LETTERS_OUT_MAX || due->letter.item.len >= sizeof x.item || due->letter.link.len >= sizeof x.link) {
        return;
    }
    (void)snprintf(x.item, sizeof x.item, "%.*s", SPAN_ARG(due->letter.item));
    (void)snprintf(x.link, sizeof x.link, "%.*s", SPAN_ARG(due->letter.link));
    if (m == NULL) {
        return; /* the circle is not known yet: later */
    }
    struct policy_decision d = fed_letter_may(a, due, m, clock_now());
    if (!d.allowed) {
        ended(&x, FED_LETTER_DROPPED, span_of(policy_reason_key(d.reason)));
    } else {
        buf_init(&b, LETTER_MAX);
        fed_letter_notice(due, m, &b);
    }
    if (d.allowed && b.failed) {
        buf_free(&b);
        ended(&x, FED_LETTER_DROPPED, SPAN("too long for a mail"));
    } else if (d.allowed) {
        x.notice = l->host->queue(l->host->arg, &b);
        if (x.notice == 0) {
            return; /* too many wait: it stays where it is */
        }
    }
    vec_push(&l->list, x);
}

static void came(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct desk_letters *l = ctx;
    struct arena a;
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    (void)text;
    l->asking = false;
    arena_init(&a, 4096);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_letter_due due = {0};
        due.letter.item = cursor_str(data);
        due.letter.link = cursor_str(data);
        due.letter.version = (int64_t)cursor_u64(data);
        due.letter.tries = (int64_t)cursor_u64(data);
        fed_item_decode(data, &due.item);
        fed_link_page_decode(data, &due.page);
        if (!data->failed) {
            one(l, &a, &due);
        }
    }
    arena_fini(&a);
}

static void ask_due(struct desk_letters *l, time_ns now)
{
    struct buf q;
    buf_init(&q, 64);
    ask_begin(&q, ASK_LETTERS);
    l->asking = l->host->ask(l->host->arg, buf_view(&q), came, l);
    l->due = now + LETTERS_EVERY_S * TIME_SECOND;
    buf_free(&q);
}

/* Told: those in front of the list that had ended then. */
static void told(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct desk_letters *l = ctx;
    size_t kept = 0, n = l->telling;
    char shown[LOG_VALUE_MAX];
    (void)data;
    l->telling = 0;
    if (rc < 0) {
        log_warn("notify.letter", "why=\"%s\"", log_value(text, shown)); /* told again at the next tick */
        return;
    }
    for (size_t i = 0; i < l->list.len; i++) {
        if (i >= n) {
            l->list.data[kept++] = l->list.data[i];
        }
    }
    l->list.len = kept;
    l->due = 0; /* there is room for more */
}

/* Ended ones to the front, so that what the keeper was told of can be told apart from what ends meanwhile. */
static size_t sort_ended(struct desk_letters *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->list.len; i++) {
        if (l->list.data[i].notice == 0) {
            struct desk_letter x = l->list.data[i];
            l->list.data[i] = l->list.data[n];
            l->list.data[n++] = x;
        }
    }
    return n;
}

static void tell(struct desk_letters *l)
{
    struct buf q;
    size_t n = sort_ended(l);
    if (n == 0) {
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_LETTERS_ENDED);
    buf_u32(&q, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct desk_letter *x = &l->list.data[i];
        buf_str(&q, span_of(x->item));
        buf_str(&q, span_of(x->link));
        buf_u64(&q, (uint64_t)x->version);
        buf_u64(&q, (uint64_t)x->tries);
        buf_u8(&q, (uint8_t)x->end);
        buf_str(&q, span_of(x->why));
    }
    l->telling = l->host->ask(l->host->arg, buf_view(&q), told, l) ? n : 0;
    buf_free(&q);
}

void desk_letters_tick(struct desk_letters *l, time_ns now)
{
    if (l->telling == 0) {
        tell(l);
    }
    if (!l->asking && l->telling == 0 && now >= l->due) {
        ask_due(l, now);
    }
}

bool desk_letters_result(struct desk_letters *l, uint64_t notice, bool delivered, struct span why)
{
    for (size_t i = 0; i < l->list.len; i++) {
        if (l->list.data[i].notice == notice) {
            ended(&l->list.data[i], delivered ? FED_LETTER_SENT : FED_LETTER_AGAIN, why);
            return true;
        }
    }
    return false;
}

void desk_letters_free(struct desk_letters *l)
{
    vec_free(&l->list);
}
