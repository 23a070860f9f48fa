/* SPDX-License-Identifier: EUPL-1.2 */
/* Logs of databases, looked at by commands: see data_logs.h. */
#include "cli/data_logs.h"

#include <stdio.h>

#include "cli/cli.h"
#include "os/sqlite_wal.h"

static void print_damage(void *ctx, const struct err *e)
{
    (void)ctx;
    cli_print_err(e);
}

int cli_look_at_logs(const char *data_dir, struct err *e)
{
    char archive[SQLITE_WAL_PATH_MAX];
    int n = snprintf(archive, sizeof archive, "%s/archive", data_dir);
    if (n < 0 || n >= (int)sizeof archive) {
        return err_set(e, ERR_LIMIT, "the path of the data folder is too long");
    }
    int rc = sqlite_wal_guard(data_dir, false, print_damage, NULL, e);
    return rc == 0 ? sqlite_wal_guard(archive, false, print_damage, NULL, e) : rc;
}

int cli_enter_data(const struct sandbox_options *cage, struct err *e)
{
    int rc = sandbox_enter_with(SANDBOX_KEEPER, cage, e);
    return rc == 0 ? cli_look_at_logs(cage->data_dir, e) : rc;
}
