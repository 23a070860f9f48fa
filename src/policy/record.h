/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may read and change an entry of a register (a record). Two things must both say yes: the policy, of which a record is an
 * item of its organisation under its label, and the rights that the kind's file gives to roles. Records stay home: memberships,
 * grants and clients open none. Appointments (policy_seat) do: a reader is asked for once as what his account is, and once as each of
 * them makes him; one of these must say yes to all of the question by itself.
 *
 * A list cannot ask about each of a hundred thousand rows, so its WHERE clause is made from a scope; the scope is nothing but
 * the answers of the same function about one record of each sort (own organisation or not, own or not, by label), and a test
 * compares the two over generated cases. Pure, called by the desk (decisions) and records/ (SQL).
 */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include "policy/policy.h"

enum record_op { RECORD_READ = 1, RECORD_CREATE = 2, RECORD_CHANGE = 4, RECORD_MOVE = 8 };
enum { RECORD_ROLES_MAX = 5, RECORD_FIELDS_MAX = 64 /* of one kind: one bit each */ };

/* What the file of a kind gives to one role; a role that is not there gets nothing. */
struct record_role {
    uint32_t role;   /* bit of enum policy_role */
    uint32_t ops;    /* bits of enum record_op */
    uint64_t hidden; /* fields, by place in the kind */
    uint64_t fixed;  /* fields it reads and does not write */
};

struct record_rights {
    struct record_role role[RECORD_ROLES_MAX];
    uint32_t nroles;
    struct span kind;  /* whose they are, by name */
    uint64_t personal; /* fields that say something of a person, by place: masked for whom may not see persons */
};

/* All of a record that decides. */
struct policy_record {
    struct span organisation;
    struct span author; /* account that made it */
    enum tlp tlp;
};

/* The record as an item; marking is the caller's storage and must live as long. */
void policy_record_item(const struct policy_record *r, struct policy_item *item, struct policy_marking *marking);

/* Whether the reader may do this with the record. Whoever may not read it may do nothing. */
bool policy_record_allows(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r,
                          enum record_op op, time_ns now);

/* Whether the reader may take it away in a file: RED stays, and so does all for roles that only look on. */
bool policy_record_exports(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now);

/* In which organisation he may do this with records of his making, where he names none: his own, else the first in which he is appointed
 * that lets him; empty = in none. Borrowed of the reader. */
struct span policy_record_home(const struct policy_reader *reader, const struct record_rights *rights, enum tlp tlp, enum record_op op, time_ns now);
/* All roles that he has now, wherever: bits of enum policy_role. For what a page offers; says nothing of any one record. */
uint32_t policy_record_any_roles(const struct policy_reader *reader, time_ns now);

/* Roles in which he reads this one: bits of enum policy_role; 0 = he does not. */
uint32_t policy_record_roles(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now);

/* Fields of this record that the reader does not see, and those he sees and cannot write: what any role in which he reads it opens is
 * open. Without seats the same as the two below. What is masked is not in it. */
uint64_t policy_record_hidden_of(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now);
uint64_t policy_record_fixed_of(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, time_ns now);

/* The same of the kind as a whole, for what is said of many records at once (columns, filters, links): hidden is what he does not see
 * in any one of the ways in which he reads some, and what is masked for him now in any of them; by_role leaves that out, for where the two
 * are told apart. */
uint64_t policy_record_hidden_by_role(const struct policy_reader *reader, const struct record_rights *rights);
uint64_t policy_record_hidden(const struct policy_reader *reader, const struct record_rights *rights, time_ns now);
uint64_t policy_record_fixed(const struct policy_reader *reader, const struct record_rights *rights);

/*
 * Whether the reader sees personal fields of a record: since one of the ways in which he reads it lets him, by right or as he had the kind
 * shown, or since he had just this record shown. r NULL: of all records of the kind, as a filter or a table's columns need it, or of one of
 * which no more is known than its id; then each way in which he reads some of the kind must let him.
 */
bool policy_record_sees_persons(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, struct span id,
                                time_ns now);
/* Fields that are masked for him there, but for those that he sees in no way at all: their values go out on no way, nor does anything that
 * follows from them. What a seat hides is still in it: another of his ways may open it. */
uint64_t policy_record_masked(const struct policy_reader *reader, const struct record_rights *rights, const struct policy_record *r, struct span id,
                              time_ns now);

/* Records of one organisation in a scope: the strictest label, as tlp_rank, of those made by others and by himself; 0 = none. */
struct record_place {
    struct span organisation;
    uint8_t all, mine;
};

/* What a reader may read of one kind: the strictest label, as tlp_rank, by sort of record; 0 = none. */
struct record_scope {
    struct span organisation; /* the reader's */
    struct span person;
    uint8_t own, own_mine;     /* records of that organisation: of others, made by himself */
    uint8_t other, other_mine; /* of other organisations, but for those below */
    uint32_t nplaces;          /* where he is appointed: none of them his own, none twice */
    struct record_place places[POLICY_SEATS_MAX];
};
void policy_record_scope(const struct policy_reader *reader, const struct record_rights *rights, time_ns now,
                         struct record_scope *out);
/* Nothing can be in it. */
bool record_scope_empty(const struct record_scope *s);

#endif
