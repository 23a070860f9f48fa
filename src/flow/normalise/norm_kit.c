/* SPDX-License-Identifier: EUPL-1.2 */
/* See norm_kit.h. */
#include "flow/normalise/norm_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FILE_MAX_BYTES = 16 << 20 };

static char *record_copy;

struct span norm_kit_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return span_make("", 0);
    }
    char *p = mem_alloc(FILE_MAX_BYTES);
    size_t n = fread(p, 1, FILE_MAX_BYTES, f);
    (void)fclose(f);
    struct span s = arena_copy(a, span_make(p, n));
    mem_free(p);
    return s;
}

static void load_one(struct norm_kit *k, const char *folder, const char *name)
{
    struct arena a;
    struct err e = {0};
    arena_init(&a, 0);
    struct span bytes = norm_kit_file(&a, arena_printf(&a, "%s/%s", folder, name));
    if (sources_add(k->sources, span_of(name), bytes, &e) != 0) {
        (void)fprintf(stderr, "%s:%u: %s\n", e.where, e.line, e.text);
        exit(1);
    }
    arena_fini(&a);
}

void norm_kit_load(struct norm_kit *k, const char *folder)
{
    memset(k, 0, sizeof *k);
    k->sources = sources_new();
    if (folder == NULL) {
        return;
    }
    DIR *d = opendir(folder);
    if (d == NULL) {
        perror(folder);
        exit(1);
    }
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        if (span_ends(span_of(entry->d_name), SPAN(".yml"))) {
            load_one(k, folder, entry->d_name);
        }
    }
    (void)closedir(d);
}

void norm_kit_compile(struct norm_kit *k, const struct span *fields, uint32_t nfields,
                      const struct declared_source *declared, uint32_t ndeclared)
{
    struct err e = {0};
    arena_init(&k->region, 1 << 20);
    if (sources_compile(k->sources, fields, nfields, declared, ndeclared, &k->region, &k->catalog,
                        &e) != 0) {
        (void)fprintf(stderr, "sources_compile: %s\n", e.text);
        exit(1);
    }
    k->normaliser = normaliser_new(k->catalog);
    event_init(&k->event, k->catalog);
    stream_init(&k->stream);
}

void norm_kit_free(struct norm_kit *k)
{
    if (k->catalog != NULL) {
        stream_fini(&k->stream);
        event_fini(&k->event);
        normaliser_free(&k->normaliser);
        arena_fini(&k->region);
    }
    sources_free(&k->sources);
    mem_free(record_copy);
    record_copy = NULL;
}

enum normalise_result norm_kit_feed(struct norm_kit *k, struct span record, struct err *e)
{
    mem_free(record_copy);
    record_copy = mem_alloc(record.len);
    if (record.len > 0) {
        memcpy(record_copy, record.ptr, record.len);
    }
    return normalise(k->normaliser, &k->stream, span_make(record_copy, record.len), &k->event, e);
}

const char *norm_kit_value(struct norm_kit *k, const char *field)
{
    static char text[64 * 1024];
    uint32_t leaf = event_first(&k->event, catalog_field(k->catalog, span_of(field)));
    if (leaf == LEAF_NIL) {
        return NULL;
    }
    struct span s = span_sub(event_plain(&k->event, leaf), 0, sizeof text - 1);
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

uint32_t norm_kit_values(struct norm_kit *k, const char *field)
{
    uint32_t n = 0;
    uint32_t leaf = event_first(&k->event, catalog_field(k->catalog, span_of(field)));
    for (; leaf != LEAF_NIL; leaf = event_next(&k->event, leaf)) {
        n++;
    }
    return n;
}

const char *norm_kit_class(const struct norm_kit *k)
{
    return k->catalog->classes[k->event.class_id].name.ptr;
}

bool norm_kit_use(struct norm_kit *k, const char *class_name)
{
    for (class_id c = k->event.class_id; c != CLASS_NONE; c = k->catalog->classes[c].also) {
        if (span_eq(k->catalog->classes[c].name, span_of(class_name))) {
            event_use_class(&k->event, c);
            return true;
        }
    }
    return false;
}

bool norm_kit_has(const struct norm_kit *k, const char *product, const char *category,
                  const char *service)
{
    const struct event_class *c = &k->catalog->classes[k->event.class_id];
    for (uint32_t i = 0; i < c->nsources; i++) {
        if (span_eq(c->sources[i].product, span_of(product)) &&
            span_eq(c->sources[i].category, span_of(category)) &&
            span_eq(c->sources[i].service, span_of(service))) {
            return true;
        }
    }
    return false;
}
