/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The member's side of a link: hello, then push and pull beside each other, renewal in time; after a
 * failure a pause that doubles, a quarter more or less. The courier carries; every request names the
 * decision that lets it out. See engine.h.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

/* ---- a link's life ---- */

struct fed_link *engine_link_add(struct fed_engine *en, const struct fed_link_row *row)
{
    struct fed_link *l = mem_alloc(sizeof *l);
    l->engine = en;
    arena_init(&l->texts, 4096);
    l->row = *row;
#define X(name) l->row.name = arena_copy(&l->texts, row->name);
    FED_LINK_SPANS(X)
#undef X
    buf_init(&l->body, CARRY_BODY_MAX);
    l->since = clock_now();
    l->more = true;
    l->state = span_eq(row->state, SPAN("waiting"))   ? LINK_ENROLLING
               : span_eq(row->state, SPAN("refused")) ? LINK_REFUSED
                                                      : LINK_DOWN;
    vec_push(&en->links, l);
    engine_link_enrolled(l);
    return l;
}

/* Reads when its certificate has to be renewed. */
void engine_link_enrolled(struct fed_link *l)
{
    int64_t from = 0, until = 0;
    if (l->row.certificate.len > 0 && certs_dates(l->row.certificate, &from, &until, NULL) == 0) {
        l->expires = until * TIME_SECOND;
        l->renew_at = (from + (until - from) / 3 * 2) * TIME_SECOND;
    }
}

void engine_link_free(struct fed_link **out)
{
    struct fed_link *l = *out;
    *out = NULL;
    buf_free(&l->body);
    arena_fini(&l->texts);
    mem_free(l);
}

static void kept(void *ctx, int rc, struct span text, struct cursor *data)
{
    (void)ctx;
    (void)data;
    char shown[LOG_VALUE_MAX];
    if (rc < 0) {
        log_error("federation.link", "why=\"%s\"", log_value(text, shown));
    }
}

void engine_link_keep(struct fed_link *l, struct span who)
{
    struct buf q;
    engine_ask_begin(&q, ASK_FED_LINK);
    fed_link_encode(&q, &l->row);
    buf_str(&q, who);
    if (!engine_ask(l->engine, &q, kept, l)) {
        log_warn("federation.link", "why=\"the keeper is away\"");
    }
}

time_ns engine_pause(unsigned failures)
{
    return retry_random_ms(ENGINE_RETRY_MS, ENGINE_RETRY_MAX_MS, failures) * (TIME_SECOND / 1000);
}

void engine_problem(char *out, size_t size, const struct fed_carried *c)
{
    struct arena a;
    struct jcs *root = NULL;
    struct span word = SPAN(""), message = SPAN("");
    arena_init(&a, 4096);
    bool told = c->body.len < 4096 && jcs_read(&a, c->body, 2, &root, NULL) == 0 &&
                jcs_get_text(root, "error", &word) && jcs_get_text(root, "message", &message);
    if (c->status == 0) {
        (void)snprintf(out, size, "%.*s", SPAN_ARG(span_sub(c->why, 0, size - 1)));
    } else if (told) {
        (void)snprintf(out, size, "%u %.*s: %.*s", c->status, SPAN_ARG(span_sub(word, 0, 40)),
                       SPAN_ARG(span_sub(message, 0, 120)));
    } else {
        (void)snprintf(out, size, "the hub answered %u", c->status);
    }
    arena_fini(&a);
}

uint64_t engine_carry(struct fed_engine *en, const struct fed_link_row *row, const char *method,
                      const char *path, struct span body, struct span proof, struct span reason,
                      struct span audience, uint32_t wait_ms)
{
    char url[CARRY_URL_MAX];
    int n = snprintf(url, sizeof url, "%.*s/federation/v1/%s", SPAN_ARG(row->url), path);
    if (n < 0 || (size_t)n >= sizeof url || fed_engine_stopped(en)) {
        return 0;
    }
    const struct fed_carry c = {.url = span_of(url),
                                .method = span_of(method),
                                .pin = row->pin,
                                .certificate = row->certificate,
                                .proof = proof,
                                .reason = reason,
                                .audience = audience,
                                .body = body,
                                .wait_ms = wait_ms};
    uint64_t id = ++en->next_carry;
    id = id == 0 ? ++en->next_carry : id;
    return en->config.host.carry(en->config.host.arg, id, &c) ? id : 0;
}

static void fail(struct fed_link *l, const char *why)
{
    struct errand *const all[] = {&l->hello, &l->push, &l->pull, &l->renew};
    l->failures++;
    if (l->state == LINK_UP || l->failures == 1) {
        log_warn("federation.down", "hub=%.*s why=\"%s\"", SPAN_ARG(l->row.hub), why);
    }
    (void)snprintf(l->problem, sizeof l->problem, "%s", why);
    if (l->state == LINK_UP) {
        l->since = clock_now();
    }
    l->state = LINK_DOWN;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]->id != 0) {
            l->engine->config.host.cancel(l->engine->config.host.arg, all[i]->id);
            all[i]->id = 0;
        }
    }
    l->hello.due = l->engine->now + engine_pause(l->failures);
}

static void failed(struct fed_link *l, const struct fed_carried *c)
{
    char why[sizeof l->problem];
    engine_problem(why, sizeof why, c);
    for (char *p = why; *p != '\0'; p++) {
        *p = *p == '"' || *p < 0x20 ? '\'' : *p;
    }
    fail(l, why);
}

/* ---- hello ---- */

static void put_own_circles(struct fed_link *l, struct buf *b)
{
    bool first = true;
    buf_cstr(b, "\"circles\":{");
    for (size_t i = 0; i < l->engine->circles.len; i++) {
        const struct circle *c = l->engine->circles.data[i];
        if (!c->own && c->count > 0 && span_eq(c->known[0]->m.hub.node, l->row.hub)) {
            buf_printf(b, "%s\"%s\":%" PRIu64, first ? "" : ",", c->id, c->known[0]->m.epoch);
            first = false;
        }
    }
    buf_cstr(b, "}");
}

static void say_hello(struct fed_link *l)
{
    struct buf b;
    buf_init(&b, 64 << 10);
    buf_cstr(&b, "{");
    put_own_circles(l, &b);
    buf_printf(&b, ",\"clock\":%" PRId64 ",\"down\":{\"epoch\":%" PRId64 ",\"hash\":\"%s\",\"seq\":%" PRId64 "},",
               engine_now_s(), l->in_epoch, l->in_id, l->in_seq);
    buf_printf(&b, "\"up\":{\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64 "},\"version\":\"%s\"}",
               l->out.epoch, l->out.seq, SERENO_VERSION);
    l->hello.id = engine_carry(l->engine, &l->row, "POST", "hello", buf_view(&b), SPAN(""),
                               SPAN("control message"), SPAN("the hub"), ENGINE_CARRY_MS);
    if (l->hello.id != 0) {
        l->state = LINK_HELLO;
    }
    l->hello.due = l->engine->now + engine_pause(1);
    buf_free(&b);
}

static void link_up(struct fed_link *l)
{
    l->state = LINK_UP;
    l->since = clock_now();
    l->failures = 0;
    l->problem[0] = '\0';
    l->push.due = l->pull.due = 0;
    l->more = true;
    log_info("federation.up", "hub=%.*s up=%" PRIu64 ".%" PRIu64 " down=%" PRId64 ".%" PRId64,
             SPAN_ARG(l->row.hub), l->out.epoch, l->out.seq, l->in_epoch, l->in_seq);
}

struct meeting {
    struct fed_link *link;
    struct fed_stream_in in;
    uint64_t epoch;
};

static void up_restarted(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct meeting *m = ctx;
    struct fed_link *l = m->link;
    (void)text;
    (void)data;
    if (rc < 0) {
        fail(l, "the own keeper is away");
    } else {
        log_warn("federation.restart", "hub=%.*s way=up epoch=%" PRIu64, SPAN_ARG(l->row.hub),
                 m->epoch);
        l->out = (struct fed_stream_out){m->epoch, 0, 0};
        link_up(l);
    }
    mem_free(m);
}

static void up_met(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct meeting *m = ctx;
    struct fed_link *l = m->link;
    struct buf q;
    (void)text;
    struct span id_at = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc < 0 || l->state != LINK_HELLO) {
        if (rc < 0) {
            fail(l, "the own keeper is away");
        }
        mem_free(m);
        return;
    }
    if (fed_stream_meet(&l->out, &m->in, id_at, &m->epoch) == FED_MEET_FITS) {
        link_up(l);
        mem_free(m);
        return;
    }
    engine_ask_begin(&q, ASK_FED_RESTART);
    buf_str(&q, l->row.hub);
    buf_u64(&q, m->epoch);
    if (!engine_ask(l->engine, &q, up_restarted, m)) {
        fail(l, "the own keeper is away");
        mem_free(m);
    }
}

static void hello_answered(struct fed_link *l, const struct fed_carried *c)
{
    struct arena a;
    struct jcs *root = NULL;
    struct fed_stream_in in = {0};
    struct span node = SPAN(""), version = SPAN("");
    struct buf q;
    arena_init(&a, 4096);
    bool fine = c->status == 200 && jcs_read(&a, c->body, FED_DEPTH_MAX, &root, NULL) == 0 &&
                jcs_get_text(root, "node", &node) && span_eq(node, l->row.hub) &&
                engine_read_half(root, "up", &in);
    if (!fine) {
        failed(l, c);
        arena_fini(&a);
        return;
    }
    if (jcs_get_text(root, "version", &version) && fed_name_valid(version, 31)) {
        (void)snprintf(l->hub_version, sizeof l->hub_version, "%.*s", SPAN_ARG(version));
    }
    struct meeting *m = mem_alloc(sizeof *m);
    *m = (struct meeting){.link = l, .in = in};
    arena_fini(&a);
    l->row.contact = clock_now();
    engine_ask_begin(&q, ASK_FED_STREAM_ID);
    buf_str(&q, l->row.hub);
    buf_u64(&q, m->in.seq);
    if (!engine_ask(l->engine, &q, up_met, m)) {
        fail(l, "the own keeper is away");
        mem_free(m);
    }
}

/* ---- push ---- */

/* The decisions of a batch in one line: how many envelopes of which types, why, to whom. */
struct decisions {
    char reason[512], audience[512];
};

static void add_word(char *list, size_t size, struct span word)
{
    size_t n = strlen(list);
    if (memmem(list, n, word.ptr, word.len) == NULL && n + word.len + 3 < size) {
        (void)snprintf(list + n, size - n, "%s%.*s", n > 0 ? "; " : "", SPAN_ARG(word));
    }
}

static bool push_body(struct fed_link *l, struct cursor *data, struct batch *b,
                      struct decisions *why)
{
    int64_t st[6];
    for (size_t i = 0; i < ARRAY_LEN(st); i++) {
        st[i] = (int64_t)cursor_u64(data);
    }
    uint32_t n = cursor_u32(data);
    b->epoch = st[0];
    for (uint32_t i = 0; i < n && i < BATCH_MAX && !data->failed; i++) {
        b->items[i].seq = (int64_t)cursor_u64(data);
        (void)cursor_str(data);
        (void)cursor_str(data);
        (void)cursor_str(data);
        add_word(why->reason, sizeof why->reason, cursor_str(data));
        add_word(why->audience, sizeof why->audience, cursor_str(data));
        b->items[i].envelope = cursor_str(data);
        b->count++;
    }
    l->out = (struct fed_stream_out){(uint64_t)st[0], (uint64_t)st[1], (uint64_t)st[2]};
    l->waiting = st[3];
    l->dropped = st[5];
    buf_clear(&l->body);
    batch_write_push(b, &l->body);
    return cursor_done(data) && n <= BATCH_MAX && !l->body.failed;
}

static void push_ready(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_link *l = ctx;
    struct decisions why = {"", ""};
    (void)text;
    l->batch_asked = false;
    if (rc < 0 || l->state != LINK_UP || l->push.id != 0) {
        l->push.due = l->engine->now + engine_pause(1);
        l->more = true;
        return;
    }
    struct batch *b = mem_alloc(sizeof *b);
    bool fine = push_body(l, data, b, &why);
    if (fine && b->count > 0) {
        l->pushed_to = b->items[b->count - 1].seq;
        l->more = true;
        l->push.id = engine_carry(l->engine, &l->row, "POST", "push", buf_view(&l->body), SPAN(""),
                                  span_of(why.reason), span_of(why.audience), ENGINE_CARRY_MS);
        l->push.due = l->engine->now + engine_pause(1);
    } else {
        l->more = l->more && !fine;
    }
    mem_free(b);
}

/* The receipt for what was pushed goes with the question for the next. */
static void push_next(struct fed_link *l)
{
    struct buf q;
    engine_ask_begin(&q, ASK_FED_BATCH);
    buf_str(&q, l->row.hub);
    buf_u64(&q, l->out.epoch);
    buf_u64(&q, l->out.acked);
    buf_u32(&q, BATCH_MAX);
    l->more = false;
    l->batch_asked = engine_ask(l->engine, &q, push_ready, l);
    l->more = !l->batch_asked;
}

static void push_answered(struct fed_link *l, const struct fed_carried *c)
{
    struct arena a;
    struct jcs *root = NULL;
    int64_t seq = 0;
    arena_init(&a, 4096);
    bool fine = c->status == 200 && jcs_read(&a, c->body, 4, &root, NULL) == 0 &&
                jcs_get_int(root, "seq", &seq) && seq >= 0 && seq <= l->pushed_to;
    if (c->status == 503) { /* it is busy, not gone */
        l->push.due = l->engine->now + engine_pause(1);
    } else if (!fine) {
        failed(l, c);
    } else {
        const struct jcs *refused = jcs_get_array(root, "refused");
        for (const struct jcs *r = refused == NULL ? NULL : refused->first; r != NULL; r = r->next) {
            struct span why = SPAN("");
            int64_t at = 0;
            char shown[LOG_VALUE_MAX];
            if (jcs_get_text(r, "reason", &why) && jcs_get_int(r, "seq", &at)) {
                log_warn("federation.refused", "hub=%.*s seq=%" PRId64 " word=\"%s\"",
                         SPAN_ARG(l->row.hub), at, log_value(why, shown));
            }
        }
        if (fed_stream_receipt(&l->out, l->out.epoch, (uint64_t)seq) != FED_TAKEN) {
            log_warn("federation.receipt", "hub=%.*s seq=%" PRId64, SPAN_ARG(l->row.hub), seq);
        }
        l->row.contact = clock_now();
        l->push.due = 0;
        l->more = true;
    }
    arena_fini(&a);
}

/* ---- pull ---- */

static void pull_next(struct fed_link *l)
{
    char path[128];
    (void)snprintf(path, sizeof path, "pull?epoch=%" PRId64 "&after=%" PRId64 "&wait=%d",
                   l->in_epoch, l->in_seq, ENGINE_POLL_S);
    l->pull.id = engine_carry(l->engine, &l->row, "GET", path, SPAN(""), SPAN(""),
                              SPAN("receipt and question"), SPAN("the hub"),
                              ENGINE_PULL_MS);
    l->pull.due = l->engine->now + engine_pause(1);
}

struct pulled {
    struct fed_link *link;
    int64_t epoch, seq;
    char id[FED_ID_LEN + 1];
};

static void pull_kept(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *out,
                      uint32_t count)
{
    struct pulled *w = ctx;
    struct fed_link *l = w->link;
    (void)en;
    (void)out;
    (void)count;
    l->taking = false;
    if (rc < 0) {
        l->pull.due = l->engine->now + engine_pause(1);
    } else {
        l->in_epoch = w->epoch;
        l->in_seq = w->seq;
        memcpy(l->in_id, w->id, sizeof l->in_id);
        l->pull.due = 0;
    }
    mem_free(w);
}

static bool pull_take(struct fed_link *l, const struct batch *b, uint32_t skip)
{
    struct fed_engine *en = l->engine;
    struct group *g = engine_group(en);
    const struct engine_source src = {.peer = l->row.hub, .hub = l->row.hub};
    if (g->items.len + b->count > FED_TAKE_MAX || g->bytes > ENGINE_GROUP_BYTES / 2) {
        return false;
    }
    struct pulled *w = mem_alloc(sizeof *w);
    *w = (struct pulled){.link = l, .epoch = b->epoch};
    uint32_t n = 0;
    bool epoch_ends = false;
    for (uint32_t i = skip; i < b->count && !epoch_ends; i++, n++) {
        struct fed_taken t;
        (void)engine_judge(en, &g->arena, &src, b->items[i].envelope, &t);
        t.stream_epoch = b->epoch;
        t.seq = w->seq = b->items[i].seq;
        memcpy(w->id, t.row.id.len == 0 ? "" : t.row.id.ptr, t.row.id.len);
        w->id[t.row.id.len] = '\0';
        g->bytes += b->items[i].envelope.len;
        vec_push(&g->items, t);
        /* What follows was made under it: it is looked at once the new epoch is known. */
        epoch_ends = span_eq(t.row.type, SPAN("membership"));
    }
    vec_push(&g->waiters, (struct waiter){pull_kept, w, n});
    l->taking = true;
    engine_group_go(en);
    return true;
}

static void pull_answered(struct fed_link *l, const struct fed_carried *c)
{
    struct err e = {0};
    uint32_t skip = 0;
    struct batch *b = mem_alloc(sizeof *b);
    bool fine = c->status == 200 && batch_read_pull(c->body, b, &e) == 0;
    if (c->status == 503) {
        l->pull.due = l->engine->now + engine_pause(1);
    } else if (!fine) {
        failed(l, c);
    } else if (b->count == 0) {
        l->row.contact = clock_now();
        l->pull.due = 0;
    } else if (engine_arrive(l->in_epoch, l->in_seq, b, &skip) != FED_TAKEN) {
        fail(l, "the hub's stream has a gap");
    } else if (skip == b->count || !pull_take(l, b, skip)) {
        l->pull.due = l->engine->now + engine_pause(1);
    } else {
        l->row.contact = clock_now();
    }
    mem_free(b);
}

/* ---- renewal ---- */

static void renew(struct fed_link *l)
{
    struct arena a;
    struct err e = {0};
    struct buf csr;
    arena_init(&a, 4096);
    buf_init(&csr, CERTS_PEM_MAX);
    l->renew.due = l->engine->now + 60 * TIME_SECOND;
    if (certs_request(l->engine->config.tls_key, span_of(l->engine->keys.node), &csr, &e) == 0) {
        struct jcs *root = jcs_new_object(&a);
        jcs_set_text(&a, root, "csr", buf_view(&csr));
        l->renew.id = engine_carry(l->engine, &l->row, "POST", "renew", jcs_text(&a, root), SPAN(""),
                                   SPAN("control message"), SPAN("the hub"), ENGINE_CARRY_MS);
    }
    buf_free(&csr);
    arena_fini(&a);
}

static void renew_answered(struct fed_link *l, const struct fed_carried *c)
{
    struct arena a;
    struct jcs *root = NULL;
    struct span cert = SPAN("");
    int64_t from = 0, until = 0;
    arena_init(&a, 4096);
    if (c->status == 200 && jcs_read(&a, c->body, 2, &root, NULL) == 0 &&
        jcs_get_text(root, "certificate", &cert) && certs_dates(cert, &from, &until, NULL) == 0) {
        l->row.certificate = arena_copy(&l->texts, cert);
        engine_link_enrolled(l);
        engine_link_keep(l, SPAN(""));
        log_info("federation.certificate", "hub=%.*s", SPAN_ARG(l->row.hub));
    }
    arena_fini(&a);
}

/* ---- time, answers ---- */

static void link_tick(struct fed_link *l)
{
    time_ns now = l->engine->now;
    if (fed_engine_stopped(l->engine) || l->state == LINK_REFUSED) {
        return;
    }
    if (l->state == LINK_ENROLLING) {
        engine_enrol_go(l);
        return;
    }
    if (l->state == LINK_DOWN && l->hello.id == 0 && now >= l->hello.due && !l->taking) {
        say_hello(l);
    }
    if (l->state != LINK_UP) {
        return;
    }
    if (l->push.id == 0 && !l->batch_asked && l->more && now >= l->push.due) {
        push_next(l);
    }
    if (l->pull.id == 0 && !l->taking && now >= l->pull.due) {
        pull_next(l);
    }
    if (l->renew.id == 0 && now >= l->renew.due && l->renew_at != 0 && clock_now() > l->renew_at) {
        renew(l);
    }
}

void engine_links_tick(struct fed_engine *en)
{
    for (size_t i = 0; i < en->links.len; i++) {
        link_tick(en->links.data[i]);
    }
}

bool engine_link_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c)
{
    for (size_t i = 0; i < en->links.len; i++) {
        struct fed_link *l = en->links.data[i];
        struct errand *const all[] = {&l->hello, &l->push, &l->pull, &l->renew};
        void (*const answered[])(struct fed_link *, const struct fed_carried *) = {
            hello_answered, push_answered, pull_answered, renew_answered};
        for (size_t k = 0; k < ARRAY_LEN(all); k++) {
            if (all[k]->id == id) {
                all[k]->id = 0;
                l->state == LINK_ENROLLING ? engine_enrol_carried(l, c) : answered[k](l, c);
                link_tick(l);
                return true;
            }
        }
    }
    return false;
}
