/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second copy over SFTP (draft-ietf-secsh-filexfer-02, version 3), by libssh2: see copy_remote.h. A file grows under a
 * name that begins with a dot and ends with ".part", is synced where the server can, read back whole and compared, and
 * renamed, which in this version of SFTP never writes over. Who the server is, its pinned key says; who we are, ours.
 */
#include "roles/copy_remote_priv.h"

#include <libssh2.h>
#include <libssh2_sftp.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    SLICE_MS = 250,
    PATH_BYTES = COPY_URL_MAX + COPY_NAME_MAX + 16,
};

struct sftp {
    const struct remote_job *job;
    const struct copy_url *url;
    struct err *e, after; /* after: of what is said on the way out, which nobody hears */
    int sock;
    LIBSSH2_SESSION *session;
    LIBSSH2_SFTP *sftp;
    char folder[COPY_URL_MAX + 1], whole[PATH_BYTES], part[PATH_BYTES];
    char *piece, *other; /* REMOTE_PIECE bytes each */
};

/* ---- waiting and errors ---- */

/* Until the socket is ready for what libssh2 waits for. 0, or the error is set. */
static int wait_more(struct sftp *s)
{
    int way = libssh2_session_block_directions(s->session);
    struct pollfd p = {.fd = s->sock};
    p.events |= (way & LIBSSH2_SESSION_BLOCK_INBOUND) != 0 ? POLLIN : 0;
    p.events |= (way & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0 ? POLLOUT : 0;
    for (int waited = 0; waited < REMOTE_STALL_MS; waited += SLICE_MS) {
        if (remote_stopped(s->job)) {
            return err_set(s->e, ERR_CLOSED, "the node stops");
        }
        if (poll(&p, 1, SLICE_MS) > 0) {
            return 0;
        }
    }
    return err_set(s->e, ERR_IO, "the server does not answer");
}

/* Calls until it is through; LIBSSH2_ERROR_EAGAIN stays when waiting failed, and the error is set. */
#define THROUGH(s, rc, call)                                                                       \
    do {                                                                                           \
        (rc) = (call);                                                                             \
    } while ((rc) == LIBSSH2_ERROR_EAGAIN && wait_more(s) == 0)

static bool waits(struct sftp *s)
{
    return libssh2_session_last_errno(s->session) == LIBSSH2_ERROR_EAGAIN;
}

/* draft-ietf-secsh-filexfer-02 §7 */
static const char *status_text(unsigned long status)
{
    switch (status) {
    case LIBSSH2_FX_NO_SUCH_FILE:
        return "no such file or folder there";
    case LIBSSH2_FX_PERMISSION_DENIED:
        return "the server does not permit it";
    case LIBSSH2_FX_FAILURE:
        return "the server says that it failed: is there room?";
    case LIBSSH2_FX_OP_UNSUPPORTED:
        return "the server cannot do that";
    default:
        return "the server refused";
    }
}

static bool status_is(struct sftp *s, int rc, unsigned long status)
{
    return rc == LIBSSH2_ERROR_SFTP_PROTOCOL && libssh2_sftp_last_error(s->sftp) == status;
}

static int fail(struct sftp *s, int rc, const char *what)
{
    char *text = NULL;
    if (rc == LIBSSH2_ERROR_EAGAIN) {
        return s->e->code; /* wait_more said it */
    }
    if (rc == LIBSSH2_ERROR_SFTP_PROTOCOL) {
        return err_set(s->e, ERR_IO, "%s: %s", what, status_text(libssh2_sftp_last_error(s->sftp)));
    }
    (void)libssh2_session_last_error(s->session, &text, NULL, 0);
    return err_set(s->e, ERR_IO, "%s: %s", what, text == NULL ? "the connection broke" : text);
}

/* ---- the connection ---- */

/* The server is one of those that were pinned; else what it shows is told, for a person to compare. */
static int check_host(struct sftp *s)
{
    unsigned char pin[COPY_PIN_BYTES];
    char text[sodium_base64_ENCODED_LEN(COPY_PIN_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    const char *hash = libssh2_hostkey_hash(s->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    if (hash == NULL) {
        return err_set(s->e, ERR_DENIED, "the server shows no host key");
    }
    for (uint32_t i = 0; i < s->job->place->npins; i++) {
        if (copy_pin_parse(s->job->place->pins[i], pin, NULL) == 0 && sodium_memcmp(pin, hash, sizeof pin) == 0) {
            return 0;
        }
    }
    (void)sodium_bin2base64(text, sizeof text, (const unsigned char *)hash, COPY_PIN_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return err_set(s->e, ERR_DENIED, "the server shows the host key SHA256:%s, which host_key does not name: it may be another machine", text);
}

static int log_in(struct sftp *s)
{
    char user[COPY_URL_MAX + 1];
    char *key = mem_alloc(COPY_KEY_MAX);
    size_t n = 0;
    int said = 0;
    (void)snprintf(user, sizeof user, "%.*s", SPAN_ARG(s->url->user));
    int rc = remote_key(s->job, key, &n, s->e);
    if (rc == 0) {
        THROUGH(s, said, libssh2_userauth_publickey_frommemory(s->session, user, s->url->user.len, NULL, 0, key, n, NULL));
        bool unread = said == LIBSSH2_ERROR_FILE || said == LIBSSH2_ERROR_METHOD_NONE || said == LIBSSH2_ERROR_PROTO; /* its reader says any of them */
        bool refused = said == LIBSSH2_ERROR_AUTHENTICATION_FAILED || said == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED;
        rc = unread    ? err_set(s->e, ERR_DENIED, "key_file holds no private key that can be read: an Ed25519 or ECDSA key without a passphrase is wanted")
             : refused ? err_set(s->e, ERR_DENIED, "the server does not take the key of key_file for this user")
             : said != 0 ? fail(s, said, "logging in")
                         : 0;
    }
    sodium_memzero(key, COPY_KEY_MAX);
    mem_free(key);
    return rc;
}

static int open_session(struct sftp *s)
{
    int rc = remote_connect(s->job, s->url->host, s->url->port, &s->sock, s->e);
    if (rc != 0) {
        return rc;
    }
    s->session = libssh2_session_init();
    CHECK(s->session != NULL);
    libssh2_session_set_blocking(s->session, 0);
    THROUGH(s, rc, libssh2_session_handshake(s->session, s->sock));
    if (rc != 0) {
        return fail(s, rc, "SSH");
    }
    rc = check_host(s);
    rc = rc == 0 ? log_in(s) : rc;
    if (rc != 0) {
        return rc;
    }
    do {
        s->sftp = libssh2_sftp_init(s->session);
    } while (s->sftp == NULL && waits(s) && wait_more(s) == 0);
    return s->sftp != NULL ? 0 : fail(s, libssh2_session_last_errno(s->session), "SFTP");
}

/* "/~/x" lies below where the user comes in. */
static void set_paths(struct sftp *s)
{
    struct span path = s->url->path;
    bool home = span_eq(path, SPAN("/~")) || span_starts(path, SPAN("/~/"));
    path = home ? span_sub(path, 3, path.len) : path;
    (void)snprintf(s->folder, sizeof s->folder, "%.*s%s", SPAN_ARG(path), path.len > 0 ? "" : home ? "." : "/");
    (void)snprintf(s->whole, sizeof s->whole, "%.*s%s%s", SPAN_ARG(path), path.len > 0 || !home ? "/" : "", s->job->name);
    (void)snprintf(s->part, sizeof s->part, "%.*s%s.%s.part", SPAN_ARG(path), path.len > 0 || !home ? "/" : "", s->job->name);
}

static int begin(struct sftp *s, const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    *s = (struct sftp){.job = job, .url = url, .e = e, .sock = -1};
    s->piece = mem_alloc(REMOTE_PIECE);
    s->other = mem_alloc(REMOTE_PIECE);
    set_paths(s);
    return open_session(s);
}

/* What it says on the way out decides nothing. */
static void end(struct sftp *s)
{
    if (s->sock >= 0) {
        s->e = &s->after;
        int rc = 0;
        if (s->sftp != NULL) {
            THROUGH(s, rc, libssh2_sftp_shutdown(s->sftp));
        }
        if (s->session != NULL) {
            (void)libssh2_session_disconnect(s->session, "done");
            THROUGH(s, rc, libssh2_session_free(s->session));
        }
        (void)close(s->sock);
    }
    mem_free(s->piece);
    mem_free(s->other);
}

/* ---- files there ---- */

static LIBSSH2_SFTP_HANDLE *open_there(struct sftp *s, const char *path, unsigned long flags, int kind, int *rc_out)
{
    LIBSSH2_SFTP_HANDLE *h = NULL;
    do {
        h = libssh2_sftp_open_ex(s->sftp, path, (unsigned)strlen(path), flags, 0600, kind);
    } while (h == NULL && waits(s) && wait_more(s) == 0);
    *rc_out = h != NULL ? 0 : libssh2_session_last_errno(s->session);
    return h;
}

static int close_there(struct sftp *s, LIBSSH2_SFTP_HANDLE *h, int rc)
{
    int said = 0;
    struct err *e = s->e;
    if (rc != 0) {
        s->e = &s->after; /* of two errors the first is told */
    }
    THROUGH(s, said, libssh2_sftp_close_handle(h));
    rc = rc == 0 && said != 0 ? fail(s, said, "closing the file there") : rc;
    s->e = e;
    return rc;
}

static int unlink_there(struct sftp *s, const char *path)
{
    int rc = 0;
    THROUGH(s, rc, libssh2_sftp_unlink_ex(s->sftp, path, (unsigned)strlen(path)));
    return rc == 0 || status_is(s, rc, LIBSSH2_FX_NO_SUCH_FILE) ? 0 : fail(s, rc, "removing what was not finished");
}

/* ERR_NOT_FOUND without a word when there is none. */
static int size_there(struct sftp *s, const char *path, uint64_t *out)
{
    LIBSSH2_SFTP_ATTRIBUTES a = {0};
    int rc = 0;
    THROUGH(s, rc, libssh2_sftp_stat_ex(s->sftp, path, (unsigned)strlen(path), LIBSSH2_SFTP_LSTAT, &a));
    if (status_is(s, rc, LIBSSH2_FX_NO_SUCH_FILE)) {
        return ERR_NOT_FOUND;
    }
    if (rc != 0) {
        return fail(s, rc, "looking there");
    }
    bool file = (a.flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) == 0 || LIBSSH2_SFTP_S_ISREG(a.permissions);
    if (!file || (a.flags & LIBSSH2_SFTP_ATTR_SIZE) == 0) {
        return err_set(s->e, ERR_EXISTS, "%s is no file", path);
    }
    *out = a.filesize;
    return 0;
}

/* Up to size bytes; fewer at its end. */
static int read_there(struct sftp *s, LIBSSH2_SFTP_HANDLE *h, char *to, size_t size, size_t *out)
{
    *out = 0;
    while (*out < size) {
        ssize_t n = 0;
        THROUGH(s, n, libssh2_sftp_read(h, to + *out, size - *out));
        if (n < 0) {
            return fail(s, (int)n, "reading there");
        }
        if (n == 0) {
            return 0;
        }
        *out += (size_t)n;
        remote_moved(s->job, (size_t)n);
    }
    return 0;
}

/* *same_out: what lies there is the job's file, byte for byte, and no more. */
static int compare(struct sftp *s, const char *path, uint64_t size, bool *same_out)
{
    int rc = 0;
    LIBSSH2_SFTP_HANDLE *h = open_there(s, path, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE, &rc);
    if (h == NULL) {
        return fail(s, rc, "reading back");
    }
    uint64_t at = 0;
    size_t n = 1;
    *same_out = true;
    while (rc == 0 && *same_out && n > 0) {
        rc = read_there(s, h, s->other, REMOTE_PIECE, &n);
        *same_out = n <= size - at;
        if (rc == 0 && *same_out && n > 0) {
            rc = remote_read(s->job, at, s->piece, n, s->e);
            *same_out = rc == 0 && memcmp(s->piece, s->other, n) == 0;
            at += n;
        }
    }
    *same_out = *same_out && at == size;
    return close_there(s, h, rc);
}

/* ---- sending ---- */

static int write_piece(struct sftp *s, LIBSSH2_SFTP_HANDLE *h, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = 0;
        THROUGH(s, n, libssh2_sftp_write(h, s->piece + have, size - have));
        if (n <= 0) {
            return fail(s, (int)n, "writing there");
        }
        have += (size_t)n;
        remote_moved(s->job, (size_t)n);
    }
    return 0;
}

/* What is missing of the part, from byte `at` on, on the server's disk when this returns 0 and the server can tell. */
static int write_part(struct sftp *s, uint64_t at, uint64_t size)
{
    int rc = 0, said = 0;
    LIBSSH2_SFTP_HANDLE *h = open_there(s, s->part, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT, LIBSSH2_SFTP_OPENFILE, &rc);
    if (h == NULL) {
        return fail(s, rc, "making a file there");
    }
    libssh2_sftp_seek64(h, at);
    while (rc == 0 && at < size) {
        size_t n = size - at < REMOTE_PIECE ? (size_t)(size - at) : REMOTE_PIECE;
        rc = remote_read(s->job, at, s->piece, n, s->e);
        rc = rc == 0 ? write_piece(s, h, n) : rc;
        at += n;
    }
    if (rc == 0) {
        THROUGH(s, said, libssh2_sftp_fsync(h));
        bool cannot = status_is(s, said, LIBSSH2_FX_OP_UNSUPPORTED) || said == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED;
        rc = said == 0 || cannot ? 0 : fail(s, said, "syncing the file there");
    }
    return close_there(s, h, rc);
}

/* Goes on with what an earlier try left; what turns out not to be ours begins anew, once. */
static int bring_part(struct sftp *s, uint64_t size)
{
    uint64_t at = 0;
    bool same = false;
    int rc = size_there(s, s->part, &at);
    if (rc != 0 && rc != ERR_NOT_FOUND) {
        return rc;
    }
    bool again = rc == 0 && at > 0;
    if (again && at <= size) {
        rc = write_part(s, at, size);
        rc = rc == 0 ? compare(s, s->part, size, &same) : rc;
        if (rc != 0 || same) {
            return rc;
        }
    }
    rc = again ? unlink_there(s, s->part) : 0;
    rc = rc == 0 ? write_part(s, 0, size) : rc;
    rc = rc == 0 ? compare(s, s->part, size, &same) : rc;
    return rc != 0 || same ? rc : err_set(s->e, ERR_IO, "the copy does not read back as it was written");
}

static int send_file(struct sftp *s)
{
    uint64_t size = 0, there = 0;
    bool same = false;
    int rc = remote_size(s->job, &size, s->e);
    if (rc != 0) {
        return rc;
    }
    rc = size_there(s, s->whole, &there);
    if (rc == 0) {
        rc = there == size ? compare(s, s->whole, size, &same) : 0;
        return rc != 0 || same ? rc : err_set(s->e, ERR_EXISTS, "a file of that day is there that is not this node's copy: it is not written over, move it away");
    }
    rc = rc == ERR_NOT_FOUND ? bring_part(s, size) : rc;
    if (rc == 0) {
        THROUGH(s, rc, libssh2_sftp_rename_ex(s->sftp, s->part, (unsigned)strlen(s->part), s->whole, (unsigned)strlen(s->whole), 0));
        rc = rc == 0 ? 0 : fail(s, rc, "giving the file its name");
    }
    return rc;
}

int sftp_send(const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    struct sftp s;
    int rc = begin(&s, job, url, e);
    rc = rc == 0 ? send_file(&s) : rc;
    end(&s);
    return rc;
}

/* ---- fetching ---- */

static int fetch_file(struct sftp *s)
{
    uint64_t size = 0, at = 0;
    size_t n = 1;
    int rc = size_there(s, s->whole, &size);
    if (rc != 0) {
        return rc;
    }
    if (size > s->job->max_bytes) {
        return err_set(s->e, ERR_LIMIT, "%s there is larger than a copy of that day can be", s->job->name);
    }
    LIBSSH2_SFTP_HANDLE *h = open_there(s, s->whole, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE, &rc);
    if (h == NULL) {
        return fail(s, rc, "reading there");
    }
    while (rc == 0 && n > 0 && at <= size) {
        rc = read_there(s, h, s->piece, REMOTE_PIECE, &n);
        rc = rc == 0 ? remote_write(s->job, at, s->piece, n, s->e) : rc;
        at += n;
    }
    rc = rc == 0 && at != size ? err_set(s->e, ERR_IO, "%s changes while it is read", s->job->name) : rc;
    return close_there(s, h, rc);
}

int sftp_fetch(const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    struct sftp s;
    int rc = begin(&s, job, url, e);
    rc = rc == 0 ? fetch_file(&s) : rc;
    end(&s);
    return rc;
}

/* All of those bytes, from a place of the file. */
static int read_at(struct sftp *s, LIBSSH2_SFTP_HANDLE *h, uint64_t at, unsigned char *to, size_t size)
{
    size_t n = 0;
    libssh2_sftp_seek64(h, at);
    int rc = read_there(s, h, (char *)to, size, &n);
    return rc == 0 && n != size ? err_set(s->e, ERR_IO, "%s changes while it is read", s->job->name) : rc;
}

static int ends_there(struct sftp *s, struct remote_ends *out)
{
    int rc = size_there(s, s->whole, &out->size);
    if (rc != 0 || out->size < sizeof out->head + sizeof out->tail) {
        return rc;
    }
    LIBSSH2_SFTP_HANDLE *h = open_there(s, s->whole, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE, &rc);
    if (h == NULL) {
        return fail(s, rc, "reading there");
    }
    rc = read_at(s, h, 0, out->head, sizeof out->head);
    rc = rc == 0 ? read_at(s, h, out->size - sizeof out->tail, out->tail, sizeof out->tail) : rc;
    return close_there(s, h, rc);
}

int sftp_ends(const struct remote_job *job, const struct copy_url *url, struct remote_ends *out, struct err *e)
{
    struct sftp s;
    int rc = begin(&s, job, url, e);
    rc = rc == 0 ? ends_there(&s, out) : rc;
    end(&s);
    return rc;
}

static int list_folder(struct sftp *s, struct buf *out)
{
    int rc = 0;
    char name[COPY_NAME_MAX];
    LIBSSH2_SFTP_HANDLE *h = open_there(s, s->folder, 0, LIBSSH2_SFTP_OPENDIR, &rc);
    if (h == NULL) {
        return fail(s, rc, "listing the folder there");
    }
    for (;;) {
        ssize_t n = 0;
        LIBSSH2_SFTP_ATTRIBUTES a;
        char full[PATH_BYTES];
        THROUGH(s, n, libssh2_sftp_readdir_ex(h, full, sizeof full, NULL, 0, &a));
        if (n == 0) {
            return close_there(s, h, 0);
        }
        if (n < 0 && n != LIBSSH2_ERROR_BUFFER_TOO_SMALL) {
            return close_there(s, h, fail(s, (int)n, "listing the folder there"));
        }
        if (n > 0 && n < COPY_NAME_MAX) {
            memcpy(name, full, (size_t)n);
            name[n] = '\0';
            if (copy_is_name(name)) {
                buf_printf(out, "%s\n", name);
            }
        }
        if (out->failed) {
            return close_there(s, h, err_set(s->e, ERR_LIMIT, "more days there than there can be"));
        }
    }
}

int sftp_list(const struct remote_job *job, const struct copy_url *url, struct buf *out, struct err *e)
{
    struct sftp s;
    int rc = begin(&s, job, url, e);
    rc = rc == 0 ? list_folder(&s, out) : rc;
    end(&s);
    return rc;
}
