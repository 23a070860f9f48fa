/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The supervisor: reads the config, opens sockets, files and folders, starts the roles, hands everything over, restarts
 * what dies, stops all in order. Called by `sereno serve`. Must never parse anything from outside but its own config file.
 */
#ifndef ROLES_SUPER_H
#define ROLES_SUPER_H

#include <stdbool.h>
#include <stddef.h>

/* Below the data: the file of invented logs (sereno demo). */
#define SUPER_DEMO_FOLDER "demo"

struct super_options {
    const char *program;     /* what to start as roles; NULL = ourselves */
    const char *config_path; /* NULL = the default config */
    const char *data_dir;    /* NULL = as the config says, else DATA_DIR.md's default */
    const char *rules_dir;   /* shipped rules, used when the config names none; NULL = none */
    const char *sources_dir; /* shipped sources; NULL = none */
    const char *stamp;       /* beside the program itself, what decides what it compiles: see compile_stamp; NULL = nothing */
    bool weaker;             /* --weaker-sandbox */
    unsigned hang_s;         /* a role that has not answered for so long is aborted; 0 = 30 */
    bool quiet;              /* nothing on stdout (tests) */
    bool quiet_log;          /* own log from warnings on only: a person looks at the terminal */
};

/* Where the data of this user's node lies when nobody says otherwise; lives until exit. NULL: no home folder. */
const char *super_default_data(void);

/* Runs the node until it is stopped by SIGTERM or SIGINT. Returns the exit status: 0, or 1 when it could not start. */
int super_run(const struct super_options *options);

#endif
