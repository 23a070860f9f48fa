/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sources of invented logs: while `sereno demo load` has files of them below DATA/demo, the node follows them as any other file, under the
 * organisation that nothing else may have (records/demo.h). Runs in super. Must never read one.
 */
#include "roles/super_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "records/demo.h"

#define ENDING ".log"

struct found {
    char name[DEMO_NPARTS][DEMO_SOURCE_MAX + 1];
    uint32_t n;
};

/* The names of the sources whose files lie there. */
static void find(const char *data_dir, struct found *out)
{
    char path[PATH_MAX];
    out->n = 0;
    int n = snprintf(path, sizeof path, "%s/" SUPER_DEMO_FOLDER, data_dir);
    DIR *d = n > 0 && n < (int)sizeof path ? opendir(path) : NULL;
    for (struct dirent *f = NULL; d != NULL && out->n < DEMO_NPARTS && (f = readdir(d)) != NULL;) {
        struct span name = span_of(f->d_name);
        struct span source = span_sub(name, 0, name.len < sizeof ENDING ? 0 : name.len - (sizeof ENDING - 1));
        if (span_ends(name, SPAN(ENDING)) && demo_source_fits(source)) {
            (void)snprintf(out->name[out->n++], DEMO_SOURCE_MAX + 1, "%.*s", SPAN_ARG(source));
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

static const struct config_source *followed(const struct config *c, const char *name)
{
    for (uint32_t i = 0; i < c->nsources; i++) {
        if (span_eq(c->sources[i].name, span_of(name))) {
            return &c->sources[i];
        }
    }
    return NULL;
}

static void fill(const struct super *s, struct config *c, const char *name, struct config_source *out)
{
    config_source_init(out);
    out->name = span_of(arena_strdup(&c->arena, name));
    out->kind = SOURCE_FILE;
    out->path = span_of(arena_printf(&c->arena, "%s/" SUPER_DEMO_FOLDER "/%s" ENDING, s->data_dir, name));
    out->source = SPAN("auto");
    out->organisation = SPAN(DEMO_ORGANISATION);
    out->zone_s = 0;
    out->silent_after_s = 0;
}

void demo_add(const struct super *s, struct config *c)
{
    struct found there;
    find(s->data_dir, &there);
    if (there.n == 0 || c->nsources + there.n > CONFIG_SOURCES_MAX) {
        return;
    }
    struct config_source *all = arena_calloc(&c->arena, c->nsources + there.n, sizeof *all);
    uint32_t n = c->nsources;
    for (uint32_t i = 0; i < n; i++) {
        all[i] = c->sources[i];
    }
    for (uint32_t i = 0; i < there.n; i++) {
        if (followed(c, there.name[i]) == NULL) { /* else somebody gave another this name */
            fill(s, c, there.name[i], &all[n++]);
        }
    }
    c->sources = all;
    c->nsources = n;
}

bool demo_changed(const struct super *s)
{
    struct found there;
    uint32_t mine = 0;
    bool same = true;
    find(s->data_dir, &there);
    for (uint32_t i = 0; i < s->config->nsources; i++) {
        mine += demo_is(s->config->sources[i].organisation);
    }
    for (uint32_t i = 0; i < there.n && same; i++) {
        same = followed(s->config, there.name[i]) != NULL;
    }
    return !same || mine != there.n;
}
