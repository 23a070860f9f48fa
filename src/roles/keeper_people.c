/* SPDX-License-Identifier: EUPL-1.2 */
/* People in the keeper: see keeper_people.h. Must never see a password or a token in clear. */
#include "roles/keeper_people.h"

#include "base/log.h"
#include "records/people.h"
#include "records/sign_in.h"
#include "roles/city_files.h"
#include "roles/keeper_records_priv.h"

static void warn(const char *name, uint32_t line, const char *why)
{
    log_error("records.role", "file=\"%s\" line=%u why=\"%s\"", name, line, why);
}

int keeper_people_open(struct keeper_records *kr, struct err *e)
{
    const struct city_folder folder = {kr->data_dir, "roles", warn, PEOPLE_ROLE_FILES_MAX, PEOPLE_ROLE_FILE_MAX};
    struct arena a;
    struct city_file found[PEOPLE_ROLE_FILES_MAX];
    struct people_role_file files[PEOPLE_ROLE_FILES_MAX];
    size_t n = 0;
    size_t refused = 0;
    arena_init(&a, 0);
    int rc = city_files_read(&folder, &a, found, &n, e);
    buf_clear(&kr->role_files);
    buf_u32(&kr->role_files, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        files[i] = (struct people_role_file){found[i].name, found[i].text};
        buf_str(&kr->role_files, files[i].name);
        buf_str(&kr->role_files, files[i].text);
    }
    CHECK(!kr->role_files.failed);
    kr->roles = people_roles_load(files, n);
    const struct people_role_refusal *refusal = people_roles_refusals(kr->roles, &refused);
    for (size_t i = 0; i < refused; i++) {
        city_file_warn(&folder, refusal[i].file, refusal[i].line, refusal[i].why);
    }
    arena_fini(&a);
    return rc;
}

/* ---- answers ---- */

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int list_roles(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = whole(c, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_span(&kr->out, buf_view(&kr->role_files));
    }
    return rc;
}

/* The desk has asked already; an account in a role that does not exist would be one that may nothing. */
static int known_role(const struct keeper_records *kr, struct span name, struct err *e)
{
    return people_roles_find(kr->roles, name) != NULL ? 0 : err_set(e, ERR_UNSUPPORTED, "there is no such role");
}

static int create_account(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    char id[ID_TEXT_LEN + 1] = {0};
    struct account a = {.name = cursor_str(c)};
    a.role = cursor_str(c);
    a.organisation = cursor_str(c);
    a.password = cursor_str(c);
    struct span link = cursor_str(c);
    struct span who = cursor_str(c);
    if ((link.len != 0 && link.len != ACCOUNT_HASH_BYTES) || (a.password.len == 0) == (link.len == 0)) {
        c->failed = true;
    }
    int rc = whole(c, e);
    rc = rc == 0 ? known_role(kr, a.role, e) : rc;
    rc = rc == 0 ? account_create(kr->db, &a, link, who, clock_now(), id, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_of(id));
    }
    return rc;
}

static int list_people(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct people_query q = {.organisation = cursor_str(c)};
    struct person *people = NULL;
    uint32_t n = 0;
    bool more = false;
    q.words = cursor_str(c);
    q.after = cursor_str(c);
    q.only = cursor_str(c);
    q.limit = cursor_u32(c);
    if (q.limit == 0 || q.limit > PEOPLE_PAGE_MAX || q.words.len > PEOPLE_WORDS_MAX || q.organisation.len == 0) {
        c->failed = true;
    }
    int rc = whole(c, e);
    rc = rc == 0 ? people_list(kr->db, &q, clock_now(), &kr->scratch, &people, &n, &more, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, more);
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            person_encode(&kr->out, &people[i]);
        }
    }
    return rc;
}

static int change_person(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint8_t kind = cursor_u8(c);
    struct person_change ch = {.kind = kind < PERSON_CHANGE_COUNT ? (enum person_change_kind)kind : PERSON_ROLE};
    ch.organisation = cursor_str(c);
    ch.id = cursor_str(c);
    ch.role = cursor_str(c);
    ch.who = cursor_str(c);
    ch.why = cursor_str(c);
    if (kind >= PERSON_CHANGE_COUNT || ch.organisation.len == 0 || (ch.kind == PERSON_ROLE) != (ch.role.len > 0)) {
        c->failed = true;
    }
    int rc = whole(c, e);
    rc = rc == 0 && ch.kind == PERSON_ROLE ? known_role(kr, ch.role, e) : rc;
    rc = rc == 0 ? person_change(kr->db, &ch, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* Hashes have one length; another is a broken question. */
static struct span hash_of(struct cursor *c)
{
    struct span hash = cursor_str(c);
    if (hash.len != ACCOUNT_HASH_BYTES) {
        c->failed = true;
    }
    return hash;
}

static int make_link(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c);
    struct span id = cursor_str(c);
    struct span hash = hash_of(c);
    struct span who = cursor_str(c);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? sign_in_link_create(kr->db, organisation, id, hash, who, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int check_link(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct account a = {0};
    struct span hash = hash_of(c);
    int rc = whole(c, e);
    rc = rc == 0 ? sign_in_link_check(kr->db, hash, clock_now(), &kr->scratch, &a, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, a.name);
    }
    return rc;
}

static int use_link(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    char id[ID_TEXT_LEN + 1] = {0};
    struct span hash = hash_of(c);
    struct span password = cursor_str(c);
    int rc = password.len == 0 ? err_set(e, ERR_INVALID, "no password") : whole(c, e);
    rc = rc == 0 ? sign_in_link_use(kr->db, hash, password, clock_now(), id, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_of(id));
    }
    return rc;
}

static int list_sessions(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct session_row rows[ACCOUNT_SESSIONS_MAX];
    uint32_t n = 0;
    struct span user = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? session_list(kr->db, user, clock_now(), &kr->scratch, rows, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            buf_str(&kr->out, span_of(rows[i].id));
            buf_u64(&kr->out, (uint64_t)rows[i].created);
            buf_u64(&kr->out, (uint64_t)rows[i].last_seen);
            buf_str(&kr->out, rows[i].address);
        }
    }
    return rc;
}

static int end_own_session(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    unsigned char hash[ACCOUNT_HASH_BYTES] = {0};
    struct span user = cursor_str(c);
    struct span session = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? session_end_own(kr->db, user, session, clock_now(), hash, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, span_make((const char *)hash, sizeof hash));
    }
    return rc;
}

static int set_password(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span user = cursor_str(c);
    struct span keep = hash_of(c);
    struct span password = cursor_str(c);
    int rc = password.len == 0 ? err_set(e, ERR_INVALID, "no password") : whole(c, e);
    rc = rc == 0 ? account_password_set(kr->db, user, keep, password, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int sign_in_by_provider(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct provider_person p = {.provider = cursor_str(c)};
    struct account a = {0};
    enum sign_in_outcome outcome = SIGN_IN_NO_ROLE;
    struct arena arena;
    bool changed = false;
    p.issuer = cursor_str(c);
    p.subject = cursor_str(c);
    p.name = cursor_str(c);
    p.role = cursor_str(c);
    p.organisation = cursor_str(c);
    p.barred = cursor_str(c);
    if (p.barred.len > SIGN_IN_BARRED_MAX || (p.barred.len > 0 && p.role.len > 0) || p.provider.len == 0 || p.provider.len > SIGN_IN_PROVIDER_MAX || p.issuer.len == 0 || p.issuer.len > SIGN_IN_ISSUER_MAX ||
        p.subject.len == 0 || p.subject.len > SIGN_IN_SUBJECT_MAX || (p.role.len > 0) != (p.organisation.len > 0)) {
        c->failed = true;
    }
    arena_init(&arena, 4096);
    int rc = whole(c, e);
    rc = rc == 0 && p.role.len > 0 ? known_role(kr, p.role, e) : rc;
    rc = rc == 0 ? provider_sign_in(kr->db, &p, clock_now(), &arena, &outcome, &changed, &a, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, (uint8_t)outcome);
        buf_u8(&kr->out, changed);
        buf_u8(&kr->out, a.id.len > 0);
        if (a.id.len > 0) {
            account_encode(&kr->out, &a);
            buf_str(&kr->out, a.password);
        }
    }
    arena_fini(&arena);
    return rc;
}

static int list_ways(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span id = cursor_str(c);
    struct account_way *ways = NULL;
    struct arena arena;
    uint32_t n = 0;
    arena_init(&arena, 4096);
    int rc = whole(c, e);
    rc = rc == 0 ? account_ways(kr->db, id, &arena, &ways, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        buf_str(&kr->out, ways[i].issuer);
        buf_str(&kr->out, ways[i].subject);
    }
    arena_fini(&arena);
    return rc;
}

static int list_way_accounts(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span organisation = cursor_str(c), issuer = cursor_str(c);
    struct way_account *all = NULL;
    struct arena arena;
    uint32_t n = 0;
    arena_init(&arena, 4096);
    int rc = organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? way_accounts(kr->db, organisation, issuer, &arena, &all, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct span texts[] = {all[i].id, all[i].name, all[i].role, all[i].organisation, all[i].subject};
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            buf_str(&kr->out, texts[k]);
        }
    }
    arena_fini(&arena);
    return rc;
}

keeper_answer_fn *keeper_people_answer(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_WAY_ACCOUNTS:
        return list_way_accounts;
    case ASK_ACCOUNT_WAYS:
        return list_ways;
    case ASK_ROLES:
        return list_roles;
    case ASK_ACCOUNT_CREATE:
        return create_account;
    case ASK_PROVIDER_SIGN_IN:
        return sign_in_by_provider;
    case ASK_PEOPLE:
        return list_people;
    case ASK_PERSON_CHANGE:
        return change_person;
    case ASK_SIGN_IN_LINK:
        return make_link;
    case ASK_LINK_CHECK:
        return check_link;
    case ASK_LINK_USE:
        return use_link;
    case ASK_OWN_SESSIONS:
        return list_sessions;
    case ASK_OWN_SESSION_END:
        return end_own_session;
    case ASK_PASSWORD_SET:
        return set_password;
    default:
        return NULL;
    }
}
