/* SPDX-License-Identifier: EUPL-1.2 */
/* The watch's frame: see watch.h. */
#include "base/mem.h"
#include "desk/federation/watch_priv.h"

/* Each telling has its row in policy/paths.def, and each row its telling. */
#define ROW_OF_TELLING(name) +(WATCH_TELLS_##name > 0)
enum {
    TELLING_ROWS = 0
#include "policy/paths.def"
};
#define X(name) +1
_Static_assert(TELLING_ROWS == 0 WATCH_TELLINGS(X), "a telling lacks its row in policy/paths.def");
#undef X

struct fed_watch *watch_new(const struct watch_config *c)
{
    struct fed_watch *w = mem_alloc(sizeof *w);
    CHECK(c->node.len == FED_NODE_LEN);
    w->magic = WATCH_MAGIC;
    w->host = c->host;
    memcpy(w->node, c->node.ptr, FED_NODE_LEN);
    memcpy(w->seed, c->seed, sizeof w->seed);
    w->load_before = INT64_MAX;
    w->onward_before = INT64_MAX;
    w->level.since = TIME_NONE;
    watch_report_init(w);
    return w;
}

void watch_free(struct fed_watch **out)
{
    struct fed_watch *w = *out;
    *out = NULL;
    if (w == NULL) {
        return;
    }
    CHECK_OBJ(w, WATCH_MAGIC);
    watch_tell_free(w);
    watch_hub_free(w);
    watch_report_free(w);
    vec_free(&w->in_force);
    w->magic = 0;
    mem_free(w);
}

void watch_question(struct buf *q, enum ask ask)
{
    buf_init(q, WATCH_QUESTION_MAX);
    ask_begin(q, ask);
}

bool watch_ask(struct fed_watch *w, struct buf *question, watch_answer *answer, void *ctx)
{
    bool sent = !question->failed && w->host.ask(w->host.arg, buf_view(question), answer, ctx);
    buf_free(question);
    return sent;
}

void watch_wake(struct fed_watch *w)
{
    CHECK_OBJ(w, WATCH_MAGIC);
    w->wake = true;
}

const struct level_report *watch_level(const struct fed_watch *w)
{
    CHECK_OBJ(w, WATCH_MAGIC);
    return &w->level;
}

void watch_tick(struct fed_watch *w, time_ns now)
{
    CHECK_OBJ(w, WATCH_MAGIC);
    w->now = now;
    if (w->wake) {
        w->wake = false;
        w->tell_at = w->care_at = w->onward_at = w->report_at = 0;
    }
    watch_hub_tick(w);
    watch_warn_tick(w);
    watch_tell_tick(w);
    watch_report_tick(w);
}
