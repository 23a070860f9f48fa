/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A page of names from S3-compatible storage: the XML of ListObjectsV2 (Amazon S3 API reference, "ListObjectsV2"), of which only
 * the names and whether there are more are read. It came from somebody else's server: called in a caged child.
 */
#ifndef WIRE_S3_LIST_H
#define WIRE_S3_LIST_H

#include <stdbool.h>

#include "base/span.h"

enum { S3_NAME_MAX = 1024 /* bytes of a key, by the API */ };

/* The next key's text as it stands between its tags, entities and all; false: there is none. Goes on in *rest. */
bool s3_list_next(struct span *rest, struct span *key_out);
/* Whether the page says that more names follow. */
bool s3_list_more(struct span page);

#endif
