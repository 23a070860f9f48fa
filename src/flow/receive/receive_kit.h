/* SPDX-License-Identifier: EUPL-1.2 */
/* What the tests of the receivers share: a sink that remembers, sockets on loopback. */
#ifndef FLOW_RECEIVE_RECEIVE_KIT_H
#define FLOW_RECEIVE_RECEIVE_KIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "flow/receive/receive.h"
#include "flow/receive/tokens.h"

/* ---- a sink that remembers ---- */

struct seen {
    struct buf text; /* records, each followed by '|', a cut one by '~|', a broken one by '!|' */
    uint64_t records;
    uint64_t dropped;
    uint32_t source;
    char sender[RECEIVE_ADDRESS_MAX];
};

static inline bool see(void *ctx, const struct receive_record *r)
{
    struct seen *s = ctx;
    buf_span(&s->text, span_sub(r->bytes, 0, 100));
    buf_cstr(&s->text, r->cut ? "~|" : r->broken ? "!|" : "|");
    s->records++;
    s->source = r->source;
    (void)snprintf(s->sender, sizeof s->sender, "%.*s", SPAN_ARG(r->sender));
    return !r->broken;
}

static inline void see_dropped(void *ctx, uint32_t source, enum drop_cause why, uint64_t count)
{
    struct seen *s = ctx;
    (void)source;
    assert_true(why < DROP_COUNT);
    s->dropped += count;
}

static inline struct receive_sink sink_of(struct seen *s)
{
    memset(s, 0, sizeof *s);
    buf_init(&s->text, 64 << 20);
    return (struct receive_sink){s, see, see_dropped, NULL, NULL};
}

static inline void assert_seen(struct seen *s, const char *want)
{
    if (!span_eq(buf_view(&s->text), span_of(want))) {
        fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(buf_view(&s->text)), want);
    }
}

static inline int bound_socket(int type, struct sockaddr_in *address_out)
{
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 64), 0);
    } else {
        int on = 1;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on), 0);
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)address_out, &len), 0);
    return fd;
}

static inline int connect_to(int type, const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

static inline void send_all(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        s = span_sub(s, (size_t)n, s.len);
    }
}

static inline void drain_loop(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_DEFAULT); /* closing handles only */
    assert_int_equal(uv_loop_close(loop), 0);
}

static inline void add_token(struct tokens *t, const char *text, uint32_t source)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0));
    tokens_add(t, hash, source);
}

#endif
