/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno bench e2e`: see bench_e2e.h. The figures of a run, and their printing. */
#include "cli/bench_e2e.h"

#include <stdio.h>
#include <string.h>

#include "cli/bench_node.h"

struct figures {
    struct bench_feed feed;
    struct bench_sent sent;
    struct bench_role roles[BENCH_ROLES]; /* what they used meanwhile */
    size_t nroles;
    double cpu_s;
    uint64_t peak_bytes;
    struct bench_told told;
    uint64_t kept, kept_bytes;
};

/* What the roles used between two looks. */
static void subtract(struct figures *f, const struct bench_role *before, size_t nbefore)
{
    for (size_t i = 0; i < f->nroles; i++) {
        for (size_t k = 0; k < nbefore; k++) {
            f->roles[i].cpu_s -= strcmp(f->roles[i].name, before[k].name) == 0 ? before[k].cpu_s : 0;
        }
        f->cpu_s += f->roles[i].cpu_s;
        f->peak_bytes += f->roles[i].peak_bytes;
    }
}

static int run(const struct bench_options *o, struct figures *f, struct bench_node *n, struct err *e)
{
    struct bench_role before[BENCH_ROLES];
    size_t nbefore = 0;
    int rc = bench_node_roles(n, before, &nbefore, e);
    rc = rc == 0 ? bench_send(o, &f->feed, &n->ingest, n->token, &f->sent, e) : rc;
    rc = rc == 0 ? bench_node_roles(n, f->roles, &f->nroles, e) : rc;
    if (rc == 0) {
        subtract(f, before, nbefore);
    }
    rc = rc == 0 ? bench_node_status(n, &f->told, e) : rc;
    rc = rc == 0 ? bench_node_stop(n, e) : rc;
    rc = rc == 0 ? bench_node_kept(n, &f->kept, &f->kept_bytes, e) : rc;
    /* An ack says that it is kept. What a node adds of its own tells of drops, which this way in has not. */
    if (rc == 0 && f->kept != f->sent.events) {
        rc = err_set(e, ERR_INVALID, "%llu events were acked, %llu are in the archive", (unsigned long long)f->sent.events,
                     (unsigned long long)f->kept);
    }
    return rc;
}

static double per(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void print_json(const struct bench_options *o, const struct bench_text *t, const struct figures *f)
{
    const struct {
        const char *key;
        double value;
        bool whole;
    } numbers[] = {
        {"seed", (double)o->seed, true},
        {"cores", o->cores, true},
        {"rate", (double)o->rate, true},
        {"rules", (double)f->told.rules, true},
        {"feed_events", (double)f->feed.events, true},
        {"feed_matches", (double)f->feed.matches, true},
        {"events", (double)f->sent.events, true},
        {"bytes", (double)f->sent.bytes, true},
        {"kept", (double)f->kept, true},
        {"bad", (double)f->sent.bad, true},
        {"again", (double)f->sent.again, true},
        {"dropped", (double)f->told.dropped, true},
        {"alerts", (double)f->told.alerts, true},
        {"kept_bytes", (double)f->kept_bytes, true},
        {"kept_ratio", per((double)f->sent.bytes, (double)f->kept_bytes), false},
        {"peak_rss", (double)f->peak_bytes, true},
        {"events_per_s", per((double)f->sent.events, f->cpu_s), false},
        {"bytes_per_s", per((double)f->sent.bytes, f->cpu_s), false},
        {"cpu_s", f->cpu_s, false},
        {"wall_s", f->sent.wall_s, false},
        {"wall_events_per_s", per((double)f->sent.events, f->sent.wall_s), false},
        {"sender_cpu_s", f->sent.cpu_s, false},
    };
    struct buf b;
    struct json_writer j;
    buf_init(&b, 65536);
    json_writer_init(&j, &b);
    bench_json_head(&j, SPAN("e2e"), o, t);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(&j, numbers[i].key);
        if (numbers[i].whole) {
            json_u64(&j, (uint64_t)numbers[i].value);
        } else {
            json_double(&j, numbers[i].value);
        }
    }
    json_key(&j, "roles_cpu_s");
    json_object(&j);
    for (size_t i = 0; i < f->nroles; i++) {
        json_key_text(&j, span_of(f->roles[i].name));
        json_double(&j, f->roles[i].cpu_s);
    }
    json_end(&j);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

static void print_text(const struct bench_options *o, const struct bench_text *t, const struct figures *f)
{
    (void)printf("%llu events, %.1f MB, %s feed, seed %llu, over POST /ingest to a node of %u intake%s on as many cores, %llu rules, %s\n",
                 (unsigned long long)f->sent.events, (double)f->sent.bytes / 1e6, o->interleaved ? "interleaved" : "contiguous",
                 (unsigned long long)o->seed, o->cores, o->cores == 1 ? "" : "s", (unsigned long long)f->told.rules, t->cpu);
    (void)printf("  all acked, which is durable, and counted in the archive: %.0f events per CPU second of all roles, %.0f per second of "
                 "wall time\n", per((double)f->sent.events, f->cpu_s), per((double)f->sent.events, f->sent.wall_s));
    (void)printf("  cpu %.2f s:", f->cpu_s);
    for (size_t i = 0; i < f->nroles; i++) {
        (void)printf(" %s %.2f", f->roles[i].name, f->roles[i].cpu_s);
    }
    (void)printf("; wall %.2f s; the sender %.2f s\n", f->sent.wall_s, f->sent.cpu_s);
    (void)printf("  kept %.1f bytes per event of %.1f, 1/%.1f; %llu alerts; %llu posts answered 429 and sent again; %llu dropped; peak memory "
                 "of all roles %.1f MB\n", per((double)f->kept_bytes, (double)f->kept), per((double)f->sent.bytes, (double)f->sent.events),
                 per((double)f->sent.bytes, (double)f->kept_bytes), (unsigned long long)f->told.alerts, (unsigned long long)f->sent.again, (unsigned long long)f->told.dropped,
                 (double)f->peak_bytes / 1e6);
}

int bench_e2e(const struct bench_options *o, const struct engine *engine, const struct bench_text *t, const char *const *rules,
              size_t nrules, struct err *e)
{
    static struct figures f; /* one per process */
    struct bench_node n = {0};
    int rc = bench_feed_make(o, engine, &f.feed, e);
    rc = rc == 0 ? bench_node_start(&n, o->cores, rules, nrules, e) : rc;
    rc = rc == 0 ? run(o, &f, &n, e) : rc;
    bench_node_drop(&n);
    bench_feed_free(&f.feed);
    if (rc == 0) {
        (t->json ? print_json : print_text)(o, t, &f);
    }
    return rc;
}
