/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as what a directory said, as a distinguished name, as an id and in a filter: refused, or what comes out holds its promise. */
#include <stdint.h>
#include <string.h>

#include "desk/identity/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was folded folds to itself, and an escape of everything leaves nothing that could end a filter. */
static void texts(struct span s)
{
    struct buf once, twice;
    buf_init(&once, 4 * DIRECTORY_DN_MAX);
    buf_init(&twice, 4 * DIRECTORY_DN_MAX);
    if (directory_dn_fold(&once, s) && once.len <= DIRECTORY_DN_MAX) {
        CHECK(directory_dn_fold(&twice, buf_view(&once)) && span_eq(buf_view(&once), buf_view(&twice)));
        CHECK(directory_dn_same(s, buf_view(&once)));
    }
    buf_clear(&twice);
    directory_filter_equals(&twice, SPAN("uid"), s);
    struct span f = buf_view(&twice);
    for (size_t i = 1; !twice.failed && i + 1 < f.len; i++) {
        CHECK(f.ptr[i] != '(' && f.ptr[i] != ')' && f.ptr[i] != '*' && f.ptr[i] != '\0');
    }
    buf_free(&once);
    buf_free(&twice);
}

static void ids(struct span attribute, struct span s)
{
    char text[DIRECTORY_ID_TEXT_MAX], back[DIRECTORY_ID_MAX], again[DIRECTORY_ID_TEXT_MAX];
    size_t n = 0, m = 0, k = 0;
    if (directory_id_text(attribute, s, text, &n)) {
        CHECK(directory_id_value(attribute, span_make(text, n), back, &m));
        CHECK(directory_id_text(attribute, span_make(back, m), again, &k) && k == n && memcmp(text, again, n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    static struct provider_role rows[] = {{SPAN("CN=soc,DC=x"), SPAN("analyst"), SPAN("*")}};
    const struct directory d = {.roles = rows, .nroles = 1};
    struct span s = span_make((const char *)data, size);
    struct directory_answer f;
    struct directory_url url;
    struct err e = {0};
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    texts(s);
    ids(SPAN("objectGUID"), s);
    ids(SPAN("entryUUID"), s);
    if (directory_url_parse(s, &url, &e) == 0) {
        CHECK(url.host.len > 0 && url.port > 0);
    }
    struct cursor in = cursor_of(s);
    directory_answer_decode(&in, &a, &f);
    if (cursor_done(&in) && f.said == DIRECTORY_FOUND) {
        const struct provider_role *role = directory_role(&d, &f.entry);
        bool is_in = false;
        for (uint32_t i = 0; i < f.entry.ngroups; i++) {
            is_in |= directory_dn_same(f.entry.groups[i], rows[0].group);
        }
        CHECK((role != NULL) == is_in);
        (void)directory_barred(&f.entry, 0);
    }
    arena_reset(&a);
    return 0;
}
