/* SPDX-License-Identifier: EUPL-1.2 */
/* How far the dry runs of warnings are: asked of the keeper's hunts before warnings are shown. */
#include "api/api_priv.h"

/* Between the two questions, in the request's arena. */
struct asking {
    struct warning_hunts hunts;
    void (*then)(struct api_request *req);
};

static void came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct asking *a = req->work;
    uint32_t n = rc == 0 ? cursor_u32(data) : 0;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    for (uint32_t i = 0; i < n && a->hunts.count < HUNTS_PAGE_MAX && !data->failed; i++) {
        struct hunt_row row;
        hunt_row_decode(data, &row);
        if (!data->failed && row.blocks_total > 0) {
            int64_t done = row.blocks_done < row.blocks_total ? row.blocks_done : row.blocks_total;
            a->hunts.one[a->hunts.count].id = arena_copy(&req->arena, row.id);
            a->hunts.one[a->hunts.count++].milli = done * 1000 / row.blocks_total;
        }
    }
    a->then(req);
}

void warning_hunts_ask(struct api_request *req, void (*then)(struct api_request *req))
{
    struct buf q;
    struct asking *a = arena_calloc(&req->arena, 1, sizeof *a);
    a->then = then;
    req->work = a;
    buf_init(&q, ASK_MAX_BYTES);
    hunt_ask_list(&q, &policy_whole_node, HUNTS_PAGE_MAX);
    request_ask(req, &q, came);
    buf_free(&q);
}

const struct warning_hunts *warning_hunts_of(const struct api_request *req)
{
    const struct asking *a = req->work;
    return &a->hunts;
}

int64_t warning_hunts_milli(const struct warning_hunts *h, struct span hunt)
{
    for (uint32_t i = 0; h != NULL && i < h->count; i++) {
        if (span_eq(h->one[i].id, hunt)) {
            return h->one[i].milli;
        }
    }
    return 0;
}
