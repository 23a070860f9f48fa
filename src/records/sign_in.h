/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * People whom a provider signs in. An account belongs to a provider's (issuer, subject), never to a name or a mail address: whoever is
 * called as somebody here gets an account of his own. What the provider's groups are worth comes with each sign-in and counts from then
 * on; a disabled account stays disabled whatever the provider says. Called by the keeper. Each sign-in is in the audit trail.
 */
#ifndef RECORDS_SIGN_IN_H
#define RECORDS_SIGN_IN_H

#include "records/accounts.h"

enum {
    SIGN_IN_ISSUER_MAX = 1024,
    SIGN_IN_SUBJECT_MAX = 255,
    SIGN_IN_PROVIDER_MAX = 32,
    SIGN_IN_BARRED_MAX = 256,
    SIGN_IN_WAYS_MAX = 16, /* of one account */
    SIGN_IN_ACCOUNTS_MAX = 5000, /* of one issuer, asked for at once */
    SIGN_IN_NAMES_MAX = 20, /* accounts of one name that are told apart by a number */
};

/* Whom the desk found to be who. */
struct provider_person {
    struct span provider;           /* its name in the config */
    struct span issuer, subject;
    struct span name;               /* as the provider calls him */
    struct span role, organisation; /* role empty: none of his groups has one */
    struct span barred;             /* why the directory lets him in nowhere, for the trail; then role is empty */
};

enum sign_in_outcome {
    SIGN_IN_FINE,
    SIGN_IN_NO_ROLE,  /* known or not: sessions that he has end */
    SIGN_IN_DISABLED,
    SIGN_IN_OUTCOME_COUNT
};

/*
 * One transaction: finds or makes the account, gives it the role, notes all that. *changed_out: his role or organisation is another
 * now, or his sessions ended: open pages are to begin anew. The last local administrator of the whole node stays one.
 */
int provider_sign_in(struct db *db, const struct provider_person *p, time_ns now, struct arena *arena, enum sign_in_outcome *outcome_out,
                     bool *changed_out, struct account *out, struct err *e) NODISCARD;

/* Who else than this node says who this account's person is: one of a provider or a directory. */
struct account_way {
    struct span issuer, subject;
};
/* An account that an issuer knows. */
struct way_account {
    struct span id, name, role, organisation, subject;
};
/* Those of the organisation ("*" = any) that are not disabled, by id. ERR_LIMIT: more than SIGN_IN_ACCOUNTS_MAX. */
int way_accounts(struct db *db, struct span organisation, struct span issuer, struct arena *arena, struct way_account **out, uint32_t *count_out,
                 struct err *e) NODISCARD;
/* At most SIGN_IN_WAYS_MAX; texts in the arena. */
int account_ways(struct db *db, struct span user_id, struct arena *arena, struct account_way **out, uint32_t *count_out, struct err *e) NODISCARD;

#endif
