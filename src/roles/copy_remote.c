/* SPDX-License-Identifier: EUPL-1.2 */
/* What all ways to a second copy need, and which of them a URL asks for: see copy_remote.h. */
#include "roles/copy_remote_priv.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/net_range.h"

enum { SLICE_MS = 250 /* between two looks whether to stop */ };

int remote_preload(struct err *e)
{
    return libssh2_init(0) == 0 && curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : err_set(e, ERR_IO, "libssh2 or libcurl does not start");
}

bool remote_stopped(const struct remote_job *job)
{
    return job->stop != NULL && atomic_load(job->stop);
}

void remote_moved(const struct remote_job *job, size_t bytes)
{
    if (job->moved != NULL) {
        (void)atomic_fetch_add(job->moved, bytes);
    }
}

bool remote_may_connect(const struct remote_job *job, const struct sockaddr *address, bool plain)
{
    struct net_range range;
    bool allowed = job->anywhere || (!plain && net_is_public(address));
    for (uint32_t i = 0; i < job->place->nallow && !allowed; i++) {
        allowed = net_range_parse(job->place->allow[i], &range, NULL) == 0 && net_range_holds(&range, address);
    }
    return allowed;
}

/* ---- the file ---- */

int remote_size(const struct remote_job *job, uint64_t *out, struct err *e)
{
    struct stat st;
    if (fstat(job->fd, &st) != 0 || st.st_size < 0) {
        return err_set_errno(e, ERR_IO, errno, "the copy");
    }
    *out = (uint64_t)st.st_size;
    return 0;
}

int remote_read(const struct remote_job *job, uint64_t at, char *to, size_t size, struct err *e)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = pread(job->fd, to + have, size - have, (off_t)(at + have));
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return n == 0 ? err_set(e, ERR_IO, "the copy became shorter") : err_set_errno(e, ERR_IO, errno, "the copy");
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int remote_write(const struct remote_job *job, uint64_t at, const char *from, size_t size, struct err *e)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = pwrite(job->fd, from + have, size - have, (off_t)(at + have));
        if (n < 0 && errno != EINTR) {
            return err_set_errno(e, ERR_IO, errno, "what comes from the copy");
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int remote_key(const struct remote_job *job, char *out, size_t *len_out, struct err *e)
{
    ssize_t n = pread(job->key_fd, out, COPY_KEY_MAX, 0);
    if (n <= 0 || n >= COPY_KEY_MAX) {
        return n < 0 ? err_set_errno(e, ERR_IO, errno, "key_file") : err_set(e, ERR_INVALID, "key_file is %s", n == 0 ? "empty" : "too large");
    }
    *len_out = (size_t)n;
    return 0;
}

/* ---- connecting ---- */

/* Waits for a connect under way. 0, or an errno. */
static int wait_connected(const struct remote_job *job, int sock)
{
    int why = ETIMEDOUT;
    socklen_t size = sizeof why;
    for (int waited = 0; waited < REMOTE_CONNECT_MS; waited += SLICE_MS) {
        struct pollfd p = {.fd = sock, .events = POLLOUT};
        if (remote_stopped(job)) {
            return ECANCELED;
        }
        if (poll(&p, 1, SLICE_MS) > 0) {
            return getsockopt(sock, SOL_SOCKET, SO_ERROR, &why, &size) == 0 ? why : errno;
        }
    }
    return ETIMEDOUT;
}

static int connect_to(const struct remote_job *job, const struct addrinfo *a, int *sock_out)
{
    int sock = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0) {
        return errno;
    }
    int why = connect(sock, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    why = why == EINPROGRESS ? wait_connected(job, sock) : why;
    if (why != 0) {
        (void)close(sock);
        return why;
    }
    *sock_out = sock;
    return 0;
}

int remote_connect(const struct remote_job *job, struct span host, uint16_t port, int *sock_out, struct err *e)
{
    char name[256], service[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int why = 0;
    bool refused = false;
    (void)snprintf(name, sizeof name, "%.*s", SPAN_ARG(host));
    (void)snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(name, service, &hints, &list);
    if (rc != 0) {
        return err_set(e, ERR_IO, "%s: %s", name, gai_strerror(rc));
    }
    *sock_out = -1;
    for (const struct addrinfo *a = list; a != NULL && *sock_out < 0; a = a->ai_next) {
        bool may = remote_may_connect(job, a->ai_addr, false);
        refused = refused || !may;
        why = may ? connect_to(job, a, sock_out) : why;
    }
    freeaddrinfo(list);
    if (*sock_out >= 0) {
        return 0;
    }
    if (why == ECANCELED) {
        return err_set(e, ERR_CLOSED, "the node stops");
    }
    return why == 0 && refused ? err_set(e, ERR_DENIED, "the address of %s is not public, and `allow` does not name its network", name)
                               : err_set_errno(e, ERR_IO, why, "%s port %s", name, service);
}

/* ---- by way ---- */

int remote_send(const struct remote_job *job, struct err *e)
{
    struct copy_url url;
    int rc = copy_url_parse(job->place->url, &url, e);
    return rc != 0 ? rc : url.way == COPY_S3 ? s3_send(job, &url, e) : sftp_send(job, &url, e);
}

int remote_fetch(const struct remote_job *job, struct err *e)
{
    struct copy_url url;
    int rc = copy_url_parse(job->place->url, &url, e);
    return rc != 0 ? rc : url.way == COPY_S3 ? s3_fetch(job, &url, e) : sftp_fetch(job, &url, e);
}

int remote_ends(const struct remote_job *job, struct remote_ends *out, struct err *e)
{
    struct copy_url url;
    *out = (struct remote_ends){.size = 0};
    int rc = copy_url_parse(job->place->url, &url, e);
    return rc != 0 ? rc : url.way == COPY_S3 ? s3_ends(job, &url, out, e) : sftp_ends(job, &url, out, e);
}

int remote_list(const struct remote_job *job, const char *after, struct buf *out, struct err *e)
{
    struct copy_url url;
    int rc = copy_url_parse(job->place->url, &url, e);
    return rc != 0 ? rc : url.way == COPY_S3 ? s3_list(job, &url, after, out, e) : sftp_list(job, &url, out, e);
}
