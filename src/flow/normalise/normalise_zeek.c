/* SPDX-License-Identifier: EUPL-1.2 */
/* Zeek's tab-separated logs: header lines make the columns, data lines the events. On the event
 * path of every worker. */
#include "flow/normalise/normalise_priv.h"

/* Nodes of the columns, found again when a header has changed them. */
static void find_nodes(struct stream_zeek *s, const struct keytable *keys,
                       const struct zeek_column *columns, uint32_t n)
{
    if (s->version == zeek_version(s->log) && s->keys == keys) {
        return;
    }
    s->version = zeek_version(s->log);
    s->keys = keys;
    for (uint32_t i = 0; i < n; i++) {
        s->nodes[i] = keytable_find(keys, KEY_ROOT, columns[i].name);
    }
}

static void read_values(struct job *j, struct span line)
{
    struct stream_zeek *s = j->st->zeek;
    const struct zeek_column *columns = NULL;
    uint32_t n = zeek_columns(s->log, &columns);
    find_nodes(s, j->n->catalog->keys, columns, n);
    struct zeek_cursor c = zeek_begin(line);
    struct zeek_value v;
    while (zeek_next(s->log, &c, &v)) {
        if (v.kind != ZEEK_UNSET) {
            norm_add(j, columns[v.column].name, s->nodes[v.column],
                     v.kind == ZEEK_EMPTY ? SPAN("") : v.text);
        }
    }
}

enum normalise_result norm_zeek(struct job *j)
{
    struct stream *st = j->st;
    struct span line = j->ev->raw;
    if (st->zeek == NULL) {
        st->zeek = mem_alloc(sizeof *st->zeek);
        st->zeek->log = zeek_new();
    }
    if (line.len == 0) {
        return NORMALISE_HEADER;
    }
    if (zeek_is_header(line)) {
        /* A header that cannot be read leaves the one before it: the lines behind it are told by
         * their columns. */
        int rc = zeek_header(st->zeek->log, line, j->e);
        (void)rc;
        return NORMALISE_HEADER;
    }
    j->ev->keywords_raw = true;
    const struct zeek_column *columns = NULL;
    st->zeek_ncols = zeek_columns(st->zeek->log, &columns);
    if (st->zeek_ncols == 0) {
        (void)err_set(j->e, ERR_INVALID, "a Zeek line before any #fields line");
        return NORMALISE_BAD;
    }
    read_values(j, line);
    if (!zeek_fits(st->zeek->log, line)) {
        j->ev->tags |= TAG_NOT_PARSED;
    }
    struct span path = zeek_path(st->zeek->log);
    path = path.len == 0 ? span_make(NULL, 0) : path;
    norm_set_class(j, norm_format_class(j, FORMAT_ZEEK, path, span_make(NULL, 0)));
    return NORMALISE_EVENT;
}
