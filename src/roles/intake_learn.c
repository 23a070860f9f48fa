/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An intake learns which texts are common in its logs, from an event now and then, so that the next compile looks for what
 * is rare here. Runs in intake on hostile values: bounded in time and memory. A table tells four-byte texts, never whole values.
 */
#include "base/log.h"
#include "roles/intake_priv.h"

void intake_learn_begin(struct intake *in)
{
    in->learner = learner_new(in->compiled->catalog, INTAKE_LEARN_TEXTS);
    in->learn_due = 0;
    in->learnt_told_at = clock_mono();
}

void intake_learn(struct intake *in, time_ns received)
{
    if (received < in->learn_due || in->learner == NULL) {
        return;
    }
    time_ns begun = clock_mono();
    learner_event(in->learner, &in->event);
    time_ns took = clock_mono() - begun;
    time_ns rest = took * INTAKE_LEARN_SHARE;
    time_ns least = (time_ns)INTAKE_LEARN_MS * (TIME_SECOND / 1000);
    in->learn_due = received + (rest > least ? rest : least);
}

static void tell(struct intake *in)
{
    const struct learn_options o = {.floor = INTAKE_LEARN_FLOOR, .permille = INTAKE_LEARN_PERMILLE};
    struct buf b;
    in->learnt_told_at = clock_mono();
    if (in->learner == NULL || learner_events(in->learner) < RATES_EVENTS_MIN) {
        return;
    }
    buf_init(&b, LEARN_WRITTEN_MAX + (512 << 10));
    buf_u64(&b, learner_events(in->learner));
    learner_write(in->learner, &o, &b);
    if (b.failed || ipc_send(role_super(in->role), MSG_LEARNT, 0, buf_view(&b)) != 0) {
        log_warn("rules.learnt", "why=\"super did not take it\"");
    }
    buf_free(&b);
}

void intake_learn_tick(struct intake *in)
{
    if (clock_mono() - in->learnt_told_at >= INTAKE_LEARN_TOLD_S * TIME_SECOND) {
        tell(in);
    }
}

void intake_learn_end(struct intake *in)
{
    tell(in);
    learner_free(&in->learner);
}
