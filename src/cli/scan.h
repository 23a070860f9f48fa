/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the files of `sereno scan` share: options, files, and the packets between the command (which opens files and
 * prints) and its sandboxed workers (which read them). One packet = one SOCK_SEQPACKET message.
 */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/manifest.h"
#include "event/alert.h"
#include "flow/normalise/sources.h"

enum {
    SCAN_PACKET_MAX = 160 * 1024, /* bytes of one packet; under the kernel's default socket buffer */
    SCAN_PACKET_FILL = 32 * 1024, /* a worker sends what it gathered from here on */
    SCAN_WORKERS_MAX = 64,
    SCAN_GUESS = 255,             /* format byte: by the first bytes of the file */
    SCAN_SLICE = 1024,            /* records: a file in parts is dealt out in slices of this many */
};

enum scan_format { SCAN_NDJSON, SCAN_TSV, SCAN_TABLE };

/* Packets. To a worker: JOB (with the file's fd), CORRELATE, FINISH. From it: the rest. */
enum scan_packet {
    PACKET_JOB = 1,   /* u32 file, i32 declared, u8 format, u8 part, u8 parts */
    PACKET_CORRELATE, /* many: u32 rule, i64 time, u32 file, u64 index, u16 n, n x (u8 present, str) */
    PACKET_FINISH,    /* no more correlation input: answer with DONE */
    PACKET_ALERTS,    /* many: u32 file, u64 index, str rule id, str alert (event/alert.h; empty for tsv) */
    PACKET_INPUTS,    /* many: as CORRELATE: matches that correlations wait for */
    PACKET_BAD,       /* u32 file, u64 index (SCAN_NO_INDEX: no record), u64 offset, str text */
    PACKET_PROGRESS,  /* u32 file, u64 bytes read of the file */
    PACKET_DONE,      /* u32 file, u64 events, u64 bad, u64 bytes, str error (empty: fine), u64 late, u64 evicted */
};

#define SCAN_NO_INDEX UINT64_MAX

/* A record's address as correlations carry it. */
static inline uint64_t scan_ref(uint32_t file, uint64_t index)
{
    return (uint64_t)file << 40 | (index & 0xffffffffffu);
}

struct scan_alert {
    uint64_t index;
    struct span rule_id;
    struct span encoded; /* event/alert.h, or empty */
};

struct scan_file {
    const char *name; /* printed */
    const char *path;
    int32_t declared;
    uint8_t format;
    uint64_t size;    /* on disk */
    uint8_t parts, parts_sent, parts_done;
    uint64_t read_bytes;
    uint64_t events, bad, bad_told;
    bool failed;
    struct arena arena; /* alerts' bytes until printed */
    VEC(struct scan_alert) alerts;
};

struct scan_input {
    int64_t time;
    uint32_t file;
    uint32_t rule;
    uint64_t index;
    struct span values; /* encoded: u16 n, n x (u8 present, str) */
};

struct scan {
    const struct command *self;
    enum scan_format format;
    bool stats, quiet, explain;
    unsigned jobs;
    const char *source; /* forced source, or "" */
    struct engine engine;
    VEC(struct scan_file) files;
    struct arena arena;
    VEC(struct scan_input) inputs;
    uint64_t late, evicted;
    bool unread; /* exit status 1 */
    struct scan_summary *summary;
};

/* Runs all files through workers; results end up in files[].alerts and are printed in order by scan_print_file. */
int scan_run(struct scan *s, struct err *e) NODISCARD;

/* The sandboxed worker's whole life; never returns. */
_Noreturn void scan_worker(int sock, const struct engine *engine, const char *source, bool explain);

/* Output: scan_output.c. Called once per file, in the order given. */
void scan_print_file(struct scan *s, struct scan_file *f);
struct scan_summary *scan_summary_new(void);
void scan_summary_print(struct scan *s, FILE *to, double wall_s);
void scan_summary_free(struct scan_summary **s);
/* "file: record N at byte M: text" on stderr, at most SCAN_BAD_TOLD per file; SCAN_NO_INDEX: without the record. */
enum { SCAN_BAD_TOLD = 10 };
void scan_print_bad(struct scan *s, struct scan_file *f, uint64_t index, uint64_t offset,
                    struct span text);

#endif
