/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents from anybody under the Chatham House Rule. The first line of the input is the identities, parted by tabs,
 * the rest a document: what comes out can be read again, names none of them in any text, and holds no member that tells who.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "policy/chr.h"
#include "wire/jcs.h"

enum { IDENTITIES = 16, OUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct jcs *v, const struct span *identities, uint32_t n)
{
    bool removed = v->kind == JCS_TEXT && span_eq(v->text, SPAN(POLICY_CHR_REMOVED));
    CHECK(v->kind != JCS_TEXT || removed || !policy_chr_names(v->text, identities, n));
    for (const struct jcs *m = v->kind == JCS_OBJECT || v->kind == JCS_ARRAY ? v->first : NULL; m != NULL; m = m->next) {
        CHECK(v->kind != JCS_OBJECT || (!span_eq(m->key, SPAN("author")) && !policy_chr_names(m->key, identities, n)));
        look(m, identities, n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);
    ptrdiff_t end = span_find(all, '\n');
    struct span line = span_sub(all, 0, end < 0 ? 0 : (size_t)end);
    struct span identities[IDENTITIES];
    struct policy_chr rule = {.identities = identities, .key = {7}};
    struct policy_chr_report report;
    struct jcs *back = NULL;
    struct arena a;
    struct buf out;
    struct err e = {0};
    while (line.len > 0 && rule.nidentities < IDENTITIES) {
        ptrdiff_t tab = span_find(line, '\t');
        identities[rule.nidentities++] = span_sub(line, 0, tab < 0 ? line.len : (size_t)tab);
        line = tab < 0 ? SPAN("") : span_sub(line, (size_t)tab + 1, line.len);
    }
    arena_init(&a, 0);
    buf_init(&out, OUT_MAX);
    int rc = policy_chr_export(span_sub(all, (size_t)(end + 1), all.len), &rule, &a, &out, &report, &e);
    CHECK(rc == 0 || out.len == 0);
    if (rc == 0) {
        CHECK(jcs_read(&a, buf_view(&out), POLICY_CHR_DEPTH_MAX, &back, &e) == 0);
        look(back, identities, rule.nidentities);
    }
    buf_free(&out);
    arena_fini(&a);
    return 0;
}
