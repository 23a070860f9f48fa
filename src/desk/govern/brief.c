/* SPDX-License-Identifier: EUPL-1.2 */
/* What the brief for the council counts and names: see brief.h. */
#include "desk/govern/brief.h"

enum { WHENEVER = INT32_MIN };
#define ANY_TIME "99999999999999999999" /* above every time that a key has */

/* from and to: days from today; WHENEVER: all of that state. */
static const struct {
    enum word word;
    const char *kind, *state, *field;
    int32_t from, to;
} figures[] = {
    {WORD_BRIEF_LIVE, "service", "live", "created", WHENEVER, WHENEVER},
    {WORD_BRIEF_TESTED, "service", "live", "tested", -365, 0},
    {WORD_BRIEF_OPEN, "finding", "open", "created", WHENEVER, WHENEVER},
    {WORD_BRIEF_LATE, "finding", "open", "due", WHENEVER, -1},
    {WORD_BRIEF_CARRIED, "risk", "accepted", "created", WHENEVER, WHENEVER},
};

static const struct {
    const char *kind, *state, *sort;
    const char *cells[3];
} tables[BRIEF_TABLE_COUNT] = {
    [BRIEF_ASKED] = {"budget_request", "presented", "created", {"asked", "consequence", NULL}},
    [BRIEF_DECIDED] = {"minute", "sealed", "held", {"body", "held", "item"}},
};

static const struct {
    const char *value;
    enum word word;
} decisions[] = {{"mitigate", WORD_BRIEF_MITIGATE}, {"accept", WORD_BRIEF_ACCEPT}, {"transfer", WORD_BRIEF_TRANSFER},
                 {"refuse", WORD_BRIEF_REFUSE},     {"defer", WORD_BRIEF_DEFER},   {"noted", WORD_BRIEF_NOTED}};

/* A kind that is on, has that state, and whose field this reader sees in lists; NULL. */
static const struct register_kind *kind_shown(const struct registers *kinds, const struct policy_reader *reader, time_ns now, const char *kind,
                                              const char *state, const char *field)
{
    const struct register_kind *k = registers_by_name(kinds, span_of(kind));
    if (k == NULL || register_state_of(k, span_of(state)) < 0 || register_key_type(k, span_of(field)) == KEY_NO) {
        return NULL;
    }
    int place = register_field_of(k, span_of(field));
    return place >= 0 && (policy_record_hidden(reader, &k->rights, now) >> place & 1) != 0 ? NULL : k;
}

static struct span day_text(struct arena *a, int64_t day)
{
    char text[TIME_TEXT_MAX];
    return arena_copy(a, span_make(time_format(day * TIME_DAY, text), 10));
}

static struct span address(struct arena *a, const struct register_kind *k, const struct today_due *due, bool days)
{
    const char *list = arena_printf(a, "/registers/%.*s?state=%.*s", SPAN_ARG(k->plural), SPAN_ARG(due->state));
    const char *from = due->from.len == 0 ? "" : arena_printf(a, "&amp;%.*s.from=%.*s", SPAN_ARG(due->field), SPAN_ARG(due->from));
    return !days ? span_of(list) : span_of(arena_printf(a, "%s%s&amp;%.*s.to=%.*s", list, from, SPAN_ARG(due->field), SPAN_ARG(due->to)));
}

uint32_t brief_figures(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct brief_figure *out)
{
    uint32_t n = 0;
    int64_t today = time_day(now);
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        const struct register_kind *k = kind_shown(kinds, reader, now, figures[i].kind, figures[i].state, figures[i].field);
        struct brief_figure f = {.word = figures[i].word};
        bool days = figures[i].to != WHENEVER;
        if (k == NULL) {
            continue;
        }
        policy_record_scope(reader, &k->rights, now, &f.due.scope);
        if (record_scope_empty(&f.due.scope)) {
            continue;
        }
        f.due.kind = k->name;
        f.due.state = span_of(figures[i].state);
        f.due.field = span_of(figures[i].field);
        f.due.from = figures[i].from == WHENEVER ? SPAN("") : day_text(a, today + figures[i].from);
        f.due.to = days ? day_text(a, today + figures[i].to) : SPAN(ANY_TIME);
        f.href = address(a, k, &f.due, days);
        f.place = n;
        out[n++] = f;
    }
    return n;
}

bool brief_query(const struct registers *kinds, const struct policy_reader *reader, time_ns now, enum brief_table t, struct record_query *out)
{
    const struct register_kind *k = kind_shown(kinds, reader, now, tables[t].kind, tables[t].state, tables[t].sort);
    *out = (struct record_query){.limit = BRIEF_ROWS_MAX, .descending = true, .nfilters = 1};
    if (k == NULL) {
        return false;
    }
    policy_record_scope(reader, &k->rights, now, &out->scope);
    out->kind = k->name;
    out->sort = span_of(tables[t].sort);
    out->filters[0] = (struct record_filter){.field = REGISTER_KEY_STATE, .value = span_of(tables[t].state), .how = RECORD_EQUAL};
    return !record_scope_empty(&out->scope);
}

static struct span cell(const struct jcs *fields, const char *name, struct arena *a)
{
    const struct jcs *v = name == NULL ? NULL : jcs_get(fields, name);
    return v == NULL ? SPAN("") : v->kind == JCS_TEXT ? v->text : jcs_text(a, v);
}

bool brief_row(const struct record_worker *w, enum brief_table t, const struct record_row *row, struct arena *a, struct brief_row *out)
{
    const struct jcs *fields = row->tlp == TLP_RED ? NULL : record_fields_shown(w, row, a);
    if (fields == NULL) {
        return false;
    }
    *out = (struct brief_row){.decision = WORD_COUNT, .tlp = row->tlp};
    struct span title = register_title(w->kind, fields);
    out->title = title.len > 0 ? title : row->id; /* where a title is masked */
    out->id = row->id;
    out->kind = row->kind;
    out->version = row->version;
    brief_record_hash(row, out->hash);
    out->href = span_of(arena_printf(a, "/registers/%.*s/%.*s", SPAN_ARG(w->kind->plural), SPAN_ARG(row->id)));
    for (size_t i = 0; i < ARRAY_LEN(out->cells); i++) {
        out->cells[i] = cell(fields, tables[t].cells[i], a);
    }
    struct span decision = t == BRIEF_DECIDED ? cell(fields, "decision", a) : SPAN("");
    for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
        out->decision = span_eq(decision, span_of(decisions[i].value)) ? decisions[i].word : out->decision;
    }
    return true;
}

struct span brief_table_kind(enum brief_table t)
{
    return span_of(tables[t].kind);
}

void brief_row_hide(const struct register_kind *k, enum brief_table t, uint64_t hidden, struct brief_row *row)
{
    row->title = (hidden >> k->title & 1) != 0 ? row->id : row->title;
    for (size_t i = 0; i < ARRAY_LEN(row->cells); i++) {
        int place = tables[t].cells[i] == NULL ? -1 : register_field_of(k, span_of(tables[t].cells[i]));
        row->cells[i] = place < 0 || (hidden >> place & 1) != 0 ? SPAN("") : row->cells[i];
    }
    int decision = register_field_of(k, SPAN("decision"));
    row->decision = decision < 0 || (hidden >> decision & 1) != 0 ? WORD_COUNT : row->decision;
}
