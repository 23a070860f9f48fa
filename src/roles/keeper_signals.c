/* SPDX-License-Identifier: EUPL-1.2 */
/* The keeper's answers about signals and warnings: see keeper_signals.h and records/ask.def. */
#include "roles/keeper_signals.h"

#include "base/log.h"
#include "records/fed_share.h"
#include "records/fed_signals.h"
#include "records/fed_warnings.h"
#include "records/settings.h"
#include "roles/keeper_records_priv.h"

enum {
    ANSWER_ENOUGH = 6 << 20,     /* bytes after which no further alert is added: details are long */
    SIGNALS_KEPT_S = 60 * 86400, /* twice the longest window of desk/federation/community.h */
};

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

/* ---- a node tells ---- */

static int signals_due(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_sharing sharing = {0};
    struct fed_pending *list = NULL;
    size_t n = 0;
    time_ns now = (time_ns)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_sharing_get(kr->db, &kr->scratch, &sharing, e);
    rc = rc < 0 ? rc : fed_pending_list(kr->db, now, &kr->scratch, &list, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    fed_sharing_encode(&kr->out, &sharing);
    size_t at = kr->out.len;
    uint32_t count = 0;
    buf_u32(&kr->out, 0);
    for (size_t i = 0; i < n && kr->out.len < ANSWER_ENOUGH; i++) {
        fed_pending_encode(&kr->out, &list[i]);
        count++;
    }
    if (!kr->out.failed) {
        memcpy(kr->out.data + at, &count, sizeof count);
    }
    return 0;
}

static int note_told(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    enum { TELLS_MAX = 4096 };
    uint32_t n = cursor_u32(c);
    int rc = n <= TELLS_MAX ? 0 : err_set(e, ERR_INVALID, "the question is broken");
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct fed_tell t;
        fed_tell_decode(c, &t);
        struct span share = cursor_str(c);
        rc = c->failed ? err_set(e, ERR_INVALID, "the question is broken")
                       : fed_told_put(kr->db, &t, e);
        rc = rc < 0 || share.len == 0 ? rc : fed_share_count(kr->db, share, 1, e);
    }
    return rc < 0 ? rc : whole(c, e);
}

static int signals_told(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, note_told(kr, c, e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int note_dealt(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    uint32_t n = cursor_u32(c);
    int rc = 0;
    for (uint32_t i = 0; i < n && i < FED_PENDING_BATCH && rc == 0 && !c->failed; i++) {
        struct fed_dealt d;
        d.alert = cursor_str(c);
        d.stamp = (int64_t)cursor_u64(c);
        d.due = (time_ns)cursor_u64(c);
        rc = c->failed ? rc : fed_pending_done(kr->db, &d, e);
    }
    return rc < 0 ? rc : whole(c, e);
}

static int signals_dealt(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, note_dealt(kr, c, e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* A hub is about to tell a hub above. */
static int note_findings(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    enum { FINDINGS_MAX = 4096 };
    uint32_t n = cursor_u32(c);
    int rc = n <= FINDINGS_MAX ? 0 : err_set(e, ERR_INVALID, "the question is broken");
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct fed_finding_told t = {.circle = cursor_str(c), .warning = cursor_str(c), .version = (int64_t)cursor_u64(c)};
        t.share = cursor_str(c);
        rc = c->failed ? err_set(e, ERR_INVALID, "the question is broken") : fed_finding_told_put(kr->db, &t, clock_now(), e);
    }
    return rc < 0 ? rc : whole(c, e);
}

static int findings_told(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    int rc = db_begin(kr->db, e);
    rc = rc < 0 ? rc : db_end(kr->db, note_findings(kr, c, e), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

/* ---- a hub reads ---- */

static void put_signals(struct buf *out, const struct fed_signal_row *rows, size_t n)
{
    buf_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        fed_signal_encode(out, &rows[i]);
    }
}

static int signals_after(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_signal_row *rows = NULL;
    size_t n = 0;
    int64_t place = (int64_t)cursor_u64(c);
    int64_t first = (int64_t)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_signals_after(kr->db, place, first, &kr->scratch, &rows, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        char text[SETTING_MAX];
        struct span agreed = SPAN("");
        (void)!settings_get(kr->db, SPAN("federation.agreed"), text, sizeof text, &agreed, NULL);
        buf_u8(&kr->out, span_eq(agreed, SPAN("1")));
        put_signals(&kr->out, rows, n);
    }
    return rc;
}

static int signals_of(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_signal_row *rows = NULL;
    size_t n = 0;
    struct span circle = cursor_str(c);
    struct span organisation = cursor_str(c);
    int64_t first = (int64_t)cursor_u64(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc
                : fed_signals_of(kr->db, circle, organisation, first, &kr->scratch, &rows, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        put_signals(&kr->out, rows, n);
    }
    return rc;
}

/* A correlation is told by its own key at the start of a line: its text was loaded as Sigma before. */
static bool is_correlation(struct span text)
{
    struct span word = SPAN("correlation:");
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if ((i == 0 || text.ptr[i - 1] == '\n') && span_starts(span_sub(text, i, text.len), word)) {
            return true;
        }
    }
    return false;
}

enum { TEXTS_ASKED_MAX = 8, TEXTS_MAX = 36 /* with all that they join: as many as a warning holds */ };

/* Answers to ASK_RULE_TEXTS, in the making. */
struct texts {
    struct rule_row rows[TEXTS_MAX];
    uint32_t n;
};

/* Adds a rule that is loaded and not among them; what is not known, or too much, stays out. */
static int add_text(struct keeper_records *kr, struct texts *t, struct span id, struct err *e)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (span_eq(t->rows[i].rule_id, id)) {
            return 0;
        }
    }
    if (t->n == TEXTS_MAX) {
        return 0;
    }
    int rc = rules_by_id(kr->db, id, &kr->scratch, &t->rows[t->n], e);
    t->n += rc == 0;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What one of them joins, a line each. */
static int add_joined(struct keeper_records *kr, struct texts *t, uint32_t number, struct err *e)
{
    struct span rest = t->rows[number].joins;
    int rc = 0;
    while (rest.len > 0 && rc == 0) {
        ptrdiff_t end = span_find(rest, '\n');
        rc = add_text(kr, t, end < 0 ? rest : span_sub(rest, 0, (size_t)end), e);
        rest = end < 0 ? SPAN("") : span_sub(rest, (size_t)end + 1, rest.len);
    }
    return rc;
}

static int rule_texts(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct span ids[TEXTS_ASKED_MAX];
    struct texts *t = arena_alloc(&kr->scratch, sizeof *t);
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && i < TEXTS_ASKED_MAX; i++) {
        ids[i] = cursor_str(c);
    }
    int rc = n > TEXTS_ASKED_MAX ? err_set(e, ERR_INVALID, "the question is broken") : whole(c, e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = add_text(kr, t, ids[i], e);
    }
    uint32_t asked = t->n;
    for (uint32_t i = 0; i < t->n && rc == 0; i++) { /* it grows while it is walked */
        rc = add_joined(kr, t, i, e);
    }
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    buf_u32(&kr->out, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        buf_str(&kr->out, t->rows[i].rule_id);
        buf_str(&kr->out, t->rows[i].title);
        buf_str(&kr->out, t->rows[i].text);
        buf_u8(&kr->out, i < asked);
        buf_str(&kr->out, t->rows[i].joins);
    }
    return 0;
}

/* What this house has against a technique: tried on the archive where a warning brings nothing of its own. */
static int rules_for_technique(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    enum { BYTES_MAX = 1 << 20 };
    struct rule_row *rows = NULL;
    size_t n = 0;
    size_t bytes = 0;
    uint32_t fits = 0;
    struct span technique = cursor_str(c);
    int rc = technique.len == 0 || technique.len > 40 ? err_set(e, ERR_INVALID, "no technique") : whole(c, e);
    rc = rc < 0 ? rc
                : rules_tagged(kr->db, span_of(arena_printf(&kr->scratch, "attack.%.*s", SPAN_ARG(technique))), &kr->scratch, &rows, &n, e);
    answer_begin(&kr->out, rc, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bytes += rows[i].text.len;
        if (bytes <= BYTES_MAX && !is_correlation(rows[i].text)) {
            rows[fits++] = rows[i];
        }
    }
    if (rc == 0) {
        buf_u32(&kr->out, fits);
    }
    for (uint32_t i = 0; rc == 0 && i < fits; i++) {
        buf_str(&kr->out, rows[i].rule_id);
        buf_str(&kr->out, rows[i].text);
    }
    return rc;
}

/* ---- warnings ---- */

static int list_warnings(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_warning_row *rows = NULL;
    struct fed_sharing sharing = {0};
    size_t n = 0;
    time_ns before = (time_ns)cursor_u64(c);
    uint32_t limit = cursor_u32(c);
    bool brief = cursor_u8(c) != 0;
    int rc = limit == 0 || limit > FED_WARNING_PAGE_MAX
                 ? err_set(e, ERR_INVALID, "the limit is wrong")
                 : whole(c, e);
    rc = rc < 0 ? rc
                : fed_warnings_list(kr->db, before, limit, brief, &kr->scratch, &rows, &n, e);
    rc = rc < 0 ? rc : fed_sharing_get(kr->db, &kr->scratch, &sharing, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        fed_warning_encode(&kr->out, &rows[i]);
    }
    fed_sharing_encode(&kr->out, &sharing);
    return 0;
}

static int get_warning(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_warning_row row;
    struct fed_warning_step *steps = NULL;
    size_t n = 0;
    struct span id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_warnings_get(kr->db, id, &kr->scratch, &row, e);
    rc = rc < 0 ? rc : fed_warnings_steps(kr->db, id, &kr->scratch, &steps, &n, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    fed_warning_encode(&kr->out, &row);
    buf_u32(&kr->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_u64(&kr->out, (uint64_t)steps[i].at);
        buf_str(&kr->out, steps[i].who);
        buf_str(&kr->out, steps[i].what);
        buf_str(&kr->out, steps[i].reason);
    }
    return 0;
}

static void rules_again(struct keeper_records *kr)
{
    struct err e = {0};
    bool changed = false;
    if (keeper_taken_sync(kr, &changed, &e) < 0) {
        log_error("records.taken", "why=\"%s\"", e.text);
    }
    if (changed && kr->hooks.rules_changed != NULL) {
        kr->hooks.rules_changed(kr->hooks.arg);
    }
}

static int change_warning(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_warning_change ch;
    struct fed_warning_row row = {0};
    fed_warning_change_decode(c, &ch);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_warnings_change(kr->db, &ch, clock_now(), &kr->scratch, &row, e);
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        fed_warning_encode(&kr->out, &row);
        if (ch.act == FED_WARNING_TAKE || ch.act == FED_WARNING_DISMISS) {
            rules_again(kr);
        }
        keeper_tell_warning(kr, &row);
    }
    return rc;
}

/* ---- the policy of sharing ---- */

static int get_sharing(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_sharing s = {0};
    struct span stopped = SPAN("");
    char text[SETTING_MAX];
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_sharing_get(kr->db, &kr->scratch, &s, e);
    answer_begin(&kr->out, rc, e);
    if (rc < 0) {
        return rc;
    }
    fed_sharing_encode(&kr->out, &s);
    if (settings_get(kr->db, SPAN("federation.stopped"), text, sizeof text, &stopped, NULL) < 0) {
        stopped = SPAN("");
    }
    buf_str(&kr->out, stopped);
    rc = fed_share_circles(kr->db, &kr->out, e);
    if (rc < 0) {
        answer_begin(&kr->out, rc, e);
    }
    return rc;
}

static int put_sharing(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct fed_sharing s;
    fed_sharing_decode(c, &kr->scratch, &s);
    struct span who = cursor_str(c);
    int rc = whole(c, e);
    rc = rc < 0 ? rc : fed_sharing_put(kr->db, &s, who, clock_now(), e);
    answer_begin(&kr->out, rc, e);
    return rc;
}

keeper_signals_fn *keeper_signals_answer(uint16_t ask)
{
    static const struct {
        enum ask ask;
        keeper_signals_fn *answer;
    } answers[] = {
        {ASK_SIGNALS_DUE, signals_due},       {ASK_SIGNALS_TOLD, signals_told},
        {ASK_SIGNALS_DEALT, signals_dealt},   {ASK_SIGNALS_AFTER, signals_after},
        {ASK_SIGNALS_OF, signals_of},         {ASK_WARNINGS, list_warnings},
        {ASK_WARNING, get_warning},           {ASK_WARNING_CHANGE, change_warning},
        {ASK_SHARING, get_sharing},           {ASK_SHARING_PUT, put_sharing},
        {ASK_FINDINGS_TOLD, findings_told},
        {ASK_RULE_TEXTS, rule_texts},         {ASK_RULES_TAGGED, rules_for_technique},
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (answers[i].ask == ask) {
            return answers[i].answer;
        }
    }
    return NULL;
}

/* The desk is told of what came since the last time; the first time, at the start, of nothing. */
static void tell_new(struct keeper_records *kr)
{
    enum { AT_ONCE = 20 };
    struct fed_warning_row *rows = NULL;
    size_t n = 0;
    struct err e = {0};
    if (fed_warnings_list(kr->db, INT64_MAX, AT_ONCE, true, &kr->scratch, &rows, &n, &e) < 0) {
        return;
    }
    for (size_t i = n; i > 0; i--) {
        if (rows[i - 1].updated > kr->warned && kr->warned != 0) {
            keeper_tell_warning(kr, &rows[i - 1]);
        }
    }
    kr->warned = n > 0 ? rows[0].updated : kr->warned == 0 ? 1 : kr->warned;
}

void keeper_signals_tick(struct keeper_records *kr)
{
    int64_t mark = kr->taken_mark;
    struct err e = {0};
    arena_reset(&kr->scratch);
    tell_new(kr);
    if (fed_warnings_mark(kr->db, &mark, &e) == 0 && mark != kr->taken_mark) {
        kr->taken_mark = mark;
        rules_again(kr);
    }
}

void keeper_signals_sweep(struct keeper_records *kr, time_ns now)
{
    struct err e = {0};
    size_t ended = 0;
    int64_t first = (now / TIME_SECOND - SIGNALS_KEPT_S) / 900;
    int rc = db_begin(kr->db, &e);
    rc = rc < 0 ? rc : db_end(kr->db, fed_signals_sweep(kr->db, first, &e), &e);
    rc = rc < 0 ? rc : fed_warnings_expire(kr->db, now, &ended, &e);
    rc = rc < 0 ? rc : fed_warnings_sweep(kr->db, now, &e);
    if (rc < 0) {
        log_error("records.sweep", "why=\"%s\"", e.text);
    }
    rules_again(kr); /* also what the hub took back */
}
