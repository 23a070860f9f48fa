/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One question to a directory: see ldap_ask.h. The service account finds the person, the person's own name and password prove who it is
 * (RFC 4513 §5.1.3), the service account then reads his groups. Must never bind with an empty name or password, and never log either.
 */
#include "roles/ldap_ask.h"

#include <string.h>

#include "base/check.h"

enum { ASK_SECONDS = 8 }; /* that the server shall spend on a search */

/* What is read of somebody, beside his id, his name and his groups: directory_entry. */
static const char *const state_attributes[] = {"userAccountControl", "pwdAccountLockedTime", "nsAccountLock", "accountExpires"};

struct asking {
    struct ldap_job *job;
    struct ldap_wire *wire;
    LDAP *ldap;
};

static void say(struct ldap_job *job, enum directory_said said, const char *why)
{
    job->answer.said = said;
    job->answer.why = arena_copy(&job->texts, span_of(why));
}

/* Of something that failed and should not have. */
static void down(const struct asking *a, const char *what, int rc)
{
    say(a->job, DIRECTORY_DOWN, arena_printf(&a->job->texts, "%s: %s", what, ldap_err2string(rc)));
}

static const char *text(const struct asking *a, struct span s)
{
    return arena_cstr(&a->job->texts, s);
}

/* ---- bind ---- */

static int bind_as(const struct asking *a, const char *dn, struct span password)
{
    struct berval secret = {.bv_len = password.len, .bv_val = (char *)(uintptr_t)password.ptr};
    if (dn[0] == '\0' || password.len == 0) { /* either would be a bind as nobody, which servers call a success (RFC 4513 §5.1) */
        return LDAP_INVALID_CREDENTIALS;
    }
    return ldap_sasl_bind_s(a->ldap, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

static bool bind_service(const struct asking *a)
{
    int rc = bind_as(a, text(a, a->job->directory.bind_dn), a->job->secret);
    if (rc != LDAP_SUCCESS) {
        down(a, "bind_dn", rc);
    }
    return rc == LDAP_SUCCESS;
}

/* Whether the server said that it is not he, rather than that something is wrong. */
static bool says_no(int rc)
{
    return rc == LDAP_INVALID_CREDENTIALS || rc == LDAP_INAPPROPRIATE_AUTH || rc == LDAP_INSUFFICIENT_ACCESS || rc == LDAP_NO_SUCH_OBJECT ||
           rc == LDAP_CONSTRAINT_VIOLATION || rc == LDAP_UNWILLING_TO_PERFORM || rc == LDAP_STRONG_AUTH_REQUIRED;
}

/* ---- search ---- */

static int search(const struct asking *a, const char *base, const char *filter, const char *const *attributes, int most, LDAPMessage **out)
{
    struct timeval left = ldap_wire_left(a->wire);
    left.tv_sec = left.tv_sec > ASK_SECONDS ? ASK_SECONDS : left.tv_sec;
    *out = NULL;
    return ldap_search_ext_s(a->ldap, base, LDAP_SCOPE_SUBTREE, filter, (char **)(uintptr_t)attributes, 0, NULL, NULL, &left, most, out);
}

/* The one value of an attribute; empty: it has none, several, or one that is too long. */
static struct span value(const struct asking *a, LDAPMessage *entry, const char *attribute)
{
    struct span out = SPAN("");
    struct berval **all = ldap_get_values_len(a->ldap, entry, attribute);
    if (all != NULL && all[0] != NULL && all[1] == NULL && all[0]->bv_len <= DIRECTORY_VALUE_MAX) {
        out = arena_copy(&a->job->texts, span_make(all[0]->bv_val, all[0]->bv_len));
    }
    ldap_value_free_len(all);
    return out;
}

static struct span dn_of(const struct asking *a, LDAPMessage *entry)
{
    char *dn = ldap_get_dn(a->ldap, entry);
    struct span out = dn == NULL ? SPAN("") : arena_copy(&a->job->texts, span_of(dn));
    ldap_memfree(dn);
    return out.len > DIRECTORY_DN_MAX ? SPAN("") : out;
}

static void read_states(const struct asking *a, LDAPMessage *entry, struct directory_entry *out)
{
    struct span *const all[] = {&out->control, &out->locked, &out->locked2, &out->expires};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        *all[i] = value(a, entry, state_attributes[i]);
    }
}

static const char *person_filter(const struct asking *a)
{
    const struct ldap_job *job = a->job;
    struct buf b;
    buf_init(&b, DIRECTORY_ASKED_MAX);
    if (job->ask.errand == DIRECTORY_LOG_IN) {
        directory_filter(&b, job->directory.filter, SPAN("{name}"), job->ask.who);
    } else {
        directory_filter_equals(&b, job->directory.id, job->ask.who);
    }
    const char *out = b.failed ? NULL : text(a, buf_view(&b));
    buf_free(&b);
    return out;
}

/* memberOf of the entry itself. */
static bool groups_of_entry(const struct asking *a, LDAPMessage *entry)
{
    struct ldap_job *job = a->job;
    struct directory_entry *out = &job->answer.entry;
    struct berval **all = ldap_get_values_len(a->ldap, entry, text(a, job->directory.groups_attribute));
    int n = ldap_count_values_len(all);
    if (n > DIRECTORY_GROUPS_MAX) {
        ldap_value_free_len(all);
        say(job, DIRECTORY_DOWN, "somebody is in too many groups");
        return false;
    }
    out->groups = arena_calloc(&job->texts, (size_t)n, sizeof *out->groups);
    for (int i = 0; i < n; i++) {
        if (all[i]->bv_len <= DIRECTORY_DN_MAX) {
            out->groups[out->ngroups++] = arena_copy(&job->texts, span_make(all[i]->bv_val, all[i]->bv_len));
        }
    }
    ldap_value_free_len(all);
    return true;
}

/* The entry of whom it is asked about. *found_out false with no answer said: nobody, or more than one. */
static bool find(const struct asking *a, bool *found_out)
{
    struct ldap_job *job = a->job;
    struct directory_entry *out = &job->answer.entry;
    const struct directory *d = &job->directory;
    const char *id = text(a, d->id), *shown = text(a, d->shown), *groups = d->groups_attribute.len > 0 ? text(a, d->groups_attribute) : NULL;
    const char *wanted[] = {id, shown, state_attributes[0], state_attributes[1], state_attributes[2], state_attributes[3], groups, NULL};
    const char *filter = person_filter(a);
    LDAPMessage *all = NULL;
    *found_out = false;
    if (filter == NULL) {
        say(job, DIRECTORY_DOWN, "the filter becomes too long");
        return false;
    }
    int rc = search(a, text(a, d->base), filter, wanted, 2, &all);
    bool fine = rc == LDAP_SUCCESS || rc == LDAP_SIZELIMIT_EXCEEDED;
    LDAPMessage *entry = fine && ldap_count_entries(a->ldap, all) == 1 && rc == LDAP_SUCCESS ? ldap_first_entry(a->ldap, all) : NULL;
    if (!fine) {
        down(a, "looking for people", rc);
    } else if (entry != NULL) {
        *out = (struct directory_entry){.dn = dn_of(a, entry), .id = value(a, entry, id), .shown = value(a, entry, shown)};
        read_states(a, entry, out);
        *found_out = out->dn.len > 0;
        fine = groups == NULL || groups_of_entry(a, entry);
    }
    (void)ldap_msgfree(all);
    return fine;
}

/* Groups that name him, also through others where the filter says so. */
static bool groups_asked(const struct asking *a)
{
    struct ldap_job *job = a->job;
    struct directory_entry *out = &job->answer.entry;
    const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    LDAPMessage *all = NULL;
    struct buf b;
    buf_init(&b, DIRECTORY_ASKED_MAX);
    directory_filter(&b, job->directory.groups_filter, SPAN("{dn}"), out->dn);
    int rc = b.failed ? LDAP_FILTER_ERROR
                      : search(a, text(a, job->directory.groups_base), text(a, buf_view(&b)), nothing, DIRECTORY_GROUPS_MAX, &all);
    buf_free(&b);
    int n = rc == LDAP_SUCCESS ? ldap_count_entries(a->ldap, all) : 0;
    bool fine = rc == LDAP_SUCCESS && n >= 0 && n <= DIRECTORY_GROUPS_MAX;
    out->groups = arena_calloc(&job->texts, fine ? (size_t)n : 0, sizeof *out->groups);
    for (LDAPMessage *e = fine ? ldap_first_entry(a->ldap, all) : NULL; e != NULL && out->ngroups < (uint32_t)n; e = ldap_next_entry(a->ldap, e)) {
        out->groups[out->ngroups++] = dn_of(a, e);
    }
    (void)ldap_msgfree(all);
    if (!fine) {
        down(a, "looking for groups", rc);
    }
    return fine;
}

/* ---- how many are ---- */

enum { STATES_AT_ONCE = 50 }; /* ids of one filter */

/* The next ids of the question as one filter; NULL: there are none left, or they are broken (then *left is not 0). */
static const char *states_filter(const struct asking *a, struct cursor *ids, uint32_t *left)
{
    struct buf b;
    buf_init(&b, STATES_AT_ONCE * (3 * DIRECTORY_ID_MAX + DIRECTORY_VALUE_MAX));
    buf_cstr(&b, "(|");
    uint32_t n = 0;
    for (; *left > 0 && n < STATES_AT_ONCE && !ids->failed; n++, (*left)--) {
        struct span id = cursor_str(ids);
        ids->failed = ids->failed || id.len == 0 || id.len > DIRECTORY_ID_MAX;
        directory_filter_equals(&b, a->job->directory.id, id);
    }
    buf_cstr(&b, ")");
    const char *out = n == 0 || b.failed || ids->failed ? NULL : text(a, buf_view(&b));
    buf_free(&b);
    return out;
}

static bool take_states(const struct asking *a, LDAPMessage *all)
{
    struct directory_answer *f = &a->job->answer;
    const char *id = text(a, a->job->directory.id);
    for (LDAPMessage *m = ldap_first_entry(a->ldap, all); m != NULL; m = ldap_next_entry(a->ldap, m)) {
        if (f->nstates == DIRECTORY_STATES_MAX) {
            return false;
        }
        struct directory_entry *e = &f->states[f->nstates++];
        *e = (struct directory_entry){.dn = dn_of(a, m), .id = value(a, m, id)};
        read_states(a, m, e);
    }
    return true;
}

static void states(const struct asking *a)
{
    struct ldap_job *job = a->job;
    struct cursor ids = cursor_of(job->ask.who);
    uint32_t left = cursor_u32(&ids);
    const char *wanted[] = {text(a, job->directory.id), state_attributes[0], state_attributes[1], state_attributes[2], state_attributes[3], NULL};
    const char *filter = NULL;
    if (ids.failed || left > DIRECTORY_STATES_MAX || !bind_service(a)) {
        return;
    }
    job->answer.states = arena_calloc(&job->texts, DIRECTORY_STATES_MAX, sizeof *job->answer.states);
    while ((filter = states_filter(a, &ids, &left)) != NULL) {
        LDAPMessage *all = NULL;
        int rc = search(a, text(a, job->directory.base), filter, wanted, DIRECTORY_STATES_MAX, &all);
        bool fine = rc == LDAP_SUCCESS && take_states(a, all);
        (void)ldap_msgfree(all);
        if (!fine) { /* half an answer would make leavers of those who stay */
            down(a, "asking how people are", rc);
            return;
        }
    }
    if (left == 0 && cursor_done(&ids)) {
        job->answer.said = DIRECTORY_STATED;
    }
}

/* ---- the whole ---- */

static void prove(const struct asking *a)
{
    struct ldap_job *job = a->job;
    bool found = false;
    if (!bind_service(a) || !find(a, &found)) {
        return;
    }
    /* Of nobody it is tried as well: a name that is not there costs a bind too. */
    const char *dn = found ? text(a, job->answer.entry.dn) : arena_printf(&job->texts, "cn=nobody,%.*s", SPAN_ARG(job->directory.base));
    int rc = bind_as(a, dn, job->ask.password);
    if (!found || says_no(rc)) {
        say(job, DIRECTORY_WRONG, found ? ldap_err2string(rc) : "nobody is called so, or more than one");
    } else if (rc != LDAP_SUCCESS) {
        down(a, "the person's own bind", rc);
    } else if (job->directory.groups_attribute.len > 0 || (bind_service(a) && groups_asked(a))) {
        job->answer.said = DIRECTORY_FOUND;
    }
}

void ldap_ask(struct ldap_job *job)
{
    struct asking a = {.job = job};
    struct err e = {0};
    struct ldap_place place = {.authority = job->authority, .until = clock_mono() + LDAP_ASK_WHOLE_MS * (TIME_SECOND / 1000),
                               .bytes_max = LDAP_ASK_BYTES_MAX, .stop = job->stop};
    job->answer = (struct directory_answer){.said = DIRECTORY_DOWN};
    if (job->ask.password.len == 0 && job->ask.errand != DIRECTORY_STATES) {
        say(job, DIRECTORY_WRONG, "no password");
        return;
    }
    int rc = directory_url_parse(job->directory.url, &place.url, &e);
    rc = rc == 0 ? ldap_wire_open(&place, &a.wire, &e) : rc;
    if (rc < 0) {
        say(job, DIRECTORY_DOWN, e.text);
        return;
    }
    a.ldap = ldap_wire_ldap(a.wire);
    if (job->ask.errand == DIRECTORY_STATES) {
        states(&a);
    } else {
        prove(&a);
    }
    ldap_wire_close(&a.wire);
}
