/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The node's configuration: sereno.yml, or without a file a default that watches this machine's own logs on localhost.
 * Super reads it and hands each role its part with MSG_START. An unknown key is an error that names the line.
 */
#ifndef ROLES_CONFIG_H
#define ROLES_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/identity/provider.h"
#include "roles/copy_place.h"
#include "roles/messages.h"

enum {
    CONFIG_FILE_MAX = 1 << 20,    /* bytes of sereno.yml */
    CONFIG_TEXT_MAX = 4096,       /* bytes of one value; paths are the longest */
    CONFIG_NAME_MAX = 64,         /* bytes of a name */
    CONFIG_SOURCES_MAX = 1000,    /* listeners and followed files of one node */
    CONFIG_RULES_MAX = 100,       /* rule folders */
    CONFIG_MAIL_TO_MAX = 50,      /* addresses */
    CONFIG_RETENTION_SOURCES_MAX = 4096,
    CONFIG_RETENTION_MAX = 36500, /* days: a century */
    CONFIG_COPY_GIVE_UP_S = 300,  /* a disk elsewhere that does nothing for so long does not answer */
    CONFIG_COPY_GIVE_UP_MIN_S = 5,
    CONFIG_COPY_GIVE_UP_MAX_S = 86400,
    CONFIG_INTAKES_MAX = 64,      /* intakes of one node */
    CONFIG_INTAKES_AUTO = 8,      /* most that are started unasked, one per core */
    CONFIG_HUNTERS_MAX = 8,       /* processes that search the archive; a node has few cores */
    CONFIG_ALLOW_MAX = 32,        /* networks in which hubs may lie */
};

enum source_kind {
    SOURCE_SYSLOG_UDP,
    SOURCE_SYSLOG_TCP,
    SOURCE_HTTP,
    SOURCE_FILE,
    SOURCE_JOURNAL,
    SOURCE_KIND_COUNT
};

struct config_source {
    struct span name; /* unique; what people see */
    enum source_kind kind;
    struct span listen; /* syslog-*: "127.0.0.1:5514", "[::1]:5514" */
    struct span path;   /* file */
    struct span
        token_hash; /* http: BLAKE2b-256 of the token, 64 hex digits; empty = tokens made in the desk only */
    struct span source;       /* a file of sources/ by name, or "auto" */
    struct span organisation; /* whose it is; the node's own when not stated */
    int32_t zone_s;           /* seconds east of UTC of times that state none */
    uint32_t silent_after_s;  /* no event for so long is an alert; 0 = it may be silent */
};

/* How long originals of one source, or personal fields of one kind of record, are kept. */
struct config_retention {
    struct span source; /* its name, of the config or of a token; or of a kind */
    uint32_t days;      /* of receipt, 0 = for ever */
};

struct config_listen {
    struct span listen;            /* address:port */
    struct span tls_cert, tls_key; /* paths, or empty; known to super alone */
    bool tls;                      /* it speaks TLS: set by config_check, told to all */
};

struct config_target {
    struct span url; /* webhook, heartbeat */
    uint32_t levels; /* bits 1 << enum alert_level: alerts of these levels go there */
};

struct config {
    struct arena arena; /* owns all texts */
    struct span file;   /* where it came from; empty = default */
    struct span node_name, organisation;
    struct span data_dir;
    struct config_listen desk, ingest;
    uint32_t nsources;
    struct config_source *sources;
    uint32_t nrules;
    struct span *rules; /* folders or files */
    struct {
        struct span server, from; /* "smtp://host:25", "smtps://host:465" */
        uint32_t nto;
        struct span *to;
        uint32_t levels;
    } mail;
    struct config_target webhook;
    struct span heartbeat_url;
    uint32_t heartbeat_every_s;
    uint32_t retention_days; /* 0 = for ever; of sources that are not named in the next */
    uint32_t nretention;
    struct config_retention *retention;
    uint32_t nretention_kinds; /* registers: other days than their files say (docs/REGISTERS.md) */
    struct config_retention *retention_kinds;
    struct {
        struct span folder; /* where day files are copied to; empty = nowhere */
        bool same_disk;     /* it may lie on the disk of the data */
        uint32_t give_up_after_s; /* a folder on which nothing moves for so long; 0 = no folder */
        struct copy_place place; /* or this, on the network; url empty = it is not */
        struct span key_file;    /* opens the door there; known to super alone */
    } copy;
    struct span metrics_hash; /* BLAKE2b-256 of the token that opens /metrics, hex; empty = closed */
    uint32_t intakes;        /* how many receive and detect side by side; config_check makes 0 one per core */
    uint32_t hunters;        /* how many hunts run at a time; 0 = none do; a change needs a restart */
    struct {
        struct config_listen at; /* listen empty = this node is no hub; always TLS, with its own keys */
        struct span name;        /* what members see; the node's own when not stated */
        struct span url;         /* "https://hub.example:8610": where members find it */
    } hub;
    struct {
        struct span proxy; /* "http://host:3128"; empty = none, whatever the environment says */
        uint32_t nallow;
        struct span *allow; /* "10.20.0.0/16": networks of hubs that are not public addresses */
    } federation;
    struct sign_in sign_in; /* providers that say who somebody is */
};

/* Of times that state none. */
#define CONFIG_ZONE_DEFAULT "local"

/* Every default; what is new here belongs into defaults.c too. */
void config_init(struct config *c);
/* The defaults of one source, but for its organisation. */
void config_source_init(struct config_source *s);
void config_fini(struct config *c);

/* Reads a file's bytes. ERR_INVALID names file, line and key. Texts are copied. */
int config_read(struct config *c, struct span file_name, struct span bytes,
                struct err *e) NODISCARD;

/* Reads sereno.yml at path, whole; path NULL: the default. */
int config_load(struct config *c, const char *path, struct err *e) NODISCARD;

/* The default: this machine's own logs as far as they are alive and readable, all listeners on localhost. */
void config_default(struct config *c);

/* What does not depend on a file: ports free of conflict, TLS where not localhost, unique names. */
int config_check(struct config *c, struct err *e) NODISCARD;

/* The part of a role: all keys, those that it has no business with left empty. And back. */
void config_encode(const struct config *c, enum role_id role, struct buf *out);
int config_decode(struct config *c, struct span body, struct err *e) NODISCARD;

/* The folder or URL of the second copy, as records name it; empty = none. */
struct span config_copy_place(const struct config *c);

/* True when "address:port" is on the loopback interface. */
bool config_is_loopback(struct span listen);

/* Where journalctl is, or NULL. */
const char *config_journalctl(void);

/* Seconds east of UTC on this machine now. */
int32_t config_local_zone(void);

/* "file" …; never NULL. */
const char *source_kind_name(enum source_kind kind);

#endif
