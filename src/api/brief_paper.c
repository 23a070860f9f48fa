/* SPDX-License-Identifier: EUPL-1.2 */
/* HTML of issued briefs, of their list, and of a figure then and now: see brief.h. Must never let a byte from outside become markup. */
#include <inttypes.h>
#include <stdio.h>

#include "api/brief.h"
#include "api/page.h"

enum { PAPER_PAGE_MAX = 4 << 20, KEY_SHOWN = 16 /* hex digits */ };

static void say(struct buf *b, const struct words *w, enum word word, const struct words_value *values, size_t n)
{
    words_write(b, w, word, values, n, page_escaped);
}

static void tagged(struct buf *b, const struct words *w, const char *tag, enum word word)
{
    buf_printf(b, "<%s>", tag);
    say(b, w, word, NULL, 0);
    buf_printf(b, "</%s>\n", tag);
}

static void link_to(struct buf *b, const struct words *w, const char *href, enum word word)
{
    buf_printf(b, "<a href=\"%s\">", href);
    say(b, w, word, NULL, 0);
    buf_cstr(b, "</a> ");
}

/* What is for the screen alone, in the reader's language. */
static void chrome_begin(struct buf *b, const struct brief_chrome *c, const char *tag)
{
    buf_printf(b, "<%s class=\"noprint\" lang=\"%s\">\n", tag, c->words->language);
}

struct form_field {
    const char *name;
    enum word label, hint; /* hint WORD_COUNT: none */
    const char *kind;      /* of input; "" = text of several lines */
    const char *value;
};

static void field(struct buf *b, const struct words *w, const struct form_field *f)
{
    buf_printf(b, "<p class=\"field\"><label for=\"%s\">", f->name);
    say(b, w, f->label, NULL, 0);
    buf_cstr(b, "</label>\n");
    if (f->hint != WORD_COUNT) {
        buf_printf(b, "<span class=\"hint\" id=\"%s-hint\">", f->name);
        say(b, w, f->hint, NULL, 0);
        buf_cstr(b, "</span>\n");
    }
    if (f->kind[0] == '\0') {
        buf_printf(b, "<textarea id=\"%s\" name=\"%s\" rows=\"4\" maxlength=\"4000\"></textarea></p>\n", f->name, f->name);
    } else {
        buf_printf(b, "<input id=\"%s\" name=\"%s\" type=\"%s\" value=\"%s\" maxlength=\"250\" required></p>\n", f->name, f->name, f->kind, f->value);
    }
}

static void form_begin(struct buf *b, const struct brief_chrome *c, const char *action)
{
    buf_printf(b, "<form method=\"post\" action=\"%s\">\n<input type=\"hidden\" name=\"csrf\" value=\"", action);
    page_escaped(b, c->csrf);
    buf_cstr(b, "\">\n");
}

static void form_end(struct buf *b, const struct words *w, enum word button)
{
    buf_cstr(b, "<p><button type=\"submit\">");
    say(b, w, button, NULL, 0);
    buf_cstr(b, "</button></p>\n</form>\n");
}

/* ---- one brief ---- */

struct texts {
    char number[24], issued[TIME_TEXT_MAX], withdrawn[TIME_TEXT_MAX], at[TIME_TEXT_MAX];
};

static void put_line(struct buf *b, const struct words *w, const struct brief_issued *i)
{
    struct texts t;
    (void)snprintf(t.number, sizeof t.number, "%" PRId64, i->number);
    const struct words_value values[] = {{"number", span_of(t.number)}, {"from", i->first_day}, {"to", i->last_day},
                                         {"day", span_make(time_format(i->issued, t.issued), 10)}, {"who", i->who}};
    say(b, w, WORD_BRIEF_ISSUED_LINE, values, ARRAY_LEN(values));
}

static void put_withdrawn(struct buf *b, const struct words *w, const struct brief_issued *i)
{
    struct texts t;
    const struct words_value values[] = {{"day", span_make(time_format(i->withdrawn, t.withdrawn), 10)}, {"who", i->withdrawn_by}, {"why", i->withdrawn_why}};
    if (i->withdrawn != TIME_NONE) {
        buf_cstr(b, "<p class=\"wrong\"><strong>");
        say(b, w, WORD_BRIEF_WITHDRAWN, values, ARRAY_LEN(values));
        buf_cstr(b, "</strong></p>\n");
    }
}

static void put_frozen(struct buf *b, const struct brief_paper *p)
{
    struct texts t;
    const char *at = time_format(p->b.at, t.at);
    const struct words_value values[] = {{"day", span_make(at, 10)}, {"time", span_make(at + 11, 8)}, {"key", span_sub(p->issued.key, 0, KEY_SHOWN)}};
    buf_cstr(b, "<p class=\"hint\">");
    say(b, p->b.words, WORD_BRIEF_FROZEN, values, ARRAY_LEN(values));
    buf_cstr(b, "</p>\n");
}

static void put_text(struct buf *b, struct span text)
{
    while (text.len > 0) {
        ptrdiff_t end = span_find(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end;
        buf_cstr(b, "<p>");
        page_escaped(b, span_trim(span_sub(text, 0, len)));
        buf_cstr(b, "</p>\n");
        text = span_sub(text, len + 1, text.len);
    }
}

static void put_hidden(struct buf *b, const struct words *w, uint32_t hidden)
{
    char count[16];
    (void)snprintf(count, sizeof count, "%u", hidden);
    const struct words_value values[] = {{"count", span_of(count)}};
    if (hidden > 0) {
        buf_cstr(b, "<p class=\"hint\">");
        say(b, w, WORD_BRIEF_HIDDEN, values, ARRAY_LEN(values));
        buf_cstr(b, "</p>\n");
    }
}

static void put_withdraw_form(struct buf *b, const struct brief_paper *p, const struct brief_chrome *c)
{
    char action[RECORD_ID_MAX + 32];
    const struct form_field why = {"why", WORD_BRIEF_WHY, WORD_BRIEF_WITHDRAW_HINT, "text", ""};
    (void)snprintf(action, sizeof action, "/briefs/%.*s/withdraw", SPAN_ARG(p->issued.id));
    chrome_begin(b, c, "section");
    tagged(b, c->words, "h2", WORD_BRIEF_WITHDRAW);
    form_begin(b, c, action);
    field(b, c->words, &why);
    form_end(b, c->words, WORD_BRIEF_WITHDRAW);
    buf_cstr(b, "</section>\n");
}

void brief_paper_page(struct buf *b, const struct brief_paper *p, const struct brief_chrome *c)
{
    buf_init(b, PAPER_PAGE_MAX);
    brief_head(b, &p->b);
    put_withdrawn(b, p->b.words, &p->issued);
    buf_cstr(b, "<p><strong>");
    put_line(b, p->b.words, &p->issued);
    buf_cstr(b, "</strong></p>\n");
    put_text(b, p->text);
    put_hidden(b, p->b.words, p->hidden);
    brief_body(b, &p->b);
    put_frozen(b, p);
    brief_foot(b, &p->b);
    if (c->may_issue && p->issued.withdrawn == TIME_NONE) {
        put_withdraw_form(b, p, c);
    }
    chrome_begin(b, c, "nav");
    buf_cstr(b, "<p>");
    link_to(b, c->words, "/briefs", WORD_BRIEF_ISSUED_TITLE);
    link_to(b, c->words, "/brief", WORD_BRIEF_TITLE);
    buf_cstr(b, "</p></nav>\n</main>\n</body>\n</html>\n");
}

/* ---- a page around lists ---- */

static void plain_head(struct buf *b, const struct words *w, struct span node, enum word title)
{
    buf_init(b, PAPER_PAGE_MAX);
    buf_printf(b,
               "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s \xC2\xB7 Sereno</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n"
               "<body>\n<main class=\"sheet\">\n<p class=\"mast\"><span>",
               w->language, w->text[title]);
    page_escaped(b, node);
    buf_cstr(b, "</span></p>\n");
    tagged(b, w, "h1", title);
}

static void put_issue_form(struct buf *b, const struct brief_chrome *c, time_ns now)
{
    char today[TIME_TEXT_MAX], first[TIME_TEXT_MAX];
    (void)time_format(now, today);
    today[10] = '\0';
    (void)time_format(now, first);
    first[8] = '0', first[9] = '1', first[10] = '\0';
    const struct form_field fields[] = {{"from", WORD_BRIEF_FROM, WORD_COUNT, "date", first},
                                        {"to", WORD_BRIEF_TO, WORD_COUNT, "date", today},
                                        {"text", WORD_BRIEF_TEXT, WORD_BRIEF_TEXT_HINT, "", ""}};
    chrome_begin(b, c, "section");
    tagged(b, c->words, "h2", WORD_BRIEF_ISSUE);
    tagged(b, c->words, "p", WORD_BRIEF_ISSUE_HINT);
    form_begin(b, c, "/briefs");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        field(b, c->words, &fields[i]);
    }
    form_end(b, c->words, WORD_BRIEF_ISSUE);
    buf_cstr(b, "</section>\n");
}

void brief_list_page(struct buf *b, const struct brief_chrome *c, struct span node, const struct brief_issued *list, uint32_t n, time_ns now)
{
    plain_head(b, c->words, node, WORD_BRIEF_ISSUED_TITLE);
    if (n == 0) {
        tagged(b, c->words, "p", WORD_BRIEF_ISSUED_NONE);
    } else {
        buf_cstr(b, "<ul class=\"issued\">\n");
    }
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(b, "<li><a href=\"/briefs/%.*s\">", SPAN_ARG(list[i].id));
        put_line(b, c->words, &list[i]);
        buf_printf(b, "</a> <span class=\"hint\">TLP:%s</span>\n", tlp_name(list[i].tlp));
        put_withdrawn(b, c->words, &list[i]);
        buf_cstr(b, "</li>\n");
    }
    buf_cstr(b, n == 0 ? "" : "</ul>\n");
    if (c->may_issue) {
        put_issue_form(b, c, now);
    }
    chrome_begin(b, c, "nav");
    buf_cstr(b, "<p>");
    link_to(b, c->words, "/brief", WORD_BRIEF_TITLE);
    link_to(b, c->words, "/", WORD_ERROR_TO_ALERTS);
    buf_cstr(b, "</p></nav>\n</main>\n</body>\n</html>\n");
}

/* ---- a figure, then and now ---- */

static void put_number(char out[24], const struct brief_register *r)
{
    (void)snprintf(out, 24, "%s%u", r->more ? ">" : "", r->n);
}

static void put_compared(struct buf *b, const struct brief_figure_now *f, const struct brief_chrome *c)
{
    static const enum word stands[BRIEF_STANDS_COUNT] = {WORD_BRIEF_SAME, WORD_BRIEF_CHANGED, WORD_BRIEF_GONE, WORD_BRIEF_NEW};
    buf_cstr(b, "<table>\n<thead><tr><th scope=\"col\">");
    say(b, c->words, WORD_BRIEF_COL_RECORD, NULL, 0);
    buf_cstr(b, "</th><th scope=\"col\">");
    say(b, c->words, WORD_BRIEF_COL_STANDS, NULL, 0);
    buf_cstr(b, "</th></tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < f->n; i++) {
        const struct brief_compared *r = &f->rows[i];
        buf_printf(b, "<tr><th scope=\"row\"><a href=\"/registers/%.*s/%.*s\">", SPAN_ARG(f->plural), SPAN_ARG(r->id));
        page_escaped(b, r->title.len > 0 ? r->title : r->id);
        buf_cstr(b, "</a></th><td>");
        say(b, c->words, f->asked ? stands[r->stands] : WORD_BRIEF_NOT_ASKED, NULL, 0);
        buf_cstr(b, "</td></tr>\n");
    }
    buf_cstr(b, "</tbody>\n</table>\n");
}

void brief_figure_page(struct buf *b, const struct brief_figure_now *f, const struct brief_chrome *c)
{
    char then[24], now[24], back[RECORD_ID_MAX + 16];
    const struct brief_register *counted = &f->paper->counted[f->figure];
    put_number(then, counted);
    put_number(now, &f->now);
    const struct words_value values[] = {{"then", span_of(then)}, {"now", span_of(now)}};
    (void)snprintf(back, sizeof back, "/briefs/%.*s", SPAN_ARG(f->paper->issued.id));
    plain_head(b, c->words, f->paper->b.node, WORD_BRIEF_THEN_NOW);
    buf_printf(b, "<p lang=\"%s\"><strong>", f->paper->b.words->language);
    say(b, f->paper->b.words, f->paper->b.figures[f->figure].word, NULL, 0);
    buf_cstr(b, "</strong></p>\n<p>");
    put_line(b, c->words, &f->paper->issued);
    buf_cstr(b, "</p>\n<p>");
    say(b, c->words, f->asked ? WORD_BRIEF_COUNTED : WORD_BRIEF_NOT_ASKED, values, ARRAY_LEN(values));
    buf_cstr(b, "</p>\n");
    if (counted->more || f->now.more) {
        tagged(b, c->words, "p", WORD_BRIEF_CUT);
    }
    if (f->n > 0) {
        put_compared(b, f, c);
    }
    chrome_begin(b, c, "nav");
    buf_cstr(b, "<p>");
    link_to(b, c->words, back, WORD_BRIEF_BACK);
    buf_cstr(b, "</p></nav>\n</main>\n</body>\n</html>\n");
}
