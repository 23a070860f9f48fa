/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One question to a directory, from connecting to the answer: who somebody is, whether a password is his, in which groups he is. Blocking;
 * the courier's worker threads run it. It judges nothing: what comes is handed on for the desk to read (desk/identity/directory.h).
 */
#ifndef ROLES_LDAP_ASK_H
#define ROLES_LDAP_ASK_H

#include "base/arena.h"
#include "roles/ldap_wire.h"

enum {
    LDAP_ASK_WHOLE_MS = 10 * 1000,   /* somebody waits before a page */
    LDAP_ASK_BYTES_MAX = 4 << 20,    /* that the server may send for one question */
};

struct ldap_job {
    struct arena texts; /* the job's own: whatever it needs and whatever comes */
    struct directory directory;
    struct directory_ask ask;
    struct span secret;    /* of bind_dn */
    struct span authority; /* PEM; empty = the system's */
    const atomic_bool *stop;
    struct directory_answer answer;
};

/* Fills job->answer; texts in the job's arena. Any thread, one at a time per job. Empty passwords are refused before anything is sent. */
void ldap_ask(struct ldap_job *job);

#endif
