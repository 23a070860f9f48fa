/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may read what: one pure function for every path that shows or sends anything (DESIGN §1
 * promise 4). (reader, item, action, now) → yes or no with a reason. Denies by default: zeroed
 * memory, an unknown word, an unknown peer, an epoch that is not known mean no, and put the item
 * aside (quarantine).
 *
 *   item      what is labelled: author, kind, and markings. Every marking that bears on it (its
 * own, its container's, granular ones, its source's default) stands in one list, and a reader must
 * pass each of them alone: the most restrictive wins, and adding one never shows more. reader    a
 * value made from session, peer certificate or link by the caller; policy never looks anything up.
 *   tables    tables.def: label × relation, actions, uses (PAP), reasons. paths.def: every way out
 * of the product.
 *
 * Callers: api and desk for people, federation for peers, notify and courier for what goes out.
 * Runs in any role: no input or output, no clock, no allocation. All spans and arrays are borrowed
 * for the call.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/span.h"
#include "policy/label.h"

enum {
    POLICY_LIST_MAX = 4096,   /* names in one list of an audience: a hub's members (DESIGN §11) */
    POLICY_MARKINGS_MAX = 64, /* markings that bear on one item */
    POLICY_SEATS_MAX = 64,    /* organisations in which one person is appointed at a time */
};

/* ---- what is labelled ---- */

enum item_kind {
    ITEM_UNKNOWN,
    ITEM_ALERT,   /* of the node's own organisation: policy_own_item() */
    ITEM_SIGNAL,  /* what a node tells of an alert */
    ITEM_WARNING, /* what a hub tells all */
    ITEM_INDICATOR,
    ITEM_SIGHTING,
    ITEM_RULE,
    ITEM_STORY, /* written by a person; a RED story and its teaser are two items */
    ITEM_TEASER,
    ITEM_HUNT,
    ITEM_RESULT, /* answer to a hunt */
    ITEM_CASE,
    ITEM_BULLETIN,
    ITEM_SOURCE,    /* a log source of the node */
    ITEM_AGGREGATE, /* counts that left their sources by policy/publish.h */
    ITEM_RECORD,    /* an entry of a register: policy/record.h */
    ITEM_KIND_COUNT,
};

/* Where a marking comes from; for explaining only, all count alike. */
enum marking_place {
    MARKING_OBJECT,
    MARKING_CONTAINER,
    MARKING_GRANULAR,
    MARKING_SOURCE,
    MARKING_REFERENCE
};

/* A circle or sharing group, and the epoch of its membership in which the author addressed it (0 =
 * not known: denied). */
struct policy_circle {
    struct span id;
    uint64_t epoch;
    bool listed; /* circles: every member of that epoch counts as listed by name, the author having
                    seen them */
};

/* A person is known within an organisation only: another node may call somebody else by the same
 * id. */
struct policy_person {
    struct span id;
    struct span organisation;
};

/* Whom the author lets read. Lists open, each up to what the label allows; nda, excluded narrow.
 * All empty = the author's organisation alone. */
struct policy_audience {
    const struct policy_circle *circles; /* GREEN and CLEAR: all members; stricter: its NDA members
                                            of that epoch, or all when listed */
    uint32_t ncircles;
    const struct policy_circle
        *groups; /* sharing groups: their organisations count as listed by name */
    uint32_t ngroups;
    const struct span *organisations;
    uint32_t norganisations;
    const struct policy_person *persons; /* by name; the only way to read RED */
    uint32_t npersons;
    const struct span *sponsors; /* organisations consented to, for this item */
    uint32_t nsponsors;
    const struct span *excluded; /* organisations or persons; beats every list */
    uint32_t nexcluded;
    bool nda;     /* readers must be NDA members of a listed circle, or of the carrying one; never a
                     sponsor or hub */
    bool csirt;   /* the national CSIRT is listed */
    bool hub;     /* the hub's operators are listed */
    bool house;   /* the organisations that this node hosts (item.local and reader.in_house only) */
    bool public_; /* the world, once `published` */
    bool unknown; /* a part of it was not understood: denies and quarantines */
};

struct policy_marking {
    enum tlp tlp;
    enum pap pap;
    bool chr; /* Chatham House Rule: who said it, and who was there, is not told on */
    enum marking_place place;
    time_ns expires; /* 0 = never */
    struct policy_audience audience;
};

struct policy_item {
    enum item_kind kind;
    struct span author_organisation; /* empty = unknown: denied */
    struct span author_person;       /* may be empty: made by a machine */
    struct span circle;              /* that carries it; empty = it never left this node */
    uint64_t policy_epoch; /* of that circle's membership when it was made; 0 = not known */
    const struct policy_marking *markings; /* at least one; none = denied */
    uint32_t nmarkings;
    bool local; /* made on this node: its whole-node accounts count as of the author's organisation
                 */
    bool published; /* the author's own publish act is there, its signature checked */
    bool retracted;
};

/* ---- who reads ---- */

enum reader_kind {
    READER_UNKNOWN,
    READER_PERSON,    /* a session or token of a person */
    READER_LINK,      /* a small member without a node: personal, expiring, revocable link */
    READER_NODE,      /* a member's node, or an organisation's own machine address */
    READER_HUB,       /* carries; reads only as a person who operates it */
    READER_SYSTEM,    /* the node's own log and heartbeat */
    READER_ANONYMOUS, /* the world */
    READER_KIND_COUNT,
};

enum member_class {
    MEMBER_PLAIN = 1,
    MEMBER_NDA = 2,
    MEMBER_SPONSOR = 4,
    MEMBER_CSIRT = 8,
    MEMBER_HUB = 16
};
enum member_state { MEMBER_STATE_UNKNOWN, MEMBER_ACTIVE, MEMBER_SUSPENDED, MEMBER_REMOVED };

/* An organisation's place in one circle (or sharing group), from the signed membership file this
 * node holds. */
struct policy_membership {
    struct span circle;
    uint32_t classes; /* bits of enum member_class */
    enum member_state state;
    uint64_t epoch;       /* of the membership file that says so */
    uint64_t since_epoch; /* in which it joined, or became an NDA member; 0 = not known: reads no
                             AMBER by circle */
    time_ns expires;      /* of that file; 0 = never */
};

/* An organisation of which the reader's is a client, as defined per organisation, with its
 * memberships. */
struct policy_provider {
    struct span organisation;
    const struct policy_membership *memberships;
    uint32_t nmemberships;
};

/* Watch on behalf: `organisation` lets the reader work its own items (never those it got from
 * others: S6). */
struct policy_grant {
    struct span organisation;
    uint32_t kinds;       /* bits 1 << enum item_kind */
    uint32_t actions;     /* bits 1 << enum policy_action */
    time_ns begins, ends; /* ends 0 = denied: a grant always ends */
    uint16_t
        from_minute; /* UTC minute of the day; from == to = all day; from > to = over midnight */
    uint16_t to_minute;
    bool revoked;
};

/* What a person may do at all; an organisation's appointments become these. READ_ONLY is somebody
 * who may look. */
enum policy_role {
    POLICY_ROLE_ADMINISTRATOR = 1,
    POLICY_ROLE_ANALYST = 2,
    POLICY_ROLE_OFFICER = 4,
    POLICY_ROLE_READ_ONLY = 8,
    POLICY_ROLE_AUDITOR = 16,
};

/* What somebody may with things of the organisations on this node, made of the rights that his role's file gives (desk/readers); asked by
 * own.h and record.h, together with labels and roles. */
enum policy_may {
    POLICY_MAY_WATCH = 1,   /* see alerts, hunts and sources */
    POLICY_MAY_WORK = 2,    /* acknowledge, close and reopen alerts */
    POLICY_MAY_HUNT = 4,    /* start hunts and cancel them */
    POLICY_MAY_RECORDS = 8, /* open the registers */
    POLICY_MAY_WRITE = 16,  /* write in them */
    POLICY_MAY_PERSONS = 32, /* see what records say of persons */
    POLICY_MAY_SHOW = 64, /* have it shown, with a reason */
    POLICY_MAY_LOOK = 128, /* see who read it or looked for persons */
    POLICY_MAY_RETENTION = 256, /* see what of it will go, went and is held */
};

/* What an appointment makes of a person in an organisation, from `begins` until before `ends`: each thing there is asked for (own.h,
 * record.h) as if the person had an account of that organisation with these roles and no more than this of `may`; nothing flows from it to
 * organisations above, below or beside. */
struct policy_seat {
    struct span organisation; /* "*" = the whole node */
    uint32_t roles;           /* bits of enum policy_role */
    time_ns begins, ends;
    uint32_t may; /* bits of enum policy_may */
};

/* Personal fields that a reader had shown to him, with a reason and for a while. */
struct policy_shown {
    struct span kind;   /* of the records */
    struct span record; /* id of the one; empty = all of the kind */
};

struct policy_reader {
    enum reader_kind kind;
    struct span person;       /* id; empty for machines */
    struct span organisation; /* empty = unknown: reads only what is public */
    bool whole_node;   /* an account of the machine's operator, for every organisation it hosts */
    bool in_house;     /* an account of this node itself, whichever of its organisations it is of */
    bool hub_operator; /* asks as operator of a hub: never RED, never NDA */
    uint32_t
        roles; /* bits of enum policy_role; a person without any reads nothing but what is public */
    const struct policy_membership *memberships;
    uint32_t nmemberships;
    const struct policy_membership *groups; /* places in sharing groups */
    uint32_t ngroups;
    const struct policy_provider *clients_of;
    uint32_t nclients_of;
    const struct policy_grant *grants;
    uint32_t ngrants;
    const struct policy_seat *seats; /* those beyond POLICY_SEATS_MAX open nothing */
    uint32_t nseats;
    time_ns link_ends; /* READER_LINK: must be later than now */
    bool link_revoked;
    uint32_t may; /* bits of enum policy_may, of his account */
    const struct policy_shown *shown; /* personal fields (x-pii) that he had shown */
    uint32_t nshown;
};

/* ---- the decision ---- */

enum policy_action {
#define ACTION(name, kinds, roles, strictest, flags) ACTION_##name,
#include "policy/tables.def"
#undef ACTION
    ACTION_COUNT_,
};

enum policy_relation {
#define RELATION(name, clear, green, amber, strict, red) RELATION_##name,
#include "policy/tables.def"
#undef RELATION
    RELATION_COUNT_,
};

enum policy_reason {
#define REASON(name, key, quarantine) REASON_##name,
#include "policy/tables.def"
#undef REASON
    REASON_COUNT_,
};

struct policy_decision {
    bool allowed;
    bool quarantine; /* put the item aside, show it to nobody, tell an operator */
    bool must_seal;  /* to this peer only sealed to its readers: it may carry, not read */
    bool strip;      /* under the Chatham House Rule: give on only what policy/chr.h leaves */
    bool log_read;   /* RED and AMBER: record who read which version, when */
    enum policy_reason reason;
    uint32_t relations; /* bits 1 << enum policy_relation that opened it; 0 when denied */
};

/* The one question. Never fails; `allowed` is true only when every marking lets this reader. */
struct policy_decision policy_decide(const struct policy_reader *reader,
                                     const struct policy_item *item, enum policy_action action,
                                     time_ns now);

/* As policy_decide, for those who want one word. */
static inline bool policy_allows(const struct policy_reader *reader, const struct policy_item *item,
                                 enum policy_action action, time_ns now)
{
    return policy_decide(reader, item, action, now).allowed;
}

/* Whether an envelope with this item travels only sealed to its readers: its hub is not among them.
 */
bool policy_must_seal(const struct policy_item *item);

/* "NOT_NDA" for logs and tests; key of its text in i18n/ ("policy.not_nda"). Static. */
const char *policy_reason_name(enum policy_reason reason);
const char *policy_reason_key(enum policy_reason reason);
const char *policy_action_name(enum policy_action action);

/* What an organisation's own alert or record is: AMBER+STRICT, for itself, made here. `marking` is
 * the caller's storage and must live as long as the item. */
void policy_own_item(struct policy_item *item, struct policy_marking *marking, enum item_kind kind,
                     struct span organisation);

/* Whether somebody who may read the item may also do this with it (PAP, taxonomy v3). Unknown or
 * unstated PAP = RED. */
enum policy_use {
#define USE(name, pap) USE_##name,
#include "policy/tables.def"
#undef USE
    USE_COUNT_,
};
struct policy_decision policy_may_use(const struct policy_item *item, enum policy_use use);

/* ---- combining and changing labels (combine.c) ---- */

/* Storage for a combined audience: the caller's arrays and their sizes; fewer = the audience gets
 * narrower, never wider. */
struct policy_room {
    struct span *spans;
    uint32_t nspans;
    struct policy_person *persons;
    uint32_t npersons;
    struct policy_circle *circles;
    uint32_t ncircles;
};

/* One marking that no reader passes who would not pass both: stricter label and PAP, Chatham House
 * if either, earlier end, lists cut to what both have, exclusions joined. For a derived item that
 * must carry one marking. */
void policy_combine(const struct policy_marking *a, const struct policy_marking *b,
                    struct policy_room *room, struct policy_marking *out);

/* Strictest of all markings of the item: what its badge says. TLP_UNKNOWN when there is none. */
enum tlp policy_effective_tlp(const struct policy_item *item);
enum pap policy_effective_pap(const struct policy_item *item);
bool policy_effective_chr(const struct policy_item *item);

/* Whether `after` could let anybody read, or do, what `before` did not. Errs on the side of yes. */
bool policy_widens(const struct policy_marking *before, const struct policy_marking *after);

enum label_changer { CHANGER_OTHER, CHANGER_SOURCE, CHANGER_AUTHOR };
/* A label is widened only under a valid signature of its author's key (P9); the source may tighten
 * at any time; others change nothing: they may only add a marking of their own on top. */
struct policy_decision policy_may_change_label(const struct policy_marking *before,
                                               const struct policy_marking *after,
                                               enum label_changer changer,
                                               bool author_signature_valid);

/* ---- who will be able to read (audience.c) ---- */

/* One that could read: an organisation (persons empty) or one person of it. */
struct policy_candidate {
    struct policy_reader reader;
};

/* Before sending: which of the candidates (the membership list, one reader per organisation, plus
 * persons by name) will read the item. Sets yes_out[i]; returns how many. The same decision as
 * later on every path. */
uint32_t policy_audience(const struct policy_item *item, const struct policy_candidate *candidates,
                         uint32_t n, time_ns now, bool *yes_out);

#endif
