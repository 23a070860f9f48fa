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
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/identity/directory.h"
#include "os/listen.h"
#include "records/demo.h"

static void holding_free(struct holding *h)
{
    if (h->fd >= 0) {
        (void)close(h->fd);
    }
    mem_free(h->name);
    mem_free(h);
}

static bool is_owner(const struct holding *h, const struct child *c)
{
    return c->role == h->owner && (h->instance == HOLDING_ALL || h->instance == c->instance);
}

/* To `only`, or to all whose it is. */
static void tell(struct super *s, const struct holding *h, const struct child *only, int fd,
                 bool from_start)
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
                              .from_start = from_start,
                              .begin = h->kind == FD_FILE ? (uint64_t)h->begin : 0};
    struct buf b;
    buf_init(&b, 8192);
    role_fd_encode(&b, &f);
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if (is_owner(h, c) && child_runs(c) && (only == NULL || only == c)) {
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
        if (!same) {
            h->begin = appeared ? 0 : st.st_size;
        }
        h->device = st.st_dev;
        h->inode = st.st_ino;
        tell(s, h, NULL, fd, !same && appeared);
    }
    h->missing_told = false;
    (void)close(fd);
}

void fds_tick(struct super *s)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        struct child *owner = super_child(s, h->owner, h->instance == HOLDING_ALL ? 0 : h->instance);
        if (h->kind != FD_FILE || owner == NULL || !child_runs(owner) || !owner->has_rules) {
            continue;
        }
        struct stat st;
        if (stat(h->name, &st) != 0 || st.st_dev != h->device || st.st_ino != h->inode) {
            follow(s, h, false);
        }
    }
}

/* Files that are opened for each hand-over, never kept. */
static bool is_key(enum fd_kind kind)
{
    return kind == FD_TLS_CERT || kind == FD_TLS_KEY || kind == FD_FED_KEY || kind == FD_SIGN_IN_FILE;
}

static int open_key(enum fd_kind kind, struct span name, int *fd_out, struct err *e)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.*s", SPAN_ARG(name));
    /* Ours are made on first use: the desk finds them empty and fills them. A configured one must be there. */
    /* O_DSYNC: who may not ask for a sync, such as the desk, still leaves it on the disk. */
    bool fixed = kind == FD_SIGN_IN_FILE;
    *fd_out = fixed ? -1 : open(path, O_RDWR | O_DSYNC | O_CLOEXEC | O_NOCTTY);
    if (*fd_out < 0 && (fixed || errno == EACCES || errno == EROFS)) {
        *fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    return *fd_out >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
}

/* Opened for each hand-over: the reader's position in it is its own, and a renewed file is found. */
static void hand_key(struct super *s, const struct holding *h, const struct child *c)
{
    int fd = -1;
    struct err e = {0};
    if (open_key(h->kind, span_of(h->name), &fd, &e) != 0) {
        log_error("key.open", "why=\"%s\"", e.text);
        return;
    }
    tell(s, h, c, fd, true);
    (void)close(fd);
}

void fds_hand(struct super *s, struct child *c)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        if (!is_owner(h, c)) {
            continue;
        }
        if (h->kind == FD_FILE) {
            follow(s, h, true);
        } else if (is_key(h->kind)) {
            hand_key(s, h, c);
        } else {
            tell(s, h, c, h->fd, false);
        }
    }
    if (c->role == ROLE_INTAKE && c->instance == 0 && s->journal.wanted) {
        s->journal.due =
            clock_mono() + TIME_SECOND; /* unless intake asks for a certain place first */
    }
}

static struct holding *find(struct super *s, enum fd_kind kind, struct span name, uint32_t instance)
{
    for (size_t i = 0; i < s->holdings.len; i++) {
        struct holding *h = s->holdings.data[i];
        if (h->kind == kind && h->instance == instance && span_eq(span_of(h->name), name)) {
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
    uint32_t instance; /* of the owner, for what only one of them can read */
    bool whole;        /* a file that is read from its start, whenever it came */
    int fd;            /* of intakes: opened already, since all sockets of an address are opened together */
};

static int open_tcp(const struct wanted *w, int *fd_out, struct err *e)
{
    struct listen_address a;
    int rc = listen_parse(w->name, &a, e);
    return rc != 0 ? rc : listen_tcp(&a, 1, fd_out, e);
}

/* Sockets of which each intake has its own. */
static bool is_shared_out(enum fd_kind kind)
{
    return kind == FD_SYSLOG_UDP || kind == FD_LISTEN_SYSLOG_TCP || kind == FD_LISTEN_INGEST;
}

static uint32_t instance_of(const struct wanted *w)
{
    return w->kind == FD_FILE || is_shared_out(w->kind) ? w->instance : HOLDING_ALL;
}

/* Opens w unless it is open already, and notes that it is still wanted. */
static int add(struct super *s, const struct wanted *w, struct holdings *next, struct err *e)
{
    bool key = is_key(w->kind);
    struct holding *h =
        key ? NULL : find(s, w->kind, w->name, instance_of(w)); /* keys: read anew, they may be renewed */
    if (h == NULL) {
        int fd = -1;
        int rc = 0;
        if (key) {
            rc = open_key(w->kind, w->name, &fd, e);
            if (rc == 0) {
                (void)close(fd); /* it can be opened; that is all for now */
                fd = -1;
            }
        } else if (w->kind == FD_LISTEN_CONTROL) {
            rc = listen_unix(s->data_dir, SUPER_CONTROL_NAME, &fd, e);
        } else if (is_shared_out(w->kind)) {
            fd = w->fd;
        } else if (w->kind != FD_FILE) {
            rc = open_tcp(w, &fd, e);
        }
        if (rc != 0) {
            return rc;
        }
        h = mem_alloc(sizeof *h);
        h->kind = w->kind;
        h->owner = w->owner;
        h->instance = instance_of(w);
        h->fd = fd;
        h->name = mem_alloc(w->name.len + 1);
        memcpy(h->name, w->name.ptr, w->name.len);
        h->missing_told = w->whole; /* as if it appeared under our eyes */
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
    const struct wanted w[2] = {{.kind = FD_TLS_CERT, .owner = owner, .source = FD_NO_SOURCE, .name = cert},
                                {.kind = FD_TLS_KEY, .owner = owner, .source = FD_NO_SOURCE, .name = key}};
    int rc = add(s, &w[0], next, e);
    return rc == 0 ? add(s, &w[1], next, e) : rc;
}

/* Keys of federation (docs/FEDERATION.md §1), of second factors and of the archive's seals: each only to the role that needs it. */
static const struct {
    const char *name;
    bool hub;       /* on a hub alone */
    size_t random;  /* bytes of randomness that make it, as hex; 0 = its owner makes it */
    enum role_id to[2];
} fed_keys[] = {
    {"node.id", false, 16, {ROLE_DESK, ROLE_SUPER}},
    {"node.sign", false, 32, {ROLE_DESK, ROLE_SUPER}},
    {"node.seal", false, 32, {ROLE_DESK, ROLE_SUPER}},
    {"factor.key", false, 32, {ROLE_DESK, ROLE_SUPER}},
    {"seal.key", false, 32, {ROLE_KEEPER, ROLE_SUPER}},
    {"node.tls.key", false, 0, {ROLE_DESK, ROLE_COURIER}},
    {"hub.tls.key", true, 0, {ROLE_DESK, ROLE_SUPER}},
    {"hub.tls.crt", true, 0, {ROLE_DESK, ROLE_SUPER}},
    {"hub.ca.key", true, 0, {ROLE_DESK, ROLE_SUPER}},
    {"hub.ca.crt", true, 0, {ROLE_DESK, ROLE_SUPER}},
};

/* Makes the file where there is none; one that a crash left empty is filled now. */
static int make_fed_key(const char *path, size_t random, struct err *e)
{
    enum { RANDOM_MAX = 32 };
    unsigned char bytes[RANDOM_MAX];
    char text[2 * RANDOM_MAX + 2];
    struct stat st;
    CHECK(random <= RANDOM_MAX);
    int fd = open(path, O_RDWR | O_DSYNC | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    int rc = 0;
    if (random > 0 && st.st_size == 0) {
        ssize_t len = (ssize_t)(2 * random + 1);
        bool got = getrandom(bytes, random, 0) == (ssize_t)random;
        hex_encode(bytes, random, text);
        text[2 * random] = '\n';
        if (!got || pwrite(fd, text, (size_t)len, 0) != len) {
            rc = err_set_errno(e, ERR_IO, errno, "%s cannot be made", path);
        }
        explicit_bzero(bytes, sizeof bytes);
        explicit_bzero(text, sizeof text);
    }
    (void)close(fd);
    return rc;
}

static int add_fed_keys(struct super *s, const struct config *config, struct holdings *next,
                        struct err *e)
{
    struct arena *a = &s->config->arena;
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(fed_keys) && rc == 0; i++) {
        if (fed_keys[i].hub && config->hub.at.listen.len == 0) {
            continue;
        }
        const char *path = arena_printf(a, "%s/keys/%s", s->data_dir, fed_keys[i].name);
        rc = make_fed_key(path, fed_keys[i].random, e);
        for (size_t k = 0; k < ARRAY_LEN(fed_keys[i].to) && rc == 0; k++) {
            const struct wanted w = {.kind = FD_FED_KEY, .owner = fed_keys[i].to[k], .source = FD_NO_SOURCE,
                                     .name = span_of(path)};
            rc = w.owner == ROLE_SUPER ? 0 : add(s, &w, next, e);
        }
    }
    return rc;
}

/* What federation and the command line need: keys, the hub's socket, the control socket. */
static int add_federation(struct super *s, const struct config *config, struct holdings *next,
                          struct err *e)
{
    const struct wanted hub = {.kind = FD_LISTEN_HUB, .owner = ROLE_DESK, .source = FD_NO_SOURCE, .name = config->hub.at.listen};
    const struct wanted control = {.kind = FD_LISTEN_CONTROL, .owner = ROLE_DESK, .source = FD_NO_SOURCE,
                                   .name = SPAN(SUPER_CONTROL_NAME)};
    int rc = add_fed_keys(s, config, next, e);
    rc = rc == 0 && hub.name.len > 0 ? add(s, &hub, next, e) : rc;
    return rc == 0 ? add(s, &control, next, e) : rc;
}

static int add_sign_in_files(struct super *s, struct span secret, struct span authority, struct holdings *next, struct err *e)
{
    const struct span files[] = {secret, authority};
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < ARRAY_LEN(files); k++) {
        const struct wanted w = {.kind = FD_SIGN_IN_FILE, .owner = ROLE_COURIER, .source = FD_NO_SOURCE, .name = files[k]};
        rc = w.name.len > 0 ? add(s, &w, next, e) : 0;
    }
    return rc;
}

/* Secrets of this node with providers and directories, and the authorities of their certificates: for the courier alone. */
static int add_sign_in(struct super *s, const struct config *config, struct holdings *next, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < config->sign_in.n; i++) {
        rc = add_sign_in_files(s, config->sign_in.providers[i].secret_file, config->sign_in.providers[i].ca_file, next, e);
    }
    for (uint32_t i = 0; rc == 0 && i < config->sign_in.ndirectories; i++) {
        rc = add_sign_in_files(s, config->sign_in.directories[i].password_file, config->sign_in.directories[i].ca_file, next, e);
    }
    return rc;
}

/* One socket per intake on the same address: the kernel spreads connections, and gives a sender's datagrams always to the same one. */
static int add_shared_out(struct super *s, struct wanted *w, struct holdings *next, struct err *e)
{
    int fds[CONFIG_INTAKES_MAX] = {0};
    uint32_t n = s->config->intakes;
    struct listen_address a;
    bool known = find(s, w->kind, w->name, 0) != NULL;
    int rc = known ? 0 : listen_parse(w->name, &a, e);
    if (rc == 0 && !known) {
        rc = w->kind == FD_SYSLOG_UDP ? listen_udp(&a, n, fds, e) : listen_tcp(&a, n, fds, e);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        w->instance = i;
        w->fd = known ? -1 : fds[i];
        rc = add(s, w, next, e); /* cannot fail: the socket is there */
    }
    return rc;
}

/* Always the same intake for the same path, so that a new config moves no file from one to another. */
static uint32_t intake_of_path(const struct super *s, struct span path)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < path.len; i++) {
        hash = (hash ^ (unsigned char)path.ptr[i]) * 16777619u;
    }
    return hash % s->config->intakes;
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
        w.instance = intake_of_path(s, src->path);
        w.whole = demo_is(src->organisation);
        break;
    case SOURCE_HTTP:    /* all share the ingest listener */
    case SOURCE_JOURNAL: /* super_journal.c */
    case SOURCE_KIND_COUNT:
        return 0;
    }
    int rc = is_shared_out(w.kind) ? add_shared_out(s, &w, next, e) : add(s, &w, next, e);
    if (rc == 0 && src->kind != SOURCE_FILE && !config_is_loopback(src->listen)) {
        log_warn("source.open", "source=\"%.*s\" listen=%.*s note=\"syslog travels in the clear\"",
                 SPAN_ARG(src->name), SPAN_ARG(src->listen));
    }
    return rc;
}

static int add_all(struct super *s, const struct config *config, struct holdings *next,
                   struct err *e)
{
    const struct wanted desk = {.kind = FD_LISTEN_DESK, .owner = ROLE_DESK, .source = FD_NO_SOURCE, .name = config->desk.listen};
    struct wanted ingest = {.kind = FD_LISTEN_INGEST, .owner = ROLE_INTAKE, .source = FD_NO_SOURCE,
                                  .name = config->ingest.listen};
    int rc = add_keys(s, &config->desk, ROLE_DESK, next,
                      e); /* before the socket: TLS from the first byte */
    rc = rc == 0 ? add_keys(s, &config->ingest, ROLE_INTAKE, next, e) : rc;
    rc = rc == 0 ? add(s, &desk, next, e) : rc;
    rc = rc == 0 ? add_shared_out(s, &ingest, next, e) : rc;
    rc = rc == 0 ? add_federation(s, config, next, e) : rc;
    rc = rc == 0 ? add_sign_in(s, config, next, e) : rc;
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
        if (is_owner(h, c) && child_runs(c)) {
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
