/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second copy in S3-compatible storage, by libcurl (its AWS Signature Version 4): see copy_remote.h. Reads status and
 * headers of answers, never a body, but for a day that is fetched (ciphertext, passed on) and the list of names, which is
 * passed on too, for somebody else to read.
 *
 * A file of up to a piece is one object. A larger one is several, each put whole with its SHA-256, which the server
 * compares; the first, which alone has the day's name, comes last: when it is there, all are. The others are named by the
 * hash of the whole, so that no two tries can mix. Each is put only where none of that name is (If-None-Match: *).
 */
#include "roles/copy_s3_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- what libcurl asks ---- */

/* Plain HTTP only within networks that `allow` names: nothing but the signature says there who is who. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct request *r = arg;
    if (purpose != CURLSOCKTYPE_IPCXN || !remote_may_connect(r->s->job, &a->addr, r->plain)) {
        r->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct request *r = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return remote_stopped(r->s->job);
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
    struct request *r = arg;
    uint64_t left = r->end - r->at;
    size_t n = size * count < left ? size * count : (size_t)left;
    if (n > 0 && remote_read(r->s->job, r->at, to, n, r->s->e) != 0) {
        r->cut = true;
        return CURL_READFUNC_ABORT;
    }
    r->at += n;
    remote_moved(r->s->job, n);
    return n;
}

/* libcurl goes back to the start when a kept connection turned out to be closed. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct request *r = arg;
    if (origin != SEEK_SET || offset != 0) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    r->at = r->end - r->length;
    return CURL_SEEKFUNC_OK;
}

/* The body of what was asked for; that of an error is thrown away. */
static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct request *r = arg;
    size_t n = size * count;
    long status = 0;
    (void)curl_easy_getinfo(r->h, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && !(r->part && status == 206)) {
        return n;
    }
    if (r->body != NULL) {
        buf_put(r->body, bytes, n);
        return r->body->failed ? 0 : n;
    }
    if (n > r->end - r->at) {
        r->same = false;
        return 0; /* more than it said */
    }
    int rc = 0;
    if (r->compare) {
        for (size_t done = 0; rc == 0 && r->same && done < n;) {
            size_t part = n - done < REMOTE_PIECE ? n - done : REMOTE_PIECE;
            rc = remote_read(r->s->job, r->at + done, r->other, part, r->s->e);
            r->same = rc == 0 && memcmp(r->other, bytes + done, part) == 0;
            done += part;
        }
    } else {
        rc = remote_write(r->s->job, r->at, bytes, n, r->s->e);
    }
    r->cut = rc != 0;
    r->at += n;
    remote_moved(r->s->job, n);
    return rc == 0 && (!r->compare || r->same) ? n : 0;
}

/* "name: value" of the few that matter. */
static bool header_is(struct span line, const char *name, struct span *value)
{
    ptrdiff_t colon = span_find(line, ':');
    if (colon < 0 || !span_eq_nocase(span_sub(line, 0, (size_t)colon), span_of(name))) {
        return false;
    }
    *value = span_trim(span_sub(line, (size_t)colon + 1, line.len));
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct request *r = arg;
    struct span line = span_make(bytes, size * count), value;
    uint64_t number = 0;
    if (header_is(line, META "size", &value) && num_u64(value, &number)) {
        r->meta_size = number;
    } else if (header_is(line, META "pieces", &value) && num_u64(value, &number)) {
        r->meta_pieces = number;
    } else if (header_is(line, META "sha256", &value) && value.len == HASH_HEX) {
        (void)snprintf(r->meta_hash, sizeof r->meta_hash, "%.*s", SPAN_ARG(value));
    } else if (header_is(line, "x-amz-checksum-sha256", &value) && value.len < sizeof r->checksum) {
        (void)snprintf(r->checksum, sizeof r->checksum, "%.*s", SPAN_ARG(value));
    }
    return size * count;
}

/* ---- a request ---- */

static void add_header(struct request *r, const char *name, const char *value)
{
    char line[HEADER_MAX];
    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *next = curl_slist_append(r->headers, line);
    CHECK(next != NULL);
    r->headers = next;
}

int s3_begin(struct request *r, struct s3 *s, const char *url, const char *payload_hash)
{
    *r = (struct request){.s = s, .h = curl_easy_init(), .same = true};
    CHECK(r->h != NULL);
    r->plain = strncmp(url, "http:", 5) == 0;
    add_header(r, "x-amz-content-sha256", payload_hash);
    CURLcode rc = curl_easy_setopt(r->h, CURLOPT_URL, url);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_PROTOCOLS_STR, r->plain ? "http" : "https");
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_FOLLOWLOCATION, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_PROXY, "");
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_NOSIGNAL, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_PATH_AS_IS, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_AWS_SIGV4, s->sign);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_USERPWD, s->login);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_CONNECTTIMEOUT_MS, (long)REMOTE_CONNECT_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_LOW_SPEED_TIME, (long)REMOTE_STALL_MS / 1000);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_ERRORBUFFER, r->why);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_NOPROGRESS, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_XFERINFOFUNCTION, on_progress);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_XFERINFODATA, r);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_OPENSOCKETFUNCTION, on_open);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_OPENSOCKETDATA, r);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_HEADERFUNCTION, on_header);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_HEADERDATA, r);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_WRITEFUNCTION, on_body);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_WRITEDATA, r);
    rc = rc != 0 ? rc : curl_easy_setopt(r->h, CURLOPT_USERAGENT, "sereno/" SERENO_VERSION);
    return rc == CURLE_OK ? 0 : err_set(s->e, ERR_INVALID, "the request for the copy cannot be made");
}

/* What a status that is no success says to people. RFC 9110 §15, and Amazon's list of S3 error responses. */
int s3_told(struct request *r, const char *what)
{
    static const struct {
        long status;
        int code;
        const char *text;
    } known[] = {
        {301, ERR_DENIED, "the bucket lies in another region"},
        {400, ERR_IO, "the server does not understand it: do region and endpoint fit, is its clock ours?"},
        {403, ERR_DENIED, "the server does not take the keys of key_file, or they may not do this"},
        {404, ERR_IO, "no such bucket there"},
        {503, ERR_IO, "the server asks to come more slowly"},
        {507, ERR_IO, "there is no room"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].status == r->status) {
            return err_set(r->s->e, known[i].code, "%s: %s (status %ld)", what, known[i].text, r->status);
        }
    }
    return err_set(r->s->e, ERR_IO, "%s: the server refused (status %ld)", what, r->status);
}

/* 0: there is a status. */
int s3_perform(struct request *r, const char *what)
{
    CURLcode rc = curl_easy_setopt(r->h, CURLOPT_HTTPHEADER, r->headers);
    rc = rc == CURLE_OK ? curl_easy_perform(r->h) : rc;
    (void)curl_easy_getinfo(r->h, CURLINFO_RESPONSE_CODE, &r->status);
    if (rc == CURLE_OK || !r->same) {
        return 0;
    }
    if (r->cut) {
        return r->s->e->code; /* our own file's error */
    }
    if (remote_stopped(r->s->job)) {
        return err_set(r->s->e, ERR_CLOSED, "the node stops");
    }
    if (r->refused) {
        return err_set(r->s->e, ERR_DENIED, "the address of the endpoint is not public, and `allow` does not name its network");
    }
    return err_set(r->s->e, ERR_IO, "%s: %s", what, r->why[0] != '\0' ? r->why : curl_easy_strerror(rc));
}

void s3_end(struct request *r)
{
    curl_slist_free_all(r->headers);
    curl_easy_cleanup(r->h);
    mem_free(r->other);
}

/* ---- objects ---- */

/* The first has the day's name; "sereno-2026-11-26.copy.0123456789abcdef.00002" is the second. */
void s3_object_url(const struct s3 *s, const char *hash_hex, unsigned number, char out[OBJECT_MAX])
{
    if (number == 0) {
        (void)snprintf(out, OBJECT_MAX, "%s%s", s->folder, s->job->name);
    } else {
        (void)snprintf(out, OBJECT_MAX, "%s%s.%.16s.%05u", s->folder, s->job->name, hash_hex, number + 1);
    }
}

/* ERR_NOT_FOUND without a word: there is none. Else the headers are in *out, which is over. */
int s3_head(struct s3 *s, const char *url, struct request *out)
{
    curl_off_t length = -1;
    int rc = s3_begin(out, s, url, EMPTY_HASH);
    add_header(out, "x-amz-checksum-mode", "ENABLED");
    rc = rc == 0 && curl_easy_setopt(out->h, CURLOPT_NOBODY, 1L) != CURLE_OK ? err_set(s->e, ERR_INVALID, "the request for the copy cannot be made") : rc;
    rc = rc == 0 ? s3_perform(out, "looking there") : rc;
    if (rc == 0 && out->status == 200) {
        (void)curl_easy_getinfo(out->h, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        out->length = length < 0 ? UINT64_MAX : (uint64_t)length;
    } else if (rc == 0) {
        rc = out->status == 404 ? ERR_NOT_FOUND : s3_told(out, "looking there");
    }
    s3_end(out);
    return rc;
}

/* Bytes of an object against the file, or into it. *same_out: it has just those from at to end. */
int s3_get(struct s3 *s, const char *url, uint64_t at, uint64_t end_at, bool compare, bool *same_out)
{
    struct request r;
    int rc = s3_begin(&r, s, url, EMPTY_HASH);
    r.at = at;
    r.end = end_at;
    r.compare = compare;
    r.other = mem_alloc(REMOTE_PIECE);
    rc = rc == 0 ? s3_perform(&r, "reading there") : rc;
    rc = rc == 0 && r.same && r.status != 200 ? s3_told(&r, "reading there") : rc;
    *same_out = rc == 0 && r.same && r.at == r.end;
    s3_end(&r);
    return rc;
}

static uint64_t piece_start(const struct s3 *s, unsigned number)
{
    uint64_t at = (uint64_t)number * s->piece;
    return at < s->size ? at : s->size;
}

static void piece_hash(const struct s3 *s, unsigned number, char hex[HASH_HEX + 1], char base64[HASH_BASE64])
{
    const unsigned char *hash = s->hashes + (size_t)number * HASH_BYTES;
    hex_encode(hash, HASH_BYTES, hex);
    (void)sodium_bin2base64(base64, HASH_BASE64, hash, HASH_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

/* What lies there is this piece: by the checksum that the server itself makes, else byte for byte. */
static int is_piece(struct s3 *s, const char *url, unsigned number, const struct request *there, bool *same_out)
{
    char hex[HASH_HEX + 1], base64[HASH_BASE64];
    uint64_t from = piece_start(s, number), to = piece_start(s, number + 1);
    piece_hash(s, number, hex, base64);
    *same_out = false;
    if (there->length != to - from) {
        return 0;
    }
    if (there->checksum[0] != '\0') {
        *same_out = strcmp(there->checksum, base64) == 0;
        return 0;
    }
    return s3_get(s, url, from, to, true, same_out);
}

static void add_number(struct request *r, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    add_header(r, name, text);
}

/* Nobody, whoever holds the keys, removes it before that day: Object Lock in compliance mode, where the bucket has it. */
static void add_lock(struct request *r)
{
    char text[TIME_TEXT_MAX];
    if (r->s->job->place->lock_days > 0) {
        (void)time_format(clock_now() / TIME_SECOND * TIME_SECOND + (time_ns)r->s->job->place->lock_days * TIME_DAY, text);
        add_header(r, "x-amz-object-lock-mode", "COMPLIANCE");
        add_header(r, "x-amz-object-lock-retain-until-date", text);
    }
}

/* *status_out: what the server said. once: only where no such object is. */
static int put(struct s3 *s, const char *url, unsigned number, bool once, long *status_out)
{
    struct request r;
    char hex[HASH_HEX + 1], base64[HASH_BASE64], whole[HASH_HEX + 1];
    piece_hash(s, number, hex, base64);
    hex_encode(s->whole, HASH_BYTES, whole);
    int rc = s3_begin(&r, s, url, hex);
    r.at = piece_start(s, number);
    r.end = piece_start(s, number + 1);
    r.length = r.end - r.at;
    add_header(&r, "Content-Type", "application/octet-stream");
    add_header(&r, "x-amz-checksum-sha256", base64);
    add_header(&r, META "sha256", whole);
    add_number(&r, META "size", s->size);
    add_number(&r, META "pieces", s->pieces);
    add_lock(&r);
    if (once) {
        add_header(&r, "If-None-Match", "*");
    }
    CURLcode set = curl_easy_setopt(r.h, CURLOPT_UPLOAD, 1L);
    set = set != 0 ? set : curl_easy_setopt(r.h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r.length);
    set = set != 0 ? set : curl_easy_setopt(r.h, CURLOPT_READFUNCTION, on_read);
    set = set != 0 ? set : curl_easy_setopt(r.h, CURLOPT_READDATA, &r);
    set = set != 0 ? set : curl_easy_setopt(r.h, CURLOPT_SEEKFUNCTION, on_seek);
    set = set != 0 ? set : curl_easy_setopt(r.h, CURLOPT_SEEKDATA, &r);
    rc = rc == 0 && set != 0 ? err_set(s->e, ERR_INVALID, "the request for the copy cannot be made") : rc;
    rc = rc == 0 ? s3_perform(&r, "writing there") : rc;
    *status_out = r.status;
    rc = rc == 0 && r.status != 200 && r.status != 412 && !(once && r.status == 501) ? s3_told(&r, "writing there") : rc;
    s3_end(&r);
    return rc;
}

/* ---- sending ---- */

/* One pass over the file: the hash of each piece and of all. */
static int hash_file(struct s3 *s)
{
    crypto_hash_sha256_state whole, one;
    char *bytes = mem_alloc(REMOTE_PIECE);
    int rc = 0;
    s->hashes = mem_alloc((size_t)s->pieces * HASH_BYTES);
    (void)crypto_hash_sha256_init(&whole);
    for (unsigned i = 0; rc == 0 && i < s->pieces; i++) {
        (void)crypto_hash_sha256_init(&one);
        for (uint64_t at = piece_start(s, i); rc == 0 && at < piece_start(s, i + 1);) {
            uint64_t left = piece_start(s, i + 1) - at;
            size_t n = left < REMOTE_PIECE ? (size_t)left : REMOTE_PIECE;
            rc = remote_stopped(s->job) ? err_set(s->e, ERR_CLOSED, "the node stops") : remote_read(s->job, at, bytes, n, s->e);
            (void)crypto_hash_sha256_update(&whole, (const unsigned char *)bytes, n);
            (void)crypto_hash_sha256_update(&one, (const unsigned char *)bytes, n);
            at += n;
            remote_moved(s->job, n); /* it is alive */
        }
        (void)crypto_hash_sha256_final(&one, s->hashes + (size_t)i * HASH_BYTES);
    }
    (void)crypto_hash_sha256_final(&whole, s->whole);
    mem_free(bytes);
    return rc;
}

/* The piece lies there when this returns 0, brought now or before. */
static int bring_piece(struct s3 *s, unsigned number)
{
    struct request there;
    char url[OBJECT_MAX], whole[HASH_HEX + 1];
    bool same = false;
    long status = 0;
    hex_encode(s->whole, HASH_BYTES, whole);
    s3_object_url(s, whole, number, url);
    int rc = s3_head(s, url, &there);
    if (rc == ERR_NOT_FOUND) {
        rc = put(s, url, number, true, &status);
        rc = rc == 0 && status == 501 ? put(s, url, number, false, &status) : rc; /* it does not know If-None-Match; we looked */
        rc = rc == 0 ? s3_head(s, url, &there) : rc;
    }
    rc = rc == 0 ? is_piece(s, url, number, &there, &same) : rc == ERR_NOT_FOUND ? err_set(s->e, ERR_IO, "what was written does not lie there") : rc;
    if (rc != 0 || same) {
        return rc;
    }
    return status == 200 ? err_set(s->e, ERR_IO, "the copy does not lie there as it was written")
                         : err_set(s->e, ERR_EXISTS, "a file of that day is there that is not this node's copy: it is not written over, move it away");
}

static int read_login(struct s3 *s)
{
    size_t n = 0;
    int rc = remote_key(s->job, s->key, &n, s->e);
    struct span text = span_make(s->key, n);
    ptrdiff_t line = rc == 0 ? span_find(text, '\n') : -1;
    struct span id = span_trim(span_sub(text, 0, line < 0 ? 0 : (size_t)line)), secret = span_trim(span_sub(text, line < 0 ? n : (size_t)line + 1, n));
    bool fine = id.len > 0 && secret.len > 0 && span_find(id, ':') < 0 && span_find(secret, '\n') < 0 && memchr(s->key, '\0', n) == NULL;
    (void)snprintf(s->login, COPY_KEY_MAX, "%.*s:%.*s", SPAN_ARG(id), SPAN_ARG(secret));
    return rc != 0 || fine ? rc : err_set(s->e, ERR_DENIED, "key_file holds no access key: its id on one line and its secret on the next are wanted");
}

int s3_open(struct s3 *s, const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    const struct copy_place *p = job->place;
    *s = (struct s3){.job = job, .e = e, .key = mem_alloc(COPY_KEY_MAX), .login = mem_alloc(COPY_KEY_MAX)};
    s->piece = (uint64_t)(p->piece_mib == 0 ? COPY_PIECE_MIB : p->piece_mib) << 20;
    (void)snprintf(s->folder, sizeof s->folder, "%.*s/%.*s%.*s/", SPAN_ARG(p->endpoint), SPAN_ARG(url->host), SPAN_ARG(url->path));
    (void)snprintf(s->sign, sizeof s->sign, "aws:amz:%.*s:s3", (int)(p->region.len == 0 ? strlen(COPY_REGION) : p->region.len), p->region.len == 0 ? COPY_REGION : p->region.ptr);
    return read_login(s);
}

void s3_close(struct s3 *s)
{
    sodium_memzero(s->key, COPY_KEY_MAX);
    sodium_memzero(s->login, COPY_KEY_MAX);
    mem_free(s->key);
    mem_free(s->login);
    mem_free(s->hashes);
}

static int send_file(struct s3 *s)
{
    int rc = remote_size(s->job, &s->size, s->e);
    uint64_t pieces = s->size / s->piece + (s->size % s->piece > 0 || s->size == 0);
    if (rc == 0 && pieces > PIECES_MAX) {
        return err_set(s->e, ERR_LIMIT, "the copy has more pieces than there can be: a larger piece_mib is needed");
    }
    s->pieces = (unsigned)pieces;
    rc = rc == 0 ? hash_file(s) : rc;
    for (unsigned i = s->pieces; rc == 0 && i-- > 0;) {
        rc = bring_piece(s, i);
    }
    return rc;
}

int s3_send(const struct remote_job *job, const struct copy_url *url, struct err *e)
{
    struct s3 s;
    int rc = s3_open(&s, job, url, e);
    rc = rc == 0 ? send_file(&s) : rc;
    s3_close(&s);
    return rc;
}
