/* SPDX-License-Identifier: EUPL-1.2 */
/* Languages: which one a header wants, and sentences with values in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desk/words/words.h"

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *language;
    } cases[] = {
        {"", "en"},
        {"es", "es"},
        {"ES-mx", "es"},
        {"es-419,es;q=0.9,en;q=0.8", "es"},
        {"en-GB,es;q=0.9", "en"},
        {"eu, gl;q=0.9, es;q=0.3, en;q=0.2", "es"},
        {"en;q=0.2 , es;q=0.20", "en"}, /* alike: the first */
        {"en;q=0.1,es;q=0.123", "es"},
        {"es;q=0", "en"},
        {"es;q=0.000,pt", "en"},
        {"hr-HR,hr;q=0.9", "hr"},
        {"pt,bg;q=0.4,de;q=0.5", "de"},
        {"*", "en"},
        {"es;q=2,en;q=0.1", "en"},
        {"es;q=0.1234", "en"},
        {"es;q=-1", "en"},
        {"es;q=", "en"},
        {"es;level=1", "en"},
        {"esp", "en"},
        {",,;,=;q=,es", "es"},
        {"x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,es", "en"}, /* so far nobody looks */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(words_accept(span_of(cases[i].header))->language, cases[i].language);
    }
    assert_null(words_of(SPAN("xx")));
    assert_null(words_of(SPAN("")));
    assert_string_equal(words_of(SPAN("es-ES"))->language, "es");
}

static void shout(struct buf *b, struct span value)
{
    buf_printf(b, "<%.*s>", SPAN_ARG(value));
}

static void sentences(void **state)
{
    (void)state;
    const struct words_value values[] = {{"circle", SPAN("Lake {author} cities")}, {"author", SPAN("Ahus")}, {"unused", SPAN("x")}};
    struct buf b;
    buf_init(&b, 4096);
    words_write(&b, words_default(), WORD_LETTER_FROM, values, 3, shout);
    assert_true(span_eq(buf_view(&b), SPAN("From <Ahus> to the members of <Lake {author} cities>.")));
    buf_clear(&b);
    words_write(&b, words_of(SPAN("es")), WORD_LETTER_FROM, values, 1, shout); /* the value that is missing is left out */
    assert_true(span_eq(buf_view(&b), SPAN("De  a los miembros de <Lake {author} cities>.")));
    buf_free(&b);
    for (size_t i = 0; i < words_languages; i++) {
        for (size_t k = 0; k < WORD_COUNT; k++) {
            assert_true(words_table[i].text[k][0] != '\0');
        }
    }
}

/* Every reason for which a value is refused has a sentence in every language, with its limit in it where one is told. */
static void faults(void **state)
{
    (void)state;
    static const struct {
        enum schema_reason reason;
        const char *language, *said;
    } cases[] = {
        {SCHEMA_MINIMUM, "en", "This must be <0> or more."},
        {SCHEMA_MISSING, "es", "Falta «<0>»."},
        {SCHEMA_ENUM, "en", "This is none of the values to choose from."},
    };
    const struct words_value limit = {"limit", SPAN("0")};
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&b);
        words_write(&b, words_of(span_of(cases[i].language)), words_of_fault(cases[i].reason), &limit, 1, shout);
        assert_true(span_eq(buf_view(&b), span_of(cases[i].said)));
    }
    for (size_t i = 0; i < words_languages; i++) {
        for (unsigned r = 0; r < SCHEMA_REASON_COUNT; r++) {
            for (unsigned other = 0; other < r; other++) { /* no two are told alike */
                assert_string_not_equal(words_table[i].text[words_of_fault((enum schema_reason)r)],
                                        words_table[i].text[words_of_fault((enum schema_reason)other)]);
            }
        }
    }
    buf_free(&b);
}

/* English of the code, said in the language of the reader; a number goes through `put`, and nothing else passes for one. */
static void said(void **state)
{
    (void)state;
    static const struct {
        const char *english, *language, *said; /* said NULL: not one of ours */
    } cases[] = {
        {"There is nothing here.", "de", "Hier ist nichts."},
        {"There is nothing here.", "en", "There is nothing here."},
        {"Too many tries. Wait 30 seconds, then try again.", "fr", "Trop d\u2019essais. Attendez <30> s, puis r\u00e9essayez."},
        {"Too many tries. Wait  seconds, then try again.", "fr", NULL},
        {"Too many tries. Wait 3x seconds, then try again.", "fr", NULL},
        {"Too many tries. Wait 30 seconds, then try again. ", "fr", NULL},
        {"Too many tries. Wait  seconds, then try again.", "en", NULL},
        {"There is nothing", "de", NULL},
        {"", "de", NULL},
    };
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&b);
        assert_int_equal(words_said(&b, words_of(span_of(cases[i].language)), span_of(cases[i].english), shout), cases[i].said != NULL);
        assert_true(span_eq(buf_view(&b), span_of(cases[i].said == NULL ? "" : cases[i].said)));
    }
    buf_free(&b);
}

/* What is sent speaks a language that somebody has read through, which English always is. */
static void notices(void **state)
{
    (void)state;
    assert_true(words_default()->reviewed);
    assert_ptr_equal(words_notice(SPAN("")), words_default());
    assert_ptr_equal(words_notice(SPAN("xx")), words_default());
    for (size_t i = 0; i < words_languages; i++) {
        const struct words *w = &words_table[i];
        assert_ptr_equal(words_notice(span_of(w->language)), w->reviewed ? w : words_default());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(headers), cmocka_unit_test(notices), cmocka_unit_test(sentences), cmocka_unit_test(faults), cmocka_unit_test(said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
