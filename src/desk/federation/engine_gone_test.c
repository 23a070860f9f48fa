/* SPDX-License-Identifier: EUPL-1.2 */
/* A hub's listener goes, as with a reload, while a stranger's question lies at the keeper: the answer finds nobody and touches nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/test_world.h"
#include "desk/federation/text.h"

/* The keeper, which takes its time. */
struct keeper {
    fed_answer *answer;
    void *ctx;
    unsigned asked, answered;
};

static bool ask(void *arg, struct span question, fed_answer *answer, void *ctx)
{
    struct keeper *k = arg;
    assert_true(question.len > 0);
    k->answer = answer;
    k->ctx = ctx;
    k->asked++;
    return true;
}

static struct keeper *telling;

static void respond(struct fed_call *call, unsigned status, struct span body)
{
    (void)call;
    assert_true(status >= 200 && body.len > 0);
    telling->answered++;
}

static struct fed_engine *engine_of(struct world *w, struct keeper *k)
{
    struct fed_engine *en = NULL;
    struct err e = {0};
    const struct fed_engine_config c = {.host = {.arg = k, .ask = ask}, .keys = &w->nodes[0], .organisation = world_org(0)};
    MUST(fed_engine_new(&c, &e, &en));
    en->config.hub = true;
    en->loaded = true;
    return en;
}

/* As the listener has it: memory of its own, which is gone when its connection is. */
static struct fed_call *call_of(struct world *w, enum fed_call_kind kind)
{
    struct fed_call *call = mem_alloc(sizeof *call);
    const struct fed_keys *k = &w->nodes[1];
    call->kind = kind;
    call->respond = respond;
    call->request = SPAN("01890a5d-ac96-774b-bcce-b302099a8057");
    static const unsigned char sig[FED_SIG_BYTES];
    call->proof = fed_base64(&w->a, sig, sizeof sig);
    call->body = span_of(arena_printf(&w->a, "{\"code\":\"abc\",\"csr\":\"x\",\"node\":\"%s\",\"org\":\"City of Ahus\",\"seal\":\"%.*s\",\"sign\":\"%.*s\"}", k->node,
                                      SPAN_ARG(fed_base64(&w->a, k->seal_public, FED_KEY_BYTES)),
                                      SPAN_ARG(fed_base64(&w->a, k->sign.public_key, FED_KEY_BYTES))));
    return call;
}

static const struct {
    enum fed_call_kind kind;
    int rc; /* of the keeper's answer */
} cases[] = {
    {FED_CALL_ENROL, 0},    {FED_CALL_ENROL, ERR_DENIED},       {FED_CALL_ENROL, ERR_CLOSED},
    {FED_CALL_ENROLLED, 0}, {FED_CALL_ENROLLED, ERR_NOT_FOUND}, {FED_CALL_ENROLLED, ERR_CLOSED},
};

static void test_each(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int gone = 0; gone < 2; gone++) {
            struct keeper k = {0};
            struct cursor none = cursor_of(SPAN(""));
            struct fed_engine *en = engine_of(&w, &k);
            struct fed_call *call = call_of(&w, cases[i].kind);
            telling = &k;
            fed_hub_call(en, call);
            assert_int_equal(k.asked, 1);
            assert_int_equal(k.answered, 0);
            if (gone) {
                fed_hub_gone(en, call);
                memset(call, 0xa5, sizeof *call);
                mem_free(call);
            }
            k.answer(k.ctx, cases[i].rc, SPAN("why"), &none);
            assert_int_equal(k.answered, gone ? 0 : 1);
            if (!gone) {
                mem_free(call);
            }
            fed_engine_free(&en);
        }
    }
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
