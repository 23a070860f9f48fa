/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sentences for people outside the page: link pages and letters of small members, in the languages of i18n/pages (one file
 * each; another file is another language). Pure. Used by the interface and by notices.
 */
#ifndef DESK_WORDS_WORDS_H
#define DESK_WORDS_WORDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "records/schema/schema.h"

enum word {
#define WORD(name, key) WORD_##name,
#include "desk/words/words.def"
#undef WORD
    WORD_COUNT
};

/* One language. */
struct words {
    const char *language; /* RFC 5646, lower case: "en", "es" */
    bool reviewed;        /* a person has read it through; the others are machine-made */
    const char *text[WORD_COUNT];
};

/* Of a tag as "es" or "es-MX"; NULL: none such. */
const struct words *words_of(struct span tag);
/* The best of an Accept-Language header (RFC 9110 §12.5.4); English where nothing fits or it cannot be read. Looks at no more
 * than WORDS_ACCEPT_MAX ranges. */
const struct words *words_accept(struct span header);
/* What is said of a value that a schema refuses (records/schema); its value is {limit}. */
enum word words_of_fault(enum schema_reason reason);
/* What is sent to somebody, or laid before the council, speaks a language that a person has read through: the one of this tag,
 * else English. */
const struct words *words_notice(struct span tag);
/* English. */
const struct words *words_default(void);

enum { WORDS_ACCEPT_MAX = 32 };

struct words_value {
    const char *name; /* "person" for {person} */
    struct span value;
};
/* Appends the sentence; values go through `put` (escaping, one line), the sentence itself as it is. A {name} without a value is
 * left out. */
void words_write(struct buf *b, const struct words *w, enum word word, const struct words_value *values, size_t n,
                 void (*put)(struct buf *b, struct span value));

/* Appends what the language says for an English sentence of words.def, in which a {n} stands for digits. False where there is no
 * such sentence; then nothing is appended. */
bool words_said(struct buf *b, const struct words *w, struct span english, void (*put)(struct buf *b, struct span value));

/* Made of i18n/pages by tools/embed-words. */
extern const struct words words_table[];
extern const size_t words_languages;

#endif
