/* SPDX-License-Identifier: EUPL-1.2 */
/* The body of a signal envelope: see signal.h. Reads what other members wrote. */
#include "desk/federation/signal.h"

#include <stdio.h>

#include "base/utf8.h"
#include "desk/federation/signal_priv.h"

int64_t signal_bucket(time_ns t)
{
    int64_t s = t / TIME_SECOND;
    return s >= 0 ? s / SIGNAL_BUCKET_S : -((-s + SIGNAL_BUCKET_S - 1) / SIGNAL_BUCKET_S);
}

/* ---- writing ---- */

/* "2026-11-26T20:15Z": no seconds, since there are none. */
struct span signal_bucket_text(struct arena *arena, int64_t bucket)
{
    struct time_parts p;
    time_to_parts(bucket * SIGNAL_BUCKET_S * TIME_SECOND, &p);
    return span_of(arena_printf(arena, "%04d-%02d-%02dT%02d:%02dZ", p.year, p.month, p.day, p.hour,
                                p.minute));
}

struct jcs *fed_indicators_tree(struct arena *arena, const struct fed_indicator *list, size_t count)
{
    struct jcs *array = jcs_new_array(arena);
    for (size_t i = 0; i < count; i++) {
        struct jcs *one = jcs_new_object(arena);
        jcs_set_text(arena, one, "type", span_of(fed_indicator_type_name(list[i].type)));
        jcs_set_text(arena, one, "value", list[i].value);
        jcs_add(array, one);
    }
    return array;
}

static struct jcs *signal_tree(struct arena *arena, const struct signal *s)
{
    struct jcs *o = jcs_new_object(arena);
    struct jcs *techniques = jcs_new_array(arena);
    for (uint32_t i = 0; i < s->ntechniques; i++) {
        jcs_add(techniques, jcs_new_text(arena, s->techniques[i]));
    }
    jcs_set_int(arena, o, "n", s->number);
    jcs_set_text(arena, o, "rule", s->rule);
    jcs_set_text(arena, o, "rule_hash", s->rule_hash);
    jcs_set_text(arena, o, "title", s->title);
    jcs_set_text(arena, o, "level", span_of(alert_level_name(s->level)));
    jcs_set(arena, o, "techniques", techniques);
    jcs_set(arena, o, "indicators", fed_indicators_tree(arena, s->indicators, s->nindicators));
    jcs_set_text(arena, o, "product", s->product);
    jcs_set_text(arena, o, "bucket", signal_bucket_text(arena, s->bucket));
    jcs_set_int(arena, o, "count", s->count);
    return o;
}

struct jcs *signals_body(struct arena *arena, const struct signal *signals, size_t count)
{
    CHECK(count > 0 && count <= SIGNALS_PER_BODY);
    struct jcs *body = jcs_new_object(arena);
    struct jcs *list = jcs_new_array(arena);
    for (size_t i = 0; i < count; i++) {
        jcs_add(list, signal_tree(arena, &signals[i]));
    }
    jcs_set(arena, body, "signals", list);
    return body;
}

/* ---- reading ---- */

/* Text for people: no controls, which could end a line elsewhere. */
static bool plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return utf8_valid(s);
}

bool signal_word_valid(struct span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] > 0x7e) {
            return false;
        }
    }
    return s.len <= max;
}

bool signal_hash_valid(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) {
            return false;
        }
    }
    return s.len == 64;
}

bool signal_text_valid(struct span s, size_t max)
{
    return s.len <= max && plain(s);
}

bool signal_bucket_read(struct span s, int64_t *out)
{
    time_ns t;
    if (s.len != 17 || s.ptr[16] != 'Z' || !time_parse(s, 0, &t)) {
        return false;
    }
    *out = signal_bucket(t);
    return t % (SIGNAL_BUCKET_S * TIME_SECOND) == 0 && *out >= SIGNAL_BUCKET_FIRST &&
           *out <= SIGNAL_BUCKET_LAST;
}

bool signal_technique_valid(struct span s)
{
    if ((s.len != 5 && s.len != 9) || s.ptr[0] != 'T' || (s.len == 9 && s.ptr[5] != '.')) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        if (i != 5 && (s.ptr[i] < '0' || s.ptr[i] > '9')) {
            return false;
        }
    }
    return true;
}

static int read_techniques(const struct jcs *o, struct signal *s, struct err *e)
{
    const struct jcs *list = jcs_get_array(o, "techniques");
    if (list == NULL || list->count > SIGNAL_TECHNIQUES_MAX) {
        return err_set(e, ERR_INVALID, "techniques: no list of at most %d", SIGNAL_TECHNIQUES_MAX);
    }
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        if (v->kind != JCS_TEXT || !signal_technique_valid(v->text)) {
            return err_set(e, ERR_INVALID, "techniques: no technique of ATT&CK");
        }
        s->techniques[s->ntechniques++] = v->text;
    }
    return 0;
}

int fed_indicators_read(const struct jcs *list, struct arena *arena, size_t max,
                        struct fed_indicator *out, uint32_t *count_out, struct err *e)
{
    static const char *const names[] = {"type", "value", NULL};
    *count_out = 0;
    if (list == NULL || list->count > max) {
        return err_set(e, ERR_INVALID, "indicators: no list of at most %zu", max);
    }
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        struct span type;
        struct span value;
        enum fed_indicator_type t;
        struct fed_indicator *in = &out[*count_out];
        if (v->kind == JCS_OBJECT && (!jcs_only(v, names) || (jcs_get_text(v, "type", &type) && signal_word_valid(type, FED_INDICATOR_TYPE_MAX) &&
                                                              !fed_indicator_type_parse(type, &t)))) {
            return err_set(e, ERR_UNSUPPORTED, "indicators: number %u is of a kind that this version does not know", *count_out + 1);
        }
        if (!jcs_get_text(v, "type", &type) ||
            !jcs_get_text(v, "value", &value) || !fed_indicator_type_parse(type, &t) ||
            !fed_indicator_read(t, value, arena, in) || !span_eq(in->value, value)) {
            return err_set(e, ERR_INVALID, "indicators: number %u is none that may be told",
                           *count_out + 1);
        }
        (*count_out)++;
    }
    return 0;
}

static int read_signal(const struct jcs *o, struct arena *arena, struct signal *s, struct err *e)
{
    static const char *const names[] = {"n",          "rule",       "rule_hash", "title",  "level",
                                        "techniques", "indicators", "product",   "bucket", "count",
                                        NULL};
    struct span level;
    struct span bucket;
    *s = (struct signal){0};
    if (!jcs_only(o, names)) {
        return err_set(e, ERR_INVALID, "a signal is no object, or holds what none holds");
    }
    if (!jcs_get_int(o, "n", &s->number) || s->number < 1) {
        return err_set(e, ERR_INVALID, "n: no number from 1 on");
    }
    if (!jcs_get_text(o, "rule", &s->rule) || s->rule.len == 0 ||
        !signal_word_valid(s->rule, SIGNAL_RULE_MAX)) {
        return err_set(e, ERR_INVALID, "rule: no id");
    }
    if (!jcs_get_text(o, "rule_hash", &s->rule_hash) || !signal_hash_valid(s->rule_hash)) {
        return err_set(e, ERR_INVALID, "rule_hash: not 64 hex digits");
    }
    if (!jcs_get_text(o, "title", &s->title) || !signal_text_valid(s->title, SIGNAL_TITLE_MAX)) {
        return err_set(e, ERR_INVALID, "title: no text of at most %d bytes", SIGNAL_TITLE_MAX);
    }
    if (!jcs_get_text(o, "level", &level) || !alert_level_parse(level, &s->level)) {
        return err_set(e, ERR_INVALID, "level: no level");
    }
    if (!jcs_get_text(o, "product", &s->product) ||
        !signal_word_valid(s->product, SIGNAL_PRODUCT_MAX)) {
        return err_set(e, ERR_INVALID, "product: no word");
    }
    if (!jcs_get_text(o, "bucket", &bucket) || !signal_bucket_read(bucket, &s->bucket)) {
        return err_set(e, ERR_INVALID, "bucket: no quarter of an hour");
    }
    if (!jcs_get_int(o, "count", &s->count) || s->count < 0 || s->count > SIGNAL_COUNT_MAX) {
        return err_set(e, ERR_INVALID, "count: not 0 to %d", SIGNAL_COUNT_MAX);
    }
    int rc = read_techniques(o, s, e);
    return rc < 0 ? rc
                  : fed_indicators_read(jcs_get_array(o, "indicators"), arena,
                                        SIGNAL_INDICATORS_MAX, s->indicators, &s->nindicators, e);
}

int signals_read(const struct jcs *body, struct arena *arena, struct signal **signals_out,
                 size_t *count_out, struct err *e)
{
    static const char *const names[] = {"signals", NULL};
    const struct jcs *list = jcs_get_array(body, "signals");
    *count_out = 0;
    if (!jcs_only(body, names) || list == NULL || list->count == 0 ||
        list->count > SIGNALS_PER_BODY) {
        return err_set(e, ERR_INVALID, "no list of 1 to %d signals", SIGNALS_PER_BODY);
    }
    struct signal *signals = arena_calloc(arena, list->count, sizeof *signals);
    size_t n = 0;
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        int rc = read_signal(v, arena, &signals[n++], e);
        if (rc < 0) {
            return rc;
        }
    }
    *signals_out = signals;
    *count_out = n;
    return 0;
}
