/* SPDX-License-Identifier: EUPL-1.2 */
/* Errands to directories: see courier_directory.h. Must never log a password or what a directory says of people. */
#include "roles/courier_directory.h"

#include <sodium.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "roles/ldap_ask.h"

enum { DIRECTORY_MAGIC = 0x64697265 };

struct directory_errands {
    uint32_t magic;
    uv_loop_t *loop;
    struct directory_host host;
    const struct sign_in_errands *files;
    const struct sign_in *config;
    unsigned under_way;
    atomic_bool stop;
};

struct errand {
    uv_work_t work;
    struct directory_errands *owner;
    uint64_t id;
    struct ldap_job job;
};

static void tell(const struct directory_errands *d, uint64_t id, const struct directory_answer *f)
{
    struct buf b;
    buf_init(&b, DIRECTORY_ANSWER_MAX);
    directory_answer_encode(&b, f);
    if (b.failed) {
        buf_clear(&b);
        directory_answer_encode(&b, &(struct directory_answer){.said = DIRECTORY_DOWN, .why = SPAN("its answer is too large")});
    }
    d->host.answered(d->host.arg, id, buf_view(&b));
    buf_free(&b);
}

static void refuse(const struct directory_errands *d, uint64_t id, const char *why)
{
    log_warn("courier.directory", "why=\"%s\"", why);
    tell(d, id, &(struct directory_answer){.said = DIRECTORY_DOWN, .why = span_of(why)});
}

static void wipe(struct span s)
{
    sodium_memzero((void *)(uintptr_t)s.ptr, s.len);
}

static void on_pool(uv_work_t *work)
{
    struct errand *x = work->data;
    ldap_ask(&x->job);
}

static void stopped_maybe(struct directory_errands *d)
{
    if (!atomic_load(&d->stop) || d->under_way > 0) {
        return;
    }
    const struct directory_host host = d->host;
    d->magic = 0;
    mem_free(d);
    host.stopped(host.arg);
}

static void on_done(uv_work_t *work, int status)
{
    struct errand *x = work->data;
    struct directory_errands *d = x->owner;
    char name[LOG_VALUE_MAX], why[LOG_VALUE_MAX];
    (void)status; /* nobody cancels it */
    if (x->job.answer.said == DIRECTORY_DOWN) {
        log_warn("courier.directory", "directory=%s why=\"%s\"", log_value(x->job.directory.name, name), log_value(x->job.answer.why, why));
    }
    if (!atomic_load(&d->stop)) {
        tell(d, x->id, &x->job.answer);
    }
    wipe(x->job.ask.password);
    wipe(x->job.secret);
    arena_fini(&x->job.texts);
    mem_free(x);
    d->under_way--;
    stopped_maybe(d);
}

/* Copies what the thread needs; NULL, or why it cannot be asked. */
static const char *prepare(const struct directory_errands *d, struct ldap_job *job)
{
    job->secret = sign_in_errands_read(d->files, job->directory.password_file, &job->texts, true);
    if (job->secret.len == 0) {
        return "bind_password_file is empty or cannot be read";
    }
    job->authority = sign_in_errands_read(d->files, job->directory.ca_file, &job->texts, false);
    return job->directory.ca_file.len > 0 && job->authority.len == 0 ? "ca_file is empty or cannot be read" : NULL;
}

void directory_errands_take(struct directory_errands *d, uint64_t id, struct span body)
{
    CHECK_OBJ(d, DIRECTORY_MAGIC);
    struct directory_ask q;
    struct cursor in = cursor_of(body);
    directory_ask_decode(&in, &q);
    const struct directory *found = cursor_done(&in) ? directory_find(d->config, q.directory) : NULL;
    if (found == NULL || d->under_way >= DIRECTORY_UNDER_WAY_MAX || atomic_load(&d->stop)) {
        refuse(d, id, found == NULL ? "the request is broken, or the config names no such directory" : "too much is under way");
        return;
    }
    struct errand *x = mem_alloc(sizeof *x);
    x->owner = d;
    x->id = id;
    x->work.data = x;
    arena_init(&x->job.texts, 4096);
    x->job.directory = *found;
    directory_copy(&x->job.texts, &x->job.directory);
    x->job.ask = (struct directory_ask){q.errand, x->job.directory.name, arena_copy(&x->job.texts, q.who), arena_copy(&x->job.texts, q.password)};
    x->job.stop = &d->stop;
    const char *why = prepare(d, &x->job);
    if (why != NULL) {
        refuse(d, id, why);
        wipe(x->job.ask.password);
        wipe(x->job.secret);
        arena_fini(&x->job.texts);
        mem_free(x);
        return;
    }
    d->under_way++;
    MUST(uv_queue_work(d->loop, &x->work, on_pool, on_done));
}

struct directory_errands *directory_errands_new(uv_loop_t *loop, const struct directory_host *host, const struct sign_in_errands *files)
{
    static const struct sign_in none;
    struct directory_errands *d = mem_alloc(sizeof *d);
    d->magic = DIRECTORY_MAGIC;
    d->loop = loop;
    d->host = *host;
    d->files = files;
    d->config = &none;
    return d;
}

void directory_errands_configure(struct directory_errands *d, const struct config *config)
{
    CHECK_OBJ(d, DIRECTORY_MAGIC);
    d->config = &config->sign_in;
}

void directory_errands_stop(struct directory_errands *d)
{
    CHECK_OBJ(d, DIRECTORY_MAGIC);
    atomic_store(&d->stop, true);
    stopped_maybe(d);
}
