/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What scan prints: NDJSON for machines, TSV for comparing, a table and a summary for people. Everything that came
 * from a log is made safe for the terminal first.
 */
#include "cli/scan.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "wire/json_write.h"

enum { SUMMARY_TOP = 10, SUMMARY_BARS = 48, SUMMARY_KEYS_MAX = 100000 };

struct tally {
    struct span name;
    uint64_t count;
    enum alert_level level;
};

struct scan_summary {
    struct arena arena;
    struct map rules, hosts;
    VEC(struct tally) rule_list;
    VEC(struct tally) host_list;
    VEC(int64_t) times;
    uint64_t levels[LEVEL_CRITICAL + 1];
    uint64_t alerts;
};

struct scan_summary *scan_summary_new(void)
{
    struct scan_summary *s = mem_alloc(sizeof *s);
    arena_init(&s->arena, 0);
    map_init(&s->rules);
    map_init(&s->hosts);
    return s;
}

void scan_summary_free(struct scan_summary **s)
{
    if (*s != NULL) {
        arena_fini(&(*s)->arena);
        map_free(&(*s)->rules);
        map_free(&(*s)->hosts);
        vec_free(&(*s)->rule_list);
        vec_free(&(*s)->host_list);
        vec_free(&(*s)->times);
        mem_free(*s);
        *s = NULL;
    }
}

#define TALLY(s, map_, list, key, lvl)                                                             \
    do {                                                                                           \
        uint64_t at_ = 0;                                                                          \
        if (!map_get(map_, key, &at_) && (list)->len < SUMMARY_KEYS_MAX) {                         \
            at_ = (list)->len;                                                                     \
            struct span name_ = arena_copy(&(s)->arena, key);                                      \
            vec_push(list, (struct tally){name_, 0, lvl});                                         \
            map_put(map_, name_, at_);                                                             \
        }                                                                                          \
        if (at_ < (list)->len && span_eq((list)->data[at_].name, key)) {                           \
            (list)->data[at_].count++;                                                             \
        }                                                                                          \
    } while (0)

static void summary_add(struct scan_summary *s, const struct alert *a)
{
    s->alerts++;
    s->levels[a->level]++;
    TALLY(s, &s->rules, &s->rule_list, a->title, a->level);
    if (a->host.len > 0) {
        TALLY(s, &s->hosts, &s->host_list, a->host, a->level);
    }
    if (a->time != TIME_NONE && s->times.len < SUMMARY_KEYS_MAX * 10) {
        vec_push(&s->times, a->time);
    }
}

/* ---- one line per alert ---- */

static void put_why(struct json_writer *j, const struct alert *a)
{
    json_key(j, "why");
    json_array(j);
    for (uint16_t i = 0; i < a->nwhy; i++) {
        const struct alert_why *w = &a->why[i];
        json_object(j);
        json_key(j, "selection");
        json_text(j, w->selection);
        if (w->field.len > 0) {
            json_key(j, "field");
            json_text(j, w->field);
        }
        json_key(j, "operator");
        json_text(j, w->operator_);
        json_key(j, "wanted");
        json_text(j, w->wanted);
        json_key(j, "value");
        json_text(j, w->value);
        json_end(j);
    }
    json_end(j);
}

static void put_optional(struct json_writer *j, const char *key, struct span s)
{
    if (s.len > 0) {
        json_key(j, key);
        json_text(j, s);
    }
}

static void print_ndjson(const struct scan_file *f, const struct scan_alert *at,
                         const struct alert *a, struct buf *out)
{
    char when[TIME_TEXT_MAX];
    struct json_writer j;
    json_writer_init(&j, out);
    json_object(&j);
    json_key(&j, "file");
    json_text(&j, span_of(f->name));
    json_key(&j, "event");
    json_u64(&j, at->index);
    json_key(&j, "rule");
    json_text(&j, at->rule_id);
    json_key(&j, "title");
    json_text(&j, a->title);
    json_key(&j, "level");
    json_text(&j, span_of(alert_level_name(a->level)));
    if (a->time != TIME_NONE) {
        json_key(&j, "time");
        json_text(&j, span_of(time_format(a->time, when)));
    }
    put_optional(&j, "host", a->host);
    put_optional(&j, "user", a->user);
    put_optional(&j, "source", a->source);
    put_optional(&j, "group", a->summary);
    put_why(&j, a);
    json_end(&j);
    buf_u8(out, '\n');
}

static void print_row(const struct scan_file *f, const struct scan_alert *at,
                      const struct alert *a, struct buf *out)
{
    char when[TIME_TEXT_MAX];
    buf_printf(out, "%-24s  %-13s  ", time_format(a->time, when), alert_level_name(a->level));
    cli_put_safe(out, a->title);
    buf_cstr(out, "  ");
    cli_put_safe(out, a->host.len > 0 ? a->host : SPAN("-"));
    buf_cstr(out, "  ");
    cli_put_safe(out, span_of(f->name));
    buf_printf(out, " #%llu", (unsigned long long)at->index);
    if (a->summary.len > 0) {
        buf_cstr(out, "\n    ");
        cli_put_safe(out, a->summary);
    }
    for (uint16_t i = 0; i < a->nwhy && i < 3; i++) {
        buf_cstr(out, "\n    ");
        cli_put_safe(out, a->why[i].field.len > 0 ? a->why[i].field : SPAN("record"));
        buf_cstr(out, " ");
        cli_put_safe(out, a->why[i].operator_);
        buf_cstr(out, " ");
        cli_put_safe(out, span_sub(a->why[i].wanted, 0, 120));
        buf_cstr(out, ": ");
        cli_put_safe(out, span_sub(a->why[i].value, 0, 200));
    }
    buf_cstr(out, "\n");
}

static int by_index(const void *x, const void *y)
{
    const struct scan_alert *a = x;
    const struct scan_alert *b = y;
    if (a->index != b->index) {
        return a->index < b->index ? -1 : 1;
    }
    size_t n = a->rule_id.len < b->rule_id.len ? a->rule_id.len : b->rule_id.len;
    int c = memcmp(a->rule_id.ptr, b->rule_id.ptr, n);
    return c != 0 ? c : (a->rule_id.len > b->rule_id.len) - (a->rule_id.len < b->rule_id.len);
}

static void print_alert(struct scan *s, const struct scan_file *f, const struct scan_alert *at,
                        struct arena *scratch, struct buf *line)
{
    struct alert a = {0};
    if (at->encoded.len > 0) {
        struct cursor c = cursor_of(at->encoded);
        struct err e = {0};
        MUST(alert_decode(&c, scratch, &a, &e)); /* our own worker wrote it */
        if (s->summary != NULL) {
            summary_add(s->summary, &a);
        }
    }
    buf_clear(line);
    if (s->format == SCAN_TSV) {
        buf_printf(line, "%s\t%llu\t", f->name, (unsigned long long)at->index);
        cli_put_safe(line, at->rule_id);
        buf_u8(line, '\n');
    } else if (s->format == SCAN_NDJSON) {
        print_ndjson(f, at, &a, line);
    } else {
        print_row(f, at, &a, line);
    }
    (void)fwrite(line->data, 1, line->len, stdout);
}

void scan_print_file(struct scan *s, struct scan_file *f)
{
    struct arena scratch;
    struct buf line;
    arena_init(&scratch, 0);
    buf_init(&line, 4 * ALERT_MAX_BYTES);
    if (f->alerts.len > 0) {
        qsort(f->alerts.data, f->alerts.len, sizeof *f->alerts.data, by_index);
    }
    for (size_t i = 0; i < f->alerts.len; i++) {
        /* One record that matches two rules of a correlation completes it twice: it is told once. */
        if (i > 0 && by_index(&f->alerts.data[i - 1], &f->alerts.data[i]) == 0) {
            continue;
        }
        print_alert(s, f, &f->alerts.data[i], &scratch, &line);
        arena_reset(&scratch);
    }
    if (f->bad_told > SCAN_BAD_TOLD) {
        (void)fprintf(stderr, "sereno: %s: %llu bad records in all\n", f->name,
                      (unsigned long long)f->bad);
    }
    buf_free(&line);
    arena_fini(&scratch);
    vec_free(&f->alerts);
    arena_fini(&f->arena);
    arena_init(&f->arena, 4096);
}

void scan_print_bad(struct scan *s, struct scan_file *f, uint64_t index, uint64_t offset,
                    struct span text)
{
    struct buf b;
    s->unread = true;
    if (++f->bad_told > SCAN_BAD_TOLD) {
        return;
    }
    buf_init(&b, 8192);
    cli_put_safe(&b, span_sub(span_of(f->name), 0, 2048));
    if (index != SCAN_NO_INDEX) {
        buf_printf(&b, ": record %llu", (unsigned long long)index);
    }
    buf_printf(&b, "%s at byte %llu: ", index == SCAN_NO_INDEX ? ":" : "",
               (unsigned long long)offset);
    cli_put_safe(&b, span_sub(text, 0, 1024));
    (void)fprintf(stderr, "sereno: %.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

/* ---- the summary ---- */

static int by_count(const void *x, const void *y)
{
    const struct tally *a = x;
    const struct tally *b = y;
    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    return memcmp(a->name.ptr, b->name.ptr, a->name.len < b->name.len ? a->name.len : b->name.len);
}

static void print_top(FILE *to, const char *title, struct tally *list, size_t n, bool levels)
{
    if (n == 0) {
        return;
    }
    qsort(list, n, sizeof *list, by_count);
    (void)fprintf(to, "\n%s\n", title);
    for (size_t i = 0; i < n && i < SUMMARY_TOP; i++) {
        struct buf b;
        buf_init(&b, 8192);
        cli_put_safe(&b, span_sub(list[i].name, 0, 100));
        (void)fprintf(to, "  %8llu  %-13s  %.*s\n", (unsigned long long)list[i].count,
                      levels ? alert_level_name(list[i].level) : "", (int)b.len, b.data);
        buf_free(&b);
    }
    if (n > SUMMARY_TOP) {
        (void)fprintf(to, "  and %zu more\n", n - SUMMARY_TOP);
    }
}

static void print_timeline(FILE *to, const struct scan_summary *s)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t counts[SUMMARY_BARS] = {0};
    uint64_t most = 0;
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    char a[TIME_TEXT_MAX];
    char b[TIME_TEXT_MAX];
    for (size_t i = 0; i < s->times.len; i++) {
        first = s->times.data[i] < first ? s->times.data[i] : first;
        last = s->times.data[i] > last ? s->times.data[i] : last;
    }
    if (s->times.len == 0) {
        return;
    }
    double width = ((double)last - (double)first) / SUMMARY_BARS + 1;
    for (size_t i = 0; i < s->times.len; i++) {
        size_t k = (size_t)(((double)s->times.data[i] - (double)first) / width);
        k = k >= SUMMARY_BARS ? SUMMARY_BARS - 1 : k;
        counts[k]++;
        most = counts[k] > most ? counts[k] : most;
    }
    (void)fprintf(to, "\nTimeline\n  %s to %s\n  ", time_format(first, a), time_format(last, b));
    for (size_t i = 0; i < SUMMARY_BARS; i++) {
        double part = most == 0 ? 0 : sqrt((double)counts[i] / (double)most);
        size_t h = counts[i] == 0 ? 0 : 1 + (size_t)(part * 7);
        (void)fputs(bars[h > 8 ? 8 : h], to);
    }
    (void)fprintf(to, "  highest %llu\n", (unsigned long long)most);
}

void scan_summary_print(struct scan *s, FILE *to, double wall_s)
{
    struct scan_summary *sum = s->summary;
    uint64_t events = 0;
    uint64_t bad = 0;
    size_t failed = 0;
    for (size_t i = 0; i < s->files.len; i++) {
        events += s->files.data[i].events;
        bad += s->files.data[i].bad;
        failed += s->files.data[i].failed;
    }
    (void)fprintf(to, "\n%llu alerts in %llu events of %zu files, %u rules and %u correlations, %.1f s\n",
                  (unsigned long long)sum->alerts, (unsigned long long)events, s->files.len,
                  s->engine.rules, s->engine.correlations, wall_s);
    for (int l = LEVEL_CRITICAL; l >= 0; l--) {
        if (sum->levels[l] > 0) {
            (void)fprintf(to, "  %8llu  %s\n", (unsigned long long)sum->levels[l],
                          alert_level_name((enum alert_level)l));
        }
    }
    print_top(to, "Rules", sum->rule_list.data, sum->rule_list.len, true);
    print_top(to, "Hosts", sum->host_list.data, sum->host_list.len, false);
    print_timeline(to, sum);
    if (bad > 0 || failed > 0) {
        (void)fprintf(to, "\n%llu bad records were kept as lines without fields; %zu files could not be read to their end\n",
                      (unsigned long long)bad, failed);
    }
    if (s->late > 0 || s->evicted > 0) {
        (void)fprintf(to, "correlations: %llu events came late, %llu windows were evicted at the memory limit\n",
                      (unsigned long long)s->late, (unsigned long long)s->evicted);
    }
}
