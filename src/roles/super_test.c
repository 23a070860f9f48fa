/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The supervisor with real processes: this program starts itself as a node whose roles are small fakes in their real
 * sandboxes. The test reads the node's log and waits for what must come; it never sleeps.
 */
#include "roles/super.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "os/spawn.h"
#include "roles/role.h"
#include "roles/super_fakes.h"

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
    if (n->len == sizeof n->text - 1 || poll(&p, 1, 120000) != 1) {
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

    put_file("data/rules/own.yml", "title: one\n");
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
    put_file("data/rules/own.yml", "title: another\n");
    assert_int_equal(kill(n.pid, SIGHUP), 0);
    (void)node_expect(&n, "config.reloaded sources=2");
    (void)node_expect(&n, "closed 3 127.0.0.1:0"); /* the two syslog sockets */
    (void)node_expect(&n, "closed 2 127.0.0.1:0");
    (void)node_expect(&n, "fd 4 source 0 from_start 0 text other line");
    (void)node_expect(&n, "fd 4 source 1 from_start 0 text new line"); /* with its new place */
    (void)node_expect(&n, "rules next generation");
    node_stop(&n);
}

/* Changes a byte in the middle of the one kept rule set. */
static void spoil_kept(void)
{
    DIR *d = opendir(in_folder("data/cache"));
    size_t n = 0;
    assert_non_null(d);
    for (const struct dirent *i = readdir(d); i != NULL; i = readdir(d)) {
        if (i->d_name[0] != '.') {
            int fd = openat(dirfd(d), i->d_name, O_RDWR | O_CLOEXEC);
            assert_int_equal(pwrite(fd, "spoilt", 6, 500), 6);
            (void)close(fd);
            n++;
        }
    }
    (void)closedir(d);
    assert_int_equal(n, 1);
}

static void test_rules_are_kept(void **state)
{
    (void)state;
    static struct node n;
    node_start(&n, "keep");
    (void)node_expect(&n, " kept=0");
    (void)node_anywhere(&n, "node.ready"); /* before the compiler's end, or after it */
    (void)node_anywhere(&n, "role.ended role=compiler");
    assert_int_equal(kill(n.pid, SIGHUP), 0);
    (void)node_expect(&n, "rules.same"); /* nothing changed: nothing to do */
    node_stop(&n);
    assert_null(strstr(n.text, "rules next"));

    node_start(&n, "keep");
    (void)node_expect(&n, " kept=1");
    (void)node_anywhere(&n, "rules first generation"); /* mapped, and its magic found */
    (void)node_anywhere(&n, "told the words");
    (void)node_anywhere(&n, "node.ready");
    node_stop(&n);

    spoil_kept();
    node_start(&n, "keep");
    (void)node_expect(&n, "rules.cache why=\"its keyed hash is wrong");
    (void)node_expect(&n, " kept=0"); /* and compiled instead */
    (void)node_expect(&n, "role.ended role=compiler");
    node_stop(&n);

    char rules[PATH_MAX + 64];
    (void)snprintf(rules, sizeof rules, "%s", in_folder("data/rules/own.yml"));
    put_file("data/rules/own.yml", "title: other rules\n");
    node_start(&n, "keep");
    (void)node_expect(&n, " kept=0"); /* other rules, another set */
    (void)node_expect(&n, "role.ended role=compiler");
    assert_int_equal(unlink(rules), 0);
    assert_int_equal(kill(n.pid, SIGHUP), 0);
    (void)node_expect(&n, " kept=1"); /* back to the first: kept too */
    (void)node_expect(&n, "rules next generation");
    node_stop(&n);
    assert_null(strstr(n.text, "rules.cache"));
}

static void test_what_was_learnt_is_adopted_when_it_is_much_more(void **state)
{
    (void)state;
    static struct node n;
    struct stat st;
    node_start(&n, "learn");
    (void)node_expect(&n, "node.ready");
    (void)node_anywhere(&n, "learnt from 6000");
    (void)node_anywhere(&n, "rules first generation");
    for (int i = 0; i < 3; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "title: rules %d\n", i);
        put_file("data/rules/own.yml", text);
        assert_int_equal(kill(n.pid, SIGHUP), 0);
        if (i == 2) { /* 6,000 are too few, 12,000 enough, and 24,000 are twice as many */
            (void)node_expect(&n, "rules.adopted instance=0 events=24000 before=12000");
        } else if (i == 1) {
            (void)node_expect(&n, "rules.adopted instance=0 events=12000 before=0");
        }
        (void)node_expect(&n, "rules next generation");
    }
    assert_int_equal(stat(in_folder("data/learnt/intake-0.tsv"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    node_stop(&n);
    (void)unlink(in_folder("data/learnt/intake-0.tsv"));
    (void)unlink(in_folder("data/learnt/intake-0.new"));
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
    (void)unlink(in_folder("data/rules/own.yml"));
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
                                        "data/keys/node.seal", "data/keys/node.tls.key", "data/keys/rules-cache.key",
                                        "data/keys/seal.key"};
    static const char *const folders[] = {"data/keys", "data/archive", "data/rules", "data/cache", "data/learnt", "data"};
    DIR *kept = opendir(in_folder("data/cache"));
    for (const struct dirent *i = kept == NULL ? NULL : readdir(kept); i != NULL; i = readdir(kept)) {
        (void)unlinkat(dirfd(kept), i->d_name, 0);
    }
    if (kept != NULL) {
        (void)closedir(kept);
    }
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
                                    .hang_s = strcmp(super_fakes_mode(), "hang") == 0 ? 2 : 0};
    return super_run(&o);
}

int main(int argc, char **argv)
{
    int rc = role_main(argc, argv, super_fakes, super_fakes_count);
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
        T(test_rules_are_kept),
        T(test_what_was_learnt_is_adopted_when_it_is_much_more),
        T(test_bad_peer_is_killed),
        T(test_hanging_role_is_aborted),
        T(test_journal),
        T(test_role_that_cannot_start),
        T(test_orphans_end),
    };
    return cmocka_run_group_tests(tests, group_before, group_after);
}
