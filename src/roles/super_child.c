/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One child of super: its start, its channels to the others, watchdog, end and return. See super_priv.h for the states.
 * Runs in super. Every state change happens here.
 */
#include "roles/super_priv.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/spawn.h"

/* Who talks to whom. */
static const struct {
    enum role_id a, b;
} wires[] = {
    {ROLE_INTAKE, ROLE_KEEPER},
    {ROLE_CORRELATOR, ROLE_KEEPER},
    {ROLE_KEEPER, ROLE_DESK},
    {ROLE_DESK, ROLE_COURIER},
    {ROLE_COMPILER, ROLE_KEEPER},
    {ROLE_HUNTER, ROLE_KEEPER},
};

static time_ns seconds(int64_t s)
{
    return s * TIME_SECOND;
}

bool child_runs(const struct child *c)
{
    return c->pid != 0 && c->ch != NULL;
}

struct child *super_child(struct super *s, enum role_id role, uint32_t instance)
{
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if (c->role == role && c->instance == instance) {
            return c;
        }
    }
    return NULL;
}

struct child *child_new(struct super *s, enum role_id role, uint32_t instance)
{
    struct child *c = mem_alloc(sizeof *c);
    c->super = s;
    c->role = role;
    c->instance = instance;
    c->state = CHILD_DOWN;
    vec_push(&s->children, c);
    return c;
}

int child_send(struct child *c, uint16_t type, struct span body, const int *fd)
{
    if (c->ch == NULL) {
        return ERR_CLOSED;
    }
    int rc =
        fd == NULL ? ipc_send(c->ch, type, 0, body) : ipc_send_fds(c->ch, type, 0, body, fd, 1);
    if (rc != 0 && rc != ERR_CLOSED) { /* closed: its end is on its way to us */
        log_error("super.send", "role=%s type=%u why=\"%s\"", role_name(c->role), type,
                  err_name(rc));
    }
    return rc;
}

static void on_message(void *arg, struct ipc *ch, struct ipc_msg *msg)
{
    struct child *c = arg;
    (void)ch;
    super_on_message(c, msg);
}

static void on_closed(void *arg, struct ipc *ch, const struct err *e)
{
    struct child *c = arg;
    CHECK(c->ch == ch);
    ipc_free(&c->ch);
    if (e->code == ERR_INVALID) {
        child_kill(c, e->text);
        return;
    }
    if (c->pid != 0 &&
        c->state != CHILD_STOPPING) { /* it should be ending; if it hangs, it is helped */
        c->state = CHILD_DYING;
        c->due = clock_mono() + seconds(SUPER_ABORT_TO_KILL_S);
    }
}

/* What the keeper was sent may be a file of the second copy. */
static void close_sent(void *arg, int fd)
{
    struct child *c = arg;
    copy_close_fd(c->super, fd);
}

static int child_channel(struct child *c, int fd, struct err *e)
{
    const struct ipc_config config = {.table = messages_table(),
                                      .self = role_bit(ROLE_SUPER),
                                      .peer = role_bit(c->role),
                                      .peer_name = role_name(c->role),
                                      .arg = c,
                                      .on_message = on_message,
                                      .on_closed = on_closed,
                                      .close_fd = c->role == ROLE_KEEPER ? close_sent : NULL};
    c->ch = ipc_new(fd, &config);
    return ipc_attach(c->ch, &c->super->loop, e);
}

int child_spawn(struct child *c, struct err *e)
{
    enum { TEXT = 64 };
    char role[TEXT], fd[TEXT], instance[TEXT];
    char data[4096 + TEXT], weaker[] = "--weaker-sandbox", quiet_log[] = "--quiet-log", name[] = "sereno";
    int pair[2];
    struct super *s = c->super;
    (void)snprintf(role, sizeof role, "--role=%s", role_name(c->role));
    (void)snprintf(fd, sizeof fd, "--fd=%d", SPAWN_SOCKET_FD);
    (void)snprintf(instance, sizeof instance, "--instance=%u", c->instance);
    (void)snprintf(data, sizeof data, "--data=%s", s->data_dir);
    char *argv[8] = {name, role, fd, instance};
    size_t n = 4;
    if (c->role == ROLE_KEEPER) {
        argv[n++] = data;
    }
    if (s->options.weaker) {
        argv[n++] = weaker;
    }
    if (s->options.quiet_log) {
        argv[n++] = quiet_log;
    }
    int rc = ipc_pair(pair, e);
    if (rc != 0) {
        return rc;
    }
    const char *program = s->options.program == NULL ? spawn_self() : s->options.program;
    rc = spawn_program(program, argv, pair[1], -1, &c->pid, e);
    (void)close(pair[1]);
    if (rc != 0) {
        (void)close(pair[0]);
        c->pid = 0;
        return rc;
    }
    time_ns now = clock_mono();
    c->kills = 0;
    c->state = CHILD_STARTING;
    c->due = now + seconds(SUPER_START_MAX_S);
    c->pinged_at = c->ponged_at = now;
    c->has_rules = false;
    log_info("role.spawned", "role=%s instance=%u pid=%d", role_name(c->role), c->instance,
             (int)c->pid);
    return child_channel(c, pair[0], e);
}

static void tell_peer(struct child *c, const struct child *peer, int fd)
{
    struct buf b;
    buf_init(&b, 64);
    buf_u32(&b, (uint32_t)peer->role);
    buf_u32(&b, peer->instance);
    (void)!child_send(c, MSG_PEER, buf_view(&b), &fd);
    buf_free(&b);
}

static bool wired(enum role_id a, enum role_id b)
{
    for (size_t i = 0; i < ARRAY_LEN(wires); i++) {
        if ((wires[i].a == a && wires[i].b == b) || (wires[i].a == b && wires[i].b == a)) {
            return true;
        }
    }
    return false;
}

static void connect_two(struct child *a, struct child *b)
{
    int pair[2];
    struct err e = {0};
    if (ipc_pair(pair, &e) != 0) {
        log_error("super.wire", "a=%s b=%s why=\"%s\"", role_name(a->role), role_name(b->role),
                  e.text);
        return;
    }
    tell_peer(a, b, pair[0]);
    tell_peer(b, a, pair[1]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

void child_connect(struct child *c)
{
    struct super *s = c->super;
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *other = s->children.data[i];
        if (other != c && child_runs(other) && wired(c->role, other->role)) {
            connect_two(c, other);
        }
    }
}

void child_begin(struct child *c)
{
    struct super *s = c->super;
    struct buf b;
    buf_init(&b, SUPER_CONFIG_MAX);
    config_encode(s->config, c->role, &b);
    if (b.failed) {
        log_error("super.config", "role=%s why=\"too large\"", role_name(c->role));
    }
    (void)!child_send(c, MSG_START, buf_view(&b), NULL);
    buf_free(&b);
    if (c->role == ROLE_INTAKE) {
        holds_give_page(c);
    }
    if (c->role == ROLE_INTAKE || c->role == ROLE_KEEPER) {
        holds_tell(s, c); /* before its fds: a source on hold is not read even once */
    }
    rules_hand(s, c);
    /* Intake reads nothing before it has rules: what came earlier would pass unseen. */
    if (c->role != ROLE_INTAKE || c->has_rules) {
        fds_hand(s, c);
    }
}

void child_stop(struct child *c)
{
    if (c->pid == 0) {
        c->state = CHILD_GONE;
        return;
    }
    c->state = CHILD_STOPPING;
    c->due = clock_mono() + seconds(SUPER_STOP_MAX_S);
    if (child_send(c, MSG_STOP, SPAN(""), NULL) != 0) {
        (void)kill(c->pid, SIGKILL);
    }
}

void child_kill(struct child *c, const char *why)
{
    if (c->pid == 0) {
        return;
    }
    log_error("role.killed", "role=%s instance=%u pid=%d why=\"%s\"", role_name(c->role),
              c->instance, (int)c->pid, why);
    (void)kill(c->pid, SIGKILL);
}

/* Killed, and still there: it waits in the kernel for a disk that does not answer. The node's end does not wait for that. */
static void leave_behind(struct child *c)
{
    log_error("role.stuck", "role=%s instance=%u pid=%d why=\"killed, and the kernel does not let it end: what disk does it wait for?\"",
              role_name(c->role), c->instance, (int)c->pid);
    c->pid = 0;
    c->state = CHILD_GONE;
    c->super->status = 1;
    super_stop_next(c->super);
}

static void log_exit(const struct child *c, pid_t pid, int status)
{
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool expected = (c->state == CHILD_STOPPING || c->role == ROLE_COMPILER) && clean;
    const char *how = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit";
    int code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    log_line(expected ? LOG_INFO : LOG_ERROR, "role.ended",
             "role=%s instance=%u pid=%d how=\"%s\" code=%d%s", role_name(c->role), c->instance,
             (int)pid, how, code,
             WIFSIGNALED(status) && code == SIGSYS ? " note=\"stopped by its sandbox\"" : "");
}

static void plan_restart(struct child *c, time_ns now)
{
    if (c->ready_at != 0 && now - c->ready_at > seconds(SUPER_STEADY_S)) {
        c->failures = 0;
    }
    int64_t wait = c->failures < 6 ? INT64_C(1) << c->failures : SUPER_BACKOFF_MAX_S;
    c->failures++;
    c->restarts++;
    c->state = CHILD_DOWN;
    c->due = now + seconds(wait);
    c->ready_at = 0;
    log_info("role.restart", "role=%s instance=%u in_s=%lld", role_name(c->role), c->instance,
             (long long)wait);
}

void child_exited(struct child *c, int status)
{
    struct super *s = c->super;
    log_exit(c, c->pid, status);
    if (!s->stopping) {
        holds_after(c, status);
    }
    c->pid = 0;
    ipc_free(&c->ch);
    if (c->role == ROLE_COURIER) {
        carry_lost(s);
    }
    if (c == s->hunts.compiler) {
        c->state = CHILD_DOWN;
        c->due = TIME_NONE;
        hunts_compiler_exited(s, status);
        return;
    }
    if (c == s->compiler) {
        c->state = CHILD_DOWN;
        c->due = TIME_NONE;
        rules_compiler_exited(s, status);
        return;
    }
    if (c->role == ROLE_INTAKE && c->instance == 0) {
        journal_stop(
            s); /* what is in the old pipe is lost with it; the new one begins at the cursor */
    }
    if (s->stopping) {
        c->state = CHILD_GONE;
        super_stop_next(s);
        return;
    }
    if (!s->was_up && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        log_error("node.start", "why=\"%s could not start\"", role_name(c->role));
        c->state = CHILD_GONE;
        super_stop(s, 1);
        return;
    }
    plan_restart(c, clock_mono());
    super_tell_status(s);
}

static void restart(struct child *c)
{
    struct err e = {0};
    if (child_spawn(c, &e) != 0) {
        log_error("role.spawn", "role=%s why=\"%s\"", role_name(c->role), e.text);
        plan_restart(c, clock_mono());
        return;
    }
    child_connect(c);
    child_begin(c);
    super_tell_status(c->super);
    if (c->role == ROLE_KEEPER && c->super->rules.building != 0) {
        c->super->rules.retell = true;
        c->super->rules.again = true; /* the one that died may have missed part of the catalogue */
    }
}

static void watch(struct child *c, time_ns now)
{
    unsigned most = c->super->options.hang_s;
    if (now - c->ponged_at > seconds(most == 0 ? SUPER_PONG_MAX_S : most)) {
        log_error("role.hangs", "role=%s instance=%u pid=%d", role_name(c->role), c->instance,
                  (int)c->pid);
        (void)kill(c->pid, SIGABRT);
        c->state = CHILD_DYING;
        c->due = now + seconds(SUPER_ABORT_TO_KILL_S);
    } else if (now - c->pinged_at >= seconds(most == 0 ? SUPER_PING_S : 1)) {
        char body[8];
        struct buf b = {.data = body, .cap = sizeof body, .max = sizeof body};
        buf_u64(&b, (uint64_t)now);
        c->pinged_at = now;
        (void)!child_send(c, MSG_PING, buf_view(&b), NULL);
    }
}

void child_tick(struct child *c, time_ns now)
{
    switch (c->state) {
    case CHILD_DOWN:
        if (c->due != TIME_NONE && now >= c->due && !c->super->stopping) {
            restart(c);
        }
        break;
    case CHILD_STARTING:
    case CHILD_STOPPING:
    case CHILD_DYING:
        if (now >= c->due && c->super->stopping && c->kills >= SUPER_KILLS_MAX) {
            leave_behind(c);
        } else if (now >= c->due) {
            c->kills++;
            child_kill(c, c->state == CHILD_STARTING ? "not ready in time" : "does not end");
            c->due = now + seconds(SUPER_ABORT_TO_KILL_S);
        }
        break;
    case CHILD_READY:
        watch(c, now);
        break;
    case CHILD_GONE:
        break;
    }
}
