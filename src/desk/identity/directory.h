/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A directory (LDAP, Active Directory) in which a city has its people: what the config says of it, what the desk asks the courier, and
 * what an answer means here. Pure. The courier speaks LDAP and judges nothing; a directory says who somebody is and in which groups, the
 * config alone says what that is worth. Every value of an answer is hostile until it was checked here.
 */
#ifndef DESK_IDENTITY_DIRECTORY_H
#define DESK_IDENTITY_DIRECTORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "desk/identity/provider.h"

enum {
    DIRECTORIES_MAX = 4,          /* of one node */
    DIRECTORY_DN_MAX = 1024,      /* bytes of a distinguished name */
    DIRECTORY_FILTER_MAX = 1024,  /* bytes of a filter in the config */
    DIRECTORY_ASKED_MAX = 8 << 10, /* bytes of a filter with what was put in */
    DIRECTORY_NAME_MAX = 64,      /* bytes that somebody types as his name, and of an account */
    DIRECTORY_PASSWORD_MAX = 256, /* bytes */
    DIRECTORY_ID_MAX = 64,        /* bytes of objectGUID or entryUUID */
    DIRECTORY_ID_TEXT_MAX = 128,  /* bytes of the same as it is kept */
    DIRECTORY_VALUE_MAX = 256,    /* bytes of any other value */
    DIRECTORY_GROUPS_MAX = 2048,  /* of one person; more is refused, not cut */
    DIRECTORY_WHY_MAX = 512,
    DIRECTORY_ANSWER_MAX = 4 << 20, /* bytes of one answer between the roles */
    DIRECTORY_STATES_MAX = 200,     /* ids of one question */
    DIRECTORY_LEAVERS_FEW = 2,      /* so many may always leave at once */
    DIRECTORY_LEAVERS_SHARE = 20,   /* of a hundred of a directory's accounts; more looks like a directory that lost its people */
};

struct directory {
    struct span name;     /* small letters, digits, - */
    struct span title;    /* on the button */
    struct span url;      /* ldaps://host[:636], or ldap://host[:389], which speaks StartTLS before anything else */
    struct span ca_file;  /* path; empty = the system's authorities */
    struct span bind_dn, password_file; /* as whom it is asked */
    struct span base, filter;           /* where people lie, and who of them "{name}" is */
    struct span id, shown;              /* attributes: what never changes (objectGUID, entryUUID), what somebody is called */
    struct span groups_attribute;       /* memberOf; empty = groups are asked for */
    struct span groups_base, groups_filter; /* "(member={dn})" */
    uint32_t nroles;
    struct provider_role *roles; /* group: its DN; the first row that fits counts */
};

/* By name, or NULL. */
const struct directory *directory_find(const struct sign_in *s, struct span name);
/* Copies into the arena, texts and rows. */
void directory_copy(struct arena *a, struct directory *d);
/* Texts of a directory, for those who read and send all of them: NULL behind the last. told: to the desk, to the courier. */
struct directory_text {
    size_t at;
    bool desk, courier;
};
const struct directory_text *directory_texts(size_t *count_out);
struct span *directory_text_of(struct directory *d, const struct directory_text *t);

/* ---- addresses, filters, names ---- */

struct directory_url {
    struct span host; /* without brackets */
    uint16_t port;
    bool tls; /* from the first byte; else StartTLS */
};
/* "ldaps://dc1.city.example:636"; nothing behind the port. ERR_INVALID. */
int directory_url_parse(struct span url, struct directory_url *out, struct err *e) NODISCARD;
/* A filter with `hole` ("{name}") in it at least once, and parentheses that close. */
bool directory_filter_valid(struct span filter, struct span hole);
/* A value as it stands in a filter (RFC 4515 §3): whatever is no letter or digit of ASCII is \xx. */
void directory_filter_value(struct buf *out, struct span value);
/* The filter with the value in each hole. */
void directory_filter(struct buf *out, struct span filter, struct span hole, struct span value);
/* "(attribute=value)". */
void directory_filter_equals(struct buf *out, struct span attribute, struct span value);
/* A name of letters, digits, - and ;, as attributes have (RFC 4512 §2.5). */
bool directory_attribute_valid(struct span name);
/* Writes a DN (RFC 4514) in the one form in which two that mean the same are equal bytes: types in small letters, values unescaped, in small
 * letters of ASCII and blanks made one, escaped anew. False: it is none, or too long. */
bool directory_dn_fold(struct buf *out, struct span dn);
bool directory_dn_same(struct span a, struct span b);

/* What somebody's account is linked by, as text: a GUID of Active Directory as people read it, an entryUUID in small letters. False: it is
 * none of both. */
bool directory_id_text(struct span attribute, struct span value, char out[DIRECTORY_ID_TEXT_MAX], size_t *len_out);
/* Back to the bytes that a filter asks for. */
bool directory_id_value(struct span attribute, struct span text, char out[DIRECTORY_ID_MAX], size_t *len_out);

/* ---- question and answer (MSG_DIRECTORY_ASK, MSG_DIRECTORY_ANSWER) ---- */

enum directory_errand {
    DIRECTORY_LOG_IN, /* who is called so, and is this his password? */
    DIRECTORY_PROVE,  /* the same of somebody whose id is known */
    DIRECTORY_STATES, /* how those with these ids are: `who` is u32 n, n str id; no password */
    DIRECTORY_ERRANDS
};
struct directory_ask {
    enum directory_errand errand;
    struct span directory; /* by name */
    struct span who;       /* name, or the bytes of the id */
    struct span password;  /* 1 to DIRECTORY_PASSWORD_MAX bytes: one of no bytes would be an unauthenticated bind (RFC 4513 §5.1.2) */
};
void directory_ask_encode(struct buf *out, const struct directory_ask *q);
void directory_ask_decode(struct cursor *in, struct directory_ask *out);

enum directory_said {
    DIRECTORY_FOUND,
    DIRECTORY_WRONG, /* nobody, or more than one, or another password: not told apart */
    DIRECTORY_DOWN,  /* no answer, or none that can be used */
    DIRECTORY_STATED, /* of DIRECTORY_STATES: whoever is not among them is not there */
    DIRECTORY_SAID_COUNT
};
/* Somebody in it. Values as they came, of bounded size; empty = he has none. */
struct directory_entry {
    struct span dn, id, shown;
    struct span control;  /* userAccountControl */
    struct span locked;   /* pwdAccountLockedTime */
    struct span locked2;  /* nsAccountLock */
    struct span expires;  /* accountExpires */
    uint32_t ngroups;
    struct span *groups;  /* DNs */
};
struct directory_answer {
    enum directory_said said;
    struct span why; /* for the log of the node */
    struct directory_entry entry; /* of DIRECTORY_FOUND */
    uint32_t nstates;
    struct directory_entry *states; /* of DIRECTORY_STATED, without groups */
};
/* Whether so many of them may leave at once without somebody saying that it is meant. */
bool directory_leavers_plausible(uint32_t leavers, uint32_t accounts);
void directory_answer_encode(struct buf *out, const struct directory_answer *f);
/* Groups in the arena. */
void directory_answer_decode(struct cursor *in, struct arena *a, struct directory_answer *out);

/* ---- what it means ---- */

/* Why the directory itself lets him in nowhere, in a few English words for trail and log; empty = it does not say so. */
struct span directory_barred(const struct directory_entry *entry, time_ns now);
/* The first row whose group he is in; NULL: none. */
const struct provider_role *directory_role(const struct directory *d, const struct directory_entry *entry);
/* "ldap:NAME", of which accounts are linked. */
struct span directory_issuer(struct arena *a, struct span name);

#endif
