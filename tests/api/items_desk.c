/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A desk with items for tests: the real interface, composer, policy and records (in memory), over the small community of
 * test_world; only roles and network are left out. usage: items_desk NODE, where NODE is 0 (the hub) to 7. Prints the
 * ports of the local interface and of the one for the network, then serves until its input ends.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/circles.h"
#include "desk/federation/test_world.h"
#include "os/listen.h"
#include "records/fed_item.h"
#include "records/migrate.h"
#include "roles/keeper_items.h"
#include "roles/keeper_records_priv.h"
#include "roles/keeper_signals.h"

static struct world w;
static uint32_t self;
static struct keeper_records kr;
static unsigned wakes;

static const struct fed_keys *keys(void *arg)
{
    (void)arg;
    return &w.nodes[self];
}

static const struct fed_membership *circle(void *arg, struct span id, bool *own_out)
{
    (void)arg;
    if (own_out != NULL) {
        *own_out = self == 0;
    }
    return span_eq(id, world_newest(&w)->circle) ? world_newest(&w) : NULL;
}

static bool stopped(void *arg)
{
    (void)arg;
    return false;
}

static void sent(void *arg, struct span circle_id, struct span id)
{
    (void)arg, (void)circle_id, (void)id;
    wakes++;
}

static const struct fed_circles circles = {NULL, keys, circle, stopped, sent};

/* A question waits here until the loop comes round: an answer never comes before `ask` returns. */
struct waiting {
    uv_timer_t timer;
    struct buf question;
    api_answer *answer;
    void *ctx;
};

static void freed(uv_handle_t *h)
{
    struct waiting *q = h->data;
    buf_free(&q->question);
    mem_free(q);
}

static void answer(uv_timer_t *t)
{
    struct waiting *q = t->data;
    struct err e = {0};
    struct cursor c = cursor_of(buf_view(&q->question));
    uint16_t ask = cursor_u16(&c);
    keeper_item_answer_fn *fn = keeper_item_answer(ask);
    keeper_signals_fn *other = fn == NULL ? keeper_signals_answer(ask) : NULL;
    arena_reset(&kr.scratch);
    if (ask == ASK_ROLES) { /* those shipped; no city's own */
        answer_begin(&kr.out, 0, &e);
        buf_u32(&kr.out, 0);
    } else if (other != NULL) {
        (void)other(&kr, &c, &e);
    } else if (fn == NULL) {
        answer_begin(&kr.out, err_set(&e, ERR_DENIED, "no such question"), &e);
    } else {
        (void)fn(&kr, &c, &e);
    }
    struct cursor got = cursor_of(buf_view(&kr.out));
    struct span text = {0};
    int rc = answer_read(&got, &text);
    q->answer(q->ctx, rc, text, &got);
    uv_close((uv_handle_t *)t, freed);
}

static bool take_question(void *arg, struct span question, api_answer *then, void *ctx)
{
    struct waiting *q = mem_alloc(sizeof *q);
    buf_init(&q->question, 4 << 20);
    buf_span(&q->question, question);
    q->answer = then;
    q->ctx = ctx;
    q->timer.data = q;
    MUST(uv_timer_init(arg, &q->timer));
    MUST(uv_timer_start(&q->timer, answer, 0, 0));
    return true;
}

/* What others sent: letters as a test reads them. `hidden` is addressed to somebody else. */
static void put_item(uint32_t author, const char *id, const char *title, const char *tlp, const char *audience, bool chr, int64_t at)
{
    struct err e = {0};
    const struct fed_item_row row = {
        .id = span_of(id), .organisation = SPAN("own"), .circle = SPAN("isac"), .author = span_of(w.nodes[author].node), .author_org = world_org(author),
        .kind = SPAN("story"), .title = span_of(title), .body = span_of(arena_printf(&w.a, "text of %s\n<second> line", title)), .derived = SPAN("[]"),
        .tlp = span_of(tlp), .pap = SPAN("AMBER"), .chr = chr, .audience = span_of(audience), .state = SPAN("current"), .version = 1, .epoch = 1,
        .created = clock_now(), .expires = clock_now() + TIME_DAY, .received = at};
    MUST(db_begin(kr.db, &e));
    MUST(db_end(kr.db, fed_item_put(kr.db, &row, &e), &e));
}

static const char *to_person(uint32_t node, const char *name)
{
    return arena_printf(&w.a, "{\"persons\":[{\"name\":\"%s\",\"node\":\"%s\"}]}", name, w.nodes[node].node);
}

static void fill(void)
{
    struct err e = {0};
    struct db_stmt *s = NULL;
    MUST(db_exec(kr.db, arena_printf(&w.a, "INSERT INTO fed_circle VALUES ('isac', 'own', '%s', %d, 'ISAC', 'member', 1, 0, 0)", w.nodes[0].node, self == 0), &e));
    MUST(db_query(kr.db, "INSERT INTO fed_membership VALUES ('isac', 1, $1, 0)", &e, &s));
    db_bind_bytes(s, 1, jcs_text(&w.a, world_newest(&w)->root));
    MUST(db_run(s, &e));
    put_item(3, "0197f3c0-0000-7000-8000-000000000001", "green", "GREEN", "{\"all\":true}", false, 1);
    put_item(3, "0197f3c0-0000-7000-8000-000000000002", "amber", "AMBER", "{\"orgs\":[\"Aville\"]}", false, 2);
    put_item(3, "0197f3c0-0000-7000-8000-000000000003", "hidden", "AMBER", "{\"orgs\":[\"Bville\"]}", false, 3);
    put_item(3, "0197f3c0-0000-7000-8000-000000000004", "red", "RED", to_person(1, "command line"), false, 4);
    put_item(3, "0197f3c0-0000-7000-8000-000000000005", "hidden", "RED", to_person(1, "Ada"), false, 5);
    put_item(3, "0197f3c0-0000-7000-8000-000000000006", "chatham", "GREEN", "{\"all\":true}", true, 6);
    put_item(3, "0197f3c0-0000-7000-8000-000000000007", "hidden", "PURPLE", "{\"all\":true}", false, 7);
    put_item(3, "0197f3c0-0000-7000-8000-000000000008", "hidden", "GREEN", "{\"friends\":true}", false, 8);
    put_item(3, "0197f3c0-0000-7000-8000-000000000009", "nda", "AMBER", "{\"nda\":true}", false, 9);
}

static struct api *serve(uv_loop_t *loop, bool local)
{
    struct listen_address at;
    struct err e = {0};
    struct api *api = NULL;
    char text[LISTEN_TEXT_MAX];
    int fd = -1;
    MUST(listen_parse(SPAN("127.0.0.1:0"), &at, &e));
    MUST(listen_tcp(&at, 1, &fd, &e));
    (void)printf("%s\n", listen_format(fd, text));
    const struct api_config config = {.loop = loop, .listen_fd = fd, .loopback = true, .local = local, .node_name = SPAN("test"), .organisation = SPAN("own"), .arg = loop, .ask = take_question};
    MUST(api_new(&config, &e, &api));
    api_set_admin_exists(api, true);
    api_set_circles(api, &circles);
    return api;
}

static void input_ended(uv_poll_t *p, int status, int events)
{
    char byte;
    (void)status, (void)events;
    if (read(0, &byte, 1) == 0) {
        uv_stop(p->loop);
    }
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    uv_poll_t input;
    struct err e = {0};
    size_t count = 0;
    if (sodium_init() < 0 || argc != 2) {
        return 2;
    }
    self = (uint32_t)strtoul(argv[1], NULL, 10) % WORLD_NODES;
    log_init("desk", LOG_WARN);
    MUST(api_preload(&e));
    world_init(&w, false);
    /* the clock of the program is the real one: so must the membership's be */
    struct fed_membership m = world_next(&w);
    m.epoch = 1;
    m.issued_s = clock_now() / TIME_SECOND - 60;
    m.expires_s = m.issued_s + FED_MEMBERSHIP_LIFE_S;
    w.nepochs = 0;
    world_take(&w, &m);
    arena_init(&kr.scratch, 0);
    buf_init(&kr.out, 16 << 20);
    const struct migration *list = migrate_list(&count);
    MUST(db_open(":memory:", &e, &kr.db));
    MUST(migrate_run(kr.db, list, count, clock_now(), &e));
    fill();
    MUST(uv_loop_init(&loop));
    struct api *apis[2] = {serve(&loop, true), serve(&loop, false)};
    (void)fflush(stdout);
    MUST(uv_poll_init(&loop, &input, 0));
    MUST(uv_poll_start(&input, UV_READABLE, input_ended));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    api_free(&apis[0]);
    api_free(&apis[1]);
    uv_close((uv_handle_t *)&input, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    MUST(uv_loop_close(&loop));
    db_close(&kr.db);
    arena_fini(&kr.scratch);
    buf_free(&kr.out);
    world_fini(&w);
    return 0;
}
