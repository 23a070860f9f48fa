/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What of an alert may be told to others: see signal.h. Fields are looked at by their names, which
 * say what a value is; a value that is of this house, or holds a name of a person or host that the
 * alert tells of, stays. When in doubt, it stays.
 */
#include <string.h>

#include "base/id.h"

#include "desk/federation/signal_priv.h"
#include "wire/json_read.h"

/* What a field of a log can be, by words its name ends in. */
enum field_role {
    FIELD_SOURCE_IP = 1,  /* who came */
    FIELD_TARGET_IP = 2,  /* where it went */
    FIELD_DOMAIN = 4,     /* a name that was asked for */
    FIELD_URL = 8,
    FIELD_HASH = 16,
    FIELD_PRIVATE = 32, /* a person or machine: its value must be in nothing that is told */
};

/* Lower case, letters and digits only: "c-ip", "C_IP" and "cIp" are one name. */
static const struct field_word {
    const char *word;
    unsigned roles;
} words[] = {
    {"sourceip", FIELD_SOURCE_IP},
    {"srcip", FIELD_SOURCE_IP},
    {"sourceaddress", FIELD_SOURCE_IP},
    {"sourceipaddress", FIELD_SOURCE_IP},
    {"ipaddress", FIELD_SOURCE_IP},
    {"clientip", FIELD_SOURCE_IP},
    {"clientaddress", FIELD_SOURCE_IP},
    {"remoteip", FIELD_SOURCE_IP},
    {"remoteaddr", FIELD_SOURCE_IP},
    {"remoteaddress", FIELD_SOURCE_IP},
    {"callingip", FIELD_SOURCE_IP},
    {"cip", FIELD_SOURCE_IP},
    {"idorigh", FIELD_SOURCE_IP},
    {"rhost", FIELD_SOURCE_IP},
    {"destinationip", FIELD_TARGET_IP},
    {"destip", FIELD_TARGET_IP},
    {"dstip", FIELD_TARGET_IP},
    {"destinationaddress", FIELD_TARGET_IP},
    {"idresph", FIELD_TARGET_IP},
    {"destinationhostname", FIELD_DOMAIN},
    {"queryname", FIELD_DOMAIN},
    {"query", FIELD_DOMAIN},
    {"dnsquery", FIELD_DOMAIN},
    {"domain", FIELD_DOMAIN},
    {"servername", FIELD_DOMAIN},
    {"csuri", FIELD_URL},
    {"url", FIELD_URL},
    {"curi", FIELD_URL},
    {"hashes", FIELD_HASH},
    {"hash", FIELD_HASH},
    {"md5", FIELD_HASH},
    {"sha1", FIELD_HASH},
    {"sha256", FIELD_HASH},
    {"user", FIELD_PRIVATE},
    {"username", FIELD_PRIVATE},
    {"targetusername", FIELD_PRIVATE},
    {"subjectusername", FIELD_PRIVATE},
    {"accountname", FIELD_PRIVATE},
    {"loginname", FIELD_PRIVATE},
    {"userid", FIELD_PRIVATE},
    {"csusername", FIELD_PRIVATE},
    {"email", FIELD_PRIVATE},
    {"sender", FIELD_PRIVATE},
    {"recipient", FIELD_PRIVATE},
    {"host", FIELD_PRIVATE},
    {"hostname", FIELD_PRIVATE},
    {"computer", FIELD_PRIVATE},
    {"computername", FIELD_PRIVATE},
    {"workstation", FIELD_PRIVATE},
    {"workstationname", FIELD_PRIVATE},
    {"sourcehostname", FIELD_PRIVATE},
    {"csurihost", FIELD_PRIVATE},
    {"cshost", FIELD_PRIVATE},
};

enum { NAME_MAX = 48, PRIVATE_MAX = 64, PRIVATE_LEN_MIN = 3 };

struct pick {
    struct arena *arena;
    const struct signal_own *own;
    struct signal *out;
    struct span private_[PRIVATE_MAX]; /* values of persons and hosts */
    size_t nprivate;
    bool full; /* more such values than can be kept: then nothing free is told */
    uint32_t nsource, ntarget;
    struct span source[SIGNAL_INDICATORS_MAX], target[SIGNAL_INDICATORS_MAX];
};

/* The last part of a dotted name, and the whole: "event_data.SourceIp" is SourceIp. */
static unsigned roles_of(struct span name)
{
    char low[NAME_MAX];
    unsigned roles = 0;
    struct span parts[2] = {name, name};
    for (size_t i = name.len; i > 0; i--) {
        if (name.ptr[i - 1] == '.') {
            parts[1] = span_sub(name, i, name.len);
            break;
        }
    }
    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        size_t n = 0;
        for (size_t i = 0; i < parts[p].len && n < sizeof low; i++) {
            char c = ascii_lower(parts[p].ptr[i]);
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
                low[n++] = c;
            }
        }
        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            roles |= span_eq(span_make(low, n), span_of(words[w].word)) ? words[w].roles : 0;
        }
    }
    return roles;
}

static void keep_private(struct pick *p, struct span value)
{
    value = span_trim(value);
    struct span parts[3] = {value, SPAN(""), SPAN("")};
    /* "DOMAIN\anna" and "anna@example.org" hide a name each; a host's first label is its name. */
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\') {
            parts[1] = span_sub(value, i + 1, value.len);
        } else if ((value.ptr[i] == '@' || value.ptr[i] == '.') && parts[2].len == 0) {
            parts[2] = span_sub(value, 0, i);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len < PRIVATE_LEN_MIN) {
            continue;
        }
        if (p->nprivate == PRIVATE_MAX) {
            p->full = true;
            return;
        }
        p->private_[p->nprivate++] = parts[i];
    }
}

static bool holds_nocase(struct span text, struct span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (span_eq_nocase(span_sub(text, i, part.len), part)) {
            return true;
        }
    }
    return false;
}

/* The dotted number that starts here, as far as it is one. */
static struct span quad_at(struct span text, size_t from)
{
    size_t end = from;
    while (end < text.len && (text.ptr[end] == '.' || (text.ptr[end] >= '0' && text.ptr[end] <= '9'))) {
        end++;
    }
    return span_sub(text, from, end - from);
}

/* "192.168.77.1.evil.net": an address of a house inside a name. Any four numbers that could be one. */
static bool holds_private_address(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool starts = text.ptr[i] >= '0' && text.ptr[i] <= '9' &&
                      (i == 0 || text.ptr[i - 1] < '0' || text.ptr[i - 1] > '9');
        struct span run = starts ? quad_at(text, i) : SPAN("");
        size_t dots = 0;
        for (size_t k = 0; k < run.len; k++) {
            dots += run.ptr[k] == '.';
            if (dots == 4) {
                run.len = k;
            }
        }
        while (run.len > 0 && run.ptr[run.len - 1] == '.') {
            run.len--;
        }
        if (dots >= 3 && fed_indicator_network_valid(run) && !fed_indicator_ip_public(run)) {
            return true;
        }
    }
    return false;
}

/* Whether a value tells of somebody of this house. An address that came as "host" is what it is. */
static bool tells_of_us(const struct pick *p, struct span value)
{
    for (size_t i = 0; i < p->nprivate; i++) {
        if (holds_nocase(value, p->private_[i]) && !fed_indicator_ip_public(p->private_[i])) {
            return true;
        }
    }
    return false;
}

static void add(struct pick *p, enum fed_indicator_type type, struct span value)
{
    struct signal *s = p->out;
    struct fed_indicator in;
    struct span name;
    if (s->nindicators == SIGNAL_INDICATORS_MAX ||
        !fed_indicator_read(type, span_trim(value), p->arena, &in)) {
        return;
    }
    for (uint32_t i = 0; i < s->nindicators; i++) {
        if (s->indicators[i].type == in.type && span_eq(s->indicators[i].value, in.value)) {
            return;
        }
    }
    bool words_in_it = type == FED_INDICATOR_DOMAIN || type == FED_INDICATOR_URL;
    if (words_in_it && (p->full || tells_of_us(p, in.value) || holds_private_address(in.value))) {
        return;
    }
    name = type == FED_INDICATOR_URL ? fed_indicator_url_host(in.value) : in.value;
    if (words_in_it && (fed_indicator_domain_below(name, p->own->domains, p->own->ndomains) ||
                        fed_indicator_ip_within(name, p->own->networks, p->own->nnetworks))) {
        return;
    }
    s->indicators[s->nindicators++] = in;
}

/* "SHA1=ab,MD5=cd" or one hash: its length says which. */
static void add_hashes(struct pick *p, struct span value)
{
    while (value.len > 0) {
        ptrdiff_t comma = span_find(value, ',');
        struct span one = comma < 0 ? value : span_sub(value, 0, (size_t)comma);
        value = comma < 0 ? SPAN("") : span_sub(value, (size_t)comma + 1, value.len);
        ptrdiff_t is = span_find(one, '=');
        struct span kind = is < 0 ? SPAN("") : span_trim(span_sub(one, 0, (size_t)is));
        one = span_trim(is < 0 ? one : span_sub(one, (size_t)is + 1, one.len));
        if (span_eq_nocase(kind, SPAN("imphash"))) {
            continue; /* of what a program imports, not of a file */
        }
        add(p, one.len == 64   ? FED_INDICATOR_SHA256
               : one.len == 40 ? FED_INDICATOR_SHA1
                               : FED_INDICATOR_MD5,
            one);
    }
}

static void keep_address(struct pick *p, struct span value, struct span *list, uint32_t *count)
{
    value = span_trim(value);
    if (*count < SIGNAL_INDICATORS_MAX && fed_indicator_ip_public(value) &&
        !fed_indicator_ip_within(value, p->own->networks, p->own->nnetworks)) {
        list[(*count)++] = value;
    }
}

/*
 * Which of two ends is the attacker's? The one that is public when the other is not. With both
 * public and neither known as ours, one of them is the city's own: neither is told.
 */
static void add_addresses(struct pick *p)
{
    if (p->nsource > 0 && p->ntarget > 0 && p->own->nnetworks == 0) {
        return;
    }
    for (uint32_t i = 0; i < p->nsource; i++) {
        add(p, FED_INDICATOR_IP, p->source[i]);
    }
    for (uint32_t i = 0; i < p->ntarget; i++) {
        add(p, FED_INDICATOR_IP, p->target[i]);
    }
}

static void look_at(struct pick *p, struct span name, struct span value)
{
    unsigned roles = roles_of(name);
    if ((roles & FIELD_SOURCE_IP) != 0) {
        keep_address(p, value, p->source, &p->nsource);
    }
    if ((roles & FIELD_TARGET_IP) != 0) {
        keep_address(p, value, p->target, &p->ntarget);
    }
    if ((roles & FIELD_HASH) != 0) {
        add_hashes(p, value);
    }
    if ((roles & FIELD_DOMAIN) != 0) {
        add(p, FED_INDICATOR_DOMAIN, value);
    }
    if ((roles & FIELD_URL) != 0) {
        add(p, FED_INDICATOR_URL, value);
    }
}

static void look_for_private(struct pick *p, const struct alert *a)
{
    const struct span always[] = {a->host, a->user, a->source, a->organisation};
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        keep_private(p, always[i]);
    }
    for (uint16_t i = 0; i < a->nfields; i++) {
        if ((roles_of(a->fields[i].name) & FIELD_PRIVATE) != 0) {
            keep_private(p, a->fields[i].value);
        }
    }
    for (uint16_t i = 0; i < a->nwhy; i++) {
        if ((roles_of(a->why[i].field) & FIELD_PRIVATE) != 0) {
            keep_private(p, a->why[i].value);
        }
    }
}

/* ---- techniques ---- */

bool signal_technique(struct span tag, struct arena *arena, struct span *out)
{
    struct span rest = span_sub(tag, 7, tag.len);
    if (!span_eq_nocase(span_sub(tag, 0, 7), SPAN("attack.")) || rest.len == 0 || rest.len > 9) {
        return false;
    }
    struct span copy = arena_copy(arena, rest);
    char *text = arena_bytes(arena, copy.len + 1);
    memcpy(text, copy.ptr, copy.len + 1);
    text[0] = text[0] == 't' ? 'T' : text[0];
    *out = span_make(text, copy.len);
    return signal_technique_valid(*out);
}

struct tag_visit {
    struct arena *arena;
    struct signal *out;
};

static void visit_tag(void *ctx, struct span name, const struct leaf *leaf)
{
    struct tag_visit *v = ctx;
    struct span technique;
    (void)name;
    if (leaf->kind != LEAF_STRING || v->out->ntechniques == SIGNAL_TECHNIQUES_MAX ||
        !signal_technique(span_make(leaf->ptr, leaf->len), v->arena, &technique)) {
        return;
    }
    v->out->techniques[v->out->ntechniques++] = technique;
}

/* A product that is a word as Sigma's are; another may be a name that the city made. */
static struct span product_of(struct span product)
{
    for (size_t i = 0; i < product.len; i++) {
        char c = product.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return SPAN("");
        }
    }
    return product.len <= SIGNAL_PRODUCT_MAX ? product : SPAN("");
}

void signal_of_alert(const struct alert *a, struct span tags, const struct signal_own *own,
                     struct arena *arena, struct signal *out)
{
    struct pick *p = arena_alloc(arena, sizeof *p);
    struct tag_visit v = {arena, out};
    *p = (struct pick){.arena = arena, .own = own, .out = out};
    *out = (struct signal){
        .rule = id_valid(a->rule_id) ? a->rule_id : a->rule_hash, /* not the path of a file */
        .rule_hash = a->rule_hash,
        .title = signal_text_valid(a->title, SIGNAL_TITLE_MAX) ? a->title : SPAN(""),
        .level = a->level,
        .product = product_of(a->product),
        .bucket = signal_bucket(a->time),
    };
    if (tags.len > 0 && json_walk(tags, arena, visit_tag, &v, NULL) < 0) {
        out->ntechniques = 0;
    }
    look_for_private(p, a);
    for (uint16_t i = 0; i < a->nfields; i++) {
        look_at(p, a->fields[i].name, a->fields[i].value);
    }
    for (uint16_t i = 0; i < a->nwhy; i++) {
        look_at(p, a->why[i].field, a->why[i].value);
    }
    add_addresses(p);
}
