/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The head of a Sigma document: identity, texts for people, level, log source. Called by the loader in the compiler role.
 * What is odd but harmless is a warning; only what changes the meaning of a rule refuses it.
 */
#include <sodium.h>

#include "base/id.h"
#include "flow/detect/sigma_priv.h"

static const char *const known_keys[] = {
    "title", "id", "name", "related", "taxonomy", "status", "description", "license", "author",
    "references", "reference", "date", "modified", "logsource", "detection", "correlation", "filter", "fields",
    "falsepositives", "level", "tags", "scope", "generate", "action", NULL};

static struct span text_of(struct sigma_build *b, const struct yaml_node *root, const char *key)
{
    const struct yaml_node *n = yaml_get(root, key);
    if (n == NULL || yaml_is_null(n)) {
        return SPAN("");
    }
    if (n->kind != YAML_SCALAR) {
        sigma_warn(b, n->line, "'%s' should be text, not %s: left out", key, yaml_kind_name(n->kind));
        return SPAN("");
    }
    return arena_copy(b->arena, span_trim(n->text));
}

static void texts_of(struct sigma_build *b, const struct yaml_node *root, const char *key,
                     const struct span **out, uint32_t *count_out)
{
    const struct yaml_node *n = yaml_get(root, key);
    *count_out = 0;
    *out = NULL;
    if (n == NULL || yaml_is_null(n)) {
        return;
    }
    uint32_t count = n->kind == YAML_SEQ ? n->len : 1;
    struct span *texts = arena_calloc(b->arena, (size_t)count + 1, sizeof *texts);
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *item = n->kind == YAML_SEQ ? n->items[i] : n;
        if (item->kind != YAML_SCALAR) {
            sigma_warn(b, item->line, "'%s' should be a list of texts: one left out", key);
            continue;
        }
        texts[(*count_out)++] = arena_copy(b->arena, item->text);
    }
    *out = texts;
}

static bool is_one_of(struct span s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (span_eq(s, span_of(*words))) {
            return true;
        }
    }
    return false;
}

static void related_of(struct sigma_build *b, const struct yaml_node *root, struct sigma_rule *out)
{
    static const char *const types[] = {"derived", "obsolete", "obsoletes", "merged", "renamed", "similar", NULL};
    const struct yaml_node *list = yaml_get(root, "related");
    if (list == NULL || yaml_is_null(list)) {
        return;
    }
    if (list->kind != YAML_SEQ) {
        sigma_warn(b, list->line, "'related' should be a list");
        return;
    }
    struct sigma_related *related = arena_calloc(b->arena, (size_t)list->len + 1, sizeof *related);
    for (uint32_t i = 0; i < list->len; i++) {
        const struct yaml_node *id = yaml_get(list->items[i], "id");
        const struct yaml_node *type = yaml_get(list->items[i], "type");
        if (id == NULL || type == NULL || id->kind != YAML_SCALAR || type->kind != YAML_SCALAR ||
            !is_one_of(type->text, types)) {
            sigma_warn(b, list->items[i]->line, "'related' needs an id and a type (derived, obsolete, merged, renamed, similar)");
            continue;
        }
        related[out->nrelated++] = (struct sigma_related){arena_copy(b->arena, id->text),
                                                          arena_copy(b->arena, type->text)};
    }
    out->related = related;
}

/* Unknown keys stay with the rule, nested ones as the key alone: `text` has them whole. */
static void others_of(struct sigma_build *b, const struct yaml_node *root, struct sigma_rule *out)
{
    struct sigma_other *others = arena_calloc(b->arena, (size_t)root->len + 1, sizeof *others);
    for (uint32_t i = 0; i < root->len; i++) {
        const struct yaml_pair *p = &root->pairs[i];
        if (is_one_of(p->key->text, known_keys)) {
            continue;
        }
        others[out->nothers++] = (struct sigma_other){
            arena_copy(b->arena, p->key->text),
            p->value->kind == YAML_SCALAR ? arena_copy(b->arena, p->value->text) : SPAN("")};
    }
    out->others = others;
}

static void level_of(struct sigma_build *b, const struct yaml_node *root, struct sigma_rule *out)
{
    struct span word = text_of(b, root, "level");
    out->level = LEVEL_INFORMATIONAL;
    if (word.len > 0 && !alert_level_parse(word, &out->level)) {
        sigma_warn(b, yaml_get(root, "level")->line, "unknown level '%.*s': taken as informational",
                   SPAN_ARG(span_sub(word, 0, 100)));
        out->level = LEVEL_INFORMATIONAL;
    }
}

static void condition_of(struct sigma_build *b, const struct yaml_node *root, struct sigma_rule *out)
{
    static const char *const sections[] = {"detection", "correlation", "filter"};
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        const struct yaml_node *n = yaml_get(yaml_get(root, sections[i]), "condition");
        if (n != NULL && n->kind == YAML_SCALAR) {
            out->condition = arena_copy(b->arena, n->text);
        } else if (n != NULL && n->kind == YAML_SEQ && n->len > 0) {
            spans parts = {0};
            size_t len = 0;
            for (uint32_t k = 0; k < n->len && n->items[k]->kind == YAML_SCALAR; k++) {
                vec_push(&parts, n->items[k]->text);
                len += n->items[k]->text.len + 6;
            }
            char *text = arena_bytes(b->arena, len + 1);
            len = 0;
            for (size_t k = 0; k < parts.len; k++) {
                const char *join = k == 0 ? "(" : ") or (";
                memcpy(text + len, join, strlen(join));
                len += strlen(join);
                memcpy(text + len, parts.data[k].ptr, parts.data[k].len);
                len += parts.data[k].len;
            }
            text[len++] = ')';
            out->condition = span_make(text, parts.len == 0 ? 0 : len);
            vec_free(&parts);
        }
    }
}

static void status_check(struct sigma_build *b, const struct yaml_node *root,
                         const struct sigma_rule *r)
{
    static const char *const statuses[] = {"stable", "test", "experimental", "deprecated", "unsupported", NULL};
    if (r->status.len > 0 && !is_one_of(r->status, statuses)) {
        sigma_warn(b, yaml_get(root, "status")->line, "unknown status '%.*s'",
                   SPAN_ARG(span_sub(r->status, 0, 100)));
    }
    if (r->title.len == 0) {
        sigma_warn(b, b->line, "the document has no title");
    }
}

static void hash_of(struct span text, char out[65])
{
    unsigned char hash[32];
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text.ptr, text.len, NULL, 0));
    hex_encode(hash, sizeof hash, out);
}

int sigma_meta(struct sigma_build *b, const struct yaml_node *root, struct span text,
               struct sigma_rule *out)
{
    out->file = arena_copy(b->arena, b->file);
    out->line = b->line;
    out->text = arena_copy(b->arena, text);
    hash_of(out->text, out->hash);
    out->id = text_of(b, root, "id");
    out->name = text_of(b, root, "name");
    out->title = text_of(b, root, "title");
    out->description = text_of(b, root, "description");
    out->status = text_of(b, root, "status");
    out->author = text_of(b, root, "author");
    out->license = text_of(b, root, "license");
    out->date = text_of(b, root, "date");
    out->modified = text_of(b, root, "modified");
    out->taxonomy = text_of(b, root, "taxonomy");
    condition_of(b, root, out);
    level_of(b, root, out);
    texts_of(b, root, "tags", &out->tags, &out->ntags);
    texts_of(b, root, "references", &out->references, &out->nreferences);
    texts_of(b, root, "falsepositives", &out->falsepositives, &out->nfalsepositives);
    texts_of(b, root, "fields", &out->fields, &out->nfields);
    related_of(b, root, out);
    others_of(b, root, out);
    status_check(b, root, out);
    return b->failed ? ERR_INVALID : 0;
}

int sigma_logsource(struct sigma_build *b, const struct yaml_node *root, struct logsource *out)
{
    static const char *const keys[] = {"product", "category", "service"};
    struct span *const slots[] = {&out->product, &out->category, &out->service};
    const struct yaml_node *source = yaml_get(root, "logsource");
    bool any = false;
    if (source == NULL || source->kind != YAML_MAP) {
        return sigma_refuse(b, source == NULL ? b->line : source->line, "logsource is missing or no map");
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct yaml_node *n = yaml_get(source, keys[i]);
        *slots[i] = SPAN("");
        if (n == NULL || yaml_is_null(n)) {
            continue;
        }
        if (n->kind != YAML_SCALAR || n->text.len == 0) {
            return sigma_refuse(b, n->line, "logsource: '%s' must be a word", keys[i]);
        }
        any = true;
        /* "*" is ours: a rule for every log source, as those that look for indicators. */
        *slots[i] = span_eq(n->text, SPAN("*")) ? SPAN("") : arena_copy(b->arena, n->text);
    }
    return any ? 0 : sigma_refuse(b, source->line, "logsource states no product, category or service");
}
