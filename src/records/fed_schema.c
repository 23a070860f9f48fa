/* SPDX-License-Identifier: EUPL-1.2 */
/* What the transport of federation keeps: see fed_schema.h. Ids of nodes and envelopes are hex
 * text; a released migration is never edited. */
#include "records/fed_schema.h"

const char fed_transport_sql[] =
    /* `own` 1: this node is the hub of the circle. */
    "CREATE TABLE fed_circle ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, hub TEXT NOT NULL, own BIGINT NOT NULL,"
    " name TEXT NOT NULL, class TEXT NOT NULL, epoch BIGINT NOT NULL, expires BIGINT NOT NULL,"
    " created BIGINT NOT NULL);"
    /* Every epoch, exactly as it was signed. */
    "CREATE TABLE fed_membership ("
    " circle TEXT NOT NULL, epoch BIGINT NOT NULL, body BYTEA NOT NULL, received BIGINT NOT NULL,"
    " PRIMARY KEY (circle, epoch));"
    "CREATE TABLE fed_member ("
    " circle TEXT NOT NULL, node TEXT NOT NULL, org TEXT NOT NULL, sign TEXT NOT NULL,"
    " seal TEXT NOT NULL, classes TEXT NOT NULL, state TEXT NOT NULL, since BIGINT NOT NULL,"
    " PRIMARY KEY (circle, node));"
    "CREATE INDEX fed_member_node ON fed_member (node);"
    /* The key is sealed by the account's password. */
    "CREATE TABLE fed_officer ("
    " user_id TEXT PRIMARY KEY REFERENCES user_account (id), name TEXT NOT NULL, key TEXT NOT NULL,"
    " sealed BYTEA NOT NULL, created BIGINT NOT NULL);"
    "CREATE TABLE fed_code ("
    " hash BYTEA PRIMARY KEY, circle TEXT NOT NULL, org TEXT NOT NULL, created BIGINT NOT NULL,"
    " created_by TEXT NOT NULL, expires BIGINT NOT NULL, used BIGINT NOT NULL);"
    /* `candidate`: the membership that the approval makes, with the signatures so far. */
    "CREATE TABLE fed_request ("
    " id TEXT PRIMARY KEY, circle TEXT NOT NULL, org TEXT NOT NULL, node TEXT NOT NULL,"
    " sign TEXT NOT NULL, seal TEXT NOT NULL, csr TEXT NOT NULL, state TEXT NOT NULL,"
    " created BIGINT NOT NULL, decided BIGINT NOT NULL, decided_by TEXT NOT NULL,"
    " candidate BYTEA NOT NULL, certificate TEXT NOT NULL);"
    "CREATE INDEX fed_request_state ON fed_request (state, created);"
    "CREATE TABLE fed_link ("
    " hub TEXT PRIMARY KEY, organisation TEXT NOT NULL, url TEXT NOT NULL, name TEXT NOT NULL,"
    " state TEXT NOT NULL, sign TEXT NOT NULL, seal TEXT NOT NULL, pin TEXT NOT NULL,"
    " request TEXT NOT NULL, certificate TEXT NOT NULL, created BIGINT NOT NULL,"
    " contact BIGINT NOT NULL, problem TEXT NOT NULL);"
    /* way 0: what this node sends to the peer, 1: what it takes from it. */
    "CREATE TABLE fed_stream ("
    " peer TEXT NOT NULL, way BIGINT NOT NULL, epoch BIGINT NOT NULL, seq BIGINT NOT NULL,"
    " acked BIGINT NOT NULL, id TEXT NOT NULL, waiting BIGINT NOT NULL, bytes BIGINT NOT NULL,"
    " dropped BIGINT NOT NULL, contact BIGINT NOT NULL, PRIMARY KEY (peer, way));"
    /* seq 0: waits for its turn. A row stays after the receipt until the envelope expires: a peer
     * that lost its memory gets it again. */
    "CREATE TABLE fed_out ("
    " place BIGINT PRIMARY KEY, peer TEXT NOT NULL, seq BIGINT NOT NULL, acked BIGINT NOT NULL,"
    " class BIGINT NOT NULL, envelope TEXT NOT NULL, bytes BIGINT NOT NULL,"
    " reason TEXT NOT NULL, audience TEXT NOT NULL, queued BIGINT NOT NULL,"
    " UNIQUE (peer, envelope));"
    "CREATE INDEX fed_out_turn ON fed_out (peer, seq, class, place);"
    "CREATE INDEX fed_out_envelope ON fed_out (envelope);"
    /* `body` is NULL once the content is gone; id and hash stay, so that a replay is known. */
    "CREATE TABLE fed_envelope ("
    " id TEXT PRIMARY KEY, type TEXT NOT NULL, issuer TEXT NOT NULL, circle TEXT NOT NULL,"
    " epoch BIGINT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL,"
    " received BIGINT NOT NULL, peer TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,"
    " body BYTEA);"
    "CREATE INDEX fed_envelope_expires ON fed_envelope (expires);"
    "CREATE INDEX fed_envelope_state ON fed_envelope (state, received);";

/*
 * The outbox ordered by envelope and, of what waits, by peer: a warning to 2,000 members that have some dozens already changed a page
 * of an index for each of them, and 8 MB of them stood in the way of everybody's signals. Queries say `seq = 0` or `seq <> 0` for these.
 */
const char fed_out_turns_sql[] =
    "CREATE TABLE fed_out_by_envelope ("
    " place BIGINT PRIMARY KEY, peer TEXT NOT NULL, seq BIGINT NOT NULL, acked BIGINT NOT NULL,"
    " class BIGINT NOT NULL, envelope TEXT NOT NULL, bytes BIGINT NOT NULL,"
    " reason TEXT NOT NULL, audience TEXT NOT NULL, queued BIGINT NOT NULL,"
    " UNIQUE (envelope, peer));"
    "INSERT INTO fed_out_by_envelope (place, peer, seq, acked, class, envelope, bytes, reason, audience, queued)"
    " SELECT place, peer, seq, acked, class, envelope, bytes, reason, audience, queued FROM fed_out ORDER BY place;"
    "DROP TABLE fed_out;"
    "ALTER TABLE fed_out_by_envelope RENAME TO fed_out;"
    "CREATE INDEX fed_out_waits ON fed_out (peer, class, place) WHERE seq = 0;"
    "CREATE INDEX fed_out_sent ON fed_out (peer, seq) WHERE seq <> 0;";
