/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What intakes learnt of their logs, kept in DATA/learnt for the compiler: intake-N.new as told last, intake-N.tsv as the rules in
 * use were planned by. A table that changed with every start would make every start a cold one, so it is adopted only
 * where it rests on twice as many events: that is once, twice, then ever more seldom. Runs in super, which looks into none of it but
 * for the number it wrote itself.
 */
#include "roles/super_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"

enum {
    LEARNT_EVENTS_MIN = 10000, /* fewer are no reason to plan anew */
    LEARNT_HEAD_BYTES = 64,
};

static const char head_word[] = "# events ";

/* Events that a table rests on; 0 where there is none of ours. */
static uint64_t events_of(const char *path)
{
    char text[LEARNT_HEAD_BYTES];
    uint64_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0) {
        (void)close(fd);
    }
    struct span head = span_make(text, got > 0 ? (size_t)got : 0);
    ptrdiff_t end = span_find(head, '\n');
    size_t word = sizeof head_word - 1;
    if (end < (ptrdiff_t)word || !span_starts(head, SPAN("# events ")) || !num_u64(span_sub(head, word, (size_t)end - word), &n)) {
        return 0;
    }
    return n;
}

static bool path_of(const struct super *s, uint32_t instance, const char *ending, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/learnt/intake-%u.%s", s->data_dir, instance, ending) < PATH_MAX;
}

static int write_table(const char *path, const char *unfinished, uint64_t events, struct span table)
{
    char head[LEARNT_HEAD_BYTES];
    int n = snprintf(head, sizeof head, "%s%llu\n", head_word, (unsigned long long)events);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write(fd, head, (size_t)n) == n && write(fd, table.ptr, table.len) == (ssize_t)table.len;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good && rename(unfinished, path) == 0 ? 0 : ERR_IO;
}

void learnt_take(struct super *s, const struct child *c, struct span body)
{
    char path[PATH_MAX], unfinished[PATH_MAX];
    struct cursor in = cursor_of(body);
    uint64_t events = cursor_u64(&in);
    struct span table = cursor_take(&in, cursor_left(&in));
    if (in.failed || !path_of(s, c->instance, "new", path) || !path_of(s, c->instance, "tmp", unfinished) ||
        events < events_of(path)) { /* an intake that began again knows less than it did */
        return;
    }
    if (write_table(path, unfinished, events, table) != 0) {
        log_warn("rules.learnt", "instance=%u why=\"%s\"", c->instance, strerror(errno));
    }
}

bool learnt_adopt(struct super *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->config->intakes; i++) {
        char fresh[PATH_MAX], used[PATH_MAX];
        if (!path_of(s, i, "new", fresh) || !path_of(s, i, "tsv", used)) {
            return any;
        }
        uint64_t now = events_of(fresh);
        uint64_t before = events_of(used);
        if (now < LEARNT_EVENTS_MIN || now / 2 < before || rename(fresh, used) != 0) {
            continue;
        }
        log_info("rules.adopted", "instance=%u events=%llu before=%llu", i, (unsigned long long)now, (unsigned long long)before);
        any = true;
    }
    return any;
}
