/* SPDX-License-Identifier: EUPL-1.2 */
/* API tokens of people in the keeper: see keeper_user_tokens.h. Must never see a token in clear. */
#include "roles/keeper_user_tokens.h"

#include "records/user_tokens.h"
#include "roles/keeper_appointments.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static bool text_fits(struct span s, size_t max)
{
    return s.len > 0 && s.len <= max;
}

static int make(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct user_token t = {0};
    user_token_decode(c, &t);
    struct span who = cursor_str(c);
    bool fits = t.hash.len == ACCOUNT_HASH_BYTES && text_fits(t.id, ID_TEXT_LEN) && text_fits(t.name, USER_TOKEN_NAME_MAX) &&
                text_fits(t.scopes, USER_TOKEN_SCOPES_MAX) && text_fits(t.mark, USER_TOKEN_MARK_MAX) && t.expires > t.created;
    int rc = fits ? whole(c, e) : err_set(e, ERR_INVALID, "the question is broken");
    rc = rc == 0 ? user_token_create(kr->db, &t, who, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct user_token *tokens = NULL;
    uint32_t n = 0;
    struct span organisation = cursor_str(c);
    struct span user = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? user_token_list(kr->db, organisation, user, &kr->scratch, &tokens, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            user_token_encode(&kr->out, &tokens[i]);
        }
    }
    return rc;
}

static int end(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    unsigned char hash[ACCOUNT_HASH_BYTES];
    struct span organisation = cursor_str(c);
    struct span user = cursor_str(c);
    struct span id = cursor_str(c);
    struct span who = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? user_token_end(kr->db, organisation, user, id, who, clock_now(), hash, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_make((const char *)hash, sizeof hash));
    }
    return rc;
}

static int find(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct account a = {0};
    struct span scopes = SPAN("");
    struct user_token_use use = {0};
    use.hash = cursor_str(c);
    use.address = cursor_str(c);
    use.change = cursor_str(c);
    int rc = use.hash.len == ACCOUNT_HASH_BYTES ? whole(c, e) : err_set(e, ERR_INVALID, "the question is broken");
    rc = rc == 0 ? user_token_find(kr->db, &use, clock_now(), &kr->scratch, &a, &scopes, e) : rc;
    rc = rc == 0 ? keeper_seats_read(kr, a.id, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        account_encode(&kr->out, &a);
        buf_str(&kr->out, scopes);
        keeper_seats_encode(kr);
    }
    return rc;
}

keeper_answer_fn *keeper_user_token_answer(uint16_t ask)
{
    static const struct {
        enum ask ask;
        keeper_answer_fn *answer;
    } table[] = {
        {ASK_USER_TOKENS, list},
        {ASK_USER_TOKEN_CREATE, make},
        {ASK_USER_TOKEN_END, end},
        {ASK_USER_TOKEN_FIND, find},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if ((uint16_t)table[i].ask == ask) {
            return table[i].answer;
        }
    }
    return NULL;
}
