/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sources on hold: when an intake crashed three times over bytes of the same source, that source is read no more until
 * somebody releases it, and all others go on. The list lies in DATA/held and outlives the node. Runs in super, which
 * never looks at the bytes themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/flight.h"
#include "roles/super_priv.h"

enum {
    HOLD_CRASHES = 3,
    HOLD_WITHIN_S = 600, /* … in so long */
    HOLD_MAX = 4096,     /* names; more sources than that there are not */
    HOLD_BYTES_MAX = HOLD_MAX * (FLIGHT_NAME_MAX + 8),
};

struct hold {
    char *name;
    unsigned crashes;
    time_ns first; /* monotonic, of those counted */
    bool held;
};

struct holds {
    VEC(struct hold) all;
};

static struct holds *holds_of(struct super *s)
{
    if (s->holds == NULL) {
        s->holds = mem_alloc(sizeof *s->holds);
    }
    return s->holds;
}

static struct hold *find(struct super *s, struct span name)
{
    struct holds *h = holds_of(s);
    for (size_t i = 0; i < h->all.len; i++) {
        if (span_eq(span_of(h->all.data[i].name), name)) {
            return &h->all.data[i];
        }
    }
    if (h->all.len >= HOLD_MAX) {
        return NULL;
    }
    struct hold fresh = {.name = mem_alloc(name.len + 1)};
    memcpy(fresh.name, name.ptr, name.len);
    vec_push(&h->all, fresh);
    return vec_last(&h->all);
}

/* ---- DATA/held: a name a line ---- */

static void put_names(struct super *s, struct buf *b, bool lines)
{
    struct holds *h = holds_of(s);
    uint32_t n = 0;
    for (size_t i = 0; i < h->all.len; i++) {
        n += h->all.data[i].held;
    }
    if (!lines) {
        buf_u32(b, n);
    }
    for (size_t i = 0; i < h->all.len; i++) {
        if (!h->all.data[i].held) {
            continue;
        }
        if (lines) {
            buf_cstr(b, h->all.data[i].name);
            buf_cstr(b, "\n");
        } else {
            buf_str(b, span_of(h->all.data[i].name));
        }
    }
}

static void store(struct super *s)
{
    char path[4096], next[4096];
    struct buf b;
    buf_init(&b, HOLD_BYTES_MAX);
    put_names(s, &b, true);
    int n = snprintf(path, sizeof path, "%s/held", s->data_dir);
    int m = snprintf(next, sizeof next, "%s/held.next", s->data_dir);
    bool ok = n > 0 && n < (int)sizeof path && m > 0 && m < (int)sizeof next && !b.failed;
    int fd = ok ? open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    ok = fd >= 0 && write(fd, b.data == NULL ? "" : b.data, b.len) == (ssize_t)b.len && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!ok || rename(next, path) != 0) {
        log_error("held.store", "errno=%d note=\"holds until the node ends\"", errno);
    }
    buf_free(&b);
}

void holds_load(struct super *s)
{
    char path[4096];
    struct buf b;
    int n = snprintf(path, sizeof path, "%s/held", s->data_dir);
    int fd = n > 0 && n < (int)sizeof path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0) {
        return; /* none was ever held */
    }
    buf_init(&b, HOLD_BYTES_MAX);
    for (ssize_t got = 1; got > 0;) {
        char *to = buf_room(&b, 4096);
        got = to == NULL ? 0 : read(fd, to, 4096);
        if (got > 0) {
            buf_added(&b, (size_t)got);
        }
    }
    (void)close(fd);
    struct span rest = buf_view(&b);
    for (ptrdiff_t end; (end = span_find(rest, '\n')) >= 0; rest = span_sub(rest, (size_t)end + 1, rest.len)) {
        struct hold *h = end > 0 && end <= FLIGHT_NAME_MAX ? find(s, span_sub(rest, 0, (size_t)end)) : NULL;
        if (h != NULL) {
            h->held = true;
        }
    }
    buf_free(&b);
}

/* ---- telling ---- */

void holds_tell(struct super *s, struct child *only)
{
    struct buf b;
    buf_init(&b, HOLD_BYTES_MAX);
    put_names(s, &b, false);
    for (size_t i = 0; i < s->children.len; i++) {
        struct child *c = s->children.data[i];
        if ((c->role == ROLE_INTAKE || c->role == ROLE_KEEPER) && child_runs(c) && (only == NULL || only == c)) {
            (void)!child_send(c, MSG_SOURCES_HELD, buf_view(&b), NULL);
        }
    }
    buf_free(&b);
}

/* Memory that super and this intake both see. */
void holds_give_page(struct child *c)
{
    int fd = memfd_create("flight", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)sizeof(struct flight)) != 0) {
        log_error("held.page", "errno=%d", errno);
    } else {
        void *at = mmap(NULL, sizeof(struct flight), PROT_READ, MAP_SHARED, fd, 0);
        c->flight = at == MAP_FAILED ? NULL : at;
        (void)!child_send(c, MSG_FLIGHT, SPAN(""), &fd);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* SIGKILL comes from outside: from an administrator, or from a machine that ran out of memory. */
static bool is_crash(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
}

void holds_after(struct child *c, int status)
{
    struct super *s = c->super;
    char name[FLIGHT_NAME_MAX];
    char shown[LOG_VALUE_MAX];
    const struct flight *f = c->flight;
    if (f == NULL) {
        return;
    }
    uint32_t len = f->len;
    bool busy = f->depth > 0 && len > 0 && len <= FLIGHT_NAME_MAX;
    memcpy(name, f->name, sizeof name);
    (void)munmap((void *)(uintptr_t)f, sizeof *f);
    c->flight = NULL;
    struct span source = span_make(name, busy ? len : 0);
    if (!busy || !is_crash(status) || memchr(name, '\n', len) != NULL || memchr(name, '\0', len) != NULL) {
        return;
    }
    struct hold *h = find(s, source);
    if (h == NULL || h->held) {
        return;
    }
    time_ns now = clock_mono();
    if (h->crashes == 0 || now - h->first > (time_ns)HOLD_WITHIN_S * TIME_SECOND) {
        h->crashes = 0;
        h->first = now;
    }
    h->crashes++;
    log_warn("source.crash", "source=\"%s\" count=%u of=%d", log_value(source, shown), h->crashes, (int)HOLD_CRASHES);
    if (h->crashes >= HOLD_CRASHES) {
        h->held = true;
        store(s);
        log_error("source.held", "source=\"%s\" note=\"intake crashed over it %d times; `sereno source release` reads it again\"",
                  log_value(source, shown), (int)HOLD_CRASHES);
        holds_tell(s, NULL);
    }
}

void holds_release(struct super *s, struct span name)
{
    char shown[LOG_VALUE_MAX];
    struct holds *all = holds_of(s);
    for (size_t i = 0; i < all->all.len; i++) {
        struct hold *h = &all->all.data[i];
        if (span_eq(span_of(h->name), name)) {
            h->held = false;
            h->crashes = 0;
            log_info("source.released", "source=\"%s\"", log_value(name, shown));
        }
    }
    store(s);
    holds_tell(s, NULL);
}
