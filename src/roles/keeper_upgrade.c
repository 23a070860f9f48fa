/* SPDX-License-Identifier: EUPL-1.2 */
/* Tells what another program changes: see keeper_upgrade.h. */
#include "roles/keeper_upgrade.h"

#include "base/log.h"
#include "records/audit.h"
#include "records/settings.h"
#include "roles/defaults.h"

_Static_assert((int)DEFAULTS_MAX <= (int)SETTING_MAX, "the list is kept in a setting");

struct note {
    struct db *db;
    time_ns now;
    struct err *e;
    int rc;
};

static void note_change(struct note *n, struct span what, struct span subject, struct span before, struct span now)
{
    char a[LOG_VALUE_MAX], b[LOG_VALUE_MAX], c[LOG_VALUE_MAX];
    const struct audit_entry entry = {.at = n->now, .organisation = SPAN("*"), .who = SPAN("sereno"), .what = what,
                                      .subject = subject, .before = before, .after = now};
    n->rc = n->rc == 0 ? audit_append(n->db, &entry, n->e) : n->rc;
    log_warn("upgrade.changed", "what=%.*s subject=\"%s\" before=\"%s\" now=\"%s\"", SPAN_ARG(what), log_value(subject, a),
             log_value(before, b), log_value(now, c));
}

static void default_changed(void *ctx, struct span key, struct span before, struct span now)
{
    note_change(ctx, SPAN("default.changed"), key, before, now);
}

/* *value_out empty where there is none. */
static int get(struct db *db, const char *name, char text[SETTING_MAX], struct span *value_out, struct err *e)
{
    int rc = settings_get(db, span_of(name), text, SETTING_MAX, value_out, e);
    if (rc == ERR_NOT_FOUND) {
        *value_out = SPAN("");
        return 0;
    }
    return rc;
}

static int note_all(struct note *n, struct span version, struct span defaults, struct span list)
{
    if (version.len > 0 && !span_eq(version, SPAN(SERENO_VERSION))) {
        note_change(n, SPAN("program.changed"), SPAN("sereno"), version, SPAN(SERENO_VERSION));
    }
    if (defaults.len > 0) {
        (void)defaults_compare(defaults, list, default_changed, n);
    }
    int rc = n->rc;
    rc = rc == 0 ? settings_put(n->db, SPAN(UPGRADE_VERSION_SETTING), SPAN(SERENO_VERSION), n->now, n->e) : rc;
    return rc == 0 ? settings_put(n->db, SPAN(UPGRADE_DEFAULTS_SETTING), list, n->now, n->e) : rc;
}

int keeper_upgrade_note(struct db *db, time_ns now, struct err *e)
{
    char version_text[SETTING_MAX], defaults_text[SETTING_MAX];
    struct span version, defaults;
    struct buf list;
    struct note n = {db, now, e, 0};
    int rc = get(db, UPGRADE_VERSION_SETTING, version_text, &version, e);
    rc = rc == 0 ? get(db, UPGRADE_DEFAULTS_SETTING, defaults_text, &defaults, e) : rc;
    if (rc != 0) {
        return rc;
    }
    buf_init(&list, DEFAULTS_MAX);
    defaults_put(&list);
    CHECK(!list.failed);
    if (!span_eq(version, SPAN(SERENO_VERSION)) || !span_eq(defaults, buf_view(&list))) {
        rc = db_begin(db, e);
        rc = rc == 0 ? db_end(db, note_all(&n, version, defaults, buf_view(&list)), e) : rc;
    }
    buf_free(&list);
    return rc;
}
