/* SPDX-License-Identifier: EUPL-1.2 */
/* HTML of the pages without script: see page.h. Must never let a byte from outside become markup.
 */
#include "api/page.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "desk/identity/oidc.h"
#include "desk/identity/password.h"

enum { PAGE_MAX = 64 << 10, PAGE_ITEMS_BYTES = 8 << 20 };

void page_escaped(struct buf *b, struct span s)
{
    const char *end = s.len > 0 ? s.ptr + s.len : s.ptr; /* of nothing there is no pointer */
    for (const char *p = s.ptr; p < end;) {
        size_t n = 1;
        int32_t cp = utf8_decode(p, end, &n);
        if (cp == '<' || cp == '>' || cp == '&' || cp == '"' || cp == '\'') {
            buf_printf(b, "&#%d;", (int)cp);
        } else if (cp == UTF8_BAD || cp < 0x20 || cp == 0x7f) {
            buf_cstr(b, "&#65533;");
        } else {
            buf_put(b, p, n);
        }
        p += n;
    }
}

static void head(struct buf *b, const struct words *words, enum word word, size_t max)
{
    const char *title = words->text[word];
    buf_init(b, max);
    buf_printf(
        b,
        "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<title>%s \xC2\xB7 Sereno</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n"
        "<body>\n<main>\n<p class=\"brand\">"
        "<svg viewBox=\"0 0 20 20\" width=\"20\" height=\"20\" aria-hidden=\"true\">"
        "<path d=\"M7.2 4.2a2.8 2.8 0 0 1 5.6 0M4.5 5.2h11l-1.4 12.3H5.9z\" fill=\"none\" "
        "stroke=\"currentColor\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/>"
        "<path class=\"flame\" d=\"M10 7.6c1.6 1.8 2.5 3 2.5 4.3a2.5 2.5 0 0 1-5 0c0-1.3.9-2.5 2.5-4.3z\"/></svg>"
        "Sereno</p>\n<h1>%s</h1>\n",
        words->language, title, title);
}

static void foot(struct buf *b)
{
    buf_cstr(b, "</main>\n</body>\n</html>\n");
}

static void hidden(struct buf *b, const char *name, struct span value)
{
    buf_printf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    page_escaped(b, value);
    buf_cstr(b, "\">\n");
}

/* An English sentence in the language of the page; where it has no words for it, marked as English. */
static void said(struct buf *b, const struct words *words, const char *attributes, struct span english)
{
    struct buf own;
    buf_init(&own, PAGE_MAX);
    bool known = words_said(&own, words, english, page_escaped);
    buf_printf(b, "<p%s%s>", attributes, known || words == words_default() ? "" : " lang=\"en\"");
    if (known) {
        buf_span(b, buf_view(&own));
    } else {
        page_escaped(b, english);
    }
    buf_cstr(b, "</p>\n");
    buf_free(&own);
}

static void wrong(struct buf *b, const struct words *words, struct span text)
{
    if (text.len > 0) {
        said(b, words, " class=\"wrong\" role=\"alert\" id=\"wrong\"", text);
    }
}

static void name_field(struct buf *b, const struct words *words, struct span value, bool hint)
{
    buf_printf(b, "<p class=\"field\"><label for=\"name\">%s</label>\n", words->text[WORD_FORM_NAME]);
    if (hint) {
        buf_printf(b, "<span class=\"hint\">%s</span>\n", words->text[WORD_FORM_NAME_HINT]);
    }
    buf_cstr(b, "<input id=\"name\" name=\"name\" autocomplete=\"username\" autocapitalize=\"none\" "
                "spellcheck=\"false\" maxlength=\"64\" required autofocus value=\"");
    page_escaped(b, value);
    buf_cstr(b, "\"></p>\n");
}

static void password_field(struct buf *b, const struct words *words, const char *id, enum word label, const char *kind, bool hint)
{
    buf_printf(b, "<p class=\"field\"><label for=\"%s\">%s</label>\n", id, words->text[label]);
    if (hint) {
        char digits[24];
        (void)snprintf(digits, sizeof digits, "%d", PASSWORD_MIN);
        buf_cstr(b, "<span class=\"hint\" id=\"rule\">");
        words_write(b, words, WORD_FORM_PASSWORD_HINT, &(struct words_value){"n", span_of(digits)}, 1, page_escaped);
        buf_cstr(b, "</span>\n");
    }
    buf_printf(b, "<input id=\"%s\" name=\"%s\" type=\"password\" autocomplete=\"%s\" maxlength=\"256\" required></p>\n", id, id, kind);
}

static void node_line(struct buf *b, const struct words *words, struct span node)
{
    buf_cstr(b, "<p class=\"node\">");
    words_write(b, words, WORD_FORM_NODE, &(struct words_value){"name", node}, 1, page_escaped);
    buf_cstr(b, "</p>\n");
}

/* What the form does, and its end. */
static void button(struct buf *b, const struct words *words, enum word word)
{
    buf_printf(b, "<p><button type=\"submit\">%s</button></p>\n</form>\n", words->text[word]);
}

static void provider_link(struct buf *b, const struct page_login *p, const char *path, struct span name, struct span title, struct span next)
{
    buf_printf(b, "<p class=\"provider\"><a href=\"%s%.*s?next=%.*s\">", path, SPAN_ARG(name), SPAN_ARG(next));
    words_write(b, p->words, WORD_FORM_PROVIDER, &(struct words_value){"provider", title}, 1, page_escaped);
    buf_cstr(b, "</a></p>\n");
}

/* Buttons that lead to providers and to the forms of directories; links, since browsers let no form lead away from here. */
static void providers(struct buf *b, const struct page_login *p)
{
    struct buf next;
    if (p->providers == NULL || p->providers->n + p->providers->ndirectories == 0) {
        return;
    }
    buf_init(&next, PAGE_MAX);
    oidc_form_value(&next, p->next);
    for (uint32_t i = 0; i < p->providers->ndirectories; i++) {
        const struct directory *x = &p->providers->directories[i];
        provider_link(b, p, "/login/directory/", x->name, x->title, buf_view(&next));
    }
    for (uint32_t i = 0; i < p->providers->n; i++) {
        const struct provider *x = &p->providers->providers[i];
        provider_link(b, p, "/login/provider/", x->name, x->title, buf_view(&next));
    }
    buf_printf(b, "<h2>%s</h2>\n", p->words->text[WORD_FORM_LOCAL]);
    buf_free(&next);
}

void page_signed_in(struct buf *b, const struct words *words, struct span next)
{
    head(b, words, WORD_FORM_SIGNED_IN, PAGE_MAX);
    buf_cstr(b, "<p><a href=\"");
    page_escaped(b, next);
    buf_printf(b, "\">%s</a></p>\n", words->text[WORD_FORM_GO_ON]);
    foot(b);
}

/* Whose password it asks for, so that nobody types that of one where the other is asked. */
static void directory_line(struct buf *b, const struct page_login *p)
{
    buf_cstr(b, "<h2 class=\"directory\">");
    words_write(b, p->words, WORD_FORM_PROVIDER, &(struct words_value){"provider", p->directory->title}, 1, page_escaped);
    buf_printf(b, "</h2>\n<form method=\"post\" action=\"/login/directory/%.*s\">\n", SPAN_ARG(p->directory->name));
}

static void local_link(struct buf *b, const struct page_login *p)
{
    struct buf next;
    buf_init(&next, PAGE_MAX);
    oidc_form_value(&next, p->next);
    buf_printf(b, "<p><a href=\"/login?next=%.*s\">%s</a></p>\n", SPAN_ARG(buf_view(&next)), p->words->text[WORD_FORM_LOCAL]);
    buf_free(&next);
}

void page_login(struct buf *b, const struct page_login *p)
{
    head(b, p->words, WORD_FORM_LOG_IN, PAGE_MAX);
    node_line(b, p->words, p->node);
    wrong(b, p->words, p->wrong);
    if (p->directory == NULL) {
        providers(b, p);
        buf_cstr(b, "<form method=\"post\" action=\"/login\">\n");
    } else {
        directory_line(b, p);
    }
    hidden(b, "csrf", p->csrf);
    hidden(b, "next", p->next);
    name_field(b, p->words, p->name, false);
    password_field(b, p->words, "password", WORD_FORM_PASSWORD, "current-password", false);
    button(b, p->words, WORD_FORM_LOG_IN);
    if (p->directory != NULL) {
        local_link(b, p);
    }
    foot(b);
}

void page_code(struct buf *b, const struct page_code *p)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)p->wait_s);
    const struct words_value values[] = {{"node", p->node}, {"seconds", span_of(seconds)}};
    head(b, p->words, WORD_CODE_TITLE, PAGE_MAX);
    node_line(b, p->words, p->node);
    if (p->wrong != WORD_COUNT) {
        buf_cstr(b, "<p class=\"wrong\" role=\"alert\" id=\"wrong\">");
        words_write(b, p->words, p->wrong, values, ARRAY_LEN(values), page_escaped);
        buf_cstr(b, "</p>\n");
    }
    buf_cstr(b, "<form method=\"post\" action=\"/login/code\">\n");
    hidden(b, "csrf", p->csrf);
    hidden(b, "step", p->step);
    hidden(b, "next", p->next);
    buf_cstr(b, "<p class=\"field\"><label for=\"code\">");
    words_write(b, p->words, WORD_CODE_LABEL, NULL, 0, page_escaped);
    buf_cstr(b, "</label>\n<span class=\"hint\" id=\"hint\">");
    words_write(b, p->words, WORD_CODE_HINT, values, ARRAY_LEN(values), page_escaped);
    buf_cstr(b, "</span>\n<input id=\"code\" name=\"code\" autocomplete=\"one-time-code\" autocapitalize=\"none\" spellcheck=\"false\" "
                "maxlength=\"40\" required autofocus aria-describedby=\"hint\"></p>\n<p><button type=\"submit\">");
    words_write(b, p->words, WORD_CODE_SEND, NULL, 0, page_escaped);
    buf_cstr(b, "</button></p>\n</form>\n");
    foot(b);
}

/* Shown only: the server takes the name from the link. */
static void known_name(struct buf *b, const struct words *words, struct span name)
{
    buf_printf(b, "<p>%s: <strong>", words->text[WORD_FORM_NAME]);
    page_escaped(b, name);
    buf_cstr(b, "</strong></p>\n");
}

void page_setup(struct buf *b, const struct page_setup *p)
{
    head(b, p->words, p->welcome ? WORD_FORM_WELCOME : WORD_FORM_SETUP, PAGE_MAX);
    node_line(b, p->words, p->node);
    buf_printf(b, "<p>%s</p>\n", p->words->text[p->welcome ? WORD_FORM_WELCOME_LEAD : WORD_FORM_SETUP_LEAD]);
    wrong(b, p->words, p->wrong);
    buf_cstr(b, p->welcome ? "<form method=\"post\" action=\"/welcome\">\n" : "<form method=\"post\" action=\"/setup\">\n");
    hidden(b, "csrf", p->csrf);
    hidden(b, "token", p->token);
    if (p->welcome) {
        known_name(b, p->words, p->name);
    } else {
        name_field(b, p->words, p->name, true);
    }
    password_field(b, p->words, "password", WORD_FORM_PASSWORD, "new-password", true);
    password_field(b, p->words, "again", WORD_FORM_PASSWORD_AGAIN, "new-password", false);
    button(b, p->words, p->welcome ? WORD_FORM_CHOOSE_PASSWORD : WORD_FORM_MAKE_ADMINISTRATOR);
    foot(b);
}

void page_error(struct buf *b, const struct words *words, unsigned status, const char *message)
{
    enum word title = status == 404   ? WORD_ERROR_NOT_FOUND
                      : status == 429 ? WORD_ERROR_WAIT
                      : status >= 500 ? WORD_ERROR_NOT_NOW
                                      : WORD_ERROR_NOT_DONE;
    head(b, words, title, PAGE_MAX);
    said(b, words, "", span_of(message));
    buf_printf(b, "<p><a href=\"/\">%s</a></p>\n", words->text[WORD_ERROR_TO_ALERTS]);
    foot(b);
}

static const char style[] =
    ":root{color-scheme:light "
    "dark;--bg:light-dark(#f7f8f9,#0f141a);--surface:light-dark(#fff,#151b23);"
    "--line:light-dark(#c5ccd5,#3a4553);--edge:light-dark(#7b8592,#76828f);--ink:light-dark(#"
    "161b22,#e7ebf0);"
    "--ink-2:light-dark(#475260,#aeb8c4);--accent:light-dark(#1f4f8f,#8fb9f7);--on:light-dark(#fff,"
    "#0b1523);"
    "--focus:light-dark(#1f4f8f,#ffcf70);--wrong:light-dark(#b0122a,#ff8d93)}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.45 "
    "system-ui,-apple-system,'Segoe UI',Roboto,"
    "'Noto Sans','Liberation Sans',sans-serif}"
    ".demo-band{padding:.6rem 1rem;border-bottom:3px double var(--ink);background:var(--surface);text-align:center}"
    "main{max-width:26rem;margin:12vh auto "
    "2rem;padding:1.5rem;background:var(--surface);border:1px solid var(--line);"
    "border-radius:9px}"
    ".brand svg{vertical-align:-3px;margin-right:.5rem}.flame{fill:light-dark(#a85d00,#ffcf70)}"
    ".brand{margin:0;color:var(--ink-2);font-weight:600}h1{margin:.25rem 0 "
    ".5rem;font-size:1.625rem}"
    ".node,.hint{color:var(--ink-2);font-size:.875rem}.node{margin:0 0 "
    "1rem}.hint{display:block;margin:0 0 .25rem}"
    ".field{margin:0 0 1rem}label{display:block;font-weight:600;margin:0 0 .25rem}"
    "input,textarea{width:100%;padding:.5rem "
    ".75rem;font:inherit;color:inherit;background:var(--bg);border:1px solid var(--edge);"
    "border-radius:6px}"
    "button{padding:.5rem "
    "1rem;font:inherit;font-weight:600;color:var(--on);background:var(--accent);border:0;"
    "border-radius:6px;min-height:2.75rem;cursor:pointer}"
    "a{color:var(--accent)}"
    ".provider{margin:0 0 .75rem}.provider a{display:block;padding:.5rem 1rem;min-height:2.75rem;font-weight:600;"
    "text-align:center;text-decoration:none;border:1px solid var(--edge);border-radius:6px}"
    ".provider+h2{margin:1.5rem 0 1rem;padding-top:1rem;border-top:1px solid var(--line);font-size:1rem}.directory{margin:0 0 1rem;font-size:1rem}"
    ":focus-visible{outline:3px solid var(--focus);outline-offset:2px}"
    ".wrong{margin:0 0 1rem;padding:.5rem .75rem;border-left:4px solid "
    "var(--wrong);color:var(--wrong)}"
    ".sheet form{max-width:34rem}.issued{padding-left:1.25rem}.issued li{margin:0 0 .75rem}.issued a,nav a,.sheet td a{display:inline-block;min-height:1.5rem}"
    ".sheet{max-width:50rem;margin:2rem auto}.sheet h2{margin:1.5rem 0 .5rem;font-size:1.125rem}"
    ".mast{display:flex;flex-wrap:wrap;gap:.5rem 1rem;justify-content:space-between;margin:0}.tlp{background:#000;color:#ffc000;padding:0 .5rem;"
    "font-size:12pt;margin-left:auto;border:1px solid light-dark(#000,#76828f)}.sheet .five{list-style:none;padding:0;display:grid;gap:.75rem 1.5rem;"
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,13rem),1fr))}.five a{display:block;text-decoration:none}.five a:hover{text-decoration:underline}"
    ".big{display:block;font-size:2.125rem;line-height:1.2;font-weight:600}table{border-collapse:collapse;width:100%;table-layout:fixed}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}"
    "th a,.noprint a{display:inline-block;min-height:1.5rem;min-width:1.5rem}"
    ".sign{display:flex;flex-wrap:wrap;gap:1rem;margin:2.5rem 0 1.5rem}.sign span{flex:1 1 14rem;border-bottom:1px solid var(--edge);padding-bottom:.25rem}"
    "@page{size:A4;margin:14mm 16mm}@media print{:root{color-scheme:light}body{background:none;font-size:10.5pt}main.sheet{margin:0;padding:0;border:0;max-width:none}"
    ".noprint{display:none}.sheet a{color:inherit;text-decoration:none}.tlp{print-color-adjust:exact}tr,.sign{break-inside:avoid}}"
    "@media (max-width:30rem){main{margin:0;border:0;border-radius:0;min-height:100vh}}";

/* Text of several lines. */
static void lines(struct buf *b, struct span text)
{
    while (text.len > 0) {
        ptrdiff_t end = span_find(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end;
        page_escaped(b, span_sub(text, 0, len));
        text = span_sub(text, len + 1, text.len);
        if (text.len > 0) {
            buf_cstr(b, "<br>\n");
        }
    }
}

static void one_item(struct buf *b, const struct words *words, const struct page_item *item)
{
    char at[TIME_TEXT_MAX];
    buf_cstr(b, "<article>\n<h2>");
    page_escaped(b, item->title);
    buf_cstr(b, "</h2>\n<p><strong>TLP:");
    page_escaped(b, item->tlp);
    buf_cstr(b, "</strong>");
    if (item->chr) {
        buf_cstr(b, " \xC2\xB7 ");
        words_write(b, words, WORD_PAGE_CHR, NULL, 0, page_escaped);
    }
    buf_printf(b, " \xC2\xB7 <time>%.10s</time>", time_format(item->created, at));
    if (item->author.len > 0) {
        buf_cstr(b, " \xC2\xB7 ");
        page_escaped(b, item->author);
    }
    buf_cstr(b, "</p>\n<p>");
    lines(b, item->text);
    buf_cstr(b, "</p>\n</article>\n");
}

void page_items(struct buf *out, const struct page_items *p)
{
    char at[TIME_TEXT_MAX];
    const struct words_value values[] = {{"person", p->person},
                                         {"organisation", p->organisation},
                                         {"circle", p->circle},
                                         {"day", span_sub(span_of(time_format(p->expires, at)), 0, 10)}};
    head(out, p->words, WORD_PAGE_BRAND, PAGE_ITEMS_BYTES);
    buf_cstr(out, "<p>");
    words_write(out, p->words, WORD_PAGE_LEAD, values, ARRAY_LEN(values), page_escaped);
    buf_cstr(out, "</p>\n");
    if (p->nitems == 0) {
        buf_cstr(out, "<p>");
        words_write(out, p->words, WORD_PAGE_NOTHING, NULL, 0, page_escaped);
        buf_cstr(out, "</p>\n");
    }
    for (uint32_t i = 0; i < p->nitems; i++) {
        one_item(out, p->words, &p->items[i]);
    }
    foot(out);
}

void page_ended(struct buf *out, const struct words *w)
{
    head(out, w, WORD_PAGE_ENDED_TITLE, PAGE_MAX);
    buf_cstr(out, "<p>");
    words_write(out, w, WORD_PAGE_ENDED, NULL, 0, page_escaped);
    buf_cstr(out, "</p>\n");
    foot(out);
}

struct span page_style(void)
{
    return span_of(style);
}
