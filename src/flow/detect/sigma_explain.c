/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Words for trees of predicates. Lists of values of one field are gathered into one sentence; variants of one written
 * value (dashes, base64 shifts) are told once. Called by cli and desk with a loaded set; allocates only scratch.
 */
#include "flow/detect/sigma_explain.h"

#include "flow/detect/sigma_priv.h"

struct teller {
    struct buf *out;
    struct arena scratch;
    uint32_t max_values;
};

static void indent(struct teller *t, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        buf_cstr(t->out, "  ");
    }
}

static bool has_modifier(const struct sigma_pred *p, const char *name)
{
    struct span want = span_of(name);
    for (struct span rest = p->modifiers; rest.len > 0;) {
        ptrdiff_t bar = span_find(rest, '|');
        struct span word = bar < 0 ? rest : span_sub(rest, 0, (size_t)bar);
        if (span_eq(word, want)) {
            return true;
        }
        rest = bar < 0 ? SPAN("") : span_sub(rest, (size_t)bar + 1, SIZE_MAX);
    }
    return false;
}

static const char *string_operator(const struct sigma_pred *p)
{
    const struct sigma_part *a = p->parts;
    if (p->nparts == 0) {
        return "is empty";
    }
    if (p->nparts == 1 && a[0].kind != PART_ONE) {
        return a[0].kind == PART_ANY ? "is there, with any value" : "is";
    }
    if (p->nparts == 2 && a[0].kind == PART_LITERAL && a[1].kind == PART_ANY) {
        return "starts with";
    }
    if (p->nparts == 2 && a[0].kind == PART_ANY && a[1].kind == PART_LITERAL) {
        return "ends with";
    }
    if (p->nparts == 3 && a[0].kind == PART_ANY && a[1].kind == PART_LITERAL && a[2].kind == PART_ANY) {
        return "contains";
    }
    return "fits the pattern (* any text, ? one character)";
}

static const char *compare_operator(enum sigma_cmp cmp)
{
    static const char *const words[] = {"is", "is not", "is less than", "is at most", "is more than", "is at least"};
    return words[cmp];
}

static const char *pred_operator(const struct sigma_pred *p)
{
    static const char *const fieldref[] = {"equals the field", "starts with the field", "ends with the field",
                                           "contains the field"};
    switch (p->kind) {
    case PRED_REGEX:
        return "fits the regular expression";
    case PRED_CIDR:
        return "is an address in";
    case PRED_COMPARE:
    case PRED_TIMEPART:
        return compare_operator(p->cmp);
    case PRED_NULL:
        return "is missing or null";
    case PRED_EXISTS:
        return p->want ? "is there" : "is not there";
    case PRED_FIELDREF:
        return fieldref[p->mode];
    case PRED_STRING:
    default:
        return string_operator(p);
    }
}

static void put_field(struct teller *t, const struct sigma_pred *p)
{
    static const char *const parts[] = {"minute", "hour", "day of the month", "week", "month", "year"};
    if (p->kind == PRED_TIMEPART) {
        buf_printf(t->out, "the %s of ", parts[p->timepart]);
    }
    buf_span(t->out, p->field.len == 0 ? SPAN("any value of the event") : p->field);
}

/* The text a person would look for: without the wildcards that the operator already tells. */
static struct span plain_value(struct teller *t, const struct sigma_pred *p)
{
    if (p->kind != PRED_STRING) {
        return p->written;
    }
    struct pattern cut = pattern_parse(&t->scratch, p->written, false);
    while (cut.n > 0 && cut.parts[0].kind == PART_ANY) {
        cut.parts++;
        cut.n--;
    }
    while (cut.n > 0 && cut.parts[cut.n - 1].kind == PART_ANY) {
        cut.n--;
    }
    return cut.n == 1 && cut.parts[0].kind == PART_LITERAL ? cut.parts[0].text : p->written;
}

static bool tells_value(const struct sigma_pred *p)
{
    return p->kind != PRED_NULL && p->kind != PRED_EXISTS &&
           !(p->kind == PRED_STRING && (p->nparts == 0 || (p->nparts == 1 && p->parts[0].kind == PART_ANY)));
}

static void put_remarks(struct teller *t, const struct sigma_pred *p)
{
    static const struct {
        const char *modifier, *words;
    } remarks[] = {
        {"windash", " (with any kind of dash)"}, {"base64", " (written in base64)"},
        {"base64offset", " (somewhere inside base64)"}, {"wide", " (as UTF-16)"},
        {"utf16le", " (as UTF-16)"}, {"utf16be", " (as UTF-16, big end first)"},
        {"utf16", " (as UTF-16 with its mark)"}, {"cased", " (case counts)"},
        {"i", " (case does not count)"}, {"ignorecase", " (case does not count)"},
        {"expand", " (from a list of this place)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(remarks); i++) {
        if (has_modifier(p, remarks[i].modifier)) {
            buf_cstr(t->out, remarks[i].words);
        }
    }
}

static void put_pred(struct teller *t, const struct sigma_pred *p)
{
    put_field(t, p);
    buf_printf(t->out, " %s", pred_operator(p));
    if (tells_value(p)) {
        buf_cstr(t->out, " ");
        buf_span(t->out, plain_value(t, p));
    }
    put_remarks(t, p);
}

static bool same_list(const struct sigma_node *a, const struct sigma_node *b)
{
    return a->kind == NODE_PRED && b->kind == NODE_PRED && a->selection.len == 0 && b->selection.len == 0 &&
           a->pred->kind == b->pred->kind && span_eq(a->pred->field, b->pred->field) &&
           span_eq(a->pred->modifiers, b->pred->modifiers) &&
           strcmp(pred_operator(a->pred), pred_operator(b->pred)) == 0 &&
           a->pred->timepart == b->pred->timepart;
}

static bool same_value(const struct sigma_node *a, const struct sigma_node *b)
{
    return span_eq(a->pred->written, b->pred->written);
}

/* Kids from `from` that make one list: their end in *to_out; returns how many different written values. */
static uint32_t list_end(const struct sigma_node *n, uint32_t from, uint32_t *to_out)
{
    uint32_t values = 1;
    uint32_t to = from + 1;
    while (to < n->nkids && same_list(n->kids[from], n->kids[to])) {
        values += same_value(n->kids[to - 1], n->kids[to]) ? 0 : 1;
        to++;
    }
    *to_out = to;
    return values;
}

static void put_list(struct teller *t, const struct sigma_node *n, uint32_t from, uint32_t to,
                     uint32_t values, unsigned depth)
{
    const struct sigma_pred *first = n->kids[from]->pred;
    uint32_t told = 0;
    if (values == 1) {
        put_pred(t, first);
        buf_cstr(t->out, "\n");
        return;
    }
    put_field(t, first);
    buf_printf(t->out, " %s %s", pred_operator(first), n->kind == NODE_AND ? "all of" : "any of");
    put_remarks(t, first);
    buf_cstr(t->out, ":\n");
    for (uint32_t i = from; i < to; i++) {
        if (i > from && same_value(n->kids[i - 1], n->kids[i])) {
            continue;
        }
        indent(t, depth + 1);
        if (told == t->max_values) {
            buf_printf(t->out, "… and %u more\n", values - told);
            return;
        }
        buf_span(t->out, plain_value(t, n->kids[i]->pred));
        buf_cstr(t->out, "\n");
        told++;
    }
}

static void put_node(struct teller *t, const struct sigma_node *n, unsigned depth);

static void put_group(struct teller *t, const struct sigma_node *n, unsigned depth)
{
    uint32_t to = 0;
    uint32_t values = list_end(n, 0, &to);
    if (to == n->nkids && n->kids[0]->kind == NODE_PRED) {
        put_list(t, n, 0, to, values, depth);
        return;
    }
    buf_cstr(t->out, n->kind == NODE_AND ? "all of these:\n" : "any of these:\n");
    for (uint32_t i = 0; i < n->nkids; i = to) {
        indent(t, depth + 1);
        buf_cstr(t->out, "- ");
        values = list_end(n, i, &to);
        if (n->kids[i]->kind == NODE_PRED && n->kids[i]->selection.len == 0) {
            put_list(t, n, i, to, values, depth + 1);
        } else {
            to = i + 1;
            put_node(t, n->kids[i], depth + 1);
        }
    }
}

/* Depth is bounded by the loader. */
static void put_node(struct teller *t, const struct sigma_node *n, unsigned depth)
{
    if (n->selection.len > 0) {
        buf_span(t->out, n->selection);
        buf_cstr(t->out, ": ");
    }
    switch (n->kind) {
    case NODE_PRED:
        put_pred(t, n->pred);
        buf_cstr(t->out, "\n");
        break;
    case NODE_NOT:
        buf_cstr(t->out, "not ");
        put_node(t, n->kids[0], depth);
        break;
    case NODE_AND:
    case NODE_OR:
        put_group(t, n, depth);
        break;
    case NODE_TRUE:
    case NODE_FALSE:
        buf_cstr(t->out, n->kind == NODE_TRUE ? "always\n" : "never\n");
        break;
    }
}

static void put_head(struct teller *t, const struct sigma_rule *r)
{
    buf_span(t->out, r->title.len > 0 ? r->title : r->id);
    buf_printf(t->out, " (%s)\n", alert_level_name(r->level));
    if (r->description.len > 0) {
        buf_span(t->out, span_trim(r->description));
        buf_cstr(t->out, "\n");
    }
    buf_cstr(t->out, "\n");
}

static void put_source(struct teller *t, const struct logsource *s)
{
    const char *const names[] = {"product", "category", "service"};
    const struct span values[] = {s->product, s->category, s->service};
    bool any = false;
    buf_cstr(t->out, "It looks at events of ");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (values[i].len > 0) {
            buf_printf(t->out, "%s%s %.*s", any ? ", " : "", names[i], SPAN_ARG(values[i]));
            any = true;
        }
    }
    buf_cstr(t->out, any ? ".\n" : "any source.\n");
}

void sigma_explain_rule(struct buf *out, const struct sigma_rule *rule, uint32_t max_values)
{
    struct teller t = {.out = out, .max_values = max_values == 0 ? SIGMA_EXPLAIN_VALUES : max_values};
    arena_init(&t.scratch, 0);
    put_head(&t, rule);
    put_source(&t, &rule->logsource);
    buf_cstr(out, "It fires when this holds:\n  ");
    put_node(&t, rule->root, 1);
    if (rule->quiet) {
        buf_cstr(out, "It makes no alert of its own: it only feeds correlations.\n");
    }
    arena_fini(&t.scratch);
}

/* ---- correlations ---- */

static void put_names(struct teller *t, const struct span *names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        buf_cstr(t->out, i == 0 ? "" : ", ");
        buf_span(t->out, names[i]);
    }
}

static void put_span_of_time(struct teller *t, int64_t ns)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{31556952, "year"}, {2629746, "month"}, {604800, "week"}, {86400, "day"},
                 {3600, "hour"},     {60, "minute"},     {1, "second"}};
    int64_t seconds = ns / TIME_SECOND;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (seconds % units[i].seconds == 0 && seconds > 0) {
            long long count = seconds / units[i].seconds;
            buf_printf(t->out, "%lld %s%s", count, units[i].name, count == 1 ? "" : "s");
            return;
        }
    }
}

static void put_measure(struct teller *t, const struct sigma_correlation *c)
{
    switch (c->type) {
    case CORR_EVENT_COUNT:
        buf_cstr(t->out, "the number of events");
        return;
    case CORR_VALUE_COUNT:
        buf_cstr(t->out, "the number of different values of ");
        break;
    case CORR_VALUE_SUM:
        buf_cstr(t->out, "the sum of ");
        break;
    case CORR_VALUE_AVG:
        buf_cstr(t->out, "the mean of ");
        break;
    case CORR_VALUE_MEDIAN:
        buf_cstr(t->out, "the median of ");
        break;
    case CORR_VALUE_PERCENTILE:
        if (c->percentile >= 0) {
            buf_printf(t->out, "the percentile %g of ", c->percentile);
        } else {
            buf_cstr(t->out, "the share in per cent of events with the same ");
        }
        break;
    case CORR_TEMPORAL:
    case CORR_TEMPORAL_ORDERED:
        buf_cstr(t->out, "the number of different rules seen");
        return;
    }
    put_names(t, c->fields, c->nfields);
}

static void put_corr_node(struct teller *t, const struct sigma_correlation *c,
                          const struct sigma_corr_node *n)
{
    if (n->kind == NODE_PRED) {
        buf_span(t->out, c->refs[n->ref]);
        return;
    }
    buf_cstr(t->out, n->kind == NODE_NOT ? "not (" : "(");
    for (uint32_t i = 0; i < n->nkids; i++) {
        buf_cstr(t->out, i == 0 ? "" : n->kind == NODE_AND ? " and " : " or ");
        put_corr_node(t, c, n->kids[i]);
    }
    buf_cstr(t->out, ")");
}

static void put_when(struct teller *t, const struct sigma_correlation *c)
{
    bool temporal = c->type == CORR_TEMPORAL || c->type == CORR_TEMPORAL_ORDERED;
    buf_cstr(t->out, "It fires when within ");
    put_span_of_time(t, c->timespan_ns);
    if (c->extended != NULL) {
        buf_cstr(t->out, " this is seen: ");
        put_corr_node(t, c, c->extended);
    } else if (temporal && c->nbounds == 0) {
        buf_cstr(t->out, " all of them are seen");
    } else {
        buf_cstr(t->out, " ");
        put_measure(t, c);
        for (uint32_t i = 0; i < c->nbounds; i++) {
            buf_printf(t->out, "%s%s %g", i == 0 ? " " : " and ", compare_operator(c->bounds[i].cmp),
                       c->bounds[i].number);
        }
    }
    if (c->type == CORR_TEMPORAL_ORDERED) {
        buf_cstr(t->out, ", in this order");
    }
    if (c->ngroup_by > 0) {
        buf_cstr(t->out, ", each time for the same ");
        put_names(t, c->group_by, c->ngroup_by);
    }
    buf_cstr(t->out, ".\n");
}

void sigma_explain_correlation(struct buf *out, const struct sigma_set *set,
                               const struct sigma_correlation *c)
{
    struct teller t = {.out = out};
    put_head(&t, &c->meta);
    buf_cstr(out, "It looks at matches of:\n");
    for (uint32_t i = 0; i < c->nrefs; i++) {
        uint32_t at = c->ref_index[i];
        const struct sigma_rule *r = at < set->rules.len
                                         ? set->rules.data[at]
                                         : &set->correlations.data[at - set->rules.len]->meta;
        buf_cstr(out, "  - ");
        buf_span(out, r->title.len > 0 ? r->title : r->id);
        buf_cstr(out, "\n");
    }
    for (uint32_t i = 0; i < c->naliases; i++) {
        buf_printf(out, "Here %.*s is the field %.*s of %.*s.\n", SPAN_ARG(c->aliases[i].alias),
                   SPAN_ARG(c->aliases[i].field), SPAN_ARG(c->aliases[i].rule));
    }
    put_when(&t, c);
    buf_cstr(out, c->generate ? "Its rules make alerts of their own too.\n"
                              : "Its rules make no alerts of their own.\n");
}
