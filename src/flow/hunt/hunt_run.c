/* SPDX-License-Identifier: EUPL-1.2 */
/* Blocks through rules and indicators: see hunt_run.h. Runs in the hunter on bytes of anybody. */
#include "archive/block.h"
#include "flow/hunt/hunt_needs.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/hunt/hunt_skips.h"

/* What an unpacked block of ordinary records takes; a larger one takes memory of its own, for its time. */
enum { SCRATCH_BYTES = 2 * ARCHIVE_BLOCK_MAX_BYTES };

static void map_rules(struct hunt_run *run)
{
    uint32_t n = ruleset_nrules(run->parts.ruleset);
    run->item_of_rule = mem_calloc(n, sizeof *run->item_of_rule);
    for (uint32_t i = 0; i < n; i++) {
        run->item_of_rule[i] = UINT32_MAX;
    }
    const struct hunt_plan *plan = run->parts.plan;
    uint32_t joins = correlations_count(plan->correlations);
    run->item_of_correlation = mem_calloc((size_t)joins + 1, sizeof *run->item_of_correlation);
    for (uint32_t i = 0; i < joins; i++) {
        run->item_of_correlation[i] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < plan->nrules; i++) {
        if (plan->rules[i].number < n) {
            run->item_of_rule[plan->rules[i].number] = i;
        } else if (plan->rules[i].correlation < joins) {
            run->item_of_correlation[plan->rules[i].correlation] = i;
        }
    }
}

static void note_joined(void *ctx, const struct hunt_joined *joined);

int hunt_run_new(const struct hunt_run_parts *parts, struct hunt_run **out, struct err *e)
{
    struct hunt_run *run = mem_alloc(sizeof *run);
    run->magic = HUNT_RUN_MAGIC;
    run->parts = *parts;
    arena_init(&run->arena, 0);
    arena_init(&run->scratch, SCRATCH_BYTES);
    map_init(&run->texts);
    map_init(&run->streams);
    map_init(&run->hints);
    map_init(&run->class_of);
    event_init(&run->event, parts->catalog);
    run->normaliser = normaliser_new(parts->catalog);
    run->indicators = hunt_matcher_new(parts->hunt->indicators, parts->hunt->nindicators);
    run->raw = hunt_raw_new(parts->hunt->indicators, parts->hunt->nindicators, parts->catalog);
    run->nitems = parts->plan->nrules + parts->hunt->nindicators;
    run->items = mem_calloc(run->nitems, sizeof *run->items);
    run->classes = mem_calloc(parts->catalog->nclasses, sizeof *run->classes);
    run->retained_from = run->retained_to = TIME_NONE;
    map_rules(run);
    run->join = correlations_count(parts->plan->correlations) == 0
                    ? NULL
                    : hunt_join_new(parts->plan->correlations, note_joined, run);
    run->matcher = matcher_new(parts->ruleset, parts->catalog, e);
    if (run->matcher == NULL) {
        hunt_run_free(&run);
        return e->code != 0 ? e->code : ERR_INVALID;
    }
    *out = run;
    return 0;
}

void hunt_run_free(struct hunt_run **given)
{
    struct hunt_run *run = *given;
    if (run == NULL) {
        return;
    }
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    for (uint32_t i = 0; i < run->nitems; i++) {
        vec_free(&run->items[i].refs);
    }
    for (class_id c = 0; c < run->parts.catalog->nclasses; c++) {
        vec_free(&run->classes[c].pending);
        vec_free(&run->classes[c].present);
    }
    for (size_t i = 0; i < run->all_streams.len; i++) {
        stream_fini(&run->all_streams.data[i]->stream);
        mem_free(run->all_streams.data[i]);
    }
    vec_free(&run->all_streams);
    map_free(&run->texts);
    map_free(&run->streams);
    map_free(&run->hints);
    map_free(&run->class_of);
    event_fini(&run->event);
    matcher_free(&run->matcher);
    normaliser_free(&run->normaliser);
    hunt_matcher_free(&run->indicators);
    hunt_raw_free(&run->raw);
    arena_fini(&run->arena);
    arena_fini(&run->scratch);
    hunt_join_free(&run->join);
    mem_free(run->item_of_rule);
    mem_free(run->item_of_correlation);
    mem_free(run->items);
    mem_free(run->classes);
    run->magic = 0;
    mem_free(run);
    *given = NULL;
}

struct span hunt_run_text(struct hunt_run *run, struct span s)
{
    bool fresh = false;
    uint64_t at = 0;
    if (s.len == 0) {
        return SPAN("");
    }
    if (!map_get(&run->texts, s, &at)) {
        struct span copy = arena_copy(&run->arena, s);
        *map_at(&run->texts, copy, &fresh) = (uint64_t)(uintptr_t)copy.ptr;
        return copy;
    }
    return span_make((const char *)(uintptr_t)at, s.len);
}

/* ---- how a record is read again ---- */

static struct hunt_stream *stream_new(struct hunt_run *run)
{
    struct hunt_stream *s = mem_alloc(sizeof *s);
    stream_init(&s->stream);
    s->stream.source = SPAN("");
    vec_push(&run->all_streams, s);
    return s;
}

void hunt_run_source(struct hunt_run *run, struct span name, enum source_format format,
                     struct span as)
{
    struct hunt_stream *s = stream_new(run);
    s->known = true;
    s->format = format;
    s->stream.source = span_eq(as, SPAN("auto")) ? SPAN("") : hunt_run_text(run, as);
    map_put(&run->hints, hunt_run_text(run, name), (uint64_t)(uintptr_t)s);
}

static struct hunt_stream *find_stream(struct hunt_run *run, const struct archive_record *r)
{
    uint64_t at = 0;
    struct span key = span_of(arena_printf(&run->scratch, "%.*s\x1f%.*s",
                                           SPAN_ARG(r->organisation), SPAN_ARG(r->source)));
    if (map_get(&run->streams, key, &at)) {
        return (struct hunt_stream *)(uintptr_t)at; /* NOLINT(performance-no-int-to-ptr): map */
    }
    struct hunt_stream *s = stream_new(run);
    s->organisation = hunt_run_text(run, r->organisation);
    s->of = hunt_run_text(run, r->source);
    if (map_get(&run->hints, r->source, &at)) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map holds numbers */
        const struct hunt_stream *hint = (const struct hunt_stream *)(uintptr_t)at;
        s->known = true;
        s->format = hint->format;
        s->stream.source = hint->stream.source;
    }
    map_put(&run->streams, hunt_run_text(run, key), (uint64_t)(uintptr_t)s);
    return s;
}

static struct hunt_stream *stream_of(struct hunt_run *run, const struct archive_record *r)
{
    struct hunt_stream *s = run->last;
    if (s == NULL || !span_eq(s->organisation, r->organisation) || !span_eq(s->of, r->source)) {
        s = find_stream(run, r);
        run->last = s;
    }
    return s;
}

static enum normalise_result read_again(struct hunt_run *run, const struct archive_record *r)
{
    struct hunt_stream *s = stream_of(run, r);
    struct err e = {0};
    enum source_format format = FORMAT_JSON;
    if (!normalise_flag_format(r->flags, &format)) {
        format = s->known ? s->format : normalise_guess_format(r->original);
    }
    s->stream.format = format;
    s->stream.received = r->received;
    enum normalise_result result =
        normalise(run->normaliser, &s->stream, r->original, &run->event, &e);
    run->event.time = r->time; /* what was found live, in the zone of its source */
    run->event.received = r->received;
    return result;
}

/* ---- counting ---- */

bool hunt_rule_applies(const struct hunt_plan_rule *rule, const struct event_class *cls)
{
    for (uint32_t i = 0; i < cls->nsources; i++) {
        if (rule->anywhere || logsource_applies(&rule->logsource, &cls->sources[i])) {
            return true;
        }
    }
    return false;
}

/* False: it is counted, and its record is not to be named. */
static bool note_time(struct hunt_run *run, struct hunt_tally *t, time_ns time)
{
    t->first = t->count == 0 || time < t->first ? time : t->first;
    t->last = t->count == 0 || time > t->last ? time : t->last;
    t->count++;
    return t->refs.len < HUNT_REFS_MAX && run->refs < HUNT_REFS_ALL_MAX;
}

static void note_hit(struct hunt_run *run, uint32_t item, struct archive_address at,
                     const struct archive_record *r)
{
    struct hunt_tally *t = &run->items[item];
    if (note_time(run, t, r->time)) {
        run->refs++;
        vec_push(&t->refs, (struct hunt_ref){at.day, at.block, at.index, r->time,
                                             hunt_run_text(run, r->organisation),
                                             hunt_run_text(run, r->source),
                                             hunt_run_text(run, r->host)});
    }
}

/* A record completed a correlation. */
static void note_joined(void *ctx, const struct hunt_joined *joined)
{
    struct hunt_run *run = ctx;
    uint32_t item = run->item_of_correlation[joined->correlation];
    if (item == UINT32_MAX) {
        return; /* it only feeds others */
    }
    struct hunt_tally *t = &run->items[item];
    const struct hunt_place *p = joined->place;
    run->matches += !joined->counted;
    if (note_time(run, t, joined->time) && p != NULL) {
        run->refs++;
        vec_push(&t->refs,
                 (struct hunt_ref){p->day, p->block, joined->index, joined->time,
                                   hunt_run_text(run, joined->organisation), p->source, p->host});
    }
}

/* What correlations join of one event; each rule once, whatever views of it matched. */
static void join(struct hunt_run *run, const struct match *matches, uint32_t n, struct archive_address at,
                 const struct archive_record *r, bool counted)
{
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (matches[i].rule == last || !correlations_uses(run->parts.plan->correlations, matches[i].rule)) {
            continue;
        }
        last = matches[i].rule;
        const struct hunt_join_match m = {
            .rule = matches[i].rule,
            .class_id = matches[i].class_id,
            .organisation = r->organisation,
            .place = {at.day, at.block, hunt_run_text(run, r->source), hunt_run_text(run, r->host)},
            .index = at.index,
            .event = run->events,
            .counted = counted,
        };
        hunt_join_add(run->join, &run->event, &m);
    }
}

static void want_fields(struct hunt_run *run, const struct hunt_plan_rule *rule, class_id c, bool *wanted)
{
    struct hunt_seen *seen = &run->classes[c];
    bool applies = rule->nfields + rule->nkeys > 0 && hunt_rule_applies(rule, &run->parts.catalog->classes[c]);
    for (uint32_t k = 0; applies && k < rule->nfields + rule->nkeys; k++) {
        field_id f = k < rule->nfields ? rule->fields[k] : rule->keys[k - rule->nfields];
        if (f != FIELD_NONE && !wanted[f]) {
            wanted[f] = true;
            vec_push(&seen->pending, f);
        }
    }
}

/* The fields that some rule asks of this class. */
void hunt_run_prepare(struct hunt_run *run, class_id c)
{
    struct hunt_seen *seen = &run->classes[c];
    const struct hunt_plan *plan = run->parts.plan;
    bool *wanted = mem_calloc(run->parts.catalog->nfields, sizeof *wanted);
    seen->prepared = true;
    for (uint32_t i = 0; i < plan->nrules; i++) {
        want_fields(run, &plan->rules[i], c, wanted);
    }
    for (uint32_t i = 0; i < plan->nbases; i++) {
        want_fields(run, &plan->bases[i], c, wanted);
    }
    mem_free(wanted);
}

static void note_kind(struct hunt_run *run)
{
    struct event *ev = &run->event;
    class_id first = ev->class_id;
    run->classes[first].events++;
    for (class_id c = first; c != CLASS_NONE; c = run->parts.catalog->classes[c].also) {
        struct hunt_seen *seen = &run->classes[c];
        if (!seen->prepared) {
            hunt_run_prepare(run, c);
        }
        event_use_class(ev, c);
        for (size_t i = 0; i < seen->pending.len;) {
            if (event_first(ev, seen->pending.data[i]) == LEAF_NIL) {
                i++;
                continue;
            }
            vec_push(&seen->present, seen->pending.data[i]);
            seen->pending.data[i] = *vec_last(&seen->pending);
            seen->pending.len--;
        }
    }
    event_use_class(ev, first);
}

/* may: it may hold an indicator. */
static void look(struct hunt_run *run, struct archive_address at, const struct archive_record *r, bool may)
{
    struct event *ev = &run->event;
    const struct match *matches = NULL;
    const uint32_t *hits = NULL;
    bool any = false;
    note_kind(run);
    uint32_t n = matcher_run(run->matcher, ev, &matches);
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        /* A rule may match through two views of one event; it is one event. */
        uint32_t item = matches[i].rule == last ? UINT32_MAX : run->item_of_rule[matches[i].rule];
        last = matches[i].rule;
        if (item != UINT32_MAX) {
            note_hit(run, item, at, r);
            any = true;
        }
    }
    event_use_class(ev, ev->class_id);
    uint32_t k = run->parts.hunt->nindicators == 0 || !may ? 0 : hunt_matcher_run(run->indicators, ev, &hits);
    for (uint32_t i = 0; i < k; i++) {
        note_hit(run, run->parts.plan->nrules + hits[i], at, r);
    }
    run->matches += any || k > 0;
    if (run->join != NULL && n > 0) {
        join(run, matches, n, at, r, any || k > 0);
        event_use_class(ev, ev->class_id);
    }
}

static bool inside(const struct hunt *h, time_ns t)
{
    return (h->from == TIME_NONE || t >= h->from) && (h->to == TIME_NONE || t < h->to);
}

/* may: it may hold an indicator. */
static void take_record(struct hunt_run *run, struct archive_address at,
                        const struct archive_record *r, enum hunt_block_use use, bool may)
{
    bool counts = use == HUNT_BLOCK_COUNT && inside(run->parts.hunt, r->time);
    bool header = r->class_name.len == 0; /* intake knew no event in it */
    if (!counts && !header) {
        return;
    }
    enum normalise_result result = read_again(run, r);
    if (result == NORMALISE_HEADER || !counts) {
        return;
    }
    run->events++;
    run->unreadable += result == NORMALISE_BAD;
    look(run, at, r, may);
}

/* Classes may share a name; a block tells the name only. Their events are told under the first of them. */
static void index_classes(struct hunt_run *run)
{
    const struct catalog *cat = run->parts.catalog;
    bool made = run->class_of.len > 0;
    for (class_id c = 0; !made && c < cat->nclasses; c++) {
        bool fresh = false;
        uint64_t *at = map_at(&run->class_of, cat->classes[c].name, &fresh);
        *at = fresh ? (uint64_t)c + 1 : *at;
    }
}

/* Events that nobody took apart, by the name that intake gave their kind. */
static void count_events(struct hunt_run *run, struct span class_name, uint64_t events)
{
    uint64_t at = 0;
    index_classes(run);
    run->events += events;
    if (events > 0 && map_get(&run->class_of, class_name, &at)) {
        class_id c = (class_id)(at - 1);
        if (!run->classes[c].prepared) {
            hunt_run_prepare(run, c);
        }
        run->classes[c].events += events;
    }
}

/* Kinds of values that are looked for and were not seen, as bits 1 << type: "clean" cannot be said of them yet. */
static unsigned unseen_kinds(struct hunt_run *run)
{
    const struct hunt *h = run->parts.hunt;
    unsigned unseen = 0;
    for (uint32_t i = 0; i < h->nindicators && !run->all_seen; i++) {
        const struct indicator *in = &h->indicators[i];
        if (run->items[run->parts.plan->nrules + i].count == 0 && hunt_shapes_seen(run, in) == 0) {
            unseen |= 1u << hunt_shape_of(in);
        }
    }
    run->all_seen = unseen == 0;
    return unseen;
}

static void take_block(struct hunt_run *run, const struct archive_header *header, const struct block *b,
                       enum hunt_block_use use)
{
    bool raw = run->raw != NULL && use == HUNT_BLOCK_COUNT && header->class_name.len > 0;
    const uint64_t *may = raw ? hunt_raw_block(run->raw, b, unseen_kinds(run)) : NULL;
    bool all = may == NULL || run->parts.plan->nrules + run->parts.plan->nbases > 0; /* rules want every record */
    uint64_t passed = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct archive_record *r = &b->records[i];
        bool wanted = may == NULL || (may[i / 64] >> (i % 64) & 1) != 0;
        if (!all && !wanted) {
            passed += inside(run->parts.hunt, r->time);
            continue;
        }
        struct archive_address at = {header->day, b->origins == NULL ? header->id : b->origins[i].block,
                                     b->origins == NULL ? (uint32_t)i : b->origins[i].index};
        take_record(run, at, r, use, wanted);
    }
    if (passed > 0) {
        count_events(run, header->class_name, passed);
    }
}

void hunt_run_block(struct hunt_run *run, const struct archive_header *header, struct span body,
                    enum hunt_block_use use)
{
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    struct block b;
    struct err e = {0};
    arena_reset(&run->scratch);
    if (body.ptr == NULL) {
        run->purged += use == HUNT_BLOCK_COUNT;
        return;
    }
    if (block_unpack(header, body, &run->scratch, &b, &e) != 0) {
        run->damaged += use == HUNT_BLOCK_COUNT;
        return;
    }
    run->blocks += use == HUNT_BLOCK_COUNT;
    take_block(run, header, &b, use);
}

/* ---- token filters ---- */

bool hunt_run_needs(struct hunt_run *run, struct buf *out)
{
    const struct hunt *h = run->parts.hunt;
    struct arena arena;
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    if (run->needs_told || run->parts.plan->nrules > 0 || h->search.len > 0 || h->nindicators == 0 || run->events == 0) {
        return false;
    }
    if (unseen_kinds(run) != 0) {
        return false;
    }
    run->needs_told = true;
    arena_init(&arena, 1 << 20);
    struct filter_thing *things = arena_calloc(&arena, h->nindicators, sizeof *things);
    bool good = true;
    for (uint32_t i = 0; good && i < h->nindicators; i++) {
        hunt_needs_of(&h->indicators[i], run->parts.catalog, &arena, &things[i]);
        good = things[i].count > 0; /* else every block has to be read anyway */
    }
    if (good) {
        const struct filter_query q = {things, h->nindicators};
        filter_query_encode(out, &q);
    }
    arena_fini(&arena);
    return good && !out->failed;
}

int hunt_run_skipped(struct hunt_run *run, struct span skips, struct err *e)
{
    CHECK_OBJ(run, HUNT_RUN_MAGIC);
    uint32_t n = 0;
    struct hunt_skip *list = mem_calloc(HUNT_SKIPS_CLASSES_MAX + 1, sizeof *list);
    int rc = hunt_skips_decode(skips, list, &n, e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        run->blocks += list[i].blocks;
        count_events(run, list[i].class_name, list[i].events);
    }
    mem_free(list);
    return rc;
}

void hunt_run_progress(const struct hunt_run *run, struct hunt_run_progress *out)
{
    *out = (struct hunt_run_progress){run->blocks + run->damaged + run->purged, run->events,
                                      run->matches};
}

void hunt_run_damaged(struct hunt_run *run, uint64_t count)
{
    run->damaged += count;
}

void hunt_run_retained(struct hunt_run *run, time_ns from, time_ns to)
{
    run->retained_from = from;
    run->retained_to = to;
}
