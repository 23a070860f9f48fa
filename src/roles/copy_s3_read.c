/* SPDX-License-Identifier: EUPL-1.2 */
/* What lies in S3-compatible storage, fetched, looked at by its ends, or listed: see copy_s3_priv.h. Bodies are passed on, not read. */
#include "roles/copy_s3_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- fetching ---- */

/* The pieces one after another; sizes are what the objects have, never more than max_bytes in all. */
static int fetch_file(struct s3 *s)
{
    struct request there;
    char url[OBJECT_MAX], hash[HASH_HEX + 1] = "";
    uint64_t at = 0;
    unsigned pieces = 1;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < pieces; i++) {
        bool whole = false;
        s3_object_url(s, hash, i, url);
        rc = s3_head(s, url, &there);
        if (rc == ERR_NOT_FOUND && i > 0) {
            return err_set(s->e, ERR_IO, "piece %u of %s is missing there", i + 1, s->job->name);
        }
        if (rc == 0 && i == 0) {
            pieces = there.meta_pieces > 1 && there.meta_pieces <= PIECES_MAX && there.meta_hash[0] != '\0' ? (unsigned)there.meta_pieces : 1;
            memcpy(hash, there.meta_hash, sizeof hash);
        }
        if (rc == 0 && there.length > s->job->max_bytes - at) {
            return err_set(s->e, ERR_LIMIT, "%s there is larger than a copy of that day can be", s->job->name);
        }
        rc = rc == 0 ? s3_get(s, url, at, at + there.length, false, &whole) : rc;
        rc = rc == 0 && !whole ? err_set(s->e, ERR_IO, "%s changes while it is read", s->job->name) : rc;
        at += there.length;
    }
    return rc;
}

int s3_fetch(const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    struct s3 s;
    int rc = s3_open(&s, job, url, e);
    rc = rc == 0 ? fetch_file(&s) : rc;
    s3_close(&s);
    return rc;
}

/* ---- the ends ---- */

/* Bytes of an object, from one to before another. */
static int read_range(struct s3 *s, const char *url, uint64_t from, uint64_t to, unsigned char *out)
{
    struct request r;
    struct buf bytes;
    char range[48];
    buf_init(&bytes, (size_t)(to - from) + 1); /* a server that does not know ranges is seen by it */
    int rc = s3_begin(&r, s, url, EMPTY_HASH);
    r.body = &bytes;
    r.part = true;
    (void)snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, from, to - 1);
    rc = rc == 0 && curl_easy_setopt(r.h, CURLOPT_RANGE, range) != CURLE_OK ? err_set(s->e, ERR_INVALID, "the request for the copy cannot be made") : rc;
    rc = rc == 0 ? s3_perform(&r, "reading there") : rc;
    rc = rc == 0 && r.status != 200 && r.status != 206 ? s3_told(&r, "reading there") : rc;
    rc = rc == 0 && bytes.len != to - from ? err_set(s->e, ERR_IO, "%s does not read as long as it is said to be", s->job->name) : rc;
    if (rc == 0) {
        memcpy(out, bytes.data, bytes.len);
    }
    s3_end(&r);
    buf_free(&bytes);
    return rc;
}

/* All pieces by their headers. *last_out: bytes of the last two, the end may lie in both. */
static int sizes_there(struct s3 *s, char hash[HASH_HEX + 1], unsigned *pieces_out, uint64_t *all_out, uint64_t last_out[2])
{
    struct request there;
    char url[OBJECT_MAX];
    uint64_t said = 0;
    int rc = 0;
    *pieces_out = 1;
    *all_out = last_out[0] = last_out[1] = 0;
    for (unsigned i = 0; rc == 0 && i < *pieces_out; i++) {
        s3_object_url(s, hash, i, url);
        rc = s3_head(s, url, &there);
        if (rc == ERR_NOT_FOUND && i > 0) {
            return err_set(s->e, ERR_IO, "piece %u of %s is missing there", i + 1, s->job->name);
        }
        if (rc == 0 && i == 0) {
            *pieces_out = there.meta_pieces > 1 && there.meta_pieces <= PIECES_MAX && there.meta_hash[0] != '\0' ? (unsigned)there.meta_pieces : 1;
            memcpy(hash, there.meta_hash, sizeof there.meta_hash);
            said = *pieces_out > 1 ? there.meta_size : there.length;
        }
        rc = rc == 0 && there.length > INT64_MAX - *all_out ? err_set(s->e, ERR_IO, "the server does not say how long %s is", s->job->name) : rc;
        *all_out += rc == 0 ? there.length : 0;
        last_out[0] = last_out[1];
        last_out[1] = there.length;
    }
    return rc == 0 && said != *all_out ? err_set(s->e, ERR_IO, "its pieces have %" PRIu64 " bytes, it had %" PRIu64, *all_out, said) : rc;
}

static int ends_there(struct s3 *s, struct remote_ends *out)
{
    char url[OBJECT_MAX], hash[HASH_HEX + 1] = "";
    unsigned pieces = 0;
    uint64_t last[2];
    int rc = sizes_there(s, hash, &pieces, &out->size, last);
    if (rc != 0 || out->size < sizeof out->head + sizeof out->tail) {
        return rc;
    }
    uint64_t here = last[1] < sizeof out->tail ? last[1] : sizeof out->tail, before = sizeof out->tail - here;
    if (before > 0 && (pieces < 2 || before > last[0])) {
        return err_set(s->e, ERR_IO, "its pieces are smaller than any that were brought");
    }
    s3_object_url(s, hash, 0, url);
    rc = read_range(s, url, 0, sizeof out->head, out->head);
    s3_object_url(s, hash, pieces - 1, url);
    rc = rc == 0 && here > 0 ? read_range(s, url, last[1] - here, last[1], out->tail + before) : rc;
    if (before > 0) {
        s3_object_url(s, hash, pieces - 2, url);
        rc = rc == 0 ? read_range(s, url, last[0] - before, last[0], out->tail) : rc;
    }
    return rc;
}

int s3_ends(const struct remote_job *job, const struct copy_url *url, struct remote_ends *out, struct err *e)
{
    struct s3 s;
    int rc = s3_open(&s, job, url, e);
    rc = rc == 0 ? ends_there(&s, out) : rc;
    s3_close(&s);
    return rc;
}

/* ---- names ---- */

/* RFC 3986 §2.3: all but the unreserved characters as %XX. */
static void escape(struct buf *b, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-_.~", *c) != NULL;
        buf_printf(b, plain ? "%c" : "%%%02X", *c);
    }
}

/* ListObjectsV2; parameters in the order in which they are signed, and as they are signed. */
static void list_url(const struct s3 *s, const struct copy_url *url, const char *after, char out[2 * OBJECT_MAX])
{
    struct buf b;
    buf_init(&b, 2 * OBJECT_MAX);
    buf_printf(&b, "%.*s/%.*s?list-type=2&prefix=", SPAN_ARG(s->job->place->endpoint), SPAN_ARG(url->host));
    for (unsigned part = 0; part < 2; part++) {
        struct span path = span_sub(url->path, 1, url->path.len);
        for (size_t i = 0; i < path.len; i++) {
            buf_span(&b, path.ptr[i] == '/' ? SPAN("%2F") : span_sub(path, i, 1));
        }
        buf_cstr(&b, path.len > 0 ? "%2F" : "");
        escape(&b, part == 0 ? COPY_NAME_START : after);
        if (after[0] == '\0') {
            break;
        }
        buf_cstr(&b, part == 0 ? "&start-after=" : "");
    }
    (void)snprintf(out, 2 * OBJECT_MAX, "%.*s", SPAN_ARG(buf_view(&b)));
    buf_free(&b);
}

int s3_list(const struct remote_job *job, const struct copy_url *url, const char *after, struct buf *out, struct err *e)
{
    struct s3 s;
    struct request r;
    char address[2 * OBJECT_MAX];
    int rc = s3_open(&s, job, url, e);
    if (rc == 0) {
        list_url(&s, url, after, address);
        rc = s3_begin(&r, &s, address, EMPTY_HASH);
        r.body = out;
        rc = rc == 0 ? s3_perform(&r, "listing there") : rc;
        rc = rc == 0 && r.status != 200 ? s3_told(&r, "listing there") : rc;
        s3_end(&r);
    }
    s3_close(&s);
    return rc;
}
