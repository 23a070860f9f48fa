/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /directory-syncs: who of a directory's accounts is gone or disabled there is disabled here, and his record says so (staff_persons.h), as a list
 * of leavers would do it (records/staff_imports.h), so that it can be taken back as one. Only accounts that the directory knows by id are asked for. An answer that
 * is not whole changes nothing, and one that makes leavers of too many asks whether that is meant. Runs in the desk.
 */
#include "api/providers.h"
#include "api/staff_persons.h"
#include "base/id.h"
#include "base/log.h"

struct known {
    struct span id, name, role, organisation, subject;
    bool there;
    struct span why; /* he leaves; empty = he stays */
};

/* On its way, in the arena. */
struct syncing {
    struct staff_work work;
    const struct directory *directory; /* as it was when it began */
    struct known *accounts;
    uint32_t count, asked; /* asked: of how many the directory was asked */
    uint32_t from;         /* first one of the question under way */
    uint32_t *leavers;     /* places in accounts; STAFF_CHANGES_MAX are done at once */
    uint32_t nleavers;
    char id[ID_TEXT_LEN + 1];
};

static bool wants(const struct api_request *req, const char *what)
{
    return span_eq(request_query(req, what), SPAN("true"));
}

static void report(struct api_request *req, bool done)
{
    const struct syncing *s = req->work;
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "import");
    json_text_or_null(&j, done ? span_of(s->id) : SPAN(""));
    json_key(&j, "accounts");
    json_u64(&j, s->count);
    json_key(&j, "leaves");
    json_u64(&j, s->nleavers);
    json_key(&j, "plausible");
    json_bool(&j, directory_leavers_plausible(s->nleavers, s->count));
    json_key(&j, "changes");
    json_array(&j);
    for (uint32_t i = 0; i < s->nleavers; i++) {
        const struct known *a = &s->accounts[s->leavers[i]];
        json_object(&j);
        json_member_text(&j, "what", SPAN("leaves"));
        json_member_text(&j, "id", a->id);
        json_member_text(&j, "name", a->name);
        json_member_text(&j, "organisation", a->organisation);
        json_member_text(&j, "was", a->role);
        json_member_text(&j, "why", a->why);
        json_end(&j);
    }
    json_end(&j);
    staff_persons_json(&j, s->work.persons);
    json_end(&j);
    respond_json(req, 200, &b);
}

static void applied(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    const struct syncing *s = req->work;
    if (rc == ERR_DENIED) {
        respond_error(req, 409, "last_administrator", arena_cstr(&req->arena, text), NULL);
        return;
    }
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    for (uint32_t i = 0; i < s->nleavers; i++) {
        struct span id = cursor_str(data);
        if (!data->failed) {
            request_signed_out(req, id, SPAN(""));
        }
    }
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    report(req, true);
}

static void apply(struct api_request *req)
{
    struct syncing *s = req->work;
    struct buf q;
    id_new(clock_now(), s->id);
    const struct staff_import i = {.id = span_of(s->id), .organisation = req->user.organisation, .who = req->user.name, .at = clock_now(),
                                   .why = span_of(arena_printf(&req->arena, "directory %.*s", SPAN_ARG(s->directory->name))), .undone = TIME_NONE};
    buf_init(&q, STAFF_ASK_MAX_BYTES);
    ask_begin(&q, ASK_STAFF_APPLY);
    staff_import_encode(&q, &i);
    buf_u32(&q, s->nleavers);
    for (uint32_t k = 0; k < s->nleavers; k++) {
        const struct known *a = &s->accounts[s->leavers[k]];
        staff_change_encode(&q, &(struct staff_change){.kind = STAFF_LEAVES, .id = a->id, .name = a->name, .organisation = a->organisation, .was = a->role, .why = a->why});
    }
    staff_persons_encode(&q, s->work.persons);
    request_ask(req, &q, applied);
    buf_free(&q);
}

/* ---- decided ---- */

static void decided(struct api_request *req)
{
    const struct syncing *s = req->work;
    bool apply_it = wants(req, "apply") && s->nleavers > 0;
    if (apply_it && !wants(req, "beyond") && !directory_leavers_plausible(s->nleavers, s->count)) {
        respond_error(req, 409, "too_many_leave",
                      "More than a fifth of the directory's accounts would leave at once: that looks like a directory that answers with less than it has. "
                      "Look at it, then say that it is meant.", NULL);
    } else if (apply_it) {
        apply(req);
    } else {
        report(req, false);
    }
}

static struct span why_of(struct api_request *req, const struct syncing *s)
{
    return span_of(arena_printf(&req->arena, "directory %.*s", SPAN_ARG(s->directory->name)));
}

/* Who leaves; then whose records say so. */
static void decide(struct api_request *req)
{
    struct syncing *s = req->work;
    s->leavers = arena_calloc(&req->arena, s->count, sizeof *s->leavers);
    for (uint32_t i = 0; i < s->count; i++) {
        struct known *a = &s->accounts[i];
        a->why = a->there ? a->why : SPAN("it is gone from the directory");
        if (a->why.len > 0 && !span_eq(a->id, req->user.id)) { /* nobody shuts himself out */
            s->leavers[s->nleavers++] = i;
        }
    }
    if (s->nleavers > STAFF_CHANGES_MAX) {
        respond_error(req, 409, "too_many", "More than 200 people would leave at once. Disable them with lists.", NULL);
        return;
    }
    s->work.persons = staff_persons_new(req, s->nleavers, why_of(req, s));
    for (uint32_t k = 0; k < s->nleavers; k++) {
        const struct known *a = &s->accounts[s->leavers[k]];
        const struct staff_subject one = {.account = a->id, .name = a->name, .organisation = a->organisation, .left = true, .has_account = true, .why = a->why};
        staff_persons_add(s->work.persons, &one, NULL, 0, STAFF_NO_CHANGE);
    }
    staff_persons_ask(req, decided);
}

/* ---- asked ---- */

static void ask_directory(struct api_request *req);

static void states_came(void *ctx, const struct directory_answer *f)
{
    struct api_request *req = ctx;
    CHECK_OBJ(req, REQUEST_MAGIC);
    struct syncing *s = req->work;
    char id[DIRECTORY_ID_TEXT_MAX];
    size_t len = 0;
    if (f->said != DIRECTORY_STATED) {
        respond_error(req, 503, "directory_down", "The directory does not answer, or not as a directory should. Nothing was changed; the log says why.", NULL);
        return;
    }
    const struct directory *d = s->directory;
    for (uint32_t i = 0; i < f->nstates; i++) {
        bool read = directory_id_text(d->id, f->states[i].id, id, &len);
        for (uint32_t k = s->from; read && k < s->asked; k++) {
            if (span_eq(s->accounts[k].subject, span_make(id, len))) {
                s->accounts[k].there = true;
                s->accounts[k].why = directory_barred(&f->states[i], clock_now());
            }
        }
    }
    ask_directory(req);
}

/* The next ids; with none left it is decided. An account whose id cannot be read is left as it is: it says nothing of its person. */
static void ask_directory(struct api_request *req)
{
    const struct api_config *config = &req->api->config;
    struct syncing *s = req->work;
    struct buf ids, who;
    uint32_t n = 0;
    buf_init(&ids, DIRECTORY_STATES_MAX * (DIRECTORY_ID_MAX + 4));
    buf_init(&who, DIRECTORY_STATES_MAX * (DIRECTORY_ID_MAX + 4) + 4);
    for (s->from = s->asked; s->asked < s->count && n < DIRECTORY_STATES_MAX; s->asked++) {
        char id[DIRECTORY_ID_MAX];
        size_t len = 0;
        if (directory_id_value(s->directory->id, s->accounts[s->asked].subject, id, &len)) {
            buf_str(&ids, span_make(id, len));
            n++;
        } else {
            s->accounts[s->asked].there = true;
        }
    }
    buf_u32(&who, n);
    buf_span(&who, buf_view(&ids));
    const struct directory_ask q = {.errand = DIRECTORY_STATES, .directory = s->directory->name, .who = buf_view(&who), .password = SPAN("")};
    if (n == 0) {
        decide(req);
    } else if (config->directory == NULL || !config->directory(config->arg, &q, states_came, req)) {
        states_came(req, &(struct directory_answer){.said = DIRECTORY_DOWN});
    }
    buf_free(&ids);
    buf_free(&who);
}

static void accounts_known(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct syncing *s = req->work;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    s->count = cursor_u32(data);
    s->count = s->count > SIGN_IN_ACCOUNTS_MAX ? 0 : s->count;
    s->accounts = arena_calloc(&req->arena, s->count, sizeof *s->accounts);
    for (uint32_t i = 0; i < s->count; i++) {
        struct known *a = &s->accounts[i];
        struct span *const texts[] = {&a->id, &a->name, &a->role, &a->organisation, &a->subject};
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            *texts[k] = arena_copy(&req->arena, cursor_str(data));
        }
    }
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    ask_directory(req);
}

static void sync_ready(struct api_request *req)
{
    struct syncing *s = arena_calloc(&req->arena, 1, sizeof *s);
    const struct directory *d = directory_find(providers_config(req->api->providers), request_field(req, "directory"));
    struct buf q;
    if (d == NULL) {
        respond_error(req, 404, "not_found", "sereno.yml names no such directory.", "directory");
        return;
    }
    struct directory *copy = arena_alloc(&req->arena, sizeof *copy); /* a new config may come meanwhile */
    *copy = *d;
    directory_copy(&req->arena, copy);
    s->directory = copy;
    req->work = s;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_WAY_ACCOUNTS);
    buf_str(&q, req->user.organisation);
    buf_str(&q, directory_issuer(&req->arena, copy->name));
    request_ask(req, &q, accounts_known);
    buf_free(&q);
}

void directory_sync(struct api_request *req)
{
    staff_persons_ready(req, sync_ready);
}
