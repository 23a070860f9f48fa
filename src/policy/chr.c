/* SPDX-License-Identifier: EUPL-1.2 */
/* What the Chatham House Rule leaves of a document: see chr.h. */
#include "policy/chr.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/id.h"
#include "policy/label.h"
#include "wire/jcs.h"

enum {
    SHORT_MAX = 2 /* letters of a name that counts only as a word of its own */,
    ID_TRIES = 256
};

static const struct span gone[] = {
#define GONE(key) SPAN(key),
#include "policy/chr.def"
#undef GONE
};
static const struct span whole[] = {
#define WHOLE(type) SPAN(type),
#include "policy/chr.def"
#undef WHOLE
};

struct change {
    const struct policy_chr *rule;
    int32_t first[256]; /* identities by the byte that they begin with, as chains; -1 = none */
    int32_t *next;
    struct arena *arena;
    struct policy_chr_report report;
};

static bool in_list(const struct span *list, size_t n, struct span s)
{
    for (size_t i = 0; i < n; i++) {
        if (span_eq(list[i], s)) {
            return true;
        }
    }
    return false;
}

/* ---- finding identities ---- */

/* Letters, digits and everything beyond ASCII; the rest only stands between. */
static bool counts(char c)
{
    char l = ascii_lower(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || (unsigned char)c >= 0x80;
}

static size_t letters(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += counts(s.ptr[i]) && ((unsigned char)s.ptr[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return n;
}

/* Bytes of text from `at` that spell the identity, 0 = none. */
static size_t spells(struct span text, size_t at, struct span identity)
{
    size_t i = at;
    for (size_t k = 0; k < identity.len; k++) {
        if (!counts(identity.ptr[k])) {
            continue;
        }
        while (i < text.len && i > at && !counts(text.ptr[i])) {
            i++;
        }
        if (i >= text.len || ascii_lower(text.ptr[i]) != ascii_lower(identity.ptr[k])) {
            return 0;
        }
        i++;
    }
    if (letters(identity) <= SHORT_MAX) {
        bool word =
            (at == 0 || !counts(text.ptr[at - 1])) && (i == text.len || !counts(text.ptr[i]));
        return word ? i - at : 0;
    }
    return i - at;
}

/* Longest identity that begins at this byte. */
static size_t identity_at(struct span text, size_t at, const struct span *identities, uint32_t n)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < n && counts(text.ptr[at]); i++) {
        size_t len = letters(identities[i]) == 0 ? 0 : spells(text, at, identities[i]);
        longest = len > longest ? len : longest;
    }
    return longest;
}

bool policy_chr_names(struct span text, const struct span *identities, uint32_t n)
{
    for (size_t at = 0; at < text.len; at++) {
        if (identity_at(text, at, identities, n) > 0) {
            return true;
        }
    }
    return false;
}

static unsigned char first_letter(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (counts(s.ptr[i])) {
            return (unsigned char)ascii_lower(s.ptr[i]);
        }
    }
    UNREACHABLE(); /* each has one: policy_chr_export saw to it */
}

/* Thousands of members, a text of 256 KiB: only those are tried that can begin here. */
static void sort_identities(struct change *c)
{
    const struct policy_chr *r = c->rule;
    c->next = arena_calloc(c->arena, r->nidentities + 1, sizeof *c->next);
    for (size_t i = 0; i < ARRAY_LEN(c->first); i++) {
        c->first[i] = -1;
    }
    for (uint32_t i = 0; i < r->nidentities; i++) {
        int32_t *head = &c->first[first_letter(r->identities[i])];
        c->next[i] = *head;
        *head = (int32_t)i;
    }
}

static size_t known_at(const struct change *c, struct span text, size_t at)
{
    size_t longest = 0;
    if (!counts(text.ptr[at])) {
        return 0;
    }
    for (int32_t i = c->first[(unsigned char)ascii_lower(text.ptr[at])]; i >= 0; i = c->next[i]) {
        size_t len = spells(text, at, c->rule->identities[i]);
        longest = len > longest ? len : longest;
    }
    return longest;
}

static bool names_known(const struct change *c, struct span text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (known_at(c, text, at) > 0) {
            return true;
        }
    }
    return false;
}

/* ---- texts ---- */

static struct span without_identities(struct change *c, struct span text)
{
    const struct span removed = SPAN(POLICY_CHR_REMOVED);
    char *to =
        arena_bytes(c->arena, text.len * removed.len + 1); /* each removed one is a byte at least */
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t hit = known_at(c, text, at);
        if (hit > 0) {
            memcpy(to + len, removed.ptr, removed.len);
            len += removed.len;
            at += hit;
            c->report.replaced++;
        } else {
            to[len++] = text.ptr[at++];
        }
    }
    return span_make(to, len);
}

/* "a.b", "x@y", "1.2.3.4": something with a name or number of a machine in it. */
static bool suspicious(struct span text)
{
    for (size_t i = 1; i + 1 < text.len; i++) {
        char c = text.ptr[i];
        if ((c == '.' || c == '@' || c == ':') && counts(text.ptr[i - 1]) &&
            counts(text.ptr[i + 1])) {
            return true;
        }
    }
    return false;
}

/* "type--uuid" or a UUID alone; *uuid_out is its last part. */
static bool is_id(struct span text, struct span *uuid_out)
{
    if (text.len < ID_TEXT_LEN) {
        return false;
    }
    *uuid_out = span_sub(text, text.len - ID_TEXT_LEN, ID_TEXT_LEN);
    return id_valid(*uuid_out) &&
           (text.len == ID_TEXT_LEN ||
            span_ends(span_sub(text, 0, text.len - ID_TEXT_LEN), SPAN("--")));
}

/* A random id of this export in place of one: UUIDv4 from a keyed hash, the same for the same. */
static struct span new_id(struct change *c, struct span text, struct span uuid)
{
    unsigned char bytes[16];
    char hex[33];
    char *to = arena_bytes(c->arena, text.len + 1);
    size_t head = text.len - uuid.len;
    for (unsigned try = 0; try < ID_TRIES; try++) {
        crypto_generichash_state h;
        unsigned char t = (unsigned char)try;
        MUST(crypto_generichash_init(&h, c->rule->key, sizeof c->rule->key, sizeof bytes));
        MUST(crypto_generichash_update(&h, &t, 1));
        for (size_t i = 0; i < uuid.len; i++) {
            unsigned char one = (unsigned char)ascii_lower(uuid.ptr[i]);
            MUST(crypto_generichash_update(&h, &one, 1));
        }
        MUST(crypto_generichash_final(&h, bytes, sizeof bytes));
        bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* RFC 9562 §5.4 */
        bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
        hex_encode(bytes, sizeof bytes, hex);
        memcpy(to, text.ptr, head);
        size_t len = head;
        for (size_t i = 0; i < 32; i++) {
            if (i == 8 || i == 12 || i == 16 || i == 20) {
                to[len++] = '-';
            }
            to[len++] = hex[i];
        }
        /* A short name may be spelt by chance; another number does not. */
        if (!names_known(c, span_make(to, len))) {
            c->report.ids++;
            return span_make(to, len);
        }
    }
    return SPAN(POLICY_CHR_REMOVED);
}

static struct span changed_text(struct change *c, struct span text)
{
    char day[TIME_TEXT_MAX];
    struct span uuid;
    time_ns t = 0;
    struct label l = policy_tag_parse(text);
    if (l.what != LABEL_NOTHING && !l.unknown) {
        return text; /* labels, and the markings that are known, are the same for everybody */
    }
    if (text.len >= 16 && time_parse(text, 0, &t)) {
        c->report.days++;
        return arena_copy(c->arena, span_of(time_format(time_day(t) * TIME_DAY, day)));
    }
    if (is_id(text, &uuid)) {
        return new_id(c, without_identities(c, text), uuid);
    }
    struct span left = without_identities(c, text);
    if (span_find(left, ' ') >= 0) {
        c->report.texts++;
        c->report.suspicious += suspicious(left) ? 1 : 0;
    }
    return left;
}

/* Seconds, milliseconds, micro- or nanoseconds since 1970 in the years 2001 to 2100: taken for a
 * time. */
static int64_t changed_number(struct change *c, int64_t v)
{
    for (int64_t unit = 1; unit <= 1000000000; unit *= 1000) {
        if (v / unit >= 978307200 && v / unit < INT64_C(4102444800)) {
            c->report.days++;
            return v - v % (unit * 86400);
        }
    }
    return v;
}

/* ---- the tree ---- */

static struct jcs *changed(struct change *c, const struct jcs *v, unsigned depth);

static struct jcs *changed_object(struct change *c, const struct jcs *v, unsigned depth)
{
    struct jcs *o = jcs_new_object(c->arena);
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        struct span uuid;
        if (in_list(gone, ARRAY_LEN(gone), m->key) || is_id(m->key, &uuid) ||
            names_known(c, m->key)) {
            c->report.members_gone++;
            continue;
        }
        jcs_set(c->arena, o, arena_cstr(c->arena, m->key), changed(c, m, depth + 1));
    }
    return o;
}

static struct jcs *changed_array(struct change *c, const struct jcs *v, unsigned depth)
{
    struct jcs *a = jcs_new_array(c->arena);
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        struct span type = SPAN("");
        if (jcs_get_text(m, "type", &type) && in_list(whole, ARRAY_LEN(whole), type)) {
            c->report.members_gone++;
            continue;
        }
        jcs_add(a, changed(c, m, depth + 1));
    }
    return a;
}

static struct jcs *changed(struct change *c, const struct jcs *v, unsigned depth)
{
    CHECK(depth <= POLICY_CHR_DEPTH_MAX + 1); /* the reader held it */
    switch (v->kind) {
    case JCS_TEXT:
        return jcs_new_text(c->arena, changed_text(c, v->text));
    case JCS_INT:
        return jcs_new_int(c->arena, changed_number(c, v->number));
    case JCS_OBJECT:
        return changed_object(c, v, depth);
    case JCS_ARRAY:
        return changed_array(c, v, depth);
    default:
        return jcs_copy(c->arena, v);
    }
}

/* What was made is looked at once more, as nobody had changed it. */
static bool names_left(const struct change *c, const struct jcs *v)
{
    if (v->kind == JCS_TEXT && !span_eq(v->text, SPAN(POLICY_CHR_REMOVED)) && names_known(c, v->text)) {
        return true;
    }
    for (const struct jcs *m = v->kind == JCS_OBJECT || v->kind == JCS_ARRAY ? v->first : NULL;
         m != NULL; m = m->next) {
        if (names_known(c, m->key) || names_left(c, m)) {
            return true;
        }
    }
    return false;
}

int policy_chr_export(struct span json, const struct policy_chr *rule, struct arena *scratch,
                      struct buf *out, struct policy_chr_report *report, struct err *e)
{
    struct change c = {.rule = rule, .arena = scratch};
    struct jcs *tree = NULL;
    if (rule->nidentities > POLICY_CHR_IDENTITIES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d identities", POLICY_CHR_IDENTITIES_MAX);
    }
    for (uint32_t i = 0; i < rule->nidentities; i++) {
        if (letters(rule->identities[i]) == 0) {
            return err_set(e, ERR_INVALID, "an identity without a letter");
        }
    }
    int rc = jcs_read(scratch, json, POLICY_CHR_DEPTH_MAX, &tree, e);
    if (rc < 0) {
        return rc == ERR_TRUNCATED ? ERR_INVALID : rc;
    }
    sort_identities(&c);
    struct jcs *made = changed(&c, tree, 0);
    if (names_left(&c, made)) {
        return err_set(e, ERR_DENIED, "a name that must not go out would be left in it");
    }
    struct span text = jcs_text(scratch, made);
    size_t before = out->len;
    buf_span(out, text);
    if (out->failed) {
        out->len = before;
        return err_set(e, ERR_LIMIT, "the export is too large");
    }
    *report = c.report;
    return 0;
}
