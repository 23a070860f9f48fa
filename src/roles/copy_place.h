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
};

struct copy_place {
    struct span url; /* sftp://user@host[:port]/folder */
    uint32_t npins, nallow;
    struct span pins[COPY_PINS_MAX];   /* "SHA256:…" as `ssh-keygen -l` prints it */
    struct span allow[COPY_ALLOW_MAX]; /* "10.20.0.0/16": networks that are not public and may be connected to */
};

enum copy_way { COPY_SFTP };

/* A URL in its parts, which point into it. */
struct copy_url {
    enum copy_way way;
    struct span user, host; /* host without the brackets of an IPv6 address */
    struct span path;       /* of the folder there, without a slash at its end; "/" is empty */
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
