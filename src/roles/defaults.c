/* SPDX-License-Identifier: EUPL-1.2 */
/* The defaults of sereno.yml as a list: see defaults.h. Pure; values come from config_init alone. */
#include "roles/defaults.h"

#include "event/alert.h"
#include "wire/yaml.h"

enum kind { TEXT, NUMBER, LEVELS };

/* Sorted by key. Defaults that are no more than "there is none" (no mail, no hub) are left out: a key that a later
 * program gives one is then new in its list. zero: how people say it where 0 has a meaning of its own. */
static const struct entry {
    const char *key;
    enum kind kind;
    size_t offset;
    const char *zero;
} entries[] = {
    {"desk.listen", TEXT, offsetof(struct config, desk.listen), NULL},
    {"hunters", NUMBER, offsetof(struct config, hunters), NULL},
    {"ingest.listen", TEXT, offsetof(struct config, ingest.listen), NULL},
    {"intakes", NUMBER, offsetof(struct config, intakes), "auto"},
    {"node.organisation", TEXT, offsetof(struct config, organisation), NULL},
    {"notify.heartbeat.every", NUMBER, offsetof(struct config, heartbeat_every_s), NULL},
    {"notify.mail.levels", LEVELS, offsetof(struct config, mail.levels), "none"},
    {"notify.webhook.levels", LEVELS, offsetof(struct config, webhook.levels), "none"},
    {"retention.days", NUMBER, offsetof(struct config, retention_days), "for ever"},
};

static const struct entry source_entries[] = {
    {"sources.silent_after", NUMBER, offsetof(struct config_source, silent_after_s), "never"},
    {"sources.source", TEXT, offsetof(struct config_source, source), NULL},
};

static void put_levels(struct buf *out, uint32_t bits)
{
    const char *between = "";
    for (unsigned level = 0; level <= LEVEL_CRITICAL; level++) {
        if ((bits >> level & 1) != 0) {
            buf_printf(out, "%s%s", between, alert_level_name((enum alert_level)level));
            between = ", ";
        }
    }
}

static void put_entry(struct buf *out, const struct entry *d, const void *base)
{
    const char *at = (const char *)base + d->offset;
    uint32_t n = 0;
    struct span text;
    buf_printf(out, "%s=", d->key);
    if (d->kind == TEXT) {
        memcpy(&text, at, sizeof text);
        buf_span(out, text);
    } else {
        memcpy(&n, at, sizeof n);
        if (n == 0 && d->zero != NULL) {
            buf_cstr(out, d->zero);
        } else if (d->kind == LEVELS) {
            put_levels(out, n);
        } else {
            buf_printf(out, "%u", n);
        }
    }
    buf_cstr(out, "\n");
}

void defaults_put(struct buf *out)
{
    struct config c;
    struct config_source s;
    config_init(&c);
    config_source_init(&s);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        put_entry(out, &entries[i], &c);
    }
    for (size_t i = 0; i < ARRAY_LEN(source_entries); i++) {
        put_entry(out, &source_entries[i], &s);
    }
    buf_printf(out, "sources.zone=%s\n", CONFIG_ZONE_DEFAULT);
    config_fini(&c);
}

void defaults_wipe(struct config *c)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        memset((char *)c + entries[i].offset, 0, entries[i].kind == TEXT ? sizeof(struct span) : sizeof(uint32_t));
    }
}

/* First line of the list taken off it; false at its end. */
static bool next_line(struct span *list, struct span *key, struct span *value)
{
    if (list->len == 0) {
        *key = *value = SPAN("");
        return false;
    }
    ptrdiff_t end = span_find(*list, '\n');
    struct span line = end < 0 ? *list : span_sub(*list, 0, (size_t)end);
    *list = span_sub(*list, line.len + 1, list->len);
    ptrdiff_t equals = span_find(line, '=');
    *key = equals < 0 ? line : span_sub(line, 0, (size_t)equals);
    *value = equals < 0 ? SPAN("") : span_sub(line, (size_t)equals + 1, line.len);
    return true;
}

static int order(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

size_t defaults_compare(struct span before, struct span now, defaults_changed_fn fn, void *ctx)
{
    struct span key_a, key_b, a, b;
    size_t changed = 0;
    bool has_a = next_line(&before, &key_a, &a);
    bool has_b = next_line(&now, &key_b, &b);
    while (has_a || has_b) {
        int c = !has_a ? 1 : !has_b ? -1 : order(key_a, key_b);
        if (c != 0 || !span_eq(a, b)) {
            fn(ctx, c > 0 ? key_b : key_a, c > 0 ? SPAN("") : a, c < 0 ? SPAN("") : b);
            changed++;
        }
        has_a = c <= 0 ? next_line(&before, &key_a, &a) : has_a;
        has_b = c >= 0 ? next_line(&now, &key_b, &b) : has_b;
    }
    return changed;
}

static bool all_state(const struct yaml_node *list, const char *key)
{
    for (uint32_t i = 0; list != NULL && list->kind == YAML_SEQ && i < list->len; i++) {
        if (yaml_get(list->items[i], key) == NULL) {
            return false;
        }
    }
    return list != NULL && list->kind == YAML_SEQ;
}

bool defaults_stated(struct span yaml, struct span key)
{
    struct arena a;
    const struct yaml_node *at = NULL;
    bool stated = false;
    arena_init(&a, 0);
    if (yaml_read_map(&a, yaml, &at, NULL) == 0) {
        while (at != NULL && key.len > 0) {
            ptrdiff_t dot = span_find(key, '.');
            struct span part = dot < 0 ? key : span_sub(key, 0, (size_t)dot);
            key = span_sub(key, part.len + 1, key.len);
            at = yaml_get(at, arena_cstr(&a, part));
            if (span_eq(part, SPAN("sources")) && key.len > 0) {
                stated = all_state(at, arena_cstr(&a, key));
                at = NULL;
            }
        }
        stated = stated || at != NULL;
    }
    arena_fini(&a);
    return stated;
}
