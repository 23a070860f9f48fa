/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Roles of people as data: which rights (rights.def) a role has, and as what the labels and the registers' files know who has
 * it. Shipped ones lie in roles/, a city's own in DATA/roles; one that cannot be read whole is refused with its reason, and
 * nobody can be given it. Pure. Called by keeper (is there such a role?) and api (may somebody do this?). Must never give a
 * right that a file does not name: who is in no known role may nothing.
 */
#ifndef DESK_IDENTITY_PEOPLE_ROLE_H
#define DESK_IDENTITY_PEOPLE_ROLE_H

#include "base/arena.h"
#include "base/err.h"

enum {
    PEOPLE_ROLE_NAME_MAX = 32,       /* bytes: small letters, digits, _; begins with a letter */
    PEOPLE_ROLE_TITLE_MAX = 80,      /* bytes */
    PEOPLE_ROLE_HELP_MAX = 400,      /* bytes */
    PEOPLE_ROLES_MAX = 64,           /* of one node, shipped ones included */
    PEOPLE_ROLE_FILE_MAX = 16 << 10, /* bytes of one file */
    PEOPLE_ROLE_FILES_MAX = 64,      /* of a city's own */
    PEOPLE_ROLE_FUNCTIONS_MAX = 8,   /* of one role */
    PEOPLE_ROLE_LEVELS_MAX = 8,      /* of one role */
};

enum right {
    RIGHT_ANYBODY,   /* also who has not signed in: a few pages, never /api */
    RIGHT_SIGNED_IN, /* in whatever role, known or not: one's own session and account; by no API token */
    RIGHT_KNOWN,     /* whoever says who he is, also by an API token */
#define RIGHT(name, text, opens, may) RIGHT_##name,
#include "desk/identity/rights.def"
#undef RIGHT
    RIGHT_COUNT
};

/* As files write it; "anybody", "signed in" and "known" for the three that no file gives. */
const char *right_name(enum right right);
/* As what policy knows it among things of the organisations here: a bit of enum policy_may; 0 = as nothing, and no appointment gives it. */
uint32_t right_may(enum right right);
/* By the name in files; false for one that no file gives. */
bool right_find(struct span name, enum right *out);

enum people_role_held { HELD_NOWHERE, HELD_IN_UNIT, HELD_IN_ORGANISATION };

struct people_role_file {
    struct span name; /* for messages: roles/x.yml, DATA/roles/x.yml */
    struct span text;
};

struct people_role {
    struct span name;
    struct span title;
    struct span help;
    struct span file;
    uint64_t rights;  /* bit per enum right */
    uint32_t acts_as; /* bits of enum policy_role */
    bool second_factor; /* who has none may nothing but set one up */
    const struct span *functions; /* words of the register of appointments: who is appointed to one has this role where it is for */
    uint32_t nfunctions;
    uint64_t by_appointment; /* which of its rights they give there, a bit each */
    enum people_role_held held_in; /* where somebody must always hold them */
    const struct span *levels; /* types of organisation, or of unit, that must hold them, as their register has them */
    uint32_t nlevels;          /* 0 = all of them must */
    bool reaches_below;            /* also in departments below the organisation */
};

struct people_role_refusal {
    struct span file;
    uint32_t line; /* 0 = the whole file */
    struct span why;
};

/*
 * Reads one file; texts live in a. ERR_INVALID or ERR_LIMIT with the line in e. A file that tightens another role has only a
 * name, a file and second_factor; *tightens_out says so.
 */
int people_role_read(struct arena *a, const struct people_role_file *file, struct people_role *out, bool *tightens_out, struct err *e) NODISCARD;

struct people_roles;
/* Shipped ones first, then a city's own; a name that is taken refuses the later file, but for one that only tightens it. */
struct people_roles *people_roles_load(const struct people_role_file *own, size_t count);
void people_roles_free(struct people_roles **roles);
const struct people_role *people_roles_all(const struct people_roles *roles, size_t *count_out);
const struct people_role_refusal *people_roles_refusals(const struct people_roles *roles, size_t *count_out);
/* NULL: there is none of that name. */
const struct people_role *people_roles_find(const struct people_roles *roles, struct span name);
/* The role that a function of an appointment gives: of several files that name it the last one, so that a city's own comes first. NULL: none. */
const struct people_role *people_roles_of_function(const struct people_roles *roles, struct span function);
/* The one answer to "may a person of this role do this?"; role NULL = in no role that is known. */
bool people_role_may(const struct people_role *role, enum right right);

/* Shipped files, made by tools/embed-roles. */
extern const struct people_role_file people_role_shipped[];
extern const size_t people_role_shipped_count;

#endif
