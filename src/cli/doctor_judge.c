/* SPDX-License-Identifier: EUPL-1.2 */
/* What facts mean: one function per check, all of them in the table at the end. Pure: no clock, no files. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/doctor.h"

#define MIB (INT64_C(1) << 20)

enum {
    DISK_FREE_MIN_MIB = 512,    /* below: no room for a day's file, its log and a backup's copy */
    DISK_DAYS_BAD = 7,          /* time to get a disk */
    DISK_DAYS_WARN = 30,
    CLOCK_ERROR_MAX_MS = 1000,  /* beyond, events of two machines stand in the wrong order */
    CLOCK_BACK_MAX_S = 5,       /* what a slewed clock may lag behind the newest receipt */
    SEAL_DAYS_MAX = 2,          /* sealing is daily */
    VERIFY_DAYS_MAX = 35,       /* monthly */
    BACKUP_DAYS_WARN = 8,       /* weekly */
    BACKUP_DAYS_BAD = 32,
    COPY_DAYS_BAD = 7,
    RETENTION_DAYS_MAX = 3,     /* a run each day */
    YOUNG_DAYS = 7,             /* a node so young may lack its first backup and verification */
    FILES_PERCENT_WARN = 80,
    FILES_PERCENT_BAD = 95,
    FILES_LEAST = 256,          /* what a small node opens in one role */
    MEMORY_FREE_WARN_MIB = 256, /* a rule set being compiled beside the one in use */
    MEMORY_FREE_BAD_MIB = 64,
    DROP_HOURS = 24,            /* what was lost longer ago is history */
    LAG_MAX_S = 3600,           /* later, correlations over minutes see nothing */
    LAG_AHEAD_MAX_S = 60,       /* a sender's clock so far ahead is set wrongly */
    SPAN_TEXT_MAX = 40,
};

static struct doctor_line *say(struct doctor_report *out, const char *check, enum doctor_state state, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void advise(struct doctor_line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);

static struct doctor_line *say(struct doctor_report *out, const char *check, enum doctor_state state, const char *fmt, ...)
{
    struct doctor_line line = {.check = check, .state = state};
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line.says, sizeof line.says, fmt, ap);
    va_end(ap);
    vec_push(&out->lines, line);
    return &out->lines.data[out->lines.len - 1];
}

static void advise(struct doctor_line *line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line->advice, sizeof line->advice, fmt, ap);
    va_end(ap);
}

static const char *bytes_text(uint64_t bytes, char out[SPAN_TEXT_MAX])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        unit++;
    }
    (void)snprintf(out, SPAN_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
    return out;
}

static const char *span_text(time_ns t, char out[SPAN_TEXT_MAX])
{
    static const struct {
        time_ns unit;
        const char *name;
    } units[] = {{TIME_DAY, "days"}, {3600 * TIME_SECOND, "hours"}, {60 * TIME_SECOND, "minutes"}, {TIME_SECOND, "seconds"}};
    size_t i = 0;
    t = t < 0 ? 0 : t;
    while (i + 1 < ARRAY_LEN(units) && t < 2 * units[i].unit) {
        i++;
    }
    (void)snprintf(out, SPAN_TEXT_MAX, "%" PRId64 " %s", t / units[i].unit, units[i].name);
    return out;
}

/* ---- the node ---- */

static void judge_node(const struct doctor_facts *f, struct doctor_report *out)
{
    if (f->running) {
        (void)say(out, "node", DOCTOR_OK, "runs, process %d", (int)f->pid);
        return;
    }
    advise(say(out, "node", DOCTOR_WARN, "no node runs with this data"), "Nothing is watched until it is started: `sereno serve`.");
}

static void judge_sandbox(const struct doctor_facts *f, struct doctor_report *out)
{
    if (!f->caged) {
        advise(say(out, "sandbox", DOCTOR_WARN, "this program was built without its sandbox"), "Use a build that is not for finding errors.");
    } else if (f->landlock == 0) {
        advise(say(out, "sandbox", DOCTOR_WARN, "this kernel has no Landlock: a role's files are kept from it by the system call filter alone"),
               "Linux 5.13 or later with landlock in lsm= has it.");
    } else {
        (void)say(out, "sandbox", DOCTOR_OK, "seccomp and Landlock (version %d)", f->landlock);
    }
}

/* Without descriptions an event has no log source, and no rule is tried on it. */
static void judge_rules(const struct doctor_facts *f, struct doctor_report *out)
{
    if (f->knows_logs) {
        (void)say(out, "rules", DOCTOR_OK, "the descriptions of log sources are there");
        return;
    }
    advise(say(out, "rules", DOCTOR_BAD, "no description of a log source is there: events are kept, and no rule can match them"),
           "Install the program whole, or let SERENO_SHARE name the folder that holds its `sources`; then start the node again.");
}

/* ---- disk ---- */

static void disk_advice(struct doctor_line *line, const struct doctor_facts *f)
{
    advise(line, f->keep_days == 0 ? "Make room, or say under retention: in sereno.yml how many days are kept."
                                   : "Make room, or keep fewer days: retention: in sereno.yml.");
}

static void judge_disk(const struct doctor_facts *f, struct doctor_report *out)
{
    char room[SPAN_TEXT_MAX], size[SPAN_TEXT_MAX], kept[SPAN_TEXT_MAX], rate[SPAN_TEXT_MAX], more[SPAN_TEXT_MAX];
    (void)bytes_text(f->disk_free, room);
    (void)bytes_text(f->disk_size, size);
    (void)bytes_text(f->kept_bytes, kept);
    (void)bytes_text(f->rate, rate);
    if (f->disk_read_only) {
        advise(say(out, "disk", DOCTOR_BAD, "the data folder can only be read"), "Nothing can be kept: look why it was mounted so (dmesg).");
        return;
    }
    if (f->disk_free < (uint64_t)DISK_FREE_MIN_MIB * MIB) {
        disk_advice(say(out, "disk", DOCTOR_BAD, "%s of %s are free, %s are kept", room, size, kept), f);
        return;
    }
    if (f->rate == 0) {
        (void)say(out, "disk", DOCTOR_OK, "%s of %s are free, %s are kept; how much comes in a day is not known yet", room, size, kept);
        return;
    }
    uint64_t days = f->disk_free / f->rate;
    uint64_t left = f->keep_days > f->kept_days ? (uint64_t)(f->keep_days - f->kept_days) : 0;
    bool fits = f->keep_days > 0 && left <= days;
    (void)bytes_text(left > 0 && f->rate > UINT64_MAX / left ? UINT64_MAX : left * f->rate, more);
    if (fits) {
        (void)say(out, "disk", DOCTOR_OK, "%s of %s are free, %s are kept; at %s a day %u days need %s more", room, size, kept, rate, f->keep_days, more);
        return;
    }
    enum doctor_state state = days < DISK_DAYS_BAD ? DOCTOR_BAD : f->keep_days > 0 || days < DISK_DAYS_WARN ? DOCTOR_WARN : DOCTOR_OK;
    struct doctor_line *line = say(out, "disk", state, "%s of %s are free, %s are kept; at %s a day that lasts %" PRIu64 " days%s%s", room, size, kept, rate,
                                   days, f->keep_days > 0 ? ", and retention needs more: " : "; nothing is ever let go", f->keep_days > 0 ? more : "");
    if (state != DOCTOR_OK) {
        disk_advice(line, f);
    }
}

/* ---- clock ---- */

static void judge_clock(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    if (f->newest_received != TIME_NONE && f->newest_received - f->now > CLOCK_BACK_MAX_S * TIME_SECOND) {
        advise(say(out, "clock", DOCTOR_BAD, "it is %s behind what was received last: it was set back", span_text(f->newest_received - f->now, text)),
               "What comes in now is kept under the newest day until the clock has caught up. Set it right, and let NTP hold it.");
    } else if (!f->clock_known) {
        advise(say(out, "clock", DOCTOR_WARN, "the kernel does not say whether it is synchronised"), "Look at `timedatectl`.");
    } else if (!f->clock_synchronised) {
        advise(say(out, "clock", DOCTOR_WARN, "the kernel says that nobody holds it right"),
               "Start chrony or systemd-timesyncd: legal clocks and correlations go by it. In a container it may be the host that does so.");
    } else if (f->clock_error_us > INT64_C(1000) * CLOCK_ERROR_MAX_MS) {
        advise(say(out, "clock", DOCTOR_WARN, "it may be wrong by %" PRId64 " ms", f->clock_error_us / 1000), "Give NTP servers that can be reached.");
    } else {
        (void)say(out, "clock", DOCTOR_OK, "synchronised, wrong by at most %" PRId64 " ms", f->clock_error_us / 1000);
    }
}

/* ---- chain ---- */

static bool end_is_cut(const struct doctor_facts *f)
{
    return f->knows_end && (!f->has_end || f->end_day < f->known_day || (f->end_day == f->known_day && f->end_link < f->known_link));
}

static const char *const verify_advice = "Run `sereno verify`: it names what was changed, removed or cut off.";

static void judge_chain(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    if (f->archive_why[0] != '\0' || f->records_why[0] != '\0') {
        advise(say(out, "chain", DOCTOR_BAD, "cannot be read: %s", f->archive_why[0] != '\0' ? f->archive_why : f->records_why), "%s", verify_advice);
    } else if (end_is_cut(f)) {
        advise(say(out, "chain", DOCTOR_BAD, "the archive ends before the newest link that the records know"), "%s", verify_advice);
    } else if (f->end_differs) {
        advise(say(out, "chain", DOCTOR_BAD, "the archive's newest link is not the one that the records know"), "%s", verify_advice);
    } else if (!f->has_end) {
        (void)say(out, "chain", DOCTOR_OK, "nothing was kept yet");
    } else if (f->sealed_at == TIME_NONE || f->newest_received - f->sealed_at > SEAL_DAYS_MAX * TIME_DAY) {
        advise(say(out, "chain", DOCTOR_WARN, "its end is where the records say, but it was %s", f->sealed_at == TIME_NONE ? "never sealed" : "not sealed for days"),
               "The node seals once a day: its log says why it does not (seal.failed), keys/seal.key is needed.");
    } else {
        (void)say(out, "chain", DOCTOR_OK, "its end is where the records say, sealed %s ago", span_text(f->now - f->sealed_at, text));
    }
}

static void judge_verified(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    const struct upkeep *v = &f->verified;
    if (f->records_why[0] != '\0') {
        advise(say(out, "verified", DOCTOR_BAD, "not known: %s", f->records_why), "%s", verify_advice);
        return;
    }
    bool never = v->at == TIME_NONE;
    bool old = never ? f->kept_days > YOUNG_DAYS : f->now - v->at > VERIFY_DAYS_MAX * TIME_DAY;
    if (!never && v->faults > 0) {
        advise(say(out, "verified", DOCTOR_BAD, "%s ago, with %" PRIu64 " faults", span_text(f->now - v->at, text), v->faults), "%s", verify_advice);
    } else if (old) {
        advise(say(out, "verified", DOCTOR_WARN, "%s%s", never ? "never" : span_text(f->now - v->at, text), never ? "" : " ago"),
               "Run `sereno verify` about once a month: only it reads every block.");
    } else {
        (void)say(out, "verified", DOCTOR_OK, "%s%s", never ? "not yet; the archive is young" : span_text(f->now - v->at, text), never ? "" : " ago, everything fitted");
    }
}

/* ---- copies elsewhere ---- */

static void judge_backup(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    const struct upkeep *b = &f->backed_up;
    if (f->records_why[0] != '\0') {
        advise(say(out, "backup", DOCTOR_BAD, "not known: %s", f->records_why), "Make one: `sereno backup FILE`.");
        return;
    }
    if (b->at == TIME_NONE) {
        struct doctor_line *line = say(out, "backup", f->kept_days > YOUNG_DAYS ? DOCTOR_BAD : DOCTOR_WARN, "none was ever made");
        advise(line, f->has_recovery_key ? "Make one each week: `sereno backup FILE`." : "First `sereno backup key`, once; then `sereno backup FILE` each week.");
        return;
    }
    time_ns age = f->now - b->at;
    enum doctor_state state = age > BACKUP_DAYS_BAD * TIME_DAY ? DOCTOR_BAD : age > BACKUP_DAYS_WARN * TIME_DAY ? DOCTOR_WARN : DOCTOR_OK;
    struct doctor_line *line = say(out, "backup", state, "%s ago%s, to %s", span_text(age, text), b->faults > 0 ? ", without the archive" : "", b->place);
    if (state != DOCTOR_OK) {
        advise(line, "Make one each week: `sereno backup FILE`.");
    }
}

/* What lies there, and for how long nothing else did. */
static void copy_held(const struct doctor_facts *f, char *out, size_t size)
{
    char bytes[SPAN_TEXT_MAX], text[SPAN_TEXT_MAX];
    if (f->copied.days == 0) {
        (void)snprintf(out, size, "no day lies there yet");
        return;
    }
    (void)snprintf(out, size, "%" PRId64 " days lie there (%s), the last one came %s ago", f->copied.days, bytes_text((uint64_t)f->copied.bytes, bytes),
                   span_text(f->now - f->copied.at, text));
}

static void judge_copy(const struct doctor_facts *f, struct doctor_report *out)
{
    char held[DOCTOR_TEXT_MAX / 3], text[SPAN_TEXT_MAX];
    int64_t late = f->copy_waiting > 0 ? time_day(f->now) - f->copy_oldest : 0;
    const char *place = f->copy_place[0] == '\0' ? "the second copy" : f->copy_place;
    const struct copy_report report = {.place = span_of(f->copy_place), .has_key = f->has_recovery_key, .state = f->copied,
                                       .waiting = f->copy_waiting, .oldest = f->copy_oldest};
    enum copy_health health = copies_health(&report, f->now);
    copy_held(f, held, sizeof held);
    if (f->records_why[0] != '\0') {
        advise(say(out, "copy", DOCTOR_BAD, "not known: %s", f->records_why), "%s", verify_advice);
    } else if (health == COPY_HEALTH_NONE && (f->has_config || f->copied.days == 0)) {
        advise(say(out, "copy", DOCTOR_WARN, "there is no second copy of the archive: between two backups one disk holds all evidence"),
               "Mount another disk and name a folder on it in sereno.yml: copy: {folder: /mnt/safe/sereno}, or a server: copy: {url: 'sftp://user@host/folder', ...}.");
    } else if (health == COPY_HEALTH_NO_KEY) {
        advise(say(out, "copy", DOCTOR_BAD, "%s: nothing can be copied without a recovery key", place), "`sereno backup key`, once.");
    } else if (health == COPY_HEALTH_FAILS || (health == COPY_HEALTH_NONE && f->copied.failed_at != TIME_NONE)) {
        enum doctor_state state = late > COPY_DAYS_BAD ? DOCTOR_BAD : DOCTOR_WARN;
        advise(say(out, "copy", state, "%s: fails for %s: %s; %s", place, span_text(f->now - f->copied.failed_at, text), f->copied.why, held),
               "%s", f->copy_is_remote ? "Look at the server, at its address and keys in sereno.yml and at the room there; it is tried again by itself, and at once after a reload."
                                       : "Mount it, make room there, or look into the node's log; it is tried again every half minute.");
    } else if (health == COPY_HEALTH_LATE) {
        advise(say(out, "copy", late > COPY_DAYS_BAD ? DOCTOR_BAD : DOCTOR_WARN, "%s: %" PRId64 " days are late, the oldest ended %" PRId64 " days ago; %s", place,
                   f->copy_waiting, late - 1, held),
               f->running ? "The node copies what is over and sealed, one day after another: its log says what it does." : "Start the node: it copies what is missing.");
    } else {
        (void)say(out, "copy", DOCTOR_OK, "%s: %s", place, held);
    }
}

/* ---- what goes ---- */

static void judge_retention(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    const struct retention_last *last = &f->let_go;
    bool ahead = f->trusted.state == TIME_AHEAD;
    if (f->records_why[0] != '\0') {
        advise(say(out, "retention", DOCTOR_BAD, "not known: %s", f->records_why), "%s", verify_advice);
    } else if (f->trusted.state != TIME_FITS) {
        advise(say(out, "retention", DOCTOR_BAD, "nothing is let go, of records or logs: the clock stands %s %s the time that was counted last",
                   span_text(ahead ? f->now - f->trusted.newest : f->trusted.newest - f->now, text), ahead ? "after" : "before"),
               "Set the clock right; or, if it is, for instance since the node stood still for so long: `sereno retention clock --reason TEXT`.");
    } else if (last->begun != TIME_NONE && last->why[0] != '\0') {
        advise(say(out, "retention", DOCTOR_BAD, "the last run over records ended early: %s", last->why), "%s", verify_advice);
    } else if (last->passed_by > 0) {
        advise(say(out, "retention", DOCTOR_WARN, "%" PRIu64 " records could not be erased, the first is %s; all others were", last->passed_by, last->passed[0]),
               "The audit trail says why (retention.passed_by). Each run tries again; a record that is damaged has to be put right, or restored.");
    } else if (last->begun == TIME_NONE) {
        (void)say(out, "retention", DOCTOR_OK, "no run over records has ended yet");
    } else if (f->now - last->begun > RETENTION_DAYS_MAX * TIME_DAY && f->running) {
        advise(say(out, "retention", DOCTOR_WARN, "the last run over records was %s ago, and there is one each day", span_text(f->now - last->begun, text)),
               "The node's log says why (records.retention).");
    } else {
        (void)say(out, "retention", DOCTOR_OK, "the last run over records was %s ago: %" PRIu64 " were erased", span_text(f->now - last->begun, text), last->erased);
    }
}

/* ---- sources ---- */

static bool is_silent(const struct doctor_facts *f, const struct doctor_source *s)
{
    return f->running && s->silent_after_s > 0 && (s->last_event == TIME_NONE || f->now - s->last_event > s->silent_after_s * TIME_SECOND);
}

static const char *causes_text(const struct doctor_source *s, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (int why = 0; why < DROP_COUNT && n < size; why++) {
        if (s->drops[why] > 0) {
            n += (size_t)snprintf(out + n, size - n, "%s%" PRId64 " %s", n > 0 ? ", " : "", s->drops[why], drop_text((enum drop_cause)why));
        }
    }
    return out;
}

/* What one source has to say, the worst first; false: nothing. */
static bool one_source(const struct doctor_facts *f, const struct doctor_source *s, struct doctor_report *out)
{
    static const char *const reach = "Is it switched on, and does it reach this machine?";
    char text[SPAN_TEXT_MAX], causes[DOCTOR_TEXT_MAX / 2];
    bool recent = s->last_event != TIME_NONE && f->now - s->last_event < TIME_DAY && s->has_lag;
    if (s->held) {
        advise(say(out, "source", DOCTOR_BAD, "%s is on hold: intakes crashed over it three times", s->name),
               "Look at what it sends, then `sereno source release`.");
    } else if (is_silent(f, s) && s->last_event == TIME_NONE) {
        advise(say(out, "source", DOCTOR_WARN, "%s never sent anything", s->name), "%s", reach);
    } else if (is_silent(f, s)) {
        advise(say(out, "source", DOCTOR_WARN, "%s is silent for %s", s->name, span_text(f->now - s->last_event, text)), "%s", reach);
    } else if (s->dropped_at != TIME_NONE && f->now - s->dropped_at < DROP_HOURS * 3600 * TIME_SECOND) {
        advise(say(out, "source", DOCTOR_WARN, "%s lost records, last %s ago; in all %s", s->name, span_text(f->now - s->dropped_at, text),
                   causes_text(s, causes, sizeof causes)),
               "Send over TCP or HTTP, which wait; or give it larger buffers (above), or more intakes.");
    } else if (recent && s->lag_ms > INT64_C(1000) * LAG_MAX_S) {
        advise(say(out, "source", DOCTOR_WARN, "%s comes late: %s after its own time", s->name, span_text(s->lag_ms * (TIME_SECOND / 1000), text)),
               "A queue on the way, a clock that lags, or a time zone that sereno.yml does not name (zone:).");
    } else if (recent && s->lag_ms < -INT64_C(1000) * LAG_AHEAD_MAX_S) {
        advise(say(out, "source", DOCTOR_WARN, "%s is ahead of its time by %s", s->name, span_text(-s->lag_ms * (TIME_SECOND / 1000), text)),
               "Its clock is set wrongly, or sereno.yml does not name its time zone (zone:).");
    } else {
        return false;
    }
    return true;
}

static void judge_sources(const struct doctor_facts *f, struct doctor_report *out)
{
    char text[SPAN_TEXT_MAX];
    int64_t events = 0, dropped = 0, anomalies = 0, rate = 0;
    time_ns last = TIME_NONE;
    struct doctor_report each = {0};
    size_t wrong = 0;
    if (f->records_why[0] != '\0') {
        advise(say(out, "sources", DOCTOR_BAD, "not known: %s", f->records_why), "%s", verify_advice);
        return;
    }
    for (size_t i = 0; i < f->sources.len; i++) {
        const struct doctor_source *s = &f->sources.data[i];
        events += s->events;
        dropped += s->dropped;
        anomalies += s->anomalies;
        rate += s->rate_milli;
        last = s->last_event > last ? s->last_event : last;
        wrong += one_source(f, s, &each);
    }
    struct doctor_line *line = say(out, "sources", last == TIME_NONE ? DOCTOR_WARN : DOCTOR_OK,
                                   "%zu, with %" PRId64 " events, %" PRId64 " of them odd; %" PRId64 " were lost; %" PRId64
                                   ".%" PRId64 " a second%s; the last one %s%s; %zu want a look",
                                   f->sources.len, events, anomalies, dropped, rate / 1000, rate % 1000 / 100, f->running ? "" : " at the end",
                                   last == TIME_NONE ? "never came" : span_text(f->now - last, text), last == TIME_NONE ? "" : " ago", wrong);
    if (last == TIME_NONE) {
        advise(line, "Point a log at this node: the page \"Sources\" says how.");
    }
    for (size_t i = 0; i < each.lines.len && i < DOCTOR_SOURCE_LINES_MAX; i++) {
        vec_push(&out->lines, each.lines.data[i]);
    }
    vec_free(&each.lines);
}

/* ---- limits ---- */

static void judge_buffers(const struct doctor_facts *f, struct doctor_report *out)
{
    char asked[SPAN_TEXT_MAX], most[SPAN_TEXT_MAX];
    (void)bytes_text((uint64_t)f->udp_asked, asked);
    (void)bytes_text((uint64_t)f->udp_most, most);
    if (f->has_config && f->udp_sources == 0) {
        (void)say(out, "buffers", DOCTOR_OK, "no source is UDP");
    } else if (f->udp_most < 0) {
        advise(say(out, "buffers", DOCTOR_WARN, "the kernel does not say how large a socket's buffer may be"), "Look at `sysctl net.core.rmem_max`.");
    } else if (f->udp_forced || f->udp_most >= f->udp_asked) {
        (void)say(out, "buffers", DOCTOR_OK, "a UDP socket gets the %s that are asked for", asked);
    } else {
        advise(say(out, "buffers", DOCTOR_WARN, "a UDP socket asks for %s and gets %s: a burst of syslog is lost sooner", asked, most),
               "`sysctl -w net.core.rmem_max=%" PRId64 "`, and the same in /etc/sysctl.d; or let the service have CAP_NET_ADMIN.", f->udp_asked);
    }
}

static void judge_files(const struct doctor_facts *f, struct doctor_report *out)
{
    static const char *const advice = "Raise LimitNOFILE= of the service (or `ulimit -n`).";
    if (f->files_most < 0) {
        (void)say(out, "files", DOCTOR_OK, "the node's processes do not let this user count them");
    } else if (f->files_open == 0) {
        enum doctor_state state = f->files_most < FILES_LEAST ? DOCTOR_WARN : DOCTOR_OK;
        struct doctor_line *line = say(out, "files", state, "a process may have %" PRId64 " open", f->files_most);
        if (state != DOCTOR_OK) {
            advise(line, "%s", advice);
        }
    } else {
        int64_t percent = f->files_open * 100 / (f->files_most > 0 ? f->files_most : 1);
        enum doctor_state state = percent >= FILES_PERCENT_BAD ? DOCTOR_BAD : percent >= FILES_PERCENT_WARN ? DOCTOR_WARN : DOCTOR_OK;
        struct doctor_line *line = say(out, "files", state, "%s has %" PRId64 " of %" PRId64 " open, the most of all processes", f->files_role, f->files_open, f->files_most);
        if (state != DOCTOR_OK) {
            advise(line, "%s", advice);
        }
    }
}

static void judge_memory(const struct doctor_facts *f, struct doctor_report *out)
{
    char room[SPAN_TEXT_MAX], size[SPAN_TEXT_MAX], used[SPAN_TEXT_MAX];
    if (f->memory_free < 0) {
        advise(say(out, "memory", DOCTOR_WARN, "the kernel does not say how much is free"), "Look at /proc/meminfo.");
        return;
    }
    (void)bytes_text((uint64_t)f->memory_free, room);
    (void)bytes_text((uint64_t)f->memory_size, size);
    (void)bytes_text((uint64_t)f->memory_used, used);
    enum doctor_state state = f->memory_free < MEMORY_FREE_BAD_MIB * MIB ? DOCTOR_BAD : f->memory_free < MEMORY_FREE_WARN_MIB * MIB ? DOCTOR_WARN : DOCTOR_OK;
    struct doctor_line *line = f->memory_used > 0 ? say(out, "memory", state, "%s of %s are free; the node's processes hold %s", room, size, used)
                                                  : say(out, "memory", state, "%s of %s are free", room, size);
    if (state != DOCTOR_OK) {
        advise(line, "The kernel ends processes when there is none: give the machine more, or move other services away.");
    }
}

void doctor_judge(const struct doctor_facts *f, struct doctor_report *out)
{
    static void (*const checks[])(const struct doctor_facts *, struct doctor_report *) = {
        judge_node,   judge_sandbox, judge_rules,   judge_disk,    judge_clock,   judge_chain, judge_verified,
        judge_backup, judge_copy, judge_retention, judge_sources, judge_buffers, judge_files, judge_memory,
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        checks[i](f, out);
    }
}

enum doctor_state doctor_worst(const struct doctor_report *r)
{
    enum doctor_state worst = DOCTOR_OK;
    for (size_t i = 0; i < r->lines.len; i++) {
        worst = r->lines.data[i].state > worst ? r->lines.data[i].state : worst;
    }
    return worst;
}

const char *doctor_state_name(enum doctor_state state)
{
    static const char *const names[] = {"ok", "warn", "bad"};
    CHECK(state < ARRAY_LEN(names));
    return names[state];
}

void doctor_facts_free(struct doctor_facts *f)
{
    vec_free(&f->sources);
    vec_free(&f->copied_days);
}
