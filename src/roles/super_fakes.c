/* SPDX-License-Identifier: EUPL-1.2 */
/* The roles of super_test: see super_fakes.h. */
#include "roles/super_fakes.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/region.h"
#include "roles/rules_wire.h"

enum { FAKE_MAGIC = 0x46414b45 };

const char *super_fakes_mode(void)
{
    const char *m = getenv("SUPER_TEST_MODE");
    return m == NULL ? "" : m;
}

static struct region fake_region;
static int fake_words = -1;

static int fake_compiler_preload(struct role *r, struct err *e)
{
    (void)r;
    int rc = region_create_stored("fake-words", &fake_words, e);
    return rc == 0 ? region_create(&fake_region, "fake-rules", e) : rc;
}

static int fake_start(struct role *r, const struct config *config, struct err *e)
{
    (void)r, (void)config, (void)e;
    return 0;
}

static int fake_desk_start(struct role *r, const struct config *config, struct err *e)
{
    if (strcmp(super_fakes_mode(), "desk-cannot-start") == 0) {
        return err_set(e, ERR_INVALID, "as the test wants it");
    }
    role_note(r, "link \x1b[31mhttp://%.*s/setup\x07", SPAN_ARG(config->desk.listen));
    return 0;
}

/* A set that was kept: super hands over what was told of it. */
static void fake_compiler_tells(struct role *r, struct ipc_msg *msg)
{
    char text[16] = "";
    int fd = ipc_msg_take_fd(msg, 0);
    CHECK(pread(fd, text, sizeof text - 1, 0) == 9);
    role_note(r, "told %s", text);
    role_stopped(r);
}

static void fake_compiler_message(struct role *r, enum role_id peer, uint32_t instance,
                                  struct ipc *ch, struct ipc_msg *msg)
{
    (void)peer, (void)instance;
    if (msg->type == MSG_RULES_TELL) {
        fake_compiler_tells(r, msg);
        return;
    }
    CHECK(msg->type == MSG_RULES_INPUT);
    struct cursor c = cursor_of(msg->body);
    uint64_t generation = cursor_u64(&c);
    uint64_t bytes = cursor_u64(&c);
    int bundle = ipc_msg_take_fd(msg, 0);
    char head[4] = {0};
    CHECK(bytes >= 4 && pread(bundle, head, sizeof head, 0) == 4);
    *(uint32_t *)fake_region.base = FAKE_MAGIC;
    struct err e = {0};
    if (region_seal(&fake_region, 64, &e) != 0) {
        role_fail(r, "sealing", &e);
    }
    struct buf b;
    buf_init(&b, 4096);
    buf_u64(&b, (uint64_t)(uintptr_t)fake_region.address);
    buf_u64(&b, fake_region.size);
    buf_u64(&b, generation);
    MUST(ipc_send_fds(ch, MSG_RULES_SET, 0, buf_view(&b), &fake_region.fd, 1));
    if (strcmp(super_fakes_mode(), "keep") == 0) {
        int fd = fake_words;
        CHECK(write(fd, "the words", 9) == 9);
        buf_clear(&b);
        buf_u64(&b, generation);
        buf_u64(&b, 9);
        MUST(ipc_send_fds(ch, MSG_RULES_KEEP, 0, buf_view(&b), &fd, 1));
    }
    buf_clear(&b);
    const struct rules_done done = {generation, true, 1, 0, 0, 0, 1, 0, 1};
    rules_done_encode(&b, &done);
    rules_refusal_encode(&b, &(struct rules_refusal){SPAN("bad.yml"), 7, SPAN("no reason")});
    MUST(ipc_send(ch, MSG_RULES_DONE, 0, buf_view(&b)));
    buf_free(&b);
    role_stopped(r);
}

static void fake_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    (void)instance, (void)ch;
    role_note(r, "peer %s", role_name(peer));
}

static void fake_intake_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    fake_peer(r, peer, instance, ch);
    if (strcmp(super_fakes_mode(), "bad-peer") == 0) {
        /* Past the codec, straight into the newest socket, which is the keeper's: what a taken-over role would do. */
        for (int fd = 100; fd > 3; fd--) {
            if (send(fd, "................................", 32, MSG_NOSIGNAL) == 32) {
                break;
            }
        }
    }
}

static void fake_intake_message(struct role *r, enum role_id peer, uint32_t instance,
                                struct ipc *ch, struct ipc_msg *msg)
{
    (void)peer, (void)instance, (void)ch;
    if (msg->type == MSG_FLIGHT || msg->type == MSG_SOURCES_HELD) {
        return; /* test_hold.py has a real intake that crashes */
    }
    CHECK(msg->type == MSG_RULES);
    static const void *old;
    static int old_fd;
    struct cursor c = cursor_of(msg->body);
    uint64_t address = cursor_u64(&c);
    (void)cursor_u64(&c);
    uint64_t generation = cursor_u64(&c);
    struct err e = {0};
    int fd = ipc_msg_take_fd(msg, 0);
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    const void *map = region_map(fd, (void *)(uintptr_t)address, &e);
    if (map == NULL) {
        role_fail(r, "mapping", &e);
    }
    CHECK(map != NULL && *(const uint32_t *)map == FAKE_MAGIC);
    if (old != NULL) {
        region_unmap(old_fd, old);
    }
    if (strcmp(super_fakes_mode(), "learn") == 0) { /* the first set: a little is known; each further one: twice as much */
        static uint64_t events = 6000;
        struct buf b;
        buf_init(&b, 4096);
        buf_u64(&b, events);
        buf_cstr(&b, "sereno-frequencies 1\n");
        MUST(ipc_send(ch, MSG_LEARNT, 0, buf_view(&b)));
        buf_free(&b);
        role_note(r, "learnt from %llu", (unsigned long long)events);
        events *= 2;
    }
    role_note(r, "rules %s generation %llu", old == NULL ? "first" : "next",
              (unsigned long long)generation);
    old = map;
    old_fd = fd;
}

static void fake_fd(struct role *r, struct role_fd *f)
{
    char text[64] = "";
    if (f->kind == FD_FILE) {
        ssize_t n = pread(f->fd, text, sizeof text - 1, 0);
        text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
    }
    role_note(r, "fd %d source %d from_start %d text %s", (int)f->kind, (int)f->source,
              f->from_start, text);
    (void)close(f->fd);
    if (f->kind == FD_JOURNAL && strcmp(super_fakes_mode(), "journal") == 0) {
        static const char *const asked[] = {"s=1;i=2 --file=/etc/passwd", "s=1;i=2"};
        static size_t next;
        if (next < ARRAY_LEN(asked)) { /* a place that is none, then one that no journal knows */
            MUST(ipc_send(role_super(r), MSG_JOURNAL_FROM, 0, span_of(asked[next++])));
        }
        if (next == 1) {
            MUST(ipc_send(role_super(r), MSG_JOURNAL_FROM, 0, span_of(asked[next++])));
        }
    }
    if (strcmp(super_fakes_mode(), "hang") == 0 && f->kind == FD_LISTEN_INGEST) {
        for (;;) {
            (void)poll(NULL, 0, -1);
        }
    }
}

static void fake_fd_close(struct role *r, enum fd_kind kind, struct span name)
{
    role_note(r, "closed %d %.*s", (int)kind, SPAN_ARG(name));
}

static void fake_stop(struct role *r)
{
    role_note(r, "stopping");
    role_stopped(r);
}

static const struct role_ops fake_compiler = {.role = ROLE_COMPILER,
                                              .profile = SANDBOX_COMPILER,
                                              .preload = fake_compiler_preload,
                                              .start = fake_start,
                                              .on_message = fake_compiler_message};
static const struct role_ops fake_intake = {.role = ROLE_INTAKE,
                                            .profile = SANDBOX_INTAKE,
                                            .start = fake_start,
                                            .on_peer = fake_intake_peer,
                                            .on_fd = fake_fd,
                                            .on_fd_close = fake_fd_close,
                                            .on_message = fake_intake_message,
                                            .on_stop = fake_stop};
static const struct role_ops fake_keeper = {.role = ROLE_KEEPER,
                                            .profile = SANDBOX_KEEPER,
                                            .start = fake_start,
                                            .on_peer = fake_peer,
                                            .on_stop = fake_stop};
static const struct role_ops fake_desk = {.role = ROLE_DESK,
                                          .profile = SANDBOX_DESK,
                                          .start = fake_desk_start,
                                          .on_peer = fake_peer,
                                          .on_fd = fake_fd,
                                          .on_stop = fake_stop};
static const struct role_ops fake_courier = {ROLE_COURIER, SANDBOX_COURIER, .start = fake_start, .on_stop = fake_stop};
static const struct role_ops fake_hunter = {ROLE_HUNTER, SANDBOX_HUNTER, .start = fake_start, .on_stop = fake_stop};
static const struct role_ops fake_correlator = {ROLE_CORRELATOR, SANDBOX_CORRELATOR, .start = fake_start, .on_stop = fake_stop};
const struct role_ops *const super_fakes[] = {&fake_compiler, &fake_intake, &fake_correlator, &fake_hunter,
                                               &fake_keeper,   &fake_desk,   &fake_courier};
const size_t super_fakes_count = ARRAY_LEN(super_fakes);
