/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Second factors of requests: the one place of the desk where a code is tried. Shared by the files of api/ only.
 */
#ifndef API_FACTOR_H
#define API_FACTOR_H

#include "api/request.h"
#include "records/factors.h"

enum code_wrong {
    CODE_WRONG,  /* or used already */
    CODE_LOCKED, /* too many were wrong: only a recovery code counts */
    CODE_WAIT,   /* not now */
};

typedef void code_fits(struct api_request *req, const struct factor_proof *proof);
/* wait_s: of CODE_WAIT. */
typedef void code_refused(struct api_request *req, enum code_wrong wrong, int64_t wait_s);

/*
 * Tries a code of an authenticator, or a recovery code, of somebody with a confirmed second factor. `then` gets the proof, which
 * the keeper still has to use up; the same code may come twice at once, and one of the two is denied there (code_used). A wrong
 * one is counted. Texts must live as long as the request. Answers by itself when the keeper fails.
 */
void code_try(struct api_request *req, struct span user_id, struct span typed, code_refused *wrong, code_fits *then);
/* The keeper denied the proof: somebody was faster. Counts as a wrong one, then `wrong` is called. */
void code_used(struct api_request *req);

#endif
