/* SPDX-License-Identifier: EUPL-1.2 */
/* The notification socket of a service manager: see notify.h. Runs in super only; must never block. */
#include "os/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

bool notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path == NULL ? 0 : strlen(path);
    if (n < 2 || n >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    memcpy(a.sun_path, path, n);
    if (path[0] == '@') {
        a.sun_path[0] = '\0'; /* the abstract namespace */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    size_t len = strlen(text);
    ssize_t sent = sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    (void)close(fd);
    return sent == (ssize_t)len;
}

uint64_t notify_watchdog_us(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t value = 0;
    uint64_t owner = 0;
    if (usec == NULL || !num_u64(span_of(usec), &value)) {
        return 0;
    }
    if (pid != NULL && (!num_u64(span_of(pid), &owner) || owner != (uint64_t)getpid())) {
        return 0;
    }
    return value;
}
