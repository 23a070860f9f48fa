/* SPDX-License-Identifier: EUPL-1.2 */
/* Work on the worker thread for a request that waits: see request.h. Runs in the desk. */
#include "api/api_priv.h"

#include "base/mem.h"

struct api_work {
    uv_work_t work;
    struct api_request *req; /* NULL = nobody waits any more */
    void *arg;
    api_run *run;
    api_done *then;
    api_drop *drop;
};

static void on_work(uv_work_t *work)
{
    struct api_work *w = work->data;
    w->run(w->arg);
}

static void on_done(uv_work_t *work, int status)
{
    struct api_work *w = work->data;
    struct api_request *req = w->req;
    void *arg = w->arg;
    api_done *then = w->then;
    api_drop *drop = w->drop;
    mem_free(w);
    if (req == NULL || status != 0) {
        drop(arg);
        return;
    }
    CHECK_OBJ(req, REQUEST_MAGIC);
    req->aside = NULL;
    req->api->hashing--;
    then(req, arg);
}

bool request_work_full(const struct api_request *req)
{
    return req->api->hashing >= API_HASHES_MAX;
}

void request_work(struct api_request *req, void *arg, api_run *run, api_done *then, api_drop *drop)
{
    CHECK(req->aside == NULL && req->state == REQUEST_WORKING);
    if (request_work_full(req)) {
        drop(arg);
        respond_error(req, 503, "busy", "Too much waits at once. Try again in a moment.", NULL);
        respond_header(req, "Retry-After", "5");
        return;
    }
    struct api_work *w = mem_alloc(sizeof *w);
    req->api->hashing++;
    req->aside = w;
    *w = (struct api_work){.req = req, .arg = arg, .run = run, .then = then, .drop = drop};
    w->work.data = w;
    MUST(uv_queue_work(req->api->loop, &w->work, on_work, on_done));
}

void request_work_abandon(struct api_request *req)
{
    if (req->aside != NULL) {
        req->aside->req = NULL;
        req->aside = NULL;
    }
}
