/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads a scan manifest: see manifest.h. The manifest is the user's own file; its data sets are read by sandboxed workers. */
#include "cli/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/json_read.h"

enum column { COL_DATASET, COL_FORMAT, COL_PRODUCT, COL_CATEGORY, COL_SERVICE, COL_COUNT };
static const char *const column_names[COL_COUNT] = {"dataset", "format", "product", "category",
                                                    "service"};

static int read_file(struct manifest *m, const char *path, struct span *out, struct err *e)
{
    struct stat st;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "cannot read the manifest");
    } else if (st.st_size > MANIFEST_MAX_BYTES) {
        rc = err_set(e, ERR_LIMIT, "the manifest is larger than %d MiB", MANIFEST_MAX_BYTES >> 20);
    } else {
        char *p = arena_bytes(&m->arena, (size_t)st.st_size + 1);
        size_t n = 0;
        ssize_t r = 1;
        while (n < (size_t)st.st_size && r > 0) {
            r = read(fd, p + n, (size_t)st.st_size - n);
            n += r > 0 ? (size_t)r : 0;
        }
        *out = span_make(p, n);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

/* Index of the (format, log source) pair in declared, made if new. */
static int32_t declare(struct manifest *m, enum source_format format, const struct logsource *ls)
{
    for (size_t i = 0; i < m->declared.len; i++) {
        const struct declared_source *d = &m->declared.data[i];
        if (d->format == format && span_eq(d->logsource.product, ls->product) &&
            span_eq(d->logsource.category, ls->category) &&
            span_eq(d->logsource.service, ls->service)) {
            return (int32_t)i;
        }
    }
    vec_push(&m->declared, (struct declared_source){format, *ls});
    return (int32_t)(m->declared.len - 1);
}

static struct span leaf_text(struct manifest *m, const struct leaves *l, key_node node)
{
    uint32_t i = leaves_first(l, node);
    if (i == LEAF_NIL || l->data[i].kind != LEAF_STRING) {
        return SPAN("");
    }
    char *out = arena_bytes(&m->arena, l->data[i].len + 1);
    size_t n = json_unescape(span_make(l->data[i].ptr, l->data[i].len), out, NULL);
    out[n] = '\0';
    return span_make(out, n);
}

static int add_entry(struct manifest *m, const struct leaves *l, const key_node *nodes,
                     const char *folder, struct err *e)
{
    struct span dataset = leaf_text(m, l, nodes[COL_DATASET]);
    struct span format = leaf_text(m, l, nodes[COL_FORMAT]);
    if (dataset.len == 0 || format.len == 0) {
        return err_set(e, ERR_INVALID, "entry %zu has no \"dataset\" or no \"format\"",
                       m->entries.len);
    }
    if (m->entries.len >= MANIFEST_ENTRIES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d entries", MANIFEST_ENTRIES_MAX);
    }
    struct logsource ls = {leaf_text(m, l, nodes[COL_PRODUCT]),
                           leaf_text(m, l, nodes[COL_CATEGORY]),
                           leaf_text(m, l, nodes[COL_SERVICE])};
    enum source_format f;
    struct manifest_entry entry = {
        .dataset = dataset.ptr,
        .path = dataset.ptr[0] == '/' ? dataset.ptr
                                      : arena_printf(&m->arena, "%s/%s", folder, dataset.ptr),
        .format = format,
        .declared = source_format_parse(format, &f) ? declare(m, f, &ls) : -1,
    };
    vec_push(&m->entries, entry);
    return 0;
}

static int read_entries(struct manifest *m, struct span text, const char *folder, struct err *e)
{
    struct keytable_builder *b = keytable_builder_new();
    key_node nodes[COL_COUNT];
    for (size_t i = 0; i < COL_COUNT; i++) {
        nodes[i] = keytable_add(b, KEY_ROOT, span_of(column_names[i]));
    }
    const struct keytable *keys = keytable_pack(b, &m->arena);
    keytable_builder_free(&b);
    struct leaves l;
    leaves_init(&l, keytable_nodes(keys));
    struct json_split split;
    json_split_init(&split, true);
    int rc = 0;
    while (rc == 0) {
        size_t used = 0;
        struct span record;
        enum json_split_result r = json_split_next(&split, text, true, &used, &record, e);
        if (r == JSON_SPLIT_BAD) {
            rc = ERR_INVALID;
        } else if (r != JSON_SPLIT_RECORD) {
            break;
        } else {
            rc = json_read(&l, keys, KEY_ROOT, record, e);
            rc = rc == 0 ? add_entry(m, &l, nodes, folder, e) : rc;
        }
        text = span_sub(text, used, text.len);
    }
    leaves_fini(&l);
    return rc;
}

int manifest_read(struct manifest *m, const char *path, struct err *e)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->arena, 0);
    struct span text = {"", 0};
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "."
                                       : arena_cstr(&m->arena, span_make(path, (size_t)(slash - path)));
    int rc = read_file(m, path, &text, e);
    rc = rc == 0 ? read_entries(m, text, folder, e) : rc;
    if (rc != 0) {
        err_at(e, path, e->line);
    }
    return rc;
}

void manifest_free(struct manifest *m)
{
    arena_fini(&m->arena);
    vec_free(&m->entries);
    vec_free(&m->declared);
}

static const char *without_dot(const char *s)
{
    while (strncmp(s, "./", 2) == 0) {
        s += 2;
    }
    return s;
}

const struct manifest_entry *manifest_find(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->entries.len; i++) {
        if (strcmp(without_dot(m->entries.data[i].dataset), without_dot(name)) == 0) {
            return &m->entries.data[i];
        }
    }
    return NULL;
}
