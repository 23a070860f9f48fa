/* SPDX-License-Identifier: EUPL-1.2 */
/* What an answer of a directory means here, and the messages that bring it: see directory.h. Pure. */
#include "desk/identity/directory.h"

#include <stddef.h>

enum {
    DISABLED_BIT = 0x2,     /* ACCOUNTDISABLE of userAccountControl ([MS-ADTS] §2.2.16) */
};
#define EXPIRES_NEVER UINT64_C(0x7fffffffffffffff)  /* accountExpires; 0 is never too */
#define FILETIME_UNIX UINT64_C(116444736000000000)  /* 1970 in steps of 100 ns since 1601 */

static const struct directory_text texts[] = {
    {offsetof(struct directory, name), true, true},          {offsetof(struct directory, title), true, false},
    {offsetof(struct directory, id), true, true},            {offsetof(struct directory, url), false, true},
    {offsetof(struct directory, ca_file), false, true},      {offsetof(struct directory, bind_dn), false, true},
    {offsetof(struct directory, password_file), false, true}, {offsetof(struct directory, base), false, true},
    {offsetof(struct directory, filter), false, true},       {offsetof(struct directory, shown), false, true},
    {offsetof(struct directory, groups_attribute), false, true}, {offsetof(struct directory, groups_base), false, true},
    {offsetof(struct directory, groups_filter), false, true},
};

const struct directory_text *directory_texts(size_t *count_out)
{
    *count_out = ARRAY_LEN(texts);
    return texts;
}

struct span *directory_text_of(struct directory *d, const struct directory_text *t)
{
    return (struct span *)(void *)((char *)d + t->at);
}

const struct directory *directory_find(const struct sign_in *s, struct span name)
{
    for (uint32_t i = 0; i < s->ndirectories; i++) {
        if (span_eq(s->directories[i].name, name)) {
            return &s->directories[i];
        }
    }
    return NULL;
}

void directory_copy(struct arena *a, struct directory *d)
{
    struct provider_role *roles = arena_calloc(a, d->nroles, sizeof *roles);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct span *s = directory_text_of(d, &texts[i]);
        *s = arena_copy(a, *s);
    }
    for (uint32_t i = 0; i < d->nroles; i++) {
        roles[i] = (struct provider_role){arena_copy(a, d->roles[i].group), arena_copy(a, d->roles[i].role), arena_copy(a, d->roles[i].organisation)};
    }
    d->roles = roles;
}

/* ---- messages ---- */

void directory_ask_encode(struct buf *out, const struct directory_ask *q)
{
    buf_u8(out, (uint8_t)q->errand);
    buf_str(out, q->directory);
    buf_str(out, q->who);
    buf_str(out, q->password);
}

void directory_ask_decode(struct cursor *in, struct directory_ask *out)
{
    uint8_t errand = cursor_u8(in);
    out->errand = (enum directory_errand)errand;
    out->directory = cursor_str(in);
    out->who = cursor_str(in);
    out->password = cursor_str(in);
    bool states = errand == DIRECTORY_STATES;
    bool secret = states ? out->password.len == 0 : out->password.len > 0 && out->password.len <= DIRECTORY_PASSWORD_MAX;
    size_t most = states ? DIRECTORY_STATES_MAX * (DIRECTORY_ID_MAX + 4) + 4 : DIRECTORY_NAME_MAX;
    bool fine = errand < DIRECTORY_ERRANDS && provider_name_valid(out->directory) && out->who.len > 0 && out->who.len <= most && secret;
    in->failed = in->failed || !fine;
}

/* In the order of the message. */
static void entry_texts(struct directory_entry *e, struct span *out[7])
{
    out[0] = &e->dn;
    out[1] = &e->id;
    out[2] = &e->shown;
    out[3] = &e->control;
    out[4] = &e->locked;
    out[5] = &e->locked2;
    out[6] = &e->expires;
}

static void put_states(struct buf *out, const struct directory_answer *f)
{
    struct span *all[7];
    buf_u32(out, f->nstates);
    for (uint32_t i = 0; i < f->nstates; i++) {
        struct directory_entry e = f->states[i];
        entry_texts(&e, all);
        for (size_t t = 0; t < ARRAY_LEN(all); t++) {
            buf_str(out, *all[t]);
        }
    }
}

static void get_texts(struct cursor *in, struct directory_entry *e)
{
    struct span *all[7];
    entry_texts(e, all);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        *all[i] = cursor_str(in);
        in->failed = in->failed || all[i]->len > (i == 0 ? DIRECTORY_DN_MAX : DIRECTORY_VALUE_MAX);
    }
}

static void get_states(struct cursor *in, struct arena *a, struct directory_answer *out)
{
    uint32_t n = cursor_u32(in);
    in->failed = in->failed || n > DIRECTORY_STATES_MAX;
    out->nstates = in->failed ? 0 : n;
    out->states = arena_calloc(a, out->nstates, sizeof *out->states);
    for (uint32_t i = 0; i < out->nstates; i++) {
        get_texts(in, &out->states[i]);
    }
}

void directory_answer_encode(struct buf *out, const struct directory_answer *f)
{
    struct directory_entry e = f->entry;
    struct span *all[7];
    entry_texts(&e, all);
    buf_u8(out, (uint8_t)f->said);
    buf_str(out, span_sub(f->why, 0, DIRECTORY_WHY_MAX));
    if (f->said == DIRECTORY_STATED) {
        put_states(out, f);
    }
    if (f->said != DIRECTORY_FOUND) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        buf_str(out, *all[i]);
    }
    buf_u32(out, e.ngroups);
    for (uint32_t i = 0; i < e.ngroups; i++) {
        buf_str(out, e.groups[i]);
    }
}

void directory_answer_decode(struct cursor *in, struct arena *a, struct directory_answer *out)
{
    *out = (struct directory_answer){.said = DIRECTORY_DOWN};
    uint8_t said = cursor_u8(in);
    out->why = cursor_str(in);
    in->failed = in->failed || said >= DIRECTORY_SAID_COUNT || out->why.len > DIRECTORY_WHY_MAX;
    out->said = in->failed ? DIRECTORY_DOWN : (enum directory_said)said;
    if (out->said == DIRECTORY_STATED) {
        get_states(in, a, out);
    }
    if (out->said != DIRECTORY_FOUND) {
        return;
    }
    get_texts(in, &out->entry);
    uint32_t n = cursor_u32(in);
    in->failed = in->failed || n > DIRECTORY_GROUPS_MAX || n > cursor_left(in) / 4; /* each has its length before it */
    out->entry.ngroups = in->failed ? 0 : n;
    out->entry.groups = arena_calloc(a, out->entry.ngroups, sizeof *out->entry.groups);
    for (uint32_t i = 0; i < out->entry.ngroups; i++) {
        out->entry.groups[i] = cursor_str(in);
        in->failed = in->failed || out->entry.groups[i].len > DIRECTORY_DN_MAX;
    }
}

/* ---- what it means ---- */

/* Decimal digits only; false where it is no such number, or does not fit. */
static bool number(struct span s, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || *out > (UINT64_MAX - 9) / 10) {
            return false;
        }
        *out = *out * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    return s.len > 0;
}

struct span directory_barred(const struct directory_entry *e, time_ns now)
{
    uint64_t control = 0, expires = 0;
    struct span digits = e->control;
    digits = span_starts(digits, SPAN("-")) ? span_sub(digits, 1, digits.len) : digits; /* a signed number of 32 bits there */
    if (e->control.len > 0 && !number(digits, &control)) {
        return SPAN("its state cannot be read"); /* what is not understood opens nothing */
    }
    control = digits.len < e->control.len ? ~control + 1 : control;
    if ((control & DISABLED_BIT) != 0) {
        return SPAN("it is disabled in the directory");
    }
    /* "000001010000Z": until an administrator unlocks it; another time ends by the directory's own rule, and it checks that at each bind. */
    if (span_starts(e->locked, SPAN("000001010000"))) {
        return SPAN("it is locked in the directory");
    }
    if (span_eq_nocase(e->locked2, SPAN("true"))) {
        return SPAN("it is disabled in the directory");
    }
    if (e->expires.len > 0 && !number(e->expires, &expires)) {
        return SPAN("its state cannot be read");
    }
    if (expires != 0 && expires != EXPIRES_NEVER) {
        uint64_t at = now <= 0 ? FILETIME_UNIX : FILETIME_UNIX + (uint64_t)now / 100;
        return expires <= at ? SPAN("it has expired in the directory") : SPAN("");
    }
    return SPAN("");
}

/* In the form in which two that mean the same are equal; empty: it is no DN, and equals none. */
static struct span folded(struct arena *a, struct span dn)
{
    struct buf b;
    buf_init(&b, 4 * DIRECTORY_DN_MAX);
    struct span out = directory_dn_fold(&b, dn) ? arena_copy(a, buf_view(&b)) : SPAN("");
    buf_free(&b);
    return out;
}

const struct provider_role *directory_role(const struct directory *d, const struct directory_entry *entry)
{
    const struct provider_role *found = NULL;
    struct arena a;
    arena_init(&a, 0);
    struct span *groups = arena_calloc(&a, entry->ngroups, sizeof *groups); /* once each: there may be many of both */
    for (uint32_t k = 0; k < entry->ngroups; k++) {
        groups[k] = folded(&a, entry->groups[k]);
    }
    for (uint32_t i = 0; i < d->nroles && found == NULL; i++) {
        struct span row = folded(&a, d->roles[i].group);
        for (uint32_t k = 0; k < entry->ngroups && found == NULL && row.len > 0; k++) {
            found = span_eq(row, groups[k]) ? &d->roles[i] : NULL;
        }
    }
    arena_fini(&a);
    return found;
}

bool directory_leavers_plausible(uint32_t leavers, uint32_t accounts)
{
    return leavers <= DIRECTORY_LEAVERS_FEW || (uint64_t)leavers * 100 <= (uint64_t)accounts * DIRECTORY_LEAVERS_SHARE;
}

struct span directory_issuer(struct arena *a, struct span name)
{
    return span_of(arena_printf(a, "ldap:%.*s", SPAN_ARG(name)));
}
