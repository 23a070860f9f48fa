/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rule sets for hunts: the keeper says which texts, a compiler of their own makes a region of them (with the sources of
 * this node), the hunter that was named gets it. One at a time, beside the compiler of the node's rules, so that a hunt
 * never delays a reload. Runs in super, which looks into none of it.
 */
#include "roles/super_priv.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "roles/bundle.h"

enum { HUNTS_WAITING_MAX = 64 }; /* a hunter has one at a time; more are of tries that are over */

static void tell_refused(struct super *s, uint64_t run, const char *why)
{
    struct child *keeper = super_child(s, ROLE_KEEPER, 0);
    struct buf b;
    buf_init(&b, 2048);
    buf_u64(&b, run);
    buf_str(&b, span_of(why));
    log_error("hunt.rules", "run=%llu why=\"%s\"", (unsigned long long)run, why);
    if (keeper != NULL && child_runs(keeper)) {
        (void)!child_send(keeper, MSG_HUNT_REFUSED, buf_view(&b), NULL);
    }
    buf_free(&b);
}

static void drop_first(struct super *s)
{
    struct hunt_builds *h = &s->hunts;
    buf_free(&h->queue.data[0].rules);
    memmove(&h->queue.data[0], &h->queue.data[1], (h->queue.len - 1) * sizeof h->queue.data[0]);
    h->queue.len--;
}

static int fill(struct super *s, const struct hunt_build *build, struct bundle *b, struct err *e)
{
    struct cursor c = cursor_of(buf_view(&build->rules));
    uint32_t n = cursor_u32(&c);
    rules_add_sources(s, b);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        struct span name = cursor_str(&c);
        struct span text = cursor_str(&c);
        if (!c.failed && text.len <= BUNDLE_FILE_MAX && b->files.len < BUNDLE_FILES_MAX) {
            /* What a warning brought is tried behind the fence it would be taken behind. */
            bool foreign = memmem(name.ptr, name.len, "/federation/", 12) != NULL;
            vec_push(&b->files, (struct bundle_file){foreign ? BUNDLE_FOREIGN : BUNDLE_RULE, name, text});
        }
    }
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "the rules of the hunt are broken");
}

static int make_input(struct super *s, const struct hunt_build *build, int *fd_out,
                      uint64_t *bytes_out, struct err *e)
{
    struct bundle bundle;
    struct buf b;
    bundle_init(&bundle);
    buf_init(&b, SUPER_BUNDLE_MAX);
    int rc = fill(s, build, &bundle, e);
    if (rc == 0) {
        bundle_encode(&bundle, &b);
        rc = b.failed ? err_set(e, ERR_LIMIT, "too many rules")
                      : rules_to_memfd(buf_view(&b), fd_out, e);
        *bytes_out = b.len;
    }
    buf_free(&b);
    bundle_fini(&bundle);
    return rc;
}

static int start_compiler(struct super *s, const struct hunt_build *build, struct err *e)
{
    int fd = -1;
    uint64_t bytes = 0;
    struct child *c = s->hunts.compiler;
    struct buf b;
    int rc = make_input(s, build, &fd, &bytes, e);
    rc = rc == 0 ? child_spawn(c, e) : rc;
    if (rc == 0) {
        buf_init(&b, 64);
        buf_u64(&b, build->run);
        buf_u64(&b, bytes);
        buf_u8(&b, 1);
        child_begin(c);
        rc = child_send(c, MSG_RULES_INPUT, buf_view(&b), &fd);
        buf_free(&b);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

/* The next in line, when the compiler is free. */
static void build_next(struct super *s)
{
    while (s->hunts.queue.len > 0 && s->hunts.compiler->pid == 0 && !s->stopping) {
        struct err e = {0};
        const struct hunt_build *build = &s->hunts.queue.data[0];
        s->hunts.made = false;
        if (start_compiler(s, build, &e) == 0) {
            return;
        }
        if (s->hunts.compiler->pid != 0) {
            child_kill(s->hunts.compiler, e.text); /* its end tells the keeper */
            return;
        }
        tell_refused(s, build->run, e.text);
        drop_first(s);
    }
}

void hunts_build(struct super *s, struct span body)
{
    struct cursor c = cursor_of(body);
    struct hunt_build build = {.run = cursor_u64(&c), .instance = cursor_u32(&c)};
    struct span rules = cursor_take(&c, cursor_left(&c));
    if (c.failed || s->hunts.queue.len >= HUNTS_WAITING_MAX) {
        tell_refused(s, build.run, "too many hunts begin at once");
        return;
    }
    buf_init(&build.rules, rules.len + 1);
    buf_span(&build.rules, rules);
    vec_push(&s->hunts.queue, build);
    build_next(s);
}

void hunts_on_message(struct super *s, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    (void)cursor_take(&c, 16); /* address and size: the hunter checks them */
    uint64_t run = cursor_u64(&c);
    if (msg->type != MSG_RULES_SET) {
        return; /* counts and refusals: the hunter finds them in the region */
    }
    if (!cursor_done(&c) || s->hunts.queue.len == 0 || run != s->hunts.queue.data[0].run ||
        s->hunts.made) {
        child_kill(s->hunts.compiler, "it sent a rule set that was not asked for");
        return;
    }
    s->hunts.made = true;
    struct child *hunter = super_child(s, ROLE_HUNTER, s->hunts.queue.data[0].instance);
    int fd = ipc_msg_take_fd(msg, 0);
    if (hunter != NULL && child_runs(hunter)) {
        (void)!child_send(hunter, MSG_RULES, msg->body, &fd); /* one that died is asked for again */
    }
    (void)close(fd);
}

void hunts_compiler_exited(struct super *s, int status)
{
    if (s->stopping) {
        super_stop_next(s);
        return;
    }
    if (s->hunts.queue.len > 0) {
        if (!s->hunts.made) {
            tell_refused(s, s->hunts.queue.data[0].run,
                         WIFSIGNALED(status) ? "its rules killed the compiler"
                                             : "its rules could not be compiled");
        }
        drop_first(s);
    }
    build_next(s);
}
