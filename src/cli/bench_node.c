/* SPDX-License-Identifier: EUPL-1.2 */
/* A real node for measurements: see bench_node.h. Parses nothing but the node's own answers. */
#include "cli/bench_node.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/num.h"
#include "cli/child.h"
#include "cli/control.h"
#include "os/sandbox.h"
#include "wire/json_read.h"

enum {
    WAIT_MAX_S = 180,       /* for a start, or an end, on a busy machine */
    LOOK_EVERY_MS = 50,
    IDLE_LOOKS = 8,         /* so often in a row the node used no CPU time: it is idle */
    PORT_LOWEST = 10000,    /* below where the kernel takes ports for connections of its own */
    PORT_RANGE = 20000,
    PORT_TRIES = 200,
    CHILDREN_MAX = 256,
    CONFIG_MAX = 1 << 20,
    FOLDERS_OPEN = 16,
};

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* ---- starting ---- */

/* An address on loopback where nobody listens now. */
static int free_address(struct listen_address *out, struct err *e)
{
    int rc = ERR_IO;
    for (int i = 0; rc != 0 && i < PORT_TRIES; i++) {
        char text[LISTEN_TEXT_MAX];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", PORT_LOWEST + randombytes_uniform(PORT_RANGE));
        rc = fd < 0 ? err_set_errno(e, ERR_IO, errno, "a socket") : listen_parse(span_of(text), out, e);
        if (rc == 0 && bind(fd, (const struct sockaddr *)&out->addr, out->len) != 0) {
            rc = err_set_errno(e, ERR_IO, errno, "a port on loopback");
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return rc;
}

static void put_path(struct buf *b, const char *path)
{
    char full[PATH_MAX];
    buf_cstr(b, "\"");
    for (const char *p = realpath(path, full) == NULL ? path : full; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            buf_cstr(b, "\\");
        }
        buf_u8(b, (unsigned char)*p);
    }
    buf_cstr(b, "\"");
}

static int write_config(struct bench_node *n, unsigned cores, const char *const *rules, size_t nrules, struct err *e)
{
    struct listen_address desk;
    struct buf b;
    char path[BENCH_FOLDER_MAX + 16];
    unsigned char random[BENCH_TOKEN_BYTES / 2 - 1];
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, n->token);
    int rc = free_address(&n->ingest, e);
    do {
        rc = rc == 0 ? free_address(&desk, e) : rc;
    } while (rc == 0 && listen_port(&desk) == listen_port(&n->ingest));
    if (rc != 0) {
        return rc;
    }
    buf_init(&b, CONFIG_MAX);
    buf_printf(&b, "node: {name: bench, organisation: bench}\nintakes: %u\ndesk: {listen: \"127.0.0.1:%u\"}\n", cores, listen_port(&desk));
    buf_printf(&b, "ingest: {listen: \"127.0.0.1:%u\"}\nsources:\n  - {name: bench, kind: http, token: \"%s\"}\n", listen_port(&n->ingest), n->token);
    for (size_t i = 0; i < nrules; i++) {
        buf_cstr(&b, i == 0 ? "rules:\n  - " : "  - ");
        put_path(&b, rules[i]);
        buf_cstr(&b, "\n");
    }
    (void)snprintf(path, sizeof path, "%s/sereno.yml", n->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (b.failed || fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len) {
        rc = err_set_errno(e, ERR_IO, b.failed ? E2BIG : errno, "%s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_free(&b);
    return rc;
}

/* The first of the cores that this process may use. */
static void keep_to_cores(unsigned cores)
{
    cpu_set_t may;
    cpu_set_t use;
    CPU_ZERO(&use);
    if (sched_getaffinity(0, sizeof may, &may) == 0) {
        unsigned n = 0;
        for (int i = 0; i < CPU_SETSIZE && n < cores; i++) {
            if (CPU_ISSET(i, &may)) {
                CPU_SET(i, &use);
                n++;
            }
        }
        (void)sched_setaffinity(0, sizeof use, &use);
    }
}

static _Noreturn void become_node(const struct bench_node *n, unsigned cores)
{
    char config[BENCH_FOLDER_MAX + 16];
    char data[BENCH_FOLDER_MAX + 16];
    char log[BENCH_FOLDER_MAX + 16];
    (void)snprintf(config, sizeof config, "%s/sereno.yml", n->folder);
    (void)snprintf(data, sizeof data, "%s/data", n->folder);
    (void)snprintf(log, sizeof log, "%s/log", n->folder);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* it does not outlive a bench that dies */
    (void)setpgid(0, 0);                    /* Ctrl-C is for the bench, which then ends it in order */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) {
        _exit(126);
    }
    (void)close_range(3, ~0u, 0);
    keep_to_cores(cores);
    (void)execl("/proc/self/exe", "sereno", "serve", "--config", config, "--data", data, NULL);
    _exit(127);
}

/* The end of its log, which says why. */
static int say_why(const struct bench_node *n, const char *what, struct err *e)
{
    enum { TAIL = 600 };
    char path[BENCH_FOLDER_MAX + 16];
    char text[TAIL + 1];
    (void)snprintf(path, sizeof path, "%s/log", n->folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t got = fd < 0 ? 0 : pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err_set(e, ERR_IO, "%s: %.*s", what, (int)(got < 0 ? 0 : got), text);
}

static bool has_ended(struct bench_node *n)
{
    if (waitpid(n->pid, NULL, WNOHANG) != n->pid) {
        return false;
    }
    n->pid = 0;
    return true;
}

static double all_cpu(const struct bench_node *n)
{
    struct bench_role roles[BENCH_ROLES];
    size_t count = 0;
    double sum = 0;
    struct err e;
    if (bench_node_roles(n, roles, &count, &e) == 0) {
        for (size_t i = 0; i < count; i++) {
            sum += roles[i].cpu_s;
        }
    }
    return sum;
}

/* Until it has rules and has told all of them: it does nothing more. */
static int wait_idle(struct bench_node *n, struct err *e)
{
    time_ns until = clock_mono() + WAIT_MAX_S * TIME_SECOND;
    struct bench_told told = {0};
    double cpu = -1;
    for (int idle = 0; idle < IDLE_LOOKS;) {
        struct err why = {0};
        pause_ms(LOOK_EVERY_MS);
        if (has_ended(n)) {
            return say_why(n, "the node ended", e);
        }
        if (clock_mono() > until) {
            return say_why(n, "the node did not come to rest", e);
        }
        if (told.rules == 0 && bench_node_status(n, &told, &why) != 0) {
            continue; /* not up yet */
        }
        double now = all_cpu(n);
        idle = told.rules > 0 && now - cpu < 0.5 / (double)sysconf(_SC_CLK_TCK) ? idle + 1 : 0;
        cpu = now;
    }
    return 0;
}

int bench_node_start(struct bench_node *n, unsigned cores, const char *const *rules, size_t nrules, struct err *e)
{
    const char *base = getenv("TMPDIR");
    *n = (struct bench_node){0};
    int len = snprintf(n->folder, sizeof n->folder, "%s/sereno-bench-XXXXXX", base == NULL || base[0] == '\0' ? "/var/tmp" : base);
    if (len >= (int)sizeof n->folder || sodium_init() < 0 || mkdtemp(n->folder) == NULL) {
        n->folder[0] = '\0';
        return err_set_errno(e, ERR_IO, len >= (int)sizeof n->folder ? ENAMETOOLONG : errno, "a folder below TMPDIR");
    }
    int rc = write_config(n, cores, rules, nrules, e);
    if (rc != 0) {
        return rc;
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        become_node(n, cores);
    }
    if (pid < 0) {
        return err_set_errno(e, ERR_IO, errno, "fork");
    }
    n->pid = pid;
    return wait_idle(n, e);
}

/* ---- what it costs ---- */

static bool read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    out[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

/* Number `nth` (from 0) of the fields behind the name in /proc/PID/stat: proc(5). */
static uint64_t stat_field(const char *stat, int nth)
{
    const char *at = strrchr(stat, ')');
    for (int i = 0; at != NULL && i <= nth; i++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/* Adds one process to its role's row; one that is gone adds nothing. */
static void add_process(const char *pid, struct bench_role *roles, size_t *count)
{
    enum { UTIME = 11, STIME = 12, TEXT = 4096 };
    char path[64];
    char text[TEXT];
    char name[16] = "super";
    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    if (!read_text(path, text, sizeof text)) {
        return;
    }
    double cpu = (double)(stat_field(text, UTIME) + stat_field(text, STIME)) / (double)sysconf(_SC_CLK_TCK);
    const char *dash = strstr(text, "(sereno-");
    if (dash != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(dash + 8, ")"), dash + 8);
        if (strcmp(name, "correlat") == 0) { /* the kernel keeps 15 bytes of a name */
            (void)snprintf(name, sizeof name, "correlator");
        }
    }
    (void)snprintf(path, sizeof path, "/proc/%s/status", pid);
    const char *peak = read_text(path, text, sizeof text) ? strstr(text, "VmHWM:") : NULL;
    size_t i = 0;
    while (i < *count && strcmp(roles[i].name, name) != 0) {
        i++;
    }
    if (i == *count && *count < BENCH_ROLES) {
        memcpy(roles[i].name, name, sizeof name);
        roles[i].cpu_s = 0;
        roles[i].peak_bytes = 0;
        ++*count;
    }
    if (i < *count) {
        roles[i].cpu_s += cpu;
        roles[i].peak_bytes += peak == NULL ? 0 : strtoull(peak + 6, NULL, 10) * 1024;
    }
}

int bench_node_roles(const struct bench_node *n, struct bench_role out[BENCH_ROLES], size_t *count_out, struct err *e)
{
    char path[64];
    char pids[CHILDREN_MAX * 11];
    char own[16];
    char *rest = NULL;
    *count_out = 0;
    (void)snprintf(own, sizeof own, "%d", (int)n->pid);
    (void)snprintf(path, sizeof path, "/proc/%s/task/%s/children", own, own);
    if (!read_text(path, pids, sizeof pids)) {
        return err_set(e, ERR_IO, "the node's processes cannot be seen");
    }
    add_process(own, out, count_out);
    for (char *pid = strtok_r(pids, " ", &rest); pid != NULL; pid = strtok_r(NULL, " ", &rest)) {
        add_process(pid, out, count_out);
    }
    return 0;
}

static void on_leaf(void *ctx, struct span name, const struct leaf *leaf)
{
    struct bench_told *t = ctx;
    uint64_t n = 0;
    if (leaf->kind != LEAF_NUMBER || !num_u64(span_make(leaf->ptr, leaf->len), &n)) {
        return;
    }
    if (span_eq(name, SPAN("rules.loaded"))) {
        t->rules = n;
    } else if (span_eq(name, SPAN("alerts"))) {
        t->alerts = n;
    } else if (span_ends(name, SPAN(".dropped"))) { /* of each source */
        t->dropped += n;
    }
}

int bench_node_status(const struct bench_node *n, struct bench_told *out, struct err *e)
{
    static const char *const paths[] = {"/api/v1/status", "/api/v1/sources"};
    struct arena scratch;
    char data[BENCH_FOLDER_MAX + 16];
    int rc = 0;
    *out = (struct bench_told){0};
    (void)snprintf(data, sizeof data, "%s/data", n->folder);
    arena_init(&scratch, 0);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(paths); i++) {
        struct control_answer a = {0};
        rc = control_ask(data, "GET", paths[i], SPAN(""), &a, e);
        if (rc == 0 && a.status != 200) {
            rc = err_set(e, ERR_IO, "the node answers %u", a.status);
        }
        rc = rc == 0 ? json_walk(buf_view(&a.body), &scratch, on_leaf, out, e) : rc;
        buf_free(&a.body);
    }
    arena_fini(&scratch);
    return rc;
}

/* ---- its end ---- */

int bench_node_stop(struct bench_node *n, struct err *e)
{
    time_ns until = clock_mono() + WAIT_MAX_S * TIME_SECOND;
    int status = 0;
    (void)kill(n->pid, SIGTERM);
    while (waitpid(n->pid, &status, WNOHANG) != n->pid) {
        if (clock_mono() > until) {
            (void)kill(-n->pid, SIGKILL);
            (void)waitpid(n->pid, &status, 0);
            break;
        }
        pause_ms(LOOK_EVERY_MS);
    }
    n->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : say_why(n, "the node did not end well", e);
}

struct kept {
    struct archive_totals totals;
    char error[256];
};

static void count_kept(void *arg, int out)
{
    struct kept k = {0};
    struct archive_reader *r = NULL;
    struct err e = {0};
    const struct bench_node *n = arg;
    char path[BENCH_FOLDER_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/data", n->folder);
    const struct sandbox_options cage = {.data_dir = path, .weaker = sandbox_landlock_abi() == 0};
    int rc = sandbox_enter_with(SANDBOX_KEEPER, &cage, &e);
    (void)snprintf(path, sizeof path, "%s/data/archive", n->folder);
    rc = rc == 0 ? archive_reader_open(path, &r, &e) : rc;
    rc = rc == 0 ? archive_totals(r, &k.totals, &e) : rc;
    archive_reader_close(&r);
    if (rc != 0) {
        (void)snprintf(k.error, sizeof k.error, "%.250s", e.text);
    }
    cli_child_write(out, span_make((const char *)&k, sizeof k));
    _exit(0);
}

int bench_node_kept(const struct bench_node *n, uint64_t *events_out, uint64_t *bytes_out, struct err *e)
{
    struct kept k;
    struct buf answer;
    int status = 0;
    buf_init(&answer, 1 << 16);
    int rc = cli_child(count_kept, (void *)(uintptr_t)n, "the counting process", &answer, &status, e);
    if (rc == 0 && (answer.len != sizeof k || status != 0)) {
        rc = err_set(e, ERR_IO, "the counting process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(&k, answer.data, sizeof k);
        *events_out = k.totals.events;
        *bytes_out = k.totals.bytes_on_disk;
        rc = k.error[0] == '\0' ? 0 : err_set(e, ERR_IO, "%.*s", (int)sizeof k.error, k.error);
    }
    buf_free(&answer);
    return rc;
}

static int drop_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

void bench_node_drop(struct bench_node *n)
{
    struct err e;
    if (n->pid > 0) {
        (void)!bench_node_stop(n, &e); /* what went wrong before is what is told */
    }
    if (n->folder[0] != '\0') {
        (void)nftw(n->folder, drop_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
    }
}
