/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in the keeper: see keeper_registers.h. It stores what the desk decided; what a kind is, it knows for its keys alone. */
#include "roles/keeper_registers.h"

#include "base/log.h"
#include "records/due.h"
#include "records/registers/record_history.h"
#include "records/registers/record_import.h"
#include "records/registers/record_stage.h"
#include "records/reminders.h"
#include "roles/city_files.h"
#include "records/registers/register_force.h"
#include "records/registers/register_switch.h"
#include "roles/keeper_records_priv.h"

enum { CHANGES_MAX_BYTES = 1 << 20 /* of what is told of files that are not in force */ };

static void warn(const char *name, uint32_t line, const char *why)
{
    log_error("records.register", "file=\"%s\" line=%u why=\"%s\"", name, line, why);
}

/* The city's own files, as they lie there now. */
static int choose(const struct keeper_records *kr, struct arena *a, struct register_choice *out, struct err *e)
{
    const struct city_folder folder = {kr->data_dir, "registers", warn, REGISTER_FILES_MAX, REGISTER_FILE_MAX};
    struct city_file *found = arena_calloc(a, REGISTER_FILES_MAX, sizeof *found);
    struct register_file *files = arena_calloc(a, REGISTER_FILES_MAX, sizeof *files);
    size_t n = 0;
    *out = (struct register_choice){0};
    int rc = city_files_read(&folder, a, found, &n, e);
    for (size_t i = 0; i < n; i++) {
        files[i] = (struct register_file){found[i].name, found[i].text};
    }
    return rc == 0 ? register_choose(kr->db, a, files, n, out, e) : rc;
}

/* What the desk is told: the texts in force, and what it cannot know of those that are not. */
static void tell_later(struct keeper_records *kr, const struct register_choice *c)
{
    uint32_t kept = 0;
    buf_clear(&kr->registers);
    buf_u32(&kr->registers, (uint32_t)c->nfiles);
    for (size_t i = 0; i < c->nfiles; i++) {
        buf_str(&kr->registers, c->files[i].name);
        buf_str(&kr->registers, c->files[i].text);
    }
    for (size_t i = 0; i < c->nstored; i++) {
        kept += c->stored[i].kept;
    }
    buf_u32(&kr->registers, kept);
    for (size_t i = 0; i < c->nstored; i++) {
        const struct register_stored *s = &c->stored[i];
        if (s->kept) {
            buf_str(&kr->registers, s->now_file.len > 0 ? s->now_file : s->file);
            buf_str(&kr->registers, s->why_not);
        }
    }
    CHECK(!kr->registers.failed);
}

static void warn_refused(const struct registers *kinds)
{
    const struct city_folder folder = {.warn = warn};
    size_t n = 0;
    const struct register_refusal *list = registers_refusals(kinds, &n);
    for (size_t i = 0; i < n; i++) {
        city_file_warn(&folder, list[i].file, list[i].line, list[i].why);
    }
}

int keeper_registers_open(struct keeper_records *kr, time_ns now, struct err *e)
{
    struct arena a;
    struct register_choice c = {0};
    arena_init(&a, 0);
    kr->tidy = true; /* what imports left that a former node had begun goes beside all else: of a large one it takes longer than a start may */
    int rc = choose(kr, &a, &c, e);
    if (rc == 0) {
        warn_refused(c.kinds);
        rc = register_force(kr->db, &c, now, e);
        rc = rc == 0 ? record_keys_renew(kr->db, c.kinds, now, e) : rc;
        tell_later(kr, &c);
        registers_free(&kr->kinds);
        kr->kinds = c.kinds; /* whose constraints are asked at each write */
        c.kinds = NULL;
    }
    register_choice_free(&c);
    arena_fini(&a);
    return rc;
}

/* ---- answers ---- */

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

static int list_files(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct register_switch switches[REGISTER_SWITCHES_MAX];
    size_t n = 0;
    int rc = whole(c, e);
    rc = rc == 0 ? register_switches_read(kr->db, &kr->scratch, switches, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_span(&kr->out, buf_view(&kr->registers));
        buf_u32(&kr->out, (uint32_t)n);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        buf_str(&kr->out, switches[i].kind);
        buf_u8(&kr->out, switches[i].on);
    }
    return rc;
}

static int switch_kinds(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span kinds[REGISTER_KINDS_MAX];
    struct register_switching s = {.kinds = kinds, .at = clock_now()};
    s.on = cursor_u8(c) != 0;
    s.organisation = cursor_str(c);
    s.who = cursor_str(c);
    s.why = cursor_str(c);
    s.count = cursor_u32(c);
    for (uint32_t i = 0; i < s.count && i < REGISTER_KINDS_MAX; i++) {
        kinds[i] = cursor_str(c);
    }
    int rc = whole(c, e); /* more than there is room for is not read whole, or refused below */
    rc = rc == 0 ? register_switch_put(kr->db, &s, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* ---- files that wait to be meant ---- */

/* What lies there now beside what is in force: read anew, with the counts of now. */
static int list_changes(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct register_choice choice = {0};
    struct json_writer j;
    struct buf b;
    int rc = whole(c, e);
    rc = rc == 0 ? choose(kr, &kr->scratch, &choice, e) : rc;
    buf_init(&b, CHANGES_MAX_BYTES);
    if (rc == 0) {
        json_writer_init(&j, &b);
        register_choice_put(&choice, &j);
        rc = json_writer_done(&j) ? 0 : err_set(e, ERR_LIMIT, "there is too much to tell: `sereno registers diff` tells it");
    }
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_str(&kr->out, buf_view(&b));
    }
    buf_free(&b);
    register_choice_free(&choice);
    return rc;
}

static int mean_changes(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct register_choice choice = {0};
    struct register_consent by = {.at = clock_now()};
    struct span kinds[REGISTER_KINDS_MAX];
    size_t n = 0;
    by.organisation = cursor_str(c);
    by.who = cursor_str(c);
    by.why = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? choose(kr, &kr->scratch, &choice, e) : rc;
    rc = rc == 0 ? register_consent_put(kr->db, &choice, &by, kinds, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, (uint32_t)n);
        for (size_t i = 0; i < n; i++) {
            buf_str(&kr->out, kinds[i]);
        }
    }
    register_choice_free(&choice);
    return rc;
}

static int list_records(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_query q;
    struct record_page page = {0};
    record_query_decode(c, &q);
    int rc = whole(c, e);
    q.sight.files = kr->kinds;
    rc = rc == 0 ? record_list(kr->db, &q, &kr->scratch, &page, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u64(&kr->out, (uint64_t)page.count);
        buf_u8(&kr->out, page.uncounted);
        buf_u8(&kr->out, page.more);
        buf_str(&kr->out, page.last);
        buf_u32(&kr->out, page.nrows);
        for (uint32_t i = 0; i < page.nrows; i++) {
            record_row_encode(&kr->out, &page.rows[i]);
        }
    }
    return rc;
}

static int list_due(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct due_query q;
    struct due_page page = {0};
    due_query_decode(c, &q);
    int rc = whole(c, e);
    rc = rc == 0 ? due_list(kr->db, &q, &kr->scratch, &page, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, page.more);
        buf_u32(&kr->out, page.nrows);
        for (uint32_t i = 0; i < page.nrows; i++) {
            due_row_encode(&kr->out, &page.rows[i]);
        }
    }
    return rc;
}

static int take_reminders(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct reminder_letter l;
    int rc = whole(c, e);
    rc = rc == 0 ? reminders_take(kr->db, kr->kinds, clock_now(), &kr->scratch, &l, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        reminder_letter_encode(&kr->out, &l);
    }
    return rc;
}

static int end_reminders(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span id = cursor_str(c);
    uint8_t delivered = cursor_u8(c);
    struct span why = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? reminders_told(kr->db, id, delivered != 0, why, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int get_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_sight sight;
    struct record_row row;
    struct record_named named[REGISTER_REFS_MAX];
    record_scope_decode(c, &scope);
    record_sight_decode(c, &sight);
    struct span kind = cursor_str(c);
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    sight.files = kr->kinds;
    rc = rc == 0 ? record_get(kr->db, &scope, kind, id, &kr->scratch, &row, e) : rc;
    rc = rc == 0 ? record_links_read(kr->db, &sight, &kr->scratch, &row, 1, e) : rc;
    rc = rc == 0 ? record_named_by(kr->db, &sight, row.id, named, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        record_row_encode(&kr->out, &row);
        for (uint32_t i = 0; i < sight.nways; i++) {
            buf_u64(&kr->out, (uint64_t)named[i].count);
            buf_u8(&kr->out, named[i].uncounted);
        }
    }
    return rc;
}

static int put_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_put p;
    struct record_astray astray = {0};
    record_put_decode(c, &p);
    p.kinds = p.sight.files = kr->kinds;
    p.sealed_by = kr->kinds;
    int rc = whole(c, e);
    rc = rc == 0 ? record_put(kr->db, &p, &astray, e) : rc;
    bool refused = astray.count > 0 || astray.breach.there;
    rc = refused ? 0 : rc;
    p.row.links = SPAN("");
    rc = rc == 0 && !refused ? record_links_read(kr->db, &p.sight, &kr->scratch, &p.row, 1, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, astray.count);
        for (uint32_t i = 0; i < astray.count; i++) {
            buf_u32(&kr->out, astray.place[i]);
        }
        record_breach_encode(&kr->out, &astray.breach);
        buf_str(&kr->out, p.row.links);
    }
    return rc;
}

static int chain_of_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_sight sight;
    struct record_step *steps = NULL;
    uint32_t count = 0;
    bool more = false;
    record_sight_decode(c, &sight);
    struct span kind = cursor_str(c);
    struct span id = cursor_str(c);
    bool up = cursor_u8(c) != 0;
    int rc = whole(c, e);
    rc = rc == 0 ? record_chain(kr->db, &sight, kind, id, up, &kr->scratch, &steps, &count, &more, e) : rc;
    rc = rc == 0 && count == 0 ? err_set(e, ERR_NOT_FOUND, "no such record") : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, more);
        buf_u32(&kr->out, count);
        for (uint32_t i = 0; i < count; i++) {
            record_step_encode(&kr->out, &steps[i]);
        }
    }
    return rc;
}

static int history_of_record(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_sight sight;
    struct record_story story = {0};
    record_scope_decode(c, &scope);
    record_sight_decode(c, &sight);
    struct span kind = cursor_str(c);
    struct span id = cursor_str(c);
    int64_t last = (int64_t)cursor_u64(c);
    uint32_t limit = cursor_u32(c);
    int rc = whole(c, e);
    rc = rc == 0 && (limit < 1 || limit > RECORD_HISTORY_PAGE_MAX || last < 0) ? err_set(e, ERR_INVALID, "the question is broken") : rc;
    rc = rc == 0 ? record_history(kr->db, &scope, &sight, kr->kinds, kind, id, last, limit, &kr->scratch, &story, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, story.more);
        buf_u32(&kr->out, story.count);
        for (uint32_t i = 0; i < story.count; i++) {
            record_past_encode(&kr->out, &story.past[i]);
        }
    }
    return rc;
}

/* ---- imports ---- */

void keeper_registers_tick(struct keeper_records *kr, time_ns now)
{
    enum { EVERY_S = 10, SLICE_MS = 20 };
    struct err e = {0};
    bool more = true;
    time_ns began = clock_mono();
    if (!kr->tidy && now - kr->tidied < EVERY_S * TIME_SECOND) {
        return;
    }
    kr->tidied = now;
    int rc = 0;
    while (rc == 0 && more && clock_mono() - began < SLICE_MS * (TIME_SECOND / 1000)) {
        bool left = false;
        rc = record_room_sweep(&kr->room, kr->db, now, &left, &e);
        rc = rc == 0 ? record_room_forget(kr->db, now, RECORD_ROOM_KEPT, &more, &e) : rc;
        more = more || left;
    }
    kr->tidy = rc == 0 && more;
    if (rc != 0) {
        log_error("records.imports", "why=\"%s\"", e.text);
    }
}

static void wanted_decode(struct cursor *c, struct record_wanted *out)
{
    *out = (struct record_wanted){.id = cursor_str(c)};
    out->organisation = cursor_str(c);
    out->key = cursor_str(c);
}

static int import_find(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_sight sight;
    struct record_wanted wanted[RECORD_IMPORT_BATCH];
    record_scope_decode(c, &scope);
    record_sight_decode(c, &sight);
    struct span kind = cursor_str(c);
    struct span field = cursor_str(c);
    uint32_t n = cursor_u32(c);
    c->failed = c->failed || n > RECORD_IMPORT_BATCH;
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        wanted_decode(c, &wanted[i]);
    }
    int rc = whole(c, e);
    answer_begin(&kr->out, 0, e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct record_row row;
        uint32_t found = 0;
        rc = record_import_find(kr->db, &scope, &sight, kind, field, &wanted[i], &kr->scratch, &found, &row, e);
        buf_u32(&kr->out, found);
        if (found == 1) {
            record_row_encode(&kr->out, &row);
        }
    }
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

/* All of one question wait, or none. */
static int add_all(struct keeper_records *kr, struct span import, bool keep, uint64_t place, const struct record_importer *by, uint32_t n,
                   struct cursor *c, struct err *e)
{
    struct record_import_item *item = arena_alloc(&kr->scratch, sizeof *item);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct record_astray astray = {0};
        record_import_item_decode(c, item);
        rc = c->failed ? err_set(e, ERR_INVALID, "the question is broken")
                       : record_import_add(kr->db, by, import, place + i, item, keep, &astray, e);
        buf_u32(&kr->out, astray.count);
        for (uint32_t l = 0; l < astray.count; l++) {
            buf_u32(&kr->out, astray.place[l]);
        }
        record_breach_encode(&kr->out, &astray.breach);
    }
    return rc == 0 ? whole(c, e) : rc;
}

static int import_add(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_sight *sight = arena_alloc(&kr->scratch, sizeof *sight);
    struct span import = cursor_str(c);
    bool keep = cursor_u8(c) != 0;
    uint64_t place = cursor_u64(c);
    struct record_scope scope;
    const struct record_importer by = {&scope, sight, kr->kinds};
    record_scope_decode(c, &scope);
    record_sight_decode(c, sight);
    uint32_t n = cursor_u32(c);
    int rc = c->failed || n > RECORD_IMPORT_BATCH ? err_set(e, ERR_INVALID, "the question is broken") : 0;
    rc = rc == 0 && keep ? record_room_take(&kr->room, import, cursor_left(c), clock_now(), e) : rc;
    rc = rc == 0 ? db_begin(kr->db, e) : rc;
    answer_begin(&kr->out, 0, e);
    rc = rc == 0 ? db_end(kr->db, add_all(kr, import, keep, place, &by, n, c, e), e) : rc;
    if (rc != 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int import_drop(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span import = cursor_str(c);
    bool more = false;
    int rc = whole(c, e);
    rc = rc == 0 ? record_stage_sweep(kr->db, import, &more, e) : rc;
    if (rc == 0 && !more) {
        record_room_done(&kr->room, import);
    }
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, more);
    }
    return rc;
}

static int import_apply(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_sight *sight = arena_alloc(&kr->scratch, sizeof *sight);
    struct record_import_row import;
    const struct record_importer by = {&scope, sight, kr->kinds};
    record_scope_decode(c, &scope);
    record_sight_decode(c, sight);
    record_import_row_decode(c, &import);
    struct span field = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? record_import_apply(kr->db, &by, &import, field, e) : rc;
    if (rc == 0) {
        record_room_done(&kr->room, import.id);
        kr->tidy = true; /* of older ones something may have to go */
    }
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int import_undo(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_scope scope;
    struct record_import_row import;
    const struct record_importer by = {&scope, NULL, kr->kinds};
    record_scope_decode(c, &scope);
    record_import_row_decode(c, &import);
    time_ns now = (time_ns)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc == 0 ? record_import_undo(kr->db, &by, &import, now, e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list_imports(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct record_import_row rows[RECORD_IMPORTS_SHOWN];
    uint32_t n = 0;
    struct span kind = cursor_str(c);
    struct span who = cursor_str(c);
    time_ns now = (time_ns)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc == 0 ? record_import_list(kr->db, kind, who, now, &kr->scratch, rows, &n, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u32(&kr->out, n);
        for (uint32_t i = 0; i < n; i++) {
            record_import_row_encode(&kr->out, &rows[i]);
        }
    }
    return rc;
}

keeper_answer_fn *keeper_register_answer(uint16_t ask)
{
    switch ((enum ask)ask) {
    case ASK_REGISTERS:
        return list_files;
    case ASK_REGISTER_SWITCH:
        return switch_kinds;
    case ASK_REGISTER_CHANGES:
        return list_changes;
    case ASK_REGISTER_MEAN:
        return mean_changes;
    case ASK_RECORDS:
        return list_records;
    case ASK_DUE:
        return list_due;
    case ASK_REMINDERS:
        return take_reminders;
    case ASK_REMINDED:
        return end_reminders;
    case ASK_RECORD:
        return get_record;
    case ASK_RECORD_PUT:
        return put_record;
    case ASK_RECORD_CHAIN:
        return chain_of_record;
    case ASK_RECORD_HISTORY:
        return history_of_record;
    case ASK_IMPORT_FIND:
        return import_find;
    case ASK_IMPORT_ADD:
        return import_add;
    case ASK_IMPORT_DROP:
        return import_drop;
    case ASK_IMPORT_APPLY:
        return import_apply;
    case ASK_IMPORT_UNDO:
        return import_undo;
    case ASK_IMPORTS:
        return list_imports;
    default:
        return NULL;
    }
}
