/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rule sets that were compiled before: whether one fits the files of now, and that new ones are kept. Runs in super, which
 * looks into neither rules nor regions.
 */
#include "roles/super_priv.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "os/spawn.h"

void kept_open(struct super *s)
{
    struct err e = {0};
    const char *program = s->options.program == NULL ? spawn_self() : s->options.program;
    struct span stamp = s->options.stamp == NULL ? SPAN("") : span_of(s->options.stamp);
    s->rules.cached = rules_cache_open(&s->rules.cache, s->data_dir, program, stamp, &e) == 0;
    if (!s->rules.cached) {
        log_warn("rules.cache", "why=\"%s\"", e.text);
    }
}

/* What was kept of these rules; told by log why it is not used. */
static int take_out(struct super *s, struct rules_kept *kept)
{
    struct err e = {0};
    char shown[LOG_VALUE_MAX];
    if (s->rules.distrust) {
        s->rules.distrust = false;
        return ERR_NOT_FOUND;
    }
    int rc = rules_cache_get(&s->rules.cache, s->rules.key, kept, &e);
    if (rc != 0 && rc != ERR_NOT_FOUND) {
        log_warn("rules.cache", "why=\"%s\" then=\"refused and removed; compiling\"", log_value(span_of(e.text), shown));
    }
    return rc;
}

bool kept_use(struct super *s, struct span bundle, int *told_fd_out, uint64_t *bytes_out)
{
    struct rules_kept kept;
    bool retell = s->rules.retell;
    s->rules.retell = false;
    if (!s->rules.cached) {
        return false;
    }
    rules_cache_key(&s->rules.cache, bundle, s->rules.key);
    bool same = s->rules.fd >= 0 && s->rules.used_known &&
                memcmp(s->rules.key, s->rules.used_key, sizeof s->rules.key) == 0;
    if (same && !retell) {
        log_info("rules.same", "generation=%llu", (unsigned long long)s->rules.generation);
        return true;
    }
    if (take_out(s, &kept) != 0) {
        return false;
    }
    s->rules.telling = true;
    if (same) {
        (void)close(kept.region_fd);
    } else if (!rules_switch_to(s, kept.address, kept.region_bytes, s->rules.building, kept.region_fd)) {
        (void)close(kept.told_fd);
        return false; /* made at the address of the set in use: a new one will have another */
    }
    *told_fd_out = kept.told_fd;
    *bytes_out = kept.told_bytes;
    return true;
}

void kept_take(struct super *s, struct ipc_msg *msg)
{
    struct err e = {0};
    struct cursor c = cursor_of(msg->body);
    uint64_t generation = cursor_u64(&c);
    uint64_t bytes = cursor_u64(&c);
    int fd = ipc_msg_take_fd(msg, 0);
    /* Only of the set that it has just sent; one whose address came up twice is not in use, and not kept. */
    bool wanted = cursor_done(&c) && fd >= 0 && s->rules.cached && s->rules.used_known && !s->rules.telling &&
                  generation == s->rules.building && generation == s->rules.generation;
    const struct rules_kept kept = {s->rules.address, s->rules.bytes, bytes, s->rules.fd, fd};
    if (wanted && rules_cache_put(&s->rules.cache, s->rules.key, &kept, &e) != 0) {
        log_warn("rules.cache", "why=\"%s\" then=\"not kept\"", e.text);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}
