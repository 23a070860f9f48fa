/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: one syslog message. Every span handed out must lie inside the line. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span whole, struct span part)
{
    CHECK(part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct syslog_msg m;
    struct span line = span_make((const char *)data, size);
    struct syslog_context context = {.received = INT64_C(1795309200) * TIME_SECOND};
    syslog_parse(line, &context, &m);
    inside(line, m.time_text);
    inside(line, m.hostname);
    inside(line, m.appname);
    inside(line, m.procid);
    inside(line, m.msgid);
    inside(line, m.message);
    CHECK(m.facility <= 23 && m.severity <= 7 && m.param_count <= SYSLOG_PARAMS_MAX);
    for (size_t i = 0; i < m.param_count; i++) {
        inside(line, m.params[i].id);
        inside(line, m.params[i].value);
        char *plain = mem_alloc(m.params[i].value.len);
        CHECK(syslog_unescape(m.params[i].value, plain) <= m.params[i].value.len);
        mem_free(plain);
    }
    return 0;
}
