/* SPDX-License-Identifier: EUPL-1.2 */
/* Rule texts and refusals: see rules.h. Runs in the keeper. Must never drop the text of a rule that
 * an alert points to. */
#include "records/rules.h"

#include "base/num.h"
#include "base/utf8.h"
#include "event/alert.h"
#include "records/settings.h"

void rule_encode(struct buf *out, const struct rule_row *rule)
{
#define X(name) buf_str(out, rule->name);
    RULE_SPANS(X)
#undef X
    buf_u8(out, (uint8_t)rule->level);
    buf_u64(out, (uint64_t)rule->alerts);
    buf_u64(out, (uint64_t)rule->events);
}

void rule_decode(struct cursor *c, struct rule_row *out)
{
#define X(name) out->name = cursor_str(c);
    RULE_SPANS(X)
#undef X
    out->level = cursor_u8(c);
    out->alerts = (int64_t)cursor_u64(c);
    out->events = (int64_t)cursor_u64(c);
    if (out->level > LEVEL_CRITICAL || out->hash.len != RULE_HASH_LEN ||
        out->text.len > RULE_TEXT_MAX) {
        c->failed = true;
        out->level = 0;
    }
}

int rules_generation(struct db *db, struct err *e, int64_t *generation_out)
{
    char text[32];
    struct span value = SPAN("");
    int rc = settings_get(db, SPAN("rules.generation"), text, sizeof text, &value, e);
    *generation_out = 0;
    if (rc == 0 && !num_i64(value, generation_out)) {
        rc = err_set(e, ERR_INVALID, "the setting rules.generation is not a number");
    }
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int rules_put(struct db *db, const struct rule_row *rule, int64_t generation, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO rule_text (hash, rule_id, title, author, file, description, license, "
        "condition,"
        " reference_list, tag_list, falsepositive_list, joins, body, level, generation, alerts, events) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0) "
        "ON CONFLICT (hash) DO UPDATE SET generation = excluded.generation, file = excluded.file, joins = excluded.joins",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    int n = 1;
#define X(name) db_bind_text(s, n++, rule->name);
    RULE_SPANS(X)
#undef X
    db_bind_i64(s, n++, rule->level);
    db_bind_i64(s, n++, generation);
    CHECK(n == 16);
    return db_run(s, e);
}

int rules_put_refusal(struct db *db, const struct rule_refusal *r, int64_t generation,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO rule_refused (seq, generation, file, line, reason) "
                      "SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4 FROM rule_refused",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    db_bind_text(s, 2, r->file);
    db_bind_i64(s, 3, r->line);
    db_bind_text(s, 4, r->reason);
    return db_run(s, e);
}

int rules_switch(struct db *db, int64_t generation, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM rule_refused WHERE generation <> $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    rc = db_run(s, e);
    return rc < 0 ? rc : settings_put_i64(db, SPAN("rules.generation"), generation, now, e);
}

#define RULE_COLUMNS                                                                               \
    "hash, rule_id, title, author, file, description, license, condition, reference_list, "        \
    "tag_list, "                                                                                   \
    "falsepositive_list, joins, "

static void rule_read(struct db_stmt *s, struct arena *arena, struct rule_row *out)
{
    int i = 0;
#define X(name)                                                                                    \
    out->name = arena == NULL ? db_col_text(s, i) : arena_copy(arena, db_col_text(s, i)), i++;
    RULE_SPANS(X)
#undef X
    out->level = db_col_i64(s, i++);
    out->alerts = db_col_i64(s, i++);
    out->events = db_col_i64(s, i++);
}

int rules_get(struct db *db, struct span hash, struct arena *arena, struct rule_row *out,
              struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db, "SELECT " RULE_COLUMNS "body, level, alerts, events FROM rule_text WHERE hash = $1", e,
        &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, hash);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "the text of this rule was never stored");
    }
    if (rc > 0) {
        rule_read(s, arena, out);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int rules_by_id(struct db *db, struct span id, struct arena *arena, struct rule_row *out,
                struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t generation = 0;
    int rc = rules_generation(db, e, &generation);
    rc = rc < 0 ? rc
                : db_query(db,
                           "SELECT " RULE_COLUMNS "body, level, alerts, events FROM rule_text "
                           "WHERE rule_id = $1 AND generation = $2 ORDER BY hash LIMIT 1",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_i64(s, 2, generation);
    rc = db_step(s, e);
    if (rc > 0) {
        rule_read(s, arena, out);
        db_done(s);
    }
    return rc < 0 ? rc : rc > 0 ? 0 : err_set(e, ERR_NOT_FOUND, "no such rule is loaded");
}

int rules_tagged(struct db *db, struct span tag, struct arena *arena, struct rule_row **rows_out,
                 size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int64_t generation = 0;
    *rows_out = arena_calloc(arena, RULES_TAGGED_MAX, sizeof **rows_out);
    *count_out = 0;
    for (size_t i = 0; i < tag.len; i++) { /* nothing that LIKE reads as a sign */
        if (tag.ptr[i] == '%' || tag.ptr[i] == '_' || tag.ptr[i] == '\\') {
            return err_set(e, ERR_INVALID, "no tag");
        }
    }
    int rc = rules_generation(db, e, &generation);
    rc = rc < 0 ? rc
                : db_query(db,
                           "SELECT " RULE_COLUMNS "body, level, alerts, events FROM rule_text "
                           "WHERE generation = $1 AND lower(tag_list) LIKE lower($2) AND file NOT LIKE 'federation/%' "
                           "ORDER BY level DESC, rule_id, hash LIMIT $3",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    db_bind_text(s, 2, span_of(arena_printf(arena, "%%%.*s%%", SPAN_ARG(tag))));
    db_bind_i64(s, 3, RULES_TAGGED_MAX);
    while ((rc = db_step(s, e)) > 0) {
        rule_read(s, arena, &(*rows_out)[(*count_out)++]);
    }
    return rc;
}

int rules_count_alert(struct db *db, struct span hash, int64_t events, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db, "UPDATE rule_text SET alerts = alerts + 1, events = events + $1 WHERE hash = $2", e,
        &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, events);
    db_bind_text(s, 2, hash);
    return db_run(s, e);
}

static bool rule_has(const struct rule_row *r, struct span folded_words, struct arena *scratch)
{
    const struct span parts[] = {r->title, r->rule_id, r->file};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char *folded = arena_bytes(scratch, utf8_fold_room(parts[i].len));
        size_t len = utf8_fold(parts[i], folded);
        if (memmem(folded, len, folded_words.ptr, folded_words.len) != NULL) {
            return true;
        }
    }
    return folded_words.len == 0;
}

static int list_fill(struct db_stmt *s, struct span words, size_t limit, struct arena *arena,
                     struct rule_page *out, struct err *e)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    char *folded = arena_bytes(arena, utf8_fold_room(words.len));
    struct span key = span_make(folded, utf8_fold(words, folded));
    int rc = 0;
    while ((rc = db_step(s, e)) > 0) {
        struct rule_row row;
        rule_read(s, NULL, &row);
        arena_reset(&scratch);
        if (!rule_has(&row, key, &scratch)) {
            continue;
        }
        if (out->count == limit) {
            out->more = true;
            db_done(s);
            rc = 0;
            break;
        }
        rule_read(s, arena, &out->rows[out->count++]);
    }
    arena_fini(&scratch);
    return rc;
}

static int rules_total(struct db *db, int64_t generation, int64_t *total_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM rule_text WHERE generation = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    rc = db_step(s, e);
    if (rc > 0) {
        *total_out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int rules_list(struct db *db, struct span words, struct span after_title, struct span after_hash,
               size_t limit, struct arena *arena, struct rule_page *out, struct err *e)
{
    CHECK(limit > 0 && limit <= RULE_PAGE_MAX);
    *out = (struct rule_page){.rows = arena_calloc(arena, limit, sizeof *out->rows)};
    int64_t generation = 0;
    struct db_stmt *s = NULL;
    int rc = rules_generation(db, e, &generation);
    if (rc == 0) {
        rc = rules_total(db, generation, &out->total, e);
    }
    if (rc == 0) {
        rc = db_query(db,
                      "SELECT " RULE_COLUMNS
                      "'', level, alerts, events FROM rule_text WHERE generation = $1 "
                      "AND (title > $2 OR (title = $2 AND hash > $3)) ORDER BY title, hash",
                      e, &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, generation);
    db_bind_text(s, 2, after_title);
    db_bind_text(s, 3, after_hash);
    return list_fill(s, words, limit, arena, out, e);
}

int rules_refused(struct db *db, struct arena *arena, struct rule_refusal **list_out,
                  size_t *count_out, struct err *e)
{
    *count_out = 0;
    struct rule_refusal *list = arena_calloc(arena, RULE_REFUSED_MAX, sizeof *list);
    *list_out = list;
    struct db_stmt *s = NULL;
    int rc =
        db_query(db, "SELECT file, line, reason FROM rule_refused ORDER BY seq LIMIT $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, RULE_REFUSED_MAX);
    while ((rc = db_step(s, e)) > 0) {
        CHECK(*count_out < RULE_REFUSED_MAX);
        list[(*count_out)++] = (struct rule_refusal){
            .file = arena_copy(arena, db_col_text(s, 0)),
            .line = db_col_i64(s, 1),
            .reason = arena_copy(arena, db_col_text(s, 2)),
        };
    }
    return rc;
}
