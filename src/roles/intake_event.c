/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One record through intake: normalised, kept in the window as it came, tried on every rule. Runs
 * in intake on bytes from anyone. Must never drop a record: what cannot be read is kept as it is,
 * tagged and counted.
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/region.h"
#include "roles/intake_priv.h"

static void forget_rules(struct intake *in)
{
    if (in->compiled == NULL) {
        return;
    }
    intake_learn_end(in);
    event_fini(&in->event);
    matcher_free(&in->matcher);
    normaliser_free(&in->normaliser);
    for (size_t i = 0; i < in->sources.len; i++) {
        struct intake_source *s = in->sources.data[i];
        struct span as = s->stream.source;
        enum source_format format = s->stream.format;
        int zone_s = s->stream.zone_s;
        stream_fini(&s->stream); /* its state belonged to the old normaliser */
        stream_init(&s->stream);
        s->stream.source = as;
        s->stream.format = format;
        s->stream.zone_s = zone_s;
        s->logsource = (struct logsource){0};
    }
    region_unmap(in->compiled_fd, in->compiled);
    (void)close(in->compiled_fd);
    in->compiled = NULL;
}

int intake_use_rules(struct intake *in, int fd, uint64_t address, uint64_t generation,
                     struct err *e)
{
    time_ns from = clock_mono();
    const struct compiled *next = region_map(fd, (void *)(uintptr_t)address, e);
    if (next == NULL) {
        (void)close(fd);
        return ERR_INVALID;
    }
    if (next->magic != COMPILED_MAGIC) {
        (void)close(fd);
        return err_set(e, ERR_INVALID, "what the compiler made is not a rule set");
    }
    /* Alerts and matches that wait hold nothing of the old set, but they are numbered by it. */
    folds_rotate(in->folds);
    intake_seal(in);
    intake_matches_forget(in);
    intake_costs_end(in);
    intake_costs_forget(in);
    forget_rules(in);
    in->compiled = next;
    in->compiled_fd = fd;
    in->generation = generation;
    in->normaliser = normaliser_new(next->catalog);
    in->matcher = matcher_new(next->ruleset, next->catalog, e);
    if (in->matcher == NULL) {
        return e->code != 0 ? e->code : ERR_INVALID;
    }
    event_init(&in->event, next->catalog);
    intake_costs_begin(in);
    intake_learn_begin(in);
    log_info("rules.in_use", "generation=%llu rules=%u correlations=%u pause_ms=%lld",
             (unsigned long long)generation, ruleset_nrules(next->ruleset),
             ruleset_ncorrelations(next->ruleset), (long long)((clock_mono() - from) / 1000000));
    return 0;
}

static void guess_format(struct intake_source *s, struct span record)
{
    if (s->guess) {
        s->stream.format = normalise_guess_format(record);
        s->guess = false;
    }
}

/* The record as the archive keeps it. */
static struct archive_record kept_record(struct intake *in, const struct intake_source *s,
                                         const struct receive_record *r)
{
    struct event *ev = &in->event;
    const struct catalog *catalog = in->compiled->catalog;
    bool classed = ev->class_id < catalog->nclasses;
    return (struct archive_record){
        .organisation = span_of(s->organisation),
        .source = span_of(s->name),
        .class_name = classed ? catalog->classes[ev->class_id].name : SPAN(""),
        .host = classed ? event_entity(ev, ENTITY_HOST) : SPAN(""),
        .sender = r->sender,
        .time = ev->time,
        .received = r->received,
        .flags = ev->tags | normalise_flag(s->stream.format),
        .original = r->bytes,
    };
}

static bool take(void *ctx, const struct receive_record *r)
{
    struct intake *in = ctx;
    CHECK(r->source < in->sources.len && in->compiled != NULL);
    struct intake_source *s = in->sources.data[r->source];
    struct event *ev = &in->event;
    struct err e = {0};
    event_clear(ev);
    guess_format(s, r->bytes);
    s->stream.received = r->received;
    enum normalise_result result = normalise(in->normaliser, &s->stream, r->bytes, ev, &e);
    ev->tags |= (r->cut ? (uint32_t)TAG_TOO_LONG : 0) | (r->broken ? (uint32_t)TAG_NOT_PARSED : 0);
    if (ev->received == 0) {
        ev->received = r->received;
    }
    if (result ==
        NORMALISE_HEADER) { /* no event, but those that follow cannot be read again without it */
        ev->time = r->received;
    }
    struct archive_record kept = kept_record(in, s, r);
    if (!window_fits(in->window, &kept)) {
        intake_seal(in);
    }
    uint32_t arrival = window_add_held(in->window, &kept, r->held);
    s->open_bytes += kept.original.len;
    if (result != NORMALISE_HEADER) {
        s->events++;
        /* RFC 3164 names no year: guessing it is no oddity of the record. */
        s->anomalies += (ev->tags & ~(uint32_t)TAG_YEAR_GUESSED) != 0;
        s->last_event = r->received;
        if ((ev->tags & (uint32_t)(TAG_NO_TIME | TAG_FUTURE_TIME)) == 0) {
            s->lag_ms += ((double)r->received - (double)ev->time) / (TIME_SECOND / 1000);
            s->lag_events++;
        }
        intake_alerts(in, s, r->source, arrival);
        intake_learn(in, r->received);
    }
    if (folds_waiting_bytes(in->folds) > INTAKE_ALERTS_SEAL ||
        match_writer_bytes(in->matches) > MATCHES_SEAL_BYTES) {
        intake_seal(in);
    }
    intake_arm(in);
    if (++in->since_judge >= INTAKE_JUDGE_EVENTS) {
        in->since_judge = 0;
        intake_costs_tick(in);
    }
    return result != NORMALISE_BAD && !r->broken;
}

bool intake_take(void *ctx, const struct receive_record *r)
{
    intake_handles(ctx, r->source, true);
    bool understood = take(ctx, r);
    intake_handles(ctx, r->source, false);
    return understood;
}
