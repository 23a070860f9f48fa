/* SPDX-License-Identifier: EUPL-1.2 */
/* Compiles rules in a sandboxed child and shares the sealed result: see engine.h. Used by scan, rules and bench. */
#include "cli/engine.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "os/region.h"
#include "os/sandbox.h"

enum {
    ENGINE_REPORT_MAX = 64 * 1024 * 1024, /* bytes of the compile step's report */
};

void engine_init(struct engine *en)
{
    memset(en, 0, sizeof *en);
    arena_init(&en->arena, 0);
    bundle_init(&en->bundle);
    en->memfd = -1;
}

void engine_free(struct engine *en)
{
    arena_fini(&en->arena);
    bundle_fini(&en->bundle);
    vec_free(&en->refused);
    vec_free(&en->warnings);
    if (en->memfd >= 0) {
        (void)close(en->memfd);
    }
}

int engine_add(struct engine *en, enum bundle_kind kind, const char *const *paths, size_t count,
               struct err *e)
{
    static const char *const shipped[BUNDLE_KINDS] = {[BUNDLE_RULE] = "rules", [BUNDLE_SOURCE] = "sources"};
    const char *fallback = count == 0 && shipped[kind] != NULL ? cli_share(shipped[kind]) : NULL;
    if (count == 0 && shipped[kind] != NULL && fallback == NULL) {
        return err_set(e, ERR_NOT_FOUND, "no shipped %s found; name a folder with --%s",
                       shipped[kind], shipped[kind]);
    }
    int rc = fallback == NULL ? 0 : bundle_add(&en->bundle, kind, fallback, e);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = bundle_add(&en->bundle, kind, paths[i], e);
    }
    return rc;
}

static void encode_list(struct buf *b, struct span file, uint32_t line, struct span text)
{
    buf_str(b, file);
    buf_u32(b, line);
    buf_str(b, text);
}

static void encode_report(struct buf *b, const struct compile_report *r)
{
    const struct sigma_set *set = r->set;
    buf_u32(b, (uint32_t)set->rules.len);
    buf_u32(b, (uint32_t)set->correlations.len);
    buf_u32(b, set->nfilters);
    buf_u32(b, r->unreachable);
    buf_u64(b, r->region_bytes);
    buf_u32(b, (uint32_t)set->refused.len);
    for (size_t i = 0; i < set->refused.len; i++) {
        encode_list(b, set->refused.data[i].file, set->refused.data[i].line,
                    set->refused.data[i].reason);
    }
    buf_u32(b, (uint32_t)set->warnings.len);
    for (size_t i = 0; i < set->warnings.len; i++) {
        encode_list(b, set->warnings.data[i].file, set->warnings.data[i].line,
                    set->warnings.data[i].text);
    }
}

struct compile_job {
    const struct engine *en;
    const struct compile_options *options;
    struct region *region;
};

/* The child: sandboxed, compiles, tells, ends. First byte of the answer: 1 = report follows, 0 = an error text. */
static void compile_child(void *arg, int out)
{
    const struct compile_job *job = arg;
    struct err e = {0};
    struct buf b;
    buf_init(&b, ENGINE_REPORT_MAX);
    struct compile_report report;
    const struct compiled *compiled = NULL;
    struct arena arena;
    int rc = sandbox_enter(SANDBOX_SCAN_COMPILER, &e);
    arena_init_region(&arena, job->region->base, job->region->size);
    rc = rc == 0 ? compile_bundle(&job->en->bundle, job->options, &arena, &compiled, &report, &e) : rc;
    buf_u8(&b, rc == 0);
    if (rc == 0) {
        CHECK((const void *)compiled == job->region->base);
        encode_report(&b, &report);
    } else {
        buf_cstr(&b, e.text);
    }
    cli_child_write(out, buf_view(&b));
    _exit(0);
}

static void decode_list(struct engine *en, struct cursor *c, bool warnings)
{
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        struct engine_refused r = {0};
        r.file = arena_copy(&en->arena, cursor_str(c));
        r.line = cursor_u32(c);
        r.reason = arena_copy(&en->arena, cursor_str(c));
        if (warnings) {
            vec_push(&en->warnings, r);
        } else {
            vec_push(&en->refused, r);
        }
    }
}

static int decode_report(struct engine *en, struct span answer, struct err *e)
{
    struct cursor c = cursor_of(answer);
    if (cursor_u8(&c) != 1) {
        struct span text = cursor_take(&c, cursor_left(&c));
        return err_set(e, ERR_INVALID, "the rules could not be compiled: %.*s",
                       SPAN_ARG(span_sub(text, 0, 400)));
    }
    en->rules = cursor_u32(&c);
    en->correlations = cursor_u32(&c);
    en->filters = cursor_u32(&c);
    en->unreachable = cursor_u32(&c);
    en->region_bytes = cursor_u64(&c);
    decode_list(en, &c, false);
    decode_list(en, &c, true);
    return cursor_done(&c) ? 0
                           : err_set(e, ERR_INVALID, "the compile step's report is not readable");
}

int engine_compile(struct engine *en, const struct compile_options *options, struct err *e)
{
    time_ns start = clock_mono();
    struct region region;
    struct buf answer;
    int status = 0;
    int rc = region_create(&region, "sereno-rules", e);
    if (rc != 0) {
        return rc;
    }
    buf_init(&answer, ENGINE_REPORT_MAX + (1 << 20));
    struct compile_job job = {en, options, &region};
    rc = cli_child(compile_child, &job, "the compile step", &answer, &status, e);
    rc = rc == 0 ? decode_report(en, buf_view(&answer), e) : rc;
    buf_free(&answer);
    rc = rc == 0 ? region_seal(&region, (size_t)en->region_bytes, e) : rc;
    en->memfd = region.fd;
    en->address = region.address;
    en->size = region.size;
    en->seconds = (double)(clock_mono() - start) / 1e9;
    return rc;
}

const struct compiled *engine_map(const struct engine *en, struct err *e)
{
    const struct compiled *c = region_map(en->memfd, en->address, e);
    if (c != NULL && c->magic != COMPILED_MAGIC) {
        (void)err_set(e, ERR_INVALID, "the compiled rules are not readable");
        return NULL;
    }
    return c;
}

static void print_refused(const struct engine_refused *r, const char *what)
{
    struct buf line;
    buf_init(&line, 16 * 1024);
    cli_put_safe(&line, span_sub(r->file, 0, 4096));
    if (r->line != 0) {
        buf_printf(&line, ":%u", r->line);
    }
    buf_printf(&line, ": %s", what);
    cli_put_safe(&line, span_sub(r->reason, 0, 1024));
    (void)fprintf(stderr, "%.*s\n", (int)line.len, line.data);
    buf_free(&line);
}

size_t engine_print_refused(const struct engine *en)
{
    for (size_t i = 0; i < en->bundle.problems.len; i++) {
        struct engine_refused r = {en->bundle.problems.data[i].name, 0,
                                   en->bundle.problems.data[i].text};
        print_refused(&r, "cannot be read: ");
    }
    for (size_t i = 0; i < en->refused.len; i++) {
        print_refused(&en->refused.data[i], "");
    }
    return en->bundle.problems.len + en->refused.len;
}

void engine_print_warnings(const struct engine *en, size_t most)
{
    for (size_t i = 0; i < en->warnings.len && i < most; i++) {
        print_refused(&en->warnings.data[i], "warning: ");
    }
    if (en->warnings.len > most) {
        (void)fprintf(stderr, "and %zu more warnings\n", en->warnings.len - most);
    }
}
