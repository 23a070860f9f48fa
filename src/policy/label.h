/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Labels: FIRST TLP 2.0, PAP (MISP taxonomy v3), and all the ways they are written. Zero is
 * "unknown", which denies. Called by every importer and by the decision itself. Pure.
 */
#ifndef POLICY_LABEL_H
#define POLICY_LABEL_H

#include <stdbool.h>

#include "base/span.h"

/* In rising order of restriction, but for UNKNOWN, which is stricter than all: compare with
 * tlp_rank. */
enum tlp { TLP_UNKNOWN, TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED, TLP_COUNT };
/* RED = only undetectable use on own logs … CLEAR = no limit. UNKNOWN, also "not stated", acts as
 * RED. */
enum pap { PAP_UNKNOWN, PAP_CLEAR, PAP_GREEN, PAP_AMBER, PAP_RED, PAP_COUNT };

/* How strict: CLEAR 1 … RED 5, UNKNOWN and anything out of range 6. */
unsigned tlp_rank(enum tlp t);
unsigned pap_rank(enum pap p);
enum tlp tlp_stricter(enum tlp a, enum tlp b);
enum pap pap_stricter(enum pap a, enum pap b);
/* "AMBER+STRICT" … "UNKNOWN"; not translated (FIRST TLP 2.0). */
const char *tlp_name(enum tlp t);
const char *pap_name(enum pap p);

enum label_what { LABEL_NOTHING, LABEL_TLP, LABEL_PAP, LABEL_CHR };

struct label {
    enum label_what what; /* NOTHING: no label at all, as the tag "ransomware" */
    enum tlp tlp;
    enum pap pap;
    bool unknown;   /* it claims to be a label and is none we know: treat as RED, quarantine */
    bool ambiguous; /* TLP 1 AMBER: with or without clients is not said; read as AMBER */
    bool legacy; /* TLP 1 or another product's id: emit family A instead, keep `original` beside it
                  */
    struct span original; /* as given, trimmed; points into the input */
};

/*
 * Reads one label from a field that is for labels, as people and programs write it:
 * "TLP:AMBER+STRICT", "tlp:white", "tlpwhite", "Amber Strict",
 * "TLP-CLEAR", "PAP:RED", "tlp:ex:chr", machine tags with quotes (`tlp="amber"`), and STIX marking
 * ids with or without "marking-definition--" (families A, B, C of TLP). WHITE is CLEAR. Bounded by
 * the input; no allocation.
 */
struct label policy_label_parse(struct span text);

/* The same for a free tag: without "tlp", "pap" or a marking id in it, it is no label, whatever
 * colour it names. */
struct label policy_tag_parse(struct span tag);

/* Label of an item that states none: AMBER+STRICT when written here, RED when it came from outside.
 */
enum tlp policy_label_default(bool local);

/* STIX 2.1 marking-definition id of the TLP 2.0 family, NULL for UNKNOWN. */
const char *tlp_stix_id(enum tlp t);

#endif
