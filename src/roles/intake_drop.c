/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What was lost before it could be read is an event of source "sereno", in the same window as the note of how far the
 * sockets' own counters are told: so it is told once, however often intake dies. And quotas: one source's windows on
 * their way may take half of the room, then that source alone is read no more. Runs in intake.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/intake_priv.h"
#include "wire/json_write.h"

enum { DROP_EVENT_MAX = 8192, COUNTED_BYTES = 12, COUNTED_NAME_MAX = 4096 };

/* Positions of sockets beside those of files, whose names are absolute paths. */
static const char counted_prefix[] = "drops of ";

void intake_dropped(void *ctx, uint32_t source, enum drop_cause why, uint64_t count)
{
    struct intake *in = ctx;
    CHECK(source < in->sources.len && why < DROP_COUNT);
    struct intake_source *s = in->sources.data[source];
    if (s->dropped == 0 && s->drops_from == 0) {
        s->drops_from = clock_now();
    }
    s->dropped += count;
    s->dropped_by[why] += count;
    s->drops[why] += count;
}

static void put_time(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    json_text(j, span_of(time_format(t, text)));
}

static void tell_one(struct intake *in, uint32_t source, enum drop_cause why, time_ns now)
{
    struct intake_source *s = in->sources.data[source];
    struct json_writer j;
    struct buf b;
    buf_init(&b, DROP_EVENT_MAX);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "sereno");
    json_text(&j, SPAN("sources"));
    json_key(&j, "event");
    json_text(&j, SPAN("dropped"));
    json_key(&j, "source");
    json_text(&j, span_of(s->name));
    json_key(&j, "kind");
    json_text(&j, span_of(s->kind));
    json_key(&j, "cause");
    json_text(&j, span_of(drop_word(why)));
    json_key(&j, "count");
    json_u64(&j, s->drops[why]);
    put_time(&j, "from", s->drops_from);
    put_time(&j, "to", now);
    json_key(&j, "message");
    json_text(&j, span_of(drop_text(why)));
    json_end(&j);
    struct receive_record r = {
        .bytes = buf_view(&b), .source = intake_own_source(in, span_of(s->organisation)), .received = now};
    if (json_writer_done(&j)) {
        s->drops[why] = 0;
        (void)intake_take(in, &r);
    } else {
        log_error("receive.drop", "why=\"a source's name is too long\"");
        s->drops[why] = 0;
    }
    buf_free(&b);
}

/* Asks the sockets; true when one lost something since the last event about it. */
static bool count_sockets(struct intake *in)
{
    bool any = false;
    for (size_t i = 0; i < in->receivers.len; i++) {
        struct intake_receiver *r = &in->receivers.data[i];
        if (r->udp != NULL) {
            any = udp_receiver_count(r->udp).drops != r->told.drops || any;
        }
    }
    return any;
}

static void mark_told(struct intake *in)
{
    for (size_t i = 0; i < in->receivers.len; i++) {
        struct intake_receiver *r = &in->receivers.data[i];
        struct udp_counted now = r->udp == NULL ? r->told : udp_receiver_count(r->udp);
        r->told_moved = r->told_moved || now.drops != r->told.drops;
        r->told = now;
    }
}

static bool anything_lost(const struct intake *in)
{
    for (size_t i = 0; i < in->sources.len; i++) {
        for (int why = 0; why < DROP_COUNT; why++) {
            if (in->sources.data[i]->drops[why] > 0) {
                return true;
            }
        }
    }
    return false;
}

void intake_drops_tell(struct intake *in)
{
    if (in->compiled == NULL) {
        return; /* nothing can be made of a record yet; what is counted waits */
    }
    if (!count_sockets(in) && !anything_lost(in)) {
        return;
    }
    /* The events and how far they tell belong into one window: an empty one has room for all of them. */
    intake_seal(in);
    mark_told(in);
    time_ns now = clock_now();
    size_t n = in->sources.len; /* a source of our own may be made on the way */
    for (uint32_t i = 0; i < n; i++) {
        for (enum drop_cause why = 0; why < DROP_COUNT; why++) {
            if (in->sources.data[i]->drops[why] > 0) {
                tell_one(in, i, why, now);
            }
        }
        in->sources.data[i]->drops_from = now;
    }
}

void intake_drops_positions(struct intake *in, follow_visit *visit, void *ctx)
{
    for (size_t i = 0; i < in->receivers.len; i++) {
        struct intake_receiver *r = &in->receivers.data[i];
        char name[COUNTED_NAME_MAX];
        char value[COUNTED_BYTES];
        struct buf b = {.data = value, .cap = sizeof value, .max = sizeof value};
        if (r->udp == NULL || !r->told_moved) {
            continue;
        }
        int len = snprintf(name, sizeof name, "%s%s#%u", counted_prefix, r->name, role_instance(in->role));
        if (len > 0 && len < (int)sizeof name) {
            buf_u64(&b, r->told.socket);
            buf_u32(&b, r->told.drops);
            visit(ctx, span_make(name, (size_t)len), buf_view(&b));
        }
        r->told_moved = false;
    }
}

bool intake_drops_position(struct intake *in, const struct archive_position *p)
{
    struct span prefix = span_of(counted_prefix);
    char tail[16];
    if (!span_eq(span_sub(p->name, 0, prefix.len), prefix)) {
        return false;
    }
    int len = snprintf(tail, sizeof tail, "#%u", role_instance(in->role));
    struct span name = span_sub(p->name, prefix.len, p->name.len);
    struct cursor c = cursor_of(p->value);
    struct intake_counted known = {.at.socket = cursor_u64(&c), .at.drops = cursor_u32(&c)};
    if (cursor_done(&c) && name.len > (size_t)len &&
        span_eq(span_sub(name, name.len - (size_t)len, (size_t)len), span_make(tail, (size_t)len))) {
        known.name = mem_alloc(name.len - (size_t)len + 1);
        memcpy(known.name, name.ptr, name.len - (size_t)len);
        vec_push(&in->counted, known);
    }
    return true;
}

const struct udp_counted *intake_drops_before(const struct intake *in, struct span name)
{
    for (size_t i = 0; i < in->counted.len; i++) {
        if (span_eq(span_of(in->counted.data[i].name), name)) {
            return &in->counted.data[i].at;
        }
    }
    return NULL;
}

/* ---- quotas ---- */

bool intake_waits(void *ctx, uint32_t source)
{
    struct intake *in = ctx;
    return in->sources.data[source]->waiting || in->sources.data[source]->held;
}

static void make_wait(struct intake *in, uint32_t source, bool wait)
{
    struct intake_source *s = in->sources.data[source];
    char shown[LOG_VALUE_MAX];
    if (s->waiting == wait) {
        return;
    }
    s->waiting = wait;
    s->waits += wait;
    log_info("receive.wait", "source=\"%s\" on=%d unkept=%zu", log_value(span_of(s->name), shown), wait, s->unkept_bytes);
    intake_pause_source(in, source);
}

void intake_shares_take(struct intake *in, struct intake_sent *sent)
{
    size_t all = 0;
    for (size_t i = 0; i < in->sources.len; i++) {
        all += in->sources.data[i]->open_bytes;
    }
    for (uint32_t i = 0; all > 0 && i < in->sources.len; i++) {
        struct intake_source *s = in->sources.data[i];
        if (s->open_bytes == 0) {
            continue;
        }
        struct intake_share share = {i, (size_t)((double)sent->body.len * (double)s->open_bytes / (double)all)};
        vec_push(&sent->shares, share);
        s->open_bytes = 0;
        s->unkept_bytes += share.bytes;
        if (s->unkept_bytes > INTAKE_SOURCE_UNKEPT_MAX) {
            make_wait(in, i, true);
        }
    }
}

void intake_shares_give_back(struct intake *in, struct intake_sent *sent)
{
    for (size_t i = 0; i < sent->shares.len; i++) {
        const struct intake_share *share = &sent->shares.data[i];
        struct intake_source *s = in->sources.data[share->source];
        s->unkept_bytes -= share->bytes;
        if (s->waiting && s->unkept_bytes < INTAKE_SOURCE_UNKEPT_MAX / 2) {
            make_wait(in, share->source, false);
        }
    }
    vec_free(&sent->shares);
}
