/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of the Linux audit daemon: every key=value is a field, quotes taken off; a key that comes
 * twice has two values. Records are not joined by their serial number. On the event path of every
 * worker.
 */
#include "flow/normalise/normalise_priv.h"

/* Blanks of the audit log: also the separators (0x1c-0x1f) before values that the daemon has looked
 * up. */
static bool audit_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static size_t until(struct span s, size_t at, char quote)
{
    while (at < s.len && s.ptr[at] != quote) {
        at++;
    }
    return at;
}

/* Value at `at`: in quotes, or to the next blank (or to the single quote that ends the enclosing
 * one). */
static struct span audit_value(struct span s, size_t at, bool inside, size_t *next_out)
{
    char c = at < s.len ? s.ptr[at] : ' ';
    if (c == '"' || (c == '\'' && !inside)) {
        size_t end = until(s, at + 1, c);
        /* What stands in single quotes is a record of its own: msg='op=login acct="root"'. */
        *next_out = c == '\'' ? at + 1 : (end < s.len ? end + 1 : end);
        return span_sub(s, at + 1, end - at - 1);
    }
    size_t end = at;
    while (end < s.len && !audit_blank(s.ptr[end]) && !(inside && s.ptr[end] == '\'')) {
        end++;
    }
    *next_out = end;
    return span_sub(s, at, end - at);
}

/* "audit(1684329817.579:2995):" gives the time. */
static void audit_time(struct job *j, struct span value)
{
    time_ns t = TIME_NONE;
    if (!span_starts(value, SPAN("audit("))) {
        return;
    }
    struct span rest = span_sub(value, 6, value.len);
    ptrdiff_t colon = span_find(rest, ':');
    if (colon > 0 && norm_time_parse(span_sub(rest, 0, (size_t)colon), j->st->zone_s,
                                     j->ev->received, &t, &j->ev->tags)) {
        j->ev->time = t;
    }
}

static int hex_digit(char c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex digits become the bytes they stand for; the zero bytes between arguments become blanks. */
static struct span hex_decoded(struct job *j, struct span value)
{
    char *out = arena_bytes(&j->ev->arena, value.len / 2 + 1);
    for (size_t i = 0; i + 1 < value.len; i += 2) {
        int high = hex_digit(value.ptr[i]);
        int low = hex_digit(value.ptr[i + 1]);
        if (high < 0 || low < 0) {
            return value;
        }
        char c = (char)(high * 16 + low);
        out[i / 2] = (char)(c == '\0' ? ' ' : c);
    }
    return span_make(out, value.len / 2);
}

/* Only values without quotes are ever hex. */
static struct span audit_plain(struct job *j, struct span key, struct span value, bool quoted)
{
    const struct norm_source *s = norm_source_of(j, FORMAT_AUDITD);
    if (quoted || j->declared != NULL || s == NULL || value.len < 2 || value.len % 2 != 0) {
        return value;
    }
    for (uint32_t i = 0; i < s->nhex; i++) {
        if (span_eq(s->hex[i], key)) {
            return hex_decoded(j, value);
        }
    }
    return value;
}

struct span norm_audit_pairs(struct job *j, struct span s)
{
    struct span type = {NULL, 0};
    bool inside = false;
    size_t at = 0;
    while (at < s.len) {
        size_t start = at;
        while (at < s.len && !audit_blank(s.ptr[at]) && s.ptr[at] != '=' && s.ptr[at] != '\'') {
            at++;
        }
        if (at == start || at >= s.len || s.ptr[at] != '=') {
            inside = inside && !(at < s.len && s.ptr[at] == '\'');
            at++;
            continue;
        }
        struct span key = span_sub(s, start, at - start);
        size_t value_at = at + 1;
        struct span value = audit_value(s, value_at, inside, &at);
        bool quoted = value_at < s.len && (s.ptr[value_at] == '"' || s.ptr[value_at] == '\'');
        norm_add(j, key, keytable_find(j->n->catalog->keys, KEY_ROOT, key),
                 audit_plain(j, key, value, quoted));
        inside = inside || (quoted && s.ptr[value_at] == '\'');
        if (span_eq(key, SPAN("msg"))) {
            audit_time(j, value);
        } else if (span_eq(key, SPAN("type")) && type.ptr == NULL) {
            type = value;
        }
    }
    return type;
}

enum normalise_result norm_auditd(struct job *j)
{
    j->ev->keywords_raw = true;
    struct span type = norm_audit_pairs(j, j->ev->raw);
    if (j->ev->leaves.len == 0) {
        j->ev->tags |= TAG_NOT_PARSED;
    }
    norm_set_class(j, norm_format_class(j, FORMAT_AUDITD, type, span_make(NULL, 0)));
    return NORMALISE_EVENT;
}
