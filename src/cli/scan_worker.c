/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The worker of scan: caged, gets files as descriptors over its socket, reads records, runs the rules, answers with
 * packets. It opens nothing and knows no path. Also runs the correlator over what all workers found.
 */
#include "cli/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/record_reader.h"
#include "flow/normalise/normalise.h"
#include "os/sandbox.h"

enum {
    WORKER_WHY_MAX = 12,        /* matched values told per alert */
    WORKER_VALUE_MAX = 1024,    /* bytes of each */
    WORKER_BAD_TOLD = 100,      /* bad records told per file; all are counted */
    WORKER_PROGRESS = 8 << 20,  /* unpacked bytes between two progress packets */
};

struct worker {
    int sock;
    bool explain;
    const struct compiled *compiled;
    struct normaliser *normaliser;
    struct matcher *matcher;
    struct correlator *correlator;
    struct span source;
    struct event ev;
    struct arena scratch;
    struct buf alerts; /* PACKET_ALERTS being filled */
    struct buf inputs; /* PACKET_INPUTS being filled */
    uint32_t file;
    uint64_t events, bad;
};

static void send_packet(struct worker *w, struct buf *b)
{
    if (b->len > 1) {
        CHECK(!b->failed);
        while (send(w->sock, b->data, b->len, MSG_NOSIGNAL) < 0) {
            if (errno != EINTR) {
                _exit(1); /* the command is gone */
            }
        }
    }
}

static void restart_packet(struct buf *b, enum scan_packet type)
{
    buf_clear(b);
    buf_u8(b, (uint8_t)type);
}

static void flush(struct worker *w, struct buf *b, enum scan_packet type)
{
    send_packet(w, b);
    restart_packet(b, type);
}

static struct span short_value(struct span s)
{
    return span_sub(s, 0, WORKER_VALUE_MAX);
}

/* Fills the alert of one match from the current event. */
static void alert_of_match(struct worker *w, const struct match *m, struct alert *a)
{
    const struct ruleset_rule *rule = ruleset_rule(w->compiled->ruleset, m->rule);
    const struct event_class *cls = &w->compiled->catalog->classes[m->class_id];
    event_use_class(&w->ev, m->class_id);
    *a = (struct alert){.rule_id = rule->id, .rule_hash = rule->hash, .title = rule->title,
                        .level = rule->level, .time = w->ev.time, .received = w->ev.received,
                        .last_time = w->ev.time, .count = 1, .source = cls->name,
                        .tags = w->ev.tags | w->ev.leaves.tags};
    a->host = short_value(event_entity(&w->ev, ENTITY_HOST));
    a->user = short_value(event_entity(&w->ev, ENTITY_USER));
    if (!w->explain) {
        return;
    }
    const struct alert_why *why = NULL;
    uint32_t n = matcher_explain(w->matcher, &w->ev, m, &w->scratch, &why);
    n = n > WORKER_WHY_MAX ? WORKER_WHY_MAX : n;
    struct alert_why *told = arena_calloc(&w->scratch, n, sizeof *told);
    for (uint32_t i = 0; i < n; i++) {
        told[i] = why[i];
        told[i].value = short_value(why[i].value);
        told[i].wanted = short_value(why[i].wanted);
        uint16_t kept = 0;
        for (uint16_t k = 0; k < why[i].nmarks; k++) {
            if (why[i].marks[k][1] <= told[i].value.len) {
                memcpy(told[i].marks[kept++], why[i].marks[k], sizeof told[i].marks[0]);
            }
        }
        told[i].nmarks = kept;
    }
    a->why = told;
    a->nwhy = (uint16_t)n;
}

static void put_alert(struct worker *w, uint32_t file, uint64_t index, const struct alert *a)
{
    struct buf one;
    buf_init(&one, ALERT_MAX_BYTES);
    alert_encode(&one, a);
    if (w->alerts.len + one.len + a->rule_id.len + 64 > SCAN_PACKET_MAX) {
        flush(w, &w->alerts, PACKET_ALERTS);
    }
    buf_u32(&w->alerts, file);
    buf_u64(&w->alerts, index);
    buf_str(&w->alerts, short_value(a->rule_id));
    buf_str(&w->alerts, buf_view(&one));
    buf_free(&one);
    if (w->alerts.len > SCAN_PACKET_FILL) {
        flush(w, &w->alerts, PACKET_ALERTS);
    }
}

/* The values that correlations need of this match go to the command, which hands all of them on in time order. */
static void put_input(struct worker *w, uint64_t index, const struct match *m)
{
    uint32_t n = 0;
    const field_id *fields = correlations_fields(w->compiled->correlations, m->rule, &n);
    struct buf *b = &w->inputs;
    event_use_class(&w->ev, m->class_id);
    if (b->len > SCAN_PACKET_FILL) {
        flush(w, b, PACKET_INPUTS);
    }
    buf_u32(b, m->rule);
    buf_u64(b, (uint64_t)w->ev.time);
    buf_u32(b, w->file);
    buf_u64(b, index);
    buf_u16(b, (uint16_t)n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t leaf = event_first(&w->ev, fields[i]);
        bool present = leaf != LEAF_NIL && w->ev.leaves.data[leaf].kind != LEAF_NULL;
        buf_u8(b, present);
        buf_str(b, present ? short_value(event_plain(&w->ev, leaf)) : SPAN(""));
    }
}

static void match_event(struct worker *w, uint64_t index)
{
    const struct match *found = NULL;
    uint32_t n = matcher_run(w->matcher, &w->ev, &found);
    if (n == 0) {
        return;
    }
    struct match *matches = arena_calloc(&w->scratch, n, sizeof *matches);
    memcpy(matches, found, n * sizeof *matches);
    for (uint32_t i = 0; i < n; i++) {
        const struct ruleset_rule *rule = ruleset_rule(w->compiled->ruleset, matches[i].rule);
        if (rule->correlated) {
            put_input(w, index, &matches[i]);
        }
        if (!rule->quiet) {
            struct alert a;
            alert_of_match(w, &matches[i], &a);
            put_alert(w, w->file, index, &a);
        }
    }
    arena_reset(&w->scratch);
}

static void tell_bad(struct worker *w, uint64_t index, uint64_t offset, const struct err *e)
{
    struct buf b;
    if (++w->bad > WORKER_BAD_TOLD) {
        return;
    }
    buf_init(&b, SCAN_PACKET_MAX);
    buf_u8(&b, PACKET_BAD);
    buf_u32(&b, w->file);
    buf_u64(&b, index);
    buf_u64(&b, offset);
    buf_str(&b, span_of(e->text));
    send_packet(w, &b);
    buf_free(&b);
}

static void tell_progress(struct worker *w, uint64_t position)
{
    struct buf b;
    buf_init(&b, 64);
    buf_u8(&b, PACKET_PROGRESS);
    buf_u32(&b, w->file);
    buf_u64(&b, position);
    send_packet(w, &b);
    buf_free(&b);
}

static void tell_done(struct worker *w, uint64_t bytes, const char *error)
{
    struct buf b;
    struct correlator_stats cs = {0};
    flush(w, &w->alerts, PACKET_ALERTS);
    flush(w, &w->inputs, PACKET_INPUTS);
    if (w->correlator != NULL) {
        correlator_stats(w->correlator, &cs);
    }
    buf_init(&b, SCAN_PACKET_MAX);
    buf_u8(&b, PACKET_DONE);
    buf_u32(&b, w->file);
    buf_u64(&b, w->events);
    buf_u64(&b, w->bad);
    buf_u64(&b, bytes);
    buf_str(&b, span_of(error));
    buf_u64(&b, cs.late);
    buf_u64(&b, cs.evicted);
    send_packet(w, &b);
    buf_free(&b);
}

struct job {
    int32_t declared;
    uint8_t format, part, parts;
    int fd;
};

/* One record of a part: every part counts all records, and works on its own slices of them. */
static void work_record(struct worker *w, struct stream *st, bool mine,
                        struct span record, uint64_t offset, uint64_t *index)
{
    struct err e = {0};
    event_clear(&w->ev);
    /* Header lines must be seen by every part; they have no index. */
    if (!mine && st->format != FORMAT_ZEEK) {
        ++*index;
        return;
    }
    enum normalise_result r = normalise(w->normaliser, st, record, &w->ev, &e);
    if (r == NORMALISE_HEADER) {
        return;
    }
    if (mine) {
        w->events++;
        if (r == NORMALISE_BAD) {
            tell_bad(w, *index, offset + (e.has_offset ? e.offset : 0), &e);
        }
        match_event(w, *index);
    }
    ++*index;
}

static void bad_record(struct worker *w, bool mine, uint64_t offset, uint64_t *index,
                       const struct err *e)
{
    if (mine) {
        w->events++;
        tell_bad(w, *index, offset, e);
    }
    ++*index;
}

static void work_file(struct worker *w, const struct job *job)
{
    struct record_reader r;
    struct stream st;
    struct err e = {0};
    uint64_t index = 0;
    uint64_t told = 0;
    w->events = w->bad = 0;
    if (record_reader_open(&r, job->fd, job->format, &e) != 0) {
        tell_done(w, 0, e.text);
        return;
    }
    stream_init(&st);
    st.declared = job->declared;
    st.format = r.format;
    st.source = w->source;
    st.evtx = r.evtx;
    r.part = job->part;
    r.parts = job->parts;
    for (bool more = true; more;) {
        struct span record;
        uint64_t offset = 0;
        e = (struct err){0};
        enum record_result next = record_next(&r, &record, &offset, &e);
        bool mine = record_reader_slice(&r, index, SCAN_SLICE) % job->parts == job->part;
        switch (next) {
        case RECORD_OK:
            work_record(w, &st, mine, record, offset, &index);
            break;
        case RECORD_BAD:
            bad_record(w, mine, offset, &index, &e);
            break;
        case RECORD_DAMAGE:
            if (mine) {
                tell_bad(w, SCAN_NO_INDEX, offset, &e);
            }
            break;
        case RECORD_FAILED:
        case RECORD_END:
            more = false;
            break;
        }
        if (offset - told > WORKER_PROGRESS) {
            told = offset;
            tell_progress(w, record_reader_position(&r));
        }
    }
    tell_done(w, r.base + r.at, e.text);
    stream_fini(&st);
    record_reader_close(&r);
}

static void correlated_alert(struct worker *w, const struct correlate_output *o)
{
    uint32_t rule = ruleset_nrules(w->compiled->ruleset) + o->correlation;
    const struct ruleset_rule *meta = ruleset_rule(w->compiled->ruleset, rule);
    if (meta->quiet) {
        return;
    }
    struct alert a = {.rule_id = meta->id, .rule_hash = meta->hash, .title = meta->title,
                      .level = meta->level, .time = o->time, .received = o->time,
                      .last_time = o->time, .count = 1, .summary = short_value(o->group),
                      .source = SPAN("correlation")};
    put_alert(w, (uint32_t)(o->ref >> 40), o->ref & 0xffffffffffu, &a);
}

static void work_correlate(struct worker *w, struct cursor *c)
{
    if (w->correlator == NULL) {
        w->correlator = correlator_new(w->compiled->correlations, CORRELATE_STATE_MAX_BYTES,
                                       CORRELATE_LATENESS_S * TIME_SECOND);
    }
    while (cursor_left(c) > 0) {
        struct correlate_input in = {0};
        in.rule = cursor_u32(c);
        in.time = (time_ns)cursor_u64(c);
        uint32_t file = cursor_u32(c);
        in.ref = scan_ref(file, cursor_u64(c));
        uint16_t n = cursor_u16(c);
        struct span *values = arena_calloc(&w->scratch, n, sizeof *values);
        for (uint16_t i = 0; i < n; i++) {
            bool present = cursor_u8(c) != 0;
            struct span v = cursor_str(c);
            values[i] = present ? v : (struct span){NULL, 0};
        }
        in.values = values;
        CHECK(!c->failed); /* from our own command */
        const struct correlate_output *out = NULL;
        uint32_t nout = correlator_feed(w->correlator, &in, &out);
        for (uint32_t i = 0; i < nout; i++) {
            correlated_alert(w, &out[i]);
        }
        arena_reset(&w->scratch);
    }
}

/* One packet with at most one descriptor. Returns its length; 0 when the command is done. */
static size_t receive(int sock, char *data, size_t size, int *fd_out)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    ssize_t n;
    do {
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    *fd_out = -1;
    struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (cm != NULL && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS) {
        memcpy(fd_out, CMSG_DATA(cm), sizeof *fd_out);
    }
    return n <= 0 ? 0 : (size_t)n;
}

static void work_packet(struct worker *w, struct span packet, int fd)
{
    struct cursor c = cursor_of(packet);
    switch (cursor_u8(&c)) {
    case PACKET_JOB: {
        w->file = cursor_u32(&c);
        struct job job = {.declared = (int32_t)cursor_u32(&c), .fd = fd};
        job.format = cursor_u8(&c);
        job.part = cursor_u8(&c);
        job.parts = cursor_u8(&c);
        CHECK(cursor_done(&c) && job.parts > 0);
        work_file(w, &job);
        break;
    }
    case PACKET_CORRELATE:
        work_correlate(w, &c);
        break;
    case PACKET_FINISH:
        w->file = UINT32_MAX;
        w->events = w->bad = 0;
        tell_done(w, 0, "");
        break;
    default:
        UNREACHABLE();
    }
}

static int worker_start(struct worker *w, const struct engine *engine, struct err *e)
{
    w->compiled = engine_map(engine, e);
    if (w->compiled == NULL) {
        return e->code;
    }
    int rc = sandbox_enter(SANDBOX_SCAN_WORKER, e);
    if (rc != 0) {
        return rc;
    }
    w->normaliser = normaliser_new(w->compiled->catalog);
    w->matcher = matcher_new(w->compiled->ruleset, w->compiled->catalog, e);
    event_init(&w->ev, w->compiled->catalog);
    arena_init(&w->scratch, 0);
    buf_init(&w->alerts, SCAN_PACKET_MAX + ALERT_MAX_BYTES);
    buf_init(&w->inputs, SCAN_PACKET_MAX);
    restart_packet(&w->alerts, PACKET_ALERTS);
    restart_packet(&w->inputs, PACKET_INPUTS);
    return w->matcher == NULL ? e->code : 0;
}

_Noreturn void scan_worker(int sock, const struct engine *engine, const char *source, bool explain)
{
    struct worker w = {.sock = sock, .explain = explain, .source = span_of(source)};
    struct err e = {0};
    log_init("scan-worker", LOG_WARN);
    if (worker_start(&w, engine, &e) != 0) {
        log_error("worker.start", "reason=\"%s\"", e.text);
        _exit(3);
    }
    char *packet = mem_alloc(SCAN_PACKET_MAX);
    for (;;) {
        int fd;
        size_t n = receive(sock, packet, SCAN_PACKET_MAX, &fd);
        if (n == 0) {
            _exit(0);
        }
        work_packet(&w, span_make(packet, n), fd);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}
