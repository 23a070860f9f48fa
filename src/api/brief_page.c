/* SPDX-License-Identifier: EUPL-1.2 */
/* HTML of the brief for the council: see brief.h. Must never let a byte from outside become markup. */
#include "api/brief.h"

#include "api/page.h"

enum { BRIEF_PAGE_MAX = 512 << 10 };

static void say(struct buf *b, const struct brief *p, enum word word, const struct words_value *values, size_t n)
{
    words_write(b, p->words, word, values, n, page_escaped);
}

static void tagged(struct buf *b, const struct brief *p, const char *tag, enum word word)
{
    buf_printf(b, "<%s>", tag);
    say(b, p, word, NULL, 0);
    buf_printf(b, "</%.2s>\n", tag);
}

enum tlp brief_label(const struct brief *p)
{
    enum tlp most = TLP_AMBER_STRICT;
    for (int t = 0; t < BRIEF_TABLE_COUNT; t++) {
        for (uint32_t i = 0; i < p->nrows[t]; i++) {
            most = tlp_rank(p->rows[t][i].tlp) > tlp_rank(most) ? p->rows[t][i].tlp : most;
        }
    }
    return most;
}

static void put_tlp(struct buf *b, const struct brief *p)
{
    buf_printf(b, "<strong class=\"tlp\">TLP:%s</strong>", tlp_name(brief_label(p)));
}

static void put_figures(struct buf *b, const struct brief *p)
{
    if (p->nfigures == 0) {
        tagged(b, p, "p", WORD_BRIEF_NOTHING);
        return;
    }
    buf_cstr(b, "<ul class=\"five\">\n");
    for (uint32_t i = 0; i < p->nfigures; i++) {
        const struct brief_figure *f = &p->figures[i];
        buf_printf(b, "<li><a href=\"%.*s\"><span class=\"big\">%s%lld</span> ", SPAN_ARG(f->href), f->count.more ? "&gt;" : "", (long long)f->count.count);
        say(b, p, f->word, NULL, 0);
        buf_cstr(b, "</a></li>\n");
    }
    buf_cstr(b, "</ul>\n");
}

static void put_heads(struct buf *b, const struct brief *p, const enum word *words, size_t n)
{
    buf_cstr(b, "<table>\n<thead><tr>");
    for (size_t i = 0; i < n; i++) {
        buf_cstr(b, "<th scope=\"col\">");
        say(b, p, words[i], NULL, 0);
        buf_cstr(b, "</th>");
    }
    buf_cstr(b, "</tr></thead>\n<tbody>\n");
}

static void put_title(struct buf *b, const struct brief_row *r)
{
    buf_printf(b, "<tr><th scope=\"row\"><a href=\"%.*s\">", SPAN_ARG(r->href));
    page_escaped(b, r->title);
    buf_cstr(b, "</a></th>");
}

static void put_cell(struct buf *b, struct span text)
{
    buf_cstr(b, "<td>");
    page_escaped(b, text);
    buf_cstr(b, "</td>");
}

static void put_asked(struct buf *b, const struct brief *p)
{
    static const enum word heads[] = {WORD_BRIEF_COL_WHAT, WORD_BRIEF_COL_MONEY, WORD_BRIEF_COL_WITHOUT};
    tagged(b, p, "h2", WORD_BRIEF_ASKED);
    if (p->nrows[BRIEF_ASKED] == 0) {
        tagged(b, p, "p", WORD_BRIEF_ASKED_NONE);
        return;
    }
    put_heads(b, p, heads, ARRAY_LEN(heads));
    for (uint32_t i = 0; i < p->nrows[BRIEF_ASKED]; i++) {
        const struct brief_row *r = &p->rows[BRIEF_ASKED][i];
        put_title(b, r);
        put_cell(b, r->cells[0]);
        put_cell(b, r->cells[1]);
        buf_cstr(b, "</tr>\n");
    }
    buf_cstr(b, "</tbody>\n</table>\n");
}

static void put_decided(struct buf *b, const struct brief *p)
{
    static const enum word heads[] = {WORD_BRIEF_COL_WHAT, WORD_BRIEF_COL_MINUTE, WORD_BRIEF_COL_DECISION};
    tagged(b, p, "h2", WORD_BRIEF_DECIDED);
    if (p->nrows[BRIEF_DECIDED] == 0) {
        tagged(b, p, "p", WORD_BRIEF_DECIDED_NONE);
        return;
    }
    put_heads(b, p, heads, ARRAY_LEN(heads));
    for (uint32_t i = 0; i < p->nrows[BRIEF_DECIDED]; i++) {
        const struct brief_row *r = &p->rows[BRIEF_DECIDED][i];
        const struct words_value values[] = {{"body", r->cells[0]}, {"day", r->cells[1]}, {"item", r->cells[2]}};
        put_title(b, r);
        buf_cstr(b, "<td>");
        say(b, p, WORD_BRIEF_MINUTE, values, ARRAY_LEN(values));
        buf_cstr(b, "</td><td>");
        if (r->decision != WORD_COUNT) {
            say(b, p, r->decision, NULL, 0);
        }
        buf_cstr(b, "</td></tr>\n");
    }
    buf_cstr(b, "</tbody>\n</table>\n");
}

/* Languages that a person has read through, the one that is spoken marked. */
static void put_languages(struct buf *b, const struct brief *p)
{
    buf_cstr(b, "<nav class=\"hint noprint\"><p>");
    say(b, p, WORD_BRIEF_LANGUAGES, NULL, 0);
    for (size_t i = 0; i < words_languages; i++) {
        const struct words *w = &words_table[i];
        if (w->reviewed) {
            buf_printf(b, " <a href=\"/brief?language=%s\" hreflang=\"%s\"%s>%s</a>", w->language, w->language,
                       w == p->words ? " aria-current=\"true\"" : "", w->language);
        }
    }
    buf_cstr(b, "</p>\n<p><a href=\"/briefs\">");
    say(b, p, WORD_BRIEF_ISSUED_TITLE, NULL, 0);
    buf_cstr(b, "</a></p></nav>\n");
}

void brief_head(struct buf *b, const struct brief *p)
{
    buf_printf(b,
               "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s \xC2\xB7 Sereno</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n"
               "<body>\n<main class=\"sheet\">\n<p class=\"mast\"><span>",
               p->words->language, p->words->text[WORD_BRIEF_TITLE]);
    page_escaped(b, p->node);
    buf_cstr(b, "</span> ");
    put_tlp(b, p);
    buf_cstr(b, "</p>\n");
    tagged(b, p, "h1", WORD_BRIEF_TITLE);
}

void brief_body(struct buf *b, const struct brief *p)
{
    char at[TIME_TEXT_MAX];
    const struct words_value values[] = {{"node", p->node}, {"day", span_make(time_format(p->at, at), 10)}};
    buf_cstr(b, "<p>");
    say(b, p, WORD_BRIEF_LEAD, values, ARRAY_LEN(values));
    buf_cstr(b, "</p>\n");
    put_figures(b, p);
    if (p->shown[BRIEF_ASKED]) {
        put_asked(b, p);
    }
    if (p->shown[BRIEF_DECIDED]) {
        put_decided(b, p);
    }
    buf_cstr(b, "<p class=\"sign\"><span>");
    say(b, p, WORD_BRIEF_NUMBER, NULL, 0);
    buf_cstr(b, "</span> <span>");
    say(b, p, WORD_BRIEF_SIGNED, NULL, 0);
    buf_cstr(b, "</span></p>\n");
}

void brief_foot(struct buf *b, const struct brief *p)
{
    buf_cstr(b, "<p class=\"mast\"><span class=\"hint\">");
    say(b, p, WORD_BRIEF_JUDGES, NULL, 0);
    buf_cstr(b, "</span> ");
    put_tlp(b, p);
    buf_cstr(b, "</p>\n");
}

void brief_page(struct buf *b, const struct brief *p)
{
    buf_init(b, BRIEF_PAGE_MAX);
    brief_head(b, p);
    brief_body(b, p);
    brief_foot(b, p);
    put_languages(b, p);
    buf_cstr(b, "</main>\n</body>\n</html>\n");
}
