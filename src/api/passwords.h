/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Passwords of requests: the one place of the desk where one is tried or hashed. Argon2id runs on the worker thread, on copies
 * that are wiped; what goes to the keeper is the Argon2id string. Shared by the files of api/ only.
 */
#ifndef API_PASSWORDS_H
#define API_PASSWORDS_H

#include "api/request.h"

/* fits: the password was right (always true when none was to be tried). string: Argon2id of the new one, empty when none was
 * asked for; lives as long as the request. */
typedef void password_then(struct api_request *req, bool fits, struct span string);

/* What is to be done; texts are copied. */
struct password_task {
    bool verify;
    struct span stored; /* Argon2id string to try `given` against; empty = nobody, which takes as long */
    struct span given;
    struct span fresh;  /* to be hashed if `given` fits; empty = none. At most PASSWORD_MAX bytes */
};

/* Answers by itself when there is too much to do, or no memory. */
void password_work(struct api_request *req, const struct password_task *task, password_then *then);

/*
 * Asks whoever is signed in for his present password (the body's field "password") before something that a stolen session must
 * not do; `then` is called with fits true only. Whoever has none here and is known to a directory (LDAP) shows that one's, where no new
 * one is to be hashed. Tries are slowed as log-ins are. Answers by itself otherwise: 404 on the control socket, 400, 403, 409 (there is no
 * password to ask for), 429, 503 (the directory does not answer).
 */
void password_of_asker(struct api_request *req, struct span fresh, password_then *then);

struct throttle;
/* 429 with Retry-After when this name has to wait at this address; false: it may be tried. */
bool answered_wait(struct api_request *req, const struct throttle *throttle, struct span name);

#endif
