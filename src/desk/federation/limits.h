/* SPDX-License-Identifier: EUPL-1.2 */
/* Numbers of the federation (docs/FEDERATION.md), each with its unit and why it is what it is. */
#ifndef DESK_FEDERATION_LIMITS_H
#define DESK_FEDERATION_LIMITS_H

enum {
    FED_ENVELOPE_MAX = 1 << 20,  /* bytes of one envelope in JCS form */
    FED_DEPTH_MAX = 16,          /* nesting of an envelope or membership file */
    FED_NODE_LEN = 32,           /* hex digits of a node id: 128 bits */
    FED_ID_LEN = 64,             /* hex digits of an envelope id: SHA-256 */
    FED_NAME_MAX = 200,          /* bytes of an organisation's, circle's or person's name */
    FED_TYPE_MAX = 40,           /* bytes of a type's word */
    FED_CIRCLE_MAX = 64,         /* bytes of a circle's id */
    FED_KEY_BYTES = 32,          /* Ed25519 and X25519 public keys */
    FED_SECRET_BYTES = 64,       /* Ed25519 secret key as libsodium keeps it */
    FED_SIG_BYTES = 64,          /* Ed25519 */
    FED_PAUSE_FREE = 100,        /* members that are given news at once, always */
    FED_PAUSE_EACH_US = 500,     /* for each member more, between two answers with news to the same member */
    FED_BASE64_KEY_LEN = 43,     /* base64url without padding of 32 bytes */
    FED_BASE64_SIG_LEN = 86,     /* of 64 bytes */
    FED_FINGERPRINT_BYTES = 20,  /* of BLAKE2b-256, shown in base32 */
    FED_FINGERPRINT_LEN = 39,    /* eight groups of four and seven dashes */
    FED_MEMBERS_MAX = 2048,      /* of one circle: its membership file must fit an envelope */
    FED_OFFICERS_MAX = 16,       /* of one hub */
    FED_SIGS_MAX = 20,           /* under one membership file: officers, and the hub's old and new key */
    FED_READERS_MAX = 2048,      /* to whom one body is sealed */
    FED_LIST_MAX = 2048,         /* names in one list of an audience */
    FED_MEMBERSHIP_MAX = 900 << 10,      /* bytes: leaves room for the envelope around it */
    FED_CLOCK_AHEAD_S = 300,             /* a created time further ahead is held, not refused */
    FED_MEMBERSHIP_LIFE_S = 30 * 86400,  /* default life of a membership file */
    FED_EXPIRES_MAX_S = 5 * 366 * 86400, /* an envelope that would live longer is wrong about time */
    FED_COURIER_ENVELOPES_MAX = 4096,    /* in one courier file */
    FED_COURIER_BYTES_MAX = 16 << 20,    /* of one courier file */
    FED_ITEM_TITLE_MAX = 300,               /* bytes of an item's title */
    FED_ITEM_TEXT_MAX = 256 << 10,          /* bytes of an item's text */
    FED_TOMBSTONE_OFFICERS = 2,          /* at least, to take back what is another's */
    FED_REASON_MAX = 1000,               /* bytes of a tombstone's reason */
    FED_DERIVED_MAX = 64,                /* items that one item says it derives from */
    FED_QUORUM_NDA = 2,                  /* officers who sign for an NDA circle, at least */
    FED_WARN_DEFAULT = 2,                /* members that saw it before the hub warns */
    FED_SHOW_DEFAULT = 5,                /* members before a count is shown */
};

#endif
