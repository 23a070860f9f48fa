/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * P5 over the bytes of the route: whatever an item says, and however it writes names of its author, of people and members
 * of its circle, or of what whoever exports adds, none of them is found in what items_export_json makes of it. Names are
 * looked for in another way than the product's. SERENO_CASES says how many cases.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "api/items.h"
#include "base/test_cases.h"
#include "desk/federation/item_export.h"
#include "desk/federation/test_world.h"

enum { CASES_DEFAULT = 2000, OUT_MAX = 1 << 20, WORDS_MAX = 40, ROUND = 64 };

#define ADDED_DOMAIN "zephyrgate.example"
#define ADDED_ADDRESS "10.77.31.204"
/* What a text may call them, and what must not be found: the city by its bare name, too. */
static const char *const planted[] = {"City of Quondarville", "Quondarville", "Wilhelmina Oxblood", "Gothmog Socson", "Cville",
                                      "Eville",               ADDED_DOMAIN,   ADDED_ADDRESS};
static const char *const sought[] = {"Quondarville", "Wilhelmina Oxblood", "Gothmog Socson", "Cville", "Eville", ADDED_DOMAIN, ADDED_ADDRESS};

static uint64_t rng;
static struct world w;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* A name as somebody might write it: other case, something between its letters. */
static void plant(struct buf *b, const char *name)
{
    static const char *const between[] = {"", "", "", "", "", "", "-", "_", ".", " ", "'", "\n"};
    for (const char *p = name; *p != '\0'; p++) {
        buf_u8(b, (uint8_t)(below(2) == 0 ? ascii_lower(*p) : *p));
        buf_cstr(b, p[1] == '\0' ? "" : between[below(ARRAY_LEN(between))]);
    }
}

static void some_text(struct buf *b)
{
    static const char *const words[] = {"mail ", "from ", "(", "https://", "@", "was ", "\"", "\\", "\n", "T", ". ", "{\"author\":\"", "caf\xc3\xa9 "};
    for (uint32_t n = 1 + below(WORDS_MAX); n > 0; n--) {
        if (below(4) == 0) {
            plant(b, planted[below(ARRAY_LEN(planted))]);
        } else {
            buf_cstr(b, words[below(ARRAY_LEN(words))]);
        }
    }
}

/* Letters and digits alone, in lower case, searched as they are. */
static bool found(struct span text, struct span name)
{
    static char flat[OUT_MAX];
    char want[128];
    size_t n = 0, k = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_lower(text.ptr[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            flat[n++] = c;
        }
    }
    for (size_t i = 0; i < name.len && k < sizeof want; i++) {
        char c = ascii_lower(name.ptr[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            want[k++] = c;
        }
    }
    return memmem(flat, n, want, k) != NULL;
}

static void export_one(struct arena *a, struct span title, struct span body, struct buf *out)
{
    static const struct span also[] = {SPAN(ADDED_DOMAIN), SPAN(ADDED_ADDRESS), SPAN("--"), SPAN("")};
    const struct fed_item_row row = {
        .id = SPAN("0197f3c0-0000-7000-8000-000000000001"), .circle = SPAN("isac"), .author = span_of(w.nodes[3].node),
        .author_org = SPAN("City of Quondarville"), .person = SPAN("Wilhelmina Oxblood"), .kind = SPAN("story"), .title = title, .body = body,
        .derived = SPAN("[]"), .tlp = SPAN("AMBER"), .pap = SPAN("AMBER"), .state = SPAN("current"), .version = 1, .epoch = 1, .mine = 1,
        .audience = span_of(arena_printf(a, "{\"persons\":[{\"name\":\"Gothmog Socson\",\"node\":\"%s\"}]}", w.nodes[2].node)),
        .created = (time_ns)WORLD_NOW_S * TIME_SECOND, .expires = ((time_ns)WORLD_NOW_S + 86400) * TIME_SECOND};
    struct fed_export x = {.row = &row, .m = world_newest(&w), .also = also, .nalso = ARRAY_LEN(also)};
    struct policy_chr_report report;
    struct json_writer j;
    struct buf document;
    struct err e = {0};
    memcpy(x.key, &rng, sizeof rng);
    buf_init(&document, OUT_MAX);
    if (fed_item_export(a, &x, &document, &report, &e) != 0) {
        (void)fprintf(stderr, "not exported: %s\n", e.text);
        exit(1);
    }
    json_writer_init(&j, out);
    items_export_json(&j, buf_view(&document), &report);
    buf_free(&document);
}

int main(void)
{
    struct arena a;
    struct buf title, body, out;
    uint64_t hits = 0;
    CHECK(sodium_init() >= 0);
    world_init(&w, false);
    arena_init(&a, 1 << 20);
    buf_init(&title, OUT_MAX);
    buf_init(&body, OUT_MAX);
    buf_init(&out, OUT_MAX);
    uint64_t cases = test_cases(CASES_DEFAULT);
    for (uint64_t seed = 1; seed <= cases; seed++) {
        rng = seed;
        buf_clear(&title);
        buf_clear(&body);
        buf_clear(&out);
        some_text(&title);
        some_text(&body);
        export_one(&a, buf_view(&title), buf_view(&body), &out);
        for (size_t i = 0; i < ARRAY_LEN(sought); i++) {
            hits += found(buf_view(&body), span_of(sought[i])) ? 1 : 0;
            if (found(buf_view(&out), span_of(sought[i]))) {
                (void)fprintf(stderr, "seed %llu: %s is left in\n%.*s\n", (unsigned long long)seed, sought[i], SPAN_ARG(buf_view(&out)));
                return 1;
            }
        }
        for (uint32_t i = 0; i < WORLD_NODES; i++) {
            CHECK(!found(buf_view(&out), span_of(w.nodes[i].node)));
        }
        if (seed % ROUND == 0) {
            arena_reset(&a);
        }
    }
    (void)printf("%llu items, %llu names in them, none left\n", (unsigned long long)cases, (unsigned long long)hits);
    buf_free(&title);
    buf_free(&body);
    buf_free(&out);
    arena_fini(&a);
    world_fini(&w);
    return hits > cases / 2 ? 0 : 1;
}
