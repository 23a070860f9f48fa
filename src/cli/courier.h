/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno federation export|import FILE`: courier mode, for enrol.c alone. */
#ifndef CLI_COURIER_H
#define CLI_COURIER_H

/* Writes what waits for a peer into FILE, which must not be there yet. to, received: NULL = as the node knows.
 * Exit status. */
int courier_export_file(const char *data_dir, const char *file, const char *to, const char *received);
/* Hands FILE to the running node. Exit status. */
int courier_import_file(const char *data_dir, const char *file);

#endif
