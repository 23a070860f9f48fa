/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target of push and pull bodies, and of requests for the courier: whatever is read stays inside its
 * input, is dense and small enough, and reads back the same when written again. */
#include "desk/federation/batch.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "desk/federation/carry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct batch one, two;

static void check(struct span body, bool pull)
{
    struct buf out;
    int rc = pull ? batch_read_pull(body, &one, NULL) : batch_read_push(body, &one, NULL);
    if (rc < 0) {
        return;
    }
    for (uint32_t i = 0; i < one.count; i++) {
        struct span e = one.items[i].envelope;
        CHECK(e.ptr >= body.ptr && e.ptr + e.len <= body.ptr + body.len && e.len >= 2);
        CHECK(e.ptr[0] == '{' && (e.ptr[e.len - 1] == '}' || e.ptr[e.len - 1] == ']'));
        CHECK(i == 0 || one.items[i].seq == one.items[i - 1].seq + 1);
    }
    buf_init(&out, body.len + 64 * (one.count + 1));
    pull ? batch_write_pull(&one, &out) : batch_write_push(&one, &out);
    CHECK(!out.failed);
    rc = pull ? batch_read_pull(buf_view(&out), &two, NULL)
              : batch_read_push(buf_view(&out), &two, NULL);
    CHECK(rc == 0 && two.count == one.count && two.epoch == one.epoch);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = mem_alloc(size + 1); /* what is read beyond the end shows */
    struct fed_carry carry;
    struct fed_carried carried;
    memcpy(exact, data, size);
    struct span body = span_make(exact, size);
    check(body, false);
    check(body, true);
    struct cursor in = cursor_of(body);
    fed_carry_decode(&in, &carry);
    in = cursor_of(body);
    fed_carried_decode(&in, &carried);
    mem_free(exact);
    return 0;
}
