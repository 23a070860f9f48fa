/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno rules cost`: what each rule has cost on a node, and which are stopped. Asks the running node; when none holds the
 * data folder, reads the records there itself.
 */
#include "cli/rules_cost.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/control.h"
#include "event/alert.h"
#include "records/records.h"
#include "records/rule_cost.h"
#include "roles/super.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

enum { ID_MAX = 200 };

struct rows {
    struct arena arena;
    VEC(struct rule_cost_row) all;
};

/* ---- from the running node ---- */

static struct span plain_text(struct arena *a, const struct leaf *leaf)
{
    struct span raw = span_make(leaf->ptr, leaf->len);
    if (leaf->kind == LEAF_STRING) {
        return arena_copy(a, raw);
    }
    char *to = arena_alloc(a, raw.len + 1);
    return span_make(to, json_unescape(raw, to, NULL));
}

static void on_leaf(void *ctx, struct span name, const struct leaf *leaf)
{
    struct rows *r = ctx;
    if (span_eq(name, SPAN("items.id"))) { /* the first of each item */
        vec_push(&r->all, (struct rule_cost_row){0});
    }
    if (r->all.len == 0 || leaf->kind == LEAF_NULL) {
        return;
    }
    struct rule_cost_row *row = vec_last(&r->all);
    const struct {
        const char *name;
        struct span *to;
    } texts[] = {{"items.id", &row->id},       {"items.hash", &row->hash},     {"items.title", &row->title},
                 {"items.file", &row->file},   {"items.reason", &row->reason}};
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"items.events", &row->events}, {"items.candidates", &row->candidates}, {"items.hits", &row->hits},
                   {"items.ns", &row->ns},         {"items.evicted", &row->evicted},
                   {"items.windows", &row->windows}, {"items.state_bytes", &row->state_bytes}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (span_eq(name, span_of(texts[i].name))) {
            *texts[i].to = plain_text(&r->arena, leaf);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (span_eq(name, span_of(numbers[i].name))) {
            (void)!num_i64(span_make(leaf->ptr, leaf->len), numbers[i].to);
        }
    }
    if (span_eq(name, SPAN("items.level"))) {
        enum alert_level level = LEVEL_INFORMATIONAL;
        (void)!alert_level_parse(plain_text(&r->arena, leaf), &level);
        row->level = level;
    }
    row->stopped = row->reason.len > 0 ? 1 : 0;
}

/* 0, or CLI_UNREAD when the node refused and said so; ERR_CLOSED: no node runs. */
static int ask_node(const struct rules_cost_args *a, struct rows *rows, struct err *e)
{
    struct control_answer answer = {0};
    struct arena scratch;
    char path[128];
    (void)snprintf(path, sizeof path, "/api/v1/rules/costs?sort=%s&limit=%u", a->sort, a->limit);
    int rc = control_ask(a->data_dir, "GET", path, SPAN(""), &answer, e);
    if (rc < 0) {
        return rc;
    }
    arena_init(&scratch, 0);
    if (answer.status != 200) {
        rc = control_refused(&answer);
    } else {
        rc = json_walk(buf_view(&answer.body), &scratch, on_leaf, rows, e);
    }
    arena_fini(&scratch);
    buf_free(&answer.body);
    return rc;
}

/* ---- from the records ---- */

/* No node may start while we look: it would find the database busy. */
static int hold_lock(const char *dir, int *fd_out, struct err *e)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/lock", dir);
    int fd = n < (int)sizeof path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "%s holds no node's data", dir);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return err_set(e, ERR_BUSY, "a node runs with the data in %s, but does not answer", dir);
    }
    *fd_out = fd;
    return 0;
}

static int read_records(const struct rules_cost_args *a, struct rows *rows, struct err *e)
{
    const char *dir = a->data_dir == NULL ? super_default_data() : a->data_dir;
    char path[4096];
    struct db *db = NULL;
    struct rule_cost_row *list = NULL;
    enum rule_cost_order by = COST_BY_NS;
    size_t n = 0;
    int lock = -1;
    int rc = hold_lock(dir, &lock, e);
    if (rc != 0) {
        return rc;
    }
    rc = cli_look_at_logs(dir, e);
    rc = rc != 0 ? rc
         : snprintf(path, sizeof path, "%s/records.db", dir) < (int)sizeof path
             ? records_open(path, clock_now(), e, &db)
             : err_set(e, ERR_LIMIT, "the path of the data folder is too long");
    (void)!rule_cost_order_parse(span_of(a->sort), &by);
    rc = rc < 0 ? rc : rule_costs_list(db, by, false, a->limit, &rows->arena, &list, &n, e);
    for (size_t i = 0; i < n; i++) {
        vec_push(&rows->all, list[i]);
    }
    db_close(&db);
    (void)close(lock);
    return rc;
}

/* ---- printing ---- */

static void put_number(struct json_writer *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_i64(j, v);
}

static void print_json(const struct rows *rows)
{
    struct buf b;
    struct json_writer j;
    buf_init(&b, 16 << 20);
    json_writer_init(&j, &b);
    json_array(&j);
    for (size_t i = 0; i < rows->all.len; i++) {
        const struct rule_cost_row *r = &rows->all.data[i];
        const struct span texts[] = {r->id, r->hash, r->title, r->file, r->reason};
        static const char *const names[] = {"id", "hash", "title", "file", "stopped"};
        json_object(&j);
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            json_key(&j, names[k]);
            if (k + 1 == ARRAY_LEN(texts) && texts[k].len == 0) {
                json_null(&j);
            } else {
                json_text(&j, texts[k]);
            }
        }
        json_key(&j, "level");
        json_text(&j, span_of(alert_level_name((enum alert_level)r->level)));
        put_number(&j, "events", r->events);
        put_number(&j, "candidates", r->candidates);
        put_number(&j, "hits", r->hits);
        put_number(&j, "ns", r->ns);
        put_number(&j, "evicted", r->evicted);
        put_number(&j, "windows", r->windows);
        put_number(&j, "state_bytes", r->state_bytes);
        json_end(&j);
    }
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

static void print_text(const struct rows *rows)
{
    struct buf b;
    buf_init(&b, 16 << 20);
    if (rows->all.len == 0) {
        (void)printf("No rule has seen an event yet.\n");
        return;
    }
    buf_cstr(&b, "        ms       events   candidates         hits  ns/candidate  rule\n");
    for (size_t i = 0; i < rows->all.len; i++) {
        const struct rule_cost_row *r = &rows->all.data[i];
        buf_printf(&b, "%10.1f %12lld %12lld %12lld %13.0f  ", (double)r->ns / 1e6, (long long)r->events,
                   (long long)r->candidates, (long long)r->hits,
                   r->candidates == 0 ? 0.0 : (double)r->ns / (double)r->candidates);
        cli_put_safe(&b, r->title);
        buf_cstr(&b, " (");
        cli_put_safe(&b, r->id.len > 0 ? r->id : r->hash);
        buf_cstr(&b, ")\n");
        if (r->windows > 0 || r->evicted > 0) {
            buf_printf(&b, "           correlation: %lld windows of %lld bytes, %lld events given up for want of room\n",
                       (long long)r->windows, (long long)r->state_bytes, (long long)r->evicted);
        }
        if (r->reason.len > 0) {
            buf_cstr(&b, "           STOPPED: ");
            cli_put_safe(&b, r->reason);
            buf_cstr(&b, "\n");
        }
    }
    (void)fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

int rules_cost(const struct rules_cost_args *a)
{
    struct rows rows = {0};
    struct err e = {0};
    arena_init(&rows.arena, 0);
    int rc = ask_node(a, &rows, &e);
    if (rc == ERR_CLOSED) {
        e = (struct err){0};
        rc = read_records(a, &rows, &e);
    }
    if (rc == 0) {
        (a->json ? print_json : print_text)(&rows);
    } else if (rc < 0) {
        cli_print_err(&e);
        rc = CLI_UNREAD;
    }
    vec_free(&rows.all);
    arena_fini(&rows.arena);
    return rc;
}

int rules_resume(const char *data_dir, const char *id)
{
    struct control_answer answer = {0};
    struct err e = {0};
    char path[ID_MAX + 64];
    size_t n = strlen(id);
    if (n == 0 || n > ID_MAX || strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") != n) {
        (void)err_set(&e, ERR_INVALID, "that is no id of a rule");
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    (void)snprintf(path, sizeof path, "/api/v1/rules/%s/resume", id);
    if (control_ask(data_dir, "POST", path, SPAN(""), &answer, &e) < 0) {
        cli_print_err(&e);
        return CLI_UNREAD;
    }
    int status = CLI_OK;
    if (answer.status != 204) {
        status = control_refused(&answer);
    } else {
        (void)printf("The rule is evaluated again.\n");
    }
    buf_free(&answer.body);
    return status;
}
