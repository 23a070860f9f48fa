/* SPDX-License-Identifier: EUPL-1.2 */
/* Commands that open the databases of a data folder themselves go in here, so that no log that was damaged is dropped without a word. */
#ifndef CLI_DATA_LOGS_H
#define CLI_DATA_LOGS_H

#include "os/sandbox.h"

/* Looks at the logs of the databases in data_dir and data_dir/archive (os/sqlite_wal.h): what is damaged is kept, and told on stderr. Before any of
 * them is opened. ERR_IO, ERR_LIMIT: none may be. */
int cli_look_at_logs(const char *data_dir, struct err *e) NODISCARD;

/* Enters the keeper's cage, and then that. */
int cli_enter_data(const struct sandbox_options *cage, struct err *e) NODISCARD;

#endif
