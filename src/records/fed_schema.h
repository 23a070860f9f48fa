/* SPDX-License-Identifier: EUPL-1.2 */
/* The tables of federation's transport (docs/FEDERATION.md §6), as one migration. Used by
 * migrations.c alone. */
#ifndef RECORDS_FED_SCHEMA_H
#define RECORDS_FED_SCHEMA_H

extern const char fed_transport_sql[];
extern const char fed_out_turns_sql[];
extern const char fed_signal_sql[]; /* fed_signal_schema.c */
extern const char fed_onward_sql[]; /* there too */
extern const char fed_finding_told_sql[]; /* there too */

#endif
