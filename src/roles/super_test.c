/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The supervisor with real processes: this program starts itself as a node whose roles are small fakes in their real
 * sandboxes. The test reads the node's log and waits for what must come; it never sleeps.
 */
#include "roles/super.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "os/region.h"
#include "os/spawn.h"
#include "roles/role.h"
#include "roles/rules_wire.h"

/* ---- the fakes ---- */

enum { FAKE_MAGIC = 0x46414b45 };

static const char *mode(void) /* what this run of the node is to show; inherited by the roles */
{
    const char *m = getenv("SUPER_TEST_MODE");
    return m == NULL ? "" : m;
}

static struct region fake_region;

static int fake_compiler_preload(struct role *r, struct err *e)
{
    (void)r;
    return region_create(&fake_region, "fake-rules", e);
}

static int fake_start(struct role *r, const struct config *config, struct err *e)
{
    (void)r, (void)config, (void)e;
    return 0;
}

static int fake_desk_start(struct role *r, const struct config *config, struct err *e)
{
    if (strcmp(mode(), "desk-cannot-start") == 0) {
        return err_set(e, ERR_INVALID, "as the test wants it");
    }
    role_note(r, "link \x1b[31mhttp://%.*s/setup\x07", SPAN_ARG(config->desk.listen));
    return 0;
}

static void fake_compiler_message(struct role *r, enum role_id peer, uint32_t instance,
                                  struct ipc *ch, struct ipc_msg *msg)
{
    (void)peer, (void)instance;
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
    if (strcmp(mode(), "bad-peer") == 0) {
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
    CHECK(*(const uint32_t *)map == FAKE_MAGIC);
    if (old != NULL) {
        region_unmap(old_fd, old);
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
    if (f->kind == FD_JOURNAL && strcmp(mode(), "journal") == 0) {
        static const char *const asked[] = {"s=1;i=2 --file=/etc/passwd", "s=1;i=2"};
        static size_t next;
        if (next < ARRAY_LEN(asked)) { /* a place that is none, then one that no journal knows */
            MUST(ipc_send(role_super(r), MSG_JOURNAL_FROM, 0, span_of(asked[next++])));
        }
        if (next == 1) {
            MUST(ipc_send(role_super(r), MSG_JOURNAL_FROM, 0, span_of(asked[next++])));
        }
    }
    if (strcmp(mode(), "hang") == 0 && f->kind == FD_LISTEN_INGEST) {
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
static const struct role_ops *const fakes[] = {&fake_compiler, &fake_intake, &fake_correlator, &fake_hunter,
                                               &fake_keeper,   &fake_desk,   &fake_courier};

/* ---- the node under test ---- */

static char folder[PATH_MAX];

struct node {
    pid_t pid;
    int out; /* its stdout and stderr */
    char text[64 << 10];
    size_t len, seen; /* bytes got, bytes already matched */
};

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const char *text)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static pid_t live[4]; /* nodes that a failed test left behind */

static void node_start(struct node *n, const char *with)
{
    int out[2];
    memset(n, 0, sizeof *n);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    n->pid = fork();
    assert_true(n->pid >= 0);
    if (n->pid == 0) {
        (void)setenv("SUPER_TEST_MODE", with, 1);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(out[1], STDERR_FILENO);
        (void)execl("/proc/self/exe", "super_test", "node", folder, (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    n->out = out[0];
    for (size_t i = 0; i < ARRAY_LEN(live); i++) {
        if (live[i] == 0) {
            live[i] = n->pid;
            return;
        }
    }
}

/* One read; false at the end. Fails the test when nothing comes for too long. */
static bool node_read(struct node *n, const char *waiting_for)
{
    struct pollfd p = {n->out, POLLIN, 0};
    if (n->len == sizeof n->text - 1 || poll(&p, 1, 30000) != 1) {
        (void)fputs(n->text, stderr);
        fail_msg("waiting for \"%s\"", waiting_for);
    }
    ssize_t got = read(n->out, n->text + n->len, sizeof n->text - 1 - n->len);
    n->len += got > 0 ? (size_t)got : 0;
    n->text[n->len] = '\0';
    return got > 0;
}

/* Waits for a text behind everything waited for before; returns what follows it. */
static const char *node_expect(struct node *n, const char *what)
{
    const char *hit = NULL;
    while ((hit = strstr(n->text + n->seen, what)) == NULL || strchr(hit, '\n') == NULL) {
        if (!node_read(n, what)) {
            (void)fprintf(stderr, "%s\n", n->text);
            fail_msg("\"%s\" did not come", what);
        }
    }
    n->seen = (size_t)(hit - n->text) + strlen(what);
    return n->text + n->seen;
}

/* As node_expect, anywhere in the text: for things that come in no fixed order. */
static const char *node_anywhere(struct node *n, const char *what)
{
    size_t seen = n->seen;
    n->seen = 0;
    const char *rest = node_expect(n, what);
    n->seen = seen;
    return rest;
}

static int node_end(struct node *n)
{
    while (node_read(n, "its end")) {
    }
    int status = -1;
    assert_int_equal(waitpid(n->pid, &status, 0), n->pid);
    (void)close(n->out);
    for (size_t i = 0; i < ARRAY_LEN(live); i++) {
        live[i] = live[i] == n->pid ? 0 : live[i];
    }
    return status;
}

static void node_stop(struct node *n)
{
    assert_int_equal(kill(n->pid, SIGTERM), 0);
    int status = node_end(n);
    if (status != 0) {
        fail_msg("ended with %#x:\n%s", (unsigned)status, n->text);
    }
}

static pid_t pid_after(const char *text, const char *key)
{
    const char *p = strstr(text, key);
    assert_non_null(p);
    p += strlen(key);
    uint64_t v = 0;
    assert_true(num_u64(span_make(p, strspn(p, "0123456789")), &v));
    return (pid_t)v;
}

static void test_start_and_order_of_the_end(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "");
    (void)node_expect(&n, "node.ready");
    (void)node_anywhere(&n, "peer intake");  /* keeper */
    (void)node_anywhere(&n, "peer keeper");  /* intake and desk */
    (void)node_anywhere(&n, "peer courier"); /* desk */
    (void)node_anywhere(&n, "rules first generation");
    (void)node_anywhere(&n, "rule.refused file=\"bad.yml\" line=7");
    (void)node_anywhere(&n, "fd 0 source -1 from_start 0"); /* the desk's socket */
    (void)node_anywhere(&n, "fd 1 source -1 from_start 0"); /* ingest */
    (void)node_anywhere(&n, "fd 2 source 1 from_start 0");  /* syslog TCP */
    (void)node_anywhere(&n, "fd 3 source 0 from_start 0");  /* syslog UDP */
    (void)node_anywhere(&n, "fd 4 source 2 from_start 0 text old line");
    /* a role cannot drive the operator's terminal */
    (void)node_anywhere(&n, "link ?[31mhttp://127.0.0.1:0/setup?\n");
    assert_null(memchr(n.text, 0x1b, n.len));

    node_stop(&n);
    (void)node_expect(&n, "stopping\n");
    (void)node_expect(&n, "role.ended role=intake");
    (void)node_expect(&n, "stopping\n");
    (void)node_expect(&n, "role.ended role=keeper");
    (void)node_expect(&n, "stopping\n");
    (void)node_expect(&n, "role.ended role=desk");
    (void)node_expect(&n, "stopping\n");
    (void)node_expect(&n, "role.ended role=courier");
    (void)node_expect(&n, "node.stopped status=0");
}

static void test_killed_role_comes_back(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "");
    (void)node_expect(&n, "node.ready");
    pid_t keeper = pid_after(node_anywhere(&n, "role.spawned role=keeper"), "pid=");
    assert_int_equal(kill(keeper, SIGKILL), 0);
    (void)node_expect(&n, "role.ended role=keeper");
    (void)node_expect(&n, "role.restart role=keeper instance=0 in_s=1\n");
    pid_t second = pid_after(node_expect(&n, "role.spawned role=keeper"), "pid=");
    assert_int_not_equal(second, keeper);
    (void)node_expect(&n, "role.ready role=keeper");
    assert_int_equal(kill(second, SIGSEGV), 0);
    (void)node_expect(&n, "role.restart role=keeper instance=0 in_s=2\n"); /* backing off */
    (void)node_expect(&n, "role.ready role=keeper");
    /* An intake that died gets the rules and its fds again, though nothing was compiled anew. */
    pid_t intake = pid_after(node_anywhere(&n, "role.spawned role=intake"), "pid=");
    assert_int_equal(kill(intake, SIGKILL), 0);
    (void)node_expect(&n, "role.restart role=intake instance=0 in_s=1\n");
    (void)node_expect(&n, "rules first generation");
    (void)node_expect(&n, "fd 4 source 2 from_start 0");
    node_stop(&n);
}

static void test_second_node_is_refused(void **state)
{
    (void)state;
    static struct node first, second;
    node_start(&first, "");
    (void)node_expect(&first, "node.ready");
    node_start(&second, "");
    char want[128];
    (void)snprintf(want, sizeof want, "another node, process %d ", (int)first.pid);
    (void)node_expect(&second, want);
    assert_int_equal(node_end(&second), 1 << 8);
    node_stop(&first);
    node_start(&second, ""); /* the lock went with the process */
    (void)node_expect(&second, "node.ready");
    node_stop(&second);
}

static void test_rotation_and_reload(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "");
    (void)node_expect(&n, "node.ready");
    (void)node_anywhere(&n, "text old line");
    char rotated[PATH_MAX + 64];
    (void)snprintf(rotated, sizeof rotated, "%s/app.log.1", folder);
    assert_int_equal(rename(in_folder("app.log"), rotated), 0);
    put_file("app.log", "new line\n");
    (void)node_expect(&n, "fd 4 source 2 from_start 1 text new line");

    put_file("sereno.yml", "nonsense: 1\n");
    assert_int_equal(kill(n.pid, SIGHUP), 0);
    (void)node_expect(&n, "config.refused");
    (void)node_expect(&n, "unknown key 'nonsense'");
    (void)node_expect(&n, "rules next generation"); /* rules are loaded anew all the same */

    put_file("sereno.yml", "intakes: 1\ndesk: {listen: '127.0.0.1:0'}\ningest: {listen: '127.0.0.1:0'}\n"
                           "sources:\n"
                           "  - {name: other, kind: file, path: other.log}\n"
                           "  - {name: app, kind: file, path: app.log}\n");
    put_file("other.log", "other line\n");
    assert_int_equal(kill(n.pid, SIGHUP), 0);
    (void)node_expect(&n, "config.reloaded sources=2");
    (void)node_expect(&n, "closed 3 127.0.0.1:0"); /* the two syslog sockets */
    (void)node_expect(&n, "closed 2 127.0.0.1:0");
    (void)node_expect(&n, "fd 4 source 0 from_start 0 text other line");
    (void)node_expect(&n, "fd 4 source 1 from_start 0 text new line"); /* with its new place */
    (void)node_expect(&n, "rules next generation");
    node_stop(&n);
}

static void test_bad_peer_is_killed(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "bad-peer");
    (void)node_expect(&n, "peer.bad peer=intake"); /* keeper noticed */
    (void)node_expect(&n, "peer.bad told_by=keeper role=intake");
    (void)node_expect(&n, "role.killed role=intake");
    (void)node_expect(&n, "role.restart role=intake");
    assert_int_equal(kill(n.pid, SIGTERM), 0);
    (void)node_end(&n);
    assert_null(strstr(n.text, "role.killed role=keeper"));
}

static void test_hanging_role_is_aborted(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "hang"); /* intake hangs in on_fd */
    (void)node_expect(&n, "role.hangs role=intake");
    (void)node_expect(&n, "role.ended role=intake");
    (void)node_expect(&n, "role.spawned role=intake"); /* and it will hang again */
    assert_int_equal(kill(n.pid, SIGTERM), 0);
    (void)node_expect(&n, "node.stopping");
    assert_int_equal(kill(n.pid, SIGINT), 0); /* twice: at once, without waiting for what hangs */
    (void)node_expect(&n, "interrupted twice");
    (void)node_end(&n);
}

static void test_journal(void **state)
{
    (void)state;
    static struct node n;
    if (config_journalctl() == NULL) {
        print_message("no journalctl on this machine\n");
        skip();
    }
    put_file("sereno.yml",
             "intakes: 1\ndesk: {listen: '127.0.0.1:0'}\ningest: {listen: '127.0.0.1:0'}\ndata: data\n"
             "sources: [{name: j, kind: journal}]\n");
    node_start(&n, "journal");
    (void)node_expect(&n, "from=now");
    (void)node_expect(&n, "fd 5 source 0");
    (void)node_anywhere(&n, "no cursor of the journal"); /* no argument is made of it */
    (void)node_expect(&n, "from=cursor");
    (void)node_expect(&n, "going on from now"); /* journalctl ends at once: not tried for ever */
    pid_t pid = pid_after(node_expect(&n, "journal.started"), "pid=");
    (void)node_expect(&n, "fd 5 source 0");
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)node_expect(&n, "journal.ended");
    (void)node_expect(&n, "journal.started");
    node_stop(&n);
}

static void test_role_that_cannot_start(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "desk-cannot-start");
    (void)node_expect(&n, "why=\"as the test wants it\"");
    (void)node_expect(&n, "desk could not start");
    assert_int_equal(node_end(&n), 1 << 8);
}

static void test_orphans_end(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "");
    (void)node_expect(&n, "node.ready");
    assert_int_equal(kill(n.pid, SIGKILL), 0);
    /* The pipe ends only when the last role has closed it. */
    assert_true(WIFSIGNALED(node_end(&n)));
}

/* ---- set-up ---- */

static int each_before(void **state)
{
    (void)state;
    put_file("sereno.yml",
             "intakes: 1\ndesk: {listen: '127.0.0.1:0'}\ningest: {listen: '127.0.0.1:0'}\ndata: data\n"
             "sources:\n"
             "  - {name: udp, kind: syslog-udp, listen: '127.0.0.1:0'}\n"
             "  - {name: tcp, kind: syslog-tcp, listen: '127.0.0.1:0'}\n"
             "  - {name: app, kind: file, path: app.log}\n");
    put_file("app.log", "old line\n");
    return 0;
}

static int each_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(live); i++) {
        if (live[i] != 0) {
            (void)kill(live[i], SIGKILL);
            (void)waitpid(live[i], NULL, 0);
            live[i] = 0;
        }
    }
    return 0;
}

static int group_before(void **state)
{
    (void)state;
    char made[] = "super-test-XXXXXX";
    return mkdtemp(made) != NULL && realpath(made, folder) != NULL ? 0 : -1;
}

static int group_after(void **state)
{
    (void)state;
    static const char *const files[] = {"sereno.yml", "app.log", "app.log.1", "other.log", "data/lock",
                                        "data/control", "data/keys/node.id", "data/keys/node.sign",
                                        "data/keys/node.seal", "data/keys/node.tls.key"};
    static const char *const folders[] = {"data/keys", "data/archive", "data/rules", "data"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)unlink(in_folder(files[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        (void)rmdir(in_folder(folders[i]));
    }
    return rmdir(folder);
}

static int node_main(const char *where)
{
    char config[PATH_MAX + 64];
    (void)snprintf(config, sizeof config, "%s/sereno.yml", where);
    const struct super_options o = {.config_path = config,
                                    .hang_s = strcmp(mode(), "hang") == 0 ? 2 : 0};
    return super_run(&o);
}

int main(int argc, char **argv)
{
    int rc = role_main(argc, argv, fakes, ARRAY_LEN(fakes));
    if (rc >= 0) {
        return rc;
    }
    if (argc == 3 && strcmp(argv[1], "node") == 0) {
        return node_main(argv[2]);
    }
#define T(f) cmocka_unit_test_setup_teardown(f, each_before, each_after)
    const struct CMUnitTest tests[] = {
        T(test_start_and_order_of_the_end),
        T(test_killed_role_comes_back),
        T(test_second_node_is_refused),
        T(test_rotation_and_reload),
        T(test_bad_peer_is_killed),
        T(test_hanging_role_is_aborted),
        T(test_journal),
        T(test_role_that_cannot_start),
        T(test_orphans_end),
    };
    return cmocka_run_group_tests(tests, group_before, group_after);
}
