/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno rules learn`: how often texts are met in which field of which class of events, as a table for the planner (rates.h).
 * Files are opened here; a caged child reads them and answers with the table.
 */
#include "cli/rules_learn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/vec.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/record_reader.h"
#include "flow/detect/rates.h"
#include "flow/normalise/normalise.h"
#include "os/sandbox.h"

enum { FORMAT_GUESS = 255, LEARN_FLOOR = 5, LEARN_PERMILLE = 10, LEARN_TEXTS = 4000000 };

struct learn_job {
    const struct engine *en;
    const int *fds;
    size_t nfds;
    bool values;
};

struct learning {
    struct normaliser *normaliser;
    struct learner *learner;
    struct event ev;
};

static int learn_file(struct learning *l, int fd, struct err *e)
{
    struct record_reader r;
    struct stream st;
    struct span record;
    uint64_t offset;
    enum record_result res;
    int rc = record_reader_open(&r, fd, FORMAT_GUESS, e);
    if (rc != 0) {
        return rc;
    }
    stream_init(&st);
    st.declared = -1;
    st.format = r.format;
    st.evtx = r.evtx;
    while ((res = record_next(&r, &record, &offset, e)) != RECORD_END && res != RECORD_FAILED) {
        struct err ignored = {0}; /* what is no event teaches nothing */
        event_clear(&l->ev);
        if (res == RECORD_OK && normalise(l->normaliser, &st, record, &l->ev, &ignored) == NORMALISE_EVENT) {
            learner_event(l->learner, &l->ev);
        }
    }
    rc = res == RECORD_FAILED ? e->code : 0;
    stream_fini(&st);
    record_reader_close(&r);
    return rc;
}

/* The caged child: answers with the table, or with "!" and why not. */
static void learn_child(void *arg, int out)
{
    const struct learn_job *job = arg;
    struct learning l = {0};
    struct err e = {0};
    struct buf b;
    buf_init(&b, LEARN_WRITTEN_MAX + (1 << 20));
    const struct compiled *compiled = engine_map(job->en, &e);
    int rc = compiled == NULL ? ERR_INVALID : sandbox_enter(SANDBOX_SCAN_WORKER, &e);
    if (rc == 0) {
        l.normaliser = normaliser_new(compiled->catalog);
        l.learner = learner_new(compiled->catalog, LEARN_TEXTS);
        event_init(&l.ev, compiled->catalog);
    }
    for (size_t i = 0; i < job->nfds && rc == 0; i++) {
        rc = learn_file(&l, job->fds[i], &e);
    }
    if (rc == 0) {
        const struct learn_options o = {.floor = LEARN_FLOOR, .permille = LEARN_PERMILLE, .values = job->values};
        learner_write(l.learner, &o, &b);
    } else {
        buf_clear(&b);
        buf_printf(&b, "!%s", e.text);
    }
    cli_child_write(out, buf_view(&b));
    _exit(0);
}

static int open_all(char **names, size_t n, int *fds, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = open(names[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fds[i] < 0) {
            return err_set_errno(e, ERR_IO, errno, "%s", names[i]);
        }
    }
    return 0;
}

int rules_learn(const struct cli_paths *paths, char **names, size_t n, bool values)
{
    static int fds[RULES_LEARN_FILES_MAX];
    struct engine en;
    struct buf answer;
    struct err e = {0};
    int status = 0;
    const struct compile_options co = {0};
    if (n == 0 || n > RULES_LEARN_FILES_MAX) {
        (void)err_set(&e, ERR_LIMIT, "name one to %d log files to learn from", (int)RULES_LEARN_FILES_MAX);
        cli_print_err(&e);
        return CLI_USAGE;
    }
    memset(fds, -1, sizeof fds);
    engine_init(&en);
    buf_init(&answer, LEARN_WRITTEN_MAX + (2 << 20));
    int rc = cli_paths_load(paths, &en, &e);
    rc = rc == 0 ? engine_compile(&en, &co, &e) : rc;
    rc = rc == 0 ? open_all(names, n, fds, &e) : rc;
    struct learn_job job = {&en, fds, n, values};
    rc = rc == 0 ? cli_child(learn_child, &job, "the learning process", &answer, &status, &e) : rc;
    if (rc == 0 && (answer.len == 0 || answer.data[0] == '!' || answer.failed)) {
        struct span why = answer.len == 0 ? SPAN("it ended early") : span_sub(buf_view(&answer), 1, answer.len);
        rc = err_set(&e, ERR_INVALID, "%.*s", SPAN_ARG(span_sub(why, 0, 400)));
    }
    if (rc == 0) {
        (void)fwrite(answer.data, 1, answer.len, stdout);
    } else {
        cli_print_err(&e);
    }
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    buf_free(&answer);
    engine_free(&en);
    return rc == 0 ? CLI_OK : CLI_UNREAD;
}
