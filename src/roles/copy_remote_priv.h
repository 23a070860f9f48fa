/* SPDX-License-Identifier: EUPL-1.2 */
/* What the ways to a second copy share: copy_remote.c has it, copy_sftp.c and copy_s3.c use it. */
#ifndef ROLES_COPY_REMOTE_PRIV_H
#define ROLES_COPY_REMOTE_PRIV_H

#include <sys/socket.h>

#include "roles/copy_remote.h"

/* Whether it may connect there: looked at after the name is resolved, so that no name can point inside. plain: nothing says who
 * answers, so that only networks of `allow` will do. */
bool remote_may_connect(const struct remote_job *job, const struct sockaddr *address, bool plain);
bool remote_stopped(const struct remote_job *job);
/* A connected socket that does not block. */
int remote_connect(const struct remote_job *job, struct span host, uint16_t port, int *sock_out, struct err *e) NODISCARD;
/* Size of the job's file. */
int remote_size(const struct remote_job *job, uint64_t *out, struct err *e) NODISCARD;
/* All of size bytes at that place of the job's file. */
int remote_read(const struct remote_job *job, uint64_t at, char *to, size_t size, struct err *e) NODISCARD;
int remote_write(const struct remote_job *job, uint64_t at, const char *from, size_t size, struct err *e) NODISCARD;
void remote_moved(const struct remote_job *job, size_t bytes);
/* The key file; the caller wipes `out` (COPY_KEY_MAX bytes). */
int remote_key(const struct remote_job *job, char *out, size_t *len_out, struct err *e) NODISCARD;

int sftp_send(const struct remote_job *job, const struct copy_url *url, struct err *e) NODISCARD;
int sftp_fetch(const struct remote_job *job, const struct copy_url *url, struct err *e) NODISCARD;
int sftp_ends(const struct remote_job *job, const struct copy_url *url, struct remote_ends *out, struct err *e) NODISCARD;
int sftp_list(const struct remote_job *job, const struct copy_url *url, struct buf *out, struct err *e) NODISCARD;

int s3_send(const struct remote_job *job, const struct copy_url *url, struct err *e) NODISCARD;
int s3_fetch(const struct remote_job *job, const struct copy_url *url, struct err *e) NODISCARD;
int s3_ends(const struct remote_job *job, const struct copy_url *url, struct remote_ends *out, struct err *e) NODISCARD;
int s3_list(const struct remote_job *job, const struct copy_url *url, const char *after, struct buf *out, struct err *e) NODISCARD;

#endif
