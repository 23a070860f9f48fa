/* SPDX-License-Identifier: EUPL-1.2 */
/* Exports of the archive over the interface: see archive_export.c. Shared by api/ and the tests of policy. */
#ifndef API_ARCHIVE_EXPORT_H
#define API_ARCHIVE_EXPORT_H

#include "api/api_priv.h"

/* Of which organisation's records an export may be (empty = of all), when `asked` is asked for (empty = no word of it). False: of none. */
bool archive_export_scope(const struct policy_reader *reader, struct span asked, time_ns now, struct span *out);
/* Ends those of that session, or of that person; all when neither is given. */
void exports_end(struct api *api, const unsigned char *session_hash, struct span person);

#endif
