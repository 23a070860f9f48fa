/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /login/code: the second step of a log-in. Between the two steps the browser carries who showed the right password, sealed with
 * a key of this run, for a few minutes and for this browser only: the desk keeps nothing, so nobody can fill its memory. Must
 * never log a code.
 */
#include <inttypes.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/factor.h"
#include "api/page.h"
#include "api/pages.h"
#include "base/log.h"

enum { STEP_VALID_S = 300 /* to find the telephone */ };

/* What is sealed. */
struct step {
    time_ns until;
    struct span id, name;
    struct span password; /* hash of the stored string: another password by now is another log-in */
    struct span browser;  /* hash of the form's cookie */
};

static const char purpose[SEALED_PURPOSE] = "sereno second step of log-in 01";

static struct span step_seal(struct api_request *req, const struct step *s)
{
    struct buf b;
    buf_init(&b, SEALED_MAX);
    buf_u64(&b, (uint64_t)s->until);
    buf_str(&b, s->id);
    buf_str(&b, s->name);
    buf_str(&b, s->password);
    buf_str(&b, s->browser);
    CHECK(!b.failed);
    struct span text = sealed_text(req, purpose, buf_view(&b));
    buf_free(&b);
    return text;
}

static struct span hashed(struct api_request *req, struct span text)
{
    unsigned char *hash = arena_alloc(&req->arena, SECRET_HASH_BYTES);
    secret_hash(text, hash);
    return span_make((const char *)hash, SECRET_HASH_BYTES);
}

/* False: forged, of another run or browser, or too old. */
static bool step_open(struct api_request *req, struct span text, struct step *out)
{
    struct span plain = SPAN("");
    if (!sealed_open(req, purpose, text, &plain)) {
        return false;
    }
    struct cursor c = cursor_of(plain);
    out->until = (time_ns)cursor_u64(&c);
    out->id = cursor_str(&c);
    out->name = cursor_str(&c);
    out->password = cursor_str(&c);
    out->browser = cursor_str(&c);
    return cursor_done(&c) && clock_now() < out->until &&
           secret_equal(out->browser, hashed(req, head_cookie(&req->head, form_cookie_name(req->api))));
}

static void show_code(struct api_request *req, unsigned status, struct span cookie, struct span step, enum word wrong, int64_t wait_s)
{
    struct buf b;
    char csrf[SECRET_TEXT_LEN + 1];
    form_token(req, cookie, csrf);
    page_code(&b, &(struct page_code){
                      .node = req->api->config.node_name,
                      .words = request_words(req),
                      .csrf = span_of(csrf),
                      .step = step,
                      .next = request_next(req),
                      .wrong = wrong,
                      .wait_s = wait_s,
                  });
    respond_page(req, status, &b);
    respond_language(req, request_words(req));
    set_form_cookie(req, cookie);
}

void second_step(struct api_request *req, const struct account *account)
{
    struct span cookie = form_cookie(req);
    const struct step s = {.until = clock_now() + STEP_VALID_S * TIME_SECOND,
                           .id = account->id,
                           .name = account->name,
                           .password = hashed(req, account->password),
                           .browser = hashed(req, cookie)};
    show_code(req, 200, cookie, step_seal(req, &s), WORD_COUNT, 0);
}

static void too_old(struct api_request *req)
{
    show_login(req, 403, SPAN("This form was too old. Please log in again."));
}

static void code_wrong(struct api_request *req, enum code_wrong wrong, int64_t wait_s)
{
    static const struct {
        unsigned status;
        enum word word;
    } say[] = {[CODE_WRONG] = {401, WORD_CODE_WRONG}, [CODE_LOCKED] = {403, WORD_CODE_LOCKED}, [CODE_WAIT] = {429, WORD_CODE_WAIT}};
    if (wrong != CODE_WAIT) {
        log_warn("login.code", "address=%.*s", SPAN_ARG(req->address));
    }
    show_code(req, say[wrong].status, form_cookie(req), request_field(req, "step"), say[wrong].word, wait_s);
    if (wrong == CODE_WAIT) {
        respond_header(req, "Retry-After", arena_printf(&req->arena, "%" PRId64, wait_s));
    }
}

static struct step step_of(struct api_request *req)
{
    struct step s = {0};
    bool good = step_open(req, request_field(req, "step"), &s);
    return good ? s : (struct step){0};
}

static void code_right(struct api_request *req, const struct factor_proof *proof)
{
    struct step s = step_of(req);
    if (s.id.len == 0) { /* it became too old meanwhile */
        too_old(req);
        return;
    }
    session_start(req, s.id, proof, code_used);
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct account a = {0};
    struct step s = step_of(req);
    if (rc == 0 && !account_answer(req, data, &a)) {
        rc = ERR_INVALID;
    }
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        respond_failure(req, rc, text);
    } else if (rc == ERR_NOT_FOUND || !a.factor || s.id.len == 0 || !span_eq(a.id, s.id) ||
               !secret_equal(hashed(req, a.password), s.password)) {
        too_old(req);
    } else {
        code_try(req, s.id, request_field(req, "code"), code_wrong, code_right);
    }
}

void login_code_post(struct api_request *req)
{
    struct buf q;
    struct step s = step_of(req);
    if (!form_fits(req) || s.id.len == 0) {
        too_old(req);
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_BY_NAME);
    buf_str(&q, s.name);
    request_ask(req, &q, account_known);
    buf_free(&q);
}
