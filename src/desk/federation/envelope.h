/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signed envelope in which everything travels between nodes (docs/FEDERATION.md §2): made,
 * sealed and signed here, and at the other side read, checked in one fixed order, and opened.
 * Pure: what is known of members, and what was seen before, is asked through struct fed_check.
 * An envelope that fails any check has no effect; the reason is a word of refusal.def.
 */
#ifndef DESK_FEDERATION_ENVELOPE_H
#define DESK_FEDERATION_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/federation/keys.h"
#include "desk/federation/limits.h"
#include "desk/federation/membership.h"
#include "desk/federation/refusal.h"
#include "wire/jcs.h"

enum fed_type {
    FED_TYPE_OTHER, /* a word that this version does not know */
#define TYPE(name, word, control, hub_only) FED_TYPE_##name,
#include "desk/federation/types.def"
#undef TYPE
    FED_TYPE_COUNT,
};

enum fed_type fed_type_of(struct span word);
const char *fed_type_word(enum fed_type t); /* "" for OTHER. Static. */
bool fed_type_is_control(enum fed_type t);
bool fed_type_hub_only(enum fed_type t);

struct fed_person {
    struct span node;
    struct span name;
};

/* Whom an envelope is for: `audience`, unfolded. Lists join; nda narrows; the flags open. */
struct fed_audience {
    bool all;      /* every member of the circle */
    bool nda;      /* NDA members only: alone, of the circle; with a list, of that list */
    bool sponsors;
    bool csirt;
    bool public_;
    const struct span *orgs;
    uint32_t norgs;
    const struct span *nodes;
    uint32_t nnodes;
    const struct fed_person *persons;
    uint32_t npersons;
    bool unknown; /* a key or value that is not understood: quarantine */
};

/* Unfolds the JSON form; what is not understood sets unknown. Lists live in a. */
void fed_audience_read(struct arena *a, const struct jcs *v, struct fed_audience *out);
/* The JSON form. ERR_INVALID when it names nobody, or a name cannot be one. */
int fed_audience_write(struct arena *a, const struct fed_audience *who, struct jcs **out,
                       struct err *e) NODISCARD;

/* What was read. Spans and trees live in the arena; `text` is borrowed from the caller. */
struct fed_envelope {
    struct span text; /* the exact bytes */
    enum fed_type type;
    struct span type_word;
    char id[FED_ID_LEN + 1];
    struct span issuer; /* node id */
    struct span circle; /* empty: of the link itself, from the hub */
    const struct jcs *audience;
    struct fed_audience who;
    struct span tlp; /* "AMBER+STRICT" */
    struct span pap;
    bool label_unknown; /* tlp or pap is no word of TLP 2.0 or PAP */
    bool red;
    bool chr;
    int64_t created_s;
    int64_t expires_s;
    uint64_t epoch;
    const struct jcs *body;   /* NULL when sealed */
    const struct jcs *sealed; /* NULL when open */
    unsigned char sig[FED_SIG_BYTES];
    const struct jcs *root;
};

/* ---- making ---- */

struct fed_draft {
    enum fed_type type;
    struct span circle;
    const struct jcs *audience; /* fed_audience_write */
    struct span tlp;
    struct span pap;
    bool chr;
    int64_t created_s;
    int64_t expires_s;
    uint64_t epoch;         /* of the circle's membership that this node knows; 0 only with circle "" */
    const struct jcs *body; /* an object */
};

/* To whom a body is sealed. */
struct fed_reader {
    struct span node;
    unsigned char seal[FED_KEY_BYTES];
};

/*
 * Makes the signed text. With readers the body is sealed to them (each node once), without it
 * travels open: RED without readers is ERR_INVALID. Fresh content key and nonce from the kernel;
 * the content key is wiped. ERR_LIMIT when it would be larger than an envelope may be.
 */
int fed_envelope_make(struct arena *a, const struct fed_draft *d, const struct fed_keys *keys,
                      const struct fed_reader *readers, uint32_t nreaders, struct span *text_out,
                      char id_out[FED_ID_LEN + 1], struct err *e) NODISCARD;

/*
 * To whom a body must be sealed under this membership: the active members that the audience names,
 * and the author (its node id), who must be active too. RED: persons' nodes only, and never the hub.
 * ERR_DENIED when nobody but the author is left, or RED names the hub.
 */
int fed_envelope_readers(struct arena *a, const struct fed_membership *m,
                         const struct fed_audience *who, bool red, struct span author,
                         struct fed_reader **out, uint32_t *count_out, struct err *e) NODISCARD;

/* ---- receiving ---- */

/* Size, syntax, canonical form, version, shape, id: what needs no knowledge of members. */
enum fed_refusal fed_envelope_read(struct arena *a, struct span text, struct fed_envelope *out,
                                   struct err *e) NODISCARD;

/* What the receiver knows of an issuer. */
struct fed_issuer {
    unsigned char sign[FED_KEY_BYTES]; /* its key at the envelope's epoch, else the newest known */
    enum fed_state then;               /* at the envelope's epoch */
    enum fed_state now;                /* at the newest epoch known */
    uint64_t since;                    /* epoch of its present state and keys */
    bool key_changed;                  /* it signs with another key now */
    int64_t since_s;                   /* when that epoch was issued; 0 = not known */
    uint64_t epoch_known;              /* newest known of the circle */
    bool epoch_kept;                   /* the envelope's epoch is known */
    bool is_hub;
    bool nda;                          /* of the circle: everything is sealed */
    bool over;                         /* the newest membership is over its date */
    struct span hub;                   /* the hub's node id; may be empty when not known */
};

/* From the memberships of one circle (each epoch kept; any order). FED_TAKEN; CIRCLE when there are
 * none; ISSUER when it stands in none. */
enum fed_refusal fed_issuer_find(const struct fed_membership *const *known, size_t count,
                                 const struct fed_envelope *env, int64_t now_s,
                                 struct fed_issuer *out) NODISCARD;

struct fed_check {
    int64_t now_s;
    bool at_hub; /* from a member itself: it must be active now. From a hub: then */
    void *ctx;
    /* FED_TAKEN, CIRCLE or ISSUER; fills out. */
    enum fed_refusal (*issuer)(void *ctx, const struct fed_envelope *env, struct fed_issuer *out);
    /* Whether this id was here before; NULL = never. */
    bool (*seen)(void *ctx, const struct fed_envelope *env);
    /* The policy's word: FED_TAKEN or a reason; NULL = nothing beyond what check looks at itself. */
    enum fed_refusal (*policy)(void *ctx, const struct fed_envelope *env, const struct fed_issuer *issuer);
};

/*
 * All checks in their order: size → parse → id and signature → issuer in membership at epoch →
 * expiry and clock → seen before → label, audience, seal, policy → type. What is not FED_TAKEN has
 * no effect; fed_refusal_act says what happens to it. `out` is filled as far as it was read.
 */
enum fed_refusal fed_envelope_check(struct arena *a, struct span text, const struct fed_check *c,
                                    struct fed_envelope *out, struct err *e) NODISCARD;

/* The body: as it is, or opened with the node's key. FED_TAKEN; NOT_READER; BOX; BODY. Only for an
 * envelope that fed_envelope_check took. */
enum fed_refusal fed_envelope_open(struct arena *a, const struct fed_envelope *env,
                                   const struct fed_keys *keys, const struct jcs **body_out) NODISCARD;

/* Whether that node is among those to whom it is sealed. */
bool fed_envelope_sealed_to(const struct fed_envelope *env, struct span node);

#endif
