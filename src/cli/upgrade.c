/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno upgrade --check`: what this program would change in a data folder that another one wrote, before it does. The
 * upgrade itself happens when the node starts. Reads the records caged, writes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/data_logs.h"
#include "cli/options.h"
#include "os/sandbox.h"
#include "records/migrate.h"
#include "records/settings.h"
#include "roles/defaults.h"
#include "roles/keeper_upgrade.h"
#include "roles/super.h"
#include "wire/json_write.h"

struct check {
    const char *data_dir, *config;
    bool json, weaker;
    char records[PATH_MAX];
    struct buf yaml; /* sereno.yml, or empty */
    uint64_t need_bytes, free_bytes;
    int64_t version;
    char program_text[SETTING_MAX], defaults_text[SETTING_MAX];
    struct span program, defaults; /* empty: no program kept them yet */
    struct buf out;
    struct json_writer j;
};

static int read_config(struct check *c, struct err *e)
{
    int fd = open(c->config, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        char *to = buf_room(&c->yaml, 4096);
        n = to == NULL ? 0 : read(fd, to, 4096);
        buf_added(&c->yaml, n > 0 ? (size_t)n : 0);
    }
    int why = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return n < 0 ? err_set_errno(e, ERR_IO, why, "%s", c->config)
           : c->yaml.failed ? err_set(e, ERR_LIMIT, "%s: larger than %d bytes", c->config, CONFIG_FILE_MAX) : 0;
}

/* Before the cage: how large the copy will be, and whether there is room. */
static int measure(struct check *c, struct err *e)
{
    struct stat st;
    struct statvfs room;
    int n = snprintf(c->records, sizeof c->records, "%s/records.db", c->data_dir);
    if (n < 0 || n >= PATH_MAX || stat(c->records, &st) != 0 || statvfs(c->data_dir, &room) != 0) {
        return err_set(e, ERR_NOT_FOUND, "%s: there are no records in it: name a node's data folder with --data", c->data_dir);
    }
    c->need_bytes = (uint64_t)st.st_size;
    c->free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    return 0;
}

static int get(struct db *db, const char *name, char text[SETTING_MAX], struct span *out, struct err *e)
{
    int rc = settings_get(db, span_of(name), text, SETTING_MAX, out, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int read_records(struct check *c, struct err *e)
{
    struct db *db = NULL;
    int rc = db_open(c->records, e, &db);
    rc = rc == 0 ? migrate_version(db, e, &c->version) : rc;
    if (rc == 0 && c->version > 0) {
        rc = get(db, UPGRADE_VERSION_SETTING, c->program_text, &c->program, e);
        rc = rc == 0 ? get(db, UPGRADE_DEFAULTS_SETTING, c->defaults_text, &c->defaults, e) : rc;
    }
    db_close(&db);
    return rc;
}

static void put_default(void *ctx, struct span key, struct span before, struct span now)
{
    struct check *c = ctx;
    bool stated = defaults_stated(buf_view(&c->yaml), key);
    if (c->json) {
        json_object(&c->j);
        json_member_text_or_null(&c->j, "key", key);
        json_member_text_or_null(&c->j, "before", before);
        json_member_text_or_null(&c->j, "now", now);
        json_key(&c->j, "stated");
        json_bool(&c->j, stated);
        json_end(&c->j);
        return;
    }
    buf_cstr(&c->out, "  ");
    cli_put_safe(&c->out, key);
    buf_cstr(&c->out, ": was ");
    cli_put_safe(&c->out, before.len == 0 ? SPAN("not there") : before);
    buf_cstr(&c->out, ", becomes ");
    cli_put_safe(&c->out, now.len == 0 ? SPAN("unknown: remove it from sereno.yml") : now);
    buf_cstr(&c->out, stated ? " (your sereno.yml states it, so nothing changes)\n" : "\n");
}

static struct span own_defaults(struct buf *list)
{
    buf_init(list, DEFAULTS_MAX);
    defaults_put(list);
    CHECK(!list->failed);
    return buf_view(list);
}

static void count_only(void *ctx, struct span key, struct span before, struct span now)
{
    (void)ctx;
    (void)key;
    (void)before;
    (void)now;
}

static void say_text(struct check *c, struct span own, const struct migration *list, size_t count)
{
    struct buf *out = &c->out;
    buf_printf(out, "records of version %" PRId64 ", last used by sereno ", c->version);
    cli_put_safe(out, c->program.len == 0 ? SPAN("(a version that did not write its name)") : c->program);
    buf_printf(out, "; this is sereno %s, for version %zu\n", SERENO_VERSION, count);
    for (size_t i = (size_t)c->version; i < count; i++) {
        buf_printf(out, "  would be changed: %zu, %s\n", i + 1, list[i].name);
    }
    if ((size_t)c->version < count) {
        buf_printf(out, "a copy of the records is made first: %" PRIu64 " bytes, %" PRIu64 " are free\n", c->need_bytes,
                   c->free_bytes);
    }
    if (c->defaults.len == 0) {
        buf_cstr(out, "the program that wrote them kept no list of its defaults: what changed cannot be told\n");
        return;
    }
    size_t n = defaults_compare(c->defaults, own, count_only, NULL);
    buf_printf(out, "%zu %s\n", n, n == 1 ? "default changes" : "defaults change");
    (void)defaults_compare(c->defaults, own, put_default, c);
}

static void say_json(struct check *c, struct span own, const struct migration *list, size_t count)
{
    struct json_writer *j = &c->j;
    json_writer_init(j, &c->out);
    json_object(j);
    json_member_text_or_null(j, "from", c->program);
    json_member_text_or_null(j, "to", SPAN(SERENO_VERSION));
    json_key(j, "records");
    json_i64(j, c->version);
    json_key(j, "records_to");
    json_u64(j, count);
    json_key(j, "migrations");
    json_array(j);
    for (size_t i = (size_t)c->version; i < count; i++) {
        json_text(j, span_of(list[i].name));
    }
    json_end(j);
    json_key(j, "copy_bytes");
    json_u64(j, c->need_bytes);
    json_key(j, "free_bytes");
    json_u64(j, c->free_bytes);
    json_key(j, "defaults");
    if (c->defaults.len == 0) {
        json_null(j);
    } else {
        json_array(j);
        (void)defaults_compare(c->defaults, own, put_default, c);
        json_end(j);
    }
    json_end(j);
    buf_cstr(&c->out, "\n");
}

static int tell(struct check *c)
{
    size_t count = 0;
    struct buf own;
    const struct migration *list = migrate_list(&count);
    struct span defaults = own_defaults(&own);
    bool newer = c->version > (int64_t)count;
    bool room = c->version == (int64_t)count || c->free_bytes > c->need_bytes;
    if (!newer) {
        (c->json ? say_json : say_text)(c, defaults, list, count);
        (void)printf("%.*s", SPAN_ARG(buf_view(&c->out)));
    } else {
        (void)fprintf(stderr, "sereno: the records have version %" PRId64 ", made by a newer program; this one knows %zu\n",
                      c->version, count);
    }
    if (!newer && !room) {
        (void)fprintf(stderr, "sereno: there is no room for the copy: the upgrade would be refused\n");
    }
    buf_free(&own);
    return newer || !room ? CLI_UNREAD : CLI_OK;
}

static int run_upgrade(int argc, char **argv, const struct command *self)
{
    struct check c = {0};
    struct err e = {0};
    bool check = false;
    const struct cli_option table[] = {
        {"--check", NULL, &check},          {"--data", &c.data_dir, NULL},
        {"--config", &c.config, NULL},      {"--json", NULL, &c.json},
        {"--weaker-sandbox", NULL, &c.weaker},
    };
    int status = cli_options(self, argc, argv, table, ARRAY_LEN(table), NULL, 0);
    if (status != CLI_DONE_NOT) {
        return status;
    }
    if (!check) {
        return cli_usage(self, "the upgrade happens when the newer program first serves; --check says what it would change");
    }
    c.data_dir = c.data_dir == NULL ? super_default_data() : c.data_dir;
    buf_init(&c.yaml, CONFIG_FILE_MAX);
    buf_init(&c.out, 1 << 20);
    int rc = measure(&c, &e);
    rc = rc == 0 && c.config != NULL ? read_config(&c, &e) : rc;
    const struct sandbox_options cage = {.data_dir = c.data_dir, .weaker = c.weaker};
    rc = rc == 0 ? cli_enter_data(&cage, &e) : rc;
    rc = rc == 0 ? read_records(&c, &e) : rc;
    if (rc != 0) {
        cli_print_err(&e);
    }
    status = rc == 0 ? tell(&c) : CLI_UNREAD;
    buf_free(&c.yaml);
    buf_free(&c.out);
    return status;
}

const struct command cmd_upgrade = {
    .name = "upgrade",
    .summary = "say what this program would change in a node's data, before it does",
    .help = "usage: sereno upgrade --check [--data DIR] [--config FILE] [--json]\n"
            "\n"
            "Compares what the program that ran last left in the data folder with this one: which steps its\n"
            "records would take, whether there is room for the copy that is made first, and every default that\n"
            "differs. What sereno.yml or people have set stays as it is in any upgrade; a default holds only where\n"
            "nothing is set. Changes nothing, and does not disturb a running node.\n"
            "\n"
            "  --data DIR         the node's data folder; default as for `sereno serve`\n"
            "  --config FILE      its sereno.yml: then also whether it states a key whose default changes\n"
            "  --json             one JSON object\n"
            "  --weaker-sandbox   go on where the kernel has no Landlock\n"
            "\n"
            "Exit status: 0 told, 1 the records cannot be read, are newer, or have no room for the copy, 2 wrong use.\n"
            "\n"
            "example: ./sereno-new upgrade --check --data /var/lib/sereno --config /etc/sereno/sereno.yml\n",
    .run = run_upgrade,
};
