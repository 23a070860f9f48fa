/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An item given on under the Chatham House Rule: without its sources, for a person to read before it goes. Who takes it
 * out is recorded first. Names that must not go out are those of the circle, of this city, and what the person adds. Runs
 * in the desk, the search for names on its worker thread.
 */
#include <sodium.h>

#include "api/items.h"
#include "base/mem.h"
#include "desk/federation/item_export.h"
#include "records/fed_share.h"

/* Between the questions, in the request's arena. */
struct exporting {
    struct fed_item_row row;
    struct span *also;
    uint32_t nalso;
    struct buf answer;
};

/* What runs aside: all of it is its own. */
struct stripping {
    struct arena arena;
    struct fed_item_row row;
    struct fed_membership m;
    struct span *also;
    uint32_t nalso;
    struct buf out;
    struct policy_chr_report report;
    int rc;
    struct err e;
};

void items_export_json(struct json_writer *j, struct span document, const struct policy_chr_report *r)
{
    const struct {
        const char *key;
        uint32_t n;
    } numbers[] = {{"members_gone", r->members_gone}, {"replaced", r->replaced}, {"days", r->days},
                   {"ids", r->ids},                   {"texts", r->texts},       {"suspicious", r->suspicious}};
    json_object(j);
    json_key(j, "document");
    json_raw(j, document);
    json_key(j, "report");
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(j, numbers[i].key);
        json_u64(j, numbers[i].n);
    }
    json_end(j);
    json_end(j);
}

static void drop(void *arg)
{
    struct stripping *s = arg;
    arena_fini(&s->arena);
    buf_free(&s->out);
    mem_free(s);
}

static void strip(void *arg)
{
    struct stripping *s = arg;
    struct fed_export x = {.row = &s->row, .m = &s->m, .also = s->also, .nalso = s->nalso};
    randombytes_buf(x.key, sizeof x.key);
    s->rc = fed_item_export(&s->arena, &x, &s->out, &s->report, &s->e);
    sodium_memzero(x.key, sizeof x.key);
}

static void noted(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct exporting *x = req->work;
    (void)data;
    if (rc < 0) { /* what cannot be recorded does not go */
        buf_free(&x->answer);
        respond_failure(req, rc, text);
        return;
    }
    respond_json(req, 200, &x->answer);
}

static void stripped(struct api_request *req, void *arg)
{
    struct exporting *x = req->work;
    struct stripping *s = arg;
    struct json_writer j;
    struct buf q;
    if (s->rc < 0) {
        respond_error(req, 409, "not_exported", s->e.text, NULL);
        drop(s);
        return;
    }
    request_json(req, &x->answer, &j);
    items_export_json(&j, buf_view(&s->out), &s->report);
    drop(s);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ITEM_READ);
    buf_str(&q, x->row.id);
    buf_u64(&q, (uint64_t)x->row.version);
    buf_str(&q, req->user.name);
    buf_str(&q, SPAN("Chatham House export"));
    request_ask(req, &q, noted);
    buf_free(&q);
}

/* The city's own domains and networks, parted by commas or blanks, behind the names that were given. */
static void add_words(struct stripping *s, struct span words)
{
    while (words.len > 0 && s->nalso < FED_EXPORT_ALSO_MAX * 2) {
        size_t n = 0;
        while (n < words.len && words.ptr[n] != ',' && words.ptr[n] != ' ') {
            n++;
        }
        if (n > 0) {
            s->also[s->nalso++] = arena_copy(&s->arena, span_sub(words, 0, n));
        }
        words = span_sub(words, n + 1, words.len);
    }
}

static void sharing_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct exporting *x = req->work;
    struct fed_sharing own = {0};
    const struct fed_membership *m = items_circle(req->api, x->row.circle, NULL);
    if (rc == 0) {
        fed_sharing_decode(data, &req->arena, &own);
        rc = data->failed ? ERR_INVALID : 0;
    }
    if (rc < 0 || m == NULL) {
        respond_failure(req, rc < 0 ? rc : ERR_CLOSED, text);
        return;
    }
    struct stripping *s = mem_alloc(sizeof *s);
    *s = (struct stripping){.row = x->row};
    arena_init(&s->arena, 64 << 10);
    buf_init(&s->out, REQUEST_RESPONSE_MAX);
#define X(name) s->row.name = arena_copy(&s->arena, x->row.name);
    FED_ITEM_SPANS(X)
#undef X
    /* Read again from its text: the membership may change while this runs. */
    struct span again = arena_copy(&s->arena, jcs_text(&req->arena, m->root));
    if (fed_membership_read(&s->arena, again, &s->m, NULL) != FED_TAKEN) {
        drop(s);
        respond_failure(req, ERR_INVALID, SPAN("broken membership"));
        return;
    }
    s->also = arena_calloc(&s->arena, FED_EXPORT_ALSO_MAX * 2 + 1, sizeof *s->also);
    for (uint32_t i = 0; i < x->nalso; i++) {
        s->also[s->nalso++] = arena_copy(&s->arena, x->also[i]);
    }
    s->also[s->nalso++] = arena_copy(&s->arena, req->api->config.organisation);
    add_words(s, own.domains);
    add_words(s, own.networks);
    request_work(req, s, strip, stripped, drop);
}

/* {also:[…]}: names that the person knows to be in it. */
static bool names_given(struct api_request *req, struct exporting *x)
{
    static const char *const names[] = {"also", NULL};
    struct jcs *v = NULL;
    if (jcs_read(&req->arena, buf_view(&req->body), FED_DEPTH_MAX, &v, NULL) < 0 || !jcs_only(v, names)) {
        return false;
    }
    const struct jcs *list = jcs_get_array(v, "also");
    if ((list == NULL && jcs_get(v, "also") != NULL) || (list != NULL && list->count > FED_EXPORT_ALSO_MAX)) {
        return false;
    }
    x->also = arena_calloc(&req->arena, list == NULL ? 1 : list->count + 1, sizeof *x->also);
    for (const struct jcs *n = list == NULL ? NULL : list->first; n != NULL; n = n->next) {
        if (n->kind != JCS_TEXT) {
            return false;
        }
        x->also[x->nalso++] = n->text;
    }
    return true;
}

static void item_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct exporting *x = req->work;
    struct buf q;
    if (!items_take_readable(req, rc, text, data, ACTION_EXPORT, &x->row)) {
        return;
    }
    if (!names_given(req, x)) {
        respond_error(req, 400, "bad_body", "Names to take out are a list of at most 200 texts.", "also");
        return;
    }
    buf_init(&q, 64);
    ask_begin(&q, ASK_SHARING);
    request_ask(req, &q, sharing_known);
    buf_free(&q);
}

void item_chr_export(struct api_request *req)
{
    req->work = arena_calloc(&req->arena, 1, sizeof(struct exporting));
    items_ask_item(req, item_known);
}
