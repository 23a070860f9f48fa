/* SPDX-License-Identifier: EUPL-1.2 */
/* Many transfers of libcurl at once on a loop of libuv, without threads of our own (names are resolved on libcurl's). Courier only. */
#ifndef ROLES_CURL_LOOP_H
#define ROLES_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct curl_loop;

/* A transfer ended; CURLINFO_PRIVATE of easy is the caller's. It may remove and free it now. */
typedef void curl_loop_done(void *arg, CURL *easy, CURLcode rc);

struct curl_loop *curl_loop_new(uv_loop_t *loop, curl_loop_done *done, void *arg) __attribute__((returns_nonnull));
/* All transfers were removed before. */
void curl_loop_free(struct curl_loop **l);
/* Starts it. */
bool curl_loop_add(struct curl_loop *l, CURL *easy);
void curl_loop_remove(struct curl_loop *l, CURL *easy);

#endif
