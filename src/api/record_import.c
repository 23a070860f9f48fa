/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * /registers/{kind}/import: a table of records comes in. Batch by batch the keeper is asked which records the rows are
 * about, desk/govern/import.h decides what each makes of its record, and the keeper looks whether what it names is there. With
 * apply=true what is to be stored waits at the keeper, hidden, and is stored in one transaction when all rows were looked at; one
 * faulty row stops that, unless skip=true leaves such rows out. What waits of an import that was not stored, or was taken back, is
 * forgotten slice by slice, so that others are answered in between. Imports that were: record_undo.c. Runs in the desk.
 */
#include "api/registers.h"
#include "base/id.h"
#include "base/map.h"
#include "desk/govern/import.h"
#include "desk/govern/mapping.h"
#include "records/registers/record_import.h"

enum {
    IMPORT_FAULTS_MAX = 200,       /* told of one file, field by field; the rest are counted */
    IMPORT_CHANGES_MAX = 200,      /* records whose changes are told */
    IMPORT_CHANGES_BYTES = 1 << 20, /* and bytes of them */
    IMPORT_ASK_BYTES = 4 << 20,    /* one question: a batch of records of the largest size */
};

struct importing {
    struct record_work *w;
    struct sheet sheet;
    struct arena batch;
    struct arena *whole; /* of the request */
    struct import_row *rows; /* RECORD_IMPORT_BATCH */
    uint32_t n, sent;
    uint64_t place; /* of the next one that waits */
    bool apply, skip;
    char id[ID_TEXT_LEN + 1];
    int failed; /* why it could not be stored, while what waited goes */
    struct span why_failed;
    struct span why, home;
    struct map seen; /* subject: line */
    uint64_t total[IMPORT_OUTCOMES], nfaults;
    struct buf faults, changes;
    struct json_writer jf, jc;
    uint32_t told;
    const struct profile *profile; /* NULL: the columns are ours */
    struct mapping_told read;
};

static void forget(struct api_request *req)
{
    struct importing *m = req->work;
    arena_fini(&m->batch);
    map_free(&m->seen);
    buf_free(&m->faults);
    buf_free(&m->changes);
}

static void next_batch(struct api_request *req);

/* ---- what is told ---- */

static void tell_faults(struct api_request *req, struct importing *m, const struct import_row *r)
{
    for (uint32_t i = 0; i < r->faults.count; i++) {
        if (m->nfaults++ >= IMPORT_FAULTS_MAX || i >= SCHEMA_FAULTS_MAX) {
            continue;
        }
        json_object(&m->jf);
        json_key(&m->jf, "row");
        json_u64(&m->jf, r->row.line);
        json_member_text(&m->jf, "column", record_import_column(&r->faults.list[i]));
        record_fault_json(&m->jf, req, &r->faults.list[i]);
        json_end(&m->jf);
    }
}

static void value_member(struct json_writer *j, const char *key, const struct jcs *v, struct arena *a)
{
    json_key(j, key);
    if (v == NULL) {
        json_null(j);
    } else {
        json_raw(j, jcs_text(a, v));
    }
}

static void change_json(struct json_writer *j, struct span name, const struct jcs *before, const struct jcs *after, struct arena *a)
{
    if (before != NULL && after != NULL && span_eq(jcs_text(a, before), jcs_text(a, after))) {
        return;
    }
    json_object(j);
    json_member_text(j, "field", name);
    value_member(j, "before", before, a);
    value_member(j, "after", after, a);
    json_end(j);
}

/* A new record by its title, a changed one with each field before and after. */
static void tell_change(struct importing *m, const struct import_row *r)
{
    struct json_writer *j = &m->jc;
    if (m->told >= IMPORT_CHANGES_MAX || m->changes.len > IMPORT_CHANGES_BYTES) {
        return;
    }
    m->told++;
    json_object(j);
    json_key(j, "row");
    json_u64(j, r->row.line);
    json_member_text(j, "what", r->outcome == IMPORT_NEW ? SPAN("new") : SPAN("changed"));
    json_member_text(j, "title", r->put.row.title);
    json_key(j, "fields");
    json_array(j);
    for (const struct jcs *v = r->was == NULL ? NULL : r->becomes->first; v != NULL; v = v->next) {
        change_json(j, v->key, jcs_get(r->was, arena_cstr(&m->batch, v->key)), v, &m->batch);
    }
    for (const struct jcs *v = r->was == NULL ? NULL : r->was->first; v != NULL; v = v->next) {
        if (jcs_get(r->becomes, arena_cstr(&m->batch, v->key)) == NULL) {
            change_json(j, v->key, v, NULL, &m->batch);
        }
    }
    json_end(j);
    json_end(j);
}

/* How the file was read: whoever looks at it sees what was guessed. */
static void put_reading(struct json_writer *j, const struct importing *m)
{
    static const char *const orders[] = {[DATES_YMD] = "y-m-d", [DATES_DMY] = "d.m.y", [DATES_MDY] = "m/d/y"};
    const struct profile *p = m->profile;
    if (m->sheet.format != SHEET_CSV) {
        return;
    }
    json_key(j, "reading");
    json_object(j);
    json_member_text(j, "encoding", span_of(m->read.encoding));
    json_member_text(j, "separator", m->read.separator == ';' ? SPAN("semicolon") : m->read.separator == '\t' ? SPAN("tab") : SPAN("comma"));
    json_key(j, "profile");
    if (p == NULL) {
        json_null(j);
    } else {
        json_text(j, p->name);
        json_member_text(j, "title", p->title);
        json_member_text(j, "dates", span_of(orders[p->dates]));
        json_member_text(j, "decimal", p->decimal_comma ? SPAN("comma") : SPAN("point"));
        json_key(j, "passed_over");
        json_u64(j, m->read.passed_over);
    }
    json_end(j);
}

static void respond_report(struct api_request *req, unsigned status, bool stored)
{
    static const char *const names[] = {[IMPORT_NEW] = "new", [IMPORT_CHANGED] = "changed", [IMPORT_SAME] = "same", [IMPORT_FAULTY] = "faulty"};
    struct importing *m = req->work;
    struct json_writer j;
    struct buf b;
    json_end(&m->jf);
    json_end(&m->jc);
    request_json(req, &b, &j);
    json_object(&j);
    json_key(&j, "import");
    if (stored) {
        json_text(&j, span_of(m->id));
    } else {
        json_null(&j);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_key(&j, names[i]);
        json_u64(&j, m->total[i]);
    }
    put_reading(&j, m);
    json_key(&j, "faults");
    json_raw(&j, buf_view(&m->faults));
    json_key(&j, "count");
    json_u64(&j, m->nfaults);
    json_key(&j, "changes");
    json_raw(&j, buf_view(&m->changes));
    json_end(&j);
    CHECK(!m->faults.failed && !m->changes.failed); /* bounded by their numbers */
    respond_json(req, status, &b);
}

/* ---- the end ---- */

void record_import_drop(struct api_request *req, struct span import, api_then *then)
{
    struct buf q;
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_IMPORT_DROP);
    buf_str(&q, import);
    request_ask(req, &q, then);
    buf_free(&q);
}

bool record_import_drops_more(int rc, struct cursor *data)
{
    return rc == 0 && cursor_u8(data) != 0 && cursor_done(data);
}

static void dropped(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    (void)text;
    if (record_import_drops_more(rc, data)) {
        record_import_drop(req, span_of(m->id), dropped);
        return;
    }
    respond_report(req, 422, false);
}

static void apply_failed(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    (void)text;
    if (record_import_drops_more(rc, data)) {
        record_import_drop(req, span_of(m->id), apply_failed);
        return;
    }
    respond_failure(req, m->failed, m->why_failed);
}

/* What waited is of no use to anybody. */
static void give_up(struct api_request *req, int rc, struct span text)
{
    struct importing *m = req->work;
    m->failed = rc;
    m->why_failed = arena_copy(&req->arena, text);
    record_import_drop(req, span_of(m->id), apply_failed);
}

static void applied(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    (void)data;
    if (rc < 0) {
        give_up(req, rc, text);
        return;
    }
    respond_report(req, 200, true);
}

static void finish(struct api_request *req)
{
    struct importing *m = req->work;
    bool refused = m->apply && m->total[IMPORT_FAULTY] > 0 && !m->skip;
    bool nothing = m->place == 0;
    struct record_scope scope;
    struct buf q;
    if (!m->apply || nothing) {
        respond_report(req, refused ? 422 : 200, false);
        return;
    }
    if (refused) {
        record_import_drop(req, span_of(m->id), dropped);
        return;
    }
    const struct record_import_row import = {.id = span_of(m->id), .kind = m->w->who.kind->name, .who = m->w->who.name, .who_id = req->user.id,
                                             .why = m->why, .at = m->w->who.now, .made = (int64_t)m->total[IMPORT_NEW],
                                             .changed = (int64_t)m->total[IMPORT_CHANGED]};
    policy_record_scope(m->w->who.reader, &m->w->who.kind->rights, m->w->who.now, &scope);
    buf_init(&q, ASK_MAX_BYTES);
    ask_begin(&q, ASK_IMPORT_APPLY);
    record_scope_encode(&q, &scope);
    record_sight_encode(&q, &m->w->sight);
    record_import_row_encode(&q, &import);
    buf_str(&q, m->w->who.kind->fields[m->w->who.kind->key].name);
    request_ask(req, &q, applied);
    buf_free(&q);
}

/* ---- a batch ---- */

static void tally(struct api_request *req, struct importing *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        struct import_row *r = &m->rows[i];
        r->outcome = r->faults.count > 0 ? IMPORT_FAULTY : r->outcome;
        m->total[r->outcome]++;
        tell_faults(req, m, r);
        if (r->outcome == IMPORT_NEW || r->outcome == IMPORT_CHANGED) {
            tell_change(m, r);
        }
    }
}

static bool is_stored(const struct import_row *r)
{
    return r->outcome == IMPORT_NEW || r->outcome == IMPORT_CHANGED;
}

/* What the keeper said of links that lead nowhere. */
static void added(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    for (uint32_t i = 0; i < m->n && rc == 0; i++) {
        struct import_row *r = &m->rows[i];
        struct record_astray astray = {0};
        if (!is_stored(r)) {
            continue;
        }
        astray.count = cursor_u32(data);
        rc = astray.count > r->put.nlinks ? ERR_INVALID : 0;
        for (uint32_t l = 0; l < astray.count && rc == 0; l++) {
            astray.place[l] = cursor_u32(data);
            rc = astray.place[l] < r->put.nlinks ? 0 : ERR_INVALID;
        }
        record_breach_decode(data, &astray.breach);
        if (rc == 0) {
            record_astray_faults(&m->w->who, &r->put, &astray, &m->batch, &r->faults);
        }
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        give_up(req, rc, text);
        return;
    }
    m->place += m->sent;
    tally(req, m);
    next_batch(req);
}

static void add_batch(struct api_request *req, struct importing *m)
{
    struct record_scope scope;
    struct buf q;
    m->sent = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        m->sent += is_stored(&m->rows[i]);
    }
    if (m->sent == 0) {
        tally(req, m);
        next_batch(req);
        return;
    }
    buf_init(&q, IMPORT_ASK_BYTES);
    ask_begin(&q, ASK_IMPORT_ADD);
    buf_str(&q, span_of(m->id));
    buf_u8(&q, m->apply && (m->skip || m->total[IMPORT_FAULTY] == 0)); /* nothing waits any more where one fault stops all */
    buf_u64(&q, m->place);
    policy_record_scope(m->w->who.reader, &m->w->who.kind->rights, m->w->who.now, &scope);
    record_scope_encode(&q, &scope);
    record_sight_encode(&q, &m->w->sight);
    buf_u32(&q, m->sent);
    for (uint32_t i = 0; i < m->n; i++) {
        if (is_stored(&m->rows[i])) {
            record_part_encode(&q, &m->rows[i].put);
            buf_u8(&q, m->rows[i].outcome == IMPORT_CHANGED);
            if (m->rows[i].outcome == IMPORT_CHANGED) {
                record_part_encode(&q, &m->rows[i].back);
            }
        }
    }
    CHECK(!q.failed); /* RECORD_IMPORT_BATCH of the largest fit */
    request_ask(req, &q, added);
    buf_free(&q);
}

/* Two rows about one record would be decided by their order. */
static void look_for_same(struct importing *m, struct import_row *r, struct span subject)
{
    bool is_new = false;
    uint64_t *line = map_at(&m->seen, arena_copy(m->whole, subject), &is_new); /* its keys outlive the batch */
    if (is_new) {
        *line = r->row.line;
    } else {
        record_fault(&r->faults, SPAN(""), SCHEMA_AGAIN, span_of(arena_printf(&m->batch, "%llu", (unsigned long long)*line)));
    }
}

static int take_found(struct importing *m, struct import_row *r, struct cursor *data)
{
    struct record_row row = {0};
    char *id = arena_alloc(&m->batch, ID_TEXT_LEN + 1);
    uint32_t found = cursor_u32(data);
    if (found == 1) {
        record_row_decode(data, &row);
        struct span *parts[] = {&row.id, &row.kind, &row.organisation, &row.author, &row.author_name, &row.state, &row.title, &row.fields, &row.links};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            *parts[i] = arena_copy(&m->batch, *parts[i]); /* the answer goes away before the next one comes */
        }
    }
    if (data->failed || found >= IMPORT_FOUND_KINDS) {
        return ERR_INVALID;
    }
    if (r->faults.count == 0 && found < 2) {
        look_for_same(m, r, found == 1 ? row.id : span_of(arena_printf(&m->batch, "%.*s\n%.*s", SPAN_ARG(r->organisation), SPAN_ARG(r->key))));
    }
    id_new(clock_now(), id); /* of now, not of the request: each batch stands behind the one before in all indices, and few pages are written */
    record_import(&m->w->who, (enum import_found)found, &row, span_of(id), m->why, &m->batch, r);
    return 0;
}

static void found_came(struct api_request *req, int rc, struct span text, struct cursor *data)
{
    struct importing *m = req->work;
    for (uint32_t i = 0; i < m->n && rc == 0; i++) {
        rc = take_found(m, &m->rows[i], data);
    }
    rc = rc == 0 && !cursor_done(data) ? ERR_INVALID : rc;
    if (rc < 0) {
        respond_failure(req, rc, text);
        return;
    }
    add_batch(req, m);
}

static void next_batch(struct api_request *req)
{
    struct importing *m = req->work;
    const struct register_kind *k = m->w->who.kind;
    struct record_scope scope;
    struct buf q;
    arena_reset(&m->batch);
    m->n = 0;
    while (m->n < RECORD_IMPORT_BATCH) {
        struct import_row *r = &m->rows[m->n];
        r->was = NULL;
        r->becomes = NULL;
        if (!sheet_next(&m->sheet, &m->batch, &r->row, &r->faults)) {
            break;
        }
        record_import_key(&m->w->who, m->home, &m->batch, r);
        m->n++;
    }
    if (m->n == 0) {
        finish(req);
        return;
    }
    buf_init(&q, IMPORT_ASK_BYTES);
    ask_begin(&q, ASK_IMPORT_FIND);
    policy_record_scope(m->w->who.reader, &k->rights, m->w->who.now, &scope);
    record_scope_encode(&q, &scope);
    record_sight_encode(&q, &m->w->sight);
    buf_str(&q, k->name);
    buf_str(&q, k->fields[k->key].name);
    buf_u32(&q, m->n);
    for (uint32_t i = 0; i < m->n; i++) {
        bool asked = m->rows[i].faults.count == 0;
        buf_str(&q, asked ? m->rows[i].row.id : SPAN(""));
        buf_str(&q, asked ? m->rows[i].organisation : SPAN(""));
        buf_str(&q, asked ? m->rows[i].key : SPAN(""));
    }
    request_ask(req, &q, found_came);
    buf_free(&q);
}

/* ---- the request ---- */

/* A table of others becomes one of ours: by the profile that is named, or the one that knows its columns. */
static int map_table(struct api_request *req, struct importing *m, struct span *text, struct err *e)
{
    const struct register_kind *k = m->w->who.kind;
    struct span named = request_query(req, "profile");
    size_t n = 0;
    const struct profile *list = registers_profiles(m->w->who.kinds, &n);
    bool old = span_eq(request_query(req, "encoding"), SPAN("windows-1252"));
    m->profile = named.len == 0 ? NULL : registers_profile(m->w->who.kinds, k, named);
    if (named.len > 0 && m->profile == NULL && !span_eq(named, SPAN("none"))) {
        return err_set(e, ERR_INVALID, "There is no profile of that name for this register.");
    }
    int rc = mapping_decode(*text, old || (m->profile != NULL && m->profile->windows_1252), &req->arena, text, &m->read.encoding, e);
    if (rc == 0 && named.len == 0) {
        m->profile = mapping_guess(list, n, k, *text, &req->arena);
    }
    return rc == 0 && m->profile != NULL ? mapping_in(m->profile, k, *text, &req->arena, text, &m->read, e) : rc;
}

static bool read_file(struct api_request *req, struct importing *m)
{
    struct span type = head_get(&req->head, "content-type");
    bool csv = type.len >= 8 && span_eq_nocase(span_sub(type, 0, 8), SPAN("text/csv"));
    struct err e = {0};
    uint32_t rows = 0;
    uint64_t hidden = policy_record_hidden(m->w->who.reader, &m->w->who.kind->rights, m->w->who.now);
    struct span text = buf_view(&req->body);
    int rc = csv ? map_table(req, m, &text, &e) : 0;
    if (rc != 0 || sheet_open(&m->sheet, m->w->who.kind, hidden, csv ? SHEET_CSV : SHEET_JSON, text, &req->arena, &rows, &e) != 0) {
        respond_error(req, 400, "bad_file", e.text, e.line == 0 ? NULL : arena_printf(&req->arena, "%u", e.line));
        return false;
    }
    m->read.separator = m->profile == NULL ? m->sheet.csv.separator : m->read.separator;
    if (rows == 0) {
        respond_error(req, 400, "bad_file", "There is no record in this file.", NULL);
        return false;
    }
    return true;
}

static void import_ready(struct api_request *req)
{
    struct record_work *w = record_work_of(req);
    if (w == NULL) {
        return;
    }
    if (record_kind_masked(&w->who) != 0) { /* what is the same and what would change tells what is there */
        respond_masked(req, NULL);
        return;
    }
    struct importing *m = arena_alloc(&req->arena, sizeof *m);
    *m = (struct importing){.w = w, .whole = &req->arena, .apply = span_eq(request_query(req, "apply"), SPAN("true")), .skip = span_eq(request_query(req, "skip"), SPAN("true")),
                            .why = request_query(req, "why"), .home = request_query(req, "organisation")};
    struct span home = policy_record_home(&req->reader, &w->who.kind->rights, w->who.kind->tlp_default, RECORD_CREATE, w->who.now);
    m->home = m->home.len > 0 ? m->home : home.len > 0 ? home : req->user.organisation;
    if (m->why.len > RECORD_WHY_MAX || !record_is_line(m->why)) {
        respond_error(req, 400, "bad_query", "A reason is one line of at most 1,000 bytes.", "why");
        return;
    }
    if (!read_file(req, m)) {
        return;
    }
    record_sight_of(w->who.kinds, w->who.reader, w->who.now, &w->sight);
    w->who.sight = &w->sight;
    m->rows = arena_calloc(&req->arena, RECORD_IMPORT_BATCH, sizeof *m->rows);
    id_new(w->who.now, m->id);
    arena_init(&m->batch, 256 << 10);
    map_init(&m->seen);
    buf_init(&m->faults, REQUEST_RESPONSE_MAX / 4);
    buf_init(&m->changes, REQUEST_RESPONSE_MAX / 4);
    json_writer_init(&m->jf, &m->faults);
    json_writer_init(&m->jc, &m->changes);
    json_array(&m->jf);
    json_array(&m->jc);
    req->work = m;
    req->forget = forget;
    next_batch(req);
}

void record_import_post(struct api_request *req)
{
    with_registers(req, import_ready);
}
