/* SPDX-License-Identifier: EUPL-1.2 */
/* The engine's life: start, what the keeper knows, time, stop. See engine.h. */
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

int64_t engine_now_s(void)
{
    return clock_now() / TIME_SECOND;
}

void engine_ask_begin(struct buf *q, enum ask ask)
{
    buf_init(q, ENGINE_QUESTION_MAX);
    ask_begin(q, ask);
}

bool engine_ask(struct fed_engine *en, struct buf *question, fed_answer *answer, void *ctx)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    bool sent = !question->failed &&
                en->config.host.ask(en->config.host.arg, buf_view(question), answer, ctx);
    buf_free(question);
    return sent;
}

static void copy_texts(struct fed_engine *en)
{
    struct span *const texts[] = {&en->config.organisation, &en->config.tls_key,
                                  &en->config.hub_name,     &en->config.hub_url,
                                  &en->config.ca_key,       &en->config.ca_cert,
                                  &en->config.server_cert};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(&en->texts, *texts[i]);
    }
}

int fed_engine_new(const struct fed_engine_config *c, struct err *e, struct fed_engine **out)
{
    struct fed_engine *en = mem_alloc(sizeof *en);
    en->magic = ENGINE_MAGIC;
    en->config = *c;
    en->keys = *c->keys;
    en->now = clock_mono();
    arena_init(&en->texts, 0);
    copy_texts(en);
    en->config.keys = &en->keys;
    fed_fingerprint(en->keys.sign.public_key, en->keys.seal_public, en->fingerprint);
    map_init(&en->peer_by_node);
    buf_init(&en->stopped, 4096);
    randombytes_buf(&en->next_carry, sizeof en->next_carry);
    int rc = c->hub ? certs_pin(en->config.server_cert, en->server_pin, e) : 0;
    if (rc < 0) {
        fed_engine_free(&en);
    }
    *out = en;
    return rc;
}

static void drop_officers(struct fed_engine *en)
{
    for (size_t i = 0; i < en->officers.len; i++) {
        arena_fini(&en->officers.data[i]->texts);
        mem_free(en->officers.data[i]);
    }
    vec_free(&en->officers);
}

static void drop_circles(struct fed_engine *en)
{
    for (size_t i = 0; i < en->circles.len; i++) {
        engine_circle_free(&en->circles.data[i]);
    }
    vec_free(&en->circles);
}

void fed_engine_free(struct fed_engine **out)
{
    struct fed_engine *en = *out;
    *out = NULL;
    if (en == NULL) {
        return;
    }
    CHECK_OBJ(en, ENGINE_MAGIC);
    drop_circles(en);
    drop_officers(en);
    for (size_t i = 0; i < en->links.len; i++) {
        engine_link_free(&en->links.data[i]);
    }
    for (size_t i = 0; i < en->joins.len; i++) {
        engine_join_free(&en->joins.data[i]);
    }
    for (size_t i = 0; i < en->peers.len; i++) {
        mem_free(en->peers.data[i]);
    }
    vec_free(&en->links);
    vec_free(&en->joins);
    vec_free(&en->peers);
    vec_free(&en->waiting);
    vec_free(&en->pulls);
    map_free(&en->peer_by_node);
    engine_group_free(&en->gathering);
    engine_group_free(&en->under_way);
    buf_free(&en->stopped);
    fed_keys_wipe(&en->keys);
    arena_fini(&en->texts);
    en->magic = 0;
    mem_free(en);
}

bool engine_read_half(const struct jcs *root, const char *name, struct fed_stream_in *out)
{
    const struct jcs *v = jcs_get_object(root, name);
    struct span id = SPAN("");
    int64_t epoch = 0, seq = 0;
    memset(out, 0, sizeof *out);
    if (!jcs_get_int(v, "epoch", &epoch) || !jcs_get_int(v, "seq", &seq) || epoch < 0 || seq < 0 ||
        !jcs_get_text(v, "hash", &id) || (id.len > 0 && !fed_id_valid(id))) {
        return false;
    }
    out->epoch = (uint64_t)epoch;
    out->seq = (uint64_t)seq;
    memcpy(out->id, id.ptr, id.len);
    return true;
}

enum fed_refusal engine_arrive(int64_t epoch, int64_t seq, const struct batch *b, uint32_t *skip_out)
{
    int64_t have = b->epoch > epoch ? 0 : seq;
    int64_t first = b->count > 0 ? b->items[0].seq : have + 1;
    *skip_out = 0;
    if (b->epoch < epoch) {
        return FED_STREAM;
    }
    if (first > have + 1) {
        return FED_GAP;
    }
    int64_t known = have - first + 1;
    *skip_out = known > b->count ? b->count : (uint32_t)known;
    return FED_TAKEN;
}

/* ---- what the keeper knows ---- */

static void load_circles(struct fed_engine *en, struct cursor *data)
{
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct span id = cursor_str(data);
        bool own = cursor_u8(data) != 0;
        (void)cursor_str(data);
        uint32_t bodies = cursor_u32(data);
        struct span list[ENGINE_KNOWN_MAX];
        uint32_t kept = 0;
        for (uint32_t k = 0; k < bodies && !data->failed; k++) {
            struct span body = cursor_str(data);
            if (kept < ENGINE_KNOWN_MAX) {
                list[kept++] = body;
            }
        }
        while (kept > 0) { /* oldest first: each becomes the newest in its turn */
            engine_circle_add(en, id, own, list[--kept]);
        }
    }
}

static void load_officers(struct fed_engine *en, struct cursor *data)
{
    uint32_t n = cursor_u32(data);
    drop_officers(en);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_officer_row r;
        unsigned char key[FED_KEY_BYTES];
        fed_officer_decode(data, &r);
        if (!data->failed && hex_decode(r.key, key, sizeof key)) {
            fed_engine_officer_known(en, r.user_id, r.name, key, r.sealed);
        }
    }
}

static void set_id(char out[FED_ID_LEN + 1], struct span id)
{
    size_t n = id.len == FED_ID_LEN ? FED_ID_LEN : 0;
    memcpy(out, n == 0 ? "" : id.ptr, n);
    out[n] = '\0';
}

static struct fed_link *link_of(struct fed_engine *en, struct span hub)
{
    for (size_t i = 0; i < en->links.len; i++) {
        if (span_eq(en->links.data[i]->row.hub, hub)) {
            return en->links.data[i];
        }
    }
    return NULL;
}

static void load_stream(struct fed_engine *en, const struct fed_stream_row *r)
{
    struct fed_link *l = link_of(en, r->peer);
    struct hub_peer *p = l == NULL && en->config.hub ? engine_peer(en, r->peer) : NULL;
    const struct fed_stream_out out = {(uint64_t)r->epoch, (uint64_t)r->seq, (uint64_t)r->acked};
    if (l != NULL && r->way == 0) {
        l->out = out;
        l->more = r->waiting > 0;
    } else if (l != NULL) {
        l->in_epoch = r->epoch;
        l->in_seq = r->seq;
        set_id(l->in_id, r->id);
    } else if (p != NULL && r->way == 0) {
        p->out = out;
    } else if (p != NULL) {
        p->in_epoch = r->epoch;
        p->in_seq = r->seq;
        p->contact = r->contact;
        set_id(p->in_id, r->id);
    }
}

static void loaded(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_engine *en = ctx;
    char shown[LOG_VALUE_MAX];
    en->loading = false;
    if (rc < 0) {
        log_warn("federation.load", "rc=%d why=\"%s\"", rc, log_value(text, shown));
        return; /* asked again at the next tick */
    }
    fed_engine_set_stopped(en, cursor_str(data));
    drop_circles(en);
    load_circles(en, data);
    uint32_t n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_link_row row;
        fed_link_decode(data, &row);
        if (!data->failed && link_of(en, row.hub) == NULL) {
            (void)engine_link_add(en, &row);
        }
    }
    load_officers(en, data);
    n = cursor_u32(data);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_stream_row row;
        fed_stream_decode(data, &row);
        if (!data->failed) {
            load_stream(en, &row);
        }
    }
    en->loaded = cursor_done(data);
    en->may_hold = true; /* what an earlier run held */
    if (!en->loaded) {
        log_error("federation.load", "why=\"the keeper's answer is broken\"");
        return;
    }
    log_info("federation.ready", "node=%s fingerprint=%s circles=%zu links=%zu hub=%d", en->keys.node,
             en->fingerprint, en->circles.len, en->links.len, en->config.hub);
}

static void load(struct fed_engine *en)
{
    struct buf q;
    if (en->loading) {
        return;
    }
    engine_ask_begin(&q, ASK_FED_STATE);
    en->loading = engine_ask(en, &q, loaded, en);
}

void fed_engine_keeper(struct fed_engine *en)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    if (!en->loaded) {
        load(en);
    }
}

/* ---- time ---- */

void fed_engine_tick(struct fed_engine *en, time_ns now)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    en->now = now;
    if (!en->loaded) {
        load(en);
        return;
    }
    engine_held_tick(en);
    engine_group_go(en);
    engine_hub_tick(en);
    engine_links_tick(en);
}

void fed_engine_wake(struct fed_engine *en)
{
    for (size_t i = 0; i < en->links.len; i++) {
        en->links.data[i]->more = true;
    }
    engine_hub_wake_all(en);
    fed_engine_tick(en, clock_mono());
}

void fed_engine_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    en->now = clock_mono();
    if (!engine_link_carried(en, id, c)) {
        (void)engine_join_carried(en, id, c);
    }
}

/* ---- small things ---- */

bool fed_engine_stopped(const struct fed_engine *en)
{
    return en->stopped.len > 0;
}

void fed_engine_set_stopped(struct fed_engine *en, struct span text)
{
    buf_clear(&en->stopped);
    buf_span(&en->stopped, text);
    for (size_t i = 0; text.len > 0 && i < en->links.len; i++) {
        struct fed_link *l = en->links.data[i];
        struct errand *const all[] = {&l->hello, &l->push, &l->pull, &l->renew};
        for (size_t k = 0; k < ARRAY_LEN(all); k++) {
            if (all[k]->id != 0) {
                en->config.host.cancel(en->config.host.arg, all[k]->id);
                all[k]->id = 0;
            }
        }
        if (l->state == LINK_UP || l->state == LINK_HELLO) {
            l->state = LINK_DOWN;
        }
    }
}

const struct fed_keys *fed_engine_keys(const struct fed_engine *en)
{
    return &en->keys;
}

bool fed_engine_is_hub(const struct fed_engine *en)
{
    return en->config.hub;
}

static struct officer *officer_of(const struct fed_engine *en, struct span user_id)
{
    for (size_t i = 0; i < en->officers.len; i++) {
        if (span_eq(span_of(en->officers.data[i]->user_id), user_id)) {
            return en->officers.data[i];
        }
    }
    return NULL;
}

struct span fed_engine_officer_sealed(const struct fed_engine *en, struct span user_id)
{
    const struct officer *o = officer_of(en, user_id);
    return o == NULL ? SPAN("") : o->sealed;
}

void fed_engine_officer_known(struct fed_engine *en, struct span user_id, struct span name,
                              const unsigned char key[FED_KEY_BYTES], struct span sealed)
{
    if (user_id.len > ID_TEXT_LEN || officer_of(en, user_id) != NULL ||
        en->officers.len >= FED_OFFICERS_MAX) {
        return;
    }
    struct officer *o = mem_alloc(sizeof *o);
    arena_init(&o->texts, 1024);
    memcpy(o->user_id, user_id.ptr, user_id.len);
    o->name = arena_copy(&o->texts, name);
    o->sealed = arena_copy(&o->texts, sealed);
    memcpy(o->key, key, FED_KEY_BYTES);
    vec_push(&en->officers, o);
}
