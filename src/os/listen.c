/* SPDX-License-Identifier: EUPL-1.2 */
/* Opening sockets: see listen.h. Runs in super only. Must never read from a socket or look a name
 * up. */
#include "os/listen.h"

#include <sys/un.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

enum { LISTEN_STEP_MS = 20 };

static int bad_address(struct span text, struct err *e)
{
    return err_set(e, ERR_INVALID, "\"%.*s\" is no address:port (as 127.0.0.1:8600 or [::1]:8600)",
                   SPAN_ARG(span_sub(text, 0, 100)));
}

static bool split(struct span text, struct span *host, struct span *port)
{
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < text.len; i++) {
        colon = text.ptr[i] == ':' ? (ptrdiff_t)i : colon;
    }
    if (colon <= 0) {
        return false;
    }
    *host = span_sub(text, 0, (size_t)colon);
    *port = span_sub(text, (size_t)colon + 1, text.len);
    if (host->ptr[0] == '[') {
        if (host->len < 3 || host->ptr[host->len - 1] != ']') {
            return false;
        }
        *host = span_sub(*host, 1, host->len - 2);
        return span_find(*host, ':') >= 0;
    }
    return span_find(*host, ':') < 0;
}

int listen_parse(struct span text, struct listen_address *out, struct err *e)
{
    struct span host, port_text;
    char name[INET6_ADDRSTRLEN + 1];
    uint64_t port = 0;
    memset(out, 0, sizeof *out);
    if (!split(text, &host, &port_text) || host.len >= sizeof name ||
        memchr(host.ptr, '\0', host.len) != NULL || !num_u64(port_text, &port) || port > 65535) {
        return bad_address(text, e);
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
    if (inet_pton(AF_INET, name, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        out->len = sizeof *v4;
    } else if (inet_pton(AF_INET6, name, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        out->len = sizeof *v6;
    } else {
        return bad_address(text, e);
    }
    return 0;
}

uint16_t listen_port(const struct listen_address *a)
{
    return ntohs(a->addr.ss_family == AF_INET ? ((const struct sockaddr_in *)&a->addr)->sin_port
                                              : ((const struct sockaddr_in6 *)&a->addr)->sin6_port);
}

bool listen_is_loopback(const struct listen_address *a)
{
    if (a->addr.ss_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)&a->addr)->sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->addr)->sin6_addr);
}

static const char *format_address(const struct listen_address *a, char out[LISTEN_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->addr.ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)&a->addr)->sin_addr, host,
                        sizeof host);
        (void)snprintf(out, LISTEN_TEXT_MAX, "%s:%u", host, listen_port(a));
    } else {
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&a->addr)->sin6_addr, host,
                        sizeof host);
        (void)snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u", host, listen_port(a));
    }
    return out;
}

const char *listen_format(int fd, char out[LISTEN_TEXT_MAX])
{
    struct listen_address a = {.len = sizeof a.addr};
    if (getsockname(fd, (struct sockaddr *)&a.addr, &a.len) != 0) {
        (void)snprintf(out, LISTEN_TEXT_MAX, "?");
        return out;
    }
    return format_address(&a, out);
}

static int failed(const struct listen_address *a, const char *what, struct err *e)
{
    char text[LISTEN_TEXT_MAX];
    int why = errno;
    const char *hint = why == EADDRINUSE
                           ? " (another program has this port; choose another in sereno.yml)"
                       : why == EACCES ? " (ports below 1024 need CAP_NET_BIND_SERVICE)"
                                       : "";
    return err_set_errno(e, ERR_IO, why, "%s %s%s", what, format_address(a, text), hint);
}

/*
 * bind, tried for a while when the port is taken: the roles of a node that was killed let go of it
 * a moment after super is gone, and a service manager starts the next one at once.
 */
static int bind_patiently(int fd, const struct listen_address *a)
{
    const struct timespec step = {.tv_nsec = LISTEN_STEP_MS * 1000000L};
    int rc = bind(fd, (const struct sockaddr *)&a->addr, a->len);
    for (int ms = 0; rc != 0 && errno == EADDRINUSE && ms < LISTEN_WAIT_MS; ms += LISTEN_STEP_MS) {
        (void)nanosleep(&step, NULL);
        rc = bind(fd, (const struct sockaddr *)&a->addr, a->len);
    }
    return rc;
}

static int open_bound(const struct listen_address *a, int type, bool shared, int *fd_out,
                      struct err *e)
{
    int one = 1;
    int fd = socket(a->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return failed(a, "a socket for", e);
    }
    if (type == SOCK_STREAM) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    if (shared) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    }
    if (a->addr.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind_patiently(fd, a) != 0) {
        int rc = failed(a, "listening on", e);
        (void)close(fd);
        return rc;
    }
    *fd_out = fd;
    return 0;
}

static void set_up_udp(int fd)
{
    int one = 1;
    int bytes = LISTEN_UDP_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
}

/* Sockets that share one address. The first one binds alone, so that it fails where anyone else listens; then it lets its siblings in. */
static int open_shared(const struct listen_address *a, int type, unsigned count, int *fds_out, struct err *e)
{
    int one = 1;
    struct listen_address same = *a;
    unsigned n = 0;
    int rc = open_bound(&same, type, false, &fds_out[0], e);
    n = rc == 0 ? 1 : 0;
    if (rc == 0 && count > 1) {
        socklen_t len = sizeof same.addr;
        if (setsockopt(fds_out[0], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
            getsockname(fds_out[0], (struct sockaddr *)&same.addr, &len) != 0) {
            rc = failed(a, "sharing", e);
        }
    }
    while (rc == 0 && n < count) {
        rc = open_bound(&same, type, true, &fds_out[n], e);
        n += rc == 0;
    }
    for (unsigned i = 0; rc == 0 && type == SOCK_STREAM && i < n; i++) {
        rc = listen(fds_out[i], LISTEN_BACKLOG) == 0 ? 0 : failed(a, "listening on", e);
    }
    for (unsigned i = 0; rc != 0 && i < n; i++) {
        (void)close(fds_out[i]);
        fds_out[i] = -1;
    }
    return rc;
}

int listen_tcp(const struct listen_address *a, unsigned count, int *fds_out, struct err *e)
{
    return open_shared(a, SOCK_STREAM, count, fds_out, e);
}

int listen_udp(const struct listen_address *a, unsigned count, int *fds_out, struct err *e)
{
    int rc = open_shared(a, SOCK_DGRAM, count, fds_out, e);
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        set_up_udp(fds_out[i]);
    }
    return rc;
}

/* The path of a Unix socket has at most 107 bytes; a folder's fd has a short one. */
static int bind_unix(int fd, int folder, const char *name, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", folder, name);
    CHECK(n > 0 && (size_t)n < sizeof a.sun_path);
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        return err_set_errno(e, ERR_IO, errno, "%s cannot be replaced", name);
    }
    mode_t before = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)&a, sizeof a);
    int why = errno;
    (void)umask(before);
    if (rc != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        return err_set_errno(e, ERR_IO, rc != 0 ? why : errno, "listening on %s", name);
    }
    return 0;
}

int listen_unix(const char *folder, const char *name, int *fd_out, struct err *e)
{
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = at < 0 || fd < 0 ? err_set_errno(e, ERR_IO, errno, "a socket in %s", folder)
                              : bind_unix(fd, at, name, e);
    if (at >= 0) {
        (void)close(at);
    }
    if (rc != 0 && fd >= 0) {
        (void)close(fd);
        fd = -1;
    }
    *fd_out = fd;
    return rc;
}
