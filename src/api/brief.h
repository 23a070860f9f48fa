/* SPDX-License-Identifier: EUPL-1.2 */
/* The brief for the council as a page; the files of api/ and the tests of the policy only. */
#ifndef API_BRIEF_H
#define API_BRIEF_H

#include "api/api_priv.h"
#include "desk/govern/brief.h"

struct brief {
    const struct words *words; /* of a language that a person has read through */
    struct span node;
    time_ns at;
    uint32_t nfigures;
    struct brief_figure figures[BRIEF_FIGURES_MAX];
    bool shown[BRIEF_TABLE_COUNT]; /* else it is not for this reader */
    uint32_t nrows[BRIEF_TABLE_COUNT];
    struct brief_row rows[BRIEF_TABLE_COUNT][BRIEF_ROWS_MAX];
};

/* What a figure counted when the brief was issued. */
struct brief_register {
    bool more; /* not all of them */
    uint32_t n;
    struct brief_counted *records; /* without titles */
};

/* A brief that was issued, as a reader may see it. */
struct brief_paper {
    struct brief_issued issued;
    struct brief b;
    struct span text; /* words of who issued it */
    struct brief_register counted[BRIEF_FIGURES_MAX];
    uint32_t hidden; /* figures and tables that are not for this reader */
};

/* The document that is signed: figures, tables, the words around them. Empty: it would be too long. */
struct span brief_freeze(const struct brief_paper *p, struct arena *a);
/* As it was, without what the reader may not see now of p->issued, which is there. False: the document cannot be read, or nothing of it is his. */
bool brief_thaw(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct brief_paper *p);
/* Whether the reader may know of it. */
bool brief_shown(const struct policy_reader *reader, const struct brief_issued *b, time_ns now);

/* What is said around a brief to who reads it on a screen. */
struct brief_chrome {
    const struct words *words;
    struct span csrf;
    bool may_issue;
};
/* Each fills a buf that it initialises; the caller frees it. */
void brief_paper_page(struct buf *out, const struct brief_paper *p, const struct brief_chrome *c);
void brief_list_page(struct buf *out, const struct brief_chrome *c, struct span node, const struct brief_issued *list, uint32_t n, time_ns now);

/* How a record that a figure counted stands today. */
enum brief_stands { BRIEF_SAME, BRIEF_CHANGED, BRIEF_GONE, BRIEF_NEW, BRIEF_STANDS_COUNT };
struct brief_compared {
    struct span id, title; /* title: empty where it is not counted today */
    enum brief_stands stands;
    int64_t then, now; /* versions; 0 = none */
};
struct brief_figure_now {
    const struct brief_paper *paper;
    uint32_t figure; /* of paper->b.figures */
    struct span plural; /* of the register */
    bool asked; /* the reader may ask the same today */
    struct brief_register now;
    uint32_t n;
    struct brief_compared *rows;
};
/* Fills f->rows from what was counted and f->now. */
void brief_compare(struct brief_figure_now *f, struct arena *a);
void brief_figure_page(struct buf *out, const struct brief_figure_now *f, const struct brief_chrome *c);

/* Reads the records and goes on with done(req), the brief in req->work. */
struct brief_work {
    struct brief b;
    struct brief_register counted[BRIEF_FIGURES_MAX];
    struct record_query query;
    enum brief_table table; /* that is asked for */
    bool issuing;           /* with what each figure counts, of one organisation */
    api_handler *done;
    void *more;                 /* of who began it */
    struct record_reads *reads; /* what it shows of sensitive records */
};
void brief_begin(struct api_request *req, struct brief_work *w, struct span language);
/* The answer to ASK_BRIEF_COUNTED for one figure; titles too. False: it is broken. */
bool brief_register_take(struct cursor *data, struct arena *a, struct brief_register *out);

/* Rows of a table from the keeper's answer to ASK_RECORDS, each only when policy shows it. False: the answer is broken. */
bool brief_rows_take(struct brief *b, enum brief_table t, const struct record_worker *w, struct arena *a, struct cursor *data);
/* Fills a buf that it initialises; the caller frees it. */
void brief_page(struct buf *b, const struct brief *p);
/* Its parts, between the head of a page and its end. */
void brief_head(struct buf *b, const struct brief *p);
void brief_body(struct buf *b, const struct brief *p);
void brief_foot(struct buf *b, const struct brief *p);
/* The strictest label of what it names; of numbers about the city alone, its own. */
enum tlp brief_label(const struct brief *p);
/* Keys of i18n/pages, by word. */
const char *brief_word_key(enum word w);

#endif
