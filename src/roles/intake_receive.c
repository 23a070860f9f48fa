/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What super hands to intake: sockets, files, the journal's pipe. Nothing is read before rules and
 * positions are here. Runs in intake, which can open nothing itself.
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/intake_priv.h"

enum { PEM_MAX_BYTES = 256 * 1024 /* a certificate chain */ };

static void count_unknown(void *ctx)
{
    struct intake *in = ctx;
    in->unknown++;
}

static char *read_pem(int fd)
{
    char *text = mem_alloc(PEM_MAX_BYTES + 1);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < PEM_MAX_BYTES; n += (size_t)got) {
        got = pread(fd, text + n, PEM_MAX_BYTES - n, (off_t)n);
        if (got < 0) {
            break;
        }
    }
    text[n] = '\0';
    (void)close(fd);
    return text;
}

static int start_http(struct intake *in, int fd, struct err *e)
{
    struct http_config config = {
        .fd = fd,
        .tls_cert = in->tls_cert == NULL ? SPAN("") : span_of(in->tls_cert),
        .tls_key = in->tls_key == NULL ? SPAN("") : span_of(in->tls_key),
        .sink = &in->sink,
        .tokens = &in->tokens,
        .ctx = in,
        .busy = intake_is_busy,
        .window = intake_window_of_last,
        .unknown = count_unknown,
    };
    if ((in->tls_cert != NULL && in->tls_cert[0] == '\0') ||
        (in->tls_key != NULL && in->tls_key[0] == '\0')) {
        (void)close(fd);
        return err_set(e, ERR_INVALID,
                       "ingest has TLS in the config, but certificate or key is empty");
    }
    if (in->http != NULL && !in->tls_renewed) { /* told again, after a reload: requests in flight go on */
        (void)close(fd);
        return 0;
    }
    in->tls_renewed = false;
    http_receiver_free(&in->http);
    return http_receiver_new(role_loop(in->role), &config, &in->http, e);
}

/* Offset to start from: where it stood; else its start or its end, as super says. */
static uint64_t start_offset(const struct intake *in, const struct role_fd *f)
{
    for (size_t i = 0; i < in->positions.len; i++) {
        const struct intake_position *p = &in->positions.data[i];
        if (span_eq(span_of(p->name), f->name) && p->at.device == f->device &&
            p->at.inode == f->inode) {
            return p->at.offset <= f->size ? p->at.offset
                                           : 0; /* shorter now: emptied while we were away */
        }
    }
    return f->from_start || f->begin > f->size ? 0 : f->begin;
}

static int start_follow(struct intake *in, const struct role_fd *f, uint32_t source, struct err *e)
{
    struct follow_file file = {.name = f->name,
                               .fd = f->fd,
                               .source = source,
                               .at = {f->device, f->inode, 0},
                               .pipe = f->kind == FD_JOURNAL};
    if (!file.pipe) {
        file.at.offset = start_offset(in, f);
    }
    int rc = follow_add(in->follow, &file, e);
    intake_follow_arm(in);
    return rc;
}

static int start_receiver(struct intake *in, const struct role_fd *f, uint32_t source,
                          struct err *e)
{
    for (size_t i = 0; i < in->receivers.len; i++) {
        struct intake_receiver *known = &in->receivers.data[i];
        if (known->kind == f->kind && span_eq(span_of(known->name), f->name)) { /* told again, after a reload */
            (void)close(f->fd);
            known->source = source;
            if (known->udp != NULL) {
                udp_receiver_source(known->udp, source);
            } else {
                tcp_receiver_source(known->tcp, source);
            }
            return 0;
        }
    }
    const struct udp_counted *before = intake_drops_before(in, f->name);
    struct intake_receiver r = {.kind = f->kind, .source = source};
    int rc = f->kind == FD_SYSLOG_UDP
                 ? udp_receiver_new(role_loop(in->role), f->fd, source, &in->sink, before, &r.udp, e)
                 : tcp_receiver_new(role_loop(in->role), f->fd, source, &in->sink, &r.tcp, e);
    if (rc == 0) {
        if (before != NULL) {
            r.told = *before;
        }
        r.name = mem_alloc(f->name.len + 1);
        memcpy(r.name, f->name.ptr, f->name.len);
        vec_push(&in->receivers, r);
    }
    return rc;
}

static int use_fd(struct intake *in, const struct role_fd *f, struct err *e)
{
    bool known = f->source < in->by_config.len;
    uint32_t source = known ? in->by_config.data[f->source] : 0;
    if (f->kind == FD_LISTEN_INGEST) {
        return start_http(in, f->fd, e);
    }
    if (!known) {
        (void)close(f->fd);
        return err_set(e, ERR_INVALID, "no source %u in the config", f->source);
    }
    switch (f->kind) {
    case FD_SYSLOG_UDP:
    case FD_LISTEN_SYSLOG_TCP:
        return start_receiver(in, f, source, e);
    case FD_FILE:
    case FD_JOURNAL:
        return start_follow(in, f, source, e);
    default:
        (void)close(f->fd);
        return err_set(e, ERR_INVALID, "an fd that intake has no use for");
    }
}

static void use_or_log(struct intake *in, const struct role_fd *f)
{
    struct err e = {0};
    char shown[LOG_VALUE_MAX];
    if (use_fd(in, f, &e) != 0) {
        log_error("receive.start", "name=\"%s\" why=\"%s\"", log_value(f->name, shown), e.text);
    } else {
        log_info("receive.start", "kind=%d name=\"%s\"", (int)f->kind, log_value(f->name, shown));
        if (in->paused) { /* a new receiver does not know that all the others wait */
            in->paused = false;
            intake_pause(in, true);
        }
        intake_pause_source(in, f->source < in->by_config.len ? in->by_config.data[f->source] : UINT32_MAX);
    }
}

void intake_fd(struct intake *in, const struct role_fd *f)
{
    if (f->kind == FD_TLS_CERT || f->kind == FD_TLS_KEY) {
        char **to = f->kind == FD_TLS_CERT ? &in->tls_cert : &in->tls_key;
        char *pem = read_pem(f->fd);
        in->tls_renewed = in->tls_renewed || *to == NULL || strcmp(*to, pem) != 0;
        mem_free(*to);
        *to = pem;
        return;
    }
    if (in->compiled != NULL && in->have_positions) {
        use_or_log(in, f);
        return;
    }
    struct intake_waiting_fd w = {.fd = *f, .name = mem_alloc(f->name.len + 1)};
    memcpy(w.name, f->name.ptr, f->name.len);
    w.fd.name = span_make(w.name, f->name.len);
    vec_push(&in->waiting, w);
}

void intake_fds_go(struct intake *in)
{
    if (in->compiled == NULL || !in->have_positions) {
        return;
    }
    for (size_t i = 0; i < in->waiting.len; i++) {
        use_or_log(in, &in->waiting.data[i].fd);
        mem_free(in->waiting.data[i].name);
    }
    vec_free(&in->waiting);
}

static void end_receiver(struct intake_receiver *r)
{
    udp_receiver_free(&r->udp);
    tcp_receiver_free(&r->tcp);
    mem_free(r->name);
}

void intake_fd_close(struct intake *in, struct span body)
{
    struct cursor c = cursor_of(body);
    uint32_t kind = cursor_u32(&c);
    struct span name = cursor_str(&c);
    if (!cursor_done(&c)) {
        log_error("receive.close", "why=\"message is damaged\"");
        return;
    }
    if (kind == FD_FILE || kind == FD_JOURNAL) {
        follow_end(in->follow, name);
        return;
    }
    if (kind == FD_LISTEN_INGEST && in->http != NULL) {
        http_receiver_free(&in->http);
    }
    for (size_t i = 0; i < in->receivers.len; i++) {
        if ((uint32_t)in->receivers.data[i].kind == kind &&
            span_eq(span_of(in->receivers.data[i].name), name)) {
            end_receiver(&in->receivers.data[i]);
            in->receivers.data[i] = *vec_last(&in->receivers);
            in->receivers.len--;
            return;
        }
    }
}

/* A receiver reads unless all wait, or its source does. */
static void apply_pause(struct intake *in, struct intake_receiver *r)
{
    bool pause = in->paused || intake_waits(in, r->source);
    if (r->udp != NULL) {
        udp_receiver_pause(r->udp, pause);
    }
    if (r->tcp != NULL) {
        tcp_receiver_pause(r->tcp, pause);
    }
}

void intake_pause(struct intake *in, bool pause)
{
    if (in->paused == pause) {
        return;
    }
    in->paused = pause;
    log_info("receive.pause", "on=%d unkept=%zu", pause, in->unkept_bytes);
    for (size_t i = 0; i < in->receivers.len; i++) {
        apply_pause(in, &in->receivers.data[i]);
    }
    intake_follow_arm(in);
}

void intake_pause_source(struct intake *in, uint32_t source)
{
    for (size_t i = 0; i < in->receivers.len; i++) {
        if (in->receivers.data[i].source == source) {
            apply_pause(in, &in->receivers.data[i]);
        }
    }
    intake_follow_arm(in);
}

static void look_at_files(struct intake *in);

static void on_follow(uv_timer_t *timer)
{
    look_at_files(timer->data);
}

static void on_more(uv_idle_t *idle)
{
    MUST(uv_idle_stop(idle));
    look_at_files(idle->data);
}

/* More waits: in the loop's next turn, by an idle handle. A timer of zero would be run again before anything else (os/mhd_loop.c). */
static void look_at_files(struct intake *in)
{
    bool more = follow_poll(in->follow, &in->paused);
    if (in->paused || in->stopping || follow_count(in->follow) == 0) {
        return;
    }
    if (more) {
        MUST(uv_idle_start(&in->follow_more, on_more));
    } else {
        MUST(uv_timer_start(&in->follow_timer, on_follow, FOLLOW_EVERY_MS, 0));
    }
}

void intake_follow_arm(struct intake *in)
{
    if (in->paused || in->stopping || follow_count(in->follow) == 0) {
        MUST(uv_timer_stop(&in->follow_timer));
        MUST(uv_idle_stop(&in->follow_more));
    } else if (uv_is_active((const uv_handle_t *)&in->follow_timer) == 0) {
        MUST(uv_idle_start(&in->follow_more, on_more));
    }
}

/* The end: sockets are read no more; what was read is on its way. */
void intake_receive_end(struct intake *in)
{
    for (size_t i = 0; i < in->receivers.len; i++) {
        end_receiver(&in->receivers.data[i]);
    }
    vec_clear(&in->receivers);
    MUST(uv_timer_stop(&in->follow_timer));
    MUST(uv_idle_stop(&in->follow_more));
    if (in->http != NULL) {
        http_receiver_quiesce(in->http);
    }
}
