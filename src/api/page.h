/* SPDX-License-Identifier: EUPL-1.2 */
/* The pages that need no script: log-in, set-up, errors. Pure text making; whatever comes from
 * outside is escaped here. */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "base/buf.h"
#include "desk/identity/directory.h"
#include "desk/words/words.h"

/* Each fills a buf that it initialises; the caller frees it. Texts may be empty. `words` is the language of the page; what went
 * wrong comes as an English sentence and is said in that language where desk/words has it. */
void page_error(struct buf *out, const struct words *words, unsigned status, const char *message);
/* Behind a personal link that leads nowhere, whatever the reason. */
void page_ended(struct buf *out, const struct words *w);

struct page_login {
    struct span node;
    struct span csrf;
    struct span name;  /* as typed before */
    struct span next;  /* where to go afterwards */
    struct span wrong; /* sentence on what went wrong */
    const struct words *words;
    const struct sign_in *providers; /* may be NULL: none */
    const struct directory *directory; /* whose form it is; NULL = that of local accounts */
};
void page_login(struct buf *out, const struct page_login *p);

/* Signed in by a provider: goes on to `next`. */
void page_signed_in(struct buf *out, const struct words *words, struct span next);

/* The second step of a log-in. */
struct page_code {
    struct span node;
    const struct words *words; /* language */
    struct span csrf, step, next;
    enum word wrong; /* WORD_COUNT = nothing */
    int64_t wait_s;  /* for WORD_CODE_WAIT */
};
void page_code(struct buf *out, const struct page_code *p);

struct page_setup {
    struct span node;
    struct span csrf;
    struct span token;
    struct span name;
    bool welcome; /* of somebody whose account is there: he chooses a password only */
    struct span wrong;
    const struct words *words;
};
void page_setup(struct buf *out, const struct page_setup *p);

/* What a small member's personal link shows. */
struct page_item {
    struct span title, text, tlp;
    struct span author; /* empty: not told */
    int64_t created;    /* time_ns */
    bool chr;
};
struct page_items {
    struct span node, circle, person, organisation;
    int64_t expires; /* time_ns, of the link */
    const struct words *words; /* language */
    struct page_item *items;
    uint32_t nitems;
};
void page_items(struct buf *out, const struct page_items *p);

/* Text from outside, so that no byte of it becomes markup. */
void page_escaped(struct buf *b, struct span s);

/* Style sheet of these pages. */
struct span page_style(void);

#endif
