/* SPDX-License-Identifier: EUPL-1.2 */
/* Copies of days: see keeper_copy.h. All of this is on the loop; what touches a file of the copy is in keeper_pack.c. */
#include "roles/keeper_copy.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "roles/keeper_pack.h"
#include "roles/recovery.h"

enum {
    LOOK_EVERY_S = 20,    /* for a day that is over and sealed */
    RETRY_EVERY_S = 30,   /* a mounted disk */
    RETRY_FIRST_S = 5,    /* a place on the network: after the first failure, doubling */
    RETRY_MAX_S = 900,
    ANSWER_MAX_S = 600,   /* of super, or of the server behind it: since it last moved */
};

enum step { STEP_REST, STEP_ASKED, STEP_PACKING, STEP_CLOSING };

struct keeper_copy {
    struct role *role;
    struct db *db;
    char *data_dir, *archive_dir;
    enum step step;
    bool wanted, remote;
    const struct config *seen; /* the config in use, to tell a new one */
    unsigned failures;         /* in a row */
    char place[CONFIG_TEXT_MAX + 1];
    time_ns due, moved_at; /* monotonic; when the step was last seen to go on */
    time_ns patience_s;    /* without that it is given up */
    struct log_lasting failing;
    int64_t waiting;
    int32_t oldest; /* of those that wait; INT32_MIN = none */
    /* the step's own */
    int32_t day;
    uint64_t bytes; /* of a file that is whole, and its hash */
    unsigned char hash[CRYPT_HASH_BYTES];
    struct keeper_pack *pack; /* STEP_PACKING */
    uint64_t moved;           /* of it, as last seen */
    struct keeper_pack *hung; /* one that was given up and holds its thread still: no other begins */
};

static void take_config(struct keeper_copy *k, const struct config *config)
{
    struct span place = config_copy_place(config);
    k->wanted = place.len > 0;
    k->remote = config->copy.folder.len == 0;
    k->patience_s = config->copy.give_up_after_s > 0 ? config->copy.give_up_after_s : ANSWER_MAX_S;
    (void)snprintf(k->place, sizeof k->place, "%.*s", SPAN_ARG(place));
}

struct keeper_copy *keeper_copy_open(struct role *r, const char *data_dir, struct db *db, const struct config *config)
{
    char path[PATH_MAX];
    struct keeper_copy *k = mem_alloc(sizeof *k);
    k->role = r;
    k->db = db;
    k->data_dir = mem_strdup(data_dir);
    (void)snprintf(path, sizeof path, "%s/archive", data_dir);
    k->archive_dir = mem_strdup(path);
    (void)snprintf(path, sizeof path, "%s/" KEEPER_PACK_TMP, data_dir);
    (void)unlink(path); /* of a keeper that was killed */
    k->oldest = INT32_MIN;
    take_config(k, config);
    return k;
}

/* Its thread ends when it can. */
static void abandon(struct keeper_pack *p)
{
    if (p != NULL) {
        atomic_store(&p->stop, true);
        p->owner = NULL;
    }
}

void keeper_copy_close(struct keeper_copy **given)
{
    struct keeper_copy *k = *given;
    *given = NULL;
    if (k == NULL) {
        return;
    }
    abandon(k->pack);
    abandon(k->hung);
    mem_free(k->data_dir);
    mem_free(k->archive_dir);
    mem_free(k);
}

static void rest(struct keeper_copy *k, time_ns seconds)
{
    k->step = STEP_REST;
    k->due = clock_mono() + seconds * TIME_SECOND;
}

/* A quarter more or less, so that many nodes do not come to one server at once. */
static time_ns pause_s(struct keeper_copy *k)
{
    if (!k->remote) {
        return RETRY_EVERY_S;
    }
    time_ns s = k->failures < 8 ? (time_ns)RETRY_FIRST_S << k->failures : RETRY_MAX_S;
    k->failures++;
    s = s > RETRY_MAX_S ? RETRY_MAX_S : s;
    return s - s / 4 + (time_ns)randombytes_uniform((uint32_t)(s / 2 + 1));
}

static void fail(struct keeper_copy *k, struct span why)
{
    struct err e = {0};
    char date[11], text[COPY_WHY_MAX], shown[LOG_VALUE_MAX];
    copy_date(k->day, date);
    (void)snprintf(text, sizeof text, "%s: %.*s", date, SPAN_ARG(why));
    if (log_lasting_failed(&k->failing, clock_mono())) {
        log_error("copy.failed", "why=\"%s\"", log_value(span_of(text), shown));
    }
    if (copies_failed(k->db, span_of(text), clock_now(), &e) != 0) {
        log_error("copy.failed", "why=\"%s\"", e.text);
    }
    rest(k, pause_s(k));
}

static void ask(struct keeper_copy *k, uint16_t type, bool whole)
{
    struct buf b;
    buf_init(&b, 16);
    buf_u32(&b, (uint32_t)k->day);
    if (type == MSG_COPY_CLOSE) {
        buf_u8(&b, whole);
    }
    if (ipc_send(role_super(k->role), type, 0, buf_view(&b)) != 0) {
        log_warn("copy.failed", "why=\"super was not told\"");
    }
    buf_free(&b);
    k->moved_at = clock_mono();
}

/* The oldest day that is over, gets no more, is sealed to its end, and is not there; how many there are. */
static int choose(struct keeper_copy *k, time_ns now, int32_t open_day, bool *found_out, struct err *e)
{
    struct archive_reader *reader = NULL;
    struct arena scratch;
    int32_t *days = NULL, *done = NULL;
    size_t n = 0, ndone = 0, at = 0;
    struct seal last;
    arena_init(&scratch, 0);
    bool any = archive_last_seal(k->archive_dir, &last);
    int rc = archive_reader_open(k->archive_dir, &reader, e);
    rc = rc == 0 ? archive_days(reader, &scratch, &days, &n, e) : rc;
    rc = rc == 0 ? copies_days(k->db, span_of(k->place), &scratch, &done, &ndone, e) : rc;
    k->waiting = 0;
    k->oldest = INT32_MIN;
    *found_out = false;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        while (at < ndone && done[at] < days[i]) {
            at++;
        }
        bool over = any && days[i] >= 0 && days[i] < time_day(now) && days[i] < open_day && (at == ndone || done[at] != days[i]);
        rc = over ? archive_is_sealed(reader, days[i], &last, &over, e) : rc;
        if (over) {
            k->oldest = *found_out ? k->oldest : days[i];
            k->day = k->oldest;
            *found_out = true;
            k->waiting++;
        }
    }
    archive_reader_close(&reader);
    arena_fini(&scratch);
    return rc;
}

/* What its file does not let go on is left to its thread; the watch has nothing of it. */
static void give_up(struct keeper_copy *k)
{
    char why[128];
    (void)snprintf(why, sizeof why, "the place of the copy does not answer: nothing was written or read there for %lld seconds", (long long)k->patience_s);
    if (k->step == STEP_PACKING) {
        atomic_store(&k->pack->stop, true);
        k->hung = k->pack;
        k->pack = NULL;
    }
    fail(k, span_of(why));
}

/* A step that waits for others, or for a disk elsewhere, is seen to go on or is given up. */
static void watch(struct keeper_copy *k)
{
    time_ns most = k->remote && k->step != STEP_PACKING ? ANSWER_MAX_S : k->patience_s;
    uint64_t moved = k->pack == NULL ? k->moved : atomic_load(&k->pack->moved);
    if (k->step == STEP_REST || moved != k->moved || (k->pack != NULL && !atomic_load(&k->pack->away))) {
        k->moved = moved;
        k->moved_at = clock_mono();
    } else if (clock_mono() - k->moved_at > most * TIME_SECOND) {
        give_up(k);
    }
}

void keeper_copy_tick(struct keeper_copy *k, const struct config *config, time_ns now, int32_t open_day)
{
    struct err e = {0};
    bool found = false;
    if (k->step == STEP_REST && config != NULL) {
        k->due = k->seen == config ? k->due : clock_mono();
        k->failures = k->seen == config ? k->failures : 0;
        k->failing = k->seen == config ? k->failing : (struct log_lasting){0};
        k->seen = config;
        take_config(k, config);
    }
    watch(k);
    if (!k->wanted || k->step != STEP_REST || clock_mono() < k->due) {
        return;
    }
    if (choose(k, now, open_day, &found, &e) != 0) {
        fail(k, span_of(e.text));
    } else if (!found) {
        rest(k, LOOK_EVERY_S);
    } else if (k->hung != NULL) {
        fail(k, SPAN("the place of the copy does not answer: an earlier try still waits for it"));
    } else {
        k->step = STEP_ASKED;
        ask(k, MSG_COPY_OPEN, false);
    }
}

static void keep(struct keeper_copy *k)
{
    struct err e = {0};
    char hex[2 * CRYPT_HASH_BYTES + 1], date[11];
    hex_encode(k->hash, sizeof k->hash, hex);
    copy_date(k->day, date);
    const struct copy_day done = {.day = k->day, .at = clock_now(), .bytes = (int64_t)k->bytes, .hash = span_of(hex)};
    if (copies_put(k->db, span_of(k->place), &done, &e) != 0) {
        fail(k, span_of(e.text));
        return;
    }
    k->waiting -= k->waiting > 0;
    k->failures = 0;
    (void)log_lasting_over(&k->failing);
    log_info("copy.made", "day=%s bytes=%llu", date, (unsigned long long)k->bytes);
    rest(k, 0);
}

/* It was packed, or looked at: what came of it. */
static void on_packed(struct keeper_pack *p)
{
    struct keeper_copy *k = p->owner;
    if (k == NULL || p == k->hung) { /* nobody waits for it */
        if (k != NULL) {
            k->hung = NULL;
            k->due = k->step == STEP_REST ? clock_mono() : k->due;
        }
        keeper_pack_free(&p);
        return;
    }
    k->pack = NULL;
    k->bytes = p->bytes;
    memcpy(k->hash, p->hash, sizeof k->hash);
    if (p->rc == 0 && p->found == COPY_THERE) {
        keep(k);
    } else if (p->rc == 0) {
        ask(k, MSG_COPY_CLOSE, true);
        k->step = STEP_CLOSING;
    } else {
        if (p->found != COPY_THERE) {
            ask(k, MSG_COPY_CLOSE, false);
        }
        bool gone = p->rc == ERR_NOT_FOUND && access(k->archive_dir, F_OK) == 0 && p->e.text[0] == '/';
        if (gone) {
            rest(k, 0); /* retention let the day go meanwhile */
        } else {
            fail(k, span_of(p->e.text));
        }
    }
    keeper_pack_free(&p);
}

static void take_file(struct keeper_copy *k, int32_t day, uint8_t found, struct span why, int fd)
{
    if (k->step != STEP_ASKED || day != k->day || (found != COPY_FAILED && found != COPY_BUSY && fd < 0)) {
        if (fd >= 0) {
            keeper_pack_close_fd(role_loop(k->role), fd);
        }
        return;
    }
    if (found == COPY_FAILED) {
        fail(k, why);
        return;
    }
    if (found == COPY_BUSY) { /* what an earlier keeper asked for: no failure */
        rest(k, RETRY_FIRST_S);
        return;
    }
    k->pack = keeper_pack_new(k->data_dir, day, fd, (enum copy_found)found);
    k->step = STEP_PACKING;
    k->moved = 0;
    k->moved_at = clock_mono();
    keeper_pack_start(k->pack, role_loop(k->role), k, on_packed);
}

void keeper_copy_message(struct keeper_copy *k, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    int32_t day = (int32_t)cursor_u32(&c);
    if (msg->type == MSG_COPY_GOING) {
        k->moved_at = day == k->day ? clock_mono() : k->moved_at;
        return;
    }
    uint8_t found = msg->type == MSG_COPY_FILE ? cursor_u8(&c) : (uint8_t)COPY_NEW;
    struct span why = cursor_str(&c);
    int fd = msg->type == MSG_COPY_FILE ? ipc_msg_take_fd(msg, 0) : -1;
    CHECK(cursor_done(&c) && found < COPY_FOUND_COUNT); /* super is us */
    if (msg->type == MSG_COPY_FILE) {
        take_file(k, day, found, why, fd);
    } else if (k->step == STEP_CLOSING && day == k->day) {
        if (why.len > 0) {
            fail(k, why);
        } else {
            keep(k);
        }
    }
}

void keeper_copy_status(struct keeper_copy *k, struct keeper_status *out)
{
    struct copy_state s = {.at = TIME_NONE, .failed_at = TIME_NONE};
    struct err e = {0};
    out->copy_at = out->copy_failed_at = TIME_NONE;
    if (k == NULL || !k->wanted) {
        return;
    }
    if (copies_state(k->db, span_of(k->place), &s, &e) != 0) {
        log_error("copy.state", "why=\"%s\"", e.text);
        return;
    }
    out->copy_wanted = 1;
    out->copy_days = s.days;
    out->copy_bytes = s.bytes;
    out->copy_waiting = k->waiting;
    out->copy_at = s.at;
    out->copy_failed_at = s.failed_at;
}

int keeper_copy_report(struct keeper_copy *k, struct copy_report *out, struct err *e)
{
    char path[PATH_MAX];
    *out = (struct copy_report){.oldest = INT32_MIN, .state = {.newest = INT32_MIN, .at = TIME_NONE, .failed_at = TIME_NONE}};
    if (k == NULL || !k->wanted) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s/" RECOVERY_PUBLIC_NAME, k->data_dir);
    out->place = span_of(k->place);
    out->has_key = access(path, F_OK) == 0;
    out->waiting = k->waiting;
    out->oldest = k->waiting > 0 ? k->oldest : INT32_MIN;
    return copies_state(k->db, out->place, &out->state, e);
}
