/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the pages with forms share (pages.c, pages_code.c): forms that belong to one browser, and how a session begins.
 */
#ifndef API_PAGES_H
#define API_PAGES_H

#include "api/request.h"
#include "records/factors.h"

/* A form belongs to the browser that got it: a cookie and a field made from it, both of this run. */
void form_token(struct api_request *req, struct span cookie, char out[SECRET_TEXT_LEN + 1]);
bool form_fits(struct api_request *req);
struct span form_cookie_name(const struct api *api);
/* The cookie that a form goes with: the one the browser has, or a new one. */
struct span form_cookie(struct api_request *req);
void set_form_cookie(struct api_request *req, struct span cookie);

/* A path of this page and of nothing else; else "/". */
struct span local_path(struct span next);
/* Where the person wanted to go: a path of this page. */
struct span request_next(const struct api_request *req);

enum { SEALED_MAX = 1024, SEALED_PURPOSE = 32 /* bytes of a key: 31 characters and a zero */ };
/* sealed.c: text that the browser carries, for one purpose, in this run only. */
struct span sealed_text(struct api_request *req, const char purpose[SEALED_PURPOSE], struct span plain);
/* False: forged, of another run, or for another purpose. */
bool sealed_open(struct api_request *req, const char purpose[SEALED_PURPOSE], struct span text, struct span *plain_out);

/* The form of the password, with what went wrong. */
void show_login(struct api_request *req, unsigned status, struct span wrong);
struct directory;
/* The same for the password of a directory. */
void show_directory(struct api_request *req, const struct directory *directory, unsigned status, struct span wrong);

/* Reads the answer to ASK_ACCOUNT_BY_NAME; texts, also the password's string, live in the arena. */
bool account_answer(struct api_request *req, struct cursor *data, struct account *out);

/* The proof was used before; req->work is what it was before session_start. */
typedef void session_denied(struct api_request *req);
/* Makes a session and goes to the page that was wanted. denied may be NULL where no proof is given. */
void session_start(struct api_request *req, struct span user_id, const struct factor_proof *proof, session_denied *denied);

/* The password was right, and there is a second factor: asks for its code. */
void second_step(struct api_request *req, const struct account *account);

#endif
