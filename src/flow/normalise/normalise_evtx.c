/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of Windows event log files: their values come under the names that the export to JSON
 * has, so that from there on they are the events that the JSON sources know. On the event path of
 * every worker that reads such files.
 */
#include "flow/normalise/normalise_priv.h"
#include "wire/evtx.h"

enum normalise_result norm_evtx(struct job *j)
{
    struct event *ev = j->ev;
    struct span record = ev->raw;
    if (j->st->evtx == NULL) {
        (void)err_set(j->e, ERR_INVALID, "EVTX: a record without the chunk it stands in");
        return NORMALISE_BAD;
    }
    int rc = evtx_read(j->st->evtx, j->n->catalog->keys, record, &ev->leaves, &ev->raw, j->e);
    j->written = evtx_written(record);
    if (rc != 0) {
        return NORMALISE_BAD;
    }
    norm_by_content(j, FORMAT_JSON);
    return NORMALISE_EVENT;
}
