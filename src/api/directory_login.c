/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /login/directory/NAME: the name and password of a directory (LDAP), asked by the courier. The directory says who somebody is, the config
 * what that is worth, the keeper whose account it is; a second factor is asked for as after a local password. Runs in the desk. Must
 * never log a name or a password, never tell whether a name exists, and never send a password that somebody meant for another place.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "api/pages.h"
#include "api/passwords.h"
#include "api/providers.h"
#include "base/log.h"
#include "base/utf8.h"

/* On its way; in req->work. */
struct asked {
    const struct directory *directory;
    struct span name; /* of the throttle */
    struct sign_in_person person;
    struct span barred;
};

static const struct directory *wanted(struct api_request *req)
{
    const struct directory *d = directory_find(providers_config(req->api->providers), req->param[0]);
    if (d == NULL) {
        respond_error(req, 404, "not_found", "There is nothing here.", NULL);
    }
    return d;
}

void directory_page(struct api_request *req)
{
    const struct directory *d = wanted(req);
    if (d != NULL) {
        show_directory(req, d, 200, SPAN(""));
    }
}

static void refuse(struct api_request *req, unsigned status, const char *what, struct span said)
{
    const struct asked *a = req->work;
    log_warn("login.directory", "directory=%.*s address=%.*s what=%s", SPAN_ARG(a->directory->name), SPAN_ARG(req->address), what);
    show_directory(req, a->directory, status, said);
}

static void account_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct asked *w = req->work;
    struct account a;
    enum sign_in_outcome outcome = SIGN_IN_NO_ROLE;
    rc = sign_in_answer(req, rc, data, &a, &outcome);
    if (rc < 0) {
        respond_failure(req, rc, text);
    } else if (outcome == SIGN_IN_DISABLED) {
        refuse(req, 403, "disabled", SPAN("Your account here is disabled. Ask an administrator."));
    } else if (w->barred.len > 0) {
        refuse(req, 403, "barred", SPAN("Your account in the directory is disabled or locked. Ask whoever looks after it."));
    } else if (outcome == SIGN_IN_NO_ROLE) {
        refuse(req, 403, "role", SPAN("The sign-in service knows you, but you have no role here. Ask an administrator."));
    } else if (a.factor) {
        second_step(req, &a);
    } else {
        session_start(req, a.id, &(struct factor_proof){.kind = FACTOR_NONE}, NULL);
    }
}

static void with_roles(struct api_request *req)
{
    const struct asked *w = req->work;
    sign_in_ask(req, &w->person, account_known);
}

/* Whose password it was. */
static void found(struct api_request *req, const struct directory_entry *entry)
{
    struct asked *w = req->work;
    const struct directory *d = w->directory;
    char id[DIRECTORY_ID_TEXT_MAX];
    size_t len = 0;
    if (!directory_id_text(d->id, entry->id, id, &len)) {
        log_error("login.directory", "directory=%.*s why=\"an entry has no id that can be read\" attribute=%.*s", SPAN_ARG(d->name), SPAN_ARG(d->id));
        show_directory(req, d, 503, SPAN("The sign-in service does not answer. Log in with a local account, or try again later."));
        return;
    }
    w->barred = directory_barred(entry, clock_now());
    w->person = (struct sign_in_person){.provider = d->name,
                                        .issuer = directory_issuer(&req->arena, d->name),
                                        .subject = arena_copy(&req->arena, span_make(id, len)),
                                        .name = arena_copy(&req->arena, entry->shown),
                                        .role = directory_role(d, entry),
                                        .barred = w->barred};
    request_with_roles(req, with_roles);
}

static void said(void *ctx, const struct directory_answer *f)
{
    struct api_request *req = ctx;
    CHECK_OBJ(req, REQUEST_MAGIC);
    const struct asked *w = req->work;
    if (f->said == DIRECTORY_DOWN) {
        throttle_void(req->api->throttle, w->name, req->address);
        refuse(req, 503, "down", SPAN("The sign-in service does not answer. Log in with a local account, or try again later."));
    } else if (f->said == DIRECTORY_WRONG) {
        throttle_failed(req->api->throttle, w->name, req->address, clock_now());
        refuse(req, 401, "password", SPAN("Name or password is not right."));
    } else {
        throttle_passed(req->api->throttle, w->name, req->address);
        found(req, &f->entry);
    }
}

/* What a directory could know somebody by. */
static bool name_fits(struct span name)
{
    bool fits = name.len > 0 && name.len <= DIRECTORY_NAME_MAX && utf8_valid(name);
    for (size_t i = 0; fits && i < name.len; i++) {
        fits = (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f;
    }
    return fits;
}

/* Under what tries are counted: directories do not tell large letters from small ones. */
static struct span slowed(struct api_request *req, const struct directory *d, struct span name)
{
    struct span some = span_sub(name, 0, DIRECTORY_NAME_MAX);
    char *folded = arena_bytes(&req->arena, utf8_fold_room(some.len));
    size_t n = utf8_fold(some, folded);
    return span_of(arena_printf(&req->arena, "directory %.*s %.*s", SPAN_ARG(d->name), (int)n, folded));
}

/* True: answered. */
static bool must_wait(struct api_request *req, const struct asked *w)
{
    int64_t wait_s = throttle_try(req->api->throttle, w->name, req->address, clock_now());
    if (wait_s > 0) {
        show_directory(req, w->directory, 429,
                       span_of(arena_printf(&req->arena, "Too many tries. Wait %" PRId64 " seconds, then try again.", wait_s)));
        respond_header(req, "Retry-After", arena_printf(&req->arena, "%" PRId64, wait_s));
    }
    return wait_s > 0;
}

void directory_post(struct api_request *req)
{
    const struct api_config *config = &req->api->config;
    const struct directory *d = wanted(req);
    struct span name = span_trim(request_field(req, "name")), password = request_field(req, "password");
    if (d == NULL) {
        return;
    }
    if (!form_fits(req)) {
        show_directory(req, d, 403, SPAN("This form was too old. Please log in again."));
        return;
    }
    struct asked *w = arena_calloc(&req->arena, 1, sizeof *w);
    struct directory *copy = arena_alloc(&req->arena, sizeof *copy); /* a new config may come meanwhile */
    *copy = *d;
    directory_copy(&req->arena, copy);
    w->directory = d = copy;
    w->name = slowed(req, d, name);
    req->work = w;
    if (must_wait(req, w)) {
        return;
    }
    const struct directory_ask q = {.errand = DIRECTORY_LOG_IN, .directory = d->name, .who = name, .password = password};
    /* an empty password never leaves: a directory would take it for a visit of nobody, and call that a success */
    if (!name_fits(name) || password.len == 0 || password.len > DIRECTORY_PASSWORD_MAX) {
        said(req, &(struct directory_answer){.said = DIRECTORY_WRONG});
    } else if (config->directory == NULL || !config->directory(config->arg, &q, said, req)) {
        said(req, &(struct directory_answer){.said = DIRECTORY_DOWN});
    }
}
