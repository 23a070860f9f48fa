/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node's half that has to do with warnings: each is tried on the own archive by the hunter, its
 * rules are checked by that, and where the city's policy says so it is taken when what it would have
 * fired stays under the cap. One step of one warning at a time; the keeper knows how far each is, so
 * a restart goes on where it stood.
 */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/watch_priv.h"
#include "flow/hunt/hunt_result.h"
#include "records/hunts.h"
#include "wire/json_write.h"

enum {
    CARE_PAGE = 200, /* warnings looked at: the newest */
    CARE_RETRY_S = 30,
    CARE_POLL_S = 1, /* while a dry run is under way */
};

/* One step under way. */
struct step {
    struct fed_watch *w;
    struct arena arena;
    struct span id;
    struct span hunt;
    bool take; /* once its body is known; else it is tried on the archive */
    const struct warning *technique; /* one that brings nothing: what this house has is tried; in the arena */
};

static void step_end(struct step *s, time_ns again)
{
    struct fed_watch *w = s->w;
    w->caring = false;
    w->care_at = w->now + again;
    arena_fini(&s->arena);
    mem_free(s);
}

static struct step *step_new(struct fed_watch *w, const struct fed_warning_row *row)
{
    struct step *s = mem_alloc(sizeof *s);
    s->w = w;
    arena_init(&s->arena, 0);
    s->id = arena_copy(&s->arena, row->id);
    s->hunt = arena_copy(&s->arena, row->hunt);
    w->caring = true;
    return s;
}

static void changed(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct step *s = ctx;
    (void)data;
    if (rc < 0) {
        char shown[LOG_VALUE_MAX];
        log_warn("warning.change", "why=\"%s\"", log_value(text, shown));
    }
    step_end(s, rc < 0 ? CARE_RETRY_S * TIME_SECOND : 0);
}

static void change(struct step *s, enum fed_warning_act act, struct span reason, struct span text,
                   int64_t matched)
{
    struct buf q;
    const struct fed_warning_change ch = {.id = s->id,
                                          .act = act,
                                          .who = SPAN("sereno"),
                                          .reason = reason,
                                          .text = text,
                                          .matched = matched,
                                          .automatic = act == FED_WARNING_TAKE};
    watch_question(&q, ASK_WARNING_CHANGE);
    fed_warning_change_encode(&q, &ch);
    if (!watch_ask(s->w, &q, changed, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

/* ---- a dry run begins ---- */

/* The question that starts a hunt for these rules; false when they are too long for one. */
static bool ask_hunt_for(const struct warning *w, const struct hunt *h, struct arena *arena, struct buf *question)
{
    struct buf definition;
    buf_init(&definition, HUNT_ENCODED_MAX);
    hunt_encode(&definition, h);
    bool fits = !definition.failed;
    if (fits) {
        hunt_ask_start(question, SPAN("*"),
                       span_of(arena_printf(arena, "warning:%.*s", SPAN_ARG(w->id))),
                       SPAN("dry run of a community warning"), buf_view(&definition));
    }
    buf_free(&definition);
    return fits;
}

bool watch_dry_run_rules(const struct warning *w, struct buf *question)
{
    if (w->kind != COMMUNITY_TECHNIQUE) {
        return false;
    }
    ask_begin(question, ASK_RULES_TAGGED);
    buf_str(question, w->value);
    return true;
}

bool watch_dry_run_own(const struct warning *w, struct cursor *rules, int64_t days, time_ns now, struct buf *question)
{
    struct hunt h;
    struct arena arena;
    uint32_t n = cursor_u32(rules);
    hunt_init(&h);
    arena_init(&arena, 0);
    h.from = now - days * TIME_DAY;
    h.to = TIME_NONE;
    struct hunt_rule *list = arena_calloc(&arena, RULES_TAGGED_MAX, sizeof *list);
    for (uint32_t i = 0; i < n && i < RULES_TAGGED_MAX && !rules->failed; i++) {
        list[h.nrules].name = cursor_str(rules);
        list[h.nrules++].text = cursor_str(rules);
    }
    h.rules = list;
    bool any = cursor_done(rules) && h.nrules > 0 && ask_hunt_for(w, &h, &arena, question);
    arena_fini(&arena);
    return any;
}

bool watch_dry_run_ask(const struct warning *w, int64_t days, time_ns now, struct buf *question)
{
    struct hunt h;
    struct hunt_rule rules[WARNING_RULES_MAX + 1];
    struct arena arena;
    struct buf files;
    hunt_init(&h);
    arena_init(&arena, 0);
    buf_init(&files, FED_WARNING_FILES_MAX);
    h.from = now - days * TIME_DAY;
    h.to = TIME_NONE;
    h.rules = rules;
    bool any = warning_files(w, &files) && !files.failed;
    struct cursor c = cursor_of(buf_view(&files));
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && any; i++) {
        struct span name = cursor_str(&c);
        (void)cursor_str(&c);
        rules[h.nrules++] = (struct hunt_rule){
            span_of(arena_printf(&arena, "federation/%.*s/%.*s", SPAN_ARG(w->id), SPAN_ARG(name))),
            cursor_str(&c)};
    }
    any = any && ask_hunt_for(w, &h, &arena, question);
    buf_free(&files);
    arena_fini(&arena);
    return any;
}

static void hunt_begun(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct step *s = ctx;
    struct span id = rc < 0 ? SPAN("") : cursor_str(data);
    if (rc < 0 || !cursor_done(data)) {
        change(s, FED_WARNING_FAILED, arena_copy(&s->arena, text), SPAN(""), 0);
        return;
    }
    change(s, FED_WARNING_ASKED, SPAN(""), arena_copy(&s->arena, id), 0);
}

/* Neither rule nor indicator, and nothing of this house either: there is nothing to look for. */
static void nothing_to_try(struct step *s)
{
    change(s, FED_WARNING_DONE, SPAN(""), SPAN("{\"rules\":[],\"events\":0}"), 0);
}

static void own_rules_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct step *s = ctx;
    struct buf q;
    (void)text;
    buf_init(&q, WATCH_QUESTION_MAX);
    if (rc < 0 || !watch_dry_run_own(s->technique, data, WATCH_DRY_RUN_DAYS, s->w->now, &q)) {
        buf_free(&q);
        rc == ERR_CLOSED ? step_end(s, CARE_RETRY_S * TIME_SECOND) : nothing_to_try(s);
    } else if (!watch_ask(s->w, &q, hunt_begun, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

static void try_own_rules(struct step *s, const struct warning *w)
{
    struct buf q;
    buf_init(&q, WATCH_QUESTION_MAX);
    s->technique = w;
    if (!watch_dry_run_rules(w, &q)) {
        buf_free(&q);
        nothing_to_try(s);
    } else if (!watch_ask(s->w, &q, own_rules_known, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

static void body_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct step *s = ctx;
    struct fed_warning_row row;
    struct warning *w = arena_alloc(&s->arena, sizeof *w);
    struct err e = {0};
    struct buf q;
    (void)text;
    if (rc == 0) {
        fed_warning_decode(data, &row);
        rc = data->failed ? ERR_INVALID : warning_from_row(&row, &s->arena, w, &e);
    }
    if (rc < 0) {
        change(s, FED_WARNING_FAILED, SPAN("the warning cannot be read"), SPAN(""), 0);
        return;
    }
    buf_init(&q, WATCH_QUESTION_MAX);
    if (s->take) {
        (void)warning_files(w, &q);
        change(s, FED_WARNING_TAKE, SPAN("the city's policy takes it after its dry run"),
               arena_copy(&s->arena, buf_view(&q)), 0);
        buf_free(&q);
    } else if (!watch_dry_run_ask(w, WATCH_DRY_RUN_DAYS, s->w->now, &q)) {
        buf_free(&q);
        try_own_rules(s, w);
    } else if (!watch_ask(s->w, &q, hunt_begun, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

static void ask_body(struct step *s)
{
    struct buf q;
    watch_question(&q, ASK_WARNING);
    buf_str(&q, s->id);
    if (!watch_ask(s->w, &q, body_known, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

/* ---- a dry run ends ---- */

/* The file that a refused document was in: "federation/ID/0.yml". */
static bool refused_of(const struct hunt_item *it)
{
    return it->kind == HUNT_KIND_RULE && it->id.len == 0 && it->state == HUNT_RULE_UNSUPPORTED;
}

static void check_json(struct json_writer *j, const struct hunt_item *it)
{
    bool bad = refused_of(it);
    json_object(j);
    json_key(j, "rule");
    json_text(j, bad ? it->name : it->id);
    json_key(j, "ok");
    json_bool(j, !bad);
    json_key(j, "reason");
    json_text(j, span_sub(it->reason, 0, 500));
    json_key(j, "state");
    json_text(j, span_of(hunt_state_name(it->state)));
    json_key(j, "count");
    json_u64(j, it->count);
    json_end(j);
}

static void json_moment(struct json_writer *j, const char *key, time_ns t)
{
    char text[TIME_TEXT_MAX];
    json_key(j, key);
    if (t == TIME_NONE) {
        json_null(j);
    } else {
        json_text(j, span_of(time_format(t, text)));
    }
}

/* What the dry run looked at, and for each rule whether the engine takes it: what was refused has a
 * file and no id. */
static struct span checks_of(struct arena *arena, const struct hunt_result *r)
{
    struct json_writer j;
    struct buf b;
    uint64_t not_covered = 0;
    buf_init(&b, FED_WARNING_CHECKS_MAX);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "rules");
    json_array(&j);
    for (uint32_t i = 0; i < r->nitems; i++) {
        check_json(&j, &r->items[i]);
        not_covered += r->items[i].state == HUNT_NOT_COVERED;
    }
    json_end(&j);
    json_key(&j, "events");
    json_u64(&j, r->coverage.events);
    json_moment(&j, "from", r->coverage.from);
    json_moment(&j, "to", r->coverage.to == TIME_NONE ? r->coverage.retained_to : r->coverage.to);
    json_key(&j, "not_covered");
    json_u64(&j, not_covered);
    json_end(&j);
    struct span text = json_writer_done(&j) ? arena_copy(arena, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return text;
}

static void hunt_ended(struct step *s, struct span bytes)
{
    struct hunt_result r;
    struct err e = {0};
    if (hunt_result_decode(bytes, &s->arena, &r, &e) < 0) {
        change(s, FED_WARNING_FAILED, SPAN("the result cannot be read"), SPAN(""), 0);
        return;
    }
    change(s, FED_WARNING_DONE, SPAN(""), checks_of(&s->arena, &r),
           r.matches > INT64_MAX ? INT64_MAX : (int64_t)r.matches);
}

static void hunt_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct step *s = ctx;
    struct hunt_row row = {0};
    struct span result = SPAN("");
    (void)text;
    if (rc == 0) {
        hunt_row_decode(data, &row);
        (void)cursor_str(data);
        result = cursor_str(data);
    }
    if (rc == ERR_CLOSED) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    } else if (rc < 0 || data->failed) {
        change(s, FED_WARNING_FAILED, SPAN("the dry run is not known any more"), SPAN(""), 0);
    } else if (row.status == HUNT_STATUS_DONE) {
        hunt_ended(s, arena_copy(&s->arena, result));
    } else if (row.status == HUNT_STATUS_FAILED || row.status == HUNT_STATUS_CANCELLED) {
        change(s, FED_WARNING_FAILED,
               row.problem.len > 0 ? arena_copy(&s->arena, row.problem)
                                   : span_of(hunt_status_name((enum hunt_status)row.status)),
               SPAN(""), 0);
    } else {
        step_end(s, CARE_POLL_S * TIME_SECOND);
    }
}

static void ask_hunt(struct step *s)
{
    struct buf q;
    buf_init(&q, WATCH_QUESTION_MAX);
    hunt_ask_get(&q, &policy_whole_node, s->hunt);
    if (!watch_ask(s->w, &q, hunt_known, s)) {
        step_end(s, CARE_RETRY_S * TIME_SECOND);
    }
}

/* ---- which one is next ---- */

static bool alive(const struct fed_warning_row *r, time_ns now)
{
    return r->withdrawn == 0 && r->expires > now;
}

static bool wants_dry_run(const struct fed_warning_row *r)
{
    return span_eq(r->dry_run, SPAN("none")) && !span_eq(r->state, SPAN("dismissed"));
}

/* All rules were taken by the engine. */
static bool checked_well(const struct fed_warning_row *r)
{
    return span_eq(r->dry_run, SPAN("done")) && r->checks.len > 0 &&
           memmem(r->checks.ptr, r->checks.len, "\"ok\":false", 10) == NULL;
}

/* New, or taken in an older version by the same policy. */
static bool wants_taking(const struct fed_warning_row *r, const struct fed_sharing *sharing)
{
    bool again = span_eq(r->state, SPAN("taken")) && r->automatic != 0 &&
                 r->taken_version < r->version;
    return sharing->automatic && (again || span_eq(r->state, SPAN("checked"))) &&
           checked_well(r) && r->matched <= sharing->cap && (r->rules > 0 || r->indicators > 0) &&
           memmem(r->checks.ptr, r->checks.len, "\"rules\":[]", 10) == NULL; /* nothing to take */
}

static void note_level(struct fed_watch *w, const struct fed_warning_row *r)
{
    enum community_kind kind;
    if (community_kind_parse(r->kind, &kind)) {
        vec_push(&w->in_force, (struct level_warning){kind, (enum alert_level)r->level, r->seen,
                                                      r->updated});
    }
}

static void warnings_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_watch *w = ctx;
    struct step *next = NULL;
    struct fed_sharing sharing;
    struct arena arena;
    enum { NOTHING, DRY_RUN, HUNT, TAKE } what = NOTHING;
    (void)text;
    w->caring = false;
    if (rc < 0) {
        return;
    }
    arena_init(&arena, 0);
    vec_clear(&w->in_force);
    uint32_t n = cursor_u32(data);
    VEC(struct fed_warning_row) rows = {0};
    for (uint32_t i = 0; i < n && !data->failed; i++) {
        struct fed_warning_row r;
        fed_warning_decode(data, &r);
        if (!data->failed && alive(&r, w->now)) {
            vec_push(&rows, r);
            note_level(w, &r);
        }
    }
    fed_sharing_decode(data, &arena, &sharing);
    for (size_t i = 0; i < rows.len && what == NOTHING && !data->failed; i++) {
        const struct fed_warning_row *r = &rows.data[i];
        what = wants_dry_run(r)                           ? DRY_RUN
               : span_eq(r->dry_run, SPAN("running"))     ? HUNT
               : wants_taking(r, &sharing)                ? TAKE
                                                          : NOTHING;
        next = what == NOTHING ? NULL : step_new(w, r);
    }
    community_level_of(w->in_force.data, w->in_force.len, w->now, &w->level);
    vec_free(&rows);
    arena_fini(&arena);
    if (what == DRY_RUN) {
        ask_body(next);
    } else if (what == HUNT) {
        ask_hunt(next);
    } else if (what == TAKE) {
        next->take = true;
        ask_body(next);
    }
}

void watch_warn_tick(struct fed_watch *w)
{
    struct buf q;
    if (w->caring || w->now < w->care_at) {
        return;
    }
    w->care_at = w->now + WATCH_CARE_S * TIME_SECOND;
    watch_question(&q, ASK_WARNINGS);
    buf_u64(&q, (uint64_t)INT64_MAX);
    buf_u32(&q, CARE_PAGE);
    buf_u8(&q, 1);
    w->caring = watch_ask(w, &q, warnings_known, w);
}
