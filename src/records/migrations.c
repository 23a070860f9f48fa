/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The tables of records, as the steps that made them. A step that was released is never edited: add
 * another below it. Times are nanoseconds since 1970 UTC. Every row that belongs to somebody
 * carries its organisation.
 */
#include "records/migrate.h"

#include "base/check.h"
#include "records/appointments.h"
#include "records/briefs.h"
#include "records/fed_item.h"
#include "records/fed_letter.h"
#include "records/reminders.h"
#include "records/fed_room.h"
#include "records/fed_schema.h"
#include "records/proof.h"
#include "records/reads.h"
#include "records/registers/record_history.h"
#include "records/registers/record_import.h"
#include "records/registers/record_retention.h"
#include "records/registers/record_row.h"
#include "records/registers/record_seal.h"
#include "records/registers/register_force.h"
#include "records/staff_persons.h"

static const char identity_sql[] =
    "CREATE TABLE user_account ("
    " id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, password TEXT NOT "
    "NULL, role TEXT NOT NULL,"
    " organisation TEXT NOT NULL, created BIGINT NOT NULL, disabled BIGINT);"
    /* Only the hash of the cookie: who reads the database cannot log in with what he finds. */
    "CREATE TABLE session ("
    " hash BYTEA PRIMARY KEY, user_id TEXT NOT NULL REFERENCES user_account (id), created BIGINT "
    "NOT NULL,"
    " last_seen BIGINT NOT NULL, address TEXT NOT NULL);"
    "CREATE INDEX session_seen ON session (last_seen);"
    "CREATE TABLE setup_token ("
    " hash BYTEA PRIMARY KEY, created BIGINT NOT NULL, expires BIGINT NOT NULL, used BIGINT);"
    "CREATE TABLE ingest_token ("
    " id TEXT PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, name TEXT NOT NULL, source TEXT NOT NULL,"
    " organisation TEXT NOT NULL, created BIGINT NOT NULL, created_by TEXT NOT NULL, last_used "
    "BIGINT,"
    " revoked BIGINT);"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL, changed BIGINT NOT NULL);";

static const char audit_sql[] =
    "CREATE TABLE audit ("
    " seq BIGINT PRIMARY KEY, at BIGINT NOT NULL, organisation TEXT NOT NULL, who TEXT NOT NULL,"
    " what TEXT NOT NULL, subject TEXT NOT NULL, why TEXT NOT NULL, before_value TEXT NOT NULL,"
    " after_value TEXT NOT NULL, previous BYTEA NOT NULL, hash BYTEA NOT NULL);"
    /* The end of the chain a second time, so that cutting off its last rows shows. */
    "CREATE TABLE audit_head (id BIGINT PRIMARY KEY, seq BIGINT NOT NULL, hash BYTEA NOT NULL);";

static const char alert_sql[] =
    "CREATE TABLE alert ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, rule_id TEXT NOT NULL, rule_hash TEXT NOT "
    "NULL,"
    " title TEXT NOT NULL, level BIGINT NOT NULL, status BIGINT NOT NULL, time BIGINT NOT NULL,"
    " received BIGINT NOT NULL, last_time BIGINT NOT NULL, host TEXT, user_name TEXT,"
    " source TEXT NOT NULL, product TEXT NOT NULL, category TEXT NOT NULL, service TEXT NOT NULL,"
    " events BIGINT NOT NULL, summary TEXT NOT NULL, assignee TEXT, close_reason TEXT, closed "
    "BIGINT,"
    " revision BIGINT NOT NULL, block_day BIGINT NOT NULL, block_id BIGINT NOT NULL,"
    " block_index BIGINT NOT NULL, detail BYTEA NOT NULL);"
    "CREATE INDEX alert_newest ON alert (received, id);"
    "CREATE INDEX alert_status ON alert (status, received, id);"
    "CREATE INDEX alert_rule ON alert (rule_id, received, id);"
    "CREATE INDEX alert_host ON alert (host, received, id);"
    "CREATE INDEX alert_closed ON alert (closed);"
    "CREATE TABLE alert_history ("
    " alert_id TEXT NOT NULL REFERENCES alert (id), seq BIGINT NOT NULL, at BIGINT NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, reason TEXT, note TEXT, PRIMARY KEY (alert_id, seq));"
    /* Kept with every change, because counting ten million rows for each page would not do. */
    "CREATE TABLE alert_count ("
    " organisation TEXT NOT NULL, status BIGINT NOT NULL, alerts BIGINT NOT NULL,"
    " PRIMARY KEY (organisation, status));";

static const char rule_sql[] =
    "CREATE TABLE rule_text ("
    " hash TEXT PRIMARY KEY, rule_id TEXT NOT NULL, title TEXT NOT NULL, level BIGINT NOT NULL,"
    " author TEXT NOT NULL, file TEXT NOT NULL, description TEXT NOT NULL, license TEXT NOT NULL,"
    " condition TEXT NOT NULL, reference_list TEXT NOT NULL, tag_list TEXT NOT NULL,"
    " falsepositive_list TEXT NOT NULL, body TEXT NOT NULL, generation BIGINT NOT NULL,"
    " alerts BIGINT NOT NULL, events BIGINT NOT NULL);"
    "CREATE INDEX rule_text_id ON rule_text (rule_id);"
    "CREATE INDEX rule_text_title ON rule_text (generation, title, hash);"
    "CREATE TABLE rule_refused ("
    " seq BIGINT PRIMARY KEY, generation BIGINT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL,"
    " reason TEXT NOT NULL);"
    "CREATE TABLE source_counter ("
    " name TEXT PRIMARY KEY, kind TEXT NOT NULL, product TEXT NOT NULL, category TEXT NOT NULL,"
    " service TEXT NOT NULL, organisation TEXT NOT NULL, events BIGINT NOT NULL, dropped BIGINT "
    "NOT NULL,"
    " anomalies BIGINT NOT NULL, last_event BIGINT);";

/* One stretch of an index for each way in which a queue is read: see alerts_query.c. */
static const char queue_sql[] =
    "CREATE INDEX alert_level ON alert (status, level, received, id);"
    "CREATE INDEX alert_organisation ON alert (organisation, received, id);";

/* Times that are not known are the smallest number, as in the program. tally: what a hunter counted, to go on with. */
static const char hunt_sql[] =
    "CREATE TABLE hunt ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,"
    " problem TEXT NOT NULL, status BIGINT NOT NULL, created BIGINT NOT NULL, finished BIGINT NOT "
    "NULL,"
    " blocks_total BIGINT NOT NULL, blocks_done BIGINT NOT NULL, events BIGINT NOT NULL,"
    " matches BIGINT NOT NULL, end_day BIGINT NOT NULL, end_block BIGINT NOT NULL,"
    " day BIGINT NOT NULL, block BIGINT NOT NULL, retained_from BIGINT NOT NULL,"
    " retained_to BIGINT NOT NULL, definition BYTEA NOT NULL, tally BYTEA NOT NULL,"
    " result BYTEA NOT NULL);"
    "CREATE INDEX hunt_created ON hunt (created, id);"
    "CREATE INDEX hunt_status ON hunt (status, created, id);";

/* Windows of the correlator in parts: see correlation.h. */
static const char correlation_sql[] =
    "CREATE TABLE correlation_state (part BIGINT PRIMARY KEY, value BYTEA NOT NULL);";

/* What each rule has cost; stopped 0 = it runs. */
static const char rule_cost_sql[] =
    "CREATE TABLE rule_cost ("
    " hash TEXT PRIMARY KEY, since BIGINT NOT NULL, events BIGINT NOT NULL, candidates BIGINT NOT NULL,"
    " hits BIGINT NOT NULL, ns BIGINT NOT NULL, stopped BIGINT NOT NULL, reason TEXT NOT NULL);";

/* What correlations hold, beside what rules cost. */
static const char window_cost_sql[] =
    "ALTER TABLE rule_cost ADD COLUMN evicted BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE rule_cost ADD COLUMN windows BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE rule_cost ADD COLUMN state_bytes BIGINT NOT NULL DEFAULT 0;";

/* Legal holds: see holds.h. Never deleted. */
static const char hold_sql[] =
    "CREATE TABLE legal_hold ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, source TEXT NOT NULL, first_day BIGINT NOT NULL,"
    " last_day BIGINT NOT NULL, reason TEXT NOT NULL, created BIGINT NOT NULL, created_by TEXT NOT NULL,"
    " lifted BIGINT, lifted_by TEXT, lifted_reason TEXT);";

/* How late events of a source come, how many come, and which were lost why. */
static const char source_health_sql[] =
    "ALTER TABLE source_counter ADD COLUMN dropped_at BIGINT;"
    "ALTER TABLE source_counter ADD COLUMN rate_milli BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE source_counter ADD COLUMN lag_ms BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE source_counter ADD COLUMN lag_events BIGINT NOT NULL DEFAULT 0;"
    "CREATE TABLE source_drop ("
    " name TEXT NOT NULL, cause TEXT NOT NULL, events BIGINT NOT NULL, PRIMARY KEY (name, cause));";

/* Which days of the archive were copied to which place: see copies.h. */
static const char day_copy_sql[] =
    "CREATE TABLE day_copy ("
    " place TEXT NOT NULL, day BIGINT NOT NULL, at BIGINT NOT NULL, bytes BIGINT NOT NULL, hash TEXT NOT NULL,"
    " PRIMARY KEY (place, day));";

/* One-time links with which somebody chooses his password: see people.h. Only the hash, as of a cookie. */
static const char sign_in_link_sql[] =
    "CREATE TABLE sign_in_link ("
    " hash BYTEA PRIMARY KEY, user_id TEXT NOT NULL REFERENCES user_account (id), created BIGINT NOT NULL,"
    " expires BIGINT NOT NULL, used BIGINT);"
    "CREATE INDEX sign_in_link_user ON sign_in_link (user_id);"
    "CREATE INDEX session_user ON session (user_id);";

/* Second factors: see factors.h. box is sealed with a key that is not here. */
static const char second_factor_sql[] =
    "CREATE TABLE second_factor ("
    " user_id TEXT PRIMARY KEY REFERENCES user_account (id), box BYTEA NOT NULL, created BIGINT NOT NULL, confirmed BIGINT,"
    " last_step BIGINT NOT NULL, failures BIGINT NOT NULL);"
    "CREATE TABLE recovery_code ("
    " hash BYTEA PRIMARY KEY, user_id TEXT NOT NULL REFERENCES user_account (id), created BIGINT NOT NULL, used BIGINT);"
    "CREATE INDEX recovery_code_user ON recovery_code (user_id);";

/* Accounts that a provider signs in: see sign_in.h. */
static const char provider_account_sql[] =
    "CREATE TABLE provider_account ("
    " issuer TEXT NOT NULL, subject TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES user_account (id), provider TEXT NOT NULL,"
    " created BIGINT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (issuer, subject));"
    "CREATE INDEX provider_account_user ON provider_account (user_id);"
    "ALTER TABLE session ADD COLUMN factor_elsewhere BIGINT NOT NULL DEFAULT 0;";

/* API tokens of people: see user_tokens.h. mark is the begin of the token, by which its person knows it. */
static const char user_token_sql[] =
    "CREATE TABLE user_token ("
    " id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES user_account (id), hash BYTEA NOT NULL UNIQUE, mark TEXT NOT NULL,"
    " name TEXT NOT NULL, scopes TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL, ended BIGINT,"
    " used_day BIGINT NOT NULL);"
    "CREATE INDEX user_token_user ON user_token (user_id, created);";

/* Lists of the personnel office, and what each changed: see staff_imports.h. */
static const char staff_import_sql[] =
    "CREATE TABLE staff_import ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL, undone BIGINT);"
    "CREATE TABLE staff_import_row ("
    " import TEXT NOT NULL REFERENCES staff_import (id), place BIGINT NOT NULL, kind BIGINT NOT NULL,"
    " user_id TEXT NOT NULL REFERENCES user_account (id), role TEXT NOT NULL, was TEXT NOT NULL, PRIMARY KEY (import, place));";

static const struct migration list[] = {
    {"identity", identity_sql},      {"audit", audit_sql},  {"alerts", alert_sql},
    {"rules and sources", rule_sql}, {"queues", queue_sql},
    {"federation", fed_transport_sql},
    {"hunts", hunt_sql},
    {"signals", fed_signal_sql},
    {"correlation", correlation_sql},
    {"items", fed_item_sql},
    {"rule costs", rule_cost_sql},
    {"warnings passed on", fed_onward_sql},
    {"letters", fed_letter_sql},
    {"costs of correlations", window_cost_sql},
    {"languages of links", "ALTER TABLE fed_link_page ADD COLUMN language TEXT NOT NULL DEFAULT '';"},
    {"legal holds", hold_sql},
    {"room", fed_room_sql},
    {"health of sources", source_health_sql},
    {"joined rules", "ALTER TABLE rule_text ADD COLUMN joins TEXT NOT NULL DEFAULT '';"},
    {"registers", record_sql},
    {"copies of days", day_copy_sql},
    {"findings told above", fed_finding_told_sql},
    {"sign-in links", sign_in_link_sql},
    {"links of records", record_link_sql},
    {"second factors", second_factor_sql},
    {"imports of records", record_import_sql},
    {"turns of the outbox", fed_out_turns_sql},
    {"sign-in by a provider", provider_account_sql},
    {"keys of records", record_key_sql},
    {"API tokens", user_token_sql},
    {"lists of staff", staff_import_sql},
    {"histories of records", record_history_sql},
    {"people of accounts", account_person_sql},
    {"reminders", reminder_sql},
    {"proofs of rows", proof_sql},
    {"files of registers in force", register_force_sql},
    {"values beside the trail", record_seal_sql},
    {"imports by record", record_retention_sql},
    {"people of lists of staff", staff_person_sql},
    {"issued briefs", brief_sql},
    {"reads of sensitive records", reads_sql},
    {"sight of records", record_sight_sql},
};

const struct migration *migrate_list(size_t *count_out)
{
    *count_out = ARRAY_LEN(list);
    return list;
}
