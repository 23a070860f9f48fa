/* SPDX-License-Identifier: EUPL-1.2 */
/* What signals and warnings keep: see fed_schema.h. Times in nanoseconds, buckets in quarters of an
 * hour since 1970; a released migration is never edited. */
#include "records/fed_schema.h"

const char fed_signal_sql[] =
    /* Which alerts become signals; an empty word stands for any. */
    "CREATE TABLE fed_share_policy ("
    " id TEXT PRIMARY KEY, circle TEXT NOT NULL, level BIGINT NOT NULL, product TEXT NOT NULL,"
    " technique TEXT NOT NULL, source TEXT NOT NULL, moment TEXT NOT NULL, minutes BIGINT NOT NULL,"
    " since BIGINT NOT NULL, changed_by TEXT NOT NULL, sent BIGINT NOT NULL, place BIGINT NOT NULL);"
    /* Alerts that somebody has to look at again: new, changed, or due. */
    "CREATE TABLE fed_pending ("
    " alert TEXT PRIMARY KEY, due BIGINT NOT NULL, stamp BIGINT NOT NULL);"
    "CREATE INDEX fed_pending_due ON fed_pending (due);"
    /* What was told: one row for a rule and bucket, and what each alert is of it. */
    "CREATE TABLE fed_told ("
    " circle TEXT NOT NULL, number BIGINT NOT NULL, rule_hash TEXT NOT NULL,"
    " bucket BIGINT NOT NULL, count BIGINT NOT NULL, indicators TEXT NOT NULL,"
    " PRIMARY KEY (circle, number));"
    "CREATE UNIQUE INDEX fed_told_key ON fed_told (circle, rule_hash, bucket);"
    "CREATE TABLE fed_told_alert ("
    " alert TEXT NOT NULL, circle TEXT NOT NULL, number BIGINT NOT NULL, events BIGINT NOT NULL,"
    " PRIMARY KEY (alert, circle));"
    /* On a hub: machine signals, unreviewed. count 0: taken back. place grows with each change. */
    "CREATE TABLE fed_signal ("
    " circle TEXT NOT NULL, node TEXT NOT NULL, number BIGINT NOT NULL, place BIGINT NOT NULL,"
    " organisation TEXT NOT NULL, rule TEXT NOT NULL, rule_hash TEXT NOT NULL, title TEXT NOT NULL,"
    " level BIGINT NOT NULL, techniques TEXT NOT NULL, indicators TEXT NOT NULL,"
    " product TEXT NOT NULL, bucket BIGINT NOT NULL, count BIGINT NOT NULL, received BIGINT NOT "
    "NULL, state TEXT NOT NULL, PRIMARY KEY (circle, node, number));"
    "CREATE UNIQUE INDEX fed_signal_place ON fed_signal (place);"
    "CREATE INDEX fed_signal_node ON fed_signal (circle, organisation, place);"
    /* At the hub as issued, at a node as received. */
    "CREATE TABLE fed_warning ("
    " id TEXT PRIMARY KEY, circle TEXT NOT NULL, issuer TEXT NOT NULL, version BIGINT NOT NULL,"
    " kind TEXT NOT NULL, value TEXT NOT NULL, title TEXT NOT NULL, level BIGINT NOT NULL,"
    " seen BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, body TEXT NOT NULL,"
    " withdrawn BIGINT NOT NULL, received BIGINT NOT NULL, updated BIGINT NOT NULL,"
    " expires BIGINT NOT NULL, published TEXT NOT NULL, rules BIGINT NOT NULL,"
    " indicators BIGINT NOT NULL);"
    "CREATE INDEX fed_warning_updated ON fed_warning (updated, id);"
    /* What this node made of it. */
    "CREATE TABLE fed_warning_take ("
    " id TEXT PRIMARY KEY REFERENCES fed_warning (id), state TEXT NOT NULL, automatic BIGINT NOT "
    "NULL, version BIGINT NOT NULL, hunt TEXT NOT NULL, dry_run TEXT NOT NULL,"
    " matched BIGINT NOT NULL, checks TEXT NOT NULL, body BYTEA, changed BIGINT NOT NULL);"
    "CREATE TABLE fed_warning_step ("
    " id TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, who TEXT NOT NULL,"
    " what TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (id, seq));";

/* What a hub may tell its own circles of, too. */
const char fed_onward_sql[] = "ALTER TABLE fed_warning ADD COLUMN onward TEXT NOT NULL DEFAULT '';";

/* Which own warnings a hub above was told of, in which version. */
const char fed_finding_told_sql[] =
    "CREATE TABLE fed_finding_told ("
    " circle TEXT NOT NULL, warning TEXT NOT NULL, version BIGINT NOT NULL, at BIGINT NOT NULL,"
    " PRIMARY KEY (circle, warning));"
    "CREATE INDEX fed_finding_told_warning ON fed_finding_told (warning);";
