/* SPDX-License-Identifier: EUPL-1.2 */
/* The part `text` of a source file: patterns that take lines apart. See sources/README.md. Compiler
 * role only. */
#include "flow/normalise/sources_priv.h"
#include "wire/yaml.h"

static int load_pattern(struct arena *a, const struct yaml_node *map, struct src_pattern *out,
                        struct err *e)
{
    static const char *const keys[] = {"program", "match", "set", NULL};
    struct dissect_pattern tried = {0};
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? source_texts(a, map, "program", false, &out->programs, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "match", true, &out->text, e) : rc;
    rc = rc == 0 ? source_aliases(a, yaml_get(map, "set"), "'set'", &out->set, &out->nset, e) : rc;
    if (rc != 0) {
        return rc;
    }
    out->line = yaml_get(map, "match")->line;
    for (uint32_t i = 0; i < out->nset; i++) {
        if (out->set[i].paths.len != 1) {
            return source_error(e, yaml_get(map, "set"), "'set' needs one value each");
        }
    }
    rc = dissect_parse(a, out->text, &tried, e);
    if (rc == 0 && tried.nsteps + out->nset > DISSECT_STEPS_MAX) {
        rc = err_set(e, ERR_LIMIT, "more than %d steps and fixed values", DISSECT_STEPS_MAX);
    }
    if (rc != 0) {
        err_at(e, "", out->line);
    }
    return rc;
}

/* The audit daemon writes values with odd bytes as hex digits without quotes. */
static int load_hex(struct arena *a, struct source *s, const struct yaml_node *map, struct err *e)
{
    static const char *const keys[] = {"fields", "switch", NULL};
    if (map == NULL) {
        return 0;
    }
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? source_texts(a, map, "fields", true, &s->hex, e) : rc;
    return rc == 0 ? source_switch_index(s, map, &s->hex_switch, e) : rc;
}

int source_load_text(struct arena *a, struct source *s, const struct yaml_node *map, struct err *e)
{
    static const char *const keys[] = {"message", "program", "like", "patterns", "hex", NULL};
    s->hex_switch = -1;
    if (map == NULL) {
        return 0;
    }
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? yaml_get_text(map, "message", false, &s->message, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "program", false, &s->program, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "like", false, &s->patterns_like, e) : rc;
    rc = rc == 0 ? load_hex(a, s, yaml_get(map, "hex"), e) : rc;
    const struct yaml_node *list = rc == 0 ? yaml_get(map, "patterns") : NULL;
    uint32_t n = 0;
    rc = rc == 0 ? source_list(list, "'patterns'", SOURCE_PATTERNS_MAX, &n, e) : rc;
    struct src_pattern *out = arena_calloc(a, n + 1, sizeof *out);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = load_pattern(a, list->items[i], &out[i], e);
    }
    s->patterns = out;
    s->npatterns = n;
    return rc;
}
