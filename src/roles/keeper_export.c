/* SPDX-License-Identifier: EUPL-1.2 */
/* Pages of the archive: see keeper_export.h. A page belongs to the pool's thread until it is done, then to the loop. */
#include "roles/keeper_export.h"

#include <stdio.h>
#include <string.h>

#include "archive/export_page.h"
#include "base/log.h"
#include "base/mem.h"
#include "records/ask.h"
#include "records/audit.h"

enum {
    PAGES_MAX = 4,       /* read at a time: each may hold EXPORT_PAGE_MAX */
    MERGE_WAITS_S = 120, /* after the last page: an export that goes on later finds its blocks elsewhere */
};

struct page {
    uv_work_t work;
    struct keeper_export *k; /* NULL: the keeper ends */
    struct ipc *ch;          /* NULL: nobody waits */
    uint64_t id, merges;
    struct arena texts;
    const char *folder;
    struct export_window window;
    struct export_place place;
    struct export_counts counts;
    struct buf out;
    int rc;
    struct err e;
    struct page *next, **link;
};

struct keeper_export {
    uv_loop_t *loop;
    struct db *db;
    char *folder;
    struct page *pages;
    unsigned npages;
    time_ns last; /* monotonic, of the latest page; 0 = none yet */
};

struct keeper_export *keeper_export_open(uv_loop_t *loop, const char *data_dir, struct db *db)
{
    struct keeper_export *k = mem_alloc(sizeof *k);
    size_t n = strlen(data_dir) + sizeof "/archive";
    k->loop = loop;
    k->db = db;
    k->folder = mem_alloc(n);
    (void)snprintf(k->folder, n, "%s/archive", data_dir);
    return k;
}

static void page_free(struct page *p)
{
    if (p->k != NULL) {
        *p->link = p->next;
        if (p->next != NULL) {
            p->next->link = p->link;
        }
        p->k->npages--;
    }
    arena_fini(&p->texts);
    buf_free(&p->out);
    mem_free(p);
}

void keeper_export_close(struct keeper_export **given)
{
    struct keeper_export *k = *given;
    *given = NULL;
    if (k == NULL) {
        return;
    }
    for (struct page *p = k->pages; p != NULL; p = p->next) {
        p->k = NULL;
        p->ch = NULL;
    }
    mem_free(k->folder);
    mem_free(k);
}

void keeper_export_desk_lost(struct keeper_export *k)
{
    for (struct page *p = k == NULL ? NULL : k->pages; p != NULL; p = p->next) {
        p->ch = NULL;
    }
}

bool keeper_export_busy(const struct keeper_export *k)
{
    return k->npages > 0 || (k->last > 0 && clock_mono() - k->last < MERGE_WAITS_S * TIME_SECOND);
}

/* ---- on the pool ---- */

static void on_pool(uv_work_t *work)
{
    struct page *p = work->data;
    struct archive_reader *r = NULL;
    p->rc = archive_reader_open(p->folder, &r, &p->e);
    p->rc = p->rc == 0 ? export_page(r, &p->window, &p->place, &p->out, &p->counts, &p->e) : p->rc;
    archive_reader_close(&r);
}

/* ---- on the loop ---- */

/* p NULL: a refusal. */
static void answer(struct ipc *ch, uint64_t id, int rc, const struct err *e, const struct page *p)
{
    struct buf b;
    buf_init(&b, EXPORT_PAGE_MAX + 4096);
    answer_begin(&b, rc < 0 ? rc : 0, e);
    if (p != NULL && rc >= 0) {
        buf_u64(&b, p->merges);
        buf_u8(&b, rc == 1);
        export_place_encode(&b, &p->place);
        buf_u64(&b, p->counts.records);
        buf_u64(&b, p->counts.damaged);
        buf_u64(&b, p->counts.purged);
        buf_str(&b, buf_view(&p->out));
    }
    CHECK(!b.failed);
    (void)!ipc_send(ch, MSG_DESK_ANSWER, id, buf_view(&b)); /* a desk that is gone needs none */
    buf_free(&b);
}

static void on_done(uv_work_t *work, int status)
{
    struct page *p = work->data;
    (void)status; /* nobody cancels it */
    if (p->k != NULL) {
        p->k->last = clock_mono();
    }
    if (p->ch != NULL) {
        answer(p->ch, p->id, p->rc, &p->e, p);
    }
    page_free(p);
}

/* Who takes what, and why: written before the first byte leaves. */
static int note(struct keeper_export *k, struct span organisation, struct span who, struct span why, const struct export_window *w, struct err *e)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    struct buf subject;
    buf_init(&subject, AUDIT_TEXT_MAX);
    buf_printf(&subject, "from %s to %s, organisation %.*s, source %.*s", w->from == TIME_NONE ? "the first" : time_format(w->from, from),
               w->to == TIME_NONE ? "the last" : time_format(w->to, to), SPAN_ARG(w->organisation.len == 0 ? SPAN("*") : w->organisation),
               SPAN_ARG(w->source.len == 0 ? SPAN("*") : w->source));
    const struct audit_entry entry = {.at = clock_now(), .organisation = organisation, .who = who, .what = SPAN("archive.exported"), .why = why,
                                      .subject = buf_view(&subject)};
    int rc = subject.failed ? err_set(e, ERR_LIMIT, "the names are too long") : db_begin(k->db, e);
    rc = rc == 0 ? db_end(k->db, audit_append(k->db, &entry, e), e) : rc;
    buf_free(&subject);
    return rc;
}

/* The question, whose texts are the page's. */
static int take(struct keeper_export *k, struct page *p, struct span body, uint64_t merges, struct err *e)
{
    struct cursor c = cursor_of(arena_copy(&p->texts, body));
    struct span organisation = cursor_str(&c), who = cursor_str(&c), why = cursor_str(&c);
    export_window_decode(&c, &p->window);
    bool first = cursor_u8(&c) == 1;
    uint64_t known = cursor_u64(&c);
    export_place_decode(&c, &p->place);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "the question is broken");
    }
    p->merges = merges;
    if (first) {
        export_place_first(&p->place);
        return note(k, organisation, who, why, &p->window, e);
    }
    return known == merges ? 0 : err_set(e, ERR_BUSY, "blocks were merged since the last page: begin again");
}

bool keeper_export_message(struct keeper_export *k, struct ipc *ch, struct ipc_msg *msg, uint64_t merges)
{
    struct err e = {0};
    struct cursor c = cursor_of(msg->body);
    if ((msg->type != MSG_DESK_ASK && msg->type != MSG_FED_ASK) || cursor_u16(&c) != ASK_ARCHIVE_PAGE) {
        return false;
    }
    if (k->npages >= PAGES_MAX) {
        answer(ch, msg->id, err_set(&e, ERR_BUSY, "too many exports at a time"), &e, NULL);
        return true;
    }
    struct page *p = mem_alloc(sizeof *p);
    arena_init(&p->texts, 4096);
    buf_init(&p->out, EXPORT_PAGE_MAX);
    int rc = take(k, p, span_make(c.ptr, cursor_left(&c)), merges, &e);
    if (rc != 0) {
        answer(ch, msg->id, rc, &e, NULL);
        page_free(p);
        return true;
    }
    p->k = k;
    p->ch = ch;
    p->id = msg->id;
    p->folder = arena_cstr(&p->texts, span_of(k->folder));
    p->next = k->pages;
    p->link = &k->pages;
    if (p->next != NULL) {
        p->next->link = &p->next;
    }
    k->pages = p;
    k->npages++;
    k->last = clock_mono();
    p->work.data = p;
    MUST(uv_queue_work(k->loop, &p->work, on_pool, on_done));
    return true;
}
