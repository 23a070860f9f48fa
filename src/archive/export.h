/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A record of the archive as it leaves it: as one line of JSON that says all that is known of it, or as its original bytes
 * alone. Pure. Called by `sereno export` and, for the desk, by keeper.
 *
 * NDJSON: {"day":"2026-11-22","block":12,"index":3,"organisation":…,"source":…,"class":…,"host":…,"sender":…,
 *          "time":…,"received":…,"flags":0,"arrival":7,"original":…}
 * Times are UTC with nanoseconds. An original that is not UTF-8 is "original_base64" (RFC 4648 §4) instead, so that each
 * comes out byte for byte. Text: the original and a line break.
 */
#ifndef ARCHIVE_EXPORT_H
#define ARCHIVE_EXPORT_H

#include "archive/archive.h"

enum export_format { EXPORT_NDJSON, EXPORT_TEXT };

enum { EXPORT_RECORD_MAX = 6 * ARCHIVE_RECORD_MAX_BYTES + 64 * 1024 /* bytes of one, every byte escaped */ };

/* "ndjson" or "text"; false for another word. */
bool export_format_parse(struct span word, enum export_format *out);
void export_record(enum export_format format, struct archive_address at,
                   const struct archive_record *r, struct buf *out);

#endif
