/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What super opens for others: listening sockets, followed files, TLS keys. Sockets stay open in super, so that nobody is
 * refused while a role restarts; files are opened anew for each hand-over, and again when a name means another file.
 * Runs in super. Must never read from any of them.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/listen.h"

static void holding_free(struct holding *h)
{
    if (h->fd >= 0) {
        (void)close(h->fd);
    }
    mem_free(h->name);
    mem_free(h);
}

static void tell(struct super *s, const struct holding *h, int fd, bool from_start)
{
    struct stat st;
    memset(&st, 0, sizeof st);
    (void)fstat(fd, &st);
    const struct role_fd f = {.kind = h->kind,
                              .source = h->source,
                              .name = span_of(h->name),
                              .device = (uint64_t)st.st_dev,
                              .inode = (uint64_t)st.st_ino,
                              .size = (uint64_t)st.st_size,
                              .from_start = from_start};
    struct buf b;
    buf_init(&b, 8192);
    role_fd_encode(&b, &f);
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if (c->role == h->owner && child_runs(c)) {
            (void)!child_send(c, MSG_FD, buf_view(&b), &fd);
        }
    }
    buf_free(&b);
}

/* Opens the file a name means now and hands it over when it is another one than before. */
static void follow(struct super *s, struct holding *h, bool again)
{
    struct stat st;
    int fd = open(h->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (!h->missing_told) {
            log_warn("source.missing", "path=\"%s\" why=\"%s\"", h->name,
                     fd < 0 ? strerror(errno) : "no regular file");
            h->missing_told = true;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    bool same = st.st_dev == h->device && st.st_ino == h->inode;
    if (again || !same) {
        /* A file that was there when we came begins at its end; one that appears under our eyes is new. */
        bool appeared = h->missing_told || h->inode != 0;
        h->device = st.st_dev;
        h->inode = st.st_ino;
        tell(s, h, fd, !same && appeared);
    }
    h->missing_told = false;
    (void)close(fd);
}

void fds_tick(struct super *s)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        struct child *owner = super_child(s, h->owner, 0);
        if (h->kind != FD_FILE || owner == NULL || !child_runs(owner) || !owner->has_rules) {
            continue;
        }
        struct stat st;
        if (stat(h->name, &st) != 0 || st.st_dev != h->device || st.st_ino != h->inode) {
            follow(s, h, false);
        }
    }
}

static int open_key(struct span name, int *fd_out, struct err *e)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.*s", SPAN_ARG(name));
    /* Ours are made on first use: the desk finds them empty and fills them. A configured one must be there. */
    *fd_out = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (*fd_out < 0 && (errno == EACCES || errno == EROFS)) {
        *fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    return *fd_out >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
}

/* Opened for each hand-over: the reader's position in it is its own, and a renewed file is found. */
static void hand_key(struct super *s, const struct holding *h)
{
    int fd = -1;
    struct err e = {0};
    if (open_key(span_of(h->name), &fd, &e) != 0) {
        log_error("key.open", "why=\"%s\"", e.text);
        return;
    }
    tell(s, h, fd, true);
    (void)close(fd);
}

void fds_hand(struct super *s, struct child *c)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        if (h->owner != c->role) {
            continue;
        }
        if (h->kind == FD_FILE) {
            follow(s, h, true);
        } else if (h->kind == FD_TLS_CERT || h->kind == FD_TLS_KEY) {
            hand_key(s, h);
        } else {
            tell(s, h, h->fd, false);
        }
    }
    if (c->role == ROLE_INTAKE && s->journal.wanted) {
        s->journal.due =
            clock_mono() + TIME_SECOND; /* unless intake asks for a certain place first */
    }
}

static struct holding *find(struct super *s, enum fd_kind kind, struct span name)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        if (h->kind == kind && span_eq(span_of(h->name), name)) {
            return h;
        }
    }
    return NULL;
}

struct wanted {
    enum fd_kind kind;
    enum role_id owner;
    uint32_t source;
    struct span name;
};

static int open_socket(const struct wanted *w, int *fd_out, struct err *e)
{
    struct listen_address a;
    int rc = listen_parse(w->name, &a, e);
    if (rc != 0) {
        return rc;
    }
    return w->kind == FD_SYSLOG_UDP ? listen_udp(&a, fd_out, e) : listen_tcp(&a, fd_out, e);
}

/* Opens w unless it is open already, and notes that it is still wanted. */
static int add(struct super *s, const struct wanted *w, struct holdings *next, struct err *e)
{
    bool is_key = w->kind == FD_TLS_CERT || w->kind == FD_TLS_KEY;
    struct holding *h =
        is_key ? NULL : find(s, w->kind, w->name); /* keys: read anew, they may be renewed */
    if (h == NULL) {
        int fd = -1;
        int rc = 0;
        if (is_key) {
            rc = open_key(w->name, &fd, e);
            if (rc == 0) {
                (void)close(fd); /* it can be opened; that is all for now */
                fd = -1;
            }
        } else if (w->kind != FD_FILE) {
            rc = open_socket(w, &fd, e);
        }
        if (rc != 0) {
            return rc;
        }
        h = mem_alloc(sizeof *h);
        h->kind = w->kind;
        h->owner = w->owner;
        h->fd = fd;
        h->name = mem_alloc(w->name.len + 1);
        memcpy(h->name, w->name.ptr, w->name.len);
    }
    h->next_source = w->source;
    vec_push(next, h);
    return 0;
}

/* Certificate and key of the desk: as configured, or our own below DATA/keys when others can reach it. */
static int add_keys(struct super *s, const struct config_listen *l, enum role_id owner,
                    struct holdings *next, struct err *e)
{
    struct span cert = l->tls_cert, key = l->tls_key;
    if (cert.len == 0) {
        if (owner != ROLE_DESK || config_is_loopback(l->listen)) {
            return 0;
        }
        struct arena *a = &s->config->arena;
        const char *own[2] = {arena_printf(a, "%s/keys/desk.crt", s->data_dir),
                              arena_printf(a, "%s/keys/desk.key", s->data_dir)};
        for (size_t i = 0; i < 2; i++) {
            int fd = open(own[i], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
            if (fd < 0) {
                return err_set_errno(e, ERR_IO, errno, "%s", own[i]);
            }
            (void)close(fd);
        }
        cert = span_of(own[0]);
        key = span_of(own[1]);
    }
    const struct wanted w[2] = {{FD_TLS_CERT, owner, FD_NO_SOURCE, cert},
                                {FD_TLS_KEY, owner, FD_NO_SOURCE, key}};
    int rc = add(s, &w[0], next, e);
    return rc == 0 ? add(s, &w[1], next, e) : rc;
}

static int add_source(struct super *s, const struct config_source *src, uint32_t i,
                      struct holdings *next, struct err *e)
{
    struct wanted w = {.owner = ROLE_INTAKE, .source = i};
    switch (src->kind) {
    case SOURCE_SYSLOG_UDP:
        w.kind = FD_SYSLOG_UDP;
        w.name = src->listen;
        break;
    case SOURCE_SYSLOG_TCP:
        w.kind = FD_LISTEN_SYSLOG_TCP;
        w.name = src->listen;
        break;
    case SOURCE_FILE:
        w.kind = FD_FILE;
        w.name = src->path;
        break;
    case SOURCE_HTTP:    /* all share the ingest listener */
    case SOURCE_JOURNAL: /* super_journal.c */
    case SOURCE_KIND_COUNT:
        return 0;
    }
    int rc = add(s, &w, next, e);
    if (rc == 0 && src->kind != SOURCE_FILE && !config_is_loopback(src->listen)) {
        log_warn("source.open", "source=\"%.*s\" listen=%.*s note=\"syslog travels in the clear\"",
                 SPAN_ARG(src->name), SPAN_ARG(src->listen));
    }
    return rc;
}

static int add_all(struct super *s, const struct config *config, struct holdings *next,
                   struct err *e)
{
    const struct wanted desk = {FD_LISTEN_DESK, ROLE_DESK, FD_NO_SOURCE, config->desk.listen};
    const struct wanted ingest = {FD_LISTEN_INGEST, ROLE_INTAKE, FD_NO_SOURCE,
                                  config->ingest.listen};
    int rc = add_keys(s, &config->desk, ROLE_DESK, next,
                      e); /* before the socket: TLS from the first byte */
    rc = rc == 0 ? add_keys(s, &config->ingest, ROLE_INTAKE, next, e) : rc;
    rc = rc == 0 ? add(s, &desk, next, e) : rc;
    rc = rc == 0 ? add(s, &ingest, next, e) : rc;
    for (uint32_t i = 0; rc == 0 && i < config->nsources; i++) {
        rc = add_source(s, &config->sources[i], i, next, e);
    }
    return rc;
}

static bool in(const struct holdings *v, const struct holding *h)
{
    for (size_t i = 0; i < v->len; i++) {
        if (v->data[i] == h) {
            return true;
        }
    }
    return false;
}

/* Tells the owner that nothing more comes from it. */
static void tell_closed(struct super *s, const struct holding *h)
{
    struct buf b;
    buf_init(&b, FD_NAME_MAX + 8);
    buf_u32(&b, (uint32_t)h->kind);
    buf_str(&b, span_of(h->name));
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if (c->role == h->owner && child_runs(c)) {
            (void)!child_send(c, MSG_FD_CLOSE, buf_view(&b), NULL);
        }
    }
    buf_free(&b);
}

int fds_open(struct super *s, const struct config *config, struct err *e)
{
    struct holdings next = {0};
    int rc = add_all(s, config, &next, e);
    struct holdings old = s->holdings;
    /* On failure the new ones go, else the old ones that nobody wants any more. */
    const struct holdings *losing = rc == 0 ? &old : &next;
    const struct holdings *keeping = rc == 0 ? &next : &old;
    for (size_t i = 0; i < losing->len; i++) {
        struct holding *h = losing->data[i];
        if (in(keeping, h)) {
            continue;
        }
        bool replaced = false;
        for (size_t k = 0; rc == 0 && k < keeping->len; k++) {
            replaced |=
                keeping->data[k]->kind == h->kind && strcmp(keeping->data[k]->name, h->name) == 0;
        }
        if (rc == 0 && !replaced) {
            tell_closed(s, h);
        }
        holding_free(h);
    }
    if (rc != 0) {
        vec_free(&next);
        return rc;
    }
    vec_free(&old);
    s->holdings = next;
    for (size_t i = 0; i < next.len; i++) {
        next.data[i]->source = next.data[i]->next_source;
    }
    return 0;
}

void fds_close_all(struct super *s)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        holding_free(s->holdings.data[i]);
    }
    vec_free(&s->holdings);
}
