/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of a daemon on the loop: however much it has to do, the loop's other handles have their turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/mhd_loop.h"
#include "base/check.h"

enum { TURNS_MAX = 50 }; /* of the daemon before the other handle is served: it is ready from the start */

static struct mhd_loop server;
static uv_poll_t other;
static unsigned turns;
static bool served, closed;

/* An answer without an end, a byte at a time; each byte asks for another turn, as a resumed connection does. */
static ssize_t one_byte(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)cls;
    (void)pos;
    (void)max;
    if (served || ++turns > TURNS_MAX) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    mhd_loop_kick(&server);
    buf[0] = 'x';
    return 1;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **con_cls)
{
    (void)cls, (void)url, (void)method, (void)version, (void)data, (void)data_size, (void)con_cls;
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64, one_byte, NULL, NULL);
    enum MHD_Result rc = MHD_queue_response(connection, 200, r);
    MHD_destroy_response(r);
    return rc;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void on_other(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    if (turns > 0) { /* amid the answer */
        served = true;
        (void)uv_poll_stop(poll);
        uv_close((uv_handle_t *)poll, NULL);
        mhd_loop_end(&server, on_closed, &closed);
    }
}

static void a_busy_server_shuts_nobody_out(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    uv_loop_t loop;
    struct err e = {0};
    int client[2], news[2];
    struct sockaddr address = {.sa_family = AF_UNIX};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
    assert_int_equal(pipe(news), 0);
    assert_int_equal(write(news[1], "x", 1), 1);
    assert_int_equal(write(client[0], request, sizeof request - 1), sizeof request - 1);
    MUST(uv_loop_init(&loop));
    server.daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, mhd_loop_log,
        (void *)(uintptr_t)"test", MHD_OPTION_END);
    assert_non_null(server.daemon);
    assert_int_equal(MHD_add_connection(server.daemon, client[1], &address, sizeof address), MHD_YES);
    assert_int_equal(mhd_loop_join(&server, &loop, &e), 0);
    MUST(uv_poll_init(&loop, &other, news[0]));
    MUST(uv_poll_start(&other, UV_READABLE, on_other));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(served && closed);
    assert_in_range(turns, 1, TURNS_MAX);
    MUST(uv_loop_close(&loop));
    (void)close(client[0]);
    (void)close(news[0]);
    (void)close(news[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_busy_server_shuts_nobody_out)};
    return cmocka_run_group_tests_name("server on the loop", tests, NULL, NULL);
}
