/* SPDX-License-Identifier: EUPL-1.2 */
/* The files of the page, embedded in the program by tools/embed at build time. */
#ifndef API_ASSETS_H
#define API_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *path; /* "/assets/index-Dy21b8M7.js", "/index.html" */
    const char *type; /* Content-Type */
    const char *etag; /* with its quotes */
    bool immutable;   /* its name carries a hash of its bytes */
    const unsigned char *gzip;
    size_t gzip_bytes;
    const unsigned char *plain; /* for clients without gzip */
    size_t plain_bytes;
};

extern const struct asset assets[];
extern const size_t asset_count; /* 0 = built without the page */

#endif
