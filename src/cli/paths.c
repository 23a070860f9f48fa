/* SPDX-License-Identifier: EUPL-1.2 */
/* Options that name rules, sources and placeholders: see paths.h. */
#include "cli/paths.h"

bool cli_paths_add(struct cli_paths *p, enum bundle_kind kind, const char *path)
{
    if (p->count[kind] >= CLI_PATHS_MAX) {
        return false;
    }
    p->list[kind][p->count[kind]++] = path;
    return true;
}

int cli_paths_take(struct cli_paths *p, int c, const char *value)
{
    static const char letters[BUNDLE_KINDS] = {
        [BUNDLE_RULE] = 'r', [BUNDLE_SOURCE] = 'S', [BUNDLE_PLACEHOLDER] = 'P'};
    for (int kind = 0; kind < BUNDLE_KINDS; kind++) {
        if (c == letters[kind]) {
            return cli_paths_add(p, (enum bundle_kind)kind, value) ? 1 : -1;
        }
    }
    return 0;
}

int cli_paths_load(const struct cli_paths *p, struct engine *en, struct err *e)
{
    int rc = 0;
    for (int kind = 0; kind < BUNDLE_KINDS && rc == 0; kind++) {
        rc = engine_add(en, (enum bundle_kind)kind, p->list[kind], p->count[kind], e);
    }
    return rc;
}
