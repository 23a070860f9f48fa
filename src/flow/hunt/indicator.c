/* SPDX-License-Identifier: EUPL-1.2 */
/* Indicators: types, their normal forms, their bytes. See indicator.h. */
#include "flow/hunt/indicator.h"

#include "base/utf8.h"
#include "flow/hunt/shape.h"

static const char *const names[] = {
#define X(name, text) text,
    INDICATOR_TYPES(X)
#undef X
};

const char *indicator_type_name(enum indicator_type type)
{
    CHECK((unsigned)type < INDICATOR_TYPE_COUNT);
    return names[type];
}

bool indicator_type_parse(struct span word, enum indicator_type *out)
{
    for (unsigned i = 0; i < INDICATOR_TYPE_COUNT; i++) {
        if (span_eq_nocase(word, span_of(names[i]))) {
            *out = (enum indicator_type)i;
            return true;
        }
    }
    return false;
}

/* "hxxps://evil[.]example" as it was meant. */
static struct span refang(struct span s, struct arena *arena)
{
    char *out = arena_bytes(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        struct span rest = span_sub(s, i, s.len);
        if (span_starts(rest, SPAN("[.]")) || span_starts(rest, SPAN("(.)"))) {
            out[n++] = '.';
            i += 2;
        } else if (span_starts(rest, SPAN("[:]"))) {
            out[n++] = ':';
            i += 2;
        } else if (i == 0 && span_starts(rest, SPAN("hxxp"))) {
            memcpy(out, "http", 4);
            n = 4;
            i = 3;
        } else {
            out[n++] = s.ptr[i];
        }
    }
    out[n] = '\0';
    return span_make(out, n);
}

static struct span lower(struct span s, struct arena *arena)
{
    char *out = arena_bytes(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    out[s.len] = '\0';
    return span_make(out, s.len);
}

static struct span folded(struct span s, struct arena *arena)
{
    char *out = arena_bytes(arena, utf8_fold_room(s.len));
    return span_make(out, utf8_fold(s, out));
}

static bool cidr(struct span s, struct indicator *in)
{
    ptrdiff_t slash = span_find(s, '/');
    uint64_t bits = 0;
    if (slash < 1 || !shape_ip(span_sub(s, 0, (size_t)slash), in->addr, &in->addr_len) ||
        !shape_number(span_sub(s, (size_t)slash + 1, s.len), 128, &bits) ||
        bits > in->addr_len * 8u) {
        return false;
    }
    in->prefix = (uint8_t)bits;
    shape_mask(in->addr, in->addr_len, in->prefix);
    return true;
}

static enum indicator_type hash_type(size_t digits)
{
    return digits == 32   ? INDICATOR_MD5
           : digits == 40 ? INDICATOR_SHA1
           : digits == 64 ? INDICATOR_SHA256
                          : INDICATOR_TYPE_COUNT;
}

static bool email(struct span s)
{
    ptrdiff_t at = span_find(s, '@');
    return at > 0 && shape_domain(span_sub(s, (size_t)at + 1, s.len));
}

static struct span without_star(struct span s)
{
    return span_starts(s, SPAN("*.")) ? span_sub(s, 2, s.len)
           : span_starts(s, SPAN("."))  ? span_sub(s, 1, s.len)
                                        : s;
}

/* The type that a value's looks leave no doubt about; else TYPE_COUNT. */
static enum indicator_type guess(struct span s)
{
    struct indicator probe = {0};
    struct span bare = without_star(s);
    if (shape_ip(s, probe.addr, &probe.addr_len)) {
        return probe.addr_len == 4 ? INDICATOR_IPV4 : INDICATOR_IPV6;
    }
    if (cidr(s, &probe)) {
        return INDICATOR_CIDR;
    }
    if (shape_hex(s) && hash_type(s.len) != INDICATOR_TYPE_COUNT) {
        return hash_type(s.len);
    }
    if (memmem(s.ptr, s.len, "://", 3) != NULL) {
        return INDICATOR_URL;
    }
    if (email(s)) {
        return INDICATOR_EMAIL;
    }
    bare.len -= span_ends(bare, SPAN(".")) && bare.len > 1;
    return shape_domain(bare) ? INDICATOR_DOMAIN : INDICATOR_TYPE_COUNT;
}

static int no_good(struct err *e, enum indicator_type type, struct span value)
{
    return err_set(e, ERR_INVALID, "\"%.*s\" is no %s", SPAN_ARG(span_sub(value, 0, 100)),
                   names[type]);
}

static int make_domain(struct span s, struct arena *arena, struct indicator *out, struct err *e)
{
    struct span bare = without_star(s);
    out->subdomains = bare.len < s.len;
    bare.len -= span_ends(bare, SPAN(".")) && bare.len > 1;
    if (!shape_domain(bare)) {
        return no_good(e, INDICATOR_DOMAIN, s);
    }
    out->value = lower(bare, arena);
    return 0;
}

static int make(struct span s, struct arena *arena, struct indicator *out, struct err *e)
{
    struct span host;
    switch (out->type) {
    case INDICATOR_IPV4:
    case INDICATOR_IPV6:
        if (!shape_ip(s, out->addr, &out->addr_len) ||
            (out->type == INDICATOR_IPV4) != (out->addr_len == 4)) {
            return no_good(e, out->type, s);
        }
        out->value = lower(s, arena);
        return 0;
    case INDICATOR_CIDR:
        out->value = lower(s, arena);
        return cidr(s, out) ? 0 : no_good(e, out->type, s);
    case INDICATOR_DOMAIN:
        return make_domain(s, arena, out, e);
    case INDICATOR_URL:
        return shape_url(s, arena, &out->value, &host) ? 0 : no_good(e, out->type, s);
    case INDICATOR_MD5:
    case INDICATOR_SHA1:
    case INDICATOR_SHA256:
        out->value = lower(s, arena);
        return shape_hex(s) && hash_type(s.len) == out->type ? 0 : no_good(e, out->type, s);
    case INDICATOR_EMAIL:
        out->value = lower(s, arena);
        return email(s) ? 0 : no_good(e, out->type, s);
    case INDICATOR_FILE:
    case INDICATOR_PROCESS:
        out->value = folded(s, arena);
        return shape_last_part(s).len > 0 ? 0 : no_good(e, out->type, s);
    case INDICATOR_COMMAND:
        out->value = folded(s, arena);
        return s.len >= INDICATOR_COMMAND_MIN
                   ? 0
                   : err_set(e, ERR_INVALID, "a piece of a command has at least %d bytes",
                             INDICATOR_COMMAND_MIN);
    case INDICATOR_TYPE_COUNT:
        break;
    }
    return err_set(e, ERR_INVALID, "\"%.*s\": say what it is, as in \"file %.*s\"",
                   SPAN_ARG(span_sub(s, 0, 100)), SPAN_ARG(span_sub(s, 0, 100)));
}

int indicator_make(struct span type_word, struct span value, struct arena *arena,
                   struct indicator *out, struct err *e)
{
    memset(out, 0, sizeof *out);
    out->valid_until = TIME_NONE;
    value = span_trim(value);
    if (value.len == 0 || value.len > INDICATOR_VALUE_MAX) {
        return err_set(e, value.len == 0 ? ERR_INVALID : ERR_LIMIT,
                       "an indicator has 1 to %d bytes", INDICATOR_VALUE_MAX);
    }
    if (type_word.len > 0 && !indicator_type_parse(type_word, &out->type)) {
        return err_set(e, ERR_INVALID, "there is no indicator type \"%.*s\"",
                       SPAN_ARG(span_sub(type_word, 0, 64)));
    }
    bool verbatim = type_word.len > 0 && out->type >= INDICATOR_FILE;
    struct span s = verbatim ? value : refang(value, arena);
    if (type_word.len == 0) {
        out->type = guess(s);
    }
    return make(s, arena, out, e);
}

static struct span take_word(struct span *rest)
{
    *rest = span_trim(*rest);
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t') {
        n++;
    }
    struct span word = span_sub(*rest, 0, n);
    *rest = span_trim(span_sub(*rest, n, rest->len));
    return word;
}

/* Takes " until TIME" off the end. */
static int take_until(struct span *s, time_ns *out, struct err *e)
{
    static const char word[] = " until ";
    const size_t n = sizeof word - 1;
    for (size_t at = s->len; at-- > 0;) {
        struct span tail = span_sub(*s, at, s->len);
        if (!span_starts(tail, span_make(word, n))) {
            continue;
        }
        struct span when = span_trim(span_sub(tail, n, tail.len));
        if (!time_parse(when, 0, out)) {
            return err_set(e, ERR_INVALID, "\"%.*s\" is no time", SPAN_ARG(span_sub(when, 0, 64)));
        }
        *s = span_trim(span_sub(*s, 0, at));
        return 0;
    }
    return 0;
}

int indicator_line(struct span line, struct arena *arena, struct indicator *out, struct err *e)
{
    struct span rest = span_trim(line);
    time_ns until = TIME_NONE;
    enum indicator_type type = INDICATOR_TYPE_COUNT;
    int rc = take_until(&rest, &until, e);
    if (rc != 0) {
        return rc;
    }
    struct span value = rest;
    struct span word = take_word(&value);
    bool typed = value.len > 0 && indicator_type_parse(word, &type);
    rc = indicator_make(typed ? word : SPAN(""), typed ? value : rest, arena, out, e);
    out->valid_until = until;
    return rc;
}

void indicator_encode(struct buf *out, const struct indicator *in)
{
    buf_u8(out, (uint8_t)in->type);
    buf_u8(out, in->subdomains);
    buf_u64(out, (uint64_t)in->valid_until);
    buf_str(out, in->value);
    buf_str(out, in->id);
}

int indicator_decode(struct cursor *c, struct arena *arena, struct indicator *out, struct err *e)
{
    uint8_t type = cursor_u8(c);
    uint8_t subdomains = cursor_u8(c);
    time_ns until = (time_ns)cursor_u64(c);
    struct span value = cursor_str(c);
    struct span id = cursor_str(c);
    if (c->failed || type >= INDICATOR_TYPE_COUNT || subdomains > 1 || id.len > INDICATOR_ID_MAX ||
        (subdomains == 1 && type != INDICATOR_DOMAIN)) {
        c->failed = true;
        return err_set(e, ERR_INVALID, "an indicator is broken");
    }
    if (value.len == 0 || value.len > INDICATOR_VALUE_MAX) {
        return err_set(e, ERR_INVALID, "an indicator is broken");
    }
    /* As it was made: what people write for "." is read once only. */
    memset(out, 0, sizeof *out);
    out->type = (enum indicator_type)type;
    int rc = make(value, arena, out, e);
    out->subdomains = subdomains == 1;
    out->valid_until = until;
    out->id = id;
    return rc;
}
