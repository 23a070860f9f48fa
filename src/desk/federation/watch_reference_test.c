/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hub's watch against a plain reference: after each of many generated signals, taken back ones and changes of
 * membership, the watch has warned of exactly what follows from looking at everything again. The reference keeps
 * nothing but the signals that hold and what was published; it counts by looking at all of them. What may be said
 * of a count is policy/publish.h's in both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "desk/federation/watch_priv.h"

enum { ORGS = 16, RULES = 6, IPS = 12, SIGNALS = 160, THINGS = 4096, ASKED = 16, SAID = 64, STEPS = 3000,
       STEPS_MAX = 24000 /* each is some hundred comparisons with everything looked at anew */ };
#define CIRCLE "c"
#define HUB "0123456789abcdef0123456789abcdef"
#define NODE "fedcba9876543210fedcba9876543210"

static uint64_t seed = 0x2545f4914f6cdd1du;
static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

static const char *rule_name(int r);

/* ---- the world around the watch ---- */

struct told {
    char organisation[16], rule[16], ip[32], technique[8], product[8];
    int64_t number, place, bucket;
    enum alert_level level;
    bool holds;
};

struct said {
    char value[64];
    enum community_kind kind;
    int64_t seen;
    bool withdrawn, product;
};

static struct told told[SIGNALS];
static size_t ntold;
static int64_t place, back_place; /* of the newest row; of the one that takes back */
static const struct told *taken_back;
static struct fed_member members[ORGS];
static char names[ORGS][16];
static struct fed_membership circle;
static time_ns now;
static unsigned era; /* each has rules and addresses of its own */
static struct fed_watch *w;

static struct {
    struct buf question;
    watch_answer *answer;
    void *ctx;
} asked[ASKED];
static size_t nasked;
static struct {
    watch_issued *done;
    void *ctx;
} done[SAID];
static size_t ndone;
static struct said said[SAID], want[SAID];
static size_t nsaid, nwant;

static bool host_ask(void *arg, struct span question, watch_answer *answer, void *ctx)
{
    (void)arg;
    assert_true(nasked < ASKED);
    buf_init(&asked[nasked].question, 1 << 20);
    buf_span(&asked[nasked].question, question);
    asked[nasked].answer = answer;
    asked[nasked++].ctx = ctx;
    return true;
}

static int host_issue(void *arg, const struct watch_issue *i, watch_issued *finished, void *ctx,
                      struct err *e)
{
    struct arena a;
    (void)arg;
    arena_init(&a, 0);
    struct warning *x = arena_alloc(&a, sizeof *x);
    assert_int_equal(warning_read(i->draft.body, &a, x, e), 0);
    assert_true(nsaid < SAID && ndone < SAID);
    struct said *s = &said[nsaid++];
    *s = (struct said){.kind = x->kind, .seen = x->seen, .withdrawn = x->withdrawn,
                       .product = x->nproducts > 0};
    (void)snprintf(s->value, sizeof s->value, "%.*s", SPAN_ARG(x->value));
    done[ndone].done = finished;
    done[ndone++].ctx = ctx;
    arena_fini(&a);
    return 0;
}

static const struct fed_membership *host_circle(void *arg, struct span id)
{
    (void)arg;
    assert_true(span_eq(id, SPAN(CIRCLE)));
    return &circle;
}

static bool host_stopped(void *arg)
{
    (void)arg;
    return false;
}

static void put_row(struct buf *out, const struct told *t, int64_t at, int64_t count)
{
    char ip[48] = "";
    if (t->ip[0] != '\0') {
        (void)snprintf(ip, sizeof ip, "ip %s\n", t->ip);
    }
    const struct fed_signal_row row = {.circle = SPAN(CIRCLE), .node = SPAN(NODE),
                                       .organisation = span_of(t->organisation),
                                       .rule = span_of(t->rule), .product = span_of(t->product),
                                       .techniques = span_of(t->technique), .indicators = span_of(ip),
                                       .number = t->number, .place = at,
                                       .level = (int64_t)t->level, .bucket = t->bucket, .count = count};
    fed_signal_encode(out, &row);
}

/* Rows behind a place: the newest signal, or the one that takes back, at most. */
static void put_after(struct buf *out, int64_t after)
{
    const struct told *last = ntold > 0 ? &told[ntold - 1] : NULL;
    bool fresh = last != NULL && last->place > after, back = taken_back != NULL && back_place > after;
    buf_u8(out, 0);
    buf_u32(out, (uint32_t)fresh + back);
    if (fresh) {
        put_row(out, last, last->place, 1);
    }
    if (back) {
        put_row(out, taken_back, back_place, 0);
    }
}

static void put_of(struct buf *out, struct span organisation)
{
    uint32_t n = 0;
    for (size_t i = 0; i < ntold; i++) {
        n += told[i].holds && span_eq(span_of(told[i].organisation), organisation);
    }
    buf_u32(out, n);
    for (size_t i = 0; i < ntold; i++) {
        if (told[i].holds && span_eq(span_of(told[i].organisation), organisation)) {
            put_row(out, &told[i], told[i].place, 1);
        }
    }
}

static void answer_first(void)
{
    struct buf q = asked[0].question, out;
    watch_answer *answer = asked[0].answer;
    void *ctx = asked[0].ctx;
    struct cursor c = cursor_of(buf_view(&q));
    const struct fed_sharing sharing = {.rows = NULL};
    int rc = 0;
    memmove(asked, asked + 1, --nasked * sizeof asked[0]);
    buf_init(&out, 1 << 20);
    switch (cursor_u16(&c)) {
    case ASK_SIGNALS_AFTER:
        put_after(&out, (int64_t)cursor_u64(&c));
        break;
    case ASK_SIGNALS_OF:
        (void)cursor_str(&c);
        put_of(&out, cursor_str(&c));
        break;
    case ASK_WARNINGS:
        buf_u32(&out, 0);
        fed_sharing_encode(&out, &sharing);
        break;
    case ASK_RULE_TEXTS:
        buf_u32(&out, 0);
        break;
    default: /* what a hub has nothing of here */
        rc = ERR_CLOSED;
    }
    struct cursor data = cursor_of(buf_view(&out));
    answer(ctx, rc, SPAN(""), &data);
    buf_free(&out);
    buf_free(&q);
}

static void run(int64_t seconds)
{
    for (int64_t i = 0; i < 4 * seconds; i++) {
        watch_tick(w, now);
        while (nasked > 0 || ndone > 0) {
            if (ndone > 0) {
                ndone--;
                done[ndone].done(done[ndone].ctx, 0, SPAN(""), SPAN("id"));
            } else {
                answer_first();
            }
        }
        now += TIME_SECOND / 4;
    }
}

/* ---- the reference ---- */

struct thing {
    enum community_kind kind;
    char value[64];
    int64_t version;
    bool withdrawn;
    struct policy_published published;
    /* of the signal at hand */
    bool planned;
    struct policy_published next;
};

static struct thing things[THINGS];
static size_t nthings;

static const char *rule_name(int r)
{
    static char text[16];
    (void)snprintf(text, sizeof text, "e%u-r%d", era, r);
    return text;
}

static struct thing *thing_of(enum community_kind kind, const char *value)
{
    for (size_t i = 0; i < nthings; i++) {
        if (things[i].kind == kind && strcmp(things[i].value, value) == 0) {
            return &things[i];
        }
    }
    assert_true(nthings < THINGS);
    struct thing *t = &things[nthings++];
    *t = (struct thing){.kind = kind};
    (void)snprintf(t->value, sizeof t->value, "%s", value);
    return t;
}

static bool counts(const char *organisation, uint64_t epoch)
{
    for (int i = 0; i < ORGS; i++) {
        const struct fed_member *m = &members[i];
        if (span_eq(m->org, span_of(organisation)) && m->state == FED_ACTIVE &&
            (m->classes & (FED_MEMBER | FED_NDA)) != 0 && (epoch == 0 || m->since <= epoch)) {
            return true;
        }
    }
    return false;
}

static bool later(const struct told *a, const struct told *b)
{
    return a->bucket > b->bucket || (a->bucket == b->bucket && a->number > b->number);
}

/* The signal of another rule that a told sequence is made with: the latest told before it. */
static const struct told *other_of(size_t at, const char *rule)
{
    const struct told *best = NULL;
    for (size_t i = 0; i < at; i++) {
        const struct told *t = &told[i];
        if (t->holds && strcmp(t->organisation, told[at].organisation) == 0 &&
            strcmp(t->rule, rule) == 0 && (best == NULL || later(t, best))) {
            best = t;
        }
    }
    int64_t apart = best == NULL ? 0 : told[at].bucket - best->bucket;
    return best != NULL && apart <= COMMUNITY_STEP_MAX && apart >= -COMMUNITY_STEP_MAX ? best : NULL;
}

static void sequence_text(const struct told *t, const struct told *other, char out[64])
{
    bool first = later(t, other);
    (void)snprintf(out, 64, "%s > %s", first ? other->rule : t->rule, first ? t->rule : other->rule);
}

/* Whether a signal is one sighting of a thing, at its time. */
static bool is_part(size_t at, enum community_kind kind, const char *value)
{
    static const enum alert_level least[] = {LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_LOW,
                                             LEVEL_INFORMATIONAL};
    const struct told *t = &told[at];
    char text[64];
    if (t->level < least[kind]) {
        return false;
    }
    switch (kind) {
    case COMMUNITY_INDICATOR:
        (void)snprintf(text, sizeof text, "ip:%s", t->ip);
        return t->ip[0] != '\0' && strcmp(text, value) == 0;
    case COMMUNITY_RULE:
        return strcmp(t->rule, value) == 0;
    case COMMUNITY_TECHNIQUE:
        return strcmp(t->technique, value) == 0;
    case COMMUNITY_PRODUCT:
        return strcmp(t->product, value) == 0;
    default:
        for (int r = 0; r < RULES; r++) {
            const struct told *other = strcmp(rule_name(r), t->rule) == 0 ? NULL : other_of(at, rule_name(r));
            if (other != NULL) {
                sequence_text(t, other, text);
                if (strcmp(text, value) == 0) {
                    return true;
                }
            }
        }
        return false;
    }
}

enum { ANYBODY = -1 };

/* Organisations that saw it within its window, among the first n signals. */
static uint32_t count(size_t n, enum community_kind kind, const char *value, int64_t epoch)
{
    const char *seen[ORGS];
    uint32_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const struct told *t = &told[i];
        bool there = false;
        for (uint32_t s = 0; s < k; s++) {
            there = there || strcmp(seen[s], t->organisation) == 0;
        }
        if (!there && t->holds && t->bucket >= signal_bucket(now) - community_window(kind) &&
            is_part(i, kind, value) && (epoch == ANYBODY || counts(t->organisation, (uint64_t)epoch))) {
            seen[k++] = t->organisation;
        }
    }
    return k;
}

static uint32_t size_of(uint64_t epoch)
{
    uint32_t n = 0;
    for (int i = 0; i < ORGS; i++) {
        n += counts(names[i], epoch);
    }
    return n;
}

static bool told_alone(const char *rule, size_t len)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%.*s", (int)len, rule);
    const struct thing *t = thing_of(COMMUNITY_RULE, text);
    return t->planned || (t->version > 0 && !t->withdrawn);
}

static void say(struct thing *t, const struct told *s)
{
    const char *arrow = strstr(t->value, " > ");
    if (t->kind == COMMUNITY_SEQUENCE && (told_alone(t->value, (size_t)(arrow - t->value)) ||
                                          told_alone(arrow + 3, strlen(arrow + 3)))) {
        return;
    }
    const struct policy_publish_rule rule = {circle.warn, circle.show, false};
    t->next = t->published;
    int64_t epoch = (int64_t)t->next.cohort_epoch;
    bool bound = (t->kind == COMMUNITY_RULE || t->kind == COMMUNITY_SEQUENCE) && s->product[0] != '\0';
    struct policy_publish_question q = {
        .members = size_of((uint64_t)epoch),
        .saw = count(ntold, t->kind, t->value, epoch),
        .holders = s->product[0] == '\0' ? 0 : count(ntold, COMMUNITY_PRODUCT, s->product, epoch),
        .bound = bound};
    struct policy_publish_group part;
    if (!bound && q.holders > 0) {
        part = (struct policy_publish_group){
            q.holders, policy_publish_most(&rule, q.holders, &thing_of(COMMUNITY_RULE, s->rule)->published)};
        q.groups = &part;
        q.ngroups = 1;
        q.outside = q.members - q.holders;
    }
    struct policy_publication p = policy_publish_count(&rule, &q, &t->next);
    t->planned = p.warn && p.news;
    if (t->planned) {
        t->next.cohort_epoch = t->next.cohort_epoch == 0 ? circle.epoch : t->next.cohort_epoch;
        assert_true(nwant < SAID);
        struct said *x = &want[nwant++];
        *x = (struct said){.kind = t->kind, .seen = p.show_count ? p.count : 0,
                           .product = p.show_product && s->product[0] != '\0'};
        memcpy(x->value, t->value, sizeof x->value);
    }
}

static void look(size_t at, enum community_kind kind, const char *value)
{
    bool within = told[at].bucket >= signal_bucket(now) - community_window(kind);
    uint32_t after = count(ntold, kind, value, ANYBODY);
    if (within && is_part(at, kind, value) && after >= 2 && after > count(at, kind, value, ANYBODY)) {
        say(thing_of(kind, value), &told[at]);
    }
}

static void reference_signal(void)
{
    size_t at = ntold - 1;
    const struct told *t = &told[at];
    char text[64];
    (void)snprintf(text, sizeof text, "ip:%s", t->ip);
    look(at, COMMUNITY_INDICATOR, text);
    look(at, COMMUNITY_TECHNIQUE, t->technique);
    look(at, COMMUNITY_RULE, t->rule);
    for (int r = 0; r < RULES; r++) {
        const struct told *other = strcmp(rule_name(r), t->rule) == 0 ? NULL : other_of(at, rule_name(r));
        if (other != NULL) {
            sequence_text(t, other, text);
            look(at, COMMUNITY_SEQUENCE, text);
        }
    }
    for (size_t i = 0; i < nthings; i++) {
        if (things[i].planned) {
            things[i].version++;
            things[i].withdrawn = things[i].planned = false;
            things[i].published = things[i].next;
        }
    }
}

/* Warnings that held and no longer do, since one organisation takes something back. */
static void reference_back(struct told *back)
{
    bool held[THINGS] = {0};
    for (size_t i = 0; i < nthings; i++) {
        held[i] = things[i].version > 0 && !things[i].withdrawn &&
                  count(ntold, things[i].kind, things[i].value, ANYBODY) >= POLICY_WARN_AT;
    }
    back->holds = false;
    for (size_t i = 0; i < nthings; i++) {
        struct thing *t = &things[i];
        if (held[i] && count(ntold, t->kind, t->value, ANYBODY) < POLICY_WARN_AT) {
            t->version++;
            t->withdrawn = true;
            t->published = (struct policy_published){.cohort_epoch = t->published.cohort_epoch};
            assert_true(nwant < SAID);
            struct said *x = &want[nwant++];
            *x = (struct said){.kind = t->kind, .withdrawn = true};
            memcpy(x->value, t->value, sizeof x->value);
        }
    }
}

static void compare(uint64_t step)
{
    for (size_t i = 0; i < nwant; i++) {
        size_t k = 0;
        while (k < nsaid && (said[k].kind != want[i].kind || strcmp(said[k].value, want[i].value) != 0)) {
            k++;
        }
        if (k == nsaid) {
            fail_msg("step %lu: no warning of %s", (unsigned long)step, want[i].value);
        }
        assert_int_equal(said[k].seen, want[i].seen);
        assert_int_equal(said[k].withdrawn, want[i].withdrawn);
        assert_int_equal(said[k].product, want[i].product);
    }
    if (nsaid != nwant) {
        fail_msg("step %lu: %zu warnings, %zu follow (%s)", (unsigned long)step, nsaid, nwant,
                 nsaid > 0 ? said[0].value : "");
    }
    nsaid = nwant = 0;
}

/* ---- what is generated ---- */

static void make_signal(void)
{
    static const char *const products[] = {"", "linux", "linux", "linux", "paper"};
    struct told *t = &told[ntold++];
    place++;
    *t = (struct told){.number = place, .place = place, .holds = true,
                       .bucket = signal_bucket(now) - (below(4) == 0 ? below(60) : below(6))};
    int rule = (int)below(RULES);
    t->level = rule < RULES / 2 ? LEVEL_LOW : LEVEL_LOW + (enum alert_level)below(4); /* too low to be told alone */
    (void)snprintf(t->organisation, sizeof t->organisation, "%s", names[below(ORGS)]);
    (void)snprintf(t->rule, sizeof t->rule, "%s", rule_name(rule));
    (void)snprintf(t->technique, sizeof t->technique, "T100%u", below(3));
    (void)snprintf(t->product, sizeof t->product, "%s", products[below(ARRAY_LEN(products))]);
    if (below(3) > 0) {
        (void)snprintf(t->ip, sizeof t->ip, "8.8.%u.%u", era & 255, below(IPS));
    }
}

static void change_members(void)
{
    circle.epoch++;
    for (int i = 0; i < ORGS; i++) {
        if (below(8) == 0) {
            members[i].state = below(3) == 0 ? FED_SUSPENDED : FED_ACTIVE;
            members[i].classes = below(6) == 0 ? FED_SPONSOR : FED_MEMBER;
            members[i].since = circle.epoch;
        }
    }
}

/* Worlds end after STEPS steps: things only come, and each step looks at all of them. */
static void begin(void)
{
    static const struct watch_config config = {
        .host = {.ask = host_ask, .issue = host_issue, .circle = host_circle, .stopped = host_stopped},
        .node = {HUB, FED_NODE_LEN}};
    ntold = nthings = nsaid = nwant = 0;
    era = 0;
    taken_back = NULL;
    now = INT64_C(1974000) * SIGNAL_BUCKET_S * TIME_SECOND + TIME_SECOND;
    circle = (struct fed_membership){.circle = SPAN(CIRCLE), .warn = 2, .show = 3, .epoch = 1,
                                     .members = members, .nmembers = ORGS};
    for (int i = 0; i < ORGS; i++) {
        (void)snprintf(names[i], sizeof names[i], "Town %d", i);
        members[i] = (struct fed_member){.org = span_of(names[i]), .classes = FED_MEMBER,
                                         .state = FED_ACTIVE, .since = 1};
    }
    w = watch_new(&config);
    run(1);
}

static void as_the_reference_says(void **state)
{
    (void)state;
    uint64_t steps = test_cases(STEPS), warned = 0, withdrawn = 0;
    steps = steps < STEPS_MAX ? steps : STEPS_MAX;
    for (uint64_t i = 0; i < steps; i++) {
        if (i % STEPS == 0) {
            watch_free(&w);
            begin();
        }
        if (now / TIME_SECOND % SIGNAL_BUCKET_S > SIGNAL_BUCKET_S - 60 || below(10) == 0) {
            now += (SIGNAL_BUCKET_S - now / TIME_SECOND % SIGNAL_BUCKET_S) * TIME_SECOND;
        }
        if (ntold == SIGNALS) { /* until everything fell out of its window */
            now += (community_window_max() + 1) * SIGNAL_BUCKET_S * TIME_SECOND;
            ntold = 0;
            era++;
            run(1);
            assert_int_equal(nsaid, 0);
        }
        if (below(40) == 0) {
            change_members();
        }
        struct told *back = ntold > 0 && below(8) == 0 ? &told[below((uint32_t)ntold)] : NULL;
        if (back != NULL && back->holds) {
            reference_back(back);
            taken_back = back;
            back_place = ++place;
            run(2 * WATCH_FORGET_S);
        } else {
            make_signal();
            reference_signal();
            run(1);
        }
        warned += nwant;
        withdrawn += nwant > 0 && want[0].withdrawn;
        compare(i);
    }
    assert_true(steps < 1000 || (warned > 100 && withdrawn > 10)); /* else this shows nothing */
    watch_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_reference_says)};
    return cmocka_run_group_tests_name("watch against its reference", tests, NULL, NULL);
}
