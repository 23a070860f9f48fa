/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's half that has to do with records: takes alerts in, keeps rules and counters, answers
 * the desk. keeper.c owns the process and the archive; it calls these from its own handlers, on its
 * one thread.
 *
 *     start:      keeper_records_open(...), then keeper_records_setup_link() for the operator's
 * terminal peers:      keeper_records_desk() when the desk comes or goes messages:
 * keeper_records_message() first; false = not ours a window:   keeper_records_alerts() after its
 * archive transaction is durable counters:   keeper_records_count() with what each source brought
 * since the last call once a second keeper_records_tick(); at the end keeper_records_close()
 */
#ifndef ROLES_KEEPER_RECORDS_H
#define ROLES_KEEPER_RECORDS_H

#include "os/ipc.h"
#include "records/alerts.h"
#include "records/ask.h"
#include "roles/correlate_wire.h"
#include "records/copies.h"
#include "roles/config.h"
#include "roles/messages.h"

struct keeper_records;

/* What records need from the rest of the keeper. All run on the keeper's thread. */
struct keeper_records_hooks {
    void *arg;
    /*
     * Original bytes of a record into arena, at most max_bytes of them (*truncated_out).
     * ERR_NOT_FOUND when it is no longer kept, ERR_INVALID when its block is damaged: e says so in
     * a sentence.
     */
    int (*read_record)(void *arg, const struct alert_place *place, size_t max_bytes,
                       struct arena *arena, struct span *text_out, bool *truncated_out,
                       struct err *e);
    /* Size of the archive: bytes on disk, events, oldest day (days since 1970, -1 = empty). May be
     * NULL. */
    /* The fields copy_* of the status. */
    void (*copy_state)(void *arg, struct keeper_status *out);
    /* All of the second copy. Spans live until the next call on the copy. ERR_*: the records cannot be read. */
    int (*copy_report)(void *arg, struct copy_report *out, struct err *e);
    void (*archive_size)(void *arg, int64_t *bytes_out, int64_t *events_out,
                         int64_t *oldest_day_out);
    /* Counters of correlations, as the correlator told them last. May be NULL. */
    const struct correlate_pulse *(*correlate_pulse)(void *arg);
    /* MSG_RULES_STOPPED as the intakes are to be told it. Also called by keeper_records_tell_stops. May be NULL. */
    void (*stops_changed)(void *arg, struct span body);
    /* The tokens that senders may use from now on, to be told to the intakes. Also called once by
     * open. May be NULL. */
    void (*tokens_changed)(void *arg, const struct ingest_token *tokens, size_t count);
    /* Files below DATA/rules/federation changed: rules must be compiled again. May be NULL. */
    void (*rules_changed)(void *arg);
    /* A source on hold is to be read again. ERR_IO: super cannot be told. May be NULL. */
    int (*release_source)(void *arg, struct span name);
    /* A source is silent: an event and an alert of it are kept. ERR_IO: not now. May be NULL. */
    int (*source_silent)(void *arg, const struct source_row *row, uint32_t after_s, time_ns now);
    /* Signs with the node's key. ERR_BUSY: super did not hand it over yet. NULL: never. */
    int (*sign)(void *arg, struct span message, unsigned char sig[64], unsigned char key[32], struct err *e);
    /* Of the source of invented logs: how many records the archive has, purged ones too; whether it is in the config still; and all of it is
     * let go now, with proof (ERR_BUSY: not now). May be NULL. */
    int (*source_events)(void *arg, struct span name, uint64_t *events_out, struct err *e);
    bool (*source_followed)(void *arg, struct span name);
    int (*source_purge)(void *arg, struct span name, time_ns now, uint64_t *records_out, struct err *e);
};

/* Opens DATA/records.db. Refuses what records_open refuses. hooks are copied. */
int keeper_records_open(const char *data_dir, const struct keeper_records_hooks *hooks,
                        struct err *e, struct keeper_records **out) NODISCARD;
void keeper_records_close(struct keeper_records **kr);

/*
 * On a node without an administrator: makes the one-time set-up token, and its text in `token`. 0;
 * ERR_EXISTS when there is an administrator. The link is
 * http(s)://<desk.listen>/setup?token=<token>; the caller prints it with role_note.
 */
enum { KEEPER_TOKEN_TEXT = 65 };
int keeper_records_setup_link(struct keeper_records *kr, char token[KEEPER_TOKEN_TEXT],
                              struct err *e) NODISCARD;

/* The database of records, borrowed: for hunts, which share it. */
struct db *keeper_records_db(struct keeper_records *kr);
/* Calls stops_changed with what is stopped now: an intake came. */
void keeper_records_tell_stops(struct keeper_records *kr);

/* The channel to the desk; NULL when it is gone. */
void keeper_records_desk(struct keeper_records *kr, struct ipc *desk);

/* MSG_DESK_ASK, MSG_RULE, MSG_RULES_DONE: handled, true. `ch` is the channel it came by. */
bool keeper_records_message(struct keeper_records *kr, enum role_id peer, struct ipc *ch,
                            struct ipc_msg *msg);

/* One alert of a window that is kept: `a` as decoded, `detail` its encoded bytes, `place` where its
 * event now lies. */
struct keeper_alert {
    const struct alert *a;
    struct span detail;
    struct alert_place place;
};
/* Stores them in one transaction, tells the desk the new ones. Idempotent: a window told twice is
 * stored once. */
int keeper_records_alerts(struct keeper_records *kr, const struct keeper_alert *alerts,
                          size_t count, struct err *e) NODISCARD;

/* The stored windows of correlations: replaces them durably, or appends them to `out`. */
int keeper_records_windows_put(struct keeper_records *kr, struct span bytes, struct err *e) NODISCARD;
int keeper_records_windows_get(struct keeper_records *kr, struct buf *out, struct err *e) NODISCARD;

/* Adds to a source's counters: events, dropped, anomalies are what came since the last call;
 * last_event the newest. */
void keeper_records_count(struct keeper_records *kr, const struct source_row *delta);
/* How long the sources of the config may be silent. */
struct config;
void keeper_records_config(struct keeper_records *kr, const struct config *config);
/* MSG_SOURCES_HELD: which sources are on hold now. ERR_INVALID. */
int keeper_records_held(struct keeper_records *kr, struct span body, struct err *e) NODISCARD;
/* Matches that correlations never saw, because one window had no room for them. */
void keeper_records_count_lost(struct keeper_records *kr, int64_t matches);
/* Events of senders that no listener, token or network of the config names. */
void keeper_records_count_unknown(struct keeper_records *kr, int64_t events);

/* A named value that the node remembers (records/settings.h). */
int keeper_records_set(struct keeper_records *kr, struct span name, struct span value, time_ns now,
                       struct err *e) NODISCARD;

/* Call about once a second: pulse to the desk, counters to disk, old sessions out. */
void keeper_records_tick(struct keeper_records *kr, time_ns now);
/* As often: what records say of persons goes when its time is over (keeper_retention.h). */
void keeper_retention_tick(struct keeper_records *kr, const struct config *config, time_ns now);
/* Whether the clock is near enough to what was counted last for anything to be let go (records/trusted_time.h); looked up every ten minutes, and at each jump. */
bool keeper_clock_fits(struct keeper_records *kr, time_ns now);

#endif
