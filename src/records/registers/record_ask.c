/* SPDX-License-Identifier: EUPL-1.2 */
/* Questions of lists: see record_ask.h. Runs in the keeper. */
#include "records/registers/record_ask.h"

#include <string.h>

/* So many ids are passed one by one before the engine is asked to go to one, which costs as much; fewer where that was in vain. */
enum { PASS_MAX = 14 };

int record_order(struct span a, struct span b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.ptr, b.ptr, least);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

struct span record_ask_id(void)
{
    static const char place[1]; /* known by where it is: see sql_value */
    return span_make(place, 0);
}

struct sql *record_ask_begin(struct record_ask *k, struct arena *a)
{
    *k = (struct record_ask){.sql = arena_alloc(a, sizeof *k->sql)};
    sql_begin(k->sql);
    return k->sql;
}

int record_ask_ready(struct record_ask *k, struct db *db, struct err *e)
{
    int rc = sql_prepare(db, k->sql, e, &k->st);
    for (int i = 0; i < k->sql->count; i++) {
        k->id = k->sql->texts[i].ptr == record_ask_id().ptr ? i + 1 : k->id;
    }
    sql_end(k->sql);
    CHECK(rc < 0 || k->id > 0);
    return rc;
}

int record_ask_for(struct record_ask *k, struct span id, struct err *e)
{
    for (int i = 0; i < k->sql->count; i++) {
        db_bind_text(k->st, i + 1, i + 1 == k->id ? id : k->sql->texts[i]);
    }
    return db_step(k->st, e);
}

void record_ask_done(struct record_ask *k)
{
    if (k->st != NULL) {
        db_done(k->st);
    }
}

/* ---- rows of ids ---- */

static int arrived(struct record_run *r, int rc)
{
    r->over = rc == 0;
    r->id = rc > 0 ? db_col_bytes(r->ask.st, 0) : SPAN(""); /* as it lies there: as a text it would be copied to get a zero at its end */
    return rc < 0 ? rc : 0;
}

static int ask_from(struct record_run *r, struct span id, struct err *e)
{
    size_t n = id.len < sizeof r->from ? id.len : sizeof r->from;
    record_ask_done(&r->ask);
    if (n > 0) {
        memcpy(r->from, id.ptr, n);
        memcpy(r->before, id.ptr, n);
    }
    r->nbefore = n;
    r->passed = false;
    r->begun = n == id.len;
    return arrived(r, record_ask_for(&r->ask, span_make(r->from, n), e));
}

int record_run_next(struct record_run *r, struct err *e)
{
    CHECK(!r->over);
    r->moves++;
    r->begun = r->begun && r->id.len <= sizeof r->before;
    if (r->begun && r->id.len > 0) {
        memcpy(r->before, r->id.ptr, r->id.len);
        r->nbefore = r->id.len;
        r->passed = true;
    }
    return arrived(r, db_step(r->ask.st, e));
}

int record_run_to(struct record_run *r, struct span id, struct err *e)
{
    int order = r->begun ? record_order(span_make(r->before, r->nbefore), id) : 1;
    if (order > 0 || (order == 0 && r->passed)) {
        return ask_from(r, id, e);
    }
    int rc = 0;
    uint32_t passed = 0;
    while (rc == 0 && !r->over && passed < PASS_MAX - r->vain && record_order(r->id, id) < 0) {
        rc = record_run_next(r, e);
        passed++;
    }
    if (rc != 0 || r->over || record_order(r->id, id) >= 0) {
        r->vain /= 2;
        return rc;
    }
    r->vain = r->vain * 2 + 1 < PASS_MAX ? r->vain * 2 + 1 : PASS_MAX - 1;
    return ask_from(r, id, e);
}

void record_run_end(struct record_run *r)
{
    record_ask_done(&r->ask);
    r->begun = false;
    r->over = false;
}
