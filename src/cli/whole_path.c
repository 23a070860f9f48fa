/* SPDX-License-Identifier: EUPL-1.2 */
/* Head and paths of a whole export: see whole_in.h. Hostile. */
#include <stdio.h>
#include <string.h>

#include "cli/whole_in.h"

enum { HEAD_DEPTH = 6 };

int whole_head_read(struct span text, int64_t known, struct whole_head *out, struct err *e)
{
    struct arena a;
    struct jcs *v = NULL;
    struct span format;
    int64_t version = 0;
    arena_init(&a, 1 << 16);
    int rc = jcs_read(&a, text, HEAD_DEPTH, &v, e);
    if (rc == 0 && (!jcs_get_text(v, "format", &format) || !span_eq(format, SPAN(WHOLE_FORMAT)) ||
                    !jcs_get_int(v, "format_version", &version) || !jcs_get_int(v, "records_version", &out->records_version) ||
                    !jcs_get_bool(v, "secrets", &out->secrets))) {
        rc = err_set(e, ERR_INVALID, WHOLE_HEAD " is no head of an export");
    }
    if (rc == 0 && (version != WHOLE_FORMAT_VERSION || out->records_version > known)) {
        rc = err_set(e, ERR_UNSUPPORTED, "the export was made by a newer program than this one");
    }
    if (rc == 0 && out->records_version < 1) {
        rc = err_set(e, ERR_INVALID, WHOLE_HEAD " speaks of records that never were");
    }
    arena_fini(&a);
    return rc;
}

/* "NAME.0001.ndjson" at the end of a path: the name. */
static bool take_name(struct span s, struct span *out)
{
    enum { END = 12 /* ".0001.ndjson" */ };
    if (s.len <= END || !span_ends(s, SPAN(".ndjson")) || s.ptr[s.len - END] != '.') {
        return false;
    }
    for (size_t i = s.len - END + 1; i < s.len - END + 5; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    *out = span_sub(s, 0, s.len - END);
    return span_find(*out, '/') < 0;
}

/* "archive/2026-11-22/chain/block.0001.ndjson" behind its first folder. */
static bool take_day(struct span rest, struct whole_path *out)
{
    time_ns t = 0;
    if (rest.len < 12 || rest.ptr[10] != '/' || !time_parse(span_sub(rest, 0, 10), 0, &t)) {
        return false;
    }
    out->day = (int32_t)time_day(t);
    rest = span_sub(rest, 11, rest.len);
    ptrdiff_t slash = span_find(rest, '/');
    if (slash < 0) {
        return false;
    }
    out->part = span_sub(rest, 0, (size_t)slash);
    out->kind = WHOLE_IS_DAY;
    return take_name(span_sub(rest, (size_t)slash + 1, rest.len), &out->table);
}

static bool is_city_file(struct span rest)
{
    for (size_t i = 0; i < whole_folder_count; i++) {
        struct span folder = span_of(whole_folders[i]);
        if (span_starts(rest, folder) && rest.len > folder.len + 1 && rest.ptr[folder.len] == '/') {
            return true;
        }
    }
    return false;
}

static bool place(struct whole_path *out, struct span where)
{
    out->kind = WHOLE_IS_FILE;
    int n = snprintf(out->place, sizeof out->place, "%.*s", SPAN_ARG(where));
    return n > 0 && n <= PACK_PATH_MAX;
}

bool whole_path_read(const char *path, bool secrets, struct whole_path *out)
{
    struct span s = span_of(path);
    *out = (struct whole_path){.kind = WHOLE_NONE};
    if (span_eq(s, SPAN(WHOLE_HEAD))) {
        out->kind = WHOLE_IS_HEAD;
        return true;
    }
    if (span_eq(s, SPAN(WHOLE_COUNTS))) {
        out->kind = WHOLE_IS_COUNTS;
        return true;
    }
    if (span_starts(s, SPAN("records/"))) {
        out->kind = WHOLE_IS_ROWS;
        return take_name(span_sub(s, 8, s.len), &out->table) && out->table.len < ROWS_NAME_MAX;
    }
    if (span_eq(s, SPAN("archive/seals.jsonl"))) {
        return place(out, s);
    }
    if (span_starts(s, SPAN("archive/"))) {
        return take_day(span_sub(s, 8, s.len), out);
    }
    if (span_starts(s, SPAN("files/"))) {
        struct span rest = span_sub(s, 6, s.len);
        return is_city_file(rest) && place(out, rest);
    }
    if (span_eq(s, SPAN("config/sereno.yml"))) {
        return place(out, SPAN("imported-sereno.yml"));
    }
    return secrets && span_starts(s, SPAN("keys/")) && span_find(span_sub(s, 5, s.len), '/') < 0 && place(out, s);
}
