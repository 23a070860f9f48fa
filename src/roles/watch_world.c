/* SPDX-License-Identifier: EUPL-1.2 */
/* A small federation for tests: see watch_world.h. */
#include "roles/watch_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "desk/federation/signal_row.h"
#include "flow/hunt/hunt_result.h"
#include "records/fed_envelope.h"
#include "records/hunts.h"

#define WORLD_START (INT64_C(1795309200) * TIME_SECOND)
#define HUNT_ID "00000000-0000-7000-8000-000000000001"

time_ns __real_clock_now(void);
time_ns __wrap_clock_now(void);

static struct err e;
static const struct world *clock_of; /* whose time the keepers read, too: they ask the clock themselves */

time_ns __wrap_clock_now(void)
{
    return clock_of != NULL ? clock_of->now : __real_clock_now();
}

/* ---- what a node asks ---- */

static bool ask(void *arg, struct span question, watch_answer *answer, void *ctx)
{
    struct world_node *n = arg;
    if (n->nasked == ARRAY_LEN(n->asked)) {
        return false;
    }
    struct buf *b = &n->asked[n->nasked].question;
    buf_init(b, 16 << 20);
    buf_span(b, question);
    n->asked[n->nasked].answer = answer;
    n->asked[n->nasked++].ctx = ctx;
    return true;
}

/* The hunter's part: every dry run is over at once and finds what the test says. */
static void answer_hunt(struct world_node *n, uint16_t ask_number)
{
    struct buf *out = &n->kr.out;
    struct buf result;
    const struct hunt_item items[] = {{.kind = HUNT_KIND_RULE,
                                       .state = n->matched > 0 ? HUNT_MATCHED : HUNT_CLEAN,
                                       .id = SPAN("r"),
                                       .count = n->matched}};
    const struct hunt_result r = {.coverage = {.events = 1000, .from = WORLD_START, .to = TIME_NONE},
                                  .matches = n->matched,
                                  .nitems = 1,
                                  .items = items};
    const struct hunt_row row = {.id = SPAN(HUNT_ID), .organisation = SPAN("*"),
                                 .who = SPAN("w"), .why = SPAN("w"), .status = HUNT_STATUS_DONE};
    answer_begin(out, 0, &e);
    if (ask_number == ASK_HUNT_START) {
        n->hunts++;
        buf_str(out, SPAN(HUNT_ID));
        return;
    }
    buf_init(&result, 1 << 16);
    hunt_result_encode(&result, &r);
    hunt_row_encode(out, &row);
    buf_str(out, SPAN("definition"));
    buf_str(out, buf_view(&result));
    buf_free(&result);
}

static void answer_one(struct world_node *n, size_t i)
{
    struct err why = {0};
    struct span text;
    struct cursor c = cursor_of(buf_view(&n->asked[i].question));
    uint16_t number = cursor_u16(&c);
    arena_reset(&n->kr.scratch);
    keeper_signals_fn *f = keeper_signals_answer(number);
    if (f != NULL) {
        (void)!f(&n->kr, &c, &why);
    } else {
        answer_hunt(n, number);
    }
    struct buf kept;
    buf_init(&kept, 16 << 20);
    buf_span(&kept, buf_view(&n->kr.out));
    c = cursor_of(buf_view(&kept));
    int rc = answer_read(&c, &text);
    buf_free(&n->asked[i].question);
    n->asked[i].answer(n->asked[i].ctx, rc, text, &c);
    buf_free(&kept);
}

#define WORLD_HUB_ABOVE "ffffffffffffffffffffffffffffffff"

/* ---- the wire ---- */

static void apply(struct world_node *at, const struct watch_issue *i, struct span issuer,
                  struct buf *digest, bool warning)
{
    struct cursor c = cursor_of(buf_view(digest));
    struct fed_envelope_row row = {.circle = i->draft.circle,
                                   .issuer = issuer,
                                   .expires = i->draft.expires_s * TIME_SECOND};
    assert_int_equal(db_begin(at->kr.db, &e), 0);
    int rc = warning ? fed_warning_apply(at->kr.db, &row, &c, at->world->now, &e)
                     : fed_signal_apply(at->kr.db, &row, &c, at->world->now, &e);
    if (db_end(at->kr.db, rc, &e) < 0) {
        fail_msg("not applied: %s", e.text);
    }
}

static void say(struct world *w, const struct watch_issue *i, struct arena *a)
{
    struct warning *body = arena_alloc(a, sizeof *body);
    assert_int_equal(warning_read(i->draft.body, a, body, &e), 0);
    assert_true(w->nsaid < WORLD_WARNINGS_MAX);
    struct world_said *s = &w->said[w->nsaid++];
    *s = (struct world_said){.version = body->version, .seen = body->seen,
                             .withdrawn = body->withdrawn, .at = w->now};
    (void)snprintf(s->id, sizeof s->id, "%.*s", SPAN_ARG(body->id));
    (void)snprintf(s->kind, sizeof s->kind, "%s", community_kind_name(body->kind));
    (void)snprintf(s->value, sizeof s->value, "%.*s", SPAN_ARG(body->value));
}

/* As the engine: judged, kept, and passed on; `done` comes later. */
static int issue(void *arg, const struct watch_issue *i, watch_issued *done, void *ctx, struct err *why)
{
    struct world_node *n = arg;
    struct world *w = n->world;
    struct arena a;
    struct buf digest;
    bool warning = i->draft.type == FED_TYPE_WARNING;
    assert_int_not_equal(i->telling, WATCH_TELLS_NOTHING);
    bool above = span_eq(i->draft.circle, SPAN("above"));
    (void)why;
    arena_init(&a, 0);
    buf_init(&digest, 2 << 20);
    int rc = warning ? warning_digest(i->draft.body, i->draft.circle, w->membership.epoch, SPAN(""), &a,
                                      &digest, &e)
                     : signal_digest(i->draft.body, &a, &digest, &e);
    if (rc < 0) {
        fail_msg("what was issued is refused: %s", e.text);
    }
    if (warning) {
        say(w, i, &a);
        for (size_t k = 0; k < w->count; k++) {
            apply(w->node[k], i, span_of(n->id), &digest, true);
        }
    } else if (above) {
        assert_ptr_equal(n, w->node[0]);
        assert_int_equal(i->telling, WATCH_TELLS_FINDINGS);
        w->above_envelopes++;
        buf_clear(&w->last_above);
        jcs_write(&w->last_above, i->draft.body);
    } else {
        w->signal_envelopes++;
        buf_clear(&w->last_signals);
        jcs_write(&w->last_signals, i->draft.body);
        apply(w->node[0], i, span_of(n->id), &digest, false);
    }
    buf_free(&digest);
    arena_fini(&a);
    assert_true(n->nissued < ARRAY_LEN(n->issued));
    n->issued[n->nissued].done = done;
    n->issued[n->nissued].rc = 0;
    n->issued[n->nissued++].ctx = ctx;
    return 0;
}

static const struct fed_membership *circle(void *arg, struct span id)
{
    struct world_node *n = arg;
    return span_eq(id, SPAN("c")) ? &n->world->membership : span_eq(id, SPAN("above")) ? &n->world->above : NULL;
}

static bool stopped(void *arg)
{
    const struct world_node *n = arg;
    return n->stopped;
}

static void own_circles(void *arg, void *ctx, void (*visit)(void *ctx, const struct fed_membership *m))
{
    const struct world_node *n = arg;
    if (n == n->world->node[0]) {
        visit(ctx, &n->world->membership);
    }
}

static void circles_above(void *arg, void *ctx, void (*visit)(void *ctx, const struct fed_membership *m))
{
    const struct world_node *n = arg;
    if (n == n->world->node[0] && n->world->has_above) {
        visit(ctx, &n->world->above);
    }
}

static void on_rules(void *arg)
{
    struct world_node *n = arg;
    n->rules_changed++;
}

/* ---- the nodes ---- */

static void start_watch(struct world_node *n)
{
    const struct watch_config c = {
        .host = {.arg = n, .ask = ask, .issue = issue, .circle = circle, .stopped = stopped,
                 .own_circles = own_circles, .circles_above = circles_above},
        .node = span_of(n->id),
        .seed = {3},
    };
    n->watch = watch_new(&c);
}

static void add_circle(struct world *w, struct world_node *n)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO fed_circle VALUES ('c', 'own', '%s', %d, 'Circle', 'member', 1, "
                   "9000000000000000000, 0)",
                   w->node[0]->id, n == w->node[0]);
    assert_int_equal(db_exec(n->kr.db, sql, &e), 0);
    for (size_t i = 0; i < w->count; i++) {
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO fed_member VALUES ('c', '%s', '%.*s', '', '', '', '', 1)",
                       w->node[i]->id, SPAN_ARG(w->members[i].org));
        assert_int_equal(db_exec(n->kr.db, sql, &e), 0);
    }
}

static struct world_node *node_new(struct world *w, size_t i)
{
    struct world_node *n = mem_alloc(sizeof *n);
    n->world = w;
    (void)snprintf(n->id, sizeof n->id, "%032zx", i + 1);
    (void)snprintf(n->folder, sizeof n->folder, "/tmp/sereno-world-XXXXXX");
    assert_non_null(mkdtemp(n->folder));
    n->kr.magic = KEEPER_RECORDS_MAGIC;
    n->kr.hooks = (struct keeper_records_hooks){.arg = n, .rules_changed = on_rules};
    n->kr.data_dir = n->folder;
    arena_init(&n->kr.scratch, 0);
    buf_init(&n->kr.out, ASK_ANSWER_MAX_BYTES);
    assert_int_equal(records_open(":memory:", w->now, &e, &n->kr.db), 0);
    return n;
}

struct world *world_new(size_t members)
{
    struct world *w = mem_alloc(sizeof *w);
    CHECK(members + 1 <= WORLD_MEMBERS_MAX);
    w->now = WORLD_START;
    clock_of = w;
    w->count = members + 1;
    buf_init(&w->last_signals, 2 << 20);
    buf_init(&w->last_above, 2 << 20);
    for (size_t i = 0; i < w->count; i++) {
        char *org = mem_alloc(16);
        (void)snprintf(org, 16, i == 0 ? "hub" : "org-%zu", i);
        w->node[i] = node_new(w, i);
        w->members[i] = (struct fed_member){.node = span_of(w->node[i]->id), .org = span_of(org),
                                            .classes = i == 0 ? FED_HUB : FED_MEMBER,
                                            .state = FED_ACTIVE, .since = 1};
    }
    w->membership = (struct fed_membership){.circle = SPAN("c"), .warn = 2, .show = 5, .epoch = 1,
                                            .hub.node = span_of(w->node[0]->id),
                                            .members = w->members, .nmembers = (uint32_t)w->count};
    w->above_members[1] = (struct fed_member){.node = SPAN(WORLD_HUB_ABOVE), .org = SPAN("region"), .classes = FED_HUB | FED_MEMBER,
                                              .state = FED_ACTIVE, .since = 1};
    w->above_members[0] = (struct fed_member){.node = span_of(w->node[0]->id), .org = SPAN("hub"), .classes = FED_MEMBER,
                                              .state = FED_ACTIVE, .since = 1};
    w->above = (struct fed_membership){.circle = SPAN("above"), .warn = 2, .show = 5, .epoch = 1, .hub.node = SPAN(WORLD_HUB_ABOVE),
                                       .expires_s = WORLD_START / TIME_SECOND + 365 * 86400,
                                       .members = w->above_members, .nmembers = 2};
    for (size_t i = 0; i < w->count; i++) {
        add_circle(w, w->node[i]);
        start_watch(w->node[i]);
    }
    return w;
}

static void drop_queues(struct world_node *n)
{
    for (size_t i = 0; i < n->nasked; i++) {
        buf_free(&n->asked[i].question);
    }
    n->nasked = n->nissued = 0;
}

void world_free(struct world **out)
{
    struct world *w = *out;
    *out = NULL;
    clock_of = NULL;
    for (size_t i = 0; i < w->count; i++) {
        struct world_node *n = w->node[i];
        char command[128];
        watch_free(&n->watch);
        drop_queues(n);
        db_close(&n->kr.db);
        buf_free(&n->kr.out);
        arena_fini(&n->kr.scratch);
        (void)snprintf(command, sizeof command, "%s/rules/federation", n->folder);
        (void)rmdir(command);
        (void)snprintf(command, sizeof command, "%s/rules", n->folder);
        (void)rmdir(command);
        (void)rmdir(n->folder);
        mem_free((void *)(uintptr_t)w->members[i].org.ptr);
        mem_free(n);
    }
    buf_free(&w->last_signals);
    buf_free(&w->last_above);
    mem_free(w);
}

void world_restart(struct world *w, size_t node)
{
    struct world_node *n = w->node[node];
    watch_free(&n->watch);
    drop_queues(n);
    start_watch(n);
}

static bool pump(struct world_node *n)
{
    size_t asked = n->nasked;
    size_t issued = n->nissued;
    for (size_t i = 0; i < asked; i++) {
        answer_one(n, i);
    }
    for (size_t i = asked; i < n->nasked; i++) {
        n->asked[i - asked] = n->asked[i];
    }
    n->nasked -= asked;
    for (size_t i = 0; i < issued; i++) {
        n->issued[i].done(n->issued[i].ctx, n->issued[i].rc, SPAN(""), SPAN("id"));
    }
    for (size_t i = issued; i < n->nissued; i++) {
        n->issued[i - issued] = n->issued[i];
    }
    n->nissued -= issued;
    return asked + issued > 0;
}

void world_run(struct world *w, int64_t seconds)
{
    for (int64_t s = 0; s < seconds * 4; s++) {
        w->now += TIME_SECOND / 4;
        for (size_t i = 0; i < w->count; i++) {
            watch_tick(w->node[i]->watch, w->now);
        }
        for (bool busy = true; busy;) {
            busy = false;
            for (size_t i = 0; i < w->count; i++) {
                busy = pump(w->node[i]) || busy;
            }
        }
    }
}

/* ---- what happens at a node ---- */

void world_alert(struct world *w, size_t node, const char *rule, const char *ip,
                 enum alert_level level, char id_out[ALERT_ID_LEN + 1])
{
    struct world_node *n = w->node[node];
    struct buf detail;
    const struct alert_field fields[] = {{SPAN("src_ip"), ip == NULL ? SPAN("") : span_of(ip)},
                                         {SPAN("user"), SPAN("planted-user")}};
    char hash[RULE_HASH_LEN + 1];
    (void)snprintf(hash, sizeof hash, "%064d", 0);
    memcpy(hash, rule, strlen(rule) < 8 ? strlen(rule) : 8); /* rules are named in hex here */
    struct alert a = {.rule_id = span_of(rule), .rule_hash = span_of(hash), .title = SPAN("T"),
                      .level = level, .time = w->now, .received = w->now, .last_time = w->now,
                      .count = 1, .organisation = SPAN("own"), .source = SPAN("planted-source"),
                      .product = SPAN("linux"), .host = SPAN("planted-host"), .fields = fields,
                      .nfields = 2};
    struct alert_place place = {.day = 1, .block = 1, .index = n->alerts++};
    bool is_new = false;
    buf_init(&detail, 1 << 16);
    alert_encode(&detail, &a);
    assert_int_equal(db_begin(n->kr.db, &e), 0);
    assert_int_equal(db_end(n->kr.db,
                            alerts_insert(n->kr.db, &a, buf_view(&detail), &place, id_out, &is_new,
                                          &e),
                            &e),
                     0);
    buf_free(&detail);
}

void world_change(struct world *w, size_t node, const char *id, enum alert_action action,
                  const char *reason)
{
    struct world_node *n = w->node[node];
    struct alert_row row;
    arena_reset(&n->kr.scratch);
    assert_int_equal(alerts_get(n->kr.db, SPAN("*"), span_of(id), &n->kr.scratch, &row, NULL, &e), 0);
    struct alert_change ch = {.id = span_of(id), .places = policy_whole_node, .action = action,
                              .revision = row.revision, .who = SPAN("planted-anna"),
                              .reason = span_of(reason)};
    assert_int_equal(alerts_change(n->kr.db, &ch, w->now, &n->kr.scratch, &row, &e), 0);
}

void world_sharing(struct world *w, size_t node, const char *moment, int64_t minutes,
                   bool automatic, int64_t cap)
{
    struct fed_share_row row = {.id = SPAN("all"), .moment = span_of(moment), .minutes = minutes};
    struct fed_sharing s = {.rows = &row, .count = moment[0] != '\0', .automatic = automatic,
                            .cap = cap};
    assert_int_equal(fed_sharing_put(w->node[node]->kr.db, &s, SPAN("anna"), w->now, &e), 0);
}

void world_findings(struct world *w, const char *moment, int64_t minutes, int64_t level)
{
    struct fed_share_row rows[] = {
        {.id = SPAN("f"), .circle = SPAN("above"), .source = SPAN(WATCH_FINDINGS), .moment = span_of(moment), .minutes = minutes, .level = level},
        {.id = SPAN("all"), .moment = SPAN("at_once")}};
    struct fed_sharing s = {.rows = moment[0] == '\0' ? rows + 1 : rows, .count = moment[0] == '\0' ? 1 : 2};
    assert_int_equal(fed_sharing_put(w->node[0]->kr.db, &s, SPAN("anna"), w->now, &e), 0);
}

bool world_warning(struct world *w, size_t node, const char *kind, const char *value,
                   struct arena *arena, struct fed_warning_row *out)
{
    struct fed_warning_row *rows = NULL;
    size_t n = 0;
    assert_int_equal(fed_warnings_list(w->node[node]->kr.db, INT64_MAX, FED_WARNING_PAGE_MAX, false,
                                       arena, &rows, &n, &e),
                     0);
    for (size_t i = 0; i < n; i++) {
        if (span_eq(rows[i].kind, span_of(kind)) && span_eq(rows[i].value, span_of(value))) {
            *out = rows[i];
            return true;
        }
    }
    return false;
}

void world_from_above(struct world *w, const char *circle, const char *from, const char *ip,
                      int64_t version, bool withdrawn, const char *onward)
{
    struct arena a;
    struct buf digest;
    char id[WARNING_ID_LEN + 1];
    arena_init(&a, 0);
    buf_init(&digest, 2 << 20);
    struct warning *body = arena_alloc(&a, sizeof *body);
    struct span way = span_of(from);
    *body = (struct warning){.version = version, .kind = COMMUNITY_INDICATOR,
                             .value = span_of(arena_printf(&a, "ip:%s", ip)), .title = SPAN("T"),
                             .level = LEVEL_HIGH, .seen = 7, .first = signal_bucket(w->now), .last = signal_bucket(w->now),
                             .withdrawn = withdrawn, .nindicators = 1,
                             .indicators = {{FED_INDICATOR_IP, span_of(ip)}}};
    while (way.len > 0) {
        ptrdiff_t blank = span_find(way, ' ');
        size_t n = blank < 0 ? way.len : (size_t)blank;
        body->derived[body->nderived++] = (struct warning_source){
            span_sub(way, 0, n), SPAN("0123456789abcdef0123456789abcdef"), 1};
        way = span_sub(way, n + 1, way.len);
    }
    warning_make_id(span_of(circle), body->kind, body->value, id);
    body->id = span_of(id);
    assert_int_equal(warning_digest(warning_body(&a, body), span_of(circle), 1, span_of(onward), &a,
                                    &digest, &e),
                     0);
    const struct watch_issue i = {.draft = {.circle = span_of(circle),
                                            .expires_s = (w->now + TIME_DAY) / TIME_SECOND}};
    apply(w->node[0], &i, SPAN(WORLD_HUB_ABOVE), &digest, true);
    buf_free(&digest);
    arena_fini(&a);
}

int64_t world_number(struct world *w, size_t node, const char *sql)
{
    struct db_stmt *s = NULL;
    if (db_query(w->node[node]->kr.db, sql, &e, &s) < 0 || db_step(s, &e) != 1) {
        fail_msg("%s: %s", sql, e.text);
    }
    int64_t v = db_col_i64(s, 0);
    db_done(s);
    return v;
}
