/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Adapters of the node's own things: the documents of the interface, made from the answer of a keeper that filters
 * nothing, live events, mail and webhook.
 */
#include "api/api_priv.h"
#include "api/archive_export.h"
#include "desk/federation/signal_row.h"
#include "desk/notify/notify.h"
#include "records/fed_share.h"
#include "flow/hunt/hunt.h"
#include "tests/policy/house.h"

static struct alert_row alert_of(const struct path_case *c, uint32_t i)
{
    return (struct alert_row){.id = SPAN("0123456789abcdef0123456789abcdef"), .organisation = c->things[i].organisation,
                              .rule_id = SPAN("r"), .rule_hash = SPAN("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                              .title = span_of(c->things[i].title), .source = SPAN("s"), .level = LEVEL_CRITICAL,
                              .time = c->now, .received = c->now, .last_time = c->now, .count = 1, .revision = 1,
                              .closed = TIME_NONE, .block_id = 1};
}

/* The case's account by the roles that are shipped; "janitor" is none of them. */
void read_account(struct path_case *c)
{
    static struct people_roles *roles;
    if (roles == NULL) {
        roles = people_roles_load(NULL, 0);
    }
    reader_of_account(&c->account, people_roles_find(roles, c->account.role), &c->reader);
}

void account_asks(struct path_case *c, const struct policy_reader **reader, const struct policy_item **item)
{
    read_account(c);
    *reader = &c->reader;
    *item = &c->own.item;
}

/* With what he is appointed to as well. */
static void read_seated(struct path_case *c)
{
    read_account(c);
    c->reader.seats = c->seats;
    c->reader.nseats = c->nseats;
}

static void seated_asks(struct path_case *c, const struct policy_reader **reader, const struct policy_item **item)
{
    read_seated(c);
    *reader = &c->reader;
    *item = &c->own.item;
}

static void ask_alert(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    struct alert_row row = alert_of(c, i);
    item_of_alert(&row, &c->own);
    seated_asks(c, reader, item);
}

/* Counts of the whole node's things that the question's scope lets the keeper count. */
static int64_t counted(const struct path_case *c, uint32_t mask, const struct policy_reader *reader)
{
    struct policy_places places;
    int64_t n = 0;
    policy_own_places(reader, ITEM_ALERT, ACTION_COUNT, POLICY_MAY_WATCH, c->now, &places);
    for (uint32_t i = 0; i < THINGS; i++) {
        n += SHOWN(c, i, mask) && policy_places_have(&places, c->things[i].organisation) ? 1 : 0;
    }
    return n;
}

uint32_t shown_count(const struct path_case *c, uint32_t mask)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < THINGS; i++) {
        n += SHOWN(c, i, mask) ? 1 : 0;
    }
    return n;
}

static void show_alerts_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_seated(c);
    struct alert_counts n = {.by_status = {counted(c, mask, &c->reader)}, .oldest_open = TIME_NONE};
    buf_init(&answer, ANSWER_MAX);
    alert_counts_encode(&answer, &n);
    buf_u8(&answer, 0);
    buf_u64(&answer, 0);
    buf_str(&answer, SPAN(""));
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct alert_row row = alert_of(c, i);
            alert_row_encode(&answer, &row);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(alerts_document(&j, c->arena, &c->reader, &data, c->now));
    buf_free(&answer);
}
const struct path_adapter adapter_alerts = {ask_alert, show_alerts_of, POLICY_MAY_WATCH};

static void show_one_alert(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_seated(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct alert_row row = alert_of(c, i);
        struct alert a = {.rule_id = row.rule_id, .rule_hash = row.rule_hash, .title = row.title, .level = LEVEL_CRITICAL,
                          .time = c->now, .received = c->now, .last_time = c->now, .count = 1,
                          .organisation = row.organisation, .source = row.source, .summary = row.title};
        struct buf answer;
        struct buf detail;
        struct json_writer j;
        bool shown = false;
        if (!SHOWN(c, i, mask)) {
            continue;
        }
        buf_init(&answer, ANSWER_MAX);
        buf_init(&detail, ANSWER_MAX);
        alert_encode(&detail, &a);
        alert_row_encode(&answer, &row);
        buf_str(&answer, buf_view(&detail));
        buf_u8(&answer, 0);
        buf_u32(&answer, 0);
        record_encode(&answer, &(struct ask_record){.found = true, .text = row.title});
        struct cursor data = cursor_of(buf_view(&answer));
        json_writer_init(&j, out);
        CHECK(alert_document(&j, c->arena, &c->reader, &data, c->now, &shown));
        buf_free(&answer);
        buf_free(&detail);
    }
}
const struct path_adapter adapter_alert = {ask_alert, show_one_alert, POLICY_MAY_WATCH};

static void ask_source(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    item_of_source(&(struct source_row){.organisation = c->things[i].organisation}, &c->own);
    seated_asks(c, reader, item);
}

static void show_sources_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_seated(c);
    buf_init(&answer, ANSWER_MAX);
    buf_u64(&answer, shown_count(c, mask)); /* events of unknown senders: of the whole node */
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            source_encode(&answer, &(struct source_row){.name = span_of(c->things[i].title), .kind = SPAN("file"),
                                                        .organisation = c->things[i].organisation, .last_event = TIME_NONE});
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(sources_document(&j, &c->reader, &data, c->now));
    buf_free(&answer);
}
const struct path_adapter adapter_sources = {ask_source, show_sources_of, POLICY_MAY_WATCH};

/* What an export of that thing's organisation would be of, asked for by name: the keeper gives out nothing else. */
static void show_archive_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_seated(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct span scope;
        if (SHOWN(c, i, mask) && archive_export_scope(&c->reader, c->things[i].organisation, c->now, &scope)) {
            CHECK(span_eq(scope, c->things[i].organisation));
            buf_str(out, span_of(c->things[i].title));
        }
    }
}
const struct path_adapter adapter_archive = {ask_source, show_archive_of, 0};

static struct rule_row rule_of(const struct path_case *c, uint32_t i)
{
    return (struct rule_row){.hash = SPAN("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                             .rule_id = SPAN("r"), .title = span_of(c->things[i].title),
                             .file = c->things[i].brought ? SPAN("rules/federation/w.yml") : SPAN("rules/own.yml"),
                             .alerts = 7, .events = 7};
}

static void ask_rule(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    struct rule_row row = rule_of(c, i);
    item_of_rule(&row, &c->own);
    seated_asks(c, reader, item);
}

static void show_rules_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    uint32_t n = 0;
    read_seated(c);
    buf_init(&answer, ANSWER_MAX);
    for (uint32_t i = 0; i < THINGS; i++) {
        n += mask >> i & 1;
    }
    buf_u8(&answer, 0);
    buf_u64(&answer, n);
    buf_u32(&answer, n);
    for (uint32_t i = 0; i < THINGS; i++) {
        if ((mask >> i & 1) != 0) {
            struct rule_row row = rule_of(c, i);
            rule_encode(&answer, &row);
        }
    }
    buf_u32(&answer, 0);
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(rules_document(&j, c->arena, &c->reader, &data, c->now));
    buf_free(&answer);
}
const struct path_adapter adapter_rules = {ask_rule, show_rules_of, POLICY_MAY_WATCH};

/* Numbers of the whole node: each thing adds its own, so that one shown is seen. */
static void ask_numbers(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    (void)i;
    item_of_node_numbers(&c->own);
    seated_asks(c, reader, item);
}

static void titles_of_numbers(const struct path_case *c, uint32_t mask, int64_t told, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        if ((mask >> i & 1) != 0 && (told >> i & 1) != 0) {
            buf_cstr(out, c->things[i].title);
        }
    }
}

static void show_status_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    static struct api api; /* nothing of it but texts that are empty */
    struct buf text;
    struct json_writer j;
    int64_t told = 0;
    read_seated(c);
    buf_init(&text, ANSWER_MAX);
    json_writer_init(&j, &text);
    status_document(&j, &api, &c->reader, &(struct keeper_status){.events = mask, .archive_oldest_day = -1}, c->now);
    const char *at = memmem(text.data, text.len, "\"events\":", 9);
    CHECK(at != NULL);
    for (at += 9; *at >= '0' && *at <= '9'; at++) {
        told = told * 10 + (*at - '0');
    }
    titles_of_numbers(c, mask, told, out);
    buf_free(&text);
}
const struct path_adapter adapter_status = {ask_numbers, show_status_of, POLICY_MAY_WATCH};

static void show_pulse(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf text;
    int64_t told = 0;
    read_seated(c);
    buf_init(&text, ANSWER_MAX);
    stream_pulse_text(&text, &(struct keeper_status){.open = mask});
    struct span mine = stream_pulse_for(&c->reader, buf_view(&text), c->now);
    const char *at = mine.len == 0 ? NULL : memmem(mine.ptr, mine.len, "\"open\":", 7);
    CHECK(mine.len == 0 || at != NULL);
    for (at = at == NULL ? "" : at + 7; *at >= '0' && *at <= '9'; at++) {
        told = told * 10 + (*at - '0');
    }
    titles_of_numbers(c, mask, told, out);
    buf_free(&text);
}
const struct path_adapter adapter_pulse = {ask_numbers, show_pulse, POLICY_MAY_WATCH};

static void show_stream(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_seated(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct alert_row row = alert_of(c, i);
        if (SHOWN(c, i, mask) && stream_shows(&c->reader, row.organisation, c->now)) {
            struct json_writer j;
            json_writer_init(&j, out);
            alert_json(&j, &row);
        }
    }
}
const struct path_adapter adapter_stream = {ask_alert, show_stream, POLICY_MAY_WATCH};

/* ---- hunts ---- */

static struct hunt_row hunt_of(const struct path_case *c, uint32_t i)
{
    return (struct hunt_row){.id = SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), .organisation = c->things[i].organisation,
                             .who = SPAN("w"), .why = span_of(c->things[i].title), .created = c->now, .finished = TIME_NONE,
                             .retained_from = TIME_NONE, .retained_to = TIME_NONE};
}

static void ask_hunt(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    struct hunt_row row = hunt_of(c, i);
    item_of_hunt(&row, &c->own);
    seated_asks(c, reader, item);
}

static void show_hunts_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_seated(c);
    buf_init(&answer, ANSWER_MAX);
    buf_u32(&answer, shown_count(c, mask));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (SHOWN(c, i, mask)) {
            struct hunt_row row = hunt_of(c, i);
            hunt_row_encode(&answer, &row);
        }
    }
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(hunts_document(&j, &c->reader, &data, c->now));
    buf_free(&answer);
}
const struct path_adapter adapter_hunts = {ask_hunt, show_hunts_of, POLICY_MAY_WATCH};

static void show_one_hunt(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_seated(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct hunt_row row = hunt_of(c, i);
        struct hunt h = {.from = TIME_NONE, .to = TIME_NONE, .search = span_of(c->things[i].title)};
        struct buf answer;
        struct buf definition;
        struct json_writer j;
        bool shown = false;
        if (!SHOWN(c, i, mask)) {
            continue;
        }
        buf_init(&answer, ANSWER_MAX);
        buf_init(&definition, ANSWER_MAX);
        hunt_encode(&definition, &h);
        hunt_row_encode(&answer, &row);
        buf_str(&answer, buf_view(&definition));
        buf_str(&answer, SPAN(""));
        struct cursor data = cursor_of(buf_view(&answer));
        json_writer_init(&j, out);
        CHECK(hunt_document(&j, c->arena, &c->reader, &data, c->now, &shown));
        buf_free(&answer);
        buf_free(&definition);
    }
}
const struct path_adapter adapter_hunt = {ask_hunt, show_one_hunt, POLICY_MAY_WATCH};

/* ---- warnings that came: the operator's ---- */

static void ask_warning(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    (void)i;
    item_of_warning(&c->own);
    seated_asks(c, reader, item);
}

static struct fed_warning_row warning_of(struct path_case *c, uint32_t i)
{
    struct warning w = {.id = SPAN("0123456789abcdef0123456789abcdef"), .version = 1, .kind = COMMUNITY_TECHNIQUE, .value = SPAN("t1110"),
                        .title = span_of(c->things[i].title), .level = LEVEL_HIGH, .first = c->now / TIME_SECOND / SIGNAL_BUCKET_S, .last = c->now / TIME_SECOND / SIGNAL_BUCKET_S};
    struct fed_warning_row row;
    warning_to_row(&w, SPAN("c"), SPAN("h"), c->now, c->now + TIME_DAY, c->arena, &row);
    row.state = SPAN("new");
    row.dry_run = SPAN("none");
    return row;
}

static void answer_of_warnings(struct path_case *c, uint32_t mask, struct buf *answer)
{
    uint32_t n = 0;
    const struct fed_sharing none = {0};
    for (uint32_t i = 0; i < THINGS; i++) {
        n += mask >> i & 1;
    }
    buf_u32(answer, n);
    for (uint32_t i = 0; i < THINGS; i++) {
        if ((mask >> i & 1) != 0) {
            struct fed_warning_row row = warning_of(c, i);
            fed_warning_encode(answer, &row);
        }
    }
    fed_sharing_encode(answer, &none);
}

static void show_warnings_of(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer;
    struct json_writer j;
    read_seated(c);
    buf_init(&answer, ANSWER_MAX);
    answer_of_warnings(c, mask, &answer);
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, out);
    CHECK(warnings_document(&j, c->arena, &c->reader, NULL, &data, c->now));
    buf_free(&answer);
}
const struct path_adapter adapter_warnings = {ask_warning, show_warnings_of, POLICY_MAY_WATCH};

static void show_one_warning(struct path_case *c, uint32_t mask, struct buf *out)
{
    read_seated(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct buf answer;
        struct json_writer j;
        bool shown = false;
        if ((mask >> i & 1) == 0) {
            continue;
        }
        struct fed_warning_row row = warning_of(c, i);
        buf_init(&answer, ANSWER_MAX);
        fed_warning_encode(&answer, &row);
        buf_u32(&answer, 0);
        struct cursor data = cursor_of(buf_view(&answer));
        json_writer_init(&j, out);
        CHECK(warning_document(&j, c->arena, &c->reader, NULL, &data, c->now, &shown));
        buf_free(&answer);
    }
}
const struct path_adapter adapter_warning = {ask_warning, show_one_warning, POLICY_MAY_WATCH};

/* The community's level: told or not as a whole; its words are those of warnings. */
static void show_level(struct path_case *c, uint32_t mask, struct buf *out)
{
    struct buf answer, text;
    struct json_writer j;
    read_seated(c);
    buf_init(&answer, ANSWER_MAX);
    buf_init(&text, ANSWER_MAX);
    answer_of_warnings(c, mask, &answer);
    struct cursor data = cursor_of(buf_view(&answer));
    json_writer_init(&j, &text);
    CHECK(community_level_document(&j, c->arena, &c->reader, &data, c->now));
    bool calm = memmem(text.data, text.len, "\"level\":\"calm\"", 14) != NULL;
    titles_of_numbers(c, mask, calm ? 0 : mask, out);
    buf_free(&answer);
    buf_free(&text);
}
const struct path_adapter adapter_level = {ask_warning, show_level, POLICY_MAY_WATCH};

/* ---- mail and webhook ---- */

static void show_notice(struct path_case *c, uint32_t mask, enum notice_way way, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        struct alert_row row = alert_of(c, i);
        struct notify n;
        struct buf notice;
        int64_t held_back = 0;
        if ((mask >> i & 1) == 0) {
            continue;
        }
        notify_init(&n, UINT32_MAX, UINT32_MAX, SPAN("node"), SPAN("https://n"), c->now);
        buf_init(&notice, ANSWER_MAX);
        if (notify_decide(&n, way, &row, c->now, &held_back)) {
            notify_alert(&n, way, &row, held_back, &notice);
            buf_span(out, buf_view(&notice));
        }
        buf_free(&notice);
    }
}

static void ask_mail(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    ask_alert(c, i, reader, item);
    reader_of_mailbox(&c->reader);
}

static void show_mail(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_notice(c, mask, NOTICE_MAIL, out);
}
const struct path_adapter adapter_mail = {ask_mail, show_mail, 0};

static void ask_webhook(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    ask_alert(c, i, reader, item);
    reader_of_webhook(&c->reader);
}

static void show_webhook(struct path_case *c, uint32_t mask, struct buf *out)
{
    show_notice(c, mask, NOTICE_WEBHOOK, out);
}
const struct path_adapter adapter_webhook = {ask_webhook, show_webhook, 0};
