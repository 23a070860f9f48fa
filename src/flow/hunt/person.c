/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether what is looked for names a person: see person.h. */
#include "flow/hunt/person.h"

#include <string.h>

/* Accounts of systems, as logs write them; without case. */
static const char *const nobody[] = {
    "root",   "admin", "administrator", "system",  "nt authority", "local service", "network service", "anonymous logon", "anonymous", "guest",
    "nobody", "daemon", "www-data",     "apache",  "nginx",        "postgres",      "mysql",           "oracle",          "sshd",      "systemd",
    "cron",   "ubuntu", "debian",       "ec2-user", "test",        "user",          "unknown",         "none",            "null",      "sereno",
};

/* Parts of the names of fields that hold who did something. */
static const char *const fields[] = {"user", "account", "actor", "mail", "login", "principal", "owner", "person", "acct", "auid"};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80) != 0;
}

static struct span bare(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == '*' || s.ptr[0] == '?')) {
        s = span_sub(s, 1, s.len);
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == '*' || s.ptr[s.len - 1] == '?')) {
        s = span_sub(s, 0, s.len - 1);
    }
    return span_trim(s);
}

/* Without the domain of DOMAIN\name. */
static struct span without_domain(struct span s)
{
    for (size_t i = s.len; i > 0; i--) {
        if (s.ptr[i - 1] == '\\') {
            return span_sub(s, i, s.len);
        }
    }
    return s;
}

bool person_name_fits(struct span name)
{
    struct span whole = bare(name);
    struct span s = bare(without_domain(whole));
    bool letters = false;
    for (size_t i = 0; i < s.len; i++) {
        letters = letters || is_letter(s.ptr[i]);
    }
    if (!letters || s.len < 2 || s.ptr[s.len - 1] == '$') {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(nobody); i++) {
        if (span_eq_nocase(s, span_of(nobody[i])) || span_eq_nocase(whole, span_of(nobody[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_mail(struct span s)
{
    s = bare(s);
    ptrdiff_t at = span_find(s, '@');
    if (at < 1 || (size_t)at + 1 >= s.len) {
        return false;
    }
    struct span house = span_sub(s, (size_t)at + 1, s.len);
    return span_find(house, '@') < 0 && span_find(house, '.') > 0;
}

bool person_mail_fits(struct span text)
{
    while (text.len > 0) {
        ptrdiff_t blank = span_find(text, ' ');
        size_t n = blank < 0 ? text.len : (size_t)blank;
        if (is_mail(span_sub(text, 0, n))) {
            return true;
        }
        text = span_sub(text, n + (blank >= 0), text.len);
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool holds_nocase(struct span s, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= s.len; i++) {
        size_t k = 0;
        while (k < len && lower(s.ptr[i + k]) == part[k]) {
            k++;
        }
        if (k == len) {
            return true;
        }
    }
    return false;
}

bool person_term(struct span field, struct span value)
{
    if (field.len == 0) {
        return person_mail_fits(value);
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (holds_nocase(field, fields[i])) {
            return person_name_fits(value);
        }
    }
    return person_mail_fits(value);
}

bool hunt_names_person(const struct hunt *h)
{
    for (uint32_t i = 0; i < h->nindicators; i++) {
        if (h->indicators[i].type == INDICATOR_EMAIL) {
            return true;
        }
    }
    return h->search.len > 0 && hunt_search_names_person(h->search);
}
