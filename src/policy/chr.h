/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The Chatham House Rule: what may be given on of an item whose decision says `strip`. A pure
 * change of a JSON document (STIX bundle, MISP event, our own item): members that tell who
 * (chr.def) go; the identities that are known (names, domains, addresses of author and
 * participants) go from every text and name, in any case and with any separators; times become days
 * in UTC; ids become random ones of this export, the same one everywhere in it; signatures go, the
 * exporter signs with the community's own key. It is a help, not a promise: free text can tell who
 * by what it tells, so the report asks a person to read it, always when there is any. Called by
 * every export.
 */
#ifndef POLICY_CHR_H
#define POLICY_CHR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    POLICY_CHR_KEY_BYTES = 32,
    POLICY_CHR_DEPTH_MAX = 24,
    POLICY_CHR_IDENTITIES_MAX = 8192,
};
#define POLICY_CHR_REMOVED "[removed]"

struct policy_chr {
    const struct span *identities; /* each with at least one letter or digit */
    uint32_t nidentities;
    unsigned char
        key[POLICY_CHR_KEY_BYTES]; /* fresh random bytes of this export; wipe afterwards */
};

struct policy_chr_report {
    uint32_t members_gone;
    uint32_t replaced; /* identities taken out of texts */
    uint32_t days;     /* times that became days */
    uint32_t ids;
    uint32_t texts;      /* free texts that are left: a person must read them before they go */
    uint32_t suspicious; /* of them, those with something like a host name, a mail address or an IP
                            address */
};

/*
 * Appends the changed document to out. Trees live in scratch. ERR_INVALID: no JSON that can be read
 * in one way only; ERR_LIMIT: too large, deep or many; ERR_DENIED: an identity would be left all
 * the same. Nothing is appended then.
 */
int policy_chr_export(struct span json, const struct policy_chr *rule, struct arena *scratch,
                      struct buf *out, struct policy_chr_report *report, struct err *e) NODISCARD;

/* Whether a text names one of them: letters and digits are compared without regard to case and to
 * what stands between. */
bool policy_chr_names(struct span text, const struct span *identities, uint32_t n);

#endif
