/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Many simulated members of one hub, over real TLS 1.3 with client certificates: each holds a long poll and
 * pushes envelopes of signals, signed beforehand, at a steady rate; then all are cut off and come back at once.
 * Prints a line "#connected", "#ran", "#back" as each is over, then one JSON object. usage: hub_load HOST PORT FOLDER SIGNALS_PER_S SECONDS
 * FOLDER (made by bench/hub.py): nodes (a line each: node id, signing seed, circle, epoch), NODE.pem, key.pem.
 * One thread, epoll. A latency counts from when the push was due, so that a hub that stalls does not hide it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "desk/federation/batch.h"
#include "desk/federation/envelope.h"
#include "desk/federation/signal.h"

enum {
    NODES_MAX = 5000,
    PER_ENVELOPE = 10,   /* signals of one push: what a node gathers between two */
    ANSWER_MAX = 1 << 20,
    OPENING_MAX = 400,   /* handshakes at once: a kernel's listen queue, not the hub, is what more would try */
    LATENCIES_MAX = 4 << 20,
};

enum conn_state { CLOSED, TCP, TLS, IDLE, BUSY };
enum asking { NOTHING, HELLO, PUSH, PULL };

struct node;

struct conn {
    struct node *node;
    bool pulls;
    int fd;
    SSL *ssl;
    enum conn_state state;
    enum asking asks;
    bool greeted;
    struct buf out, in;
    size_t sent;
    time_ns due; /* of what is being asked */
};

struct node {
    struct fed_keys keys;
    char circle[FED_CIRCLE_MAX + 1];
    uint64_t epoch;
    X509 *cert;
    struct conn push, pull;
    int64_t seq, number, down_epoch, down_seq;
    time_ns next; /* push */
    struct span *envelopes; /* to be pushed, in their order */
    int64_t nenvelopes;
};

static struct node *nodes;
static size_t nnodes, opening, ready_pulls;
static int epoll_fd;
static SSL_CTX *ctx;
static EVP_PKEY *key;
static struct sockaddr_in address;
static uint64_t pushed, refused, failed, reconnects, handshakes;
static int64_t *latencies; /* microseconds */
static size_t nlatencies;
static bool measuring;

_Noreturn static void die(const char *what)
{
    (void)fprintf(stderr, "hub_load: %s (%s)\n", what, strerror(errno));
    exit(1);
}

/* ---- envelopes ---- */

static struct span make_envelope(struct node *n)
{
    static const struct span techniques[] = {{"T1110", 5}};
    struct arena a;
    struct err e = {0};
    struct signal list[PER_ENVELOPE];
    struct jcs *audience = NULL;
    struct span text;
    char id[FED_ID_LEN + 1], rules[PER_ENVELOPE][48], values[PER_ENVELOPE][32];
    time_ns now = clock_now();
    arena_init(&a, 32 << 10);
    for (int i = 0; i < PER_ENVELOPE; i++) {
        uint32_t r = randombytes_random();
        /* One in a hundred is what others see too; the rest is a town's own trouble. */
        uint32_t rule = randombytes_uniform(100) == 0 ? r % 20 : 1000 + 40 * (uint32_t)(n - nodes) + r % 40;
        (void)snprintf(rules[i], sizeof rules[i], "00000000-0000-4000-8000-%012u", rule);
        (void)snprintf(values[i], sizeof values[i], "%u.%u.%u.%u", 11 + r % 80, r >> 8 & 255, r >> 16 & 255, r >> 24);
        list[i] = (struct signal){.number = ++n->number,
                                  .rule = span_of(rules[i]),
                                  .rule_hash = SPAN("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                                  .title = SPAN("Many failed log-ins from one address"),
                                  .level = LEVEL_HIGH,
                                  .ntechniques = 1,
                                  .techniques = {techniques[0]},
                                  .nindicators = 1,
                                  .indicators = {{.type = FED_INDICATOR_IP, .value = span_of(values[i])}},
                                  .product = SPAN("linux"),
                                  .bucket = signal_bucket(now),
                                  .count = 3};
    }
    struct fed_audience who = {.nodes = NULL, .all = true};
    const struct fed_draft d = {.type = FED_TYPE_SIGNAL,
                                .circle = span_of(n->circle),
                                .audience = fed_audience_write(&a, &who, &audience, &e) == 0 ? audience : NULL,
                                .tlp = SPAN("GREEN"),
                                .pap = SPAN("GREEN"),
                                .created_s = now / TIME_SECOND,
                                .expires_s = now / TIME_SECOND + 86400,
                                .epoch = n->epoch,
                                .body = signals_body(&a, list, PER_ENVELOPE)};
    if (fed_envelope_make(&a, &d, &n->keys, NULL, 0, &text, id, &e) < 0) {
        die(e.text);
    }
    char *copy = mem_alloc(text.len);
    memcpy(copy, text.ptr, text.len);
    arena_fini(&a);
    return span_make(copy, text.len);
}

/* As many as the run asks for, before it begins: what members' own machines would do. */
static void make_all(uint64_t rate, uint64_t seconds)
{
    int64_t each = (int64_t)(rate * seconds / PER_ENVELOPE / nnodes) + 2;
    for (size_t i = 0; i < nnodes; i++) {
        nodes[i].envelopes = mem_calloc((size_t)each, sizeof *nodes[i].envelopes);
        for (int64_t k = 0; k < each; k++) {
            nodes[i].envelopes[nodes[i].nenvelopes++] = make_envelope(&nodes[i]);
        }
    }
}

/* ---- connections ---- */

static void watch(struct conn *c, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        die("epoll");
    }
}

static void conn_close(struct conn *c)
{
    opening -= c->state == TCP || c->state == TLS;
    ready_pulls -= c->pulls && c->state == BUSY && c->asks == PULL;
    if (c->ssl != NULL) {
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
    c->state = CLOSED;
    c->asks = NOTHING;
    c->greeted = false;
}

static void conn_open(struct conn *c)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket");
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event ev = {.events = EPOLLOUT, .data.ptr = c};
    if (connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        die("connect");
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        die("epoll");
    }
    c->ssl = SSL_new(ctx);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_use_certificate(c->ssl, c->node->cert) != 1 ||
        SSL_use_PrivateKey(c->ssl, key) != 1) {
        die("TLS");
    }
    SSL_set_connect_state(c->ssl);
    c->state = TCP;
    opening++;
}

static void ask(struct conn *c, enum asking what, const char *method, const char *path, struct span body)
{
    buf_clear(&c->out);
    buf_clear(&c->in);
    buf_printf(&c->out, "%s /federation/v1/%s HTTP/1.1\r\nHost: hub\r\n", method, path);
    if (body.len > 0) {
        buf_printf(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    }
    buf_cstr(&c->out, "\r\n");
    buf_span(&c->out, body);
    c->sent = 0;
    c->asks = what;
    c->state = BUSY;
    ready_pulls += what == PULL;
}

static void say_hello(struct conn *c)
{
    char body[256];
    int n = snprintf(body, sizeof body,
                     "{\"circles\":{},\"clock\":0,\"down\":{\"epoch\":%lld,\"hash\":\"\",\"seq\":%lld},\"up\":{\"epoch\":1,\"seq\":%lld},"
                     "\"version\":\"load\"}",
                     (long long)c->node->down_epoch, (long long)c->node->down_seq, (long long)c->node->seq);
    ask(c, HELLO, "POST", "hello", span_make(body, (size_t)n));
}

static void go_on(struct conn *c)
{
    struct node *n = c->node;
    char path[96];
    if (!c->greeted && !c->pulls) {
        say_hello(c);
    } else if (c->pulls && n->push.greeted) {
        (void)snprintf(path, sizeof path, "pull?epoch=%lld&after=%lld&wait=25", (long long)n->down_epoch,
                       (long long)n->down_seq);
        ask(c, PULL, "GET", path, SPAN(""));
    }
}

static void push(struct node *n, time_ns due)
{
    static struct batch b;
    struct buf body;
    b = (struct batch){.epoch = 1, .count = 1, .items = {{n->seq + 1, n->envelopes[n->seq]}}};
    buf_init(&body, 1 << 20);
    batch_write_push(&b, &body);
    ask(&n->push, PUSH, "POST", "push", buf_view(&body));
    n->push.due = due;
    buf_free(&body);
}

/* Status of a whole answer; 0 = not whole yet. */
static unsigned whole(const struct conn *c, struct span *body)
{
    struct span in = buf_view(&c->in);
    const char *end = in.len == 0 ? NULL : memmem(in.ptr, in.len, "\r\n\r\n", 4);
    uint64_t length = 0, status = 0;
    if (end == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - in.ptr) + 4;
    const char *at = memmem(in.ptr, head, "Content-Length: ", 16);
    if (at == NULL) {
        die("an answer without a length");
    }
    struct span digits = span_make(at + 16, strcspn(at + 16, "\r"));
    if (!num_u64(digits, &length) || !num_u64(span_sub(in, 9, 3), &status)) {
        die("an answer that makes no sense");
    }
    *body = span_sub(in, head, in.len);
    return body->len >= length ? (unsigned)status : 0;
}

static void pulled(struct node *n, struct span body)
{
    static struct batch b;
    if (batch_read_pull(body, &b, NULL) == 0 && b.count > 0) {
        n->down_epoch = b.epoch;
        n->down_seq = b.items[b.count - 1].seq;
    }
}

static void answered(struct conn *c, unsigned status, struct span body)
{
    struct node *n = c->node;
    enum asking was = c->asks;
    ready_pulls -= was == PULL;
    c->state = IDLE;
    c->asks = NOTHING;
    if (status != 200) {
        failed++;
        if (failed < 5) {
            (void)fprintf(stderr, "hub_load: %u to %d: %.*s\n", status, was, SPAN_ARG(span_sub(body, 0, 200)));
        }
        c->greeted = c->greeted && status == 503;
    } else if (was == HELLO) {
        c->greeted = true;
        if (n->pull.state == IDLE) {
            go_on(&n->pull);
            watch(&n->pull, EPOLLIN | EPOLLOUT);
        }
    } else if (was == PUSH) {
        n->seq++;
        pushed++;
        refused += memmem(body.ptr, body.len, "\"reason\"", 8) != NULL;
        if (measuring && nlatencies < LATENCIES_MAX) {
            latencies[nlatencies++] = (clock_mono() - c->due) / 1000;
        }
    } else if (was == PULL) {
        pulled(n, body);
    }
    if (c->pulls || !c->greeted) {
        go_on(c);
    }
}

/* Moves a connection on as far as it goes. False: it is gone. */
static bool turn(struct conn *c)
{
    if (c->state == TCP || c->state == TLS) {
        c->state = TLS;
        int rc = SSL_do_handshake(c->ssl);
        if (rc == 1) {
            opening--;
            handshakes++;
            c->state = IDLE;
            go_on(c);
        } else {
            int why = SSL_get_error(c->ssl, rc);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                return false;
            }
            watch(c, why == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN);
            return true;
        }
    }
    for (;;) {
        if (c->state == BUSY && c->sent < c->out.len) {
            int n = SSL_write(c->ssl, c->out.data + c->sent, (int)(c->out.len - c->sent));
            if (n <= 0) {
                int why = SSL_get_error(c->ssl, n);
                watch(c, EPOLLIN | EPOLLOUT);
                return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
            }
            c->sent += (size_t)n;
            continue;
        }
        char *to = buf_room(&c->in, 16384);
        int n = to == NULL ? -1 : SSL_read(c->ssl, to, 16384);
        if (n <= 0) {
            int why = SSL_get_error(c->ssl, n);
            watch(c, EPOLLIN);
            return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        }
        buf_added(&c->in, (size_t)n);
        struct span body;
        unsigned status = whole(c, &body);
        if (status != 0) {
            answered(c, status, body);
        }
    }
}

static void open_some(void)
{
    static size_t at;
    for (size_t i = 0; i < 2 * nnodes && opening < OPENING_MAX; i++, at++) {
        struct node *n = &nodes[at / 2 % nnodes];
        struct conn *c = at % 2 == 0 ? &n->push : &n->pull;
        if (c->state == CLOSED) {
            conn_open(c);
        }
    }
}

static void poll_once(int timeout_ms)
{
    struct epoll_event ev[512];
    int n = epoll_wait(epoll_fd, ev, ARRAY_LEN(ev), timeout_ms);
    for (int i = 0; i < n; i++) {
        struct conn *c = ev[i].data.ptr;
        if (c->state != CLOSED && !turn(c)) {
            reconnects++;
            conn_close(c);
        }
    }
}

/* Until every node has said hello and holds its long poll; seconds it took. */
static double connect_all(time_ns limit)
{
    time_ns begin = clock_mono();
    while (ready_pulls < nnodes && clock_mono() - begin < limit) {
        open_some();
        poll_once(10);
    }
    return (double)(clock_mono() - begin) / 1e9;
}

static void run(double rate, time_ns length)
{
    time_ns period = (time_ns)((double)nnodes * PER_ENVELOPE / rate * 1e9);
    time_ns begin = clock_mono(), end = begin + length, warm = begin + length / 5;
    for (size_t i = 0; i < nnodes; i++) {
        nodes[i].next = begin + (time_ns)randombytes_uniform((uint32_t)(period / 1000)) * 1000;
    }
    for (time_ns now = begin; now < end; now = clock_mono()) {
        measuring = now > warm;
        for (size_t i = 0; i < nnodes; i++) {
            struct node *n = &nodes[i];
            if (n->next <= now && n->push.state == IDLE && n->push.greeted && n->seq < n->nenvelopes) {
                push(n, n->next);
                n->next += period;
                if (!turn(&n->push)) {
                    conn_close(&n->push);
                }
            }
        }
        open_some();
        poll_once(1);
    }
    measuring = false;
    for (time_ns wait = clock_mono() + 10 * TIME_SECOND; clock_mono() < wait;) { /* the last answers */
        size_t open = 0;
        for (size_t i = 0; i < nnodes; i++) {
            open += nodes[i].push.asks == PUSH;
        }
        if (open == 0) {
            break;
        }
        poll_once(5);
    }
}

/* ---- start ---- */

static void load(const char *folder)
{
    char path[4096], node[FED_NODE_LEN + 1], seed[65], circle[FED_CIRCLE_MAX + 1], line[512];
    (void)snprintf(path, sizeof path, "%s/nodes", folder);
    FILE *f = fopen(path, "re");
    nodes = mem_calloc(NODES_MAX, sizeof *nodes);
    while (f != NULL && nnodes < NODES_MAX && fgets(line, sizeof line, f) != NULL) {
        struct node *n = &nodes[nnodes++];
        unsigned char bytes[FED_SEED_BYTES];
        struct span words[4], left = span_trim(span_of(line));
        for (int i = 0; i < 4; i++) {
            ptrdiff_t blank = span_find(left, ' ');
            words[i] = span_sub(left, 0, blank < 0 ? left.len : (size_t)blank);
            left = span_sub(left, words[i].len + 1, left.len);
        }
        (void)snprintf(node, sizeof node, "%.*s", SPAN_ARG(words[0]));
        (void)snprintf(seed, sizeof seed, "%.*s", SPAN_ARG(words[1]));
        (void)snprintf(circle, sizeof circle, "%.*s", SPAN_ARG(words[2]));
        if (!hex_decode(span_of(seed), bytes, sizeof bytes) || !num_u64(words[3], &n->epoch)) {
            die("a line of nodes that cannot be read");
        }
        fed_keys_make(&n->keys, span_of(node), bytes, bytes);
        memcpy(n->circle, circle, sizeof circle);
        (void)snprintf(path, sizeof path, "%s/%s.pem", folder, node);
        FILE *pem = fopen(path, "re");
        n->cert = pem == NULL ? NULL : PEM_read_X509(pem, NULL, NULL, NULL);
        if (n->cert == NULL) {
            die(path);
        }
        (void)fclose(pem);
        struct conn *const both[] = {&n->push, &n->pull};
        for (int i = 0; i < 2; i++) {
            *both[i] = (struct conn){.node = n, .pulls = i == 1, .fd = -1};
            buf_init(&both[i]->out, 1 << 20);
            buf_init(&both[i]->in, ANSWER_MAX);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    (void)snprintf(path, sizeof path, "%s/key.pem", folder);
    f = fopen(path, "re");
    key = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
    if (key == NULL || nnodes == 0) {
        die("no key, or no nodes");
    }
    (void)fclose(f);
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void phase(const char *over)
{
    (void)printf("#%s\n", over);
    (void)fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double percentile(double p)
{
    size_t i = (size_t)(p * (double)nlatencies);
    return nlatencies == 0 ? -1 : (double)latencies[i >= nlatencies ? nlatencies - 1 : i] / 1000;
}

int main(int argc, char **argv)
{
    uint64_t port = 0, rate = 0, seconds = 0;
    if (argc != 6 || !num_u64(span_of(argv[2]), &port) || !num_u64(span_of(argv[4]), &rate) ||
        !num_u64(span_of(argv[5]), &seconds) || sodium_init() < 0) {
        die("usage: hub_load HOST PORT FOLDER SIGNALS_PER_S SECONDS");
    }
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        die("HOST is an IPv4 address");
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a connection that is gone says so by itself */
    load(argv[3]);
    make_all(rate, seconds);
    latencies = mem_calloc(LATENCIES_MAX, sizeof *latencies);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ctx = SSL_CTX_new(TLS_client_method());
    if (epoll_fd < 0 || ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1) {
        die("start");
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    double first = connect_all(300 * TIME_SECOND);
    if (ready_pulls < nnodes) {
        (void)fprintf(stderr, "hub_load: %zu of %zu connected\n", ready_pulls, nnodes);
        return 1;
    }
    phase("connected");
    time_ns begin = clock_mono();
    double cpu = cpu_s();
    run((double)rate, (time_ns)seconds * TIME_SECOND);
    double took = (double)(clock_mono() - begin) / 1e9;
    cpu = cpu_s() - cpu;
    uint64_t done = pushed;
    phase("ran");
    for (size_t i = 0; i < nnodes; i++) { /* the storm */
        conn_close(&nodes[i].push);
        conn_close(&nodes[i].pull);
    }
    double storm = connect_all(300 * TIME_SECOND);
    phase("back");
    qsort(latencies, nlatencies, sizeof *latencies, by_size);
    (void)printf("{\"nodes\":%zu,\"connected_s\":%.1f,\"signals\":%llu,\"signals_per_s\":%.0f,\"asked_per_s\":%llu,"
                 "\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f,\"refused\":%llu,\"failed\":%llu,\"broken\":%llu,"
                 "\"storm_s\":%.1f,\"storm_back\":%zu,\"load_cpu_s\":%.1f}\n",
                 nnodes, first, (unsigned long long)(done * PER_ENVELOPE), (double)(done * PER_ENVELOPE) / took,
                 (unsigned long long)rate, percentile(0.5), percentile(0.99), percentile(1), (unsigned long long)refused,
                 (unsigned long long)failed, (unsigned long long)reconnects, storm, ready_pulls, cpu);
    return 0;
}
