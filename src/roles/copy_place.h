/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where on the network a second copy lies: what sereno.yml, or `sereno restore`, says of it, and how super tells it to the
 * courier. Pure; texts are borrowed. Holds no secret: those travel as an fd.
 */
#ifndef ROLES_COPY_PLACE_H
#define ROLES_COPY_PLACE_H

#include "base/buf.h"
#include "base/err.h"

enum {
    COPY_PINS_MAX = 8,     /* host keys of one server: one of each kind, and those that come next */
    COPY_ALLOW_MAX = 32,   /* networks in which it may lie */
    COPY_URL_MAX = 1024,   /* bytes */
    COPY_PIN_BYTES = 32,   /* SHA-256 */
    COPY_KEY_MAX = 64 << 10, /* bytes of a key file */
    COPY_PIECE_MIB = 256,    /* S3: a larger file is several objects; what a broken line costs */
    COPY_PIECE_MIB_MAX = 5120, /* S3: of one PUT, by the API */
    COPY_LOCK_DAYS_MAX = 36500,
};

#define COPY_REGION "us-east-1" /* S3: where none is stated; many servers know no other */

struct copy_place {
    struct span url; /* sftp://user@host[:port]/folder, s3://bucket[/prefix] */
    uint32_t npins, nallow;
    struct span pins[COPY_PINS_MAX];   /* "SHA256:…" as `ssh-keygen -l` prints it */
    struct span allow[COPY_ALLOW_MAX]; /* "10.20.0.0/16": networks that are not public and may be connected to */
    struct span endpoint, region;      /* S3: "https://s3.example[:port]"; region empty = COPY_REGION */
    uint32_t lock_days;                /* S3: nobody removes an object before so many days; 0 = as the bucket says */
    uint32_t piece_mib;                /* S3; 0 = COPY_PIECE_MIB */
};

enum copy_way { COPY_SFTP, COPY_S3 };

/* A URL in its parts, which point into it. */
struct copy_url {
    enum copy_way way;
    struct span user, host; /* host without the brackets of an IPv6 address; of S3 the bucket, without user */
    struct span path;       /* of the folder there, or "/prefix", without a slash at its end; "/" is empty */
    uint16_t port;
};

/* ERR_INVALID says what is wrong, and shows nothing of a password that somebody put there. */
int copy_url_parse(struct span text, struct copy_url *out, struct err *e) NODISCARD;
/* "SHA256:" and 43 characters of base64. */
int copy_pin_parse(struct span text, unsigned char out[COPY_PIN_BYTES], struct err *e) NODISCARD;
/* All of it: what is missing, what cannot be read. */
int copy_place_check(const struct copy_place *p, struct err *e) NODISCARD;

void copy_place_encode(struct buf *out, const struct copy_place *p);
/* Spans point into the message; what is wrong fails the cursor. */
void copy_place_decode(struct cursor *c, struct copy_place *out);

#endif
