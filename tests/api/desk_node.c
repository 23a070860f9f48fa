/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node for the tests of the desk: real super, keeper, desk and courier in their sandboxes, a
 * compiler that tells one rule, and an intake that makes an alert of each datagram
 * "level|host|user|title|record" on its syslog socket. usage: desk_node CONFIG DATA
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "archive/window.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/alert.h"
#include "os/region.h"
#include "records/rules.h"
#include "records/sources.h"
#include "roles/role.h"
#include "roles/rules_wire.h"
#include "roles/super.h"
#include "roles/window_codec.h"

enum { DATAGRAM_MAX = 60000 };

static const char rule_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* ---- compiler ---- */

static struct region region;

static int compiler_preload(struct role *r, struct err *e)
{
    (void)r;
    return region_create(&region, "test-rules", e);
}

static int plain_start(struct role *r, const struct config *config, struct err *e)
{
    (void)r, (void)config, (void)e;
    return 0;
}

static void tell_rule(struct ipc *keeper, uint64_t generation)
{
    struct rule_row rule = {
        .hash = SPAN("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
        .rule_id = SPAN("5e5e5e5e-0000-4000-8000-000000000001"),
        .title = SPAN("Test rule"),
        .author = SPAN("Sereno"),
        .file = SPAN("test/rule.yml"),
        .description = SPAN("Fires for the tests."),
        .license = SPAN("EUPL-1.2"),
        .condition = SPAN("selection"),
        .references = SPAN("[\"https://example.org/\"]"),
        .tags = SPAN("[\"attack.t1078\"]"),
        .falsepositives = SPAN("[]"),
        .text = SPAN("title: Test rule\n"),
        .level = LEVEL_HIGH,
    };
    struct buf b;
    CHECK(strlen(rule_hash) == RULE_HASH_LEN);
    buf_init(&b, 1 << 16);
    buf_u64(&b, generation);
    rule_encode(&b, &rule);
    MUST(ipc_send(keeper, MSG_RULE, 0, buf_view(&b)));
    buf_clear(&b);
    const struct rules_done done = {
        .generation = generation, .usable = true, .rules = 1, .refused = 1, .listed = 1};
    rules_done_encode(&b, &done);
    rules_refusal_encode(&b, &(struct rules_refusal){SPAN("bad.yml"), 7, SPAN("no condition")});
    MUST(ipc_send(keeper, MSG_RULES_DONE, 0, buf_view(&b)));
    buf_free(&b);
}

static void compiler_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                             struct ipc_msg *msg)
{
    (void)peer, (void)instance;
    if (msg->type != MSG_RULES_INPUT) {
        return;
    }
    struct cursor c = cursor_of(msg->body);
    uint64_t generation = cursor_u64(&c);
    struct err e = {0};
    struct buf b;
    if (region_seal(&region, 64, &e) != 0) {
        role_fail(r, "sealing", &e);
    }
    buf_init(&b, 4096);
    buf_u64(&b, (uint64_t)(uintptr_t)region.address);
    buf_u64(&b, region.size);
    buf_u64(&b, generation);
    MUST(ipc_send_fds(ch, MSG_RULES_SET, 0, buf_view(&b), &region.fd, 1));
    buf_clear(&b);
    const struct rules_done done = {.generation = generation, .usable = true, .rules = 1};
    rules_done_encode(&b, &done);
    MUST(ipc_send(ch, MSG_RULES_DONE, 0, buf_view(&b)));
    buf_free(&b);
    tell_rule(role_peer(r, ROLE_KEEPER, 0), generation);
    role_stopped(r);
}

/* ---- intake ---- */

static struct role *intake;
static struct window *window;
static uint64_t number;
static int socket_fd = -1;
static uv_poll_t poller;

static struct span part(struct span *rest)
{
    ptrdiff_t bar = span_find(*rest, '|');
    struct span one = span_sub(*rest, 0, bar < 0 ? rest->len : (size_t)bar);
    *rest = bar < 0 ? SPAN("") : span_sub(*rest, (size_t)bar + 1, rest->len);
    return one;
}

static void count_event(struct ipc *keeper, struct span organisation, time_ns now)
{
    struct source_row row = {.name = span_eq(organisation, SPAN("lantern")) ? SPAN("test") : organisation,
                             .kind = SPAN("syslog-udp"),
                             .product = SPAN("linux"),
                             .organisation = organisation,
                             .events = 1,
                             .dropped_at = TIME_NONE,
                             .last_event = now};
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_u64(&b, 0);
    buf_u64(&b, 0);
    buf_u32(&b, 1);
    source_encode(&b, &row);
    MUST(ipc_send(keeper, MSG_PULSE, 0, buf_view(&b)));
    buf_free(&b);
}

static void fill_alert(struct span text, time_ns now, struct alert *a, struct alert_why *why,
                       struct alert_field *field, struct span *record)
{
    memset(a, 0, sizeof *a);
    memset(why, 0, sizeof *why);
    struct span level = part(&text); /* "high", of whom it is behind an @ */
    ptrdiff_t at = span_find(level, '@');
    if (!alert_level_parse(span_sub(level, 0, at < 0 ? level.len : (size_t)at), &a->level)) {
        a->level = LEVEL_LOW;
    }
    a->host = part(&text);
    a->user = part(&text);
    a->title = part(&text);
    *record = text;
    a->rule_id = SPAN("5e5e5e5e-0000-4000-8000-000000000001");
    a->rule_hash = SPAN("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    a->time = a->received = a->last_time = now;
    a->count = 1;
    a->organisation = at < 0 ? SPAN("lantern") : span_sub(level, (size_t)at + 1, level.len);
    a->source = SPAN("test");
    a->product = SPAN("linux");
    a->summary = span_sub(text, 0, 200);
    *why = (struct alert_why){.selection = SPAN("selection"),
                              .field = SPAN("message"),
                              .operator_ = SPAN("contains"),
                              .wanted = SPAN("x"),
                              .value = text,
                              .nmarks = 1};
    why->marks[0][1] = (uint32_t)(text.len < 4 ? text.len : 4);
    *field = (struct alert_field){SPAN("message"), text};
    a->why = why;
    a->nwhy = 1;
    a->fields = field;
    a->nfields = 1;
}

static void send_window(struct ipc *keeper, struct span text)
{
    time_ns now = clock_now();
    struct alert a;
    struct alert_why why;
    struct alert_field field;
    struct span original;
    fill_alert(text, now, &a, &why, &field, &original);
    struct archive_record record = {.organisation = a.organisation,
                                    .source = a.source,
                                    .class_name = SPAN("linux"),
                                    .host = a.host,
                                    .time = now,
                                    .received = now,
                                    .original = original};
    CHECK(window_fits(window, &record));
    uint32_t arrival = window_add(window, &record);
    struct archive_window w = {.intake = 77, .id = ++number, .received = now};
    window_seal(window, &w.blocks, &w.nblocks);
    window_place(window, arrival, &a.block, &a.index);
    struct buf body;
    struct buf b;
    buf_init(&body, ALERT_MAX_BYTES);
    alert_encode(&body, &a);
    struct archive_alert_in in = {.block = a.block, .index = a.index, .body = buf_view(&body)};
    w.alerts = &in;
    w.nalerts = 1;
    buf_init(&b, WINDOW_MESSAGE_MAX);
    window_encode(&b, &w);
    MUST(ipc_send(keeper, MSG_WINDOW, 0, buf_view(&b)));
    buf_free(&b);
    buf_free(&body);
    window_reset(window);
    count_event(keeper, a.organisation, now);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    static char text[DATAGRAM_MAX];
    (void)p, (void)status, (void)events;
    ssize_t n = recv(socket_fd, text, sizeof text, MSG_DONTWAIT);
    struct ipc *keeper = role_peer(intake, ROLE_KEEPER, 0);
    if (n > 0 && keeper != NULL) {
        send_window(keeper, span_make(text, (size_t)n));
    }
}

static int intake_start(struct role *r, const struct config *config, struct err *e)
{
    (void)config, (void)e;
    intake = r;
    randombytes_buf(&number, 4);
    window = window_new(1);
    return 0;
}

static void intake_fd(struct role *r, struct role_fd *f)
{
    if (f->kind != FD_SYSLOG_UDP) {
        (void)close(f->fd);
        return;
    }
    socket_fd = f->fd;
    MUST(uv_poll_init(role_loop(r), &poller, f->fd));
    MUST(uv_poll_start(&poller, UV_READABLE, on_readable));
}

static const struct role_ops test_compiler = {.role = ROLE_COMPILER,
                                              .profile = SANDBOX_COMPILER,
                                              .preload = compiler_preload,
                                              .start = plain_start,
                                              .on_message = compiler_message};
static const struct role_ops test_intake = {
    .role = ROLE_INTAKE, .profile = SANDBOX_INTAKE, .start = intake_start, .on_fd = intake_fd};
static const struct role_ops test_correlator = {
    .role = ROLE_CORRELATOR, .profile = SANDBOX_CORRELATOR, .start = plain_start};
static const struct role_ops *const table[] = {&test_compiler, &test_intake, &test_correlator,
                                               &role_ops_keeper, &role_ops_desk, &role_ops_courier,
                                               &role_ops_hunter};

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        return 1;
    }
    int status = role_main(argc, argv, table, ARRAY_LEN(table));
    if (status >= 0) {
        return status;
    }
    if (argc != 3) {
        (void)fputs("usage: desk_node CONFIG DATA\n", stderr);
        return 2;
    }
    log_init("super", LOG_INFO);
    struct super_options options = {.config_path = argv[1], .data_dir = argv[2], .weaker = true};
    return super_run(&options);
}
