/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Fuzz target of what the desk reads from requests: the first byte chooses address, form, JSON body
 * or headers ("name: value" lines). What is accepted must keep the promises of uri.h and head.h.
 * And the document of an issued brief, as it is kept: what is read again makes pages without markup of its own.
 */
#include "api/api_priv.h"
#include "api/brief.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pairs(const struct uri_pairs *p)
{
    CHECK(p->count <= URI_PAIRS_MAX);
    for (size_t i = 0; i < p->count; i++) {
        CHECK(utf8_valid(p->pair[i].name) && utf8_valid(p->pair[i].value));
        CHECK(memchr(p->pair[i].value.ptr, '\0', p->pair[i].value.len) == NULL);
        for (size_t k = 0; k < i; k++) {
            CHECK(!span_eq(p->pair[i].name, p->pair[k].name));
        }
    }
}

static void feed_head(struct span text)
{
    static const struct head_policy policy = {0};
    struct head h = {0};
    while (text.len > 0 && h.count < HEAD_FIELDS_MAX) {
        ptrdiff_t end = span_find(text, '\n');
        struct span one = span_sub(text, 0, end < 0 ? text.len : (size_t)end);
        text = end < 0 ? SPAN("") : span_sub(text, (size_t)end + 1, text.len);
        ptrdiff_t colon = span_find(one, ':');
        if (colon > 0) {
            h.field[h.count++] =
                (struct head_field){span_sub(one, 0, (size_t)colon),
                                    span_trim(span_sub(one, (size_t)colon + 1, one.len))};
        }
    }
    struct head_verdict v = head_check(&h, &policy, SPAN("HTTP/1.1"), true, 1000);
    CHECK(v.status == 0 || (v.code != NULL && v.message != NULL));
    (void)head_cookie(&h, SPAN("sereno_session"));
}

/* No script of the document's: a page has none of its own either. */
static void check_page(struct buf *b)
{
    CHECK(memmem(b->data, b->len, "<script", 7) == NULL);
    buf_free(b);
}

static void feed_brief(struct span document, struct arena *arena)
{
    static struct registers *kinds;
    static struct brief_paper paper;
    const struct policy_reader reader = {.kind = READER_PERSON, .person = SPAN("p"), .organisation = SPAN("town"), .in_house = true, .whole_node = true,
                                         .roles = POLICY_ROLE_ADMINISTRATOR, .may = UINT32_MAX};
    const struct brief_chrome chrome = {.words = words_default()};
    const time_ns now = 1800000000 * TIME_SECOND;
    struct buf b;
    kinds = kinds == NULL ? registers_load(NULL, 0) : kinds;
    paper = (struct brief_paper){.issued = {.id = SPAN("01890a5d-ac96-774b-bcce-b302099a8057"), .organisation = SPAN("town"), .number = 1, .issued = now, .who = SPAN("w"),
                                            .who_id = SPAN("w"), .first_day = SPAN("2026-11-01"), .last_day = SPAN("2026-11-30"), .tlp = TLP_AMBER_STRICT,
                                            .withdrawn = TIME_NONE, .document = document}};
    if (!brief_thaw(kinds, &reader, now, arena, &paper)) {
        return;
    }
    CHECK(paper.b.nfigures + paper.hidden <= BRIEF_FIGURES_MAX + BRIEF_TABLE_COUNT);
    brief_paper_page(&b, &paper, &chrome);
    check_page(&b);
    for (uint32_t i = 0; i < paper.b.nfigures; i++) {
        struct brief_figure_now f = {.paper = &paper, .figure = i, .plural = SPAN("risks"), .asked = true};
        brief_compare(&f, arena);
        CHECK(f.n == paper.counted[i].n);
        brief_figure_page(&b, &f, &chrome);
        check_page(&b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct uri u;
    struct err e;
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    arena_init(&arena, 0);
    switch (data[0] % 5) {
    case 0:
        if (uri_parse(text, &arena, &u, &e) == 0) {
            CHECK(u.path.len > 0 && u.path.ptr[0] == '/' && utf8_valid(u.path));
            CHECK(memmem(u.path.ptr, u.path.len, "/../", 4) == NULL);
            check_pairs(&u.query);
        }
        break;
    case 1:
        if (uri_parse_form(text, &arena, &u.query, &e) == 0) {
            check_pairs(&u.query);
        }
        break;
    case 2:
        if (fields_from_json(text, &arena, &u.query, &e) == 0) {
            check_pairs(&u.query);
        }
        break;
    case 3:
        feed_head(text);
        break;
    default:
        feed_brief(text, &arena);
    }
    arena_fini(&arena);
    return 0;
}
