/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lines without structure of their own: plain text, and syslog whose messages are taken apart by
 * the patterns of a source. On the event path of every worker.
 */
#include "flow/normalise/normalise_priv.h"
#include "wire/syslog.h"

/* The time at the start of a line, where many programs write it. */
static void line_time(struct job *j, struct span line)
{
    struct syslog_context context = {j->ev->received, j->st->zone_s};
    uint32_t odd = 0;
    time_ns t = TIME_NONE;
    if (span_starts(line, SPAN("<"))) {
        ptrdiff_t end = span_find(span_sub(line, 0, 5), '>');
        line = end < 0 ? line : span_sub(line, (size_t)end + 1, line.len);
    }
    if (span_starts(line, SPAN("["))) {
        ptrdiff_t end = span_find(span_sub(line, 0, 48), ']');
        if (end > 0 && norm_time_parse(span_sub(line, 1, (size_t)end - 1), j->st->zone_s,
                                       j->ev->received, &t, &j->ev->tags)) {
            j->ev->time = t;
            return;
        }
    }
    if (syslog_take_time(line, &context, &t, &odd) > 0 && t != TIME_NONE) {
        j->ev->time = t;
        j->ev->tags |= (odd & SYSLOG_ODD_YEAR_INFERRED) != 0 ? TAG_YEAR_GUESSED : 0u;
    }
}

/* The text source whose patterns fit the line, which they take apart; NULL when none does. */
static const struct norm_source *text_source(struct job *j)
{
    const struct norm_tables *t = j->n->tables;
    for (uint32_t i = 0; i < t->nsources; i++) {
        const struct norm_source *s = &t->sources[i];
        bool asked = j->st->source.len == 0 || span_eq(s->name, j->st->source);
        if (s->format == FORMAT_TEXT && asked && norm_dissect(j, s, SPAN(""), j->ev->raw)) {
            return s;
        }
    }
    return NULL;
}

enum normalise_result norm_text(struct job *j)
{
    static const struct span any = {NULL, 0};
    j->ev->keywords_raw = true;
    line_time(j, j->ev->raw);
    if (j->declared != NULL) {
        norm_set_class(j, j->declared->plain);
        return NORMALISE_EVENT;
    }
    const struct norm_source *s = text_source(j);
    norm_set_class(j, s == NULL ? j->n->tables->generic : norm_class_of(j, s, any, any));
    return NORMALISE_EVENT;
}

static void add_params(struct job *j, const struct syslog_msg *m)
{
    for (size_t i = 0; i < m->param_count; i++) {
        const struct syslog_param *p = &m->params[i];
        if (p->name.len == 0) {
            continue;
        }
        struct span value = p->value;
        if (p->escaped) {
            char *out = arena_bytes(&j->ev->arena, value.len + 1);
            value = span_make(out, syslog_unescape(value, out));
        }
        norm_add(j, p->name, keytable_find(j->n->catalog->keys, KEY_ROOT, p->name), value);
    }
}

static void add_if(struct job *j, enum norm_field field, struct span value)
{
    if (value.len > 0) {
        norm_add_own(j, field, value);
    }
}

void norm_syslog_line(struct job *j, const struct norm_source *s, struct span line,
                      struct span *program_out, struct span *facility_out)
{
    struct event *ev = j->ev;
    struct syslog_context context = {ev->received, j->st->zone_s};
    struct syslog_msg m;
    syslog_parse(line, &context, &m);
    ev->time = m.time;
    ev->tags |= (m.odd & SYSLOG_ODD_YEAR_INFERRED) != 0 ? TAG_YEAR_GUESSED : 0u;
    ev->tags |= (m.odd & SYSLOG_ODD_PRI_BAD) != 0 ? TAG_BAD_PRI : 0u;
    ev->tags |= (m.odd & SYSLOG_ODD_UTF8) != 0 ? TAG_BAD_UTF8 : 0u;
    const char *facility = syslog_facility_name(m.facility);
    const char *severity = syslog_severity_name(m.severity);
    add_if(j, NORM_HOST_NAME, m.hostname);
    add_if(j, NORM_APPNAME, m.appname);
    add_if(j, NORM_PROCID, m.procid);
    add_if(j, NORM_MSGID, m.msgid);
    add_if(j, NORM_FACILITY, facility == NULL ? SPAN("") : span_of(facility));
    add_if(j, NORM_SEVERITY, severity == NULL ? SPAN("") : span_of(severity));
    add_if(j, NORM_MESSAGE, m.message);
    add_params(j, &m);
    /* Programs that have a format of their own, sent through syslog: the audit daemon, web servers. */
    if (!norm_dissect(j, s, m.appname, m.message) && !norm_web_pairs(j, m.message) &&
        span_starts(m.message, SPAN("type="))) {
        norm_audit_pairs(j, m.message);
    }
    *program_out = m.appname.len == 0 ? span_make(NULL, 0) : m.appname;
    *facility_out = facility == NULL ? span_make(NULL, 0) : span_of(facility);
}

enum normalise_result norm_syslog(struct job *j)
{
    struct span program;
    struct span facility;
    j->ev->keywords_raw = true;
    norm_syslog_line(j, norm_source_of(j, FORMAT_SYSLOG), j->ev->raw, &program, &facility);
    norm_set_class(j, norm_format_class(j, FORMAT_SYSLOG, program, facility));
    return NORMALISE_EVENT;
}
