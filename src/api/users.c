/* SPDX-License-Identifier: EUPL-1.2 */
/* People: accounts and the roles that there are. Runs in the desk. */
#include "api/api_priv.h"
#include "api/passwords.h"
#include "base/id.h"
#include "base/num.h"
#include "base/utf8.h"
#include "desk/identity/password.h"
#include "records/people.h"

enum { USER_WHY_MAX = 1000 /* bytes */ };

/* ---- a new person ---- */

/* A path and not an address: a node behind a proxy does not know its own. */
static void link_json(struct json_writer *j, struct api_request *req)
{
    const char *secret = req->work;
    json_key(j, "link");
    json_text(j, span_of(arena_printf(&req->arena, "/welcome?token=%s", secret)));
    json_key(j, "expires");
    json_time(j, clock_now() + SIGN_IN_LINK_VALID_S * TIME_SECOND);
}

static void created(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct span id = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    struct json_writer j;
    struct buf b;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, id);
    if (req->work != NULL) {
        link_json(&j, req);
    }
    json_end(&j);
    respond_json(req, 201, &b);
}

/* Not named: an administrator, as before there were others. */
static struct span role_wanted(const struct api_request *req)
{
    struct span role = request_field(req, "role");
    return role.len > 0 ? role : SPAN("administrator");
}

/* Not named: the whole of what the asker has. */
static struct span organisation_wanted(const struct api_request *req)
{
    struct span organisation = request_field(req, "organisation");
    return organisation.len > 0 ? organisation : req->user.organisation;
}

/* A new link's secret, in req->work; its hash goes to the keeper. */
static void put_link_hash(struct api_request *req, struct buf *q)
{
    unsigned char hash_bytes[SECRET_HASH_BYTES];
    char *secret = arena_bytes(&req->arena, SECRET_TEXT_LEN + 1);
    secret_new(secret);
    secret_hash(span_of(secret), hash_bytes);
    buf_str(q, span_make((const char *)hash_bytes, sizeof hash_bytes));
    req->work = secret;
}

/* string empty: with a link. */
static void ask_create(struct api_request *req, struct span string)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_CREATE);
    buf_str(&q, span_trim(request_field(req, "name")));
    buf_str(&q, role_wanted(req));
    buf_str(&q, organisation_wanted(req));
    buf_str(&q, string);
    if (string.len == 0) {
        put_link_hash(req, &q);
    } else {
        buf_str(&q, SPAN(""));
    }
    buf_str(&q, req->user.name);
    request_ask(req, &q, created);
    buf_free(&q);
}

static void hashed(struct api_request *req, bool fits, struct span string)
{
    CHECK(fits);
    ask_create(req, string);
}

/* What is wrong with the fields that are no password; answers itself. */
static bool fields_fit(struct api_request *req)
{
    struct span organisation = organisation_wanted(req);
    bool his = span_eq(req->user.organisation, SPAN("*")) || span_eq(organisation, req->user.organisation);
    if (!account_name_valid(span_trim(request_field(req, "name")))) {
        respond_error(req, 400, "bad_body", "A name has 1 to 64 bytes and no control characters.", "name");
    } else if (people_roles_find(req->api->roles, role_wanted(req)) == NULL) {
        respond_error(req, 400, "bad_body", "There is no such role.", "role");
    } else if (!his || !account_name_valid(organisation)) {
        respond_error(req, 400, "bad_body", "There is no such organisation here.", "organisation");
    } else {
        return true;
    }
    return false;
}

/* An empty one is a bad password, not a wish for a link. */
static bool names_password(const struct api_request *req)
{
    for (size_t i = 0; i < req->fields.count; i++) {
        if (span_eq(req->fields.pair[i].name, SPAN("password"))) {
            return true;
        }
    }
    return false;
}

void user_create(struct api_request *req)
{
    struct err e = {0};
    struct span password = request_field(req, "password");
    if (!fields_fit(req)) {
        return;
    }
    if (!names_password(req)) {
        ask_create(req, SPAN(""));
        return;
    }
    if (password_acceptable(password, span_trim(request_field(req, "name")), &e) < 0) {
        respond_error(req, 400, "bad_password", e.text, "password");
        return;
    }
    password_work(req, &(struct password_task){.fresh = password}, hashed);
}

/* ---- who there is ---- */

static void person_json(struct json_writer *j, const struct person *p)
{
    json_object(j);
    json_key(j, "id");
    json_text(j, p->id);
    json_key(j, "name");
    json_text(j, p->name);
    json_key(j, "role");
    json_text(j, p->role);
    json_key(j, "organisation");
    json_text(j, p->organisation);
    json_key(j, "person");
    json_text(j, p->record);
    json_key(j, "created");
    json_time(j, p->created);
    json_key(j, "disabled");
    json_time(j, p->disabled);
    json_key(j, "last_seen");
    json_time(j, p->last_seen);
    json_key(j, "link_expires");
    json_time(j, p->link);
    json_key(j, "password");
    json_bool(j, p->password);
    json_key(j, "second_factor");
    json_bool(j, p->factor);
    json_end(j);
}

static void people_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    struct person p = {0};
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    bool more = cursor_u8(data) != 0;
    uint32_t n = cursor_u32(data);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        person_decode(data, &p);
        person_json(&j, &p);
    }
    json_end(&j);
    json_key(&j, "next");
    json_text_or_null(&j, more ? p.id : SPAN(""));
    json_end(&j);
    respond_whole(req, cursor_done(data), &b);
}

static void person_answered(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    struct person p = {0};
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    (void)cursor_u8(data);
    if (cursor_u32(data) == 0) {
        respond_failure(req, ERR_NOT_FOUND, SPAN(""));
        return;
    }
    person_decode(data, &p);
    if (!cursor_done(data)) {
        respond_failure(req, ERR_INVALID, SPAN("broken answer"));
        return;
    }
    request_json(req, &b, &j);
    person_json(&j, &p);
    respond_json(req, 200, &b);
}

static void ask_people(struct api_request *req, struct span words, struct span after, struct span only, uint32_t limit, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PEOPLE);
    buf_str(&q, req->user.organisation);
    buf_str(&q, words);
    buf_str(&q, after);
    buf_str(&q, only);
    buf_u32(&q, limit);
    request_ask(req, &q, then);
    buf_free(&q);
}

void user_get(struct api_request *req)
{
    ask_people(req, SPAN(""), SPAN(""), req->param[0], 1, person_answered);
}

void show_people(struct api_request *req)
{
    struct span words = span_trim(request_query(req, "q"));
    struct span after = request_query(req, "cursor");
    if (words.len > PEOPLE_WORDS_MAX || !utf8_valid(words) || (after.len > 0 && !id_valid(after))) {
        respond_error(req, 400, "bad_query", "At most 64 bytes of a name, and the cursor of the page before.", "q");
        return;
    }
    ask_people(req, words, after, SPAN(""), (uint32_t)request_number(req, "limit", 50), people_answered);
}

/* ---- changes ---- */

static void person_changed(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == 0) { /* an open stream goes by the role that it began with */
        request_signed_out(req, req->param[0], SPAN(""));
    }
    if (rc == ERR_DENIED) {
        respond_error(req, 409, "last_administrator", arena_cstr(&req->arena, text), NULL);
        return;
    }
    respond_done(req, rc, text, data);
}

static void change(struct api_request *req, enum person_change_kind kind, struct span role)
{
    struct buf q;
    struct span why = request_field(req, "why");
    if (why.len > USER_WHY_MAX || !utf8_valid(why)) {
        respond_error(req, 400, "bad_body", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_PERSON_CHANGE);
    buf_u8(&q, (uint8_t)kind);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, role);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, person_changed);
    buf_free(&q);
}

void user_person(struct api_request *req)
{
    struct buf q;
    struct span person = request_field(req, "person");
    struct span why = request_field(req, "why");
    if (why.len > USER_WHY_MAX || !utf8_valid(why)) {
        respond_error(req, 400, "bad_body", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    if (person.len > 0 && !id_valid(person)) {
        respond_error(req, 400, "bad_body", "person is the id of a record of the register of people, or nothing.", "person");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_ACCOUNT_PERSON);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, person);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, person_changed);
    buf_free(&q);
}

void user_role(struct api_request *req)
{
    struct span role = request_field(req, "role");
    if (people_roles_find(req->api->roles, role) == NULL) {
        respond_error(req, 400, "bad_body", "There is no such role.", "role");
        return;
    }
    change(req, PERSON_ROLE, role);
}

void user_disable(struct api_request *req)
{
    change(req, PERSON_DISABLE, SPAN(""));
}

void user_enable(struct api_request *req)
{
    change(req, PERSON_ENABLE, SPAN(""));
}

static void factor_reset(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    if (rc == 0) { /* his sessions have ended */
        request_signed_out(req, req->param[0], SPAN(""));
    }
    respond_done(req, rc, text, data);
}

void user_factor_reset(struct api_request *req)
{
    struct buf q;
    struct span why = request_field(req, "why");
    if (why.len > USER_WHY_MAX || !utf8_valid(why)) {
        respond_error(req, 400, "bad_body", "A reason has at most 1,000 bytes.", "why");
        return;
    }
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_FACTOR_RESET);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    buf_str(&q, req->user.name);
    buf_str(&q, why);
    request_ask(req, &q, factor_reset);
    buf_free(&q);
}

static void link_made(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct json_writer j;
    struct buf b;
    (void)data;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    request_json(req, &b, &j);
    json_object(&j);
    link_json(&j, req);
    json_end(&j);
    respond_json(req, 201, &b);
}

void user_link(struct api_request *req)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_SIGN_IN_LINK);
    buf_str(&q, req->user.organisation);
    buf_str(&q, req->param[0]);
    put_link_hash(req, &q);
    buf_str(&q, req->user.name);
    request_ask(req, &q, link_made);
    buf_free(&q);
}

/* ---- roles ---- */

/* rights: bits by enum right. */
static void rights_json(struct json_writer *j, uint64_t rights)
{
    json_array(j);
    for (enum right r = RIGHT_KNOWN + 1; r < RIGHT_COUNT; r++) {
        if ((rights >> r & 1) != 0) {
            json_text(j, span_of(right_name(r)));
        }
    }
    json_end(j);
}

/* Appointments that hold now, each with the role that it gives where it is for. */
static void appointments_json(struct json_writer *j, const struct api_request *req)
{
    json_key(j, "appointments");
    json_array(j);
    for (uint32_t i = 0; i < req->nseats; i++) {
        const struct appointment_seat *s = &req->seats[i];
        const struct people_role *role = people_roles_of_function(req->api->roles, s->function);
        if (s->below) {
            continue;
        }
        const struct {
            const char *key;
            struct span value;
        } texts[] = {{"id", s->record}, {"function", s->function}, {"organisation", s->organisation}, {"role_title", role == NULL ? SPAN("") : role->title}};
        json_object(j);
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            json_key(j, texts[t].key);
            json_text(j, texts[t].value);
        }
        json_key(j, "begins");
        json_time(j, s->begins);
        json_key(j, "ends");
        json_time(j, s->ends == INT64_MAX ? TIME_NONE : s->ends);
        json_end(j);
    }
    json_end(j);
}

void session_role_json(struct json_writer *j, const struct api_request *req)
{
    json_key(j, "role_title");
    json_text(j, req->role == NULL ? SPAN("") : req->role->title);
    json_key(j, "rights");
    rights_json(j, ((req->role == NULL ? 0 : req->role->rights) | req->seat_rights) & req->scopes);
    appointments_json(j, req);
}

static void role_json(struct json_writer *j, const struct people_role *role)
{
    const struct {
        const char *key;
        struct span value;
    } texts[] = {{"name", role->name}, {"title", role->title}, {"help", role->help}, {"file", role->file}};
    json_object(j);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(j, texts[i].key);
        json_text(j, texts[i].value);
    }
    json_key(j, "second_factor");
    json_bool(j, role->second_factor);
    json_key(j, "rights");
    rights_json(j, role->rights);
    json_key(j, "functions");
    json_array(j);
    for (uint32_t i = 0; i < role->nfunctions; i++) {
        json_text(j, role->functions[i]);
    }
    json_end(j);
    json_key(j, "appointment_gives");
    rights_json(j, role->nfunctions == 0 ? 0 : role->by_appointment);
    json_end(j);
}

void show_roles(struct api_request *req)
{
    struct json_writer j;
    struct buf b;
    size_t n = 0;
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "items");
    json_array(&j);
    const struct people_role *roles = people_roles_all(req->api->roles, &n);
    for (size_t i = 0; i < n; i++) {
        role_json(&j, &roles[i]);
    }
    json_end(&j);
    json_key(&j, "refused");
    json_array(&j);
    const struct people_role_refusal *refused = people_roles_refusals(req->api->roles, &n);
    for (size_t i = 0; i < n; i++) {
        json_object(&j);
        json_key(&j, "file");
        json_text(&j, refused[i].file);
        json_key(&j, "line");
        json_u64(&j, refused[i].line);
        json_key(&j, "why");
        json_text(&j, refused[i].why);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    respond_json(req, 200, &b);
}
