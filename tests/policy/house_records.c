/* SPDX-License-Identifier: EUPL-1.2 */
/* Adapters of records of registers: lists, one, its history, what names one, chains. See paths.h. */
#include "api/brief.h"
#include "api/registers.h"
#include "desk/govern/due.h"
#include "desk/govern/retention.h"
#include "desk/govern/sheet.h"
#include "tests/policy/house.h"

static const struct registers *all_kinds(void)
{
    static struct registers *kinds;
    if (kinds == NULL) {
        kinds = registers_load(NULL, 0);
    }
    return kinds;
}

/* A shipped kind; its file says which roles may read. */
static const struct register_kind *kind_of_records(void)
{
    const struct register_kind *k = registers_by_name(all_kinds(), SPAN("finding"));
    CHECK(k != NULL);
    return k;
}

static struct record_row record_of(struct path_case *c, uint32_t i)
{
    return (struct record_row){.id = SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), .kind = kind_of_records()->name,
                               .organisation = c->things[i].organisation, .author = SPAN("w"), .author_name = SPAN("w"),
                               .state = SPAN("open"), .tlp = TLP_AMBER_STRICT, .created = c->now, .changed = c->now, .version = 1,
                               .fields = span_of(arena_printf(c->arena, "{\"due\":\"2026-12-01\",\"title\":\"%s\"}", c->things[i].title))};
}

static void ask_record(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    struct record_row row = record_of(c, i);
    struct policy_record r;
    record_for_policy(&row, &r);
    policy_record_item(&r, &c->own.item, &c->own.marking);
    account_asks(c, reader, item);
}

/* What the scope lets the keeper count; records/registers' own test compares the clause made of it. */
static int64_t records_counted(struct path_case *c, uint32_t mask)
{
    struct record_scope s;
    int64_t n = 0;
    policy_record_scope(&c->reader, &kind_of_records()->rights, c->now, &s);
    for (uint32_t i = 0; i < THINGS; i++) {
        bool own = span_eq(s.organisation, c->things[i].organisation);
        n += SHOWN(c, i, mask) && tlp_rank(TLP_AMBER_STRICT) <= (own ? s.own : s.other) ? 1 : 0;
    }
    return n;
}

static void show_records_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    buf_init(&answer, ANSWER_MAX);
    buf_u64(&answer, (uint64_t)records_counted(c, mask));
    buf_u8(&answer, 0);
    buf_u8(&answer, 0);
    buf_str(&answer, SPAN(""));
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct record_row row = record_of(c, i);
            record_row_encode(&answer, &row);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(records_document(&j, &w, c->arena, &data));
    buf_free(&answer);
}
const struct path_adapter adapter_records = {ask_record, show_records_of, 0};

static void show_records_due(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    struct due_query q = {0};
    read_account(c);
    struct record_worker w = {NULL, &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    due_kinds(all_kinds(), &c->reader, c->now, &q);
    bool listed = false;
    for (uint32_t i = 0; i < q.nkinds; i++) {
        listed = listed || span_eq(q.kinds[i].kind, kind_of_records()->name);
    }
    mask = listed ? mask : 0; /* the keeper looks through no other kind */
    buf_init(&answer, ANSWER_MAX);
    buf_u8(&answer, 0);
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            const struct due_row r = {SPAN("2026-12-01"), false, record_of(c, i)};
            due_row_encode(&answer, &r);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(due_document(&j, &w, SPAN("2026-12-31"), c->arena, &data));
    buf_free(&answer);
}
const struct path_adapter adapter_records_due = {ask_record, show_records_due, 0};

/* Records behind a figure of retention, that the keeper found in the reader's scope. */
static void show_records_retention(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    buf_init(&answer, ANSWER_MAX);
    buf_u8(&answer, 0);
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            const struct retention_row r = {.key = SPAN("2026-12-01"), .day = 20000, .row = record_of(c, i)};
            retention_row_encode(&answer, &r);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(retention_list_document(&j, &w, RETENTION_DUE, c->arena, &data));
    buf_free(&answer);
}
const struct path_adapter adapter_records_retention = {ask_record, show_records_retention, 0};

/* As CSV, and as JSON: the rows that the keeper gave, each asked of policy again. */
static void show_export(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct record_row row = record_of(c, i);
            (void)sheet_put(out, &w, &row, c->arena, SHEET_CSV, ',');
            (void)sheet_put(out, &w, &row, c->arena, SHEET_JSON, ',');
        }
    }
}
const struct path_adapter adapter_records_export = {ask_record, show_export, 0};

static void show_one_record(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct record_row row = record_of(c, i);
            struct json_writer j;
            json_writer_init(&j, out);
            (void)record_show(&w, &row, c->arena, &j);
        }
    }
}
const struct path_adapter adapter_record = {ask_record, show_one_record, 0};

/* Whether the keeper tells of it over several kinds; record_store_test compares the clause made of that scope with the policy. */
static bool is_in_sight(const struct record_sight *s, const struct path_case *c, uint32_t i)
{
    bool own = span_eq(s->scope.organisation, c->things[i].organisation);
    return tlp_rank(TLP_AMBER_STRICT) <= (own ? s->scope.own : s->scope.other);
}

/* Numbers by way, of those records in the mask that the keeper counts; returns their sum. */
static int64_t write_named(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct json_writer j;
    struct record_work work = {0};
    int64_t sum = 0;
    work.who = (struct record_worker){kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    record_sight_of(all_kinds(), &c->reader, c->now, &work.sight);
    record_sight_narrow(all_kinds(), kind_of_records()->name, &work.sight);
    for (uint32_t w = 0; w < work.sight.nways; w++) {
        work.named[w].way = work.sight.ways[w];
        for (uint32_t i = 0; i < THINGS; i++) {
            work.named[w].count += SHOWN(c, i, mask) && is_in_sight(&work.sight, c, i) ? 1 : 0;
        }
        sum += work.named[w].count;
    }
    json_writer_init(&j, out);
    record_named_document(&j, &work);
    return sum;
}

/* Numbers name nobody: the document as it is, and for each record whether it alone would be counted. */
static void show_named(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_account(c);
    (void)write_named(c, mask, out);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct buf alone;
        buf_init(&alone, ANSWER_MAX);
        if (SHOWN(c, i, mask) && write_named(c, 1u << i, &alone) > 0) {
            buf_cstr(out, c->things[i].title);
        }
        buf_free(&alone);
    }
}
const struct path_adapter adapter_records_named = {ask_record, show_named, 0};

static void show_chain(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    struct record_sight sight;
    struct record_step steps[THINGS];
    uint32_t n = 0;
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    record_sight_of(all_kinds(), &c->reader, c->now, &sight);
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask) && is_in_sight(&sight, c, i)) {
            steps[n++] = (struct record_step){.id = span_of(arena_printf(c->arena, "id%u", i)), .kind = kind_of_records()->name,
                                              .title = span_of(c->things[i].title), .state = SPAN("open"), .next = SPAN("id"),
                                              .field = SPAN("duplicate_of"), .depth = 1};
        }
    }
    buf_init(&answer, ANSWER_MAX);
    buf_u8(&answer, 0);
    buf_u32(&answer, n);
    for (uint32_t i = 0; i < n; i++) {
        record_step_encode(&answer, &steps[i]);
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(n == 0 || record_chain_document(&j, &w, c->arena, &data, true, SPAN(""))); /* none: 404 */
    buf_free(&answer);
}
const struct path_adapter adapter_records_chain = {ask_record, show_chain, 0};

/* Each a history of its own, of one change after which the record reads as it does. */
static void show_history(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    for (uint32_t i = 0; i < THINGS; i++) {
        struct buf answer;
        struct buf alone;
        struct json_writer j;
        struct record_past p = {.number = 1, .at = c->now, .who = SPAN("w"), .what = SPAN("record.created"), .after = record_of(c, i)};
        p.why = span_of(c->things[i].title);
        if (!SHOWN(c, i, mask)) {
            continue;
        }
        buf_init(&answer, ANSWER_MAX);
        buf_u8(&answer, 0);
        buf_u32(&answer, 1);
        record_past_encode(&answer, &p);
        struct cursor data = cursor_of(buf_view(&answer));
        buf_init(&alone, ANSWER_MAX);
        json_writer_init(&j, &alone);
        CHECK(record_history_document(&j, &w, c->arena, &data));
        if (span_find(buf_view(&alone), '1') >= 0) { /* else nothing of it is his, and the keeper says that there is no such record */
            buf_span(out, buf_view(&alone));
        }
        buf_free(&alone);
        buf_free(&answer);
    }
}
const struct path_adapter adapter_record_history = {ask_record, show_history, 0};

/* The brief names records; its numbers are those of lists. */
static void show_brief(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct buf page;
    struct brief *b = arena_calloc(c->arena, 1, sizeof *b);
    read_account(c);
    const struct record_worker w = {kind_of_records(), &c->reader, SPAN("w"), c->now, all_kinds(), NULL, NULL};
    b->words = words_default();
    b->at = c->now;
    b->shown[BRIEF_DECIDED] = true;
    buf_init(&answer, ANSWER_MAX);
    buf_u64(&answer, 0);
    buf_u8(&answer, 0);
    buf_u8(&answer, 0);
    buf_str(&answer, SPAN(""));
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct record_row row = record_of(c, i);
            record_row_encode(&answer, &row);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    CHECK(brief_rows_take(b, BRIEF_DECIDED, &w, c->arena, &data));
    brief_page(&page, b);
    buf_span(out, buf_view(&page));
    buf_free(&page);
    buf_free(&answer);
}
const struct path_adapter adapter_brief = {ask_record, show_brief, 0};

/* An issued brief: its words, and what names and counts of it are his, come out of its document. */
static void show_issued(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_account(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct brief_paper *then = arena_calloc(c->arena, 1, sizeof *then);
        struct brief_paper *now = arena_calloc(c->arena, 1, sizeof *now);
        const struct brief_chrome chrome = {.words = words_default()};
        struct buf page;
        if (!SHOWN(c, i, mask)) {
            continue;
        }
        then->b.words = words_default();
        then->b.at = c->now;
        then->text = span_of(c->things[i].title);
        now->issued = (struct brief_issued){.id = SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), .organisation = c->things[i].organisation, .number = 1, .issued = c->now,
                                            .who = SPAN("w"), .who_id = SPAN("w"), .first_day = SPAN("2026-11-01"), .last_day = SPAN("2026-11-30"),
                                            .tlp = TLP_AMBER_STRICT, .withdrawn = TIME_NONE, .document = brief_freeze(then, c->arena)};
        if (brief_thaw(all_kinds(), &c->reader, c->now, c->arena, now)) {
            brief_paper_page(&page, now, &chrome);
            buf_span(out, buf_view(&page));
            buf_free(&page);
        }
    }
}
const struct path_adapter adapter_brief_issued = {ask_record, show_issued, 0};
