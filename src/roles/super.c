/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The supervisor's life: start, signals, what the roles tell it, reload, the order of the end. See super.h.
 * Started by `sereno serve`; it is the parent of all other roles. Must never parse what a role sends beyond its few
 * fixed messages, nor anything from a log or the network.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "os/listen.h"
#include "os/notify.h"
#include "roles/node_status.h"

/* What runs, in the order in which it is stopped: along the flow, so that nothing acked is lost. */
static const enum role_id stop_order[] = {ROLE_COMPILER, ROLE_INTAKE, ROLE_CORRELATOR, ROLE_HUNTER,
                                          ROLE_KEEPER,   ROLE_DESK,   ROLE_COURIER};

/* ---- config ---- */

static struct config *load_config(const struct super_options *o, struct err *e)
{
    struct config *c = mem_alloc(sizeof *c);
    config_init(c);
    if (config_load(c, o->config_path, e) != 0) {
        config_fini(c);
        mem_free(c);
        return NULL;
    }
    return c;
}

static bool wants_journal(const struct config *c)
{
    for (uint32_t i = 0; i < c->nsources; i++) {
        if (c->sources[i].kind == SOURCE_JOURNAL) {
            return true;
        }
    }
    return false;
}

static void log_problem(const char *event, const struct err *e)
{
    log_error(event, "where=\"%s\" line=%u why=\"%s\"", e->where, e->line, e->text);
}

static void send_reload(struct super *s, struct child *c)
{
    struct buf b;
    buf_init(&b, SUPER_CONFIG_MAX);
    config_encode(s->config, c->role, &b);
    if (!b.failed) {
        (void)!child_send(c, MSG_RELOAD, buf_view(&b), NULL);
    }
    buf_free(&b);
}

/* A changed config and changed rules, without a pause; what is wrong is logged and changes nothing. */
static void reload(struct super *s)
{
    struct err e = {0};
    (void)notify_send("RELOADING=1");
    struct config *next = load_config(&s->options, &e);
    if (next != NULL) {
        next->data_dir =
            span_of(arena_strdup(&next->arena, s->data_dir)); /* moving needs a restart */
        demo_add(s, next);
        if (next->intakes != s->config->intakes) {
            log_warn("config.intakes", "now=%u wanted=%u note=\"another number needs a restart\"",
                     s->config->intakes, next->intakes);
            next->intakes = s->config->intakes;
        }
    }
    if (next == NULL || fds_open(s, next, &e) != 0) {
        log_problem("config.refused", &e);
        if (next != NULL) {
            config_fini(next);
            mem_free(next);
        }
    } else {
        config_fini(s->config);
        mem_free(s->config);
        s->config = next;
        for (size_t i = 0; i < s->children.len; i++) {
            struct child *c = s->children.data[i];
            if (c->role != ROLE_COMPILER && child_runs(c)) {
                send_reload(s, c);
                if (c->role != ROLE_INTAKE || c->has_rules) {
                    fds_hand(s, c);
                }
            }
        }
        journal_want(s, wants_journal(next));
        carry_tidy(s);
        log_info("config.reloaded", "sources=%u", next->nsources);
    }
    rules_build(s);
    (void)notify_send("READY=1");
}

/* ---- what roles tell ---- */

/* Text from a role on the operator's terminal: what could drive the terminal is taken out. */
static void print_safe(struct span text)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    while (p < end) {
        size_t n = 1;
        int32_t cp = utf8_decode(p, end, &n);
        bool plain = cp == '\n' || (cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0));
        (void)fwrite(plain ? p : "?", 1, plain ? n : 1, stdout);
        p += n;
    }
}

/* What waited, between empty lines, on a terminal in bold: it is what the operator has to act on. */
static void print_notes(struct super *s)
{
    bool bold = isatty(STDOUT_FILENO) == 1;
    if (s->notes.len > 0 && !s->options.quiet) {
        (void)fputs(bold ? "\n\033[1m" : "\n", stdout);
        print_safe(buf_view(&s->notes));
        (void)fputs(bold ? "\033[0m\n" : "\n", stdout);
        (void)fflush(stdout);
    }
    buf_clear(&s->notes);
}

/* Notes of the start are the last thing printed, so that they stay in sight. */
static void take_note(struct super *s, struct span text)
{
    buf_span(&s->notes, text);
    buf_cstr(&s->notes, "\n");
    if (s->was_up || s->notes.failed) {
        print_notes(s);
    }
}

static void take_bad_peer(struct child *c, struct span body)
{
    struct cursor in = cursor_of(body);
    uint32_t role = cursor_u32(&in);
    uint32_t instance = cursor_u32(&in);
    struct span why = cursor_str(&in);
    char text[LOG_VALUE_MAX];
    struct child *bad = cursor_done(&in) && role < ROLE_COUNT
                            ? super_child(c->super, (enum role_id)role, instance)
                            : NULL;
    if (bad == NULL || bad == c) {
        child_kill(c, "it accuses nobody");
        return;
    }
    log_error("peer.bad", "told_by=%s role=%s why=\"%s\"", role_name(c->role), role_name(bad->role),
              log_value(why, text));
    child_kill(bad, "it broke the message table");
}

static void take_ready(struct child *c)
{
    if (c->state != CHILD_STARTING) {
        return;
    }
    c->state = CHILD_READY;
    c->ready_at = c->ponged_at = clock_mono();
    log_info("role.ready", "role=%s instance=%u pid=%d", role_name(c->role), c->instance,
             (int)c->pid);
    super_all_ready(c->super);
    super_tell_status(c->super);
}

void super_on_message(struct child *c, struct ipc_msg *msg)
{
    struct super *s = c->super;
    switch (msg->type) {
    case MSG_READY:
        take_ready(c);
        break;
    case MSG_PONG:
        c->ponged_at = clock_mono();
        break;
    case MSG_BAD_PEER:
        take_bad_peer(c, msg->body);
        break;
    case MSG_NOTE:
        take_note(s, msg->body);
        break;
    case MSG_JOURNAL_FROM:
        journal_from(s, msg->body);
        break;
    case MSG_RULES_SET:
    case MSG_RULES_DONE:
    case MSG_RULES_KEEP:
    case MSG_RULES_AGAIN:
        if (c == s->hunts.compiler) {
            hunts_on_message(s, msg);
        } else {
            rules_on_message(s, msg);
        }
        break;
    case MSG_SOURCE_RELEASE: {
        struct cursor in = cursor_of(msg->body);
        struct span name = cursor_str(&in);
        if (cursor_done(&in)) {
            holds_release(s, name);
        }
        break;
    }
    case MSG_DOCTOR_ASK:
        doctor_start(s);
        break;
    case MSG_LEARNT:
        learnt_take(s, c, msg->body);
        break;
    case MSG_COPY_OPEN:
    case MSG_COPY_CLOSE:
        copy_on_message(s, msg);
        break;
    case MSG_COPY_CARRIED:
    case MSG_COPY_MOVED:
        carry_on_courier(s, msg);
        break;
    case MSG_HUNT_RULES:
        hunts_build(s, msg->body);
        break;
    default: /* MSG_STOPPED, MSG_RULES_IN_USE: good to know; the end of the process is what counts */
        break;
    }
}

void super_tell_status(struct super *s)
{
    struct child *desk = super_child(s, ROLE_DESK, 0);
    if (desk == NULL || !child_runs(desk)) {
        return;
    }
    static struct node_status status; /* too large for the stack; super has one thread */
    status.started = s->started;
    status.sandbox = !sandbox_is_built()           ? NODE_SANDBOX_OFF
                     : sandbox_landlock_abi() == 0 ? NODE_SANDBOX_WEAKER
                                                   : NODE_SANDBOX_ON;
    status.count = 0;
    for (size_t i = 0; i < s->children.len && status.count < NODE_ROLES_MAX; i++) {
        const struct child *c = s->children.data[i];
        if (c->role != ROLE_COMPILER) {
            status.roles[status.count++] =
                (struct node_role){span_of(role_name(c->role)), c->pid, c->restarts};
        }
    }
    struct buf b;
    buf_init(&b, 64 << 10);
    node_status_encode(&b, &status);
    (void)!child_send(desk, MSG_NODE_STATUS, buf_view(&b), NULL);
    buf_free(&b);
}

static const char *desk_address(const struct super *s, char out[LISTEN_TEXT_MAX])
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        if (s->holdings.data[i]->kind == FD_LISTEN_DESK) {
            return listen_format(s->holdings.data[i]->fd, out);
        }
    }
    return "?";
}

void super_all_ready(struct super *s)
{
    if (s->was_up || s->rules.fd < 0) {
        return;
    }
    for (size_t i = 0; i < s->children.len; i++) {
        const struct child *c = s->children.data[i];
        if (c->role != ROLE_COMPILER && c->state != CHILD_READY) {
            return;
        }
    }
    s->was_up = true;
    char address[LISTEN_TEXT_MAX];
    (void)desk_address(s, address);
    log_info("node.ready", "desk=%s data=\"%s\" sources=%u", address, s->data_dir,
             s->config->nsources);
    if (!s->options.quiet) {
        (void)printf("Sereno is watching %u source%s. Desk: %s://%s/\n", s->config->nsources,
                     s->config->nsources == 1 ? "" : "s", s->config->desk.tls ? "https" : "http",
                     address);
        (void)fflush(stdout);
    }
    print_notes(s);
    (void)notify_send("READY=1\nSTATUS=watching");
}

/* ---- the end ---- */

static void kill_all(struct super *s)
{
    for (size_t i = 0; i < s->children.len; i++) {
        child_kill(s->children.data[i], "interrupted twice");
    }
}

/* Stops the next role in order; when none is left, ends the loop. */
void super_stop_next(struct super *s)
{
    for (size_t k = 0; k < ARRAY_LEN(stop_order); k++) {
        bool running = false;
        for (size_t i = 0; i < s->children.len; i++) {
            struct child *c = s->children.data[i];
            if (c->role != stop_order[k] || c->pid == 0) {
                continue;
            }
            running = true;
            if (c->state != CHILD_STOPPING && c->state != CHILD_DYING) {
                child_stop(c);
            }
        }
        if (running) {
            return; /* those behind it in the flow wait until it has ended */
        }
    }
    uv_stop(&s->loop);
}

void super_stop(struct super *s, int status)
{
    if (s->stopping) {
        return;
    }
    s->stopping = true;
    s->status = status;
    log_info("node.stopping", "status=%d", status);
    (void)notify_send("STOPPING=1");
    journal_stop(s);
    super_stop_next(s);
}

/* ---- signals and time ---- */

static void reap(struct super *s)
{
    int status = 0;
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if (c->pid != 0 && waitpid(c->pid, &status, WNOHANG) == c->pid) {
            child_exited(c, status);
        }
    }
    if (s->journal.pid != 0 && waitpid(s->journal.pid, &status, WNOHANG) == s->journal.pid) {
        journal_exited(s, status);
    }
    doctor_reap(s);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct super *s = handle->data;
    if (signum == SIGCHLD) {
        reap(s);
    } else if (signum == SIGHUP) {
        if (!s->stopping) {
            reload(s);
        }
    } else if (s->stopping) {
        kill_all(s);
    } else {
        super_stop(s, 0);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct super *s = timer->data;
    time_ns now = clock_mono();
    reap(s);
    if (now - s->started_mono > (time_ns)SUPER_NOTES_WAIT_S * TIME_SECOND) {
        print_notes(s); /* something keeps the node from being ready; the desk may work all the same */
    }
    for (size_t i = 0; i < s->children.len; i++) {
        child_tick(s->children.data[i], now);
    }
    if (!s->stopping) {
        fds_tick(s);
        journal_tick(s, now);
        doctor_tick(s, now);
        rules_tick(s, now);
        if (demo_changed(s)) {
            reload(s);
        }
    }
    if (s->watchdog_us != 0 && now - s->watchdog_at > (time_ns)s->watchdog_us * 1000 / 3) {
        s->watchdog_at = now;
        (void)notify_send("WATCHDOG=1");
    }
}

static void start_loop(struct super *s)
{
    static const int signums[] = {SIGCHLD, SIGHUP, SIGINT, SIGTERM};
    (void)signal(SIGPIPE, SIG_IGN);
    MUST(uv_loop_init(&s->loop));
    for (size_t i = 0; i < ARRAY_LEN(signums); i++) {
        s->signals[i].data = s;
        MUST(uv_signal_init(&s->loop, &s->signals[i]));
        MUST(uv_signal_start(&s->signals[i], on_signal, signums[i]));
    }
    s->tick.data = s;
    MUST(uv_timer_init(&s->loop, &s->tick));
    MUST(uv_timer_start(&s->tick, on_tick, SUPER_TICK_MS, SUPER_TICK_MS));
    s->watchdog_us = notify_watchdog_us();
}

/* All processes first, then the channels between them, then the word to start: so each begins with all its peers. */
static int start_roles(struct super *s, struct err *e)
{
    const struct {
        enum role_id role;
        uint32_t instances;
    } roles[] = {{ROLE_KEEPER, 1},     {ROLE_DESK, 1},
                 {ROLE_COURIER, 1},    {ROLE_CORRELATOR, 1},
                 {ROLE_INTAKE, s->config->intakes}, {ROLE_HUNTER, s->config->hunters}};
    s->compiler = child_new(s, ROLE_COMPILER, 0);
    s->hunts.compiler = child_new(s, ROLE_COMPILER, 1);
    s->compiler->due = s->hunts.compiler->due = TIME_NONE;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        for (uint32_t k = 0; k < roles[i].instances; k++) {
            struct child *c = child_new(s, roles[i].role, k);
            int rc = child_spawn(c, e);
            if (rc != 0) {
                return rc;
            }
            child_connect(c); /* with those that are there; the later ones connect with it */
        }
    }
    for (size_t i = 0; i < s->children.len; i++) {
        if (s->children.data[i]->role != ROLE_COMPILER) {
            child_begin(s->children.data[i]);
        }
    }
    rules_build(s);
    return 0;
}

static int check_sandbox(const struct super *s, struct err *e)
{
    if (!sandbox_is_built()) {
        log_warn("sandbox.absent", "reason=\"sanitizer build\"");
        return 0;
    }
    if (sandbox_landlock_abi() == 0 && !s->options.weaker) {
        return err_set(
            e, ERR_UNSUPPORTED,
            "this kernel has no Landlock, which keeps the roles away from files they have no "
            "business with (Linux 5.13 with landlock in lsm= has it); --weaker-sandbox goes "
            "on with seccomp alone");
    }
    return 0;
}

/* A hub has two connections of each member: as many files as the system lets this user have. */
static void raise_files(const struct config *c)
{
    struct rlimit limit;
    if (c->hub.at.listen.len > 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start(struct super *s, struct err *e)
{
    int rc = check_sandbox(s, e);
    if (rc == 0) {
        s->config = load_config(&s->options, e);
        rc = s->config == NULL ? ERR_INVALID : data_open(s, e);
    }
    if (rc == 0) {
        holds_load(s);
        demo_add(s, s->config);
    }
    rc = rc == 0 ? fds_open(s, s->config, e) : rc;
    if (rc != 0) {
        return rc;
    }
    raise_files(s->config);
    kept_open(s);
    carry_tidy(s);
    journal_want(s, wants_journal(s->config));
    start_loop(s);
    return start_roles(s, e);
}

static void tell_not_started(const struct super_options *o, const struct err *e)
{
    if (!o->quiet_log) {
        log_problem("node.start", e);
    } else if (e->where[0] != '\0') {
        (void)fprintf(stderr, "Sereno did not start: %s:%u: %s\n", e->where, e->line, e->text);
    } else {
        (void)fprintf(stderr, "Sereno did not start: %s\n", e->text);
    }
}

int super_run(const struct super_options *options)
{
    struct super *s = mem_alloc(sizeof *s);
    s->options = *options;
    s->lock_fd = s->rules.fd = s->rules.cache.dir = -1;
    s->journal.due = TIME_NONE;
    s->started = clock_now();
    s->started_mono = clock_mono();
    buf_init(&s->notes, SUPER_NOTES_MAX);
    log_init("super", options->quiet_log ? LOG_WARN : LOG_INFO);
    (void)umask(077);
    struct err e = {0};
    if (start(s, &e) != 0) {
        tell_not_started(options, &e);
        for (size_t i = 0; i < s->children.len; i++) {
            if (s->children.data[i]->pid != 0) {
                (void)kill(s->children.data[i]->pid, SIGKILL);
            }
        }
        return 1;
    }
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    fds_close_all(s);
    rules_cache_close(&s->rules.cache);
    log_info("node.stopped", "status=%d", s->status);
    if (copy_is_busy(s)) {
        _exit(s->status); /* libuv would wait at exit for a thread that waits for a disk elsewhere; nothing is lost with it */
    }
    return s->status;
}
