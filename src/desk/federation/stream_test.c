/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Streams: a table of meetings and takes, and a simulation over thousands of seeds in which a bad network drops,
 * doubles and reorders, either end restarts, and an older copy of either end's data is put back. In the end the
 * receiver has applied everything that the sender has, and nothing twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "desk/federation/stream.h"

static struct span id_of(uint64_t n, char out[FED_ID_LEN + 1])
{
    (void)snprintf(out, FED_ID_LEN + 1, "%064llx", (unsigned long long)n);
    return span_make(out, FED_ID_LEN);
}

static const struct {
    const char *name;
    struct fed_stream_out mine;
    uint64_t epoch, seq, id; /* theirs; id 0 = none */
    uint64_t there;          /* id at this end; 0 = not known */
    enum fed_meeting expect;
    uint64_t epoch_out;
} meetings[] = {
    {"both are new", {0, 0, 0}, 0, 0, 0, 0, FED_MEET_FITS, 0},
    {"the receiver has heard nothing yet", {1, 5, 0}, 0, 0, 0, 0, FED_MEET_FITS, 1},
    {"all received", {1, 5, 5}, 1, 5, 9, 9, FED_MEET_FITS, 1},
    {"some on the way", {1, 5, 2}, 1, 3, 9, 9, FED_MEET_FITS, 1},
    {"the receipt was lost", {1, 5, 2}, 1, 5, 9, 9, FED_MEET_FITS, 1},
    {"the receiver is new again", {1, 5, 5}, 0, 0, 0, 0, FED_MEET_RECEIVER_BACK, 2},
    {"the receiver has an older copy", {1, 5, 5}, 1, 3, 9, 9, FED_MEET_RECEIVER_BACK, 2},
    {"the receiver is an epoch behind what it gave a receipt in", {3, 5, 2}, 2, 9, 9, 0, FED_MEET_RECEIVER_BACK, 4},
    {"a new epoch that it has not heard of", {3, 5, 0}, 2, 9, 9, 0, FED_MEET_FITS, 3},
    {"the sender has an older copy", {1, 3, 3}, 1, 5, 9, 0, FED_MEET_SENDER_BACK, 2},
    {"the sender is new again", {0, 0, 0}, 4, 5, 9, 0, FED_MEET_SENDER_BACK, 5},
    {"the sender has an older copy and went on", {1, 7, 3}, 1, 5, 9, 8, FED_MEET_SENDER_BACK, 2},
    {"the sender is an epoch behind", {1, 7, 3}, 2, 1, 9, 0, FED_MEET_SENDER_BACK, 3},
};

static void test_meetings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(meetings); i++) {
        struct fed_stream_in theirs = {.epoch = meetings[i].epoch, .seq = meetings[i].seq};
        char there[FED_ID_LEN + 1] = "";
        uint64_t epoch = 99;
        if (meetings[i].id != 0) {
            (void)id_of(meetings[i].id, theirs.id);
        }
        struct span known = meetings[i].there == 0 ? SPAN("") : id_of(meetings[i].there, there);
        enum fed_meeting m = fed_stream_meet(&meetings[i].mine, &theirs, known, &epoch);
        if (m != meetings[i].expect || epoch != meetings[i].epoch_out) {
            print_message("%s: %d, epoch %llu\n", meetings[i].name, (int)m, (unsigned long long)epoch);
        }
        assert_int_equal(m, meetings[i].expect);
        assert_int_equal(epoch, meetings[i].epoch_out);
    }
}

static void test_takes(void **state)
{
    (void)state;
    static const struct {
        uint64_t epoch, seq, id;
        bool known;
        enum fed_refusal expect;
    } takes[] = {
        {0, 1, 1, false, FED_STREAM}, {1, 0, 1, false, FED_STREAM}, {1, 2, 2, false, FED_GAP},        {1, 1, 1, false, FED_TAKEN},  {1, 1, 1, true, FED_SEEN},
        {1, 3, 3, false, FED_GAP},    {1, 2, 2, false, FED_TAKEN},  {1, 1, 1, true, FED_SEEN},       {2, 2, 5, false, FED_GAP},    {1, 3, 3, false, FED_TAKEN},
        {2, 1, 4, false, FED_TAKEN},  {1, 4, 4, false, FED_STREAM}, {2, 1, 7, false, FED_TWO_TRUTHS}, {2, 2, 5, false, FED_TWO_TRUTHS}, {2, 1, 4, false, FED_TWO_TRUTHS},
        {3, 1, 4, false, FED_TAKEN},  {3, 2, 5, false, FED_TAKEN},
        {3, 1, 9, false, FED_TWO_TRUTHS},
    };
    struct fed_stream_in in = {0};
    char id[FED_ID_LEN + 1];
    for (size_t i = 0; i < ARRAY_LEN(takes); i++) {
        assert_int_equal(fed_stream_take(&in, takes[i].epoch, takes[i].seq, id_of(takes[i].id, id), takes[i].known), takes[i].expect);
    }
    assert_int_equal(in.epoch, 3);
    assert_int_equal(in.seq, 2);
    struct fed_stream_out out = {0};
    assert_int_equal(fed_stream_number(&out), 1);
    assert_int_equal(fed_stream_number(&out), 2);
    assert_int_equal(fed_stream_receipt(&out, 1, 3), FED_STREAM);
    assert_int_equal(fed_stream_receipt(&out, 2, 1), FED_STREAM);
    assert_int_equal(fed_stream_receipt(&out, 1, 2), FED_TAKEN);
    assert_int_equal(fed_stream_receipt(&out, 1, 1), FED_TAKEN);
    assert_int_equal(out.acked, 2);
}

/* ---- the simulation ---- */

enum { ITEMS_MAX = 128, WIRE_MAX = 64, STEPS = 400 };

/* All that a transaction of the sender keeps: what it made, and which number each has. */
struct sender {
    struct fed_stream_out out;
    uint64_t ids[ITEMS_MAX];
    uint64_t number[ITEMS_MAX]; /* 0 = not yet */
    uint32_t n;
};

struct receiver {
    struct fed_stream_in in;
    uint8_t applied[4 * ITEMS_MAX]; /* by id: how often */
};

struct message {
    bool receipt;
    uint64_t epoch, seq, id;
};

struct sim {
    uint64_t random;
    struct sender sender, sender_copy;
    struct receiver receiver, receiver_copy;
    struct message wire[WIRE_MAX];
    uint32_t on_wire;
    uint64_t next_id;
    uint64_t sent_to; /* how far the sender has sent in this connection */
    bool met;         /* hello was said since the last restart or surprise */
    uint64_t restarts;
};

static uint64_t roll(struct sim *s, uint64_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random % n;
}

static void put(struct sim *s, struct message m, bool fair)
{
    int copies = fair ? 1 : roll(s, 10) == 0 ? 0 : roll(s, 10) == 0 ? 2 : 1;
    while (copies-- > 0 && s->on_wire < WIRE_MAX) {
        s->wire[s->on_wire++] = m;
    }
}

static uint64_t id_at(const struct sender *x, uint64_t seq)
{
    for (uint32_t i = 0; i < x->n; i++) {
        if (x->number[i] == seq && seq != 0) {
            return x->ids[i];
        }
    }
    return 0;
}

static void hello(struct sim *s)
{
    char id[FED_ID_LEN + 1] = "";
    uint64_t epoch = 0;
    struct sender *x = &s->sender;
    uint64_t there = s->receiver.in.epoch == x->out.epoch ? id_at(x, s->receiver.in.seq) : 0;
    struct span known = there == 0 ? SPAN("") : id_of(there, id);
    if (fed_stream_meet(&x->out, &s->receiver.in, known, &epoch) != FED_MEET_FITS) {
        fed_stream_restart(&x->out, epoch);
        memset(x->number, 0, sizeof x->number);
        s->restarts++;
    }
    s->sent_to = s->receiver.in.epoch == x->out.epoch ? s->receiver.in.seq : 0;
    CHECK(fed_stream_receipt(&x->out, x->out.epoch, s->sent_to) == FED_TAKEN || x->out.epoch == 0);
    s->met = true;
    s->on_wire = 0; /* a hello ends the connection before it: what was on its way there is dead */
}

static void send_some(struct sim *s, bool fair)
{
    struct sender *x = &s->sender;
    if (!s->met) {
        hello(s);
    }
    for (uint32_t i = 0; i < x->n && s->sent_to >= x->out.seq; i++) {
        if (x->number[i] == 0) {
            x->number[i] = fed_stream_number(&x->out);
        }
    }
    if (s->sent_to < x->out.seq) {
        s->sent_to++;
        put(s, (struct message){false, x->out.epoch, s->sent_to, id_at(x, s->sent_to)}, fair);
    }
}

static void deliver(struct sim *s, bool fair)
{
    char id[FED_ID_LEN + 1];
    uint32_t at = fair ? 0 : (uint32_t)roll(s, s->on_wire);
    struct message m = s->wire[at];
    memmove(&s->wire[at], &s->wire[at + 1], (s->on_wire - at - 1) * sizeof m);
    s->on_wire--;
    if (m.receipt) {
        if (fed_stream_receipt(&s->sender.out, m.epoch, m.seq) != FED_TAKEN) {
            s->met = false;
        }
        return;
    }
    enum fed_refusal r = fed_stream_take(&s->receiver.in, m.epoch, m.seq, id_of(m.id, id), s->receiver.applied[m.id] != 0);
    if (r == FED_TAKEN && s->receiver.applied[m.id] == 0) { /* the envelope id is known or not: one transaction */
        s->receiver.applied[m.id] = 1;
    }
    if (r == FED_GAP || r == FED_TWO_TRUTHS) {
        s->met = false;
    }
    put(s, (struct message){true, s->receiver.in.epoch, s->receiver.in.seq, 0}, fair);
}

static void step(struct sim *s)
{
    switch (roll(s, 16)) {
    case 0:
    case 1:
        if (s->sender.n < ITEMS_MAX && s->next_id < 4 * ITEMS_MAX) {
            s->sender.ids[s->sender.n++] = s->next_id++;
        }
        break;
    case 2:
        if (roll(s, 4) == 0) { /* either end restarts: what it kept is there, the connection is not */
            s->met = false;
        }
        break;
    case 3:
        if (roll(s, 4) == 0) {
            s->sender_copy = s->sender;
        }
        break;
    case 4:
        if (roll(s, 4) == 0) {
            s->receiver_copy = s->receiver;
        }
        break;
    case 5:
        if (roll(s, 8) == 0) {
            s->sender = s->sender_copy;
            s->met = false;
        } else if (roll(s, 8) == 0) {
            s->receiver = s->receiver_copy;
            s->met = false;
        }
        break;
    default:
        if (s->on_wire > 0 && roll(s, 2) == 0) {
            deliver(s, false);
        } else {
            send_some(s, false);
        }
        break;
    }
}

/* A calm end: all that is still on its way arrives, then the two go on in peace. */
static void settle(struct sim *s)
{
    while (s->on_wire > 0) {
        deliver(s, true);
    }
    s->met = false;
    for (uint32_t i = 0; i < 8 * ITEMS_MAX; i++) {
        send_some(s, true);
        while (s->on_wire > 0) {
            deliver(s, true);
        }
    }
}

static void test_simulation(void **state)
{
    (void)state;
    uint64_t restarts = 0;
    uint64_t applied = 0;
    struct sim *s = mem_alloc(sizeof *s);
    for (uint64_t seed = 1; seed <= test_cases(5000); seed++) {
        memset(s, 0, sizeof *s);
        s->random = seed * 0x9e3779b97f4a7c15u;
        s->next_id = 1;
        for (int i = 0; i < STEPS; i++) {
            step(s);
        }
        settle(s);
        for (uint32_t i = 0; i < s->sender.n; i++) {
            if (s->receiver.applied[s->sender.ids[i]] != 1) {
                print_message("seed %llu lost %llu\n", (unsigned long long)seed, (unsigned long long)s->sender.ids[i]);
            }
            assert_int_equal(s->receiver.applied[s->sender.ids[i]], 1);
        }
        assert_int_equal(s->sender.out.acked, s->sender.out.seq);
        assert_false(s->receiver.in.stopped);
        restarts += s->restarts;
        applied += s->sender.n;
    }
    /* the faults did happen */
    assert_true(restarts > 100 && applied > 10000);
    mem_free(s);
}

static void test_pauses(void **state)
{
    (void)state;
    static const struct {
        size_t members;
        time_ns pause;
    } rows[] = {{0, 0}, {7, 0}, {100, 0}, {101, 500 * 1000}, {300, TIME_SECOND / 10}, {4100, 2 * TIME_SECOND}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(fed_stream_pause(rows[i].members), rows[i].pause);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_meetings), cmocka_unit_test(test_takes), cmocka_unit_test(test_simulation),
                                       cmocka_unit_test(test_pauses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
