/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From rule folders to a rule set in every intake: super reads the files without looking into them, a short-lived
 * compiler makes a sealed region of them, super hands it out. The old set stays in use until then, so a reload is no
 * pause, and a compiler that dies costs nothing. Runs in super.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "roles/bundle.h"
#include "roles/rules_wire.h"

enum { COMPILER_NICE = 15 /* of a reload */ };
enum { LEARNT_EVERY_S = 24 * 3600 }; /* rules are planned anew by what was learnt, where that is much more */
enum { RETRY_S = 10 }; /* after a compiler that died before there was any rule set */

static void add_folder(struct bundle *b, enum bundle_kind kind, struct span path)
{
    struct err e = {0};
    if (bundle_add(b, kind, arena_cstr(&b->arena, path), &e) != 0) {
        log_error("rules.folder", "why=\"%s\"", e.text);
    }
}

/* What ships with the program is named "rules/…": where this machine keeps it is nobody's business on a page. */
static void add_shipped(struct bundle *b, enum bundle_kind kind, const char *folder, const char *word)
{
    size_t first = b->files.len;
    struct span root = span_of(folder);
    add_folder(b, kind, root);
    for (size_t i = first; i < b->files.len; i++) {
        struct span *name = &b->files.data[i].name;
        if (span_starts(*name, root)) {
            *name = span_of(arena_printf(&b->arena, "%s%.*s", word,
                                         SPAN_ARG(span_sub(*name, root.len, name->len))));
        }
    }
}

/*
 * A city's own rules lie with its data and need no config. Below them, in federation/, lie those that other nodes sent
 * and that were taken: they may add alerts and change nothing else. After a set that killed the compiler they stay out.
 */
static void add_own(struct super *s, struct bundle *b)
{
    const char *own = arena_printf(&b->arena, "%s/rules", s->data_dir);
    struct span foreign = span_of(arena_printf(&b->arena, "%s/federation/", own));
    size_t kept = b->files.len;
    add_folder(b, BUNDLE_RULE, span_of(own));
    for (size_t i = kept; i < b->files.len; i++) {
        struct bundle_file f = b->files.data[i];
        if (span_starts(f.name, foreign)) {
            f.kind = BUNDLE_FOREIGN;
            f.name = span_of(arena_printf(&b->arena, "federation/%.*s",
                                          SPAN_ARG(span_sub(f.name, foreign.len, f.name.len))));
        }
        if (f.kind != BUNDLE_FOREIGN || !s->rules.without_foreign) {
            s->rules.has_foreign = s->rules.has_foreign || f.kind == BUNDLE_FOREIGN;
            b->files.data[kept++] = f;
        }
    }
    b->files.len = kept;
}

void rules_add_sources(struct super *s, struct bundle *b)
{
    if (s->options.sources_dir != NULL) {
        add_shipped(b, BUNDLE_SOURCE, s->options.sources_dir, "sources");
    }
    const char *own = arena_printf(&b->arena, "%s/sources", s->data_dir);
    struct stat st;
    if (stat(own, &st) == 0) {
        add_folder(b, BUNDLE_SOURCE, span_of(own));
    }
}

/* The node goes on: what comes is kept, and a hunt finds it later. */
static void tell_without_sources(const struct bundle *b)
{
    for (size_t i = 0; i < b->files.len; i++) {
        if (b->files.data[i].kind == BUNDLE_SOURCE) {
            return;
        }
    }
    log_error("rules.blind", "why=\"no description of a log source is there: no rule can match. The program is not installed "
                             "whole, or SERENO_SHARE names a folder without sources\"");
}

static void fill(struct super *s, struct bundle *b)
{
    const struct config *c = s->config;
    for (uint32_t i = 0; i < c->nrules; i++) {
        add_folder(b, BUNDLE_RULE, c->rules[i]);
    }
    if (c->nrules == 0 && s->options.rules_dir != NULL) {
        add_shipped(b, BUNDLE_RULE, s->options.rules_dir, "rules");
    }
    add_own(s, b);
    rules_add_sources(s, b);
    tell_without_sources(b);
    add_folder(b, BUNDLE_SOURCE, span_of(arena_printf(&b->arena, "%s/learnt", s->data_dir)));
    for (size_t i = 0; i < b->problems.len; i++) {
        char name[LOG_VALUE_MAX];
        log_error("rules.file", "file=\"%s\" why=\"%.*s\"",
                  log_value(b->problems.data[i].name, name), SPAN_ARG(b->problems.data[i].text));
    }
}

int rules_to_memfd(struct span bytes, int *fd_out, struct err *e)
{
    int fd = memfd_create("sereno-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc = fd < 0 ? err_set_errno(e, ERR_IO, errno, "memory for the rule files") : 0;
    while (rc == 0 && bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n > 0) {
            bytes = span_sub(bytes, (size_t)n, bytes.len);
        } else if (n == 0 || errno != EINTR) {
            rc = err_set_errno(e, ERR_IO, errno, "memory for the rule files");
        }
    }
    if (rc == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "sealing the rule files");
    }
    if (rc == 0) {
        *fd_out = fd;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static int make_bundle(struct super *s, struct buf *out, struct err *e)
{
    struct bundle bundle;
    bundle_init(&bundle);
    fill(s, &bundle);
    bundle_encode(&bundle, out);
    bundle_fini(&bundle);
    return out->failed ? err_set(e, ERR_LIMIT, "more than %d MiB of rules", SUPER_BUNDLE_MAX >> 20) : 0;
}

static int start_compiler(struct super *s, uint16_t type, uint64_t bytes, const int *fd, struct err *e)
{
    int rc = child_spawn(s->compiler, e);
    if (rc == 0) {
        struct buf b;
        buf_init(&b, 64);
        buf_u64(&b, s->rules.building);
        buf_u64(&b, bytes);
        if (type == MSG_RULES_INPUT) {
            buf_u8(&b, 0);
        }
        if (s->rules.fd >= 0) { /* the watch goes on meanwhile, and comes first */
            const struct sched_param none = {0};
            (void)setpriority(PRIO_PROCESS, (id_t)s->compiler->pid, COMPILER_NICE);
            (void)sched_setscheduler(s->compiler->pid, SCHED_BATCH, &none); /* and yields to whoever wakes */
        }
        child_connect(s->compiler);
        child_begin(s->compiler);
        rc = child_send(s->compiler, type, buf_view(&b), fd);
        buf_free(&b);
    }
    return rc;
}

/* Takes out what is kept, or has it compiled. */
static int build(struct super *s, struct err *e)
{
    struct buf bundle;
    int fd = -1;
    uint64_t bytes = 0;
    buf_init(&bundle, SUPER_BUNDLE_MAX);
    int rc = make_bundle(s, &bundle, e);
    if (rc == 0) {
        s->rules.telling = kept_use(s, buf_view(&bundle), &fd, &bytes);
        if (!s->rules.telling) {
            bytes = bundle.len;
            rc = rules_to_memfd(buf_view(&bundle), &fd, e);
        }
    }
    buf_free(&bundle);
    if (rc == 0 && fd < 0) { /* the same as before */
        s->rules.building = 0;
        return 0;
    }
    rc = rc == 0 ? start_compiler(s, s->rules.telling ? MSG_RULES_TELL : MSG_RULES_INPUT, bytes, &fd, e) : rc;
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

void rules_build(struct super *s)
{
    if (s->rules.building != 0) {
        s->rules.again = true;
        return;
    }
    /* Later than any generation of an earlier run, which the keeper may have stored. */
    uint64_t now = (uint64_t)(clock_now() / TIME_SECOND);
    uint64_t last = s->rules.generation;
    s->rules.building = now > last ? now : last + 1;
    s->rules.started_at = clock_mono();
    s->rules.again = false;
    s->rules.has_foreign = false;
    struct err e = {0};
    if (last != 0) { /* not at a start: that is to be quick, and finds the set that was kept */
        (void)learnt_adopt(s);
    }
    if (build(s, &e) != 0) {
        log_error("rules.build", "why=\"%s\"", e.text);
        if (s->compiler->pid == 0) {
            rules_compiler_exited(s, -1);
        } else {
            child_kill(s->compiler, e.text);
        }
    }
}

void rules_hand(struct super *s, struct child *c)
{
    if (s->rules.fd < 0 || !child_runs(c) || (c->role != ROLE_INTAKE && c->role != ROLE_CORRELATOR)) {
        return;
    }
    struct buf b;
    buf_init(&b, 64);
    buf_u64(&b, s->rules.address);
    buf_u64(&b, s->rules.bytes);
    buf_u64(&b, s->rules.generation);
    c->has_rules = child_send(c, MSG_RULES, buf_view(&b), &s->rules.fd) == 0;
    buf_free(&b);
}

bool rules_switch_to(struct super *s, uint64_t address, uint64_t bytes, uint64_t generation, int fd)
{
    if (s->rules.fd >= 0 && address == s->rules.address) {
        (void)close(fd);
        return false;
    }
    if (s->rules.fd >= 0) {
        (void)close(s->rules.fd);
    }
    s->rules.fd = fd;
    s->rules.address = address;
    s->rules.bytes = bytes;
    s->rules.generation = generation;
    s->rules.used_known = s->rules.cached;
    memcpy(s->rules.used_key, s->rules.key, sizeof s->rules.used_key);
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *child = s->children.data[i];
        bool first = !child->has_rules;
        rules_hand(s, child);
        if (child->role == ROLE_INTAKE && first && child->has_rules) {
            fds_hand(s, child);
        }
    }
    log_info("rules.ready", "generation=%llu bytes=%llu ms=%lld kept=%d", (unsigned long long)generation,
             (unsigned long long)bytes,
             (long long)((clock_mono() - s->rules.started_at) / 1000000), s->rules.telling);
    super_all_ready(s);
    return true;
}

static void take_set(struct super *s, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    uint64_t address = cursor_u64(&c);
    uint64_t bytes = cursor_u64(&c);
    uint64_t generation = cursor_u64(&c);
    if (!cursor_done(&c) || generation != s->rules.building || s->rules.telling) {
        child_kill(s->compiler, "it sent a rule set that was not asked for");
        return;
    }
    if (!rules_switch_to(s, address, bytes, generation, ipc_msg_take_fd(msg, 0))) {
        log_info("rules.again", "why=\"the address of the set in use came up\"");
        s->rules.again = true; /* one in 4,096: the next one has another address */
    }
}

static void log_done(struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    struct rules_done d;
    rules_done_decode(&c, &d);
    if (c.failed) {
        return;
    }
    log_line(d.usable ? LOG_INFO : LOG_ERROR, "rules.compiled",
             "rules=%u correlations=%u refused=%u warnings=%u unreachable=%u usable=%d", d.rules,
             d.correlations, d.refused, d.warnings, d.unreachable, d.usable);
    if (d.rules > 0 && d.unreachable >= d.rules) {
        log_warn("rules.unreachable", "why=\"no source of this node feeds any of its %u rules\"", d.rules);
    }
    for (uint32_t i = 0; i < d.listed; i++) {
        struct rules_refusal r;
        char file[LOG_VALUE_MAX], reason[LOG_VALUE_MAX];
        rules_refusal_decode(&c, &r);
        if (c.failed) {
            return;
        }
        log_warn("rule.refused", "file=\"%s\" line=%u why=\"%s\"", log_value(r.file, file), r.line,
                 log_value(r.reason, reason));
    }
}

void rules_on_message(struct super *s, struct ipc_msg *msg)
{
    if (msg->type == MSG_RULES_AGAIN) {
        s->rules.without_foreign = false;
        rules_build(s);
    } else if (msg->type == MSG_RULES_SET) {
        take_set(s, msg);
    } else if (msg->type == MSG_RULES_KEEP) {
        kept_take(s, msg);
    } else if (msg->type == MSG_RULES_DONE) {
        log_done(msg);
    }
}

void rules_compiler_exited(struct super *s, int status)
{
    bool clean = status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    s->rules.building = 0;
    if (s->stopping) {
        super_stop_next(s);
        return;
    }
    bool none_yet = s->rules.fd < 0;
    if (!clean && s->rules.telling) { /* the words, or the keeper: compiled anew, once */
        s->rules.used_known = false;
        s->rules.distrust = true;
        s->rules.retry_at = clock_mono() + RETRY_S * TIME_SECOND;
        return;
    }
    if (!clean && s->rules.has_foreign) {
        log_error("rules.foreign", "why=\"the compiler died of a set with rules of other nodes: they stay out\"");
        s->rules.without_foreign = true;
        rules_build(s);
    } else if (!clean && none_yet) {
        s->rules.retry_at = clock_mono() + RETRY_S * TIME_SECOND;
    } else if (s->rules.again) {
        rules_build(s);
    }
}

void rules_tick(struct super *s, time_ns now)
{
    if (s->rules.retry_at != 0 && now >= s->rules.retry_at && !s->stopping) {
        s->rules.retry_at = 0;
        rules_build(s);
    }
    if (now - s->rules.learnt_at >= LEARNT_EVERY_S * TIME_SECOND && s->rules.fd >= 0 && !s->stopping) {
        bool first = s->rules.learnt_at == 0;
        s->rules.learnt_at = now;
        if (!first && learnt_adopt(s)) {
            rules_build(s);
        }
    }
}
