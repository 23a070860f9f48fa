/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to archive/: a stretch of links whose small blocks were merged. Its row says, for each link, whether its own row
 * still stands or in which unit its records lie now; a unit is one or more packs (ARCHIVE_KIND_PACK) that share their
 * records' order. Reads untrusted bytes.
 */
#ifndef ARCHIVE_STRETCH_H
#define ARCHIVE_STRETCH_H

#include "archive/priv.h"

enum {
    STRETCH_LINKS_MAX = 65536,          /* links of one stretch */
    STRETCH_TEXT_MAX = 2 * 1024 * 1024, /* bytes of its table, unpacked */
};

struct stretch_link {
    uint32_t unit;  /* 0: its own row stands; else number + 1 */
    uint32_t count; /* records, of a merged block */
};

struct stretch_unit {
    uint32_t *packs; /* ids of their rows, ascending */
    size_t npacks;
};

struct stretch {
    uint32_t first, last; /* links; the last one's own row always stands */
    struct stretch_link *links;
    struct stretch_unit *units;
    size_t nunits;
};

void stretch_encode(const struct stretch *s, struct buf *out);
/* Into arena. ERR_INVALID. */
int stretch_decode(uint32_t first, uint32_t last, struct span packed, struct arena *arena,
                   struct stretch *out, struct err *e) NODISCARD;

/* The stretch that holds this link: 1, or 0 when none does. */
int stretch_find(sqlite3 *db, uint32_t link, struct arena *arena, struct stretch *out,
                 struct err *e) NODISCARD;
/* The first that ends at or behind this link: 1, or 0. */
int stretch_next(sqlite3 *db, uint32_t link, struct arena *arena, struct stretch *out,
                 struct err *e) NODISCARD;
/* Last link of the newest stretch, 0 when there is none. */
int stretch_end(sqlite3 *db, uint32_t *out, struct err *e) NODISCARD;

#endif
