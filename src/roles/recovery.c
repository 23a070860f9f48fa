/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys for what leaves the machine: see recovery.h. */
#include "roles/recovery.h"

#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/id.h"

enum { KEY_TEXT_MAX = 160 };

/* 64 hex digits of a file in the data folder. ERR_NOT_FOUND, ERR_INVALID. */
static int read_hex(const char *data_dir, const char *name, unsigned char out[RECOVERY_KEY_BYTES])
{
    char path[PATH_MAX], text[KEY_TEXT_MAX];
    if (snprintf(path, sizeof path, "%s/%s", data_dir, name) >= (int)sizeof path) {
        return ERR_NOT_FOUND;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return ERR_NOT_FOUND;
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    (void)close(fd);
    bool good = n > 0 && hex_decode(span_trim(span_make(text, (size_t)n)), out, RECOVERY_KEY_BYTES);
    sodium_memzero(text, sizeof text);
    return good ? 0 : ERR_INVALID;
}

int recovery_public(const char *data_dir, unsigned char out[RECOVERY_KEY_BYTES], struct err *e)
{
    int rc = read_hex(data_dir, RECOVERY_PUBLIC_NAME, out);
    if (rc == ERR_NOT_FOUND) {
        return err_set(e, rc, "no recovery key was made yet: `sereno backup key` makes one, and shows it once");
    }
    return rc == 0 ? 0 : err_set(e, rc, "%s is no key", RECOVERY_PUBLIC_NAME);
}

bool recovery_signer(const char *data_dir, unsigned char seed[RECOVERY_KEY_BYTES])
{
    return read_hex(data_dir, "keys/seal.key", seed) == 0;
}
