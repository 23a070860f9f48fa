/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any bytes as what super, compiler, courier and the other roles tell one another, and as what is read out of a day file beside blocks: refused, or the
 * same when it is written and read again. The first byte chooses the reader; rows are only added at the end, or the corpus loses its meaning.
 */
#include <stdint.h>
#include <string.h>

#include "archive/export_page.h"
#include "archive/stretch.h"
#include "desk/identity/fetch.h"
#include "desk/notify/notify.h"
#include "event/alert.h"
#include "flow/hunt/hunt_skips.h"
#include "flow/receive/follow.h"
#include "roles/bundle.h"
#include "roles/config.h"
#include "roles/copy_place.h"
#include "roles/doctor_told.h"
#include "roles/node_status.h"
#include "roles/role.h"
#include "roles/rules_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a reader leaves unset must not be written: a byte of 0xaa is no truth value, and no number that would fit. */
enum { UNSET = 0xaa, ROOM = 4 << 20 };

/* Writes what it reads; nothing: it is refused. */
typedef void reader(struct span bytes, struct arena *a, struct buf *b);

#define READ_WHOLE(name, type)                                                                                                                       \
    static void read_##name(struct span bytes, struct arena *a, struct buf *b)                                                                       \
    {                                                                                                                                                \
        struct cursor c = cursor_of(bytes);                                                                                                          \
        struct type out;                                                                                                                             \
        (void)a;                                                                                                                                     \
        memset(&out, UNSET, sizeof out);                                                                                                             \
        name##_decode(&c, &out);                                                                                                                     \
        if (cursor_done(&c)) {                                                                                                                       \
            name##_encode(b, &out);                                                                                                                  \
        }                                                                                                                                            \
    }
READ_WHOLE(copy_place, copy_place)
READ_WHOLE(doctor_told, doctor_told)
READ_WHOLE(export_place, export_place)
READ_WHOLE(export_window, export_window)
READ_WHOLE(fetch, fetch)
READ_WHOLE(fetched, fetched)
READ_WHOLE(node_status, node_status)

static void read_notice(struct span bytes, struct arena *a, struct buf *b)
{
    struct cursor c = cursor_of(bytes);
    struct notice n;
    (void)a;
    notice_decode(&c, &n);
    if (cursor_done(&c)) {
        CHECK(n.way < NOTICE_WAY_COUNT && n.text.len <= NOTIFY_TEXT_MAX);
        buf_span(b, bytes);
    }
}

static void read_alert(struct span bytes, struct arena *a, struct buf *b)
{
    struct cursor c = cursor_of(bytes);
    struct alert out;
    if (alert_decode(&c, a, &out, NULL) == 0 && cursor_done(&c)) {
        alert_encode(b, &out);
    }
}

static void read_fd(struct span bytes, struct arena *a, struct buf *b)
{
    struct role_fd f;
    (void)a;
    memset(&f, UNSET, sizeof f);
    if (role_fd_decode(bytes, &f, NULL) == 0) {
        role_fd_encode(b, &f);
    }
}

static void read_position(struct span bytes, struct arena *a, struct buf *b)
{
    struct follow_position p;
    (void)a;
    if (follow_position_decode(bytes, &p)) {
        follow_position_encode(b, &p);
    }
}

static void read_bundle(struct span bytes, struct arena *a, struct buf *b)
{
    struct bundle files;
    (void)a;
    bundle_init(&files);
    if (bundle_decode(&files, bytes, NULL) == 0) {
        bundle_encode(&files, b);
    }
    bundle_fini(&files);
}

/* What a role is told of the config: to write it again is super's, who knows more. */
static void read_config(struct span bytes, struct arena *a, struct buf *b)
{
    struct config c;
    struct buf again;
    (void)a;
    config_init(&c);
    if (config_decode(&c, bytes, NULL) == 0) {
        for (int role = 0; role < ROLE_COUNT; role++) {
            buf_init(&again, ROOM);
            config_encode(&c, (enum role_id)role, &again);
            buf_free(&again);
        }
        buf_span(b, bytes);
    }
    config_fini(&c);
}

static void read_rules_done(struct span bytes, struct arena *a, struct buf *b)
{
    struct cursor c = cursor_of(bytes);
    struct rules_done d;
    (void)a;
    memset(&d, UNSET, sizeof d);
    rules_done_decode(&c, &d);
    if (!c.failed) {
        rules_done_encode(b, &d);
    }
    for (uint32_t i = 0; i < d.listed && !c.failed; i++) {
        struct rules_refusal r;
        rules_refusal_decode(&c, &r);
        if (!c.failed) {
            rules_refusal_encode(b, &r);
        }
    }
    b->failed = b->failed || !cursor_done(&c);
}

static void read_told(struct span bytes, struct arena *a, struct buf *b)
{
    struct rules_told t;
    struct buf done;
    (void)a;
    if (rules_told_open(&t, bytes, NULL) != 0) {
        return;
    }
    for (; rules_told_more(&t); rules_told_next(&t)) {
        rules_told_rule(b, t.rule);
    }
    buf_init(&done, ROOM);
    buf_u64(&done, 0); /* the generation, which it leaves out */
    buf_span(&done, t.done);
    rules_told_done(b, buf_view(&done));
    buf_free(&done);
}

static void read_skips(struct span bytes, struct arena *a, struct buf *b)
{
    struct hunt_skip *list = arena_calloc(a, HUNT_SKIPS_CLASSES_MAX + 1, sizeof *list);
    uint32_t n = 0;
    if (hunt_skips_decode(bytes, list, &n, NULL) == 0) {
        CHECK(n <= HUNT_SKIPS_CLASSES_MAX + 1);
        buf_span(b, bytes);
    }
}

/* u32 first link, u32 last, the packed table. */
static void read_stretch(struct span bytes, struct arena *a, struct buf *b)
{
    struct cursor c = cursor_of(bytes);
    struct stretch s;
    uint32_t first = cursor_u32(&c), last = cursor_u32(&c);
    if (stretch_decode(first, last, cursor_take(&c, cursor_left(&c)), a, &s, NULL) == 0) {
        buf_u32(b, s.first);
        buf_u32(b, s.last);
        stretch_encode(&s, b);
    }
}

static reader *const readers[] = {
    read_alert, read_bundle, read_config, read_copy_place, read_doctor_told, read_export_place, read_export_window, read_fd, read_fetch, read_fetched,
    read_node_status, read_notice, read_position, read_rules_done, read_skips, read_stretch, read_told,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, twice;
    struct arena a;
    if (size < 1 || data[0] >= ARRAY_LEN(readers)) {
        return 0;
    }
    buf_init(&once, ROOM);
    buf_init(&twice, ROOM);
    arena_init(&a, 0);
    readers[data[0]](span_make((const char *)data + 1, size - 1), &a, &once);
    if (!once.failed && once.len > 0) {
        readers[data[0]](buf_view(&once), &a, &twice);
        CHECK(!twice.failed && span_eq(buf_view(&once), buf_view(&twice)));
    }
    arena_fini(&a);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
