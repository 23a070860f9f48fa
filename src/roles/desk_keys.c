/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys of the desk: its certificate for TLS, and the key of second factors. See desk_priv.h. Must never log one. */
#include <sodium.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "roles/desk_priv.h"

static int read_pem(int fd, struct buf *out, struct err *e)
{
    char part[4096];
    ssize_t n = 0;
    off_t at = 0;
    buf_clear(out);
    while ((n = pread(fd, part, sizeof part, at)) > 0) {
        buf_put(out, part, (size_t)n);
        at += n;
    }
    if (n < 0 || out->failed) {
        return err_set(e, ERR_IO, "certificate or key cannot be read, or is larger than %d bytes",
                       DESK_PEM_MAX);
    }
    if (out->len > 0) {
        buf_u8(out, 0); /* the library takes text with a zero */
    }
    return 0;
}

static int write_pem(int fd, const struct buf *pem, struct err *e)
{
    size_t len = pem->len - 1; /* without the zero */
    ssize_t n = pwrite(fd, pem->data, len, 0);
    return n == (ssize_t)len ? 0 : err_set(e, ERR_IO, "the new certificate cannot be written");
}

void desk_take_keys(struct desk *d)
{
    struct err e = {0};
    int rc = read_pem(d->cert_fd, &d->cert, &e);
    if (rc == 0) {
        rc = read_pem(d->key_fd, &d->key, &e);
    }
    if (rc == 0 && d->cert.len == 0 && d->key.len == 0) {
        const char *name = arena_cstr(&d->texts, role_config(d->role)->node_name);
        rc = api_make_certificate(name, &d->cert, &d->key, &e);
        rc = rc < 0 ? rc : write_pem(d->cert_fd, &d->cert, &e);
        rc = rc < 0 ? rc : write_pem(d->key_fd, &d->key, &e);
        d->made_cert = rc == 0;
    } else if (rc == 0 && (d->cert.len == 0 || d->key.len == 0)) {
        rc = err_set(&e, ERR_INVALID, "certificate or key is an empty file");
    }
    (void)close(d->cert_fd);
    (void)close(d->key_fd);
    d->cert_fd = d->key_fd = -1;
    if (rc < 0) {
        role_fail(d->role, "desk: TLS", &e);
    }
}

void desk_take_factor_key(struct desk *d, int fd)
{
    char text[2 * TOTP_KEY_BYTES + 2];
    ssize_t n = pread(fd, text, sizeof text, 0);
    (void)close(fd);
    d->factor_ready = n > 0 && hex_decode(span_trim(span_make(text, (size_t)n)), d->factor_key, sizeof d->factor_key);
    sodium_memzero(text, sizeof text);
    if (!d->factor_ready) {
        log_error("desk.factor_key", "why=\"it is not %d hex digits\"", 2 * TOTP_KEY_BYTES);
    } else if (d->api != NULL) {
        api_set_factor_key(d->api, d->factor_key);
    }
}
