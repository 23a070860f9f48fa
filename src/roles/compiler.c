/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The compiler: started by super for one rule set, sandboxed, gone when it is done. Gets the bytes of all rule and source
 * files, makes the region that intake maps, tells the keeper every rule. Everything here handles what others wrote, so it
 * must never have more than its memory, its two channels and the region; if it dies, the old rule set stays in use.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/region.h"
#include "records/rules.h"
#include "roles/compile.h"
#include "roles/role.h"
#include "roles/rules_wire.h"
#include "wire/json_write.h"

enum {
    COMPILER_CPU_S = 120,           /* a rule set that needs longer is hostile; SigmaHQ needs 3 */
    COMPILER_HEAP_BYTES = 1 << 30,  /* beside the region */
    COMPILER_LIST_BYTES = 64 << 10, /* tags or references of one rule, as JSON */
    COMPILER_RULE_BYTES = 8 << 20,  /* one encoded rule; MSG_RULE takes twice that */
    COMPILER_FLUSH_MS = 30 * 1000,
    /* The keeper stores what it is told beside the windows of the intakes, which must not wait for it. */
    COMPILER_SLICE_BYTES = 128 << 10,
    COMPILER_SLICE_MS = 20,
};

struct compiler {
    struct role *role;
    struct region region;
    uint64_t generation;
    struct compile_report report;
    struct rules_told told; /* what keeper and super are told; points into `words` or into what super handed over */
    struct buf words;
    int words_fd;  /* memory in which super gets them, to be kept with the region; -1 = gone */
    uv_timer_t next_slice;
    bool busy;     /* the input came */
    bool hunt;     /* the rules of a hunt: they are in nobody's catalogue */
    bool finished;
};

static int preload(struct role *r, struct err *e)
{
    struct compiler *c = mem_alloc(sizeof *c);
    c->role = r;
    c->region.fd = c->words_fd = -1;
    buf_init(&c->words, RULES_TOLD_BYTES_MAX);
    role_set_state(r, c);
    const struct rlimit cpu = {COMPILER_CPU_S, COMPILER_CPU_S};
    const struct rlimit heap = {COMPILER_HEAP_BYTES, COMPILER_HEAP_BYTES};
    /* A sanitizer's shadow memory would not fit, and its build is no cage anyway. */
    if (sandbox_is_built() &&
        (setrlimit(RLIMIT_CPU, &cpu) != 0 || setrlimit(RLIMIT_DATA, &heap) != 0)) {
        return err_set_errno(e, ERR_IO, errno, "limits of the compiler");
    }
    /* The memory is made here: the sandbox lets it be filled and sealed, not created. */
    int rc = region_create_stored("sereno-told", &c->words_fd, e);
    return rc == 0 ? region_create(&c->region, "sereno-rules", e) : rc;
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    struct compiler *c = role_state(r);
    (void)config, (void)e; /* the work comes with MSG_RULES_INPUT */
    MUST(uv_timer_init(role_loop(r), &c->next_slice));
    c->next_slice.data = c;
    return 0;
}

/* ---- what goes to the keeper ---- */

static struct span json_list(struct arena *a, const struct span *items, uint32_t count)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, COMPILER_LIST_BYTES);
    json_writer_init(&w, &b);
    json_array(&w);
    for (uint32_t i = 0; i < count; i++) {
        json_text(&w, items[i]);
    }
    json_end(&w);
    struct span s = b.failed ? SPAN("[]") : arena_copy(a, buf_view(&b));
    buf_free(&b);
    return s;
}

static const struct sigma_rule *rule_at(const struct sigma_set *set, size_t i)
{
    return i < set->rules.len ? set->rules.data[i]
                              : &set->correlations.data[i - set->rules.len]->meta;
}

/* The ids of what a correlation refers to, a line each; empty for a rule, and where an id is no line. */
static struct span joins_of(const struct sigma_set *set, size_t i, struct arena *a)
{
    struct buf b;
    bool lines = i >= set->rules.len;
    buf_init(&b, COMPILER_LIST_BYTES);
    const struct sigma_correlation *c = lines ? set->correlations.data[i - set->rules.len] : NULL;
    for (uint32_t k = 0; lines && k < c->nrefs; k++) {
        struct span id = rule_at(set, c->ref_index[k])->id;
        lines = span_find(id, '\n') < 0;
        buf_cstr(&b, k > 0 ? "\n" : "");
        buf_span(&b, id);
    }
    struct span s = lines && !b.failed ? arena_copy(a, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return s;
}

static void encode_rule(const struct sigma_rule *rule, struct span joins, struct arena *a, struct buf *out)
{
    const struct rule_row row = {.hash = span_of(rule->hash),
                                 .rule_id = rule->id,
                                 .title = rule->title,
                                 .author = rule->author,
                                 .file = rule->file,
                                 .description = rule->description,
                                 .license = rule->license,
                                 .condition = rule->condition,
                                 .references = json_list(a, rule->references, rule->nreferences),
                                 .tags = json_list(a, rule->tags, rule->ntags),
                                 .falsepositives =
                                     json_list(a, rule->falsepositives, rule->nfalsepositives),
                                 .joins = joins,
                                 .text = span_sub(rule->text, 0, RULE_TEXT_MAX),
                                 .level = rule->level};
    rule_encode(out, &row);
}

static void encode_done(const struct compiler *c, struct buf *out)
{
    const struct sigma_set *set = c->report.set;
    struct rules_done d = {.usable = true,
                           .rules = (uint32_t)set->rules.len,
                           .correlations = (uint32_t)set->correlations.len,
                           .filters = set->nfilters,
                           .unreachable = c->report.unreachable,
                           .refused = (uint32_t)set->refused.len,
                           .warnings = (uint32_t)set->warnings.len};
    struct buf list;
    buf_init(&list, RULES_DONE_BYTES_MAX - 1024);
    for (size_t i = 0; i < set->refused.len; i++) {
        const struct rules_refusal r = {set->refused.data[i].file, set->refused.data[i].line,
                                        set->refused.data[i].reason};
        size_t before = list.len;
        rules_refusal_encode(&list, &r);
        if (list.failed) {
            list.len = before; /* the rest is counted, not told */
            list.failed = false;
            break;
        }
        d.listed++;
    }
    rules_done_encode(out, &d);
    buf_span(out, buf_view(&list));
    buf_free(&list);
}

/* All that will be told, of which super keeps a copy beside the region. */
static void encode_told(struct compiler *c)
{
    const struct sigma_set *set = c->report.set;
    size_t all = c->hunt ? 0 : set->rules.len + set->correlations.len;
    struct arena scratch;
    struct buf b;
    arena_init(&scratch, 0);
    buf_init(&b, COMPILER_RULE_BYTES);
    for (size_t i = 0; i < all; i++) {
        buf_clear(&b);
        arena_reset(&scratch);
        encode_rule(rule_at(set, i), joins_of(set, i, &scratch), &scratch, &b);
        if (b.failed) {
            log_warn("rules.catalogue", "why=\"a rule too large to be shown\" number=%zu", i);
        } else {
            rules_told_rule(&c->words, buf_view(&b));
        }
    }
    buf_free(&b);
    buf_init(&b, RULES_DONE_BYTES_MAX);
    encode_done(c, &b);
    CHECK(!b.failed);
    rules_told_done(&c->words, buf_view(&b));
    CHECK(!c->words.failed);
    buf_free(&b);
    arena_fini(&scratch);
}

static void tell_done(struct compiler *c)
{
    c->finished = true;
    struct ipc *keeper = c->hunt ? NULL : role_peer(c->role, ROLE_KEEPER, 0);
    struct buf b;
    buf_init(&b, RULES_DONE_BYTES_MAX);
    buf_u64(&b, c->generation);
    buf_span(&b, c->told.done);
    CHECK(!b.failed);
    if (keeper != NULL && (ipc_send(keeper, MSG_RULES_DONE, 0, buf_view(&b)) != 0 ||
                           ipc_flush(keeper, COMPILER_FLUSH_MS) != 0)) {
        log_warn("rules.catalogue", "why=\"the keeper did not take it\"");
    }
    if (ipc_send(role_super(c->role), MSG_RULES_DONE, 0, buf_view(&b)) != 0) {
        log_warn("rules.report", "why=\"super did not take it\"");
    }
    buf_free(&b);
    role_stopped(c->role);
}

static void on_next_slice(uv_timer_t *timer);

/* Sends a slice of the rules; goes on after a while, or when the keeper's window opens again. */
static void tell_rules(struct compiler *c)
{
    struct ipc *keeper = c->hunt ? NULL : role_peer(c->role, ROLE_KEEPER, 0);
    struct buf b;
    size_t sent = 0;
    int rc = 0;
    buf_init(&b, COMPILER_RULE_BYTES + 8);
    while (keeper != NULL && rules_told_more(&c->told) && rc != ERR_BUSY && sent < COMPILER_SLICE_BYTES) {
        buf_clear(&b);
        buf_u64(&b, c->generation);
        buf_span(&b, c->told.rule);
        rc = b.failed ? ERR_LIMIT : ipc_send(keeper, MSG_RULE, 0, buf_view(&b));
        keeper = rc == ERR_CLOSED ? NULL : keeper;
        if (rc != ERR_BUSY) {
            rules_told_next(&c->told);
            sent += b.len;
        }
    }
    buf_free(&b);
    if (keeper == NULL || !rules_told_more(&c->told)) {
        tell_done(c);
    } else if (rc != ERR_BUSY) {
        MUST(uv_timer_start(&c->next_slice, on_next_slice, COMPILER_SLICE_MS, 0));
    }
}

static void on_next_slice(uv_timer_t *timer)
{
    struct compiler *c = timer->data;
    if (!c->finished) {
        tell_rules(c);
    }
}

/* ---- the work ---- */

static int tell_set(struct compiler *c, size_t used_bytes, struct err *e)
{
    int rc = region_seal(&c->region, used_bytes, e);
    if (rc != 0) {
        return rc;
    }
    struct buf b;
    buf_init(&b, 64);
    buf_u64(&b, (uint64_t)(uintptr_t)c->region.address);
    buf_u64(&b, c->region.size);
    buf_u64(&b, c->generation);
    rc = ipc_send_fds(role_super(c->role), MSG_RULES_SET, 0, buf_view(&b), &c->region.fd, 1);
    buf_free(&b);
    return rc == 0 ? 0 : err_set(e, rc, "super did not take the rule set");
}

static int compile_files(struct compiler *c, struct span bytes, struct err *e)
{
    struct bundle bundle;
    struct arena region;
    const struct compile_options options = {.hunt = c->hunt};
    const struct compiled *compiled = NULL;
    bundle_init(&bundle);
    arena_init_region(&region, c->region.base, c->region.size);
    int rc = bundle_decode(&bundle, bytes, e);
    rc = rc == 0 ? compile_bundle(&bundle, &options, &region, &compiled, &c->report, e) : rc;
    if (rc == 0) {
        CHECK((const void *)compiled == c->region.base);
        rc = tell_set(c, (size_t)(region.next - region.base), e);
    }
    bundle_fini(&bundle);
    return rc;
}

/* Super may keep the words with the region: it needs neither a compiler nor us next time. */
static void keep_told(struct compiler *c)
{
    struct span left = buf_view(&c->words);
    while (left.len > 0) {
        ssize_t n = write(c->words_fd, left.ptr, left.len);
        if (n <= 0 && errno != EINTR) {
            return; /* then they are not kept */
        }
        left = span_sub(left, n > 0 ? (size_t)n : 0, left.len);
    }
    struct buf b;
    buf_init(&b, 16);
    buf_u64(&b, c->generation);
    buf_u64(&b, c->words.len);
    if (ipc_send_fds(role_super(c->role), MSG_RULES_KEEP, 0, buf_view(&b), &c->words_fd, 1) != 0) {
        log_warn("rules.keep", "why=\"super did not take it\"");
    }
    buf_free(&b);
    (void)close(c->words_fd);
    c->words_fd = -1;
}

static int map_input(struct ipc_msg *msg, uint64_t bytes, struct span *out, struct err *e)
{
    int fd = ipc_msg_take_fd(msg, 0);
    if (bytes == 0 || fd < 0) {
        return err_set(e, ERR_INVALID, "super's message is wrong");
    }
    /* Sealed by super, so its size cannot change; the texts point into it until the end of the process. */
    void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        return err_set_errno(e, ERR_IO, errno, "mapping the rule files");
    }
    *out = span_make(map, bytes);
    return 0;
}

static int take_input(struct compiler *c, struct ipc_msg *msg, struct err *e)
{
    struct cursor in = cursor_of(msg->body);
    struct span files;
    c->generation = cursor_u64(&in);
    uint64_t bytes = cursor_u64(&in);
    c->hunt = cursor_u8(&in) != 0;
    if (!cursor_done(&in) || c->busy) {
        return err_set(e, ERR_INVALID, "MSG_RULES_INPUT is wrong");
    }
    int rc = map_input(msg, bytes, &files, e);
    if (rc != 0) {
        return rc;
    }
    c->busy = true;
    rc = compile_files(c, files, e);
    if (rc != 0) {
        return rc;
    }
    encode_told(c);
    if (!c->hunt) {
        keep_told(c);
    }
    return rules_told_open(&c->told, buf_view(&c->words), e);
}

/* Nothing to compile: super had the region kept, and hands over what was told of it then. */
static int take_told(struct compiler *c, struct ipc_msg *msg, struct err *e)
{
    struct cursor in = cursor_of(msg->body);
    struct span words;
    c->generation = cursor_u64(&in);
    uint64_t bytes = cursor_u64(&in);
    if (!cursor_done(&in) || c->busy) {
        return err_set(e, ERR_INVALID, "MSG_RULES_TELL is wrong");
    }
    c->busy = true;
    int rc = map_input(msg, bytes, &words, e);
    return rc == 0 ? rules_told_open(&c->told, words, e) : rc;
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    (void)peer, (void)instance, (void)ch;
    struct compiler *c = role_state(r);
    if (msg->type != MSG_RULES_INPUT && msg->type != MSG_RULES_TELL) {
        return;
    }
    struct err e = {0};
    if ((msg->type == MSG_RULES_INPUT ? take_input(c, msg, &e) : take_told(c, msg, &e)) != 0) {
        role_fail(r, "compiling the rules", &e);
    }
    tell_rules(c);
}

static void on_peer_ready(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    (void)peer, (void)instance, (void)ch;
    struct compiler *c = role_state(r);
    if (c->busy && !c->finished && uv_is_active((const uv_handle_t *)&c->next_slice) == 0) {
        tell_rules(c);
    }
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    (void)peer, (void)instance;
    struct compiler *c = role_state(r);
    if (c->busy && !c->finished) {
        tell_rules(c); /* there is nobody to tell any more: ends; super has it done again */
    }
}

const struct role_ops role_ops_compiler = {.role = ROLE_COMPILER,
                                           .profile = SANDBOX_COMPILER,
                                           .preload = preload,
                                           .start = start,
                                           .on_message = on_message,
                                           .on_peer_ready = on_peer_ready,
                                           .on_peer_lost = on_peer_lost};
