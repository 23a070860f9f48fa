/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests to S3-compatible storage: copy_s3.c makes them and sends files, copy_s3_read.c fetches, looks and lists. */
#ifndef ROLES_COPY_S3_PRIV_H
#define ROLES_COPY_S3_PRIV_H

#include <curl/curl.h>
#include <sodium.h>

#include "roles/copy_remote_priv.h"

enum {
    HASH_BYTES = 32,
    HASH_HEX = 2 * HASH_BYTES,
    HASH_BASE64 = sodium_base64_ENCODED_LEN(HASH_BYTES, sodium_base64_VARIANT_ORIGINAL),
    FOLDER_MAX = 2 * COPY_URL_MAX + 8,               /* bytes: endpoint, bucket, prefix */
    OBJECT_MAX = FOLDER_MAX + COPY_NAME_MAX + 32,    /* and name, hash, number */
    PIECES_MAX = 99999,
    HEADER_MAX = 256,
    LIST_BODY_MAX = 4 << 20, /* a page of 1,000 names */
};

/* What we write beside each object, and believe only as far as it leads to something that then compares equal. */
#define META "x-amz-meta-sereno-"

struct s3 {
    const struct remote_job *job;
    struct err *e;
    char folder[FOLDER_MAX]; /* endpoint, bucket and prefix, with a slash at the end */
    char sign[HEADER_MAX];
    char *key, *login; /* COPY_KEY_MAX bytes: the key file, and "id:secret" */
    uint64_t piece;
    unsigned pieces;
    uint64_t size;
    unsigned char whole[HASH_BYTES], *hashes; /* of the file; of each piece */
};

/* One request and what came of it. */
struct request {
    struct s3 *s;
    CURL *h;
    struct curl_slist *headers;
    bool plain, refused, cut;
    char why[CURL_ERROR_SIZE];
    long status;
    /* of the answer's headers */
    uint64_t length, meta_size, meta_pieces;
    char checksum[HASH_BASE64], meta_hash[HASH_HEX + 1];
    /* bytes on their way */
    uint64_t at, end;     /* in the file */
    struct buf *body;     /* the list of names, or a part of an object */
    bool part;            /* what comes is a part: status 206 */
    bool compare, same;   /* what comes is compared with the file, not written into it */
    char *other;
};

/* SHA-256 of no bytes, as a request without a body signs it. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The request to that address; end it in any case. */
int s3_begin(struct request *r, struct s3 *s, const char *url, const char *payload_hash) NODISCARD;
/* 0: there is a status. */
int s3_perform(struct request *r, const char *what) NODISCARD;
/* What a status that is no success says to people. */
int s3_told(struct request *r, const char *what) NODISCARD;
void s3_end(struct request *r);
void s3_object_url(const struct s3 *s, const char *hash_hex, unsigned number, char out[OBJECT_MAX]);
/* ERR_NOT_FOUND without a word: there is none. Else the headers are in *out, which is over. */
int s3_head(struct s3 *s, const char *url, struct request *out) NODISCARD;
/* Bytes of an object against the file, or into it. *same_out: it has just those from at to end. */
int s3_get(struct s3 *s, const char *url, uint64_t at, uint64_t end_at, bool compare, bool *same_out) NODISCARD;
/* The place and the keys; close it in any case. */
int s3_open(struct s3 *s, const struct remote_job *job, const struct copy_url *url, struct err *e) NODISCARD;
void s3_close(struct s3 *s);

#endif
